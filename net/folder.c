#include "net/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/panic.h"

enum { READ_BYTES = 256 * 1024, LINKS_MAX = 40 /* as the system */ };
G_STATIC_ASSERT(DISK_MISSING == -ENOENT);

/* A file that was written to. */
typedef struct Open {
    char *name;
    int fd;
} Open;

struct Folder {
    Disk disk;
    char *path;
    int fd;
    int lock;     /* < 0: not locked */
    GArray *open; /* of Open; a handful */
};

/* --- files of the folder --- */

static Folder *of(Disk *disk)
{
    return (Folder *)disk;
}

static void open_clear(void *element)
{
    Open *open_file = element;
    g_free(open_file->name);
    close(open_file->fd);
}

/* Its place among those that are open; their number: it is not. */
static guint find_open(const Folder *folder, const char *name)
{
    guint place = 0;
    while (place < folder->open->len &&
           strcmp(g_array_index(folder->open, Open, place).name, name) != 0)
        place++;
    return place;
}

static void close_file(Folder *folder, const char *name)
{
    guint place = find_open(folder, name);
    if (place < folder->open->len)
        g_array_remove_index_fast(folder->open, place);
}

/* A descriptor that stays the folder's, or a negative errno. */
static int open_to_write(Folder *folder, const char *name, int more_flags)
{
    guint place = find_open(folder, name);
    if (place < folder->open->len)
        return g_array_index(folder->open, Open, place).fd;
    int fd = openat(folder->fd, name, O_RDWR | O_CLOEXEC | more_flags, 0666);
    if (fd < 0)
        return -errno;
    Open opened = {g_strdup(name), fd};
    g_array_append_val(folder->open, opened);
    return fd;
}

static int read_all(int fd, GByteArray *bytes)
{
    for (;;) {
        const guint had = bytes->len;
        g_byte_array_set_size(bytes, had + READ_BYTES);
        ssize_t got = read(fd, bytes->data + had, READ_BYTES);
        const int code = errno;
        g_byte_array_set_size(bytes, had + (got > 0 ? (guint)got : 0));
        if (got == 0)
            return 0;
        if (got < 0 && code != EINTR)
            return -code;
    }
}

static int read_file(Disk *disk, const char *name, GByteArray *bytes)
{
    int fd = openat(of(disk)->fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = read_all(fd, bytes);
    close(fd);
    return code;
}

static int write_file(Disk *disk, const char *name, uint64_t offset, const uint8_t *bytes,
                      size_t length)
{
    int fd = open_to_write(of(disk), name, O_CREAT);
    if (fd < 0)
        return fd;
    while (length > 0) {
        ssize_t written = pwrite(fd, bytes, length, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        length -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

/* fdatasync leaves out times alone: the length, which reading needs, is synced too. A file that
 * somebody has removed can still be written to and synced, and nobody will ever read it. */
static int sync_file(Disk *disk, const char *name)
{
    struct stat file;
    int fd = open_to_write(of(disk), name, 0);
    if (fd < 0)
        return fd;
    if (fdatasync(fd) < 0 || fstat(fd, &file) < 0)
        return -errno;
    return file.st_nlink > 0 ? 0 : -ENOENT;
}

/* What replaces a file gets its permissions: a user may have set them. */
static int keep_mode(const Folder *folder, const char *from, const char *to)
{
    struct stat old;
    if (fstatat(folder->fd, to, &old, 0) < 0)
        return errno == ENOENT ? 0 : -errno;
    return fchmodat(folder->fd, from, old.st_mode & 07777, 0) < 0 ? -errno : 0;
}

static int rename_file(Disk *disk, const char *from, const char *to)
{
    Folder *folder = of(disk);
    int code = keep_mode(folder, from, to);
    if (code != 0)
        return code;
    if (renameat(folder->fd, from, folder->fd, to) < 0)
        return -errno;
    close_file(folder, to);
    guint place = find_open(folder, from);
    if (place < folder->open->len) {
        Open *moved = &g_array_index(folder->open, Open, place);
        g_free(moved->name);
        moved->name = g_strdup(to);
    }
    return 0;
}

static int remove_file(Disk *disk, const char *name)
{
    close_file(of(disk), name);
    return unlinkat(of(disk)->fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

static int sync_names(Disk *disk)
{
    return fsync(of(disk)->fd) < 0 ? -errno : 0;
}

static const char *reason(Disk *disk, int code)
{
    (void)disk;
    return g_strerror(-code);
}

Disk *folder_disk(Folder *folder)
{
    return &folder->disk;
}

/* --- the folder --- */

static int open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Makes it, with those above it, each durably. One that is there may have been made by a process
 * that was killed before it could sync: so all are synced, if they let us. */
static int make_folder(const char *path)
{
    g_autofree char *above = g_path_get_dirname(path);
    if (strcmp(above, path) == 0)
        return 0; /* "/" or "." */
    int code = make_folder(above);
    if (code != 0)
        return code;
    const bool made = mkdir(path, 0777) == 0;
    if (!made && errno != EEXIST)
        return -errno;
    int fd = open_folder(above);
    code = fd < 0 ? fd : fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return made ? code : 0;
}

static Folder *folder_new(const char *path, int fd)
{
    static const DiskOperations operations = {.read = read_file,
                                              .write = write_file,
                                              .sync = sync_file,
                                              .rename = rename_file,
                                              .remove = remove_file,
                                              .sync_names = sync_names,
                                              .reason = reason};
    Folder *folder = g_new0(Folder, 1);
    folder->disk.operations = &operations;
    folder->path = g_strdup(path);
    folder->fd = fd;
    folder->lock = -1;
    folder->open = g_array_new(FALSE, FALSE, sizeof(Open));
    g_array_set_clear_func(folder->open, open_clear);
    return folder;
}

/* What a user can do about it. */
static const char *advice(int code)
{
    switch (-code) {
    case ENOENT:
        return "; make it first, or name another";
    case ENOTDIR:
        return "; name a folder";
    case EACCES:
    case EPERM:
    case EROFS:
        return "; see that this user may write there, or name another";
    case ENOSPC:
    case EDQUOT:
        return "; make room on the disk";
    default:
        return "";
    }
}

static int fail(int code, const char *doing, const char *path, GString *error)
{
    g_string_printf(error, "cannot %s %s: %s%s", doing, path, g_strerror(-code), advice(code));
    return code;
}

int folder_open(const char *path, bool make, Folder **folder, GString *error)
{
    *folder = NULL;
    int code = make ? make_folder(path) : 0;
    if (code < 0)
        return fail(code, "make the folder", path, error);
    int fd = open_folder(path);
    if (fd < 0)
        return fail(fd, "open the folder", path, error);
    *folder = folder_new(path, fd);
    return 0;
}

/* Where symbolic links lead, also to a file that is not there yet. */
static char *follow_links(const char *file_path)
{
    char *path = g_strdup(file_path);
    for (int links = 0; links < LINKS_MAX; links++) {
        g_autofree char *leads_to = g_file_read_link(path, NULL);
        if (leads_to == NULL)
            break;
        g_autofree char *above = g_path_get_dirname(path);
        g_free(path);
        path = g_path_is_absolute(leads_to) ? g_steal_pointer(&leads_to)
                                            : g_build_filename(above, leads_to, NULL);
    }
    return path;
}

int folder_open_of(const char *file_path, Folder **folder, char **name, GString *error)
{
    g_autofree char *file = follow_links(file_path);
    g_autofree char *path = g_path_get_dirname(file);
    *name = g_path_get_basename(file);
    int code = folder_open(path, false, folder, error);
    if (code == 0)
        return 0;
    g_free(*name);
    *name = NULL;
    return code;
}

void folder_free(Folder *folder)
{
    if (folder == NULL)
        return;
    g_array_unref(folder->open);
    if (folder->lock >= 0)
        close(folder->lock);
    close(folder->fd);
    g_free(folder->path);
    g_free(folder);
}

int folder_lock(Folder *folder, const char *lock_name, GString *error)
{
    INVARIANT_THAT(folder->lock, <, 0);
    g_autofree char *path = g_build_filename(folder->path, lock_name, NULL);
    int fd = openat(folder->fd, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(-errno, "open", path, error);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        folder->lock = fd;
        return 0;
    }
    int code = -errno;
    close(fd);
    if (code != -EWOULDBLOCK)
        return fail(code, "lock", path, error);
    g_string_printf(error, "another process has %s locked: stop that one first", path);
    return code;
}
