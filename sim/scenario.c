#include "sim/scenario.h"

#include <string.h>

#include "core/panic.h"
#include "sim/scenario_keys.h"
#include "sim/schedule.h"

static const char SCRIPT[] = "script";
static const char CHOICES[] = "choices";

static char *error_text(const char *source, const char *group, const char *key, const char *reason)
{
    return g_strdup_printf("%s: [%s] %s: %s", source, group, key, reason);
}

Scenario *scenario_new(void)
{
    Scenario *scenario = g_new0(Scenario, 1);
    scenario->source = g_strdup("defaults");
    scenario->script = script_new();
    scenario->rows = g_array_new(FALSE, TRUE, sizeof(BankRow));
    scenario->participants = g_array_new(FALSE, TRUE, sizeof(Participant));
    for (size_t i = 0; i < scenario_key_count; i++) {
        const ScenarioKey *key = &scenario_keys[i];
        const char *reason = scenario_key_parse(key, key->value, scenario);
        INVARIANT(reason == NULL);
    }
    return scenario;
}

Scenario *scenario_copy(const Scenario *scenario)
{
    Scenario *copy = g_memdup2(scenario, sizeof *scenario);
    copy->source = g_strdup(scenario->source);
    copy->name = g_strdup(scenario->name);
    copy->data = g_strdup(scenario->data);
    copy->script = script_copy(scenario->script);
    copy->choices = scenario->choices != NULL ? choices_copy(scenario->choices) : NULL;
    copy->rows = g_array_copy(scenario->rows);
    copy->participants = g_array_copy(scenario->participants);
    return copy;
}

void scenario_free(Scenario *scenario)
{
    g_free(scenario->source);
    g_free(scenario->name);
    g_free(scenario->data);
    g_array_unref(scenario->script);
    choices_free(scenario->choices);
    g_array_unref(scenario->rows);
    g_array_unref(scenario->participants);
    g_free(scenario);
}

/* --- reading --- */

static bool check_group(const char *source, const char *group, char **error)
{
    bool known = strcmp(group, SCRIPT) == 0 || strcmp(group, CHOICES) == 0;
    for (size_t i = 0; !known && i < scenario_key_count; i++)
        known = strcmp(group, scenario_keys[i].group) == 0;
    if (!known) {
        *error = g_strdup_printf("%s: [%s]: unknown group; `cohort sim --dump-defaults` lists all",
                                 source, group);
    }
    return known;
}

static void make_schedule(Scenario *scenario)
{
    if (scenario->choices == NULL)
        scenario->choices = choices_new();
}

static bool apply(Scenario *scenario, const char *source, const char *group, const char *key,
                  const char *value, char **error)
{
    char *reason = NULL;
    if (strcmp(group, SCRIPT) == 0) {
        reason = script_read(scenario->script, key, value);
    } else if (strcmp(group, CHOICES) == 0) {
        make_schedule(scenario);
        reason = choices_read(scenario->choices, key, value);
    } else {
        const ScenarioKey *known = scenario_key(group, key);
        reason = g_strdup(known == NULL ? "unknown key; `cohort sim --dump-defaults` lists all"
                                        : scenario_key_parse(known, value, scenario));
    }
    if (reason != NULL) {
        *error = error_text(source, group, key, reason);
        g_free(reason);
    }
    return reason == NULL;
}

/* Cuts "30s   # comment" to "30s": a comment begins with a # that is first or after a blank. */
static void strip_comment(char *line)
{
    for (char *at = strchr(line, '#'); at != NULL; at = strchr(at + 1, '#')) {
        if (at == line || g_ascii_isspace(at[-1])) {
            *at = '\0';
            break;
        }
    }
    g_strstrip(line);
}

/* GKeyFile silently keeps the last of several equal keys: a script would lose commands. */
static bool find_repeated_key(const char *source, char **lines, char **error)
{
    GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char *group = g_strdup("");
    bool found = false;
    for (char **line = lines; *line != NULL && !found; line++) {
        size_t key_length = strcspn(*line, "=");
        if (**line == '[') {
            g_free(group);
            group = g_strndup(*line + 1, strcspn(*line + 1, "]"));
        } else if ((*line)[key_length] == '=') {
            char *key = g_strstrip(g_strndup(*line, key_length));
            if (!g_hash_table_add(seen, g_strdup_printf("%s\n%s", group, key))) {
                *error = error_text(source, group, key, "written twice");
                found = true;
            }
            g_free(key);
        }
    }
    g_free(group);
    g_hash_table_unref(seen);
    return found;
}

/* A GKeyFile knows comments only as whole lines; ours may stand behind a value too. */
static GKeyFile *load_key_file(const char *source, const char *text, char **error)
{
    char **lines = g_strsplit_set(text, "\n", -1); /* linear under ASan, too; g_strsplit is not */
    for (char **line = lines; *line != NULL; line++)
        strip_comment(*line);
    char *stripped = g_strjoinv("\n", lines);
    GKeyFile *file = g_key_file_new();
    /* Else it would leave out `loss[de]=`, an unknown key, in silence. */
    const GKeyFileFlags flags = G_KEY_FILE_KEEP_TRANSLATIONS;
    GError *problem = NULL;
    bool ok = !find_repeated_key(source, lines, error);
    if (ok && !g_key_file_load_from_data(file, stripped, strlen(stripped), flags, &problem)) {
        *error = g_strdup_printf("%s: %s", source, problem->message);
        g_error_free(problem);
        ok = false;
    }
    if (!ok)
        g_clear_pointer(&file, g_key_file_unref);
    g_free(stripped);
    g_strfreev(lines);
    return file;
}

static bool apply_group(Scenario *scenario, GKeyFile *file, const char *group, char **error)
{
    char **group_keys = g_key_file_get_keys(file, group, NULL, NULL);
    bool ok = check_group(scenario->source, group, error);
    if (ok && strcmp(group, CHOICES) == 0)
        make_schedule(scenario);
    for (char **key = group_keys; ok && *key != NULL; key++) {
        char *value = g_key_file_get_value(file, group, *key, NULL);
        ok = apply(scenario, scenario->source, group, *key, value, error);
        g_free(value);
    }
    g_strfreev(group_keys);
    return ok;
}

bool scenario_read(Scenario *scenario, const char *source, const char *text, char **error)
{
    g_free(scenario->source);
    scenario->source = g_strdup(source);
    GKeyFile *file = load_key_file(source, text, error);
    if (file == NULL)
        return false;
    bool ok = true;
    char **groups = g_key_file_get_groups(file, NULL);
    for (char **group = groups; ok && *group != NULL; group++)
        ok = apply_group(scenario, file, *group, error);
    g_strfreev(groups);
    g_key_file_unref(file);
    return ok;
}

bool scenario_set(Scenario *scenario, const char *assignment, char **error)
{
    const char *dot = strchr(assignment, '.');
    const char *equals = strchr(assignment, '=');
    if (dot == NULL || equals == NULL || dot > equals) {
        *error = g_strdup_printf("--set %s: write --set group.key=value", assignment);
        return false;
    }
    char *group = g_strndup(assignment, (size_t)(dot - assignment));
    char *key = g_strndup(dot + 1, (size_t)(equals - dot - 1));
    if (strcmp(group, SCRIPT) == 0)
        script_drop(scenario->script, key);
    bool ok = check_group("--set", group, error) &&
              apply(scenario, "--set", group, key, equals + 1, error);
    g_free(group);
    g_free(key);
    return ok;
}

/* --- completing --- */

static GArray *rows_of(const Scenario *scenario, const BankRow *rows, size_t row_count)
{
    if (rows == NULL)
        return g_array_ref(scenario->rows);
    GArray *given = g_array_sized_new(FALSE, TRUE, sizeof(BankRow), (guint)row_count);
    g_array_append_vals(given, rows, (guint)row_count);
    return given;
}

static void take_participants(Scenario *scenario)
{
    g_array_set_size(scenario->participants, 0);
    if (scenario->data[0] == '\0') {
        for (uint64_t i = 1; i <= scenario->customers; i++) {
            char text[MONEY_TEXT_MAX];
            Participant participant = {.balance = scenario->balance};
            participant.name.text[0] = 'c';
            strcpy(participant.name.text + 1, number_text(i, text));
            g_array_append_val(scenario->participants, participant);
        }
        return;
    }
    for (guint i = 0; i < scenario->rows->len; i++) {
        const BankRow *row = &g_array_index(scenario->rows, BankRow, i);
        if (!row->exited && row->cohort == 0) {
            Participant participant = {row->name, row->balance};
            g_array_append_val(scenario->participants, participant);
        }
    }
}

/* Says which process everything in the script and the choices is about. */
static bool resolve(Scenario *scenario, char **error)
{
    GHashTable *numbers = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < scenario->participants->len; i++) {
        g_hash_table_insert(numbers,
                            g_array_index(scenario->participants, Participant, i).name.text,
                            GUINT_TO_POINTER(i));
    }
    const char *key = NULL;
    char *reason = script_complete(scenario->script, numbers, &key);
    if (reason != NULL)
        *error = error_text(scenario->source, SCRIPT, key, reason);
    g_free(reason);
    reason = scenario->choices != NULL && key == NULL ? choices_complete(scenario->choices, numbers)
                                                      : NULL;
    if (reason != NULL)
        *error = g_strdup_printf("%s: [%s] %s", scenario->source, CHOICES, reason);
    bool ok = key == NULL && reason == NULL;
    g_free(reason);
    g_hash_table_unref(numbers);
    for (guint i = 0; i < scenario->script->len; i++)
        scenario->duration_ns =
            MAX(scenario->duration_ns, g_array_index(scenario->script, ScriptCommand, i).time_ns);
    return ok;
}

static bool is_none(const Delay *delay)
{
    return delay->kind == DELAY_CONSTANT && delay->a_ns == 0;
}

static bool restarts(ScriptAct act)
{
    return act == SCRIPT_CRASH || act == SCRIPT_RESTART;
}

/* Could anything stored ever be read, or a write be waited for? */
static bool disks_matter(const Scenario *scenario)
{
    const FaultModel *faults = &scenario->faults;
    const DiskModel *disk = &scenario->disk;
    bool matter = faults->crash_interval_ns != 0 || faults->bank_crash_interval_ns != 0 ||
                  faults->crash_at_save != 0 || disk->full_rate != 0 || disk->error_rate != 0 ||
                  !is_none(&disk->write_delay) || !is_none(&disk->fsync_delay);
    for (guint i = 0; !matter && i < scenario->script->len; i++)
        matter = restarts(g_array_index(scenario->script, ScriptCommand, i).act);
    for (size_t i = 0; !matter && scenario->choices != NULL && i < choices_count(scenario->choices);
         i++) {
        ChoiceKind kind = choices_at(scenario->choices, i)->kind;
        matter = kind == CHOICE_DISK || kind == CHOICE_WRITE;
    }
    return matter;
}

bool scenario_complete(Scenario *scenario, const BankRow *rows, size_t row_count, char **error)
{
    GArray *taken = rows_of(scenario, rows, row_count);
    g_array_unref(scenario->rows);
    scenario->rows = taken;
    take_participants(scenario);
    if (scenario->participants->len == 0) {
        *error = error_text(scenario->source, "bank", "data",
                            "no row of an open customer outside a cohort");
        return false;
    }
    if (scenario->choices != NULL && !schedule_check(scenario, error))
        return false;
    if (!resolve(scenario, error))
        return false;
    scenario->disks_matter = disks_matter(scenario);
    return true;
}

/* --- writing --- */

/* The keys of its own that differ from their defaults. */
static void write_group(const Scenario *scenario, const Scenario *defaults, const char *group,
                        GString *out)
{
    g_autoptr(GString) value = g_string_new(NULL);
    g_autoptr(GString) usual = g_string_new(NULL);
    bool any = false;
    for (size_t i = 0; i < scenario_key_count; i++) {
        const ScenarioKey *key = &scenario_keys[i];
        if (strcmp(key->group, group) != 0)
            continue;
        g_string_truncate(value, 0);
        g_string_truncate(usual, 0);
        scenario_key_write(key, scenario, value);
        scenario_key_write(key, defaults, usual);
        if (strcmp(value->str, usual->str) == 0)
            continue;
        if (!any)
            g_string_append_printf(out, "[%s]\n", group);
        g_string_append_printf(out, "%s=%s\n", key->key, value->str);
        any = true;
    }
}

void scenario_write(const Scenario *scenario, GString *out)
{
    Scenario *defaults = scenario_new();
    const char *group = "";
    for (size_t i = 0; i < scenario_key_count; i++) {
        if (strcmp(scenario_keys[i].group, group) != 0)
            write_group(scenario, defaults, scenario_keys[i].group, out);
        group = scenario_keys[i].group;
    }
    scenario_free(defaults);
    if (scenario->script->len > 0)
        g_string_append_printf(out, "[%s]\n", SCRIPT);
    script_write(scenario->script, out);
    if (scenario->choices != NULL) {
        g_string_append_printf(out, "[%s]\n", CHOICES);
        choices_write(scenario->choices, out);
    }
}

void scenario_dump_defaults(GString *out)
{
    const char *group = "";
    for (size_t i = 0; i < scenario_key_count; i++) {
        const ScenarioKey *key = &scenario_keys[i];
        if (strcmp(group, key->group) != 0) {
            group = key->group;
            g_string_append_printf(out, "[%s]\n", group);
        }
        g_string_append_printf(out, "%s=%s", key->key, key->value);
        if (key->note[0] != '\0')
            g_string_append_printf(out, "  # %s", key->note);
        g_string_append_c(out, '\n');
    }
    g_string_append(out,
                    "[script]\n"
                    "# 1s=c1 transfer 100 c2; c2 deposit 50\n"
                    "# 2s=c1 crash; bank crash  # without a restart: after restart_after\n"
                    "# 3s=c1 restart; c2 pause 2s; c3 clock-jump 1m; c3 timer\n"
                    "# 4s=network partition both c1,c3 5s  # or `to` or `from`: one direction\n"
                    "# [choices]\n"
                    "# c1>c2 17=lost  # see sim/choices.h; such a file is a schedule\n");
}
