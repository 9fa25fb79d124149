/* A bank and its customers on one clock, each with a disk, and users who do not give up.
 *
 * A user repeats a command until what it asks for is so, and starts its process again when that
 * has ended. A crash happens in a chosen step of a chosen process: what the step saved is on disk,
 * or not; what it had to say is not said, but for datagrams that wait for no disk.
 *
 * Process 0 is the bank; process i is customer "ci" with an account of 100. */
#ifndef COHORT_TESTS_TOWN_H
#define COHORT_TESTS_TOWN_H

#include <glib.h>

#include "core/bank.h"
#include "core/customer.h"

enum { TOWN_CUSTOMERS_MAX = 8 };

typedef struct TownCrash {
    int process;
    uint64_t step; /* counted from 1 */
    bool saved;    /* what the step saved is on disk */
    uint64_t down_ns;
} TownCrash;

typedef struct TownWish {
    int customer;
    const char *line;
} TownWish;

typedef struct Town Town;

/* All customers are strangers to the bank; with `rows` they stand in its CSV already and come with
 * --name. */
Town *town_new(int customers, bool rows);
void town_free(Town *town);
void town_crash(Town *town, TownCrash crash); /* the next; after it has happened, another */
void town_lose(Town *town, uint64_t seed, unsigned percent);
/* The wishes come true one after the other, and then everything comes to rest; fails the test when
 * it does not within `limit_ns`. */
void town_run(Town *town, const TownWish *wishes, size_t count, uint64_t limit_ns);
uint64_t town_steps(const Town *town, int process);
bool town_crashed(const Town *town);
/* What must hold at rest: bank and customers agree on who is where with how much, and there is as
 * much as there was. Ids and answers are watched all the time. */
void town_expect_agreement(const Town *town);
const Bank *town_bank(const Town *town);

#endif
