/* Cash comes from outside, and goes there: PROTOCOL.md, "Cash". */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/cluster.h"

enum { A, B };

static int listed(const Cluster *cluster, NoticeKind kind)
{
    g_autofree char *text = g_strdup_printf("EVENT %d ", (int)kind);
    return cluster_told(cluster, text);
}

static void a_rollback_lists_the_cash_that_it_undoes(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "deposit 5");
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, A, "deposit 6");
    cluster_do(cluster, A, "withdrawal 7");
    cluster_do(cluster, A, "rollback");
    assert_int_equal(listed(cluster, NOTICE_UNDONE_DEPOSIT), 1);
    assert_int_equal(listed(cluster, NOTICE_UNDONE_WITHDRAWAL), 1);
    assert_int_equal(cluster_balance(cluster, A), cluster_money(105));
    cluster_do(cluster, A, "rollback");
    assert_int_equal(listed(cluster, NOTICE_UNDONE_DEPOSIT), 1);
    cluster_free(cluster);
}

static void so_does_the_rollback_after_a_crash(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "deposit 5");
    cluster_do(cluster, A, "withdrawal 7");
    cluster_crash(cluster, A);
    cluster_crash(cluster, A);
    assert_true(cluster_settle(cluster));
    assert_int_equal(listed(cluster, NOTICE_UNDONE_DEPOSIT), 1);
    assert_int_equal(listed(cluster, NOTICE_UNDONE_WITHDRAWAL), 1);
    assert_int_equal(cluster_balance(cluster, A), cluster_money(100));
    ShelfRecord record; /* and forgets it */
    assert_false(shelf_get(cluster->shelves[A], SLOT_CASH, 0, &record));
    cluster_free(cluster);
}

static void cash_after_a_checkpoint_of_the_same_step_is_listed(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_hold(cluster, "prepare-vote");
    cluster_crash(cluster, A); /* so that both commands wait, and are done at once */
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, A, "deposit 5");
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    cluster_do(cluster, A, "rollback");
    assert_int_equal(listed(cluster, NOTICE_UNDONE_DEPOSIT), 1);
    assert_int_equal(cluster_balance(cluster, A), cluster_money(100));
    cluster_free(cluster);
}

static void committed_cash_is_undone_by_nothing(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_cash(2, cluster_money(100), CASH_COMMIT);
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "deposit 5");
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster_balance(cluster, A), cluster_money(105));
    cluster_crash(cluster, A);
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, A), cluster_money(105));
    assert_int_equal(listed(cluster, NOTICE_UNDONE_DEPOSIT), 0);
    cluster_free(cluster);
}

static bool hold_votes_of_a(const Flight *flight, void *context)
{
    (void)context;
    return flight->from == A && strstr(flight->kinds, "checkpoint-vote") != NULL;
}

static void a_withdrawal_is_not_judged_by_a_balance_in_doubt(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_cash(2, cluster_money(100), CASH_COMMIT);
    cluster_do(cluster, B, "transfer 50 a");
    cluster_do(cluster, A, "transfer 1 b");
    cluster->hold = hold_votes_of_a;
    cluster_do(cluster, B, "checkpoint"); /* A has said yes to a balance of 149 */
    cluster_crash(cluster, A);
    cluster_drop(cluster);
    cluster_do(cluster, A, "withdrawal 120");
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_told(cluster, "a SUCCESS withdrawal"), 1);
    assert_int_equal(cluster_balance(cluster, A), cluster_money(29));
    cluster_free(cluster);
}

static void deposits_beyond_all_measure_are_refused(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_cash(2, 0, CASH_COMMIT);
    for (int i = 0; i < 1100; i++) {
        cluster_do(cluster, A, "deposit 90071992547409.91");
        cluster_do(cluster, A, "transfer 90071992547409.91 b");
    }
    assert_true(cluster_told(cluster, "a FAILURE deposit") > 0);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollback_lists_the_cash_that_it_undoes),
        cmocka_unit_test(so_does_the_rollback_after_a_crash),
        cmocka_unit_test(cash_after_a_checkpoint_of_the_same_step_is_listed),
        cmocka_unit_test(committed_cash_is_undone_by_nothing),
        cmocka_unit_test(a_withdrawal_is_not_judged_by_a_balance_in_doubt),
        cmocka_unit_test(deposits_beyond_all_measure_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
