/* Many seeds, of one scenario or each with a scenario of its own (swarm), spread over worker
 * processes.
 *
 * A worker that dies takes only its seed with it: that seed is reported and another worker goes
 * on. */
#ifndef COHORT_BATCH_H
#define COHORT_BATCH_H

#include "tools/simrun.h"

#define SEEDS_UNLIMITED UINT64_MAX

typedef struct Batch {
    const Simulation *simulation;
    uint64_t first_seed;
    uint64_t count;     /* seeds: first_seed, first_seed + 1, ...; or SEEDS_UNLIMITED */
    unsigned jobs;      /* worker processes */
    bool swarm;         /* every seed draws its own scenario; simulation->scenario is not used */
    uint64_t budget_ns; /* no seed is begun when that time has passed; 0: unlimited */
} Batch;

/* Runs all and prints. Of a scenario's seeds, in their order: with --json every seed's lines,
 * otherwise those of the seeds that failed, and a line for the whole. Of a swarm those of the seeds
 * that failed, with their scenarios, each as soon as it is known; and for the whole also which
 * marks were reached. Progress goes to stderr. Returns the exit code. */
int batch_run(const Batch *batch);

#endif
