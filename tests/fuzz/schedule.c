/* Scenario and schedule files as they are written: what a file says is written so that it reads
 * back to the same. */
#include <string.h>

#include "sim/schedule.h"
#include "tests/fuzz/fuzz.h"

/* NULL: it is none. */
static Scenario *read_text(const char *text)
{
    char *error = NULL;
    Scenario *scenario = scenario_new();
    if (scenario_read(scenario, "fuzz.ini", text, &error) && scenario->data[0] == '\0' &&
        scenario_complete(scenario, NULL, 0, &error))
        return scenario;
    INVARIANT(error == NULL || g_str_has_prefix(error, "fuzz.ini:"));
    g_free(error);
    scenario_free(scenario);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    Scenario *scenario = read_text(text);
    if (scenario == NULL)
        return 0;
    g_autoptr(GString) written = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    scenario_write(scenario, written);
    Scenario *reread = read_text(written->str);
    INVARIANT(reread != NULL);
    INVARIANT((reread->choices != NULL) == (scenario->choices != NULL));
    INVARIANT_THAT(reread->duration_ns, ==, scenario->duration_ns);
    if (scenario->choices != NULL)
        INVARIANT_THAT(schedule_size(reread), ==, schedule_size(scenario));
    scenario_write(reread, again);
    INVARIANT(g_string_equal(written, again));
    scenario_free(reread);
    scenario_free(scenario);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    return fuzz_mutate_lines(data, size, capacity);
}
