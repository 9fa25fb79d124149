/* `cohort sim`: a scenario in the simulated network, one seed or a batch of seeds. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/schedule.h"
#include "sim/swarm.h"
#include "tools/batch.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/scenario_file.h"
#include "tools/simrun.h"
#include "tools/story.h"
#include "tools/twice.h"

enum { TRACE_BUFFER_BYTES = 1 << 18 };

static const char HELP[] =
    "Usage: cohort sim SCENARIO [OPTION]...\n"
    "       cohort sim --schedule FILE [OPTION]...\n"
    "       cohort sim --swarm [OPTION]...\n"
    "Runs a scenario in the simulated network and judges it against the invariants. The same\n"
    "scenario, seed and version give the same run, byte for byte.\n"
    "\n"
    "  --seed N             the seed of one run (default: the scenario's, which is 1 if not "
    "given)\n"
    "  --trace FILE         write its trace; - is stdout\n"
    "  --trace-datagrams    and every datagram in it\n"
    "  --story              tell it in plain words\n"
    "  --write-schedule FILE  write every choice that was made; - is stdout\n"
    "  --schedule FILE      replay the choices in that file, which are all that happens\n"
    "\n"
    "  --seeds A..B         run a batch: all seeds from A to B\n"
    "  --jobs N             in N processes (default: one for each processor)\n"
    "  --shard K/N          only the K-th of N parts of the batch\n"
    "  --budget D           begin no seed after that time: 30s, 10m, 2h\n"
    "\n"
    "  --swarm              every seed draws a scenario of its own: sizes, rates, faults; a batch\n"
    "                       also says which situations worth reaching (marks) were reached\n"
    "\n"
    "  --check-determinism  run each seed twice, and compare the runs event by event\n"
    "\n"
    "  --set GROUP.KEY=VALUE  override the scenario; may be repeated\n"
    "  --json               every line of stdout is one JSON object\n"
    "  --dump-defaults      print a scenario with every key and its default\n"
#ifdef COHORT_PLANTED_FAULTS
    "  --planted NAME       leave out a rule of the protocol; `list` lists them\n"
#endif
    "  --help, --version\n"
    "\n"
    "Examples:\n"
    "  cohort sim tests/scenarios/example.ini --story\n"
    "  cohort sim tests/scenarios/everything.ini --seeds 1..1000 --jobs 2\n"
    "  cohort sim --swarm --seeds 1..100000 --budget 10m\n"
    "  cohort sim --swarm --seed 7 --story --write-schedule s.ini\n"
    "  cohort sim --schedule s.ini --trace t.jsonl\n"
    "  cohort sim tests/scenarios/rough.ini --seed 7 --set faults.crash_rate=0.2/s --trace "
    "t.jsonl\n"
    "\n"
    "Exit codes: 0 all held, 1 an invariant was violated, 2 usage, 3 no progress after the faults\n"
    "stopped, 4 the environment failed, 70 the program itself broke.\n";

/* The command line as given. */
typedef struct Given {
    char *seed;
    char *seeds;
    char *shard;
    char *budget;
    char *jobs;
    char *schedule;
    char *write_schedule;
    char *trace;
    char *planted;
    char **sets;
    char **rest;
    gboolean swarm;
    gboolean datagrams;
    gboolean story;
    gboolean json;
    gboolean dump_defaults;
    gboolean check_determinism;
} Given;

/* --- the command line --- */

static bool parse_given(Given *given, int argc, char **argv, int *exit_code)
{
    const GOptionEntry entries[] = {
        {"seed", 0, 0, G_OPTION_ARG_STRING, &given->seed, NULL, NULL},
        {"seeds", 0, 0, G_OPTION_ARG_STRING, &given->seeds, NULL, NULL},
        {"jobs", 0, 0, G_OPTION_ARG_STRING, &given->jobs, NULL, NULL},
        {"shard", 0, 0, G_OPTION_ARG_STRING, &given->shard, NULL, NULL},
        {"budget", 0, 0, G_OPTION_ARG_STRING, &given->budget, NULL, NULL},
        {"swarm", 0, 0, G_OPTION_ARG_NONE, &given->swarm, NULL, NULL},
        {"schedule", 0, 0, G_OPTION_ARG_FILENAME, &given->schedule, NULL, NULL},
        {"write-schedule", 0, 0, G_OPTION_ARG_FILENAME, &given->write_schedule, NULL, NULL},
        {"trace", 0, 0, G_OPTION_ARG_FILENAME, &given->trace, NULL, NULL},
        {"trace-datagrams", 0, 0, G_OPTION_ARG_NONE, &given->datagrams, NULL, NULL},
        {"story", 0, 0, G_OPTION_ARG_NONE, &given->story, NULL, NULL},
        /* As it is, whatever the locale: scenarios are UTF-8. */
        {"set", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given->sets, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &given->json, NULL, NULL},
        {"check-determinism", 0, 0, G_OPTION_ARG_NONE, &given->check_determinism, NULL, NULL},
        {"dump-defaults", 0, 0, G_OPTION_ARG_NONE, &given->dump_defaults, NULL, NULL},
#ifdef COHORT_PLANTED_FAULTS
        {"planted", 0, 0, G_OPTION_ARG_STRING, &given->planted, NULL, NULL},
#endif
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given->rest, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    return options_parse(entries, HELP, argc, argv, exit_code);
}

static void free_given(Given *given)
{
    g_free(given->seed);
    g_free(given->seeds);
    g_free(given->shard);
    g_free(given->budget);
    g_free(given->jobs);
    g_free(given->schedule);
    g_free(given->write_schedule);
    g_free(given->trace);
    g_free(given->planted);
    g_strfreev(given->sets);
    g_strfreev(given->rest);
}

/* "A..B", "K/N": two numbers around a separator. */
static bool parse_pair(const char *text, const char *separator, uint64_t *first, uint64_t *second)
{
    const char *at = strstr(text, separator);
    if (at == NULL)
        return false;
    g_autofree char *before = g_strndup(text, (gsize)(at - text));
    return number_parse(before, first) && number_parse(at + strlen(separator), second);
}

/* NULL: a swarm's. */
static const char *subject_path(const Given *given)
{
    return given->swarm ? NULL : given->schedule != NULL ? given->schedule : given->rest[0];
}

static bool is_batch(const Given *given)
{
    return given->seeds != NULL || given->budget != NULL;
}

/* NULL, or what is wrong with the flags of a batch. */
static const char *parse_batch(const Given *given, Batch *batch)
{
    uint64_t last = INT64_MAX;
    uint64_t part = 1;
    uint64_t parts = 1;
    if (given->seed != NULL || given->trace != NULL || given->datagrams || given->story ||
        given->write_schedule != NULL)
        return "--seeds and --budget go with neither --seed, --trace, --trace-datagrams, --story "
               "nor --write-schedule";
    batch->swarm = given->swarm;
    batch->first_seed = 1;
    if (given->seeds == NULL && !given->swarm)
        return "--budget goes with --seeds or --swarm";
    if (given->swarm && given->check_determinism)
        return "--check-determinism of a swarm takes one --seed";
    if (given->check_determinism && given->budget != NULL)
        return "--check-determinism goes without --budget";
    if (given->seeds != NULL && !parse_pair(given->seeds, "..", &batch->first_seed, &last))
        return "--seeds must be A..B, A not above B";
    if (last < batch->first_seed)
        return "--seeds must be A..B, A not above B";
    if (last - batch->first_seed >= INT64_MAX)
        return "--seeds: a batch has at most 9223372036854775807 seeds";
    if (given->seeds == NULL && given->shard != NULL)
        return "--shard goes with --seeds";
    if (given->shard != NULL &&
        (!parse_pair(given->shard, "/", &part, &parts) || part < 1 || part > parts))
        return "--shard must be K/N, K from 1 to N";
    const char *wrong = options_jobs(given->jobs, &batch->jobs);
    if (wrong == NULL)
        wrong = options_budget(given->budget, &batch->budget_ns);
    if (wrong != NULL)
        return wrong;
    /* Parts differ by one seed at most; the first ones are the larger. */
    uint64_t all = last - batch->first_seed + 1;
    batch->count = all / parts + (part <= all % parts);
    batch->first_seed += (part - 1) * (all / parts) + MIN(part - 1, all % parts);
    if (given->seeds == NULL)
        batch->count = SEEDS_UNLIMITED;
    return NULL;
}

static const char *check_single(const Given *given, uint64_t *seed)
{
    *seed = 1;
    if (given->jobs != NULL || given->shard != NULL)
        return "--jobs and --shard go with --seeds";
    if (given->seed != NULL && !number_parse(given->seed, seed))
        return "--seed must be a number";
    if (given->datagrams && given->trace == NULL)
        return "--trace-datagrams goes with --trace";
    if (given->story && given->json)
        return "--story and --json exclude each other";
    if (given->json && options_is_stdout(given->write_schedule))
        return "--json has stdout to itself: name a file with --write-schedule, not -";
    if (given->check_determinism &&
        (given->trace != NULL || given->story || given->write_schedule != NULL))
        return "--check-determinism goes with neither --trace, --story nor --write-schedule";
    return NULL;
}

static void dump_defaults(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    scenario_dump_defaults(text);
    fputs(text->str, stdout);
}

/* --- the scenario --- */

/* NULL: all is said. */
static Scenario *load_scenario(const Given *given, const char *command)
{
    char *error = NULL;
    Scenario *scenario = scenario_file_load(subject_path(given), given->sets, &error);
    if (scenario == NULL) {
        options_fail(EXIT_USAGE, command, "%s", error);
        g_free(error);
    } else if (given->schedule != NULL && scenario->choices == NULL) {
        options_fail(EXIT_USAGE, command,
                     "%s: there is no group [choices]: it is no schedule; leave --schedule out",
                     given->schedule);
        g_clear_pointer(&scenario, scenario_free);
    }
    return scenario;
}

/* --- one run --- */

typedef struct Watcher {
    FILE *trace; /* NULL: not written */
    GString *line;
    Story *story; /* NULL: not told */
} Watcher;

static void watch(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                  const TraceEvent *event)
{
    Watcher *watcher = context;
    if (watcher->story != NULL)
        story_add(watcher->story, t_ns, process, event);
    if (watcher->trace != NULL) {
        g_string_truncate(watcher->line, 0);
        trace_write(watcher->line, seq, t_ns, process, event);
        fwrite(watcher->line->str, 1, watcher->line->len, watcher->trace);
    }
}

static bool open_trace(Watcher *watcher, const char *path, const Simulation *simulation,
                       uint64_t seed)
{
    watcher->trace = options_is_stdout(path) ? stdout : fopen(path, "we");
    if (watcher->trace == NULL)
        return false;
    setvbuf(watcher->trace, NULL, _IOFBF, TRACE_BUFFER_BYTES);
    trace_write_header(watcher->line, "sim", simulation->scenario->name, seed,
                       simulation->scenario->cash == CASH_COMMIT);
    fwrite(watcher->line->str, 1, watcher->line->len, watcher->trace);
    return true;
}

/* False: not all of it could be written; errno says why. */
static bool close_trace(Watcher *watcher)
{
    if (watcher->trace == NULL)
        return true;
    bool ok = !ferror(watcher->trace) && fflush(watcher->trace) == 0;
    if (watcher->trace != stdout)
        ok = fclose(watcher->trace) == 0 && ok;
    return ok;
}

/* Somebody's own line may be mistyped; a line of a schedule that was edited may have become idle.
 */
static void report_unasked(const Outcome *outcome)
{
    g_autoptr(GString) line = g_string_new(NULL);
    if (outcome->first_unasked == NULL)
        return;
    choice_write(outcome->first_unasked, line);
    fprintf(stderr, "%zu of [choices] %s to no question of this run, the first is %s",
            outcome->choices_unasked,
            outcome->choices_unasked == 1 ? "is an answer" : "are answers", line->str);
}

static int report_run(const Outcome *outcome, Watcher *watcher, GString *lines)
{
    g_autoptr(GString) reached = g_string_new(NULL);
    if (outcome->interrupted) {
        simrun_seconds(outcome->virtual_ns, reached);
        fprintf(stderr, "interrupted at %s of virtual time, after %" PRIu64 " events\n",
                reached->str, outcome->events);
        if (watcher->trace != NULL)
            fputs("its trace ends there, too: judge it with cohort check --unsettled\n", stderr);
        return EXIT_INTERRUPTED;
    }
    if (watcher->story != NULL) {
        story_tell(watcher->story, reached);
        fputs(reached->str, stdout);
    }
    fputs(lines->str, stdout);
    report_unasked(outcome);
    return outcome->exit_code;
}

/* --- its schedule --- */

static const Simulation *noting;
static const char *noting_path;

static bool write_schedule(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    scenario_write(noting->noted, text);
    return scenario_file_write(options_output(noting_path), text->str);
}

/* A run that a broken invariant ends is worth replaying, too. */
static void write_schedule_at_last(void)
{
    if (!write_schedule())
        fprintf(stderr, "cannot write %s: %s\n", noting_path, g_strerror(errno));
}

/* --- the run --- */

static int run_watched(const Simulation *simulation, uint64_t seed, const Given *given,
                       Watcher *watcher, const char *command)
{
    const Observer observer = {.context = watcher,
                               .on_trace =
                                   watcher->trace != NULL || watcher->story != NULL ? watch : NULL,
                               .datagrams = given->datagrams};
    g_autoptr(GString) lines = g_string_new(NULL);
    Outcome outcome = simrun(simulation, seed, &observer, lines);
    const char *unwritten = NULL;
    int reason = 0;
    if (!close_trace(watcher)) {
        unwritten = given->trace;
        reason = errno;
    }
    if (simulation->noted != NULL && !outcome.interrupted && !write_schedule()) {
        unwritten = noting_path;
        reason = errno;
    }
    const int exit_code = report_run(&outcome, watcher, lines);
    return unwritten == NULL ? exit_code
                             : options_fail(EXIT_ENVIRONMENT, command, "cannot write %s: %s",
                                            unwritten, g_strerror(reason));
}

static int run_single(const Simulation *simulation, uint64_t seed, const Given *given,
                      const char *command)
{
    Watcher watcher = {.line = g_string_new(NULL)};
    int exit_code;
    if (simulation->noted != NULL) {
        noting = simulation;
        noting_path = given->write_schedule;
        panic_last_words = write_schedule_at_last;
    }
    if (given->story)
        watcher.story = story_new(simulation->scenario->cash == CASH_COMMIT);
    if (given->trace != NULL && !open_trace(&watcher, given->trace, simulation, seed))
        exit_code = options_fail(EXIT_ENVIRONMENT, command, "cannot write %s: %s", given->trace,
                                 g_strerror(errno));
    else
        exit_code = run_watched(simulation, seed, given, &watcher, command);
    if (watcher.story != NULL)
        story_free(watcher.story);
    g_string_free(watcher.line, TRUE);
    return exit_code;
}

/* --- the command --- */

/* NULL, or what is wrong with what is to be run. */
static const char *check_subject(const Given *given)
{
    if (given->schedule != NULL && (given->rest != NULL || given->swarm))
        return "--schedule goes with neither a SCENARIO nor --swarm";
    if (given->schedule != NULL)
        return NULL;
    if (!given->swarm)
        return given->rest != NULL && given->rest[1] == NULL ? NULL : "one SCENARIO is needed";
    if (given->rest != NULL || given->sets != NULL)
        return "--swarm draws its scenarios: it goes with neither a SCENARIO nor --set";
    return given->seed != NULL || is_batch(given) ? NULL
                                                  : "--swarm needs --seeds, --budget or --seed";
}

static int run_loaded(const Given *given, Scenario *scenario, Batch batch, uint64_t seed,
                      const char *command)
{
    Scenario *noted = given->write_schedule != NULL ? schedule_of(scenario) : NULL;
    const Simulation simulation = {.scenario = scenario,
                                   .path = subject_path(given),
                                   .swarm = given->swarm,
                                   .sets = given->sets,
                                   .planted = given->planted,
                                   .json = given->json,
                                   .noted = noted,
                                   .interrupted = options_interruptible()};
    batch.simulation = &simulation;
    int exit_code;
    if (given->check_determinism && given->seeds != NULL)
        exit_code = twice_run(&simulation, batch.first_seed, batch.count, command);
    else if (given->check_determinism)
        exit_code = twice_run(&simulation, seed, 1, command);
    else if (is_batch(given))
        exit_code = batch_run(&batch);
    else
        exit_code = run_single(&simulation, seed, given, command);
    if (noted != NULL)
        scenario_free(noted);
    return exit_code;
}

/* A trace is begun before anything else is read or written. */
static bool files_differ(const Given *given, const char *command)
{
    const FileUse uses[] = {
        {given->schedule != NULL ? "--schedule" : "SCENARIO", subject_path(given)},
        {"--trace", given->trace},
        {"--write-schedule", given->write_schedule}};
    return options_files_differ(command, &uses[0], 2) && options_files_differ(command, &uses[1], 2);
}

/* Nor does one take the place of the accounts that the scenario begins with. */
static bool spares_data(const Given *given, const Scenario *scenario, const char *command)
{
    const FileUse uses[] = {{"the scenario's data", scenario->data},
                            {"--trace", given->trace},
                            {"--write-schedule", given->write_schedule}};
    return scenario->data[0] == '\0' || options_files_differ(command, uses, G_N_ELEMENTS(uses));
}

static int run(const Given *given, const char *command)
{
    Batch batch = {0};
    uint64_t seed = 0;
    const char *wrong = check_subject(given);
    if (wrong == NULL)
        wrong = is_batch(given) ? parse_batch(given, &batch) : check_single(given, &seed);
    if (wrong != NULL)
        return options_fail(EXIT_USAGE, command, "%s (try --help)", wrong);
    if (!files_differ(given, command))
        return EXIT_USAGE;

    Scenario *scenario = given->swarm ? swarm_scenario(seed) : load_scenario(given, command);
    if (scenario == NULL)
        return EXIT_USAGE;
    if (given->seed == NULL)
        seed = scenario->seed;
    int exit_code = EXIT_USAGE;
    g_autofree char *error = NULL;
    if (given->write_schedule != NULL && !scenario_file_schedulable(scenario, &error))
        options_fail(EXIT_USAGE, command, "%s", error);
    else if (spares_data(given, scenario, command))
        exit_code = run_loaded(given, scenario, batch, seed, command);
    scenario_free(scenario);
    return exit_code;
}

int sim_main(int argc, char **argv)
{
    Given given = {0};
    int exit_code;
    if (parse_given(&given, argc, argv, &exit_code) &&
        options_plant(argv[0], given.planted, &exit_code)) {
        if (given.dump_defaults)
            dump_defaults();
        else
            exit_code = run(&given, argv[0]);
    }
    free_given(&given);
    return options_flush(argv[0], exit_code);
}
