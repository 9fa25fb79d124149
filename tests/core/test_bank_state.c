/* The bank's memory: one encoding of the whole state, the journal, and what a new journal begins
 * with. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_dissolve.h"
#include "core/random.h"
#include "tests/core/office.h"

static GBytes *encoded(const Bank *bank)
{
    Coder coder = coder_encode_growing();
    bank_encode(bank, &coder);
    GBytes *bytes = g_bytes_new(coder.bytes, coder.length);
    coder_deinit(&coder);
    return bytes;
}

static void expect_same_state(const Bank *a, const Bank *b)
{
    g_autoptr(GBytes) left = encoded(a);
    g_autoptr(GBytes) right = encoded(b);
    assert_true(g_bytes_equal(left, right));
}

static void expect_same_rows(const Bank *a, const Bank *b)
{
    assert_int_equal(bank_row_count(a), bank_row_count(b));
    for (size_t i = 0; i < bank_row_count(a); i++) {
        BankRow left = bank_row(a, i), right = bank_row(b, i);
        assert_string_equal(left.name.text, right.name.text);
        assert_int_equal(left.balance, right.balance);
        assert_int_equal(left.ip, right.ip);
        assert_int_equal(left.port1, right.port1);
        assert_int_equal(left.port2, right.port2);
        assert_int_equal(left.cohort, right.cohort);
        assert_int_equal(left.exited, right.exited);
    }
}

/* Everything at once: a cohort being dissolved, one that members have yet to leave, one being
 * formed, accounts being opened and closed, a client told no, commands that wait. */
static Office *busy_office(void)
{
    Office *office = office_new(3);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    for (uint16_t i = 0; i < 3; i++) {
        Message vote = office_status(1, i, 3, attempt, 2, STATUS_VOTED, 10000 + i);
        office_say(office, i + 1, &vote);
    }
    Message left = {.kind = MESSAGE_LEFT};
    left.left.cohort = 1;
    office_say(office, 1, &left);
    office_wait(office, DISSOLVE_GRACE_NS); /* the console is free again */

    for (int i = 4; i <= 9; i++)
        office_open(office, i, "50");
    Message form = office_request(4, 1, COMMAND_NEW_COHORT, 4);
    form.request.command.count = 7; /* c1, the only one that has left, and all the others */
    office_say(office, 4, &form);
    for (int i = 1; i <= 9; i++) {
        Message vote = office_vote(i, PROPOSAL_JOIN, 2, REFUSAL_NONE);
        if (i != 2 && i != 3)
            office_say(office, i, &vote);
    }
    Message dissolve = office_request(5, 1, COMMAND_DELETE_COHORT, 5);
    office_say(office, 5, &dissolve);
    Message status = office_status(2, 2, 7, attempt + 1, 1, STATUS_QUIESCED, 1);
    status.status.count = 5;
    status.status.counts[3].sent = 12;
    office_say(office, 5, &status);

    office_open(office, 10, "1");
    Message exit_request = office_request(10, 1, COMMAND_EXIT, 10);
    office_say(office, 10, &exit_request);
    Message hopeless = office_request(20, 1, COMMAND_EXIT, 99);
    office_say(office, 20, &hopeless);
    office_command(office, "open c11 5 127.0.0.1 8600 8601");
    office_command(office, "exit c99");
    office_command(office, "new-cohort c99 1");
    return office;
}

static void decode_of_encode_is_the_same_state(void **state)
{
    (void)state;
    Office *office = busy_office();
    Office *clone = office_clone(office);
    expect_same_state(office->bank, clone->bank);
    office_free(clone);
    office_free(office);
}

static void a_clone_goes_on_exactly_as_the_original(void **state)
{
    (void)state;
    Office *office = busy_office();
    Office *clone = office_clone(office);
    Office *both[] = {office, clone};
    for (size_t i = 0; i < G_N_ELEMENTS(both); i++) {
        g_byte_array_set_size(both[i]->trail, 0);
        office_wait(both[i], 0);
        Message yes = office_vote(10, PROPOSAL_EXIT, 1, REFUSAL_NONE);
        yes.vote_bank.version = 5;
        office_say(both[i], 10, &yes);
        Message status = office_status(2, 1, 7, 2, 1, STATUS_QUIESCED, 1);
        office_say(both[i], 1, &status);
        Message hopeless = office_request(20, 1, COMMAND_EXIT, 99); /* answered before */
        office_say(both[i], 20, &hopeless);
        office_expect_failure(office_answer(both[i], 20), REFUSAL_UNKNOWN_NAME);
        assert_int_equal(both[i]->saved_at->len, 0);
        office_wait(both[i], 40 * NS_PER_S);
        office_command(both[i], "new-cohort c10 2");
        office_stop(both[i]);
    }
    assert_int_equal(office->trail->len, clone->trail->len);
    assert_memory_equal(office->trail->data, clone->trail->data, clone->trail->len);
    expect_same_state(office->bank, clone->bank);
    office_free(clone);
    office_free(office);
}

static void a_clone_draws_and_counts_as_the_original(void **state)
{
    (void)state;
    Office *office = office_new(1);
    for (int i = 1; i <= 6; i++)
        office_open(office, i, "100");
    Message late = office_vote(1, PROPOSAL_EXIT, 9, REFUSAL_BUSY);
    office_say(office, 1, &late);
    Office *clone = office;
    for (uint64_t id = 1; id <= 12; id++) {
        office_command(office, "new-cohort c1 4");
        if (clone != office)
            office_command(clone, "new-cohort c1 4");
        for (int i = 1; i <= 6; i++)
            assert_int_equal(office_count(office, MESSAGE_PROPOSE, i),
                             office_count(clone, MESSAGE_PROPOSE, i));
        Message no = office_vote(1, PROPOSAL_JOIN, id, REFUSAL_IN_COHORT);
        office_say(office, 1, &no);
        if (clone != office)
            office_say(clone, 1, &no);
        else
            clone = office_clone(office);
        assert_int_equal(bank_dropped(clone->bank, DROP_STALE), 1);
    }
    office_free(clone);
    office_free(office);
}

/* One of three has voted to join; a client wants an account where another process is. */
static void a_clone_knows_what_was_proposed_and_voted(void **state)
{
    (void)state;
    Office *office = office_new(1);
    for (int i = 1; i <= 3; i++)
        office_open(office, i, "100");
    office_command(office, "new-cohort c1 3");
    Message yes = office_vote(1, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    yes.vote_bank.version = 4;
    yes.vote_bank.balance = 321;
    office_say(office, 1, &yes);
    Message request = office_request(4, 1, COMMAND_OPEN, 5);
    office_say(office, 4, &request);
    Office *clone = office_clone(office);
    office_wait(clone, 2 * NS_PER_S);
    assert_int_equal(office_count(clone, MESSAGE_PROPOSE, 1), 0);
    assert_int_equal(office_count(clone, MESSAGE_PROPOSE, 5), 0);
    assert_true(office_count(clone, MESSAGE_PROPOSE, 2) > 0);
    for (int i = 2; i <= 3; i++) {
        yes = office_vote(i, PROPOSAL_JOIN, 1, REFUSAL_NONE);
        office_say(clone, i, &yes);
    }
    assert_int_equal(office_notice(clone).kind, NOTICE_SUCCESS);
    assert_string_equal(office_notice(clone).name.text, "c1");
    assert_int_equal(office_row(clone, 1).balance, 321);
    Message stale = {.kind = MESSAGE_REPORT, .report = {.client = 1001, .name = office_name(1)}};
    stale.report.version = 4;
    office_say(clone, 1, &stale);
    assert_int_equal(office_row(clone, 1).balance, 321);
    yes = office_vote(5, PROPOSAL_OPEN, 4, REFUSAL_NONE);
    office_say(clone, 5, &yes);
    assert_int_equal(office_row(clone, 5).port1, office_address(5).port);
    assert_int_equal(office_row(clone, 5).port2, office_address(5).port + 1);
    assert_int_equal(office_row(clone, 5).ip, OFFICE_IP);
    office_free(clone);
    office_free(office);
}

/* The office, from now on another bank that has its encoded state. */
static void become_clone(Office **office)
{
    Office *clone = office_clone(*office);
    office_free(*office);
    *office = clone;
}

/* What the members of the only cohort report: c1 has sent c2 two transfers, and c3 has rolled back.
 * It balances. */
static Message report_of(int customer, uint64_t attempt, StatusState state)
{
    Message status =
        office_status(1, (uint16_t)(customer - 1), 3, attempt, 7, state, 100 + customer);
    if (customer == 1)
        status.status.counts[1].sent = 2;
    if (customer == 2)
        status.status.counts[0].received = 2;
    if (customer == 3)
        status.status.inc = 5;
    else
        status.status.counts[2].known = 5;
    return status;
}

static void a_clone_knows_what_the_members_reported(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    Message request = office_request(2, 1, COMMAND_DELETE_COHORT, 2);
    office_say(office, 2, &request);
    for (int i = 1; i <= 3; i++) {
        become_clone(&office);
        Message report = report_of(i, 1, STATUS_QUIESCED);
        report.status.count = 2;
        office_say(office, i, &report);
        become_clone(&office);
        office_say(office, i, &report); /* again */
        report.status.version--;        /* late */
        office_say(office, i, &report);
        assert_int_equal(office->sent->len, 0);
        report = report_of(i, 1, STATUS_QUIESCED);
        report.status.counts[0] = report.status.counts[2];
        report.status.first = 2;
        report.status.count = 1;
        office_say(office, i, &report);
    }
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 0), 3);
    assert_int_equal(office_last(office, MESSAGE_DISSOLVE, 1)->message.dissolve.order,
                     DISSOLVE_PREPARE);
    for (int i = 1; i <= 3; i++) {
        become_clone(&office);
        Message report = report_of(i, 1, STATUS_QUIESCED);
        Message vote = report_of(i, 1, STATUS_VOTED);
        vote.status.report = 2;
        office_say(office, i, &vote);
        become_clone(&office);
        office_say(office, i, &report); /* late */
    }
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(office_row(office, i).balance, 100 + i);
        assert_int_equal(office_row(office, i).cohort, 0);
        Message report = {.kind = MESSAGE_REPORT,
                          .report = {(uint64_t)(1000 + i), office_name(i), 2, 5}};
        office_say(office, i, &report); /* FINAL was that one */
        assert_int_equal(office_row(office, i).balance, 100 + i);
        become_clone(&office);
    }
    office_wait(office, DISSOLVE_GRACE_NS);
    assert_int_equal(office_answer(office, 2).kind, NOTICE_SUCCESS);
    assert_int_equal(office_answer(office, 2).cohort, 1);
    for (uint16_t i = 0; i < 3; i++) {
        become_clone(&office);
        Message left = {.kind = MESSAGE_LEFT, .left = {.cohort = 1, .member = i}};
        office_say(office, i + 1, &left);
    }
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    office_free(office);
}

static void a_clone_knows_who_was_heard_last_and_who_has_cancelled(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    const uint64_t end_ns = office->now_ns + 30 * NS_PER_S;
    uint64_t attempt = 1;
    while (office->now_ns < end_ns - NS_PER_S) {
        office_wait(office, NS_PER_S / 2);
        if (office_count(office, MESSAGE_DISSOLVE, 0) > 0)
            attempt = office_last(office, MESSAGE_DISSOLVE, 0)->message.dissolve.attempt;
        for (int i = 1; i <= 3; i++) {
            Message status = report_of(i, attempt, STATUS_QUIESCED);
            status.status.settled = i != 3;
            office_say(office, i, &status);
        }
    }
    become_clone(&office);
    office_wait(office, end_ns - office->now_ns);
    office_expect_failure(office_notice(office), REFUSAL_UNSETTLED);
    assert_string_equal(office_notice(office).name.text, "c3");
    for (int i = 1; i <= 3; i++) {
        become_clone(&office);
        assert_false(bank_idle(office->bank, (char[80]){0}, 80));
        office_wait(office, 5 * NS_PER_S);
        for (int j = 1; j <= 3; j++)
            assert_int_equal(office_count(office, MESSAGE_DISSOLVE, j) > 0, j >= i);
        const Message *order = &office_last(office, MESSAGE_DISSOLVE, i)->message;
        assert_int_equal(order->dissolve.order, DISSOLVE_CANCEL);
        Message cancelled = report_of(i, order->dissolve.attempt, STATUS_CANCELLED);
        office_say(office, i, &cancelled);
    }
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    office_free(office);
}

static void journal_replay_gives_the_same_registry(void **state)
{
    (void)state;
    Office *office = busy_office();
    Office *again = office_restart(office);
    expect_same_rows(office->bank, again->bank);
    assert_int_equal(office_row(again, 2).balance, 10001);
    assert_int_equal(office_row(again, 5).cohort, 2);
    office_free(again);
    office_free(office);
}

/* Every record of the office's journal, `times` in a row. */
static void load_journal(Bank *bank, const Office *office, int times)
{
    for (guint i = 0; i < office->journal->len; i++) {
        gsize length;
        const uint8_t *bytes = g_bytes_get_data(office->journal->pdata[i], &length);
        for (int time = 0; time < times; time++)
            assert_int_equal(bank_load_record(bank, bytes, length), BANK_LOAD_OK);
    }
}

static Bank *replay(const Office *office)
{
    Bank *bank = bank_new(&office->config);
    load_journal(bank, office, 1);
    return bank;
}

static void a_record_applied_twice_is_harmless(void **state)
{
    (void)state;
    Office *office = busy_office();
    Bank *once = replay(office);
    Bank *twice = bank_new(&office->config);
    load_journal(twice, office, 2);
    expect_same_state(once, twice);
    load_journal(twice, office, 1); /* as when the CSV was written and the old journal kept */
    expect_same_rows(once, twice);
    bank_free(once);
    bank_free(twice);
    office_free(office);
}

/* A bank that was loaded from the CSV's rows and the records that a new journal begins with. */
static Bank *reload(const Bank *bank, const BankConfig *config)
{
    Bank *loaded = bank_new(config);
    for (size_t i = 0; i < bank_row_count(bank); i++) {
        BankRow row = bank_row(bank, i);
        assert_int_equal(bank_load_row(loaded, &row), BANK_LOAD_OK);
    }
    for (size_t i = 0; i < bank_snapshot_count(bank); i++) {
        Coder record = coder_encode_growing();
        bank_snapshot_record(bank, i, &record);
        assert_int_equal(bank_load_record(loaded, record.bytes, record.length), BANK_LOAD_OK);
        coder_deinit(&record);
    }
    return loaded;
}

static void csv_and_snapshot_hold_all_that_the_journal_did(void **state)
{
    (void)state;
    Office *office = busy_office();
    Bank *replayed = replay(office);
    Bank *reloaded = reload(office->bank, &office->config);
    expect_same_state(replayed, reloaded);
    bank_free(reloaded);
    bank_free(replayed);
    office_free(office);
}

static void rows_that_the_csv_holds_alone_cost_the_snapshot_nothing(void **state)
{
    (void)state;
    Bank *bank = bank_new(&(BankConfig){0});
    for (int i = 0; i < 1000; i++) {
        const BankRow row = {.name = office_name(i), .balance = i};
        assert_int_equal(bank_load_row(bank, &row), BANK_LOAD_OK);
    }
    Coder all = coder_encode_growing();
    for (size_t i = 0; i < bank_snapshot_count(bank); i++)
        bank_snapshot_record(bank, i, &all);
    assert_true(all.length < 100);
    coder_deinit(&all);
    bank_free(bank);
}

static void a_row_of_a_name_that_is_there_is_a_duplicate(void **state)
{
    (void)state;
    Bank *bank = bank_new(&(BankConfig){0});
    const BankRow row = {.name = office_name(1), .balance = 1};
    const BankRow overdrawn = {.name = office_name(2), .balance = -1};
    assert_int_equal(bank_load_row(bank, &row), BANK_LOAD_OK);
    assert_int_equal(bank_load_row(bank, &row), BANK_LOAD_DUPLICATE);
    assert_int_equal(bank_load_row(bank, &overdrawn), BANK_LOAD_DAMAGED);
    assert_int_equal(bank_load_row(bank, &(BankRow){0}), BANK_LOAD_DAMAGED);
    assert_int_equal(bank_row_count(bank), 1);
    bank_free(bank);
}

static void a_record_that_is_cut_short_is_damaged(void **state)
{
    (void)state;
    Office *office = busy_office();
    for (guint i = 0; i < office->journal->len; i++) {
        gsize length;
        const uint8_t *bytes = g_bytes_get_data(office->journal->pdata[i], &length);
        Bank *bank = bank_new(&office->config);
        for (gsize cut = 0; cut < length; cut++)
            assert_int_equal(bank_load_record(bank, bytes, cut), BANK_LOAD_DAMAGED);
        bank_free(bank);
    }
    office_free(office);
}

/* A bank that has proposed, and dissolved, so often before. */
static Office *old_office(uint64_t count)
{
    enum { RECORD_VERSION = 2, ITEM_END = 0, ITEM_COUNTERS = 1, COUNTERS = 5 };
    Office *office = office_new(1);
    Coder record = coder_encode_growing();
    code_u8(&record, &(uint8_t){RECORD_VERSION});
    code_u8(&record, &(uint8_t){ITEM_COUNTERS});
    for (int i = 0; i < COUNTERS; i++)
        code_u64(&record, &count);
    code_u8(&record, &(uint8_t){ITEM_END});
    g_ptr_array_add(office->journal, g_bytes_new(record.bytes, record.length));
    coder_deinit(&record);
    Office *old = office_restart(office);
    office_free(office);
    return old;
}

static void numbers_go_on_beyond_32_bits(void **state)
{
    (void)state;
    const uint64_t wrap = UINT64_C(1) << 32;
    Office *office = old_office(wrap - 2);
    assert_int_equal(office_cohort(office, 2), wrap - 1);
    uint64_t attempt = office_quiesce(office, wrap - 1, 2);
    assert_int_equal(attempt, wrap - 1);
    for (uint16_t i = 0; i < 2; i++) {
        Message vote = office_status(wrap - 1, i, 2, attempt, wrap, STATUS_VOTED, 10000);
        office_say(office, i + 1, &vote);
    }
    for (uint16_t i = 0; i < 2; i++) {
        Message left = {.kind = MESSAGE_LEFT, .left = {.cohort = wrap - 1, .member = i}};
        office_say(office, i + 1, &left);
    }
    assert_int_equal(office_row(office, 1).cohort, 0);
    Message request = office_request(1, wrap - 1, COMMAND_NEW_COHORT, 1);
    for (uint64_t number = wrap - 1; number <= wrap + 1; number++) {
        request.request.number = number;
        request.request.command.count = 2;
        office_say(office, 1, &request);
        assert_int_equal(office_last(office, MESSAGE_PROPOSE, 2)->message.propose.id, number + 1);
        Message no = office_vote(2, PROPOSAL_JOIN, number + 1, REFUSAL_IN_COHORT);
        if (number <= wrap)
            office_say(office, 2, &no);
    }
    for (int i = 1; i <= 2; i++) {
        Message yes = office_vote(i, PROPOSAL_JOIN, wrap + 2, REFUSAL_NONE);
        office_say(office, i, &yes);
    }
    Office *again = office_restart(office);
    assert_int_equal(office_row(again, 2).cohort, wrap + 2);
    Notice notice;
    office_say(again, 1, &request); /* number wrap + 1 */
    notice = office_answer(again, 1);
    assert_int_equal(notice.cohort, wrap + 2);
    assert_true(office_quiesce(again, wrap + 2, 2) > attempt);
    office_free(again);
    office_free(office);
}

static void a_state_of_another_version_is_refused(void **state)
{
    (void)state;
    Office *office = office_new(1);
    g_autoptr(GBytes) sound = encoded(office->bank);
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(sound, &length);
    g_autofree uint8_t *later = g_memdup2(bytes, length);
    later[0]++;
    Bank *bank = bank_new(&office->config);
    assert_false(bank_decode(bank, later, length));
    bank_free(bank);
    const size_t registry_at = 1 + (3 + DROP_REASONS) * sizeof(uint64_t);
    later[0]--;
    later[registry_at]++;
    bank = bank_new(&office->config);
    assert_false(bank_decode(bank, later, length));
    bank_free(bank);
    office_free(office);
}

static void damaged_bytes_do_no_harm(void **state)
{
    (void)state;
    Office *office = busy_office();
    g_autoptr(GBytes) sound = encoded(office->bank);
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(sound, &length);
    g_autofree uint8_t *damaged = g_memdup2(bytes, length);
    uint64_t random = 1;
    for (int i = 0; i < 2000; i++) {
        size_t place = random_below(&random, length);
        damaged[place] ^= (uint8_t)(1 + random_below(&random, 255));
        Bank *bank = bank_new(&office->config);
        (void)bank_decode(bank, damaged, length); /* true or false, but it comes back */
        bank_free(bank);
        damaged[place] = bytes[place];
    }
    for (gsize cut = 0; cut < length; cut += 7) {
        Bank *bank = bank_new(&office->config);
        assert_false(bank_decode(bank, bytes, cut));
        bank_free(bank);
    }
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_encode_is_the_same_state),
        cmocka_unit_test(a_clone_goes_on_exactly_as_the_original),
        cmocka_unit_test(a_clone_draws_and_counts_as_the_original),
        cmocka_unit_test(a_clone_knows_what_was_proposed_and_voted),
        cmocka_unit_test(a_clone_knows_what_the_members_reported),
        cmocka_unit_test(a_clone_knows_who_was_heard_last_and_who_has_cancelled),
        cmocka_unit_test(journal_replay_gives_the_same_registry),
        cmocka_unit_test(a_record_applied_twice_is_harmless),
        cmocka_unit_test(csv_and_snapshot_hold_all_that_the_journal_did),
        cmocka_unit_test(rows_that_the_csv_holds_alone_cost_the_snapshot_nothing),
        cmocka_unit_test(a_row_of_a_name_that_is_there_is_a_duplicate),
        cmocka_unit_test(a_record_that_is_cut_short_is_damaged),
        cmocka_unit_test(numbers_go_on_beyond_32_bits),
        cmocka_unit_test(a_state_of_another_version_is_refused),
        cmocka_unit_test(damaged_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
