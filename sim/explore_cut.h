/* Global states of an exploration: one local state of each process, and the mails between them.
 *
 * A *mind* is a process's core, its history, and what it has used up of the bounds. A *box* is the
 * set of mails from one process to another that are alive. A cut is made of the numbers of minds
 * and boxes, so that going from one to another is work on small integers.
 *
 * Reductions, each off without `reduction`:
 * - A mail that can matter no more is left out (explore_mail.h).
 * - A step that changes nothing at its process and only sends is taken at once: what was sent may
 *   be delivered never, so that the cut with more mails can do all that the one with fewer can.
 * - Of the histories (explore_history.h) the order is left out.
 * And without `symmetry`: customers are interchangeable, unless a script tells them apart; of all
 * cuts that come from each other by permuting them one is kept. */
#ifndef COHORT_EXPLORE_CUT_H
#define COHORT_EXPLORE_CUT_H

#include "sim/explore_local.h"

enum { CUT_WIDTH_MAX = STANDING_PEERS_MAX * STANDING_PEERS_MAX };

/* What a process has used up. */
typedef struct Used {
    uint8_t script; /* commands of its own script */
    uint8_t transfers;
    uint8_t lost_transfers;
    uint8_t checkpoints;
    uint8_t rollbacks;
    uint8_t crashes;
} Used;

typedef struct Mind {
    uint32_t core;
    uint32_t history;
    Used used;
    uint16_t unused; /* 0: minds are compared as bytes */
} Mind;

/* minds, then the boxes from each to each other. */
typedef struct Cut {
    uint32_t parts[CUT_WIDTH_MAX];
} Cut;

typedef struct CutOptions {
    bool reduction;
    bool symmetry;
    uint64_t crashes_max; /* in all */
} CutOptions;

typedef struct Cuts Cuts;

Cuts *cuts_new(Locals *locals, CutOptions options);
void cuts_free(Cuts *cuts);
unsigned cuts_width(const Cuts *cuts); /* how many parts there are */
Cut cuts_first(Cuts *cuts);

const Mind *cuts_mind(const Cuts *cuts, const Cut *cut, uint16_t member);
/* The mails from one to another. */
const uint32_t *cuts_box(const Cuts *cuts, const Cut *cut, uint16_t from, uint16_t to,
                         size_t *count);

/* What a move of this member leads to; `used`: what it has used up then. False: it is not possible,
 * or leads nowhere else. */
bool cuts_move(Cuts *cuts, const Cut *cut, uint16_t member, Move move, Used used, Cut *next);

/* Of all permutations of the cut the one to keep, and which it is. */
Cut cuts_least(Cuts *cuts, const Cut *cut, unsigned *permutation);
unsigned cuts_permutation_count(const Cuts *cuts);
const Permutation *cuts_permutation(const Cuts *cuts, unsigned permutation);

uint32_t cuts_core_image(Cuts *cuts, uint32_t core, unsigned permutation);

uint64_t cuts_bytes(const Cuts *cuts);

#endif
