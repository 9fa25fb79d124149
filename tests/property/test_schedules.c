/* Whatever the scenario: it may be written to a file and read back, and so may the schedule that
 * is noted of its run; and all three are the same run, to the last byte sent.
 *
 *     test_schedules [FIRST LAST]    runs the swarm's seeds FIRST .. LAST (1 .. 400)
 *
 * A seed that fails is told with what differs; `cohort sim --swarm --seed N --write-schedule FILE`
 * writes its schedule. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/schedule.h"
#include "sim/swarm.h"
#include "sim/world.h"

enum { SEEDS = 400, JOBS = 2, EVENTS_PER_SLICE = 100000 };

typedef struct Run {
    World *world;
    WorldResult result;
} Run;

/* noted: or NULL. */
static Run run(const Scenario *scenario, uint64_t seed, Scenario *noted)
{
    World *world = world_new(scenario, seed, NULL);
    if (noted != NULL)
        world_note_choices(world, noted);
    while (world_advance(world, EVENTS_PER_SLICE))
        continue;
    return (Run){world, world_result(world)};
}

/* NULL: refused, with a word to stderr. */
static Scenario *read_back(const char *text)
{
    Scenario *scenario = scenario_new();
    char *error = NULL;
    if (scenario_read(scenario, "schedule", text, &error) &&
        scenario_complete(scenario, NULL, 0, &error))
        return scenario;
    fprintf(stderr, "%s\n", error);
    g_free(error);
    scenario_free(scenario);
    return NULL;
}

static bool same(const char *what, uint64_t left, uint64_t right)
{
    if (left != right)
        fprintf(stderr, "%s: %" PRIu64 " in the run, %" PRIu64 " in its schedule\n", what, left,
                right);
    return left == right;
}

static bool same_texts(const char *what, const GPtrArray *left, const GPtrArray *right)
{
    bool all = same(what, left->len, right->len);
    for (guint i = 0; all && i < left->len; i++)
        all = strcmp(g_ptr_array_index(left, i), g_ptr_array_index(right, i)) == 0;
    return all;
}

static bool same_result(const WorldResult *left, const WorldResult *right)
{
    const struct {
        const char *what;
        uint64_t left;
        uint64_t right;
    } values[] = {
        {"trace hash", left->trace_hash, right->trace_hash},
        {"virtual time", left->virtual_ns, right->virtual_ns},
        {"events", left->events, right->events},
        {"datagrams sent", left->datagrams_sent, right->datagrams_sent},
        {"datagrams duplicated", left->datagrams_duplicated, right->datagrams_duplicated},
        {"datagrams delivered", left->datagrams_delivered, right->datagrams_delivered},
        {"datagrams dropped", left->datagrams_dropped, right->datagrams_dropped},
        {"commands", left->commands, right->commands},
        {"commands refused", left->commands_refused, right->commands_refused},
        {"settling", left->settle_ns, right->settle_ns},
        {"violations", left->violations->len, right->violations->len},
    };
    bool all = true;
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        all = same(values[i].what, values[i].left, values[i].right) && all;
    for (int i = 0; i < FAULT_COUNTS; i++)
        all = same(fault_count_key((FaultCount)i), left->faults[i], right->faults[i]) && all;
    all = same_texts("stuck", left->stuck, right->stuck) && all;
    return memcmp(&left->sums, &right->sums, sizeof left->sums) == 0 && all;
}

/* The scenario as it is written runs the same. */
static bool written_runs_the_same(const Scenario *scenario, uint64_t seed,
                                  const WorldResult *result)
{
    g_autoptr(GString) text = g_string_new(NULL);
    scenario_write(scenario, text);
    Scenario *written = read_back(text->str);
    if (written == NULL)
        return false;
    Run again = run(written, seed, NULL);
    bool ok = same_result(result, &again.result);
    world_free(again.world);
    scenario_free(written);
    return ok;
}

/* So does the schedule; whose own run is noted too: nothing in it is idle. */
static bool schedule_runs_the_same(const Scenario *noted, const WorldResult *result)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    scenario_write(noted, text);
    Scenario *schedule = read_back(text->str);
    if (schedule == NULL)
        return false;
    Scenario *renoted = schedule_of(schedule);
    Run second = run(schedule, schedule->seed, renoted);
    scenario_write(renoted, again);
    bool ok = same_result(result, &second.result);
    if (strcmp(text->str, again->str) != 0) {
        fprintf(stderr, "the schedule of the schedule is another\n");
        ok = false;
    }
    world_free(second.world);
    scenario_free(renoted);
    scenario_free(schedule);
    return ok;
}

static bool replays(uint64_t seed)
{
    Scenario *scenario = swarm_scenario(seed);
    Scenario *noted = schedule_of(scenario);
    Run first = run(scenario, seed, noted);
    bool ok = written_runs_the_same(scenario, seed, &first.result);
    ok = schedule_runs_the_same(noted, &first.result) && ok;
    if (!ok)
        fprintf(stderr, "seed %" PRIu64 " failed\n", seed);
    world_free(first.world);
    scenario_free(noted);
    scenario_free(scenario);
    return ok;
}

static bool work(uint64_t first, uint64_t last, uint64_t step)
{
    uint64_t failed = 0;
    for (uint64_t seed = first; seed <= last; seed += step)
        failed += !replays(seed);
    printf("%" PRIu64 " of the seeds %" PRIu64 " to %" PRIu64 " failed\n", failed, first, last);
    return failed == 0;
}

static int run_workers(uint64_t first, uint64_t last)
{
    bool ok = true;
    for (unsigned job = 0; job < JOBS; job++) {
        if (fork() == 0)
            exit(work(first + job, last, JOBS) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    for (unsigned job = 0; job < JOBS; job++) {
        int status = -1;
        ok = wait(&status) > 0 && status == 0 && ok;
    }
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t last = SEEDS;
    if (argc != 1 && !(argc == 3 && number_parse(argv[1], &first) && number_parse(argv[2], &last) &&
                       first > 0 && first <= last)) {
        fprintf(stderr, "Usage: %s [FIRST LAST]\n", argv[0]);
        return EXIT_FAILURE;
    }
    return run_workers(first, last);
}
