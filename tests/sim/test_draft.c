/* Scenario files as lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/draft.h"

static const char TEXT[] = "[scenario]\n"
                           "seed=7\n"
                           "[bank]\n"
                           "customers=4\n"
                           "[script]\n"
                           "1ms=c1 transfer 5 c2; c3 crash\n"
                           "2.5s=network partition both c2,c3,bank 1s\n"
                           "[choices]\n"
                           "c1>c3 2=lost\n"
                           "c4 disk 5=error\n";

static void expect_text(const Draft *draft, const char *expected)
{
    g_autofree char *text = draft_write(draft);
    assert_string_equal(text, expected);
}

static void a_draft_writes_what_it_has_read(void **state)
{
    (void)state;
    Draft *draft = draft_read(TEXT);
    expect_text(draft, TEXT);
    draft_free(draft);
}

static void entries_and_choices_are_counted_and_settings_are_not(void **state)
{
    (void)state;
    Draft *draft = draft_read(TEXT);
    assert_int_equal(draft_choices(draft), 5);
    assert_int_equal(draft_end_ns(draft), 2500 * NS_PER_MS);
    draft_free(draft);
}

static void a_schedule_without_choices_is_still_one(void **state)
{
    (void)state;
    Draft *draft = draft_read(TEXT);
    draft_clear(draft, DRAFT_CHOICE);
    draft_clear(draft, DRAFT_SCRIPT);
    expect_text(draft, "[scenario]\nseed=7\n[bank]\ncustomers=4\n[choices]\n");
    draft->schedule = false;
    expect_text(draft, "[scenario]\nseed=7\n[bank]\ncustomers=4\n");
    draft_free(draft);
}

static void an_entry_comes_behind_those_of_its_time(void **state)
{
    (void)state;
    Draft *draft = draft_read("[script]\n1s=c1 checkpoint\n2s=c1 rollback\n");
    draft_add_script(draft, NS_PER_S, "c2 rollback");
    draft_add_script(draft, 1, "c2 checkpoint");
    expect_text(draft, "[script]\n1ns=c2 checkpoint\n1s=c1 checkpoint; c2 rollback\n"
                       "2s=c1 rollback\n");
    draft_free(draft);
}

static void a_setting_is_put_into_its_group(void **state)
{
    (void)state;
    Draft *draft = draft_read("[bank]\ncustomers=4\n[network]\nloss=5%\n");
    draft_set(draft, "bank", "balance", "7");
    draft_set(draft, "bank", "customers", "2");
    draft_set(draft, "scenario", "seed", "3");
    draft_unset(draft, "network", "loss");
    expect_text(draft, "[bank]\ncustomers=2\nbalance=7\n[scenario]\nseed=3\n");
    assert_int_equal(draft_get_number(draft, "bank", "balance", 0), 7);
    assert_null(draft_get(draft, "network", "loss"));
    draft_free(draft);
}

static void without_a_customer_the_others_move_up(void **state)
{
    (void)state;
    Draft *draft = draft_read(TEXT);
    Draft *rest = draft_without_customer(draft, 2);
    expect_text(rest, "[scenario]\nseed=7\n[bank]\ncustomers=3\n[script]\n1ms=c2 crash\n"
                      "2.5s=network partition both c2,bank 1s\n[choices]\nc1>c2 2=lost\n"
                      "c3 disk 5=error\n");
    draft_free(rest);
    rest = draft_without_customer(draft, 3);
    expect_text(rest, "[scenario]\nseed=7\n[bank]\ncustomers=3\n[script]\n1ms=c1 transfer 5 c2\n"
                      "2.5s=network partition both c2,bank 1s\n[choices]\nc3 disk 5=error\n");
    draft_free(rest);
    draft_free(draft);
}

static void copies_share_lines_and_nothing_else(void **state)
{
    (void)state;
    Draft *draft = draft_read(TEXT);
    Draft *copy = draft_copy(draft);
    draft_set(copy, "scenario", "seed", "8");
    draft_rewrite(copy, 2, "c1 transfer 1 c2");
    expect_text(draft, TEXT);
    draft_free(draft);
    assert_string_equal(draft_line(copy, 2)->value, "c1 transfer 1 c2");
    draft_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_draft_writes_what_it_has_read),
        cmocka_unit_test(entries_and_choices_are_counted_and_settings_are_not),
        cmocka_unit_test(a_schedule_without_choices_is_still_one),
        cmocka_unit_test(an_entry_comes_behind_those_of_its_time),
        cmocka_unit_test(a_setting_is_put_into_its_group),
        cmocka_unit_test(without_a_customer_the_others_move_up),
        cmocka_unit_test(copies_share_lines_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
