#include "tools/playback.h"

#include <inttypes.h>
#include <string.h>

#include "core/outbox.h"
#include "core/panic.h"
#include "net/effectcode.h"
#include "tools/effectwords.h"

/* A commit that is not known to be durable. */
typedef struct Pending {
    uint64_t commit;
    Frame effects; /* the step's, with its saves */
} Pending;

struct Playback {
    RecordingReader reader;
    RecordingHeader header;
    bool headed;
    PlaybackListener listener;
    PlaybackState state;
    GString *reason;
    PlaybackDifference difference;
    PlaybackCounts counts;

    Bank *bank; /* one of the two */
    Customer *customer;
    Name name;
    Effects *effects;
    Effects *recorded; /* decoded where a step needs it */
    Outbox *outbox;
    Coder coded;
    bool ended; /* its last step was made */

    /* On its disk, as far as is known; and what may be. */
    Shelf *durable;
    uint64_t saved;
    GArray *pending; /* of Pending */

    /* What comes next. */
    Frame frame;
    Event event;
    Frame event_effects; /* length 0: there are none */
    RecordingSaved next_saved;
    uint64_t now_ns;
};

/* --- reading --- */

static void damage(Playback *playback, uint64_t at, const char *what)
{
    playback->state = PLAYBACK_DAMAGED;
    g_string_printf(playback->reason, "damaged at byte %" PRIu64 ": %s", at, what);
}

static void cut(Playback *playback)
{
    playback->state = PLAYBACK_CUT;
    g_string_printf(playback->reason,
                    "cut off at byte %zu, after %" PRIu64
                    " steps: its process was killed, or could not record more",
                    playback->reader.at, playback->counts.steps);
}

/* False: it goes no further, and why is noted. */
static bool read_frame(Playback *playback, Frame *frame)
{
    switch (recording_next(&playback->reader, frame)) {
    case RECORDING_FRAME:
        return true;
    case RECORDING_OVER:
        playback->state = PLAYBACK_OVER;
        return false;
    case RECORDING_CUT:
        cut(playback);
        return false;
    case RECORDING_DAMAGED:
        damage(playback, playback->reader.at, "what follows is sound, so it was not cut off there");
        return false;
    }
    return false;
}

/* The times of a recording never fall, nor do they come before it. */
static bool in_time(const Playback *playback, uint64_t now_ns)
{
    return now_ns >= playback->now_ns && now_ns != TIME_NEVER;
}

/* The console lets nothing else through, and the core relies on it. */
static bool can_be_asked(const Playback *playback, const Command *command)
{
    const bool at_bank = playback->bank != NULL;
    const bool named = command->name.text[0] != '\0';
    if (command->amount < 0 || command->amount > AMOUNT_MAX ||
        (command->addressed && (command->port1 == 0 || command->port2 == 0)))
        return false;
    switch (command->kind) {
    case COMMAND_OPEN:
        return !at_bank || (named && command->addressed);
    case COMMAND_EXIT:
    case COMMAND_NEW_COHORT:
    case COMMAND_DELETE_COHORT:
        return !at_bank || named;
    case COMMAND_TRANSFER:
    case COMMAND_LOST_TRANSFER:
        return !at_bank && named && command->amount > 0;
    case COMMAND_DEPOSIT:
    case COMMAND_WITHDRAWAL:
        return !at_bank && command->amount > 0;
    case COMMAND_CHECKPOINT:
    case COMMAND_ROLLBACK:
    case COMMAND_BALANCE:
        return !at_bank;
    case COMMAND_RESUME:
    case COMMAND_KINDS:
        break;
    }
    return false;
}

static bool can_enter(const Playback *playback, const Event *event)
{
    const bool first = playback->counts.steps == 0;
    return in_time(playback, event->now_ns) && first == (event->kind == EVENT_START) &&
           !playback->ended &&
           (event->kind != EVENT_COMMAND || can_be_asked(playback, &event->command));
}

static void take_event(Playback *playback)
{
    Coder coder = coder_decode(playback->frame.bytes, playback->frame.length);
    playback->event = (Event){0};
    code_event(&coder, &playback->event);
    if (!coder_finished(&coder) || !can_enter(playback, &playback->event)) {
        damage(playback, playback->frame.at, "no event that can be there");
        return;
    }
    playback->event_effects = (Frame){0};
    if (read_frame(playback, &playback->event_effects)) {
        if (playback->event_effects.kind != FRAME_EFFECTS || playback->event_effects.length == 0)
            damage(playback, playback->event_effects.at, "an event without effects");
    } else if (playback->state == PLAYBACK_CUT) {
        playback->state = PLAYBACK_GOING; /* up to this event */
    }
}

static void take_saved(Playback *playback)
{
    Coder coder = coder_decode(playback->frame.bytes, playback->frame.length);
    code_saved(&coder, &playback->next_saved);
    if (!coder_finished(&coder) || !in_time(playback, playback->next_saved.now_ns) ||
        playback->next_saved.commit > playback->counts.commits)
        damage(playback, playback->frame.at, "a save that was not asked for");
}

/* Reads what comes next. */
static void look_ahead(Playback *playback)
{
    if (playback->state != PLAYBACK_GOING || !read_frame(playback, &playback->frame))
        return;
    if (playback->frame.kind == FRAME_EVENT)
        take_event(playback);
    else if (playback->frame.kind == FRAME_SAVED)
        take_saved(playback);
    else if (playback->frame.kind != FRAME_END)
        damage(playback, playback->frame.at, "a frame out of its order");
}

/* --- differences --- */

static void differ(Playback *playback, const char *event, size_t effect, char *recorded,
                   char *replayed)
{
    playback->state = PLAYBACK_DIFFERS;
    playback->difference = (PlaybackDifference){.event = g_strdup(event),
                                                .step = playback->counts.steps,
                                                .effect = effect,
                                                .recorded = recorded,
                                                .replayed = replayed};
}

static void differ_in_effects(Playback *playback)
{
    EffectsDifference difference;
    Coder coder = coder_decode(playback->event_effects.bytes, playback->event_effects.length);
    effects_decode(playback->recorded, &coder);
    if (!coder_finished(&coder) ||
        !effects_differ(playback->recorded, playback->effects, &difference)) {
        damage(playback, playback->event_effects.at, "no effects that can be there");
        return;
    }
    g_autoptr(GString) event = g_string_new(NULL);
    event_words(&playback->event, event);
    const uint64_t after_ns = playback->event.now_ns - playback->header.monotonic_ns;
    g_string_append_printf(event, ", %" PRIu64 ".%06" PRIu64 " s after the start",
                           after_ns / NS_PER_S, after_ns % NS_PER_S / NS_PER_US);
    differ(playback, event->str, difference.index + 1, difference.expected, difference.found);
}

/* --- stepping --- */

static void follow_name(Playback *playback)
{
    if (playback->customer != NULL && customer_name(playback->customer)->text[0] != '\0')
        playback->name = *customer_name(playback->customer);
}

static void tell(Playback *playback, const Effect *effect)
{
    const PlaybackListener *listener = &playback->listener;
    if (effect->kind == EFFECT_SEND && listener->sent != NULL)
        listener->sent(listener->user, effect->send.to, effect->send.bytes, effect->send.length);
    if (effect->kind == EFFECT_TRACE && listener->traced != NULL)
        listener->traced(listener->user, &playback->name, &effect->trace);
}

static void deliver(Playback *playback)
{
    const Effect *effect;
    while ((effect = outbox_next(playback->outbox)) != NULL)
        tell(playback, effect);
}

static bool is_last(const Effects *effects)
{
    const size_t count = effects_count(effects);
    return count > 0 && effects_at(effects, count - 1)->kind == EFFECT_END;
}

static bool as_recorded(Playback *playback)
{
    playback->coded.length = 0;
    effects_encode(playback->effects, &playback->coded);
    return playback->coded.length == playback->event_effects.length &&
           memcmp(playback->coded.bytes, playback->event_effects.bytes, playback->coded.length) ==
               0;
}

static void step_event(Playback *playback)
{
    playback->counts.steps++;
    playback->now_ns = playback->event.now_ns;
    int code = playback->bank != NULL
                   ? bank_step(playback->bank, &playback->event, playback->effects)
                   : customer_step(playback->customer, &playback->event, playback->effects);
    INVARIANT_THAT(code, ==, 0);
    if (playback_next_is_last(playback))
        return;
    if (!as_recorded(playback)) {
        differ_in_effects(playback);
        return;
    }
    playback->counts.effects += effects_count(playback->effects);
    playback->ended = is_last(playback->effects);
    follow_name(playback);
    const uint64_t commit = outbox_take(playback->outbox, playback->effects);
    if (commit != 0) {
        const Pending pending = {commit, playback->event_effects};
        playback->counts.commits = commit;
        g_array_append_val(playback->pending, pending);
    }
    deliver(playback);
}

static void apply(Playback *playback, const Pending *pending, Shelf *shelf)
{
    Coder coder = coder_decode(pending->effects.bytes, pending->effects.length);
    effects_decode(playback->recorded, &coder);
    INVARIANT(coder_finished(&coder)); /* they were compared */
    shelf_apply(shelf, playback->recorded);
}

static void step_saved(Playback *playback)
{
    guint done = 0;
    playback->now_ns = playback->next_saved.now_ns;
    playback->saved = MAX(playback->saved, playback->next_saved.commit);
    for (; done < playback->pending->len; done++) {
        const Pending *pending = &g_array_index(playback->pending, Pending, done);
        if (pending->commit > playback->saved)
            break;
        if (playback->customer != NULL) /* a bank's journal is not kept by slots */
            apply(playback, pending, playback->durable);
    }
    if (done > 0)
        g_array_remove_range(playback->pending, 0, done);
    outbox_saved(playback->outbox, playback->saved);
    deliver(playback);
}

static void step_end(Playback *playback)
{
    RecordingEnd end;
    Coder coder = coder_decode(playback->frame.bytes, playback->frame.length);
    code_end(&coder, &end);
    const uint64_t hash = recording_state_hash(playback->bank, playback->customer);
    if (!coder_finished(&coder))
        damage(playback, playback->frame.at, "no end that can be there");
    else if (hash != end.state_hash)
        differ(playback, "its end", 0, g_strdup_printf("state %016" PRIx64, end.state_hash),
               g_strdup_printf("state %016" PRIx64, hash));
}

void playback_step(Playback *playback)
{
    INVARIANT(playback->state == PLAYBACK_GOING);
    if (playback_next_is_last(playback)) {
        cut(playback); /* first, for the steps before it count */
        step_event(playback);
        return;
    }
    if (playback->frame.kind == FRAME_EVENT)
        step_event(playback);
    else if (playback->frame.kind == FRAME_SAVED)
        step_saved(playback);
    else
        step_end(playback);
    look_ahead(playback);
}

/* --- opening --- */

/* What the process had loaded must load. */
static void load(Playback *playback)
{
    bool loaded;
    if (playback->header.role == RECORDING_BANK) {
        playback->bank = bank_new(&playback->header.bank);
        loaded = bank_decode(playback->bank, playback->header.bank_state,
                             playback->header.bank_state_length);
        name_set(&playback->name, "bank");
    } else {
        playback->customer = customer_new(&playback->header.customer);
        loaded = customer_load(playback->customer, playback->header.stored) == LOAD_OK;
        name_set(&playback->name, "customer");
        for (size_t i = 0; i < shelf_count(playback->header.stored); i++) {
            const ShelfRecord record = shelf_at(playback->header.stored, i);
            shelf_put(playback->durable, record.slot, record.index, record.bytes, record.length);
        }
    }
    if (!loaded)
        differ(playback, "what it had loaded", 0, g_strdup("loads"), g_strdup("does not load"));
}

static void begin(Playback *playback)
{
    Frame frame;
    if (!read_frame(playback, &frame))
        return;
    Coder coder = coder_decode(frame.bytes, frame.length);
    if (frame.kind == FRAME_HEADER)
        code_header(&coder, &playback->header);
    if (frame.kind != FRAME_HEADER || !coder_finished(&coder)) {
        damage(playback, frame.at, "no header of this version");
        return;
    }
    playback->headed = true;
    playback->now_ns = playback->header.monotonic_ns;
    load(playback);
    look_ahead(playback);
}

Playback *playback_new(const uint8_t *bytes, size_t length)
{
    RecordingReader reader;
    if (!recording_open(&reader, bytes, length))
        return NULL;
    Playback *playback = g_new0(Playback, 1);
    playback->reader = reader;
    playback->reason = g_string_new(NULL);
    playback->effects = effects_new();
    playback->recorded = effects_new();
    playback->outbox = outbox_new();
    playback->coded = coder_encode_growing();
    playback->durable = shelf_new();
    playback->pending = g_array_new(FALSE, FALSE, sizeof(Pending));
    begin(playback);
    return playback;
}

void playback_free(Playback *playback)
{
    if (playback == NULL)
        return;
    if (playback->bank != NULL)
        bank_free(playback->bank);
    if (playback->customer != NULL)
        customer_free(playback->customer);
    shelf_free(playback->header.stored);
    shelf_free(playback->durable);
    g_array_free(playback->pending, TRUE);
    coder_deinit(&playback->coded);
    outbox_free(playback->outbox);
    effects_free(playback->effects);
    effects_free(playback->recorded);
    g_string_free(playback->reason, TRUE);
    g_free(playback->difference.event);
    g_free(playback->difference.recorded);
    g_free(playback->difference.replayed);
    g_free(playback);
}

/* --- passing on --- */

static ShelfRecord own_record(const Shelf *shelf, size_t *at)
{
    while (*at < shelf_count(shelf) && shelf_at(shelf, *at).slot == SLOT_TRACE)
        (*at)++; /* the driver's: a recording lacks it */
    return *at < shelf_count(shelf) ? shelf_at(shelf, (*at)++) : (ShelfRecord){.slot = SLOTS};
}

static bool same_records(const Shelf *a, const Shelf *b)
{
    size_t a_at = 0;
    size_t b_at = 0;
    for (;;) {
        const ShelfRecord x = own_record(a, &a_at);
        const ShelfRecord y = own_record(b, &b_at);
        if (x.slot != y.slot || x.index != y.index || x.length != y.length ||
            (x.length > 0 && memcmp(x.bytes, y.bytes, x.length) != 0))
            return false;
        if (x.slot == SLOTS)
            return true;
    }
}

bool playback_pass_on(Playback *playback, const Shelf *loaded)
{
    const Effect *effect;
    uint64_t survived = playback->saved;
    bool found = same_records(playback->durable, loaded);
    for (guint i = 0; i < playback->pending->len; i++) {
        const Pending *pending = &g_array_index(playback->pending, Pending, i);
        apply(playback, pending, playback->durable);
        if (!same_records(playback->durable, loaded))
            continue;
        found = true;
        survived = pending->commit;
    }
    while ((effect = outbox_crash_next(playback->outbox, survived)) != NULL)
        tell(playback, effect);
    return found;
}

/* --- looking in --- */

void playback_listen(Playback *playback, const PlaybackListener *listener)
{
    playback->listener = *listener;
}

PlaybackState playback_state(const Playback *playback)
{
    return playback->state;
}

const char *playback_reason(const Playback *playback)
{
    return playback->reason->str;
}

const PlaybackDifference *playback_difference(const Playback *playback)
{
    return &playback->difference;
}

PlaybackCounts playback_counts(const Playback *playback)
{
    return playback->counts;
}

const RecordingHeader *playback_header(const Playback *playback)
{
    return playback->headed ? &playback->header : NULL;
}

const Name *playback_name(const Playback *playback)
{
    return &playback->name;
}

const Event *playback_next(const Playback *playback, uint64_t *t_ns)
{
    uint64_t now_ns = playback->now_ns;
    const Event *event = playback->frame.kind == FRAME_EVENT ? &playback->event : NULL;
    if (event != NULL)
        now_ns = event->now_ns;
    else if (playback->frame.kind == FRAME_SAVED)
        now_ns = playback->next_saved.now_ns;
    *t_ns = playback->header.realtime_ns + (now_ns - playback->header.monotonic_ns);
    return event;
}

bool playback_next_is_last(const Playback *playback)
{
    return playback->frame.kind == FRAME_EVENT && playback->event_effects.length == 0;
}
