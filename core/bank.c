#include "core/bank.h"

#include <glib.h>

#include "core/bank_desk.h"
#include "core/bank_dissolve.h"
#include "core/bank_operation.h"
#include "core/bank_proposal.h"
#include "core/bank_registry.h"
#include "core/bank_asker.h"
#include "core/panic.h"

struct Bank {
    BankDesk desk;
    Registry registry;
    Askers askers;
    Operations operations;
    Dissolutions dissolutions;
    GQueue commands; /* Command: of the console, not begun */
};

enum { STATE_VERSION = 2 };

Bank *bank_new(const BankConfig *config)
{
    Bank *bank = g_new0(Bank, 1);
    desk_init(&bank->desk, config);
    registry_init(&bank->registry);
    askers_init(&bank->askers, &bank->desk, &bank->registry);
    operations_init(&bank->operations, &bank->desk, &bank->registry, &bank->askers);
    dissolutions_init(&bank->dissolutions, &bank->desk, &bank->registry, &bank->askers);
    return bank;
}

void bank_free(Bank *bank)
{
    if (!bank)
        return;
    g_queue_clear_full(&bank->commands, g_free);
    dissolutions_deinit(&bank->dissolutions);
    operations_deinit(&bank->operations);
    askers_deinit(&bank->askers);
    registry_deinit(&bank->registry);
    desk_deinit(&bank->desk);
    g_free(bank);
}

/* --- what the bank does alone --- */

static Refusal resume_refusal(const Bank *bank, const RegistryRow *row, const Message *message)
{
    if (!row)
        return REFUSAL_UNKNOWN_NAME;
    if (row->line.exited)
        return REFUSAL_EXITED_NAME;
    if (!desk_ports_allowed(&bank->desk, message->request.port1, message->request.port2))
        return REFUSAL_BAD_PORTS;
    const RegistryClient *client = registry_client(&bank->registry, message->request.client);
    if (client && client->row && client->row != row && !client->row->line.exited)
        return REFUSAL_HAS_ACCOUNT; /* a process runs one account at a time */
    bool own = row->client == message->request.client;
    if (message->request.has_state) /* a row without its process: of a CSV whose journal is gone */
        return own || row->client == 0 ? REFUSAL_NONE : REFUSAL_RUNNING_ELSEWHERE;
    if (row->line.cohort != 0 || row->leaving != 0)
        return REFUSAL_STATE_ELSEWHERE;
    return row->client == 0 || row->gone || own ? REFUSAL_NONE : REFUSAL_RUNNING_ELSEWHERE;
}

/* Where the members of the row's cohort are reached, as far as they said. */
static const Member *cohort_addresses(Bank *bank, const RegistryRow *row, size_t *count)
{
    const RegistryCohort *cohort = registry_cohort(&bank->registry, row->line.cohort);
    if (!cohort)
        return NULL;
    Member *members = effects_alloc(bank->desk.effects, cohort->count * sizeof *members);
    for (uint16_t i = 0; i < cohort->count; i++)
        members[i] = registry_introduce(cohort->members[i]);
    *count = cohort->count;
    return members;
}

/* A process started with --name tells where it is reached. One that has no state is bound to the
 * row when it has prepared itself for that, and not before: it may yet die without a trace. */
static void resume(Bank *bank, const Asker *asker, const Message *message)
{
    RegistryRow *row = registry_find(&bank->registry, &asker->name);
    Refusal refusal = resume_refusal(bank, row, message);
    if (refusal != REFUSAL_NONE) {
        asker_refuse(&bank->askers, asker, refusal, &asker->name);
        return;
    }
    RegistryRow after = *row;
    after.line.ip = message->request.ip;
    after.line.port1 = message->request.port1;
    after.line.port2 = message->request.port2;
    if (!message->request.has_state) {
        proposal_adopt(&bank->operations, asker, &after.line);
        return;
    }
    after.client = message->request.client;
    after.epoch = message->request.epoch;
    after.gone = false;
    Notice notice = asker_notice(asker, REFUSAL_NONE, &asker->name);
    notice.balance = row->line.balance;
    notice.count = row->report;
    notice.members = cohort_addresses(bank, row, &notice.member_count);
    Coder record = registry_record();
    registry_put_row(&record, &after);
    asker_finish(&bank->askers, &record, asker, &notice);
}

/* The row that this client runs, as far as it says so rightly. */
static RegistryRow *find_own_row(Bank *bank, const Message *message)
{
    RegistryRow *row = registry_find(&bank->registry, &message->report.name);
    if (!row || row->client != message->report.client) {
        desk_drop(&bank->desk, DROP_SENDER);
        return NULL;
    }
    row->silent = false;
    return row;
}

static void change_row(Bank *bank, const RegistryRow *after)
{
    Coder record = registry_record();
    registry_put_row(&record, after);
    registry_commit(&bank->registry, &record, bank->desk.effects);
}

static void receive_report(Bank *bank, Address from, const Message *message)
{
    const RegistryRow *row = find_own_row(bank, message);
    if (!row)
        return;
    if (leaps(row->report, message->report.version)) {
        desk_drop(&bank->desk, DROP_LEAP);
        return;
    }
    if (message->report.version > row->report && !row->line.exited) {
        RegistryRow after = *row;
        after.report = message->report.version;
        after.line.balance = message->report.balance;
        change_row(bank, &after);
    }
    const Message ack = {.kind = MESSAGE_REPORT_ACK, .report = message->report};
    desk_send(&bank->desk, from, &ack);
}

/* Durable, so that the bank's next run does not take the process for one that runs. */
static void receive_bye(Bank *bank, const Message *message)
{
    const RegistryRow *row = find_own_row(bank, message);
    if (!row)
        return;
    if (message->report.version < row->epoch || row->gone) { /* it has started again since */
        desk_drop(&bank->desk, DROP_STALE);
        return;
    }
    RegistryRow after = *row;
    after.gone = true;
    change_row(bank, &after);
}

/* --- what the bank is asked to do --- */

static void start(Bank *bank, const Asker *asker, const Command *command)
{
    switch (command->kind) {
    case COMMAND_OPEN:
        proposal_open(&bank->operations, asker, command);
        break;
    case COMMAND_EXIT:
        proposal_exit(&bank->operations, asker);
        break;
    case COMMAND_NEW_COHORT:
        proposal_join(&bank->operations, asker, command->count);
        break;
    case COMMAND_DELETE_COHORT:
        dissolve_start(&bank->dissolutions, asker);
        break;
    case COMMAND_DEPOSIT:
    case COMMAND_WITHDRAWAL:
    case COMMAND_TRANSFER:
    case COMMAND_LOST_TRANSFER:
    case COMMAND_CHECKPOINT:
    case COMMAND_ROLLBACK:
    case COMMAND_BALANCE:
    case COMMAND_RESUME:
    case COMMAND_KINDS:
        asker_refuse(&bank->askers, asker, REFUSAL_NO_ACCOUNT, &asker->name);
        break;
    }
}

static void receive_request(Bank *bank, Address from, const Message *message)
{
    Asker asker;
    AskerVerdict verdict = asker_receive(&bank->askers, from, message, &asker);
    if (verdict == ASKER_OVER)
        return;
    const RegistryClient *client = registry_client(&bank->registry, asker.client);
    if (client && client->row)
        client->row->silent = false;
    if (verdict == ASKER_AGAIN)
        operation_remind(&bank->operations, &asker);
    else if (asker.command == COMMAND_RESUME)
        resume(bank, &asker, message);
    else
        start(bank, &asker, &message->request.command);
}

static void receive_message(Bank *bank, Address from, const Message *message)
{
    bank->desk.message = message_kind_word(message->kind);
    switch (message->kind) {
    case MESSAGE_REQUEST:
        receive_request(bank, from, message);
        break;
    case MESSAGE_VOTE:
        proposal_vote(&bank->operations, from, message);
        break;
    case MESSAGE_OUTCOME_ACK:
        operation_acknowledged(&bank->operations, message);
        break;
    case MESSAGE_STATUS:
        dissolve_status(&bank->dissolutions, from, message);
        break;
    case MESSAGE_LEFT:
        dissolve_left(&bank->dissolutions, message);
        break;
    case MESSAGE_REPORT:
        receive_report(bank, from, message);
        break;
    case MESSAGE_BYE:
        receive_bye(bank, message);
        break;
    default:
        desk_drop(&bank->desk, DROP_SENDER); /* nothing that a customer says to a bank */
        break;
    }
}

static DropReason header_reason(const Event *event, const Header *header)
{
    if (event->port != PORT_BANK)
        return DROP_PORT;
    if (header->sender != SENDER_CLIENT)
        return DROP_SENDER;
    return header->cohort == 0 ? DROP_NONE : DROP_COHORT;
}

static void receive(Bank *bank, const Event *event)
{
    WireReader reader;
    Header header;
    Message message;
    bank->desk.datagram_bytes = event->length;
    bank->desk.message = "?";
    DropReason reason = wire_open(&reader, event->bytes, event->length, &header);
    if (reason == DROP_NONE)
        reason = header_reason(event, &header);
    if (reason != DROP_NONE) {
        desk_drop(&bank->desk, reason);
        return;
    }
    bank->desk.cookie = header.cookie;
    while (wire_next(&reader, &message))
        receive_message(bank, event->from, &message);
}

/* --- the step --- */

static void do_due(Bank *bank)
{
    DeskTask *task;
    while ((task = desk_due(&bank->desk))) {
        if (task->kind == TASK_OPERATION)
            operation_due(&bank->operations, task);
        else
            dissolve_due(&bank->dissolutions, task);
    }
}

/* Commands of the console are done one at a time, in their order. */
static void next_commands(Bank *bank)
{
    while (!bank->askers.console_busy && !g_queue_is_empty(&bank->commands)) {
        Command *command = g_queue_pop_head(&bank->commands);
        Asker asker;
        asker_console(&bank->askers, command, &asker);
        start(bank, &asker, command);
        g_free(command);
    }
}

static void stop(Bank *bank)
{
    operations_stop(&bank->operations);
    dissolutions_stop(&bank->dissolutions);
    while (!g_queue_is_empty(&bank->commands)) {
        Command *command = g_queue_pop_head(&bank->commands);
        Asker asker;
        asker_console(&bank->askers, command, &asker);
        asker_stop(&bank->askers, &asker);
        g_free(command);
    }
}

int bank_step(Bank *bank, const Event *event, Effects *effects)
{
    effects_clear(effects);
    desk_begin(&bank->desk, event->now_ns, effects);
    switch (event->kind) {
    case EVENT_START:
        operations_resume(&bank->operations);
        dissolutions_resume(&bank->dissolutions);
        break;
    case EVENT_DATAGRAM:
        receive(bank, event);
        break;
    case EVENT_COMMAND:
        g_queue_push_tail(&bank->commands, g_memdup2(&event->command, sizeof event->command));
        break;
    case EVENT_TIMEOUT:
        break;
    case EVENT_STOP:
        stop(bank);
        break;
    }
    do_due(bank);
    next_commands(bank);
    desk_end(&bank->desk);
    if (event->kind == EVENT_STOP)
        effects_end(effects);
    return 0;
}

/* --- loading, and looking in --- */

BankLoad bank_load_row(Bank *bank, const BankRow *row)
{
    return registry_load_row(&bank->registry, row);
}

BankLoad bank_load_record(Bank *bank, const uint8_t *bytes, size_t length)
{
    return registry_load_record(&bank->registry, bytes, length);
}

size_t bank_row_count(const Bank *bank)
{
    return bank->registry.rows->len;
}

BankRow bank_row(const Bank *bank, size_t index)
{
    return registry_row(&bank->registry, index)->line;
}

bool bank_find(const Bank *bank, const Name *name, BankRow *row)
{
    const RegistryRow *found = registry_find(&bank->registry, name);
    if (found)
        *row = found->line;
    return found != NULL;
}

size_t bank_snapshot_count(const Bank *bank)
{
    return registry_snapshot_count(&bank->registry);
}

void bank_snapshot_record(const Bank *bank, size_t index, Coder *out)
{
    registry_snapshot_record(&bank->registry, index, out);
}

uint64_t bank_dropped(const Bank *bank, DropReason reason)
{
    return bank->desk.dropped[reason];
}

/* A command of the console that waits does so for an operation or a dissolution. */
bool bank_idle(const Bank *bank, char *why, size_t capacity)
{
    return operations_idle(&bank->operations, why, capacity) &&
           dissolutions_idle(&bank->dissolutions, why, capacity);
}

/* --- the whole state --- */

static void code_commands(Coder *coder, GQueue *commands)
{
    uint32_t count = commands->length;
    code_u32(coder, &count);
    GList *link = commands->head;
    for (uint32_t i = 0; i < count && !coder->failed; i++) {
        if (coder->decoding) {
            Command *command = g_new0(Command, 1);
            code_command(coder, command);
            g_queue_push_tail(commands, command);
        } else {
            code_command(coder, link->data);
            link = link->next;
        }
    }
}

/* The registry comes first: the others name its rows. */
static void code_state(Bank *bank, Coder *coder)
{
    uint8_t version = STATE_VERSION;
    code_u8(coder, &version);
    if (version != STATE_VERSION)
        coder->failed = true;
    desk_code(&bank->desk, coder);
    registry_code(&bank->registry, coder);
    askers_code(&bank->askers, coder);
    operations_code(&bank->operations, coder);
    dissolutions_code(&bank->dissolutions, coder);
    code_commands(coder, &bank->commands);
}

void bank_encode(const Bank *bank, Coder *out)
{
    code_state((Bank *)bank, out); /* encoding only reads */
    INVARIANT(!out->failed);
}

bool bank_decode(Bank *bank, const uint8_t *bytes, size_t length)
{
    Coder coder = coder_decode(bytes, length);
    code_state(bank, &coder);
    return coder_finished(&coder);
}
