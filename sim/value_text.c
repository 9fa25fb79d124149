#include "sim/value_text.h"

#include <inttypes.h>

#include "core/panic.h"
#include "sim/wide.h"

/* units / 10^digits, without zeros at the end: "12.5". */
static void write_decimal(uint64_t units, unsigned digits, GString *out)
{
    uint64_t scale = 1;
    while (digits > 0 && units % 10 == 0) {
        units /= 10;
        digits--;
    }
    for (unsigned i = 0; i < digits; i++)
        scale *= 10;
    g_string_append_printf(out, "%" PRIu64, units / scale);
    if (digits > 0)
        g_string_append_printf(out, ".%0*" PRIu64, (int)digits, units % scale);
}

void value_write_time(uint64_t ns, GString *out)
{
    static const struct {
        uint64_t ns;
        unsigned digits;
        const char *text;
    } units[] = {{NS_PER_S, 9, "s"}, {NS_PER_MS, 6, "ms"}, {NS_PER_US, 3, "us"}};
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (ns >= units[i].ns) {
            write_decimal(ns, units[i].digits, out);
            g_string_append(out, units[i].text);
            return;
        }
    }
    g_string_append_printf(out, "%" PRIu64 "%s", ns, ns > 0 ? "ns" : "s");
}

/* The nearest rate with so many digits after the point. False: it is the rate of another interval.
 */
static bool try_rate(uint64_t interval_ns, uint64_t unit_ns, unsigned digits, const char *unit,
                     GString *out)
{
    uint64_t scale = 1;
    for (unsigned i = 0; i < digits; i++)
        scale *= 10;
    Wide rounded = wide_sum(wide_product(scale, unit_ns), wide_of(interval_ns / 2));
    uint64_t units = wide_quotient(rounded, interval_ns);
    uint64_t again;
    gsize length = out->len;
    write_decimal(units, digits, out);
    g_string_append_printf(out, "/%s", unit);
    if (units > 0 && value_parse_rate(out->str + length, &again) == NULL && again == interval_ns)
        return true;
    g_string_truncate(out, length);
    return false;
}

void value_write_rate(uint64_t interval_ns, GString *out)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } units[] = {{NS_PER_S, "s"},   {60 * NS_PER_S, "m"}, {3600 * NS_PER_S, "h"},
                 {NS_PER_MS, "ms"}, {NS_PER_US, "us"},    {1, "ns"}};
    enum { DIGITS_MAX = 9 };
    if (interval_ns == 0) {
        g_string_append(out, "0/s");
        return;
    }
    for (unsigned digits = 0; digits <= DIGITS_MAX; digits++) {
        for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
            if (try_rate(interval_ns, units[i].ns, digits, units[i].text, out))
                return;
        }
    }
    INVARIANT(!"an interval that was read from a rate");
}

void value_write_probability(uint32_t parts_per_billion, GString *out)
{
    enum { PERCENT_DIGITS = 7 };
    write_decimal(parts_per_billion, PERCENT_DIGITS, out);
    g_string_append_c(out, '%');
}

void value_write_delay(const Delay *delay, GString *out)
{
    static const char *const words[] = {[DELAY_CONSTANT] = "constant ",
                                        [DELAY_UNIFORM] = "uniform ",
                                        [DELAY_EXPONENTIAL] = "exponential ",
                                        [DELAY_LOGNORMAL] = "lognormal "};
    g_string_append(out, words[delay->kind]);
    value_write_time(delay->a_ns, out);
    if (delay->kind == DELAY_CONSTANT || delay->kind == DELAY_EXPONENTIAL)
        return;
    g_string_append_c(out, ' ');
    if (delay->kind == DELAY_UNIFORM)
        value_write_time(delay->b_ns, out);
    else
        write_decimal(delay->sigma_milli, 3, out);
}

void value_write_amounts(const AmountRange *range, GString *out)
{
    char first[MONEY_TEXT_MAX];
    char last[MONEY_TEXT_MAX];
    money_text(range->first, first);
    if (range->first == range->last)
        g_string_append_printf(out, "constant %s", first);
    else
        g_string_append_printf(out, "uniform %s %s", first, money_text(range->last, last));
}
