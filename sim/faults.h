/* What goes wrong in a scenario besides the network: crashes, partitions, pauses, clocks.
 *
 * Rates are Poisson, each kind of fault at each process a stream of its own, so that one kind does
 * not change when another comes. */
#ifndef COHORT_SIM_FAULTS_H
#define COHORT_SIM_FAULTS_H

#include "core/types.h"
#include "sim/random.h"

typedef enum PartitionKind {
    PARTITION_ONE,    /* one process is cut off from all others */
    PARTITION_HALVES, /* every process is on one of two sides */
    PARTITION_ONEWAY, /* as one of these, but only one of the two directions is cut */
    PARTITION_ANY     /* as one of these */
} PartitionKind;

typedef enum FaultKind {
    FAULT_CRASH,      /* of a process: it is killed, */
    FAULT_PAUSE,      /* ... it stops for a while, */
    FAULT_CLOCK_JUMP, /* ... its clock jumps forward */
    FAULT_PARTITION,  /* of the network */
    FAULT_KINDS
} FaultKind;

typedef struct FaultModel {
    uint64_t crash_interval_ns; /* mean; 0: never; of one customer, ... */
    uint64_t bank_crash_interval_ns;
    Delay restart_after;
    uint32_t crash_at_save; /* parts per billion, of the times that something is saved */
    uint64_t partition_interval_ns;
    Delay partition_duration;
    PartitionKind partition_kind;
    uint64_t pause_interval_ns; /* of one process */
    Delay pause_duration;
    uint32_t clock_drift; /* parts per billion: a clock is at most so much too fast or too slow */
    uint64_t clock_jump_interval_ns; /* of one process */
    Delay clock_jump;
    uint32_t bit_flip_rate; /* parts per billion, of crashes */
} FaultModel;

/* The mean interval of that fault at one customer, or the bank; 0: never. */
uint64_t fault_interval(const FaultModel *model, FaultKind kind, bool bank);

/* --- partitions --- */

typedef struct Partition {
    uint64_t id;      /* counts from 1 */
    bool *first_side; /* by process: it is on the first side, or else on the second */
    bool cuts_to;     /* what the second side sends the first is lost ... */
    bool cuts_from;   /* ... what the first side sends the second is */
} Partition;

/* All on the second side. */
Partition partition_new(uint32_t processes);
Partition partition_draw(PartitionKind kind, uint32_t processes, uint64_t *state);
void partition_clear(Partition *partition);
bool partition_cuts(const Partition *partition, uint32_t from, uint32_t to);

/* --- clocks --- */

/* A monotonic clock as a process sees it. */
typedef struct Clock {
    uint64_t true_ns; /* when it showed ... */
    uint64_t shown_ns;
    int32_t drift; /* parts per billion */
} Clock;

int32_t clock_draw_drift(uint32_t drift_max, uint64_t *state);
uint64_t clock_show(const Clock *clock, uint64_t true_ns);
/* The first instant when it shows at least that. */
uint64_t clock_when(const Clock *clock, uint64_t shown_ns);
/* Not beyond CLOCK_SHOWN_MAX, more than a hundred years. */
#define CLOCK_SHOWN_MAX (UINT64_C(1) << 62)
void clock_jump(Clock *clock, uint64_t true_ns, uint64_t by_ns);

/* --- what came of it --- */

typedef enum FaultCount {
    COUNT_BANK_CRASHES,
    COUNT_RESTARTS,          /* processes started again after a crash */
    COUNT_RECOVERIES,        /* forced rollbacks that came through */
    COUNT_IN_DOUBT_RESOLVED, /* instances found undecided at a restart, and decided since */
    COUNT_PARTITIONS,
    COUNT_PAUSES,
    COUNT_CLOCK_JUMPS,
    COUNT_DISK_ERRORS,
    COUNT_DISK_FULL,
    COUNT_TORN_WRITES,
    COUNT_LOST_WRITES,
    COUNT_BIT_FLIPS,
    COUNT_BIT_FLIPS_REPAIRED, /* loaded, and just what had been saved */
    COUNT_BIT_FLIPS_REFUSED,  /* seen, and not believed */
    FAULT_COUNTS
} FaultCount;

const char *fault_count_key(FaultCount count); /* "bank_crashes" */

#endif
