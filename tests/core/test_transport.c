#include "core/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void effects_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    effects_send(effects, PORT_PEER, (Address){1, 2}, (const uint8_t *)"one", 3);
    effects_notify(effects, &(Notice){.kind = NOTICE_LEFT, .cohort = 9});
    effects_trace(effects, &(TraceEvent){.kind = TRACE_LEFT, .cohort = 9});
    effects_end(effects);

    assert_int_equal(effects_count(effects), 4);
    const Effect *sent = effects_at(effects, 0);
    assert_int_equal(sent->kind, EFFECT_SEND);
    assert_int_equal(sent->send.port, PORT_PEER);
    assert_true(address_equal(sent->send.to, (Address){1, 2}));
    assert_int_equal(sent->send.length, 3);
    assert_memory_equal(sent->send.bytes, "one", 3);
    assert_int_equal(effects_at(effects, 1)->kind, EFFECT_NOTIFY);
    assert_true(effects_at(effects, 1)->notice.cohort == 9);
    assert_int_equal(effects_at(effects, 2)->kind, EFFECT_TRACE);
    assert_int_equal(effects_at(effects, 2)->trace.kind, TRACE_LEFT);
    assert_int_equal(effects_at(effects, 3)->kind, EFFECT_END);
    effects_free(effects);
}

static void saves_come_first_in_their_own_order(void **state)
{
    (void)state;
    static const Slot slots[] = {SLOT_ACCOUNT, SLOT_CONTROL, SLOT_ACCOUNT};
    Effects *effects = effects_new();
    for (size_t i = 0; i < 3; i++) {
        uint8_t byte = (uint8_t)i;
        effects_send(effects, PORT_PEER, (Address){1, 2}, &byte, 1);
        effects_save(effects, slots[i], 0, &byte, 1);
    }
    assert_int_equal(effects_count(effects), 6);
    for (size_t i = 0; i < 3; i++) {
        const Effect *saved = effects_at(effects, i), *sent = effects_at(effects, 3 + i);
        assert_int_equal(saved->kind, EFFECT_SAVE);
        assert_int_equal(saved->save.slot, slots[i]);
        assert_int_equal(saved->save.length, 1);
        assert_int_equal(saved->save.bytes[0], i);
        assert_int_equal(sent->kind, EFFECT_SEND);
        assert_int_equal(sent->send.bytes[0], i);
    }
    effects_free(effects);
}

static void effects_know_whether_there_is_a_save_among_them(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    effects_send(effects, PORT_PEER, (Address){1, 2}, (const uint8_t *)"one", 3);
    assert_false(effects_saves(effects));
    effects_save(effects, SLOT_ACCOUNT, 0, (const uint8_t *)"one", 3);
    assert_true(effects_saves(effects));
    effects_clear(effects);
    assert_false(effects_saves(effects));
    effects_free(effects);
}

static void bytes_are_copied_when_given(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    uint8_t bytes[] = {1, 2, 3};
    effects_send(effects, PORT_BANK, (Address){1, 2}, bytes, sizeof bytes);
    effects_save(effects, SLOT_ACCOUNT, 0, bytes, sizeof bytes);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(effects_at(effects, 0)->save.bytes[2], 3);
    assert_int_equal(effects_at(effects, 1)->send.bytes[2], 3);
    effects_free(effects);
}

static void empty_save_removes_with_length_zero(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    effects_save(effects, SLOT_TENTATIVE, 0, NULL, 0);
    assert_int_equal(effects_at(effects, 0)->save.length, 0);
    effects_free(effects);
}

static void clear_leaves_nothing_behind(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    assert_true(effects_deadline(effects) == TIME_NEVER);
    effects_set_deadline(effects, 5);
    effects_end(effects);
    assert_true(effects_deadline(effects) == 5);
    effects_clear(effects);
    assert_int_equal(effects_count(effects), 0);
    assert_true(effects_deadline(effects) == TIME_NEVER);
    effects_free(effects);
}

static void allocated_memory_is_zero_and_aligned_also_when_used_again(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    for (int round = 0; round < 3; round++) {
        effects_clear(effects);
        for (size_t bytes = 0; bytes < 3000; bytes += 37) {
            uint8_t *memory = effects_alloc(effects, bytes);
            assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < bytes; i++)
                assert_int_equal(memory[i], 0);
            memset(memory, 0xee, bytes);
        }
    }
    effects_free(effects);
}

/* Small and huge pieces, more than any chunk holds; the same memory in every round shows that a
 * step like the one before allocates nothing. */
static void memory_stays_in_place_until_clear_and_is_used_again(void **state)
{
    (void)state;
    enum { PIECES = 2000 };
    static uint8_t *pieces[2][PIECES];
    Effects *effects = effects_new();
    for (int round = 0; round < 2; round++) {
        effects_clear(effects);
        for (size_t i = 0; i < PIECES; i++) {
            size_t bytes = i % 100 == 99 ? 100000 : 1 + i % 1200;
            pieces[round][i] = effects_alloc(effects, bytes);
            memset(pieces[round][i], (int)(i % 251), bytes);
            effects_send(effects, PORT_BANK, (Address){1, 2}, pieces[round][i], 1);
        }
        for (size_t i = 0; i < PIECES; i++) {
            assert_int_equal(pieces[round][i][0], i % 251);
            assert_int_equal(effects_at(effects, i)->send.bytes[0], i % 251);
        }
    }
    assert_memory_equal(pieces[0], pieces[1], sizeof pieces[0]);
    effects_free(effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_come_out_in_the_order_they_went_in),
        cmocka_unit_test(saves_come_first_in_their_own_order),
        cmocka_unit_test(effects_know_whether_there_is_a_save_among_them),
        cmocka_unit_test(bytes_are_copied_when_given),
        cmocka_unit_test(empty_save_removes_with_length_zero),
        cmocka_unit_test(clear_leaves_nothing_behind),
        cmocka_unit_test(allocated_memory_is_zero_and_aligned_also_when_used_again),
        cmocka_unit_test(memory_stays_in_place_until_clear_and_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
