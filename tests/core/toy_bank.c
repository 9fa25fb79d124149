#include "tests/core/toy_bank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

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

BankRow *toy_bank_find(Bank *bank, const char *name)
{
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(bank->places, name));
    return place == 0 ? NULL : &g_array_index(bank->rows, BankRow, place - 1);
}

BankLoad bank_load_row(Bank *bank, const BankRow *row)
{
    if (toy_bank_find(bank, row->name.text) != NULL)
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
    if (strcmp(words[0], "motto") == 0) {
        g_strlcpy(bank->motto, words[1], sizeof bank->motto);
        return BANK_LOAD_OK;
    }
    if (strcmp(words[0], "nonsense") == 0)
        return BANK_LOAD_DAMAGED;
    BankRow row = {.ip = 0x7f000001, .port1 = 8501, .port2 = 8502};
    name_set(&row.name, words[0]);
    bank_load_row(bank, &row);
    money_parse_balance(words[1], &toy_bank_find(bank, words[0])->balance);
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
    return (bank->note[0] != '\0') + (bank->motto[0] != '\0');
}

void bank_snapshot_record(const Bank *bank, size_t index, Coder *out)
{
    assert_true(index < bank_snapshot_count(bank));
    const bool is_note = index == 0 && bank->note[0] != '\0';
    g_autofree char *text =
        is_note ? g_strconcat("note ", bank->note, NULL) : g_strconcat("motto ", bank->motto, NULL);
    code_bytes(out, (uint8_t *)text, strlen(text));
}

char *toy_bank_text(Bank *bank)
{
    GString *text = g_string_new(bank->note);
    for (guint i = 0; i < bank->rows->len; i++) {
        const BankRow *row = &g_array_index(bank->rows, BankRow, i);
        g_string_append_printf(text, " %s=%" G_GINT64_FORMAT, row->name.text, row->balance);
    }
    return g_string_free(text, FALSE);
}
