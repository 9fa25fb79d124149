/* Recordings of live processes, whatever they hold: refused, or played back until they are over,
 * cut, damaged or different; what plays back as recorded can be merged into a trace.
 *
 * The mutator makes new checksums, so that mutations reach the core. It leaves the header alone:
 * what a process had loaded is no question here, for a checksum stands before that. */
#include <string.h>

#include "net/recording.h"
#include "tests/fuzz/fuzz.h"
#include "tools/playback.h"
#include "tools/replaymerge.h"

static void on_note(void *user, const char *text)
{
    (void)user;
    INVARIANT_THAT(strlen(text), >, 0);
}

static void on_trace(void *user, uint64_t t_ns, const Name *process, const TraceEvent *event)
{
    uint64_t *last_ns = user;
    g_autoptr(GString) line = g_string_new(NULL);
    INVARIANT_THAT(t_ns, >=, *last_ns);
    *last_ns = t_ns;
    trace_write(line, 0, t_ns, process, event);
}

/* Is it whole, but for its end? */
static bool plays(const uint8_t *data, size_t size)
{
    Playback *playback = playback_new(data, size);
    if (playback == NULL)
        return false;
    while (playback_state(playback) == PLAYBACK_GOING)
        playback_step(playback);
    const PlaybackState state = playback_state(playback);
    const PlaybackDifference *difference = playback_difference(playback);
    INVARIANT(state != PLAYBACK_DIFFERS || strcmp(difference->recorded, difference->replayed) != 0);
    const bool whole =
        playback_header(playback) != NULL && (state == PLAYBACK_OVER || state == PLAYBACK_CUT);
    playback_free(playback);
    return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!plays(data, size))
        return 0;
    uint64_t last_ns = 0;
    const ReplayPart part = {.path = "recording", .bytes = data, .length = size};
    replay_merge(&(ReplayMergeConfig){.parts = &part,
                                      .count = 1,
                                      .datagrams = true,
                                      .note = on_note,
                                      .trace = on_trace,
                                      .user = &last_ns});
    return 0;
}

/* --- mutations --- */

/* The frames, each as its kind and the rest. */
static GPtrArray *take_apart(const uint8_t *data, size_t size)
{
    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    RecordingReader reader;
    Frame frame;
    if (!recording_open(&reader, data, size))
        return frames;
    while (recording_next(&reader, &frame) == RECORDING_FRAME)
        g_ptr_array_add(frames, g_bytes_new(frame.bytes - 1, frame.length + 1));
    return frames;
}

static size_t put_together(uint8_t *data, size_t size, size_t capacity, const GPtrArray *frames)
{
    g_autoptr(GByteArray) file = g_byte_array_new();
    Coder coder = coder_encode_growing();
    g_byte_array_append(file, (const uint8_t *)RECORDING_MAGIC, RECORDING_MAGIC_BYTES);
    for (guint i = 0; i < frames->len; i++) {
        gsize length;
        uint8_t *bytes = (uint8_t *)g_bytes_get_data(g_ptr_array_index(frames, i), &length);
        if (length == 0)
            continue;
        frame_begin(&coder, (FrameKind)bytes[0]);
        code_bytes(&coder, bytes + 1, length - 1); /* an encoder only reads them */
        frame_finish(&coder, file->len);
        g_byte_array_append(file, coder.bytes, (guint)coder.length);
    }
    coder_deinit(&coder);
    if (file->len > capacity)
        return size;
    memcpy(data, file->data, file->len);
    return file->len;
}

static GBytes *mutated(GBytes *frame, size_t room)
{
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(frame, &length);
    g_autofree uint8_t *copy = g_malloc(length + room);
    memcpy(copy, bytes, length);
    const size_t changed = LLVMFuzzerMutate(copy, length, length + room);
    return g_bytes_new(copy, changed);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    g_autoptr(GPtrArray) frames = take_apart(data, size);
    if (frames->len < 2 || fuzz_below(8) == 0)
        return LLVMFuzzerMutate(data, size, capacity);
    const guint from = 1 + (guint)fuzz_below(frames->len - 1);
    const guint to = 1 + (guint)fuzz_below(frames->len - 1);
    GBytes *frame = g_ptr_array_index(frames, from);
    switch (fuzz_below(6)) {
    case 0:
        g_ptr_array_remove_index(frames, from);
        break;
    case 1:
        g_ptr_array_insert(frames, (gint)to, g_bytes_ref(frame));
        break;
    case 2: /* what nothing is compared with may go on longest */
        g_ptr_array_set_size(frames, (gint)from + 1);
        break;
    default:
        g_ptr_array_index(frames, from) = mutated(frame, capacity - size);
        g_bytes_unref(frame);
    }
    return put_together(data, size, capacity, frames);
}
