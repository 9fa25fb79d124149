#include "sim/queue.h"

#include <glib.h>

#include "core/panic.h"

#define NOT_EARLY (UINT64_C(1) << 63)

struct Queue {
    QueueEntry *heap; /* heap[i] is not after heap[2i + 1] and heap[2i + 2] */
    size_t count;
    size_t capacity;
    uint64_t sequence;
    uint64_t now_ns; /* of the entry taken last */
};

Queue *queue_new(void)
{
    Queue *queue = g_new0(Queue, 1);
    queue->capacity = 1024;
    queue->heap = g_new(QueueEntry, queue->capacity);
    return queue;
}

void queue_free(Queue *queue)
{
    g_free(queue->heap);
    g_free(queue);
}

size_t queue_count(const Queue *queue)
{
    return queue->count;
}

static inline bool before(const QueueEntry *a, const QueueEntry *b)
{
    return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && a->sequence < b->sequence);
}

static void put(Queue *queue, uint64_t time_ns, uint64_t late, uint32_t kind, uint32_t process,
                uint32_t argument)
{
    INVARIANT_THAT(time_ns, >=, queue->now_ns);
    if (queue->count == queue->capacity) {
        queue->capacity *= 2;
        queue->heap = g_renew(QueueEntry, queue->heap, queue->capacity);
    }
    QueueEntry entry = {time_ns, late | queue->sequence++, kind & 0xff,
                        process & ((1u << QUEUE_PROCESS_BITS) - 1), argument};
    INVARIANT_THAT(entry.kind, ==, kind);
    INVARIANT_THAT(entry.process, ==, process);
    size_t hole = queue->count++;
    while (hole > 0 && before(&entry, &queue->heap[(hole - 1) / 2])) {
        queue->heap[hole] = queue->heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    queue->heap[hole] = entry;
}

void queue_put(Queue *queue, uint64_t time_ns, uint32_t kind, uint32_t process, uint32_t argument)
{
    put(queue, time_ns, NOT_EARLY, kind, process, argument);
}

void queue_put_early(Queue *queue, uint64_t time_ns, uint32_t kind, uint32_t process,
                     uint32_t argument)
{
    put(queue, time_ns, 0, kind, process, argument);
}

uint64_t queue_next_time(const Queue *queue)
{
    return queue->count > 0 ? queue->heap[0].time_ns : TIME_NEVER;
}

QueueEntry queue_take(Queue *queue)
{
    INVARIANT_THAT(queue->count, >, 0);
    QueueEntry *heap = queue->heap;
    QueueEntry first = heap[0];
    QueueEntry last = heap[--queue->count];
    size_t hole = 0;
    for (size_t child = 1; child < queue->count; child = 2 * hole + 1) {
        if (child + 1 < queue->count && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &last))
            break;
        heap[hole] = heap[child];
        hole = child;
    }
    heap[hole] = last;
    queue->now_ns = first.time_ns;
    return first;
}
