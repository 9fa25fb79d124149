/* The bank's disk: its CSV (core/table.h) and the journal FILE.journal beside it, a record file.
 *
 * What the bank saves is appended to the journal, and synced, before anything that depends on it
 * is sent: a change costs one small write however many rows there are. Folding writes the CSV anew
 * from the bank's rows, and then a new journal that begins with what the CSV does not hold. Each
 * of the two replaces its file in one step, and records are absolute, so that whatever is killed
 * when, the CSV on disk is whole, and CSV and journal together are the bank.
 *
 * Folding has two halves, so that a bank can go on while its files are written: the image, taken
 * of the bank between two steps, and the writing. Commits and folds must be done in the order in
 * which the bank came to them: an image is folded after the commits of all that it shows, and
 * before any other. A Ledger is for one thread at a time; an image belongs to none.
 *
 * Functions return 0, one of the codes below, or a negative error of the Disk, and then say in
 * `error` what happened and what to do. */
#ifndef COHORT_LEDGER_H
#define COHORT_LEDGER_H

#include "core/bank.h"
#include "core/disk.h"

#define LEDGER_BAD_CSV 1 /* this program cannot take it as it is: a user's error */
#define LEDGER_DAMAGED 2 /* the journal cannot be believed; it is left as it is */

typedef struct Ledger Ledger;
typedef struct LedgerImage LedgerImage;

/* `disk` is borrowed: the CSV's folder; `shown_path` is how messages name the CSV. */
Ledger *ledger_new(Disk *disk, const char *csv_name, const char *shown_path);
void ledger_free(Ledger *ledger); /* does not fold; NULL is fine */

/* Once, first: loads the ledger into a new bank; a missing CSV is made with its header, and what a
 * crash left in the journal is folded. On errors CSV and journal are as they were (DISK_MISSING:
 * the CSV is not there although its journal is). `warning` is filled when there is something to say
 * although all went well. */
int ledger_load(Ledger *ledger, Bank *bank, GString *error, GString *warning);

/* Adds a record to what the next commit makes durable, as one. */
void ledger_add(Ledger *ledger, const uint8_t *record, size_t length);
int ledger_commit(Ledger *ledger, GString *error); /* nothing added: nothing done */
uint64_t ledger_sequence(const Ledger *ledger);    /* counts the durable commits */

/* Is there anything that the CSV on disk does not show yet? */
bool ledger_unfolded(const Ledger *ledger);
/* Is that so much that it should be folded now? Of a tiny CSV any change is: it then shows what was
 * answered as soon as the answer is out. Else the threshold grows with the CSV, so that all the
 * folding of a run costs no more than a fixed share of its writing. */
bool ledger_outgrown(const Ledger *ledger);
/* Is the CSV so small that folding it in any pause is fine? */
bool ledger_small(const Ledger *ledger);

/* What a fold writes: the bank as it is now. */
LedgerImage *ledger_image_new(const Bank *bank);
void ledger_image_free(LedgerImage *image); /* NULL is fine */
/* Nothing is added and not committed. */
int ledger_fold(Ledger *ledger, const LedgerImage *image, GString *error);

#endif
