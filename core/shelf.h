/* What a process has in stable storage: records, each under a slot and an index.
 *
 * Saves put or remove records; a start is given them all. The order of iteration is that of slots,
 * then of indices. */
#ifndef COHORT_SHELF_H
#define COHORT_SHELF_H

#include "core/transport.h"

typedef struct Shelf Shelf;

typedef struct ShelfRecord {
    Slot slot;
    uint16_t index;
    const uint8_t *bytes; /* good until the record is put again or removed */
    size_t length;        /* > 0 */
} ShelfRecord;

Shelf *shelf_new(void);
void shelf_free(Shelf *shelf);
void shelf_clear(Shelf *shelf);

/* Copies the bytes; length 0 removes the record, if it is there. */
void shelf_put(Shelf *shelf, Slot slot, uint16_t index, const uint8_t *bytes, size_t length);
/* All the saves among these effects. */
void shelf_apply(Shelf *shelf, const Effects *effects);
/* False, and an empty record, when it is missing. */
bool shelf_get(const Shelf *shelf, Slot slot, uint16_t index, ShelfRecord *record);

size_t shelf_count(const Shelf *shelf);
ShelfRecord shelf_at(const Shelf *shelf, size_t position);
uint64_t shelf_bytes(const Shelf *shelf); /* of all records together */

#endif
