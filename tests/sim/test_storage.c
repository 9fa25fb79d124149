#include "sim/storage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank.h"

enum { SEEDS = 50 };

static const DiskModel slow = {.write_delay = {.kind = DELAY_CONSTANT, .a_ns = 10},
                               .fsync_delay = {.kind = DELAY_CONSTANT, .a_ns = 100}};
static const DiskModel worst = {.torn_write = CHANCE_ONE / 2, .lost_unsynced = CHANCE_ONE / 2};

/* --- a customer's --- */

typedef struct Fixture {
    Storage *storage;
    Effects *effects;
    uint64_t commit;
} Fixture;

static void load(Fixture *fixture, uint64_t now_ns, Shelf *shelf)
{
    shelf_clear(shelf);
    assert_int_equal(storage_load(fixture->storage, now_ns, shelf, NULL), 0);
    fixture->commit = 0;
}

static Fixture fixture_new(uint64_t seed)
{
    Fixture fixture = {.storage = storage_new(false, seed), .effects = effects_new()};
    Shelf *shelf = shelf_new();
    load(&fixture, 0, shelf);
    assert_int_equal(shelf_count(shelf), 0);
    shelf_free(shelf);
    return fixture;
}

static void fixture_free(Fixture *fixture)
{
    storage_free(fixture->storage);
    effects_free(fixture->effects);
}

/* A step that saves one text, in one slot. */
static Writing save(Fixture *fixture, uint64_t now_ns, const char *text)
{
    effects_clear(fixture->effects);
    effects_save(fixture->effects, SLOT_ACCOUNT, 0, (const uint8_t *)text, strlen(text));
    storage_take(fixture->storage, now_ns, ++fixture->commit, fixture->effects);
    return storage_write(fixture->storage, now_ns, NULL);
}

static bool shelf_says(const Shelf *shelf, const char *text)
{
    ShelfRecord record;
    shelf_get(shelf, SLOT_ACCOUNT, 0, &record);
    return record.length == strlen(text) &&
           (record.length == 0 || memcmp(record.bytes, text, record.length) == 0);
}

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    Fixture fixture = fixture_new(1);
    Shelf *shelf = shelf_new();
    assert_true(save(&fixture, 0, "one").operations > 0);
    assert_int_equal(storage_saved(fixture.storage, 0), 1);
    save(&fixture, 0, "two");
    assert_int_equal(storage_saved(fixture.storage, 0), 2);
    load(&fixture, 0, shelf);
    assert_true(shelf_says(shelf, "two"));
    shelf_free(shelf);
    fixture_free(&fixture);
}

static void commit_is_durable_when_the_disk_has_done_it(void **state)
{
    (void)state;
    Fixture fixture = fixture_new(1);
    save(&fixture, 0, "one");
    storage_set_model(fixture.storage, &slow);
    save(&fixture, 1000, "two"); /* one write, one sync */
    assert_int_equal(storage_next_ns(fixture.storage, 1000), 1110);
    assert_int_equal(storage_saved(fixture.storage, 1109), 1);
    assert_false(storage_idle(fixture.storage, 1109));
    assert_int_equal(storage_saved(fixture.storage, 1110), 2);
    assert_true(storage_idle(fixture.storage, 1110));
    assert_int_equal(storage_next_ns(fixture.storage, 1110), TIME_NEVER);
    fixture_free(&fixture);
}

static void commits_that_wait_for_the_disk_become_one(void **state)
{
    (void)state;
    Fixture fixture = fixture_new(1);
    Shelf *shelf = shelf_new();
    save(&fixture, 0, "one");
    storage_set_model(fixture.storage, &slow);
    save(&fixture, 1000, "two");
    assert_int_equal(save(&fixture, 1001, "three").operations, 0);
    assert_int_equal(save(&fixture, 1002, "four").operations, 0);
    assert_int_equal(storage_saved(fixture.storage, 1110), 2);
    assert_true(storage_write(fixture.storage, 1110, NULL).operations > 0);
    assert_int_equal(storage_saved(fixture.storage, 1219), 2);
    assert_int_equal(storage_saved(fixture.storage, 1220), 4);
    load(&fixture, 1220, shelf);
    assert_true(shelf_says(shelf, "four"));
    shelf_free(shelf);
    fixture_free(&fixture);
}

static void crash_leaves_a_commit_whole_or_not_at_all(void **state)
{
    (void)state;
    unsigned outcomes[2] = {0};
    Shelf *shelf = shelf_new();
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t operations = 1;
        for (uint64_t cut = 0; cut <= operations; cut++) {
            uint64_t at_ns;
            Fixture fixture = fixture_new(seed);
            save(&fixture, 0, "old");
            storage_saved(fixture.storage, 0);
            storage_set_model(fixture.storage, &worst);
            operations = save(&fixture, 0, "new").operations;
            DiskCut where = storage_cut(fixture.storage, cut, seed % 2, &at_ns);
            storage_crash(fixture.storage, where, at_ns);
            uint64_t survived = storage_survived(fixture.storage);
            load(&fixture, at_ns, shelf);
            assert_in_range(survived, 1, 2);
            assert_true(shelf_says(shelf, survived == 2 ? "new" : "old"));
            assert_true(survived == 2 || cut < operations); /* after its sync it is durable */
            outcomes[survived - 1]++;
            fixture_free(&fixture);
        }
    }
    assert_true(outcomes[0] > 0 && outcomes[1] > 0);
    shelf_free(shelf);
}

/* It may die at the instant when the sync would be done: who looks first must not believe it. */
static void what_is_doomed_is_never_durable_and_nothing_follows_it(void **state)
{
    (void)state;
    Fixture fixture = fixture_new(1);
    Shelf *shelf = shelf_new();
    uint64_t at_ns;
    save(&fixture, 0, "one");
    storage_set_model(fixture.storage, &(DiskModel){.write_delay = slow.write_delay});
    save(&fixture, 1000, "two"); /* one write, one sync that takes no time */
    DiskCut cut = storage_cut(fixture.storage, 1, false, &at_ns);
    storage_doomed(fixture.storage);
    assert_int_equal(at_ns, 1010);
    assert_int_equal(storage_saved(fixture.storage, at_ns), 1);
    assert_int_equal(save(&fixture, at_ns, "three").operations, 0);
    assert_int_equal(storage_written(fixture.storage), 2);
    storage_crash(fixture.storage, cut, at_ns);
    storage_survived(fixture.storage);
    load(&fixture, at_ns, shelf);
    shelf_free(shelf);
    fixture_free(&fixture);
}

static void what_waits_is_lost_by_a_crash(void **state)
{
    (void)state;
    Fixture fixture = fixture_new(1);
    Shelf *shelf = shelf_new();
    save(&fixture, 0, "one");
    storage_saved(fixture.storage, 0);
    storage_set_model(fixture.storage, &slow);
    save(&fixture, 0, "two");
    save(&fixture, 1, "three");
    storage_crash(fixture.storage, storage_cut_now(fixture.storage, 500), 500);
    assert_int_equal(storage_survived(fixture.storage), 2);
    load(&fixture, 500, shelf);
    assert_true(shelf_says(shelf, "two"));
    shelf_free(shelf);
    fixture_free(&fixture);
}

static void failed_operation_saves_nothing_more(void **state)
{
    (void)state;
    const DiskModel broken = {.error_rate = CHANCE_ONE};
    Fixture fixture = fixture_new(1);
    Shelf *shelf = shelf_new();
    save(&fixture, 0, "one");
    assert_int_equal(storage_saved(fixture.storage, 0), 1);
    storage_set_model(fixture.storage, &broken);
    assert_true(save(&fixture, 0, "two").failed);
    storage_set_model(fixture.storage, &disk_ideal);
    assert_int_equal(save(&fixture, 0, "three").operations, 0);
    assert_int_equal(storage_saved(fixture.storage, 1000), 1);
    storage_crash(fixture.storage, storage_cut_now(fixture.storage, 1000), 1000);
    load(&fixture, 1000, shelf);
    assert_false(shelf_says(shelf, "three"));
    shelf_free(shelf);
    fixture_free(&fixture);
}

static void inverted_bit_is_never_believed(void **state)
{
    (void)state;
    Fixture fixture = fixture_new(1);
    Shelf *shelf = shelf_new();
    uint64_t stream = 1;
    assert_int_equal(storage_flip(fixture.storage, &stream), FLIP_NONE); /* nothing there */
    save(&fixture, 0, "one");
    save(&fixture, 0, "two");
    storage_saved(fixture.storage, 0);
    for (int i = 0; i < 500; i++) {
        storage_crash(fixture.storage, storage_cut_now(fixture.storage, 0), 0);
        assert_int_not_equal(storage_flip(fixture.storage, &stream), FLIP_NONE);
        load(&fixture, 0, shelf);
        assert_true(shelf_says(shelf, "two"));
    }
    shelf_free(shelf);
    fixture_free(&fixture);
}

/* --- the bank's --- */

static GArray *rows_new(void)
{
    GArray *rows = g_array_new(FALSE, TRUE, sizeof(BankRow));
    static const BankRow some[] = {
        {.name = {"anna"}, .balance = 100, .ip = 0x0a000002, .port1 = 8501, .port2 = 8502},
        {.name = {"bert"}, .balance = 200, .ip = 0x0a000003, .port1 = 8501, .port2 = 8502},
    };
    g_array_append_vals(rows, some, G_N_ELEMENTS(some));
    return rows;
}

static Bank *new_bank(void)
{
    return bank_new(&(BankConfig){.seed = 1});
}

/* Records are absolute: one of what the bank knows anyway does as well as any. */
static Writing save_record(Storage *storage, const Bank *bank, Effects *effects)
{
    Coder record = coder_encode_growing();
    assert_true(bank_snapshot_count(bank) > 0);
    bank_snapshot_record(bank, 0, &record);
    effects_clear(effects);
    effects_save(effects, SLOT_JOURNAL, 0, record.bytes, record.length);
    coder_deinit(&record);
    storage_take(storage, 0, 1, effects);
    return storage_write(storage, 0, bank);
}

static void bank_goes_on_from_its_ledger_whatever_the_crash(void **state)
{
    (void)state;
    GArray *rows = rows_new();
    Effects *effects = effects_new();
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t operations = 1;
        for (uint64_t cut = 0; cut <= operations; cut++) {
            uint64_t at_ns;
            Storage *storage = storage_new(true, seed);
            Bank *bank = new_bank();
            storage_begin(storage, rows, bank);
            storage_set_model(storage, &worst);
            operations = save_record(storage, bank, effects).operations;
            DiskCut where = storage_cut(storage, cut, seed % 2, &at_ns);
            storage_crash(storage, where, at_ns);
            storage_survived(storage); /* the CSV is whole */
            Bank *again = new_bank();
            assert_int_equal(storage_load(storage, at_ns, NULL, again), 0);
            assert_int_equal(bank_row_count(again), 2);
            assert_int_equal(bank_row(again, 1).balance, 200);
            bank_free(again);
            bank_free(bank);
            storage_free(storage);
        }
    }
    effects_free(effects);
    g_array_unref(rows);
}

static void inverted_bit_of_the_journal_is_never_believed(void **state)
{
    (void)state;
    GArray *rows = rows_new();
    Effects *effects = effects_new();
    Storage *storage = storage_new(true, 1);
    uint64_t stream = 1;
    Bank *bank = new_bank();
    storage_begin(storage, rows, bank);
    save_record(storage, bank, effects);
    storage_saved(storage, 0);
    for (int i = 0; i < 300; i++) {
        storage_crash(storage, storage_cut_now(storage, 0), 0);
        assert_int_not_equal(storage_flip(storage, &stream), FLIP_NONE);
        Bank *again = new_bank();
        assert_int_equal(storage_load(storage, 0, NULL, again), 0);
        bank_free(again);
    }
    bank_free(bank);
    storage_free(storage);
    effects_free(effects);
    g_array_unref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(commit_is_durable_when_the_disk_has_done_it),
        cmocka_unit_test(commits_that_wait_for_the_disk_become_one),
        cmocka_unit_test(crash_leaves_a_commit_whole_or_not_at_all),
        cmocka_unit_test(what_is_doomed_is_never_durable_and_nothing_follows_it),
        cmocka_unit_test(what_waits_is_lost_by_a_crash),
        cmocka_unit_test(failed_operation_saves_nothing_more),
        cmocka_unit_test(inverted_bit_is_never_believed),
        cmocka_unit_test(bank_goes_on_from_its_ledger_whatever_the_crash),
        cmocka_unit_test(inverted_bit_of_the_journal_is_never_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
