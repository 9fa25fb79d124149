/* One customer as a whole: its disk, its bank, its queue of commands, its cash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "tests/core/cluster.h"

enum { A, B, C };

/* --- stop and start --- */

static void an_orderly_stop_is_a_pause(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    g_autofree char *resumed = g_strdup_printf("b EVENT %d balance 110\n", (int)NOTICE_RESUMED);
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "checkpoint");
    cluster_stop(cluster, B);
    cluster_do(cluster, A, "transfer 5 c");
    cluster_drop(cluster);
    assert_int_equal(cluster_start(cluster, B, "b"), LOAD_OK);
    assert_int_equal(cluster_told(cluster, resumed), 1);
    ShelfRecord orderly; /* gone before it sent anything */
    assert_false(shelf_get(cluster->shelves[B], SLOT_ORDERLY, 0, &orderly));
    assert_false(cluster->customers[B]->orderly);
    for (int who = A; who <= C; who++)
        assert_int_equal(cluster->customers[B]->process.peers[who].moved_due, who != B);
    cluster_do(cluster, B, "transfer 1 a");
    cluster_do(cluster, C, "transfer 2 b");
    cluster_advance(cluster, 10 * NS_PER_S);
    assert_int_equal(cluster_balance(cluster, A), cluster_money(86));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(111));
    assert_int_equal(cluster_balance(cluster, C), cluster_money(103));
    cluster_free(cluster);
}

static bool hold_votes(const Flight *flight, void *context)
{
    (void)context;
    return strstr(flight->kinds, "vote") != NULL;
}

static void who_stops_in_the_middle_of_a_checkpoint_leaves_nobody_suspended(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster->hold = hold_votes;
    cluster_do(cluster, B, "checkpoint");
    cluster_stop(cluster, B);
    assert_int_equal(cluster_told(cluster, "b FAILURE checkpoint"), 1);
    cluster->hold = NULL;
    cluster_drop(cluster);
    assert_int_equal(cluster_start(cluster, B, "b"), LOAD_OK);
    cluster_do(cluster, A, "transfer 2 b");
    cluster_advance(cluster, 20 * NS_PER_S);
    assert_int_equal(cluster_balance(cluster, A), cluster_money(97));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(103));
    assert_int_equal(cluster_traced(cluster, "a discarded b.1"), 1);
    cluster_free(cluster);
}

static void who_stops_in_the_middle_of_a_rollback_has_not_rolled_back(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster->hold = hold_votes;
    cluster_do(cluster, A, "rollback");
    cluster_stop(cluster, A);
    assert_int_equal(cluster_told(cluster, "a FAILURE rollback"), 1);
    assert_int_equal(cluster->customers[A]->process.engaged, ENGAGED_NOT);
    cluster->hold = NULL;
    cluster_drop(cluster);
    assert_int_equal(cluster_start(cluster, A, "a"), LOAD_OK);
    cluster_advance(cluster, 20 * NS_PER_S);
    assert_int_equal(cluster_traced(cluster, "rolled_back"), 0);
    /* Nor is its end taken for that of another. */
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster_told(cluster, "a SUCCESS rollback"), 1);
    assert_int_equal(cluster->marks[MARK_COMMAND_TRIED_AGAIN], 0);
    cluster_free(cluster);
}

static void who_stops_begins_nothing(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Customer *customer = cluster->customers[A];
    customer->process.recovering = true;
    cluster_stop(cluster, A);
    assert_int_equal(customer->process.engaged, ENGAGED_NOT);
    assert_int_equal(cluster->flights->len, 0);
    cluster_free(cluster);
}

static void what_the_bank_is_owed_is_due_when_a_process_is_back(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Membership *membership = &cluster->customers[A]->membership;
    const uint64_t far_ns = 1000 * NS_PER_S;
    membership->report_due = true;
    membership->report_ns = far_ns;
    membership->proposal = (Proposal){.pending = true, .kind = PROPOSAL_EXIT, .repeat_ns = far_ns};
    membership->dissolving.quiesced = true;
    cluster_command(cluster, A, "balance"); /* reports where it stands */
    assert_true(membership->dissolving.due);
    membership->dissolving.repeat_ns = far_ns;
    cluster->customers[A]->attempt = (Attempt){.active = true, .pause_ns = far_ns};
    cluster_stop(cluster, A);
    assert_int_equal(cluster_start(cluster, A, "a"), LOAD_OK);
    membership = &cluster->customers[A]->membership;
    assert_true(membership->report_ns < far_ns); /* said, and to be said again */
    assert_true(membership->proposal.repeat_ns < far_ns);
    assert_true(membership->dissolving.repeat_ns < far_ns);
    assert_false(cluster->customers[A]->attempt.active); /* its command has failed */
    cluster_free(cluster);
}

static void what_counts_beyond_a_crash_is_in_the_accounts_record(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(1, cluster_money(100), CASH_RESTORE);
    Customer *customer = cluster->customers[A];
    customer->process.epoch = 5;
    customer->process.inc_before = 6;
    customer->process.instances_reserved = 7;
    customer->request.count = 8;
    cluster_do(cluster, A, "deposit 1"); /* saves it */
    cluster_crash(cluster, A);
    customer = cluster->customers[A];
    assert_int_equal(customer->process.epoch, 6);
    assert_int_equal(customer->process.inc_before, 6);
    assert_int_equal(customer->process.instances, 7);
    assert_int_equal(customer->process.instances_reserved, 7);
    assert_int_equal(customer->request.count, 9);
    cluster_free(cluster);
}

static uint64_t saves(const Cluster *cluster, bool removing)
{
    uint64_t count = 0;
    for (size_t i = 0; i < effects_count(cluster->effects); i++) {
        const Effect *effect = effects_at(cluster->effects, i);
        count += effect->kind == EFFECT_SAVE && (effect->save.length == 0) == removing;
    }
    return count;
}

static void an_account_that_is_not_opened_leaves_no_record(void **state)
{
    (void)state;
    for (int crash = 0; crash < 2; crash++) {
        Cluster *cluster = cluster_new_alone(1, cluster_money(100), CASH_RESTORE);
        Customer *customer = cluster->customers[A];
        Message outcome = {.kind = MESSAGE_OUTCOME};
        outcome.outcome.id = 9;
        outcome.outcome.name = customer->membership.name;
        customer->membership.has_account = false;
        customer->membership.proposal = (Proposal){.pending = true, .id = 9, .name = {"a"}};
        customer->account_changed = true;
        cluster_command(cluster, A, "balance"); /* saves it */
        if (crash)
            cluster_crash(cluster, A);
        assert_int_equal(shelf_count(cluster->shelves[A]), 1);
        cluster_from_bank(cluster, A, &outcome);
        assert_int_equal(saves(cluster, true), 1);
        assert_int_equal(shelf_count(cluster->shelves[A]), 0);
        cluster->customers[A]->account_changed = true;
        cluster_command(cluster, A, "checkpoint");
        assert_int_equal(saves(cluster, true), 0); /* there is nothing to remove any more */
        cluster_free(cluster);
    }
}

static void who_joins_removes_nothing_and_who_leaves_keeps_nothing_of_the_cohort(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(3, cluster_money(100), CASH_RESTORE);
    cluster_join(cluster);
    assert_int_equal(saves(cluster, true), 0);
    assert_true(saves(cluster, false) > 0);
    for (int crash = 0; crash < 2; crash++) {
        const Shelf *shelf = cluster->shelves[crash];
        if (crash)
            cluster_crash(cluster, crash);
        process_leave(&cluster->customers[crash]->process);
        cluster_command(cluster, crash, "balance");
        assert_int_equal(shelf_count(shelf), 1);
        assert_int_equal(shelf_at(shelf, 0).slot, SLOT_ACCOUNT);
        cluster_command(cluster, crash, "balance");
        assert_int_equal(saves(cluster, true) + saves(cluster, false), 0);
    }
    cluster_free(cluster);
}

/* A copy made from the encoding; customer_free it. */
static Customer *copy_of(const Customer *customer)
{
    Customer *copy = customer_new(&(CustomerConfig){.client = 99, .seed = 1});
    GBytes *encoded = cluster_encoded(customer);
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(encoded, &length);
    assert_true(customer_decode(copy, bytes, length));
    g_bytes_unref(encoded);
    return copy;
}

static void a_customer_is_encoded_whole(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(2, cluster_money(100), CASH_RESTORE);
    Customer *customer = cluster->customers[A];
    customer->stopping = customer->loaded = customer->orderly = customer->named = true;
    customer->process.random = 1;
    customer->process.instances = 2;
    customer->process.instances_reserved = 3;
    for (uint64_t reason = 0; reason < DROP_REASONS; reason++)
        customer->dropped[reason] = 10 + reason;
    customer->account_changed = true; /* is saved with the step: no state of a process */
    Customer *copy = copy_of(customer);
    assert_false(copy->account_changed);
    assert_true(copy->stopping && copy->loaded && copy->orderly && copy->named);
    assert_int_equal(copy->config.client, 1);
    assert_int_equal(copy->process.random, 1);
    assert_int_equal(copy->process.instances, 2);
    assert_int_equal(copy->process.instances_reserved, 3);
    for (uint64_t reason = 0; reason < DROP_REASONS; reason++)
        assert_int_equal(copy->dropped[reason], 10 + reason);
    assert_int_equal(copy->kept_cohort, 0);
    customer_free(copy);
    customer->stopping = false;
    cluster_join(cluster);
    copy = copy_of(customer);
    assert_int_equal(copy->kept_cohort, 1); /* what is to be removed when it leaves */
    assert_int_equal(copy->kept_count, 2);
    customer_free(copy);
    cluster_free(cluster);
}

static void the_state_of_another_name_is_not_taken(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_stop(cluster, A);
    assert_int_equal(cluster_start(cluster, A, "z"), LOAD_WRONG_NAME);
    cluster_free(cluster);
}

static void no_cut_or_changed_state_is_believed_to_be_whole(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "lost-transfer 10 c");
    cluster_do(cluster, B, "checkpoint");
    GBytes *whole = cluster_encoded(cluster->customers[A]);
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(whole, &length);
    CustomerConfig config = cluster->customers[A]->config;
    for (gsize cut = 0; cut < length; cut++) {
        Customer *customer = customer_new(&config);
        assert_false(customer_decode(customer, bytes, cut));
        customer_free(customer);
    }
    /* Anything may come out of changed bytes, but nothing that breaks the program. */
    for (gsize at = 0; at < length; at++) {
        uint8_t *changed = g_memdup2(bytes, length);
        changed[at] ^= 0xff;
        Customer *customer = customer_new(&config);
        customer_decode(customer, changed, length);
        customer_free(customer);
        g_free(changed);
    }
    g_bytes_unref(whole);
    cluster_free(cluster);
}

/* --- the bank --- */

static void a_silent_bank_fails_the_command_and_the_next_is_tried(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_command(cluster, A, "delete-cohort");
    cluster_command(cluster, A, "transfer 1 b");
    assert_int_equal(cluster_told(cluster, "a SUCCESS transfer"), 0);
    cluster_advance(cluster, 10 * NS_PER_S);
    assert_int_equal(cluster_told(cluster, "a FAILURE delete-cohort"), 1);
    assert_int_equal(cluster_told(cluster, "a SUCCESS transfer"), 1);
    cluster_free(cluster);
}

static void an_old_invitation_is_ignored(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Message join = {.kind = MESSAGE_PROPOSE};
    join.propose.proposal = PROPOSAL_JOIN;
    join.propose.id = 1;
    join.propose.total = 2;
    join.propose.count = 2;
    name_set(&join.propose.name, "a");
    name_set(&join.propose.members[0].name, "a");
    name_set(&join.propose.members[1].name, "b");
    uint64_t before = customer_cohort(cluster->customers[A]);
    cluster_from_bank(cluster, A, &join);
    assert_int_equal(customer_cohort(cluster->customers[A]), before);
    assert_int_equal(customer_dropped(cluster->customers[A], DROP_STALE), 1);
    cluster_free(cluster);
}

static void an_outcome_that_nobody_waits_for_decides_nothing(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Message outcome = {.kind = MESSAGE_OUTCOME};
    outcome.outcome.proposal = PROPOSAL_OPEN;
    assert_true(name_set(&outcome.outcome.name, "a"));
    outcome.outcome.commit = true;
    GBytes *before = cluster_encoded(cluster->customers[A]);
    cluster_from_bank(cluster, A, &outcome);
    GBytes *after = cluster_encoded(cluster->customers[A]);
    assert_true(g_bytes_equal(before, after));
    g_bytes_unref(before);
    g_bytes_unref(after);
    cluster_free(cluster);
}

static void what_is_meant_for_another_member_is_dropped(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_command(cluster, A, "transfer 1 b");
    Flight *flight = g_ptr_array_index(cluster->flights, 0);
    flight->to = C;
    cluster_deliver(cluster);
    assert_int_equal(customer_dropped(cluster->customers[C], DROP_RECEIVER), 1);
    assert_int_equal(cluster_balance(cluster, C), cluster_money(100));
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(101));
    cluster_free(cluster);
}

/* --- refusals change nothing --- */

static void what_cannot_be_done_is_one_failure_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *told;
    } cases[] = {
        {"transfer 1 a", "a FAILURE transfer "},
        {"transfer 1 nobody", "a FAILURE transfer "},
        {"transfer 100.01 b", "a FAILURE transfer insufficient balance, there is 100"},
        {"lost-transfer 101 b", "a FAILURE lost-transfer insufficient balance, there is 100"},
        {"withdrawal 100.01", "a FAILURE withdrawal insufficient balance, there is 100"},
        {"deposit 90071992547409.91", "a FAILURE deposit "},
        {"open a 1", "a FAILURE open "},
        {"exit", "a FAILURE exit "},
    };
    Cluster *cluster = cluster_new(2, cluster_money(100));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_string_truncate(cluster->told, 0);
        cluster_do(cluster, A, cases[i].line);
        assert_int_equal(cluster_told(cluster, cases[i].told), 1);
        assert_int_equal(cluster_told(cluster, "\n"), 1);
    }
    assert_int_equal(cluster_balance(cluster, A), cluster_money(100));
    assert_string_equal(cluster->trace->str, "");
    cluster_free(cluster);
}

/* --- cash --- */

static void a_rollback_undoes_cash(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "deposit 20");
    cluster_do(cluster, A, "withdrawal 5");
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster_balance(cluster, A), cluster_money(100));
    cluster_free(cluster);
}

static void a_committed_deposit_survives_a_rollback(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_cash(2, cluster_money(100), CASH_COMMIT);
    cluster_do(cluster, A, "deposit 20");
    cluster_do(cluster, A, "transfer 30 b");
    cluster_do(cluster, A, "rollback");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, A), cluster_money(120));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(100));
    cluster_free(cluster);
}

static void a_committed_withdrawal_is_paid_when_a_checkpoint_is_permanent(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_cash(2, cluster_money(100), CASH_COMMIT);
    cluster_do(cluster, B, "transfer 50 a");
    cluster->hold = hold_votes;
    cluster_do(cluster, A, "withdrawal 120");
    assert_int_equal(cluster_told(cluster, "a SUCCESS withdrawal"), 0);
    cluster->hold = NULL;
    cluster_deliver(cluster);
    assert_int_equal(cluster_told(cluster, "a SUCCESS withdrawal balance 30\n"), 1);
    assert_int_equal(cluster_traced(cluster, "permanent a.1"), 2);
    cluster_do(cluster, A, "rollback");
    cluster_do(cluster, B, "rollback");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, A), cluster_money(30));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(50));
    cluster_free(cluster);
}

/* --- where it starts again --- */

static void who_starts_elsewhere_is_reached_there(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_stop(cluster, A);
    Customer *customer = customer_new(&(CustomerConfig){.client = 99,
                                                        .seed = 1,
                                                        .resume = {"a"},
                                                        .retries = 5,
                                                        .ip = 0x7f000002,
                                                        .port1 = 8701,
                                                        .port2 = 8702});
    assert_int_equal(customer_load(customer, cluster->shelves[A]), LOAD_OK);
    customer_step(customer, &(Event){.kind = EVENT_START, .now_ns = cluster->now_ns},
                  cluster->effects);
    const Process *process = &customer->process;
    const Member *self = &process->peers[process->self].member;
    assert_int_equal(self->ip, 0x7f000002);
    assert_int_equal(self->port1, 8701);
    assert_int_equal(self->port2, 8702);
    assert_int_equal(self->epoch, 1);
    assert_int_equal(process->epoch, 1);
    assert_int_equal(process->retries, 5);
    assert_true(process->peers[B].moved_due);
    assert_false(process->peers[A].moved_due);
    assert_true(customer->request.active);
    assert_string_equal(customer->request.command.name.text, "a");
    customer_free(customer);
    cluster_free(cluster);
}

/* --- what the bank is told --- */

static void who_stops_says_goodbye(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Message message;
    cluster_stop(cluster, A);
    assert_int_equal(cluster_start(cluster, A, "a"), LOAD_OK);
    cluster_stop(cluster, A);
    assert_true(cluster_told_bank(cluster, 0, &message));
    assert_int_equal(message.kind, MESSAGE_BYE);
    assert_int_equal(message.report.client, 1);
    assert_string_equal(message.report.name.text, "a");
    assert_int_equal(message.report.version, 1);
    assert_false(cluster->customers[A]->request.active); /* nor is its resume asked for any more */
    cluster_free(cluster);
}

static void all_that_the_bank_is_owed_is_sent_in_its_order(void **state)
{
    (void)state;
    enum { MANY = 200 };
    Cluster *cluster = cluster_new_alone(1, cluster_money(100), CASH_RESTORE);
    Message message = {.kind = MESSAGE_BYE, .report = {.client = 1}};
    while (!customer_idle(cluster->customers[A], NULL, 0))
        assert_true(cluster_settle(cluster));
    for (uint64_t i = 0; i < MANY; i++) {
        message.report.version = i;
        customer_owe_bank(cluster->customers[A], &message);
    }
    customer_step(cluster->customers[A], &(Event){.kind = EVENT_TIMEOUT, .now_ns = cluster->now_ns},
                  cluster->effects);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(cluster_told_bank(cluster, i, &message));
        assert_int_equal(message.kind, MESSAGE_BYE);
        assert_int_equal(message.report.version, i);
    }
    assert_false(cluster_told_bank(cluster, MANY, &message));
    cluster_free(cluster);
}

static void the_bank_hears_of_every_permanent_balance(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Message message;
    assert_true(cluster_settle(cluster));
    cluster_command(cluster, A, "transfer 10 b");
    assert_false(cluster_told_bank(cluster, 0, &message));
    cluster_command(cluster, A, "checkpoint");
    assert_true(cluster_told_bank(cluster, 0, &message));
    assert_int_equal(message.kind, MESSAGE_REPORT);
    assert_int_equal(message.report.balance, cluster_money(90));
    cluster_free(cluster);
}

/* --- who does not answer --- */

static void who_did_not_answer_is_named(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, B, "transfer 1 a");
    cluster_do(cluster, A, "transfer 2 c");
    cluster_hold(cluster, "checkpoint-request");
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, C, "checkpoint");
    cluster_advance(cluster, 2 * INSTANCE_NS_MAX);
    assert_int_equal(cluster_told(cluster, "a FAILURE checkpoint b did not answer"), 1);
    assert_int_equal(cluster_told(cluster, "c FAILURE checkpoint a did not answer"), 1);
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    cluster_hold(cluster, "prepare");
    cluster_do(cluster, A, "rollback");
    cluster_advance(cluster, 2 * INSTANCE_NS_MAX);
    assert_int_equal(cluster_told(cluster, "a FAILURE rollback c did not answer"), 1);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_orderly_stop_is_a_pause),
        cmocka_unit_test(who_starts_elsewhere_is_reached_there),
        cmocka_unit_test(who_stops_says_goodbye),
        cmocka_unit_test(all_that_the_bank_is_owed_is_sent_in_its_order),
        cmocka_unit_test(the_bank_hears_of_every_permanent_balance),
        cmocka_unit_test(who_did_not_answer_is_named),
        cmocka_unit_test(who_stops_in_the_middle_of_a_checkpoint_leaves_nobody_suspended),
        cmocka_unit_test(who_stops_in_the_middle_of_a_rollback_has_not_rolled_back),
        cmocka_unit_test(who_stops_begins_nothing),
        cmocka_unit_test(what_the_bank_is_owed_is_due_when_a_process_is_back),
        cmocka_unit_test(what_counts_beyond_a_crash_is_in_the_accounts_record),
        cmocka_unit_test(an_account_that_is_not_opened_leaves_no_record),
        cmocka_unit_test(who_joins_removes_nothing_and_who_leaves_keeps_nothing_of_the_cohort),
        cmocka_unit_test(a_customer_is_encoded_whole),
        cmocka_unit_test(the_state_of_another_name_is_not_taken),
        cmocka_unit_test(no_cut_or_changed_state_is_believed_to_be_whole),
        cmocka_unit_test(a_silent_bank_fails_the_command_and_the_next_is_tried),
        cmocka_unit_test(an_old_invitation_is_ignored),
        cmocka_unit_test(an_outcome_that_nobody_waits_for_decides_nothing),
        cmocka_unit_test(what_is_meant_for_another_member_is_dropped),
        cmocka_unit_test(what_cannot_be_done_is_one_failure_and_changes_nothing),
        cmocka_unit_test(a_rollback_undoes_cash),
        cmocka_unit_test(a_committed_deposit_survives_a_rollback),
        cmocka_unit_test(a_committed_withdrawal_is_paid_when_a_checkpoint_is_permanent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
