#include "sim/storage.h"

#include <string.h>

#include "core/ledger.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/store.h"
#include "core/table.h"

#define CSV_FILE "data.csv"
#define JOURNAL_FILE CSV_FILE ".journal"

struct Storage {
    bool bank;
    SimDisk *disk;
    Store *store;   /* a customer's, */
    Ledger *ledger; /* ... or the bank's */
    bool failed;    /* an operation has, or it is doomed: nothing is written any more */
    /* What waits for the disk: */
    GArray *waiting; /* of ShelfRecord */
    bool borrowed;   /* its bytes are those of the step that was just taken */
    uint64_t waiting_commit;
    /* What is being written, or was last: */
    uint64_t first_operation;
    uint64_t written_commit;
    uint64_t durable_ns;
    /* What is durable and was told: */
    uint64_t saved_commit;
    uint64_t saved_sequence;
};

Storage *storage_new(bool bank, uint64_t state)
{
    Storage *storage = g_new0(Storage, 1);
    storage->bank = bank;
    storage->disk = simdisk_new(state);
    storage->waiting = g_array_new(FALSE, FALSE, sizeof(ShelfRecord));
    return storage;
}

static void drop_waiting(Storage *storage)
{
    for (guint i = 0; i < storage->waiting->len && !storage->borrowed; i++)
        g_free((uint8_t *)g_array_index(storage->waiting, ShelfRecord, i).bytes);
    g_array_set_size(storage->waiting, 0);
    storage->borrowed = false;
}

static void close_files(Storage *storage)
{
    g_clear_pointer(&storage->store, store_free);
    g_clear_pointer(&storage->ledger, ledger_free);
}

void storage_free(Storage *storage)
{
    if (storage == NULL)
        return;
    drop_waiting(storage);
    g_array_unref(storage->waiting);
    close_files(storage);
    simdisk_free(storage->disk);
    g_free(storage);
}

void storage_set_model(Storage *storage, const DiskModel *model)
{
    simdisk_set_model(storage->disk, model);
}

void storage_set_chooser(Storage *storage, const DiskChooser *chooser)
{
    simdisk_set_chooser(storage->disk, chooser);
}

DiskCounts storage_counts(const Storage *storage)
{
    return simdisk_counts(storage->disk);
}

/* --- loading --- */

/* What the code that uses the disk says when nothing but itself can be to blame: but a planted
 * fault may be, and then the traces must show it. */
static void blame(const GString *error, int code)
{
    if (!planted_any())
        panic(__FILE__, __LINE__, error->str, code, 0);
}

/* May the disk hold what a process would never have left there? */
static bool held(bool expected)
{
    return expected || planted_any();
}

/* One of store and ledger is there. */
static int load_from(Store *store, Ledger *ledger, Shelf *shelf, Bank *bank, GString *error)
{
    g_autoptr(GString) warning = g_string_new(NULL);
    return ledger != NULL ? ledger_load(ledger, bank, error, warning)
                          : store_load(store, shelf, error, warning);
}

static uint64_t sequence_of(const Storage *storage)
{
    return storage->bank ? ledger_sequence(storage->ledger) : store_sequence(storage->store);
}

int storage_load(Storage *storage, uint64_t now_ns, Shelf *shelf, Bank *bank)
{
    g_autoptr(GString) error = g_string_new(NULL);
    simdisk_set_time(storage->disk, now_ns);
    close_files(storage);
    if (storage->bank)
        storage->ledger = ledger_new(simdisk_disk(storage->disk), CSV_FILE, CSV_FILE);
    else
        storage->store = store_new(simdisk_disk(storage->disk), "state");
    int code = load_from(storage->store, storage->ledger, shelf, bank, error);
    if (code < 0) {
        DiskCut all = {.operation = simdisk_operations(storage->disk)};
        storage_crash(storage, all, now_ns);
        return code;
    }
    if (code > 0) {
        blame(error, code);
        return code;
    }
    INVARIANT(held(sequence_of(storage) >= storage->saved_sequence));
    storage->saved_sequence = sequence_of(storage);
    storage->saved_commit = 0;
    storage->written_commit = 0;
    storage->failed = false;
    return 0;
}

void storage_begin(Storage *storage, const GArray *rows, Bank *bank)
{
    g_autoptr(GString) csv = g_string_new(NULL);
    Disk *disk = simdisk_disk(storage->disk);
    table_write_header(csv);
    for (guint i = 0; i < rows->len; i++)
        table_write_row(csv, &g_array_index(rows, BankRow, i));
    int code = disk_write(disk, CSV_FILE, 0, (const uint8_t *)csv->str, csv->len);
    if (code == 0)
        code = disk_sync(disk, CSV_FILE);
    if (code == 0)
        code = disk_sync_names(disk);
    if (code == 0)
        code = storage_load(storage, 0, NULL, bank);
    INVARIANT_THAT(code, ==, 0);
}

/* --- writing --- */

static bool busy(const Storage *storage, uint64_t now_ns)
{
    return storage->failed || simdisk_done_ns(storage->disk) > now_ns;
}

void storage_take(Storage *storage, uint64_t now_ns, uint64_t commit, const Effects *effects)
{
    INVARIANT(!storage->borrowed);
    storage->borrowed = storage->waiting->len == 0 && !busy(storage, now_ns);
    for (size_t i = 0; i < effects_count(effects); i++) {
        const Effect *effect = effects_at(effects, i);
        if (effect->kind != EFFECT_SAVE)
            break;
        ShelfRecord record = {.slot = effect->save.slot,
                              .index = effect->save.index,
                              .bytes = effect->save.bytes,
                              .length = effect->save.length};
        if (!storage->borrowed)
            record.bytes = g_memdup2(record.bytes, record.length);
        g_array_append_val(storage->waiting, record);
    }
    storage->waiting_commit = commit;
}

static int commit(Storage *storage, GString *error)
{
    const ShelfRecord *saves = (const ShelfRecord *)storage->waiting->data;
    size_t count = storage->waiting->len;
    if (!storage->bank)
        return store_commit(storage->store, saves, count, error);
    for (size_t i = 0; i < count; i++)
        ledger_add(storage->ledger, saves[i].bytes, saves[i].length);
    return ledger_commit(storage->ledger, error);
}

static int fold(Storage *storage, const Bank *bank, GString *error)
{
    if (bank == NULL || !ledger_outgrown(storage->ledger))
        return 0;
    LedgerImage *image = ledger_image_new(bank);
    int code = ledger_fold(storage->ledger, image, error);
    ledger_image_free(image);
    return code;
}

Writing storage_write(Storage *storage, uint64_t now_ns, const Bank *bank)
{
    if (storage->waiting->len == 0 || busy(storage, now_ns))
        return (Writing){0};
    storage_saved(storage, now_ns);
    g_autoptr(GString) error = g_string_new(NULL);
    simdisk_set_time(storage->disk, now_ns);
    storage->first_operation = simdisk_operations(storage->disk);
    storage->written_commit = storage->waiting_commit;
    int code = commit(storage, error);
    drop_waiting(storage);
    Writing writing = {.operations = simdisk_operations(storage->disk) - storage->first_operation,
                       .failed = code < 0};
    storage->durable_ns = simdisk_done_ns(storage->disk);
    if (code == 0)
        code = fold(storage, bank, error);
    if (code > 0)
        blame(error, code);
    if (code < 0)
        writing.operations = simdisk_operations(storage->disk) - storage->first_operation;
    writing.failed = storage->failed = code < 0;
    return writing;
}

uint64_t storage_written(const Storage *storage)
{
    return storage->written_commit;
}

uint64_t storage_saved(Storage *storage, uint64_t now_ns)
{
    if (!storage->failed && storage->written_commit > storage->saved_commit &&
        storage->durable_ns <= now_ns) {
        storage->saved_commit = storage->written_commit;
        storage->saved_sequence = sequence_of(storage);
    }
    return storage->saved_commit;
}

uint64_t storage_next_ns(const Storage *storage, uint64_t now_ns)
{
    if (!storage->failed && storage->written_commit > storage->saved_commit &&
        storage->durable_ns > now_ns)
        return storage->durable_ns;
    uint64_t done_ns = simdisk_done_ns(storage->disk);
    return done_ns > now_ns ? done_ns : TIME_NEVER;
}

bool storage_idle(const Storage *storage, uint64_t now_ns)
{
    return storage->waiting->len == 0 && !busy(storage, now_ns);
}

/* --- the crash --- */

void storage_doomed(Storage *storage)
{
    storage->failed = true;
}

DiskCut storage_cut(const Storage *storage, uint64_t operation, bool under_way, uint64_t *at_ns)
{
    uint64_t number = storage->first_operation + operation;
    *at_ns = number < simdisk_operations(storage->disk) ? simdisk_begin_ns(storage->disk, number)
                                                        : simdisk_done_ns(storage->disk);
    return (DiskCut){number, under_way};
}

DiskCut storage_cut_now(const Storage *storage, uint64_t now_ns)
{
    return simdisk_cut_at(storage->disk, now_ns);
}

static const char *accept_row(void *user, const BankRow *row)
{
    (void)user;
    (void)row;
    return NULL;
}

/* "The file on disk is a valid, complete CSV at every instant." */
static void check_csv(SimDisk *disk)
{
    g_autoptr(GString) error = g_string_new(NULL);
    GByteArray *bytes = g_byte_array_new();
    int code = disk_read(simdisk_disk(disk), CSV_FILE, bytes);
    if (code == 0 && !table_read(CSV_FILE, bytes->data, bytes->len, accept_row, NULL, error))
        blame(error, 1);
    g_byte_array_unref(bytes);
}

/* How many of the customer's commits are there, as far as the disk tells. */
static uint64_t look(SimDisk *disk)
{
    g_autoptr(GString) error = g_string_new(NULL);
    g_autoptr(GString) warning = g_string_new(NULL);
    Store *store = store_new(simdisk_disk(disk), "state");
    Shelf *shelf = shelf_new();
    int code = store_look(store, shelf, error, warning);
    if (code != 0)
        blame(error, code);
    uint64_t sequence = store_sequence(store);
    shelf_free(shelf);
    store_free(store);
    return sequence;
}

void storage_crash(Storage *storage, DiskCut cut, uint64_t now_ns)
{
    simdisk_crash(storage->disk, cut, now_ns);
    drop_waiting(storage);
    close_files(storage);
    storage->failed = false;
}

uint64_t storage_survived(Storage *storage)
{
    uint64_t survived = storage->saved_commit;
    SimDisk *copy = simdisk_copy(storage->disk);
    if (storage->bank) {
        check_csv(copy);
    } else {
        uint64_t sequence = look(copy);
        INVARIANT(held(sequence >= storage->saved_sequence));
        if (sequence > storage->saved_sequence)
            survived = storage->written_commit;
        storage->saved_sequence = sequence;
    }
    simdisk_free(copy);
    return survived;
}

/* --- damage at rest --- */

/* All that a load gives, as bytes; NULL: refused. */
static GByteArray *load_copy(SimDisk *copy, bool bank, uint64_t *sequence)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Disk *disk = simdisk_disk(copy);
    Store *store = bank ? NULL : store_new(disk, "state");
    Ledger *ledger = bank ? ledger_new(disk, CSV_FILE, CSV_FILE) : NULL;
    Shelf *shelf = shelf_new();
    Bank *loaded = bank_new(&(BankConfig){.seed = 1});
    Coder coder = coder_encode_growing();
    int code = load_from(store, ledger, shelf, loaded, error);
    bank_encode(loaded, &coder);
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        ShelfRecord record = shelf_at(shelf, i);
        uint16_t slot = (uint16_t)record.slot;
        code_u16(&coder, &slot);
        code_u16(&coder, &record.index);
        code_bytes(&coder, (uint8_t *)record.bytes, record.length);
    }
    GByteArray *bytes = code == 0 ? g_byte_array_new() : NULL;
    if (code == 0)
        g_byte_array_append(bytes, coder.bytes, (guint)coder.length);
    *sequence = bank ? ledger_sequence(ledger) : store_sequence(store);
    coder_deinit(&coder);
    bank_free(loaded);
    shelf_free(shelf);
    store_free(store);
    ledger_free(ledger);
    return bytes;
}

static bool same_bytes(const GByteArray *left, const GByteArray *right)
{
    return left->len == right->len &&
           (left->len == 0 || memcmp(left->data, right->data, left->len) == 0);
}

static bool same_content(SimDisk *left, SimDisk *right, const char *file)
{
    GByteArray *contents[2] = {g_byte_array_new(), g_byte_array_new()};
    int code = disk_read(simdisk_disk(left), file, contents[0]);
    if (code == 0)
        code = disk_read(simdisk_disk(right), file, contents[1]);
    bool same = code == 0 && same_bytes(contents[0], contents[1]);
    g_byte_array_unref(contents[0]);
    g_byte_array_unref(contents[1]);
    return same;
}

/* Right, or else only without a commit that was not yet durable: half of a torn one is sound until
 * the bit is inverted. */
static void judge(const Storage *storage, SimDisk *sound, const GByteArray *found,
                  uint64_t found_sequence)
{
    uint64_t sequence;
    GByteArray *wanted = load_copy(sound, storage->bank, &sequence);
    INVARIANT(held(wanted != NULL));
    if (wanted == NULL)
        return;
    INVARIANT(held(found_sequence >= storage->saved_sequence));
    INVARIANT_THAT(found_sequence, <=, sequence);
    if (found_sequence == sequence)
        INVARIANT(held(same_bytes(found, wanted))); /* damage was believed */
    g_byte_array_unref(wanted);
}

Flip storage_flip(Storage *storage, uint64_t *state)
{
    const char *file = storage->bank ? JOURNAL_FILE : STORE_FILE;
    uint64_t length = simdisk_file_bytes(storage->disk, file);
    if (length == 0)
        return FLIP_NONE;
    uint64_t bit = random_below(state, length * 8);
    uint64_t sequence;
    SimDisk *sound = simdisk_copy(storage->disk);
    simdisk_flip(storage->disk, file, bit);
    SimDisk *before = simdisk_copy(storage->disk);
    SimDisk *damaged = simdisk_copy(storage->disk);
    GByteArray *found = load_copy(damaged, storage->bank, &sequence);
    Flip flip = found != NULL ? FLIP_REPAIRED : FLIP_REFUSED;
    if (flip == FLIP_REPAIRED) {
        judge(storage, sound, found, sequence);
        g_byte_array_unref(found);
    } else {
        INVARIANT(same_content(damaged, before, file)); /* it is left as it is */
        simdisk_flip(storage->disk, file, bit);
    }
    simdisk_free(sound);
    simdisk_free(before);
    simdisk_free(damaged);
    return flip;
}
