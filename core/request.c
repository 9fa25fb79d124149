#include "core/request.h"

#include <string.h>

#include "core/membership.h"
#include "core/random.h"

/* At least ten times before the bank is given up. */
#define REQUEST_REPEAT_NS_MIN (200 * NS_PER_MS)
#define REQUEST_REPEAT_NS_MAX (400 * NS_PER_MS)

/* Who has come back prepared for something does not know yet whom it is to say it is. */
static bool waits_for_outcome(const Customer *customer)
{
    return customer->request.command.kind == COMMAND_RESUME && customer->loaded &&
           customer->membership.proposal.pending;
}

static void owe_request(Customer *customer)
{
    Request *request = &customer->request;
    Message message = {.kind = MESSAGE_REQUEST};
    message.request.client = customer->config.client;
    message.request.number = request->number;
    message.request.sender = customer->membership.name;
    message.request.ip = customer->config.ip;
    message.request.port1 = customer->config.port1;
    message.request.port2 = customer->config.port2;
    message.request.has_state = customer->membership.has_account;
    message.request.epoch = customer->process.epoch;
    message.request.command = request->command;
    if (!waits_for_outcome(customer))
        customer_owe_bank(customer, &message);
    request->asked_with = request->cookie;
    request->repeat_ns =
        customer->step.now_ns + retry_delay_ns(REQUEST_REPEAT_NS_MIN, request->backoff,
                                               REQUEST_REPEAT_NS_MAX,
                                               random_next(&customer->process.random));
    request->backoff++;
}

void request_begin(Customer *customer, const Command *command, bool user)
{
    Request *request = &customer->request;
    request->active = true;
    request->user = user;
    request->command = *command;
    request->number = ++request->count;
    request->backoff = 0;
    request->heard_ns = customer->step.now_ns;
    request->answer_have = 0;
    /* "Each client numbers its requests durably." */
    customer->account_changed = true;
    owe_request(customer);
}

/* --- answers --- */

/* Our own open, exit or resume: the answer tells what became of this process. */
static void apply(Customer *customer, const Notice *answer)
{
    const Command *command = &customer->request.command;
    const Membership *membership = &customer->membership;
    if (answer->kind != NOTICE_SUCCESS)
        return;
    if (command->kind == COMMAND_RESUME ||
        (command->kind == COMMAND_OPEN && name_equal(&command->name, &membership->proposal.name)))
        membership_prove_commit(customer, PROPOSAL_OPEN);
    else if (command->kind == COMMAND_EXIT && name_equal(&command->name, &membership->name))
        membership_prove_commit(customer, PROPOSAL_EXIT);
}

static void deliver(Customer *customer, Notice *answer)
{
    Request *request = &customer->request;
    Command command = request->command;
    bool user = request->user;
    apply(customer, answer);
    if (!request->active) /* our own exit: told already */
        return;
    request->active = false;
    if (command.kind == COMMAND_RESUME && answer->kind == NOTICE_SUCCESS) {
        if (customer->loaded)
            membership_locate(customer, answer->members, answer->member_count);
        else
            effects_notify(customer->step.effects,
                           &(Notice){.kind = NOTICE_RESUMED, .balance = answer->balance});
    } else if (command.kind == COMMAND_RESUME) {
        answer->command = COMMAND_RESUME;
        effects_notify(customer->step.effects, answer);
    } else if (user) {
        answer->command = command.kind;
        answer->tag = command.tag;
        effects_notify(customer->step.effects, answer);
        customer_command_done(customer);
    }
}

void request_receive_working(Customer *customer, const Message *message)
{
    if (customer->request.active && message->working.client == customer->config.client &&
        message->working.number == customer->request.number)
        customer->request.heard_ns = customer->step.now_ns;
    else
        customer_drop(customer, NULL, DROP_STALE);
}

/* The bank wants to see that we are where we say: the cookie came with this very datagram. */
void request_receive_challenge(Customer *customer, const Message *message)
{
    Request *request = &customer->request;
    if (!request->active || message->working.client != customer->config.client ||
        message->working.number != request->number) {
        customer_drop(customer, NULL, DROP_STALE);
        return;
    }
    request->heard_ns = customer->step.now_ns;
    if (request->asked_with != request->cookie)
        request->repeat_ns = customer->step.now_ns;
}

void request_receive_answer(Customer *customer, const Message *message)
{
    Request *request = &customer->request;
    if (!request->active || message->answer.client != customer->config.client ||
        message->answer.number != request->number) {
        effects_mark(customer->step.effects, MARK_ANSWER_TOO_LATE);
        customer_drop(customer, NULL, DROP_STALE);
        return;
    }
    request->heard_ns = customer->step.now_ns;
    if (request->answer_total != message->answer.total) {
        g_free(request->answer);
        request->answer = g_malloc(message->answer.total);
        request->answer_total = message->answer.total;
        request->answer_have = 0;
    }
    /* Chunks out of order are asked for again with the request. */
    if (message->answer.offset != request->answer_have)
        return;
    memcpy(request->answer + request->answer_have, message->answer.bytes, message->answer.length);
    request->answer_have = (uint16_t)(request->answer_have + message->answer.length);
    if (request->answer_have < request->answer_total)
        return;
    Notice answer = {0};
    Member *members = effects_alloc(customer->step.effects, MEMBERS_MAX * sizeof *members);
    Coder coder = coder_decode(request->answer, request->answer_total);
    answer_code(&coder, &answer, members, MEMBERS_MAX);
    if (coder_finished(&coder))
        deliver(customer, &answer);
    else
        customer_drop(customer, NULL, DROP_MALFORMED);
    request->answer_have = 0;
}

/* --- time --- */

/* What a process voted yes on is the bank's to decide: it waits, however long. */
bool request_silent(const Customer *customer)
{
    return customer->step.now_ns - customer->request.heard_ns >= BANK_SILENT_NS_MAX &&
           !customer->membership.proposal.pending;
}

static bool may_give_up(const Customer *customer)
{
    const Request *request = &customer->request;
    return request->user || !customer->loaded;
}

void request_tick(Customer *customer)
{
    Request *request = &customer->request;
    if (!request->active)
        return;
    if (may_give_up(customer) && request_silent(customer)) {
        request->active = false;
        effects_mark(customer->step.effects, MARK_BANK_SILENT);
        customer_notify_failure(customer, &request->command,
                                (Notice){.refusal = REFUSAL_BANK_SILENT});
        if (request->user)
            customer_command_done(customer);
        return;
    }
    if (request->repeat_ns <= customer->step.now_ns)
        owe_request(customer);
}

uint64_t request_deadline(const Customer *customer)
{
    return customer->request.active ? customer->request.repeat_ns : TIME_NEVER;
}

/* --- encoding --- */

void request_code(Coder *coder, Request *request)
{
    code_bool(coder, &request->active);
    code_bool(coder, &request->user);
    code_command(coder, &request->command);
    code_u64(coder, &request->number);
    code_u64(coder, &request->count);
    code_u64(coder, &request->repeat_ns);
    code_u32(coder, &request->backoff);
    code_u64(coder, &request->heard_ns);
    code_u64(coder, &request->cookie);
    code_u64(coder, &request->asked_with);
    code_u16(coder, &request->answer_total);
    code_u16(coder, &request->answer_have);
    if (coder->decoding)
        request->answer = g_malloc(request->answer_total);
    if (request->answer_have <= request->answer_total)
        code_bytes(coder, request->answer, request->answer_have);
    else
        coder->failed = true;
}

void request_deinit(Request *request)
{
    g_free(request->answer);
}
