/* Writes small histories for the checker: what happened to c1, c2, ... one line of C per record.
 *
 * It keeps the books, so that balances, labels, counts and incarnations come out right by
 * themselves; a test that wants a wrong record changes history->next before it. */
#ifndef COHORT_TEST_HISTORY_H
#define COHORT_TEST_HISTORY_H

#include "sim/checker.h"

enum { PROCESSES_MAX = 6, LABELS_MAX = 512, OPENING_BALANCE = 1000 };

enum { C1, C2, C3, C4, C5, C6 };

typedef struct Books {
    Money balance;
    uint64_t sent[PROCESSES_MAX];
    uint64_t received[PROCESSES_MAX];
} Books;

typedef struct History {
    Checker *checker;
    unsigned file[PROCESSES_MAX]; /* where each process's records go; first all to file 0 */
    uint64_t seq[2 * PROCESSES_MAX];
    uint64_t begin_ns;
    uint64_t clock;              /* since then: 10 for each record */
    int64_t skew[PROCESSES_MAX]; /* added to the clock of this process */
    Name names[PROCESSES_MAX];
    uint64_t inc[PROCESSES_MAX];
    Books now[PROCESSES_MAX];
    Books permanent[PROCESSES_MAX];
    Books tentative[PROCESSES_MAX];
    Money amounts[PROCESSES_MAX][PROCESSES_MAX]
                 [LABELS_MAX]; /* sent from, to, with label, the last */
    uint64_t cohort;
    bool cash_survives; /* the checker is told so ... */
    bool whole;         /* ... and this */
    /* What the next record differs by from what the books say; zeros after it. */
    struct {
        int64_t balance;
        int64_t label;
        int64_t amount;
        int64_t inc;
        int64_t sent; /* every `sent` count of a snapshot that is not 0; `received` likewise */
        int64_t received;
    } next;
} History;

void history_init(History *history);
void history_deinit(History *history);
/* From here on every process has its own trace, as when live. */
void history_part(History *history);

/* Judges record by record, knowing all that is to come, and forgets at once what it can. Nothing
 * if there are several traces. */
void history_judge_piecemeal(History *history, CheckOptions options);

/* Any record, as it is. */
void add(History *history, int who, const TraceEvent *event);

void opened(History *history, int who, Money balance);
void exited(History *history, int who);
void deposited(History *history, int who, Money amount);
void withdrew(History *history, int who, Money amount);
/* All open and join cohort 1; then the next cohort, with the balances there are. */
void founded(History *history, int members);
void joined(History *history, int who, int members); /* the current cohort: c1 .. c<members> */
void left(History *history, int who);
void sent(History *history, int who, int to, Money amount);
void received(History *history, int who, int from); /* the next label, with its amount */
void missing(History *history, int who, int from);
void lost(History *history, int who, int to, uint64_t label);
/* The sender's rollback undid the skips that were accepted above this label. */
void forgot_skips(History *history, int who, int from, uint64_t label);
/* `instance` is "c1.7", say: initiator and number. */
void tentative(History *history, int who, const char *instance);
void permanent(History *history, int who, const char *instance);
void discarded(History *history, int who, const char *instance);
void rolled_back(History *history, int who, const char *instance);
void crashed(History *history, int who);
void restarted(History *history, int who, Money balance);
/* It crashed and restarted, and has its permanent checkpoint again. */
void came_back(History *history, int who);
/* The same without a record of the crash, as when a process is killed. */
void came_back_from_a_kill(History *history, int who);

#endif
