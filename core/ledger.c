#include "core/ledger.h"

#include <string.h>

#include "core/coder.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/record.h"
#include "core/table.h"
#include "core/text.h"

enum {
    KIND = 0x4a4f5552, /* "JOUR" */
    TINY_BYTES = 16 << 10,
    SMALL_BYTES = 256 << 10
};
static const char JOURNAL_SUFFIX[] = ".journal";

struct Ledger {
    Disk *disk;
    char *shown_path;
    char *csv_name;
    RecordFile *journal;
    uint64_t csv_bytes;
    Coder added; /* records since the last commit */
    int failed;  /* the error that ended its use */
};

struct LedgerImage {
    GString *csv;
    Coder snapshot;
};

Ledger *ledger_new(Disk *disk, const char *csv_name, const char *shown_path)
{
    Ledger *ledger = g_new0(Ledger, 1);
    const size_t name_bytes = strlen(csv_name) + sizeof JOURNAL_SUFFIX;
    g_autofree char *journal_name = g_malloc(name_bytes);
    g_strlcpy(journal_name, csv_name, name_bytes);
    g_strlcat(journal_name, JOURNAL_SUFFIX, name_bytes);
    ledger->disk = disk;
    ledger->shown_path = g_strdup(shown_path);
    ledger->csv_name = g_strdup(csv_name);
    ledger->journal = record_file_new(disk, journal_name, KIND);
    ledger->added = coder_encode_growing();
    return ledger;
}

void ledger_free(Ledger *ledger)
{
    if (ledger == NULL)
        return;
    record_file_free(ledger->journal);
    coder_deinit(&ledger->added);
    g_free(ledger->shown_path);
    g_free(ledger->csv_name);
    g_free(ledger);
}

static int fail(Ledger *ledger, int code, const char *doing, const char *suffix, GString *error)
{
    ledger->failed = code;
    text_add(error, "cannot ", doing, " ", ledger->shown_path, suffix, ": ",
             disk_reason(ledger->disk, code), NULL);
    return code;
}

/* --- records --- */

/* One or more of the bank's records, each behind its length, are one record of the journal. */
static void add_record(Coder *coder, const uint8_t *record, size_t length)
{
    uint32_t length32 = (uint32_t)length;
    INVARIANT_THAT(length, <=, RECORD_BYTES_MAX);
    code_u32(coder, &length32);
    code_bytes(coder, (uint8_t *)record, length); /* an encoder only reads them */
}

typedef struct Replay {
    Bank *bank;
    bool found; /* a record */
} Replay;

static bool take_records(void *user, const uint8_t *bytes, size_t length)
{
    Replay *replay = user;
    Coder coder = coder_decode(bytes, length);
    while (!coder_finished(&coder)) {
        uint32_t record_length;
        code_u32(&coder, &record_length);
        if (coder.failed || record_length > length - coder.at ||
            bank_load_record(replay->bank, bytes + coder.at, record_length) != BANK_LOAD_OK)
            return false;
        coder.at += record_length;
        replay->found = true;
        if (planted(PLANTED_REPLAY_STOPS_EARLY))
            break;
    }
    return true;
}

/* --- folding --- */

bool ledger_unfolded(const Ledger *ledger)
{
    return record_appended_bytes(ledger->journal) > 0;
}

/* What a fold writes, about. */
static uint64_t folded_bytes(const Ledger *ledger)
{
    return ledger->csv_bytes + record_bytes(ledger->journal) -
           record_appended_bytes(ledger->journal);
}

bool ledger_outgrown(const Ledger *ledger)
{
    const uint64_t bytes = folded_bytes(ledger);
    return record_appended_bytes(ledger->journal) >
           (bytes <= TINY_BYTES ? 0 : MAX(bytes, SMALL_BYTES));
}

bool ledger_small(const Ledger *ledger)
{
    return folded_bytes(ledger) <= SMALL_BYTES;
}

/* The first record of a new journal: what the CSV does not hold. */
static Coder snapshot_of(const Bank *bank)
{
    Coder snapshot = coder_encode_growing();
    size_t count = planted(PLANTED_FOLD_FORGETS) ? 0 : bank_snapshot_count(bank);
    for (size_t i = 0; i < count; i++) {
        Coder record = coder_encode_growing();
        bank_snapshot_record(bank, i, &record);
        INVARIANT(!record.failed);
        add_record(&snapshot, record.bytes, record.length);
        coder_deinit(&record);
    }
    return snapshot;
}

LedgerImage *ledger_image_new(const Bank *bank)
{
    LedgerImage *image = g_new0(LedgerImage, 1);
    image->csv = g_string_new(NULL);
    table_write_header(image->csv);
    for (size_t i = 0; i < bank_row_count(bank); i++) {
        BankRow row = bank_row(bank, i);
        table_write_row(image->csv, &row);
    }
    image->snapshot = snapshot_of(bank);
    return image;
}

void ledger_image_free(LedgerImage *image)
{
    if (image == NULL)
        return;
    g_string_free(image->csv, TRUE);
    coder_deinit(&image->snapshot);
    g_free(image);
}

static int begin_journal(Ledger *ledger, const Coder *snapshot, GString *error)
{
    int code =
        record_rewrite(ledger->journal, ledger_sequence(ledger), snapshot->bytes, snapshot->length);
    return code == 0 ? 0 : fail(ledger, code, "write", JOURNAL_SUFFIX, error);
}

/* The CSV first: killed between the two, the old journal is replayed over the new CSV, which
 * already has all of it. */
int ledger_fold(Ledger *ledger, const LedgerImage *image, GString *error)
{
    INVARIANT_THAT(ledger->added.length, ==, 0);
    if (ledger->failed != 0)
        return ledger->failed;
    int code = disk_replace(ledger->disk, ledger->csv_name, (const uint8_t *)image->csv->str,
                            image->csv->len);
    if (code != 0)
        return fail(ledger, code, "write", "", error);
    ledger->csv_bytes = image->csv->len;
    return begin_journal(ledger, &image->snapshot, error);
}

/* --- loading --- */

static const char *take_row(void *user, const BankRow *row)
{
    return bank_load_row(user, row) == BANK_LOAD_OK ? NULL : TABLE_DUPLICATE;
}

/* DISK_MISSING, without a word, when there is none. */
static int load_csv(Ledger *ledger, Bank *bank, GString *error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    int code = disk_read(ledger->disk, ledger->csv_name, bytes);
    if (code != 0)
        return code == DISK_MISSING ? code : fail(ledger, code, "read", "", error);
    ledger->csv_bytes = bytes->len;
    return table_read(ledger->shown_path, bytes->data, bytes->len, take_row, bank, error)
               ? 0
               : LEDGER_BAD_CSV;
}

static int refuse_journal(const Ledger *ledger, const RecordReport *report, GString *error)
{
    text_add(error, ledger->shown_path, JOURNAL_SUFFIX, " is damaged at byte ", NULL);
    text_add_number(error, report->damaged_at);
    text_add(error, ": restore it, together with ", ledger->shown_path,
             ", from a copy; or move it away to go on from the CSV alone, without what only it "
             "holds",
             NULL);
    return LEDGER_DAMAGED;
}

static int refuse_without_csv(const Ledger *ledger, GString *error)
{
    text_add(error, ledger->shown_path, " is missing, but its journal ", ledger->shown_path,
             JOURNAL_SUFFIX,
             " is there: put the CSV back, or, to begin anew, remove the journal too", NULL);
    return DISK_MISSING;
}

static void warn(const Ledger *ledger, const RecordReport *report, GString *warning)
{
    if (report->torn_bytes > 0) {
        text_add(warning, ledger->shown_path, JOURNAL_SUFFIX, ": cut off ", NULL);
        text_add_number(warning, report->torn_bytes);
        g_string_append(warning, " bytes of a change that was not finished, and so not "
                                 "acknowledged to anybody, when the bank ended");
    }
    if (report->repaired > 0) {
        text_add(warning, warning->len > 0 ? "; " : "", ledger->shown_path, JOURNAL_SUFFIX,
                 ": repaired ", NULL);
        text_add_number(warning, report->repaired);
        g_string_append(warning, " changes of which one of two copies was damaged");
    }
}

/* DISK_MISSING, without a word, when there is none. */
static int load_journal(Ledger *ledger, Replay *replay, RecordReport *report, GString *error)
{
    int code = record_load(ledger->journal, take_records, replay, report);
    if (code == RECORD_DAMAGED)
        return refuse_journal(ledger, report, error);
    return code == 0 || code == DISK_MISSING ? code
                                             : fail(ledger, code, "read", JOURNAL_SUFFIX, error);
}

static int fold_at_once(Ledger *ledger, const Bank *bank, GString *error)
{
    LedgerImage *image = ledger_image_new(bank);
    int code = ledger_fold(ledger, image, error);
    ledger_image_free(image);
    return code;
}

static int renew_journal(Ledger *ledger, const Bank *bank, GString *error)
{
    Coder snapshot = snapshot_of(bank);
    int code = begin_journal(ledger, &snapshot, error);
    coder_deinit(&snapshot);
    return code;
}

int ledger_load(Ledger *ledger, Bank *bank, GString *error, GString *warning)
{
    Replay replay = {.bank = bank};
    RecordReport report = {0};
    const int csv = load_csv(ledger, bank, error);
    if (csv != 0 && csv != DISK_MISSING)
        return csv;
    const int journal = load_journal(ledger, &replay, &report, error);
    if (journal != 0 && journal != DISK_MISSING)
        return journal;
    if (csv == DISK_MISSING && replay.found)
        return refuse_without_csv(ledger, error);

    const bool whole = csv == 0 && !ledger_unfolded(ledger);
    const int code = whole ? renew_journal(ledger, bank, error) : fold_at_once(ledger, bank, error);
    if (code == 0)
        warn(ledger, &report, warning);
    return code;
}

/* --- appending --- */

void ledger_add(Ledger *ledger, const uint8_t *record, size_t length)
{
#ifdef COHORT_PLANTED_FAULTS
    g_autoptr(GString) error = g_string_new(NULL);
    if (planted(PLANTED_ANSWER_APART))
        ledger_commit(ledger, error); /* in a frame of its own */
#endif
    add_record(&ledger->added, record, length);
}

int ledger_commit(Ledger *ledger, GString *error)
{
    if (ledger->failed != 0)
        return ledger->failed;
    if (ledger->added.length == 0)
        return 0;
    int code = record_append(ledger->journal, ledger->added.bytes, ledger->added.length);
    if (code != 0)
        return fail(ledger, code, "append to", JOURNAL_SUFFIX, error);
    ledger->added.length = 0;
    return 0;
}

uint64_t ledger_sequence(const Ledger *ledger)
{
    return record_sequence(ledger->journal);
}
