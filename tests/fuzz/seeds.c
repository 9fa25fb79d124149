/* Writes the seeds that are bytes, as processes really write them:
 *
 *     seeds FOLDER      (tests/fuzz/seeds; when a format has changed) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/ledger.h"
#include "core/store.h"
#include "tests/core/cluster.h"
#include "tests/core/memory_disk.h"
#include "tests/core/office.h"
#include "tests/core/sample.h"
#include "tests/fuzz/acts.h"
#include "tests/fuzz/records.h"
#include "tests/net/studio.h"

enum { SECTOR_BYTES = 512 };

static const char *root;

static void write_seed(const char *target, const char *name, const void *bytes, size_t length)
{
    g_autofree char *folder = g_build_filename(root, target, NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_mkdir_with_parents(folder, 0755);
    assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

/* --- datagrams --- */

/* The least of every kind together, and the greatest one by one. */
static void write_datagrams(void)
{
    WireWriter writer;
    wire_begin(&writer, &sample_header);
    for (int kind = MESSAGE_NONE + 1; kind < MESSAGE_KINDS; kind++) {
        Message message;
        Datagram datagram;
        sample_message(&message, kind, LEAST);
        assert_true(wire_add(&writer, &message));
        sample_datagram(&datagram, kind, GREATEST);
        write_seed("wire", message_kind_word((MessageKind)kind), datagram.bytes, datagram.length);
    }
    const size_t length = wire_end(&writer);
    write_seed("wire", "least-of-all", writer.bytes, length);
}

/* --- state --- */

/* As a file too, of two commits. */
static void write_state(const char *name, const Shelf *shelf)
{
    g_autoptr(GByteArray) records = g_byte_array_new();
    g_autoptr(GString) words = g_string_new(NULL);
    g_autoptr(GArray) saves = g_array_new(FALSE, FALSE, sizeof(ShelfRecord));
    records_write(shelf, records);
    write_seed("customer", name, records->data, records->len);
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        ShelfRecord save = shelf_at(shelf, i);
        g_array_append_val(saves, save);
    }
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Store *store = store_new(memory_disk(memory), "state");
    Shelf *nothing = shelf_new();
    assert_int_equal(store_load(store, nothing, words, words), 0);
    shelf_free(nothing);
    const ShelfRecord *first = (const ShelfRecord *)(void *)saves->data;
    assert_int_equal(store_commit(store, first, saves->len - 1, words), 0);
    assert_int_equal(store_commit(store, first + saves->len - 1, 1, words), 0);
    const GByteArray *file = memory_disk_file(memory, STORE_FILE);
    write_seed("store", name, file->data, file->len);
    store_free(store);
    memory_disk_free(memory);
}

static void write_states_of(const char *what, const Cluster *cluster)
{
    for (int i = 0; i < cluster->count; i++) {
        g_autofree char *name = g_strdup_printf("%s-%c", what, 'a' + i);
        write_state(name, cluster->shelves[i]);
    }
}

/* In the midst of an instance: whoever has a kind of message to come waits. */
static void write_states_while(const char *what, const char *command, const char *held)
{
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, 0, "transfer 1 b");
    cluster_do(cluster, 1, "transfer 2 c");
    cluster_do(cluster, 1, "checkpoint");
    cluster_do(cluster, 1, "lost-transfer 3 a");
    cluster_do(cluster, 2, "transfer 4 a");
    cluster_do(cluster, 0, "deposit 5");
    cluster_hold(cluster, held);
    cluster_do(cluster, 2, command);
    write_states_of(what, cluster);
    cluster_free(cluster);
}

static void write_states(void)
{
    Cluster *alone = cluster_new_alone(1, cluster_money(7), CASH_RESTORE);
    write_states_of("alone", alone);
    cluster_stop(alone, 0);
    write_states_of("stopped-alone", alone);
    cluster_free(alone);
    write_states_while("voted", "checkpoint", "decision");
    write_states_while("asked", "checkpoint", "checkpoint-vote");
    write_states_while("prepared", "rollback", "prepare-vote");
    write_states_while("rolling", "rollback", "decision");
    Cluster *stopped = cluster_new_cash(2, cluster_money(100), CASH_COMMIT);
    cluster_do(stopped, 0, "transfer 1 b");
    cluster_do(stopped, 0, "deposit 3");
    cluster_stop(stopped, 0);
    write_states_of("stopped", stopped);
    cluster_free(stopped);
}

/* --- books --- */

/* The CSV as it was before all that the journal tells. */
static void write_books(const char *name, const Office *office)
{
    g_autoptr(GString) words = g_string_new(NULL);
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Bank *bank = bank_new(&(BankConfig){.seed = 1});
    Ledger *ledger = ledger_new(memory_disk(memory), "bank.csv", "bank.csv");
    assert_int_equal(ledger_load(ledger, bank, words, words), 0);
    for (guint i = 0; i < office->journal->len; i++) {
        gsize length;
        const uint8_t *record = g_bytes_get_data(g_ptr_array_index(office->journal, i), &length);
        ledger_add(ledger, record, length);
        assert_int_equal(ledger_commit(ledger, words), 0);
    }
    const GByteArray *csv = memory_disk_file(memory, "bank.csv");
    const GByteArray *journal = memory_disk_file(memory, "bank.csv.journal");
    g_autoptr(GByteArray) both = g_byte_array_new();
    g_byte_array_append(both, csv->data, csv->len);
    g_byte_array_append(both, (const uint8_t *)"", 1);
    g_byte_array_append(both, journal->data, journal->len);
    write_seed("ledger", name, both->data, both->len);
    ledger_free(ledger);
    bank_free(bank);
    memory_disk_free(memory);
}

static void write_all_books(void)
{
    Office *office = office_new(1);
    office_open(office, 1, "5");
    write_books("opened", office);
    office_open(office, 2, "6.50");
    office_command(office, "new-cohort c1 2");
    write_books("forming", office);
    office_free(office);
    office = office_new(1);
    const uint64_t cohort = office_cohort(office, 2);
    write_books("formed", office);
    const uint64_t attempt = office_quiesce(office, cohort, 2);
    for (uint16_t i = 0; i < 2; i++) {
        Message vote = office_status(cohort, i, 2, attempt, 2, STATUS_VOTED, 10000);
        office_say(office, i + 1, &vote);
    }
    write_books("dissolved", office);
    Message request = office_request(9, 1, COMMAND_OPEN, 9);
    office_say(office, 9, &request);
    write_books("refused", office);
    office_free(office);
}

/* --- what befalls a bank --- */

/* To any business: an account is asked for, a cohort is voted for, dissolved and left, an account
 * closed; and the bank starts again. */
static void write_acts(void)
{
    enum { MEMBERS = 3 };
    const char *const names[BUSINESSES] = {"nothing", "accounts", "cohort", "quiet", "dissolved"};
    for (int business = 0; business < BUSINESSES; business++) {
        g_autoptr(GByteArray) acts = g_byte_array_new();
        const uint8_t first = (uint8_t)business;
        g_byte_array_append(acts, &first, 1);
        Message message = office_request(5, 1, COMMAND_OPEN, 5);
        acts_append(acts, ACT_SAY_WITHOUT_COOKIE, 4, &message);
        acts_append(acts, ACT_SAY, 4, &message);
        message = office_vote(5, PROPOSAL_OPEN, 1, REFUSAL_NONE);
        acts_append(acts, ACT_SAY, 4, &message);
        acts_append(acts, ACT_COMMAND, 2, NULL); /* delete-cohort c1 */
        for (int i = 1; i <= MEMBERS; i++) {
            message = office_vote(i, PROPOSAL_JOIN, 2, REFUSAL_NONE);
            acts_append(acts, ACT_SAY, (uint8_t)(i - 1), &message);
            message = office_status(1, (uint16_t)(i - 1), MEMBERS, 1, 2, STATUS_VOTED, 10000);
            acts_append(acts, ACT_SAY, (uint8_t)(i - 1), &message);
            message = (Message){.kind = MESSAGE_LEFT, .left = {1, (uint16_t)(i - 1)}};
            acts_append(acts, ACT_SAY, (uint8_t)(i - 1), &message);
        }
        acts_append(acts, ACT_WAIT, 20, NULL);
        acts_append(acts, ACT_COMMAND, 4, NULL); /* exit c1 */
        message = office_outcome_ack(1, PROPOSAL_EXIT, 1);
        acts_append(acts, ACT_SAY, 0, &message);
        acts_append(acts, ACT_RESTART, 0, NULL);
        write_seed("bank", names[business], acts->data, acts->len);
    }
}

/* --- recordings --- */

static void write_recordings(void)
{
    static const char *const NAMES[STUDIO_PROCESSES] = {"bank", "ann", "bob"};
    Studio *studio = studio_new(0);
    studio_do(studio, STUDIO_ANN, "transfer 10 bob");
    studio_do(studio, STUDIO_BOB, "checkpoint");
    studio_do(studio, STUDIO_BOB, "lost-transfer 3 ann");
    studio_do(studio, STUDIO_BOB, "rollback");
    for (int who = 0; who < STUDIO_PROCESSES; who++) {
        studio_stop(studio, who);
        const GByteArray *tape = studio->processes[who].tape;
        write_seed("recording", NAMES[who], tape->data, tape->len);
    }
    studio_free(studio);
}

static void write_all(void **state)
{
    (void)state;
    write_datagrams();
    write_states();
    write_all_books();
    write_acts();
    write_recordings();
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "Usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    root = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(write_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
