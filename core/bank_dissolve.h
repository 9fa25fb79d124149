/* Dissolving a cohort without losing money that is on its way. The members fall quiet and report
 * their counts until every transfer has arrived (QUIESCE); then they are frozen and vote with
 * final counts (PREPARE); when the votes themselves balance the cohort is dissolved on record, and
 * is kept until every member has left (DONE). */
#ifndef COHORT_BANK_DISSOLVE_H
#define COHORT_BANK_DISSOLVE_H

#include "core/bank_desk.h"
#include "core/bank_registry.h"
#include "core/bank_asker.h"

#define DISSOLVE_NS_MAX (30 * NS_PER_S) /* to the record; then it is given up */
#define DISSOLVE_ATTEMPT_NS_MAX                                                                    \
    (5 * NS_PER_S)                              /* then all report afresh: one may have restarted  \
                                                 */
#define DISSOLVE_SILENCE_NS_MAX (10 * NS_PER_S) /* who is silent so long is named */
#define DISSOLVE_GRACE_NS (5 * NS_PER_S)        /* the answer waits so long for all to leave */
#define DISSOLVE_PAUSE_NS_MIN (100 * NS_PER_MS) /* between attempts */
#define DISSOLVE_PAUSE_NS_MAX (500 * NS_PER_MS)

typedef struct Dissolutions {
    BankDesk *desk;
    Registry *registry;
    Askers *askers;
    GQueue list;           /* in order of starting, until all have left or heard of a cancel */
    GHashTable *by_cohort; /* cohort id -> the dissolution */
} Dissolutions;

void dissolutions_init(Dissolutions *dissolutions, BankDesk *desk, Registry *registry,
                       Askers *askers);
void dissolutions_deinit(Dissolutions *dissolutions);
/* At the start: goes on with the cohorts that members have yet to leave, or to be told that an
 * attempt is over. */
void dissolutions_resume(Dissolutions *dissolutions);

/* Answers the asker, at once or later. */
void dissolve_start(Dissolutions *dissolutions, const Asker *asker);
void dissolve_status(Dissolutions *dissolutions, Address from, const Message *message);
void dissolve_left(Dissolutions *dissolutions, const Message *message);
void dissolve_due(Dissolutions *dissolutions, DeskTask *task);
void dissolutions_stop(Dissolutions *dissolutions); /* cancels what is not on record */

bool dissolutions_idle(const Dissolutions *dissolutions, char *why, size_t capacity);
void dissolutions_code(Dissolutions *dissolutions, Coder *coder); /* two-way */

#endif
