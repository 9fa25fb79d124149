#include "net/tracefile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/panic.h"

enum { TAIL_BYTES = 1 << 20 /* more than any line */ };
static const char HEADER_BEGIN[] = "{\"cohort_trace\":1,\"mode\":\"live\"";
static const char LINE_BEGIN[] = "{\"seq\":";

/* From `start` on, lines wait for the commit. */
typedef struct Mark {
    uint64_t commit;
    size_t start;
} Mark;

struct Tracefile {
    int fd; /* < 0: the trace has ended */
    bool datagrams;
    uint64_t seq;   /* of the next line */
    GString *lines; /* not written */
    GArray *marks;  /* of Mark, both members growing */
};

/* --- opening --- */

/* The number of the line that begins here; false: it is not a line with a number. */
static bool parse_seq(const char *line, uint64_t *seq)
{
    if (!g_str_has_prefix(line, LINE_BEGIN))
        return false;
    char *end;
    *seq = g_ascii_strtoull(line + strlen(LINE_BEGIN), &end, 10);
    return *end == ',';
}

static int fail(const TracefileConfig *config, int code, const char *doing, GString *error)
{
    g_string_printf(error, "cannot %s %s: %s", doing, config->path, g_strerror(-code));
    return code;
}

static int refuse(const TracefileConfig *config, GString *error)
{
    g_string_printf(error,
                    "%s holds something else than the trace of a live process: name another file "
                    "with --trace; it is left as it is",
                    config->path);
    return TRACEFILE_FOREIGN;
}

/* The last bytes of the file, with a NUL behind them. */
static int read_tail(int fd, off_t size, GByteArray *tail)
{
    off_t start = MAX(0, size - TAIL_BYTES);
    g_byte_array_set_size(tail, (guint)(size - start) + 1);
    guint done = 0;
    while (done + 1 < tail->len) {
        ssize_t got = pread(fd, tail->data + done, tail->len - 1 - done, start + done);
        if (got == 0)
            return -EIO;
        if (got < 0 && errno != EINTR)
            return -errno;
        done += got > 0 ? (guint)got : 0;
    }
    tail->data[done] = '\0';
    return 0;
}

static bool is_live_trace(int fd)
{
    char begin[sizeof HEADER_BEGIN - 1];
    return pread(fd, begin, sizeof begin, 0) == (ssize_t)sizeof begin &&
           memcmp(begin, HEADER_BEGIN, sizeof begin) == 0;
}

/* Finds where a trace was left: behind its last whole line. A file without one begins anew. */
static int find_end(Tracefile *tracefile, const TracefileConfig *config, off_t *size,
                    GString *error)
{
    g_autoptr(GByteArray) tail = g_byte_array_new();
    int code = read_tail(tracefile->fd, *size, tail);
    if (code < 0)
        return fail(config, code, "read", error);
    char *text = (char *)tail->data;
    char *newline = strrchr(text, '\n');
    off_t torn = newline != NULL ? (off_t)(tail->len - 1) - (newline + 1 - text) : *size;
    if (newline != NULL) {
        *newline = '\0';
        char *before = strrchr(text, '\n');
        const char *line = before != NULL ? before + 1 : text;
        if (parse_seq(line, &tracefile->seq))
            tracefile->seq++;
        else if (!g_str_has_prefix(line, HEADER_BEGIN)) /* the header's number would be -1 */
            return refuse(config, error);
    }
    if (torn > 0 && ftruncate(tracefile->fd, *size - torn) < 0)
        return fail(config, -errno, "cut the torn last line off", error);
    *size -= torn;
    return 0;
}

/* Adds what the last commit carried and the file lacks; lines are whole, and without gaps. */
static void take_carried(Tracefile *tracefile, const TracefileConfig *config, GString *warning)
{
    if (config->carried_length == 0)
        return;
    g_autofree char *carried = g_strndup((const char *)config->carried, config->carried_length);
    g_auto(GStrv) lines = g_strsplit(carried, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        uint64_t seq;
        if (!parse_seq(*line, &seq) || seq < tracefile->seq)
            continue;
        if (seq > tracefile->seq) {
            g_string_printf(
                warning,
                "%s is not the whole trace of the run before, of which %" G_GUINT64_FORMAT
                " and later lines are missing",
                config->path, tracefile->seq);
            return;
        }
        g_string_append(tracefile->lines, *line);
        g_string_append_c(tracefile->lines, '\n');
        tracefile->seq++;
    }
}

/* What is no regular file (a pipe, a device) cannot be gone on with. */
static int open_file(Tracefile *tracefile, const TracefileConfig *config, off_t *size,
                     GString *error)
{
    struct stat file;
    bool regular = stat(config->path, &file) < 0 || S_ISREG(file.st_mode);
    int keep = config->resume && regular ? O_RDWR : O_WRONLY | O_TRUNC;
    tracefile->fd = open(config->path, keep | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (tracefile->fd < 0 || fstat(tracefile->fd, &file) < 0)
        return fail(config, -errno, "write", error);
    *size = config->resume && regular ? file.st_size : 0;
    return 0;
}

static int load(Tracefile *tracefile, const TracefileConfig *config, GString *error,
                GString *warning)
{
    off_t size = 0;
    int code = open_file(tracefile, config, &size, error);
    if (code == 0 && size > 0)
        code = is_live_trace(tracefile->fd) ? find_end(tracefile, config, &size, error)
                                            : refuse(config, error);
    if (code == 0 && size > 0)
        take_carried(tracefile, config, warning);
    else if (code == 0)
        trace_write_header(tracefile->lines, "live", config->role, config->seed,
                           config->cash_commits);
    return code;
}

int tracefile_open(const TracefileConfig *config, Tracefile **opened, GString *error,
                   GString *warning)
{
    Tracefile *tracefile = g_new0(Tracefile, 1);
    tracefile->datagrams = config->datagrams;
    tracefile->lines = g_string_new(NULL);
    tracefile->marks = g_array_new(FALSE, FALSE, sizeof(Mark));
    int code = load(tracefile, config, error, warning);
    if (code == 0)
        *opened = tracefile;
    else
        tracefile_close(tracefile);
    return code;
}

void tracefile_close(Tracefile *tracefile)
{
    if (tracefile == NULL)
        return;
    if (tracefile->fd >= 0)
        close(tracefile->fd);
    g_string_free(tracefile->lines, TRUE);
    g_array_free(tracefile->marks, TRUE);
    g_free(tracefile);
}

/* --- lines --- */

static bool going(const Tracefile *tracefile)
{
    return tracefile != NULL && tracefile->fd >= 0;
}

bool tracefile_shows_datagrams(const Tracefile *tracefile)
{
    return going(tracefile) && tracefile->datagrams;
}

void tracefile_add(Tracefile *tracefile, const Name *process, const TraceEvent *event)
{
    if (!going(tracefile) || (trace_is_datagram(event->kind) && !tracefile->datagrams))
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    trace_write(tracefile->lines, tracefile->seq++,
                (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec, process, event);
}

void tracefile_hold(Tracefile *tracefile, uint64_t commit)
{
    if (!going(tracefile))
        return;
    Mark mark = {commit, tracefile->lines->len};
    g_array_append_val(tracefile->marks, mark);
}

const uint8_t *tracefile_carried(const Tracefile *tracefile, size_t *length)
{
    *length = going(tracefile) ? tracefile->lines->len : 0;
    return *length > 0 ? (const uint8_t *)tracefile->lines->str : NULL;
}

void tracefile_saved(Tracefile *tracefile, uint64_t commit)
{
    if (!going(tracefile))
        return;
    guint done = 0;
    while (done < tracefile->marks->len &&
           g_array_index(tracefile->marks, Mark, done).commit <= commit)
        done++;
    g_array_remove_range(tracefile->marks, 0, done);
}

static void end(Tracefile *tracefile)
{
    g_printerr("cohort: the trace ends here: %s\n", g_strerror(errno));
    close(tracefile->fd);
    tracefile->fd = -1;
    g_string_truncate(tracefile->lines, 0);
    g_array_set_size(tracefile->marks, 0);
}

void tracefile_write(Tracefile *tracefile)
{
    if (!going(tracefile))
        return;
    GString *lines = tracefile->lines;
    size_t ready =
        tracefile->marks->len > 0 ? g_array_index(tracefile->marks, Mark, 0).start : lines->len;
    size_t done = 0;
    while (done < ready) {
        ssize_t written = write(tracefile->fd, lines->str + done, ready - done);
        if (written < 0 && errno != EINTR) {
            end(tracefile);
            return;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    g_string_erase(lines, 0, (gssize)done);
    for (guint i = 0; i < tracefile->marks->len; i++)
        g_array_index(tracefile->marks, Mark, i).start -= done;
}
