/* Simulated worlds as tests: whatever a mutant does, the checker finds, or it gets stuck.
 *
 * One test is one seed of one scenario. The scenarios are those in which the planted faults are
 * found, some of the examples, and drawn ones. Beside the verdict each leaves its trace's hash
 * behind: that a mutant changes it kills nobody, but it tells who is not equivalent. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/mutation/runner.h"
#include "sim/swarm.h"
#include "tests/sim/trial.h"

enum { SEEDS_OF_A_SCENARIO = 12, DRAWN = 150 };

typedef struct Case {
    char *text;
    uint64_t seed;
} Case;

/* The scenarios as far as they are short. */
static const char *const SCENARIOS[] = {"planted/answered_once",
                                        "planted/asked_once",
                                        "planted/come_and_go",
                                        "planted/come_and_go_crashing",
                                        "planted/contended",
                                        "planted/crashes",
                                        "planted/damaged",
                                        "planted/everything",
                                        "planted/former_life",
                                        "planted/in_the_midst",
                                        "planted/long_ago",
                                        "planted/undone_at_once",
                                        "scenarios/accounts",
                                        "scenarios/cash",
                                        "scenarios/cohorts",
                                        "scenarios/concurrent",
                                        "scenarios/everything",
                                        "scenarios/everything_cash",
                                        "scenarios/rollback",
                                        "scenarios/rough",
                                        "regression/channel_closed_by_another",
                                        "regression/name_opened_before_its_exit"};

static void the_world_is_sound(void **state)
{
    const Case *this = *state;
    Scenario *scenario = scenario_of(this->text);
    World *world = run(scenario, this->seed, NULL);
    WorldResult result = world_result(world);
    assert_int_equal(result.stuck->len, 0);
    assert_int_equal(result.violations->len, 0);
    assert_int_equal(result.sums.money_in,
                     result.sums.money_out + result.sums.money_total + result.sums.money_lost);
    runner_digest = result.trace_hash;
    world_free(world);
    scenario_free(scenario);
}

static void add(GArray *tests, char *name, char *text, uint64_t seed)
{
    Case *this = g_new(Case, 1);
    *this = (Case){text, seed};
    struct CMUnitTest test = {name, the_world_is_sound, NULL, NULL, this};
    g_array_append_val(tests, test);
}

int main(void)
{
    GArray *tests = g_array_new(FALSE, FALSE, sizeof(struct CMUnitTest));
    for (size_t i = 0; i < G_N_ELEMENTS(SCENARIOS); i++) {
        char *path = g_strdup_printf("%s/tests/%s.ini", RUNNER_ROOT, SCENARIOS[i]);
        char *text = NULL;
        if (!g_file_get_contents(path, &text, NULL, NULL))
            g_error("%s cannot be read", path);
        for (uint64_t seed = 1; seed <= SEEDS_OF_A_SCENARIO; seed++)
            add(tests, g_strdup_printf("%s %" PRIu64, SCENARIOS[i], seed), text, seed);
    }
    for (uint64_t seed = 1; seed <= DRAWN; seed++)
        add(tests, g_strdup_printf("drawn %" PRIu64, seed), g_string_free(swarm_text(seed), FALSE),
            seed);
    return _cmocka_run_group_tests("worlds", (const struct CMUnitTest *)(void *)tests->data,
                                   tests->len, NULL, NULL);
}
