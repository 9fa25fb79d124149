#include "sim/world_choices.h"

#include "core/panic.h"
#include "sim/schedule.h"

/* Questions about one process, counted since the set-up. */
typedef struct NodeChoosing {
    World *world;
    const Node *node;
    DiskChooser chooser;
    uint64_t operations; /* of its disk */
    uint64_t writes;     /* of commits */
    uint64_t crashes;    /* of its disk */
    uint64_t restarts;
} NodeChoosing;

/* Datagrams from one process to another since the set-up. */
typedef struct Sent {
    uint64_t pair; /* the key */
    uint64_t count;
} Sent;

struct Choosing {
    Scenario *schedule; /* that is noted; or NULL */
    GHashTable *sent;   /* of Sent */
    NodeChoosing *nodes;
    bool *asked; /* the scenario's choices, if it is a schedule */
};

/* --- names and numbers --- */

/* The bank's is SCRIPT_BANK, as in scripts. */
static uint32_t subject_of(const World *world, const Node *node)
{
    return node_is_bank(world, node) ? SCRIPT_BANK : node_number(world, node) - FIRST_CUSTOMER;
}

/* As scenarios name it, whatever its account is called. */
static Name name_of(const World *world, const Node *node)
{
    if (node_is_bank(world, node))
        return (Name){"bank"};
    return g_array_index(world->scenario->participants, Participant, subject_of(world, node)).name;
}

static NodeChoosing *choosing_of(const World *world, const Node *node)
{
    return &world->choosing->nodes[node_number(world, node)];
}

static const Choice *find(const World *world, ChoiceKind kind, uint32_t subject, uint32_t peer,
                          uint64_t number)
{
    const Choices *choices = world->scenario->choices;
    if (!world_is_schedule(world))
        return NULL;
    const Choice *chosen = choices_find(choices, kind, subject, peer, number);
    if (chosen != NULL)
        world->choosing->asked[choices_index(choices, chosen)] = true;
    return chosen;
}

static const Choice *answer(const World *world, ChoiceKind kind, const Node *node, uint64_t number)
{
    return find(world, kind, subject_of(world, node), 0, number);
}

static Choice question(const World *world, ChoiceKind kind, const Node *node, uint64_t number)
{
    return (Choice){.kind = kind,
                    .process = name_of(world, node),
                    .subject = subject_of(world, node),
                    .number = number};
}

static void note(const World *world, const Choice *choice)
{
    choices_add(world->choosing->schedule->choices, choice);
}

static bool noting(const World *world)
{
    return world->choosing != NULL && world->choosing->schedule != NULL;
}

/* --- datagrams --- */

static uint64_t count_datagram(const World *world, const Node *from, const Node *to)
{
    uint64_t receiver = to != NULL ? node_number(world, to) : UINT32_MAX;
    uint64_t pair = (uint64_t)node_number(world, from) << 32 | receiver;
    Sent *sent = g_hash_table_lookup(world->choosing->sent, &pair);
    if (sent == NULL) {
        sent = g_new0(Sent, 1);
        sent->pair = pair;
        g_hash_table_add(world->choosing->sent, sent);
    }
    return ++sent->count;
}

/* Once the faults are over every datagram arrives, and once. */
static void take_fate(const World *world, const Fate *chosen, Fate *fate)
{
    if (world->phase == PHASE_RUN)
        *fate = *chosen;
    else if (chosen->copies > 0)
        *fate = (Fate){1, {chosen->delay_ns[0]}};
}

void choose_fate(World *world, const Node *from, const Node *to, bool cut_off, Fate *fate)
{
    if (world->phase == PHASE_SETUP)
        return;
    uint64_t number = count_datagram(world, from, to);
    uint32_t peer = to != NULL ? subject_of(world, to) : CHOICE_NOBODY;
    const Choice *chosen = find(world, CHOICE_DATAGRAM, subject_of(world, from), peer, number);
    if (chosen != NULL)
        take_fate(world, &chosen->datagram, fate);
    if (!noting(world) || cut_off)
        return;
    uint64_t usual_ns = world->choosing->schedule->network.delay.a_ns;
    if (fate->copies == 1 && fate->delay_ns[0] == usual_ns)
        return;
    Choice choice = question(world, CHOICE_DATAGRAM, from, number);
    if (to != NULL)
        choice.peer = name_of(world, to);
    choice.peer_subject = peer;
    choice.datagram = *fate;
    note(world, &choice);
}

/* --- disks --- */

static void choose_operation(void *context, DiskWork work, DiskFate *fate)
{
    NodeChoosing *own = context;
    const World *world = own->world;
    if (world->phase == PHASE_SETUP)
        return;
    uint64_t number = ++own->operations;
    const Choice *chosen = answer(world, CHOICE_DISK, own->node, number);
    if (chosen != NULL) {
        fate->code = world->phase == PHASE_RUN ? chosen->disk.code : 0;
        fate->written = chosen->disk.written;
        if (chosen->disk.delay_ns != TIME_NEVER && work != DISK_READ)
            fate->delay_ns = chosen->disk.delay_ns;
    }
    if (!noting(world))
        return;
    const DiskModel *usual = &world->choosing->schedule->disk;
    uint64_t usual_ns = work == DISK_READ   ? fate->delay_ns
                        : work == DISK_SYNC ? usual->fsync_delay.a_ns
                                            : usual->write_delay.a_ns;
    if (fate->code == 0 && fate->delay_ns == usual_ns)
        return;
    Choice choice = question(world, CHOICE_DISK, own->node, number);
    choice.disk = *fate;
    if (fate->delay_ns == usual_ns)
        choice.disk.delay_ns = TIME_NEVER;
    note(world, &choice);
}

static void choose_crash(void *context, CrashFate *fate, bool unsynced, bool under_way)
{
    NodeChoosing *own = context;
    const World *world = own->world;
    if (world->phase == PHASE_SETUP)
        return;
    uint64_t number = ++own->crashes;
    if (world_is_schedule(world)) {
        const Choice *chosen = answer(world, CHOICE_CRASH, own->node, number);
        *fate = chosen != NULL ? chosen->crash : (CrashFate){0};
    }
    if (world->phase != PHASE_RUN)
        fate->lose = fate->tear = false;
    if (!noting(world) || !(under_way || (unsynced && fate->lose)))
        return;
    Choice choice = question(world, CHOICE_CRASH, own->node, number);
    choice.crash = *fate;
    note(world, &choice);
}

const DiskChooser *choose_disk(World *world, const Node *node)
{
    return world->choosing != NULL ? &choosing_of(world, node)->chooser : NULL;
}

/* --- deaths and rebirths --- */

bool choose_death(World *world, const Node *node, bool dies, Death *death)
{
    if (world->phase == PHASE_SETUP)
        return false;
    uint64_t number = ++choosing_of(world, node)->writes;
    const Choice *chosen = answer(world, CHOICE_WRITE, node, number);
    if (chosen != NULL && world->phase == PHASE_RUN) {
        *death = chosen->write;
        dies = true;
    }
    if (noting(world) && dies) {
        Choice choice = question(world, CHOICE_WRITE, node, number);
        choice.write = *death;
        note(world, &choice);
    }
    return dies;
}

bool choose_flip(World *world, const Node *node, bool flips, uint64_t *seed)
{
    uint64_t number = choosing_of(world, node)->crashes;
    const Choice *chosen = answer(world, CHOICE_FLIP, node, number);
    if (chosen != NULL) {
        *seed = chosen->seed;
        flips = true;
    }
    if (noting(world) && flips) {
        Choice choice = question(world, CHOICE_FLIP, node, number);
        choice.seed = *seed;
        note(world, &choice);
    }
    return flips;
}

bool choose_clock(World *world, const Node *node, bool anew, uint64_t *shown_ns)
{
    uint64_t number = ++choosing_of(world, node)->restarts;
    const Choice *chosen = answer(world, CHOICE_CLOCK, node, number);
    if (chosen != NULL) {
        *shown_ns = chosen->clock_ns;
        anew = true;
    }
    if (noting(world) && anew) {
        Choice choice = question(world, CHOICE_CLOCK, node, number);
        choice.clock_ns = *shown_ns;
        note(world, &choice);
    }
    return anew;
}

void choose_drift(World *world, Node *node)
{
    const Choice *chosen = answer(world, CHOICE_DRIFT, node, 0);
    if (chosen != NULL)
        node->clock.drift = chosen->drift;
    if (noting(world) && node->clock.drift != 0) {
        Choice choice = question(world, CHOICE_DRIFT, node, 0);
        choice.drift = node->clock.drift;
        note(world, &choice);
    }
}

/* --- the script --- */

static void note_entry(World *world, const ScriptCommand *entry)
{
    ScriptCommand noted = *entry;
    noted.time_ns = world->now_ns;
    script_append(world->choosing->schedule->script, &noted);
}

void note_script(World *world, const ScriptCommand *entry)
{
    if (noting(world))
        note_entry(world, entry);
}

void note_command(World *world, const Node *node, const Command *command)
{
    if (noting(world))
        note_entry(world, &(ScriptCommand){.process = name_of(world, node), .command = *command});
}

void note_act(World *world, const Node *node, ScriptAct act, uint64_t duration_ns)
{
    if (noting(world) && world->phase == PHASE_RUN)
        note_entry(world, &(ScriptCommand){.process = name_of(world, node),
                                           .act = act,
                                           .duration_ns = duration_ns});
}

void note_partition(World *world, const Partition *partition, uint64_t duration_ns)
{
    if (!noting(world))
        return;
    g_autoptr(GString) names = g_string_new(NULL);
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (partition->first_side[i])
            g_string_append_printf(names, "%s%s", names->len > 0 ? "," : "",
                                   name_of(world, &world->nodes[i]).text);
    }
    note_entry(world, &(ScriptCommand){.act = SCRIPT_PARTITION,
                                       .duration_ns = duration_ns,
                                       .cut = {.to = partition->cuts_to,
                                               .from = partition->cuts_from,
                                               .names = names->str}});
}

void world_note_choices(World *world, Scenario *schedule)
{
    INVARIANT_THAT(world->phase, ==, PHASE_SETUP);
    if (world->choosing == NULL)
        world->choosing = choosing_new(world);
    world->choosing->schedule = schedule;
    schedule->seed = world->seed;
    for (uint32_t i = 0; i < world->node_count; i++)
        choose_drift(world, &world->nodes[i]);
}

/* --- the object --- */

Choosing *choosing_new(World *world)
{
    Choosing *choosing = g_new0(Choosing, 1);
    choosing->sent = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    choosing->nodes = g_new0(NodeChoosing, world->node_count);
    if (world_is_schedule(world))
        choosing->asked = g_new0(bool, choices_count(world->scenario->choices));
    for (uint32_t i = 0; i < world->node_count; i++) {
        NodeChoosing *own = &choosing->nodes[i];
        *own = (NodeChoosing){.world = world,
                              .node = &world->nodes[i],
                              .chooser = {own, choose_operation, choose_crash}};
    }
    return choosing;
}

void choosing_free(Choosing *choosing)
{
    if (choosing == NULL)
        return;
    g_hash_table_unref(choosing->sent);
    g_free(choosing->nodes);
    g_free(choosing->asked);
    g_free(choosing);
}

const Choice *choosing_unasked(const World *world, size_t *count)
{
    const Choices *choices = world->scenario->choices;
    const Choice *first = NULL;
    *count = 0;
    for (size_t i = 0; world_is_schedule(world) && i < choices_count(choices); i++) {
        if (world->choosing->asked[i])
            continue;
        if (first == NULL)
            first = choices_at(choices, i);
        ++*count;
    }
    return first;
}
