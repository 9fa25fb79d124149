/* `cohort diff`: where two traces of what ought to be the same run part. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sim/trace_reader.h"
#include "tools/commands.h"
#include "tools/divergence.h"
#include "tools/options.h"
#include "tools/result.h"
#include "tools/words.h"

enum { CONTEXT_DEFAULT = 5, CONTEXT_MAX = 10000 };

static const char HELP[] =
    "Usage: cohort diff [OPTION]... TRACE TRACE\n"
    "Finds the first event in which two traces differ, and shows the last events before it and "
    "how\n"
    "each trace goes on, in words and as lines. One of the two may be -, standard input.\n"
    "\n"
    "The headers may differ: they say where a trace comes from, not what happened.\n"
    "\n"
    "  --ignore KEY,KEY...  leave these keys of the events out of the comparison, such as t,seq\n"
    "  --no-datagrams       leave out tx, rx, drop and dup; where only one trace has them\n"
    "  --context N          show N events of each side (default 5)\n"
    "  --json               print one JSON object\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 the traces are equal, 1 they differ, 2 a trace cannot be read as one.\n"
    "\n"
    "Examples:\n"
    "  cohort diff before.jsonl after.jsonl\n"
    "  cohort diff --no-datagrams --ignore t,seq live.jsonl replayed.jsonl\n";

/* One of the two traces. */
typedef struct Side {
    const char *path;
    char *text;
    size_t length;
    TraceReader *reader;
    const char *at;   /* the line after the one read last */
    const char *line; /* the one read last, of `line_length` bytes */
    size_t line_length;
    TraceRecord record;
    bool more;      /* there is a record */
    GString *shown; /* the line and the words of a moment */
    GString *words;
} Side;

typedef struct Diff {
    const char *command;
    char **ignored; /* keys */
    gboolean no_datagrams;
    gboolean json;
    gint context;
    Side sides[SIDES];
    Divergence *divergence;
} Diff;

/* --- reading --- */

/* Moves on to the next line of the text. */
static void next_line(Side *side)
{
    const char *end = side->text + side->length;
    const char *newline = memchr(side->at, '\n', (size_t)(end - side->at));
    side->line = side->at;
    side->line_length = (size_t)((newline != NULL ? newline : end) - side->line);
    side->at = newline != NULL ? newline + 1 : end;
}

static void next_record(const Diff *diff, Side *side)
{
    do {
        side->more = trace_reader_next(side->reader, &side->record);
        if (side->more)
            next_line(side);
    } while (side->more && diff->no_datagrams && trace_is_datagram(side->record.event.kind));
}

/* What is wrong with a trace is found while it is read. */
static bool sound(const Diff *diff, const Side *side, int *exit_code)
{
    const char *error = trace_reader_error(side->reader);
    uint64_t line = trace_reader_line(side->reader);
    if (error != NULL)
        *exit_code =
            options_fail(EXIT_USAGE, diff->command, "%s:%" PRIu64 ": %s", side->path, line, error);
    else if (!side->more && trace_reader_torn(side->reader))
        fprintf(stderr,
                "%s: %s:%" PRIu64 ": note: the last line is torn, as by a kill, and left out\n",
                diff->command, side->path, line);
    return error == NULL;
}

static bool open_side(const Diff *diff, Side *side, int *exit_code)
{
    bool piped = strcmp(side->path, "-") == 0;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(piped ? "/dev/stdin" : side->path, &side->text, &side->length,
                             &error)) {
        bool no_file = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
                       g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
        *exit_code = options_fail(no_file ? EXIT_USAGE : EXIT_ENVIRONMENT, diff->command, "%s",
                                  error->message);
        return false;
    }
    side->shown = g_string_new(NULL);
    side->words = g_string_new(NULL);
    side->at = side->text;
    side->reader = trace_reader_new(side->text, side->length);
    next_line(side); /* the header */
    next_record(diff, side);
    return true;
}

static void close_side(Side *side)
{
    if (side->reader != NULL) {
        trace_reader_free(side->reader);
        g_string_free(side->shown, TRUE);
        g_string_free(side->words, TRUE);
    }
    g_free(side->text);
}

/* --- comparing --- */

static json_t *object_of(const Diff *diff, const Side *side)
{
    json_t *object = json_loadb(side->line, side->line_length, 0, NULL);
    for (char **key = diff->ignored; *key != NULL; key++)
        json_object_del(object, *key);
    return object;
}

/* In what they say, however it is written. */
static bool same_event(const Diff *diff)
{
    const Side *a = &diff->sides[0];
    const Side *b = &diff->sides[1];
    if (a->line_length == b->line_length && memcmp(a->line, b->line, a->line_length) == 0)
        return true;
    json_t *first = object_of(diff, a);
    json_t *second = object_of(diff, b);
    bool same = json_equal(first, second);
    json_decref(first);
    json_decref(second);
    return same;
}

static Moment moment_of(Side *side)
{
    g_string_truncate(side->shown, 0);
    g_string_truncate(side->words, 0);
    g_string_append_len(side->shown, side->line, (gssize)side->line_length);
    words_time(side->record.t_ns, side->words);
    words_record(&side->record.process, &side->record.event, side->record.instance, side->words);
    return (Moment){.line = side->shown->str, .words = side->words->str};
}

/* Both traces to the point where they part, and a little further. False: one is no trace. */
static bool compare(Diff *diff, int *exit_code)
{
    Side *sides = diff->sides;
    while (sides[0].more && sides[1].more && same_event(diff)) {
        const Moment both[SIDES] = {moment_of(&sides[0]), moment_of(&sides[1])};
        divergence_pass(diff->divergence, both);
        next_record(diff, &sides[0]);
        next_record(diff, &sides[1]);
    }
    for (unsigned side = 0; side < SIDES; side++) {
        bool wanted = true;
        while (sides[side].more && wanted) {
            const Moment moment = moment_of(&sides[side]);
            wanted = divergence_part(diff->divergence, side, &moment);
            next_record(diff, &sides[side]);
        }
    }
    return sound(diff, &sides[0], exit_code) && sound(diff, &sides[1], exit_code);
}

/* --- what is printed --- */

static bool same_header(const Diff *diff)
{
    const char *headers[SIDES] = {diff->sides[0].text, diff->sides[1].text};
    size_t length = strcspn(headers[0], "\n");
    return length == strcspn(headers[1], "\n") && memcmp(headers[0], headers[1], length) == 0;
}

static void write_result(const Diff *diff, GString *out)
{
    const char *const names[SIDES] = {diff->sides[0].path, diff->sides[1].path};
    bool found = divergence_found(diff->divergence);
    if (diff->json) {
        g_string_append_printf(out, "{\"equal\":%s,\"same_header\":%s,", found ? "false" : "true",
                               same_header(diff) ? "true" : "false");
        divergence_write_json(diff->divergence, names, out);
        g_string_append(out, "}\n");
        return;
    }
    const char *headers = same_header(diff) ? "" : " (their headers differ)";
    if (found)
        divergence_write_text(diff->divergence, names, out);
    else
        g_string_append_printf(out, "equal: %" PRIu64 " events%s\n",
                               divergence_passed(diff->divergence), headers);
}

static int diff_traces(Diff *diff)
{
    int exit_code = EXIT_DONE;
    if (!open_side(diff, &diff->sides[0], &exit_code) ||
        !open_side(diff, &diff->sides[1], &exit_code) || !compare(diff, &exit_code))
        return exit_code;
    g_autoptr(GString) out = g_string_new(NULL);
    write_result(diff, out);
    if (fwrite(out->str, 1, out->len, stdout) != out->len || fflush(stdout) != 0)
        return options_fail(EXIT_ENVIRONMENT, diff->command, "standard output: cannot write");
    return divergence_found(diff->divergence) ? EXIT_VIOLATION : EXIT_DONE;
}

int diff_main(int argc, char **argv)
{
    g_auto(GStrv) paths = NULL;
    g_autofree char *ignore = NULL;
    Diff diff = {.command = argv[0], .context = CONTEXT_DEFAULT};
    const GOptionEntry entries[] = {
        {"ignore", 0, 0, G_OPTION_ARG_STRING, &ignore, NULL, NULL},
        {"no-datagrams", 0, 0, G_OPTION_ARG_NONE, &diff.no_datagrams, NULL, NULL},
        {"context", 0, 0, G_OPTION_ARG_INT, &diff.context, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &diff.json, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    int exit_code;
    if (!options_parse(entries, HELP, argc, argv, &exit_code))
        return exit_code;
    if (paths == NULL || g_strv_length(paths) != SIDES)
        return options_fail(EXIT_USAGE, argv[0], "two traces are needed (try --help)");
    if (strcmp(paths[0], "-") == 0 && strcmp(paths[1], "-") == 0)
        return options_fail(EXIT_USAGE, argv[0], "only one trace can be standard input");
    if (diff.context < 0 || diff.context > CONTEXT_MAX)
        return options_fail(EXIT_USAGE, argv[0], "--context must be from 0 to %d", CONTEXT_MAX);
    /* Datagrams are counted, too. */
    g_autofree char *keys =
        g_strconcat(ignore != NULL ? ignore : "", diff.no_datagrams ? ",seq" : "", NULL);
    g_auto(GStrv) ignored = g_strsplit(keys, ",", -1);
    diff.ignored = ignored;
    diff.divergence = divergence_new((size_t)diff.context, (const char *const *)ignored);
    for (unsigned side = 0; side < SIDES; side++)
        diff.sides[side].path = paths[side];
    exit_code = diff_traces(&diff);
    divergence_free(diff.divergence);
    close_side(&diff.sides[0]);
    close_side(&diff.sides[1]);
    return exit_code;
}
