#include "sim/explore_pool.h"

#include <glib.h>
#include <string.h>
#include <xxhash.h>

#include "core/panic.h"

enum { CHUNK_BYTES = 1 << 20, SLOTS_FIRST = 1 << 10, ALIGNMENT = 8 };

/* --- strings --- */

typedef struct Entry {
    const uint8_t *bytes;
    uint32_t length;
    uint32_t hash;
} Entry;

struct Pool {
    GArray *entries;   /* of Entry */
    GPtrArray *chunks; /* the memory of their bytes */
    size_t chunk_used; /* of the last */
    size_t chunk_size;
    uint64_t chunk_bytes; /* of all */
    uint32_t *slots;      /* numbers, by hash; POOL_NONE: empty */
    uint32_t slot_count;
};

static uint32_t *new_slots(uint32_t count)
{
    uint32_t *slots = g_new(uint32_t, count);
    memset(slots, 0xff, count * sizeof *slots);
    return slots;
}

Pool *pool_new(void)
{
    Pool *pool = g_new0(Pool, 1);
    pool->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    pool->chunks = g_ptr_array_new_with_free_func(g_free);
    pool->slot_count = SLOTS_FIRST;
    pool->slots = new_slots(pool->slot_count);
    return pool;
}

void pool_free(Pool *pool)
{
    g_array_unref(pool->entries);
    g_ptr_array_unref(pool->chunks);
    g_free(pool->slots);
    g_free(pool);
}

static void grow(Pool *pool)
{
    INVARIANT_THAT(pool->slot_count, <, UINT32_C(1) << 31);
    g_free(pool->slots);
    pool->slot_count *= 2;
    pool->slots = new_slots(pool->slot_count);
    for (uint32_t i = 0; i < pool->entries->len; i++) {
        uint32_t slot = g_array_index(pool->entries, Entry, i).hash & (pool->slot_count - 1);
        while (pool->slots[slot] != POOL_NONE)
            slot = (slot + 1) & (pool->slot_count - 1);
        pool->slots[slot] = i;
    }
}

static const uint8_t *keep(Pool *pool, const void *bytes, size_t length)
{
    size_t room = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (pool->chunks->len == 0 || pool->chunk_size - pool->chunk_used < room) {
        pool->chunk_size = MAX(room, CHUNK_BYTES);
        pool->chunk_used = 0;
        pool->chunk_bytes += pool->chunk_size;
        g_ptr_array_add(pool->chunks, g_malloc(pool->chunk_size));
    }
    uint8_t *kept =
        (uint8_t *)g_ptr_array_index(pool->chunks, pool->chunks->len - 1) + pool->chunk_used;
    pool->chunk_used += room;
    if (length > 0)
        memcpy(kept, bytes, length);
    return kept;
}

/* Where the number of these bytes is, or belongs. */
static uint32_t *slot_of(const Pool *pool, uint32_t hash, const void *bytes, size_t length)
{
    uint32_t slot = hash & (pool->slot_count - 1);
    for (; pool->slots[slot] != POOL_NONE; slot = (slot + 1) & (pool->slot_count - 1)) {
        const Entry *entry = &g_array_index(pool->entries, Entry, pool->slots[slot]);
        if (entry->hash == hash && entry->length == length &&
            (length == 0 || memcmp(entry->bytes, bytes, length) == 0))
            break;
    }
    return &pool->slots[slot];
}

uint32_t pool_find(const Pool *pool, const void *bytes, size_t length)
{
    return *slot_of(pool, (uint32_t)XXH3_64bits(bytes, length), bytes, length);
}

uint32_t pool_intern(Pool *pool, const void *bytes, size_t length)
{
    uint32_t hash = (uint32_t)XXH3_64bits(bytes, length);
    uint32_t *slot = slot_of(pool, hash, bytes, length);
    if (*slot != POOL_NONE)
        return *slot;
    uint32_t number = pool->entries->len;
    Entry entry = {keep(pool, bytes, length), (uint32_t)length, hash};
    g_array_append_val(pool->entries, entry);
    *slot = number;
    if (pool->entries->len > pool->slot_count / 2)
        grow(pool);
    return number;
}

uint32_t pool_count(const Pool *pool)
{
    return pool->entries->len;
}

const void *pool_get(const Pool *pool, uint32_t number, size_t *length)
{
    INVARIANT_THAT(number, <, pool->entries->len);
    const Entry *entry = &g_array_index(pool->entries, Entry, number);
    if (length != NULL)
        *length = entry->length;
    return entry->bytes;
}

uint64_t pool_bytes(const Pool *pool)
{
    return pool->chunk_bytes + pool->entries->len * sizeof(Entry) +
           (uint64_t)pool->slot_count * sizeof *pool->slots;
}

/* --- pairs --- */

typedef struct Pair {
    uint32_t a;
    uint32_t b;
    uint32_t value;
} Pair;

struct PairMap {
    Pair *pairs;
    uint32_t size;
    uint32_t count;
};

static const Pair no_pair = {POOL_NONE, POOL_NONE, POOL_NONE};

static Pair *new_pairs(uint32_t size)
{
    Pair *pairs = g_new(Pair, size);
    for (uint32_t i = 0; i < size; i++)
        pairs[i] = no_pair;
    return pairs;
}

PairMap *pair_map_new(void)
{
    PairMap *map = g_new0(PairMap, 1);
    map->size = SLOTS_FIRST;
    map->pairs = new_pairs(map->size);
    return map;
}

void pair_map_free(PairMap *map)
{
    g_free(map->pairs);
    g_free(map);
}

static Pair *find(const PairMap *map, uint32_t a, uint32_t b)
{
    uint64_t key = (uint64_t)a << 32 | b;
    uint32_t at = (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (map->size - 1);
    Pair *pair = &map->pairs[at];
    while ((pair->a != a || pair->b != b) && (pair->a != POOL_NONE || pair->b != POOL_NONE)) {
        at = (at + 1) & (map->size - 1);
        pair = &map->pairs[at];
    }
    return pair;
}

uint32_t pair_map_get(const PairMap *map, uint32_t a, uint32_t b)
{
    return find(map, a, b)->value;
}

void pair_map_put(PairMap *map, uint32_t a, uint32_t b, uint32_t value)
{
    if (map->count >= map->size / 2) {
        INVARIANT_THAT(map->size, <, UINT32_C(1) << 31);
        Pair *old = map->pairs;
        uint32_t size = map->size;
        map->size *= 2;
        map->pairs = new_pairs(map->size);
        for (uint32_t i = 0; i < size; i++) {
            if (old[i].a != POOL_NONE || old[i].b != POOL_NONE)
                *find(map, old[i].a, old[i].b) = old[i];
        }
        g_free(old);
    }
    *find(map, a, b) = (Pair){a, b, value};
    map->count++;
}

uint64_t pair_map_bytes(const PairMap *map)
{
    return (uint64_t)map->size * sizeof(Pair);
}
