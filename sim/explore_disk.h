/* What a process has on disk, in an exploration with crashes. It does not follow from what is in
 * memory: some records are only written when there is more to write. So it is part of the local
 * state, as long as a crash may come: as the canonical encoding of the customer that would be
 * loaded. */
#ifndef COHORT_EXPLORE_DISK_H
#define COHORT_EXPLORE_DISK_H

#include "core/canonical.h"

/* config: with the name to go on under. */
void disk_encode(const Shelf *disk, const CustomerConfig *config, uint32_t tries_max, Coder *out);
/* A disk from which the same is loaded. To be freed. */
Shelf *disk_decode(const uint8_t *bytes, size_t length, const CustomerConfig *config);
/* The customer that a start finds there. */
Customer *disk_load(const Shelf *disk, const CustomerConfig *config);

#endif
