/* A process's checkpoints, and what it takes up again after a pause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/instance.h"
#include "core/process_storage.h"
#include "tests/core/lone.h"

static Channel *channel_of(Lone *lone, uint16_t peer)
{
    return &lone->process.peers[peer].channel;
}

static void who_enters_a_cohort_has_a_checkpoint_and_nothing_to_say(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    assert_true(process->perm.taken);
    assert_false(process->tent.taken);
    assert_int_equal(account_balance(&process->perm.application), LONE_BALANCE);
    assert_int_equal(account_balance(&process->application), LONE_BALANCE);
    assert_true(process->query_ns == TIME_NEVER);
    for (int i = 0; i < LONE_MEMBERS; i++)
        assert_true(process->peers[i].control_ns == TIME_NEVER);
}

static void what_counts_beyond_the_cohort_outlives_it(void **state)
{
    Process *process = &((Lone *)*state)->process;
    process->instances = 3;
    process->instances_reserved = 64;
    process->epoch = 4;
    process->retries = 5;
    process->random = 6;
    process->inc = 7;
    process->inc_before = 8;
    process->permanents = 9;
    process_leave(process);
    assert_int_equal(process->instances, 3);
    assert_int_equal(process->instances_reserved, 64);
    assert_int_equal(process->epoch, 4);
    assert_int_equal(process->retries, 5);
    assert_int_equal(process->random, 6);
    assert_int_equal(process->inc_before, 15);
    assert_int_equal(process->inc, 0);
    assert_int_equal(process->permanents, 0);
    assert_int_equal(account_balance(&process->application), LONE_BALANCE);
    process_leave(process); /* nobody leaves twice */
    assert_int_equal(process->inc_before, 15);
}

/* --- after a pause --- */

static void after_a_pause_everything_due_is_due_now(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    Channel *channel = channel_of(lone, CHILD);
    channel_append(channel, 1, ENTRY_TRANSFER);
    channel_append(channel, 1, ENTRY_TRANSFER);
    channel_sent(channel, 1, 1, 0);
    channel_sent(channel, 2, 1, 0);
    channel_state_copy(&process->perm.channels[CHILD], &channel->state);
    channel->backoff = 3;
    process->peers[CHILD].control_backoff = 3;
    process->doubt_told = true;
    process->since_ns = 1;
    process_rebase(process, LONE_NOW_NS);
    assert_int_equal(process->peers[CHILD].control_ns, LONE_NOW_NS);
    assert_int_equal(process->peers[PARENT].control_ns, LONE_NOW_NS);
    assert_int_equal(process->peers[CHILD].control_backoff, 0);
    assert_int_equal(channel->backoff, 0);
    assert_int_equal(channel_next_due(channel, LONE_NOW_NS), 1);
    for (uint64_t label = 1; label <= 2; label++) {
        assert_true(channel_entry(&channel->state, label)->sent_ns == TIME_NEVER);
        assert_true(channel_entry(&process->perm.channels[CHILD], label)->sent_ns == TIME_NEVER);
    }
    assert_false(process->doubt_told);
    assert_int_equal(process->since_ns, 1); /* engaged in nothing */
    assert_true(process->query_ns == TIME_NEVER);
}

static void after_a_pause_an_instance_begins_to_wait_anew(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    lone->step.now_ns = 1;
    instance_engage(process, &lone->step, ENGAGED_CHECKPOINT, (Instance){PARENT, 1}, PARENT);
    instance_vote_yes(process, &lone->step);
    process_rebase(process, LONE_NOW_NS);
    assert_int_equal(process->since_ns, LONE_NOW_NS);
    assert_int_equal(process->query_ns, LONE_NOW_NS);
}

/* --- checkpoints --- */

static void accept(Lone *lone, uint16_t from, uint64_t first, uint64_t last, bool skip)
{
    for (uint64_t label = first; label <= last; label++)
        assert_int_equal(channel_accept(channel_of(lone, from), &(Header){0}, 0, label, skip),
                         DROP_NONE);
}

static uint64_t kept(Lone *lone)
{
    process_take_tentative(&lone->process);
    uint64_t in = lone->process.tent.channels[CHILD].in;
    process_discard_tentative(&lone->process);
    return in;
}

static void trailing_skips_are_in_a_checkpoint_only_if_the_senders_has_them_for_sure(void **state)
{
    Lone *lone = *state;
    accept(lone, CHILD, 1, 1, false);
    accept(lone, CHILD, 2, 6, true);
    assert_int_equal(kept(lone), 1);
    lone->process.perm.channels[CHILD].in = 3; /* may be released by the sender */
    assert_int_equal(kept(lone), 3);
    channel_of(lone, CHILD)->peer_perm_sent = 4; /* told so */
    assert_int_equal(kept(lone), 4);
    lone->process.perm.channels[CHILD].in = 5;
    assert_int_equal(kept(lone), 5);
    accept(lone, CHILD, 7, 7, false);
    assert_int_equal(kept(lone), 7);
}

static void make_permanent(Lone *lone)
{
    process_take_tentative(&lone->process);
    for (int i = 0; i < LONE_MEMBERS; i++) {
        lone->process.peers[i].control_ns = TIME_NEVER;
        lone->process.peers[i].permanent_unsaved = false;
        channel_of(lone, (uint16_t)i)->stable_due = false;
    }
    lone->process.permanent_changed = lone->process.permanent_news = false;
    process_make_permanent(&lone->process);
}

static void a_checkpoint_made_permanent_is_told_to_those_whom_it_concerns(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    accept(lone, CHILD, 1, 1, false);
    assert_true(account_credit(&process->application, 1));
    process->peers[CHILD].control_backoff = 3;
    make_permanent(lone);
    assert_int_equal(process->permanents, 1);
    assert_false(process->tent.taken);
    assert_true(process->permanent_changed);
    assert_true(process->permanent_news);
    assert_int_equal(account_balance(&process->perm.application), LONE_BALANCE + 1);
    assert_true(channel_of(lone, CHILD)->stable_due);
    assert_true(process->peers[CHILD].permanent_unsaved);
    assert_int_equal(process->peers[CHILD].control_ns, 0);
    assert_int_equal(process->peers[CHILD].control_backoff, 0);
    assert_false(channel_of(lone, PARENT)->stable_due);
    assert_false(process->peers[PARENT].permanent_unsaved);
    assert_true(process->peers[PARENT].control_ns == TIME_NEVER);
}

static void each_count_of_a_channel_concerns_its_peer(void **state)
{
    Lone *lone = *state;
    Channel *channel = channel_of(lone, CHILD);
    channel_append(channel, 1, ENTRY_TRANSFER);
    make_permanent(lone);
    assert_true(channel->stable_due);
    make_permanent(lone); /* nothing has happened since */
    assert_false(channel->stable_due);
    assert_false(lone->process.peers[CHILD].permanent_unsaved);
    channel_entry(&channel->state, 1)->kind = ENTRY_GIVEN_UP; /* is no news to the peer */
    make_permanent(lone);
    assert_false(channel->stable_due);
    assert_true(lone->process.peers[CHILD].permanent_unsaved);
    channel_release(channel, &(Coverage){.upto = 1});
    make_permanent(lone);
    assert_true(channel->stable_due);
}

static void a_rollback_goes_back_to_the_permanent_checkpoint(void **state)
{
    Lone *lone = *state;
    accept(lone, CHILD, 1, 1, false);
    make_permanent(lone);
    accept(lone, CHILD, 2, 3, false);
    channel_append(channel_of(lone, PARENT), 1, ENTRY_TRANSFER);
    assert_true(account_credit(&lone->process.application, 1));
    process_restore_permanent(&lone->process);
    assert_int_equal(channel_of(lone, CHILD)->state.in, 1);
    assert_int_equal(channel_of(lone, PARENT)->state.out, 0);
    assert_int_equal(account_balance(&lone->process.application), LONE_BALANCE);
}

/* --- looking in --- */

static void all_is_settled_when_every_fate_is_known(void **state)
{
    Lone *lone = *state;
    Channel *channel = channel_of(lone, CHILD);
    assert_true(process_all_settled(&lone->process));
    channel_append(channel, 1, ENTRY_TRANSFER);
    assert_false(process_all_settled(&lone->process));
    channel->acked = 1;
    assert_true(process_all_settled(&lone->process));
    channel_append(channel_of(lone, PARENT), 1, ENTRY_TRANSFER);
    assert_false(process_all_settled(&lone->process));
}

static void losses_are_open_until_a_permanent_checkpoint_holds_them(void **state)
{
    Lone *lone = *state;
    Channel *channel = channel_of(lone, CHILD);
    Money amount = 0;
    channel_append(channel, 10, ENTRY_NEVER_SENT);
    channel_append(channel, 20, ENTRY_TRANSFER);
    make_permanent(lone);
    assert_int_equal(process_open_losses(&lone->process, &amount), 0);
    assert_int_equal(amount, 0);
    channel_entry(&channel->state, 2)->lost = true; /* became certain since */
    channel_append(channel, 40, ENTRY_NEVER_SENT);
    channel_append(channel_of(lone, PARENT), 80, ENTRY_NEVER_SENT);
    assert_int_equal(process_open_losses(&lone->process, &amount), 3);
    assert_int_equal(amount, 20 + 40 + 80);
    make_permanent(lone);
    channel_release(channel, &(Coverage){.upto = 2});
    assert_int_equal(process_open_losses(&lone->process, &amount), 0);
    lone->process.perm.channels[CHILD].base = 3; /* it counts them as lost for good */
    g_array_set_size(lone->process.perm.channels[CHILD].log, 0);
    assert_int_equal(process_open_losses(&lone->process, &amount), 0);
}

static void losses_beyond_any_amount_are_counted_as_the_largest(void **state)
{
    Lone *lone = *state;
    Money amount = 0;
    channel_append(channel_of(lone, CHILD), INT64_MAX - 1, ENTRY_NEVER_SENT);
    channel_append(channel_of(lone, CHILD), 1, ENTRY_NEVER_SENT);
    channel_append(channel_of(lone, PARENT), 1, ENTRY_NEVER_SENT);
    assert_int_equal(process_open_losses(&lone->process, &amount), 3);
    assert_true(amount == INT64_MAX);
}

static void all_that_the_logs_hold_as_lost_is_released(void **state)
{
    Lone *lone = *state;
    Application application = lone->process.application;
    channel_append(channel_of(lone, CHILD), 10, ENTRY_NEVER_SENT);
    channel_append(channel_of(lone, CHILD), 20, ENTRY_TRANSFER);
    channel_append(channel_of(lone, PARENT), 40, ENTRY_NEVER_SENT);
    process_release_losses(&lone->process, &application);
    assert_int_equal(account_lost_released(&application), 50);
}

/* --- the encoding --- */

static void fill(Process *process)
{
    const Announcement announcement = {{CHILD, 11}, true, SELF, 1, {1 << CHILD}};
    process->inc = 1;
    process->instances_reserved = 2;
    process->permanents = 3;
    process->frozen = process->recovering = true;
    process->engaged = ENGAGED_ROLLBACK;
    process->instance = (Instance){CHILD, 4};
    process->parent = CHILD;
    process->parent_label = 5;
    process->voted = process->refused = process->doubt_told = true;
    process->since_ns = 6;
    process->query_ns = 7;
    process->query_next = CHILD;
    process->participants[0] = 3;
    g_array_append_val(process->announcements, announcement);
    process->outcome.over = process->outcome.commit = process->outcome.silent = true;
    process->outcome.blocker = CHILD;
    process->outcome.instance = (Instance){CHILD, 8};
    process->outcome.undone = 9;
    process->outcome.participants[0] = 5;
    Peer *peer = &process->peers[CHILD];
    peer->ask = ASK_JOINED;
    peer->asked_label = 12;
    peer->control_ns = 13;
    peer->control_backoff = 14;
    peer->moved_due = true;
    peer->finished = (Finished){15, true};
    peer->channel.known = 16;
    peer->channel.closed = (Closed){{CHILD, 17}, 18, 19, 20};
    peer->member.ip = 21;
    process_take_tentative(process);
    assert_true(account_credit(&process->application, 1));
}

static void expect_filled(const Process *process)
{
    const Peer *peer = &process->peers[CHILD];
    const Announcement *announcement = &g_array_index(process->announcements, Announcement, 0);
    assert_int_equal(process->inc, 1);
    assert_int_equal(process->instances_reserved, 2);
    assert_int_equal(process->permanents, 3);
    assert_true(process->frozen && process->recovering);
    assert_int_equal(process->engaged, ENGAGED_ROLLBACK);
    assert_true(instance_equal(process->instance, (Instance){CHILD, 4}));
    assert_int_equal(process->parent, CHILD);
    assert_int_equal(process->parent_label, 5);
    assert_true(process->voted && process->refused && process->doubt_told);
    assert_int_equal(process->since_ns, 6);
    assert_int_equal(process->query_ns, 7);
    assert_int_equal(process->query_next, CHILD);
    assert_int_equal(process->participants[0], 3);
    assert_true(instance_equal(announcement->instance, (Instance){CHILD, 11}));
    assert_true(announcement->commit);
    assert_int_equal(announcement->parent, SELF);
    assert_int_equal(announcement->waiting, 1);
    assert_int_equal(announcement->unacked[0], 1 << CHILD);
    assert_true(process->outcome.over && process->outcome.commit && process->outcome.silent);
    assert_int_equal(process->outcome.blocker, CHILD);
    assert_true(instance_equal(process->outcome.instance, (Instance){CHILD, 8}));
    assert_int_equal(process->outcome.undone, 9);
    assert_int_equal(process->outcome.participants[0], 5);
    assert_int_equal(peer->ask, ASK_JOINED);
    assert_int_equal(peer->asked_label, 12);
    assert_int_equal(peer->control_ns, 13);
    assert_int_equal(peer->control_backoff, 14);
    assert_true(peer->moved_due);
    assert_int_equal(peer->finished.number, 15);
    assert_true(peer->finished.commit);
    assert_int_equal(peer->channel.known, 16);
    assert_true(instance_equal(peer->channel.closed.instance, (Instance){CHILD, 17}));
    assert_int_equal(peer->channel.closed.new_inc, 18);
    assert_int_equal(peer->channel.closed.cut, 19);
    assert_int_equal(peer->channel.closed.rcut, 20);
    assert_int_equal(peer->member.ip, 21);
    assert_true(process->tent.taken);
    assert_int_equal(account_balance(&process->tent.application), LONE_BALANCE);
    assert_int_equal(account_balance(&process->perm.application), LONE_BALANCE);
    assert_int_equal(account_balance(&process->application), LONE_BALANCE + 1);
}

/* False: that is no process. */
static bool decodes(Process *process, Process *copy)
{
    Coder out = coder_encode_growing();
    process_code(&out, process);
    assert_false(out.failed); /* whatever it is: who decodes it judges */
    Coder in = coder_decode(out.bytes, out.length);
    process_code(&in, copy);
    coder_deinit(&out);
    return coder_finished(&in);
}

static void a_decoded_process_is_the_encoded_one(void **state)
{
    Lone *lone = *state;
    Process copy = {0};
    fill(&lone->process);
    assert_true(decodes(&lone->process, &copy));
    assert_int_equal(copy.cohort, 1);
    assert_int_equal(copy.count, LONE_MEMBERS);
    assert_int_equal(copy.self, SELF);
    expect_filled(&copy);
    assert_false(copy.tentative_saved || copy.peers[CHILD].tentative_saved);
    process_leave(&copy);
}

static void with_a_yes_said_the_tentative_checkpoint_is_known_to_be_saved(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    Process copy = {0};
    accept(lone, CHILD, 1, 1, false);
    process_take_tentative(process);
    process->engaged = ENGAGED_CHECKPOINT;
    process->voted = true;
    assert_true(decodes(process, &copy));
    assert_true(copy.tentative_saved && copy.peers[CHILD].tentative_saved);
    assert_false(copy.peers[PARENT].tentative_saved); /* is as the permanent one */
    process_leave(&copy);
}

/* How many records of this slot are saved if the process control state is said to have changed. */
static int saves_of(Process *process, Step *step, Slot slot)
{
    int count = 0;
    effects_clear(step->effects);
    process->control_changed = true;
    process_save_changes(process, step);
    for (size_t i = 0; i < effects_count(step->effects); i++)
        count += effects_at(step->effects, i)->save.slot == slot;
    return count;
}

static int saves(Lone *lone, Slot slot)
{
    return saves_of(&lone->process, &lone->step, slot);
}

static void what_has_changed_of_a_peer_is_saved_and_nothing_else(void **state)
{
    Lone *lone = *state;
    Peer *peer = &lone->process.peers[CHILD];
    Closed *closed = &peer->channel.closed;
    uint64_t *const fields[] = {&peer->channel.known, &closed->instance.number, &closed->new_inc,
                                &closed->cut, &closed->rcut};
    assert_int_equal(saves(lone, SLOT_PEER), LONE_MEMBERS);
    assert_int_equal(saves(lone, SLOT_PEER), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        (*fields[i])++;
        assert_int_equal(saves(lone, SLOT_PEER), 1);
        assert_int_equal(saves(lone, SLOT_PEER), 0);
    }
    closed->instance.initiator++;
    assert_int_equal(saves(lone, SLOT_PEER), 1);
    peer->finished.number++;
    assert_int_equal(saves(lone, SLOT_FINISHED), 1);
    assert_int_equal(saves(lone, SLOT_FINISHED), 0);
    lone->process.inc++;
    assert_int_equal(saves(lone, SLOT_INCARNATION), 1);
    assert_int_equal(saves(lone, SLOT_INCARNATION), 0);
}

static void what_is_decoded_counts_as_saved(void **state)
{
    static const Slot slots[] = {SLOT_PEER, SLOT_FINISHED, SLOT_INCARNATION};
    Lone *lone = *state;
    fill(&lone->process);
    for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
        Process copy = {0};
        assert_true(decodes(&lone->process, &copy));
        assert_int_equal(saves_of(&copy, &lone->step, slots[i]), 0);
        process_leave(&copy);
    }
}

static void saving_a_yes_changes_nothing_of_it(void **state)
{
    Lone *lone = *state;
    Process *process = &lone->process;
    process_take_tentative(process);
    process->engaged = ENGAGED_CHECKPOINT;
    process->voted = process->tentative_changed = true;
    process->peers[CHILD].ask = ASK_NO_NEED;
    process->peers[PARENT].ask = ASK_JOINED;
    assert_int_equal(saves(lone, SLOT_TENTATIVE), 1);
    assert_int_equal(process->peers[CHILD].ask, ASK_NO_NEED);
    assert_int_equal(process->peers[PARENT].ask, ASK_JOINED);
}

static void nothing_of_a_discarded_checkpoint_is_encoded(void **state)
{
    Process *process = &((Lone *)*state)->process;
    Coder before = coder_encode_growing();
    Coder after = coder_encode_growing();
    process_code(&before, process);
    process_take_tentative(process);
    process_discard_tentative(process);
    process_code(&after, process);
    assert_int_equal(after.length, before.length);
    assert_memory_equal(after.bytes, before.bytes, before.length);
    coder_deinit(&before);
    coder_deinit(&after);
}

static void encoding_counts_as_no_save(void **state)
{
    Lone *lone = *state;
    Coder coder = coder_encode_growing();
    process_code(&coder, &lone->process);
    coder_deinit(&coder);
    assert_int_equal(saves(lone, SLOT_PEER), LONE_MEMBERS);
}

/* Is room made for so many members, and this process among them? */
static bool makes_room_for(uint16_t count, uint16_t self, bool from_disk)
{
    Process copy = {0};
    uint64_t cohort = 1;
    Coder head = coder_encode_growing();
    code_u64(&head, &cohort);
    code_u16(&head, &count);
    code_u16(&head, &self);
    if (from_disk) {
        Shelf *shelf = shelf_new();
        shelf_put(shelf, SLOT_COHORT, 0, head.bytes, head.length);
        assert_false(process_load(&copy, shelf)); /* there is no more of it */
        shelf_free(shelf);
    } else {
        Coder in = coder_decode(head.bytes, head.length);
        process_code(&in, &copy);
        assert_false(coder_finished(&in));
    }
    coder_deinit(&head);
    bool made = copy.peers != NULL;
    process_leave(&copy);
    return made;
}

static void room_is_made_for_as_many_members_as_there_can_be(void **state)
{
    (void)state;
    for (int from_disk = 0; from_disk < 2; from_disk++) {
        assert_true(makes_room_for(MEMBERS_MAX, 0, from_disk));
        assert_false(makes_room_for(MEMBERS_MAX + 1, 0, from_disk));
        assert_true(makes_room_for(2, 1, from_disk));
        assert_false(makes_room_for(2, 2, from_disk));
        assert_false(makes_room_for(0, 0, from_disk));
        assert_true(makes_room_for(1, 0, from_disk));
    }
}

static void expect_refused(Process *process, uint16_t *index)
{
    Process copy = {0};
    uint16_t sound = *index;
    *index = LONE_MEMBERS - 1;
    assert_true(decodes(process, &copy));
    process_leave(&copy);
    *index = LONE_MEMBERS;
    assert_false(decodes(process, &copy));
    process_leave(&copy);
    *index = sound;
}

static void whoever_is_no_member_is_not_decoded(void **state)
{
    Process *process = &((Lone *)*state)->process;
    fill(process);
    Announcement *announcement = &g_array_index(process->announcements, Announcement, 0);
    expect_refused(process, &process->parent);
    expect_refused(process, &process->query_next);
    expect_refused(process, &process->instance.initiator);
    expect_refused(process, &process->outcome.instance.initiator);
    expect_refused(process, &announcement->parent);
    expect_refused(process, &announcement->instance.initiator);
}

static void a_process_without_a_permanent_checkpoint_is_not_decoded(void **state)
{
    Process *process = &((Lone *)*state)->process;
    Process copy = {0};
    process->perm.taken = false;
    assert_false(decodes(process, &copy));
    process_leave(&copy);
}

static void as_many_decisions_as_can_wait_are_decoded(void **state)
{
    Process *process = &((Lone *)*state)->process;
    const Announcement announcement = {.instance = {CHILD, 11}};
    Process copy = {0};
    for (int i = 0; i <= ANNOUNCEMENTS_MAX; i++) /* one more may come from an inherited instance */
        g_array_append_val(process->announcements, announcement);
    assert_true(decodes(process, &copy));
    assert_int_equal(copy.announcements->len, ANNOUNCEMENTS_MAX + 1);
    process_leave(&copy);
    g_array_append_val(process->announcements, announcement);
    Coder out = coder_encode_growing();
    process_code(&out, process);
    assert_true(out.failed);
    coder_deinit(&out);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, lone_set_up, lone_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(who_enters_a_cohort_has_a_checkpoint_and_nothing_to_say),
        CLAIM(what_counts_beyond_the_cohort_outlives_it),
        CLAIM(after_a_pause_everything_due_is_due_now),
        CLAIM(after_a_pause_an_instance_begins_to_wait_anew),
        CLAIM(trailing_skips_are_in_a_checkpoint_only_if_the_senders_has_them_for_sure),
        CLAIM(a_checkpoint_made_permanent_is_told_to_those_whom_it_concerns),
        CLAIM(each_count_of_a_channel_concerns_its_peer),
        CLAIM(a_rollback_goes_back_to_the_permanent_checkpoint),
        CLAIM(all_is_settled_when_every_fate_is_known),
        CLAIM(losses_are_open_until_a_permanent_checkpoint_holds_them),
        CLAIM(losses_beyond_any_amount_are_counted_as_the_largest),
        CLAIM(all_that_the_logs_hold_as_lost_is_released),
        CLAIM(a_decoded_process_is_the_encoded_one),
        CLAIM(with_a_yes_said_the_tentative_checkpoint_is_known_to_be_saved),
        CLAIM(what_has_changed_of_a_peer_is_saved_and_nothing_else),
        CLAIM(what_is_decoded_counts_as_saved),
        CLAIM(saving_a_yes_changes_nothing_of_it),
        CLAIM(encoding_counts_as_no_save),
        CLAIM(room_is_made_for_as_many_members_as_there_can_be),
        CLAIM(nothing_of_a_discarded_checkpoint_is_encoded),
        CLAIM(whoever_is_no_member_is_not_decoded),
        CLAIM(a_process_without_a_permanent_checkpoint_is_not_decoded),
        CLAIM(as_many_decisions_as_can_wait_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
