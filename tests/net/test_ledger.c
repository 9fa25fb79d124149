/* CSV and journal together, on a bank of this file's own: its rows, and one record per change,
 * "NAME BALANCE"; what the CSV does not hold is a note. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/ledger.h"
#include "tests/net/folder.h"

#define HEADER "name,balance,ip_address,port1,port2,cohort,exit_state\n"
#define ROW(name, balance) name "," balance ",127.0.0.1,8501,8502,,0\n"

/* --- the bank --- */

struct Bank {
    GArray *rows;
    GHashTable *places; /* name -> index + 1 */
    char note[32];
    unsigned records; /* replayed */
};

Bank *bank_new(const BankConfig *config)
{
    (void)config;
    Bank *bank = g_new0(Bank, 1);
    bank->rows = g_array_new(FALSE, FALSE, sizeof(BankRow));
    bank->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return bank;
}

void bank_free(Bank *bank)
{
    g_array_unref(bank->rows);
    g_hash_table_unref(bank->places);
    g_free(bank);
}

static BankRow *find(Bank *bank, const char *name)
{
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(bank->places, name));
    return place == 0 ? NULL : &g_array_index(bank->rows, BankRow, place - 1);
}

BankLoad bank_load_row(Bank *bank, const BankRow *row)
{
    if (find(bank, row->name.text) != NULL)
        return BANK_LOAD_DUPLICATE;
    g_array_append_val(bank->rows, *row);
    g_hash_table_insert(bank->places, g_strdup(row->name.text), GUINT_TO_POINTER(bank->rows->len));
    return BANK_LOAD_OK;
}

BankLoad bank_load_record(Bank *bank, const uint8_t *bytes, size_t length)
{
    g_autofree char *text = g_strndup((const char *)bytes, length);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    bank->records++;
    if (strcmp(words[0], "note") == 0) {
        g_strlcpy(bank->note, words[1], sizeof bank->note);
        return BANK_LOAD_OK;
    }
    if (strcmp(words[0], "nonsense") == 0)
        return BANK_LOAD_DAMAGED;
    BankRow row = {.ip = 0x7f000001, .port1 = 8501, .port2 = 8502};
    name_set(&row.name, words[0]);
    bank_load_row(bank, &row);
    money_parse_balance(words[1], &find(bank, words[0])->balance);
    return BANK_LOAD_OK;
}

size_t bank_row_count(const Bank *bank)
{
    return bank->rows->len;
}

BankRow bank_row(const Bank *bank, size_t index)
{
    return g_array_index(bank->rows, BankRow, index);
}

size_t bank_snapshot_count(const Bank *bank)
{
    return bank->note[0] != '\0' ? 1 : 0;
}

void bank_snapshot_record(const Bank *bank, size_t index, Coder *out)
{
    assert_int_equal(index, 0);
    g_autofree char *text = g_strconcat("note ", bank->note, NULL);
    code_bytes(out, (uint8_t *)text, strlen(text));
}

/* --- one open ledger and its bank --- */

typedef struct Opened {
    Bank *bank;
    Ledger *ledger;
    int code;
    GString *error;
    GString *warning;
} Opened;

static Opened open_ledger(void **state)
{
    g_autofree char *path = folder_path(state, "data.csv");
    Opened opened = {
        .bank = bank_new(NULL), .error = g_string_new(NULL), .warning = g_string_new(NULL)};
    opened.code = ledger_open(path, opened.bank, &opened.ledger, opened.error, opened.warning);
    return opened;
}

static Opened open_well(void **state)
{
    Opened opened = open_ledger(state);
    if (opened.code != 0)
        fail_msg("%s", opened.error->str);
    return opened;
}

/* As by kill -9: nothing is folded. */
static void close_ledger(Opened *opened)
{
    ledger_close(opened->ledger);
    bank_free(opened->bank);
    g_string_free(opened->error, TRUE);
    g_string_free(opened->warning, TRUE);
}

static void change(Opened *opened, const char *record)
{
    bank_load_record(opened->bank, (const uint8_t *)record, strlen(record));
    ledger_add(opened->ledger, (const uint8_t *)record, strlen(record));
}

static void commit(Opened *opened, const char *record)
{
    change(opened, record);
    assert_int_equal(ledger_commit(opened->ledger, opened->error), 0);
}

static void assert_csv(void **state, const char *text)
{
    size_t length;
    g_autofree char *csv = folder_read(state, "data.csv", &length);
    assert_string_equal(csv, text);
}

static void assert_balance(const Opened *opened, const char *name, Money balance)
{
    const BankRow *row = find(opened->bank, name);
    assert_non_null(row);
    assert_int_equal(row->balance, balance);
}

/* --- opening --- */

static void a_missing_file_is_made_with_its_header(void **state)
{
    Opened opened = open_well(state);
    assert_csv(state, HEADER);
    assert_true(folder_has(state, "data.csv.journal"));
    close_ledger(&opened);
}

static void a_sound_file_is_not_rewritten_by_opening_it(void **state)
{
    static const char quoted[] = HEADER "\"alice\",100.5,127.0.0.1,8501,8502,,no\r\n";
    folder_write_text(state, "data.csv", quoted);
    uint64_t inode = folder_inode(state, "data.csv");
    for (int i = 0; i < 2; i++) {
        Opened opened = open_well(state);
        assert_balance(&opened, "alice", 10050);
        close_ledger(&opened);
    }
    assert_csv(state, quoted);
    assert_int_equal(folder_inode(state, "data.csv"), inode);
}

static void a_broken_file_is_refused_and_left_as_it_is(void **state)
{
    static const char broken[] = HEADER ROW("alice", "1") ROW("alice", "2");
    folder_write_text(state, "data.csv", broken);
    Opened opened = open_ledger(state);
    assert_int_equal(opened.code, LEDGER_BAD_CSV);
    assert_non_null(strstr(opened.error->str, "data.csv:3: column 1 (name): the name is in the"));
    close_ledger(&opened);
    assert_csv(state, broken);
    assert_int_equal(folder_count(state), 1);
}

static void a_second_bank_is_kept_out(void **state)
{
    Opened first = open_well(state);
    commit(&first, "alice 1");
    Opened second = open_ledger(state);
    assert_int_equal(second.code, -EWOULDBLOCK);
    assert_non_null(strstr(second.error->str, "in use by another bank"));
    close_ledger(&second);

    assert_int_equal(ledger_fold(first.ledger, first.bank, first.error), 0);
    second = open_ledger(state);
    assert_int_equal(second.code, -EWOULDBLOCK); /* of the new journal too */
    close_ledger(&second);
    close_ledger(&first);
    second = open_well(state);
    close_ledger(&second);
}

static void a_missing_csv_with_a_journal_is_refused(void **state)
{
    Opened opened = open_well(state);
    commit(&opened, "alice 1");
    close_ledger(&opened);
    g_autofree char *path = folder_path(state, "data.csv");
    assert_int_equal(remove(path), 0);
    opened = open_ledger(state);
    assert_int_equal(opened.code, -ENOENT);
    assert_non_null(strstr(opened.error->str, "put the CSV back"));
    close_ledger(&opened);
    assert_false(folder_has(state, "data.csv"));
}

static void a_symbolic_link_is_followed(void **state)
{
    folder_write_text(state, "real.csv", HEADER ROW("alice", "1"));
    g_autofree char *path = folder_path(state, "data.csv");
    assert_int_equal(symlink("real.csv", path), 0);
    Opened opened = open_well(state);
    commit(&opened, "alice 2");
    assert_int_equal(ledger_fold(opened.ledger, opened.bank, opened.error), 0);
    close_ledger(&opened);
    size_t length;
    g_autofree char *real = folder_read(state, "real.csv", &length);
    assert_string_equal(real, HEADER ROW("alice", "2"));
    assert_true(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
}

/* --- journal --- */

static void a_killed_bank_finds_its_changes_again(void **state)
{
    Opened opened = open_well(state);
    commit(&opened, "alice 1");
    commit(&opened, "note first");
    change(&opened, "bob 2.50");
    commit(&opened, "alice 3");
    close_ledger(&opened);
    assert_csv(state, HEADER);

    opened = open_well(state);
    assert_int_equal(opened.bank->records, 4);
    assert_balance(&opened, "alice", 300);
    assert_balance(&opened, "bob", 250);
    assert_string_equal(opened.bank->note, "first");
    assert_csv(state, HEADER ROW("alice", "3") ROW("bob", "2.50"));
    close_ledger(&opened);

    opened = open_well(state); /* folded: the note alone is in the journal */
    assert_int_equal(opened.bank->records, 1);
    assert_string_equal(opened.bank->note, "first");
    assert_false(ledger_unfolded(opened.ledger));
    close_ledger(&opened);
}

static void what_was_not_committed_is_not_there(void **state)
{
    Opened opened = open_well(state);
    commit(&opened, "alice 1");
    change(&opened, "alice 2");
    close_ledger(&opened);
    opened = open_well(state);
    assert_balance(&opened, "alice", 100);
    close_ledger(&opened);
}

static void a_torn_tail_is_cut_off_wherever_it_is_torn(void **state)
{
    Opened opened = open_well(state);
    commit(&opened, "alice 1");
    size_t whole;
    g_free(folder_read(state, "data.csv.journal", &whole));
    change(&opened, "alice 2");
    commit(&opened, "bob 2");
    close_ledger(&opened);
    size_t length;
    g_autofree char *journal = folder_read(state, "data.csv.journal", &length);
    for (size_t torn = whole + 1; torn < length; torn++) {
        folder_write_text(state, "data.csv", HEADER);
        folder_write(state, "data.csv.journal", journal, torn);
        opened = open_well(state);
        assert_balance(&opened, "alice", 100);
        assert_null(find(opened.bank, "bob"));
        assert_non_null(strstr(opened.warning->str, "cut off"));
        commit(&opened, "carol 3");
        close_ledger(&opened);
        opened = open_well(state);
        assert_int_equal(opened.warning->len, 0);
        assert_balance(&opened, "carol", 300);
        close_ledger(&opened);
    }
}

static void a_tail_of_zeros_is_cut_off(void **state)
{
    Opened opened = open_well(state);
    commit(&opened, "alice 1");
    close_ledger(&opened);
    size_t length;
    g_autofree char *journal = folder_read(state, "data.csv.journal", &length);
    g_autofree char *longer = g_malloc0(length + 5000);
    memcpy(longer, journal, length);
    folder_write(state, "data.csv.journal", longer, length + 5000);
    opened = open_well(state);
    assert_balance(&opened, "alice", 100);
    assert_non_null(strstr(opened.warning->str, "cut off 5000 bytes"));
    close_ledger(&opened);
}

static void damage_in_the_middle_is_refused_and_left_as_it_is(void **state)
{
    Opened opened = open_well(state);
    commit(&opened, "alice 1");
    size_t first;
    g_free(folder_read(state, "data.csv.journal", &first));
    commit(&opened, "alice 2");
    close_ledger(&opened);
    size_t length;
    g_autofree char *journal = folder_read(state, "data.csv.journal", &length);
    for (size_t at = 0; at < first; at++) {
        journal[at] ^= 0x40;
        folder_write(state, "data.csv.journal", journal, length);
        opened = open_ledger(state);
        assert_int_equal(opened.code, -EBADMSG);
        assert_non_null(strstr(opened.error->str, "data.csv.journal is damaged at byte"));
        close_ledger(&opened);
        size_t length_after;
        g_autofree char *after = folder_read(state, "data.csv.journal", &length_after);
        assert_int_equal(length_after, length);
        assert_memory_equal(after, journal, length);
        journal[at] ^= 0x40;
    }
    assert_csv(state, HEADER);
}

static void a_record_that_the_bank_cannot_read_is_refused(void **state)
{
    Opened opened = open_well(state);
    ledger_add(opened.ledger, (const uint8_t *)"nonsense", 8);
    assert_int_equal(ledger_commit(opened.ledger, opened.error), 0);
    close_ledger(&opened);
    opened = open_ledger(state);
    assert_int_equal(opened.code, -EBADMSG);
    close_ledger(&opened);
}

/* --- folding --- */

static void killed_between_the_two_halves_of_a_fold_nothing_is_lost_or_doubled(void **state)
{
    Opened opened = open_well(state);
    commit(&opened, "note n1");
    commit(&opened, "alice 1");
    commit(&opened, "alice 2");
    size_t length;
    g_autofree char *journal = folder_read(state, "data.csv.journal", &length);
    assert_int_equal(ledger_fold(opened.ledger, opened.bank, opened.error), 0);
    assert_false(ledger_unfolded(opened.ledger));
    close_ledger(&opened);
    /* The CSV is the new one, the journal still the old; a half-written one lies beside it. */
    folder_write(state, "data.csv.journal", journal, length);
    folder_write_text(state, "data.csv.journal.new", "COHO");
    folder_write_text(state, "data.csv.new", "name,bal");
    opened = open_well(state);
    assert_int_equal(bank_row_count(opened.bank), 1);
    assert_balance(&opened, "alice", 200);
    assert_string_equal(opened.bank->note, "n1");
    assert_csv(state, HEADER ROW("alice", "2"));
    close_ledger(&opened);
    assert_int_equal(folder_count(state), 2);
}

static void changes_after_a_fold_are_kept_too(void **state)
{
    Opened opened = open_well(state);
    commit(&opened, "alice 1");
    assert_int_equal(ledger_fold(opened.ledger, opened.bank, opened.error), 0);
    commit(&opened, "bob 2");
    commit(&opened, "note n2");
    assert_true(ledger_unfolded(opened.ledger));
    close_ledger(&opened);
    opened = open_well(state);
    assert_balance(&opened, "alice", 100);
    assert_balance(&opened, "bob", 200);
    assert_string_equal(opened.bank->note, "n2");
    close_ledger(&opened);
}

/* As many rows, c0 and so on. */
static void write_rows(void **state, unsigned rows)
{
    g_autoptr(GString) text = g_string_new(HEADER);
    for (unsigned i = 0; i < rows; i++)
        g_string_append_printf(text, "c%u,%u.25,10.0.%u.%u,8501,8502,,0\n", i, i, i / 256 % 256,
                               i % 256);
    folder_write(state, "data.csv", text->str, text->len);
}

static void every_change_of_a_tiny_file_is_shown_in_it_at_once(void **state)
{
    Opened opened = open_well(state);
    assert_false(ledger_outgrown(opened.ledger));
    commit(&opened, "alice 1");
    assert_true(ledger_outgrown(opened.ledger));
    assert_int_equal(ledger_fold(opened.ledger, opened.bank, opened.error), 0);
    assert_false(ledger_outgrown(opened.ledger));
    close_ledger(&opened);
}

static void the_journal_of_a_small_file_outgrows_it_in_time(void **state)
{
    write_rows(state, 1000);
    Opened opened = open_well(state);
    unsigned commits = 0;
    while (!ledger_outgrown(opened.ledger) && commits < 100000) {
        /* Many records in one commit, for speed. */
        for (int i = 0; i < 1000; i++)
            change(&opened, "alice 2");
        commit(&opened, "alice 1");
        commits++;
    }
    assert_in_range(commits, 2, 99999);
    assert_true(ledger_small(opened.ledger));
    assert_int_equal(ledger_fold(opened.ledger, opened.bank, opened.error), 0);
    assert_false(ledger_outgrown(opened.ledger));
    close_ledger(&opened);
}

static void a_change_among_a_million_rows_rewrites_nothing(void **state)
{
    enum { ROWS = 1000000 };
    write_rows(state, ROWS);
    uint64_t inode = folder_inode(state, "data.csv");
    size_t before;
    size_t after;

    Opened opened = open_well(state);
    assert_int_equal(bank_row_count(opened.bank), ROWS);
    assert_balance(&opened, "c999999", 99999925);
    g_free(folder_read(state, "data.csv.journal", &before));
    commit(&opened, "c500000 7");
    g_free(folder_read(state, "data.csv.journal", &after));
    assert_in_range(after - before, 1, 100);
    assert_false(ledger_small(opened.ledger));
    assert_false(ledger_outgrown(opened.ledger));
    assert_int_equal(folder_inode(state, "data.csv"), inode);
    close_ledger(&opened);

    opened = open_well(state); /* after a crash it is folded */
    assert_balance(&opened, "c500000", 700);
    assert_int_not_equal(folder_inode(state, "data.csv"), inode);
    close_ledger(&opened);
}

/* --- without a bank --- */

static void the_rows_of_a_file_are_read_without_a_bank(void **state)
{
    folder_write_text(state, "data.csv", HEADER ROW("alice", "1") ROW("bob", "2"));
    folder_write_text(state, "twice.csv", HEADER ROW("alice", "1") ROW("alice", "2"));
    g_autofree char *good = folder_path(state, "data.csv");
    g_autofree char *twice = folder_path(state, "twice.csv");
    g_autofree char *missing = folder_path(state, "missing.csv");
    g_autoptr(GString) error = g_string_new(NULL);
    GArray *rows = NULL;
    assert_int_equal(ledger_read_csv(twice, &rows, error), LEDGER_BAD_CSV);
    assert_non_null(strstr(error->str, "twice.csv:3: column 1 (name)"));
    assert_int_equal(ledger_read_csv(missing, &rows, error), -ENOENT);
    assert_non_null(strstr(error->str, "cannot read"));
    assert_null(rows);
    assert_int_equal(ledger_read_csv(good, &rows, error), 0);
    assert_int_equal(rows->len, 2);
    assert_string_equal(g_array_index(rows, BankRow, 1).name.text, "bob");
    g_array_unref(rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_file_is_made_with_its_header),
        TEST(a_sound_file_is_not_rewritten_by_opening_it),
        TEST(a_broken_file_is_refused_and_left_as_it_is),
        TEST(a_second_bank_is_kept_out),
        TEST(a_missing_csv_with_a_journal_is_refused),
        TEST(a_symbolic_link_is_followed),
        TEST(a_killed_bank_finds_its_changes_again),
        TEST(what_was_not_committed_is_not_there),
        TEST(a_torn_tail_is_cut_off_wherever_it_is_torn),
        TEST(a_tail_of_zeros_is_cut_off),
        TEST(damage_in_the_middle_is_refused_and_left_as_it_is),
        TEST(a_record_that_the_bank_cannot_read_is_refused),
        TEST(killed_between_the_two_halves_of_a_fold_nothing_is_lost_or_doubled),
        TEST(changes_after_a_fold_are_kept_too),
        TEST(every_change_of_a_tiny_file_is_shown_in_it_at_once),
        TEST(the_journal_of_a_small_file_outgrows_it_in_time),
        TEST(a_change_among_a_million_rows_rewrites_nothing),
        TEST(the_rows_of_a_file_are_read_without_a_bank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
