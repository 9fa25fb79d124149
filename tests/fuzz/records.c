#include "tests/fuzz/records.h"

#include <string.h>

#include "core/coder.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD_BYTES = 8 };

static void code_head(Coder *coder, uint16_t *slot, uint16_t *index, uint32_t *length)
{
    code_u16(coder, slot);
    code_u16(coder, index);
    code_u32(coder, length);
}

void records_read(const uint8_t *data, size_t size, Shelf *shelf)
{
    Coder coder = coder_decode(data, size);
    while (size - coder.at >= HEAD_BYTES) {
        uint16_t slot;
        uint16_t index;
        uint32_t length;
        code_head(&coder, &slot, &index, &length);
        length = (uint32_t)MIN(length, size - coder.at);
        shelf_put(shelf, (Slot)(slot % SLOTS), index, data + coder.at, length);
        coder.at += length;
    }
}

static void write_record(GByteArray *out, uint16_t slot, uint16_t index, const uint8_t *bytes,
                         size_t length)
{
    uint8_t head[HEAD_BYTES];
    uint32_t length32 = (uint32_t)length;
    Coder coder = coder_encode_fixed(head, sizeof head);
    code_head(&coder, &slot, &index, &length32);
    g_byte_array_append(out, head, sizeof head);
    g_byte_array_append(out, bytes, length32);
}

void records_write(const Shelf *shelf, GByteArray *out)
{
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        const ShelfRecord record = shelf_at(shelf, i);
        write_record(out, (uint16_t)record.slot, record.index, record.bytes, record.length);
    }
}

size_t records_mutate(uint8_t *data, size_t size, size_t capacity)
{
    Shelf *shelf = shelf_new();
    records_read(data, size, shelf);
    if (shelf_count(shelf) == 0 || fuzz_below(16) == 0) {
        shelf_free(shelf);
        return LLVMFuzzerMutate(data, size, capacity);
    }
    const size_t chosen = fuzz_below(shelf_count(shelf));
    const bool removed = fuzz_below(8) == 0;
    g_autoptr(GByteArray) out = g_byte_array_new();
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        const ShelfRecord record = shelf_at(shelf, i);
        if (i != chosen) {
            write_record(out, (uint16_t)record.slot, record.index, record.bytes, record.length);
        } else if (!removed) {
            const size_t room = record.length + 64;
            g_autofree uint8_t *bytes = g_malloc(room);
            memcpy(bytes, record.bytes, record.length);
            const size_t length = LLVMFuzzerMutate(bytes, record.length, room);
            const uint16_t slot =
                fuzz_below(16) == 0 ? (uint16_t)fuzz_below(SLOTS) : (uint16_t)record.slot;
            const uint16_t index = fuzz_below(16) == 0 ? (uint16_t)fuzz_below(8) : record.index;
            write_record(out, slot, index, bytes, length);
        }
    }
    shelf_free(shelf);
    size = MIN(out->len, capacity);
    if (size > 0)
        memcpy(data, out->data, size);
    return size;
}
