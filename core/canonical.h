/* A customer's state without time and effort, for those who explore all that can happen.
 *
 * Two states that differ only in when things were done, how often, and with what luck behave alike
 * but for time: when their timers go off, which messages share a datagram. canonical_forget makes
 * one state of them: deadlines are either never or far ahead of CANONICAL_NOW_NS, whatever only
 * paces or counts is constant, and what nobody will read any more is cleared. In such a state no
 * timer is due, and canonical_fire makes one of them due, so that a timeout at CANONICAL_NOW_NS
 * carries it out alone: every timer may fire at any time, in any order.
 *
 *     customer_step(customer, &event, effects);   (at CANONICAL_NOW_NS)
 *     canonical_forget(customer, tries_max);
 *     customer_encode(customer, &coder);          (equal bytes: the same state)
 */
#ifndef COHORT_CANONICAL_H
#define COHORT_CANONICAL_H

#include "core/customer.h"

#define CANONICAL_NOW_NS (UINT64_C(1) << 60)

/* What may go off in a process. Those of a peer exist once for each. */
typedef enum TimerKind {
    TIMER_CONTROL,  /* of a peer: what it has to be told or asked is repeated */
    TIMER_RESEND,   /* of a peer: transfers are sent again */
    TIMER_QUERY,    /* of a peer: it is asked for a decision */
    TIMER_INSTANCE, /* an instance has taken too long */
    TIMER_PAUSE,    /* the pause before a command tries again is over */
    TIMER_COMMAND,  /* a command has waited too long */
    TIMER_FORCED,   /* the pause before a forced rollback tries again is over */
    TIMER_KINDS
} TimerKind;

const char *timer_kind_word(TimerKind kind); /* "instance" */
bool timer_kind_of_peer(TimerKind kind);

/* Of a customer that has moved no cash in its cohort. An instance of a command is tried at most so
 * often: then the command has waited too long. A forced rollback pauses for ever then, and the
 * state is cut off (see Standing). */
void canonical_forget(Customer *customer, uint32_t tries_max);
/* False: it is not set, or would do nothing. */
bool canonical_fire(Customer *customer, TimerKind kind, uint16_t peer, uint32_t tries_max);
/* Fills effects with saves of all its records, as it would write them now: what is loaded from them
 * is what was loaded from others, if this customer was. It is good for nothing else afterwards. */
void canonical_save(Customer *customer, Effects *effects);
/* Is nothing under way between it and the other members (see customer_idle)? What the bank owes it
 * an answer to does not count; it is good for nothing else afterwards. */
bool canonical_idle(Customer *customer, char *why, size_t capacity);

CustomerConfig canonical_config(const Customer *customer);

/* --- where a process stands, as far as it says which messages can still matter to it --- */

enum { STANDING_PEERS_MAX = 4, STANDING_ANNOUNCEMENTS_MAX = 16 };

typedef struct PeerStanding {
    uint64_t known;    /* its incarnation */
    uint64_t finished; /* the last instance it initiated that is over here */
    uint64_t acked;
    uint64_t accepted;
    uint64_t released; /* of the log, in the permanent checkpoint too */
    uint64_t version;  /* of its permanent checkpoint, as told */
    uint64_t epoch;    /* its starts */
    Instance closed;   /* number 0: its channel is open */
    bool waiting;      /* it was asked, and has not answered */
    bool stable_due;
    bool moved_due;
} PeerStanding;

typedef struct Standing {
    uint64_t inc;
    uint64_t permanents;
    uint64_t epoch;
    Instance engaged; /* number 0: in none */
    bool voted;
    bool recovering;
    bool commands;  /* one is under way, or waits */
    bool cut_off;   /* it would go on but for tries_max */
    uint16_t count; /* of peers */
    uint16_t announcement_count;
    struct {
        Instance instance;
        uint8_t unacked; /* bit i: by member i */
    } announcements[STANDING_ANNOUNCEMENTS_MAX];
    PeerStanding peers[STANDING_PEERS_MAX]; /* the own one has `finished` alone */
} Standing;

/* Of an active member of a small cohort, in a canonical state. */
void canonical_standing(const Customer *customer, uint32_t tries_max, Standing *standing);

#endif
