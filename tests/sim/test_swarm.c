#include "sim/swarm.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sim/trial.h"

enum { DRAWN = 1000 };

static void a_seed_draws_the_same_scenario_every_time(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < DRAWN; seed++) {
        g_autoptr(GString) text = swarm_text(seed);
        g_autoptr(GString) again = swarm_text(seed);
        g_autoptr(GString) next = swarm_text(seed + 1);
        assert_string_equal(text->str, again->str);
        assert_string_not_equal(text->str, next->str);
    }
}

static void every_drawn_scenario_is_complete_and_small(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < DRAWN; seed++) {
        Scenario *scenario = swarm_scenario(seed);
        assert_in_range(scenario->participants->len, 2, 8);
        assert_in_range(scenario->duration_ns, 300 * NS_PER_MS, 300 * NS_PER_S);
        assert_int_equal(scenario->seed, seed);
        scenario_free(scenario);
    }
}

/* How many scenarios have something of each kind. */
enum {
    HAS_LOSS,
    HAS_DUPLICATES,
    HAS_LIMITED_RETRIES,
    HAS_CASH_COMMIT,
    HAS_SEVERAL_COHORTS,
    HAS_CRASHES,
    HAS_BANK_CRASHES,
    HAS_CRASHES_AT_SAVES,
    HAS_PARTITIONS,
    HAS_PAUSES,
    HAS_DRIFT,
    HAS_CLOCK_JUMPS,
    HAS_SLOW_DISKS,
    HAS_DISK_ERRORS,
    HAS_FULL_DISKS,
    HAS_BIT_FLIPS,
    KINDS
};

static void look(const Scenario *scenario, bool has[static KINDS])
{
    const FaultModel *faults = &scenario->faults;
    has[HAS_LOSS] = scenario->network.loss > 0;
    has[HAS_DUPLICATES] = scenario->network.duplicate > 0;
    has[HAS_LIMITED_RETRIES] = scenario->retries != RETRIES_UNLIMITED;
    has[HAS_CASH_COMMIT] = scenario->cash == CASH_COMMIT;
    has[HAS_SEVERAL_COHORTS] = scenario->cohort_size < scenario->participants->len;
    has[HAS_CRASHES] = faults->crash_interval_ns > 0;
    has[HAS_BANK_CRASHES] = faults->bank_crash_interval_ns > 0;
    has[HAS_CRASHES_AT_SAVES] = faults->crash_at_save > 0;
    has[HAS_PARTITIONS] = faults->partition_interval_ns > 0;
    has[HAS_PAUSES] = faults->pause_interval_ns > 0;
    has[HAS_DRIFT] = faults->clock_drift > 0;
    has[HAS_CLOCK_JUMPS] = faults->clock_jump_interval_ns > 0;
    has[HAS_SLOW_DISKS] = scenario->disk.fsync_delay.a_ns > 0;
    has[HAS_DISK_ERRORS] = scenario->disk.error_rate > 0;
    has[HAS_FULL_DISKS] = scenario->disk.full_rate > 0;
    has[HAS_BIT_FLIPS] = faults->bit_flip_rate > 0;
}

static void each_fault_is_often_off_and_often_on(void **state)
{
    (void)state;
    unsigned on[KINDS] = {0};
    unsigned without_faults = 0;
    for (uint64_t seed = 0; seed < DRAWN; seed++) {
        bool has[KINDS];
        unsigned faults = 0;
        Scenario *scenario = swarm_scenario(seed);
        look(scenario, has);
        for (int kind = 0; kind < KINDS; kind++)
            on[kind] += has[kind];
        for (int kind = HAS_CRASHES; kind < KINDS; kind++)
            faults += has[kind];
        without_faults += faults == 0;
        assert_true(faults < KINDS - HAS_CRASHES); /* never all at once */
        scenario_free(scenario);
    }
    for (int kind = 0; kind < KINDS; kind++)
        assert_in_range(on[kind], DRAWN / 20, kind < HAS_CRASHES ? DRAWN * 9 / 10 : DRAWN / 2);
    assert_in_range(without_faults, DRAWN / 10, DRAWN / 2);
}

static void the_same_seed_runs_the_same_and_sets_the_same_marks(void **state)
{
    (void)state;
    uint64_t marks = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        Scenario *scenario = swarm_scenario(seed);
        World *world = run(scenario, seed, NULL);
        World *again = run(scenario, seed, NULL);
        WorldResult first = assert_sound(world);
        WorldResult second = assert_sound(again);
        assert_int_equal(first.trace_hash, second.trace_hash);
        assert_memory_equal(first.marks, second.marks, sizeof first.marks);
        for (int i = 0; i < MARK_KINDS; i++)
            marks += first.marks[i];
        world_free(world);
        world_free(again);
        scenario_free(scenario);
    }
    assert_true(marks > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_draws_the_same_scenario_every_time),
        cmocka_unit_test(every_drawn_scenario_is_complete_and_small),
        cmocka_unit_test(each_fault_is_often_off_and_often_on),
        cmocka_unit_test(the_same_seed_runs_the_same_and_sets_the_same_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
