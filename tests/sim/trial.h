/* One run of a scenario in a test, and what it told. */
#ifndef COHORT_TESTS_TRIAL_H
#define COHORT_TESTS_TRIAL_H

#include "sim/world.h"

typedef struct Seen {
    Observer observer;
    GString *trace;   /* as a file of it would be, but for the header */
    GString *notices; /* of each answer a line "MILLISECONDS PROCESS COMMAND SUCCESS|FAILURE TAG" */
} Seen;

Seen *seen_new(bool datagrams);
void seen_free(Seen *seen);

/* Whatever is wrong with the text fails the test. */
Scenario *scenario_of(const char *text);
/* To its end. observer: NULL: nobody. */
World *run(const Scenario *scenario, uint64_t seed, const Observer *observer);

/* Settled, without violation, and everything adds up. */
WorldResult assert_sound(const World *world);

#define BUSY                                                                                       \
    "[scenario]\nduration=5s\n"                                                                    \
    "[bank]\ncustomers=4\n"                                                                        \
    "[network]\nloss=10%\nduplicate=5%\n"                                                          \
    "[workload]\ntransfer_rate=20/s\ndeposit_rate=1/s\nwithdrawal_rate=1/s\n"                      \
    "lost_transfer_rate=0.5/s\ncheckpoint_rate=0.5/s\nrollback_rate=0.3/s\n"

#endif
