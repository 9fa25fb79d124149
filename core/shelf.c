#include "core/shelf.h"

#include <string.h>

#include "core/panic.h"

typedef struct Record {
    uint32_t key;
    uint32_t length;
    uint8_t *bytes;
} Record;

struct Shelf {
    GArray *records; /* of Record, in the order of their keys */
    uint64_t bytes;
};

static uint32_t key_of(Slot slot, uint16_t index)
{
    return (uint32_t)slot << 16 | index;
}

Shelf *shelf_new(void)
{
    Shelf *shelf = g_new0(Shelf, 1);
    shelf->records = g_array_new(FALSE, FALSE, sizeof(Record));
    return shelf;
}

void shelf_clear(Shelf *shelf)
{
    for (guint i = 0; i < shelf->records->len; i++)
        g_free(g_array_index(shelf->records, Record, i).bytes);
    g_array_set_size(shelf->records, 0);
    shelf->bytes = 0;
}

void shelf_free(Shelf *shelf)
{
    if (shelf == NULL)
        return;
    shelf_clear(shelf);
    g_array_free(shelf->records, TRUE);
    g_free(shelf);
}

/* Where `key` is, or belongs. */
static guint place_of(const Shelf *shelf, uint32_t key, bool *there)
{
    guint first = 0;
    guint end = shelf->records->len;
    while (first < end) {
        guint middle = first + (end - first) / 2;
        if (g_array_index(shelf->records, Record, middle).key < key)
            first = middle + 1;
        else
            end = middle;
    }
    *there = first < shelf->records->len && g_array_index(shelf->records, Record, first).key == key;
    return first;
}

void shelf_put(Shelf *shelf, Slot slot, uint16_t index, const uint8_t *bytes, size_t length)
{
    bool there;
    Record record = {.key = key_of(slot, index), .length = (uint32_t)length};
    guint place = place_of(shelf, record.key, &there);
    INVARIANT_THAT(length, <=, UINT32_MAX);
    if (there) {
        Record *old = &g_array_index(shelf->records, Record, place);
        shelf->bytes -= old->length;
        g_free(old->bytes);
        if (length == 0)
            g_array_remove_index(shelf->records, place);
    }
    if (length == 0)
        return;
    record.bytes = g_memdup2(bytes, length);
    shelf->bytes += length;
    if (there)
        g_array_index(shelf->records, Record, place) = record;
    else
        g_array_insert_val(shelf->records, place, record);
}

void shelf_apply(Shelf *shelf, const Effects *effects)
{
    for (size_t i = 0; i < effects_count(effects); i++) {
        const Effect *effect = effects_at(effects, i);
        if (effect->kind != EFFECT_SAVE)
            return;
        shelf_put(shelf, effect->save.slot, effect->save.index, effect->save.bytes,
                  effect->save.length);
    }
}

bool shelf_get(const Shelf *shelf, Slot slot, uint16_t index, ShelfRecord *record)
{
    bool there;
    guint place = place_of(shelf, key_of(slot, index), &there);
    *record = there ? shelf_at(shelf, place) : (ShelfRecord){.slot = slot, .index = index};
    return there;
}

size_t shelf_count(const Shelf *shelf)
{
    return shelf->records->len;
}

ShelfRecord shelf_at(const Shelf *shelf, size_t position)
{
    INVARIANT_THAT(position, <, shelf->records->len);
    const Record *record = &g_array_index(shelf->records, Record, position);
    return (ShelfRecord){.slot = (Slot)(record->key >> 16),
                         .index = (uint16_t)record->key,
                         .bytes = record->bytes,
                         .length = record->length};
}

uint64_t shelf_bytes(const Shelf *shelf)
{
    return shelf->bytes;
}
