/* Whatever the scenario: no invariant is violated, and the run settles.
 *
 *     test_random_scenarios [FIRST LAST]    runs the seeds FIRST .. LAST (1 .. 3000)
 *     test_random_scenarios --print SEED    prints the scenario file that a seed stands for
 *
 * A seed that fails is told with its scenario; `cohort sim --swarm --seed SEED` runs it again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/scenario.h"
#include "sim/swarm.h"
#include "sim/world.h"

enum {
    SEEDS = 3000,
    JOBS_MAX = 16,
    EVENTS_PER_SLICE = 100000,
    SLICES_MAX = 100, /* who goes on for so long does so for ever */
    TOLD_MAX = 3,     /* failures that one worker tells in full */
    SEEDS_ENOUGH = 1000
};

/* What one worker has done; in memory that it shares with its parent. */
typedef struct Progress {
    uint64_t seed; /* under way; 0: all are done */
    uint64_t failed;
    uint64_t events;
    uint64_t records[TRACE_KINDS];
    uint64_t faults[FAULT_COUNTS];
} Progress;

static void count_record(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                         const TraceEvent *event)
{
    Progress *progress = context;
    (void)seq;
    (void)t_ns;
    (void)process;
    progress->records[event->kind]++;
}

static Scenario *scenario_of(const char *text)
{
    Scenario *scenario = scenario_new();
    char *error = NULL;
    if (!scenario_read(scenario, "drawn", text, &error) ||
        !scenario_complete(scenario, NULL, 0, &error)) {
        fprintf(stderr, "a drawn scenario is wrong: %s\n%s", error, text);
        abort();
    }
    return scenario;
}

/* Appends a line for everything that is wrong with the run. */
static void judge(const World *world, Progress *progress, GString *faults)
{
    WorldResult result = world_result(world);
    for (int i = 0; i < FAULT_COUNTS; i++)
        progress->faults[i] += result.faults[i];
    for (guint i = 0; i < result.violations->len; i++) {
        const Violation *violation = g_ptr_array_index(result.violations, i);
        g_string_append_printf(faults, "violation of %s: %s, seq %" PRIu64 ": %s\n",
                               rule_name(violation->rule), violation->process.text, violation->seq,
                               violation->text);
    }
    for (guint i = 0; i < result.stuck->len; i++)
        g_string_append_printf(faults, "not settled: %s\n",
                               (const char *)g_ptr_array_index(result.stuck, i));
}

static void run_seed(uint64_t seed, Progress *progress)
{
    g_autoptr(GString) text = swarm_text(seed);
    g_autoptr(GString) faults = g_string_new(NULL);
    Scenario *scenario = scenario_of(text->str);
    const Observer observer = {.context = progress, .on_trace = count_record};
    World *world = world_new(scenario, seed, &observer);
    int slices = 0;
    while (world_advance(world, EVENTS_PER_SLICE) && slices < SLICES_MAX)
        slices++;
    progress->events += world_events(world);
    if (slices == SLICES_MAX)
        g_string_append(faults, "the run does not end\n");
    else
        judge(world, progress, faults);
    if (faults->len > 0 && progress->failed++ < TOLD_MAX)
        fprintf(stderr, "seed %" PRIu64 "\n%s%s\n", seed, faults->str, text->str);
    else if (faults->len > 0)
        fprintf(stderr, "seed %" PRIu64 " failed too\n", seed);
    world_free(world);
    scenario_free(scenario);
}

static void work(uint64_t first, uint64_t last, unsigned step, Progress *progress)
{
    for (uint64_t seed = first; seed <= last; seed += step) {
        progress->seed = seed;
        run_seed(seed, progress);
    }
    progress->seed = 0;
}

/* The workers share the seeds like cards; one that dies leaves the seed it was at behind. */
static void run_workers(uint64_t first, uint64_t last, unsigned jobs, Progress *progress)
{
    pid_t workers[JOBS_MAX];
    for (unsigned job = 0; job < jobs; job++) {
        workers[job] = fork();
        if (workers[job] == 0) {
            work(first + job, last, jobs, &progress[job]);
            exit(EXIT_SUCCESS);
        }
    }
    for (unsigned job = 0; job < jobs; job++) {
        int status = -1;
        waitpid(workers[job], &status, 0);
        if (status == 0 && progress[job].seed == 0)
            continue;
        progress[job].failed++;
        g_autoptr(GString) text = swarm_text(progress[job].seed);
        fprintf(stderr, "seed %" PRIu64 " ended its process (status %d)\n%s\n", progress[job].seed,
                status, text->str);
    }
}

/* A property of runs in which nothing happens would say nothing. */
static bool happened_enough(const Progress *all)
{
    static const TraceKind kinds[] = {
        TRACE_OPENED,      TRACE_JOINED,    TRACE_LEFT,      TRACE_DEPOSITED,
        TRACE_WITHDREW,    TRACE_SENT,      TRACE_RECEIVED,  TRACE_LOST,
        TRACE_MISSING,     TRACE_TENTATIVE, TRACE_PERMANENT, TRACE_DISCARDED,
        TRACE_ROLLED_BACK, TRACE_CRASHED,   TRACE_RESTARTED, TRACE_EXITED};
    bool enough = true;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        printf("%s%s %" PRIu64, i > 0 ? ", " : "", trace_word(kinds[i]), all->records[kinds[i]]);
        enough = enough && all->records[kinds[i]] >= SEEDS_ENOUGH / 2;
    }
    for (int i = 0; i < FAULT_COUNTS; i++) {
        printf(", %s %" PRIu64, fault_count_key((FaultCount)i), all->faults[i]);
        /* Nobody has to refuse what is always repaired. */
        enough = enough && (all->faults[i] >= SEEDS_ENOUGH / 20 || i == COUNT_BIT_FLIPS_REFUSED);
    }
    printf("\n");
    return enough;
}

static int run(uint64_t first, uint64_t last)
{
    unsigned jobs = CLAMP(g_get_num_processors(), 2, JOBS_MAX);
    Progress *progress = mmap(NULL, jobs * sizeof *progress, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    Progress all = {0};
    if (progress == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    run_workers(first, last, jobs, progress);
    for (unsigned job = 0; job < jobs; job++) {
        all.failed += progress[job].failed;
        all.events += progress[job].events;
        for (int kind = 0; kind < TRACE_KINDS; kind++)
            all.records[kind] += progress[job].records[kind];
        for (int i = 0; i < FAULT_COUNTS; i++)
            all.faults[i] += progress[job].faults[i];
    }
    munmap(progress, jobs * sizeof *progress);
    bool enough = happened_enough(&all) || last - first + 1 < SEEDS_ENOUGH;
    if (!enough)
        fprintf(stderr, "too little happened in these scenarios\n");
    printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " events, %" PRIu64 " seeds failed\n",
           first, last, all.events, all.failed);
    return all.failed == 0 && enough ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t last = SEEDS;
    if (argc == 3 && strcmp(argv[1], "--print") == 0 && number_parse(argv[2], &first)) {
        g_autoptr(GString) text = swarm_text(first);
        fputs(text->str, stdout);
        return EXIT_SUCCESS;
    }
    if (argc != 1 && !(argc == 3 && number_parse(argv[1], &first) && number_parse(argv[2], &last) &&
                       first > 0 && first <= last)) {
        fprintf(stderr, "Usage: %s [FIRST LAST | --print SEED]\n", argv[0]);
        return EXIT_FAILURE;
    }
    fflush(stdout);
    return run(first, last);
}
