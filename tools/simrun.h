/* One simulated run of one seed, and the lines that tell how it went. */
#ifndef COHORT_SIMRUN_H
#define COHORT_SIMRUN_H

#include <signal.h>

#include "sim/world.h"

/* What is the same for all seeds of a batch. */
typedef struct Simulation {
    const Scenario *scenario; /* complete */
    const char *path;         /* of its file, as given; NULL: ... */
    bool swarm;               /* ... each seed draws its own; then it may be NULL in a batch */
    char **sets;              /* --set, as given; NULL: none */
    const char *planted;      /* --planted, as given; NULL: none */
    bool json;
    Scenario *noted; /* of one run: it is noted here as a schedule; NULL: it is not */
    const volatile sig_atomic_t *interrupted; /* stop soon when it becomes true */
} Simulation;

typedef struct Outcome {
    int exit_code;
    uint64_t events;
    uint64_t virtual_ns;
    bool
        interrupted; /* before its end; then no line was appended, and only the two above are set */
    uint64_t crashes;
    uint64_t faults[FAULT_COUNTS];
    uint64_t marks[MARK_KINDS];
    size_t choices_unasked;      /* as in WorldResult, ... */
    const Choice *first_unasked; /* ... of the scenario */
} Outcome;

/* Appends to `out` a line for each violation, if there are any the command that reproduces them,
 * and last the summary. */
Outcome simrun(const Simulation *simulation, uint64_t seed, const Observer *observer, GString *out);

/* "cohort sim FILE --seed N ...", quoted for a shell. */
void simrun_command(const Simulation *simulation, uint64_t seed, GString *out);

/* ", 3 crashes, 2 restarts": those that there were. */
void simrun_faults(uint64_t crashes, const uint64_t faults[static FAULT_COUNTS], GString *out);

/* "12.345 s" */
void simrun_seconds(uint64_t ns, GString *out);

#endif
