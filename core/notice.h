/* What a user is told: the result of a command, or an event that happened by itself. */
#ifndef COHORT_NOTICE_H
#define COHORT_NOTICE_H

#include "core/command.h"

typedef enum NoticeKind {
    NOTICE_SUCCESS, /* a command was done; which one: `command` */
    NOTICE_FAILURE, /* a command was refused; `refusal` and `detail` say why */
    /* Events: */
    NOTICE_RECEIVED,       /* amount, name (from), label, balance */
    NOTICE_LOST,           /* label, name (to), amount */
    NOTICE_MISSING,        /* label, name (from) */
    NOTICE_JOINED,         /* cohort, members */
    NOTICE_LEFT,           /* cohort, balance */
    NOTICE_PERMANENT,      /* instance (initiator, number), balance */
    NOTICE_ROLLED_BACK,    /* instance, balance, undone */
    NOTICE_RESUMED,        /* balance */
    NOTICE_OPEN_LOSSES,    /* count, amount: a checkpoint is about to make these losses permanent */
    NOTICE_UNDONE_DEPOSIT, /* amount: a rollback undid it */
    NOTICE_UNDONE_WITHDRAWAL, /* amount: likewise */
    NOTICE_UNDONE_MORE,       /* undone: so many more deposits and withdrawals */
    NOTICE_IN_DOUBT,          /* instance, name: voted yes, and that initiator does not answer */
    NOTICE_KINDS
} NoticeKind;

/* Why a command was refused. REFUSAL_NONE is 0; refusals are positive. The sentence for people is
 * refusal_text(). */
typedef enum Refusal {
    REFUSAL_NONE,
    REFUSAL_NO_ACCOUNT,        /* this process has no account yet */
    REFUSAL_HAS_ACCOUNT,       /* this process already has one */
    REFUSAL_NAME_TAKEN,        /* an open customer has that name */
    REFUSAL_NAME_NEEDED,       /* no NAME given and no account to mean */
    REFUSAL_UNKNOWN_NAME,      /* no open customer of that name */
    REFUSAL_EXITED_NAME,       /* that customer has exited */
    REFUSAL_SELF,              /* own name as receiver */
    REFUSAL_NOT_IN_COHORT,     /* the command needs a cohort */
    REFUSAL_NOT_A_MEMBER,      /* the receiver is not in this cohort */
    REFUSAL_IN_COHORT,         /* the command needs no cohort */
    REFUSAL_INSUFFICIENT,      /* balance too small; `balance` is what there is */
    REFUSAL_BALANCE_LIMIT,     /* the balance would pass AMOUNT_MAX */
    REFUSAL_TOO_FEW,           /* new-cohort: not enough open customers outside a cohort */
    REFUSAL_COHORT_SIZE,       /* new-cohort: N below 2 or above MEMBERS_MAX */
    REFUSAL_BAD_PORTS,         /* ports out of range or equal */
    REFUSAL_NO_ANSWER,         /* detail: who did not answer */
    REFUSAL_BANK_SILENT,       /* the bank did not answer */
    REFUSAL_BUSY,              /* detail: who was engaged in another instance, to the last try */
    REFUSAL_STOPPING,          /* the process is ending */
    REFUSAL_BUSY_ELSEWHERE,    /* the bank is doing something else with that customer */
    REFUSAL_RUNNING_ELSEWHERE, /* resume: another process runs this account */
    REFUSAL_STATE_ELSEWHERE,   /* resume without state while the account is in a cohort */
    REFUSAL_DECLINED,          /* a member or process said no; detail: who */
    REFUSAL_UNSETTLED,         /* delete-cohort: the channels did not settle in time; detail */
    REFUSAL_FOREIGN_COHORT,    /* the row names a cohort this bank did not form */
    REFUSAL_LOST_ANSWER,       /* the bank no longer has the answer to an old request */
    REFUSAL_BANK_FULL,         /* the bank keeps track of as much as it can */
    REFUSAL_COHORTS_USED_UP,   /* new-cohort: no number is left for another */
    REFUSAL_KINDS
} Refusal;

typedef struct Notice {
    NoticeKind kind;
    CommandKind command; /* SUCCESS, FAILURE */
    uint64_t tag;        /* the command's */
    Refusal refusal;     /* FAILURE */
    Name name;           /* command's NAME or RECEIVER; event's peer; detail of a refusal */
    Money amount;
    Money balance;
    uint64_t label;
    uint64_t cohort;
    Name initiator; /* with number: the instance */
    uint64_t number;
    uint64_t undone;       /* or, for OPEN_LOSSES, how many */
    uint64_t count;        /* new-cohort as asked */
    const Member *members; /* new-cohort, joined, checkpoint, rollback; lives in the Effects */
    size_t member_count;
} Notice;

/* A sentence without the command's name: "insufficient balance ...: deposit first". At most
 * `capacity` bytes with the NUL. Returns text. */
char *refusal_text(const Notice *notice, char *text, size_t capacity);

#endif
