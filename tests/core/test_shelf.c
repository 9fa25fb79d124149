/* What is on disk, as it is held in memory: records by slot and index. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/shelf.h"

static void put(Shelf *shelf, Slot slot, uint16_t index, const char *text)
{
    shelf_put(shelf, slot, index, (const uint8_t *)text, strlen(text));
}

static void expect(const Shelf *shelf, Slot slot, uint16_t index, const char *text)
{
    ShelfRecord record;
    assert_true(shelf_get(shelf, slot, index, &record));
    assert_int_equal(record.slot, slot);
    assert_int_equal(record.index, index);
    assert_int_equal(record.length, strlen(text));
    assert_memory_equal(record.bytes, text, record.length);
}

static void expect_nothing(const Shelf *shelf, Slot slot, uint16_t index)
{
    ShelfRecord record = {.bytes = (const uint8_t *)"x", .length = 1};
    assert_false(shelf_get(shelf, slot, index, &record));
    assert_int_equal(record.slot, slot);
    assert_int_equal(record.index, index);
    assert_null(record.bytes);
    assert_int_equal(record.length, 0);
}

static void records_are_found_and_stand_in_order_however_they_were_put(void **state)
{
    (void)state;
    enum { INDICES = 100, STEP = 37 }; /* without a common divisor */
    static const Slot slots[] = {SLOT_CASH, SLOT_ACCOUNT, SLOT_PEER};
    static const Slot ordered[] = {SLOT_ACCOUNT, SLOT_PEER, SLOT_CASH};
    Shelf *shelf = shelf_new();
    size_t at = 0;
    assert_true(SLOT_ACCOUNT < SLOT_PEER && SLOT_PEER < SLOT_CASH);
    for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
        for (unsigned j = 0; j < INDICES; j++)
            put(shelf, slots[i], (uint16_t)(j * STEP % INDICES), "record");
    }
    assert_int_equal(shelf_count(shelf), G_N_ELEMENTS(slots) * INDICES);
    for (size_t i = 0; i < G_N_ELEMENTS(ordered); i++) {
        for (uint16_t j = 0; j < INDICES; j++) {
            expect(shelf, ordered[i], j, "record");
            assert_int_equal(shelf_at(shelf, at).slot, ordered[i]);
            assert_int_equal(shelf_at(shelf, at++).index, j);
        }
        expect_nothing(shelf, ordered[i], INDICES);
    }
    expect_nothing(shelf, SLOT_COHORT, 0);
    shelf_free(shelf);
}

static void a_record_replaces_the_one_before_and_an_empty_one_removes_it(void **state)
{
    (void)state;
    Shelf *shelf = shelf_new();
    put(shelf, SLOT_PEER, 1, "one");
    put(shelf, SLOT_PEER, UINT16_MAX, "last");
    put(shelf, SLOT_PEER, 1, "another");
    expect(shelf, SLOT_PEER, 1, "another");
    expect(shelf, SLOT_PEER, UINT16_MAX, "last");
    assert_int_equal(shelf_count(shelf), 2);
    put(shelf, SLOT_PEER, 1, "");
    put(shelf, SLOT_PEER, 2, ""); /* was not there */
    expect_nothing(shelf, SLOT_PEER, 1);
    expect(shelf, SLOT_PEER, UINT16_MAX, "last");
    assert_int_equal(shelf_count(shelf), 1);
    shelf_free(shelf);
}

static void bytes_are_those_of_the_records_there_are(void **state)
{
    (void)state;
    Shelf *shelf = shelf_new();
    assert_int_equal(shelf_bytes(shelf), 0);
    put(shelf, SLOT_PEER, 1, "one");
    put(shelf, SLOT_PEER, 2, "other");
    assert_int_equal(shelf_bytes(shelf), 8);
    put(shelf, SLOT_PEER, 1, "another");
    assert_int_equal(shelf_bytes(shelf), 12);
    put(shelf, SLOT_PEER, 2, "");
    assert_int_equal(shelf_bytes(shelf), 7);
    shelf_clear(shelf);
    assert_int_equal(shelf_bytes(shelf), 0);
    assert_int_equal(shelf_count(shelf), 0);
    put(shelf, SLOT_PEER, 1, "one");
    assert_int_equal(shelf_bytes(shelf), 3);
    shelf_free(shelf);
}

static void the_saves_of_a_step_are_applied_and_nothing_else(void **state)
{
    (void)state;
    Shelf *shelf = shelf_new();
    Effects *effects = effects_new();
    put(shelf, SLOT_CASH, 0, "cash");
    effects_send(effects, PORT_PEER, (Address){1, 2}, (const uint8_t *)"sent", 4);
    effects_save(effects, SLOT_PEER, 3, (const uint8_t *)"saved", 5);
    effects_save(effects, SLOT_CASH, 0, NULL, 0);
    shelf_apply(shelf, effects);
    expect(shelf, SLOT_PEER, 3, "saved");
    assert_int_equal(shelf_count(shelf), 1);
    effects_free(effects);
    shelf_free(shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_found_and_stand_in_order_however_they_were_put),
        cmocka_unit_test(a_record_replaces_the_one_before_and_an_empty_one_removes_it),
        cmocka_unit_test(bytes_are_those_of_the_records_there_are),
        cmocka_unit_test(the_saves_of_a_step_are_applied_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
