#include "sim/totals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const Name anna = {"anna"};
static const Name bert = {"bert"};

static void add(Totals *totals, const Name *process, TraceEvent event)
{
    totals_add(totals, process, &event);
}

/* anna and bert open with 1000 each and join a cohort. */
static Totals *two_members(bool cash_survives)
{
    Totals *totals = totals_new(cash_survives);
    add(totals, &anna, (TraceEvent){.kind = TRACE_OPENED, .balance = 1000});
    add(totals, &bert, (TraceEvent){.kind = TRACE_OPENED, .balance = 1000});
    add(totals, &anna, (TraceEvent){.kind = TRACE_JOINED, .cohort = 1});
    add(totals, &bert, (TraceEvent){.kind = TRACE_JOINED, .cohort = 1});
    return totals;
}

static void transfer_moves_money_and_makes_none(void **state)
{
    (void)state;
    Totals *totals = two_members(false);
    add(totals, &anna,
        (TraceEvent){.kind = TRACE_SENT, .peer = bert, .label = 1, .amount = 300, .balance = 700});
    add(totals, &bert,
        (TraceEvent){
            .kind = TRACE_RECEIVED, .peer = anna, .label = 1, .amount = 300, .balance = 1300});
    TotalSums sums = totals_sums(totals);
    assert_int_equal(sums.transfers, 1);
    assert_int_equal(sums.transfers_received, 1);
    assert_int_equal(sums.money_in, 2000);
    assert_int_equal(sums.money_total, 2000);
    assert_int_equal(totals_count(totals), 2);
    assert_string_equal(totals_name(totals, 1)->text, "bert");
    assert_int_equal(totals_balance(totals, 1), 1300);
    totals_free(totals);
}

static void rollback_undoes_what_came_after_the_checkpoint(void **state)
{
    (void)state;
    Totals *totals = two_members(false);
    const TraceCount counts[] = {{bert, 1, 0}};
    add(totals, &anna,
        (TraceEvent){.kind = TRACE_SENT, .peer = bert, .label = 1, .amount = 100, .balance = 900});
    add(totals, &anna, (TraceEvent){.kind = TRACE_DEPOSITED, .amount = 50, .balance = 950});
    add(totals, &anna,
        (TraceEvent){.kind = TRACE_TENTATIVE, .initiator = anna, .number = 1, .balance = 950});
    add(totals, &anna, (TraceEvent){.kind = TRACE_DEPOSITED, .amount = 7, .balance = 957});
    add(totals, &anna,
        (TraceEvent){.kind = TRACE_PERMANENT, .initiator = anna, .number = 1, .balance = 950});
    add(totals, &anna, (TraceEvent){.kind = TRACE_WITHDREW, .amount = 5, .balance = 952});
    add(totals, &anna,
        (TraceEvent){.kind = TRACE_SENT, .peer = bert, .label = 2, .amount = 200, .balance = 752});
    assert_int_equal(totals_balance(totals, 0), 752);
    add(totals, &anna,
        (TraceEvent){.kind = TRACE_ROLLED_BACK,
                     .initiator = anna,
                     .number = 2,
                     .balance = 950,
                     .counts = counts,
                     .count_count = 1});
    TotalSums sums = totals_sums(totals);
    assert_int_equal(sums.transfers, 2);
    assert_int_equal(sums.transfers_undone, 1);
    assert_int_equal(sums.checkpoints, 1);
    assert_int_equal(sums.rollbacks, 1);
    assert_int_equal(sums.money_in, 2050);
    assert_int_equal(sums.money_out, 0);
    assert_int_equal(totals_balance(totals, 0), 950);
    totals_free(totals);
}

static void cash_that_survives_is_not_undone(void **state)
{
    (void)state;
    Totals *totals = two_members(true);
    add(totals, &anna, (TraceEvent){.kind = TRACE_DEPOSITED, .amount = 50, .balance = 1050});
    add(totals, &anna, (TraceEvent){.kind = TRACE_WITHDREW, .amount = 20, .balance = 1030});
    add(totals, &anna,
        (TraceEvent){.kind = TRACE_ROLLED_BACK, .initiator = anna, .number = 1, .balance = 1030});
    TotalSums sums = totals_sums(totals);
    assert_int_equal(sums.money_in, 2050);
    assert_int_equal(sums.money_out, 20);
    assert_int_equal(sums.money_total, 2030);
    totals_free(totals);
}

static void loss_counts_unless_a_rollback_reopens_it(void **state)
{
    (void)state;
    Totals *totals = two_members(false);
    for (uint64_t label = 1; label <= 3; label++) {
        if (label == 2)
            add(totals, &anna,
                (TraceEvent){.kind = TRACE_TENTATIVE, .initiator = anna, .number = 1});
        add(totals, &anna, (TraceEvent){.kind = TRACE_SENT, .peer = bert, .label = label});
        add(totals, &anna,
            (TraceEvent){.kind = TRACE_LOST, .peer = bert, .label = label, .amount = 10});
        if (label == 2)
            add(totals, &anna,
                (TraceEvent){.kind = TRACE_PERMANENT, .initiator = anna, .number = 1});
    }
    assert_int_equal(totals_sums(totals).transfers_lost, 3);
    assert_int_equal(totals_sums(totals).money_lost, 30);
    add(totals, &anna, (TraceEvent){.kind = TRACE_ROLLED_BACK, .initiator = anna, .number = 2});
    assert_int_equal(totals_sums(totals).transfers_lost, 1);
    assert_int_equal(totals_sums(totals).money_lost, 10);
    /* A rollback in a later cohort does not reach back into this one. */
    add(totals, &anna, (TraceEvent){.kind = TRACE_LOST, .peer = bert, .label = 2, .amount = 5});
    add(totals, &anna, (TraceEvent){.kind = TRACE_LEFT, .cohort = 1});
    add(totals, &anna, (TraceEvent){.kind = TRACE_JOINED, .cohort = 2});
    add(totals, &anna, (TraceEvent){.kind = TRACE_ROLLED_BACK, .initiator = anna, .number = 3});
    assert_int_equal(totals_sums(totals).transfers_lost, 2);
    assert_int_equal(totals_sums(totals).money_lost, 15);
    totals_free(totals);
}

static void exit_takes_the_balance_along(void **state)
{
    (void)state;
    Totals *totals = two_members(false);
    add(totals, &anna, (TraceEvent){.kind = TRACE_LEFT, .cohort = 1, .balance = 1000});
    add(totals, &anna, (TraceEvent){.kind = TRACE_EXITED, .balance = 1000});
    TotalSums sums = totals_sums(totals);
    assert_int_equal(sums.money_out, 1000);
    assert_int_equal(sums.money_total, 1000);
    assert_int_equal(totals_balance(totals, 0), 0);
    totals_free(totals);
}

static void instance_counts_once_however_many_take_part(void **state)
{
    (void)state;
    Totals *totals = two_members(false);
    static const TraceKind kinds[] = {TRACE_TENTATIVE, TRACE_PERMANENT, TRACE_ROLLED_BACK};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        add(totals, &anna, (TraceEvent){.kind = kinds[i], .initiator = anna, .number = 1 + i});
        add(totals, &bert, (TraceEvent){.kind = kinds[i], .initiator = anna, .number = 1 + i});
    }
    assert_int_equal(totals_sums(totals).checkpoints, 1);
    assert_int_equal(totals_sums(totals).rollbacks, 1);
    totals_free(totals);
}

/* --- crashes --- */

static void sends(Totals *totals, const Name *from, const Name *to, uint64_t label)
{
    add(totals, from, (TraceEvent){.kind = TRACE_SENT, .peer = *to, .label = label, .amount = 10});
}

static void receives(Totals *totals, const Name *to, const Name *from, uint64_t label)
{
    add(totals, to,
        (TraceEvent){.kind = TRACE_RECEIVED, .peer = *from, .label = label, .amount = 10});
}

/* anna has sent one transfer before her checkpoint, and one after; bert has received both, and
 * answered with one. */
static Totals *three_transfers(void)
{
    Totals *totals = two_members(false);
    sends(totals, &anna, &bert, 1);
    add(totals, &anna, (TraceEvent){.kind = TRACE_TENTATIVE, .initiator = anna, .number = 1});
    add(totals, &anna, (TraceEvent){.kind = TRACE_PERMANENT, .initiator = anna, .number = 1});
    sends(totals, &anna, &bert, 2);
    receives(totals, &bert, &anna, 1);
    receives(totals, &bert, &anna, 2);
    sends(totals, &bert, &anna, 1);
    receives(totals, &anna, &bert, 1);
    add(totals, &anna, (TraceEvent){.kind = TRACE_DEPOSITED, .amount = 50});
    return totals;
}

static void crash_undoes_at_once_what_was_received_and_deposited(void **state)
{
    (void)state;
    Totals *totals = three_transfers();
    add(totals, &anna, (TraceEvent){.kind = TRACE_CRASHED});
    add(totals, &anna, (TraceEvent){.kind = TRACE_RESTARTED, .balance = 990});
    TotalSums sums = totals_sums(totals);
    assert_int_equal(sums.crashes, 1);
    assert_int_equal(sums.transfers, 3);
    assert_int_equal(sums.transfers_received, 2);
    assert_int_equal(sums.transfers_undone, 0);
    assert_int_equal(sums.money_in, 2000);
    totals_free(totals);
}

static void after_the_forced_rollback_every_transfer_is_accounted_for(void **state)
{
    (void)state;
    Totals *totals = three_transfers();
    add(totals, &anna, (TraceEvent){.kind = TRACE_RESTARTED, .balance = 990});
    add(totals, &anna, (TraceEvent){.kind = TRACE_ROLLED_BACK, .initiator = anna, .number = 2});
    add(totals, &bert, (TraceEvent){.kind = TRACE_ROLLED_BACK, .initiator = anna, .number = 2});
    receives(totals, &bert, &anna, 1);
    TotalSums sums = totals_sums(totals);
    assert_int_equal(sums.crashes, 1);
    assert_int_equal(sums.rollbacks, 1);
    assert_int_equal(sums.transfers, 3);
    assert_int_equal(sums.transfers_received, 1);
    assert_int_equal(sums.transfers_undone, 2);
    totals_free(totals);
}

static void checkpoint_learnt_of_after_a_crash_is_what_the_process_has(void **state)
{
    (void)state;
    Totals *totals = two_members(false);
    sends(totals, &anna, &bert, 1);
    receives(totals, &bert, &anna, 1);
    add(totals, &bert, (TraceEvent){.kind = TRACE_TENTATIVE, .initiator = bert, .number = 1});
    add(totals, &anna, (TraceEvent){.kind = TRACE_TENTATIVE, .initiator = bert, .number = 1});
    add(totals, &bert, (TraceEvent){.kind = TRACE_CRASHED});
    add(totals, &bert, (TraceEvent){.kind = TRACE_RESTARTED, .balance = 1000});
    assert_int_equal(totals_sums(totals).transfers_received, 0);
    add(totals, &bert, (TraceEvent){.kind = TRACE_PERMANENT, .initiator = bert, .number = 1});
    assert_int_equal(totals_sums(totals).transfers_received, 1);
    add(totals, &bert, (TraceEvent){.kind = TRACE_ROLLED_BACK, .initiator = bert, .number = 2});
    assert_int_equal(totals_sums(totals).transfers_received, 1);
    totals_free(totals);
}

static void whoever_has_voted_to_dissolve_keeps_everything(void **state)
{
    (void)state;
    Totals *totals = three_transfers();
    add(totals, &anna, (TraceEvent){.kind = TRACE_CRASHED});
    add(totals, &anna, (TraceEvent){.kind = TRACE_RESTARTED, .balance = 990});
    add(totals, &anna, (TraceEvent){.kind = TRACE_LEFT, .cohort = 1, .balance = 1040});
    TotalSums sums = totals_sums(totals);
    assert_int_equal(sums.transfers_received, 3);
    assert_int_equal(sums.money_in, 2050);
    totals_free(totals);
}

static void crash_outside_a_cohort_undoes_nothing(void **state)
{
    (void)state;
    static const Name bank = {"bank"};
    Totals *totals = totals_new(false);
    add(totals, &anna, (TraceEvent){.kind = TRACE_OPENED, .balance = 1000});
    add(totals, &anna, (TraceEvent){.kind = TRACE_DEPOSITED, .amount = 50, .balance = 1050});
    add(totals, &anna, (TraceEvent){.kind = TRACE_CRASHED});
    add(totals, &anna, (TraceEvent){.kind = TRACE_RESTARTED, .balance = 1050});
    add(totals, &bank, (TraceEvent){.kind = TRACE_CRASHED});
    add(totals, &bank, (TraceEvent){.kind = TRACE_RESTARTED});
    TotalSums sums = totals_sums(totals);
    assert_int_equal(sums.crashes, 2);
    assert_int_equal(sums.money_in, 1050);
    assert_int_equal(sums.money_total, 1050);
    assert_int_equal(totals_count(totals), 1);
    totals_free(totals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfer_moves_money_and_makes_none),
        cmocka_unit_test(rollback_undoes_what_came_after_the_checkpoint),
        cmocka_unit_test(cash_that_survives_is_not_undone),
        cmocka_unit_test(loss_counts_unless_a_rollback_reopens_it),
        cmocka_unit_test(exit_takes_the_balance_along),
        cmocka_unit_test(instance_counts_once_however_many_take_part),
        cmocka_unit_test(crash_undoes_at_once_what_was_received_and_deposited),
        cmocka_unit_test(after_the_forced_rollback_every_transfer_is_accounted_for),
        cmocka_unit_test(checkpoint_learnt_of_after_a_crash_is_what_the_process_has),
        cmocka_unit_test(whoever_has_voted_to_dissolve_keeps_everything),
        cmocka_unit_test(crash_outside_a_cohort_undoes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
