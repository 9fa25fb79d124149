#include "tests/fuzz/frames.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/coder.h"
#include "tests/fuzz/fuzz.h"

enum { MAGIC_BYTES = 8, CHECKED_AT = 16, HEAD_BYTES = 40, COPIES = 2 };
static const char MAGIC[] = "COHORTR1";

/* The records of the frames that stand twice, as they should; those that do not are left out. */
static GPtrArray *take_apart(const uint8_t *data, size_t size)
{
    GPtrArray *records = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    size_t at = 0;
    while (size - at >= HEAD_BYTES && memcmp(data + at, MAGIC, MAGIC_BYTES) == 0) {
        uint32_t length;
        Coder coder = coder_decode(data + at + CHECKED_AT + 4, sizeof length);
        code_u32(&coder, &length);
        if (length > size - at - HEAD_BYTES)
            break;
        g_ptr_array_add(records, g_bytes_new(data + at + HEAD_BYTES, length));
        at += MIN(COPIES * (HEAD_BYTES + (size_t)length), size - at);
    }
    return records;
}

static void append_frame(GByteArray *file, uint32_t kind, uint64_t sequence, uint64_t first,
                         GBytes *record)
{
    gsize length;
    uint8_t *bytes = (uint8_t *)g_bytes_get_data(record, &length); /* an encoder only reads them */
    uint32_t length32 = (uint32_t)length;
    Coder checked = coder_encode_growing();
    code_u32(&checked, &kind);
    code_u32(&checked, &length32);
    code_u64(&checked, &sequence);
    code_u64(&checked, &first);
    code_bytes(&checked, bytes, length);
    uint64_t checksum = GUINT64_TO_BE(XXH3_64bits(checked.bytes, checked.length));
    for (int copy = 0; copy < COPIES; copy++) {
        g_byte_array_append(file, (const uint8_t *)MAGIC, MAGIC_BYTES);
        g_byte_array_append(file, (const uint8_t *)&checksum, sizeof checksum);
        g_byte_array_append(file, checked.bytes, (guint)checked.length);
    }
    coder_deinit(&checked);
}

static size_t put_together(uint8_t *data, size_t size, size_t capacity, uint32_t kind,
                           const GPtrArray *records)
{
    g_autoptr(GByteArray) file = g_byte_array_new();
    for (guint i = 0; i < records->len; i++)
        append_frame(file, kind, 1 + i, 1, g_ptr_array_index(records, i));
    if (file->len > capacity)
        return size;
    memcpy(data, file->data, file->len);
    return file->len;
}

static GBytes *mutated(GBytes *record, size_t room)
{
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(record, &length);
    g_autofree uint8_t *copy = g_malloc(length + room);
    if (length > 0)
        memcpy(copy, bytes, length);
    return g_bytes_new(copy, LLVMFuzzerMutate(copy, length, length + room));
}

size_t frames_mutate(uint8_t *data, size_t size, size_t capacity, uint32_t kind)
{
    if (fuzz_below(4) == 0)
        return LLVMFuzzerMutate(data, size, capacity);
    g_autoptr(GPtrArray) records = take_apart(data, size);
    if (records->len == 0)
        g_ptr_array_add(records, g_bytes_new(data, MIN(size, 64)));
    const guint from = (guint)fuzz_below(records->len);
    const guint to = (guint)fuzz_below(records->len);
    GBytes *record = g_ptr_array_index(records, from);
    switch (fuzz_below(5)) {
    case 0:
        if (records->len > 1)
            g_ptr_array_remove_index(records, from);
        break;
    case 1:
        g_ptr_array_insert(records, (gint)to, g_bytes_ref(record));
        break;
    default:
        g_ptr_array_index(records, from) =
            mutated(record, (capacity - size) / COPIES); /* every byte is there twice */
        g_bytes_unref(record);
    }
    return put_together(data, size, capacity, kind, records);
}
