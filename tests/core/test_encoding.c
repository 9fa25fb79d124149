/* What a customer keeps beside its cohort is encoded whole: requests, commands and cash. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/cash.h"
#include "core/execute.h"
#include "core/request.h"

static Coder decoder_of(const Coder *written)
{
    assert_false(written->failed);
    return coder_decode(written->bytes, written->length);
}

/* --- requests --- */

static Coder encode_request(Request *request)
{
    Coder coder = coder_encode_growing();
    request_code(&coder, request);
    return coder;
}

static void a_request_is_encoded_whole(void **state)
{
    (void)state;
    uint8_t answer[] = {3, 1, 4, 1, 5};
    Request request = {.active = true,
                       .user = true,
                       .command = {.kind = COMMAND_RESUME, .count = 20, .tag = 21},
                       .number = 1,
                       .count = 2,
                       .repeat_ns = 3,
                       .backoff = 4,
                       .heard_ns = 5,
                       .answer = answer,
                       .answer_total = 500,
                       .answer_have = sizeof answer,
                       .cookie = 6,
                       .asked_with = 7};
    Request read = {0};
    Coder coder = encode_request(&request);
    Coder decoder = decoder_of(&coder);
    request_code(&decoder, &read);
    assert_true(coder_finished(&decoder));
    assert_true(read.active);
    assert_true(read.user);
    assert_int_equal(read.command.kind, COMMAND_RESUME);
    assert_int_equal(read.command.count, 20);
    assert_int_equal(read.command.tag, 21);
    assert_int_equal(read.number, 1);
    assert_int_equal(read.count, 2);
    assert_int_equal(read.repeat_ns, 3);
    assert_int_equal(read.backoff, 4);
    assert_int_equal(read.heard_ns, 5);
    assert_int_equal(read.answer_total, 500);
    assert_int_equal(read.answer_have, sizeof answer);
    assert_memory_equal(read.answer, answer, sizeof answer);
    assert_int_equal(read.cookie, 6);
    assert_int_equal(read.asked_with, 7);
    request_deinit(&read);
    coder_deinit(&coder);
}

static void no_more_of_an_answer_has_come_than_there_is(void **state)
{
    (void)state;
    uint8_t answer[] = {3, 1, 4};
    Request request = {.answer = answer, .answer_total = 3, .answer_have = 3};
    Coder coder = encode_request(&request);
    assert_false(coder.failed);
    coder_deinit(&coder);
    request.answer_total = 2;
    coder = encode_request(&request);
    assert_true(coder.failed);
    coder_deinit(&coder);
}

/* --- commands --- */

static const CustomerConfig config = {.client = 1, .seed = 1};

static void commands_and_attempts_are_encoded_whole(void **state)
{
    (void)state;
    Customer *customer = customer_new(&config);
    Customer *read = customer_new(&config);
    for (uint64_t i = 0; i < 3; i++) {
        const Command command = {.kind = COMMAND_DEPOSIT, .tag = 30 + i};
        g_array_append_val(customer->commands, command);
    }
    customer->attempt = (Attempt){true, true, 1, 2, 3};
    customer->forced = (Attempt){true, true, 4, 5, 6};
    Coder coder = coder_encode_growing();
    execute_code(&coder, customer);
    Coder decoder = decoder_of(&coder);
    execute_code(&decoder, read);
    assert_true(coder_finished(&decoder));
    assert_int_equal(read->commands->len, 3);
    for (guint i = 0; i < 3; i++)
        assert_int_equal(g_array_index(read->commands, Command, i).tag, 30 + i);
    assert_true(read->attempt.active && read->attempt.engaged);
    assert_int_equal(read->attempt.tries, 1);
    assert_int_equal(read->attempt.since_ns, 2);
    assert_int_equal(read->attempt.pause_ns, 3);
    assert_true(read->forced.active && read->forced.engaged);
    assert_int_equal(read->forced.tries, 4);
    assert_int_equal(read->forced.since_ns, 5);
    assert_int_equal(read->forced.pause_ns, 6);
    coder_deinit(&coder);
    customer_free(customer);
    customer_free(read);
}

/* --- cash --- */

static void fill(Cash *cash, guint count)
{
    *cash = (Cash){.cohort = 1, .inc = 2, .permanents = 3, .more = 4};
    cash->moves = g_array_new(FALSE, TRUE, sizeof(CashMove));
    g_array_set_size(cash->moves, count);
    for (guint i = 0; i < count; i++)
        g_array_index(cash->moves, CashMove, i) = (CashMove){i % 2 == 1, i + 1};
}

static void cash_is_encoded_whole(void **state)
{
    (void)state;
    static const guint counts[] = {0, 1, CASH_LISTED_MAX};
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        Cash cash, read = {0};
        fill(&cash, counts[i]);
        Coder coder = coder_encode_growing();
        cash_code(&coder, &cash);
        Coder decoder = decoder_of(&coder);
        cash_code(&decoder, &read);
        assert_true(coder_finished(&decoder));
        assert_int_equal(read.cohort, 1);
        assert_int_equal(read.inc, 2);
        assert_int_equal(read.permanents, 3);
        assert_int_equal(read.more, 4);
        assert_int_equal(read.moves != NULL ? read.moves->len : 0, counts[i]);
        for (guint j = 0; j < counts[i]; j++) {
            const CashMove *move = &g_array_index(read.moves, CashMove, j);
            assert_int_equal(move->deposit, j % 2 == 1);
            assert_int_equal(move->amount, j + 1);
        }
        coder_deinit(&coder);
        cash_deinit(&cash);
        cash_deinit(&read);
    }
}

static void more_cash_than_is_ever_listed_is_not_encoded(void **state)
{
    (void)state;
    Cash cash;
    fill(&cash, CASH_LISTED_MAX + 1);
    Coder coder = coder_encode_growing();
    cash_code(&coder, &cash);
    assert_true(coder.failed);
    coder_deinit(&coder);
    cash_deinit(&cash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_encoded_whole),
        cmocka_unit_test(no_more_of_an_answer_has_come_than_there_is),
        cmocka_unit_test(commands_and_attempts_are_encoded_whole),
        cmocka_unit_test(cash_is_encoded_whole),
        cmocka_unit_test(more_cash_than_is_ever_listed_is_not_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
