/* What checkpoint and rollback instances share: numbers, who is waited for, who is told what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/instance.h"
#include "tests/core/lone.h"

static const Instance OURS = {SELF, 5};
static const Instance THEIRS = {PARENT, 5};

static void announce(Process *process, Instance instance, bool commit, uint16_t parent)
{
    Announcement announcement = {.instance = instance, .commit = commit, .parent = parent};
    for (uint16_t i = 0; i < LONE_MEMBERS; i++) {
        if (i == SELF || i == parent)
            continue;
        bit_set(announcement.unacked, i, true);
        announcement.waiting++;
    }
    g_array_append_val(process->announcements, announcement);
}

/* --- what is known of an instance --- */

static void of_the_last_instance_the_decision_is_known_of_older_ones_only_the_end(void **state)
{
    Process *process = &((Lone *)*state)->process;
    bool commit;
    process->peers[PARENT].finished = (Finished){7, true};
    assert_true(instance_finished(process, (Instance){PARENT, 7}, &commit));
    assert_true(commit);
    assert_true(instance_finished(process, (Instance){PARENT, 6}, &commit));
    assert_false(commit);
    assert_false(instance_finished(process, (Instance){PARENT, 8}, &commit));
    assert_false(commit);
    process->peers[PARENT].finished.commit = false;
    assert_true(instance_finished(process, (Instance){PARENT, 7}, &commit));
    assert_false(commit);
}

static void an_announced_decision_is_known_whatever_followed_it(void **state)
{
    Process *process = &((Lone *)*state)->process;
    bool commit = false;
    process->peers[PARENT].finished = (Finished){7, false};
    announce(process, (Instance){PARENT, 4}, false, PARENT);
    announce(process, THEIRS, true, PARENT);
    assert_true(instance_finished(process, THEIRS, &commit));
    assert_true(commit);
}

static void nothing_begins_while_too_many_decisions_wait(void **state)
{
    Process *process = &((Lone *)*state)->process;
    for (uint64_t i = 1; i < ANNOUNCEMENTS_MAX; i++)
        announce(process, (Instance){SELF, i}, true, SELF);
    assert_true(instance_free(process));
    announce(process, (Instance){SELF, ANNOUNCEMENTS_MAX}, true, SELF);
    assert_false(instance_free(process));
}

static void who_is_frozen_or_engaged_is_not_free(void **state)
{
    Lone *lone = *state;
    lone->process.frozen = true;
    assert_false(instance_free(&lone->process));
    lone->process.frozen = false;
    assert_true(instance_free(&lone->process));
    instance_engage(&lone->process, &lone->step, ENGAGED_CHECKPOINT, OURS, SELF);
    assert_false(instance_free(&lone->process));
}

static void numbers_are_reserved_many_at_a_time(void **state)
{
    Process *process = &((Lone *)*state)->process;
    process->instances = 9;
    process->instances_reserved = 10;
    process->control_changed = false;
    assert_int_equal(instance_next(process).number, 10);
    assert_int_equal(process->instances_reserved, 10);
    assert_false(process->control_changed);
    assert_int_equal(instance_next(process).number, 11);
    assert_int_equal(process->instances_reserved, 10 + INSTANCES_RESERVED);
    assert_true(process->control_changed);
}

/* --- being engaged --- */

static void a_new_engagement_takes_nothing_over_from_the_last(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    process->voted = process->refused = process->doubt_told = true;
    process->query_ns = 1;
    memset(process->participants, 0xff, sizeof process->participants);
    for (int i = 0; i < LONE_MEMBERS; i++)
        process->peers[i].ask = ASK_JOINED;
    instance_engage(process, &lone->step, ENGAGED_ROLLBACK, THEIRS, CHILD);
    assert_false(process->voted);
    assert_false(process->refused);
    assert_false(process->doubt_told);
    assert_true(process->query_ns == TIME_NEVER);
    assert_int_equal(process->since_ns, LONE_NOW_NS);
    assert_int_equal(process->query_next, PARENT); /* who began it knows best */
    assert_int_equal(process->parent, CHILD);
    assert_int_equal(process->participants[0], 1 << SELF);
    for (int i = 0; i < LONE_MEMBERS; i++)
        assert_int_equal(process->peers[i].ask, ASK_NOT);
}

static Message vote(Answer answer, uint64_t echo)
{
    Message message = {.kind = MESSAGE_CHECKPOINT_VOTE};
    message.vote.instance = OURS;
    message.vote.answer = answer;
    message.vote.last_received = echo;
    return message;
}

static void a_yes_counts_once_and_for_the_question_asked(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    Message yes = vote(ANSWER_NO_NEED, 3);
    instance_engage(process, &lone->step, ENGAGED_CHECKPOINT, OURS, SELF);
    process->peers[CHILD].asked_label = 3;
    assert_false(instance_take_yes(process, CHILD, &yes)); /* not asked */
    instance_ask(process, &lone->step, CHILD, 4);
    assert_false(instance_take_yes(process, CHILD, &yes)); /* asked something else */
    assert_false(instance_all_yes(process));
    instance_ask(process, &lone->step, CHILD, 3);
    process->peers[CHILD].control_backoff = 3;
    assert_true(instance_take_yes(process, CHILD, &yes));
    assert_int_equal(process->peers[CHILD].control_backoff, 0); /* it is there */
    assert_true(instance_all_yes(process));
    assert_int_equal(process->peers[CHILD].ask, ASK_NO_NEED);
    assert_false(instance_take_yes(process, CHILD, &yes));
}

static void a_yes_brings_all_who_took_part_below(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    Message yes = vote(ANSWER_JOINED, 0);
    instance_engage(process, &lone->step, ENGAGED_CHECKPOINT, OURS, SELF);
    instance_ask(process, &lone->step, CHILD, 0);
    yes.vote.participant_bytes = 1;
    bit_set(yes.vote.participants, CHILD, true);
    bit_set(yes.vote.participants, LONE_MEMBERS, true); /* there is no such member */
    assert_true(instance_take_yes(process, CHILD, &yes));
    assert_int_equal(process->peers[CHILD].ask, ASK_JOINED);
    assert_int_equal(process->participants[0], 1 << SELF | 1 << CHILD);
}

static void our_own_yes_has_a_bit_for_every_member(void **state)
{
    static const uint16_t counts[] = {8, 9, 16, 17};
    static const int bytes[] = {1, 2, 2, 3};
    Lone *lone = *state;
    lone->process.participants[2] = 1;
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        lone->process.count = counts[i];
        instance_answer(&lone->process, PARENT, MESSAGE_PREPARE_VOTE, THEIRS, ANSWER_JOINED, 0);
        const Message *yes = lone_owed(lone, PARENT, MESSAGE_PREPARE_VOTE);
        assert_int_equal(yes->vote.participant_bytes, bytes[i]);
        assert_int_equal(yes->vote.participants[2], bytes[i] > 2 ? 1 : 0);
    }
    lone->process.count = LONE_MEMBERS;
}

/* --- decisions --- */

static void a_decision_waits_for_all_who_may_have_to_hear_it(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    instance_engage(process, &lone->step, ENGAGED_CHECKPOINT, OURS, SELF);
    process->peers[PARENT].ask = ASK_JOINED;
    process->peers[CHILD].ask = ASK_NO_NEED; /* took no checkpoint: has nothing to hear */
    instance_finish(process, &lone->step, true);
    assert_int_equal(process->announcements->len, 1);
    const Announcement *announcement = &g_array_index(process->announcements, Announcement, 0);
    assert_true(announcement->commit);
    assert_int_equal(announcement->waiting, 1);
    assert_int_equal(announcement->unacked[0], 1 << PARENT);
    assert_int_equal(process->peers[PARENT].ask, ASK_NOT);
    assert_int_equal(process->engaged, ENGAGED_NOT);
    assert_int_equal(process->peers[SELF].finished.number, OURS.number);
    assert_int_equal(process->peers[PARENT].control_ns, LONE_NOW_NS);
    assert_int_not_equal(process->peers[CHILD].control_ns, LONE_NOW_NS);
}

static void whoever_has_closed_a_channel_hears_of_the_rollbacks_end(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    instance_engage(process, &lone->step, ENGAGED_ROLLBACK, OURS, SELF);
    process->peers[PARENT].ask = ASK_NO_NEED;
    process->peers[CHILD].ask = ASK_WAITING;
    instance_finish(process, &lone->step, false);
    const Announcement *announcement = &g_array_index(process->announcements, Announcement, 0);
    assert_int_equal(announcement->waiting, 2);
    assert_false(announcement->commit);
}

static void nothing_of_an_engagement_outlives_it(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    instance_engage(process, &lone->step, ENGAGED_ROLLBACK, THEIRS, PARENT);
    instance_vote_yes(process, &lone->step);
    process->refused = true;
    instance_finish(process, &lone->step, false);
    assert_false(process->voted);
    assert_false(process->refused);
    assert_true(process->query_ns == TIME_NEVER);
}

static void nobody_to_tell_is_nothing_to_remember_of_the_telling(void **state)
{
    Lone *lone = *state;
    instance_engage(&lone->process, &lone->step, ENGAGED_CHECKPOINT, OURS, SELF);
    instance_finish(&lone->process, &lone->step, true);
    assert_int_equal(lone->process.announcements->len, 0);
}

static void an_announcement_ends_when_all_have_acknowledged_each_once(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    announce(process, (Instance){SELF, 4}, false, SELF);
    announce(process, OURS, true, SELF);
    process->peers[CHILD].control_backoff = 3;
    instance_receive_ack(process, &lone->step, CHILD, OURS);
    assert_int_equal(process->peers[CHILD].control_backoff, 0);
    instance_receive_ack(process, &lone->step, CHILD, OURS);
    assert_int_equal(process->announcements->len, 2);
    process->control_changed = false;
    instance_receive_ack(process, &lone->step, PARENT, OURS);
    assert_int_equal(process->announcements->len, 1);
    assert_true(process->control_changed);
    assert_int_equal(g_array_index(process->announcements, Announcement, 0).instance.number, 4);
    assert_int_equal(process->owed->len, 0); /* there is no parent to tell */
}

static void a_parent_hears_of_it_when_the_whole_subtree_has_acknowledged(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    announce(process, THEIRS, true, PARENT);
    instance_note_decision(process, PARENT, THEIRS, true); /* told again meanwhile */
    assert_int_equal(process->owed->len, 0);
    instance_note_decision(process, CHILD, THEIRS, true); /* anybody else is answered */
    lone_owed(lone, CHILD, MESSAGE_DECISION_ACK);
    instance_receive_ack(process, &lone->step, CHILD, THEIRS);
    assert_int_equal(lone_owed(lone, PARENT, MESSAGE_DECISION_ACK)->instance.number, THEIRS.number);
    instance_note_decision(process, PARENT, THEIRS, true);
    lone_owed(lone, PARENT, MESSAGE_DECISION_ACK);
}

static void only_later_decisions_are_remembered(void **state)
{
    Process *process = &((Lone *)*state)->process;
    process->control_changed = false;
    process->peers[PARENT].finished = (Finished){6, false};
    instance_note_decision(process, PARENT, THEIRS, true);
    assert_int_equal(process->peers[PARENT].finished.number, 6);
    instance_note_decision(process, PARENT, (Instance){PARENT, 6}, true);
    assert_false(process->peers[PARENT].finished.commit);
    assert_false(process->control_changed);
    instance_note_decision(process, PARENT, (Instance){PARENT, 7}, true);
    assert_int_equal(process->peers[PARENT].finished.number, 7);
    assert_true(process->peers[PARENT].finished.commit);
    assert_true(process->control_changed);
}

/* --- questions --- */

static void expect_decision(Lone *lone, uint16_t to, Instance instance, bool commit)
{
    instance_receive_query(&lone->process, &lone->step, to, instance);
    const Message *message = lone_owed(lone, to, MESSAGE_DECISION);
    assert_int_equal(message->decision.instance.initiator, instance.initiator);
    assert_int_equal(message->decision.instance.number, instance.number);
    assert_int_equal(message->decision.commit, commit);
    lone_forget_owed(lone);
}

static void expect_silence(Lone *lone, uint16_t to, Instance instance)
{
    instance_receive_query(&lone->process, &lone->step, to, instance);
    assert_int_equal(lone->process.owed->len, 0);
}

static void an_initiator_that_knows_nothing_says_abort(void **state)
{
    Lone *lone = *state;
    expect_decision(lone, CHILD, OURS, false);
    lone->process.peers[SELF].finished = (Finished){OURS.number, true};
    expect_decision(lone, CHILD, OURS, true);
    expect_decision(lone, CHILD, (Instance){SELF, 4}, false); /* all who took part knew it */
}

static void others_say_only_what_they_know(void **state)
{
    Lone *lone = *state;
    expect_silence(lone, CHILD, THEIRS);
    lone->process.peers[PARENT].finished = (Finished){6, true};
    expect_silence(lone, CHILD, THEIRS); /* over, but how is forgotten */
    expect_decision(lone, CHILD, (Instance){PARENT, 6}, true);
    announce(&lone->process, THEIRS, true, PARENT);
    expect_decision(lone, CHILD, THEIRS, true);
}

static void who_is_in_doubt_itself_says_nothing(void **state)
{
    Lone *lone = *state;
    instance_engage(&lone->process, &lone->step, ENGAGED_CHECKPOINT, OURS, SELF);
    expect_silence(lone, CHILD, OURS);
}

static void doubt_is_told_once_and_after_a_while(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    instance_engage(process, &lone->step, ENGAGED_CHECKPOINT, THEIRS, PARENT);
    instance_vote_yes(process, &lone->step);
    assert_in_range(process->query_ns, LONE_NOW_NS + QUERY_AFTER_NS,
                    LONE_NOW_NS + QUERY_AFTER_NS + QUERY_AFTER_NS / 4);
    lone->step.now_ns = process->query_ns - 1;
    instance_query_if_due(process, &lone->step);
    assert_int_equal(process->owed->len, 0);
    lone->step.now_ns = LONE_NOW_NS + DOUBT_NS_MAX - 1;
    instance_query_if_due(process, &lone->step);
    assert_null(lone_notice(lone, NOTICE_IN_DOUBT));
    lone->step.now_ns = LONE_NOW_NS + DOUBT_NS_MAX;
    process->query_ns = lone->step.now_ns;
    instance_query_if_due(process, &lone->step);
    const Notice *notice = lone_notice(lone, NOTICE_IN_DOUBT);
    assert_non_null(notice);
    assert_string_equal(notice->initiator.text, "parent");
    assert_string_equal(notice->name.text, "parent");
    assert_int_equal(notice->number, THEIRS.number);
    effects_clear(lone->step.effects);
    process->query_ns = lone->step.now_ns;
    instance_query_if_due(process, &lone->step);
    assert_null(lone_notice(lone, NOTICE_IN_DOUBT));
}

static void the_initiator_is_asked_first_and_then_everybody_in_turn(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    static const uint16_t turns[] = {PARENT, CHILD, PARENT, CHILD};
    instance_engage(process, &lone->step, ENGAGED_CHECKPOINT, THEIRS, PARENT);
    instance_vote_yes(process, &lone->step);
    for (size_t i = 0; i < G_N_ELEMENTS(turns); i++) {
        lone->step.now_ns = process->query_ns;
        instance_query_if_due(process, &lone->step);
        assert_int_equal(lone_owed(lone, turns[i], MESSAGE_QUERY)->instance.number, THEIRS.number);
    }
}

static void an_initiator_that_is_back_is_asked_at_once(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    instance_query_soon(process, PARENT, &lone->step); /* nobody is in doubt */
    assert_true(process->query_ns == TIME_NEVER);
    instance_engage(process, &lone->step, ENGAGED_CHECKPOINT, THEIRS, PARENT);
    instance_vote_yes(process, &lone->step);
    process->query_next = CHILD;
    instance_query_soon(process, CHILD, &lone->step); /* it did not begin this */
    assert_true(process->query_ns > LONE_NOW_NS);
    instance_query_soon(process, PARENT, &lone->step);
    assert_int_equal(process->query_ns, LONE_NOW_NS);
    assert_int_equal(process->query_next, PARENT);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, lone_set_up, lone_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(of_the_last_instance_the_decision_is_known_of_older_ones_only_the_end),
        CLAIM(an_announced_decision_is_known_whatever_followed_it),
        CLAIM(nothing_begins_while_too_many_decisions_wait),
        CLAIM(who_is_frozen_or_engaged_is_not_free),
        CLAIM(numbers_are_reserved_many_at_a_time),
        CLAIM(a_new_engagement_takes_nothing_over_from_the_last),
        CLAIM(a_yes_counts_once_and_for_the_question_asked),
        CLAIM(a_yes_brings_all_who_took_part_below),
        CLAIM(our_own_yes_has_a_bit_for_every_member),
        CLAIM(a_decision_waits_for_all_who_may_have_to_hear_it),
        CLAIM(whoever_has_closed_a_channel_hears_of_the_rollbacks_end),
        CLAIM(nothing_of_an_engagement_outlives_it),
        CLAIM(nobody_to_tell_is_nothing_to_remember_of_the_telling),
        CLAIM(an_announcement_ends_when_all_have_acknowledged_each_once),
        CLAIM(a_parent_hears_of_it_when_the_whole_subtree_has_acknowledged),
        CLAIM(only_later_decisions_are_remembered),
        CLAIM(an_initiator_that_knows_nothing_says_abort),
        CLAIM(others_say_only_what_they_know),
        CLAIM(who_is_in_doubt_itself_says_nothing),
        CLAIM(doubt_is_told_once_and_after_a_while),
        CLAIM(the_initiator_is_asked_first_and_then_everybody_in_turn),
        CLAIM(an_initiator_that_is_back_is_asked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
