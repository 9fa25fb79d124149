/* A member of a cohort that is being dissolved: "Membership", rules 5 to 8, also across a crash.
 * The bank is the test's hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "tests/core/cluster.h"

enum { MEMBERS = 3 };

static void order(Cluster *cluster, int who, DissolveOrder word, uint64_t attempt)
{
    Message message = {.kind = MESSAGE_DISSOLVE,
                       .dissolve = {.cohort = 1, .attempt = attempt, .order = word}};
    cluster_from_bank(cluster, who, &message);
}

/* What was said to the bank of this kind in the last step; false: nothing. */
static bool said(const Cluster *cluster, MessageKind kind, Message *message)
{
    for (size_t at = 0; cluster_told_bank(cluster, at, message); at++) {
        if (message->kind == kind)
            return true;
    }
    return false;
}

static Message status(const Cluster *cluster)
{
    Message message;
    assert_true(said(cluster, MESSAGE_STATUS, &message));
    return message;
}

static Message ordered(Cluster *cluster, int who, DissolveOrder word, uint64_t attempt)
{
    order(cluster, who, word, attempt);
    return status(cluster);
}

/* Money has moved since the only checkpoint, and all of it has arrived. */
static Cluster *moved_cluster(void)
{
    Cluster *cluster = cluster_new(MEMBERS, cluster_money(100));
    cluster_do(cluster, 0, "transfer 7 b");
    cluster_do(cluster, 1, "transfer 3 c");
    return cluster;
}

static void vote_all(Cluster *cluster, uint64_t attempt)
{
    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(ordered(cluster, i, DISSOLVE_QUIESCE, attempt).status.state,
                         STATUS_QUIESCED);
        assert_int_equal(ordered(cluster, i, DISSOLVE_PREPARE, attempt).status.state, STATUS_VOTED);
    }
}

static void expect_same(const Message *message, const Message *other)
{
    WireWriter writer, another;
    wire_begin(&writer, &(Header){0});
    wire_begin(&another, &(Header){0});
    assert_true(wire_add(&writer, message) && wire_add(&another, other));
    size_t length = wire_end(&writer);
    assert_int_equal(wire_end(&another), length);
    assert_memory_equal(writer.bytes, another.bytes, length);
}

static void a_vote_is_kept_across_a_crash_and_repeated_word_for_word(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    vote_all(cluster, 5);
    order(cluster, 1, DISSOLVE_PREPARE, 5);
    Message before = status(cluster);
    assert_int_equal(before.status.balance, cluster_money(104));
    assert_int_equal(before.status.counts[0].received, 1);
    assert_int_equal(before.status.counts[2].sent, 1);
    cluster_hold(cluster, "prepare");
    cluster_crash(cluster, 1);
    Message repeated = status(cluster); /* at once, without being asked */
    expect_same(&repeated, &before);
    cluster_advance(cluster, 60 * NS_PER_S); /* and does not roll back */
    assert_int_equal(cluster_traced(cluster, "rolled_back"), 0);
    assert_int_equal(cluster->flights->len, 0); /* nor asks for it */
    for (int i = 0; i < MEMBERS; i++)
        order(cluster, i, DISSOLVE_DONE, 5);
    assert_int_equal(cluster_balance(cluster, 0), cluster_money(93));
    assert_int_equal(cluster_balance(cluster, 1), cluster_money(104));
    assert_int_equal(cluster_balance(cluster, 2), cluster_money(103));
    cluster_free(cluster);
}

static void losses_that_dissolving_makes_permanent_are_told(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    cluster_do(cluster, 0, "lost-transfer 2 b");
    vote_all(cluster, 5);
    order(cluster, 0, DISSOLVE_DONE, 5);
    g_autofree char *told = g_strdup_printf("a EVENT %d balance 0\n", (int)NOTICE_OPEN_LOSSES);
    assert_int_equal(cluster_told(cluster, told), 1);
    cluster_free(cluster);
}

static void losses_are_remembered_after_the_cohort(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    cluster_do(cluster, 0, "lost-transfer 2 b");
    vote_all(cluster, 5);
    order(cluster, 0, DISSOLVE_DONE, 5);
    assert_int_equal(customer_cohort(cluster->customers[0]), 0);
    assert_int_equal(customer_lost(cluster->customers[0]), cluster_money(2));
    cluster_free(cluster);
}

static void the_forced_rollback_follows_when_the_vote_is_cancelled(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    vote_all(cluster, 5);
    cluster_crash(cluster, 1);
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(ordered(cluster, i, DISSOLVE_CANCEL, 5).status.state, STATUS_CANCELLED);
    assert_true(cluster_settle(cluster));
    assert_true(cluster_traced(cluster, "b rolled_back") == 1);
    Money sum = 0;
    for (int i = 0; i < MEMBERS; i++)
        sum += cluster_balance(cluster, i);
    assert_int_equal(sum, cluster_money(100 * MEMBERS));
    cluster_free(cluster);
}

static void a_vote_that_was_cancelled_is_not_found_again_after_a_crash(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    vote_all(cluster, 5);
    order(cluster, 1, DISSOLVE_QUIESCE, 6); /* "a higher attempt cancels a lower" */
    cluster_crash(cluster, 1);
    assert_false(cluster->customers[1]->process.frozen);
    Message message;
    assert_false(said(cluster, MESSAGE_STATUS, &message));
    cluster_free(cluster);
}

static void what_a_crash_made_it_forget_is_refused(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    order(cluster, 1, DISSOLVE_QUIESCE, 5);
    cluster_crash(cluster, 1);
    Message refused = ordered(cluster, 1, DISSOLVE_PREPARE, 5);
    assert_int_equal(refused.status.state, STATUS_REFUSED);
    assert_int_equal(refused.status.attempt, 5);
    assert_false(cluster->customers[1]->process.frozen);
    Message message;
    order(cluster, 1, DISSOLVE_CANCEL, 5);
    order(cluster, 1, DISSOLVE_PREPARE, 4); /* late: nobody waits for it */
    assert_false(said(cluster, MESSAGE_STATUS, &message));
    cluster_free(cluster);
}

/* It may roll back while it is quiesced: it could never vote otherwise. */
static void whoever_owes_a_rollback_is_not_settled_and_does_not_vote(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(MEMBERS, cluster_money(100));
    cluster_crash(cluster, 1);
    assert_true(cluster->customers[1]->process.recovering);
    Message quiesced = ordered(cluster, 1, DISSOLVE_QUIESCE, 5);
    assert_false(quiesced.status.settled);
    assert_int_equal(ordered(cluster, 1, DISSOLVE_PREPARE, 5).status.state, STATUS_REFUSED);
    cluster_advance(cluster, 5 * NS_PER_S);
    assert_false(cluster->customers[1]->process.recovering);
    Message again = ordered(cluster, 1, DISSOLVE_QUIESCE, 5);
    assert_true(again.status.settled);
    assert_int_equal(again.status.inc, 1);
    assert_true(again.status.version > quiesced.status.version);
    assert_int_equal(ordered(cluster, 1, DISSOLVE_PREPARE, 5).status.state, STATUS_VOTED);
    cluster_free(cluster);
}

static void reports_after_a_crash_are_later_than_all_before_it(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    uint64_t version = 0;
    for (uint64_t attempt = 1; attempt < 20; attempt++)
        version = ordered(cluster, 1, DISSOLVE_QUIESCE, attempt).status.version;
    cluster_crash(cluster, 1);
    assert_true(ordered(cluster, 1, DISSOLVE_QUIESCE, 20).status.version > version);
    cluster_free(cluster);
}

/* The bank goes on cancelling until it is answered. */
static void a_cancel_is_answered_however_old_it_is(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    order(cluster, 1, DISSOLVE_QUIESCE, 5);
    Message answer = ordered(cluster, 1, DISSOLVE_CANCEL, 4);
    assert_int_equal(answer.status.state, STATUS_CANCELLED);
    assert_int_equal(answer.status.attempt, 4);
    assert_true(cluster->customers[1]->membership.dissolving.quiesced); /* for 5, still */
    cluster_free(cluster);
}

static void an_attempt_that_no_bank_can_have_come_to_is_dropped(void **state)
{
    (void)state;
    Cluster *cluster = moved_cluster();
    order(cluster, 1, DISSOLVE_QUIESCE, 5);
    order(cluster, 1, DISSOLVE_CANCEL, UINT64_MAX);
    assert_int_equal(customer_dropped(cluster->customers[1], DROP_LEAP), 1);
    assert_int_equal(ordered(cluster, 1, DISSOLVE_QUIESCE, 6).status.attempt, 6);
    cluster_free(cluster);
}

static void attempts_and_versions_go_on_beyond_32_bits(void **state)
{
    (void)state;
    const uint64_t wrap = UINT64_C(1) << 32;
    Cluster *cluster = moved_cluster();
    for (uint64_t attempt = wrap - 1; attempt <= wrap + 1; attempt++)
        assert_int_equal(ordered(cluster, 1, DISSOLVE_QUIESCE, attempt).status.attempt, attempt);
    vote_all(cluster, wrap + 2);
    cluster_crash(cluster, 1);
    assert_int_equal(status(cluster).status.attempt, wrap + 2);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vote_is_kept_across_a_crash_and_repeated_word_for_word),
        cmocka_unit_test(losses_that_dissolving_makes_permanent_are_told),
        cmocka_unit_test(losses_are_remembered_after_the_cohort),
        cmocka_unit_test(the_forced_rollback_follows_when_the_vote_is_cancelled),
        cmocka_unit_test(a_vote_that_was_cancelled_is_not_found_again_after_a_crash),
        cmocka_unit_test(what_a_crash_made_it_forget_is_refused),
        cmocka_unit_test(whoever_owes_a_rollback_is_not_settled_and_does_not_vote),
        cmocka_unit_test(reports_after_a_crash_are_later_than_all_before_it),
        cmocka_unit_test(a_cancel_is_answered_however_old_it_is),
        cmocka_unit_test(an_attempt_that_no_bank_can_have_come_to_is_dropped),
        cmocka_unit_test(attempts_and_versions_go_on_beyond_32_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
