#include "tests/sim/trial.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void see_trace(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                      const TraceEvent *event)
{
    trace_write(((Seen *)context)->trace, seq, t_ns, process, event);
}

static void see_notice(void *context, uint64_t t_ns, const Name *process, const Notice *notice)
{
    if (notice->kind != NOTICE_SUCCESS && notice->kind != NOTICE_FAILURE)
        return;
    g_string_append_printf(((Seen *)context)->notices, "%" PRIu64 " %s %s %s %" PRIu64 "\n",
                           t_ns / NS_PER_MS, process->text, command_word(notice->command),
                           notice->kind == NOTICE_SUCCESS ? "SUCCESS" : "FAILURE", notice->tag);
}

Seen *seen_new(bool datagrams)
{
    Seen *seen = g_new0(Seen, 1);
    seen->trace = g_string_new(NULL);
    seen->notices = g_string_new(NULL);
    seen->observer = (Observer){seen, see_trace, datagrams, see_notice};
    return seen;
}

void seen_free(Seen *seen)
{
    g_string_free(seen->trace, TRUE);
    g_string_free(seen->notices, TRUE);
    g_free(seen);
}

Scenario *scenario_of(const char *text)
{
    Scenario *scenario = scenario_new();
    char *error = NULL;
    if (!scenario_read(scenario, "test.ini", text, &error) ||
        !scenario_complete(scenario, NULL, 0, &error))
        fail_msg("%s", error);
    return scenario;
}

World *run(const Scenario *scenario, uint64_t seed, const Observer *observer)
{
    World *world = world_new(scenario, seed, observer);
    while (world_advance(world, 1000))
        continue;
    return world;
}

WorldResult assert_sound(const World *world)
{
    WorldResult result = world_result(world);
    if (result.stuck->len > 0)
        fail_msg("stuck: %s", (const char *)g_ptr_array_index(result.stuck, 0));
    if (result.violations->len > 0) {
        const Violation *violation = g_ptr_array_index(result.violations, 0);
        fail_msg("%s: %s", rule_name(violation->rule), violation->text);
    }
    const TotalSums *sums = &result.sums;
    assert_int_equal(result.datagrams_sent + result.datagrams_duplicated,
                     result.datagrams_delivered + result.datagrams_dropped);
    assert_int_equal(sums->transfers,
                     sums->transfers_received + sums->transfers_lost + sums->transfers_undone);
    assert_int_equal(sums->money_in, sums->money_out + sums->money_total + sums->money_lost);
    return result;
}
