/* The simulated world when things go wrong: crashes, disks, partitions, pauses, clocks. */
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sim/trial.h"

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
