#include "tests/core/effects_text.h"

#include <inttypes.h>

static void add_bytes(GString *out, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        g_string_append_printf(out, "%02x", bytes[i]);
    g_string_append_c(out, '\n');
}

static void add_notice(GString *out, const Notice *notice)
{
    g_string_append_printf(out,
                           "notice %d %d tag %" PRIu64 " refusal %d name %s amount %" PRId64
                           " balance %" PRId64 " label %" PRIu64 " cohort %" PRIu64
                           " instance %s.%" PRIu64 " undone %" PRIu64 " count %" PRIu64,
                           notice->kind, notice->command, notice->tag, notice->refusal,
                           notice->name.text, notice->amount, notice->balance, notice->label,
                           notice->cohort, notice->initiator.text, notice->number, notice->undone,
                           notice->count);
    for (size_t i = 0; i < notice->member_count; i++)
        g_string_append_printf(out, " %s,%" PRIu32 ",%u,%u", notice->members[i].name.text,
                               notice->members[i].ip, notice->members[i].port1,
                               notice->members[i].port2);
    g_string_append_c(out, '\n');
}

static void add_effect(GString *out, const Effect *effect)
{
    static const Name nobody = {""};
    switch (effect->kind) {
    case EFFECT_SAVE:
        g_string_append_printf(out, "save %d %u ", effect->save.slot, effect->save.index);
        add_bytes(out, effect->save.bytes, effect->save.length);
        break;
    case EFFECT_SEND:
        g_string_append_printf(out, "send %d to %" PRIu32 ":%u needs %" PRIx32 " ",
                               effect->send.port, effect->send.to.ip, effect->send.to.port,
                               effect->send.needs);
        add_bytes(out, effect->send.bytes, effect->send.length);
        break;
    case EFFECT_NOTIFY:
        add_notice(out, &effect->notice);
        break;
    case EFFECT_TRACE:
        trace_write(out, 0, 0, &nobody, &effect->trace);
        break;
    case EFFECT_END:
        g_string_append(out, "end\n");
        break;
    }
}

GString *effects_text(const Effects *effects)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < effects_count(effects); i++)
        add_effect(out, effects_at(effects, i));
    g_string_append_printf(out, "deadline %" PRIu64 "\n", effects_deadline(effects));
    return out;
}
