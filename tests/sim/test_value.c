#include "sim/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define UNTOUCHED 4242

static void time_with_its_unit_is_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } table[] = {
        {"0s", 0},
        {"1ns", 1},
        {"1us", 1000},
        {"1ms", 1000000},
        {"30s", 30 * NS_PER_S},
        {"2m", 120 * NS_PER_S},
        {"1h", 3600 * NS_PER_S},
        {"0.5s", 500000000},
        {"1.000000001s", 1000000001},
        {"0.1ms", 100000},
        {"1.5h", 5400 * NS_PER_S},
        {"1152921504606846976ns", VALUE_TIME_NS_MAX},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        uint64_t ns = UNTOUCHED;
        assert_null(value_parse_time(table[i].text, &ns));
        assert_int_equal(ns, table[i].ns);
    }
}

static void other_time_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "s",
        "30",
        "30 s",
        "30x",
        "-1s",
        "+1s",
        "1.s",
        ".5s",
        "0.5ns",
        "1e3s",
        "1ss",
        "1,5s",
        "0.0000000001s",
        "18446744073709551616ns",
        "400000h",
        "1152921504606846977ns",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        uint64_t ns = UNTOUCHED;
        assert_non_null(value_parse_time(table[i], &ns));
        assert_int_equal(ns, UNTOUCHED);
    }
}

static void rate_becomes_its_mean_interval(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t interval_ns;
    } table[] = {
        {"20/s", 50000000},          {"0.5/s", 2000000000}, {"0/s", 0},
        {"1/ms", 1000000},           {"60/m", NS_PER_S},    {"1/h", 3600 * NS_PER_S},
        {"0.1/h", 36000 * NS_PER_S}, {"3/s", 333333333},    {"1000000000/s", 1},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        uint64_t interval_ns = UNTOUCHED;
        assert_null(value_parse_rate(table[i].text, &interval_ns));
        assert_int_equal(interval_ns, table[i].interval_ns);
    }
}

static void other_rate_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const table[] = {"",     "20",   "20s",  "20/",          "/s",
                                        "20/x", "-1/s", "3/ns", "0.000000001/h"};
    for (size_t i = 0; i < COUNT(table); i++) {
        uint64_t interval_ns = UNTOUCHED;
        assert_non_null(value_parse_rate(table[i], &interval_ns));
        assert_int_equal(interval_ns, UNTOUCHED);
    }
}

static void probability_is_counted_in_billionths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t parts;
    } table[] = {
        {"0", 0},           {"0%", 0},         {"0.05", 50000000},
        {"5%", 50000000},   {"1", 1000000000}, {"100%", 1000000000},
        {"0.000000001", 1}, {"0.0000001%", 1}, {"12.5%", 125000000},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        uint32_t parts = UNTOUCHED;
        assert_null(value_parse_probability(table[i].text, &parts));
        assert_int_equal(parts, table[i].parts);
    }
}

static void other_probability_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const table[] = {"",    "%",   "1.1",         "101%", "-0.1",
                                        "5 %", "5%%", "0.00000001%", "half"};
    for (size_t i = 0; i < COUNT(table); i++) {
        uint32_t parts = UNTOUCHED;
        assert_non_null(value_parse_probability(table[i], &parts));
        assert_int_equal(parts, UNTOUCHED);
    }
}

static void delay_of_every_kind_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        Delay delay;
    } table[] = {
        {"constant 5ms", {DELAY_CONSTANT, 5 * NS_PER_MS, 0, 0}},
        {"constant 0ms", {DELAY_CONSTANT, 0, 0, 0}},
        {"uniform 1ms 40ms", {DELAY_UNIFORM, NS_PER_MS, 40 * NS_PER_MS, 0}},
        {"  uniform\t1ms   1ms ", {DELAY_UNIFORM, NS_PER_MS, NS_PER_MS, 0}},
        {"exponential 20ms", {DELAY_EXPONENTIAL, 20 * NS_PER_MS, 0, 0}},
        {"lognormal 10ms 0.75", {DELAY_LOGNORMAL, 10 * NS_PER_MS, 0, 750}},
        {"lognormal 10ms 5", {DELAY_LOGNORMAL, 10 * NS_PER_MS, 0, 5000}},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        Delay delay;
        assert_null(value_parse_delay(table[i].text, &delay));
        assert_int_equal(delay.kind, table[i].delay.kind);
        assert_int_equal(delay.a_ns, table[i].delay.a_ns);
        assert_int_equal(delay.b_ns, table[i].delay.b_ns);
        assert_int_equal(delay.sigma_milli, table[i].delay.sigma_milli);
    }
}

static void other_delay_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "5ms",
        "constant",
        "constant 5",
        "constant 1ms 2ms",
        "uniform 1ms",
        "uniform 40ms 1ms",
        "exponential 1ms 2ms",
        "lognormal 10ms",
        "lognormal 0ms 1",
        "lognormal 10ms 5.001",
        "lognormal 10ms 0.0005",
        "lognormal 10ms 1s",
        "gamma 1ms",
        "constant 10000h",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        Delay delay = {.a_ns = UNTOUCHED};
        assert_non_null(value_parse_delay(table[i], &delay));
        assert_int_equal(delay.a_ns, UNTOUCHED);
    }
}

static void amounts_are_a_range_of_minor_units(void **state)
{
    (void)state;
    AmountRange range;
    assert_null(value_parse_amounts("uniform 1 100", &range));
    assert_int_equal(range.first, 100);
    assert_int_equal(range.last, 10000);
    assert_null(value_parse_amounts("constant 2.50", &range));
    assert_int_equal(range.first, 250);
    assert_int_equal(range.last, 250);
}

static void other_amounts_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const table[] = {"",           "1",          "uniform 1",    "uniform 2 1",
                                        "constant 0", "constant x", "constant 1 2", "uniform 0 1",
                                        "normal 1 2"};
    for (size_t i = 0; i < COUNT(table); i++) {
        AmountRange range = {UNTOUCHED, UNTOUCHED};
        assert_non_null(value_parse_amounts(table[i], &range));
        assert_int_equal(range.first, UNTOUCHED);
        assert_int_equal(range.last, UNTOUCHED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_with_its_unit_is_exact),
        cmocka_unit_test(other_time_is_refused_with_a_reason),
        cmocka_unit_test(rate_becomes_its_mean_interval),
        cmocka_unit_test(other_rate_is_refused_with_a_reason),
        cmocka_unit_test(probability_is_counted_in_billionths),
        cmocka_unit_test(other_probability_is_refused_with_a_reason),
        cmocka_unit_test(delay_of_every_kind_is_taken),
        cmocka_unit_test(other_delay_is_refused_with_a_reason),
        cmocka_unit_test(amounts_are_a_range_of_minor_units),
        cmocka_unit_test(other_amounts_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
