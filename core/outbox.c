#include "core/outbox.h"

#include <string.h>

#include "core/panic.h"

/* An effect that waits, with all that it points to behind it. */
typedef struct Waiting {
    struct Waiting *next;
    uint64_t commit;  /* may leave when this one and all before it are durable */
    uint64_t belongs; /* lost by a crash unless this one is durable */
    Effect effect;
    _Alignas(max_align_t) uint8_t bytes[];
} Waiting;

typedef struct Line {
    Waiting *first;
    Waiting **end; /* where the next is to hang */
} Line;

struct Outbox {
    uint64_t taken;              /* the last commit */
    uint64_t saved;              /* durable up to here */
    uint64_t last_saving[SLOTS]; /* the last commit with a save in that slot */
    const Effects *borrowed;     /* or NULL: none, or yielded to its end */
    size_t borrowed_at;          /* yielded next */
    Line queue;                  /* in order; their commits never fall */
    Line held;                   /* early datagrams whose slots are being saved */
    Line ready;                  /* early datagrams that may leave */
    size_t waiting;              /* in the three */
    Waiting *yielded;            /* lives until the next call */
};

static void line_clear(Line *line)
{
    *line = (Line){NULL, &line->first};
}

static void line_put(Line *line, Waiting *waiting)
{
    waiting->next = NULL;
    *line->end = waiting;
    line->end = &waiting->next;
}

static Waiting *line_get(Line *line)
{
    Waiting *waiting = line->first;
    line->first = waiting->next;
    if (line->first == NULL)
        line->end = &line->first;
    return waiting;
}

Outbox *outbox_new(void)
{
    Outbox *outbox = g_new0(Outbox, 1);
    line_clear(&outbox->queue);
    line_clear(&outbox->held);
    line_clear(&outbox->ready);
    return outbox;
}

static void line_free(Line *line)
{
    while (line->first != NULL)
        g_free(line_get(line));
}

void outbox_free(Outbox *outbox)
{
    if (outbox == NULL)
        return;
    line_free(&outbox->queue);
    line_free(&outbox->held);
    line_free(&outbox->ready);
    g_free(outbox->yielded);
    g_free(outbox);
}

/* --- copying --- */

static size_t text_bytes(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

static size_t rounded(size_t bytes)
{
    return (bytes + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

/* Of all that the effect points to. */
static size_t bytes_behind(const Effect *effect)
{
    switch (effect->kind) {
    case EFFECT_SEND:
        return rounded(effect->send.length);
    case EFFECT_NOTIFY:
        return rounded(effect->notice.member_count * sizeof *effect->notice.members);
    case EFFECT_TRACE:
        return rounded(effect->trace.member_count * sizeof *effect->trace.members) +
               rounded(effect->trace.count_count * sizeof *effect->trace.counts) +
               rounded(text_bytes(effect->trace.datagram_kinds)) +
               rounded(text_bytes(effect->trace.reason));
    case EFFECT_SAVE:
    case EFFECT_END:
        break;
    }
    return 0;
}

/* Copies what is at `from` to *room, and moves *room behind it. */
static const void *move_in(uint8_t **room, const void *from, size_t bytes)
{
    if (from == NULL)
        return NULL;
    void *copy = memcpy(*room, from, bytes);
    *room += rounded(bytes);
    return copy;
}

static Waiting *waiting_new(const Effect *effect)
{
    Waiting *waiting = g_malloc(sizeof *waiting + bytes_behind(effect));
    uint8_t *room = waiting->bytes;
    waiting->effect = *effect;
    if (effect->kind == EFFECT_SEND) {
        waiting->effect.send.bytes = move_in(&room, effect->send.bytes, effect->send.length);
    } else if (effect->kind == EFFECT_NOTIFY) {
        const Notice *notice = &effect->notice;
        waiting->effect.notice.members =
            move_in(&room, notice->members, notice->member_count * sizeof *notice->members);
    } else if (effect->kind == EFFECT_TRACE) {
        const TraceEvent *from = &effect->trace;
        TraceEvent *to = &waiting->effect.trace;
        to->members = move_in(&room, from->members, from->member_count * sizeof *from->members);
        to->counts = move_in(&room, from->counts, from->count_count * sizeof *from->counts);
        to->datagram_kinds = move_in(&room, from->datagram_kinds, text_bytes(from->datagram_kinds));
        to->reason = move_in(&room, from->reason, text_bytes(from->reason));
    }
    return waiting;
}

/* --- taking --- */

static bool early(const Effect *effect)
{
    return effect->kind == EFFECT_SEND && effect->send.needs != SLOTS_ALL;
}

/* The last commit with a save in these slots; 0: none. */
static uint64_t last_saving(const Outbox *outbox, SlotSet needs)
{
    uint64_t last = 0;
    for (int slot = 0; slot < SLOTS; slot++) {
        if (needs & SLOT_BIT(slot))
            last = MAX(last, outbox->last_saving[slot]);
    }
    return last;
}

static void put(Outbox *outbox, const Effect *effect, uint64_t belongs)
{
    Waiting *waiting = waiting_new(effect);
    waiting->belongs = belongs;
    waiting->commit = early(effect) ? last_saving(outbox, effect->send.needs) : outbox->taken;
    outbox->waiting++;
    if (!early(effect))
        line_put(&outbox->queue, waiting);
    else
        line_put(waiting->commit > outbox->saved ? &outbox->held : &outbox->ready, waiting);
}

uint64_t outbox_take(Outbox *outbox, const Effects *effects)
{
    INVARIANT(outbox->borrowed == NULL);
    size_t count = effects_count(effects);
    if (count == 0)
        return 0;
    if (outbox_empty(outbox) && outbox->saved == outbox->taken &&
        effects_at(effects, 0)->kind != EFFECT_SAVE) {
        outbox->borrowed = effects;
        outbox->borrowed_at = 0;
        return 0;
    }
    size_t saves = 0;
    for (const Effect *effect = effects_at(effects, 0); effect->kind == EFFECT_SAVE;
         effect = effects_at(effects, saves)) {
        outbox->last_saving[effect->save.slot] = outbox->taken + 1;
        if (++saves == count)
            break;
    }
    outbox->taken += saves > 0;
    for (size_t i = saves; i < count; i++)
        put(outbox, effects_at(effects, i), saves > 0 ? outbox->taken : outbox->taken + 1);
    return saves > 0 ? outbox->taken : 0;
}

/* --- leaving --- */

void outbox_saved(Outbox *outbox, uint64_t commit)
{
    INVARIANT_THAT(commit, <=, outbox->taken);
    if (commit <= outbox->saved)
        return;
    outbox->saved = commit;
    Line held = outbox->held;
    line_clear(&outbox->held);
    while (held.first != NULL) {
        Waiting *waiting = line_get(&held);
        line_put(waiting->commit > commit ? &outbox->held : &outbox->ready, waiting);
    }
}

static const Effect *yield(Outbox *outbox, Line *line)
{
    outbox->yielded = line_get(line);
    outbox->waiting--;
    return &outbox->yielded->effect;
}

const Effect *outbox_next(Outbox *outbox)
{
    if (outbox->borrowed != NULL) {
        const Effect *effect = effects_at(outbox->borrowed, outbox->borrowed_at);
        if (++outbox->borrowed_at == effects_count(outbox->borrowed))
            outbox->borrowed = NULL;
        return effect;
    }
    g_clear_pointer(&outbox->yielded, g_free);
    if (outbox->ready.first != NULL)
        return yield(outbox, &outbox->ready);
    if (outbox->queue.first != NULL && outbox->queue.first->commit <= outbox->saved)
        return yield(outbox, &outbox->queue);
    return NULL;
}

uint64_t outbox_pending(const Outbox *outbox)
{
    return outbox->taken - outbox->saved;
}

bool outbox_empty(const Outbox *outbox)
{
    return outbox->borrowed == NULL && outbox->waiting == 0;
}

size_t outbox_waiting(const Outbox *outbox)
{
    return outbox->waiting;
}

const Effect *outbox_crash_next(Outbox *outbox, uint64_t durable)
{
    INVARIANT_THAT(durable, <=, outbox->taken);
    g_clear_pointer(&outbox->yielded, g_free);
    outbox->borrowed = NULL;
    line_free(&outbox->held);
    line_free(&outbox->ready);
    while (outbox->queue.first != NULL && outbox->queue.first->belongs <= durable) {
        const Effect *effect = yield(outbox, &outbox->queue);
        if (effect->kind == EFFECT_TRACE)
            return effect;
        g_clear_pointer(&outbox->yielded, g_free);
    }
    line_free(&outbox->queue);
    outbox->waiting = 0;
    outbox->saved = outbox->taken;
    return NULL;
}
