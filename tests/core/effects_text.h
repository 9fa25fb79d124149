/* Everything that a step has done, as text, so that a test can compare two steps. */
#ifndef COHORT_TESTS_EFFECTS_TEXT_H
#define COHORT_TESTS_EFFECTS_TEXT_H

#include "core/transport.h"

/* A line for each effect, and one for the deadline. The caller frees it. */
GString *effects_text(const Effects *effects);

#endif
