/* A Disk on the file system: the files of one folder, which it can keep to this process.
 *
 * Names are plain file names. Error codes are negative errnos, their reasons g_strerror's.
 * A file that is written to stays open until it is renamed over, removed, or the folder is freed.
 */
#ifndef COHORT_FOLDER_H
#define COHORT_FOLDER_H

#include "core/disk.h"

#include <stdbool.h>

typedef struct Folder Folder;

/* Opens it; `make`: makes it first if it is missing, durably, with the folders above it. Returns 0
 * or a negative errno; then `error` says what to do, and *folder is NULL. -ENOENT: there is none.
 */
int folder_open(const char *path, bool make, Folder **folder, GString *error);
/* The folder of a file, and that file's plain name (g_free it). A symbolic link is followed, so
 * that replacing the file replaces what the link leads to. The file need not be there. */
int folder_open_of(const char *file_path, Folder **folder, char **name, GString *error);
void folder_free(Folder *folder); /* and unlocks it; NULL is fine */

Disk *folder_disk(Folder *folder);

/* Keeps other processes out while the folder is open: locks a file of this name in it, which is
 * made if it is missing, and stays. -EWOULDBLOCK: another process has it. */
int folder_lock(Folder *folder, const char *lock_name, GString *error);

/* What to do about an error of a disk; to follow what happened. */
#define FOLDER_ADVICE                                                                              \
    "; all that was answered is safe: make room on the disk, or mend it, then start again"

#endif
