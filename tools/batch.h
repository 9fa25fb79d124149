/* Many seeds of one scenario, spread over worker processes.
 *
 * A worker that dies takes only its seed with it: that seed is reported and another worker goes
 * on. What is printed comes in the order of the seeds, however the work was spread. */
#ifndef COHORT_BATCH_H
#define COHORT_BATCH_H

#include "tools/simrun.h"

typedef struct Batch {
    const Simulation *simulation;
    uint64_t first_seed;
    uint64_t count; /* seeds: first_seed, first_seed + 1, ... */
    unsigned jobs;  /* worker processes */
} Batch;

/* Runs all and prints: with --json every seed's lines, otherwise those of the seeds that failed
 * and a line for the whole. Returns the exit code. */
int batch_run(const Batch *batch);

#endif
