/* Record files: what is believed, what is repaired, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/record.h"
#include "tests/core/memory_disk.h"

enum { KIND = 7, SECTOR_BYTES = 16, HEAD_BYTES = 40, LENGTH_AT = 23 };

/* --- a file, opened --- */

typedef struct Opened {
    RecordFile *file;
    GString *records; /* each with a blank behind it */
    RecordReport report;
    int code;
} Opened;

static bool take(void *user, const uint8_t *bytes, size_t length)
{
    Opened *opened = user;
    if (length == 3 && memcmp(bytes, "bad", 3) == 0)
        return false;
    g_string_append_len(opened->records, (const char *)bytes, (gssize)length);
    g_string_append_c(opened->records, ' ');
    return true;
}

static Opened load_kind(MemoryDisk *memory, uint32_t kind)
{
    Opened opened = {.file = record_file_new(memory_disk(memory), "f", kind),
                     .records = g_string_new(NULL)};
    opened.code = record_load(opened.file, take, &opened, &opened.report);
    return opened;
}

static Opened load(MemoryDisk *memory)
{
    return load_kind(memory, KIND);
}

static void drop(Opened *opened)
{
    record_file_free(opened->file);
    g_string_free(opened->records, TRUE);
}

static int append(RecordFile *file, const char *text)
{
    return record_append(file, (const uint8_t *)text, strlen(text));
}

static int rewrite(RecordFile *file, uint64_t sequence, const char *text)
{
    return record_rewrite(file, sequence, (const uint8_t *)text, strlen(text));
}

/* "one" by a rewrite, the others appended: sequence numbers 1, 2 and 3. */
static MemoryDisk *disk_of_three(void)
{
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = load(memory);
    assert_int_equal(opened.code, DISK_MISSING);
    assert_int_equal(rewrite(opened.file, 1, "one"), 0);
    assert_int_equal(append(opened.file, "two"), 0);
    assert_int_equal(append(opened.file, "three"), 0);
    drop(&opened);
    return memory;
}

static const size_t TWO_AT = 2 * (HEAD_BYTES + 3);
static const size_t THREE_AT = 4 * (HEAD_BYTES + 3);
static const size_t THREE_BYTES = HEAD_BYTES + 5;

static GByteArray *content_of_three(void)
{
    MemoryDisk *memory = disk_of_three();
    const GByteArray *file = memory_disk_file(memory, "f");
    GByteArray *content = g_byte_array_new();
    g_byte_array_append(content, file->data, file->len);
    assert_int_equal(content->len, THREE_AT + 2 * THREE_BYTES);
    memory_disk_free(memory);
    return content;
}

static void assert_loads(const GByteArray *content, const char *records, uint64_t sequence,
                         uint64_t torn_bytes, uint64_t repaired)
{
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    memory_disk_put(memory, "f", content->data, content->len);
    Opened opened = load(memory);
    assert_int_equal(opened.code, 0);
    assert_string_equal(opened.records->str, records);
    assert_int_equal(record_sequence(opened.file), sequence);
    assert_int_equal(record_bytes(opened.file), content->len);
    assert_int_equal(opened.report.torn_bytes, torn_bytes);
    assert_int_equal(opened.report.repaired, repaired);
    drop(&opened);
    memory_disk_free(memory);
}

static void assert_refused(const GByteArray *content, uint64_t at)
{
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    memory_disk_put(memory, "f", content->data, content->len);
    Opened opened = load(memory);
    assert_int_equal(opened.code, RECORD_DAMAGED);
    assert_int_equal(opened.report.damaged_at, at);
    assert_int_equal(rewrite(opened.file, 9, "x"), RECORD_DAMAGED);
    assert_int_equal(memory_disk_operations(memory), 0); /* left as it is */
    drop(&opened);
    memory_disk_free(memory);
}

/* --- what is written is there --- */

static void records_come_back_in_their_order(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    assert_loads(content, "one two three ", 3, 0, 0);
}

static void a_file_is_made_by_its_first_rewrite_and_not_before(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = load(memory);
    assert_int_equal(opened.code, DISK_MISSING);
    assert_int_equal(memory_disk_count(memory), 0);
    assert_int_equal(rewrite(opened.file, 0, ""), 0);
    assert_int_equal(memory_disk_count(memory), 1);
    assert_int_equal(record_bytes(opened.file), record_rewritten_bytes(0));
    drop(&opened);
    opened = load(memory);
    assert_int_equal(opened.code, 0);
    assert_string_equal(opened.records->str, " ");
    assert_int_equal(opened.report.repaired, 0);
    assert_int_equal(rewrite(opened.file, 0, "x"), 0);
    drop(&opened);
    opened = load(memory);
    assert_string_equal(opened.records->str, "x ");
    drop(&opened);
    memory_disk_free(memory);
}

static void a_rewrite_replaces_all_and_sequence_numbers_go_on(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_three();
    memory_disk_put(memory, "f.new", "left by a crash", 15);
    Opened opened = load(memory);
    assert_int_equal(rewrite(opened.file, 3, "all"), 0);
    assert_int_equal(record_appended_bytes(opened.file), 0);
    assert_int_equal(append(opened.file, "four"), 0);
    assert_int_equal(record_sequence(opened.file), 4);
    assert_int_equal(record_bytes(opened.file), memory_disk_file(memory, "f")->len);
    assert_int_equal(memory_disk_count(memory), 1);
    drop(&opened);
    opened = load(memory);
    assert_string_equal(opened.records->str, "all four ");
    assert_int_equal(record_sequence(opened.file), 4);
    assert_int_equal(record_appended_bytes(opened.file), record_rewritten_bytes(4));
    drop(&opened);
    memory_disk_free(memory);
}

/* --- one of two copies is enough --- */

static void any_one_bit_may_flip(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    for (size_t bit = 0; bit < 8 * content->len; bit++) {
        content->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_loads(content, "one two three ", 3, 0, 1);
        content->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void a_frame_may_be_lost_as_a_whole_in_every_pair(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    memset(content->data, 0, TWO_AT / 2);
    memset(content->data + TWO_AT + (THREE_AT - TWO_AT) / 2, 0xff, (THREE_AT - TWO_AT) / 2);
    memset(content->data + THREE_AT, 0x43, THREE_BYTES);
    assert_loads(content, "one two three ", 3, 0, 3);
}

/* --- a torn tail --- */

static void a_file_cut_short_anywhere_loses_only_what_is_not_there_once(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    for (size_t length = content->len - 1; length >= THREE_AT + THREE_BYTES; length--) {
        g_byte_array_set_size(content, (guint)length);
        assert_loads(content, "one two three ", 3, 0, 1);
    }
    for (size_t length = THREE_AT + THREE_BYTES - 1; length > THREE_AT; length--) {
        g_byte_array_set_size(content, (guint)length);
        assert_loads(content, "one two ", 2, length - THREE_AT, 0);
    }
    g_byte_array_set_size(content, (guint)THREE_AT);
    assert_loads(content, "one two ", 2, 0, 0);
}

static void a_tail_of_anything_but_frames_is_dropped(void **state)
{
    (void)state;
    static const char text[] = "COHORTR1 COHORTR1 and COHORTR1, but nothing with a checksum";
    g_autoptr(GByteArray) content = content_of_three();
    g_byte_array_append(content, (const uint8_t *)text, sizeof text);
    assert_loads(content, "one two three ", 3, sizeof text, 0);
    g_byte_array_set_size(content, content->len - (guint)sizeof text);
    static const uint8_t zeros[5000];
    g_byte_array_append(content, zeros, sizeof zeros);
    assert_loads(content, "one two three ", 3, sizeof zeros, 0);
}

static void remains_of_an_earlier_file_behind_the_tail_say_nothing(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    g_autoptr(GByteArray) old = content_of_three();
    static const uint8_t zeros[40];
    g_byte_array_append(content, zeros, sizeof zeros);
    g_byte_array_append(content, old->data, old->len);
    assert_loads(content, "one two three ", 3, sizeof zeros + old->len, 0);
}

/* --- damage --- */

static void a_pair_damaged_before_another_is_refused(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    const size_t half = (THREE_AT - TWO_AT) / 2;
    for (size_t i = 0; i < half; i++) {
        content->data[TWO_AT + i] ^= 0x10;
        content->data[TWO_AT + half + (i * 7) % half] ^= 0x01;
        assert_refused(content, TWO_AT);
        content->data[TWO_AT + i] ^= 0x10;
        content->data[TWO_AT + half + (i * 7) % half] ^= 0x01;
    }
    memset(content->data + TWO_AT, 0, THREE_AT - TWO_AT);
    assert_refused(content, TWO_AT);
}

static void the_first_pair_damaged_is_refused_whatever_follows(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    content->data[3] ^= 1;
    content->data[TWO_AT - 1] ^= 1;
    assert_refused(content, 0);
    g_byte_array_set_size(content, (guint)TWO_AT);
    assert_refused(content, 0);
    g_byte_array_set_size(content, 0);
    assert_refused(content, 0);
    g_byte_array_append(content, (const uint8_t *)"hello", 5);
    assert_refused(content, 0);
}

/* Where the second frame lies, and how long it is, it could be a copy of one where the first was.
 */
static void the_second_frame_is_never_taken_for_the_first(void **state)
{
    (void)state;
    g_autofree char *second = g_strnfill(HEAD_BYTES + 6, 'x'); /* twice as long as "one" */
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = load(memory);
    assert_int_equal(rewrite(opened.file, 1, "one"), 0);
    assert_int_equal(append(opened.file, second), 0);
    drop(&opened);
    memory_disk_flip(memory, "f", 0);
    memory_disk_flip(memory, "f", 8 * (HEAD_BYTES + 3));
    opened = load(memory);
    assert_int_equal(opened.code, RECORD_DAMAGED);
    assert_int_equal(opened.report.damaged_at, 0);
    drop(&opened);
    memory_disk_free(memory);
}

static void the_next_frame_is_no_copy(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    g_autofree uint8_t *two = g_memdup2(content->data + TWO_AT, TWO_AT / 2);
    memcpy(content->data + TWO_AT / 2, two, TWO_AT / 2); /* where that of "one" was */
    assert_loads(content, "one two three ", 3, 0, 1);
}

static void what_was_appended_to_another_file_is_refused(void **state)
{
    (void)state;
    MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
    Opened opened = load(memory);
    assert_int_equal(rewrite(opened.file, 2, "one"), 0);
    assert_int_equal(append(opened.file, "two"), 0);
    drop(&opened);
    const GByteArray *other = memory_disk_file(memory, "f");
    g_autoptr(GByteArray) content = content_of_three();
    g_byte_array_set_size(content, (guint)THREE_AT);
    g_byte_array_append(content, other->data + TWO_AT, other->len - (guint)TWO_AT);
    assert_refused(content, THREE_AT); /* the third, but not of this one */
    memory_disk_free(memory);
}

static void what_comes_before_the_first_frame_is_refused(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    g_byte_array_prepend(content, (const uint8_t *)"hello", 5);
    assert_refused(content, 0);
}

static void a_missing_or_repeated_record_is_refused(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    g_byte_array_remove_range(content, (guint)TWO_AT, (guint)(THREE_AT - TWO_AT));
    assert_refused(content, TWO_AT);

    g_autoptr(GByteArray) twice = content_of_three();
    g_autoptr(GByteArray) again = content_of_three();
    again->data[THREE_AT] ^= 1;
    again->data[THREE_AT + THREE_BYTES] ^= 1;
    g_byte_array_append(again, twice->data + THREE_AT, (guint)(2 * THREE_BYTES));
    assert_refused(again, THREE_AT);
}

static void a_length_beyond_the_file_is_no_frame(void **state)
{
    (void)state;
    g_autoptr(GByteArray) content = content_of_three();
    memset(content->data + THREE_AT + LENGTH_AT - 3, 0xff, 4);
    assert_loads(content, "one two three ", 3, 0, 1);
    memset(content->data + THREE_AT + THREE_BYTES + LENGTH_AT - 3, 0xff, 4);
    assert_loads(content, "one two ", 2, 2 * THREE_BYTES, 0);
}

/* A stretch of the file is overwritten with something else. */
static void however_much_is_damaged_nothing_false_is_believed(void **state)
{
    (void)state;
    enum { ROUNDS = 20000 };
    unsigned refused = 0;
    uint64_t draw = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        g_autoptr(GByteArray) content = content_of_three();
        draw = draw * UINT64_C(6364136223846793005) + 1442695040888963407;
        const size_t from = (draw >> 33) % content->len;
        const size_t end = MIN(from + (draw >> 20) % 200, content->len);
        for (size_t at = from; at < end; at++)
            content->data[at] = (uint8_t)(round % 3 == 0 ? 0 : draw >> at % 57);
        MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
        memory_disk_put(memory, "f", content->data, content->len);
        Opened opened = load(memory);
        assert_true(g_str_has_prefix("one two three ", opened.records->str));
        assert_int_equal(opened.records->len == 0, opened.code == RECORD_DAMAGED);
        refused += opened.code == RECORD_DAMAGED;
        drop(&opened);
        memory_disk_free(memory);
    }
    assert_in_range(refused, ROUNDS / 10, ROUNDS);
}

static void another_kind_of_file_is_refused(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_three();
    Opened opened = load_kind(memory, KIND + 1);
    assert_int_equal(opened.code, RECORD_DAMAGED);
    drop(&opened);
    memory_disk_free(memory);
}

static void a_record_that_its_reader_does_not_know_is_damage(void **state)
{
    (void)state;
    MemoryDisk *memory = disk_of_three();
    Opened opened = load(memory);
    assert_int_equal(rewrite(opened.file, 3, "all"), 0);
    assert_int_equal(append(opened.file, "bad"), 0);
    assert_int_equal(append(opened.file, "good"), 0);
    drop(&opened);
    opened = load(memory);
    assert_int_equal(opened.code, RECORD_DAMAGED);
    assert_int_equal(opened.report.damaged_at, record_rewritten_bytes(3));
    drop(&opened);
    memory_disk_free(memory);
}

/* --- errors --- */

static void after_an_error_nothing_goes_on_and_loading_finds_before_or_after(void **state)
{
    (void)state;
    for (uint64_t operation = 0;; operation++) {
        MemoryDisk *memory = memory_disk_new(SECTOR_BYTES);
        Opened opened = load(memory);
        memory_disk_fail_at(memory, operation);
        int first = rewrite(opened.file, 1, "one");
        int second = append(opened.file, "two");
        int third = rewrite(opened.file, 3, "three");
        const bool failed = third != 0;
        if (first != 0)
            assert_int_equal(second, first);
        if (second != 0)
            assert_int_equal(third, second);
        const int done = (first == 0) + (second == 0) + (third == 0);
        drop(&opened);
        opened = load(memory);
        if (done == 0 && opened.code != 0)
            assert_int_equal(opened.code, DISK_MISSING);
        else
            assert_int_equal(opened.code, 0);
        assert_in_range(record_sequence(opened.file), done, done + 1);
        assert_int_not_equal(memory_disk_count(memory), 2); /* no f.new is left */
        drop(&opened);
        memory_disk_free(memory);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_in_their_order),
        cmocka_unit_test(a_file_is_made_by_its_first_rewrite_and_not_before),
        cmocka_unit_test(a_rewrite_replaces_all_and_sequence_numbers_go_on),
        cmocka_unit_test(any_one_bit_may_flip),
        cmocka_unit_test(a_frame_may_be_lost_as_a_whole_in_every_pair),
        cmocka_unit_test(a_file_cut_short_anywhere_loses_only_what_is_not_there_once),
        cmocka_unit_test(a_tail_of_anything_but_frames_is_dropped),
        cmocka_unit_test(remains_of_an_earlier_file_behind_the_tail_say_nothing),
        cmocka_unit_test(a_pair_damaged_before_another_is_refused),
        cmocka_unit_test(the_first_pair_damaged_is_refused_whatever_follows),
        cmocka_unit_test(the_second_frame_is_never_taken_for_the_first),
        cmocka_unit_test(the_next_frame_is_no_copy),
        cmocka_unit_test(what_was_appended_to_another_file_is_refused),
        cmocka_unit_test(what_comes_before_the_first_frame_is_refused),
        cmocka_unit_test(a_missing_or_repeated_record_is_refused),
        cmocka_unit_test(a_length_beyond_the_file_is_no_frame),
        cmocka_unit_test(however_much_is_damaged_nothing_false_is_believed),
        cmocka_unit_test(another_kind_of_file_is_refused),
        cmocka_unit_test(a_record_that_its_reader_does_not_know_is_damage),
        cmocka_unit_test(after_an_error_nothing_goes_on_and_loading_finds_before_or_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
