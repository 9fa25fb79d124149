#include "net/effectcode.h"

#include <string.h>

enum { NUMBER_BYTES_MAX = 10, LOW_BITS = 0x7f, MORE = 0x80, FIELDS_MAX = 16, MASK_BYTES = 2 };

/* --- numbers --- */

static size_t put_number(uint8_t bytes[static NUMBER_BYTES_MAX], uint64_t number)
{
    size_t count = 0;
    for (; number > LOW_BITS; number >>= 7)
        bytes[count++] = (uint8_t)(number | MORE);
    bytes[count++] = (uint8_t)number;
    return count;
}

static uint64_t take_number(Coder *coder)
{
    uint64_t number = 0;
    uint8_t byte = MORE;
    int count = 0;
    for (; (byte & MORE) != 0 && count < NUMBER_BYTES_MAX; count++) {
        code_u8(coder, &byte);
        number |= (uint64_t)(byte & LOW_BITS) << (7 * count);
    }
    /* A zero at the end says nothing, and of the tenth byte one bit alone is there. */
    if ((count > 1 && byte == 0) || (count == NUMBER_BYTES_MAX && byte > 1))
        coder->failed = true;
    return coder->failed ? 0 : number;
}

void code_number(Coder *coder, uint64_t *value)
{
    if (coder->decoding) {
        *value = take_number(coder);
        return;
    }
    uint8_t bytes[NUMBER_BYTES_MAX];
    code_bytes(coder, bytes, put_number(bytes, *value));
}

/* Which of them are not zero, and those: of the many fields of an effect few are set, and a process
 * that is recorded should not be slower for it. */
static void code_fields(Coder *coder, uint64_t *fields, size_t count)
{
    uint8_t bytes[MASK_BYTES + FIELDS_MAX * NUMBER_BYTES_MAX];
    size_t length = MASK_BYTES;
    uint16_t mask = 0;
    if (coder->decoding) {
        code_u16(coder, &mask);
        if (mask >> count != 0)
            coder->failed = true;
        for (size_t i = 0; i < count; i++) {
            fields[i] = 0;
            if ((mask >> i & 1) == 0)
                continue;
            fields[i] = take_number(coder);
            if (fields[i] == 0)
                coder->failed = true;
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i] == 0)
            continue;
        mask |= (uint16_t)(1u << i);
        length += put_number(bytes + length, fields[i]);
    }
    bytes[0] = (uint8_t)(mask >> 8);
    bytes[1] = (uint8_t)mask;
    code_bytes(coder, bytes, length);
}

/* Of a decoded field: fails beyond what it can be. */
static uint64_t at_most(Coder *coder, uint64_t field, uint64_t greatest)
{
    if (field > greatest)
        coder->failed = true;
    return field > greatest ? 0 : field;
}

/* Whatever is counted takes a byte at least: no more than is left. */
static size_t counted(Coder *coder, uint64_t field)
{
    return (size_t)at_most(coder, field, coder->length - coder->at);
}

/* --- bytes and texts --- */

/* Their length is known; decoded, *bytes points into what is decoded. */
static void code_run(Coder *coder, const uint8_t **bytes, size_t length)
{
    if (!coder->decoding) {
        code_bytes(coder, (uint8_t *)*bytes, length); /* an encoder only reads them */
        return;
    }
    *bytes = coder->bytes + coder->at;
    if (length > coder->length - coder->at)
        coder->failed = true;
    else
        coder->at += length;
}

void code_block(Coder *coder, const uint8_t **bytes, size_t *length)
{
    uint64_t field = coder->decoding ? 0 : *length;
    code_number(coder, &field);
    if (coder->decoding)
        *length = counted(coder, field);
    code_run(coder, bytes, *length);
}

/* A name of a trace may be an address: any text that fits. */
static void code_label(Coder *coder, Name *name, uint64_t length)
{
    const uint8_t *bytes = (const uint8_t *)name->text;
    if (!coder->decoding) {
        code_run(coder, &bytes, (size_t)length);
        return;
    }
    *name = (Name){0};
    length = at_most(coder, length, NAME_BYTES_MAX);
    code_run(coder, &bytes, (size_t)length);
    if (!coder->failed && memchr(bytes, '\0', (size_t)length) != NULL)
        coder->failed = true;
    if (!coder->failed)
        memcpy(name->text, bytes, (size_t)length);
}

static void code_labels(Coder *coder, Name *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t length = coder->decoding ? 0 : strlen(names[i].text);
        code_number(coder, &length);
        code_label(coder, &names[i], length);
    }
}

/* NULL is another text than "". */
static void code_text(Coder *coder, const char **text, Effects *effects)
{
    bool there = !coder->decoding && *text != NULL;
    code_bool(coder, &there);
    if (coder->decoding)
        *text = NULL;
    if (!there)
        return;
    const uint8_t *bytes = (const uint8_t *)*text;
    size_t length = *text != NULL ? strlen(*text) : 0;
    code_block(coder, &bytes, &length);
    if (!coder->decoding || coder->failed)
        return;
    char *copy = effects_alloc(effects, length + 1);
    memcpy(copy, bytes, length);
    *text = copy;
    if (strlen(copy) != length)
        coder->failed = true;
}

/* --- events --- */

void code_event(Coder *coder, Event *event)
{
    uint64_t fields[] = {event->kind,    event->now_ns,    event->port,
                         event->from.ip, event->from.port, event->length};
    code_fields(coder, fields, G_N_ELEMENTS(fields));
    if (coder->decoding) {
        event->kind = (EventKind)at_most(coder, fields[0], EVENT_STOP);
        event->now_ns = fields[1];
        event->port = (Port)at_most(coder, fields[2], PORT_PEER);
        event->from.ip = (uint32_t)at_most(coder, fields[3], UINT32_MAX);
        event->from.port = (uint16_t)at_most(coder, fields[4], UINT16_MAX);
        event->length = counted(coder, fields[5]);
    }
    if (event->kind == EVENT_COMMAND)
        code_command(coder, &event->command);
    code_run(coder, &event->bytes, event->length);
}

/* --- effects: each codes what it finds or sets; `effects` is where decoded arrays live --- */

static void code_save(Coder *coder, Effect *effect)
{
    uint64_t fields[] = {effect->save.slot, effect->save.index, effect->save.length};
    code_fields(coder, fields, G_N_ELEMENTS(fields));
    if (coder->decoding) {
        effect->save.slot = (Slot)at_most(coder, fields[0], SLOTS - 1);
        effect->save.index = (uint16_t)at_most(coder, fields[1], UINT16_MAX);
        effect->save.length = counted(coder, fields[2]);
    }
    code_run(coder, &effect->save.bytes, effect->save.length);
}

static void code_send(Coder *coder, Effect *effect)
{
    uint64_t fields[] = {effect->send.port, effect->send.to.ip, effect->send.to.port,
                         (SlotSet)~effect->send.needs, effect->send.length};
    code_fields(coder, fields, G_N_ELEMENTS(fields));
    if (coder->decoding) {
        effect->send.port = (Port)at_most(coder, fields[0], PORT_PEER);
        effect->send.to.ip = (uint32_t)at_most(coder, fields[1], UINT32_MAX);
        effect->send.to.port = (uint16_t)at_most(coder, fields[2], UINT16_MAX);
        effect->send.needs = ~(SlotSet)at_most(coder, fields[3], SLOTS_ALL);
        effect->send.length = counted(coder, fields[4]);
    }
    code_run(coder, &effect->send.bytes, effect->send.length);
    if (effect->send.length == 0 || effect->send.length > DATAGRAM_BYTES_MAX)
        coder->failed = true;
}

static void code_members(Coder *coder, Notice *notice, Effects *effects)
{
    Member *members = (Member *)notice->members; /* an encoder only reads them */
    if (coder->decoding) {
        members = effects_alloc(effects, notice->member_count * sizeof *members);
        notice->members = members;
    }
    for (size_t i = 0; i < notice->member_count; i++)
        code_member(coder, &members[i]);
}

static void code_notice(Coder *coder, Notice *notice, Effects *effects)
{
    uint64_t fields[] = {notice->kind,
                         notice->command,
                         notice->tag,
                         notice->refusal,
                         strlen(notice->name.text),
                         (uint64_t)notice->amount,
                         (uint64_t)notice->balance,
                         notice->label,
                         notice->cohort,
                         strlen(notice->initiator.text),
                         notice->number,
                         notice->undone,
                         notice->count,
                         notice->member_count};
    static_assert(G_N_ELEMENTS(fields) <= FIELDS_MAX, "a mask has a bit for each");
    code_fields(coder, fields, G_N_ELEMENTS(fields));
    if (coder->decoding) {
        notice->kind = (NoticeKind)at_most(coder, fields[0], NOTICE_KINDS - 1);
        notice->command = (CommandKind)at_most(coder, fields[1], COMMAND_KINDS - 1);
        notice->tag = fields[2];
        notice->refusal = (Refusal)at_most(coder, fields[3], REFUSAL_KINDS - 1);
        notice->amount = (Money)fields[5];
        notice->balance = (Money)fields[6];
        notice->label = fields[7];
        notice->cohort = fields[8];
        notice->number = fields[10];
        notice->undone = fields[11];
        notice->count = fields[12];
        notice->member_count = counted(coder, fields[13]);
        if ((notice->kind == NOTICE_FAILURE) != (notice->refusal != REFUSAL_NONE))
            coder->failed = true;
    }
    code_label(coder, &notice->name, fields[4]);
    code_label(coder, &notice->initiator, fields[9]);
    code_members(coder, notice, effects);
}

static void code_trace_members(Coder *coder, TraceEvent *trace, Effects *effects)
{
    Name *members = (Name *)trace->members; /* an encoder only reads them */
    if (coder->decoding) {
        members = effects_alloc(effects, trace->member_count * sizeof *members);
        trace->members = members;
    }
    code_labels(coder, members, trace->member_count);
}

static void code_trace_counts(Coder *coder, TraceEvent *trace, Effects *effects)
{
    TraceCount *counts = (TraceCount *)trace->counts; /* likewise */
    if (coder->decoding) {
        counts = effects_alloc(effects, trace->count_count * sizeof *counts);
        trace->counts = counts;
    }
    for (size_t i = 0; i < trace->count_count; i++) {
        code_labels(coder, &counts[i].peer, 1);
        code_number(coder, &counts[i].sent);
        code_number(coder, &counts[i].received);
    }
}

static void code_trace(Coder *coder, TraceEvent *trace, Effects *effects)
{
    uint64_t fields[] = {trace->kind,
                         trace->inc,
                         strlen(trace->peer.text),
                         (uint64_t)trace->amount,
                         (uint64_t)trace->balance,
                         trace->label,
                         trace->cohort,
                         trace->member_count,
                         strlen(trace->initiator.text),
                         trace->number,
                         trace->count_count,
                         trace->undone,
                         trace->datagram,
                         trace->datagram_bytes,
                         trace->outgoing};
    static_assert(G_N_ELEMENTS(fields) <= FIELDS_MAX, "a mask has a bit for each");
    code_fields(coder, fields, G_N_ELEMENTS(fields));
    if (coder->decoding) {
        trace->kind = (TraceKind)at_most(coder, fields[0], TRACE_KINDS - 1);
        trace->inc = fields[1];
        trace->amount = (Money)fields[3];
        trace->balance = (Money)fields[4];
        trace->label = fields[5];
        trace->cohort = fields[6];
        trace->member_count = counted(coder, fields[7]);
        trace->number = fields[9];
        trace->count_count = counted(coder, fields[10]);
        trace->undone = fields[11];
        trace->datagram = fields[12];
        trace->datagram_bytes = (size_t)at_most(coder, fields[13], SIZE_MAX);
        trace->outgoing = at_most(coder, fields[14], 1) == 1;
    }
    code_label(coder, &trace->peer, fields[2]);
    code_label(coder, &trace->initiator, fields[8]);
    code_trace_members(coder, trace, effects);
    code_trace_counts(coder, trace, effects);
    if (!trace_is_datagram(trace->kind))
        return;
    code_text(coder, &trace->datagram_kinds, effects);
    code_text(coder, &trace->reason, effects);
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
    const size_t count = effects_count(effects);
    uint64_t fields[] = {effects_deadline(effects) + 1 /* 0: none */, count};
    code_fields(coder, fields, G_N_ELEMENTS(fields));
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
    uint64_t fields[2] = {0};
    effects_clear(effects);
    code_fields(coder, fields, G_N_ELEMENTS(fields));
    effects_set_deadline(effects, fields[0] - 1);
    const size_t count = counted(coder, fields[1]);
    for (size_t i = 0; i < count && !coder->failed; i++) {
        Effect effect = {0};
        code_effect(coder, &effect, effects);
        if (!coder->failed)
            add(effects, &effect);
    }
}
