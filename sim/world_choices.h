/* The questions of a world that somebody else may answer: a schedule, which has the answers, or
 * whoever notes one, and wants to know them. Where there is neither, nobody is asked.
 *
 * Each function is given what was drawn. It counts the question, replaces the answer by the one in
 * the scenario's choices if it has any, and adds it to the choices of the schedule that is noted if
 * it is not the default there. */
#ifndef COHORT_WORLD_CHOICES_H
#define COHORT_WORLD_CHOICES_H

#include "sim/world_state.h"

Choosing *choosing_new(World *world);
void choosing_free(Choosing *choosing); /* NULL is fine */

/* The first of the scenario's choices that answers no question asked so far, and how many there
 * are; NULL: none. */
const Choice *choosing_unasked(const World *world, size_t *count);

static inline bool world_is_schedule(const World *world)
{
    return world->scenario->choices != NULL;
}

/* to: NULL: nobody is there. cut_off: a partition makes it all the same. */
void choose_fate(World *world, const Node *from, const Node *to, bool cut_off, Fate *fate);
/* For its next disk; NULL: nobody is asked. */
const DiskChooser *choose_disk(World *world, const Node *node);
/* Does it die in this writing, and when? */
bool choose_death(World *world, const Node *node, bool dies, Death *death);
/* Is a bit inverted after this crash, and which? */
bool choose_flip(World *world, const Node *node, bool flips, uint64_t *seed);
/* Does it find its clock changed, and what does it show? */
bool choose_clock(World *world, const Node *node, bool anew, uint64_t *shown_ns);
/* When the world begins. */
void choose_drift(World *world, Node *node);

/* What happens now, for the script of the schedule that is noted. */
void note_command(World *world, const Node *node, const Command *command);
void note_act(World *world, const Node *node, ScriptAct act, uint64_t duration_ns);
void note_partition(World *world, const Partition *partition, uint64_t duration_ns);
void note_script(World *world, const ScriptCommand *entry);

#endif
