/* Crashes: what a process loses by one, what it may do until it has rolled back, and what must have
 * become of it in the end.
 *
 * A crash within a cohort leaves a process its permanent checkpoint, and a tentative one that it
 * has voted for. What it had received after that is undone at once, and will be sent again. What it
 * had sent after that it does not remember, but others may hold it, and receive it still: that
 * lives on until the rollback which the crash calls for. Until then the process is `recovering`,
 * and its effective balance is short of what it came back with by what it has sent so. So the money
 * adds up, and every channel can be judged, at any time.
 *
 * Nothing is undone where the process had promised that it would not be: in a rollback for which it
 * had voted, that takes back the same and may come after the restart; and when all are leaving the
 * cohort, which it had agreed to with its state as it was. */
#ifndef COHORT_CHECKER_CRASHES_H
#define COHORT_CHECKER_CRASHES_H

#include "sim/checker_state.h"

void crashes_judge_crashed(Checker *checker, const Record *record);
/* Of a crash of which no record tells, too: a process that was killed writes none. */
void crashes_judge_restarted(Checker *checker, const Record *record);
/* Is the process alive, and not silenced by a crash? False: the record is a violation, and has no
 * further effect. */
bool crashes_permit(Checker *checker, const Record *record);
/* When all is over: everybody is back. */
void crashes_judge_end(Checker *checker);

#endif
