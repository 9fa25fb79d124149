#include "tools/batch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/options.h"
#include "tools/result.h"

/* What a worker writes to its pipe after each seed, followed by `length` bytes of lines. */
typedef struct Report {
    Outcome outcome;
    uint64_t length;
} Report;

/* Worker w takes the seeds number w, w + jobs, w + 2 * jobs, ... */
typedef struct Worker {
    pid_t pid; /* 0: done */
    int pipe;
    uint64_t next;       /* the number of the seed it is at */
    GByteArray *pending; /* read from the pipe, not yet a whole report */
} Worker;

typedef struct Run {
    const Batch *batch;
    Worker *workers;
    unsigned working;
    GHashTable *ready; /* seed number -> GString, for those that must wait for an earlier one */
    uint64_t printed;  /* seeds whose turn to be printed has been */
    uint64_t done;
    uint64_t violated;
    uint64_t stuck;
    uint64_t broken;
    uint64_t events;
    uint64_t crashes;
    uint64_t faults[FAULT_COUNTS];
    gint64 progress_us; /* when progress was shown last */
} Run;

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

static _Noreturn void work(const Batch *batch, uint64_t next, int fd)
{
    GString *lines = g_string_new(NULL);
    for (; next < batch->count; next += batch->jobs) {
        g_string_truncate(lines, 0);
        Report report = {0};
        report.outcome = simrun(batch->simulation, batch->first_seed + next, NULL, lines);
        if (report.outcome.exit_code == EXIT_DONE && !batch->simulation->json)
            g_string_truncate(lines, 0);
        report.length = lines->len;
        if (report.outcome.interrupted || !write_all(fd, &report, sizeof report) ||
            !write_all(fd, lines->str, lines->len))
            break;
    }
    _exit(EXIT_DONE);
}

/* Negative errno when the system refuses. */
static int hire(Run *run, Worker *worker)
{
    int fds[2];
    if (pipe(fds) < 0)
        return -errno;
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
        signal(SIGINT, SIG_IGN); /* ours alone: it ends the workers */
        work(run->batch, worker->next, fds[1]);
    }
    close(fds[1]);
    worker->pid = pid;
    worker->pipe = fds[0];
    g_byte_array_set_size(worker->pending, 0);
    run->working++;
    return 0;
}

/* --- results --- */

static void show_progress(Run *run, bool last)
{
    gint64 now_us = g_get_monotonic_time();
    if (!isatty(STDERR_FILENO) || (!last && now_us - run->progress_us < G_USEC_PER_SEC / 5))
        return;
    run->progress_us = now_us;
    if (last)
        fputs("\r\033[K", stderr);
    else
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed", run->done,
                run->batch->count, run->violated + run->stuck + run->broken);
}

static void print_in_turn(Run *run, uint64_t number, GString *lines)
{
    g_hash_table_insert(run->ready, g_memdup2(&number, sizeof number), lines);
    GString *ready;
    while ((ready = g_hash_table_lookup(run->ready, &run->printed)) != NULL) {
        if (ready->len > 0)
            show_progress(run, true);
        fwrite(ready->str, 1, ready->len, stdout);
        g_hash_table_remove(run->ready, &run->printed);
        run->printed++;
    }
    fflush(stdout);
}

static void take_report(Run *run, Worker *worker, const Report *report, GString *lines)
{
    run->done++;
    run->events += report->outcome.events;
    run->crashes += report->outcome.crashes;
    for (int i = 0; i < FAULT_COUNTS; i++)
        run->faults[i] += report->outcome.faults[i];
    run->violated += report->outcome.exit_code == EXIT_VIOLATION;
    run->stuck += report->outcome.exit_code == EXIT_STUCK;
    run->broken += report->outcome.exit_code == EXIT_INTERNAL;
    print_in_turn(run, worker->next, lines);
    worker->next += run->batch->jobs;
    show_progress(run, false);
}

static void take_reports(Run *run, Worker *worker)
{
    GByteArray *pending = worker->pending;
    Report report;
    while (pending->len >= sizeof report) {
        memcpy(&report, pending->data, sizeof report);
        if (pending->len - sizeof report < report.length)
            break;
        take_report(
            run, worker, &report,
            g_string_new_len((const char *)pending->data + sizeof report, (gssize)report.length));
        g_byte_array_remove_range(pending, 0, (guint)(sizeof report + report.length));
    }
}

/* The seed a worker was at when it died. */
static void take_death(Run *run, Worker *worker, int status)
{
    const Simulation *simulation = run->batch->simulation;
    const Report report = {.outcome = {.exit_code = EXIT_INTERNAL}};
    uint64_t seed = run->batch->first_seed + worker->next;
    g_autoptr(GString) command = g_string_new(NULL);
    g_autofree char *how = WIFSIGNALED(status)
                               ? g_strdup_printf("killed by signal %d", WTERMSIG(status))
                               : g_strdup_printf("exit code %d", WEXITSTATUS(status));
    GString *lines = g_string_new(NULL);
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
    take_report(run, worker, &report, lines);
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

static int read_from(Run *run, Worker *worker)
{
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
    if (worker->next >= run->batch->count)
        return 0;
    take_death(run, worker, status);
    return worker->next < run->batch->count ? hire(run, worker) : 0;
}

/* --- the whole --- */

static int wait_for_workers(Run *run)
{
    unsigned jobs = run->batch->jobs;
    g_autofree struct pollfd *polls = g_new0(struct pollfd, jobs);
    while (run->working > 0 && !*run->batch->simulation->interrupted) {
        for (unsigned i = 0; i < jobs; i++)
            polls[i] =
                (struct pollfd){run->workers[i].pid != 0 ? run->workers[i].pipe : -1, POLLIN, 0};
        if (poll(polls, jobs, -1) < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        for (unsigned i = 0; i < jobs; i++) {
            int code = polls[i].revents != 0 ? read_from(run, &run->workers[i]) : 0;
            if (code < 0)
                return code;
        }
    }
    return 0;
}

static void print_total(const Run *run)
{
    const Batch *batch = run->batch;
    uint64_t failed = run->violated + run->stuck + run->broken;
    if (*batch->simulation->interrupted)
        fprintf(stderr, "interrupted: %" PRIu64 " of %" PRIu64 " seeds done\n", run->done,
                batch->count);
    if (batch->simulation->json)
        return;
    printf("%" PRIu64 " seeds", run->done);
    if (batch->count > 0) /* a batch can have more parts than seeds */
        printf(" (%" PRIu64 "..%" PRIu64 ")", batch->first_seed,
               batch->first_seed + batch->count - 1);
    g_autoptr(GString) faults = g_string_new(NULL);
    simrun_faults(run->crashes, run->faults, faults);
    printf(", %" PRIu64 " events%s: ", run->events, faults->str);
    if (failed == 0)
        printf("no violation\n");
    else
        printf("%" PRIu64 " FAILED (%" PRIu64 " safety, %" PRIu64 " liveness, %" PRIu64
               " broken off)\n",
               failed, run->violated, run->stuck, run->broken);
}

static int exit_code_of(const Run *run)
{
    if (run->broken > 0)
        return EXIT_INTERNAL;
    if (run->violated > 0)
        return EXIT_VIOLATION;
    if (run->stuck > 0)
        return EXIT_STUCK;
    return *run->batch->simulation->interrupted ? EXIT_INTERRUPTED : EXIT_DONE;
}

static void free_lines(void *lines)
{
    g_string_free(lines, TRUE);
}

int batch_run(const Batch *batch)
{
    Run run = {.batch = batch,
               .workers = g_new0(Worker, batch->jobs),
               .ready = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_lines)};
    int code = 0;
    fflush(stdout);
    for (unsigned i = 0; i < batch->jobs; i++) {
        run.workers[i].pending = g_byte_array_new();
        run.workers[i].next = i;
        if (code == 0 && i < batch->count)
            code = hire(&run, &run.workers[i]);
    }
    if (code == 0)
        code = wait_for_workers(&run);
    for (unsigned i = 0; i < batch->jobs; i++) {
        if (run.workers[i].pid != 0) {
            kill(run.workers[i].pid, SIGKILL);
            dismiss(&run, &run.workers[i]);
        }
        g_byte_array_unref(run.workers[i].pending);
    }
    show_progress(&run, true);
    if (code == 0)
        print_total(&run);
    int exit_code = code == 0 ? exit_code_of(&run)
                              : options_fail(EXIT_ENVIRONMENT, "cohort sim",
                                             "cannot run workers: %s", g_strerror(-code));
    g_hash_table_unref(run.ready);
    g_free(run.workers);
    return exit_code;
}
