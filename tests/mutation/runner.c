/* Linked with a test program, it runs single tests of that, each in a child of its own, with a
 * mutant chosen.
 *
 *     PROGRAM baseline   runs all without a mutant; of each two lines: its name, and
 *                        OUTCOME CPU_US DIGEST LEFT MUTANT,MUTANT,... (those it reaches)
 *     PROGRAM mutants    reads lines MUTANT NUMBER:LIMIT_US:DIGEST:LEFT ..., runs these tests in
 *                        that order until one fails, and answers each line with a line
 *                        killed NUMBER OUTCOME or survived DIFFERING
 *
 * OUTCOME is passed, failed, leaked, timeout or a signal's number. LEFT are the bytes still
 * allocated at the end of a test; of one that leaves none without a mutant, any are a leak, as they
 * are in a build with the address sanitizer (G_SLICE=always-malloc and no malloc caches make the
 * count exact). DIFFERING counts the tests that passed with another digest. The limit is of CPU
 * time, so that a busy machine kills no mutant. */
#include "tests/mutation/runner.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/mutation/mutant.h"

enum {
    MUTANTS_MAX = 65536,
    TESTS_MAX = 8192,
    WALL_S_MAX = 600, /* a test that sleeps */
    US_PER_S = 1000000
};
#define MEMORY_BYTES_MAX ((rlim_t)4 << 30)

int mutant_chosen = MUTANT_NONE;
unsigned char mutant_reached[MUTANTS_MAX];
uint64_t runner_digest;

/* What a child leaves to its parent. */
typedef struct Report {
    uint64_t digest;
    uint64_t left_bytes;
    unsigned char reached[MUTANTS_MAX];
} Report;

typedef enum Outcome { PASSED, FAILED, LEAKED, TIMEOUT, SIGNALLED } Outcome;

typedef int RunGroup(const char *, const struct CMUnitTest *, size_t, CMFixtureFunction,
                     CMFixtureFunction);

static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;
static Report *report;
static RunGroup *run_group;

/* Takes the place of cmocka's own: the tests are only noted. */
int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *units, const size_t count,
                            CMFixtureFunction set_up, CMFixtureFunction tear_down)
{
    (void)group;
    (void)set_up;
    (void)tear_down;
    for (size_t i = 0; i < count; i++) {
        if (test_count == TESTS_MAX)
            abort();
        tests[test_count++] = units[i];
    }
    return 0;
}

static void collect(void)
{
    runner_test_main();
    run_group = (RunGroup *)dlsym(RTLD_NEXT, "_cmocka_run_group_tests");
    if (run_group == NULL)
        abort();
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        abort();
}

_Noreturn static void be_child(const struct CMUnitTest *test, uint64_t limit_us)
{
    struct itimerval timer = {.it_value = {.tv_sec = (time_t)(limit_us / US_PER_S),
                                           .tv_usec = (suseconds_t)(limit_us % US_PER_S)}};
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    setvbuf(stdout, NULL, _IONBF, 0); /* its buffer would count */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_BYTES_MAX, MEMORY_BYTES_MAX});
    alarm(WALL_S_MAX);
    setitimer(ITIMER_PROF, &timer, NULL);
    size_t before_bytes = mallinfo2().uordblks;
    int failed = run_group("one", test, 1, NULL, NULL);
    size_t after_bytes = mallinfo2().uordblks;
    report->left_bytes = after_bytes > before_bytes ? after_bytes - before_bytes : 0;
    report->digest = runner_digest;
    if (mutant_chosen == MUTANT_NONE)
        memcpy(report->reached, mutant_reached, MUTANTS_MAX);
    _exit(failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static Outcome run(size_t number, uint64_t limit_us, int *signal_number, uint64_t *cpu_us)
{
    int status;
    struct rusage usage;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        be_child(&tests[number], limit_us);
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        abort();
    *cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * US_PER_S +
              (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    if (WIFEXITED(status))
        return WEXITSTATUS(status) == EXIT_SUCCESS ? PASSED : FAILED;
    *signal_number = WTERMSIG(status);
    return *signal_number == SIGPROF || *signal_number == SIGALRM ? TIMEOUT : SIGNALLED;
}

static void print_outcome(Outcome outcome, int signal_number)
{
    static const char *const words[] = {"passed", "failed", "leaked", "timeout"};
    if (outcome == SIGNALLED)
        printf("%d", signal_number);
    else
        fputs(words[outcome], stdout);
}

static void baseline(size_t number)
{
    int signal_number = 0;
    uint64_t cpu_us = 0;
    memset(report, 0, sizeof *report);
    Outcome outcome = run(number, (uint64_t)WALL_S_MAX * US_PER_S, &signal_number, &cpu_us);
    printf("%s\n", tests[number].name);
    print_outcome(outcome, signal_number);
    printf(" %" PRIu64 " %" PRIu64 " %" PRIu64 " ", cpu_us, report->digest, report->left_bytes);
    for (int mutant = 1, said = 0; mutant < MUTANTS_MAX; mutant++) {
        if (report->reached[mutant])
            printf("%s%d", said++ > 0 ? "," : "", mutant);
    }
    putchar('\n');
}

static void run_mutant(char *line)
{
    char *next = strtok(line, " \n");
    mutant_chosen = atoi(next);
    unsigned differing = 0;
    while ((next = strtok(NULL, " \n")) != NULL) {
        size_t number;
        uint64_t limit_us;
        uint64_t digest;
        uint64_t left_bytes;
        uint64_t cpu_us;
        int signal_number = 0;
        if (sscanf(next, "%zu:%" SCNu64 ":%" SCNu64 ":%" SCNu64, &number, &limit_us, &digest,
                   &left_bytes) != 4 ||
            number >= test_count)
            abort();
        Outcome outcome = run(number, limit_us, &signal_number, &cpu_us);
        if (outcome == PASSED && left_bytes == 0 && report->left_bytes > 0)
            outcome = LEAKED;
        if (outcome != PASSED) {
            printf("killed %zu ", number);
            print_outcome(outcome, signal_number);
            putchar('\n');
            return;
        }
        differing += report->digest != digest;
    }
    printf("survived %u\n", differing);
}

int main(int argc, char **argv)
{
    static char line[1 << 20];
    collect();
    if (argc == 2 && strcmp(argv[1], "baseline") == 0) {
        for (size_t i = 0; i < test_count; i++)
            baseline(i);
    } else if (argc == 2 && strcmp(argv[1], "mutants") == 0) {
        while (fgets(line, sizeof line, stdin) != NULL) {
            run_mutant(line);
            fflush(stdout);
        }
    } else {
        fputs("usage: PROGRAM baseline | mutants\n", stderr);
        return 2;
    }
    return 0;
}
