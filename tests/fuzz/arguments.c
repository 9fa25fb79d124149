/* Command lines of the program, a word on each line, and a scenario, a trace and a state that they
 * may name. Whatever they say, the program ends with an exit code of its own, and with a line on
 * standard error when that is a complaint.
 *
 * What a sound command line asks for is not done: no world goes on, nothing is explored, no
 * process is forked, no socket is opened. Files are made in a folder of the target's own. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "net/udp.h"
#include "sim/explore.h"
#include "sim/world.h"
#include "tests/fuzz/fuzz.h"
#include "tools/options.h"

/* The program's own main and last words. */
#define main cohort_main
#define panic cohort_panic
int cohort_main(int argc, char **argv);
_Noreturn void cohort_panic(const char *file, int line, const char *what, int64_t found,
                            int64_t expected);
#include "tools/main.c"
#undef main
#undef panic

/* --- in place of what would take long (the linker wraps them) --- */

bool __wrap_world_advance(World *world, uint64_t events);
WorldResult __wrap_world_result(const World *world);
pid_t __wrap_fork(void);
Udp *__wrap_udp_open(Address address, GString *error);
Explorer *__wrap_explorer_new(const Scenario *scenario, ExploreOptions options, char **error);

bool __wrap_world_advance(World *world, uint64_t events)
{
    (void)world;
    (void)events;
    return false;
}

WorldResult __wrap_world_result(const World *world)
{
    static GPtrArray *none;
    (void)world;
    if (none == NULL)
        none = g_ptr_array_new();
    return (WorldResult){.stuck = none, .violations = none};
}

pid_t __wrap_fork(void)
{
    errno = EAGAIN;
    return -1;
}

Udp *__wrap_udp_open(Address address, GString *error)
{
    (void)address;
    g_string_append(error, "no sockets here");
    return NULL;
}

Explorer *__wrap_explorer_new(const Scenario *scenario, ExploreOptions options, char **error)
{
    (void)scenario;
    (void)options;
    *error = g_strdup("nothing is explored here");
    return NULL;
}

/* --- the program's surroundings --- */

enum { WORDS_MAX = 40, RUNS_PER_FOLDER = 1000 };
static const char SCENARIO[] = "[scenario]\nduration=1s\n[script]\n1ms=c1 transfer 1 c2\n";
static const char TRACE[] =
    "{\"cohort_trace\":1,\"mode\":\"sim\",\"scenario\":\"x\",\"seed\":1,\"version\":\"0.1.0\"}\n"
    "{\"seq\":0,\"t\":0,\"p\":\"c1\",\"inc\":0,\"e\":\"opened\",\"balance\":100}\n";
static char folder[] = "/tmp/cohort-fuzz-XXXXXX";

static void remove_folder(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", folder);
    INVARIANT_THAT(system(command), ==, 0);
}

/* What a command line may name, as new; what others have written goes now and then. */
static void tidy_folder(void)
{
    static unsigned runs;
    if (runs++ % RUNS_PER_FOLDER == 0) {
        remove_folder();
        INVARIANT_THAT(g_mkdir(folder, 0700), ==, 0);
        INVARIANT_THAT(chdir(folder), ==, 0);
    }
    g_rmdir("s.ini"); /* it may have become a folder */
    g_rmdir("t.jsonl");
    INVARIANT(g_file_set_contents("s.ini", SCENARIO, -1, NULL));
    INVARIANT(g_file_set_contents("t.jsonl", TRACE, -1, NULL));
}

/* libFuzzer keeps the streams that it found. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    INVARIANT(mkdtemp(folder) != NULL);
    INVARIANT(freopen("/dev/null", "r", stdin) != NULL);
    stdout = fopen("/dev/null", "w");
    stderr = tmpfile();
    INVARIANT(stdout != NULL && stderr != NULL);
    atexit(remove_folder);
    return 0;
}

/* Paths stay in the folder. */
static char *next_word(const char **at, const char *end)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline != NULL ? newline : end;
    char *word = g_strndup(*at, (gsize)(stop - *at));
    *at = newline != NULL ? newline + 1 : end;
    for (char *letter = word; *letter != '\0'; letter++) {
        if (*letter == '/' || (letter[0] == '.' && letter[1] == '.' && !g_ascii_isdigit(letter[2])))
            *letter = '_';
    }
    return word;
}

static void expect_an_end(int exit_code)
{
    fflush(stderr);
    const bool silent = ftell(stderr) == 0;
    switch (exit_code) {
    case EXIT_DONE:
    case EXIT_VIOLATION:
    case EXIT_STUCK:
        break;
    case EXIT_USAGE:
    case EXIT_ENVIRONMENT:
        INVARIANT(!silent);
        break;
    default:
        INVARIANT_THAT(exit_code, ==, EXIT_DONE);
    }
    rewind(stderr);
    INVARIANT_THAT(ftruncate(fileno(stderr), 0), ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *words[WORDS_MAX + 2] = {g_strdup("cohort")}; /* argv ends with NULL */
    char *given[WORDS_MAX + 2];
    int count = 1;
    const char *end = (const char *)data + size;
    for (const char *at = (const char *)data; at < end && count <= WORDS_MAX;)
        words[count++] = next_word(&at, end);
    tidy_folder();
    memcpy(given, words, sizeof words); /* a program may change its argv */
    expect_an_end(cohort_main(count, given));
    for (int i = 0; i < count; i++)
        g_free(words[i]);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    return fuzz_mutate_lines(data, size, capacity);
}
