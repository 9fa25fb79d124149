#include "sim/explore_history.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "core/panic.h"

enum { DEEDS_MAX = 512 };

/* Where a deed belongs. */
enum {
    ERA_PERMANENT, /* the permanent checkpoint holds it */
    ERA_CURRENT,   /* the current state does */
    ERA_TENTATIVE, /* ... and not the tentative checkpoint */
    ERA_INSTANCE   /* no transfer: an instance, a crash */
};

struct Histories {
    Pool *pool; /* of Deeds */
    bool exact;
};

typedef struct Draft {
    Deed deeds[DEEDS_MAX];
    size_t count;
} Draft;

Histories *histories_new(bool exact)
{
    Histories *histories = g_new0(Histories, 1);
    histories->pool = pool_new();
    histories->exact = exact;
    pool_intern(histories->pool, "", 0);
    return histories;
}

void histories_free(Histories *histories)
{
    pool_free(histories->pool);
    g_free(histories);
}

static uint8_t member_of(const Name *name, const Name *members, uint16_t member_count)
{
    for (uint16_t i = 0; i < member_count; i++) {
        if (name_equal(name, &members[i]))
            return (uint8_t)i;
    }
    return UINT8_MAX;
}

Deed deed_of(const TraceEvent *event, const Name *members, uint16_t member_count)
{
    unsigned fields = trace_fields(event->kind);
    Deed deed = {.kind = (uint8_t)event->kind};
    if (fields & (FIELD_TO | FIELD_FROM))
        deed.peer = member_of(&event->peer, members, member_count);
    if (fields & FIELD_LABEL)
        deed.label = (uint32_t)event->label;
    if (fields & FIELD_AMOUNT)
        deed.amount = (uint32_t)event->amount;
    if (fields & FIELD_INSTANCE) {
        deed.initiator = member_of(&event->initiator, members, member_count);
        deed.number = (uint32_t)event->number;
    }
    return deed;
}

static Draft draft_of(const Histories *histories, uint32_t history)
{
    Draft draft;
    size_t length;
    const Deed *deeds = pool_get(histories->pool, history, &length);
    draft.count = length / sizeof *deeds;
    INVARIANT_THAT(draft.count, <=, DEEDS_MAX);
    memcpy(draft.deeds, deeds, length);
    return draft;
}

static bool holds(const Draft *draft, TraceKind kind)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->deeds[i].kind == kind)
            return true;
    }
    return false;
}

static void append(Draft *draft, Deed deed)
{
    INVARIANT_THAT(draft->count, <, DEEDS_MAX);
    draft->deeds[draft->count++] = deed;
}

/* Takes out all deeds of that kind. */
static void remove_kind(Draft *draft, TraceKind kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->deeds[i].kind != kind)
            draft->deeds[kept++] = draft->deeds[i];
    }
    draft->count = kept;
}

static void make_permanent(Draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        Deed *deed = &draft->deeds[i];
        if (deed->era == ERA_CURRENT || deed->era == ERA_TENTATIVE)
            deed->era--;
    }
}

static void discard(Draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->deeds[i].era == ERA_TENTATIVE)
            draft->deeds[i].era = ERA_CURRENT;
    }
}

static void roll_back(Draft *draft)
{
    size_t kept = 0;
    for (size_t i = 0; i < draft->count; i++) {
        uint8_t era = draft->deeds[i].era;
        if (era != ERA_CURRENT && era != ERA_TENTATIVE)
            draft->deeds[kept++] = draft->deeds[i];
    }
    draft->count = kept;
    remove_kind(draft, TRACE_CRASHED);
    remove_kind(draft, TRACE_RESTARTED);
}

static void take(Draft *draft, Deed deed)
{
    bool crashed = holds(draft, TRACE_CRASHED);
    deed.era = ERA_INSTANCE;
    switch ((TraceKind)deed.kind) {
    case TRACE_TENTATIVE:
    case TRACE_CRASHED:
    case TRACE_RESTARTED:
        break;
    case TRACE_PERMANENT:
    case TRACE_DISCARDED:
        if (!crashed && deed.kind == TRACE_PERMANENT) /* else: what was lost stays told apart */
            make_permanent(draft);
        else if (!crashed)
            discard(draft);
        remove_kind(draft, TRACE_TENTATIVE);
        break;
    case TRACE_ROLLED_BACK:
        roll_back(draft);
        break;
    default:
        deed.era = holds(draft, TRACE_TENTATIVE) ? ERA_TENTATIVE : ERA_CURRENT;
        break;
    }
    append(draft, deed);
}

static int compare(const void *a, const void *b)
{
    const Deed *x = a;
    const Deed *y = b;
    const uint64_t keys[][2] = {{x->era, y->era},       {x->kind, y->kind},
                                {x->peer, y->peer},     {x->initiator, y->initiator},
                                {x->number, y->number}, {x->label, y->label},
                                {x->amount, y->amount}};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    }
    return 0;
}

static uint32_t intern(Histories *histories, Draft *draft)
{
    if (!histories->exact)
        qsort(draft->deeds, draft->count, sizeof *draft->deeds, compare);
    return pool_intern(histories->pool, draft->deeds, draft->count * sizeof *draft->deeds);
}

uint32_t histories_add(Histories *histories, uint32_t history, const Deed *deeds, size_t count)
{
    Draft draft = draft_of(histories, history);
    for (size_t i = 0; i < count; i++) {
        if (histories->exact)
            append(&draft, deeds[i]);
        else
            take(&draft, deeds[i]);
    }
    return intern(histories, &draft);
}

uint32_t histories_image(Histories *histories, uint32_t history, const Permutation *permutation)
{
    Draft draft = draft_of(histories, history);
    for (size_t i = 0; i < draft.count; i++) {
        Deed *deed = &draft.deeds[i];
        unsigned fields = trace_fields((TraceKind)deed->kind);
        if (fields & (FIELD_TO | FIELD_FROM))
            deed->peer = permutation->to[deed->peer];
        if (fields & FIELD_INSTANCE)
            deed->initiator = permutation->to[deed->initiator];
    }
    return intern(histories, &draft);
}

uint64_t histories_bytes(const Histories *histories)
{
    return pool_bytes(histories->pool);
}
