/* A restart after a crash: PROTOCOL.md, "Crash and restart".
 *
 * What the process remembers is its permanent checkpoint; the others may hold what it sent after
 * it. So it first lets what it is in doubt about be decided, then rolls back, and takes along
 * those who must: the forced rollback. Until an instance commits in which this process rolled, it
 * is `recovering` (NR), and its user's commands wait. */
#ifndef COHORT_RECOVERY_H
#define COHORT_RECOVERY_H

#include "core/customer_state.h"

/* The process was loaded without the record of an orderly stop. */
void recovery_load(Customer *customer);
/* Within EVENT_START: ends what this process alone decides, and says that it is back. */
void recovery_start(Customer *customer);
/* Begins the forced rollback when nothing is in its way; again, after a pause, until it commits. */
void recovery_tick(Customer *customer);
uint64_t recovery_deadline(const Customer *customer);

#endif
