/* The thread that writes: commits and folds are done here, in their order, while the main loop goes
 * on. Whatever was asked for while the disk was busy is joined: many commits, one record, one sync.
 *
 * One Worker serves one Store or one Ledger, which is its own until worker_free. What is handed
 * over is copied or given away, so that nothing is shared. Reports come on the main loop.
 *
 * After an error nothing more is done: what the disk holds is unknown until it is loaded again by
 * another process. */
#ifndef COHORT_WORKER_H
#define COHORT_WORKER_H

#include "core/ledger.h"
#include "core/store.h"
#include "core/transport.h"

typedef struct Worker Worker;

typedef struct WorkerReport {
    uint64_t durable; /* commits up to this one are */
    /* A ledger's, after that commit; see core/ledger.h. */
    uint64_t folds; /* done, of those asked for */
    uint64_t shown; /* the last commit of which the CSV is known to tell */
    bool unfolded;
    bool outgrown;
    bool small;
    const char *error; /* NULL: none; lives as long as the worker */
} WorkerReport;

/* Something has changed. Reports may be skipped, never the last one. */
typedef void (*WorkerNotify)(void *user, const WorkerReport *report);

/* NULL when the system has no room for it; `error` says so. */
Worker *worker_new_store(Store *store, WorkerNotify notify, void *user, GString *error);
Worker *worker_new_ledger(Ledger *ledger, WorkerNotify notify, void *user, GString *error);
/* What was not begun yet is not done. NULL is fine. */
void worker_free(Worker *worker);

/* The saves among these effects, and one more unless it is NULL, as one commit; numbers grow. A
 * ledger's are all journal records. */
void worker_commit(Worker *worker, uint64_t commit, const Effects *effects,
                   const ShelfRecord *more);
/* Takes the image over; it shows all commits handed over so far, and no other. */
void worker_fold(Worker *worker, LedgerImage *image);

#endif
