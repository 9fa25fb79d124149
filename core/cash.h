/* Deposits and withdrawals that a rollback would undo, so that it can say which it undid.
 *
 * With --cash restore, inside a cohort, they are part of what a rollback takes back: those since
 * the permanent checkpoint. They come from outside, where nothing is undone; so they are kept on
 * disk, for the rollback after a crash to name them too. */
#ifndef COHORT_CASH_H
#define COHORT_CASH_H

#include "core/customer_state.h"

enum { CASH_LISTED_MAX = 1000 }; /* more are counted only */

/* After a crash; false: the records are damaged. */
bool cash_load(Cash *cash, const Shelf *stored);
void cash_note(Customer *customer, const Command *command);
/* After a step's decisions: a checkpoint made them permanent, or a rollback undid them. */
void cash_settle(Customer *customer);
void cash_code(Coder *coder, Cash *cash);
void cash_deinit(Cash *cash);

#endif
