#include "core/wire.h"

#include <glib.h>
#include <string.h>

/* Inlined, so that the archive needs nothing from the library. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/panic.h"
#include "core/planted.h"

/* --- layout of a datagram: see PROTOCOL.md --- */

enum {
    MAGIC_0 = 'C',
    MAGIC_1 = 'H',
    VERSION = 1,
    CHECKSUM_AT = 4, /* after magic, version and reserved flags */
    CHECKED_AT = 12, /* what the checksum covers: all that follows it */
    HEADER_BYTES = 48
};

const char *drop_reason_word(DropReason reason)
{
    static const char *const words[DROP_REASONS] = {
        [DROP_NONE] = "none",         [DROP_SHORT] = "short",
        [DROP_OVERSIZE] = "oversize", [DROP_MAGIC] = "magic",
        [DROP_VERSION] = "version",   [DROP_CHECKSUM] = "checksum",
        [DROP_KIND] = "kind",         [DROP_MALFORMED] = "malformed",
        [DROP_COHORT] = "cohort",     [DROP_SENDER] = "sender",
        [DROP_RECEIVER] = "receiver", [DROP_INCARNATION] = "incarnation",
        [DROP_CLOSED] = "closed",     [DROP_ROLLING] = "rolling",
        [DROP_ORDER] = "order",       [DROP_DUPLICATE] = "duplicate",
        [DROP_STALE] = "stale",       [DROP_FROZEN] = "frozen",
        [DROP_OVERFLOW] = "overflow", [DROP_PORT] = "port",
        [DROP_COOKIE] = "cookie",     [DROP_LEAP] = "leap",
    };
    INVARIANT_THAT((int)reason, <, DROP_REASONS);
    return words[reason];
}

/* --- parts of messages; each codes both ways --- */

/* What a field must satisfy on both ways: the sender's mistake is caught as the stranger's. */
static void require(Coder *coder, bool holds)
{
    if (!holds && !(coder->decoding && planted(PLANTED_RANGE_NOT_CHECKED)))
        coder->failed = true;
}

/* Fields of enum type; nothing is written back when encoding, for the message may be constant. */
#define CODE_ENUM(coder, field, count)                                                             \
    do {                                                                                           \
        int code_enum_value = (coder)->decoding ? 0 : (int)(field);                                \
        code_enum((coder), &code_enum_value, (count));                                             \
        if ((coder)->decoding)                                                                     \
            (field) = code_enum_value;                                                             \
    } while (0)

static void code_index(Coder *coder, uint16_t *index)
{
    code_u16(coder, index);
    require(coder, *index < MEMBERS_MAX);
}

static void code_balance(Coder *coder, Money *balance)
{
    code_money(coder, balance);
    require(coder, *balance >= 0);
}

static void code_client(Coder *coder, uint64_t *client)
{
    code_u64(coder, client);
    require(coder, *client != 0); /* 0 is the client of a row that no process runs */
}

static void code_instance(Coder *coder, Instance *instance)
{
    code_index(coder, &instance->initiator);
    code_u64(coder, &instance->number);
    require(coder, instance->number != 0);
}

/* Rows first .. first+count-1 of a list of `total` that is longer than a datagram. */
static void code_part(Coder *coder, uint16_t *total, uint16_t *first, uint16_t *count, int most)
{
    code_u16(coder, total);
    code_u16(coder, first);
    code_u16(coder, count);
    require(coder, *total <= MEMBERS_MAX && *count <= most && *first + *count <= *total);
}

static void code_coverage(Coder *coder, Coverage *coverage)
{
    code_u64(coder, &coverage->from);
    code_u64(coder, &coverage->upto);
    code_u16(coder, &coverage->skip_count);
    require(coder,
            coverage->from <= coverage->upto && coverage->skip_count <= SKIPS_PER_COVERAGE_MAX);
    uint64_t below = coverage->from;
    for (uint16_t i = 0; !coder->failed && i < coverage->skip_count; i++) {
        code_u64(coder, &coverage->skips[i]);
        require(coder, coverage->skips[i] > below && coverage->skips[i] <= coverage->upto);
        below = coverage->skips[i];
    }
    if (coder->decoding && planted(PLANTED_SKIPS_NOT_READ))
        coverage->skip_count = 0;
}

/* --- messages between members --- */

static void code_transfer(Coder *coder, Message *m)
{
    code_u64(coder, &m->transfer.label);
    code_u64(coder, &m->transfer.payload);
    require(coder, m->transfer.label >= 1);
    require(coder, m->transfer.payload >= 1 && m->transfer.payload <= AMOUNT_MAX);
}

static void code_ack(Coder *coder, Message *m)
{
    code_coverage(coder, &m->ack);
}

static void code_stable(Coder *coder, Message *m)
{
    code_u64(coder, &m->stable.version);
    code_u64(coder, &m->stable.perm_sent);
    code_u64(coder, &m->stable.perm_base);
    code_coverage(coder, &m->stable.coverage);
}

static void code_stable_ack(Coder *coder, Message *m)
{
    code_u64(coder, &m->stable_ack.version);
    code_u64(coder, &m->stable_ack.upto);
}

static void code_checkpoint_request(Coder *coder, Message *m)
{
    code_instance(coder, &m->checkpoint_request.instance);
    code_u64(coder, &m->checkpoint_request.last_received);
}

static void code_vote(Coder *coder, Message *m)
{
    const uint16_t most = sizeof m->vote.participants;
    code_instance(coder, &m->vote.instance);
    CODE_ENUM(coder, m->vote.answer, ANSWER_KINDS);
    code_u64(coder, &m->vote.last_received);
    code_u16(coder, &m->vote.participant_bytes);
    require(coder, m->vote.participant_bytes <= most);
    uint16_t length = MIN(m->vote.participant_bytes, most);
    code_bytes(coder, m->vote.participants, length);
    if (coder->decoding) /* every bit can be asked for, sent or not */
        memset(m->vote.participants + length, 0, (size_t)most - length);
}

static void code_prepare(Coder *coder, Message *m)
{
    code_instance(coder, &m->prepare.instance);
    code_u64(coder, &m->prepare.new_inc);
    code_u64(coder, &m->prepare.cut);
    code_u64(coder, &m->prepare.rcut);
}

static void code_decision(Coder *coder, Message *m)
{
    code_instance(coder, &m->decision.instance);
    code_bool(coder, &m->decision.commit);
    if (coder->decoding && planted(PLANTED_ABORT_READ_AS_COMMIT))
        m->decision.commit = true;
}

static void code_instance_alone(Coder *coder, Message *m)
{
    code_instance(coder, &m->instance);
}

static void code_moved(Coder *coder, Message *m)
{
    code_u64(coder, &m->moved.epoch);
    code_u32(coder, &m->moved.address.ip);
    code_u16(coder, &m->moved.address.port);
}

static void code_moved_ack(Coder *coder, Message *m)
{
    code_u64(coder, &m->moved_ack);
}

/* --- messages between a customer and the bank --- */

static bool bank_does(CommandKind kind)
{
    return kind == COMMAND_OPEN || kind == COMMAND_EXIT || kind == COMMAND_NEW_COHORT ||
           kind == COMMAND_DELETE_COHORT || kind == COMMAND_RESUME;
}

static void code_request_command(Coder *coder, Command *command)
{
    CODE_ENUM(coder, command->kind, COMMAND_KINDS);
    require(coder, bank_does(command->kind));
    code_name(coder, &command->name);
    code_balance(coder, &command->amount);
    require(coder, command->amount <= AMOUNT_MAX);
    code_bool(coder, &command->addressed);
    code_u32(coder, &command->ip);
    code_u16(coder, &command->port1);
    code_u16(coder, &command->port2);
    code_u64(coder, &command->count);
    if (coder->decoding)
        command->tag = 0;
}

static void code_request(Coder *coder, Message *m)
{
    code_client(coder, &m->request.client);
    code_u64(coder, &m->request.number);
    code_name(coder, &m->request.sender);
    code_u32(coder, &m->request.ip);
    code_u16(coder, &m->request.port1);
    code_u16(coder, &m->request.port2);
    code_bool(coder, &m->request.has_state);
    code_u64(coder, &m->request.epoch);
    code_request_command(coder, &m->request.command);
}

static void code_answer(Coder *coder, Message *m)
{
    code_client(coder, &m->answer.client);
    code_u64(coder, &m->answer.number);
    code_u16(coder, &m->answer.total);
    code_u16(coder, &m->answer.offset);
    code_u16(coder, &m->answer.length);
    require(coder, m->answer.length >= 1 && m->answer.length <= ANSWER_CHUNK_BYTES_MAX &&
                       m->answer.offset + m->answer.length <= m->answer.total);
    if (!coder->failed)
        code_bytes(coder, m->answer.bytes, m->answer.length);
}

static void code_working(Coder *coder, Message *m)
{
    code_client(coder, &m->working.client);
    code_u64(coder, &m->working.number);
}

static void code_propose(Coder *coder, Message *m)
{
    CODE_ENUM(coder, m->propose.proposal, PROPOSAL_KINDS);
    code_u64(coder, &m->propose.id);
    code_u64(coder, &m->propose.client);
    code_u64(coder, &m->propose.number);
    code_name(coder, &m->propose.name);
    require(coder, m->propose.name.text[0] != '\0');
    code_balance(coder, &m->propose.balance);
    code_part(coder, &m->propose.total, &m->propose.first, &m->propose.count,
              MEMBERS_PER_MESSAGE_MAX);
    if (m->propose.proposal == PROPOSAL_JOIN)
        require(coder, m->propose.total >= 2 && m->propose.count >= 1);
    for (uint16_t i = 0; !coder->failed && i < m->propose.count; i++) {
        code_member(coder, &m->propose.members[i]);
        require(coder, m->propose.members[i].name.text[0] != '\0');
    }
}

static void code_vote_bank(Coder *coder, Message *m)
{
    CODE_ENUM(coder, m->vote_bank.proposal, PROPOSAL_KINDS);
    code_u64(coder, &m->vote_bank.id);
    code_client(coder, &m->vote_bank.client);
    code_bool(coder, &m->vote_bank.yes);
    CODE_ENUM(coder, m->vote_bank.refusal, REFUSAL_KINDS);
    require(coder, m->vote_bank.yes == (m->vote_bank.refusal == REFUSAL_NONE));
    code_name(coder, &m->vote_bank.name);
    code_u64(coder, &m->vote_bank.version);
    code_balance(coder, &m->vote_bank.balance);
}

static void code_outcome(Coder *coder, Message *m)
{
    CODE_ENUM(coder, m->outcome.proposal, PROPOSAL_KINDS);
    code_u64(coder, &m->outcome.id);
    code_name(coder, &m->outcome.name);
    code_bool(coder, &m->outcome.commit);
}

static void code_dissolve(Coder *coder, Message *m)
{
    code_u64(coder, &m->dissolve.cohort);
    code_u64(coder, &m->dissolve.attempt);
    CODE_ENUM(coder, m->dissolve.order, DISSOLVE_ORDERS);
}

static void code_status(Coder *coder, Message *m)
{
    code_u64(coder, &m->status.cohort);
    code_index(coder, &m->status.member);
    code_u64(coder, &m->status.attempt);
    code_u64(coder, &m->status.version);
    CODE_ENUM(coder, m->status.state, STATUS_STATES);
    code_bool(coder, &m->status.settled);
    code_balance(coder, &m->status.balance);
    code_u64(coder, &m->status.report);
    code_u64(coder, &m->status.inc);
    code_part(coder, &m->status.total, &m->status.first, &m->status.count, COUNTS_PER_MESSAGE_MAX);
    require(coder, m->status.first < MEMBERS_MAX); /* it comes back in STATUS_ACK */
    for (uint16_t i = 0; !coder->failed && i < m->status.count; i++) {
        code_u64(coder, &m->status.counts[i].sent);
        code_u64(coder, &m->status.counts[i].received);
        code_u64(coder, &m->status.counts[i].known);
    }
}

static void code_status_ack(Coder *coder, Message *m)
{
    code_u64(coder, &m->status_ack.cohort);
    code_u64(coder, &m->status_ack.attempt);
    code_u64(coder, &m->status_ack.version);
    code_index(coder, &m->status_ack.first);
}

static void code_left(Coder *coder, Message *m)
{
    code_u64(coder, &m->left.cohort);
    code_index(coder, &m->left.member);
}

/* REPORT; REPORT_ACK and BYE do not say the balance, which then reads 0. */
static void code_report(Coder *coder, Message *m)
{
    code_client(coder, &m->report.client);
    code_name(coder, &m->report.name);
    code_u64(coder, &m->report.version);
    if (m->kind == MESSAGE_REPORT)
        code_balance(coder, &m->report.balance);
    else if (coder->decoding)
        m->report.balance = 0;
}

/* --- all kinds --- */

typedef struct Kind {
    const char *word;
    void (*code)(Coder *, Message *);
} Kind;

static const Kind kinds[MESSAGE_KINDS] = {
    [MESSAGE_NONE] = {"none", NULL},
    [MESSAGE_TRANSFER] = {"transfer", code_transfer},
    [MESSAGE_SKIP] = {"skip", code_transfer},
    [MESSAGE_ACK] = {"ack", code_ack},
    [MESSAGE_STABLE] = {"stable", code_stable},
    [MESSAGE_STABLE_ACK] = {"stable-ack", code_stable_ack},
    [MESSAGE_CHECKPOINT_REQUEST] = {"checkpoint-request", code_checkpoint_request},
    [MESSAGE_CHECKPOINT_VOTE] = {"checkpoint-vote", code_vote},
    [MESSAGE_PREPARE] = {"prepare", code_prepare},
    [MESSAGE_PREPARE_VOTE] = {"prepare-vote", code_vote},
    [MESSAGE_DECISION] = {"decision", code_decision},
    [MESSAGE_DECISION_ACK] = {"decision-ack", code_instance_alone},
    [MESSAGE_QUERY] = {"query", code_instance_alone},
    [MESSAGE_MOVED] = {"moved", code_moved},
    [MESSAGE_MOVED_ACK] = {"moved-ack", code_moved_ack},
    [MESSAGE_REQUEST] = {"request", code_request},
    [MESSAGE_ANSWER] = {"answer", code_answer},
    [MESSAGE_WORKING] = {"working", code_working},
    [MESSAGE_PROPOSE] = {"propose", code_propose},
    [MESSAGE_VOTE] = {"vote", code_vote_bank},
    [MESSAGE_OUTCOME] = {"outcome", code_outcome},
    [MESSAGE_OUTCOME_ACK] = {"outcome-ack", code_outcome},
    [MESSAGE_DISSOLVE] = {"dissolve", code_dissolve},
    [MESSAGE_STATUS] = {"status", code_status},
    [MESSAGE_STATUS_ACK] = {"status-ack", code_status_ack},
    [MESSAGE_LEFT] = {"left", code_left},
    [MESSAGE_REPORT] = {"report", code_report},
    [MESSAGE_REPORT_ACK] = {"report-ack", code_report},
    [MESSAGE_BYE] = {"bye", code_report},
    [MESSAGE_CHALLENGE] = {"challenge", code_working},
};

const char *message_kind_word(MessageKind kind)
{
    INVARIANT_THAT((int)kind, <, MESSAGE_KINDS);
    return kinds[kind].word;
}

void message_code(Coder *coder, Message *message)
{
    CODE_ENUM(coder, message->kind, MESSAGE_KINDS);
    require(coder, message->kind != MESSAGE_NONE);
    if (!coder->failed)
        kinds[message->kind].code(coder, message);
    if (coder->decoding && planted(PLANTED_SKIP_READ_AS_TRANSFER) && message->kind == MESSAGE_SKIP)
        message->kind = MESSAGE_TRANSFER;
}

void answer_code(Coder *coder, Notice *notice, Member *members, size_t member_capacity)
{
    if (coder->decoding)
        *notice = (Notice){.members = members};
    CODE_ENUM(coder, notice->kind, NOTICE_FAILURE + 1);
    CODE_ENUM(coder, notice->command, COMMAND_KINDS);
    CODE_ENUM(coder, notice->refusal, REFUSAL_KINDS);
    require(coder, (notice->kind == NOTICE_SUCCESS) == (notice->refusal == REFUSAL_NONE));
    code_name(coder, &notice->name);
    code_balance(coder, &notice->amount);
    code_balance(coder, &notice->balance);
    code_u64(coder, &notice->cohort);
    code_u64(coder, &notice->count);
    uint16_t count = (uint16_t)MIN(notice->member_count, UINT16_MAX);
    code_u16(coder, &count);
    require(coder, count <= (coder->decoding ? member_capacity : MEMBERS_MAX));
    for (uint16_t i = 0; !coder->failed && i < count; i++)
        code_member(coder, coder->decoding ? &members[i] : (Member *)&notice->members[i]);
    if (coder->decoding)
        notice->member_count = coder->failed ? 0 : count;
}

/* --- writing --- */

/* What follows the checksum. */
static void code_header(Coder *coder, Header *header)
{
    code_u64(coder, &header->cohort);
    code_u16(coder, &header->sender);
    require(coder, header->sender < MEMBERS_MAX || header->sender == SENDER_BANK ||
                       header->sender == SENDER_CLIENT);
    code_u16(coder, &header->receiver);
    require(coder, header->receiver < MEMBERS_MAX);
    code_u64(coder, &header->inc);
    code_u64(coder, &header->known);
    code_u64(coder, &header->una);
}

static uint64_t checksum(const uint8_t *bytes, size_t length)
{
    return XXH3_64bits(bytes + CHECKED_AT, length - CHECKED_AT);
}

void wire_begin(WireWriter *writer, const Header *header)
{
    uint8_t start[CHECKED_AT] = {MAGIC_0, MAGIC_1, VERSION}; /* the checksum comes at the end */
    writer->coder = coder_encode_fixed(writer->bytes, sizeof writer->bytes);
    code_bytes(&writer->coder, start, sizeof start);
    code_header(&writer->coder, (Header *)header);
    INVARIANT(!writer->coder.failed);
    INVARIANT_THAT(writer->coder.length, ==, HEADER_BYTES);
}

bool wire_add(WireWriter *writer, const Message *message)
{
    size_t before = writer->coder.length;
    message_code(&writer->coder, (Message *)message);
    if (!writer->coder.failed)
        return true;
    INVARIANT_THAT(before, >, HEADER_BYTES); /* one message alone fits, unless out of range */
    writer->coder.length = before;
    writer->coder.failed = false;
    return false;
}

size_t wire_end(WireWriter *writer)
{
    size_t length = writer->coder.length;
    if (length == HEADER_BYTES)
        return 0;
    uint64_t sum = checksum(writer->bytes, length);
    Coder coder = coder_encode_fixed(writer->bytes + CHECKSUM_AT, sizeof sum);
    code_u64(&coder, &sum);
    return length;
}

/* --- reading --- */

static DropReason open_header(Coder *coder, Header *header)
{
    uint8_t start[CHECKSUM_AT];
    uint64_t sum;
    code_bytes(coder, start, sizeof start);
    if (start[0] != MAGIC_0 || start[1] != MAGIC_1)
        return DROP_MAGIC;
    if (start[2] != VERSION || start[3] != 0)
        return DROP_VERSION;
    code_u64(coder, &sum);
    if (sum != checksum(coder->bytes, coder->length))
        return DROP_CHECKSUM;
    code_header(coder, header);
    return coder->failed ? DROP_MALFORMED : DROP_NONE;
}

DropReason wire_open(WireReader *reader, const uint8_t *bytes, size_t length, Header *header)
{
    reader->coder = (Coder){0}; /* after a reason, wire_next finds nothing */
    if (length > DATAGRAM_BYTES_MAX)
        return DROP_OVERSIZE;
    if (length <= HEADER_BYTES)
        return DROP_SHORT;
    Coder coder = coder_decode(bytes, length);
    DropReason reason = open_header(&coder, header);
    if (reason != DROP_NONE)
        return reason;
    Coder messages = coder;
    while (!coder_finished(&coder)) {
        Message message; /* only looked at, never used */
        uint8_t kind = bytes[coder.at];
        if (kind == MESSAGE_NONE || kind >= MESSAGE_KINDS)
            return DROP_KIND;
        message_code(&coder, &message);
        if (coder.failed)
            return DROP_MALFORMED;
    }
    reader->coder = messages;
    return DROP_NONE;
}

bool wire_next(WireReader *reader, Message *message)
{
    if (coder_finished(&reader->coder))
        return false;
    message_code(&reader->coder, message);
    INVARIANT(!reader->coder.failed);
    return true;
}

char *wire_kinds_text(const uint8_t *bytes, size_t length, char text[static WIRE_KINDS_TEXT_MAX])
{
    WireReader reader;
    Header header;
    Message message;
    if (wire_open(&reader, bytes, length, &header) != DROP_NONE)
        return strcpy(text, "?");
    bool seen[MESSAGE_KINDS] = {0};
    char *at = text;
    while (wire_next(&reader, &message)) {
        if (seen[message.kind])
            continue;
        seen[message.kind] = true;
        if (at > text)
            *at++ = '+';
        at = stpcpy(at, message_kind_word(message.kind));
    }
    return text;
}
