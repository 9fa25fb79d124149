/* The judge's own account of the world: what each process has, and what each ordered pair has sent
 * and accepted, as the records judged so far say. Private to the checker's files.
 *
 * "Effective": a decision changes this state at every participant at once, with its first record,
 * though each participant's own record of it comes later. */
#ifndef COHORT_CHECKER_STATE_H
#define COHORT_CHECKER_STATE_H

#include "sim/checker.h"

typedef struct Process Process;
typedef struct Group Group;
typedef struct Decision Decision;

/* One trace record, kept small: there are many. */
typedef struct Record {
    uint64_t seq;
    uint64_t t_ns;
    uint64_t inc;
    uint64_t label;
    Money amount;
    Money balance;
    Process *process;
    union {
        Process *peer;        /* sent, received, lost, missing */
        Group *group;         /* joined, left */
        const char *instance; /* tentative, permanent, discarded, rolled_back; its text, interned */
        Decision *decision;   /* ... which the index replaces by what it means */
    };
    uint32_t first; /* counts: in checker->counts; joined: its members in checker->listed */
    uint32_t count;
    uint32_t position; /* among the process's own records */
    uint16_t file;
    uint8_t kind;   /* TraceKind */
    bool unfounded; /* of a process not seen yet: not judged */
} Record;

typedef struct Count {
    Process *peer;
    uint64_t sent;
    uint64_t received;
} Count;

/* Everything that checkpoints keep exists in three versions. */
typedef enum Version { NOW, PERMANENT, TENTATIVE, VERSIONS } Version;

/* One process's part in one checkpoint. */
typedef struct Part {
    Process *process;
    const Record *tentative; /* NULL: it ended what it had not begun */
    const Record *end;       /* permanent or discarded; NULL: its trace ends before */
} Part;

/* One instance of the checkpoint or the rollback algorithm. */
struct Decision {
    const char *text;
    const Group *group;
    Process *named;          /* whom the NAME of "NAME.NUMBER" means, if anybody */
    GArray *parts;           /* of Part */
    GPtrArray *rollers;      /* processes that rolled back */
    const Record *permanent; /* the first, wherever it is: the instance was decided so */
    bool checkpointed;       /* its checkpoint is effective */
    bool rolled_back;        /* its rollback is effective */
};

/* A cohort: the word stands for the bank's groups of customers. */
struct Group {
    uint64_t id;
    const Record *founding; /* the first `joined`; its members are the group's */
    size_t joined;          /* members whose `joined` is in the traces */
    size_t left;            /* ... of these, those that have left so far */
};

/* One process in one group. There is one exactly if its `joined` is in the traces. */
typedef struct Membership {
    Process *process;
    Group *group;
    const Record *left; /* its record of leaving, once judged */
    GPtrArray *out;     /* channels from here */
    GPtrArray *in;      /* channels to here */
} Membership;

typedef struct Sent {
    const Record *record; /* the transfer's identity */
    bool lost;
} Sent;

typedef struct Accepted {
    const Record *record; /* received or missing */
    const Record *sent;   /* whose identity it took; NULL: the sender was not seen */
} Accepted;

/* All that one member sent another. Label k is element k - 1 of both arrays. */
typedef struct Channel {
    Process *from;
    Process *to;
    Group *group;
    Membership *sender;   /* NULL: not seen */
    Membership *receiver; /* NULL: not seen */
    GArray *sent;         /* of Sent: those that no rollback has undone */
    GArray *accepted;     /* of Accepted, likewise */
    GArray *losses;       /* of uint32_t: labels declared lost, in that order */
    uint32_t sent_count[VERSIONS];
    uint32_t loss_count[VERSIONS];
    uint32_t accepted_count[VERSIONS];
    uint32_t last_received[VERSIONS]; /* the highest label accepted that is not missing */
    uint32_t undone; /* the highest label that the sender has undone, for all the receiver knows */
    uint64_t claim;  /* scratch: what a record states for it, if claim_epoch == checker->epoch */
    uint64_t claim_epoch;
    bool broken; /* a violation was found: its labels mean nothing any more */
} Channel;

typedef struct Rollback {
    const Record *record;
    const Group *group;
} Rollback;

struct Process {
    Name name;
    /* What is ahead in the traces, known before judging. */
    GPtrArray *records; /* its Records, in its own order */
    GArray *rollbacks;  /* of Rollback */
    /* What was judged so far. */
    uint32_t taken; /* of its records */
    uint32_t rollbacks_taken;
    bool known; /* it has opened, or left a cohort: its balance is known */
    bool open;
    bool crashed;
    Money balance[VERSIONS];
    uint64_t cash[VERSIONS]; /* money from outside less money to outside; modulo 2^64 */
    Money own_permanent;     /* the permanent balance by its own records alone */
    uint64_t inc;
    Membership *member;      /* NULL: outside any cohort */
    const Record *tentative; /* its open one */
    bool tentative_void;     /* ... which a rollback has overtaken */
    const Decision *undoing; /* rolled back in effect, its own record is yet to come */
    uint64_t mark;           /* scratch: the epoch of the set that it is in ... */
    uint64_t reached;        /* ... and of the closure */
};

struct Checker {
    size_t record_count; /* those of datagrams included */
    GArray *records;     /* of Record; does not move once judging has begun */
    GArray *counts;      /* of Count */
    GPtrArray *listed;   /* processes in `members` */
    GPtrArray *files;    /* of GArray of uint32_t: indices of records */
    GPtrArray *processes;
    GPtrArray *decisions;
    GPtrArray *groups;
    GPtrArray *members;
    GPtrArray *channels;
    GHashTable *process_by_name;
    GStringChunk *texts;
    GHashTable *group_by_id;
    GHashTable *decision_by_key; /* by {group, instance} */
    GHashTable *member_by_key;   /* by {group, process} */
    GHashTable *channel_by_key;  /* by {group, from, to} */

    CheckOptions options;
    GPtrArray *violations;
    uint64_t balances; /* sums modulo 2^64 over all processes and channels, effective ... */
    uint64_t between;  /* sent less received: in flight and lost */
    uint64_t cash;
    bool money_unsure; /* a broken channel: the sums need not agree */
    uint64_t epoch;    /* marks scratch values; grows */
};

void state_init(Checker *checker);
void state_deinit(Checker *checker);
/* Back to before the first record was judged; what is known by looking ahead stays. */
void state_reset(Checker *checker);

/* Found or made. */
Process *state_process(Checker *checker, const Name *name);
Decision *state_decision(Checker *checker, const Group *group, const char *instance);
Group *state_group(Checker *checker, uint64_t id);
Membership *state_add_member(Checker *checker, Group *group, Process *process);
Channel *state_channel(Checker *checker, Group *group, Process *from, Process *to);
/* Found or NULL. */
Membership *state_member(const Checker *checker, Group *group, Process *process);
Channel *state_find_channel(const Checker *checker, Group *group, Process *from, Process *to);

static inline const Count *state_counts(const Checker *checker, const Record *record)
{
    return &g_array_index(checker->counts, Count, record->first);
}

static inline Sent *channel_sent(const Channel *channel, uint64_t label)
{
    return &g_array_index(channel->sent, Sent, label - 1);
}

static inline Accepted *channel_accepted(const Channel *channel, uint64_t label)
{
    return &g_array_index(channel->accepted, Accepted, label - 1);
}

static inline bool accepted_missing(const Accepted *accepted)
{
    return accepted->record->kind == TRACE_MISSING;
}

/* Modulo 2^64: traces of others can hold anything. */
Money money_plus(Money a, Money b);

void state_set_balance(Checker *checker, Process *process, Money balance);
/* Money came in from outside the bank, or (subtracted from 0) went out. */
void state_add_cash(Checker *checker, Process *process, uint64_t amount);
void state_push_sent(Checker *checker, Channel *channel, const Record *record);
void state_push_accepted(Checker *checker, Channel *channel, const Record *record);
void state_push_loss(Channel *channel, uint64_t label);
/* Forgets what was accepted above `count`. */
void state_cut_accepted(Checker *checker, Channel *channel, uint32_t count);

/* All that a checkpoint of this process keeps: version `to` becomes version `from`. */
void state_copy(Process *process, Version to, Version from);
/* The current state becomes the permanent one. */
void state_restore(Checker *checker, Process *process);

/* Reports a violation that `record` shows. */
void state_violation(Checker *checker, Rule rule, const Record *record, const char *form, ...)
    G_GNUC_PRINTF(4, 5);
/* ... one that breaks the channel: its labels mean nothing from here on. */
void state_break(Checker *checker, Channel *channel, Rule rule, const Record *record,
                 const char *form, ...) G_GNUC_PRINTF(5, 6);
/* Money (invariant 4) over all processes. */
void state_check_money(Checker *checker, const Record *record);

#endif
