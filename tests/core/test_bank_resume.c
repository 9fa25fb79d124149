/* A process tells the bank where it is, and whose account it runs; and that it goes. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/office.h"

static Message resume_request(int customer, uint64_t client, bool has_state)
{
    Message request = office_request(customer, 1, COMMAND_RESUME, customer);
    request.request.client = client;
    request.request.has_state = has_state;
    request.request.port1 = 8700;
    request.request.port2 = 8701;
    return request;
}

/* What the bank says, after the process has prepared itself when it was asked to. */
static Notice resume_as(Office *office, int customer, uint64_t client, bool has_state)
{
    static uint64_t number = 1;
    Message request = resume_request(customer, client, has_state);
    request.request.number = ++number;
    request.request.port1 = office_address(customer).port;
    office_say(office, customer, &request);
    if (office_count(office, MESSAGE_PROPOSE, customer) > 0) {
        uint64_t id = office_last(office, MESSAGE_PROPOSE, customer)->message.propose.id;
        Message yes = office_vote(customer, PROPOSAL_OPEN, id, REFUSAL_NONE);
        yes.vote_bank.client = client;
        office_say(office, customer, &yes);
    }
    return office_answer(office, customer);
}

static void expect_resume(Office *office, int customer, uint64_t client, bool has_state,
                          Refusal refusal)
{
    assert_int_equal(resume_as(office, customer, client, has_state).refusal, refusal);
}

static void resume_tells_the_bank_where_the_process_is_now(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message request = resume_request(1, 1001, true);
    office_say(office, 1, &request);
    assert_int_equal(office_answer(office, 1).refusal, REFUSAL_NONE);
    assert_int_equal(office_row(office, 1).port1, 8700);
    assert_int_equal(office_row(office, 1).port2, 8701);
    office_free(office);
}

static void resume_tells_the_process_its_balance_and_where_its_cohort_is(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    Message request = office_request(2, 1, COMMAND_RESUME, 2);
    request.request.has_state = true;
    office_say(office, 2, &request);
    Notice answer = office_answer(office, 2);
    assert_int_equal(answer.kind, NOTICE_SUCCESS);
    assert_int_equal(answer.balance, 10000);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.member_count, 3);
    for (int i = 1; i <= 3; i++) {
        const Member *member = &answer.members[i - 1];
        assert_string_equal(member->name.text, office_name(i).text);
        assert_int_equal(member->port1, office_address(i).port);
        assert_int_equal(member->port2, office_address(i).port + 1);
    }
    office_free(office);
}

static void a_process_with_an_account_resumes_no_other(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow line = {
        .name = office_name(3), .balance = 77, .ip = OFFICE_IP, .port1 = 8506, .port2 = 8507};
    assert_int_equal(bank_load_row(office->bank, &line), BANK_LOAD_OK);
    office_open(office, 1, "100");
    expect_resume(office, 3, 1001, false, REFUSAL_HAS_ACCOUNT);
    expect_resume(office, 3, 1001, true, REFUSAL_HAS_ACCOUNT);
    office_command(office, "exit c1");
    Message yes = office_vote(1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    expect_resume(office, 3, 1001, false, REFUSAL_NONE); /* it has none any more */
    office_free(office);
}

static void whoever_has_not_left_its_dissolved_cohort_resumes_only_from_its_state(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 2), 2);
    for (uint16_t i = 0; i < 2; i++) {
        Message vote = office_status(1, i, 2, attempt, 2, STATUS_VOTED, 10000);
        office_say(office, i + 1, &vote);
    }
    assert_int_equal(office_row(office, 2).cohort, 0);
    Message bye = {.kind = MESSAGE_BYE, .report = {.client = 1002, .name = office_name(2)}};
    office_say(office, 2, &bye);
    expect_resume(office, 2, 2002, false, REFUSAL_STATE_ELSEWHERE);
    Message left = {.kind = MESSAGE_LEFT, .left = {.cohort = 1, .member = 1}};
    office_say(office, 2, &left);
    expect_resume(office, 2, 2002, false, REFUSAL_NONE);
    office_free(office);
}

static void a_process_that_has_come_back_is_asked_again(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message bye = {.kind = MESSAGE_BYE, .report = {.client = 1001, .name = office_name(1)}};
    office_say(office, 1, &bye);
    assert_int_equal(office->saved_at->len, 1);
    office_say(office, 1, &bye); /* said twice, saved once */
    assert_int_equal(office->saved_at->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    expect_resume(office, 1, 1001, true, REFUSAL_NONE);
    office_command(office, "exit c1");
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 1);
    office_free(office);
}

static void resume_is_refused_to_all_but_the_one_that_may(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    expect_resume(office, 2, 2000, true, REFUSAL_UNKNOWN_NAME);
    expect_resume(office, 1, 2001, true, REFUSAL_RUNNING_ELSEWHERE);
    expect_resume(office, 1, 2002, false, REFUSAL_RUNNING_ELSEWHERE);
    Message bye = {.kind = MESSAGE_BYE};
    bye.report.client = 1001;
    bye.report.name = office_name(1);
    office_say(office, 1, &bye);
    expect_resume(office, 1, 2001, true, REFUSAL_RUNNING_ELSEWHERE);
    expect_resume(office, 1, 2002, false, REFUSAL_NONE); /* the account moves to this process */
    expect_resume(office, 1, 1001, true, REFUSAL_RUNNING_ELSEWHERE);
    office_free(office);
}

/* Its CSV alone is left of the bank: nothing says which process runs whose account. */
static void without_its_journal_the_bank_takes_back_who_has_state(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow line = {.name = office_name(1), .balance = 10000, .ip = OFFICE_IP, .port1 = 8500};
    assert_int_equal(bank_load_row(office->bank, &line), BANK_LOAD_OK);
    expect_resume(office, 1, 1001, true, REFUSAL_NONE);
    expect_resume(office, 1, 2002, true, REFUSAL_RUNNING_ELSEWHERE);
    office_free(office);
}

static void resume_needs_ports_that_the_bank_allows(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message request = resume_request(1, 1001, true);
    request.request.port2 = 9000;
    office_say(office, 1, &request);
    office_expect_failure(office_answer(office, 1), REFUSAL_BAD_PORTS);
    assert_int_equal(office_row(office, 1).port2, 8503);
    office_free(office);
}

static void a_member_of_a_cohort_resumes_only_from_its_state(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 2);
    expect_resume(office, 2, 1002, false, REFUSAL_STATE_ELSEWHERE);
    expect_resume(office, 2, 1002, true, REFUSAL_NONE);
    office_free(office);
}

static void an_exited_account_is_not_resumed(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    office_command(office, "exit c1");
    expect_resume(office, 1, 2000, false, REFUSAL_RUNNING_ELSEWHERE);
    expect_resume(office, 1, 1001, false, REFUSAL_BUSY_ELSEWHERE);
    Message yes = office_vote(1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    expect_resume(office, 1, 1001, true, REFUSAL_EXITED_NAME);
    office_free(office);
}

static void resume_without_state_gets_the_balance_and_its_version(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow line = {
        .name = office_name(1), .balance = 77, .ip = OFFICE_IP, .port1 = 8502, .port2 = 8503};
    assert_int_equal(bank_load_row(office->bank, &line), BANK_LOAD_OK);
    Notice answer = resume_as(office, 1, 3000, false);
    assert_int_equal(answer.kind, NOTICE_SUCCESS);
    assert_int_equal(answer.balance, 77);
    assert_int_equal(answer.count, 1);
    assert_int_equal(office_row(office, 1).balance, 77);
    office_free(office);
}

/* Without state a process that dies leaves nothing to know it by. */
static void a_process_that_dies_while_it_resumes_without_state_does_not_keep_the_name(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow line = {
        .name = office_name(1), .balance = 77, .ip = OFFICE_IP, .port1 = 8502, .port2 = 8503};
    assert_int_equal(bank_load_row(office->bank, &line), BANK_LOAD_OK);
    Message request = resume_request(1, 3000, false);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 1);
    expect_resume(office, 2, 3001, true, REFUSAL_UNKNOWN_NAME);
    expect_resume(office, 1, 3002, false, REFUSAL_NONE);           /* at once */
    Message late = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE); /* it was alive all the same */
    late.vote_bank.client = 3000;
    office_say(office, 1, &late);
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    expect_resume(office, 1, 3003, false, REFUSAL_RUNNING_ELSEWHERE);
    office_free(office);
}

static void an_account_whose_balance_changes_while_it_is_taken_over_is_not(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message bye = {.kind = MESSAGE_BYE, .report = {.client = 1001, .name = office_name(1)}};
    office_say(office, 1, &bye);
    Message request = resume_request(1, 3000, false);
    request.request.port1 = office_address(1).port;
    office_say(office, 1, &request);
    Message report = bye; /* late, but true */
    report.kind = MESSAGE_REPORT;
    report.report.version = 2;
    report.report.balance = 5;
    office_say(office, 1, &report);
    Message yes = office_vote(1, PROPOSAL_OPEN, 2, REFUSAL_NONE);
    yes.vote_bank.client = 3000;
    office_say(office, 1, &yes);
    office_expect_failure(office_answer(office, 1), REFUSAL_BUSY_ELSEWHERE);
    assert_int_equal(resume_as(office, 1, 3000, false).balance, 5);
    office_free(office);
}

static void that_a_process_has_gone_is_known_to_the_banks_next_run(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    office_open(office, 2, "100");
    Message bye = {.kind = MESSAGE_BYE, .report = {.client = 1001, .name = office_name(1)}};
    office_say(office, 1, &bye);
    Office *again = office_restart(office);
    office_command(again, "new-cohort c2 2");
    office_expect_failure(office_notice(again), REFUSAL_TOO_FEW);
    expect_resume(again, 2, 2000, false, REFUSAL_RUNNING_ELSEWHERE);
    expect_resume(again, 1, 2001, false, REFUSAL_NONE);
    office_free(again);
    office_free(office);
}

static void a_bye_from_before_the_last_start_is_stale(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message resume = resume_request(1, 1001, true);
    resume.request.epoch = 1;
    office_say(office, 1, &resume);
    Message bye = {.kind = MESSAGE_BYE, .report = {.client = 1001, .name = office_name(1)}};
    office_say(office, 1, &bye);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    expect_resume(office, 1, 2001, false, REFUSAL_RUNNING_ELSEWHERE);
    bye.report.version = 1;
    office_say(office, 1, &bye);
    expect_resume(office, 1, 2001, false, REFUSAL_NONE);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resume_tells_the_bank_where_the_process_is_now),
        cmocka_unit_test(resume_tells_the_process_its_balance_and_where_its_cohort_is),
        cmocka_unit_test(a_process_with_an_account_resumes_no_other),
        cmocka_unit_test(whoever_has_not_left_its_dissolved_cohort_resumes_only_from_its_state),
        cmocka_unit_test(a_process_that_has_come_back_is_asked_again),
        cmocka_unit_test(resume_is_refused_to_all_but_the_one_that_may),
        cmocka_unit_test(without_its_journal_the_bank_takes_back_who_has_state),
        cmocka_unit_test(resume_needs_ports_that_the_bank_allows),
        cmocka_unit_test(a_member_of_a_cohort_resumes_only_from_its_state),
        cmocka_unit_test(an_exited_account_is_not_resumed),
        cmocka_unit_test(resume_without_state_gets_the_balance_and_its_version),
        cmocka_unit_test(a_process_that_dies_while_it_resumes_without_state_does_not_keep_the_name),
        cmocka_unit_test(an_account_whose_balance_changes_while_it_is_taken_over_is_not),
        cmocka_unit_test(that_a_process_has_gone_is_known_to_the_banks_next_run),
        cmocka_unit_test(a_bye_from_before_the_last_start_is_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
