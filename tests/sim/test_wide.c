/* sim/wide.h as it is where the compiler has no integers of 128 bits. */
#define COHORT_WIDE_BY_HALVES
#include "sim/wide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/random.h"

static void assert_wide(Wide found, uint64_t high, uint64_t low)
{
    assert_int_equal(found.high, high);
    assert_int_equal(found.low, low);
}

static void products_have_all_their_bits(void **state)
{
    (void)state;
    assert_wide(wide_product(0, UINT64_MAX), 0, 0);
    assert_wide(wide_product(1, UINT64_MAX), 0, UINT64_MAX);
    assert_wide(wide_product(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1, 1);
    assert_wide(wide_product(UINT64_C(1) << 63, 6), 3, 0);
    assert_wide(wide_product(UINT64_C(0xffffffff), UINT64_C(0x100000001)), 0, UINT64_MAX);
    assert_wide(wide_product(UINT64_C(0x123456789abcdef0), UINT64_C(0xfedcba9876543210)),
                UINT64_C(0x121fa00ad77d7422), UINT64_C(0x236d88fe5618cf00));
}

static void sums_carry(void **state)
{
    (void)state;
    assert_wide(wide_sum(wide_of(UINT64_MAX), wide_of(1)), 1, 0);
    assert_wide(wide_sum((Wide){3, UINT64_MAX}, (Wide){4, UINT64_MAX}), 8, UINT64_MAX - 1);
}

static void order_looks_at_the_upper_half_first(void **state)
{
    (void)state;
    assert_true(wide_less((Wide){1, 9}, (Wide){2, 0}));
    assert_false(wide_less((Wide){2, 0}, (Wide){1, 9}));
    assert_true(wide_less((Wide){2, 3}, (Wide){2, 4}));
    assert_false(wide_less((Wide){2, 4}, (Wide){2, 4}));
}

static void shifts_cross_the_middle(void **state)
{
    (void)state;
    const Wide value = {UINT64_C(0x8000000000000001), UINT64_C(0x8000000000000002)};
    assert_wide(wide_shift_right(value, 0), value.high, value.low);
    assert_wide(wide_shift_right(value, 1), UINT64_C(0x4000000000000000),
                UINT64_C(0xc000000000000001));
    assert_wide(wide_shift_right(value, 64), 0, value.high);
    assert_wide(wide_shift_right(value, 127), 0, 1);
}

static void a_quotient_and_its_remainder_make_up_the_whole(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 2000; i++) {
        uint64_t divisor = random_next(&random) >> random_below(&random, 64) | 1;
        uint64_t quotient = random_next(&random) >> random_below(&random, 64);
        uint64_t rest = random_below(&random, divisor);
        Wide whole = wide_sum(wide_product(divisor, quotient), wide_of(rest));
        Wide found_rest;
        assert_wide(wide_divide(whole, wide_of(divisor), &found_rest), 0, quotient);
        assert_wide(found_rest, 0, rest);
        assert_int_equal(wide_quotient(whole, divisor), quotient);
    }
}

static void divisors_may_be_wide_too(void **state)
{
    (void)state;
    Wide rest;
    assert_wide(wide_divide((Wide){UINT64_MAX, UINT64_MAX}, (Wide){UINT64_MAX, UINT64_MAX}, &rest),
                0, 1);
    assert_wide(rest, 0, 0);
    assert_wide(wide_divide((Wide){UINT64_MAX, UINT64_MAX}, (Wide){UINT64_C(1) << 63, 1}, &rest), 0,
                1);
    assert_wide(rest, UINT64_MAX >> 1, UINT64_MAX - 1);
    assert_wide(wide_divide((Wide){UINT64_MAX, UINT64_MAX}, wide_of(1), &rest), UINT64_MAX,
                UINT64_MAX);
    assert_wide(wide_divide((Wide){1, 0}, (Wide){2, 0}, &rest), 0, 0);
    assert_wide(rest, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_have_all_their_bits),
        cmocka_unit_test(sums_carry),
        cmocka_unit_test(order_looks_at_the_upper_half_first),
        cmocka_unit_test(shifts_cross_the_middle),
        cmocka_unit_test(a_quotient_and_its_remainder_make_up_the_whole),
        cmocka_unit_test(divisors_may_be_wide_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
