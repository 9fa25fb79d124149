/* `cohort bank`: the bank process. */
#include <errno.h>

#include "net/driver.h"
#include "net/folder.h"
#include "tools/commands.h"
#include "tools/console.h"
#include "tools/input.h"
#include "tools/options.h"

static const char HELP[] =
    "Usage: cohort bank --port P [OPTION]...\n"
    "Runs the bank: the registry of customers and cohorts.\n"
    "\n"
    "  --port P           UDP port to serve on, 8500 to 8999 (asked for on a terminal)\n"
    "  --bind ADDR        address to serve on (default 127.0.0.1)\n"
    "  --data FILE        the customers, as CSV (default data.csv, made when missing);\n"
    "                     FILE.journal beside it belongs to it: keep the two together\n"
    "  --seed N           makes the choice of cohort members repeatable\n"
    "  --trace FILE       writes what happens as JSON Lines, behind what a bank has written "
    "there\n"
    "  --trace-datagrams  ... and every datagram\n"
    "  --record FILE      records all that enters the core, in a new file, for `cohort replay`\n"
    "  --any-port         lifts the range of ports; port 0 takes a free one\n"
    "  --json             makes every line on stdout one JSON object\n"
    "  --help, --version\n"
    "\n"
    "Commands, one a line on stdin; `help` lists them. Each gives one line SUCCESS or FAILURE.\n"
    "The bank serves until `quit`, SIGINT or SIGTERM; the end of a pipe does not stop it.\n"
    "\n"
    "With --json a line is {\"result\":\"success\",\"command\":WORD,...,\"text\":LINE}, or "
    "\"result\"\n"
    "is \"failure\" (then \"reason\"), \"ready\" (then \"addresses\") or \"text\" (then \"lines\", "
    "for\n"
    "people). Amounts are integers of 1/100. LINE is what the line is without --json.\n"
    "\n"
    "Examples:\n"
    "  cohort bank --port 8600\n"
    "  cohort bank --port 8600 --bind 192.0.2.1 --data branch.csv --trace bank.jsonl\n"
    "\n"
    "Exit codes: 0 done, 2 usage or a bad row in FILE, 4 the environment failed (port taken, disk\n"
    "full, ...), 70 the program itself broke.\n";

static const char CONSOLE_HELP[] =
    "open NAME BALANCE IP PORT1 PORT2  opens the account of the customer process at IP:PORT1\n"
    "exit NAME                         closes it\n"
    "new-cohort NAME N                 forms a cohort of N customers, NAME among them\n"
    "delete-cohort NAME                dissolves the cohort that NAME is in\n"
    "list                              shows all customers\n"
    "show NAME                         shows one\n"
    "quit                              stops the bank; nothing is lost\n";

static const char DATA_DEFAULT[] = "data.csv";

typedef struct Flags {
    char *port;
    char *bind;
    char *data;
    char *seed;
    char *trace;
    char *record;
    gboolean trace_datagrams;
    gboolean any_port;
    gboolean json;
} Flags;

typedef struct Teller {
    Bank *bank;
    Driver *driver;
    Console *console;
} Teller;

/* --- the console's words --- */

static void append_row(GString *out, const BankRow *row)
{
    char balance[MONEY_TEXT_MAX];
    char address[ADDRESS_TEXT_MAX];
    g_string_append_printf(out, "%-12s %12s  %s %u", row->name.text,
                           money_text(row->balance, balance),
                           address_text((Address){row->ip, row->port1}, address), row->port2);
    if (row->cohort != 0)
        g_string_append_printf(out, "  cohort %" G_GUINT64_FORMAT, row->cohort);
    g_string_append(out, row->exited ? "  exited\n" : "\n");
}

static bool answer_list(void *user, const char *argument, GString *out)
{
    (void)argument;
    const Bank *bank = ((Teller *)user)->bank;
    size_t count = bank_row_count(bank);
    g_string_append_printf(out, "customers: %zu; balances as last made permanent\n", count);
    for (size_t i = 0; i < count; i++) {
        BankRow row = bank_row(bank, i);
        append_row(out, &row);
    }
    return true;
}

static bool answer_show(void *user, const char *argument, GString *out)
{
    Name name;
    BankRow row;
    bool found = name_set(&name, argument) && bank_find(((Teller *)user)->bank, &name, &row);
    if (found)
        append_row(out, &row);
    else
        g_string_append(out, "no customer has that name; look at `list`");
    return found;
}

static const ConsoleWord WORDS[] = {{"list", NULL, answer_list, true},
                                    {"show", "NAME", answer_show, true}};

static void append_names(void *user, GPtrArray *names)
{
    const Bank *bank = ((Teller *)user)->bank;
    for (size_t i = 0; i < bank_row_count(bank); i++) {
        BankRow row = bank_row(bank, i);
        g_ptr_array_add(names, g_strdup(row.name.text));
    }
}

/* --- between console and driver --- */

static void on_command(void *user, const Command *command)
{
    driver_command(((Teller *)user)->driver, command);
}

static void on_finished(void *user, bool quit)
{
    /* A bank in the background, its stdin at its end, goes on serving. */
    if (quit || input_is_terminal())
        driver_stop(((Teller *)user)->driver, EXIT_DONE);
}

static void on_notice(void *user, const Notice *notice)
{
    console_notice(((Teller *)user)->console, notice);
}

/* --- running --- */

static int serve(const char *command, const Flags *flags, const DriverConfig *driver)
{
    Teller teller = {.bank = driver->bank};
    DriverConfig config = *driver;
    config.notify = on_notice;
    config.user = &teller;
    teller.driver = driver_new(&config);
    teller.console = console_new(&(ConsoleConfig){.place = PLACE_BANK,
                                                  .json = flags->json,
                                                  .prompt = "bank",
                                                  .help = CONSOLE_HELP,
                                                  .words = WORDS,
                                                  .word_count = G_N_ELEMENTS(WORDS),
                                                  .quits = true,
                                                  .command = on_command,
                                                  .finished = on_finished,
                                                  .names = append_names,
                                                  .user = &teller});
    Address address = udp_address(config.bank_port);
    console_ready(teller.console, "bank", &address, 1);
    driver_start(teller.driver);
    g_autoptr(GString) error = g_string_new(NULL);
    int exit_code = driver_run(teller.driver, error);
    console_free(teller.console);
    driver_free(teller.driver);
    return error->len > 0 ? options_fail(exit_code, command, "%s", error->str) : exit_code;
}

/* The bank as it was loaded. */
static void begin_recording(Recorder *recorder, const Bank *bank, const BankConfig *config)
{
    if (recorder == NULL)
        return;
    Coder state = coder_encode_growing();
    bank_encode(bank, &state);
    recorder_begin(recorder, &(RecordingHeader){.role = RECORDING_BANK,
                                                .bank = *config,
                                                .bank_state = state.bytes,
                                                .bank_state_length = state.length});
    coder_deinit(&state);
}

/* With the ledger loaded: the rest. */
static int trace_and_serve(const char *command, const Flags *flags, const DriverConfig *driver,
                           uint64_t seed)
{
    DriverConfig config = *driver;
    int exit_code = options_trace(command,
                                  &(TracefileConfig){.path = flags->trace,
                                                     .datagrams = flags->trace_datagrams,
                                                     .resume = true,
                                                     .role = "bank",
                                                     .seed = seed},
                                  &config.trace);
    if (exit_code == EXIT_DONE)
        exit_code = serve(command, flags, &config);
    tracefile_close(config.trace);
    return exit_code;
}

/* 0, or an exit code and all is said. */
static int load(const char *command, Ledger *ledger, Bank *bank)
{
    g_autoptr(GString) error = g_string_new(NULL);
    g_autoptr(GString) warning = g_string_new(NULL);
    int code = ledger_load(ledger, bank, error, warning);
    if (code < 0 && code != DISK_MISSING) /* which has its own */
        g_string_append(error, FOLDER_ADVICE);
    if (warning->len > 0)
        options_fail(EXIT_DONE, command, "%s", warning->str);
    return code == 0 ? EXIT_DONE
                     : options_fail(code == LEDGER_BAD_CSV ? EXIT_USAGE : EXIT_ENVIRONMENT, command,
                                    "%s", error->str);
}

/* The CSV's folder, kept to this bank. NULL: all is said. */
static Folder *hold_folder(const char *command, const char *path, char **csv_name)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Folder *folder = NULL;
    int code = folder_open_of(path, &folder, csv_name, error);
    if (code == 0) {
        g_autofree char *lock_name = g_strconcat(*csv_name, ".lock", NULL);
        code = folder_lock(folder, lock_name, error);
    }
    if (code == 0)
        return folder;
    if (code == -EWOULDBLOCK)
        g_string_printf(
            error, "%s is in use by another bank: stop that one, or name another --data", path);
    options_fail(EXIT_ENVIRONMENT, command, "%s", error->str);
    folder_free(folder);
    return NULL;
}

/* With socket and recording open: the ledger, then the rest. */
static int load_and_serve(const char *command, const Flags *flags, uint64_t seed, Udp *udp,
                          Recorder *recorder)
{
    const char *path = flags->data != NULL ? flags->data : DATA_DEFAULT;
    g_autofree char *csv_name = NULL;
    Folder *folder = hold_folder(command, path, &csv_name);
    if (folder == NULL)
        return EXIT_ENVIRONMENT;
    const BankConfig bank_config = {.seed = seed, .any_port = flags->any_port};
    Bank *bank = bank_new(&bank_config);
    Ledger *ledger = ledger_new(folder_disk(folder), csv_name, path);
    int exit_code = load(command, ledger, bank);
    if (exit_code == EXIT_DONE) {
        const DriverConfig config = {
            .bank = bank, .ledger = ledger, .bank_port = udp, .recorder = recorder};
        begin_recording(recorder, bank, &bank_config);
        exit_code = trace_and_serve(command, flags, &config, seed);
    }
    ledger_free(ledger);
    bank_free(bank);
    folder_free(folder);
    return exit_code;
}

static bool files_differ(const char *command, const Flags *flags)
{
    const char *data = flags->data != NULL ? flags->data : DATA_DEFAULT;
    g_autofree char *journal = g_strconcat(data, ".journal", NULL);
    g_autofree char *lock = g_strconcat(data, ".lock", NULL);
    const FileUse uses[] = {{"--data", data},
                            {"the journal of --data", journal},
                            {"the lock of --data", lock},
                            {"--trace", flags->trace},
                            {"--record", flags->record}};
    return options_files_differ(command, uses, G_N_ELEMENTS(uses));
}

static int run(const char *command, const Flags *flags)
{
    uint64_t seed = 0;
    Address address = {0};
    if (flags->data != NULL && flags->data[0] == '\0')
        return options_fail(EXIT_USAGE, command, "--data: must be a file, such as %s",
                            DATA_DEFAULT);
    if (flags->data != NULL && g_file_test(flags->data, G_FILE_TEST_IS_DIR))
        return options_fail(EXIT_ENVIRONMENT, command, "%s is a folder: name a file with --data",
                            flags->data);
    if (flags->data != NULL && g_file_test(flags->data, G_FILE_TEST_EXISTS) &&
        !g_file_test(flags->data, G_FILE_TEST_IS_REGULAR))
        return options_fail(EXIT_ENVIRONMENT, command,
                            "%s is a device or a pipe: name a file with --data", flags->data);
    if (flags->seed == NULL)
        seed = options_random();
    else if (!number_parse(flags->seed, &seed))
        return options_fail(EXIT_USAGE, command, "--seed %s: must be a whole number", flags->seed);
    if (!files_differ(command, flags) ||
        !options_ip(command, "--bind", flags->bind != NULL ? flags->bind : "127.0.0.1",
                    &address.ip) ||
        !options_port(command, "--port", flags->port, flags->any_port, &address.port))
        return EXIT_USAGE;

    g_autoptr(GString) error = g_string_new(NULL);
    Udp *udp = udp_open(address, error);
    if (udp == NULL)
        return options_fail(EXIT_ENVIRONMENT, command, "%s", error->str);
    Recorder *recorder;
    int exit_code = options_record(command, flags->record, &recorder);
    if (exit_code == EXIT_DONE)
        exit_code = load_and_serve(command, flags, seed, udp, recorder);
    recorder_close(recorder);
    udp_close(udp);
    return exit_code;
}

int bank_main(int argc, char **argv)
{
    Flags flags = {0};
    const GOptionEntry entries[] = {
        {"port", 0, 0, G_OPTION_ARG_STRING, &flags.port, NULL, NULL},
        {"bind", 0, 0, G_OPTION_ARG_STRING, &flags.bind, NULL, NULL},
        {"data", 0, 0, G_OPTION_ARG_FILENAME, &flags.data, NULL, NULL},
        {"seed", 0, 0, G_OPTION_ARG_STRING, &flags.seed, NULL, NULL},
        {"trace", 0, 0, G_OPTION_ARG_FILENAME, &flags.trace, NULL, NULL},
        {"record", 0, 0, G_OPTION_ARG_FILENAME, &flags.record, NULL, NULL},
        {"trace-datagrams", 0, 0, G_OPTION_ARG_NONE, &flags.trace_datagrams, NULL, NULL},
        {"any-port", 0, 0, G_OPTION_ARG_NONE, &flags.any_port, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &flags.json, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    int exit_code;
    const char *command = argv[0];
    if (options_parse(entries, HELP, argc, argv, &exit_code))
        exit_code = run(command, &flags);
    g_free(flags.port);
    g_free(flags.bind);
    g_free(flags.data);
    g_free(flags.seed);
    g_free(flags.trace);
    g_free(flags.record);
    return exit_code;
}
