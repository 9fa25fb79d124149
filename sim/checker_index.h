/* Looks ahead through all records before the judging begins: whose records come in which order,
 * who takes part in which decision, who is seen in which cohort. */
#ifndef COHORT_CHECKER_INDEX_H
#define COHORT_CHECKER_INDEX_H

#include "sim/checker_state.h"

void index_build(Checker *checker);

/* Of a process's rollbacks that are not effective yet, the next one in the group; NULL: none. */
const Record *index_next_rollback(const Process *process, const Group *group);
/* The labels a record with counts states for the channel with `peer`; {0, 0} when there are none.
 */
Count index_count(const Checker *checker, const Record *record, const Process *peer);

#endif
