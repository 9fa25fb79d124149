/* A member whose cohort is dissolved, order by order: "Membership", rules 5 to 8. Among others, and
 * across crashes: test_leaving.c. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "core/leaving.h"
#include "tests/core/patron.h"

static void order(Patron *patron, DissolveOrder word, uint64_t attempt)
{
    patron_say(patron, (Message){.kind = MESSAGE_DISSOLVE,
                                 .dissolve = {.cohort = 1, .attempt = attempt, .order = word}});
}

static void expect_status(const Patron *patron, StatusState state, uint64_t attempt)
{
    Message status;
    assert_true(patron_said(patron, MESSAGE_STATUS, &status));
    assert_int_equal(status.status.state, state);
    assert_int_equal(status.status.attempt, attempt);
    assert_int_equal(status.status.cohort, 1);
    assert_int_equal(status.status.member, 0);
}

static void acknowledge(Patron *patron, const Message *status)
{
    patron_say(patron, (Message){.kind = MESSAGE_STATUS_ACK,
                                 .status_ack = {.cohort = status->status.cohort,
                                                .attempt = status->status.attempt,
                                                .version = status->status.version,
                                                .first = status->status.first}});
}

/* Of two members; has voted in attempt 5. */
static Patron *voted(void)
{
    Patron *patron = patron_member(2);
    order(patron, DISSOLVE_QUIESCE, 5);
    order(patron, DISSOLVE_PREPARE, 5);
    expect_status(patron, STATUS_VOTED, 5);
    return patron;
}

/* --- reports --- */

static void a_report_has_a_row_for_every_member_in_parts_of_40(void **state)
{
    (void)state;
    static const uint16_t counts[] = {2, 39, 40, 41, 79, 80, 81};
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        const uint16_t count = counts[i];
        Patron *patron = patron_member(count);
        for (uint16_t member = 0; member < count; member++)
            patron->customer->process.peers[member].channel.known = 100u + member;
        order(patron, DISSOLVE_QUIESCE, 1);
        uint16_t next = 0;
        for (size_t j = 0; j < effects_count(patron->effects); j++) {
            const Effect *effect = effects_at(patron->effects, j);
            WireReader reader;
            Header header;
            Message part;
            if (effect->kind != EFFECT_SEND || effect->send.port != PORT_BANK)
                continue;
            wire_open(&reader, effect->send.bytes, effect->send.length, &header);
            while (wire_next(&reader, &part)) {
                assert_int_equal(part.status.total, count);
                assert_int_equal(part.status.first, next);
                assert_true(part.status.count > 0);
                assert_true(part.status.count == 40 || next + part.status.count == count);
                for (uint16_t row = 0; row < part.status.count; row++)
                    assert_int_equal(part.status.counts[row].known, 100 + next++);
            }
        }
        assert_int_equal(next, count);
        const Dissolving *dissolving = &patron->customer->membership.dissolving;
        for (uint16_t first = 0; first < count; first += 40) {
            assert_true(dissolving->due); /* while a part is not acknowledged */
            const Message part = {
                .kind = MESSAGE_STATUS,
                .status = {
                    .cohort = 1, .attempt = 1, .version = dissolving->version, .first = first}};
            acknowledge(patron, &part);
        }
        assert_false(dissolving->due);
        patron_free(patron);
    }
}

static void a_report_says_the_balance_and_which_report_it_would_be(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    Message status;
    order(patron, DISSOLVE_QUIESCE, 1);
    assert_true(patron_said(patron, MESSAGE_STATUS, &status));
    assert_int_equal(status.status.balance, PATRON_BALANCE);
    assert_int_equal(status.status.report, 2); /* the account was opened with the first */
    assert_true(status.status.settled);
    patron_free(patron);
}

static void a_change_is_reported_anew_and_nothing_else(void **state)
{
    (void)state;
    Patron *patron = patron_member(3);
    Message first, second;
    order(patron, DISSOLVE_QUIESCE, 1);
    assert_true(patron_said(patron, MESSAGE_STATUS, &first));
    acknowledge(patron, &first);
    patron_wait(patron, 20 * NS_PER_S);
    assert_true(patron_silent(patron, MESSAGE_STATUS));
    assert_int_equal(first.status.version, 1);
    for (int peer = 0; peer <= 2; peer++) {
        for (int field = 0; field < 2; field++) {
            Channel *channel = &patron->customer->process.peers[peer].channel;
            uint64_t *const fields[] = {&channel->known, &channel->state.in};
            const uint64_t before = *fields[field];
            *fields[field] = before + 1;
            patron_wait(patron, 1);
            const bool told = patron_said(patron, MESSAGE_STATUS, &second);
            *fields[field] = before;
            assert_true(told);
            assert_int_equal(second.status.version, first.status.version + 1);
            patron_wait(patron, 1);
            assert_true(patron_said(patron, MESSAGE_STATUS, &first));
            acknowledge(patron, &first);
        }
    }
    patron_free(patron);
}

/* Whichever bits of which count it changes. */
static void no_change_looks_like_none(void **state)
{
    (void)state;
    Patron *patron = patron_member(3);
    order(patron, DISSOLVE_QUIESCE, 1);
    for (int bit = 0; bit < 64; bit++) {
        patron->customer->process.peers[2].channel.known ^= UINT64_C(1) << bit;
        patron_wait(patron, 1);
        assert_false(patron_silent(patron, MESSAGE_STATUS));
    }
    patron_free(patron);
}

static void a_report_says_whether_what_was_sent_has_arrived(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    Message status;
    patron_command(patron, "transfer 1 m1"); /* who says nothing */
    order(patron, DISSOLVE_QUIESCE, 1);
    assert_true(patron_said(patron, MESSAGE_STATUS, &status));
    assert_false(status.status.settled);
    order(patron, DISSOLVE_PREPARE, 1);
    expect_status(patron, STATUS_REFUSED, 1);
    patron_free(patron);
}

static void a_report_that_is_heard_is_not_repeated_and_a_new_one_soon(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    const Dissolving *dissolving = &patron->customer->membership.dissolving;
    Message status;
    order(patron, DISSOLVE_QUIESCE, 1);
    for (uint32_t repeats = 1; repeats <= 5; repeats++) {
        assert_int_equal(dissolving->backoff, repeats);
        patron_wait(patron, 20 * NS_PER_S);
    }
    assert_true(patron_said(patron, MESSAGE_STATUS, &status));
    acknowledge(patron, &status);
    patron_wait(patron, 20 * NS_PER_S);
    assert_int_equal(dissolving->backoff, 6);
    patron->customer->process.peers[1].channel.known++;
    patron_wait(patron, 1);
    assert_false(patron_silent(patron, MESSAGE_STATUS));
    assert_int_equal(dissolving->backoff, 1);
    patron_free(patron);
}

static void only_the_acknowledgement_of_the_report_itself_counts(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    Message status;
    order(patron, DISSOLVE_QUIESCE, 5);
    assert_true(patron_said(patron, MESSAGE_STATUS, &status));
    Message wrong[4] = {status, status, status, status};
    wrong[0].status.cohort = 2;
    wrong[1].status.attempt = 4;
    wrong[2].status.version--;
    wrong[3].status.first = COUNTS_PER_MESSAGE_MAX;
    for (uint64_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        acknowledge(patron, &wrong[i]);
        assert_int_equal(patron_dropped(patron, DROP_STALE), i + 1);
        assert_true(patron->customer->membership.dissolving.due);
    }
    acknowledge(patron, &status);
    assert_false(patron->customer->membership.dissolving.due);
    assert_int_equal(patron_dropped(patron, DROP_STALE), 4);
    order(patron, DISSOLVE_CANCEL, 5);
    acknowledge(patron, &status); /* nothing is reported any more */
    assert_int_equal(patron_dropped(patron, DROP_STALE), 5);
    patron_wait(patron, 20 * NS_PER_S);
    assert_true(patron_silent(patron, MESSAGE_STATUS));
    patron_free(patron);
}

static void an_acknowledgement_without_a_cohort_is_stale(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    const Message status = {.kind = MESSAGE_STATUS, .status = {.cohort = 1}};
    acknowledge(patron, &status);
    assert_int_equal(patron_dropped(patron, DROP_STALE), 1);
    patron_free(patron);
}

/* --- orders --- */

static void a_quiesce_repeated_is_answered_again_and_an_older_one_is_not(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    Message first, again;
    order(patron, DISSOLVE_QUIESCE, 5);
    assert_true(patron_said(patron, MESSAGE_STATUS, &first));
    acknowledge(patron, &first);
    order(patron, DISSOLVE_QUIESCE, 4);
    assert_true(patron_silent(patron, MESSAGE_STATUS));
    order(patron, DISSOLVE_QUIESCE, 5);
    assert_true(patron_said(patron, MESSAGE_STATUS, &again));
    assert_int_equal(again.status.version, first.status.version);
    order(patron, DISSOLVE_PREPARE, 5);
    assert_true(patron_said(patron, MESSAGE_STATUS, &again));
    acknowledge(patron, &again);
    order(patron, DISSOLVE_QUIESCE, 5); /* late: it has voted */
    assert_true(patron_silent(patron, MESSAGE_STATUS));
    assert_true(patron->customer->membership.dissolving.voted);
    patron_free(patron);
}

static void a_vote_is_given_only_for_what_it_was_quiesced_for(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    order(patron, DISSOLVE_PREPARE, 5);
    expect_status(patron, STATUS_REFUSED, 5);
    order(patron, DISSOLVE_QUIESCE, 5);
    order(patron, DISSOLVE_PREPARE, 6);
    expect_status(patron, STATUS_REFUSED, 6);
    order(patron, DISSOLVE_PREPARE, 5);
    expect_status(patron, STATUS_VOTED, 5);
    assert_true(patron->customer->process.frozen);
    order(patron, DISSOLVE_PREPARE, 6);
    expect_status(patron, STATUS_REFUSED, 6);
    patron_free(patron);
}

static void who_has_anything_open_refuses_to_vote(void **state)
{
    (void)state;
    enum { MEMBERS = 3, RECOVERING = MEMBERS, ANNOUNCING, NOTHING };
    for (int what = 0; what <= NOTHING; what++) {
        Patron *patron = patron_member(MEMBERS);
        Process *process = &patron->customer->process;
        order(patron, DISSOLVE_QUIESCE, 5);
        if (what < MEMBERS)
            process->peers[what].channel.closed.instance = (Instance){1, 1};
        else if (what == RECOVERING)
            process->recovering = true;
        else if (what == ANNOUNCING)
            g_array_set_size(process->announcements, 1);
        order(patron, DISSOLVE_PREPARE, 5);
        assert_int_equal(patron->customer->membership.dissolving.voted, what == NOTHING);
        assert_int_equal(process->frozen, what == NOTHING);
        g_array_set_size(process->announcements, 0);
        patron_free(patron);
    }
}

static void a_vote_that_was_cancelled_is_forgotten_on_disk_too(void **state)
{
    (void)state;
    Patron *patron = voted();
    order(patron, DISSOLVE_CANCEL, 5);
    expect_status(patron, STATUS_CANCELLED, 5);
    assert_false(patron->customer->process.frozen);
    patron_crash(patron);
    assert_false(patron->customer->membership.dissolving.voted);
    assert_false(patron->customer->process.frozen);
    assert_true(patron_silent(patron, MESSAGE_STATUS));
    patron_free(patron);
}

static void an_attempt_that_was_cancelled_stays_so_after_a_crash(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    order(patron, DISSOLVE_CANCEL, 5);
    patron_crash(patron);
    order(patron, DISSOLVE_QUIESCE, 5);
    assert_true(patron_silent(patron, MESSAGE_STATUS));
    order(patron, DISSOLVE_QUIESCE, 6);
    expect_status(patron, STATUS_QUIESCED, 6);
    patron_free(patron);
}

static void a_vote_that_was_acknowledged_is_told_again_after_a_crash(void **state)
{
    (void)state;
    Patron *patron = voted();
    Message vote;
    assert_true(patron_said(patron, MESSAGE_STATUS, &vote));
    acknowledge(patron, &vote);
    patron->customer->account_changed = true; /* that it was acknowledged is on its disk */
    patron_wait(patron, 20 * NS_PER_S);
    assert_true(patron_silent(patron, MESSAGE_STATUS));
    patron_crash(patron);
    expect_status(patron, STATUS_VOTED, 5);
    patron_free(patron);
}

/* --- the end --- */

static void who_leaves_is_told_and_says_so_as_often_as_it_is_asked(void **state)
{
    (void)state;
    Patron *patron = voted();
    Message left;
    for (int time = 0; time < 2; time++) {
        order(patron, DISSOLVE_DONE, 5);
        assert_true(patron_said(patron, MESSAGE_LEFT, &left));
        assert_int_equal(left.left.cohort, 1);
        assert_int_equal(left.left.member, 0);
        const Notice *told = patron_told(patron, NOTICE_LEFT);
        assert_int_equal(told != NULL, time == 0);
        if (told != NULL) {
            assert_int_equal(told->cohort, 1);
            assert_int_equal(told->balance, PATRON_BALANCE);
        }
    }
    assert_int_equal(customer_cohort(patron->customer), 0);
    assert_true(customer_has_account(patron->customer));
    patron_free(patron);
}

static void the_balance_it_left_with_is_the_last_report_before_the_next(void **state)
{
    (void)state;
    Patron *patron = voted();
    Message vote, report;
    assert_true(patron_said(patron, MESSAGE_STATUS, &vote));
    order(patron, DISSOLVE_DONE, 5);
    patron_wait(patron, 20 * NS_PER_S);
    assert_true(patron_silent(patron, MESSAGE_REPORT)); /* the bank has it */
    patron_command(patron, "deposit 1");
    assert_true(patron_said(patron, MESSAGE_REPORT, &report));
    assert_int_equal(report.report.version, vote.status.report + 1);
    assert_int_equal(report.report.balance, PATRON_BALANCE + 100);
    patron_free(patron);
}

static void who_has_left_owes_no_report_of_before(void **state)
{
    (void)state;
    Patron *patron = voted();
    patron->customer->membership.report_due = true;
    patron->customer->membership.report_ns = patron->now_ns + NS_PER_S;
    order(patron, DISSOLVE_DONE, 5);
    patron_wait(patron, 20 * NS_PER_S);
    assert_true(patron_silent(patron, MESSAGE_REPORT));
    patron_free(patron);
}

static void an_order_for_another_cohort_or_before_the_vote_is_dropped(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    order(patron, DISSOLVE_DONE, 0);
    assert_int_equal(patron_dropped(patron, DROP_STALE), 1);
    assert_int_equal(customer_cohort(patron->customer), 1);
    for (DissolveOrder word = DISSOLVE_QUIESCE; word <= DISSOLVE_DONE; word++) {
        patron_say(patron, (Message){.kind = MESSAGE_DISSOLVE,
                                     .dissolve = {.cohort = 2, .attempt = 1, .order = word}});
        assert_true(patron_silent(patron, MESSAGE_STATUS));
        assert_true(patron_silent(patron, MESSAGE_LEFT));
        assert_int_equal(patron_dropped(patron, DROP_COHORT), word - DISSOLVE_QUIESCE + 1);
    }
    patron_free(patron);
    patron = voted();
    order(patron, DISSOLVE_DONE, 5);
    order(patron, DISSOLVE_QUIESCE, 6); /* it is in none any more */
    assert_true(patron_silent(patron, MESSAGE_LEFT));
    assert_true(patron_silent(patron, MESSAGE_STATUS));
    assert_int_equal(patron_dropped(patron, DROP_COHORT), 1);
    patron_free(patron);
}

static void an_order_about_no_cohort_is_dropped_by_who_is_in_none(void **state)
{
    (void)state;
    for (int word = DISSOLVE_QUIESCE; word <= DISSOLVE_CANCEL; word++) {
        Patron *patron = patron_with_account();
        patron_say(patron, (Message){.kind = MESSAGE_DISSOLVE,
                                     .dissolve = {.attempt = 1, .order = (DissolveOrder)word}});
        assert_int_equal(patron_dropped(patron, DROP_COHORT), 1);
        assert_true(patron_silent(patron, MESSAGE_STATUS));
        patron_free(patron);
    }
}

/* --- what is kept --- */

static void a_vote_of_no_cohort_is_damage(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron->customer->membership.dissolving.voted = true; /* as no process can have */
    patron->customer->account_changed = true;
    patron_wait(patron, 1);
    CustomerConfig config = patron->config;
    config.resume = patron_name("a");
    Customer *again = customer_new(&config);
    assert_int_equal(customer_load(again, patron->shelf), LOAD_DAMAGED);
    customer_free(again);
    patron_free(patron);
}

static void a_vote_of_more_members_than_a_cohort_has_does_not_code(void **state)
{
    (void)state;
    Patron *patron = voted();
    Dissolving *dissolving = &patron->customer->membership.dissolving;
    g_free(dissolving->final.counts);
    dissolving->final.counts = g_new0(StatusCount, MEMBERS_MAX + 1);
    for (uint16_t count = MEMBERS_MAX; count <= MEMBERS_MAX + 1; count++) {
        Coder coder = coder_encode_growing();
        dissolving->final.count = count;
        leaving_code(&coder, dissolving);
        assert_int_equal(coder.failed, count > MEMBERS_MAX);
        coder_deinit(&coder);
    }
    patron_free(patron);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_a_row_for_every_member_in_parts_of_40),
        cmocka_unit_test(a_report_says_the_balance_and_which_report_it_would_be),
        cmocka_unit_test(a_change_is_reported_anew_and_nothing_else),
        cmocka_unit_test(no_change_looks_like_none),
        cmocka_unit_test(a_report_says_whether_what_was_sent_has_arrived),
        cmocka_unit_test(a_report_that_is_heard_is_not_repeated_and_a_new_one_soon),
        cmocka_unit_test(only_the_acknowledgement_of_the_report_itself_counts),
        cmocka_unit_test(an_acknowledgement_without_a_cohort_is_stale),
        cmocka_unit_test(a_quiesce_repeated_is_answered_again_and_an_older_one_is_not),
        cmocka_unit_test(a_vote_is_given_only_for_what_it_was_quiesced_for),
        cmocka_unit_test(who_has_anything_open_refuses_to_vote),
        cmocka_unit_test(a_vote_that_was_cancelled_is_forgotten_on_disk_too),
        cmocka_unit_test(an_attempt_that_was_cancelled_stays_so_after_a_crash),
        cmocka_unit_test(a_vote_that_was_acknowledged_is_told_again_after_a_crash),
        cmocka_unit_test(who_leaves_is_told_and_says_so_as_often_as_it_is_asked),
        cmocka_unit_test(the_balance_it_left_with_is_the_last_report_before_the_next),
        cmocka_unit_test(who_has_left_owes_no_report_of_before),
        cmocka_unit_test(an_order_for_another_cohort_or_before_the_vote_is_dropped),
        cmocka_unit_test(an_order_about_no_cohort_is_dropped_by_who_is_in_none),
        cmocka_unit_test(a_vote_of_no_cohort_is_damage),
        cmocka_unit_test(a_vote_of_more_members_than_a_cohort_has_does_not_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
