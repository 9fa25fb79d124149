/* `cohort explore`: all that can happen in a small scenario, and a shortest counter-example. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/explore_schedule.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/result.h"
#include "tools/scenario_file.h"
#include "tools/story.h"

enum { CUTS_AT_ONCE = 2000 };

static const char HELP[] =
    "Usage: cohort explore SCENARIO [OPTION]...\n"
    "Goes through everything that can happen in a small scenario, breadth first: each datagram "
    "sent\n"
    "so far arrives never, once or again, in any order; each timer goes off at any time; users "
    "ask\n"
    "for what the script or the bounds of [explore] allow, at any time; processes crash, and are\n"
    "started again. Judges every past, and looks for states in which nothing goes on. The first\n"
    "counter-example is a shortest one; it is told in plain words.\n"
    "\n"
    "  --max-states N         stop after so many distinct states\n"
    "  --max-memory SIZE      ... with so much memory in use: 500M, 8G\n"
    "  --budget D             ... after so long: 30s, 10m, 2h\n"
    "  --no-symmetry          look at states that differ by names alone, too\n"
    "  --no-reduction         look at every order, and at datagrams that can do nothing, too\n"
    "  --write-schedule FILE  write the counter-example as a schedule for `cohort sim`\n"
    "  --set GROUP.KEY=VALUE  override the scenario; may be repeated\n"
    "  --json                 every line of stdout is one JSON object\n"
#ifdef COHORT_PLANTED_FAULTS
    "  --planted NAME         leave out a rule of the protocol, as `cohort sim --planted`\n"
#endif
    "  --help, --version\n"
    "\n"
    "Examples:\n"
    "  cohort explore tests/explore/crash.ini\n"
    "  cohort explore tests/explore/transfers.ini --set explore.rollbacks=1 --json\n"
    "\n"
    "Exit codes: 0 all that was seen held, 1 an invariant was violated, 2 usage, 3 a state in "
    "which\n"
    "nothing goes on, 4 the environment failed, 70 the program itself broke.\n";

/* The command line as given. */
typedef struct Given {
    char *states;
    char *memory;
    char *budget;
    char *write_schedule;
    char *planted;
    char **sets;
    char **rest;
    gboolean no_symmetry;
    gboolean no_reduction;
    gboolean json;
} Given;

typedef struct Exploring {
    const Given *given;
    const char *command;
    const Scenario *scenario;
    Explorer *explorer;
    uint64_t budget_ns; /* 0: none */
    const volatile sig_atomic_t *interrupted;
    gint64 began_us;
    gint64 shown_us;
    bool out_of_time;
} Exploring;

/* --- the command line --- */

static bool parse_given(Given *given, int argc, char **argv, int *exit_code)
{
    const GOptionEntry entries[] = {
        {"max-states", 0, 0, G_OPTION_ARG_STRING, &given->states, NULL, NULL},
        {"max-memory", 0, 0, G_OPTION_ARG_STRING, &given->memory, NULL, NULL},
        {"budget", 0, 0, G_OPTION_ARG_STRING, &given->budget, NULL, NULL},
        {"no-symmetry", 0, 0, G_OPTION_ARG_NONE, &given->no_symmetry, NULL, NULL},
        {"no-reduction", 0, 0, G_OPTION_ARG_NONE, &given->no_reduction, NULL, NULL},
        {"write-schedule", 0, 0, G_OPTION_ARG_FILENAME, &given->write_schedule, NULL, NULL},
        {"set", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &given->sets, NULL, NULL},
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
    g_free(given->states);
    g_free(given->memory);
    g_free(given->budget);
    g_free(given->write_schedule);
    g_free(given->planted);
    g_strfreev(given->sets);
    g_strfreev(given->rest);
}

/* "500M": a number, and a unit of powers of 1024. */
static bool parse_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    size_t length = strlen(text);
    const char *unit = length > 0 ? strchr(units, text[length - 1]) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    g_autofree char *digits = g_strndup(text, unit != NULL ? length - 1 : length);
    if (!number_parse(digits, bytes) || *bytes == 0 || *bytes > UINT64_MAX >> shift)
        return false;
    *bytes <<= shift;
    return true;
}

/* NULL, or what is wrong with the flags. */
static const char *check_given(const Given *given, ExploreOptions *options, uint64_t *budget_ns)
{
    *options = (ExploreOptions){.reduction = !given->no_reduction,
                                .symmetry = !given->no_symmetry,
                                .states_max = UINT64_MAX,
                                .bytes_max = UINT64_MAX};
    if (given->rest == NULL || given->rest[1] != NULL)
        return "one SCENARIO is needed";
    if (given->states != NULL &&
        (!number_parse(given->states, &options->states_max) || options->states_max == 0))
        return "--max-states must be a number above 0";
    if (given->memory != NULL && !parse_size(given->memory, &options->bytes_max))
        return "--max-memory must be a size such as 500M or 8G";
    if (given->json && options_is_stdout(given->write_schedule))
        return "--json has stdout to itself: name a file with --write-schedule, not -";
    return options_budget(given->budget, budget_ns);
}

/* --- progress --- */

static uint64_t elapsed_us(const Exploring *exploring)
{
    return MAX(1, (uint64_t)(g_get_monotonic_time() - exploring->began_us));
}

static uint64_t states_per_s(const Exploring *exploring, const ExploreResult *result)
{
    return result->states * G_USEC_PER_SEC / elapsed_us(exploring);
}

/* On a terminal one line that changes, elsewhere one every ten seconds. */
static void show_progress(Exploring *exploring)
{
    bool terminal = isatty(STDERR_FILENO);
    gint64 now_us = g_get_monotonic_time();
    if (now_us - exploring->shown_us < (terminal ? G_USEC_PER_SEC / 5 : 10 * G_USEC_PER_SEC))
        return;
    exploring->shown_us = now_us;
    ExploreResult result = explorer_result(exploring->explorer);
    fprintf(stderr,
            "%s%" PRIu64 " states, %" PRIu64 " distinct, depth %" PRIu64 ", %" PRIu64
            " to look at, %" PRIu64 " states/s, %" PRIu64 " MB%s",
            terminal ? "\r\033[K" : "", result.states, result.distinct, result.depth,
            result.frontier, states_per_s(exploring, &result), result.bytes >> 20,
            terminal ? "" : "\n");
}

static void search(Exploring *exploring)
{
    while (!*exploring->interrupted && explorer_advance(exploring->explorer, CUTS_AT_ONCE)) {
        exploring->out_of_time =
            exploring->budget_ns > 0 && elapsed_us(exploring) * NS_PER_US >= exploring->budget_ns;
        if (exploring->out_of_time)
            break;
        show_progress(exploring);
    }
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* --- the result --- */

static void tell_path(Exploring *exploring, GString *out)
{
    const Locals *locals = explorer_locals(exploring->explorer);
    g_autoptr(GArray) path = explorer_path(exploring->explorer);
    Story *story = story_new(exploring->scenario->cash == CASH_COMMIT);
    for (size_t i = 0; i < locals_setup_count(locals); i++) {
        Name name;
        TraceEvent event = locals_setup(locals, i, &name);
        story_add(story, 0, &name, &event);
    }
    for (guint i = 0; i < path->len; i++) {
        const ExploreMove *move = &g_array_index(path, ExploreMove, i);
        g_string_append_printf(out, "%3u  ", i + 1);
        locals_tell(locals, move->member, move->move, out);
        g_string_append_c(out, '\n');
        for (size_t k = 0; k < locals_trace_count(locals, move->traces); k++) {
            TraceEvent event = locals_trace(locals, move->traces, k);
            story_add(story, (i + 1) * NS_PER_MS, &locals_names(locals)[move->member], &event);
        }
    }
    g_string_append(out, "which is to say, move by move:\n");
    story_tell(story, out);
    story_free(story);
}

static const char *stopped_by(const Exploring *exploring, const ExploreResult *result)
{
    if (*exploring->interrupted)
        return "interrupted";
    if (exploring->out_of_time)
        return "stopped by --budget";
    switch (result->end) {
    case EXPLORE_COMPLETE:
        return "complete";
    case EXPLORE_STATES:
        return "stopped by --max-states";
    case EXPLORE_MEMORY:
        return "stopped by --max-memory";
    default:
        return "stopped by a counter-example";
    }
}

static void print_found(const Exploring *exploring)
{
    g_autoptr(GPtrArray) violations = explorer_violations(exploring->explorer);
    for (guint i = 0; i < violations->len; i++) {
        const Violation *violation = g_ptr_array_index(violations, i);
        g_autoptr(GString) line = g_string_new(NULL);
        if (exploring->given->json) {
            g_string_append_printf(line,
                                   "{\"violation\":%d,\"name\":\"%s\",\"process\":\"%s\","
                                   "\"text\":",
                                   (int)violation->rule, rule_name(violation->rule),
                                   violation->process.text);
            result_json_string(line, violation->text);
            g_string_append_c(line, '}');
        } else {
            g_string_append_printf(line, "VIOLATION invariant %d (%s) process %s: %s",
                                   (int)violation->rule, rule_name(violation->rule),
                                   violation->process.text, violation->text);
        }
        puts(line->str);
    }
}

static void print_waiting(const Exploring *exploring)
{
    g_autoptr(GPtrArray) waiting = explorer_waiting(exploring->explorer);
    for (guint i = 0; i < waiting->len; i++) {
        g_autoptr(GString) line = g_string_new(NULL);
        if (exploring->given->json) {
            g_string_append(line, "{\"stuck\":");
            result_json_string(line, g_ptr_array_index(waiting, i));
            g_string_append_c(line, '}');
        } else {
            g_string_append_printf(line, "NO PROGRESS %s", (char *)g_ptr_array_index(waiting, i));
        }
        puts(line->str);
    }
}

static void print_summary(const Exploring *exploring, const ExploreResult *result)
{
    bool found = result->end == EXPLORE_VIOLATION || result->end == EXPLORE_STUCK;
    if (exploring->given->json) {
        printf("{\"states\":%" PRIu64 ",\"distinct\":%" PRIu64 ",\"depth\":%" PRIu64
               ",\"complete\":%s,\"violations\":%d,\"states_per_s\":%" PRIu64 ",\"bytes\":%" PRIu64
               ",\"local_states\":%" PRIu64 ",\"steps\":%" PRIu64 ",\"judged\":%" PRIu64
               ",\"seconds\":%" PRIu64 ".%03" PRIu64 "}\n",
               result->states, result->distinct, result->depth,
               result->end == EXPLORE_COMPLETE ? "true" : "false", found ? 1 : 0,
               states_per_s(exploring, result), result->bytes, result->cores, result->steps,
               result->judged, elapsed_us(exploring) / G_USEC_PER_SEC,
               elapsed_us(exploring) / 1000 % 1000);
        return;
    }
    printf("%s: %" PRIu64 " states, %" PRIu64 " distinct, depth %" PRIu64 ", %" PRIu64
           " states/s, %" PRIu64 " MB\n",
           stopped_by(exploring, result), result->states, result->distinct, result->depth,
           states_per_s(exploring, result), (result->bytes + (1 << 20) - 1) >> 20);
}

/* What cannot be written is said; the counter-example stands. */
static void write_schedule(const Exploring *exploring)
{
    const char *path = exploring->given->write_schedule;
    char *error = NULL;
    g_autoptr(GArray) moves = explorer_path(exploring->explorer);
    g_autoptr(GString) text = g_string_new(NULL);
    Scenario *schedule =
        explore_schedule(exploring->scenario, explorer_locals(exploring->explorer), moves, &error);
    if (schedule == NULL) {
        options_fail(EXIT_ENVIRONMENT, exploring->command, "%s: %s: not written", path, error);
        g_free(error);
        return;
    }
    scenario_write(schedule, text);
    scenario_free(schedule);
    if (!scenario_file_write(options_output(path), text->str))
        options_fail(EXIT_ENVIRONMENT, exploring->command, "cannot write %s: %s", path,
                     g_strerror(errno));
}

static int report(Exploring *exploring)
{
    ExploreResult result = explorer_result(exploring->explorer);
    bool found = result.end == EXPLORE_VIOLATION || result.end == EXPLORE_STUCK;
    g_autoptr(GString) story = g_string_new(NULL);
    if (found && !exploring->given->json) {
        tell_path(exploring, story);
        fputs(story->str, stdout);
    }
    if (result.end == EXPLORE_COMPLETE && result.states == 0)
        fputs("nothing may happen here: bounds in [explore] say what may, such as --set "
              "explore.transfers=1\n",
              stderr);
    if (result.end == EXPLORE_VIOLATION)
        print_found(exploring);
    if (result.end == EXPLORE_STUCK)
        print_waiting(exploring);
    print_summary(exploring, &result);
    if (*exploring->interrupted)
        return EXIT_INTERRUPTED;
    if (found && exploring->given->write_schedule != NULL)
        write_schedule(exploring);
    if (found)
        return result.end == EXPLORE_VIOLATION ? EXIT_VIOLATION : EXIT_STUCK;
    return EXIT_DONE;
}

/* --- the command --- */

static Exploring *telling;

/* A move that breaks the program: the way to it is what is wanted to know. */
static void tell_at_last(void)
{
    g_autoptr(GString) story = g_string_new(NULL);
    panic_last_words = NULL;
    tell_path(telling, story);
    fputs(story->str, stderr);
}

static int explore(const Given *given, const char *command)
{
    ExploreOptions options;
    Exploring exploring = {.given = given, .command = command};
    char *error = NULL;
    const char *wrong = check_given(given, &options, &exploring.budget_ns);
    if (wrong != NULL)
        return options_fail(EXIT_USAGE, command, "%s (try --help)", wrong);
    if (!options_may_write(command, given->write_schedule))
        return EXIT_ENVIRONMENT;
    Scenario *scenario = scenario_file_load(given->rest[0], given->sets, &error);
    if (scenario != NULL)
        exploring.explorer = explorer_new(scenario, options, &error);
    if (error != NULL) {
        options_fail(EXIT_USAGE, command, "%s%s%s", scenario != NULL ? given->rest[0] : "",
                     scenario != NULL ? ": " : "", error);
        g_free(error);
        if (scenario != NULL)
            scenario_free(scenario);
        return EXIT_USAGE;
    }
    exploring.interrupted = options_interruptible();
    exploring.scenario = scenario;
    exploring.began_us = g_get_monotonic_time();
    exploring.shown_us = exploring.began_us;
    telling = &exploring;
    panic_last_words = tell_at_last;
    search(&exploring);
    panic_last_words = NULL;
    int exit_code = report(&exploring);
    explorer_free(exploring.explorer);
    scenario_free(scenario);
    return exit_code;
}

int explore_main(int argc, char **argv)
{
    Given given = {0};
    int exit_code;
    if (parse_given(&given, argc, argv, &exit_code) &&
        options_plant(argv[0], given.planted, &exit_code))
        exit_code = explore(&given, argv[0]);
    free_given(&given);
    return options_flush(argv[0], exit_code);
}
