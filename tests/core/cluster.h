/* A cohort of customers on one clock, with a network that a test holds in its hands.
 *
 * Customers are opened and joined by the cluster in the bank's stead. What they send waits in the
 * order it was sent; the test says what is delivered, dropped, doubled or held back. What they
 * trace is kept as text, one line an event: "b rolled_back a.1 balance 100". */
#ifndef COHORT_TESTS_CLUSTER_H
#define COHORT_TESTS_CLUSTER_H

#include "core/customer.h"

enum { CLUSTER_MAX = 8 };

typedef struct Flight {
    int from;
    int to;
    GBytes *bytes;
    SlotSet needs; /* see Effect.send */
    char kinds[WIRE_KINDS_TEXT_MAX];
} Flight;

/* Keep this datagram back for now? */
typedef bool ClusterHold(const Flight *flight, void *context);

struct Cluster;
/* Sees each step twice: before it, and when it is done. */
typedef void ClusterWatch(const struct Cluster *cluster, int who, const Event *event, bool done);

typedef struct Cluster {
    int count;
    CashMode cash;
    Customer *customers[CLUSTER_MAX];
    Shelf *shelves[CLUSTER_MAX]; /* what is on each one's disk */
    uint64_t deadlines_ns[CLUSTER_MAX];
    uint64_t now_ns;
    Effects *effects;
    GPtrArray *flights; /* Flight, in the order sent */
    GString *trace;
    GString *told;              /* notices: "a SUCCESS checkpoint a.1 balance 100 members a,b" */
    uint64_t marks[MARK_KINDS]; /* steps that met them */
    ClusterWatch *watch;
    ClusterHold *hold;
    void *hold_context;
} Cluster;

/* Whole units of money in minor units. */
static inline Money cluster_money(int units)
{
    return (Money)units * 100;
}

/* Customers a, b, c, ... with these balances, members of cohort 1. */
Cluster *cluster_new(int count, Money balance);
Cluster *cluster_new_cash(int count, Money balance, CashMode cash);
/* ... in no cohort yet, and then all in cohort 1. */
Cluster *cluster_new_alone(int count, Money balance, CashMode cash);
void cluster_join(Cluster *cluster);
void cluster_free(Cluster *cluster);

/* As if so many transfers, instances and rollbacks had been before. At the beginning only. */
void cluster_age(Cluster *cluster, uint64_t count);

/* Ends orderly, or not at all; what is under way to it waits on. */
void cluster_stop(Cluster *cluster, int who);
/* A new process with what the old one left on disk, and `resume` as its --name. Unless LOAD_OK the
 * process is not there. */
LoadResult cluster_start(Cluster *cluster, int who, const char *resume);
/* kill -9, and a new process with what is on the disk. */
void cluster_crash(Cluster *cluster, int who);
/* Keeps back datagrams that hold a message of this kind; "": all. */
void cluster_hold(Cluster *cluster, const char *kind);
/* The bank says something to one. */
void cluster_from_bank(Cluster *cluster, int who, const Message *message);
void cluster_command(Cluster *cluster, int who, const char *line);
/* Delivers what waits, and what that causes, in order, but for what is held. */
void cluster_deliver(Cluster *cluster);
void cluster_deliver_one(Cluster *cluster, const Flight *flight);
/* Drops everything under way (held or not). */
void cluster_drop(Cluster *cluster);
/* Delivers a copy of everything under way, leaving the originals waiting. */
void cluster_double(Cluster *cluster);
/* Lets time pass: timers fire and what they cause is delivered. */
void cluster_advance(Cluster *cluster, uint64_t ns);
/* ... or what they cause waits. */
void cluster_pass(Cluster *cluster, uint64_t ns);
/* Lets time pass until nobody waits for anything; false: after ten minutes somebody still does. */
bool cluster_settle(Cluster *cluster);
Money cluster_balance(const Cluster *cluster, int who);
/* The whole state of a customer. Unref it. */
GBytes *cluster_encoded(const Customer *customer);
/* How many lines of the trace, or of what users were told, contain this. */
int cluster_traced(const Cluster *cluster, const char *text);
int cluster_told(const Cluster *cluster, const char *text);
/* command + deliver, for the usual case. */
void cluster_do(Cluster *cluster, int who, const char *line);

/* The messages to the bank of the last step, one after another from `at` on; false: no more. */
bool cluster_told_bank(const Cluster *cluster, size_t at, Message *message);

#endif
