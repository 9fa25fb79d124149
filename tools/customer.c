/* `cohort customer`: one customer process. */
#include <string.h>

#include "net/driver.h"
#include "net/statedir.h"
#include "tools/commands.h"
#include "tools/console.h"
#include "tools/options.h"

static const char HELP[] =
    "Usage: cohort customer --bank ADDR:PORT --port1 P --port2 P [OPTION]...\n"
    "Runs one customer: opens an account at the bank, and moves money within a cohort.\n"
    "\n"
    "  --bank ADDR:PORT   where the bank serves\n"
    "  --port1 P          UDP port to the bank, 8500 to 8999\n"
    "  --port2 P          UDP port to the other customers, likewise\n"
    "                     (these three are asked for on a terminal)\n"
    "  --bind ADDR        address of both (default 127.0.0.1)\n"
    "  --advertise ADDR[:PORT1:PORT2]\n"
    "                     what others are told instead, behind NAT or a proxy\n"
    "  --state DIR        where this customer's checkpoints live, made by `open`\n"
    "                     (default cohort-state/NAME)\n"
    "  --name NAME        resumes that account after a stop or a crash: from its state, or, when "
    "it\n"
    "                     has none here and is in no cohort, from its row at the bank\n"
    "  --cash restore|commit\n"
    "                     may a rollback undo deposits and withdrawals? (default restore: yes)\n"
    "  --trace FILE       writes what happens as JSON Lines; with --name goes on with the trace "
    "that\n"
    "                     FILE holds\n"
    "  --trace-datagrams  ... and every datagram\n"
    "  --record FILE      records all that enters the core, in a new file, for `cohort replay`\n"
    "  --any-port         lifts the range of ports; port 0 takes a free one\n"
    "  --json             makes every line on stdout one JSON object\n"
    "  --help, --version\n"
    "\n"
    "Commands, one a line on stdin; `help` lists them. Each gives one line SUCCESS or FAILURE, in\n"
    "the order given; what happens by itself is one line EVENT. `exit` closes the account and "
    "ends\n"
    "the process. The end of input, SIGINT and SIGTERM end it too, and keep the account.\n"
    "\n"
    "With --json a line is {\"result\":\"success\",\"command\":WORD,...,\"text\":LINE}, or "
    "\"result\"\n"
    "is \"failure\" (then \"reason\"), \"event\" (\"event\":WORD instead of \"command\"), "
    "\"ready\"\n"
    "(then \"addresses\") or \"text\" (then \"lines\", for people). Amounts are integers of "
    "1/100.\n"
    "LINE is what the line is without --json.\n"
    "\n"
    "Examples:\n"
    "  cohort customer --bank 127.0.0.1:8600 --port1 8501 --port2 8502\n"
    "  cohort customer --bank 127.0.0.1:8600 --port1 8501 --port2 8502 --name alice\n"
    "  echo balance | cohort customer --bank 127.0.0.1:8600 --port1 8501 --port2 8502 --name bob\n"
    "\n"
    "Exit codes: 0 done, 2 usage, or the account cannot be resumed, 4 the environment failed "
    "(port\n"
    "taken, disk full, ...), 70 the program itself broke.\n";

static const char CONSOLE_HELP[] =
    "open [NAME] BALANCE [IP PORT1 PORT2]  opens an account, by default this process's\n"
    "exit [NAME]                           closes it; with its own the process ends\n"
    "new-cohort [NAME] N                   forms a cohort of N customers, NAME among them\n"
    "delete-cohort [NAME]                  dissolves the cohort that NAME is in\n"
    "deposit AMOUNT                        pays in\n"
    "withdrawal AMOUNT                     pays out\n"
    "transfer AMOUNT RECEIVER              to another member of the cohort\n"
    "lost-transfer AMOUNT RECEIVER         likewise, but the network loses it for good\n"
    "checkpoint                            makes what happened so far permanent\n"
    "rollback                              undoes what happened since the last checkpoint\n"
    "balance                               tells the balance\n"
    "status                                tells the state of this process, and whom it waits "
    "for\n";

enum { IDLE_WAIT_MS = 2000, IDLE_POLL_MS = 10 };

typedef struct Flags {
    char *bank;
    char *port1;
    char *port2;
    char *bind;
    char *advertise;
    char *state;
    char *name;
    char *cash;
    char *trace;
    char *record;
    gboolean trace_datagrams;
    gboolean any_port;
    gboolean json;
} Flags;

/* The flags, understood. */
typedef struct Plan {
    const char *command; /* to call itself by */
    const Flags *flags;
    Address bind1;
    Address bind2;
    Address advertised1; /* 0: as bound */
    Address advertised2;
    CustomerConfig config;
} Plan;

/* What a customer goes on from. */
typedef struct State {
    StateDir *dir; /* NULL: there is none yet */
    Store *store;
    Shelf *stored;
} State;

typedef struct Holder {
    const Plan *plan;
    State *state;
    Customer *customer;
    Driver *driver;
    Console *console;
    Name name;          /* in the prompt */
    GPtrArray *members; /* of the cohort, by name: for completion */
    bool resuming;      /* the bank has not answered yet */
    guint idle_poll;    /* source */
    int idle_wait_ms;   /* left */
} Holder;

/* --- console --- */

static bool answer_status(void *user, const char *argument, GString *out)
{
    (void)argument;
    customer_describe(((Holder *)user)->customer, out);
    return true;
}

static const ConsoleWord WORDS[] = {{"status", NULL, answer_status, false}};

static void append_names(void *user, GPtrArray *names)
{
    const GPtrArray *members = ((Holder *)user)->members;
    for (guint i = 0; i < members->len; i++)
        g_ptr_array_add(names, g_strdup(g_ptr_array_index(members, i)));
}

static void on_command(void *user, const Command *command)
{
    driver_command(((Holder *)user)->driver, command);
}

/* After the end of input: what was set going gets a little time to come to rest. */
static gboolean on_idle_poll(gpointer user)
{
    Holder *holder = user;
    char why[256];
    if (holder->resuming)
        return G_SOURCE_CONTINUE;
    holder->idle_wait_ms -= IDLE_POLL_MS;
    if (holder->idle_wait_ms > 0 && !customer_idle(holder->customer, why, sizeof why))
        return G_SOURCE_CONTINUE;
    holder->idle_poll = 0;
    driver_stop(holder->driver, EXIT_DONE);
    return G_SOURCE_REMOVE;
}

static void on_finished(void *user, bool quit)
{
    (void)quit;
    Holder *holder = user;
    holder->idle_wait_ms = IDLE_WAIT_MS;
    holder->idle_poll = g_timeout_add(IDLE_POLL_MS, on_idle_poll, holder);
}

/* --- notices --- */

static void follow_name(Holder *holder)
{
    const Name *name = customer_name(holder->customer);
    if (name->text[0] == '\0' || name_equal(name, &holder->name))
        return;
    holder->name = *name;
    console_set_prompt(holder->console, name->text);
}

static void follow_members(Holder *holder, const Notice *notice)
{
    if (notice->kind != NOTICE_JOINED && notice->kind != NOTICE_LEFT)
        return;
    g_ptr_array_set_size(holder->members, 0);
    for (size_t i = 0; i < notice->member_count; i++)
        g_ptr_array_add(holder->members, g_strdup(notice->members[i].name.text));
}

static void on_notice(void *user, const Notice *notice)
{
    Holder *holder = user;
    bool refused = notice->kind == NOTICE_FAILURE && notice->command == COMMAND_RESUME;
    follow_name(holder);
    follow_members(holder, notice);
    console_notice(holder->console, notice);
    if (refused || notice->kind == NOTICE_RESUMED)
        holder->resuming = false;
    if (refused)
        driver_stop(holder->driver,
                    notice->refusal == REFUSAL_BANK_SILENT ? EXIT_ENVIRONMENT : EXIT_USAGE);
}

/* --- the state --- */

/* Where it is; NULL: not known before there is an account. g_free it. */
static char *state_path(const Plan *plan)
{
    if (plan->flags->state != NULL)
        return g_strdup(plan->flags->state);
    return plan->flags->name != NULL ? statedir_default(&plan->config.resume) : NULL;
}

/* Opens the directory and loads the customer, if there is anything yet; EXIT_DONE, or how to end,
 * and all is said. */
static int load(const Plan *plan, Customer *customer, State *state)
{
    g_autoptr(GString) error = g_string_new(NULL);
    g_autoptr(GString) warning = g_string_new(NULL);
    g_autofree char *path = state_path(plan);
    StateUse use = plan->flags->name != NULL ? STATE_RESUME : STATE_FRESH;
    if (path == NULL)
        return EXIT_DONE;
    int code = statedir_open(path, use, false, &state->dir, state->stored, error, warning);
    if (warning->len > 0)
        options_fail(EXIT_DONE, plan->command, "%s", warning->str);
    LoadResult result = code == 0 ? customer_load(customer, state->stored) : LOAD_OK;
    if (result == LOAD_WRONG_NAME)
        return options_fail(EXIT_USAGE, plan->command,
                            "%s holds the state of another account than %s: name that one, or "
                            "another directory with --state",
                            path, plan->flags->name);
    if (result == LOAD_DAMAGED)
        return options_fail(EXIT_ENVIRONMENT, plan->command,
                            "%s is damaged, its records do not fit together: restore the whole "
                            "directory from a copy made after its last run, as an older one would "
                            "falsify balances; it is left as it is",
                            path);
    if (code == 0 && state->dir != NULL)
        code = statedir_begin(state->dir, &state->store, error);
    return code == 0 ? EXIT_DONE : options_fail(EXIT_ENVIRONMENT, plan->command, "%s", error->str);
}

/* There is something to save for the first time: makes the directory. */
static Store *attach(void *user, GString *error)
{
    Holder *holder = user;
    State *state = holder->state;
    g_autoptr(GString) warning = g_string_new(NULL);
    g_autofree char *path = state_path(holder->plan);
    if (path == NULL)
        path = statedir_default(customer_name(holder->customer));
    if (statedir_open(path, STATE_FRESH, true, &state->dir, state->stored, error, warning) == 0)
        statedir_begin(state->dir, &state->store, error);
    return state->store;
}

/* --- running --- */

static int serve(const Plan *plan, State *state, const DriverConfig *driver)
{
    Holder holder = {.plan = plan,
                     .state = state,
                     .customer = driver->customer,
                     .members = g_ptr_array_new_with_free_func(g_free),
                     .resuming = plan->flags->name != NULL};
    DriverConfig config = *driver;
    config.notify = on_notice;
    config.attach = attach;
    config.user = &holder;
    holder.driver = driver_new(&config);
    holder.console = console_new(&(ConsoleConfig){.place = PLACE_CUSTOMER,
                                                  .json = plan->flags->json,
                                                  .prompt = "customer",
                                                  .help = CONSOLE_HELP,
                                                  .words = WORDS,
                                                  .word_count = G_N_ELEMENTS(WORDS),
                                                  .command = on_command,
                                                  .finished = on_finished,
                                                  .names = append_names,
                                                  .user = &holder});
    Address addresses[] = {udp_address(config.bank_port), udp_address(config.peer_port)};
    console_ready(holder.console, "customer", addresses, G_N_ELEMENTS(addresses));
    driver_start(holder.driver);
    g_autoptr(GString) error = g_string_new(NULL);
    int exit_code = driver_run(holder.driver, error);
    console_free(holder.console);
    driver_free(holder.driver);
    if (holder.idle_poll != 0)
        g_source_remove(holder.idle_poll);
    g_ptr_array_unref(holder.members);
    return error->len > 0 ? options_fail(exit_code, plan->command, "%s", error->str) : exit_code;
}

/* With the state loaded: the trace, then the rest. */
static int trace_and_serve(const Plan *plan, State *state, const DriverConfig *driver)
{
    DriverConfig config = *driver;
    ShelfRecord carried;
    config.trace_stored = shelf_get(state->stored, SLOT_TRACE, 0, &carried);
    config.store = state->store;
    int exit_code =
        options_trace(plan->command,
                      &(TracefileConfig){.path = plan->flags->trace,
                                         .datagrams = plan->flags->trace_datagrams,
                                         .resume = plan->flags->name != NULL,
                                         .process = plan->flags->name,
                                         .role = "customer",
                                         .seed = plan->config.seed,
                                         .cash_commits = plan->config.cash == CASH_COMMIT,
                                         .carried = carried.bytes,
                                         .carried_length = carried.length},
                      &config.trace);
    if (exit_code == EXIT_DONE)
        exit_code = serve(plan, state, &config);
    tracefile_close(config.trace);
    return exit_code;
}

/* With sockets and recording open: the state, then the rest. */
static int load_and_serve(Plan *plan, Udp *bank_port, Udp *peer_port, Recorder *recorder)
{
    CustomerConfig *config = &plan->config;
    config->client = options_random();
    config->seed = options_random();
    config->ip = plan->advertised1.ip;
    config->port1 =
        plan->advertised1.port != 0 ? plan->advertised1.port : udp_address(bank_port).port;
    config->port2 =
        plan->advertised2.port != 0 ? plan->advertised2.port : udp_address(peer_port).port;

    Customer *customer = customer_new(config);
    State state = {.stored = shelf_new()};
    int exit_code = load(plan, customer, &state);
    if (exit_code == EXIT_DONE) {
        recorder_begin(recorder, &(RecordingHeader){.role = RECORDING_CUSTOMER,
                                                    .customer = *config,
                                                    .stored = state.stored});
        exit_code = trace_and_serve(plan, &state,
                                    &(DriverConfig){.customer = customer,
                                                    .bank_port = bank_port,
                                                    .peer_port = peer_port,
                                                    .recorder = recorder});
    }
    statedir_close(state.dir);
    shelf_free(state.stored);
    customer_free(customer);
    return exit_code;
}

static int open_and_serve(Plan *plan)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Udp *bank_port = udp_open(plan->bind1, error);
    Udp *peer_port = bank_port != NULL ? udp_open(plan->bind2, error) : NULL;
    Recorder *recorder = NULL;
    int exit_code = peer_port != NULL
                        ? options_record(plan->command, plan->flags->record, &recorder)
                        : options_fail(EXIT_ENVIRONMENT, plan->command, "%s", error->str);
    if (exit_code == EXIT_DONE)
        exit_code = load_and_serve(plan, bank_port, peer_port, recorder);
    recorder_close(recorder);
    udp_close(bank_port);
    udp_close(peer_port);
    return exit_code;
}

/* --- flags --- */

/* ADDR[:PORT1:PORT2] */
static bool parse_advertised(const char *text, Plan *plan)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", -1);
    guint count = g_strv_length(parts);
    bool good = (count == 1 || count == 3) && ip_parse(parts[0], &plan->advertised1.ip);
    if (good && count == 3)
        good = port_parse(parts[1], &plan->advertised1.port) &&
               port_parse(parts[2], &plan->advertised2.port) &&
               plan->advertised1.port != plan->advertised2.port;
    return good;
}

static bool understand_addresses(Plan *plan)
{
    const Flags *flags = plan->flags;
    if (!options_address(plan->command, "--bank", flags->bank, &plan->config.bank) ||
        !options_port(plan->command, "--port1", flags->port1, flags->any_port, &plan->bind1.port) ||
        !options_port(plan->command, "--port2", flags->port2, flags->any_port, &plan->bind2.port) ||
        !options_ip(plan->command, "--bind", flags->bind != NULL ? flags->bind : "127.0.0.1",
                    &plan->bind1.ip))
        return false;
    plan->bind2.ip = plan->advertised1.ip = plan->bind1.ip;
    const char *reason = NULL;
    if (plan->bind1.port == plan->bind2.port && plan->bind1.port != 0)
        reason = "--port1 and --port2 must differ";
    else if (flags->advertise != NULL && !parse_advertised(flags->advertise, plan))
        reason = "--advertise: must be ADDR or ADDR:PORT1:PORT2, two ports";
    else if (plan->advertised1.ip == 0)
        reason = "nobody can reach 0.0.0.0: say with --advertise what others are to be told";
    if (reason != NULL)
        options_fail(EXIT_USAGE, plan->command, "%s", reason);
    return reason == NULL;
}

static bool files_differ(const Plan *plan)
{
    g_autofree char *state = state_path(plan);
    const FileUse uses[] = {
        {"--state", state}, {"--trace", plan->flags->trace}, {"--record", plan->flags->record}};
    return options_files_differ(plan->command, uses, G_N_ELEMENTS(uses));
}

static int run(const char *command, const Flags *flags)
{
    Plan plan = {.command = command, .flags = flags, .config.retries = RETRIES_UNLIMITED};
    if (flags->name != NULL && !name_set(&plan.config.resume, flags->name))
        return options_fail(EXIT_USAGE, command,
                            "--name %s: must be a letter, then letters, digits, - or _, at most 31 "
                            "in all",
                            flags->name);
    if (flags->state != NULL && flags->state[0] == '\0')
        return options_fail(EXIT_USAGE, command,
                            "--state: must be a folder, such as cohort-state/NAME");
    if (flags->cash != NULL && strcmp(flags->cash, "commit") == 0)
        plan.config.cash = CASH_COMMIT;
    else if (flags->cash != NULL && strcmp(flags->cash, "restore") != 0)
        return options_fail(EXIT_USAGE, command, "--cash %s: must be restore or commit",
                            flags->cash);
    return files_differ(&plan) && understand_addresses(&plan) ? open_and_serve(&plan) : EXIT_USAGE;
}

int customer_main(int argc, char **argv)
{
    Flags flags = {0};
    const GOptionEntry entries[] = {
        {"bank", 0, 0, G_OPTION_ARG_STRING, &flags.bank, NULL, NULL},
        {"port1", 0, 0, G_OPTION_ARG_STRING, &flags.port1, NULL, NULL},
        {"port2", 0, 0, G_OPTION_ARG_STRING, &flags.port2, NULL, NULL},
        {"bind", 0, 0, G_OPTION_ARG_STRING, &flags.bind, NULL, NULL},
        {"advertise", 0, 0, G_OPTION_ARG_STRING, &flags.advertise, NULL, NULL},
        {"state", 0, 0, G_OPTION_ARG_FILENAME, &flags.state, NULL, NULL},
        {"name", 0, 0, G_OPTION_ARG_STRING, &flags.name, NULL, NULL},
        {"cash", 0, 0, G_OPTION_ARG_STRING, &flags.cash, NULL, NULL},
        {"trace", 0, 0, G_OPTION_ARG_FILENAME, &flags.trace, NULL, NULL},
        {"record", 0, 0, G_OPTION_ARG_FILENAME, &flags.record, NULL, NULL},
        {"trace-datagrams", 0, 0, G_OPTION_ARG_NONE, &flags.trace_datagrams, NULL, NULL},
        {"any-port", 0, 0, G_OPTION_ARG_NONE, &flags.any_port, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &flags.json, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    char **const texts[] = {&flags.bank,  &flags.port1, &flags.port2, &flags.bind,
                            &flags.state, &flags.name,  &flags.cash,  &flags.advertise,
                            &flags.trace, &flags.record};
    int exit_code;
    const char *command = argv[0];
    if (options_parse(entries, HELP, argc, argv, &exit_code))
        exit_code = run(command, &flags);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(*texts[i]);
    return exit_code;
}
