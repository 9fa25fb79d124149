/* A claim about the checker: a small history, and exactly the invariants that it must find violated
 * in it. */
#ifndef COHORT_TEST_CLAIM_H
#define COHORT_TEST_CLAIM_H

#include "tests/sim/history.h"

#define NOTHING 0u
#define FINDS(rule) (1u << (rule))

typedef struct Claim {
    const char *name;
    void (*tell)(History *history);
    unsigned settled; /* what is found when the run claims to be over */
    unsigned running; /* ... and when it does not */
} Claim;

#define CLAIM(name, rules) CLAIM_BOTH(name, rules, rules)
/* For histories that are wrong only in ending as they do. */
#define CLAIM_AT_END(name, rules) CLAIM_BOTH(name, rules, NOTHING)
#define CLAIM_BOTH(name, settled, running)                                                         \
    {                                                                                              \
#name, name, settled, running                                                              \
    }

/* Runs each claim as one test; returns what main is to return. */
int claims_run(const Claim *claims, size_t count);

#endif
