/* A run told in plain words, from its decision records: who sent what, what was lost, who took a
 * checkpoint or rolled back, and why the others did not.
 *
 * It looks ahead for who takes part in an instance, so it is told as a whole, after the run. */
#ifndef COHORT_STORY_H
#define COHORT_STORY_H

#include "core/trace.h"

typedef struct Story Story;

/* cash_survives: --cash commit, where no rollback undoes a deposit or withdrawal. */
Story *story_new(bool cash_survives);
void story_free(Story *story);
/* Records in their order; copied. Those of datagrams are passed over. */
void story_add(Story *story, uint64_t t_ns, const Name *process, const TraceEvent *event);
/* Once, after the last record: appends the story, one sentence a line. */
void story_tell(Story *story, GString *out);

#endif
