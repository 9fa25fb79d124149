/* The bank's books, CSV and journal: once a load has put them in order they load to the same bank
 * again and again; or they are refused, and stay as they are.
 *
 * The input is the CSV, a NUL byte, and the journal. */
#include <string.h>

#include "core/ledger.h"
#include "tests/core/memory_disk.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"

enum { KIND = 0x4a4f5552, SECTOR_BYTES = 512 };

static int load(MemoryDisk *memory, Bank *bank, GString *warning)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Ledger *ledger = ledger_new(memory_disk(memory), "bank.csv", "bank.csv");
    const int code = ledger_load(ledger, bank, error, warning);
    INVARIANT((code == 0) == (error->len == 0));
    ledger_free(ledger);
    return code;
}

static void expect_same(const Bank *a, const Bank *b)
{
    Coder left = coder_encode_growing(), right = coder_encode_growing();
    bank_encode(a, &left);
    bank_encode(b, &right);
    INVARIANT_THAT(left.length, ==, right.length);
    INVARIANT(memcmp(left.bytes, right.bytes, left.length) == 0);
    coder_deinit(&left);
    coder_deinit(&right);
}

/* The first load may be of what no bank wrote: a row without a process, say, that only the journal
 * knows. What it leaves behind is sound. */
static void load_again(MemoryDisk *memory)
{
    g_autoptr(GString) warning = g_string_new(NULL);
    Bank *second = bank_new(&(BankConfig){.seed = 1});
    Bank *third = bank_new(&(BankConfig){.seed = 1});
    INVARIANT_THAT(load(memory, second, warning), ==, 0);
    INVARIANT_THAT(load(memory, third, warning), ==, 0);
    INVARIANT_THAT(warning->len, ==, 0);
    expect_same(second, third);
    bank_free(second);
    bank_free(third);
}

static void expect_untouched(const MemoryDisk *memory, const char *name, const uint8_t *bytes,
                             size_t length)
{
    const GByteArray *file = memory_disk_file(memory, name);
    INVARIANT(file != NULL);
    INVARIANT(file->len == length && (length == 0 || memcmp(file->data, bytes, length) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *parting = size > 0 ? memchr(data, '\0', size) : NULL;
    const size_t csv_bytes = parting != NULL ? (size_t)(parting - data) : size;
    const size_t journal_bytes = parting != NULL ? size - csv_bytes - 1 : 0;
    g_autoptr(GString) warning = g_string_new(NULL);
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Bank *bank = bank_new(&(BankConfig){.seed = 1});
    memory_disk_put(memory, "bank.csv", data, csv_bytes);
    if (parting != NULL)
        memory_disk_put(memory, "bank.csv.journal", parting + 1, journal_bytes);
    if (load(memory, bank, warning) == 0) {
        load_again(memory);
    } else {
        expect_untouched(memory, "bank.csv", data, csv_bytes);
        if (parting != NULL)
            expect_untouched(memory, "bank.csv.journal", parting + 1, journal_bytes);
    }
    bank_free(bank);
    memory_disk_free(memory);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    const uint8_t *parting = size > 0 ? memchr(data, '\0', size) : NULL;
    const size_t csv_bytes = parting != NULL ? (size_t)(parting - data) : size;
    if (parting == NULL)
        return fuzz_mutate_lines(data, size, capacity);
    const size_t journal_at = csv_bytes + 1;
    if (fuzz_below(3) > 0)
        return journal_at +
               frames_mutate(data + journal_at, size - journal_at, capacity - journal_at, KIND);
    g_autofree uint8_t *csv = g_malloc(csv_bytes + capacity - size + 1);
    memcpy(csv, data, csv_bytes);
    const size_t changed = fuzz_mutate_lines(csv, csv_bytes, csv_bytes + capacity - size);
    return fuzz_replace(data, size, capacity, 0, csv_bytes, csv, changed);
}
