#include "sim/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/types.h"

enum { SEEDS = 200 };

static const DiskModel slow = {.write_delay = {.kind = DELAY_CONSTANT, .a_ns = 10},
                               .fsync_delay = {.kind = DELAY_CONSTANT, .a_ns = 100}};

static void put(SimDisk *disk, const char *name, uint64_t offset, const char *text)
{
    assert_int_equal(
        disk_write(simdisk_disk(disk), name, offset, (const uint8_t *)text, strlen(text)), 0);
}

static void sync_all(SimDisk *disk, const char *name)
{
    assert_int_equal(disk_sync(simdisk_disk(disk), name), 0);
    assert_int_equal(disk_sync_names(simdisk_disk(disk)), 0);
}

/* A file with its name, as after a day of rest. */
static void put_safely(SimDisk *disk, const char *name, const char *text)
{
    put(disk, name, 0, text);
    sync_all(disk, name);
    simdisk_set_time(disk, simdisk_done_ns(disk));
}

/* "": missing, or without content. */
static bool holds(SimDisk *disk, const char *name, const char *text)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    int code = disk_read(simdisk_disk(disk), name, bytes);
    assert_true(code == 0 || code == DISK_MISSING);
    return bytes->len == strlen(text) &&
           (bytes->len == 0 || memcmp(bytes->data, text, bytes->len) == 0);
}

static void assert_holds(SimDisk *disk, const char *name, const char *text)
{
    if (!holds(disk, name, text))
        fail_msg("%s does not hold `%s`", name, text);
}

static DiskCut before(uint64_t operation)
{
    return (DiskCut){operation, false};
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    SimDisk *disk = simdisk_new(1);
    put(disk, "a", 0, "he");
    put(disk, "a", 2, "lp");
    put(disk, "b", 0, "other");
    assert_holds(disk, "a", "help");
    assert_int_equal(disk_rename(simdisk_disk(disk), "a", "b"), 0);
    assert_holds(disk, "b", "help");
    assert_holds(disk, "a", "");
    assert_int_equal(disk_remove(simdisk_disk(disk), "b"), 0);
    assert_int_equal(disk_remove(simdisk_disk(disk), "b"), 0);
    assert_holds(disk, "b", "");
    assert_int_equal(disk_sync(simdisk_disk(disk), "b"), DISK_MISSING);
    assert_int_equal(disk_rename(simdisk_disk(disk), "b", "c"), DISK_MISSING);
    simdisk_free(disk);
}

static void operations_take_their_time_one_after_the_other(void **state)
{
    (void)state;
    SimDisk *disk = simdisk_new(1);
    simdisk_set_model(disk, &slow);
    simdisk_set_time(disk, 1000);
    put(disk, "a", 0, "x");
    sync_all(disk, "a");
    assert_int_equal(simdisk_done_ns(disk), 1000 + 10 + 100 + 100);
    assert_int_equal(simdisk_begin_ns(disk, simdisk_operations(disk) - 2), 1010);
    simdisk_set_time(disk, 5000);
    assert_int_equal(simdisk_done_ns(disk), 5000);
    put(disk, "a", 1, "y");
    assert_int_equal(simdisk_done_ns(disk), 5010);
    simdisk_free(disk);
}

/* --- what a crash leaves --- */

static void what_is_synced_survives_every_crash(void **state)
{
    (void)state;
    const DiskModel worst = {.lost_unsynced = CHANCE_ONE, .torn_write = CHANCE_ONE};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        SimDisk *disk = simdisk_new(seed);
        simdisk_set_model(disk, &worst);
        put_safely(disk, "a", "safe");
        put(disk, "a", 4, " and sound");
        sync_all(disk, "a");
        put(disk, "b", 0, "not safe");
        simdisk_crash(disk, simdisk_cut_at(disk, 0), 0);
        assert_holds(disk, "a", "safe and sound");
        simdisk_free(disk);
    }
}

static void what_was_done_survives_a_crash_of_the_process_alone(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        SimDisk *disk = simdisk_new(seed);
        put(disk, "a", 0, "unsynced");
        assert_int_equal(disk_rename(simdisk_disk(disk), "a", "b"), 0);
        simdisk_crash(disk, simdisk_cut_at(disk, 0), 0);
        assert_holds(disk, "b", "unsynced");
        assert_holds(disk, "a", "");
        simdisk_free(disk);
    }
}

static void what_was_not_begun_never_happens(void **state)
{
    (void)state;
    SimDisk *disk = simdisk_new(1);
    simdisk_set_model(disk, &slow);
    put_safely(disk, "a", "one");
    uint64_t now_ns = simdisk_done_ns(disk);
    put(disk, "a", 3, " two");
    put(disk, "a", 7, " three");
    simdisk_crash(disk, simdisk_cut_at(disk, now_ns + 10), now_ns + 10);
    assert_holds(disk, "a", "one two");
    simdisk_free(disk);
}

/* Of the seeds, how many leave the file so. */
static unsigned count_outcome(void (*act)(SimDisk *disk), const DiskModel *model, const char *name,
                              const char *text)
{
    unsigned count = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        SimDisk *disk = simdisk_new(seed);
        put_safely(disk, "a", "old");
        simdisk_set_model(disk, model);
        act(disk);
        simdisk_crash(disk, simdisk_cut_at(disk, 0), 0);
        count += holds(disk, name, text);
        simdisk_free(disk);
    }
    return count;
}

static const DiskModel lossy = {.lost_unsynced = CHANCE_ONE};

static void write_twice(SimDisk *disk)
{
    put(disk, "a", 3, "er");
    put(disk, "a", 5, "!");
}

static void writes_not_synced_are_there_in_any_combination(void **state)
{
    (void)state;
    static const char *const outcomes[] = {"old", "older", "older!"};
    unsigned others = SEEDS; /* "old", two zeros, "!" */
    for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++) {
        unsigned count = count_outcome(write_twice, &lossy, "a", outcomes[i]);
        assert_in_range(count, SEEDS / 8, SEEDS / 2);
        others -= count;
    }
    assert_in_range(others, SEEDS / 8, SEEDS / 2);
}

static void replace_without_syncing_names(SimDisk *disk)
{
    put(disk, "a.new", 0, "new");
    assert_int_equal(disk_sync(simdisk_disk(disk), "a.new"), 0);
    assert_int_equal(disk_rename(simdisk_disk(disk), "a.new", "a"), 0);
}

static void replacement_not_synced_is_the_old_file_or_the_new_one(void **state)
{
    (void)state;
    unsigned old = count_outcome(replace_without_syncing_names, &lossy, "a", "old");
    unsigned new = count_outcome(replace_without_syncing_names, &lossy, "a", "new");
    assert_int_equal(old + new, SEEDS);
    assert_in_range(old, SEEDS / 4, SEEDS - SEEDS / 4);
}

static void replace_without_syncing_content(SimDisk *disk)
{
    put(disk, "a.new", 0, "new");
    assert_int_equal(disk_rename(simdisk_disk(disk), "a.new", "a"), 0);
    assert_int_equal(disk_sync_names(simdisk_disk(disk)), 0);
}

static void name_without_its_content_is_possible(void **state)
{
    (void)state;
    assert_in_range(count_outcome(replace_without_syncing_content, &lossy, "a", ""), SEEDS / 4,
                    SEEDS - SEEDS / 4);
}

static void remove_it(SimDisk *disk)
{
    assert_int_equal(disk_remove(simdisk_disk(disk), "a"), 0);
}

static void removal_not_synced_may_be_undone(void **state)
{
    (void)state;
    static const char *const outcomes[] = {"old", ""};
    for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++)
        assert_in_range(count_outcome(remove_it, &lossy, "a", outcomes[i]), SEEDS / 4,
                        SEEDS - SEEDS / 4);
}

static void torn_write_leaves_whole_sectors(void **state)
{
    (void)state;
    enum { SECTORS = 4 };
    const DiskModel torn = {.lost_unsynced = CHANCE_ONE, .torn_write = CHANCE_ONE};
    uint8_t bytes[SECTORS * SECTOR_BYTES];
    unsigned partly = 0;
    memset(bytes, 'x', sizeof bytes);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        SimDisk *disk = simdisk_new(seed);
        g_autoptr(GByteArray) left = g_byte_array_new();
        put_safely(disk, "a", "");
        simdisk_set_model(disk, &torn);
        assert_int_equal(disk_write(simdisk_disk(disk), "a", 0, bytes, sizeof bytes), 0);
        simdisk_crash(disk, simdisk_cut_at(disk, 0), 0);
        assert_int_equal(disk_read(simdisk_disk(disk), "a", left), 0);
        unsigned sectors = 0;
        for (guint at = 0; at < left->len; at += SECTOR_BYTES) {
            for (guint i = at; i < MIN(at + SECTOR_BYTES, left->len); i++)
                assert_int_equal(left->data[i], left->data[at]);
            assert_true(left->data[at] == 'x' || left->data[at] == 0);
            sectors += left->data[at] == 'x';
        }
        partly += sectors > 0 && sectors < SECTORS;
        simdisk_free(disk);
    }
    assert_in_range(partly, SEEDS / 2, SEEDS);
}

static void write_under_way_may_be_there_or_not(void **state)
{
    (void)state;
    unsigned there = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        SimDisk *disk = simdisk_new(seed);
        put_safely(disk, "a", "old");
        uint64_t operation = simdisk_operations(disk);
        put(disk, "a", 3, "er");
        simdisk_crash(disk, (DiskCut){operation, true}, 0);
        there += holds(disk, "a", "older");
        assert_true(holds(disk, "a", "older") || holds(disk, "a", "old"));
        simdisk_free(disk);
    }
    assert_in_range(there, SEEDS / 4, SEEDS - SEEDS / 4);
}

static void crash_cuts_between_any_two_operations(void **state)
{
    (void)state;
    static const char *const left[] = {"", "", "1", "12", "123"};
    for (uint64_t cut = 0; cut < G_N_ELEMENTS(left); cut++) {
        SimDisk *disk = simdisk_new(1);
        put(disk, "a", 0, "1"); /* the name, then the content */
        put(disk, "a", 1, "2");
        put(disk, "a", 2, "3");
        simdisk_crash(disk, before(cut), 0);
        assert_holds(disk, "a", left[cut]);
        simdisk_free(disk);
    }
}

static void disk_goes_on_after_a_crash(void **state)
{
    (void)state;
    SimDisk *disk = simdisk_new(1);
    simdisk_set_model(disk, &slow);
    put(disk, "a", 0, "lost");
    simdisk_crash(disk, before(0), 5);
    assert_int_equal(simdisk_done_ns(disk), 5);
    put_safely(disk, "a", "again");
    simdisk_crash(disk, simdisk_cut_at(disk, simdisk_done_ns(disk)), simdisk_done_ns(disk));
    assert_holds(disk, "a", "again");
    simdisk_free(disk);
}

/* --- errors --- */

static void full_disk_fails_and_leaves_a_part(void **state)
{
    (void)state;
    const DiskModel full = {.full_rate = CHANCE_ONE};
    SimDisk *disk = simdisk_new(1);
    simdisk_set_model(disk, &full);
    static const uint8_t bytes[1000] = {1};
    int code = disk_write(simdisk_disk(disk), "a", 0, bytes, sizeof bytes);
    assert_int_equal(code, SIMDISK_FULL);
    assert_string_equal(disk_reason(simdisk_disk(disk), code), "no space left");
    assert_in_range(simdisk_file_bytes(disk, "a"), 0, sizeof bytes);
    assert_int_equal(simdisk_counts(disk).full, 1);
    assert_int_equal(disk_sync(simdisk_disk(disk), "a"), 0);
    simdisk_free(disk);
}

static void every_operation_may_fail(void **state)
{
    (void)state;
    const DiskModel broken = {.error_rate = CHANCE_ONE};
    SimDisk *simulated = simdisk_new(1);
    Disk *disk = simdisk_disk(simulated);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    put_safely(simulated, "a", "x");
    simdisk_set_model(simulated, &broken);
    assert_int_equal(disk_read(disk, "a", bytes), SIMDISK_ERROR);
    assert_int_equal(disk_write(disk, "a", 1, (const uint8_t *)"y", 1), SIMDISK_ERROR);
    assert_int_equal(disk_sync(disk, "a"), SIMDISK_ERROR);
    assert_int_equal(disk_rename(disk, "a", "b"), SIMDISK_ERROR);
    assert_int_equal(disk_remove(disk, "a"), SIMDISK_ERROR);
    assert_int_equal(disk_sync_names(disk), SIMDISK_ERROR);
    assert_int_equal(simdisk_counts(simulated).errors, 6);
    simdisk_free(simulated);
}

static void failed_sync_makes_nothing_safe(void **state)
{
    (void)state;
    const DiskModel broken = {.error_rate = CHANCE_ONE};
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        SimDisk *disk = simdisk_new(seed);
        put_safely(disk, "a", "old");
        put(disk, "a", 3, "er");
        simdisk_set_model(disk, &broken);
        assert_int_equal(disk_sync(simdisk_disk(disk), "a"), SIMDISK_ERROR);
        simdisk_set_model(disk, &lossy);
        simdisk_crash(disk, simdisk_cut_at(disk, 0), 0);
        lost += holds(disk, "a", "old");
        simdisk_free(disk);
    }
    assert_in_range(lost, SEEDS / 4, SEEDS - SEEDS / 4);
}

/* --- the rest --- */

static void flip_inverts_one_bit_at_rest(void **state)
{
    (void)state;
    SimDisk *disk = simdisk_new(1);
    put_safely(disk, "a", "abc");
    simdisk_flip(disk, "a", 8 + 5);
    assert_holds(disk, "a", "aBc");
    simdisk_crash(disk, simdisk_cut_at(disk, 0), 0);
    assert_holds(disk, "a", "aBc");
    simdisk_flip(disk, "a", 8 + 5);
    assert_holds(disk, "a", "abc");
    simdisk_free(disk);
}

static void copy_has_the_files_and_nothing_else_in_common(void **state)
{
    (void)state;
    SimDisk *disk = simdisk_new(1);
    put(disk, "a", 0, "abc");
    SimDisk *copy = simdisk_copy(disk);
    put(disk, "a", 3, "xyz");
    assert_holds(copy, "a", "abc");
    put(copy, "a", 3, "def");
    assert_holds(disk, "a", "abcxyz");
    simdisk_free(copy);
    simdisk_free(disk);
}

/* --- who has a say --- */

typedef struct Say {
    DiskChooser chooser;
    DiskWork works[16]; /* that it was asked about */
    size_t count;
    DiskFate fate; /* what it says of the next operation that is not a read */
    CrashFate crash;
    unsigned unsynced;  /* crashes with something to lose, ... */
    unsigned under_way; /* ... or not done */
} Say;

static void say_how_it_goes(void *context, DiskWork work, DiskFate *fate)
{
    Say *say = context;
    say->works[say->count++] = work;
    if (work != DISK_READ)
        *fate = say->fate;
}

static void say_what_is_left(void *context, CrashFate *fate, bool unsynced, bool under_way)
{
    Say *say = context;
    say->unsynced += unsynced;
    say->under_way += under_way;
    *fate = say->crash;
}

static SimDisk *disk_with(Say *say)
{
    SimDisk *disk = simdisk_new(1);
    say->chooser = (DiskChooser){say, say_how_it_goes, say_what_is_left};
    simdisk_set_chooser(disk, &say->chooser);
    return disk;
}

static void chooser_is_asked_once_about_every_operation(void **state)
{
    (void)state;
    static const DiskWork works[] = {DISK_CHANGE, DISK_SYNC,   DISK_SYNC,
                                     DISK_READ,   DISK_CHANGE, DISK_CHANGE};
    Say say = {.fate = {.delay_ns = 7}};
    SimDisk *disk = disk_with(&say);
    put(disk, "a", 0, "hello");
    sync_all(disk, "a");
    assert_holds(disk, "a", "hello");
    assert_int_equal(disk_rename(simdisk_disk(disk), "a", "b"), 0);
    assert_int_equal(disk_remove(simdisk_disk(disk), "b"), 0);
    assert_int_equal(say.count, G_N_ELEMENTS(works));
    assert_memory_equal(say.works, works, sizeof works);
    assert_int_equal(simdisk_done_ns(disk), 5 * 7); /* a read takes no time */
    simdisk_free(disk);
}

static void chooser_decides_what_fails(void **state)
{
    (void)state;
    Say say = {.fate = {.code = SIMDISK_FULL, .written = 3}};
    SimDisk *disk = disk_with(&say);
    Disk *base = simdisk_disk(disk);
    assert_int_equal(disk_write(base, "a", 0, (const uint8_t *)"hello", 5), SIMDISK_FULL);
    assert_holds(disk, "a", "hel");
    say.fate.written = 100; /* more than there is */
    assert_int_equal(disk_write(base, "a", 3, (const uint8_t *)"lo", 2), SIMDISK_FULL);
    assert_holds(disk, "a", "hello");
    assert_int_equal(disk_sync(base, "a"), SIMDISK_ERROR); /* a sync needs no space */
    assert_int_equal(simdisk_counts(disk).full, 2);
    assert_int_equal(simdisk_counts(disk).errors, 1);
    simdisk_free(disk);
}

static void chooser_decides_what_a_crash_leaves(void **state)
{
    (void)state;
    for (int lose = 0; lose < 2; lose++) {
        unsigned lost = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            Say say = {.crash = {.lose = lose, .seed = seed}};
            SimDisk *disk = disk_with(&say);
            put_safely(disk, "a", "safe");
            put(disk, "a", 4, " or not");
            simdisk_crash(disk, simdisk_cut_at(disk, simdisk_done_ns(disk)), 0);
            lost += holds(disk, "a", "safe");
            assert_int_equal(say.unsynced, 1);
            assert_int_equal(say.under_way, 0);
            simdisk_free(disk);
        }
        assert_in_range(lost, lose ? SEEDS / 4 : 0, lose ? 3 * SEEDS / 4 : 0);
    }
}

/* As a schedule has it that says nothing of the crash. */
static void what_was_under_way_is_there_unless_the_seed_says_otherwise(void **state)
{
    (void)state;
    Say say = {.fate = {.delay_ns = 10}};
    SimDisk *disk = disk_with(&say);
    put_safely(disk, "a", "safe");
    uint64_t begun_ns = simdisk_done_ns(disk);
    put(disk, "a", 4, " too");
    simdisk_crash(disk, simdisk_cut_at(disk, begun_ns + 5), begun_ns + 5);
    assert_int_equal(say.under_way, 1);
    assert_holds(disk, "a", "safe too");
    simdisk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(operations_take_their_time_one_after_the_other),
        cmocka_unit_test(what_is_synced_survives_every_crash),
        cmocka_unit_test(what_was_done_survives_a_crash_of_the_process_alone),
        cmocka_unit_test(what_was_not_begun_never_happens),
        cmocka_unit_test(writes_not_synced_are_there_in_any_combination),
        cmocka_unit_test(replacement_not_synced_is_the_old_file_or_the_new_one),
        cmocka_unit_test(name_without_its_content_is_possible),
        cmocka_unit_test(removal_not_synced_may_be_undone),
        cmocka_unit_test(torn_write_leaves_whole_sectors),
        cmocka_unit_test(write_under_way_may_be_there_or_not),
        cmocka_unit_test(crash_cuts_between_any_two_operations),
        cmocka_unit_test(disk_goes_on_after_a_crash),
        cmocka_unit_test(full_disk_fails_and_leaves_a_part),
        cmocka_unit_test(every_operation_may_fail),
        cmocka_unit_test(failed_sync_makes_nothing_safe),
        cmocka_unit_test(flip_inverts_one_bit_at_rest),
        cmocka_unit_test(copy_has_the_files_and_nothing_else_in_common),
        cmocka_unit_test(chooser_is_asked_once_about_every_operation),
        cmocka_unit_test(chooser_decides_what_fails),
        cmocka_unit_test(chooser_decides_what_a_crash_leaves),
        cmocka_unit_test(what_was_under_way_is_there_unless_the_seed_says_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
