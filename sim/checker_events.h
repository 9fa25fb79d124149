/* Judges one record against the state, and lets it change the state. */
#ifndef COHORT_CHECKER_EVENTS_H
#define COHORT_CHECKER_EVENTS_H

#include "sim/checker_state.h"

void events_judge(Checker *checker, const Record *record);
/* After the last record. */
void events_judge_end(Checker *checker);

#endif
