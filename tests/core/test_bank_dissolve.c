/* The bank's side of dissolving a cohort: "Membership", rules 5, 6 and 8. The cohort is always the
 * first, of c1, c2 and c3. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_dissolve.h"
#include "tests/core/office.h"

static void say_status(Office *office, int customer, uint64_t attempt, uint64_t version,
                       StatusState state)
{
    Message status = office_status(1, (uint16_t)(customer - 1), 3, attempt, version, state, 10000);
    office_say(office, customer, &status);
}

static void say_left(Office *office, int customer)
{
    Message left = {.kind = MESSAGE_LEFT};
    left.left.cohort = 1;
    left.left.member = (uint16_t)(customer - 1);
    office_say(office, customer, &left);
}

static DissolveOrder order_to(const Office *office, int customer)
{
    return office_last(office, MESSAGE_DISSOLVE, customer)->message.dissolve.order;
}

static void delete_cohort_waits_until_the_counts_balance(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c2");
    assert_int_equal(order_to(office, 1), DISSOLVE_QUIESCE);
    say_status(office, 1, 1, 1, STATUS_QUIESCED);
    assert_int_equal(office_count(office, MESSAGE_STATUS_ACK, 1), 1);
    say_status(office, 2, 1, 1, STATUS_QUIESCED);
    Message ahead = office_status(1, 2, 3, 1, 1, STATUS_QUIESCED, 9000);
    ahead.status.counts[0].sent = 1; /* c3 sent c1 a transfer that has not arrived */
    office_say(office, 3, &ahead);
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 0), 0);
    Message unknown = ahead;
    unknown.status.version = 2;
    unknown.status.counts[0].sent = 0;
    unknown.status.settled = false; /* balanced, but the fate of something is not known */
    office_say(office, 3, &unknown);
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 0), 0);
    Message arrived = office_status(1, 0, 3, 1, 2, STATUS_QUIESCED, 11000);
    arrived.status.counts[2].received = 1;
    office_say(office, 1, &arrived);
    Message settled = ahead;
    settled.status.version = 3;
    office_say(office, 3, &settled);
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 0), 3);
    assert_int_equal(order_to(office, 3), DISSOLVE_PREPARE);
    office_free(office);
}

static void incarnations_that_do_not_agree_do_not_balance(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    say_status(office, 1, 1, 1, STATUS_QUIESCED);
    say_status(office, 2, 1, 1, STATUS_QUIESCED);
    Message rolled = office_status(1, 2, 3, 1, 1, STATUS_QUIESCED, 10000);
    rolled.status.inc = 1; /* the others know incarnation 0 */
    office_say(office, 3, &rolled);
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 0), 0);
    office_free(office);
}

static void a_dissolved_cohort_frees_its_members_with_their_final_balances(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t cohort = office_cohort(office, 3);
    uint64_t attempt = office_quiesce(office, cohort, 3);
    assert_int_equal(order_to(office, 2), DISSOLVE_PREPARE);
    for (int i = 1; i <= 3; i++) {
        Message vote =
            office_status(cohort, (uint16_t)(i - 1), 3, attempt, 2, STATUS_VOTED, 10000 + i);
        assert_int_equal(office_row(office, 1).cohort, cohort);
        office_say(office, i, &vote);
    }
    assert_int_equal(order_to(office, 1), DISSOLVE_DONE);
    assert_int_equal(office->saved_at->len, 1);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(office_row(office, i).cohort, 0);
        assert_int_equal(office_row(office, i).balance, 10000 + i);
    }
    assert_int_equal(office->notices->len, 0); /* not before all have left */
    say_left(office, 1);
    say_left(office, 1);
    assert_int_equal(bank_dropped(office->bank, DROP_DUPLICATE), 1);
    say_left(office, 2);
    assert_int_equal(office->notices->len, 0);
    say_left(office, 3);
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    assert_int_equal(office_notice(office).cohort, cohort);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    office_free(office);
}

static void vote_all(Office *office, uint64_t attempt)
{
    for (int i = 1; i <= 3; i++)
        say_status(office, i, attempt, 2, STATUS_VOTED);
}

static void members_are_reused_only_after_left(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    vote_all(office, attempt);
    say_left(office, 1);
    say_left(office, 2);
    office_wait(office, DISSOLVE_GRACE_NS); /* the grace is over; c3 is still asked to leave */
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    assert_int_equal(order_to(office, 3), DISSOLVE_DONE);
    office_command(office, "new-cohort c1 3");
    office_expect_failure(office_notice(office), REFUSAL_TOO_FEW);
    office_command(office, "exit c3");
    office_expect_failure(office_notice(office), REFUSAL_BUSY_ELSEWHERE);
    say_left(office, 3);
    office_command(office, "new-cohort c1 3");
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 3);
    assert_int_equal(office_last(office, MESSAGE_PROPOSE, 3)->message.propose.id, 2);
    office_free(office);
}

static void the_end_of_the_grace_is_told_to_who_asked_alone(void **state)
{
    (void)state;
    Office *office = office_new(1);
    vote_all(office, office_quiesce(office, office_cohort(office, 3), 3));
    office_wait(office, DISSOLVE_GRACE_NS - 1);
    assert_int_equal(office->notices->len, 0);
    office_wait(office, 1);
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    assert_int_equal(office->sent->len, 0);
    office_free(office);
}

static void members_that_have_not_left_are_asked_again_after_a_restart(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    vote_all(office, attempt);
    say_left(office, 2);
    Office *again = office_restart(office);
    char why[80];
    assert_false(bank_idle(again->bank, why, sizeof why));
    assert_string_equal(why, "the dissolving of cohort 1 waits for c1");
    assert_int_equal(office_count(again, MESSAGE_DISSOLVE, 2), 0);
    assert_int_equal(order_to(again, 1), DISSOLVE_DONE);
    office_command(again, "exit c3");
    office_expect_failure(office_notice(again), REFUSAL_BUSY_ELSEWHERE);
    say_left(again, 1);
    say_left(again, 3);
    assert_int_equal(again->notices->len, 0); /* nobody waits for it in this run */
    assert_true(bank_idle(again->bank, why, sizeof why));
    office_free(again);
    office_free(office);
}

static void unbalanced_votes_are_cancelled(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    say_status(office, 1, attempt, 2, STATUS_VOTED);
    say_status(office, 2, attempt, 2, STATUS_VOTED);
    Message vote = office_status(1, 2, 3, attempt, 2, STATUS_VOTED, 9000);
    vote.status.counts[0].sent = 1; /* it sent one more before it froze */
    office_say(office, 3, &vote);
    assert_int_equal(office_row(office, 1).cohort, 1);
    assert_int_equal(office->saved_at->len, 0);
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 0), 0); /* but after a pause */
    office_wait(office, 600 * NS_PER_MS);
    for (int i = 1; i <= 3; i++) {
        const Message *order = &office_last(office, MESSAGE_DISSOLVE, i)->message;
        assert_int_equal(order->dissolve.order, DISSOLVE_QUIESCE);
        assert_int_equal(order->dissolve.attempt, attempt + 1); /* which cancels the votes */
    }
    say_status(office, 1, attempt, 3, STATUS_VOTED); /* of the attempt before */
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    office_free(office);
}

static void a_refused_vote_begins_a_new_attempt(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    say_status(office, 2, attempt, 1, STATUS_REFUSED);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 0);
    say_status(office, 3, attempt, 1, STATUS_REFUSED); /* that it is refused is known */
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    say_status(office, 1, attempt, 1, STATUS_CANCELLED); /* but nobody cancelled it */
    office_wait(office, 600 * NS_PER_MS);
    assert_int_equal(office_last(office, MESSAGE_DISSOLVE, 2)->message.dissolve.attempt,
                     attempt + 1);
    office_free(office);
}

/* Of a bank that had gone on further before its journal was put back. */
static void what_answers_no_attempt_of_now_is_cancelled(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    say_status(office, 2, 1, 1, STATUS_QUIESCED);
    assert_int_equal(order_to(office, 2), DISSOLVE_CANCEL);
    office_command(office, "delete-cohort c1");
    say_status(office, 2, 2, 1, STATUS_QUIESCED);
    assert_int_equal(order_to(office, 2), DISSOLVE_CANCEL);
    assert_int_equal(office_last(office, MESSAGE_DISSOLVE, 2)->message.dissolve.attempt, 2);
    assert_int_equal(office_count(office, MESSAGE_STATUS_ACK, 2), 0);
    office_free(office);
}

static void an_order_is_repeated_to_those_who_have_not_answered(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    say_status(office, 1, 1, 1, STATUS_QUIESCED);
    office_wait(office, NS_PER_S);
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 1), 0);
    assert_true(office_count(office, MESSAGE_DISSOLVE, 2) >= 2);
    office_free(office);
}

static void the_parts_of_a_report_must_be_of_one_version(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    say_status(office, 1, 1, 1, STATUS_QUIESCED);
    say_status(office, 2, 1, 1, STATUS_QUIESCED);
    Message part = office_status(1, 2, 3, 1, 1, STATUS_QUIESCED, 10000);
    part.status.count = 2;
    office_say(office, 3, &part);
    part.status.version = 2;
    part.status.first = 2;
    part.status.count = 1;
    office_say(office, 3, &part);
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 0), 0);
    part.status.first = 0;
    part.status.count = 2;
    office_say(office, 3, &part);
    assert_int_equal(order_to(office, 3), DISSOLVE_PREPARE);
    office_free(office);
}

/* c1 and c2 have voted; c3 votes with the version of its report before. */
static Office *voted_office(Message *vote)
{
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    say_status(office, 1, attempt, 2, STATUS_VOTED);
    say_status(office, 2, attempt, 2, STATUS_VOTED);
    *vote = office_status(1, 2, 3, attempt, 1, STATUS_VOTED, 10000);
    return office;
}

static void a_vote_takes_the_place_of_the_report_of_its_version(void **state)
{
    (void)state;
    Message vote;
    Office *office = voted_office(&vote);
    vote.status.count = 2;
    office_say(office, 3, &vote);
    assert_int_equal(office_row(office, 1).cohort, 1); /* a part of the vote is missing */
    vote.status.first = 2;
    vote.status.count = 1;
    office_say(office, 3, &vote);
    assert_int_equal(order_to(office, 3), DISSOLVE_DONE);
    office_free(office);
}

static void a_later_version_counts_whatever_it_says(void **state)
{
    (void)state;
    Message vote;
    Office *office = voted_office(&vote);
    Message part = vote;
    part.status.version = 2;
    part.status.count = 2;
    office_say(office, 3, &part);
    say_status(office, 3, vote.status.attempt, 3, STATUS_QUIESCED);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 0);
    assert_int_equal(office_count(office, MESSAGE_STATUS_ACK, 3), 1);
    office_free(office);
}

static void a_report_that_comes_after_the_vote_of_its_version_is_stale(void **state)
{
    (void)state;
    Message vote;
    Office *office = voted_office(&vote);
    Message part = vote;
    part.status.count = 2;
    office_say(office, 3, &part);
    say_status(office, 3, vote.status.attempt, 1, STATUS_QUIESCED); /* sent before */
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    part.status.first = 2;
    part.status.count = 1;
    office_say(office, 3, &part);
    assert_int_equal(order_to(office, 3), DISSOLVE_DONE);
    office_free(office);
}

static void what_is_not_asked_for_ends_no_attempt(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    Message beyond = office_status(1, 3, 3, 1, 1, STATUS_QUIESCED, 1);
    office_say(office, 4, &beyond); /* there are members 0 to 2 */
    assert_int_equal(bank_dropped(office->bank, DROP_SENDER), 1);
    assert_int_equal(office->sent->len, 0);
    office_command(office, "delete-cohort c1");
    for (int i = 1; i <= 3; i++)
        say_status(office, i, 1, 1, STATUS_CANCELLED); /* but nobody cancelled */
    assert_false(bank_idle(office->bank, (char[80]){0}, 80));
    Message leap = office_status(1, 0, 3, 1, 1, STATUS_QUIESCED, 1);
    leap.status.report = UINT64_MAX;
    office_say(office, 1, &leap);
    assert_int_equal(bank_dropped(office->bank, DROP_LEAP), 1);
    assert_int_equal(office->sent->len, 0);
    for (int i = 1; i <= 3; i++)
        say_status(office, i, 1, 1, STATUS_QUIESCED);
    vote_all(office, 1);
    Message left = {.kind = MESSAGE_LEFT, .left = {.cohort = 1, .member = 3}};
    office_say(office, 4, &left);
    assert_int_equal(bank_dropped(office->bank, DROP_SENDER), 2);
    assert_int_equal(bank_dropped(office->bank, DROP_DUPLICATE), 0);
    office_free(office);
}

static void an_attempt_of_an_earlier_run_is_cancelled(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    say_status(office, 1, attempt, 2, STATUS_VOTED);
    Office *again = office_restart(office);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(order_to(again, i), DISSOLVE_CANCEL);
    say_status(again, 1, attempt, 2, STATUS_VOTED); /* asks what became of it */
    assert_int_equal(order_to(again, 1), DISSOLVE_CANCEL);
    for (int i = 1; i <= 3; i++)
        say_status(again, i, attempt, 2, STATUS_CANCELLED);
    assert_true(bank_idle(again->bank, (char[80]){0}, 80));
    Office *third = office_restart(again); /* and is not cancelled twice */
    assert_true(bank_idle(third->bank, (char[80]){0}, 80));
    office_free(third);
    office_free(again);
    office_free(office);
}

static void a_status_for_no_attempt_is_told_what_became_of_it(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    say_status(office, 1, attempt + 7, 1, STATUS_QUIESCED);
    assert_int_equal(order_to(office, 1), DISSOLVE_CANCEL);
    vote_all(office, attempt);
    say_status(office, 3, attempt, 2, STATUS_VOTED); /* has not heard yet */
    assert_int_equal(order_to(office, 3), DISSOLVE_DONE);
    say_left(office, 3);
    say_status(office, 3, attempt, 2, STATUS_VOTED); /* late: it has left */
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    Message stranger = office_status(1, 5, 6, attempt, 2, STATUS_VOTED, 1);
    office_say(office, 6, &stranger);
    assert_int_equal(bank_dropped(office->bank, DROP_SENDER), 1);
    office_free(office);
}

static void a_dissolving_that_cannot_be_is_refused_at_once(void **state)
{
    (void)state;
    Office *office = office_new(1);
    const BankRow foreign = {.name = office_name(9), .cohort = 40};
    const BankRow exited = {.name = office_name(7), .exited = true};
    office_cohort(office, 2);
    office_open(office, 3, "1");
    assert_int_equal(bank_load_row(office->bank, &foreign), BANK_LOAD_OK);
    assert_int_equal(bank_load_row(office->bank, &exited), BANK_LOAD_OK);
    static const struct {
        const char *line;
        Refusal refusal;
    } cases[] = {
        {"delete-cohort c8", REFUSAL_UNKNOWN_NAME},
        {"delete-cohort c7", REFUSAL_EXITED_NAME},
        {"delete-cohort c3", REFUSAL_NOT_IN_COHORT},
        {"delete-cohort c9", REFUSAL_FOREIGN_COHORT},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        office_command(office, cases[i].line);
        office_expect_failure(office_notice(office), cases[i].refusal);
    }
    office_command(office, "delete-cohort c1");
    Message request = office_request(2, 1, COMMAND_DELETE_COHORT, 2);
    office_say(office, 2, &request);
    office_expect_failure(office_answer(office, 2), REFUSAL_BUSY_ELSEWHERE);
    office_free(office);
}

static void a_report_that_is_old_or_of_another_size_changes_nothing(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    say_status(office, 2, 1, 1, STATUS_QUIESCED);
    say_status(office, 3, 1, 1, STATUS_QUIESCED);
    Message ahead = office_status(1, 0, 3, 1, 5, STATUS_QUIESCED, 10000);
    ahead.status.settled = false;
    office_say(office, 1, &ahead);
    say_status(office, 1, 1, 4, STATUS_QUIESCED); /* it was settled once */
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    Message larger = office_status(1, 0, 4, 1, 6, STATUS_QUIESCED, 10000);
    office_say(office, 1, &larger);
    assert_int_equal(bank_dropped(office->bank, DROP_MALFORMED), 1);
    assert_int_equal(office->sent->len, 0);
    say_status(office, 1, 1, 6, STATUS_QUIESCED);
    assert_int_equal(order_to(office, 1), DISSOLVE_PREPARE);
    office_free(office);
}

static void a_bank_that_stops_cancels_the_dissolving(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_quiesce(office, office_cohort(office, 3), 3);
    office_stop(office);
    office_expect_failure(office_notice(office), REFUSAL_STOPPING);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(order_to(office, i), DISSOLVE_CANCEL);
    assert_true(office->ended);
    office_free(office);
}

static void a_bank_that_stops_tells_of_what_is_on_record(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    vote_all(office, attempt);
    office_stop(office);
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    office_free(office);
}

static void only_the_attempt_itself_counts_as_cancelled(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    say_status(office, 1, 1, 1, STATUS_CANCELLED); /* of long ago: only acknowledged */
    assert_int_equal(office_count(office, MESSAGE_STATUS_ACK, 1), 1);
    office_command(office, "delete-cohort c1");
    Office *again = office_restart(office);
    for (int i = 1; i <= 3; i++)
        say_status(again, i, 0, 1, STATUS_CANCELLED);
    assert_false(bank_idle(again->bank, (char[80]){0}, 80));
    for (int i = 1; i <= 3; i++)
        say_status(again, i, 1, 1, STATUS_CANCELLED);
    assert_true(bank_idle(again->bank, (char[80]){0}, 80));
    office_free(again);
    office_free(office);
}

static void a_client_waits_for_its_delete_cohort_until_all_have_left(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    Message request = office_request(2, 1, COMMAND_DELETE_COHORT, 2);
    office_say(office, 2, &request);
    for (int i = 1; i <= 3; i++)
        say_status(office, i, 1, 1, STATUS_QUIESCED);
    vote_all(office, 1);
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 2), 0);
    office_say(office, 2, &request);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 2), 1);
    Office *again = office_restart(office); /* it is on record, so that a new run may answer */
    office_say(again, 2, &request);
    assert_int_equal(office_answer(again, 2).kind, NOTICE_SUCCESS);
    office_free(again);
    for (int i = 1; i <= 3; i++)
        say_left(office, i);
    assert_int_equal(office_answer(office, 2).kind, NOTICE_SUCCESS);
    assert_int_equal(office_answer(office, 2).cohort, 1);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delete_cohort_waits_until_the_counts_balance),
        cmocka_unit_test(incarnations_that_do_not_agree_do_not_balance),
        cmocka_unit_test(a_dissolved_cohort_frees_its_members_with_their_final_balances),
        cmocka_unit_test(members_are_reused_only_after_left),
        cmocka_unit_test(the_end_of_the_grace_is_told_to_who_asked_alone),
        cmocka_unit_test(members_that_have_not_left_are_asked_again_after_a_restart),
        cmocka_unit_test(unbalanced_votes_are_cancelled),
        cmocka_unit_test(a_refused_vote_begins_a_new_attempt),
        cmocka_unit_test(what_answers_no_attempt_of_now_is_cancelled),
        cmocka_unit_test(an_order_is_repeated_to_those_who_have_not_answered),
        cmocka_unit_test(the_parts_of_a_report_must_be_of_one_version),
        cmocka_unit_test(a_vote_takes_the_place_of_the_report_of_its_version),
        cmocka_unit_test(a_later_version_counts_whatever_it_says),
        cmocka_unit_test(a_report_that_comes_after_the_vote_of_its_version_is_stale),
        cmocka_unit_test(what_is_not_asked_for_ends_no_attempt),
        cmocka_unit_test(an_attempt_of_an_earlier_run_is_cancelled),
        cmocka_unit_test(a_status_for_no_attempt_is_told_what_became_of_it),
        cmocka_unit_test(a_dissolving_that_cannot_be_is_refused_at_once),
        cmocka_unit_test(a_report_that_is_old_or_of_another_size_changes_nothing),
        cmocka_unit_test(a_bank_that_stops_cancels_the_dissolving),
        cmocka_unit_test(a_bank_that_stops_tells_of_what_is_on_record),
        cmocka_unit_test(only_the_attempt_itself_counts_as_cancelled),
        cmocka_unit_test(a_client_waits_for_its_delete_cohort_until_all_have_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
