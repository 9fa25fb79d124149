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

/* --- what is decided, and who may have a say in it --- */

typedef enum DiskWork {
    DISK_READ,   /* takes no time */
    DISK_CHANGE, /* takes the write_delay */
    DISK_SYNC    /* takes the fsync_delay */
} DiskWork;

/* How an operation goes. */
typedef struct DiskFate {
    int code;         /* 0, SIMDISK_ERROR, or, of a write, SIMDISK_FULL */
    uint64_t written; /* of a write that fails: so many bytes are, in the end */
    uint64_t delay_ns;
} DiskFate;

/* What a crash does to what was not synced. */
typedef struct CrashFate {
    bool lose; /* each may be there or not, ... */
    bool tear; /* ... and of a write only some sectors */
    uint64_t
        seed; /* of the stream that says which; what was under way may be there or not anyway */
} CrashFate;

/* Is shown everything before it takes effect, and may change it. */
typedef struct DiskChooser {
    void *context;
    void (*operate)(void *context, DiskWork work, DiskFate *fate);
    /* unsynced: there is something to lose; under_way: ... or that was not done */
    void (*crash)(void *context, CrashFate *fate, bool unsynced, bool under_way);
} DiskChooser;

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
/* It must live as long as the disk; NULL: nobody. Copies have none. */
void simdisk_set_chooser(SimDisk *disk, const DiskChooser *chooser);
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
