#include "core/coder.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* One value of every type, coded by one function both ways. */
typedef struct Everything {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    Money money;
    bool flag;
    Name name;
    uint8_t bytes[5];
    int choice;
} Everything;

enum { EVERYTHING_BYTES = 1 + 2 + 4 + 8 + 8 + 1 + (1 + 5) + 5 + 1 };

static void code_everything(Coder *coder, Everything *e)
{
    code_u8(coder, &e->u8);
    code_u16(coder, &e->u16);
    code_u32(coder, &e->u32);
    code_u64(coder, &e->u64);
    code_money(coder, &e->money);
    code_bool(coder, &e->flag);
    code_name(coder, &e->name);
    code_bytes(coder, e->bytes, sizeof e->bytes);
    code_enum(coder, &e->choice, 3);
}

static const Everything example = {
    .u8 = 0x12,
    .u16 = 0x3456,
    .u32 = 0x789abcde,
    .u64 = 0x0123456789abcdef,
    .money = -2,
    .flag = true,
    .name = {"alice"},
    .bytes = {5, 4, 3, 2, 1},
    .choice = 2,
};

static const uint8_t example_bytes[EVERYTHING_BYTES] = {
    0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0x01, 0x23, 0x45, 0x67, 0x89,
    0xab, 0xcd, 0xef, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x01,
    5,    'a',  'l',  'i',  'c',  'e',  5,    4,    3,    2,    1,    2,
};

static void assert_everything_equal(const Everything *a, const Everything *b)
{
    assert_int_equal(a->u8, b->u8);
    assert_int_equal(a->u16, b->u16);
    assert_true(a->u32 == b->u32);
    assert_true(a->u64 == b->u64);
    assert_true(a->money == b->money);
    assert_int_equal(a->flag, b->flag);
    assert_memory_equal(&a->name, &b->name, sizeof a->name);
    assert_memory_equal(a->bytes, b->bytes, sizeof a->bytes);
    assert_int_equal(a->choice, b->choice);
}

static void integers_are_written_big_endian(void **state)
{
    (void)state;
    Coder coder = coder_encode_growing();
    code_everything(&coder, (Everything *)&example);
    assert_false(coder.failed);
    assert_int_equal(coder.length, sizeof example_bytes);
    assert_memory_equal(coder.bytes, example_bytes, sizeof example_bytes);
    coder_deinit(&coder);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    Everything read;
    memset(&read, 0xee, sizeof read);
    Coder coder = coder_decode(example_bytes, sizeof example_bytes);
    code_everything(&coder, &read);
    assert_true(coder_finished(&coder));
    assert_everything_equal(&read, &example);
}

static void reading_past_the_end_fails_and_reads_zeros(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof example_bytes; length++) {
        g_autofree uint8_t *bytes = g_memdup2(example_bytes, length);
        Everything read;
        memset(&read, 0xee, sizeof read);
        Coder coder = coder_decode(bytes, length);
        code_everything(&coder, &read);
        assert_true(coder.failed);
        assert_false(coder_finished(&coder));
        assert_int_equal(read.choice, 0);

        Everything zeros = {0};
        code_everything(&coder, &read);
        assert_everything_equal(&read, &zeros);
    }
}

static void bytes_left_over_are_not_finished(void **state)
{
    (void)state;
    uint8_t value;
    Coder coder = coder_decode(example_bytes, 2);
    code_u8(&coder, &value);
    assert_false(coder_finished(&coder));
    assert_false(coder.failed);
    code_u8(&coder, &value);
    assert_true(coder_finished(&coder));
}

static void full_buffer_fails_and_is_never_overrun(void **state)
{
    (void)state;
    for (size_t room = 0; room <= sizeof example_bytes; room++) {
        uint8_t *bytes = g_malloc0(room + 1);
        bytes[room] = 0x5a;
        Coder coder = coder_encode_fixed(bytes, room);
        code_everything(&coder, (Everything *)&example);
        assert_int_equal(coder.failed, room < sizeof example_bytes);
        assert_true(coder.length <= room);
        assert_int_equal(bytes[room], 0x5a);
        g_free(bytes);
    }
}

static void nothing_more_is_written_after_a_failure(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0};
    uint8_t small = 7;
    uint64_t large = 1;
    Coder coder = coder_encode_fixed(bytes, sizeof bytes);
    code_u64(&coder, &large);
    code_u8(&coder, &small);
    assert_true(coder.failed);
    assert_int_equal(coder.length, 0);
    assert_int_equal(bytes[0], 0);
}

static void growing_buffer_takes_any_length(void **state)
{
    (void)state;
    Coder coder = coder_encode_growing();
    size_t capacity = 0, grown = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        code_u32(&coder, &i);
        grown += coder.capacity != capacity;
        capacity = coder.capacity;
    }
    assert_false(coder.failed);
    assert_true(grown < 20); /* not for every few bytes more */
    assert_int_equal(coder.length, 400000);
    Coder decoder = coder_decode(coder.bytes, coder.length);
    for (uint32_t i = 0, read; i < 100000; i++) {
        code_u32(&decoder, &read);
        assert_int_equal(read, i);
    }
    assert_true(coder_finished(&decoder));
    coder_deinit(&coder);
    assert_null(coder.bytes);
}

static void no_bytes_are_coded_from_and_to_nowhere(void **state)
{
    (void)state;
    Coder encoder = coder_encode_growing();
    code_bytes(&encoder, NULL, 0);
    assert_int_equal(encoder.length, 0);
    Coder decoder = coder_decode(NULL, 0);
    code_bytes(&decoder, NULL, 0);
    assert_true(coder_finished(&decoder));
    coder_deinit(&encoder);
}

static bool decodes_as_name(const char *bytes, size_t length)
{
    Name name;
    Coder coder = coder_decode((const uint8_t *)bytes, length);
    memset(&name, 0xee, sizeof name);
    code_name(&coder, &name);
    if (coder.failed)
        assert_memory_equal(&name, &(Name){{0}}, sizeof name);
    return coder_finished(&coder);
}

static void only_an_empty_or_valid_name_is_read(void **state)
{
    (void)state;
    assert_true(decodes_as_name("\0", 1));
    assert_true(decodes_as_name("\5alice", 6));
    assert_true(decodes_as_name("\37a23456789012345678901234567890b", 32));
    assert_false(decodes_as_name("\40a23456789012345678901234567890bc", 33)); /* 32 letters */
    assert_false(decodes_as_name("\377a", 2));
    assert_false(decodes_as_name("\5alic", 5));   /* cut */
    assert_false(decodes_as_name("\0041bob", 5)); /* begins with a digit */
    assert_false(decodes_as_name("\5al\0ce", 6)); /* a NUL inside */
    assert_false(decodes_as_name("\5alic\0", 6)); /* a NUL at the end */
    assert_false(decodes_as_name("\5al ce", 6));
    assert_false(decodes_as_name("\0011", 2));
}

static void invalid_name_is_not_written(void **state)
{
    (void)state;
    Name bad[] = {{"1abc"}, {"1"}, {""}};
    memset(&bad[2], 'a', sizeof bad[2]); /* without an end */
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        Coder coder = coder_encode_growing();
        code_name(&coder, &bad[i]);
        assert_true(coder.failed);
        coder_deinit(&coder);
    }
}

static void unknown_enum_value_and_odd_truth_fail_both_ways(void **state)
{
    (void)state;
    static const uint8_t three[] = {3}, two[] = {2};
    int choice = 77;
    Coder coder = coder_decode(three, sizeof three);
    code_enum(&coder, &choice, 3);
    assert_true(coder.failed);
    assert_int_equal(choice, 0);

    bool flag = true;
    coder = coder_decode(two, sizeof two);
    code_bool(&coder, &flag);
    assert_true(coder.failed);
    assert_false(flag);

    static const int bad[] = {3, -1, 256};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        coder = coder_encode_growing();
        choice = bad[i];
        code_enum(&coder, &choice, 3);
        assert_true(coder.failed);
        assert_int_equal(coder.length, 0);
        coder_deinit(&coder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_written_big_endian),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(reading_past_the_end_fails_and_reads_zeros),
        cmocka_unit_test(bytes_left_over_are_not_finished),
        cmocka_unit_test(full_buffer_fails_and_is_never_overrun),
        cmocka_unit_test(nothing_more_is_written_after_a_failure),
        cmocka_unit_test(growing_buffer_takes_any_length),
        cmocka_unit_test(no_bytes_are_coded_from_and_to_nowhere),
        cmocka_unit_test(only_an_empty_or_valid_name_is_read),
        cmocka_unit_test(invalid_name_is_not_written),
        cmocka_unit_test(unknown_enum_value_and_odd_truth_fail_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
