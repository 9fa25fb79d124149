/* Scenarios from files, with the bank's rows that they name. */
#ifndef COHORT_SCENARIO_FILE_H
#define COHORT_SCENARIO_FILE_H

#include "sim/scenario.h"

/* The whole text of a file; NULL: *error says why, to be freed. */
char *scenario_file_text(const char *path, char **error);

/* Writes a text as a file, whatever the path leads to; "-" is stdout. False: errno says why. */
bool scenario_file_write(const char *path, const char *text);

/* Completes it with the rows of the file that it names, if any; a relative path of that is looked
 * for from the current folder, then beside `path`, and becomes the one found, absolute.
 * False: *error says why. */
bool scenario_file_complete(Scenario *scenario, const char *path, char **error);

/* Reads, overrides by `sets` (as --set gives them; NULL: none) and completes. NULL: *error. */
Scenario *scenario_file_load(const char *path, char **sets, char **error);
/* The same of a text that stands for the file's. */
Scenario *scenario_file_parse(const char *path, const char *text, char **sets, char **error);

/* Whether a schedule of its runs can be read again once it is written: names and paths that a
 * scenario may have are no others' in a schedule, or no text of it. False: *error says why. */
bool scenario_file_schedulable(const Scenario *scenario, char **error);

#endif
