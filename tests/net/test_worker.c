#include "net/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/memory_disk.h"

enum { WAIT_MS = 20000 };

/* A disk in memory whose syncs wait while its gate is shut. */
typedef struct GatedDisk {
    Disk disk;
    MemoryDisk *memory;
    DiskOperations operations;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut;
    unsigned waiting; /* syncs at the gate */
    unsigned syncs;
} GatedDisk;

static GatedDisk *of(Disk *disk)
{
    return (GatedDisk *)disk;
}

static int gated_read(Disk *disk, const char *name, GByteArray *bytes)
{
    return disk_read(memory_disk(of(disk)->memory), name, bytes);
}

static int gated_write(Disk *disk, const char *name, uint64_t offset, const uint8_t *bytes,
                       size_t length)
{
    return disk_write(memory_disk(of(disk)->memory), name, offset, bytes, length);
}

static int gated_sync(Disk *disk, const char *name)
{
    GatedDisk *gated = of(disk);
    pthread_mutex_lock(&gated->mutex);
    gated->syncs++;
    gated->waiting++;
    pthread_cond_broadcast(&gated->changed);
    while (gated->shut)
        pthread_cond_wait(&gated->changed, &gated->mutex);
    gated->waiting--;
    pthread_mutex_unlock(&gated->mutex);
    return disk_sync(memory_disk(gated->memory), name);
}

static int gated_rename(Disk *disk, const char *from, const char *to)
{
    return disk_rename(memory_disk(of(disk)->memory), from, to);
}

static int gated_remove(Disk *disk, const char *name)
{
    return disk_remove(memory_disk(of(disk)->memory), name);
}

static int gated_sync_names(Disk *disk)
{
    return disk_sync_names(memory_disk(of(disk)->memory));
}

static const char *gated_reason(Disk *disk, int code)
{
    (void)disk;
    (void)code;
    return "the disk is broken";
}

static void gate(GatedDisk *gated, bool shut)
{
    pthread_mutex_lock(&gated->mutex);
    gated->shut = shut;
    pthread_cond_broadcast(&gated->changed);
    pthread_mutex_unlock(&gated->mutex);
}

static void await_at_gate(GatedDisk *gated)
{
    pthread_mutex_lock(&gated->mutex);
    while (gated->waiting == 0)
        pthread_cond_wait(&gated->changed, &gated->mutex);
    pthread_mutex_unlock(&gated->mutex);
}

static unsigned syncs(GatedDisk *gated)
{
    pthread_mutex_lock(&gated->mutex);
    unsigned count = gated->syncs;
    pthread_mutex_unlock(&gated->mutex);
    return count;
}

/* --- a bench --- */

typedef struct Bench {
    GatedDisk gated;
    GString *text; /* errors and warnings */
    Effects *effects;
    Store *store;
    Ledger *ledger;
    Bank *bank;
    Worker *worker;
    WorkerReport report;
    char *error; /* of the report */
    bool late;
} Bench;

static void on_report(void *user, const WorkerReport *report)
{
    Bench *bench = user;
    assert_true(report->durable >= bench->report.durable);
    bench->report = *report;
    if (report->error != NULL && bench->error == NULL)
        bench->error = g_strdup(report->error);
}

static int setup(void **state)
{
    Bench *bench = g_new0(Bench, 1);
    GatedDisk *gated = &bench->gated;
    gated->operations = (DiskOperations){.read = gated_read,
                                         .write = gated_write,
                                         .sync = gated_sync,
                                         .rename = gated_rename,
                                         .remove = gated_remove,
                                         .sync_names = gated_sync_names,
                                         .reason = gated_reason};
    gated->disk.operations = &gated->operations;
    gated->memory = memory_disk_new(512);
    pthread_mutex_init(&gated->mutex, NULL);
    pthread_cond_init(&gated->changed, NULL);
    bench->text = g_string_new(NULL);
    bench->effects = effects_new();
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    Bench *bench = *state;
    gate(&bench->gated, false);
    worker_free(bench->worker);
    store_free(bench->store);
    ledger_free(bench->ledger);
    bank_free(bench->bank);
    memory_disk_free(bench->gated.memory);
    pthread_cond_destroy(&bench->gated.changed);
    pthread_mutex_destroy(&bench->gated.mutex);
    effects_free(bench->effects);
    g_string_free(bench->text, TRUE);
    g_free(bench->error);
    g_free(bench);
    return 0;
}

static void with_store(Bench *bench)
{
    Shelf *shelf = shelf_new();
    bench->store = store_new(&bench->gated.disk, "folder");
    assert_int_equal(store_load(bench->store, shelf, bench->text, bench->text), 0);
    shelf_free(shelf);
    bench->worker = worker_new_store(bench->store, on_report, bench, bench->text);
    assert_non_null(bench->worker);
}

static void with_ledger(Bench *bench)
{
    bench->bank = bank_new(&(BankConfig){.seed = 1});
    bench->ledger = ledger_new(&bench->gated.disk, "data.csv", "data.csv");
    assert_int_equal(ledger_load(bench->ledger, bench->bank, bench->text, bench->text), 0);
    bench->worker = worker_new_ledger(bench->ledger, on_report, bench, bench->text);
    assert_non_null(bench->worker);
}

static void save(Bench *bench, uint64_t commit, Slot slot, uint8_t byte)
{
    effects_clear(bench->effects);
    effects_save(bench->effects, slot, 0, &byte, 1);
    worker_commit(bench->worker, commit, bench->effects, NULL);
}

static gboolean on_late(gpointer user)
{
    ((Bench *)user)->late = true;
    return G_SOURCE_CONTINUE;
}

/* Runs the main loop until the report says so. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        guint late = g_timeout_add(WAIT_MS, on_late, bench);                                       \
        while (!(condition) && !bench->late)                                                       \
            g_main_context_iteration(NULL, TRUE);                                                  \
        assert_false(bench->late);                                                                 \
        g_source_remove(late);                                                                     \
    } while (0)

/* What another process would find; the worker is gone then. */
static Shelf *load_again(Bench *bench)
{
    Shelf *shelf = shelf_new();
    g_clear_pointer(&bench->worker, worker_free);
    Store *store = store_new(&bench->gated.disk, "folder");
    assert_int_equal(store_look(store, shelf, bench->text, bench->text), 0);
    store_free(store);
    return shelf;
}

static void assert_holds(const Shelf *shelf, Slot slot, int byte)
{
    ShelfRecord record;
    assert_true(shelf_get(shelf, slot, 0, &record));
    assert_int_equal(record.length, 1);
    assert_int_equal(record.bytes[0], byte);
}

/* --- claims --- */

static void a_commit_is_reported_when_it_is_durable(void **state)
{
    Bench *bench = *state;
    with_store(bench);
    save(bench, 1, SLOT_ACCOUNT, 7);
    AWAIT(bench->report.durable == 1);
    Shelf *shelf = load_again(bench);
    assert_holds(shelf, SLOT_ACCOUNT, 7);
    shelf_free(shelf);
}

static void the_main_loop_goes_on_while_the_disk_does_not_answer(void **state)
{
    Bench *bench = *state;
    with_store(bench);
    gate(&bench->gated, true);
    save(bench, 1, SLOT_ACCOUNT, 7);
    await_at_gate(&bench->gated);
    for (uint64_t commit = 2; commit <= 1000; commit++) {
        save(bench, commit, SLOT_ACCOUNT, (uint8_t)commit);
        while (g_main_context_iteration(NULL, FALSE)) {
        }
    }
    assert_int_equal(bench->report.durable, 0);
    gate(&bench->gated, false);
    AWAIT(bench->report.durable == 1000);
}

static void commits_that_wait_for_a_sync_share_the_next_one(void **state)
{
    Bench *bench = *state;
    with_store(bench);
    save(bench, 1, SLOT_ACCOUNT, 1);
    AWAIT(bench->report.durable == 1);
    gate(&bench->gated, true);
    unsigned before = syncs(&bench->gated);
    save(bench, 2, SLOT_ACCOUNT, 2);
    await_at_gate(&bench->gated);
    for (uint64_t commit = 3; commit <= 50; commit++)
        save(bench, commit, commit % 2 ? SLOT_CONTROL : SLOT_ACCOUNT, (uint8_t)commit);
    gate(&bench->gated, false);
    AWAIT(bench->report.durable == 50);
    assert_int_equal(syncs(&bench->gated) - before, 2);
    assert_int_equal(store_sequence(bench->store), 3);
    Shelf *shelf = load_again(bench);
    assert_holds(shelf, SLOT_ACCOUNT, 50);
    assert_holds(shelf, SLOT_CONTROL, 49);
    shelf_free(shelf);
}

static void a_record_removed_in_a_shared_commit_is_gone(void **state)
{
    Bench *bench = *state;
    with_store(bench);
    gate(&bench->gated, true);
    save(bench, 1, SLOT_TENTATIVE, 1);
    await_at_gate(&bench->gated);
    save(bench, 2, SLOT_TENTATIVE, 2);
    effects_clear(bench->effects);
    effects_save(bench->effects, SLOT_TENTATIVE, 0, NULL, 0);
    worker_commit(bench->worker, 3, bench->effects, NULL);
    gate(&bench->gated, false);
    AWAIT(bench->report.durable == 3);
    Shelf *shelf = load_again(bench);
    assert_int_equal(shelf_count(shelf), 0);
    shelf_free(shelf);
}

static void a_commit_carries_one_record_more(void **state)
{
    Bench *bench = *state;
    with_store(bench);
    uint8_t byte = 4;
    ShelfRecord more = {.slot = SLOT_TRACE, .bytes = (const uint8_t *)"\5", .length = 1};
    effects_clear(bench->effects);
    effects_save(bench->effects, SLOT_ACCOUNT, 0, &byte, 1);
    effects_notify(bench->effects, &(Notice){.kind = NOTICE_RESUMED});
    worker_commit(bench->worker, 1, bench->effects, &more);
    AWAIT(bench->report.durable == 1);
    Shelf *shelf = load_again(bench);
    assert_int_equal(shelf_count(shelf), 2);
    assert_holds(shelf, SLOT_ACCOUNT, 4);
    assert_holds(shelf, SLOT_TRACE, 5);
    shelf_free(shelf);
}

static void after_an_error_nothing_more_is_done(void **state)
{
    Bench *bench = *state;
    with_store(bench);
    save(bench, 1, SLOT_ACCOUNT, 1);
    AWAIT(bench->report.durable == 1);
    gate(&bench->gated, true);
    save(bench, 2, SLOT_ACCOUNT, 2);
    await_at_gate(&bench->gated); /* the memory is this thread's as long as the gate is shut */
    memory_disk_fail_at(bench->gated.memory, memory_disk_operations(bench->gated.memory));
    save(bench, 3, SLOT_ACCOUNT, 3);
    gate(&bench->gated, false);
    AWAIT(bench->error != NULL);
    uint64_t operations = memory_disk_operations(bench->gated.memory);
    assert_non_null(strstr(bench->error, "the disk is broken"));
    save(bench, 4, SLOT_ACCOUNT, 4);
    g_clear_pointer(&bench->worker, worker_free);
    assert_int_equal(bench->report.durable, 1);
    assert_int_equal(memory_disk_operations(bench->gated.memory), operations);
}

static void add_row(Bench *bench, const char *name)
{
    BankRow row = {.balance = 100, .ip = 1, .port1 = 8501, .port2 = 8502};
    name_set(&row.name, name);
    assert_int_equal(bank_load_row(bench->bank, &row), BANK_LOAD_OK);
}

static char *csv(Bench *bench)
{
    const GByteArray *file = memory_disk_file(bench->gated.memory, "data.csv");
    return g_strndup((const char *)file->data, file->len);
}

static void a_fold_shows_the_bank_as_it_was_when_asked_for(void **state)
{
    Bench *bench = *state;
    with_ledger(bench);
    gate(&bench->gated, true);
    save(bench, 1, SLOT_JOURNAL, 1);
    await_at_gate(&bench->gated);
    add_row(bench, "alice");
    worker_fold(bench->worker, ledger_image_new(bench->bank));
    add_row(bench, "bob");
    gate(&bench->gated, false);
    AWAIT(bench->report.folds == 1);
    assert_int_equal(bench->report.durable, 1);
    assert_int_equal(bench->report.shown, 1);
    assert_false(bench->report.unfolded);
    assert_true(bench->report.small);
    g_clear_pointer(&bench->worker, worker_free);
    g_autofree char *text = csv(bench);
    assert_non_null(strstr(text, "alice"));
    assert_null(strstr(text, "bob"));
}

static void a_fold_keeps_its_place_among_the_commits(void **state)
{
    Bench *bench = *state;
    with_ledger(bench);
    gate(&bench->gated, true);
    save(bench, 1, SLOT_JOURNAL, 1);
    await_at_gate(&bench->gated);
    save(bench, 2, SLOT_JOURNAL, 2);
    worker_fold(bench->worker, ledger_image_new(bench->bank));
    save(bench, 3, SLOT_JOURNAL, 3);
    save(bench, 4, SLOT_JOURNAL, 4);
    gate(&bench->gated, false);
    AWAIT(bench->report.durable == 4);
    assert_int_equal(bench->report.shown, 2);
    assert_true(bench->report.unfolded);
    assert_true(bench->report.outgrown); /* tiny: any change should be shown */
    worker_fold(bench->worker, ledger_image_new(bench->bank));
    AWAIT(bench->report.folds == 2);
    assert_int_equal(bench->report.shown, 4);
    assert_false(bench->report.outgrown);
}

static void many_waiting_changes_of_the_bank_share_a_sync(void **state)
{
    Bench *bench = *state;
    with_ledger(bench);
    gate(&bench->gated, true);
    save(bench, 1, SLOT_JOURNAL, 1);
    await_at_gate(&bench->gated);
    unsigned before = syncs(&bench->gated);
    uint64_t sequence_before = ledger_sequence(bench->ledger);
    for (uint64_t commit = 2; commit <= 200; commit++)
        save(bench, commit, SLOT_JOURNAL, (uint8_t)commit);
    gate(&bench->gated, false);
    AWAIT(bench->report.durable == 200);
    g_clear_pointer(&bench->worker, worker_free);
    assert_int_equal(syncs(&bench->gated) - before, 1);
    assert_int_equal(ledger_sequence(bench->ledger) - sequence_before, 2);
}

static void what_the_disk_hangs_on_is_finished_before_the_end(void **state)
{
    Bench *bench = *state;
    with_store(bench);
    save(bench, 1, SLOT_ACCOUNT, 1);
    AWAIT(bench->report.durable == 1);
    for (uint64_t commit = 2; commit <= 20; commit++)
        save(bench, commit, SLOT_ACCOUNT, (uint8_t)commit);
    Shelf *shelf = load_again(bench); /* some of them, each whole */
    ShelfRecord record;
    assert_true(shelf_get(shelf, SLOT_ACCOUNT, 0, &record));
    assert_in_range(record.bytes[0], 1, 20);
    shelf_free(shelf);
}

#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_commit_is_reported_when_it_is_durable),
        CLAIM(the_main_loop_goes_on_while_the_disk_does_not_answer),
        CLAIM(commits_that_wait_for_a_sync_share_the_next_one),
        CLAIM(a_record_removed_in_a_shared_commit_is_gone),
        CLAIM(a_commit_carries_one_record_more),
        CLAIM(after_an_error_nothing_more_is_done),
        CLAIM(a_fold_shows_the_bank_as_it_was_when_asked_for),
        CLAIM(a_fold_keeps_its_place_among_the_commits),
        CLAIM(many_waiting_changes_of_the_bank_share_a_sync),
        CLAIM(what_the_disk_hangs_on_is_finished_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
