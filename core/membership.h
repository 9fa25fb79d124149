/* Opening, joining, exiting: the member's side of PROTOCOL.md, "Membership".
 *
 * The bank leads; what it proposes is voted on here and, once voted yes, waited for. */
#ifndef COHORT_MEMBERSHIP_H
#define COHORT_MEMBERSHIP_H

#include "core/customer_state.h"

void membership_receive_propose(Customer *customer, const Message *message);
void membership_receive_outcome(Customer *customer, const Message *message);
void membership_receive_report_ack(Customer *customer, const Message *message);
/* A peer's transfer of the cohort we are prepared for proves that it was formed. True: that was
 * news. */
bool membership_prove_formed(Customer *customer, uint64_t cohort);

/* The answer to our own open, resume or exit came before the outcome: it proves the commit. */
void membership_prove_commit(Customer *customer, ProposalKind kind);
/* A peer said, or the bank says, where it is since its last start. What is older than what is known
 * changes nothing. */
void membership_relocate(Customer *customer, uint16_t index, const Member *member);
/* The bank's word on all members: those that moved while we were away may not know where to tell
 * us. */
void membership_locate(Customer *customer, const Member *members, size_t count);
/* The balance was made permanent: the bank is to know. */
void membership_report(Customer *customer);

/* The process ends in good order: owes the bank a BYE, where that is safe to say. */
void membership_bye(Customer *customer);

/* Sends what is due to the bank (owes it), and notices what changed. */
void membership_tick(Customer *customer);
uint64_t membership_deadline(const Customer *customer);
void membership_code(Coder *coder, Membership *membership);
void membership_deinit(Membership *membership);

#endif
