/* A mark is set in the step that meets its situation, and in no other. */
#include "core/mark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "tests/core/cluster.h"

enum { A, B, C };

/* --- the set --- */

static void every_mark_has_a_name_of_its_own_and_a_line_that_explains_it(void **state)
{
    (void)state;
    assert_true(MARK_KINDS >= 45);
    for (int i = 0; i < MARK_KINDS; i++) {
        const char *name = mark_name((Mark)i);
        const char *text = mark_text((Mark)i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        assert_true(strlen(text) > strlen(name) / 2);
        assert_null(strchr(text, '\n'));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, mark_name((Mark)j));
    }
}

static void a_mark_counts_once_for_a_step_and_is_forgotten_with_it(void **state)
{
    (void)state;
    const Mark last = (Mark)(MARK_KINDS - 1);
    uint64_t counts[MARK_KINDS] = {0};
    uint64_t sum = 0;
    Effects *effects = effects_new();
    effects_count_marks(effects, counts);
    effects_mark(effects, (Mark)0);
    effects_mark(effects, last);
    effects_mark(effects, last);
    effects_count_marks(effects, counts);
    effects_clear(effects);
    effects_count_marks(effects, counts);
    effects_mark(effects, last);
    effects_count_marks(effects, counts);
    for (int i = 0; i < MARK_KINDS; i++)
        sum += counts[i];
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[last], 2);
    assert_int_equal(sum, 3);
    assert_int_equal(effects_count(effects), 0); /* a mark is no effect */
    effects_free(effects);
}

/* --- situations --- */

static uint64_t sum_of(const Cluster *cluster)
{
    uint64_t sum = 0;
    for (int i = 0; i < MARK_KINDS; i++)
        sum += cluster->marks[i];
    return sum;
}

static void what_goes_as_it_should_sets_no_mark(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    uint64_t before = sum_of(cluster);
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, B, "transfer 20 c");
    cluster_do(cluster, B, "checkpoint"); /* with a */
    assert_int_equal(cluster_traced(cluster, "permanent"), 2);
    assert_int_equal(sum_of(cluster), before);
    cluster_free(cluster);
}

static void a_transfer_that_comes_twice_is_marked_as_that_alone(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    uint64_t before = sum_of(cluster);
    cluster_command(cluster, A, "transfer 10 b");
    cluster_double(cluster);
    cluster_deliver(cluster);
    assert_int_equal(cluster->marks[MARK_TRANSFER_TWICE], 1);
    assert_int_equal(sum_of(cluster), before + 1);
    cluster_free(cluster);
}

/* c has the last word of a's checkpoint in its hands when b rolls back. */
static void a_rollback_that_meets_a_tentative_checkpoint_is_marked(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, C, "transfer 10 a");
    cluster_do(cluster, B, "transfer 10 a");
    cluster_hold(cluster, "checkpoint-request");
    cluster_do(cluster, A, "checkpoint");
    assert_int_equal(cluster->marks[MARK_ROLLBACK_MEETS_TENTATIVE], 0);
    cluster_do(cluster, B, "rollback");
    assert_int_equal(cluster->marks[MARK_ROLLBACK_MEETS_TENTATIVE], 1);
    assert_int_equal(cluster_traced(cluster, "a discarded"), 1);
    assert_int_equal(cluster->marks[MARK_CHECKPOINT_DISCARDED_IN_DOUBT], 0);
    cluster_free(cluster);
}

/* b has voted for the end of the cohort. */
static void a_checkpoint_that_meets_who_is_about_to_leave_is_marked(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, B, "transfer 10 a");
    cluster->customers[B]->process.frozen = true;
    cluster_do(cluster, A, "checkpoint");
    assert_int_equal(cluster->marks[MARK_CHECKPOINT_MEETS_FROZEN], 1);
    assert_int_equal(cluster_traced(cluster, "a discarded"), 1);
    cluster_free(cluster);
}

static void a_skip_accepted_and_then_rolled_back_is_marked(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "lost-transfer 10 b");
    assert_int_equal(cluster_traced(cluster, "b missing"), 1);
    cluster_do(cluster, B, "rollback");
    assert_int_equal(cluster->marks[MARK_SKIP_ROLLED_BACK], 1);
    assert_int_equal(cluster->marks[MARK_SKIP_UNDONE_BY_SENDER], 0);
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "b missing"), 2);
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster->marks[MARK_SKIP_UNDONE_BY_SENDER], 1);
    assert_int_equal(cluster->marks[MARK_SKIP_ROLLED_BACK], 1);
    cluster_free(cluster);
}

static void a_crash_between_vote_and_decision_is_marked(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "decision");
    cluster_do(cluster, B, "checkpoint");
    assert_int_equal(cluster->marks[MARK_CRASH_AFTER_CHECKPOINT_VOTE], 0);
    cluster_crash(cluster, A);
    assert_int_equal(cluster->marks[MARK_CRASH_AFTER_CHECKPOINT_VOTE], 1);
    assert_int_equal(cluster->marks[MARK_COMMIT_WHILE_RECOVERING], 0);
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster->marks[MARK_COMMIT_WHILE_RECOVERING], 1);
    assert_int_equal(cluster->marks[MARK_CRASH_AFTER_ROLLBACK_VOTE], 0);
    cluster_free(cluster);
}

/* Both have received from each other, and neither request has come when the other is sent. */
static void two_initiators_busy_with_each_other_are_marked(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, B, "transfer 10 a");
    cluster_command(cluster, A, "checkpoint");
    cluster_command(cluster, B, "checkpoint");
    cluster_deliver(cluster);
    assert_true(cluster->marks[MARK_CHECKPOINTS_MEET] >= 1);
    assert_int_equal(cluster->marks[MARK_ROLLBACKS_MEET], 0);
    assert_true(cluster_settle(cluster));
    cluster_free(cluster);
}

static void an_acknowledgement_of_a_former_life_is_marked(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_hold(cluster, "ack");
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster->marks[MARK_ACK_OF_FORMER_LIFE], 0);
    cluster->hold = NULL;
    cluster_deliver(cluster);
    assert_int_equal(cluster->marks[MARK_ACK_OF_FORMER_LIFE], 1);
    assert_int_equal(cluster->marks[MARK_TRANSFER_OF_FORMER_LIFE], 0);
    assert_int_equal(cluster->marks[MARK_SKIP_OF_FORMER_LIFE], 0);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mark_has_a_name_of_its_own_and_a_line_that_explains_it),
        cmocka_unit_test(a_mark_counts_once_for_a_step_and_is_forgotten_with_it),
        cmocka_unit_test(what_goes_as_it_should_sets_no_mark),
        cmocka_unit_test(a_transfer_that_comes_twice_is_marked_as_that_alone),
        cmocka_unit_test(a_rollback_that_meets_a_tentative_checkpoint_is_marked),
        cmocka_unit_test(a_checkpoint_that_meets_who_is_about_to_leave_is_marked),
        cmocka_unit_test(a_skip_accepted_and_then_rolled_back_is_marked),
        cmocka_unit_test(a_crash_between_vote_and_decision_is_marked),
        cmocka_unit_test(two_initiators_busy_with_each_other_are_marked),
        cmocka_unit_test(an_acknowledgement_of_a_former_life_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
