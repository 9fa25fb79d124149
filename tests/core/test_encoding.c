/* What a customer keeps beside its cohort is encoded whole: its membership, requests, commands and
 * cash. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/cash.h"
#include "core/execute.h"
#include "core/leaving.h"
#include "core/membership.h"
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

/* --- memberships --- */

static void name_members(Member *members, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        members[i] = (Member){.ip = 30u + i, .port1 = 40, .port2 = 50, .epoch = 60u + i};
        members[i].name.text[0] = (char)('a' + i);
    }
}

static void expect_members(const Member *members, uint16_t count)
{
    Member expected[3];
    name_members(expected, count);
    for (uint16_t i = 0; i < count; i++) {
        assert_true(name_equal(&members[i].name, &expected[i].name));
        assert_int_equal(members[i].ip, expected[i].ip);
        assert_int_equal(members[i].epoch, expected[i].epoch);
    }
}

static Membership code_again(Membership *membership)
{
    Membership read = {0};
    Coder coder = coder_encode_growing();
    membership_code(&coder, membership);
    Coder decoder = decoder_of(&coder);
    membership_code(&decoder, &read);
    assert_true(coder_finished(&decoder));
    coder_deinit(&coder);
    return read;
}

static void a_membership_is_encoded_whole(void **state)
{
    (void)state;
    Membership membership = {.has_account = true,
                             .ended = true,
                             .name = {"ann"},
                             .high_water = {1, 2, 3},
                             .left_cohort = 4,
                             .left_member = 5,
                             .report_version = 6,
                             .report_due = true,
                             .report_ns = 7,
                             .report_backoff = 8};
    Membership read = code_again(&membership);
    assert_true(read.has_account);
    assert_true(read.ended);
    assert_string_equal(read.name.text, "ann");
    for (int kind = 0; kind < PROPOSAL_KINDS; kind++)
        assert_int_equal(read.high_water[kind], kind + 1);
    assert_int_equal(read.left_cohort, 4);
    assert_int_equal(read.left_member, 5);
    assert_int_equal(read.report_version, 6);
    assert_true(read.report_due);
    assert_int_equal(read.report_ns, 7);
    assert_int_equal(read.report_backoff, 8);
    membership_deinit(&read);
}

/* The counts, and the lengths of names, are there anyway. */
static void a_membership_takes_no_more_room_than_it_has_to(void **state)
{
    (void)state;
    enum { MARKS = 1 + 1 + PROPOSAL_KINDS * 8, PROPOSAL = 1, GATHERING = 8 + 2 + 2 };
    enum { LEFT = 8 + 2, REPORTS = 8 + 1 + 8 + 4 };
    Membership membership = {.name = {"ann"}};
    Coder coder = coder_encode_growing();
    membership_code(&coder, &membership);
    assert_int_equal(coder.length, MARKS + (1 + 3) + PROPOSAL + GATHERING + LEFT + REPORTS);
    coder_deinit(&coder);
}

static void what_a_member_is_prepared_for_is_encoded_whole(void **state)
{
    (void)state;
    Member members[3];
    Membership membership = {.proposal = {.pending = true,
                                          .kind = PROPOSAL_JOIN,
                                          .id = 1,
                                          .name = {"bob"},
                                          .balance = 2,
                                          .count = 3,
                                          .self = 1,
                                          .members = members,
                                          .repeat_ns = 5,
                                          .backoff = 6},
                             .gathering = {.id = 7, .count = 2, .missing = 1, .members = members}};
    name_members(members, 3);
    account_open(&membership.proposal.at_vote, 4);
    Membership read = code_again(&membership);
    assert_true(read.proposal.pending);
    assert_int_equal(read.proposal.kind, PROPOSAL_JOIN);
    assert_int_equal(read.proposal.id, 1);
    assert_string_equal(read.proposal.name.text, "bob");
    assert_int_equal(read.proposal.balance, 2);
    assert_int_equal(read.proposal.count, 3);
    assert_int_equal(read.proposal.self, 1);
    expect_members(read.proposal.members, 3);
    assert_int_equal(account_balance(&read.proposal.at_vote), 4);
    assert_int_equal(read.proposal.repeat_ns, 5);
    assert_int_equal(read.proposal.backoff, 6);
    assert_int_equal(read.gathering.id, 7);
    assert_int_equal(read.gathering.count, 2);
    assert_int_equal(read.gathering.missing, 1);
    expect_members(read.gathering.members, 2);
    membership_deinit(&read);
}

static void of_a_proposal_that_is_decided_nothing_is_encoded(void **state)
{
    (void)state;
    Membership membership = {.proposal = {.id = 1, .repeat_ns = 5}};
    const Membership read = code_again(&membership);
    assert_int_equal(read.proposal.id, 0);
    assert_int_equal(read.proposal.repeat_ns, 0);
}

static void expect_final(const Final *final)
{
    assert_int_equal(account_balance(&final->application), 20);
    assert_true(final->settled);
    assert_int_equal(final->inc, 21);
    assert_int_equal(final->count, 2);
    for (uint16_t i = 0; i < 2; i++) {
        assert_int_equal(final->counts[i].sent, 30 + i);
        assert_int_equal(final->counts[i].received, 40 + i);
        assert_int_equal(final->counts[i].known, 50 + i);
    }
}

static void a_dissolving_is_encoded_whole(void **state)
{
    (void)state;
    StatusCount counts[] = {{30, 40, 50}, {31, 41, 51}};
    Dissolving dissolving = {.attempt = 1,
                             .quiesced = true,
                             .voted = true,
                             .final = {.settled = true, .inc = 21, .count = 2, .counts = counts},
                             .state = STATUS_VOTED,
                             .version = 2,
                             .digest = 3,
                             .due = true,
                             .repeat_ns = 4,
                             .backoff = 5};
    Dissolving read = {0};
    account_open(&dissolving.final.application, 20);
    memset(dissolving.acked, 0xa5, sizeof dissolving.acked);
    Coder coder = coder_encode_growing();
    leaving_code(&coder, &dissolving);
    Coder decoder = decoder_of(&coder);
    leaving_code(&decoder, &read);
    assert_true(coder_finished(&decoder));
    assert_int_equal(read.attempt, 1);
    assert_true(read.quiesced);
    assert_true(read.voted);
    expect_final(&read.final);
    assert_int_equal(read.state, STATUS_VOTED);
    assert_int_equal(read.version, 2);
    assert_int_equal(read.digest, 3);
    assert_true(read.due);
    assert_memory_equal(read.acked, dissolving.acked, sizeof read.acked);
    assert_int_equal(read.repeat_ns, 4);
    assert_int_equal(read.backoff, 5);
    leaving_clear(&read);
    coder_deinit(&coder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_encoded_whole),
        cmocka_unit_test(no_more_of_an_answer_has_come_than_there_is),
        cmocka_unit_test(commands_and_attempts_are_encoded_whole),
        cmocka_unit_test(cash_is_encoded_whole),
        cmocka_unit_test(more_cash_than_is_ever_listed_is_not_encoded),
        cmocka_unit_test(a_membership_is_encoded_whole),
        cmocka_unit_test(a_membership_takes_no_more_room_than_it_has_to),
        cmocka_unit_test(what_a_member_is_prepared_for_is_encoded_whole),
        cmocka_unit_test(of_a_proposal_that_is_decided_nothing_is_encoded),
        cmocka_unit_test(a_dissolving_is_encoded_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
