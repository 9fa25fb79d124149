/* The format, and the way there and back. What damage and strangers do: test_wire_damage.c. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/panic.h"
#include "core/process.h"
#include "tests/core/sample.h"

/* --- the format itself --- */

static void every_byte_is_where_the_document_says(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        'C',  'H',  1,    0,                            /* magic, version, flags */
        0xeb, 0xf0, 0x73, 0xcf, 0x6e, 0x61, 0x56, 0xe3, /* checksum */
        0,    0,    0,    0,    0,    0,    0,    3,    /* cohort */
        0,    7,                                        /* sender */
        0,    9,                                        /* receiver */
        0,    0,    0,    0,    0,    0,    0,    11,   /* inc */
        0,    0,    0,    0,    0,    0,    0,    12,   /* known */
        0,    0,    0,    0,    0,    0,    0,    13,   /* una */
        1,                                              /* TRANSFER */
        0,    0,    0,    0,    0,    0,    1,    2,    /* label */
        0,    0,    0,    0,    0,    0,    0x27, 0x10, /* amount */
    };
    Datagram datagram;
    sample_write(&datagram, &(Message){.kind = MESSAGE_TRANSFER, .transfer = {258, 10000}});
    assert_int_equal(datagram.length, sizeof expected);
    assert_memory_equal(datagram.bytes, expected, sizeof expected);
}

static void every_kind_is_as_long_as_the_document_says(void **state)
{
    (void)state;
    static const size_t bytes[MESSAGE_KINDS][VARIANTS] = {
        [MESSAGE_TRANSFER] = {17, 17},
        [MESSAGE_SKIP] = {17, 17},
        [MESSAGE_ACK] = {19, 531},
        [MESSAGE_STABLE] = {43, 555},
        [MESSAGE_STABLE_ACK] = {17, 17},
        [MESSAGE_CHECKPOINT_REQUEST] = {19, 19},
        [MESSAGE_CHECKPOINT_VOTE] = {22, 147},
        [MESSAGE_PREPARE] = {35, 35},
        [MESSAGE_PREPARE_VOTE] = {22, 147},
        [MESSAGE_DECISION] = {12, 12},
        [MESSAGE_DECISION_ACK] = {11, 11},
        [MESSAGE_QUERY] = {11, 11},
        [MESSAGE_MOVED] = {15, 15},
        [MESSAGE_MOVED_ACK] = {9, 9},
        [MESSAGE_REQUEST] = {62, 124},
        [MESSAGE_ANSWER] = {24, 1023},
        [MESSAGE_WORKING] = {17, 17},
        [MESSAGE_PROPOSE] = {42, 1032},
        [MESSAGE_VOTE] = {37, 68},
        [MESSAGE_OUTCOME] = {12, 43},
        [MESSAGE_OUTCOME_ACK] = {12, 43},
        [MESSAGE_DISSOLVE] = {18, 18},
        [MESSAGE_STATUS] = {59, 1019},
        [MESSAGE_STATUS_ACK] = {27, 27},
        [MESSAGE_LEFT] = {11, 11},
        [MESSAGE_REPORT] = {26, 57},
        [MESSAGE_REPORT_ACK] = {18, 49},
        [MESSAGE_BYE] = {18, 49},
        [MESSAGE_CHALLENGE] = {17, 17},
    };
    FOR_EVERY_SAMPLE(kind, variant)
    {
        Datagram datagram;
        sample_datagram(&datagram, kind, variant);
        assert_int_equal(datagram.length - HEADER_BYTES, bytes[kind][variant]);
    }
}

static void numbers_on_the_wire_are_those_of_the_document(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        "none",
        "transfer",
        "skip",
        "ack",
        "stable",
        "stable-ack",
        "checkpoint-request",
        "checkpoint-vote",
        "prepare",
        "prepare-vote",
        "decision",
        "decision-ack",
        "query",
        "moved",
        "moved-ack",
        "request",
        "answer",
        "working",
        "propose",
        "vote",
        "outcome",
        "outcome-ack",
        "dissolve",
        "status",
        "status-ack",
        "left",
        "report",
        "report-ack",
        "bye",
        "challenge",
    };
    static const struct {
        int number;
        int document;
    } numbers[] = {
        {ANSWER_NO_NEED, 0},
        {ANSWER_JOINED, 1},
        {ANSWER_BUSY, 2},
        {PROPOSAL_OPEN, 0},
        {PROPOSAL_EXIT, 1},
        {PROPOSAL_JOIN, 2},
        {DISSOLVE_QUIESCE, 0},
        {DISSOLVE_PREPARE, 1},
        {DISSOLVE_CANCEL, 2},
        {DISSOLVE_DONE, 3},
        {STATUS_QUIESCED, 0},
        {STATUS_VOTED, 1},
        {STATUS_REFUSED, 2},
        {STATUS_CANCELLED, 3},
        {COMMAND_OPEN, 0},
        {COMMAND_EXIT, 1},
        {COMMAND_NEW_COHORT, 2},
        {COMMAND_DELETE_COHORT, 3},
        {COMMAND_RESUME, 11},
        {NOTICE_SUCCESS, 0},
        {NOTICE_FAILURE, 1},
        {REFUSAL_NO_ACCOUNT, 1},
        {REFUSAL_EXITED_NAME, 6},
        {REFUSAL_IN_COHORT, 10},
        {REFUSAL_BAD_PORTS, 15},
        {REFUSAL_NO_ANSWER, 16},
        {REFUSAL_BUSY_ELSEWHERE, 20},
        {REFUSAL_UNSETTLED, 24},
        {REFUSAL_LOST_ANSWER, 26},
        {REFUSAL_BANK_FULL, 27},
        {REFUSAL_COHORTS_USED_UP, 28},
    };
    assert_int_equal(G_N_ELEMENTS(kinds), MESSAGE_KINDS);
    for (int kind = 0; kind < MESSAGE_KINDS; kind++)
        assert_string_equal(message_kind_word((MessageKind)kind), kinds[kind]);
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        assert_int_equal(numbers[i].number, numbers[i].document);
}

/* --- what is written is read --- */

static void every_kind_survives_the_round_trip(void **state)
{
    (void)state;
    FOR_EVERY_SAMPLE(kind, variant)
    {
        Datagram datagram;
        WireReader reader;
        Header opened;
        Message sent, read, none;
        sample_message(&sent, kind, variant);
        sample_write(&datagram, &sent);
        assert_int_equal(wire_open(&reader, datagram.bytes, datagram.length, &opened), DROP_NONE);
        assert_true(opened.cohort == sample_header.cohort);
        assert_int_equal(opened.sender, sample_header.sender);
        assert_true(opened.inc == sample_header.inc);
        assert_true(opened.known == sample_header.known);
        assert_true(opened.una == sample_header.una);
        memset(&read, 0, sizeof read);
        assert_true(wire_next(&reader, &read));
        assert_memory_equal(&read, &sent, sizeof sent);
        assert_false(wire_next(&reader, &none));
        assert_int_equal(sample_open(datagram.bytes, datagram.length), DROP_NONE);
    }
}

static void special_senders_survive_the_round_trip(void **state)
{
    (void)state;
    static const uint16_t senders[] = {0, MEMBERS_MAX - 1, SENDER_CLIENT, SENDER_BANK};
    for (size_t i = 0; i < G_N_ELEMENTS(senders); i++) {
        WireWriter writer;
        WireReader reader;
        Header opened, sent = {.sender = senders[i]};
        wire_begin(&writer, &sent);
        assert_true(wire_add(&writer, &(Message){.kind = MESSAGE_MOVED_ACK}));
        size_t length = wire_end(&writer);
        assert_int_equal(wire_open(&reader, writer.bytes, length, &opened), DROP_NONE);
        assert_int_equal(opened.sender, senders[i]);
    }
}

static void messages_share_a_datagram_until_it_is_full(void **state)
{
    (void)state;
    WireWriter writer;
    WireReader reader;
    Header opened;
    Message message;
    uint64_t written = 0, read = 0;
    wire_begin(&writer, &sample_header);
    for (;; written++) {
        sample_message(&message, MESSAGE_TRANSFER, LEAST);
        message.transfer.label = written + 1;
        if (!wire_add(&writer, &message))
            break;
    }
    assert_int_equal(written, (DATAGRAM_BYTES_MAX - HEADER_BYTES) / 17);
    sample_message(&message, MESSAGE_MOVED_ACK, GREATEST);
    assert_true(wire_add(&writer, &message)); /* a smaller one still fits */
    assert_false(wire_add(&writer, &message));

    size_t length = wire_end(&writer);
    assert_int_equal(sample_open(writer.bytes, length), DROP_NONE);
    assert_int_equal(wire_open(&reader, writer.bytes, length, &opened), DROP_NONE);
    for (; read < written; read++) {
        assert_true(wire_next(&reader, &message));
        assert_int_equal(message.kind, MESSAGE_TRANSFER);
        assert_true(message.transfer.label == read + 1);
    }
    assert_true(wire_next(&reader, &message));
    assert_int_equal(message.kind, MESSAGE_MOVED_ACK);
    assert_false(wire_next(&reader, &message));
}

static jmp_buf broken;

/* Takes the place of the core's. */
_Noreturn void panic(const char *file, int line, const char *what, int64_t found, int64_t expected)
{
    (void)file;
    (void)line;
    (void)what;
    (void)found;
    (void)expected;
    longjmp(broken, 1);
}

static void writing_a_message_out_of_range_is_a_broken_invariant(void **state)
{
    (void)state;
    static WireWriter writer;
    static bool returned;
    if (setjmp(broken) == 0) {
        wire_begin(&writer, &sample_header);
        wire_add(&writer, &(Message){.kind = MESSAGE_TRANSFER, .transfer = {.label = 0}});
        returned = true;
    }
    assert_false(returned);
}

static void datagram_without_messages_has_no_length(void **state)
{
    (void)state;
    WireWriter writer;
    wire_begin(&writer, &sample_header);
    assert_int_equal(wire_end(&writer), 0);
}

static void encoding_leaves_the_message_alone(void **state)
{
    (void)state;
    FOR_EVERY_SAMPLE(kind, variant)
    {
        Datagram datagram;
        Message message, before;
        sample_message(&message, kind, variant);
        memcpy(&before, &message, sizeof message);
        sample_write(&datagram, &message);
        assert_memory_equal(&message, &before, sizeof message);
    }
}

static void read_back(const Message *message, Message *read)
{
    Datagram datagram;
    WireReader reader;
    Header opened;
    sample_write(&datagram, message);
    assert_int_equal(wire_open(&reader, datagram.bytes, datagram.length, &opened), DROP_NONE);
    memset(read, 0xee, sizeof *read);
    assert_true(wire_next(&reader, read));
}

static void who_is_not_said_to_take_part_does_not(void **state)
{
    (void)state;
    static const MessageKind votes[] = {MESSAGE_CHECKPOINT_VOTE, MESSAGE_PREPARE_VOTE};
    for (size_t i = 0; i < G_N_ELEMENTS(votes); i++) {
        Message message, read;
        sample_message(&message, (int)votes[i], GREATEST);
        message.vote.participant_bytes = 2;
        read_back(&message, &read);
        for (uint16_t member = 0; member < MEMBERS_MAX; member++)
            assert_int_equal(bit_get(read.vote.participants, member), member < 16);
    }
}

static void what_is_not_said_is_left_alone_and_reads_as_nothing(void **state)
{
    (void)state;
    static const MessageKind silent[] = {MESSAGE_REPORT_ACK, MESSAGE_BYE};
    Message message, read;
    sample_message(&message, MESSAGE_REQUEST, GREATEST);
    message.request.command.tag = 77;
    read_back(&message, &read);
    assert_true(message.request.command.tag == 77);
    assert_true(read.request.command.tag == 0);
    for (size_t i = 0; i < G_N_ELEMENTS(silent); i++) {
        sample_message(&message, (int)silent[i], GREATEST);
        message.report.balance = 77;
        read_back(&message, &read);
        assert_true(message.report.balance == 77);
        assert_true(read.report.balance == 0);
    }
}

static void kinds_are_listed_once_in_order_of_appearance(void **state)
{
    (void)state;
    static const int kinds[] = {MESSAGE_ACK, MESSAGE_TRANSFER, MESSAGE_ACK, MESSAGE_STABLE};
    char text[WIRE_KINDS_TEXT_MAX];
    WireWriter writer;
    Message message;
    wire_begin(&writer, &sample_header);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        sample_message(&message, kinds[i], LEAST);
        assert_true(wire_add(&writer, &message));
    }
    size_t length = wire_end(&writer);
    assert_string_equal(wire_kinds_text(writer.bytes, length, text), "ack+transfer+stable");
    assert_string_equal(wire_kinds_text(writer.bytes, length - 1, text), "?");
}

static void words_differ_and_fit_their_room_together(void **state)
{
    (void)state;
    size_t room = 0;
    for (int kind = 0; kind < MESSAGE_KINDS; kind++) {
        const char *word = message_kind_word((MessageKind)kind);
        assert_true(strlen(word) > 0);
        room += strlen(word) + 1;
        for (int other = 0; other < kind; other++)
            assert_string_not_equal(word, message_kind_word((MessageKind)other));
    }
    assert_true(room <= WIRE_KINDS_TEXT_MAX);
    for (int reason = 0; reason < DROP_REASONS; reason++) {
        const char *word = drop_reason_word((DropReason)reason);
        assert_true(strlen(word) > 0);
        for (int other = 0; other < reason; other++)
            assert_string_not_equal(word, drop_reason_word((DropReason)other));
    }
}

/* --- the bank's whole answer --- */

static Coder encode_answer(const Notice *notice)
{
    Coder coder = coder_encode_growing();
    answer_code(&coder, (Notice *)notice, NULL, 0);
    return coder;
}

static void whole_answer_survives_the_round_trip(void **state)
{
    (void)state;
    static Member members[MEMBERS_MAX], read_members[MEMBERS_MAX];
    for (int i = 0; i < MEMBERS_MAX; i++)
        sample_member(&members[i]);
    Notice notice = {.kind = NOTICE_SUCCESS,
                     .command = COMMAND_NEW_COHORT,
                     .name = sample_longest_name(),
                     .amount = INT64_MAX,
                     .balance = INT64_MAX - 1,
                     .cohort = UINT64_MAX,
                     .count = UINT64_MAX - 1,
                     .members = members,
                     .member_count = MEMBERS_MAX};
    Coder coder = encode_answer(&notice);
    assert_false(coder.failed);
    assert_true(coder.length <= UINT16_MAX); /* ANSWER counts its bytes so */

    Notice read;
    memset(&read, 0xee, sizeof read);
    Coder decoder = coder_decode(coder.bytes, coder.length);
    answer_code(&decoder, &read, read_members, MEMBERS_MAX);
    assert_true(coder_finished(&decoder));
    assert_int_equal(read.kind, notice.kind);
    assert_int_equal(read.command, notice.command);
    assert_int_equal(read.refusal, REFUSAL_NONE);
    assert_true(name_equal(&read.name, &notice.name));
    assert_true(read.amount == notice.amount);
    assert_true(read.balance == notice.balance);
    assert_true(read.cohort == notice.cohort);
    assert_true(read.count == notice.count);
    assert_ptr_equal(read.members, read_members);
    assert_int_equal(read.member_count, MEMBERS_MAX);
    assert_memory_equal(read_members, members, sizeof members);
    assert_true(read.tag == 0 && read.label == 0 && read.number == 0 && read.undone == 0);

    decoder = coder_decode(coder.bytes, coder.length);
    answer_code(&decoder, &read, read_members, MEMBERS_MAX - 1);
    assert_true(decoder.failed);
    assert_int_equal(read.member_count, 0);
    coder_deinit(&coder);
}

static void answer_that_contradicts_itself_fails(void **state)
{
    (void)state;
    static const Notice bad[] = {
        {.kind = NOTICE_SUCCESS, .refusal = REFUSAL_BUSY},
        {.kind = NOTICE_FAILURE, .refusal = REFUSAL_NONE},
        {.kind = NOTICE_RECEIVED},
        {.kind = NOTICE_FAILURE, .refusal = REFUSAL_KINDS},
        {.kind = NOTICE_SUCCESS, .command = COMMAND_KINDS},
        {.kind = NOTICE_SUCCESS, .balance = -1},
        {.kind = NOTICE_SUCCESS, .member_count = MEMBERS_MAX + 1},
        {.kind = NOTICE_SUCCESS, .member_count = 65536},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        Coder coder = encode_answer(&bad[i]);
        assert_true(coder.failed);
        coder_deinit(&coder);
    }
}

static void cut_or_altered_answer_is_never_overread(void **state)
{
    (void)state;
    Member somebody, read_members[2];
    sample_member(&somebody);
    Notice notice = {.kind = NOTICE_FAILURE,
                     .command = COMMAND_OPEN,
                     .refusal = REFUSAL_NO_ANSWER,
                     .name = {"bob"},
                     .members = &somebody,
                     .member_count = 1};
    Coder coder = encode_answer(&notice);
    assert_false(coder.failed);
    for (size_t length = 0; length < coder.length; length++) {
        g_autofree uint8_t *bytes = g_memdup2(coder.bytes, length);
        Notice read;
        Coder decoder = coder_decode(bytes, length);
        answer_code(&decoder, &read, read_members, G_N_ELEMENTS(read_members));
        assert_true(decoder.failed);
        assert_int_equal(read.member_count, 0);
    }
    for (size_t bit = 0; bit < 8 * coder.length; bit++) {
        g_autofree uint8_t *bytes = g_memdup2(coder.bytes, coder.length);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        Notice read;
        Coder decoder = coder_decode(bytes, coder.length);
        answer_code(&decoder, &read, read_members, G_N_ELEMENTS(read_members));
        if (!coder_finished(&decoder))
            continue;
        Coder again = encode_answer(&read);
        assert_int_equal(again.length, coder.length);
        assert_memory_equal(again.bytes, bytes, coder.length);
        coder_deinit(&again);
    }
    coder_deinit(&coder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_where_the_document_says),
        cmocka_unit_test(every_kind_is_as_long_as_the_document_says),
        cmocka_unit_test(numbers_on_the_wire_are_those_of_the_document),
        cmocka_unit_test(every_kind_survives_the_round_trip),
        cmocka_unit_test(who_is_not_said_to_take_part_does_not),
        cmocka_unit_test(special_senders_survive_the_round_trip),
        cmocka_unit_test(messages_share_a_datagram_until_it_is_full),
        cmocka_unit_test(writing_a_message_out_of_range_is_a_broken_invariant),
        cmocka_unit_test(datagram_without_messages_has_no_length),
        cmocka_unit_test(encoding_leaves_the_message_alone),
        cmocka_unit_test(what_is_not_said_is_left_alone_and_reads_as_nothing),
        cmocka_unit_test(kinds_are_listed_once_in_order_of_appearance),
        cmocka_unit_test(words_differ_and_fit_their_room_together),
        cmocka_unit_test(whole_answer_survives_the_round_trip),
        cmocka_unit_test(answer_that_contradicts_itself_fails),
        cmocka_unit_test(cut_or_altered_answer_is_never_overread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
