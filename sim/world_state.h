/* What a World is made of; for the files that share it: world.c leads a run through its parts,
 * world_steps.c carries out one event after the other, world_script.c what the script says,
 * world_lives.c starts and ends processes, world_faults.c does to them and the network what nobody
 * wants, and world_choices.c asks those who have a say in it. */
#ifndef COHORT_WORLD_STATE_H
#define COHORT_WORLD_STATE_H

#include "core/outbox.h"
#include "sim/digest.h"
#include "sim/queue.h"
#include "sim/storage.h"
#include "sim/world.h"

/* What comes out of the queue; the meaning of process and argument. */
typedef enum Kind {
    KIND_DELIVERY, /* argument: the datagram's slot */
    KIND_TIMER,    /* of process; argument: its generation */
    KIND_WORKLOAD, /* of process; argument: the WorkloadKind */
    KIND_SCRIPT,   /* argument: which command of the script */
    KIND_DISK,     /* of process: something is done; argument: its life */
    KIND_START,    /* of process: it has loaded; argument: its life */
    KIND_FAULT,    /* of process; argument: the FaultKind */
    KIND_CUT,      /* of process: it crashes where Node.cut says; argument: its life */
    KIND_RESTART,  /* of process; argument: its life */
    KIND_GO_ON,    /* of process: its pause is over; argument: which pause */
    KIND_HEAL,     /* argument: which partition is over */
    KIND_JUDGE     /* a long run is judged as it goes */
} Kind;

/* Node 0 is the bank; node 1 + i is customer i. */
enum { BANK_NODE = 0, FIRST_CUSTOMER = 1 };

typedef enum NodeState {
    NODE_ENDED,   /* its work is done, or has not begun */
    NODE_DOWN,    /* crashed; it will be started again */
    NODE_LOADING, /* started; it reads its disk */
    NODE_UP,
    NODE_ENDING /* its work is done, but not all of it durable and told */
} NodeState;

/* A crash that will come in the midst of carrying out a commit. */
typedef struct Doom {
    DiskCut cut;      /* at a KIND_CUT */
    uint64_t commit;  /* or, if not 0: when this is durable ... */
    uint64_t effects; /* ... and so many effects more are carried out */
} Doom;

/* One process. */
typedef struct Node {
    Name name;
    uint32_t ip;
    NodeState state;
    uint32_t life;      /* counts the states it was in: who means another is out of date */
    Bank *bank;         /* LOADING or UP: BANK_NODE has this, ... */
    Customer *customer; /* ... all others this */
    uint32_t starts;
    Outbox *outbox;
    Storage *storage; /* NULL: a disk would make no difference */
    uint64_t disk_ns; /* when the next KIND_DISK comes; TIME_NEVER: none is to come */
    Clock clock;
    /* As the trace has told it: */
    uint64_t inc;
    Money balance;
    bool has_account;
    bool exited;
    bool crashed;    /* and not yet back */
    bool tentative;  /* a checkpoint is undecided, ... */
    bool in_doubt;   /* ... and was when the process was started again */
    bool recovering; /* it owes the others a rollback */
    /* One timer. An entry of the queue counts if it is of the current generation. A deadline put
     * off leaves its entry alone, which then comes too early and is put in again. */
    uint64_t deadline_ns; /* by its own clock */
    uint64_t queued_ns;   /* when the current entry comes; TIME_NEVER: there is none */
    uint32_t generation;
    /* The workload. */
    uint64_t stream;
    GArray *peers;       /* of Name: the other members of its cohort */
    uint32_t unanswered; /* commands */
    bool stop_due;       /* when the step is done */
    bool idle;           /* kept while settling */
    uint64_t idle_ns;    /* when it was last found so by a KIND_JUDGE */
    /* Faults. */
    uint64_t faults[FAULT_KINDS]; /* their streams */
    uint64_t dooms;               /* the stream of crashes at saves */
    uint64_t rebirths;            /* the stream of what happens between lives */
    Doom doom;
    uint32_t pause;      /* counts them */
    GArray *waiting;     /* of QueueEntry, what came during a pause; NULL: it is not paused */
    uint32_t in_sockets; /* datagrams among these */
} Node;

/* Who is asked about what the world would else decide by itself (sim/world_choices.h). */
typedef struct Choosing Choosing;

typedef enum Phase { PHASE_SETUP, PHASE_RUN, PHASE_SETTLE, PHASE_OVER } Phase;

struct World {
    const Scenario *scenario;
    const Observer *observer;
    uint64_t seed;
    Phase phase;
    uint64_t now_ns;
    Queue *queue;
    Network *network;
    GArray *partitions; /* of Partition: those of now */
    uint64_t partition_count;
    DiskModel disks; /* as they are now */
    Effects *effects;
    const Datagram *delivering; /* what the step under way is about; NULL: no datagram */
    Node *nodes;
    uint32_t node_count;
    uint32_t busy;      /* nodes not idle; kept while settling */
    Choosing *choosing; /* NULL: nobody */
    Digest *digest;
    Totals *totals;
    Checker *checker;
    uint64_t judged_ns; /* all before is */
    uint64_t seq;
    WorldResult result; /* as far as counted while running */
    GPtrArray *stuck;
    GPtrArray *violations;
};

static inline bool node_is_bank(const World *world, const Node *node)
{
    return node == &world->nodes[BANK_NODE];
}

/* There is a process to crash. */
static inline bool node_alive(const Node *node)
{
    return node->state != NODE_ENDED && node->state != NODE_DOWN;
}

static inline uint32_t node_number(const World *world, const Node *node)
{
    return (uint32_t)(node - world->nodes);
}

static inline const FaultModel *world_fault_model(const World *world)
{
    return &world->scenario->faults;
}

/* --- world.c --- */

/* Judges, and forgets, what is settled. */
void world_judge(World *world);

/* --- world_steps.c --- */

bool node_idle(const World *world, const Node *node, char *why, size_t capacity);
/* Keeps World.busy up to date; after everything that happens to a node while settling. */
void world_note_idle(World *world, Node *node);
/* Carries out the first entry of the queue. */
void world_take_next(World *world);
void world_carry_out(World *world, const QueueEntry *entry);
void world_step(World *world, Node *node, Event *event);
void world_command(World *world, Node *node, const Command *command, uint64_t tag);
/* By the node's own clock. */
void world_set_timer(World *world, Node *node, uint64_t deadline_ns);
/* A record of the core, or a crash. */
void world_record(World *world, Node *node, const TraceEvent *event);
void world_drop(World *world, uint32_t slot, const char *reason);
void world_notify(World *world, Node *node, const Notice *notice);
/* Its deadline is not after what its clock shows. */
void world_time_out(World *world, Node *node);

/* --- world_script.c --- */

const ScriptCommand *world_script_entry(const World *world, uint32_t index);
/* Who is given it, if it is a command; or NULL. */
Node *world_script_receiver(const World *world, uint32_t index);
void world_run_script(World *world, uint32_t index);

/* --- world_lives.c --- */

/* A fresh process, without anything on disk. resume: the account to go on with, or NULL. */
void world_start_customer(World *world, Node *node, const Name *resume);
void world_start_bank(World *world);
void world_end(World *world, Node *node, NodeState state);
/* A commit is being written, or could not be: may it be the last? effects: how many follow it. */
void world_draw_doom(World *world, Node *node, const Writing *writing, size_t effects);
void world_crash(World *world, Node *node, DiskCut cut, bool comes_back);
void world_restart(World *world, Node *node);
/* It has loaded, as long as that takes. */
void world_start_loaded(World *world, Node *node);
/* What its disk has done, before it is thrown away; NULL is fine. */
void world_count_disk(WorldResult *result, const Storage *storage);

/* --- world_faults.c --- */

void world_schedule_faults(World *world);
void world_stop_faults(World *world);
void world_fault(World *world, Node *node, FaultKind kind);
/* What a script may do, too. */
void world_divide(World *world, const Partition *partition, uint64_t duration_ns);
void world_pause(World *world, Node *node, uint64_t duration_ns);
void world_jump(World *world, Node *node, uint64_t by_ns);
bool world_cut_off(const World *world, const Node *from, const Node *to);
void world_heal(World *world, uint64_t partition);
/* The node is paused: this waits until it goes on. */
void world_defer(World *world, Node *node, const QueueEntry *entry);
void world_go_on(World *world, Node *node);

#endif
