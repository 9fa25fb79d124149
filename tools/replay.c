/* `cohort replay`: feeds live recordings through the core again, and compares. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/planted.h"
#include "net/recorder.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/playback.h"
#include "tools/replaymerge.h"
#include "tools/result.h"

static const char HELP[] =
    "Usage: cohort replay [OPTION]... RECORDING...\n"
    "Feeds what `cohort bank --record` and `cohort customer --record` have recorded through the\n"
    "core again: every step must have the very effects that it had, to the last byte.\n"
    "\n"
    "  --trace FILE       writes what happened as one trace of all these processes, in the order\n"
    "                     of cause and effect, for `cohort check`; an existing FILE is\n"
    "                     replaced, but never a recording; - is stdout. Not written\n"
    "                     when a recording differs\n"
    "  --trace-datagrams  ... and every datagram\n"
#ifdef COHORT_PLANTED_FAULTS
    "  --planted NAME     leave out a rule of the protocol; `cohort sim --planted list` lists "
    "them\n"
#endif
    "  --json             print one JSON object per line\n"
    "  --help             show this\n"
    "  --version          show the version\n"
    "\n"
    "The recordings of all processes of a run belong together, one for each life of a process:\n"
    "who was started again goes on in the next one. A recording that was cut off, as by kill -9,\n"
    "is replayed up to the cut, and that is said on standard error.\n"
    "\n"
    "Prints one line: `identical: ...` with how much was compared, or for each recording that\n"
    "differs the step, and what was recorded and what came out now at the first difference.\n"
    "\n"
    "Exit codes: 0 identical; 1 different; 2 a recording cannot be read as one, is damaged (file,\n"
    "byte and reason are on standard error), or is named twice; 4 a file cannot be read or\n"
    "written.\n"
    "\n"
    "Examples:\n"
    "  cohort bank --port 8600 --record bank.rec\n"
    "  cohort replay bank.rec alice.rec bob.rec --trace run.jsonl; cohort check run.jsonl\n";

typedef struct Replay {
    const char *command;
    char **paths;
    char *trace;
    char *planted;
    gboolean datagrams;
    gboolean json;
    GPtrArray *files; /* their contents */
    GArray *parts;    /* of ReplayPart: those that tell anything */
    GPtrArray *cut;   /* paths */
    PlaybackCounts counts;
    size_t different;
    GPtrArray *committing; /* names of customers with --cash commit */
    bool cash_restores;    /* some customer's does */
    GString *out;
} Replay;

/* --- results --- */

static void write_difference(const Replay *replay, const char *path,
                             const PlaybackDifference *difference)
{
    GString *out = replay->out;
    if (replay->json) {
        g_string_append(out, "{\"result\":\"different\",\"file\":");
        result_json_string(out, path);
        g_string_append_printf(out, ",\"step\":%" PRIu64 ",\"event\":", difference->step);
        result_json_string(out, difference->event);
        g_string_append_printf(out, ",\"effect\":%zu,\"recorded\":", difference->effect);
        result_json_string(out, difference->recorded);
        g_string_append(out, ",\"replayed\":");
        result_json_string(out, difference->replayed);
        g_string_append(out, "}\n");
        return;
    }
    g_string_append_printf(out, "different: %s: step %" PRIu64 ", %s", path, difference->step,
                           difference->event);
    if (difference->effect > 0)
        g_string_append_printf(out, ": effect %zu", difference->effect);
    g_string_append_printf(out, "\n  recorded: %s\n  replayed: %s\n", difference->recorded,
                           difference->replayed);
}

static void write_identical(const Replay *replay)
{
    const PlaybackCounts *counts = &replay->counts;
    const guint recordings = g_strv_length(replay->paths);
    GString *out = replay->out;
    if (!replay->json) {
        g_string_append_printf(out,
                               "identical: %u recordings, %" PRIu64 " steps, %" PRIu64
                               " effects, %" PRIu64 " commits",
                               recordings, counts->steps, counts->effects, counts->commits);
        if (replay->cut->len > 0)
            g_string_append_printf(out, "; %u cut off", replay->cut->len);
        g_string_append_c(out, '\n');
        return;
    }
    g_string_append_printf(out,
                           "{\"result\":\"identical\",\"recordings\":%u,\"steps\":%" PRIu64
                           ",\"effects\":%" PRIu64 ",\"commits\":%" PRIu64 ",\"cut\":[",
                           recordings, counts->steps, counts->effects, counts->commits);
    for (guint i = 0; i < replay->cut->len; i++) {
        g_string_append(out, i > 0 ? "," : "");
        result_json_string(out, g_ptr_array_index(replay->cut, i));
    }
    g_string_append(out, "]}\n");
}

/* --- each alone --- */

static void note_of(const Replay *replay, const char *path, const char *text)
{
    fprintf(stderr, "%s: %s: %s\n", replay->command, path, text);
}

static void note_version(const Replay *replay, const char *path, const RecordingHeader *header)
{
    if (strcmp(header->version, COHORT_VERSION) == 0)
        return;
    g_autofree char *text =
        g_strdup_printf("was recorded by version %s, and this is " COHORT_VERSION, header->version);
    note_of(replay, path, text);
}

/* Once it is played, and its name known. */
static void note_cash(Replay *replay, const Playback *playback)
{
    const RecordingHeader *header = playback_header(playback);
    if (header == NULL || header->role != RECORDING_CUSTOMER)
        return;
    if (header->customer.cash == CASH_COMMIT)
        g_ptr_array_add(replay->committing, g_strdup(playback_name(playback)->text));
    else
        replay->cash_restores = true;
}

static void play_through(const Replay *replay, const char *path, Playback *playback)
{
    while (playback_state(playback) == PLAYBACK_GOING) {
        if (playback_next_is_last(playback))
            note_of(replay, path, "its process ended within its last step, which is made again");
        playback_step(playback);
    }
}

static int finish(Replay *replay, const ReplayPart *part, Playback *playback)
{
    const PlaybackCounts counts = playback_counts(playback);
    const PlaybackState state = playback_state(playback);
    if (state == PLAYBACK_DAMAGED)
        return options_fail(EXIT_USAGE, replay->command,
                            "%s: %s; restore it from a copy, or leave it out", part->path,
                            playback_reason(playback));
    replay->counts.steps += counts.steps;
    replay->counts.effects += counts.effects;
    replay->counts.commits += counts.commits;
    if (state == PLAYBACK_DIFFERS) {
        replay->different++;
        write_difference(replay, part->path, playback_difference(playback));
    } else if (state == PLAYBACK_CUT) {
        note_of(replay, part->path, playback_reason(playback));
        g_ptr_array_add(replay->cut, (char *)part->path);
    }
    if (playback_header(playback) != NULL)
        g_array_append_val(replay->parts, *part);
    return EXIT_DONE;
}

/* The heads of their headers, with a checksum over when each began, and its seed. */
static const ReplayPart *find_same(const Replay *replay, const ReplayPart *part)
{
    for (guint i = 0; i < replay->parts->len; i++) {
        const ReplayPart *other = &g_array_index(replay->parts, ReplayPart, i);
        if (memcmp(part->bytes, other->bytes, RECORDING_MAGIC_BYTES + FRAME_HEAD_BYTES) == 0)
            return other;
    }
    return NULL;
}

static int no_recording(const Replay *replay, const char *path)
{
    return options_fail(EXIT_USAGE, replay->command,
                        "%s is no recording: name files that --record has made", path);
}

static int replay_part(Replay *replay, const ReplayPart *part)
{
    Playback *playback = playback_new(part->bytes, part->length);
    if (playback == NULL)
        return no_recording(replay, part->path);
    const RecordingHeader *header = playback_header(playback);
    const ReplayPart *same = header != NULL ? find_same(replay, part) : NULL;
    if (same != NULL) {
        playback_free(playback);
        return options_fail(EXIT_USAGE, replay->command,
                            "%s and %s are the same recording: name it once", same->path,
                            part->path);
    }
    if (header != NULL) {
        note_version(replay, part->path, header);
    }
    play_through(replay, part->path, playback);
    note_cash(replay, playback);
    const int exit_code = finish(replay, part, playback);
    playback_free(playback);
    return exit_code;
}

static int replay_file(Replay *replay, const char *path)
{
    g_autoptr(GError) error = NULL;
    if (g_file_test(path, G_FILE_TEST_EXISTS) && !g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return no_recording(replay, path); /* a pipe would be waited for */
    char *bytes;
    gsize length;
    if (!g_file_get_contents(path, &bytes, &length, &error)) /* it may still grow, or be cut */
        return options_fail(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)
                                ? EXIT_USAGE
                                : EXIT_ENVIRONMENT,
                            replay->command, "%s", error->message);
    g_ptr_array_add(replay->files, bytes);
    return replay_part(
        replay, &(ReplayPart){.path = path, .bytes = (const uint8_t *)bytes, .length = length});
}

/* --- together --- */

typedef struct TraceOut {
    FILE *file;
    GString *line;
    uint64_t seq;
} TraceOut;

/* Errors are found when it is closed. */
static void put_line(TraceOut *out)
{
    fwrite(out->line->str, 1, out->line->len, out->file);
    g_string_truncate(out->line, 0);
}

typedef struct Together {
    const Replay *replay;
    TraceOut out;
} Together;

static void on_note(void *user, const char *text)
{
    note_of(((Together *)user)->replay, ((Together *)user)->replay->trace, text);
}

static void on_trace(void *user, uint64_t t_ns, const Name *process, const TraceEvent *event)
{
    TraceOut *out = &((Together *)user)->out;
    trace_write(out->line, out->seq++, t_ns, process, event);
    put_line(out);
}

/* Where not all customers have the same --cash, it names those with `commit`. */
static void write_header(const Replay *replay, GString *line)
{
    const bool all = replay->committing->len > 0 && !replay->cash_restores;
    trace_write_header(line, "replay", "recordings", 0, all);
    if (all || replay->committing->len == 0)
        return;
    g_string_truncate(line, line->len - strlen("}\n"));
    g_string_append(line, ",\"cash\":[");
    for (guint i = 0; i < replay->committing->len; i++)
        g_string_append_printf(line, "%s\"%s\"", i > 0 ? "," : "",
                               (const char *)g_ptr_array_index(replay->committing, i));
    g_string_append(line, "]}\n");
}

static int replay_together(const Replay *replay)
{
    const bool piped = options_is_stdout(replay->trace);
    Together together = {.replay = replay, .out.file = piped ? stdout : fopen(replay->trace, "we")};
    TraceOut *out = &together.out;
    if (out->file == NULL)
        return options_fail(EXIT_ENVIRONMENT, replay->command, "cannot write %s: %s", replay->trace,
                            g_strerror(errno));
    out->line = g_string_new(NULL);
    write_header(replay, out->line);
    put_line(out);
    replay_merge(
        &(ReplayMergeConfig){.parts = (const ReplayPart *)(const void *)replay->parts->data,
                             .count = replay->parts->len,
                             .datagrams = replay->datagrams,
                             .note = on_note,
                             .trace = on_trace,
                             .user = &together});
    g_string_free(out->line, TRUE);
    const bool written = ferror(out->file) == 0 && fflush(out->file) == 0;
    if ((!piped && fclose(out->file) != 0) || !written)
        return options_fail(EXIT_ENVIRONMENT, replay->command, "cannot write %s: %s", replay->trace,
                            g_strerror(errno));
    return EXIT_DONE;
}

static int run(Replay *replay)
{
    int exit_code = EXIT_DONE;
    for (char **path = replay->paths; *path != NULL && exit_code == EXIT_DONE; path++)
        exit_code = replay_file(replay, *path);
    if (exit_code != EXIT_DONE)
        return exit_code;
    if (replay->different > 0) {
        exit_code = EXIT_VIOLATION;
        if (replay->trace != NULL)
            note_of(replay, replay->trace, "not written, as a recording differs");
    } else if (replay->trace != NULL)
        exit_code = replay_together(replay);
    if (exit_code == EXIT_DONE)
        write_identical(replay);
    if (fwrite(replay->out->str, 1, replay->out->len, stdout) != replay->out->len ||
        fflush(stdout) != 0)
        return options_fail(EXIT_ENVIRONMENT, replay->command, "standard output: cannot write");
    return exit_code;
}

static bool understand(const Replay *replay)
{
    if (replay->paths == NULL)
        options_fail(EXIT_USAGE, replay->command, "a recording is needed (try --help)");
    else if (replay->datagrams && replay->trace == NULL)
        options_fail(EXIT_USAGE, replay->command, "--trace-datagrams goes with --trace FILE");
    else if (replay->trace != NULL && recorder_has_made(replay->trace))
        options_fail(EXIT_USAGE, replay->command,
                     "%s is a recording: name another file with --trace; it is left as it is",
                     replay->trace);
#ifdef COHORT_PLANTED_FAULTS
    else if (replay->planted != NULL && !planted_choose(replay->planted))
        options_fail(EXIT_USAGE, replay->command, "no planted fault '%s'", replay->planted);
#endif
    else
        return true;
    return false;
}

int replay_main(int argc, char **argv)
{
    Replay replay = {.command = argv[0]};
    const GOptionEntry entries[] = {
        {"trace", 0, 0, G_OPTION_ARG_FILENAME, &replay.trace, NULL, NULL},
        {"trace-datagrams", 0, 0, G_OPTION_ARG_NONE, &replay.datagrams, NULL, NULL},
#ifdef COHORT_PLANTED_FAULTS
        {"planted", 0, 0, G_OPTION_ARG_STRING, &replay.planted, NULL, NULL},
#endif
        {"json", 0, 0, G_OPTION_ARG_NONE, &replay.json, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &replay.paths, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    int exit_code;
    if (options_parse(entries, HELP, argc, argv, &exit_code)) {
        replay.files = g_ptr_array_new_with_free_func(g_free);
        replay.parts = g_array_new(FALSE, FALSE, sizeof(ReplayPart));
        replay.cut = g_ptr_array_new();
        replay.committing = g_ptr_array_new_with_free_func(g_free);
        replay.out = g_string_new(NULL);
        exit_code = understand(&replay) ? run(&replay) : EXIT_USAGE;
        g_string_free(replay.out, TRUE);
        g_ptr_array_unref(replay.cut);
        g_ptr_array_unref(replay.committing);
        g_array_free(replay.parts, TRUE);
        g_ptr_array_unref(replay.files);
    }
    g_strfreev(replay.paths);
    g_free(replay.trace);
    g_free(replay.planted);
    return exit_code;
}
