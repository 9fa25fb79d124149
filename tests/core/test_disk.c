/* A file is replaced in one step, and what fails leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/disk.h"
#include "tests/core/memory_disk.h"

/* Remove what is left of another, write, sync, rename, sync the names. */
enum { SECTOR_BYTES = 16, STEPS = 5, RENAME = 3 };

static int replace(MemoryDisk *memory, const char *text)
{
    return disk_replace(memory_disk(memory), "f", (const uint8_t *)text, strlen(text));
}

static void assert_content(const MemoryDisk *memory, const char *text)
{
    const GByteArray *file = memory_disk_file(memory, "f");
    assert_non_null(file);
    assert_int_equal(file->len, strlen(text));
    assert_memory_equal(file->data, text, strlen(text));
    assert_null(memory_disk_file(memory, "f.new"));
}

static void a_replacement_is_done_in_five_steps(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    assert_int_equal(replace(memory, "old"), 0);
    assert_content(memory, "old");
    const uint64_t before = memory_disk_operations(memory);
    assert_int_equal(replace(memory, "new one"), 0);
    assert_content(memory, "new one");
    assert_int_equal(memory_disk_operations(memory) - before, STEPS);
    memory_disk_free(memory);
}

static void a_replacement_that_fails_leaves_nothing_beside_the_file(void **state)
{
    (void)state;
    for (uint64_t step = 0; step < STEPS; step++) {
        MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
        assert_int_equal(replace(memory, "old"), 0);
        memory_disk_fail_at(memory, memory_disk_operations(memory) + step);
        assert_int_equal(replace(memory, "new one"), MEMORY_DISK_ERROR);
        assert_content(memory, step <= RENAME ? "old" : "new one");
        memory_disk_free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replacement_is_done_in_five_steps),
        cmocka_unit_test(a_replacement_that_fails_leaves_nothing_beside_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
