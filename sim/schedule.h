/* A schedule: a scenario in which every choice is written out and nothing is drawn.
 *
 * It is a scenario with a group [choices], however empty. What happens at a time is in its
 * [script], what answers a question of the world in its [choices]; it has no rates, and the delays
 * of its network and disks are constant, the default of all that is not chosen. Who crashes is
 * started again by the script, or at the scenario's end.
 *
 * Every run can be noted as a schedule, which then gives the same run:
 *
 *     Scenario *schedule = schedule_of(scenario);
 *     World *world = world_new(scenario, seed, observer);
 *     world_note_choices(world, schedule);
 *     while (world_advance(world, 100000)) { ... }
 *     scenario_complete(schedule, NULL, 0, &error);
 *
 * What was noted is what differs from the defaults, so that noting the run of a schedule leaves out
 * the choices in it that nothing asks for. */
#ifndef COHORT_SIM_SCHEDULE_H
#define COHORT_SIM_SCHEDULE_H

#include "sim/scenario.h"

/* The same world, with an empty script and no choices, no rates, and constant delays in place of
 * drawn ones, such as there most often were. */
Scenario *schedule_of(const Scenario *scenario);

/* May a scenario with choices be one? Its participants must be known. */
bool schedule_check(const Scenario *scenario, char **error);

/* Commands, acts and choices. */
size_t schedule_size(const Scenario *schedule);

#endif
