/* Whatever comes in is a sound datagram in every field, or has a named reason to be dropped. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/random.h"
#include "tests/core/sample.h"

/* --- damage and garbage --- */

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    FOR_EVERY_SAMPLE(kind, variant)
    {
        Datagram datagram;
        sample_datagram(&datagram, kind, variant);
        for (size_t bit = 0; bit < 8 * datagram.length; bit++) {
            datagram.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            DropReason expected = bit < 16 ? DROP_MAGIC : bit < 32 ? DROP_VERSION : DROP_CHECKSUM;
            assert_int_equal(sample_open(datagram.bytes, datagram.length), expected);
            datagram.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void every_flipped_bit_under_a_right_checksum_is_refused_or_in_range(void **state)
{
    (void)state;
    FOR_EVERY_SAMPLE(kind, variant)
    {
        Datagram datagram;
        sample_datagram(&datagram, kind, variant);
        for (size_t bit = 8 * 12; bit < 8 * datagram.length; bit++) {
            datagram.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            DropReason reason = sample_open_sealed(datagram.bytes, datagram.length);
            assert_true(reason == DROP_NONE || reason == DROP_KIND || reason == DROP_MALFORMED);
            datagram.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void every_cut_datagram_is_refused(void **state)
{
    (void)state;
    FOR_EVERY_SAMPLE(kind, variant)
    {
        Datagram datagram;
        sample_datagram(&datagram, kind, variant);
        for (size_t length = 0; length < datagram.length; length++) {
            bool is_short = length <= HEADER_BYTES;
            assert_int_equal(sample_open(datagram.bytes, length),
                             is_short ? DROP_SHORT : DROP_CHECKSUM);
            if (!is_short)
                assert_int_equal(sample_open_sealed(datagram.bytes, length), DROP_MALFORMED);
        }
    }
}

static void every_appended_byte_is_refused(void **state)
{
    (void)state;
    FOR_EVERY_SAMPLE(kind, variant)
    {
        Datagram datagram;
        sample_datagram(&datagram, kind, variant);
        for (int byte = 0; byte < 256; byte++) {
            bool is_kind = byte > MESSAGE_NONE && byte < MESSAGE_KINDS;
            datagram.bytes[datagram.length] = (uint8_t)byte;
            assert_int_equal(sample_open(datagram.bytes, datagram.length + 1), DROP_CHECKSUM);
            assert_int_equal(sample_open_sealed(datagram.bytes, datagram.length + 1),
                             is_kind ? DROP_MALFORMED : DROP_KIND);
        }
    }
}

static void datagram_above_the_limit_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[DATAGRAM_BYTES_MAX + 1] = {0};
    assert_int_equal(sample_open(bytes, sizeof bytes), DROP_OVERSIZE);
    assert_int_equal(sample_open(bytes, sizeof bytes - 1), DROP_MAGIC);
}

/* Random bytes, behind a right header and checksum in two rounds of three, and a known kind. */
static void random_bytes_are_refused_or_in_range(void **state)
{
    (void)state;
    uint64_t stream = 20250101;
    size_t sound = 0;
    Datagram start, datagram;
    sample_datagram(&start, MESSAGE_MOVED_ACK, LEAST);
    for (int round = 0; round < 100000; round++) {
        datagram.length = random_below(&stream, round % 8 ? 160 : DATAGRAM_BYTES_MAX + 1);
        for (size_t i = 0; i < datagram.length; i++)
            datagram.bytes[i] = (uint8_t)(random_next(&stream) & (round % 2 ? 0xff : 0x03));
        DropReason reason;
        if (round % 3 != 0 && datagram.length > HEADER_BYTES) {
            memcpy(datagram.bytes, start.bytes, HEADER_BYTES);
            datagram.bytes[HEADER_BYTES] = (uint8_t)(1 + random_below(&stream, MESSAGE_KINDS - 1));
            reason = sample_open_sealed(datagram.bytes, datagram.length);
            sound += reason == DROP_NONE;
        } else {
            reason = sample_open(datagram.bytes, datagram.length);
            assert_int_not_equal(reason, DROP_NONE);
        }
    }
    assert_true(sound > 0);
}

/* --- fields out of range --- */

typedef struct Patch {
    const char *what;
    MessageKind kind;
    int variant;
    size_t at; /* offset in the message, its kind byte being 0 */
    size_t length;
    uint8_t bytes[8];
} Patch;

#define U16(value)                                                                                 \
    2,                                                                                             \
    {                                                                                              \
        (uint8_t)((value) >> 8), (uint8_t)((value)&0xff)                                           \
    }
#define U8(value)                                                                                  \
    1,                                                                                             \
    {                                                                                              \
        value                                                                                      \
    }
#define ZERO64                                                                                     \
    8,                                                                                             \
    {                                                                                              \
        0                                                                                          \
    }
#define MINUS_ONE                                                                                  \
    8,                                                                                             \
    {                                                                                              \
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff                                             \
    }
#define ABOVE_AMOUNT_MAX                                                                           \
    8,                                                                                             \
    {                                                                                              \
        0x00, 0x20, 0, 0, 0, 0, 0, 0                                                               \
    } /* 2^53 */

static const Patch patches[] = {
    {"label 0", MESSAGE_TRANSFER, LEAST, 1, ZERO64},
    {"amount 0", MESSAGE_TRANSFER, LEAST, 9, ZERO64},
    {"amount above the limit", MESSAGE_SKIP, LEAST, 9, ABOVE_AMOUNT_MAX},
    {"coverage that ends before it begins", MESSAGE_ACK, LEAST, 1, MINUS_ONE},
    {"65 skips", MESSAGE_ACK, GREATEST, 17, U16(SKIPS_PER_COVERAGE_MAX + 1)},
    {"skip below the coverage", MESSAGE_ACK, GREATEST, 19, ZERO64},
    {"skip of what comes before the coverage",
     MESSAGE_ACK,
     GREATEST,
     19,
     8,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
    {"skip not above the one before", MESSAGE_STABLE, GREATEST, 43 + 8, ZERO64},
    {"skip told twice",
     MESSAGE_ACK,
     GREATEST,
     19 + 8,
     8,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81}},
    {"skip above the coverage",
     MESSAGE_ACK,
     GREATEST,
     9,
     8,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}},
    {"initiator that is no member", MESSAGE_QUERY, LEAST, 1, U16(MEMBERS_MAX)},
    {"instance 0", MESSAGE_QUERY, LEAST, 3, ZERO64},
    {"unknown answer", MESSAGE_CHECKPOINT_VOTE, LEAST, 11, U8(ANSWER_KINDS)},
    {"too many participants", MESSAGE_PREPARE_VOTE, GREATEST, 20, U16((MEMBERS_MAX + 7) / 8 + 1)},
    {"commit 2", MESSAGE_DECISION, LEAST, 11, U8(2)},
    {"client 0 of a request", MESSAGE_REQUEST, LEAST, 1, ZERO64},
    {"name with a digit first", MESSAGE_REQUEST, GREATEST, 18, U8('1')},
    {"name of 32 letters", MESSAGE_REQUEST, GREATEST, 17, U8(NAME_BYTES_MAX + 1)},
    {"command that the bank does not do", MESSAGE_REQUEST, LEAST, 35, U8(COMMAND_DEPOSIT)},
    {"unknown command", MESSAGE_REQUEST, LEAST, 35, U8(COMMAND_KINDS)},
    {"negative balance to open with", MESSAGE_REQUEST, LEAST, 37, MINUS_ONE},
    {"balance to open with above the limit", MESSAGE_REQUEST, LEAST, 37, ABOVE_AMOUNT_MAX},
    {"client 0 of an answer", MESSAGE_ANSWER, LEAST, 1, ZERO64},
    {"chunk beyond the answer", MESSAGE_ANSWER, GREATEST, 19, U16(UINT16_MAX - 999)},
    {"chunk above the limit", MESSAGE_ANSWER, GREATEST, 21, U16(ANSWER_CHUNK_BYTES_MAX + 1)},
    {"empty chunk", MESSAGE_ANSWER, LEAST, 21, U16(0)},
    {"client 0 of a working", MESSAGE_WORKING, LEAST, 1, ZERO64},
    {"unknown proposal", MESSAGE_PROPOSE, LEAST, 1, U8(PROPOSAL_KINDS)},
    {"join without members", MESSAGE_PROPOSE, LEAST, 1, U8(PROPOSAL_JOIN)},
    {"negative balance of a proposal", MESSAGE_PROPOSE, LEAST, 28, MINUS_ONE},
    {"1001 members", MESSAGE_PROPOSE, GREATEST, 66, U16(MEMBERS_MAX + 1)},
    {"part beyond the members", MESSAGE_PROPOSE, GREATEST, 68, U16(MEMBERS_MAX - 19)},
    {"21 members in a part", MESSAGE_PROPOSE, GREATEST, 66, 6, {0x03, 0xe8, 0, 0, 0, 21}},
    {"client 0 of a vote", MESSAGE_VOTE, LEAST, 10, ZERO64},
    {"yes with a refusal", MESSAGE_VOTE, LEAST, 19, U8(REFUSAL_BUSY)},
    {"no without a refusal", MESSAGE_VOTE, GREATEST, 19, U8(REFUSAL_NONE)},
    {"unknown refusal", MESSAGE_VOTE, GREATEST, 19, U8(REFUSAL_KINDS)},
    {"unknown order", MESSAGE_DISSOLVE, LEAST, 17, U8(DISSOLVE_ORDERS)},
    {"status of no member", MESSAGE_STATUS, LEAST, 9, U16(MEMBERS_MAX)},
    {"unknown state", MESSAGE_STATUS, LEAST, 27, U8(STATUS_STATES)},
    {"negative balance of a status", MESSAGE_STATUS, LEAST, 29, MINUS_ONE},
    {"part beyond the counts", MESSAGE_STATUS, LEAST, 55, U16(1)},
    {"part beyond all members", MESSAGE_STATUS, LEAST, 53, 4, {0x03, 0xe8, 0x03, 0xe8}},
    {"41 counts in a part", MESSAGE_STATUS, GREATEST, 53, 6, {0x03, 0xe8, 0, 0, 0, 41}},
    {"65535 counts in a part", MESSAGE_STATUS, GREATEST, 57, U16(UINT16_MAX)},
    {"acknowledged part of no member", MESSAGE_STATUS_ACK, LEAST, 25, U16(MEMBERS_MAX)},
    {"left by no member", MESSAGE_LEFT, LEAST, 9, U16(MEMBERS_MAX)},
    {"client 0 of a report", MESSAGE_REPORT, LEAST, 1, ZERO64},
    {"negative balance of a report", MESSAGE_REPORT, LEAST, 18, MINUS_ONE},
    {"client 0 of a bye", MESSAGE_BYE, LEAST, 1, ZERO64},
};

static void field_out_of_range_is_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(patches); i++) {
        const Patch *patch = &patches[i];
        Datagram datagram;
        sample_datagram(&datagram, patch->kind, patch->variant);
        memcpy(datagram.bytes + HEADER_BYTES + patch->at, patch->bytes, patch->length);
        if (sample_open_sealed(datagram.bytes, datagram.length) != DROP_MALFORMED)
            fail_msg("%s is taken", patch->what);
    }
}

/* Whole, and in order: there is only no room for so many. */
static void one_skip_more_than_there_is_room_for_is_malformed(void **state)
{
    (void)state;
    enum { SKIPS = SKIPS_PER_COVERAGE_MAX + 1, SKIPS_AT = HEADER_BYTES + 19 };
    Datagram datagram;
    sample_datagram(&datagram, MESSAGE_ACK, LEAST);
    datagram.bytes[HEADER_BYTES + 16] = SKIPS; /* upto */
    datagram.bytes[HEADER_BYTES + 18] = SKIPS;
    memset(datagram.bytes + SKIPS_AT, 0, 8 * SKIPS);
    for (int i = 0; i < SKIPS; i++)
        datagram.bytes[SKIPS_AT + 8 * i + 7] = (uint8_t)(i + 1);
    assert_int_equal(sample_open_sealed(datagram.bytes, SKIPS_AT + 8 * SKIPS), DROP_MALFORMED);
    datagram.bytes[HEADER_BYTES + 18] = SKIPS - 1;
    assert_int_equal(sample_open_sealed(datagram.bytes, SKIPS_AT + 8 * (SKIPS - 1)), DROP_NONE);
}

/* As if the name of one letter at `at` were empty. */
static DropReason open_without_name(Datagram *datagram, size_t at)
{
    uint8_t *length = datagram->bytes + HEADER_BYTES + at;
    assert_int_equal(*length, 1);
    *length = 0;
    memmove(length + 1, length + 2, datagram->length - HEADER_BYTES - at - 2);
    return sample_open_sealed(datagram->bytes, datagram->length - 1);
}

static DropReason open_with_byte(Datagram *datagram, size_t at, uint8_t byte)
{
    datagram->bytes[HEADER_BYTES + at] = byte;
    return sample_open_sealed(datagram->bytes, datagram->length);
}

static void proposal_names_its_customer_and_all_members(void **state)
{
    (void)state;
    enum { PROPOSAL_AT = 1, NAME_AT = 26, TOTAL_AT = 37, MEMBER_AT = 42 };
    Datagram datagram;
    Message message;
    sample_message(&message, MESSAGE_PROPOSE, LEAST);
    sample_write(&datagram, &message);
    assert_int_equal(open_without_name(&datagram, NAME_AT), DROP_MALFORMED);
    message.propose.total = 2;
    sample_write(&datagram, &message); /* a cohort, and none of its members */
    assert_int_equal(open_with_byte(&datagram, PROPOSAL_AT, PROPOSAL_JOIN), DROP_MALFORMED);
    message.propose.proposal = PROPOSAL_JOIN;
    message.propose.count = 1;
    message.propose.members[0].name = (Name){"b"};
    sample_write(&datagram, &message);
    assert_int_equal(sample_open(datagram.bytes, datagram.length), DROP_NONE);
    assert_int_equal(open_with_byte(&datagram, TOTAL_AT, 1), DROP_MALFORMED); /* alone */
    sample_write(&datagram, &message);
    assert_int_equal(open_without_name(&datagram, MEMBER_AT), DROP_MALFORMED);
}

static void sender_that_is_no_member_and_nobody_special_is_malformed(void **state)
{
    (void)state;
    Datagram datagram;
    sample_datagram(&datagram, MESSAGE_QUERY, LEAST);
    for (unsigned sender = MEMBERS_MAX; sender < SENDER_CLIENT; sender++) {
        datagram.bytes[20] = (uint8_t)(sender >> 8);
        datagram.bytes[21] = (uint8_t)(sender & 0xff);
        sample_seal(datagram.bytes, datagram.length);
        WireReader reader;
        Header opened;
        assert_int_equal(wire_open(&reader, datagram.bytes, datagram.length, &opened),
                         DROP_MALFORMED);
    }
}

static void receiver_that_is_no_member_is_malformed(void **state)
{
    (void)state;
    static const uint16_t receivers[] = {
        0, MEMBERS_MAX - 1, MEMBERS_MAX, MEMBERS_MAX + 1, SENDER_CLIENT, SENDER_BANK};
    for (size_t i = 0; i < G_N_ELEMENTS(receivers); i++) {
        Datagram datagram;
        const uint16_t receiver = receivers[i];
        sample_datagram(&datagram, MESSAGE_QUERY, LEAST);
        datagram.bytes[22] = (uint8_t)(receiver >> 8);
        datagram.bytes[23] = (uint8_t)(receiver & 0xff);
        assert_int_equal(sample_open_sealed(datagram.bytes, datagram.length),
                         receiver < MEMBERS_MAX ? DROP_NONE : DROP_MALFORMED);
    }
}

static void message_of_no_kind_is_not_read(void **state)
{
    (void)state;
    static const uint8_t none = MESSAGE_NONE;
    Message message;
    Coder coder = coder_decode(&none, sizeof none);
    message_code(&coder, &message);
    assert_true(coder.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(every_flipped_bit_under_a_right_checksum_is_refused_or_in_range),
        cmocka_unit_test(every_cut_datagram_is_refused),
        cmocka_unit_test(every_appended_byte_is_refused),
        cmocka_unit_test(datagram_above_the_limit_is_refused),
        cmocka_unit_test(random_bytes_are_refused_or_in_range),
        cmocka_unit_test(field_out_of_range_is_malformed),
        cmocka_unit_test(one_skip_more_than_there_is_room_for_is_malformed),
        cmocka_unit_test(proposal_names_its_customer_and_all_members),
        cmocka_unit_test(sender_that_is_no_member_and_nobody_special_is_malformed),
        cmocka_unit_test(receiver_that_is_no_member_is_malformed),
        cmocka_unit_test(message_of_no_kind_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
