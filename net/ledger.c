#include "net/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/coder.h"
#include "core/panic.h"
#include "net/file.h"
#include "net/table.h"

enum {
    FORMAT = 1,
    HEAD_BYTES = 8 + 4,
    FRAME_BYTES = 4 + 4 + 8,          /* before the records of a frame */
    SNAPSHOT_FRAME_BYTES = 256 << 10, /* of a snapshot, about so much in one frame */
    WRITE_BYTES = 256 << 10,
    TINY_BYTES = 16 << 10,
    SMALL_BYTES = 256 << 10,
};
static const uint8_t MAGIC[8] = "COHORTJN";

/* What begins a frame. */
typedef enum Marker {
    MARKER_SNAPSHOT = 0x434a7331, /* what the CSV does not hold */
    MARKER_CHANGE = 0x434a7231    /* what happened since */
} Marker;

struct Ledger {
    char *path; /* as the user named it */
    int folder;
    char *csv_name; /* in the folder */
    char *journal_name;
    int journal; /* open and locked */
    uint64_t csv_bytes;
    uint64_t snapshot_bytes;
    uint64_t change_bytes; /* after the snapshot: not folded yet */
    GByteArray *frame;     /* under way: FRAME_BYTES of room, then records */
};

static int fail(const Ledger *ledger, int code, const char *doing, const char *suffix,
                GString *error)
{
    g_string_printf(error, "cannot %s %s%s: %s", doing, ledger->path, suffix, g_strerror(-code));
    return code;
}

static void code_journal_head(Coder *coder)
{
    uint8_t magic[sizeof MAGIC];
    uint32_t format = FORMAT;
    memcpy(magic, MAGIC, sizeof MAGIC);
    code_bytes(coder, magic, sizeof magic);
    code_u32(coder, &format);
    if (memcmp(magic, MAGIC, sizeof MAGIC) != 0 || format != FORMAT)
        coder->failed = true;
}

/* --- frames --- */

static void frame_clear(GByteArray *frame)
{
    g_byte_array_set_size(frame, FRAME_BYTES);
}

static void frame_add(GByteArray *frame, const uint8_t *record, size_t length)
{
    uint8_t head[4];
    uint32_t length32 = (uint32_t)length;
    INVARIANT_THAT(length, <=, UINT32_MAX / 2 - frame->len);
    Coder coder = coder_encode_fixed(head, sizeof head);
    code_u32(&coder, &length32);
    g_byte_array_append(frame, head, sizeof head);
    g_byte_array_append(frame, record, (guint)length);
}

/* Fills in the room at its beginning. */
static void frame_close(GByteArray *frame, Marker marker)
{
    uint32_t marker32 = marker;
    uint32_t length = frame->len - FRAME_BYTES;
    uint64_t checksum = XXH3_64bits(frame->data + FRAME_BYTES, length);
    Coder coder = coder_encode_fixed(frame->data, FRAME_BYTES);
    code_u32(&coder, &marker32);
    code_u32(&coder, &length);
    code_u64(&coder, &checksum);
}

/* Is there a sound frame at the beginning of these bytes? Then *length is that of its records. */
static bool frame_sound(const uint8_t *bytes, size_t left, uint32_t *marker, uint32_t *length)
{
    uint64_t checksum;
    Coder coder = coder_decode(bytes, left);
    code_u32(&coder, marker);
    code_u32(&coder, length);
    code_u64(&coder, &checksum);
    return !coder.failed && (*marker == MARKER_SNAPSHOT || *marker == MARKER_CHANGE) &&
           *length <= left - FRAME_BYTES && checksum == XXH3_64bits(bytes + FRAME_BYTES, *length);
}

static bool sound_frame_after(const GByteArray *journal, size_t at)
{
    uint32_t marker;
    uint32_t length;
    for (size_t next = at + 1; next + FRAME_BYTES <= journal->len; next++) {
        if (frame_sound(journal->data + next, journal->len - next, &marker, &length))
            return true;
    }
    return false;
}

/* --- folding --- */

bool ledger_unfolded(const Ledger *ledger)
{
    return ledger->change_bytes > 0;
}

bool ledger_outgrown(const Ledger *ledger)
{
    const size_t bytes = ledger->csv_bytes + ledger->snapshot_bytes;
    return ledger->change_bytes > (bytes <= TINY_BYTES ? 0 : MAX(bytes, SMALL_BYTES));
}

bool ledger_small(const Ledger *ledger)
{
    return ledger->csv_bytes + ledger->snapshot_bytes <= SMALL_BYTES;
}

static int write_rows(Replacement *replacement, const Bank *bank)
{
    g_autoptr(GString) text = g_string_sized_new(WRITE_BYTES + 256);
    table_write_header(text);
    size_t count = bank_row_count(bank);
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        BankRow row = bank_row(bank, i);
        table_write_row(text, &row);
        if (text->len < WRITE_BYTES)
            continue;
        code = file_replace_write(replacement, (const uint8_t *)text->str, text->len);
        g_string_truncate(text, 0);
    }
    return code < 0 ? code : file_replace_write(replacement, (const uint8_t *)text->str, text->len);
}

static int write_snapshot(Replacement *replacement, const Bank *bank)
{
    uint8_t head[HEAD_BYTES];
    Coder coder = coder_encode_fixed(head, sizeof head);
    code_journal_head(&coder);
    int code = file_replace_write(replacement, head, sizeof head);
    size_t count = bank_snapshot_count(bank);
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_clear(frame);
    for (size_t i = 0; i < count && code == 0; i++) {
        Coder record = coder_encode_growing();
        bank_snapshot_record(bank, i, &record);
        INVARIANT(!record.failed);
        frame_add(frame, record.bytes, record.length);
        coder_deinit(&record);
        if (frame->len < SNAPSHOT_FRAME_BYTES && i + 1 < count)
            continue;
        frame_close(frame, MARKER_SNAPSHOT);
        code = file_replace_write(replacement, frame->data, frame->len);
        frame_clear(frame);
    }
    return code;
}

static int replace_csv(Ledger *ledger, const Bank *bank)
{
    Replacement replacement;
    int code = file_replace_begin(&replacement, ledger->folder, ledger->csv_name);
    if (code < 0)
        return code;
    code = write_rows(&replacement, bank);
    if (code < 0) {
        file_replace_abandon(&replacement);
        return code;
    }
    off_t length = replacement.length;
    code = file_replace_end(&replacement, NULL);
    if (code == 0)
        ledger->csv_bytes = (uint64_t)length;
    return code;
}

static int replace_journal(Ledger *ledger, const Bank *bank)
{
    Replacement replacement;
    int code = file_replace_begin(&replacement, ledger->folder, ledger->journal_name);
    if (code < 0)
        return code;
    /* Locked before it has its name, so that the ledger is locked at every instant. */
    code = file_lock_open(replacement.fd);
    if (code == 0)
        code = write_snapshot(&replacement, bank);
    if (code < 0) {
        file_replace_abandon(&replacement);
        return code;
    }
    int fd;
    off_t length = replacement.length;
    code = file_replace_end(&replacement, &fd);
    if (code < 0)
        return code;
    close(ledger->journal);
    ledger->journal = fd;
    ledger->snapshot_bytes = (uint64_t)length;
    ledger->change_bytes = 0;
    return 0;
}

static int begin_journal(Ledger *ledger, const Bank *bank, GString *error)
{
    int code = replace_journal(ledger, bank);
    return code < 0 ? fail(ledger, code, "write", ".journal", error) : 0;
}

/* The CSV first: killed between the two, the old journal is replayed over the new CSV, which
 * already has all of it. */
int ledger_fold(Ledger *ledger, const Bank *bank, GString *error)
{
    int code = replace_csv(ledger, bank);
    if (code < 0)
        return fail(ledger, code, "write", "", error);
    return begin_journal(ledger, bank, error);
}

/* --- loading --- */

static bool load_frame(Bank *bank, const uint8_t *bytes, size_t length)
{
    Coder coder = coder_decode(bytes, length);
    while (!coder_finished(&coder)) {
        uint32_t record_length;
        code_u32(&coder, &record_length);
        if (coder.failed || record_length > length - coder.at ||
            bank_load_record(bank, bytes + coder.at, record_length) != BANK_LOAD_OK)
            return false;
        coder.at += record_length;
    }
    return true;
}

static int refuse_journal(const Ledger *ledger, size_t at, GString *error)
{
    g_string_printf(error,
                    "%s.journal is damaged at byte %zu: restore it, together with %s, from a copy; "
                    "or move it away to go on from the CSV alone, without what only it holds",
                    ledger->path, at, ledger->path);
    return -EBADMSG;
}

static int cut_tail(Ledger *ledger, const GByteArray *journal, size_t at, GString *error,
                    GString *warning)
{
    if (ftruncate(ledger->journal, (off_t)at) < 0 || fdatasync(ledger->journal) < 0)
        return fail(ledger, -errno, "cut back", ".journal", error);
    g_string_printf(warning,
                    "%s.journal: cut off %zu bytes of a change that was not finished, and so not "
                    "acknowledged to anybody, when the bank ended",
                    ledger->path, journal->len - at);
    return 0;
}

/* Replays the journal; an empty one was never written. */
static int load_journal(Ledger *ledger, Bank *bank, const GByteArray *journal, GString *error,
                        GString *warning)
{
    if (journal->len == 0)
        return 0;
    Coder head = coder_decode(journal->data, journal->len);
    code_journal_head(&head);
    if (head.failed)
        return refuse_journal(ledger, 0, error);
    ledger->snapshot_bytes = HEAD_BYTES;
    size_t at = HEAD_BYTES;
    while (at < journal->len) {
        uint32_t marker;
        uint32_t length;
        if (!frame_sound(journal->data + at, journal->len - at, &marker, &length))
            return sound_frame_after(journal, at) ? refuse_journal(ledger, at, error)
                                                  : cut_tail(ledger, journal, at, error, warning);
        if (!load_frame(bank, journal->data + at + FRAME_BYTES, length))
            return refuse_journal(ledger, at, error);
        at += FRAME_BYTES + length;
        *(marker == MARKER_SNAPSHOT ? &ledger->snapshot_bytes : &ledger->change_bytes) +=
            FRAME_BYTES + length;
    }
    return 0;
}

static const char *take_into_bank(void *user, const BankRow *row)
{
    return bank_load_row(user, row) == BANK_LOAD_OK ? NULL
                                                    : "the name is in the file already: remove one";
}

static int load_csv(Ledger *ledger, Bank *bank, GString *error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    int code = file_read(ledger->folder, ledger->csv_name, bytes);
    if (code < 0)
        return code == -ENOENT ? code : fail(ledger, code, "read", "", error);
    ledger->csv_bytes = bytes->len;
    return table_read(ledger->path, bytes->data, bytes->len, take_into_bank, bank, error)
               ? 0
               : LEDGER_BAD_CSV;
}

static int load(Ledger *ledger, Bank *bank, GString *error, GString *warning)
{
    g_autoptr(GByteArray) journal = g_byte_array_new();
    int code = file_read_open(ledger->journal, journal);
    if (code < 0)
        return fail(ledger, code, "read", ".journal", error);
    code = load_csv(ledger, bank, error);
    bool missing = code == -ENOENT;
    if (missing && journal->len > HEAD_BYTES) {
        g_string_printf(error,
                        "%s is missing, but its journal %s.journal is there: put the CSV back, or, "
                        "to begin anew, remove the journal too",
                        ledger->path, ledger->path);
        return -ENOENT;
    }
    if (code != 0 && !missing)
        return code;
    code = load_journal(ledger, bank, journal, error, warning);
    if (code == 0 && (missing || ledger_unfolded(ledger)))
        return ledger_fold(ledger, bank, error);
    if (code == 0 && journal->len == 0)
        return begin_journal(ledger, bank, error);
    return code;
}

/* --- opening --- */

static int lock(Ledger *ledger, GString *error)
{
    /* A symbolic link is followed, or folding would replace the link. */
    g_autofree char *real = realpath(ledger->path, NULL);
    g_autofree char *folder = g_path_get_dirname(real != NULL ? real : ledger->path);
    ledger->csv_name = g_path_get_basename(real != NULL ? real : ledger->path);
    ledger->journal_name = g_strconcat(ledger->csv_name, ".journal", NULL);
    ledger->folder = file_open_folder(folder);
    if (ledger->folder < 0)
        return fail(ledger, ledger->folder, "open the folder of", "", error);
    ledger->journal = file_lock(ledger->folder, ledger->journal_name);
    if (ledger->journal == -EWOULDBLOCK) {
        g_string_printf(error,
                        "%s is in use by another bank: stop that one, or name another --data",
                        ledger->path);
        return ledger->journal;
    }
    return ledger->journal < 0 ? fail(ledger, ledger->journal, "open", ".journal", error) : 0;
}

int ledger_open(const char *path, Bank *bank, Ledger **opened, GString *error, GString *warning)
{
    Ledger *ledger = g_new0(Ledger, 1);
    ledger->path = g_strdup(path);
    ledger->folder = ledger->journal = -1;
    ledger->frame = g_byte_array_new();
    frame_clear(ledger->frame);
    int code = lock(ledger, error);
    if (code == 0)
        code = load(ledger, bank, error, warning);
    if (code == 0) {
        *opened = ledger;
        return 0;
    }
    struct stat journal;
    if (ledger->journal >= 0 && fstat(ledger->journal, &journal) == 0 && journal.st_size == 0)
        unlinkat(ledger->folder, ledger->journal_name, 0); /* lock() made it */
    ledger_close(ledger);
    return code;
}

void ledger_close(Ledger *ledger)
{
    if (ledger == NULL)
        return;
    if (ledger->journal >= 0)
        close(ledger->journal);
    if (ledger->folder >= 0)
        close(ledger->folder);
    g_byte_array_unref(ledger->frame);
    g_free(ledger->path);
    g_free(ledger->csv_name);
    g_free(ledger->journal_name);
    g_free(ledger);
}

/* --- appending --- */

void ledger_add(Ledger *ledger, const uint8_t *record, size_t length)
{
    frame_add(ledger->frame, record, length);
}

int ledger_commit(Ledger *ledger, GString *error)
{
    GByteArray *frame = ledger->frame;
    if (frame->len == FRAME_BYTES)
        return 0;
    frame_close(frame, MARKER_CHANGE);
    off_t end = (off_t)(ledger->snapshot_bytes + ledger->change_bytes);
    int code = file_write(ledger->journal, end, frame->data, frame->len);
    if (code == 0 && fdatasync(ledger->journal) < 0)
        code = -errno;
    if (code < 0)
        return fail(ledger, code, "append to", ".journal", error);
    ledger->change_bytes += frame->len;
    frame_clear(frame);
    return 0;
}

/* --- a CSV without a bank --- */

typedef struct Collector {
    GArray *rows;
    GHashTable *names;
} Collector;

static const char *take_into_array(void *user, const BankRow *row)
{
    Collector *collector = user;
    if (!g_hash_table_add(collector->names, g_strdup(row->name.text)))
        return "the name is in the file already: remove one";
    g_array_append_val(collector->rows, *row);
    return NULL;
}

int ledger_read_csv(const char *path, GArray **rows, GString *error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    int code = file_read(AT_FDCWD, path, bytes);
    if (code < 0) {
        g_string_printf(error, "cannot read %s: %s", path, g_strerror(-code));
        return code;
    }
    Collector collector = {g_array_new(FALSE, FALSE, sizeof(BankRow)),
                           g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    bool sound = table_read(path, bytes->data, bytes->len, take_into_array, &collector, error);
    g_hash_table_unref(collector.names);
    if (!sound) {
        g_array_unref(collector.rows);
        return LEDGER_BAD_CSV;
    }
    *rows = collector.rows;
    return 0;
}
