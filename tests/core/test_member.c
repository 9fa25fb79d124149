/* A customer process and the bank's word: what it votes, what an outcome does, what it keeps. Being
 * dissolved: test_member_leaving.c. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "core/membership.h"
#include "tests/core/patron.h"

/* --- open --- */

static void an_account_is_had_when_its_outcome_is_known_and_not_before(void **state)
{
    (void)state;
    Patron *patron = patron_new(NULL);
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 3, "a"));
    patron_expect_vote(patron, PROPOSAL_OPEN, 3, REFUSAL_NONE);
    Message vote;
    assert_true(patron_said(patron, MESSAGE_VOTE, &vote));
    assert_int_equal(vote.vote_bank.version, 1);
    assert_int_equal(vote.vote_bank.balance, PATRON_BALANCE);
    assert_string_equal(vote.vote_bank.name.text, "a");
    assert_false(customer_has_account(patron->customer));
    patron_wait(patron, NS_PER_S); /* it goes on asking */
    patron_expect_vote(patron, PROPOSAL_OPEN, 3, REFUSAL_NONE);
    patron_decide(patron, PROPOSAL_EXIT, 3, "a", true); /* of another kind */
    patron_decide(patron, PROPOSAL_OPEN, 2, "a", true); /* or another */
    assert_false(customer_has_account(patron->customer));
    patron_decide(patron, PROPOSAL_OPEN, 3, "a", true);
    assert_true(customer_has_account(patron->customer));
    assert_int_equal(customer_balance(patron->customer), PATRON_BALANCE);
    assert_null(patron_told(patron, NOTICE_RESUMED));
    assert_true(patron_on_disk(patron, SLOT_ACCOUNT));
    Message ack;
    assert_true(patron_said(patron, MESSAGE_OUTCOME_ACK, &ack));
    assert_int_equal(ack.outcome.id, 3);
    patron_free(patron);
}

static void an_outcome_that_is_of_nothing_makes_no_account(void **state)
{
    (void)state;
    Patron *patron = patron_new(NULL);
    patron_decide(patron, PROPOSAL_OPEN, 0, "a", true);
    patron_decide(patron, PROPOSAL_OPEN, 1, "a", true);
    assert_false(customer_has_account(patron->customer));
    patron_decide(patron, PROPOSAL_EXIT, 1, "a", true);
    assert_int_equal(patron_dropped(patron, DROP_RECEIVER), 1);
    assert_true(patron_silent(patron, MESSAGE_OUTCOME_ACK));
    patron_free(patron);
}

static void a_process_with_an_account_takes_no_second_one(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 2, "b"));
    patron_expect_vote(patron, PROPOSAL_OPEN, 2, REFUSAL_HAS_ACCOUNT);
    patron_free(patron);
}

static void what_it_has_given_up_asking_for_is_declined(void **state)
{
    (void)state;
    Patron *patron = patron_new(NULL);
    Message open = patron_proposal(PROPOSAL_OPEN, 1, "a");
    open.propose.client = PATRON_CLIENT;
    open.propose.number = 1;
    patron_command(patron, "open a 5");
    patron_fail_request(patron, 1, COMMAND_OPEN);
    patron_hear(patron, &open); /* it has been told no */
    patron_expect_vote(patron, PROPOSAL_OPEN, 1, REFUSAL_DECLINED);
    patron_command(patron, "open b 5");
    open.propose.id = 2;
    patron_hear(patron, &open); /* it asks for something else by now */
    patron_expect_vote(patron, PROPOSAL_OPEN, 2, REFUSAL_DECLINED);
    open.propose.id = 3;
    open.propose.number = 2;
    patron_hear(patron, &open);
    patron_expect_vote(patron, PROPOSAL_OPEN, 3, REFUSAL_NONE);
    patron_free(patron);
}

/* --name a, and no state: the account a is taken over, and no other is run. */
static void who_is_started_for_an_account_runs_that_one_alone(void **state)
{
    (void)state;
    Patron *patron = patron_new("a");
    Message resume;
    assert_true(patron_said(patron, MESSAGE_REQUEST, &resume));
    assert_int_equal(resume.request.command.kind, COMMAND_RESUME);
    Message sound = patron_proposal(PROPOSAL_OPEN, 1, "a");
    sound.propose.client = PATRON_CLIENT;
    sound.propose.number = resume.request.number;
    Message wrong[3] = {sound, sound, sound};
    wrong[0].propose.client = 5;
    wrong[1].propose.number++;
    wrong[2].propose.name = patron_name("b");
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        patron_hear(patron, &wrong[i]);
        patron_expect_vote(patron, PROPOSAL_OPEN, 1, REFUSAL_HAS_ACCOUNT);
    }
    patron_hear(patron, &sound);
    patron_expect_vote(patron, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    patron_free(patron);
}

static void who_was_refused_the_account_it_was_started_for_runs_none(void **state)
{
    (void)state;
    Patron *patron = patron_new("a");
    Message resume;
    assert_true(patron_said(patron, MESSAGE_REQUEST, &resume));
    patron_fail_request(patron, resume.request.number, COMMAND_RESUME);
    Message late = patron_proposal(PROPOSAL_OPEN, 1, "a");
    late.propose.client = PATRON_CLIENT;
    late.propose.number = resume.request.number;
    patron_hear(patron, &late);
    patron_expect_vote(patron, PROPOSAL_OPEN, 1, REFUSAL_HAS_ACCOUNT);
    patron_command(patron, "open a 5"); /* that is another thing */
    assert_true(patron_said(patron, MESSAGE_REQUEST, &resume));
    assert_int_equal(resume.request.command.kind, COMMAND_OPEN);
    late.propose.number = resume.request.number;
    patron_hear(patron, &late);
    patron_expect_vote(patron, PROPOSAL_OPEN, 1, REFUSAL_HAS_ACCOUNT);
    patron_free(patron);
}

static void who_crashed_while_prepared_resumes_when_it_hears_that_it_has_the_account(void **state)
{
    (void)state;
    for (int commit = 0; commit <= 1; commit++) {
        Patron *patron = patron_new(NULL);
        patron_say(patron, patron_proposal(PROPOSAL_OPEN, 1, "a"));
        patron_crash(patron);
        patron_expect_vote(patron, PROPOSAL_OPEN, 1, REFUSAL_NONE); /* asks at once */
        assert_null(patron_told(patron, NOTICE_RESUMED));
        patron_decide(patron, PROPOSAL_OPEN, 1, "a", commit == 1);
        const Notice *resumed = patron_told(patron, NOTICE_RESUMED);
        assert_int_equal(resumed != NULL, commit == 1);
        assert_int_equal(customer_has_account(patron->customer), commit == 1);
        if (commit == 0) { /* as if nothing had been */
            Message again = patron_proposal(PROPOSAL_OPEN, 2, "a");
            again.propose.client = PATRON_CLIENT;
            again.propose.number = patron->customer->request.number;
            patron_hear(patron, &again);
            patron_decide(patron, PROPOSAL_OPEN, 2, "a", true);
            assert_true(customer_has_account(patron->customer));
            assert_null(patron_told(patron, NOTICE_RESUMED));
        } else {
            assert_int_equal(resumed->balance, PATRON_BALANCE);
        }
        patron_free(patron);
    }
}

/* --- what is proposed at the wrong time --- */

static void prepared_for_one_thing_it_hears_of_no_other(void **state)
{
    (void)state;
    Patron *patron = patron_new(NULL);
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 5, "a"));
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 5, "a")); /* again */
    patron_expect_vote(patron, PROPOSAL_OPEN, 5, REFUSAL_NONE);
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 6, "a"));
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    patron_say(patron, patron_proposal(PROPOSAL_EXIT, 5, "a"));
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    assert_int_equal(patron_dropped(patron, DROP_STALE), 2);
    patron_free(patron);
}

static void an_id_that_was_there_before_or_leaps_is_dropped(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 1, "b"));
    assert_int_equal(patron_dropped(patron, DROP_STALE), 1);
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, UINT64_MAX, "b"));
    assert_int_equal(patron_dropped(patron, DROP_LEAP), 1);
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 2, "b"));
    patron_expect_vote(patron, PROPOSAL_OPEN, 2, REFUSAL_HAS_ACCOUNT);
    patron_free(patron);
}

static void what_is_about_another_account_is_told_so(void **state)
{
    (void)state;
    Patron *none = patron_new(NULL);
    patron_say(none, patron_proposal(PROPOSAL_EXIT, 1, "a"));
    patron_expect_vote(none, PROPOSAL_EXIT, 1, REFUSAL_NO_ACCOUNT);
    patron_free(none);
    Patron *patron = patron_with_account();
    patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "b"));
    patron_expect_vote(patron, PROPOSAL_EXIT, 1, REFUSAL_NO_ACCOUNT);
    patron_decide(patron, PROPOSAL_EXIT, 1, "b", true);
    assert_int_equal(patron_dropped(patron, DROP_RECEIVER), 1);
    patron_free(patron);
}

/* --- exit --- */

static void an_exit_ends_the_process_and_leaves_nothing_on_its_disk(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_command(patron, "exit");
    patron_command(patron, "deposit 1"); /* waits behind it */
    patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "a"));
    patron_expect_vote(patron, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    patron_decide(patron, PROPOSAL_EXIT, 1, "a", true);
    const Notice *success = patron_told(patron, NOTICE_SUCCESS);
    assert_non_null(success);
    assert_int_equal(success->command, COMMAND_EXIT);
    assert_int_equal(success->tag, 7);
    assert_int_equal(success->balance, PATRON_BALANCE);
    assert_string_equal(success->name.text, "a");
    const Notice *refused = patron_told(patron, NOTICE_FAILURE);
    assert_non_null(refused);
    assert_int_equal(refused->command, COMMAND_DEPOSIT);
    assert_int_equal(refused->refusal, REFUSAL_STOPPING);
    assert_false(customer_has_account(patron->customer));
    assert_false(patron_on_disk(patron, SLOT_ACCOUNT));
    assert_false(patron_silent(patron, MESSAGE_OUTCOME_ACK));
    assert_true(patron_silent(patron, MESSAGE_REPORT));
    assert_true(patron_silent(patron, MESSAGE_REQUEST));
    const Effect *last = effects_at(patron->effects, effects_count(patron->effects) - 1);
    assert_int_equal(last->kind, EFFECT_END);
    patron_free(patron);
}

/* Nobody here asked for it, or for the exit of somebody else: no success is told. */
static void an_exit_from_the_console_of_the_bank_answers_no_command_here(void **state)
{
    (void)state;
    static const char *const lines[] = {NULL, "exit b", "new-cohort 2"};
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        Patron *patron = patron_with_account();
        if (lines[i] != NULL)
            patron_command(patron, lines[i]);
        patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "a"));
        patron_decide(patron, PROPOSAL_EXIT, 1, "a", true);
        assert_null(patron_told(patron, NOTICE_SUCCESS));
        const Notice *refused = patron_told(patron, NOTICE_FAILURE);
        assert_int_equal(refused != NULL, lines[i] != NULL);
        if (refused != NULL)
            assert_int_equal(refused->refusal, REFUSAL_STOPPING);
        assert_false(customer_has_account(patron->customer));
        patron_free(patron);
    }
}

/* It has not asked the bank for anything yet. */
static void an_exit_that_waits_for_the_decision_on_another_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"exit", "exit a"};
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        Patron *patron = patron_with_account();
        patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "a"));
        patron_command(patron, lines[i]);
        assert_true(patron_silent(patron, MESSAGE_REQUEST));
        patron_decide(patron, PROPOSAL_EXIT, 1, "a", true);
        assert_null(patron_told(patron, NOTICE_SUCCESS));
        const Notice *refused = patron_told(patron, NOTICE_FAILURE);
        assert_non_null(refused);
        assert_int_equal(refused->refusal, REFUSAL_STOPPING);
        patron_free(patron);
    }
}

static void an_exit_that_failed_is_not_answered_again_by_a_later_one(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_command(patron, "exit");
    patron_fail_request(patron, 1, COMMAND_EXIT);
    assert_non_null(patron_told(patron, NOTICE_FAILURE));
    patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "a"));
    patron_decide(patron, PROPOSAL_EXIT, 1, "a", true);
    assert_null(patron_told(patron, NOTICE_SUCCESS));
    assert_null(patron_told(patron, NOTICE_FAILURE));
    assert_false(customer_has_account(patron->customer));
    patron_free(patron);
}

static void a_balance_not_yet_reported_is_not_reported_after_the_exit(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_command(patron, "deposit 1");
    assert_false(patron_silent(patron, MESSAGE_REPORT));
    patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "a"));
    Message vote;
    assert_true(patron_said(patron, MESSAGE_VOTE, &vote));
    assert_int_equal(vote.vote_bank.balance, PATRON_BALANCE + 100);
    assert_int_equal(vote.vote_bank.version, 3);
    patron->now_ns += 10 * NS_PER_S;
    patron_decide(patron, PROPOSAL_EXIT, 1, "a", true);
    assert_true(patron_silent(patron, MESSAGE_REPORT));
    assert_true(customer_idle(patron->customer, (char[80]){0}, 80));
    patron_free(patron);
}

static void an_exit_that_was_given_up_or_of_a_member_is_refused(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    Message exit = patron_proposal(PROPOSAL_EXIT, 1, "a");
    exit.propose.client = PATRON_CLIENT;
    exit.propose.number = 9;
    patron_hear(patron, &exit);
    patron_expect_vote(patron, PROPOSAL_EXIT, 1, REFUSAL_DECLINED);
    patron_say(patron, patron_join_part(1, 2, 0, 2));
    patron_decide(patron, PROPOSAL_JOIN, 1, "a", true);
    exit.propose.client = 0;
    exit.propose.id = 2;
    patron_hear(patron, &exit);
    patron_expect_vote(patron, PROPOSAL_EXIT, 2, REFUSAL_IN_COHORT);
    patron_free(patron);
}

/* --- join --- */

static void a_proposal_in_parts_is_answered_when_it_is_whole(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_say(patron, patron_join_part(1, 4, 3, 1));
    patron_say(patron, patron_join_part(1, 4, 0, 2));
    patron_say(patron, patron_join_part(1, 4, 0, 2)); /* again */
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    patron_say(patron, patron_join_part(1, 4, 2, 1));
    patron_expect_vote(patron, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    patron_decide(patron, PROPOSAL_JOIN, 1, "a", true);
    const Notice *joined = patron_told(patron, NOTICE_JOINED);
    assert_int_equal(joined->cohort, 1);
    assert_int_equal(joined->member_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(joined->members[i].name.text, i == 0   ? "a"
                                                          : i == 1 ? "m1"
                                                          : i == 2 ? "m2"
                                                                   : "m3");
        assert_int_equal(joined->members[i].port1, PATRON_PORT1 + 2 * i);
    }
    assert_int_equal(customer_cohort(patron->customer), 1);
    patron_free(patron);
}

static void parts_of_one_proposal_make_no_whole_with_those_of_another(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_say(patron, patron_join_part(1, 3, 0, 2));
    patron_say(patron, patron_join_part(2, 3, 2, 1)); /* another cohort */
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    patron_say(patron, patron_join_part(2, 4, 0, 2)); /* of another size */
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    patron_say(patron, patron_join_part(2, 4, 2, 1));
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    patron_say(patron, patron_join_part(2, 4, 3, 1));
    patron_expect_vote(patron, PROPOSAL_JOIN, 2, REFUSAL_NONE);
    patron_free(patron);
}

static void an_outcome_of_another_kind_is_not_that_of_a_joining(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_say(patron, patron_join_part(1, 2, 0, 2));
    patron_decide(patron, PROPOSAL_OPEN, 1, "a", true); /* again, of the account */
    patron_decide(patron, PROPOSAL_EXIT, 1, "a", true);
    assert_int_equal(customer_cohort(patron->customer), 0);
    assert_true(customer_has_account(patron->customer));
    patron_decide(patron, PROPOSAL_JOIN, 1, "a", true);
    assert_int_equal(customer_cohort(patron->customer), 1);
    patron_free(patron);
}

static void a_proposal_for_a_cohort_that_it_is_not_in_is_ignored(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    for (int time = 0; time < 2; time++) {
        Message others = patron_join_part(1, 3, 0, 3);
        others.propose.members[0].name = patron_name("z");
        patron_hear(patron, &others);
        assert_true(patron_silent(patron, MESSAGE_VOTE));
        assert_int_equal(patron->customer->membership.gathering.missing, 0);
        assert_null(patron->customer->membership.gathering.members);
    }
    patron_say(patron, patron_join_part(1, 3, 0, 3));
    patron_expect_vote(patron, PROPOSAL_JOIN, 1, REFUSAL_NONE);
    patron_free(patron);
}

static void a_member_joins_no_other_cohort(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    patron_say(patron, patron_join_part(2, 2, 0, 2));
    patron_expect_vote(patron, PROPOSAL_JOIN, 2, REFUSAL_IN_COHORT);
    patron->customer->membership.high_water[PROPOSAL_JOIN] = 0;
    patron_say(patron, patron_join_part(1, 2, 0, 2)); /* that is its own */
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    patron_free(patron);
}

static void a_member_is_found_again_after_a_crash_as_it_joined(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    patron_crash(patron);
    assert_int_equal(customer_cohort(patron->customer), 1);
    assert_int_equal(customer_balance(patron->customer), PATRON_BALANCE);
    assert_int_equal(patron->customer->membership.high_water[PROPOSAL_JOIN], 1);
    patron_free(patron);
}

static void who_was_introduced_at_an_old_address_tells_the_new_one(void **state)
{
    (void)state;
    for (int field = 0; field < 4; field++) {
        Patron *patron = patron_with_account();
        Message join = patron_join_part(1, 3, 0, 3);
        Member *self = &join.propose.members[0];
        self->ip += field == 1;
        self->port1 = (uint16_t)(self->port1 + 100 * (field == 2));
        self->port2 = (uint16_t)(self->port2 + 100 * (field == 3));
        patron_hear(patron, &join);
        patron_decide(patron, PROPOSAL_JOIN, 1, "a", true);
        const Process *process = &patron->customer->process;
        assert_int_equal(process->peers[0].member.ip, PATRON_IP);
        assert_int_equal(process->peers[0].member.port1, PATRON_PORT1);
        assert_int_equal(process->peers[0].member.port2, PATRON_PORT2);
        assert_false(process->peers[0].moved_due);
        assert_int_equal(process->peers[1].moved_due, field != 0);
        assert_int_equal(process->peers[2].moved_due, field != 0);
        patron_free(patron);
    }
}

static void nobody_tells_a_member_where_it_is_itself(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    const Member elsewhere = {
        .name = patron_name("a"), .ip = PATRON_IP, .port1 = 1, .port2 = 2, .epoch = 9};
    patron->customer->step.effects = patron->effects;
    membership_relocate(patron->customer, 0, &elsewhere);
    assert_int_equal(patron->customer->process.peers[0].member.port1, PATRON_PORT1);
    assert_false(patron->customer->process.peers[0].moved_due);
    patron_free(patron);
}

/* --- what is kept --- */

static void a_proposal_of_more_members_than_a_cohort_has_does_not_code(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    Membership *membership = &patron->customer->membership;
    Member *members = g_new0(Member, MEMBERS_MAX + 1);
    for (uint16_t count = MEMBERS_MAX; count <= MEMBERS_MAX + 1; count++) {
        Coder coder = coder_encode_growing();
        membership->gathering.members = members;
        membership->gathering.count = count;
        membership_code(&coder, membership);
        assert_int_equal(coder.failed, count > MEMBERS_MAX);
        coder_deinit(&coder);
    }
    patron_free(patron);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_had_when_its_outcome_is_known_and_not_before),
        cmocka_unit_test(an_outcome_that_is_of_nothing_makes_no_account),
        cmocka_unit_test(a_process_with_an_account_takes_no_second_one),
        cmocka_unit_test(what_it_has_given_up_asking_for_is_declined),
        cmocka_unit_test(who_is_started_for_an_account_runs_that_one_alone),
        cmocka_unit_test(who_was_refused_the_account_it_was_started_for_runs_none),
        cmocka_unit_test(who_crashed_while_prepared_resumes_when_it_hears_that_it_has_the_account),
        cmocka_unit_test(prepared_for_one_thing_it_hears_of_no_other),
        cmocka_unit_test(an_id_that_was_there_before_or_leaps_is_dropped),
        cmocka_unit_test(what_is_about_another_account_is_told_so),
        cmocka_unit_test(an_exit_ends_the_process_and_leaves_nothing_on_its_disk),
        cmocka_unit_test(an_exit_from_the_console_of_the_bank_answers_no_command_here),
        cmocka_unit_test(an_exit_that_waits_for_the_decision_on_another_is_refused),
        cmocka_unit_test(an_exit_that_failed_is_not_answered_again_by_a_later_one),
        cmocka_unit_test(a_balance_not_yet_reported_is_not_reported_after_the_exit),
        cmocka_unit_test(an_exit_that_was_given_up_or_of_a_member_is_refused),
        cmocka_unit_test(a_proposal_in_parts_is_answered_when_it_is_whole),
        cmocka_unit_test(parts_of_one_proposal_make_no_whole_with_those_of_another),
        cmocka_unit_test(an_outcome_of_another_kind_is_not_that_of_a_joining),
        cmocka_unit_test(a_proposal_for_a_cohort_that_it_is_not_in_is_ignored),
        cmocka_unit_test(a_member_joins_no_other_cohort),
        cmocka_unit_test(a_member_is_found_again_after_a_crash_as_it_joined),
        cmocka_unit_test(who_was_introduced_at_an_old_address_tells_the_new_one),
        cmocka_unit_test(nobody_tells_a_member_where_it_is_itself),
        cmocka_unit_test(a_proposal_of_more_members_than_a_cohort_has_does_not_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
