/* The money of one customer: what a checkpoint keeps and a rollback restores.
 *
 * To the protocol the account is an Application: opaque bytes that it copies into checkpoints and
 * back. Only this module looks inside; another application can stand in its place. */
#ifndef COHORT_ACCOUNT_H
#define COHORT_ACCOUNT_H

#include "core/coder.h"
#include "core/types.h"

enum { APPLICATION_BYTES = 24 };

typedef struct Application {
    uint8_t bytes[APPLICATION_BYTES];
} Application;

void application_code(Coder *coder, Application *application);

void account_open(Application *account, Money balance);
Money account_balance(const Application *account);
/* Losses no longer in any log; those in a log are the channels' to count. */
Money account_lost_released(const Application *account);
/* How many times money moved: sent, received, deposited, withdrawn. */
uint64_t account_operations(const Application *account);

/* What the account can do to its balance; false, and nothing changes, when it cannot. */
bool account_credit(Application *account, Money amount); /* false: INT64_MAX would be passed */
bool account_debit(Application *account, Money amount);  /* false: insufficient */
void account_release_loss(Application *account, Money amount);

#endif
