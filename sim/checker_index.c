#include "sim/checker_index.h"

#include "sim/checker_memory.h"

static void index_tentative(Checker *checker, Cursor *cursor, const Record *record)
{
    const Part part = {.process = record->process, .position = record->position};
    decision_keep(checker, &cursor->open, record->decision);
    cursor->part = record->decision->parts->len;
    g_array_append_val(record->decision->parts, part);
}

/* Permanent or discarded. */
static void index_end(Checker *checker, Cursor *cursor, const Record *record)
{
    Decision *decision = record->decision;
    bool commit = record->kind == TRACE_PERMANENT;
    if (commit && decision->permanent == NULL)
        decision->permanent = record->process;
    if (cursor->open == decision) {
        g_array_index(decision->parts, Part, cursor->part).end =
            commit ? END_PERMANENT : END_DISCARDED;
        decision_keep(checker, &cursor->open, NULL);
    }
}

static void index_rollback(const Cursor *cursor, const Record *record)
{
    const Rollback rollback = {record, cursor->group};
    GPtrArray *rollers = record->decision->rollers;
    g_array_append_val(record->process->rollbacks, rollback);
    if (!g_ptr_array_find(rollers, record->process, NULL))
        g_ptr_array_add(rollers, record->process);
}

/* Who dies between writing down a decision and making it durable learns of it again. Said directly
 * before the crash and directly after it, with the same words, it has happened once. */
static bool is_echo(const Cursor *cursor, const Record *record)
{
    const Record *last = cursor->last;
    return cursor->restarted && last != NULL && last->kind == record->kind &&
           (trace_fields((TraceKind)record->kind) & FIELD_INSTANCE) &&
           record->kind != TRACE_TENTATIVE && last->decision == record->decision &&
           last->balance == record->balance && last->inc == record->inc;
}

/* Follows what came directly before and after a crash. */
static void index_order(Checker *checker, Cursor *cursor, Record *record)
{
    if (record->kind == TRACE_CRASHED)
        return;
    cursor->restarted = cursor->restarted || record->kind == TRACE_RESTARTED;
    if (record->kind == TRACE_RESTARTED)
        return;
    record->echo = is_echo(cursor, record);
    record_keep(checker, &cursor->last, record->echo ? NULL : record);
    cursor->restarted = false;
}

static void find_decision(Checker *checker, Record *record)
{
    char *instance = record->instance;
    record->decision = NULL;
    decision_keep(checker, &record->decision,
                  state_decision(checker, record->process->cursor.group, instance));
    g_ref_string_release(instance);
}

static void index_record(Checker *checker, Record *record)
{
    Process *process = record->process;
    Cursor *cursor = &process->cursor;
    record->position = process_end(process);
    g_ptr_array_add(process->records, record);
    if (trace_fields((TraceKind)record->kind) & FIELD_INSTANCE)
        find_decision(checker, record);
    record->indexed = true;

    cursor->seen = cursor->seen || record->kind == TRACE_OPENED || record->kind == TRACE_LEFT;
    record->unfounded = !cursor->seen;
    index_order(checker, cursor, record);
    if (record->unfounded || record->echo)
        return;
    switch ((TraceKind)record->kind) {
    case TRACE_JOINED:
        cursor->group = record->group;
        state_add_member(checker, record->group, process);
        if (record->group->founding == NULL)
            record_keep(checker, &record->group->founding, record);
        break;
    case TRACE_LEFT:
        cursor->group = NULL;
        break;
    case TRACE_TENTATIVE:
        index_tentative(checker, cursor, record);
        break;
    case TRACE_PERMANENT:
    case TRACE_DISCARDED:
        index_end(checker, cursor, record);
        break;
    case TRACE_ROLLED_BACK:
        index_rollback(cursor, record);
        break;
    default:
        break;
    }
}

static gint by_first_time(gconstpointer a, gconstpointer b)
{
    const GPtrArray *left = *(GPtrArray *const *)a;
    const GPtrArray *right = *(GPtrArray *const *)b;
    uint64_t t_left = ((const Record *)g_ptr_array_index(left, 0))->t_ns;
    uint64_t t_right = ((const Record *)g_ptr_array_index(right, 0))->t_ns;
    return (t_left > t_right) - (t_left < t_right);
}

/* Those that were added since the last time. */
static void index_file(Checker *checker, const GPtrArray *file)
{
    guint next = file->len;
    while (next > 0 && !((const Record *)g_ptr_array_index(file, next - 1))->indexed)
        next--;
    for (; next < file->len; next++)
        index_record(checker, g_ptr_array_index(file, next));
}

void index_build(Checker *checker)
{
    /* A process that stopped and was resumed has several files: the oldest is the first. */
    GPtrArray *files = g_ptr_array_new();
    for (guint i = 0; i < checker->files->len; i++) {
        GPtrArray *file = g_ptr_array_index(checker->files, i);
        if (file->len > 0)
            g_ptr_array_add(files, file);
    }
    g_ptr_array_sort(files, by_first_time);
    for (guint i = 0; i < files->len; i++)
        index_file(checker, g_ptr_array_index(files, i));
    g_ptr_array_unref(files);
}

/* The last label of the channel with the peer that a record of counts states. */
static uint64_t stated(const Record *record, const Process *peer, bool sent)
{
    for (uint32_t i = 0; i < record->count; i++) {
        if (record->counts[i].peer == peer)
            return sent ? record->counts[i].sent : record->counts[i].received;
    }
    return 0;
}

const Record *index_undoing(const Process *process, const Group *group, uint64_t position,
                            const Process *peer, uint64_t label, bool sent)
{
    /* While `undoing`, the first of those left is effective already. */
    guint next = process->rollbacks_taken + (process->undoing != NULL ? 1 : 0);
    for (guint i = next; i < process->rollbacks->len; i++) {
        const Rollback *rollback = &g_array_index(process->rollbacks, Rollback, i);
        if (rollback->group != group)
            return NULL;
        if (rollback->record->position >= position && stated(rollback->record, peer, sent) < label)
            return rollback->record;
    }
    return NULL;
}
