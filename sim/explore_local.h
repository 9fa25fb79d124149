/* Local states of an exploration, and the steps between them, taken on the real core.
 *
 * A *core* is the canonical encoding of one customer, kept once and known by a number; each
 * belongs to one member of the cohort. A *move* is what can happen to it: a mail is delivered, a
 * timer fires, a command comes, it crashes and is started again. A step is taken once and
 * remembered for ever: from then on it is a look into a table. */
#ifndef COHORT_EXPLORE_LOCAL_H
#define COHORT_EXPLORE_LOCAL_H

#include <glib.h>

#include "core/canonical.h"
#include "sim/explore_history.h"
#include "sim/explore_mail.h"
#include "sim/scenario.h"

enum { PERMUTATIONS_MAX = 24, TIMERS_MAX = TIMER_KINDS * STANDING_PEERS_MAX };
static_assert(TIMERS_MAX <= 32, "a set of timers is 32 bits");

typedef enum MoveKind { MOVE_MAIL, MOVE_TIMER, MOVE_COMMAND, MOVE_CRASH } MoveKind;

typedef uint32_t Move; /* a MoveKind and what it is about */
#define MOVE_NONE UINT32_MAX

static inline Move move_of(MoveKind kind, uint32_t argument)
{
    return (uint32_t)kind << 28 | argument;
}

static inline MoveKind move_kind(Move move)
{
    return (MoveKind)(move >> 28);
}

/* The mail; the timer, TimerKind * STANDING_PEERS_MAX + peer; or the command. */
static inline uint32_t move_argument(Move move)
{
    return move & ((UINT32_C(1) << 28) - 1);
}

/* What came of a move. */
typedef struct LocalStep {
    uint32_t core;   /* POOL_NONE: it was not possible */
    uint32_t traces; /* 0: none */
    uint32_t sent;   /* the first of its mails, */
    uint32_t sent_count;
} LocalStep;

typedef struct LocalCore {
    Standing standing;
    uint16_t member;
    bool idle;
    uint32_t customer_length; /* bytes of its encoding; what is on its disk may follow */
    uint32_t parent;          /* it came from there by this move; POOL_NONE: it is the first */
    Move move;                /* MOVE_NONE: the same without its disk */
    uint32_t repeats;         /* mails that its timers send and do nothing else: in `sent`, */
    uint32_t repeat_count;
    bool repeats_known;
    uint32_t timers; /* then: bit i: timer i does something */
} LocalCore;

typedef struct Locals Locals;

/* The world is set up as the scenario says. disks: there will be crashes. NULL: it cannot be
 * explored, and *error, to free, says why. */
Locals *locals_new(const Scenario *scenario, bool disks, char **error);
void locals_free(Locals *locals);

uint16_t locals_members(const Locals *locals);
const Name *locals_names(const Locals *locals); /* by member */
Mails *locals_mails(Locals *locals);
/* A customer as the set-up has left it, and what it was made with. */
Customer *locals_beginning(const Locals *locals, uint16_t member);
Shelf *locals_first_disk(const Locals *locals, uint16_t member); /* ... on its disk */
CustomerConfig locals_config(const Locals *locals, uint16_t member);
/* The core that a customer with clocks is, but for its disk; POOL_NONE: none that was seen. */
uint32_t locals_core_of(const Locals *locals, uint16_t member, const Customer *customer);
uint32_t locals_first(const Locals *locals, uint16_t member); /* its core after the set-up */
/* The same core when nobody will look at its disk any more. */
uint32_t locals_without_disk(Locals *locals, uint32_t core);
const LocalCore *locals_core(const Locals *locals, uint32_t core);
uint32_t locals_core_count(const Locals *locals);
uint64_t locals_steps(const Locals *locals); /* taken on the real core */
uint64_t locals_bytes(const Locals *locals);

/* The same in every exploration of the scenario. */
uint64_t locals_hash(const Locals *locals, uint32_t core);
/* Whom its process waits for, to free; NULL: it is idle. */
char *locals_why(const Locals *locals, uint32_t core);

/* Commands are known by numbers; equal ones have the same. */
uint32_t locals_add_command(Locals *locals, const Command *command);
const Command *locals_command(const Locals *locals, uint32_t number);

LocalStep locals_step(Locals *locals, uint32_t core, Move move);
/* Changes nothing at the process and in its trace, but may send. */
static inline bool local_step_only_sends(uint32_t core, LocalStep step)
{
    return step.core == core && step.traces == 0;
}
const uint32_t *locals_sent(const Locals *locals, uint32_t first);
/* The mails that timers send without changing anything else. */
const uint32_t *locals_repeats(Locals *locals, uint32_t core, uint32_t *count);
/* Those timers that do something. */
uint32_t locals_timers(Locals *locals, uint32_t core);

/* The trace of a step, and what it means for the history. */
size_t locals_trace_count(const Locals *locals, uint32_t traces);
TraceEvent locals_trace(const Locals *locals, uint32_t traces, size_t index);
/* Of the set-up, in order, with who it is of. */
size_t locals_setup_count(const Locals *locals);
TraceEvent locals_setup(const Locals *locals, size_t index, Name *process);

/* The same move, and the core that the same moves lead to, with all processes permuted. */
Move locals_move_image(Locals *locals, Move move, const Permutation *permutation);
uint32_t locals_core_image(Locals *locals, uint32_t core, const Permutation *permutation,
                           GArray *known);

/* "c1: rolls back", for people. */
void locals_tell(const Locals *locals, uint16_t member, Move move, GString *out);

#endif
