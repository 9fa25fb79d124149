/* A cohort that cannot be dissolved in time: who is named, and what is left. The cohort is the
 * first, of c1, c2 and c3. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/office.h"

static void say_status(Office *office, int customer, uint64_t attempt, uint64_t version,
                       StatusState state)
{
    Message status = office_status(1, (uint16_t)(customer - 1), 3, attempt, version, state, 10000);
    office_say(office, customer, &status);
}

static DissolveOrder order_to(const Office *office, int customer)
{
    return office_last(office, MESSAGE_DISSOLVE, customer)->message.dissolve.order;
}

enum { C1 = 1 << 1, C2 = 1 << 2, C3 = 1 << 3 };

/* Waits until the bank says how its command ended; whoever is not `silent` answers every QUIESCE,
 * c2 always with a transfer whose fate it does not know; who is `refusing` only refuses to vote. */
static Notice wait_unsettled(Office *office, unsigned silent, unsigned refusing)
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
            if (refusing & 1u << i)
                status.status.state = STATUS_REFUSED;
            if (!(silent & 1u << i))
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
    Notice notice = wait_unsettled(office, 0, 0);
    office_expect_failure(notice, REFUSAL_UNSETTLED);
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
    Notice notice = wait_unsettled(office, C3, 0);
    office_expect_failure(notice, REFUSAL_NO_ANSWER);
    assert_string_equal(notice.name.text, "c3");
    const Message *order = &office_last(office, MESSAGE_DISSOLVE, 1)->message;
    assert_int_equal(order->dissolve.order, DISSOLVE_CANCEL);
    uint64_t attempt = order->dissolve.attempt;
    say_status(office, 1, attempt, 1, STATUS_CANCELLED);
    say_status(office, 2, attempt, 1, STATUS_CANCELLED);
    office_wait(office, 60 * NS_PER_S); /* c3 is told when it comes back, however late */
    assert_int_equal(office_count(office, MESSAGE_DISSOLVE, 1), 0);
    assert_int_equal(order_to(office, 3), DISSOLVE_CANCEL);
    say_status(office, 3, attempt, 1, STATUS_QUIESCED); /* before it hears of that */
    assert_int_equal(order_to(office, 3), DISSOLVE_CANCEL);
    say_status(office, 3, attempt, 1, STATUS_CANCELLED);
    assert_true(bank_idle(office->bank, (char[80]){0}, 80));
    assert_int_equal(office_row(office, 1).cohort, 1);
    office_free(office);
}

static void whoever_was_heard_the_longest_ago_is_named(void **state)
{
    (void)state;
    static const struct {
        unsigned silent;
        const char *named;
    } cases[] = {{C1, "c1"}, {C2, "c2"}, {C1 | C2, "c1"}, {C2 | C3, "c2"}, {C1 | C2 | C3, "c1"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Office *office = office_new(1);
        office_cohort(office, 3);
        office_command(office, "delete-cohort c3");
        Notice notice = wait_unsettled(office, cases[i].silent, 0);
        office_expect_failure(notice, REFUSAL_NO_ANSWER);
        assert_string_equal(notice.name.text, cases[i].named);
        office_free(office);
    }
}

static void who_only_refuses_has_been_heard(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    Notice notice = wait_unsettled(office, 0, C3);
    office_expect_failure(notice, REFUSAL_UNSETTLED);
    assert_string_equal(notice.name.text, "c3");
    office_free(office);
}

/* c1 has been heard, but has not reported in the last attempt; c3 has not been heard at all. */
static void silence_is_named_before_a_report_that_is_missing(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    Notice notice = wait_unsettled(office, C3, C1);
    office_expect_failure(notice, REFUSAL_NO_ANSWER);
    assert_string_equal(notice.name.text, "c3");
    office_stop(office); /* whoever asked has been answered */
    assert_int_equal(office->notices->len, 0);
    office_free(office);
}

static void ten_seconds_are_a_silence(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    const uint64_t start_ns = office->now_ns;
    office_command(office, "delete-cohort c1");
    uint64_t attempt = 1;
    while (office->now_ns < start_ns + 30 * NS_PER_S) {
        for (int i = 1; i <= 3; i++) {
            Message status = office_status(1, (uint16_t)(i - 1), 3, attempt, 1, STATUS_QUIESCED, 1);
            status.status.settled = false;
            if (i != 2 || office->now_ns <= start_ns + 20 * NS_PER_S)
                office_say(office, i, &status);
        }
        office_wait(office, NS_PER_S / 2);
        if (office_count(office, MESSAGE_DISSOLVE, 1) > 0)
            attempt = office_last(office, MESSAGE_DISSOLVE, 1)->message.dissolve.attempt;
    }
    office_expect_failure(office_notice(office), REFUSAL_NO_ANSWER);
    assert_string_equal(office_notice(office).name.text, "c2");
    office_free(office);
}

/* Everything balances, and c2 cannot vote whenever it is asked: most of the time is a pause. */
static void who_is_heard_but_never_votes_is_given_up_in_the_end(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_cohort(office, 3);
    office_command(office, "delete-cohort c1");
    uint64_t attempt = 1;
    while (office->notices->len == 0) {
        for (int i = 1; i <= 3; i++)
            say_status(office, i, attempt, 1, STATUS_QUIESCED);
        say_status(office, 2, attempt, 1, STATUS_REFUSED);
        const uint64_t before = attempt;
        for (int tick = 0; tick < 100 && attempt == before && office->notices->len == 0; tick++) {
            office_wait(office, 10 * NS_PER_MS);
            if (office_count(office, MESSAGE_DISSOLVE, 1) > 0)
                attempt = office_last(office, MESSAGE_DISSOLVE, 1)->message.dissolve.attempt;
        }
    }
    office_expect_failure(office_notice(office), REFUSAL_UNSETTLED);
    assert_int_equal(order_to(office, 1), DISSOLVE_CANCEL);
    office_free(office);
}

static void dissolvings_begun_together_are_given_up_in_their_order(void **state)
{
    (void)state;
    enum { COHORTS = 6 };
    Office *office = office_new(1);
    for (int i = 1; i <= 2 * COHORTS; i++)
        office_open(office, i, "1");
    for (uint64_t id = 1; id <= COHORTS; id++) {
        int initiator = 1;
        while (office_row(office, initiator).cohort != 0)
            initiator++;
        g_autofree char *line = g_strdup_printf("new-cohort c%d 2", initiator);
        office_command(office, line);
        for (int i = 1; i <= 2 * COHORTS; i++) { /* whoever is in another so far is not asked */
            Message yes = office_vote(i, PROPOSAL_JOIN, id, REFUSAL_NONE);
            if (office_row(office, i).cohort == 0)
                office_say(office, i, &yes);
        }
    }
    Office *clone = NULL;
    int asked = 0;
    for (int i = 2 * COHORTS; i >= 1; i--) {
        Message request = office_request(i, 1, COMMAND_DELETE_COHORT, i);
        bool first = true; /* of its cohort */
        for (int j = i + 1; j <= 2 * COHORTS; j++)
            first = first && office_row(office, j).cohort != office_row(office, i).cohort;
        if (!first || office_row(office, i).cohort == 0)
            continue;
        office_say(clone != NULL ? clone : office, i, &request);
        if (++asked == COHORTS / 2)
            clone = office_clone(office);
    }
    assert_int_equal(asked, COHORTS);
    office_wait(clone, 30 * NS_PER_S);
    uint16_t last = UINT16_MAX;
    for (guint i = 0; i < clone->sent->len; i++) {
        const OfficeSent *sent = &g_array_index(clone->sent, OfficeSent, i);
        if (sent->message.kind != MESSAGE_ANSWER)
            continue;
        assert_true(sent->to.port < last);
        last = sent->to.port;
        asked--;
    }
    assert_int_equal(asked, 0);
    office_free(clone);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cohort_that_does_not_settle_is_left_as_it_was),
        cmocka_unit_test(a_silent_member_is_named_and_the_others_are_released),
        cmocka_unit_test(whoever_was_heard_the_longest_ago_is_named),
        cmocka_unit_test(who_only_refuses_has_been_heard),
        cmocka_unit_test(silence_is_named_before_a_report_that_is_missing),
        cmocka_unit_test(ten_seconds_are_a_silence),
        cmocka_unit_test(who_is_heard_but_never_votes_is_given_up_in_the_end),
        cmocka_unit_test(dissolvings_begun_together_are_given_up_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
