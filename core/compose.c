#include "core/compose.h"

#include "core/panic.h"
#include "core/planted.h"
#include "core/random.h"
#include "core/report.h"

void compose_owe(Process *process, uint16_t index, const Message *message)
{
    Peer *peer = &process->peers[index];
    if (peer->owed_count == OWED_MAX)
        return;
    peer->owed_count++;
    g_array_set_size(process->owed, process->owed->len + 1);
    Owed *owed = &g_array_index(process->owed, Owed, process->owed->len - 1);
    owed->peer = index;
    owed->message = *message;
}

void compose_hurry(Process *process, uint16_t index, const Step *step)
{
    process->peers[index].control_ns = step->now_ns;
    process->peers[index].control_backoff = 0;
}

void compose_heard(Process *process, uint16_t index)
{
    process->peers[index].control_backoff = 0;
}

/* One datagram after another to one peer. */
typedef struct Composer {
    Process *process;
    Step *step;
    Peer *peer;
    Header header;
    WireWriter writer;
    SlotSet needs; /* of the datagram being put together */
    bool added;    /* any message, since it was last asked */
} Composer;

/* Every header tells the incarnations; so what says nothing else that a crash must not take back
 * needs those alone to be on disk, and a slow save of a checkpoint does not keep it. */
#define NEEDS_OF_HEADER (SLOT_BIT(SLOT_INCARNATION) | SLOT_BIT(SLOT_PEER))

static bool says_nothing_durable(const Message *message)
{
    switch (message->kind) {
    case MESSAGE_ACK:
    case MESSAGE_STABLE_ACK:
    case MESSAGE_QUERY:
        return true;
    case MESSAGE_CHECKPOINT_VOTE:
        return message->vote.answer == ANSWER_BUSY || planted(PLANTED_VOTE_BEFORE_TENTATIVE);
    case MESSAGE_PREPARE_VOTE:
        return message->vote.answer == ANSWER_BUSY; /* a no may be repeated or forgotten */
    default:
        return false;
    }
}

static void composer_begin(Composer *composer)
{
    composer->needs = NEEDS_OF_HEADER;
    wire_begin(&composer->writer, &composer->header);
}

static void composer_end(Composer *composer)
{
    size_t length = wire_end(&composer->writer);
    Address to = {composer->peer->member.ip, composer->peer->member.port2};
    if (length > 0)
        effects_send_early(composer->step->effects, PORT_PEER, to, composer->needs,
                           composer->writer.bytes, length);
}

static void composer_add(Composer *composer, const Message *message)
{
    composer->added = true;
    bool fits = wire_add(&composer->writer, message);
    if (!fits) {
        composer_end(composer);
        composer_begin(composer);
        fits = wire_add(&composer->writer, message);
    }
    INVARIANT(fits);
    if (!says_nothing_durable(message))
        composer->needs = SLOTS_ALL;
}

static void compose_ask(Composer *composer)
{
    const Process *process = composer->process;
    const Peer *peer = composer->peer;
    uint16_t index = (uint16_t)(peer - process->peers);
    Message message = {.kind = MESSAGE_CHECKPOINT_REQUEST};
    if (peer->ask != ASK_WAITING)
        return;
    if (process->engaged == ENGAGED_CHECKPOINT) {
        message.checkpoint_request.instance = process->instance;
        message.checkpoint_request.last_received = peer->asked_label;
    } else {
        message.kind = MESSAGE_PREPARE;
        message.prepare.instance = process->instance;
        message.prepare.new_inc = process->inc + 1;
        message.prepare.cut = process->perm.channels[index].out;
        message.prepare.rcut = process->perm.channels[index].in;
    }
    composer_add(composer, &message);
}

static void compose_announcements(Composer *composer)
{
    const Process *process = composer->process;
    uint16_t index = (uint16_t)(composer->peer - process->peers);
    for (guint i = 0; i < process->announcements->len; i++) {
        const Announcement *announcement = &g_array_index(process->announcements, Announcement, i);
        if (!bit_get(announcement->unacked, index))
            continue;
        Message message = {.kind = MESSAGE_DECISION};
        message.decision.instance = announcement->instance;
        message.decision.commit = announcement->commit;
        composer_add(composer, &message);
    }
}

/* Rule 3: "after a checkpoint is made permanent (not when it is tentative), j tells i
 * stable = perm.in[i]", and rule 6 of "Lost transfers": "i tells its perm log base". */
static void compose_stable(Composer *composer)
{
    const Process *process = composer->process;
    const Channel *channel = &composer->peer->channel;
    uint16_t index = (uint16_t)(composer->peer - process->peers);
    const ChannelState *perm = &process->perm.channels[index];
    uint64_t upto = perm->in;
    Message message = {.kind = MESSAGE_STABLE};
    if (!channel->stable_due)
        return;
    if (planted(PLANTED_STABLE_AT_TENTATIVE) && process->tent.taken)
        upto = process->tent.channels[index].in;
    message.stable.version = process->permanents;
    message.stable.perm_sent = perm->out;
    message.stable.perm_base = perm->base;
    message.stable.coverage = channel_coverage(channel, MIN(channel->told, upto), upto);
    composer_add(composer, &message);
}

static void compose_control(Composer *composer)
{
    Peer *peer = composer->peer;
    const Process *process = composer->process;
    if (peer->control_ns > composer->step->now_ns)
        return;
    composer->added = false;
    compose_announcements(composer); /* the end of one instance before the next begins */
    compose_ask(composer);
    compose_stable(composer);
    if (peer->moved_due) {
        const Member *self = &process->peers[process->self].member;
        Message message = {.kind = MESSAGE_MOVED};
        message.moved.epoch = process->epoch;
        message.moved.address = (Address){self->ip, self->port2};
        composer_add(composer, &message);
    }
    if (!composer->added) {
        peer->control_ns = TIME_NEVER;
        return;
    }
    peer->control_ns = composer->step->now_ns +
                       retry_delay_ns(peer->channel.rto_ns, peer->control_backoff, REPEAT_NS_MAX,
                                      random_next(&composer->process->random));
    peer->control_backoff++;
}

#ifdef COHORT_PLANTED_FAULTS
/* The planted fault: a given-up transfer of unknown fate is called lost. */
static void report_given_up(Process *process, Step *step, uint16_t index)
{
    const ChannelState *state = &process->peers[index].channel.state;
    for (uint64_t label = state->base + 1; label <= state->out; label++) {
        Entry *entry = channel_entry(state, label);
        if (entry->kind != ENTRY_GIVEN_UP || entry->lost)
            continue;
        entry->lost = true;
        report_lost(process, step, index, label, (Money)entry->payload);
    }
}
#endif

static void compose_transfers(Composer *composer)
{
    Process *process = composer->process;
    Channel *channel = &composer->peer->channel;
    uint64_t now_ns = composer->step->now_ns;
    uint64_t label;
    if (channel_timeout(channel, now_ns, process->retries, process->engaged == ENGAGED_ROLLBACK))
        effects_mark(composer->step->effects, MARK_GIVEN_UP);
#ifdef COHORT_PLANTED_FAULTS
    if (planted(PLANTED_LOST_WHEN_GIVEN_UP))
        report_given_up(process, composer->step, (uint16_t)(composer->peer - process->peers));
#endif
    while ((label = channel_next_due(channel, now_ns)) != 0) {
        Entry *entry = channel_entry(&channel->state, label);
        Message message = {.kind = entry->kind == ENTRY_TRANSFER ? MESSAGE_TRANSFER : MESSAGE_SKIP};
        message.transfer.label = label;
        message.transfer.payload = entry->payload;
#ifdef COHORT_PLANTED_FAULTS
        if (entry->sends == 0) {
            entry->first_inc = process->inc;
            entry->first_known = channel->known;
        }
        if (planted(PLANTED_RETRANSMIT_OLD_INCARNATION)) {
            composer_end(composer);
            composer->header.inc = entry->first_inc;
            composer->header.known = entry->first_known;
            composer_begin(composer);
        }
#endif
        composer_add(composer, &message);
        channel_sent(channel, label, now_ns, random_next(&process->random));
    }
}

static void compose_ack(Composer *composer)
{
    Channel *channel = &composer->peer->channel;
    uint64_t in = channel->state.in;
    Message message = {.kind = MESSAGE_ACK};
    if (!channel->ack_due)
        return;
    message.ack = channel_coverage(channel, MIN(channel->peer_una, in), in);
    composer_add(composer, &message);
    channel->ack_due = false;
}

static void compose_owed(Composer *composer, bool durable)
{
    const Process *process = composer->process;
    if (composer->peer->owed_count == 0)
        return;
    for (guint i = 0; i < process->owed->len; i++) {
        const Owed *owed = &g_array_index(process->owed, Owed, i);
        if (&process->peers[owed->peer] == composer->peer &&
            says_nothing_durable(&owed->message) != durable)
            composer_add(composer, &owed->message);
    }
}

static void flush_peer(Process *process, Step *step, uint16_t index, bool quiet)
{
    Peer *peer = &process->peers[index];
    Channel *channel = &peer->channel;
    bool due = peer->owed_count > 0 || channel->ack_due || peer->control_ns <= step->now_ns ||
               (!quiet && (channel->resend_ns <= step->now_ns ||
                           channel_next_due(channel, step->now_ns) != 0));
    if (!due)
        return;
    Composer composer;
    composer.process = process;
    composer.step = step;
    composer.peer = peer;
    composer.header = (Header){.cohort = process->cohort,
                               .sender = process->self,
                               .receiver = index,
                               .inc = process->inc,
                               .known = channel->known,
                               .una = channel->acked};
    composer_begin(&composer);
    compose_owed(&composer, false);
    compose_ack(&composer);
    if (effects_saves(step->effects)) { /* what need not wait for them leaves by itself */
        composer_end(&composer);
        composer_begin(&composer);
    }
    compose_owed(&composer, true);
    peer->owed_count = 0;
    compose_control(&composer);
    if (!quiet)
        compose_transfers(&composer);
    composer_end(&composer);
}

void compose_flush(Process *process, Step *step, bool quiet)
{
    for (uint16_t i = 0; i < process->count; i++) {
        if (i != process->self)
            flush_peer(process, step, i, quiet);
    }
    g_array_set_size(process->owed, 0);
}

uint64_t compose_deadline(const Process *process, bool quiet)
{
    uint64_t deadline_ns = TIME_NEVER;
    if (process->peers == NULL)
        return TIME_NEVER;
    for (uint16_t i = 0; i < process->count; i++) {
        const Peer *peer = &process->peers[i];
        if (i == process->self)
            continue;
        deadline_ns = MIN(deadline_ns, peer->control_ns);
        if (!quiet && peer->channel.closed.instance.number == 0)
            deadline_ns = MIN(deadline_ns, peer->channel.resend_ns);
    }
    return MIN(deadline_ns, process->query_ns);
}
