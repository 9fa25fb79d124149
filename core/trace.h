/* Decision records: what happened to one process, as a trace line tells it.
 *
 * The core emits every kind but TX, RX and DUP, which belong to the transport; DROP comes from
 * both. A driver adds seq, t and p. Fields by kind: the table "Traces" of the interface. */
#ifndef COHORT_TRACE_H
#define COHORT_TRACE_H

#include <glib.h>

#include "core/types.h"

typedef enum TraceKind {
    TRACE_OPENED,
    TRACE_JOINED,
    TRACE_LEFT,
    TRACE_DEPOSITED,
    TRACE_WITHDREW,
    TRACE_SENT,
    TRACE_RECEIVED,
    TRACE_LOST,
    TRACE_MISSING,
    TRACE_TENTATIVE,
    TRACE_PERMANENT,
    TRACE_DISCARDED,
    TRACE_ROLLED_BACK,
    TRACE_CRASHED,
    TRACE_RESTARTED,
    TRACE_EXITED,
    TRACE_TX,
    TRACE_RX,
    TRACE_DROP,
    TRACE_DUP,
    TRACE_KINDS
} TraceKind;

/* One peer's last labels in a checkpoint. Peers with nothing sent and received are left out. */
typedef struct TraceCount {
    Name peer;
    uint64_t sent;
    uint64_t received;
} TraceCount;

typedef struct TraceEvent {
    TraceKind kind;
    uint64_t inc; /* the process's incarnation */
    Name peer;    /* to / from */
    Money amount;
    Money balance;
    uint64_t label;
    uint64_t cohort;
    const Name *members;
    size_t member_count;
    Name initiator; /* with number: the instance */
    uint64_t number;
    const TraceCount *counts;
    size_t count_count;
    uint64_t undone;
    /* TX, RX, DROP, DUP: */
    uint64_t datagram;          /* id, unique in the run; live: 0 */
    const char *datagram_kinds; /* "transfer+ack"; static or outliving the event */
    size_t datagram_bytes;
    const uint8_t *datagram_content; /* TX: all the bytes, if the transport shows them; or NULL */
    const char *reason;              /* DROP */
    bool outgoing; /* DROP: the transport lost it on its way *to* peer; else it came from it */
} TraceEvent;

/* "rolled_back", as in the field `e`. */
const char *trace_word(TraceKind kind);
/* TX, RX, DROP, DUP: written only with --trace-datagrams. */
bool trace_is_datagram(TraceKind kind);

/* The fields of a line, in the order they are written. */
typedef enum TraceField {
    FIELD_TO = 1 << 0,
    FIELD_FROM = 1 << 1,
    FIELD_COHORT = 1 << 2,
    FIELD_MEMBERS = 1 << 3,
    FIELD_INSTANCE = 1 << 4,
    FIELD_LABEL = 1 << 5,
    FIELD_AMOUNT = 1 << 6,
    FIELD_BALANCE = 1 << 7,
    FIELD_COUNTS = 1 << 8, /* `sent` and `received` */
    FIELD_UNDONE = 1 << 9,
    FIELD_DATAGRAM = 1 << 10, /* `id`, `kind` and `bytes` */
    FIELD_REASON = 1 << 11
} TraceField;

/* The set of TraceFields that lines of this kind have: writer and reader both go by it. Only in
 * datagram lines may the peer be unknown (then its key is left out) or an address. */
unsigned trace_fields(TraceKind kind);

/* Append one JSON line with its newline; keys in the interface's order. */
/* cash_commits: --cash commit, which a judge of the trace has to know. */
void trace_write_header(GString *out, const char *mode, const char *scenario, uint64_t seed,
                        bool cash_commits);
void trace_write(GString *out, uint64_t seq, uint64_t t_ns, const Name *process,
                 const TraceEvent *event);

#endif
