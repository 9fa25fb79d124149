/* Two-phase commit between the bank and customer processes, led by the bank: PROPOSE until every
 * process has voted, then OUTCOME until every process has acknowledged. What is not on record as
 * committed is aborted. What is proposed, and what a commit writes, is bank_proposal's. */
#ifndef COHORT_BANK_OPERATION_H
#define COHORT_BANK_OPERATION_H

#include "core/bank_asker.h"
#include "core/bank_desk.h"
#include "core/bank_registry.h"

/* Votes, and then acknowledgements, are awaited no longer than this. */
#define OPERATION_NS_MAX (10 * NS_PER_S)

enum { OPERATIONS_MAX = 8192 /* under way at a time; more are refused */ };

typedef enum TargetState {
    TARGET_ASKED, /* has not voted */
    TARGET_YES,   /* is prepared, and waits for the outcome */
    TARGET_DONE,  /* said no, or has acknowledged the outcome */
    TARGET_STATES
} TargetState;

/* A process that has a vote. */
typedef struct Target {
    RegistryRow *row; /* NULL: OPEN, there may be none yet */
    TargetState state;
    uint64_t client;  /* who voted, */
    uint64_t version; /* and its balance, as of report `version` */
    Money balance;
} Target;

typedef struct Operation {
    DeskTask task;
    GList link;
    ProposalKind proposal;
    uint64_t id;
    uint64_t key; /* proposal and id in one */
    Asker asker;
    BankRow opened; /* OPEN: the row as it will be */
    /* OPEN, asked for by a client, at an address that it has not shown to be its own: proposed as
     * often as it is asked for, and not more. */
    bool modest;
    bool decided;
    bool commit;
    DeskRetry retry;
    uint64_t limit_ns;
    uint16_t target_count;
    Target targets[]; /* JOIN: the members, the initiator first */
} Operation;

typedef struct Operations {
    BankDesk *desk;
    Registry *registry;
    Askers *askers;
    GQueue list;         /* in order of starting, until the last acknowledgement */
    GHashTable *by_key;  /* key -> operation */
    GHashTable *opening; /* name's text -> the open under way */
} Operations;

void operations_init(Operations *operations, BankDesk *desk, Registry *registry, Askers *askers);
void operations_deinit(Operations *operations);

Operation *operation_new(ProposalKind proposal, uint64_t id, const Asker *asker,
                         uint16_t target_count);
/* Proposes it, once opened or the targets' rows are filled in. */
void operation_start(Operations *operations, Operation *operation);
/* Tells the targets, after the record of a commit. The operation may be gone afterwards. */
void operation_decide(Operations *operations, Operation *operation, bool commit);
/* Answers the asker, and aborts. */
void operation_abort(Operations *operations, Operation *operation, Refusal refusal,
                     const Name *who);
/* The open of this name that is under way, or NULL. */
Operation *operation_opening(const Operations *operations, const Name *name);
bool operations_full(const Operations *operations);
/* At the start: processes whose exit is on record, but not that they know of it, are told. */
void operations_resume(Operations *operations);
/* The client has asked for it again. */
void operation_remind(Operations *operations, const Asker *asker);

/* Takes a vote. The operation, when all have said yes and it is to be decided; otherwise NULL, and
 * everything has been done. */
Operation *operation_vote(Operations *operations, Address from, const Message *message);
void operation_acknowledged(Operations *operations, const Message *message);
void operation_due(Operations *operations, DeskTask *task);
void operations_stop(Operations *operations); /* aborts what is undecided */

bool operations_idle(const Operations *operations, char *why, size_t capacity);
void operations_code(Operations *operations, Coder *coder); /* two-way */

#endif
