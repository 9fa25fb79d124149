#include "sim/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/random.h"

static void earlier_entry_comes_first(void **state)
{
    (void)state;
    Queue *queue = queue_new();
    static const uint64_t times[] = {50, 10, 40, 20, 30, 0};
    for (uint32_t i = 0; i < 6; i++)
        queue_put(queue, times[i], 0, 0, i);
    for (uint64_t time_ns = 0; time_ns <= 50; time_ns += 10) {
        assert_int_equal(queue_next_time(queue), time_ns);
        QueueEntry entry = queue_take(queue);
        assert_int_equal(entry.time_ns, time_ns);
        assert_int_equal(times[entry.argument], time_ns);
    }
    queue_free(queue);
}

static void entries_of_one_time_come_as_they_were_put(void **state)
{
    (void)state;
    Queue *queue = queue_new();
    for (uint32_t i = 0; i < 100; i++)
        queue_put(queue, i % 2, 0, 0, i);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(queue_take(queue).argument, i < 50 ? 2 * i : 2 * (i - 50) + 1);
    queue_free(queue);
}

static void early_ones_come_before_all_others_of_their_time(void **state)
{
    (void)state;
    static const uint32_t order[] = {4, 1, 3, 0, 2};
    Queue *queue = queue_new();
    queue_put(queue, 5, 0, 0, 0);
    queue_put_early(queue, 5, 0, 0, 1);
    queue_put(queue, 5, 0, 0, 2);
    queue_put_early(queue, 5, 0, 0, 3);
    queue_put(queue, 4, 0, 0, 4);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        assert_int_equal(queue_take(queue).argument, order[i]);
    queue_free(queue);
}

static void entry_keeps_kind_process_and_argument(void **state)
{
    (void)state;
    Queue *queue = queue_new();
    queue_put(queue, 1, 255, (1u << QUEUE_PROCESS_BITS) - 1, UINT32_MAX);
    QueueEntry entry = queue_take(queue);
    assert_int_equal(entry.kind, 255);
    assert_int_equal(entry.process, (1u << QUEUE_PROCESS_BITS) - 1);
    assert_int_equal(entry.argument, UINT32_MAX);
    queue_free(queue);
}

static void empty_queue_is_never_due(void **state)
{
    (void)state;
    Queue *queue = queue_new();
    assert_int_equal(queue_next_time(queue), TIME_NEVER);
    queue_put(queue, 7, 0, 0, 0);
    assert_int_equal(queue_next_time(queue), 7);
    queue_take(queue);
    assert_int_equal(queue_count(queue), 0);
    assert_int_equal(queue_next_time(queue), TIME_NEVER);
    queue_free(queue);
}

static int compare_entries(const void *a, const void *b)
{
    const QueueEntry *left = a;
    const QueueEntry *right = b;
    if (left->time_ns != right->time_ns)
        return left->time_ns < right->time_ns ? -1 : 1;
    return left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
}

static void random_entries_come_as_sorting_would_have_them(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    Queue *queue = queue_new();
    QueueEntry *expected = calloc(COUNT, sizeof *expected);
    uint64_t random = 1;
    for (uint32_t i = 0; i < COUNT; i++) {
        expected[i].time_ns = random_below(&random, COUNT / 4);
        expected[i].sequence = i;
        queue_put(queue, expected[i].time_ns, 0, 0, i);
    }
    qsort(expected, COUNT, sizeof *expected, compare_entries);
    for (uint32_t i = 0; i < COUNT; i++) {
        QueueEntry entry = queue_take(queue);
        assert_int_equal(entry.time_ns, expected[i].time_ns);
        assert_int_equal(entry.argument, expected[i].sequence);
    }
    free(expected);
    queue_free(queue);
}

static void order_survives_putting_and_taking_in_turns(void **state)
{
    (void)state;
    Queue *queue = queue_new();
    uint64_t random = 2;
    uint64_t now_ns = 0;
    for (int i = 0; i < 100; i++)
        queue_put(queue, random_below(&random, 1000), 0, 0, 0);
    for (int i = 0; i < 20000; i++) {
        QueueEntry entry = queue_take(queue);
        assert_true(entry.time_ns >= now_ns);
        now_ns = entry.time_ns;
        queue_put(queue, now_ns + random_below(&random, 1000), 0, 0, 0);
    }
    assert_int_equal(queue_count(queue), 100);
    queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earlier_entry_comes_first),
        cmocka_unit_test(entries_of_one_time_come_as_they_were_put),
        cmocka_unit_test(early_ones_come_before_all_others_of_their_time),
        cmocka_unit_test(entry_keeps_kind_process_and_argument),
        cmocka_unit_test(empty_queue_is_never_due),
        cmocka_unit_test(random_entries_come_as_sorting_would_have_them),
        cmocka_unit_test(order_survives_putting_and_taking_in_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
