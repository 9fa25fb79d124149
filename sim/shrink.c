#include "sim/shrink_state.h"

#include <inttypes.h>
#include <string.h>

#include "core/panic.h"
#include "sim/scenario.h"

/* Few lines are tried without any two of them: a crash and what it calls for go together. */
enum { PAIRS_OF_MAX = 24 };

enum { LATE_MAX = 1 << 20, COHORT_SMALL_MAX = 4 };

const char *verdict_name(Verdict verdict)
{
    static const char *const names[] = {[VERDICT_NONE] = "none",
                                        [VERDICT_SAFETY] = NULL,
                                        [VERDICT_STUCK] = "liveness",
                                        [VERDICT_BROKEN] = "assertion",
                                        [VERDICT_CRASH] = "crash"};
    return verdict.kind == VERDICT_SAFETY ? rule_name(verdict.rule) : names[verdict.kind];
}

/* --- candidates --- */

static void free_draft(void *draft)
{
    draft_free(draft);
}

GPtrArray *shrink_candidates(void)
{
    return g_ptr_array_new_with_free_func(free_draft);
}

size_t shrink_take_first(Shrink *shrink, GPtrArray *candidates)
{
    size_t count = candidates->len;
    char **texts = g_new0(char *, count + 1);
    for (size_t i = 0; i < count; i++)
        texts[i] = draft_write(g_ptr_array_index(candidates, i));
    size_t first =
        count > 0 ? shrink->judge->first(shrink->judge->context, texts, count, shrink->like) : 0;
    if (first < count) {
        draft_free(shrink->best);
        shrink->best = draft_copy(g_ptr_array_index(candidates, first));
    }
    g_strfreev(texts);
    g_ptr_array_unref(candidates);
    return first;
}

bool shrink_take(Shrink *shrink, Draft *candidate)
{
    GPtrArray *candidates = shrink_candidates();
    g_ptr_array_add(candidates, candidate);
    return shrink_take_first(shrink, candidates) == 0;
}

bool shrink_enough(const Shrink *shrink, const char *doing)
{
    return shrink->judge->enough(shrink->judge->context, doing, draft_choices(shrink->best));
}

static void write_size(Draft *draft, const char *key, uint64_t unset)
{
    char *text = g_strdup_printf("%" PRIu64, unset);
    if (draft_get(draft, "bank", key) == NULL)
        draft_set(draft, "bank", key, text);
    g_free(text);
}

Draft *shrink_read(const char *schedule)
{
    Draft *draft = draft_read(schedule);
    Scenario *defaults = scenario_new();
    write_size(draft, "customers", defaults->customers);
    write_size(draft, "cohort_size", defaults->cohort_size);
    scenario_free(defaults);
    return draft;
}

/* --- taking away what belongs together --- */

static bool is_choice(const DraftLine *line, const void *what)
{
    (void)what;
    return line->part == DRAFT_CHOICE;
}

static bool is_script(const DraftLine *line, const void *what)
{
    (void)what;
    return line->part == DRAFT_SCRIPT;
}

static bool is_either(const DraftLine *line, const void *what)
{
    (void)what;
    return line->part != DRAFT_SETTING;
}

static bool has_word(const char *text, const char *word)
{
    char **words = g_strsplit_set(text, " ,>", -1);
    bool found = g_strv_contains((const char *const *)words, word);
    g_strfreev(words);
    return found;
}

/* "disk", "crash", "checkpoint": what a line is about; NULL: of the network. */
static char *word_of(const DraftLine *line)
{
    char **words = g_strsplit(line->part == DRAFT_CHOICE ? line->key : line->value, " ", 3);
    bool network = line->part == DRAFT_CHOICE && strchr(words[0], '>') != NULL;
    char *word = network || words[0] == NULL ? NULL : g_strdup(words[1]);
    g_strfreev(words);
    return word;
}

static bool has_class(const DraftLine *line, const void *what)
{
    const DraftLine *other = what;
    if (line->part != other->part)
        return false;
    char *word = word_of(line);
    char *other_word = word_of(other);
    bool same = g_strcmp0(word, other_word) == 0;
    g_free(word);
    g_free(other_word);
    return same;
}

static bool mentions(const DraftLine *line, const void *what)
{
    return line->part != DRAFT_SETTING &&
           (has_word(line->key, what) || has_word(line->value, what));
}

static Draft *without(const Draft *draft, LineFilter *filter, const void *what)
{
    bool *gone = g_new0(bool, draft->lines->len + 1);
    for (guint i = 0; i < draft->lines->len; i++)
        gone[i] = filter(draft_line(draft, i), what);
    Draft *rest = draft_without(draft, gone);
    g_free(gone);
    return rest;
}

static bool take_without(Shrink *shrink, LineFilter *filter, const void *what)
{
    Draft *rest = without(shrink->best, filter, what);
    if (rest->lines->len < shrink->best->lines->len)
        return shrink_take(shrink, rest);
    draft_free(rest);
    return false;
}

/* Of each class that there is, all. */
static void drop_classes(Shrink *shrink)
{
    const Draft *all = draft_copy(shrink->best);
    GPtrArray *tried = g_ptr_array_new();
    for (guint i = 0; i < all->lines->len; i++) {
        const DraftLine *line = draft_line(all, i);
        bool seen = line->part == DRAFT_SETTING;
        for (guint k = 0; k < tried->len && !seen; k++)
            seen = has_class(line, g_ptr_array_index(tried, k));
        if (seen)
            continue;
        g_ptr_array_add(tried, (void *)line);
        take_without(shrink, has_class, line);
    }
    g_ptr_array_unref(tried);
    draft_free((Draft *)all);
}

/* Which datagram, which operation of a disk. */
static uint64_t choice_number(const DraftLine *line)
{
    const char *blank = strrchr(line->key, ' ');
    return blank != NULL ? g_ascii_strtoull(blank + 1, NULL, 10) : 0;
}

static bool is_late_choice(const DraftLine *line, const void *what)
{
    return line->part == DRAFT_CHOICE && choice_number(line) > *(const uint64_t *)what;
}

/* The later ones of every count: a run that is stuck goes on and on. */
static void drop_late(Shrink *shrink)
{
    GPtrArray *candidates = shrink_candidates();
    for (uint64_t last = 4; last <= LATE_MAX; last *= 2) {
        Draft *rest = without(shrink->best, is_late_choice, &last);
        bool fewer = rest->lines->len < shrink->best->lines->len;
        if (!fewer) {
            draft_free(rest);
            break;
        }
        g_ptr_array_add(candidates, rest);
    }
    shrink_take_first(shrink, candidates);
}

static void make_cohorts_small(Shrink *shrink)
{
    uint64_t size = draft_get_number(shrink->best, "bank", "cohort_size", COHORT_SMALL_MAX + 1);
    GPtrArray *candidates = shrink_candidates();
    for (uint64_t smaller = 2; smaller < size && smaller <= COHORT_SMALL_MAX; smaller++) {
        char text[MONEY_TEXT_MAX];
        Draft *candidate = draft_copy(shrink->best);
        draft_set(candidate, "bank", "cohort_size", number_text(smaller, text));
        g_ptr_array_add(candidates, candidate);
    }
    shrink_take_first(shrink, candidates);
}

static void drop_customers(Shrink *shrink)
{
    if (draft_get(shrink->best, "bank", "data") != NULL)
        return; /* who they are is in a file */
    uint64_t number = draft_get_number(shrink->best, "bank", "customers", 0);
    for (; number >= 1 && draft_get_number(shrink->best, "bank", "customers", 0) > 1; number--) {
        char *name = g_strdup_printf("c%u", (unsigned)number);
        GPtrArray *candidates = shrink_candidates();
        Draft *silent = without(shrink->best, mentions, name);
        g_ptr_array_add(candidates, draft_without_customer(shrink->best, number));
        g_ptr_array_add(candidates, silent);
        shrink_take_first(shrink, candidates);
        g_free(name);
    }
}

/* --- delta debugging --- */

/* Which lines the filter finds. To be unreffed. */
static GArray *find_lines(const Draft *draft, LineFilter *filter)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; i < draft->lines->len; i++) {
        if (filter(draft_line(draft, i), NULL))
            g_array_append_val(lines, i);
    }
    return lines;
}

static Draft *without_lines(const Draft *draft, const GArray *lines, size_t first, size_t count)
{
    bool *gone = g_new0(bool, draft->lines->len + 1);
    for (size_t i = first; i < MIN(first + count, lines->len); i++)
        gone[g_array_index(lines, guint, i)] = true;
    Draft *rest = draft_without(draft, gone);
    g_free(gone);
    return rest;
}

/* One sweep over the lines, chunk by chunk; true when something has gone. */
static bool sweep(Shrink *shrink, LineFilter *filter, size_t chunk)
{
    bool changed = false;
    size_t at = 0;
    while (!shrink_enough(shrink, "taking away")) {
        GArray *lines = find_lines(shrink->best, filter);
        GPtrArray *candidates = shrink_candidates();
        for (size_t i = at; i < lines->len && candidates->len < SHRINK_BATCH; i += chunk)
            g_ptr_array_add(candidates, without_lines(shrink->best, lines, i, chunk));
        g_array_unref(lines);
        size_t count = candidates->len;
        size_t first = shrink_take_first(shrink, candidates);
        if (count == 0)
            break;
        changed = changed || first < count;
        at += first * chunk; /* what follows has moved up to the place of what went */
    }
    return changed;
}

static void take_chunks(Shrink *shrink, LineFilter *filter)
{
    GArray *lines = find_lines(shrink->best, filter);
    size_t chunk = lines->len;
    g_array_unref(lines);
    while (chunk >= 1 && !shrink_enough(shrink, "taking away")) {
        bool changed = sweep(shrink, filter, chunk);
        if (chunk == 1 && !changed)
            break;
        chunk = chunk > 1 ? chunk / 2 : 1;
    }
}

/* True when a pair has gone. */
static bool take_pair(Shrink *shrink)
{
    GArray *lines = find_lines(shrink->best, is_either);
    GPtrArray *candidates = shrink_candidates();
    for (guint i = 0; i < lines->len && lines->len <= PAIRS_OF_MAX; i++) {
        for (guint k = i + 1; k < lines->len; k++) {
            bool *gone = g_new0(bool, shrink->best->lines->len + 1);
            gone[g_array_index(lines, guint, i)] = true;
            gone[g_array_index(lines, guint, k)] = true;
            g_ptr_array_add(candidates, draft_without(shrink->best, gone));
            g_free(gone);
        }
    }
    g_array_unref(lines);
    size_t count = candidates->len;
    return shrink_take_first(shrink, candidates) < count;
}

void shrink_take_away(Shrink *shrink)
{
    size_t before;
    do {
        before = shrink->best->lines->len;
        take_without(shrink, is_choice, NULL);
        take_without(shrink, is_script, NULL);
        drop_classes(shrink);
        drop_late(shrink);
        take_chunks(shrink, is_script);
        take_chunks(shrink, is_choice);
        make_cohorts_small(shrink);
        drop_customers(shrink);
        while (!shrink_enough(shrink, "taking away") && take_pair(shrink))
            continue;
    } while (shrink->best->lines->len < before && !shrink_enough(shrink, "taking away"));
}

/* --- the whole --- */

char *shrink(const Judge *judge, const char *schedule, Verdict like)
{
    Shrink shrink = {.judge = judge, .like = like, .best = shrink_read(schedule)};
    take_without(&shrink, is_choice, NULL);
    drop_classes(&shrink);
    drop_late(&shrink);
    /* Of a great run it is not worth while to find out what could go. */
    shrink_redraw(&shrink);
    size_t before;
    do {
        before = draft_choices(shrink.best);
        do {
            shrink_take_away(&shrink);
        } while (!shrink_enough(&shrink, "drawing anew") && shrink_redraw(&shrink));
        shrink_make_plain(&shrink);
        shrink_take_away(&shrink);
    } while (draft_choices(shrink.best) < before && !shrink_enough(&shrink, "making plain"));
    shrink_make_plain(&shrink);
    char *text = draft_write(shrink.best);
    draft_free(shrink.best);
    return text;
}
