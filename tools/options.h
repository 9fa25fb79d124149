/* What the subcommands share about their command line. */
#ifndef COHORT_OPTIONS_H
#define COHORT_OPTIONS_H

#include <glib.h>
#include <signal.h>

#include "core/types.h"
#include "net/recorder.h"
#include "net/tracefile.h"

/* The exit codes of every subcommand. */
enum {
    EXIT_DONE = 0,         /* and everything held */
    EXIT_VIOLATION = 1,    /* an invariant was violated */
    EXIT_USAGE = 2,        /* usage or bad input; nothing was changed */
    EXIT_STUCK = 3,        /* no progress after the faults stopped */
    EXIT_ENVIRONMENT = 4,  /* port taken, disk full, permission */
    EXIT_INTERNAL = 70,    /* a broken invariant of the program itself */
    EXIT_INTERRUPTED = 130 /* by SIGINT, as shells say it, or by SIGTERM */
};

/* Parses the flags; a subcommand of these takes no other words. --help prints `help`, --version
 * the version. True: go on. False: all is said, and *exit_code is how to end. */
bool options_parse(const GOptionEntry *entries, const char *help, int argc, char **argv,
                   int *exit_code);

/* One line on stderr, "cohort bank: reason"; returns exit_code. `command` is argv[0]. */
int options_fail(int exit_code, const char *command, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Reads a value that a flag gave, or, when `text` is NULL and there is a terminal, asks for it
 * until it is right. False: all is said on stderr, as a usage error of `command`. */
bool options_port(const char *command, const char *flag, const char *text, bool any_port,
                  uint16_t *port);
bool options_address(const char *command, const char *flag, const char *text, Address *address);
bool options_ip(const char *command, const char *flag, const char *text, uint32_t *ip);

/* --- of those who search and simulate --- */

/* NULL, or what is wrong with the value; without one, NULL, there is no limit, 0. */
const char *options_budget(const char *text, uint64_t *budget_ns);
/* Likewise; without one there is a job for each processor. */
const char *options_jobs(const char *text, unsigned *jobs);
/* Plants what --planted names, where faults can be planted; NULL: nothing. True: go on. False: it
 * is `list`, or no fault; all is said, and *exit_code is how to end. */
bool options_plant(const char *command, const char *name, int *exit_code);
/* From now on SIGINT and SIGTERM end nothing, but make this true, and system calls that wait
 * return. */
const volatile sig_atomic_t *options_interruptible(void);
/* For a child of such a process: they are its parent's alone, which ends its children. */
static inline void options_uninterruptible(void)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
}

/* --- the environment --- */

/* What a path is for, and the path; NULL: it is not given. */
typedef struct FileUse {
    const char *what; /* "--trace" */
    const char *path;
} FileUse;

/* False: two of them are the same file, which one would spoil for the other; all is said, as a
 * usage error of `command`. Devices may serve as often as wanted. */
bool options_files_differ(const char *command, const FileUse *uses, size_t count);

/* What stdout cannot take is said, and ends what was done well with EXIT_ENVIRONMENT; otherwise the
 * exit code stays. */
int options_flush(const char *command, int exit_code);

/* Is it "-", or the file that standard output goes to? NULL is not. */
bool options_is_stdout(const char *path);
/* "-" for such a one, any other path as it is. */
const char *options_output(const char *path);

/* Asks before a long search what would otherwise come to light after it: may a file be written
 * there? NULL, which is none, and "-" may. False: all is said. */
bool options_may_write(const char *command, const char *path);

/* Opens the file of --trace; without a path there is none, NULL. Returns EXIT_DONE, or how to end,
 * and all is said. */
int options_trace(const char *command, const TracefileConfig *config, Tracefile **trace);
/* Likewise, makes the file of --record. */
int options_record(const char *command, const char *path, Recorder **recorder);

/* What a subcommand has to say before a broken invariant ends it; NULL: nothing. */
extern void (*panic_last_words)(void);

uint64_t options_random(void); /* from the system; not 0 */

#endif
