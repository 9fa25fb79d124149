#include "core/rollback.h"

#include <string.h>

#include "core/checkpoint.h"
#include "core/compose.h"
#include "core/instance.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/report.h"

bool rollback_holds(const Process *process, Instance instance)
{
    for (uint16_t i = 0; i < process->count; i++) {
        if (i != process->self &&
            instance_equal(process->peers[i].channel.closed.instance, instance))
            return true;
    }
    return false;
}

static void commit_if_all_said_yes(Process *process, Step *step)
{
    if (!instance_all_yes(process))
        return;
    if (process->parent == process->self) {
        rollback_decide(process, step, process->instance, true);
        return;
    }
    instance_vote_yes(process, step);
    process->control_changed = true;
    instance_answer(process, process->parent, MESSAGE_PREPARE_VOTE, process->instance,
                    ANSWER_JOINED, process->parent_label);
}

/* "A process that rolls back sends PREPARE to every peer, its parent included." */
static void take_part(Process *process, Step *step, Instance instance, uint16_t parent)
{
    instance_engage(process, step, ENGAGED_ROLLBACK, instance, parent);
    if (parent != process->self && parent != instance.initiator)
        effects_mark(step->effects, MARK_ROLLBACK_AT_THIRD_HAND);
    for (uint16_t j = 0; j < process->count; j++) {
        if (j == process->self)
            continue;
        if (planted(PLANTED_PREPARE_ONLY_SENT_TO) &&
            process->peers[j].channel.state.out == process->perm.channels[j].out)
            continue;
        instance_ask(process, step, j, process->perm.channels[j].out);
    }
    process->control_changed = true;
}

void rollback_begin(Process *process, Step *step)
{
    INVARIANT(instance_free(process));
    take_part(process, step, instance_next(process), process->self);
    commit_if_all_said_yes(process, step);
}

static void close_channel(Process *process, uint16_t from, const Message *message)
{
    Channel *channel = &process->peers[from].channel;
    channel->closed = (Closed){
        .instance = message->prepare.instance,
        .new_inc = message->prepare.new_inc,
        .cut = message->prepare.cut,
        .rcut = message->prepare.rcut,
    };
    channel->ack_due = false;
    process->control_changed = true; /* "first closes the channel from i, durably" */
}

/* Does j hold a transfer that i is about to undo? */
static bool holds_orphan(const Process *process, uint16_t from, uint64_t cut)
{
    const ChannelState *state = &process->peers[from].channel.state;
    return (planted(PLANTED_SKIPS_DRAG_PEERS) ? state->in : state->last_received) > cut;
}

/* What keeps this process from the rollback that it is asked for. */
static void mark_no(const Process *process, Step *step, uint16_t from, Instance instance)
{
    bool commit;
    if (instance_finished(process, instance, &commit))
        effects_mark(step->effects, MARK_ROLLBACK_ASKS_TOO_LATE);
    else if (process->frozen)
        effects_mark(step->effects, MARK_ROLLBACK_MEETS_FROZEN);
    else if (process->engaged == ENGAGED_CHECKPOINT)
        effects_mark(step->effects, MARK_ROLLBACK_MEETS_YES);
    else if (process->parent == process->self && from == instance.initiator &&
             process->peers[from].ask == ASK_WAITING)
        effects_mark(step->effects, MARK_ROLLBACKS_MEET);
}

/* What can be answered before the inherit test; false: nothing can. */
static bool answer_at_once(Process *process, Step *step, uint16_t from, const Message *message)
{
    Instance instance = message->prepare.instance;
    const Closed *closed = &process->peers[from].channel.closed;
    Answer answer = ANSWER_BUSY;
    bool commit;
    if (closed->instance.number != 0 && !instance_equal(closed->instance, instance)) {
        /* "In doubt counts as busy." */
        effects_mark(step->effects, MARK_ROLLBACK_WHILE_ROLLBACK);
    } else if (instance_engaged(process, instance) && process->refused) {
        /* What we asked and were told before the crash is forgotten. */
        effects_mark(step->effects, MARK_ROLLBACK_MEETS_REFUSED);
    } else if (instance_engaged(process, instance) && process->engaged == ENGAGED_ROLLBACK) {
        if (closed->instance.number == 0)
            close_channel(process, from, message);
        if (from == process->parent && !process->voted)
            return true; /* the answer follows when all our peers have answered */
        answer = from == process->parent ? ANSWER_JOINED : ANSWER_NO_NEED;
    } else if (process->recovering && planted(PLANTED_REFUSAL_WHILE_RECOVERING)) {
        answer = ANSWER_BUSY;
    } else if (closed->instance.number != 0) {
        answer = ANSWER_NO_NEED;
    } else if (instance_finished(process, instance, &commit) || process->frozen ||
               process->engaged == ENGAGED_ROLLBACK || process->voted ||
               instance_engaged(process, instance)) {
        /* A late PREPARE of a finished instance is recognised; who is engaged says no at once, to
         * a stranger's instance that is checkpoint and rollback in one too. */
        mark_no(process, step, from, instance);
    } else {
        return false;
    }
    instance_answer(process, from, MESSAGE_PREPARE_VOTE, instance, answer, message->prepare.cut);
    return true;
}

/* Incarnations grow by one, and every peer learns each before the next rollback closes its channel:
 * what announces another one is no PREPARE of this process' history. */
static bool announces_next_incarnation(const Process *process, uint16_t from,
                                       const Message *message)
{
    const Channel *channel = &process->peers[from].channel;
    bool commit;
    return channel->closed.instance.number != 0 ||
           instance_finished(process, message->prepare.instance, &commit) ||
           message->prepare.new_inc == channel->known + 1;
}

DropReason rollback_receive_prepare(Process *process, Step *step, uint16_t from,
                                    const Message *message)
{
    Instance instance = message->prepare.instance;
    if (!announces_next_incarnation(process, from, message))
        return DROP_INCARNATION;
    if (answer_at_once(process, step, from, message))
        return DROP_NONE;
    if (process->recovering)
        effects_mark(step->effects, MARK_ROLLBACK_MEETS_RECOVERING);
    if (!holds_orphan(process, from, message->prepare.cut)) {
        effects_mark(step->effects, process->engaged == ENGAGED_CHECKPOINT
                                        ? MARK_ROLLBACK_CROSSES_CHECKPOINT
                                        : MARK_ROLLBACK_NO_ORPHAN);
        close_channel(process, from, message);
        instance_answer(process, from, MESSAGE_PREPARE_VOTE, instance, ANSWER_NO_NEED,
                        message->prepare.cut);
        return DROP_NONE;
    }
    /* "A rollback may push a checkpoint aside only where the process has not yet voted yes." */
    if (process->engaged == ENGAGED_CHECKPOINT) {
        effects_mark(step->effects, MARK_ROLLBACK_MEETS_TENTATIVE);
        checkpoint_abort(process, step, from, false);
    }
    if (!instance_free(process)) {
        instance_answer(process, from, MESSAGE_PREPARE_VOTE, instance, ANSWER_BUSY,
                        message->prepare.cut);
        return DROP_NONE;
    }
    close_channel(process, from, message);
    process->parent_label = message->prepare.cut;
    take_part(process, step, instance, from);
    commit_if_all_said_yes(process, step);
    return DROP_NONE;
}

DropReason rollback_receive_vote(Process *process, Step *step, uint16_t from,
                                 const Message *message)
{
    if (process->engaged != ENGAGED_ROLLBACK ||
        !instance_engaged(process, message->vote.instance) ||
        process->peers[from].ask != ASK_WAITING)
        return DROP_STALE;
    if (message->vote.answer == ANSWER_BUSY) {
        if (process->parent != process->self)
            effects_mark(step->effects, MARK_ROLLBACK_PASSES_NO_ON);
        rollback_abort(process, step, from, false);
        return DROP_NONE;
    }
    if (!instance_take_yes(process, from, message))
        return DROP_STALE;
    commit_if_all_said_yes(process, step);
    return DROP_NONE;
}

/* What a rollback undoes besides transfers; and whom it spares its own. */
static void mark_roll(const Process *process, Step *step)
{
    if (process->recovering && process->parent != process->self)
        effects_mark(step->effects, MARK_RECOVERY_BY_ANOTHER);
    for (uint16_t i = 0; i < process->count; i++) {
        const GArray *skips = process->peers[i].channel.state.skips;
        if (skips->len > 0 &&
            g_array_index(skips, uint64_t, skips->len - 1) > process->perm.channels[i].in)
            effects_mark(step->effects, MARK_SKIP_ROLLED_BACK);
    }
}

/* The channel from `from` opens again, and this process keeps its state. */
static void mark_reopen(const Process *process, Step *step, uint16_t from, bool commit)
{
    const Channel *channel = &process->peers[from].channel;
    const Closed *closed = &channel->closed;
    if (!commit)
        effects_mark(step->effects, MARK_ROLLBACK_ABORTED_AT_HOLDER);
    if (commit && channel->state.in > closed->cut)
        effects_mark(step->effects, MARK_SKIP_UNDONE_BY_SENDER);
    if (commit && channel->acked > MAX(closed->rcut, channel->state.base))
        effects_mark(step->effects, MARK_SENT_AGAIN_TO_ROLLED_BACK);
}

/* "Commit: a rolling i restores perm, sets inc = inc+1, sets acked[j] to the base of its log, and
 * sends its log again." */
static void roll(Process *process, Step *step)
{
    bool initiator = process->parent == process->self;
    uint64_t undone =
        account_operations(&process->application) - account_operations(&process->perm.application);
    bool forced = process->recovering;
    mark_roll(process, step);
    process_restore_permanent(process);
    process->inc++;
    process->recovering = false;
    report_snapshot(process, step, TRACE_ROLLED_BACK, process->instance, &process->perm, undone);
    process->outcome.undone = undone;
    if (!initiator || forced) /* else the command that asked for it tells */
        report_decided(process, step, NOTICE_ROLLED_BACK, process->instance, undone);
}

void rollback_decide(Process *process, Step *step, Instance instance, bool commit)
{
    bool rolling = instance_engaged(process, instance);
    INVARIANT(!rolling || process->engaged == ENGAGED_ROLLBACK);
    if (rolling && process->parent == process->self) {
        process->outcome.over = true;
        process->outcome.commit = commit;
        process->outcome.silent = false;
        process->outcome.blocker = process->self;
        process->outcome.instance = instance;
        memcpy(process->outcome.participants, process->participants, PARTICIPANT_BYTES);
    }
    if (rolling && process->voted && !process->refused && !commit)
        effects_mark(step->effects, MARK_ROLLBACK_UNDONE_IN_DOUBT);
    if (rolling && commit)
        roll(process, step);
    for (uint16_t i = 0; i < process->count; i++) {
        if (i != process->self &&
            instance_equal(process->peers[i].channel.closed.instance, instance)) {
            if (!rolling)
                mark_reopen(process, step, i, commit);
            channel_reopen(&process->peers[i].channel, commit, rolling);
            compose_hurry(process, i, step);
        }
    }
    if (rolling)
        instance_finish(process, step, commit);
    else if (planted(PLANTED_RECOVERY_ENDS_EARLY) && commit)
        process->recovering = false;
    process->control_changed = true;
}

void rollback_abort(Process *process, Step *step, uint16_t blocker, bool silent)
{
    Instance instance = process->instance;
    uint16_t parent = process->parent;
    INVARIANT(!process->voted);
    rollback_decide(process, step, instance, false);
    if (parent != process->self) {
        instance_answer(process, parent, MESSAGE_PREPARE_VOTE, instance, ANSWER_BUSY,
                        process->parent_label);
        return;
    }
    process->outcome.blocker = blocker;
    process->outcome.silent = silent;
}
