#include "sim/digest.h"

#include <string.h>
#include <xxhash.h>

#include "core/panic.h"

struct Digest {
    XXH3_state_t *state;
};

Digest *digest_new(void)
{
    Digest *digest = g_new0(Digest, 1);
    digest->state = XXH3_createState();
    INVARIANT(digest->state != NULL);
    XXH3_64bits_reset(digest->state);
    return digest;
}

void digest_free(Digest *digest)
{
    XXH3_freeState(digest->state);
    g_free(digest);
}

static void add(Digest *digest, const void *bytes, size_t length)
{
    XXH3_64bits_update(digest->state, bytes, length);
}

static void add_words(Digest *digest, const uint64_t *words, size_t count)
{
    uint64_t canonical[16];
    INVARIANT_THAT(count, <=, G_N_ELEMENTS(canonical));
    for (size_t i = 0; i < count; i++)
        canonical[i] = GUINT64_TO_LE(words[i]);
    add(digest, canonical, count * sizeof canonical[0]);
}

void digest_record(Digest *digest, uint64_t t_ns, uint32_t process, const TraceEvent *event)
{
    size_t reason_bytes = event->reason != NULL ? strlen(event->reason) : 0;
    const uint64_t words[] = {
        t_ns,          (uint64_t)event->kind << 32 | process,
        event->inc,    (uint64_t)event->amount,
        event->label,  (uint64_t)event->balance,
        event->cohort, event->member_count,
        event->number, event->count_count,
        event->undone, event->datagram,
        reason_bytes,  event->datagram_bytes,
    };
    add_words(digest, words, G_N_ELEMENTS(words));
    add(digest, &event->peer, sizeof event->peer);
    add(digest, &event->initiator, sizeof event->initiator);
    for (size_t i = 0; i < event->member_count; i++)
        add(digest, &event->members[i], sizeof event->members[i]);
    for (size_t i = 0; i < event->count_count; i++) {
        const TraceCount *count = &event->counts[i];
        add(digest, &count->peer, sizeof count->peer);
        add_words(digest, (const uint64_t[]){count->sent, count->received}, 2);
    }
    if (reason_bytes > 0)
        add(digest, event->reason, reason_bytes);
}

void digest_datagram(Digest *digest, uint64_t t_ns, uint32_t process, TraceKind kind, uint64_t id,
                     const uint8_t *bytes, size_t length)
{
    const uint64_t words[] = {t_ns, (uint64_t)kind << 32 | process, id, length};
    add_words(digest, words, G_N_ELEMENTS(words));
    if (length > 0)
        add(digest, bytes, length);
}

uint64_t digest_value(const Digest *digest)
{
    return XXH3_64bits_digest(digest->state);
}
