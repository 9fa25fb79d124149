/* Texts of a scenario -> exact integers: times, rates, probabilities, delays, amounts.
 *
 * Every parser returns NULL and sets its result, or returns a reason for people and leaves the
 * result alone. No value passes through floating point, and none is rounded but a rate's interval,
 * to the nanosecond. */
#ifndef COHORT_SIM_VALUE_H
#define COHORT_SIM_VALUE_H

#include "core/types.h"
#include "sim/network.h"

/* "30s", "1.5ms": a number and ns, us, ms, s, m or h; at most VALUE_TIME_NS_MAX (about 36 years).
 */
#define VALUE_TIME_NS_MAX (UINT64_C(1) << 60)
const char *value_parse_time(const char *text, uint64_t *ns);

/* "20/s", "0.5/m": the mean interval between two arrivals; 0 when the rate is zero. */
const char *value_parse_rate(const char *text, uint64_t *interval_ns);

/* "0.05" or "5%": parts of a billion. */
const char *value_parse_probability(const char *text, uint32_t *parts_per_billion);

/* "constant D", "uniform A B", "exponential MEAN" or "lognormal MEDIAN SIGMA". */
const char *value_parse_delay(const char *text, Delay *delay);

/* Amounts: "uniform A B" or "constant A", in minor units, both ends included. */
typedef struct AmountRange {
    Money first;
    Money last;
} AmountRange;
const char *value_parse_amounts(const char *text, AmountRange *range);

/* "lognormal 10ms 0.5" -> its words, blanks dropped; free with g_strfreev. */
char **value_words(const char *text, size_t *count);

#endif
