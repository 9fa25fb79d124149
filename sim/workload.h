/* What simulated customers do by themselves: commands at random times, each kind a Poisson
 * process of its own.
 *
 * One customer has one stream, and an arrival takes the same draws whatever state the customer is
 * in, so that what the network does to one command changes neither time nor content of the next. */
#ifndef COHORT_SIM_WORKLOAD_H
#define COHORT_SIM_WORKLOAD_H

#include "core/command.h"
#include "sim/value.h"

typedef enum WorkloadKind {
    WORKLOAD_TRANSFER,
    WORKLOAD_DEPOSIT,
    WORKLOAD_WITHDRAWAL,
    WORKLOAD_LOST_TRANSFER,
    WORKLOAD_CHECKPOINT,
    WORKLOAD_ROLLBACK,
    WORKLOAD_KINDS
} WorkloadKind;

typedef struct WorkloadModel {
    uint64_t interval_ns[WORKLOAD_KINDS]; /* mean, per customer; 0: never */
    AmountRange amount;
} WorkloadModel;

/* How long until the next command of that kind; only for kinds that do come. */
uint64_t workload_draw_gap(const WorkloadModel *model, WorkloadKind kind, uint64_t *state);

/* Draws the command that has come. False when it makes no sense now: it needs a cohort, and
 * `peers` (the other members) is empty. */
bool workload_draw_command(const WorkloadModel *model, WorkloadKind kind, uint64_t *state,
                           const Name *peers, size_t peer_count, Command *command);

#endif
