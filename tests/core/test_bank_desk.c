/* What every part of the bank works with: tasks in their order, pauses, ports, cookies. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_cookie.h"
#include "core/bank_desk.h"
#include "core/random.h"

enum { TASKS = 60 };

static BankDesk desk_of(uint64_t seed, bool any_port)
{
    BankDesk desk;
    memset(&desk, 0xaa, sizeof desk);
    desk_init(&desk, &(BankConfig){.seed = seed, .any_port = any_port});
    return desk;
}

static void tasks_are_due_in_the_order_of_their_times_and_then_of_their_making(void **state)
{
    (void)state;
    BankDesk desk = desk_of(1, false);
    DeskTask tasks[TASKS];
    uint64_t random = 5;
    for (int i = 0; i < TASKS; i++)
        desk_task_init(&desk, &tasks[i], TASK_OPERATION);
    for (int i = 0; i < 5 * TASKS; i++) /* also again, to another time */
        desk_schedule(&desk, &tasks[random_below(&random, TASKS)], 1 + random_below(&random, 9));
    for (int i = 0; i < TASKS; i++)
        desk_schedule(&desk, &tasks[TASKS - 1 - i], 1 + random_below(&random, 9));
    desk_unschedule(&tasks[7]);
    desk_unschedule(&tasks[7]);
    const DeskTask *last = NULL;
    int count = 0;
    for (desk.now_ns = 0; desk.now_ns < 10; desk.now_ns++) {
        for (DeskTask *task; (task = desk_due(&desk)) != NULL; last = task, count++) {
            assert_int_equal(task->due_ns, desk.now_ns);
            assert_true(last == NULL || last->due_ns < task->due_ns || last < task);
            desk_unschedule(task);
        }
    }
    assert_int_equal(count, TASKS - 1);
    desk_deinit(&desk);
}

static void pauses_double_up_to_a_limit_give_or_take_a_quarter(void **state)
{
    (void)state;
    BankDesk desk = desk_of(1, false);
    DeskRetry retry = {0};
    uint64_t least_ns = UINT64_MAX, most_ns = 0;
    for (int run = 0; run < 300; run++) {
        desk.now_ns = 100;
        desk_retry_start(&desk, &retry);
        for (uint64_t pause_ns = DESK_RETRY_NS_MIN; pause_ns < 4 * DESK_RETRY_NS_MAX;
             pause_ns *= 2) {
            const uint64_t expected_ns = MIN(pause_ns, DESK_RETRY_NS_MAX);
            const uint64_t given_ns = retry.next_ns - desk.now_ns;
            assert_in_range(given_ns, expected_ns - expected_ns / 4, expected_ns + expected_ns / 4);
            if (pause_ns == DESK_RETRY_NS_MIN) {
                least_ns = MIN(least_ns, given_ns);
                most_ns = MAX(most_ns, given_ns);
            }
            desk.now_ns = retry.next_ns;
            desk_retry_again(&desk, &retry);
        }
    }
    assert_true(least_ns < DESK_RETRY_NS_MIN - DESK_RETRY_NS_MIN / 5);
    assert_true(most_ns > DESK_RETRY_NS_MIN + DESK_RETRY_NS_MIN / 5);
    desk_deinit(&desk);
}

static void every_pause_of_the_range_comes_up_and_none_beyond(void **state)
{
    (void)state;
    BankDesk desk = desk_of(1, false);
    unsigned seen[3] = {0};
    for (int i = 0; i < 100; i++) {
        const uint64_t pause_ns = desk_pause_ns(&desk, 10, 12);
        assert_in_range(pause_ns, 10, 12);
        seen[pause_ns - 10]++;
    }
    for (int i = 0; i < 3; i++)
        assert_true(seen[i] > 10);
    assert_int_equal(desk_pause_ns(&desk, 5, 5), 5);
    desk_deinit(&desk);
}

static void the_range_of_ports_includes_its_ends(void **state)
{
    (void)state;
    BankDesk desk = desk_of(1, false);
    assert_true(desk_ports_allowed(&desk, PORT_FIRST, PORT_LAST));
    assert_true(desk_ports_allowed(&desk, PORT_LAST, PORT_FIRST));
    assert_false(desk_ports_allowed(&desk, PORT_FIRST - 1, PORT_LAST));
    assert_false(desk_ports_allowed(&desk, PORT_FIRST, PORT_LAST + 1));
    assert_false(desk_ports_allowed(&desk, PORT_FIRST, PORT_FIRST));
    desk_deinit(&desk);
    desk = desk_of(1, true);
    assert_true(desk_ports_allowed(&desk, 1, UINT16_MAX));
    assert_false(desk_ports_allowed(&desk, 0, 1));
    assert_false(desk_ports_allowed(&desk, 1, 0));
    assert_false(desk_ports_allowed(&desk, 1, 1));
    desk_deinit(&desk);
}

static void two_banks_of_one_seed_draw_the_same_and_others_do_not(void **state)
{
    (void)state;
    BankDesk one = desk_of(1, false), again = desk_of(1, false), other = desk_of(2, false);
    assert_true(one.choice == again.choice && one.choice != other.choice);
    assert_true(one.pauses == again.pauses && one.pauses != other.pauses);
    assert_true(one.choice != one.pauses);
    assert_memory_equal(&one.key, &again.key, sizeof one.key);
    assert_memory_not_equal(&one.key, &other.key, sizeof one.key);
    desk_deinit(&one);
    desk_deinit(&again);
    desk_deinit(&other);
}

static void every_bit_of_an_address_and_of_the_key_counts_in_its_cookie(void **state)
{
    (void)state;
    const CookieKey key = cookie_key(1);
    GHashTable *cookies = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    for (int bit = 0; bit < 48; bit++) {
        const uint64_t place = UINT64_C(1) << bit;
        const Address address = {(uint32_t)(place >> 16), (uint16_t)place};
        const uint64_t cookie = cookie_make(&key, address, 0);
        assert_true(cookie != 0);
        assert_true(g_hash_table_add(cookies, g_memdup2(&cookie, sizeof cookie)));
    }
    for (int bit = 0; bit < 128; bit++) {
        CookieKey changed = key;
        changed.words[bit / 64] ^= UINT64_C(1) << bit % 64;
        const uint64_t cookie = cookie_make(&changed, (Address){0, 1}, 0);
        assert_true(g_hash_table_add(cookies, g_memdup2(&cookie, sizeof cookie)));
    }
    g_hash_table_destroy(cookies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_due_in_the_order_of_their_times_and_then_of_their_making),
        cmocka_unit_test(pauses_double_up_to_a_limit_give_or_take_a_quarter),
        cmocka_unit_test(every_pause_of_the_range_comes_up_and_none_beyond),
        cmocka_unit_test(the_range_of_ports_includes_its_ends),
        cmocka_unit_test(two_banks_of_one_seed_draw_the_same_and_others_do_not),
        cmocka_unit_test(every_bit_of_an_address_and_of_the_key_counts_in_its_cookie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
