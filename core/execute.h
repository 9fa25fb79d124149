/* A user's commands, in their order: each waits for its turn, and for what it needs. */
#ifndef COHORT_EXECUTE_H
#define COHORT_EXECUTE_H

#include "core/customer_state.h"

enum { INSTANCE_TRIES_MAX = 100 };
#define COMMAND_NS_MAX (60 * NS_PER_S) /* a checkpoint or rollback that cannot get through */

/* Runs commands from the head of the queue until one has to wait. */
void execute_commands(Customer *customer);
uint64_t execute_deadline(const Customer *customer);
void execute_code(Coder *coder, Customer *customer);

#endif
