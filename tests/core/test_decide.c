/* What a process answers to a request for a checkpoint or a rollback, and what a decision leaves
 * behind: one message at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/checkpoint.h"
#include "core/instance.h"
#include "core/rollback.h"
#include "tests/core/lone.h"

static const Instance OURS = {SELF, 5};
static const Instance THEIRS = {PARENT, 5};
static const Instance OTHERS = {CHILD, 5};

/* --- checkpoint: requests --- */

static void request(Lone *lone, uint16_t from, Instance instance, uint64_t last_received)
{
    Message message = {.kind = MESSAGE_CHECKPOINT_REQUEST};
    message.checkpoint_request.instance = instance;
    message.checkpoint_request.last_received = last_received;
    lone_forget_owed(lone);
    checkpoint_receive_request(&lone->process, &lone->step, from, &message);
}

static void expect_checkpoint_vote(Lone *lone, uint16_t to, Instance instance, Answer answer)
{
    lone_expect_answer(lone, to, MESSAGE_CHECKPOINT_VOTE, instance, answer);
}

static void a_checkpoint_is_inherited_by_who_has_sent_what_the_other_received(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, PARENT, 2, 4);
    request(lone, PARENT, THEIRS, 2);
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_NO_NEED);
    assert_int_equal(lone->process.engaged, ENGAGED_NOT);
    request(lone, PARENT, THEIRS, 5); /* of which it knows nothing */
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    assert_int_equal(lone->process.engaged, ENGAGED_NOT);
    request(lone, PARENT, THEIRS, 4);
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_JOINED);
    assert_true(lone->process.voted);
    assert_true(lone->process.tentative_changed);
}

static void who_has_restarted_takes_no_tentative_checkpoint(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, PARENT, 2, 4);
    lone->process.recovering = true;
    request(lone, PARENT, THEIRS, 3);
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    assert_false(lone->process.tent.taken);
    request(lone, PARENT, THEIRS, 2);
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_NO_NEED);
}

static void a_request_is_passed_on_to_those_received_from_and_answered_after_them(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, PARENT, 0, 1);
    lone_received(lone, CHILD, 1, 2);
    request(lone, PARENT, THEIRS, 1);
    assert_int_equal(lone->process.owed->len, 0);
    assert_int_equal(lone->process.peers[CHILD].ask, ASK_WAITING);
    assert_int_equal(lone->process.peers[CHILD].asked_label, 2);
    assert_int_equal(lone->process.peers[PARENT].ask, ASK_NOT);
    request(lone, PARENT, THEIRS, 1); /* again: the answer follows */
    assert_int_equal(lone->process.owed->len, 0);
}

static void a_request_repeated_is_answered_as_before(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, PARENT, 0, 2);
    request(lone, PARENT, THEIRS, 1);
    request(lone, PARENT, THEIRS, 1);
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_JOINED);
    request(lone, PARENT, THEIRS, 2); /* another question: the checkpoint covers it */
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_NO_NEED);
    request(lone, CHILD, THEIRS, 1);
    expect_checkpoint_vote(lone, CHILD, THEIRS, ANSWER_NO_NEED);
}

static void a_request_of_what_is_over_or_something_else_is_told_busy(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, PARENT, 0, 2);
    lone->process.peers[PARENT].finished = (Finished){5, true};
    request(lone, PARENT, THEIRS, 0);
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    instance_engage(&lone->process, &lone->step, ENGAGED_ROLLBACK, (Instance){PARENT, 6}, PARENT);
    request(lone, PARENT, (Instance){PARENT, 6}, 1); /* it is the number of a rollback */
    expect_checkpoint_vote(lone, PARENT, (Instance){PARENT, 6}, ANSWER_BUSY);
}

/* --- checkpoint: votes and decisions --- */

static DropReason checkpoint_vote(Lone *lone, uint16_t from, Instance instance, Answer answer,
                                  uint64_t echo)
{
    Message message = {.kind = MESSAGE_CHECKPOINT_VOTE};
    message.vote.instance = instance;
    message.vote.answer = answer;
    message.vote.last_received = echo;
    lone_forget_owed(lone);
    return checkpoint_receive_vote(&lone->process, &lone->step, from, &message);
}

static void votes_that_nobody_waits_for_are_stale(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    assert_int_equal(checkpoint_vote(lone, CHILD, OURS, ANSWER_BUSY, 2), DROP_STALE);
    lone_received(lone, CHILD, 0, 2);
    process->instances = process->instances_reserved = OURS.number - 1;
    checkpoint_begin(process, &lone->step);
    assert_int_equal(process->instance.number, OURS.number);
    assert_int_equal(checkpoint_vote(lone, CHILD, THEIRS, ANSWER_BUSY, 2), DROP_STALE);
    assert_int_equal(checkpoint_vote(lone, PARENT, OURS, ANSWER_BUSY, 2), DROP_STALE);
    assert_int_equal(checkpoint_vote(lone, CHILD, OURS, ANSWER_NO_NEED, 1), DROP_STALE);
    assert_int_equal(process->engaged, ENGAGED_CHECKPOINT);
    assert_int_equal(checkpoint_vote(lone, CHILD, OURS, ANSWER_NO_NEED, 2), DROP_NONE);
    assert_int_equal(process->engaged, ENGAGED_NOT);
    assert_int_equal(process->permanents, 1);
}

static void a_vote_for_a_checkpoint_says_nothing_of_a_rollback(void **state)
{
    Lone *lone = *state;
    instance_engage(&lone->process, &lone->step, ENGAGED_ROLLBACK, OURS, SELF);
    instance_ask(&lone->process, &lone->step, CHILD, 0);
    assert_int_equal(checkpoint_vote(lone, CHILD, OURS, ANSWER_BUSY, 0), DROP_STALE);
    assert_int_equal(lone->process.engaged, ENGAGED_ROLLBACK);
}

static void spoil_outcome(Process *process)
{
    memset(&process->outcome, 0, sizeof process->outcome);
    process->outcome.silent = true;
    process->outcome.blocker = PARENT;
    process->outcome.undone = 7;
}

static void a_commit_is_an_outcome_without_anybody_to_blame(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    spoil_outcome(process);
    process->instances = process->instances_reserved = OURS.number - 1;
    checkpoint_begin(process, &lone->step);
    assert_true(process->outcome.over);
    assert_true(process->outcome.commit);
    assert_false(process->outcome.silent);
    assert_int_equal(process->outcome.blocker, SELF);
    assert_int_equal(process->outcome.instance.number, OURS.number);
    assert_int_equal(process->outcome.undone, 0);
    assert_int_equal(process->outcome.participants[0], 1 << SELF);
    assert_null(lone_notice(lone, NOTICE_PERMANENT)); /* the command's answer says so */
    assert_int_equal(effects_count(lone->step.effects), 2);
    assert_int_equal(effects_at(lone->step.effects, 0)->trace.kind, TRACE_TENTATIVE);
    assert_int_equal(effects_at(lone->step.effects, 1)->trace.kind, TRACE_PERMANENT);
    for (size_t i = 0; i < 2; i++) /* that is for rollbacks */
        assert_int_equal(effects_at(lone->step.effects, i)->trace.undone, 0);
}

static void a_no_aborts_and_is_remembered_as_the_reason(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    lone_received(lone, CHILD, 0, 2);
    process->instances = process->instances_reserved = OURS.number - 1;
    checkpoint_begin(process, &lone->step);
    spoil_outcome(process);
    assert_int_equal(checkpoint_vote(lone, CHILD, OURS, ANSWER_BUSY, 2), DROP_NONE);
    assert_true(process->outcome.over);
    assert_false(process->outcome.commit);
    assert_false(process->outcome.silent);
    assert_int_equal(process->outcome.blocker, CHILD);
    assert_false(process->tent.taken);
    assert_int_equal(process->owed->len, 0);
}

static void silence_is_remembered_as_that(void **state)
{
    Lone *lone = *state;
    lone_received(lone, CHILD, 0, 2);
    checkpoint_begin(&lone->process, &lone->step);
    checkpoint_abort(&lone->process, &lone->step, CHILD, true);
    assert_true(lone->process.outcome.silent);
    assert_int_equal(lone->process.outcome.blocker, CHILD);
}

static void a_no_from_below_is_passed_on_and_is_not_our_own_outcome(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, PARENT, 0, 1);
    lone_received(lone, CHILD, 0, 2);
    request(lone, PARENT, THEIRS, 1);
    spoil_outcome(&lone->process);
    assert_int_equal(checkpoint_vote(lone, CHILD, THEIRS, ANSWER_BUSY, 2), DROP_NONE);
    expect_checkpoint_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    assert_int_equal(lone->process.outcome.blocker, PARENT);
    assert_true(lone->process.outcome.silent);
    assert_null(lone_notice(lone, NOTICE_PERMANENT));
}

static void a_participant_is_told_what_became_permanent(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, PARENT, 0, 1);
    request(lone, PARENT, THEIRS, 1);
    spoil_outcome(&lone->process);
    checkpoint_decide(&lone->process, &lone->step, true);
    const Notice *notice = lone_notice(lone, NOTICE_PERMANENT);
    assert_non_null(notice);
    assert_string_equal(notice->initiator.text, "parent");
    assert_int_equal(notice->number, THEIRS.number);
    assert_int_equal(notice->balance, LONE_BALANCE);
    assert_int_equal(notice->undone, 0);
    assert_false(lone->process.outcome.over);
}

/* Restarted in doubt, with something done since that the forced rollback will undo. */
static void decide_after_a_restart(Lone *lone, bool commit)
{
    lone_sent(lone, PARENT, 0, 1);
    request(lone, PARENT, THEIRS, 1);
    lone->process.recovering = true;
    assert_true(account_credit(&lone->process.application, 1));
    checkpoint_decide(&lone->process, &lone->step, commit);
}

static void a_commit_after_a_restart_becomes_current(void **state)
{
    Lone *lone = *state;
    decide_after_a_restart(lone, true);
    assert_int_equal(account_balance(&lone->process.application), LONE_BALANCE);
}

static void an_abort_after_a_restart_changes_nothing(void **state)
{
    Lone *lone = *state;
    decide_after_a_restart(lone, false);
    assert_int_equal(account_balance(&lone->process.application), LONE_BALANCE + 1);
}

/* --- rollback: requests --- */

static DropReason prepare(Lone *lone, uint16_t from, Instance instance, uint64_t new_inc,
                          uint64_t cut)
{
    Message message = {.kind = MESSAGE_PREPARE};
    message.prepare.instance = instance;
    message.prepare.new_inc = new_inc;
    message.prepare.cut = cut;
    lone_forget_owed(lone);
    return rollback_receive_prepare(&lone->process, &lone->step, from, &message);
}

static void expect_prepare_vote(Lone *lone, uint16_t to, Instance instance, Answer answer)
{
    lone_expect_answer(lone, to, MESSAGE_PREPARE_VOTE, instance, answer);
}

static bool is_closed(const Lone *lone, uint16_t from)
{
    return lone->process.peers[from].channel.closed.instance.number != 0;
}

static void who_holds_no_orphan_closes_and_says_yes(void **state)
{
    Lone *lone = *state;
    lone_received(lone, PARENT, 0, 2);
    lone->process.peers[PARENT].channel.ack_due = true;
    assert_int_equal(prepare(lone, PARENT, THEIRS, 1, 2), DROP_NONE);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_NO_NEED);
    assert_true(is_closed(lone, PARENT));
    assert_false(lone->process.peers[PARENT].channel.ack_due);
    assert_true(lone->process.control_changed);
    assert_int_equal(lone->process.engaged, ENGAGED_NOT);
    prepare(lone, PARENT, THEIRS, 1, 2);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_NO_NEED);
    prepare(lone, PARENT, (Instance){PARENT, 6}, 2, 2); /* the first is undecided */
    expect_prepare_vote(lone, PARENT, (Instance){PARENT, 6}, ANSWER_BUSY);
}

static void an_incarnation_out_of_turn_is_no_rollback_of_this_history(void **state)
{
    Lone *lone = *state;
    assert_int_equal(prepare(lone, PARENT, THEIRS, 2, 0), DROP_INCARNATION);
    assert_int_equal(prepare(lone, PARENT, THEIRS, 0, 0), DROP_INCARNATION);
    assert_int_equal(lone->process.owed->len, 0);
    assert_false(is_closed(lone, PARENT));
    lone->process.peers[PARENT].finished = (Finished){5, true};
    assert_int_equal(prepare(lone, PARENT, THEIRS, 0, 0), DROP_NONE); /* late: recognised */
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    lone->process.peers[PARENT].channel.known = 3;
    assert_int_equal(prepare(lone, PARENT, (Instance){PARENT, 6}, 4, 0), DROP_NONE);
    expect_prepare_vote(lone, PARENT, (Instance){PARENT, 6}, ANSWER_NO_NEED);
}

static void who_holds_an_orphan_asks_all_others_first(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    lone_received(lone, PARENT, 0, 2);
    assert_int_equal(prepare(lone, PARENT, THEIRS, 1, 1), DROP_NONE);
    assert_int_equal(process->engaged, ENGAGED_ROLLBACK);
    assert_int_equal(process->parent_label, 1);
    assert_int_equal(process->peers[PARENT].ask, ASK_WAITING);
    assert_int_equal(process->peers[CHILD].ask, ASK_WAITING);
    assert_int_equal(process->owed->len, 0);
    assert_true(is_closed(lone, PARENT));
    prepare(lone, PARENT, THEIRS, 1, 1);
    assert_int_equal(process->owed->len, 0); /* still asking */
    prepare(lone, CHILD, THEIRS, 1, 0);
    expect_prepare_vote(lone, CHILD, THEIRS, ANSWER_NO_NEED);
    assert_true(is_closed(lone, CHILD));
    process->voted = true;
    prepare(lone, PARENT, THEIRS, 1, 1);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_JOINED);
}

static void who_is_bound_elsewhere_is_busy(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    process->frozen = true;
    prepare(lone, PARENT, THEIRS, 1, 0);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    process->frozen = false;
    instance_engage(process, &lone->step, ENGAGED_ROLLBACK, OURS, SELF);
    prepare(lone, PARENT, THEIRS, 1, 0);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    process->engaged = ENGAGED_NOT;
    instance_engage(process, &lone->step, ENGAGED_CHECKPOINT, OTHERS, CHILD);
    process->voted = true;
    prepare(lone, PARENT, THEIRS, 1, 0);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    process->voted = false;
    prepare(lone, PARENT, OTHERS, 1, 0); /* the number of that checkpoint */
    expect_prepare_vote(lone, PARENT, OTHERS, ANSWER_BUSY);
    assert_false(is_closed(lone, PARENT));
    assert_int_equal(process->engaged, ENGAGED_CHECKPOINT);
}

static void a_checkpoint_without_a_vote_is_pushed_aside_by_an_orphan_alone(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    lone_sent(lone, CHILD, 0, 1);
    lone_received(lone, PARENT, 0, 2);
    request(lone, CHILD, OTHERS, 1);
    assert_false(process->voted);
    prepare(lone, PARENT, THEIRS, 1, 2); /* no orphan: both go on */
    assert_int_equal(process->engaged, ENGAGED_CHECKPOINT);
    process->peers[PARENT].channel.closed = (Closed){0};
    prepare(lone, PARENT, THEIRS, 1, 1);
    assert_int_equal(process->engaged, ENGAGED_ROLLBACK);
    expect_checkpoint_vote(lone, CHILD, OTHERS, ANSWER_BUSY);
}

static void who_can_remember_no_more_decisions_is_busy(void **state)
{
    Lone *lone = *state;
    Announcement announcement = {.instance = OURS, .waiting = 1};
    for (int i = 0; i < ANNOUNCEMENTS_MAX; i++)
        g_array_append_val(lone->process.announcements, announcement);
    lone_received(lone, PARENT, 0, 2);
    prepare(lone, PARENT, THEIRS, 1, 1);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    assert_false(is_closed(lone, PARENT));
    assert_int_equal(lone->process.engaged, ENGAGED_NOT);
}

static void after_a_crash_while_preparing_only_that_rollback_is_refused(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    instance_engage(process, &lone->step, ENGAGED_ROLLBACK, THEIRS, PARENT);
    process->refused = true;
    prepare(lone, PARENT, THEIRS, 1, 0);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    process->peers[CHILD].channel.closed = (Closed){.instance = OTHERS, .new_inc = 1};
    prepare(lone, CHILD, OTHERS, 1, 0); /* said yes to this one before */
    expect_prepare_vote(lone, CHILD, OTHERS, ANSWER_NO_NEED);
}

/* --- rollback: votes and decisions --- */

static DropReason rollback_vote(Lone *lone, uint16_t from, Instance instance, Answer answer,
                                uint64_t echo)
{
    Message message = {.kind = MESSAGE_PREPARE_VOTE};
    message.vote.instance = instance;
    message.vote.answer = answer;
    message.vote.last_received = echo;
    lone_forget_owed(lone);
    return rollback_receive_vote(&lone->process, &lone->step, from, &message);
}

static void begin_rollback(Lone *lone)
{
    lone->process.instances = lone->process.instances_reserved = OURS.number - 1;
    rollback_begin(&lone->process, &lone->step);
}

static void a_rollback_asks_everybody_and_ends_with_the_last_yes(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    assert_true(account_credit(&process->application, 1));
    process->perm.application = process->application;
    assert_true(account_credit(&process->application, 1));
    begin_rollback(lone);
    assert_int_equal(rollback_vote(lone, CHILD, THEIRS, ANSWER_NO_NEED, 0), DROP_STALE);
    assert_int_equal(rollback_vote(lone, CHILD, OURS, ANSWER_NO_NEED, 9), DROP_STALE);
    assert_int_equal(rollback_vote(lone, CHILD, OURS, ANSWER_NO_NEED, 0), DROP_NONE);
    assert_int_equal(rollback_vote(lone, CHILD, OURS, ANSWER_BUSY, 0), DROP_STALE);
    spoil_outcome(process);
    assert_int_equal(process->inc, 0);
    assert_int_equal(rollback_vote(lone, PARENT, OURS, ANSWER_NO_NEED, 0), DROP_NONE);
    assert_int_equal(process->inc, 1);
    assert_int_equal(account_balance(&process->application), LONE_BALANCE + 1);
    assert_true(process->outcome.over);
    assert_true(process->outcome.commit);
    assert_false(process->outcome.silent);
    assert_int_equal(process->outcome.blocker, SELF);
    assert_int_equal(process->outcome.instance.number, OURS.number);
    assert_int_equal(process->outcome.undone, 1);
    assert_null(lone_notice(lone, NOTICE_ROLLED_BACK)); /* the command's answer says so */
    assert_int_equal(rollback_vote(lone, PARENT, OURS, ANSWER_BUSY, 0), DROP_STALE);
}

static void a_rollback_is_on_disk_before_anybody_hears_of_it(void **state)
{
    Lone *lone = *state;
    lone->process.instances_reserved = OURS.number; /* its number alone is there already */
    lone->process.control_changed = false;
    rollback_begin(&lone->process, &lone->step);
    assert_true(lone->process.control_changed);
}

static void a_vote_for_a_rollback_says_nothing_of_a_checkpoint(void **state)
{
    Lone *lone = *state;
    instance_engage(&lone->process, &lone->step, ENGAGED_CHECKPOINT, OURS, SELF);
    instance_ask(&lone->process, &lone->step, CHILD, 0);
    assert_int_equal(rollback_vote(lone, CHILD, OURS, ANSWER_BUSY, 0), DROP_STALE);
    assert_int_equal(lone->process.engaged, ENGAGED_CHECKPOINT);
}

static void a_rollback_ended_by_a_no_or_by_silence_says_whose(void **state)
{
    Lone *lone = *state;
    begin_rollback(lone);
    spoil_outcome(&lone->process);
    assert_int_equal(rollback_vote(lone, CHILD, OURS, ANSWER_BUSY, 0), DROP_NONE);
    assert_true(lone->process.outcome.over);
    assert_false(lone->process.outcome.commit);
    assert_false(lone->process.outcome.silent);
    assert_int_equal(lone->process.outcome.blocker, CHILD);
    assert_int_equal(lone->process.owed->len, 0);
    begin_rollback(lone);
    rollback_abort(&lone->process, &lone->step, PARENT, true);
    assert_true(lone->process.outcome.silent);
    assert_int_equal(lone->process.outcome.blocker, PARENT);
}

static void a_no_to_an_inherited_rollback_is_passed_on(void **state)
{
    Lone *lone = *state;
    lone_received(lone, PARENT, 0, 2);
    prepare(lone, PARENT, THEIRS, 1, 1);
    spoil_outcome(&lone->process);
    lone->process.outcome.silent = false;
    rollback_abort(&lone->process, &lone->step, CHILD, true);
    expect_prepare_vote(lone, PARENT, THEIRS, ANSWER_BUSY);
    assert_int_equal(lone->process.outcome.blocker, PARENT);
    assert_false(lone->process.outcome.silent);
    assert_false(lone->process.outcome.over);
    assert_false(is_closed(lone, PARENT));
}

static void who_rolls_with_others_or_after_a_restart_is_told(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    lone_received(lone, PARENT, 0, 2);
    assert_true(account_credit(&process->application, 1));
    assert_true(account_credit(&process->application, 1));
    prepare(lone, PARENT, THEIRS, 1, 1);
    rollback_decide(process, &lone->step, THEIRS, true);
    const Notice *notice = lone_notice(lone, NOTICE_ROLLED_BACK);
    assert_non_null(notice);
    assert_string_equal(notice->initiator.text, "parent");
    assert_int_equal(notice->number, THEIRS.number);
    assert_int_equal(notice->undone, 2);
    assert_false(process->outcome.over);
    effects_clear(lone->step.effects);
    process->recovering = true;
    begin_rollback(lone);
    rollback_decide(process, &lone->step, OURS, true);
    assert_non_null(lone_notice(lone, NOTICE_ROLLED_BACK));
    assert_false(process->recovering);
}

static void a_decision_opens_the_channels_of_its_instance_and_no_other(void **state)
{
    Lone *lone = *state;
    prepare(lone, PARENT, THEIRS, 1, 0);
    prepare(lone, CHILD, OTHERS, 1, 0);
    assert_true(rollback_holds(&lone->process, THEIRS));
    assert_false(rollback_holds(&lone->process, OURS));
    lone->process.control_changed = false;
    rollback_decide(&lone->process, &lone->step, THEIRS, true);
    assert_false(is_closed(lone, PARENT));
    assert_true(is_closed(lone, CHILD));
    assert_true(lone->process.control_changed);
    assert_int_equal(lone->process.peers[PARENT].channel.known, 1);
    assert_int_equal(lone->process.peers[PARENT].control_ns, LONE_NOW_NS);
    assert_false(rollback_holds(&lone->process, THEIRS));
    assert_true(rollback_holds(&lone->process, OTHERS));
    assert_int_equal(lone->process.inc, 0);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, lone_set_up, lone_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_checkpoint_is_inherited_by_who_has_sent_what_the_other_received),
        CLAIM(who_has_restarted_takes_no_tentative_checkpoint),
        CLAIM(a_request_is_passed_on_to_those_received_from_and_answered_after_them),
        CLAIM(a_request_repeated_is_answered_as_before),
        CLAIM(a_request_of_what_is_over_or_something_else_is_told_busy),
        CLAIM(votes_that_nobody_waits_for_are_stale),
        CLAIM(a_vote_for_a_checkpoint_says_nothing_of_a_rollback),
        CLAIM(a_commit_is_an_outcome_without_anybody_to_blame),
        CLAIM(a_no_aborts_and_is_remembered_as_the_reason),
        CLAIM(silence_is_remembered_as_that),
        CLAIM(a_no_from_below_is_passed_on_and_is_not_our_own_outcome),
        CLAIM(a_participant_is_told_what_became_permanent),
        CLAIM(a_commit_after_a_restart_becomes_current),
        CLAIM(an_abort_after_a_restart_changes_nothing),
        CLAIM(who_holds_no_orphan_closes_and_says_yes),
        CLAIM(an_incarnation_out_of_turn_is_no_rollback_of_this_history),
        CLAIM(who_holds_an_orphan_asks_all_others_first),
        CLAIM(who_is_bound_elsewhere_is_busy),
        CLAIM(a_checkpoint_without_a_vote_is_pushed_aside_by_an_orphan_alone),
        CLAIM(who_can_remember_no_more_decisions_is_busy),
        CLAIM(after_a_crash_while_preparing_only_that_rollback_is_refused),
        CLAIM(a_rollback_asks_everybody_and_ends_with_the_last_yes),
        CLAIM(a_rollback_is_on_disk_before_anybody_hears_of_it),
        CLAIM(a_vote_for_a_rollback_says_nothing_of_a_checkpoint),
        CLAIM(a_rollback_ended_by_a_no_or_by_silence_says_whose),
        CLAIM(a_no_to_an_inherited_rollback_is_passed_on),
        CLAIM(who_rolls_with_others_or_after_a_restart_is_told),
        CLAIM(a_decision_opens_the_channels_of_its_instance_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
