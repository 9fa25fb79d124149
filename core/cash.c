#include "core/cash.h"

/* One move as it is kept on disk: under which checkpoint it was made goes with each. */
static void move_code(Coder *coder, Cash *cash, CashMove *move)
{
    code_u64(coder, &cash->cohort);
    code_u64(coder, &cash->inc);
    code_u64(coder, &cash->permanents);
    code_bool(coder, &move->deposit);
    code_money(coder, &move->amount);
}

static void save(Customer *customer, uint16_t index, CashMove move)
{
    Coder coder = coder_encode_growing();
    move_code(&coder, &customer->cash, &move);
    effects_save(customer->step.effects, SLOT_CASH, index, coder.bytes, coder.length);
    coder_deinit(&coder);
}

static void add(Cash *cash, CashMove move)
{
    if (cash->moves == NULL)
        cash->moves = g_array_new(FALSE, FALSE, sizeof(CashMove));
    g_array_append_val(cash->moves, move);
}

void cash_note(Customer *customer, const Command *command)
{
    Cash *cash = &customer->cash;
    CashMove move = {command->kind == COMMAND_DEPOSIT, command->amount};
    cash_settle(customer); /* a checkpoint of this very step may have come before */
    if (cash->moves != NULL && cash->moves->len == CASH_LISTED_MAX) {
        cash->more++;
        return;
    }
    add(cash, move);
    save(customer, (uint16_t)(cash->moves->len - 1), move);
}

static void forget(Customer *customer)
{
    Cash *cash = &customer->cash;
    for (guint i = 0; cash->moves != NULL && i < cash->moves->len; i++)
        effects_save(customer->step.effects, SLOT_CASH, (uint16_t)i, NULL, 0);
    if (cash->moves != NULL)
        g_array_set_size(cash->moves, 0);
    cash->more = 0;
}

bool cash_load(Cash *cash, const Shelf *stored)
{
    ShelfRecord record;
    for (uint16_t i = 0; shelf_get(stored, SLOT_CASH, i, &record); i++) {
        CashMove move = {0};
        Coder coder = coder_decode(record.bytes, record.length);
        move_code(&coder, cash, &move);
        if (!coder_finished(&coder) || i == CASH_LISTED_MAX)
            return false;
        add(cash, move);
    }
    return true;
}

static void list(Customer *customer)
{
    const Cash *cash = &customer->cash;
    if (cash->moves != NULL && cash->moves->len > 0)
        effects_mark(customer->step.effects, MARK_CASH_UNDONE);
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
    forget(customer);
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
    if (coder->decoding && !coder->failed)
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
}
