/* Effects that wait for saves: what both drivers do with the list that a step returns.
 *
 * All saves of one step are one commit: atomic and durable together or not at all. While a commit
 * is under way its process goes on stepping; what it has to say meanwhile waits here, in order,
 * until every commit before it is durable. Only a datagram that says nothing of what is being saved
 * (Effect.send.needs) goes ahead of the queue.
 *
 *     uint64_t commit = outbox_take(outbox, effects);    after every step
 *     if (commit != 0) ... begin to save effects' saves; when durable: outbox_saved(outbox, commit)
 *     while ((effect = outbox_next(outbox)) != NULL) ... carry it out
 */
#ifndef COHORT_OUTBOX_H
#define COHORT_OUTBOX_H

#include "core/transport.h"

typedef struct Outbox Outbox;

Outbox *outbox_new(void);
void outbox_free(Outbox *outbox); /* NULL is fine */

/* Takes over a step's effects but for its saves. Returns the number of its commit, counted from 1,
 * or 0 when it saves nothing. While nothing waits, `effects` is borrowed until the next
 * outbox_take, before which outbox_next must have yielded all of it; else it is copied. */
uint64_t outbox_take(Outbox *outbox, const Effects *effects);
/* All commits up to this one are durable. */
void outbox_saved(Outbox *outbox, uint64_t commit);
/* The next effect that may be carried out now, or NULL. It lives until the next call. Never a
 * save. */
const Effect *outbox_next(Outbox *outbox);

uint64_t outbox_pending(const Outbox *outbox); /* commits under way */
bool outbox_empty(const Outbox *outbox);       /* nothing waits */
size_t outbox_waiting(const Outbox *outbox);   /* effects that were copied */
/* A crash: everything waiting is gone. Yields, in order, the trace effects that belong to commits
 * up to `durable`, which survived although nobody had been told; those of a step that saved
 * nothing are gone unless a later commit survived. Call it until NULL; then no commit is under way,
 * and the next one is counted on from the last. */
const Effect *outbox_crash_next(Outbox *outbox, uint64_t durable);

#endif
