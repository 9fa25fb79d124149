/* The simulated network: what it does to a datagram, and the datagrams that are under way.
 *
 * It decides with a stream of draws of its own, always as many for a datagram of the same fate:
 * first whether it is lost, then whether it is duplicated, then the delay of each copy. Delays are
 * drawn one by one, so datagrams overtake each other. */
#ifndef COHORT_SIM_NETWORK_H
#define COHORT_SIM_NETWORK_H

#include "core/transport.h"
#include "core/types.h"
#include "sim/random.h"

typedef struct NetworkModel {
    uint32_t loss;      /* parts per billion, as in random.h */
    uint32_t duplicate; /* likewise */
    Delay delay;
} NetworkModel;

/* No loss, no duplicates, no delay. */
extern const NetworkModel network_ideal;

enum { COPIES_MAX = 8 };

typedef struct Fate {
    unsigned copies; /* 0: lost; 2: duplicated; more are never drawn */
    uint64_t delay_ns[COPIES_MAX];
} Fate;

/* One copy under way. */
typedef struct Datagram {
    uint64_t id; /* counts the datagrams sent, from 1; copies share it */
    Address from;
    Address to;
    uint32_t next_free; /* the network's */
    uint16_t length;
    uint8_t bytes[DATAGRAM_BYTES_MAX];
} Datagram;

typedef struct Network Network;

/* An ideal network. `state`: the stream of its draws. */
Network *network_new(uint64_t state);
void network_free(Network *network);
void network_set_model(Network *network, const NetworkModel *model);

Fate network_decide(Network *network);

/* The copies under way, by slot; a slot is used again once released. The pointer stays good until
 * then. */
uint32_t network_hold(Network *network, uint64_t id, Address from, Address to, const uint8_t *bytes,
                      size_t length);
const Datagram *network_held(const Network *network, uint32_t slot);
void network_release(Network *network, uint32_t slot);
size_t network_held_count(const Network *network);

#endif
