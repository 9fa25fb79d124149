#include "sim/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { DRAWS = 200000 };

/* |found - expected| <= tolerance, all integers. */
static void assert_near(int64_t found, int64_t expected, int64_t tolerance)
{
    if (llabs(found - expected) > tolerance) {
        fail_msg("%lld is not within %lld of %lld", (long long)found, (long long)tolerance,
                 (long long)expected);
    }
}

/* --- goldens: these numbers must be the same on every machine; the first four agree with the
 * formulas evaluated in floating point --- */

static void first_draws_are_as_ever(void **state)
{
    (void)state;
    uint64_t stream = stream_start(1, STREAM_NETWORK, 0);
    assert_int_equal(stream, UINT64_C(0xb18a02f46d8d86c3));
    assert_int_equal(draw_uniform(&stream, 1000000, 40000000), 16205103);
    assert_int_equal(draw_exponential(&stream, 20000000), 18168069);
    assert_int_equal(draw_normal(&stream), 141005713);
    assert_int_equal(draw_lognormal(&stream, 10000000, 500), 15562355);
}

static void hundred_thousand_draws_are_as_ever(void **state)
{
    (void)state;
    uint64_t stream = stream_start(42, STREAM_WORKLOAD, 7);
    uint64_t sum = 0;
    for (int i = 0; i < 25000; i++) {
        sum = sum * 31 + draw_chance(&stream, 123456789);
        sum = sum * 31 + draw_uniform(&stream, 5, 999999937);
        sum = sum * 31 + draw_exponential(&stream, 1000003);
        sum = sum * 31 + draw_lognormal(&stream, 1000003, 1234);
    }
    assert_int_equal(sum, UINT64_C(0x31fcfffbf24940ec));
}

/* --- streams --- */

static void streams_of_different_seed_purpose_or_number_differ(void **state)
{
    (void)state;
    uint64_t base = stream_start(1, STREAM_NETWORK, 0);
    assert_int_equal(base, stream_start(1, STREAM_NETWORK, 0));
    assert_int_not_equal(base, stream_start(2, STREAM_NETWORK, 0));
    assert_int_not_equal(base, stream_start(1, STREAM_WORKLOAD, 0));
    assert_int_not_equal(base, stream_start(1, STREAM_NETWORK, 1));
}

/* --- moments --- */

static void chance_has_its_frequency(void **state)
{
    (void)state;
    uint64_t stream = 1;
    int hits = 0;
    for (int i = 0; i < DRAWS; i++)
        hits += draw_chance(&stream, CHANCE_ONE / 20);
    assert_near(hits, DRAWS / 20, 500);
}

static void chance_of_none_and_of_all_is_certain(void **state)
{
    (void)state;
    uint64_t stream = 2;
    for (int i = 0; i < 1000; i++) {
        assert_false(draw_chance(&stream, 0));
        assert_true(draw_chance(&stream, CHANCE_ONE));
    }
}

static void uniform_reaches_both_ends_and_nothing_beyond(void **state)
{
    (void)state;
    uint64_t stream = 3;
    int count[4] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t draw = draw_uniform(&stream, 10, 13);
        assert_in_range(draw, 10, 13);
        count[draw - 10]++;
    }
    for (int i = 0; i < 4; i++)
        assert_near(count[i], DRAWS / 4, 1000);
    assert_int_equal(draw_uniform(&stream, 5, 5), 5);
    draw_uniform(&stream, 0, UINT64_MAX);
}

static void exponential_has_its_mean_variance_and_median(void **state)
{
    (void)state;
    enum { MEAN = 10000 };
    uint64_t stream = 4;
    uint64_t sum = 0;
    uint64_t squares = 0;
    int below_median = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t draw = draw_exponential(&stream, MEAN);
        sum += draw;
        squares += draw * draw;
        below_median += draw < 6931; /* ln 2 */
    }
    assert_near((int64_t)(sum / DRAWS), MEAN, 100);
    assert_near((int64_t)(squares / DRAWS), 2 * MEAN * MEAN, 4000000);
    assert_near(below_median, DRAWS / 2, 1000);
    assert_int_equal(draw_exponential(&stream, 0), 0);
}

static void normal_has_its_mean_variance_and_quantiles(void **state)
{
    (void)state;
    uint64_t stream = 5;
    int64_t sum = 0;
    int64_t squares = 0;
    int beyond[3] = {0};
    for (int i = 0; i < DRAWS; i++) {
        int64_t z = draw_normal(&stream);
        int64_t milli = z * 1000 / NORMAL_ONE;
        sum += milli;
        squares += milli * milli;
        for (int k = 0; k < 3; k++)
            beyond[k] += llabs(z) > (k + 1) * NORMAL_ONE;
    }
    assert_near(sum / DRAWS, 0, 10);
    assert_near(squares / DRAWS, 1000000, 10000);
    assert_near(beyond[0], DRAWS * INT64_C(31731) / 100000, 1000);
    assert_near(beyond[1], DRAWS * INT64_C(4550) / 100000, 400);
    assert_near(beyond[2], DRAWS * INT64_C(270) / 100000, 120);
}

static void lognormal_has_its_median_and_quantiles(void **state)
{
    (void)state;
    enum { MEDIAN = 1000000 };
    uint64_t stream = 6;
    int below = 0;
    int above = 0;
    int far_below = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t draw = draw_lognormal(&stream, MEDIAN, 500);
        below += draw < MEDIAN;
        above += draw > 1648721;    /* e^0.5: one sigma */
        far_below += draw < 367879; /* e^-1: two sigmas */
    }
    assert_near(below, DRAWS / 2, 1000);
    assert_near(above, DRAWS * INT64_C(15866) / 100000, 800);
    assert_near(far_below, DRAWS * INT64_C(2275) / 100000, 300);
}

static void lognormal_without_spread_is_its_median(void **state)
{
    (void)state;
    uint64_t stream = 7;
    for (int i = 0; i < 100; i++)
        assert_int_equal(draw_lognormal(&stream, 12345678, 0), 12345678);
}

static void largest_scales_stay_within_the_promised_result(void **state)
{
    (void)state;
    uint64_t stream = 8;
    for (int i = 0; i < DRAWS; i++) {
        assert_true(draw_exponential(&stream, DRAW_SCALE_MAX) <= DRAW_RESULT_MAX);
        assert_true(draw_lognormal(&stream, DRAW_SCALE_MAX, SIGMA_MILLI_MAX) <= DRAW_RESULT_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_draws_are_as_ever),
        cmocka_unit_test(hundred_thousand_draws_are_as_ever),
        cmocka_unit_test(streams_of_different_seed_purpose_or_number_differ),
        cmocka_unit_test(chance_has_its_frequency),
        cmocka_unit_test(chance_of_none_and_of_all_is_certain),
        cmocka_unit_test(uniform_reaches_both_ends_and_nothing_beyond),
        cmocka_unit_test(exponential_has_its_mean_variance_and_median),
        cmocka_unit_test(normal_has_its_mean_variance_and_quantiles),
        cmocka_unit_test(lognormal_has_its_median_and_quantiles),
        cmocka_unit_test(lognormal_without_spread_is_its_median),
        cmocka_unit_test(largest_scales_stay_within_the_promised_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
