#include "tests/core/office.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* --- the bank and what comes out of it --- */

static Office *office_make(const BankConfig *config)
{
    Office *office = g_new0(Office, 1);
    office->config = *config;
    office->bank = bank_new(config);
    office->effects = effects_new();
    office->now_ns = NS_PER_S;
    office->journal = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    office->cookies = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    office->bytes = g_hash_table_new(g_direct_hash, g_direct_equal);
    office->sent = g_array_new(FALSE, FALSE, sizeof(OfficeSent));
    office->notices = g_array_new(FALSE, FALSE, sizeof(Notice));
    office->saved_at = g_array_new(FALSE, FALSE, sizeof(size_t));
    office->trail = g_byte_array_new();
    return office;
}

static void keep_datagram(Office *office, const Effect *effect, size_t place)
{
    WireReader reader;
    Header header;
    OfficeSent sent = {.to = effect->send.to, .effect = place};
    assert_int_equal(wire_open(&reader, effect->send.bytes, effect->send.length, &header),
                     DROP_NONE);
    assert_int_equal(header.sender, SENDER_BANK);
    assert_int_equal(effect->send.port, PORT_BANK);
    gpointer port = GUINT_TO_POINTER(effect->send.to.port);
    g_hash_table_replace(office->cookies, port, g_memdup2(&header.cookie, sizeof header.cookie));
    size_t bytes = GPOINTER_TO_SIZE(g_hash_table_lookup(office->bytes, port));
    g_hash_table_replace(office->bytes, port, GSIZE_TO_POINTER(bytes + effect->send.length));
    while (wire_next(&reader, &sent.message))
        g_array_append_val(office->sent, sent);
    g_byte_array_append(office->trail, effect->send.bytes, (guint)effect->send.length);
    g_byte_array_append(office->trail, (const guint8 *)&effect->send.to.port, 2);
}

static void keep_notice(Office *office, Notice notice)
{
    g_byte_array_append(office->trail, (const guint8 *)&notice.refusal, sizeof notice.refusal);
    notice.members = g_memdup2(notice.members, notice.member_count * sizeof *notice.members);
    g_array_append_val(office->notices, notice);
}

static void forget_notices(Office *office)
{
    for (guint i = 0; i < office->notices->len; i++)
        g_free((void *)g_array_index(office->notices, Notice, i).members);
    g_array_set_size(office->notices, 0);
}

static void keep(Office *office, const Effect *effect, size_t place)
{
    switch (effect->kind) {
    case EFFECT_SAVE:
        assert_int_equal(effect->save.slot, SLOT_JOURNAL);
        assert_int_equal(effect->save.index, 0);
        g_ptr_array_add(office->journal, g_bytes_new(effect->save.bytes, effect->save.length));
        g_array_append_val(office->saved_at, place);
        g_byte_array_append(office->trail, effect->save.bytes, (guint)effect->save.length);
        break;
    case EFFECT_SEND:
        keep_datagram(office, effect, place);
        break;
    case EFFECT_NOTIFY:
        keep_notice(office, effect->notice);
        break;
    case EFFECT_TRACE:
        assert_int_equal(effect->trace.kind, TRACE_DROP);
        assert_non_null(effect->trace.reason);
        break;
    case EFFECT_END:
        office->ended = true;
        break;
    }
}

static void step(Office *office, Event event)
{
    event.now_ns = office->now_ns;
    assert_int_equal(bank_step(office->bank, &event, office->effects), 0);
    for (size_t i = 0; i < effects_count(office->effects); i++)
        keep(office, effects_at(office->effects, i), i);
    uint64_t deadline_ns = effects_deadline(office->effects);
    assert_true(deadline_ns > office->now_ns);
    g_byte_array_append(office->trail, (const guint8 *)&deadline_ns, sizeof deadline_ns);
}

static void begin_action(Office *office)
{
    g_array_set_size(office->sent, 0);
    forget_notices(office);
    g_array_set_size(office->saved_at, 0);
}

Office *office_new(uint64_t seed)
{
    Office *office = office_make(&(BankConfig){.seed = seed});
    step(office, (Event){.kind = EVENT_START});
    return office;
}

Office *office_clone(const Office *office)
{
    Office *clone = office_make(&office->config);
    Coder coder = coder_encode_growing();
    bank_encode(office->bank, &coder);
    assert_true(bank_decode(clone->bank, coder.bytes, coder.length));
    coder_deinit(&coder);
    clone->now_ns = office->now_ns;
    GHashTableIter cookies;
    gpointer port, cookie;
    g_hash_table_iter_init(&cookies, office->cookies);
    while (g_hash_table_iter_next(&cookies, &port, &cookie))
        g_hash_table_replace(clone->cookies, port, g_memdup2(cookie, sizeof(uint64_t)));
    return clone;
}

Office *office_restart(const Office *office)
{
    Office *again = office_make(&office->config);
    for (guint i = 0; i < office->journal->len; i++) {
        gsize length;
        const uint8_t *bytes = g_bytes_get_data(office->journal->pdata[i], &length);
        assert_int_equal(bank_load_record(again->bank, bytes, length), BANK_LOAD_OK);
        g_ptr_array_add(again->journal, g_bytes_new(bytes, length));
    }
    again->now_ns = office->now_ns;
    step(again, (Event){.kind = EVENT_START});
    return again;
}

void office_free(Office *office)
{
    forget_notices(office);
    bank_free(office->bank);
    effects_free(office->effects);
    g_ptr_array_unref(office->journal);
    g_hash_table_destroy(office->cookies);
    g_hash_table_destroy(office->bytes);
    g_array_unref(office->sent);
    g_array_unref(office->notices);
    g_array_unref(office->saved_at);
    g_byte_array_unref(office->trail);
    g_free(office);
}

/* --- actions --- */

void office_command(Office *office, const char *line)
{
    Event event = {.kind = EVENT_COMMAND};
    CommandError error;
    begin_action(office);
    if (!command_parse(line, PLACE_BANK, &event.command, &error))
        fail_msg("%s: %s", line, error.reason);
    event.command.tag = 7;
    step(office, event);
}

void office_receive(Office *office, Address from, const uint8_t *bytes, size_t length)
{
    begin_action(office);
    step(office, (Event){.kind = EVENT_DATAGRAM,
                         .port = PORT_BANK,
                         .from = from,
                         .bytes = bytes,
                         .length = length});
}

static void say(Office *office, int customer, const Message *message)
{
    WireWriter writer;
    wire_begin(&writer,
               &(Header){.sender = SENDER_CLIENT, .cookie = office_cookie(office, customer)});
    assert_true(wire_add(&writer, message));
    size_t length = wire_end(&writer);
    office_receive(office, office_address(customer), writer.bytes, length);
}

void office_say(Office *office, int customer, const Message *message)
{
    if (message->kind == MESSAGE_REQUEST && office_cookie(office, customer) == 0)
        say(office, customer, message);
    say(office, customer, message);
}

uint64_t office_cookie(const Office *office, int customer)
{
    const uint64_t *cookie =
        g_hash_table_lookup(office->cookies, GUINT_TO_POINTER(office_address(customer).port));
    return cookie ? *cookie : 0;
}

size_t office_bytes(const Office *office, int customer)
{
    return GPOINTER_TO_SIZE(
        g_hash_table_lookup(office->bytes, GUINT_TO_POINTER(office_address(customer).port)));
}

void office_wait(Office *office, uint64_t duration_ns)
{
    uint64_t end_ns = office->now_ns + duration_ns;
    begin_action(office);
    while (effects_deadline(office->effects) <= end_ns) {
        office->now_ns = MAX(office->now_ns, effects_deadline(office->effects));
        step(office, (Event){.kind = EVENT_TIMEOUT});
    }
    office->now_ns = end_ns;
    step(office, (Event){.kind = EVENT_TIMEOUT});
}

void office_stop(Office *office)
{
    begin_action(office);
    step(office, (Event){.kind = EVENT_STOP});
}

/* --- what a customer says --- */

Name office_name(int customer)
{
    Name name;
    g_autofree char *text = g_strdup_printf("c%d", customer);
    assert_true(name_set(&name, text));
    return name;
}

Address office_address(int customer)
{
    return (Address){OFFICE_IP, (uint16_t)(8500 + 2 * customer)};
}

static uint64_t client_of(int customer)
{
    return (uint64_t)(1000 + customer);
}

Message office_request(int customer, uint64_t number, CommandKind kind, int about)
{
    Message message = {.kind = MESSAGE_REQUEST};
    message.request.client = client_of(customer);
    message.request.number = number;
    message.request.ip = OFFICE_IP;
    message.request.port1 = office_address(customer).port;
    message.request.port2 = (uint16_t)(office_address(customer).port + 1);
    message.request.command.kind = kind;
    message.request.command.name = office_name(about);
    message.request.command.amount = 10000;
    message.request.command.addressed = true;
    message.request.command.ip = OFFICE_IP;
    message.request.command.port1 = office_address(about).port;
    message.request.command.port2 = (uint16_t)(office_address(about).port + 1);
    return message;
}

Message office_vote(int customer, ProposalKind proposal, uint64_t id, Refusal refusal)
{
    Message message = {.kind = MESSAGE_VOTE};
    message.vote_bank.proposal = proposal;
    message.vote_bank.id = id;
    message.vote_bank.client = client_of(customer);
    message.vote_bank.yes = refusal == REFUSAL_NONE;
    message.vote_bank.refusal = refusal;
    message.vote_bank.name = office_name(customer);
    return message;
}

Message office_outcome_ack(int customer, ProposalKind proposal, uint64_t id)
{
    Message message = {.kind = MESSAGE_OUTCOME_ACK};
    message.outcome.proposal = proposal;
    message.outcome.id = id;
    message.outcome.name = office_name(customer);
    return message;
}

Message office_status(uint64_t cohort, uint16_t member, uint16_t total, uint64_t attempt,
                      uint64_t version, StatusState state, Money balance)
{
    Message message = {.kind = MESSAGE_STATUS};
    message.status.cohort = cohort;
    message.status.member = member;
    message.status.attempt = attempt;
    message.status.version = version;
    message.status.state = state;
    message.status.settled = true;
    message.status.balance = balance;
    message.status.report = 9;
    message.status.total = total;
    message.status.count = total;
    for (uint16_t i = 0; i < total; i++)
        message.status.counts[i] = (StatusCount){0};
    return message;
}

/* --- common doings --- */

void office_open(Office *office, int customer, const char *balance)
{
    Address at = office_address(customer);
    g_autofree char *line =
        g_strdup_printf("open c%d %s 127.0.0.1 %d %d", customer, balance, at.port, at.port + 1);
    office_command(office, line);
    uint64_t id = office_last(office, MESSAGE_PROPOSE, customer)->message.propose.id;
    Message vote = office_vote(customer, PROPOSAL_OPEN, id, REFUSAL_NONE);
    office_say(office, customer, &vote);
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    Message ack = office_outcome_ack(customer, PROPOSAL_OPEN, id);
    office_say(office, customer, &ack);
}

uint64_t office_cohort(Office *office, int count)
{
    for (int i = 1; i <= count; i++)
        office_open(office, i, "100");
    g_autofree char *line = g_strdup_printf("new-cohort c1 %d", count);
    office_command(office, line);
    uint64_t id = office_last(office, MESSAGE_PROPOSE, 1)->message.propose.id;
    for (int i = 1; i <= count; i++) {
        Message vote = office_vote(i, PROPOSAL_JOIN, id, REFUSAL_NONE);
        office_say(office, i, &vote);
    }
    assert_int_equal(office_notice(office).kind, NOTICE_SUCCESS);
    for (int i = 1; i <= count; i++) {
        Message ack = office_outcome_ack(i, PROPOSAL_JOIN, id);
        office_say(office, i, &ack);
    }
    return id;
}

uint64_t office_quiesce(Office *office, uint64_t cohort, int count)
{
    office_command(office, "delete-cohort c1");
    uint64_t attempt = office_last(office, MESSAGE_DISSOLVE, 1)->message.dissolve.attempt;
    for (int i = 1; i <= count; i++) {
        Message status = office_status(cohort, (uint16_t)(i - 1), (uint16_t)count, attempt, 1,
                                       STATUS_QUIESCED, 10000);
        office_say(office, i, &status);
    }
    return attempt;
}

/* --- what the bank said --- */

BankRow office_row(const Office *office, int customer)
{
    BankRow row;
    Name name = office_name(customer);
    assert_true(bank_find(office->bank, &name, &row));
    return row;
}

static bool is_for(const OfficeSent *sent, MessageKind kind, int customer)
{
    return sent->message.kind == kind &&
           (customer == 0 || address_equal(sent->to, office_address(customer)));
}

size_t office_count(const Office *office, MessageKind kind, int customer)
{
    size_t count = 0;
    for (guint i = 0; i < office->sent->len; i++)
        count += is_for(&g_array_index(office->sent, OfficeSent, i), kind, customer);
    return count;
}

const OfficeSent *office_last(const Office *office, MessageKind kind, int customer)
{
    for (guint i = office->sent->len; i > 0; i--) {
        const OfficeSent *sent = &g_array_index(office->sent, OfficeSent, i - 1);
        if (is_for(sent, kind, customer))
            return sent;
    }
    fail_msg("no %s to c%d", message_kind_word(kind), customer);
    return NULL;
}

Notice office_notice(const Office *office)
{
    assert_int_equal(office->notices->len, 1);
    Notice notice = g_array_index(office->notices, Notice, 0);
    assert_int_equal(notice.tag, 7);
    return notice;
}

void office_expect_failure(Notice notice, Refusal refusal)
{
    assert_int_equal(notice.kind, NOTICE_FAILURE);
    assert_int_equal(notice.refusal, refusal);
}

Notice office_answer(const Office *office, int customer)
{
    static Member members[MEMBERS_MAX];
    static uint8_t bytes[UINT16_MAX];
    const OfficeSent *last = office_last(office, MESSAGE_ANSWER, customer);
    size_t have = 0;
    for (guint i = 0; i < office->sent->len; i++) {
        const OfficeSent *sent = &g_array_index(office->sent, OfficeSent, i);
        if (!is_for(sent, MESSAGE_ANSWER, customer))
            continue;
        assert_int_equal(sent->message.answer.offset, have);
        memcpy(bytes + have, sent->message.answer.bytes, sent->message.answer.length);
        have += sent->message.answer.length;
    }
    assert_int_equal(have, last->message.answer.total);
    Notice notice;
    Coder coder = coder_decode(bytes, have);
    answer_code(&coder, &notice, members, MEMBERS_MAX);
    assert_true(coder_finished(&coder));
    return notice;
}
