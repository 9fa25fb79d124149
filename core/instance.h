/* What checkpoint and rollback instances share: numbers, votes, decisions, questions.
 *
 * An instance is a tree. Its initiator is the root; whoever inherits it has as parent the process
 * whose request it inherited first. A decision goes down the tree; a child acknowledges it to its
 * parent when its own subtree has acknowledged, so that a root that has forgotten an instance
 * knows that nobody will ask for it again: an instance it does not know is aborted. */
#ifndef COHORT_INSTANCE_H
#define COHORT_INSTANCE_H

#include "core/process.h"

bool instance_equal(Instance a, Instance b);
/* Over for us, as far as we remember; *commit then says how, and is false else. */
bool instance_finished(const Process *process, Instance instance, bool *commit);
bool instance_engaged(const Process *process, Instance instance);
/* May we begin an instance of our own, or inherit one? */
bool instance_free(const Process *process);

/* Begins to be engaged; asks nobody yet. parent: own index for the initiator. */
void instance_engage(Process *process, const Step *step, Engagement kind, Instance instance,
                     uint16_t parent);
Instance instance_next(Process *process); /* a number never used before */
void instance_ask(Process *process, const Step *step, uint16_t peer, uint64_t label);
/* Has everybody who was asked said yes? */
bool instance_all_yes(const Process *process);
/* Takes the yes of `peer` into account; false: nobody waits for it. */
bool instance_take_yes(Process *process, uint16_t peer, const Message *vote);

/* Owes `peer` the answer to its request in `instance`. */
void instance_answer(Process *process, uint16_t peer, MessageKind kind, Instance instance,
                     Answer answer, uint64_t echo);
/* Owes our parent our own yes, with all who took part below us. */
void instance_vote_yes(Process *process, Step *step);

/* The engagement ends: remembers the decision and announces it to all who may wait for it. */
void instance_finish(Process *process, Step *step, bool commit);

void instance_receive_ack(Process *process, const Step *step, uint16_t peer, Instance instance);
/* Records a decision of an instance that we are not engaged in, and acknowledges it. */
void instance_note_decision(Process *process, uint16_t peer, Instance instance, bool commit);
void instance_receive_query(Process *process, const Step *step, uint16_t peer, Instance instance);
/* Owes the question for the decision, when it is time. */
/* The process of this index has started again: if it began what we voted yes on, it knows. */
void instance_query_soon(Process *process, uint16_t index, const Step *step);
void instance_query_if_due(Process *process, const Step *step);

#endif
