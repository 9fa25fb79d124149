#include "tools/divergence.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "tools/result.h"

typedef struct Kept {
    char *line;
    char *words;
    char *detail;
} Kept;

struct Divergence {
    size_t shown_max;
    const char *const *ignored;
    uint64_t passed;
    GQueue before[SIDES];
    GQueue after[SIDES];
};

static Kept *kept_new(const Moment *moment)
{
    Kept *kept = g_new(Kept, 1);
    *kept = (Kept){g_strdup(moment->line), g_strdup(moment->words), g_strdup(moment->detail)};
    return kept;
}

static void kept_free(void *element)
{
    Kept *kept = element;
    g_free(kept->line);
    g_free(kept->words);
    g_free(kept->detail);
    g_free(kept);
}

Divergence *divergence_new(size_t shown_max, const char *const *ignored)
{
    Divergence *divergence = g_new0(Divergence, 1);
    divergence->shown_max = shown_max;
    divergence->ignored = ignored;
    return divergence;
}

void divergence_free(Divergence *divergence)
{
    for (unsigned side = 0; side < SIDES; side++) {
        g_queue_clear_full(&divergence->before[side], kept_free);
        g_queue_clear_full(&divergence->after[side], kept_free);
    }
    g_free(divergence);
}

void divergence_pass(Divergence *divergence, const Moment both[static SIDES])
{
    divergence->passed++;
    for (unsigned side = 0; side < SIDES; side++) {
        GQueue *before = &divergence->before[side];
        g_queue_push_tail(before, kept_new(&both[side]));
        if (before->length > divergence->shown_max)
            kept_free(g_queue_pop_head(before));
    }
}

bool divergence_part(Divergence *divergence, unsigned side, const Moment *moment)
{
    GQueue *after = &divergence->after[side];
    g_queue_push_tail(after, kept_new(moment));
    return after->length < MAX(divergence->shown_max, 1);
}

uint64_t divergence_passed(const Divergence *divergence)
{
    return divergence->passed;
}

bool divergence_found(const Divergence *divergence)
{
    return divergence->after[0].length > 0 || divergence->after[1].length > 0;
}

/* --- what differs --- */

static void add_field(GPtrArray *fields, const char *key)
{
    if (!g_ptr_array_find_with_equal_func(fields, key, g_str_equal, NULL))
        g_ptr_array_add(fields, g_strdup(key));
}

static bool is_ignored(const Divergence *divergence, const char *key)
{
    return divergence->ignored != NULL && g_strv_contains(divergence->ignored, key);
}

/* The keys whose values differ in the first lines after the parting; empty when one side ends. */
static GPtrArray *fields_of(const Divergence *divergence)
{
    GPtrArray *fields = g_ptr_array_new_with_free_func(g_free);
    const Kept *first[SIDES] = {g_queue_peek_head((GQueue *)&divergence->after[0]),
                                g_queue_peek_head((GQueue *)&divergence->after[1])};
    if (first[0] == NULL || first[1] == NULL)
        return fields;
    json_t *objects[SIDES] = {json_loads(first[0]->line, 0, NULL),
                              json_loads(first[1]->line, 0, NULL)};
    for (unsigned side = 0; side < SIDES; side++) {
        const char *key;
        json_t *value;
        json_object_foreach(objects[side], key, value)
        {
            const json_t *other = json_object_get(objects[1 - side], key);
            if ((other == NULL || !json_equal(value, other)) && !is_ignored(divergence, key))
                add_field(fields, key);
        }
    }
    json_decref(objects[0]);
    json_decref(objects[1]);
    if (g_strcmp0(first[0]->detail, first[1]->detail) != 0)
        add_field(fields, "detail");
    return fields;
}

/* --- as text --- */

static void write_kept(const GQueue *queue, bool with_detail, GString *out)
{
    for (const GList *at = queue->head; at != NULL; at = at->next) {
        const Kept *kept = at->data;
        g_string_append_printf(out, "  %s\n              %s\n", kept->words, kept->line);
        if (with_detail && kept->detail != NULL)
            g_string_append_printf(out, "              %s\n", kept->detail);
        with_detail = false; /* they differ in the first */
    }
}

static bool same_before(const Divergence *divergence)
{
    const GList *other = divergence->before[1].head;
    for (const GList *at = divergence->before[0].head; at != NULL; at = at->next) {
        const Kept *kept[SIDES] = {at->data, other->data};
        if (strcmp(kept[0]->line, kept[1]->line) != 0)
            return false;
        other = other->next;
    }
    return true;
}

void divergence_write_text(const Divergence *divergence, const char *const names[static SIDES],
                           GString *out)
{
    g_autoptr(GPtrArray) fields = fields_of(divergence);
    bool detail = false;
    g_string_append_printf(out, "they part after %" PRIu64 " equal events", divergence->passed);
    for (guint i = 0; i < fields->len; i++) {
        const char *field = g_ptr_array_index(fields, i);
        detail = detail || strcmp(field, "detail") == 0;
        g_string_append_printf(out, "%s%s", i == 0 ? ", in: " : ", ", field);
    }
    g_string_append_c(out, '\n');
    if (divergence->passed == 0) {
        g_string_append(out, "nothing is before it\n");
    } else if (divergence->before[0].length == 0) {
        /* nothing of it is asked for */
    } else if (same_before(divergence)) {
        g_string_append(out, "the last of both:\n");
        write_kept(&divergence->before[0], false, out);
    } else {
        for (unsigned side = 0; side < SIDES; side++) {
            g_string_append_printf(out, "the last of %s:\n", names[side]);
            write_kept(&divergence->before[side], false, out);
        }
    }
    for (unsigned side = 0; side < SIDES; side++) {
        bool ends = divergence->after[side].length == 0;
        g_string_append_printf(out, "%s %s\n", names[side], ends ? "ends" : "goes on:");
        if (!ends)
            write_kept(&divergence->after[side], detail, out);
    }
}

/* --- as JSON --- */

static void write_json_events(const char *key, const GQueue *queue, GString *out)
{
    g_string_append_printf(out, ",\"%s\":[", key);
    for (const GList *at = queue->head; at != NULL; at = at->next) {
        const Kept *kept = at->data;
        const char *words = kept->words + strspn(kept->words, " ");
        g_string_append_printf(out, "%s{\"words\":", at != queue->head ? "," : "");
        result_json_string(out, words);
        g_string_append_printf(out, ",\"event\":%s", kept->line);
        if (kept->detail != NULL)
            g_string_append_printf(out, ",\"detail\":\"%s\"", kept->detail);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

void divergence_write_json(const Divergence *divergence, const char *const names[static SIDES],
                           GString *out)
{
    g_autoptr(GPtrArray) fields = fields_of(divergence);
    g_string_append_printf(out, "\"same\":%" PRIu64 ",\"fields\":[", divergence->passed);
    for (guint i = 0; i < fields->len; i++) {
        g_string_append(out, i > 0 ? "," : "");
        result_json_string(out, g_ptr_array_index(fields, i));
    }
    g_string_append(out, "],\"sides\":[");
    for (unsigned side = 0; side < SIDES; side++) {
        g_string_append(out, side == 0 ? "{\"name\":" : ",{\"name\":");
        result_json_string(out, names[side]);
        write_json_events("before", &divergence->before[side], out);
        write_json_events("after", &divergence->after[side], out);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}
