/* What clients ask of the bank: once each; and what they tell it of themselves. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_asker.h"
#include "tests/core/office.h"

static void a_repeated_open_request_does_its_work_once(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 1);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 0);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    assert_int_equal(office_answer(office, 1).kind, NOTICE_SUCCESS);
    size_t records = office->journal->len;
    office_say(office, 1, &request);
    assert_int_equal(office_answer(office, 1).kind, NOTICE_SUCCESS);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 0);
    assert_int_equal(office->journal->len, records);
    office_free(office);
}

static void a_repeated_request_is_answered_with_the_same_failure(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_EXIT, 2);
    office_say(office, 1, &request);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    office_open(office, 2, "100");
    office_say(office, 1, &request); /* now it could be done, but the client was told no */
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 0);

    Office *again = office_restart(office);
    office_say(again, 1, &request);
    office_expect_failure(office_answer(again, 1), REFUSAL_UNKNOWN_NAME);
    office_free(again);
    office_free(office);
}

static void an_older_request_is_ignored(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 5, COMMAND_EXIT, 2);
    office_say(office, 1, &request);
    request.request.number = 4;
    office_say(office, 1, &request);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    office_free(office);
}

static void a_request_that_was_given_up_gives_way_to_the_next(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message first = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &first);
    Message second = office_request(1, 2, COMMAND_EXIT, 9);
    office_say(office, 1, &second);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes); /* the first is done all the same, and not answered any more */
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 1), 0);
    assert_int_equal(bank_row_count(office->bank), 1);
    office_say(office, 1, &second);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    office_free(office);
}

static void requests_go_on_beside_a_command_of_the_console(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_command(office, "open c1 100 127.0.0.1 8502 8503");
    office_command(office, "exit c9"); /* waits its turn */
    assert_int_equal(office->notices->len, 0);
    Message request = office_request(2, 1, COMMAND_OPEN, 2);
    office_say(office, 2, &request);
    Message yes = office_vote(2, PROPOSAL_OPEN, 2, REFUSAL_NONE);
    office_say(office, 2, &yes);
    assert_int_equal(office_answer(office, 2).kind, NOTICE_SUCCESS);
    Message no = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_HAS_ACCOUNT);
    office_say(office, 1, &no);
    assert_int_equal(office->notices->len, 2); /* its own, then that of the one behind it */
    assert_int_equal(g_array_index(office->notices, Notice, 0).refusal, REFUSAL_HAS_ACCOUNT);
    assert_int_equal(g_array_index(office->notices, Notice, 1).refusal, REFUSAL_UNKNOWN_NAME);
    office_free(office);
}

static void with_too_many_requests_of_strangers_more_are_put_off(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 2, "100");
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    for (uint64_t client = 1; client <= ASKERS_STRANGERS_MAX; client++) {
        request.request.client = client + 5000;
        request.request.command.name = office_name((int)client + 100);
        office_say(office, 1, &request);
    }
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 1);
    request.request.client = 70000;
    request.request.command.name = office_name(70000);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 0);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    Message customers = office_request(2, 1, COMMAND_EXIT, 2); /* there is room for those */
    office_say(office, 2, &customers);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 2), 1);
    Message no = office_vote(1, PROPOSAL_OPEN, 2, REFUSAL_HAS_ACCOUNT);
    no.vote_bank.name = office_name(101);
    office_say(office, 1, &no);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 1);
    office_free(office);
}

/* Whether what the bank sent in its last step waits for nothing. */
static bool waits_for_no_disk(const Office *office)
{
    const Effect *first = effects_at(office->effects, 0);
    assert_int_equal(first->kind, EFFECT_SEND);
    return first->send.needs == 0;
}

static void a_sign_of_life_waits_for_no_disk(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &request);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    assert_true(waits_for_no_disk(office));
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    office_say(office, 1, &request); /* the answer may be on its way to the disk still */
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 1), 1);
    assert_true(waits_for_no_disk(office));
    assert_int_equal(effects_at(office->effects, 1)->send.needs, SLOTS_ALL);
    yes = office_vote(1, PROPOSAL_OPEN, 7, REFUSAL_NONE); /* aborted, as it is not on record */
    office_say(office, 1, &yes);
    assert_true(waits_for_no_disk(office));
    yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    assert_false(waits_for_no_disk(office));
    office_free(office);
}

static void a_client_that_was_forgotten_is_told_so(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(0, 1, COMMAND_EXIT, 9);
    for (uint64_t client = 1; client <= 1025; client++) {
        request.request.client = client;
        office_say(office, 3, &request);
    }
    request.request.client = 1; /* the longest unheard of; what its request 2 was is not known */
    request.request.number = 2;
    office_say(office, 3, &request);
    office_expect_failure(office_answer(office, 3), REFUSAL_LOST_ANSWER);
    request.request.client = 2000; /* never heard of, and cannot have asked before */
    request.request.number = 1;
    office_say(office, 3, &request);
    office_expect_failure(office_answer(office, 3), REFUSAL_UNKNOWN_NAME);
    office_free(office);
}

/* --- resume, report --- */

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

static void a_version_or_number_that_nobody_can_have_come_to_is_dropped(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message report = {.kind = MESSAGE_REPORT, .report = {.client = 1001, .name = office_name(1)}};
    report.report.version = UINT64_MAX;
    office_say(office, 1, &report);
    assert_int_equal(bank_dropped(office->bank, DROP_LEAP), 1);
    report.report.version = (UINT64_C(1) << 32) + 1; /* not before a thousand years, but counting */
    office_say(office, 1, &report);
    assert_int_equal(office_count(office, MESSAGE_REPORT_ACK, 1), 1);
    Message request = office_request(1, 1, COMMAND_EXIT, 9);
    office_say(office, 1, &request);
    request.request.number = UINT64_MAX;
    office_say(office, 1, &request);
    assert_int_equal(bank_dropped(office->bank, DROP_LEAP), 2);
    request.request.number = 2;
    office_say(office, 1, &request);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    office_free(office);
}

static void a_report_counts_once_and_only_from_the_process_that_runs_the_account(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message report = {.kind = MESSAGE_REPORT};
    report.report.client = 1001;
    report.report.name = office_name(1);
    report.report.version = 3;
    report.report.balance = 5555;
    office_say(office, 1, &report);
    assert_int_equal(office_row(office, 1).balance, 5555);
    assert_int_equal(office->saved_at->len, 1);
    assert_int_equal(office_last(office, MESSAGE_REPORT_ACK, 1)->message.report.version, 3);
    report.report.version = 2; /* an older one, late */
    report.report.balance = 4444;
    office_say(office, 1, &report);
    assert_int_equal(office_row(office, 1).balance, 5555);
    assert_int_equal(office->saved_at->len, 0);
    assert_int_equal(office_count(office, MESSAGE_REPORT_ACK, 1), 1);
    report.report.client = 5;
    report.report.version = 9;
    office_say(office, 1, &report);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_SENDER), 1);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_open_request_does_its_work_once),
        cmocka_unit_test(a_repeated_request_is_answered_with_the_same_failure),
        cmocka_unit_test(an_older_request_is_ignored),
        cmocka_unit_test(a_request_that_was_given_up_gives_way_to_the_next),
        cmocka_unit_test(requests_go_on_beside_a_command_of_the_console),
        cmocka_unit_test(with_too_many_requests_of_strangers_more_are_put_off),
        cmocka_unit_test(a_sign_of_life_waits_for_no_disk),
        cmocka_unit_test(a_client_that_was_forgotten_is_told_so),
        cmocka_unit_test(resume_tells_the_bank_where_the_process_is_now),
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
        cmocka_unit_test(a_version_or_number_that_nobody_can_have_come_to_is_dropped),
        cmocka_unit_test(a_report_counts_once_and_only_from_the_process_that_runs_the_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
