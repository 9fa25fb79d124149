/* The console of a live process: commands in on stdin, results and events out on stdout.
 *
 * Every command gets exactly one line SUCCESS or FAILURE, and these come in the order of the
 * commands, also when a later one could be answered (or refused) sooner. Events come at once, and
 * so do `help` and the process's own words for people (`list`, `status`). With json every line is
 * one object: see result.h, and
 *   {"result":"ready","process":"bank","addresses":["IP:PORT"],"text":"..."}
 *   {"result":"text","lines":["..."]} */
#ifndef COHORT_CONSOLE_H
#define COHORT_CONSOLE_H

#include <glib.h>

#include "core/notice.h"

/* A word of the process's own that the core does not know. */
typedef struct ConsoleWord {
    const char *word;
    const char *usage; /* its argument, "NAME"; NULL: takes none */
    /* Appends lines for people, or, returning false, the reason to refuse. */
    bool (*answer)(void *user, const char *argument, GString *out);
    bool in_turn; /* answered when the commands before it are; else at once */
} ConsoleWord;

typedef struct ConsoleConfig {
    CommandPlace place;
    bool json;
    const char *prompt;
    const char *help; /* lines for people */
    const ConsoleWord *words;
    size_t word_count;
    bool quits; /* is `quit` a command? */
    /* Not from within console_notice. */
    void (*command)(void *user, const Command *command);
    /* `quit`, or the end of input, and all commands are answered. */
    void (*finished)(void *user, bool quit);
    /* For completion: appends names (strings, to be freed). */
    void (*names)(void *user, GPtrArray *names);
    void *user;
} ConsoleConfig;

typedef struct Console Console;

Console *console_new(const ConsoleConfig *config);
/* Commands still unanswered are refused: the process is ending. */
void console_free(Console *console);

/* The first line, "bank ready on 127.0.0.1:8600"; then takes commands. */
void console_ready(Console *console, const char *process, const Address *addresses, size_t count);
void console_notice(Console *console, const Notice *notice);
void console_set_prompt(Console *console, const char *prompt);

#endif
