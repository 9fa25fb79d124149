/* What a process keeps on disk while it is in a cohort (the slots of transport.h), and the encoding
 * of its whole state.
 *
 * A save writes the records that changed, so that a checkpoint costs what changed, not the size of
 * the cohort. At the end of every step the disk has the step's permanent, tentative and control
 * state: PROTOCOL.md, "Crash and restart", rule 1. */
#ifndef COHORT_PROCESS_STORAGE_H
#define COHORT_PROCESS_STORAGE_H

#include "core/process.h"
#include "core/shelf.h"

/* Saves what the flags members_changed, permanent_changed, tentative_changed and control_changed
 * say, and clears them. */
void process_save_changes(Process *process, Step *step);
/* All of it will be saved with the next changes, whatever is on disk. */
void process_mark_unsaved(Process *process);
/* Removes what a process of a cohort of `count` members has saved. */
void process_remove_saved(Step *step, uint16_t count);

/* Into a left process: the durable state alone; the current state is still to be restored from the
 * permanent checkpoint. False, and only process_leave is allowed: the records do not fit together.
 */
bool process_load(Process *process, const Shelf *stored);

/* Two-way; decoding wants a left process and leaves it entered unless coder->failed. */
void process_code(Coder *coder, Process *process);

#endif
