/* What seldom happens, and must be answered all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/channel.h"
#include "core/customer_state.h"
#include "core/record.h"
#include "core/table.h"
#include "tests/core/cluster.h"
#include "tests/core/office.h"

enum { A, B };

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    effects_free(NULL);
    record_file_free(NULL);
    customer_free(NULL);
}

/* --- a channel --- */

/* What was sent is overdue: first it is sent again. */
static void nothing_new_is_sent_before_a_timeout_is_dealt_with(void **state)
{
    (void)state;
    Channel channel;
    channel_init(&channel);
    channel_append(&channel, 1, ENTRY_TRANSFER);
    channel_append(&channel, 2, ENTRY_TRANSFER);
    assert_int_equal(channel_next_due(&channel, 0), 1);
    channel_sent(&channel, 1, 0, 0);
    assert_int_equal(channel_next_due(&channel, channel.resend_ns - 1), 2);
    assert_int_equal(channel_next_due(&channel, channel.resend_ns), 0);
    uint64_t now_ns = channel.resend_ns;
    channel_timeout(&channel, now_ns, RETRIES_UNLIMITED, false);
    assert_int_equal(channel_next_due(&channel, now_ns), 1);
    channel_deinit(&channel);
}

/* --- a customer --- */

static void who_has_no_account_stops_and_keeps_nothing(void **state)
{
    (void)state;
    Customer *customer = customer_new(&(CustomerConfig){.client = 1, .seed = 1});
    Effects *effects = effects_new();
    customer_step(customer, &(Event){.kind = EVENT_START}, effects);
    customer_step(customer, &(Event){.kind = EVENT_STOP}, effects);
    bool ended = false;
    for (size_t i = 0; i < effects_count(effects); i++) {
        assert_int_not_equal(effects_at(effects, i)->kind, EFFECT_SAVE);
        assert_int_not_equal(effects_at(effects, i)->kind, EFFECT_SEND);
        ended = ended || effects_at(effects, i)->kind == EFFECT_END;
    }
    assert_true(ended);
    effects_free(effects);
    customer_free(customer);
}

static void an_answer_that_says_nothing_is_dropped_and_asked_for_again(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Customer *customer = cluster->customers[A];
    cluster_command(cluster, A, "delete-cohort");
    Message answer = {.kind = MESSAGE_ANSWER};
    answer.answer.client = 1;
    answer.answer.number = customer->request.number;
    answer.answer.total = answer.answer.length = 3;
    memcpy(answer.answer.bytes, "\xff\xff\xff", 3);
    cluster_from_bank(cluster, A, &answer);
    assert_int_equal(customer_dropped(customer, DROP_MALFORMED), 1);
    assert_true(customer->request.active);
    assert_int_equal(customer->request.answer_have, 0);
    cluster_free(cluster);
}

static void an_account_that_is_no_longer_asked_for_is_declined(void **state)
{
    (void)state;
    Customer *customer =
        customer_new(&(CustomerConfig){.client = 7, .seed = 1, .port1 = 8501, .port2 = 8502});
    Effects *effects = effects_new();
    customer_step(customer, &(Event){.kind = EVENT_START}, effects);
    Message message = {.kind = MESSAGE_PROPOSE};
    message.propose.proposal = PROPOSAL_OPEN;
    message.propose.id = 1;
    message.propose.client = 7; /* as if this process had asked for it */
    message.propose.number = 1;
    assert_true(name_set(&message.propose.name, "a"));
    WireWriter writer;
    wire_begin(&writer, &(Header){.sender = SENDER_BANK});
    assert_true(wire_add(&writer, &message));
    size_t length = wire_end(&writer);
    Event event = {
        .kind = EVENT_DATAGRAM, .port = PORT_BANK, .bytes = writer.bytes, .length = length};
    customer_step(customer, &event, effects);
    assert_false(customer->membership.proposal.pending);
    const Effect *vote = effects_at(effects, 0);
    assert_int_equal(vote->kind, EFFECT_SEND);
    WireReader reader;
    Header header;
    assert_int_equal(wire_open(&reader, vote->send.bytes, vote->send.length, &header), DROP_NONE);
    assert_true(wire_next(&reader, &message));
    assert_int_equal(message.kind, MESSAGE_VOTE);
    assert_false(message.vote_bank.yes);
    assert_int_equal(message.vote_bank.refusal, REFUSAL_DECLINED);
    effects_free(effects);
    customer_free(customer);
}

/* --- the bank --- */

static void an_account_needs_a_name(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    request.request.command.name = (Name){0};
    office_say(office, 1, &request);
    office_expect_failure(office_answer(office, 1), REFUSAL_NAME_NEEDED);
    office_free(office);
}

static void what_is_decided_stays_so_when_the_bank_stops(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_command(office, "open c1 100 127.0.0.1 8502 8503");
    uint64_t id = office_last(office, MESSAGE_PROPOSE, 1)->message.propose.id;
    Message vote = office_vote(1, PROPOSAL_OPEN, id, REFUSAL_NONE);
    office_say(office, 1, &vote); /* and its acknowledgement of the outcome does not come */
    office_stop(office);
    assert_int_equal(office_count(office, MESSAGE_OUTCOME, 1), 0);
    assert_int_equal(office_row(office, 1).balance, 10000);
    assert_true(office->ended);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_nothing_is_fine),
        cmocka_unit_test(nothing_new_is_sent_before_a_timeout_is_dealt_with),
        cmocka_unit_test(who_has_no_account_stops_and_keeps_nothing),
        cmocka_unit_test(an_answer_that_says_nothing_is_dropped_and_asked_for_again),
        cmocka_unit_test(an_account_that_is_no_longer_asked_for_is_declined),
        cmocka_unit_test(an_account_needs_a_name),
        cmocka_unit_test(what_is_decided_stays_so_when_the_bank_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
