/* The CSV as text: what is read, what is refused and how, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/table.h"

#define HEADER "name,balance,ip_address,port1,port2,cohort,exit_state\n"
#define ALICE "alice,100.50,127.0.0.1,8501,8502,,0\n"

static const char *collect(void *user, const BankRow *row)
{
    GArray *rows = user;
    for (guint i = 0; i < rows->len; i++) {
        if (name_equal(&g_array_index(rows, BankRow, i).name, &row->name))
            return "twice";
    }
    g_array_append_val(rows, *row);
    return NULL;
}

static bool read_bytes(const char *text, size_t length, GArray *rows, GString *error)
{
    return table_read("f.csv", (const uint8_t *)text, length, collect, rows, error);
}

/* --- refused --- */

typedef struct Broken {
    const char *text;
    size_t length;      /* 0: up to the NUL */
    const char *begins; /* the message */
    const char *contains;
} Broken;

static const Broken BROKEN[] = {
    {"", 0, "f.csv:1: column 1 (name): the file is empty", "name,balance,ip_address"},
    {"\n\n", 0, "f.csv:1: column 1 (name): the file is empty", ""},
    {"\xef\xbb\xbf", 0, "f.csv:1: column 1 (name): the file is empty", ""},
    {"n", 0, "f.csv:1: column 1 (name): the first line must be exactly", "found \"n\""},
    {"\xef\xbb\xbf", 2, "f.csv:1: column 1 (name): the first line must be exactly", "\\357\\273"},
    {"\xef\xbb" HEADER, 0, "f.csv:1: column 1 (name): the first line must be exactly",
     "\\357\\273n"},
    {"\xef\xbb!" HEADER, 0, "f.csv:1: column 1 (name): the first line must be exactly",
     "\\357\\273!"},
    {HEADER "alice,1,127.0.0.1,8501,8502,,\r0", 0,
     "f.csv:2: column 7 (exit_state): a carriage return", ""},
    {HEADER ALICE "bob,1,127.0.0.1,8501,8502,,0\r", 0,
     "f.csv:3: column 7 (exit_state): a carriage return", ""},
    {ALICE, 0, "f.csv:1: column 1 (name): the first line must be exactly name,", "\"alice\""},
    {"name,balance\n", 0, "f.csv:1: column 3 (ip_address): this value is missing", ""},
    {"name,amount,ip_address,port1,port2,cohort,exit_state\n", 0,
     "f.csv:1: column 2 (balance): the first line must be exactly", "\"amount\""},
    {"Name,balance,ip_address,port1,port2,cohort,exit_state\n", 0, "f.csv:1: column 1 (name)", ""},
    {" name,balance,ip_address,port1,port2,cohort,exit_state\n", 0, "f.csv:1: column 1 (name)", ""},
    {"name,balance,ip_address,port1,port2,cohort,exit_state,x\n", 0,
     "f.csv:1: column 8: one value too many", "\"x\""},
    {HEADER "alice,1,127.0.0.1,8501,8502,\n", 0,
     "f.csv:2: column 7 (exit_state): this value is missing", ""},
    {HEADER ALICE "bob\n", 0, "f.csv:3: column 2 (balance): this value is missing", ""},
    {HEADER "alice,1,127.0.0.1,8501,8502,,0,9\n", 0, "f.csv:2: column 8: one value too many",
     "\"9\""},
    {HEADER "9lives,1,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 1 (name): must be a letter",
     "\"9lives\""},
    {HEADER ",1,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 1 (name): must be a letter", ""},
    {HEADER "alice ,1,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 1 (name): must be a letter",
     "\"alice \""},
    {HEADER "alice,1.234,127.0.0.1,8501,8502,,0\n", 0,
     "f.csv:2: column 2 (balance): at most two fraction digits", "\"1.234\""},
    {HEADER "alice,92233720368547758.08,127.0.0.1,8501,8502,,0\n", 0,
     "f.csv:2: column 2 (balance): at most 92233720368547758.07", ""},
    {HEADER "alice,92233720368547759,127.0.0.1,8501,8502,,0\n", 0,
     "f.csv:2: column 2 (balance): at most 92233720368547758.07", ""},
    {HEADER "alice,-1,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 2 (balance): must", ""},
    {HEADER "alice,,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 2 (balance): must", ""},
    {HEADER "alice,1e3,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 2 (balance): must", ""},
    {HEADER "alice,1,localhost,8501,8502,,0\n", 0,
     "f.csv:2: column 3 (ip_address): must be an IPv4 address", "\"localhost\""},
    {HEADER "alice,1,127.0.0.256,8501,8502,,0\n", 0, "f.csv:2: column 3 (ip_address)", ""},
    {HEADER "alice,1,127.0.0.1,0,8502,,0\n", 0, "f.csv:2: column 4 (port1): must be a port", ""},
    {HEADER "alice,1,127.0.0.1,8501,65536,,0\n", 0, "f.csv:2: column 5 (port2): must be a port",
     ""},
    {HEADER "alice,1,127.0.0.1,8501,8502,x,0\n", 0, "f.csv:2: column 6 (cohort): must be empty",
     ""},
    {HEADER "alice,1,127.0.0.1,8501,8502,9007199254740992,0\n", 0,
     "f.csv:2: column 6 (cohort): at most 9007199254740991", "\"9007199254740992\""},
    {HEADER "alice,1,127.0.0.1,8501,8502,,2\n", 0, "f.csv:2: column 7 (exit_state): must be 0 or 1",
     "\"2\""},
    {HEADER ALICE "\n" ALICE, 0, "f.csv:4: column 1 (name): twice", "\"alice\""},
    {HEADER "ali\0ce,1,127.0.0.1,8501,8502,,0\n", sizeof HEADER - 1 + 33,
     "f.csv:2: column 1 (name): a NUL byte", ""},
    {HEADER "alice,1,127.0.0.1\0,8501,8502,,0\n", sizeof HEADER - 1 + 32,
     "f.csv:2: column 3 (ip_address): a NUL byte", ""},
    {HEADER "alice,\"1,127.0.0.1,8501,8502,,0\n" ALICE, 0,
     "f.csv:2: column 2 (balance): the quote is not closed", ""},
    {HEADER "alice,1,127.0.0.1,8501,8502,,\"0", 0,
     "f.csv:2: column 7 (exit_state): the quote is not closed", ""},
    {HEADER "al\"ice,1,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 1 (name): a stray quote", ""},
    {HEADER "\"alice\"x,1,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 1 (name): a stray quote",
     ""},
    {HEADER "alice,1\r,127.0.0.1,8501,8502,,0\n", 0,
     "f.csv:2: column 2 (balance): a carriage return", ""},
    {HEADER "alice;1;127.0.0.1;8501;8502;;0\n", 0, "f.csv:2: column 1 (name): must be a letter",
     ""},
    {HEADER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 0,
     "f.csv:2: column 1 (name): must be", "aaa...\""},
    {HEADER "a\x01\xff,1,127.0.0.1,8501,8502,,0\n", 0, "f.csv:2: column 1 (name): must be",
     "\\001\\377"},
};

static void a_broken_file_is_refused_by_line_column_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(BROKEN); i++) {
        const Broken *broken = &BROKEN[i];
        g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(BankRow));
        g_autoptr(GString) error = g_string_new(NULL);
        size_t length = broken->length != 0 ? broken->length : strlen(broken->text);
        bool sound = read_bytes(broken->text, length, rows, error);
        if (sound || !g_str_has_prefix(error->str, broken->begins) ||
            strstr(error->str, broken->contains) == NULL)
            fail_msg("case %zu: %s", i, sound ? "taken" : error->str);
        assert_null(strchr(error->str, '\n'));
        /* What is not sound is not handed on. */
        assert_int_equal(rows->len, g_str_has_prefix(broken->text, HEADER ALICE));
    }
}

static char *error_of(const char *text)
{
    GString *error = g_string_new(NULL);
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(BankRow));
    assert_false(read_bytes(text, strlen(text), rows, error));
    return g_string_free(error, FALSE);
}

static void a_value_is_quoted_if_there_is_one_and_as_far_as_40_bytes(void **state)
{
    (void)state;
    for (int length = 40; length <= 41; length++) {
        g_autofree char *name = g_strnfill(length, 'x');
        g_autofree char *text = g_strconcat(HEADER, name, ",1,127.0.0.1,8501,8502,,0\n", NULL);
        g_autofree char *error = error_of(text);
        g_autofree char *end = g_strdup_printf("found \"%.40s%s\"", name, length > 40 ? "..." : "");
        assert_true(g_str_has_suffix(error, end));
    }
    g_autofree char *first = error_of(HEADER "9lives,-1,127.0.0.1,8501,8502,,0\n");
    assert_true(g_str_has_suffix(first, "found \"9lives\"")); /* of two faults one is told */
    g_autofree char *missing = error_of(HEADER "alice\n");
    assert_true(g_str_has_suffix(missing, "this value is missing: a row has 7"));
}

static void all_rows_are_read_at_once_or_none(void **state)
{
    (void)state;
    static const char sound[] = HEADER ALICE "bob,1,127.0.0.1,8501,8502,,0\n";
    static const char twice[] = HEADER ALICE ALICE;
    g_autoptr(GString) error = g_string_new(NULL);
    g_autoptr(GArray) rows = table_rows("f.csv", (const uint8_t *)sound, strlen(sound), error);
    assert_int_equal(rows->len, 2);
    assert_string_equal(g_array_index(rows, BankRow, 1).name.text, "bob");
    assert_null(table_rows("f.csv", (const uint8_t *)twice, strlen(twice), error));
    assert_string_equal(error->str, "f.csv:3: column 1 (name): the name is in the file already: "
                                    "remove one, found \"alice\"");
}

/* --- taken --- */

typedef struct Good {
    const char *text;
    guint rows;
} Good;

static const Good GOOD[] = {
    {HEADER, 0},
    {HEADER ALICE, 1},
    {HEADER "alice,100.5,127.0.0.1,8501,8502,,0", 1},
    {"\xef\xbb\xbf" HEADER ALICE, 1},
    {HEADER ALICE "\n\r\n\n", 1},
    {HEADER "\n" ALICE, 1},
    {HEADER "\"alice\",\"100.50\",\"127.0.0.1\",\"8501\",\"8502\",\"\",\"0\"\n", 1},
    {"\"name\",balance,ip_address,port1,port2,cohort,\"exit_state\"\r\n"
     "alice,100.5,127.0.0.1,8501,8502,,no\r\n",
     1},
    {HEADER "alice,100.50,127.0.0.1,8501,8502,0,\n", 1},
    {HEADER "alice,100.50,127.0.0.1,8501,8502,0,FALSE\nbob,0,10.0.0.1,1,65535,7,Yes\n", 2},
};

static void a_sound_file_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(GOOD); i++) {
        g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(BankRow));
        g_autoptr(GString) error = g_string_new(NULL);
        if (!read_bytes(GOOD[i].text, strlen(GOOD[i].text), rows, error))
            fail_msg("case %zu: %s", i, error->str);
        assert_int_equal(rows->len, GOOD[i].rows);
        if (rows->len == 0)
            continue;
        const BankRow *row = &g_array_index(rows, BankRow, 0);
        assert_string_equal(row->name.text, "alice");
        assert_int_equal(row->balance, 10050);
        assert_int_equal(row->ip, 0x7f000001);
        assert_int_equal(row->port1, 8501);
        assert_int_equal(row->port2, 8502);
        assert_int_equal(row->cohort, 0);
        assert_false(row->exited);
    }
}

static void exit_state_is_read_in_all_its_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool exited;
    } spellings[] = {{"0", false},     {"1", true},     {"true", true}, {"TRUE", true},
                     {"False", false}, {"yes", true},   {"nO", false},  {"", false},
                     {"\"1\"", true},  {"\"\"", false}, {"tRuE", true}};
    for (size_t i = 0; i < G_N_ELEMENTS(spellings); i++) {
        g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(BankRow));
        g_autoptr(GString) error = g_string_new(NULL);
        g_autofree char *text =
            g_strconcat(HEADER "a,1,127.0.0.1,8501,8502,3,", spellings[i].text, "\n", NULL);
        assert_true(read_bytes(text, strlen(text), rows, error));
        assert_int_equal(g_array_index(rows, BankRow, 0).exited, spellings[i].exited);
        assert_int_equal(g_array_index(rows, BankRow, 0).cohort, 3);
    }
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    static const Money balances[] = {0, 1, 100, 10050, AMOUNT_MAX, AMOUNT_MAX + 1, INT64_MAX};
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) error = g_string_new(NULL);
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(BankRow));
    table_write_header(text);
    assert_string_equal(text->str, HEADER);
    for (size_t i = 0; i < G_N_ELEMENTS(balances); i++) {
        BankRow row = {.balance = balances[i],
                       .ip = (uint32_t)(0xffffffff - i),
                       .port1 = (uint16_t)(1 + i),
                       .port2 = (uint16_t)(65535 - i),
                       .cohort = i == 0 ? 0 : UINT64_C(9007199254740992) - i,
                       .exited = i % 2 == 1};
        row.name.text[0] = (char)('a' + i);
        table_write_row(text, &row);
    }
    assert_true(read_bytes(text->str, text->len, rows, error));
    g_autoptr(GString) again = g_string_new(NULL);
    table_write_header(again);
    for (guint i = 0; i < rows->len; i++)
        table_write_row(again, &g_array_index(rows, BankRow, i));
    assert_string_equal(again->str, text->str);
    assert_non_null(strstr(text->str, "\na,0,255.255.255.255,1,65535,,0\n"));
    assert_non_null(strstr(text->str, ",2,65534,9007199254740991,1\n"));
    assert_non_null(strstr(text->str, "\ne,90071992547409.91,255.255.255.251,5,65531,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_file_is_refused_by_line_column_and_reason),
        cmocka_unit_test(a_value_is_quoted_if_there_is_one_and_as_far_as_40_bytes),
        cmocka_unit_test(all_rows_are_read_at_once_or_none),
        cmocka_unit_test(a_sound_file_is_taken),
        cmocka_unit_test(exit_state_is_read_in_all_its_spellings),
        cmocka_unit_test(what_is_written_reads_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
