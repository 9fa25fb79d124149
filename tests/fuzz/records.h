/* Records of a customer, one behind the other, as a commit of its state file holds them: slot (2
 * bytes), index (2), length (4), bytes. */
#ifndef COHORT_FUZZ_RECORDS_H
#define COHORT_FUZZ_RECORDS_H

#include "core/shelf.h"

/* Whatever the bytes: slots beyond the last wrap around, and a last record may be cut short. */
void records_read(const uint8_t *data, size_t size, Shelf *shelf);
/* Appends all that the shelf holds. */
void records_write(const Shelf *shelf, GByteArray *out);
/* One record is changed, left out or put under another slot; the others stay whole. */
size_t records_mutate(uint8_t *data, size_t size, size_t capacity);

#endif
