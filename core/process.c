#include "core/process.h"

#include <string.h>

#include "core/panic.h"
#include "core/planted.h"
#include "core/process_storage.h"

/* --- life --- */

static void snapshot_init(Snapshot *snapshot, uint16_t count)
{
    *snapshot = (Snapshot){.channels = g_new0(ChannelState, count)};
    for (uint16_t i = 0; i < count; i++)
        channel_state_init(&snapshot->channels[i]);
#ifdef COHORT_PLANTED_FAULTS
    snapshot->known = g_new0(uint64_t, count);
#endif
}

static void snapshot_deinit(Snapshot *snapshot, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        channel_state_deinit(&snapshot->channels[i]);
    g_free(snapshot->channels);
#ifdef COHORT_PLANTED_FAULTS
    g_free(snapshot->known);
#endif
}

static void snapshot_take(Snapshot *snapshot, const Process *process)
{
    snapshot->taken = true;
    snapshot->application = process->application;
#ifdef COHORT_PLANTED_FAULTS
    snapshot->inc = process->inc;
#endif
    for (uint16_t i = 0; i < process->count; i++) {
        channel_state_copy(&snapshot->channels[i], &process->peers[i].channel.state);
#ifdef COHORT_PLANTED_FAULTS
        snapshot->known[i] = process->peers[i].channel.known;
#endif
    }
}

void process_prepare(Process *process, uint64_t cohort, uint16_t count, uint16_t self)
{
    INVARIANT(process->peers == NULL);
    INVARIANT_THAT(self, <, count);
    process->cohort = cohort;
    process->self = self;
    process->count = count;
    process->peers = g_new0(Peer, count);
    for (uint16_t i = 0; i < count; i++) {
        channel_init(&process->peers[i].channel);
        process->peers[i].control_ns = TIME_NEVER;
    }
    process->announcements = g_array_new(FALSE, TRUE, sizeof(Announcement));
    process->owed = g_array_new(FALSE, FALSE, sizeof(Owed));
    process->query_ns = TIME_NEVER;
    snapshot_init(&process->perm, count);
    snapshot_init(&process->tent, count);
}

void process_enter(Process *process, uint64_t cohort, const Member *members, uint16_t count,
                   uint16_t self, const Application *application)
{
    process_prepare(process, cohort, count, self);
    for (uint16_t i = 0; i < count; i++)
        process->peers[i].member = members[i];
    process->application = *application;
    snapshot_take(&process->perm, process);
    process_mark_unsaved(process);
}

void process_leave(Process *process)
{
    if (process->peers == NULL)
        return;
    for (uint16_t i = 0; i < process->count; i++) {
        channel_deinit(&process->peers[i].channel);
    }
    g_free(process->peers);
    g_array_free(process->announcements, TRUE);
    g_array_free(process->owed, TRUE);
    snapshot_deinit(&process->perm, process->count);
    snapshot_deinit(&process->tent, process->count);
    *process = (Process){
        .application = process->application,
        .instances = process->instances,
        .instances_reserved = process->instances_reserved,
        .epoch = process->epoch,
        .retries = process->retries,
        .random = process->random,
        .inc_before = process->inc_before + process->inc,
    };
}

/* What was sent in another life of the process gives no round trip. */
static void forget_times(GArray *log)
{
    for (guint i = 0; i < log->len; i++)
        g_array_index(log, Entry, i).sent_ns = TIME_NEVER;
}

void process_rebase(Process *process, uint64_t now_ns)
{
    for (uint16_t i = 0; i < process->count; i++) {
        Peer *peer = &process->peers[i];
        peer->control_ns = now_ns;
        peer->control_backoff = 0;
        forget_times(peer->channel.state.log);
        forget_times(process->perm.channels[i].log);
        peer->channel.backoff = 0;
        channel_rewind(&peer->channel);
    }
    if (process->engaged != ENGAGED_NOT)
        process->since_ns = now_ns;
    process->doubt_told = false; /* not to this life's user */
    if (process->query_ns != TIME_NEVER)
        process->query_ns = now_ns;
}

/* --- snapshots --- */

void process_take_tentative(Process *process)
{
    /* At most two checkpoints: one permanent, one tentative. */
    INVARIANT(!process->tent.taken);
    snapshot_take(&process->tent, process);
    for (uint16_t i = 0; i < process->count; i++) {
        const Channel *channel = &process->peers[i].channel;
        ChannelState *state = &process->tent.channels[i];
        /* What the permanent checkpoint holds the peer may have released, whether or not its
         * announcement survived a crash of ours. */
        uint64_t keep =
            MAX(MAX(state->last_received, channel->peer_perm_sent), process->perm.channels[i].in);
        if (!planted(PLANTED_KEEP_TRAILING_SKIPS))
            channel_state_drop_skips(state, keep);
        if (planted(PLANTED_STABLE_AT_TENTATIVE))
            process->peers[i].channel.stable_due = true;
    }
}

void process_make_permanent(Process *process)
{
    Snapshot old = process->perm;
    INVARIANT(process->tent.taken);
    process->perm = process->tent;
    process->tent = old;
    process->tent.taken = false;
    process->permanents++;
    process->permanent_changed = true;
    process->permanent_news = true;
    for (uint16_t i = 0; i < process->count; i++) {
        const ChannelState *was = &old.channels[i];
        const ChannelState *is = &process->perm.channels[i];
        if (!channel_state_equal(was, is)) /* perhaps not the first time in this step */
            process->peers[i].permanent_unsaved = true;
        if (was->in != is->in || was->out != is->out || was->base != is->base) {
            process->peers[i].channel.stable_due = true;
            process->peers[i].control_ns = 0;
            process->peers[i].control_backoff = 0;
        }
    }
}

void process_discard_tentative(Process *process)
{
    INVARIANT(process->tent.taken);
    process->tent.taken = false;
}

void process_restore_permanent(Process *process)
{
    process->application = process->perm.application;
    for (uint16_t i = 0; i < process->count; i++) {
        Channel *channel = &process->peers[i].channel;
        channel_restore(channel, &process->perm.channels[i]);
#ifdef COHORT_PLANTED_FAULTS
        if (planted(PLANTED_KNOWN_FROM_CHECKPOINT))
            channel->known = process->perm.known[i];
#endif
    }
}

/* --- looking in --- */

bool process_all_settled(const Process *process)
{
    for (uint16_t i = 0; i < process->count; i++) {
        if (channel_unsettled(&process->peers[i].channel) > 0)
            return false;
    }
    return true;
}

uint64_t process_open_losses(const Process *process, Money *amount)
{
    uint64_t count = 0;
    *amount = 0;
    for (uint16_t i = 0; i < process->count; i++) {
        const ChannelState *state = &process->peers[i].channel.state;
        const ChannelState *perm = &process->perm.channels[i];
        for (uint64_t label = state->base + 1; label <= state->out; label++) {
            const Entry *entry = channel_entry(state, label);
            bool settled =
                label <= perm->base || (label <= perm->out && channel_entry(perm, label)->lost);
            if (entry->lost && !settled) {
                count++;
                *amount = MIN(*amount, INT64_MAX - (Money)entry->payload) + (Money)entry->payload;
            }
        }
    }
    return count;
}

void process_release_losses(const Process *process, Application *application)
{
    for (uint16_t i = 0; i < process->count; i++) {
        const ChannelState *state = &process->peers[i].channel.state;
        for (uint64_t label = state->base + 1; label <= state->out; label++) {
            const Entry *entry = channel_entry(state, label);
            if (entry->lost)
                account_release_loss(application, (Money)entry->payload);
        }
    }
}
