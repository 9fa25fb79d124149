/* Traces: a line reads or is refused with its number; whatever history the lines tell, the checker
 * comes to a verdict, the same one however it is asked. */
#include <string.h>

#include "sim/checker.h"
#include "sim/trace_reader.h"
#include "tests/fuzz/fuzz.h"

/* Several traces in one input stand behind one another, parted by an empty line. */
static const char PARTING[] = "\n\n";
enum { TRACES_MAX = 4 };

typedef struct Given {
    Checker *checker;
    bool live;
} Given;

/* What is written of a record reads back to the same line. Instances are of any form in a file, and
 * of one in the core. */
static void expect_written_alike(const TraceRecord *record)
{
    if (record->instance != NULL || trace_is_datagram(record->event.kind))
        return;
    g_autoptr(GString) first = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    TraceRecord reread;
    trace_write_header(first, "sim", "fuzz", 1, false);
    trace_write(first, 0, record->t_ns, &record->process, &record->event);
    TraceReader *reader = trace_reader_new(first->str, first->len);
    INVARIANT(trace_reader_next(reader, &reread));
    trace_write_header(again, "sim", "fuzz", 1, false);
    trace_write(again, 0, reread.t_ns, &reread.process, &reread.event);
    INVARIANT(g_string_equal(first, again));
    trace_reader_free(reader);
}

static bool read_trace(Given *given, unsigned file, const char *text, size_t length)
{
    TraceReader *reader = trace_reader_new(text, length);
    TraceRecord record;
    while (trace_reader_next(reader, &record)) {
        expect_written_alike(&record);
        checker_add_record(given->checker, file, &record);
    }
    given->live |= trace_reader_live(reader);
    const bool sound = trace_reader_error(reader) == NULL;
    INVARIANT(sound || g_utf8_validate(trace_reader_error(reader), -1, NULL));
    trace_reader_free(reader);
    return sound;
}

static bool read_traces(Given *given, const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = at + size;
    for (unsigned file = 0; file < TRACES_MAX; file++) {
        const char *parting = memmem(at, (size_t)(end - at), PARTING, strlen(PARTING));
        const char *stop = parting != NULL ? parting + 1 : end;
        if (!read_trace(given, file, at, (size_t)(stop - at)))
            return false;
        if (parting == NULL)
            break;
        at = parting + strlen(PARTING);
    }
    return true;
}

/* As text; the caller unrefs it. False: a trace is not sound. */
static bool judge(const uint8_t *data, size_t size, bool settled, GString *verdict)
{
    Given given = {.checker = checker_new()};
    const bool sound = read_traces(&given, data, size);
    if (sound) {
        g_autoptr(GPtrArray) violations = checker_judge(
            given.checker, (CheckOptions){.settled = settled || !given.live, .whole = !given.live});
        for (guint i = 0; i < violations->len; i++) {
            const Violation *violation = g_ptr_array_index(violations, i);
            g_string_append_printf(verdict, "%s %s %" G_GUINT64_FORMAT " %s\n",
                                   rule_name(violation->rule), violation->process.text,
                                   violation->seq, violation->text);
        }
    }
    checker_free(given.checker);
    return sound;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) verdict = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    const bool settled = size % 2 == 0;
    if (!judge(data, size, settled, verdict))
        return 0;
    INVARIANT(judge(data, size, settled, again));
    INVARIANT(g_string_equal(verdict, again));
    return 0;
}

/* --- mutations --- */

/* Counts the lines of each trace anew, where they still have a number. */
static size_t renumber(uint8_t *data, size_t size, size_t capacity)
{
    static const char KEY[] = "{\"seq\":";
    g_autoptr(GString) out = g_string_sized_new(size + 64);
    uint64_t seq = 0;
    for (size_t at = 0; at < size;) {
        const uint8_t *newline = memchr(data + at, '\n', size - at);
        const size_t next = newline != NULL ? (size_t)(newline - data) + 1 : size;
        size_t rest = at;
        if (next - at > strlen(KEY) && memcmp(data + at, KEY, strlen(KEY)) == 0) {
            g_string_append_printf(out, "%s%" G_GUINT64_FORMAT, KEY, seq++);
            for (rest += strlen(KEY); rest < next && g_ascii_isdigit(data[rest]); rest++)
                continue;
        } else {
            seq = 0;
        }
        g_string_append_len(out, (const char *)data + rest, (gssize)(next - rest));
        at = next;
    }
    size = MIN(out->len, capacity);
    memcpy(data, out->str, size);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    size = fuzz_mutate_lines(data, size, capacity);
    return fuzz_below(8) > 0 ? renumber(data, size, capacity) : size;
}
