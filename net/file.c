#include "net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024 };

int file_write(int fd, off_t offset, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = pwrite(fd, bytes, length, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        length -= (size_t)written;
        offset += written;
    }
    return 0;
}

int file_open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int sync_folder(const char *path)
{
    int fd = file_open_folder(path);
    if (fd < 0)
        return fd;
    int code = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return code;
}

int file_make_folder(const char *path)
{
    char *above = g_path_get_dirname(path);
    int code = mkdir(path, 0777) < 0 ? -errno : 0;
    if (code == -ENOENT && strcmp(above, path) != 0) {
        code = file_make_folder(above);
        if (code == 0)
            code = mkdir(path, 0777) < 0 ? -errno : 0;
    }
    if (code == 0)
        code = sync_folder(above);
    g_free(above);
    return code == -EEXIST ? 0 : code;
}

int file_replace_begin(Replacement *replacement, int folder, const char *name)
{
    struct stat old;
    mode_t mode = fstatat(folder, name, &old, 0) == 0 ? old.st_mode & 07777 : 0;
    *replacement =
        (Replacement){.folder = folder, .name = name, .beside = g_strconcat(name, ".new", NULL)};
    replacement->fd =
        openat(folder, replacement->beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (replacement->fd >= 0 && (mode == 0 || fchmod(replacement->fd, mode) == 0))
        return 0;
    int code = -errno;
    file_replace_abandon(replacement);
    return code;
}

int file_replace_write(Replacement *replacement, const uint8_t *bytes, size_t length)
{
    int code = file_write(replacement->fd, replacement->length, bytes, length);
    replacement->length += (off_t)length;
    return code;
}

int file_replace_end(Replacement *replacement, int *fd)
{
    int code = 0;
    if (fsync(replacement->fd) < 0 || renameat(replacement->folder, replacement->beside,
                                               replacement->folder, replacement->name) < 0) {
        code = -errno;
        file_replace_abandon(replacement);
        return code;
    }
    if (fsync(replacement->folder) < 0)
        code = -errno;
    if (code == 0 && fd != NULL)
        *fd = replacement->fd;
    else
        close(replacement->fd);
    g_free(replacement->beside);
    return code;
}

void file_replace_abandon(Replacement *replacement)
{
    if (replacement->fd >= 0) {
        close(replacement->fd);
        unlinkat(replacement->folder, replacement->beside, 0);
    }
    g_free(replacement->beside);
}

int file_remove(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) < 0)
        return errno == ENOENT ? 0 : -errno;
    return fsync(folder) < 0 ? -errno : 0;
}

int file_lock_open(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

int file_lock(int folder, const char *name)
{
    for (;;) {
        int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            return -errno;
        struct stat ours, named;
        int code = file_lock_open(fd);
        if (code == 0 && fstat(fd, &ours) < 0)
            code = -errno;
        if (code == 0 && fstatat(folder, name, &named, 0) == 0 && ours.st_ino == named.st_ino &&
            ours.st_dev == named.st_dev)
            return fd;
        close(fd);
        if (code < 0)
            return code;
        /* Replaced by its owner between our open and our lock: the lock is on the new one. */
    }
}

int file_read_open(int fd, GByteArray *bytes)
{
    g_byte_array_set_size(bytes, 0);
    for (;;) {
        guint had = bytes->len;
        g_byte_array_set_size(bytes, had + READ_BYTES);
        ssize_t got = pread(fd, bytes->data + had, READ_BYTES, had);
        int code = errno;
        g_byte_array_set_size(bytes, had + (got > 0 ? (guint)got : 0));
        if (got == 0)
            return 0;
        if (got < 0 && code != EINTR)
            return -code;
    }
}

int file_read(int folder, const char *name, GByteArray *bytes)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = file_read_open(fd, bytes);
    close(fd);
    return code;
}
