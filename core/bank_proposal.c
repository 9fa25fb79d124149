#include "core/bank_proposal.h"

#include "core/planted.h"
#include "core/random.h"

/* --- what a commit writes --- */

static void commit_open(Operations *operations, Operation *operation)
{
    Notice notice = asker_notice(&operation->asker, REFUSAL_NONE, &operation->opened.name);
    notice.balance = operation->opened.balance;
    const RegistryRow after = {.line = operation->opened,
                               .client = operation->targets[0].client,
                               .open_id = operation->id,
                               .report = 1};
    Coder record = registry_record();
    registry_put_row(&record, &after);
    asker_finish(operations->askers, &record, &operation->asker, &notice);
    operation_decide(operations, operation, true);
}

/* `after` is the row as it shall be, but for having exited. */
static void finish_exit(Operations *operations, const Asker *asker, RegistryRow after)
{
    Notice notice = asker_notice(asker, REFUSAL_NONE, &after.line.name);
    notice.balance = after.line.balance;
    after.line.exited = true;
    Coder record = registry_record();
    registry_put_row(&record, &after);
    asker_finish(operations->askers, &record, asker, &notice);
}

/* The row with the balance that a voter told, unless a later one has been reported. */
static RegistryRow row_as_voted(const Target *target)
{
    RegistryRow after = *target->row;
    if (target->state != TARGET_ASKED && target->version > after.report) {
        after.report = target->version;
        after.line.balance = target->balance;
    }
    return after;
}

static void commit_exit(Operations *operations, Operation *operation)
{
    RegistryRow after = row_as_voted(&operation->targets[0]);
    after.exit_id = operation->id;
    finish_exit(operations, &operation->asker, after);
    operation_decide(operations, operation, true);
}

/* Rule 3 of "Membership": all YES: the bank writes one record (formed, the rows, the answer to
 * the client), then answers. */
static void commit_join(Operations *operations, Operation *operation)
{
    const uint16_t count = operation->target_count;
    Member *members = effects_alloc(operations->desk->effects, count * sizeof *members);
    RegistryCohort cohort = {.id = operation->id, .count = count};
    cohort.members = g_new0(RegistryRow *, count);
    cohort.left = g_new0(bool, count);
    Coder record = registry_record();
    for (uint16_t i = 0; i < count; i++) {
        RegistryRow after = row_as_voted(&operation->targets[i]);
        after.line.cohort = operation->id;
        registry_put_row(&record, &after);
        cohort.members[i] = operation->targets[i].row;
        members[i] = registry_introduce(&after.line);
    }
    registry_put_cohort(&record, &cohort);
    g_free(cohort.members);
    g_free(cohort.left);

    Notice notice = asker_notice(&operation->asker, REFUSAL_NONE, &operation->asker.name);
    notice.cohort = operation->id;
    notice.members = members;
    notice.member_count = count;
    asker_finish(operations->askers, &record, &operation->asker, &notice);
    operation_decide(operations, operation, true);
}

static void commit_operation(Operations *operations, Operation *operation)
{
    switch (operation->proposal) {
    case PROPOSAL_OPEN:
        commit_open(operations, operation);
        break;
    case PROPOSAL_EXIT:
        commit_exit(operations, operation);
        break;
    case PROPOSAL_JOIN:
    case PROPOSAL_KINDS:
        commit_join(operations, operation);
        break;
    }
}

/* --- starting --- */

static Refusal open_refusal(const Operations *operations, const Command *command)
{
    const RegistryRow *row = registry_find(operations->registry, &command->name);
    if (!name_valid(command->name.text))
        return REFUSAL_NAME_NEEDED;
    if (row && !row->line.exited)
        return REFUSAL_NAME_TAKEN;
    if (!desk_ports_allowed(operations->desk, command->port1, command->port2))
        return REFUSAL_BAD_PORTS;
    if (operation_opening(operations, &command->name) || (row && row->engaged))
        return REFUSAL_BUSY_ELSEWHERE;
    return REFUSAL_NONE;
}

void proposal_open(Operations *operations, const Asker *asker, const Command *command)
{
    Refusal refusal = open_refusal(operations, command);
    if (refusal != REFUSAL_NONE) {
        asker_refuse(operations->askers, asker, refusal, &command->name);
        return;
    }
    uint64_t id = registry_next_id(operations->registry, PROPOSAL_OPEN, operations->desk->effects);
    Operation *operation = operation_new(PROPOSAL_OPEN, id, asker, 1);
    operation->opened = (BankRow){.name = command->name,
                                  .balance = command->amount,
                                  .ip = command->ip,
                                  .port1 = command->port1,
                                  .port2 = command->port2};
    operation_start(operations, operation);
}

/* What keeps a row from being taken out of the bank or into a cohort. */
static Refusal row_refusal(const RegistryRow *row)
{
    if (!row)
        return REFUSAL_UNKNOWN_NAME;
    if (row->line.exited)
        return REFUSAL_EXITED_NAME;
    if (row->line.cohort != 0)
        return REFUSAL_IN_COHORT;
    /* Rule 8 of "Membership": the bank gives these members to no other cohort until all have
     * left. */
    if (row->leaving != 0 && !planted(PLANTED_LEFT_NOT_AWAITED))
        return REFUSAL_BUSY_ELSEWHERE;
    if (row->engaged)
        return REFUSAL_BUSY_ELSEWHERE;
    return REFUSAL_NONE;
}

static void refuse_row(Operations *operations, const Asker *asker, Refusal refusal,
                       const RegistryRow *row)
{
    Notice notice = asker_notice(asker, refusal, &asker->name);
    if (refusal == REFUSAL_IN_COHORT)
        notice.cohort = row->line.cohort;
    Coder record = registry_record();
    asker_finish(operations->askers, &record, asker, &notice);
}

void proposal_exit(Operations *operations, const Asker *asker)
{
    RegistryRow *row = registry_find(operations->registry, &asker->name);
    Refusal refusal = row_refusal(row);
    if (refusal == REFUSAL_NONE && row->client == 0) {
        finish_exit(operations, asker, *row); /* there is no process to ask */
        return;
    }
    if (refusal == REFUSAL_NONE && !row->present)
        refusal = REFUSAL_NO_ANSWER;
    if (refusal != REFUSAL_NONE) {
        refuse_row(operations, asker, refusal, row);
        return;
    }
    uint64_t id = registry_next_id(operations->registry, PROPOSAL_EXIT, operations->desk->effects);
    Operation *operation = operation_new(PROPOSAL_EXIT, id, asker, 1);
    operation->targets[0].row = row;
    operation_start(operations, operation);
}

static bool can_be_asked(const RegistryRow *row)
{
    return row->client != 0 && row->present && row_refusal(row) == REFUSAL_NONE;
}

static gint compare_rows(gconstpointer a, gconstpointer b)
{
    const RegistryRow *left = *(RegistryRow *const *)a, *right = *(RegistryRow *const *)b;
    return left->index < right->index ? -1 : left->index > right->index;
}

/* `wanted` of the others, drawn at random, in the order of their rows. */
static void choose(uint64_t *random, GPtrArray *others, guint wanted)
{
    for (guint i = 0; i < wanted; i++) {
        guint drawn = i + (guint)random_below(random, others->len - i);
        gpointer swapped = others->pdata[i];
        others->pdata[i] = others->pdata[drawn];
        others->pdata[drawn] = swapped;
    }
    g_ptr_array_set_size(others, (gint)wanted);
    g_ptr_array_sort(others, compare_rows);
}

static GPtrArray *find_others(const Registry *registry, const RegistryRow *initiator)
{
    GPtrArray *others = g_ptr_array_new();
    for (size_t i = 0; i < registry->rows->len; i++) {
        RegistryRow *row = registry_row(registry, i);
        if (row != initiator && can_be_asked(row))
            g_ptr_array_add(others, row);
    }
    return others;
}

static void start_join(Operations *operations, const Asker *asker, RegistryRow *initiator,
                       GPtrArray *others, uint16_t count)
{
    choose(&operations->desk->choice, others, count - 1u);
    /* Rule 1 of "Membership": the bank bumps a durable counter before it uses an id. */
    uint64_t id = registry_next_id(operations->registry, PROPOSAL_JOIN, operations->desk->effects);
    Operation *operation = operation_new(PROPOSAL_JOIN, id, asker, count);
    operation->targets[0].row = initiator;
    for (uint16_t i = 1; i < count; i++)
        operation->targets[i].row = others->pdata[i - 1];
    operation_start(operations, operation);
}

void proposal_join(Operations *operations, const Asker *asker, uint64_t count)
{
    RegistryRow *row = registry_find(operations->registry, &asker->name);
    Refusal refusal = count < 2 || count > MEMBERS_MAX ? REFUSAL_COHORT_SIZE : row_refusal(row);
    if (refusal == REFUSAL_NONE && !can_be_asked(row))
        refusal = REFUSAL_NO_ANSWER;
    if (refusal != REFUSAL_NONE) {
        refuse_row(operations, asker, refusal, row);
        return;
    }
    GPtrArray *others = find_others(operations->registry, row);
    if (others->len >= count - 1) {
        start_join(operations, asker, row, others, (uint16_t)count);
    } else {
        Notice notice = asker_notice(asker, REFUSAL_TOO_FEW, &asker->name);
        notice.count = others->len;
        Coder record = registry_record();
        asker_finish(operations->askers, &record, asker, &notice);
    }
    g_ptr_array_free(others, TRUE);
}

/* --- what comes in --- */

/* A yes to OPEN from a process that runs another account is none. */
static bool has_other_account(const Operations *operations, const Operation *operation)
{
    const RegistryClient *client =
        registry_client(operations->registry, operation->targets[0].client);
    return client && client->row && !client->row->line.exited;
}

void proposal_vote(Operations *operations, Address from, const Message *message)
{
    Operation *operation = operation_vote(operations, from, message);
    if (!operation)
        return;
    if (operation->proposal == PROPOSAL_OPEN && has_other_account(operations, operation))
        operation_abort(operations, operation, REFUSAL_HAS_ACCOUNT, &operation->opened.name);
    else
        commit_operation(operations, operation);
}
