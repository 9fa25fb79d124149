#include "core/trace.h"

#include <string.h>

#include "core/panic.h"

/* One row per kind: its word, and its fields. */
static const struct {
    const char *word;
    unsigned fields;
} kinds[TRACE_KINDS] = {
    [TRACE_OPENED] = {"opened", FIELD_BALANCE},
    [TRACE_JOINED] = {"joined", FIELD_COHORT | FIELD_MEMBERS},
    [TRACE_LEFT] = {"left", FIELD_COHORT | FIELD_BALANCE},
    [TRACE_DEPOSITED] = {"deposited", FIELD_AMOUNT | FIELD_BALANCE},
    [TRACE_WITHDREW] = {"withdrew", FIELD_AMOUNT | FIELD_BALANCE},
    [TRACE_SENT] = {"sent", FIELD_TO | FIELD_LABEL | FIELD_AMOUNT | FIELD_BALANCE},
    [TRACE_RECEIVED] = {"received", FIELD_FROM | FIELD_LABEL | FIELD_AMOUNT | FIELD_BALANCE},
    [TRACE_LOST] = {"lost", FIELD_TO | FIELD_LABEL | FIELD_AMOUNT},
    [TRACE_MISSING] = {"missing", FIELD_FROM | FIELD_LABEL},
    [TRACE_TENTATIVE] = {"tentative", FIELD_INSTANCE | FIELD_BALANCE | FIELD_COUNTS},
    [TRACE_PERMANENT] = {"permanent", FIELD_INSTANCE | FIELD_BALANCE | FIELD_COUNTS},
    [TRACE_DISCARDED] = {"discarded", FIELD_INSTANCE | FIELD_BALANCE | FIELD_COUNTS},
    [TRACE_ROLLED_BACK] = {"rolled_back",
                           FIELD_INSTANCE | FIELD_BALANCE | FIELD_COUNTS | FIELD_UNDONE},
    [TRACE_CRASHED] = {"crashed", FIELD_BALANCE},
    [TRACE_RESTARTED] = {"restarted", FIELD_BALANCE},
    [TRACE_EXITED] = {"exited", FIELD_BALANCE},
    [TRACE_TX] = {"tx", FIELD_TO | FIELD_DATAGRAM},
    [TRACE_RX] = {"rx", FIELD_FROM | FIELD_DATAGRAM},
    [TRACE_DROP] = {"drop", FIELD_FROM | FIELD_DATAGRAM | FIELD_REASON},
    [TRACE_DUP] = {"dup", FIELD_TO | FIELD_DATAGRAM},
};

const char *trace_word(TraceKind kind)
{
    return kinds[kind].word;
}

unsigned trace_fields(TraceKind kind)
{
    return kinds[kind].fields;
}

bool trace_is_datagram(TraceKind kind)
{
    return (kinds[kind].fields & FIELD_DATAGRAM) != 0;
}

/* --- writing ---
 *
 * A simulation writes millions of lines, so a line is written through a bare pointer into room
 * that is made for its longest form first. */

enum {
    LINE_BYTES_MAX = 640, /* all keys, numbers and single names of a line, with room to spare */
    NAME_BYTES = NAME_BYTES_MAX + 3,   /* "NAME", */
    COUNT_BYTES = NAME_BYTES_MAX + 24, /* "NAME":18446744073709551615, */
    ESCAPE_BYTES = 6                   /* \u001f */
};

#define PUT(at, literal) put_bytes(at, literal, sizeof(literal) - 1)

static char *put_bytes(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static char *put_text(char *at, const char *text)
{
    return put_bytes(at, text, strlen(text));
}

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put_bytes(at, digits + first, sizeof digits - first);
}

static char *put_money(char *at, Money amount)
{
    if (amount >= 0)
        return put_number(at, (uint64_t)amount);
    *at++ = '-';
    return put_number(at, -(uint64_t)amount);
}

static char *put_escaped(char *at, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    *at++ = '"';
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20) {
            at = PUT(at, "\\u00");
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
            continue;
        }
        if (c == '"' || c == '\\')
            *at++ = '\\';
        *at++ = *text;
    }
    *at++ = '"';
    return at;
}

static char *put_quoted_name(char *at, const Name *name)
{
    *at++ = '"';
    at = put_text(at, name->text);
    *at++ = '"';
    return at;
}

static char *put_members(char *at, const TraceEvent *event)
{
    at = PUT(at, ",\"members\":[");
    for (size_t i = 0; i < event->member_count; i++) {
        if (i > 0)
            *at++ = ',';
        at = put_quoted_name(at, &event->members[i]);
    }
    *at++ = ']';
    return at;
}

/* {"c2":5,"c3":1}: a peer with nothing is left out. */
static char *put_counts(char *at, const TraceEvent *event, bool sent)
{
    bool first = true;
    *at++ = '{';
    for (size_t i = 0; i < event->count_count; i++) {
        const TraceCount *count = &event->counts[i];
        uint64_t label = sent ? count->sent : count->received;
        if (label == 0)
            continue;
        if (!first)
            *at++ = ',';
        first = false;
        at = put_quoted_name(at, &count->peer);
        *at++ = ':';
        at = put_number(at, label);
    }
    *at++ = '}';
    return at;
}

static char *put_datagram(char *at, const TraceEvent *event)
{
    at = PUT(at, ",\"id\":");
    at = put_number(at, event->datagram);
    at = PUT(at, ",\"kind\":");
    at = put_escaped(at, event->datagram_kinds != NULL ? event->datagram_kinds : "?");
    at = PUT(at, ",\"bytes\":");
    return put_number(at, event->datagram_bytes);
}

static char *put_whom(char *at, const TraceEvent *event, unsigned fields)
{
    if ((fields & (FIELD_TO | FIELD_FROM)) && event->peer.text[0] != '\0') {
        if ((fields & FIELD_TO) || event->outgoing)
            at = PUT(at, ",\"to\":");
        else
            at = PUT(at, ",\"from\":");
        at = put_quoted_name(at, &event->peer);
    }
    if (fields & FIELD_COHORT) {
        at = PUT(at, ",\"cohort\":");
        at = put_number(at, event->cohort);
    }
    if (fields & FIELD_MEMBERS)
        at = put_members(at, event);
    if (fields & FIELD_INSTANCE) {
        at = PUT(at, ",\"instance\":\"");
        at = put_text(at, event->initiator.text);
        *at++ = '.';
        at = put_number(at, event->number);
        *at++ = '"';
    }
    return at;
}

static char *put_what(char *at, const TraceEvent *event, unsigned fields)
{
    if (fields & FIELD_LABEL) {
        at = PUT(at, ",\"label\":");
        at = put_number(at, event->label);
    }
    if (fields & FIELD_AMOUNT) {
        at = PUT(at, ",\"amount\":");
        at = put_money(at, event->amount);
    }
    if (fields & FIELD_BALANCE) {
        at = PUT(at, ",\"balance\":");
        at = put_money(at, event->balance);
    }
    if (fields & FIELD_COUNTS) {
        at = PUT(at, ",\"sent\":");
        at = put_counts(at, event, true);
        at = PUT(at, ",\"received\":");
        at = put_counts(at, event, false);
    }
    if (fields & FIELD_UNDONE) {
        at = PUT(at, ",\"undone\":");
        at = put_number(at, event->undone);
    }
    if (fields & FIELD_DATAGRAM)
        at = put_datagram(at, event);
    if (fields & FIELD_REASON) {
        at = PUT(at, ",\"reason\":");
        at = put_escaped(at, event->reason != NULL ? event->reason : "");
    }
    return at;
}

static size_t escaped_bytes_max(const char *text)
{
    return text != NULL ? ESCAPE_BYTES * strlen(text) : 0;
}

static char *line_begin(GString *out, size_t bytes_max)
{
    size_t start = out->len;
    g_string_set_size(out, start + bytes_max);
    return out->str + start;
}

static void line_end(GString *out, char *at)
{
    at = PUT(at, "}\n");
    size_t length = (size_t)(at - out->str);
    INVARIANT_THAT(length, <=, out->len);
    g_string_truncate(out, length);
}

void trace_write_header(GString *out, const char *mode, const char *scenario, uint64_t seed,
                        bool cash_commits)
{
    size_t bytes_max = LINE_BYTES_MAX + escaped_bytes_max(mode) + escaped_bytes_max(scenario);
    char *at = line_begin(out, bytes_max);
    at = PUT(at, "{\"cohort_trace\":1,\"mode\":");
    at = put_escaped(at, mode);
    at = PUT(at, ",\"scenario\":");
    at = put_escaped(at, scenario);
    at = PUT(at, ",\"seed\":");
    at = put_number(at, seed);
    at = PUT(at, ",\"version\":\"" COHORT_VERSION "\"");
    if (cash_commits)
        at = PUT(at, ",\"cash\":\"commit\"");
    line_end(out, at);
}

void trace_write(GString *out, uint64_t seq, uint64_t t_ns, const Name *process,
                 const TraceEvent *event)
{
    unsigned fields = kinds[event->kind].fields;
    size_t bytes_max = LINE_BYTES_MAX + event->member_count * NAME_BYTES +
                       event->count_count * 2 * COUNT_BYTES +
                       escaped_bytes_max(event->datagram_kinds) + escaped_bytes_max(event->reason);
    char *at = line_begin(out, bytes_max);
    at = PUT(at, "{\"seq\":");
    at = put_number(at, seq);
    at = PUT(at, ",\"t\":");
    at = put_number(at, t_ns);
    at = PUT(at, ",\"p\":");
    at = put_quoted_name(at, process);
    at = PUT(at, ",\"inc\":");
    at = put_number(at, event->inc);
    at = PUT(at, ",\"e\":\"");
    at = put_text(at, kinds[event->kind].word);
    *at++ = '"';
    at = put_whom(at, event, fields);
    at = put_what(at, event, fields);
    line_end(out, at);
}
