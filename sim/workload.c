#include "sim/workload.h"

#include <string.h>

#include "sim/random.h"

uint64_t workload_draw_gap(const WorkloadModel *model, WorkloadKind kind, uint64_t *state)
{
    return draw_exponential(state, model->interval_ns[kind]);
}

bool workload_draw_command(const WorkloadModel *model, WorkloadKind kind, uint64_t *state,
                           const Name *peers, size_t peer_count, Command *command)
{
    static const CommandKind commands[WORKLOAD_KINDS] = {
        [WORKLOAD_TRANSFER] = COMMAND_TRANSFER,
        [WORKLOAD_DEPOSIT] = COMMAND_DEPOSIT,
        [WORKLOAD_WITHDRAWAL] = COMMAND_WITHDRAWAL,
        [WORKLOAD_LOST_TRANSFER] = COMMAND_LOST_TRANSFER,
        [WORKLOAD_CHECKPOINT] = COMMAND_CHECKPOINT,
        [WORKLOAD_ROLLBACK] = COMMAND_ROLLBACK,
    };
    uint64_t amount =
        draw_uniform(state, (uint64_t)model->amount.first, (uint64_t)model->amount.last);
    /* One draw even when there is nobody to choose; its bias is below peer_count / 2^64. */
    uint64_t choice = random_next(state);

    memset(command, 0, sizeof *command);
    command->kind = commands[kind];
    if (kind == WORKLOAD_DEPOSIT || kind == WORKLOAD_WITHDRAWAL) {
        command->amount = (Money)amount;
        return true;
    }
    if (peer_count == 0)
        return false;
    if (kind == WORKLOAD_TRANSFER || kind == WORKLOAD_LOST_TRANSFER) {
        command->amount = (Money)amount;
        command->name = peers[choice % peer_count];
    }
    return true;
}
