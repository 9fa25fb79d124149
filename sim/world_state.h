/* What a World is made of; for world.c, which leads a run through its parts, and world_steps.c,
 * which carries out one event after the other. */
#ifndef COHORT_WORLD_STATE_H
#define COHORT_WORLD_STATE_H

#include "sim/digest.h"
#include "sim/queue.h"
#include "sim/world.h"

/* What comes out of the queue; the meaning of process and argument. */
typedef enum Kind {
    KIND_DELIVERY, /* argument: the datagram's slot */
    KIND_TIMER,    /* of process; argument: its generation */
    KIND_WORKLOAD, /* of process; argument: the WorkloadKind */
    KIND_SCRIPT    /* argument: which command of the script */
} Kind;

/* Node 0 is the bank; node 1 + i is customer i. */
enum { BANK_NODE = 0, FIRST_CUSTOMER = 1 };

/* One process, whether it runs or has ended. */
typedef struct Node {
    Name name;
    uint32_t ip;
    Bank *bank;         /* BANK_NODE alone */
    Customer *customer; /* NULL: ended */
    uint32_t starts;
    GByteArray *slots[SLOTS]; /* a customer's stable storage */
    uint64_t inc;             /* as the last record told it */
    /* One timer. An entry of the queue counts if it is of the current generation. A deadline put
     * off leaves its entry alone, which then comes too early and is put in again. */
    uint64_t deadline_ns;
    uint64_t queued_ns; /* when the current entry comes; TIME_NEVER: there is none */
    uint32_t generation;
    /* The workload. */
    uint64_t stream;
    GArray *peers;       /* of Name: the other members of its cohort */
    uint32_t unanswered; /* commands */
    bool idle;           /* kept while settling */
} Node;

typedef enum Phase { PHASE_SETUP, PHASE_RUN, PHASE_SETTLE, PHASE_OVER } Phase;

struct World {
    const Scenario *scenario;
    const Observer *observer;
    uint64_t seed;
    Phase phase;
    uint64_t now_ns;
    Queue *queue;
    Network *network;
    Effects *effects;
    const Datagram *delivering; /* what the step under way is about; NULL: no datagram */
    Node *nodes;
    uint32_t node_count;
    uint64_t clients;   /* the stream of the processes' identities */
    uint32_t busy;      /* nodes not idle; kept while settling */
    GPtrArray *journal; /* the bank's stable storage: GBytes, one for each record */
    Digest *digest;
    Totals *totals;
    Checker *checker;
    uint64_t seq;
    WorldResult result; /* as far as counted while running */
    GPtrArray *stuck;
    GPtrArray *violations;
};

static inline bool node_ended(const Node *node)
{
    return node->bank == NULL && node->customer == NULL;
}
bool node_idle(const Node *node, char *why, size_t capacity);
/* Keeps World.busy up to date; after every step while settling. */
void world_note_idle(World *world, Node *node);

/* Carries out the first entry of the queue. */
void world_take_next(World *world);

void world_step(World *world, Node *node, Event *event);
void world_command(World *world, Node *node, const Command *command, uint64_t tag);
/* A fresh process, without anything on disk. resume: the account to go on with, or NULL. */
void world_start_customer(World *world, Node *node, const Name *resume);

#endif
