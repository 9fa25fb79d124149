/* The simulated world end to end: the real core, driven by scenarios. */
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sim/trial.h"

/* --- the same seed gives the same run --- */

static void same_seed_gives_the_same_trace_byte_for_byte(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of(BUSY);
    Seen *first = seen_new(true);
    Seen *second = seen_new(true);
    World *left = run(scenario, 7, &first->observer);
    World *right = run(scenario, 7, &second->observer);
    assert_string_equal(first->trace->str, second->trace->str);
    assert_string_equal(first->notices->str, second->notices->str);
    assert_int_equal(world_result(left).trace_hash, world_result(right).trace_hash);
    world_free(left);
    world_free(right);
    seen_free(first);
    seen_free(second);
    scenario_free(scenario);
}

static void other_seed_gives_another_run(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of(BUSY);
    World *left = run(scenario, 1, NULL);
    World *right = run(scenario, 2, NULL);
    assert_int_not_equal(world_result(left).trace_hash, world_result(right).trace_hash);
    world_free(left);
    world_free(right);
    scenario_free(scenario);
}

static void hash_does_not_depend_on_who_watches(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of(BUSY);
    Seen *decisions = seen_new(false);
    Seen *everything = seen_new(true);
    World *unwatched = run(scenario, 3, NULL);
    World *watched = run(scenario, 3, &decisions->observer);
    World *well_watched = run(scenario, 3, &everything->observer);
    uint64_t hash = world_result(unwatched).trace_hash;
    assert_int_equal(world_result(watched).trace_hash, hash);
    assert_int_equal(world_result(well_watched).trace_hash, hash);
    assert_true(everything->trace->len > decisions->trace->len);
    world_free(unwatched);
    world_free(watched);
    world_free(well_watched);
    seen_free(decisions);
    seen_free(everything);
    scenario_free(scenario);
}

/* The times and amounts of the deposits in a trace. */
static char *deposits_of(const Scenario *scenario, uint64_t seed)
{
    Seen *seen = seen_new(false);
    World *world = run(scenario, seed, &seen->observer);
    assert_sound(world);
    GString *deposits = g_string_new(NULL);
    char **lines = g_strsplit(seen->trace->str, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        if (strstr(*line, "deposited") != NULL)
            g_string_append(deposits, strstr(*line, "\"t\":"));
    }
    g_strfreev(lines);
    world_free(world);
    seen_free(seen);
    return g_string_free(deposits, FALSE);
}

static void network_does_not_change_what_customers_want(void **state)
{
    (void)state;
    Scenario *calm = scenario_of("[workload]\ndeposit_rate=5/s\n");
    Scenario *rough = scenario_of("[network]\nloss=50%\nduplicate=20%\ndelay=exponential 1s\n"
                                  "[workload]\ndeposit_rate=5/s\n");
    char *in_calm = deposits_of(calm, 5);
    char *in_rough = deposits_of(rough, 5);
    assert_string_equal(in_calm, in_rough);
    assert_true(strlen(in_calm) > 1000);
    g_free(in_calm);
    g_free(in_rough);
    scenario_free(calm);
    scenario_free(rough);
}

static void every_customer_has_wishes_of_its_own(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[bank]\ncustomers=2\n[workload]\ndeposit_rate=1/s\n");
    char *deposits = deposits_of(scenario, 1);
    char **lines = g_strsplit(deposits, "\"t\":", -1);
    for (char **line = lines + 1; *line != NULL && line[1] != NULL; line++)
        assert_true(strtoull(line[0], NULL, 10) < strtoull(line[1], NULL, 10));
    g_strfreev(lines);
    g_free(deposits);
    scenario_free(scenario);
}

/* --- it holds, and comes to rest --- */

static void assert_sound_seeds(const char *text, uint64_t seeds)
{
    Scenario *scenario = scenario_of(text);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        World *world = run(scenario, seed, NULL);
        assert_sound(world);
        world_free(world);
    }
    scenario_free(scenario);
}

static void busy_lossy_runs_are_sound(void **state)
{
    (void)state;
    assert_sound_seeds(BUSY, 20);
}

static void runs_with_transfers_given_up_are_sound(void **state)
{
    (void)state;
    assert_sound_seeds(BUSY "amount=constant 1\n[network]\nretries=0\n", 10);
}

static void runs_with_committed_cash_are_sound(void **state)
{
    (void)state;
    assert_sound_seeds(BUSY "[bank]\ncash=commit\n", 10);
}

static void run_without_any_network_comes_to_rest_once_there_is_one(void **state)
{
    (void)state;
    assert_sound_seeds("[scenario]\nduration=20s\n[network]\nloss=100%\n"
                       "[workload]\ntransfer_rate=1/s\ncheckpoint_rate=0.2/s\n",
                       5);
}

/* --- the set-up --- */

static void customers_are_grouped_in_cohorts_in_order(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[bank]\ncustomers=7\ncohort_size=3\n");
    World *world = run(scenario, 1, NULL);
    static const uint64_t cohorts[] = {1, 1, 1, 2, 2, 2, 0};
    assert_sound(world);
    for (size_t i = 0; i < G_N_ELEMENTS(cohorts); i++)
        assert_int_equal(customer_cohort(world_customer(world, i)), cohorts[i]);
    world_free(world);
    scenario_free(scenario);
}

static void remainder_of_two_forms_a_cohort_of_its_own(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[bank]\ncustomers=5\ncohort_size=3\n");
    World *world = run(scenario, 1, NULL);
    assert_sound(world);
    assert_int_equal(customer_cohort(world_customer(world, 3)), 2);
    assert_int_equal(customer_cohort(world_customer(world, 4)), 2);
    world_free(world);
    scenario_free(scenario);
}

static void set_up_takes_no_time_and_meets_no_faults(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[scenario]\nduration=1s\n[network]\nloss=100%\n");
    Seen *seen = seen_new(false);
    World *world = run(scenario, 1, &seen->observer);
    assert_sound(world);
    assert_int_equal(world_now(world), NS_PER_S);
    assert_non_null(strstr(seen->trace->str, "\"t\":0,\"p\":\"c3\",\"inc\":0,\"e\":\"joined\""));
    world_free(world);
    seen_free(seen);
    scenario_free(scenario);
}

static void rows_of_a_file_are_resumed_with_their_balances(void **state)
{
    (void)state;
    const BankRow rows[] = {
        {.name = {"anna"}, .balance = 12345},
        {.name = {"bert"}, .balance = 777, .exited = true},
        {.name = {"cora"}, .balance = 0},
    };
    Scenario *scenario = scenario_new();
    char *error = NULL;
    assert_true(scenario_set(scenario, "bank.data=rows.csv", &error));
    assert_true(scenario_complete(scenario, rows, G_N_ELEMENTS(rows), &error));
    World *world = run(scenario, 1, NULL);
    WorldResult result = assert_sound(world);
    assert_int_equal(result.sums.money_total, 12345);
    assert_string_equal(customer_name(world_customer(world, 1))->text, "cora");
    assert_int_equal(customer_balance(world_customer(world, 0)), 12345);
    assert_int_equal(customer_cohort(world_customer(world, 0)), 1);
    assert_int_equal(bank_row_count(world_bank(world)), 3);
    world_free(world);
    scenario_free(scenario);
}

/* --- scripts --- */

static void rollback_restores_a_lost_transfer_sent_after_the_checkpoint(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[scenario]\nduration=10s\n"
                                     "[script]\n"
                                     "1s=c1 transfer 100 c2; c2 deposit 50\n"
                                     "2s=c1 checkpoint\n"
                                     "3s=c1 lost-transfer 100 c2\n"
                                     "4s=c1 rollback\n");
    World *world = run(scenario, 1, NULL);
    WorldResult result = assert_sound(world);
    assert_int_equal(result.sums.checkpoints, 1);
    assert_int_equal(result.sums.rollbacks, 1);
    assert_int_equal(result.sums.transfers_lost, 0);
    assert_int_equal(customer_balance(world_customer(world, 0)), 90000);
    assert_int_equal(customer_balance(world_customer(world, 1)), 115000);
    assert_int_equal(customer_balance(world_customer(world, 2)), 100000);
    world_free(world);
    scenario_free(scenario);
}

static void script_runs_at_its_times_in_its_order(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[script]\n"
                                     "2.5s=c2 balance; c1 balance\n"
                                     "1s=c3 deposit 1\n");
    Seen *seen = seen_new(false);
    World *world = run(scenario, 1, &seen->observer);
    assert_sound(world);
    assert_non_null(strstr(seen->notices->str, "1000 c3 deposit SUCCESS 3\n"
                                               "2500 c2 balance SUCCESS 3\n"
                                               "2500 c1 balance SUCCESS 3\n"));
    world_free(world);
    seen_free(seen);
    scenario_free(scenario);
}

static void customer_may_exit_and_its_process_open_anew(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[bank]\ncohort_size=1\n"
                                     "[script]\n"
                                     "1s=c1 exit\n"
                                     "2s=c1 deposit 5\n"
                                     "3s=c1 open zoe 20\n"
                                     "4s=c1 deposit 5\n");
    Seen *seen = seen_new(false);
    World *world = run(scenario, 1, &seen->observer);
    WorldResult result = assert_sound(world);
    assert_non_null(strstr(seen->notices->str, " c1 exit SUCCESS 3\n"));
    assert_non_null(strstr(seen->notices->str, "2000 c1 deposit FAILURE 3\n"));
    assert_non_null(strstr(seen->notices->str, " zoe open SUCCESS 3\n"));
    assert_non_null(strstr(seen->notices->str, "4000 zoe deposit SUCCESS 3\n"));
    assert_non_null(strstr(seen->trace->str, "\"p\":\"zoe\",\"inc\":0,\"e\":\"opened\""));
    assert_int_equal(result.sums.money_out, 100000);
    assert_int_equal(result.commands_refused, 1);
    assert_int_equal(customer_balance(world_customer(world, 0)), 2500);
    world_free(world);
    seen_free(seen);
    scenario_free(scenario);
}

static void process_that_has_exited_is_gone(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[bank]\ncohort_size=1\n[script]\n1s=c2 exit\n");
    World *world = run(scenario, 1, NULL);
    assert_sound(world);
    assert_null(world_customer(world, 1));
    assert_non_null(world_customer(world, 0));
    world_free(world);
    scenario_free(scenario);
}

static void cohorts_are_dissolved_and_formed_by_script(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[scenario]\nduration=40s\n"
                                     "[bank]\ncustomers=4\ncohort_size=2\n"
                                     "[network]\nloss=5%\n"
                                     "[workload]\ntransfer_rate=5/s\ncheckpoint_rate=0.2/s\n"
                                     "[script]\n"
                                     "5s=bank delete-cohort c1; c3 delete-cohort\n"
                                     "20s=bank new-cohort c4 4\n");
    for (uint64_t seed = 1; seed <= 5; seed++) {
        World *world = run(scenario, seed, NULL);
        assert_sound(world);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(customer_cohort(world_customer(world, i)), 3);
        world_free(world);
    }
    scenario_free(scenario);
}

static void workload_is_left_out_while_too_much_is_unanswered(void **state)
{
    (void)state;
    /* A checkpoint that cannot end holds up everything behind it. */
    Scenario *scenario = scenario_of("[scenario]\nduration=10s\n"
                                     "[network]\nloss=100%\n"
                                     "[workload]\ndeposit_rate=100/s\n"
                                     "[script]\n"
                                     "0s=c1 transfer 1 c2; c2 transfer 1 c1\n"
                                     "0.1s=c1 rollback\n");
    World *world = run(scenario, 1, NULL);
    WorldResult result = assert_sound(world);
    assert_in_range(result.commands_left_out, 100, 1000);
    world_free(world);
    scenario_free(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_trace_byte_for_byte),
        cmocka_unit_test(other_seed_gives_another_run),
        cmocka_unit_test(hash_does_not_depend_on_who_watches),
        cmocka_unit_test(network_does_not_change_what_customers_want),
        cmocka_unit_test(every_customer_has_wishes_of_its_own),
        cmocka_unit_test(busy_lossy_runs_are_sound),
        cmocka_unit_test(runs_with_transfers_given_up_are_sound),
        cmocka_unit_test(runs_with_committed_cash_are_sound),
        cmocka_unit_test(run_without_any_network_comes_to_rest_once_there_is_one),
        cmocka_unit_test(customers_are_grouped_in_cohorts_in_order),
        cmocka_unit_test(remainder_of_two_forms_a_cohort_of_its_own),
        cmocka_unit_test(set_up_takes_no_time_and_meets_no_faults),
        cmocka_unit_test(rows_of_a_file_are_resumed_with_their_balances),
        cmocka_unit_test(rollback_restores_a_lost_transfer_sent_after_the_checkpoint),
        cmocka_unit_test(script_runs_at_its_times_in_its_order),
        cmocka_unit_test(customer_may_exit_and_its_process_open_anew),
        cmocka_unit_test(process_that_has_exited_is_gone),
        cmocka_unit_test(cohorts_are_dissolved_and_formed_by_script),
        cmocka_unit_test(workload_is_left_out_while_too_much_is_unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
