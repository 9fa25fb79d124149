/* Runs of scenarios in child processes, for searches that try very many: a run that breaks an
 * assertion, crashes, or never ends, must not end the search.
 *
 * A child takes one text after the other, so that few children serve many runs; when one dies, the
 * text it was at has its verdict, and another child goes on with the next. */
#ifndef COHORT_TRIAL_H
#define COHORT_TRIAL_H

#include <signal.h>

#include "sim/shrink.h"

typedef struct Trial {
    const char *path; /* stands for the file of every text, where data files are looked for */
    unsigned jobs;    /* children at a time */
    uint64_t events_max;
    const volatile sig_atomic_t *interrupted; /* runs no more when it becomes true */
    /* Counted: */
    uint64_t runs;
} Trial;

/* The first of the texts whose run fails like that; count: none. Errno is set, and the answer is
 * `count`, when children cannot be had. */
size_t trial_first(Trial *trial, char *const *texts, size_t count, Verdict like);

/* The schedule of that run, and how it ends; NULL: it holds, makes no sense, does not end or is
 * interrupted. Errno is set when a child cannot be had. */
char *trial_record(Trial *trial, const char *text, Verdict *verdict);

/* Called by panic, in a child that records: hands over what was noted so far. */
void trial_last_words(void);

#endif
