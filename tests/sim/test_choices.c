#include "sim/choices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/script.h"

/* c1, c2 and c3 are the customers 0, 1 and 2. */
static GHashTable *three_customers(void)
{
    static const char *const names[] = {"c1", "c2", "c3"};
    GHashTable *numbers = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        g_hash_table_insert(numbers, (void *)names[i], GUINT_TO_POINTER(i));
    return numbers;
}

/* "key=value" */
static char *read_line(Choices *choices, const char *line)
{
    const char *equals = strchr(line, '=');
    g_autofree char *key = g_strndup(line, (gsize)(equals - line));
    return choices_read(choices, key, equals + 1);
}

static Choices *read_lines(const char *const *lines, size_t count)
{
    Choices *choices = choices_new();
    for (size_t i = 0; i < count; i++) {
        char *reason = read_line(choices, lines[i]);
        if (reason != NULL)
            fail_msg("%s: %s", lines[i], reason);
    }
    return choices;
}

static void complete(Choices *choices)
{
    GHashTable *numbers = three_customers();
    char *reason = choices_complete(choices, numbers);
    if (reason != NULL)
        fail_msg("%s", reason);
    g_hash_table_unref(numbers);
}

static void every_form_is_written_as_it_was_read(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "c1>c2 1=lost",
        "c1>c2 2=0s",
        "c1>c2 17=3.25ms 7ms 1ns 2us 12.000000001s 1s 2s 3s",
        "c1>bank 9=72057594.037927936s",
        "c1>- 1=5ms",
        "bank>c3 18446744073709551615=lost",
        "c1 disk 1=120us",
        "c1 disk 2=error 0",
        "c1 disk 3=error 120",
        "c1 disk 4=full 120 3ms",
        "bank disk 1=full 0 0s",
        "c1 write 1=die 2",
        "c1 write 2=die 0 under-way",
        "c1 write 3=die after 7",
        "c2 crash 1=lose 18446744073709551615",
        "c2 crash 2=tear 5",
        "c2 crash 3=lose tear 6",
        "c2 crash 4=0",
        "c1 flip 1=77",
        "c1 clock 2=12.5s",
        "c1 drift=-500000000",
        "c2 drift=500000000",
    };
    Choices *choices = read_lines(lines, G_N_ELEMENTS(lines));
    assert_int_equal(choices_count(choices), G_N_ELEMENTS(lines));
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        choice_write(choices_at(choices, i), text);
        g_string_truncate(text, text->len - 1);
        assert_string_equal(text->str, lines[i]);
    }
    choices_free(choices);
}

static void what_may_be_left_out_has_its_default(void **state)
{
    (void)state;
    static const char *const lines[] = {"c1 disk 1=error", "c1 disk 2=full 3ms"};
    Choices *choices = read_lines(lines, G_N_ELEMENTS(lines));
    assert_int_equal(choices_at(choices, 0)->disk.code, SIMDISK_ERROR);
    assert_int_equal(choices_at(choices, 0)->disk.written, 0);
    assert_true(choices_at(choices, 0)->disk.delay_ns == TIME_NEVER);
    assert_int_equal(choices_at(choices, 1)->disk.code, SIMDISK_FULL);
    assert_int_equal(choices_at(choices, 1)->disk.delay_ns, 3 * NS_PER_MS);
    choices_free(choices);
}

static void bad_choice_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *reason; /* how it begins */
    } table[] = {
        {"=1", "a choice is of"},
        {"c1=1", "a choice is of"},
        {"c1 3=lost", "a choice is of"},
        {"c1 dance 3=1", "a choice is of"},
        {"c1 drift 3=1", "a choice is of"},
        {"c1 disk=1ms", "a choice is of"},
        {"c1 disk 1 2=1ms", "a choice is of"},
        {"c1>c2=lost", "a choice is of"},
        {"c1>c2 0=lost", "`0`: must be a number from 1"},
        {"c1>c2 x=lost", "`x`: must be a number from 1"},
        {"c1 disk 0=1ms", "`0`: must be a number from 1"},
        {"1>c2 1=lost", "`1` is not the name of a process"},
        {"c1> 1=lost", "`` is not the name of a process"},
        {"1 drift=1", "`1` is not the name of a process"},
        {"c1>c2 1=", "must be `lost`"},
        {"c1>c2 1=lost 3ms", "must begin with a number"},
        {"c1>c2 1=1s 1s 1s 1s 1s 1s 1s 1s 1s", "must be `lost`"},
        {"c1>c2 1=3", "a time needs a unit"},
        {"c1>c2 1=72057594.037927937s", "the time is too long"},
        {"c1 disk 1=", "must be `error` or `full`"},
        {"c1 disk 1=error 1 2ms 3", "must be `error` or `full`"},
        {"c1 disk 1=error x", "must begin with a number"},
        {"c1 disk 1=1", "a time needs a unit"},
        {"c1 write 1=die", "must be `die OPERATION`"},
        {"c1 write 1=live 1", "must be `die OPERATION`"},
        {"c1 write 1=die x", "must be `die OPERATION`"},
        {"c1 write 1=die 1 2", "must be `die OPERATION`"},
        {"c1 write 1=die after under-way", "must be `die OPERATION`"},
        {"c1 write 1=die 1 under-way 2", "must be `die OPERATION`"},
        {"c1 crash 1=lose", "must be `lose SEED`"},
        {"c1 crash 1=tear lose 1", "must be `lose SEED`"},
        {"c1 crash 1=", "must be `lose SEED`"},
        {"c1 flip 1=-1", "must be a number"},
        {"c1 flip 1=1 2", "must be one word"},
        {"c1 clock 1=soon", "must begin with a number"},
        {"c1 drift=500000001", "must be a number from -500000000"},
        {"c1 drift=--1", "must be a number from -500000000"},
        {"c1>c2 01=lost", "must be written `c1>c2 1`"},
        {"c1>c2  1=lost", "must be written `c1>c2 1`"},
        {"bank disk 00012=error", "must be written `bank disk 12`"},
        {"c1\tdrift=1", "must be written `c1 drift`"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        Choices *choices = choices_new();
        char *reason = read_line(choices, table[i].line);
        if (reason == NULL)
            fail_msg("%s is not refused", table[i].line);
        if (!g_str_has_prefix(reason, table[i].reason))
            fail_msg("%s: `%s` does not begin with `%s`", table[i].line, reason, table[i].reason);
        assert_int_equal(choices_count(choices), 0);
        g_free(reason);
        choices_free(choices);
    }
}

static void answer_is_found_by_its_whole_key(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "c2>c1 2=7ms",      "c1 flip 1=5",  "c1>c2 2=lost",      "bank>c1 2=8ms", "c1 clock 1=3s",
        "c1 write 2=die 1", "c1>c2 11=9ms", "c2 crash 2=lose 3", "c1 drift=4",    "c1>- 2=10ms",
    };
    Choices *choices = read_lines(lines, G_N_ELEMENTS(lines));
    complete(choices);
    assert_int_equal(choices_find(choices, CHOICE_DATAGRAM, 0, 1, 2)->datagram.copies, 0);
    assert_int_equal(choices_find(choices, CHOICE_DATAGRAM, 1, 0, 2)->datagram.delay_ns[0],
                     7 * NS_PER_MS);
    assert_int_equal(choices_find(choices, CHOICE_DATAGRAM, 0, 1, 11)->datagram.delay_ns[0],
                     9 * NS_PER_MS);
    assert_int_equal(
        choices_find(choices, CHOICE_DATAGRAM, SCRIPT_BANK, 0, 2)->datagram.delay_ns[0],
        8 * NS_PER_MS);
    assert_int_equal(
        choices_find(choices, CHOICE_DATAGRAM, 0, CHOICE_NOBODY, 2)->datagram.delay_ns[0],
        10 * NS_PER_MS);
    assert_int_equal(choices_find(choices, CHOICE_FLIP, 0, 0, 1)->seed, 5);
    assert_int_equal(choices_find(choices, CHOICE_CRASH, 1, 0, 2)->crash.seed, 3);
    assert_int_equal(choices_find(choices, CHOICE_DRIFT, 0, 0, 0)->drift, 4);
    assert_null(choices_find(choices, CHOICE_DATAGRAM, 0, 1, 3));
    assert_null(choices_find(choices, CHOICE_DATAGRAM, 0, 2, 2));
    assert_null(choices_find(choices, CHOICE_CRASH, 0, 0, 1));
    assert_null(choices_find(choices, CHOICE_DISK, 0, 0, 1));
    choices_free(choices);
}

static void last_of_two_with_the_same_key_counts(void **state)
{
    (void)state;
    static const char *const lines[] = {"c1>c2 1=1ms", "c1>c2 2=2ms", "c1>c2 1=lost",
                                        "c1>c2 1=3ms"};
    Choices *choices = read_lines(lines, G_N_ELEMENTS(lines));
    complete(choices);
    assert_int_equal(choices_count(choices), 2);
    assert_int_equal(choices_find(choices, CHOICE_DATAGRAM, 0, 1, 1)->datagram.delay_ns[0],
                     3 * NS_PER_MS);
    choices_free(choices);
}

static void name_of_nobody_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"c4 drift=1", "c1>c9 3=lost", "c9>c1 3=lost"};
    static const char *const reasons[] = {"c4 drift: no process", "c1>c9 3: no process",
                                          "c9>c1 3: no process"};
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        Choices *choices = read_lines(&lines[i], 1);
        GHashTable *numbers = three_customers();
        char *reason = choices_complete(choices, numbers);
        assert_non_null(reason);
        assert_true(g_str_has_prefix(reason, reasons[i]));
        g_free(reason);
        g_hash_table_unref(numbers);
        choices_free(choices);
    }
}

static bool keep_losses(void *user, const Choice *choice)
{
    (void)user;
    return choice->kind == CHOICE_DATAGRAM && choice->datagram.copies == 0;
}

static void choices_go_and_the_others_stay_put(void **state)
{
    (void)state;
    static const char *const lines[] = {"c1>c2 1=1ms", "c1>c2 2=lost", "c1>c3 1=lost",
                                        "c1 drift=1"};
    Choices *all = read_lines(lines, G_N_ELEMENTS(lines));
    complete(all);
    Choices *some = choices_copy(all);
    choices_retain(some, keep_losses, NULL);
    choices_remove(some, 1);
    assert_int_equal(choices_count(some), 1);
    assert_non_null(choices_find(some, CHOICE_DATAGRAM, 0, 1, 2));
    assert_int_equal(choices_count(all), 4);
    choices_free(some);
    choices_free(all);
}

static void all_are_written_in_the_order_of_their_keys(void **state)
{
    (void)state;
    static const char *const lines[] = {"c1 drift=1", "bank>c1 1=lost", "c2>c1 1=lost",
                                        "c1>c2 10=lost", "c1>c2 9=lost"};
    Choices *choices = read_lines(lines, G_N_ELEMENTS(lines));
    g_autoptr(GString) text = g_string_new(NULL);
    complete(choices);
    choices_write(choices, text);
    assert_string_equal(text->str, "c1>c2 9=lost\n"
                                   "c1>c2 10=lost\n"
                                   "c2>c1 1=lost\n"
                                   "bank>c1 1=lost\n"
                                   "c1 drift=1\n");
    choices_free(choices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_written_as_it_was_read),
        cmocka_unit_test(what_may_be_left_out_has_its_default),
        cmocka_unit_test(bad_choice_is_refused_with_a_reason),
        cmocka_unit_test(answer_is_found_by_its_whole_key),
        cmocka_unit_test(last_of_two_with_the_same_key_counts),
        cmocka_unit_test(name_of_nobody_is_refused),
        cmocka_unit_test(choices_go_and_the_others_stay_put),
        cmocka_unit_test(all_are_written_in_the_order_of_their_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
