#include "core/account.h"

#include <glib.h>

#include "core/panic.h"

typedef struct Account {
    Money balance;
    Money lost_released;
    uint64_t operations;
} Account;

static void account_code(Coder *coder, Account *account)
{
    code_money(coder, &account->balance);
    code_money(coder, &account->lost_released);
    code_u64(coder, &account->operations);
}

static Account account_read(const Application *application)
{
    Account account;
    Coder coder = coder_decode(application->bytes, APPLICATION_BYTES);
    account_code(&coder, &account);
    INVARIANT(coder_finished(&coder));
    return account;
}

static void account_write(Application *application, Account account)
{
    Coder coder = coder_encode_fixed(application->bytes, APPLICATION_BYTES);
    INVARIANT_THAT(account.balance, >=, 0);
    account_code(&coder, &account);
    INVARIANT(!coder.failed);
}

void application_code(Coder *coder, Application *application)
{
    code_bytes(coder, application->bytes, APPLICATION_BYTES);
    if (!coder->decoding)
        return;
    Account account = account_read(application);
    if (account.balance < 0 || account.lost_released < 0)
        coder->failed = true;
}

void account_open(Application *application, Money balance)
{
    account_write(application, (Account){.balance = balance});
}

Money account_balance(const Application *application)
{
    return account_read(application).balance;
}

Money account_lost_released(const Application *application)
{
    return account_read(application).lost_released;
}

uint64_t account_operations(const Application *application)
{
    return account_read(application).operations;
}

bool account_credit(Application *application, Money amount)
{
    Account account = account_read(application);
    INVARIANT_THAT(amount, >, 0);
    if (account.balance > INT64_MAX - amount)
        return false;
    account.balance += amount;
    account.operations++;
    account_write(application, account);
    return true;
}

bool account_debit(Application *application, Money amount)
{
    Account account = account_read(application);
    INVARIANT_THAT(amount, >, 0);
    if (account.balance < amount)
        return false;
    account.balance -= amount;
    account.operations++;
    account_write(application, account);
    return true;
}

void account_release_loss(Application *application, Money amount)
{
    Account account = account_read(application);
    /* A balance never passes this, but the losses of a long life may. */
    account.lost_released = MIN(account.lost_released, INT64_MAX - amount) + amount;
    account_write(application, account);
}
