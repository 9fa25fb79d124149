#include "core/process.h"

#include <string.h>

#include "core/panic.h"
#include "core/planted.h"

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
    *snapshot = (Snapshot){0};
}

static void snapshot_take(Snapshot *snapshot, const Process *process)
{
    snapshot->taken = true;
    snapshot->application = process->application;
    for (uint16_t i = 0; i < process->count; i++) {
        channel_state_copy(&snapshot->channels[i], &process->peers[i].channel.state);
#ifdef COHORT_PLANTED_FAULTS
        snapshot->known[i] = process->peers[i].channel.known;
#endif
    }
}

/* Everything but who the members are. */
static void process_prepare(Process *process, uint64_t cohort, uint16_t count, uint16_t self)
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
}

void process_leave(Process *process)
{
    if (process->peers == NULL)
        return;
    for (uint16_t i = 0; i < process->count; i++) {
        channel_deinit(&process->peers[i].channel);
        g_free(process->peers[i].owed);
    }
    g_free(process->peers);
    g_array_free(process->announcements, TRUE);
    snapshot_deinit(&process->perm, process->count);
    snapshot_deinit(&process->tent, process->count);
    *process = (Process){
        .application = process->application,
        .instances = process->instances,
        .epoch = process->epoch,
        .retries = process->retries,
        .random = process->random,
        .inc_before = process->inc_before + process->inc,
    };
}

void process_rebase(Process *process, uint64_t now_ns)
{
    for (uint16_t i = 0; i < process->count; i++) {
        Peer *peer = &process->peers[i];
        peer->control_ns = now_ns;
        peer->control_backoff = 0;
        peer->told_address = false;
        for (guint e = 0; e < peer->channel.state.log->len; e++)
            g_array_index(peer->channel.state.log, Entry, e).sent_ns = now_ns;
        peer->channel.backoff = 0;
        channel_rewind(&peer->channel);
    }
    if (process->engaged != ENGAGED_NOT)
        process->since_ns = now_ns;
    if (process->query_ns != TIME_NEVER)
        process->query_ns = now_ns;
}

/* --- encoding --- */

void snapshot_code(Coder *coder, Snapshot *snapshot, uint16_t count, uint16_t self)
{
    code_bool(coder, &snapshot->taken);
    if (!snapshot->taken)
        return;
    application_code(coder, &snapshot->application);
    for (uint16_t i = 0; i < count && !coder->failed; i++) {
        if (i != self)
            channel_state_code(coder, &snapshot->channels[i]);
    }
}

static void instance_code(Coder *coder, Instance *instance, uint16_t count)
{
    code_u16(coder, &instance->initiator);
    code_u64(coder, &instance->number);
    if (coder->decoding && instance->initiator >= count)
        coder->failed = true;
}

static void announcement_code(Coder *coder, Announcement *announcement, uint16_t count)
{
    instance_code(coder, &announcement->instance, count);
    code_bool(coder, &announcement->commit);
    code_u16(coder, &announcement->parent);
    code_u16(coder, &announcement->waiting);
    code_bytes(coder, announcement->unacked, (size_t)(count + 7) / 8);
}

static void announcements_code(Coder *coder, Process *process)
{
    uint32_t length = process->announcements->len;
    code_u32(coder, &length);
    if (coder->failed || length > ANNOUNCEMENTS_MAX + 1u) {
        coder->failed = true;
        return;
    }
    g_array_set_size(process->announcements, length);
    for (uint32_t i = 0; i < length; i++)
        announcement_code(coder, &g_array_index(process->announcements, Announcement, i),
                          process->count);
}

static void engagement_code(Coder *coder, Process *process)
{
    int engaged = (int)process->engaged;
    code_enum(coder, &engaged, ENGAGEMENTS);
    process->engaged = (Engagement)engaged;
    instance_code(coder, &process->instance, process->count);
    code_u16(coder, &process->parent);
    code_u64(coder, &process->parent_label);
    code_bool(coder, &process->voted);
    code_u64(coder, &process->since_ns);
    code_u64(coder, &process->query_ns);
    code_u16(coder, &process->query_next);
    code_bytes(coder, process->participants, (size_t)(process->count + 7) / 8);
    if (coder->decoding &&
        (process->parent >= process->count || process->query_next >= process->count))
        coder->failed = true;
}

static void peer_code(Coder *coder, Peer *peer)
{
    int ask = (int)peer->ask;
    code_u64(coder, &peer->epoch);
    code_bool(coder, &peer->told_address);
    channel_code(coder, &peer->channel);
    code_enum(coder, &ask, ASKS);
    peer->ask = (Ask)ask;
    code_u64(coder, &peer->asked_label);
    code_u64(coder, &peer->control_ns);
    code_u32(coder, &peer->control_backoff);
    code_bool(coder, &peer->moved_due);
}

static void outcome_code(Coder *coder, Process *process)
{
    code_bool(coder, &process->outcome.over);
    code_bool(coder, &process->outcome.commit);
    code_bool(coder, &process->outcome.silent);
    code_u16(coder, &process->outcome.blocker);
    instance_code(coder, &process->outcome.instance, process->count);
    code_u64(coder, &process->outcome.undone);
    code_bytes(coder, process->outcome.participants, (size_t)(process->count + 7) / 8);
}

void process_control_code(Coder *coder, Process *process)
{
    code_u64(coder, &process->inc);
    code_u64(coder, &process->instances);
    announcements_code(coder, process);
    for (uint16_t i = 0; i < process->count; i++) {
        Peer *peer = &process->peers[i];
        Closed *closed = &peer->channel.closed;
        code_u64(coder, &peer->channel.known);
        code_u16(coder, &closed->instance.initiator);
        code_u64(coder, &closed->instance.number);
        code_u64(coder, &closed->new_inc);
        code_u64(coder, &closed->cut);
        code_u64(coder, &closed->rcut);
        code_u64(coder, &peer->finished.number);
        code_bool(coder, &peer->finished.commit);
    }
}

void process_code(Coder *coder, Process *process)
{
    uint64_t cohort = process->cohort;
    uint16_t count = process->count;
    uint16_t self = process->self;
    code_u64(coder, &cohort);
    code_u16(coder, &count);
    code_u16(coder, &self);
    if (coder->failed || count == 0 || count > MEMBERS_MAX || self >= count) {
        coder->failed = true;
        return;
    }
    if (coder->decoding)
        process_prepare(process, cohort, count, self);
    application_code(coder, &process->application);
    code_u64(coder, &process->permanents);
    code_bool(coder, &process->frozen);
    for (uint16_t i = 0; i < count && !coder->failed; i++) {
        code_member(coder, &process->peers[i].member);
        if (i != self)
            peer_code(coder, &process->peers[i]);
    }
    process_control_code(coder, process);
    engagement_code(coder, process);
    outcome_code(coder, process);
    snapshot_code(coder, &process->perm, count, self);
    snapshot_code(coder, &process->tent, count, self);
    if (coder->decoding && !process->perm.taken)
        coder->failed = true;
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
        uint64_t keep = state->last_received > channel->peer_perm_sent ? state->last_received
                                                                       : channel->peer_perm_sent;
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
    for (uint16_t i = 0; i < process->count; i++) {
        const ChannelState *was = &old.channels[i];
        const ChannelState *is = &process->perm.channels[i];
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
        if (i == process->self)
            continue;
        channel_restore(channel, &process->perm.channels[i]);
#ifdef COHORT_PLANTED_FAULTS
        if (planted(PLANTED_KNOWN_FROM_CHECKPOINT))
            channel->known = process->perm.known[i];
#endif
    }
}

/* --- durable records --- */

void process_save_control(Process *process, Step *step)
{
    Coder coder = coder_encode_growing();
    process_control_code(&coder, process);
    effects_save(step->effects, SLOT_CONTROL, coder.bytes, coder.length);
    coder_deinit(&coder);
}

void process_save_tentative(Process *process, Step *step)
{
    Coder coder = coder_encode_growing();
    if (process->tent.taken) {
        engagement_code(&coder, process);
        snapshot_code(&coder, &process->tent, process->count, process->self);
    }
    effects_save(step->effects, SLOT_TENTATIVE, coder.bytes, coder.length);
    coder_deinit(&coder);
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
                *amount += (Money)entry->payload;
            }
        }
    }
    return count;
}
