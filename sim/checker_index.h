/* Looks ahead through the records before the judging begins, or goes on: whose records come in
 * which order, who takes part in which decision, who is seen in which cohort. */
#ifndef COHORT_CHECKER_INDEX_H
#define COHORT_CHECKER_INDEX_H

#include "sim/checker_state.h"

/* All records, or those added since the last time: then of one file. */
void index_build(Checker *checker);

/* The first rollback of the process in the group, not effective yet, that comes after `position`
 * of its records and undoes what it has `sent` to the peer with this label, or received from it;
 * NULL: there is none. */
const Record *index_undoing(const Process *process, const Group *group, uint64_t position,
                            const Process *peer, uint64_t label, bool sent);

#endif
