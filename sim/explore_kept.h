/* A trace record that is kept: it holds what its pointers point to, and equal records are equal
 * bytes. */
#ifndef COHORT_EXPLORE_KEPT_H
#define COHORT_EXPLORE_KEPT_H

#include "core/canonical.h"
#include "core/trace.h"

typedef struct Kept {
    TraceEvent event; /* its pointers mean nothing */
    TraceCount counts[STANDING_PEERS_MAX];
    Name members[STANDING_PEERS_MAX];
    Name process; /* of records of the set-up */
} Kept;

Kept kept_of(const TraceEvent *event);
/* Good as long as `kept`. */
TraceEvent kept_event(const Kept *kept);

#endif
