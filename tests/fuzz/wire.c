/* Datagrams: whatever the bytes, and whatever the bytes under a right checksum, they are a sound
 * datagram that is the one encoding of its messages, or have a named reason to be dropped. */
#include <string.h>

#include "tests/core/sample.h"
#include "tests/fuzz/fuzz.h"

/* What a bank's answer of one chunk holds: sound, it has one encoding too. */
static void read_answer(const Message *message)
{
    static Member members[MEMBERS_MAX];
    if (message->kind != MESSAGE_ANSWER || message->answer.length != message->answer.total)
        return;
    Notice notice;
    Coder reading = coder_decode(message->answer.bytes, message->answer.length);
    answer_code(&reading, &notice, members, MEMBERS_MAX);
    if (!coder_finished(&reading))
        return;
    Coder writing = coder_encode_growing();
    answer_code(&writing, &notice, NULL, 0);
    INVARIANT(!writing.failed);
    INVARIANT_THAT(writing.length, ==, message->answer.length);
    INVARIANT(memcmp(writing.bytes, message->answer.bytes, writing.length) == 0);
    coder_deinit(&writing);
}

static void read_messages(const uint8_t *bytes, size_t length)
{
    WireReader reader;
    Header header;
    Message message;
    char kinds[WIRE_KINDS_TEXT_MAX];
    wire_kinds_text(bytes, length, kinds);
    INVARIANT_THAT(strlen(kinds), <, sizeof kinds);
    if (wire_open(&reader, bytes, length, &header) != DROP_NONE)
        return;
    while (wire_next(&reader, &message))
        read_answer(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample_open(data, size);
    if (size <= HEADER_BYTES || sample_open_sealed(data, size) != DROP_NONE)
        return 0;
    g_autofree uint8_t *sealed = g_memdup2(data, size);
    sample_seal(sealed, size);
    read_messages(sealed, size);
    return 0;
}

/* --- mutations of sound datagrams, message by message --- */

typedef struct Part {
    size_t at;
    size_t length;
} Part;

static GArray *messages_of(const uint8_t *data, size_t size)
{
    GArray *parts = g_array_new(FALSE, FALSE, sizeof(Part));
    WireReader reader;
    Header header;
    Message message;
    if (wire_open(&reader, data, size, &header) != DROP_NONE)
        return parts;
    for (size_t at = reader.coder.at; wire_next(&reader, &message); at = reader.coder.at) {
        Part part = {at, reader.coder.at - at};
        g_array_append_val(parts, part);
    }
    return parts;
}

static size_t mutate_messages(uint8_t *data, size_t size, size_t capacity, const GArray *parts)
{
    const Part part = g_array_index(parts, Part, fuzz_below(parts->len));
    const Part place = g_array_index(parts, Part, fuzz_below(parts->len));
    g_autofree uint8_t *copy = g_memdup2(data + part.at, part.length);
    Datagram sample;
    switch (fuzz_below(5)) {
    case 0:
        return fuzz_replace(data, size, capacity, part.at, part.length, NULL, 0);
    case 1:
        return fuzz_replace(data, size, capacity, place.at, 0, copy, part.length);
    case 2:
        sample_datagram(&sample, (int)(1 + fuzz_below(MESSAGE_KINDS - 1)),
                        (int)fuzz_below(VARIANTS));
        return fuzz_replace(data, size, capacity, place.at, 0, sample.bytes + HEADER_BYTES,
                            sample.length - HEADER_BYTES);
    default:
        return fuzz_mutate_part(data, size, capacity, part.at, part.length);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    g_autoptr(GArray) parts = messages_of(data, size);
    if (parts->len > 0 && fuzz_below(3) > 0)
        size = mutate_messages(data, size, capacity, parts);
    else
        size = LLVMFuzzerMutate(data, size, capacity);
    if (size > HEADER_BYTES && fuzz_below(20) > 0) {
        memcpy(data, "CH\x01", 4);
        sample_seal(data, size);
    }
    return size;
}
