#include "tests/core/stranger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/random.h"
#include "tests/core/sample.h"

/* --- drawing --- */

static uint64_t seed;

void stranger_seed(uint64_t first)
{
    seed = first;
}

uint64_t below(uint64_t bound)
{
    return random_below(&seed, bound);
}

bool one_in(uint64_t count)
{
    return below(count) == 0;
}

uint64_t near(uint64_t truth)
{
    switch (below(12)) {
    case 0:
        return truth + 1;
    case 1:
        return truth - 1;
    case 2:
        return below(8);
    case 3:
        return one_in(2) ? UINT64_MAX - below(3) : random_next(&seed);
    default:
        return truth;
    }
}

static uint64_t client_near(uint64_t truth)
{
    uint64_t client = near(truth);
    return client != 0 ? client : 1;
}

uint16_t index_near(uint64_t truth)
{
    return (uint16_t)(near(truth) % MEMBERS_MAX);
}

static Money draw_balance(void)
{
    return one_in(4) ? INT64_MAX - (Money)below(3) : (Money)below(20000);
}

static Name draw_name(const Truth *truth)
{
    return one_in(12) ? sample_longest_name() : truth->names[below(truth->count)];
}

static Instance draw_instance(const Truth *truth)
{
    const Process *process = truth->process;
    Instance instance = {index_near(below(STRANGER_MEMBERS)), near(1 + below(4))};
    if (process != NULL && process->engaged != ENGAGED_NOT && !one_in(4))
        instance = process->instance;
    else if (truth->channel != NULL && truth->channel->closed.instance.number != 0 && !one_in(4))
        instance = truth->channel->closed.instance;
    if (instance.number == 0)
        instance.number = 1;
    return instance;
}

static void draw_coverage(const Truth *truth, Coverage *coverage)
{
    uint64_t base = truth->channel != NULL ? truth->channel->state.base : 0;
    uint64_t out = truth->channel != NULL ? truth->channel->state.out : 0;
    *coverage = (Coverage){.from = near(base), .upto = near(out)};
    if (coverage->upto < coverage->from)
        coverage->upto = coverage->from;
    uint64_t label = coverage->from;
    while (coverage->skip_count < 4 && label < coverage->upto && !one_in(3)) {
        label += 1 + below(MIN(coverage->upto - label, 3));
        coverage->skips[coverage->skip_count++] = label;
    }
}

static void draw_between_members(const Truth *truth, Message *m)
{
    static const Channel nothing;
    const Channel *channel = truth->channel != NULL ? truth->channel : &nothing;
    switch (m->kind) {
    case MESSAGE_TRANSFER:
    case MESSAGE_SKIP:
        m->transfer.label = near(channel->state.in + 1);
        m->transfer.label += m->transfer.label == 0;
        m->transfer.payload = one_in(4) ? AMOUNT_MAX : 1 + below(1000);
        break;
    case MESSAGE_ACK:
        draw_coverage(truth, &m->ack);
        break;
    case MESSAGE_STABLE:
        m->stable.version = near(channel->peer_version + 1);
        m->stable.perm_sent = near(channel->state.in);
        m->stable.perm_base = near(channel->peer_perm_base);
        draw_coverage(truth, &m->stable.coverage);
        break;
    case MESSAGE_STABLE_ACK:
        m->stable_ack.version = near(truth->process != NULL ? truth->process->permanents : 0);
        m->stable_ack.upto = near(channel->state.in);
        break;
    case MESSAGE_CHECKPOINT_REQUEST:
        m->checkpoint_request.instance = draw_instance(truth);
        m->checkpoint_request.last_received = near(channel->state.out);
        break;
    case MESSAGE_CHECKPOINT_VOTE:
    case MESSAGE_PREPARE_VOTE:
        m->vote.instance = draw_instance(truth);
        m->vote.answer = (Answer)below(ANSWER_KINDS);
        m->vote.last_received = near(one_in(2) ? channel->state.in : channel->state.out);
        m->vote.participant_bytes = (uint16_t)below(sizeof m->vote.participants + 1);
        memset(m->vote.participants, (int)below(256), m->vote.participant_bytes);
        break;
    case MESSAGE_PREPARE:
        m->prepare.instance = draw_instance(truth);
        m->prepare.new_inc = near(channel->known + 1);
        m->prepare.cut = near(channel->state.in);
        m->prepare.rcut = near(channel->acked);
        break;
    case MESSAGE_DECISION:
        m->decision.instance = draw_instance(truth);
        m->decision.commit = one_in(2);
        break;
    case MESSAGE_DECISION_ACK:
    case MESSAGE_QUERY:
        m->instance = draw_instance(truth);
        break;
    case MESSAGE_MOVED:
        m->moved.epoch = near(0);
        m->moved.address =
            (Address){0x7f000001, (uint16_t)(8502 + 2 * below(STRANGER_MEMBERS + 1))};
        break;
    default:
        m->moved_ack = near(0);
    }
}

static void draw_request(const Truth *truth, Message *m)
{
    static const CommandKind kinds[] = {COMMAND_OPEN, COMMAND_EXIT, COMMAND_NEW_COHORT,
                                        COMMAND_DELETE_COHORT, COMMAND_RESUME};
    m->request.number = near(truth->number);
    m->request.has_state = one_in(2);
    m->request.ip = STRANGER_IP;
    m->request.port1 = (uint16_t)(8500 + below(20));
    m->request.port2 = (uint16_t)(8500 + below(20));
    m->request.command = (Command){.kind = kinds[below(G_N_ELEMENTS(kinds))],
                                   .name = draw_name(truth),
                                   .amount = (Money)below(1000),
                                   .addressed = true,
                                   .ip = STRANGER_IP,
                                   .port1 = (uint16_t)(8500 + below(20)),
                                   .port2 = (uint16_t)(8500 + below(20)),
                                   .count = near(3)};
}

/* An answer as a bank would give it, or part of one, or none. */
static void draw_answer(const Truth *truth, Message *m)
{
    Member member = {.name = draw_name(truth), .ip = STRANGER_IP, .port2 = 8502};
    Notice notice = {.kind = NOTICE_SUCCESS,
                     .command = COMMAND_NEW_COHORT,
                     .balance = draw_balance(),
                     .members = &member,
                     .member_count = 1};
    Coder coder = coder_encode_fixed(m->answer.bytes, sizeof m->answer.bytes);
    answer_code(&coder, &notice, NULL, 0);
    m->answer.number = near(truth->number);
    m->answer.offset = one_in(4) ? (uint16_t)below(2000) : 0;
    m->answer.length = (uint16_t)coder.length;
    m->answer.total =
        (uint16_t)(m->answer.offset + m->answer.length + (one_in(4) ? below(60000) : 0));
}

static void draw_propose(const Truth *truth, Message *m)
{
    m->propose.proposal = (ProposalKind)below(PROPOSAL_KINDS);
    m->propose.id = near(truth->id);
    m->propose.client = near(truth->client);
    m->propose.number = near(truth->number);
    m->propose.name = draw_name(truth);
    m->propose.balance = draw_balance();
    m->propose.total = (uint16_t)(one_in(6) ? MEMBERS_MAX - below(3) : truth->count);
    m->propose.first = one_in(6) ? (uint16_t)below(m->propose.total) : 0;
    m->propose.count = MIN((uint16_t)(m->propose.total - m->propose.first), truth->count);
    for (uint16_t i = 0; i < m->propose.count; i++)
        m->propose.members[i] = (Member){.name = one_in(20) ? draw_name(truth) : truth->names[i],
                                         .ip = STRANGER_IP,
                                         .port2 = 8502};
}

static void draw_status(const Truth *truth, Message *m)
{
    m->status.cohort = near(truth->cohort);
    m->status.member = index_near(truth->member);
    m->status.attempt = near(truth->attempt);
    m->status.version = near(truth->version);
    m->status.state = (StatusState)below(STATUS_STATES);
    m->status.settled = !one_in(4);
    m->status.balance = draw_balance();
    m->status.report = near(9);
    m->status.total = one_in(8) ? MEMBERS_MAX : STRANGER_MEMBERS;
    m->status.first = one_in(8) ? (uint16_t)below(m->status.total + 1u) : 0;
    m->status.first = MIN(m->status.first, MEMBERS_MAX - 1);
    m->status.count = MIN((uint16_t)(m->status.total - m->status.first), STRANGER_MEMBERS);
    for (uint16_t i = 0; i < m->status.count; i++)
        m->status.counts[i] =
            one_in(6) ? (StatusCount){near(0), near(0), near(0)} : (StatusCount){0};
}

static void draw_with_the_bank(const Truth *truth, Message *m)
{
    switch (m->kind) {
    case MESSAGE_REQUEST:
        m->request.client = client_near(truth->client);
        draw_request(truth, m);
        break;
    case MESSAGE_ANSWER:
        m->answer.client = client_near(truth->client);
        draw_answer(truth, m);
        break;
    case MESSAGE_WORKING:
    case MESSAGE_CHALLENGE:
        m->working.client = client_near(truth->client);
        m->working.number = near(truth->number);
        break;
    case MESSAGE_PROPOSE:
        draw_propose(truth, m);
        break;
    case MESSAGE_VOTE:
        m->vote_bank.proposal = (ProposalKind)below(PROPOSAL_KINDS);
        m->vote_bank.id = near(truth->id);
        m->vote_bank.client = client_near(truth->client);
        m->vote_bank.yes = !one_in(6);
        m->vote_bank.refusal = m->vote_bank.yes ? REFUSAL_NONE : REFUSAL_HAS_ACCOUNT;
        m->vote_bank.name = draw_name(truth);
        m->vote_bank.version = near(1);
        m->vote_bank.balance = draw_balance();
        break;
    case MESSAGE_OUTCOME:
    case MESSAGE_OUTCOME_ACK:
        m->outcome.proposal = (ProposalKind)below(PROPOSAL_KINDS);
        m->outcome.id = near(truth->id);
        m->outcome.name = draw_name(truth);
        m->outcome.commit = !one_in(3);
        break;
    case MESSAGE_DISSOLVE:
        m->dissolve.cohort = near(truth->cohort);
        m->dissolve.attempt = near(truth->attempt + below(2));
        m->dissolve.order = (DissolveOrder)below(DISSOLVE_ORDERS);
        break;
    case MESSAGE_STATUS:
        draw_status(truth, m);
        break;
    case MESSAGE_STATUS_ACK:
        m->status_ack.cohort = near(truth->cohort);
        m->status_ack.attempt = near(truth->attempt);
        m->status_ack.version = near(truth->version);
        m->status_ack.first = index_near(0);
        break;
    case MESSAGE_LEFT:
        m->left.cohort = near(truth->cohort);
        m->left.member = index_near(truth->member);
        break;
    default:
        m->report.client = client_near(truth->client);
        m->report.name = draw_name(truth);
        m->report.version = near(truth->version + 1);
        m->report.balance = m->kind == MESSAGE_REPORT ? draw_balance() : 0;
    }
}

void draw_message(const Truth *truth, int kind, Message *message)
{
    if (one_in(16)) {
        sample_message(message, kind, (int)below(VARIANTS));
        return;
    }
    memset(message, 0, sizeof *message);
    message->kind = (MessageKind)kind;
    if (message->kind < MESSAGE_REQUEST)
        draw_between_members(truth, message);
    else
        draw_with_the_bank(truth, message);
}
