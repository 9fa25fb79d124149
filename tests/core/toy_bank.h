/* A bank for tests of the ledger, in place of the core's: rows, and one record per change, "NAME
 * BALANCE"; what the CSV does not hold is a note, "note TEXT", and a motto, "motto TEXT". */
#ifndef COHORT_TEST_TOY_BANK_H
#define COHORT_TEST_TOY_BANK_H

#include "core/bank.h"

struct Bank {
    GArray *rows;
    GHashTable *places; /* name -> index + 1 */
    char note[32];
    char motto[32];
    unsigned records; /* replayed */
};

BankRow *toy_bank_find(Bank *bank, const char *name);
char *toy_bank_text(Bank *bank); /* all that it knows; g_free it */

#endif
