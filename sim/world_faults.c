#include "sim/world_state.h"

#include "core/panic.h"
#include "core/planted.h"

/* A process that starts after a crash may find its computer started anew, and the clock with it. */
#define NEW_CLOCK_NS_MAX (3600 * NS_PER_S)

static const FaultModel *faults_of(const World *world)
{
    return &world->scenario->faults;
}

/* --- when they come --- */

static void schedule(World *world, Node *node, FaultKind kind)
{
    uint64_t interval_ns = fault_interval(faults_of(world), kind, node_is_bank(world, node));
    if (interval_ns == 0)
        return;
    uint64_t due_ns = world->now_ns + draw_exponential(&node->faults[kind], interval_ns);
    if (due_ns <= world->scenario->duration_ns)
        queue_put(world->queue, due_ns, KIND_FAULT, node_number(world, node), kind);
}

void world_schedule_faults(World *world)
{
    world->disks = world->scenario->disk;
    for (uint32_t i = 0; i < world->node_count; i++) {
        Node *node = &world->nodes[i];
        if (node->storage != NULL)
            storage_set_model(node->storage, &world->disks);
        schedule(world, node, FAULT_CRASH);
        schedule(world, node, FAULT_PAUSE);
        schedule(world, node, FAULT_CLOCK_JUMP);
    }
    /* Of the whole network: the bank's streams serve. */
    schedule(world, &world->nodes[BANK_NODE], FAULT_PARTITION);
}

void world_stop_faults(World *world)
{
    const DiskModel *disk = &world->scenario->disk;
    world->disks = (DiskModel){.write_delay = disk->write_delay, .fsync_delay = disk->fsync_delay};
    g_array_set_size(world->partitions, 0);
    for (uint32_t i = 0; i < world->node_count; i++) {
        Node *node = &world->nodes[i];
        node->doom.commit = 0;
        if (node->storage != NULL)
            storage_set_model(node->storage, &world->disks);
        world_go_on(world, node);
        if (node->state == NODE_DOWN)
            world_restart(world, node);
    }
}

/* --- partitions --- */

static void divide(World *world)
{
    uint64_t *stream = &world->nodes[BANK_NODE].faults[FAULT_PARTITION];
    Partition partition =
        partition_draw(faults_of(world)->partition_kind, world->node_count, stream);
    partition.id = ++world->partition_count;
    g_array_append_val(world->partitions, partition);
    world->result.faults[COUNT_PARTITIONS]++;
    uint64_t duration_ns = delay_draw(&faults_of(world)->partition_duration, stream);
    queue_put(world->queue, world->now_ns + duration_ns, KIND_HEAL, 0, (uint32_t)partition.id);
}

void world_heal(World *world, uint64_t partition)
{
    for (guint i = 0; i < world->partitions->len; i++) {
        if (g_array_index(world->partitions, Partition, i).id == partition) {
            g_array_remove_index(world->partitions, i);
            return;
        }
    }
}

bool world_cut_off(const World *world, const Node *from, const Node *to)
{
    for (guint i = 0; i < world->partitions->len; i++) {
        if (partition_cuts(&g_array_index(world->partitions, Partition, i),
                           node_number(world, from), node_number(world, to)))
            return true;
    }
    return false;
}

/* --- pauses --- */

static void pause_node(World *world, Node *node)
{
    uint64_t duration_ns =
        delay_draw(&faults_of(world)->pause_duration, &node->faults[FAULT_PAUSE]);
    if (node->state != NODE_UP || node->waiting != NULL)
        return;
    world->result.faults[COUNT_PAUSES]++;
    node->waiting = g_array_new(FALSE, FALSE, sizeof(QueueEntry));
    node->in_sockets = 0;
    node->pause++;
    queue_put(world->queue, world->now_ns + duration_ns, KIND_GO_ON, node_number(world, node),
              node->pause);
}

void world_defer(World *world, Node *node, const QueueEntry *entry)
{
    bool datagram = entry->kind == KIND_DELIVERY;
    if (datagram && node->in_sockets == SOCKET_DATAGRAMS_MAX) {
        world_drop(world, entry->argument, "socket full");
        return;
    }
    node->in_sockets += datagram;
    g_array_append_val(node->waiting, *entry);
}

void world_go_on(World *world, Node *node)
{
    GArray *waiting = node->waiting;
    if (waiting == NULL)
        return;
    node->waiting = NULL;
    for (guint i = 0; i < waiting->len; i++)
        world_carry_out(world, &g_array_index(waiting, QueueEntry, i));
    g_array_unref(waiting);
}

/* --- clocks --- */

static void jump(World *world, Node *node)
{
    uint64_t by_ns = delay_draw(&faults_of(world)->clock_jump, &node->faults[FAULT_CLOCK_JUMP]);
    if (node->state != NODE_UP)
        return;
    world->result.faults[COUNT_CLOCK_JUMPS]++;
    clock_jump(&node->clock, world->now_ns, by_ns);
    world_set_timer(world, node, node->deadline_ns);
}

static void set_clock_anew(World *world, Node *node)
{
    const FaultModel *faults = faults_of(world);
    uint64_t shown_ns = draw_uniform(&node->rebirths, 0, NEW_CLOCK_NS_MAX);
    if (faults->clock_drift == 0 && faults->clock_jump_interval_ns == 0)
        return;
    node->clock.true_ns = world->now_ns;
    node->clock.shown_ns = shown_ns;
}

/* --- crashes --- */

void world_draw_doom(World *world, Node *node, const Writing *writing, size_t effects)
{
    uint64_t at_ns;
    if (writing->failed) {
        node->doom.cut = storage_cut(node->storage, writing->operations, false, &at_ns);
    } else {
        if (world->phase != PHASE_RUN ||
            !draw_chance(&node->dooms, faults_of(world)->crash_at_save))
            return;
        uint64_t point = random_below(&node->dooms, writing->operations + effects + 1);
        if (point >= writing->operations) {
            node->doom.commit = storage_written(node->storage);
            node->doom.effects = point - writing->operations;
            return;
        }
        bool under_way = random_next(&node->dooms) >> 63;
        node->doom.cut = storage_cut(node->storage, point, under_way, &at_ns);
    }
    if (at_ns > world->now_ns)
        queue_put(world->queue, at_ns, KIND_CUT, node_number(world, node), node->life);
    else
        world_crash(world, node, node->doom.cut, true);
}

static void await_restart(World *world, Node *node)
{
    uint64_t after_ns = delay_draw(&faults_of(world)->restart_after, &node->rebirths);
    after_ns = world->phase == PHASE_SETTLE ? 0 : MAX(after_ns, RESTART_NS_MIN);
    queue_put(world->queue, world->now_ns + after_ns, KIND_RESTART, node_number(world, node),
              node->life);
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
    if (node->state == NODE_LOADING || world->phase != PHASE_RUN ||
        !draw_chance(&node->rebirths, faults_of(world)->bit_flip_rate))
        return;
    Flip flip = storage_flip(node->storage, &node->rebirths);
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

void world_fault(World *world, Node *node, FaultKind kind)
{
    switch (kind) {
    case FAULT_CRASH:
        if (node_alive(node))
            world_crash(world, node, storage_cut_now(node->storage, world->now_ns), true);
        break;
    case FAULT_PAUSE:
        pause_node(world, node);
        break;
    case FAULT_CLOCK_JUMP:
        jump(world, node);
        break;
    case FAULT_PARTITION:
        divide(world);
        break;
    case FAULT_KINDS:
        break;
    }
    schedule(world, node, kind);
}

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

/* --- restarts --- */

/* Under the name that is in its state; before there is any, it waits for an `open` again. NULL: its
 * state is refused, which takes a planted fault. */
static Customer *load_customer(World *world, Node *node, const Shelf *shelf)
{
    Customer *probe = world_new_customer(world, node, NULL);
    LoadResult result = customer_load(probe, shelf);
    Name name = *customer_name(probe);
    customer_free(probe);
    INVARIANT(result != LOAD_DAMAGED || planted_any());
    if (result == LOAD_DAMAGED)
        return NULL;
    Customer *customer = world_new_customer(world, node, shelf_count(shelf) > 0 ? &name : NULL);
    result = customer_load(customer, shelf);
    INVARIANT_THAT(result, ==, LOAD_OK);
    return customer;
}

/* Negative: its disk failed. Positive: what is on it is refused. */
static int load(World *world, Node *node)
{
    bool is_bank = node_is_bank(world, node);
    Shelf *shelf = is_bank ? NULL : shelf_new();
    Bank *bank = is_bank ? world_new_bank(world, node) : NULL;
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
    world_begin(world, node);
    if (node->life == life && node->customer != NULL) {
        node->recovering = customer_cohort(node->customer) != 0;
        node->in_doubt = node->tentative;
    }
}
