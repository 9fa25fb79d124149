/* Swarm: whole scenarios drawn from one number each, so that many seeds are many worlds.
 *
 * A seed draws everything that a scenario can say: how many customers and cohorts there are, what
 * the network does, what goes wrong, what is asked for and when. In each, some faults are off
 * altogether and others come often: what hides behind one fault is found where that one is
 * missing. Worlds are small, and most of them short: what goes wrong goes wrong among few, and many
 * small runs meet more than few large ones.
 *
 *     Scenario *scenario = swarm_scenario(seed);
 *     World *world = world_new(scenario, seed, NULL); */
#ifndef COHORT_SIM_SWARM_H
#define COHORT_SIM_SWARM_H

#include "sim/scenario.h"

/* The text of a scenario file; the same seed draws the same text. The caller frees it. */
GString *swarm_text(uint64_t seed);

/* What that text says, complete. */
Scenario *swarm_scenario(uint64_t seed);

#endif
