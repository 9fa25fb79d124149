#include "tools/options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/planted.h"
#include "sim/value.h"

enum { JOBS_MAX = 1024 };

void (*panic_last_words)(void);

int options_fail(int exit_code, const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *reason = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", command, reason);
    return exit_code;
}

bool options_parse(const GOptionEntry *entries, const char *help, int argc, char **argv,
                   int *exit_code)
{
    gboolean help_wanted = FALSE;
    gboolean version_wanted = FALSE;
    const GOptionEntry common[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, &help_wanted, NULL, NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &version_wanted, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, common, NULL);

    g_autoptr(GError) error = NULL;
    *exit_code = EXIT_DONE;
    if (!g_option_context_parse(context, &argc, &argv, &error))
        *exit_code = options_fail(EXIT_USAGE, argv[0], "%s (try --help)", error->message);
    else if (help_wanted)
        fputs(help, stdout);
    else if (version_wanted)
        puts("cohort " COHORT_VERSION);
    else if (argc > 1)
        *exit_code =
            options_fail(EXIT_USAGE, argv[0], "unexpected argument '%s' (try --help)", argv[1]);
    else
        return true;
    return false;
}

/* --- values --- */

/* NULL, or why the text is not a value. */
typedef const char *(*Parse)(const char *text, bool any_port, void *value);

static const char *parse_port(const char *text, bool any_port, void *value)
{
    uint64_t number;
    if (!number_parse(text, &number) || number > UINT16_MAX)
        return "must be a port number";
    if (!any_port && (number < PORT_FIRST || number > PORT_LAST))
        return "must be a port from 8500 to 8999; --any-port lifts the range";
    *(uint16_t *)value = (uint16_t)number;
    return NULL;
}
static_assert(PORT_FIRST == 8500 && PORT_LAST == 8999, "parse_port says so");

static const char *parse_address(const char *text, bool any_port, void *value)
{
    (void)any_port;
    return address_parse(text, value) ? NULL : "must be ADDR:PORT, such as 127.0.0.1:8600";
}

static const char *parse_ip(const char *text, bool any_port, void *value)
{
    (void)any_port;
    return ip_parse(text, value) ? NULL : "must be an IPv4 address, such as 127.0.0.1";
}

/* What the user answers, to be freed; NULL at the end of input. */
static char *ask(const char *flag)
{
    char line[256];
    fprintf(stderr, "%s: ", flag + strlen("--"));
    return fgets(line, sizeof line, stdin) != NULL ? g_strdup(g_strstrip(line)) : NULL;
}

static bool read_value(const char *command, const char *flag, const char *text, Parse parse,
                       bool any_port, void *value)
{
    if (text != NULL) {
        const char *reason = parse(text, any_port, value);
        if (reason != NULL)
            options_fail(EXIT_USAGE, command, "%s %s: %s", flag, text, reason);
        return reason == NULL;
    }
    while (isatty(STDIN_FILENO)) {
        g_autofree char *answer = ask(flag);
        if (answer == NULL)
            break;
        const char *reason = parse(answer, any_port, value);
        if (reason == NULL)
            return true;
        fprintf(stderr, "%s\n", reason);
    }
    options_fail(EXIT_USAGE, command, "%s is needed (try --help)", flag);
    return false;
}

bool options_port(const char *command, const char *flag, const char *text, bool any_port,
                  uint16_t *port)
{
    return read_value(command, flag, text, parse_port, any_port, port);
}

bool options_address(const char *command, const char *flag, const char *text, Address *address)
{
    return read_value(command, flag, text, parse_address, false, address);
}

bool options_ip(const char *command, const char *flag, const char *text, uint32_t *ip)
{
    return read_value(command, flag, text, parse_ip, false, ip);
}

/* --- of those who search and simulate --- */

const char *options_budget(const char *text, uint64_t *budget_ns)
{
    *budget_ns = 0;
    if (text != NULL && (value_parse_time(text, budget_ns) != NULL || *budget_ns == 0))
        return "--budget must be a time such as 30s or 5m";
    return NULL;
}

const char *options_jobs(const char *text, unsigned *jobs)
{
    uint64_t number = g_get_num_processors();
    if (text != NULL && (!number_parse(text, &number) || number < 1 || number > JOBS_MAX))
        return "--jobs must be a number from 1 to 1024";
    *jobs = (unsigned)number;
    return NULL;
}
static_assert(JOBS_MAX == 1024, "options_jobs says so");

bool options_plant(const char *command, const char *name, int *exit_code)
{
    *exit_code = EXIT_DONE;
#ifdef COHORT_PLANTED_FAULTS
    if (name != NULL && strcmp(name, "list") == 0) {
        for (int fault = PLANTED_NONE + 1; fault < PLANTED_KINDS; fault++)
            puts(planted_name((Planted)fault));
        return false;
    }
    if (name != NULL && !planted_choose(name)) {
        *exit_code =
            options_fail(EXIT_USAGE, command, "no planted fault '%s' (try --planted list)", name);
        return false;
    }
#else
    (void)command;
    (void)name;
#endif
    return true;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

const volatile sig_atomic_t *options_interruptible(void)
{
    const struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: poll ends */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &interrupted;
}

/* --- the environment --- */

/* Of files that are not there yet. */
static bool same_name(const char *left, const char *right)
{
    g_autofree char *left_folder = g_path_get_dirname(left);
    g_autofree char *right_folder = g_path_get_dirname(right);
    g_autofree char *left_base = g_path_get_basename(left);
    g_autofree char *right_base = g_path_get_basename(right);
    struct stat of_left;
    struct stat of_right;
    return strcmp(left_base, right_base) == 0 && stat(left_folder, &of_left) == 0 &&
           stat(right_folder, &of_right) == 0 && of_left.st_dev == of_right.st_dev &&
           of_left.st_ino == of_right.st_ino;
}

static bool same_file(const char *left, const char *right)
{
    struct stat of_left;
    struct stat of_right;
    bool left_there = stat(left, &of_left) == 0;
    bool right_there = stat(right, &of_right) == 0;
    if (!left_there || !right_there)
        return left_there == right_there && same_name(left, right);
    return !S_ISCHR(of_left.st_mode) && of_left.st_dev == of_right.st_dev &&
           of_left.st_ino == of_right.st_ino;
}

int options_flush(const char *command, int exit_code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == EXIT_DONE)
        return options_fail(EXIT_ENVIRONMENT, command, "standard output: cannot write");
    return exit_code;
}

bool options_is_stdout(const char *path)
{
    struct stat of_path;
    struct stat of_stdout;
    if (path == NULL || strcmp(path, "-") == 0)
        return path != NULL;
    return fstat(STDOUT_FILENO, &of_stdout) == 0 && S_ISREG(of_stdout.st_mode) &&
           stat(path, &of_path) == 0 && of_path.st_dev == of_stdout.st_dev &&
           of_path.st_ino == of_stdout.st_ino;
}

const char *options_output(const char *path)
{
    return options_is_stdout(path) ? "-" : path;
}

bool options_may_write(const char *command, const char *path)
{
    if (path == NULL || options_is_stdout(path))
        return true;
    g_autofree char *folder = g_path_get_dirname(path);
    bool exists = access(path, F_OK) == 0;
    if (!g_file_test(path, G_FILE_TEST_IS_DIR) && access(exists ? path : folder, W_OK) == 0)
        return true;
    options_fail(EXIT_ENVIRONMENT, command, "cannot write %s: %s", path,
                 g_strerror(g_file_test(path, G_FILE_TEST_IS_DIR) ? EISDIR : errno));
    return false;
}

bool options_files_differ(const char *command, const FileUse *uses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (uses[i].path == NULL || uses[j].path == NULL ||
                !same_file(uses[i].path, uses[j].path))
                continue;
            options_fail(EXIT_USAGE, command, "%s and %s are the same file, %s: name two",
                         uses[j].what, uses[i].what, uses[i].path);
            return false;
        }
    }
    return true;
}

/* Of a process whose standard output carries what it answers. */
static bool is_file(const char *command, const char *option, const char *path)
{
    if (!options_is_stdout(path))
        return true;
    options_fail(EXIT_USAGE, command, "standard output carries the answers: name a file with %s",
                 option);
    return false;
}

int options_trace(const char *command, const TracefileConfig *config, Tracefile **trace)
{
    *trace = NULL;
    if (config->path == NULL)
        return EXIT_DONE;
    if (!is_file(command, "--trace", config->path))
        return EXIT_USAGE;
    g_autoptr(GString) error = g_string_new(NULL);
    g_autoptr(GString) warning = g_string_new(NULL);
    int code = tracefile_open(config, trace, error, warning);
    if (warning->len > 0)
        options_fail(EXIT_DONE, command, "%s", warning->str);
    if (code == 0)
        return EXIT_DONE;
    return options_fail(code == TRACEFILE_FOREIGN ? EXIT_USAGE : EXIT_ENVIRONMENT, command, "%s",
                        error->str);
}

int options_record(const char *command, const char *path, Recorder **recorder)
{
    *recorder = NULL;
    if (path == NULL)
        return EXIT_DONE;
    if (!is_file(command, "--record", path))
        return EXIT_USAGE;
    g_autoptr(GString) error = g_string_new(NULL);
    int code = recorder_open(path, recorder, error);
    if (code == 0)
        return EXIT_DONE;
    return options_fail(code == RECORDER_EXISTS ? EXIT_USAGE : EXIT_ENVIRONMENT, command, "%s",
                        error->str);
}

uint64_t options_random(void)
{
    uint64_t number = 0;
    while (number == 0) {
        if (getrandom(&number, sizeof number, 0) != sizeof number)
            number = 0;
    }
    return number;
}
