/* The whole boundary of the core: an Event goes in, an ordered list of Effects comes out.
 *
 * The driver (live: net/driver.c, simulated: sim/world.c) fills an Event, calls customer_step or
 * bank_step, and carries the Effects out in their order. Order is meaning: a save is durable
 * before any later send leaves. The same state and the same event give the same state and the
 * same effects, always.
 *
 * A step's saves come first in its list, whenever in the step they were decided: nothing of a step
 * is told or sent before all of its saves are durable. */
#ifndef COHORT_TRANSPORT_H
#define COHORT_TRANSPORT_H

#include "core/command.h"
#include "core/mark.h"
#include "core/notice.h"
#include "core/trace.h"
#include "core/types.h"

typedef enum EventKind {
    EVENT_START,    /* once, first: goes on from what was loaded */
    EVENT_DATAGRAM, /* something came in */
    EVENT_COMMAND,  /* a user asks; exactly one SUCCESS or FAILURE notice answers, in order */
    EVENT_TIMEOUT,  /* the deadline of the last Effects has come (early or late is harmless) */
    EVENT_STOP      /* orderly end: the last event */
} EventKind;

/* A customer has two sockets; the bank has one, PORT_BANK. */
typedef enum Port {
    PORT_BANK, /* port1: to and from the bank */
    PORT_PEER  /* port2: to and from peers */
} Port;

typedef struct Event {
    EventKind kind;
    uint64_t now_ns; /* monotonic; never smaller than the event's before it */
    Port port;       /* DATAGRAM: where it came in */
    Address from;    /* DATAGRAM */
    const uint8_t *bytes;
    size_t length;
    Command command; /* COMMAND */
} Event;

/* What a process keeps on disk: records, each under a slot and an index. A save replaces one
 * record, an empty save removes it; all saves of one step become durable together, or none does.
 * The bank's JOURNAL appends instead. Numbers are part of what is on disk: new ones go to the end.
 */
typedef enum Slot {
    SLOT_ACCOUNT,           /* account, membership, numbering */
    SLOT_COHORT,            /* the cohort and its members */
    SLOT_PERMANENT,         /* the permanent checkpoint but for ... */
    SLOT_PERMANENT_CHANNEL, /* ... its channels, by member */
    SLOT_TENTATIVE,         /* the tentative checkpoint with the yes-vote, but for ... */
    SLOT_TENTATIVE_CHANNEL, /* ... those of its channels that differ from the permanent ones */
    SLOT_CONTROL,           /* the rolling record, own decisions, the counter of instances */
    SLOT_FINISHED,          /* by member: the last finished instance that it initiated */
    SLOT_INCARNATION,       /* own incarnation */
    SLOT_PEER,              /* by member: its incarnation, and its channel if closed */
    SLOT_CASH,              /* by count: a deposit or withdrawal that a rollback would undo */
    SLOT_ORDERLY,           /* the whole state, written by an orderly stop */
    SLOT_JOURNAL,           /* bank: one journal record */
    SLOT_TRACE,             /* the driver's: trace lines that belong to the last commit */
    SLOTS
} Slot;

/* Sets of slots, for Effect.send.needs. */
typedef uint32_t SlotSet;
#define SLOTS_ALL UINT32_MAX
#define SLOT_BIT(slot) (UINT32_C(1) << (slot))

typedef enum EffectKind {
    EFFECT_SAVE,
    EFFECT_SEND,
    EFFECT_NOTIFY,
    EFFECT_TRACE,
    EFFECT_END /* the process's work is done (exit, stop); the driver ends it */
} EffectKind;

typedef struct Effect {
    EffectKind kind;
    union {
        struct {
            Slot slot;
            uint16_t index; /* 0 where the slot has no index */
            const uint8_t *bytes;
            size_t length; /* 0: removes the record */
        } save;
        struct {
            Port port;
            Address to;
            SlotSet needs; /* waits for the unfinished saves of these slots, of this and earlier
                              steps, and, if SLOTS_ALL, for its place among the effects */
            const uint8_t *bytes;
            size_t length;
        } send;
        Notice notice;
        TraceEvent trace;
    };
} Effect;

/* Owned by the caller, used again for every step; what it points to lives until the next clear. */
typedef struct Effects Effects;

Effects *effects_new(void);
void effects_free(Effects *effects);  /* NULL is fine */
void effects_clear(Effects *effects); /* every step begins with it; the step calls it */
size_t effects_count(const Effects *effects);
bool effects_saves(const Effects *effects); /* is there a save among them? */
const Effect *effects_at(const Effects *effects, size_t index);
uint64_t effects_deadline(const Effects *effects); /* when to step a TIMEOUT; TIME_NEVER: none */
/* Adds one for every mark that the step has set. Marks are no effects: nobody carries them out. */
void effects_count_marks(const Effects *effects, uint64_t counts[static MARK_KINDS]);

/* For the core's side. Bytes are copied. A notice or trace event is copied too, but the arrays it
 * points to are not: they must be from effects_alloc. */
void *effects_alloc(Effects *effects, size_t bytes); /* zeroed; lives until the next clear */
void effects_save(Effects *effects, Slot slot, uint16_t index, const uint8_t *bytes,
                  size_t length); /* copied */
void effects_send(Effects *effects, Port port, Address to, const uint8_t *bytes, size_t length);
/* A datagram that says nothing but what these slots hold: it may go ahead of others. */
void effects_send_early(Effects *effects, Port port, Address to, SlotSet needs,
                        const uint8_t *bytes, size_t length);
void effects_notify(Effects *effects, const Notice *notice);
void effects_trace(Effects *effects, const TraceEvent *event);
void effects_end(Effects *effects);
void effects_set_deadline(Effects *effects, uint64_t deadline_ns);
void effects_mark(Effects *effects, Mark mark);

#endif
