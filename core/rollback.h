/* The rollback algorithm (Koo and Toueg, section 4; two phases, minimal), with channels that are
 * closed at PREPARE in place of the paper's FIFO channels. */
#ifndef COHORT_ROLLBACK_H
#define COHORT_ROLLBACK_H

#include "core/process.h"

/* Begins an instance of our own; instance_free must hold. process->outcome tells how it ended. */
void rollback_begin(Process *process, Step *step);
DropReason rollback_receive_prepare(Process *process, Step *step, uint16_t from,
                                    const Message *message);
DropReason rollback_receive_vote(Process *process, Step *step, uint16_t from,
                                 const Message *message);
/* The decision of an instance in which we roll, or only keep channels closed. */
void rollback_decide(Process *process, Step *step, Instance instance, bool commit);
void rollback_abort(Process *process, Step *step, uint16_t blocker, bool silent);
/* Is a channel closed by this instance? */
bool rollback_holds(const Process *process, Instance instance);

#endif
