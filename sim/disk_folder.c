#include "sim/disk_folder.h"

#include <string.h>

#include "core/panic.h"

/* --- files --- */

SimFile *simfile_new(void)
{
    SimFile *file = g_new0(SimFile, 1);
    file->content = g_byte_array_new();
    file->safe = g_byte_array_new();
    return file;
}

SimFile *simfile_ref(SimFile *file)
{
    file->references++;
    return file;
}

void simfile_unref(SimFile *file)
{
    if (file == NULL || --file->references > 0)
        return;
    g_byte_array_unref(file->content);
    g_byte_array_unref(file->safe);
    g_free(file);
}

void simfile_resize(GByteArray *content, uint64_t length)
{
    guint before = content->len;
    INVARIANT_THAT(length, <=, G_MAXUINT);
    g_byte_array_set_size(content, (guint)length);
    if (length > before)
        memset(content->data + before, 0, length - before);
}

void simfile_put(GByteArray *content, uint64_t offset, const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return;
    if (content->len < offset + length)
        simfile_resize(content, offset + length);
    memcpy(content->data + offset, bytes, length);
}

/* --- names --- */

static void entry_clear(void *element)
{
    SimEntry *entry = element;
    g_free(entry->name);
    simfile_unref(entry->file);
}

void simfolder_init(SimFolder *folder)
{
    folder->entries = g_array_new(FALSE, FALSE, sizeof(SimEntry));
    g_array_set_clear_func(folder->entries, entry_clear);
}

void simfolder_deinit(SimFolder *folder)
{
    g_array_unref(folder->entries);
}

SimEntry *simfolder_find(const SimFolder *folder, const char *name)
{
    for (guint i = 0; i < folder->entries->len; i++) {
        SimEntry *entry = &g_array_index(folder->entries, SimEntry, i);
        if (strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

void simfolder_remove(SimFolder *folder, const char *name)
{
    const SimEntry *entry = simfolder_find(folder, name);
    if (entry != NULL)
        g_array_remove_index(folder->entries,
                             (guint)(entry - (const SimEntry *)folder->entries->data));
}

void simfolder_put(SimFolder *folder, const char *name, SimFile *file)
{
    SimEntry entry = {g_strdup(name), simfile_ref(file)};
    simfolder_remove(folder, name);
    g_array_append_val(folder->entries, entry);
}

void simfolder_assign(SimFolder *folder, const SimFolder *from)
{
    g_array_set_size(folder->entries, 0);
    for (guint i = 0; i < from->entries->len; i++) {
        const SimEntry *entry = &g_array_index(from->entries, SimEntry, i);
        simfolder_put(folder, entry->name, entry->file);
    }
}
