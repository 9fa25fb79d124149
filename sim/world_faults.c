#include "sim/world_choices.h"

/* --- when they come --- */

static void schedule(World *world, Node *node, FaultKind kind)
{
    uint64_t interval_ns =
        fault_interval(world_fault_model(world), kind, node_is_bank(world, node));
    if (interval_ns == 0)
        return;
    uint64_t due_ns = world->now_ns + draw_exponential(&node->faults[kind], interval_ns);
    if (due_ns <= world->scenario->duration_ns)
        queue_put_early(world->queue, due_ns, KIND_FAULT, node_number(world, node), kind);
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

void world_divide(World *world, const Partition *partition, uint64_t duration_ns)
{
    Partition begun = *partition;
    begun.id = ++world->partition_count;
    g_array_append_val(world->partitions, begun);
    world->result.faults[COUNT_PARTITIONS]++;
    queue_put(world->queue, world->now_ns + duration_ns, KIND_HEAL, 0, (uint32_t)begun.id);
}

static void draw_partition(World *world)
{
    const FaultModel *model = world_fault_model(world);
    uint64_t *stream = &world->nodes[BANK_NODE].faults[FAULT_PARTITION];
    Partition partition = partition_draw(model->partition_kind, world->node_count, stream);
    uint64_t duration_ns = delay_draw(&model->partition_duration, stream);
    note_partition(world, &partition, duration_ns);
    world_divide(world, &partition, duration_ns);
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

void world_pause(World *world, Node *node, uint64_t duration_ns)
{
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

void world_jump(World *world, Node *node, uint64_t by_ns)
{
    if (node->state != NODE_UP)
        return;
    world->result.faults[COUNT_CLOCK_JUMPS]++;
    clock_jump(&node->clock, world->now_ns, by_ns);
    world_set_timer(world, node, node->deadline_ns);
}

/* --- what comes --- */

static void crash(World *world, Node *node)
{
    if (!node_alive(node))
        return;
    note_act(world, node, SCRIPT_CRASH, 0);
    world_crash(world, node, storage_cut_now(node->storage, world->now_ns), true);
}

void world_fault(World *world, Node *node, FaultKind kind)
{
    const FaultModel *model = world_fault_model(world);
    uint64_t *stream = &node->faults[kind];
    uint64_t drawn_ns;
    switch (kind) {
    case FAULT_CRASH:
        crash(world, node);
        break;
    case FAULT_PAUSE:
        drawn_ns = delay_draw(&model->pause_duration, stream);
        note_act(world, node, SCRIPT_PAUSE, drawn_ns);
        world_pause(world, node, drawn_ns);
        break;
    case FAULT_CLOCK_JUMP:
        drawn_ns = delay_draw(&model->clock_jump, stream);
        note_act(world, node, SCRIPT_CLOCK_JUMP, drawn_ns);
        world_jump(world, node, drawn_ns);
        break;
    case FAULT_PARTITION:
        draw_partition(world);
        break;
    case FAULT_KINDS:
        break;
    }
    schedule(world, node, kind);
}
