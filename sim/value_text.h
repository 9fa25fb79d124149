/* Exact integers -> the texts of a scenario, as sim/value.h reads them back.
 *
 * Every function appends the shortest text it knows that gives just this value again. */
#ifndef COHORT_SIM_VALUE_TEXT_H
#define COHORT_SIM_VALUE_TEXT_H

#include <glib.h>

#include "sim/value.h"

void value_write_time(uint64_t ns, GString *out); /* "1.5ms" */
/* An interval that was read from a rate, or 0. */
void value_write_rate(uint64_t interval_ns, GString *out);
void value_write_probability(uint32_t parts_per_billion, GString *out); /* "5%" */
void value_write_delay(const Delay *delay, GString *out);
void value_write_amounts(const AmountRange *range, GString *out);

#endif
