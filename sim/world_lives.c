#include "sim/world_choices.h"

#include "core/panic.h"
#include "core/planted.h"

/* A process that starts after a crash may find its computer started anew, and the clock with it. */
#define NEW_CLOCK_NS_MAX (3600 * NS_PER_S)

/* --- beginning --- */

static Customer *new_customer(World *world, Node *node, const Name *resume)
{
    CustomerConfig config = {.bank = {WORLD_BANK_IP, WORLD_BANK_PORT},
                             .ip = node->ip,
                             .port1 = WORLD_PORT1,
                             .port2 = WORLD_PORT2,
                             .retries = world->scenario->retries,
                             .cash = world->scenario->cash};
    uint32_t index = node_number(world, node) - FIRST_CUSTOMER;
    uint64_t life = (uint64_t)node->starts << 32 | index;
    uint64_t clients = stream_start(world->seed, STREAM_CLIENT, life);
    config.seed = stream_start(world->seed, STREAM_PROCESS, life);
    while (config.client == 0)
        config.client = random_next(&clients);
    if (resume != NULL)
        config.resume = *resume;
    return customer_new(&config);
}

static Bank *new_bank(World *world, Node *node)
{
    return bank_new(&(BankConfig){.seed = stream_start(world->seed, STREAM_BANK, node->starts)});
}

/* What is loaded begins to run. */
static void begin(World *world, Node *node)
{
    Event event = {.kind = EVENT_START};
    node->state = NODE_UP;
    node->life++;
    world_step(world, node, &event);
}

/* A disk that nobody would ever read is left out. */
static Storage *new_storage(World *world, const Node *node)
{
    bool bank = node_is_bank(world, node);
    uint64_t stream = stream_start(world->seed, STREAM_DISK,
                                   (uint64_t)node->starts << 32 | node_number(world, node));
    if (!world->scenario->disks_matter)
        return NULL;
    Storage *storage = storage_new(bank, stream);
    storage_set_chooser(storage, choose_disk(world, node));
    return storage;
}

void world_start_customer(World *world, Node *node, const Name *resume)
{
    world_count_disk(&world->result, node->storage);
    storage_free(node->storage);
    node->storage = new_storage(world, node);
    if (node->storage != NULL) {
        Shelf *nothing = shelf_new();
        storage_load(node->storage, world->now_ns, nothing, NULL);
        shelf_free(nothing);
        if (world->phase != PHASE_SETUP)
            storage_set_model(node->storage, &world->disks);
    }
    node->customer = new_customer(world, node, resume);
    node->outbox = outbox_new();
    node->starts++;
    node->inc = 0;
    node->exited = false;
    node->crashed = false;
    begin(world, node);
}

void world_start_bank(World *world)
{
    Node *node = &world->nodes[BANK_NODE];
    const GArray *rows = world->scenario->rows;
    node->bank = new_bank(world, node);
    node->outbox = outbox_new();
    node->storage = new_storage(world, node);
    if (node->storage != NULL)
        storage_begin(node->storage, rows, node->bank);
    for (guint i = 0; node->storage == NULL && i < rows->len; i++) {
        BankLoad loaded = bank_load_row(node->bank, &g_array_index(rows, BankRow, i));
        INVARIANT_THAT(loaded, ==, BANK_LOAD_OK);
    }
    node->starts++;
    begin(world, node);
}

/* --- ending --- */

void world_count_disk(WorldResult *result, const Storage *storage)
{
    if (storage == NULL)
        return;
    DiskCounts counts = storage_counts(storage);
    result->faults[COUNT_DISK_ERRORS] += counts.errors;
    result->faults[COUNT_DISK_FULL] += counts.full;
    result->faults[COUNT_TORN_WRITES] += counts.torn_writes;
    result->faults[COUNT_LOST_WRITES] += counts.lost_writes;
}

void world_end(World *world, Node *node, NodeState state)
{
    g_clear_pointer(&node->customer, customer_free);
    g_clear_pointer(&node->bank, bank_free);
    g_clear_pointer(&node->outbox, outbox_free);
    node->state = state;
    node->life++;
    node->doom = (Doom){0};
    node->deadline_ns = TIME_NEVER;
    node->disk_ns = TIME_NEVER;
    node->unanswered = 0;
    node->stop_due = false;
    if (state == NODE_ENDED)
        g_array_set_size(node->peers, 0);
    world_go_on(world, node);
    world_note_idle(world, node);
}

/* --- crashes --- */

static bool draw_death(const World *world, Node *node, const Writing *writing, size_t effects,
                       Death *death)
{
    if (world->phase != PHASE_RUN ||
        !draw_chance(&node->dooms, world_fault_model(world)->crash_at_save))
        return false;
    death->point = random_below(&node->dooms, writing->operations + effects + 1);
    death->durable = death->point >= writing->operations;
    if (death->durable)
        death->point -= writing->operations;
    else
        death->under_way = random_next(&node->dooms) >> 63;
    return true;
}

void world_draw_doom(World *world, Node *node, const Writing *writing, size_t effects)
{
    Death death = {.point = writing->operations};
    if (!writing->failed) {
        bool dies = draw_death(world, node, writing, effects, &death);
        if (world->choosing != NULL)
            dies = choose_death(world, node, dies, &death);
        if (!dies)
            return;
    }
    if (death.durable) {
        node->doom.commit = storage_written(node->storage);
        node->doom.effects = death.point;
        return;
    }
    uint64_t at_ns;
    storage_doomed(node->storage);
    node->doom.cut =
        storage_cut(node->storage, MIN(death.point, writing->operations), death.under_way, &at_ns);
    if (at_ns > world->now_ns)
        queue_put(world->queue, at_ns, KIND_CUT, node_number(world, node), node->life);
    else
        world_crash(world, node, node->doom.cut, true);
}

/* At the scenario's end all that are down are started anyway; a schedule says when, if before. */
static void await_restart(World *world, Node *node)
{
    uint64_t after_ns = delay_draw(&world_fault_model(world)->restart_after, &node->rebirths);
    uint64_t due_ns = world->now_ns + MAX(after_ns, RESTART_NS_MIN);
    if (world->phase == PHASE_SETTLE)
        due_ns = world->now_ns;
    else if (world_is_schedule(world) || due_ns > world->scenario->duration_ns)
        return;
    queue_put_early(world->queue, due_ns, KIND_RESTART, node_number(world, node), node->life);
}

/* The traces of what it had decided, and nobody has been told, come first. */
static void tell_crash(World *world, Node *node, uint64_t survived)
{
    const Effect *effect;
    while ((effect = outbox_crash_next(node->outbox, survived)) != NULL)
        world_record(world, node, &effect->trace);
    if (node_is_bank(world, node))
        world->result.faults[COUNT_BANK_CRASHES]++;
    else if (node->has_account && !node->crashed)
        world_record(
            world, node,
            &(TraceEvent){.kind = TRACE_CRASHED, .inc = node->inc, .balance = node->balance});
}

/* Not while it loads: the trace has told of a commit of which half may be sound. */
static void flip_bit(World *world, Node *node)
{
    if (node->state == NODE_LOADING || world->phase != PHASE_RUN)
        return;
    bool flips = draw_chance(&node->rebirths, world_fault_model(world)->bit_flip_rate);
    uint64_t seed = random_next(&node->rebirths);
    if (world->choosing != NULL)
        flips = choose_flip(world, node, flips, &seed);
    if (!flips)
        return;
    Flip flip = storage_flip(node->storage, &seed);
    world->result.faults[COUNT_BIT_FLIPS] += flip != FLIP_NONE;
    world->result.faults[COUNT_BIT_FLIPS_REPAIRED] += flip == FLIP_REPAIRED;
    world->result.faults[COUNT_BIT_FLIPS_REFUSED] += flip == FLIP_REFUSED;
}

void world_crash(World *world, Node *node, DiskCut cut, bool comes_back)
{
    storage_crash(node->storage, cut, world->now_ns);
    flip_bit(world, node);
    tell_crash(world, node, storage_survived(node->storage));
    node->recovering = false;
    node->in_doubt = false;
    world_end(world, node, node->exited ? NODE_ENDED : NODE_DOWN);
    if (node->state == NODE_DOWN && (comes_back || world->phase == PHASE_SETTLE))
        await_restart(world, node);
}

/* --- coming back --- */

static void set_clock_anew(World *world, Node *node)
{
    const FaultModel *faults = world_fault_model(world);
    uint64_t shown_ns = draw_uniform(&node->rebirths, 0, NEW_CLOCK_NS_MAX);
    bool anew = faults->clock_drift != 0 || faults->clock_jump_interval_ns != 0;
    if (world->choosing != NULL)
        anew = choose_clock(world, node, anew, &shown_ns);
    if (!anew)
        return;
    node->clock.true_ns = world->now_ns;
    node->clock.shown_ns = shown_ns;
}

/* Under the name that is in its state; before there is any, it waits for an `open` again. NULL: its
 * state is refused, which takes a planted fault. */
static Customer *load_customer(World *world, Node *node, const Shelf *shelf)
{
    Customer *probe = new_customer(world, node, NULL);
    LoadResult result = customer_load(probe, shelf);
    Name name = *customer_name(probe);
    customer_free(probe);
    INVARIANT(result != LOAD_DAMAGED || planted_any());
    if (result == LOAD_DAMAGED)
        return NULL;
    Customer *customer = new_customer(world, node, shelf_count(shelf) > 0 ? &name : NULL);
    result = customer_load(customer, shelf);
    INVARIANT_THAT(result, ==, LOAD_OK);
    return customer;
}

/* Negative: its disk failed. Positive: what is on it is refused. */
static int load(World *world, Node *node)
{
    bool is_bank = node_is_bank(world, node);
    Shelf *shelf = is_bank ? NULL : shelf_new();
    Bank *bank = is_bank ? new_bank(world, node) : NULL;
    int code = storage_load(node->storage, world->now_ns, shelf, bank);
    Customer *customer = code == 0 && !is_bank ? load_customer(world, node, shelf) : NULL;
    if (code == 0 && !is_bank && customer == NULL)
        code = LOAD_DAMAGED;
    if (code != 0) {
        bank_free(bank);
    } else {
        node->bank = bank;
        node->customer = customer;
        node->outbox = outbox_new();
    }
    shelf_free(shelf);
    return code;
}

void world_restart(World *world, Node *node)
{
    node->life++;
    set_clock_anew(world, node);
    int code = load(world, node);
    if (code < 0)
        await_restart(world, node);
    if (code != 0) /* refused, it stays down */
        return;
    node->starts++;
    node->state = NODE_LOADING;
    world->result.faults[COUNT_RESTARTS]++;
    uint64_t loaded_ns = storage_next_ns(node->storage, world->now_ns);
    if (loaded_ns != TIME_NEVER)
        queue_put(world->queue, loaded_ns, KIND_START, node_number(world, node), node->life);
    else
        world_start_loaded(world, node);
}

void world_start_loaded(World *world, Node *node)
{
    uint32_t life = node->life + 1;
    begin(world, node);
    if (node->life == life && node->customer != NULL) {
        node->recovering = customer_cohort(node->customer) != 0;
        node->in_doubt = node->tentative;
    }
}
