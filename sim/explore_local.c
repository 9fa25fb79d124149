#include "sim/explore_local.h"

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "core/panic.h"
#include "sim/explore_disk.h"
#include "sim/explore_kept.h"
#include "sim/world.h"

struct Locals {
    uint16_t count;
    Name names[STANDING_PEERS_MAX];
    CustomerConfig configs[STANDING_PEERS_MAX];
    GBytes *beginnings[STANDING_PEERS_MAX]; /* encodings */
    uint32_t first[STANDING_PEERS_MAX];
    uint64_t cohort;
    uint32_t tries_max;
    Mails *mails;
    Pool *pool;       /* of encodings */
    GPtrArray *cores; /* of LocalCore */
    Pool *traces;     /* of arrays of Kept */
    GArray *setup;    /* of Kept */
    GArray *commands; /* of Command */
    PairMap *known;   /* by core and move: ... */
    GArray *steps;    /* ... of LocalStep */
    GArray *sent;     /* of uint32_t: mails */
    GArray *records;  /* of Kept: of the step under way */
    Effects *effects;
};

/* --- traces --- */

size_t locals_trace_count(const Locals *locals, uint32_t traces)
{
    size_t length;
    pool_get(locals->traces, traces, &length);
    return length / sizeof(Kept);
}

TraceEvent locals_trace(const Locals *locals, uint32_t traces, size_t index)
{
    const Kept *kept = pool_get(locals->traces, traces, NULL);
    return kept_event(&kept[index]);
}

size_t locals_setup_count(const Locals *locals)
{
    return locals->setup->len;
}

TraceEvent locals_setup(const Locals *locals, size_t index, Name *process)
{
    const Kept *kept = &g_array_index(locals->setup, Kept, index);
    *process = kept->process;
    return kept_event(kept);
}

/* --- cores --- */

static Customer *decode(const Locals *locals, uint32_t core)
{
    const LocalCore *known = locals_core(locals, core);
    Customer *customer = customer_new(&locals->configs[known->member]);
    bool decoded =
        customer_decode(customer, pool_get(locals->pool, core, NULL), known->customer_length);
    INVARIANT(decoded);
    return customer;
}

static CustomerConfig config_to_go_on(const Locals *locals, uint16_t member)
{
    CustomerConfig config = locals->configs[member];
    config.resume = locals->names[member];
    return config;
}

/* NULL: nobody looks at it. */
static Shelf *decode_disk(const Locals *locals, uint32_t core)
{
    size_t length;
    const LocalCore *known = locals_core(locals, core);
    const uint8_t *bytes = pool_get(locals->pool, core, &length);
    const CustomerConfig config = config_to_go_on(locals, known->member);
    if (length == known->customer_length)
        return NULL;
    return disk_decode(bytes + known->customer_length, length - known->customer_length, &config);
}

/* The customer becomes canonical, and a core, with its disk if there is one; how it came to be is
 * kept with the first. */
static uint32_t intern(Locals *locals, Customer *customer, const Shelf *disk, LocalCore how)
{
    const CustomerConfig config = config_to_go_on(locals, how.member);
    canonical_forget(customer, locals->tries_max);
    Coder coder = coder_encode_growing();
    customer_encode(customer, &coder);
    how.customer_length = (uint32_t)coder.length;
    if (disk != NULL)
        disk_encode(disk, &config, locals->tries_max, &coder);
    INVARIANT(!coder.failed);
    uint32_t core = pool_intern(locals->pool, coder.bytes, coder.length);
    coder_deinit(&coder);
    if (core == locals->cores->len) {
        char why[8];
        canonical_standing(customer, locals->tries_max, &how.standing);
        how.idle = canonical_idle(customer, why, sizeof why);
        g_ptr_array_add(locals->cores, g_memdup2(&how, sizeof how));
    }
    INVARIANT_THAT(locals_core(locals, core)->member, ==, how.member);
    return core;
}

uint32_t locals_without_disk(Locals *locals, uint32_t core)
{
    size_t length;
    const LocalCore *known = locals_core(locals, core);
    const uint8_t *bytes = pool_get(locals->pool, core, &length);
    if (length == known->customer_length)
        return core;
    uint32_t without = pool_find(locals->pool, bytes, known->customer_length);
    if (without != POOL_NONE)
        return without;
    Customer *customer = decode(locals, core);
    without = intern(locals, customer, NULL,
                     (LocalCore){.member = known->member, .parent = core, .move = MOVE_NONE});
    customer_free(customer);
    return without;
}

const LocalCore *locals_core(const Locals *locals, uint32_t core)
{
    INVARIANT_THAT(core, <, locals->cores->len);
    return g_ptr_array_index(locals->cores, core);
}

/* --- steps --- */

static void record(Locals *locals, const TraceEvent *event)
{
    if (trace_is_datagram(event->kind))
        return;
    Kept kept = kept_of(event);
    g_array_append_val(locals->records, kept);
}

/* Kills the customer, and gives the one that is loaded from its disk in its place: a crash between
 * two steps loses nothing of what the first has saved. */
static Customer *crash(Locals *locals, Customer *customer, const Shelf *disk, uint16_t member)
{
    const CustomerConfig config = config_to_go_on(locals, member);
    Standing standing;
    TraceEvent event = {.kind = TRACE_CRASHED, .balance = customer_balance(customer)};
    canonical_standing(customer, locals->tries_max, &standing);
    event.inc = standing.inc;
    record(locals, &event);
    customer_free(customer);
    return disk_load(disk, &config);
}

/* What happens to the customer, as an event; false: it cannot. */
static bool prepare(Locals *locals, Customer **customer, const Shelf *disk, uint16_t member,
                    Move move, Event *event)
{
    uint32_t argument = move_argument(move);
    size_t length;
    *event = (Event){.kind = EVENT_TIMEOUT, .now_ns = CANONICAL_NOW_NS};
    switch (move_kind(move)) {
    case MOVE_MAIL:
        event->kind = EVENT_DATAGRAM;
        event->port = PORT_PEER;
        event->bytes = mails_datagram(locals->mails, argument, &length);
        event->length = length;
        event->from = (Address){locals->configs[mails_from(locals->mails, argument)].ip,
                                locals->configs[mails_from(locals->mails, argument)].port2};
        return true;
    case MOVE_TIMER:
        return canonical_fire(*customer, (TimerKind)(argument / STANDING_PEERS_MAX),
                              (uint16_t)(argument % STANDING_PEERS_MAX), locals->tries_max);
    case MOVE_COMMAND:
        event->kind = EVENT_COMMAND;
        event->command = *locals_command(locals, argument);
        return true;
    default:
        event->kind = EVENT_START;
        *customer = crash(locals, *customer, disk, member);
        return true;
    }
}

static void collect(Locals *locals, LocalStep *step)
{
    for (size_t i = 0; i < effects_count(locals->effects); i++) {
        const Effect *effect = effects_at(locals->effects, i);
        if (effect->kind == EFFECT_TRACE)
            record(locals, &effect->trace);
        if (effect->kind != EFFECT_SEND || effect->send.port != PORT_PEER)
            continue; /* the bank is silent */
        uint32_t mail = mails_of(locals->mails, effect->send.bytes, effect->send.length);
        g_array_append_val(locals->sent, mail);
    }
    step->sent_count = locals->sent->len - step->sent;
    step->traces =
        pool_intern(locals->traces, locals->records->data, locals->records->len * sizeof(Kept));
}

static LocalStep take_step(Locals *locals, uint32_t core, Move move)
{
    uint16_t member = locals_core(locals, core)->member;
    LocalStep step = {.core = POOL_NONE, .sent = locals->sent->len};
    Customer *customer = decode(locals, core);
    Shelf *disk = decode_disk(locals, core);
    Event event;
    g_array_set_size(locals->records, 0);
    if (prepare(locals, &customer, disk, member, move, &event)) {
        customer_step(customer, &event, locals->effects);
        collect(locals, &step);
        if (disk != NULL)
            shelf_apply(disk, locals->effects);
        step.core = intern(locals, customer, disk,
                           (LocalCore){.member = member, .parent = core, .move = move});
    }
    customer_free(customer);
    g_clear_pointer(&disk, shelf_free);
    return step;
}

LocalStep locals_step(Locals *locals, uint32_t core, Move move)
{
    uint32_t known = pair_map_get(locals->known, core, move);
    if (known == POOL_NONE) {
        LocalStep step = take_step(locals, core, move);
        known = locals->steps->len;
        g_array_append_val(locals->steps, step);
        pair_map_put(locals->known, core, move, known);
    }
    return g_array_index(locals->steps, LocalStep, known);
}

const uint32_t *locals_sent(const Locals *locals, uint32_t first)
{
    return &g_array_index(locals->sent, uint32_t, first);
}

const uint32_t *locals_repeats(Locals *locals, uint32_t core, uint32_t *count)
{
    if (!locals_core(locals, core)->repeats_known) {
        g_autoptr(GArray) repeats = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        uint32_t timers = 0;
        for (uint32_t timer = 0; timer < TIMERS_MAX; timer++) {
            if (timer % STANDING_PEERS_MAX >= locals->count)
                continue;
            LocalStep step = locals_step(locals, core, move_of(MOVE_TIMER, timer));
            bool only_sends = local_step_only_sends(core, step);
            if (only_sends && step.sent_count > 0)
                g_array_append_vals(repeats, locals_sent(locals, step.sent), step.sent_count);
            if (step.core != POOL_NONE && (!only_sends || step.sent_count > 0))
                timers |= UINT32_C(1) << timer;
        }
        LocalCore *known = g_ptr_array_index(locals->cores, core);
        known->repeats = locals->sent->len;
        known->repeat_count = repeats->len;
        known->repeats_known = true;
        known->timers = timers;
        if (repeats->len > 0)
            g_array_append_vals(locals->sent, repeats->data, repeats->len);
    }
    *count = locals_core(locals, core)->repeat_count;
    return locals_sent(locals, locals_core(locals, core)->repeats);
}

uint32_t locals_timers(Locals *locals, uint32_t core)
{
    uint32_t count;
    locals_repeats(locals, core, &count);
    return locals_core(locals, core)->timers;
}

/* --- commands --- */

uint32_t locals_add_command(Locals *locals, const Command *command)
{
    for (uint32_t i = 0; i < locals->commands->len; i++) {
        const Command *known = locals_command(locals, i);
        if (known->kind == command->kind && known->amount == command->amount &&
            name_equal(&known->name, &command->name))
            return i;
    }
    g_array_append_val(locals->commands, *command);
    return locals->commands->len - 1;
}

const Command *locals_command(const Locals *locals, uint32_t number)
{
    return &g_array_index(locals->commands, Command, number);
}

/* --- the object --- */

static void note_setup(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                       const TraceEvent *event)
{
    Locals *locals = context;
    Kept kept = kept_of(event);
    (void)seq;
    (void)t_ns;
    kept.process = *process;
    g_array_append_val(locals->setup, kept);
    if (event->kind != TRACE_JOINED || locals->count > 0)
        return;
    locals->count = (uint16_t)event->member_count;
    locals->cohort = event->cohort;
    memcpy(locals->names, event->members, event->member_count * sizeof *event->members);
}

/* The customer of that name; its place in the world's list need not be that in the cohort. */
static const Customer *customer_of(const World *world, const Scenario *scenario, const Name *name)
{
    for (guint i = 0; i < scenario->participants->len; i++) {
        const Customer *customer = world_customer(world, i);
        if (customer != NULL && name_equal(customer_name(customer), name))
            return customer;
    }
    return NULL;
}

static uint32_t first_core(Locals *locals, uint16_t member, bool disks)
{
    Shelf *disk = disks ? locals_first_disk(locals, member) : NULL;
    Customer *customer = locals_beginning(locals, member);
    uint32_t core =
        intern(locals, customer, disk, (LocalCore){.member = member, .parent = POOL_NONE});
    customer_free(customer);
    g_clear_pointer(&disk, shelf_free);
    return core;
}

static char *take_over(Locals *locals, const World *world, const Scenario *scenario, bool disks)
{
    uint32_t ips[STANDING_PEERS_MAX] = {0};
    bool plain = scenario->explore.lost_transfers == 0 && scenario->retries == RETRIES_UNLIMITED;
    for (guint i = 0; i < scenario->script->len && plain; i++)
        plain =
            g_array_index(scenario->script, ScriptCommand, i).command.kind != COMMAND_LOST_TRANSFER;
    for (uint16_t i = 0; i < locals->count; i++) {
        const Customer *customer = customer_of(world, scenario, &locals->names[i]);
        if (customer == NULL)
            return g_strdup("the set-up has not come to its end");
        locals->configs[i] = canonical_config(customer);
        ips[i] = locals->configs[i].ip;
    }
    locals->mails = mails_new(locals->cohort, locals->count, ips, plain);
    for (uint16_t i = 0; i < locals->count; i++) {
        Coder coder = coder_encode_growing();
        customer_encode(customer_of(world, scenario, &locals->names[i]), &coder);
        locals->beginnings[i] = g_bytes_new_take(coder.bytes, coder.length);
        locals->first[i] = first_core(locals, i, disks);
    }
    return NULL;
}

static Locals *allocate(const Scenario *scenario)
{
    Locals *locals = g_new0(Locals, 1);
    locals->tries_max = (uint32_t)MIN(scenario->explore.retries, UINT32_MAX - 1) + 1;
    locals->pool = pool_new();
    locals->cores = g_ptr_array_new_with_free_func(g_free);
    locals->traces = pool_new();
    locals->setup = g_array_new(FALSE, TRUE, sizeof(Kept));
    locals->commands = g_array_new(FALSE, TRUE, sizeof(Command));
    locals->known = pair_map_new();
    locals->steps = g_array_new(FALSE, FALSE, sizeof(LocalStep));
    locals->sent = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    locals->records = g_array_new(FALSE, FALSE, sizeof(Kept));
    locals->effects = effects_new();
    pool_intern(locals->traces, "", 0);
    return locals;
}

Locals *locals_new(const Scenario *scenario, bool disks, char **error)
{
    guint customers = scenario->participants->len;
    if (customers < 2 || customers > STANDING_PEERS_MAX || scenario->cohort_size < customers) {
        *error = g_strdup_printf("explores one cohort of 2 to %d customers (set bank.customers)",
                                 STANDING_PEERS_MAX);
        return NULL;
    }
    Locals *locals = allocate(scenario);
    const Observer observer = {.context = locals, .on_trace = note_setup};
    World *world = world_new(scenario, scenario->seed, &observer);
    world_advance(world, 0);
    *error = take_over(locals, world, scenario, disks);
    world_free(world);
    if (*error != NULL)
        g_clear_pointer(&locals, locals_free);
    return locals;
}

void locals_free(Locals *locals)
{
    effects_free(locals->effects);
    g_array_unref(locals->records);
    g_array_unref(locals->sent);
    g_array_unref(locals->steps);
    pair_map_free(locals->known);
    g_array_unref(locals->commands);
    g_array_unref(locals->setup);
    pool_free(locals->traces);
    g_ptr_array_unref(locals->cores);
    pool_free(locals->pool);
    g_clear_pointer(&locals->mails, mails_free);
    for (unsigned i = 0; i < STANDING_PEERS_MAX; i++)
        g_clear_pointer(&locals->beginnings[i], g_bytes_unref);
    g_free(locals);
}

/* --- with clocks --- */

Customer *locals_beginning(const Locals *locals, uint16_t member)
{
    size_t length;
    const uint8_t *bytes = g_bytes_get_data(locals->beginnings[member], &length);
    Customer *customer = customer_new(&locals->configs[member]);
    bool decoded = customer_decode(customer, bytes, length);
    INVARIANT(decoded);
    return customer;
}

Shelf *locals_first_disk(const Locals *locals, uint16_t member)
{
    size_t length;
    const uint8_t *bytes = g_bytes_get_data(locals->beginnings[member], &length);
    return disk_decode(bytes, length, &locals->configs[member]);
}

CustomerConfig locals_config(const Locals *locals, uint16_t member)
{
    return locals->configs[member];
}

uint32_t locals_core_of(const Locals *locals, uint16_t member, const Customer *customer)
{
    Coder coder = coder_encode_growing();
    Customer *copy = customer_new(&locals->configs[member]);
    customer_encode(customer, &coder);
    bool decoded = customer_decode(copy, coder.bytes, coder.length);
    INVARIANT(decoded);
    coder_deinit(&coder);
    canonical_forget(copy, locals->tries_max);
    coder = coder_encode_growing();
    customer_encode(copy, &coder);
    uint32_t core = pool_find(locals->pool, coder.bytes, coder.length);
    coder_deinit(&coder);
    customer_free(copy);
    return core;
}

/* --- looking in --- */

uint16_t locals_members(const Locals *locals)
{
    return locals->count;
}

const Name *locals_names(const Locals *locals)
{
    return locals->names;
}

Mails *locals_mails(Locals *locals)
{
    return locals->mails;
}

uint32_t locals_first(const Locals *locals, uint16_t member)
{
    return locals->first[member];
}

uint32_t locals_core_count(const Locals *locals)
{
    return locals->cores->len;
}

uint64_t locals_steps(const Locals *locals)
{
    return locals->steps->len;
}

uint64_t locals_bytes(const Locals *locals)
{
    return pool_bytes(locals->pool) + pool_bytes(locals->traces) + mails_bytes(locals->mails) +
           pair_map_bytes(locals->known) + locals->cores->len * sizeof(LocalCore) +
           locals->steps->len * sizeof(LocalStep) + locals->sent->len * sizeof(uint32_t);
}

uint64_t locals_hash(const Locals *locals, uint32_t core)
{
    size_t length;
    const uint8_t *bytes = pool_get(locals->pool, core, &length);
    return XXH3_64bits(bytes, length);
}

char *locals_why(const Locals *locals, uint32_t core)
{
    char why[256];
    Customer *customer = decode(locals, core);
    bool idle = canonical_idle(customer, why, sizeof why);
    customer_free(customer);
    return idle ? NULL
                : g_strdup_printf("%s: %s", locals->names[locals_core(locals, core)->member].text,
                                  why);
}

void locals_tell(const Locals *locals, uint16_t member, Move move, GString *out)
{
    uint32_t argument = move_argument(move);
    char words[WIRE_KINDS_TEXT_MAX];
    char amount[MONEY_TEXT_MAX];
    size_t length;
    g_string_append_printf(out, "%s: ", locals->names[member].text);
    if (move_kind(move) == MOVE_MAIL) {
        const uint8_t *bytes = mails_datagram(locals->mails, argument, &length);
        g_string_append_printf(out, "gets %s from %s", wire_kinds_text(bytes, length, words),
                               locals->names[mails_from(locals->mails, argument)].text);
    } else if (move_kind(move) == MOVE_TIMER) {
        TimerKind kind = (TimerKind)(argument / STANDING_PEERS_MAX);
        g_string_append_printf(out, "timer %s", timer_kind_word(kind));
        if (timer_kind_of_peer(kind))
            g_string_append_printf(out, " %s", locals->names[argument % STANDING_PEERS_MAX].text);
    } else if (move_kind(move) == MOVE_COMMAND) {
        const Command *command = locals_command(locals, argument);
        g_string_append(out, command_word(command->kind));
        if (command->amount > 0)
            g_string_append_printf(out, " %s", money_text(command->amount, amount));
        if (command->name.text[0] != '\0')
            g_string_append_printf(out, " %s", command->name.text);
    } else {
        g_string_append(out, "crashes, and is started again");
    }
}
