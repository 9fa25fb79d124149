/* The file of a recording (net/recording.h), as its process writes it.
 *
 * The file is mapped: a frame is there as soon as it is copied, even if the process is killed in
 * the next instant, and the system writes it to the disk in its own time. It is not synced: after a
 * power failure its end may be missing. When there is no room for more, that is said on stderr and
 * the recording ends; money goes on without.
 *
 * A limit: nobody else may shorten the file meanwhile. What is mapped would be there no more, and
 * the next frame would end the process with SIGBUS; it can be resumed like any other that was
 * killed.
 *
 * Functions that take a Recorder take NULL for "not recording". */
#ifndef COHORT_RECORDER_H
#define COHORT_RECORDER_H

#include "net/recording.h"

typedef struct Recorder Recorder;

#define RECORDER_EXISTS 1 /* something has that name already; it is left as it is */

/* Is a recording in this file? Who opens it to write would destroy it, and end a process that still
 * writes there. */
bool recorder_has_made(const char *path);

/* Makes the file. Returns 0, RECORDER_EXISTS or a negative errno; then `error` says what to do.
 * From then on a limit to the size of files is an error like others, and no signal. */
int recorder_open(const char *path, Recorder **recorder, GString *error);
/* Cuts off what was reserved; removes the file if nothing happened in it. */
void recorder_close(Recorder *recorder);

/* Once, first. Version and times are filled in here. */
void recorder_begin(Recorder *recorder, const RecordingHeader *header);
/* Before each step, and after it; nothing of it may have left by then. */
void recorder_event(Recorder *recorder, const Event *event);
void recorder_effects(Recorder *recorder, const Effects *effects);
/* Before outbox_saved. */
void recorder_saved(Recorder *recorder, uint64_t commit);
/* Once, last, if the end is an orderly one. */
void recorder_end(Recorder *recorder, const Bank *bank, const Customer *customer);

#endif
