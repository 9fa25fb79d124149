/* What may be asked of each process in an exploration, and how often: the scenario's script, in
 * order for each customer but at any time, and its bounds, [explore]. */
#ifndef COHORT_EXPLORE_PROGRAM_H
#define COHORT_EXPLORE_PROGRAM_H

#include "sim/explore_cut.h"

typedef struct Program Program;

/* NULL: the scenario asks for what cannot be explored; *error, to free, says what. */
Program *program_new(const Scenario *scenario, Locals *locals, char **error);
void program_free(Program *program);

/* How many crashes there may be, in all. */
uint64_t program_crashes(const Scenario *scenario);

bool program_symmetric(const Program *program); /* the same for all customers */

/* Adds up what counts against the bounds for all: of crashes, those that the script does not say.
 */
void program_add(const Program *program, Used *totals, uint16_t member, const Used *used);
/* Commands and crashes that may come now: of Move. A user asks for something once what came before
 * is answered; busy: it is not. */
GArray *program_offers(const Program *program, uint16_t member, const Used *used,
                       const Used *totals, bool busy);
/* What has been used up after the move. */
Used program_used(const Program *program, const Mind *mind, Move move);

#endif
