/* What a customer says of itself when it is asked for its status. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "tests/core/cluster.h"

enum { A, B, C };

static void expect_said(const Cluster *cluster, int who, const char *wanted, bool said)
{
    g_autoptr(GString) text = g_string_new(NULL);
    customer_describe(cluster->customers[who], text);
    if ((strstr(text->str, wanted) != NULL) != said)
        fail_msg("%s\"%s\" in:\n%s", said ? "no " : "", wanted, text->str);
}

static void expect(const Cluster *cluster, int who, const char *wanted)
{
    expect_said(cluster, who, wanted, true);
}

static void expect_not(const Cluster *cluster, int who, const char *wanted)
{
    expect_said(cluster, who, wanted, false);
}

static void who_has_no_account_is_told_how_to_open_one(void **state)
{
    (void)state;
    Customer *customer = customer_new(&(CustomerConfig){.client = 1, .seed = 1});
    g_autoptr(GString) text = g_string_new(NULL);
    customer_describe(customer, text);
    assert_string_equal(text->str, "no account: open NAME BALANCE\n");
    assert_int_equal(customer_balance(customer), 0);
    customer_free(customer);
}

static void outside_a_cohort_there_are_name_and_balance(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(2, cluster_money(100), CASH_RESTORE);
    g_autoptr(GString) text = g_string_new(NULL);
    while (!customer_idle(cluster->customers[A], NULL, 0))
        assert_true(cluster_settle(cluster));
    customer_describe(cluster->customers[A], text);
    assert_string_equal(text->str, "name: a\nbalance: 100\ncohort: none\n");
    cluster_free(cluster);
}

static void in_a_cohort_each_peer_has_a_line(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "lost-transfer 3 c");
    cluster_advance(cluster, NS_PER_S);
    expect(cluster, A, "cohort: 1, incarnation 0, permanent checkpoints 0\n");
    expect(cluster, A, "\npermanent balance: 100\n");
    expect(cluster, A,
           "  b at 127.0.0.1:8504: sent 1 (settled 1, in its checkpoint 0), accepted 0 "
           "(of them lost 0), incarnation 0\n");
    expect(cluster, C,
           "  a at 127.0.0.1:8502: sent 0 (settled 0, in its checkpoint 0), accepted 1 "
           "(of them lost 1), incarnation 0\n");
    expect_not(cluster, A, "  a at ");
    cluster_free(cluster);
}

static void losses_are_told_until_a_checkpoint_and_after_it(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "lost-transfer 3 b");
    cluster_do(cluster, A, "transfer 1 b");
    expect(cluster, A, "\nlost since then: 3\n");
    expect_not(cluster, A, "lost for good");
    cluster_do(cluster, B, "checkpoint");
    assert_true(cluster_settle(cluster));
    expect(cluster, A, "\nlost for good: 3\n");
    expect_not(cluster, A, "lost since then");
    cluster_free(cluster);
    cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "lost-transfer 0.01 b");
    cluster_do(cluster, A, "transfer 1 b");
    expect(cluster, A, "\nlost since then: 0.01\n");
    cluster_do(cluster, B, "checkpoint");
    assert_true(cluster_settle(cluster));
    expect(cluster, A, "\nlost for good: 0.01\n");
    cluster_free(cluster);
}

static void a_checkpoint_under_way_is_told_with_its_vote(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "checkpoint-vote");
    cluster_do(cluster, B, "checkpoint");
    expect(cluster, A, "\nin checkpoint b.1, said yes, tentative balance 90\n");
    expect(cluster, B, "\nin checkpoint b.1, tentative balance 110\n");
    cluster_free(cluster);
}

static void a_rollback_under_way_closes_channels(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "prepare-vote");
    cluster_do(cluster, A, "rollback");
    expect(cluster, A, "\nin rollback a.1\n");
    expect(cluster, C, ", closed: rolls back\n");
    expect_not(cluster, C, "in rollback");
    cluster_free(cluster);
}

static void who_was_killed_while_it_prepared_has_said_no(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "prepare-vote");
    cluster_do(cluster, A, "rollback");
    cluster_crash(cluster, B);
    expect(cluster, B, "\nin rollback a.1, said no\n");
    expect(cluster, B, "recovering: rolls back after a crash; commands wait for it\n");
    expect_not(cluster, A, "recovering");
    cluster_free(cluster);
}

static void a_state_that_nobody_goes_on_from_recovers_from_nothing(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Customer *read = customer_new(&(CustomerConfig){.client = 99, .seed = 1, .resume = {"a"}});
    g_autoptr(GString) text = g_string_new(NULL);
    assert_int_equal(customer_load(read, cluster->shelves[A]), LOAD_OK);
    customer_describe(read, text);
    assert_null(strstr(text->str, "recovering"));
    customer_free(read);
    cluster_free(cluster);
}

static void a_decision_is_told_until_all_have_heard_of_it(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "decision");
    cluster_do(cluster, A, "rollback");
    expect(cluster, A, "\ncommitted a.1, not yet acknowledged by b, c\n");
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    expect_not(cluster, A, "committed");
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "checkpoint-vote");
    cluster_do(cluster, B, "checkpoint");
    cluster_pass(cluster, 40 * NS_PER_S); /* A's answer is given up, and nothing arrives */
    expect(cluster, B, "\naborted b.1, not yet acknowledged by a\n");
    cluster_command(cluster, B, "rollback");
    cluster_pass(cluster, 40 * NS_PER_S);
    expect(cluster, B, "\naborted b.1, not yet acknowledged by a\naborted b.2, ");
    expect(cluster, B, "\nwaits for peers to acknowledge a decision\n");
    cluster_free(cluster);
}

static void datagrams_that_were_dropped_are_counted(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    expect_not(cluster, B, "datagrams dropped");
    Event garbage = {
        .kind = EVENT_DATAGRAM, .port = PORT_PEER, .bytes = (const uint8_t *)"?", .length = 1};
    customer_step(cluster->customers[B], &garbage, cluster->effects);
    expect(cluster, B, "\ndatagrams dropped: 1\n");
    cluster_free(cluster);
}

static void expect_waits(const Customer *customer, const char *wanted)
{
    char why[160] = "as before: ";
    assert_false(customer_idle(customer, why, sizeof why));
    assert_string_equal(why, wanted);
    assert_false(customer_idle(customer, why, 1)); /* room for nothing but its end */
    assert_string_equal(why, "");
}

/* Each wait hides those before it. */
static void what_is_waited_for_is_told_and_whose_it_is(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Customer *customer = cluster->customers[B];
    Process *process = &customer->process;
    Peer *peer = &process->peers[C];
    assert_true(cluster_settle(cluster));
    g_array_append_val(customer->commands, (Command){.kind = COMMAND_BALANCE});
    expect_waits(customer, "waits for a command to be done");
    customer->request.active = true;
    expect_waits(customer, "waits for the bank's answer");
    customer->membership.report_due = true;
    expect_waits(customer, "waits for the bank to take a balance");
    customer->membership.dissolving.quiesced = true;
    expect_waits(customer, "waits for the bank to dissolve the cohort");
    customer->membership.proposal.pending = true;
    expect_waits(customer, "waits for the bank's outcome of a proposal");
    g_array_append_val(process->announcements, (Announcement){.waiting = 1});
    expect_waits(customer, "waits for peers to acknowledge a decision");
    process->recovering = true;
    expect_waits(customer, "waits for its rollback after a crash");
    process->engaged = ENGAGED_CHECKPOINT;
    process->instance = (Instance){C, 1};
    expect_waits(customer, "waits for the decision of an instance of c");
    peer->moved_due = true;
    expect_waits(customer, "waits for our new address to reach c");
    peer->channel.stable_due = true;
    expect_waits(customer, "waits for the release of the log at c");
    channel_append(&peer->channel, 1, ENTRY_TRANSFER);
    expect_waits(customer, "waits for an acknowledgement from c");
    peer->channel.closed.instance = (Instance){C, 1};
    expect_waits(customer, "waits for the decision of a rollback of c");
    peer->ask = ASK_WAITING;
    expect_waits(customer, "waits for an answer in an instance from c");
    process->peers[A].moved_due = true;
    expect_waits(customer, "waits for our new address to reach a");
    cluster_free(cluster);
}

static void the_name_is_the_accounts_or_that_of_one_to_be_opened(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Customer *customer = cluster->customers[A];
    Membership *membership = &customer->membership;
    membership->proposal = (Proposal){.pending = true, .kind = PROPOSAL_JOIN};
    assert_string_equal(customer_name(customer)->text, "a");
    membership->has_account = false;
    membership->proposal = (Proposal){.pending = true, .name = {"b"}};
    assert_string_equal(customer_name(customer)->text, "b");
    membership->proposal = (Proposal){0}; /* it has left */
    assert_string_equal(customer_name(customer)->text, "a");
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_no_account_is_told_how_to_open_one),
        cmocka_unit_test(outside_a_cohort_there_are_name_and_balance),
        cmocka_unit_test(in_a_cohort_each_peer_has_a_line),
        cmocka_unit_test(losses_are_told_until_a_checkpoint_and_after_it),
        cmocka_unit_test(a_checkpoint_under_way_is_told_with_its_vote),
        cmocka_unit_test(a_rollback_under_way_closes_channels),
        cmocka_unit_test(who_was_killed_while_it_prepared_has_said_no),
        cmocka_unit_test(a_state_that_nobody_goes_on_from_recovers_from_nothing),
        cmocka_unit_test(a_decision_is_told_until_all_have_heard_of_it),
        cmocka_unit_test(datagrams_that_were_dropped_are_counted),
        cmocka_unit_test(what_is_waited_for_is_told_and_whose_it_is),
        cmocka_unit_test(the_name_is_the_accounts_or_that_of_one_to_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
