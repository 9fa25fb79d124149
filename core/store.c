#include "core/store.h"

#include "core/coder.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/record.h"
#include "core/text.h"

enum {
    KIND = 0x53544f52, /* "STOR" */
    SAVE_BYTES = 2 + 2 + 4,
    /* A rewrite costs two syncs more than an append: a small file is left to grow. */
    SMALL_BYTES = 64 << 10,
    /* How many times its live bytes a file may grow to. With 2, rewrites write as much in all as
     * appends do. */
    OUTGROWN_TIMES = 2
};

const char STORE_FILE[] = "state";

struct Store {
    Disk *disk;
    char *shown_path;
    RecordFile *file;
    Shelf *live; /* what is in the file */
};

Store *store_new(Disk *disk, const char *shown_path)
{
    Store *store = g_new0(Store, 1);
    store->disk = disk;
    store->shown_path = g_strdup(shown_path);
    store->file = record_file_new(disk, STORE_FILE, KIND);
    store->live = shelf_new();
    return store;
}

void store_free(Store *store)
{
    if (store == NULL)
        return;
    record_file_free(store->file);
    shelf_free(store->live);
    g_free(store->shown_path);
    g_free(store);
}

uint64_t store_sequence(const Store *store)
{
    return record_sequence(store->file);
}

/* --- what to say --- */

static int fail(const Store *store, int code, const char *doing, GString *error)
{
    text_add(error, "cannot ", doing, " ", store->shown_path, "/", STORE_FILE, ": ",
             disk_reason(store->disk, code), NULL);
    return code;
}

static int refuse(const Store *store, const RecordReport *report, GString *error)
{
    text_add(error, store->shown_path, "/", STORE_FILE, " is damaged at byte ", NULL);
    text_add_number(error, report->damaged_at);
    g_string_append(
        error, ": restore the whole directory from a copy made after its last run, as an older "
               "one would falsify balances; it is left as it is");
    return STORE_DAMAGED;
}

static void warn(const Store *store, const RecordReport *report, GString *warning)
{
    if (report->torn_bytes > 0) {
        text_add(warning, store->shown_path, "/", STORE_FILE, ": dropped ", NULL);
        text_add_number(warning, report->torn_bytes);
        g_string_append(warning, " bytes of a save that was not finished when the process ended");
    }
    if (report->repaired > 0) {
        text_add(warning, warning->len > 0 ? "; " : "", store->shown_path, "/", STORE_FILE,
                 ": repaired ", NULL);
        text_add_number(warning, report->repaired);
        g_string_append(warning, " saves of which one of two copies was damaged");
    }
}

/* --- a commit as a record --- */

static void code_save(Coder *coder, uint16_t *slot, uint16_t *index, uint32_t *length)
{
    code_u16(coder, slot);
    code_u16(coder, index);
    code_u32(coder, length);
}

static void encode_save(Coder *coder, const ShelfRecord *save)
{
    uint16_t slot = (uint16_t)save->slot;
    uint16_t index = save->index;
    uint32_t length = (uint32_t)save->length;
    INVARIANT_THAT(save->length, <=, RECORD_BYTES_MAX);
    code_save(coder, &slot, &index, &length);
    code_bytes(coder, (uint8_t *)save->bytes, length); /* an encoder only reads them */
}

static bool take_commit(void *user, const uint8_t *bytes, size_t length)
{
    Shelf *shelf = user;
    Coder coder = coder_decode(bytes, length);
    while (!coder_finished(&coder)) {
        uint16_t slot;
        uint16_t index;
        uint32_t save_length;
        code_save(&coder, &slot, &index, &save_length);
        if (coder.failed || slot >= SLOTS || save_length > length - coder.at)
            return false;
        shelf_put(shelf, (Slot)slot, index, bytes + coder.at, save_length);
        coder.at += save_length;
    }
    return true;
}

/* --- loading --- */

static void copy(const Shelf *from, Shelf *to)
{
    for (size_t i = 0; i < shelf_count(from); i++) {
        ShelfRecord record = shelf_at(from, i);
        shelf_put(to, record.slot, record.index, record.bytes, record.length);
    }
}

static int rewrite(Store *store, uint64_t sequence)
{
    Coder coder = coder_encode_growing();
    for (size_t i = 0; i < shelf_count(store->live); i++) {
        ShelfRecord record = shelf_at(store->live, i);
        encode_save(&coder, &record);
    }
    int code = record_rewrite(store->file, sequence, coder.bytes, coder.length);
    coder_deinit(&coder);
    return code;
}

static int load(Store *store, bool writes, GString *error, GString *warning)
{
    RecordReport report;
    int code = record_load(store->file, take_commit, store->live, &report);
    if (code == DISK_MISSING)
        return 0;
    if (code == RECORD_DAMAGED)
        return refuse(store, &report, error);
    if (code != 0)
        return fail(store, code, "read", error);
    code = writes ? rewrite(store, store_sequence(store)) : 0;
    if (code != 0)
        return fail(store, code, "write", error);
    warn(store, &report, warning);
    return 0;
}

int store_load(Store *store, Shelf *shelf, GString *error, GString *warning)
{
    int code = load(store, true, error, warning);
    if (code == 0)
        copy(store->live, shelf);
    return code;
}

int store_look(Store *store, Shelf *shelf, GString *error, GString *warning)
{
    int code = load(store, false, error, warning);
    if (code == 0)
        copy(store->live, shelf);
    return code;
}

/* --- committing --- */

static bool outgrown(const Store *store, size_t commit_bytes)
{
    const size_t live_bytes =
        shelf_bytes(store->live) + (uint64_t)SAVE_BYTES * shelf_count(store->live);
    const uint64_t bytes = record_bytes(store->file) + record_rewritten_bytes(commit_bytes);
    return bytes > MAX(SMALL_BYTES, OUTGROWN_TIMES * record_rewritten_bytes(live_bytes));
}

int store_commit(Store *store, const ShelfRecord *saves, size_t count, GString *error)
{
    Coder coder = coder_encode_growing();
    while (planted(PLANTED_COMMIT_IN_PARTS) && count > 1) {
        int part = store_commit(store, saves, 1, error);
        if (part != 0)
            return part;
        saves++;
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        encode_save(&coder, &saves[i]);
        shelf_put(store->live, saves[i].slot, saves[i].index, saves[i].bytes, saves[i].length);
    }
    int code;
    if (store_sequence(store) == 0 || outgrown(store, coder.length))
        code = rewrite(store, store_sequence(store) + 1);
    else
        code = record_append(store->file, coder.bytes, coder.length);
    coder_deinit(&coder);
    return code == 0 ? 0 : fail(store, code, "save", error);
}
