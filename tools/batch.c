#include "tools/batch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/swarm.h"
#include "tools/batch_total.h"
#include "tools/options.h"
#include "tools/result.h"

#define NO_SEED UINT64_MAX

enum { PROGRESS_MS = 200 };

/* What a worker writes to its pipe after each seed, followed by `length` bytes of lines. */
typedef struct Report {
    uint64_t number; /* of the seed */
    Outcome outcome;
    uint64_t length;
} Report;

/* In memory that parent and workers share: whoever is free takes the next seed, and if he dies of
 * it, leaves behind which it was. */
typedef struct Shared {
    _Atomic uint64_t next;
    _Atomic uint64_t at[]; /* by worker: the number of the seed it is at, or NO_SEED */
} Shared;

typedef struct Worker {
    pid_t pid; /* 0: done */
    int pipe;
    uint64_t reported;   /* the number of the last seed it has reported, or NO_SEED */
    GByteArray *pending; /* read from the pipe, not yet a whole report */
} Worker;

typedef struct Run {
    const Batch *batch;
    Simulation simulation;
    Shared *shared;
    size_t shared_bytes;
    gint64 end_us; /* no seed is begun after this; 0: at any time */
    Worker *workers;
    struct pollfd *polls; /* of their pipes */
    unsigned working;
    GHashTable *ready; /* seed number -> GString, for those that must wait for an earlier one */
    uint64_t printed;  /* seeds whose turn to be printed has been */
    BatchTotal total;
} Run;

/* --- what a seed is --- */

static Simulation simulation_of(const Run *run, uint64_t seed)
{
    Simulation simulation = run->simulation;
    if (run->batch->swarm)
        simulation.scenario = swarm_scenario(seed);
    return simulation;
}

static void simulation_over(const Run *run, const Simulation *simulation)
{
    if (run->batch->swarm)
        scenario_free((Scenario *)simulation->scenario);
}

/* What the seed has drawn, before what came of it. */
static void write_settings(const Run *run, uint64_t seed, GString *out)
{
    if (!run->batch->swarm)
        return;
    g_autoptr(GString) text = swarm_text(seed);
    if (!run->simulation.json) {
        g_string_append_printf(out, "# seed %" PRIu64 " of the swarm\n%s", seed, text->str);
        return;
    }
    g_string_append_printf(out, "{\"seed\":%" PRIu64 ",\"scenario\":", seed);
    result_json_string(out, text->str);
    g_string_append(out, "}\n");
}

/* --- a worker --- */

static bool write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        length -= (size_t)written;
    }
    return true;
}

static void run_seed(const Run *run, uint64_t seed, Report *report, GString *lines)
{
    Simulation simulation = simulation_of(run, seed);
    g_string_truncate(lines, 0);
    write_settings(run, seed, lines);
    report->outcome = simrun(&simulation, seed, NULL, lines);
    if (report->outcome.exit_code == EXIT_DONE && (run->batch->swarm || !simulation.json))
        g_string_truncate(lines, 0);
    report->length = lines->len;
    simulation_over(run, &simulation);
}

static _Noreturn void work(const Run *run, unsigned worker, int fd)
{
    GString *lines = g_string_new(NULL);
    bool going = true;
    while (going && (run->end_us == 0 || g_get_monotonic_time() < run->end_us)) {
        Report report = {.number = atomic_fetch_add(&run->shared->next, 1)};
        if (report.number >= run->batch->count)
            break;
        atomic_store(&run->shared->at[worker], report.number);
        run_seed(run, run->batch->first_seed + report.number, &report, lines);
        going = !report.outcome.interrupted && write_all(fd, &report, sizeof report) &&
                write_all(fd, lines->str, lines->len);
        atomic_store(&run->shared->at[worker], NO_SEED);
    }
    _exit(EXIT_DONE);
}

/* Negative errno when the system refuses. */
static int hire(Run *run, unsigned index)
{
    Worker *worker = &run->workers[index];
    int fds[2];
    if (pipe(fds) < 0)
        return -errno;
    atomic_store(&run->shared->at[index], NO_SEED);
    pid_t pid = fork();
    if (pid < 0) {
        int code = -errno;
        close(fds[0]);
        close(fds[1]);
        return code;
    }
    if (pid == 0) {
        for (unsigned i = 0; i < run->batch->jobs; i++) {
            if (run->workers[i].pid != 0)
                close(run->workers[i].pipe);
        }
        close(fds[0]);
        options_uninterruptible();
        work(run, index, fds[1]);
    }
    close(fds[1]);
    worker->pid = pid;
    worker->pipe = fds[0];
    worker->reported = NO_SEED;
    g_byte_array_set_size(worker->pending, 0);
    run->working++;
    return 0;
}

/* --- results --- */

static void print(Run *run, const GString *lines)
{
    if (lines->len > 0)
        total_hide_progress(&run->total);
    fwrite(lines->str, 1, lines->len, stdout);
}

static void print_in_turn(Run *run, uint64_t number, GString *lines)
{
    g_hash_table_insert(run->ready, g_memdup2(&number, sizeof number), lines);
    const GString *ready;
    while ((ready = g_hash_table_lookup(run->ready, &run->printed)) != NULL) {
        print(run, ready);
        g_hash_table_remove(run->ready, &run->printed);
        run->printed++;
    }
}

static void take_report(Run *run, const Report *report, GString *lines)
{
    total_add(&run->total, &report->outcome);
    if (run->batch->swarm) {
        print(run, lines);
        g_string_free(lines, TRUE);
    } else {
        print_in_turn(run, report->number, lines);
    }
    fflush(stdout);
}

static void take_reports(Run *run, Worker *worker)
{
    GByteArray *pending = worker->pending;
    Report report;
    while (pending->len >= sizeof report) {
        memcpy(&report, pending->data, sizeof report);
        if (pending->len - sizeof report < report.length)
            break;
        worker->reported = report.number;
        take_report(
            run, &report,
            g_string_new_len((const char *)pending->data + sizeof report, (gssize)report.length));
        g_byte_array_remove_range(pending, 0, (guint)(sizeof report + report.length));
    }
}

/* The seed a worker was at when it died. */
static void take_death(Run *run, uint64_t number, int status)
{
    const Simulation *simulation = &run->simulation;
    const Report report = {.number = number, .outcome = {.exit_code = EXIT_INTERNAL}};
    uint64_t seed = run->batch->first_seed + number;
    g_autoptr(GString) command = g_string_new(NULL);
    g_autofree char *how = WIFSIGNALED(status)
                               ? g_strdup_printf("killed by signal %d", WTERMSIG(status))
                               : g_strdup_printf("exit code %d", WEXITSTATUS(status));
    GString *lines = g_string_new(NULL);
    write_settings(run, seed, lines);
    simrun_command(simulation, seed, command);
    if (simulation->json) {
        g_string_append_printf(lines,
                               "{\"seed\":%" PRIu64 ",\"broken\":\"%s\",\"reproduce\":", seed, how);
        result_json_string(lines, command->str);
        g_string_append(lines, "}\n");
    } else {
        g_string_append_printf(lines,
                               "seed %" PRIu64 ": the program broke off: %s\nreproduce: %s\n", seed,
                               how, command->str);
    }
    take_report(run, &report, lines);
}

static int dismiss(Run *run, Worker *worker)
{
    int status = 0;
    close(worker->pipe);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    worker->pid = 0;
    run->working--;
    return status;
}

static int read_from(Run *run, unsigned index)
{
    Worker *worker = &run->workers[index];
    uint8_t bytes[65536];
    ssize_t length = read(worker->pipe, bytes, sizeof bytes);
    if (length > 0) {
        g_byte_array_append(worker->pending, bytes, (guint)length);
        take_reports(run, worker);
        return 0;
    }
    if (length < 0 && errno == EINTR)
        return 0;
    int status = dismiss(run, worker);
    uint64_t number = atomic_load(&run->shared->at[index]);
    if (number == NO_SEED || number == worker->reported) /* it did not die of a seed */
        return status == 0 ? 0 : hire(run, index);
    take_death(run, number, status);
    return hire(run, index);
}

/* --- the whole --- */

static int wait_for_workers(Run *run)
{
    unsigned jobs = run->batch->jobs;
    struct pollfd *polls = run->polls;
    while (run->working > 0 && !*run->simulation.interrupted) {
        for (unsigned i = 0; i < jobs; i++)
            polls[i] =
                (struct pollfd){run->workers[i].pid != 0 ? run->workers[i].pipe : -1, POLLIN, 0};
        if (poll(polls, jobs, PROGRESS_MS) < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        for (unsigned i = 0; i < jobs; i++) {
            int code = polls[i].revents != 0 ? read_from(run, i) : 0;
            if (code < 0)
                return code;
        }
        total_show_progress(&run->total);
    }
    return 0;
}

static int number_order(const void *a, const void *b)
{
    const uint64_t *left = *(const uint64_t *const *)a;
    const uint64_t *right = *(const uint64_t *const *)b;
    return (*left > *right) - (*left < *right);
}

/* What was known when the batch was ended, and waited for its turn. */
static void print_rest(Run *run)
{
    guint count;
    g_autofree gpointer *numbers = g_hash_table_get_keys_as_array(run->ready, &count);
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, number_order);
    for (guint i = 0; i < count; i++)
        print(run, g_hash_table_lookup(run->ready, numbers[i]));
}

static void free_lines(void *lines)
{
    g_string_free(lines, TRUE);
}

static int run_workers(Run *run)
{
    int code = 0;
    run->shared_bytes = sizeof *run->shared + run->batch->jobs * sizeof run->shared->at[0];
    run->shared =
        mmap(NULL, run->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run->shared == MAP_FAILED)
        return -errno;
    for (unsigned i = 0; i < run->batch->jobs && i < run->batch->count && code == 0; i++)
        code = hire(run, i);
    if (code == 0)
        code = wait_for_workers(run);
    for (unsigned i = 0; i < run->batch->jobs; i++) {
        if (run->workers[i].pid != 0) {
            kill(run->workers[i].pid, SIGKILL);
            dismiss(run, &run->workers[i]);
        }
    }
    munmap(run->shared, run->shared_bytes);
    print_rest(run);
    return code;
}

int batch_run(const Batch *batch)
{
    Run run = {.batch = batch,
               .simulation = *batch->simulation,
               .workers = g_new0(Worker, batch->jobs),
               .polls = g_new0(struct pollfd, batch->jobs),
               .ready = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_lines)};
    run.simulation.swarm = batch->swarm;
    fflush(stdout);
    total_begin(&run.total, batch);
    if (batch->budget_ns > 0)
        run.end_us = g_get_monotonic_time() + (gint64)(batch->budget_ns / 1000);
    for (unsigned i = 0; i < batch->jobs; i++)
        run.workers[i].pending = g_byte_array_new();
    int code = run_workers(&run);
    if (code == 0)
        total_print(&run.total);
    int exit_code = code == 0 ? total_exit_code(&run.total)
                              : options_fail(EXIT_ENVIRONMENT, "cohort sim",
                                             "cannot run workers: %s", g_strerror(-code));
    for (unsigned i = 0; i < batch->jobs; i++)
        g_byte_array_unref(run.workers[i].pending);
    g_hash_table_unref(run.ready);
    g_free(run.polls);
    g_free(run.workers);
    return exit_code;
}
