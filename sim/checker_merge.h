/* The order in which the records of several files are judged.
 *
 * Records of one file stay in their order. Across files the clocks decide, but they may differ, so
 * a record waits until what must have come before it has been judged. Where that leaves open which
 * of two records came first, the clocks are believed, and it is noted as a choice; when the judge
 * then finds something wrong, another order may be tried that chooses otherwise.
 *
 * When every file waits, the traces themselves are wrong: then the clocks decide alone, and the
 * judge will say why. */
#ifndef COHORT_CHECKER_MERGE_H
#define COHORT_CHECKER_MERGE_H

#include "sim/checker_state.h"

typedef struct Merge {
    Checker *checker;
    guint *next;     /* per file: its next record */
    GArray *choices; /* of gboolean, in the order met: put off what the clocks say comes next? */
    guint met;       /* how many of them are met so far */
    GHashTable *postponed; /* records: to be taken only when nothing else can be */
} Merge;

void merge_init(Merge *merge, Checker *checker);
void merge_deinit(Merge *merge);
/* The next record to judge, given the state after all before it; NULL: there are no more. */
const Record *merge_next(Merge *merge);
/* Begins anew, with the last choice that can be made otherwise changed. False: there is none. */
bool merge_retry(Merge *merge);

#endif
