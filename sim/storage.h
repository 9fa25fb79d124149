/* What one simulated process keeps: a customer's state, or the bank's ledger, on a disk of its own.
 *
 * It does what the worker of a live process does: commits are written in their order; all that
 * comes while the disk is busy waits, and then is written as one. The bank's CSV is folded in
 * between. What was durable before a crash must be there after it, and the CSV must be whole:
 * anything else is a broken invariant.
 *
 *     storage_take(storage, now_ns, commit, effects);     after a step that saves
 *     storage_write(storage, now_ns, bank);               and now, and at storage_next_ns:
 *     outbox_saved(outbox, storage_saved(storage, now_ns)); */
#ifndef COHORT_SIM_STORAGE_H
#define COHORT_SIM_STORAGE_H

#include "core/bank.h"
#include "core/shelf.h"
#include "sim/disk.h"

typedef struct Storage Storage;

/* An ideal disk without files. `state`: the stream of its draws. */
Storage *storage_new(bool bank, uint64_t state);
void storage_free(Storage *storage); /* NULL is fine */
void storage_set_model(Storage *storage, const DiskModel *model);
void storage_set_chooser(Storage *storage, const DiskChooser *chooser); /* as of the disk */
DiskCounts storage_counts(const Storage *storage);

/* A start, of a customer or of the bank: fills that one of the two. Negative: an operation failed,
 * there is no process. Positive: what is there is refused, which takes a planted fault. */
int storage_load(Storage *storage, uint64_t now_ns, Shelf *shelf, Bank *bank);

/* The bank's first start: with these rows (of BankRow) in its CSV. */
void storage_begin(Storage *storage, const GArray *rows, Bank *bank);

/* The saves of a step. Commits are numbered from 1 after every load. */
void storage_take(Storage *storage, uint64_t now_ns, uint64_t commit, const Effects *effects);

/* What storage_write has begun. */
typedef struct Writing {
    uint64_t operations; /* of the disk, until the commit is durable; 0: nothing waited, or the
                            disk was busy */
    bool failed;         /* the last of them did: when they are done, the process must end */
} Writing;

/* Writes all that was taken, unless the disk is busy. bank: to fold, or NULL. */
Writing storage_write(Storage *storage, uint64_t now_ns, const Bank *bank);
uint64_t storage_written(const Storage *storage); /* the last commit of what was begun last */
/* The last commit that is durable by now. */
uint64_t storage_saved(Storage *storage, uint64_t now_ns);
/* When to look again; TIME_NEVER: nothing is under way. */
uint64_t storage_next_ns(const Storage *storage, uint64_t now_ns);
bool storage_idle(const Storage *storage, uint64_t now_ns);

/* A cut before (or, under way, within) one of the operations that storage_write has begun, counted
 * from 0; and when that is. */
DiskCut storage_cut(const Storage *storage, uint64_t operation, bool under_way, uint64_t *at_ns);
DiskCut storage_cut_now(const Storage *storage, uint64_t now_ns);
/* The process will die before what was written last is durable. Perhaps it does so at that very
 * instant, and something else comes first: that must not find it durable, nor write more. */
void storage_doomed(Storage *storage);
void storage_crash(Storage *storage, DiskCut cut, uint64_t now_ns);
/* After it: the last commit that is there, perhaps one that was not yet durable. */
uint64_t storage_survived(Storage *storage);

/* Inverts a bit of the records, between crash and start. Whoever loads them must refuse them, and
 * then they are as they were before, or get just what was saved: anything else is a broken
 * invariant. */
typedef enum Flip { FLIP_NONE, FLIP_REFUSED, FLIP_REPAIRED } Flip;
Flip storage_flip(Storage *storage, uint64_t *state);

#endif
