#include "sim/faults.h"

#include <glib.h>

#include "core/panic.h"
#include "sim/wide.h"

uint64_t fault_interval(const FaultModel *model, FaultKind kind, bool bank)
{
    switch (kind) {
    case FAULT_CRASH:
        return bank ? model->bank_crash_interval_ns : model->crash_interval_ns;
    case FAULT_PAUSE:
        return model->pause_interval_ns;
    case FAULT_CLOCK_JUMP:
        return model->clock_jump_interval_ns;
    case FAULT_PARTITION:
        return model->partition_interval_ns;
    case FAULT_KINDS:
        break;
    }
    panic(__FILE__, __LINE__, "a fault of a known kind", kind, FAULT_KINDS);
}

/* --- partitions --- */

Partition partition_new(uint32_t processes)
{
    return (Partition){.first_side = g_new0(bool, processes)};
}

void partition_clear(Partition *partition)
{
    g_free(partition->first_side);
}

Partition partition_draw(PartitionKind kind, uint32_t processes, uint64_t *state)
{
    Partition partition = partition_new(processes);
    uint64_t shape = random_next(state);
    uint32_t alone = (uint32_t)random_below(state, processes);
    uint64_t sides = random_next(state);
    if (kind == PARTITION_ANY)
        kind = (PartitionKind)(shape % PARTITION_ANY);
    bool halves = kind == PARTITION_HALVES || (kind == PARTITION_ONEWAY && shape >> 63);
    for (uint32_t process = 0; process < processes; process++) {
        uint64_t side = sides ^ process;
        partition.first_side[process] = process == alone || (halves && random_next(&side) >> 63);
    }
    partition.cuts_to = kind != PARTITION_ONEWAY || (shape >> 62 & 1);
    partition.cuts_from = kind != PARTITION_ONEWAY || !partition.cuts_to;
    return partition;
}

bool partition_cuts(const Partition *partition, uint32_t from, uint32_t to)
{
    bool from_first = partition->first_side[from];
    bool to_first = partition->first_side[to];
    return from_first != to_first && (to_first ? partition->cuts_to : partition->cuts_from);
}

/* --- clocks --- */

int32_t clock_draw_drift(uint32_t drift_max, uint64_t *state)
{
    return (int32_t)((int64_t)draw_uniform(state, 0, 2 * (uint64_t)drift_max) - (int64_t)drift_max);
}

uint64_t clock_show(const Clock *clock, uint64_t true_ns)
{
    INVARIANT_THAT(true_ns, >=, clock->true_ns);
    uint64_t passed_ns = true_ns - clock->true_ns;
    if (clock->drift == 0)
        return clock->shown_ns + passed_ns;
    uint64_t speed = (uint64_t)((int64_t)CHANCE_ONE + clock->drift);
    return clock->shown_ns + wide_quotient(wide_product(passed_ns, speed), CHANCE_ONE);
}

uint64_t clock_when(const Clock *clock, uint64_t shown_ns)
{
    uint64_t ahead_ns = shown_ns > clock->shown_ns ? shown_ns - clock->shown_ns : 0;
    if (shown_ns == TIME_NEVER)
        return TIME_NEVER;
    if (clock->drift == 0)
        return clock->true_ns + ahead_ns;
    uint64_t speed = (uint64_t)((int64_t)CHANCE_ONE + clock->drift);
    Wide needed = wide_sum(wide_product(ahead_ns, CHANCE_ONE), wide_of(speed - 1));
    return clock->true_ns + wide_quotient(needed, speed);
}

void clock_jump(Clock *clock, uint64_t true_ns, uint64_t by_ns)
{
    uint64_t shown_ns = clock_show(clock, true_ns);
    INVARIANT_THAT(by_ns, <=, CLOCK_SHOWN_MAX);
    clock->shown_ns = MAX(shown_ns, MIN(shown_ns + by_ns, CLOCK_SHOWN_MAX));
    clock->true_ns = true_ns;
}

/* --- what came of it --- */

const char *fault_count_key(FaultCount count)
{
    static const char *const keys[FAULT_COUNTS] = {
        [COUNT_BANK_CRASHES] = "bank_crashes",
        [COUNT_RESTARTS] = "restarts",
        [COUNT_RECOVERIES] = "recoveries",
        [COUNT_IN_DOUBT_RESOLVED] = "in_doubt_resolved",
        [COUNT_PARTITIONS] = "partitions",
        [COUNT_PAUSES] = "pauses",
        [COUNT_CLOCK_JUMPS] = "clock_jumps",
        [COUNT_DISK_ERRORS] = "disk_errors",
        [COUNT_DISK_FULL] = "disk_full",
        [COUNT_TORN_WRITES] = "torn_writes",
        [COUNT_LOST_WRITES] = "lost_writes",
        [COUNT_BIT_FLIPS] = "bit_flips",
        [COUNT_BIT_FLIPS_REPAIRED] = "bit_flips_repaired",
        [COUNT_BIT_FLIPS_REFUSED] = "bit_flips_refused",
    };
    return keys[count];
}
