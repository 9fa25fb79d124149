/* `cohort shrink`: a failing run, made so small that it can be read. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/draft.h"
#include "sim/swarm.h"
#include "sim/world.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/result.h"
#include "tools/scenario_file.h"
#include "tools/simrun.h"
#include "tools/story.h"
#include "tools/trial.h"

enum { EVENTS_MAX = 20000000 };

static const char HELP[] =
    "Usage: cohort shrink SCENARIO --seed N [OPTION]...\n"
    "       cohort shrink --schedule FILE [OPTION]...\n"
    "       cohort shrink --swarm --seed N [OPTION]...\n"
    "Looks for a run of few choices that fails in the same way as this one: the same invariant is\n"
    "violated, or nothing goes on, or the same program breaks. Tells that run in plain words, and\n"
    "its choices: the commands, the faults, what the network and the disks do that is not usual.\n"
    "\n"
    "  --seed N               the seed of the failing run (default: the scenario's)\n"
    "  --swarm                the scenario is the one that the swarm draws from the seed\n"
    "  --schedule FILE        the failing run is this schedule (sim --write-schedule)\n"
    "  --set GROUP.KEY=VALUE  override the scenario; may be repeated\n"
    "\n"
    "  -o FILE                write the small run: a scenario that fails alone\n"
    "  --write-schedule FILE  the same as a schedule\n"
    "  --budget D             stop after so long, with the smallest so far (default: no limit)\n"
    "  --jobs N               try in N processes (default: one for each processor); the result is\n"
    "                         the same\n"
    "  --json                 every line of stdout is one JSON object\n"
#ifdef COHORT_PLANTED_FAULTS
    "  --planted NAME         leave out a rule of the protocol, as `cohort sim --planted`\n"
#endif
    "  --help, --version\n"
    "\n"
    "Examples:\n"
    "  cohort shrink tests/scenarios/everything.ini --seed 17 -o small.ini\n"
    "  cohort shrink --swarm --seed 4711 --budget 1m\n"
    "  cohort sim small.ini --story\n"
    "\n"
    "Exit codes: 0 it is smaller now, 2 usage, or the run does not fail, 4 the environment "
    "failed.\n";

/* The command line as given. */
typedef struct Given {
    char *seed;
    char *schedule;
    char *output;
    char *write_schedule;
    char *budget;
    char *jobs;
    char *planted;
    char **sets;
    char **rest;
    gboolean swarm;
    gboolean json;
} Given;

typedef struct Shrinking {
    const Given *given;
    const char *command;
    Trial trial;
    uint64_t budget_ns; /* 0: none */
    gint64 began_us;
    gint64 shown_us;
    Verdict verdict; /* of the run given */
    size_t before;
    int refused; /* by the system: no children, errno says why; or 0 */
} Shrinking;

/* --- the command line --- */

static bool parse_given(Given *given, int argc, char **argv, int *exit_code)
{
    const GOptionEntry entries[] = {
        {"seed", 0, 0, G_OPTION_ARG_STRING, &given->seed, NULL, NULL},
        {"swarm", 0, 0, G_OPTION_ARG_NONE, &given->swarm, NULL, NULL},
        {"schedule", 0, 0, G_OPTION_ARG_FILENAME, &given->schedule, NULL, NULL},
        {"set", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given->sets, NULL, NULL},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &given->output, NULL, NULL},
        {"write-schedule", 0, 0, G_OPTION_ARG_FILENAME, &given->write_schedule, NULL, NULL},
        {"budget", 0, 0, G_OPTION_ARG_STRING, &given->budget, NULL, NULL},
        {"jobs", 0, 0, G_OPTION_ARG_STRING, &given->jobs, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &given->json, NULL, NULL},
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
    g_free(given->schedule);
    g_free(given->output);
    g_free(given->write_schedule);
    g_free(given->budget);
    g_free(given->jobs);
    g_free(given->planted);
    g_strfreev(given->sets);
    g_strfreev(given->rest);
}

/* NULL, or what is wrong with the flags. */
static const char *check_given(const Given *given, uint64_t *budget_ns, unsigned *jobs)
{
    bool file = given->rest != NULL;
    if ((file ? 1 : 0) + (given->schedule != NULL) + (given->swarm ? 1 : 0) != 1 ||
        (file && given->rest[1] != NULL))
        return "one SCENARIO, or --schedule FILE, or --swarm is needed";
    if (given->swarm && (given->seed == NULL || given->sets != NULL))
        return "--swarm draws its scenario from --seed, without --set";
    if (given->schedule != NULL && given->seed != NULL)
        return "--seed does not go with --schedule, which has its own";
    if (given->json &&
        (options_is_stdout(given->output) || options_is_stdout(given->write_schedule)))
        return "--json has stdout to itself, and the schedule in it: name a file, not -";
    const char *wrong = options_jobs(given->jobs, jobs);
    return wrong != NULL ? wrong : options_budget(given->budget, budget_ns);
}

static const char *path_of(const Given *given)
{
    if (given->schedule != NULL)
        return given->schedule;
    return given->rest != NULL ? given->rest[0] : "swarm";
}

/* The scenario as one text, seed and all, and the file whose rows its customers are, or "". NULL:
 * *error says why. */
static char *load_text(const Given *given, char **data, char **error)
{
    Scenario *scenario = NULL;
    uint64_t seed = 0;
    if (given->seed != NULL && !number_parse(given->seed, &seed)) {
        *error = g_strdup("--seed must be a number");
        return NULL;
    }
    if (given->swarm) {
        g_autoptr(GString) drawn = swarm_text(seed);
        scenario = scenario_file_parse("swarm", drawn->str, NULL, error);
    } else {
        scenario = scenario_file_load(path_of(given), given->sets, error);
    }
    if (scenario == NULL)
        return NULL;
    if (given->schedule != NULL && scenario->choices == NULL) {
        *error = g_strdup_printf("%s: there is no group [choices]: it is no schedule; leave "
                                 "--schedule out",
                                 given->schedule);
        scenario_free(scenario);
        return NULL;
    }
    if (!scenario_file_schedulable(scenario, error)) {
        scenario_free(scenario);
        return NULL;
    }
    if (given->seed != NULL)
        scenario->seed = seed;
    GString *text = g_string_new(NULL);
    scenario_write(scenario, text);
    *data = g_strdup(scenario->data);
    scenario_free(scenario);
    return g_string_free(text, FALSE);
}

/* --- the judge --- */

static size_t first(void *context, char *const *texts, size_t count, Verdict like)
{
    Shrinking *shrinking = context;
    size_t index = trial_first(&shrinking->trial, texts, count, like);
    if (index == count && errno != 0)
        shrinking->refused = errno;
    return index;
}

static char *record(void *context, const char *text)
{
    Shrinking *shrinking = context;
    Verdict verdict;
    return trial_record(&shrinking->trial, text, &verdict);
}

/* On a terminal one line that changes, elsewhere one every ten seconds. */
static void show_progress(Shrinking *shrinking, const char *doing, size_t choices)
{
    bool terminal = isatty(STDERR_FILENO);
    gint64 now_us = g_get_monotonic_time();
    if (now_us - shrinking->shown_us < (terminal ? G_USEC_PER_SEC / 5 : 10 * G_USEC_PER_SEC))
        return;
    shrinking->shown_us = now_us;
    fprintf(stderr, "%s%zu of %zu choices, %" PRIu64 " runs, %s%s", terminal ? "\r\033[K" : "",
            choices, shrinking->before, shrinking->trial.runs, doing, terminal ? "" : "\n");
}

static bool enough(void *context, const char *doing, size_t choices)
{
    Shrinking *shrinking = context;
    show_progress(shrinking, doing, choices);
    uint64_t spent_ns = (uint64_t)(g_get_monotonic_time() - shrinking->began_us) * NS_PER_US;
    return *shrinking->trial.interrupted || shrinking->refused != 0 ||
           (shrinking->budget_ns > 0 && spent_ns >= shrinking->budget_ns);
}

/* --- the result --- */

typedef struct Telling {
    GString *text;       /* the story */
    GString *violations; /* a line each */
    GString *what;       /* of the one that was looked for, the text */
} Telling;

static void watch(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                  const TraceEvent *event)
{
    (void)seq;
    story_add(context, t_ns, process, event);
}

static void note_violation(Telling *telling, const char *rule, const char *process,
                           const char *text, bool looked_for)
{
    g_string_append_printf(telling->violations, "violation of %s: %s%s%s\n", rule, process,
                           process[0] != '\0' ? ": " : "", text);
    if (looked_for && telling->what->len == 0)
        g_string_append(telling->what, text);
}

/* Not of a run that breaks the program. */
static void tell(const Shrinking *shrinking, const Scenario *scenario, Telling *telling)
{
    Story *story = story_new(scenario->cash == CASH_COMMIT);
    const Observer observer = {.context = story, .on_trace = watch};
    World *world = world_new(scenario, scenario->seed, &observer);
    while (world_advance(world, EVENTS_MAX))
        continue;
    WorldResult result = world_result(world);
    story_tell(story, telling->text);
    for (guint i = 0; i < result.violations->len; i++) {
        const Violation *violation = g_ptr_array_index(result.violations, i);
        note_violation(telling, rule_name(violation->rule), violation->process.text,
                       violation->text, violation->rule == shrinking->verdict.rule);
    }
    for (guint i = 0; i < result.stuck->len; i++)
        note_violation(telling, "liveness", "", g_ptr_array_index(result.stuck, i),
                       shrinking->verdict.kind == VERDICT_STUCK);
    world_free(world);
    story_free(story);
}

/* False: all is said. */
static bool write_file(const Shrinking *shrinking, const char *path, const char *text,
                       const Telling *telling)
{
    g_autoptr(GString) content = g_string_new("# A small run that fails");
#ifdef COHORT_PLANTED_FAULTS
    if (shrinking->given->planted != NULL)
        g_string_append_printf(content, " with --planted %s", shrinking->given->planted);
#endif
    g_string_append_printf(content, ": violation of %s\n", verdict_name(shrinking->verdict));
    if (telling->what->len > 0)
        g_string_append_printf(content, "# %s\n", telling->what->str);
    g_string_append(content, text);
    if (scenario_file_write(options_output(path), content->str))
        return true;
    options_fail(EXIT_ENVIRONMENT, shrinking->command, "cannot write %s: %s", path,
                 g_strerror(errno));
    return false;
}

static void print_choices(const Draft *draft)
{
    for (guint i = 0; i < draft->lines->len; i++) {
        const DraftLine *line = draft_line(draft, i);
        if (line->part == DRAFT_SCRIPT)
            printf("  %" PRIu64 ".%06" PRIu64 " s  %s\n", line->time_ns / NS_PER_S,
                   line->time_ns % NS_PER_S / NS_PER_US, line->value);
        else if (line->part == DRAFT_CHOICE)
            printf("  %s=%s\n", line->key, line->value);
    }
}

static void print_text(const Shrinking *shrinking, const Draft *draft, guint customers,
                       const Telling *telling)
{
    fputs(telling->text->str, stdout);
    fputs(telling->violations->str, stdout);
    if (verdict_ends_program(shrinking->verdict))
        puts(shrinking->verdict.kind == VERDICT_BROKEN
                 ? "the program breaks an assertion of its own"
                 : "the program crashes: a signal ends it");
    printf("%zu choices of %zu, in a world of %u customers:\n", draft_choices(draft),
           shrinking->before, customers);
    print_choices(draft);
}

/* Of the file that was written. */
static void print_command(const Shrinking *shrinking, const Draft *draft)
{
    const Simulation simulation = {.path = shrinking->given->output,
                                   .planted = shrinking->given->planted};
    g_autoptr(GString) command = g_string_new(NULL);
    if (simulation.path == NULL || options_is_stdout(simulation.path))
        return;
    simrun_command(&simulation, draft_get_number(draft, "scenario", "seed", 1), command);
    printf("reproduce: %s\n", command->str);
}

static void print_json(const Shrinking *shrinking, const Draft *draft, guint customers,
                       const Telling *telling, const char *schedule)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_string_append_printf(out,
                           "{\"choices_before\":%zu,\"choices_after\":%zu,\"violation\":\"%s\","
                           "\"text\":",
                           shrinking->before, draft_choices(draft),
                           verdict_name(shrinking->verdict));
    result_json_string(out, telling->what->str);
    g_string_append_printf(
        out,
        ",\"customers\":%u,\"runs\":%" PRIu64 ",\"wall_ns\":%" PRIu64 ",\"schedule\":", customers,
        shrinking->trial.runs,
        (uint64_t)(g_get_monotonic_time() - shrinking->began_us) * NS_PER_US);
    result_json_string(out, schedule);
    g_string_append(out, ",\"story\":");
    result_json_string(out, telling->text->str);
    g_string_append(out, "}\n");
    fputs(out->str, stdout);
}

static int report(const Shrinking *shrinking, const char *schedule)
{
    const Given *given = shrinking->given;
    Telling telling = {
        .text = g_string_new(NULL), .violations = g_string_new(NULL), .what = g_string_new(NULL)};
    Draft *draft = draft_read(schedule);
    char *error = NULL;
    Scenario *scenario = scenario_file_parse(shrinking->trial.path, schedule, NULL, &error);
    if (!verdict_ends_program(shrinking->verdict))
        tell(shrinking, scenario, &telling);
    bool ok = (given->output == NULL || write_file(shrinking, given->output, schedule, &telling)) &&
              (given->write_schedule == NULL ||
               write_file(shrinking, given->write_schedule, schedule, &telling));
    if (given->json)
        print_json(shrinking, draft, scenario->participants->len, &telling, schedule);
    else
        print_text(shrinking, draft, scenario->participants->len, &telling);
    if (ok && !given->json)
        print_command(shrinking, draft);
    scenario_free(scenario);
    draft_free(draft);
    g_string_free(telling.text, TRUE);
    g_string_free(telling.violations, TRUE);
    g_string_free(telling.what, TRUE);
    return ok ? EXIT_DONE : EXIT_ENVIRONMENT;
}

/* --- the command --- */

static int shrink_text(Shrinking *shrinking, const char *text)
{
    const char *path = shrinking->trial.path;
    g_autofree char *schedule = trial_record(&shrinking->trial, text, &shrinking->verdict);
    if (schedule == NULL && errno != 0)
        return options_fail(EXIT_ENVIRONMENT, shrinking->command, "cannot run children: %s",
                            g_strerror(errno));
    if (schedule == NULL && *shrinking->trial.interrupted)
        return options_fail(EXIT_INTERRUPTED, shrinking->command,
                            "%s: interrupted before the run was over", path);
    if (schedule == NULL)
        return options_fail(EXIT_USAGE, shrinking->command,
                            "%s: this run does not fail, or not within a minute, so there is "
                            "nothing to shrink",
                            path);
    Draft *draft = draft_read(schedule);
    shrinking->before = draft_choices(draft);
    draft_free(draft);
    const Judge judge = {.context = shrinking, .first = first, .record = record, .enough = enough};
    if (first(shrinking, &schedule, 1, shrinking->verdict) != 0 && !*shrinking->trial.interrupted &&
        shrinking->refused == 0)
        return options_fail(EXIT_INTERNAL, shrinking->command,
                            "%s: its schedule does not fail as the run does", path);
    g_autofree char *small = shrink(&judge, schedule, shrinking->verdict);
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    if (*shrinking->trial.interrupted)
        fputs("interrupted: this is the smallest so far\n", stderr);
    if (shrinking->refused != 0)
        return options_fail(EXIT_ENVIRONMENT, shrinking->command, "cannot run children: %s",
                            g_strerror(shrinking->refused));
    return report(shrinking, small);
}

static int run(const Given *given, const char *command)
{
    Shrinking shrinking = {.given = given, .command = command};
    unsigned jobs;
    const char *wrong = check_given(given, &shrinking.budget_ns, &jobs);
    if (wrong != NULL)
        return options_fail(EXIT_USAGE, command, "%s (try --help)", wrong);
    const FileUse outputs[] = {{"-o", given->output}, {"--write-schedule", given->write_schedule}};
    if (!options_files_differ(command, outputs, G_N_ELEMENTS(outputs)))
        return EXIT_USAGE;
    if (!options_may_write(command, given->output) ||
        !options_may_write(command, given->write_schedule))
        return EXIT_ENVIRONMENT;
    g_autofree char *error = NULL;
    g_autofree char *data = NULL;
    g_autofree char *text = load_text(given, &data, &error);
    if (text == NULL)
        return options_fail(EXIT_USAGE, command, "%s", error);
    const FileUse uses[] = {
        {given->schedule != NULL ? "--schedule" : "SCENARIO", given->swarm ? NULL : path_of(given)},
        {"the scenario's data", data[0] != '\0' ? data : NULL},
        outputs[0],
        outputs[1]};
    if (!options_files_differ(command, uses, G_N_ELEMENTS(uses)))
        return EXIT_USAGE;
    shrinking.began_us = g_get_monotonic_time();
    shrinking.shown_us = shrinking.began_us;
    shrinking.trial = (Trial){.path = path_of(given),
                              .jobs = jobs,
                              .events_max = EVENTS_MAX,
                              .interrupted = options_interruptible()};
    return shrink_text(&shrinking, text);
}

int shrink_main(int argc, char **argv)
{
    Given given = {0};
    int exit_code;
    if (parse_given(&given, argc, argv, &exit_code) &&
        options_plant(argv[0], given.planted, &exit_code))
        exit_code = run(&given, argv[0]);
    free_given(&given);
    return options_flush(argv[0], exit_code);
}
