/* What the judge keeps in memory, and for how long.
 *
 * Records and decisions live as long as somebody holds them: the files hold their records, a record
 * its decision, and the state whatever it still needs. Judged at once, everything stays until the
 * end. A judge that goes on (checker_judge_before) forgets: the records it has judged, the labels
 * that no rollback can reach any more, the channels of dissolved cohorts. */
#ifndef COHORT_CHECKER_MEMORY_H
#define COHORT_CHECKER_MEMORY_H

#include "sim/checker_state.h"

const Record *record_hold(const Record *record);             /* NULL is fine, here ... */
void record_release(Checker *checker, const Record *record); /* ... and here */
/* *slot, which held another or NULL, holds this one or NULL. */
void record_keep(Checker *checker, const Record **slot, const Record *record);
void decision_keep(Checker *checker, Decision **slot, Decision *decision);
void memory_release_accepted(Checker *checker, const Accepted *accepted);
/* All that the channel holds; it is empty then. */
void memory_release_channel(Checker *checker, Channel *channel);

/* Lets go of what judging has gathered. */
void memory_clear(Checker *checker);
/* Lets go of all records and labels that no judgement to come can ask for. */
void memory_forget(Checker *checker);

#endif
