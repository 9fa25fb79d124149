/* A record file: what a process cannot do without, on a Disk, record after record.
 *
 *     record_load(file, take, user, &report);      every record, in order
 *     record_rewrite(file, sequence, ...);         all of them as one
 *     record_append(file, ...); ...                durable on return
 *
 * The file is nothing but frames, and every frame is there twice, one behind the other:
 *
 *     at  bytes
 *      0      8  magic "COHORTR1": also the version of the format
 *      8      8  checksum: XXH3, 64 bits, of all that follows
 *     16      4  kind: whose records these are
 *     20      4  length of the record, n
 *     24      8  sequence number: one more than in the frame before
 *     32      8  sequence number of the first frame of the file
 *     40      n  the record
 *
 * Integers are big-endian. The first frame is what the last rewrite left, the others were appended
 * since. A rewrite is a new file NAME.new, synced, renamed over NAME, and the names synced: so a
 * file has its name only when its first frame is durable, and later on it only grows: nothing that
 * is durable is ever written again.
 *
 * An append is one write of the frame and its copy, and one sync. Whatever part of it a crash
 * leaves, in whatever sectors, is the whole frame once at least, or it never was synced. So:
 *
 * - of a frame that is damaged, the copy counts, wherever it is (any one bit may flip);
 * - where neither is sound, and nothing sound follows, an append was cut short: it never was
 *   acknowledged to anybody, and is dropped;
 * - where neither is sound, but a frame with this or a later sequence number follows, or it is the
 *   first, the file is damaged: nothing of it is believed. Sound frames with earlier numbers are
 *   remains of another file in blocks that the file system has used again: they say nothing.
 *
 * What was read may be in a cache alone (the process was killed before its sync, or the sync
 * failed), and its name too; nothing may be built on that yet. So a file that was loaded is
 * rewritten before the process goes on, which also puts in order what was torn or damaged. */
#ifndef COHORT_RECORD_H
#define COHORT_RECORD_H

#include <stdbool.h>

#include "core/disk.h"

/* One record; two of them are a whole file just rewritten. */
#define RECORD_BYTES_MAX (UINT32_C(1) << 29)

/* Neither a frame nor its copy is sound. Other errors are DISK_MISSING and those of the Disk. */
#define RECORD_DAMAGED 1

typedef struct RecordFile RecordFile;

/* False: the record is none that its reader knows, the file is taken as damaged here. */
typedef bool (*RecordTake)(void *user, const uint8_t *bytes, size_t length);

typedef struct RecordReport {
    uint64_t damaged_at; /* RECORD_DAMAGED: the byte */
    uint64_t torn_bytes; /* dropped at the end */
    uint64_t repaired;   /* frames of which only one of the two was sound */
} RecordReport;

/* `disk` is borrowed. */
RecordFile *record_file_new(Disk *disk, const char *name, uint32_t kind);
void record_file_free(RecordFile *file); /* NULL is fine */

/* Once, first. Gives every record to `take`, but only when the whole file is sound. Writes
 * nothing. Returns 0, DISK_MISSING (a rewrite makes the file), RECORD_DAMAGED, or an error. */
int record_load(RecordFile *file, RecordTake take, void *user, RecordReport *report);

/* Both durable on return. After an error every further call returns it: what is on the disk is
 * unknown until the file is loaded again. */

/* The whole file anew: one record that stands for all up to this sequence number, which is at
 * least record_sequence. Until the new file is whole the old one is there. */
int record_rewrite(RecordFile *file, uint64_t sequence, const uint8_t *bytes, size_t length);
/* One record more; a rewrite has gone before. */
int record_append(RecordFile *file, const uint8_t *bytes, size_t length);

uint64_t record_sequence(const RecordFile *file);       /* of the last record; 0: none */
uint64_t record_bytes(const RecordFile *file);          /* of the file */
uint64_t record_appended_bytes(const RecordFile *file); /* since the last rewrite */
/* What a file of one record of so many bytes takes. */
uint64_t record_rewritten_bytes(size_t length);

#endif
