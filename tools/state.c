/* `cohort state`: what a customer's state directory holds, for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/customer.h"
#include "core/store.h"
#include "net/folder.h"
#include "net/statedir.h"
#include "tools/commands.h"
#include "tools/effectwords.h"
#include "tools/options.h"
#include "tools/result.h"

static const char HELP[] =
    "Usage: cohort state [OPTION]... DIR\n"
    "Shows what the state directory DIR of a customer holds: what a start with --name would go on\n"
    "from. Changes nothing, and may be used while the customer runs: it then shows the last save.\n"
    "\n"
    "  --json     print one JSON object per line\n"
    "  --help     show this\n"
    "  --version  show the version\n"
    "\n"
    "Prints the file and how the last run ended; the account, its cohort and the channels to its\n"
    "members as `status` would after a start; and the records, with their sizes. With --json "
    "these\n"
    "are {\"state\":\"file\",...}, {\"state\":\"account\",...} and {\"state\":\"record\",...}; "
    "amounts "
    "are\n"
    "integers of 1/100.\n"
    "\n"
    "Exit codes: 0 shown; 2 usage; 4 there is no state, or it is damaged (where is on standard\n"
    "error).\n"
    "\n"
    "Examples:\n"
    "  cohort state cohort-state/alice\n"
    "  cohort state --json cohort-state/alice | jq 'select(.state == \"account\").balance'\n";

/* What there is to show. */
typedef struct View {
    const char *command;
    const char *directory;
    uint64_t file_bytes;
    uint64_t commits;
    Shelf *stored;
    Customer *customer;
    GString *disorder; /* of the file; empty: none */
} View;

/* --- loading --- */

/* The account's own name is needed to load it, and only loading tells the name. */
static LoadResult load_customer(View *view)
{
    CustomerConfig config = {.client = 1};
    view->customer = customer_new(&config);
    LoadResult result = customer_load(view->customer, view->stored);
    if (result != LOAD_WRONG_NAME)
        return result;
    config.resume = *customer_name(view->customer);
    customer_free(view->customer);
    view->customer = customer_new(&config);
    return customer_load(view->customer, view->stored);
}

static int no_state(const View *view)
{
    return options_fail(EXIT_ENVIRONMENT, view->command,
                        "%s holds no state: name a directory that was a customer's --state, such "
                        "as cohort-state/NAME",
                        view->directory);
}

static int look(View *view, Folder *folder)
{
    g_autoptr(GString) error = g_string_new(NULL);
    g_autofree char *path = g_build_filename(view->directory, STORE_FILE, NULL);
    struct stat file;
    if (stat(path, &file) < 0 && errno == ENOENT)
        return no_state(view);
    view->file_bytes = (uint64_t)file.st_size;
    Store *store = store_new(folder_disk(folder), view->directory);
    int code = store_look(store, view->stored, error, view->disorder);
    view->commits = store_sequence(store);
    store_free(store);
    if (code != 0)
        return options_fail(EXIT_ENVIRONMENT, view->command, "%s", error->str);
    if (load_customer(view) != LOAD_OK)
        return options_fail(EXIT_ENVIRONMENT, view->command,
                            "%s is damaged, its records do not fit together: restore the whole "
                            "directory from a copy made after its last run, as an older one would "
                            "falsify balances; it is left as it is",
                            view->directory);
    return EXIT_DONE;
}

static int open_and_look(View *view)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Folder *folder = NULL;
    int code = folder_open(view->directory, false, &folder, error);
    if (code == -ENOENT)
        return no_state(view);
    if (code < 0)
        return options_fail(EXIT_ENVIRONMENT, view->command, "%s", error->str);
    int exit_code = look(view, folder);
    folder_free(folder);
    return exit_code;
}

/* --- showing --- */

static bool stopped_orderly(const View *view)
{
    ShelfRecord orderly;
    return shelf_get(view->stored, SLOT_ORDERLY, 0, &orderly);
}

/* What the next start would be. */
static const char *next_start(const View *view)
{
    if (!customer_has_account(view->customer))
        return "no account: the directory is free for an open";
    if (stopped_orderly(view))
        return "stopped in good order: goes on where it was";
    return customer_cohort(view->customer) != 0
               ? "running, or killed: after a crash it goes on from the permanent checkpoint"
               : "running, or killed: goes on where it was, as it is in no cohort";
}

static void show_text(const View *view, GString *out)
{
    g_string_append_printf(out, "%s/%s: %" PRIu64 " bytes, %" PRIu64 " saves so far\n",
                           view->directory, STORE_FILE, view->file_bytes, view->commits);
    if (view->disorder->len > 0)
        g_string_append_printf(out, "%s\n", view->disorder->str);
    g_string_append_printf(out, "%s\n", next_start(view));
    if (customer_has_account(view->customer))
        customer_describe(view->customer, out);
    g_string_append_printf(out, "records: %zu, %" PRIu64 " bytes\n", shelf_count(view->stored),
                           shelf_bytes(view->stored));
    for (size_t i = 0; i < shelf_count(view->stored); i++) {
        ShelfRecord record = shelf_at(view->stored, i);
        g_string_append_printf(out, "  %s %u: %zu bytes\n", slot_word(record.slot), record.index,
                               record.length);
    }
}

static void append_json_lines(const char *text, GString *out)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        if (**line == '\0')
            continue;
        if (line != lines)
            g_string_append_c(out, ',');
        result_json_string(out, *line);
    }
}

static void show_json_account(const View *view, GString *out)
{
    g_autoptr(GString) description = g_string_new(NULL);
    const Customer *customer = view->customer;
    if (!customer_has_account(customer))
        return;
    customer_describe(customer, description);
    g_string_append(out, "{\"state\":\"account\",\"name\":");
    result_json_string(out, customer_name(customer)->text);
    g_string_append_printf(out, ",\"balance\":%" PRId64 ",\"cohort\":%" PRIu64 ",\"lines\":[",
                           customer_balance(customer), customer_cohort(customer));
    append_json_lines(description->str, out);
    g_string_append(out, "]}\n");
}

static void show_json(const View *view, GString *out)
{
    g_string_append(out, "{\"state\":\"file\",\"directory\":");
    result_json_string(out, view->directory);
    g_string_append_printf(out, ",\"bytes\":%" PRIu64 ",\"saves\":%" PRIu64 ",\"orderly\":%s",
                           view->file_bytes, view->commits,
                           stopped_orderly(view) ? "true" : "false");
    g_string_append(out, ",\"disorder\":");
    result_json_string(out, view->disorder->str);
    g_string_append(out, ",\"text\":");
    result_json_string(out, next_start(view));
    g_string_append(out, "}\n");
    show_json_account(view, out);
    for (size_t i = 0; i < shelf_count(view->stored); i++) {
        ShelfRecord record = shelf_at(view->stored, i);
        g_string_append_printf(
            out, "{\"state\":\"record\",\"slot\":\"%s\",\"index\":%u,\"bytes\":%zu}\n",
            slot_word(record.slot), record.index, record.length);
    }
}

static int run(View *view, bool json)
{
    int exit_code = open_and_look(view);
    if (exit_code != EXIT_DONE)
        return exit_code;
    g_autoptr(GString) out = g_string_new(NULL);
    (json ? show_json : show_text)(view, out);
    if (fwrite(out->str, 1, out->len, stdout) != out->len || fflush(stdout) != 0)
        return options_fail(EXIT_ENVIRONMENT, view->command, "standard output: cannot write");
    return EXIT_DONE;
}

int state_main(int argc, char **argv)
{
    gboolean json = FALSE;
    g_auto(GStrv) directories = NULL;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &directories, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    int exit_code;
    View view = {.command = argv[0]};
    if (!options_parse(entries, HELP, argc, argv, &exit_code))
        return exit_code;
    if (directories == NULL || directories[1] != NULL)
        return options_fail(EXIT_USAGE, view.command, "one directory is needed (try --help)");
    view.directory = directories[0];
    view.stored = shelf_new();
    view.disorder = g_string_new(NULL);
    exit_code = run(&view, json);
    customer_free(view.customer);
    shelf_free(view.stored);
    g_string_free(view.disorder, TRUE);
    return exit_code;
}
