/* One recording (net/recording.h), fed through the core again, step by step: each step must have
 * the effects that it had.
 *
 * The waiting for saves is played back too, as core/outbox.h has it: what is heard of a playback,
 * what it sent and what its trace tells, comes when it left the process that was recorded. */
#ifndef COHORT_PLAYBACK_H
#define COHORT_PLAYBACK_H

#include <glib.h>

#include "net/recording.h"

typedef enum PlaybackState {
    PLAYBACK_GOING,
    PLAYBACK_OVER,    /* an orderly end */
    PLAYBACK_CUT,     /* the recording goes no further; `reason` says where */
    PLAYBACK_DIFFERS, /* at the last step; see the difference */
    PLAYBACK_DAMAGED  /* it cannot be believed; `reason` says where */
} PlaybackState;

typedef struct PlaybackListener {
    void (*sent)(void *user, Address to, const uint8_t *bytes, size_t length);
    void (*traced)(void *user, const Name *process, const TraceEvent *event);
    void *user;
} PlaybackListener;

typedef struct PlaybackCounts {
    uint64_t steps;
    uint64_t effects;
    uint64_t commits;
} PlaybackCounts;

typedef struct PlaybackDifference {
    char *event;   /* what the step was of, in words, and when */
    uint64_t step; /* from 1 */
    size_t effect; /* from 1; 0: the state at the end, or the one that was loaded */
    char *recorded;
    char *replayed;
} PlaybackDifference;

typedef struct Playback Playback;

/* Borrows the bytes of a whole file. NULL: they are no recording. */
Playback *playback_new(const uint8_t *bytes, size_t length);
void playback_free(Playback *playback);                                     /* NULL is fine */
void playback_listen(Playback *playback, const PlaybackListener *listener); /* copied */

PlaybackState playback_state(const Playback *playback);
const char *playback_reason(const Playback *playback);                   /* CUT, DAMAGED */
const PlaybackDifference *playback_difference(const Playback *playback); /* DIFFERS */
PlaybackCounts playback_counts(const Playback *playback);
/* NULL, when not even that is there. */
const RecordingHeader *playback_header(const Playback *playback);
/* "bank", or the customer's, or "customer" as long as it has none. */
const Name *playback_name(const Playback *playback);

/* While it is going: what comes next, and when, in Unix time. NULL: nothing that entered. */
const Event *playback_next(const Playback *playback, uint64_t *t_ns);
/* ... and is there nothing recorded of what it led to? The process ended in it; it is made again,
 * and nobody hears of it. */
bool playback_next_is_last(const Playback *playback);
void playback_step(Playback *playback);

/* After a cut or the end: the process went on from what this one had made durable, as another
 * recording of it tells. What the trace had yet to tell of that is heard now. False: what was
 * loaded is nothing that this one can have left. */
bool playback_pass_on(Playback *playback, const Shelf *loaded);

#endif
