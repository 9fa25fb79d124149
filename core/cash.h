/* Deposits and withdrawals that a rollback would undo, so that it can say which it undid.
 *
 * With --cash restore, inside a cohort, they are part of what a rollback takes back: those since
 * the permanent checkpoint. */
#ifndef COHORT_CASH_H
#define COHORT_CASH_H

#include "core/customer_state.h"

enum { CASH_LISTED_MAX = 1000 }; /* more are counted only */

void cash_note(Customer *customer, const Command *command);
/* After a step's decisions: a checkpoint made them permanent, or a rollback undid them. */
void cash_settle(Customer *customer);
void cash_code(Coder *coder, Cash *cash);
void cash_deinit(Cash *cash);

#endif
