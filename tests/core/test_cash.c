/* Cash comes from outside, and goes there: PROTOCOL.md, "Cash". */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/cash.h"
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

static void cash_is_kept_with_the_checkpoint_that_it_came_after(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    ShelfRecord record;
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, A, "rollback");
    cluster_do(cluster, A, "deposit 5");
    cluster_do(cluster, A, "withdrawal 7");
    cluster_hold(cluster, "");
    cluster_crash(cluster, A);
    const Cash *cash = &cluster->customers[A]->cash;
    assert_int_equal(cash->cohort, 1);
    assert_int_equal(cash->inc, 1);
    assert_int_equal(cash->permanents, 1);
    assert_int_equal(cash->moves->len, 2);
    assert_true(g_array_index(cash->moves, CashMove, 0).deposit);
    assert_int_equal(g_array_index(cash->moves, CashMove, 0).amount, cluster_money(5));
    assert_false(g_array_index(cash->moves, CashMove, 1).deposit);
    assert_int_equal(g_array_index(cash->moves, CashMove, 1).amount, cluster_money(7));
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    for (uint16_t i = 0; i < 2; i++)
        assert_false(shelf_get(cluster->shelves[A], SLOT_CASH, i, &record));
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

/* --- the list by itself --- */

typedef struct Holder {
    Customer *customer;
    Effects *effects;
} Holder;

static Holder holder_new(void)
{
    Holder holder = {customer_new(&(CustomerConfig){.client = 1, .seed = 1}), effects_new()};
    holder.customer->process.cohort = 1;
    holder.customer->process.inc = 5;
    holder.customer->step = (Step){1, holder.effects};
    return holder;
}

static void holder_free(Holder holder)
{
    customer_free(holder.customer);
    effects_free(holder.effects);
}

static void deposit(Holder holder, int times)
{
    const Command command = {.kind = COMMAND_DEPOSIT, .amount = 30};
    for (int i = 0; i < times; i++)
        cash_note(holder.customer, &command);
}

/* What a step says in which things have come to this incarnation of this cohort. */
static void expect_told(Holder holder, uint64_t cohort, uint64_t inc, int listed, uint64_t more)
{
    int found = 0;
    uint64_t found_more = 0;
    effects_clear(holder.effects);
    holder.customer->process.cohort = cohort;
    holder.customer->process.inc = inc;
    cash_settle(holder.customer);
    for (size_t i = 0; i < effects_count(holder.effects); i++) {
        const Effect *effect = effects_at(holder.effects, i);
        if (effect->kind != EFFECT_NOTIFY)
            continue;
        if (effect->notice.kind == NOTICE_UNDONE_MORE) {
            assert_int_equal(found_more, 0);
            found_more = effect->notice.undone;
            assert_true(found_more > 0);
            continue;
        }
        assert_int_equal(effect->notice.kind, NOTICE_UNDONE_DEPOSIT);
        assert_int_equal(effect->notice.amount, 30);
        found++;
    }
    assert_int_equal(found, listed);
    assert_int_equal(found_more, more);
}

static void what_is_beyond_the_list_is_counted_once(void **state)
{
    (void)state;
    Holder holder = holder_new();
    deposit(holder, CASH_LISTED_MAX);
    expect_told(holder, 1, 6, CASH_LISTED_MAX, 0);
    deposit(holder, CASH_LISTED_MAX + 1);
    expect_told(holder, 1, 7, CASH_LISTED_MAX, 1);
    deposit(holder, CASH_LISTED_MAX + 3);
    expect_told(holder, 1, 8, CASH_LISTED_MAX, 3);
    deposit(holder, 2);
    expect_told(holder, 1, 9, 2, 0);
    expect_told(holder, 1, 10, 0, 0);
    holder_free(holder);
}

static void cash_of_a_cohort_that_was_left_is_not_undone(void **state)
{
    (void)state;
    Holder holder = holder_new();
    deposit(holder, 3);
    expect_told(holder, 0, 0, 0, 0);
    deposit(holder, CASH_LISTED_MAX + 3);
    expect_told(holder, 2, 1, 0, 0);
    deposit(holder, 1);
    expect_told(holder, 2, 2, 1, 0);
    holder_free(holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollback_lists_the_cash_that_it_undoes),
        cmocka_unit_test(so_does_the_rollback_after_a_crash),
        cmocka_unit_test(cash_is_kept_with_the_checkpoint_that_it_came_after),
        cmocka_unit_test(cash_after_a_checkpoint_of_the_same_step_is_listed),
        cmocka_unit_test(committed_cash_is_undone_by_nothing),
        cmocka_unit_test(a_withdrawal_is_not_judged_by_a_balance_in_doubt),
        cmocka_unit_test(what_is_beyond_the_list_is_counted_once),
        cmocka_unit_test(cash_of_a_cohort_that_was_left_is_not_undone),
        cmocka_unit_test(deposits_beyond_all_measure_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
