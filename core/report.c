#include "core/report.h"

#include <stdlib.h>

static TraceEvent event_of(const Process *process, TraceKind kind)
{
    return (TraceEvent){.kind = kind, .inc = process->inc_before + process->inc};
}

static const Name *name_of(const Process *process, uint16_t index)
{
    return &process->peers[index].member.name;
}

void report_snapshot(const Process *process, Step *step, TraceKind kind, Instance instance,
                     const Snapshot *snapshot, uint64_t undone)
{
    TraceEvent event = event_of(process, kind);
    TraceCount *counts = effects_alloc(step->effects, process->count * sizeof *counts);
    event.initiator = *name_of(process, instance.initiator);
    event.number = instance.number;
    event.balance = account_balance(&snapshot->application);
    event.undone = undone;
    event.counts = counts;
    for (uint16_t i = 0; i < process->count; i++) {
        const ChannelState *state = &snapshot->channels[i];
        if (state->out == 0 && state->in == 0)
            continue;
        counts[event.count_count++] = (TraceCount){*name_of(process, i), state->out, state->in};
    }
    effects_trace(step->effects, &event);
}

void report_lost(const Process *process, Step *step, uint16_t index, uint64_t label, Money amount)
{
    TraceEvent event = event_of(process, TRACE_LOST);
    event.peer = *name_of(process, index);
    event.label = label;
    event.amount = amount;
    effects_trace(step->effects, &event);
    effects_notify(
        step->effects,
        &(Notice){.kind = NOTICE_LOST, .name = event.peer, .label = label, .amount = amount});
}

void report_missing(const Process *process, Step *step, uint16_t index, uint64_t label)
{
    TraceEvent event = event_of(process, TRACE_MISSING);
    event.peer = *name_of(process, index);
    event.label = label;
    effects_trace(step->effects, &event);
    effects_notify(step->effects,
                   &(Notice){.kind = NOTICE_MISSING, .name = event.peer, .label = label});
}

void report_open_losses(const Process *process, Step *step)
{
    Money amount;
    uint64_t count = process_open_losses(process, &amount);
    if (count == 0)
        return;
    effects_mark(step->effects, MARK_OPEN_LOSSES);
    effects_notify(step->effects,
                   &(Notice){.kind = NOTICE_OPEN_LOSSES, .undone = count, .amount = amount});
}

void report_received(const Process *process, Step *step, uint16_t index, uint64_t label,
                     Money amount)
{
    TraceEvent event = event_of(process, TRACE_RECEIVED);
    event.peer = *name_of(process, index);
    event.label = label;
    event.amount = amount;
    event.balance = account_balance(&process->application);
    effects_trace(step->effects, &event);
    effects_notify(step->effects, &(Notice){.kind = NOTICE_RECEIVED,
                                            .name = event.peer,
                                            .label = label,
                                            .amount = amount,
                                            .balance = event.balance});
}

void report_decided(const Process *process, Step *step, NoticeKind kind, Instance instance,
                    uint64_t undone)
{
    effects_notify(step->effects, &(Notice){.kind = kind,
                                            .initiator = *name_of(process, instance.initiator),
                                            .number = instance.number,
                                            .balance = account_balance(&process->perm.application),
                                            .undone = undone});
}

static int by_name(const void *a, const void *b)
{
    const Member *left = a;
    const Member *right = b;
    return name_compare(&left->name, &right->name);
}

Member *report_participants(const Process *process, Step *step, const uint8_t *bits, size_t *count)
{
    Member *members = effects_alloc(step->effects, process->count * sizeof *members);
    *count = 0;
    members[(*count)++] = process->peers[process->self].member;
    for (uint16_t i = 0; i < process->count; i++) {
        if (i != process->self && bit_get(bits, i))
            members[(*count)++] = process->peers[i].member;
    }
    qsort(members + 1, *count - 1, sizeof *members, by_name);
    return members;
}

void report_dropped(Step *step, uint64_t inc, const Name *peer, DropReason reason)
{
    TraceEvent event = {.kind = TRACE_DROP, .inc = inc, .reason = drop_reason_word(reason)};
    if (peer != NULL)
        event.peer = *peer;
    effects_trace(step->effects, &event);
}
