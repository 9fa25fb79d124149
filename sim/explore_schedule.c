#include "sim/explore_schedule.h"

#include <string.h>

#include "core/panic.h"
#include "sim/explore_disk.h"
#include "sim/schedule.h"

#define MOVE_NS NS_PER_US       /* from one to the next: no timer is so short */
#define LEAP_NS (61 * NS_PER_S) /* longer than a command waits */

enum { LEAPS_MAX = 200, ROUNDS_MAX = 6 };

/* One datagram, and what becomes of it. */
typedef struct Sent {
    uint16_t from;
    uint16_t to;
    uint64_t number;
    uint64_t sent_ns;
    GBytes *bytes;
    Fate fate;
} Sent;

typedef struct Actor {
    Customer *customer;
    Shelf *disk;
    uint64_t ahead_ns; /* its clock */
    uint64_t sent[STANDING_PEERS_MAX];
    uint64_t sent_bank;
} Actor;

typedef struct Stage {
    Locals *locals;
    uint16_t count;
    Scenario *schedule;
    Actor actors[STANDING_PEERS_MAX];
    CustomerConfig configs[STANDING_PEERS_MAX];
    GArray *sent; /* of Sent */
    Effects *effects;
    uint64_t now_ns;
} Stage;

/* What a step would do. */
typedef struct Trial {
    uint32_t core;
    size_t traces;
    size_t sends;
    uint64_t deadline_ns;
} Trial;

/* --- steps --- */

static Customer *copy_actor(const Stage *stage, uint16_t member)
{
    Coder coder = coder_encode_growing();
    Customer *copy = customer_new(&stage->configs[member]);
    customer_encode(stage->actors[member].customer, &coder);
    bool decoded = customer_decode(copy, coder.bytes, coder.length);
    INVARIANT(decoded);
    coder_deinit(&coder);
    return copy;
}

static Event event_at(const Stage *stage, uint16_t member, EventKind kind)
{
    return (Event){.kind = kind, .now_ns = stage->now_ns + stage->actors[member].ahead_ns};
}

static Event delivery(const Stage *stage, const Sent *sent)
{
    Event event = event_at(stage, sent->to, EVENT_DATAGRAM);
    size_t length;
    event.port = PORT_PEER;
    event.from = (Address){stage->configs[sent->from].ip, stage->configs[sent->from].port2};
    event.bytes = g_bytes_get_data(sent->bytes, &length);
    event.length = length;
    return event;
}

static size_t count_effects(const Stage *stage, EffectKind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < effects_count(stage->effects); i++) {
        const Effect *effect = effects_at(stage->effects, i);
        bool counts = effect->kind == kind;
        if (kind == EFFECT_TRACE && counts)
            counts = !trace_is_datagram(effect->trace.kind);
        if (kind == EFFECT_SEND && counts)
            counts = effect->send.port == PORT_PEER;
        count += counts;
    }
    return count;
}

static Trial try_event(Stage *stage, uint16_t member, const Event *event)
{
    Trial trial;
    Customer *copy = copy_actor(stage, member);
    customer_step(copy, event, stage->effects);
    trial.traces = count_effects(stage, EFFECT_TRACE);
    trial.sends = count_effects(stage, EFFECT_SEND);
    trial.deadline_ns = effects_deadline(stage->effects);
    trial.core = locals_core_of(stage->locals, member, copy);
    customer_free(copy);
    return trial;
}

static bool only_sends(Stage *stage, uint16_t member, const Trial *trial)
{
    return trial->traces == 0 && trial->core != POOL_NONE &&
           trial->core == locals_core_of(stage->locals, member, stage->actors[member].customer);
}

static bool does(const Stage *stage, const ExploreMove *move, const Trial *trial)
{
    return trial->core == locals_without_disk(stage->locals, move->to) &&
           trial->traces == locals_trace_count(stage->locals, move->traces);
}

static void note_lost_to_bank(Stage *stage, uint16_t member)
{
    Choice choice = {.kind = CHOICE_DATAGRAM,
                     .process = locals_names(stage->locals)[member],
                     .peer = {"bank"},
                     .number = ++stage->actors[member].sent_bank};
    choices_add(stage->schedule->choices, &choice);
}

/* The step is taken, and what it sends is under way. */
static void take(Stage *stage, uint16_t member, const Event *event)
{
    Actor *actor = &stage->actors[member];
    customer_step(actor->customer, event, stage->effects);
    shelf_apply(actor->disk, stage->effects);
    for (size_t i = 0; i < effects_count(stage->effects); i++) {
        const Effect *effect = effects_at(stage->effects, i);
        if (effect->kind != EFFECT_SEND)
            continue;
        if (effect->send.port == PORT_BANK) {
            note_lost_to_bank(stage, member);
            continue;
        }
        uint16_t to = 0;
        while (stage->configs[to].ip != effect->send.to.ip)
            to++;
        Sent sent = {.from = member,
                     .to = to,
                     .number = ++actor->sent[to],
                     .sent_ns = stage->now_ns,
                     .bytes = g_bytes_new(effect->send.bytes, effect->send.length)};
        g_array_append_val(stage->sent, sent);
    }
}

static void write_act(Stage *stage, uint16_t member, ScriptAct act, const Command *command)
{
    ScriptCommand entry = {.time_ns = stage->now_ns,
                           .process = locals_names(stage->locals)[member],
                           .act = act,
                           .duration_ns = act == SCRIPT_CLOCK_JUMP ? LEAP_NS : 0};
    if (command != NULL)
        entry.command = *command;
    script_append(stage->schedule->script, &entry);
}

static void deliver(Stage *stage, guint index)
{
    Sent *sent = &g_array_index(stage->sent, Sent, index);
    Event event = delivery(stage, sent);
    sent->fate.delay_ns[sent->fate.copies++] = stage->now_ns - sent->sent_ns;
    take(stage, sent->to, &event);
}

/* --- timers --- */

/* Lets the clock leap to the deadline; what happens then. */
static Event leap(Stage *stage, uint16_t member)
{
    Event event = event_at(stage, member, EVENT_TIMEOUT);
    uint64_t deadline_ns = try_event(stage, member, &event).deadline_ns;
    if (deadline_ns != TIME_NEVER)
        event.now_ns = MAX(event.now_ns, deadline_ns);
    return event;
}

static void time_out(Stage *stage, uint16_t member, const Event *event)
{
    write_act(stage, member, SCRIPT_TIMER, NULL);
    stage->actors[member].ahead_ns = event->now_ns - stage->now_ns;
    take(stage, member, event);
    stage->now_ns += MOVE_NS;
}

static bool make_timer(Stage *stage, const ExploreMove *move)
{
    for (unsigned i = 0; i < LEAPS_MAX; i++) {
        Event event = leap(stage, move->member);
        Trial trial = try_event(stage, move->member, &event);
        bool done = does(stage, move, &trial);
        if (!done && !only_sends(stage, move->member, &trial))
            return false;
        time_out(stage, move->member, &event);
        if (done)
            return true;
    }
    return false;
}

/* --- deliveries --- */

/* A datagram whose delivery is the move; with all that are under way, or were. */
static bool deliver_one(Stage *stage, const ExploreMove *move)
{
    uint16_t from = mails_from(locals_mails(stage->locals), move_argument(move->move));
    for (guint i = stage->sent->len; i-- > 0;) {
        const Sent *sent = &g_array_index(stage->sent, Sent, i);
        if (sent->from != from || sent->to != move->member || sent->fate.copies == COPIES_MAX)
            continue;
        Event event = delivery(stage, sent);
        Trial trial = try_event(stage, move->member, &event);
        if (does(stage, move, &trial)) {
            deliver(stage, i);
            stage->now_ns += MOVE_NS;
            return true;
        }
    }
    return false;
}

/* ... after which the command under way has waited too long. */
static bool deliver_late(Stage *stage, const ExploreMove *move)
{
    Actor *actor = &stage->actors[move->member];
    uint64_t now_ns = stage->now_ns;
    actor->ahead_ns += LEAP_NS;
    guint length = stage->schedule->script->len;
    write_act(stage, move->member, SCRIPT_CLOCK_JUMP, NULL);
    if (deliver_one(stage, move))
        return true;
    g_array_remove_range(stage->schedule->script, length, 1);
    actor->ahead_ns -= LEAP_NS;
    stage->now_ns = now_ns;
    return false;
}

/* Everybody whose timers only send lets them go off once; true: somebody did. */
static bool send_more(Stage *stage)
{
    bool some = false;
    for (uint16_t i = 0; i < stage->count; i++) {
        Event event = leap(stage, i);
        Trial trial = try_event(stage, i, &event);
        if (!only_sends(stage, i, &trial) || trial.sends == 0)
            continue;
        time_out(stage, i, &event);
        some = true;
    }
    return some;
}

/* Everything that is only answered is delivered; true: there was something. */
static bool answer_more(Stage *stage)
{
    bool some = false;
    guint length = stage->sent->len;
    for (guint i = 0; i < length; i++) {
        const Sent *sent = &g_array_index(stage->sent, Sent, i);
        if (sent->fate.copies > 0)
            continue;
        Event event = delivery(stage, sent);
        Trial trial = try_event(stage, sent->to, &event);
        if (!only_sends(stage, sent->to, &trial) || trial.sends == 0)
            continue;
        deliver(stage, i);
        stage->now_ns += MOVE_NS;
        some = true;
    }
    return some;
}

static bool make_delivery(Stage *stage, const ExploreMove *move)
{
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        if (deliver_one(stage, move) || deliver_late(stage, move))
            return true;
        bool sent = send_more(stage);
        if (deliver_one(stage, move))
            return true;
        if (!answer_more(stage) && !sent)
            return false;
    }
    return false;
}

/* --- commands and crashes --- */

static bool make_command(Stage *stage, const ExploreMove *move)
{
    const Command *command = locals_command(stage->locals, move_argument(move->move));
    Event event = event_at(stage, move->member, EVENT_COMMAND);
    event.command = *command;
    Trial trial = try_event(stage, move->member, &event);
    if (!does(stage, move, &trial))
        return false;
    write_act(stage, move->member, SCRIPT_COMMAND, command);
    take(stage, move->member, &event);
    stage->now_ns += MOVE_NS;
    return true;
}

static bool make_crash(Stage *stage, const ExploreMove *move)
{
    Actor *actor = &stage->actors[move->member];
    Event event = event_at(stage, move->member, EVENT_START);
    CustomerConfig config = stage->configs[move->member];
    config.resume = locals_names(stage->locals)[move->member];
    write_act(stage, move->member, SCRIPT_CRASH, NULL);
    write_act(stage, move->member, SCRIPT_RESTART, NULL);
    customer_free(actor->customer);
    actor->customer = disk_load(actor->disk, &config);
    take(stage, move->member, &event);
    stage->now_ns += MOVE_NS;
    return locals_core_of(stage->locals, move->member, actor->customer) ==
           locals_without_disk(stage->locals, move->to);
}

/* --- the whole --- */

static bool make_move(Stage *stage, const ExploreMove *move)
{
    switch (move_kind(move->move)) {
    case MOVE_MAIL:
        return make_delivery(stage, move);
    case MOVE_TIMER:
        return make_timer(stage, move);
    case MOVE_COMMAND:
        return make_command(stage, move);
    default:
        return make_crash(stage, move);
    }
}

static void set_stage(Stage *stage, const Scenario *scenario, Locals *locals)
{
    stage->locals = locals;
    stage->count = locals_members(locals);
    stage->schedule = schedule_of(scenario);
    stage->sent = g_array_new(FALSE, TRUE, sizeof(Sent));
    stage->effects = effects_new();
    stage->now_ns = MOVE_NS;
    for (uint16_t i = 0; i < stage->count; i++) {
        stage->configs[i] = locals_config(locals, i);
        stage->actors[i].customer = locals_beginning(locals, i);
        stage->actors[i].disk = locals_first_disk(locals, i);
    }
}

static void strike_stage(Stage *stage)
{
    for (guint i = 0; i < stage->sent->len; i++)
        g_bytes_unref(g_array_index(stage->sent, Sent, i).bytes);
    for (uint16_t i = 0; i < stage->count; i++) {
        customer_free(stage->actors[i].customer);
        shelf_free(stage->actors[i].disk);
    }
    g_array_unref(stage->sent);
    effects_free(stage->effects);
}

/* What arrives, and when; all else is lost. */
static void write_fates(Stage *stage)
{
    for (guint i = 0; i < stage->sent->len; i++) {
        const Sent *sent = &g_array_index(stage->sent, Sent, i);
        Choice choice = {.kind = CHOICE_DATAGRAM,
                         .process = locals_names(stage->locals)[sent->from],
                         .peer = locals_names(stage->locals)[sent->to],
                         .number = sent->number,
                         .datagram = sent->fate};
        choices_add(stage->schedule->choices, &choice);
    }
}

Scenario *explore_schedule(const Scenario *scenario, Locals *locals, const GArray *path,
                           char **error)
{
    Stage stage = {0};
    set_stage(&stage, scenario, locals);
    *error = NULL;
    for (guint i = 0; i < path->len && *error == NULL; i++) {
        const ExploreMove *move = &g_array_index(path, ExploreMove, i);
        if (make_move(&stage, move))
            continue;
        g_autoptr(GString) text = g_string_new(NULL);
        locals_tell(locals, move->member, move->move, text);
        *error = g_strdup_printf("no run of real clocks makes move %u (%s)", i + 1, text->str);
    }
    stage.schedule->duration_ns = stage.now_ns;
    write_fates(&stage);
    strike_stage(&stage);
    if (*error == NULL)
        scenario_complete(stage.schedule, NULL, 0, error);
    if (*error == NULL)
        return stage.schedule;
    scenario_free(stage.schedule);
    return NULL;
}
