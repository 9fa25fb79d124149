/* A temporary folder for one test, and short ways to look into it. */
#ifndef COHORT_TEST_FOLDER_H
#define COHORT_TEST_FOLDER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

int folder_setup(void **state); /* cmocka: *state is the folder's path */
int folder_teardown(void **state);

char *folder_path(void **state, const char *name); /* g_free it */
void folder_write(void **state, const char *name, const void *bytes, size_t length);
void folder_write_text(void **state, const char *name, const char *text);
char *folder_read(void **state, const char *name, size_t *length); /* g_free it */
void folder_make(void **state, const char *name);                  /* a folder within */
bool folder_has(void **state, const char *name);
size_t folder_count(void **state); /* of entries */
/* Which file it is: another after every replacement. */
uint64_t folder_inode(void **state, const char *name);

#endif
