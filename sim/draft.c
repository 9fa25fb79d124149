#include "sim/draft.h"

#include <inttypes.h>
#include <string.h>

#include "core/panic.h"
#include "sim/value_text.h"

/* --- lines --- */

static void clear_line(void *line)
{
    DraftLine *cleared = line;
    g_free(cleared->group);
    g_free(cleared->key);
    g_free(cleared->value);
}

static void release_line(void *line)
{
    g_rc_box_release_full(line, clear_line);
}

static DraftLine *new_line(DraftPart part, uint64_t time_ns, const char *group, const char *key,
                           const char *value)
{
    DraftLine *line = g_rc_box_new0(DraftLine);
    *line = (DraftLine){part, time_ns, g_strdup(group), g_strdup(key), g_strdup(value)};
    return line;
}

static Draft *new_draft(bool schedule)
{
    Draft *draft = g_new0(Draft, 1);
    draft->lines = g_ptr_array_new_with_free_func(release_line);
    draft->schedule = schedule;
    return draft;
}

static void share(Draft *draft, const DraftLine *line)
{
    g_ptr_array_add(draft->lines, g_rc_box_acquire((DraftLine *)line));
}

Draft *draft_copy(const Draft *draft)
{
    Draft *copy = new_draft(draft->schedule);
    for (guint i = 0; i < draft->lines->len; i++)
        share(copy, draft_line(draft, i));
    return copy;
}

void draft_free(Draft *draft)
{
    if (draft == NULL)
        return;
    g_ptr_array_unref(draft->lines);
    g_free(draft);
}

/* --- reading and writing --- */

static void read_script(Draft *draft, const char *key, const char *value)
{
    uint64_t time_ns = 0;
    const char *reason = value_parse_time(key, &time_ns);
    INVARIANT(reason == NULL);
    char **entries = g_strsplit(value, ";", -1);
    for (char **entry = entries; *entry != NULL; entry++) {
        g_strstrip(*entry);
        if (**entry != '\0')
            draft_add_script(draft, time_ns, *entry);
    }
    g_strfreev(entries);
}

static void read_group(Draft *draft, GKeyFile *file, const char *group)
{
    char **keys = g_key_file_get_keys(file, group, NULL, NULL);
    for (char **key = keys; *key != NULL; key++) {
        char *value = g_key_file_get_value(file, group, *key, NULL);
        if (strcmp(group, "script") == 0)
            read_script(draft, *key, value);
        else if (strcmp(group, "choices") == 0)
            draft_add_choice(draft, *key, value);
        else
            draft_set(draft, group, *key, value);
        g_free(value);
    }
    g_strfreev(keys);
}

Draft *draft_read(const char *text)
{
    GKeyFile *file = g_key_file_new();
    bool ok =
        g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_KEEP_TRANSLATIONS, NULL);
    INVARIANT(ok);
    Draft *draft = new_draft(g_key_file_has_group(file, "choices"));
    char **groups = g_key_file_get_groups(file, NULL);
    for (char **group = groups; *group != NULL; group++)
        read_group(draft, file, *group);
    g_strfreev(groups);
    g_key_file_unref(file);
    return draft;
}

static void write_settings(const Draft *draft, GString *out)
{
    const char *group = "";
    for (guint i = 0; i < draft->lines->len; i++) {
        const DraftLine *line = draft_line(draft, i);
        if (line->part != DRAFT_SETTING)
            break;
        if (strcmp(line->group, group) != 0)
            g_string_append_printf(out, "[%s]\n", line->group);
        group = line->group;
        g_string_append_printf(out, "%s=%s\n", line->key, line->value);
    }
}

/* What happens at one time is one key. */
static void write_script(const Draft *draft, GString *out)
{
    uint64_t before_ns = UINT64_MAX;
    for (guint i = 0; i < draft->lines->len; i++) {
        const DraftLine *line = draft_line(draft, i);
        if (line->part != DRAFT_SCRIPT)
            continue;
        if (before_ns == UINT64_MAX)
            g_string_append(out, "[script]\n");
        if (line->time_ns == before_ns) {
            out->str[out->len - 1] = ';';
            g_string_append_printf(out, " %s\n", line->value);
        } else {
            value_write_time(line->time_ns, out);
            g_string_append_printf(out, "=%s\n", line->value);
        }
        before_ns = line->time_ns;
    }
}

char *draft_write(const Draft *draft)
{
    GString *out = g_string_new(NULL);
    write_settings(draft, out);
    write_script(draft, out);
    if (draft->schedule)
        g_string_append(out, "[choices]\n");
    for (guint i = 0; i < draft->lines->len; i++) {
        const DraftLine *line = draft_line(draft, i);
        if (line->part == DRAFT_CHOICE)
            g_string_append_printf(out, "%s=%s\n", line->key, line->value);
    }
    return g_string_free(out, FALSE);
}

/* --- what is in it --- */

size_t draft_choices(const Draft *draft)
{
    size_t count = 0;
    for (guint i = 0; i < draft->lines->len; i++)
        count += draft_line(draft, i)->part != DRAFT_SETTING;
    return count;
}

uint64_t draft_end_ns(const Draft *draft)
{
    uint64_t end_ns = 0;
    for (guint i = 0; i < draft->lines->len; i++)
        end_ns = MAX(end_ns, draft_line(draft, i)->time_ns);
    return end_ns;
}

/* The number of lines when there is none. */
static guint find_setting(const Draft *draft, const char *group, const char *key)
{
    guint i = 0;
    for (; i < draft->lines->len; i++) {
        const DraftLine *line = draft_line(draft, i);
        if (strcmp(line->group, group) == 0 && strcmp(line->key, key) == 0)
            break;
    }
    return i;
}

const char *draft_get(const Draft *draft, const char *group, const char *key)
{
    guint at = find_setting(draft, group, key);
    return at < draft->lines->len ? draft_line(draft, at)->value : NULL;
}

uint64_t draft_get_number(const Draft *draft, const char *group, const char *key, uint64_t unset)
{
    uint64_t value;
    const char *text = draft_get(draft, group, key);
    return text != NULL && number_parse(text, &value) ? value : unset;
}

/* --- changing --- */

static void replace(Draft *draft, guint at, DraftLine *line)
{
    release_line(g_ptr_array_index(draft->lines, at));
    draft->lines->pdata[at] = line;
}

/* Where the last line of that group is followed by another, or settings end. */
static guint end_of_group(const Draft *draft, const char *group)
{
    guint end = 0;
    guint settings = 0;
    for (guint i = 0; i < draft->lines->len; i++) {
        if (draft_line(draft, i)->part != DRAFT_SETTING)
            break;
        settings = i + 1;
        if (strcmp(draft_line(draft, i)->group, group) == 0)
            end = i + 1;
    }
    return end > 0 ? end : settings;
}

void draft_set(Draft *draft, const char *group, const char *key, const char *value)
{
    guint at = find_setting(draft, group, key);
    DraftLine *line = new_line(DRAFT_SETTING, 0, group, key, value);
    if (at < draft->lines->len)
        replace(draft, at, line);
    else
        g_ptr_array_insert(draft->lines, (gint)end_of_group(draft, group), line);
}

void draft_unset(Draft *draft, const char *group, const char *key)
{
    guint at = find_setting(draft, group, key);
    if (at < draft->lines->len)
        g_ptr_array_remove_index(draft->lines, at);
}

void draft_rewrite(Draft *draft, size_t index, const char *value)
{
    const DraftLine *line = draft_line(draft, index);
    replace(draft, (guint)index,
            new_line(line->part, line->time_ns, line->group, line->key, value));
}

void draft_clear(Draft *draft, DraftPart part)
{
    for (guint i = draft->lines->len; i-- > 0;) {
        if (draft_line(draft, i)->part == part)
            g_ptr_array_remove_index(draft->lines, i);
    }
}

void draft_add_script(Draft *draft, uint64_t time_ns, const char *entry)
{
    guint at = draft->lines->len;
    while (at > 0 && (draft_line(draft, at - 1)->part == DRAFT_CHOICE ||
                      draft_line(draft, at - 1)->time_ns > time_ns))
        at--;
    g_ptr_array_insert(draft->lines, (gint)at, new_line(DRAFT_SCRIPT, time_ns, "", "", entry));
}

void draft_add_choice(Draft *draft, const char *key, const char *value)
{
    draft->schedule = true;
    g_ptr_array_add(draft->lines, new_line(DRAFT_CHOICE, 0, "", key, value));
}

bool draft_has_choice(const Draft *draft, const char *key)
{
    for (guint i = 0; i < draft->lines->len; i++) {
        const DraftLine *line = draft_line(draft, i);
        if (line->part == DRAFT_CHOICE && strcmp(line->key, key) == 0)
            return true;
    }
    return false;
}

Draft *draft_without(const Draft *draft, const bool *gone)
{
    Draft *rest = new_draft(draft->schedule);
    for (guint i = 0; i < draft->lines->len; i++) {
        if (!gone[i])
            share(rest, draft_line(draft, i));
    }
    return rest;
}

/* --- without a customer --- */

/* "c7" -> 7; 0: no such name. */
static uint64_t customer_number(const char *word, size_t length)
{
    char digits[24];
    uint64_t number;
    if (length < 2 || length > sizeof digits || word[0] != 'c')
        return 0;
    memcpy(digits, word + 1, length - 1);
    digits[length - 1] = '\0';
    return number_parse(digits, &number) ? number : 0;
}

/* Appends a name as it is called without that customer; false: it is that customer's. */
static bool rename_name(const char *name, uint64_t gone, GString *out)
{
    uint64_t number = customer_number(name, strlen(name));
    if (number == gone)
        return false;
    if (number > gone)
        g_string_append_printf(out, "c%" PRIu64, number - 1);
    else
        g_string_append(out, name);
    return true;
}

/* The names in a word, one after the other. From a list one may go, but not the last; "c1>c2"
 * needs both. */
static bool rename_word(const char *word, uint64_t gone, GString *out)
{
    bool list = strchr(word, ',') != NULL;
    const char *separator = list ? "," : ">";
    char **names = g_strsplit(word, separator, -1);
    size_t kept = 0;
    size_t count = g_strv_length(names);
    for (size_t i = 0; i < count; i++) {
        size_t before = out->len;
        if (kept > 0)
            g_string_append(out, separator);
        if (rename_name(names[i], gone, out))
            kept++;
        else
            g_string_truncate(out, before);
    }
    g_strfreev(names);
    return list ? kept > 0 : kept == count;
}

/* False: without that customer the line means nothing. */
static bool rename_words(const char *text, uint64_t gone, GString *out)
{
    char **words = g_strsplit(text, " ", -1);
    bool ok = true;
    for (char **word = words; *word != NULL && ok; word++) {
        if (word > words)
            g_string_append_c(out, ' ');
        ok = rename_word(*word, gone, out);
    }
    g_strfreev(words);
    return ok;
}

static void share_without(Draft *rest, const DraftLine *line, uint64_t gone)
{
    g_autoptr(GString) key = g_string_new(NULL);
    g_autoptr(GString) value = g_string_new(NULL);
    if (line->part == DRAFT_SETTING)
        share(rest, line);
    else if (rename_words(line->key, gone, key) && rename_words(line->value, gone, value))
        g_ptr_array_add(rest->lines, new_line(line->part, line->time_ns, "", key->str, value->str));
}

Draft *draft_without_customer(const Draft *draft, uint64_t number)
{
    Draft *rest = new_draft(draft->schedule);
    uint64_t customers = draft_get_number(draft, "bank", "customers", 0);
    for (guint i = 0; i < draft->lines->len; i++)
        share_without(rest, draft_line(draft, i), number);
    INVARIANT_THAT(customers, >, 1);
    char *fewer = g_strdup_printf("%" PRIu64, customers - 1);
    draft_set(rest, "bank", "customers", fewer);
    g_free(fewer);
    return rest;
}
