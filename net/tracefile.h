/* The trace of a live process: JSON Lines, in a file that goes on after a crash.
 *
 * A line gets its number when what it tells happens, and is written when all saves before it are
 * durable: what a crash may still take back is not told. A process may also die when a save is
 * durable and the trace does not say so yet. Therefore a commit carries the lines that are not
 * written (SLOT_TRACE), and a restart with the same file writes those that it lacks. The file
 * itself is never synced: a power failure may leave anything behind its last whole line. */
#ifndef COHORT_TRACEFILE_H
#define COHORT_TRACEFILE_H

#include <glib.h>

#include "core/trace.h"

typedef struct TracefileConfig {
    const char *path;
    bool datagrams;      /* their lines too */
    bool resume;         /* goes on with the trace that is there, if any; else begins anew, over
                            whatever is there but a recording */
    const char *process; /* resume: whose lines the file may hold, beside those of `role` */
    const char *role;    /* for the header, as are the next two */
    uint64_t seed;
    bool cash_commits;
    const uint8_t *carried; /* resume: what the last commit carried */
    size_t carried_length;
} TracefileConfig;

typedef struct Tracefile Tracefile;

/* The file of another process's trace or of something else, which is left alone. Other errors are
 * negative errnos. */
#define TRACEFILE_FOREIGN 1

/* Returns 0, TRACEFILE_FOREIGN or a negative errno; then `error` says what to do. `warning` is
 * filled when the trace cannot be whole. */
int tracefile_open(const TracefileConfig *config, Tracefile **tracefile, GString *error,
                   GString *warning);
/* Does not write what waits. All functions below take NULL for a process without a trace. */
void tracefile_close(Tracefile *tracefile);

bool tracefile_shows_datagrams(const Tracefile *tracefile);
void tracefile_add(Tracefile *tracefile, const Name *process, const TraceEvent *event);

/* Lines added from here on wait for this commit; numbers grow. */
void tracefile_hold(Tracefile *tracefile, uint64_t commit);
/* What a commit is to carry: the lines not written; good until the next call. NULL: none. */
const uint8_t *tracefile_carried(const Tracefile *tracefile, size_t *length);
/* How many bytes are not written. */
size_t tracefile_waiting(const Tracefile *tracefile);
/* All commits up to this one are durable. */
void tracefile_saved(Tracefile *tracefile, uint64_t commit);
/* Writes the lines that need not wait. When that fails, says so on stderr and ends the trace:
 * money goes on without. */
void tracefile_write(Tracefile *tracefile);

#endif
