/* Makes a failing run small: looks for a schedule of few choices that fails in the same way.
 *
 * Three things in turn, until none helps: taking away (delta debugging: of commands, faults,
 * deviations of the network and of disks, customers; in great parts first, then in small ones);
 * drawing anew (a few commands of the kinds there are, in a small world with a rough network, some
 * hundred times: what fails so is often far smaller than anything within the first run); and making
 * plain (amounts of 1, round times, settings that are the default).
 *
 * It works on texts, and does not run anything itself: a Judge does, as it sees fit. The result
 * depends on nothing but the text and what the judge says. */
#ifndef COHORT_SIM_SHRINK_H
#define COHORT_SIM_SHRINK_H

#include "sim/checker.h"

typedef enum VerdictKind {
    VERDICT_NONE,   /* it held, or cannot be told */
    VERDICT_SAFETY, /* violations */
    VERDICT_STUCK,  /* no progress */
    VERDICT_BROKEN, /* an assertion */
    VERDICT_CRASH   /* a signal ends the program */
} VerdictKind;

typedef struct Verdict {
    VerdictKind kind;
    Rule rule;      /* SAFETY: of the first violation */
    unsigned rules; /* SAFETY: bit r: rule r is violated */
} Verdict;

const char *verdict_name(Verdict verdict); /* "minimality", "liveness", "assertion", "crash" */

/* Whoever has that run in its own process ends with it. */
static inline bool verdict_ends_program(Verdict verdict)
{
    return verdict.kind == VERDICT_BROKEN || verdict.kind == VERDICT_CRASH;
}

/* The same kind of violation: `like`'s rule is among those violated. */
static inline bool verdict_is(Verdict verdict, Verdict like)
{
    return verdict.kind == like.kind &&
           (like.kind != VERDICT_SAFETY || (verdict.rules & 1u << like.rule) != 0);
}

/* Who runs scenarios. A text is a whole scenario file, with its seed; one that makes no sense
 * holds.
 */
typedef struct Judge {
    void *context;
    /* The first of the texts whose run fails like that; count: none does. */
    size_t (*first)(void *context, char *const *texts, size_t count, Verdict like);
    /* The schedule of the run, to be freed; NULL when there is none. */
    char *(*record)(void *context, const char *text);
    /* Called now and then with how many choices are left. True: enough, the best so far will do. */
    bool (*enough)(void *context, const char *doing, size_t choices);
} Judge;

/* `schedule` fails like that. The smaller one, to be freed. */
char *shrink(const Judge *judge, const char *schedule, Verdict like);

#endif
