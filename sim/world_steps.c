#include "sim/world_choices.h"

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

static void note_peers(Node *node, const TraceEvent *event)
{
    g_array_set_size(node->peers, 0);
    for (size_t i = 0; event->kind == TRACE_JOINED && i < event->member_count; i++) {
        if (!name_equal(&event->members[i], &node->name))
            g_array_append_val(node->peers, event->members[i]);
    }
}

/* What the run has to know of a process, and a crash of it does not change. */
static void follow(World *world, Node *node, const TraceEvent *event)
{
    switch (event->kind) {
    case TRACE_CRASHED:
    case TRACE_RESTARTED:
        node->crashed = event->kind == TRACE_CRASHED;
        break;
    case TRACE_OPENED:
        node->name = *customer_name(node->customer); /* `open` may give any name */
        node->has_account = true;
        break;
    case TRACE_EXITED:
        node->has_account = false;
        node->exited = true;
        break;
    case TRACE_JOINED:
    case TRACE_LEFT:
        note_peers(node, event);
        node->recovering = false;
        node->in_doubt = false;
        node->tentative = false;
        break;
    case TRACE_TENTATIVE:
        node->tentative = true;
        break;
    case TRACE_PERMANENT:
    case TRACE_DISCARDED:
        world->result.faults[COUNT_IN_DOUBT_RESOLVED] += node->in_doubt;
        node->tentative = false;
        node->in_doubt = false;
        break;
    case TRACE_ROLLED_BACK:
        world->result.faults[COUNT_RECOVERIES] += node->recovering;
        node->recovering = false;
        break;
    default:
        break;
    }
    bool of_checkpoint = event->kind == TRACE_TENTATIVE || event->kind == TRACE_PERMANENT ||
                         event->kind == TRACE_DISCARDED;
    if (!of_checkpoint && trace_fields(event->kind) & FIELD_BALANCE)
        node->balance = event->balance;
}

void world_record(World *world, Node *node, const TraceEvent *event)
{
    node->inc = event->inc;
    follow(world, node, event);
    digest_record(world->digest, world->now_ns, node_number(world, node), event);
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
    digest_datagram(world->digest, world->now_ns, node_number(world, node), kind, id, bytes,
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
                        .datagram_content = kind == TRACE_TX ? bytes : NULL,
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
    if (!node_is_bank(world, node))
        from.port = port == PORT_BANK ? WORLD_PORT1 : WORLD_PORT2;
    uint64_t id = ++world->result.datagrams_sent;
    const Node *peer = node_at(world, to.ip);
    record_datagram(world, node, TRACE_TX, peer, id, bytes, length, NULL);
    Fate fate = network_decide(world->network);
    bool cut_off = peer != NULL && world_cut_off(world, node, peer);
    if (world->choosing != NULL)
        choose_fate(world, node, peer, cut_off, &fate);
    if (fate.copies > 0 && cut_off) {
        fate.copies = 0;
        world->result.datagrams_dropped++;
        record_datagram(world, node, TRACE_DROP, peer, id, bytes, length, "partition");
    } else if (fate.copies == 0) {
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

void world_drop(World *world, uint32_t slot, const char *reason)
{
    const Datagram *datagram = network_held(world->network, slot);
    const Node *sender = node_at(world, datagram->from.ip);
    const Node *receiver = node_at(world, datagram->to.ip);
    world->result.datagrams_dropped++;
    record_datagram(world, sender, TRACE_DROP, receiver, datagram->id, datagram->bytes,
                    datagram->length, reason);
    network_release(world->network, slot);
}

/* --- steps --- */

static const char *what_the_world_waits_for(const World *world, const Node *node)
{
    if (node->state == NODE_DOWN || node->state == NODE_LOADING)
        return "it has crashed and is not back";
    if (node->storage != NULL && !storage_idle(node->storage, world->now_ns))
        return "its disk is busy";
    return node->outbox == NULL || outbox_empty(node->outbox)
               ? NULL
               : "what it has to say waits for its disk";
}

bool node_idle(const World *world, const Node *node, char *why, size_t capacity)
{
    const char *waits = node->state == NODE_ENDED ? NULL : what_the_world_waits_for(world, node);
    if (waits != NULL) {
        g_strlcpy(why, waits, capacity);
        return false;
    }
    if (node->bank != NULL)
        return bank_idle(node->bank, why, capacity);
    return node->customer == NULL || customer_idle(node->customer, why, capacity);
}

void world_note_idle(World *world, Node *node)
{
    char why[256];
    if (world->phase != PHASE_SETTLE)
        return;
    bool idle = node_idle(world, node, why, sizeof why);
    world->busy += (uint32_t)node->idle - (uint32_t)idle;
    node->idle = idle;
}

void world_notify(World *world, Node *node, const Notice *notice)
{
    bool answer = notice->kind == NOTICE_SUCCESS || notice->kind == NOTICE_FAILURE;
    if (answer && notice->tag != 0) {
        INVARIANT_THAT(node->unanswered, >, 0);
        node->unanswered--;
        world->result.commands_refused +=
            notice->kind == NOTICE_FAILURE && notice->tag != TAG_SETUP;
    }
    /* As the live program: there is no account to go on with. */
    if (notice->kind == NOTICE_FAILURE && notice->command == COMMAND_RESUME)
        node->stop_due = true;
    if (world->observer->on_notice != NULL)
        world->observer->on_notice(world->observer->context, world->now_ns, &node->name, notice);
}

static void carry_out(World *world, Node *node, const Effect *effect)
{
    switch (effect->kind) {
    case EFFECT_SAVE:
        INVARIANT(!"a save in an outbox");
        break;
    case EFFECT_SEND:
        send_datagram(world, node, effect->send.port, effect->send.to, effect->send.bytes,
                      effect->send.length);
        break;
    case EFFECT_NOTIFY:
        world_notify(world, node, &effect->notice);
        break;
    case EFFECT_TRACE:
        world_record(world, node, &effect->trace);
        break;
    case EFFECT_END:
        world_end(world, node, NODE_ENDED);
        break;
    }
}

/* Carries out what may be carried out; a doomed process dies on the way. */
static void let_out(World *world, Node *node)
{
    uint32_t life = node->life;
    while (node->life == life) {
        bool doomed = node->doom.commit != 0 &&
                      storage_saved(node->storage, world->now_ns) >= node->doom.commit;
        const Effect *effect =
            doomed && node->doom.effects-- == 0 ? NULL : outbox_next(node->outbox);
        if (effect != NULL) {
            carry_out(world, node, effect);
        } else if (doomed) {
            world_crash(world, node, storage_cut_now(node->storage, world->now_ns), true);
        } else {
            break;
        }
    }
}

static void await_disk(World *world, Node *node)
{
    uint64_t next_ns = storage_next_ns(node->storage, world->now_ns);
    if (next_ns == TIME_NEVER || node->disk_ns != TIME_NEVER)
        return;
    node->disk_ns = next_ns;
    queue_put(world->queue, next_ns, KIND_DISK, node_number(world, node), node->life);
}

/* effects: how many follow what is saved. */
static void write_to_disk(World *world, Node *node, size_t effects)
{
    uint32_t life = node->life;
    Writing writing = storage_write(node->storage, world->now_ns, node->bank);
    if (writing.failed || writing.operations > 0)
        world_draw_doom(world, node, &writing, effects);
    if (node->life != life)
        return;
    outbox_saved(node->outbox, storage_saved(node->storage, world->now_ns));
    await_disk(world, node);
}

static void save(World *world, Node *node, uint64_t commit)
{
    if (node->storage == NULL) {
        outbox_saved(node->outbox, commit);
        return;
    }
    storage_take(node->storage, world->now_ns, commit, world->effects);
    write_to_disk(world, node, effects_count(world->effects));
}

static void look_at_disk(World *world, Node *node)
{
    uint32_t life = node->life;
    node->disk_ns = TIME_NEVER;
    outbox_saved(node->outbox, storage_saved(node->storage, world->now_ns));
    let_out(world, node);
    if (node->life == life)
        write_to_disk(world, node, 0);
    if (node->life == life)
        let_out(world, node);
    world_note_idle(world, node);
}

void world_set_timer(World *world, Node *node, uint64_t deadline_ns)
{
    uint64_t due_ns = clock_when(&node->clock, deadline_ns);
    node->deadline_ns = deadline_ns;
    if (due_ns < node->queued_ns) {
        node->queued_ns = MAX(due_ns, world->now_ns);
        node->generation++;
        queue_put(world->queue, node->queued_ns, KIND_TIMER, node_number(world, node),
                  node->generation);
    }
}

static void step(World *world, Node *node, Event *event)
{
    uint32_t life = node->life;
    INVARIANT_THAT(node->state, ==, NODE_UP);
    event->now_ns = clock_show(&node->clock, world->now_ns);
    world->result.events++;
    if (node->bank != NULL)
        bank_step(node->bank, event, world->effects);
    else
        customer_step(node->customer, event, world->effects);
    effects_count_marks(world->effects, world->result.marks);
    size_t count = effects_count(world->effects);
    if (count > 0 && effects_at(world->effects, count - 1)->kind == EFFECT_END)
        node->state = NODE_ENDING;
    uint64_t commit = outbox_take(node->outbox, world->effects);
    if (commit != 0)
        save(world, node, commit);
    if (node->life == life)
        let_out(world, node);
    if (node->life == life)
        world_set_timer(world, node, effects_deadline(world->effects));
    world_note_idle(world, node);
}

void world_step(World *world, Node *node, Event *event)
{
    step(world, node, event);
    if (node->stop_due) {
        Event stop = {.kind = EVENT_STOP};
        step(world, node, &stop);
    }
}

/* --- what the queue brings --- */

static void deliver(World *world, uint32_t slot)
{
    const Datagram *datagram = network_held(world->network, slot);
    const Node *sender = node_at(world, datagram->from.ip);
    Node *node = node_at(world, datagram->to.ip);
    bool up = node != NULL && node->state == NODE_UP;
    bool bank = up && node->bank != NULL && datagram->to.port == WORLD_BANK_PORT;
    bool customer = up && node->customer != NULL &&
                    (datagram->to.port == WORLD_PORT1 || datagram->to.port == WORLD_PORT2);
    if (!bank && !customer) {
        world_drop(world, slot, "nobody there");
        return;
    }
    world->result.datagrams_delivered++;
    record_datagram(world, node, TRACE_RX, sender, datagram->id, datagram->bytes, datagram->length,
                    NULL);
    Event event = {.kind = EVENT_DATAGRAM,
                   .port = datagram->to.port == WORLD_PORT2 ? PORT_PEER : PORT_BANK,
                   .from = datagram->from,
                   .bytes = datagram->bytes,
                   .length = datagram->length};
    world->delivering = datagram;
    world_step(world, node, &event);
    world->delivering = NULL;
    network_release(world->network, slot);
}

static void time_out(World *world, Node *node, uint32_t generation)
{
    if (generation != node->generation)
        return;
    node->queued_ns = TIME_NEVER;
    if (node->deadline_ns > clock_show(&node->clock, world->now_ns)) {
        world_set_timer(world, node, node->deadline_ns);
        return;
    }
    world_time_out(world, node);
}

void world_time_out(World *world, Node *node)
{
    Event event = {.kind = EVENT_TIMEOUT};
    world_step(world, node, &event);
    /* Or virtual time would stand still for ever. */
    INVARIANT_THAT(node->deadline_ns, >, event.now_ns);
}

void world_command(World *world, Node *node, const Command *given, uint64_t tag)
{
    Event event = {.kind = EVENT_COMMAND, .command = *given};
    event.command.tag = tag;
    node->unanswered++;
    world_step(world, node, &event);
}

static void run_workload(World *world, Node *node, WorkloadKind kind)
{
    const WorkloadModel *model = &world->scenario->workload;
    uint64_t next_ns = world->now_ns + workload_draw_gap(model, kind, &node->stream);
    if (next_ns <= world->scenario->duration_ns)
        queue_put_early(world->queue, next_ns, KIND_WORKLOAD, node_number(world, node), kind);
    Command drawn;
    bool sensible = workload_draw_command(
        model, kind, &node->stream, (const Name *)node->peers->data, node->peers->len, &drawn);
    if (!sensible || node->state != NODE_UP || node->waiting != NULL ||
        !customer_has_account(node->customer) || node->unanswered >= UNANSWERED_MAX) {
        world->result.commands_left_out++;
        return;
    }
    world->result.commands++;
    note_command(world, node, &drawn);
    world_command(world, node, &drawn, TAG_WORKLOAD);
}

/* The process that an event waits for when it is paused; NULL: the event is not its to notice. */
static Node *receiver_of(const World *world, const QueueEntry *entry)
{
    switch ((Kind)entry->kind) {
    case KIND_DELIVERY:
        return node_at(world, network_held(world->network, entry->argument)->to.ip);
    case KIND_TIMER:
    case KIND_DISK:
        return &world->nodes[entry->process];
    case KIND_SCRIPT:
        return world_script_receiver(world, entry->argument);
    default:
        return NULL;
    }
}

void world_carry_out(World *world, const QueueEntry *entry)
{
    Node *node = &world->nodes[entry->process];
    bool of_this_life = entry->argument == node->life;
    switch ((Kind)entry->kind) {
    case KIND_DELIVERY:
        deliver(world, entry->argument);
        break;
    case KIND_TIMER:
        time_out(world, node, entry->argument);
        break;
    case KIND_WORKLOAD:
        run_workload(world, node, (WorkloadKind)entry->argument);
        break;
    case KIND_SCRIPT:
        world_run_script(world, entry->argument);
        break;
    case KIND_DISK:
        if (of_this_life)
            look_at_disk(world, node);
        break;
    case KIND_START:
        if (of_this_life)
            world_start_loaded(world, node);
        break;
    case KIND_RESTART:
        if (of_this_life) {
            note_act(world, node, SCRIPT_RESTART, 0);
            world_restart(world, node);
        }
        break;
    case KIND_CUT:
        if (of_this_life)
            world_crash(world, node, node->doom.cut, true);
        break;
    case KIND_FAULT:
        world_fault(world, node, (FaultKind)entry->argument);
        break;
    case KIND_GO_ON:
        if (entry->argument == node->pause)
            world_go_on(world, node);
        break;
    case KIND_HEAL:
        world_heal(world, entry->argument);
        break;
    case KIND_JUDGE:
        world_judge(world);
        break;
    }
}

void world_take_next(World *world)
{
    QueueEntry entry = queue_take(world->queue);
    world->now_ns = entry.time_ns;
    if (entry.kind == KIND_SCRIPT)
        note_script(world, world_script_entry(world, entry.argument));
    Node *receiver = receiver_of(world, &entry);
    if (receiver != NULL && receiver->waiting != NULL)
        world_defer(world, receiver, &entry);
    else
        world_carry_out(world, &entry);
}
