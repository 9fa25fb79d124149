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

/* --- bytes and lines --- */

static void what_is_in_no_range_is_not_encoded(void **state)
{
    (void)state;
    const int wrong[] = {-1, 3, 300};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        uint8_t bytes[8];
        int value = wrong[i];
        Coder coder = coder_encode_fixed(bytes, sizeof bytes);
        code_enum(&coder, &value, 3);
        assert_true(coder.failed);
        coder_deinit(&coder); /* whose bytes are not its own */
    }
}

static void a_reason_that_is_not_known_is_empty(void **state)
{
    (void)state;
    g_autoptr(GString) line = g_string_new(NULL);
    Name name = {"a"};
    trace_write(line, 0, 0, &name, &(TraceEvent){.kind = TRACE_DROP, .peer = name});
    assert_non_null(strstr(line->str, ",\"reason\":\"\"}\n"));
}

/* --- a channel --- */

/* Two states that are the same, and then differ in one thing. */
static void expect_differ(void (*change)(Channel *channel))
{
    Channel channels[2];
    for (int i = 0; i < 2; i++) {
        const uint64_t skip = 3;
        channel_init(&channels[i]);
        channel_append(&channels[i], 10, ENTRY_TRANSFER);
        g_array_append_val(channels[i].state.skips, skip);
    }
    assert_true(channel_state_equal(&channels[0].state, &channels[1].state));
    change(&channels[1]);
    assert_false(channel_state_equal(&channels[0].state, &channels[1].state));
    assert_false(channel_state_equal(&channels[1].state, &channels[0].state));
    channel_deinit(&channels[0]);
    channel_deinit(&channels[1]);
}

static void change_out(Channel *channel)
{
    channel->state.out++;
}

static void change_in(Channel *channel)
{
    channel->state.in++;
}

static void change_last_received(Channel *channel)
{
    channel->state.last_received++;
}

static void change_base(Channel *channel)
{
    channel->state.base++;
}

static void change_log_length(Channel *channel)
{
    g_array_set_size(channel->state.log, 0);
}

static void change_skip_count(Channel *channel)
{
    g_array_set_size(channel->state.skips, 0);
}

static void change_skip(Channel *channel)
{
    g_array_index(channel->state.skips, uint64_t, 0)++;
}

static void change_amount(Channel *channel)
{
    channel_entry(&channel->state, 1)->payload++;
}

static void change_kind(Channel *channel)
{
    channel_entry(&channel->state, 1)->kind = ENTRY_GIVEN_UP;
}

static void change_fate(Channel *channel)
{
    channel_entry(&channel->state, 1)->lost = true;
}

static void states_that_differ_in_anything_are_not_equal(void **state)
{
    (void)state;
    void (*const changes[])(Channel * channel) = {
        change_out,        change_in,   change_last_received, change_base, change_log_length,
        change_skip_count, change_skip, change_amount,        change_kind, change_fate};
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
        expect_differ(changes[i]);
}

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

/* However far away the peer is. */
static void no_peer_is_waited_for_longer_than_the_longest_timeout(void **state)
{
    (void)state;
    Channel channel;
    channel_init(&channel);
    channel_append(&channel, 1, ENTRY_TRANSFER);
    channel_sent(&channel, 1, 0, 0);
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    channel_acknowledged(&channel, &(Coverage){.upto = 1}, 60 * NS_PER_S, lost);
    assert_int_equal(channel.state.out, channel.acked);
    assert_int_equal(channel.rto_ns, RTO_MAX_NS);
    channel_deinit(&channel);
}

/* --- a customer --- */

static void commands_without_an_account_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"deposit 1",         "withdrawal 1", "transfer 1 b",
                                        "lost-transfer 1 b", "checkpoint",   "rollback",
                                        "balance",           "exit",         "delete-cohort"};
    Customer *customer = customer_new(&(CustomerConfig){.client = 1, .seed = 1});
    Effects *effects = effects_new();
    customer_step(customer, &(Event){.kind = EVENT_START}, effects);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        Event event = {.kind = EVENT_COMMAND};
        CommandError error;
        assert_true(command_parse(lines[i], PLACE_CUSTOMER, &event.command, &error));
        customer_step(customer, &event, effects);
        const Effect *told = effects_at(effects, 0);
        assert_int_equal(told->kind, EFFECT_NOTIFY);
        assert_int_equal(told->notice.kind, NOTICE_FAILURE);
        assert_int_equal(told->notice.refusal, REFUSAL_NO_ACCOUNT);
    }
    effects_free(effects);
    customer_free(customer);
}

static void an_account_is_opened_under_the_name_of_the_process_or_a_given_one(void **state)
{
    (void)state;
    for (int named = 0; named < 2; named++) {
        CustomerConfig config = {
            .client = 1, .seed = 1, .ip = 0x7f000001, .port1 = 8501, .port2 = 8502};
        assert_true(!named || name_set(&config.resume, "a"));
        Customer *customer = customer_new(&config);
        Effects *effects = effects_new();
        Event event = {.kind = EVENT_COMMAND};
        CommandError error;
        customer_step(customer, &(Event){.kind = EVENT_START}, effects);
        customer->request.active = false; /* its resume is over */
        assert_true(command_parse("open 5", PLACE_CUSTOMER, &event.command, &error));
        customer_step(customer, &event, effects);
        if (named) {
            assert_true(customer->request.active);
            assert_string_equal(customer->request.command.name.text, "a");
            assert_int_equal(customer->request.command.port1, 8501);
        } else {
            assert_int_equal(effects_at(effects, 0)->notice.refusal, REFUSAL_NAME_NEEDED);
        }
        effects_free(effects);
        customer_free(customer);
    }
}

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

/* --- the CSV --- */

static void a_stray_byte_is_told_wherever_it_is(void **state)
{
    (void)state;
    static const char header[] = "name,balance,ip_address,port1,port2,cohort,exit_state\n";
    static const char *const rows[] = {
        "a\rb%c,1,127.0.0.1,8501,8502,,0\n", "a%c\rb,1,127.0.0.1,8501,8502,,0\n",
        "a%cb,1,127.0.0.1,8501,8502,,0\r\n", "a%cb,1,127.0.0.1,8501,8502,,\r0"};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) text = g_string_new(header);
        g_autoptr(GString) error = g_string_new(NULL);
        g_string_append_printf(text, rows[i], 0);
        assert_null(table_rows("x.csv", (const uint8_t *)text->str, text->len, error));
        assert_true(g_str_has_prefix(error->str, "x.csv:2: column 1 (name): "));
    }
}

static void a_name_that_comes_twice_is_told(void **state)
{
    (void)state;
    static const char text[] = "name,balance,ip_address,port1,port2,cohort,exit_state\n"
                               "a,1,127.0.0.1,8501,8502,,0\n"
                               "b,1,127.0.0.1,8501,8502,,0\n"
                               "a,2,127.0.0.1,8501,8502,,0\n";
    g_autoptr(GString) error = g_string_new(NULL);
    assert_null(table_rows("x.csv", (const uint8_t *)text, strlen(text), error));
    assert_non_null(strstr(error->str, TABLE_DUPLICATE));
    assert_true(g_str_has_prefix(error->str, "x.csv:4: "));
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
        cmocka_unit_test(what_is_in_no_range_is_not_encoded),
        cmocka_unit_test(a_reason_that_is_not_known_is_empty),
        cmocka_unit_test(states_that_differ_in_anything_are_not_equal),
        cmocka_unit_test(nothing_new_is_sent_before_a_timeout_is_dealt_with),
        cmocka_unit_test(no_peer_is_waited_for_longer_than_the_longest_timeout),
        cmocka_unit_test(commands_without_an_account_are_refused),
        cmocka_unit_test(an_account_is_opened_under_the_name_of_the_process_or_a_given_one),
        cmocka_unit_test(who_has_no_account_stops_and_keeps_nothing),
        cmocka_unit_test(an_answer_that_says_nothing_is_dropped_and_asked_for_again),
        cmocka_unit_test(an_account_that_is_no_longer_asked_for_is_declined),
        cmocka_unit_test(a_stray_byte_is_told_wherever_it_is),
        cmocka_unit_test(a_name_that_comes_twice_is_told),
        cmocka_unit_test(an_account_needs_a_name),
        cmocka_unit_test(what_is_decided_stays_so_when_the_bank_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
