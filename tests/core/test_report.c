/* What is decided is told twice: to the trace, and to whom it may concern. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/report.h"
#include "tests/core/lone.h"

static const Effect *only(const Lone *lone, EffectKind kind)
{
    const Effect *found = NULL;
    for (size_t i = 0; i < effects_count(lone->step.effects); i++) {
        const Effect *effect = effects_at(lone->step.effects, i);
        if (effect->kind != kind)
            continue;
        assert_null(found);
        found = effect;
    }
    assert_non_null(found);
    return found;
}

static const TraceEvent *traced(const Lone *lone, TraceKind kind)
{
    const TraceEvent *event = &only(lone, EFFECT_TRACE)->trace;
    assert_int_equal(event->kind, kind);
    assert_int_equal(event->inc, 7);
    return event;
}

static const Notice *noticed(const Lone *lone, NoticeKind kind)
{
    const Notice *notice = &only(lone, EFFECT_NOTIFY)->notice;
    assert_int_equal(notice->kind, kind);
    return notice;
}

/* Rolled back five times in former cohorts, and twice in this one. */
static int set_up(void **state)
{
    lone_set_up(state);
    Lone *lone = *state;
    lone->process.inc_before = 5;
    lone->process.inc = 2;
    return 0;
}

static void expect_transfer(const TraceEvent *event, const Notice *notice)
{
    assert_string_equal(event->peer.text, "child");
    assert_int_equal(event->label, 9);
    assert_string_equal(notice->name.text, "child");
    assert_int_equal(notice->label, 9);
}

static void what_is_lost_is_told_with_its_amount(void **state)
{
    Lone *lone = *state;
    report_lost(&lone->process, &lone->step, CHILD, 9, 30);
    const TraceEvent *event = traced(lone, TRACE_LOST);
    const Notice *notice = noticed(lone, NOTICE_LOST);
    expect_transfer(event, notice);
    assert_int_equal(event->amount, 30);
    assert_int_equal(notice->amount, 30);
}

static void what_is_missing_is_told_with_its_label(void **state)
{
    Lone *lone = *state;
    report_missing(&lone->process, &lone->step, CHILD, 9);
    expect_transfer(traced(lone, TRACE_MISSING), noticed(lone, NOTICE_MISSING));
}

static void what_is_received_is_told_with_the_balance_that_it_makes(void **state)
{
    Lone *lone = *state;
    report_received(&lone->process, &lone->step, CHILD, 9, 30);
    const TraceEvent *event = traced(lone, TRACE_RECEIVED);
    const Notice *notice = noticed(lone, NOTICE_RECEIVED);
    expect_transfer(event, notice);
    assert_int_equal(event->amount, 30);
    assert_int_equal(event->balance, LONE_BALANCE);
    assert_int_equal(notice->amount, 30);
    assert_int_equal(notice->balance, LONE_BALANCE);
}

static void open_losses_are_told_if_there_are_any(void **state)
{
    Lone *lone = *state;
    Channel *channel = &lone->process.peers[CHILD].channel;
    report_open_losses(&lone->process, &lone->step);
    assert_int_equal(effects_count(lone->step.effects), 0);
    channel_append(channel, 30, ENTRY_NEVER_SENT);
    channel_append(channel, 50, ENTRY_NEVER_SENT);
    report_open_losses(&lone->process, &lone->step);
    const Notice *notice = noticed(lone, NOTICE_OPEN_LOSSES);
    assert_int_equal(notice->undone, 2);
    assert_int_equal(notice->amount, 80);
}

static void a_snapshot_is_told_with_the_labels_of_all_who_have_any(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, CHILD, 3, 8);
    lone_received(lone, PARENT, 4, 9);
    report_snapshot(&lone->process, &lone->step, TRACE_ROLLED_BACK, (Instance){PARENT, 6},
                    &lone->process.perm, 11);
    const TraceEvent *event = traced(lone, TRACE_ROLLED_BACK);
    assert_string_equal(event->initiator.text, "parent");
    assert_int_equal(event->number, 6);
    assert_int_equal(event->balance, LONE_BALANCE);
    assert_int_equal(event->undone, 11);
    assert_int_equal(event->count_count, 2);
    assert_string_equal(event->counts[0].peer.text, "parent");
    assert_int_equal(event->counts[0].sent, 0);
    assert_int_equal(event->counts[0].received, 4);
    assert_string_equal(event->counts[1].peer.text, "child");
    assert_int_equal(event->counts[1].sent, 3);
    assert_int_equal(event->counts[1].received, 0);
}

static void a_decision_of_others_is_told_with_the_permanent_balance(void **state)
{
    Lone *lone = *state;
    assert_true(account_credit(&lone->process.application, 1));
    report_decided(&lone->process, &lone->step, NOTICE_PERMANENT, (Instance){PARENT, 6}, 11);
    const Notice *notice = noticed(lone, NOTICE_PERMANENT);
    assert_string_equal(notice->initiator.text, "parent");
    assert_int_equal(notice->number, 6);
    assert_int_equal(notice->balance, LONE_BALANCE);
    assert_int_equal(notice->undone, 11);
}

static void participants_are_the_initiator_and_then_the_others_by_name(void **state)
{
    Lone *lone = *state;
    uint8_t bits[(MEMBERS_MAX + 7) / 8] = {0};
    size_t count = 7;
    Member *members = report_participants(&lone->process, &lone->step, bits, &count);
    assert_int_equal(count, 1);
    assert_string_equal(members[0].name.text, "self");
    for (uint16_t i = 0; i < LONE_MEMBERS; i++)
        bit_set(bits, i, true);
    members = report_participants(&lone->process, &lone->step, bits, &count);
    assert_int_equal(count, 3);
    assert_string_equal(members[0].name.text, "self");
    assert_string_equal(members[1].name.text, "child");
    assert_string_equal(members[2].name.text, "parent");
}

static void what_is_dropped_is_told_with_its_reason(void **state)
{
    Lone *lone = *state;
    const Name peer = {"child"};
    report_dropped(&lone->step, 7, &peer, DROP_STALE);
    const TraceEvent *event = traced(lone, TRACE_DROP);
    assert_string_equal(event->reason, "stale");
    assert_string_equal(event->peer.text, "child");
    assert_false(event->outgoing);
    effects_clear(lone->step.effects);
    report_dropped(&lone->step, 7, NULL, DROP_CHECKSUM);
    assert_string_equal(traced(lone, TRACE_DROP)->peer.text, "");
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, lone_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_is_lost_is_told_with_its_amount),
        CLAIM(what_is_missing_is_told_with_its_label),
        CLAIM(what_is_received_is_told_with_the_balance_that_it_makes),
        CLAIM(open_losses_are_told_if_there_are_any),
        CLAIM(a_snapshot_is_told_with_the_labels_of_all_who_have_any),
        CLAIM(a_decision_of_others_is_told_with_the_permanent_balance),
        CLAIM(participants_are_the_initiator_and_then_the_others_by_name),
        CLAIM(what_is_dropped_is_told_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
