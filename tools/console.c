#include "tools/console.h"

#include <stdio.h>
#include <string.h>

#include "core/panic.h"
#include "tools/input.h"
#include "tools/result.h"

enum { WAITING_MAX = 64 }; /* commands taken from a pipe ahead of their answers */

/* A command's line, or the room for it, in the order of the commands. */
typedef struct Place {
    uint64_t tag; /* of the command that is to fill it; 0: refused here */
    CommandKind command;
    char *line;              /* NULL: not answered yet */
    const ConsoleWord *word; /* or not NULL: answered when it is the first */
    char *argument;          /* of the word, or NULL */
} Place;

struct Console {
    ConsoleConfig config;
    Input *input;
    GQueue *places;
    uint64_t last_tag;
    bool closing; /* `quit` or the end of input has come */
    bool quit;
    guint finishing; /* source */
};

/* --- out --- */

static void print(Console *console, const char *text)
{
    if (console->input != NULL)
        input_hide(console->input);
    fputs(text, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    if (console->input != NULL)
        input_show(console->input);
}

/* Lines for people; in front of each two blanks, so that none looks like a result. */
static void print_lines(Console *console, const char *text)
{
    bool json = console->config.json;
    g_autofree char *chomped = g_strchomp(g_strdup(text));
    g_auto(GStrv) lines = g_strsplit(chomped, "\n", -1);
    g_autoptr(GString) out = g_string_new(json ? "{\"result\":\"text\",\"lines\":[" : "");
    for (char **line = lines; *line != NULL; line++) {
        if (line != lines)
            g_string_append_c(out, json ? ',' : '\n');
        if (json)
            result_json_string(out, *line);
        else
            g_string_append_printf(out, "  %s", *line);
    }
    g_string_append(out, json ? "]}" : "");
    print(console, out->str);
}

static gboolean on_finished(gpointer user)
{
    Console *console = user;
    console->finishing = 0;
    console->config.finished(console->config.user, console->quit);
    return G_SOURCE_REMOVE;
}

static char *failure_line(const Console *console, const char *word, const char *reason)
{
    GString *line = g_string_new(NULL);
    (console->config.json ? result_failure_json : result_failure_text)(word, reason, line);
    return g_string_free(line, FALSE);
}

static void print_answer(Console *console, const ConsoleWord *word, const char *argument)
{
    g_autoptr(GString) out = g_string_new(NULL);
    if (word->answer(console->config.user, argument, out)) {
        print_lines(console, out->str);
        return;
    }
    g_autofree char *line = failure_line(console, word->word, out->str);
    print(console, line);
}

/* Prints the first place and takes it away. */
static void finish_place(Console *console)
{
    Place *place = g_queue_pop_head(console->places);
    if (place->word != NULL)
        print_answer(console, place->word, place->argument);
    else
        print(console, place->line);
    g_free(place->line);
    g_free(place->argument);
    g_free(place);
}

/* Prints what is ready, in order. */
static void advance(Console *console)
{
    Place *place;
    while ((place = g_queue_peek_head(console->places)) != NULL &&
           (place->line != NULL || place->word != NULL))
        finish_place(console);
    if (console->places->length < WAITING_MAX)
        input_resume(console->input);
    /* From the main loop, for this may be in the middle of a step. */
    if (console->closing && g_queue_is_empty(console->places) && console->finishing == 0)
        console->finishing = g_timeout_add(0, on_finished, console);
}

static char *notice_line(const Console *console, const Notice *notice)
{
    GString *line = g_string_new(NULL);
    (console->config.json ? result_json : result_text)(notice, line);
    return g_string_free(line, FALSE);
}

static gint has_tag(gconstpointer place, gconstpointer tag)
{
    return ((const Place *)place)->tag == *(const uint64_t *)tag ? 0 : 1;
}

void console_notice(Console *console, const Notice *notice)
{
    g_autofree char *line = notice_line(console, notice);
    bool result = notice->kind == NOTICE_SUCCESS || notice->kind == NOTICE_FAILURE;
    if (!result || notice->command == COMMAND_RESUME) { /* not of a command that was typed */
        print(console, line);
        return;
    }
    GList *found = g_queue_find_custom(console->places, &notice->tag, has_tag);
    INVARIANT(found != NULL && ((Place *)found->data)->line == NULL);
    ((Place *)found->data)->line = g_steal_pointer(&line);
    advance(console);
}

void console_ready(Console *console, const char *process, const Address *addresses, size_t count)
{
    g_autoptr(GString) text = g_string_new(process);
    g_autoptr(GString) json = g_string_new("{\"result\":\"ready\",\"process\":");
    result_json_string(json, process);
    g_string_append(text, " ready on");
    for (size_t i = 0; i < count; i++) {
        char address[ADDRESS_TEXT_MAX];
        address_text(addresses[i], address);
        g_string_append_printf(text, " %s", address);
        g_string_append_printf(json, "%s\"%s\"", i == 0 ? ",\"addresses\":[" : ",", address);
    }
    g_string_append_printf(json, "],\"text\":\"%s\"}", text->str);
    print(console, console->config.json ? json->str : text->str);
    input_start(console->input);
}

/* --- in --- */

static void add_place(Console *console, Place filled)
{
    g_queue_push_tail(console->places, g_memdup2(&filled, sizeof filled));
    if (console->places->length >= WAITING_MAX)
        input_pause(console->input);
}

static void refuse(Console *console, const char *word, const char *reason)
{
    add_place(console, (Place){.line = failure_line(console, word, reason)});
    advance(console);
}

static void close_input(Console *console, bool quit)
{
    console->closing = true;
    console->quit |= quit;
    advance(console);
}

static void answer_word(Console *console, const ConsoleWord *word, char **words)
{
    size_t wanted = word->usage != NULL ? 2 : 1;
    if (g_strv_length(words) != wanted) {
        g_autofree char *usage =
            g_strconcat("usage: ", word->word, wanted == 2 ? " " : NULL, word->usage, NULL);
        refuse(console, word->word, usage);
    } else if (word->in_turn) {
        add_place(console, (Place){.word = word, .argument = g_strdup(words[1])});
        advance(console);
    } else {
        print_answer(console, word, words[1]);
    }
}

/* Is it one of the console's own words, or of the process's? Then it is done. */
static bool answer_here(Console *console, char **words)
{
    if (strcmp(words[0], "help") == 0) {
        print_lines(console, console->config.help);
        return true;
    }
    if (console->config.quits && strcmp(words[0], "quit") == 0) {
        if (words[1] != NULL)
            refuse(console, words[0], "usage: quit");
        else
            close_input(console, true);
        return true;
    }
    for (size_t i = 0; i < console->config.word_count; i++) {
        if (strcmp(words[0], console->config.words[i].word) == 0) {
            answer_word(console, &console->config.words[i], words);
            return true;
        }
    }
    return false;
}

/* The blank-separated words of a line. */
static char **split(const char *line)
{
    GPtrArray *words = g_ptr_array_new();
    g_auto(GStrv) parts = g_strsplit_set(line, " \t\r\v\f", -1);
    for (char **part = parts; *part != NULL; part++) {
        if (**part != '\0')
            g_ptr_array_add(words, g_strdup(*part));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static void on_line(void *user, const char *line)
{
    Console *console = user;
    if (console->closing)
        return;
    if (line == NULL) {
        refuse(console, "line", "too long; a command has less than 4096 letters");
        return;
    }
    g_auto(GStrv) words = split(line);
    if (words[0] == NULL || answer_here(console, words))
        return;
    Command command;
    CommandError error;
    if (!command_parse(line, console->config.place, &command, &error)) {
        refuse(console, error.command[0] != '\0' ? error.command : "line", error.reason);
        return;
    }
    command.tag = ++console->last_tag;
    add_place(console, (Place){.tag = command.tag, .command = command.kind});
    console->config.command(console->config.user, &command);
}
static_assert(INPUT_LINE_BYTES_MAX == 4096, "on_line says so");

static void on_end(void *user)
{
    close_input(user, false);
}

static void on_words(void *user, bool first, GPtrArray *out)
{
    Console *console = user;
    if (!first) {
        console->config.names(console->config.user, out);
        return;
    }
    CommandKind last =
        console->config.place == PLACE_BANK ? COMMAND_DELETE_COHORT : COMMAND_BALANCE;
    for (CommandKind kind = 0; kind <= last; kind++)
        g_ptr_array_add(out, g_strdup(command_word(kind)));
    for (size_t i = 0; i < console->config.word_count; i++)
        g_ptr_array_add(out, g_strdup(console->config.words[i].word));
    g_ptr_array_add(out, g_strdup("help"));
    if (console->config.quits)
        g_ptr_array_add(out, g_strdup("quit"));
}

/* --- life --- */

Console *console_new(const ConsoleConfig *config)
{
    Console *console = g_new0(Console, 1);
    console->config = *config;
    console->places = g_queue_new();
    console->input = input_new(&(InputConfig){.interactive = input_is_terminal() && !config->json,
                                              .line = on_line,
                                              .end = on_end,
                                              .words = on_words,
                                              .user = console});
    console_set_prompt(console, config->prompt);
    return console;
}

void console_set_prompt(Console *console, const char *prompt)
{
    g_autofree char *text = g_strconcat(prompt, "> ", NULL);
    input_set_prompt(console->input, text);
}

void console_free(Console *console)
{
    input_free(console->input);
    console->input = NULL;
    Place *place;
    while ((place = g_queue_peek_head(console->places)) != NULL) {
        Notice stopping = {
            .kind = NOTICE_FAILURE, .command = place->command, .refusal = REFUSAL_STOPPING};
        if (place->line == NULL && place->word == NULL)
            place->line = notice_line(console, &stopping);
        finish_place(console);
    }
    g_queue_free(console->places);
    if (console->finishing != 0)
        g_source_remove(console->finishing);
    g_free(console);
}
