/* What a process keeps on disk, and the encoding of its whole state. */
#include "core/process_storage.h"

#include <string.h>

#include "core/panic.h"
#include "core/planted.h"

/* --- parts --- */

static void snapshot_code(Coder *coder, Snapshot *snapshot, uint16_t count, uint16_t self)
{
    code_bool(coder, &snapshot->taken);
    if (!snapshot->taken)
        return;
    application_code(coder, &snapshot->application);
    for (uint16_t i = 0; i < count; i++) {
        if (i != self)
            channel_state_code(coder, &snapshot->channels[i]);
    }
#ifdef COHORT_PLANTED_FAULTS
    code_u64(coder, &snapshot->inc);
    for (uint16_t i = 0; i < count; i++)
        code_u64(coder, &snapshot->known[i]);
#endif
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
    code_bytes(coder, announcement->unacked, bits_bytes(count));
    if (coder->decoding && announcement->parent >= count)
        coder->failed = true;
}

static void announcements_code(Coder *coder, Process *process)
{
    uint32_t length = process->announcements->len;
    code_u32(coder, &length);
    if (length > ANNOUNCEMENTS_MAX + 1u) {
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
    code_bool(coder, &process->refused);
    code_u64(coder, &process->since_ns);
    code_u64(coder, &process->query_ns);
    code_bool(coder, &process->doubt_told);
    code_u16(coder, &process->query_next);
    code_bytes(coder, process->participants, bits_bytes(process->count));
    if (coder->decoding &&
        (process->parent >= process->count || process->query_next >= process->count))
        coder->failed = true;
}

static void peer_code(Coder *coder, Peer *peer)
{
    int ask = (int)peer->ask;
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
    code_bytes(coder, process->outcome.participants, bits_bytes(process->count));
}

static void peer_record_code(Coder *coder, Peer *peer)
{
    Closed *closed = &peer->channel.closed;
    code_u64(coder, &peer->channel.known);
    code_u16(coder, &closed->instance.initiator);
    code_u64(coder, &closed->instance.number);
    code_u64(coder, &closed->new_inc);
    code_u64(coder, &closed->cut);
    code_u64(coder, &closed->rcut);
}

static void finished_code(Coder *coder, Finished *finished)
{
    code_u64(coder, &finished->number);
    code_bool(coder, &finished->commit);
}

static PeerRecord peer_record(const Peer *peer)
{
    return (PeerRecord){peer->channel.known, peer->channel.closed};
}

static bool peer_record_equal(const PeerRecord *a, const PeerRecord *b)
{
    return a->known == b->known && a->closed.instance.initiator == b->closed.instance.initiator &&
           a->closed.instance.number == b->closed.instance.number &&
           a->closed.new_inc == b->closed.new_inc && a->closed.cut == b->closed.cut &&
           a->closed.rcut == b->closed.rcut;
}

static void control_code(Coder *coder, Process *process)
{
    code_u64(coder, &process->instances_reserved);
    announcements_code(coder, process);
}

/* "The rolling record (instance, parent, PREPARING | VOTED | REFUSED)", or that there is none. */
static void rolling_code(Coder *coder, Process *process)
{
    bool rolling = process->engaged == ENGAGED_ROLLBACK;
    code_bool(coder, &rolling);
    if (!rolling)
        return;
    engagement_code(coder, process);
    if (process->engaged != ENGAGED_ROLLBACK)
        coder->failed = true;
}

static void members_code(Coder *coder, Process *process)
{
    for (uint16_t i = 0; i < process->count; i++)
        code_member(coder, &process->peers[i].member);
}

/* A channel of the permanent checkpoint, with what the peer told of its own: that justifies which
 * skips the checkpoint holds. */
static void permanent_channel_code(Coder *coder, Process *process, uint16_t index)
{
    Channel *channel = &process->peers[index].channel;
    channel_state_code(coder, &process->perm.channels[index]);
    code_u64(coder, &channel->peer_version);
    code_u64(coder, &channel->peer_perm_sent);
    code_u64(coder, &channel->peer_perm_base);
#ifdef COHORT_PLANTED_FAULTS
    code_u64(coder, &process->perm.known[index]);
#endif
}

static void permanent_code(Coder *coder, Process *process)
{
    code_u64(coder, &process->permanents);
    application_code(coder, &process->perm.application);
#ifdef COHORT_PLANTED_FAULTS
    code_u64(coder, &process->perm.inc);
#endif
}

/* The tentative checkpoint and the yes that was said with it; who below us joined must hear the
 * decision. */
static void tentative_code(Coder *coder, Process *process)
{
    uint8_t joined[PARTICIPANT_BYTES] = {0};
    for (uint16_t i = 0; i < process->count; i++)
        bit_set(joined, i, process->peers[i].ask == ASK_JOINED);
    engagement_code(coder, process);
    code_bytes(coder, joined, bits_bytes(process->count));
    application_code(coder, &process->tent.application);
    for (uint16_t i = 0; i < process->count && coder->decoding; i++)
        process->peers[i].ask = bit_get(joined, i) ? ASK_JOINED : ASK_NOT;
}

/* --- saving --- */

static bool tentative_differs(const Process *process, uint16_t index)
{
    return !channel_state_equal(&process->tent.channels[index], &process->perm.channels[index]);
}

/* At the end of a step everything is as it is on disk. */
static void note_saved(Process *process)
{
    bool voted = process->engaged == ENGAGED_CHECKPOINT && process->voted;
    process->tentative_saved = voted;
    process->inc_saved = process->inc;
    for (uint16_t i = 0; i < process->count; i++) {
        Peer *peer = &process->peers[i];
        peer->saved = peer_record(peer);
        peer->finished_saved = peer->finished.number;
        peer->tentative_saved = voted && tentative_differs(process, i);
    }
}

void process_mark_unsaved(Process *process)
{
    process->members_changed = true;
    process->permanent_changed = true;
    process->control_changed = true;
    process->inc_saved = UINT64_MAX;
    for (uint16_t i = 0; i < process->count; i++) {
        process->peers[i].permanent_unsaved = true;
        process->peers[i].saved.known = UINT64_MAX;
        process->peers[i].finished_saved = UINT64_MAX;
    }
}

static void save(const Step *step, Slot slot, uint16_t index, Coder *coder)
{
    INVARIANT(!coder->failed);
    effects_save(step->effects, slot, index, coder->bytes, coder->length);
    coder_deinit(coder);
}

/* Which cohort, and where its members are. */
static void save_members(Process *process, Step *step)
{
    Coder coder = coder_encode_growing();
    code_u64(&coder, &process->cohort);
    code_u16(&coder, &process->count);
    code_u16(&coder, &process->self);
    members_code(&coder, process);
    save(step, SLOT_COHORT, 0, &coder);
}

static void save_permanent(Process *process, Step *step)
{
    Coder coder = coder_encode_growing();
    permanent_code(&coder, process);
    save(step, SLOT_PERMANENT, 0, &coder);
    for (uint16_t i = 0; i < process->count; i++) {
        if (i == process->self || !process->peers[i].permanent_unsaved)
            continue;
        coder = coder_encode_growing();
        permanent_channel_code(&coder, process, i);
        save(step, SLOT_PERMANENT_CHANNEL, i, &coder);
        process->peers[i].permanent_unsaved = false;
    }
}

static void save_tentative(Process *process, Step *step)
{
    bool voted = process->engaged == ENGAGED_CHECKPOINT && process->voted;
    if (voted) {
        Coder coder = coder_encode_growing();
        tentative_code(&coder, process);
        save(step, SLOT_TENTATIVE, 0, &coder);
    } else if (process->tentative_saved) {
        effects_save(step->effects, SLOT_TENTATIVE, 0, NULL, 0);
    }
    process->tentative_saved = voted;
    for (uint16_t i = 0; i < process->count; i++) {
        Peer *peer = &process->peers[i];
        bool differs = voted && tentative_differs(process, i);
        if (differs) {
            Coder coder = coder_encode_growing();
            channel_state_code(&coder, &process->tent.channels[i]);
            save(step, SLOT_TENTATIVE_CHANNEL, i, &coder);
        } else if (peer->tentative_saved) {
            effects_save(step->effects, SLOT_TENTATIVE_CHANNEL, i, NULL, 0);
        }
        peer->tentative_saved = differs;
    }
}

/* A peer's records, those that changed. Apart from each other, as an acknowledgement waits for the
 * incarnations, and a checkpoint changes none. */
static void save_peer(Process *process, Step *step, uint16_t index)
{
    Peer *peer = &process->peers[index];
    PeerRecord now = peer_record(peer);
    if (!peer_record_equal(&now, &peer->saved)) {
        Coder coder = coder_encode_growing();
        peer_record_code(&coder, peer);
        save(step, SLOT_PEER, index, &coder);
        peer->saved = now;
    }
    if (peer->finished.number != peer->finished_saved) {
        Coder coder = coder_encode_growing();
        finished_code(&coder, &peer->finished);
        save(step, SLOT_FINISHED, index, &coder);
        peer->finished_saved = peer->finished.number;
    }
}

static void save_control(Process *process, Step *step)
{
    Coder coder = coder_encode_growing();
    control_code(&coder, process);
    rolling_code(&coder, process);
    save(step, SLOT_CONTROL, 0, &coder);
    if (process->inc != process->inc_saved) {
        coder = coder_encode_growing();
        code_u64(&coder, &process->inc);
        save(step, SLOT_INCARNATION, 0, &coder);
        process->inc_saved = process->inc;
    }
    for (uint16_t i = 0; i < process->count; i++)
        save_peer(process, step, i);
}

void process_save_changes(Process *process, Step *step)
{
    if (process->members_changed)
        save_members(process, step);
    if (process->permanent_changed)
        save_permanent(process, step);
    if (process->tentative_changed)
        save_tentative(process, step);
    if (process->control_changed)
        save_control(process, step);
    process->members_changed = false;
    process->permanent_changed = false;
    process->tentative_changed = false;
    process->control_changed = false;
}

void process_remove_saved(Step *step, uint16_t count)
{
    static const Slot single[] = {SLOT_COHORT, SLOT_PERMANENT, SLOT_TENTATIVE, SLOT_CONTROL,
                                  SLOT_INCARNATION};
    static const Slot indexed[] = {SLOT_PERMANENT_CHANNEL, SLOT_TENTATIVE_CHANNEL, SLOT_PEER,
                                   SLOT_FINISHED};
    for (size_t s = 0; s < G_N_ELEMENTS(single); s++)
        effects_save(step->effects, single[s], 0, NULL, 0);
    for (size_t s = 0; s < G_N_ELEMENTS(indexed); s++) {
        for (uint16_t i = 0; i < count; i++)
            effects_save(step->effects, indexed[s], i, NULL, 0);
    }
}

/* --- loading --- */

/* To decode a record with; of one that is missing nothing decodes. */
static Coder opened(const Shelf *stored, Slot slot, uint16_t index)
{
    ShelfRecord record;
    shelf_get(stored, slot, index, &record);
    return coder_decode(record.bytes, record.length);
}

static bool load_members(Process *process, const Shelf *stored)
{
    Coder coder = opened(stored, SLOT_COHORT, 0);
    uint64_t cohort = 0;
    uint16_t count = 0;
    uint16_t self = 0;
    code_u64(&coder, &cohort);
    code_u16(&coder, &count);
    code_u16(&coder, &self);
    if (count > MEMBERS_MAX || self >= count)
        return false;
    process_prepare(process, cohort, count, self);
    members_code(&coder, process);
    return coder_finished(&coder);
}

static bool load_permanent(Process *process, const Shelf *stored)
{
    Coder coder = opened(stored, SLOT_PERMANENT, 0);
    process->perm.taken = true;
    permanent_code(&coder, process);
    if (!coder_finished(&coder))
        return false;
    for (uint16_t i = 0; i < process->count; i++) {
        if (i == process->self)
            continue;
        coder = opened(stored, SLOT_PERMANENT_CHANNEL, i);
        permanent_channel_code(&coder, process, i);
        if (!coder_finished(&coder))
            return false;
    }
    return true;
}

static bool load_peer(Process *process, const Shelf *stored, uint16_t index)
{
    Coder coder = opened(stored, SLOT_PEER, index);
    Peer *peer = &process->peers[index];
    peer_record_code(&coder, peer);
    if (!coder_finished(&coder) || peer->channel.closed.instance.initiator >= process->count)
        return false;
    coder = opened(stored, SLOT_FINISHED, index);
    finished_code(&coder, &peer->finished);
    return coder_finished(&coder);
}

static bool load_control(Process *process, const Shelf *stored)
{
    Coder coder = opened(stored, SLOT_INCARNATION, 0);
    code_u64(&coder, &process->inc);
    if (!coder_finished(&coder))
        return false;
    coder = opened(stored, SLOT_CONTROL, 0);
    control_code(&coder, process);
    rolling_code(&coder, process);
    if (!coder_finished(&coder))
        return false;
    process->instances = process->instances_reserved;
    for (uint16_t i = 0; i < process->count; i++) {
        if (!load_peer(process, stored, i))
            return false;
    }
    return true;
}

static bool load_tentative(Process *process, const Shelf *stored)
{
    Coder coder = opened(stored, SLOT_TENTATIVE, 0);
    if (coder.length == 0)
        return true;
    if (process->engaged != ENGAGED_NOT)
        return false;
    process->tent.taken = true;
    tentative_code(&coder, process);
    if (!coder_finished(&coder) || process->engaged != ENGAGED_CHECKPOINT || !process->voted)
        return false;
    for (uint16_t i = 0; i < process->count; i++) {
        channel_state_copy(&process->tent.channels[i], &process->perm.channels[i]);
        coder = opened(stored, SLOT_TENTATIVE_CHANNEL, i);
        if (coder.length == 0)
            continue;
        channel_state_code(&coder, &process->tent.channels[i]);
        if (!coder_finished(&coder))
            return false;
    }
    return true;
}

#ifdef COHORT_PLANTED_FAULTS
/* The planted faults: what a crash must not lose is lost, or comes from the checkpoint. */
static void forget(Process *process)
{
    Peer *self = &process->peers[process->self];
    if (planted(PLANTED_INC_RESTORED))
        process->inc = process->perm.inc;
    if (planted(PLANTED_INSTANCE_REUSED))
        process->instances = self->finished.number;
    bool ours = process->parent == process->self;
    if ((planted(PLANTED_UNDECIDED_FORGOTTEN) && !process->voted && ours) ||
        (planted(PLANTED_PREPARING_FORGOTTEN) && !process->voted && !ours) ||
        (planted(PLANTED_VOLATILE_TENTATIVE) && process->engaged == ENGAGED_CHECKPOINT) ||
        (planted(PLANTED_RECOVERY_WHILE_IN_DOUBT) && process->voted)) {
        process->engaged = ENGAGED_NOT;
        process->voted = false;
        process->query_ns = TIME_NEVER;
        process->tent.taken = false;
        process->tentative_changed = true;
    }
    if (planted(PLANTED_VOLATILE_DECISION)) {
        g_array_set_size(process->announcements, 0);
        self->finished = (Finished){0};
    }
    for (uint16_t i = 0; i < process->count; i++) {
        Peer *peer = &process->peers[i];
        if (planted(PLANTED_VOLATILE_CLOSED))
            peer->channel.closed = (Closed){0};
        if (planted(PLANTED_KNOWN_RESTORED))
            peer->channel.known = process->perm.known[i];
        if (planted(PLANTED_VOLATILE_FINISHED) && i != process->self)
            peer->finished = (Finished){0};
    }
}
#endif

bool process_load(Process *process, const Shelf *stored)
{
    if (!load_members(process, stored) || !load_permanent(process, stored) ||
        !load_control(process, stored) || !load_tentative(process, stored))
        return false;
    note_saved(process);
#ifdef COHORT_PLANTED_FAULTS
    forget(process);
#endif
    return true;
}

/* --- the whole state --- */

void process_code(Coder *coder, Process *process)
{
    uint64_t cohort = process->cohort;
    uint16_t count = process->count;
    uint16_t self = process->self;
    code_u64(coder, &cohort);
    code_u16(coder, &count);
    code_u16(coder, &self);
    if (count > MEMBERS_MAX || self >= count) {
        coder->failed = true;
        return;
    }
    if (coder->decoding)
        process_prepare(process, cohort, count, self);
    application_code(coder, &process->application);
    code_u64(coder, &process->permanents);
    code_bool(coder, &process->frozen);
    for (uint16_t i = 0; i < count; i++) {
        code_member(coder, &process->peers[i].member);
        if (i != self)
            peer_code(coder, &process->peers[i]);
    }
    code_u64(coder, &process->inc);
    control_code(coder, process);
    for (uint16_t i = 0; i < count; i++) {
        peer_record_code(coder, &process->peers[i]);
        finished_code(coder, &process->peers[i].finished);
    }
    code_bool(coder, &process->recovering);
    engagement_code(coder, process);
    outcome_code(coder, process);
    snapshot_code(coder, &process->perm, count, self);
    snapshot_code(coder, &process->tent, count, self);
    if (coder->decoding && !process->perm.taken)
        coder->failed = true;
    if (coder->decoding)
        note_saved(process);
}
