/* States without time and effort. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/canonical.h"
#include "core/customer_state.h"
#include "tests/core/cluster.h"

enum { TRIES_MAX = 1 };
enum { A, B, C };

static Customer *copy_of(const Customer *customer)
{
    const CustomerConfig config = canonical_config(customer);
    Coder coder = coder_encode_growing();
    Customer *copy = customer_new(&config);
    customer_encode(customer, &coder);
    assert_true(customer_decode(copy, coder.bytes, coder.length));
    coder_deinit(&coder);
    return copy;
}

static GBytes *canonical_bytes(const Customer *customer)
{
    Customer *copy = copy_of(customer);
    Coder coder = coder_encode_growing();
    canonical_forget(copy, TRIES_MAX);
    customer_encode(copy, &coder);
    customer_free(copy);
    return g_bytes_new_take(coder.bytes, coder.length);
}

static void assert_same_state(const Customer *a, const Customer *b)
{
    g_autoptr(GBytes) left = canonical_bytes(a);
    g_autoptr(GBytes) right = canonical_bytes(b);
    assert_true(g_bytes_equal(left, right));
}

/* --- the disk --- */

/* The customer that a start finds there. */
static Customer *loaded_from(const Shelf *disk, const Customer *like)
{
    CustomerConfig config = canonical_config(like);
    config.resume = *customer_name(like);
    Customer *loaded = customer_new(&config);
    assert_int_equal(customer_load(loaded, disk), LOAD_OK);
    return loaded;
}

static void save_what_is_loaded(const Cluster *cluster, int who, const Event *event, bool done)
{
    const Customer *customer = cluster->customers[who];
    (void)event;
    if (done || customer_cohort(customer) == 0)
        return; /* before a step its disk is as the last one has left it */
    Effects *effects = effects_new();
    Shelf *disk = shelf_new();
    Customer *loaded = loaded_from(cluster->shelves[who], customer);
    Customer *copy = copy_of(loaded);
    canonical_forget(copy, TRIES_MAX);
    effects_notify(effects, &(Notice){.kind = NOTICE_RESUMED}); /* of the step before */
    canonical_save(copy, effects);
    for (size_t i = 0; i < effects_count(effects); i++) {
        assert_int_equal(effects_at(effects, i)->kind, EFFECT_SAVE);
        assert_true(effects_at(effects, i)->save.length > 0);
    }
    shelf_apply(disk, effects);
    customer_free(copy);
    Customer *again = loaded_from(disk, customer);
    assert_same_state(loaded, again);
    customer_free(again);
    customer_free(loaded);
    shelf_free(disk);
    effects_free(effects);
}

static void what_is_loaded_and_saved_is_loaded_again(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster->watch = save_what_is_loaded;
    cluster_command(cluster, 0, "transfer 10 b");
    cluster_deliver(cluster);
    cluster_command(cluster, 1, "checkpoint");
    cluster_deliver(cluster);
    cluster_command(cluster, 2, "transfer 5 a");
    cluster_command(cluster, 0, "lost-transfer 3 c");
    cluster_deliver(cluster);
    cluster_command(cluster, 2, "rollback");
    cluster_deliver(cluster);
    cluster_hold(cluster, "decision");
    cluster_command(cluster, 1, "transfer 7 c");
    cluster_deliver(cluster);
    cluster_command(cluster, 2, "checkpoint");
    cluster_deliver(cluster);
    cluster_crash(cluster, 1);
    cluster_deliver(cluster);
    cluster_free(cluster);
}

/* --- forgetting --- */

static void repeating_changes_nothing(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_command(cluster, 0, "transfer 10 b");
    Customer *before = copy_of(cluster->customers[0]);
    for (int i = 0; i < 5; i++) {
        cluster_drop(cluster);
        Event timeout = {.kind = EVENT_TIMEOUT, .now_ns = cluster->deadlines_ns[0]};
        customer_step(cluster->customers[0], &timeout, cluster->effects);
        assert_true(effects_count(cluster->effects) > 0);
        cluster->deadlines_ns[0] = effects_deadline(cluster->effects);
        assert_same_state(before, cluster->customers[0]);
    }
    customer_free(before);
    cluster_free(cluster);
}

static void a_canonical_state_is_its_own(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_command(cluster, 0, "transfer 10 b");
    cluster_deliver(cluster);
    cluster_command(cluster, 0, "checkpoint");
    cluster_command(cluster, 1, "rollback");
    Customer *copy = copy_of(cluster->customers[0]);
    canonical_forget(copy, TRIES_MAX);
    assert_same_state(copy, cluster->customers[0]);
    customer_free(copy);
    cluster_free(cluster);
}

static bool is_far(uint64_t deadline_ns)
{
    return deadline_ns > CANONICAL_NOW_NS && deadline_ns != TIME_NEVER;
}

/* B, with a log of two that it has sent to A, in all its states. */
static Cluster *with_logs(void)
{
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Process *process = &cluster->customers[B]->process;
    Channel *channel = &process->peers[A].channel;
    for (uint64_t label = 1; label <= 2; label++) {
        channel_append(channel, 1, ENTRY_TRANSFER);
        channel_sent(channel, label, 7, 7);
        channel_entry(&channel->state, label)->sends = 9;
    }
    channel_state_copy(&process->perm.channels[A], &channel->state);
    channel_state_copy(&process->tent.channels[A], &channel->state);
    return cluster;
}

static void expect_log(const ChannelState *state, uint32_t sends)
{
    for (uint64_t label = 1; label <= 2; label++) {
        assert_int_equal(channel_entry(state, label)->sends, sends);
        assert_true(channel_entry(state, label)->sent_ns == TIME_NEVER);
    }
}

static void how_often_is_forgotten_unless_it_is_counted(void **state)
{
    (void)state;
    static const uint32_t retries[] = {RETRIES_UNLIMITED, 3, 20};
    static const uint32_t sends[] = {0, 4, 9};
    for (size_t i = 0; i < G_N_ELEMENTS(retries); i++) {
        Cluster *cluster = with_logs();
        Process *process = &cluster->customers[B]->process;
        process->retries = retries[i];
        canonical_forget(cluster->customers[B], TRIES_MAX);
        expect_log(&process->peers[A].channel.state, sends[i]);
        expect_log(&process->perm.channels[A], sends[i]);
        expect_log(&process->tent.channels[A], sends[i]);
        cluster_free(cluster);
    }
}

static void how_fast_a_peer_answers_is_forgotten(void **state)
{
    (void)state;
    Cluster *cluster = with_logs();
    Customer *customer = cluster->customers[B];
    Channel *channel = &customer->process.peers[A].channel;
    channel->rtt_known = true;
    channel->srtt_ns = channel->rttvar_ns = channel->rto_ns = channel->backoff = 5;
    channel->peer_una = channel->acked = 1;
    channel->ack_due = true;
    canonical_forget(customer, TRIES_MAX);
    assert_false(channel->rtt_known);
    assert_int_equal(channel->srtt_ns, 0);
    assert_int_equal(channel->rttvar_ns, 0);
    assert_int_equal(channel->rto_ns, RTO_INITIAL_NS);
    assert_int_equal(channel->backoff, 0);
    assert_true(is_far(channel->resend_ns));
    assert_int_equal(channel->sent_upto, 2);
    assert_int_equal(channel->acked, 1);
    assert_int_equal(channel->peer_una, 1); /* what is to be acknowledged */
    channel->ack_due = false;
    channel->resend_ns = TIME_NEVER;
    canonical_forget(customer, TRIES_MAX);
    assert_int_equal(channel->peer_una, 0);
    assert_true(channel->resend_ns == TIME_NEVER);
    cluster_free(cluster);
}

static void what_a_rollback_sends_again_counts_as_not_sent(void **state)
{
    (void)state;
    for (int recovering = 0; recovering < 2; recovering++) {
        Cluster *cluster = with_logs();
        Customer *customer = cluster->customers[B];
        Channel *channel = &customer->process.peers[A].channel;
        channel->acked = 1;
        if (recovering)
            customer->process.recovering = true;
        else
            channel->closed.instance.number = 1;
        canonical_forget(customer, TRIES_MAX);
        assert_int_equal(channel->acked, recovering ? 0 : 1);
        assert_int_equal(channel->sent_upto, channel->acked);
        assert_true(channel->resend_ns == TIME_NEVER);
        cluster_free(cluster);
    }
}

static void expect_control(Cluster *cluster, bool due)
{
    Peer *peer = &cluster->customers[B]->process.peers[A];
    peer->control_ns = 5;
    peer->control_backoff = 5;
    canonical_forget(cluster->customers[B], TRIES_MAX);
    assert_int_equal(peer->control_backoff, 0);
    assert_true(due ? is_far(peer->control_ns) : peer->control_ns == TIME_NEVER);
}

static void who_has_nothing_to_say_will_not_say_it(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Process *process = &cluster->customers[B]->process;
    Peer *peer = &process->peers[A];
    Announcement announcement = {.waiting = 1};
    bit_set(announcement.unacked, C, true);
    g_array_append_val(process->announcements, announcement);
    expect_control(cluster, false);
    for (int i = 0; i < 2; i++)
        g_array_append_val(process->announcements, announcement);
    bit_set(g_array_index(process->announcements, Announcement, 1).unacked, A, true);
    expect_control(cluster, true);
    g_array_remove_index(process->announcements, 1);
    peer->moved_due = true;
    expect_control(cluster, true);
    peer->moved_due = false;
    peer->channel.stable_due = true;
    expect_control(cluster, true);
    peer->channel.stable_due = false;
    peer->asked_label = 5;
    expect_control(cluster, false);
    assert_int_equal(peer->asked_label, 0);
    peer->asked_label = 5;
    peer->ask = ASK_WAITING;
    expect_control(cluster, true);
    assert_int_equal(peer->asked_label, 5);
    cluster_free(cluster);
}

static void of_an_instance_only_what_it_needs_is_remembered(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Customer *customer = cluster->customers[B];
    Process *process = &customer->process;
    process->engaged = ENGAGED_CHECKPOINT;
    process->instance = (Instance){C, 5};
    process->parent = C;
    process->parent_label = 5;
    process->participants[0] = 5;
    process->query_ns = process->since_ns = process->random = 5;
    process->query_next = A;
    process->outcome.over = process->outcome.commit = true;
    process->outcome.blocker = C;
    canonical_forget(customer, TRIES_MAX);
    assert_int_equal(process->random, 0);
    assert_true(is_far(process->query_ns));
    assert_int_equal(process->since_ns, CANONICAL_NOW_NS);
    assert_int_equal(process->query_next, C);
    assert_true(process->doubt_told);
    assert_int_equal(process->instance.number, 5);
    assert_int_equal(process->parent, C);
    assert_int_equal(process->parent_label, 5);
    assert_int_equal(process->participants[0], 5);
    assert_true(process->outcome.commit);
    assert_int_equal(process->outcome.blocker, C);
    process->engaged = ENGAGED_NOT; /* it is over, and its outcome has been read */
    process->query_ns = TIME_NEVER;
    process->outcome.over = false;
    canonical_forget(customer, TRIES_MAX);
    assert_true(process->query_ns == TIME_NEVER);
    assert_int_equal(process->instance.number, 0);
    assert_int_equal(process->instance.initiator, 0);
    assert_int_equal(process->query_next, 0);
    assert_int_equal(process->parent, 0);
    assert_int_equal(process->parent_label, 0);
    assert_int_equal(process->participants[0], 0);
    assert_false(process->outcome.commit);
    assert_int_equal(process->outcome.blocker, B);
    cluster_free(cluster);
}

static void of_an_attempt_only_how_often_and_whether_it_pauses(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Customer *customer = cluster->customers[A];
    customer->attempt = (Attempt){true, false, 2, 5, CANONICAL_NOW_NS + 1};
    customer->forced = (Attempt){true, false, 2, 5, CANONICAL_NOW_NS};
    canonical_forget(customer, 3);
    assert_int_equal(customer->attempt.since_ns, CANONICAL_NOW_NS);
    assert_true(is_far(customer->attempt.pause_ns));
    assert_int_equal(customer->attempt.tries, 2);
    assert_int_equal(customer->forced.since_ns, 0);
    assert_int_equal(customer->forced.pause_ns, 0);
    assert_int_equal(customer->forced.tries, 2);
    customer->attempt.engaged = true; /* pauses no more */
    canonical_forget(customer, 2);
    assert_int_equal(customer->attempt.since_ns, 0); /* it has waited too long */
    assert_int_equal(customer->attempt.pause_ns, 0);
    customer->attempt.active = false;
    canonical_forget(customer, 2);
    assert_int_equal(customer->attempt.tries, 0);
    assert_false(customer->attempt.engaged);
    cluster_free(cluster);
}

static void what_is_repeated_to_the_bank_is_heard_by_nobody(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Customer *customer = cluster->customers[A];
    Membership *membership = &customer->membership;
    Request *request = &customer->request;
    for (int due = 0; due < 2; due++) {
        membership->report_due = request->active = due;
        membership->report_ns = request->repeat_ns = request->heard_ns = 5;
        membership->report_backoff = request->backoff = membership->dissolving.backoff = 5;
        membership->dissolving.repeat_ns = 5;
        customer->dropped[DROP_STALE] = 5;
        customer->cash.cohort = customer->cash.inc = customer->cash.permanents = 5;
        customer->process.inc = 6;
        customer->process.permanents = 7;
        canonical_forget(customer, TRIES_MAX);
        assert_true(due ? is_far(membership->report_ns) : membership->report_ns == 0);
        assert_true(due ? is_far(request->repeat_ns) : request->repeat_ns == 0);
        assert_int_equal(request->heard_ns, CANONICAL_NOW_NS);
        assert_int_equal(membership->report_backoff, 0);
        assert_int_equal(request->backoff, 0);
        assert_int_equal(membership->dissolving.backoff, 0);
        assert_int_equal(membership->dissolving.repeat_ns, 0);
        assert_int_equal(customer->dropped[DROP_STALE], 0);
        assert_int_equal(customer->cash.cohort, 1);
        assert_int_equal(customer->cash.inc, 6);
        assert_int_equal(customer->cash.permanents, 7);
    }
    assert_true(canonical_idle(customer, NULL, 0));
    cluster_free(cluster);
}

/* --- timers --- */

static size_t sends_of(Customer *customer, Effects *effects)
{
    size_t sends = 0;
    Event timeout = {.kind = EVENT_TIMEOUT, .now_ns = CANONICAL_NOW_NS};
    customer_step(customer, &timeout, effects);
    for (size_t i = 0; i < effects_count(effects); i++)
        sends += effects_at(effects, i)->kind == EFFECT_SEND;
    return sends;
}

static void each_timer_fires_alone(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_command(cluster, 0, "transfer 10 b");
    Customer *copy = copy_of(cluster->customers[0]);
    canonical_forget(copy, TRIES_MAX);
    assert_int_equal(sends_of(copy, cluster->effects), 0);
    assert_false(canonical_fire(copy, TIMER_INSTANCE, 0, TRIES_MAX));
    assert_false(canonical_fire(copy, TIMER_RESEND, 0, TRIES_MAX)); /* itself */
    assert_true(canonical_fire(copy, TIMER_RESEND, 1, TRIES_MAX));
    assert_int_equal(sends_of(copy, cluster->effects), 1);
    customer_free(copy);
    cluster_free(cluster);
}

static void what_is_not_set_does_not_fire(void **state)
{
    (void)state;
    static const char *const words[] = {"control", "resend",  "query", "instance",
                                        "pause",   "command", "forced"};
    Cluster *cluster = cluster_new(3, cluster_money(100));
    canonical_forget(cluster->customers[B], TRIES_MAX);
    for (int kind = 0; kind < TIMER_KINDS; kind++) {
        assert_string_equal(timer_kind_word((TimerKind)kind), words[kind]);
        assert_int_equal(timer_kind_of_peer((TimerKind)kind), kind <= TIMER_QUERY);
        for (uint16_t peer = A; peer <= C; peer++)
            assert_false(canonical_fire(cluster->customers[B], (TimerKind)kind, peer, TRIES_MAX));
    }
    cluster_free(cluster);
}

static void what_is_set_fires_at_once(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Customer *customer = cluster->customers[B];
    Process *process = &customer->process;
    process->peers[A].moved_due = true;
    process->peers[A].control_ns = process->query_ns = 5;
    process->peers[C].channel.resend_ns = 5;
    customer->attempt = (Attempt){.active = true, .pause_ns = TIME_NEVER - 1};
    customer->forced = (Attempt){.tries = 1, .pause_ns = TIME_NEVER - 1};
    canonical_forget(customer, TRIES_MAX);
    assert_true(canonical_fire(customer, TIMER_CONTROL, A, TRIES_MAX));
    assert_int_equal(process->peers[A].control_ns, CANONICAL_NOW_NS);
    assert_true(canonical_fire(customer, TIMER_RESEND, C, TRIES_MAX));
    assert_int_equal(process->peers[C].channel.resend_ns, CANONICAL_NOW_NS);
    assert_false(canonical_fire(customer, TIMER_QUERY, B, TRIES_MAX)); /* itself */
    assert_true(canonical_fire(customer, TIMER_QUERY, C, TRIES_MAX));
    assert_int_equal(process->query_ns, CANONICAL_NOW_NS);
    assert_int_equal(process->query_next, C);
    assert_true(canonical_fire(customer, TIMER_PAUSE, A, TRIES_MAX));
    assert_int_equal(customer->attempt.pause_ns, 0);
    assert_true(canonical_fire(customer, TIMER_COMMAND, A, TRIES_MAX));
    assert_int_equal(customer->attempt.since_ns, 0);
    assert_false(canonical_fire(customer, TIMER_COMMAND, A, TRIES_MAX)); /* has gone off */
    assert_false(canonical_fire(customer, TIMER_FORCED, A, 1));          /* not tried more often */
    assert_true(canonical_fire(customer, TIMER_FORCED, A, 2));
    assert_int_equal(customer->forced.pause_ns, 0);
    cluster_free(cluster);
}

static void while_an_instance_is_open_its_command_waits_for_it_alone(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Customer *customer = cluster->customers[A];
    canonical_forget(customer, TRIES_MAX);
    customer->attempt = (Attempt){true, true, 0, 5, 5};
    customer->forced = (Attempt){true, true, 0, 5, 5};
    customer->process.engaged = ENGAGED_ROLLBACK;
    assert_false(canonical_fire(customer, TIMER_PAUSE, A, TRIES_MAX));
    assert_false(canonical_fire(customer, TIMER_COMMAND, A, TRIES_MAX));
    assert_false(canonical_fire(customer, TIMER_FORCED, A, TRIES_MAX));
    assert_true(canonical_fire(customer, TIMER_INSTANCE, A, TRIES_MAX));
    assert_int_equal(customer->process.since_ns, 0);
    customer->process.voted = true;
    assert_false(canonical_fire(customer, TIMER_INSTANCE, A, TRIES_MAX));
    cluster_free(cluster);
}

/* --- standing --- */

static void a_standing_says_where_a_process_stands(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Customer *customer = cluster->customers[B];
    Process *process = &customer->process;
    Peer *peer = &process->peers[A];
    Announcement announcement = {.instance = {C, 4}, .unacked = {5}};
    Standing standing;
    process->inc = 1;
    process->permanents = 2;
    process->epoch = 3;
    process->voted = process->recovering = true;
    process->instance = (Instance){C, 5};
    g_array_append_val(process->announcements, announcement);
    announcement.instance.number = 6;
    g_array_append_val(process->announcements, announcement);
    peer->channel.known = 7;
    peer->finished.number = 8;
    peer->channel.acked = 9;
    peer->channel.state.in = 10;
    peer->channel.state.base = 12;
    process->perm.channels[A].base = 11;
    peer->channel.peer_version = 13;
    peer->member.epoch = 14;
    peer->channel.closed.instance = (Instance){A, 15};
    canonical_standing(customer, 1, &standing);
    assert_int_equal(standing.inc, 1);
    assert_int_equal(standing.permanents, 2);
    assert_int_equal(standing.epoch, 3);
    assert_true(standing.voted && standing.recovering);
    assert_false(standing.commands || standing.cut_off);
    assert_int_equal(standing.engaged.number, 0);
    assert_int_equal(standing.count, 3);
    assert_int_equal(standing.announcement_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(standing.announcements[i].instance.number, 4 + 2 * i);
        assert_int_equal(standing.announcements[i].unacked, 5);
    }
    const PeerStanding *of_a = &standing.peers[A];
    assert_int_equal(of_a->known, 7);
    assert_int_equal(of_a->finished, 8);
    assert_int_equal(of_a->acked, 9);
    assert_int_equal(of_a->accepted, 10);
    assert_int_equal(of_a->released, 11); /* a rollback brings the rest back */
    assert_int_equal(of_a->version, 13);
    assert_int_equal(of_a->epoch, 14);
    assert_int_equal(of_a->closed.number, 15);
    assert_false(of_a->waiting || of_a->stable_due || of_a->moved_due);
    peer->ask = ASK_WAITING;
    peer->channel.stable_due = peer->moved_due = true;
    process->engaged = ENGAGED_CHECKPOINT;
    customer->forced.tries = 1;
    g_array_append_val(customer->commands, (Command){.kind = COMMAND_BALANCE});
    canonical_standing(customer, 1, &standing);
    assert_true(of_a->waiting && of_a->stable_due && of_a->moved_due);
    assert_int_equal(standing.engaged.number, 5);
    assert_true(standing.commands && standing.cut_off);
    canonical_standing(customer, 2, &standing);
    assert_false(standing.cut_off); /* it may try once more */
    customer->forced.engaged = true;
    canonical_standing(customer, 1, &standing);
    assert_false(standing.cut_off); /* its last try is under way */
    customer->forced.engaged = process->recovering = false;
    canonical_standing(customer, 1, &standing);
    assert_false(standing.cut_off); /* there is nothing to try */
    cluster_free(cluster);
}

static void take_too_long(Customer *copy, Effects *effects, Standing *standing)
{
    assert_true(canonical_fire(copy, TIMER_INSTANCE, 0, TRIES_MAX));
    sends_of(copy, effects);
    canonical_forget(copy, TRIES_MAX);
    canonical_standing(copy, TRIES_MAX, standing);
}

static void an_instance_can_take_too_long(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Standing standing;
    cluster_command(cluster, 0, "transfer 10 b");
    cluster_deliver(cluster);
    cluster_command(cluster, 1, "checkpoint");
    Customer *copy = copy_of(cluster->customers[1]);
    canonical_forget(copy, TRIES_MAX);
    canonical_standing(copy, TRIES_MAX, &standing);
    assert_int_equal(standing.engaged.number, 1);
    assert_true(standing.commands);
    take_too_long(copy, cluster->effects, &standing);
    assert_int_equal(standing.engaged.number, 0);
    assert_int_equal(standing.announcement_count, 1);
    assert_false(standing.commands); /* it has waited too long */
    customer_free(copy);
    cluster_free(cluster);
}

static void every_decision_stands_until_it_is_acknowledged(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Event again = {.kind = EVENT_COMMAND, .now_ns = CANONICAL_NOW_NS};
    CommandError error;
    Standing standing;
    assert_true(command_parse("checkpoint", PLACE_CUSTOMER, &again.command, &error));
    cluster_command(cluster, 0, "transfer 10 b");
    cluster_deliver(cluster);
    cluster_command(cluster, 1, "checkpoint");
    Customer *copy = copy_of(cluster->customers[1]);
    canonical_forget(copy, TRIES_MAX);
    take_too_long(copy, cluster->effects, &standing);
    customer_step(copy, &again, cluster->effects);
    canonical_forget(copy, TRIES_MAX);
    take_too_long(copy, cluster->effects, &standing);
    assert_int_equal(standing.announcement_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(standing.announcements[i].instance.number, i + 1);
        assert_int_equal(standing.announcements[i].unacked, 1 << 0); /* by a */
    }
    customer_free(copy);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_loaded_and_saved_is_loaded_again),
        cmocka_unit_test(repeating_changes_nothing),
        cmocka_unit_test(a_canonical_state_is_its_own),
        cmocka_unit_test(how_often_is_forgotten_unless_it_is_counted),
        cmocka_unit_test(how_fast_a_peer_answers_is_forgotten),
        cmocka_unit_test(what_a_rollback_sends_again_counts_as_not_sent),
        cmocka_unit_test(who_has_nothing_to_say_will_not_say_it),
        cmocka_unit_test(of_an_instance_only_what_it_needs_is_remembered),
        cmocka_unit_test(of_an_attempt_only_how_often_and_whether_it_pauses),
        cmocka_unit_test(what_is_repeated_to_the_bank_is_heard_by_nobody),
        cmocka_unit_test(each_timer_fires_alone),
        cmocka_unit_test(what_is_not_set_does_not_fire),
        cmocka_unit_test(what_is_set_fires_at_once),
        cmocka_unit_test(while_an_instance_is_open_its_command_waits_for_it_alone),
        cmocka_unit_test(a_standing_says_where_a_process_stands),
        cmocka_unit_test(an_instance_can_take_too_long),
        cmocka_unit_test(every_decision_stands_until_it_is_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
