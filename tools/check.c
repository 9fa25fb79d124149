/* `cohort check`: judges traces, of simulated or live runs, against the protocol's invariants. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/checker.h"
#include "sim/trace_reader.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/result.h"

static const char HELP[] =
    "Usage: cohort check [OPTION]... TRACE...\n"
    "Judges traces, simulated or live, against what must always hold.\n"
    "\n"
    "The traces of live processes belong together: give all that there are of one run. What only\n"
    "an absent one could tell is not judged. A process that was killed may have one for each "
    "life,\n"
    "and a last line that is torn. Simulated traces are judged each by itself, but those that "
    "begin\n"
    "with the same line together. With TRACE -, standard input is read.\n"
    "\n"
    "  --settled    the run claims to be over and quiet, so nothing may be under way at the end:\n"
    "               no transfer in flight, no open checkpoint. Implied of simulated ones\n"
    "  --unsettled  it does not: a simulation was interrupted, or came to no rest\n"
    "  --json       print one JSON object per line\n"
    "  --help       show this\n"
    "  --version    show the version\n"
    "\n"
    "Prints a line for each violation, and last how much was judged. The invariants:\n"
    "  1 prefix           transfers received are a prefix of those sent\n"
    "  2 consistency      permanent checkpoints agree with each other and with what happened\n"
    "  3 no-loss          every transfer is received or declared lost, never both\n"
    "  4 money            no money is made or lost\n"
    "  5 minimality       those, and only those, checkpointed or rolled back who had to\n"
    "  6 agreement        every instance ends, with one decision, at every participant\n"
    "  7 two-checkpoints  at most one permanent and one tentative checkpoint\n"
    "  8 discipline       silence until the decision; incarnations count rollbacks\n"
    "  0 life             what an event needs is there: an account, a cohort\n"
    "\n"
    "Exit codes: 0 no violation; 1 violations; 2 a trace cannot be read as one (file, line and\n"
    "reason are on standard error).\n"
    "\n"
    "Examples:\n"
    "  cohort sim lossy.ini --seed 7 --trace run.jsonl; cohort check run.jsonl\n"
    "  cohort check --settled c1.jsonl c2.jsonl c3.jsonl\n"
    "  cohort check seed-*.jsonl\n"
    "  zcat run.jsonl.gz | cohort check --json -\n";

/* The traces that belong together, and what they say. */
typedef struct Run {
    Checker *checker;
    GPtrArray *paths;
    bool live;
} Run;

/* What the command line asks for, and the runs found. */
typedef struct Check {
    const char *command;
    char **paths;
    gboolean json;
    gboolean settled;
    gboolean unsettled;
    GPtrArray *runs;       /* Run */
    GHashTable *by_header; /* the first line of its traces -> Run, simulated */
    Run *live;             /* NULL: none */
    guint violations;
    bool cut_short; /* there may be more of them */
    GString *out;
} Check;

static Run *run_new(Check *check, bool live)
{
    Run *run = g_new0(Run, 1);
    run->checker = checker_new();
    run->paths = g_ptr_array_new();
    run->live = live;
    g_ptr_array_add(check->runs, run);
    return run;
}

static void run_free(gpointer data)
{
    Run *run = data;
    checker_free(run->checker);
    g_ptr_array_unref(run->paths);
    g_free(run);
}

static Run *run_of(Check *check, const char *text, bool live)
{
    if (live) {
        if (check->live == NULL)
            check->live = run_new(check, true);
        return check->live;
    }
    g_autofree char *header = g_strndup(text, strcspn(text, "\n"));
    Run *run = g_hash_table_lookup(check->by_header, header);
    if (run == NULL) {
        run = run_new(check, false);
        g_hash_table_insert(check->by_header, g_steal_pointer(&header), run);
    }
    return run;
}

static const char *file_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "/dev/stdin" : path;
}

static int read_trace(Check *check, char *path)
{
    g_autofree char *text = NULL;
    size_t length;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(file_of(path), &text, &length, &error)) {
        bool no_file = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
                       g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
        return options_fail(no_file ? EXIT_USAGE : EXIT_ENVIRONMENT, check->command, "%s",
                            error->message);
    }
    TraceReader *reader = trace_reader_new(text, length);
    TraceRecord record;
    Run *run = run_of(check, text, trace_reader_live(reader));
    const guint file = run->paths->len;
    g_ptr_array_add(run->paths, path);
    while (trace_reader_next(reader, &record))
        checker_add_record(run->checker, file, &record);
    int exit_code = EXIT_DONE;
    if (trace_reader_error(reader) != NULL)
        exit_code = options_fail(EXIT_USAGE, check->command, "%s:%" PRIu64 ": %s", path,
                                 trace_reader_line(reader), trace_reader_error(reader));
    else if (trace_reader_torn(reader))
        fprintf(stderr,
                "%s: %s:%" PRIu64 ": note: the last line is torn, as by a kill, and left out\n",
                check->command, path, trace_reader_line(reader));
    trace_reader_free(reader);
    return exit_code;
}

/* --- what is printed --- */

static void write_violation(const Check *check, const char *path, const Violation *violation)
{
    GString *out = check->out;
    const char *rule = rule_name(violation->rule);
    const char *process = violation->process.text;
    if (!check->json) {
        g_string_append_printf(
            out, "VIOLATION invariant %d (%s) process %s seq %" PRIu64 " file %s: %s\n",
            (int)violation->rule, rule, process, violation->seq, path, violation->text);
        return;
    }
    g_string_append_printf(
        out, "{\"violation\":%d,\"name\":\"%s\",\"process\":\"%s\",\"seq\":%" PRIu64 ",\"file\":",
        (int)violation->rule, rule, process, violation->seq);
    result_json_string(out, path);
    g_string_append(out, ",\"text\":");
    result_json_string(out, violation->text);
    g_string_append(out, "}\n");
}

static void write_names(const char *before, const GPtrArray *names, const char *quote,
                        const char *after, GString *out)
{
    g_string_append(out, before);
    for (guint i = 0; i < names->len; i++) {
        const Name *name = g_ptr_array_index(names, i);
        g_string_append_printf(out, "%s%s%s%s", i > 0 ? "," : "", quote, name->text, quote);
    }
    g_string_append(out, after);
}

static gboolean same_name(gconstpointer a, gconstpointer b)
{
    return name_equal(a, b);
}

/* Those of `found` that are not there yet; what they point to lives with their checker. */
static void add_names(GPtrArray *names, GPtrArray *found)
{
    for (guint i = 0; i < found->len; i++) {
        gpointer name = g_ptr_array_index(found, i);
        if (!g_ptr_array_find_with_equal_func(names, name, same_name, NULL))
            g_ptr_array_add(names, name);
    }
    g_ptr_array_unref(found);
}

static void write_summary(const Check *check)
{
    GString *out = check->out;
    const guint violations = check->violations;
    g_autoptr(GPtrArray) seen = g_ptr_array_new();
    g_autoptr(GPtrArray) unseen = g_ptr_array_new();
    size_t events = 0;
    guint traces = g_strv_length(check->paths);
    for (guint i = 0; i < check->runs->len; i++) {
        const Run *run = g_ptr_array_index(check->runs, i);
        events += checker_record_count(run->checker);
        add_names(seen, checker_seen(run->checker));
        add_names(unseen, checker_unseen(run->checker));
    }
    if (check->json) {
        g_string_append_printf(out, "{\"events\":%zu,\"traces\":%u,\"violations\":%u", events,
                               traces, violations);
        write_names(",\"processes\":[", seen, "\"", "]", out);
        write_names(",\"unseen\":[", unseen, "\"", "]", out);
        g_string_append_printf(out, ",\"runs\":%u}\n", check->runs->len);
        return;
    }
    g_string_append_printf(out, "%zu events of %u processes in %u traces", events, seen->len,
                           traces);
    if (check->runs->len > 1)
        g_string_append_printf(out, " of %u runs", check->runs->len);
    g_string_append(out, ": ");
    if (violations == 0)
        g_string_append(out, "no violation");
    else
        g_string_append_printf(out, "%u violation%s", violations, violations == 1 ? "" : "s");
    if (check->cut_short)
        g_string_append(out, " (and judged no further)");
    if (unseen->len > 0) {
        write_names(" (seen: ", seen, "", "", out);
        write_names("; not seen: ", unseen, "", ")", out);
    }
    g_string_append_c(out, '\n');
}

/* What is named twice would have happened twice. */
static bool names_once(const Check *check)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (char **path = check->paths; *path != NULL; path++) {
        struct stat found;
        if (stat(file_of(*path), &found) < 0 || S_ISCHR(found.st_mode))
            continue;
        char *file = g_strdup_printf("%ju %ju", (uintmax_t)found.st_dev, (uintmax_t)found.st_ino);
        const char *before = g_hash_table_lookup(seen, file);
        if (before != NULL) {
            options_fail(EXIT_USAGE, check->command, "%s and %s are the same trace: name it once",
                         before, *path);
            g_free(file);
            return false;
        }
        g_hash_table_insert(seen, file, *path);
    }
    return true;
}

static void judge_run(Check *check, const Run *run)
{
    const CheckOptions options = {.settled = check->settled || (!run->live && !check->unsettled),
                                  .whole = !run->live};
    g_autoptr(GPtrArray) violations = checker_judge(run->checker, options);
    for (guint i = 0; i < violations->len; i++) {
        const Violation *violation = g_ptr_array_index(violations, i);
        write_violation(check, g_ptr_array_index(run->paths, violation->file), violation);
    }
    check->violations += violations->len;
    check->cut_short = check->cut_short || violations->len >= VIOLATIONS_MAX;
}

static int judge(Check *check)
{
    if (!names_once(check))
        return EXIT_USAGE;
    for (char **path = check->paths; *path != NULL; path++) {
        int exit_code = read_trace(check, *path);
        if (exit_code != EXIT_DONE)
            return exit_code;
    }
    for (guint i = 0; i < check->runs->len; i++)
        judge_run(check, g_ptr_array_index(check->runs, i));
    write_summary(check);
    if (fwrite(check->out->str, 1, check->out->len, stdout) != check->out->len ||
        fflush(stdout) != 0)
        return options_fail(EXIT_ENVIRONMENT, check->command, "standard output: cannot write");
    return check->violations > 0 ? EXIT_VIOLATION : EXIT_DONE;
}

int check_main(int argc, char **argv)
{
    g_auto(GStrv) paths = NULL;
    Check check = {.command = argv[0]};
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &check.json, NULL, NULL},
        {"settled", 0, 0, G_OPTION_ARG_NONE, &check.settled, NULL, NULL},
        {"unsettled", 0, 0, G_OPTION_ARG_NONE, &check.unsettled, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    int exit_code;
    if (!options_parse(entries, HELP, argc, argv, &exit_code))
        return exit_code;
    if (paths == NULL)
        return options_fail(EXIT_USAGE, argv[0], "a trace is needed (try --help)");
    if (check.settled && check.unsettled)
        return options_fail(EXIT_USAGE, argv[0], "--settled and --unsettled exclude each other");
    check.paths = paths;
    check.runs = g_ptr_array_new_with_free_func(run_free);
    check.by_header = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    check.out = g_string_new(NULL);
    exit_code = judge(&check);
    g_string_free(check.out, TRUE);
    g_hash_table_destroy(check.by_header);
    g_ptr_array_unref(check.runs);
    return exit_code;
}
