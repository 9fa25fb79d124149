#include "tools/replaymerge.h"

#include <string.h>
#include <xxhash.h>

#include "core/panic.h"

/* A datagram by what it says: who sends the same again says nothing new. */
typedef struct Datagram {
    uint64_t hash;
    bool sent; /* so far */
} Datagram;

typedef struct Merge Merge;

/* One recording: a life of a process. */
typedef struct Life {
    Merge *merge;
    const ReplayPart *part;
    Playback *playback;
    Name name;        /* at its end */
    bool has_account; /* or is the bank */
    uint64_t began_ns;
    uint64_t ended_ns;   /* the last that entered */
    struct Life *before; /* of the same process; NULL: the first one that is known */
    struct Life *after;
} Life;

struct Merge {
    const ReplayMergeConfig *config;
    Life *lives;       /* by their beginning */
    GArray *datagrams; /* of Datagram, by hash */
    bool entangled;    /* that was noted */
    uint64_t t_ns;     /* of what happens now; never falls */
};

/* --- datagrams --- */

static uint64_t hash_of(const uint8_t *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}

static gint compare_datagrams(gconstpointer a, gconstpointer b)
{
    const uint64_t x = ((const Datagram *)a)->hash;
    const uint64_t y = ((const Datagram *)b)->hash;
    return (x > y) - (x < y);
}

/* NULL: no recording tells of its sending. */
static Datagram *find_datagram(const Merge *merge, const uint8_t *bytes, size_t length)
{
    const Datagram key = {.hash = hash_of(bytes, length)};
    guint place;
    return g_array_binary_search(merge->datagrams, &key, compare_datagrams, &place)
               ? &g_array_index(merge->datagrams, Datagram, place)
               : NULL;
}

static void collect(void *user, Address to, const uint8_t *bytes, size_t length)
{
    (void)to;
    Merge *merge = ((Life *)user)->merge;
    const Datagram datagram = {.hash = hash_of(bytes, length)};
    g_array_append_val(merge->datagrams, datagram);
}

static void sort_datagrams(GArray *datagrams)
{
    guint kept = 0;
    g_array_sort(datagrams, compare_datagrams);
    for (guint i = 0; i < datagrams->len; i++) {
        const Datagram *datagram = &g_array_index(datagrams, Datagram, i);
        if (kept == 0 || g_array_index(datagrams, Datagram, kept - 1).hash != datagram->hash)
            g_array_index(datagrams, Datagram, kept++) = *datagram;
    }
    g_array_set_size(datagrams, kept);
}

/* --- the trace --- */

static void trace(Life *life, const Name *process, const TraceEvent *event)
{
    const ReplayMergeConfig *config = life->merge->config;
    if (config->datagrams || !trace_is_datagram(event->kind))
        config->trace(config->user, life->merge->t_ns, process, event);
}

static void trace_datagram(Life *life, TraceKind kind, Address peer, const uint8_t *bytes,
                           size_t length)
{
    const Merge *merge = life->merge;
    const Datagram *datagram = find_datagram(merge, bytes, length);
    const Datagram *first = (const Datagram *)(const void *)merge->datagrams->data;
    char kinds[WIRE_KINDS_TEXT_MAX];
    if (!merge->config->datagrams)
        return;
    TraceEvent event = {.kind = kind,
                        .datagram = datagram != NULL ? (uint64_t)(datagram - first) + 1 : 0,
                        .datagram_kinds = wire_kinds_text(bytes, length, kinds),
                        .datagram_bytes = length,
                        .outgoing = kind == TRACE_TX};
    address_text(peer, event.peer.text);
    trace(life, playback_name(life->playback), &event);
}

static void on_sent(void *user, Address to, const uint8_t *bytes, size_t length)
{
    Life *life = user;
    find_datagram(life->merge, bytes, length)->sent = true;
    trace_datagram(life, TRACE_TX, to, bytes, length);
}

static void on_traced(void *user, const Name *process, const TraceEvent *event)
{
    trace(user, process, event);
}

/* --- lives --- */

/* A bank goes on from its file, a customer that resumes an account from that one's state. */
static bool goes_on(const RecordingHeader *header)
{
    return header->role == RECORDING_BANK || header->customer.resume.text[0] != '\0';
}

static Playback *play(Life *life, const PlaybackListener *listener)
{
    Playback *playback = playback_new(life->part->bytes, life->part->length);
    playback_listen(playback, listener);
    return playback;
}

/* Datagrams are all that happens to a customer without an account. */
static void on_happened(void *user, const Name *process, const TraceEvent *event)
{
    (void)process;
    Life *life = user;
    life->has_account = life->has_account || !trace_is_datagram(event->kind);
}

/* Plays a life alone, for what it sends, when it ended and what it was called then. */
static void look_through(Life *life)
{
    Playback *playback =
        play(life, &(PlaybackListener){.sent = collect, .traced = on_happened, .user = life});
    life->has_account = goes_on(playback_header(playback));
    life->began_ns = playback_header(playback)->realtime_ns;
    life->ended_ns = life->began_ns;
    while (playback_state(playback) == PLAYBACK_GOING && !playback_next_is_last(playback)) {
        playback_next(playback, &life->ended_ns);
        playback_step(playback);
    }
    life->name = *playback_name(playback);
    playback_free(playback);
}

static int compare_lives(const void *a, const void *b)
{
    const uint64_t x = ((const Life *)a)->began_ns;
    const uint64_t y = ((const Life *)b)->began_ns;
    return (x > y) - (x < y);
}

static bool same_process(const Life *a, const Life *b)
{
    return playback_header(a->playback)->role == playback_header(b->playback)->role &&
           name_equal(&a->name, &b->name);
}

/* Of several that had the account one after the other, each opening it anew, the last. */
static Life *life_before(const Merge *merge, const Life *life)
{
    Life *before = NULL;
    for (Life *other = merge->lives; other < life; other++) {
        if (other->has_account && same_process(other, life) &&
            (before == NULL || other->ended_ns >= before->ended_ns))
            before = other;
    }
    return before;
}

static void join_lives(Merge *merge)
{
    for (size_t i = 0; i < merge->config->count; i++) {
        Life *life = &merge->lives[i];
        life->before = goes_on(playback_header(life->playback)) ? life_before(merge, life) : NULL;
        if (life->before != NULL)
            life->before->after = life;
    }
}

/* Its trace begins in the midst, and with those of others it may look wrong. */
static void note_beginning(const Life *life)
{
    const ReplayMergeConfig *config = life->merge->config;
    const RecordingHeader *header = playback_header(life->playback);
    if (life->before != NULL || header->role == RECORDING_BANK || !goes_on(header))
        return;
    g_autofree char *text = g_strdup_printf("%s goes on from a life of %s of which there is no "
                                            "recording: what it did before is missing",
                                            life->part->path, header->customer.resume.text);
    config->note(config->user, text);
}

/* A life that its recording does not tell to the end, and no other goes on with. */
static void note_end(const Life *life)
{
    const ReplayMergeConfig *config = life->merge->config;
    if (playback_state(life->playback) == PLAYBACK_OVER)
        return;
    g_autofree char *text = g_strdup_printf("%s breaks off: if %s went on after that, what it did "
                                            "is missing, and others may look wrong",
                                            life->part->path, life->name.text);
    config->note(config->user, text);
}

/* It goes no further. */
static void end_life(Life *life)
{
    const ReplayMergeConfig *config = life->merge->config;
    if (playback_header(life->playback)->role == RECORDING_BANK)
        return;
    if (life->after == NULL) {
        note_end(life);
        return;
    }
    const RecordingHeader *after = playback_header(life->after->playback);
    if (playback_pass_on(life->playback, after->stored))
        return;
    g_autofree char *text =
        g_strdup_printf("%s did not go on from what %s had left: one between them is missing, or "
                        "the state was changed by hand",
                        life->after->part->path, life->part->path);
    config->note(config->user, text);
}

/* --- merging --- */

static bool going(const Life *life)
{
    return playback_state(life->playback) == PLAYBACK_GOING &&
           !playback_next_is_last(life->playback) && (life->before == NULL || !going(life->before));
}

/* Is it still to be sent what comes in next? */
static bool waits(const Life *life)
{
    uint64_t t_ns;
    const Event *event = playback_next(life->playback, &t_ns);
    if (event == NULL || event->kind != EVENT_DATAGRAM)
        return false;
    const Datagram *datagram = find_datagram(life->merge, event->bytes, event->length);
    return datagram != NULL && !datagram->sent;
}

/* The one whose turn it is; NULL: all is told. */
static Life *choose(Merge *merge)
{
    Life *chosen = NULL;
    bool chosen_waits = false;
    uint64_t chosen_ns = 0;
    for (size_t i = 0; i < merge->config->count; i++) {
        Life *life = &merge->lives[i];
        uint64_t t_ns;
        if (!going(life))
            continue;
        playback_next(life->playback, &t_ns);
        const bool life_waits = waits(life);
        if (chosen != NULL &&
            (life_waits > chosen_waits || (life_waits == chosen_waits && t_ns >= chosen_ns)))
            continue;
        chosen = life;
        chosen_waits = life_waits;
        chosen_ns = t_ns;
    }
    if (chosen_waits && !merge->entangled) {
        merge->entangled = true;
        merge->config->note(merge->config->user,
                            "each of these recordings waits for another: they are not of one run");
    }
    return chosen;
}

static void step(Life *life)
{
    Merge *merge = life->merge;
    uint64_t t_ns;
    const Event *event = playback_next(life->playback, &t_ns);
    merge->t_ns = MAX(merge->t_ns, t_ns);
    if (event != NULL && event->kind == EVENT_DATAGRAM)
        trace_datagram(life, TRACE_RX, event->from, event->bytes, event->length);
    playback_step(life->playback);
    if (playback_state(life->playback) != PLAYBACK_GOING || playback_next_is_last(life->playback))
        end_life(life);
}

void replay_merge(const ReplayMergeConfig *config)
{
    Merge merge = {.config = config,
                   .lives = g_new0(Life, config->count),
                   .datagrams = g_array_new(FALSE, FALSE, sizeof(Datagram))};
    for (size_t i = 0; i < config->count; i++) {
        merge.lives[i] = (Life){.merge = &merge, .part = &config->parts[i]};
        look_through(&merge.lives[i]);
    }
    qsort(merge.lives, config->count, sizeof *merge.lives, compare_lives);
    sort_datagrams(merge.datagrams);
    for (size_t i = 0; i < config->count; i++) {
        Life *life = &merge.lives[i];
        life->playback =
            play(life, &(PlaybackListener){.sent = on_sent, .traced = on_traced, .user = life});
    }
    join_lives(&merge);
    for (size_t i = 0; i < config->count; i++)
        note_beginning(&merge.lives[i]);
    for (Life *life; (life = choose(&merge)) != NULL;)
        step(life);
    for (size_t i = 0; i < config->count; i++)
        playback_free(merge.lives[i].playback);
    g_array_free(merge.datagrams, TRUE);
    g_free(merge.lives);
}
