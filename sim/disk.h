/* The disk of one simulated process: core/disk.h in memory, with virtual time and all that a disk
 * can do to those who trust it.
 *
 * The code that uses a Disk runs as if its operations took no time; each is noted with when it
 * begins and is done, one after the other. So the files run ahead of the clock, and a crash cuts
 * the operations where the clock is: what was not begun has never happened. What happened but was
 * not synced may be lost, wholly or in sectors, in any combination.
 *
 * All draws are from a stream of its own. */
#ifndef COHORT_SIM_DISK_H
#define COHORT_SIM_DISK_H

#include "core/disk.h"
#include "sim/random.h"

enum { SECTOR_BYTES = 512 }; /* written wholly or not at all */

/* Error codes, besides DISK_MISSING. */
#define SIMDISK_ERROR (-5)
#define SIMDISK_FULL (-28)

typedef struct DiskModel {
    Delay write_delay; /* of everything but reads and syncs */
    Delay fsync_delay;
    uint32_t torn_write;    /* parts per billion, as in random.h: per crash, ... */
    uint32_t lost_unsynced; /* ... likewise */
    uint32_t full_rate;     /* per write */
    uint32_t error_rate;    /* per operation, reads included */
} DiskModel;

/* No delay, no fault. */
extern const DiskModel disk_ideal;

typedef struct DiskCounts {
    uint64_t errors;
    uint64_t full;
    uint64_t torn_writes; /* of which a crash left a part */
    uint64_t lost_writes; /* changes, names included, of which a crash left nothing */
} DiskCounts;

typedef struct SimDisk SimDisk;

/* An ideal disk without files. `state`: the stream of its draws. */
SimDisk *simdisk_new(uint64_t state);
/* The files as all operations so far have left them, on an ideal disk of its own. */
SimDisk *simdisk_copy(const SimDisk *disk);
void simdisk_free(SimDisk *disk);
void simdisk_set_model(SimDisk *disk, const DiskModel *model);
Disk *simdisk_disk(SimDisk *disk); /* to operate on */

/* What is begun from now on begins no earlier. */
void simdisk_set_time(SimDisk *disk, uint64_t now_ns);
uint64_t simdisk_done_ns(const SimDisk *disk); /* when all that was begun is done */
DiskCounts simdisk_counts(const SimDisk *disk);

/* Operations that change something or sync it are numbered from 0. */
uint64_t simdisk_operations(const SimDisk *disk);
/* When that one begins; it must be among those since the last simdisk_set_time. */
uint64_t simdisk_begin_ns(const SimDisk *disk, uint64_t operation);

/* Where a crash cuts: those before `operation` are done, it may be under way, later ones were never
 * begun. */
typedef struct DiskCut {
    uint64_t operation;
    bool under_way;
} DiskCut;

DiskCut simdisk_cut_at(const SimDisk *disk, uint64_t now_ns);
void simdisk_crash(SimDisk *disk, DiskCut cut, uint64_t now_ns);

/* Damage at rest: inverts one bit of a file. */
uint64_t simdisk_file_bytes(const SimDisk *disk, const char *name); /* 0: missing */
void simdisk_flip(SimDisk *disk, const char *name, uint64_t bit);

#endif
