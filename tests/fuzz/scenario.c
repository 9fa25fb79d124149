/* Scenario files: a scenario in range, or a reason that names group and key. */
#include <string.h>

#include "sim/scenario.h"
#include "tests/fuzz/fuzz.h"

static void expect_reason(char *error)
{
    INVARIANT(error != NULL);
    INVARIANT(g_str_has_prefix(error, "fuzz.ini:"));
    g_free(error);
}

static void expect_in_range(const Scenario *scenario)
{
    INVARIANT_THAT(scenario->participants->len, <=, CUSTOMERS_MAX);
    uint64_t last_ns = 0;
    for (guint i = 0; i < scenario->script->len; i++) {
        const ScriptCommand *command = &g_array_index(scenario->script, ScriptCommand, i);
        INVARIANT_THAT(command->time_ns, >=, last_ns);
        INVARIANT_THAT(command->time_ns, <=, scenario->duration_ns);
        last_ns = command->time_ns;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    char *error = NULL;
    Scenario *scenario = scenario_new();
    if (!scenario_read(scenario, "fuzz.ini", text, &error) ||
        (scenario->data[0] == '\0' && !scenario_complete(scenario, NULL, 0, &error)))
        expect_reason(error);
    else if (scenario->data[0] == '\0')
        expect_in_range(scenario);
    scenario_free(scenario);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    return fuzz_mutate_lines(data, size, capacity);
}
