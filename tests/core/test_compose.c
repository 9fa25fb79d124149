/* What a flush says to each peer, in which datagrams, and when it says it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/compose.h"
#include "core/instance.h"
#include "tests/core/lone.h"

static const SlotSet NEEDS_OF_HEADER = SLOT_BIT(SLOT_INCARNATION) | SLOT_BIT(SLOT_PEER);

static void flush(Lone *lone)
{
    effects_clear(lone->step.effects);
    compose_flush(&lone->process, &lone->step, false);
}

/* The datagram sent as this one of the last flush to this peer; NULL: there is none. `kinds`: of
 * its messages. */
static const Effect *sent(const Lone *lone, uint16_t to, size_t at, char *kinds)
{
    for (size_t i = 0; i < effects_count(lone->step.effects); i++) {
        const Effect *effect = effects_at(lone->step.effects, i);
        WireReader reader;
        Header header;
        if (effect->kind != EFFECT_SEND)
            continue;
        assert_int_equal(wire_open(&reader, effect->send.bytes, effect->send.length, &header),
                         DROP_NONE);
        if (header.receiver != to || at-- > 0)
            continue;
        wire_kinds_text(effect->send.bytes, effect->send.length, kinds);
        return effect;
    }
    return NULL;
}

static void expect_sent(const Lone *lone, uint16_t to, size_t at, const char *wanted, SlotSet needs)
{
    char kinds[WIRE_KINDS_TEXT_MAX];
    const Effect *effect = sent(lone, to, at, kinds);
    assert_non_null(effect);
    assert_string_equal(kinds, wanted);
    assert_int_equal(effect->send.needs, needs);
}

static void expect_silence(const Lone *lone, uint16_t to, size_t at)
{
    char kinds[WIRE_KINDS_TEXT_MAX];
    assert_null(sent(lone, to, at, kinds));
}

/* The first message of the first datagram to this peer. */
static Message first_message(const Lone *lone, uint16_t to)
{
    char kinds[WIRE_KINDS_TEXT_MAX];
    const Effect *effect = sent(lone, to, 0, kinds);
    WireReader reader;
    Header header;
    Message message;
    assert_non_null(effect);
    wire_open(&reader, effect->send.bytes, effect->send.length, &header);
    assert_true(wire_next(&reader, &message));
    return message;
}

static void owe(Lone *lone, uint16_t to, MessageKind kind, Answer answer)
{
    Message message = {.kind = kind};
    if (kind == MESSAGE_CHECKPOINT_VOTE || kind == MESSAGE_PREPARE_VOTE) {
        message.vote.instance = (Instance){PARENT, 1};
        message.vote.answer = answer;
    } else {
        message.instance = (Instance){PARENT, 1};
    }
    compose_owe(&lone->process, to, &message);
}

/* --- answers --- */

static void each_peer_gets_its_answers_once_and_no_more_than_there_is_room_for(void **state)
{
    Lone *lone = *state;
    for (int i = 0; i <= OWED_MAX; i++)
        owe(lone, CHILD, MESSAGE_QUERY, ANSWER_BUSY);
    owe(lone, PARENT, MESSAGE_DECISION_ACK, ANSWER_BUSY);
    assert_int_equal(lone->process.owed->len, OWED_MAX + 1);
    assert_int_equal(lone->process.peers[CHILD].owed_count, OWED_MAX);
    flush(lone);
    expect_sent(lone, CHILD, 0, "query", NEEDS_OF_HEADER);
    expect_sent(lone, PARENT, 0, "decision-ack", SLOTS_ALL);
    expect_silence(lone, CHILD, 1);
    expect_silence(lone, PARENT, 1);
    assert_int_equal(lone->process.owed->len, 0);
    assert_int_equal(lone->process.peers[CHILD].owed_count, 0);
    flush(lone);
    assert_int_equal(effects_count(lone->step.effects), 0);
}

static void only_a_no_waits_for_no_disk(void **state)
{
    static const struct {
        MessageKind kind;
        Answer answer;
        const char *kinds;
        bool waits;
    } answers[] = {
        {MESSAGE_CHECKPOINT_VOTE, ANSWER_BUSY, "checkpoint-vote", false},
        {MESSAGE_CHECKPOINT_VOTE, ANSWER_JOINED, "checkpoint-vote", true},
        {MESSAGE_CHECKPOINT_VOTE, ANSWER_NO_NEED, "checkpoint-vote", true},
        {MESSAGE_PREPARE_VOTE, ANSWER_BUSY, "prepare-vote", false},
        {MESSAGE_PREPARE_VOTE, ANSWER_JOINED, "prepare-vote", true},
        {MESSAGE_PREPARE_VOTE, ANSWER_NO_NEED, "prepare-vote", true},
        {MESSAGE_QUERY, ANSWER_BUSY, "query", false},
        {MESSAGE_DECISION_ACK, ANSWER_BUSY, "decision-ack", true},
    };
    Lone *lone = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        owe(lone, CHILD, answers[i].kind, answers[i].answer);
        flush(lone);
        expect_sent(lone, CHILD, 0, answers[i].kinds,
                    answers[i].waits ? SLOTS_ALL : NEEDS_OF_HEADER);
    }
}

static void what_need_not_wait_for_a_save_leaves_by_itself(void **state)
{
    Lone *lone = *state;
    for (int saving = 0; saving < 2; saving++) {
        owe(lone, CHILD, MESSAGE_DECISION_ACK, ANSWER_BUSY);
        owe(lone, CHILD, MESSAGE_QUERY, ANSWER_BUSY);
        lone->process.peers[CHILD].channel.ack_due = true;
        effects_clear(lone->step.effects);
        if (saving)
            effects_save(lone->step.effects, SLOT_CONTROL, 0, (const uint8_t *)"x", 1);
        compose_flush(&lone->process, &lone->step, false);
        if (saving) {
            expect_sent(lone, CHILD, 0, "query+ack", NEEDS_OF_HEADER);
            expect_sent(lone, CHILD, 1, "decision-ack", SLOTS_ALL);
        } else {
            expect_sent(lone, CHILD, 0, "query+ack+decision-ack", SLOTS_ALL);
            expect_silence(lone, CHILD, 1);
        }
    }
}

/* --- what is said until it is answered --- */

static void what_is_in_a_hurry_is_said_now_and_from_the_start(void **state)
{
    Lone *lone = *state;
    Peer *peer = &lone->process.peers[CHILD];
    peer->control_backoff = 3;
    compose_hurry(&lone->process, CHILD, &lone->step);
    assert_int_equal(peer->control_ns, LONE_NOW_NS);
    assert_int_equal(peer->control_backoff, 0);
}

static void what_is_not_answered_is_said_again_after_ever_longer_pauses(void **state)
{
    Lone *lone = *state;
    Peer *peer = &lone->process.peers[CHILD];
    peer->moved_due = true;
    compose_hurry(&lone->process, CHILD, &lone->step);
    for (uint32_t times = 0; times < 3; times++) {
        const uint64_t least_ns = peer->channel.rto_ns << times;
        flush(lone);
        expect_sent(lone, CHILD, 0, "moved", SLOTS_ALL);
        assert_in_range(peer->control_ns - lone->step.now_ns, least_ns, least_ns + least_ns / 4);
        assert_int_equal(peer->control_backoff, times + 1);
        assert_int_equal(compose_deadline(&lone->process, false), peer->control_ns);
        flush(lone);
        assert_int_equal(effects_count(lone->step.effects), 0); /* not before */
        lone->step.now_ns = peer->control_ns;
    }
}

/* An initiator waits 30 s for an answer: on a network that loses one datagram in five, 14 questions
 * and their answers are all lost once in a million. */
static void what_is_not_answered_is_said_at_least_fourteen_times_in_30_s(void **state)
{
    Lone *lone = *state;
    Peer *peer = &lone->process.peers[CHILD];
    const uint64_t end_ns = lone->step.now_ns + INSTANCE_NS_MAX;
    int times = 0;
    peer->moved_due = true;
    compose_hurry(&lone->process, CHILD, &lone->step);
    for (; lone->step.now_ns < end_ns; lone->step.now_ns = peer->control_ns, times++) {
        flush(lone);
        expect_sent(lone, CHILD, 0, "moved", SLOTS_ALL);
    }
    assert_in_range(times, 14, 20);
}

static void who_has_nothing_to_say_but_an_answer_will_not_say_it_again(void **state)
{
    Lone *lone = *state;
    Peer *peer = &lone->process.peers[CHILD];
    compose_hurry(&lone->process, CHILD, &lone->step);
    owe(lone, CHILD, MESSAGE_QUERY, ANSWER_BUSY);
    flush(lone);
    expect_sent(lone, CHILD, 0, "query", NEEDS_OF_HEADER);
    assert_true(peer->control_ns == TIME_NEVER);
    assert_int_equal(peer->control_backoff, 0);
    assert_true(compose_deadline(&lone->process, false) == TIME_NEVER);
}

static void a_prepare_tells_what_the_permanent_checkpoint_holds(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, CHILD, 4, 5);
    lone_received(lone, CHILD, 6, 7);
    lone->process.inc = 8;
    instance_engage(&lone->process, &lone->step, ENGAGED_ROLLBACK, (Instance){SELF, 1}, SELF);
    instance_ask(&lone->process, &lone->step, CHILD, 4);
    flush(lone);
    const Message message = first_message(lone, CHILD);
    assert_int_equal(message.kind, MESSAGE_PREPARE);
    assert_int_equal(message.prepare.instance.initiator, SELF);
    assert_int_equal(message.prepare.new_inc, 9);
    assert_int_equal(message.prepare.cut, 4);
    assert_int_equal(message.prepare.rcut, 6);
    expect_silence(lone, PARENT, 0);
}

static void a_stable_tells_what_the_permanent_checkpoint_holds(void **state)
{
    Lone *lone = *state;
    lone_sent(lone, CHILD, 4, 5);
    lone_received(lone, CHILD, 6, 7);
    lone->process.perm.channels[CHILD].base = 3;
    lone->process.permanents = 8;
    lone->process.peers[CHILD].channel.told = 2;
    lone->process.peers[CHILD].channel.stable_due = true;
    compose_hurry(&lone->process, CHILD, &lone->step);
    flush(lone);
    const Message message = first_message(lone, CHILD);
    assert_int_equal(message.kind, MESSAGE_STABLE);
    assert_int_equal(message.stable.version, 8);
    assert_int_equal(message.stable.perm_sent, 4);
    assert_int_equal(message.stable.perm_base, 3);
    assert_int_equal(message.stable.coverage.from, 2);
    assert_int_equal(message.stable.coverage.upto, 6);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, lone_set_up, lone_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(each_peer_gets_its_answers_once_and_no_more_than_there_is_room_for),
        CLAIM(only_a_no_waits_for_no_disk),
        CLAIM(what_need_not_wait_for_a_save_leaves_by_itself),
        CLAIM(what_is_in_a_hurry_is_said_now_and_from_the_start),
        CLAIM(what_is_not_answered_is_said_again_after_ever_longer_pauses),
        CLAIM(what_is_not_answered_is_said_at_least_fourteen_times_in_30_s),
        CLAIM(who_has_nothing_to_say_but_an_answer_will_not_say_it_again),
        CLAIM(a_prepare_tells_what_the_permanent_checkpoint_holds),
        CLAIM(a_stable_tells_what_the_permanent_checkpoint_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
