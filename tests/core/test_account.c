/* The account: money goes in and out whole, and no state of it is below zero. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/account.h"

static Application opened(Money balance)
{
    Application application = {{0}};
    account_open(&application, balance);
    return application;
}

static void an_account_is_opened_with_its_balance_and_no_history(void **state)
{
    (void)state;
    Application application = opened(5);
    account_release_loss(&application, 1);
    assert_true(account_debit(&application, 1));
    account_open(&application, 7);
    assert_int_equal(account_balance(&application), 7);
    assert_int_equal(account_lost_released(&application), 0);
    assert_int_equal(account_operations(&application), 0);
}

static void no_more_is_taken_out_than_is_there(void **state)
{
    (void)state;
    Application application = opened(5);
    assert_false(account_debit(&application, 6));
    assert_int_equal(account_balance(&application), 5);
    assert_int_equal(account_operations(&application), 0);
    assert_true(account_debit(&application, 1));
    assert_int_equal(account_balance(&application), 4);
    assert_true(account_debit(&application, 4));
    assert_int_equal(account_balance(&application), 0);
    assert_int_equal(account_operations(&application), 2);
}

static void no_more_is_put_in_than_can_be_counted(void **state)
{
    (void)state;
    Application application = opened(INT64_MAX - 5);
    assert_false(account_credit(&application, 6));
    assert_int_equal(account_balance(&application), INT64_MAX - 5);
    assert_int_equal(account_operations(&application), 0);
    assert_true(account_credit(&application, 2));
    assert_int_equal(account_balance(&application), INT64_MAX - 3);
    assert_true(account_credit(&application, 3));
    assert_int_equal(account_balance(&application), INT64_MAX);
    assert_int_equal(account_operations(&application), 2);
}

static void losses_add_up_as_far_as_can_be_counted(void **state)
{
    (void)state;
    Application application = opened(5);
    account_release_loss(&application, 3);
    account_release_loss(&application, INT64_MAX - 4);
    assert_int_equal(account_lost_released(&application), INT64_MAX - 1);
    account_release_loss(&application, 2);
    assert_int_equal(account_lost_released(&application), INT64_MAX);
    assert_int_equal(account_balance(&application), 5);
    assert_int_equal(account_operations(&application), 0);
}

/* --- the encoding --- */

/* Is a state with these sums believed? It is encoded by whoever wants to. */
static bool believed(Money balance, Money lost_released)
{
    Application application;
    Coder sums = coder_encode_fixed(application.bytes, APPLICATION_BYTES);
    Coder encoded = coder_encode_growing();
    uint64_t operations = 1;
    code_money(&sums, &balance);
    code_money(&sums, &lost_released);
    code_u64(&sums, &operations);
    application_code(&encoded, &application);
    assert_false(encoded.failed);
    Coder decoder = coder_decode(encoded.bytes, encoded.length);
    application_code(&decoder, &application);
    coder_deinit(&encoded);
    return coder_finished(&decoder);
}

static void no_sum_below_zero_is_decoded(void **state)
{
    (void)state;
    assert_true(believed(0, 0));
    assert_true(believed(INT64_MAX, INT64_MAX));
    assert_false(believed(-1, 0));
    assert_false(believed(0, -1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_opened_with_its_balance_and_no_history),
        cmocka_unit_test(no_more_is_taken_out_than_is_there),
        cmocka_unit_test(no_more_is_put_in_than_can_be_counted),
        cmocka_unit_test(losses_add_up_as_far_as_can_be_counted),
        cmocka_unit_test(no_sum_below_zero_is_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
