#include "core/leaving.h"

#include <string.h>

#include "core/membership.h"
#include "core/planted.h"
#include "core/random.h"
#include "core/report.h"

/* A version is the process's count of starts, then a count of changes. */
#define VERSION_EPOCH_SHIFT 32

static uint16_t part_count(const Process *process)
{
    return (uint16_t)((process->count + COUNTS_PER_MESSAGE_MAX - 1) / COUNTS_PER_MESSAGE_MAX);
}

/* What a rollback is going to undo is not settled. */
static bool settled(const Process *process)
{
    return process_all_settled(process) && !process->recovering;
}

static Message status_message(const Customer *customer, StatusState state, uint64_t attempt)
{
    const Process *process = &customer->process;
    const Dissolving *dissolving = &customer->membership.dissolving;
    Message message = {.kind = MESSAGE_STATUS};
    message.status.cohort = process->cohort;
    message.status.member = process->self;
    message.status.attempt = attempt;
    message.status.version = dissolving->version;
    message.status.state = state;
    if (dissolving->voted) {
        message.status.settled = dissolving->final.settled;
        message.status.balance = account_balance(&dissolving->final.application);
        message.status.inc = dissolving->final.inc;
    } else {
        message.status.settled = settled(process);
        message.status.balance = account_balance(&process->application);
        message.status.inc = process->inc;
    }
    message.status.report = customer->membership.report_version + 1;
    message.status.total = process->count;
    return message;
}

static StatusCount count_of(const Process *process, uint16_t member)
{
    const Channel *channel = &process->peers[member].channel;
    return (StatusCount){channel->state.out, channel->state.in, channel->known};
}

static void owe_part(Customer *customer, uint16_t part)
{
    const Process *process = &customer->process;
    const Dissolving *dissolving = &customer->membership.dissolving;
    Message message = status_message(customer, dissolving->state, dissolving->attempt);
    uint16_t first = (uint16_t)(part * COUNTS_PER_MESSAGE_MAX);
    uint16_t left = (uint16_t)(process->count - first);
    message.status.first = first;
    message.status.count = left < COUNTS_PER_MESSAGE_MAX ? left : COUNTS_PER_MESSAGE_MAX;
    for (uint16_t i = 0; i < message.status.count; i++) {
        uint16_t member = (uint16_t)(first + i);
        message.status.counts[i] =
            dissolving->voted ? dissolving->final.counts[member] : count_of(process, member);
    }
    customer_owe_bank(customer, &message);
}

static uint64_t mix(uint64_t digest, uint64_t word)
{
    return random_next(&(uint64_t){digest ^ word});
}

static uint64_t status_digest(const Process *process)
{
    uint64_t digest = mix(mix(0, process->inc), settled(process));
    for (uint16_t i = 0; i < process->count; i++) {
        StatusCount count = count_of(process, i);
        digest = mix(mix(mix(digest, count.sent), count.received), count.known);
    }
    return digest;
}

/* Everything that is due is due now, to a bank that has acknowledged nothing. */
static void report_afresh(Customer *customer)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    dissolving->due = true;
    dissolving->repeat_ns = customer->step.now_ns;
    memset(dissolving->acked, 0, sizeof dissolving->acked);
}

/* Versions are not durable; but no two starts use the same ones. */
static uint64_t next_version(const Customer *customer)
{
    uint64_t least = customer->process.epoch << VERSION_EPOCH_SHIFT;
    uint64_t version = customer->membership.dissolving.version;
    return (version > least ? version : least) + 1;
}

static void status_renew(Customer *customer, StatusState state)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    dissolving->state = state;
    dissolving->version = next_version(customer);
    dissolving->digest = status_digest(&customer->process);
    dissolving->backoff = 0;
    report_afresh(customer);
}

/* --- FINAL --- */

static void final_take(Final *final, const Process *process)
{
    g_free(final->counts); /* of an earlier attempt */
    *final = (Final){.application = process->application,
                     .settled = process_all_settled(process),
                     .inc = process->inc,
                     .count = process->count,
                     .counts = g_new0(StatusCount, process->count)};
    for (uint16_t i = 0; i < process->count; i++)
        final->counts[i] = count_of(process, i);
    /* With the cohort its logs end, and what is lost in them is lost for good. */
    process_release_losses(process, &final->application);
}

void leaving_clear(Dissolving *dissolving)
{
    g_free(dissolving->final.counts);
    *dissolving = (Dissolving){0};
}

/* Neither quiesced nor voted any more: "a higher attempt cancels a lower", or the bank did. */
static void release(Customer *customer)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    if (dissolving->voted)
        customer->account_changed = true;
    dissolving->quiesced = false;
    dissolving->voted = false;
    dissolving->due = false;
    customer->process.frozen = false;
}

bool leaving_restore(Customer *customer)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    if (!dissolving->voted || planted(PLANTED_VOLATILE_FINAL)) {
        release(customer);
        return true;
    }
    if (!customer_active(customer) || dissolving->final.count != customer->process.count)
        return false;
    if (planted(PLANTED_FINAL_TAKEN_AGAIN))
        final_take(&dissolving->final, &customer->process);
    customer->process.frozen = true;
    report_afresh(customer);
    return true;
}

/* --- orders --- */

/* "A member that is quiesced for it, idle and not NR writes FINAL and votes with it." */
static bool ready_to_vote(const Customer *customer)
{
    const Process *process = &customer->process;
    if (planted(PLANTED_VOTE_WHILE_ENGAGED))
        return process_all_settled(process);
    for (uint16_t i = 0; i < process->count; i++) {
        if (process->peers[i].channel.closed.instance.number != 0)
            return false;
    }
    return process->engaged == ENGAGED_NOT && !process->recovering &&
           process->announcements->len == 0 &&
           (process_all_settled(process) || planted(PLANTED_DISSOLVE_UNBALANCED));
}

/* What an order takes back. */
static void mark_release(Customer *customer, bool quiesced_again)
{
    const Dissolving *dissolving = &customer->membership.dissolving;
    if (dissolving->voted)
        effects_mark(customer->step.effects, MARK_FINAL_CANCELLED);
    else if (dissolving->quiesced && quiesced_again)
        effects_mark(customer->step.effects, MARK_QUIESCED_AGAIN);
}

static void order_quiesce(Customer *customer, uint64_t attempt)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    if (attempt == dissolving->attempt && dissolving->quiesced && !dissolving->voted)
        report_afresh(customer);
    if (attempt <= dissolving->attempt)
        return;
    /* "A higher attempt cancels a lower." */
    mark_release(customer, true);
    release(customer);
    dissolving->attempt = attempt;
    dissolving->quiesced = true;
    status_renew(customer, STATUS_QUIESCED);
}

static void owe_status(Customer *customer, StatusState state, uint64_t attempt)
{
    Message message = status_message(customer, state, attempt);
    customer_owe_bank(customer, &message);
}

static void order_prepare(Customer *customer, uint64_t attempt)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    if (attempt < dissolving->attempt)
        return;
    /* What it was quiesced for may have been lost with a crash: then the bank must begin anew. */
    bool quiesced = attempt == dissolving->attempt && dissolving->quiesced;
    if (quiesced && dissolving->voted) {
        effects_mark(customer->step.effects, MARK_FINAL_REPEATED);
        report_afresh(customer);
    } else if (quiesced && ready_to_vote(customer)) {
        /* "Voted is frozen: no sending, requests for checkpoints or rollbacks refused." */
        dissolving->voted = true;
        final_take(&dissolving->final, &customer->process);
        customer->process.frozen = !planted(PLANTED_VOTED_NOT_FROZEN);
        customer->account_changed = true;
        status_renew(customer, STATUS_VOTED);
    } else {
        effects_mark(customer->step.effects,
                     quiesced ? MARK_FINAL_REFUSED : MARK_FINAL_REFUSED_AFTER_CRASH);
        owe_status(customer, STATUS_REFUSED, attempt);
    }
}

static void order_cancel(Customer *customer, uint64_t attempt)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    if (attempt >= dissolving->attempt) {
        mark_release(customer, false);
        release(customer);
        dissolving->attempt = attempt;
        customer->account_changed = true;
    }
    owe_status(customer, STATUS_CANCELLED, attempt);
}

/* "A member makes FINAL its balance and is free in one record, then says LEFT." */
static void order_done(Customer *customer)
{
    Membership *membership = &customer->membership;
    Process *process = &customer->process;
    if (!process->recovering) /* else what was lost after the checkpoint is forgotten */
        report_open_losses(process, &customer->step);
    else
        effects_mark(customer->step.effects, MARK_FINAL_BEFORE_RECOVERY);
    process->application = membership->dissolving.final.application;
    Money balance = account_balance(&process->application);
    membership->left_cohort = process->cohort;
    membership->left_member = process->self;
    customer_trace(customer,
                   (TraceEvent){.kind = TRACE_LEFT, .cohort = process->cohort, .balance = balance});
    effects_notify(customer->step.effects,
                   &(Notice){.kind = NOTICE_LEFT, .cohort = process->cohort, .balance = balance});
    process_leave(process);
    leaving_clear(&membership->dissolving);
    membership->report_version++; /* the bank has FINAL as this report */
    membership->report_due = false;
    customer->account_changed = true;
}

static void owe_left(Customer *customer, uint64_t cohort)
{
    Message message = {.kind = MESSAGE_LEFT};
    message.left.cohort = cohort;
    message.left.member = customer->membership.left_member;
    customer_owe_bank(customer, &message);
}

void leaving_receive_order(Customer *customer, const Message *message)
{
    Membership *membership = &customer->membership;
    uint64_t cohort = message->dissolve.cohort;
    uint64_t attempt = message->dissolve.attempt;
    if (membership_prove_formed(customer, cohort)) /* only what was formed can be dissolved */
        effects_mark(customer->step.effects, MARK_FORMED_BY_ORDER);
    if (!customer_active(customer) || cohort != customer->process.cohort) {
        if (message->dissolve.order == DISSOLVE_DONE && cohort == membership->left_cohort) {
            effects_mark(customer->step.effects, MARK_LEFT_TWICE);
            owe_left(customer, cohort);
        } else {
            customer_drop(customer, NULL, DROP_COHORT);
        }
        return;
    }
    if (leaps(membership->dissolving.attempt, attempt)) {
        customer_drop(customer, NULL, DROP_LEAP);
    } else if (message->dissolve.order == DISSOLVE_QUIESCE) {
        order_quiesce(customer, attempt);
    } else if (message->dissolve.order == DISSOLVE_PREPARE) {
        order_prepare(customer, attempt);
    } else if (message->dissolve.order == DISSOLVE_CANCEL) {
        order_cancel(customer, attempt);
    } else if (membership->dissolving.voted) {
        order_done(customer);
        owe_left(customer, cohort);
    } else {
        customer_drop(customer, NULL, DROP_STALE);
    }
}

void leaving_receive_status_ack(Customer *customer, const Message *message)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    uint16_t part = (uint16_t)(message->status_ack.first / COUNTS_PER_MESSAGE_MAX);
    /* After a CANCEL nothing is reported any more, and nothing may fall due again. */
    if (!dissolving->quiesced || message->status_ack.cohort != customer->process.cohort ||
        message->status_ack.attempt != dissolving->attempt ||
        message->status_ack.version != dissolving->version ||
        part >= part_count(&customer->process)) {
        customer_drop(customer, NULL, DROP_STALE);
        return;
    }
    bit_set(dissolving->acked, part, true);
    dissolving->due = false;
    for (uint16_t i = 0; i < part_count(&customer->process); i++) {
        if (!bit_get(dissolving->acked, i))
            dissolving->due = true;
    }
}

/* --- time --- */

void leaving_tick(Customer *customer)
{
    Dissolving *dissolving = &customer->membership.dissolving;
    if (!dissolving->quiesced)
        return;
    if (!dissolving->voted && dissolving->digest != status_digest(&customer->process)) {
        effects_mark(customer->step.effects, MARK_QUIESCED_AND_NOT_SETTLED);
        status_renew(customer, STATUS_QUIESCED);
    }
    if (!dissolving->due || dissolving->repeat_ns > customer->step.now_ns)
        return;
    for (uint16_t part = 0; part < part_count(&customer->process); part++) {
        if (!bit_get(dissolving->acked, part))
            owe_part(customer, part);
    }
    dissolving->repeat_ns = customer_repeat_at(customer, &dissolving->backoff);
}

uint64_t leaving_deadline(const Customer *customer)
{
    const Dissolving *dissolving = &customer->membership.dissolving;
    return dissolving->due ? dissolving->repeat_ns : TIME_NEVER;
}

/* --- encoding --- */

static void code_final(Coder *coder, Final *final)
{
    application_code(coder, &final->application);
    code_bool(coder, &final->settled);
    code_u64(coder, &final->inc);
    code_u16(coder, &final->count);
    if (final->count > MEMBERS_MAX) {
        coder->failed = true;
        return;
    }
    if (coder->decoding)
        final->counts = g_new0(StatusCount, final->count);
    for (uint16_t i = 0; i < final->count; i++) {
        code_u64(coder, &final->counts[i].sent);
        code_u64(coder, &final->counts[i].received);
        code_u64(coder, &final->counts[i].known);
    }
}

void leaving_code(Coder *coder, Dissolving *dissolving)
{
    int state = (int)dissolving->state;
    code_u64(coder, &dissolving->attempt);
    code_bool(coder, &dissolving->quiesced);
    code_bool(coder, &dissolving->voted);
    if (dissolving->voted)
        code_final(coder, &dissolving->final);
    code_enum(coder, &state, STATUS_STATES);
    dissolving->state = (StatusState)state;
    code_u64(coder, &dissolving->version);
    code_u64(coder, &dissolving->digest);
    code_bool(coder, &dissolving->due);
    code_bytes(coder, dissolving->acked, sizeof dissolving->acked);
    code_u64(coder, &dissolving->repeat_ns);
    code_u32(coder, &dissolving->backoff);
}
