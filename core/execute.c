#include "core/execute.h"

#include "core/cash.h"
#include "core/checkpoint.h"
#include "core/instance.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/random.h"
#include "core/membership.h"
#include "core/report.h"
#include "core/request.h"
#include "core/rollback.h"

#define PAUSE_NS_MAX (2 * NS_PER_S) /* between the attempts of a command */

/* What became of the command at the head of the queue. */
typedef enum Progress { PROGRESS_DONE, PROGRESS_WAITS } Progress;

static Command *head(Customer *customer)
{
    return &g_array_index(customer->commands, Command, 0);
}

static Progress refuse(Customer *customer, Notice why)
{
    customer_notify_failure(customer, head(customer), why);
    customer_command_done(customer);
    return PROGRESS_DONE;
}

static Progress refuse_for(Customer *customer, Refusal refusal)
{
    return refuse(customer, (Notice){.refusal = refusal});
}

static Progress succeed(Customer *customer, Notice notice)
{
    const Command *command = head(customer);
    notice.kind = NOTICE_SUCCESS;
    notice.command = command->kind;
    notice.tag = command->tag;
    effects_notify(customer->step.effects, &notice);
    customer_command_done(customer);
    return PROGRESS_DONE;
}

static Money balance_of(const Customer *customer)
{
    return account_balance(&customer->process.application);
}

/* --- cash --- */

/* Does an instance, or the bank, hold this process still? From its tentative checkpoint until the
 * decision it sends no new transfer, and what rolls back does nothing that would be undone. */
static bool held(const Customer *customer)
{
    const Process *process = &customer->process;
    if (process->recovering && !planted(PLANTED_SEND_WHILE_RECOVERING))
        return true;
    if (customer->membership.dissolving.voted && !planted(PLANTED_VOTED_NOT_FROZEN))
        return true;
    if (process->engaged == ENGAGED_CHECKPOINT)
        return !planted(PLANTED_SEND_WHILE_TENTATIVE);
    return process->engaged == ENGAGED_ROLLBACK && !planted(PLANTED_SEND_WHILE_ROLLING);
}

/* With --cash commit cash is not rolled back: inside a cohort it moves in the permanent
 * checkpoint as well as now, so that every rollback comes back to it. */
static bool commits_cash(const Customer *customer)
{
    return customer->config.cash == CASH_COMMIT && customer_active(customer);
}

/* Moves the money of the cash command at the head; false: there is not enough. */
static bool move_cash(Customer *customer)
{
    const Command *command = head(customer);
    Process *process = &customer->process;
    bool (*move)(Application *, Money) =
        command->kind == COMMAND_DEPOSIT ? account_credit : account_debit;
    if (!move(&process->application, command->amount))
        return false;
    if (commits_cash(customer)) {
        bool moved = move(&process->perm.application, command->amount);
        INVARIANT(moved);
        process->permanent_changed = true;
        process->permanent_news = true;
    } else if (customer_active(customer)) {
        cash_note(customer, command);
    } else {
        /* Permanent at once; the record is saved before the answer is given. */
        membership_report(customer);
    }
    return true;
}

static Progress insufficient(Customer *customer)
{
    return refuse(customer, (Notice){.refusal = REFUSAL_INSUFFICIENT,
                                     .amount = head(customer)->amount,
                                     .balance = balance_of(customer)});
}

/* Outside a cohort the bank may have given the account to another process since this one stopped:
 * no money is moved from state alone, before the bank has said whose it is. */
static bool awaits_resume(const Customer *customer)
{
    return customer->request.active && customer->request.command.kind == COMMAND_RESUME &&
           !customer_active(customer);
}

static Progress execute_cash(Customer *customer)
{
    Command command = *head(customer);
    bool deposit = command.kind == COMMAND_DEPOSIT;
    if (!customer->membership.has_account)
        return refuse_for(customer, REFUSAL_NO_ACCOUNT);
    if (awaits_resume(customer) && request_silent(customer))
        return refuse_for(customer, REFUSAL_BANK_SILENT);
    if (held(customer) || awaits_resume(customer))
        return PROGRESS_WAITS;
    /* Cash that is committed adds to what a rollback would come back to, too. */
    Money most = balance_of(customer);
    if (commits_cash(customer))
        most = MAX(most, account_balance(&customer->process.perm.application));
    if (deposit && most > AMOUNT_MAX - command.amount)
        return refuse(
            customer,
            (Notice){.refusal = REFUSAL_BALANCE_LIMIT, .amount = command.amount, .balance = most});
    if (!move_cash(customer))
        return insufficient(customer);
    customer_trace(customer, (TraceEvent){.kind = deposit ? TRACE_DEPOSITED : TRACE_WITHDREW,
                                          .amount = command.amount,
                                          .balance = balance_of(customer)});
    return succeed(customer, (Notice){.amount = command.amount, .balance = balance_of(customer)});
}

/* --- transfers --- */

static uint16_t member_index(const Process *process, const Name *name)
{
    for (uint16_t i = 0; i < process->count; i++) {
        if (name_equal(&process->peers[i].member.name, name))
            return i;
    }
    return process->count;
}

static bool quiesced(const Customer *customer)
{
    return customer->membership.dissolving.quiesced && !planted(PLANTED_SEND_WHILE_QUIESCED);
}

static Progress execute_transfer(Customer *customer)
{
    Command command = *head(customer);
    Process *process = &customer->process;
    bool lost = command.kind == COMMAND_LOST_TRANSFER;
    if (!customer->membership.has_account)
        return refuse_for(customer, REFUSAL_NO_ACCOUNT);
    if (customer_joining(customer))
        return PROGRESS_WAITS;
    if (!customer_active(customer))
        return refuse_for(customer, REFUSAL_NOT_IN_COHORT);
    if (held(customer) || quiesced(customer))
        return PROGRESS_WAITS;
    uint16_t to = member_index(process, &command.name);
    if (to == process->self)
        return refuse_for(customer, REFUSAL_SELF);
    if (to == process->count)
        return refuse(customer, (Notice){.refusal = REFUSAL_NOT_A_MEMBER, .name = command.name});
    if (!account_debit(&process->application, command.amount))
        return insufficient(customer);
    uint64_t label = channel_append(&process->peers[to].channel, (uint64_t)command.amount,
                                    lost ? ENTRY_NEVER_SENT : ENTRY_TRANSFER);
    customer_trace(customer, (TraceEvent){.kind = TRACE_SENT,
                                          .peer = command.name,
                                          .label = label,
                                          .amount = command.amount,
                                          .balance = balance_of(customer)});
    Progress progress = succeed(customer, (Notice){.name = command.name,
                                                   .amount = command.amount,
                                                   .label = label,
                                                   .balance = balance_of(customer)});
    if (lost)
        report_lost(process, &customer->step, to, label, command.amount);
    return progress;
}

/* --- checkpoint and rollback --- */

static bool out_of_time(const Customer *customer)
{
    return customer->step.now_ns - customer->attempt.since_ns >= COMMAND_NS_MAX;
}

static Progress attempt_failed(Customer *customer)
{
    const Process *process = &customer->process;
    Notice why = {.refusal = process->outcome.silent ? REFUSAL_NO_ANSWER : REFUSAL_BUSY};
    effects_mark(customer->step.effects,
                 process->outcome.silent ? MARK_COMMAND_WITHOUT_ANSWER : MARK_COMMAND_OUT_OF_TRIES);
    if (process->outcome.blocker != process->self)
        why.name = process->peers[process->outcome.blocker].member.name;
    customer->attempt = (Attempt){0};
    return refuse(customer, why);
}

static Progress attempt_over(Customer *customer)
{
    Process *process = &customer->process;
    Attempt *attempt = &customer->attempt;
    process->outcome.over = false;
    if (!process->outcome.commit) {
        if (process->outcome.silent || out_of_time(customer) ||
            attempt->tries >= INSTANCE_TRIES_MAX)
            return attempt_failed(customer);
        effects_mark(customer->step.effects, MARK_COMMAND_TRIED_AGAIN);
        customer_pause(customer, attempt, PAUSE_NS_MAX);
        return PROGRESS_WAITS;
    }
    if (head(customer)->kind == COMMAND_WITHDRAWAL) {
        /* Output commit: the checkpoint just made permanent holds the money to pay out. */
        effects_mark(customer->step.effects, MARK_OUTPUT_COMMIT);
        *attempt = (Attempt){0};
        return execute_cash(customer);
    }
    Notice notice = {.initiator = customer->membership.name,
                     .number = process->outcome.instance.number,
                     .undone = process->outcome.undone,
                     .balance = account_balance(&process->perm.application)};
    notice.members = report_participants(process, &customer->step, process->outcome.participants,
                                         &notice.member_count);
    *attempt = (Attempt){0};
    return succeed(customer, notice);
}

static void attempt_begin(Customer *customer)
{
    Attempt *attempt = &customer->attempt;
    attempt->engaged = true;
    attempt->tries++;
    if (head(customer)->kind == COMMAND_ROLLBACK)
        rollback_begin(&customer->process, &customer->step);
    else
        checkpoint_begin(&customer->process, &customer->step);
}

static Progress execute_instance(Customer *customer)
{
    Attempt *attempt = &customer->attempt;
    if (!customer->membership.has_account)
        return refuse_for(customer, REFUSAL_NO_ACCOUNT);
    if (customer_joining(customer))
        return PROGRESS_WAITS;
    if (!customer_active(customer))
        return refuse_for(customer, REFUSAL_NOT_IN_COHORT);
    if (!attempt->active) {
        *attempt = (Attempt){.active = true, .since_ns = customer->step.now_ns};
        customer->process.outcome.silent = false; /* an earlier command's */
        customer->process.outcome.blocker = customer->process.self;
        /* "checkpoint at a sender with open losses says so in an EVENT line before it goes on." */
        if (head(customer)->kind != COMMAND_ROLLBACK)
            report_open_losses(&customer->process, &customer->step);
    }
    if (!attempt->engaged && !held(customer) && head(customer)->kind == COMMAND_WITHDRAWAL &&
        balance_of(customer) < head(customer)->amount) {
        *attempt = (Attempt){0};
        return insufficient(customer);
    }
    if (!attempt->engaged && !quiesced(customer) && attempt->pause_ns <= customer->step.now_ns &&
        instance_free(&customer->process) && !customer->process.recovering)
        attempt_begin(customer);
    if (customer->process.outcome.over)
        return attempt_over(customer);
    if (!attempt->engaged && out_of_time(customer))
        return attempt_failed(customer);
    return PROGRESS_WAITS;
}

/* --- what the bank does --- */

static Progress execute_request(Customer *customer)
{
    Command *command = head(customer);
    const Membership *membership = &customer->membership;
    if (customer->request.active) /* our own resume asks for ever; who waits behind it need not */
        return request_silent(customer) ? refuse_for(customer, REFUSAL_BANK_SILENT)
                                        : PROGRESS_WAITS;
    if (command->kind == COMMAND_OPEN) {
        bool named = command->name.text[0] != '\0';
        if (membership->has_account && !command->addressed)
            return refuse(customer,
                          (Notice){.refusal = REFUSAL_HAS_ACCOUNT, .name = membership->name});
        if (!named)
            command->name = customer->config.resume;
        if (command->name.text[0] == '\0')
            return refuse_for(customer, REFUSAL_NAME_NEEDED);
        if (!command->addressed) {
            command->addressed = true;
            command->ip = customer->config.ip;
            command->port1 = customer->config.port1;
            command->port2 = customer->config.port2;
        }
    } else if (command->name.text[0] == '\0') {
        if (!membership->has_account)
            return refuse_for(customer, REFUSAL_NO_ACCOUNT);
        command->name = membership->name;
    }
    if (command->kind == COMMAND_EXIT && customer_active(customer) &&
        name_equal(&command->name, &membership->name))
        return refuse(customer, (Notice){.refusal = REFUSAL_IN_COHORT,
                                         .name = membership->name,
                                         .cohort = customer->process.cohort});
    request_begin(customer, command, true);
    return PROGRESS_WAITS;
}

/* --- the queue --- */

static Progress execute_one(Customer *customer)
{
    const Proposal *proposal = &customer->membership.proposal;
    const Request *request = &customer->request;
    /* An account that is being opened, resumed or closed is not there to act on. */
    if (proposal->pending && proposal->kind != PROPOSAL_JOIN)
        return PROGRESS_WAITS;
    if (request->active && !customer->loaded)
        return PROGRESS_WAITS;
    switch (head(customer)->kind) {
    case COMMAND_WITHDRAWAL:
        return commits_cash(customer) ? execute_instance(customer) : execute_cash(customer);
    case COMMAND_DEPOSIT:
        return execute_cash(customer);
    case COMMAND_TRANSFER:
    case COMMAND_LOST_TRANSFER:
        return execute_transfer(customer);
    case COMMAND_CHECKPOINT:
    case COMMAND_ROLLBACK:
        return execute_instance(customer);
    case COMMAND_BALANCE:
        if (!customer->membership.has_account)
            return refuse_for(customer, REFUSAL_NO_ACCOUNT);
        return succeed(customer, (Notice){.balance = balance_of(customer)});
    default:
        return execute_request(customer);
    }
}

void execute_commands(Customer *customer)
{
    if (!customer_active(customer))
        customer->attempt = (Attempt){0}; /* its instance, or its turn, ended with the cohort */
    while (customer->commands->len > 0 && execute_one(customer) == PROGRESS_DONE)
        continue;
}

uint64_t execute_deadline(const Customer *customer)
{
    const Attempt *attempt = &customer->attempt;
    if (!attempt->active || attempt->engaged)
        return TIME_NEVER;
    if (attempt->pause_ns > customer->step.now_ns)
        return attempt->pause_ns;
    return attempt->since_ns + COMMAND_NS_MAX; /* for the process to be free of others */
}

/* --- encoding --- */

static void attempt_code(Coder *coder, Attempt *attempt)
{
    code_bool(coder, &attempt->active);
    code_bool(coder, &attempt->engaged);
    code_u32(coder, &attempt->tries);
    code_u64(coder, &attempt->since_ns);
    code_u64(coder, &attempt->pause_ns);
}

void execute_code(Coder *coder, Customer *customer)
{
    uint32_t count = customer->commands->len;
    attempt_code(coder, &customer->attempt);
    attempt_code(coder, &customer->forced);
    code_u32(coder, &count);
    for (uint32_t i = 0; i < count && !coder->failed; i++) {
        Command command =
            coder->decoding ? (Command){0} : g_array_index(customer->commands, Command, i);
        code_command(coder, &command);
        if (coder->decoding)
            g_array_append_val(customer->commands, command);
    }
}
