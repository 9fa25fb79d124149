/* Where something is at its greatest: balances, logs, lists, cohorts, and what a bank can keep
 * track of. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_operation.h"
#include "core/cash.h"
#include "core/customer_state.h"
#include "tests/core/cluster.h"
#include "tests/core/office.h"

enum { A, B, C };

/* --- a customer --- */

static void money_that_nobody_could_hold_is_not_accepted_but_waits(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, INT64_MAX - 500);
    cluster_do(cluster, A, "transfer 10 b");
    assert_int_equal(cluster_balance(cluster, B), INT64_MAX - 500);
    assert_int_equal(customer_dropped(cluster->customers[B], DROP_OVERFLOW), 1);
    cluster_do(cluster, B, "withdrawal 6");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, B), INT64_MAX - 100);
    cluster_free(cluster);
}

static void an_account_takes_no_more_than_it_can_hold(void **state)
{
    (void)state;
    Application account;
    account_open(&account, INT64_MAX - 1);
    assert_false(account_credit(&account, 2));
    assert_int_equal(account_balance(&account), INT64_MAX - 1);
    assert_true(account_credit(&account, 1));
    assert_int_equal(account_balance(&account), INT64_MAX);
}

static void what_does_not_fit_into_one_datagram_goes_in_several(void **state)
{
    (void)state;
    enum { TRANSFERS = 200 };
    Cluster *cluster = cluster_new(2, cluster_money(1000));
    for (int i = 0; i < TRANSFERS; i++)
        cluster_do(cluster, A, "transfer 1 b");
    cluster_advance(cluster, NS_PER_S);
    cluster_command(cluster, B, "rollback"); /* A keeps them all in its log, and sends them again */
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "b rolled_back"), 1);
    assert_int_equal(cluster_traced(cluster, "a rolled_back"), 0);
    assert_int_equal(cluster_traced(cluster, "b received a "), 2 * TRANSFERS);
    assert_int_equal(cluster_balance(cluster, B), cluster_money(1000 + TRANSFERS));
    cluster_free(cluster);
}

/* More skips than a message names: the rest is told when the first part has been heard. */
static void a_checkpoint_with_many_skips_is_told_in_parts(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(1000));
    for (int i = 0; i < 2 * SKIPS_PER_COVERAGE_MAX + 1; i++)
        cluster_do(cluster, A, "lost-transfer 1 b");
    cluster_do(cluster, A, "transfer 1 b");
    cluster_do(cluster, B, "checkpoint");
    cluster_deliver(cluster);
    assert_int_equal(cluster->customers[A]->process.peers[B].channel.state.log->len, 0);
    assert_int_equal(customer_lost(cluster->customers[A]),
                     cluster_money(2 * SKIPS_PER_COVERAGE_MAX + 1));
    cluster_free(cluster);
}

static void cash_beyond_the_list_is_counted(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    g_autofree char *undone = g_strdup_printf("a EVENT %d ", (int)NOTICE_UNDONE_DEPOSIT);
    g_autofree char *more = g_strdup_printf("a EVENT %d ", (int)NOTICE_UNDONE_MORE);
    for (int i = 0; i < CASH_LISTED_MAX + 2; i++)
        cluster_command(cluster, A, "deposit 1");
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster_told(cluster, undone), CASH_LISTED_MAX);
    assert_int_equal(cluster_told(cluster, more), 1);
    assert_int_equal(cluster_balance(cluster, A), cluster_money(100));
    cluster_free(cluster);
}

/* So many decisions, each of which C has yet to acknowledge. */
static void decide_often(Process *process, guint count)
{
    for (guint i = 0; i < count; i++) {
        Announcement announcement = {
            .instance = {.initiator = A, .number = i + 1}, .parent = A, .waiting = 1};
        bit_set(announcement.unacked, C, true);
        g_array_append_val(process->announcements, announcement);
    }
    process->instances = process->instances_reserved = count;
    process->peers[A].finished.number = count;
    process->peers[C].control_ns = 0; /* to be said now */
}

/* Who has as many decisions to announce as it may keep begins nothing, and takes part in nothing,
 * until some have been heard. */
static void a_prepare_is_told_busy_when_too_many_decisions_wait(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(1000));
    const GArray *announcements = cluster->customers[A]->process.announcements;
    cluster_hold(cluster, "decision");
    decide_often(&cluster->customers[A]->process, ANNOUNCEMENTS_MAX);
    cluster_do(cluster, B, "transfer 1 a");
    cluster_do(cluster, B, "rollback");
    assert_int_equal(announcements->len, ANNOUNCEMENTS_MAX);
    assert_int_equal(cluster_traced(cluster, "a received b"), 1);
    assert_int_equal(cluster_traced(cluster, "rolled_back"), 0);
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "b rolled_back b."), 1);
    assert_int_equal(cluster_traced(cluster, "a rolled_back b."), 1);
    cluster_free(cluster);
}

/* --- a cohort greater than a message --- */

enum { LARGE = COUNTS_PER_MESSAGE_MAX + 5 };

static void invite(Cluster *cluster, uint16_t first, uint16_t count)
{
    Message message = {.kind = MESSAGE_PROPOSE};
    message.propose.proposal = PROPOSAL_JOIN;
    message.propose.id = 1;
    assert_true(name_set(&message.propose.name, "a"));
    message.propose.total = LARGE;
    message.propose.first = first;
    message.propose.count = count;
    for (uint16_t i = 0; i < count; i++) {
        Member *member = &message.propose.members[i];
        g_autofree char *name = first + i == 0 ? g_strdup("a") : g_strdup_printf("m%d", first + i);
        *member = (Member){.ip = 0x7f000001, .port1 = 8501, .port2 = 8502};
        assert_true(name_set(&member->name, name));
    }
    cluster_from_bank(cluster, A, &message);
}

/* One of many; the others are only names. */
static Cluster *large_cohort(void)
{
    Cluster *cluster = cluster_new_alone(1, cluster_money(100), CASH_RESTORE);
    invite(cluster, MEMBERS_PER_MESSAGE_MAX, MEMBERS_PER_MESSAGE_MAX);
    invite(cluster, MEMBERS_PER_MESSAGE_MAX, MEMBERS_PER_MESSAGE_MAX); /* doubled on the way */
    invite(cluster, 0, MEMBERS_PER_MESSAGE_MAX);
    assert_false(cluster->customers[A]->membership.proposal.pending);
    invite(cluster, 2 * MEMBERS_PER_MESSAGE_MAX, LARGE - 2 * MEMBERS_PER_MESSAGE_MAX);
    assert_true(cluster->customers[A]->membership.proposal.pending);
    Message outcome = {.kind = MESSAGE_OUTCOME,
                       .outcome = {.proposal = PROPOSAL_JOIN, .id = 1, .commit = true}};
    assert_true(name_set(&outcome.outcome.name, "a"));
    cluster_from_bank(cluster, A, &outcome);
    assert_int_equal(customer_cohort(cluster->customers[A]), 1);
    return cluster;
}

static void acknowledge_status(Cluster *cluster, uint16_t first)
{
    const Dissolving *dissolving = &cluster->customers[A]->membership.dissolving;
    Message message = {.kind = MESSAGE_STATUS_ACK};
    message.status_ack.cohort = 1;
    message.status_ack.attempt = dissolving->attempt;
    message.status_ack.version = dissolving->version;
    message.status_ack.first = first;
    cluster_from_bank(cluster, A, &message);
}

static void a_report_in_parts_is_repeated_until_all_parts_are_heard(void **state)
{
    (void)state;
    Cluster *cluster = large_cohort();
    const Dissolving *dissolving = &cluster->customers[A]->membership.dissolving;
    Message order = {.kind = MESSAGE_DISSOLVE,
                     .dissolve = {.cohort = 1, .attempt = 1, .order = DISSOLVE_QUIESCE}};
    cluster_from_bank(cluster, A, &order);
    assert_true(dissolving->due);
    acknowledge_status(cluster, COUNTS_PER_MESSAGE_MAX);
    assert_true(dissolving->due);
    acknowledge_status(cluster, 2 * COUNTS_PER_MESSAGE_MAX); /* there is no such part */
    assert_true(dissolving->due);
    acknowledge_status(cluster, 0);
    assert_false(dissolving->due);
    cluster_free(cluster);
}

/* --- the bank --- */

/* One client that gives every request up for the next leaves them all under way. */
static Office *busy_office(void)
{
    Office *office = office_new(1);
    for (int i = 1; i <= 4; i++)
        office_open(office, i, "100");
    Message request = office_request(4, 0, COMMAND_OPEN, 50);
    for (int i = 1; i <= OPERATIONS_MAX; i++) {
        request.request.number = (uint64_t)i;
        request.request.command.name = office_name(1000 + i);
        office_say(office, 4, &request);
    }
    return office;
}

static void expect_full(Office *office, int customer, CommandKind kind)
{
    Message request = office_request(customer, 1, kind, customer);
    request.request.command.count = 2;
    office_say(office, customer, &request);
    office_expect_failure(office_answer(office, customer), REFUSAL_BANK_FULL);
}

static void a_bank_that_can_keep_track_of_no_more_says_so(void **state)
{
    (void)state;
    Office *office = busy_office();
    expect_full(office, 1, COMMAND_EXIT);
    expect_full(office, 2, COMMAND_NEW_COHORT);
    /* What could not be done anyway is told as that. */
    Message request = office_request(1, 2, COMMAND_EXIT, 77);
    office_say(office, 1, &request);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    request.request.number = 3;
    request.request.command.kind = COMMAND_NEW_COHORT;
    request.request.command.count = 2;
    office_say(office, 1, &request);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    assert_int_equal(office_row(office, 1).exited, false);
    assert_int_equal(office_row(office, 2).cohort, 0);
    office_free(office);
}

/* A process that has the name of an account, but not its state. */
static void nor_does_it_hand_an_account_to_another_process_then(void **state)
{
    (void)state;
    Office *office = busy_office();
    Message bye = {.kind = MESSAGE_BYE};
    bye.report.client = 1003;
    bye.report.name = office_name(3);
    office_say(office, 3, &bye);
    Message resume = office_request(3, 1, COMMAND_RESUME, 3);
    resume.request.client = 2003;
    office_say(office, 3, &resume);
    office_expect_failure(office_answer(office, 3), REFUSAL_BANK_FULL);
    office_free(office);
}

/* A client asks for an account under a name of its own, elsewhere: is whoever is there asked? */
static bool is_proposed(Office *office, int client)
{
    enum { ELSEWHERE = 50 };
    Message request = office_request(1, 1, COMMAND_OPEN, ELSEWHERE);
    request.request.client = (uint64_t)client;
    request.request.command.name = office_name(100000 + client);
    office_say(office, 1, &request);
    return office_count(office, MESSAGE_PROPOSE, ELSEWHERE) == 1;
}

/* Those who run accounts have places that strangers cannot take; but no more than those. */
static void more_requests_than_the_bank_waits_for_are_put_off(void **state)
{
    (void)state;
    enum { CUSTOMERS = ASKERS_WAITING_MAX - ASKERS_STRANGERS_MAX, STRANGER = CUSTOMERS + 2 };
    Office *office = office_new(1);
    Coder record = registry_record();
    for (int client = 1; client < STRANGER; client++) {
        RegistryRow row = {.client = (uint64_t)client};
        row.line = (BankRow){.name = office_name(client), .port1 = 8500, .port2 = 8501};
        registry_put_row(&record, &row);
    }
    registry_put_end(&record);
    assert_int_equal(bank_load_record(office->bank, record.bytes, record.length), BANK_LOAD_OK);
    coder_deinit(&record);
    for (int i = 0; i < ASKERS_STRANGERS_MAX; i++)
        assert_true(is_proposed(office, STRANGER + i));
    for (int i = 1; i <= CUSTOMERS; i++)
        assert_true(is_proposed(office, i));
    assert_false(is_proposed(office, CUSTOMERS + 1));
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    office_wait(office, 2 * OPERATION_NS_MAX); /* all others are told that nobody is there */
    assert_true(is_proposed(office, CUSTOMERS + 1));
    assert_true(is_proposed(office, STRANGER + ASKERS_STRANGERS_MAX));
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_that_nobody_could_hold_is_not_accepted_but_waits),
        cmocka_unit_test(an_account_takes_no_more_than_it_can_hold),
        cmocka_unit_test(what_does_not_fit_into_one_datagram_goes_in_several),
        cmocka_unit_test(a_checkpoint_with_many_skips_is_told_in_parts),
        cmocka_unit_test(cash_beyond_the_list_is_counted),
        cmocka_unit_test(a_prepare_is_told_busy_when_too_many_decisions_wait),
        cmocka_unit_test(a_report_in_parts_is_repeated_until_all_parts_are_heard),
        cmocka_unit_test(a_bank_that_can_keep_track_of_no_more_says_so),
        cmocka_unit_test(nor_does_it_hand_an_account_to_another_process_then),
        cmocka_unit_test(more_requests_than_the_bank_waits_for_are_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
