/* Accounts, datagrams and the console. Requests of clients: test_bank_request.c. Cohorts:
 * test_bank_form.c and test_bank_dissolve.c. State and journal: test_bank_state.c. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/office.h"

static size_t rows(const Office *office)
{
    return bank_row_count(office->bank);
}

static void refused_at_console(Office *office, const char *line, Refusal refusal)
{
    office_command(office, line);
    office_expect_failure(office_notice(office), refusal);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(office->saved_at->len, 0);
}

/* --- open --- */

static void open_asks_the_process_and_its_yes_makes_the_account(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_command(office, "open c1 100.50 127.0.0.1 8502 8503");
    const Message *propose = &office_last(office, MESSAGE_PROPOSE, 1)->message;
    assert_int_equal(propose->propose.proposal, PROPOSAL_OPEN);
    assert_int_equal(propose->propose.balance, 10050);
    assert_int_equal(office->notices->len, 0);
    assert_int_equal(rows(office), 0);

    Message yes = office_vote(1, PROPOSAL_OPEN, propose->propose.id, REFUSAL_NONE);
    office_say(office, 1, &yes);
    Notice notice = office_notice(office);
    assert_int_equal(notice.kind, NOTICE_SUCCESS);
    assert_string_equal(notice.name.text, "c1");
    assert_int_equal(notice.balance, 10050);
    assert_true(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    BankRow row = office_row(office, 1);
    assert_int_equal(row.balance, 10050);
    assert_int_equal(row.port1, 8502);
    assert_int_equal(row.port2, 8503);
    assert_false(row.exited);
    office_free(office);
}

static void the_record_is_saved_before_anyone_is_told(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &request);
    const OfficeSent *propose = office_last(office, MESSAGE_PROPOSE, 1);
    assert_int_equal(office->saved_at->len, 1); /* the counter, before its id is used */
    assert_true(g_array_index(office->saved_at, size_t, 0) < propose->effect);
    Message yes = office_vote(1, PROPOSAL_OPEN, propose->message.propose.id, REFUSAL_NONE);
    office_say(office, 1, &yes);
    assert_int_equal(office->saved_at->len, 1); /* row and answer in one */
    size_t saved_at = g_array_index(office->saved_at, size_t, 0);
    assert_true(saved_at < office_last(office, MESSAGE_ANSWER, 1)->effect);
    assert_true(saved_at < office_last(office, MESSAGE_OUTCOME, 1)->effect);
    office_free(office);
}

static void an_open_with_nobody_there_leaves_no_account(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_command(office, "open c1 100 127.0.0.1 8502 8503");
    office_wait(office, 11 * NS_PER_S);
    Notice notice = office_notice(office);
    office_expect_failure(notice, REFUSAL_NO_ANSWER);
    assert_string_equal(notice.name.text, "c1");
    assert_int_equal(notice.member_count, 1);
    assert_int_equal(notice.members[0].port1, 8502);
    assert_int_equal(rows(office), 0);
    assert_true(office_count(office, MESSAGE_PROPOSE, 1) >= 3); /* it was asked again */
    assert_int_equal(office_count(office, MESSAGE_OUTCOME, 1), 0);
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE); /* it was there all the same */
    office_say(office, 1, &yes);
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    assert_int_equal(rows(office), 0);
    office_free(office);
}

static void an_open_that_is_declined_leaves_no_account(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_command(office, "open c1 100 127.0.0.1 8502 8503");
    Message no = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_HAS_ACCOUNT);
    office_say(office, 1, &no);
    office_expect_failure(office_notice(office), REFUSAL_HAS_ACCOUNT);
    assert_int_equal(rows(office), 0);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    office_free(office);
}

static void an_open_that_cannot_be_is_refused_at_once(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    refused_at_console(office, "open c1 5 127.0.0.1 8600 8601", REFUSAL_NAME_TAKEN);
    refused_at_console(office, "open c2 5 127.0.0.1 8600 8600", REFUSAL_BAD_PORTS);
    refused_at_console(office, "open c2 5 127.0.0.1 8499 8600", REFUSAL_BAD_PORTS);
    refused_at_console(office, "open c2 5 127.0.0.1 8600 9000", REFUSAL_BAD_PORTS);
    Message request = office_request(2, 1, COMMAND_OPEN, 2);
    office_say(office, 2, &request);
    refused_at_console(office, "open c2 5 127.0.0.1 8600 8601", REFUSAL_BUSY_ELSEWHERE);
    office_free(office);
}

static void a_process_that_has_an_account_is_given_no_second_one(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    office_command(office, "open c2 5 127.0.0.1 8502 8503");
    uint64_t id = office_last(office, MESSAGE_PROPOSE, 1)->message.propose.id;
    Message yes = office_vote(1, PROPOSAL_OPEN, id, REFUSAL_NONE);
    yes.vote_bank.name = office_name(2);
    office_say(office, 1, &yes);
    office_expect_failure(office_notice(office), REFUSAL_HAS_ACCOUNT);
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    assert_int_equal(rows(office), 1);
    office_free(office);
}

static void the_outcome_is_repeated_until_acknowledged(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_command(office, "open c1 100 127.0.0.1 8502 8503");
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    office_wait(office, NS_PER_S);
    assert_true(office_count(office, MESSAGE_OUTCOME, 1) >= 2);
    char why[80];
    assert_false(bank_idle(office->bank, why, sizeof why));
    assert_string_equal(why, "open c1 waits for the acknowledgement of c1");
    Message ack = office_outcome_ack(1, PROPOSAL_OPEN, 1);
    office_say(office, 1, &ack);
    office_wait(office, 10 * NS_PER_S);
    assert_int_equal(office->sent->len, 0);
    assert_true(bank_idle(office->bank, why, sizeof why));
    office_say(office, 1, &ack);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    office_free(office);
}

static void a_late_yes_is_answered_from_the_registry(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    assert_true(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    yes = office_vote(1, PROPOSAL_OPEN, 2, REFUSAL_NONE); /* an id that came to nothing */
    office_say(office, 1, &yes);
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE); /* another process's */
    yes.vote_bank.client = 5;
    office_say(office, 1, &yes);
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    office_free(office);
}

static void a_vote_of_the_wrong_process_or_too_late_is_dropped(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    office_command(office, "exit c1");
    Message vote = office_vote(1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    vote.vote_bank.client = 5;
    office_say(office, 5, &vote);
    vote.vote_bank.name = office_name(7);
    office_say(office, 7, &vote);
    assert_int_equal(bank_dropped(office->bank, DROP_SENDER), 2);
    assert_false(office_row(office, 1).exited);
    vote = office_vote(1, PROPOSAL_EXIT, 9, REFUSAL_BUSY);
    office_say(office, 1, &vote);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    vote = office_vote(7, PROPOSAL_JOIN, 9, REFUSAL_NONE); /* of nobody the bank knows */
    office_say(office, 7, &vote);
    assert_false(office_last(office, MESSAGE_OUTCOME, 7)->message.outcome.commit);
    office_free(office);
}

/* --- exit --- */

static void exit_closes_the_account_with_the_balance_of_the_yes(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message request = office_request(1, 1, COMMAND_EXIT, 1);
    office_say(office, 1, &request);
    uint64_t id = office_last(office, MESSAGE_PROPOSE, 1)->message.propose.id;
    Message yes = office_vote(1, PROPOSAL_EXIT, id, REFUSAL_NONE);
    yes.vote_bank.version = 2;
    yes.vote_bank.balance = 12345;
    office_say(office, 1, &yes);
    Notice answer = office_answer(office, 1);
    assert_int_equal(answer.kind, NOTICE_SUCCESS);
    assert_int_equal(answer.command, COMMAND_EXIT);
    assert_int_equal(answer.balance, 12345);
    assert_true(office_row(office, 1).exited);
    assert_int_equal(office_row(office, 1).balance, 12345);
    refused_at_console(office, "exit c1", REFUSAL_EXITED_NAME);
    refused_at_console(office, "exit c2", REFUSAL_UNKNOWN_NAME);
    office_say(office, 1, &yes);
    assert_true(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    office_free(office);
}

static void a_row_that_no_process_ran_exits_at_once(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow line = {
        .name = office_name(1), .balance = 77, .ip = OFFICE_IP, .port1 = 8502, .port2 = 8503};
    assert_int_equal(bank_load_row(office->bank, &line), BANK_LOAD_OK);
    office_command(office, "exit c1");
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    assert_int_equal(office_notice(office).balance, 77);
    assert_true(office_row(office, 1).exited);
    office_free(office);
}

static void a_process_that_said_bye_is_not_waited_for(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message bye = {.kind = MESSAGE_BYE};
    bye.report.client = 1001;
    bye.report.name = office_name(1);
    office_say(office, 1, &bye);
    refused_at_console(office, "exit c1", REFUSAL_NO_ANSWER);
    bye.report.client = 5;
    office_say(office, 1, &bye);
    assert_int_equal(bank_dropped(office->bank, DROP_SENDER), 1);
    office_free(office);
}

static void an_exited_name_may_be_opened_again_by_another_process(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    office_command(office, "exit c1");
    Message yes = office_vote(1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    /* Not while its process may not know yet that it is out. */
    office_command(office, "open c1 7 127.0.0.1 8504 8505"); /* at c2's process */
    assert_int_equal(office_notice(office).refusal, REFUSAL_BUSY_ELSEWHERE);
    Message known = {.kind = MESSAGE_OUTCOME_ACK,
                     .outcome = {PROPOSAL_EXIT, 1, office_name(1), true}};
    office_say(office, 1, &known);
    office_command(office, "open c1 7 127.0.0.1 8504 8505");
    Message opened = office_vote(2, PROPOSAL_OPEN, 2, REFUSAL_NONE);
    opened.vote_bank.name = office_name(1);
    office_say(office, 2, &opened);
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    assert_int_equal(rows(office), 1);
    assert_false(office_row(office, 1).exited);
    assert_int_equal(office_row(office, 1).balance, 700);
    /* The first process, should it still not know, must not go on with the old money. */
    office_say(office, 1, &yes);
    assert_true(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    office_free(office);
}

/* The name is another's only when the process that had it knows, as far as it can be waited for. */
static void an_exit_that_its_process_may_not_know_of_is_told_by_the_next_run(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    office_command(office, "exit c1");
    Message yes = office_vote(1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    Office *again = office_restart(office);
    refused_at_console(again, "open c1 7 127.0.0.1 8504 8505", REFUSAL_BUSY_ELSEWHERE);
    office_wait(again, NS_PER_S);
    assert_true(office_last(again, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    Message known = office_outcome_ack(1, PROPOSAL_EXIT, 1);
    office_say(again, 1, &known);
    Office *third = office_restart(again); /* it knows */
    office_command(third, "open c1 7 127.0.0.1 8504 8505");
    assert_int_equal(office_count(third, MESSAGE_PROPOSE, 0), 1);
    office_free(third);
    office_free(again);
    office_free(office);
}

static void an_exit_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    office_command(office, "exit c1");
    Message yes = office_vote(1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    office_wait(office, 11 * NS_PER_S);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    office_say(office, 1, &yes); /* comes back after all, and asks */
    assert_true(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    Office *again = office_restart(office);
    assert_true(bank_idle(again->bank, (char[80]){0}, 80));
    office_free(again);
    office_free(office);
}

/* --- datagrams and the console --- */

static void every_dropped_datagram_is_counted_by_its_reason(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const Message good = office_request(1, 1, COMMAND_EXIT, 1);
    static const struct {
        Header header;
        MessageKind kind;
        Port port;
        DropReason reason;
    } cases[] = {
        {{.sender = SENDER_CLIENT}, MESSAGE_REQUEST, PORT_PEER, DROP_PORT},
        {{.sender = 3}, MESSAGE_REQUEST, PORT_BANK, DROP_SENDER},
        {{.sender = SENDER_BANK}, MESSAGE_REQUEST, PORT_BANK, DROP_SENDER},
        {{.sender = SENDER_CLIENT, .cohort = 1}, MESSAGE_REQUEST, PORT_BANK, DROP_COHORT},
        {{.sender = SENDER_CLIENT}, MESSAGE_STATUS, PORT_BANK, DROP_COHORT},
        {{.sender = SENDER_CLIENT}, MESSAGE_LEFT, PORT_BANK, DROP_COHORT},
        {{.sender = SENDER_CLIENT}, MESSAGE_WORKING, PORT_BANK, DROP_SENDER},
        {{.sender = SENDER_CLIENT}, MESSAGE_BYE, PORT_BANK, DROP_SENDER},
        {{.sender = SENDER_CLIENT}, MESSAGE_OUTCOME_ACK, PORT_BANK, DROP_STALE},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        WireWriter writer;
        Message message = {.kind = cases[i].kind};
        if (cases[i].kind == MESSAGE_REQUEST)
            message = good;
        else if (cases[i].kind == MESSAGE_WORKING)
            message.working.client = 1;
        else if (cases[i].kind == MESSAGE_BYE)
            message.report.client = 1;
        wire_begin(&writer, &cases[i].header);
        assert_true(wire_add(&writer, &message));
        size_t length = wire_end(&writer);
        uint64_t before = bank_dropped(office->bank, cases[i].reason);
        Event event = {.kind = EVENT_DATAGRAM,
                       .now_ns = office->now_ns,
                       .port = cases[i].port,
                       .bytes = writer.bytes,
                       .length = length};
        bank_step(office->bank, &event, office->effects);
        assert_int_equal(bank_dropped(office->bank, cases[i].reason), before + 1);
        assert_int_equal(effects_count(office->effects), 1);
        const Effect *drop = effects_at(office->effects, 0);
        assert_int_equal(drop->kind, EFFECT_TRACE);
        assert_int_equal(drop->trace.datagram_bytes, length);
        assert_string_equal(drop->trace.reason, drop_reason_word(cases[i].reason));
        const bool opened = cases[i].port == PORT_BANK && cases[i].header.cohort == 0 &&
                            cases[i].header.sender == SENDER_CLIENT;
        assert_string_equal(drop->trace.datagram_kinds,
                            opened ? message_kind_word(cases[i].kind) : "?");
    }
    office_receive(office, office_address(1), (const uint8_t *)"rubbish", 7);
    assert_int_equal(bank_dropped(office->bank, DROP_SHORT), 1);
    office_free(office);
}

static void the_messages_of_one_datagram_are_judged_one_by_one(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message bad = {.kind = MESSAGE_BYE};
    bad.report.client = 5;
    bad.report.name = office_name(1);
    Message good = {.kind = MESSAGE_REPORT};
    good.report.client = 1001;
    good.report.name = office_name(1);
    good.report.version = 2;
    good.report.balance = 1;
    WireWriter writer;
    wire_begin(&writer, &(Header){.sender = SENDER_CLIENT});
    assert_true(wire_add(&writer, &bad) && wire_add(&writer, &good));
    size_t length = wire_end(&writer);
    office_receive(office, office_address(1), writer.bytes, length);
    assert_int_equal(bank_dropped(office->bank, DROP_SENDER), 1);
    assert_int_equal(office_row(office, 1).balance, 1);
    office_free(office);
}

static void a_command_that_is_a_customers_is_refused_at_the_bank(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Event event = {.kind = EVENT_COMMAND,
                   .now_ns = office->now_ns,
                   .command = {.kind = COMMAND_BALANCE, .tag = 3}};
    bank_step(office->bank, &event, office->effects);
    assert_int_equal(effects_count(office->effects), 1);
    const Notice *notice = &effects_at(office->effects, 0)->notice;
    assert_int_equal(notice->refusal, REFUSAL_NO_ACCOUNT);
    assert_int_equal(notice->tag, 3);
    office_free(office);
}

static void stopping_refuses_what_waits_and_aborts_what_is_undecided(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(2, 1, COMMAND_OPEN, 2);
    office_say(office, 2, &request);
    office_command(office, "open c1 100 127.0.0.1 8502 8503");
    office_command(office, "exit c9");
    office_stop(office);
    assert_true(office->ended);
    assert_int_equal(office->notices->len, 2);
    for (guint i = 0; i < 2; i++)
        assert_int_equal(g_array_index(office->notices, Notice, i).refusal, REFUSAL_STOPPING);
    /* A client is told nothing: what it asked for is done when it asks the next run. */
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 2), 0);
    Office *again = office_restart(office);
    Message yes = office_vote(1, PROPOSAL_OPEN, 2, REFUSAL_NONE);
    office_say(again, 1, &yes);
    assert_false(office_last(again, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    office_say(again, 2, &request);
    assert_int_equal(office_count(again, MESSAGE_PROPOSE, 2), 1);
    office_free(again);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_asks_the_process_and_its_yes_makes_the_account),
        cmocka_unit_test(the_record_is_saved_before_anyone_is_told),
        cmocka_unit_test(an_open_with_nobody_there_leaves_no_account),
        cmocka_unit_test(an_open_that_is_declined_leaves_no_account),
        cmocka_unit_test(an_open_that_cannot_be_is_refused_at_once),
        cmocka_unit_test(a_process_that_has_an_account_is_given_no_second_one),
        cmocka_unit_test(the_outcome_is_repeated_until_acknowledged),
        cmocka_unit_test(a_late_yes_is_answered_from_the_registry),
        cmocka_unit_test(a_vote_of_the_wrong_process_or_too_late_is_dropped),
        cmocka_unit_test(exit_closes_the_account_with_the_balance_of_the_yes),
        cmocka_unit_test(a_row_that_no_process_ran_exits_at_once),
        cmocka_unit_test(a_process_that_said_bye_is_not_waited_for),
        cmocka_unit_test(an_exited_name_may_be_opened_again_by_another_process),
        cmocka_unit_test(an_exit_that_its_process_may_not_know_of_is_told_by_the_next_run),
        cmocka_unit_test(an_exit_is_not_waited_for_for_ever),
        cmocka_unit_test(every_dropped_datagram_is_counted_by_its_reason),
        cmocka_unit_test(the_messages_of_one_datagram_are_judged_one_by_one),
        cmocka_unit_test(a_command_that_is_a_customers_is_refused_at_the_bank),
        cmocka_unit_test(stopping_refuses_what_waits_and_aborts_what_is_undecided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
