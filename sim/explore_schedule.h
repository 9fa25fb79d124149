/* A counter-example of an exploration as a schedule, which `cohort sim --schedule` runs.
 *
 * In an exploration timers go off one by one and at any time, and of a datagram only what can
 * matter is looked at. Here the same moves are made by processes with clocks and real datagrams:
 * clocks leap from timer to timer, and what only sends is made to happen where it is needed. */
#ifndef COHORT_EXPLORE_SCHEDULE_H
#define COHORT_EXPLORE_SCHEDULE_H

#include "sim/explore.h"

/* The moves of `path` (ExploreMove), one microsecond after the other. NULL: *error, to free, says
 * which of them no run of real clocks makes. */
Scenario *explore_schedule(const Scenario *scenario, Locals *locals, const GArray *path,
                           char **error);

#endif
