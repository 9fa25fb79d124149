#include "sim/value_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/random.h"

enum { DRAWS = 20000 };

static void value_is_written_in_its_largest_unit(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } times[] = {{0, "0s"},
                 {1, "1ns"},
                 {999, "999ns"},
                 {1000, "1us"},
                 {1001, "1.001us"},
                 {1500000, "1.5ms"},
                 {NS_PER_S, "1s"},
                 {90 * NS_PER_S, "90s"},
                 {NS_PER_S + 1, "1.000000001s"}};
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        value_write_time(times[i].ns, text);
        assert_string_equal(text->str, times[i].text);
    }
}

static void every_time_reads_back(void **state)
{
    (void)state;
    uint64_t stream = 1;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t ns = random_next(&stream) % VALUE_TIME_NS_MAX >> random_below(&stream, 60);
        uint64_t again;
        g_autoptr(GString) text = g_string_new(NULL);
        value_write_time(ns, text);
        assert_null(value_parse_time(text->str, &again));
        assert_int_equal(again, ns);
    }
}

static void every_rate_that_was_read_reads_back(void **state)
{
    (void)state;
    static const char *const units[] = {"ns", "us", "ms", "s", "m", "h"};
    uint64_t stream = 1;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t interval_ns;
        uint64_t again;
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *rate = g_strdup_printf(
            "%u.%09u/%s", (unsigned)(random_below(&stream, 10000000) >> random_below(&stream, 24)),
            (unsigned)random_below(&stream, 1000000000),
            units[random_below(&stream, G_N_ELEMENTS(units))]);
        if (value_parse_rate(rate, &interval_ns) != NULL)
            continue;
        value_write_rate(interval_ns, text);
        assert_null(value_parse_rate(text->str, &again));
        assert_int_equal(again, interval_ns);
    }
}

static void rate_is_written_as_short_as_it_can_be(void **state)
{
    (void)state;
    static const char *const rates[] = {"0/s", "20/s", "1/h", "90/m", "7/m", "0.7/h"};
    for (size_t i = 0; i < G_N_ELEMENTS(rates); i++) {
        uint64_t interval_ns;
        g_autoptr(GString) text = g_string_new(NULL);
        assert_null(value_parse_rate(rates[i], &interval_ns));
        value_write_rate(interval_ns, text);
        assert_string_equal(text->str, rates[i]);
    }
}

static void every_probability_reads_back(void **state)
{
    (void)state;
    uint64_t stream = 1;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t parts = (uint32_t)draw_uniform(&stream, 0, CHANCE_ONE);
        uint32_t again;
        g_autoptr(GString) text = g_string_new(NULL);
        value_write_probability(parts, text);
        assert_null(value_parse_probability(text->str, &again));
        assert_int_equal(again, parts);
    }
}

static void delays_and_amounts_are_written_as_they_were_read(void **state)
{
    (void)state;
    static const char *const delays[] = {
        "constant 0s",        "constant 3.25ms", "uniform 1ms 40ms",  "exponential 10s",
        "lognormal 10ms 0.5", "lognormal 1s 5",  "lognormal 1s 1.125"};
    static const char *const amounts[] = {"constant 25", "uniform 0.01 9.99", "uniform 1 100"};
    for (size_t i = 0; i < G_N_ELEMENTS(delays); i++) {
        Delay delay;
        g_autoptr(GString) text = g_string_new(NULL);
        assert_null(value_parse_delay(delays[i], &delay));
        value_write_delay(&delay, text);
        assert_string_equal(text->str, delays[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(amounts); i++) {
        AmountRange range;
        g_autoptr(GString) text = g_string_new(NULL);
        assert_null(value_parse_amounts(amounts[i], &range));
        value_write_amounts(&range, text);
        assert_string_equal(text->str, amounts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_is_written_in_its_largest_unit),
        cmocka_unit_test(every_time_reads_back),
        cmocka_unit_test(every_rate_that_was_read_reads_back),
        cmocka_unit_test(rate_is_written_as_short_as_it_can_be),
        cmocka_unit_test(every_probability_reads_back),
        cmocka_unit_test(delays_and_amounts_are_written_as_they_were_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
