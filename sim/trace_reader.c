#include "sim/trace_reader.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

struct TraceReader {
    const char *text;
    size_t length;
    size_t at; /* bytes read so far */
    uint64_t line;
    uint64_t next_seq;
    bool live;
    bool cash_survives; /* at every process */
    json_t *committing; /* ... at these, by name; or NULL */
    bool torn;
    char *error;

    /* The line read last; the record points into them. */
    json_t *object;
    GArray *members; /* of Name */
    GArray *counts;  /* of TraceCount */
};

static bool fail(TraceReader *reader, char *reason)
{
    g_free(reader->error);
    reader->error = reason;
    return false;
}

static bool fail_field(TraceReader *reader, const char *key, const char *expected)
{
    const char *form = json_object_get(reader->object, key) == NULL
                           ? "field \"%s\" is missing: expected %s"
                           : "field \"%s\": expected %s";
    return fail(reader, g_strdup_printf(form, key, expected));
}

/* --- single fields: each sets its value, or fails with the key and what was expected --- */

static bool read_number(TraceReader *reader, const char *key, uint64_t least, uint64_t *number)
{
    const json_t *value = json_object_get(reader->object, key);
    json_int_t found = json_integer_value(value);
    if (!json_is_integer(value) || found < 0 || (uint64_t)found < least)
        return fail_field(reader, key, least == 0 ? "an integer, 0 or more" : "a positive integer");
    *number = (uint64_t)found;
    return true;
}

static bool read_text(TraceReader *reader, const char *key, const char **text)
{
    *text = json_string_value(json_object_get(reader->object, key));
    return *text != NULL || fail_field(reader, key, "a string");
}

/* Live, a process without an account yet, or the other side of a datagram, may go by an address. */
static bool read_any_name(TraceReader *reader, const char *key, Name *name)
{
    const char *text;
    if (!read_text(reader, key, &text))
        return false;
    size_t length = strlen(text);
    if (length == 0 || length > NAME_BYTES_MAX)
        return fail_field(reader, key, "1 to 31 bytes");
    *name = (Name){0};
    memcpy(name->text, text, length);
    return true;
}

static bool read_name(TraceReader *reader, const char *key, Name *name)
{
    const char *text;
    if (!read_text(reader, key, &text))
        return false;
    *name = (Name){0};
    return name_set(name, text) || fail_field(reader, key, "a customer's name");
}

static bool read_amount(TraceReader *reader, Money *amount)
{
    uint64_t number;
    if (!read_number(reader, "amount", 1, &number))
        return false;
    if (number > (uint64_t)AMOUNT_MAX)
        return fail_field(reader, "amount", "at most 9007199254740991");
    *amount = (Money)number;
    return true;
}

/* Negative is readable: it is for the judge to object to. */
static bool read_balance(TraceReader *reader, Money *balance)
{
    const json_t *value = json_object_get(reader->object, "balance");
    if (!json_is_integer(value))
        return fail_field(reader, "balance", "an integer");
    *balance = json_integer_value(value);
    return true;
}

static bool read_members(TraceReader *reader, TraceEvent *event)
{
    const json_t *array = json_object_get(reader->object, "members");
    if (!json_is_array(array))
        return fail_field(reader, "members", "an array of names");
    g_array_set_size(reader->members, 0);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));
        Name name = {0};
        if (text == NULL || !name_set(&name, text))
            return fail_field(reader, "members", "an array of names");
        g_array_append_val(reader->members, name);
    }
    event->members = (const Name *)(void *)reader->members->data;
    event->member_count = reader->members->len;
    return true;
}

/* `sent` or `received`: an object {peer: last label}. */
static json_t *read_labels(TraceReader *reader, const char *key)
{
    json_t *object = json_object_get(reader->object, key);
    const char *peer;
    json_t *label;
    bool sound = json_is_object(object);
    json_object_foreach(object, peer, label)
    {
        sound =
            sound && name_valid(peer) && json_is_integer(label) && json_integer_value(label) >= 0;
    }
    if (!sound)
        fail_field(reader, key, "an object of last labels by customers' names");
    return sound ? object : NULL;
}

/* A missing label is 0, as json_integer_value(NULL) is. */
static void add_count(TraceReader *reader, const char *peer, const json_t *sent,
                      const json_t *received)
{
    TraceCount count = {.sent = (uint64_t)json_integer_value(sent),
                        .received = (uint64_t)json_integer_value(received)};
    name_set(&count.peer, peer);
    g_array_append_val(reader->counts, count);
}

static bool read_counts(TraceReader *reader, TraceEvent *event)
{
    json_t *sent = read_labels(reader, "sent");
    json_t *received = sent != NULL ? read_labels(reader, "received") : NULL;
    if (received == NULL)
        return false;
    g_array_set_size(reader->counts, 0);
    const char *peer;
    json_t *label;
    json_object_foreach(sent, peer, label)
    {
        add_count(reader, peer, label, json_object_get(received, peer));
    }
    json_object_foreach(received, peer, label)
    {
        if (json_object_get(sent, peer) == NULL)
            add_count(reader, peer, NULL, label);
    }
    event->counts = (const TraceCount *)(void *)reader->counts->data;
    event->count_count = reader->counts->len;
    return true;
}

/* --- whole lines --- */

static bool read_kind(TraceReader *reader, TraceKind *kind)
{
    const char *word;
    if (!read_text(reader, "e", &word))
        return false;
    for (int i = 0; i < TRACE_KINDS; i++) {
        if (strcmp(word, trace_word((TraceKind)i)) == 0) {
            *kind = (TraceKind)i;
            return true;
        }
    }
    return fail(reader, g_strdup_printf("unknown event \"%s\"", word));
}

static bool read_datagram(TraceReader *reader, TraceEvent *event)
{
    event->outgoing = json_object_get(reader->object, "to") != NULL;
    const char *key = event->outgoing ? "to" : "from";
    if (json_object_get(reader->object, key) != NULL && !read_any_name(reader, key, &event->peer))
        return false;
    uint64_t bytes;
    if (!read_number(reader, "id", 0, &event->datagram) ||
        !read_text(reader, "kind", &event->datagram_kinds) ||
        !read_number(reader, "bytes", 0, &bytes))
        return false;
    event->datagram_bytes = bytes;
    return !(trace_fields(event->kind) & FIELD_REASON) ||
           read_text(reader, "reason", &event->reason);
}

static bool read_fields(TraceReader *reader, TraceRecord *record)
{
    TraceEvent *event = &record->event;
    unsigned fields = trace_fields(event->kind);
    if (trace_is_datagram(event->kind))
        return read_datagram(reader, event);
    /* A process that crashed cannot always say what it had. */
    if (event->kind == TRACE_CRASHED && json_object_get(reader->object, "balance") == NULL)
        fields &= ~(unsigned)FIELD_BALANCE;
    return (!(fields & FIELD_TO) || read_name(reader, "to", &event->peer)) &&
           (!(fields & FIELD_FROM) || read_name(reader, "from", &event->peer)) &&
           (!(fields & FIELD_COHORT) || read_number(reader, "cohort", 1, &event->cohort)) &&
           (!(fields & FIELD_MEMBERS) || read_members(reader, event)) &&
           (!(fields & FIELD_INSTANCE) || read_text(reader, "instance", &record->instance)) &&
           (!(fields & FIELD_LABEL) || read_number(reader, "label", 1, &event->label)) &&
           (!(fields & FIELD_AMOUNT) || read_amount(reader, &event->amount)) &&
           (!(fields & FIELD_BALANCE) || read_balance(reader, &event->balance)) &&
           (!(fields & FIELD_COUNTS) || read_counts(reader, event)) &&
           (!(fields & FIELD_UNDONE) || read_number(reader, "undone", 0, &event->undone));
}

/* Parses the next line into reader->object. */
static bool read_line(TraceReader *reader, size_t json_flags)
{
    const char *line = reader->text + reader->at;
    const char *newline = memchr(line, '\n', reader->length - reader->at);
    reader->line++;
    size_t length = newline != NULL ? (size_t)(newline - line) : reader->length - reader->at;
    reader->at += length + (newline != NULL);

    json_decref(reader->object);
    json_error_t error;
    reader->object = json_loadb(line, length, JSON_REJECT_DUPLICATES | json_flags, &error);
    if (reader->object == NULL && newline == NULL && reader->live) {
        reader->torn = true;
        return false;
    }
    if (reader->object == NULL && newline == NULL)
        return fail(reader, g_strdup("cut off: the line has no end"));
    if (reader->object == NULL)
        return fail(reader, g_strdup_printf("not JSON: %s (column %d)", error.text, error.column));
    if (!json_is_object(reader->object))
        return fail(reader, g_strdup("expected a JSON object"));
    return true;
}

static bool read_header(TraceReader *reader)
{
    if (reader->length == 0)
        return fail(reader, g_strdup("empty: expected a header {\"cohort_trace\":1,...}"));
    /* As reals, because a seed has 64 bits without a sign and jansson's integers have a sign. */
    if (!read_line(reader, JSON_DECODE_INT_AS_REAL))
        return false;
    const json_t *version = json_object_get(reader->object, "cohort_trace");
    if (!json_is_real(version))
        return fail(reader, g_strdup("expected a header {\"cohort_trace\":1,...}"));
    if (json_real_value(version) < 1 || json_real_value(version) > 1)
        return fail_field(reader, "cohort_trace", "1, the only version this program reads");
    const char *mode;
    if (!read_text(reader, "mode", &mode))
        return false;
    json_t *cash = json_object_get(reader->object, "cash");
    reader->cash_survives = g_strcmp0(json_string_value(cash), "commit") == 0;
    reader->committing = json_is_array(cash) ? json_incref(cash) : NULL;
    reader->live = strcmp(mode, "live") == 0 || strcmp(mode, "replay") == 0;
    return reader->live || strcmp(mode, "sim") == 0 ||
           fail_field(reader, "mode", "\"sim\", \"live\" or \"replay\"");
}

TraceReader *trace_reader_new(const char *text, size_t length)
{
    TraceReader *reader = g_new0(TraceReader, 1);
    reader->text = text;
    reader->length = length;
    reader->members = g_array_new(FALSE, FALSE, sizeof(Name));
    reader->counts = g_array_new(FALSE, FALSE, sizeof(TraceCount));
    read_header(reader);
    return reader;
}

void trace_reader_free(TraceReader *reader)
{
    json_decref(reader->object);
    json_decref(reader->committing);
    g_array_unref(reader->members);
    g_array_unref(reader->counts);
    g_free(reader->error);
    g_free(reader);
}

static bool cash_survives_at(const TraceReader *reader, const Name *process)
{
    size_t i;
    json_t *name;
    json_array_foreach(reader->committing, i, name)
    {
        if (g_strcmp0(json_string_value(name), process->text) == 0)
            return true;
    }
    return reader->cash_survives;
}

bool trace_reader_live(const TraceReader *reader)
{
    return reader->live;
}

bool trace_reader_torn(const TraceReader *reader)
{
    return reader->torn;
}

bool trace_reader_next(TraceReader *reader, TraceRecord *record)
{
    if (reader->error != NULL || reader->at == reader->length)
        return false;
    *record = (TraceRecord){0};
    if (!read_line(reader, 0) || !read_number(reader, "seq", 0, &record->seq))
        return false;
    if (record->seq != reader->next_seq)
        return fail(reader, g_strdup_printf("field \"seq\": expected %" PRIu64 ", found %" PRIu64,
                                            reader->next_seq, record->seq));
    reader->next_seq++;
    const bool read =
        read_number(reader, "t", 0, &record->t_ns) && read_kind(reader, &record->event.kind) &&
        (trace_is_datagram(record->event.kind) ? read_any_name(reader, "p", &record->process)
                                               : read_name(reader, "p", &record->process)) &&
        read_number(reader, "inc", 0, &record->event.inc) && read_fields(reader, record);
    record->cash_survives = read && cash_survives_at(reader, &record->process);
    return read;
}

const char *trace_reader_error(const TraceReader *reader)
{
    return reader->error;
}

uint64_t trace_reader_line(const TraceReader *reader)
{
    return reader->line;
}
