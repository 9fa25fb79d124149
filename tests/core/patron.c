#include "tests/core/patron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void step(Patron *patron, Event event)
{
    event.now_ns = patron->now_ns;
    customer_step(patron->customer, &event, patron->effects);
    shelf_apply(patron->shelf, patron->effects);
}

Patron *patron_new(const char *resume)
{
    Patron *patron = g_new0(Patron, 1);
    patron->config = (CustomerConfig){.client = PATRON_CLIENT,
                                      .seed = 1,
                                      .bank = {PATRON_IP, 8600},
                                      .ip = PATRON_IP,
                                      .port1 = PATRON_PORT1,
                                      .port2 = PATRON_PORT2,
                                      .retries = RETRIES_UNLIMITED};
    if (resume != NULL)
        assert_true(name_set(&patron->config.resume, resume));
    patron->now_ns = NS_PER_S;
    patron->effects = effects_new();
    patron->shelf = shelf_new();
    patron->customer = customer_new(&patron->config);
    step(patron, (Event){.kind = EVENT_START});
    return patron;
}

void patron_free(Patron *patron)
{
    customer_free(patron->customer);
    effects_free(patron->effects);
    shelf_free(patron->shelf);
    g_free(patron);
}

void patron_stop(Patron *patron)
{
    step(patron, (Event){.kind = EVENT_STOP});
}

void patron_crash(Patron *patron)
{
    customer_free(patron->customer);
    g_strlcpy(patron->config.resume.text, "a", sizeof patron->config.resume.text);
    patron->customer = customer_new(&patron->config);
    assert_int_equal(customer_load(patron->customer, patron->shelf), LOAD_OK);
    step(patron, (Event){.kind = EVENT_START});
}

void patron_hear(Patron *patron, const Message *message)
{
    WireWriter writer;
    wire_begin(&writer, &(Header){.sender = SENDER_BANK});
    assert_true(wire_add(&writer, message));
    const size_t length = wire_end(&writer);
    step(patron,
         (Event){
             .kind = EVENT_DATAGRAM, .port = PORT_BANK, .bytes = writer.bytes, .length = length});
}

void patron_command(Patron *patron, const char *line)
{
    Event event = {.kind = EVENT_COMMAND};
    CommandError error;
    assert_true(command_parse(line, PLACE_CUSTOMER, &event.command, &error));
    event.command.tag = 7;
    step(patron, event);
}

void patron_wait(Patron *patron, uint64_t ns)
{
    patron->now_ns += ns;
    step(patron, (Event){.kind = EVENT_TIMEOUT});
}

size_t patron_times_said(const Patron *patron, MessageKind kind, Message *last)
{
    size_t times = 0;
    for (size_t i = 0; i < effects_count(patron->effects); i++) {
        const Effect *effect = effects_at(patron->effects, i);
        WireReader reader;
        Header header;
        Message next;
        if (effect->kind != EFFECT_SEND || effect->send.port != PORT_BANK)
            continue;
        assert_int_equal(wire_open(&reader, effect->send.bytes, effect->send.length, &header),
                         DROP_NONE);
        while (wire_next(&reader, &next)) {
            if (next.kind == kind) {
                *last = next;
                times++;
            }
        }
    }
    return times;
}

bool patron_said(const Patron *patron, MessageKind kind, Message *message)
{
    return patron_times_said(patron, kind, message) > 0;
}

bool patron_silent(const Patron *patron, MessageKind kind)
{
    Message message;
    return !patron_said(patron, kind, &message);
}

const Notice *patron_told(const Patron *patron, NoticeKind kind)
{
    for (size_t i = 0; i < effects_count(patron->effects); i++) {
        const Effect *effect = effects_at(patron->effects, i);
        if (effect->kind == EFFECT_NOTIFY && effect->notice.kind == kind)
            return &effect->notice;
    }
    return NULL;
}

bool patron_on_disk(const Patron *patron, Slot slot)
{
    ShelfRecord record;
    return shelf_get(patron->shelf, slot, 0, &record);
}

/* --- what the bank says --- */

Name patron_name(const char *text)
{
    Name name;
    assert_true(name_set(&name, text));
    return name;
}

Message patron_proposal(ProposalKind kind, uint64_t id, const char *name)
{
    Message message = {.kind = MESSAGE_PROPOSE};
    message.propose.proposal = kind;
    message.propose.id = id;
    message.propose.name = patron_name(name);
    message.propose.balance = kind == PROPOSAL_OPEN ? PATRON_BALANCE : 0;
    return message;
}

Message patron_join_part(uint64_t id, uint16_t total, uint16_t first, uint16_t count)
{
    Message message = patron_proposal(PROPOSAL_JOIN, id, "a");
    message.propose.total = total;
    message.propose.first = first;
    message.propose.count = count;
    for (uint16_t i = 0; i < count; i++) {
        char text[8] = "a"; /* then m1, m2, ... */
        if (first + i > 0)
            g_snprintf(text, sizeof text, "m%d", first + i);
        message.propose.members[i] = (Member){.name = patron_name(text),
                                              .ip = PATRON_IP,
                                              .port1 = (uint16_t)(PATRON_PORT1 + 2 * (first + i)),
                                              .port2 = (uint16_t)(PATRON_PORT2 + 2 * (first + i))};
    }
    return message;
}

void patron_say(Patron *patron, Message message)
{
    patron_hear(patron, &message);
}

void patron_decide(Patron *patron, ProposalKind kind, uint64_t id, const char *name, bool commit)
{
    patron_say(
        patron,
        (Message){
            .kind = MESSAGE_OUTCOME,
            .outcome = {.proposal = kind, .id = id, .name = patron_name(name), .commit = commit}});
}

void patron_expect_vote(const Patron *patron, ProposalKind kind, uint64_t id, Refusal refusal)
{
    Message vote;
    assert_true(patron_said(patron, MESSAGE_VOTE, &vote));
    assert_int_equal(vote.vote_bank.proposal, kind);
    assert_int_equal(vote.vote_bank.id, id);
    assert_int_equal(vote.vote_bank.client, PATRON_CLIENT);
    assert_int_equal(vote.vote_bank.yes, refusal == REFUSAL_NONE);
    assert_int_equal(vote.vote_bank.refusal, refusal);
}

uint64_t patron_dropped(const Patron *patron, DropReason reason)
{
    return customer_dropped(patron->customer, reason);
}

Patron *patron_with_account(void)
{
    Patron *patron = patron_new(NULL);
    patron_say(patron, patron_proposal(PROPOSAL_OPEN, 1, "a"));
    patron_decide(patron, PROPOSAL_OPEN, 1, "a", true);
    return patron;
}

void patron_answer(Patron *patron, uint64_t number, Notice answer)
{
    Message message = {.kind = MESSAGE_ANSWER};
    Coder coder = coder_encode_fixed(message.answer.bytes, sizeof message.answer.bytes);
    answer_code(&coder, &answer, NULL, 0);
    message.answer.client = PATRON_CLIENT;
    message.answer.number = number;
    message.answer.total = message.answer.length = (uint16_t)coder.length;
    patron_hear(patron, &message);
}

void patron_fail_request(Patron *patron, uint64_t number, CommandKind kind)
{
    patron_answer(patron, number,
                  (Notice){.kind = NOTICE_FAILURE, .command = kind, .refusal = REFUSAL_NAME_TAKEN});
}

Patron *patron_member(uint16_t count)
{
    Patron *patron = patron_with_account();
    for (uint16_t first = 0; first < count; first += MEMBERS_PER_MESSAGE_MAX) {
        const uint16_t part = (uint16_t)MIN(count - first, MEMBERS_PER_MESSAGE_MAX);
        patron_say(patron, patron_join_part(1, count, first, part));
    }
    patron_decide(patron, PROPOSAL_JOIN, 1, "a", true);
    assert_int_equal(customer_cohort(patron->customer), 1);
    return patron;
}
