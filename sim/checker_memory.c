#include "sim/checker_memory.h"

/* --- who holds what --- */

static Record *mutable(const Record *record)
{
    return (Record *)(uintptr_t)record;
}

static void decision_release(Checker *checker, Decision *decision)
{
    if (decision == NULL || --decision->holders > 0)
        return;
    state_remove_decision(checker, decision);
}

void decision_keep(Checker *checker, Decision **slot, Decision *decision)
{
    Decision *before = *slot;
    if (decision != NULL)
        decision->holders++;
    *slot = decision;
    decision_release(checker, before);
}

void record_release(Checker *checker, const Record *record)
{
    if (record == NULL || --mutable(record)->holders > 0)
        return;
    if (trace_fields((TraceKind)record->kind) & FIELD_INSTANCE) {
        if (record->indexed)
            decision_release(checker, record->decision);
        else
            g_ref_string_release(record->instance);
    }
    g_free(mutable(record));
    checker->records_held--;
}

const Record *record_hold(const Record *record)
{
    if (record != NULL)
        mutable(record)->holders++;
    return record;
}

void record_keep(Checker *checker, const Record **slot, const Record *record)
{
    const Record *before = *slot;
    *slot = record_hold(record);
    record_release(checker, before);
}

void memory_release_accepted(Checker *checker, const Accepted *accepted)
{
    record_release(checker, accepted->record);
    record_release(checker, accepted->sent);
}

void memory_release_channel(Checker *checker, Channel *channel)
{
    for (guint i = 0; i < channel->sent->len; i++)
        record_release(checker, g_array_index(channel->sent, Sent, i).record);
    for (guint i = 0; i < channel->accepted->len; i++)
        memory_release_accepted(checker, &g_array_index(channel->accepted, Accepted, i));
    g_array_set_size(channel->sent, 0);
    g_array_set_size(channel->accepted, 0);
}

static void clear_process(Checker *checker, Process *process)
{
    record_keep(checker, &process->tentative, NULL);
    record_keep(checker, &process->crashed, NULL);
    record_keep(checker, &process->recovering, NULL);
    decision_keep(checker, &process->undoing, NULL);
}

void memory_clear(Checker *checker)
{
    record_keep(checker, &checker->last, NULL);
    for (guint i = 0; i < checker->processes->len; i++)
        clear_process(checker, g_ptr_array_index(checker->processes, i));
    for (guint i = 0; i < checker->members->len; i++)
        record_keep(checker, &((Membership *)g_ptr_array_index(checker->members, i))->left, NULL);
    for (guint i = 0; i < checker->channels->len; i++)
        memory_release_channel(checker, g_ptr_array_index(checker->channels, i));
}

/* --- forgetting --- */

/* What is permanent of the losses, no rollback undoes: it need not be listed for that. */
static void forget_losses(Channel *channel)
{
    guint permanent = channel->loss_count[PERMANENT];
    if (permanent == 0)
        return;
    for (Version version = NOW; version < VERSIONS; version++)
        channel->loss_count[version] -= MIN(permanent, channel->loss_count[version]);
    g_array_remove_range(channel->losses, 0, permanent);
}

static bool loss_is_permanent(const Channel *channel, uint64_t label)
{
    for (guint i = channel->loss_count[PERMANENT]; i < channel->losses->len; i++) {
        if (g_array_index(channel->losses, uint64_t, i) == label)
            return false;
    }
    return channel_sent(channel, label)->lost;
}

/* Settled for good: in the permanent checkpoints of both, received or declared lost. */
static void forget_labels(Checker *checker, Channel *channel)
{
    uint64_t label = channel->forgotten;
    uint64_t last = MIN(channel->sent_count[PERMANENT], channel->accepted_count[PERMANENT]);
    last = MIN(last, MIN(channel->sent_count[NOW], channel->accepted_count[NOW]));
    while (label < last && (!accepted_missing(channel_accepted(channel, label + 1)) ||
                            loss_is_permanent(channel, label + 1)))
        label++;
    guint count = (guint)(label - channel->forgotten);
    if (count == 0)
        return;
    for (uint64_t i = channel->forgotten + 1; i <= label; i++) {
        record_release(checker, channel_sent(channel, i)->record);
        memory_release_accepted(checker, channel_accepted(channel, i));
    }
    g_array_remove_range(channel->sent, 0, count);
    g_array_remove_range(channel->accepted, 0, count);
    channel->forgotten = label;
}

/* No member is there that could send on it. */
static bool is_over(const Channel *channel)
{
    const Group *group = channel->group;
    return group->founding != NULL && group->left == group->joined &&
           group->joined == group->founding->count;
}

static void forget_channels(Checker *checker)
{
    for (guint i = 0; i < checker->channels->len;) {
        Channel *channel = g_ptr_array_index(checker->channels, i);
        if (!is_over(channel)) {
            if (!channel->broken && channel->sender != NULL && channel->receiver != NULL) {
                forget_labels(checker, channel);
                forget_losses(channel);
            }
            i++;
            continue;
        }
        memory_release_channel(checker, channel);
        state_remove_channel(checker, i);
    }
}

static void forget_records(Process *process)
{
    guint judged = (guint)(process->taken - process->forgotten);
    if (judged > 0)
        g_ptr_array_remove_range(process->records, 0, judged);
    process->forgotten = process->taken;
    if (process->rollbacks_taken > 0)
        g_array_remove_range(process->rollbacks, 0, process->rollbacks_taken);
    process->rollbacks_taken = 0;
}

static void forget_file(Checker *checker, GPtrArray *file)
{
    for (guint i = 0; i < checker->next; i++)
        record_release(checker, g_ptr_array_index(file, i));
    if (checker->next > 0)
        g_ptr_array_remove_range(file, 0, checker->next);
    checker->next = 0;
}

void memory_forget(Checker *checker)
{
    for (guint i = 0; i < checker->processes->len; i++)
        forget_records(g_ptr_array_index(checker->processes, i));
    forget_channels(checker);
    forget_file(checker, g_ptr_array_index(checker->files, 0));
}
