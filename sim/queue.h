/* The queue of future events, ordered by time and, at equal times, by the order they were put in;
 * but what was put in as early comes before all else of its time.
 *
 * A binary heap of 24-byte entries. Nothing is ever removed but the first: whoever changes its
 * mind about an entry recognises it as out of date when it comes (see world.c, timers). */
#ifndef COHORT_SIM_QUEUE_H
#define COHORT_SIM_QUEUE_H

#include "core/types.h"

enum { QUEUE_PROCESS_BITS = 24 };

typedef struct QueueEntry {
    uint64_t time_ns;
    uint64_t sequence; /* counts the entries ever put in; its top bit: not early */
    uint32_t kind : 8; /* the caller's, as is what follows */
    uint32_t process : QUEUE_PROCESS_BITS;
    uint32_t argument;
} QueueEntry;
static_assert(sizeof(QueueEntry) == 24, "a heap entry moves often: keep it small");

typedef struct Queue Queue;

Queue *queue_new(void);
void queue_free(Queue *queue);
size_t queue_count(const Queue *queue);
/* Not earlier than the entry taken last: time does not run backwards. */
void queue_put(Queue *queue, uint64_t time_ns, uint32_t kind, uint32_t process, uint32_t argument);
void queue_put_early(Queue *queue, uint64_t time_ns, uint32_t kind, uint32_t process,
                     uint32_t argument);
/* The time of the first entry; TIME_NEVER when there is none. */
uint64_t queue_next_time(const Queue *queue);
/* Takes the first entry; there must be one. */
QueueEntry queue_take(Queue *queue);

#endif
