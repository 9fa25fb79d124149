#include "sim/explore_program.h"

#include "core/panic.h"

/* Of each bound, and of one customer's transfers, so that a datagram and what a process announces
 * hold them all. */
enum { COUNT_MAX = 16 };

struct Program {
    Locals *locals;
    uint16_t count;
    ExploreBounds bounds;
    GArray *scripts[STANDING_PEERS_MAX];  /* of uint32_t: numbers of commands */
    uint64_t crashes[STANDING_PEERS_MAX]; /* of the script */
    bool scripted;
    bool same_balances;
};

static uint16_t member_of(const Locals *locals, const Name *name)
{
    for (uint16_t i = 0; i < locals_members(locals); i++) {
        if (name_equal(&locals_names(locals)[i], name))
            return i;
    }
    return STANDING_PEERS_MAX;
}

static bool explorable(CommandKind kind)
{
    return kind == COMMAND_TRANSFER || kind == COMMAND_LOST_TRANSFER ||
           kind == COMMAND_CHECKPOINT || kind == COMMAND_ROLLBACK;
}

static char *take_entry(Program *program, const ScriptCommand *entry)
{
    uint16_t member = member_of(program->locals, &entry->process);
    bool command = entry->act == SCRIPT_COMMAND && explorable(entry->command.kind);
    if (entry->act == SCRIPT_RESTART)
        return NULL; /* follows every crash */
    if (member == STANDING_PEERS_MAX || (!command && entry->act != SCRIPT_CRASH))
        return g_strdup_printf("script %s: an exploration takes transfer, lost-transfer, "
                               "checkpoint, rollback and crash, of customers",
                               entry->key);
    program->scripted = true;
    if (entry->act == SCRIPT_CRASH) {
        program->crashes[member]++;
        return NULL;
    }
    uint32_t number = locals_add_command(program->locals, &entry->command);
    g_array_append_val(program->scripts[member], number);
    return NULL;
}

static char *take_script(Program *program, const GArray *script)
{
    char *error = NULL;
    for (guint i = 0; i < script->len && error == NULL; i++)
        error = take_entry(program, &g_array_index(script, ScriptCommand, i));
    for (uint16_t i = 0; i < program->count && error == NULL; i++) {
        if (program->scripts[i]->len > COUNT_MAX || program->crashes[i] > COUNT_MAX)
            error = g_strdup_printf("script: at most %d commands, and as many crashes, of each "
                                    "customer",
                                    COUNT_MAX);
    }
    return error;
}

static bool bounds_hold(const Program *program)
{
    const ExploreBounds *bounds = &program->bounds;
    const uint64_t all[] = {bounds->transfers, bounds->lost_transfers, bounds->checkpoints,
                            bounds->rollbacks, bounds->crashes,        bounds->retries};
    bool hold = true;
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        hold = hold && all[i] <= COUNT_MAX;
    for (uint16_t i = 0; i < program->count; i++)
        hold = hold &&
               program->scripts[i]->len + bounds->transfers + bounds->lost_transfers <= COUNT_MAX;
    return hold;
}

Program *program_new(const Scenario *scenario, Locals *locals, char **error)
{
    const ExploreBounds *bounds = &scenario->explore;
    Program *program = g_new0(Program, 1);
    program->locals = locals;
    program->count = locals_members(locals);
    program->bounds = *bounds;
    program->same_balances = true;
    for (guint i = 1; i < scenario->participants->len; i++)
        program->same_balances = program->same_balances &&
                                 g_array_index(scenario->participants, Participant, i).balance ==
                                     g_array_index(scenario->participants, Participant, 0).balance;
    for (uint16_t i = 0; i < program->count; i++)
        program->scripts[i] = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    *error = take_script(program, scenario->script);
    if (*error == NULL && !bounds_hold(program))
        *error =
            g_strdup_printf("explore: bounds are at most %d, and so are a customer's transfers, "
                            "lost transfers and commands of the script together",
                            COUNT_MAX);
    if (*error == NULL)
        return program;
    program_free(program);
    return NULL;
}

void program_free(Program *program)
{
    for (uint16_t i = 0; i < program->count; i++)
        g_array_unref(program->scripts[i]);
    g_free(program);
}

bool program_symmetric(const Program *program)
{
    return !program->scripted && program->same_balances;
}

uint64_t program_crashes(const Scenario *scenario)
{
    uint64_t crashes = scenario->explore.crashes;
    for (guint i = 0; i < scenario->script->len; i++)
        crashes += g_array_index(scenario->script, ScriptCommand, i).act == SCRIPT_CRASH;
    return crashes;
}

void program_add(const Program *program, Used *totals, uint16_t member, const Used *used)
{
    totals->transfers += used->transfers;
    totals->lost_transfers += used->lost_transfers;
    totals->checkpoints += used->checkpoints;
    totals->rollbacks += used->rollbacks;
    if (program->crashes[member] == 0) /* else they are the script's */
        totals->crashes += used->crashes;
}

static void offer(const Program *program, const Command *command, GArray *offers)
{
    Move move = move_of(MOVE_COMMAND, locals_add_command(program->locals, command));
    g_array_append_val(offers, move);
}

/* To anyone; no two of one customer have the same amount, so that none is taken for another. */
static void offer_transfers(const Program *program, uint16_t member, CommandKind kind,
                            const Used *used, GArray *offers)
{
    Command command = {.kind = kind,
                       .amount = (Money)100 * (used->transfers + used->lost_transfers + 1)};
    for (uint16_t i = 0; i < program->count; i++) {
        command.name = locals_names(program->locals)[i];
        if (i != member)
            offer(program, &command, offers);
    }
}

GArray *program_offers(const Program *program, uint16_t member, const Used *used,
                       const Used *totals, bool busy)
{
    GArray *offers = g_array_new(FALSE, FALSE, sizeof(Move));
    const ExploreBounds *bounds = &program->bounds;
    const GArray *script = program->scripts[member];
    uint64_t scripted = program->crashes[member];
    if (!busy && used->script < script->len) {
        Move move = move_of(MOVE_COMMAND, g_array_index(script, uint32_t, used->script));
        g_array_append_val(offers, move);
    }
    if (!busy && used->script == script->len) {
        if (used->transfers < bounds->transfers &&
            (bounds->transfers_in_all == 0 || totals->transfers < bounds->transfers_in_all))
            offer_transfers(program, member, COMMAND_TRANSFER, used, offers);
        if (used->lost_transfers < bounds->lost_transfers)
            offer_transfers(program, member, COMMAND_LOST_TRANSFER, used, offers);
        if (totals->checkpoints < bounds->checkpoints)
            offer(program, &(Command){.kind = COMMAND_CHECKPOINT}, offers);
        if (totals->rollbacks < bounds->rollbacks)
            offer(program, &(Command){.kind = COMMAND_ROLLBACK}, offers);
    }
    if (used->crashes < scripted || (scripted == 0 && totals->crashes < bounds->crashes)) {
        Move move = move_of(MOVE_CRASH, 0);
        g_array_append_val(offers, move);
    }
    return offers;
}

Used program_used(const Program *program, const Mind *mind, Move move)
{
    Used used = mind->used;
    if (move_kind(move) == MOVE_CRASH)
        used.crashes++;
    if (move_kind(move) != MOVE_COMMAND)
        return used;
    uint16_t member = locals_core(program->locals, mind->core)->member;
    if (used.script < program->scripts[member]->len) {
        used.script++;
        return used;
    }
    switch (locals_command(program->locals, move_argument(move))->kind) {
    case COMMAND_TRANSFER:
        used.transfers++;
        break;
    case COMMAND_LOST_TRANSFER:
        used.lost_transfers++;
        break;
    case COMMAND_CHECKPOINT:
        used.checkpoints++;
        break;
    default:
        used.rollbacks++;
        break;
    }
    return used;
}
