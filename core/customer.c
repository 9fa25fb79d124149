#include "core/customer.h"

#include <string.h>

#include "core/cash.h"
#include "core/checkpoint.h"
#include "core/compose.h"
#include "core/customer_state.h"
#include "core/execute.h"
#include "core/instance.h"
#include "core/leaving.h"
#include "core/membership.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/process_storage.h"
#include "core/recovery.h"
#include "core/report.h"
#include "core/request.h"
#include "core/rollback.h"

Customer *customer_new(const CustomerConfig *config)
{
    Customer *customer = g_new0(Customer, 1);
    INVARIANT_THAT(config->client, !=, 0);
    customer->config = *config;
    customer->process.random = config->seed;
    customer->process.retries = config->retries;
    customer->commands = g_array_new(FALSE, FALSE, sizeof(Command));
    customer->lost = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    return customer;
}

void customer_free(Customer *customer)
{
    if (customer == NULL)
        return;
    process_leave(&customer->process);
    membership_deinit(&customer->membership);
    request_deinit(&customer->request);
    cash_deinit(&customer->cash);
    g_array_free(customer->commands, TRUE);
    g_array_free(customer->lost, TRUE);
    g_free(customer->owed);
    g_free(customer);
}

/* --- marks --- */

/* Messages that come too late, too early or too often. */
static void mark_drop(Customer *customer, MessageKind kind, DropReason reason)
{
    static const struct {
        MessageKind kind;
        DropReason reason;
        Mark mark;
    } drops[] = {
        {MESSAGE_TRANSFER, DROP_DUPLICATE, MARK_TRANSFER_TWICE},
        {MESSAGE_TRANSFER, DROP_ORDER, MARK_TRANSFER_OUT_OF_ORDER},
        {MESSAGE_TRANSFER, DROP_INCARNATION, MARK_TRANSFER_OF_FORMER_LIFE},
        {MESSAGE_TRANSFER, DROP_CLOSED, MARK_TRANSFER_AT_CLOSED_CHANNEL},
        {MESSAGE_TRANSFER, DROP_FROZEN, MARK_TRANSFER_WHILE_FROZEN},
        {MESSAGE_TRANSFER, DROP_COHORT, MARK_TRANSFER_OF_ANOTHER_COHORT},
        {MESSAGE_SKIP, DROP_ORDER, MARK_SKIP_OUT_OF_ORDER},
        {MESSAGE_SKIP, DROP_INCARNATION, MARK_SKIP_OF_FORMER_LIFE},
        {MESSAGE_ACK, DROP_INCARNATION, MARK_ACK_OF_FORMER_LIFE},
        {MESSAGE_ACK, DROP_CLOSED, MARK_ACK_AT_CLOSED_CHANNEL},
        {MESSAGE_CHECKPOINT_VOTE, DROP_STALE, MARK_CHECKPOINT_VOTE_TOO_LATE},
        {MESSAGE_PREPARE_VOTE, DROP_STALE, MARK_ROLLBACK_VOTE_TOO_LATE},
        {MESSAGE_MOVED, DROP_STALE, MARK_MOVED_OVERTAKEN},
    };
    if (kind == MESSAGE_TRANSFER && reason == DROP_ROLLING)
        effects_mark(customer->step.effects, customer->process.engaged == ENGAGED_ROLLBACK
                                                 ? MARK_TRANSFER_WHILE_ROLLING
                                                 : MARK_TRANSFER_WHILE_RECOVERING);
    for (size_t i = 0; i < G_N_ELEMENTS(drops); i++) {
        if (drops[i].kind == kind && drops[i].reason == reason)
            effects_mark(customer->step.effects, drops[i].mark);
    }
}

static void mark_contradiction(Customer *customer, Contradiction found)
{
    if (found & CONTRADICTION_RECEIVED)
        effects_mark(customer->step.effects, MARK_GIVEN_UP_AND_RECEIVED);
    if (found & CONTRADICTION_SKIPPED)
        effects_mark(customer->step.effects, MARK_SKIPPED_BEFORE_ROLLBACK);
}

/* --- from peers --- */

static void report_losses(Customer *customer, uint16_t from, const GArray *lost)
{
    Process *process = &customer->process;
    for (guint i = 0; i < lost->len; i++) {
        uint64_t label = g_array_index(lost, uint64_t, i);
        report_lost(process, &customer->step, from, label,
                    (Money)channel_entry(&process->peers[from].channel.state, label)->payload);
    }
}

static DropReason receive_transfer(Customer *customer, const Header *header, const Message *message)
{
    Process *process = &customer->process;
    Channel *channel = &process->peers[header->sender].channel;
    bool skip = message->kind == MESSAGE_SKIP;
    Money amount = (Money)message->transfer.payload;
    if (process->frozen)
        return DROP_FROZEN;
    if (process->engaged == ENGAGED_ROLLBACK ||
        (process->recovering && !planted(PLANTED_ACCEPT_WHILE_RECOVERING)))
        return DROP_ROLLING;
    if (!skip && account_balance(&process->application) > INT64_MAX - amount)
        return DROP_OVERFLOW;
    DropReason reason =
        channel_accept(channel, header, process->inc, message->transfer.label, skip);
    if (reason != DROP_NONE)
        return reason;
    if (skip) {
        report_missing(process, &customer->step, header->sender, message->transfer.label);
        return DROP_NONE;
    }
    bool credited = account_credit(&process->application, amount);
    INVARIANT(credited);
    report_received(process, &customer->step, header->sender, message->transfer.label, amount);
    return DROP_NONE;
}

static DropReason receive_ack(Customer *customer, const Header *header, const Message *message)
{
    Process *process = &customer->process;
    Channel *channel = &process->peers[header->sender].channel;
    if (channel->closed.instance.number != 0)
        return DROP_CLOSED;
    if (!channel_matches(channel, header, process->inc) &&
        !planted(PLANTED_ACK_WITHOUT_INCARNATION))
        return DROP_INCARNATION;
    g_array_set_size(customer->lost, 0);
    mark_contradiction(customer, channel_acknowledged(channel, &message->ack, customer->step.now_ns,
                                                      customer->lost));
    report_losses(customer, header->sender, customer->lost);
    if (planted(PLANTED_RELEASE_ON_ACK))
        channel_release(channel, &message->ack);
    if (planted(PLANTED_FORGET_SKIPS_AT_ONCE))
        channel_forget_skips(channel, header->una);
    return DROP_NONE;
}

static DropReason receive_stable(Customer *customer, const Header *header, const Message *message)
{
    Process *process = &customer->process;
    Channel *channel = &process->peers[header->sender].channel;
    if (process->frozen)
        return DROP_FROZEN;
    if (leaps(channel->peer_version, message->stable.version))
        return DROP_LEAP;
    /* Permanent is permanent: true in every incarnation. */
    g_array_set_size(customer->lost, 0);
    mark_contradiction(customer,
                       channel_take_word(channel, &message->stable.coverage, customer->lost));
    if (customer->lost->len > 0)
        effects_mark(customer->step.effects, MARK_STABLE_TELLS_OF_LOSS);
    report_losses(customer, header->sender, customer->lost);
    Money released = (Money)channel_release(channel, &message->stable.coverage);
    if (released > 0) {
        effects_mark(customer->step.effects, MARK_LOSS_RELEASED);
        account_release_loss(&process->application, released);
    }
    if (message->stable.version < channel->peer_version) {
        effects_mark(customer->step.effects, MARK_STABLE_OVERTAKEN);
    } else {
        channel->peer_version = message->stable.version;
        channel->peer_perm_sent = message->stable.perm_sent;
        channel->peer_perm_base = message->stable.perm_base;
        channel_forget_skips(channel, channel->peer_perm_base);
    }
    Message ack = {.kind = MESSAGE_STABLE_ACK};
    ack.stable_ack.version = message->stable.version;
    ack.stable_ack.upto = channel->state.base;
    compose_owe(process, header->sender, &ack);
    return DROP_NONE;
}

static DropReason receive_stable_ack(Customer *customer, const Header *header,
                                     const Message *message)
{
    Process *process = &customer->process;
    Channel *channel = &process->peers[header->sender].channel;
    if (channel->closed.instance.number != 0)
        return DROP_CLOSED;
    if (!channel_matches(channel, header, process->inc))
        return DROP_INCARNATION;
    if (!channel->stable_due || message->stable_ack.version != process->permanents)
        return DROP_STALE;
    bool further = message->stable_ack.upto > channel->told;
    channel->told = message->stable_ack.upto;
    channel->stable_due = channel->told < process->perm.channels[header->sender].in;
    if (channel->stable_due && further) /* else the timer: two must not answer each other at once */
        compose_hurry(process, header->sender, &customer->step);
    return DROP_NONE;
}

static DropReason receive_decision(Customer *customer, uint16_t from, const Message *message)
{
    Process *process = &customer->process;
    Instance instance = message->decision.instance;
    bool commit = message->decision.commit;
    if (instance_engaged(process, instance)) {
        /* Nobody decides for the initiator, and no commit comes before our own yes. */
        if (process->parent == process->self || (commit && (!process->voted || process->refused)))
            return DROP_STALE;
        if (process->voted && process->query_next != instance.initiator)
            effects_mark(customer->step.effects,
                         commit ? MARK_DOUBT_ENDS_IN_COMMIT : MARK_DOUBT_ENDS_IN_ABORT);
        if (process->engaged == ENGAGED_CHECKPOINT)
            checkpoint_decide(process, &customer->step, commit);
        else
            rollback_decide(process, &customer->step, instance, commit);
    } else if (rollback_holds(process, instance)) {
        rollback_decide(process, &customer->step, instance, commit);
    } else {
        bool before;
        effects_mark(customer->step.effects, instance_finished(process, instance, &before)
                                                 ? MARK_DECISION_TWICE
                                                 : MARK_DECISION_BEFORE_REQUEST);
    }
    instance_note_decision(process, from, instance, commit);
    return DROP_NONE;
}

static DropReason receive_moved(Customer *customer, uint16_t from, const Message *message)
{
    Process *process = &customer->process;
    Message ack = {.kind = MESSAGE_MOVED_ACK, .moved_ack = message->moved.epoch};
    Member member = process->peers[from].member;
    if (message->moved.epoch < member.epoch)
        return DROP_STALE;
    if (leaps(member.epoch, message->moved.epoch))
        return DROP_LEAP;
    member.epoch = message->moved.epoch;
    member.ip = message->moved.address.ip;
    member.port2 = message->moved.address.port;
    membership_relocate(customer, from, &member);
    compose_owe(process, from, &ack);
    return DROP_NONE;
}

static DropReason receive_instance(Customer *customer, uint16_t from, const Message *message)
{
    Process *process = &customer->process;
    Step *step = &customer->step;
    switch (message->kind) {
    case MESSAGE_CHECKPOINT_REQUEST:
        checkpoint_receive_request(process, step, from, message);
        return DROP_NONE;
    case MESSAGE_CHECKPOINT_VOTE:
        return checkpoint_receive_vote(process, step, from, message);
    case MESSAGE_PREPARE:
        return rollback_receive_prepare(process, step, from, message);
    case MESSAGE_PREPARE_VOTE:
        return rollback_receive_vote(process, step, from, message);
    case MESSAGE_DECISION:
        return receive_decision(customer, from, message);
    case MESSAGE_DECISION_ACK:
        instance_receive_ack(process, step, from, message->instance);
        return DROP_NONE;
    default:
        instance_receive_query(process, step, from, message->instance);
        return DROP_NONE;
    }
}

/* The instance a message speaks of, if it does. */
static const Instance *instance_of(const Message *message)
{
    switch (message->kind) {
    case MESSAGE_CHECKPOINT_REQUEST:
        return &message->checkpoint_request.instance;
    case MESSAGE_CHECKPOINT_VOTE:
    case MESSAGE_PREPARE_VOTE:
        return &message->vote.instance;
    case MESSAGE_PREPARE:
        return &message->prepare.instance;
    case MESSAGE_DECISION:
        return &message->decision.instance;
    case MESSAGE_DECISION_ACK:
    case MESSAGE_QUERY:
        return &message->instance;
    default:
        return NULL;
    }
}

static DropReason receive_from_peer(Customer *customer, const Header *header,
                                    const Message *message)
{
    Process *process = &customer->process;
    const Instance *instance = instance_of(message);
    if ((message->kind == MESSAGE_TRANSFER || message->kind == MESSAGE_SKIP) &&
        header->receiver == customer->membership.proposal.self &&
        header->sender < customer->membership.proposal.count &&
        membership_prove_formed(customer, header->cohort))
        effects_mark(customer->step.effects, MARK_FORMED_BY_TRANSFER);
    if (!customer_active(customer) ||
        (header->cohort != process->cohort && !planted(PLANTED_COHORT_NOT_COMPARED)))
        return DROP_COHORT;
    if (header->sender >= process->count || header->sender == process->self)
        return DROP_SENDER;
    if (header->receiver != process->self)
        return DROP_RECEIVER;
    if (instance != NULL) {
        if (instance->initiator >= process->count)
            return DROP_MALFORMED;
        if (leaps(process->peers[instance->initiator].finished.number, instance->number))
            return DROP_LEAP;
        return receive_instance(customer, header->sender, message);
    }
    switch (message->kind) {
    case MESSAGE_TRANSFER:
    case MESSAGE_SKIP:
        return receive_transfer(customer, header, message);
    case MESSAGE_ACK:
        return receive_ack(customer, header, message);
    case MESSAGE_STABLE:
        return receive_stable(customer, header, message);
    case MESSAGE_STABLE_ACK:
        return receive_stable_ack(customer, header, message);
    case MESSAGE_MOVED:
        return receive_moved(customer, header->sender, message);
    case MESSAGE_MOVED_ACK:
        if (message->moved_ack == process->epoch)
            process->peers[header->sender].moved_due = false;
        return DROP_NONE;
    default:
        return DROP_SENDER;
    }
}

/* --- from the bank --- */

static DropReason receive_from_bank(Customer *customer, const Message *message)
{
    switch (message->kind) {
    case MESSAGE_ANSWER:
        request_receive_answer(customer, message);
        return DROP_NONE;
    case MESSAGE_WORKING:
        request_receive_working(customer, message);
        return DROP_NONE;
    case MESSAGE_CHALLENGE:
        request_receive_challenge(customer, message);
        return DROP_NONE;
    case MESSAGE_PROPOSE:
        membership_receive_propose(customer, message);
        return DROP_NONE;
    case MESSAGE_OUTCOME:
        membership_receive_outcome(customer, message);
        return DROP_NONE;
    case MESSAGE_DISSOLVE:
        leaving_receive_order(customer, message);
        return DROP_NONE;
    case MESSAGE_STATUS_ACK:
        leaving_receive_status_ack(customer, message);
        return DROP_NONE;
    case MESSAGE_REPORT_ACK:
        membership_receive_report_ack(customer, message);
        return DROP_NONE;
    default:
        return DROP_SENDER;
    }
}

static void receive(Customer *customer, const Event *event)
{
    WireReader reader;
    Header header = {0}; /* not set when there is a reason to drop it all */
    Message message;
    DropReason reason = wire_open(&reader, event->bytes, event->length, &header);
    bool from_bank = header.sender == SENDER_BANK;
    if (reason == DROP_NONE && from_bank != (event->port == PORT_BANK))
        reason = DROP_PORT;
    if (reason != DROP_NONE) {
        customer_drop(customer, NULL, reason);
        return;
    }
    if (from_bank)
        customer->request.cookie = header.cookie;
    while (!customer->membership.ended && wire_next(&reader, &message)) {
        reason = from_bank ? receive_from_bank(customer, &message)
                           : receive_from_peer(customer, &header, &message);
        if (reason != DROP_NONE && !from_bank)
            mark_drop(customer, message.kind, reason);
        if (reason != DROP_NONE)
            customer_drop(customer,
                          reason > DROP_SENDER /* judged as that member's */
                              ? &customer->process.peers[header.sender].member.name
                              : NULL,
                          reason);
    }
}

/* --- start and stop --- */

static void rebase(Customer *customer)
{
    Process *process = &customer->process;
    uint64_t now_ns = customer->step.now_ns;
    customer->membership.proposal.repeat_ns = now_ns;
    customer->membership.dissolving.repeat_ns = now_ns;
    customer->membership.report_ns = now_ns;
    customer->attempt = (Attempt){0};
    customer->forced = (Attempt){0};
    if (!customer_active(customer))
        return;
    process_rebase(process, now_ns);
    /* Peers may have to reach us elsewhere now. */
    Member *self = &process->peers[process->self].member;
    self->ip = customer->config.ip;
    self->port1 = customer->config.port1;
    self->port2 = customer->config.port2;
    self->epoch = process->epoch;
    for (uint16_t i = 0; i < process->count; i++)
        process->peers[i].moved_due = i != process->self;
}

static void start(Customer *customer)
{
    Command resume = {.kind = COMMAND_RESUME, .name = customer->config.resume};
    if (customer->loaded) {
        customer->process.epoch++;
        if (!customer->orderly && customer->membership.proposal.pending)
            effects_mark(customer->step.effects, MARK_CRASH_WHILE_PREPARED);
        rebase(customer);
        if (customer->orderly)
            effects_save(customer->step.effects, SLOT_ORDERLY, 0, NULL, 0);
        else if (customer->membership.has_account)
            recovery_start(customer);
        customer->orderly = false;
        customer->account_changed = true;
        if (customer_active(customer))
            process_mark_unsaved(&customer->process);
        /* Else the bank has yet to say whether there is an account. */
        if (customer->membership.has_account)
            effects_notify(customer->step.effects,
                           &(Notice){.kind = NOTICE_RESUMED,
                                     .balance = account_balance(&customer->process.application)});
    }
    if (customer->config.resume.text[0] != '\0')
        request_begin(customer, &resume, false);
}

/* "An orderly stop saves the whole current state as one record; the next start goes on from it as
 * after a pause." */
static void stop(Customer *customer)
{
    Process *process = &customer->process;
    customer->stopping = true;
    if (process->engaged == ENGAGED_CHECKPOINT && !process->voted)
        checkpoint_abort(process, &customer->step, process->self, false);
    else if (process->engaged == ENGAGED_ROLLBACK && !process->voted)
        rollback_abort(process, &customer->step, process->self, false);
    process->outcome.over = false;
    customer->request.active = false;
    customer_refuse_commands(customer, REFUSAL_STOPPING);
    if (!customer_has_record(customer))
        return;
    membership_bye(customer);
    Coder coder = coder_encode_growing();
    customer_encode(customer, &coder);
    effects_save(customer->step.effects, SLOT_ORDERLY, 0, coder.bytes, coder.length);
    coder_deinit(&coder);
}

/* --- the step --- */

static bool rolling(const Customer *customer)
{
    const Process *process = &customer->process;
    if (process->recovering && !planted(PLANTED_SEND_WHILE_RECOVERING))
        return true;
    return process->engaged == ENGAGED_ROLLBACK && !planted(PLANTED_SEND_WHILE_ROLLING);
}

/* An initiator aborts what does not get its answers; who has not voted yes may do so later. */
static uint64_t instance_limit_ns(const Process *process)
{
    if (process->engaged == ENGAGED_NOT || process->voted)
        return TIME_NEVER;
    return process->since_ns +
           (process->parent == process->self ? INSTANCE_NS_MAX : 2 * INSTANCE_NS_MAX);
}

static void tick_instance(Customer *customer)
{
    Process *process = &customer->process;
    uint16_t silent = process->self;
    instance_query_if_due(process, &customer->step);
    if (instance_limit_ns(process) > customer->step.now_ns)
        return;
    for (uint16_t i = 0; i < process->count; i++) {
        if (process->peers[i].ask == ASK_WAITING)
            silent = i;
    }
    if (process->engaged == ENGAGED_CHECKPOINT) {
        effects_mark(customer->step.effects, MARK_CHECKPOINT_WITHOUT_ANSWER);
        checkpoint_abort(process, &customer->step, silent, true);
    } else {
        effects_mark(customer->step.effects, MARK_ROLLBACK_WITHOUT_ANSWER);
        rollback_abort(process, &customer->step, silent, true);
    }
}

static void flush_bank(Customer *customer)
{
    WireWriter writer;
    const Header header = {.sender = SENDER_CLIENT, .cookie = customer->request.cookie};
    wire_begin(&writer, &header);
    for (uint32_t i = 0; i < customer->owed_count; i++) {
        if (!wire_add(&writer, &customer->owed[i])) {
            effects_send(customer->step.effects, PORT_BANK, customer->config.bank, writer.bytes,
                         wire_end(&writer));
            wire_begin(&writer, &header);
            bool fits = wire_add(&writer, &customer->owed[i]);
            INVARIANT(fits);
        }
    }
    size_t length = wire_end(&writer);
    if (length > 0)
        effects_send(customer->step.effects, PORT_BANK, customer->config.bank, writer.bytes,
                     length);
    customer->owed_count = 0;
}

static void set_deadline(Customer *customer)
{
    const uint64_t deadlines_ns[] = {
        compose_deadline(&customer->process, rolling(customer)),
        instance_limit_ns(&customer->process),
        membership_deadline(customer),
        leaving_deadline(customer),
        request_deadline(customer),
        execute_deadline(customer),
        recovery_deadline(customer),
    };
    uint64_t deadline_ns = TIME_NEVER;
    for (size_t i = 0; i < G_N_ELEMENTS(deadlines_ns); i++)
        deadline_ns = MIN(deadline_ns, deadlines_ns[i]);
    INVARIANT(deadline_ns > customer->step.now_ns); /* what was due was done */
    effects_set_deadline(customer->step.effects, deadline_ns);
}

int customer_step(Customer *customer, const Event *event, Effects *effects)
{
    effects_clear(effects);
    INVARIANT(!customer->stopping && !customer->membership.ended);
    customer->step = (Step){event->now_ns, effects};
    if (event->kind == EVENT_START)
        start(customer);
    else if (event->kind == EVENT_DATAGRAM)
        receive(customer, event);
    else if (event->kind == EVENT_COMMAND)
        g_array_append_val(customer->commands, event->command);
    else if (event->kind == EVENT_STOP)
        stop(customer);
    if (!customer->stopping) {
        if (customer_active(customer))
            tick_instance(customer);
        request_tick(customer);
        recovery_tick(customer);
        cash_settle(customer);
        execute_commands(customer);
        if (customer->process.permanent_news)
            membership_report(customer);
        customer->process.permanent_news = false;
        membership_tick(customer);
        leaving_tick(customer);
    }
    customer_save_changes(customer);
    if (customer_active(customer))
        compose_flush(&customer->process, &customer->step, rolling(customer));
    flush_bank(customer);
    if (customer->stopping || customer->membership.ended)
        effects_end(effects);
    else
        set_deadline(customer);
    return 0;
}
