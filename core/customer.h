/* One customer process. customer_step is the data flow; read it from top to bottom.
 *
 * The driver makes one with customer_new, gives it what stable storage held with customer_load,
 * and steps it: EVENT_START first, EVENT_STOP last. All memory belongs to the object. */
#ifndef COHORT_CUSTOMER_H
#define COHORT_CUSTOMER_H

#include "core/coder.h"
#include "core/shelf.h"
#include "core/transport.h"
#include "core/wire.h"

#define RETRIES_UNLIMITED UINT32_MAX

typedef enum CashMode { CASH_RESTORE, CASH_COMMIT, CASH_MODES } CashMode;

typedef struct CustomerConfig {
    uint64_t client; /* unique among all processes of a bank; random; not 0 */
    uint64_t seed;   /* of the retry pauses */
    Address bank;
    uint32_t ip; /* what others are told: where this process is reached */
    uint16_t port1;
    uint16_t port2;
    Name resume;      /* --name; empty: waits for `open` */
    uint32_t retries; /* a transfer unanswered after so many retransmissions is given up */
    CashMode cash;
} CustomerConfig;

typedef struct Customer Customer;

Customer *customer_new(const CustomerConfig *config);
void customer_free(Customer *customer);

typedef enum LoadResult {
    LOAD_OK,
    LOAD_DAMAGED,   /* a record does not decode, or the records do not fit together */
    LOAD_WRONG_NAME /* the state is another account's than config.resume */
} LoadResult;

/* Before EVENT_START: what stable storage holds. Without the record of an orderly stop this is a
 * restart after a crash. Unless LOAD_OK, do not step the customer; what is stored must be left as
 * it is. */
LoadResult customer_load(Customer *customer, const Shelf *stored);

/* Clears `effects`, then fills it. Returns 0, always: garbage is dropped and counted, users are
 * refused by notices, and broken invariants panic. */
int customer_step(Customer *customer, const Event *event, Effects *effects);

/* The canonical encoding of the whole state; decode(encode(s)) = s. Decoding needs a customer made
 * with the same config and false leaves it unusable but for customer_free. */
void customer_encode(const Customer *customer, Coder *out);
bool customer_decode(Customer *customer, const uint8_t *bytes, size_t length);

/* --- looking in (for drivers, tests and people) --- */
bool customer_has_account(const Customer *customer);
const Name *customer_name(const Customer *customer);
Money customer_balance(const Customer *customer);
/* What this process knows to be lost: for good, and since its last permanent checkpoint. */
Money customer_lost(const Customer *customer);
uint64_t customer_cohort(const Customer *customer); /* 0: none */
uint64_t customer_dropped(const Customer *customer, DropReason reason);
/* Nothing is under way: no command waits, no instance is open, every transfer's fate is known,
 * nobody is owed an answer. If not, `why` gets a sentence for people that names who waits for
 * whom. */
bool customer_idle(const Customer *customer, char *why, size_t capacity);
/* Several lines for `status`. */
void customer_describe(const Customer *customer, GString *out);

#endif
