/* Checkpoints and rollbacks: the records that state a snapshot, what a decision does to all its
 * participants at once, and whether they are the right ones. */
#ifndef COHORT_CHECKER_DECISIONS_H
#define COHORT_CHECKER_DECISIONS_H

#include "sim/checker_state.h"

void decisions_judge_tentative(Checker *checker, const Record *record);
void decisions_judge_permanent(Checker *checker, const Record *record);
void decisions_judge_discarded(Checker *checker, const Record *record);
void decisions_judge_rolled_back(Checker *checker, const Record *record);

/* Would the decision, if it became effective now, be found right? For the merge: if not, something
 * else may have to come first. */
bool decisions_checkpoint_fits(Checker *checker, const Decision *decision);
bool decisions_rollback_fits(Checker *checker, const Decision *decision);

#endif
