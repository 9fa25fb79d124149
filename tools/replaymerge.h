/* Recordings of one run, played back together: one trace of all its processes.
 *
 * By time, but for what would put an effect before its cause: a datagram is received after one with
 * the same bytes was sent, if any recording tells of that. So clocks need not agree. A process that
 * was started again goes on where its recording before left off. */
#ifndef COHORT_REPLAYMERGE_H
#define COHORT_REPLAYMERGE_H

#include "tools/playback.h"

typedef struct ReplayPart {
    const char *path;
    const uint8_t *bytes;
    size_t length;
} ReplayPart;

/* What is not right, although each part alone is: for people. */
typedef void (*ReplayNote)(void *user, const char *text);
/* A record of the trace, with its time in Unix time, which never falls. */
typedef void (*ReplayTrace)(void *user, uint64_t t_ns, const Name *process,
                            const TraceEvent *event);

typedef struct ReplayMergeConfig {
    const ReplayPart *parts; /* each has a header, and plays back as recorded */
    size_t count;
    bool datagrams; /* their records too */
    ReplayNote note;
    ReplayTrace trace;
    void *user;
} ReplayMergeConfig;

void replay_merge(const ReplayMergeConfig *config);

#endif
