#include "tools/telling.h"

#include <string.h>

/* What precedes a moment's three texts in a pipe, which follow with their zeros. No text at all:
 * the run is over, and its end follows. */
typedef struct Head {
    uint32_t bytes;
} Head;

void telling_write(FILE *out, const Moment *moment)
{
    const char *texts[] = {moment->line, moment->words, moment->detail};
    Head head = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        head.bytes += (uint32_t)strlen(texts[i]) + 1;
    fwrite(&head, sizeof head, 1, out);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        fwrite(texts[i], 1, strlen(texts[i]) + 1, out);
}

void telling_write_end(FILE *out, uint64_t steps, uint64_t trace_hash)
{
    const Head head = {0};
    const TellingEnd end = {.whole = true, .steps = steps, .trace_hash = trace_hash};
    fwrite(&head, sizeof head, 1, out);
    fwrite(&end, sizeof end, 1, out);
}

/* --- reading two --- */

typedef struct Reading {
    FILE *run;
    GByteArray *texts;
    Moment moment;
    bool more; /* there is a moment */
} Reading;

/* The next moment, or the end; a run that broke off has no end. */
static void read_next(Reading *reading, TellingEnd *end)
{
    Head head;
    reading->more = false;
    if (fread(&head, sizeof head, 1, reading->run) != 1)
        return;
    if (head.bytes == 0) {
        end->whole = fread(end, sizeof *end, 1, reading->run) == 1;
        return;
    }
    g_byte_array_set_size(reading->texts, head.bytes);
    reading->more = fread(reading->texts->data, 1, head.bytes, reading->run) == head.bytes;
    const char *text = (const char *)reading->texts->data;
    reading->moment.line = text;
    reading->moment.words = text += strlen(text) + 1;
    reading->moment.detail = text + strlen(text) + 1;
}

static bool same_moment(const Reading readings[static SIDES])
{
    const GByteArray *a = readings[0].texts;
    const GByteArray *b = readings[1].texts;
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

bool telling_compare(FILE *const runs[static SIDES], Divergence *divergence,
                     TellingEnd ends[static SIDES])
{
    Reading readings[SIDES];
    for (unsigned side = 0; side < SIDES; side++) {
        readings[side] = (Reading){.run = runs[side], .texts = g_byte_array_new()};
        ends[side] = (TellingEnd){0};
        read_next(&readings[side], &ends[side]);
    }
    while (readings[0].more && readings[1].more && same_moment(readings)) {
        divergence_pass(divergence, (const Moment[]){readings[0].moment, readings[1].moment});
        for (unsigned side = 0; side < SIDES; side++)
            read_next(&readings[side], &ends[side]);
    }
    for (unsigned side = 0; side < SIDES; side++) {
        while (readings[side].more && divergence_part(divergence, side, &readings[side].moment))
            read_next(&readings[side], &ends[side]);
        g_byte_array_unref(readings[side].texts);
    }
    return !divergence_found(divergence) && ends[0].whole && ends[1].whole &&
           ends[0].steps == ends[1].steps && ends[0].trace_hash == ends[1].trace_hash;
}
