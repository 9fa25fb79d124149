/* Bytes as a schedule: two bytes say what the world is, and every six more are one thing that
 * happens or one choice. Any bytes are a schedule of 2 to 4 customers that a run can be made of. */
#ifndef COHORT_FUZZ_OPCODES_H
#define COHORT_FUZZ_OPCODES_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

enum { OPCODES_HEAD_BYTES = 2, OPCODE_BYTES = 6, OPCODES_MAX = 200 };

/* Appends the text of the schedule's file. */
void opcodes_write(const uint8_t *data, size_t size, GString *out);

/* One of the six is left out, said again, moved or changed. */
size_t opcodes_mutate(uint8_t *data, size_t size, size_t capacity);

#endif
