/* A customer's state on a Disk: the record file `state`. A record is a commit: all that the saves
 * of one or more steps put and remove; the first one is everything there was at the last rewrite.
 *
 * A commit costs what it changes. When the file has outgrown what is live in it, the next commit is
 * written as a rewrite. Commits are counted, by one each, over restarts and rewrites.
 *
 * Functions return 0, STORE_DAMAGED, or a negative error of the Disk, and then say in `error` what
 * happened and what to do; after an error of store_commit load anew, in another Store. */
#ifndef COHORT_STORE_H
#define COHORT_STORE_H

#include "core/disk.h"
#include "core/shelf.h"

#define STORE_DAMAGED 1 /* the file cannot be believed; it is left as it is */

extern const char STORE_FILE[]; /* "state" */

typedef struct Store Store;

/* `disk` is borrowed; `shown_path` is how messages name its folder. */
Store *store_new(Disk *disk, const char *shown_path);
void store_free(Store *store); /* NULL is fine */

/* Once, first. Puts everything into `shelf`, which is empty; it stays so when there is no state
 * yet (nothing is made before the first commit), and on errors. All of it is durable on return,
 * what a crash or a bit left in disorder is in order again, and `warning` then says so. */
int store_load(Store *store, Shelf *shelf, GString *error, GString *warning);
/* Likewise, but writes nothing and commits nothing later: for a look at the state. */
int store_look(Store *store, Shelf *shelf, GString *error, GString *warning);

/* All of these as one, in this order; length 0 removes. Durable on return. */
int store_commit(Store *store, const ShelfRecord *saves, size_t count, GString *error);

uint64_t store_sequence(const Store *store); /* of the last durable commit; 0: none yet */

#endif
