#include "net/recording.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "net/effectcode.h"
#include "net/recorder.h"
#include "tests/net/scratch.h"
#include "tests/net/studio.h"

/* --- numbers --- */

static size_t encode_number(uint64_t number, uint8_t bytes[static 16])
{
    Coder coder = coder_encode_fixed(bytes, 16);
    code_number(&coder, &number);
    assert_false(coder.failed);
    return coder.length;
}

static void a_number_takes_as_many_bytes_as_it_needs(void **state)
{
    (void)state;
    const struct {
        uint64_t number;
        size_t bytes;
    } cases[] = {{0, 1},
                 {127, 1},
                 {128, 2},
                 {16383, 2},
                 {16384, 3},
                 {UINT64_MAX / 2, 9},
                 {UINT64_MAX / 2 + 1, 10},
                 {UINT64_MAX, 10}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t bytes[16];
        uint64_t decoded = 1;
        assert_int_equal(encode_number(cases[i].number, bytes), cases[i].bytes);
        Coder coder = coder_decode(bytes, cases[i].bytes);
        code_number(&coder, &decoded);
        assert_true(coder_finished(&coder));
        assert_int_equal(decoded, cases[i].number);
        coder = coder_decode(bytes, cases[i].bytes - 1);
        code_number(&coder, &decoded);
        assert_true(coder.failed);
        assert_int_equal(decoded, 0);
    }
}

static void a_number_in_another_form_is_none(void **state)
{
    (void)state;
    static const uint8_t LONGER[] = {0x85, 0x00};
    static const uint8_t TOO_BIG[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t ENDLESS[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81};
    const struct {
        const uint8_t *bytes;
        size_t length;
    } cases[] = {{LONGER, sizeof LONGER}, {TOO_BIG, sizeof TOO_BIG}, {ENDLESS, sizeof ENDLESS}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t decoded;
        Coder coder = coder_decode(cases[i].bytes, cases[i].length);
        code_number(&coder, &decoded);
        assert_true(coder.failed);
    }
}

/* --- events and effects --- */

static void fill_effects(Effects *effects)
{
    static const uint8_t BYTES[] = {1, 2, 3};
    static const Member members[] = {{.name = {"ann"}, .ip = 1, .port1 = 2, .port2 = 3, .epoch = 4},
                                     {.name = {"bob"}}};
    static const Name names[] = {{"ann"}, {"bob"}};
    static const TraceCount counts[] = {{{"ann"}, 1, 300}, {{"bob"}, UINT64_MAX, 0}};
    effects_send(effects, PORT_PEER, (Address){9, 8}, BYTES, sizeof BYTES);
    effects_save(effects, SLOT_PEER, 7, BYTES, sizeof BYTES);
    effects_save(effects, SLOT_TENTATIVE, 0, NULL, 0);
    effects_send_early(effects, PORT_BANK, (Address){7, 6}, SLOT_BIT(SLOT_PEER), BYTES, 1);
    effects_notify(effects, &(Notice){.kind = NOTICE_FAILURE,
                                      .command = COMMAND_TRANSFER,
                                      .tag = UINT64_MAX,
                                      .refusal = REFUSAL_INSUFFICIENT,
                                      .name = {"bob"},
                                      .amount = 5,
                                      .balance = -6,
                                      .label = 7,
                                      .cohort = 8,
                                      .initiator = {"ann"},
                                      .number = 9,
                                      .undone = 10,
                                      .count = 11,
                                      .members = members,
                                      .member_count = 2});
    effects_trace(effects, &(TraceEvent){.kind = TRACE_PERMANENT,
                                         .inc = 1,
                                         .balance = 2,
                                         .cohort = 3,
                                         .members = names,
                                         .member_count = 2,
                                         .initiator = {"ann"},
                                         .number = 4,
                                         .counts = counts,
                                         .count_count = 2,
                                         .undone = 5});
    effects_trace(effects, &(TraceEvent){.kind = TRACE_DROP,
                                         .peer = {"127.0.0.1:8501"},
                                         .datagram_kinds = "ack",
                                         .datagram_bytes = 80,
                                         .reason = "stale",
                                         .outgoing = true});
    effects_trace(effects, &(TraceEvent){.kind = TRACE_RX});
    effects_end(effects);
    effects_set_deadline(effects, 12345);
}

static void decoded_effects_have_the_bytes_that_they_came_from(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    Effects *decoded = effects_new();
    fill_effects(effects);
    Coder coder = coder_encode_growing();
    Coder again = coder_encode_growing();
    effects_encode(effects, &coder);
    Coder decoder = coder_decode(coder.bytes, coder.length);
    effects_decode(decoded, &decoder);
    assert_true(coder_finished(&decoder));
    effects_encode(decoded, &again);
    assert_int_equal(again.length, coder.length);
    assert_memory_equal(again.bytes, coder.bytes, coder.length);
    assert_int_equal(effects_count(decoded), 9);
    assert_int_equal(effects_deadline(decoded), 12345);
    assert_int_equal(effects_at(decoded, 0)->save.slot, SLOT_PEER);
    assert_int_equal(effects_at(decoded, 4)->notice.balance, -6);
    assert_string_equal(effects_at(decoded, 4)->notice.members[1].name.text, "bob");
    assert_int_equal(effects_at(decoded, 5)->trace.counts[0].received, 300);
    assert_string_equal(effects_at(decoded, 6)->trace.reason, "stale");
    assert_null(effects_at(decoded, 7)->trace.reason);

    /* Cut short anywhere they do not decode, nor with any byte more. */
    for (size_t length = 0; length < coder.length; length++) {
        decoder = coder_decode(coder.bytes, length);
        effects_decode(decoded, &decoder);
        assert_false(coder_finished(&decoder));
    }
    coder_deinit(&coder);
    coder_deinit(&again);
    effects_free(effects);
    effects_free(decoded);
}

/* Only a failure has a reason, and each has one. */
static void a_notice_without_the_reason_it_needs_does_not_decode(void **state)
{
    (void)state;
    static const struct {
        NoticeKind kind;
        Refusal refusal;
        bool sound;
    } cases[] = {{NOTICE_FAILURE, REFUSAL_BUSY, true},
                 {NOTICE_FAILURE, REFUSAL_NONE, false},
                 {NOTICE_SUCCESS, REFUSAL_NONE, true},
                 {NOTICE_SUCCESS, REFUSAL_BUSY, false}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Effects *effects = effects_new();
        Coder coder = coder_encode_growing();
        effects_notify(effects, &(Notice){.kind = cases[i].kind, .refusal = cases[i].refusal});
        effects_encode(effects, &coder);
        Coder decoder = coder_decode(coder.bytes, coder.length);
        effects_decode(effects, &decoder);
        assert_int_equal(coder_finished(&decoder), cases[i].sound);
        coder_deinit(&coder);
        effects_free(effects);
    }
}

/* Whatever the bytes are, decoding ends, and reads nothing that is not there. */
static void spoilt_effects_decode_or_fail(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    fill_effects(effects);
    Coder coder = coder_encode_growing();
    effects_encode(effects, &coder);
    for (size_t i = 0; i < coder.length; i++) {
        for (int value = 0; value < 256; value++) {
            uint8_t *spoilt = g_memdup2(coder.bytes, coder.length);
            spoilt[i] = (uint8_t)value;
            Coder decoder = coder_decode(spoilt, coder.length);
            effects_decode(effects, &decoder);
            g_free(spoilt);
        }
    }
    coder_deinit(&coder);
    effects_free(effects);
}

static void decoded_events_are_what_was_coded(void **state)
{
    (void)state;
    static const uint8_t BYTES[] = "datagram";
    const Event events[] = {{.kind = EVENT_START, .now_ns = 1},
                            {.kind = EVENT_TIMEOUT, .now_ns = UINT64_MAX - 1},
                            {.kind = EVENT_DATAGRAM,
                             .now_ns = 2,
                             .port = PORT_PEER,
                             .from = {3, 4},
                             .bytes = BYTES,
                             .length = sizeof BYTES},
                            {.kind = EVENT_COMMAND,
                             .command = {.kind = COMMAND_TRANSFER, .name = {"bob"}, .amount = 6}},
                            {.kind = EVENT_STOP}};
    for (size_t i = 0; i < G_N_ELEMENTS(events); i++) {
        Event event = events[i];
        Event decoded = {0};
        Coder coder = coder_encode_growing();
        code_event(&coder, &event);
        Coder decoder = coder_decode(coder.bytes, coder.length);
        code_event(&decoder, &decoded);
        assert_true(coder_finished(&decoder));
        assert_int_equal(decoded.kind, event.kind);
        assert_int_equal(decoded.now_ns, event.now_ns);
        assert_int_equal(decoded.length, event.length);
        if (event.length > 0)
            assert_memory_equal(decoded.bytes, event.bytes, event.length);
        assert_int_equal(decoded.port, event.port);
        assert_true(address_equal(decoded.from, event.from));
        assert_memory_equal(&decoded.command.name, &event.command.name, sizeof event.command.name);
        assert_int_equal(decoded.command.amount, event.command.amount);
        coder_deinit(&coder);
    }
}

/* --- frames --- */

static GByteArray *three_frames(void)
{
    GByteArray *tape = g_byte_array_new();
    g_byte_array_append(tape, (const guint8 *)RECORDING_MAGIC, RECORDING_MAGIC_BYTES);
    tape_frame(tape, FRAME_HEADER, (const uint8_t *)"one", 3);
    tape_frame(tape, FRAME_EVENT, (const uint8_t *)"two", 3);
    tape_frame(tape, FRAME_END, NULL, 0);
    return tape;
}

enum { FIRST_END = 8 + 20, SECOND_END = 8 + 40, LENGTH = 8 + 40 + 17 };

static RecordingNext read_all(const uint8_t *bytes, size_t length, int *frames)
{
    RecordingReader reader;
    RecordingNext next;
    Frame frame;
    *frames = 0;
    assert_true(recording_open(&reader, bytes, length));
    while ((next = recording_next(&reader, &frame)) == RECORDING_FRAME)
        ++*frames;
    return next;
}

static void frames_are_read_as_they_were_written(void **state)
{
    (void)state;
    GByteArray *tape = three_frames();
    RecordingReader reader;
    Frame frame;
    assert_int_equal(tape->len, LENGTH);
    assert_true(recording_open(&reader, tape->data, tape->len));
    assert_int_equal(recording_next(&reader, &frame), RECORDING_FRAME);
    assert_int_equal(frame.kind, FRAME_HEADER);
    assert_int_equal(frame.at, 8);
    assert_int_equal(recording_next(&reader, &frame), RECORDING_FRAME);
    assert_int_equal(frame.kind, FRAME_EVENT);
    assert_int_equal(frame.length, 3);
    assert_memory_equal(frame.bytes, "two", 3);
    assert_int_equal(recording_next(&reader, &frame), RECORDING_FRAME);
    assert_int_equal(frame.kind, FRAME_END);
    assert_int_equal(frame.length, 0);
    assert_int_equal(recording_next(&reader, &frame), RECORDING_OVER);
    assert_int_equal(recording_next(&reader, &frame), RECORDING_OVER);
    g_byte_array_unref(tape);
}

static void a_recording_cut_off_anywhere_is_read_up_to_the_cut(void **state)
{
    (void)state;
    GByteArray *tape = three_frames();
    for (guint length = 0; length < LENGTH; length++) {
        const int whole = (length >= FIRST_END) + (length >= SECOND_END);
        int frames;
        assert_int_equal(read_all(tape->data, length, &frames), RECORDING_CUT);
        assert_int_equal(frames, whole);
        /* What was reserved and not written reads as NULs. */
        uint8_t reserved[LENGTH + 100] = {0};
        memcpy(reserved, tape->data, length);
        assert_int_equal(read_all(reserved, sizeof reserved, &frames), RECORDING_CUT);
        assert_in_range(frames, whole, whole + (tape->data[length] == 0));
    }
    g_byte_array_unref(tape);
}

static void damage_before_sound_frames_is_no_cut(void **state)
{
    (void)state;
    GByteArray *tape = three_frames();
    for (guint at = RECORDING_MAGIC_BYTES; at < LENGTH; at++) {
        int frames;
        tape->data[at] ^= 0x10;
        const RecordingNext next = read_all(tape->data, LENGTH, &frames);
        assert_int_equal(next, at < SECOND_END ? RECORDING_DAMAGED : RECORDING_CUT);
        assert_int_equal(frames, (at >= FIRST_END) + (at >= SECOND_END));
        tape->data[at] ^= 0x10;
    }
    g_byte_array_unref(tape);
}

static void a_frame_at_another_place_is_none(void **state)
{
    (void)state;
    GByteArray *tape = three_frames();
    int frames;
    g_byte_array_remove_range(tape, 8, FIRST_END - 8);
    assert_int_equal(read_all(tape->data, tape->len, &frames), RECORDING_CUT);
    assert_int_equal(frames, 0);
    g_byte_array_unref(tape);
}

static void another_file_is_no_recording(void **state)
{
    (void)state;
    RecordingReader reader;
    assert_false(recording_open(&reader, (const uint8_t *)"name,balance\n", 13));
    assert_false(recording_open(&reader, (const uint8_t *)"COHORTR1........", 16));
    uint8_t unwritten[100] = {0};
    assert_true(recording_open(&reader, unwritten, sizeof unwritten));
    assert_true(recording_open(&reader, NULL, 0));
}

/* --- the file --- */

static Recorder *open_recorder(void **state, const char *name, int expected)
{
    g_autofree char *path = scratch_path(state, name);
    g_autoptr(GString) error = g_string_new(NULL);
    Recorder *recorder = NULL;
    assert_int_equal(recorder_open(path, &recorder, error), expected);
    assert_int_equal(recorder == NULL, expected != 0);
    assert_int_equal(error->len > 0, expected != 0);
    return recorder;
}

static void begin_bank(Recorder *recorder)
{
    recorder_begin(recorder, &(RecordingHeader){.role = RECORDING_BANK});
}

static RecordingNext read_file(void **state, const char *name, int *frames, size_t *length)
{
    g_autofree char *bytes = scratch_read(state, name, length);
    return read_all((const uint8_t *)bytes, *length, frames);
}

static void what_is_recorded_is_in_the_file_before_it_is_closed(void **state)
{
    Recorder *recorder = open_recorder(state, "r", 0);
    Effects *effects = effects_new();
    int frames;
    size_t length;
    begin_bank(recorder);
    recorder_event(recorder, &(Event){.kind = EVENT_START, .now_ns = 1});
    assert_int_equal(read_file(state, "r", &frames, &length), RECORDING_CUT);
    assert_int_equal(frames, 2);
    recorder_effects(recorder, effects);
    recorder_saved(recorder, 0);
    assert_int_equal(read_file(state, "r", &frames, &length), RECORDING_CUT);
    assert_int_equal(frames, 4);
    Bank *bank = bank_new(&(BankConfig){0});
    recorder_end(recorder, bank, NULL);
    recorder_close(recorder);
    assert_int_equal(read_file(state, "r", &frames, &length), RECORDING_OVER);
    assert_int_equal(frames, 5);
    assert_in_range(length, 100, 400);
    bank_free(bank);
    effects_free(effects);
}

static void a_recording_grows_beyond_what_is_mapped(void **state)
{
    Recorder *recorder = open_recorder(state, "r", 0);
    const size_t big = 5 << 20;
    g_autofree uint8_t *bytes = g_malloc0(big);
    int frames;
    size_t length;
    begin_bank(recorder);
    for (int i = 0; i < 3; i++) {
        recorder_event(recorder, &(Event){.kind = EVENT_DATAGRAM, .bytes = bytes, .length = big});
        recorder_event(recorder, &(Event){.kind = EVENT_DATAGRAM, .bytes = bytes, .length = 999});
    }
    recorder_close(recorder);
    assert_int_equal(read_file(state, "r", &frames, &length), RECORDING_CUT);
    assert_int_equal(frames, 7);
    assert_in_range(length, 3 * big, 3 * (big + 2000));
}

static void an_existing_file_is_left_alone(void **state)
{
    size_t length;
    scratch_write_text(state, "r", "mine");
    assert_null(open_recorder(state, "r", RECORDER_EXISTS));
    g_autofree char *text = scratch_read(state, "r", &length);
    assert_string_equal(text, "mine");
    assert_null(open_recorder(state, "none/r", -ENOENT));
}

static void a_recording_of_nothing_is_removed(void **state)
{
    recorder_close(open_recorder(state, "r", 0));
    assert_false(scratch_has(state, "r"));
    Recorder *recorder = open_recorder(state, "r", 0);
    begin_bank(recorder);
    recorder_close(recorder);
    assert_false(scratch_has(state, "r"));
}

static void without_room_the_recording_ends_and_its_process_goes_on(void **state)
{
    Recorder *recorder = open_recorder(state, "r", 0);
    const size_t big = 3 << 20;
    g_autofree uint8_t *bytes = g_malloc0(big);
    const Event event = {.kind = EVENT_DATAGRAM, .bytes = bytes, .length = big};
    int frames;
    size_t length;
    begin_bank(recorder);
    scratch_limit_files(5 << 20);
    recorder_event(recorder, &event);
    recorder_event(recorder, &event);
    recorder_event(recorder, &(Event){.kind = EVENT_STOP});
    recorder_saved(recorder, 1);
    recorder_close(recorder);
    scratch_limit_files(1 << 18);
    assert_null(open_recorder(state, "small", -EFBIG));
    scratch_unlimit_files();
    assert_int_equal(read_file(state, "r", &frames, &length), RECORDING_CUT);
    assert_int_equal(frames, 2);
    assert_false(scratch_has(state, "small"));
}

static void nobody_records_without_a_recorder(void **state)
{
    (void)state;
    recorder_begin(NULL, NULL);
    recorder_event(NULL, NULL);
    recorder_effects(NULL, NULL);
    recorder_saved(NULL, 1);
    recorder_end(NULL, NULL, NULL);
    recorder_close(NULL);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_takes_as_many_bytes_as_it_needs),
        cmocka_unit_test(a_number_in_another_form_is_none),
        cmocka_unit_test(decoded_effects_have_the_bytes_that_they_came_from),
        cmocka_unit_test(a_notice_without_the_reason_it_needs_does_not_decode),
        cmocka_unit_test(spoilt_effects_decode_or_fail),
        cmocka_unit_test(decoded_events_are_what_was_coded),
        cmocka_unit_test(frames_are_read_as_they_were_written),
        cmocka_unit_test(a_recording_cut_off_anywhere_is_read_up_to_the_cut),
        cmocka_unit_test(damage_before_sound_frames_is_no_cut),
        cmocka_unit_test(a_frame_at_another_place_is_none),
        cmocka_unit_test(another_file_is_no_recording),
        WITH_FOLDER(what_is_recorded_is_in_the_file_before_it_is_closed),
        WITH_FOLDER(a_recording_grows_beyond_what_is_mapped),
        WITH_FOLDER(an_existing_file_is_left_alone),
        WITH_FOLDER(a_recording_of_nothing_is_removed),
        WITH_FOLDER(without_room_the_recording_ends_and_its_process_goes_on),
        cmocka_unit_test(nobody_records_without_a_recorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
