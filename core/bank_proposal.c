#include "core/bank_proposal.h"

#include "core/panic.h"
#include "core/planted.h"
#include "core/random.h"

/* --- what a commit writes --- */

/* An account that is opened, or one that was bound to another process before. */
static void commit_open(Operations *operations, Operation *operation)
{
    Notice notice = asker_notice(&operation->asker, REFUSAL_NONE, &operation->opened.name);
    notice.balance = operation->opened.balance;
    const RegistryRow after = {.line = operation->opened,
                               .client = operation->targets[0].client,
                               .open_id = operation->id,
                               .report = 1};
    if (operation->asker.command == COMMAND_RESUME)
        notice.count = after.report;
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
    if (target->version > after.report) {
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
        members[i] = registry_introduce(&after);
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
    if (operations_full(operations) ||
        (!row && operations->registry->rows->len >= REGISTRY_ROWS_MAX))
        return REFUSAL_BANK_FULL;
    return REFUSAL_NONE;
}

static void propose_open(Operations *operations, const Asker *asker, const BankRow *opened)
{
    BankDesk *desk = operations->desk;
    uint64_t id = registry_next_id(operations->registry, PROPOSAL_OPEN, desk->effects);
    Operation *operation = operation_new(PROPOSAL_OPEN, id, asker, 1);
    operation->opened = *opened;
    operation->modest =
        asker->client != 0 && !desk_vouched(desk, (Address){opened->ip, opened->port1});
    operation_start(operations, operation);
}

void proposal_open(Operations *operations, const Asker *asker, const Command *command)
{
    Refusal refusal = open_refusal(operations, command);
    if (refusal != REFUSAL_NONE) {
        asker_refuse(operations->askers, asker, refusal, &command->name);
        return;
    }
    const BankRow opened = {.name = command->name,
                            .balance = command->amount,
                            .ip = command->ip,
                            .port1 = command->port1,
                            .port2 = command->port2};
    propose_open(operations, asker, &opened);
}

void proposal_adopt(Operations *operations, const Asker *asker, const BankRow *line)
{
    Operation *before = operation_opening(operations, &line->name);
    /* Whoever asked before may have died of it. */
    if (before)
        operation_abort(operations, before, REFUSAL_BUSY_ELSEWHERE, &line->name);
    Refusal refusal = REFUSAL_NONE;
    if (registry_find(operations->registry, &line->name)->engaged)
        refusal = REFUSAL_BUSY_ELSEWHERE;
    else if (operations_full(operations))
        refusal = REFUSAL_BANK_FULL;
    if (refusal == REFUSAL_NONE)
        propose_open(operations, asker, line);
    else
        asker_refuse(operations->askers, asker, refusal, &line->name);
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
    if (refusal == REFUSAL_NONE && row->gone)
        refusal = REFUSAL_NO_ANSWER;
    if (refusal == REFUSAL_NONE && operations_full(operations))
        refusal = REFUSAL_BANK_FULL;
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
    return row->client != 0 && !row->gone && row_refusal(row) == REFUSAL_NONE;
}

static gint compare_rows(gconstpointer a, gconstpointer b)
{
    const RegistryRow *left = *(RegistryRow *const *)a, *right = *(RegistryRow *const *)b;
    return left->index < right->index ? -1 : 1; /* no two are alike */
}

/* `wanted` of the others, drawn at random, in the order of their rows. The first `answering` of
 * them answered when last asked: they come first. */
static void choose(uint64_t *random, GPtrArray *others, guint answering, guint wanted)
{
    guint first = wanted > answering ? answering : 0; /* all of those, and some of the rest */
    guint end = wanted > answering ? others->len : answering;
    INVARIANT_THAT(wanted, <=, end);
    for (guint i = first; i < wanted; i++) {
        guint drawn = i + (guint)random_below(random, end - i);
        gpointer swapped = others->pdata[i];
        others->pdata[i] = others->pdata[drawn];
        others->pdata[drawn] = swapped;
    }
    g_ptr_array_set_size(others, (gint)wanted);
    g_ptr_array_sort(others, compare_rows);
}

/* Adds who can be asked: those that did not answer last, or those that did. */
static void add_others(GPtrArray *others, const Registry *registry, const RegistryRow *initiator,
                       bool silent)
{
    for (size_t i = 0; i < registry->rows->len; i++) {
        RegistryRow *row = registry_row(registry, i);
        if (row != initiator && row->silent == silent && can_be_asked(row))
            g_ptr_array_add(others, row);
    }
}

static void start_join(Operations *operations, const Asker *asker, RegistryRow *initiator,
                       GPtrArray *others, uint16_t count)
{
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
    if (refusal == REFUSAL_NONE && operations_full(operations))
        refusal = REFUSAL_BANK_FULL;
    if (refusal == REFUSAL_NONE && operations->registry->counters.ids[PROPOSAL_JOIN] >= COHORT_MAX)
        refusal = REFUSAL_COHORTS_USED_UP;
    if (refusal != REFUSAL_NONE) {
        refuse_row(operations, asker, refusal, row);
        return;
    }
    GPtrArray *others = g_ptr_array_new();
    add_others(others, operations->registry, row, false);
    const guint answering = others->len;
    add_others(others, operations->registry, row, true);
    if (others->len >= count - 1) {
        choose(&operations->desk->choice, others, answering, (guint)count - 1);
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

/* The balance that a process was told when it was asked to run the account is the account's. */
static bool is_as_proposed(const Operations *operations, const Operation *operation)
{
    const RegistryRow *row = registry_find(operations->registry, &operation->opened.name);
    return !row || row->line.exited || row->line.balance == operation->opened.balance;
}

static Refusal commit_refusal(const Operations *operations, const Operation *operation)
{
    if (operation->proposal != PROPOSAL_OPEN)
        return REFUSAL_NONE;
    if (has_other_account(operations, operation))
        return REFUSAL_HAS_ACCOUNT;
    return is_as_proposed(operations, operation) ? REFUSAL_NONE : REFUSAL_BUSY_ELSEWHERE;
}

void proposal_vote(Operations *operations, Address from, const Message *message)
{
    Operation *operation = operation_vote(operations, from, message);
    if (!operation)
        return;
    Refusal refusal = commit_refusal(operations, operation);
    if (refusal == REFUSAL_NONE)
        commit_operation(operations, operation);
    else
        operation_abort(operations, operation, refusal, &operation->opened.name);
}
