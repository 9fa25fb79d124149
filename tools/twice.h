/* One seed run twice, in two processes, and compared event by event: every line of the trace with
 * its datagrams, every byte sent, every notice to a user, and the step in which it came.
 *
 * The two processes have their heaps in different places, so that whatever follows the addresses
 * of objects comes out differently. */
#ifndef COHORT_TWICE_H
#define COHORT_TWICE_H

#include "tools/simrun.h"

/* Runs `count` seeds from first_seed on, each of them twice, up to the first that differs; prints
 * what came of it. Returns the exit code: EXIT_VIOLATION when the runs of a seed are not the same;
 * whether the runs keep the invariants is not judged. */
int twice_run(const Simulation *simulation, uint64_t first_seed, uint64_t count,
              const char *command);

#endif
