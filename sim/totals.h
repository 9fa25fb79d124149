/* Adding up a run from its decision records: transfers, instances, money.
 *
 * Only what survives is counted: what a rollback or a crash undid is taken out again. So, once a
 * run has settled, transfers == received + lost + undone, and money_in == money_out + money_total +
 * money_lost. The checker proves such things step by step; this only sums up. */
#ifndef COHORT_SIM_TOTALS_H
#define COHORT_SIM_TOTALS_H

#include "core/trace.h"

typedef struct Totals Totals;

/* cash_survives: --cash commit, where no rollback undoes a deposit or withdrawal. */
Totals *totals_new(bool cash_survives);
void totals_free(Totals *totals);
void totals_add(Totals *totals, const Name *process, const TraceEvent *event);

typedef struct TotalSums {
    uint64_t transfers; /* all that were ever sent */
    uint64_t transfers_received;
    uint64_t transfers_lost;
    uint64_t transfers_undone;
    uint64_t checkpoints; /* instances that became permanent */
    uint64_t rollbacks;   /* instances that were carried out */
    uint64_t crashes;     /* as told by `crashed`, or by `restarted` alone; of the bank, too */
    Money money_in;       /* opened with, and deposited */
    Money money_out;      /* withdrawn, and taken along by exits */
    Money money_total;    /* balances */
    Money money_lost;
} TotalSums;
TotalSums totals_sums(const Totals *totals);

/* The processes in the order of their first records, with their balances. */
size_t totals_count(const Totals *totals);
const Name *totals_name(const Totals *totals, size_t index);
Money totals_balance(const Totals *totals, size_t index);

#endif
