#include "sim/network.h"

#include <glib.h>
#include <string.h>

#include "core/panic.h"

enum { DATAGRAMS_PER_CHUNK = 256 };
#define NO_SLOT UINT32_MAX

struct Network {
    NetworkModel model;
    uint64_t state;
    /* Slot s is datagram s % DATAGRAMS_PER_CHUNK of chunk s / DATAGRAMS_PER_CHUNK; chunks never
     * move, so that pointers to datagrams stay good while more are taken. */
    GPtrArray *chunks;
    uint32_t first_free;
    size_t held;
};

const NetworkModel network_ideal = {.delay = {.kind = DELAY_CONSTANT}};

Network *network_new(uint64_t state)
{
    Network *network = g_new0(Network, 1);
    network->model = network_ideal;
    network->state = state;
    network->chunks = g_ptr_array_new_with_free_func(g_free);
    network->first_free = NO_SLOT;
    return network;
}

void network_free(Network *network)
{
    g_ptr_array_unref(network->chunks);
    g_free(network);
}

void network_set_model(Network *network, const NetworkModel *model)
{
    network->model = *model;
}

Fate network_decide(Network *network)
{
    const NetworkModel *model = &network->model;
    Fate fate = {0};
    if (draw_chance(&network->state, model->loss))
        return fate;
    fate.copies = draw_chance(&network->state, model->duplicate) ? 2 : 1;
    for (unsigned copy = 0; copy < fate.copies; copy++)
        fate.delay_ns[copy] = delay_draw(&model->delay, &network->state);
    return fate;
}

static Datagram *at(const Network *network, uint32_t slot)
{
    Datagram *chunk = g_ptr_array_index(network->chunks, slot / DATAGRAMS_PER_CHUNK);
    return &chunk[slot % DATAGRAMS_PER_CHUNK];
}

static void grow(Network *network)
{
    uint32_t first = network->chunks->len * DATAGRAMS_PER_CHUNK;
    g_ptr_array_add(network->chunks, g_new(Datagram, DATAGRAMS_PER_CHUNK));
    for (uint32_t slot = first + DATAGRAMS_PER_CHUNK; slot-- > first;) {
        at(network, slot)->next_free = network->first_free;
        network->first_free = slot;
    }
}

uint32_t network_hold(Network *network, uint64_t id, Address from, Address to, const uint8_t *bytes,
                      size_t length)
{
    INVARIANT_THAT(length, <=, DATAGRAM_BYTES_MAX);
    if (network->first_free == NO_SLOT)
        grow(network);
    uint32_t slot = network->first_free;
    Datagram *datagram = at(network, slot);
    network->first_free = datagram->next_free;
    network->held++;
    datagram->id = id;
    datagram->from = from;
    datagram->to = to;
    datagram->length = (uint16_t)length;
    memcpy(datagram->bytes, bytes, length);
    return slot;
}

const Datagram *network_held(const Network *network, uint32_t slot)
{
    return at(network, slot);
}

void network_release(Network *network, uint32_t slot)
{
    INVARIANT_THAT(network->held, >, 0);
    at(network, slot)->next_free = network->first_free;
    network->first_free = slot;
    network->held--;
}

size_t network_held_count(const Network *network)
{
    return network->held;
}
