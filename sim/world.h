/* The simulated world: one bank, its customers, their disks, and the network between them, in
 * virtual time.
 *
 * It is a driver of the core, as net/driver.c is, and the only one besides it. A run has three
 * parts: the set-up, at time 0 and without any fault, which opens the accounts and forms the
 * cohorts; then the scenario's network, workload, faults and script; at the scenario's end the
 * workload and all faults stop, what is down comes back, and everything under way has
 * SETTLE_NS_MAX to come to rest. The same scenario and seed give the same run, to the last byte
 * sent.
 *
 *     World *world = world_new(scenario, seed, &observer);
 *     while (world_advance(world, 100000)) { ... }
 *     WorldResult result = world_result(world);
 */
#ifndef COHORT_WORLD_H
#define COHORT_WORLD_H

#include "core/notice.h"
#include "core/trace.h"
#include "sim/checker.h"
#include "sim/scenario.h"
#include "sim/totals.h"

#define SETTLE_NS_MAX (3600 * NS_PER_S) /* queued commands that collide take their time */

/* The world's addresses: the bank is 10.0.0.1:8600, c1 10.1.0.1, c2 10.1.0.2 and so on. */
#define WORLD_BANK_IP UINT32_C(0x0a000001)
#define WORLD_CUSTOMER_IP UINT32_C(0x0a010001)
enum { WORLD_BANK_PORT = 8600, WORLD_PORT1 = 8501, WORLD_PORT2 = 8502 };

/* A workload command is left out when its customer has so many without an answer. */
enum { UNANSWERED_MAX = 64 };

/* Whatever restart_after says: else a process that cannot start would try for ever at one instant.
 */
#define RESTART_NS_MIN NS_PER_MS

/* Datagrams that wait in the sockets of a paused process; more are dropped. */
enum { SOCKET_DATAGRAMS_MAX = 256 };

/* The tags of commands: which part of the world gave them. */
enum { TAG_SETUP = 1, TAG_WORKLOAD, TAG_SCRIPT };

/* Who watches a run. Either function may be NULL. What they are given lives during the call. */
typedef struct Observer {
    void *context;
    /* Every record of the trace; seq counts those handed over. */
    void (*on_trace)(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                     const TraceEvent *event);
    bool datagrams; /* hand over TX, RX, DROP and DUP too */
    void (*on_notice)(void *context, uint64_t t_ns, const Name *process, const Notice *notice);
} Observer;

typedef struct World World;

/* The scenario must be complete, and outlive the world, as must the observer; NULL: nobody. */
World *world_new(const Scenario *scenario, uint64_t seed, const Observer *observer);
void world_free(World *world);

/* Before the first advance: notes the run as it goes into a schedule from schedule_of(scenario),
 * which must outlive the world. At any time it holds all that was chosen so far; complete it before
 * it is run. */
void world_note_choices(World *world, Scenario *schedule);

/* Goes on by about so many events. False when the run is over. */
bool world_advance(World *world, uint64_t events);
uint64_t world_now(const World *world);
uint64_t world_events(const World *world); /* so far */

typedef struct WorldResult {
    uint64_t virtual_ns;
    uint64_t events; /* steps of processes */
    uint64_t datagrams_sent;
    uint64_t datagrams_duplicated;
    uint64_t datagrams_delivered; /* sent + duplicated == delivered + dropped + under way, of which
                                     a run that has settled has none */
    uint64_t datagrams_dropped;   /* lost, or for a process that is not there */
    uint64_t commands;            /* of workload and script */
    uint64_t commands_refused;
    uint64_t commands_left_out;
    uint64_t faults[FAULT_COUNTS];
    uint64_t marks[MARK_KINDS]; /* steps that met it */
    uint64_t settle_ns;         /* from the scenario's end until all was at rest */
    TotalSums sums;
    uint64_t trace_hash;
    /* The scenario's choices that answer no question that was asked: how many, and the first. */
    size_t choices_unasked;
    const Choice *first_unasked; /* NULL: none */
    /* Liveness: sentences saying who waits for whom. Empty: the run has settled. */
    const GPtrArray *stuck;
    /* Safety: of Violation, as the checker judged. */
    const GPtrArray *violations;
} WorldResult;

/* Once the run is over. The arrays belong to the world. */
WorldResult world_result(const World *world);

/* The customer process `index` in the order of the scenario's participants, to look into; NULL
 * when it has ended or is down. */
const Customer *world_customer(const World *world, size_t index);
const Bank *world_bank(const World *world); /* NULL when it is down */

#endif
