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

typedef struct Count {
    Process *peer; /* or a member */
    uint64_t sent;
    uint64_t received;
} Count;

/* One trace record, kept small: there are many. It lives as long as somebody holds it. */
typedef struct Record {
    uint64_t seq;
    uint64_t t_ns;
    uint64_t inc;
    uint64_t label;
    Money amount;
    Money balance;
    Process *process;
    union {
        Process *peer;      /* sent, received, lost, missing */
        Group *group;       /* joined, left */
        char *instance;     /* tentative, permanent, discarded, rolled_back; a GRefString */
        Decision *decision; /* ... which the index replaces by what it means */
    };
    uint64_t position; /* among the process's own records */
    uint32_t count;
    uint32_t holders;
    uint16_t file;
    uint8_t kind;       /* TraceKind */
    bool unfounded;     /* of a process not seen yet: not judged */
    bool cash_survives; /* no rollback undoes this deposit or withdrawal */
    bool echo;          /* says once more, after a crash, what the record before it had said */
    bool indexed;
    Count counts[]; /* last labels; joined: the members */
} Record;

/* Everything that checkpoints keep exists in three versions. */
typedef enum Version { NOW, PERMANENT, TENTATIVE, VERSIONS } Version;

/* One process's part in one checkpoint. */
typedef struct Part {
    Process *process;
    uint64_t position;                                      /* of its tentative record */
    enum { END_UNKNOWN, END_PERMANENT, END_DISCARDED } end; /* unknown: its trace ends before */
    bool lost; /* a crash has taken its tentative checkpoint away */
} Part;

/* One instance of the checkpoint or the rollback algorithm. */
struct Decision {
    char *text; /* a GRefString */
    uint32_t holders;
    const Group *group;
    Process *named;           /* whom the NAME of "NAME.NUMBER" means, if anybody */
    GArray *parts;            /* of Part */
    GPtrArray *rollers;       /* processes that rolled back */
    const Process *permanent; /* whose record of that is the first: the instance was decided so */
    bool checkpointed;        /* its checkpoint is effective */
    bool rolled_back;         /* its rollback is effective */
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

/* All that one member sent another. Label k is element k - 1 - forgotten of both arrays. */
typedef struct Channel {
    Process *from;
    Process *to;
    Group *group;
    Membership *sender;   /* NULL: not seen */
    Membership *receiver; /* NULL: not seen */
    GArray *sent;         /* of Sent: those that no rollback has undone */
    GArray *accepted;     /* of Accepted, likewise */
    GArray *losses;       /* of uint64_t: labels declared lost, in that order */
    uint64_t forgotten;   /* labels up to here are settled for good */
    uint64_t sent_count[VERSIONS];
    uint64_t accepted_count[VERSIONS];
    uint64_t last_received[VERSIONS]; /* the highest label accepted that is not missing */
    guint loss_count[VERSIONS];
    uint64_t undone; /* the highest label that the sender has undone, for all the receiver knows */
    uint64_t claim;  /* scratch: what a record states for it, if claim_epoch == checker->epoch */
    uint64_t claim_epoch;
    bool broken; /* a violation was found: its labels mean nothing any more */
} Channel;

typedef struct Rollback {
    const Record *record;
    const Group *group;
} Rollback;

/* Where a process stands when its records so far have been looked through. */
typedef struct Cursor {
    bool seen;
    Group *group;
    Decision *open; /* its tentative checkpoint: element `part` of open->parts */
    guint part;
    const Record *last; /* the last one that is not of a crash ... */
    bool restarted;     /* ... and none came since the restart */
} Cursor;

struct Process {
    Name name;
    /* What is ahead in the traces, known before judging. */
    GPtrArray *records; /* its Records, in its own order, but for ... */
    uint64_t forgotten; /* ... so many, judged and of no use any more */
    GArray *rollbacks;  /* of Rollback */
    Cursor cursor;      /* where its last record has left it */
    /* What was judged so far. */
    uint64_t taken; /* of its records */
    guint rollbacks_taken;
    bool known; /* it has opened, or left a cohort: its balance is known */
    bool open;
    bool accused;             /* of doing anything before it was seen: said once */
    const Record *crashed;    /* and not restarted yet: its record of that */
    const Record *recovering; /* has not rolled back since this crash or restart */
    Money balance[VERSIONS];
    uint64_t cash[VERSIONS]; /* money from outside less money to outside; modulo 2^64 */
    Money own_permanent;     /* the permanent balance by its own records alone */
    uint64_t inc;
    Membership *member;      /* NULL: outside any cohort */
    const Record *tentative; /* its open one */
    bool tentative_void;     /* ... which a rollback has overtaken */
    Decision *undoing;       /* rolled back in effect, its own record is yet to come */
    uint64_t mark;           /* scratch: the epoch of the set that it is in ... */
    uint64_t reached;        /* ... and of the closure */
};

struct Checker {
    size_t record_count; /* those of datagrams included */
    size_t records_held;
    GPtrArray *files; /* of GPtrArray of Record, each holding its own */
    guint next;       /* of the only file: the record to judge next, when judging goes on */
    GPtrArray *processes;
    GPtrArray *groups;
    GPtrArray *members;
    GPtrArray *channels;
    GHashTable *process_by_name;
    GHashTable *group_by_id;
    GHashTable *decision_by_key; /* by {group, instance}: those that somebody holds */
    GHashTable *member_by_key;   /* by {group, process} */
    GHashTable *channel_by_key;  /* by {group, from, to} */

    CheckOptions options;
    const Record *last;    /* judged so far */
    GPtrArray *violations; /* NULL: nothing was judged yet */
    uint64_t balances;     /* sums modulo 2^64 over all processes and channels, effective ... */
    uint64_t between;      /* sent less received: in flight and lost */
    uint64_t cash;
    bool money_unsure; /* a broken channel: the sums need not agree */
    uint64_t epoch;    /* marks scratch values; grows */
};

void state_init(Checker *checker);
void state_deinit(Checker *checker);
/* Before the first record is judged, or judged once more; what is known by looking ahead stays. */
void state_reset(Checker *checker);

/* Found or made. */
Process *state_process(Checker *checker, const Name *name);
Decision *state_decision(Checker *checker, const Group *group, char *instance);
Group *state_group(Checker *checker, uint64_t id);
Membership *state_add_member(Checker *checker, Group *group, Process *process);
Channel *state_channel(Checker *checker, Group *group, Process *from, Process *to);
/* Freed; nobody may hold or use it any more. */
void state_remove_decision(Checker *checker, Decision *decision);
void state_remove_channel(Checker *checker, guint index); /* in checker->channels */
/* Found or NULL. */
Membership *state_member(const Checker *checker, Group *group, Process *process);
Channel *state_find_channel(const Checker *checker, Group *group, Process *from, Process *to);

/* A process's own records by position: from the first that is not forgotten up to the end. */
static inline uint64_t process_end(const Process *process)
{
    return process->forgotten + process->records->len;
}

static inline const Record *process_record(const Process *process, uint64_t position)
{
    return g_ptr_array_index(process->records, position - process->forgotten);
}

static inline Sent *channel_sent(const Channel *channel, uint64_t label)
{
    return &g_array_index(channel->sent, Sent, label - 1 - channel->forgotten);
}

static inline Accepted *channel_accepted(const Channel *channel, uint64_t label)
{
    return &g_array_index(channel->accepted, Accepted, label - 1 - channel->forgotten);
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
void state_cut_accepted(Checker *checker, Channel *channel, uint64_t count);

/* All that a checkpoint of this process keeps: version `to` becomes version `from`. */
void state_copy(Process *process, Version to, Version from);
/* A crash: what was accepted after that version is undone, and the balance becomes that version's
 * but for what was sent after it, which others may hold. */
void state_lose(Checker *checker, Process *process, Version kept);
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
