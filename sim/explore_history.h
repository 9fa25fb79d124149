/* What the checker can still ask of one process's past: its trace records, but for their order
 * where that says nothing any more.
 *
 * The checker judges transfers by which are in the current state, in the permanent checkpoint and
 * in the tentative one, and instances by what came of them at each process. So a history keeps
 * the set of transfers sent and accepted before the permanent checkpoint, since then, and since
 * the tentative one; and the set of instances with what came of them. A rollback takes out what it
 * undoes. Two pasts with the same history are judged alike from then on: one stands for both. */
#ifndef COHORT_EXPLORE_HISTORY_H
#define COHORT_EXPLORE_HISTORY_H

#include "core/trace.h"
#include "sim/explore_mail.h"

/* One trace record, in numbers. */
typedef struct Deed {
    uint8_t kind;      /* TraceKind */
    uint8_t peer;      /* by member */
    uint8_t initiator; /* with number: the instance */
    uint8_t era;       /* in a history: where it belongs */
    uint32_t number;
    uint32_t label;
    uint32_t amount;
} Deed;

typedef struct Histories Histories;

/* exact: keeps all in their order, to compare with. */
Histories *histories_new(bool exact);
void histories_free(Histories *histories);

Deed deed_of(const TraceEvent *event, const Name *members, uint16_t member_count);
/* The history 0 is empty. */
uint32_t histories_add(Histories *histories, uint32_t history, const Deed *deeds, size_t count);
uint32_t histories_image(Histories *histories, uint32_t history, const Permutation *permutation);
uint64_t histories_bytes(const Histories *histories);

#endif
