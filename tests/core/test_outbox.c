#include "core/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define NOBODY ((Address){1, 2})

typedef struct Bench {
    Outbox *outbox;
    Effects *effects;
} Bench;

static int setup(void **state)
{
    Bench *bench = g_new0(Bench, 1);
    bench->outbox = outbox_new();
    bench->effects = effects_new();
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    Bench *bench = *state;
    outbox_free(bench->outbox);
    effects_free(bench->effects);
    g_free(bench);
    return 0;
}

/* A step: SAVES are digits of slots, EFFECTS are letters: n notice, t trace, s a send in its place,
 * e END, and a send that needs one slot only, by its digit. Every effect carries `mark`. */
static uint64_t step(Bench *bench, const char *saves, const char *others, uint8_t mark)
{
    effects_clear(bench->effects);
    for (const char *at = saves; *at != '\0'; at++)
        effects_save(bench->effects, (Slot)(*at - '0'), 0, &mark, 1);
    for (const char *at = others; *at != '\0'; at++) {
        if (*at == 'n')
            effects_notify(bench->effects, &(Notice){.kind = NOTICE_LEFT, .cohort = mark});
        else if (*at == 't')
            effects_trace(bench->effects, &(TraceEvent){.kind = TRACE_LEFT, .cohort = mark});
        else if (*at == 's')
            effects_send(bench->effects, PORT_PEER, NOBODY, &mark, 1);
        else if (*at == 'e')
            effects_end(bench->effects);
        else
            effects_send_early(bench->effects, PORT_PEER, NOBODY,
                               *at == '-' ? 0 : SLOT_BIT(*at - '0'), &mark, 1);
    }
    return outbox_take(bench->outbox, bench->effects);
}

static void append(GString *out, const Effect *effect)
{
    switch (effect->kind) {
    case EFFECT_NOTIFY:
        g_string_append_printf(out, "n%u ", (unsigned)effect->notice.cohort);
        break;
    case EFFECT_TRACE:
        g_string_append_printf(out, "t%u ", (unsigned)effect->trace.cohort);
        break;
    case EFFECT_SEND:
        g_string_append_printf(out, "s%u ", effect->send.bytes[0]);
        break;
    case EFFECT_END:
        g_string_append(out, "e ");
        break;
    case EFFECT_SAVE:
        g_string_append(out, "SAVE ");
    }
}

/* What may leave now: "n1 s1 " */
static void assert_leaves(Bench *bench, const char *expected)
{
    g_autoptr(GString) found = g_string_new(NULL);
    const Effect *effect;
    while ((effect = outbox_next(bench->outbox)) != NULL)
        append(found, effect);
    assert_string_equal(found->str, expected);
}

static void assert_survives(Bench *bench, uint64_t durable, const char *expected)
{
    g_autoptr(GString) found = g_string_new(NULL);
    const Effect *effect;
    while ((effect = outbox_crash_next(bench->outbox, durable)) != NULL)
        append(found, effect);
    assert_string_equal(found->str, expected);
    assert_true(outbox_empty(bench->outbox));
    assert_int_equal(outbox_pending(bench->outbox), 0);
}

/* --- claims --- */

static void a_step_without_saves_leaves_at_once_and_is_not_copied(void **state)
{
    Bench *bench = *state;
    assert_int_equal(step(bench, "", "nst1e", 1), 0);
    assert_false(outbox_empty(bench->outbox));
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(outbox_next(bench->outbox), effects_at(bench->effects, i));
    assert_null(outbox_next(bench->outbox));
    assert_true(outbox_empty(bench->outbox));
}

static void nothing_of_a_step_leaves_before_its_saves_are_durable(void **state)
{
    Bench *bench = *state;
    assert_int_equal(step(bench, "02", "nste", 1), 1);
    assert_leaves(bench, "");
    assert_int_equal(outbox_pending(bench->outbox), 1);
    assert_int_equal(outbox_waiting(bench->outbox), 4);
    assert_false(outbox_empty(bench->outbox));
    outbox_saved(bench->outbox, 1);
    assert_leaves(bench, "n1 s1 t1 e ");
    assert_true(outbox_empty(bench->outbox));
}

static void what_is_said_later_keeps_its_place_behind_an_unfinished_save(void **state)
{
    Bench *bench = *state;
    assert_int_equal(step(bench, "0", "n", 1), 1);
    assert_int_equal(step(bench, "", "ns", 2), 0);
    assert_int_equal(step(bench, "0", "s", 3), 2);
    assert_int_equal(step(bench, "", "t", 4), 0);
    assert_leaves(bench, "");
    outbox_saved(bench->outbox, 1);
    assert_leaves(bench, "n1 n2 s2 ");
    assert_int_equal(step(bench, "", "n", 5), 0);
    assert_leaves(bench, "");
    outbox_saved(bench->outbox, 2);
    assert_leaves(bench, "s3 t4 n5 ");
}

static void what_may_leave_already_leaves_before_what_is_said_later(void **state)
{
    Bench *bench = *state;
    step(bench, "0", "n", 1);
    outbox_saved(bench->outbox, 1);
    assert_int_equal(step(bench, "", "n", 2), 0);
    assert_leaves(bench, "n1 n2 ");
}

static void a_save_that_says_nothing_still_holds_back_what_follows(void **state)
{
    Bench *bench = *state;
    assert_int_equal(step(bench, "0", "", 1), 1);
    assert_true(outbox_empty(bench->outbox));
    assert_int_equal(step(bench, "", "n", 2), 0);
    assert_leaves(bench, "");
    outbox_saved(bench->outbox, 1);
    assert_leaves(bench, "n2 ");
}

static void several_commits_may_become_durable_at_once(void **state)
{
    Bench *bench = *state;
    for (uint8_t i = 1; i <= 5; i++)
        assert_int_equal(step(bench, "0", "n", i), i);
    outbox_saved(bench->outbox, 3);
    assert_leaves(bench, "n1 n2 n3 ");
    outbox_saved(bench->outbox, 2); /* known already */
    assert_leaves(bench, "");
    assert_int_equal(outbox_pending(bench->outbox), 2);
    outbox_saved(bench->outbox, 5);
    assert_leaves(bench, "n4 n5 ");
}

static void a_datagram_overtakes_when_its_slots_are_not_being_saved(void **state)
{
    Bench *bench = *state;
    step(bench, "46", "n", 1);
    step(bench, "", "n7-4", 2); /* the one that needs 4 waits */
    assert_leaves(bench, "s2 s2 ");
    outbox_saved(bench->outbox, 1);
    assert_leaves(bench, "s2 n1 n2 ");
}

static void a_datagram_waits_for_a_save_of_its_slots_in_its_own_step(void **state)
{
    Bench *bench = *state;
    step(bench, "4", "4s7", 1);
    assert_leaves(bench, "s1 "); /* that of 7 */
    outbox_saved(bench->outbox, 1);
    assert_leaves(bench, "s1 s1 ");
}

static void a_datagram_waits_for_whichever_slot_it_needs(void **state)
{
    Bench *bench = *state;
    for (int slot = 0; slot < SLOTS; slot++) {
        const uint8_t mark = 5;
        effects_clear(bench->effects);
        effects_save(bench->effects, (Slot)slot, 0, &mark, 1);
        effects_send_early(bench->effects, PORT_PEER, NOBODY, SLOT_BIT(slot), &mark, 1);
        uint64_t commit = outbox_take(bench->outbox, bench->effects);
        assert_leaves(bench, "");
        outbox_saved(bench->outbox, commit);
        assert_leaves(bench, "s5 ");
    }
}

static void a_datagram_does_not_wait_for_a_save_of_a_later_step(void **state)
{
    Bench *bench = *state;
    step(bench, "4", "n", 1);
    step(bench, "", "4", 2);
    step(bench, "4", "4", 3);
    assert_leaves(bench, "");
    outbox_saved(bench->outbox, 1);
    assert_leaves(bench, "s2 n1 ");
    outbox_saved(bench->outbox, 2);
    assert_leaves(bench, "s3 ");
}

static void a_datagram_waits_for_the_last_of_its_slots(void **state)
{
    Bench *bench = *state;
    uint8_t mark = 9;
    step(bench, "4", "", 1);
    step(bench, "6", "", 2);
    step(bench, "8", "", 3);
    effects_clear(bench->effects);
    effects_send_early(bench->effects, PORT_PEER, NOBODY, SLOT_BIT(4) | SLOT_BIT(6), &mark, 1);
    outbox_take(bench->outbox, bench->effects);
    outbox_saved(bench->outbox, 1);
    assert_leaves(bench, "");
    outbox_saved(bench->outbox, 2);
    assert_leaves(bench, "s9 ");
}

static void a_finished_save_holds_nothing_back(void **state)
{
    Bench *bench = *state;
    step(bench, "4", "", 1);
    outbox_saved(bench->outbox, 1);
    step(bench, "6", "4", 2);
    assert_leaves(bench, "s2 ");
}

static Name name_of(const char *text)
{
    Name name = {""};
    name_set(&name, text);
    return name;
}

static void what_waits_is_its_own_with_all_it_points_to(void **state)
{
    Bench *bench = *state;
    Effects *effects = bench->effects;
    char kinds[] = "transfer+working"; /* a byte more than one unit of alignment */
    char reason[] = "stale";
    effects_clear(effects);
    Member *members = effects_alloc(effects, 3 * sizeof *members);
    Name *names = effects_alloc(effects, 3 * sizeof *names);
    TraceCount *counts = effects_alloc(effects, 3 * sizeof *counts);
    for (uint16_t i = 0; i < 3; i++) {
        members[i] = (Member){.name = name_of("alice"), .port2 = i};
        names[i] = name_of("bob");
        counts[i] = (TraceCount){.peer = name_of("carol"), .sent = i};
    }
    effects_save(effects, SLOT_ACCOUNT, 0, (const uint8_t *)"x", 1);
    effects_notify(effects,
                   &(Notice){.kind = NOTICE_JOINED, .members = members, .member_count = 3});
    effects_trace(effects, &(TraceEvent){.kind = TRACE_PERMANENT,
                                         .members = names,
                                         .member_count = 3,
                                         .counts = counts,
                                         .count_count = 3,
                                         .datagram_kinds = kinds,
                                         .reason = reason});
    effects_send(effects, PORT_PEER, NOBODY, (const uint8_t *)"datagram", 8);
    outbox_take(bench->outbox, effects);

    effects_clear(effects);
    memset(effects_alloc(effects, 8000), 0xee, 8000);
    memset(kinds, 'x', sizeof kinds - 1);
    memset(reason, 'x', sizeof reason - 1);
    outbox_saved(bench->outbox, 1);
    const Effect *effect = outbox_next(bench->outbox);
    for (uint16_t i = 0; i < 3; i++) {
        assert_string_equal(effect->notice.members[i].name.text, "alice");
        assert_int_equal(effect->notice.members[i].port2, i);
    }
    effect = outbox_next(bench->outbox);
    for (uint16_t i = 0; i < 3; i++) {
        assert_string_equal(effect->trace.members[i].text, "bob");
        assert_string_equal(effect->trace.counts[i].peer.text, "carol");
        assert_int_equal(effect->trace.counts[i].sent, i);
    }
    assert_string_equal(effect->trace.datagram_kinds, "transfer+working");
    assert_string_equal(effect->trace.reason, "stale");
    effect = outbox_next(bench->outbox);
    assert_int_equal(effect->send.length, 8);
    assert_memory_equal(effect->send.bytes, "datagram", 8);
}

static void what_still_waits_is_freed_with_the_outbox(void **state)
{
    Bench *bench = *state;
    step(bench, "4", "nn47", 1);
    assert_int_equal(outbox_next(bench->outbox)->kind, EFFECT_SEND);
    step(bench, "6", "47", 2);
    assert_int_equal(outbox_waiting(bench->outbox), 5);
    assert_false(outbox_empty(bench->outbox));
}

/* --- crashes --- */

static void a_crash_takes_all_that_waits_but_the_trace_of_what_survived(void **state)
{
    Bench *bench = *state;
    step(bench, "0", "nts", 1);
    step(bench, "0", "tnt", 2);
    step(bench, "0", "t4", 3);
    assert_survives(bench, 2, "t1 t2 t2 ");
    assert_leaves(bench, "");
}

static void a_datagram_that_waited_is_not_sent_by_the_next_life(void **state)
{
    Bench *bench = *state;
    step(bench, "4", "4", 1);
    assert_survives(bench, 1, "");
    step(bench, "6", "n", 2);
    outbox_saved(bench->outbox, 2);
    assert_leaves(bench, "n2 ");
}

static void what_followed_the_last_survivor_is_lost(void **state)
{
    Bench *bench = *state;
    step(bench, "0", "t", 1);
    step(bench, "", "t", 2); /* only in memory, until a later commit carries it */
    step(bench, "0", "t", 3);
    step(bench, "", "t", 4);
    assert_survives(bench, 1, "t1 ");
    step(bench, "0", "t", 1);
    step(bench, "", "t", 2);
    step(bench, "0", "t", 3);
    step(bench, "", "t", 4);
    assert_survives(bench, 4, "t1 t2 t3 ");
}

static void what_was_told_is_not_told_again_by_a_crash(void **state)
{
    Bench *bench = *state;
    step(bench, "0", "t", 1);
    step(bench, "0", "t", 2);
    outbox_saved(bench->outbox, 1);
    assert_leaves(bench, "t1 ");
    assert_survives(bench, 2, "t2 ");
    step(bench, "", "t", 3);
    assert_survives(bench, 2, "");
}

static void after_a_crash_commits_are_counted_on_and_nothing_holds_back(void **state)
{
    Bench *bench = *state;
    step(bench, "04", "t", 1);
    assert_survives(bench, 0, "");
    step(bench, "", "4n", 2);
    assert_leaves(bench, "s2 n2 ");
    assert_int_equal(step(bench, "4", "4n", 3), 2);
    assert_leaves(bench, "");
    outbox_saved(bench->outbox, 2);
    assert_leaves(bench, "s3 n3 ");
}

#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_step_without_saves_leaves_at_once_and_is_not_copied),
        CLAIM(nothing_of_a_step_leaves_before_its_saves_are_durable),
        CLAIM(what_is_said_later_keeps_its_place_behind_an_unfinished_save),
        CLAIM(what_may_leave_already_leaves_before_what_is_said_later),
        CLAIM(a_save_that_says_nothing_still_holds_back_what_follows),
        CLAIM(several_commits_may_become_durable_at_once),
        CLAIM(a_datagram_overtakes_when_its_slots_are_not_being_saved),
        CLAIM(a_datagram_waits_for_a_save_of_its_slots_in_its_own_step),
        CLAIM(a_datagram_waits_for_whichever_slot_it_needs),
        CLAIM(a_datagram_does_not_wait_for_a_save_of_a_later_step),
        CLAIM(a_datagram_waits_for_the_last_of_its_slots),
        CLAIM(a_finished_save_holds_nothing_back),
        CLAIM(what_waits_is_its_own_with_all_it_points_to),
        CLAIM(what_still_waits_is_freed_with_the_outbox),
        CLAIM(a_crash_takes_all_that_waits_but_the_trace_of_what_survived),
        CLAIM(a_datagram_that_waited_is_not_sent_by_the_next_life),
        CLAIM(what_followed_the_last_survivor_is_lost),
        CLAIM(what_was_told_is_not_told_again_by_a_crash),
        CLAIM(after_a_crash_commits_are_counted_on_and_nothing_holds_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
