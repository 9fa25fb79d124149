/* PROTOCOL.md, "Crash and restart": one test per rule, in its order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/recovery.h"
#include "core/rollback.h"
#include "tests/core/cluster.h"

enum { A, B, C, D };

/* Datagrams under way with a message of this kind. */
static int waiting(const Cluster *cluster, const char *kind)
{
    int count = 0;
    for (guint i = 0; i < cluster->flights->len; i++) {
        const Flight *flight = g_ptr_array_index(cluster->flights, i);
        count += strstr(flight->kinds, kind) != NULL;
    }
    return count;
}

static void expect(const Cluster *cluster, int a, int b, int c)
{
    assert_int_equal(cluster_balance(cluster, A), cluster_money(a));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(b));
    if (cluster->count > 2)
        assert_int_equal(cluster_balance(cluster, C), cluster_money(c));
}

static void a_restarted_process_rolls_back_with_those_who_hold_what_it_sent(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, A, "transfer 5 b");
    cluster_do(cluster, C, "transfer 1 a");
    cluster_crash(cluster, A);
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "a restarted balance 90"), 1);
    assert_int_equal(cluster_traced(cluster, "a rolled_back a."), 1);
    assert_int_equal(cluster_traced(cluster, "b rolled_back a."), 1);
    assert_int_equal(cluster_traced(cluster, "c rolled_back"), 0);
    /* B goes back to its first checkpoint, and A sends what B lacks again; so does C. */
    expect(cluster, 91, 110, 99);
    cluster_free(cluster);
}

static void all_crash_at_once_and_come_back_to_their_checkpoints(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, B, "checkpoint");
    cluster_do(cluster, B, "transfer 50 c");
    cluster_do(cluster, C, "transfer 20 a");
    cluster_drop(cluster);
    for (int who = A; who <= C; who++)
        cluster_crash(cluster, who);
    assert_true(cluster_settle(cluster));
    expect(cluster, 90, 110, 100);
    cluster_do(cluster, B, "transfer 1 c");
    cluster_do(cluster, C, "transfer 2 a");
    assert_true(cluster_settle(cluster));
    expect(cluster, 92, 109, 99);
    cluster_free(cluster);
}

static void a_vote_survives_the_crash_and_its_checkpoint_becomes_current(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "checkpoint-vote");
    cluster_do(cluster, B, "checkpoint"); /* A has voted yes; B has not heard of it */
    cluster_crash(cluster, A);
    assert_int_equal(cluster_traced(cluster, "a restarted balance 100"), 1);
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "a permanent b.1 balance 90"), 1);
    expect(cluster, 90, 110, 0);
    cluster_free(cluster);
}

static void a_tentative_checkpoint_without_a_vote_is_gone(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "checkpoint-vote");
    cluster_do(cluster, B, "checkpoint");
    cluster_crash(cluster, B); /* the initiator: nobody is left to commit */
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "a discarded b.1"), 1);
    assert_int_equal(cluster_traced(cluster, "permanent"), 0);
    expect(cluster, 90, 110, 0); /* A's log has it still */
    cluster_free(cluster);
}

static void an_undecided_initiator_aborts_its_rollback(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "prepare-vote");
    cluster_do(cluster, A, "rollback");
    cluster_crash(cluster, A);
    assert_int_equal(cluster->marks[MARK_RECOVERY_TRIED_AGAIN], 0); /* that was another rollback */
    cluster->hold = NULL;
    cluster_drop(cluster);
    cluster_advance(cluster, 5 * NS_PER_S); /* at once, not when its answers are overdue */
    assert_int_equal(cluster_traced(cluster, "rolled_back a.1 "), 0);
    assert_int_equal(cluster_traced(cluster, "rolled_back"), 2); /* the forced one */
    assert_true(cluster_settle(cluster));
    expect(cluster, 100, 100, 0);
    cluster_free(cluster);
}

static void a_durable_commit_is_carried_through(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "decision");
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster_traced(cluster, "a rolled_back a.1 "), 1);
    cluster_crash(cluster, A);
    cluster->hold = NULL;
    cluster_drop(cluster);
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "b rolled_back a.1 "), 1);
    expect(cluster, 100, 100, 0);
    cluster_free(cluster);
}

static void who_crashes_preparing_refuses(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, B, "transfer 20 c");
    cluster_hold(cluster, "prepare-vote");
    cluster_do(cluster, A, "rollback"); /* B and C are about to roll back with A */
    cluster_drop(cluster);
    cluster_crash(cluster, B);
    assert_int_equal(waiting(cluster, "query"), 1); /* nothing but the decision ends it */
    cluster->hold = NULL;
    cluster_drop(cluster);
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "rolled_back a.1 "), 0);
    expect(cluster, 100, 100, 100);
    cluster_free(cluster);
}

static void who_crashes_after_its_vote_rolls_back_with_the_commit(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "decision");
    cluster_do(cluster, A, "rollback");
    cluster_crash(cluster, B);
    assert_int_equal(cluster_traced(cluster, "b rolled_back"), 0);
    cluster->hold = NULL;
    cluster_drop(cluster);
    assert_true(cluster_settle(cluster));
    /* That ends its recovery: no rollback of its own follows. */
    assert_int_equal(cluster_traced(cluster, "b rolled_back a.1 "), 1);
    assert_int_equal(cluster_traced(cluster, "rolled_back b."), 0);
    expect(cluster, 100, 100, 0);
    cluster_free(cluster);
}

static void a_closed_channel_stays_closed_across_a_crash(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "decision");
    cluster_do(cluster, A, "rollback"); /* C has closed its channel from A, and rolls not */
    cluster_crash(cluster, C);
    cluster->hold = NULL;
    cluster_drop(cluster);
    assert_true(cluster_settle(cluster));
    cluster_do(cluster, A, "transfer 1 c");
    assert_true(cluster_settle(cluster));
    expect(cluster, 99, 100, 101);
    cluster_free(cluster);
}

static void commands_wait_for_the_recovery(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "prepare-vote");
    cluster_crash(cluster, A);
    cluster_do(cluster, A, "transfer 7 b");
    cluster_do(cluster, A, "deposit 1");
    assert_int_equal(cluster_told(cluster, "a SUCCESS deposit"), 0);
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_told(cluster, "a SUCCESS deposit"), 1);
    expect(cluster, 94, 107, 0);
    cluster_free(cluster);
}

static void instance_numbers_are_never_used_twice(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "checkpoint");
    assert_int_equal(cluster_traced(cluster, "a permanent a.1 "), 1);
    cluster_crash(cluster, A);
    assert_true(cluster_settle(cluster));
    cluster_do(cluster, A, "checkpoint");
    assert_int_equal(cluster_traced(cluster, "a permanent a.1 "), 1);
    assert_int_equal(cluster_traced(cluster, "a permanent a."), 2);
    assert_int_equal(cluster_traced(cluster, "rolled_back a.1 "), 0); /* nor by another kind */
    cluster_free(cluster);
}

static void an_orderly_stop_while_recovering_goes_on_recovering(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "prepare");
    cluster_crash(cluster, A);
    cluster_stop(cluster, A);
    cluster_crash(cluster, A); /* orderly this time */
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "b rolled_back"), 1);
    expect(cluster, 100, 100, 0);
    cluster_free(cluster);
}

static void who_restarts_tells_its_peers_again_what_is_permanent(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_crash(cluster, B);
    assert_int_equal(waiting(cluster, "stable"), 2);
    for (int who = A; who <= C; who++)
        assert_int_equal(cluster->customers[B]->process.peers[who].channel.stable_due, who != B);
    cluster_free(cluster);
}

static void a_forced_rollback_is_tried_until_it_commits_after_ever_longer_pauses(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Customer *customer = cluster->customers[A];
    Process *process = &customer->process;
    const Attempt *forced = &customer->forced;
    uint64_t about_ns = 10 * NS_PER_MS;
    customer->step = (Step){NS_PER_S, cluster->effects};
    process->recovering = true;
    for (uint32_t tries = 1; tries <= 20; tries++) {
        recovery_tick(customer);
        assert_true(forced->engaged);
        assert_true(recovery_deadline(customer) == TIME_NEVER);
        assert_int_equal(forced->tries, tries);
        rollback_abort(process, &customer->step, B, false);
        recovery_tick(customer);
        recovery_tick(customer); /* it pauses */
        assert_false(forced->engaged || process->outcome.over);
        assert_in_range(forced->pause_ns - customer->step.now_ns, about_ns / 2,
                        about_ns * 3 / 2 - 1);
        assert_int_equal(recovery_deadline(customer), forced->pause_ns);
        customer->step.now_ns = forced->pause_ns;
        about_ns = MIN(2 * about_ns, INSTANCE_NS_MAX);
    }
    process->recovering = false; /* another's rollback did it */
    recovery_tick(customer);
    assert_int_equal(forced->tries, 0);
    assert_true(recovery_deadline(customer) == TIME_NEVER);
    cluster_free(cluster);
}

static void nothing_is_sent_again_before_the_rollback(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_command(cluster, A, "transfer 10 b");
    cluster_command(cluster, A, "checkpoint");
    cluster_drop(cluster);
    cluster_hold(cluster, "prepare-vote");
    cluster_crash(cluster, A);
    assert_int_equal(waiting(cluster, "transfer"), 0);
    cluster_deliver(cluster);
    assert_int_equal(waiting(cluster, "transfer"), 0);
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    expect(cluster, 90, 110, 0);
    cluster_free(cluster);
}

static void where_a_process_is_now_is_on_disk_when_it_is_back(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    int saved = 0;
    cluster_crash(cluster, A);
    for (size_t i = 0; i < effects_count(cluster->effects); i++) {
        const Effect *effect = effects_at(cluster->effects, i);
        saved += effect->kind == EFFECT_SAVE && effect->save.slot == SLOT_COHORT;
    }
    assert_int_equal(saved, 1);
    cluster_free(cluster);
}

static void of_a_decided_checkpoint_nothing_tentative_is_kept(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    ShelfRecord record;
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "decision");
    cluster_do(cluster, B, "checkpoint");
    assert_true(shelf_get(cluster->shelves[A], SLOT_TENTATIVE, 0, &record));
    assert_true(shelf_get(cluster->shelves[A], SLOT_TENTATIVE_CHANNEL, B, &record));
    cluster->hold = NULL;
    cluster_deliver(cluster);
    assert_false(shelf_get(cluster->shelves[A], SLOT_TENTATIVE, 0, &record));
    assert_false(shelf_get(cluster->shelves[A], SLOT_TENTATIVE_CHANNEL, B, &record));
    cluster_free(cluster);
}

static void what_a_crash_must_not_lose_of_a_peer_survives_it(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Process *process = &cluster->customers[A]->process;
    Peer *peer = &process->peers[C];
    peer->channel.known = 4;
    peer->channel.closed = (Closed){{B, 5}, 6, 7, 8};
    peer->finished = (Finished){9, true};
    peer->channel.peer_version = 10;
    peer->channel.peer_perm_sent = 11;
    peer->channel.peer_perm_base = 12;
    process->permanents = 13;
    process->control_changed = process->permanent_changed = peer->permanent_unsaved = true;
    cluster_command(cluster, A, "balance");
    cluster_crash(cluster, A);
    process = &cluster->customers[A]->process;
    peer = &process->peers[C];
    const Closed *closed = &peer->channel.closed;
    assert_int_equal(peer->channel.known, 4);
    assert_int_equal(closed->instance.initiator, B);
    assert_int_equal(closed->instance.number, 5);
    assert_int_equal(closed->new_inc, 6);
    assert_int_equal(closed->cut, 7);
    assert_int_equal(closed->rcut, 8);
    assert_int_equal(peer->finished.number, 9);
    assert_true(peer->finished.commit);
    assert_int_equal(peer->channel.peer_version, 10);
    assert_int_equal(peer->channel.peer_perm_sent, 11);
    assert_int_equal(peer->channel.peer_perm_base, 12);
    assert_int_equal(process->permanents, 13);
    cluster_free(cluster);
}

static void two_who_restart_at_once_do_not_block_each_other(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, B, "transfer 20 a");
    cluster_crash(cluster, A);
    cluster_crash(cluster, B);
    assert_true(cluster_settle(cluster));
    expect(cluster, 100, 100, 0);
    cluster_do(cluster, A, "checkpoint");
    assert_int_equal(cluster_told(cluster, "a SUCCESS checkpoint"), 1);
    cluster_free(cluster);
}

static void cash_that_was_committed_survives_a_crash(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_cash(2, cluster_money(100), CASH_COMMIT);
    cluster_do(cluster, A, "deposit 5");
    cluster_do(cluster, A, "withdrawal 30");
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "deposit 1");
    cluster_crash(cluster, A);
    assert_true(cluster_settle(cluster));
    expect(cluster, 76, 100, 0);
    cluster_free(cluster);
}

static void an_acknowledgement_waits_for_no_checkpoint_to_be_saved(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_hold(cluster, "ack"); /* and all that shares a datagram with one */
    cluster_do(cluster, A, "transfer 10 b");
    assert_int_equal(cluster->flights->len, 1);
    const Flight *flight = g_ptr_array_index(cluster->flights, 0);
    assert_string_equal(flight->kinds, "ack");
    assert_int_equal(flight->needs, SLOT_BIT(SLOT_INCARNATION) | SLOT_BIT(SLOT_PEER));
    cluster_drop(cluster);
    cluster_hold(cluster, "vote");
    cluster_do(cluster, B, "checkpoint");
    assert_int_equal(cluster->flights->len, 1);
    flight = g_ptr_array_index(cluster->flights, 0);
    assert_string_equal(flight->kinds, "checkpoint-vote"); /* a yes does wait */
    assert_int_equal(flight->needs, SLOTS_ALL);
    cluster_free(cluster);
}

static bool hold_stable_from_b(const Flight *flight, void *context)
{
    (void)context;
    return flight->from == B && strstr(flight->kinds, "stable") != NULL;
}

/* What B announced of its checkpoint was lost with the crash; what C's own holds stays. */
static void a_skip_of_the_permanent_checkpoint_survives_a_crash_in_doubt(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, B, "transfer 3 c");
    cluster_do(cluster, B, "lost-transfer 1 c");
    cluster_do(cluster, B, "checkpoint");
    cluster_do(cluster, C, "transfer 2 b");
    cluster_hold(cluster, "decision");
    cluster_do(cluster, B, "checkpoint");
    cluster_crash(cluster, C);
    cluster_drop(cluster);
    cluster->hold = hold_stable_from_b;
    cluster_advance(cluster, 30 * NS_PER_S);
    assert_int_equal(cluster_traced(cluster, "c permanent b.2 "), 1);
    assert_int_equal(cluster_traced(cluster, "c rolled_back c."), 1);
    cluster_do(cluster, C, "checkpoint");
    cluster_crash(cluster, C);
    cluster->hold = NULL;
    cluster_drop(cluster);
    cluster_do(cluster, B, "transfer 5 c");
    assert_true(cluster_settle(cluster));
    expect(cluster, 100, 93, 106);
    cluster_free(cluster);
}

static void a_checkpoint_saves_no_member_list(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster_command(cluster, A, "checkpoint");
    assert_true(effects_saves(cluster->effects));
    for (size_t i = 0; i < effects_count(cluster->effects); i++) {
        const Effect *effect = effects_at(cluster->effects, i);
        assert_true(effect->kind != EFFECT_SAVE || effect->save.slot != SLOT_COHORT);
    }
    cluster_free(cluster);
}

static void who_is_missing_is_told_again_after_an_orderly_restart(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    g_autofree char *told = g_strdup_printf("a EVENT %d ", (int)NOTICE_IN_DOUBT);
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "checkpoint-vote");
    cluster_do(cluster, B, "checkpoint");
    cluster_hold(cluster, "");
    cluster_advance(cluster, 15 * NS_PER_S);
    assert_int_equal(cluster_told(cluster, told), 1);
    cluster_stop(cluster, A);
    cluster_crash(cluster, A);
    cluster_pass(cluster, 25 * NS_PER_S);
    assert_int_equal(cluster_told(cluster, told), 2);
    cluster_free(cluster);
}

/* The bank introduced B to A by its old address, and repeats B's own copy with its new one. */
static void who_moved_before_its_yes_tells_those_who_were_introduced_before(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(2, cluster_money(100), CASH_RESTORE);
    cluster_crash(cluster, B);
    cluster_join(cluster);
    cluster_hold(cluster, "moved");
    cluster_deliver(cluster);
    assert_int_equal(cluster->flights->len, 1);
    assert_int_equal(((Flight *)g_ptr_array_index(cluster->flights, 0))->from, B);
    cluster_free(cluster);
}

static void counters_pass_2_to_the_32(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_age(cluster, UINT32_MAX - UINT64_C(2));
    for (int round = 0; round < 6; round++) {
        cluster_do(cluster, A, "transfer 5 b");
        cluster_do(cluster, B, "transfer 3 c");
        cluster_do(cluster, C, "lost-transfer 1 a");
        cluster_do(cluster, B, "checkpoint");
        cluster_do(cluster, C, "checkpoint");
        cluster_do(cluster, A, "transfer 50 c");
        if (round % 2 == 0)
            cluster_crash(cluster, A);
        else
            cluster_do(cluster, A, "rollback");
        assert_true(cluster_settle(cluster));
    }
    assert_int_equal(cluster_told(cluster, "FAILURE"), 0);
    expect(cluster, 70, 112, 112);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restarted_process_rolls_back_with_those_who_hold_what_it_sent),
        cmocka_unit_test(all_crash_at_once_and_come_back_to_their_checkpoints),
        cmocka_unit_test(a_vote_survives_the_crash_and_its_checkpoint_becomes_current),
        cmocka_unit_test(a_tentative_checkpoint_without_a_vote_is_gone),
        cmocka_unit_test(an_undecided_initiator_aborts_its_rollback),
        cmocka_unit_test(a_durable_commit_is_carried_through),
        cmocka_unit_test(who_crashes_preparing_refuses),
        cmocka_unit_test(who_crashes_after_its_vote_rolls_back_with_the_commit),
        cmocka_unit_test(a_closed_channel_stays_closed_across_a_crash),
        cmocka_unit_test(commands_wait_for_the_recovery),
        cmocka_unit_test(instance_numbers_are_never_used_twice),
        cmocka_unit_test(an_orderly_stop_while_recovering_goes_on_recovering),
        cmocka_unit_test(who_restarts_tells_its_peers_again_what_is_permanent),
        cmocka_unit_test(a_forced_rollback_is_tried_until_it_commits_after_ever_longer_pauses),
        cmocka_unit_test(nothing_is_sent_again_before_the_rollback),
        cmocka_unit_test(where_a_process_is_now_is_on_disk_when_it_is_back),
        cmocka_unit_test(of_a_decided_checkpoint_nothing_tentative_is_kept),
        cmocka_unit_test(what_a_crash_must_not_lose_of_a_peer_survives_it),
        cmocka_unit_test(two_who_restart_at_once_do_not_block_each_other),
        cmocka_unit_test(cash_that_was_committed_survives_a_crash),
        cmocka_unit_test(an_acknowledgement_waits_for_no_checkpoint_to_be_saved),
        cmocka_unit_test(a_skip_of_the_permanent_checkpoint_survives_a_crash_in_doubt),
        cmocka_unit_test(a_checkpoint_saves_no_member_list),
        cmocka_unit_test(who_is_missing_is_told_again_after_an_orderly_restart),
        cmocka_unit_test(who_moved_before_its_yes_tells_those_who_were_introduced_before),
        cmocka_unit_test(counters_pass_2_to_the_32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
