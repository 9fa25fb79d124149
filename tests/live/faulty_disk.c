/* Loaded into a process (LD_PRELOAD) to spoil one of its calls to the disk.
 *
 * FAULTY_DISK=KIND:N chooses the fault and, counted from 1, the call that meets it:
 *   sync       the N-th fsync or fdatasync fails (EIO), and so do all after it
 *   sync-once  it alone fails
 *   hang       the N-th fsync or fdatasync, and all after it, do not return
 *   full       the N-th pwrite fails (ENOSPC), and so do all after it
 *   kill       SIGKILL in the place of the N-th call of any kind that is here
 *   torn       likewise, but if it is a pwrite, half of it is done before */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef enum Fault { FAULT_NONE, SYNC, SYNC_ONCE, HANG, FULL, KILL, TORN, FAULTS } Fault;

static const char *const WORDS[FAULTS] = {"", "sync", "sync-once", "hang", "full", "kill", "torn"};

static Fault fault;
static unsigned long victim;
static atomic_ulong calls;

__attribute__((constructor)) static void configure(void)
{
    char word[16];
    const char *text = getenv("FAULTY_DISK");
    if (text == NULL || sscanf(text, "%15[^:]:%lu", word, &victim) != 2)
        return;
    for (int i = SYNC; i < FAULTS; i++) {
        if (strcmp(word, WORDS[i]) == 0)
            fault = (Fault)i;
    }
}

/* Counts a call; is it the one, or one after it? */
static bool has_come(void)
{
    return atomic_fetch_add(&calls, 1) + 1 >= victim;
}

_Noreturn static void hang(void)
{
    for (;;)
        pause();
}

static void any_call(void)
{
    if ((fault == KILL || fault == TORN) && has_come()) {
        kill(getpid(), SIGKILL);
        hang();
    }
}

static bool sync_fails(void)
{
    any_call();
    if (fault == HANG && has_come())
        hang();
    bool fails = (fault == SYNC || fault == SYNC_ONCE) && has_come();
    return fails && (fault == SYNC || atomic_load(&calls) == victim);
}

int fsync(int fd)
{
    if (!sync_fails())
        return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

int fdatasync(int fd)
{
    if (!sync_fails())
        return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    if (fault == FULL && has_come()) {
        errno = ENOSPC;
        return -1;
    }
    if (fault == TORN && atomic_load(&calls) + 1 == victim)
        syscall(SYS_pwrite64, fd, bytes, length / 2, offset);
    any_call();
    return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

int ftruncate(int fd, off_t length)
{
    any_call();
    return (int)syscall(SYS_ftruncate, fd, length);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    any_call();
    return (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int folder, const char *name, int flags)
{
    any_call();
    return (int)syscall(SYS_unlinkat, folder, name, flags);
}
