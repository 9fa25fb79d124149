/* What users and programs read on stdout: one line for each Notice, as the interface lays down.
 *
 * With --json each line is one object instead. Its keys, in this order: `result` (success, failure
 * or event), `command` or `event` (the word), then what the line tells: `name`, `to`, `from`,
 * `amount`, `label`, `cohort`, `instance`, `balance`, `undone`, `count`, `members`, `waits_for`,
 * `reason`; and last `text`, the plain line. Amounts are integers of minor units (1/100). */
#ifndef COHORT_RESULT_H
#define COHORT_RESULT_H

#include <glib.h>

#include "core/notice.h"

/* Appends the line, without a newline. */
void result_text(const Notice *notice, GString *out);
void result_json(const Notice *notice, GString *out);

/* A command that was refused before it had a Notice. */
void result_failure_text(const char *command, const char *reason, GString *out);
void result_failure_json(const char *command, const char *reason, GString *out);

/* Appends a JSON string with its quotes; what is not UTF-8 is replaced. */
void result_json_string(GString *out, const char *text);

#endif
