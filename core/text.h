/* Messages for people, put together without stdio. */
#ifndef COHORT_TEXT_H
#define COHORT_TEXT_H

#include <glib.h>
#include <stdint.h>

/* Appends all of these strings. */
void text_add(GString *text, const char *first, ...) G_GNUC_NULL_TERMINATED;
void text_add_number(GString *text, uint64_t number);

#endif
