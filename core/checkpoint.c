#include "core/checkpoint.h"

#include <string.h>

#include "core/instance.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/report.h"

/* The last label from `peer` that counts for the inherit tests: "a skip drags nobody into a
 * checkpoint or rollback: both inherit tests use the last number received". */
static uint64_t last_counting(const Process *process, uint16_t peer)
{
    const ChannelState *state = &process->tent.channels[peer];
    return planted(PLANTED_SKIPS_DRAG_PEERS) ? state->in : state->last_received;
}

static void commit_if_all_said_yes(Process *process, Step *step)
{
    if (!instance_all_yes(process))
        return;
    if (process->parent == process->self) {
        checkpoint_decide(process, step, true);
        return;
    }
    /* "Tentative checkpoint and vote are on disk before yes is sent." */
    instance_vote_yes(process, step);
    process->tentative_changed = true;
    instance_answer(process, process->parent, MESSAGE_CHECKPOINT_VOTE, process->instance,
                    ANSWER_JOINED, process->parent_label);
}

/* Koo and Toueg 3.2: a process "takes a tentative checkpoint and requests all processes in its
 * ckpt_cohort to take tentative checkpoints"; ckpt_cohort holds those from which it received
 * since its last permanent checkpoint. */
static void take_part(Process *process, Step *step, Instance instance, uint16_t parent)
{
    bool alone = parent == process->self;
    instance_engage(process, step, ENGAGED_CHECKPOINT, instance, parent);
    process_take_tentative(process);
    report_snapshot(process, step, TRACE_TENTATIVE, instance, &process->tent, 0);
    for (uint16_t r = 0; r < process->count; r++) {
        uint64_t last = last_counting(process, r);
        if (process->tent.channels[r].in < process->peers[r].channel.state.in)
            effects_mark(step->effects, MARK_SKIP_NOT_IN_CHECKPOINT);
        if (r == process->self || last <= process->perm.channels[r].in)
            continue;
        instance_ask(process, step, r, last);
        alone = false;
    }
    if (alone)
        effects_mark(step->effects, MARK_CHECKPOINT_ALONE);
    if (parent != process->self && parent != instance.initiator)
        effects_mark(step->effects, MARK_CHECKPOINT_AT_THIRD_HAND);
}

void checkpoint_begin(Process *process, Step *step)
{
    INVARIANT(instance_free(process));
    take_part(process, step, instance_next(process), process->self);
    commit_if_all_said_yes(process, step);
}

/* What keeps this process from the checkpoint that it is asked for. */
static void mark_no(const Process *process, Step *step, uint16_t from, Instance instance)
{
    if (process->engaged == ENGAGED_ROLLBACK)
        effects_mark(step->effects, MARK_CHECKPOINT_MEETS_ROLLBACK);
    else if (process->frozen)
        effects_mark(step->effects, MARK_CHECKPOINT_MEETS_FROZEN);
    else if (process->recovering)
        effects_mark(step->effects, MARK_CHECKPOINT_MEETS_RECOVERING);
    else if (process->engaged == ENGAGED_CHECKPOINT && process->parent == process->self &&
             from == instance.initiator && process->peers[from].ask == ASK_WAITING)
        effects_mark(step->effects, MARK_CHECKPOINTS_MEET);
}

void checkpoint_receive_request(Process *process, Step *step, uint16_t from, const Message *message)
{
    Instance instance = message->checkpoint_request.instance;
    uint64_t last_received = message->checkpoint_request.last_received;
    Answer answer = ANSWER_BUSY;
    bool commit;
    if (instance_engaged(process, instance) && process->engaged == ENGAGED_CHECKPOINT) {
        if (from == process->parent && last_received == process->parent_label) {
            if (!process->voted)
                return; /* the answer follows when our own cohort has answered */
            effects_mark(step->effects, MARK_CHECKPOINT_REPEATS_YES);
            answer = ANSWER_JOINED;
        } else {
            effects_mark(step->effects, MARK_CHECKPOINT_ASKED_TWICE);
            /* Our tentative checkpoint is part of this instance already, and no transfer left
             * since: it covers what `from` received. */
            answer = ANSWER_NO_NEED;
        }
    } else if (instance_finished(process, instance, &commit)) {
        effects_mark(step->effects, MARK_CHECKPOINT_ASKS_TOO_LATE);
        answer = ANSWER_BUSY; /* over: whoever still asks will learn of the abort */
    } else if (last_received <= process->perm.channels[from].out) {
        /* "p inherits if L > perm.out[q] (q received something p's permanent checkpoint does not
         * record as sent) ... If not, it answers yes at once." */
        effects_mark(step->effects, MARK_CHECKPOINT_NO_NEED);
        answer = ANSWER_NO_NEED;
    } else if (instance_free(process) &&
               (!process->recovering || planted(PLANTED_TENTATIVE_WHILE_RECOVERING)) &&
               (last_received <= process->peers[from].channel.state.out ||
                planted(PLANTED_TENTATIVE_WHILE_RECOVERING))) {
        /* While recovering, that would keep what is to be undone: the answer is no. */
        process->parent_label = last_received;
        take_part(process, step, instance, from);
        commit_if_all_said_yes(process, step);
        return;
    } else {
        mark_no(process, step, from, instance);
    }
    instance_answer(process, from, MESSAGE_CHECKPOINT_VOTE, instance, answer, last_received);
}

DropReason checkpoint_receive_vote(Process *process, Step *step, uint16_t from,
                                   const Message *message)
{
    if (process->engaged != ENGAGED_CHECKPOINT ||
        !instance_engaged(process, message->vote.instance) ||
        process->peers[from].ask != ASK_WAITING)
        return DROP_STALE;
    if (message->vote.answer == ANSWER_BUSY) {
        if (process->parent != process->self)
            effects_mark(step->effects, MARK_CHECKPOINT_PASSES_NO_ON);
        checkpoint_abort(process, step, from, false);
        return DROP_NONE;
    }
    if (!instance_take_yes(process, from, message))
        return DROP_STALE;
    commit_if_all_said_yes(process, step);
    return DROP_NONE;
}

static void tell_initiator(Process *process, bool commit, uint16_t blocker, bool silent)
{
    process->outcome.over = true;
    process->outcome.commit = commit;
    process->outcome.silent = silent;
    process->outcome.blocker = blocker;
    process->outcome.instance = process->instance;
    process->outcome.undone = 0;
    memcpy(process->outcome.participants, process->participants, PARTICIPANT_BYTES);
}

void checkpoint_decide(Process *process, Step *step, bool commit)
{
    Instance instance = process->instance;
    bool initiator = process->parent == process->self;
    INVARIANT_THAT(process->engaged, ==, ENGAGED_CHECKPOINT);
    if (!commit && process->voted)
        effects_mark(step->effects, MARK_CHECKPOINT_DISCARDED_IN_DOUBT);
    if (commit && process->recovering)
        effects_mark(step->effects, MARK_COMMIT_WHILE_RECOVERING);
    if (initiator)
        tell_initiator(process, commit, process->self, false);
    report_snapshot(process, step, commit ? TRACE_PERMANENT : TRACE_DISCARDED, instance,
                    &process->tent, 0);
    if (commit)
        process_make_permanent(process);
    else
        process_discard_tentative(process);
    /* "On commit it becomes permanent and current." */
    if (commit && process->recovering && !planted(PLANTED_COMMIT_NOT_CURRENT))
        process_restore_permanent(process);
    instance_finish(process, step, commit);
    /* "The decision is on disk before it is announced." */
    process->control_changed = true;
    process->tentative_changed = true;
    if (commit && !initiator)
        report_decided(process, step, NOTICE_PERMANENT, instance, 0);
}

void checkpoint_abort(Process *process, Step *step, uint16_t blocker, bool silent)
{
    Instance instance = process->instance;
    uint16_t parent = process->parent;
    INVARIANT(!process->voted);
    checkpoint_decide(process, step, false);
    if (parent != process->self) {
        /* Who says no may abort at once: without its yes there is no commit. */
        instance_answer(process, parent, MESSAGE_CHECKPOINT_VOTE, instance, ANSWER_BUSY,
                        process->parent_label);
        return;
    }
    process->outcome.blocker = blocker;
    process->outcome.silent = silent;
}
