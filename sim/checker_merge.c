#include "sim/checker_merge.h"

#include <string.h>

#include "sim/checker_decisions.h"
#include "sim/checker_index.h"

typedef enum Readiness {
    READY,
    CHOICE,    /* possible now, and so it is after something else */
    POSTPONED, /* a choice that was made: after all else that is possible */
    WAITING    /* its cause has not been judged yet */
} Readiness;

static const Record *next_of(const Process *process)
{
    return process->taken < process_end(process) ? process_record(process, process->taken) : NULL;
}

/* Does `from` send this label (once more), in its records from `position` on? `soon`: before both
 * roll back together; what is sent after that, the next record of `to` cannot know of. */
static bool sends(const Process *from, uint64_t position, const Process *to, uint64_t label,
                  bool soon)
{
    for (uint64_t i = position; i < process_end(from); i++) {
        const Record *record = process_record(from, i);
        if (record->kind == TRACE_LEFT)
            return false;
        if (record->kind == TRACE_ROLLED_BACK && soon && !record->decision->rolled_back &&
            g_ptr_array_find(record->decision->rollers, to, NULL))
            return false;
        if (record->kind == TRACE_SENT && record->peer == to && record->label == label)
            return true;
    }
    return false;
}

/* Does the process, after this skip, accept its label or an earlier one from the same peer, and not
 * because of a rollback of its own? Then the peer's has undone it. */
static bool accepts_again(const Record *missing)
{
    const Process *process = missing->process;
    for (uint64_t i = missing->position + 1; i < process_end(process); i++) {
        const Record *record = process_record(process, i);
        if (record->kind == TRACE_LEFT || record->kind == TRACE_ROLLED_BACK)
            return false;
        if ((record->kind == TRACE_RECEIVED || record->kind == TRACE_MISSING) &&
            record->peer == missing->peer && record->label <= missing->label)
            return true;
    }
    return false;
}

/* Does the process, by its records to come, receive this label from the peer? */
static bool will_receive(const Process *process, const Process *peer, uint64_t label)
{
    for (uint64_t i = process->taken; i < process_end(process); i++) {
        const Record *record = process_record(process, i);
        if (record->kind == TRACE_LEFT)
            return false;
        if (record->kind == TRACE_RECEIVED && record->peer == peer && record->label == label)
            return true;
    }
    return false;
}

/* The number is not there (any more), or not yet. A skip that the sender has undone may come late,
 * or be of the same number when it is sent again. */
static Readiness ahead_readiness(const Channel *channel, const Record *record)
{
    if (record->kind == TRACE_RECEIVED || channel == NULL || record->label > channel->undone)
        return WAITING;
    bool late = accepts_again(record) ||
                !sends(record->peer, record->peer->taken, record->process, record->label, true);
    return late ? READY : CHOICE;
}

/* received, missing: after the matching `sent`. The number may be used twice, before and after a
 * rollback of the sender; then it must be found out which of the two transfers this is. */
static Readiness accept_readiness(const Checker *checker, const Record *record)
{
    const Process *process = record->process;
    const Process *peer = record->peer;
    Group *group = process->member != NULL ? process->member->group : NULL;
    if (group == NULL || state_member(checker, group, record->peer) == NULL)
        return READY;
    const Channel *channel = state_find_channel(checker, group, record->peer, record->process);
    if (channel != NULL && channel->broken)
        return READY;
    if (channel == NULL || record->label > channel->sent_count[NOW])
        return ahead_readiness(channel, record);

    const Record *undoing = index_undoing(peer, group, peer->taken, process, record->label, true);
    if (undoing == NULL || g_ptr_array_find(undoing->decision->rollers, process, NULL) ||
        !sends(peer, undoing->position, process, record->label, true))
        return READY;
    /* The sender will undo the transfer that is there now, without this process. So this record
     * is of the later one: unless it is a skip that will be undone, too, or the process undoes it
     * itself, before or (by a record that its trace does not reach) with the sender. */
    if (record->kind == TRACE_MISSING)
        return accepts_again(record) ? READY : CHOICE;
    bool own_undoes =
        index_undoing(process, group, record->position, peer, record->label, false) != NULL;
    return own_undoes || !checker->options.settled ? CHOICE : WAITING;
}

/* lost: the receiver may have received it, undone that, and found it missing only then. Nothing is
 * received after it was declared lost, but the number may be used again. */
static Readiness loss_readiness(const Checker *checker, const Record *record)
{
    const Process *process = record->process;
    const Process *peer = record->peer;
    Group *group = process->member != NULL ? process->member->group : NULL;
    const Channel *channel =
        group != NULL ? state_find_channel(checker, group, record->process, record->peer) : NULL;
    if (channel == NULL || channel->broken)
        return READY;
    if (record->label <= channel->accepted_count[NOW]) {
        bool undone_first =
            index_undoing(peer, group, peer->taken, process, record->label, false) != NULL;
        bool missing = accepted_missing(channel_accepted(channel, record->label));
        return undone_first && !missing ? WAITING : READY;
    }
    if (!will_receive(peer, process, record->label))
        return READY;
    return sends(process, record->position, peer, record->label, false) ? CHOICE : WAITING;
}

/* The first `permanent`: after all its tentative checkpoints. */
static Readiness checkpoint_readiness(Checker *checker, const Decision *decision)
{
    if (decision->checkpointed)
        return READY;
    for (guint i = 0; i < decision->parts->len; i++) {
        const Part *part = &g_array_index(decision->parts, Part, i);
        if (part->position >= part->process->taken)
            return WAITING;
    }
    return decisions_checkpoint_fits(checker, decision) ? READY : WAITING;
}

/* May the receiver have yet to receive, by its records to come, what the sender undoes now? Only
 * if it undoes that itself, by an earlier rollback of its own. */
static bool may_receive_undone(const Channel *channel)
{
    const Process *to = channel->to;
    for (uint64_t i = to->taken; channel->receiver != NULL && i < process_end(to); i++) {
        const Record *record = process_record(to, i);
        if (record->kind == TRACE_LEFT)
            return false;
        if (record->kind == TRACE_RECEIVED && record->peer == channel->from &&
            record->label > channel->sent_count[PERMANENT] &&
            record->label <= channel->sent_count[NOW] &&
            index_undoing(to, channel->group, i, channel->from, record->label, false) != NULL)
            return true;
    }
    return false;
}

/* The first `rolled_back`: after all that its participants did before theirs. */
static Readiness rollback_readiness(Checker *checker, const Decision *decision)
{
    if (decision->rolled_back)
        return READY;
    for (guint i = 0; i < decision->rollers->len; i++) {
        const Record *next = next_of(g_ptr_array_index(decision->rollers, i));
        if (next == NULL || next->kind != TRACE_ROLLED_BACK || next->decision != decision)
            return WAITING;
    }
    if (!decisions_rollback_fits(checker, decision))
        return WAITING;
    for (guint i = 0; i < decision->rollers->len; i++) {
        const Process *process = g_ptr_array_index(decision->rollers, i);
        for (guint k = 0; process->member != NULL && k < process->member->out->len; k++) {
            const Channel *channel = g_ptr_array_index(process->member->out, k);
            if (!g_ptr_array_find(decision->rollers, channel->to, NULL) &&
                may_receive_undone(channel))
                return CHOICE;
        }
    }
    return READY;
}

static Readiness readiness_by_kind(Checker *checker, const Record *record)
{
    switch ((TraceKind)record->kind) {
    case TRACE_RECEIVED:
    case TRACE_MISSING:
        return accept_readiness(checker, record);
    case TRACE_LOST:
        return loss_readiness(checker, record);
    case TRACE_PERMANENT:
        return checkpoint_readiness(checker, record->decision);
    case TRACE_ROLLED_BACK:
        return rollback_readiness(checker, record->decision);
    default:
        return READY;
    }
}

static Readiness readiness(const Merge *merge, const Record *record)
{
    /* The order within a single file is the order of things. */
    if (merge->checker->files->len == 1)
        return READY;
    /* An older file has more of this process. */
    if (next_of(record->process) != record)
        return WAITING;
    if (record->unfounded)
        return READY;
    Readiness ready = readiness_by_kind(merge->checker, record);
    bool postponed = ready == CHOICE && g_hash_table_contains(merge->postponed, record);
    return postponed ? POSTPONED : ready;
}

/* --- the merge --- */

void merge_init(Merge *merge, Checker *checker)
{
    *merge = (Merge){.checker = checker,
                     .next = g_new0(guint, checker->files->len),
                     .choices = g_array_new(FALSE, FALSE, sizeof(gboolean)),
                     .postponed = g_hash_table_new(g_direct_hash, g_direct_equal)};
}

void merge_deinit(Merge *merge)
{
    g_hash_table_unref(merge->postponed);
    g_array_unref(merge->choices);
    g_free(merge->next);
}

bool merge_retry(Merge *merge)
{
    GArray *choices = merge->choices;
    while (choices->len > 0 && g_array_index(choices, gboolean, choices->len - 1))
        g_array_set_size(choices, choices->len - 1);
    if (choices->len == 0)
        return false;
    g_array_index(choices, gboolean, choices->len - 1) = TRUE;
    memset(merge->next, 0, merge->checker->files->len * sizeof *merge->next);
    g_hash_table_remove_all(merge->postponed);
    merge->met = 0;
    return true;
}

static const Record *head(const Merge *merge, guint file)
{
    const GPtrArray *records = g_ptr_array_index(merge->checker->files, file);
    return merge->next[file] < records->len ? g_ptr_array_index(records, merge->next[file]) : NULL;
}

typedef struct Candidate {
    const Record *record; /* NULL: none */
    Readiness readiness;
    guint file;
} Candidate;

/* What is possible goes first, and of that what the clocks put first. */
static Candidate find_candidate(const Merge *merge)
{
    Candidate best = {.readiness = WAITING};
    for (guint file = 0; file < merge->checker->files->len; file++) {
        const Record *record = head(merge, file);
        if (record == NULL)
            continue;
        bool earlier = best.record == NULL || record->t_ns < best.record->t_ns;
        if (!earlier && best.readiness <= CHOICE)
            continue;
        Readiness ready = readiness(merge, record);
        bool as_possible = ready == best.readiness || (ready <= CHOICE && best.readiness <= CHOICE);
        if (as_possible ? earlier : ready < best.readiness)
            best = (Candidate){record, ready, file};
    }
    return best;
}

/* False: it was chosen to put the candidate off. */
static bool choose(Merge *merge, const Record *record)
{
    const gboolean take = FALSE;
    if (merge->met == merge->choices->len)
        g_array_append_val(merge->choices, take);
    if (!g_array_index(merge->choices, gboolean, merge->met++))
        return true;
    g_hash_table_add(merge->postponed, (gpointer)(uintptr_t)record);
    return false;
}

const Record *merge_next(Merge *merge)
{
    Candidate best = find_candidate(merge);
    while (best.record != NULL && best.readiness == CHOICE && !choose(merge, best.record))
        best = find_candidate(merge);
    if (best.record == NULL)
        return NULL;
    merge->next[best.file]++;
    return best.record;
}
