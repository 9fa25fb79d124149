/* A temporary folder for one test, and short ways to look into it. */
#ifndef COHORT_TEST_SCRATCH_H
#define COHORT_TEST_SCRATCH_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

int scratch_setup(void **state); /* cmocka: *state is the folder's path */
int scratch_teardown(void **state);

char *scratch_path(void **state, const char *name); /* g_free it */
void scratch_write(void **state, const char *name, const void *bytes, size_t length);
void scratch_write_text(void **state, const char *name, const char *text);
char *scratch_read(void **state, const char *name, size_t *length); /* g_free it */
void scratch_make(void **state, const char *name);                  /* a folder within */
bool scratch_has(void **state, const char *name);
size_t scratch_count(void **state); /* of entries */

/* No file of this process may grow beyond that; it stands in for a disk that fills in the middle of
 * a write. */
void scratch_limit_files(uint64_t bytes);
void scratch_unlimit_files(void);

#endif
