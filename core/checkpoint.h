/* The checkpoint algorithm (Koo and Toueg, section 3; two phases, tree-shaped, minimal). */
#ifndef COHORT_CHECKPOINT_H
#define COHORT_CHECKPOINT_H

#include "core/process.h"

/* Begins an instance of our own; instance_free must hold. process->outcome tells how it ended. */
void checkpoint_begin(Process *process, Step *step);
void checkpoint_receive_request(Process *process, Step *step, uint16_t from,
                                const Message *message);
DropReason checkpoint_receive_vote(Process *process, Step *step, uint16_t from,
                                   const Message *message);
/* The decision of the instance we are engaged in. */
void checkpoint_decide(Process *process, Step *step, bool commit);
/* Not voted yet, and something else has precedence, or an answer does not come. */
void checkpoint_abort(Process *process, Step *step, uint16_t blocker, bool silent);

#endif
