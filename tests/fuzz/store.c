/* A customer's state file: it loads as often as one likes, and each time to the same, or is damaged
 * and stays as it is. */
#include <string.h>

#include "core/store.h"
#include "tests/core/memory_disk.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"

enum { KIND = 0x53544f52, SECTOR_BYTES = 512 };

static int load(MemoryDisk *memory, int (*loading)(Store *, Shelf *, GString *, GString *),
                Shelf *shelf, GString *warning)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Store *store = store_new(memory_disk(memory), "state");
    const int code = loading(store, shelf, error, warning);
    INVARIANT((code == 0) == (error->len == 0));
    store_free(store);
    return code;
}

static void expect_same(const Shelf *a, const Shelf *b)
{
    INVARIANT_THAT(shelf_count(a), ==, shelf_count(b));
    for (size_t i = 0; i < shelf_count(a); i++) {
        const ShelfRecord left = shelf_at(a, i), right = shelf_at(b, i);
        INVARIANT(left.slot == right.slot && left.index == right.index);
        INVARIANT_THAT(left.length, ==, right.length);
        INVARIANT(memcmp(left.bytes, right.bytes, left.length) == 0);
    }
}

/* What is committed after the load is there after the next. */
static void commit(MemoryDisk *memory, Shelf *shelf)
{
    static const uint8_t WORD[] = "saved";
    g_autoptr(GString) words = g_string_new(NULL);
    Shelf *loaded = shelf_new();
    Store *store = store_new(memory_disk(memory), "state");
    const ShelfRecord save = {SLOT_PEER, 7, WORD, sizeof WORD};
    INVARIANT_THAT(store_load(store, loaded, words, words), ==, 0);
    INVARIANT_THAT(store_commit(store, &save, 1, words), ==, 0);
    INVARIANT_THAT(words->len, ==, 0);
    store_free(store);
    shelf_clear(loaded);
    shelf_put(shelf, save.slot, save.index, save.bytes, save.length);
    INVARIANT_THAT(load(memory, store_look, loaded, words), ==, 0);
    INVARIANT_THAT(words->len, ==, 0);
    expect_same(shelf, loaded);
    shelf_free(loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) looked = g_string_new(NULL);
    g_autoptr(GString) loaded = g_string_new(NULL);
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Shelf *seen = shelf_new();
    Shelf *shelf = shelf_new();
    memory_disk_put(memory, STORE_FILE, data, size);
    const int code = load(memory, store_look, seen, looked);
    INVARIANT_THAT(load(memory, store_load, shelf, loaded), ==, code);
    INVARIANT(g_string_equal(looked, loaded));
    expect_same(seen, shelf);
    const GByteArray *file = memory_disk_file(memory, STORE_FILE);
    if (code == 0) {
        commit(memory, shelf);
    } else {
        INVARIANT_THAT(shelf_count(shelf), ==, 0);
        INVARIANT(file->len == size && (size == 0 || memcmp(file->data, data, size) == 0));
    }
    shelf_free(seen);
    shelf_free(shelf);
    memory_disk_free(memory);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    return frames_mutate(data, size, capacity, KIND);
}
