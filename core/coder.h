/* One function codes both ways: each code_* call writes *value when encoding and sets it when
 * decoding, so that what is written and what is read cannot drift apart. Integers are big-endian.
 *
 * Errors are sticky: after a call that does not fit (fixed buffer) or reads past the end, `failed`
 * is set, nothing more is written, and decoded values are zero. Check it once, at the end. */
#ifndef COHORT_CODER_H
#define COHORT_CODER_H

#include "core/types.h"

typedef struct Coder {
    uint8_t *bytes;
    size_t length;   /* decoding: bytes there are; encoding: bytes written so far */
    size_t capacity; /* encoding: room in bytes */
    size_t at;       /* decoding: bytes read so far */
    bool decoding;
    bool growing; /* bytes is owned and grows; freed by coder_deinit */
    bool failed;
} Coder;

Coder coder_encode_growing(void); /* deinit, or keep .bytes and g_free it */
Coder coder_encode_fixed(uint8_t *bytes, size_t capacity); /* the caller's buffer */
Coder coder_decode(const uint8_t *bytes, size_t length);   /* borrowed while decoding */
void coder_deinit(Coder *coder);

void code_u8(Coder *coder, uint8_t *value);
void code_u16(Coder *coder, uint16_t *value);
void code_u32(Coder *coder, uint32_t *value);
void code_u64(Coder *coder, uint64_t *value);
void code_money(Coder *coder, Money *value); /* 64 bits, two's complement */
void code_bool(Coder *coder, bool *value);   /* one byte, 0 or 1; any other byte fails */
void code_name(Coder *coder, Name *name);    /* length byte, letters; empty or valid, else fails */
void code_bytes(Coder *coder, uint8_t *bytes, size_t length); /* exactly length bytes */
/* An enum of `count` values, at most 256, held in an int, one byte on the wire; an unknown value
 * fails. */
void code_enum(Coder *coder, int *value, int count);
void code_member(Coder *coder, Member *member);
/* True when decoding has read every byte and nothing failed. */
bool coder_finished(const Coder *coder);

#endif
