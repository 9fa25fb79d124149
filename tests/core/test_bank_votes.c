/* Votes and acknowledgements that come late, twice, too early or from elsewhere, and what is told
 * again until when. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/office.h"

static const uint64_t WAIT_NS = 10 * NS_PER_S; /* for votes, and again for acknowledgements */

static void say_vote(Office *office, int customer, ProposalKind proposal, uint64_t id,
                     Refusal refusal)
{
    Message vote = office_vote(customer, proposal, id, refusal);
    office_say(office, customer, &vote);
}

static void say_ack(Office *office, int customer, ProposalKind proposal, uint64_t id)
{
    Message ack = office_outcome_ack(customer, proposal, id);
    office_say(office, customer, &ack);
}

static void open_many(Office *office, int count)
{
    for (int i = 1; i <= count; i++)
        office_open(office, i, "100");
}

static Refusal refusal_of(Office *office, const char *line)
{
    office_command(office, line);
    assert_int_equal(office_notice(office).kind, NOTICE_FAILURE);
    return office_notice(office).refusal;
}

/* --- what a vote counts for --- */

static void a_vote_counts_once_and_is_not_taken_back(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 2);
    office_command(office, "new-cohort c1 2");
    say_vote(office, 1, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    say_vote(office, 1, PROPOSAL_JOIN, 1, REFUSAL_DECLINED);
    assert_int_equal(office->notices->len, 0);
    say_vote(office, 2, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    office_free(office);
}

static void a_vote_of_an_id_that_collides_with_another_is_of_nothing_under_way(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_command(office, "open c1 100 127.0.0.1 8502 8503");
    /* Three times that and one for EXIT is three times one and none for OPEN, in 64 bits. */
    say_vote(office, 1, PROPOSAL_EXIT, UINT64_C(0x5555555555555556), REFUSAL_NONE);
    assert_int_equal(bank_row_count(office->bank), 0);
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    say_vote(office, 1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    assert_int_equal(bank_row_count(office->bank), 1);
    office_free(office);
}

static void a_vote_with_a_version_that_nobody_can_have_come_to_is_dropped(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 1);
    office_command(office, "exit c1");
    Message yes = office_vote(1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    yes.vote_bank.version = UINT64_MAX;
    office_say(office, 1, &yes);
    assert_int_equal(bank_dropped(office->bank, DROP_LEAP), 1);
    assert_false(office_row(office, 1).exited);
    office_free(office);
}

static void the_balance_of_a_yes_counts_when_it_is_newer_than_the_last_report(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 2); /* with report 1 */
    office_command(office, "new-cohort c1 2");
    for (int i = 1; i <= 2; i++) {
        Message yes = office_vote(i, PROPOSAL_JOIN, 1, REFUSAL_NONE);
        yes.vote_bank.version = (uint64_t)i;
        yes.vote_bank.balance = 500 + i;
        office_say(office, i, &yes);
    }
    assert_int_equal(office_row(office, 1).balance, 10000);
    assert_int_equal(office_row(office, 2).balance, 502);
    Message report = {.kind = MESSAGE_REPORT, .report = {.client = 1002, .name = office_name(2)}};
    report.report.version = 2; /* the yes was that one */
    report.report.balance = 7;
    office_say(office, 2, &report);
    assert_int_equal(office_row(office, 2).balance, 502);
    office_free(office);
}

static void a_yes_for_a_formed_cohort_from_outside_it_is_answered_abort(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 2);
    office_open(office, 3, "1");
    say_vote(office, 3, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    assert_false(office_last(office, MESSAGE_OUTCOME, 3)->message.outcome.commit);
    say_vote(office, 2, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    assert_true(office_last(office, MESSAGE_OUTCOME, 2)->message.outcome.commit);
    office_free(office);
}

static void a_late_no_is_not_answered(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 1);
    say_vote(office, 1, PROPOSAL_EXIT, 5, REFUSAL_BUSY);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    office_free(office);
}

/* --- from where --- */

/* c1 asks for its account, and has started again where c7 is. */
static Office *moved_office(void)
{
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &request);
    return office;
}

static Message vote_of_c1(Refusal refusal)
{
    return office_vote(1, PROPOSAL_OPEN, 1, refusal);
}

static void who_asked_for_an_account_may_vote_from_where_it_is_now(void **state)
{
    (void)state;
    Office *office = moved_office();
    Message yes = vote_of_c1(REFUSAL_NONE);
    office_say(office, 7, &yes);
    assert_int_equal(bank_dropped(office->bank, DROP_COOKIE), 2); /* one for the request */
    assert_int_equal(bank_row_count(office->bank), 0);
    const Message *challenge = &office_last(office, MESSAGE_CHALLENGE, 7)->message;
    assert_int_equal(challenge->working.client, 1001);
    assert_int_equal(challenge->working.number, 0);
    office_say(office, 7, &yes); /* with the cookie that came there */
    assert_int_equal(office_row(office, 1).port1, office_address(7).port);
    assert_int_equal(office_row(office, 1).ip, OFFICE_IP);
    assert_true(office_last(office, MESSAGE_OUTCOME, 7)->message.outcome.commit);
    office_free(office);
}

static void it_may_be_on_another_machine_by_then(void **state)
{
    (void)state;
    Office *office = moved_office();
    const Message yes = vote_of_c1(REFUSAL_NONE);
    const Address there = {OFFICE_IP + 1, office_address(7).port};
    for (int time = 0; time < 2; time++) {
        WireWriter writer;
        wire_begin(&writer, &(Header){.sender = SENDER_CLIENT, .cookie = office_cookie(office, 7)});
        assert_true(wire_add(&writer, &yes));
        const size_t length = wire_end(&writer);
        office_receive(office, there, writer.bytes, length);
    }
    assert_int_equal(office_row(office, 1).ip, OFFICE_IP + 1);
    office_free(office);
}

static void a_yes_of_another_process_from_elsewhere_makes_no_account(void **state)
{
    (void)state;
    Office *office = moved_office();
    Message yes = vote_of_c1(REFUSAL_NONE);
    yes.vote_bank.client = 5;
    office_say(office, 7, &yes);
    assert_int_equal(office->sent->len, 0);
    Message request = office_request(7, 1, COMMAND_EXIT, 7); /* c7 shows where it is */
    office_say(office, 7, &request);
    office_say(office, 7, &yes);
    assert_int_equal(bank_row_count(office->bank), 0);
    office_free(office);
}

static void a_no_to_an_account_counts_from_anywhere(void **state)
{
    (void)state;
    Office *office = moved_office();
    Message no = vote_of_c1(REFUSAL_HAS_ACCOUNT);
    office_say(office, 7, &no);
    office_expect_failure(office_answer(office, 1), REFUSAL_HAS_ACCOUNT);
    office_free(office);
}

/* --- what is proposed --- */

static void members_are_told_in_parts_that_say_where_they_belong(void **state)
{
    (void)state;
    enum { COUNT = 2 * MEMBERS_PER_MESSAGE_MAX };
    Office *office = office_new(1);
    open_many(office, COUNT);
    g_autofree char *line = g_strdup_printf("new-cohort c1 %d", COUNT);
    office_command(office, line);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 2), 2); /* and none of nobody */
    for (guint i = 0; i < office->sent->len; i++) {
        const Message *part = &g_array_index(office->sent, OfficeSent, i).message;
        for (uint16_t j = 0; j < part->propose.count; j++) {
            const Name name = office_name(part->propose.first + j + 1);
            assert_string_equal(part->propose.members[j].name.text, name.text);
        }
    }
    office_free(office);
}

static void a_no_or_silence_is_told_without_a_list_of_members(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 1);
    office_command(office, "exit c1");
    office_wait(office, WAIT_NS);
    office_expect_failure(office_notice(office), REFUSAL_NO_ANSWER);
    assert_int_equal(office_notice(office).member_count, 0);
    office_command(office, "open c2 1 127.0.0.1 8504 8505");
    say_vote(office, 2, PROPOSAL_OPEN, 2, REFUSAL_HAS_ACCOUNT);
    office_expect_failure(office_notice(office), REFUSAL_HAS_ACCOUNT);
    assert_int_equal(office_notice(office).member_count, 0);
    office_free(office);
}

static void an_initiator_that_does_not_answer_is_noted_as_silent(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 3);
    office_command(office, "new-cohort c1 2");
    const int other = office_count(office, MESSAGE_PROPOSE, 2) > 0 ? 2 : 3;
    say_vote(office, other, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    office_wait(office, WAIT_NS);
    office_expect_failure(office_notice(office), REFUSAL_NO_ANSWER);
    for (uint64_t id = 2; id < 10; id++) {
        office_command(office, "new-cohort c2 2");
        assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 0);
        say_vote(office, 3, PROPOSAL_JOIN, id, REFUSAL_IN_COHORT);
    }
    office_free(office);
}

static void everyone_may_be_chosen_and_may_be_left_out(void **state)
{
    (void)state;
    enum { OTHERS = 3, TRIES = 24 };
    unsigned chosen[OTHERS + 2] = {0};
    for (uint64_t seed = 1; seed <= TRIES; seed++) {
        Office *office = office_new(seed);
        open_many(office, OTHERS + 1);
        office_command(office, "new-cohort c1 2");
        for (int i = 2; i <= OTHERS + 1; i++)
            chosen[i] += office_count(office, MESSAGE_PROPOSE, i) > 0;
        office_free(office);
    }
    for (int i = 2; i <= OTHERS + 1; i++)
        assert_in_range(chosen[i], 2, TRIES - 2);
}

/* --- whom the bank is in the middle of something with --- */

static void an_account_that_is_being_taken_over_is_not_closed_meanwhile(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow line = {
        .name = office_name(1), .balance = 77, .ip = OFFICE_IP, .port1 = 8502, .port2 = 8503};
    assert_int_equal(bank_load_row(office->bank, &line), BANK_LOAD_OK);
    Message resume = office_request(1, 1, COMMAND_RESUME, 1);
    office_say(office, 1, &resume);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 1);
    assert_int_equal(refusal_of(office, "exit c1"), REFUSAL_BUSY_ELSEWHERE);
    say_vote(office, 1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    assert_false(office_row(office, 1).exited);
    office_command(office, "exit c1"); /* now its process is asked */
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 1);
    office_free(office);
}

static void an_exit_that_was_aborted_may_be_tried_again_at_once(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 1);
    office_command(office, "exit c1");
    office_wait(office, WAIT_NS);
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    office_command(office, "exit c1");
    assert_int_equal(office_last(office, MESSAGE_PROPOSE, 1)->message.propose.id, 2);
    office_free(office);
}

static void a_row_that_no_process_ran_is_closed_without_asking_anybody(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow line = {
        .name = office_name(1), .balance = 77, .ip = OFFICE_IP, .port1 = 8502, .port2 = 8503};
    assert_int_equal(bank_load_row(office->bank, &line), BANK_LOAD_OK);
    office_command(office, "exit c1");
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    assert_int_equal(office->sent->len, 0);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    office_free(office);
}

/* Its exit is on record; only the bank does not know that it knows. */
static void a_process_that_has_exited_may_run_another_account_at_once(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 1);
    office_command(office, "exit c1");
    say_vote(office, 1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    assert_true(office_row(office, 1).exited);
    office_command(office, "open c2 5 127.0.0.1 8502 8503");
    Message yes = office_vote(1, PROPOSAL_OPEN, 2, REFUSAL_NONE);
    yes.vote_bank.name = office_name(2);
    office_say(office, 1, &yes);
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    assert_int_equal(office_row(office, 2).balance, 500);
    office_free(office);
}

/* --- until when --- */

static void an_acknowledgement_of_what_is_not_decided_is_of_nothing(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 2);
    office_command(office, "new-cohort c1 2");
    say_ack(office, 2, PROPOSAL_JOIN, 1);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    say_vote(office, 1, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    assert_int_equal(office->notices->len, 0);
    say_vote(office, 2, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    say_ack(office, 2, PROPOSAL_JOIN, 1);
    say_ack(office, 2, PROPOSAL_JOIN, 1); /* it need not be told any more */
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 2);
    office_wait(office, NS_PER_S);
    assert_int_equal(office_count(office, MESSAGE_OUTCOME, 2), 0);
    assert_true(office_count(office, MESSAGE_OUTCOME, 1) > 0);
    office_free(office);
}

static void the_outcome_is_told_as_long_however_late_it_was_decided(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 1);
    office_command(office, "exit c1");
    office_wait(office, WAIT_NS - NS_PER_S);
    say_vote(office, 1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    office_wait(office, NS_PER_S); /* at first often, as if nothing had been asked before */
    assert_true(office_count(office, MESSAGE_OUTCOME, 1) >= 2);
    office_wait(office, WAIT_NS - 2 * NS_PER_S);
    assert_false(bank_idle(office->bank, (char[80]){0}, 80));
    assert_true(office_count(office, MESSAGE_OUTCOME, 1) >= 2);
    office_wait(office, NS_PER_S);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    office_free(office);
}

/* Whoever asks for an account elsewhere could make the bank speak to somebody who wants nothing of
 * it. Once that one has said yes it does. */
static void what_a_client_wants_elsewhere_is_proposed_once_and_told_until_it_is_known(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 2);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 2), 1);
    office_wait(office, 2 * NS_PER_S);
    assert_int_equal(office->sent->len, 0);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 2), 1);
    say_vote(office, 2, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    assert_int_equal(office_answer(office, 1).kind, NOTICE_SUCCESS);
    office_wait(office, 2 * NS_PER_S);
    assert_true(office_count(office, MESSAGE_OUTCOME, 2) >= 2);
    office_free(office);
}

/* c2 waits for a cohort to be dissolved of which c1, whose account that stranger takes over, has
 * already been rid. */
static void what_a_client_wants_elsewhere_is_not_proposed_for_the_asking_of_another(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 2);
    Message dissolve = office_request(2, 1, COMMAND_DELETE_COHORT, 1);
    office_say(office, 2, &dissolve);
    for (StatusState said = STATUS_QUIESCED; said <= STATUS_VOTED; said++) {
        for (uint16_t i = 0; i < 2; i++) {
            Message status = office_status(1, i, 2, 1, 1 + (said == STATUS_VOTED), said, 5);
            office_say(office, i + 1, &status);
        }
    }
    Message left = {.kind = MESSAGE_LEFT, .left = {.cohort = 1, .member = 0}};
    office_say(office, 1, &left);
    Message bye = {.kind = MESSAGE_BYE, .report = {.client = 1001, .name = office_name(1)}};
    office_say(office, 1, &bye);
    Message resume = office_request(1, 1, COMMAND_RESUME, 1);
    resume.request.client = 3000;
    resume.request.port1 = 8700;
    office_say(office, 1, &resume);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 1);
    office_say(office, 2, &dissolve);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 2), 1);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 0);
    office_say(office, 1, &resume);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 1);
    office_free(office);
}

static void a_bank_that_stops_tells_who_was_asked_that_nothing_comes_of_it(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 1);
    office_command(office, "exit c1");
    office_stop(office);
    office_expect_failure(office_notice(office), REFUSAL_STOPPING);
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    office_free(office);
}

/* --- together --- */

enum { TOGETHER = 8 };

/* Customers ask for their exits at the same time, the highest first. */
static void ask_together(Office *office, int from, int to)
{
    for (int i = from; i >= to; i--) {
        Message request = office_request(i, 1, COMMAND_EXIT, i);
        office_say(office, i, &request);
    }
}

/* Those that were sent the kind, in the order of their datagrams, highest customer first. */
static void expect_in_order(const Office *office, MessageKind kind)
{
    int next = TOGETHER;
    for (guint i = 0; i < office->sent->len; i++) {
        const OfficeSent *sent = &g_array_index(office->sent, OfficeSent, i);
        if (sent->message.kind == kind)
            assert_int_equal(sent->to.port, office_address(next--).port);
    }
    assert_int_equal(next, 0);
}

static void what_was_begun_together_ends_in_the_order_of_its_beginning(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, TOGETHER);
    ask_together(office, TOGETHER, TOGETHER / 2);
    Office *clone = office_clone(office);
    ask_together(clone, TOGETHER / 2 - 1, 1);
    Office *third = office_clone(clone);
    office_wait(third, 0);
    office_wait(clone, WAIT_NS);
    expect_in_order(clone, MESSAGE_ANSWER);
    office_wait(third, WAIT_NS);
    expect_in_order(third, MESSAGE_ANSWER);
    office_free(third);
    office_free(clone);
    office_free(office);
}

/* Of each a record is written that its name is free. */
static void exits_that_the_next_run_tells_end_in_the_order_of_the_rows(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, TOGETHER);
    ask_together(office, TOGETHER, 1);
    for (int i = TOGETHER; i >= 1; i--)
        say_vote(office, i, PROPOSAL_EXIT, (uint64_t)(TOGETHER + 1 - i), REFUSAL_NONE);
    Office *again = office_restart(office);
    for (int i = 1; i <= TOGETHER; i++)
        assert_true(office_last(again, MESSAGE_OUTCOME, i)->message.outcome.commit);
    const guint records = again->journal->len;
    office_wait(again, WAIT_NS);
    assert_int_equal(again->journal->len, records + TOGETHER);
    for (guint i = 0; i < TOGETHER; i++) {
        const Name name = office_name((int)i + 1);
        gsize length;
        const char *bytes = g_bytes_get_data(again->journal->pdata[records + i], &length);
        assert_non_null(memmem(bytes, length, name.text, strlen(name.text)));
    }
    office_free(again);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vote_counts_once_and_is_not_taken_back),
        cmocka_unit_test(a_vote_of_an_id_that_collides_with_another_is_of_nothing_under_way),
        cmocka_unit_test(a_vote_with_a_version_that_nobody_can_have_come_to_is_dropped),
        cmocka_unit_test(the_balance_of_a_yes_counts_when_it_is_newer_than_the_last_report),
        cmocka_unit_test(a_yes_for_a_formed_cohort_from_outside_it_is_answered_abort),
        cmocka_unit_test(a_late_no_is_not_answered),
        cmocka_unit_test(who_asked_for_an_account_may_vote_from_where_it_is_now),
        cmocka_unit_test(it_may_be_on_another_machine_by_then),
        cmocka_unit_test(a_yes_of_another_process_from_elsewhere_makes_no_account),
        cmocka_unit_test(a_no_to_an_account_counts_from_anywhere),
        cmocka_unit_test(members_are_told_in_parts_that_say_where_they_belong),
        cmocka_unit_test(a_no_or_silence_is_told_without_a_list_of_members),
        cmocka_unit_test(an_initiator_that_does_not_answer_is_noted_as_silent),
        cmocka_unit_test(everyone_may_be_chosen_and_may_be_left_out),
        cmocka_unit_test(an_account_that_is_being_taken_over_is_not_closed_meanwhile),
        cmocka_unit_test(an_exit_that_was_aborted_may_be_tried_again_at_once),
        cmocka_unit_test(a_row_that_no_process_ran_is_closed_without_asking_anybody),
        cmocka_unit_test(a_process_that_has_exited_may_run_another_account_at_once),
        cmocka_unit_test(an_acknowledgement_of_what_is_not_decided_is_of_nothing),
        cmocka_unit_test(the_outcome_is_told_as_long_however_late_it_was_decided),
        cmocka_unit_test(what_a_client_wants_elsewhere_is_proposed_once_and_told_until_it_is_known),
        cmocka_unit_test(what_a_client_wants_elsewhere_is_not_proposed_for_the_asking_of_another),
        cmocka_unit_test(a_bank_that_stops_tells_who_was_asked_that_nothing_comes_of_it),
        cmocka_unit_test(what_was_begun_together_ends_in_the_order_of_its_beginning),
        cmocka_unit_test(exits_that_the_next_run_tells_end_in_the_order_of_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
