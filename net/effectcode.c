#include "net/effectcode.h"

#include <string.h>

enum { NUMBER_BYTES_MAX = 10, LOW_BITS = 0x7f, MORE = 0x80 };

/* --- parts --- */

static void decode_number(Coder *coder, uint64_t *value)
{
    uint64_t number = 0;
    uint8_t byte = MORE;
    int count = 0;
    for (; (byte & MORE) != 0 && count < NUMBER_BYTES_MAX; count++) {
        code_u8(coder, &byte);
        if (coder->failed)
            break;
        number |= (uint64_t)(byte & LOW_BITS) << (7 * count);
    }
    /* A zero at the end says nothing, and of the tenth byte one bit alone is there. */
    if ((count > 1 && byte == 0) || (count == NUMBER_BYTES_MAX && byte > 1))
        coder->failed = true;
    *value = coder->failed ? 0 : number;
}

void code_number(Coder *coder, uint64_t *value)
{
    if (coder->decoding) {
        decode_number(coder, value);
        return;
    }
    uint64_t rest = *value;
    uint8_t byte;
    for (; rest > LOW_BITS; rest >>= 7) {
        byte = (uint8_t)(rest | MORE);
        code_u8(coder, &byte);
    }
    byte = (uint8_t)rest;
    code_u8(coder, &byte);
}

static void code_size(Coder *coder, size_t *value)
{
    uint64_t number = coder->decoding ? 0 : *value;
    code_number(coder, &number);
    if (coder->decoding && number > coder->length - coder->at) {
        coder->failed = true; /* whatever is counted takes a byte at least */
        number = 0;
    }
    *value = (size_t)number;
}

void code_block(Coder *coder, const uint8_t **bytes, size_t *length)
{
    code_size(coder, length);
    if (!coder->decoding) {
        code_bytes(coder, (uint8_t *)*bytes, *length); /* an encoder only reads them */
        return;
    }
    *bytes = coder->bytes + coder->at;
    coder->at += *length;
}

static void code_amount(Coder *coder, Money *amount)
{
    uint64_t bits = coder->decoding ? 0 : (uint64_t)*amount;
    code_number(coder, &bits);
    *amount = (Money)bits;
}

static void code_address(Coder *coder, Address *address)
{
    code_u32(coder, &address->ip);
    code_u16(coder, &address->port);
}

/* A name of a trace may be an address: any text that fits. */
static void code_label(Coder *coder, Name *name)
{
    const uint8_t *bytes = (const uint8_t *)name->text;
    size_t length = coder->decoding ? 0 : strlen(name->text);
    code_block(coder, &bytes, &length);
    if (!coder->decoding)
        return;
    *name = (Name){0};
    if (length > NAME_BYTES_MAX || memchr(bytes, '\0', length) != NULL)
        coder->failed = true;
    else
        memcpy(name->text, bytes, length);
}

/* NULL is another text than "". */
static void code_text(Coder *coder, const char **text, Effects *effects)
{
    bool there = !coder->decoding && *text != NULL;
    code_bool(coder, &there);
    const uint8_t *bytes = (const uint8_t *)*text;
    size_t length = !coder->decoding && there ? strlen(*text) : 0;
    if (there)
        code_block(coder, &bytes, &length);
    if (!coder->decoding)
        return;
    *text = NULL;
    if (there && memchr(bytes, '\0', length) != NULL)
        coder->failed = true;
    if (!there || coder->failed)
        return;
    char *copy = effects_alloc(effects, length + 1);
    memcpy(copy, bytes, length);
    *text = copy;
}

/* --- events --- */

void code_event(Coder *coder, Event *event)
{
    int kind = coder->decoding ? 0 : (int)event->kind;
    code_enum(coder, &kind, EVENT_STOP + 1);
    event->kind = (EventKind)kind;
    code_number(coder, &event->now_ns);
    if (event->kind == EVENT_COMMAND)
        code_command(coder, &event->command);
    if (event->kind != EVENT_DATAGRAM)
        return;
    int port = coder->decoding ? 0 : (int)event->port;
    code_enum(coder, &port, PORT_PEER + 1);
    event->port = (Port)port;
    code_address(coder, &event->from);
    code_block(coder, &event->bytes, &event->length);
}

/* --- effects: each codes what it finds or sets; `effects` is where decoded arrays live --- */

static void code_save(Coder *coder, Effect *effect)
{
    int slot = coder->decoding ? 0 : (int)effect->save.slot;
    code_enum(coder, &slot, SLOTS);
    effect->save.slot = (Slot)slot;
    code_u16(coder, &effect->save.index);
    code_block(coder, &effect->save.bytes, &effect->save.length);
}

static void code_send(Coder *coder, Effect *effect)
{
    int port = coder->decoding ? 0 : (int)effect->send.port;
    code_enum(coder, &port, PORT_PEER + 1);
    effect->send.port = (Port)port;
    code_address(coder, &effect->send.to);
    code_u32(coder, &effect->send.needs);
    code_block(coder, &effect->send.bytes, &effect->send.length);
    if (effect->send.length == 0 || effect->send.length > DATAGRAM_BYTES_MAX)
        coder->failed = true;
}

static void code_notice_members(Coder *coder, Notice *notice, Effects *effects)
{
    code_size(coder, &notice->member_count);
    Member *decoded = NULL;
    if (coder->decoding) {
        decoded = effects_alloc(effects, notice->member_count * sizeof *decoded);
        notice->members = decoded;
    }
    for (size_t i = 0; i < notice->member_count; i++) {
        Member member = coder->decoding ? (Member){0} : notice->members[i];
        code_member(coder, &member);
        if (decoded != NULL)
            decoded[i] = member;
    }
}

static void code_notice(Coder *coder, Notice *notice, Effects *effects)
{
    int kind = coder->decoding ? 0 : (int)notice->kind;
    int command = coder->decoding ? 0 : (int)notice->command;
    int refusal = coder->decoding ? 0 : (int)notice->refusal;
    code_enum(coder, &kind, NOTICE_KINDS);
    code_enum(coder, &command, COMMAND_KINDS);
    code_enum(coder, &refusal, REFUSAL_KINDS);
    notice->kind = (NoticeKind)kind;
    notice->command = (CommandKind)command;
    notice->refusal = (Refusal)refusal;
    code_number(coder, &notice->tag);
    code_label(coder, &notice->name);
    code_amount(coder, &notice->amount);
    code_amount(coder, &notice->balance);
    code_number(coder, &notice->label);
    code_number(coder, &notice->cohort);
    code_label(coder, &notice->initiator);
    code_number(coder, &notice->number);
    code_number(coder, &notice->undone);
    code_number(coder, &notice->count);
    code_notice_members(coder, notice, effects);
}

static void code_trace_members(Coder *coder, TraceEvent *trace, Effects *effects)
{
    code_size(coder, &trace->member_count);
    Name *decoded = NULL;
    if (coder->decoding) {
        decoded = effects_alloc(effects, trace->member_count * sizeof *decoded);
        trace->members = decoded;
    }
    for (size_t i = 0; i < trace->member_count; i++) {
        Name name = coder->decoding ? (Name){0} : trace->members[i];
        code_label(coder, &name);
        if (decoded != NULL)
            decoded[i] = name;
    }
}

static void code_trace_counts(Coder *coder, TraceEvent *trace, Effects *effects)
{
    code_size(coder, &trace->count_count);
    TraceCount *decoded = NULL;
    if (coder->decoding) {
        decoded = effects_alloc(effects, trace->count_count * sizeof *decoded);
        trace->counts = decoded;
    }
    for (size_t i = 0; i < trace->count_count; i++) {
        TraceCount count = coder->decoding ? (TraceCount){0} : trace->counts[i];
        code_label(coder, &count.peer);
        code_number(coder, &count.sent);
        code_number(coder, &count.received);
        if (decoded != NULL)
            decoded[i] = count;
    }
}

static void code_trace(Coder *coder, TraceEvent *trace, Effects *effects)
{
    int kind = coder->decoding ? 0 : (int)trace->kind;
    code_enum(coder, &kind, TRACE_KINDS);
    trace->kind = (TraceKind)kind;
    code_number(coder, &trace->inc);
    code_label(coder, &trace->peer);
    code_amount(coder, &trace->amount);
    code_amount(coder, &trace->balance);
    code_number(coder, &trace->label);
    code_number(coder, &trace->cohort);
    code_trace_members(coder, trace, effects);
    code_label(coder, &trace->initiator);
    code_number(coder, &trace->number);
    code_trace_counts(coder, trace, effects);
    code_number(coder, &trace->undone);
    if (!trace_is_datagram(trace->kind))
        return;
    uint64_t bytes = trace->datagram_bytes;
    code_number(coder, &trace->datagram);
    code_text(coder, &trace->datagram_kinds, effects);
    code_number(coder, &bytes);
    trace->datagram_bytes = (size_t)bytes;
    code_text(coder, &trace->reason, effects);
    code_bool(coder, &trace->outgoing);
}

static void code_effect(Coder *coder, Effect *effect, Effects *effects)
{
    int kind = coder->decoding ? 0 : (int)effect->kind;
    code_enum(coder, &kind, EFFECT_END + 1);
    effect->kind = (EffectKind)kind;
    if (effect->kind == EFFECT_SAVE)
        code_save(coder, effect);
    else if (effect->kind == EFFECT_SEND)
        code_send(coder, effect);
    else if (effect->kind == EFFECT_NOTIFY)
        code_notice(coder, &effect->notice, effects);
    else if (effect->kind == EFFECT_TRACE)
        code_trace(coder, &effect->trace, effects);
}

void effect_encode(const Effect *effect, Coder *coder)
{
    Effect coded = *effect;
    code_effect(coder, &coded, NULL);
}

void effects_encode(const Effects *effects, Coder *coder)
{
    uint64_t deadline = effects_deadline(effects) + 1; /* 0: none */
    size_t count = effects_count(effects);
    code_number(coder, &deadline);
    code_size(coder, &count);
    for (size_t i = 0; i < count; i++)
        effect_encode(effects_at(effects, i), coder);
}

static void add(Effects *effects, const Effect *effect)
{
    switch (effect->kind) {
    case EFFECT_SAVE:
        effects_save(effects, effect->save.slot, effect->save.index, effect->save.bytes,
                     effect->save.length);
        return;
    case EFFECT_SEND:
        effects_send_early(effects, effect->send.port, effect->send.to, effect->send.needs,
                           effect->send.bytes, effect->send.length);
        return;
    case EFFECT_NOTIFY:
        effects_notify(effects, &effect->notice);
        return;
    case EFFECT_TRACE:
        effects_trace(effects, &effect->trace);
        return;
    case EFFECT_END:
        effects_end(effects);
        return;
    }
}

void effects_decode(Effects *effects, Coder *coder)
{
    uint64_t deadline;
    size_t count;
    effects_clear(effects);
    code_number(coder, &deadline);
    code_size(coder, &count);
    effects_set_deadline(effects, deadline - 1);
    for (size_t i = 0; i < count && !coder->failed; i++) {
        Effect effect = {0};
        code_effect(coder, &effect, effects);
        if (!coder->failed)
            add(effects, &effect);
    }
}
