/* What the files of shrinking share: shrink.c takes away, shrink_redraw.c draws anew,
 * shrink_plain.c makes plain. */
#ifndef COHORT_SIM_SHRINK_STATE_H
#define COHORT_SIM_SHRINK_STATE_H

#include "sim/draft.h"
#include "sim/shrink.h"

typedef struct Shrink {
    const Judge *judge;
    Verdict like;
    Draft *best; /* fails like that */
} Shrink;

/* With its sizes written out, which a file may leave to their defaults: what is to become less must
 * be there. */
Draft *shrink_read(const char *schedule);

/* Candidates that are judged together. */
enum { SHRINK_BATCH = 16 };

GPtrArray *shrink_candidates(void); /* empty, of Draft */
/* The first that fails like that becomes the best. Its index, or the number of candidates. Unrefs
 * them. */
size_t shrink_take_first(Shrink *shrink, GPtrArray *candidates);
/* One candidate; true when it is the best now. */
bool shrink_take(Shrink *shrink, Draft *candidate);
bool shrink_enough(const Shrink *shrink, const char *doing);

/* Which lines something is about. */
typedef bool LineFilter(const DraftLine *line, const void *what);

/* --- shrink.c --- */

/* Takes away all that can go, without drawing anew. */
void shrink_take_away(Shrink *shrink);

/* --- shrink_redraw.c --- */

/* True when it has found a better one. */
bool shrink_redraw(Shrink *shrink);

/* --- shrink_plain.c --- */

void shrink_make_plain(Shrink *shrink);

#endif
