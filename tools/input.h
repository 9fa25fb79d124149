/* Lines typed by a user or fed through a pipe, on stdin. There is one stdin, so there is one Input.
 *
 * On a terminal: a prompt, and (with libedit) editing, history and completion. Elsewhere: lines
 * alone. A NUL byte within a line is replaced by DEL, which no command contains. */
#ifndef COHORT_INPUT_H
#define COHORT_INPUT_H

#include <glib.h>
#include <stdbool.h>

enum { INPUT_LINE_BYTES_MAX = 4096 }; /* longer ones are told, not given */

typedef struct InputConfig {
    bool interactive; /* with a prompt and editing; only when input_is_terminal() */
    /* `line` is NULL when it was too long. */
    void (*line)(void *user, const char *line);
    void (*end)(void *user); /* no more lines; told once */
    /* Appends what may stand as the first word, or as a later one (strings, to be freed). */
    void (*words)(void *user, bool first, GPtrArray *words);
    void *user;
} InputConfig;

typedef struct Input Input;

bool input_is_terminal(void); /* are both stdin and stdout one? */

Input *input_new(const InputConfig *config);
void input_free(Input *input); /* and puts the terminal back as it was */

void input_set_prompt(Input *input, const char *prompt);
void input_start(Input *input);
/* While paused, no line is given. The first after input_resume comes from the main loop, never
 * from within the call. */
void input_pause(Input *input);
void input_resume(Input *input);
/* Around other output to the terminal, so that it does not mix with the line being typed. */
void input_hide(Input *input);
void input_show(Input *input);

#endif
