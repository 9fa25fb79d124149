#include "sim/value.h"

#include <glib.h>
#include <string.h>

#include "sim/random.h"
#include "sim/wide.h"

#define BILLION UINT64_C(1000000000)

typedef struct Unit {
    const char *text;
    uint64_t ns;
} Unit;

/* Reads "12" or "12.345" at *text as a count of billionths and moves *text behind it. */
static const char *parse_decimal(const char **text, Wide *billionths)
{
    const char *at = *text;
    if (!g_ascii_isdigit(*at))
        return "must begin with a number";
    uint64_t whole = 0;
    uint64_t part = 0;
    for (; g_ascii_isdigit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (whole > (UINT64_MAX - digit) / 10)
            return "the number is too large";
        whole = whole * 10 + digit;
    }
    if (*at == '.') {
        uint64_t place = BILLION;
        at++;
        if (!g_ascii_isdigit(*at))
            return "a digit must follow the point";
        for (; g_ascii_isdigit(*at); at++) {
            if (place == 1)
                return "at most nine digits may follow the point";
            place /= 10;
            part += (uint64_t)(*at - '0') * place;
        }
    }
    *text = at;
    *billionths = wide_sum(wide_product(whole, BILLION), wide_of(part));
    return NULL;
}

static uint64_t unit_ns(const char *text)
{
    static const Unit units[] = {
        {"ns", 1},       {"us", NS_PER_US},    {"ms", NS_PER_MS},
        {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (strcmp(text, units[i].text) == 0)
            return units[i].ns;
    }
    return 0;
}

const char *value_parse_time(const char *text, uint64_t *ns)
{
    Wide billionths;
    const char *reason = parse_decimal(&text, &billionths);
    if (reason != NULL)
        return reason;
    uint64_t unit = unit_ns(text);
    if (unit == 0)
        return "a time needs a unit: ns, us, ms, s, m or h";
    Wide part;
    uint64_t whole = wide_low(wide_divide(billionths, wide_of(BILLION), &part));
    if (whole > VALUE_TIME_NS_MAX / unit)
        return "the time is too long";
    Wide rest;
    Wide part_ns = wide_divide(wide_product(wide_low(part), unit), wide_of(BILLION), &rest);
    if (wide_low(rest) != 0)
        return "a time is a whole number of nanoseconds";
    *ns = whole * unit + wide_low(part_ns);
    return NULL;
}

const char *value_parse_rate(const char *text, uint64_t *interval_ns)
{
    Wide billionths;
    const char *reason = parse_decimal(&text, &billionths);
    if (reason != NULL)
        return reason;
    uint64_t unit = *text == '/' ? unit_ns(text + 1) : 0;
    if (unit == 0)
        return "a rate needs a unit: /ns, /us, /ms, /s, /m or /h";
    if (!wide_less(wide_of(0), billionths)) {
        *interval_ns = 0;
        return NULL;
    }
    Wide rest;
    Wide rounded = wide_sum(wide_product(unit, BILLION), wide_shift_right(billionths, 1));
    Wide interval = wide_divide(rounded, billionths, &rest);
    if (wide_less(interval, wide_of(1)))
        return "the rate is too high: more than one in a nanosecond";
    if (wide_less(wide_of(DRAW_SCALE_MAX), interval))
        return "the rate is too low: less than one in thirteen days; 0/s means never";
    *interval_ns = wide_low(interval);
    return NULL;
}

const char *value_parse_probability(const char *text, uint32_t *parts_per_billion)
{
    Wide billionths;
    const char *reason = parse_decimal(&text, &billionths);
    if (reason != NULL)
        return reason;
    if (strcmp(text, "%") == 0) {
        Wide rest;
        billionths = wide_divide(billionths, wide_of(100), &rest);
        if (wide_low(rest) != 0)
            return "a probability is a whole number of billionths";
    } else if (*text != '\0') {
        return "a probability is a number such as 0.05 or 5%";
    }
    if (wide_less(wide_of(CHANCE_ONE), billionths))
        return "a probability is at most 1, or 100%";
    *parts_per_billion = (uint32_t)wide_low(billionths);
    return NULL;
}

static const char *parse_sigma(const char *text, uint32_t *sigma_milli)
{
    Wide billionths;
    const char *reason = parse_decimal(&text, &billionths);
    if (reason != NULL)
        return reason;
    Wide rest;
    Wide thousandths = wide_divide(billionths, wide_of(BILLION / 1000), &rest);
    if (*text != '\0' || wide_low(rest) != 0 || wide_less(wide_of(SIGMA_MILLI_MAX), thousandths))
        return "SIGMA is a number up to 5 with at most three digits after the point";
    *sigma_milli = (uint32_t)wide_low(thousandths);
    return NULL;
}

static const char *parse_delay_time(const char *text, uint64_t *ns)
{
    uint64_t value;
    const char *reason = value_parse_time(text, &value);
    if (reason == NULL && value > DRAW_SCALE_MAX)
        reason = "the time is too long";
    if (reason == NULL)
        *ns = value;
    return reason;
}

char **value_words(const char *text, size_t *count)
{
    char **words = g_strsplit_set(text, " \t", -1);
    size_t kept = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        if (words[i][0] == '\0')
            g_free(words[i]);
        else
            words[kept++] = words[i];
    }
    words[kept] = NULL;
    *count = kept;
    return words;
}

static const char *parse_delay_words(char **words, size_t count, Delay *delay)
{
    static const char *const forms =
        "a delay is `constant D`, `uniform A B`, `exponential MEAN` or `lognormal MEDIAN SIGMA`";
    if (count < 2)
        return forms;
    const char *reason = NULL;
    if (strcmp(words[0], "constant") == 0 && count == 2) {
        delay->kind = DELAY_CONSTANT;
    } else if (strcmp(words[0], "uniform") == 0 && count == 3) {
        delay->kind = DELAY_UNIFORM;
        reason = parse_delay_time(words[2], &delay->b_ns);
    } else if (strcmp(words[0], "exponential") == 0 && count == 2) {
        delay->kind = DELAY_EXPONENTIAL;
    } else if (strcmp(words[0], "lognormal") == 0 && count == 3) {
        delay->kind = DELAY_LOGNORMAL;
        reason = parse_sigma(words[2], &delay->sigma_milli);
    } else {
        return forms;
    }
    if (reason == NULL)
        reason = parse_delay_time(words[1], &delay->a_ns);
    if (reason == NULL && delay->kind == DELAY_UNIFORM && delay->a_ns > delay->b_ns)
        reason = "uniform A B needs A not above B";
    if (reason == NULL && delay->kind == DELAY_LOGNORMAL && delay->a_ns == 0)
        reason = "a MEDIAN is above zero";
    return reason;
}

const char *value_parse_delay(const char *text, Delay *delay)
{
    size_t count;
    char **words = value_words(text, &count);
    Delay parsed = {0};
    const char *reason = parse_delay_words(words, count, &parsed);
    if (reason == NULL)
        *delay = parsed;
    g_strfreev(words);
    return reason;
}

static const char *parse_amount_words(char **words, size_t count, AmountRange *range)
{
    bool constant = count == 2 && strcmp(words[0], "constant") == 0;
    bool uniform = count == 3 && strcmp(words[0], "uniform") == 0;
    if (!constant && !uniform)
        return "amounts are `uniform A B` or `constant A`";
    const char *reason = money_parse_amount(words[1], &range->first);
    if (reason == NULL)
        reason = money_parse_amount(words[count - 1], &range->last);
    if (reason == NULL && range->first > range->last)
        reason = "uniform A B needs A not above B";
    return reason;
}

const char *value_parse_amounts(const char *text, AmountRange *range)
{
    size_t count;
    char **words = value_words(text, &count);
    AmountRange parsed = {0};
    const char *reason = parse_amount_words(words, count, &parsed);
    if (reason == NULL)
        *range = parsed;
    g_strfreev(words);
    return reason;
}
