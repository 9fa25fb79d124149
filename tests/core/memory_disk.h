/* A Disk in memory that can crash after any operation, and then keeps of what was not synced
 * whatever a test chooses: every sector of every write, the length that a file was to have, every
 * name, each on its own. */
#ifndef COHORT_TEST_MEMORY_DISK_H
#define COHORT_TEST_MEMORY_DISK_H

#include <stdbool.h>

#include "core/disk.h"

#define MEMORY_DISK_ERROR (-5)

typedef struct MemoryDisk MemoryDisk;

MemoryDisk *memory_disk_new(size_t sector_bytes);
void memory_disk_free(MemoryDisk *memory);
Disk *memory_disk(MemoryDisk *memory);

/* Operations that change or sync something, so far. */
uint64_t memory_disk_operations(const MemoryDisk *memory);
/* This one and all later ones fail, and do nothing: as good as a crash before it. */
void memory_disk_stop_at(MemoryDisk *memory, uint64_t operation);
/* This one alone fails; a write has been done by half. */
void memory_disk_fail_at(MemoryDisk *memory, uint64_t operation);

/* What is chosen in a crash: the bits, then coins. */
typedef struct Choices {
    uint64_t bits;
    uint64_t coins;  /* state of the generator */
    unsigned chosen; /* so far */
} Choices;

enum { CHOICE_BITS = 64 };

/* The disk after a crash. */
MemoryDisk *memory_disk_crash(const MemoryDisk *memory, Choices *choices);

/* Content, as it is now; NULL when the file is missing. */
const GByteArray *memory_disk_file(const MemoryDisk *memory, const char *name);
/* A file with this content, durably. */
void memory_disk_put(MemoryDisk *memory, const char *name, const void *bytes, size_t length);
/* Inverts one bit of it, at rest. */
void memory_disk_flip(MemoryDisk *memory, const char *name, size_t bit);
size_t memory_disk_count(const MemoryDisk *memory); /* of names */

#endif
