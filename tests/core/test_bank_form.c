/* The bank's side of forming a cohort: "Membership", rules 1 to 3. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/office.h"

static void say_vote(Office *office, int customer, uint64_t id, Refusal refusal)
{
    Message vote = office_vote(customer, PROPOSAL_JOIN, id, refusal);
    office_say(office, customer, &vote);
}

static void open_many(Office *office, int count)
{
    for (int i = 1; i <= count; i++)
        office_open(office, i, "100");
}

static void new_cohort_forms_only_when_all_said_yes(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 3);
    office_command(office, "new-cohort c2 3");
    const Message *propose = &office_last(office, MESSAGE_PROPOSE, 3)->message;
    assert_int_equal(propose->propose.id, 1);
    assert_int_equal(propose->propose.total, 3);
    assert_int_equal(propose->propose.count, 3);
    assert_string_equal(propose->propose.members[0].name.text, "c2");
    assert_string_equal(propose->propose.members[1].name.text, "c1");
    assert_string_equal(propose->propose.members[2].name.text, "c3");
    say_vote(office, 1, 1, REFUSAL_NONE);
    say_vote(office, 1, 1, REFUSAL_NONE);
    say_vote(office, 2, 1, REFUSAL_NONE);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(office_row(office, 1).cohort, 0);

    say_vote(office, 3, 1, REFUSAL_NONE);
    Notice notice = office_notice(office);
    assert_int_equal(notice.kind, NOTICE_SUCCESS);
    assert_int_equal(notice.cohort, 1);
    assert_int_equal(notice.member_count, 3);
    assert_string_equal(notice.members[0].name.text, "c2");
    assert_int_equal(office->saved_at->len, 1); /* cohort and all rows in one record */
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(office_row(office, i).cohort, 1);
        assert_true(office_last(office, MESSAGE_OUTCOME, i)->message.outcome.commit);
    }
    office_free(office);
}

static void a_silent_member_undoes_the_cohort_everywhere(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 3);
    office_command(office, "new-cohort c1 3");
    say_vote(office, 1, 1, REFUSAL_NONE);
    say_vote(office, 3, 1, REFUSAL_NONE);
    office_wait(office, 10 * NS_PER_S);
    Notice notice = office_notice(office);
    office_expect_failure(notice, REFUSAL_NO_ANSWER);
    assert_string_equal(notice.name.text, "c2");
    /* Not for bad luck: a network that loses one datagram in five loses ten questions and their
     * answers once in 27,000. */
    assert_in_range(office_count(office, MESSAGE_PROPOSE, 2), 10, 14);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(office_row(office, i).cohort, 0);
        assert_false(office_last(office, MESSAGE_OUTCOME, i)->message.outcome.commit);
    }
    office_free(office);
}

static void a_member_that_says_no_undoes_the_cohort_everywhere(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 3);
    office_command(office, "new-cohort c1 3");
    say_vote(office, 1, 1, REFUSAL_NONE);
    say_vote(office, 3, 1, REFUSAL_BUSY);
    Notice notice = office_notice(office);
    office_expect_failure(notice, REFUSAL_DECLINED);
    assert_string_equal(notice.name.text, "c3");
    assert_false(office_last(office, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    assert_false(office_last(office, MESSAGE_OUTCOME, 2)->message.outcome.commit);
    assert_int_equal(office_count(office, MESSAGE_OUTCOME, 3), 0);
    office_free(office);
}

static void a_yes_for_an_unknown_cohort_is_answered_abort(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 2);
    office_command(office, "new-cohort c1 2");
    say_vote(office, 1, 1, REFUSAL_NONE);
    Office *again = office_restart(office); /* the forming was not durable, its id is */
    say_vote(again, 1, 1, REFUSAL_NONE);
    assert_false(office_last(again, MESSAGE_OUTCOME, 1)->message.outcome.commit);
    office_command(again, "new-cohort c1 2");
    assert_int_equal(office_last(again, MESSAGE_PROPOSE, 1)->message.propose.id, 2);
    office_free(again);
    office_free(office);
}

static void a_yes_for_a_formed_cohort_is_answered_commit(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 2);
    Office *again = office_restart(office);
    say_vote(again, 2, 1, REFUSAL_NONE);
    assert_true(office_last(again, MESSAGE_OUTCOME, 2)->message.outcome.commit);
    office_free(again);
    office_free(office);
}

static void a_cohort_that_cannot_be_is_refused_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        Refusal refusal;
    } cases[] = {
        {"new-cohort c4 1", REFUSAL_COHORT_SIZE},  {"new-cohort c4 1001", REFUSAL_COHORT_SIZE},
        {"new-cohort c9 2", REFUSAL_UNKNOWN_NAME}, {"new-cohort c1 2", REFUSAL_IN_COHORT},
        {"new-cohort c4 3", REFUSAL_TOO_FEW},      {"new-cohort c6 2", REFUSAL_NO_ANSWER},
    };
    Office *office = office_new(1);
    const BankRow unbound = {.name = office_name(6), .port1 = 8512, .port2 = 8513};
    office_cohort(office, 3);
    office_open(office, 4, "1");
    office_open(office, 5, "1");
    assert_int_equal(bank_load_row(office->bank, &unbound), BANK_LOAD_OK);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        office_command(office, cases[i].line);
        office_expect_failure(office_notice(office), cases[i].refusal);
        assert_int_equal(office->sent->len, 0);
    }
    office_command(office, "new-cohort c4 1000");
    office_expect_failure(office_notice(office), REFUSAL_TOO_FEW);
    assert_int_equal(office_notice(office).count, 1); /* c5 is all there is */
    office_free(office);
}

static void who_is_asked_for_one_cohort_is_not_asked_for_another(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 4);
    Message request = office_request(1, 1, COMMAND_NEW_COHORT, 1);
    request.request.command.count = 3;
    office_say(office, 1, &request);
    Message other = office_request(4, 1, COMMAND_NEW_COHORT, 4);
    other.request.command.count = 2;
    office_say(office, 4, &other);
    Notice answer = office_answer(office, 4);
    assert_true(answer.refusal == REFUSAL_TOO_FEW || answer.refusal == REFUSAL_BUSY_ELSEWHERE);
    office_free(office);
}

static void exit_of_a_member_is_refused(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 2);
    office_command(office, "exit c2");
    office_expect_failure(office_notice(office), REFUSAL_IN_COHORT);
    assert_int_equal(office_notice(office).cohort, 1);
    assert_false(office_row(office, 2).exited);
    office_free(office);
}

/* Who is chosen, as "c3 c1 c5 ", perhaps after datagrams that had to be repeated. */
static char *choice(uint64_t seed, bool losses)
{
    Office *office = office_new(seed);
    GString *chosen = g_string_new(NULL);
    open_many(office, 20);
    if (losses) {
        office_command(office, "open c99 1 127.0.0.1 8900 8901");
        office_wait(office, 21 * NS_PER_S);
    }
    office_command(office, "new-cohort c3 8");
    const Message *propose = &office_last(office, MESSAGE_PROPOSE, 3)->message;
    for (int i = 0; i < 8; i++) {
        g_string_append(chosen, propose->propose.members[i].name.text);
        g_string_append_c(chosen, ' ');
    }
    office_free(office);
    return g_string_free(chosen, FALSE);
}

static void the_same_seed_chooses_the_same_members(void **state)
{
    (void)state;
    g_autofree char *one = choice(1, false);
    g_autofree char *again = choice(1, false);
    g_autofree char *lossy = choice(1, true);
    g_autofree char *other = choice(2, false);
    assert_string_equal(one, again);
    assert_string_equal(one, lossy);
    assert_string_not_equal(one, other);
    assert_true(g_str_has_prefix(one, "c3 "));
}

static void a_large_cohort_is_proposed_and_answered_in_parts(void **state)
{
    (void)state;
    enum { COUNT = 45 };
    Office *office = office_new(1);
    open_many(office, COUNT);
    Message request = office_request(1, 1, COMMAND_NEW_COHORT, 1);
    request.request.command.count = COUNT;
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 7), 3);
    for (int i = 1; i <= COUNT; i++)
        say_vote(office, i, 1, REFUSAL_NONE);
    Notice answer = office_answer(office, 1);
    assert_int_equal(answer.kind, NOTICE_SUCCESS);
    assert_int_equal(answer.member_count, COUNT);
    assert_string_equal(answer.members[COUNT - 1].name.text, "c45");
    office_free(office);
}

/* More than fits into one datagram, of proposals and of the answer. */
static void no_part_of_a_large_cohort_is_lost_between_datagrams(void **state)
{
    (void)state;
    enum { COUNT = 150 };
    Office *office = office_new(1);
    open_many(office, COUNT);
    Message request = office_request(1, 1, COMMAND_NEW_COHORT, 1);
    request.request.command.count = COUNT;
    office_say(office, 1, &request);
    for (int i = 1; i <= COUNT; i++)
        assert_int_equal(office_count(office, MESSAGE_PROPOSE, i), 8);
    for (int i = 1; i <= COUNT; i++)
        say_vote(office, i, 1, REFUSAL_NONE);
    assert_true(office_count(office, MESSAGE_ANSWER, 1) > 1);
    assert_int_equal(office_answer(office, 1).member_count, COUNT);
    office_free(office);
}

static bool is_chosen(const Office *office, int customer)
{
    return office_count(office, MESSAGE_PROPOSE, customer) > 0;
}

static void who_did_not_answer_is_chosen_when_there_is_nobody_else(void **state)
{
    (void)state;
    Office *office = office_new(1);
    open_many(office, 3);
    office_command(office, "new-cohort c1 3");
    say_vote(office, 1, 1, REFUSAL_NONE);
    say_vote(office, 3, 1, REFUSAL_NONE);
    office_wait(office, 11 * NS_PER_S);
    office_expect_failure(office_notice(office), REFUSAL_NO_ANSWER);
    assert_string_equal(office_notice(office).name.text, "c2");
    for (uint64_t id = 2; id < 10; id++) { /* drawn at random, but never c2 */
        office_command(office, "new-cohort c1 2");
        assert_true(is_chosen(office, 3) && !is_chosen(office, 2));
        say_vote(office, 3, id, REFUSAL_IN_COHORT);
    }
    office_command(office, "new-cohort c1 3");
    assert_true(is_chosen(office, 3) && is_chosen(office, 2));
    say_vote(office, 2, 10, REFUSAL_IN_COHORT); /* it is back */
    bool chosen = false;
    for (uint64_t id = 11; id < 30; id++) {
        office_command(office, "new-cohort c1 2");
        chosen |= is_chosen(office, 2);
        say_vote(office, 1, id, REFUSAL_IN_COHORT);
    }
    assert_true(chosen);
    office_free(office);
}

static void a_cohort_id_of_the_csv_is_not_used_again(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow foreign = {.name = office_name(9), .cohort = 40};
    assert_int_equal(bank_load_row(office->bank, &foreign), BANK_LOAD_OK);
    assert_int_equal(office_cohort(office, 2), 41);
    office_free(office);
}

/* What the bank writes it must take at its next start: the CSV holds no higher number. */
static void the_last_number_of_a_cohort_is_used_and_none_beyond(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow foreign = {.name = office_name(9), .cohort = COHORT_MAX - 1};
    assert_int_equal(bank_load_row(office->bank, &foreign), BANK_LOAD_OK);
    assert_int_equal(office_cohort(office, 2), COHORT_MAX);
    office_open(office, 3, "1");
    office_open(office, 4, "1");
    office_command(office, "new-cohort c3 2");
    office_expect_failure(office_notice(office), REFUSAL_COHORTS_USED_UP);
    assert_int_equal(office->saved_at->len, 0);
    office_command(office, "new-cohort c1 2"); /* would not be possible anyway */
    office_expect_failure(office_notice(office), REFUSAL_IN_COHORT);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_cohort_forms_only_when_all_said_yes),
        cmocka_unit_test(a_silent_member_undoes_the_cohort_everywhere),
        cmocka_unit_test(a_member_that_says_no_undoes_the_cohort_everywhere),
        cmocka_unit_test(a_yes_for_an_unknown_cohort_is_answered_abort),
        cmocka_unit_test(a_yes_for_a_formed_cohort_is_answered_commit),
        cmocka_unit_test(a_cohort_that_cannot_be_is_refused_at_once),
        cmocka_unit_test(who_is_asked_for_one_cohort_is_not_asked_for_another),
        cmocka_unit_test(exit_of_a_member_is_refused),
        cmocka_unit_test(the_same_seed_chooses_the_same_members),
        cmocka_unit_test(a_large_cohort_is_proposed_and_answered_in_parts),
        cmocka_unit_test(no_part_of_a_large_cohort_is_lost_between_datagrams),
        cmocka_unit_test(who_did_not_answer_is_chosen_when_there_is_nobody_else),
        cmocka_unit_test(a_cohort_id_of_the_csv_is_not_used_again),
        cmocka_unit_test(the_last_number_of_a_cohort_is_used_and_none_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
