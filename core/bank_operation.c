#include "core/bank_operation.h"

#include "core/panic.h"
#include "core/planted.h"

void operations_init(Operations *operations, BankDesk *desk, Registry *registry, Askers *askers)
{
    *operations =
        (Operations){.desk = desk, .registry = registry, .askers = askers, .list = G_QUEUE_INIT};
    operations->by_key = g_hash_table_new(g_int64_hash, g_int64_equal);
    operations->opening = g_hash_table_new(g_str_hash, g_str_equal);
}

static uint64_t operation_key(ProposalKind proposal, uint64_t id)
{
    return id * PROPOSAL_KINDS + (uint64_t)proposal;
}

static Operation *operation_find(const Operations *operations, ProposalKind proposal, uint64_t id)
{
    uint64_t key = operation_key(proposal, id);
    Operation *operation = g_hash_table_lookup(operations->by_key, &key);
    /* A stranger's id may be so great that its key wraps around to that of another. */
    return operation && operation->id == id ? operation : NULL;
}

Operation *operation_new(ProposalKind proposal, uint64_t id, const Asker *asker,
                         uint16_t target_count)
{
    Operation *operation = g_malloc0(sizeof *operation + target_count * sizeof(Target));
    operation->link.data = operation;
    operation->proposal = proposal;
    operation->id = id;
    operation->key = operation_key(proposal, id);
    operation->asker = *asker;
    operation->target_count = target_count;
    return operation;
}

/* Until the decision, whom it is about is engaged: no other operation takes it. An exit stays so
 * until its process knows, so that nobody else lives under the name while it still does. */
static bool engages(const Operation *operation)
{
    return !operation->decided || (operation->proposal == PROPOSAL_EXIT && operation->commit);
}

static void set_engaged(Operations *operations, Operation *operation, bool engaged)
{
    if (operation->proposal != PROPOSAL_OPEN) {
        for (uint16_t i = 0; i < operation->target_count; i++)
            operation->targets[i].row->engaged = engaged;
        return;
    }
    const Name *name = &operation->opened.name;
    RegistryRow *row = registry_find(operations->registry, name);
    if (row) /* exited, or to be bound to another process */
        row->engaged = engaged;
    if (engaged)
        g_hash_table_replace(operations->opening, operation->opened.name.text, operation);
    else
        g_hash_table_remove(operations->opening, name->text);
}

static void operation_schedule(Operations *operations, Operation *operation)
{
    uint64_t due_ns = operation->limit_ns;
    if (operation->decided || !operation->modest)
        due_ns = MIN(due_ns, operation->retry.next_ns);
    desk_schedule(operations->desk, &operation->task, due_ns);
}

/* Enters a new or decoded operation into the books. */
static void operation_enter(Operations *operations, Operation *operation)
{
    g_queue_push_tail_link(&operations->list, &operation->link);
    g_hash_table_replace(operations->by_key, &operation->key, operation);
    if (engages(operation))
        set_engaged(operations, operation, true);
    operation_schedule(operations, operation);
}

static void operation_end(Operations *operations, Operation *operation)
{
    if (engages(operation))
        set_engaged(operations, operation, false);
    desk_unschedule(&operation->task);
    g_queue_unlink(&operations->list, &operation->link);
    /* A planted fault may have given its id to another since. */
    if (operation_find(operations, operation->proposal, operation->id) == operation)
        g_hash_table_remove(operations->by_key, &operation->key);
    g_free(operation);
}

void operations_deinit(Operations *operations)
{
    while (operations->list.head)
        operation_end(operations, operations->list.head->data);
    g_hash_table_destroy(operations->by_key);
    g_hash_table_destroy(operations->opening);
}

Operation *operation_opening(const Operations *operations, const Name *name)
{
    return g_hash_table_lookup(operations->opening, name->text);
}

bool operations_full(const Operations *operations)
{
    return operations->list.length >= OPERATIONS_MAX;
}

/* --- telling the processes --- */

static const Name *target_name(const Operation *operation, const Target *target)
{
    return target->row ? &target->row->line.name : &operation->opened.name;
}

static Address target_address(const Operation *operation, const Target *target)
{
    const BankRow *line = target->row ? &target->row->line : &operation->opened;
    return (Address){line->ip, line->port1};
}

static void send_join(BankDesk *desk, const Operation *operation, Address to, Message *message)
{
    message->propose.total = operation->target_count;
    for (uint16_t first = 0; first < operation->target_count; first += MEMBERS_PER_MESSAGE_MAX) {
        uint16_t count = (uint16_t)MIN(operation->target_count - first, MEMBERS_PER_MESSAGE_MAX);
        message->propose.first = first;
        message->propose.count = count;
        for (uint16_t i = 0; i < count; i++)
            message->propose.members[i] = registry_introduce(operation->targets[first + i].row);
        desk_send(desk, to, message);
    }
}

static void send_propose(BankDesk *desk, const Operation *operation, const Target *target)
{
    Message message = {.kind = MESSAGE_PROPOSE};
    message.propose.proposal = operation->proposal;
    message.propose.id = operation->id;
    message.propose.client = operation->asker.client;
    message.propose.number = operation->asker.number;
    message.propose.name = *target_name(operation, target);
    message.propose.balance = operation->opened.balance;
    Address to = target_address(operation, target);
    if (operation->proposal == PROPOSAL_JOIN)
        send_join(desk, operation, to, &message);
    else
        desk_send(desk, to, &message);
}

static void send_outcome(BankDesk *desk, Address to, ProposalKind proposal, uint64_t id,
                         const Name *name, bool commit)
{
    const Message message = {
        .kind = MESSAGE_OUTCOME,
        .outcome = {.proposal = proposal, .id = id, .name = *name, .commit = commit}};
    desk_send(desk, to, &message);
}

/* Whether the operation still wants something of the target: its vote, its acknowledgement. */
static bool target_awaited(const Operation *operation, const Target *target)
{
    return operation->decided ? target->state != TARGET_DONE : target->state == TARGET_ASKED;
}

static const Target *first_awaited(const Operation *operation)
{
    for (uint16_t i = 0; i < operation->target_count; i++) {
        if (target_awaited(operation, &operation->targets[i]))
            return &operation->targets[i];
    }
    return NULL;
}

static void tell_awaited(BankDesk *desk, const Operation *operation)
{
    for (uint16_t i = 0; i < operation->target_count; i++) {
        const Target *target = &operation->targets[i];
        if (!target_awaited(operation, target))
            continue;
        if (operation->decided)
            send_outcome(desk, target_address(operation, target), operation->proposal,
                         operation->id, target_name(operation, target), operation->commit);
        else
            send_propose(desk, operation, target);
    }
}

void operation_start(Operations *operations, Operation *operation)
{
    BankDesk *desk = operations->desk;
    desk_task_init(desk, &operation->task, TASK_OPERATION);
    operation->limit_ns = desk->now_ns + OPERATION_NS_MAX;
    desk_retry_start(desk, &operation->retry);
    operation_enter(operations, operation);
    tell_awaited(desk, operation);
}

void operation_remind(Operations *operations, const Asker *asker)
{
    const Operation *operation = operation_opening(operations, &asker->name);
    if (operation && operation->modest && operation->asker.client == asker->client)
        tell_awaited(operations->desk, operation);
}

/* --- deciding --- */

/* An exit is over: its process knows, or has been waited for long enough. From now on the name may
 * be another's. */
static void operation_over(Operations *operations, Operation *operation)
{
    if (operation->proposal == PROPOSAL_EXIT && operation->commit) {
        RegistryRow after = *operation->targets[0].row;
        after.client = 0;
        Coder record = registry_record();
        registry_put_row(&record, &after);
        registry_commit(operations->registry, &record, operations->desk->effects);
    }
    operation_end(operations, operation);
}

static void exit_resume(Operations *operations, RegistryRow *row)
{
    BankDesk *desk = operations->desk;
    const Asker nobody = {.command = COMMAND_EXIT, .name = row->line.name};
    effects_mark(desk->effects, MARK_BANK_CRASH_AFTER_EXIT);
    Operation *operation = operation_new(PROPOSAL_EXIT, row->exit_id, &nobody, 1);
    operation->targets[0] = (Target){.row = row, .state = TARGET_YES, .client = row->client};
    operation->decided = true;
    operation->commit = true;
    desk_task_init(desk, &operation->task, TASK_OPERATION);
    operation->limit_ns = desk->now_ns + OPERATION_NS_MAX;
    desk_retry_start(desk, &operation->retry);
    operation_enter(operations, operation);
    tell_awaited(desk, operation);
}

void operations_resume(Operations *operations)
{
    const Registry *registry = operations->registry;
    for (size_t i = 0; i < registry->rows->len; i++) {
        RegistryRow *row = registry_row(registry, i);
        if (row->line.exited && row->client != 0)
            exit_resume(operations, row);
    }
}

/* Nobody is told of an abort who may not even be there: a process that has said yes asks. */
static void forget_unheard(Operation *operation)
{
    if (operation->proposal == PROPOSAL_OPEN && operation->targets[0].state == TARGET_ASKED)
        operation->targets[0].state = TARGET_DONE;
}

void operation_decide(Operations *operations, Operation *operation, bool commit)
{
    BankDesk *desk = operations->desk;
    INVARIANT(!operation->decided);
    operation->decided = true;
    operation->commit = commit;
    if (!engages(operation))
        set_engaged(operations, operation, false);
    if (!commit)
        forget_unheard(operation);
    operation->limit_ns = desk->now_ns + OPERATION_NS_MAX;
    desk_retry_start(desk, &operation->retry);
    tell_awaited(desk, operation);
    if (first_awaited(operation))
        operation_schedule(operations, operation);
    else
        operation_end(operations, operation);
}

void operation_abort(Operations *operations, Operation *operation, Refusal refusal, const Name *who)
{
    Notice notice = asker_notice(&operation->asker, refusal, who);
    if (operation->proposal == PROPOSAL_OPEN && refusal == REFUSAL_NO_ANSWER) {
        Member *silent = effects_alloc(operations->desk->effects, sizeof *silent);
        *silent = registry_introduce(&(RegistryRow){.line = operation->opened});
        notice.members = silent;
        notice.member_count = 1;
    }
    Coder record = registry_record();
    asker_finish(operations->askers, &record, &operation->asker, &notice);
    operation_decide(operations, operation, false);
}

/* Whoever has not voted by now is not chosen again while there are others. */
static void note_silence(Operation *operation)
{
    for (uint16_t i = 0; i < operation->target_count; i++) {
        Target *target = &operation->targets[i];
        if (target->row && target->state == TARGET_ASKED)
            target->row->silent = true;
    }
}

/* --- what comes in --- */

/* A yes for what is not under way is answered from the registry. */
static bool registry_says(const Registry *registry, const Message *message)
{
    const uint64_t id = message->vote_bank.id, client = message->vote_bank.client;
    const Name *name = &message->vote_bank.name;
    const RegistryRow *row = registry_find(registry, name);
    if (!row)
        return false;
    switch (message->vote_bank.proposal) {
    case PROPOSAL_OPEN:
        return row->client == client && row->open_id == id;
    case PROPOSAL_EXIT:
        /* When another process runs the account, its exit must have been committed: a process
         * that is prepared to exit is not replaced otherwise. */
        return row->exit_id == id || row->client != client;
    case PROPOSAL_JOIN:
    case PROPOSAL_KINDS:
        break;
    }
    /* Rule 3 of "Membership": to a YES for an id that it does not know it answers ABORT. */
    const RegistryCohort *cohort = registry_cohort(registry, id);
    return cohort && registry_member(cohort, name);
}

static Target *find_target(Operation *operation, const Name *name)
{
    for (uint16_t i = 0; i < operation->target_count; i++) {
        if (name_equal(target_name(operation, &operation->targets[i]), name))
            return &operation->targets[i];
    }
    return NULL;
}

/* What the user is told of a no: of a member of a cohort to be, only who it was. */
static Refusal vote_refusal(const Message *message)
{
    bool join = message->vote_bank.proposal == PROPOSAL_JOIN;
    return join ? REFUSAL_DECLINED : message->vote_bank.refusal;
}

/* A vote for what is not under way, any more or in this run of the bank. */
static void late_vote(Operations *operations, Address from, const Message *message)
{
    const bool commit = registry_says(operations->registry, message);
    if (!message->vote_bank.yes) {
        desk_drop(operations->desk, DROP_STALE);
        return;
    }
    effects_mark(operations->desk->effects,
                 commit ? MARK_BANK_COMMITTED_LONG_AGO : MARK_BANK_PRESUMES_ABORT);
    const Message outcome = {.kind = MESSAGE_OUTCOME,
                             .outcome = {.proposal = message->vote_bank.proposal,
                                         .id = message->vote_bank.id,
                                         .name = message->vote_bank.name,
                                         .commit = commit}};
    if (commit)
        desk_send(operations->desk, from, &outcome);
    else /* what is not on record is aborted, whatever the disk is about to hold */
        desk_send_early(operations->desk, from, &outcome);
}

/* A new account's process must be where it is going to be asked from now on. One that asked for the
 * account itself may have started again elsewhere since. */
static bool votes_from_its_place(Operations *operations, Operation *operation, Address from,
                                 const Message *message)
{
    BankDesk *desk = operations->desk;
    const uint64_t client = message->vote_bank.client;
    if (desk_vouched(desk, (Address){operation->opened.ip, operation->opened.port1}))
        return true;
    if (operation->asker.client != client)
        return false;
    if (desk_vouched(desk, from)) {
        operation->opened.ip = from.ip;
        operation->opened.port1 = from.port;
        return true;
    }
    desk_send_early(desk, from, &(Message){.kind = MESSAGE_CHALLENGE, .working = {client, 0}});
    return false;
}

/* Why a vote does not count; DROP_NONE: it does. */
static DropReason vote_reason(Operations *operations, Operation *operation, const Target *target,
                              Address from, const Message *message)
{
    const RegistryRow *row = target ? target->row : NULL;
    if (!target || (row && row->client != message->vote_bank.client))
        return DROP_SENDER;
    if (row && leaps(row->report, message->vote_bank.version))
        return DROP_LEAP;
    if (!row && message->vote_bank.yes &&
        !votes_from_its_place(operations, operation, from, message))
        return DROP_COOKIE;
    return DROP_NONE;
}

Operation *operation_vote(Operations *operations, Address from, const Message *message)
{
    const Name *name = &message->vote_bank.name;
    Operation *operation =
        operation_find(operations, message->vote_bank.proposal, message->vote_bank.id);
    if (!operation || operation->decided) {
        late_vote(operations, from, message);
        return NULL;
    }
    Target *target = find_target(operation, name);
    DropReason reason = vote_reason(operations, operation, target, from, message);
    if (reason != DROP_NONE) {
        desk_drop(operations->desk, reason);
        return NULL;
    }
    if (target->state != TARGET_ASKED)
        return NULL; /* said again, while others have yet to vote */
    if (target->row)
        target->row->silent = false;
    target->state = message->vote_bank.yes ? TARGET_YES : TARGET_DONE;
    target->client = message->vote_bank.client;
    target->version = message->vote_bank.version;
    target->balance = message->vote_bank.balance;
    if (!message->vote_bank.yes) {
        operation_abort(operations, operation, vote_refusal(message), name);
        return NULL;
    }
    /* Rule 3 of "Membership": formed when all have said yes. */
    bool ready = !first_awaited(operation) || planted(PLANTED_FORMED_BEFORE_ALL_YES);
    return ready ? operation : NULL;
}

void operation_acknowledged(Operations *operations, const Message *message)
{
    Operation *operation =
        operation_find(operations, message->outcome.proposal, message->outcome.id);
    Target *target = NULL;
    if (operation && operation->decided)
        target = find_target(operation, &message->outcome.name);
    if (!target || target->state == TARGET_DONE) {
        desk_drop(operations->desk, DROP_STALE);
        return;
    }
    target->state = TARGET_DONE;
    if (!first_awaited(operation))
        operation_over(operations, operation);
}

void operation_due(Operations *operations, DeskTask *task)
{
    Operation *operation = (Operation *)task;
    BankDesk *desk = operations->desk;
    if (desk->now_ns < operation->limit_ns) {
        tell_awaited(desk, operation);
        desk_retry_again(desk, &operation->retry);
        operation_schedule(operations, operation);
    } else if (operation->decided) {
        operation_over(operations, operation); /* whoever asks is answered from the registry */
    } else {
        const Target *silent = first_awaited(operation);
        effects_mark(desk->effects, MARK_BANK_WAITED_IN_VAIN);
        note_silence(operation);
        operation_abort(operations, operation, REFUSAL_NO_ANSWER, target_name(operation, silent));
    }
}

void operations_stop(Operations *operations)
{
    GList *link = operations->list.head;
    while (link) {
        Operation *operation = link->data;
        link = link->next;
        if (operation->decided)
            continue;
        asker_stop(operations->askers, &operation->asker);
        operation_decide(operations, operation, false);
    }
}

bool operations_idle(const Operations *operations, char *why, size_t capacity)
{
    if (!operations->list.head)
        return true;
    const Operation *operation = operations->list.head->data;
    g_strlcpy(why, command_word(operation->asker.command), capacity);
    g_strlcat(why, " ", capacity);
    g_strlcat(why, operation->asker.name.text, capacity);
    g_strlcat(why,
              operation->decided ? " waits for the acknowledgement of " : " waits for the vote of ",
              capacity);
    g_strlcat(why, target_name(operation, first_awaited(operation))->text, capacity);
    return false;
}

/* --- coding --- */

static void code_target(const Operations *operations, Coder *coder, Target *target)
{
    int state = (int)target->state;
    registry_code_place(operations->registry, coder, &target->row);
    code_enum(coder, &state, TARGET_STATES);
    target->state = (TargetState)state;
    code_u64(coder, &target->client);
    code_u64(coder, &target->version);
    code_money(coder, &target->balance);
}

static void code_opened(Coder *coder, BankRow *opened)
{
    code_name(coder, &opened->name);
    code_money(coder, &opened->balance);
    code_u32(coder, &opened->ip);
    code_u16(coder, &opened->port1);
    code_u16(coder, &opened->port2);
}

/* What follows proposal, id, asker and count. */
static void code_rest(const Operations *operations, Coder *coder, Operation *operation)
{
    desk_code_task(&operation->task, coder);
    code_opened(coder, &operation->opened);
    code_bool(coder, &operation->modest);
    code_bool(coder, &operation->decided);
    code_bool(coder, &operation->commit);
    desk_code_retry(&operation->retry, coder);
    code_u64(coder, &operation->limit_ns);
    for (uint16_t i = 0; i < operation->target_count; i++)
        code_target(operations, coder, &operation->targets[i]);
}

/* Whether a decoded operation fits together as far as memory safety needs it to. */
static bool operation_sound(const Operation *operation)
{
    for (uint16_t i = 0; i < operation->target_count; i++) {
        if (!operation->targets[i].row != (operation->proposal == PROPOSAL_OPEN))
            return false;
    }
    return first_awaited(operation) != NULL;
}

static void encode_operation(const Operations *operations, Coder *coder, Operation *operation)
{
    int proposal = (int)operation->proposal;
    code_enum(coder, &proposal, PROPOSAL_KINDS);
    code_u64(coder, &operation->id);
    asker_code(coder, &operation->asker);
    code_u16(coder, &operation->target_count);
    code_rest(operations, coder, operation);
}

static void decode_operation(Operations *operations, Coder *coder)
{
    int proposal;
    uint64_t id;
    Asker asker = {0};
    uint16_t count;
    code_enum(coder, &proposal, PROPOSAL_KINDS);
    code_u64(coder, &id);
    asker_code(coder, &asker);
    code_u16(coder, &count);
    Operation *operation = operation_new((ProposalKind)proposal, id, &asker, count);
    operation->task.kind = TASK_OPERATION;
    code_rest(operations, coder, operation);
    if (!coder->failed && operation_sound(operation)) {
        operation_enter(operations, operation);
    } else {
        coder->failed = true;
        g_free(operation);
    }
}

void operations_code(Operations *operations, Coder *coder)
{
    uint32_t count = operations->list.length;
    code_u32(coder, &count);
    const GList *link = operations->list.head;
    for (uint32_t i = 0; i < count && !coder->failed; i++) {
        if (coder->decoding) {
            decode_operation(operations, coder);
        } else {
            encode_operation(operations, coder, link->data);
            link = link->next;
        }
    }
}
