#include "sim/world_state.h"

const ScriptCommand *world_script_entry(const World *world, uint32_t index)
{
    return &g_array_index(world->scenario->script, ScriptCommand, index);
}

static uint32_t number_of(uint32_t subject)
{
    return subject == SCRIPT_BANK ? BANK_NODE : FIRST_CUSTOMER + subject;
}

static Node *subject_of(const World *world, const ScriptCommand *entry)
{
    return &world->nodes[number_of(entry->subject)];
}

Node *world_script_receiver(const World *world, uint32_t index)
{
    const ScriptCommand *entry = world_script_entry(world, index);
    return entry->act == SCRIPT_COMMAND ? subject_of(world, entry) : NULL;
}

/* --- commands --- */

static void refuse(World *world, Node *node, const Command *command)
{
    Notice refused = {.kind = NOTICE_FAILURE,
                      .command = command->kind,
                      .tag = TAG_SCRIPT,
                      .refusal = REFUSAL_NO_ACCOUNT,
                      .name = command->name,
                      .amount = command->amount};
    node->unanswered++;
    world_notify(world, node, &refused);
}

static void run_command(World *world, Node *node, const Command *command)
{
    if (node->state == NODE_ENDED && command->kind == COMMAND_OPEN)
        world_start_customer(world, node, NULL);
    world->result.commands++;
    if (node->state == NODE_UP)
        world_command(world, node, command, TAG_SCRIPT);
    else
        refuse(world, node, command);
}

/* --- acts --- */

static void run_timer(World *world, Node *node)
{
    if (node->state != NODE_UP || node->waiting != NULL || node->deadline_ns == TIME_NEVER)
        return;
    uint64_t shown_ns = clock_show(&node->clock, world->now_ns);
    if (node->deadline_ns > shown_ns)
        clock_jump(&node->clock, world->now_ns, node->deadline_ns - shown_ns);
    world_time_out(world, node);
}

static void run_partition(World *world, const ScriptCommand *entry)
{
    Partition partition = partition_new(world->node_count);
    const GArray *subjects = entry->cut.subjects;
    partition.cuts_to = entry->cut.to;
    partition.cuts_from = entry->cut.from;
    for (guint i = 0; i < subjects->len; i++)
        partition.first_side[number_of(g_array_index(subjects, uint32_t, i))] = true;
    world_divide(world, &partition, entry->duration_ns);
}

void world_run_script(World *world, uint32_t index)
{
    const ScriptCommand *entry = world_script_entry(world, index);
    Node *node = entry->act == SCRIPT_PARTITION ? NULL : subject_of(world, entry);
    switch (entry->act) {
    case SCRIPT_COMMAND:
        run_command(world, node, &entry->command);
        break;
    case SCRIPT_CRASH:
        if (node_alive(node))
            world_crash(world, node, storage_cut_now(node->storage, world->now_ns),
                        !entry->restarted);
        break;
    case SCRIPT_RESTART:
        if (node->state == NODE_DOWN)
            world_restart(world, node);
        break;
    case SCRIPT_PAUSE:
        world_pause(world, node, entry->duration_ns);
        break;
    case SCRIPT_CLOCK_JUMP:
        world_jump(world, node, entry->duration_ns);
        break;
    case SCRIPT_TIMER:
        run_timer(world, node);
        break;
    case SCRIPT_PARTITION:
        run_partition(world, entry);
        break;
    }
}
