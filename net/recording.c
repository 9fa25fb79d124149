#include "net/recording.h"

#include <string.h>
#include <xxhash.h>

#include "core/panic.h"
#include "net/effectcode.h"

enum { MARKER_BYTES = 4, LENGTH_AT = 4, CHECKSUM_AT = 8 };
static const uint8_t MARKER[MARKER_BYTES] = {0xc0, 0xf4, 0xa3, 0xe5};
const char RECORDING_MAGIC[] = "COHORTV1";

/* --- what frames hold --- */

static void code_version(Coder *coder, char version[static RECORDING_VERSION_BYTES])
{
    const uint8_t *bytes = (const uint8_t *)version;
    size_t length = coder->decoding ? 0 : strlen(version);
    code_block(coder, &bytes, &length);
    if (!coder->decoding)
        return;
    memset(version, 0, RECORDING_VERSION_BYTES);
    if (length >= RECORDING_VERSION_BYTES)
        coder->failed = true;
    else
        memcpy(version, bytes, length);
}

static void code_stored(Coder *coder, RecordingHeader *header)
{
    uint64_t count = coder->decoding ? 0 : shelf_count(header->stored);
    code_number(coder, &count);
    for (uint64_t i = 0; i < count && !coder->failed; i++) {
        ShelfRecord record = {0};
        if (!coder->decoding)
            record = shelf_at(header->stored, (size_t)i);
        int slot = (int)record.slot;
        code_enum(coder, &slot, SLOTS);
        code_u16(coder, &record.index);
        code_block(coder, &record.bytes, &record.length);
        if (coder->decoding && !coder->failed)
            shelf_put(header->stored, (Slot)slot, record.index, record.bytes, record.length);
    }
}

static void code_customer(Coder *coder, RecordingHeader *header)
{
    CustomerConfig *config = &header->customer;
    int cash = coder->decoding ? 0 : (int)config->cash;
    if (coder->decoding)
        header->stored = shelf_new();
    code_u64(coder, &config->client);
    code_u64(coder, &config->seed);
    code_u32(coder, &config->bank.ip);
    code_u16(coder, &config->bank.port);
    code_u32(coder, &config->ip);
    code_u16(coder, &config->port1);
    code_u16(coder, &config->port2);
    code_name(coder, &config->resume);
    code_u32(coder, &config->retries);
    code_enum(coder, &cash, CASH_MODES);
    config->cash = (CashMode)cash;
    code_stored(coder, header);
}

void code_header(Coder *coder, RecordingHeader *header)
{
    int role = coder->decoding ? 0 : (int)header->role;
    code_version(coder, header->version);
    code_u64(coder, &header->monotonic_ns);
    code_u64(coder, &header->realtime_ns);
    code_enum(coder, &role, RECORDING_ROLES);
    header->role = (RecordingRole)role;
    if (header->role == RECORDING_CUSTOMER) {
        code_customer(coder, header);
        return;
    }
    code_u64(coder, &header->bank.seed);
    code_bool(coder, &header->bank.any_port);
    code_block(coder, &header->bank_state, &header->bank_state_length);
}

void code_saved(Coder *coder, RecordingSaved *saved)
{
    code_number(coder, &saved->now_ns);
    code_number(coder, &saved->commit);
}

void code_end(Coder *coder, RecordingEnd *end)
{
    code_u64(coder, &end->state_hash);
}

uint64_t recording_state_hash(const Bank *bank, const Customer *customer)
{
    Coder coder = coder_encode_growing();
    if (bank != NULL)
        bank_encode(bank, &coder);
    else
        customer_encode(customer, &coder);
    INVARIANT(!coder.failed);
    uint64_t hash = XXH3_64bits(coder.bytes, coder.length);
    coder_deinit(&coder);
    return hash;
}

/* --- frames --- */

void frame_begin(Coder *coder, FrameKind kind)
{
    uint8_t head[FRAME_HEAD_BYTES] = {0};
    uint8_t kind8 = (uint8_t)kind;
    coder->length = 0;
    code_bytes(coder, head, sizeof head);
    code_u8(coder, &kind8);
}

void frame_finish(Coder *coder, uint64_t at)
{
    INVARIANT(!coder->failed);
    const size_t length = coder->length - FRAME_HEAD_BYTES;
    INVARIANT_THAT(length, <=, UINT32_MAX);
    const uint32_t length32 = GUINT32_TO_BE((uint32_t)length);
    const uint64_t checksum =
        GUINT64_TO_BE(XXH3_64bits_withSeed(coder->bytes + FRAME_HEAD_BYTES, length, at));
    memcpy(coder->bytes, MARKER, sizeof MARKER);
    memcpy(coder->bytes + LENGTH_AT, &length32, sizeof length32);
    memcpy(coder->bytes + CHECKSUM_AT, &checksum, sizeof checksum);
}

/* Is a sound frame at this place? */
static bool sound(const RecordingReader *reader, size_t at, Frame *frame)
{
    uint32_t length32;
    uint64_t checksum;
    if (reader->length - at < FRAME_HEAD_BYTES ||
        memcmp(reader->bytes + at, MARKER, sizeof MARKER) != 0)
        return false;
    memcpy(&length32, reader->bytes + at + LENGTH_AT, sizeof length32);
    memcpy(&checksum, reader->bytes + at + CHECKSUM_AT, sizeof checksum);
    const size_t length = GUINT32_FROM_BE(length32);
    const uint8_t *bytes = reader->bytes + at + FRAME_HEAD_BYTES;
    if (length == 0 || length > reader->length - at - FRAME_HEAD_BYTES ||
        GUINT64_FROM_BE(checksum) != XXH3_64bits_withSeed(bytes, length, at) ||
        bytes[0] >= FRAME_KINDS)
        return false;
    *frame =
        (Frame){.at = at, .kind = (FrameKind)bytes[0], .bytes = bytes + 1, .length = length - 1};
    return true;
}

static bool sound_follows(const RecordingReader *reader)
{
    Frame frame;
    size_t at = reader->at;
    while (at < reader->length) {
        const uint8_t *found = memchr(reader->bytes + at, MARKER[0], reader->length - at);
        if (found == NULL)
            return false;
        at = (size_t)(found - reader->bytes);
        if (sound(reader, at, &frame))
            return true;
        at++;
    }
    return false;
}

/* A process may have died before all of the magic was written: then NULs are all that follows. */
bool recording_open(RecordingReader *reader, const uint8_t *bytes, size_t length)
{
    const size_t magic_bytes = MIN(length, (size_t)RECORDING_MAGIC_BYTES);
    size_t written = 0;
    *reader = (RecordingReader){.bytes = bytes, .length = length};
    while (written < magic_bytes && bytes[written] == (uint8_t)RECORDING_MAGIC[written])
        written++;
    reader->at = written;
    if (written == magic_bytes)
        return true;
    for (size_t i = written; i < length; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

RecordingNext recording_next(RecordingReader *reader, Frame *frame)
{
    if (!reader->ended && sound(reader, reader->at, frame)) {
        reader->at += FRAME_HEAD_BYTES + 1 + frame->length;
        reader->ended = frame->kind == FRAME_END;
        return RECORDING_FRAME;
    }
    if (sound_follows(reader))
        return RECORDING_DAMAGED;
    return reader->ended ? RECORDING_OVER : RECORDING_CUT;
}
