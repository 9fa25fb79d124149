/* The simulated world end to end: the real core, driven by scenarios. */
#include "sim/world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* What a run told, as one text, and a few things to look at. */
typedef struct Seen {
    Observer observer;
    GString *trace;
    GString *notices; /* "seconds.milliseconds process kind tag\n" */
} Seen;

static void see_trace(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                      const TraceEvent *event)
{
    trace_write(((Seen *)context)->trace, seq, t_ns, process, event);
}

static void see_notice(void *context, uint64_t t_ns, const Name *process, const Notice *notice)
{
    if (notice->kind != NOTICE_SUCCESS && notice->kind != NOTICE_FAILURE)
        return;
    g_string_append_printf(((Seen *)context)->notices, "%" PRIu64 " %s %s %s %" PRIu64 "\n",
                           t_ns / NS_PER_MS, process->text, command_word(notice->command),
                           notice->kind == NOTICE_SUCCESS ? "SUCCESS" : "FAILURE", notice->tag);
}

static Seen *seen_new(bool datagrams)
{
    Seen *seen = g_new0(Seen, 1);
    seen->trace = g_string_new(NULL);
    seen->notices = g_string_new(NULL);
    seen->observer = (Observer){seen, see_trace, datagrams, see_notice};
    return seen;
}

static void seen_free(Seen *seen)
{
    g_string_free(seen->trace, TRUE);
    g_string_free(seen->notices, TRUE);
    g_free(seen);
}

static Scenario *scenario_of(const char *text)
{
    Scenario *scenario = scenario_new();
    char *error = NULL;
    if (!scenario_read(scenario, "test.ini", text, &error) ||
        !scenario_complete(scenario, NULL, 0, &error))
        fail_msg("%s", error);
    return scenario;
}

static World *run(const Scenario *scenario, uint64_t seed, const Observer *observer)
{
    World *world = world_new(scenario, seed, observer);
    while (world_advance(world, 1000))
        continue;
    return world;
}

/* Settled, without violation, and everything adds up. */
static WorldResult assert_sound(const World *world)
{
    WorldResult result = world_result(world);
    if (result.stuck->len > 0)
        fail_msg("stuck: %s", (const char *)g_ptr_array_index(result.stuck, 0));
    if (result.violations->len > 0) {
        const Violation *violation = g_ptr_array_index(result.violations, 0);
        fail_msg("%s: %s", rule_name(violation->rule), violation->text);
    }
    const TotalSums *sums = &result.sums;
    assert_int_equal(result.datagrams_sent + result.datagrams_duplicated,
                     result.datagrams_delivered + result.datagrams_dropped);
    assert_int_equal(sums->transfers,
                     sums->transfers_received + sums->transfers_lost + sums->transfers_undone);
    assert_int_equal(sums->money_in, sums->money_out + sums->money_total + sums->money_lost);
    return result;
}

#define BUSY                                                                                       \
    "[scenario]\nduration=5s\n"                                                                    \
    "[bank]\ncustomers=4\n"                                                                        \
    "[network]\nloss=10%\nduplicate=5%\n"                                                          \
    "[workload]\ntransfer_rate=20/s\ndeposit_rate=1/s\nwithdrawal_rate=1/s\n"                      \
    "lost_transfer_rate=0.5/s\ncheckpoint_rate=0.5/s\nrollback_rate=0.3/s\n"

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

/* --- faults --- */

/* What the interface shows by hand: a restart, and exactly those roll back who hold what the
 * crashed process no longer remembers sending. */
static void crashed_customer_comes_back_and_rolls_back_those_who_must(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[scenario]\nduration=20s\n"
                                     "[script]\n"
                                     "1s=c1 transfer 100 c2\n"
                                     "2s=c1 checkpoint\n"
                                     "3s=c1 transfer 10 c2; c1 transfer 10 c2; c3 deposit 5\n"
                                     "4s=c1 crash\n"
                                     "5s=c1 restart\n"
                                     "10s=c1 transfer 1 c3\n");
    Seen *seen = seen_new(false);
    World *world = run(scenario, 1, &seen->observer);
    WorldResult result = assert_sound(world);
    assert_int_equal(result.sums.crashes, 1);
    assert_int_equal(result.faults[COUNT_RESTARTS], 1);
    assert_int_equal(result.faults[COUNT_RECOVERIES], 1);
    assert_int_equal(result.sums.transfers_undone, 2);
    assert_int_equal(customer_balance(world_customer(world, 0)), 89900);
    assert_int_equal(customer_balance(world_customer(world, 1)), 110000);
    assert_int_equal(customer_balance(world_customer(world, 2)), 100600);
    assert_non_null(strstr(seen->trace->str, "\"t\":4000000000,\"p\":\"c1\",\"inc\":0,"
                                             "\"e\":\"crashed\",\"balance\":88000"));
    assert_non_null(strstr(seen->trace->str, "\"t\":5000000000,\"p\":\"c1\",\"inc\":0,"
                                             "\"e\":\"restarted\",\"balance\":90000"));
    assert_non_null(strstr(seen->notices->str, "10000 c1 transfer SUCCESS 3\n"));
    world_free(world);
    seen_free(seen);
    scenario_free(scenario);
}

static void all_may_crash_at_once(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[scenario]\nduration=20s\n"
                                     "[workload]\ntransfer_rate=5/s\ncheckpoint_rate=0.5/s\n"
                                     "[script]\n"
                                     "5s=bank crash; c1 crash; c2 crash; c3 crash\n"
                                     "6s=c3 restart; c2 restart; c1 restart; bank restart\n");
    for (uint64_t seed = 1; seed <= 20; seed++) {
        World *world = run(scenario, seed, NULL);
        WorldResult result = assert_sound(world);
        assert_int_equal(result.sums.crashes, 3);
        assert_int_equal(result.faults[COUNT_BANK_CRASHES], 1);
        assert_int_equal(result.faults[COUNT_RESTARTS], 4);
        world_free(world);
    }
    scenario_free(scenario);
}

static void process_that_is_down_takes_no_command(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[script]\n"
                                     "1s=c1 crash; bank crash\n"
                                     "2s=c1 deposit 5; bank delete-cohort c2\n"
                                     "3s=c1 restart; bank restart\n"
                                     "20s=c1 deposit 5\n");
    Seen *seen = seen_new(false);
    World *world = run(scenario, 1, &seen->observer);
    WorldResult result = assert_sound(world);
    assert_non_null(strstr(seen->notices->str, "2000 c1 deposit FAILURE 3\n"));
    assert_non_null(strstr(seen->notices->str, "2000 bank delete-cohort FAILURE 3\n"));
    assert_non_null(strstr(seen->notices->str, "20000 c1 deposit SUCCESS 3\n"));
    assert_int_equal(result.commands_refused, 2);
    world_free(world);
    seen_free(seen);
    scenario_free(scenario);
}

static void what_is_down_at_the_end_comes_back_at_once(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[scenario]\nduration=10s\n"
                                     "[faults]\nrestart_after=constant 1h\n"
                                     "[script]\n5s=c1 crash; bank crash\n");
    World *world = run(scenario, 1, NULL);
    WorldResult result = assert_sound(world);
    assert_in_range(world_now(world), 10 * NS_PER_S, 20 * NS_PER_S);
    assert_int_equal(result.settle_ns, world_now(world) - 10 * NS_PER_S);
    assert_non_null(world_customer(world, 0));
    assert_non_null(world_bank(world));
    world_free(world);
    scenario_free(scenario);
}

static void who_has_exited_does_not_come_back(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[bank]\ncohort_size=1\n"
                                     "[script]\n1s=c1 exit\n2s=c1 crash\n3s=c1 restart\n");
    World *world = run(scenario, 1, NULL);
    WorldResult result = assert_sound(world);
    assert_null(world_customer(world, 0));
    assert_int_equal(result.faults[COUNT_RESTARTS], 0);
    world_free(world);
    scenario_free(scenario);
}

static void set_up_meets_no_fault_however_bad_it_gets(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[scenario]\nduration=2s\n"
                                     "[workload]\ntransfer_rate=1/s\ncheckpoint_rate=1/s\n"
                                     "[faults]\ncrash_rate=10/s\ncrash_at_save=100%\n"
                                     "[disk]\nfsync_delay=constant 10ms\nerror_rate=5%\n");
    World *world = run(scenario, 1, NULL);
    WorldResult result = assert_sound(world);
    assert_int_equal(customer_cohort(world_customer(world, 0)), 1);
    assert_true(result.sums.crashes > 3);
    assert_true(result.faults[COUNT_DISK_ERRORS] > 0);
    world_free(world);
    scenario_free(scenario);
}

/* Nothing is told before it would survive a power cut. */
static void answer_waits_for_the_disk(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of("[bank]\ncohort_size=1\n"
                                     "[disk]\nwrite_delay=constant 20ms\n"
                                     "fsync_delay=constant 100ms\n"
                                     "[script]\n1s=c1 deposit 5\n1.05s=c1 deposit 6\n");
    Seen *seen = seen_new(false);
    World *world = run(scenario, 1, &seen->observer);
    assert_sound(world);
    assert_non_null(strstr(seen->notices->str, "1120 c1 deposit SUCCESS 3\n"
                                               "1240 c1 deposit SUCCESS 3\n"));
    world_free(world);
    seen_free(seen);
    scenario_free(scenario);
}

#define EVERYTHING                                                                                 \
    BUSY "[faults]\ncrash_rate=0.3/s\nbank_crash_rate=0.3/s\ncrash_at_save=2%\n"                   \
         "partition_rate=0.5/s\npause_rate=0.3/s\nclock_drift=10%\nclock_jump_rate=0.3/s\n"        \
         "[disk]\nwrite_delay=exponential 1ms\nfsync_delay=exponential 5ms\n"                      \
         "torn_write=50%\nlost_unsynced=50%\nfull_rate=0.2%\nerror_rate=0.2%\n"                    \
         "bit_flip_rate=30%\n"

static void all_faults_happen_are_counted_and_survived(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of(EVERYTHING);
    uint64_t faults[FAULT_COUNTS] = {0};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        World *world = run(scenario, seed, NULL);
        WorldResult result = assert_sound(world);
        for (int i = 0; i < FAULT_COUNTS; i++)
            faults[i] += result.faults[i];
        world_free(world);
    }
    /* Of records that are all there twice, one bit is always repaired. */
    assert_int_equal(faults[COUNT_BIT_FLIPS],
                     faults[COUNT_BIT_FLIPS_REPAIRED] + faults[COUNT_BIT_FLIPS_REFUSED]);
    for (int i = 0; i < FAULT_COUNTS; i++) {
        if (faults[i] == 0 && i != COUNT_BIT_FLIPS_REFUSED)
            fail_msg("no %s", fault_count_key((FaultCount)i));
    }
    scenario_free(scenario);
}

static void same_seed_gives_the_same_faults(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of(EVERYTHING);
    Seen *first = seen_new(true);
    Seen *second = seen_new(true);
    World *left = run(scenario, 7, &first->observer);
    World *right = run(scenario, 7, &second->observer);
    assert_string_equal(first->trace->str, second->trace->str);
    assert_memory_equal(world_result(left).faults, world_result(right).faults,
                        sizeof world_result(left).faults);
    world_free(left);
    world_free(right);
    seen_free(first);
    seen_free(second);
    scenario_free(scenario);
}

/* The disk takes no time and nothing crashes: then it must not be noticed. */
static void disk_that_nobody_notices_changes_nothing(void **state)
{
    (void)state;
    Scenario *without = scenario_of(BUSY);
    Scenario *with = scenario_of(BUSY "[script]\n0s=c1 restart\n");
    World *left = run(without, 3, NULL);
    World *right = run(with, 3, NULL);
    assert_true(with->disks_matter && !without->disks_matter);
    assert_int_equal(world_result(left).trace_hash, world_result(right).trace_hash);
    world_free(left);
    world_free(right);
    scenario_free(without);
    scenario_free(with);
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
        cmocka_unit_test(crashed_customer_comes_back_and_rolls_back_those_who_must),
        cmocka_unit_test(all_may_crash_at_once),
        cmocka_unit_test(process_that_is_down_takes_no_command),
        cmocka_unit_test(what_is_down_at_the_end_comes_back_at_once),
        cmocka_unit_test(who_has_exited_does_not_come_back),
        cmocka_unit_test(set_up_meets_no_fault_however_bad_it_gets),
        cmocka_unit_test(answer_waits_for_the_disk),
        cmocka_unit_test(all_faults_happen_are_counted_and_survived),
        cmocka_unit_test(same_seed_gives_the_same_faults),
        cmocka_unit_test(disk_that_nobody_notices_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
