#include "tests/core/sample.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

const Header sample_header = {
    .cohort = 3, .sender = 7, .receiver = 9, .inc = 11, .known = 12, .una = 13};

/* --- messages; filled field by field in zeroed memory --- */

Name sample_longest_name(void)
{
    return (Name){"Zz_-5678901234567890123456789zZ"};
}

static void fill_instance(Instance *instance, bool greatest)
{
    instance->initiator = greatest ? MEMBERS_MAX - 1 : 0;
    instance->number = greatest ? UINT64_MAX : 1;
}

void sample_member(Member *member)
{
    member->name = sample_longest_name();
    member->ip = UINT32_MAX;
    member->port1 = UINT16_MAX;
    member->port2 = UINT16_MAX - 1;
}

static void fill_coverage(Coverage *coverage, bool greatest)
{
    if (!greatest)
        return;
    coverage->from = UINT64_MAX - 2 * SKIPS_PER_COVERAGE_MAX;
    coverage->upto = UINT64_MAX;
    coverage->skip_count = SKIPS_PER_COVERAGE_MAX;
    for (int i = 0; i < SKIPS_PER_COVERAGE_MAX; i++)
        coverage->skips[i] = coverage->from + 2 * (uint64_t)(i + 1);
}

static void fill_between_members(Message *m, bool greatest)
{
    uint64_t number = greatest ? UINT64_MAX : 0;
    switch (m->kind) {
    case MESSAGE_TRANSFER:
    case MESSAGE_SKIP:
        m->transfer.label = greatest ? UINT64_MAX : 1;
        m->transfer.payload = greatest ? AMOUNT_MAX : 1;
        break;
    case MESSAGE_ACK:
        fill_coverage(&m->ack, greatest);
        break;
    case MESSAGE_STABLE:
        m->stable.version = number;
        m->stable.perm_sent = number;
        m->stable.perm_base = number;
        fill_coverage(&m->stable.coverage, greatest);
        break;
    case MESSAGE_STABLE_ACK:
        m->stable_ack.version = number;
        m->stable_ack.upto = number;
        break;
    case MESSAGE_CHECKPOINT_REQUEST:
        fill_instance(&m->checkpoint_request.instance, greatest);
        m->checkpoint_request.last_received = number;
        break;
    case MESSAGE_CHECKPOINT_VOTE:
    case MESSAGE_PREPARE_VOTE:
        fill_instance(&m->vote.instance, greatest);
        m->vote.answer = greatest ? ANSWER_BUSY : ANSWER_NO_NEED;
        m->vote.last_received = number;
        m->vote.participant_bytes = greatest ? sizeof m->vote.participants : 0;
        memset(m->vote.participants, greatest ? 0xff : 0, sizeof m->vote.participants);
        break;
    case MESSAGE_PREPARE:
        fill_instance(&m->prepare.instance, greatest);
        m->prepare.new_inc = number;
        m->prepare.cut = number;
        m->prepare.rcut = number;
        break;
    case MESSAGE_DECISION:
        fill_instance(&m->decision.instance, greatest);
        m->decision.commit = greatest;
        break;
    case MESSAGE_DECISION_ACK:
    case MESSAGE_QUERY:
        fill_instance(&m->instance, greatest);
        break;
    case MESSAGE_MOVED:
        m->moved.epoch = number;
        m->moved.address.ip = greatest ? UINT32_MAX : 0;
        m->moved.address.port = greatest ? UINT16_MAX : 0;
        break;
    default:
        assert_int_equal(m->kind, MESSAGE_MOVED_ACK);
        m->moved_ack = number;
    }
}

static void fill_request(Message *m, bool greatest)
{
    uint64_t number = greatest ? UINT64_MAX : 0;
    m->request.client = greatest ? UINT64_MAX : 1;
    m->request.number = number;
    m->request.sender = greatest ? sample_longest_name() : (Name){""};
    m->request.ip = greatest ? UINT32_MAX : 0;
    m->request.port1 = greatest ? UINT16_MAX : 0;
    m->request.port2 = greatest ? UINT16_MAX : 0;
    m->request.has_state = greatest;
    m->request.epoch = number;
    m->request.command.kind = greatest ? COMMAND_RESUME : COMMAND_OPEN;
    m->request.command.name = m->request.sender;
    m->request.command.amount = greatest ? AMOUNT_MAX : 0;
    m->request.command.addressed = greatest;
    m->request.command.ip = greatest ? UINT32_MAX : 0;
    m->request.command.port1 = greatest ? UINT16_MAX : 0;
    m->request.command.port2 = greatest ? UINT16_MAX : 0;
    m->request.command.count = number;
}

static void fill_answer(Message *m, bool greatest)
{
    m->answer.client = greatest ? UINT64_MAX : 1;
    m->answer.number = greatest ? UINT64_MAX : 0;
    m->answer.length = greatest ? ANSWER_CHUNK_BYTES_MAX : 1;
    m->answer.total = greatest ? UINT16_MAX : 1;
    m->answer.offset = m->answer.total - m->answer.length;
    for (int i = 0; i < m->answer.length; i++)
        m->answer.bytes[i] = (uint8_t)i;
}

static void fill_propose(Message *m, bool greatest)
{
    uint64_t number = greatest ? UINT64_MAX : 0;
    m->propose.proposal = greatest ? PROPOSAL_JOIN : PROPOSAL_OPEN;
    m->propose.id = number;
    m->propose.client = number;
    m->propose.number = number;
    m->propose.name = greatest ? sample_longest_name() : (Name){"a"};
    m->propose.balance = greatest ? INT64_MAX : 0;
    m->propose.count = greatest ? MEMBERS_PER_MESSAGE_MAX : 0;
    m->propose.total = greatest ? MEMBERS_MAX : 0;
    m->propose.first = m->propose.total - m->propose.count;
    for (int i = 0; i < m->propose.count; i++)
        sample_member(&m->propose.members[i]);
}

static void fill_status(Message *m, bool greatest)
{
    uint64_t number = greatest ? UINT64_MAX : 0;
    m->status.cohort = number;
    m->status.member = greatest ? MEMBERS_MAX - 1 : 0;
    m->status.attempt = number;
    m->status.version = number;
    m->status.state = greatest ? STATUS_CANCELLED : STATUS_QUIESCED;
    m->status.settled = greatest;
    m->status.balance = greatest ? INT64_MAX : 0;
    m->status.report = number;
    m->status.inc = number;
    m->status.count = greatest ? COUNTS_PER_MESSAGE_MAX : 0;
    m->status.total = greatest ? MEMBERS_MAX : 0;
    m->status.first = m->status.total - m->status.count;
    for (int i = 0; i < m->status.count; i++) {
        m->status.counts[i].sent = number;
        m->status.counts[i].received = number - 1;
        m->status.counts[i].known = number - 2;
    }
}

static void fill_commitment(Message *m, bool greatest)
{
    uint64_t number = greatest ? UINT64_MAX : 0;
    Name name = greatest ? sample_longest_name() : (Name){""};
    if (m->kind == MESSAGE_VOTE) {
        m->vote_bank.proposal = greatest ? PROPOSAL_JOIN : PROPOSAL_OPEN;
        m->vote_bank.id = number;
        m->vote_bank.client = greatest ? UINT64_MAX : 1;
        m->vote_bank.yes = !greatest;
        m->vote_bank.refusal = greatest ? REFUSAL_KINDS - 1 : REFUSAL_NONE;
        m->vote_bank.name = name;
        m->vote_bank.version = number;
        m->vote_bank.balance = greatest ? INT64_MAX : 0;
    } else {
        m->outcome.proposal = greatest ? PROPOSAL_JOIN : PROPOSAL_OPEN;
        m->outcome.id = number;
        m->outcome.name = name;
        m->outcome.commit = greatest;
    }
}

static void fill_report(Message *m, bool greatest)
{
    m->report.client = greatest ? UINT64_MAX : 1;
    m->report.name = greatest ? sample_longest_name() : (Name){""};
    if (greatest)
        m->report.version = UINT64_MAX;
    if (greatest && m->kind == MESSAGE_REPORT)
        m->report.balance = INT64_MAX;
}

static void fill_with_the_bank(Message *m, bool greatest)
{
    uint64_t number = greatest ? UINT64_MAX : 0;
    switch (m->kind) {
    case MESSAGE_REQUEST:
        fill_request(m, greatest);
        break;
    case MESSAGE_ANSWER:
        fill_answer(m, greatest);
        break;
    case MESSAGE_WORKING:
    case MESSAGE_CHALLENGE:
        m->working.client = greatest ? UINT64_MAX : 1;
        m->working.number = number;
        break;
    case MESSAGE_PROPOSE:
        fill_propose(m, greatest);
        break;
    case MESSAGE_VOTE:
    case MESSAGE_OUTCOME:
    case MESSAGE_OUTCOME_ACK:
        fill_commitment(m, greatest);
        break;
    case MESSAGE_DISSOLVE:
        m->dissolve.cohort = number;
        m->dissolve.attempt = number;
        m->dissolve.order = greatest ? DISSOLVE_DONE : DISSOLVE_QUIESCE;
        break;
    case MESSAGE_STATUS:
        fill_status(m, greatest);
        break;
    case MESSAGE_STATUS_ACK:
        m->status_ack.cohort = number;
        m->status_ack.attempt = number;
        m->status_ack.version = number;
        m->status_ack.first = greatest ? MEMBERS_MAX - 1 : 0;
        break;
    case MESSAGE_LEFT:
        m->left.cohort = number;
        m->left.member = greatest ? MEMBERS_MAX - 1 : 0;
        break;
    default:
        fill_report(m, greatest);
    }
}

void sample_message(Message *message, int kind, int variant)
{
    memset(message, 0, sizeof *message);
    message->kind = (MessageKind)kind;
    if (message->kind < MESSAGE_REQUEST)
        fill_between_members(message, variant == GREATEST);
    else
        fill_with_the_bank(message, variant == GREATEST);
}

/* --- datagrams --- */

void sample_write(Datagram *datagram, const Message *message)
{
    WireWriter writer;
    wire_begin(&writer, &sample_header);
    assert_true(wire_add(&writer, message));
    datagram->length = wire_end(&writer);
    memcpy(datagram->bytes, writer.bytes, datagram->length);
}

void sample_datagram(Datagram *datagram, int kind, int variant)
{
    Message message;
    sample_message(&message, kind, variant);
    sample_write(datagram, &message);
}

void sample_seal(uint8_t *bytes, size_t length)
{
    uint64_t sum = GUINT64_TO_BE(XXH3_64bits(bytes + 12, length - 12));
    memcpy(bytes + 4, &sum, sizeof sum);
}

DropReason sample_open(const uint8_t *bytes, size_t length)
{
    g_autofree uint8_t *copy = g_memdup2(bytes, length);
    WireReader reader;
    WireWriter writer;
    Header opened;
    Message message;
    DropReason reason = wire_open(&reader, copy, length, &opened);
    assert_true(reason <= DROP_MALFORMED);
    if (reason != DROP_NONE) {
        assert_false(wire_next(&reader, &message));
        return reason;
    }
    wire_begin(&writer, &opened);
    for (;;) {
        memset(&message, 0xaa, sizeof message); /* what decoding does not set would show */
        if (!wire_next(&reader, &message))
            break;
        assert_true(wire_add(&writer, &message));
    }
    assert_int_equal(wire_end(&writer), length);
    assert_memory_equal(writer.bytes, copy, length);
    return DROP_NONE;
}

DropReason sample_open_sealed(const uint8_t *bytes, size_t length)
{
    g_autofree uint8_t *copy = g_memdup2(bytes, length);
    sample_seal(copy, length);
    return sample_open(copy, length);
}
