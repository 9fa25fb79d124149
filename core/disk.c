#include "core/disk.h"

#include <string.h>

#include "core/planted.h"

static const char NEW_SUFFIX[] = ".new";

static int write_new(Disk *disk, const char *new_name, const char *name, const uint8_t *bytes,
                     size_t length)
{
    int code = disk_remove(disk, new_name); /* of a replacement cut short */
    if (code == 0)
        code = disk_write(disk, new_name, 0, bytes, length);
    if (code == 0 && !planted(PLANTED_RENAME_BEFORE_SYNC))
        code = disk_sync(disk, new_name);
    if (code == 0)
        code = disk_rename(disk, new_name, name);
    if (code != 0)
        disk_remove(disk, new_name); /* a full disk has better use for the room */
    return code;
}

int disk_replace(Disk *disk, const char *name, const uint8_t *bytes, size_t length)
{
    const size_t name_bytes = strlen(name) + sizeof NEW_SUFFIX;
    g_autofree char *new_name = g_malloc(name_bytes);
    g_strlcpy(new_name, name, name_bytes);
    g_strlcat(new_name, NEW_SUFFIX, name_bytes);
    int code = write_new(disk, new_name, name, bytes, length);
    return code == 0 ? disk_sync_names(disk) : code;
}
