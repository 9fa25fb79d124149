#include "sim/checker.h"

#include "core/panic.h"
#include "sim/checker_events.h"
#include "sim/checker_index.h"
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

static void add_to_file(Checker *checker, unsigned file)
{
    while (checker->files->len <= file)
        g_ptr_array_add(checker->files, g_array_new(FALSE, FALSE, sizeof(uint32_t)));
    uint32_t index = checker->records->len - 1;
    g_array_append_val((GArray *)g_ptr_array_index(checker->files, file), index);
}

static void add_counts(Checker *checker, Record *record, const TraceEvent *event)
{
    record->first = checker->counts->len;
    record->count = (uint32_t)event->count_count;
    for (size_t i = 0; i < event->count_count; i++) {
        const TraceCount *from = &event->counts[i];
        const Count count = {state_process(checker, &from->peer), from->sent, from->received};
        g_array_append_val(checker->counts, count);
    }
}

static void add_members(Checker *checker, Record *record, const TraceEvent *event)
{
    record->first = checker->listed->len;
    record->count = (uint32_t)event->member_count;
    for (size_t i = 0; i < event->member_count; i++)
        g_ptr_array_add(checker->listed, state_process(checker, &event->members[i]));
}

static void add(Checker *checker, unsigned file, uint64_t seq, uint64_t t_ns, const Name *process,
                const TraceEvent *event, const char *instance)
{
    unsigned fields = trace_fields(event->kind);
    INVARIANT_THAT(file, <=, UINT16_MAX);
    Record record = {.seq = seq,
                     .t_ns = t_ns,
                     .inc = event->inc,
                     .label = event->label,
                     .amount = event->amount,
                     .balance = event->balance,
                     .process = state_process(checker, process),
                     .file = (uint16_t)file,
                     .kind = (uint8_t)event->kind};
    if (fields & (FIELD_TO | FIELD_FROM))
        record.peer = state_process(checker, &event->peer);
    if (fields & FIELD_COHORT)
        record.group = state_group(checker, event->cohort);
    if (fields & FIELD_INSTANCE)
        record.instance = g_string_chunk_insert_const(checker->texts, instance);
    if (fields & FIELD_COUNTS)
        add_counts(checker, &record, event);
    if (fields & FIELD_MEMBERS)
        add_members(checker, &record, event);
    g_array_append_val(checker->records, record);
    add_to_file(checker, file);
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
            record->instance);
}

/* --- judging --- */

/* Judges all records in the order of the merge, until so many violations are found. */
static GPtrArray *judge(Checker *checker, Merge *merge, guint violations_max)
{
    state_reset(checker);
    const Record *record;
    while (checker->violations->len < violations_max && (record = merge_next(merge)) != NULL)
        events_judge(checker, record);
    if (checker->violations->len < violations_max)
        events_judge_end(checker);
    return g_steal_pointer(&checker->violations);
}

GPtrArray *checker_judge(Checker *checker, CheckOptions options)
{
    checker->options = options;
    index_build(checker);
    Merge merge;
    merge_init(&merge, checker);
    GPtrArray *violations = judge(checker, &merge, VIOLATIONS_MAX);
    /* Clocks that differ must raise no alarm: any order that explains the traces will do. */
    guint orders_max = MIN(ORDERS_MAX, RECORDS_TRIED_MAX / MAX(checker->records->len, 1));
    for (guint i = 1; violations->len > 0 && i < orders_max && merge_retry(&merge); i++) {
        GPtrArray *others = judge(checker, &merge, 1);
        bool explained = others->len == 0;
        g_ptr_array_unref(explained ? violations : others);
        if (explained)
            violations = others;
    }
    merge_deinit(&merge);
    return violations;
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
