#include "sim/explore_seen.h"

#include <glib.h>
#include <string.h>
#include <xxhash.h>

#include "core/panic.h"

/* Cuts are kept in chunks, so that growing moves none. */
enum { CHUNK_BITS = 16, CHUNK_CUTS = 1 << CHUNK_BITS, SLOTS_FIRST = 1 << 12 };

/* Beside a cut's own numbers: the parent, the move (30 bits at most) with the member above it. */
enum { PARENT, HOW, EXTRA };
#define MEMBER_SHIFT 30
#define MOVE_MASK ((UINT32_C(1) << MEMBER_SHIFT) - 1)

struct Seen {
    unsigned width;
    GPtrArray *chunks;
    uint64_t count;
    uint32_t *slots;
    uint64_t slot_count;
};

static uint32_t *new_slots(uint64_t count)
{
    uint32_t *slots = g_new(uint32_t, count);
    memset(slots, 0xff, count * sizeof *slots);
    return slots;
}

Seen *seen_new(unsigned width)
{
    Seen *seen = g_new0(Seen, 1);
    seen->width = width;
    seen->chunks = g_ptr_array_new_with_free_func(g_free);
    seen->slot_count = SLOTS_FIRST;
    seen->slots = new_slots(seen->slot_count);
    return seen;
}

void seen_free(Seen *seen)
{
    g_ptr_array_unref(seen->chunks);
    g_free(seen->slots);
    g_free(seen);
}

static uint32_t *row(const Seen *seen, uint64_t number)
{
    uint32_t *chunk = g_ptr_array_index(seen->chunks, number >> CHUNK_BITS);
    return chunk + (number & (CHUNK_CUTS - 1)) * (seen->width + EXTRA);
}

static uint64_t hash(const Seen *seen, const uint32_t *cut)
{
    return XXH3_64bits(cut, seen->width * sizeof *cut) & (seen->slot_count - 1);
}

/* Where the cut is, or belongs. */
static uint32_t *slot_of(const Seen *seen, const uint32_t *cut)
{
    uint64_t slot = hash(seen, cut);
    while (seen->slots[slot] != SEEN_NONE &&
           memcmp(row(seen, seen->slots[slot]), cut, seen->width * sizeof *cut) != 0)
        slot = (slot + 1) & (seen->slot_count - 1);
    return &seen->slots[slot];
}

static void grow(Seen *seen)
{
    g_free(seen->slots);
    seen->slot_count *= 2;
    seen->slots = new_slots(seen->slot_count);
    for (uint64_t i = 0; i < seen->count; i++)
        *slot_of(seen, row(seen, i)) = (uint32_t)i;
}

uint32_t seen_add(Seen *seen, const uint32_t *cut, uint32_t parent, uint16_t member, uint32_t move)
{
    uint32_t *slot = slot_of(seen, cut);
    if (*slot != SEEN_NONE)
        return *slot;
    INVARIANT_THAT(seen->count, <, SEEN_MAX);
    if ((seen->count & (CHUNK_CUTS - 1)) == 0)
        g_ptr_array_add(seen->chunks, g_new(uint32_t, (size_t)CHUNK_CUTS * (seen->width + EXTRA)));
    uint32_t number = (uint32_t)seen->count++;
    uint32_t *kept = row(seen, number);
    memcpy(kept, cut, seen->width * sizeof *cut);
    kept[seen->width + PARENT] = parent;
    kept[seen->width + HOW] = (move & MOVE_MASK) | (uint32_t)member << MEMBER_SHIFT;
    *slot = number;
    if (seen->count > seen->slot_count / 2)
        grow(seen);
    return number;
}

uint64_t seen_count(const Seen *seen)
{
    return seen->count;
}

const uint32_t *seen_get(const Seen *seen, uint32_t number)
{
    return row(seen, number);
}

uint32_t seen_parent(const Seen *seen, uint32_t number)
{
    return row(seen, number)[seen->width + PARENT];
}

uint16_t seen_member(const Seen *seen, uint32_t number)
{
    return (uint16_t)(row(seen, number)[seen->width + HOW] >> MEMBER_SHIFT);
}

uint32_t seen_move(const Seen *seen, uint32_t number)
{
    return row(seen, number)[seen->width + HOW] & MOVE_MASK;
}

uint64_t seen_bytes(const Seen *seen)
{
    return seen->chunks->len * (uint64_t)CHUNK_CUTS * (seen->width + EXTRA) * sizeof(uint32_t) +
           seen->slot_count * sizeof *seen->slots;
}
