#include "net/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/panic.h"
#include "net/effectcode.h"

enum { WINDOW_BYTES = 1 << 20, PIECE_BYTES = 256 << 10 };

struct Recorder {
    char *path;
    int fd; /* < 0: the recording has ended */
    bool stepped;
    uint64_t at; /* bytes written */
    /* The part of the file that is mapped; `at` lies in it, or at its end. */
    uint8_t *window;
    uint64_t window_at;
    size_t window_bytes;
    Coder frame;
};

/* --- the file --- */

static void unmap(Recorder *recorder)
{
    if (recorder->window != NULL)
        munmap(recorder->window, recorder->window_bytes);
    recorder->window = NULL;
    recorder->window_bytes = 0;
}

/* 0 or a negative errno. The room is taken from the disk before it is mapped: a page for which
 * there is none would end the process when it is written to. Written in large pieces, pages also
 * come in large pieces, and fault seldom. */
static int reserve(int fd, uint64_t at, uint64_t end)
{
    static uint8_t nothing[PIECE_BYTES];
    while (at < end) {
        const size_t piece = (size_t)MIN(end - at, (uint64_t)PIECE_BYTES);
        const ssize_t written = pwrite(fd, nothing, piece, (off_t)at);
        if (written < 0 && errno != EINTR)
            return -errno;
        at += written > 0 ? (uint64_t)written : 0;
    }
    return 0;
}

static int make_room(Recorder *recorder, size_t length)
{
    if (recorder->window != NULL &&
        recorder->at + length <= recorder->window_at + recorder->window_bytes)
        return 0;
    unmap(recorder);
    const uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    recorder->window_at = recorder->at - recorder->at % page_bytes;
    const uint64_t needed = recorder->at - recorder->window_at + length;
    const size_t bytes = (size_t)((needed + WINDOW_BYTES - 1) / WINDOW_BYTES * WINDOW_BYTES);
    const int code = reserve(recorder->fd, recorder->at, recorder->window_at + bytes);
    if (code != 0)
        return code;
    void *window = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, recorder->fd,
                        (off_t)recorder->window_at);
    if (window == MAP_FAILED)
        return -errno;
    recorder->window = window;
    recorder->window_bytes = bytes;
    return 0;
}

/* What was reserved and not used goes back. If that fails, it reads as a cut. */
static void close_file(Recorder *recorder)
{
    unmap(recorder);
    if (recorder->fd >= 0) {
        int code = ftruncate(recorder->fd, (off_t)recorder->at);
        (void)code;
        close(recorder->fd);
    }
    recorder->fd = -1;
}

static int put(Recorder *recorder, const uint8_t *bytes, size_t length)
{
    int code = make_room(recorder, length);
    if (code != 0)
        return code;
    INVARIANT(recorder->window != NULL);
    memcpy(recorder->window + (recorder->at - recorder->window_at), bytes, length);
    recorder->at += length;
    return 0;
}

static int fail(Recorder *recorder, const char *path, int code, GString *error)
{
    recorder_close(recorder);
    g_string_printf(error,
                    "cannot record to %s: %s; mend that, or name a file on another disk with "
                    "--record",
                    path, g_strerror(-code));
    return code;
}

bool recorder_has_made(const char *path)
{
    char magic[RECORDING_MAGIC_BYTES];
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* it may be a pipe */
    if (fd < 0)
        return false;
    const ssize_t length = pread(fd, magic, sizeof magic, 0);
    close(fd);
    return length == (ssize_t)sizeof magic && memcmp(magic, RECORDING_MAGIC, sizeof magic) == 0;
}

int recorder_open(const char *path, Recorder **opened, GString *error)
{
    signal(SIGXFSZ, SIG_IGN);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        g_string_printf(error,
                        "%s is there already, and each run has a recording of its own: name a new "
                        "file with --record, or move that one away; it is left as it is",
                        path);
        return RECORDER_EXISTS;
    }
    if (fd < 0) {
        const int code = -errno;
        g_string_printf(error, "cannot make %s: %s; mend that, or name another file with --record",
                        path, g_strerror(-code));
        return code;
    }
    Recorder *recorder = g_new0(Recorder, 1);
    recorder->path = g_strdup(path);
    recorder->fd = fd;
    recorder->frame = coder_encode_growing();
    int code = put(recorder, (const uint8_t *)RECORDING_MAGIC, RECORDING_MAGIC_BYTES);
    if (code < 0)
        return fail(recorder, path, code, error);
    *opened = recorder;
    return 0;
}

void recorder_close(Recorder *recorder)
{
    if (recorder == NULL)
        return;
    close_file(recorder);
    if (!recorder->stepped)
        unlink(recorder->path);
    coder_deinit(&recorder->frame);
    g_free(recorder->path);
    g_free(recorder);
}

/* --- frames --- */

static bool begin(Recorder *recorder, FrameKind kind)
{
    bool going = recorder != NULL && recorder->fd >= 0;
    if (going)
        frame_begin(&recorder->frame, kind);
    return going;
}

static void finish(Recorder *recorder)
{
    frame_finish(&recorder->frame, recorder->at);
    int code = put(recorder, recorder->frame.bytes, recorder->frame.length);
    if (code == 0)
        return;
    g_printerr("cohort: the recording %s ends here: %s; all else goes on without it\n",
               recorder->path, g_strerror(-code));
    close_file(recorder);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void recorder_begin(Recorder *recorder, const RecordingHeader *header)
{
    if (!begin(recorder, FRAME_HEADER))
        return;
    static_assert(sizeof COHORT_VERSION <= RECORDING_VERSION_BYTES, "a version is short");
    RecordingHeader filled = *header;
    g_strlcpy(filled.version, COHORT_VERSION, sizeof filled.version);
    filled.monotonic_ns = clock_ns(CLOCK_MONOTONIC);
    filled.realtime_ns = clock_ns(CLOCK_REALTIME);
    code_header(&recorder->frame, &filled);
    finish(recorder);
}

void recorder_event(Recorder *recorder, const Event *event)
{
    if (!begin(recorder, FRAME_EVENT))
        return;
    recorder->stepped = true;
    Event coded = *event;
    code_event(&recorder->frame, &coded);
    finish(recorder);
}

void recorder_effects(Recorder *recorder, const Effects *effects)
{
    if (!begin(recorder, FRAME_EFFECTS))
        return;
    effects_encode(effects, &recorder->frame);
    finish(recorder);
}

void recorder_saved(Recorder *recorder, uint64_t commit)
{
    if (!begin(recorder, FRAME_SAVED))
        return;
    code_saved(&recorder->frame,
               &(RecordingSaved){.now_ns = clock_ns(CLOCK_MONOTONIC), .commit = commit});
    finish(recorder);
}

void recorder_end(Recorder *recorder, const Bank *bank, const Customer *customer)
{
    if (!begin(recorder, FRAME_END))
        return;
    code_end(&recorder->frame, &(RecordingEnd){.state_hash = recording_state_hash(bank, customer)});
    finish(recorder);
}
