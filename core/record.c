#include "core/record.h"

#include <string.h>

/* Inlined, so that the archive needs nothing from the library. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/coder.h"
#include "core/panic.h"
#include "core/planted.h"

enum { MAGIC_BYTES = 8, CHECKED_AT = 16, HEAD_BYTES = 40, COPIES = 2 };
static const uint8_t MAGIC[MAGIC_BYTES + 1] = "COHORTR1";

struct RecordFile {
    Disk *disk;
    char *name;
    uint32_t kind;
    bool loaded;
    bool rewritten; /* since it was loaded: it can be appended to */
    int failed;     /* the error that ended its use */
    uint64_t first; /* sequence numbers */
    uint64_t sequence;
    uint64_t bytes;
    uint64_t appended_bytes;
};

/* A sound frame among the bytes of a file. */
typedef struct Frame {
    size_t at;
    size_t bytes; /* with its head */
    uint64_t sequence;
    uint64_t first;
} Frame;

RecordFile *record_file_new(Disk *disk, const char *name, uint32_t kind)
{
    RecordFile *file = g_new0(RecordFile, 1);
    file->disk = disk;
    file->kind = kind;
    file->name = g_strdup(name);
    return file;
}

void record_file_free(RecordFile *file)
{
    if (file == NULL)
        return;
    g_free(file->name);
    g_free(file);
}

/* --- a frame --- */

/* What follows the checksum in the head. */
static void code_head(Coder *coder, uint32_t *kind, uint32_t *length, uint64_t *sequence,
                      uint64_t *first)
{
    code_u32(coder, kind);
    code_u32(coder, length);
    code_u64(coder, sequence);
    code_u64(coder, first);
}

/* The frame and its copy; g_free them. */
static uint8_t *encode(const RecordFile *file, uint64_t sequence, uint64_t first,
                       const uint8_t *bytes, size_t length)
{
    INVARIANT_THAT(length, <=, RECORD_BYTES_MAX);
    const size_t frame_bytes = HEAD_BYTES + length;
    uint8_t *frame = g_malloc(COPIES * frame_bytes);
    uint32_t kind = file->kind;
    uint32_t length32 = (uint32_t)length;
    Coder checked = coder_encode_fixed(frame + CHECKED_AT, HEAD_BYTES - CHECKED_AT);
    code_head(&checked, &kind, &length32, &sequence, &first);
    INVARIANT_THAT(checked.length, ==, HEAD_BYTES - CHECKED_AT);
    if (length > 0)
        memcpy(frame + HEAD_BYTES, bytes, length);

    uint64_t checksum = XXH3_64bits(frame + CHECKED_AT, frame_bytes - CHECKED_AT);
    Coder start = coder_encode_fixed(frame + MAGIC_BYTES, CHECKED_AT - MAGIC_BYTES);
    memcpy(frame, MAGIC, MAGIC_BYTES);
    code_u64(&start, &checksum);
    if (planted(PLANTED_COPY_NOT_WRITTEN))
        memset(frame + frame_bytes, 0, frame_bytes);
    else
        memcpy(frame + frame_bytes, frame, frame_bytes);
    return frame;
}

static bool decode(const RecordFile *file, const GByteArray *bytes, size_t at, Frame *frame)
{
    if (bytes->len - at < HEAD_BYTES || memcmp(bytes->data + at, MAGIC, MAGIC_BYTES) != 0)
        return false;
    uint64_t checksum;
    uint32_t kind;
    uint32_t length;
    *frame = (Frame){.at = at};
    Coder coder = coder_decode(bytes->data + at + MAGIC_BYTES, HEAD_BYTES - MAGIC_BYTES);
    code_u64(&coder, &checksum);
    code_head(&coder, &kind, &length, &frame->sequence, &frame->first);
    if (kind != file->kind || length > bytes->len - at - HEAD_BYTES)
        return false;
    frame->bytes = HEAD_BYTES + (size_t)length;
    return checksum == XXH3_64bits(bytes->data + at + CHECKED_AT, frame->bytes - CHECKED_AT) ||
           planted(PLANTED_TORN_TAIL_BELIEVED);
}

/* The first sound frame at or behind `at` with this or a later sequence number. */
static bool find(const RecordFile *file, const GByteArray *bytes, size_t at, uint64_t sequence,
                 Frame *frame)
{
    while (at < bytes->len) {
        const uint8_t *next = memchr(bytes->data + at, MAGIC[0], bytes->len - at);
        if (next == NULL)
            return false;
        at = (size_t)(next - bytes->data);
        if (decode(file, bytes, at, frame) && frame->sequence >= sequence)
            return true;
        at++;
    }
    return false;
}

/* --- loading --- */

/* Is this the frame that the bytes from `at` on should begin with, or that one's copy? */
static bool fits(const Frame *frame, size_t at, const Frame *before)
{
    const bool in_place = frame->at == at || frame->at == at + frame->bytes;
    if (before == NULL)
        return in_place && frame->sequence == frame->first;
    return in_place && frame->sequence == before->sequence + 1 && frame->first == before->first;
}

/* The sound frames of the file, each once. False: it is damaged. */
static bool survey(const RecordFile *file, const GByteArray *bytes, GArray *frames,
                   RecordReport *report)
{
    size_t at = 0;
    while (at < bytes->len) {
        const Frame *before =
            frames->len > 0 ? &g_array_index(frames, Frame, frames->len - 1) : NULL;
        Frame frame;
        Frame copy;
        if (!find(file, bytes, at, before != NULL ? before->sequence + 1 : 0, &frame)) {
            report->torn_bytes = bytes->len - at;
            break;
        }
        if (!fits(&frame, at, before)) {
            report->damaged_at = at;
            return false;
        }
        if (frame.at != at || !decode(file, bytes, at + frame.bytes, &copy) ||
            copy.sequence != frame.sequence)
            report->repaired++;
        g_array_append_val(frames, frame);
        at += COPIES * frame.bytes;
    }
    if (planted(PLANTED_TORN_TAIL_REFUSED) && report->torn_bytes > 0)
        return false;
    return frames->len > 0; /* without a first frame it is damaged at 0 */
}

static bool take_all(const GByteArray *bytes, const GArray *frames, RecordTake take, void *user,
                     RecordReport *report)
{
    for (guint i = 0; i < frames->len; i++) {
        const Frame *frame = &g_array_index(frames, Frame, i);
        if (!take(user, bytes->data + frame->at + HEAD_BYTES, frame->bytes - HEAD_BYTES)) {
            report->damaged_at = frame->at;
            return false;
        }
    }
    return true;
}

static int take_in(RecordFile *file, const GByteArray *bytes, RecordTake take, void *user,
                   RecordReport *report)
{
    g_autoptr(GArray) frames = g_array_new(FALSE, FALSE, sizeof(Frame));
    if (!survey(file, bytes, frames, report) || !take_all(bytes, frames, take, user, report))
        return RECORD_DAMAGED;
    const Frame *first = &g_array_index(frames, Frame, 0);
    file->sequence = g_array_index(frames, Frame, frames->len - 1).sequence;
    file->bytes = bytes->len;
    file->appended_bytes = bytes->len - MIN(COPIES * first->bytes, bytes->len);
    return 0;
}

int record_load(RecordFile *file, RecordTake take, void *user, RecordReport *report)
{
    INVARIANT(!file->loaded);
    file->loaded = true;
    *report = (RecordReport){0};
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    file->failed = disk_read(file->disk, file->name, bytes);
    if (file->failed == DISK_MISSING) {
        file->failed = 0;
        return DISK_MISSING;
    }
    if (file->failed == 0)
        file->failed = take_in(file, bytes, take, user, report);
    return file->failed;
}

/* --- writing --- */

int record_rewrite(RecordFile *file, uint64_t sequence, const uint8_t *bytes, size_t length)
{
    INVARIANT(file->loaded);
    INVARIANT_THAT(sequence, >=, file->sequence);
    if (file->failed != 0)
        return file->failed;
    uint8_t *frames = encode(file, sequence, sequence, bytes, length);
    const uint64_t frames_bytes = record_rewritten_bytes(length);
    file->failed = disk_replace(file->disk, file->name, frames, frames_bytes);
    g_free(frames);
    if (file->failed != 0)
        return file->failed;
    file->rewritten = true;
    file->first = sequence;
    file->sequence = sequence;
    file->bytes = frames_bytes;
    file->appended_bytes = 0;
    return 0;
}

int record_append(RecordFile *file, const uint8_t *bytes, size_t length)
{
    if (file->failed != 0)
        return file->failed;
    INVARIANT(file->rewritten);
    uint8_t *frames = encode(file, file->sequence + 1, file->first, bytes, length);
    const uint64_t frames_bytes = record_rewritten_bytes(length);
    file->failed = disk_write(file->disk, file->name, file->bytes, frames, frames_bytes);
    if (file->failed == 0 && !planted(PLANTED_SYNC_SKIPPED))
        file->failed = disk_sync(file->disk, file->name);
    g_free(frames);
    if (file->failed != 0)
        return file->failed;
    file->sequence++;
    file->bytes += frames_bytes;
    file->appended_bytes += frames_bytes;
    return 0;
}

/* --- figures --- */

uint64_t record_sequence(const RecordFile *file)
{
    return file->sequence;
}

uint64_t record_bytes(const RecordFile *file)
{
    return file->bytes;
}

uint64_t record_appended_bytes(const RecordFile *file)
{
    return file->appended_bytes;
}

uint64_t record_rewritten_bytes(size_t length)
{
    return COPIES * (HEAD_BYTES + (uint64_t)length);
}
