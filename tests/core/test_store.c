/* A customer's state through crashes at any instant, with any part of what was not synced lost, and
 * with bits flipped. Whatever happens, the store holds what it held after some commit, not earlier
 * than the last one that was acknowledged, and knows which one that was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/record.h"
#include "core/store.h"
#include "tests/core/memory_disk.h"

enum {
    TINY_SECTOR_BYTES = 16, /* several in every frame */
    SECTOR_BYTES = 512,
    EXHAUSTIVE_BITS = 13 /* of choices; beyond, as many samples */
};

/* --- commits, and what the store then holds --- */

typedef struct Model {
    GPtrArray *states; /* text, by sequence number */
} Model;

static char *text_of(const Shelf *shelf)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        ShelfRecord record = shelf_at(shelf, i);
        g_string_append_printf(text, "%d.%d=", (int)record.slot, record.index);
        g_string_append_len(text, (const char *)record.bytes, (gssize)record.length);
        g_string_append_c(text, ' ');
    }
    return g_string_free(text, FALSE);
}

static Model model_new(void)
{
    Model model = {g_ptr_array_new_with_free_func(g_free)};
    g_ptr_array_add(model.states, g_strdup(""));
    return model;
}

static const char *state_at(const Model *model, uint64_t sequence)
{
    assert_in_range(sequence, 0, model->states->len - 1);
    return g_ptr_array_index(model->states, sequence);
}

/* The number-th commit of a life: one to three saves, some of which remove; up to so many bytes. */
enum { SAVES_MAX = 3, FIGURES_MAX = 12000 };

typedef struct Commit {
    ShelfRecord saves[SAVES_MAX];
    size_t count;
    char bytes[SAVES_MAX][FIGURES_MAX];
} Commit;

static void make_commit(Commit *commit, uint64_t number, size_t bytes)
{
    static const Slot slots[] = {SLOT_ACCOUNT, SLOT_PERMANENT_CHANNEL, SLOT_CONTROL, SLOT_PEER};
    uint64_t state = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    assert_in_range(bytes, 1, FIGURES_MAX);
    commit->count = 1 + number % SAVES_MAX;
    for (size_t i = 0; i < commit->count; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        const unsigned draw = (unsigned)(state >> 40);
        const size_t length = draw % 5 == 0 ? 0 : 1 + draw / 5 % bytes;
        memset(commit->bytes[i], 'a' + (int)(number % 26), length);
        commit->saves[i] = (ShelfRecord){.slot = slots[draw / 7 % G_N_ELEMENTS(slots)],
                                         .index = (uint16_t)(draw / 31 % 2),
                                         .bytes = (const uint8_t *)commit->bytes[i],
                                         .length = length};
    }
}

/* --- a store, opened --- */

typedef struct Opened {
    Store *store;
    Shelf *shelf; /* what it holds */
    GString *error;
    GString *warning;
    int code;
} Opened;

static Opened open_store(MemoryDisk *memory)
{
    Opened opened = {.store = store_new(memory_disk(memory), "dir"),
                     .shelf = shelf_new(),
                     .error = g_string_new(NULL),
                     .warning = g_string_new(NULL)};
    opened.code = store_load(opened.store, opened.shelf, opened.error, opened.warning);
    return opened;
}

static void close_store(Opened *opened)
{
    store_free(opened->store);
    shelf_free(opened->shelf);
    g_string_free(opened->error, TRUE);
    g_string_free(opened->warning, TRUE);
}

/* Tells the model before: what is begun may survive. */
static int commit_next(Opened *opened, Model *model, size_t bytes)
{
    Commit commit;
    const uint64_t sequence = store_sequence(opened->store) + 1;
    make_commit(&commit, sequence, bytes);
    for (size_t i = 0; i < commit.count; i++)
        shelf_put(opened->shelf, commit.saves[i].slot, commit.saves[i].index, commit.saves[i].bytes,
                  commit.saves[i].length);
    g_ptr_array_set_size(model->states, (gint)sequence);
    g_ptr_array_add(model->states, text_of(opened->shelf));
    return store_commit(opened->store, commit.saves, commit.count, opened->error);
}

/* Loads a store that holds what it held after some commit from `first` to `last`; which one? */
static uint64_t check(MemoryDisk *memory, const Model *model, uint64_t first, uint64_t last)
{
    Opened opened = open_store(memory);
    if (opened.code != 0)
        fail_msg("%d: %s", opened.code, opened.error->str);
    const uint64_t sequence = store_sequence(opened.store);
    g_autofree char *text = text_of(opened.shelf);
    assert_in_range(sequence, first, last);
    assert_string_equal(text, state_at(model, sequence));
    close_store(&opened);
    return sequence;
}

/* --- every crash --- */

/* Runs so many commits, with a disk that stops at this operation. Returns how many succeeded. */
static uint64_t live(MemoryDisk *memory, Model *model, uint64_t stop_at, uint64_t commits,
                     size_t bytes)
{
    memory_disk_stop_at(memory, stop_at);
    Opened opened = open_store(memory);
    uint64_t done = 0;
    while (opened.code == 0 && done < commits && commit_next(&opened, model, bytes) == 0)
        done++;
    close_store(&opened);
    return done;
}

/* The recovery itself is cut short by a crash, at each of its operations. */
static void crash_again(const MemoryDisk *memory, const Model *model, uint64_t sequence,
                        uint64_t coins)
{
    for (uint64_t stop_at = 0; stop_at < 6; stop_at++) {
        Choices all = {.bits = UINT64_MAX};
        Choices some = {.bits = coins * (stop_at + 1)};
        MemoryDisk *before = memory_disk_crash(memory, &all); /* a copy: nothing is unsynced */
        memory_disk_stop_at(before, stop_at);
        Opened opened = open_store(before);
        close_store(&opened);
        MemoryDisk *after = memory_disk_crash(before, &some);
        check(after, model, sequence, sequence);
        memory_disk_free(before);
        memory_disk_free(after);
    }
}

/* All that a crash may leave of this disk. Returns how many they are. */
static uint64_t crash_in_every_way(const MemoryDisk *memory, const Model *model, uint64_t first,
                                   uint64_t last)
{
    unsigned bits = 0;
    uint64_t ways = 0;
    for (uint64_t way = 0; way < UINT64_C(1) << MIN(bits, EXHAUSTIVE_BITS) || way == 0; way++) {
        Choices choices = {.bits = way, .coins = way};
        if (bits > EXHAUSTIVE_BITS)
            choices.bits = way * UINT64_C(0x9e3779b97f4a7c15);
        MemoryDisk *after = memory_disk_crash(memory, &choices);
        MemoryDisk *copy = memory_disk_crash(after, &(Choices){0});
        const uint64_t sequence = check(copy, model, first, last);
        if (way % 64 == 0)
            crash_again(after, model, sequence, way + 1);
        check(copy, model, sequence, sequence);
        memory_disk_free(copy);
        memory_disk_free(after);
        bits = MAX(bits, choices.chosen);
        ways++;
    }
    return ways;
}

static void whatever_a_crash_leaves_is_the_state_after_some_commit(void **state)
{
    (void)state;
    enum { COMMITS = 5, BYTES = 12 };
    uint64_t ways = 0;
    for (uint64_t stop_at = 0;; stop_at++) {
        MemoryDisk *memory = memory_disk_new(TINY_SECTOR_BYTES);
        Model model = model_new();
        const uint64_t done = live(memory, &model, stop_at, COMMITS, BYTES);
        ways += crash_in_every_way(memory, &model, done, MIN(done + 1, COMMITS));
        g_ptr_array_unref(model.states);
        memory_disk_free(memory);
        if (done == COMMITS)
            break;
    }
    assert_in_range(ways, 1000, UINT32_MAX);
}

/* One life after the other on the same disk, with commits large and many enough for rewrites. */
static void a_life_of_crashes_loses_nothing_that_was_acknowledged(void **state)
{
    (void)state;
    enum { LIVES = 1500 };
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Model model = model_new();
    uint64_t sequence = 0;
    uint64_t rewritten = 0;
    for (uint64_t life = 0; life < LIVES; life++) {
        Choices choices = {.bits = life * UINT64_C(0xbf58476d1ce4e5b9), .coins = life};
        const uint64_t stop_at = life * 37 % 83;
        const size_t before = memory_disk_file(memory, STORE_FILE) != NULL
                                  ? memory_disk_file(memory, STORE_FILE)->len
                                  : 0;
        const uint64_t done = live(memory, &model, stop_at, 25, life % 3 == 0 ? 40 : FIGURES_MAX);
        const GByteArray *file = memory_disk_file(memory, STORE_FILE);
        rewritten += file != NULL && file->len < before;
        MemoryDisk *after = memory_disk_crash(memory, &choices);
        sequence = check(after, &model, sequence + done, sequence + done + 1);
        memory_disk_free(memory);
        memory = after;
    }
    assert_in_range(sequence, LIVES, UINT32_MAX);
    assert_in_range(rewritten, 10, LIVES);
    g_ptr_array_unref(model.states);
    memory_disk_free(memory);
}

/* --- bits that flip --- */

static MemoryDisk *copy_flipped(const GByteArray *content, size_t bit)
{
    MemoryDisk *memory = memory_disk_new(TINY_SECTOR_BYTES);
    g_autoptr(GByteArray) flipped = g_byte_array_new();
    g_byte_array_append(flipped, content->data, content->len);
    flipped->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    memory_disk_put(memory, STORE_FILE, flipped->data, flipped->len);
    return memory;
}

static void a_bit_flipped_anywhere_changes_nothing(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(TINY_SECTOR_BYTES);
    Model model = model_new();
    live(memory, &model, UINT64_MAX, 6, 30);
    const GByteArray *content = memory_disk_file(memory, STORE_FILE);
    for (size_t bit = 0; bit < 8 * content->len; bit++) {
        MemoryDisk *flipped = copy_flipped(content, bit);
        check(flipped, &model, 6, 6);
        assert_int_equal(memory_disk_file(flipped, STORE_FILE)->len % 2, 0);
        memory_disk_free(flipped);
    }
    g_ptr_array_unref(model.states);
    memory_disk_free(memory);
}

/* What the running process does not notice must not be a loss when it crashes in its next commit.
 */
static void a_flipped_bit_and_a_torn_commit_together_lose_nothing(void **state)
{
    (void)state;
    for (size_t bit = 0;; bit++) {
        MemoryDisk *memory = memory_disk_new(TINY_SECTOR_BYTES);
        Model model = model_new();
        Opened opened = open_store(memory);
        for (int i = 0; i < 3; i++)
            assert_int_equal(commit_next(&opened, &model, 8), 0);
        const GByteArray *content = memory_disk_file(memory, STORE_FILE);
        const bool done = bit >= 8 * content->len;
        if (!done) {
            memory_disk_flip(memory, STORE_FILE, bit);
            memory_disk_stop_at(memory, memory_disk_operations(memory) + 1);
            assert_int_not_equal(commit_next(&opened, &model, 8), 0);
        }
        close_store(&opened);
        for (uint64_t way = 0; way < 16 && !done; way++) {
            Choices choices = {.bits = (bit * 16 + way) * UINT64_C(0x9e3779b97f4a7c15)};
            MemoryDisk *after = memory_disk_crash(memory, &choices);
            check(after, &model, 3, 4);
            memory_disk_free(after);
        }
        g_ptr_array_unref(model.states);
        memory_disk_free(memory);
        if (done)
            break;
    }
}

/* --- what people are told --- */

static MemoryDisk *disk_of_one(void)
{
    static const ShelfRecord save = {SLOT_ACCOUNT, 0, (const uint8_t *)"alice", 5};
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_store(memory);
    assert_int_equal(store_commit(opened.store, &save, 1, opened.error), 0);
    close_store(&opened);
    return memory;
}

static void damage_is_told_by_file_and_byte_and_left_as_it_is(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_one();
    const GByteArray *content = memory_disk_file(memory, STORE_FILE);
    memory_disk_flip(memory, STORE_FILE, 8);
    memory_disk_flip(memory, STORE_FILE, 8 * content->len - 1);
    const uint64_t operations = memory_disk_operations(memory);
    Opened opened = open_store(memory);
    assert_int_equal(opened.code, STORE_DAMAGED);
    assert_string_equal(opened.error->str,
                        "dir/state is damaged at byte 0: restore the whole "
                        "directory from a copy made after its last run, as an older one "
                        "would falsify balances; it is left as it is");
    assert_int_equal(shelf_count(opened.shelf), 0);
    assert_int_equal(memory_disk_operations(memory), operations);
    close_store(&opened);
    memory_disk_free(memory);
}

static void a_save_of_a_slot_that_nobody_knows_is_damage(void **state)
{
    (void)state;
    static const ShelfRecord save = {SLOTS, 0, (const uint8_t *)"x", 1};
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_store(memory);
    assert_int_equal(store_commit(opened.store, &save, 1, opened.error), 0);
    close_store(&opened);
    opened = open_store(memory);
    assert_int_equal(opened.code, STORE_DAMAGED);
    close_store(&opened);
    memory_disk_free(memory);
}

static void repairs_and_torn_saves_are_mentioned_once(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_one();
    memory_disk_flip(memory, STORE_FILE, 3);
    Opened opened = open_store(memory);
    assert_int_equal(opened.code, 0);
    assert_true(g_str_has_prefix(opened.warning->str, "dir/state: repaired 1 saves"));
    close_store(&opened);
    opened = open_store(memory);
    assert_string_equal(opened.warning->str, "");
    close_store(&opened);
    memory_disk_free(memory);
}

static void a_store_that_was_torn_and_repaired_is_said_to_be_both(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_one();
    assert_int_equal(disk_write(memory_disk(memory), STORE_FILE,
                                memory_disk_file(memory, STORE_FILE)->len, (const uint8_t *)"C", 1),
                     0);
    memory_disk_flip(memory, STORE_FILE, 3);
    Opened opened = open_store(memory);
    assert_int_equal(opened.code, 0);
    assert_string_equal(opened.warning->str,
                        "dir/state: dropped 1 bytes of a save that was not finished when the "
                        "process ended; dir/state: repaired 1 saves of which one of two copies was "
                        "damaged");
    close_store(&opened);
    memory_disk_free(memory);
}

static bool take_nothing(void *user, const uint8_t *bytes, size_t length)
{
    (void)user;
    (void)bytes;
    return length == 0;
}

/* Each is whole as the disk has it; a save in it says that it is longer, or has no length. */
static void a_save_that_does_not_fit_is_damage(void **state)
{
    (void)state;
    enum { KIND = 0x53544f52 };
    static const uint8_t records[][10] = {{0, 0, 0, 0, 0, 0, 0, 1},
                                          {0, 0, 0, 0, 0, 0, 0, 9, 1, 1},
                                          {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
                                          {0, 0, 0, 0, 0}};
    static const size_t lengths[] = {8, 10, 8, 5};
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        RecordReport report;
        MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
        RecordFile *file = record_file_new(memory_disk(memory), STORE_FILE, KIND);
        assert_int_equal(record_load(file, take_nothing, NULL, &report), DISK_MISSING);
        assert_int_equal(record_rewrite(file, 1, records[i], lengths[i]), 0);
        record_file_free(file);
        Opened opened = open_store(memory);
        assert_int_equal(opened.code, STORE_DAMAGED);
        close_store(&opened);
        memory_disk_free(memory);
    }
}

/* A disk that cannot be read, and must not be written then. */
static int refuse_to_read(Disk *disk, const char *name, GByteArray *bytes)
{
    (void)disk;
    (void)name;
    (void)bytes;
    return MEMORY_DISK_ERROR;
}

static void what_cannot_be_read_is_told_and_not_written(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_one();
    Disk *disk = memory_disk(memory);
    DiskOperations operations = *disk->operations;
    const DiskOperations *const sound = disk->operations;
    operations.read = refuse_to_read;
    disk->operations = &operations;
    const uint64_t before = memory_disk_operations(memory);
    Opened opened = open_store(memory);
    assert_int_equal(opened.code, MEMORY_DISK_ERROR);
    assert_string_equal(opened.error->str, "cannot read dir/state: input/output error");
    assert_int_equal(memory_disk_operations(memory), before);
    close_store(&opened);
    disk->operations = sound;
    memory_disk_free(memory);
}

/* Loading writes it anew. */
static void what_cannot_be_put_in_order_is_told_and_not_handed_on(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_one();
    memory_disk_fail_at(memory, memory_disk_operations(memory));
    Opened opened = open_store(memory);
    assert_int_equal(opened.code, MEMORY_DISK_ERROR);
    assert_string_equal(opened.error->str, "cannot write dir/state: input/output error");
    assert_int_equal(shelf_count(opened.shelf), 0);
    close_store(&opened);
    opened = open_store(memory);
    assert_int_equal(opened.code, 0);
    assert_int_equal(shelf_count(opened.shelf), 1);
    close_store(&opened);
    memory_disk_free(memory);
}

static void a_failed_commit_is_told_and_nothing_goes_on(void **state)
{
    (void)state;
    static const ShelfRecord save = {SLOT_ACCOUNT, 0, (const uint8_t *)"x", 1};
    MemoryDisk *memory = disk_of_one();
    Opened opened = open_store(memory);
    memory_disk_fail_at(memory, memory_disk_operations(memory));
    assert_int_equal(store_commit(opened.store, &save, 1, opened.error), MEMORY_DISK_ERROR);
    assert_string_equal(opened.error->str, "cannot save dir/state: input/output error");
    assert_int_equal(store_commit(opened.store, &save, 1, opened.error), MEMORY_DISK_ERROR);
    assert_int_equal(store_sequence(opened.store), 1);
    close_store(&opened);
    memory_disk_free(memory);
}

static void a_look_changes_nothing(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_one();
    memory_disk_flip(memory, STORE_FILE, 3);
    const uint64_t operations = memory_disk_operations(memory);
    Store *store = store_new(memory_disk(memory), "dir");
    Shelf *shelf = shelf_new();
    g_autoptr(GString) error = g_string_new(NULL);
    g_autoptr(GString) warning = g_string_new(NULL);
    assert_int_equal(store_look(store, shelf, error, warning), 0);
    g_autofree char *text = text_of(shelf);
    assert_string_equal(text, "0.0=alice ");
    assert_int_equal(memory_disk_operations(memory), operations);
    shelf_free(shelf);
    store_free(store);
    memory_disk_free(memory);
}

/* --- size --- */

static void a_store_stays_within_a_multiple_of_what_is_live(void **state)
{
    (void)state;
    enum { LIVE_BYTES = 40000, SMALL_BYTES = 1000, COMMITS = 2000 };
    static uint8_t bytes[LIVE_BYTES];
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_store(memory);
    ShelfRecord save = {SLOT_PERMANENT, 0, bytes, LIVE_BYTES};
    assert_int_equal(store_commit(opened.store, &save, 1, opened.error), 0);
    save = (ShelfRecord){SLOT_CONTROL, 0, bytes, SMALL_BYTES};
    const uint64_t before = memory_disk_operations(memory);
    for (int i = 0; i < COMMITS; i++) {
        assert_int_equal(store_commit(opened.store, &save, 1, opened.error), 0);
        assert_in_range(memory_disk_file(memory, STORE_FILE)->len, 2 * LIVE_BYTES, 5 * LIVE_BYTES);
    }
    /* Mostly appends: a write and a sync. */
    assert_in_range(memory_disk_operations(memory) - before, 2 * COMMITS, 3 * COMMITS);
    assert_int_equal(store_sequence(opened.store), COMMITS + 1);
    close_store(&opened);
    memory_disk_free(memory);
}

static size_t size_after(MemoryDisk *memory, Opened *opened, const ShelfRecord *saves, size_t count)
{
    assert_int_equal(store_commit(opened->store, saves, count, opened->error), 0);
    assert_string_equal(opened->error->str, "");
    return memory_disk_file(memory, STORE_FILE)->len;
}

static void a_file_is_rewritten_when_more_than_twice_what_is_live_would_be_in_it(void **state)
{
    (void)state;
    enum { SAVES = 1000, BYTES = 60 };
    static const uint8_t bytes[BYTES];
    static ShelfRecord saves[SAVES];
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_store(memory);
    for (uint16_t i = 0; i < SAVES; i++)
        saves[i] = (ShelfRecord){SLOT_PEER, i, bytes, BYTES};
    const size_t live = size_after(memory, &opened, saves, SAVES);
    assert_int_equal(size_after(memory, &opened, saves, SAVES), 2 * live);
    assert_int_equal(size_after(memory, &opened, saves, 1), live);
    close_store(&opened);
    memory_disk_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_crash_leaves_is_the_state_after_some_commit),
        cmocka_unit_test(a_life_of_crashes_loses_nothing_that_was_acknowledged),
        cmocka_unit_test(a_bit_flipped_anywhere_changes_nothing),
        cmocka_unit_test(a_flipped_bit_and_a_torn_commit_together_lose_nothing),
        cmocka_unit_test(damage_is_told_by_file_and_byte_and_left_as_it_is),
        cmocka_unit_test(a_save_of_a_slot_that_nobody_knows_is_damage),
        cmocka_unit_test(repairs_and_torn_saves_are_mentioned_once),
        cmocka_unit_test(a_store_that_was_torn_and_repaired_is_said_to_be_both),
        cmocka_unit_test(a_save_that_does_not_fit_is_damage),
        cmocka_unit_test(what_cannot_be_read_is_told_and_not_written),
        cmocka_unit_test(what_cannot_be_put_in_order_is_told_and_not_handed_on),
        cmocka_unit_test(a_failed_commit_is_told_and_nothing_goes_on),
        cmocka_unit_test(a_look_changes_nothing),
        cmocka_unit_test(a_store_stays_within_a_multiple_of_what_is_live),
        cmocka_unit_test(a_file_is_rewritten_when_more_than_twice_what_is_live_would_be_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
