/* Files that survive: whole writes, replacement as one durable step, locks.
 *
 * Every function returns 0 (or what it says) or a negative errno. */
#ifndef COHORT_FILE_H
#define COHORT_FILE_H

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all of it, at `offset`. */
int file_write(int fd, off_t offset, const uint8_t *bytes, size_t length);

/* A folder, for the functions below; a file descriptor. */
int file_open_folder(const char *path);
/* Makes it durably, with every folder above it that is missing; that it is there is fine. */
int file_make_folder(const char *path);

/* Replaces folder/name as one durable step: the new content is written beside it, synced, renamed
 * over it, and the folder synced. Until file_replace_end has returned 0, or when it fails, the old
 * file is there, whole. */
typedef struct Replacement {
    int folder;
    const char *name; /* borrowed */
    char *beside;     /* where the new content is written */
    int fd;           /* for file_replace_write alone */
    off_t length;
} Replacement;

int file_replace_begin(Replacement *replacement, int folder, const char *name);
int file_replace_write(Replacement *replacement, const uint8_t *bytes, size_t length);
/* Gives the descriptor of the new file in *fd, unless fd is NULL. */
int file_replace_end(Replacement *replacement, int *fd);
void file_replace_abandon(Replacement *replacement);

/* Removes folder/name durably; that it is not there is fine. */
int file_remove(int folder, const char *name);

/* Opens folder/name, makes it when missing, and locks it for as long as the descriptor is open.
 * -EWOULDBLOCK: another process has it. */
int file_lock(int folder, const char *name);
/* Locks what is open; -EWOULDBLOCK likewise. */
int file_lock_open(int fd);

/* All of folder/name; -ENOENT when missing. */
int file_read(int folder, const char *name, GByteArray *bytes);
int file_read_open(int fd, GByteArray *bytes);

#endif
