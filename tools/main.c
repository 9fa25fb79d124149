/* `cohort`: one executable with subcommands. */
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "core/panic.h"
#include "core/types.h"
#include "tools/commands.h"
#include "tools/options.h"

static const char HELP[] =
    "Usage: cohort COMMAND [OPTION]...\n"
    "A bank that cannot lose money, and the laboratory that proves it.\n"
    "\n"
    "  bank      runs the bank process\n"
    "  customer  runs one customer process\n"
    "  state     shows what a customer's state directory holds\n"
    "  sim       runs a scenario in the simulated network\n"
    "  check     judges traces against the invariants\n"
    "  replay    feeds live recordings through the core again, and compares\n"
    "  diff      finds where two traces part\n"
    "  shrink    reduces a failing run to one that can be read\n"
    "  explore   goes through all that can happen in a small scenario\n"
    "\n"
    "`cohort COMMAND --help` tells more; `cohort --version` tells the version.\n"
    "\n"
    "Exit codes:\n"
    "  0   done, and everything held\n"
    "  1   an invariant was violated (safety)\n"
    "  2   usage or bad input; nothing was changed\n"
    "  3   no progress after the faults stopped (liveness)\n"
    "  4   the environment failed: port taken, disk full, permission\n"
    "  70  a broken invariant of the program itself\n";

static const struct {
    const char *word;
    char *name; /* what it is to call itself; main's argv is not const */
    int (*run)(int argc, char **argv);
} COMMANDS[] = {
    {"bank", (char[]){"cohort bank"}, bank_main},
    {"customer", (char[]){"cohort customer"}, customer_main},
    {"state", (char[]){"cohort state"}, state_main},
    {"sim", (char[]){"cohort sim"}, sim_main},
    {"check", (char[]){"cohort check"}, check_main},
    {"replay", (char[]){"cohort replay"}, replay_main},
    {"diff", (char[]){"cohort diff"}, diff_main},
    {"shrink", (char[]){"cohort shrink"}, shrink_main},
    {"explore", (char[]){"cohort explore"}, explore_main},
};

/* The core's own, which only aborts, is weak. */
_Noreturn void panic(const char *file, int line, const char *what, int64_t found, int64_t expected)
{
    fprintf(stderr,
            "cohort: broken invariant at %s:%d: %s (found %" PRId64 ", expected %" PRId64 ")\n",
            file, line, what, found, expected);
    if (panic_last_words != NULL)
        panic_last_words();
    _exit(EXIT_INTERNAL);
}

/* A socket must not become stdin because that was closed. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            _exit(EXIT_ENVIRONMENT);
    }
}

int main(int argc, char **argv)
{
    open_standard_streams();
    signal(SIGXFSZ, SIG_IGN); /* a limit to the size of files is an error like others */
    setlocale(LC_CTYPE, "");
    if (argc < 2)
        return options_fail(EXIT_USAGE, "cohort", "a command is needed (try --help)");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(HELP, stdout);
        return options_flush("cohort", EXIT_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("cohort " COHORT_VERSION);
        return options_flush("cohort", EXIT_DONE);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
        if (strcmp(argv[1], COMMANDS[i].word) != 0)
            continue;
        argv[1] = COMMANDS[i].name;
        return COMMANDS[i].run(argc - 1, argv + 1);
    }
    return options_fail(EXIT_USAGE, "cohort", "unknown command '%s' (try --help)", argv[1]);
}
