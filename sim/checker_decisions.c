#include "sim/checker_decisions.h"

#include <inttypes.h>

#include "core/planted.h"
#include "sim/checker_memory.h"

/* --- what a record states of a process's state --- */

static void claim_label(Checker *checker, const Record *record, Process *from, Process *to,
                        uint64_t label)
{
    if (label == 0)
        return;
    Channel *channel = state_channel(checker, record->process->member->group, from, to);
    channel->claim = label;
    channel->claim_epoch = checker->epoch;
}

static uint64_t claimed(const Checker *checker, const Channel *channel)
{
    return channel->claim_epoch == checker->epoch ? channel->claim : 0;
}

static void judge_claim(Checker *checker, const Record *record, const char *what,
                        const Process *peer, uint64_t least, uint64_t most, uint64_t found)
{
    if (least <= found && found <= most)
        return;
    state_violation(checker, RULE_CONSISTENCY, record,
                    "%s %s: expected last label %" PRIu64 " %s %s, found %" PRIu64,
                    trace_word((TraceKind)record->kind), record->decision->text, most, what,
                    peer->name.text, found);
}

/* Compares balance and labels with a version of the state. A tentative checkpoint may leave out
 * trailing skips; it sets how far it goes. */
static void judge_snapshot(Checker *checker, const Record *record, Version version)
{
    Process *process = record->process;
    const Count *counts = record->counts;
    if (record->balance != process->balance[version])
        state_violation(checker, RULE_MONEY, record,
                        "%s %s: expected balance %" PRId64 ", found %" PRId64,
                        trace_word((TraceKind)record->kind), record->decision->text,
                        process->balance[version], record->balance);
    checker->epoch++;
    for (uint32_t i = 0; i < record->count; i++) {
        claim_label(checker, record, process, counts[i].peer, counts[i].sent);
        claim_label(checker, record, counts[i].peer, process, counts[i].received);
    }
    for (guint i = 0; i < process->member->out->len; i++) {
        const Channel *channel = g_ptr_array_index(process->member->out, i);
        uint64_t expected = channel->sent_count[version];
        if (!channel->broken)
            judge_claim(checker, record, "sent to", channel->to, expected, expected,
                        claimed(checker, channel));
    }
    for (guint i = 0; i < process->member->in->len; i++) {
        Channel *channel = g_ptr_array_index(process->member->in, i);
        uint64_t most = channel->accepted_count[version];
        uint64_t least = record->kind == TRACE_TENTATIVE ? channel->last_received[version] : most;
        uint64_t found = claimed(checker, channel);
        if (channel->broken)
            continue;
        judge_claim(checker, record, "received from", channel->from, least, most, found);
        if (least <= found && found <= most)
            channel->accepted_count[version] = found;
    }
}

/* --- minimality --- */

/* Who must take part because `process` does, by this channel of it: whoever sent what the new
 * checkpoint would hold as received and the old one does not hold as sent; whoever received what
 * the rollback undoes. Skips drag nobody. */
static Process *dragged_by(const Channel *channel, bool rollback)
{
    if (channel->broken || channel->sender == NULL)
        return NULL;
    if (rollback)
        return channel->last_received[NOW] > channel->sent_count[PERMANENT] ? channel->to : NULL;
    return channel->last_received[TENTATIVE] > channel->sent_count[PERMANENT] ? channel->from
                                                                              : NULL;
}

static const GPtrArray *dragging_channels(const Process *process, bool rollback)
{
    return rollback ? process->member->out : process->member->in;
}

static bool stands(const Part *part)
{
    return !part->lost && part->end != END_DISCARDED;
}

static bool has_taken(const Part *part)
{
    const Record *tentative = part->process->tentative;
    return tentative != NULL && tentative->position == part->position;
}

static bool is_member(const Process *process, const Decision *decision)
{
    return process->member != NULL && process->member->group == decision->group;
}

/* Has voted, for all that is known, and its trace ends before it learns of the decision: a crash
 * teaches it nothing. */
static bool in_doubt(const Checker *checker, const Process *process)
{
    for (uint64_t i = process->taken; i < process_end(process); i++) {
        uint8_t kind = process_record(process, i)->kind;
        if (kind != TRACE_CRASHED && kind != TRACE_RESTARTED)
            return false;
    }
    return !checker->options.settled;
}

/* Adds to a rollback whoever it drags in and may be in doubt. */
static void add_in_doubt(const Checker *checker, const Decision *decision, GPtrArray *set)
{
    for (guint i = 0; i < set->len; i++) {
        const Process *process = g_ptr_array_index(set, i);
        const GPtrArray *channels = dragging_channels(process, true);
        for (guint k = 0; k < channels->len; k++) {
            Process *peer = dragged_by(g_ptr_array_index(channels, k), true);
            if (peer == NULL || peer->mark == process->mark || !is_member(peer, decision) ||
                !in_doubt(checker, peer))
                continue;
            peer->mark = process->mark;
            g_ptr_array_add(set, peer);
        }
    }
}

/* Those that take part and are ready to, marked with the checker's epoch. To be unreffed. */
static GPtrArray *participants(Checker *checker, const Decision *decision, bool rollback)
{
    GPtrArray *set = g_ptr_array_new();
    checker->epoch++;
    for (guint i = 0; rollback && i < decision->rollers->len; i++) {
        Process *process = g_ptr_array_index(decision->rollers, i);
        if (is_member(process, decision))
            g_ptr_array_add(set, process);
    }
    for (guint i = 0; !rollback && i < decision->parts->len; i++) {
        const Part *part = &g_array_index(decision->parts, Part, i);
        if (stands(part) && has_taken(part))
            g_ptr_array_add(set, part->process);
    }
    for (guint i = 0; i < set->len; i++)
        ((Process *)g_ptr_array_index(set, i))->mark = checker->epoch;
    if (rollback)
        add_in_doubt(checker, decision, set);
    return set;
}

/* The participants that `root` drags in, directly and through others, `root` included: they are
 * `reached` in a new epoch. Returns how many. */
static guint close_over(Checker *checker, const GPtrArray *set, Process *root, bool rollback)
{
    uint64_t mark = root->mark;
    uint64_t epoch = ++checker->epoch;
    GPtrArray *queue = g_ptr_array_sized_new(set->len);
    g_ptr_array_add(queue, root);
    root->reached = epoch;
    for (guint i = 0; i < queue->len; i++) {
        if (i > 0 && planted(PLANTED_JUDGE_FOLLOWS_ONE_STEP))
            break;
        const GPtrArray *channels = dragging_channels(g_ptr_array_index(queue, i), rollback);
        for (guint k = 0; k < channels->len; k++) {
            Process *peer = dragged_by(g_ptr_array_index(channels, k), rollback);
            if (peer == NULL || peer->mark != mark || peer->reached == epoch)
                continue;
            peer->reached = epoch;
            g_ptr_array_add(queue, peer);
        }
    }
    guint count = queue->len;
    g_ptr_array_unref(queue);
    return count;
}

/* Closes over the initiator. The name in the instance says who that is; else it is the process
 * of the first tentative record, where the order of records can be trusted; else any process that
 * explains all others will do. */
static guint close_over_initiator(Checker *checker, const Decision *decision, bool rollback,
                                  const GPtrArray *set)
{
    uint64_t mark = checker->epoch;
    if (decision->named != NULL && decision->named->mark == mark)
        return close_over(checker, set, decision->named, rollback);
    if (!rollback && checker->files->len == 1)
        return close_over(checker, set, g_ptr_array_index(set, 0), rollback);
    guint reached = 0;
    for (guint i = 0; i < set->len && reached < set->len; i++)
        reached = close_over(checker, set, g_ptr_array_index(set, i), rollback);
    return reached;
}

/* One process that is wrongly in or out. */
typedef struct Misfit {
    const Process *process;
    const Process *because; /* who drags it in; NULL: nobody, and yet it takes part */
} Misfit;

static void find_left_out(const Process *process, bool rollback, GArray *misfits)
{
    const GPtrArray *channels = dragging_channels(process, rollback);
    for (guint i = 0; i < channels->len; i++) {
        const Process *peer = dragged_by(g_ptr_array_index(channels, i), rollback);
        if (peer == NULL || peer->mark == process->mark)
            continue;
        const Misfit misfit = {peer, process};
        g_array_append_val(misfits, misfit);
    }
}

/* Empty: the participants are the least set closed under the inherit test. To be unreffed. */
static GArray *find_misfits(Checker *checker, const Decision *decision, bool rollback)
{
    GArray *misfits = g_array_new(FALSE, FALSE, sizeof(Misfit));
    GPtrArray *set = participants(checker, decision, rollback);
    for (guint i = 0; i < set->len; i++)
        find_left_out(g_ptr_array_index(set, i), rollback, misfits);
    /* Through a member that was not seen, anybody may have been dragged in. */
    bool all_seen =
        decision->group != NULL && decision->group->joined == decision->group->founding->count;
    if (all_seen && !checker->money_unsure && set->len > 0 &&
        close_over_initiator(checker, decision, rollback, set) < set->len) {
        for (guint i = 0; i < set->len; i++) {
            const Misfit misfit = {g_ptr_array_index(set, i), NULL};
            if (misfit.process->reached != checker->epoch)
                g_array_append_val(misfits, misfit);
        }
    }
    g_ptr_array_unref(set);
    return misfits;
}

static void judge_minimality(Checker *checker, const Record *record, bool rollback)
{
    const char *what = rollback ? "rollback" : "checkpoint";
    GArray *misfits = find_misfits(checker, record->decision, rollback);
    if (planted(PLANTED_JUDGE_MISSES_MINIMALITY))
        g_array_set_size(misfits, 0);
    for (guint i = 0; i < misfits->len; i++) {
        const Misfit *misfit = &g_array_index(misfits, Misfit, i);
        if (misfit->because != NULL)
            state_violation(checker, RULE_MINIMALITY, record,
                            "%s %s: expected %s to take part, because %s does; found it left out",
                            what, record->decision->text, misfit->process->name.text,
                            misfit->because->name.text);
        else
            state_violation(checker, RULE_MINIMALITY, record,
                            "%s %s: expected %s not to take part, because nobody drags it in; "
                            "found that it does",
                            what, record->decision->text, misfit->process->name.text);
    }
    g_array_unref(misfits);
}

/* --- checkpoints --- */

static void judge_consistency(Checker *checker, const Record *record, Channel *channel)
{
    uint64_t sent = channel->sent_count[PERMANENT];
    uint64_t accepted = channel->accepted_count[PERMANENT];
    if (channel->broken || channel->sender == NULL || accepted <= sent)
        return;
    state_break(checker, channel, RULE_CONSISTENCY, record,
                "checkpoint %s: the permanent checkpoint of %s holds label %" PRIu64
                " from %s, whose own ends with label %" PRIu64,
                record->decision->text, channel->to->name.text, accepted, channel->from->name.text,
                sent);
}

static void make_permanent(Checker *checker, const Record *record)
{
    Decision *decision = record->decision;
    decision->checkpointed = true;
    judge_minimality(checker, record, false);
    for (guint i = 0; i < decision->parts->len; i++) {
        const Part *part = &g_array_index(decision->parts, Part, i);
        if (stands(part) && !has_taken(part))
            state_violation(checker, RULE_AGREEMENT, record,
                            "checkpoint %s was decided before %s has taken its tentative "
                            "checkpoint",
                            decision->text, part->process->name.text);
    }
    GPtrArray *set = participants(checker, decision, false);
    for (guint i = 0; i < set->len; i++) {
        Process *process = g_ptr_array_index(set, i);
        if (process->tentative_void)
            state_violation(checker, RULE_CONSISTENCY, record,
                            "checkpoint %s holds what a rollback of %s has undone", decision->text,
                            process->name.text);
        else
            state_copy(process, PERMANENT, TENTATIVE);
    }
    for (guint i = 0; i < set->len; i++) {
        const Process *process = g_ptr_array_index(set, i);
        for (guint k = 0; k < process->member->in->len; k++)
            judge_consistency(checker, record, g_ptr_array_index(process->member->in, k));
        for (guint k = 0; k < process->member->out->len; k++)
            judge_consistency(checker, record, g_ptr_array_index(process->member->out, k));
    }
    g_ptr_array_unref(set);
    state_check_money(checker, record);
}

/* A number, once used, is never used again: not by an initiator that has crashed, either. */
static void judge_number(Checker *checker, const Record *record)
{
    const Decision *decision = record->decision;
    bool used = decision->rollers->len > 0;
    for (guint i = 0; decision->named == record->process && i < decision->parts->len; i++) {
        const Part *part = &g_array_index(decision->parts, Part, i);
        used = used || (part->process == record->process && part->position < record->position);
    }
    if (used)
        state_violation(checker, RULE_AGREEMENT, record, "%s is begun twice", decision->text);
}

void decisions_judge_tentative(Checker *checker, const Record *record)
{
    Process *process = record->process;
    judge_number(checker, record);
    if (process->tentative != NULL)
        state_violation(checker, RULE_TWO_CHECKPOINTS, record,
                        "tentative checkpoint %s while %s is still open", record->decision->text,
                        process->tentative->decision->text);
    record_keep(checker, &process->tentative, record);
    process->tentative_void = false;
    state_copy(process, TENTATIVE, NOW);
    judge_snapshot(checker, record, TENTATIVE);
}

/* True when the record ends the process's open tentative checkpoint. */
static bool judge_end(Checker *checker, const Record *record)
{
    const Record *tentative = record->process->tentative;
    if (tentative != NULL && tentative->decision == record->decision)
        return true;
    state_violation(checker, RULE_AGREEMENT, record,
                    "%s %s: expected an open tentative checkpoint of it, found %s",
                    trace_word((TraceKind)record->kind), record->decision->text,
                    tentative != NULL ? tentative->decision->text : "none");
    return false;
}

void decisions_judge_permanent(Checker *checker, const Record *record)
{
    Process *process = record->process;
    if (!judge_end(checker, record))
        return;
    if (!record->decision->checkpointed)
        make_permanent(checker, record);
    judge_snapshot(checker, record, TENTATIVE);
    process->own_permanent = record->balance;
    record_keep(checker, &process->tentative, NULL);
}

void decisions_judge_discarded(Checker *checker, const Record *record)
{
    const Process *permanent = record->decision->permanent;
    if (!judge_end(checker, record))
        return;
    if (permanent != NULL)
        state_violation(checker, RULE_AGREEMENT, record,
                        "discarded checkpoint %s, which %s has made permanent",
                        record->decision->text, permanent->name.text);
    record_keep(checker, &record->process->tentative, NULL);
}

/* --- rollbacks --- */

/* What a participant that rolled back had sent `channel->to` is undone above sent_count. */
static void judge_undone(Checker *checker, const Record *record, Channel *channel)
{
    uint64_t kept = channel->sent_count[NOW];
    if (channel->to->undoing == record->decision)
        channel->undone = 0;
    if (channel->broken)
        return;
    for (uint64_t label = kept + 1; label <= channel->accepted_count[NOW]; label++) {
        const Accepted *accepted = channel_accepted(channel, label);
        if (accepted_missing(accepted))
            continue;
        state_break(checker, channel, RULE_PREFIX, accepted->record,
                    "an orphan: rollback %s of %s has undone sending all above label %" PRIu64
                    ", but %s keeps label %" PRIu64 " as received",
                    record->decision->text, channel->from->name.text, kept, channel->to->name.text,
                    label);
        return;
    }
    state_cut_accepted(checker, channel, kept);
}

static void roll_back(Checker *checker, const Record *record)
{
    Decision *decision = record->decision;
    decision->rolled_back = true;
    judge_minimality(checker, record, true);
    GPtrArray *set = participants(checker, decision, true);
    for (guint i = 0; i < set->len; i++) {
        Process *process = g_ptr_array_index(set, i);
        decision_keep(checker, &process->undoing, decision);
        process->tentative_void = process->tentative != NULL;
        state_restore(checker, process);
    }
    for (guint i = 0; i < set->len; i++) {
        const Process *process = g_ptr_array_index(set, i);
        for (guint k = 0; k < process->member->out->len; k++)
            judge_undone(checker, record, g_ptr_array_index(process->member->out, k));
    }
    g_ptr_array_unref(set);
    state_check_money(checker, record);
}

void decisions_judge_rolled_back(Checker *checker, const Record *record)
{
    Process *process = record->process;
    if (!record->decision->rolled_back)
        roll_back(checker, record);
    if (process->undoing != record->decision)
        state_violation(checker, RULE_AGREEMENT, record,
                        "rolled back for %s, which is not under way at this process",
                        record->decision->text);
    if (process->tentative != NULL)
        state_violation(checker, RULE_DISCIPLINE, record,
                        "rolled back for %s with its tentative checkpoint %s open",
                        record->decision->text, process->tentative->decision->text);
    decision_keep(checker, &process->undoing, NULL);
    record_keep(checker, &process->recovering, NULL);
    judge_snapshot(checker, record, PERMANENT);
}

/* --- for the merge --- */

static bool has_no_misfits(Checker *checker, const Decision *decision, bool rollback)
{
    GArray *misfits = find_misfits(checker, decision, rollback);
    bool none = misfits->len == 0;
    g_array_unref(misfits);
    return none;
}

/* Of a channel to a participant: the sender's permanent checkpoint, which may be about to change
 * as well, covers what the receiver's is going to hold. */
static bool will_be_covered(const Checker *checker, const Channel *channel)
{
    bool changes = channel->from->mark == checker->epoch;
    return channel->broken || channel->sender == NULL ||
           channel->accepted_count[TENTATIVE] <=
               channel->sent_count[changes ? TENTATIVE : PERMANENT];
}

bool decisions_checkpoint_fits(Checker *checker, const Decision *decision)
{
    bool fits = has_no_misfits(checker, decision, false);
    GPtrArray *set = participants(checker, decision, false);
    for (guint i = 0; fits && i < set->len; i++) {
        const Process *process = g_ptr_array_index(set, i);
        for (guint k = 0; fits && k < process->member->in->len; k++)
            fits = will_be_covered(checker, g_ptr_array_index(process->member->in, k));
    }
    g_ptr_array_unref(set);
    return fits;
}

bool decisions_rollback_fits(Checker *checker, const Decision *decision)
{
    return has_no_misfits(checker, decision, true);
}
