#include "sim/checker.h"

#include "core/panic.h"
#include "sim/checker_events.h"
#include "sim/checker_index.h"
#include "sim/checker_memory.h"
#include "sim/checker_merge.h"
#include "sim/checker_state.h"

/* Orders of several files tried before the traces are called wrong; fewer when they are long. */
enum { ORDERS_MAX = 200, RECORDS_TRIED_MAX = 2000000 };

const char *rule_name(Rule rule)
{
    static const char *const names[RULES] = {
        [RULE_LIFE] = "life",
        [RULE_PREFIX] = "prefix",
        [RULE_CONSISTENCY] = "consistency",
        [RULE_NO_LOSS] = "no-loss",
        [RULE_MONEY] = "money",
        [RULE_MINIMALITY] = "minimality",
        [RULE_AGREEMENT] = "agreement",
        [RULE_TWO_CHECKPOINTS] = "two-checkpoints",
        [RULE_DISCIPLINE] = "discipline",
    };
    return names[rule];
}

Checker *checker_new(void)
{
    Checker *checker = g_new0(Checker, 1);
    state_init(checker);
    return checker;
}

void checker_free(Checker *checker)
{
    state_deinit(checker);
    g_free(checker);
}

/* --- adding --- */

static void add_to_file(Checker *checker, unsigned file, Record *record)
{
    while (checker->files->len <= file)
        g_ptr_array_add(checker->files, g_ptr_array_new());
    g_ptr_array_add(g_ptr_array_index(checker->files, file), record);
}

static Record *add(Checker *checker, unsigned file, uint64_t seq, uint64_t t_ns,
                   const Name *process, const TraceEvent *event, const char *instance)
{
    unsigned fields = trace_fields(event->kind);
    size_t count = fields & FIELD_COUNTS ? event->count_count : 0;
    if (fields & FIELD_MEMBERS)
        count = event->member_count;
    INVARIANT_THAT(file, <=, UINT16_MAX);
    Record *record = g_malloc(sizeof(Record) + count * sizeof(Count));
    *record = (Record){.seq = seq,
                       .t_ns = t_ns,
                       .inc = event->inc,
                       .label = event->label,
                       .amount = event->amount,
                       .balance = event->balance,
                       .process = state_process(checker, process),
                       .count = (uint32_t)count,
                       .holders = 1,
                       .file = (uint16_t)file,
                       .kind = (uint8_t)event->kind};
    if (fields & (FIELD_TO | FIELD_FROM))
        record->peer = state_process(checker, &event->peer);
    if (fields & FIELD_COHORT)
        record->group = state_group(checker, event->cohort);
    if (fields & FIELD_INSTANCE)
        record->instance = g_ref_string_new_intern(instance);
    for (size_t i = 0; i < count; i++) {
        const TraceCount *from = fields & FIELD_COUNTS ? &event->counts[i] : NULL;
        record->counts[i] =
            from != NULL ? (Count){state_process(checker, &from->peer), from->sent, from->received}
                         : (Count){.peer = state_process(checker, &event->members[i])};
    }
    add_to_file(checker, file, record);
    checker->records_held++;
    return record;
}

void checker_add(Checker *checker, unsigned file, uint64_t seq, uint64_t t_ns, const Name *process,
                 const TraceEvent *event)
{
    char instance[INSTANCE_TEXT_MAX] = "";
    checker->record_count++;
    if (trace_is_datagram(event->kind))
        return;
    if (trace_fields(event->kind) & FIELD_INSTANCE)
        instance_text(&event->initiator, event->number, instance);
    add(checker, file, seq, t_ns, process, event, instance);
}

void checker_add_record(Checker *checker, unsigned file, const TraceRecord *record)
{
    checker->record_count++;
    if (!trace_is_datagram(record->event.kind))
        add(checker, file, record->seq, record->t_ns, &record->process, &record->event,
            record->instance)
            ->cash_survives = record->cash_survives;
}

/* --- judging --- */

/* Judges all records in the order of the merge, until so many violations are found. */
static GPtrArray *judge_merged(Checker *checker, Merge *merge, guint violations_max)
{
    state_reset(checker);
    const Record *record;
    while (checker->violations->len < violations_max && (record = merge_next(merge)) != NULL)
        events_judge(checker, record);
    if (checker->violations->len < violations_max)
        events_judge_end(checker);
    return g_steal_pointer(&checker->violations);
}

static GPtrArray *judge_files(Checker *checker)
{
    guint records = 0;
    for (guint i = 0; i < checker->files->len; i++)
        records += ((GPtrArray *)g_ptr_array_index(checker->files, i))->len;
    Merge merge;
    merge_init(&merge, checker);
    GPtrArray *violations = judge_merged(checker, &merge, VIOLATIONS_MAX);
    /* Clocks that differ must raise no alarm: any order that explains the traces will do. */
    guint orders_max = MIN(ORDERS_MAX, RECORDS_TRIED_MAX / MAX(records, 1));
    for (guint i = 1; violations->len > 0 && i < orders_max && merge_retry(&merge); i++) {
        GPtrArray *others = judge_merged(checker, &merge, 1);
        bool explained = others->len == 0;
        g_ptr_array_unref(explained ? violations : others);
        if (explained)
            violations = others;
    }
    merge_deinit(&merge);
    return violations;
}

/* Of the only file, those before that time. */
static void judge_on(Checker *checker, uint64_t before_ns)
{
    index_build(checker);
    if (checker->violations == NULL)
        state_reset(checker);
    const GPtrArray *file = g_ptr_array_index(checker->files, 0);
    for (; checker->next < file->len; checker->next++) {
        const Record *record = g_ptr_array_index(file, checker->next);
        if (record->t_ns >= before_ns || checker->violations->len >= VIOLATIONS_MAX)
            break;
        events_judge(checker, record);
    }
}

void checker_judge_before(Checker *checker, CheckOptions options, uint64_t before_ns)
{
    INVARIANT_THAT(checker->files->len, <=, 1);
    if (checker->files->len == 0)
        return;
    checker->options = options;
    checker->options.settled = true;
    judge_on(checker, before_ns);
    memory_forget(checker);
}

GPtrArray *checker_judge(Checker *checker, CheckOptions options)
{
    checker->options = options;
    if (checker->violations == NULL) {
        index_build(checker);
        return judge_files(checker);
    }
    judge_on(checker, UINT64_MAX);
    if (checker->violations->len < VIOLATIONS_MAX)
        events_judge_end(checker);
    return g_steal_pointer(&checker->violations);
}

static GPtrArray *names(const Checker *checker, bool known)
{
    GPtrArray *array = g_ptr_array_new();
    for (guint i = 0; i < checker->processes->len; i++) {
        Process *process = g_ptr_array_index(checker->processes, i);
        if (process->known == known)
            g_ptr_array_add(array, &process->name);
    }
    return array;
}

GPtrArray *checker_seen(const Checker *checker)
{
    return names(checker, true);
}

GPtrArray *checker_unseen(const Checker *checker)
{
    return names(checker, false);
}

size_t checker_record_count(const Checker *checker)
{
    return checker->record_count;
}

size_t checker_records_held(const Checker *checker)
{
    return checker->records_held;
}
