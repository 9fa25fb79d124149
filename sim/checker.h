/* The judge: reads what happened, in traces, and says which of the protocol's invariants it breaks.
 *
 * It stands outside the core and knows nothing but trace records: those of files (tools/check.c),
 * or the same records handed over by the simulator without going through JSON. Records are added
 * first, then judged: a decision counts as applied at every participant from its first record on,
 * so the judge must be able to look ahead.
 *
 *     Checker *checker = checker_new();
 *     checker_add(checker, 0, seq, t_ns, &process, &event);    (for every record, in file order)
 *     GPtrArray *violations = checker_judge(checker, (CheckOptions){.settled = true});
 *     ... for each: Violation *violation = g_ptr_array_index(violations, i); ...
 *     g_ptr_array_unref(violations);
 *     checker_free(checker);
 *
 * One file holds its records in causal order, as the simulator's one trace of all processes does.
 * Several files (live: one per process, each with its own clock) are merged by time, except where
 * that would put an effect before its cause.
 *
 * A process is *seen* from its `opened` on (or its `left`, when the trace begins in the midst of a
 * cohort). What depends on the side of a process that was not seen is not judged, unless the traces
 * claim to be whole: then there is no such process. */
#ifndef COHORT_CHECKER_H
#define COHORT_CHECKER_H

#include "core/trace.h"
#include "sim/trace_reader.h"

/* Numbered as in the protocol's "What must always hold". */
typedef enum Rule {
    RULE_LIFE,            /* none of the eight: an event that is impossible at that point */
    RULE_PREFIX,          /* received is a prefix of sent: no orphan, duplicate, gap, reordering */
    RULE_CONSISTENCY,     /* the permanent checkpoints agree with each other and with what was */
    RULE_NO_LOSS,         /* every transfer is received, or declared lost; never both */
    RULE_MONEY,           /* no money is made or lost */
    RULE_MINIMALITY,      /* those, and only those, took part who had to */
    RULE_AGREEMENT,       /* every instance ends, with one decision, at every participant */
    RULE_TWO_CHECKPOINTS, /* at most one permanent and one tentative */
    RULE_DISCIPLINE,      /* silence until the decision; incarnations count rollbacks */
    RULES
} Rule;

const char *rule_name(Rule rule); /* "minimality" */

typedef struct Violation {
    Rule rule;
    Name process; /* whose record shows it ... */
    unsigned file;
    uint64_t seq;
    char *text; /* what was expected and what was found */
} Violation;

typedef struct CheckOptions {
    /* The run claims to be over and quiet: nothing may be under way at the end. Otherwise a process
     * whose trace ends may be waiting for the decision of an instance that others know of. */
    bool settled;
    /* The traces claim to begin with the world: whoever does anything has opened an account. */
    bool whole;
    /* --cash commit at every process: no rollback undoes a deposit or withdrawal. Records of files
     * say so each for its process. */
    bool cash_survives;
} CheckOptions;

/* Judging ends early when so many violations were found. */
enum { VIOLATIONS_MAX = 1000 };

typedef struct Checker Checker;

Checker *checker_new(void);
void checker_free(Checker *checker);

/* Copies the record. `file` counts from 0; records of one file come in the order of their seq. */
void checker_add(Checker *checker, unsigned file, uint64_t seq, uint64_t t_ns, const Name *process,
                 const TraceEvent *event);
/* The same for a record read from a file. */
void checker_add_record(Checker *checker, unsigned file, const TraceRecord *record);

/* For a run too long to be kept in memory, as one file: judges what has happened before that time,
 * and forgets what is settled. Call it now and then. That time must lie so far in the past that
 * what began before it is known to its end: each instance at every participant, and the rollback
 * that each crash calls for. */
void checker_judge_before(Checker *checker, CheckOptions options, uint64_t before_ns);

/* Once, after the last record. The caller unrefs the array, which frees its Violations. */
GPtrArray *checker_judge(Checker *checker, CheckOptions options);

/* Names, owned by the checker, in the order of their first appearance: processes whose own records
 * were there, and those that were only spoken of. Free with g_ptr_array_unref. */
GPtrArray *checker_seen(const Checker *checker);
GPtrArray *checker_unseen(const Checker *checker);
size_t checker_record_count(const Checker *checker); /* all that were added */
size_t checker_records_held(const Checker *checker); /* those of them in memory */

#endif
