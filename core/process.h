/* A process of the paper, within one cohort: its channels, its checkpoints, and the one instance
 * it may be engaged in. checkpoint.c and rollback.c act on it; instance.c holds what both share;
 * this module holds the state, snapshots, and the composing of datagrams.
 *
 * "Peer" is another member of the cohort. Every index is a member's place in the bank's list. */
#ifndef COHORT_PROCESS_H
#define COHORT_PROCESS_H

#include "core/account.h"
#include "core/channel.h"
#include "core/transport.h"
#include "core/wire.h"

enum {
    ANNOUNCEMENTS_MAX = 64, /* decisions not yet acknowledged; with more, no instance begins */
    PARTICIPANT_BYTES = (MEMBERS_MAX + 7) / 8
};

#define INSTANCE_NS_MAX (30 * NS_PER_S) /* an initiator that lacks answers aborts after this */
#define QUERY_AFTER_NS (2 * NS_PER_S)   /* voted yes and hears nothing: asks */
#define DOUBT_NS_MAX (10 * NS_PER_S)    /* ... and after this tells the user whom it waits for */

/* The time of a step, and where its effects go. */
typedef struct Step {
    uint64_t now_ns;
    Effects *effects;
} Step;

/* A checkpoint: the application and the checkpointed part of every channel. */
typedef struct Snapshot {
    bool taken;
    Application application;
    ChannelState *channels; /* one per member; our own stays empty */
#ifdef COHORT_PLANTED_FAULTS
    uint64_t *known;
    uint64_t inc;
#endif
} Snapshot;

typedef enum Engagement {
    ENGAGED_NOT,
    ENGAGED_CHECKPOINT,
    ENGAGED_ROLLBACK,
    ENGAGEMENTS
} Engagement;

/* What we asked a peer in the instance we are engaged in. */
typedef enum Ask { ASK_NOT, ASK_WAITING, ASK_NO_NEED, ASK_JOINED, ASKS } Ask;

/* A decision that peers have yet to acknowledge. */
typedef struct Announcement {
    Instance instance;
    bool commit;
    uint16_t parent;  /* acknowledged when all have; own index: nobody */
    uint16_t waiting; /* how many have not acknowledged */
    uint8_t unacked[PARTICIPANT_BYTES];
} Announcement;

/* The last instance of one initiator that is over for us. */
typedef struct Finished {
    uint64_t number;
    bool commit;
} Finished;

/* What a crash must not lose of a peer. */
typedef struct PeerRecord {
    uint64_t known;
    Closed closed;
} PeerRecord;

typedef struct Peer {
    Member member;
    Channel channel;
    Ask ask;
    uint64_t asked_label; /* CHECKPOINT_REQUEST: L as asked; PREPARE: the cut */
    Finished finished;    /* instances this peer initiated */
    /* Control messages to this peer: sent at control_ns, again with backoff, until answered. */
    uint64_t control_ns;
    uint32_t control_backoff;
    bool moved_due;
    uint32_t owed_count; /* of Process.owed */
    /* What is on disk; derived, so that it need not be encoded. */
    PeerRecord saved;
    uint64_t finished_saved; /* its number: of an instance the decision never changes */
    bool permanent_unsaved;  /* the permanent checkpoint of the channel is not */
    bool tentative_saved;    /* a tentative one of the channel is */
} Peer;

enum {
    OWED_MAX = 8,
    INSTANCES_RESERVED = 64 /* numbers of instances that one save covers */
};

/* An answer to one peer. */
typedef struct Owed {
    uint16_t peer;
    Message message;
} Owed;

typedef struct Process {
    uint64_t cohort;
    uint16_t self;
    uint16_t count;
    Peer *peers;                 /* count; peers[self] is unused but for its member */
    Application application;     /* the current one */
    uint64_t inc;                /* rollbacks in this cohort */
    uint64_t instances;          /* counts our own; never used twice, across cohorts too */
    uint64_t instances_reserved; /* ... as a restart after a crash goes on above these */
    uint64_t permanents;         /* permanent checkpoints in this cohort */
    Snapshot perm;
    Snapshot tent;
    /* The engagement. */
    Engagement engaged;
    Instance instance;
    uint16_t parent;       /* own index: we are the initiator */
    uint64_t parent_label; /* asked_label of the parent's request, to echo */
    bool voted;            /* said yes, or ... */
    bool refused; /* ... no, after a crash: found PREPARING; nothing but the decision ends it */
    uint64_t since_ns;
    uint64_t query_ns;
    bool doubt_told;     /* the user knows that the initiator does not answer */
    uint16_t query_next; /* whom to ask next */
    uint8_t participants[PARTICIPANT_BYTES];
    GArray *announcements; /* Announcement */
    GArray *owed;          /* Owed: sent by the next flush and forgotten, as whoever asked will ask
                              again; empty between steps */
    /* NR: restarted after a crash, and not rolled back since. What this process remembers is its
     * permanent checkpoint, but others may hold what it has sent after it. */
    bool recovering;
    /* Set by customer.c. */
    bool frozen;      /* voted to dissolve: refuses to take part */
    uint64_t epoch;   /* our starts */
    uint32_t retries; /* of a transfer */
    uint64_t random;
    uint64_t inc_before; /* rollbacks in earlier cohorts, for traces */
    /* Set by a step's decisions, saved and cleared before its flush. */
    bool control_changed;
    bool members_changed;
    bool tentative_changed;
    bool permanent_changed;
    bool permanent_news;  /* ... and the bank is to be told */
    bool tentative_saved; /* there is one on disk; derived, as is ... */
    uint64_t inc_saved;
    /* The outcome of our own instance, for the command that began it; read and cleared there. */
    struct {
        bool over;
        bool commit;
        bool silent;      /* aborted because `blocker` did not answer in time */
        uint16_t blocker; /* who said no or nothing */
        Instance instance;
        uint64_t undone;
        uint8_t participants[PARTICIPANT_BYTES];
    } outcome;
} Process;

/* Enters a cohort with this application as the first permanent checkpoint. Keeps `instances`,
 * `random`, `epoch`, `retries` of the process; it must be zeroed or left before. */
void process_enter(Process *process, uint64_t cohort, const Member *members, uint16_t count,
                   uint16_t self, const Application *application);
/* Everything but who the members are and what they have. */
void process_prepare(Process *process, uint64_t cohort, uint16_t count, uint16_t self);
void process_leave(Process *process);
/* After an orderly stop: deadlines of the old life mean nothing; everything due is due now. */
void process_rebase(Process *process, uint64_t now_ns);
/* --- snapshots --- */
/* The current state with the trailing skips dropped that the sender's permanent checkpoint does
 * not cover (rule 7 of "Lost transfers"). */
void process_take_tentative(Process *process);
void process_make_permanent(Process *process); /* tent -> perm, and tells the peers */
void process_discard_tentative(Process *process);
void process_restore_permanent(Process *process);

bool process_all_settled(const Process *process); /* the fate of everything sent is known */
/* Losses this process would make permanent with a checkpoint taken now; an amount above INT64_MAX
 * is given as INT64_MAX. */
uint64_t process_open_losses(const Process *process, Money *amount);
/* Adds what is lost in the logs to what this application knows to be lost for good. */
void process_release_losses(const Process *process, Application *application);

static inline size_t bits_bytes(uint16_t count)
{
    return ((size_t)count + 7) / 8;
}

static inline bool bit_get(const uint8_t *bits, uint16_t index)
{
    return (bits[index / 8] >> (index % 8)) & 1;
}

static inline void bit_set(uint8_t *bits, uint16_t index, bool value)
{
    uint8_t mask = (uint8_t)(1u << (index % 8));
    bits[index / 8] = value ? bits[index / 8] | mask : bits[index / 8] & (uint8_t)~mask;
}

#endif
