#include "sim/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* One entry, at 1 s. */
static GArray *read_entry(const char *text)
{
    GArray *script = script_new();
    char *reason = script_read(script, "1s", text);
    if (reason != NULL)
        fail_msg("%s: %s", text, reason);
    assert_int_equal(script->len, 1);
    return script;
}

static GHashTable *two_customers(void)
{
    static const char *const names[] = {"c1", "c2"};
    GHashTable *numbers = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        g_hash_table_insert(numbers, (void *)names[i], GUINT_TO_POINTER(i));
    return numbers;
}

static void every_entry_is_written_as_it_was_read(void **state)
{
    (void)state;
    static const char *const entries[] = {
        "c1 open 100",
        "c1 open c2 100.50",
        "c1 open c2 0 10.1.0.2 8501 8502",
        "c1 open 0 10.1.0.2 8501 8502",
        "bank open c2 0 10.1.0.2 8501 8502",
        "c1 exit",
        "c1 exit c2",
        "bank exit c2",
        "c1 new-cohort 3",
        "c1 new-cohort c2 3",
        "bank new-cohort c2 18446744073709551615",
        "c1 delete-cohort",
        "bank delete-cohort c2",
        "c1 deposit 0.01",
        "c1 withdrawal 12",
        "c1 transfer 12.50 c2",
        "c1 lost-transfer 1 c2",
        "c1 checkpoint",
        "c1 rollback",
        "c1 balance",
        "c1 crash",
        "bank restart",
        "c1 timer",
        "c1 pause 1.5s",
        "bank clock-jump 3.5ms",
        "network partition both c1,bank 3s",
        "network partition to c1 0s",
        "network partition from c1,c2 1ns",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(entries); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        GArray *script = read_entry(entries[i]);
        script_write_entry(&g_array_index(script, ScriptCommand, 0), text);
        assert_string_equal(text->str, entries[i]);
        g_array_unref(script);
    }
}

static void bad_entry_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason; /* how it begins */
    } table[] = {
        {"c1", "c1: : nothing typed"},
        {"7 crash", "`7` is not the name"},
        {"c1 crash soon", "write `c1 crash`"},
        {"c1 pause", "write `c1 pause D`"},
        {"bank clock-jump 1s 2s", "write `bank clock-jump D`"},
        {"c1 pause 5", "`5`: a time needs a unit"},
        {"c1 pause 72057595s", "`72057595s`: the time is too long"},
        {"c1 timer 5s", "write `c1 timer`"},
        {"network partition both c1", "write `network partition both"},
        {"network partition c1 3s 4s", "`c1`: must be both, to or from"},
        {"network partition to c1 soon", "`soon`: must begin with a number"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        GArray *script = script_new();
        char *reason = script_read(script, "1s", table[i].text);
        if (reason == NULL)
            fail_msg("%s is not refused", table[i].text);
        if (!g_str_has_prefix(reason, table[i].reason))
            fail_msg("`%s` does not begin with `%s`", reason, table[i].reason);
        assert_int_equal(script->len, 0);
        g_free(reason);
        g_array_unref(script);
    }
}

static void customer_may_be_called_network(void **state)
{
    (void)state;
    GArray *script = read_entry("network deposit 5");
    assert_int_equal(g_array_index(script, ScriptCommand, 0).act, SCRIPT_COMMAND);
    g_array_unref(script);
}

static void sides_of_a_partition_are_known_once_completed(void **state)
{
    (void)state;
    GHashTable *numbers = two_customers();
    const char *key = NULL;
    GArray *script = read_entry("network partition both c2,bank 3s");
    assert_null(script_complete(script, numbers, &key));
    GArray *copy = script_copy(script);
    g_array_unref(script);
    assert_null(script_complete(copy, numbers, &key)); /* again is fine */
    const GArray *subjects = g_array_index(copy, ScriptCommand, 0).cut.subjects;
    assert_int_equal(subjects->len, 2);
    assert_int_equal(g_array_index(subjects, uint32_t, 0), 1);
    assert_true(g_array_index(subjects, uint32_t, 1) == SCRIPT_BANK);
    g_array_unref(copy);

    GArray *wrong = read_entry("network partition both c2,c3 3s");
    char *reason = script_complete(wrong, numbers, &key);
    assert_string_equal(reason, "`c3` is no process of this scenario");
    assert_string_equal(key, "1s");
    g_free(reason);
    g_array_unref(wrong);
    g_hash_table_unref(numbers);
}

static void script_is_written_one_line_for_each_time(void **state)
{
    (void)state;
    GHashTable *numbers = two_customers();
    const char *key = NULL;
    GArray *script = script_new();
    g_autoptr(GString) text = g_string_new(NULL);
    assert_null(script_read(script, "2s", "c1 rollback"));
    assert_null(script_read(script, "1000ms", "c2 crash; c1 balance"));
    assert_null(script_read(script, "1s", "c1 pause 3s"));
    assert_null(script_complete(script, numbers, &key));
    script_append(
        script, &(ScriptCommand){.time_ns = 2 * NS_PER_S, .process = {"c2"}, .act = SCRIPT_TIMER});
    script_write(script, text);
    assert_string_equal(text->str, "1s=c2 crash; c1 balance; c1 pause 3s\n"
                                   "2s=c1 rollback; c2 timer\n");
    g_array_unref(script);
    g_hash_table_unref(numbers);
}

static void only_the_next_of_crash_and_restart_counts(void **state)
{
    (void)state;
    GHashTable *numbers = two_customers();
    const char *key = NULL;
    GArray *script = script_new();
    g_autoptr(GString) restarted = g_string_new(NULL);
    assert_null(script_read(script, "1s", "c1 crash; c1 crash; c1 pause 1s"));
    assert_null(script_read(script, "2s", "c2 restart; c1 restart; c1 crash"));
    assert_null(script_complete(script, numbers, &key));
    for (guint i = 0; i < script->len; i++) {
        const ScriptCommand *entry = &g_array_index(script, ScriptCommand, i);
        if (entry->act == SCRIPT_CRASH)
            g_string_append(restarted, entry->restarted ? "yes " : "no ");
    }
    assert_string_equal(restarted->str, "no yes no ");
    g_array_unref(script);
    g_hash_table_unref(numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry_is_written_as_it_was_read),
        cmocka_unit_test(bad_entry_is_refused_with_a_reason),
        cmocka_unit_test(customer_may_be_called_network),
        cmocka_unit_test(sides_of_a_partition_are_known_once_completed),
        cmocka_unit_test(script_is_written_one_line_for_each_time),
        cmocka_unit_test(only_the_next_of_crash_and_restart_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
