#include "sim/script.h"

#include <inttypes.h>
#include <string.h>

#include "core/panic.h"
#include "sim/random.h"
#include "sim/value_text.h"

static const char NETWORK[] = "network";

static void clear_entry(void *element)
{
    ScriptCommand *entry = element;
    g_free(entry->key);
    g_free(entry->cut.names);
    g_clear_pointer(&entry->cut.subjects, g_array_unref);
}

GArray *script_new(void)
{
    GArray *script = g_array_new(FALSE, TRUE, sizeof(ScriptCommand));
    g_array_set_clear_func(script, clear_entry);
    return script;
}

/* With texts of its own. */
static void append_copy(GArray *script, const ScriptCommand *entry, const char *key)
{
    ScriptCommand copy = *entry;
    copy.key = g_strdup(key);
    copy.cut.names = g_strdup(entry->cut.names);
    if (entry->cut.subjects != NULL)
        copy.cut.subjects = g_array_copy(entry->cut.subjects);
    g_array_append_val(script, copy);
}

GArray *script_copy(const GArray *script)
{
    GArray *copy = script_new();
    for (guint i = 0; i < script->len; i++) {
        const ScriptCommand *entry = &g_array_index(script, ScriptCommand, i);
        append_copy(copy, entry, entry->key);
    }
    return copy;
}

void script_append(GArray *script, const ScriptCommand *entry)
{
    g_autoptr(GString) key = g_string_new(NULL);
    value_write_time(entry->time_ns, key);
    append_copy(script, entry, key->str);
}

void script_drop(GArray *script, const char *key)
{
    for (guint i = script->len; i-- > 0;) {
        if (strcmp(g_array_index(script, ScriptCommand, i).key, key) == 0)
            g_array_remove_index(script, i);
    }
}

/* --- reading --- */

typedef struct Act {
    const char *word;
    ScriptAct act;
    bool lasts; /* a duration follows */
} Act;

/* The words of scripts alone; NULL: it must be a command. */
static const Act *find_act(const char *word)
{
    static const Act acts[] = {{"crash", SCRIPT_CRASH, false},
                               {"restart", SCRIPT_RESTART, false},
                               {"timer", SCRIPT_TIMER, false},
                               {"pause", SCRIPT_PAUSE, true},
                               {"clock-jump", SCRIPT_CLOCK_JUMP, true}};
    for (size_t i = 0; i < G_N_ELEMENTS(acts); i++) {
        if (strcmp(word, acts[i].word) == 0)
            return &acts[i];
    }
    return NULL;
}

static char *read_duration(const char *word, uint64_t *duration_ns)
{
    const char *reason = value_parse_time(word, duration_ns);
    if (reason == NULL && *duration_ns > DRAW_RESULT_MAX)
        reason = "the time is too long";
    return reason != NULL ? g_strdup_printf("`%s`: %s", word, reason) : NULL;
}

/* words: of "network partition both c1,c2 3s". */
static char *read_partition(char **words, size_t count, ScriptCommand *entry)
{
    if (count != 5)
        return g_strdup("write `network partition both NAME,NAME,... D`, or `to` or `from` for one "
                        "direction");
    bool both = strcmp(words[2], "both") == 0;
    entry->act = SCRIPT_PARTITION;
    entry->cut.to = both || strcmp(words[2], "to") == 0;
    entry->cut.from = both || strcmp(words[2], "from") == 0;
    if (!entry->cut.to && !entry->cut.from)
        return g_strdup_printf("`%s`: must be both, to or from", words[2]);
    char *reason = read_duration(words[4], &entry->duration_ns);
    if (reason == NULL)
        entry->cut.names = g_strdup(words[3]);
    return reason;
}

/* words: of "c1 pause 3s". */
static char *read_act(const Act *act, char **words, size_t count, ScriptCommand *entry)
{
    entry->act = act->act;
    if (count != (act->lasts ? 3 : 2))
        return g_strdup_printf("write `%s %s%s`", words[0], act->word, act->lasts ? " D" : "");
    return act->lasts ? read_duration(words[2], &entry->duration_ns) : NULL;
}

/* words: of the same, or of "c1 transfer 100 c2", which `text` is without c1. */
static char *read_process(char **words, size_t count, const char *text, ScriptCommand *entry)
{
    CommandError error;
    CommandPlace place = strcmp(words[0], "bank") == 0 ? PLACE_BANK : PLACE_CUSTOMER;
    if (!name_set(&entry->process, words[0]))
        return g_strdup_printf("`%s` is not the name of a process: write `process command`",
                               words[0]);
    const Act *act = count > 1 ? find_act(words[1]) : NULL;
    if (act != NULL)
        return read_act(act, words, count, entry);
    if (command_parse(text, place, &entry->command, &error))
        return NULL;
    return g_strdup_printf("%s: %s: %s", words[0], error.command, error.reason);
}

/* One entry, appended; NULL, or a reason to free. */
static char *read_entry(GArray *script, uint64_t time_ns, const char *key, const char *text)
{
    ScriptCommand entry = {.time_ns = time_ns};
    size_t count;
    char **words = value_words(text, &count);
    bool network =
        count > 1 && strcmp(words[0], NETWORK) == 0 && strcmp(words[1], "partition") == 0;
    char *reason = network ? read_partition(words, count, &entry)
                           : read_process(words, count, text + strlen(words[0]), &entry);
    if (reason == NULL) {
        entry.key = g_strdup(key);
        g_array_append_val(script, entry);
    }
    g_strfreev(words);
    return reason;
}

char *script_read(GArray *script, const char *key, const char *value)
{
    uint64_t time_ns;
    const char *bad_time = value_parse_time(key, &time_ns);
    if (bad_time != NULL)
        return g_strdup(bad_time);
    char **texts = g_strsplit(value, ";", -1);
    char *reason = NULL;
    size_t entries = 0;
    for (char **text = texts; *text != NULL && reason == NULL; text++) {
        g_strstrip(*text);
        if (**text != '\0') {
            reason = read_entry(script, time_ns, key, *text);
            entries++;
        }
    }
    g_strfreev(texts);
    if (reason == NULL && entries == 0)
        reason = g_strdup("no command: write `process command`, several separated by `;`");
    return reason;
}

/* --- writing --- */

static void write_money(Money amount, GString *out)
{
    char text[MONEY_TEXT_MAX];
    g_string_append_printf(out, " %s", money_text(amount, text));
}

static void write_command(const Command *command, GString *out)
{
    char ip[ADDRESS_TEXT_MAX];
    bool named = command->name.text[0] != '\0';
    bool transfer = command->kind == COMMAND_TRANSFER || command->kind == COMMAND_LOST_TRANSFER;
    g_string_append_printf(out, " %s", command_word(command->kind));
    if (named && !transfer)
        g_string_append_printf(out, " %s", command->name.text);
    if (command->kind == COMMAND_NEW_COHORT)
        g_string_append_printf(out, " %" PRIu64, command->count);
    if (transfer || command->kind == COMMAND_OPEN || command->kind == COMMAND_DEPOSIT ||
        command->kind == COMMAND_WITHDRAWAL)
        write_money(command->amount, out);
    if (transfer)
        g_string_append_printf(out, " %s", command->name.text);
    if (command->addressed)
        g_string_append_printf(out, " %s %u %u", ip_text(command->ip, ip), (unsigned)command->port1,
                               (unsigned)command->port2);
}

static void write_cut(const ScriptCut *cut, GString *out)
{
    const char *direction = cut->to && cut->from ? "both" : cut->to ? "to" : "from";
    g_string_append_printf(out, "%s partition %s %s ", NETWORK, direction, cut->names);
}

void script_write_entry(const ScriptCommand *entry, GString *out)
{
    g_string_append(out, entry->process.text);
    switch (entry->act) {
    case SCRIPT_COMMAND:
        write_command(&entry->command, out);
        break;
    case SCRIPT_CRASH:
        g_string_append(out, " crash");
        break;
    case SCRIPT_RESTART:
        g_string_append(out, " restart");
        break;
    case SCRIPT_TIMER:
        g_string_append(out, " timer");
        break;
    case SCRIPT_PAUSE:
        g_string_append(out, " pause ");
        value_write_time(entry->duration_ns, out);
        break;
    case SCRIPT_CLOCK_JUMP:
        g_string_append(out, " clock-jump ");
        value_write_time(entry->duration_ns, out);
        break;
    case SCRIPT_PARTITION:
        write_cut(&entry->cut, out);
        value_write_time(entry->duration_ns, out);
        break;
    }
}

void script_write(const GArray *script, GString *out)
{
    uint64_t time_ns = TIME_NEVER;
    for (guint i = 0; i < script->len; i++) {
        const ScriptCommand *entry = &g_array_index(script, ScriptCommand, i);
        if (entry->time_ns == time_ns) {
            g_string_append(out, "; ");
        } else {
            g_string_append(out, i > 0 ? "\n" : "");
            value_write_time(entry->time_ns, out);
            g_string_append_c(out, '=');
        }
        time_ns = entry->time_ns;
        script_write_entry(entry, out);
    }
    if (script->len > 0)
        g_string_append_c(out, '\n');
}

/* --- completing --- */

bool script_subject(GHashTable *numbers, const char *name, uint32_t *subject)
{
    void *number = NULL;
    *subject = SCRIPT_BANK;
    if (strcmp(name, "bank") == 0)
        return true;
    if (!g_hash_table_lookup_extended(numbers, name, NULL, &number))
        return false;
    *subject = GPOINTER_TO_UINT(number);
    return true;
}

static int compare_times(const void *a, const void *b)
{
    const ScriptCommand *left = a;
    const ScriptCommand *right = b;
    return (left->time_ns > right->time_ns) - (left->time_ns < right->time_ns);
}

static char *complete_side(ScriptCut *cut, GHashTable *numbers)
{
    char **each = g_strsplit(cut->names, ",", -1);
    char *reason = NULL;
    uint32_t subject;
    g_clear_pointer(&cut->subjects, g_array_unref);
    cut->subjects = g_array_new(FALSE, FALSE, sizeof subject);
    for (char **name = each; *name != NULL && reason == NULL; name++) {
        if (script_subject(numbers, *name, &subject))
            g_array_append_val(cut->subjects, subject);
        else
            reason = g_strdup_printf("`%s` is no process of this scenario", *name);
    }
    g_strfreev(each);
    return reason;
}

/* A crash whose process the script restarts later leaves that to the script. */
static void find_restarts(GArray *script)
{
    /* Subjects of which what comes next of the two is a restart. */
    g_autoptr(GHashTable) restarted = g_hash_table_new(NULL, NULL);
    for (guint i = script->len; i-- > 0;) {
        ScriptCommand *entry = &g_array_index(script, ScriptCommand, i);
        void *subject = GUINT_TO_POINTER(entry->subject);
        if (entry->act == SCRIPT_RESTART)
            g_hash_table_add(restarted, subject);
        else if (entry->act == SCRIPT_CRASH)
            entry->restarted = g_hash_table_remove(restarted, subject);
    }
}

char *script_complete(GArray *script, GHashTable *numbers, const char **key)
{
    g_array_sort(script, compare_times);
    for (guint i = 0; i < script->len; i++) {
        ScriptCommand *entry = &g_array_index(script, ScriptCommand, i);
        char *reason = NULL;
        if (entry->act == SCRIPT_PARTITION)
            reason = complete_side(&entry->cut, numbers);
        else if (!script_subject(numbers, entry->process.text, &entry->subject))
            reason = g_strdup_printf("`%s` is no process of this scenario", entry->process.text);
        if (reason != NULL) {
            *key = entry->key;
            return reason;
        }
    }
    find_restarts(script);
    return NULL;
}
