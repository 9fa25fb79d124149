/* The schedule fuzzer: bytes are the choices of a run of the real core in a small world, and the
 * checker is the oracle. What the core goes through, and the marks that it sets, guide the search.
 *
 * A schedule that fails is printed as the file that it is, ready for `cohort sim --schedule`. */
#include <stdio.h>
#include <string.h>

#include "sim/schedule.h"
#include "sim/world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/opcodes.h"

enum { SLICE_EVENTS = 1000, EVENTS_MAX = 300000 };

/* Counted by libFuzzer as if they were places in the code. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t marks[MARK_KINDS];

static Scenario *read_schedule(const GString *text)
{
    char *error = NULL;
    Scenario *scenario = scenario_new();
    if (!scenario_read(scenario, "fuzz.ini", text->str, &error) ||
        !scenario_complete(scenario, NULL, 0, &error)) {
        fprintf(stderr, "%s\n%s\n", text->str, error);
        INVARIANT(error == NULL);
    }
    INVARIANT(scenario->choices != NULL);
    return scenario;
}

static void expect_sound(const GString *text, const WorldResult *result)
{
    for (guint i = 0; i < result->violations->len; i++) {
        const Violation *violation = g_ptr_array_index(result->violations, i);
        fprintf(stderr, "%s: %s: %s\n", rule_name(violation->rule), violation->process.text,
                violation->text);
    }
    for (guint i = 0; i < result->stuck->len; i++)
        fprintf(stderr, "%s\n", (const char *)g_ptr_array_index(result->stuck, i));
    if (result->violations->len > 0 || result->stuck->len > 0)
        fprintf(stderr, "%s\n", text->str);
    INVARIANT_THAT(result->violations->len, ==, 0);
    INVARIANT_THAT(result->stuck->len, ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) text = g_string_new(NULL);
    opcodes_write(data, size, text);
    Scenario *scenario = read_schedule(text);
    World *world = world_new(scenario, scenario->seed, NULL);
    while (world_advance(world, SLICE_EVENTS) && world_events(world) < EVENTS_MAX)
        continue;
    if (world_events(world) < EVENTS_MAX) {
        const WorldResult result = world_result(world);
        expect_sound(text, &result);
        for (int mark = 0; mark < MARK_KINDS; mark++)
            marks[mark] = (uint8_t)MIN(result.marks[mark], UINT8_MAX);
    }
    world_free(world);
    scenario_free(scenario);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    return opcodes_mutate(data, size, capacity);
}
