/* Which sizes of a ledger count as tiny, and as small, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/ledger.h"
#include "tests/core/memory_disk.h"
#include "tests/core/toy_bank.h"

#define HEADER "name,balance,ip_address,port1,port2,cohort,exit_state\n"
#define BEHIND_NAME ",1.00,10.0.0.1,8501,8502,,0\n"
#define CSV "data.csv"

enum {
    SECTOR_BYTES = 512,
    TINY_BYTES = 16 << 10,
    SMALL_BYTES = 256 << 10,
    NAME_DIGITS = 8, /* behind a letter; the last rows have more */
    NAME_DIGITS_MAX = 28,
    ROW_BYTES = 1 + NAME_DIGITS + sizeof BEHIND_NAME - 1
};

/* A CSV of so many bytes. */
static void put_csv(MemoryDisk *memory, size_t bytes)
{
    g_autoptr(GString) text = g_string_new(HEADER);
    size_t rows = (bytes - text->len) / ROW_BYTES;
    size_t more = (bytes - text->len) % ROW_BYTES;
    for (size_t row = 0; row < rows; row++) {
        size_t here = row + 2 < rows ? 0 : MIN(more, NAME_DIGITS_MAX - NAME_DIGITS);
        g_string_append_printf(text, "c%0*zu" BEHIND_NAME, (int)(NAME_DIGITS + here), row);
        more -= here;
    }
    assert_int_equal(text->len, bytes);
    memory_disk_put(memory, CSV, text->str, text->len);
}

typedef struct Size {
    bool small;
    bool outgrown; /* by a change */
} Size;

/* Of a ledger that takes so many bytes on its disk. */
static Size size_of(uint64_t bytes)
{
    static const char change[] = "alice 1";
    enum { JOURNAL_BYTES = 2 * 40 }; /* that says nothing */
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    GString *said = g_string_new(NULL);
    Bank *bank = bank_new(NULL);
    Ledger *ledger = ledger_new(memory_disk(memory), CSV, CSV);
    put_csv(memory, bytes - JOURNAL_BYTES);
    assert_int_equal(ledger_load(ledger, bank, said, said), 0);
    assert_int_equal(memory_disk_file(memory, CSV ".journal")->len, JOURNAL_BYTES);
    Size size = {.small = ledger_small(ledger)};
    assert_false(ledger_outgrown(ledger));
    ledger_add(ledger, (const uint8_t *)change, strlen(change));
    assert_int_equal(ledger_commit(ledger, said), 0);
    size.outgrown = ledger_outgrown(ledger);
    assert_true(ledger_small(ledger) == size.small);
    ledger_free(ledger);
    bank_free(bank);
    g_string_free(said, TRUE);
    memory_disk_free(memory);
    return size;
}

static void of_a_tiny_ledger_any_change_is_folded(void **state)
{
    (void)state;
    assert_true(size_of(TINY_BYTES - 1).outgrown);
    assert_true(size_of(TINY_BYTES).outgrown);
    assert_false(size_of(TINY_BYTES + 1).outgrown);
}

static void a_small_ledger_is_one_of_256_kib(void **state)
{
    (void)state;
    assert_true(size_of(SMALL_BYTES - 1).small);
    assert_true(size_of(SMALL_BYTES).small);
    assert_false(size_of(SMALL_BYTES + 1).small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_tiny_ledger_any_change_is_folded),
        cmocka_unit_test(a_small_ledger_is_one_of_256_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
