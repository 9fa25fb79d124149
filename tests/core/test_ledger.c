/* CSV and journal together, through crashes at any instant, with any part of what was not synced
 * lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/ledger.h"
#include "core/record.h"
#include "core/table.h"
#include "tests/core/memory_disk.h"
#include "tests/core/toy_bank.h"

#define HEADER "name,balance,ip_address,port1,port2,cohort,exit_state\n"
#define ROW(name, balance) name "," balance ",127.0.0.1,8501,8502,,0\n"
static const char CSV[] = "data.csv";
static const char JOURNAL[] = "data.csv.journal";

enum { TINY_SECTOR_BYTES = 16, SECTOR_BYTES = 512 };

/* --- one open ledger and its bank --- */

typedef struct Opened {
    Bank *bank;
    Ledger *ledger;
    int code;
    GString *error;
    GString *warning;
} Opened;

static Opened open_ledger(MemoryDisk *memory)
{
    Opened opened = {.bank = bank_new(NULL),
                     .ledger = ledger_new(memory_disk(memory), CSV, "dir/data.csv"),
                     .error = g_string_new(NULL),
                     .warning = g_string_new(NULL)};
    opened.code = ledger_load(opened.ledger, opened.bank, opened.error, opened.warning);
    return opened;
}

static Opened open_well(MemoryDisk *memory)
{
    Opened opened = open_ledger(memory);
    if (opened.code != 0)
        fail_msg("%d: %s", opened.code, opened.error->str);
    return opened;
}

/* As by kill -9: nothing is folded. */
static void close_ledger(Opened *opened)
{
    ledger_free(opened->ledger);
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

static int fold(Opened *opened)
{
    LedgerImage *image = ledger_image_new(opened->bank);
    int code = ledger_fold(opened->ledger, image, opened->error);
    ledger_image_free(image);
    ledger_image_free(NULL);
    return code;
}

static void put_csv(MemoryDisk *memory, const char *text)
{
    memory_disk_put(memory, CSV, text, strlen(text));
}

static void assert_csv(const MemoryDisk *memory, const char *text)
{
    const GByteArray *file = memory_disk_file(memory, CSV);
    assert_non_null(file);
    assert_int_equal(file->len, strlen(text));
    assert_memory_equal(file->data, text, file->len);
}

static void assert_balance(const Opened *opened, const char *name, Money balance)
{
    const BankRow *row = toy_bank_find(opened->bank, name);
    assert_non_null(row);
    assert_int_equal(row->balance, balance);
}

/* --- opening --- */

static void a_missing_file_is_made_with_its_header(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    assert_csv(memory, HEADER);
    assert_non_null(memory_disk_file(memory, JOURNAL));
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void a_sound_file_is_not_rewritten_by_opening_it(void **state)
{
    (void)state;
    static const char quoted[] = HEADER "\"alice\",100.5,127.0.0.1,8501,8502,,no\r\n";
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    put_csv(memory, quoted);
    for (int i = 0; i < 2; i++) {
        Opened opened = open_well(memory);
        assert_balance(&opened, "alice", 10050);
        close_ledger(&opened);
    }
    assert_csv(memory, quoted);
    memory_disk_free(memory);
}

static void a_broken_file_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    static const char broken[] = HEADER ROW("alice", "1") ROW("alice", "2");
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    put_csv(memory, broken);
    Opened opened = open_ledger(memory);
    assert_int_equal(opened.code, LEDGER_BAD_CSV);
    assert_string_equal(opened.error->str, "dir/data.csv:3: column 1 (name): the name is in the "
                                           "file already: remove one, found \"alice\"");
    close_ledger(&opened);
    assert_csv(memory, broken);
    assert_int_equal(memory_disk_operations(memory), 0);
    memory_disk_free(memory);
}

static void a_missing_csv_with_a_journal_is_refused(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    close_ledger(&opened);
    assert_int_equal(disk_remove(memory_disk(memory), CSV), 0);
    const uint64_t operations = memory_disk_operations(memory);
    opened = open_ledger(memory);
    assert_int_equal(opened.code, DISK_MISSING);
    assert_string_equal(opened.error->str,
                        "dir/data.csv is missing, but its journal dir/data.csv.journal is there: "
                        "put the CSV back, or, to begin anew, remove the journal too");
    close_ledger(&opened);
    assert_int_equal(memory_disk_operations(memory), operations);
    memory_disk_free(memory);
}

static void a_missing_csv_with_a_journal_that_says_nothing_is_made_anew(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    close_ledger(&opened);
    assert_int_equal(disk_remove(memory_disk(memory), CSV), 0);
    opened = open_well(memory);
    assert_csv(memory, HEADER);
    close_ledger(&opened);
    memory_disk_free(memory);
}

/* --- journal --- */

static void a_killed_bank_finds_its_changes_again(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    commit(&opened, "note first");
    change(&opened, "bob 2.50");
    commit(&opened, "alice 3");
    assert_int_equal(ledger_sequence(opened.ledger), 3);
    close_ledger(&opened);
    assert_csv(memory, HEADER);

    opened = open_well(memory);
    assert_int_equal(opened.bank->records, 4);
    assert_balance(&opened, "alice", 300);
    assert_balance(&opened, "bob", 250);
    assert_string_equal(opened.bank->note, "first");
    assert_csv(memory, HEADER ROW("alice", "3") ROW("bob", "2.50"));
    assert_int_equal(ledger_sequence(opened.ledger), 3);
    close_ledger(&opened);

    opened = open_well(memory); /* folded: the note alone is in the journal */
    assert_int_equal(opened.bank->records, 1);
    assert_string_equal(opened.bank->note, "first");
    assert_false(ledger_unfolded(opened.ledger));
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void what_was_not_committed_is_not_there(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    change(&opened, "alice 2");
    close_ledger(&opened);
    opened = open_well(memory);
    assert_balance(&opened, "alice", 100);
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void a_torn_change_is_cut_off_and_said(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    static const uint8_t torn[100] = "COHORTR1";
    assert_int_equal(disk_write(memory_disk(memory), JOURNAL,
                                memory_disk_file(memory, JOURNAL)->len, torn, sizeof torn),
                     0);
    close_ledger(&opened);
    opened = open_well(memory);
    assert_balance(&opened, "alice", 100);
    assert_string_equal(opened.warning->str,
                        "dir/data.csv.journal: cut off 100 bytes of a change that was not "
                        "finished, and so not acknowledged to anybody, when the bank ended");
    commit(&opened, "carol 3");
    close_ledger(&opened);
    opened = open_well(memory);
    assert_int_equal(opened.warning->len, 0);
    assert_balance(&opened, "carol", 300);
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void damage_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    const size_t first = memory_disk_file(memory, JOURNAL)->len;
    commit(&opened, "alice 2");
    close_ledger(&opened);
    memory_disk_flip(memory, JOURNAL, 8 * (first - 1));
    memory_disk_flip(memory, JOURNAL, 8 * (first - 60));
    const uint64_t operations = memory_disk_operations(memory);
    opened = open_ledger(memory);
    assert_int_equal(opened.code, LEDGER_DAMAGED);
    assert_non_null(strstr(opened.error->str, "dir/data.csv.journal is damaged at byte 80: restore "
                                              "it, together with dir/data.csv, from a copy; or "));
    close_ledger(&opened);
    assert_int_equal(memory_disk_operations(memory), operations);
    memory_disk_free(memory);
}

static int fail_to_read_the_journal(Disk *disk, const char *name, GByteArray *bytes)
{
    (void)disk;
    (void)bytes;
    return strcmp(name, JOURNAL) == 0 ? MEMORY_DISK_ERROR : DISK_MISSING;
}

static void a_journal_that_cannot_be_read_is_no_missing_one(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    DiskOperations operations = *memory_disk(memory)->operations;
    operations.read = fail_to_read_the_journal;
    memory_disk(memory)->operations = &operations;
    Opened opened = open_ledger(memory);
    assert_int_equal(opened.code, MEMORY_DISK_ERROR);
    assert_string_equal(opened.error->str, "cannot read dir/data.csv.journal: input/output error");
    assert_int_equal(memory_disk_count(memory), 0);
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void a_journal_that_was_torn_and_repaired_is_said_to_be_both(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    close_ledger(&opened);
    assert_int_equal(disk_write(memory_disk(memory), JOURNAL,
                                memory_disk_file(memory, JOURNAL)->len, (const uint8_t *)"C", 1),
                     0);
    memory_disk_flip(memory, JOURNAL, 3);
    opened = open_well(memory);
    assert_string_equal(opened.warning->str,
                        "dir/data.csv.journal: cut off 1 bytes of a change that was not "
                        "finished, and so not acknowledged to anybody, when the bank ended; "
                        "dir/data.csv.journal: repaired 1 changes of which one of two copies was "
                        "damaged");
    close_ledger(&opened);
    memory_disk_free(memory);
}

static bool take_nothing(void *user, const uint8_t *bytes, size_t length)
{
    (void)user;
    (void)bytes;
    return length == 0;
}

/* Each is whole as the disk has it, and says of a part of it that it is longer. */
static void a_record_whose_parts_do_not_fit_is_refused(void **state)
{
    (void)state;
    enum { KIND = 0x4a4f5552 };
    static const char *const records[] = {"\0\0\0\1", "\0\0\0\11alice 1X", "\0\0\0\4note", "\0\0"};
    static const size_t lengths[] = {4, 12, 7, 2};
    for (size_t i = 0; i < G_N_ELEMENTS(records); i++) {
        RecordReport report;
        MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
        put_csv(memory, HEADER);
        RecordFile *journal = record_file_new(memory_disk(memory), JOURNAL, KIND);
        assert_int_equal(record_load(journal, take_nothing, NULL, &report), DISK_MISSING);
        assert_int_equal(record_rewrite(journal, 1, (const uint8_t *)records[i], lengths[i]), 0);
        record_file_free(journal);
        Opened opened = open_ledger(memory);
        assert_int_equal(opened.code, LEDGER_DAMAGED);
        close_ledger(&opened);
        memory_disk_free(memory);
    }
}

static void a_record_that_the_bank_cannot_read_is_refused(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    ledger_add(opened.ledger, (const uint8_t *)"nonsense", 8);
    assert_int_equal(ledger_commit(opened.ledger, opened.error), 0);
    close_ledger(&opened);
    opened = open_ledger(memory);
    assert_int_equal(opened.code, LEDGER_DAMAGED);
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void a_failed_commit_is_told_and_nothing_goes_on(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    memory_disk_fail_at(memory, memory_disk_operations(memory) + 1);
    change(&opened, "alice 2");
    assert_int_equal(ledger_commit(opened.ledger, opened.error), MEMORY_DISK_ERROR);
    assert_string_equal(opened.error->str,
                        "cannot append to dir/data.csv.journal: input/output error");
    assert_int_equal(ledger_commit(opened.ledger, opened.error), MEMORY_DISK_ERROR);
    assert_int_equal(ledger_sequence(opened.ledger), 1);
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void a_commit_of_nothing_does_nothing(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    uint64_t operations = memory_disk_operations(memory);
    assert_int_equal(ledger_commit(opened.ledger, opened.error), 0);
    assert_int_equal(memory_disk_operations(memory), operations);
    assert_int_equal(ledger_sequence(opened.ledger), 0);
    close_ledger(&opened);
    memory_disk_free(memory);
}

/* --- folding --- */

static void a_failed_fold_is_told_and_nothing_goes_on(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    memory_disk_fail_at(memory, memory_disk_operations(memory) + 1);
    assert_int_equal(fold(&opened), MEMORY_DISK_ERROR);
    uint64_t operations = memory_disk_operations(memory);
    assert_int_equal(fold(&opened), MEMORY_DISK_ERROR);
    change(&opened, "alice 2");
    assert_int_equal(ledger_commit(opened.ledger, opened.error), MEMORY_DISK_ERROR);
    assert_int_equal(memory_disk_operations(memory), operations);
    close_ledger(&opened);
    opened = open_well(memory);
    assert_balance(&opened, "alice", 100);
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void changes_after_a_fold_are_kept_too(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "alice 1");
    assert_int_equal(fold(&opened), 0);
    commit(&opened, "bob 2");
    commit(&opened, "note n2");
    assert_true(ledger_unfolded(opened.ledger));
    close_ledger(&opened);
    opened = open_well(memory);
    assert_balance(&opened, "alice", 100);
    assert_balance(&opened, "bob", 200);
    assert_string_equal(opened.bank->note, "n2");
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void a_fold_keeps_all_that_the_csv_does_not_hold(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    commit(&opened, "note n");
    commit(&opened, "motto m");
    assert_int_equal(fold(&opened), 0);
    close_ledger(&opened);
    opened = open_well(memory);
    assert_string_equal(opened.bank->note, "n");
    assert_string_equal(opened.bank->motto, "m");
    close_ledger(&opened);
    memory_disk_free(memory);
}

/* As many rows, c0 and so on. */
static void write_rows(MemoryDisk *memory, unsigned rows)
{
    g_autoptr(GString) text = g_string_new(HEADER);
    for (unsigned i = 0; i < rows; i++)
        g_string_append_printf(text, "c%u,%u.25,10.0.%u.%u,8501,8502,,0\n", i, i, i / 256 % 256,
                               i % 256);
    memory_disk_put(memory, CSV, text->str, text->len);
}

static void every_change_of_a_tiny_file_is_shown_in_it_at_once(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    assert_false(ledger_outgrown(opened.ledger));
    commit(&opened, "alice 1");
    assert_true(ledger_outgrown(opened.ledger));
    assert_int_equal(fold(&opened), 0);
    assert_false(ledger_outgrown(opened.ledger));
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void the_journal_of_a_small_file_outgrows_it_in_time(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    write_rows(memory, 1000);
    Opened opened = open_well(memory);
    unsigned commits = 0;
    while (!ledger_outgrown(opened.ledger) && commits < 100000) {
        /* Many records in one commit, for speed. */
        for (int i = 0; i < 1000; i++)
            change(&opened, "alice 2");
        commit(&opened, "alice 1");
        commits++;
    }
    assert_in_range(commits, 2, 99999);
    assert_in_range(memory_disk_file(memory, JOURNAL)->len, 256 << 10, 300 << 10);
    assert_true(ledger_small(opened.ledger));
    assert_int_equal(fold(&opened), 0);
    assert_false(ledger_outgrown(opened.ledger));
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void a_file_that_has_grown_by_folding_is_no_tiny_one_any_more(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = open_well(memory);
    for (int i = 0; i < 1000; i++) {
        g_autofree char *record = g_strdup_printf("c%d 5", i);
        change(&opened, record);
    }
    commit(&opened, "alice 1");
    assert_int_equal(fold(&opened), 0);
    commit(&opened, "alice 2");
    assert_false(ledger_outgrown(opened.ledger));
    close_ledger(&opened);
    memory_disk_free(memory);
}

static void a_change_among_a_million_rows_rewrites_nothing(void **state)
{
    (void)state;
    enum { ROWS = 1000000 };
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    write_rows(memory, ROWS);
    Opened opened = open_well(memory);
    assert_int_equal(bank_row_count(opened.bank), ROWS);
    assert_balance(&opened, "c999999", 99999925);
    const size_t before = memory_disk_file(memory, JOURNAL)->len;
    const uint64_t operations = memory_disk_operations(memory);
    commit(&opened, "c500000 7");
    assert_in_range(memory_disk_file(memory, JOURNAL)->len - before, 1, 110);
    assert_int_equal(memory_disk_operations(memory) - operations, 2); /* a write, a sync */
    assert_false(ledger_small(opened.ledger));
    assert_false(ledger_outgrown(opened.ledger));
    close_ledger(&opened);

    opened = open_well(memory); /* after a crash it is folded */
    assert_balance(&opened, "c500000", 700);
    assert_false(ledger_unfolded(opened.ledger));
    close_ledger(&opened);
    memory_disk_free(memory);
}

/* --- every crash --- */

enum { COMMITS = 6 };
static const char *const CHANGES[COMMITS] = {"alice 1", "note a",  "bob 2.50",
                                             "alice 7", "note bb", "carol 3"};
static const bool FOLD_AFTER[COMMITS] = {false, false, true, false, false, true};

/* What the bank and its CSV are after so many commits. */
static char *state_after(uint64_t commits, GString *csv)
{
    Bank *bank = bank_new(NULL);
    for (uint64_t i = 0; i < commits; i++)
        bank_load_record(bank, (const uint8_t *)CHANGES[i], strlen(CHANGES[i]));
    table_write_header(csv);
    for (size_t i = 0; i < bank_row_count(bank); i++) {
        BankRow row = bank_row(bank, i);
        table_write_row(csv, &row);
    }
    char *text = toy_bank_text(bank);
    bank_free(bank);
    return text;
}

/* Returns how many commits succeeded. */
static uint64_t live(MemoryDisk *memory, uint64_t stop_at)
{
    memory_disk_stop_at(memory, stop_at);
    Opened opened = open_ledger(memory);
    int code = opened.code;
    uint64_t done = 0;
    while (code == 0 && done < COMMITS) {
        change(&opened, CHANGES[done]);
        code = ledger_commit(opened.ledger, opened.error);
        if (code != 0)
            break;
        if (FOLD_AFTER[done++])
            code = fold(&opened);
    }
    close_ledger(&opened);
    return done;
}

/* The CSV, if it was ever made, is whole, and what it was after some commit. */
static void check_csv(const MemoryDisk *memory, uint64_t last)
{
    const GByteArray *file = memory_disk_file(memory, CSV);
    bool known = file == NULL;
    for (uint64_t commits = 0; commits <= last && !known; commits++) {
        g_autoptr(GString) csv = g_string_new(NULL);
        g_free(state_after(commits, csv));
        known = csv->len == file->len && memcmp(csv->str, file->data, csv->len) == 0;
    }
    assert_true(known);
}

/* Returns after how many commits the ledger is what it is. */
static uint64_t check(MemoryDisk *memory, uint64_t first, uint64_t last)
{
    check_csv(memory, last);
    Opened opened = open_well(memory);
    const uint64_t sequence = ledger_sequence(opened.ledger);
    g_autofree char *text = toy_bank_text(opened.bank);
    g_autoptr(GString) csv = g_string_new(NULL);
    assert_in_range(sequence, first, last);
    g_autofree char *expected = state_after(sequence, csv);
    assert_string_equal(text, expected);
    assert_csv(memory, csv->str); /* folded by opening */
    close_ledger(&opened);
    return sequence;
}

/* The recovery itself is cut short by a crash, at each of its operations. */
static void crash_again(const MemoryDisk *memory, uint64_t sequence, uint64_t coins)
{
    for (uint64_t stop_at = 0; stop_at < 13; stop_at++) {
        Choices some = {.bits = coins * (stop_at + 1)};
        MemoryDisk *before = memory_disk_crash(memory, &(Choices){0}); /* a copy */
        memory_disk_stop_at(before, stop_at);
        Opened opened = open_ledger(before);
        close_ledger(&opened);
        MemoryDisk *after = memory_disk_crash(before, &some);
        check(after, sequence, sequence);
        memory_disk_free(before);
        memory_disk_free(after);
    }
}

static void whatever_a_crash_leaves_the_csv_is_whole_and_no_commit_is_lost(void **state)
{
    (void)state;
    enum { EXHAUSTIVE_BITS = 11 };
    uint64_t ways = 0;
    bool stopped = true;
    for (uint64_t stop_at = 0; stopped; stop_at++) {
        MemoryDisk *memory = memory_disk_new(TINY_SECTOR_BYTES);
        const uint64_t done = live(memory, stop_at);
        stopped = memory_disk_operations(memory) > stop_at;
        unsigned bits = 0;
        for (uint64_t way = 0; way == 0 || way < UINT64_C(1) << MIN(bits, EXHAUSTIVE_BITS); way++) {
            Choices choices = {.bits = way, .coins = way};
            if (bits > EXHAUSTIVE_BITS)
                choices.bits = way * UINT64_C(0x9e3779b97f4a7c15);
            MemoryDisk *after = memory_disk_crash(memory, &choices);
            MemoryDisk *copy = memory_disk_crash(after, &(Choices){0});
            const uint64_t sequence = check(copy, done, MIN(done + 1, COMMITS));
            if (way % 32 == 0)
                crash_again(after, sequence, way + 1);
            memory_disk_free(after);
            memory_disk_free(copy);
            bits = MAX(bits, choices.chosen);
            ways++;
        }
        memory_disk_free(memory);
    }
    assert_in_range(ways, 1000, UINT32_MAX);
}

static void a_bit_flipped_anywhere_in_the_journal_changes_nothing(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(TINY_SECTOR_BYTES);
    live(memory, UINT64_MAX);
    Opened opened = open_well(memory);
    commit(&opened, "alice 8");
    close_ledger(&opened);
    for (size_t bit = 0; bit < 8 * memory_disk_file(memory, JOURNAL)->len; bit++) {
        MemoryDisk *flipped = memory_disk_crash(memory, &(Choices){0});
        memory_disk_flip(flipped, JOURNAL, bit);
        opened = open_well(flipped);
        g_autofree char *text = toy_bank_text(opened.bank);
        assert_string_equal(text, "bb alice=800 bob=250 carol=300");
        assert_true(
            g_str_has_prefix(opened.warning->str, "dir/data.csv.journal: repaired 1 changes"));
        close_ledger(&opened);
        memory_disk_free(flipped);
    }
    memory_disk_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_is_made_with_its_header),
        cmocka_unit_test(a_sound_file_is_not_rewritten_by_opening_it),
        cmocka_unit_test(a_broken_file_is_refused_and_left_as_it_is),
        cmocka_unit_test(a_missing_csv_with_a_journal_is_refused),
        cmocka_unit_test(a_missing_csv_with_a_journal_that_says_nothing_is_made_anew),
        cmocka_unit_test(a_killed_bank_finds_its_changes_again),
        cmocka_unit_test(what_was_not_committed_is_not_there),
        cmocka_unit_test(a_torn_change_is_cut_off_and_said),
        cmocka_unit_test(damage_is_refused_and_left_as_it_is),
        cmocka_unit_test(a_journal_that_cannot_be_read_is_no_missing_one),
        cmocka_unit_test(a_journal_that_was_torn_and_repaired_is_said_to_be_both),
        cmocka_unit_test(a_record_whose_parts_do_not_fit_is_refused),
        cmocka_unit_test(a_record_that_the_bank_cannot_read_is_refused),
        cmocka_unit_test(a_failed_commit_is_told_and_nothing_goes_on),
        cmocka_unit_test(a_commit_of_nothing_does_nothing),
        cmocka_unit_test(a_failed_fold_is_told_and_nothing_goes_on),
        cmocka_unit_test(changes_after_a_fold_are_kept_too),
        cmocka_unit_test(a_fold_keeps_all_that_the_csv_does_not_hold),
        cmocka_unit_test(every_change_of_a_tiny_file_is_shown_in_it_at_once),
        cmocka_unit_test(the_journal_of_a_small_file_outgrows_it_in_time),
        cmocka_unit_test(a_file_that_has_grown_by_folding_is_no_tiny_one_any_more),
        cmocka_unit_test(a_change_among_a_million_rows_rewrites_nothing),
        cmocka_unit_test(whatever_a_crash_leaves_the_csv_is_whole_and_no_commit_is_lost),
        cmocka_unit_test(a_bit_flipped_anywhere_in_the_journal_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
