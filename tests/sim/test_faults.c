#include "sim/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { PROCESSES = 9, DRAWS = 500 };

/* --- partitions --- */

/* How many ordered pairs can still talk, of those between different processes. */
static unsigned links(const Partition *partition)
{
    unsigned count = 0;
    for (uint32_t from = 0; from < PROCESSES; from++) {
        for (uint32_t to = 0; to < PROCESSES; to++)
            count += from != to && !partition_cuts(partition, from, to);
    }
    return count;
}

static void one_is_cut_off_from_all_others(void **state)
{
    (void)state;
    uint64_t stream = 1;
    for (int i = 0; i < DRAWS; i++) {
        Partition partition = partition_draw(PARTITION_ONE, PROCESSES, &stream);
        assert_int_equal(links(&partition), (PROCESSES - 1) * (PROCESSES - 2));
        partition_clear(&partition);
    }
}

static void halves_do_not_hear_each_other_but_themselves(void **state)
{
    (void)state;
    uint64_t stream = 1;
    for (int i = 0; i < DRAWS; i++) {
        Partition partition = partition_draw(PARTITION_HALVES, PROCESSES, &stream);
        for (uint32_t a = 0; a < PROCESSES; a++) {
            for (uint32_t b = 0; b < PROCESSES; b++) {
                assert_int_equal(partition_cuts(&partition, a, b),
                                 partition_cuts(&partition, b, a));
                for (uint32_t c = 0; c < PROCESSES; c++) {
                    bool one_side =
                        !partition_cuts(&partition, a, b) && !partition_cuts(&partition, b, c);
                    assert_true(!one_side || !partition_cuts(&partition, a, c));
                }
            }
        }
        partition_clear(&partition);
    }
}

static void one_way_is_cut_in_one_direction_only(void **state)
{
    (void)state;
    uint64_t stream = 1;
    for (int i = 0; i < DRAWS; i++) {
        Partition partition = partition_draw(PARTITION_ONEWAY, PROCESSES, &stream);
        for (uint32_t a = 0; a < PROCESSES; a++) {
            for (uint32_t b = 0; b < PROCESSES; b++)
                assert_false(partition_cuts(&partition, a, b) && partition_cuts(&partition, b, a));
        }
        partition_clear(&partition);
    }
}

static void any_is_now_this_now_that(void **state)
{
    (void)state;
    uint64_t stream = 1;
    int one = 0;
    int halves = 0;
    int oneway = 0;
    for (int i = 0; i < DRAWS; i++) {
        Partition partition = partition_draw(PARTITION_ANY, PROCESSES, &stream);
        bool both = partition.cuts_to && partition.cuts_from;
        unsigned first_side = 0;
        for (uint32_t process = 0; process < PROCESSES; process++)
            first_side += partition.first_side[process];
        oneway += !both;
        one += both && first_side == 1;
        halves += both && first_side > 1;
        partition_clear(&partition);
    }
    assert_in_range(one, DRAWS / 5, DRAWS / 2);
    assert_in_range(halves, DRAWS / 5, DRAWS / 2);
    assert_in_range(oneway, DRAWS / 5, DRAWS / 2);
}

/* --- clocks --- */

static void clock_without_drift_shows_the_time(void **state)
{
    (void)state;
    const Clock clock = {0};
    assert_int_equal(clock_show(&clock, 12345), 12345);
    assert_int_equal(clock_when(&clock, 12345), 12345);
}

static void clock_drifts_by_its_share(void **state)
{
    (void)state;
    const Clock fast = {.drift = CHANCE_ONE / 10};
    const Clock late = {.drift = -(int32_t)(CHANCE_ONE / 10)};
    assert_int_equal(clock_show(&fast, 1000), 1100);
    assert_int_equal(clock_show(&late, 1000), 900);
}

static void clock_shows_what_it_was_asked_for_and_not_before(void **state)
{
    (void)state;
    uint64_t stream = 1;
    for (int i = 0; i < DRAWS; i++) {
        Clock clock = {.true_ns = draw_uniform(&stream, 0, NS_PER_S),
                       .shown_ns = draw_uniform(&stream, 0, 3600 * NS_PER_S),
                       .drift = clock_draw_drift(CHANCE_ONE / 2, &stream)};
        uint64_t wanted = clock.shown_ns + 1 + draw_uniform(&stream, 0, 3600 * NS_PER_S);
        uint64_t when = clock_when(&clock, wanted);
        assert_true(clock_show(&clock, when) >= wanted);
        assert_true(clock_show(&clock, when - 1) < wanted);
    }
    const Clock clock = {.true_ns = 5, .shown_ns = 100};
    assert_int_equal(clock_when(&clock, 50), 5);
    assert_int_equal(clock_when(&clock, TIME_NEVER), TIME_NEVER);
}

static void jump_goes_forward_and_keeps_the_pace(void **state)
{
    (void)state;
    Clock clock = {.drift = CHANCE_ONE / 2};
    clock_jump(&clock, 1000, 7);
    assert_int_equal(clock_show(&clock, 1000), 1507);
    assert_int_equal(clock_show(&clock, 1100), 1657);
}

static void drift_is_drawn_to_both_sides(void **state)
{
    (void)state;
    uint64_t stream = 1;
    int fast = 0;
    for (int i = 0; i < DRAWS; i++) {
        int32_t drift = clock_draw_drift(100, &stream);
        assert_true(drift >= -100 && drift <= 100);
        fast += drift > 0;
    }
    assert_in_range(fast, DRAWS / 3, DRAWS * 2 / 3);
    assert_int_equal(clock_draw_drift(0, &stream), 0);
}

/* --- counts --- */

static void every_count_has_a_key_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < FAULT_COUNTS; i++) {
        assert_non_null(fault_count_key((FaultCount)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(fault_count_key((FaultCount)i), fault_count_key((FaultCount)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_cut_off_from_all_others),
        cmocka_unit_test(halves_do_not_hear_each_other_but_themselves),
        cmocka_unit_test(one_way_is_cut_in_one_direction_only),
        cmocka_unit_test(any_is_now_this_now_that),
        cmocka_unit_test(clock_without_drift_shows_the_time),
        cmocka_unit_test(clock_drifts_by_its_share),
        cmocka_unit_test(clock_shows_what_it_was_asked_for_and_not_before),
        cmocka_unit_test(jump_goes_forward_and_keeps_the_pace),
        cmocka_unit_test(drift_is_drawn_to_both_sides),
        cmocka_unit_test(every_count_has_a_key_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
