/* Exploration: everything that can happen in a small scenario, on the real core, breadth first.
 *
 * A cut (explore_cut.h) is a global state; from each, all moves are tried: a command that the
 * bounds allow, a timer, a crash, the delivery of any datagram sent so far. The bank falls silent
 * after the set-up. Every move is judged by the checker, with the traces of those that lead to it,
 * once after all that the processes can have traced before; where nothing goes on but what users
 * and crashes may begin, everybody must be idle, and every transfer settled. As the search is by
 * depth, the first counter-example is a shortest one.
 *
 *     Explorer *explorer = explorer_new(scenario, options, &error);
 *     while (explorer_advance(explorer, 10000)) { ... }
 *     ExploreResult result = explorer_result(explorer);
 */
#ifndef COHORT_EXPLORE_H
#define COHORT_EXPLORE_H

#include <glib.h>

#include "sim/checker.h"
#include "sim/explore_local.h"

typedef struct ExploreOptions {
    bool reduction;
    bool symmetry;
    uint64_t states_max; /* distinct ones */
    uint64_t bytes_max;
} ExploreOptions;

typedef enum ExploreEnd {
    EXPLORE_ON,        /* it goes on */
    EXPLORE_COMPLETE,  /* all was seen */
    EXPLORE_STATES,    /* stopped by states_max */
    EXPLORE_MEMORY,    /* ... by bytes_max */
    EXPLORE_VIOLATION, /* a safety violation was found */
    EXPLORE_STUCK      /* nothing goes on by itself any more, and somebody waits */
} ExploreEnd;

typedef struct ExploreResult {
    ExploreEnd end;
    uint64_t states;   /* moves that led somewhere */
    uint64_t distinct; /* cuts */
    uint64_t depth;    /* moves to the last cut looked at, or of the counter-example */
    uint64_t frontier; /* cuts not yet looked at */
    uint64_t cores;    /* local states */
    uint64_t steps;    /* of the core that were carried out */
    uint64_t bytes;    /* of memory */
    uint64_t judged;   /* pasts that the checker has judged */
} ExploreResult;

/* One move on the way to the counter-example, in the order they happen. */
typedef struct ExploreMove {
    uint16_t member;
    Move move;
    uint32_t from; /* the member's core before, ... */
    uint32_t to;   /* ... and after */
    uint32_t traces;
} ExploreMove;

typedef struct Explorer Explorer;

Explorer *explorer_new(const Scenario *scenario, ExploreOptions options, char **error);
void explorer_free(Explorer *explorer);

/* Looks at so many cuts more; false: it is over. */
bool explorer_advance(Explorer *explorer, uint64_t cuts);
ExploreResult explorer_result(const Explorer *explorer);
Locals *explorer_locals(const Explorer *explorer);

/* The way to the counter-example, or, while a move is being tried, to that: of ExploreMove. */
GArray *explorer_path(Explorer *explorer);
/* What the checker says of it: of Violation; and of those who wait: sentences. Free with
 * g_ptr_array_unref. */
GPtrArray *explorer_violations(Explorer *explorer);
GPtrArray *explorer_waiting(Explorer *explorer);

/* For tests: appends 64 bits for every cut seen, which say who is in which state, whatever the
 * reductions; sorted, each once. */
void explorer_fingerprint(Explorer *explorer, GArray *out);

#endif
