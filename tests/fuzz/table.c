/* The bank's CSV: sound, it is read again as it is written; else the error says where and why. */
#include <string.h>

#include "core/table.h"
#include "tests/fuzz/fuzz.h"

static void write_rows(const GArray *rows, GString *out)
{
    table_write_header(out);
    for (guint i = 0; i < rows->len; i++)
        table_write_row(out, &g_array_index(rows, BankRow, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) error = g_string_new(NULL);
    g_autoptr(GArray) rows = table_rows("bank.csv", data, size, error);
    if (rows == NULL) {
        INVARIANT(g_str_has_prefix(error->str, "bank.csv:"));
        INVARIANT(g_utf8_validate(error->str, (gssize)error->len, NULL));
        return 0;
    }
    INVARIANT_THAT(error->len, ==, 0);
    g_autoptr(GString) written = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    write_rows(rows, written);
    g_autoptr(GArray) reread =
        table_rows("bank.csv", (const uint8_t *)written->str, written->len, error);
    INVARIANT(reread != NULL);
    write_rows(reread, again);
    INVARIANT(g_string_equal(written, again));
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    return fuzz_mutate_lines(data, size, capacity);
}
