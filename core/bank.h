/* The bank process: the registry of customers and cohorts. It moves no money.
 *
 * The driver makes one, loads what the disk held (rows of the CSV, then journal records in their
 * order), and steps it. Every change of the registry is saved as one journal record
 * (SLOT_JOURNAL) before anything that depends on it is sent. */
#ifndef COHORT_BANK_H
#define COHORT_BANK_H

#include "core/coder.h"
#include "core/transport.h"
#include "core/wire.h"

typedef struct BankConfig {
    uint64_t seed; /* of the choice of members and of pauses */
    bool any_port; /* lift the range 8500-8999 */
} BankConfig;

typedef struct Bank Bank;

/* New cohorts count on from the highest of all rows; exact in any JSON. */
#define COHORT_MAX UINT64_C(9007199254740991)

/* One line of the CSV. */
typedef struct BankRow {
    Name name;
    Money balance; /* as last made permanent */
    uint32_t ip;
    uint16_t port1;
    uint16_t port2;
    uint64_t cohort; /* 0: none; at most COHORT_MAX */
    bool exited;
} BankRow;

Bank *bank_new(const BankConfig *config);
void bank_free(Bank *bank);

/* Loading, before EVENT_START. */
typedef enum BankLoad { BANK_LOAD_OK, BANK_LOAD_DUPLICATE, BANK_LOAD_DAMAGED } BankLoad;
BankLoad bank_load_row(Bank *bank, const BankRow *row);
/* Records are absolute (after-images), so that applying one twice is harmless. */
BankLoad bank_load_record(Bank *bank, const uint8_t *bytes, size_t length);

int bank_step(Bank *bank, const Event *event, Effects *effects);

/* The rows in their order (the CSV's, then as opened), for writing the CSV anew and for `list`. */
size_t bank_row_count(const Bank *bank);
BankRow bank_row(const Bank *bank, size_t index);
bool bank_find(const Bank *bank, const Name *name, BankRow *row);
/* What a new journal must begin with when the CSV has just been written from bank_row: all that
 * the CSV does not hold, as `count` records; record `index` is appended to `out`. */
size_t bank_snapshot_count(const Bank *bank);
void bank_snapshot_record(const Bank *bank, size_t index, Coder *out);

void bank_encode(const Bank *bank, Coder *out);
bool bank_decode(Bank *bank, const uint8_t *bytes, size_t length);

uint64_t bank_dropped(const Bank *bank, DropReason reason);
bool bank_idle(const Bank *bank, char *why, size_t capacity);

#endif
