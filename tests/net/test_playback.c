#include "tools/playback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "net/effectcode.h"
#include "tests/net/studio.h"
#include "tools/effectwords.h"
#include "tools/replaymerge.h"

/* All of it, to its end. */
static Playback *play(const GByteArray *tape)
{
    Playback *playback = playback_new(tape->data, tape->len);
    assert_non_null(playback);
    while (playback_state(playback) == PLAYBACK_GOING)
        playback_step(playback);
    return playback;
}

static const GByteArray *tape_of(const Studio *studio, int who)
{
    return studio->processes[who].tape;
}

static Studio *a_session(void)
{
    Studio *studio = studio_new(0);
    studio_do(studio, STUDIO_ANN, "deposit 5");
    studio_do(studio, STUDIO_ANN, "transfer 10 bob");
    studio_do(studio, STUDIO_BOB, "checkpoint");
    studio_do(studio, STUDIO_BOB, "lost-transfer 3 ann");
    studio_do(studio, STUDIO_BOB, "transfer 20 ann");
    studio_do(studio, STUDIO_BOB, "rollback");
    return studio;
}

static void what_was_recorded_plays_back_to_its_end(void **state)
{
    (void)state;
    Studio *studio = a_session();
    for (int who = 0; who < STUDIO_PROCESSES; who++) {
        Playback *playback = play(tape_of(studio, who));
        assert_int_equal(playback_state(playback), PLAYBACK_CUT);
        playback_free(playback);
        studio_stop(studio, who);
        playback = play(tape_of(studio, who));
        assert_int_equal(playback_state(playback), PLAYBACK_OVER);
        assert_true(playback_counts(playback).steps > 10);
        assert_true(playback_counts(playback).effects > 10);
        assert_int_equal(playback_counts(playback).commits, studio->processes[who].commits);
        playback_free(playback);
    }
    studio_free(studio);
}

/* --- differences --- */

static void change_amount(FrameKind kind, uint8_t *bytes, size_t length)
{
    Event event = {0};
    Coder coder = coder_decode(bytes, length);
    code_event(&coder, &event);
    assert_int_equal(kind, FRAME_EVENT);
    assert_true(coder_finished(&coder));
    event.command.amount += 100;
    coder = coder_encode_fixed(bytes, length);
    code_event(&coder, &event);
    assert_int_equal(coder.length, length);
}

static void change_last_byte(FrameKind kind, uint8_t *bytes, size_t length)
{
    (void)kind;
    bytes[length - 1] ^= 1;
}

static GByteArray *tampered(const GByteArray *tape, FrameKind kind,
                            void (*change)(FrameKind kind, uint8_t *bytes, size_t length))
{
    return tape_changed(tape, tape_find_last(tape, kind), change);
}

static void an_event_that_was_changed_is_told_with_both_sides(void **state)
{
    (void)state;
    Studio *studio = studio_new(0);
    studio_last(studio, STUDIO_ANN, "transfer 10 bob");
    GByteArray *tape = tampered(tape_of(studio, STUDIO_ANN), FRAME_EVENT, change_amount);
    Playback *playback = play(tape);
    assert_int_equal(playback_state(playback), PLAYBACK_DIFFERS);
    const PlaybackDifference *difference = playback_difference(playback);
    assert_int_equal(difference->step, playback_counts(playback).steps);
    assert_int_equal(difference->effect, 1);
    assert_ptr_equal(strstr(difference->event, "command transfer bob 11, "), difference->event);
    assert_non_null(strstr(difference->recorded, "\"amount\":1000,"));
    assert_non_null(strstr(difference->replayed, "\"amount\":1100,"));
    playback_free(playback);
    g_byte_array_unref(tape);
    studio_free(studio);
}

static void a_state_at_the_end_that_was_changed_is_told(void **state)
{
    (void)state;
    Studio *studio = studio_new(0);
    studio_stop(studio, STUDIO_BOB);
    GByteArray *tape = tampered(tape_of(studio, STUDIO_BOB), FRAME_END, change_last_byte);
    Playback *playback = play(tape);
    assert_int_equal(playback_state(playback), PLAYBACK_DIFFERS);
    assert_string_equal(playback_difference(playback)->event, "its end");
    playback_free(playback);
    g_byte_array_unref(tape);
    studio_free(studio);
}

static void make_late(FrameKind kind, uint8_t *bytes, size_t length)
{
    Event event = {0};
    Coder coder = coder_decode(bytes, length);
    code_event(&coder, &event);
    (void)kind;
    event.now_ns -= NS_PER_S;
    coder = coder_encode_fixed(bytes, length);
    code_event(&coder, &event);
    assert_int_equal(coder.length, length);
}

static void save_more(FrameKind kind, uint8_t *bytes, size_t length)
{
    (void)kind;
    bytes[length - 1]++; /* commits are few: their number is one byte */
}

/* Sound by its checksum, but not what a recorder writes: the core must not be fed with it. */
static void what_cannot_have_been_recorded_is_damage(void **state)
{
    (void)state;
    const struct {
        FrameKind kind;
        void (*change)(FrameKind kind, uint8_t *bytes, size_t length);
    } cases[] = {{FRAME_EVENT, make_late}, {FRAME_SAVED, save_more}};
    Studio *studio = a_session();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GByteArray *tape = tampered(tape_of(studio, STUDIO_BOB), cases[i].kind, cases[i].change);
        Playback *playback = play(tape);
        assert_int_equal(playback_state(playback), PLAYBACK_DAMAGED);
        assert_non_null(strstr(playback_reason(playback), "damaged at byte "));
        playback_free(playback);
        g_byte_array_unref(tape);
    }
    studio_free(studio);
}

/* The command is the first there is; what is put in its place is coded as it would be. */
static PlaybackState asked_instead(const GByteArray *tape, const Command *command)
{
    GByteArray *changed = g_byte_array_new();
    RecordingReader reader;
    Frame frame;
    assert_true(recording_open(&reader, tape->data, tape->len));
    g_byte_array_append(changed, tape->data, RECORDING_MAGIC_BYTES);
    while (recording_next(&reader, &frame) == RECORDING_FRAME) {
        Coder read = coder_decode(frame.bytes, frame.length);
        Coder written = coder_encode_growing();
        Event event = {0};
        if (frame.kind == FRAME_EVENT)
            code_event(&read, &event);
        if (event.kind == EVENT_COMMAND) {
            event.command = *command;
            code_event(&written, &event);
        } else {
            code_bytes(&written, (uint8_t *)frame.bytes, frame.length);
        }
        tape_frame(changed, frame.kind, written.bytes, written.length);
        coder_deinit(&written);
        if (event.kind == EVENT_COMMAND)
            break;
    }
    Playback *playback = play(changed);
    const PlaybackState reached = playback_state(playback);
    playback_free(playback);
    g_byte_array_unref(changed);
    return reached;
}

static void a_command_that_nobody_can_have_typed_is_damage(void **state)
{
    (void)state;
    static const Command untyped[] = {
        {.kind = COMMAND_OPEN, .amount = AMOUNT_MAX + 1},
        {.kind = COMMAND_OPEN, .amount = -1},
        {.kind = COMMAND_OPEN, .addressed = true, .port1 = 1},
        {.kind = COMMAND_TRANSFER, .amount = 1},
        {.kind = COMMAND_TRANSFER, .name = {"bob"}},
        {.kind = COMMAND_DEPOSIT},
        {.kind = COMMAND_RESUME},
    };
    Studio *studio = studio_new(0);
    const Command typed = {.kind = COMMAND_OPEN, .name = {"amy"}, .amount = AMOUNT_MAX};
    assert_int_equal(asked_instead(tape_of(studio, STUDIO_ANN), &typed), PLAYBACK_CUT);
    for (size_t i = 0; i < G_N_ELEMENTS(untyped); i++)
        assert_int_equal(asked_instead(tape_of(studio, STUDIO_ANN), &untyped[i]), PLAYBACK_DAMAGED);
    studio_free(studio);
}

static void frames_out_of_their_order_are_damage(void **state)
{
    (void)state;
    static const FrameKind WRONG[][2] = {
        {FRAME_EFFECTS, FRAME_EFFECTS}, {FRAME_HEADER, FRAME_HEADER}, {FRAME_EVENT, FRAME_SAVED}};
    Studio *studio = studio_new(0);
    Event stop = {.kind = EVENT_STOP, .now_ns = studio->now_ns};
    Coder event = coder_encode_growing();
    code_event(&event, &stop);
    for (size_t i = 0; i < G_N_ELEMENTS(WRONG); i++) {
        const GByteArray *tape = tape_of(studio, STUDIO_ANN);
        GByteArray *wrong = g_byte_array_new();
        g_byte_array_append(wrong, tape->data, tape->len);
        tape_frame(wrong, WRONG[i][0], event.bytes, event.length);
        tape_frame(wrong, WRONG[i][1], event.bytes, event.length);
        Playback *playback = play(wrong);
        assert_int_equal(playback_state(playback), PLAYBACK_DAMAGED);
        playback_free(playback);
        g_byte_array_unref(wrong);
    }
    coder_deinit(&event);
    studio_free(studio);
}

/* Any one byte of any frame, with its checksum redone: told as damage or difference, or it changes
 * nothing that leaves the process; never an abort. */
static uint64_t spoil_at;
static void spoil(FrameKind kind, uint8_t *bytes, size_t length)
{
    (void)kind;
    bytes[spoil_at % length] ^= (uint8_t)(1 + spoil_at % 255);
}

static void a_byte_changed_anywhere_is_found_or_changes_nothing(void **state)
{
    (void)state;
    Studio *studio = a_session();
    const GByteArray *tape = tape_of(studio, STUDIO_BOB);
    const int last = tape_find_last(tape, FRAME_EFFECTS);
    int found = 0;
    for (int number = 2; number <= last; number += 2) {
        spoil_at = (uint64_t)number * 7919;
        GByteArray *spoilt = tape_changed(tape, number, spoil);
        Playback *playback = play(spoilt);
        found += playback_state(playback) != PLAYBACK_CUT;
        playback_free(playback);
        g_byte_array_unref(spoilt);
    }
    assert_true(found > last / 4);
    studio_free(studio);
}

/* --- cuts --- */

static void the_step_in_which_a_process_ended_is_made_again_and_nobody_hears_of_it(void **state)
{
    (void)state;
    Studio *studio = studio_new(0);
    studio_last(studio, STUDIO_ANN, "deposit 3");
    const GByteArray *tape = tape_of(studio, STUDIO_ANN);
    RecordingReader reader;
    Frame frame;
    assert_true(recording_open(&reader, tape->data, tape->len));
    for (int i = 0; i < tape_find_last(tape, FRAME_EFFECTS); i++)
        assert_int_equal(recording_next(&reader, &frame), RECORDING_FRAME);
    Playback *playback = playback_new(tape->data, reader.at);
    while (!playback_next_is_last(playback))
        playback_step(playback);
    const PlaybackCounts before = playback_counts(playback);
    playback_step(playback);
    assert_int_equal(playback_state(playback), PLAYBACK_CUT);
    assert_int_equal(playback_counts(playback).steps, before.steps + 1);
    assert_int_equal(playback_counts(playback).effects, before.effects);
    playback_free(playback);
    studio_free(studio);
}

/* --- together --- */

typedef struct Heard {
    GString *trace;
    GString *notes;
    uint64_t t_ns;
} Heard;

static void hear_trace(void *user, uint64_t t_ns, const Name *process, const TraceEvent *event)
{
    Heard *heard = user;
    assert_true(t_ns >= heard->t_ns);
    heard->t_ns = t_ns;
    g_string_append_printf(heard->trace, "%s %s\n", process->text, trace_word(event->kind));
}

static void hear_note(void *user, const char *text)
{
    g_string_append_printf(((Heard *)user)->notes, "%s\n", text);
}

static Heard merge(const GByteArray *const *tapes, size_t count)
{
    Heard heard = {g_string_new(NULL), g_string_new(NULL), 0};
    ReplayPart *parts = g_new0(ReplayPart, count);
    for (size_t i = 0; i < count; i++)
        parts[i] = (ReplayPart){.path = "tape", .bytes = tapes[i]->data, .length = tapes[i]->len};
    replay_merge(&(ReplayMergeConfig){
        .parts = parts, .count = count, .note = hear_note, .trace = hear_trace, .user = &heard});
    g_free(parts);
    return heard;
}

static void heard_free(Heard *heard)
{
    g_string_free(heard->trace, TRUE);
    g_string_free(heard->notes, TRUE);
}

/* All that is noted is that so many lives break off: these tapes run while they are taken. */
static void expect_broken_off(const Heard *heard, guint count)
{
    g_auto(GStrv) notes = g_strsplit(heard->notes->str, "\n", -1);
    assert_int_equal(g_strv_length(notes), count + 1);
    for (guint i = 0; i < count; i++)
        assert_non_null(strstr(notes[i], "tape breaks off: if "));
}

/* Ann sends and bob receives, ann's clock being an hour ahead of bob's. */
static void a_cause_comes_before_its_effect_whatever_the_clocks_say(void **state)
{
    (void)state;
    const uint64_t hour_ns = 3600 * NS_PER_S;
    Studio *studio = studio_new(hour_ns);
    studio_do(studio, STUDIO_ANN, "transfer 10 bob");
    const GByteArray *tapes[] = {tape_of(studio, STUDIO_BOB), tape_of(studio, STUDIO_BANK),
                                 tape_of(studio, STUDIO_ANN)};
    Heard heard = merge(tapes, 3);
    const char *sent = strstr(heard.trace->str, "ann sent\n");
    const char *received = strstr(heard.trace->str, "bob received\n");
    assert_non_null(sent);
    assert_true(received > sent);
    expect_broken_off(&heard, 2);
    heard_free(&heard);

    /* Without ann's nothing tells of the sending, and nothing waits for it. */
    heard = merge(tapes, 2);
    assert_non_null(strstr(heard.trace->str, "bob received\n"));
    expect_broken_off(&heard, 1);
    heard_free(&heard);
    studio_free(studio);
}

static Shelf *copy_of(const Shelf *shelf)
{
    Shelf *copy = shelf_new();
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        const ShelfRecord record = shelf_at(shelf, i);
        shelf_put(copy, record.slot, record.index, record.bytes, record.length);
    }
    return copy;
}

/* A checkpoint is on its disk, and it is killed before it can say so. */
static Heard killed_after_a_save(bool survives)
{
    Studio *studio = studio_new(0);
    Shelf *before = copy_of(studio->processes[STUDIO_ANN].shelf);
    studio_last(studio, STUDIO_ANN, "checkpoint");
    GByteArray *first = studio->processes[STUDIO_ANN].tape;
    Shelf *after = copy_of(before);
    shelf_apply(after, studio->effects);
    studio_again(studio, STUDIO_ANN, survives ? after : before);
    const GByteArray *tapes[] = {first, tape_of(studio, STUDIO_BOB), tape_of(studio, STUDIO_BANK),
                                 tape_of(studio, STUDIO_ANN)};
    Heard heard = merge(tapes, 4);
    shelf_free(before);
    shelf_free(after);
    g_byte_array_unref(first);
    studio_free(studio);
    return heard;
}

static void what_was_durable_when_it_was_killed_is_told_before_its_next_life(void **state)
{
    (void)state;
    Heard heard = killed_after_a_save(true);
    const char *permanent = strstr(heard.trace->str, "ann permanent\n");
    assert_non_null(permanent);
    assert_true(strstr(heard.trace->str, "ann restarted\n") > permanent);
    expect_broken_off(&heard, 2);
    heard_free(&heard);

    heard = killed_after_a_save(false);
    permanent = strstr(heard.trace->str, "ann permanent\n");
    assert_true(permanent == NULL || permanent > strstr(heard.trace->str, "ann restarted\n"));
    expect_broken_off(&heard, 2);
    heard_free(&heard);
}

static void a_life_that_is_missing_between_two_is_noted(void **state)
{
    (void)state;
    Studio *studio = studio_new(0);
    GByteArray *first = g_byte_array_ref(studio->processes[STUDIO_ANN].tape);
    studio_do(studio, STUDIO_ANN, "checkpoint");
    studio_do(studio, STUDIO_ANN, "transfer 1 bob");
    studio_do(studio, STUDIO_BOB, "checkpoint");
    GByteArray *cut = g_byte_array_new();
    g_byte_array_append(cut, first->data, first->len / 2);
    Shelf *shelf = copy_of(studio->processes[STUDIO_ANN].shelf);
    studio_again(studio, STUDIO_ANN, shelf);
    const GByteArray *tapes[] = {cut, tape_of(studio, STUDIO_ANN)};
    Heard heard = merge(tapes, 2);
    assert_non_null(strstr(heard.notes->str, "did not go on from what tape had left"));
    heard_free(&heard);
    shelf_free(shelf);
    g_byte_array_unref(cut);
    g_byte_array_unref(first);
    g_byte_array_unref(first);
    studio_free(studio);
}

static void a_first_life_that_goes_on_from_another_is_noted(void **state)
{
    (void)state;
    Studio *studio = studio_new(0);
    GByteArray *first = studio->processes[STUDIO_ANN].tape;
    Shelf *shelf = copy_of(studio->processes[STUDIO_ANN].shelf);
    studio_again(studio, STUDIO_ANN, shelf);
    const GByteArray *tapes[] = {first, tape_of(studio, STUDIO_BOB), tape_of(studio, STUDIO_ANN)};
    Heard heard = merge(tapes, 3);
    expect_broken_off(&heard, 2);
    heard_free(&heard);
    heard = merge(tapes + 1, 2);
    assert_non_null(strstr(heard.notes->str, "goes on from a life of ann"));
    heard_free(&heard);
    shelf_free(shelf);
    g_byte_array_unref(first);
    studio_free(studio);
}

/* --- words --- */

static void differences_are_told_in_words(void **state)
{
    (void)state;
    static const uint8_t A[] = {1, 2, 3, 4};
    static const uint8_t B[] = {1, 2, 9, 4, 5};
    Effects *expected = effects_new();
    Effects *found = effects_new();
    EffectsDifference difference;
    assert_false(effects_differ(expected, found, &difference));

    effects_set_deadline(found, 77);
    assert_true(effects_differ(expected, found, &difference));
    assert_int_equal(difference.index, 0);
    assert_string_equal(difference.expected, "no deadline");
    assert_string_equal(difference.found, "deadline at 77 ns of its clock");
    g_free(difference.expected);
    g_free(difference.found);

    effects_save(expected, SLOT_PEER, 3, A, sizeof A);
    effects_save(found, SLOT_PEER, 3, B, sizeof B);
    assert_true(effects_differ(expected, found, &difference));
    assert_string_equal(difference.expected, "save peer 3: 4 bytes, from byte 2 on 03 04");
    assert_string_equal(difference.found, "save peer 3: 5 bytes, from byte 2 on 09 04 05");
    g_free(difference.expected);
    g_free(difference.found);

    effects_clear(found);
    assert_true(effects_differ(expected, found, &difference));
    assert_string_equal(difference.found, "nothing more: 0 effects in all");
    g_free(difference.expected);
    g_free(difference.found);

    effects_send(found, PORT_PEER, (Address){0x7f000001, 8502}, A, sizeof A);
    assert_true(effects_differ(expected, found, &difference));
    assert_string_equal(difference.found, "send 4 bytes from port2 to 127.0.0.1:8502 (?)");
    g_free(difference.expected);
    g_free(difference.found);

    /* No words tell of a tag. */
    effects_clear(expected);
    effects_clear(found);
    effects_notify(expected, &(Notice){.command = COMMAND_BALANCE, .tag = 1});
    effects_notify(found, &(Notice){.command = COMMAND_BALANCE, .tag = 2});
    assert_true(effects_differ(expected, found, &difference));
    assert_string_equal(difference.expected, "tell SUCCESS balance 0, coded, from byte 4 on 01");
    assert_string_equal(difference.found, "tell SUCCESS balance 0, coded, from byte 4 on 02");
    g_free(difference.expected);
    g_free(difference.found);
    effects_free(expected);
    effects_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_recorded_plays_back_to_its_end),
        cmocka_unit_test(an_event_that_was_changed_is_told_with_both_sides),
        cmocka_unit_test(a_state_at_the_end_that_was_changed_is_told),
        cmocka_unit_test(what_cannot_have_been_recorded_is_damage),
        cmocka_unit_test(a_command_that_nobody_can_have_typed_is_damage),
        cmocka_unit_test(frames_out_of_their_order_are_damage),
        cmocka_unit_test(a_byte_changed_anywhere_is_found_or_changes_nothing),
        cmocka_unit_test(the_step_in_which_a_process_ended_is_made_again_and_nobody_hears_of_it),
        cmocka_unit_test(a_cause_comes_before_its_effect_whatever_the_clocks_say),
        cmocka_unit_test(what_was_durable_when_it_was_killed_is_told_before_its_next_life),
        cmocka_unit_test(a_life_that_is_missing_between_two_is_noted),
        cmocka_unit_test(a_first_life_that_goes_on_from_another_is_noted),
        cmocka_unit_test(differences_are_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
