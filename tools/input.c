#include "tools/input.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef COHORT_HAVE_EDIT
#include <editline/readline.h>
#endif

enum { READ_BYTES = 4096, DEL = 0x7f };

struct Input {
    InputConfig config;
    char *prompt;
    GString *pending; /* read, not given yet; empty on an edited terminal */
    bool started;
    bool too_long; /* the line being read; its bytes are skipped */
    bool at_end;
    bool paused;
    guint reading; /* sources */
    guint resuming;
};

bool input_is_terminal(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void remove_source(guint *source)
{
    if (*source != 0)
        g_source_remove(*source);
    *source = 0;
}

static void end(Input *input)
{
    remove_source(&input->reading);
    input->config.end(input->config.user);
}

/* --- plain lines --- */

static void give(Input *input, size_t length)
{
    char *line = input->pending->str;
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\0')
            line[i] = DEL;
    }
    g_autofree char *text = g_strndup(line, length);
    bool whole = !input->too_long && length <= INPUT_LINE_BYTES_MAX;
    input->too_long = false;
    input->config.line(input->config.user, whole ? text : NULL);
}

static void give_lines(Input *input)
{
    const char *newline;
    while (!input->paused &&
           (newline = memchr(input->pending->str, '\n', input->pending->len)) != NULL) {
        size_t length = (size_t)(newline - input->pending->str);
        give(input, length);
        g_string_erase(input->pending, 0, (gssize)length + 1);
    }
    if (!input->paused && input->pending->len > INPUT_LINE_BYTES_MAX) {
        input->too_long = true;
        g_string_truncate(input->pending, 0);
    }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user);

/* Gives what was read, and then waits for more, or is at the end. */
static void go_on(Input *input)
{
    give_lines(input);
    if (input->paused) {
        remove_source(&input->reading);
    } else if (!input->at_end) {
        if (input->reading == 0)
            input->reading =
                g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, input);
    } else {
        if (input->pending->len > 0 || input->too_long)
            give(input, input->pending->len); /* the last line, without its newline */
        g_string_truncate(input->pending, 0);
        end(input);
    }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user)
{
    (void)condition;
    Input *input = user;
    char bytes[READ_BYTES];
    ssize_t length = read(fd, bytes, sizeof bytes);
    if (length > 0)
        g_string_append_len(input->pending, bytes, length);
    else if (length == 0 || (errno != EINTR && errno != EAGAIN))
        input->at_end = true;
    go_on(input);
    return input->reading != 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* --- an edited terminal; libedit's callbacks know of no user data --- */

#ifdef COHORT_HAVE_EDIT

static Input *edited;
static bool giving; /* the line being typed is complete: nothing to hide or to show again */
static GPtrArray *candidates;

static char *next_candidate(const char *text, int state)
{
    static guint next;
    if (state == 0)
        next = 0;
    while (next < candidates->len) {
        const char *word = g_ptr_array_index(candidates, next++);
        if (g_str_has_prefix(word, text))
            return strdup(word);
    }
    return NULL;
}

static char **complete(const char *text, int start, int stop)
{
    (void)stop;
    candidates = g_ptr_array_new_with_free_func(g_free);
    edited->config.words(edited->config.user, start == 0, candidates);
    char **matches = rl_completion_matches(text, next_candidate);
    g_ptr_array_unref(candidates);
    rl_attempted_completion_over = 1; /* no names of files */
    return matches;
}

static void on_edited_line(char *line)
{
    if (line == NULL) {
        putchar('\n');
        end(edited);
        return;
    }
    if (line[0] != '\0')
        add_history(line);
    giving = true;
    edited->config.line(edited->config.user, strlen(line) <= INPUT_LINE_BYTES_MAX ? line : NULL);
    giving = false;
    free(line);
    rl_callback_handler_install(edited->prompt, on_edited_line);
}

static gboolean on_key(gint fd, GIOCondition condition, gpointer user)
{
    (void)fd;
    Input *input = user;
    if (condition & (G_IO_HUP | G_IO_ERR)) /* the terminal is gone */
        end(input);
    else
        rl_callback_read_char();
    return input->reading != 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void start_terminal(Input *input)
{
    edited = input;
    rl_readline_name = "cohort";
    rl_catch_signals = 0;
    rl_attempted_completion_function = complete;
    using_history();
    rl_callback_handler_install(input->prompt, on_edited_line);
    input->reading = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_key, input);
}

static void stop_terminal(void)
{
    fputs("\r\033[K", stdout);
    rl_callback_handler_remove();
}

static void hide_typed(const Input *input)
{
    (void)input;
    if (!giving)
        fputs("\r\033[K", stdout);
}

static void show_typed(const Input *input)
{
    if (giving)
        return;
    rl_set_prompt(input->prompt);
    rl_forced_update_display();
}

#else

static void start_terminal(Input *input)
{
    fputs(input->prompt, stdout);
    fflush(stdout);
    go_on(input);
}

static void stop_terminal(void)
{
}

static void hide_typed(const Input *input)
{
    (void)input;
    putchar('\r');
}

static void show_typed(const Input *input)
{
    fputs(input->prompt, stdout);
    fflush(stdout);
}

#endif

/* --- the input --- */

Input *input_new(const InputConfig *config)
{
    Input *input = g_new0(Input, 1);
    input->config = *config;
    input->prompt = g_strdup("");
    input->pending = g_string_new(NULL);
    return input;
}

void input_free(Input *input)
{
    if (input->config.interactive && input->started)
        stop_terminal();
    remove_source(&input->reading);
    remove_source(&input->resuming);
    g_string_free(input->pending, TRUE);
    g_free(input->prompt);
    g_free(input);
}

void input_start(Input *input)
{
    input->started = true;
    if (input->config.interactive)
        start_terminal(input);
    else
        go_on(input);
}

void input_set_prompt(Input *input, const char *prompt)
{
    g_free(input->prompt);
    input->prompt = g_strdup(prompt);
}

void input_hide(Input *input)
{
    if (input->config.interactive && input->started)
        hide_typed(input);
}

void input_show(Input *input)
{
    if (input->config.interactive && input->started)
        show_typed(input);
}

void input_pause(Input *input)
{
    input->paused = true;
}

static gboolean on_resume(gpointer user)
{
    Input *input = user;
    input->resuming = 0;
    input->paused = false;
    go_on(input);
    return G_SOURCE_REMOVE;
}

void input_resume(Input *input)
{
    if (input->paused && input->resuming == 0)
        input->resuming = g_timeout_add(0, on_resume, input);
}
