/* What the bank and customer processes decide together: opening and closing an account, forming a
 * cohort. When each may begin, and what its commit writes; how it is agreed is bank_operation's. */
#ifndef COHORT_BANK_PROPOSAL_H
#define COHORT_BANK_PROPOSAL_H

#include "core/bank_operation.h"

/* Each answers the asker, at once or later. */
void proposal_open(Operations *operations, const Asker *asker, const Command *command);
/* A process without state asks to run the account, whose row may be bound to it: `line` says where
 * it is reached. */
void proposal_adopt(Operations *operations, const Asker *asker, const BankRow *line);
void proposal_exit(Operations *operations, const Asker *asker);
void proposal_join(Operations *operations, const Asker *asker, uint64_t count);
void proposal_vote(Operations *operations, Address from, const Message *message);

#endif
