#include "sim/checker_events.h"

#include <inttypes.h>

#include "core/planted.h"
#include "sim/checker_crashes.h"
#include "sim/checker_decisions.h"
#include "sim/checker_memory.h"

/* --- money, as the process itself counts it --- */

/* The balance is as the record says from here on: one mistake is reported once. */
static void claim_balance(Checker *checker, const Record *record, Money expected)
{
    Process *process = record->process;
    if (record->balance != expected) {
        if (!planted(PLANTED_JUDGE_MISSES_MONEY))
            state_violation(checker, RULE_MONEY, record,
                            "expected balance %" PRId64 " after this, found %" PRId64, expected,
                            record->balance);
        state_add_cash(checker, process, (uint64_t)record->balance - (uint64_t)expected);
    }
    if (record->balance < 0)
        state_violation(checker, RULE_MONEY, record, "the balance is below zero: %" PRId64,
                        record->balance);
    state_set_balance(checker, process, record->balance);
}

/* Outside a cohort everything is permanent at once. */
static void make_permanent_outside(Process *process)
{
    if (process->member != NULL)
        return;
    state_copy(process, PERMANENT, NOW);
    process->own_permanent = process->balance[NOW];
}

/* What has happened already is in every version of the state that a rollback may restore. */
static void keep_cash(Process *process, Money change)
{
    for (Version version = PERMANENT; version < VERSIONS; version++) {
        process->balance[version] = money_plus(process->balance[version], change);
        process->cash[version] += (uint64_t)change;
    }
    process->own_permanent = money_plus(process->own_permanent, change);
}

static void judge_cash(Checker *checker, const Record *record)
{
    Process *process = record->process;
    Money change = record->kind == TRACE_DEPOSITED ? record->amount : -record->amount;
    state_add_cash(checker, process, (uint64_t)change);
    claim_balance(checker, record, money_plus(process->balance[NOW], change));
    const bool survives = checker->options.cash_survives || record->cash_survives;
    if (survives)
        keep_cash(process, change);
    if (survives && process->balance[PERMANENT] < 0)
        state_violation(checker, RULE_MONEY, record,
                        "paid out more than its permanent checkpoint holds: %" PRId64 " too much",
                        -process->balance[PERMANENT]);
    make_permanent_outside(process);
}

/* --- the life of an account --- */

static void judge_opened(Checker *checker, const Record *record)
{
    Process *process = record->process;
    if (process->open) {
        /* Started again, from its row at the bank. */
        claim_balance(checker, record, process->own_permanent);
    } else {
        state_add_cash(checker, process, (uint64_t)record->balance);
        claim_balance(checker, record, record->balance);
    }
    process->open = true;
    make_permanent_outside(process);
}

static void judge_exited(Checker *checker, const Record *record)
{
    Process *process = record->process;
    claim_balance(checker, record, process->balance[NOW]);
    state_add_cash(checker, process, 0 - (uint64_t)process->balance[NOW]);
    state_set_balance(checker, process, 0);
    process->open = false;
}

static gint compare_pointers(gconstpointer a, gconstpointer b)
{
    const void *left = *(void *const *)a;
    const void *right = *(void *const *)b;
    return (left > right) - (left < right);
}

static GPtrArray *sorted_members(const Record *joined)
{
    GPtrArray *members = g_ptr_array_sized_new(joined->count);
    for (uint32_t i = 0; i < joined->count; i++)
        g_ptr_array_add(members, joined->counts[i].peer);
    g_ptr_array_sort(members, compare_pointers);
    return members;
}

static bool same_members(const Record *a, const Record *b)
{
    GPtrArray *left = sorted_members(a);
    GPtrArray *right = sorted_members(b);
    bool same = left->len == right->len;
    for (guint i = 0; same && i < left->len; i++)
        same = g_ptr_array_index(left, i) == g_ptr_array_index(right, i);
    g_ptr_array_unref(left);
    g_ptr_array_unref(right);
    return same;
}

static bool has_member(const Record *joined, const Process *process)
{
    for (uint32_t i = 0; i < joined->count; i++) {
        if (joined->counts[i].peer == process)
            return true;
    }
    return false;
}

static void judge_joined(Checker *checker, const Record *record)
{
    Process *process = record->process;
    Membership *member = state_member(checker, record->group, process);
    if (member->left != NULL) {
        state_violation(checker, RULE_LIFE, record,
                        "joined cohort %" PRIu64 ", which it has left before", record->group->id);
        return;
    }
    if (!same_members(record, record->group->founding))
        state_violation(checker, RULE_LIFE, record,
                        "joined cohort %" PRIu64 " with other members than %s did",
                        record->group->id, record->group->founding->process->name.text);
    if (!has_member(record, process))
        state_violation(checker, RULE_LIFE, record,
                        "joined cohort %" PRIu64 ", of whose members it is none",
                        record->group->id);
    process->member = member;
    state_copy(process, PERMANENT, NOW);
    process->own_permanent = process->balance[NOW];
}

/* --- channels --- */

/* The channel that a record is about: always one between two members. */
static Channel *channel_of(Checker *checker, const Record *record, Process *from, Process *to)
{
    Group *group = record->process->member->group;
    Channel *channel = state_find_channel(checker, group, from, to);
    if (channel != NULL)
        return channel;
    channel = state_channel(checker, group, from, to);
    if (from == to || !has_member(group->founding, record->peer))
        state_break(checker, channel, RULE_LIFE, record,
                    "%s label %" PRIu64 ": %s is no other member of cohort %" PRIu64,
                    trace_word((TraceKind)record->kind), record->label, record->peer->name.text,
                    group->id);
    return channel;
}

static void judge_sent(Checker *checker, const Record *record)
{
    Process *process = record->process;
    Channel *channel = channel_of(checker, record, process, record->peer);
    claim_balance(checker, record, money_plus(process->balance[NOW], -record->amount));
    if (process->tentative != NULL)
        state_violation(checker, RULE_DISCIPLINE, record,
                        "sent label %" PRIu64 " to %s between its tentative checkpoint %s and the "
                        "decision",
                        record->label, channel->to->name.text, process->tentative->decision->text);
    if (channel->broken)
        return;
    if (record->label != channel->sent_count[NOW] + 1) {
        state_break(checker, channel, RULE_PREFIX, record,
                    "expected to send label %" PRIu64 " to %s, found %" PRIu64,
                    channel->sent_count[NOW] + 1, channel->to->name.text, record->label);
        return;
    }
    state_push_sent(checker, channel, record);
}

/* True when the channel goes on with this label. */
static bool judge_next_label(Checker *checker, Channel *channel, const Record *record)
{
    uint64_t expected = channel->accepted_count[NOW] + 1;
    const char *from = channel->from->name.text;
    if (record->label == expected)
        return true;
    if (record->label > expected)
        state_break(checker, channel, RULE_PREFIX, record,
                    "a gap: expected label %" PRIu64 " from %s, found %" PRIu64, expected, from,
                    record->label);
    else if (!planted(PLANTED_JUDGE_MISSES_DUPLICATES))
        state_break(checker, channel, RULE_PREFIX, record,
                    "a duplicate: expected label %" PRIu64 " from %s, found %" PRIu64, expected,
                    from, record->label);
    return false;
}

/* What the sender, when it was seen, has to say of this label. */
static bool judge_against_sent(Checker *checker, Channel *channel, const Record *record)
{
    if (channel->sender == NULL)
        return true;
    const char *from = channel->from->name.text;
    if (record->label > channel->sent_count[NOW]) {
        state_break(checker, channel, RULE_PREFIX, record,
                    "an orphan: label %" PRIu64 " from %s, which has sent labels up to %" PRIu64
                    " that no rollback has undone",
                    record->label, from, channel->sent_count[NOW]);
        return false;
    }
    const Sent *sent = channel_sent(channel, record->label);
    if (record->kind == TRACE_MISSING)
        return true;
    if (record->amount != sent->record->amount) {
        state_break(checker, channel, RULE_PREFIX, record,
                    "another transfer: label %" PRIu64 " from %s was sent with amount %" PRId64
                    ", found %" PRId64,
                    record->label, from, sent->record->amount, record->amount);
        return false;
    }
    if (sent->lost) {
        state_break(checker, channel, RULE_NO_LOSS, record,
                    "received label %" PRIu64 " from %s, which has declared it lost", record->label,
                    from);
        return false;
    }
    return true;
}

/* A rollback of the sender silently undoes the skips that a receiver has accepted above it. With
 * clocks that differ, such a skip can come to be judged after that rollback: then it says nothing
 * (true), or has been taken for the one that came later: then it makes way for it. */
static bool excuse_skip(Checker *checker, Channel *channel, const Record *record)
{
    if (record->kind == TRACE_MISSING && record->label > channel->sent_count[NOW] &&
        record->label <= channel->undone)
        return true;
    if (record->label <= channel->accepted_count[NOW] &&
        record->label > channel->last_received[NOW])
        state_cut_accepted(checker, channel, record->label - 1);
    return false;
}

static void judge_accepted(Checker *checker, const Record *record)
{
    Process *process = record->process;
    Channel *channel = channel_of(checker, record, record->peer, process);
    if (record->kind == TRACE_RECEIVED)
        claim_balance(checker, record, money_plus(process->balance[NOW], record->amount));
    if (channel->broken)
        return;
    if (checker->files->len > 1 && excuse_skip(checker, channel, record))
        return;
    if (judge_next_label(checker, channel, record) && judge_against_sent(checker, channel, record))
        state_push_accepted(checker, channel, record);
}

static void judge_lost(Checker *checker, const Record *record)
{
    Process *process = record->process;
    Channel *channel = channel_of(checker, record, process, record->peer);
    const char *to = channel->to->name.text;
    if (channel->broken)
        return;
    uint64_t remembered = channel->sent_count[process->recovering != NULL ? PERMANENT : NOW];
    if (record->label > remembered) {
        state_break(checker, channel, RULE_NO_LOSS, record,
                    "declared lost label %" PRIu64 " to %s: expected at most %" PRIu64
                    ", the last that it sent and nothing has undone",
                    record->label, to, remembered);
        return;
    }
    if (record->label <= channel->forgotten) {
        state_break(checker, channel, RULE_NO_LOSS, record,
                    "declared lost label %" PRIu64 " to %s, which was settled for good before",
                    record->label, to);
        return;
    }
    const Sent *sent = channel_sent(channel, record->label);
    if (sent->lost && process->recovering != NULL)
        return; /* it said so in its former life, and has forgotten that */
    if (sent->record->amount != record->amount)
        state_break(checker, channel, RULE_NO_LOSS, record,
                    "declared lost label %" PRIu64 " to %s: expected its amount %" PRId64
                    ", found %" PRId64,
                    record->label, to, sent->record->amount, record->amount);
    else if (sent->lost)
        state_break(checker, channel, RULE_NO_LOSS, record,
                    "declared lost twice: label %" PRIu64 " to %s", record->label, to);
    else if (record->label <= channel->accepted_count[NOW] &&
             !accepted_missing(channel_accepted(channel, record->label)))
        state_break(checker, channel, RULE_NO_LOSS, record,
                    "declared lost label %" PRIu64 " to %s, which has received it", record->label,
                    to);
    else
        state_push_loss(channel, record->label);
}

/* --- when all is over --- */

/* What is wrong with one label once nothing is under way any more; NULL: nothing. */
static const char *unsettled(const Channel *channel, uint64_t label)
{
    bool lost = channel_sent(channel, label)->lost;
    if (label > channel->accepted_count[NOW])
        return lost ? "was declared lost, but the receiver never learnt that it is missing"
                    : "was neither received nor declared lost";
    bool missing = accepted_missing(channel_accepted(channel, label));
    if (missing && !lost)
        return "is missing at the receiver, but the sender never declared it lost";
    return NULL;
}

/* A receiver that has an account but no `joined` of the cohort should have accepted too. */
static void judge_settled(Checker *checker, Channel *channel)
{
    if (channel->broken || channel->sender == NULL || planted(PLANTED_JUDGE_MISSES_LOSS) ||
        (channel->receiver == NULL && !channel->to->known))
        return;
    for (uint64_t label = channel->forgotten + 1; label <= channel->sent_count[NOW]; label++) {
        const char *reason = unsettled(channel, label);
        if (reason == NULL)
            continue;
        state_violation(checker, RULE_NO_LOSS, channel_sent(channel, label)->record,
                        "label %" PRIu64 " of %" PRIu64 " from %s to %s %s", label,
                        channel->sent_count[NOW], channel->from->name.text, channel->to->name.text,
                        reason);
        return;
    }
}

static void judge_left(Checker *checker, const Record *record)
{
    Process *process = record->process;
    Group *group = record->group;
    if (!process->known) {
        /* The trace begins in the midst of a cohort: now its balance is known. */
        judge_opened(checker, record);
        return;
    }
    if (process->member == NULL || process->member->group != group) {
        state_violation(checker, RULE_LIFE, record, "left cohort %" PRIu64 ", in which it is not",
                        group->id);
        return;
    }
    if (process->tentative != NULL)
        state_violation(checker, RULE_AGREEMENT, record,
                        "left cohort %" PRIu64 " with its tentative checkpoint %s open", group->id,
                        process->tentative->decision->text);
    claim_balance(checker, record, process->balance[NOW]);
    record_keep(checker, &process->tentative, NULL);
    decision_keep(checker, &process->undoing, NULL);
    record_keep(checker, &process->recovering, NULL);
    record_keep(checker, &process->member->left, record);
    process->member = NULL;
    make_permanent_outside(process);
    if (++group->left < group->joined)
        return;
    for (guint i = 0; i < checker->channels->len; i++) {
        Channel *channel = g_ptr_array_index(checker->channels, i);
        if (channel->group == group)
            judge_settled(checker, channel);
    }
}

void events_judge_end(Checker *checker)
{
    for (guint i = 0; checker->options.settled && i < checker->channels->len; i++) {
        Channel *channel = g_ptr_array_index(checker->channels, i);
        if (channel->group->left < channel->group->joined)
            judge_settled(checker, channel);
    }
    for (guint i = 0; checker->options.settled && i < checker->processes->len; i++) {
        const Process *process = g_ptr_array_index(checker->processes, i);
        if (process->tentative != NULL)
            state_violation(checker, RULE_AGREEMENT, process->tentative,
                            "tentative checkpoint %s has never become permanent or discarded",
                            process->tentative->decision->text);
    }
    crashes_judge_end(checker);
    for (guint i = 0; checker->options.settled && i < checker->members->len; i++) {
        const Membership *member = g_ptr_array_index(checker->members, i);
        const Group *group = member->group;
        if (member->left != NULL && group->left < group->joined)
            state_violation(checker, RULE_AGREEMENT, member->left,
                            "left cohort %" PRIu64 ", which %zu of its members have not left",
                            group->id, group->joined - group->left);
    }
    if (checker->last != NULL)
        state_check_money(checker, checker->last);
}

/* --- one record --- */

/* "Incarnations grow by one per rollback." Between two cohorts they may start again from 0. */
static void judge_incarnation(Checker *checker, const Record *record)
{
    Process *process = record->process;
    uint64_t expected = process->inc + (record->kind == TRACE_ROLLED_BACK ? 1 : 0);
    bool between = process->member == NULL || record->kind == TRACE_LEFT;
    bool begins = !process->known || (between && record->inc == 0);
    if (record->kind == TRACE_CRASHED)
        return; /* it is not the process that says so */
    if (record->inc != expected && !begins)
        state_violation(checker, RULE_DISCIPLINE, record,
                        "%s: expected incarnation %" PRIu64 ", found %" PRIu64,
                        trace_word((TraceKind)record->kind), expected, record->inc);
    process->inc = record->inc;
}

/* Can this happen to a process at this point of its life? */
static bool judge_life(Checker *checker, const Record *record)
{
    const Process *process = record->process;
    const char *reason = NULL;
    switch ((TraceKind)record->kind) {
    case TRACE_OPENED:
        if (process->member != NULL)
            reason = "in a cohort";
        break;
    case TRACE_JOINED:
    case TRACE_EXITED:
        if (!process->open)
            reason = "without an account";
        else if (process->member != NULL)
            reason = "in a cohort";
        break;
    case TRACE_SENT:
    case TRACE_RECEIVED:
    case TRACE_LOST:
    case TRACE_MISSING:
    case TRACE_TENTATIVE:
    case TRACE_PERMANENT:
    case TRACE_DISCARDED:
    case TRACE_ROLLED_BACK:
        if (process->member == NULL)
            reason = "outside any cohort";
        break;
    case TRACE_LEFT:
        break; /* judge_left knows better */
    case TRACE_CRASHED:
    case TRACE_RESTARTED:
        break; /* can happen to anybody */
    default:
        if (!process->open)
            reason = "without an account";
        break;
    }
    if (reason != NULL)
        state_violation(checker, RULE_LIFE, record, "%s %s", trace_word((TraceKind)record->kind),
                        reason);
    return reason == NULL;
}

/* Between the decision to roll back and its own record of that, a process may still note what will
 * be undone with the rest; only sending is forbidden. True when the record has no further effect.
 */
static bool judge_doomed(Checker *checker, const Record *record)
{
    if (record->process->undoing == NULL)
        return false;
    switch ((TraceKind)record->kind) {
    case TRACE_SENT:
        state_violation(checker, RULE_DISCIPLINE, record,
                        "sent label %" PRIu64
                        " to %s before it learnt that rollback %s was decided",
                        record->label, record->peer->name.text, record->process->undoing->text);
        return true;
    case TRACE_DEPOSITED:
    case TRACE_WITHDREW:
    case TRACE_RECEIVED:
    case TRACE_LOST:
    case TRACE_MISSING:
        return true;
    default:
        return false;
    }
}

static bool is_of_crash(const Record *record)
{
    return record->kind == TRACE_CRASHED || record->kind == TRACE_RESTARTED;
}

/* Whoever has no account, or is no customer, can crash too. */
static void judge_unfounded(Checker *checker, const Record *record)
{
    Process *process = record->process;
    if (!checker->options.whole || process->accused || is_of_crash(record))
        return;
    process->accused = true;
    state_violation(checker, RULE_LIFE, record, "%s without an account",
                    trace_word((TraceKind)record->kind));
}

void events_judge(Checker *checker, const Record *record)
{
    Process *process = record->process;
    record_keep(checker, &checker->last, record);
    process->taken++;
    if (record->unfounded) {
        judge_unfounded(checker, record);
        return;
    }
    if (record->echo) {
        if (record->kind == TRACE_ROLLED_BACK)
            record_keep(checker, &process->recovering, NULL);
        return;
    }
    if (record->kind == TRACE_ROLLED_BACK)
        process->rollbacks_taken++;
    judge_incarnation(checker, record);
    if (!judge_life(checker, record) || !crashes_permit(checker, record) ||
        judge_doomed(checker, record))
        return;
    switch ((TraceKind)record->kind) {
    case TRACE_OPENED:
        judge_opened(checker, record);
        break;
    case TRACE_JOINED:
        judge_joined(checker, record);
        break;
    case TRACE_LEFT:
        judge_left(checker, record);
        break;
    case TRACE_DEPOSITED:
    case TRACE_WITHDREW:
        judge_cash(checker, record);
        break;
    case TRACE_SENT:
        judge_sent(checker, record);
        break;
    case TRACE_RECEIVED:
    case TRACE_MISSING:
        judge_accepted(checker, record);
        break;
    case TRACE_LOST:
        judge_lost(checker, record);
        break;
    case TRACE_TENTATIVE:
        decisions_judge_tentative(checker, record);
        break;
    case TRACE_PERMANENT:
        decisions_judge_permanent(checker, record);
        break;
    case TRACE_DISCARDED:
        decisions_judge_discarded(checker, record);
        break;
    case TRACE_ROLLED_BACK:
        decisions_judge_rolled_back(checker, record);
        break;
    case TRACE_CRASHED:
        crashes_judge_crashed(checker, record);
        break;
    case TRACE_RESTARTED:
        crashes_judge_restarted(checker, record);
        break;
    case TRACE_EXITED:
        judge_exited(checker, record);
        break;
    default:
        break;
    }
    process->known = true;
}
