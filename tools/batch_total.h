/* What a batch has come to, so far and in the end. */
#ifndef COHORT_BATCH_TOTAL_H
#define COHORT_BATCH_TOTAL_H

#include "tools/batch.h"

typedef struct BatchTotal {
    const Batch *batch;
    gint64 began_us;
    gint64 shown_us; /* when progress was shown last */
    uint64_t done;   /* seeds */
    uint64_t violated;
    uint64_t stuck;
    uint64_t broken;
    uint64_t events;
    uint64_t virtual_ns;
    uint64_t crashes;
    uint64_t faults[FAULT_COUNTS];
    uint64_t marks[MARK_KINDS];   /* how often they were met ... */
    uint64_t reached[MARK_KINDS]; /* ... and in how many seeds */
} BatchTotal;

void total_begin(BatchTotal *total, const Batch *batch);
void total_add(BatchTotal *total, const Outcome *outcome);
uint64_t total_failed(const BatchTotal *total);

/* A line on stderr, now and then: on a terminal one that is written over. */
void total_show_progress(BatchTotal *total);
/* Before something else is printed. */
void total_hide_progress(const BatchTotal *total);

/* The last lines of a batch. */
void total_print(const BatchTotal *total);
int total_exit_code(const BatchTotal *total);

#endif
