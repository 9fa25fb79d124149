/* What a Customer is made of; for the modules that compose it, not for its users. */
#ifndef COHORT_CUSTOMER_STATE_H
#define COHORT_CUSTOMER_STATE_H

#include "core/customer.h"
#include "core/process.h"

/* A proposal of the bank that we said yes to: never left before its outcome is known. */
typedef struct Proposal {
    bool pending;
    ProposalKind kind;
    uint64_t id;
    Name name;      /* OPEN */
    Money balance;  /* OPEN: to begin with; EXIT: final */
    uint16_t count; /* JOIN */
    uint16_t self;
    Member *members;
    Application at_vote;
    uint64_t repeat_ns;
    uint32_t backoff;
} Proposal;

/* The parts of a JOIN that have come so far. */
typedef struct Gathering {
    uint64_t id;
    uint16_t count;
    uint16_t missing;
    Member *members; /* an empty name: not yet here */
} Gathering;

/* What a member votes with to dissolve its cohort, and leaves with: durable, as after a crash the
 * current state is another one. */
typedef struct Final {
    Application application;
    bool settled;
    uint64_t inc;
    uint16_t count;
    StatusCount *counts; /* by member */
} Final;

typedef struct Dissolving {
    uint64_t attempt; /* the highest heard of */
    bool quiesced;
    bool voted;        /* frozen, ... */
    Final final;       /* ... with this */
    StatusState state; /* as last reported */
    uint64_t version;
    uint64_t digest; /* of what was reported, to see a change */
    bool due;        /* parts are not acknowledged */
    uint8_t acked[MEMBERS_MAX / COUNTS_PER_MESSAGE_MAX / 8 + 1];
    uint64_t repeat_ns;
    uint32_t backoff;
} Dissolving;

typedef struct Membership {
    bool has_account;
    bool ended; /* exited: nothing is accepted any more */
    Name name;
    uint64_t high_water[PROPOSAL_KINDS];
    Proposal proposal;
    Gathering gathering;
    Dissolving dissolving;
    uint64_t left_cohort; /* the last one left, and our place in it */
    uint16_t left_member;
    uint64_t report_version; /* counts the balances made permanent */
    bool report_due;
    uint64_t report_ns;
    uint32_t report_backoff;
} Membership;

/* The one request to the bank under way. */
typedef struct Request {
    bool active;
    bool user; /* a user's command waits for the answer */
    Command command;
    uint64_t number;
    uint64_t count; /* numbers used so far */
    uint64_t repeat_ns;
    uint32_t backoff;
    uint64_t heard_ns; /* the last sign of life, or the start */
    uint8_t *answer;   /* being put together; answer_total bytes */
    uint16_t answer_total;
    uint16_t answer_have; /* contiguous from the start */
    uint64_t cookie;      /* the bank's last, which every datagram to it brings back; 0: none */
    uint64_t asked_with;  /* the cookie that the last repetition carried */
} Request;

/* A checkpoint or rollback command under way: tries until its instance commits. */
typedef struct Attempt {
    bool active;
    bool engaged; /* an instance of ours is open */
    uint32_t tries;
    uint64_t since_ns;
    uint64_t pause_ns; /* not before */
} Attempt;

typedef struct CashMove {
    bool deposit;
    Money amount;
} CashMove;

/* Cash since the permanent checkpoint; see cash.h. */
typedef struct Cash {
    uint64_t cohort; /* as of this cohort, incarnation and permanent checkpoint */
    uint64_t inc;
    uint64_t permanents;
    GArray *moves; /* of CashMove; NULL: none yet */
    uint64_t more; /* not listed */
} Cash;

struct Customer {
    CustomerConfig config;
    Membership membership;
    Process process; /* application: the account, in a cohort or not */
    Request request;
    Attempt attempt;
    Attempt forced; /* the rollback that a restart after a crash owes the cohort */
    Cash cash;
    GArray *commands; /* Command; the first is the one under way or next */
    bool stopping;
    bool loaded;  /* goes on from its own state */
    bool orderly; /* the state was an orderly stop's; remove that record first */
    uint64_t dropped[DROP_REASONS];
    bool account_changed; /* to be saved before the flush */
    bool named;           /* SLOT_ACCOUNT is on disk */
    uint64_t kept_cohort; /* the cohort whose records are on disk; 0: none. Derived, ... */
    uint16_t kept_count;  /* ... as is how many members it has */
    Message *owed;        /* to the bank, this step */
    uint32_t owed_count;
    uint32_t owed_capacity;
    GArray *lost; /* uint64_t: labels found lost, this step */
    Step step;    /* of the event being handled */
};

static inline bool customer_active(const Customer *customer)
{
    return customer->process.peers != NULL;
}

/* Is there an account, or one about to be opened, to keep a record of? */
static inline bool customer_has_record(const Customer *customer)
{
    return customer->membership.has_account || customer->membership.proposal.pending;
}

static inline bool customer_joining(const Customer *customer)
{
    return customer->membership.proposal.pending &&
           customer->membership.proposal.kind == PROPOSAL_JOIN;
}

/* Saves what this step changed. */
void customer_save_changes(Customer *customer);
void customer_owe_bank(Customer *customer, const Message *message);
void customer_drop(Customer *customer, const Name *peer, DropReason reason);
void customer_notify_failure(Customer *customer, const Command *command, Notice why);
/* The command at the head of the queue is done. */
void customer_command_done(Customer *customer);
/* Nothing will be done any more: every waiting command fails. */
void customer_refuse_commands(Customer *customer, Refusal refusal);
/* When to repeat what the bank has not answered: a pause that doubles with every *backoff. */
uint64_t customer_repeat_at(Customer *customer, uint32_t *backoff);
/* After an attempt that did not get through: "retries after a randomised, growing pause", which is
 * about pause_ns_max in the end. */
void customer_pause(Customer *customer, Attempt *attempt, uint64_t pause_ns_max);
/* A trace record of this process with its incarnation filled in. */
void customer_trace(Customer *customer, TraceEvent event);

#endif
