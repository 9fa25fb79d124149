/* Making plain: what fails as well with amounts of 1, round times and default settings is easier to
 * read. */
#include "sim/shrink_state.h"

#include <string.h>

#include "sim/value_text.h"

/* --- times --- */

/* From this entry on all come so much earlier; and so does the scenario's end. */
static Draft *earlier(const Draft *draft, guint from, uint64_t by_ns)
{
    Draft *other = draft_copy(draft);
    draft_clear(other, DRAFT_SCRIPT);
    for (guint i = 0; i < draft->lines->len; i++) {
        const DraftLine *line = draft_line(draft, i);
        if (line->part == DRAFT_SCRIPT)
            draft_add_script(other, line->time_ns - (i >= from ? by_ns : 0), line->value);
    }
    return other;
}

static void close_gap(Shrink *shrink, guint at, uint64_t before_ns)
{
    static const uint64_t gaps_ns[] = {NS_PER_MS, 10 * NS_PER_MS, 100 * NS_PER_MS, NS_PER_S,
                                       10 * NS_PER_S};
    uint64_t gap_ns = draft_line(shrink->best, at)->time_ns - before_ns;
    GPtrArray *candidates = shrink_candidates();
    for (size_t i = 0; i < G_N_ELEMENTS(gaps_ns) && gaps_ns[i] < gap_ns; i++)
        g_ptr_array_add(candidates, earlier(shrink->best, at, gap_ns - gaps_ns[i]));
    for (uint64_t unit_ns = NS_PER_S; unit_ns >= NS_PER_US && unit_ns > 0; unit_ns /= 10) {
        if (gap_ns % unit_ns == 0)
            break;
        if (gap_ns > unit_ns)
            g_ptr_array_add(candidates, earlier(shrink->best, at, gap_ns % unit_ns));
    }
    shrink_take_first(shrink, candidates);
}

static void close_gaps(Shrink *shrink)
{
    uint64_t before_ns = 0;
    for (guint i = 0; i < shrink->best->lines->len; i++) {
        if (draft_line(shrink->best, i)->part != DRAFT_SCRIPT)
            continue;
        if (draft_line(shrink->best, i)->time_ns > before_ns)
            close_gap(shrink, i, before_ns);
        before_ns = draft_line(shrink->best, i)->time_ns;
    }
}

static void shorten(Shrink *shrink)
{
    static const uint64_t after_ns[] = {NS_PER_MS, 100 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S};
    uint64_t end_ns = draft_end_ns(shrink->best);
    GPtrArray *candidates = shrink_candidates();
    for (size_t i = 0; i < G_N_ELEMENTS(after_ns); i++) {
        GString *text = g_string_new(NULL);
        Draft *candidate = draft_copy(shrink->best);
        value_write_time(end_ns + after_ns[i], text);
        draft_set(candidate, "scenario", "duration", text->str);
        g_ptr_array_add(candidates, candidate);
        g_string_free(text, TRUE);
    }
    shrink_take_first(shrink, candidates);
}

/* --- values --- */

static void add_text(GPtrArray *texts, const char *text, const char *current)
{
    if (strcmp(text, current) != 0)
        g_ptr_array_add(texts, g_strdup(text));
}

/* "c1 transfer 25 c2" -> "c1 transfer 1 c2"; "c1 pause 3.7s" -> "c1 pause 1s". */
static void plain_entries(const DraftLine *line, GPtrArray *texts)
{
    char **words = g_strsplit(line->value, " ", -1);
    guint count = g_strv_length(words);
    bool amount = count >= 3 &&
                  (strcmp(words[1], "transfer") == 0 || strcmp(words[1], "lost-transfer") == 0 ||
                   strcmp(words[1], "deposit") == 0 || strcmp(words[1], "withdrawal") == 0);
    bool time = count >= 3 && !amount && strcmp(words[0], "bank") != 0 &&
                g_ascii_isdigit(words[count - 1][0]) && strcmp(words[1], "new-cohort") != 0;
    static const char *const amounts[] = {"1", "10", "100"};
    static const char *const times[] = {"1ms", "10ms", "100ms", "1s", "10s", "1h"};
    const char *const *plain = amount ? amounts : times;
    size_t plain_count = amount ? G_N_ELEMENTS(amounts) : time ? G_N_ELEMENTS(times) : 0;
    guint at = amount ? 2 : count - 1;
    for (size_t i = 0; i < plain_count && strcmp(words[at], plain[i]) != 0; i++) {
        char *before = words[at];
        words[at] = (char *)plain[i];
        char *text = g_strjoinv(" ", words);
        words[at] = before;
        add_text(texts, text, line->value);
        g_free(text);
    }
    g_strfreev(words);
}

/* What a choice may be instead; those before its own value are plainer. */
static void plain_choices(const DraftLine *line, GPtrArray *texts)
{
    static const char *const datagrams[] = {"lost", "10ms", "100ms", "1s", "10s", NULL};
    static const char *const copies[] = {"lost",      "10ms",      "100ms",      "1s",      "10s",
                                         "10ms 10ms", "10ms 20ms", "10ms 100ms", "10ms 1s", NULL};
    static const char *const disks[] = {"error", "1ms", "10ms", "100ms", "1s", NULL};
    static const char *const writes[] = {"die 0",       "die 1",       "die 2",
                                         "die after 0", "die after 1", NULL};
    static const char *const crashes[] = {"1", "lose 1", "lose 2", "tear 1", "tear 2", NULL};
    static const char *const clocks[] = {"0s", "1s", "10s", "1h", NULL};
    static const char *const seeds[] = {"1", "2", "3", NULL};
    const char *const *plain = seeds;
    if (strchr(line->key, '>') != NULL)
        plain = strchr(line->value, ' ') != NULL ? copies : datagrams;
    else if (strstr(line->key, " disk ") != NULL)
        plain = disks;
    else if (strstr(line->key, " write ") != NULL)
        plain = writes;
    else if (strstr(line->key, " crash ") != NULL)
        plain = crashes;
    else if (strstr(line->key, " clock ") != NULL)
        plain = clocks;
    for (; *plain != NULL && strcmp(*plain, line->value) != 0; plain++)
        g_ptr_array_add(texts, g_strdup(*plain));
}

static void make_values_plain(Shrink *shrink)
{
    for (guint i = 0; i < shrink->best->lines->len && !shrink_enough(shrink, "making plain"); i++) {
        const DraftLine *line = draft_line(shrink->best, i);
        GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
        GPtrArray *candidates = shrink_candidates();
        if (line->part == DRAFT_SCRIPT)
            plain_entries(line, texts);
        else if (line->part == DRAFT_CHOICE)
            plain_choices(line, texts);
        for (guint k = 0; k < texts->len; k++) {
            Draft *candidate = draft_copy(shrink->best);
            draft_rewrite(candidate, i, g_ptr_array_index(texts, k));
            g_ptr_array_add(candidates, candidate);
        }
        shrink_take_first(shrink, candidates);
        g_ptr_array_unref(texts);
    }
}

/* --- settings --- */

static void drop_settings(Shrink *shrink)
{
    for (guint i = shrink->best->lines->len; i-- > 0;) {
        const DraftLine *line = draft_line(shrink->best, i);
        bool size = strcmp(line->group, "bank") == 0 &&
                    (strcmp(line->key, "customers") == 0 || strcmp(line->key, "cohort_size") == 0);
        if (line->part != DRAFT_SETTING || size || strcmp(line->key, "name") == 0 ||
            strcmp(line->key, "duration") == 0)
            continue;
        Draft *candidate = draft_copy(shrink->best);
        draft_unset(candidate, line->group, line->key);
        shrink_take(shrink, candidate);
    }
}

static void make_delay_plain(Shrink *shrink)
{
    const char *delay = draft_get(shrink->best, "network", "delay");
    GPtrArray *candidates = shrink_candidates();
    if (delay != NULL && strcmp(delay, "constant 10ms") != 0) {
        Draft *candidate = draft_copy(shrink->best);
        draft_set(candidate, "network", "delay", "constant 10ms");
        g_ptr_array_add(candidates, candidate);
    }
    shrink_take_first(shrink, candidates);
}

void shrink_make_plain(Shrink *shrink)
{
    if (shrink_enough(shrink, "making plain"))
        return;
    drop_settings(shrink);
    make_delay_plain(shrink);
    close_gaps(shrink);
    shorten(shrink);
    make_values_plain(shrink);
}
