#include "sim/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "sim/random.h"

static void ideal_network_delivers_everything_once_and_at_once(void **state)
{
    (void)state;
    Network *network = network_new(1);
    for (int i = 0; i < 1000; i++) {
        Fate fate = network_decide(network);
        assert_int_equal(fate.copies, 1);
        assert_int_equal(fate.delay_ns[0], 0);
    }
    network_free(network);
}

static void fates_come_as_often_as_the_model_says(void **state)
{
    (void)state;
    const NetworkModel model = {.loss = CHANCE_ONE / 10,
                                .duplicate = CHANCE_ONE / 5,
                                .delay = {.kind = DELAY_UNIFORM, .a_ns = 100, .b_ns = 200}};
    int count[3] = {0};
    Network *network = network_new(1);
    network_set_model(network, &model);
    for (int i = 0; i < 100000; i++) {
        Fate fate = network_decide(network);
        assert_in_range(fate.copies, 0, 2);
        count[fate.copies]++;
        for (unsigned copy = 0; copy < fate.copies; copy++)
            assert_in_range(fate.delay_ns[copy], 100, 200);
    }
    assert_in_range(count[0], 9700, 10300);  /* 10 % */
    assert_in_range(count[2], 17600, 18400); /* 20 % of the other 90 % */
    network_free(network);
}

static void same_stream_gives_the_same_fates(void **state)
{
    (void)state;
    const NetworkModel model = {.loss = CHANCE_ONE / 4,
                                .duplicate = CHANCE_ONE / 4,
                                .delay = {.kind = DELAY_EXPONENTIAL, .a_ns = 1000000}};
    Network *left = network_new(77);
    Network *right = network_new(77);
    network_set_model(left, &model);
    network_set_model(right, &model);
    for (int i = 0; i < 1000; i++) {
        Fate a = network_decide(left);
        Fate b = network_decide(right);
        assert_memory_equal(&a, &b, sizeof a);
    }
    network_free(left);
    network_free(right);
}

static void every_kind_of_delay_is_drawn(void **state)
{
    (void)state;
    uint64_t stream = 5;
    const Delay constant = {.kind = DELAY_CONSTANT, .a_ns = 123};
    const Delay uniform = {.kind = DELAY_UNIFORM, .a_ns = 7, .b_ns = 9};
    const Delay exponential = {.kind = DELAY_EXPONENTIAL, .a_ns = 1000000};
    const Delay lognormal = {.kind = DELAY_LOGNORMAL, .a_ns = 1000000, .sigma_milli = 500};
    assert_int_equal(delay_draw(&constant, &stream), 123);
    assert_in_range(delay_draw(&uniform, &stream), 7, 9);
    uint64_t copy = stream;
    assert_int_equal(delay_draw(&exponential, &stream), draw_exponential(&copy, 1000000));
    assert_int_equal(delay_draw(&lognormal, &stream), draw_lognormal(&copy, 1000000, 500));
}

static void held_datagrams_stay_as_they_were_while_others_come_and_go(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static uint32_t slots[COUNT];
    static const Datagram *pointers[COUNT];
    Network *network = network_new(1);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t bytes[4];
        memcpy(bytes, &i, sizeof i);
        slots[i] = network_hold(network, i, (Address){1, 2}, (Address){3, 4}, bytes, sizeof bytes);
        pointers[i] = network_held(network, slots[i]);
    }
    assert_int_equal(network_held_count(network), COUNT);
    for (uint32_t i = 0; i < COUNT; i += 2)
        network_release(network, slots[i]);
    for (uint32_t i = 0; i < COUNT; i += 2)
        slots[i] = network_hold(network, 0, (Address){0}, (Address){0}, (const uint8_t *)"x", 1);
    for (uint32_t i = 1; i < COUNT; i += 2) {
        const Datagram *datagram = network_held(network, slots[i]);
        assert_ptr_equal(datagram, pointers[i]);
        assert_int_equal(datagram->id, i);
        assert_int_equal(datagram->length, 4);
        assert_memory_equal(datagram->bytes, &i, sizeof i);
        assert_int_equal(datagram->from.port, 2);
        assert_int_equal(datagram->to.ip, 3);
    }
    assert_int_equal(network_held_count(network), COUNT);
    network_free(network);
}

static void released_slot_is_used_again(void **state)
{
    (void)state;
    Network *network = network_new(1);
    uint8_t bytes[DATAGRAM_BYTES_MAX] = {0};
    for (int i = 0; i < 100000; i++) {
        uint32_t slot = network_hold(network, 1, (Address){0}, (Address){0}, bytes, sizeof bytes);
        assert_int_equal(slot, 0);
        network_release(network, slot);
    }
    assert_int_equal(network_held_count(network), 0);
    network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ideal_network_delivers_everything_once_and_at_once),
        cmocka_unit_test(fates_come_as_often_as_the_model_says),
        cmocka_unit_test(same_stream_gives_the_same_fates),
        cmocka_unit_test(every_kind_of_delay_is_drawn),
        cmocka_unit_test(held_datagrams_stay_as_they_were_while_others_come_and_go),
        cmocka_unit_test(released_slot_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
