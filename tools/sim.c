/* `cohort sim`: a scenario in the simulated network, one seed or a batch of seeds. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/planted.h"
#include "core/table.h"
#include "tools/batch.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/simrun.h"
#include "tools/story.h"

enum { JOBS_MAX = 1024, TRACE_BUFFER_BYTES = 1 << 18 };

static const char HELP[] =
    "Usage: cohort sim SCENARIO [OPTION]...\n"
    "Runs a scenario in the simulated network and judges it against the invariants. The same\n"
    "scenario, seed and version give the same run, byte for byte.\n"
    "\n"
    "  --seed N             the seed of one run (default 1)\n"
    "  --trace FILE         write its trace; - is stdout\n"
    "  --trace-datagrams    and every datagram in it\n"
    "  --story              tell it in plain words\n"
    "\n"
    "  --seeds A..B         run a batch: all seeds from A to B\n"
    "  --jobs N             in N processes (default: one for each processor)\n"
    "  --shard K/N          only the K-th of N parts of the batch\n"
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
    char *trace;
    char *planted;
    char **sets;
    char **rest;
    gint jobs;
    gboolean datagrams;
    gboolean story;
    gboolean json;
    gboolean dump_defaults;
} Given;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* --- the command line --- */

static bool parse_given(Given *given, int argc, char **argv, int *exit_code)
{
    const GOptionEntry entries[] = {
        {"seed", 0, 0, G_OPTION_ARG_STRING, &given->seed, NULL, NULL},
        {"seeds", 0, 0, G_OPTION_ARG_STRING, &given->seeds, NULL, NULL},
        {"jobs", 0, 0, G_OPTION_ARG_INT, &given->jobs, NULL, NULL},
        {"shard", 0, 0, G_OPTION_ARG_STRING, &given->shard, NULL, NULL},
        {"trace", 0, 0, G_OPTION_ARG_FILENAME, &given->trace, NULL, NULL},
        {"trace-datagrams", 0, 0, G_OPTION_ARG_NONE, &given->datagrams, NULL, NULL},
        {"story", 0, 0, G_OPTION_ARG_NONE, &given->story, NULL, NULL},
        /* As it is, whatever the locale: scenarios are UTF-8. */
        {"set", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given->sets, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &given->json, NULL, NULL},
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

/* NULL, or what is wrong with the flags of a batch. */
static const char *parse_batch(const Given *given, Batch *batch)
{
    uint64_t last;
    uint64_t part = 1;
    uint64_t parts = 1;
    if (given->seed != NULL || given->trace != NULL || given->datagrams || given->story)
        return "--seeds goes with neither --seed, --trace, --trace-datagrams nor --story";
    if (!parse_pair(given->seeds, "..", &batch->first_seed, &last) || last < batch->first_seed ||
        last - batch->first_seed >= INT64_MAX)
        return "--seeds must be A..B, A not above B";
    if (given->shard != NULL &&
        (!parse_pair(given->shard, "/", &part, &parts) || part < 1 || part > parts))
        return "--shard must be K/N, K from 1 to N";
    if (given->jobs < 0 || given->jobs > JOBS_MAX)
        return "--jobs must be from 1 to 1024";
    batch->jobs = given->jobs > 0 ? (unsigned)given->jobs : g_get_num_processors();
    /* Parts differ by one seed at most; the first ones are the larger. */
    uint64_t all = last - batch->first_seed + 1;
    batch->count = all / parts + (part <= all % parts);
    batch->first_seed += (part - 1) * (all / parts) + MIN(part - 1, all % parts);
    return NULL;
}

static const char *check_single(const Given *given, uint64_t *seed)
{
    *seed = 1;
    if (given->jobs != 0 || given->shard != NULL)
        return "--jobs and --shard go with --seeds";
    if (given->seed != NULL && !number_parse(given->seed, seed))
        return "--seed must be a number";
    if (given->datagrams && given->trace == NULL)
        return "--trace-datagrams goes with --trace";
    if (given->story && given->json)
        return "--story and --json exclude each other";
    return NULL;
}

/* --dump-defaults and --planted list need no run; and what --planted names is planted. True: go on.
 */
static bool answer_at_once(const Given *given, const char *command, int *exit_code)
{
    *exit_code = EXIT_DONE;
    if (given->dump_defaults) {
        g_autoptr(GString) text = g_string_new(NULL);
        scenario_dump_defaults(text);
        fputs(text->str, stdout);
        return false;
    }
#ifdef COHORT_PLANTED_FAULTS
    if (given->planted != NULL && strcmp(given->planted, "list") == 0) {
        for (int fault = PLANTED_NONE + 1; fault < PLANTED_KINDS; fault++)
            puts(planted_name((Planted)fault));
        return false;
    }
    if (given->planted != NULL && !planted_choose(given->planted)) {
        *exit_code = options_fail(EXIT_USAGE, command, "no planted fault '%s' (try --planted list)",
                                  given->planted);
        return false;
    }
#else
    (void)command;
#endif
    return true;
}

/* --- the scenario --- */

/* A relative path is looked for from the current folder, then beside the scenario. */
static char *data_path(const char *scenario_path, const char *data)
{
    g_autofree char *folder = g_path_get_dirname(scenario_path);
    if (g_path_is_absolute(data) || g_file_test(data, G_FILE_TEST_EXISTS))
        return g_strdup(data);
    return g_build_filename(folder, data, NULL);
}

static bool complete_scenario(Scenario *scenario, const char *path, char **error)
{
    if (scenario->data[0] == '\0')
        return scenario_complete(scenario, NULL, 0, error);
    g_autofree char *data = data_path(path, scenario->data);
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(data, &text, &length, &problem)) {
        *error = g_strdup(problem->message);
        return false;
    }
    g_autoptr(GString) reason = g_string_new(NULL);
    GArray *rows = table_rows(data, (const uint8_t *)text, length, reason);
    if (rows == NULL) {
        *error = g_strdup(reason->str);
        return false;
    }
    bool ok = scenario_complete(scenario, (const BankRow *)rows->data, rows->len, error);
    g_array_unref(rows);
    return ok;
}

static bool load_scenario(const Given *given, Scenario *scenario, char **error)
{
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(given->rest[0], &text, &length, &problem)) {
        *error = g_strdup(problem->message);
        return false;
    }
    if (strlen(text) != length) {
        *error = g_strdup_printf("%s: a NUL byte at offset %zu", given->rest[0], strlen(text));
        return false;
    }
    if (!scenario_read(scenario, given->rest[0], text, error))
        return false;
    for (char **set = given->sets; set != NULL && *set != NULL; set++) {
        if (!scenario_set(scenario, *set, error))
            return false;
    }
    return complete_scenario(scenario, given->rest[0], error);
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
    watcher->trace = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
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

static int report_run(const Outcome *outcome, Watcher *watcher, GString *lines)
{
    g_autoptr(GString) reached = g_string_new(NULL);
    if (outcome->interrupted) {
        simrun_seconds(outcome->virtual_ns, reached);
        fprintf(stderr, "interrupted at %s of virtual time, after %" PRIu64 " events\n",
                reached->str, outcome->events);
        return EXIT_INTERRUPTED;
    }
    if (watcher->story != NULL) {
        story_tell(watcher->story, reached);
        fputs(reached->str, stdout);
    }
    fputs(lines->str, stdout);
    return outcome->exit_code;
}

static int run_single(const Simulation *simulation, uint64_t seed, const Given *given,
                      const char *command)
{
    Watcher watcher = {.line = g_string_new(NULL)};
    g_autoptr(GString) lines = g_string_new(NULL);
    int exit_code;
    if (given->story)
        watcher.story = story_new(simulation->scenario->cash == CASH_COMMIT);
    if (given->trace != NULL && !open_trace(&watcher, given->trace, simulation, seed)) {
        exit_code = options_fail(EXIT_ENVIRONMENT, command, "cannot write %s: %s", given->trace,
                                 g_strerror(errno));
    } else {
        const Observer observer = {
            .context = &watcher,
            .on_trace = watcher.trace != NULL || watcher.story != NULL ? watch : NULL,
            .datagrams = given->datagrams};
        Outcome outcome = simrun(simulation, seed, &observer, lines);
        bool written = close_trace(&watcher);
        exit_code = written ? report_run(&outcome, &watcher, lines)
                            : options_fail(EXIT_ENVIRONMENT, command, "cannot write %s: %s",
                                           given->trace, g_strerror(errno));
    }
    if (watcher.story != NULL)
        story_free(watcher.story);
    g_string_free(watcher.line, TRUE);
    return exit_code;
}

/* --- the command --- */

static int run(const Given *given, const char *command)
{
    Batch batch = {0};
    uint64_t seed = 0;
    char *error = NULL;
    if (given->rest == NULL || given->rest[1] != NULL)
        return options_fail(EXIT_USAGE, command, "one SCENARIO is needed (try --help)");
    const char *wrong =
        given->seeds != NULL ? parse_batch(given, &batch) : check_single(given, &seed);
    if (wrong != NULL)
        return options_fail(EXIT_USAGE, command, "%s (try --help)", wrong);

    Scenario *scenario = scenario_new();
    int exit_code;
    if (!load_scenario(given, scenario, &error)) {
        exit_code = options_fail(EXIT_USAGE, command, "%s", error);
        g_free(error);
    } else {
        const struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: poll ends */
        sigaction(SIGINT, &action, NULL);
        const Simulation simulation = {.scenario = scenario,
                                       .path = given->rest[0],
                                       .sets = given->sets,
                                       .planted = given->planted,
                                       .json = given->json,
                                       .interrupted = &interrupted};
        batch.simulation = &simulation;
        exit_code = given->seeds != NULL ? batch_run(&batch)
                                         : run_single(&simulation, seed, given, command);
    }
    scenario_free(scenario);
    return exit_code;
}

int sim_main(int argc, char **argv)
{
    Given given = {0};
    int exit_code;
    if (parse_given(&given, argc, argv, &exit_code) && answer_at_once(&given, argv[0], &exit_code))
        exit_code = run(&given, argv[0]);
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == EXIT_DONE)
        exit_code = options_fail(EXIT_ENVIRONMENT, argv[0], "standard output: cannot write");
    free_given(&given);
    return exit_code;
}
