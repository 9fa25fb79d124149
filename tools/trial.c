#include "tools/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/schedule.h"
#include "sim/world.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/scenario_file.h"

/* Events are counted at least so often. A run that is at one event for so long never ends it. */
enum { EVENTS_PER_SLICE = 20000, SECONDS_MAX = 60 };

/* An interrupt that comes just before a wait does not end it; it is noticed so soon. */
enum { NOTICED_MS = 100 };

/* What ends a program that does what it must not. */
static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};

/* What a child says of one text; short enough for a pipe to take it whole. */
typedef struct Report {
    size_t index;
    Verdict verdict;
} Report;

typedef struct Child {
    pid_t pid; /* 0: none */
    int pipe;
    size_t next; /* the text it is at; the ones after it are `jobs` apart */
} Child;

typedef enum State { STATE_UNKNOWN, STATE_HELD, STATE_FAILED } State;

typedef struct Search {
    Trial *trial;
    char *const *texts;
    size_t count;
    Verdict like;
    uint8_t *states; /* of State */
    size_t settled;  /* all before it have held */
    Child *children;
    struct pollfd *polls; /* one for each child */
} Search;

/* --- a run --- */

static Verdict verdict_of(const WorldResult *result)
{
    if (result->violations->len == 0)
        return (Verdict){.kind = result->stuck->len > 0 ? VERDICT_STUCK : VERDICT_NONE};
    const Violation *violation = g_ptr_array_index(result->violations, 0);
    Verdict verdict = {.kind = VERDICT_SAFETY, .rule = violation->rule};
    for (guint i = 0; i < result->violations->len; i++) {
        violation = g_ptr_array_index(result->violations, i);
        verdict.rules |= 1u << violation->rule;
    }
    return verdict;
}

/* schedule: to note choices into, or NULL. */
static Verdict run(const Trial *trial, const Scenario *scenario, Scenario *schedule)
{
    World *world = world_new(scenario, scenario->seed, NULL);
    Verdict verdict = {.kind = VERDICT_NONE};
    bool running = true;
    if (schedule != NULL)
        world_note_choices(world, schedule);
    while (running && world_events(world) < trial->events_max)
        running = world_advance(world, EVENTS_PER_SLICE);
    if (!running) {
        WorldResult result = world_result(world);
        verdict = verdict_of(&result);
    }
    world_free(world);
    return verdict;
}

static void begin_child(const Child *children, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (children[i].pid != 0)
            close(children[i].pipe);
    }
    options_uninterruptible();
    signal(SIGALRM, SIG_DFL);
    for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++)
        signal(deadly[i], SIG_DFL); /* a sanitizer would make an exit of it */
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO); /* a broken invariant is no news here */
}

static _Noreturn void serve(const Search *search, size_t next, int fd)
{
    for (; next < search->count; next += search->trial->jobs) {
        char *error = NULL;
        Report report = {.index = next};
        alarm(SECONDS_MAX);
        Scenario *scenario =
            scenario_file_parse(search->trial->path, search->texts[next], NULL, &error);
        if (scenario != NULL) {
            report.verdict = run(search->trial, scenario, NULL);
            scenario_free(scenario);
        }
        g_free(error);
        if (write(fd, &report, sizeof report) != (ssize_t)sizeof report)
            break;
    }
    _exit(EXIT_DONE);
}

static bool hire(Search *search, Child *child)
{
    int fds[2];
    if (child->next >= search->count)
        return true;
    if (pipe(fds) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        begin_child(search->children, search->trial->jobs);
        close(fds[0]);
        serve(search, child->next, fds[1]);
    }
    int code = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        errno = code;
        return false;
    }
    child->pid = pid;
    child->pipe = fds[0];
    return true;
}

static int dismiss(Child *child)
{
    int status = 0;
    close(child->pipe);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    child->pid = 0;
    return status;
}

static bool stopped(int status)
{
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGKILL);
}

/* Of the run in which a child has ended. */
static Verdict verdict_of_end(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_INTERNAL)
        return (Verdict){.kind = VERDICT_BROKEN};
    return (Verdict){.kind =
                         WIFSIGNALED(status) && !stopped(status) ? VERDICT_CRASH : VERDICT_NONE};
}

/* --- many --- */

static void note(Search *search, size_t index, Verdict verdict)
{
    search->states[index] = verdict_is(verdict, search->like) ? STATE_FAILED : STATE_HELD;
    search->trial->runs++;
    while (search->settled < search->count && search->states[search->settled] == STATE_HELD)
        search->settled++;
}

static bool over(const Search *search)
{
    return search->settled == search->count || search->states[search->settled] == STATE_FAILED ||
           *search->trial->interrupted;
}

/* False: the system refuses. */
static bool hear(Search *search, Child *child)
{
    Report report;
    ssize_t length = read(child->pipe, &report, sizeof report);
    if (length < 0 && errno == EINTR)
        return true;
    if (length == (ssize_t)sizeof report) {
        note(search, report.index, report.verdict);
        child->next = report.index + search->trial->jobs;
        return true;
    }
    int status = dismiss(child);
    if (child->next >= search->count)
        return true;
    note(search, child->next, verdict_of_end(status));
    child->next += search->trial->jobs;
    return hire(search, child);
}

static bool await(Search *search)
{
    unsigned jobs = search->trial->jobs;
    struct pollfd *polls = search->polls;
    for (unsigned i = 0; i < jobs; i++)
        polls[i] = (struct pollfd){search->children[i].pid != 0 ? search->children[i].pipe : -1,
                                   POLLIN, 0};
    if (poll(polls, jobs, NOTICED_MS) < 0)
        return errno == EINTR;
    bool ok = true;
    for (unsigned i = 0; i < jobs && ok; i++)
        ok = polls[i].revents == 0 || hear(search, &search->children[i]);
    return ok;
}

size_t trial_first(Trial *trial, char *const *texts, size_t count, Verdict like)
{
    Search search = {.trial = trial, .texts = texts, .count = count, .like = like};
    search.states = g_new0(uint8_t, count + 1);
    search.children = g_new0(Child, trial->jobs);
    search.polls = g_new0(struct pollfd, trial->jobs);
    bool ok = true;
    fflush(NULL);
    for (unsigned i = 0; i < trial->jobs && ok; i++) {
        search.children[i].next = i;
        ok = hire(&search, &search.children[i]);
    }
    while (ok && !over(&search))
        ok = await(&search);
    int code = errno;
    for (unsigned i = 0; i < trial->jobs; i++) {
        if (search.children[i].pid == 0)
            continue;
        kill(search.children[i].pid, SIGKILL);
        dismiss(&search.children[i]);
    }
    size_t first = ok && !*trial->interrupted ? search.settled : count;
    errno = ok ? 0 : code;
    g_free(search.children);
    g_free(search.polls);
    g_free(search.states);
    return first;
}

/* --- one, recorded --- */

/* In the child that records. */
static Scenario *noted;
static int noted_pipe;

static void hand_over(Verdict verdict)
{
    char *error = NULL;
    g_autoptr(GString) text = g_string_new_len((const char *)&verdict, sizeof verdict);
    if (scenario_complete(noted, NULL, 0, &error))
        scenario_write(noted, text);
    for (gsize at = 0; at < text->len;) {
        ssize_t length = write(noted_pipe, text->str + at, text->len - at);
        if (length <= 0)
            break;
        at += (gsize)length;
    }
}

void trial_last_words(void)
{
    if (noted != NULL)
        hand_over((Verdict){.kind = VERDICT_BROKEN});
}

/* What was noted up to a crash is all that there is of its run. If not even that can be had, the
 * same signal ends the child here. */
static void on_crash(int number)
{
    hand_over((Verdict){.kind = VERDICT_CRASH});
    raise(number);
}

/* On a stack of its own: the run's may be what is used up. */
static void note_crashes(void)
{
    static uint8_t stack[1 << 18];
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    const struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_ONSTACK};
    sigaltstack(&other, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++)
        sigaction(deadly[i], &action, NULL);
}

static _Noreturn void serve_recorded(const Trial *trial, const char *text)
{
    char *error = NULL;
    alarm(SECONDS_MAX);
    Scenario *scenario = scenario_file_parse(trial->path, text, NULL, &error);
    if (scenario != NULL) {
        Scenario *schedule = schedule_of(scenario);
        noted = schedule;
        note_crashes();
        Verdict verdict = run(trial, scenario, schedule);
        if (verdict.kind != VERDICT_NONE)
            hand_over(verdict);
    }
    _exit(EXIT_DONE);
}

/* All that it says; ends it when interrupted. */
static GString *hear_out(const Trial *trial, const Child *child)
{
    GString *got = g_string_new(NULL);
    char bytes[65536];
    ssize_t length = 1;
    while (length > 0) {
        struct pollfd ready = {child->pipe, POLLIN, 0};
        if (*trial->interrupted)
            kill(child->pid, SIGKILL);
        if (poll(&ready, 1, NOTICED_MS) <= 0)
            continue;
        length = read(child->pipe, bytes, sizeof bytes);
        g_string_append_len(got, bytes, MAX(length, 0));
    }
    return got;
}

char *trial_record(Trial *trial, const char *text, Verdict *verdict)
{
    int fds[2];
    if (pipe(fds) < 0)
        return NULL;
    fflush(NULL);
    errno = 0;
    Child child = {.pid = fork(), .pipe = fds[0]};
    if (child.pid == 0) {
        close(fds[0]);
        begin_child(NULL, 0);
        noted_pipe = fds[1];
        panic_last_words = trial_last_words;
        serve_recorded(trial, text);
    }
    close(fds[1]);
    if (child.pid < 0) {
        close(fds[0]);
        return NULL;
    }
    g_autoptr(GString) got = hear_out(trial, &child);
    int status = dismiss(&child);
    trial->runs++;
    errno = 0;
    if (got->len <= sizeof *verdict || stopped(status))
        return NULL;
    memcpy(verdict, got->str, sizeof *verdict);
    return g_strdup(got->str + sizeof *verdict);
}
