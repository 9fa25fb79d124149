/* Two runs that ought to be the same, as `cohort sim --check-determinism` compares them. */
#include "tools/telling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct Trial {
    FILE *runs[SIDES];
    Divergence *divergence;
    TellingEnd ends[SIDES];
    GString *text;
} Trial;

static void tell(Trial *trial, unsigned side, const char *line, const char *detail)
{
    telling_write(trial->runs[side], &(Moment){line, "words of it", detail});
}

static Trial *begin(void)
{
    Trial *trial = g_new0(Trial, 1);
    for (unsigned side = 0; side < SIDES; side++) {
        trial->runs[side] = tmpfile();
        assert_non_null(trial->runs[side]);
        tell(trial, side, "{\"seq\":0,\"e\":\"opened\"}", "step 1");
    }
    trial->divergence = divergence_new(2, NULL);
    trial->text = g_string_new(NULL);
    return trial;
}

static bool compare(Trial *trial)
{
    static const char *const names[SIDES] = {"one", "two"};
    for (unsigned side = 0; side < SIDES; side++)
        rewind(trial->runs[side]);
    bool same = telling_compare(trial->runs, trial->divergence, trial->ends);
    divergence_write_text(trial->divergence, names, trial->text);
    return same;
}

static void end(Trial *trial)
{
    for (unsigned side = 0; side < SIDES; side++)
        fclose(trial->runs[side]);
    divergence_free(trial->divergence);
    g_string_free(trial->text, TRUE);
    g_free(trial);
}

static void runs_that_are_the_same_to_their_ends_are_the_same(void **state)
{
    (void)state;
    Trial *trial = begin();
    telling_write_end(trial->runs[0], 7, 99);
    telling_write_end(trial->runs[1], 7, 99);
    assert_true(compare(trial));
    assert_int_equal(divergence_passed(trial->divergence), 1);
    assert_int_equal(trial->ends[1].steps, 7);
    end(trial);
}

static void a_line_that_differs_is_found_with_its_fields(void **state)
{
    (void)state;
    Trial *trial = begin();
    tell(trial, 0, "{\"seq\":1,\"t\":5,\"e\":\"left\"}", "step 2");
    tell(trial, 1, "{\"seq\":1,\"t\":6,\"e\":\"left\"}", "step 2");
    assert_false(compare(trial));
    assert_non_null(strstr(trial->text->str, "they part after 1 equal events, in: t\n"));
    end(trial);
}

static void bytes_that_differ_are_found_though_the_lines_are_equal(void **state)
{
    (void)state;
    Trial *trial = begin();
    tell(trial, 0, "{\"seq\":1}", "step 2, sent 00");
    tell(trial, 1, "{\"seq\":1}", "step 2, sent 01");
    assert_false(compare(trial));
    assert_non_null(strstr(trial->text->str, "after 1 equal events, in: detail\n"));
    assert_non_null(strstr(trial->text->str, "step 2, sent 00\n"));
    assert_non_null(strstr(trial->text->str, "step 2, sent 01\n"));
    end(trial);
}

static void a_run_that_goes_on_alone_is_not_the_same(void **state)
{
    (void)state;
    Trial *trial = begin();
    tell(trial, 1, "{\"seq\":1}", "step 2");
    telling_write_end(trial->runs[0], 7, 99);
    telling_write_end(trial->runs[1], 7, 99);
    assert_false(compare(trial));
    assert_non_null(strstr(trial->text->str, "one ends\ntwo goes on:\n"));
    end(trial);
}

static void what_no_event_shows_is_in_how_they_end(void **state)
{
    (void)state;
    const TellingEnd others[] = {{.steps = 8, .trace_hash = 99}, {.steps = 7, .trace_hash = 98}};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        Trial *trial = begin();
        telling_write_end(trial->runs[0], 7, 99);
        telling_write_end(trial->runs[1], others[i].steps, others[i].trace_hash);
        assert_false(compare(trial));
        assert_false(divergence_found(trial->divergence));
        end(trial);
    }
}

static void a_run_that_breaks_off_is_not_the_same(void **state)
{
    (void)state;
    Trial *trial = begin();
    telling_write_end(trial->runs[0], 7, 99);
    assert_false(compare(trial));
    assert_true(trial->ends[0].whole);
    assert_false(trial->ends[1].whole);
    end(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_that_are_the_same_to_their_ends_are_the_same),
        cmocka_unit_test(a_line_that_differs_is_found_with_its_fields),
        cmocka_unit_test(bytes_that_differ_are_found_though_the_lines_are_equal),
        cmocka_unit_test(a_run_that_goes_on_alone_is_not_the_same),
        cmocka_unit_test(what_no_event_shows_is_in_how_they_end),
        cmocka_unit_test(a_run_that_breaks_off_is_not_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
