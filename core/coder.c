#include "core/coder.h"

#include <glib.h>
#include <string.h>

Coder coder_encode_growing(void)
{
    return (Coder){.growing = true};
}

Coder coder_encode_fixed(uint8_t *bytes, size_t capacity)
{
    return (Coder){.bytes = bytes, .capacity = capacity};
}

Coder coder_decode(const uint8_t *bytes, size_t length)
{
    /* A decoder only reads through the pointer. */
    return (Coder){.bytes = (uint8_t *)bytes, .length = length, .decoding = true};
}

void coder_deinit(Coder *coder)
{
    if (coder->growing)
        g_free(coder->bytes);
    *coder = (Coder){0};
}

bool coder_finished(const Coder *coder)
{
    return !coder->failed && coder->at == coder->length;
}

/* The next `length` bytes, to be read or written; NULL, and failed, when there are not so many. */
static uint8_t *take(Coder *coder, size_t length)
{
    if (coder->failed)
        return NULL;
    size_t *position = coder->decoding ? &coder->at : &coder->length;
    size_t end = coder->decoding ? coder->length : coder->capacity;
    if (end - *position < length) {
        if (!coder->growing) {
            coder->failed = true;
            return NULL;
        }
        coder->capacity = MAX(2 * coder->capacity, MAX(coder->length + length, 64));
        coder->bytes = g_realloc(coder->bytes, coder->capacity);
    }
    uint8_t *taken = coder->bytes + *position;
    *position += length;
    return taken;
}

void code_u8(Coder *coder, uint8_t *value)
{
    const bool decoding = coder->decoding; /* taking room changes much, but not this */
    uint8_t *bytes = take(coder, 1);
    if (decoding)
        *value = bytes ? *bytes : 0;
    else if (bytes)
        *bytes = *value;
}

void code_u16(Coder *coder, uint16_t *value)
{
    uint16_t big = 0;
    uint8_t *bytes = take(coder, sizeof big);
    if (coder->decoding) {
        if (bytes)
            memcpy(&big, bytes, sizeof big);
        *value = GUINT16_FROM_BE(big);
    } else if (bytes) {
        big = GUINT16_TO_BE(*value);
        memcpy(bytes, &big, sizeof big);
    }
}

void code_u32(Coder *coder, uint32_t *value)
{
    uint32_t big = 0;
    uint8_t *bytes = take(coder, sizeof big);
    if (coder->decoding) {
        if (bytes)
            memcpy(&big, bytes, sizeof big);
        *value = GUINT32_FROM_BE(big);
    } else if (bytes) {
        big = GUINT32_TO_BE(*value);
        memcpy(bytes, &big, sizeof big);
    }
}

void code_u64(Coder *coder, uint64_t *value)
{
    uint64_t big = 0;
    uint8_t *bytes = take(coder, sizeof big);
    if (coder->decoding) {
        if (bytes)
            memcpy(&big, bytes, sizeof big);
        *value = GUINT64_FROM_BE(big);
    } else if (bytes) {
        big = GUINT64_TO_BE(*value);
        memcpy(bytes, &big, sizeof big);
    }
}

void code_money(Coder *coder, Money *value)
{
    code_u64(coder, (uint64_t *)value); /* the same bits */
}

void code_enum(Coder *coder, int *value, int count)
{
    uint8_t byte;
    if (!coder->decoding) {
        if (*value < 0 || *value >= count)
            coder->failed = true;
        byte = (uint8_t)*value;
    }
    code_u8(coder, &byte);
    if (coder->decoding) {
        if (byte >= count) {
            coder->failed = true;
            byte = 0;
        }
        *value = byte;
    }
}

void code_bool(Coder *coder, bool *value)
{
    int truth;
    if (!coder->decoding)
        truth = *value;
    code_enum(coder, &truth, 2);
    if (coder->decoding)
        *value = truth == 1;
}

void code_bytes(Coder *coder, uint8_t *bytes, size_t length)
{
    if (length == 0)
        return;
    uint8_t *coded = take(coder, length);
    if (!coder->decoding) {
        if (coded)
            memcpy(coded, bytes, length);
    } else if (coded) {
        memcpy(bytes, coded, length);
    } else {
        memset(bytes, 0, length);
    }
}

void code_name(Coder *coder, Name *name)
{
    if (!coder->decoding) {
        uint8_t length = (uint8_t)strnlen(name->text, sizeof name->text);
        if (length > 0 && !name_valid(name->text))
            coder->failed = true;
        code_u8(coder, &length);
        code_bytes(coder, (uint8_t *)name->text, length);
        return;
    }
    Name decoded = {{0}};
    uint8_t length;
    code_u8(coder, &length);
    if (length <= NAME_BYTES_MAX)
        code_bytes(coder, (uint8_t *)decoded.text, length);
    /* The length is compared too: a NUL among the letters would end the name before it, and what is
     * too long has not been read. */
    if (length > 0 && (!name_valid(decoded.text) || strlen(decoded.text) != length)) {
        coder->failed = true;
        decoded = (Name){{0}};
    }
    *name = decoded;
}

void code_member(Coder *coder, Member *member)
{
    code_name(coder, &member->name);
    code_u32(coder, &member->ip);
    code_u16(coder, &member->port1);
    code_u16(coder, &member->port2);
    code_u64(coder, &member->epoch);
}
