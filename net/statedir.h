/* A customer's state directory on the file system: the Store in it, for one process at a time.
 *
 * Functions return 0, STORE_DAMAGED or a negative errno, and then `error` says what to do;
 * -EWOULDBLOCK: another process has the directory.
 * A process that was killed leaves nothing that keeps the next one out: the lock is the system's.
 */
#ifndef COHORT_STATEDIR_H
#define COHORT_STATEDIR_H

#include "core/store.h"

typedef struct StateDir StateDir;

typedef enum StateUse {
    STATE_RESUME, /* goes on from what the directory holds */
    STATE_FRESH   /* for a new account; -EEXIST when the directory holds one's state */
} StateUse;

/* Where an account's state lives unless --state says otherwise; g_free it. */
char *statedir_default(const Name *name);

/* Opens and locks the directory, and puts what it holds into `shelf`. `make`: makes it when it is
 * missing; else *dir is then NULL, and 0 is returned. Writes no state. */
int statedir_open(const char *path, StateUse use, bool make, StateDir **dir, Shelf *shelf,
                  GString *error, GString *warning);
void statedir_close(StateDir *dir); /* and unlocks it; NULL is fine */

/* Once, when this process is to go on from it: makes what was found durable, for all that is left
 * of it may be in a cache; then its Store can be used. */
int statedir_begin(StateDir *dir, Store **store, GString *error);

/* Is there an account, beside the driver's own record? */
bool statedir_holds_account(const Shelf *shelf);

#endif
