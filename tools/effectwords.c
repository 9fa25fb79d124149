#include "tools/effectwords.h"

#include <inttypes.h>
#include <string.h>

#include "core/wire.h"
#include "net/effectcode.h"
#include "tools/result.h"

enum { SHOWN_BYTES_MAX = 16 };

static const char *const SLOT_WORDS[SLOTS] = {
    [SLOT_ACCOUNT] = "account",
    [SLOT_COHORT] = "cohort",
    [SLOT_PERMANENT] = "permanent",
    [SLOT_PERMANENT_CHANNEL] = "permanent-channel",
    [SLOT_TENTATIVE] = "tentative",
    [SLOT_TENTATIVE_CHANNEL] = "tentative-channel",
    [SLOT_CONTROL] = "control",
    [SLOT_FINISHED] = "finished",
    [SLOT_INCARNATION] = "incarnation",
    [SLOT_PEER] = "peer",
    [SLOT_CASH] = "cash",
    [SLOT_ORDERLY] = "orderly",
    [SLOT_JOURNAL] = "journal",
    [SLOT_TRACE] = "trace",
};
static_assert(SLOT_TRACE == SLOTS - 1, "every slot has a word");

const char *slot_word(Slot slot)
{
    return SLOT_WORDS[slot];
}

static const char *port_word(Port port)
{
    return port == PORT_BANK ? "port1" : "port2";
}

static void append_address(Address address, GString *out)
{
    char text[ADDRESS_TEXT_MAX];
    g_string_append(out, address_text(address, text));
}

static void append_kinds(const uint8_t *bytes, size_t length, GString *out)
{
    char kinds[WIRE_KINDS_TEXT_MAX];
    g_string_append_printf(out, " (%s)", wire_kinds_text(bytes, length, kinds));
}

/* --- events --- */

static void command_words(const Command *command, GString *out)
{
    g_string_append_printf(out, "command %s", command_word(command->kind));
    if (command->name.text[0] != '\0')
        g_string_append_printf(out, " %s", command->name.text);
    if (command->amount != 0) {
        char amount[MONEY_TEXT_MAX];
        g_string_append_printf(out, " %s", money_text(command->amount, amount));
    }
    if (command->count != 0)
        g_string_append_printf(out, " %" PRIu64, command->count);
    if (command->addressed) {
        g_string_append_c(out, ' ');
        append_address((Address){command->ip, command->port1}, out);
        g_string_append_printf(out, " %u", command->port2);
    }
}

void event_words(const Event *event, GString *out)
{
    switch (event->kind) {
    case EVENT_START:
        g_string_append(out, "start");
        return;
    case EVENT_DATAGRAM:
        g_string_append_printf(out, "datagram of %zu bytes from ", event->length);
        append_address(event->from, out);
        g_string_append_printf(out, " at %s", port_word(event->port));
        append_kinds(event->bytes, event->length, out);
        return;
    case EVENT_COMMAND:
        command_words(&event->command, out);
        return;
    case EVENT_TIMEOUT:
        g_string_append(out, "timeout");
        return;
    case EVENT_STOP:
        g_string_append(out, "stop");
        return;
    }
}

/* --- effects --- */

/* All that it tells, as a trace line would, but for what the driver adds. */
static void trace_words(const TraceEvent *event, GString *out)
{
    g_autoptr(GString) line = g_string_new(NULL);
    trace_write(line, 0, 0, &(Name){"-"}, event);
    const char *rest = strstr(line->str, "\"inc\"");
    g_string_truncate(line, line->len - strlen("\n"));
    g_string_append_printf(out, "trace {%s", rest);
}

void effect_words(const Effect *effect, GString *out)
{
    switch (effect->kind) {
    case EFFECT_SAVE:
        if (effect->save.length == 0)
            g_string_append_printf(out, "remove %s %u", slot_word(effect->save.slot),
                                   effect->save.index);
        else
            g_string_append_printf(out, "save %s %u: %zu bytes", slot_word(effect->save.slot),
                                   effect->save.index, effect->save.length);
        return;
    case EFFECT_SEND:
        g_string_append_printf(out, "send %zu bytes from %s to ", effect->send.length,
                               port_word(effect->send.port));
        append_address(effect->send.to, out);
        append_kinds(effect->send.bytes, effect->send.length, out);
        if (effect->send.needs != SLOTS_ALL)
            g_string_append_printf(out, " after slots 0x%" PRIx32 " alone", effect->send.needs);
        return;
    case EFFECT_NOTIFY:
        g_string_append(out, "tell ");
        result_text(&effect->notice, out);
        return;
    case EFFECT_TRACE:
        trace_words(&effect->trace, out);
        return;
    case EFFECT_END:
        g_string_append(out, "end");
        return;
    }
}

/* --- differences --- */

static bool has_bytes(const Effect *effect, const uint8_t **bytes, size_t *length)
{
    if (effect->kind == EFFECT_SAVE) {
        *bytes = effect->save.bytes;
        *length = effect->save.length;
    } else if (effect->kind == EFFECT_SEND) {
        *bytes = effect->send.bytes;
        *length = effect->send.length;
    } else {
        return false;
    }
    return true;
}

static void append_bytes(const uint8_t *bytes, size_t length, size_t first, GString *out)
{
    g_string_append_printf(out, ", from byte %zu on", first);
    for (size_t i = first; i < length && i < first + SHOWN_BYTES_MAX; i++)
        g_string_append_printf(out, " %02x", bytes[i]);
    g_string_append(out, first + SHOWN_BYTES_MAX < length ? " ..." : first < length ? "" : " none");
}

static void append_first_difference(const uint8_t *a, size_t a_length, const uint8_t *b,
                                    size_t b_length, GString *a_words, GString *b_words)
{
    size_t first = 0;
    while (first < a_length && first < b_length && a[first] == b[first])
        first++;
    if (first == a_length && first == b_length)
        return;
    append_bytes(a, a_length, first, a_words);
    append_bytes(b, b_length, first, b_words);
}

/* Where words cannot show it: the first bytes that are not the same, if need be of the whole
 * effects as they are coded. */
static void show_bytes(const Effect *expected, const Effect *found, GString *expected_words,
                       GString *found_words)
{
    const uint8_t *a;
    const uint8_t *b;
    size_t a_length;
    size_t b_length;
    if (expected->kind == found->kind && has_bytes(expected, &a, &a_length) &&
        has_bytes(found, &b, &b_length))
        append_first_difference(a, a_length, b, b_length, expected_words, found_words);
    if (!g_string_equal(expected_words, found_words))
        return;
    Coder a_code = coder_encode_growing();
    Coder b_code = coder_encode_growing();
    effect_encode(expected, &a_code);
    effect_encode(found, &b_code);
    g_string_append(expected_words, ", coded");
    g_string_append(found_words, ", coded");
    append_first_difference(a_code.bytes, a_code.length, b_code.bytes, b_code.length,
                            expected_words, found_words);
    coder_deinit(&a_code);
    coder_deinit(&b_code);
}

static bool same_effect(const Effect *a, const Effect *b)
{
    Coder a_code = coder_encode_growing();
    Coder b_code = coder_encode_growing();
    effect_encode(a, &a_code);
    effect_encode(b, &b_code);
    bool same =
        a_code.length == b_code.length && memcmp(a_code.bytes, b_code.bytes, a_code.length) == 0;
    coder_deinit(&a_code);
    coder_deinit(&b_code);
    return same;
}

static char *deadline_words(uint64_t deadline_ns)
{
    return deadline_ns == TIME_NEVER
               ? g_strdup("no deadline")
               : g_strdup_printf("deadline at %" PRIu64 " ns of its clock", deadline_ns);
}

static GString *words_at(const Effects *effects, size_t index)
{
    GString *out = g_string_new(NULL);
    if (index < effects_count(effects))
        effect_words(effects_at(effects, index), out);
    else
        g_string_append_printf(out, "nothing more: %zu effects in all", effects_count(effects));
    return out;
}

bool effects_differ(const Effects *expected, const Effects *found, EffectsDifference *difference)
{
    const size_t expected_count = effects_count(expected);
    const size_t found_count = effects_count(found);
    const size_t both = MIN(expected_count, found_count);
    size_t index = 0;
    while (index < both && same_effect(effects_at(expected, index), effects_at(found, index)))
        index++;
    difference->index = index;
    if (index == expected_count && index == found_count) {
        if (effects_deadline(expected) == effects_deadline(found))
            return false;
        difference->expected = deadline_words(effects_deadline(expected));
        difference->found = deadline_words(effects_deadline(found));
        return true;
    }
    GString *expected_words = words_at(expected, index);
    GString *found_words = words_at(found, index);
    if (index < both)
        show_bytes(effects_at(expected, index), effects_at(found, index), expected_words,
                   found_words);
    difference->expected = g_string_free(expected_words, FALSE);
    difference->found = g_string_free(found_words, FALSE);
    return true;
}
