/* What every part of the bank works with: the time and effects of the step, datagrams on their
 * way out, tasks that are due, pauses, and counts of what was dropped. */
#ifndef COHORT_BANK_DESK_H
#define COHORT_BANK_DESK_H

#include <glib.h>

#include "core/bank.h"
#include "core/bank_cookie.h"
#include "core/transport.h"
#include "core/wire.h"

#define DESK_RETRY_NS_MIN (250 * NS_PER_MS)
#define DESK_RETRY_NS_MAX NS_PER_S

typedef enum DeskTaskKind { TASK_OPERATION, TASK_DISSOLUTION } DeskTaskKind;

/* Something that will be due; the first member of what it is part of. */
typedef struct DeskTask {
    DeskTaskKind kind;
    uint64_t serial; /* of tasks due together the older comes first */
    uint64_t due_ns;
    GSequenceIter *place; /* NULL: not scheduled */
} DeskTask;

/* A message that is sent again, with growing pauses, until it is answered. */
typedef struct DeskRetry {
    uint64_t next_ns;
    uint64_t pause_ns; /* before the jitter; 0: not begun */
} DeskRetry;

typedef struct BankDesk {
    BankConfig config;
    uint64_t choice; /* random streams: the choice of members, */
    uint64_t pauses; /* and pauses, so that losses do not change who is chosen */
    CookieKey key;
    uint64_t serial;   /* counts the tasks */
    GSequence *agenda; /* DeskTask, by time due */
    uint64_t dropped[DROP_REASONS];
    /* Of the step: */
    uint64_t now_ns;
    Effects *effects;
    uint64_t cookie;       /* of the datagram being judged; 0: it has none */
    size_t datagram_bytes; /* of the one being judged */
    const char *message;   /* word of the kind of message being judged */
    bool writing;          /* `writer` holds messages for `to` */
    bool writing_early;    /* ... which may go ahead of saves */
    Address to;
    WireWriter writer;
} BankDesk;

void desk_init(BankDesk *desk, const BankConfig *config);
void desk_deinit(BankDesk *desk);

void desk_begin(BankDesk *desk, uint64_t now_ns, Effects *effects);
/* Sends what is still being written and sets the deadline. */
void desk_end(BankDesk *desk);

/* Messages in a row to one address share datagrams. */
void desk_send(BankDesk *desk, Address to, const Message *message);
/* For what says nothing of the registry: it need not wait for a slow disk. */
void desk_send_early(BankDesk *desk, Address to, const Message *message);
/* Whether the datagram being judged shows that its sender receives what is sent there. */
bool desk_vouched(const BankDesk *desk, Address address);
/* Counts and traces the message, or whole datagram, being judged. */
void desk_drop(BankDesk *desk, DropReason reason);

/* Whether the bank's range lets a customer use these two. */
bool desk_ports_allowed(const BankDesk *desk, uint16_t port1, uint16_t port2);

void desk_task_init(BankDesk *desk, DeskTask *task, DeskTaskKind kind);
void desk_schedule(BankDesk *desk, DeskTask *task, uint64_t due_ns);
void desk_unschedule(DeskTask *task);
DeskTask *desk_due(BankDesk *desk); /* the first task due now, or NULL */

void desk_retry_start(BankDesk *desk, DeskRetry *retry);
void desk_retry_again(BankDesk *desk, DeskRetry *retry);
uint64_t desk_pause_ns(BankDesk *desk, uint64_t least_ns, uint64_t most_ns);

/* Two-way. */
void desk_code(BankDesk *desk, Coder *coder);
void desk_code_task(DeskTask *task, Coder *coder); /* not its schedule: schedule it again */
void desk_code_retry(DeskRetry *retry, Coder *coder);

#endif
