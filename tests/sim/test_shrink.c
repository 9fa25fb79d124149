/* Shrinking, with a judge that only reads: a text fails when it holds all that it is said to need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sim/draft.h"
#include "sim/shrink.h"

static const Verdict MONEY = {
    .kind = VERDICT_SAFETY, .rule = RULE_MONEY, .rules = 1u << RULE_MONEY};

typedef struct Reader {
    const char *needed[6]; /* words of entries and choices; NULL ends them */
    const char *recorded;  /* what every run is recorded as; NULL: as nothing */
    size_t enough_at;      /* so many runs; 0: no limit */
    size_t runs;
} Reader;

static bool fails(Reader *reader, const char *text)
{
    reader->runs++;
    for (const char **needed = reader->needed; *needed != NULL; needed++) {
        if (strstr(text, *needed) == NULL)
            return false;
    }
    return true;
}

static size_t first(void *context, char *const *texts, size_t count, Verdict like)
{
    assert_int_equal(like.rule, RULE_MONEY);
    for (size_t i = 0; i < count; i++) {
        if (fails(context, texts[i]))
            return i;
    }
    return count;
}

static char *record(void *context, const char *text)
{
    const Reader *reader = context;
    (void)text;
    return g_strdup(reader->recorded);
}

static bool enough(void *context, const char *doing, size_t choices)
{
    const Reader *reader = context;
    (void)doing;
    (void)choices;
    return reader->enough_at > 0 && reader->runs >= reader->enough_at;
}

static void expect(Reader *reader, const char *schedule, const char *expected)
{
    const Judge judge = {.context = reader, .first = first, .record = record, .enough = enough};
    g_autofree char *small = shrink(&judge, schedule, MONEY);
    assert_string_equal(small, expected);
}

/* A hundred transfers and lost datagrams, and the lines. */
static GString *large(const char *script, const char *choices)
{
    GString *text = g_string_new("[bank]\ncustomers=2\ncohort_size=2\n[script]\n");
    for (int i = 0; i < 100; i++)
        g_string_append_printf(text, "%dms=c1 transfer 5 c2\n", 10 + i);
    g_string_append_printf(text, "%s[choices]\n", script);
    for (int i = 0; i < 100; i++)
        g_string_append_printf(text, "c1>c2 %d=lost\n", 100 + i);
    return g_string_append(text, choices);
}

static void all_that_is_not_needed_goes(void **state)
{
    (void)state;
    Reader reader = {.needed = {"c2 rollback", "c1>c2 150=lost"}};
    g_autoptr(GString) text = large("1s=c2 rollback\n", "");
    expect(&reader, text->str,
           "[bank]\ncustomers=2\ncohort_size=2\n[scenario]\nduration=2ms\n[script]\n1ms=c2 "
           "rollback\n[choices]\n"
           "c1>c2 150=lost\n");
}

static void what_needs_nothing_has_no_choice_left(void **state)
{
    (void)state;
    Reader reader = {.needed = {NULL}};
    g_autoptr(GString) text = large("", "");
    expect(&reader, text->str,
           "[bank]\ncustomers=1\ncohort_size=2\n[scenario]\nduration=1ms\n[choices]\n");
}

static void customers_that_are_not_needed_go(void **state)
{
    (void)state;
    Reader reader = {.needed = {"transfer", "c1>c2"}};
    expect(&reader,
           "[bank]\ncustomers=5\ncohort_size=2\n[script]\n1ms=c5 transfer 1 c3\n2ms=c1 "
           "checkpoint\n[choices]\n"
           "c1>c2 1=lost\nc3>c5 1=lost\n",
           "[bank]\ncustomers=4\ncohort_size=2\n[scenario]\nduration=2ms\n[script]\n1ms=c4 "
           "transfer 1 c3\n"
           "[choices]\nc1>c2 1=lost\n");
}

/* One without the other holds. */
static bool both_or_none(const char *text)
{
    return (strstr(text, "c1 crash") != NULL) == (strstr(text, "c1 restart") != NULL);
}

static size_t first_paired(void *context, char *const *texts, size_t count, Verdict like)
{
    (void)context;
    (void)like;
    for (size_t i = 0; i < count; i++) {
        if (both_or_none(texts[i]))
            return i;
    }
    return count;
}

static void what_goes_only_together_goes_together(void **state)
{
    (void)state;
    Reader reader = {0};
    const Judge judge = {
        .context = &reader, .first = first_paired, .record = record, .enough = enough};
    g_autofree char *small =
        shrink(&judge,
               "[bank]\ncustomers=1\ncohort_size=2\n[script]\n1ms=c1 crash\n2ms=c1 restart\n"
               "3ms=c1 checkpoint\n[choices]\n",
               MONEY);
    assert_string_equal(
        small, "[bank]\ncustomers=1\ncohort_size=2\n[scenario]\nduration=1ms\n[choices]\n");
}

static void values_become_plain(void **state)
{
    (void)state;
    Reader reader = {.needed = {"transfer", "pause", "c1>c2 3="}};
    expect(&reader,
           "[bank]\ncustomers=2\ncohort_size=2\n[network]\ndelay=constant 7.123ms\n[script]\n"
           "1.234567s=c1 transfer 23.45 c2\n3.5s=c2 pause 2.7s\n[choices]\nc1>c2 3=1.23ms\n",
           "[bank]\ncustomers=2\ncohort_size=2\n[scenario]\nduration=3ms\n"
           "[script]\n1ms=c1 transfer 1 c2\n2ms=c2 pause 1ms\n[choices]\nc1>c2 3=lost\n");
}

/* All three lines, or only the one that is recorded. */
static size_t first_large_or_drawn(void *context, char *const *texts, size_t count, Verdict like)
{
    (void)context;
    (void)like;
    for (size_t i = 0; i < count; i++) {
        bool large = strstr(texts[i], "c1 checkpoint") != NULL &&
                     strstr(texts[i], "c2 checkpoint") != NULL && strstr(texts[i], "2>c1") != NULL;
        if (large || strstr(texts[i], "seed=") != NULL)
            return i;
    }
    return count;
}

static void a_smaller_run_that_was_drawn_takes_the_place_of_the_first(void **state)
{
    (void)state;
    Reader reader = {.recorded = "[bank]\ncustomers=2\ncohort_size=2\n[scenario]\nseed=5\n"
                                 "duration=1ms\n[script]\n1ms=c2 checkpoint\n[choices]\n"};
    const Judge judge = {
        .context = &reader, .first = first_large_or_drawn, .record = record, .enough = enough};
    g_autofree char *small = shrink(&judge,
                                    "[bank]\ncustomers=2\ncohort_size=2\n[script]\n"
                                    "1ms=c1 checkpoint; c2 checkpoint\n[choices]\nc2>c1 1=lost\n",
                                    MONEY);
    assert_non_null(strstr(small, "seed=5"));
    assert_null(strstr(small, "c1 checkpoint"));
}

static void when_it_is_enough_the_best_so_far_is_the_result(void **state)
{
    (void)state;
    Reader reader = {.needed = {"c2 rollback"}, .enough_at = 3};
    g_autoptr(GString) text = large("1s=c2 rollback\n", "");
    const Judge judge = {.context = &reader, .first = first, .record = record, .enough = enough};
    g_autofree char *small = shrink(&judge, text->str, MONEY);
    assert_true(fails(&reader, small));
    assert_true(strlen(small) < text->len);
    assert_true(reader.runs < 50);
}

static void the_same_text_is_always_shrunk_to_the_same(void **state)
{
    (void)state;
    g_autoptr(GString) text = large("1s=c2 rollback\n", "c2>c1 1=5ms\n");
    char *results[2];
    for (int i = 0; i < 2; i++) {
        Reader reader = {.needed = {"rollback", "c2>c1", "transfer"}};
        const Judge judge = {
            .context = &reader, .first = first, .record = record, .enough = enough};
        results[i] = shrink(&judge, text->str, MONEY);
    }
    assert_string_equal(results[0], results[1]);
    g_free(results[0]);
    g_free(results[1]);
}

static void a_verdict_is_of_the_same_kind_when_the_same_rule_is_violated(void **state)
{
    (void)state;
    const Verdict both = {
        .kind = VERDICT_SAFETY, .rule = RULE_PREFIX, .rules = 1u << RULE_PREFIX | 1u << RULE_MONEY};
    const Verdict stuck = {.kind = VERDICT_STUCK};
    assert_true(verdict_is(both, MONEY));
    assert_false(verdict_is(MONEY, both));
    assert_false(verdict_is(stuck, MONEY));
    assert_false(verdict_is(MONEY, stuck));
    assert_true(verdict_is(stuck, stuck));
    assert_string_equal(verdict_name(both), "prefix");
    assert_string_equal(verdict_name(stuck), "liveness");
    assert_string_equal(verdict_name((Verdict){.kind = VERDICT_BROKEN}), "assertion");
    assert_string_equal(verdict_name((Verdict){.kind = VERDICT_CRASH}), "crash");
    assert_false(verdict_is((Verdict){.kind = VERDICT_CRASH}, (Verdict){.kind = VERDICT_BROKEN}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_not_needed_goes),
        cmocka_unit_test(what_needs_nothing_has_no_choice_left),
        cmocka_unit_test(customers_that_are_not_needed_go),
        cmocka_unit_test(what_goes_only_together_goes_together),
        cmocka_unit_test(values_become_plain),
        cmocka_unit_test(a_smaller_run_that_was_drawn_takes_the_place_of_the_first),
        cmocka_unit_test(when_it_is_enough_the_best_so_far_is_the_result),
        cmocka_unit_test(the_same_text_is_always_shrunk_to_the_same),
        cmocka_unit_test(a_verdict_is_of_the_same_kind_when_the_same_rule_is_violated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
