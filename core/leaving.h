/* A cohort is dissolved: the member's side of rules 5 to 8 of PROTOCOL.md, "Membership". */
#ifndef COHORT_LEAVING_H
#define COHORT_LEAVING_H

#include "core/customer_state.h"

void leaving_receive_order(Customer *customer, const Message *message);
void leaving_receive_status_ack(Customer *customer, const Message *message);
/* Notices what changed since the last report, and owes the bank what is due. */
void leaving_tick(Customer *customer);
uint64_t leaving_deadline(const Customer *customer);
/* After a crash: a vote is kept, and repeated; what the process was merely quiesced for is
 * forgotten. False: FINAL is not of the cohort that was loaded. */
bool leaving_restore(Customer *customer);
void leaving_clear(Dissolving *dissolving);
void leaving_code(Coder *coder, Dissolving *dissolving);

#endif
