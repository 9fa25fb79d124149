/* One peer: numbered transfers in both directions over a network that loses, doubles and reorders.
 *
 * The rules are those of PROTOCOL.md, "Channels" and "Lost transfers". A channel knows labels,
 * payloads, incarnations and time; not money, instances or messages to anyone else. Labels count
 * from 1; 0 is "none yet". */
#ifndef COHORT_CHANNEL_H
#define COHORT_CHANNEL_H

#include <glib.h>

#include "core/coder.h"
#include "core/types.h"
#include "core/wire.h"

enum { WINDOW_MAX = 256 }; /* transfers under way to one peer, sent and not acknowledged */

#define RTO_INITIAL_NS (250 * NS_PER_MS)
#define RTO_MIN_NS (5 * NS_PER_MS)
#define RTO_MAX_NS (8 * NS_PER_S)
/* What somebody waits for is repeated at least so often: no network is so bad that it loses all. */
#define REPEAT_NS_MAX (2 * NS_PER_S)

typedef enum EntryKind {
    ENTRY_TRANSFER,   /* T */
    ENTRY_GIVEN_UP,   /* K: goes on as a skip of the same label */
    ENTRY_NEVER_SENT, /* N: was a skip from the start (lost-transfer) */
    ENTRY_KINDS
} EntryKind;

/* One logged transfer. Its fate is known when its label is at most `acked`: a T was received, a
 * K or N skipped. `lost` outlives that: the receiver once said skipped, and stays by it. */
typedef struct Entry {
    uint64_t payload;
    EntryKind kind;
    bool lost; /* the loss is certain and was reported */
    uint32_t sends;
    uint64_t sent_ns; /* the last time */
#ifdef COHORT_PLANTED_FAULTS
    uint64_t first_inc; /* as of the first transmission */
    uint64_t first_known;
#endif
} Entry;

/* The checkpointed part of a channel. */
typedef struct ChannelState {
    uint64_t out;           /* transfers sent, lost ones included */
    uint64_t in;            /* transfers and skips accepted, in order */
    uint64_t last_received; /* the last label accepted as a transfer */
    uint64_t base;          /* the peer's permanent checkpoint covers all labels up to here */
    GArray *log;            /* Entry of the labels base+1 .. out */
    GArray *skips;          /* uint64_t labels accepted as skips, growing */
} ChannelState;

void channel_state_init(ChannelState *state);
void channel_state_deinit(ChannelState *state);
void channel_state_copy(ChannelState *to, const ChannelState *from); /* both initialised */
/* But for when and how often entries were sent. */
bool channel_state_equal(const ChannelState *a, const ChannelState *b);
void channel_state_code(Coder *coder, ChannelState *state);
Entry *channel_entry(const ChannelState *state, uint64_t label); /* base < label <= out */

/* The channel *from* the peer, while a rollback that the peer takes part in is undecided. */
typedef struct Closed {
    Instance instance; /* number 0: the channel is open */
    uint64_t new_inc;
    uint64_t cut;  /* the peer's perm.out[us] */
    uint64_t rcut; /* the peer's perm.in[us] */
} Closed;

typedef struct Channel {
    ChannelState state;
    uint64_t acked; /* how far the peer is known to have accepted */
    uint64_t known; /* the peer's incarnation as last learnt */
    Closed closed;
    /* What the peer told of its permanent checkpoint (STABLE). */
    uint64_t peer_version;
    uint64_t peer_perm_sent;
    uint64_t peer_perm_base;
    /* What we told the peer of ours, and how far it has released its log. */
    uint64_t told;
    bool stable_due; /* there is something to tell it */
    /* Acknowledging. */
    bool ack_due;
    uint64_t peer_una; /* the peer's `acked`, from its last datagram */
    /* Sending: round trip estimate (RFC 6298) and the retransmission timer. */
    bool rtt_known;
    uint64_t srtt_ns;
    uint64_t rttvar_ns;
    uint64_t rto_ns;
    uint32_t backoff;   /* doublings since the last progress */
    uint64_t sent_upto; /* labels up to here were sent since the last rewind */
    uint64_t resend_ns; /* when to go back to acked+1; TIME_NEVER: nothing under way */
} Channel;

void channel_init(Channel *channel);
void channel_deinit(Channel *channel);
void channel_code(Coder *coder, Channel *channel);

/* --- sending --- */

/* Logs one more transfer and returns its label. */
uint64_t channel_append(Channel *channel, uint64_t payload, EntryKind kind);
/* The next label due for (re)transmission at now_ns, or 0. */
uint64_t channel_next_due(Channel *channel, uint64_t now_ns);
/* `label`, just returned by channel_next_due, left now. */
void channel_sent(Channel *channel, uint64_t label, uint64_t now_ns, uint64_t jitter);
/* When the retransmission timer has run out: goes back to the first unacknowledged label, and
 * gives up (T -> K) what was retransmitted `retries` times, unless `keep` (the process rolls).
 * True: something was given up. */
bool channel_timeout(Channel *channel, uint64_t now_ns, uint32_t retries, bool keep);
/* Sends everything above acked again, from now on. */
void channel_rewind(Channel *channel);

/* What the receiver said against our own entries: a set of bits. */
typedef enum Contradiction {
    CONTRADICTION_NONE = 0,
    CONTRADICTION_RECEIVED = 1, /* it has what we had given up */
    CONTRADICTION_SKIPPED = 2   /* it has skipped what we (again) hold for a transfer */
} Contradiction;

/* Takes the receiver's word for the labels coverage.from+1 .. upto still in the log (rule 3 of
 * "Lost transfers"). Appends to `lost` (uint64_t) every label whose loss became certain. */
Contradiction channel_acknowledged(Channel *channel, const Coverage *coverage, uint64_t now_ns,
                                   GArray *lost);
/* The peer's permanent checkpoint covers all up to coverage.upto: releases them. Returns the sum
 * of the payloads released as lost, INT64_MAX when it is more. */
uint64_t channel_release(Channel *channel, const Coverage *coverage);
/* The fate and kind of what the coverage names, without acknowledging or releasing it. */
Contradiction channel_take_word(Channel *channel, const Coverage *coverage, GArray *lost);

/* --- receiving --- */

/* Judges a transfer or skip by rules 1 and 2; DROP_NONE: it was accepted and counts. */
DropReason channel_accept(Channel *channel, const Header *header, uint64_t own_inc, uint64_t label,
                          bool skip);
bool channel_matches(const Channel *channel, const Header *header, uint64_t own_inc);
/* What we can say of the peer's labels from+1 .. upto; may stop short of upto. */
Coverage channel_coverage(const Channel *channel, uint64_t from, uint64_t upto);
/* The peer's announced permanent log base passed these: their skips need no record any more. */
void channel_forget_skips(Channel *channel, uint64_t upto);
/* Drops trailing skips beyond `upto` from a state. */
void channel_state_drop_skips(ChannelState *state, uint64_t upto);

/* --- rollback --- */

/* We rolled back: `perm` becomes the state, and everything in the log is sent again. */
void channel_restore(Channel *channel, const ChannelState *perm);
/* The peer's rollback (channel->closed) is decided; reopens. */
void channel_reopen(Channel *channel, bool commit, bool we_rolled);

uint64_t channel_unsettled(const Channel *channel); /* labels whose fate is unknown */

/* A timer's length: base, doubled `backoff` times but not beyond `most_ns`, plus up to a quarter.
 */
uint64_t retry_delay_ns(uint64_t base_ns, uint32_t backoff, uint64_t most_ns, uint64_t random);

#endif
