/* A scenario: what the simulated world consists of and what happens in it.
 *
 * Written as a GLib key file; every key has a default. An error is a text for people that names
 * the source, the group, the key and the reason; the caller frees it. Order of use: scenario_new,
 * scenario_read, scenario_set for every override, scenario_complete. */
#ifndef COHORT_SIM_SCENARIO_H
#define COHORT_SIM_SCENARIO_H

#include <glib.h>

#include "core/bank.h"
#include "core/customer.h"
#include "sim/choices.h"
#include "sim/disk.h"
#include "sim/faults.h"
#include "sim/network.h"
#include "sim/script.h"
#include "sim/workload.h"

enum { CUSTOMERS_MAX = 100000 };

/* A customer process of the world. */
typedef struct Participant {
    Name name;
    Money balance;
} Participant;

/* How far an exploration of all that can happen goes (sim/explore.h): what users may ask for, at
 * any time, and how often. */
typedef struct ExploreBounds {
    uint64_t transfers;        /* by each customer, to any other */
    uint64_t transfers_in_all; /* 0: no limit */
    uint64_t lost_transfers;   /* by each customer */
    uint64_t checkpoints;      /* in all */
    uint64_t rollbacks;        /* in all */
    uint64_t crashes;          /* in all, each followed by a restart */
    uint64_t retries;          /* of an instance that was told no */
} ExploreBounds;

typedef struct Scenario {
    char *source; /* the file's name, for errors */
    /* [scenario] */
    char *name;
    uint64_t duration_ns; /* completing extends it to the last time of the script */
    uint64_t seed;
    /* [bank] */
    uint64_t customers;
    char *data; /* "": customers c1, c2, ...; else the file whose rows they are */
    Money balance;
    uint64_t cohort_size; /* MEMBERS_MAX when written as `all` */
    CashMode cash;
    /* [network] */
    NetworkModel network;
    uint32_t retries;
    /* [workload] */
    WorkloadModel workload;
    /* [faults], [disk] */
    FaultModel faults;
    DiskModel disk;
    /* [explore] */
    ExploreBounds explore;
    /* [script] */
    GArray *script; /* of ScriptCommand; completed: in order of time, as written within one */
    /* [choices] */
    Choices *choices; /* NULL: this is not a schedule (sim/schedule.h), its world draws them */
    /* Known once completed: */
    GArray *rows;         /* of BankRow: what the bank begins with */
    GArray *participants; /* of Participant */
    bool disks_matter;    /* processes may crash, or have to wait for their disks */
} Scenario;

/* All defaults. */
Scenario *scenario_new(void);
/* As complete as the scenario is. */
Scenario *scenario_copy(const Scenario *scenario);
void scenario_free(Scenario *scenario);

/* Takes over what `text`, the content of file `source`, says. */
bool scenario_read(Scenario *scenario, const char *source, const char *text, char **error);

/* "group.key=value", as --set gives it. */
bool scenario_set(Scenario *scenario, const char *assignment, char **error);

/* Fixes who takes part: the customers c1, c2, ..., or the rows of the file scenario->data, which
 * the caller has read. Rows that have exited or are in a cohort stay the bank's alone. Whoever
 * changes a complete scenario completes it again; rows NULL: those it has. */
bool scenario_complete(Scenario *scenario, const BankRow *rows, size_t row_count, char **error);

/* A key file that reads back to the same: what differs from the defaults, the script and the
 * choices. The script must be in order. */
void scenario_write(const Scenario *scenario, GString *out);

/* A key file with every key and its default. */
void scenario_dump_defaults(GString *out);

#endif
