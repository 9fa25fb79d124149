#include "core/membership.h"

#include <string.h>

#include "core/compose.h"
#include "core/instance.h"
#include "core/leaving.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/random.h"
#include "core/report.h"

#define PLANTED_PATIENCE 2 /* repeats before the planted fault leaves a prepared cohort */

/* --- votes --- */

static void vote(Customer *customer, ProposalKind kind, uint64_t id, const Name *name,
                 Refusal refusal)
{
    const Membership *membership = &customer->membership;
    Message message = {.kind = MESSAGE_VOTE};
    message.vote_bank.proposal = kind;
    message.vote_bank.id = id;
    message.vote_bank.client = customer->config.client;
    message.vote_bank.yes = refusal == REFUSAL_NONE;
    message.vote_bank.refusal = refusal;
    message.vote_bank.name = *name;
    if (refusal == REFUSAL_NONE) {
        message.vote_bank.version = membership->report_version + (kind != PROPOSAL_JOIN);
        message.vote_bank.balance = membership->proposal.balance;
    }
    customer_owe_bank(customer, &message);
}

static const Name *proposal_name(const Membership *membership)
{
    return membership->proposal.kind == PROPOSAL_OPEN ? &membership->proposal.name
                                                      : &membership->name;
}

/* "One record (prepared, high-water mark) and then YES, repeated until answered; prepared is
 * never left unilaterally." */
static void say_yes(Customer *customer, Proposal proposal)
{
    Membership *membership = &customer->membership;
    proposal.pending = true;
    proposal.at_vote = customer->process.application;
    membership->proposal = proposal;
    if (proposal.id > membership->high_water[proposal.kind])
        membership->high_water[proposal.kind] = proposal.id;
    customer->account_changed = customer->account_changed || !planted(PLANTED_VOLATILE_PREPARED);
    vote(customer, proposal.kind, proposal.id, proposal_name(membership), REFUSAL_NONE);
    membership->proposal.repeat_ns = customer_repeat_at(customer, &membership->proposal.backoff);
}

static void proposal_clear(Membership *membership)
{
    g_free(membership->proposal.members);
    membership->proposal = (Proposal){0};
}

static void gathering_clear(Membership *membership)
{
    g_free(membership->gathering.members);
    membership->gathering = (Gathering){0};
}

/* --- what the bank proposes --- */

/* Did this process ask for it, and give up asking since? Then it must not happen any more. */
static bool given_up(const Customer *customer, const Message *message)
{
    return message->propose.client == customer->config.client &&
           !(customer->request.active && customer->request.number == message->propose.number);
}

/* A no at once, or the yes that `proposal` is remembered for. */
static void answer(Customer *customer, const Message *message, Refusal refusal, Proposal proposal)
{
    if (refusal == REFUSAL_DECLINED)
        effects_mark(customer->step.effects, MARK_PROPOSAL_DECLINED);
    if (refusal == REFUSAL_NONE)
        say_yes(customer, proposal);
    else
        vote(customer, proposal.kind, message->propose.id, &message->propose.name, refusal);
}

/* A process started with --name and without state takes over the account of that name, and no
 * other. */
static bool is_own_resume(const Customer *customer, const Message *message)
{
    const Request *request = &customer->request;
    return request->active && request->command.kind == COMMAND_RESUME &&
           message->propose.client == customer->config.client &&
           message->propose.number == request->number &&
           name_equal(&message->propose.name, &request->command.name);
}

static void propose_open(Customer *customer, const Message *message)
{
    const Membership *membership = &customer->membership;
    Refusal refusal = REFUSAL_NONE;
    if (membership->has_account ||
        (customer->config.resume.text[0] != '\0' && !is_own_resume(customer, message)))
        refusal = REFUSAL_HAS_ACCOUNT;
    else if (given_up(customer, message))
        refusal = REFUSAL_DECLINED;
    answer(customer, message, refusal,
           (Proposal){.kind = PROPOSAL_OPEN,
                      .id = message->propose.id,
                      .name = message->propose.name,
                      .balance = message->propose.balance});
}

static void propose_exit(Customer *customer, const Message *message)
{
    Refusal refusal = REFUSAL_NONE;
    if (customer_active(customer))
        refusal = REFUSAL_IN_COHORT;
    else if (given_up(customer, message))
        refusal = REFUSAL_DECLINED;
    answer(customer, message, refusal,
           (Proposal){.kind = PROPOSAL_EXIT,
                      .id = message->propose.id,
                      .balance = account_balance(&customer->process.application)});
}

/* Puts the parts of a member list together; true when it is whole. */
static bool gather(Gathering *gathering, const Message *message)
{
    uint16_t total = message->propose.total;
    uint16_t first = message->propose.first;
    uint16_t count = message->propose.count;
    if (gathering->id != message->propose.id || gathering->count != total) {
        g_free(gathering->members);
        *gathering = (Gathering){.id = message->propose.id,
                                 .count = total,
                                 .missing = total,
                                 .members = g_new0(Member, total)};
    }
    for (uint16_t i = 0; i < count; i++) {
        if (gathering->members[first + i].name.text[0] == '\0')
            gathering->missing--;
        gathering->members[first + i] = message->propose.members[i];
    }
    return gathering->missing == 0;
}

static void propose_join(Customer *customer, const Message *message)
{
    Membership *membership = &customer->membership;
    Gathering *gathering = &membership->gathering;
    if (customer_active(customer)) {
        if (message->propose.id != customer->process.cohort)
            vote(customer, PROPOSAL_JOIN, message->propose.id, &membership->name,
                 REFUSAL_IN_COHORT);
        return;
    }
    if (!gather(gathering, message))
        return;
    Proposal proposal = {.kind = PROPOSAL_JOIN,
                         .id = gathering->id,
                         .balance = account_balance(&customer->process.application),
                         .count = gathering->count,
                         .self = gathering->count,
                         .members = gathering->members};
    for (uint16_t i = 0; i < proposal.count; i++) {
        if (name_equal(&proposal.members[i].name, &membership->name))
            proposal.self = i;
    }
    if (proposal.self == proposal.count) {
        gathering_clear(membership);
        return;
    }
    *gathering = (Gathering){0};
    say_yes(customer, proposal);
}

void membership_receive_propose(Customer *customer, const Message *message)
{
    Membership *membership = &customer->membership;
    ProposalKind kind = message->propose.proposal;
    uint64_t id = message->propose.id;
    if (membership->proposal.pending) {
        bool again = membership->proposal.kind == kind && membership->proposal.id == id;
        effects_mark(customer->step.effects,
                     again ? MARK_PROPOSAL_TWICE : MARK_PROPOSAL_WHILE_PREPARED);
        if (again)
            vote(customer, kind, id, proposal_name(membership), REFUSAL_NONE);
        else
            customer_drop(customer, NULL, DROP_STALE);
        return;
    }
    /* "Member, on JOIN(id): ignored if id is at most its durable high-water mark." */
    if (leaps(membership->high_water[kind], id)) {
        customer_drop(customer, NULL, DROP_LEAP);
        return;
    }
    if (id <= membership->high_water[kind] &&
        !(kind == PROPOSAL_JOIN && planted(PLANTED_JOIN_IGNORES_HIGH_WATER))) {
        effects_mark(customer->step.effects, MARK_PROPOSAL_TOO_LATE);
        customer_drop(customer, NULL, DROP_STALE);
        return;
    }
    if (kind == PROPOSAL_OPEN) {
        propose_open(customer, message);
    } else if (!name_equal(&membership->name, &message->propose.name)) {
        vote(customer, kind, id, &message->propose.name, REFUSAL_NO_ACCOUNT);
    } else if (kind == PROPOSAL_EXIT) {
        propose_exit(customer, message);
    } else {
        propose_join(customer, message);
    }
}

/* --- outcomes --- */

static void adopt(Customer *customer, const Name *name, Money balance)
{
    customer->membership.has_account = true;
    customer->membership.name = *name;
    customer->membership.report_version = 1; /* what the bank has */
    account_open(&customer->process.application, balance);
    customer_trace(customer, (TraceEvent){.kind = TRACE_OPENED, .balance = balance});
}

void membership_relocate(Customer *customer, uint16_t index, const Member *member)
{
    Process *process = &customer->process;
    Peer *peer = &process->peers[index];
    if (index == process->self || member->epoch <= peer->member.epoch)
        return;
    peer->member = *member;
    /* It has started again, and may have been told an old address of ours. */
    peer->moved_due = true;
    compose_hurry(process, index, &customer->step);
    channel_rewind(&peer->channel);
    instance_query_soon(process, index, &customer->step);
    customer->forced.pause_ns = 0; /* it may have been what our rollback waited for */
    process->members_changed = true;
}

void membership_locate(Customer *customer, const Member *members, size_t count)
{
    const Process *process = &customer->process;
    for (size_t i = 0; i < count; i++) {
        for (uint16_t j = 0; j < process->count; j++) {
            if (name_equal(&process->peers[j].member.name, &members[i].name))
                membership_relocate(customer, j, &members[i]);
        }
    }
}

static void commit_exit(Customer *customer)
{
    Membership *membership = &customer->membership;
    Money balance = membership->proposal.balance;
    Request *request = &customer->request;
    customer_trace(customer, (TraceEvent){.kind = TRACE_EXITED, .balance = balance});
    if (request->active && request->command.kind == COMMAND_EXIT &&
        name_equal(&request->command.name, &membership->name)) {
        effects_notify(customer->step.effects, &(Notice){.kind = NOTICE_SUCCESS,
                                                         .command = COMMAND_EXIT,
                                                         .tag = request->command.tag,
                                                         .name = membership->name,
                                                         .balance = balance});
        customer_command_done(customer);
    }
    request->active = false;
    membership->has_account = false;
    membership->ended = true;
    membership->report_due = false;
    effects_save(customer->step.effects, SLOT_ACCOUNT, 0, NULL, 0);
    customer_refuse_commands(customer, REFUSAL_STOPPING);
}

/* Members are introduced to each other at different times, with the addresses of that time: who has
 * ever started again may be known to some by an old one. */
static void tell_new_address(Customer *customer)
{
    Process *process = &customer->process;
    Member *self = &process->peers[process->self].member;
    if (process->epoch == 0 && self->ip == customer->config.ip &&
        self->port1 == customer->config.port1 && self->port2 == customer->config.port2)
        return;
    self->ip = customer->config.ip;
    self->port1 = customer->config.port1;
    self->port2 = customer->config.port2;
    for (uint16_t i = 0; i < process->count; i++) {
        if (i == process->self)
            continue;
        process->peers[i].moved_due = true;
        compose_hurry(process, i, &customer->step);
    }
}

/* "One record (active, first permanent checkpoint with the balance now and zero counters); only
 * then may the member send or accept." */
static void commit_join(Customer *customer)
{
    Proposal *proposal = &customer->membership.proposal;
    Step *step = &customer->step;
    Process *process = &customer->process;
    Application now =
        planted(PLANTED_FIRST_CHECKPOINT_FROM_VOTE) ? proposal->at_vote : process->application;
    Name *names = effects_alloc(step->effects, proposal->count * sizeof *names);
    Member *members = effects_alloc(step->effects, proposal->count * sizeof *members);
    Application current = process->application;
    if (account_balance(&current) != account_balance(&proposal->at_vote))
        effects_mark(step->effects, MARK_JOINED_WITH_ANOTHER_BALANCE);
    process_enter(process, proposal->id, proposal->members, proposal->count, proposal->self, &now);
    process->application = current;
    tell_new_address(customer);
    memcpy(members, proposal->members, proposal->count * sizeof *members);
    for (uint16_t i = 0; i < proposal->count; i++)
        names[i] = members[i].name;
    customer_trace(customer, (TraceEvent){.kind = TRACE_JOINED,
                                          .cohort = proposal->id,
                                          .members = names,
                                          .member_count = proposal->count});
    effects_notify(step->effects, &(Notice){.kind = NOTICE_JOINED,
                                            .cohort = proposal->id,
                                            .members = members,
                                            .member_count = proposal->count});
}

/* A process may have crashed and come back in between; only now it has an account to go on with, or
 * must ask for one as if it had never been prepared. */
static void decide_open(Customer *customer, bool commit)
{
    const Proposal *proposal = &customer->membership.proposal;
    if (commit)
        adopt(customer, &proposal->name, proposal->balance);
    if (commit && customer->loaded)
        effects_notify(customer->step.effects,
                       &(Notice){.kind = NOTICE_RESUMED, .balance = proposal->balance});
    if (!commit)
        customer->loaded = false;
}

static void decide(Customer *customer, bool commit)
{
    Membership *membership = &customer->membership;
    Proposal *proposal = &membership->proposal;
    customer->account_changed = true;
    if (!commit)
        effects_mark(customer->step.effects, MARK_PROPOSAL_ABORTED);
    if (proposal->kind == PROPOSAL_OPEN)
        decide_open(customer, commit);
    else if (commit && proposal->kind == PROPOSAL_EXIT)
        commit_exit(customer);
    else if (commit)
        commit_join(customer);
    proposal_clear(membership);
    customer->request.repeat_ns = customer->step.now_ns; /* what waited for the outcome may go */
}

static void owe_outcome_ack(Customer *customer, ProposalKind kind, uint64_t id, const Name *name,
                            bool commit)
{
    Message ack = {.kind = MESSAGE_OUTCOME_ACK};
    ack.outcome.proposal = kind;
    ack.outcome.id = id;
    ack.outcome.name = *name;
    ack.outcome.commit = commit;
    customer_owe_bank(customer, &ack);
}

void membership_receive_outcome(Customer *customer, const Message *message)
{
    const Membership *membership = &customer->membership;
    const Proposal *proposal = &membership->proposal;
    /* Its process is gone, and we are where it was. */
    if (message->outcome.proposal != PROPOSAL_OPEN &&
        !name_equal(&membership->name, &message->outcome.name)) {
        customer_drop(customer, NULL, DROP_RECEIVER);
        return;
    }
    if (proposal->pending && proposal->kind == message->outcome.proposal &&
        proposal->id == message->outcome.id)
        decide(customer, message->outcome.commit);
    owe_outcome_ack(customer, message->outcome.proposal, message->outcome.id,
                    &message->outcome.name, message->outcome.commit);
}

bool membership_prove_formed(Customer *customer, uint64_t cohort)
{
    if (!customer_joining(customer) || customer->membership.proposal.id != cohort)
        return false;
    decide(customer, true);
    return true;
}

void membership_prove_commit(Customer *customer, ProposalKind kind)
{
    const Proposal proposal = customer->membership.proposal;
    if (!proposal.pending || proposal.kind != kind)
        return;
    decide(customer, true);
    if (kind == PROPOSAL_EXIT) /* the last chance: with its answer the process is at its end */
        owe_outcome_ack(customer, kind, proposal.id, &customer->membership.name, true);
}

/* --- reports --- */

void membership_report(Customer *customer)
{
    Membership *membership = &customer->membership;
    membership->report_version++;
    membership->report_due = true;
    membership->report_ns = customer->step.now_ns;
    membership->report_backoff = 0;
    customer->account_changed = true;
}

void membership_receive_report_ack(Customer *customer, const Message *message)
{
    Membership *membership = &customer->membership;
    if (message->report.client == customer->config.client &&
        message->report.version == membership->report_version)
        membership->report_due = false; /* else it was meant for who was here before */
}

/* The balance that a crash or a rollback would come back to. */
static Money permanent_balance(const Customer *customer)
{
    return account_balance(customer_active(customer) ? &customer->process.perm.application
                                                     : &customer->process.application);
}

static void owe_report(Customer *customer)
{
    Membership *membership = &customer->membership;
    Message message = {.kind = MESSAGE_REPORT};
    message.report.client = customer->config.client;
    message.report.name = membership->name;
    message.report.version = membership->report_version;
    message.report.balance = permanent_balance(customer);
    customer_owe_bank(customer, &message);
}

/* --- time --- */

static void tick_proposal(Customer *customer)
{
    Proposal *proposal = &customer->membership.proposal;
    if (!proposal->pending || proposal->repeat_ns > customer->step.now_ns)
        return;
    if (planted(PLANTED_PREPARED_LEFT_ALONE) && proposal->kind == PROPOSAL_JOIN &&
        proposal->backoff > PLANTED_PATIENCE) {
        proposal_clear(&customer->membership);
        return;
    }
    vote(customer, proposal->kind, proposal->id, proposal_name(&customer->membership),
         REFUSAL_NONE);
    proposal->repeat_ns = customer_repeat_at(customer, &proposal->backoff);
}

/* Nobody may take over the account from a balance that is not its last, nor while the bank may
 * still close it: an unsaid BYE does no harm. */
void membership_bye(Customer *customer)
{
    const Membership *membership = &customer->membership;
    Message bye = {.kind = MESSAGE_BYE};
    if (membership->proposal.pending && membership->proposal.kind == PROPOSAL_EXIT)
        return;
    INVARIANT_THAT(customer->owed_count, ==, 0); /* one datagram: heard together, or not at all */
    if (membership->report_due)
        owe_report(customer);
    bye.report.client = customer->config.client;
    bye.report.name = *customer_name(customer);
    bye.report.version = customer->process.epoch;
    customer_owe_bank(customer, &bye);
}

void membership_tick(Customer *customer)
{
    Membership *membership = &customer->membership;
    tick_proposal(customer);
    if (membership->report_due && membership->report_ns <= customer->step.now_ns) {
        owe_report(customer);
        membership->report_ns = customer_repeat_at(customer, &membership->report_backoff);
    }
}

uint64_t membership_deadline(const Customer *customer)
{
    const Membership *membership = &customer->membership;
    uint64_t deadline_ns = TIME_NEVER;
    if (membership->proposal.pending)
        deadline_ns = membership->proposal.repeat_ns;
    if (membership->report_due && membership->report_ns < deadline_ns)
        deadline_ns = membership->report_ns;
    return deadline_ns;
}

/* --- encoding --- */

static void members_code(Coder *coder, Member **members, uint16_t *count)
{
    code_u16(coder, count);
    if (*count > MEMBERS_MAX) {
        coder->failed = true;
        return;
    }
    if (coder->decoding)
        *members = g_new0(Member, *count);
    for (uint16_t i = 0; i < *count; i++)
        code_member(coder, &(*members)[i]);
}

static void proposal_code(Coder *coder, Proposal *proposal)
{
    int kind = (int)proposal->kind;
    code_bool(coder, &proposal->pending);
    if (!proposal->pending)
        return;
    code_enum(coder, &kind, PROPOSAL_KINDS);
    proposal->kind = (ProposalKind)kind;
    code_u64(coder, &proposal->id);
    code_name(coder, &proposal->name);
    code_money(coder, &proposal->balance);
    code_u16(coder, &proposal->self);
    members_code(coder, &proposal->members, &proposal->count);
    application_code(coder, &proposal->at_vote);
    code_u64(coder, &proposal->repeat_ns);
    code_u32(coder, &proposal->backoff);
}

static void gathering_code(Coder *coder, Gathering *gathering)
{
    code_u64(coder, &gathering->id);
    code_u16(coder, &gathering->missing);
    members_code(coder, &gathering->members, &gathering->count);
}

void membership_code(Coder *coder, Membership *membership)
{
    code_bool(coder, &membership->has_account);
    code_bool(coder, &membership->ended);
    code_name(coder, &membership->name);
    for (int kind = 0; kind < PROPOSAL_KINDS; kind++)
        code_u64(coder, &membership->high_water[kind]);
    proposal_code(coder, &membership->proposal);
    gathering_code(coder, &membership->gathering);
    code_u64(coder, &membership->left_cohort);
    code_u16(coder, &membership->left_member);
    code_u64(coder, &membership->report_version);
    code_bool(coder, &membership->report_due);
    code_u64(coder, &membership->report_ns);
    code_u32(coder, &membership->report_backoff);
}

void membership_deinit(Membership *membership)
{
    proposal_clear(membership);
    gathering_clear(membership);
    leaving_clear(&membership->dissolving);
}
