/* A judge that goes on while the run does: what it forgets, and that it goes on judging right. */
#include "tests/sim/history.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROUNDS = 5000, ROUND_NS = 10 * 10, HELD_MAX = 100 };

/* Ten records: a transfer, a lost one, a checkpoint of both, and a deposit. */
static void tell_round(History *h, unsigned round)
{
    g_autofree char *instance = g_strdup_printf("c2.%u", round);
    sent(h, C1, C2, 5);
    received(h, C2, C1);
    sent(h, C2, C1, 5);
    lost(h, C2, C1, h->now[C2].sent[C1]);
    missing(h, C1, C2);
    tentative(h, C2, instance);
    tentative(h, C1, instance);
    permanent(h, C1, instance);
    permanent(h, C2, instance);
    deposited(h, C1, 5);
}

static void judge_so_far(const History *h)
{
    checker_judge_before(h->checker, (CheckOptions){0}, h->begin_ns + h->clock - ROUND_NS);
}

static void what_is_settled_is_forgotten(void **state)
{
    (void)state;
    History h;
    history_init(&h);
    founded(&h, 2);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        tell_round(&h, round);
        judge_so_far(&h);
        assert_true(checker_records_held(h.checker) <= HELD_MAX);
    }
    assert_int_equal(checker_record_count(h.checker), 4 + ROUNDS * 10);
    GPtrArray *violations = checker_judge(h.checker, (CheckOptions){.settled = true});
    assert_int_equal(violations->len, 0);
    g_ptr_array_unref(violations);
    history_deinit(&h);
}

static void cohorts_that_are_dissolved_are_forgotten(void **state)
{
    (void)state;
    History h;
    history_init(&h);
    founded(&h, 3);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        for (int who = C1; who <= C3; who++) {
            sent(&h, who, (who + 1) % 3, 1);
            received(&h, (who + 1) % 3, who);
        }
        for (int who = C1; who <= C3; who++)
            left(&h, who);
        founded(&h, 3);
        judge_so_far(&h);
    }
    /* Of each, who its members were: a number used twice would be noticed. */
    assert_true(checker_records_held(h.checker) <= 4 * ROUNDS + HELD_MAX);
    GPtrArray *violations = checker_judge(h.checker, (CheckOptions){.settled = true});
    assert_int_equal(violations->len, 0);
    g_ptr_array_unref(violations);
    history_deinit(&h);
}

static void a_violation_long_after_the_beginning_is_found(void **state)
{
    (void)state;
    History h;
    history_init(&h);
    founded(&h, 2);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        tell_round(&h, round);
        judge_so_far(&h);
    }
    h.now[C2].received[C1]--;
    received(&h, C2, C1);
    GPtrArray *violations = checker_judge(h.checker, (CheckOptions){.settled = true});
    assert_int_equal(violations->len, 1);
    const Violation *violation = g_ptr_array_index(violations, 0);
    assert_int_equal(violation->rule, RULE_PREFIX);
    g_ptr_array_unref(violations);
    history_deinit(&h);
}

static void a_loss_declared_again_long_after_it_was_settled_is_found(void **state)
{
    (void)state;
    History h;
    history_init(&h);
    founded(&h, 2);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        tell_round(&h, round);
        judge_so_far(&h);
    }
    lost(&h, C2, C1, 7);
    GPtrArray *violations = checker_judge(h.checker, (CheckOptions){.settled = true});
    assert_int_equal(violations->len, 1);
    const Violation *violation = g_ptr_array_index(violations, 0);
    assert_int_equal(violation->rule, RULE_NO_LOSS);
    g_ptr_array_unref(violations);
    history_deinit(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_settled_is_forgotten),
        cmocka_unit_test(cohorts_that_are_dissolved_are_forgotten),
        cmocka_unit_test(a_violation_long_after_the_beginning_is_found),
        cmocka_unit_test(a_loss_declared_again_long_after_it_was_settled_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
