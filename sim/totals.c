#include "sim/totals.h"

/* What a rollback takes back to the permanent checkpoint. That goes for losses too: one that became
 * certain after the checkpoint is open again, and told again if it happens again. */
typedef struct Extent {
    uint64_t sent;
    uint64_t received;
    uint64_t lost;
    Money money_lost;
    Money in;
    Money out;
} Extent;

typedef struct Account {
    Name name;
    Money balance;
    Extent now;
    Extent tentative;
    Extent permanent; /* outside a cohort it does not count */
    Extent before;    /* recovering: before the crash, for who learns that it has left by then */
    bool member;
    bool crashed;    /* and not restarted yet */
    bool recovering; /* crashed in its cohort, and not rolled back since */
} Account;

struct Totals {
    bool cash_survives;
    GPtrArray *accounts; /* of Account */
    GHashTable *by_name; /* looked up, never iterated over */
    TotalSums sums;      /* without what the accounts hold */
};

Totals *totals_new(bool cash_survives)
{
    Totals *totals = g_new0(Totals, 1);
    totals->cash_survives = cash_survives;
    totals->accounts = g_ptr_array_new_with_free_func(g_free);
    totals->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    return totals;
}

void totals_free(Totals *totals)
{
    g_hash_table_unref(totals->by_name);
    g_ptr_array_unref(totals->accounts);
    g_free(totals);
}

static Account *account_of(Totals *totals, const Name *process)
{
    Account *account = g_hash_table_lookup(totals->by_name, process->text);
    if (account == NULL) {
        account = g_new0(Account, 1);
        account->name = *process;
        g_ptr_array_add(totals->accounts, account);
        g_hash_table_insert(totals->by_name, account->name.text, account);
    }
    return account;
}

static void move_cash(const Totals *totals, Account *account, Money in, Money out)
{
    Extent *const survivors[] = {&account->now, &account->tentative, &account->permanent,
                                 &account->before};
    for (size_t i = 0; i < (totals->cash_survives ? G_N_ELEMENTS(survivors) : 1); i++) {
        survivors[i]->in += in;
        survivors[i]->out += out;
    }
}

/* All but what it has sent, which others may hold still: its rollback undoes that. */
static void fall_back(Account *account)
{
    uint64_t sent = account->now.sent;
    account->now = account->permanent;
    account->now.sent = sent;
}

static void crash(Totals *totals, Account *account)
{
    totals->sums.crashes++;
    if (!account->member || account->recovering)
        return;
    account->recovering = true;
    account->before = account->now;
    fall_back(account);
}

static void make_permanent(Totals *totals, Account *account, const TraceEvent *event)
{
    totals->sums.checkpoints += name_equal(&event->initiator, &account->name);
    account->permanent = account->tentative;
    if (account->recovering)
        fall_back(account); /* permanent and current */
}

/* No later rollback reaches back before it. */
static void join_or_leave(Account *account, bool member)
{
    if (account->recovering)
        account->now = account->before; /* as it had voted to dissolve the cohort */
    account->permanent = account->now;
    account->member = member;
    account->recovering = false;
}

static void roll_back(Totals *totals, Account *account, const TraceEvent *event)
{
    totals->sums.transfers_undone += account->now.sent - account->permanent.sent;
    totals->sums.rollbacks += name_equal(&event->initiator, &account->name);
    account->now = account->permanent;
    account->recovering = false;
}

/* Most records tell the balance as it is now; those of a checkpoint the balance it keeps. */
static void note_balance(Account *account, const TraceEvent *event)
{
    switch (event->kind) {
    case TRACE_TENTATIVE:
    case TRACE_PERMANENT:
    case TRACE_DISCARDED:
    case TRACE_CRASHED:
        break;
    case TRACE_EXITED:
        account->balance = 0;
        break;
    default:
        if (trace_fields(event->kind) & FIELD_BALANCE)
            account->balance = event->balance;
    }
}

static bool is_of_crash(TraceKind kind)
{
    return kind == TRACE_CRASHED || kind == TRACE_RESTARTED;
}

void totals_add(Totals *totals, const Name *process, const TraceEvent *event)
{
    if (trace_is_datagram(event->kind))
        return;
    if (is_of_crash(event->kind) && g_hash_table_lookup(totals->by_name, process->text) == NULL) {
        totals->sums.crashes += event->kind == TRACE_CRASHED; /* of the bank, or nobody yet */
        return;
    }
    Account *account = account_of(totals, process);
    switch (event->kind) {
    case TRACE_OPENED:
        account->now.in += event->balance;
        break;
    case TRACE_JOINED:
    case TRACE_LEFT:
        join_or_leave(account, event->kind == TRACE_JOINED);
        break;
    case TRACE_DEPOSITED:
        move_cash(totals, account, event->amount, 0);
        break;
    case TRACE_WITHDREW:
        move_cash(totals, account, 0, event->amount);
        break;
    case TRACE_SENT:
        account->now.sent++;
        totals->sums.transfers++;
        break;
    case TRACE_RECEIVED:
        account->now.received++;
        break;
    case TRACE_LOST:
        account->now.lost++;
        account->now.money_lost += event->amount;
        break;
    case TRACE_TENTATIVE:
        account->tentative = account->now;
        break;
    case TRACE_PERMANENT:
        make_permanent(totals, account, event);
        break;
    case TRACE_ROLLED_BACK:
        roll_back(totals, account, event);
        break;
    case TRACE_CRASHED:
        crash(totals, account);
        account->crashed = true;
        break;
    case TRACE_RESTARTED:
        if (!account->crashed)
            crash(totals, account);
        account->crashed = false;
        break;
    case TRACE_EXITED:
        account->now.out += event->balance;
        break;
    default:
        break;
    }
    note_balance(account, event);
}

TotalSums totals_sums(const Totals *totals)
{
    TotalSums sums = totals->sums;
    for (guint i = 0; i < totals->accounts->len; i++) {
        const Account *account = g_ptr_array_index(totals->accounts, i);
        sums.transfers_received += account->now.received;
        sums.money_in += account->now.in;
        sums.money_out += account->now.out;
        sums.money_total += account->balance;
        sums.transfers_lost += account->now.lost;
        sums.money_lost += account->now.money_lost;
    }
    return sums;
}

size_t totals_count(const Totals *totals)
{
    return totals->accounts->len;
}

const Name *totals_name(const Totals *totals, size_t index)
{
    return &((const Account *)g_ptr_array_index(totals->accounts, index))->name;
}

Money totals_balance(const Totals *totals, size_t index)
{
    return ((const Account *)g_ptr_array_index(totals->accounts, index))->balance;
}
