#include "core/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- names --- */

static const char *const good_names[] = {
    "a",         "Z",  "alice", "Alice-2",
    "bob_jones", "x-", "x_",    "a23456789012345678901234567890b", /* 31 letters */
};

static const char *const bad_names[] = {
    "",          "1abc", "-a",  "_a",   "a b",
    " a",        "a ",   "a.b", "a,b",  "\200bc",
    "a\xc3\xa9", "a\n",  "a/b", "a\"b", "a23456789012345678901234567890bc", /* 32 letters */
};

static void name_of_the_grammar_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_names); i++) {
        Name name;
        memset(&name, 0xee, sizeof name);
        assert_true(name_valid(good_names[i]));
        assert_true(name_set(&name, good_names[i]));
        assert_string_equal(name.text, good_names[i]);
    }
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void no_other_byte_is_in_a_name(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char first[] = {(char)byte, '\0'};
        const char second[] = {'a', (char)byte, '\0'};
        assert_int_equal(name_valid(first), strchr(LETTERS, byte) != NULL);
        assert_int_equal(name_valid(second), strchr(LETTERS "0123456789-_", byte) != NULL);
    }
}

static void other_name_is_refused_and_leaves_the_target_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_names); i++) {
        Name name = {"kept"};
        assert_false(name_valid(bad_names[i]));
        assert_false(name_set(&name, bad_names[i]));
        assert_string_equal(name.text, "kept");
    }
}

static void set_name_compares_as_memory(void **state)
{
    (void)state;
    Name once_long = {{0}}, fresh = {{0}};
    assert_true(name_set(&once_long, "a-rather-long-name"));
    assert_true(name_set(&once_long, "bob"));
    assert_true(name_set(&fresh, "bob"));
    assert_memory_equal(&once_long, &fresh, sizeof fresh);
    assert_true(name_equal(&once_long, &fresh));
}

static void names_order_by_bytes_and_case(void **state)
{
    (void)state;
    static const char *const ascending[] = {"A", "B", "a", "a-", "a1", "aB", "a_", "aa", "b"};
    for (size_t i = 0; i < COUNT(ascending); i++) {
        for (size_t j = 0; j < COUNT(ascending); j++) {
            Name a, b;
            name_set(&a, ascending[i]);
            name_set(&b, ascending[j]);
            int order = name_compare(&a, &b);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(name_equal(&a, &b), i == j);
        }
    }
}

/* --- money --- */

typedef struct Amount {
    const char *text;
    Money units;
    const char *reason; /* part of it; NULL: taken */
} Amount;

static const Amount amounts[] = {
    {"1", 100, NULL},
    {"100", 10000, NULL},
    {"0.01", 1, NULL},
    {"0.1", 10, NULL},
    {"12.5", 1250, NULL},
    {"12.50", 1250, NULL},
    {"12.05", 1205, NULL},
    {"007", 700, NULL},
    {"000000000000000000000000000001.10", 110, NULL},
    {"90071992547409.91", AMOUNT_MAX, NULL},
    {"90071992547409", AMOUNT_MAX - 91, NULL},
    {"90071992547409.92", 0, "at most 90071992547409.91"},
    {"90071992547410", 0, "at most 90071992547409.91"},
    {"99999999999999999999999999999999", 0, "at most 90071992547409.91"},
    {"18446744073709551617", 0, "at most 90071992547409.91"}, /* 2^64 + 1 */
    {"1.234", 0, "at most two fraction digits"},
    {"1.000", 0, "at most two fraction digits"},
    {"1.", 0, "digit after the point"},
    {"1.x", 0, "digit after the point"},
    {".5", 0, "must be a decimal number"},
    {".", 0, "must be a decimal number"},
    {"", 0, "must be a decimal number"},
    {"abc", 0, "must be a decimal number"},
    {"12a", 0, "must be a decimal number"},
    {"1.2a", 0, "must be a decimal number"},
    {"1.2.3", 0, "must be a decimal number"},
    {"1,50", 0, "must be a decimal number"},
    {"1e3", 0, "must be a decimal number"},
    {"0x10", 0, "must be a decimal number"},
    {"+5", 0, "must be a decimal number"},
    {" 5", 0, "must be a decimal number"},
    {"5 ", 0, "must be a decimal number"},
    {"-", 0, "must be a decimal number"},
    {"--5", 0, "must be a decimal number"},
    {"-5", 0, "must not be negative"},
    {"-0.01", 0, "must not be negative"},
};

static void check_amount(const char *(*parse)(const char *, Money *), const Amount *expected)
{
    Money units = -77;
    const char *reason = parse(expected->text, &units);
    if (expected->reason) {
        assert_non_null(reason);
        assert_non_null(strstr(reason, expected->reason));
        assert_int_equal(units, -77);
    } else {
        assert_null(reason);
        assert_int_equal(units, expected->units);
    }
}

static void amount_is_taken_exactly_or_refused_with_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(amounts); i++) {
        check_amount(money_parse_amount, &amounts[i]);
        check_amount(money_parse_balance, &amounts[i]);
    }
}

static void zero_is_a_balance_and_no_amount(void **state)
{
    (void)state;
    static const char *const zeros[] = {"0", "0.0", "0.00", "000"};
    for (size_t i = 0; i < COUNT(zeros); i++) {
        check_amount(money_parse_balance, &(Amount){zeros[i], 0, NULL});
        check_amount(money_parse_amount, &(Amount){zeros[i], 0, "must be greater than zero"});
    }
}

static void money_prints_without_fraction_when_whole(void **state)
{
    (void)state;
    static const struct {
        Money units;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1, "0.01"},
        {10, "0.10"},
        {99, "0.99"},
        {100, "1"},
        {10050, "100.50"},
        {10000, "100"},
        {AMOUNT_MAX, "90071992547409.91"},
        {INT64_MAX, "92233720368547758.07"},
        {-1, "-0.01"},
        {-100, "-1"},
        {INT64_MIN, "-92233720368547758.08"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[MONEY_TEXT_MAX];
        assert_string_equal(money_text(cases[i].units, text), cases[i].text);
    }
}

static void printed_money_reads_back(void **state)
{
    (void)state;
    for (Money units = 1; units < AMOUNT_MAX / 7; units = units * 7 + 3) {
        char text[MONEY_TEXT_MAX];
        Money read = 0;
        assert_null(money_parse_amount(money_text(units, text), &read));
        assert_int_equal(read, units);
    }
}

/* --- numbers and addresses --- */

static void number_is_decimal_digits_within_64_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t number;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"007", 7},
        {"18446744073709551615", UINT64_MAX},
        {"0018446744073709551615", UINT64_MAX},
    };
    static const char *const bad[] = {
        "",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "a",
        "0x1",
        "18446744073709551616",
        "99999999999999999999",
        "184467440737095516150",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        uint64_t number = 42;
        assert_true(number_parse(good[i].text, &number));
        assert_true(number == good[i].number);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint64_t number = 42;
        assert_false(number_parse(bad[i], &number));
        assert_true(number == 42);
    }
}

static void port_is_1_to_65535(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "65536", "-1", "", "x", "8500x", "18446744073709551615"};
    uint16_t port = 7;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(port_parse(bad[i], &port));
        assert_int_equal(port, 7);
    }
    assert_true(port_parse("1", &port));
    assert_int_equal(port, 1);
    assert_true(port_parse("65535", &port));
    assert_int_equal(port, 65535);
}

static void ip_is_a_dotted_quad_without_leading_zeros(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t ip;
    } good[] = {
        {"0.0.0.0", 0},
        {"127.0.0.1", 0x7f000001},
        {"10.20.30.40", 0x0a141e28},
        {"255.255.255.255", 0xffffffff},
    };
    static const char *const bad[] = {
        "",         "1",         "1.2.3",     "1.2.3.4.5", "1.2.3.",   ".1.2.3",
        "1..2.3",   "256.0.0.1", "1.2.3.999", "01.2.3.4",  "1.2.3.00", "1.2.3.4 ",
        " 1.2.3.4", "1.2.3.4:5", "1.2.3.-4",  "1,2,3,4",   "1.2 3.4",  "1.2.3:4",
        "a.b.c.d",  "::1",       "localhost", "0x7f.0.0.1"};
    for (size_t i = 0; i < COUNT(good); i++) {
        uint32_t ip = 42;
        char text[ADDRESS_TEXT_MAX];
        assert_true(ip_parse(good[i].text, &ip));
        assert_true(ip == good[i].ip);
        assert_string_equal(ip_text(ip, text), good[i].text);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint32_t ip = 42;
        assert_false(ip_parse(bad[i], &ip));
        assert_true(ip == 42);
    }
}

static void address_is_ip_colon_port(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1:8600", "255.255.255.255:65535", "0.0.0.0:1"};
    static const char *const bad[] = {
        "",           "127.0.0.1",   "127.0.0.1:",     ":8600",
        "8600",       "1.2.3:8600",  "127.0.0.1:0",    "1.2.3.4:65536",
        "1.2.3.4 :5", "1.2.3.4: 50", "localhost:8600", "1.2.3.4:5:6",
        "1.2.3.4 80", "1.2.3.4.80",  "1.2.3.4/80"};
    for (size_t i = 0; i < COUNT(good); i++) {
        Address address = {1, 1};
        char text[ADDRESS_TEXT_MAX];
        assert_true(address_parse(good[i], &address));
        assert_string_equal(address_text(address, text), good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        Address address = {1, 2};
        assert_false(address_parse(bad[i], &address));
        assert_true(address_equal(address, (Address){1, 2}));
    }
}

static void addresses_are_equal_when_ip_and_port_are(void **state)
{
    (void)state;
    assert_true(address_equal((Address){5, 6}, (Address){5, 6}));
    assert_false(address_equal((Address){5, 6}, (Address){5, 7}));
    assert_false(address_equal((Address){5, 6}, (Address){4, 6}));
}

static void longest_texts_fit_their_room(void **state)
{
    (void)state;
    char number[MONEY_TEXT_MAX], instance[INSTANCE_TEXT_MAX];
    Name name;
    assert_string_equal(number_text(UINT64_MAX, number), "18446744073709551615");
    assert_string_equal(number_text(0, number), "0");
    assert_true(name_set(&name, "a23456789012345678901234567890b"));
    assert_string_equal(instance_text(&name, UINT64_MAX, instance),
                        "a23456789012345678901234567890b.18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_of_the_grammar_is_taken),
        cmocka_unit_test(no_other_byte_is_in_a_name),
        cmocka_unit_test(other_name_is_refused_and_leaves_the_target_alone),
        cmocka_unit_test(set_name_compares_as_memory),
        cmocka_unit_test(names_order_by_bytes_and_case),
        cmocka_unit_test(amount_is_taken_exactly_or_refused_with_the_reason),
        cmocka_unit_test(zero_is_a_balance_and_no_amount),
        cmocka_unit_test(money_prints_without_fraction_when_whole),
        cmocka_unit_test(printed_money_reads_back),
        cmocka_unit_test(number_is_decimal_digits_within_64_bits),
        cmocka_unit_test(port_is_1_to_65535),
        cmocka_unit_test(ip_is_a_dotted_quad_without_leading_zeros),
        cmocka_unit_test(address_is_ip_colon_port),
        cmocka_unit_test(addresses_are_equal_when_ip_and_port_are),
        cmocka_unit_test(longest_texts_fit_their_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
