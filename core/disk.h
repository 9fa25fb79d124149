/* The files of one folder, as the record files of a process need them: live net/folder.c on the
 * file system, simulated sim/disk.c, where every one of these steps takes time, can fail, and can
 * be lost with a crash.
 *
 * Nothing written, renamed or removed is sure to be there after a crash until it is synced: content
 * by disk_sync, names by disk_sync_names. Functions return 0 or a negative error code of the
 * implementation (live: a negative errno), which disk_reason puts into words; DISK_MISSING is the
 * one that callers tell apart. After an error the content of the file is unknown: never go on. */
#ifndef COHORT_DISK_H
#define COHORT_DISK_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_MISSING (-2) /* as -ENOENT */

typedef struct Disk Disk;

typedef struct DiskOperations {
    int (*read)(Disk *disk, const char *name, GByteArray *bytes); /* all of it, appended */
    /* At `offset`, which is the file's length; 0 makes the file when it is missing. */
    int (*write)(Disk *disk, const char *name, uint64_t offset, const uint8_t *bytes,
                 size_t length);
    int (*sync)(Disk *disk, const char *name);
    int (*rename)(Disk *disk, const char *from, const char *to); /* over what is there */
    int (*remove)(Disk *disk, const char *name);                 /* that it is missing is fine */
    int (*sync_names)(Disk *disk);
    const char *(*reason)(Disk *disk, int code);
} DiskOperations;

/* Implementations begin with it. */
struct Disk {
    const DiskOperations *operations;
};

static inline int disk_read(Disk *disk, const char *name, GByteArray *bytes)
{
    return disk->operations->read(disk, name, bytes);
}

static inline int disk_write(Disk *disk, const char *name, uint64_t offset, const uint8_t *bytes,
                             size_t length)
{
    return disk->operations->write(disk, name, offset, bytes, length);
}

static inline int disk_sync(Disk *disk, const char *name)
{
    return disk->operations->sync(disk, name);
}

static inline int disk_rename(Disk *disk, const char *from, const char *to)
{
    return disk->operations->rename(disk, from, to);
}

static inline int disk_remove(Disk *disk, const char *name)
{
    return disk->operations->remove(disk, name);
}

static inline int disk_sync_names(Disk *disk)
{
    return disk->operations->sync_names(disk);
}

static inline const char *disk_reason(Disk *disk, int code)
{
    return disk->operations->reason(disk, code);
}

/* Replaces a file, or makes it, in one durable step: the content is written to NAME.new, synced,
 * and renamed over NAME, and the names are synced. At every instant NAME is the old file or the new
 * one, whole. */
int disk_replace(Disk *disk, const char *name, const uint8_t *bytes, size_t length);

#endif
