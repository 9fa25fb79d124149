#include "tools/simrun.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "tools/options.h"
#include "tools/result.h"

enum { EVENTS_PER_SLICE = 100000 };

/* How this program was called, so that it is found again without being on the PATH. */
static void append_program(GString *out)
{
    const char *program = program_invocation_name;
    g_autofree char *quoted = g_shell_quote(program);
    bool plain = strspn(program, G_CSET_A_2_Z G_CSET_a_2_z "0123456789/._-+") == strlen(program);
    g_string_append(out, plain ? program : quoted);
}

void simrun_command(const Simulation *simulation, uint64_t seed, GString *out)
{
    /* No option, whatever it begins with. */
    const char *given = simulation->swarm ? "" : simulation->path;
    g_autofree char *file = g_strconcat(given[0] == '-' ? "./" : "", given, NULL);
    g_autofree char *path = simulation->swarm ? g_strdup("--swarm") : g_shell_quote(file);
    append_program(out);
    g_string_append_printf(out, " sim %s --seed %" PRIu64, path, seed);
    for (char **set = simulation->sets; set != NULL && *set != NULL; set++) {
        g_autofree char *quoted = g_shell_quote(*set);
        g_string_append_printf(out, " --set %s", quoted);
    }
#ifdef COHORT_PLANTED_FAULTS
    if (simulation->planted != NULL)
        g_string_append_printf(out, " --planted %s", simulation->planted);
#endif
}

void simrun_seconds(uint64_t ns, GString *out)
{
    g_string_append_printf(out, "%" PRIu64 ".%03" PRIu64 " s", ns / NS_PER_S,
                           ns % NS_PER_S / NS_PER_MS);
}

static void write_count(uint64_t count, const char *key, GString *out)
{
    if (count == 0)
        return;
    g_autofree char *words = g_strdelimit(g_strdup(key), "_", ' ');
    g_string_append_printf(out, ", %" PRIu64 " %s", count, words);
}

void simrun_faults(uint64_t crashes, const uint64_t faults[static FAULT_COUNTS], GString *out)
{
    write_count(crashes, "crashes", out);
    for (int i = 0; i < FAULT_COUNTS; i++)
        write_count(faults[i], fault_count_key((FaultCount)i), out);
}

/* --- violations --- */

static void write_violation(const Simulation *simulation, uint64_t seed, const char *rule,
                            const Violation *where, const char *text, GString *out)
{
    if (!simulation->json) {
        g_string_append_printf(out, "violation of %s: ", rule);
        if (where != NULL)
            g_string_append_printf(out, "%s, seq %" PRIu64 ": ", where->process.text, where->seq);
        g_string_append_printf(out, "%s\n", text);
        return;
    }
    g_string_append_printf(out, "{\"seed\":%" PRIu64 ",\"violation\":\"%s\",", seed, rule);
    if (where != NULL)
        g_string_append_printf(out, "\"process\":\"%s\",\"seq\":%" PRIu64 ",", where->process.text,
                               where->seq);
    g_string_append(out, "\"text\":");
    result_json_string(out, text);
    g_string_append(out, "}\n");
}

static void write_reproduction(const Simulation *simulation, uint64_t seed, GString *out)
{
    g_autoptr(GString) command = g_string_new(NULL);
    simrun_command(simulation, seed, command);
    if (!simulation->json) {
        g_string_append_printf(out, "reproduce: %s\n", command->str);
        return;
    }
    g_string_append_printf(out, "{\"seed\":%" PRIu64 ",\"reproduce\":", seed);
    result_json_string(out, command->str);
    g_string_append(out, "}\n");
}

static size_t write_violations(const Simulation *simulation, uint64_t seed,
                               const WorldResult *result, GString *out)
{
    for (guint i = 0; i < result->violations->len; i++) {
        const Violation *violation = g_ptr_array_index(result->violations, i);
        write_violation(simulation, seed, rule_name(violation->rule), violation, violation->text,
                        out);
    }
    for (guint i = 0; i < result->stuck->len; i++)
        write_violation(simulation, seed, "liveness", NULL, g_ptr_array_index(result->stuck, i),
                        out);
    size_t count = result->violations->len + result->stuck->len;
    if (count > 0)
        write_reproduction(simulation, seed, out);
    return count;
}

/* --- the summary --- */

static void write_json_summary(uint64_t seed, uint64_t wall_ns, size_t violations,
                               const WorldResult *result, GString *out)
{
    const TotalSums *sums = &result->sums;
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"seed", seed},
        {"virtual_ns", result->virtual_ns},
        {"wall_ns", wall_ns},
        {"events", result->events},
        {"datagrams_sent", result->datagrams_sent},
        {"datagrams_delivered", result->datagrams_delivered},
        {"datagrams_dropped", result->datagrams_dropped},
        {"transfers", sums->transfers},
        {"transfers_received", sums->transfers_received},
        {"transfers_lost", sums->transfers_lost},
        {"transfers_undone", sums->transfers_undone},
        {"checkpoints", sums->checkpoints},
        {"rollbacks", sums->rollbacks},
        {"crashes", sums->crashes},
    };
    g_string_append_c(out, '{');
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        g_string_append_printf(out, "\"%s\":%" PRIu64 ",", counts[i].key, counts[i].value);
    g_string_append_printf(out,
                           "\"money_in\":%" PRId64 ",\"money_out\":%" PRId64
                           ",\"money_total\":%" PRId64 ",\"violations\":%zu"
                           ",\"trace_hash\":\"%016" PRIx64 "\"",
                           sums->money_in, sums->money_out, sums->money_total, violations,
                           result->trace_hash);
    g_string_append_printf(out, ",\"settle_ns\":%" PRIu64 ",\"settle_ns_max\":%" PRIu64,
                           result->settle_ns, SETTLE_NS_MAX);
    for (int i = 0; i < FAULT_COUNTS; i++)
        g_string_append_printf(out, ",\"%s\":%" PRIu64, fault_count_key((FaultCount)i),
                               result->faults[i]);
    g_string_append(out, "}\n");
}

/* How long it took to come to rest, of the time there was. */
static void write_settling(const WorldResult *result, GString *out)
{
    g_string_append(out, result->stuck->len == 0 ? "settled in " : "NOT settled in ");
    simrun_seconds(result->settle_ns, out);
    g_string_append(out, " of ");
    simrun_seconds(SETTLE_NS_MAX, out);
    g_string_append(out, ", ");
}

static void write_text_summary(uint64_t seed, size_t violations, const WorldResult *result,
                               GString *out)
{
    const TotalSums *sums = &result->sums;
    char in[MONEY_TEXT_MAX];
    char paid[MONEY_TEXT_MAX];
    char total[MONEY_TEXT_MAX];
    char lost[MONEY_TEXT_MAX];
    g_string_append_printf(out, "seed %" PRIu64 ": ", seed);
    simrun_seconds(result->virtual_ns, out);
    g_string_append_printf(
        out,
        " virtual, %" PRIu64 " events, %" PRIu64 " datagrams (%" PRIu64 " dropped), %" PRIu64
        " commands (%" PRIu64 " refused), %" PRIu64 " transfers (%" PRIu64 " received, %" PRIu64
        " lost, %" PRIu64 " undone), %" PRIu64 " checkpoints, %" PRIu64 " rollbacks",
        result->events, result->datagrams_sent, result->datagrams_dropped, result->commands,
        result->commands_refused, sums->transfers, sums->transfers_received, sums->transfers_lost,
        sums->transfers_undone, sums->checkpoints, sums->rollbacks);
    simrun_faults(sums->crashes, result->faults, out);
    g_string_append_printf(out, ", money in %s, out %s, lost %s, held %s, ",
                           money_text(sums->money_in, in), money_text(sums->money_out, paid),
                           money_text(sums->money_lost, lost),
                           money_text(sums->money_total, total));
    write_settling(result, out);
    if (violations == 0)
        g_string_append(out, "no violation");
    else
        g_string_append_printf(out, "%zu VIOLATION%s", violations, violations == 1 ? "" : "S");
    g_string_append_printf(out, ", trace hash %016" PRIx64 "\n", result->trace_hash);
}

/* --- the run --- */

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

Outcome simrun(const Simulation *simulation, uint64_t seed, const Observer *observer, GString *out)
{
    uint64_t began_ns = clock_ns();
    World *world = world_new(simulation->scenario, seed, observer);
    if (simulation->noted != NULL)
        world_note_choices(world, simulation->noted);
    bool running = true;
    while (running && !*simulation->interrupted)
        running = world_advance(world, EVENTS_PER_SLICE);

    Outcome outcome = {
        .interrupted = running, .events = world_events(world), .virtual_ns = world_now(world)};
    if (!running) {
        WorldResult result = world_result(world);
        size_t violations = write_violations(simulation, seed, &result, out);
        if (simulation->json)
            write_json_summary(seed, clock_ns() - began_ns, violations, &result, out);
        else
            write_text_summary(seed, violations, &result, out);
        outcome.exit_code = result.violations->len > 0 ? EXIT_VIOLATION
                            : result.stuck->len > 0    ? EXIT_STUCK
                                                       : EXIT_DONE;
        outcome.choices_unasked = result.choices_unasked;
        outcome.first_unasked = result.first_unasked;
        outcome.crashes = result.sums.crashes;
        memcpy(outcome.faults, result.faults, sizeof outcome.faults);
        memcpy(outcome.marks, result.marks, sizeof outcome.marks);
    }
    world_free(world);
    return outcome;
}
