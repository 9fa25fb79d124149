#include "sim/schedule.h"

#include <string.h>

#include "sim/scenario_keys.h"

/* The delays that are the default of a choice. */
static bool is_default_delay(const ScenarioKey *key)
{
    return key->type == VALUE_DELAY &&
           (strcmp(key->group, "network") == 0 || strcmp(key->group, "disk") == 0);
}

static Delay make_constant(const Delay *delay)
{
    bool uniform = delay->kind == DELAY_UNIFORM;
    return (Delay){.kind = DELAY_CONSTANT,
                   .a_ns = uniform ? delay->a_ns + (delay->b_ns - delay->a_ns) / 2 : delay->a_ns};
}

Scenario *schedule_of(const Scenario *scenario)
{
    Scenario *schedule = scenario_copy(scenario);
    g_array_set_size(schedule->script, 0);
    choices_free(schedule->choices);
    schedule->choices = choices_new();
    for (size_t i = 0; i < scenario_key_count; i++) {
        const ScenarioKey *key = &scenario_keys[i];
        bool world = strcmp(key->group, "scenario") == 0 || strcmp(key->group, "bank") == 0 ||
                     key->type == VALUE_RETRIES || is_default_delay(key);
        if (!world)
            scenario_key_parse(key, key->value, schedule);
    }
    schedule->network.delay = make_constant(&scenario->network.delay);
    schedule->disk.write_delay = make_constant(&scenario->disk.write_delay);
    schedule->disk.fsync_delay = make_constant(&scenario->disk.fsync_delay);
    return schedule;
}

static const char *refusal(const ScenarioKey *key, const Scenario *scenario)
{
    const void *field = (const char *)scenario + key->field;
    bool rate = key->type == VALUE_RATE && *(const uint64_t *)field != 0;
    bool chance = (key->type == VALUE_PROBABILITY || key->type == VALUE_DRIFT) &&
                  *(const uint32_t *)field != 0;
    if (rate || chance)
        return "nothing is drawn in a schedule: write what happens into [script] and [choices], or "
               "leave out the group [choices]";
    if (is_default_delay(key) && ((const Delay *)field)->kind != DELAY_CONSTANT)
        return "nothing is drawn in a schedule: write `constant D`, or leave out the group "
               "[choices]";
    return NULL;
}

/* In scripts and choices it would be the bank itself. */
static bool has_customer_bank(const Scenario *scenario)
{
    bool found = false;
    for (guint i = 0; !found && i < scenario->participants->len; i++)
        found =
            strcmp(g_array_index(scenario->participants, Participant, i).name.text, "bank") == 0;
    return found;
}

bool schedule_check(const Scenario *scenario, char **error)
{
    if (has_customer_bank(scenario)) {
        *error = g_strdup_printf("%s: [bank] data: in a schedule no customer may be called `bank`",
                                 scenario->source);
        return false;
    }
    for (size_t i = 0; i < scenario_key_count; i++) {
        const ScenarioKey *key = &scenario_keys[i];
        const char *reason = refusal(key, scenario);
        if (reason != NULL) {
            *error =
                g_strdup_printf("%s: [%s] %s: %s", scenario->source, key->group, key->key, reason);
            return false;
        }
    }
    return true;
}

size_t schedule_size(const Scenario *schedule)
{
    return schedule->script->len + choices_count(schedule->choices);
}
