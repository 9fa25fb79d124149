/* The bank's side of forming and dissolving: "Membership" in the protocol. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/office.h"

static void expect_failure(Notice notice, Refusal refusal)
{
    assert_int_equal(notice.kind, NOTICE_FAILURE);
    assert_int_equal(notice.refusal, refusal);
}

static void say_vote(Office *office, int customer, uint64_t id, Refusal refusal)
{
    Message vote = office_vote(customer, PROPOSAL_JOIN, id, refusal);
    office_say(office, customer, &vote);
}

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

static void open_many(Office *office, int count)
{
    for (int i = 1; i <= count; i++)
        office_open(office, i, "100");
}

/* --- forming --- */

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
    expect_failure(notice, REFUSAL_NO_ANSWER);
    assert_string_equal(notice.name.text, "c2");
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
    expect_failure(notice, REFUSAL_DECLINED);
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
        expect_failure(office_notice(office), cases[i].refusal);
        assert_int_equal(office->sent->len, 0);
    }
    office_command(office, "new-cohort c4 3");
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
    expect_failure(office_notice(office), REFUSAL_IN_COHORT);
    assert_int_equal(office_notice(office).cohort, 1);
    assert_false(office_row(office, 2).exited);
    office_free(office);
}

/* Who is chosen, as "c1 c5 c8", with some of the datagrams repeated in between. */
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

/* --- dissolving --- */

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
    office_wait(office, 3 * NS_PER_S); /* the grace is over; c3 is still asked to leave */
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    assert_int_equal(order_to(office, 3), DISSOLVE_DONE);
    office_command(office, "new-cohort c1 3");
    expect_failure(office_notice(office), REFUSAL_TOO_FEW);
    office_command(office, "exit c3");
    expect_failure(office_notice(office), REFUSAL_BUSY_ELSEWHERE);
    say_left(office, 3);
    office_command(office, "new-cohort c1 3");
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 3);
    assert_int_equal(office_last(office, MESSAGE_PROPOSE, 3)->message.propose.id, 2);
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
    expect_failure(office_notice(again), REFUSAL_BUSY_ELSEWHERE);
    say_left(again, 1);
    say_left(again, 3);
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
    office_wait(office, 600 * NS_PER_MS);
    for (int i = 1; i <= 3; i++) {
        const Message *order = &office_last(office, MESSAGE_DISSOLVE, i)->message;
        assert_int_equal(order->dissolve.order, DISSOLVE_QUIESCE);
        assert_int_equal(order->dissolve.attempt, attempt + 1); /* which cancels the votes */
    }
    say_status(office, 1, attempt, 3, STATUS_VOTED); /* of the attempt before */
    assert_int_equal(office->sent->len, 0);
    office_free(office);
}

static void a_refused_vote_begins_a_new_attempt(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    say_status(office, 2, attempt, 1, STATUS_REFUSED);
    office_wait(office, 600 * NS_PER_MS);
    assert_int_equal(office_last(office, MESSAGE_DISSOLVE, 2)->message.dissolve.attempt,
                     attempt + 1);
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

/* Waits until the bank says how its command ended; whoever is not `silent` answers every QUIESCE,
 * c2 always with a transfer whose fate it does not know. */
static Notice wait_unsettled(Office *office, int silent)
{
    for (int tick = 0; tick < 400; tick++) {
        office_wait(office, 100 * NS_PER_MS);
        if (office->notices->len > 0)
            return office_notice(office);
        if (office_count(office, MESSAGE_DISSOLVE, 0) == 0)
            continue;
        uint64_t attempt = office_last(office, MESSAGE_DISSOLVE, 0)->message.dissolve.attempt;
        for (int i = 1; i <= 3; i++) {
            Message status =
                office_status(1, (uint16_t)(i - 1), 3, attempt, 1, STATUS_QUIESCED, 10000);
            status.status.settled = i != 2;
            if (i != silent)
                office_say(office, i, &status);
        }
    }
    fail_msg("no end");
    return (Notice){0};
}

static void a_cohort_that_does_not_settle_is_left_as_it_was(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    uint64_t start_ns = office->now_ns;
    Notice notice = wait_unsettled(office, 0);
    expect_failure(notice, REFUSAL_UNSETTLED);
    assert_string_equal(notice.name.text, "c2");
    assert_true(office->now_ns - start_ns >= 30 * NS_PER_S);
    assert_int_equal(order_to(office, 1), DISSOLVE_CANCEL);
    assert_int_equal(office_row(office, 1).cohort, 1);
    office_command(office, "delete-cohort c1"); /* at once, instead of the cancelling */
    assert_int_equal(order_to(office, 1), DISSOLVE_QUIESCE);
    office_free(office);
}

static void a_silent_member_is_named_and_the_others_are_released(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    Notice notice = wait_unsettled(office, 3);
    expect_failure(notice, REFUSAL_NO_ANSWER);
    assert_string_equal(notice.name.text, "c3");
    const Message *order = &office_last(office, MESSAGE_DISSOLVE, 1)->message;
    assert_int_equal(order->dissolve.order, DISSOLVE_CANCEL);
    uint64_t attempt = order->dissolve.attempt;
    say_status(office, 1, attempt, 1, STATUS_CANCELLED);
    say_status(office, 2, attempt, 1, STATUS_CANCELLED);
    office_wait(office, 60 * NS_PER_S); /* c3 is told when it comes back, however late */
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 1), 0);
    assert_int_equal(order_to(office, 3), DISSOLVE_CANCEL);
    say_status(office, 3, attempt, 1, STATUS_CANCELLED);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    assert_int_equal(office_row(office, 1).cohort, 1);
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
    office_cohort(office, 2);
    office_open(office, 3, "1");
    assert_int_equal(bank_load_row(office->bank, &foreign), BANK_LOAD_OK);
    static const struct {
        const char *line;
        Refusal refusal;
    } cases[] = {
        {"delete-cohort c8", REFUSAL_UNKNOWN_NAME},
        {"delete-cohort c3", REFUSAL_NOT_IN_COHORT},
        {"delete-cohort c9", REFUSAL_FOREIGN_COHORT},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        office_command(office, cases[i].line);
        expect_failure(office_notice(office), cases[i].refusal);
    }
    office_command(office, "delete-cohort c1");
    Message request = office_request(2, 1, COMMAND_DELETE_COHORT, 2);
    office_say(office, 2, &request);
    expect_failure(office_answer(office, 2), REFUSAL_BUSY_ELSEWHERE);
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
        cmocka_unit_test(delete_cohort_waits_until_the_counts_balance),
        cmocka_unit_test(incarnations_that_do_not_agree_do_not_balance),
        cmocka_unit_test(a_dissolved_cohort_frees_its_members_with_their_final_balances),
        cmocka_unit_test(members_are_reused_only_after_left),
        cmocka_unit_test(members_that_have_not_left_are_asked_again_after_a_restart),
        cmocka_unit_test(unbalanced_votes_are_cancelled),
        cmocka_unit_test(a_refused_vote_begins_a_new_attempt),
        cmocka_unit_test(an_order_is_repeated_to_those_who_have_not_answered),
        cmocka_unit_test(the_parts_of_a_report_must_be_of_one_version),
        cmocka_unit_test(a_cohort_that_does_not_settle_is_left_as_it_was),
        cmocka_unit_test(a_silent_member_is_named_and_the_others_are_released),
        cmocka_unit_test(an_attempt_of_an_earlier_run_is_cancelled),
        cmocka_unit_test(a_status_for_no_attempt_is_told_what_became_of_it),
        cmocka_unit_test(a_dissolving_that_cannot_be_is_refused_at_once),
        cmocka_unit_test(a_cohort_id_of_the_csv_is_not_used_again),
        cmocka_unit_test(a_client_waits_for_its_delete_cohort_until_all_have_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
