/* What the members of a cohort report in one attempt to dissolve it, and whether it balances. */
#ifndef COHORT_BANK_TALLY_H
#define COHORT_BANK_TALLY_H

#include "core/coder.h"
#include "core/wire.h"

/* A member's report, put together from the parts of one version. */
typedef struct TallyReport {
    uint64_t version;
    StatusState state;
    uint16_t have; /* rows of counts */
    bool settled;
    Money balance;
    uint64_t report; /* balance is report `report` */
    uint64_t inc;
    bool cancelled;    /* has heard that the attempt is cancelled */
    uint64_t heard_ns; /* when the member last reported, in any attempt; 0: not yet */
} TallyReport;

typedef struct TallyCount {
    bool have;
    StatusCount count;
} TallyCount;

typedef struct Tally {
    uint16_t count;       /* members */
    TallyReport *reports; /* by member */
    TallyCount *counts;   /* by member and peer */
} Tally;

Tally *tally_new(uint16_t count);
void tally_free(Tally *tally);
void tally_begin(Tally *tally); /* a new attempt: all report afresh */

/* Takes a STATUS of the present attempt from one of the members; a reason when it is worth
 * nothing. */
DropReason tally_take(Tally *tally, const Message *message, uint64_t now_ns);
/* The member is there, although it had nothing to report. */
void tally_heard(Tally *tally, uint16_t member, uint64_t now_ns);
bool tally_complete(const Tally *tally, uint16_t member);
/* The first member whose transfers have not all arrived, or `count` when the reports balance. */
uint16_t tally_unsettled(const Tally *tally);
/* Who was last heard the longest ago. */
uint16_t tally_most_silent(const Tally *tally);

void tally_code(Tally *tally, Coder *coder); /* two-way; made with the right count */

#endif
