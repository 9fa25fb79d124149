/* What a member tells the bank, how often, what it takes for a proof, and where it is told that its
 * peers are. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "core/membership.h"
#include "core/request.h"
#include "tests/core/patron.h"

/* --- votes --- */

static void a_yes_is_said_once_and_again_when_it_is_time(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    const Proposal *proposal = &patron->customer->membership.proposal;
    Message vote;
    patron_say(patron, patron_join_part(1, 2, 0, 2));
    for (uint32_t times = 1; times <= 4; times++) {
        assert_int_equal(patron_times_said(patron, MESSAGE_VOTE, &vote), 1);
        assert_int_equal(proposal->backoff, times);
        assert_int_equal(effects_deadline(patron->effects), proposal->repeat_ns);
        patron_command(patron, "balance");
        assert_true(patron_silent(patron, MESSAGE_VOTE));
        patron_wait(patron, proposal->repeat_ns - patron->now_ns);
    }
    patron_free(patron);
}

static void whatever_is_to_be_said_first_is_waited_for(void **state)
{
    (void)state;
    Customer customer = {.membership = {.proposal = {.pending = true, .repeat_ns = 5}}};
    assert_int_equal(membership_deadline(&customer), 5);
    customer.membership.report_ns = 3; /* but it is not due */
    assert_int_equal(membership_deadline(&customer), 5);
    customer.membership.report_due = true;
    assert_int_equal(membership_deadline(&customer), 3);
    customer.membership.report_ns = 9;
    assert_int_equal(membership_deadline(&customer), 5);
    customer.membership.proposal.pending = false;
    assert_int_equal(membership_deadline(&customer), 9);
    customer.membership.report_due = false;
    assert_int_equal(membership_deadline(&customer), TIME_NEVER);
}

static void nothing_is_said_to_a_proposal_of_long_ago(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 1, "a"));
    assert_int_equal(patron_dropped(patron, DROP_STALE), 1);
    assert_true(patron_silent(patron, MESSAGE_VOTE));
    patron_free(patron);
}

/* --- outcomes --- */

static void an_acknowledgement_says_of_which_outcome_it_is(void **state)
{
    (void)state;
    for (int commit = 0; commit <= 1; commit++) {
        Patron *patron = patron_with_account();
        Message ack;
        patron_say(patron, patron_join_part(1, 2, 0, 2));
        patron_decide(patron, PROPOSAL_JOIN, 1, "a", commit == 1);
        assert_true(patron_said(patron, MESSAGE_OUTCOME_ACK, &ack));
        assert_int_equal(ack.outcome.commit, commit == 1);
        patron_free(patron);
    }
}

/* Its process is at its end: it is not there for the outcome itself. */
static void who_learns_of_its_exit_by_the_answer_acknowledges_the_outcome(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    Message ack;
    patron_command(patron, "exit");
    patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "a"));
    patron_answer(patron, 1, (Notice){.kind = NOTICE_SUCCESS, .command = COMMAND_EXIT});
    assert_non_null(patron_told(patron, NOTICE_SUCCESS));
    assert_int_equal(patron_times_said(patron, MESSAGE_OUTCOME_ACK, &ack), 1);
    assert_int_equal(ack.outcome.proposal, PROPOSAL_EXIT);
    assert_int_equal(ack.outcome.id, 1);
    assert_true(ack.outcome.commit);
    patron_free(patron);
}

static void who_learns_of_its_account_by_the_answer_waits_for_the_outcome(void **state)
{
    (void)state;
    Patron *patron = patron_new(NULL);
    Message proposal = patron_proposal(PROPOSAL_OPEN, 1, "a");
    proposal.propose.client = PATRON_CLIENT;
    proposal.propose.number = 1;
    patron_command(patron, "open a 5");
    patron_hear(patron, &proposal);
    patron_expect_vote(patron, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    patron_answer(patron, 1, (Notice){.kind = NOTICE_SUCCESS, .command = COMMAND_OPEN});
    assert_true(customer_has_account(patron->customer));
    assert_true(patron_silent(patron, MESSAGE_OUTCOME_ACK));
    patron_free(patron);
}

static void an_answer_to_something_else_decides_nothing(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_crash(patron); /* and asks to be resumed */
    patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "a"));
    patron_answer(patron, patron->customer->request.number,
                  (Notice){.kind = NOTICE_SUCCESS, .command = COMMAND_RESUME});
    assert_false(patron->customer->request.active);
    assert_true(patron->customer->membership.proposal.pending);
    assert_true(customer_has_account(patron->customer));
    patron_free(patron);
}

static void what_waited_for_an_outcome_is_asked_at_once(void **state)
{
    (void)state;
    Patron *patron = patron_new(NULL);
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 1, "a"));
    patron_crash(patron);
    assert_true(patron_silent(patron, MESSAGE_REQUEST));
    patron_decide(patron, PROPOSAL_OPEN, 1, "a", false);
    assert_false(patron_silent(patron, MESSAGE_REQUEST));
    patron_free(patron);
}

/* --- proofs --- */

static void quiesce(Patron *patron, uint64_t cohort)
{
    patron_say(patron, (Message){.kind = MESSAGE_DISSOLVE,
                                 .dissolve = {.cohort = cohort, .order = DISSOLVE_QUIESCE}});
}

static void what_is_to_be_dissolved_has_been_formed(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_say(patron, patron_join_part(1, 2, 0, 2));
    quiesce(patron, 2);
    assert_int_equal(customer_cohort(patron->customer), 0);
    quiesce(patron, 1);
    assert_int_equal(customer_cohort(patron->customer), 1);
    patron_free(patron);
}

static void that_a_cohort_was_formed_proves_no_exit_of_that_number(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_say(patron, patron_proposal(PROPOSAL_EXIT, 1, "a"));
    quiesce(patron, 1);
    assert_true(customer_has_account(patron->customer));
    assert_true(patron->customer->membership.proposal.pending);
    patron_free(patron);
}

/* --- reports --- */

static void a_new_balance_is_reported_at_once_and_then_at_its_time(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    const Membership *membership = &patron->customer->membership;
    for (int balance = 0; balance < 2; balance++) {
        patron_command(patron, "deposit 1");
        assert_false(patron_silent(patron, MESSAGE_REPORT));
        assert_int_equal(membership->report_backoff, 1);
        for (int repeat = 0; repeat < 4; repeat++) {
            patron_command(patron, "balance");
            assert_true(patron_silent(patron, MESSAGE_REPORT));
            patron_wait(patron, membership->report_ns - patron->now_ns);
            assert_false(patron_silent(patron, MESSAGE_REPORT));
        }
    }
    patron_free(patron);
}

static void only_the_answer_to_ones_own_report_ends_it(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    const Membership *membership = &patron->customer->membership;
    Message ack = {.kind = MESSAGE_REPORT_ACK};
    patron_command(patron, "deposit 1");
    ack.report.client = PATRON_CLIENT + 1; /* had this port before */
    ack.report.version = membership->report_version;
    patron_hear(patron, &ack);
    assert_true(membership->report_due);
    ack.report.client = PATRON_CLIENT;
    ack.report.version--;
    patron_hear(patron, &ack);
    assert_true(membership->report_due);
    ack.report.version++;
    patron_hear(patron, &ack);
    assert_false(membership->report_due);
    patron_free(patron);
}

/* --- the end --- */

static size_t datagrams_to_the_bank(const Patron *patron)
{
    size_t count = 0;
    for (size_t i = 0; i < effects_count(patron->effects); i++) {
        const Effect *effect = effects_at(patron->effects, i);
        count += effect->kind == EFFECT_SEND && effect->send.port == PORT_BANK;
    }
    return count;
}

/* Else another process could be given the account with a balance that is not its last. */
static void nobody_says_goodbye_without_its_last_balance(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    Message report, bye;
    patron_command(patron, "deposit 1");
    patron_stop(patron);
    assert_int_equal(patron_times_said(patron, MESSAGE_REPORT, &report), 1);
    assert_int_equal(report.report.balance, PATRON_BALANCE + 100);
    assert_true(patron_said(patron, MESSAGE_BYE, &bye));
    assert_int_equal(datagrams_to_the_bank(patron), 1);
    patron_free(patron);
}

static void what_the_bank_knows_is_not_said_again_at_the_end(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    Message bye;
    patron_stop(patron);
    assert_true(patron_silent(patron, MESSAGE_REPORT));
    assert_int_equal(patron_times_said(patron, MESSAGE_BYE, &bye), 1);
    patron_free(patron);
}

/* Whether or not the bank has closed the account, nobody else may be given it before this process
 * knows: it would take the other's account for the one that was closed. */
static void who_may_be_closing_its_account_says_no_goodbye(void **state)
{
    (void)state;
    for (int kind = PROPOSAL_EXIT; kind <= PROPOSAL_JOIN; kind++) {
        Patron *patron = patron_with_account();
        Message proposal = kind == PROPOSAL_JOIN ? patron_join_part(1, 2, 0, 2)
                                                 : patron_proposal(PROPOSAL_EXIT, 1, "a");
        patron_hear(patron, &proposal);
        patron_expect_vote(patron, (ProposalKind)kind, 1, REFUSAL_NONE);
        patron_stop(patron);
        assert_int_equal(patron_silent(patron, MESSAGE_BYE), kind == PROPOSAL_EXIT);
        patron_free(patron);
    }
}

/* --- and the beginning --- */

static void outside_a_cohort_no_cash_moves_before_the_bank_has_said_whose_it_is(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_stop(patron);
    patron_crash(patron);
    patron_command(patron, "withdrawal 5");
    assert_null(patron_told(patron, NOTICE_SUCCESS));
    patron_answer(patron, patron->customer->request.number,
                  (Notice){.kind = NOTICE_SUCCESS, .command = COMMAND_RESUME});
    assert_non_null(patron_told(patron, NOTICE_SUCCESS));
    assert_int_equal(account_balance(&patron->customer->process.application), PATRON_BALANCE - 500);
    patron_free(patron);
}

static void a_silent_bank_has_cash_refused_after_a_start(void **state)
{
    (void)state;
    Patron *patron = patron_with_account();
    patron_stop(patron);
    patron_crash(patron);
    patron_command(patron, "deposit 5");
    assert_null(patron_told(patron, NOTICE_FAILURE));
    patron_wait(patron, BANK_SILENT_NS_MAX);
    assert_int_equal(patron_told(patron, NOTICE_FAILURE)->refusal, REFUSAL_BANK_SILENT);
    assert_int_equal(account_balance(&patron->customer->process.application), PATRON_BALANCE);
    patron_free(patron);
}

static void a_member_has_its_cash_at_once_after_a_start(void **state)
{
    (void)state;
    Patron *patron = patron_member(2);
    patron_stop(patron);
    patron_crash(patron);
    patron_command(patron, "deposit 5");
    assert_true(patron->customer->request.active);
    assert_non_null(patron_told(patron, NOTICE_SUCCESS));
    patron_free(patron);
}

/* --- places --- */

static void who_is_somewhere_else_is_told_everything_anew(void **state)
{
    (void)state;
    Patron *patron = patron_member(3);
    Customer *customer = patron->customer;
    Peer *peer = &customer->process.peers[2];
    const Member moved = {
        .name = patron_name("m2"), .ip = PATRON_IP, .port1 = 1, .port2 = 2, .epoch = 1};
    patron_command(patron, "transfer 1 m2");
    assert_int_equal(peer->channel.sent_upto, 1);
    customer->forced.pause_ns = TIME_NEVER;
    customer->process.instance.initiator = 2;
    customer->process.query_ns = patron->now_ns + 1; /* not TIME_NEVER: it has voted */
    customer->process.members_changed = false;
    membership_relocate(customer, 2, &moved);
    assert_int_equal(peer->member.port1, 1);
    assert_true(peer->moved_due);
    assert_int_equal(peer->control_ns, patron->now_ns);
    assert_int_equal(peer->channel.sent_upto, 0);
    assert_int_equal(customer->forced.pause_ns, 0);
    assert_int_equal(customer->process.query_ns, patron->now_ns);
    assert_true(customer->process.members_changed);
    peer->moved_due = false;
    membership_relocate(customer, 2, &moved); /* that is nothing new */
    assert_false(peer->moved_due);
    customer->process.query_ns = TIME_NEVER;
    patron_free(patron);
}

/* Of a cohort of a, m1 and m2, in which it has that place. */
static Patron *member_at(uint16_t place)
{
    Patron *patron = patron_with_account();
    Message join = patron_join_part(1, 3, 0, 3);
    const Member self = join.propose.members[0];
    join.propose.members[0] = join.propose.members[place];
    join.propose.members[place] = self;
    patron_hear(patron, &join);
    patron_decide(patron, PROPOSAL_JOIN, 1, "a", true);
    return patron;
}

static void members_are_found_in_whatever_order_the_bank_names_them(void **state)
{
    (void)state;
    static const char *const orders[][3] = {
        {"a", "m1", "m2"}, {"m2", "m1", "a"}, {"m1", "a", "m2"}, {"m1", "m2", "b"}};
    for (uint16_t place = 0; place < 3; place++) {
        for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
            Patron *patron = member_at(place);
            const Process *process = &patron->customer->process;
            Member members[3];
            for (int j = 0; j < 3; j++)
                members[j] = (Member){.name = patron_name(orders[i][j]), .port1 = 7, .epoch = 1};
            membership_locate(patron->customer, members, 3);
            assert_int_equal(process->self, place);
            for (int peer = 0; peer < 3; peer++)
                assert_int_equal(process->peers[peer].member.port1 == 7, peer != place);
            patron_free(patron);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_yes_is_said_once_and_again_when_it_is_time),
        cmocka_unit_test(whatever_is_to_be_said_first_is_waited_for),
        cmocka_unit_test(nothing_is_said_to_a_proposal_of_long_ago),
        cmocka_unit_test(an_acknowledgement_says_of_which_outcome_it_is),
        cmocka_unit_test(who_learns_of_its_exit_by_the_answer_acknowledges_the_outcome),
        cmocka_unit_test(who_learns_of_its_account_by_the_answer_waits_for_the_outcome),
        cmocka_unit_test(an_answer_to_something_else_decides_nothing),
        cmocka_unit_test(what_waited_for_an_outcome_is_asked_at_once),
        cmocka_unit_test(what_is_to_be_dissolved_has_been_formed),
        cmocka_unit_test(that_a_cohort_was_formed_proves_no_exit_of_that_number),
        cmocka_unit_test(a_new_balance_is_reported_at_once_and_then_at_its_time),
        cmocka_unit_test(only_the_answer_to_ones_own_report_ends_it),
        cmocka_unit_test(nobody_says_goodbye_without_its_last_balance),
        cmocka_unit_test(what_the_bank_knows_is_not_said_again_at_the_end),
        cmocka_unit_test(who_may_be_closing_its_account_says_no_goodbye),
        cmocka_unit_test(outside_a_cohort_no_cash_moves_before_the_bank_has_said_whose_it_is),
        cmocka_unit_test(a_silent_bank_has_cash_refused_after_a_start),
        cmocka_unit_test(a_member_has_its_cash_at_once_after_a_start),
        cmocka_unit_test(who_is_somewhere_else_is_told_everything_anew),
        cmocka_unit_test(members_are_found_in_whatever_order_the_bank_names_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
