#include "core/canonical.h"

#include <string.h>

#include "core/customer_state.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/process_storage.h"

#define FAR_NS (CANONICAL_NOW_NS + (UINT64_C(1) << 50))

const char *timer_kind_word(TimerKind kind)
{
    static const char *const words[TIMER_KINDS] = {
        [TIMER_CONTROL] = "control",   [TIMER_RESEND] = "resend", [TIMER_QUERY] = "query",
        [TIMER_INSTANCE] = "instance", [TIMER_PAUSE] = "pause",   [TIMER_COMMAND] = "command",
        [TIMER_FORCED] = "forced",
    };
    return words[kind];
}

bool timer_kind_of_peer(TimerKind kind)
{
    return kind == TIMER_CONTROL || kind == TIMER_RESEND || kind == TIMER_QUERY;
}

/* --- forgetting --- */

static uint64_t forget_deadline(uint64_t deadline_ns)
{
    return deadline_ns == TIME_NEVER ? TIME_NEVER : FAR_NS;
}

static void forget_log(const Process *process, ChannelState *state)
{
    /* How often an entry was sent matters if transfers are given up. */
    uint32_t counted = process->retries == RETRIES_UNLIMITED ? 0 : process->retries + 1;
    if (planted(PLANTED_RETRANSMIT_OLD_INCARNATION))
        counted = MAX(counted, 1);
    for (guint i = 0; i < state->log->len; i++) {
        Entry *entry = &g_array_index(state->log, Entry, i);
        entry->sends = MIN(entry->sends, counted);
        entry->sent_ns = TIME_NEVER;
    }
}

static void forget_channel(const Process *process, Channel *channel)
{
    channel->rtt_known = false;
    channel->srtt_ns = 0;
    channel->rttvar_ns = 0;
    channel->rto_ns = RTO_INITIAL_NS;
    channel->backoff = 0;
    if (!channel->ack_due) /* set anew by what makes an acknowledgement due */
        channel->peer_una = 0;
    if (process->recovering) /* nothing is sent before the rollback, which sets this anew */
        channel->acked = channel->state.base;
    if (process->recovering || channel->closed.instance.number != 0) /* reopening begins anew */
        channel_rewind(channel);
    channel->resend_ns = forget_deadline(channel->resend_ns);
    forget_log(process, &channel->state);
}

static bool has_to_say(const Process *process, uint16_t index)
{
    const Peer *peer = &process->peers[index];
    bool unacked = false;
    for (guint i = 0; i < process->announcements->len; i++) {
        const Announcement *announcement = &g_array_index(process->announcements, Announcement, i);
        unacked = unacked || bit_get(announcement->unacked, index);
    }
    return unacked || peer->ask == ASK_WAITING || peer->channel.stable_due || peer->moved_due;
}

static void forget_engagement(Process *process)
{
    process->query_ns = forget_deadline(process->query_ns);
    process->since_ns = CANONICAL_NOW_NS;
    process->doubt_told = true;
    process->query_next = process->instance.initiator;
    if (process->engaged != ENGAGED_NOT)
        return;
    process->instance = (Instance){0};
    process->parent = 0;
    process->parent_label = 0;
    process->query_next = 0;
    memset(process->participants, 0, sizeof process->participants);
}

static void forget_process(Process *process)
{
    process->random = 0;
    forget_engagement(process);
    if (!process->outcome.over) {
        memset(&process->outcome, 0, sizeof process->outcome);
        process->outcome.blocker = process->self;
    }
    for (uint16_t i = 0; i < process->count; i++) {
        Peer *peer = &process->peers[i];
        if (peer->ask != ASK_WAITING)
            peer->asked_label = 0;
        peer->control_ns = has_to_say(process, i) ? forget_deadline(peer->control_ns) : TIME_NEVER;
        peer->control_backoff = 0;
        forget_channel(process, &peer->channel);
        forget_log(process, &process->perm.channels[i]);
        forget_log(process, &process->tent.channels[i]);
    }
}

static void forget_attempt(Attempt *attempt, uint32_t tries_max)
{
    /* A command that has waited too long fails when its instance does. */
    attempt->since_ns = attempt->tries >= tries_max ? 0 : CANONICAL_NOW_NS;
    attempt->pause_ns = !attempt->engaged && attempt->pause_ns > CANONICAL_NOW_NS ? FAR_NS : 0;
}

/* The next step would find that a checkpoint or a rollback of this one has settled it. */
static void forget_cash(Customer *customer)
{
    Cash *cash = &customer->cash;
    const Process *process = &customer->process;
    INVARIANT(cash->moves == NULL || cash->moves->len == 0); /* nobody deposits here */
    cash->cohort = process->cohort;
    cash->inc = process->inc;
    cash->permanents = process->permanents;
}

/* The bank has fallen silent: what is repeated to it is heard by nobody. */
static void forget_bank(Customer *customer)
{
    Membership *membership = &customer->membership;
    Request *request = &customer->request;
    membership->report_ns = membership->report_due ? FAR_NS : 0;
    membership->report_backoff = 0;
    membership->dissolving.repeat_ns = 0;
    membership->dissolving.backoff = 0;
    request->repeat_ns = request->active ? FAR_NS : 0;
    request->backoff = 0;
    request->heard_ns = CANONICAL_NOW_NS;
}

void canonical_forget(Customer *customer, uint32_t tries_max)
{
    INVARIANT(customer_active(customer) && !customer->membership.proposal.pending);
    memset(customer->dropped, 0, sizeof customer->dropped);
    forget_process(&customer->process);
    if (!customer->attempt.active)
        customer->attempt = (Attempt){0};
    else
        forget_attempt(&customer->attempt, tries_max);
    forget_attempt(&customer->forced, tries_max);
    customer->forced.since_ns = 0;
    forget_cash(customer);
    forget_bank(customer);
}

/* --- timers --- */

static bool fire_instance(Process *process)
{
    if (process->engaged == ENGAGED_NOT || process->voted)
        return false;
    process->since_ns = 0;
    return true;
}

static bool fire_pause(Attempt *attempt)
{
    if (attempt->pause_ns != FAR_NS)
        return false;
    attempt->pause_ns = 0;
    return true;
}

static bool fire_command(Attempt *attempt)
{
    if (attempt->engaged || attempt->since_ns == 0)
        return false;
    attempt->since_ns = 0;
    return true;
}

static bool fire_deadline(uint64_t *deadline_ns)
{
    if (*deadline_ns == TIME_NEVER)
        return false;
    *deadline_ns = CANONICAL_NOW_NS;
    return true;
}

bool canonical_fire(Customer *customer, TimerKind kind, uint16_t peer, uint32_t tries_max)
{
    Process *process = &customer->process;
    INVARIANT_THAT(peer, <, process->count);
    if (timer_kind_of_peer(kind) && peer == process->self)
        return false;
    switch (kind) {
    case TIMER_CONTROL:
        return fire_deadline(&process->peers[peer].control_ns);
    case TIMER_RESEND:
        return fire_deadline(&process->peers[peer].channel.resend_ns);
    case TIMER_QUERY:
        process->query_next = peer;
        return fire_deadline(&process->query_ns);
    case TIMER_INSTANCE:
        return fire_instance(process);
    case TIMER_PAUSE:
        return fire_pause(&customer->attempt);
    case TIMER_COMMAND:
        return fire_command(&customer->attempt);
    default: /* TIMER_FORCED */
        return customer->forced.tries < tries_max && fire_pause(&customer->forced);
    }
}

/* --- the disk --- */

void canonical_save(Customer *customer, Effects *effects)
{
    Process *process = &customer->process;
    effects_clear(effects);
    customer->step = (Step){CANONICAL_NOW_NS, effects};
    process_mark_unsaved(process);
    process->tentative_changed = true;
    customer->account_changed = true;
    customer_save_changes(customer);
}

bool canonical_idle(Customer *customer, char *why, size_t capacity)
{
    customer->membership.report_due = false;
    customer->request.active = false;
    return customer_idle(customer, why, capacity);
}

CustomerConfig canonical_config(const Customer *customer)
{
    return customer->config;
}

/* --- standing --- */

static PeerStanding peer_standing(const Process *process, uint16_t index)
{
    const Peer *peer = &process->peers[index];
    const Channel *channel = &peer->channel;
    return (PeerStanding){
        .known = channel->known,
        .finished = peer->finished.number,
        .acked = channel->acked,
        .accepted = channel->state.in,
        /* A rollback brings back the log of the permanent checkpoint. */
        .released = MIN(channel->state.base, process->perm.channels[index].base),
        .version = channel->peer_version,
        .epoch = peer->member.epoch,
        .closed = channel->closed.instance,
        .waiting = peer->ask == ASK_WAITING,
        .stable_due = channel->stable_due,
        .moved_due = peer->moved_due,
    };
}

void canonical_standing(const Customer *customer, uint32_t tries_max, Standing *standing)
{
    const Process *process = &customer->process;
    INVARIANT_THAT(process->count, <=, STANDING_PEERS_MAX);
    INVARIANT_THAT(process->announcements->len, <=, STANDING_ANNOUNCEMENTS_MAX);
    *standing = (Standing){
        .inc = process->inc,
        .permanents = process->permanents,
        .epoch = process->epoch,
        .voted = process->voted,
        .recovering = process->recovering,
        .commands = customer->commands->len > 0,
        .cut_off =
            process->recovering && !customer->forced.engaged && customer->forced.tries >= tries_max,
        .count = process->count,
        .announcement_count = (uint16_t)process->announcements->len,
    };
    if (process->engaged != ENGAGED_NOT)
        standing->engaged = process->instance;
    for (guint i = 0; i < process->announcements->len; i++) {
        const Announcement *announcement = &g_array_index(process->announcements, Announcement, i);
        standing->announcements[i].instance = announcement->instance;
        standing->announcements[i].unacked = announcement->unacked[0];
    }
    for (uint16_t i = 0; i < process->count; i++)
        standing->peers[i] = peer_standing(process, i);
}
