/* One record of a trace in plain words: "c1 sends 10 to c2 (label 3) and has 90". */
#ifndef COHORT_WORDS_H
#define COHORT_WORDS_H

#include "core/trace.h"

/* Appends the sentence, without an end of line. instance: the text of it, when the record has one.
 */
void words_record(const Name *process, const TraceEvent *event, const char *instance, GString *out);

/* "     1.234 s  " */
void words_time(uint64_t t_ns, GString *out);

#endif
