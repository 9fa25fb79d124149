#include "tools/batch_total.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/options.h"
#include "tools/result.h"

/* Between two lines of progress. */
#define PROGRESS_TERMINAL_US (G_USEC_PER_SEC / 5)
#define PROGRESS_FILE_US (10 * G_USEC_PER_SEC)

void total_begin(BatchTotal *total, const Batch *batch)
{
    *total = (BatchTotal){.batch = batch, .began_us = g_get_monotonic_time()};
    total->shown_us = total->began_us;
}

void total_add(BatchTotal *total, const Outcome *outcome)
{
    total->done++;
    total->violated += outcome->exit_code == EXIT_VIOLATION;
    total->stuck += outcome->exit_code == EXIT_STUCK;
    total->broken += outcome->exit_code == EXIT_INTERNAL;
    total->events += outcome->events;
    total->virtual_ns += outcome->virtual_ns;
    total->crashes += outcome->crashes;
    for (int i = 0; i < FAULT_COUNTS; i++)
        total->faults[i] += outcome->faults[i];
    for (int i = 0; i < MARK_KINDS; i++) {
        total->marks[i] += outcome->marks[i];
        total->reached[i] += outcome->marks[i] > 0;
    }
}

uint64_t total_failed(const BatchTotal *total)
{
    return total->violated + total->stuck + total->broken;
}

/* --- how fast it goes --- */

typedef struct Speed {
    double seconds;
    double seeds_per_s;
    double virtual_per_real;
} Speed;

static Speed speed_of(const BatchTotal *total)
{
    gint64 passed_us = MAX(g_get_monotonic_time() - total->began_us, 1);
    double seconds = (double)passed_us / G_USEC_PER_SEC;
    return (Speed){.seconds = seconds,
                   .seeds_per_s = (double)total->done / seconds,
                   .virtual_per_real = (double)total->virtual_ns / NS_PER_S / seconds};
}

/* --- progress --- */

/* "17 of 100 seeds" */
static void append_done(const BatchTotal *total, GString *out)
{
    g_string_append_printf(out, "%" PRIu64, total->done);
    if (total->batch->count != SEEDS_UNLIMITED)
        g_string_append_printf(out, " of %" PRIu64, total->batch->count);
    g_string_append(out, " seeds");
}

void total_show_progress(BatchTotal *total)
{
    bool terminal = isatty(STDERR_FILENO);
    gint64 now_us = g_get_monotonic_time();
    if (now_us - total->shown_us < (terminal ? PROGRESS_TERMINAL_US : PROGRESS_FILE_US))
        return;
    total->shown_us = now_us;
    const Batch *batch = total->batch;
    Speed speed = speed_of(total);
    g_autoptr(GString) line = g_string_new(NULL);
    append_done(total, line);
    if (batch->budget_ns > 0)
        g_string_append_printf(line, ", %.0f of %" PRIu64 " s", speed.seconds,
                               batch->budget_ns / NS_PER_S);
    g_string_append_printf(line,
                           ", %.0f seeds/s, %.0f s of virtual time per second, %" PRIu64 " failed",
                           speed.seeds_per_s, speed.virtual_per_real, total_failed(total));
    fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", line->str);
}

void total_hide_progress(const BatchTotal *total)
{
    if (total->shown_us != total->began_us && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* --- the end --- */

static unsigned marks_reached(const BatchTotal *total)
{
    unsigned reached = 0;
    for (int i = 0; i < MARK_KINDS; i++)
        reached += total->marks[i] > 0;
    return reached;
}

static void print_marks(const BatchTotal *total)
{
    printf("%-32s %12s %12s\n", "mark", "times", "seeds");
    for (int i = 0; i < MARK_KINDS; i++)
        printf("%-32s %12" PRIu64 " %12" PRIu64 "\n", mark_name((Mark)i), total->marks[i],
               total->reached[i]);
    printf("%u of %d marks reached\n", marks_reached(total), MARK_KINDS);
    for (int i = 0; i < MARK_KINDS; i++) {
        if (total->marks[i] == 0)
            printf("never: %s: %s\n", mark_name((Mark)i), mark_text((Mark)i));
    }
}

static void print_json(const BatchTotal *total)
{
    Speed speed = speed_of(total);
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_append_printf(line,
                           "{\"seeds\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"safety\":%" PRIu64
                           ",\"liveness\":%" PRIu64 ",\"broken\":%" PRIu64 ",\"events\":%" PRIu64
                           ",\"virtual_ns\":%" PRIu64 ",\"crashes\":%" PRIu64,
                           total->done, total_failed(total), total->violated, total->stuck,
                           total->broken, total->events, total->virtual_ns, total->crashes);
    for (int i = 0; i < FAULT_COUNTS; i++)
        g_string_append_printf(line, ",\"%s\":%" PRIu64, fault_count_key((FaultCount)i),
                               total->faults[i]);
    g_string_append_printf(line,
                           ",\"seconds\":%.3f,\"seeds_per_s\":%.1f,\"virtual_per_real\":%.1f"
                           ",\"marks\":{",
                           speed.seconds, speed.seeds_per_s, speed.virtual_per_real);
    for (int i = 0; i < MARK_KINDS; i++)
        g_string_append_printf(line, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", mark_name((Mark)i),
                               total->marks[i]);
    g_string_append(line, "}}\n");
    fputs(line->str, stdout);
}

static void print_text(const BatchTotal *total)
{
    const Batch *batch = total->batch;
    uint64_t failed = total_failed(total);
    printf("%" PRIu64 " seeds", total->done);
    if (total->done == batch->count && batch->count > 0) /* or it was ended before */
        printf(" (%" PRIu64 "..%" PRIu64 ")", batch->first_seed,
               batch->first_seed + batch->count - 1);
    g_autoptr(GString) faults = g_string_new(NULL);
    simrun_faults(total->crashes, total->faults, faults);
    printf(", %" PRIu64 " events%s: ", total->events, faults->str);
    if (failed == 0)
        printf("no violation\n");
    else
        printf("%" PRIu64 " FAILED (%" PRIu64 " safety, %" PRIu64 " liveness, %" PRIu64
               " broken off)\n",
               failed, total->violated, total->stuck, total->broken);
}

void total_print(const BatchTotal *total)
{
    const Batch *batch = total->batch;
    total_hide_progress(total);
    if (*batch->simulation->interrupted) {
        g_autoptr(GString) done = g_string_new(NULL);
        append_done(total, done);
        fprintf(stderr, "interrupted: %s done\n", done->str);
    }
    if (batch->simulation->json) {
        if (batch->swarm)
            print_json(total);
        return;
    }
    if (batch->swarm) {
        Speed speed = speed_of(total);
        print_marks(total);
        printf("%.1f s: %.1f seeds/s, %.0f s of virtual time per second\n", speed.seconds,
               speed.seeds_per_s, speed.virtual_per_real);
    }
    print_text(total);
}

int total_exit_code(const BatchTotal *total)
{
    if (total->broken > 0)
        return EXIT_INTERNAL;
    if (total->violated > 0)
        return EXIT_VIOLATION;
    if (total->stuck > 0)
        return EXIT_STUCK;
    return *total->batch->simulation->interrupted ? EXIT_INTERRUPTED : EXIT_DONE;
}
