/* The bank's disk: its CSV (net/table.h) and the journal FILE.journal beside it.
 *
 * What the bank saves is appended to the journal, and synced, before anything that depends on it
 * is sent: a change costs one small write however many rows there are. Folding writes the CSV anew
 * from the bank's rows, and then a new journal that begins with what the CSV does not hold. Each
 * of the two replaces its file in one step, and records are absolute, so that whatever is killed
 * when, the CSV on disk is whole, and CSV and journal together are the bank.
 *
 * The journal is a head (magic and format version) and frames: marker, length, checksum, and one
 * or more records, each with its length. What one step saves is one frame, so that a frame cut
 * short by a crash was never acted upon: it is cut off. Damage anywhere else is refused. */
#ifndef COHORT_LEDGER_H
#define COHORT_LEDGER_H

#include <glib.h>

#include "core/bank.h"

/* A CSV that this program cannot take as it is. Other errors are negative errnos. */
#define LEDGER_BAD_CSV 1

typedef struct Ledger Ledger;

/* Locks the ledger, and loads it into a new bank; a missing CSV is made with its header. Returns
 * 0, LEDGER_BAD_CSV or a negative errno; then `error` says what to do, and CSV and journal are as
 * they were. `warning` is filled when there is something to say although all went well. */
int ledger_open(const char *path, Bank *bank, Ledger **ledger, GString *error, GString *warning);
void ledger_close(Ledger *ledger); /* does not fold; NULL is fine */

/* Adds a record to what the next commit makes durable, as one. */
void ledger_add(Ledger *ledger, const uint8_t *record, size_t length);
int ledger_commit(Ledger *ledger, GString *error); /* 0 or a negative errno */

/* Is there anything that the CSV on disk does not show yet? */
bool ledger_unfolded(const Ledger *ledger);
/* Is that so much that it should be folded now? Of a tiny CSV any change is: it then shows what was
 * answered as soon as the answer is out. Else the threshold grows with the CSV, so that all the
 * folding of a run costs no more than a fixed share of its writing. */
bool ledger_outgrown(const Ledger *ledger);
/* Is the CSV so small that folding it in any pause is fine? */
bool ledger_small(const Ledger *ledger);
int ledger_fold(Ledger *ledger, const Bank *bank, GString *error); /* 0 or a negative errno */

/* The rows of a CSV, without a bank: a new array of BankRow. Returns as ledger_open. */
int ledger_read_csv(const char *path, GArray **rows, GString *error);

#endif
