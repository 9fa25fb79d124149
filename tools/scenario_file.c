#include "tools/scenario_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/table.h"
#include "sim/schedule.h"

/* Up to the first NUL byte, as /dev/zero has no end. False: errno says why. */
static bool read_until_nul(FILE *file, GString *text)
{
    char bytes[65536];
    size_t length = 0;
    do {
        g_string_append_len(text, bytes, (gssize)length);
        length = fread(bytes, 1, sizeof bytes, file);
    } while (length > 0 && memchr(bytes, '\0', length) == NULL);
    g_string_append_len(text, bytes, (gssize)length);
    return !ferror(file);
}

char *scenario_file_text(const char *path, char **error)
{
    FILE *file = fopen(path, "re");
    g_autoptr(GString) text = g_string_new(NULL);
    bool whole = file != NULL && read_until_nul(file, text);
    bool good = whole && strlen(text->str) == text->len;
    if (!whole)
        *error = g_strdup_printf("cannot read %s: %s", path, g_strerror(errno));
    else if (!good)
        *error = g_strdup_printf("%s: a NUL byte at offset %zu", path, strlen(text->str));
    if (file != NULL)
        fclose(file);
    return good ? g_strdup(text->str) : NULL;
}

bool scenario_file_write(const char *path, const char *text)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (file == NULL)
        return false;
    bool ok = fputs(text, file) >= 0 && fflush(file) == 0;
    if (file != stdout)
        ok = fclose(file) == 0 && ok;
    return ok;
}

static char *data_path(const char *path, const char *data)
{
    g_autofree char *folder = g_path_get_dirname(path);
    if (g_path_is_absolute(data) || g_file_test(data, G_FILE_TEST_EXISTS))
        return g_canonicalize_filename(data, NULL);
    g_autofree char *beside = g_build_filename(folder, data, NULL);
    return g_canonicalize_filename(beside, NULL);
}

bool scenario_file_complete(Scenario *scenario, const char *path, char **error)
{
    if (scenario->data[0] == '\0')
        return scenario_complete(scenario, NULL, 0, error);
    g_autofree char *data = data_path(path, scenario->data);
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(data, &text, &length, &problem)) {
        *error = g_strdup(problem->message);
        return false;
    }
    g_autoptr(GString) reason = g_string_new(NULL);
    GArray *rows = table_rows(data, (const uint8_t *)text, length, reason);
    if (rows == NULL) {
        *error = g_strdup(reason->str);
        return false;
    }
    bool ok = scenario_complete(scenario, (const BankRow *)rows->data, rows->len, error);
    g_array_unref(rows);
    /* Who writes the scenario elsewhere, or reads it from there, names the file that was read. */
    g_free(scenario->data);
    scenario->data = g_steal_pointer(&data);
    return ok;
}

Scenario *scenario_file_parse(const char *path, const char *text, char **sets, char **error)
{
    Scenario *scenario = scenario_new();
    bool ok = scenario_read(scenario, path, text, error);
    for (char **set = sets; ok && set != NULL && *set != NULL; set++)
        ok = scenario_set(scenario, *set, error);
    if (ok && scenario_file_complete(scenario, path, error))
        return scenario;
    scenario_free(scenario);
    return NULL;
}

Scenario *scenario_file_load(const char *path, char **sets, char **error)
{
    g_autofree char *text = scenario_file_text(path, error);
    return text != NULL ? scenario_file_parse(path, text, sets, error) : NULL;
}

bool scenario_file_schedulable(const Scenario *scenario, char **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Scenario *schedule = schedule_of(scenario);
    scenario_write(schedule, text);
    scenario_free(schedule);
    g_autofree char *reason = NULL;
    Scenario *read = scenario_file_parse(scenario->source, text->str, NULL, &reason);
    if (read == NULL)
        *error = g_strdup_printf("no schedule can be written of this: %s", reason);
    else
        scenario_free(read);
    return read != NULL;
}
