/* A recording: all that entered the core of one live process from its start on, and what came out,
 * as a file of frames. Fed through the core again, it must give the same.
 *
 *     at  bytes
 *      0      8  magic "COHORTV1": also the version of the format
 *      8         frame after frame:
 *      0      4  marker 0xc0f4a3e5
 *      4      4  length of what follows the checksum, n > 0
 *      8      8  checksum: XXH3, 64 bits, of those n bytes; its seed is the frame's place
 *     16      1  kind
 *     17    n-1  the rest
 *
 * The first frame is the HEADER. Then, step by step, an EVENT and the EFFECTS that it had, and
 * between steps, how far commits had become durable (SAVED), so that it is known what left when.
 * The last one is the END. A frame is in the file before anything that it tells of leaves the
 * process: no other process knows more of this one than its recording does.
 *
 * A file may end anywhere, or in NULs: its process was killed, or the machine died. That is a cut.
 * What does not read as a frame while sound frames follow is damage. This module is bytes alone;
 * net/recorder.h is the file. */
#ifndef COHORT_RECORDING_H
#define COHORT_RECORDING_H

#include "core/bank.h"
#include "core/customer.h"

enum { RECORDING_MAGIC_BYTES = 8, FRAME_HEAD_BYTES = 16, RECORDING_VERSION_BYTES = 32 };
extern const char RECORDING_MAGIC[]; /* RECORDING_MAGIC_BYTES, and a NUL */

typedef enum FrameKind {
    FRAME_HEADER,
    FRAME_EVENT,
    FRAME_EFFECTS,
    FRAME_SAVED,
    FRAME_END,
    FRAME_KINDS
} FrameKind;

typedef enum RecordingRole { RECORDING_BANK, RECORDING_CUSTOMER, RECORDING_ROLES } RecordingRole;

/* What a process was started with. */
typedef struct RecordingHeader {
    char version[RECORDING_VERSION_BYTES]; /* of the program */
    uint64_t monotonic_ns;                 /* the clock of its events, and ... */
    uint64_t realtime_ns;                  /* ... Unix time, at one moment */
    RecordingRole role;
    /* A bank's: */
    BankConfig bank;
    const uint8_t *bank_state; /* what it had loaded, as bank_encode tells it */
    size_t bank_state_length;
    /* A customer's: */
    CustomerConfig customer;
    Shelf *stored; /* given to customer_load; decoded, it is the caller's to free */
} RecordingHeader;

/* Commits up to this one are durable, and may be told of. */
typedef struct RecordingSaved {
    uint64_t now_ns; /* as of an event */
    uint64_t commit;
} RecordingSaved;

/* An orderly end. */
typedef struct RecordingEnd {
    uint64_t state_hash; /* of the encoding of the process's whole state */
} RecordingEnd;

void code_header(Coder *coder, RecordingHeader *header);
void code_saved(Coder *coder, RecordingSaved *saved);
void code_end(Coder *coder, RecordingEnd *end);

uint64_t recording_state_hash(const Bank *bank, const Customer *customer); /* one of them */

/* --- writing --- */

/* Begins a frame in `coder`, which is growing, and empty but for its memory; code what it holds,
 * then finish it: the coder's bytes are then the frame that belongs at this place of the file. */
void frame_begin(Coder *coder, FrameKind kind);
void frame_finish(Coder *coder, uint64_t at);

/* --- reading --- */

typedef struct Frame {
    uint64_t at; /* in the file */
    FrameKind kind;
    const uint8_t *bytes; /* behind the kind */
    size_t length;
} Frame;

typedef struct RecordingReader {
    const uint8_t *bytes;
    size_t length;
    size_t at;
    bool ended; /* its END was read */
} RecordingReader;

typedef enum RecordingNext {
    RECORDING_FRAME,
    RECORDING_OVER,   /* after its END */
    RECORDING_CUT,    /* reader.at: up to where it is sound */
    RECORDING_DAMAGED /* likewise, but sound frames follow */
} RecordingNext;

/* Borrows the bytes of a whole file. False: it is no recording. */
bool recording_open(RecordingReader *reader, const uint8_t *bytes, size_t length);
RecordingNext recording_next(RecordingReader *reader, Frame *frame);

#endif
