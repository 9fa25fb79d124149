#include "core/cash.h"

void cash_note(Customer *customer, const Command *command)
{
    Cash *cash = &customer->cash;
    CashMove move = {command->kind == COMMAND_DEPOSIT, command->amount};
    if (cash->moves == NULL)
        cash->moves = g_array_new(FALSE, FALSE, sizeof(CashMove));
    if (cash->moves->len < CASH_LISTED_MAX)
        g_array_append_val(cash->moves, move);
    else
        cash->more++;
}

static void forget(Cash *cash)
{
    if (cash->moves != NULL)
        g_array_set_size(cash->moves, 0);
    cash->more = 0;
}

static void list(Customer *customer)
{
    const Cash *cash = &customer->cash;
    for (guint i = 0; cash->moves != NULL && i < cash->moves->len; i++) {
        const CashMove *move = &g_array_index(cash->moves, CashMove, i);
        effects_notify(
            customer->step.effects,
            &(Notice){.kind = move->deposit ? NOTICE_UNDONE_DEPOSIT : NOTICE_UNDONE_WITHDRAWAL,
                      .amount = move->amount});
    }
    if (cash->more > 0)
        effects_notify(customer->step.effects,
                       &(Notice){.kind = NOTICE_UNDONE_MORE, .undone = cash->more});
}

void cash_settle(Customer *customer)
{
    Cash *cash = &customer->cash;
    const Process *process = &customer->process;
    bool here = cash->cohort == process->cohort;
    if (here && cash->inc == process->inc && cash->permanents == process->permanents)
        return;
    if (here && cash->inc != process->inc)
        list(customer);
    forget(cash);
    cash->cohort = process->cohort;
    cash->inc = process->inc;
    cash->permanents = process->permanents;
}

void cash_code(Coder *coder, Cash *cash)
{
    uint32_t count = cash->moves != NULL ? cash->moves->len : 0;
    code_u64(coder, &cash->cohort);
    code_u64(coder, &cash->inc);
    code_u64(coder, &cash->permanents);
    code_u64(coder, &cash->more);
    code_u32(coder, &count);
    if (count > CASH_LISTED_MAX)
        coder->failed = true;
    if (coder->decoding && !coder->failed && count > 0)
        cash->moves = g_array_set_size(g_array_new(FALSE, TRUE, sizeof(CashMove)), count);
    for (uint32_t i = 0; i < count && !coder->failed; i++) {
        CashMove *move = &g_array_index(cash->moves, CashMove, i);
        code_bool(coder, &move->deposit);
        code_money(coder, &move->amount);
    }
}

void cash_deinit(Cash *cash)
{
    if (cash->moves != NULL)
        g_array_free(cash->moves, TRUE);
    *cash = (Cash){0};
}
