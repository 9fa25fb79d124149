/* A run told event by event, through a pipe, to a reader that compares two of them. */
#ifndef COHORT_TELLING_H
#define COHORT_TELLING_H

#include <stdio.h>

#include "tools/divergence.h"

/* What a run writes for its reader: each event, and at its end how many steps it took and its trace
 * hash. */
void telling_write(FILE *out, const Moment *moment);
void telling_write_end(FILE *out, uint64_t steps, uint64_t trace_hash);

typedef struct TellingEnd {
    bool whole; /* the run came to its end */
    uint64_t steps;
    uint64_t trace_hash;
} TellingEnd;

/* Reads two runs up to where they part. True: they are the same, to the end of both. */
bool telling_compare(FILE *const runs[static SIDES], Divergence *divergence,
                     TellingEnd ends[static SIDES]);

#endif
