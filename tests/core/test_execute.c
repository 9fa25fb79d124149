/* When a user's command is done, waits, or fails, and with which reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/execute.h"
#include "tests/core/cluster.h"

enum { A, B, C };
enum { TAG = 7 };

/* Runs this command at A, which is in the middle of it if `attempt` says so; what became of it, or
 * NULL: it waits. The notice is the cluster's effects'. */
static const Notice *run(Cluster *cluster, const char *line, Attempt attempt)
{
    Customer *customer = cluster->customers[A];
    CommandError error;
    Command command;
    assert_true(command_parse(line, PLACE_CUSTOMER, &command, &error));
    command.tag = TAG;
    g_array_set_size(customer->commands, 0);
    g_array_append_val(customer->commands, command);
    customer->attempt = attempt;
    effects_clear(cluster->effects);
    customer->step = (Step){cluster->now_ns, cluster->effects};
    execute_commands(customer);
    assert_int_equal(customer->commands->len, effects_count(cluster->effects) > 0 ? 0 : 1);
    return effects_count(cluster->effects) > 0 ? &effects_at(cluster->effects, 0)->notice : NULL;
}

static void expect_refused(const Notice *notice, Refusal refusal, const char *name)
{
    assert_non_null(notice);
    assert_int_equal(notice->kind, NOTICE_FAILURE);
    assert_int_equal(notice->refusal, refusal);
    assert_int_equal(notice->tag, TAG); /* whose command it was */
    assert_string_equal(notice->name.text, name);
}

static Cluster *three(void)
{
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_advance(cluster, 2 * COMMAND_NS_MAX);
    return cluster;
}

static Attempt tried(const Cluster *cluster, uint32_t tries, uint64_t ago_ns)
{
    return (Attempt){true, true, tries, cluster->now_ns - ago_ns, 0};
}

static void aborted(Cluster *cluster, bool silent, uint16_t blocker)
{
    Process *process = &cluster->customers[A]->process;
    process->outcome.over = true;
    process->outcome.commit = false;
    process->outcome.silent = silent;
    process->outcome.blocker = blocker;
}

/* --- attempts --- */

static void silence_ends_a_command_at_once_and_says_whose(void **state)
{
    (void)state;
    Cluster *cluster = three();
    aborted(cluster, true, B);
    expect_refused(run(cluster, "checkpoint", tried(cluster, 1, 0)), REFUSAL_NO_ANSWER, "b");
    assert_false(cluster->customers[A]->attempt.active);
    assert_false(cluster->customers[A]->process.outcome.over); /* told once */
    cluster_free(cluster);
}

static void a_no_is_tried_again_a_hundred_times_or_a_minute(void **state)
{
    (void)state;
    Cluster *cluster = three();
    Customer *customer = cluster->customers[A];
    aborted(cluster, false, C);
    assert_null(run(cluster, "rollback", tried(cluster, INSTANCE_TRIES_MAX - 1, 0)));
    assert_false(customer->attempt.engaged);
    assert_true(customer->attempt.pause_ns > cluster->now_ns);
    assert_int_equal(execute_deadline(customer), customer->attempt.pause_ns);
    aborted(cluster, false, C);
    expect_refused(run(cluster, "rollback", tried(cluster, INSTANCE_TRIES_MAX, 0)), REFUSAL_BUSY,
                   "c");
    aborted(cluster, false, C);
    assert_null(run(cluster, "rollback", tried(cluster, 1, COMMAND_NS_MAX - 1)));
    aborted(cluster, false, C);
    expect_refused(run(cluster, "rollback", tried(cluster, 1, COMMAND_NS_MAX)), REFUSAL_BUSY, "c");
    cluster_free(cluster);
}

static void pauses_double_from_10_ms_to_the_longest(void **state)
{
    (void)state;
    Cluster *cluster = three();
    Customer *customer = cluster->customers[A];
    const uint64_t most_ns = 300 * NS_PER_MS;
    customer->step = (Step){cluster->now_ns, cluster->effects};
    for (uint32_t tries = 1; tries <= INSTANCE_TRIES_MAX; tries++) {
        Attempt attempt = tried(cluster, tries, 0);
        const uint64_t about_ns = tries < 6 ? (10 * NS_PER_MS) << (tries - 1) : most_ns;
        customer_pause(customer, &attempt, most_ns);
        assert_false(attempt.engaged);
        assert_in_range(attempt.pause_ns - cluster->now_ns, about_ns / 2, about_ns * 3 / 2 - 1);
    }
    cluster_free(cluster);
}

static void what_the_bank_does_not_answer_is_repeated_after_ever_longer_pauses(void **state)
{
    (void)state;
    Cluster *cluster = three();
    Customer *customer = cluster->customers[A];
    uint32_t backoff = 0;
    customer->step = (Step){cluster->now_ns, cluster->effects};
    for (uint32_t times = 0; times < 4; times++) {
        const uint64_t least_ns = MIN((300 * NS_PER_MS) << times, 2 * NS_PER_S);
        const uint64_t pause_ns = customer_repeat_at(customer, &backoff) - cluster->now_ns;
        assert_in_range(pause_ns, least_ns, least_ns + least_ns / 4);
        assert_int_equal(backoff, times + 1);
    }
    cluster_free(cluster);
}

static void an_instance_that_is_open_is_waited_for_however_long(void **state)
{
    (void)state;
    Cluster *cluster = three();
    assert_null(run(cluster, "checkpoint", tried(cluster, 1, COMMAND_NS_MAX)));
    assert_true(execute_deadline(cluster->customers[A]) == TIME_NEVER);
    cluster_free(cluster);
}

static void who_gets_no_turn_blames_nobody(void **state)
{
    (void)state;
    Cluster *cluster = three();
    Customer *customer = cluster->customers[A];
    customer->process.outcome.silent = true; /* of an earlier command */
    customer->process.outcome.blocker = B;
    customer->process.recovering = true;
    assert_null(run(cluster, "checkpoint", (Attempt){0}));
    assert_int_equal(execute_deadline(customer), cluster->now_ns + COMMAND_NS_MAX);
    Attempt attempt = customer->attempt;
    cluster->now_ns += COMMAND_NS_MAX;
    expect_refused(run(cluster, "checkpoint", attempt), REFUSAL_BUSY, "");
    cluster_free(cluster);
}

static void an_attempt_ends_with_the_cohort(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(1, cluster_money(100), CASH_COMMIT);
    cluster_advance(cluster, NS_PER_S);
    assert_non_null(run(cluster, "balance", tried(cluster, 1, 0)));
    assert_false(cluster->customers[A]->attempt.active);
    assert_non_null(run(cluster, "withdrawal 100", tried(cluster, 1, 0)));
    assert_false(cluster->customers[A]->attempt.active);
    cluster_free(cluster);
}

static void a_withdrawal_that_is_refused_leaves_no_attempt_behind(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_cash(2, cluster_money(100), CASH_COMMIT);
    expect_refused(run(cluster, "withdrawal 100.01", (Attempt){0}), REFUSAL_INSUFFICIENT, "");
    assert_false(cluster->customers[A]->attempt.active);
    assert_true(execute_deadline(cluster->customers[A]) == TIME_NEVER);
    cluster_do(cluster, A, "withdrawal 100");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_told(cluster, "a SUCCESS withdrawal balance 0"), 1);
    cluster_free(cluster);
}

/* --- in a cohort, or not --- */

static void what_needs_a_cohort_waits_for_one_or_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"transfer 1 b", "lost-transfer 1 b", "checkpoint",
                                        "rollback"};
    Cluster *cluster = cluster_new_alone(2, cluster_money(100), CASH_RESTORE);
    Proposal *proposal = &cluster->customers[A]->membership.proposal;
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        *proposal = (Proposal){.pending = true, .kind = PROPOSAL_JOIN};
        assert_null(run(cluster, lines[i], (Attempt){0}));
        *proposal = (Proposal){0};
        expect_refused(run(cluster, lines[i], (Attempt){0}), REFUSAL_NOT_IN_COHORT,
                       i < 2 ? "b" : "");
    }
    cluster_free(cluster);
}

static void who_is_to_leave_begins_nothing(void **state)
{
    (void)state;
    Cluster *cluster = three();
    Customer *customer = cluster->customers[A];
    customer->membership.dissolving.quiesced = true;
    assert_null(run(cluster, "transfer 1 b", (Attempt){0}));
    assert_null(run(cluster, "rollback", (Attempt){0}));
    assert_int_equal(customer->process.engaged, ENGAGED_NOT);
    customer->membership.dissolving.quiesced = false;
    assert_null(run(cluster, "rollback", (Attempt){0}));
    assert_int_equal(customer->process.engaged, ENGAGED_ROLLBACK);
    assert_int_equal(customer->attempt.tries, 1);
    cluster_free(cluster);
}

static void committed_cash_is_permanent_at_once(void **state)
{
    (void)state;
    for (int joined = 0; joined < 2; joined++) {
        Cluster *cluster = cluster_new_alone(2, cluster_money(100), CASH_COMMIT);
        Customer *customer = cluster->customers[A];
        if (joined)
            cluster_join(cluster);
        customer->membership.report_due = false;
        assert_non_null(run(cluster, "deposit 1", (Attempt){0}));
        assert_int_equal(customer->membership.report_due, !joined); /* else with its checkpoint */
        assert_int_equal(customer->process.permanent_news, joined);
        assert_int_equal(customer->process.permanent_changed, joined);
        cluster_free(cluster);
    }
}

static void a_transfer_goes_to_another_member(void **state)
{
    (void)state;
    Cluster *cluster = three();
    expect_refused(run(cluster, "transfer 1 a", (Attempt){0}), REFUSAL_SELF, "a");
    expect_refused(run(cluster, "transfer 1 d", (Attempt){0}), REFUSAL_NOT_A_MEMBER, "d");
    expect_refused(run(cluster, "transfer 100.01 c", (Attempt){0}), REFUSAL_INSUFFICIENT, "c");
    cluster_do(cluster, A, "transfer 100 c");
    assert_int_equal(cluster_balance(cluster, C), cluster_money(200));
    cluster_free(cluster);
}

/* --- accounts --- */

static void an_account_is_filled_to_the_brim_and_no_further(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(1, cluster_money(1), CASH_RESTORE);
    expect_refused(run(cluster, "deposit 90071992547408.92", (Attempt){0}), REFUSAL_BALANCE_LIMIT,
                   "");
    cluster_do(cluster, A, "deposit 90071992547408.91");
    assert_int_equal(cluster_balance(cluster, A), AMOUNT_MAX);
    cluster_free(cluster);
}

static void an_account_is_opened_for_another_process_too(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(1, cluster_money(1), CASH_RESTORE);
    Customer *customer = cluster->customers[A];
    expect_refused(run(cluster, "open b 1", (Attempt){0}), REFUSAL_HAS_ACCOUNT, "a");
    assert_null(run(cluster, "open b 1 127.0.0.1 8601 8602", (Attempt){0}));
    assert_true(customer->request.active);
    assert_string_equal(customer->request.command.name.text, "b");
    assert_int_equal(customer->request.command.port1, 8601);
    cluster_free(cluster);
}

static void an_account_of_ones_own_is_where_the_process_is(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(1, cluster_money(1), CASH_RESTORE);
    Customer *customer = cluster->customers[A];
    customer->membership.has_account = false;
    assert_null(run(cluster, "open b 1", (Attempt){0}));
    assert_true(customer->request.command.addressed);
    assert_int_equal(customer->request.command.ip, customer->config.ip);
    assert_int_equal(customer->request.command.port1, customer->config.port1);
    assert_int_equal(customer->request.command.port2, customer->config.port2);
    cluster_free(cluster);
}

static void only_ones_own_account_is_kept_open_by_its_cohort(void **state)
{
    (void)state;
    Cluster *cluster = three();
    expect_refused(run(cluster, "exit a", (Attempt){0}), REFUSAL_IN_COHORT, "a");
    assert_null(run(cluster, "exit z", (Attempt){0}));
    assert_string_equal(cluster->customers[A]->request.command.name.text, "z");
    cluster_free(cluster);
}

static void an_account_that_comes_or_goes_is_not_there_to_act_on(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(1, cluster_money(1), CASH_RESTORE);
    Proposal *proposal = &cluster->customers[A]->membership.proposal;
    for (int kind = 0; kind < PROPOSAL_KINDS; kind++) {
        *proposal = (Proposal){.pending = true, .kind = (ProposalKind)kind};
        assert_int_equal(run(cluster, "deposit 1", (Attempt){0}) != NULL, kind == PROPOSAL_JOIN);
    }
    *proposal = (Proposal){0};
    cluster_free(cluster);
}

static void cash_waits_for_nothing_else_that_the_bank_is_asked(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(1, cluster_money(100), CASH_RESTORE);
    Customer *customer = cluster->customers[A];
    customer->loaded = customer->request.active = true;
    customer->request.command.kind = COMMAND_NEW_COHORT;
    run(cluster, "deposit 1", (Attempt){0});
    assert_int_equal(cluster_balance(cluster, A), cluster_money(101));
    customer->request.command.kind = COMMAND_RESUME;
    customer->request.heard_ns = cluster->now_ns;
    assert_null(run(cluster, "deposit 1", (Attempt){0}));
    cluster_free(cluster);
}

static void an_account_that_is_being_resumed_is_waited_for(void **state)
{
    (void)state;
    Customer *customer = customer_new(&(CustomerConfig){.client = 1, .seed = 1, .resume = {"a"}});
    Effects *effects = effects_new();
    Event event = {.kind = EVENT_COMMAND};
    CommandError error;
    customer_step(customer, &(Event){.kind = EVENT_START}, effects);
    assert_true(command_parse("balance", PLACE_CUSTOMER, &event.command, &error));
    customer_step(customer, &event, effects);
    assert_int_equal(effects_count(effects), 0);
    assert_int_equal(customer->commands->len, 1);
    effects_free(effects);
    customer_free(customer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_ends_a_command_at_once_and_says_whose),
        cmocka_unit_test(a_no_is_tried_again_a_hundred_times_or_a_minute),
        cmocka_unit_test(pauses_double_from_10_ms_to_the_longest),
        cmocka_unit_test(what_the_bank_does_not_answer_is_repeated_after_ever_longer_pauses),
        cmocka_unit_test(an_instance_that_is_open_is_waited_for_however_long),
        cmocka_unit_test(who_gets_no_turn_blames_nobody),
        cmocka_unit_test(an_attempt_ends_with_the_cohort),
        cmocka_unit_test(a_withdrawal_that_is_refused_leaves_no_attempt_behind),
        cmocka_unit_test(what_needs_a_cohort_waits_for_one_or_is_refused),
        cmocka_unit_test(who_is_to_leave_begins_nothing),
        cmocka_unit_test(committed_cash_is_permanent_at_once),
        cmocka_unit_test(an_account_of_ones_own_is_where_the_process_is),
        cmocka_unit_test(only_ones_own_account_is_kept_open_by_its_cohort),
        cmocka_unit_test(an_account_that_comes_or_goes_is_not_there_to_act_on),
        cmocka_unit_test(a_transfer_goes_to_another_member),
        cmocka_unit_test(an_account_is_filled_to_the_brim_and_no_further),
        cmocka_unit_test(an_account_is_opened_for_another_process_too),
        cmocka_unit_test(cash_waits_for_nothing_else_that_the_bank_is_asked),
        cmocka_unit_test(an_account_that_is_being_resumed_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
