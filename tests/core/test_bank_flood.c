/* Floods of datagrams at the bank: what strangers, and those who lie about where they are, can make
 * it say, remember and write down. */
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "core/bank_cookie.h"
#include "core/bank_operation.h"
#include "tests/core/office.h"
#include "tests/core/stranger.h"

enum {
    LIAR = 50, /* an address that never answers */
    DATAGRAMS = 20000,
    FLOOD = 50000,
    BANK_BYTES_MAX = 2 * 1024 * 1024
};

static size_t state_bytes(const Bank *bank)
{
    Coder coder = coder_encode_growing();
    bank_encode(bank, &coder);
    size_t length = coder.length;
    coder_deinit(&coder);
    return length;
}

/* --- cookies --- */

static void the_hash_is_that_of_its_authors(void **state)
{
    (void)state;
    const CookieKey key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    assert_int_equal(cookie_hash(&key, key.words[0], key.words[1]),
                     UINT64_C(0x3f2acc7f57c29bdb)); /* vectors_sip64[16] */
}

static void a_cookie_holds_for_its_address_alone_and_not_for_ever(void **state)
{
    (void)state;
    const CookieKey key = cookie_key(1), other = cookie_key(2);
    const Address here = {0x7f000001, 8502}, there = {0x7f000001, 8503};
    uint64_t now_ns = 90 * COOKIE_PERIOD_NS;
    uint64_t cookie = cookie_make(&key, here, now_ns);
    assert_true(cookie_holds(&key, here, now_ns, cookie));
    assert_false(cookie_holds(&key, there, now_ns, cookie));
    assert_false(cookie_holds(&other, here, now_ns, cookie));
    assert_false(cookie_holds(&key, here, now_ns, 0));
    assert_true(cookie_holds(&key, here, now_ns + 2 * COOKIE_PERIOD_NS - 1, cookie));
    assert_false(cookie_holds(&key, here, now_ns + 2 * COOKIE_PERIOD_NS, cookie));
}

/* --- liars --- */

static size_t say_as(Office *office, int customer, uint64_t cookie, const Message *message)
{
    WireWriter writer;
    wire_begin(&writer, &(Header){.sender = SENDER_CLIENT, .cookie = cookie});
    assert_true(wire_add(&writer, message));
    size_t length = wire_end(&writer);
    office_receive(office, office_address(customer), writer.bytes, length);
    return length;
}

static void a_request_from_who_knows_where_is_challenged_and_forgotten(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    const Message request = office_request(LIAR, 1, COMMAND_OPEN, LIAR);
    size_t records = office->journal->len;
    (void)say_as(office, LIAR, 0, &request);
    assert_int_equal(office->sent->len, 1);
    assert_int_equal(office_count(office, MESSAGE_CHALLENGE, LIAR), 1);
    assert_int_equal(office->journal->len, records);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    (void)say_as(office, LIAR, office_cookie(office, 1), &request); /* of another address */
    assert_int_equal(office_count(office, MESSAGE_CHALLENGE, LIAR), 1);
    assert_int_equal(bank_dropped(office->bank, DROP_COOKIE), 2);
    (void)say_as(office, LIAR, office_cookie(office, LIAR), &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, LIAR), 1);
    office_free(office);
}

/* Even the answer that is already there is not sent to a place that somebody else named. */
static void an_answer_is_sent_to_no_place_that_has_not_answered(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    const Message request = office_request(1, 1, COMMAND_EXIT, 9);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 1), 1);
    (void)say_as(office, LIAR, office_cookie(office, 1), &request); /* a real one, replayed */
    assert_int_equal(office_count(office, MESSAGE_ANSWER, LIAR), 0);
    office_free(office);
}

static void nobody_is_sent_more_than_was_said_in_his_name(void **state)
{
    (void)state;
    static const MessageKind kinds[] = {MESSAGE_REQUEST, MESSAGE_VOTE, MESSAGE_OUTCOME_ACK,
                                        MESSAGE_STATUS,  MESSAGE_LEFT, MESSAGE_REPORT,
                                        MESSAGE_BYE};
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    Truth truth = {.cohort = 1, .attempt = attempt, .id = 3, .number = 1, .version = 1, .count = 8};
    size_t said = 0;
    stranger_seed(3);
    for (int i = 0; i < DATAGRAMS; i++) {
        Message message;
        int victim = 1 + (int)below(8);
        truth.client = (uint64_t)(1000 + victim);
        truth.member = (uint16_t)below(3);
        for (int j = 0; j < truth.count; j++)
            truth.names[j] = office_name(one_in(2) ? victim : j + 1);
        draw_message(&truth, kinds[below(G_N_ELEMENTS(kinds))], &message);
        uint64_t cookie = one_in(2) ? office_cookie(office, 1) : 0;
        said += say_as(office, LIAR, cookie, &message);
        assert_true(office_bytes(office, LIAR) <= said);
        if (one_in(50))
            office_wait(office, below(NS_PER_S));
        assert_true(office_bytes(office, LIAR) <= said);
    }
    office_free(office);
}

/* A customer may have an account opened for a process elsewhere; but not have it bombarded. */
static void an_open_elsewhere_is_proposed_as_often_as_it_is_asked_for(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, LIAR);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, LIAR), 1);
    office_wait(office, 5 * NS_PER_S);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, LIAR), 0);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, LIAR), 1);
    office_wait(office, 20 * NS_PER_S);
    assert_int_equal(office->sent->len, 1);
    office_expect_failure(office_answer(office, 1), REFUSAL_NO_ANSWER);
    office_free(office);
}

/* Whoever knows the id of the proposal could say yes in its name. */
static void an_account_is_not_opened_where_nobody_has_answered(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, LIAR);
    office_say(office, 1, &request);
    uint64_t right = office_cookie(office, LIAR);
    Message yes = office_vote(LIAR, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    (void)say_as(office, LIAR, office_cookie(office, 1), &yes);
    assert_int_equal(bank_row_count(office->bank), 0);
    (void)say_as(office, LIAR, right, &yes);
    assert_int_equal(bank_row_count(office->bank), 1);
    office_free(office);
}

/* --- strangers who do not lie --- */

static void a_flood_of_clients_costs_a_bounded_amount_of_memory(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message request = office_request(LIAR, 1, COMMAND_OPEN, LIAR);
    for (int i = 0; i < FLOOD; i++) {
        request.request.client = 100000 + (uint64_t)i;
        request.request.command.kind = i % 2 == 0 ? COMMAND_OPEN : COMMAND_EXIT;
        request.request.command.name = office_name(1000 + i);
        office_say(office, LIAR, &request);
        g_ptr_array_set_size(office->journal, 0); /* the driver's, which compacts it */
        g_byte_array_set_size(office->trail, 0);
    }
    assert_in_range(state_bytes(office->bank), 1, BANK_BYTES_MAX);
    Message customers = office_request(1, 1, COMMAND_EXIT, 1);
    office_say(office, 1, &customers); /* is served all the same */
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 1);
    office_free(office);
}

/* One client that gives every request up for the next leaves them all under way. */
static void more_operations_than_the_limit_are_refused(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message request = office_request(1, 0, COMMAND_OPEN, LIAR);
    for (int i = 1; i <= OPERATIONS_MAX + 1; i++) {
        request.request.number = (uint64_t)i;
        request.request.command.name = office_name(1000 + i);
        office_say(office, 1, &request);
    }
    office_expect_failure(office_answer(office, 1), REFUSAL_BANK_FULL);
    office_wait(office, 30 * NS_PER_S);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    request.request.number++;
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, LIAR), 1);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_that_of_its_authors),
        cmocka_unit_test(a_cookie_holds_for_its_address_alone_and_not_for_ever),
        cmocka_unit_test(a_request_from_who_knows_where_is_challenged_and_forgotten),
        cmocka_unit_test(an_answer_is_sent_to_no_place_that_has_not_answered),
        cmocka_unit_test(nobody_is_sent_more_than_was_said_in_his_name),
        cmocka_unit_test(an_open_elsewhere_is_proposed_as_often_as_it_is_asked_for),
        cmocka_unit_test(an_account_is_not_opened_where_nobody_has_answered),
        cmocka_unit_test(a_flood_of_clients_costs_a_bounded_amount_of_memory),
        cmocka_unit_test(more_operations_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
