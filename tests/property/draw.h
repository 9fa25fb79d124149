/* Draws whole scenarios: everything a scenario file can say, from one number. */
#ifndef COHORT_TESTS_DRAW_H
#define COHORT_TESTS_DRAW_H

#include <glib.h>
#include <stdint.h>

/* The text of a scenario file; the same seed draws the same text. The caller frees it. */
GString *draw_scenario(uint64_t seed);

#endif
