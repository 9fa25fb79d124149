#include "sim/world_state.h"

#include "core/panic.h"
#include "core/wire.h"
#include "sim/random.h"

/* NULL: no process has the address. */
static Node *node_at(const World *world, uint32_t ip)
{
    if (ip == WORLD_BANK_IP)
        return &world->nodes[BANK_NODE];
    uint32_t customer = ip - WORLD_CUSTOMER_IP; /* wraps to far too much below the first */
    return customer < world->node_count - FIRST_CUSTOMER ? &world->nodes[FIRST_CUSTOMER + customer]
                                                         : NULL;
}

/* --- the trace --- */

static uint32_t number_of(const World *world, const Node *node)
{
    return (uint32_t)(node - world->nodes);
}

static void hand_over(World *world, const Name *process, const TraceEvent *event)
{
    if (trace_is_datagram(event->kind) && !world->observer->datagrams)
        return;
    uint64_t seq = world->seq++;
    if (world->observer->on_trace != NULL)
        world->observer->on_trace(world->observer->context, seq, world->now_ns, process, event);
    if (!trace_is_datagram(event->kind))
        checker_add(world->checker, 0, seq, world->now_ns, process, event);
}

/* The core knows why it drops what it was given, not which datagram of the network that was. */
static void hand_over_drop(World *world, const Node *node, TraceEvent event)
{
    const Datagram *datagram = world->delivering;
    char kinds[WIRE_KINDS_TEXT_MAX];
    if (datagram != NULL && world->observer->datagrams) {
        event.datagram = datagram->id;
        event.datagram_kinds = wire_kinds_text(datagram->bytes, datagram->length, kinds);
        event.datagram_bytes = datagram->length;
        event.peer = node_at(world, datagram->from.ip)->name;
    }
    hand_over(world, &node->name, &event);
}

/* A record of the core. */
static void record(World *world, Node *node, const TraceEvent *event)
{
    node->inc = event->inc;
    if (event->kind == TRACE_OPENED)
        node->name = *customer_name(node->customer); /* `open` may give any name */
    digest_record(world->digest, world->now_ns, number_of(world, node), event);
    totals_add(world->totals, &node->name, event);
    if (event->kind == TRACE_DROP)
        hand_over_drop(world, node, *event);
    else
        hand_over(world, &node->name, event);
}

/* A record of the transport, at the receiver (RX) or the sender (all others). peer: the other one;
 * NULL when no process has the address. */
static void record_datagram(World *world, const Node *node, TraceKind kind, const Node *peer,
                            uint64_t id, const uint8_t *bytes, size_t length, const char *reason)
{
    digest_datagram(world->digest, world->now_ns, number_of(world, node), kind, id, bytes,
                    kind == TRACE_TX ? length : 0);
    if (!world->observer->datagrams)
        return;
    char kinds[WIRE_KINDS_TEXT_MAX];
    TraceEvent event = {.kind = kind,
                        .inc = node->inc,
                        .outgoing = kind != TRACE_RX,
                        .datagram = id,
                        .datagram_kinds = wire_kinds_text(bytes, length, kinds),
                        .datagram_bytes = length,
                        .reason = reason};
    if (peer != NULL)
        event.peer = peer->name;
    hand_over(world, &node->name, &event);
}

/* --- the network --- */

static void send_datagram(World *world, const Node *node, Port port, Address to,
                          const uint8_t *bytes, size_t length)
{
    Address from = {node->ip, WORLD_BANK_PORT};
    if (node->bank == NULL)
        from.port = port == PORT_BANK ? WORLD_PORT1 : WORLD_PORT2;
    uint64_t id = ++world->result.datagrams_sent;
    const Node *peer = node_at(world, to.ip);
    record_datagram(world, node, TRACE_TX, peer, id, bytes, length, NULL);
    Fate fate = network_decide(world->network);
    if (fate.copies == 0) {
        world->result.datagrams_dropped++;
        record_datagram(world, node, TRACE_DROP, peer, id, bytes, length, "loss");
    }
    for (unsigned copy = 0; copy < fate.copies; copy++) {
        if (copy > 0) {
            world->result.datagrams_duplicated++;
            record_datagram(world, node, TRACE_DUP, peer, id, bytes, length, NULL);
        }
        uint32_t slot = network_hold(world->network, id, from, to, bytes, length);
        queue_put(world->queue, world->now_ns + fate.delay_ns[copy], KIND_DELIVERY, 0, slot);
    }
}

/* --- steps --- */

bool node_idle(const Node *node, char *why, size_t capacity)
{
    if (node->bank != NULL)
        return bank_idle(node->bank, why, capacity);
    return node->customer == NULL || customer_idle(node->customer, why, capacity);
}

void world_note_idle(World *world, Node *node)
{
    char why[256];
    bool idle = node_idle(node, why, sizeof why);
    world->busy += (uint32_t)node->idle - (uint32_t)idle;
    node->idle = idle;
}

static void save(World *world, Node *node, Slot slot, const uint8_t *bytes, size_t length)
{
    if (slot == SLOT_JOURNAL) {
        g_ptr_array_add(world->journal, g_bytes_new(bytes, length));
        return;
    }
    if (node->slots[slot] == NULL)
        node->slots[slot] = g_byte_array_new();
    g_byte_array_set_size(node->slots[slot], 0);
    g_byte_array_append(node->slots[slot], bytes, (guint)length);
}

static void note_peers(Node *node, const Notice *notice)
{
    g_array_set_size(node->peers, 0);
    for (size_t i = 0; notice->kind == NOTICE_JOINED && i < notice->member_count; i++) {
        if (!name_equal(&notice->members[i].name, &node->name))
            g_array_append_val(node->peers, notice->members[i].name);
    }
}

static void notify(World *world, Node *node, const Notice *notice)
{
    bool answer = notice->kind == NOTICE_SUCCESS || notice->kind == NOTICE_FAILURE;
    if (answer && notice->tag != 0) {
        INVARIANT_THAT(node->unanswered, >, 0);
        node->unanswered--;
        world->result.commands_refused +=
            notice->kind == NOTICE_FAILURE && notice->tag != TAG_SETUP;
    }
    if (notice->kind == NOTICE_JOINED || notice->kind == NOTICE_LEFT)
        note_peers(node, notice);
    if (world->observer->on_notice != NULL)
        world->observer->on_notice(world->observer->context, world->now_ns, &node->name, notice);
}

static void carry_out(World *world, Node *node, const Effect *effect)
{
    switch (effect->kind) {
    case EFFECT_SAVE:
        save(world, node, effect->save.slot, effect->save.bytes, effect->save.length);
        break;
    case EFFECT_SEND:
        send_datagram(world, node, effect->send.port, effect->send.to, effect->send.bytes,
                      effect->send.length);
        break;
    case EFFECT_NOTIFY:
        notify(world, node, &effect->notice);
        break;
    case EFFECT_TRACE:
        record(world, node, &effect->trace);
        break;
    case EFFECT_END:
        customer_free(node->customer);
        node->customer = NULL;
        node->unanswered = 0;
        g_array_set_size(node->peers, 0);
        break;
    }
}

static void set_timer(World *world, Node *node, uint64_t deadline_ns)
{
    node->deadline_ns = deadline_ns;
    if (deadline_ns < node->queued_ns) {
        node->queued_ns = MAX(deadline_ns, world->now_ns);
        node->generation++;
        queue_put(world->queue, node->queued_ns, KIND_TIMER, number_of(world, node),
                  node->generation);
    }
}

void world_step(World *world, Node *node, Event *event)
{
    event->now_ns = world->now_ns;
    world->result.events++;
    if (node->bank != NULL)
        bank_step(node->bank, event, world->effects);
    else
        customer_step(node->customer, event, world->effects);
    size_t count = effects_count(world->effects);
    for (size_t i = 0; i < count; i++)
        carry_out(world, node, effects_at(world->effects, i));
    set_timer(world, node, node_ended(node) ? TIME_NEVER : effects_deadline(world->effects));
    if (world->phase == PHASE_SETTLE)
        world_note_idle(world, node);
}

/* --- what the queue brings --- */

static void deliver(World *world, uint32_t slot)
{
    const Datagram *datagram = network_held(world->network, slot);
    Node *sender = node_at(world, datagram->from.ip);
    Node *node = node_at(world, datagram->to.ip);
    bool bank = node != NULL && node->bank != NULL && datagram->to.port == WORLD_BANK_PORT;
    bool customer = node != NULL && node->customer != NULL &&
                    (datagram->to.port == WORLD_PORT1 || datagram->to.port == WORLD_PORT2);
    if (!bank && !customer) {
        world->result.datagrams_dropped++;
        record_datagram(world, sender, TRACE_DROP, node, datagram->id, datagram->bytes,
                        datagram->length, "nobody there");
    } else {
        world->result.datagrams_delivered++;
        record_datagram(world, node, TRACE_RX, sender, datagram->id, datagram->bytes,
                        datagram->length, NULL);
        Event event = {.kind = EVENT_DATAGRAM,
                       .port = datagram->to.port == WORLD_PORT2 ? PORT_PEER : PORT_BANK,
                       .from = datagram->from,
                       .bytes = datagram->bytes,
                       .length = datagram->length};
        world->delivering = datagram;
        world_step(world, node, &event);
        world->delivering = NULL;
    }
    network_release(world->network, slot);
}

static void time_out(World *world, Node *node, uint32_t generation)
{
    if (generation != node->generation)
        return;
    node->queued_ns = TIME_NEVER;
    if (node->deadline_ns > world->now_ns) {
        set_timer(world, node, node->deadline_ns);
        return;
    }
    Event event = {.kind = EVENT_TIMEOUT};
    world_step(world, node, &event);
    /* Or virtual time would stand still for ever. */
    INVARIANT_THAT(node->deadline_ns, >, world->now_ns);
}

void world_command(World *world, Node *node, const Command *given, uint64_t tag)
{
    Event event = {.kind = EVENT_COMMAND, .command = *given};
    event.command.tag = tag;
    node->unanswered++;
    world_step(world, node, &event);
}

void world_start_customer(World *world, Node *node, const Name *resume)
{
    CustomerConfig config = {.bank = {WORLD_BANK_IP, WORLD_BANK_PORT},
                             .ip = node->ip,
                             .port1 = WORLD_PORT1,
                             .port2 = WORLD_PORT2,
                             .retries = world->scenario->retries,
                             .cash = world->scenario->cash};
    uint32_t index = number_of(world, node) - FIRST_CUSTOMER;
    config.seed = stream_start(world->seed, STREAM_PROCESS, (uint64_t)node->starts++ << 32 | index);
    while (config.client == 0)
        config.client = random_next(&world->clients);
    if (resume != NULL)
        config.resume = *resume;
    for (int slot = 0; slot < SLOTS; slot++)
        g_clear_pointer(&node->slots[slot], g_byte_array_unref);
    node->customer = customer_new(&config);
    node->inc = 0;
    Event event = {.kind = EVENT_START};
    world_step(world, node, &event);
}

static void run_workload(World *world, Node *node, WorkloadKind kind)
{
    const WorkloadModel *model = &world->scenario->workload;
    uint64_t next_ns = world->now_ns + workload_draw_gap(model, kind, &node->stream);
    if (next_ns <= world->scenario->duration_ns)
        queue_put(world->queue, next_ns, KIND_WORKLOAD, number_of(world, node), kind);
    Command drawn;
    bool sensible = workload_draw_command(
        model, kind, &node->stream, (const Name *)node->peers->data, node->peers->len, &drawn);
    if (!sensible || node->customer == NULL || !customer_has_account(node->customer) ||
        node->unanswered >= UNANSWERED_MAX) {
        world->result.commands_left_out++;
        return;
    }
    world->result.commands++;
    world_command(world, node, &drawn, TAG_WORKLOAD);
}

static void run_script(World *world, uint32_t index)
{
    const ScriptCommand *entry = &g_array_index(world->scenario->script, ScriptCommand, index);
    Node *node =
        &world->nodes[entry->subject == SCRIPT_BANK ? BANK_NODE : FIRST_CUSTOMER + entry->subject];
    if (node_ended(node) && entry->command.kind == COMMAND_OPEN)
        world_start_customer(world, node, NULL);
    world->result.commands++;
    if (!node_ended(node)) {
        world_command(world, node, &entry->command, TAG_SCRIPT);
        return;
    }
    node->unanswered++;
    Notice refused = {.kind = NOTICE_FAILURE,
                      .command = entry->command.kind,
                      .tag = TAG_SCRIPT,
                      .refusal = REFUSAL_NO_ACCOUNT,
                      .name = entry->command.name,
                      .amount = entry->command.amount};
    notify(world, node, &refused);
}

void world_take_next(World *world)
{
    QueueEntry entry = queue_take(world->queue);
    world->now_ns = entry.time_ns;
    switch ((Kind)entry.kind) {
    case KIND_DELIVERY:
        deliver(world, entry.argument);
        break;
    case KIND_TIMER:
        time_out(world, &world->nodes[entry.process], entry.argument);
        break;
    case KIND_WORKLOAD:
        run_workload(world, &world->nodes[entry.process], (WorkloadKind)entry.argument);
        break;
    case KIND_SCRIPT:
        run_script(world, entry.argument);
        break;
    }
}
