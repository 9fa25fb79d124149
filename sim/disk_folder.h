/* The files of a simulated disk (sim/disk.h), and the names that lead to them.
 *
 * A file has two contents: with all that was done to it, and with what any crash leaves. Two
 * folders over the same files are likewise what names there are and which of them are safe. */
#ifndef COHORT_SIM_DISK_FOLDER_H
#define COHORT_SIM_DISK_FOLDER_H

#include <glib.h>
#include <stdint.h>

/* Names lead to it, and operations on it. */
typedef struct SimFile {
    unsigned references;
    GByteArray *content; /* with all operations */
    GByteArray *safe;    /* with those that are synced: what any crash leaves */
} SimFile;

typedef struct SimEntry {
    char *name;
    SimFile *file;
} SimEntry;

/* Names, a handful. */
typedef struct SimFolder {
    GArray *entries; /* of SimEntry */
} SimFolder;

SimFile *simfile_new(void); /* with no reference yet */
SimFile *simfile_ref(SimFile *file);
void simfile_unref(SimFile *file); /* NULL is fine */

/* Of either content. What it grows by is zeros. */
void simfile_resize(GByteArray *content, uint64_t length);
void simfile_put(GByteArray *content, uint64_t offset, const uint8_t *bytes, size_t length);

void simfolder_init(SimFolder *folder);
void simfolder_deinit(SimFolder *folder);
SimEntry *simfolder_find(const SimFolder *folder, const char *name); /* NULL: none */
/* In the place of what had that name. */
void simfolder_put(SimFolder *folder, const char *name, SimFile *file);
void simfolder_remove(SimFolder *folder, const char *name);
/* The same names for the same files. */
void simfolder_assign(SimFolder *folder, const SimFolder *from);

#endif
