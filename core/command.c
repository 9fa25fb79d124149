#include "core/command.h"

#include <glib.h>
#include <string.h>

#include "core/panic.h"

enum {
    WORDS_MAX = 7,        /* one more than any command has, so that too many show */
    QUOTE_BYTES_MAX = 40, /* of the user's text in a reason */
};

/* A line cut into words, on its way to a Command. */
typedef struct Line {
    char *words[WORDS_MAX];
    size_t count;
    size_t next; /* the word to read next; the command itself is words[0] */
    CommandPlace place;
    const char *usage; /* at this place */
    CommandError *error;
} Line;

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* --- reasons --- */

static bool refuse(Line *line, const char *reason)
{
    g_strlcpy(line->error->reason, reason, sizeof line->error->reason);
    return false;
}

static bool refuse_usage(Line *line)
{
    refuse(line, "usage: ");
    g_strlcat(line->error->reason, line->usage, sizeof line->error->reason);
    return false;
}

/* `amount "1.234": at most two fraction digits` */
static bool refuse_word(Line *line, const char *what, const char *word, const char *wanted)
{
    char quote[QUOTE_BYTES_MAX + 1];
    size_t length = 0;
    for (; word[length] && length < QUOTE_BYTES_MAX; length++)
        quote[length] = g_ascii_isgraph(word[length]) && word[length] != '"' ? word[length] : '?';
    quote[length] = '\0';

    const size_t room = sizeof line->error->reason;
    refuse(line, what);
    g_strlcat(line->error->reason, " \"", room);
    g_strlcat(line->error->reason, quote, room);
    g_strlcat(line->error->reason, word[length] ? "...\": " : "\": ", room);
    g_strlcat(line->error->reason, wanted, room);
    return false;
}

/* --- words to values --- */

static size_t words_left(const Line *line)
{
    return line->count - line->next;
}

static bool read_name(Line *line, const char *what, Name *name)
{
    const char *word = line->words[line->next++];
    return name_set(name, word) ||
           refuse_word(line, what, word,
                       "must be a letter, then letters, digits, - or _, at most 31 in all");
}

static bool read_amount(Line *line, Money *amount)
{
    const char *word = line->words[line->next++];
    const char *reason = money_parse_amount(word, amount);
    return !reason || refuse_word(line, "amount", word, reason);
}

static bool read_balance(Line *line, Money *balance)
{
    const char *word = line->words[line->next++];
    const char *reason = money_parse_balance(word, balance);
    return !reason || refuse_word(line, "balance", word, reason);
}

static bool read_ip(Line *line, uint32_t *ip)
{
    const char *word = line->words[line->next++];
    return ip_parse(word, ip) ||
           refuse_word(line, "ip", word, "must be an IPv4 address, such as 127.0.0.1");
}

static bool read_port(Line *line, const char *what, uint16_t *port)
{
    const char *word = line->words[line->next++];
    return port_parse(word, port) ||
           refuse_word(line, what, word, "must be a port number, 1 to 65535");
}

static bool read_count(Line *line, uint64_t *count)
{
    const char *word = line->words[line->next++];
    return number_parse(word, count) ||
           refuse_word(line, "number of members", word, "must be a whole number");
}

/* --- one function per form; the count of words first, then each word --- */

/* open NAME BALANCE IP PORT1 PORT2; at a customer NAME, and IP PORT1 PORT2, may be left out, and
 * a first word that starts with a letter is the NAME. */
static bool parse_open(Line *line, Command *command)
{
    bool here = line->place == PLACE_CUSTOMER;
    bool named = !here || (words_left(line) > 0 && g_ascii_isalpha(line->words[line->next][0]));
    size_t others = words_left(line) - (named ? 1 : 0);
    if (others != 4 && !(here && others == 1))
        return refuse_usage(line);
    command->addressed = others == 4;
    return (!named || read_name(line, "name", &command->name)) &&
           read_balance(line, &command->amount) &&
           (!command->addressed ||
            (read_ip(line, &command->ip) && read_port(line, "port1", &command->port1) &&
             read_port(line, "port2", &command->port2)));
}

/* exit NAME, delete-cohort NAME */
static bool parse_named(Line *line, Command *command)
{
    size_t left = words_left(line);
    if (left != 1 && !(line->place == PLACE_CUSTOMER && left == 0))
        return refuse_usage(line);
    return left == 0 || read_name(line, "name", &command->name);
}

static bool parse_new_cohort(Line *line, Command *command)
{
    size_t left = words_left(line);
    if (left != 2 && !(line->place == PLACE_CUSTOMER && left == 1))
        return refuse_usage(line);
    return (left == 1 || read_name(line, "name", &command->name)) &&
           read_count(line, &command->count);
}

static bool parse_cash(Line *line, Command *command)
{
    if (words_left(line) != 1)
        return refuse_usage(line);
    return read_amount(line, &command->amount);
}

static bool parse_transfer(Line *line, Command *command)
{
    if (words_left(line) != 2)
        return refuse_usage(line);
    return read_amount(line, &command->amount) && read_name(line, "receiver", &command->name);
}

static bool parse_bare(Line *line, Command *command)
{
    (void)command;
    return words_left(line) == 0 || refuse_usage(line);
}

/* --- all commands --- */

typedef struct Form {
    const char *word;
    const char *bank_usage; /* NULL: not a command of the bank's console */
    const char *customer_usage;
    bool (*parse)(Line *, Command *); /* NULL: never typed */
} Form;

static const Form forms[COMMAND_KINDS] = {
    [COMMAND_OPEN] = {"open", "open NAME BALANCE IP PORT1 PORT2",
                      "open [NAME] BALANCE [IP PORT1 PORT2]", parse_open},
    [COMMAND_EXIT] = {"exit", "exit NAME", "exit [NAME]", parse_named},
    [COMMAND_NEW_COHORT] = {"new-cohort", "new-cohort NAME N", "new-cohort [NAME] N",
                            parse_new_cohort},
    [COMMAND_DELETE_COHORT] = {"delete-cohort", "delete-cohort NAME", "delete-cohort [NAME]",
                               parse_named},
    [COMMAND_DEPOSIT] = {"deposit", NULL, "deposit AMOUNT", parse_cash},
    [COMMAND_WITHDRAWAL] = {"withdrawal", NULL, "withdrawal AMOUNT", parse_cash},
    [COMMAND_TRANSFER] = {"transfer", NULL, "transfer AMOUNT RECEIVER", parse_transfer},
    [COMMAND_LOST_TRANSFER] = {"lost-transfer", NULL, "lost-transfer AMOUNT RECEIVER",
                               parse_transfer},
    [COMMAND_CHECKPOINT] = {"checkpoint", NULL, "checkpoint", parse_bare},
    [COMMAND_ROLLBACK] = {"rollback", NULL, "rollback", parse_bare},
    [COMMAND_BALANCE] = {"balance", NULL, "balance", parse_bare},
    [COMMAND_RESUME] = {"resume", NULL, NULL, NULL},
};

const char *command_word(CommandKind kind)
{
    INVARIANT_THAT((int)kind, <, COMMAND_KINDS);
    return forms[kind].word;
}

/* Cuts `text` at its blanks, in place. */
static void cut_into_words(Line *line, char *text)
{
    while (line->count < WORDS_MAX) {
        while (blank(*text))
            text++;
        if (*text == '\0')
            return;
        line->words[line->count++] = text;
        while (*text && !blank(*text))
            text++;
        if (*text)
            *text++ = '\0';
    }
}

static void name_the_command(CommandError *error, const char *word)
{
    size_t length = 0;
    for (; *word && length < sizeof error->command - 1; word++) {
        if (g_ascii_isgraph(*word))
            error->command[length++] = *word;
    }
}

static bool parse_line(Line *line, Command *command)
{
    if (line->count == 0)
        return refuse(line, "nothing typed; try help");
    name_the_command(line->error, line->words[0]);
    line->next = 1;
    for (int kind = 0; kind < COMMAND_KINDS; kind++) {
        const Form *form = &forms[kind];
        if (!form->parse || strcmp(line->words[0], form->word) != 0)
            continue;
        line->usage = line->place == PLACE_BANK ? form->bank_usage : form->customer_usage;
        if (!line->usage)
            return refuse(line, "is a customer's command; type it at that customer's prompt");
        command->kind = (CommandKind)kind;
        return form->parse(line, command);
    }
    return refuse(line, "unknown command; try help");
}

bool command_parse(const char *line, CommandPlace place, Command *command, CommandError *error)
{
    g_autofree char *text = g_strdup(line);
    Command parsed = {0};
    CommandError refused = {{0}, {0}};
    Line words = {.place = place, .error = &refused};
    cut_into_words(&words, text);
    if (!parse_line(&words, &parsed)) {
        *error = refused;
        return false;
    }
    *command = parsed;
    return true;
}

void code_command(Coder *coder, Command *command)
{
    int kind;
    if (!coder->decoding)
        kind = (int)command->kind;
    code_enum(coder, &kind, COMMAND_KINDS);
    command->kind = (CommandKind)kind;
    code_name(coder, &command->name);
    code_money(coder, &command->amount);
    code_bool(coder, &command->addressed);
    code_u32(coder, &command->ip);
    code_u16(coder, &command->port1);
    code_u16(coder, &command->port2);
    code_u64(coder, &command->count);
    code_u64(coder, &command->tag);
}
