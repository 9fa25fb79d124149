#include "net/tracefile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/panic.h"
#include "net/recorder.h"

enum {
    READ_BYTES = 1 << 20,    /* more than any line */
    HEADER_BYTES_MAX = 1024, /* more than any header */
    OTHER_CASH = TRACEFILE_FOREIGN + 1
};
static const char HEADER_BEGIN[] = "{\"cohort_trace\":1,\"mode\":\"live\",\"scenario\":\"";
static const char LINE_BEGIN[] = "{\"seq\":";
static const char CASH_KEY[] = ",\"cash\":\"commit\"";
static const char PROCESS_KEY[] = ",\"p\":\"";

/* From `start` on, lines wait for the commit. */
typedef struct Held {
    uint64_t commit;
    size_t start;
} Held;

struct Tracefile {
    char *path;
    int fd; /* < 0: the trace has ended */
    bool datagrams;
    uint64_t seq;   /* of the next line */
    GString *lines; /* not written */
    GArray *marks;  /* of Held, both members growing */
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
    g_string_printf(error, "cannot %s %s: %s; mend that, or name another file with --trace", doing,
                    config->path, g_strerror(-code));
    return code;
}

static int refuse(const TracefileConfig *config, GString *error)
{
    g_string_printf(error,
                    "%s holds something else than the trace of this %s: name another file with "
                    "--trace; it is left as it is",
                    config->path, config->role);
    return TRACEFILE_FOREIGN;
}

/* Bytes of the file, with a NUL behind them. */
static int read_at(int fd, off_t start, size_t length, GByteArray *bytes)
{
    g_byte_array_set_size(bytes, (guint)length + 1);
    size_t done = 0;
    while (done < length) {
        ssize_t got = pread(fd, bytes->data + done, length - done, start + (off_t)done);
        if (got == 0)
            return -EIO;
        if (got < 0 && errno != EINTR)
            return -errno;
        done += got > 0 ? (size_t)got : 0;
    }
    bytes->data[done] = '\0';
    return 0;
}

static bool is_own_line(const char *line, const TracefileConfig *config)
{
    const char *process = strstr(line, PROCESS_KEY);
    if (process == NULL)
        return false;
    process += strlen(PROCESS_KEY);
    g_autofree char *name = g_strndup(process, strcspn(process, "\""));
    return strcmp(name, config->role) == 0 ||
           (config->process != NULL && strcmp(name, config->process) == 0);
}

/* Where the line begins that ends before this offset. It may be far away: what was not synced may
 * be read as NULs, any number of them. */
static int find_line(int fd, off_t end, off_t *start)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    while (end > 0) {
        const size_t length = (size_t)MIN(end, (off_t)READ_BYTES);
        end -= (off_t)length;
        int code = read_at(fd, end, length, bytes);
        if (code < 0)
            return code;
        for (size_t i = length; i > 0; i--) {
            if (bytes->data[i - 1] == '\n') {
                *start = end + (off_t)i;
                return 0;
            }
        }
    }
    *start = 0;
    return 0;
}

/* Of a file that has a byte at least. TRACEFILE_FOREIGN: it is not the trace of a process like
 * this; a header that was cut short is. */
static int check_header(int fd, off_t size, const TracefileConfig *config)
{
    g_autofree char *begin = g_strconcat(HEADER_BEGIN, config->role, "\"", NULL);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    const size_t length = (size_t)MIN(size, (off_t)HEADER_BYTES_MAX);
    int code = read_at(fd, 0, length, bytes);
    if (code < 0)
        return code;
    char *header = (char *)bytes->data;
    if (memcmp(header, begin, MIN(length, strlen(begin))) != 0)
        return TRACEFILE_FOREIGN;
    char *end = strchr(header, '\n');
    if (end == NULL)
        return 0;
    *end = '\0';
    return (strstr(header, CASH_KEY) != NULL) == config->cash_commits ? 0 : OTHER_CASH;
}

/* Sets the next line's number by the last whole line, which ends at `end`. */
static int go_on_from(Tracefile *tracefile, const TracefileConfig *config, off_t end)
{
    g_autoptr(GByteArray) line = g_byte_array_new();
    off_t start = 0;
    int code = find_line(tracefile->fd, end - 1, &start);
    if (code == 0)
        code = read_at(tracefile->fd, start, (size_t)MIN(end - 1 - start, (off_t)READ_BYTES), line);
    if (code < 0 || start == 0) /* the header's number would be -1 */
        return code;
    const char *text = (const char *)line->data;
    if (!parse_seq(text, &tracefile->seq) || !is_own_line(text, config))
        return TRACEFILE_FOREIGN;
    tracefile->seq++;
    return 0;
}

/* Finds where a trace was left: behind its last whole line. A file without one begins anew. */
static int find_end(Tracefile *tracefile, const TracefileConfig *config, off_t *size,
                    GString *error)
{
    off_t end = 0;
    int code = check_header(tracefile->fd, *size, config);
    if (code == 0)
        code = find_line(tracefile->fd, *size, &end);
    if (code == 0 && end > 0)
        code = go_on_from(tracefile, config, end);
    if (code == TRACEFILE_FOREIGN)
        return refuse(config, error);
    if (code == OTHER_CASH) {
        g_string_printf(error,
                        "%s was begun with another --cash: name another file with --trace; it is "
                        "left as it is",
                        config->path);
        return TRACEFILE_FOREIGN;
    }
    if (code < 0)
        return fail(config, code, "read", error);
    if (end < *size && ftruncate(tracefile->fd, end) < 0)
        return fail(config, -errno, "cut the torn last line off", error);
    *size = end;
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
                " and later lines are missing: cohort check will find fault with what follows",
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
    if (recorder_has_made(config->path))
        return refuse(config, error);
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
        code = find_end(tracefile, config, &size, error);
    if (code != 0)
        return code;
    if (size > 0) {
        take_carried(tracefile, config, warning);
    } else {
        trace_write_header(tracefile->lines, "live", config->role, config->seed,
                           config->cash_commits);
        tracefile_write(tracefile); /* before any commit: a restart knows the file by it */
    }
    return 0;
}

int tracefile_open(const TracefileConfig *config, Tracefile **opened, GString *error,
                   GString *warning)
{
    Tracefile *tracefile = g_new0(Tracefile, 1);
    tracefile->path = g_strdup(config->path);
    tracefile->datagrams = config->datagrams;
    tracefile->lines = g_string_new(NULL);
    tracefile->marks = g_array_new(FALSE, FALSE, sizeof(Held));
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
    g_free(tracefile->path);
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
    Held mark = {commit, tracefile->lines->len};
    g_array_append_val(tracefile->marks, mark);
}

const uint8_t *tracefile_carried(const Tracefile *tracefile, size_t *length)
{
    *length = tracefile != NULL ? tracefile->lines->len : 0;
    return *length > 0 ? (const uint8_t *)tracefile->lines->str : NULL;
}

size_t tracefile_waiting(const Tracefile *tracefile)
{
    return going(tracefile) ? tracefile->lines->len : 0;
}

void tracefile_saved(Tracefile *tracefile, uint64_t commit)
{
    if (!going(tracefile))
        return;
    guint done = 0;
    while (done < tracefile->marks->len &&
           g_array_index(tracefile->marks, Held, done).commit <= commit)
        done++;
    g_array_remove_range(tracefile->marks, 0, done);
}

/* What a commit carries from now on is a number that the file does not reach: a restart tells that
 * lines are missing. */
static void end(Tracefile *tracefile)
{
    g_printerr("cohort: the trace %s ends here: %s; all else goes on without it\n", tracefile->path,
               g_strerror(errno));
    close(tracefile->fd);
    tracefile->fd = -1;
    g_string_printf(tracefile->lines, "%s%" G_GUINT64_FORMAT ",", LINE_BEGIN, tracefile->seq);
    g_array_set_size(tracefile->marks, 0);
}

void tracefile_write(Tracefile *tracefile)
{
    if (!going(tracefile))
        return;
    GString *lines = tracefile->lines;
    size_t ready =
        tracefile->marks->len > 0 ? g_array_index(tracefile->marks, Held, 0).start : lines->len;
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
        g_array_index(tracefile->marks, Held, i).start -= done;
}
