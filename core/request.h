/* Asking the bank: one numbered request at a time, repeated until it is answered. */
#ifndef COHORT_REQUEST_H
#define COHORT_REQUEST_H

#include "core/customer_state.h"

#define BANK_SILENT_NS_MAX (5 * NS_PER_S) /* no sign of life for so long: gives up */

/* user: a user's command waits, and fails when the bank stays silent. */
void request_begin(Customer *customer, const Command *command, bool user);
void request_receive_answer(Customer *customer, const Message *message);
void request_receive_working(Customer *customer, const Message *message);
void request_receive_challenge(Customer *customer, const Message *message);
/* The bank has given no sign of life for so long that a user is told. */
bool request_silent(const Customer *customer);
/* Gives up, or repeats, what is due. */
void request_tick(Customer *customer);
uint64_t request_deadline(const Customer *customer);
void request_code(Coder *coder, Request *request);
void request_deinit(Request *request);

#endif
