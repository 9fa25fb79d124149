/* The bank's CSV as text: RFC 4180, by libcsv, first line exactly
 *
 *     name,balance,ip_address,port1,port2,cohort,exit_state
 *
 * Reading is strict, so that nothing is guessed about money: every row has seven values that parse
 * whole, and anything else is an error that names the line, the column and what to do. Tolerated:
 * CRLF, a byte order mark, quoted values, blank lines, a last line without its newline. */
#ifndef COHORT_TABLE_H
#define COHORT_TABLE_H

#include <glib.h>

#include "core/bank.h"

/* Takes a sound row; NULL, or why it is refused (a static text about its name). */
typedef const char *(*TableTake)(void *user, const BankRow *row);

/* False when the text is not sound; `error` is then "PATH:LINE: column COLUMN (NAME): reason". */
bool table_read(const char *path, const uint8_t *bytes, size_t length, TableTake take, void *user,
                GString *error);

/* Why a TableTake refuses a name that it has taken before. */
extern const char TABLE_DUPLICATE[];
/* All rows, names once each: a new array of BankRow. NULL when the text is not sound. */
GArray *table_rows(const char *path, const uint8_t *bytes, size_t length, GString *error);

void table_write_header(GString *out);
void table_write_row(GString *out, const BankRow *row);

#endif
