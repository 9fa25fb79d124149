/* The bank's registry: rows, clients and cohorts, and the journal that makes them durable.
 *
 * A change is one record of after-images: absolute, so that applying it twice is harmless. It is
 * saved and then applied by the same code that applies the journal at the next start, so that
 * memory and disk cannot drift apart. Read the structures freely; change what is durable only by
 * registry_commit. */
#ifndef COHORT_BANK_REGISTRY_H
#define COHORT_BANK_REGISTRY_H

#include <glib.h>

#include "core/bank.h"
#include "core/coder.h"
#include "core/transport.h"
#include "core/wire.h"

enum {
    REGISTRY_CLIENTS_MAX = 1024, /* clients without a row whose last answer is kept */
    REGISTRY_ROWS_MAX = 1 << 20  /* accounts; with more, none is opened under a new name */
};

typedef struct RegistryRow {
    BankRow line; /* what the CSV holds */
    /* Durable, in the journal alone: */
    uint64_t client;  /* the process that runs it; 0: none ever did, or it knows of its exit */
    uint64_t open_id; /* the proposals that bound it to its process and closed it; 0: none */
    uint64_t exit_id;
    uint64_t report; /* the version of line.balance */
    uint64_t epoch;  /* the process's starts, as last told */
    bool gone;       /* the process has said BYE since */
    /* Derived: */
    uint32_t index;   /* in the order of the rows */
    uint64_t leaving; /* the dissolved cohort that it has not said LEFT to; 0: none */
    /* Of this run of the bank: */
    bool silent;  /* its process did not answer when last asked, and has not been heard since */
    bool engaged; /* in an operation under way */
} RegistryRow;

/* The last request of a client and its answer. Bound to a row it lives as long as the binding;
 * others are forgotten, the longest unheard first, beyond REGISTRY_CLIENTS_MAX. */
typedef struct RegistryClient {
    uint64_t id;
    uint64_t number;  /* of the last request done; 0: none yet */
    uint8_t *answer;  /* see answer_code */
    uint16_t length;  /* of the answer */
    RegistryRow *row; /* NULL: in Registry.unbound */
    GList link;
} RegistryClient;

typedef struct RegistryCohort {
    uint64_t id;
    bool leaving;     /* dissolved, kept until every member has left */
    uint64_t attempt; /* to dissolve it, that members may not know to be over; 0: none */
    uint16_t count;
    uint16_t left_count;
    RegistryRow **members; /* the initiator first */
    bool *left;            /* by member */
} RegistryCohort;

typedef struct RegistryCounters {
    uint64_t ids[PROPOSAL_KINDS]; /* last id proposed; JOIN: last cohort id */
    uint64_t attempt;             /* last attempt to dissolve */
    uint64_t forgotten;           /* clients whose answers are gone */
} RegistryCounters;

typedef struct Registry {
    GPtrArray *rows;     /* RegistryRow, in their order */
    GHashTable *by_name; /* name's text -> RegistryRow */
    GHashTable *clients; /* id -> RegistryClient */
    GQueue unbound;      /* RegistryClient, the longest unheard first */
    GPtrArray *cohorts;  /* RegistryCohort, by id */
    RegistryCounters counters;
} Registry;

void registry_init(Registry *registry);
void registry_deinit(Registry *registry);

RegistryRow *registry_find(const Registry *registry, const Name *name); /* or NULL */
RegistryRow *registry_row(const Registry *registry, size_t index);
RegistryClient *registry_client(const Registry *registry, uint64_t client); /* or NULL */
RegistryCohort *registry_cohort(const Registry *registry, uint64_t cohort); /* or NULL */
bool registry_member(const RegistryCohort *cohort, const Name *name);
/* A customer as the bank introduces it to others. */
Member registry_introduce(const RegistryRow *row);

/* --- changing: begin a record, put after-images into it, commit --- */
Coder registry_record(void);
void registry_put_counters(Coder *record, RegistryCounters after);
void registry_put_row(Coder *record, const RegistryRow *after);
void registry_put_client(Coder *record, const RegistryClient *after);
void registry_put_cohort(Coder *record, const RegistryCohort *after);
void registry_put_left(Coder *record, uint64_t cohort, uint16_t member);
/* Saves the record, applies it and frees it. One that holds nothing is not saved. */
void registry_commit(Registry *registry, Coder *record, Effects *effects);
/* The next id of its kind, durable before it is returned. */
uint64_t registry_next_id(Registry *registry, ProposalKind kind, Effects *effects);
/* The same for an attempt to dissolve the cohort, which remembers it until it is over. */
uint64_t registry_next_attempt(Registry *registry, uint64_t cohort, Effects *effects);
void registry_attempt_over(Registry *registry, uint64_t cohort, Effects *effects);

/* --- loading, and writing whole --- */
BankLoad registry_load_row(Registry *registry, const BankRow *line);
BankLoad registry_load_record(Registry *registry, const uint8_t *bytes, size_t length);
/* What a record of several items begins and ends with, and all of its items applied. */
void registry_put_begin(Coder *record);
void registry_put_end(Coder *record);
bool registry_apply(Registry *registry, Coder *record);
/* bank_snapshot.c: */
size_t registry_snapshot_count(const Registry *registry);
void registry_snapshot_record(const Registry *registry, size_t index, Coder *out);
/* Two-way: the whole registry but for `engaged`, which belongs to the operations. Decoding wants
 * an empty one. */
void registry_code(Registry *registry, Coder *coder);
/* Two-way: a row of the registry as its index; *row may be NULL. */
void registry_code_place(const Registry *registry, Coder *coder, RegistryRow **row);

#endif
