/* Moves and cores with all processes permuted: what the same moves lead to from the other side. */
#include <string.h>

#include "core/panic.h"
#include "sim/explore_local.h"

static Move command_image(Locals *locals, uint32_t number, const Permutation *permutation)
{
    Command command = *locals_command(locals, number);
    for (uint16_t i = 0; i < locals_members(locals); i++) {
        if (name_equal(&locals_names(locals)[i], &command.name)) {
            command.name = locals_names(locals)[permutation->to[i]];
            break;
        }
    }
    return move_of(MOVE_COMMAND, locals_add_command(locals, &command));
}

Move locals_move_image(Locals *locals, Move move, const Permutation *permutation)
{
    uint32_t argument = move_argument(move);
    uint32_t kind = argument / STANDING_PEERS_MAX;
    switch (move_kind(move)) {
    case MOVE_MAIL:
        return move_of(MOVE_MAIL, mails_image(locals_mails(locals), argument, permutation));
    case MOVE_TIMER:
        if (!timer_kind_of_peer((TimerKind)kind))
            return move;
        return move_of(MOVE_TIMER,
                       kind * STANDING_PEERS_MAX + permutation->to[argument % STANDING_PEERS_MAX]);
    case MOVE_COMMAND:
        return command_image(locals, argument, permutation);
    default:
        return move;
    }
}

uint32_t locals_core_image(Locals *locals, uint32_t core, const Permutation *permutation,
                           GArray *known)
{
    if (known->len <= core) {
        guint old = known->len;
        g_array_set_size(known, locals_core_count(locals));
        memset(&g_array_index(known, uint32_t, old), 0xff, (known->len - old) * sizeof(uint32_t));
    }
    uint32_t image = g_array_index(known, uint32_t, core);
    if (image != POOL_NONE)
        return image;
    const LocalCore from = *locals_core(locals, core);
    if (from.parent == POOL_NONE) {
        image = locals_first(locals, permutation->to[from.member]);
    } else if (from.move == MOVE_NONE) {
        uint32_t parent = locals_core_image(locals, from.parent, permutation, known);
        image = locals_without_disk(locals, parent);
    } else {
        uint32_t parent = locals_core_image(locals, from.parent, permutation, known);
        image = locals_step(locals, parent, locals_move_image(locals, from.move, permutation)).core;
        INVARIANT_THAT(image, !=, POOL_NONE); /* else the processes are not interchangeable */
    }
    g_array_index(known, uint32_t, core) = image;
    return image;
}
