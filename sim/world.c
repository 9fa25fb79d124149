#include "sim/world_choices.h"

#include <string.h>

#include "core/panic.h"

/* A run longer than this is judged as it goes, so much at once, lest its records pile up. */
#define JUDGE_NS (60 * NS_PER_S)
#define JUDGED_AT_ONCE_NS (600 * NS_PER_S)

static const Observer nobody = {0};

/* --- the parts of a run --- */

static void add_stuck(World *world, const Node *node, const char *why)
{
    g_ptr_array_add(world->stuck, g_strdup_printf("%s: %s", node->name.text, why));
}

/* Everything that happens without time passing. */
static void run_instant(World *world)
{
    while (queue_next_time(world->queue) == world->now_ns)
        world_take_next(world);
}

static void open_account(World *world, uint32_t index)
{
    const Participant *participant =
        &g_array_index(world->scenario->participants, Participant, index);
    Node *node = &world->nodes[FIRST_CUSTOMER + index];
    bool resumed = world->scenario->rows->len > 0;
    world_start_customer(world, node, resumed ? &participant->name : NULL);
    if (!resumed) {
        Command open = {
            .kind = COMMAND_OPEN, .name = participant->name, .amount = participant->balance};
        world_command(world, node, &open, TAG_SETUP);
    }
    run_instant(world);
    if (node->customer == NULL || !customer_has_account(node->customer))
        add_stuck(world, node, "the set-up has not opened its account");
}

/* The customers `first` .. `first + count - 1` are the only ones outside a cohort, so that the
 * bank can choose no others. */
static void form_cohort(World *world, uint32_t first, uint32_t count)
{
    const Node *initiator = &world->nodes[FIRST_CUSTOMER + first];
    Command form = {.kind = COMMAND_NEW_COHORT, .name = initiator->name, .count = count};
    world_command(world, &world->nodes[BANK_NODE], &form, TAG_SETUP);
    run_instant(world);
    for (uint32_t i = first; i < first + count; i++) {
        const Node *node = &world->nodes[FIRST_CUSTOMER + i];
        if (node->customer == NULL || customer_cohort(node->customer) == 0)
            add_stuck(world, node, "the set-up has not brought it into a cohort");
    }
}

static CheckOptions check_options(const World *world, bool settled)
{
    return (CheckOptions){
        .settled = settled, .whole = true, .cash_survives = world->scenario->cash == CASH_COMMIT};
}

/* What began while a process was engaged in it ends while it is: as it is idle only when nobody
 * owes anybody an answer, all that began before the time when each was last idle is over. */
void world_judge(World *world)
{
    uint64_t settled_ns = world->now_ns;
    for (uint32_t i = 0; i < world->node_count; i++) {
        Node *node = &world->nodes[i];
        char why[256];
        if (node_idle(world, node, why, sizeof why))
            node->idle_ns = world->now_ns;
        settled_ns = MIN(settled_ns, node->idle_ns);
    }
    if (settled_ns >= world->judged_ns + JUDGED_AT_ONCE_NS) {
        checker_judge_before(world->checker, check_options(world, false), settled_ns);
        world->judged_ns = settled_ns;
    }
    if (world->now_ns + JUDGE_NS <= world->scenario->duration_ns)
        queue_put(world->queue, world->now_ns + JUDGE_NS, KIND_JUDGE, 0, 0);
}

static void schedule(World *world)
{
    const Scenario *scenario = world->scenario;
    for (uint32_t i = 0; i < scenario->script->len; i++) {
        queue_put_early(world->queue, g_array_index(scenario->script, ScriptCommand, i).time_ns,
                        KIND_SCRIPT, 0, i);
    }
    for (uint32_t i = FIRST_CUSTOMER; i < world->node_count; i++) {
        Node *node = &world->nodes[i];
        for (uint32_t kind = 0; kind < WORKLOAD_KINDS; kind++) {
            if (scenario->workload.interval_ns[kind] == 0)
                continue;
            uint64_t gap_ns = workload_draw_gap(&scenario->workload, kind, &node->stream);
            if (gap_ns <= scenario->duration_ns)
                queue_put_early(world->queue, gap_ns, KIND_WORKLOAD, i, kind);
        }
    }
    world_schedule_faults(world);
    world_judge(world);
}

static void set_up(World *world)
{
    world_start_bank(world);
    uint32_t customers = world->node_count - FIRST_CUSTOMER;
    uint32_t first = 0;
    while (first < customers && world->stuck->len == 0) {
        uint32_t count = (uint32_t)MIN(world->scenario->cohort_size, customers - first);
        for (uint32_t i = first; i < first + count && world->stuck->len == 0; i++)
            open_account(world, i);
        if (count >= 2 && world->stuck->len == 0)
            form_cohort(world, first, count);
        first += count;
    }
    network_set_model(world->network, &world->scenario->network);
    schedule(world);
    world->phase = PHASE_RUN;
}

static void begin_settling(World *world)
{
    NetworkModel faultless = {.delay = world->scenario->network.delay};
    network_set_model(world->network, &faultless);
    world->now_ns = world->scenario->duration_ns;
    world->phase = PHASE_SETTLE;
    world->busy = world->node_count;
    world_stop_faults(world);
    for (uint32_t i = 0; i < world->node_count; i++)
        world_note_idle(world, &world->nodes[i]);
}

static void finish(World *world, bool settled)
{
    for (uint32_t i = 0; !settled && i < world->node_count; i++) {
        char why[256];
        if (!node_idle(world, &world->nodes[i], why, sizeof why))
            add_stuck(world, &world->nodes[i], why);
    }
    if (world->now_ns > world->scenario->duration_ns)
        world->result.settle_ns = world->now_ns - world->scenario->duration_ns;
    world->violations = checker_judge(world->checker, check_options(world, world->stuck->len == 0));
    world->phase = PHASE_OVER;
}

bool world_advance(World *world, uint64_t events)
{
    if (world->phase == PHASE_SETUP)
        set_up(world);
    uint64_t upto = world->result.events + events;
    while (world->phase != PHASE_OVER && world->result.events < upto) {
        uint64_t next_ns = queue_next_time(world->queue);
        uint64_t end_ns = world->scenario->duration_ns;
        if (world->stuck->len > 0)
            finish(world, true);
        else if (world->phase == PHASE_RUN && next_ns > end_ns)
            begin_settling(world);
        else if (world->phase == PHASE_SETTLE && world->busy == 0 &&
                 network_held_count(world->network) == 0)
            finish(world, true);
        else if (world->phase == PHASE_SETTLE && next_ns > end_ns + SETTLE_NS_MAX)
            finish(world, false);
        else
            world_take_next(world);
    }
    return world->phase != PHASE_OVER;
}

/* --- the object --- */

/* Every purpose has a stream of its own, so that none changes what the others see. */
static void start_streams(const World *world, Node *node)
{
    enum { DOOMS = FAULT_KINDS, REBIRTHS, DRIFT, STREAMS };
    uint32_t number = node_number(world, node);
    uint64_t streams[STREAMS];
    for (uint64_t i = 0; i < STREAMS; i++)
        streams[i] = stream_start(world->seed, STREAM_FAULTS, i << 32 | number);
    memcpy(node->faults, streams, sizeof node->faults);
    node->dooms = streams[DOOMS];
    node->rebirths = streams[REBIRTHS];
    node->clock.drift = clock_draw_drift(world->scenario->faults.clock_drift, &streams[DRIFT]);
}

static void init_node(const World *world, Node *node)
{
    uint32_t number = node_number(world, node);
    node->deadline_ns = TIME_NEVER;
    node->queued_ns = TIME_NEVER;
    node->disk_ns = TIME_NEVER;
    node->peers = g_array_new(FALSE, FALSE, sizeof(Name));
    start_streams(world, node);
    if (number == BANK_NODE) {
        name_set(&node->name, "bank");
        node->ip = WORLD_BANK_IP;
        return;
    }
    uint32_t index = number - FIRST_CUSTOMER;
    node->name = g_array_index(world->scenario->participants, Participant, index).name;
    node->ip = WORLD_CUSTOMER_IP + index;
    node->stream = stream_start(world->seed, STREAM_WORKLOAD, index);
}

static void clear_partition(void *element)
{
    partition_clear(element);
}

World *world_new(const Scenario *scenario, uint64_t seed, const Observer *observer)
{
    World *world = g_new0(World, 1);
    world->scenario = scenario;
    world->observer = observer != NULL ? observer : &nobody;
    world->seed = seed;
    world->queue = queue_new();
    world->network = network_new(stream_start(seed, STREAM_NETWORK, 0));
    world->effects = effects_new();
    world->digest = digest_new();
    world->totals = totals_new(scenario->cash == CASH_COMMIT);
    world->checker = checker_new();
    world->stuck = g_ptr_array_new_with_free_func(g_free);
    world->partitions = g_array_new(FALSE, FALSE, sizeof(Partition));
    g_array_set_clear_func(world->partitions, clear_partition);
    world->disks = disk_ideal;
    world->node_count = FIRST_CUSTOMER + scenario->participants->len;
    world->nodes = g_new0(Node, world->node_count);
    for (uint32_t i = 0; i < world->node_count; i++)
        init_node(world, &world->nodes[i]);
    if (world_is_schedule(world)) {
        world->choosing = choosing_new(world);
        for (uint32_t i = 0; i < world->node_count; i++)
            choose_drift(world, &world->nodes[i]);
    }
    return world;
}

void world_free(World *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        Node *node = &world->nodes[i];
        customer_free(node->customer);
        bank_free(node->bank);
        outbox_free(node->outbox);
        storage_free(node->storage);
        g_clear_pointer(&node->waiting, g_array_unref);
        g_array_unref(node->peers);
    }
    g_free(world->nodes);
    g_clear_pointer(&world->violations, g_ptr_array_unref);
    g_ptr_array_unref(world->stuck);
    g_array_unref(world->partitions);
    choosing_free(world->choosing);
    checker_free(world->checker);
    totals_free(world->totals);
    digest_free(world->digest);
    effects_free(world->effects);
    network_free(world->network);
    queue_free(world->queue);
    g_free(world);
}

uint64_t world_now(const World *world)
{
    return world->now_ns;
}

uint64_t world_events(const World *world)
{
    return world->result.events;
}

WorldResult world_result(const World *world)
{
    INVARIANT_THAT(world->phase, ==, PHASE_OVER);
    WorldResult result = world->result;
    for (uint32_t i = 0; i < world->node_count; i++)
        world_count_disk(&result, world->nodes[i].storage);
    result.virtual_ns = world->now_ns;
    result.sums = totals_sums(world->totals);
    result.trace_hash = digest_value(world->digest);
    result.stuck = world->stuck;
    result.violations = world->violations;
    result.first_unasked = choosing_unasked(world, &result.choices_unasked);
    return result;
}

const Customer *world_customer(const World *world, size_t index)
{
    INVARIANT_THAT(index, <, world->node_count - FIRST_CUSTOMER);
    return world->nodes[FIRST_CUSTOMER + index].customer;
}

const Bank *world_bank(const World *world)
{
    return world->nodes[BANK_NODE].bank;
}
