#include "core/transport.h"

#include <string.h>

#include "core/panic.h"
#include "core/planted.h"

enum {
    CHUNK_BYTES = 16 * 1024,
    ALIGNMENT = 16,
    MARKS_PER_WORD = 64,
    MARK_WORDS = (MARK_KINDS + MARKS_PER_WORD - 1) / MARKS_PER_WORD
};

/* What effects point to lives in a chain of chunks that only grows: a clear rewinds it, so that a
 * process in its steady state allocates nothing, and a chunk never moves while it is pointed to. */
typedef struct Chunk {
    struct Chunk *next;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT) uint8_t bytes[];
} Chunk;

typedef struct EffectList {
    Effect *effects;
    size_t count;
    size_t capacity;
} EffectList;

struct Effects {
    EffectList saves; /* come before all others */
    EffectList others;
    uint64_t deadline_ns;
    uint64_t marks[MARK_WORDS]; /* a bit each */
    Chunk *first;
    Chunk *current; /* the chunks after it are unused */
};

static Chunk *chunk_new(size_t capacity)
{
    Chunk *chunk = g_malloc(sizeof *chunk + capacity);
    chunk->next = NULL;
    chunk->capacity = capacity;
    return chunk;
}

Effects *effects_new(void)
{
    Effects *effects = g_new0(Effects, 1);
    effects->first = chunk_new(CHUNK_BYTES);
    effects_clear(effects);
    return effects;
}

void effects_free(Effects *effects)
{
    if (!effects)
        return;
    Chunk *chunk = effects->first;
    while (chunk) {
        Chunk *next = chunk->next;
        g_free(chunk);
        chunk = next;
    }
    g_free(effects->saves.effects);
    g_free(effects->others.effects);
    g_free(effects);
}

void effects_clear(Effects *effects)
{
    effects->saves.count = 0;
    effects->others.count = 0;
    effects->deadline_ns = TIME_NEVER;
    memset(effects->marks, 0, sizeof effects->marks);
    effects->current = effects->first;
    effects->current->used = 0;
}

size_t effects_count(const Effects *effects)
{
    return effects->saves.count + effects->others.count;
}

bool effects_saves(const Effects *effects)
{
    return effects->saves.count > 0;
}

const Effect *effects_at(const Effects *effects, size_t index)
{
    INVARIANT_THAT(index, <, effects_count(effects));
    return index < effects->saves.count ? &effects->saves.effects[index]
                                        : &effects->others.effects[index - effects->saves.count];
}

uint64_t effects_deadline(const Effects *effects)
{
    return effects->deadline_ns;
}

void effects_count_marks(const Effects *effects, uint64_t counts[static MARK_KINDS])
{
    for (unsigned word = 0; word < MARK_WORDS; word++) {
        for (uint64_t left = effects->marks[word]; left != 0; left &= left - 1)
            counts[word * MARKS_PER_WORD + (unsigned)__builtin_ctzll(left)]++;
    }
}

static uint8_t *arena_take(Effects *effects, size_t bytes)
{
    INVARIANT_THAT(bytes, <=, SIZE_MAX / 2);
    size_t room = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    Chunk *chunk = effects->current;
    while (chunk->capacity - chunk->used < room) {
        if (!chunk->next)
            chunk->next = chunk_new(MAX(room, CHUNK_BYTES));
        chunk = chunk->next;
        chunk->used = 0;
    }
    effects->current = chunk;
    uint8_t *taken = chunk->bytes + chunk->used;
    chunk->used += room;
    return taken;
}

static const uint8_t *arena_copy(Effects *effects, const uint8_t *bytes, size_t length)
{
    uint8_t *copy = arena_take(effects, length);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

void *effects_alloc(Effects *effects, size_t bytes)
{
    return memset(arena_take(effects, bytes), 0, bytes);
}

static Effect *add(Effects *effects, EffectKind kind)
{
    EffectList *list = kind == EFFECT_SAVE ? &effects->saves : &effects->others;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->effects = g_renew(Effect, list->effects, list->capacity);
    }
    Effect *effect = &list->effects[list->count++];
    effect->kind = kind;
    return effect;
}

void effects_save(Effects *effects, Slot slot, uint16_t index, const uint8_t *bytes, size_t length)
{
    INVARIANT_THAT((int)slot, <, SLOTS);
    Effect *effect = add(effects, EFFECT_SAVE);
    effect->save.slot = slot;
    effect->save.index = index;
    effect->save.bytes = arena_copy(effects, bytes, length);
    effect->save.length = length;
}

void effects_send(Effects *effects, Port port, Address to, const uint8_t *bytes, size_t length)
{
    effects_send_early(effects, port, to, SLOTS_ALL, bytes, length);
}

void effects_send_early(Effects *effects, Port port, Address to, SlotSet needs,
                        const uint8_t *bytes, size_t length)
{
    INVARIANT_THAT(length, >, 0);
    INVARIANT_THAT(length, <=, DATAGRAM_BYTES_MAX);
    Effect *effect = add(effects, EFFECT_SEND);
    effect->send.port = port;
    effect->send.to = to;
    effect->send.needs = planted(PLANTED_SAVE_AFTER_SEND) ? 0 : needs;
    effect->send.bytes = arena_copy(effects, bytes, length);
    effect->send.length = length;
}

void effects_notify(Effects *effects, const Notice *notice)
{
    add(effects, EFFECT_NOTIFY)->notice = *notice;
}

void effects_trace(Effects *effects, const TraceEvent *event)
{
    add(effects, EFFECT_TRACE)->trace = *event;
}

void effects_end(Effects *effects)
{
    add(effects, EFFECT_END);
}

void effects_set_deadline(Effects *effects, uint64_t deadline_ns)
{
    effects->deadline_ns = deadline_ns;
}

void effects_mark(Effects *effects, Mark mark)
{
    INVARIANT_THAT((int)mark, <, MARK_KINDS);
    effects->marks[mark / MARKS_PER_WORD] |= UINT64_C(1) << (mark % MARKS_PER_WORD);
}
