#include "sim/checker_index.h"

/* Where one process stands while its records are gone through. */
typedef struct Cursor {
    bool seen;
    Group *group;
    Decision *open; /* its tentative checkpoint: element `part` of open->parts */
    guint part;
} Cursor;

static void index_tentative(Cursor *cursor, const Record *record)
{
    const Part part = {.process = record->process, .tentative = record};
    cursor->open = record->decision;
    cursor->part = record->decision->parts->len;
    g_array_append_val(record->decision->parts, part);
}

/* Permanent or discarded. */
static void index_end(Cursor *cursor, const Record *record)
{
    Decision *decision = record->decision;
    if (record->kind == TRACE_PERMANENT && decision->permanent == NULL)
        decision->permanent = record;
    if (cursor->open == decision) {
        g_array_index(decision->parts, Part, cursor->part).end = record;
        cursor->open = NULL;
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

static void index_record(Checker *checker, Cursor *cursor, Record *record)
{
    Process *process = record->process;
    record->position = process->records->len;
    g_ptr_array_add(process->records, record);
    if (trace_fields((TraceKind)record->kind) & FIELD_INSTANCE)
        record->decision = state_decision(checker, cursor->group, record->instance);

    cursor->seen = cursor->seen || record->kind == TRACE_OPENED || record->kind == TRACE_LEFT;
    record->unfounded = !cursor->seen;
    if (record->unfounded)
        return;
    switch ((TraceKind)record->kind) {
    case TRACE_JOINED:
        cursor->group = record->group;
        state_add_member(checker, record->group, process);
        if (record->group->founding == NULL)
            record->group->founding = record;
        break;
    case TRACE_LEFT:
        cursor->group = NULL;
        break;
    case TRACE_TENTATIVE:
        index_tentative(cursor, record);
        break;
    case TRACE_PERMANENT:
    case TRACE_DISCARDED:
        index_end(cursor, record);
        break;
    case TRACE_ROLLED_BACK:
        index_rollback(cursor, record);
        break;
    default:
        break;
    }
}

static gint by_first_time(gconstpointer a, gconstpointer b, gpointer data)
{
    const Checker *checker = data;
    const GArray *left = *(GArray *const *)a;
    const GArray *right = *(GArray *const *)b;
    uint64_t t_left =
        g_array_index(checker->records, Record, g_array_index(left, uint32_t, 0)).t_ns;
    uint64_t t_right =
        g_array_index(checker->records, Record, g_array_index(right, uint32_t, 0)).t_ns;
    return (t_left > t_right) - (t_left < t_right);
}

void index_build(Checker *checker)
{
    /* A process that stopped and was resumed has several files: the oldest is the first. */
    GPtrArray *files = g_ptr_array_new();
    for (guint i = 0; i < checker->files->len; i++) {
        GArray *file = g_ptr_array_index(checker->files, i);
        if (file->len > 0)
            g_ptr_array_add(files, file);
    }
    g_ptr_array_sort_with_data(files, by_first_time, checker);

    GHashTable *cursors = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    for (guint i = 0; i < files->len; i++) {
        const GArray *file = g_ptr_array_index(files, i);
        for (guint k = 0; k < file->len; k++) {
            Record *record =
                &g_array_index(checker->records, Record, g_array_index(file, uint32_t, k));
            Cursor *cursor = g_hash_table_lookup(cursors, record->process);
            if (cursor == NULL) {
                cursor = g_new0(Cursor, 1);
                g_hash_table_insert(cursors, record->process, cursor);
            }
            index_record(checker, cursor, record);
        }
    }
    g_hash_table_unref(cursors);
    g_ptr_array_unref(files);
}

/* The last label of the channel with the peer that a record of counts states. */
static uint64_t stated(const Checker *checker, const Record *record, const Process *peer, bool sent)
{
    const Count *counts = state_counts(checker, record);
    for (uint32_t i = 0; i < record->count; i++) {
        if (counts[i].peer == peer)
            return sent ? counts[i].sent : counts[i].received;
    }
    return 0;
}

const Record *index_undoing(const Checker *checker, const Process *process, const Group *group,
                            uint32_t position, const Process *peer, uint64_t label, bool sent)
{
    /* While `undoing`, the first of those left is effective already. */
    guint next = process->rollbacks_taken + (process->undoing != NULL ? 1 : 0);
    for (guint i = next; i < process->rollbacks->len; i++) {
        const Rollback *rollback = &g_array_index(process->rollbacks, Rollback, i);
        if (rollback->group != group)
            return NULL;
        if (rollback->record->position >= position &&
            stated(checker, rollback->record, peer, sent) < label)
            return rollback->record;
    }
    return NULL;
}
