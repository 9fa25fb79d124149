#include "tests/core/lone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

int lone_set_up(void **state)
{
    static const char *const names[LONE_MEMBERS] = {
        [SELF] = "self", [PARENT] = "parent", [CHILD] = "child"};
    Lone *lone = g_new0(Lone, 1);
    Member members[LONE_MEMBERS] = {0};
    Application application = {{0}};
    for (int i = 0; i < LONE_MEMBERS; i++)
        assert_true(name_set(&members[i].name, names[i]));
    account_open(&application, LONE_BALANCE);
    process_enter(&lone->process, 1, members, LONE_MEMBERS, SELF, &application);
    lone->step = (Step){LONE_NOW_NS, effects_new()};
    *state = lone;
    return 0;
}

int lone_tear_down(void **state)
{
    Lone *lone = *state;
    process_leave(&lone->process);
    effects_free(lone->step.effects);
    g_free(lone);
    return 0;
}

const Message *lone_owed(const Lone *lone, uint16_t to, MessageKind kind)
{
    const GArray *owed = lone->process.owed;
    assert_true(owed->len > 0);
    const Owed *last = &g_array_index(owed, Owed, owed->len - 1);
    assert_int_equal(last->peer, to);
    assert_int_equal(last->message.kind, kind);
    return &last->message;
}

void lone_expect_answer(const Lone *lone, uint16_t to, MessageKind kind, Instance instance,
                        Answer answer)
{
    const Message *message = lone_owed(lone, to, kind);
    assert_int_equal(message->vote.instance.initiator, instance.initiator);
    assert_int_equal(message->vote.instance.number, instance.number);
    assert_int_equal(message->vote.answer, answer);
}

void lone_forget_owed(Lone *lone)
{
    g_array_set_size(lone->process.owed, 0);
    for (int i = 0; i < LONE_MEMBERS; i++)
        lone->process.peers[i].owed_count = 0;
}

void lone_sent(Lone *lone, uint16_t peer, uint64_t perm_out, uint64_t out)
{
    ChannelState *state = &lone->process.peers[peer].channel.state;
    ChannelState *perm = &lone->process.perm.channels[peer];
    state->out = state->base = out;
    lone->process.peers[peer].channel.acked = lone->process.peers[peer].channel.sent_upto = out;
    perm->out = perm->base = perm_out;
}

void lone_received(Lone *lone, uint16_t peer, uint64_t perm_in, uint64_t in)
{
    ChannelState *state = &lone->process.peers[peer].channel.state;
    ChannelState *perm = &lone->process.perm.channels[peer];
    state->in = state->last_received = in;
    perm->in = perm->last_received = perm_in;
}

const Notice *lone_notice(const Lone *lone, NoticeKind kind)
{
    for (size_t i = 0; i < effects_count(lone->step.effects); i++) {
        const Effect *effect = effects_at(lone->step.effects, i);
        if (effect->kind == EFFECT_NOTIFY && effect->notice.kind == kind)
            return &effect->notice;
    }
    return NULL;
}
