#include "sim/checker_crashes.h"

#include <inttypes.h>

#include "core/panic.h"
#include "sim/checker_memory.h"

/* --- looking ahead --- */

#define KIND(kind) (1u << (kind))

/* The first record to come of these kinds; NULL: none. */
static const Record *first_ahead(const Process *process, unsigned kinds)
{
    for (uint64_t i = process->taken; i < process_end(process); i++) {
        const Record *record = process_record(process, i);
        if ((kinds & KIND(record->kind)) && !record->echo)
            return record;
    }
    return NULL;
}

/* Does it, by its records to come, do what nobody does who is in doubt? */
static bool goes_on(const Checker *checker, const Process *process)
{
    const unsigned kinds = KIND(TRACE_ROLLED_BACK) | KIND(TRACE_LEFT) | KIND(TRACE_TENTATIVE) |
                           KIND(TRACE_SENT) | KIND(TRACE_RECEIVED) | KIND(TRACE_MISSING);
    return checker->options.settled || first_ahead(process, kinds) != NULL;
}

static Part *open_part(const Process *process)
{
    const GArray *parts = process->tentative->decision->parts;
    for (guint i = 0; i < parts->len; i++) {
        Part *part = &g_array_index(parts, Part, i);
        if (part->process == process && part->position == process->tentative->position)
            return part;
    }
    return NULL;
}

/* --- the crash --- */

/* Without a vote, the tentative checkpoint is gone, and no record says so. Its instance cannot
 * commit, then. */
static void lose_tentative(Checker *checker, const Record *record, Part *part)
{
    Process *process = record->process;
    const Decision *decision = process->tentative->decision;
    if (decision->permanent != NULL)
        state_violation(checker, RULE_AGREEMENT, record,
                        "its crash has lost tentative checkpoint %s, which %s has made permanent",
                        decision->text, decision->permanent->name.text);
    part->lost = true;
    record_keep(checker, &process->tentative, NULL);
}

/* The tentative checkpoint is there after the crash if, and only if, the process has voted for it:
 * then its end comes later. */
static Version version_of_tentative(Checker *checker, const Record *record)
{
    Part *part = open_part(record->process);
    INVARIANT(part != NULL);
    if (part->end != END_UNKNOWN)
        return part->end == END_PERMANENT ? TENTATIVE : PERMANENT;
    if (!goes_on(checker, record->process))
        return record->process->tentative->decision->permanent != NULL ? TENTATIVE : PERMANENT;
    lose_tentative(checker, record, part);
    return PERMANENT;
}

/* What the process will come back to, when all that it is in doubt about is known. */
static Version version_kept(Checker *checker, const Record *record)
{
    const Process *process = record->process;
    if (process->tentative != NULL)
        return version_of_tentative(checker, record);
    const Record *turn = first_ahead(process, KIND(TRACE_ROLLED_BACK) | KIND(TRACE_LEFT));
    if (turn == NULL)
        return PERMANENT;
    return turn->kind == TRACE_LEFT || turn->decision->named != process ? NOW : PERMANENT;
}

static void crash(Checker *checker, const Record *record)
{
    Process *process = record->process;
    if (process->member == NULL)
        return; /* outside a cohort everything is durable at once */
    Version kept = version_kept(checker, record);
    record_keep(checker, &process->recovering, record);
    if (kept != NOW)
        state_lose(checker, process, kept);
    state_check_money(checker, record);
}

void crashes_judge_crashed(Checker *checker, const Record *record)
{
    if (!record->process->open)
        return; /* it may have nothing to come back with */
    record_keep(checker, &record->process->crashed, record);
    crash(checker, record);
}

void crashes_judge_restarted(Checker *checker, const Record *record)
{
    Process *process = record->process;
    if (process->crashed == NULL)
        crash(checker, record);
    record_keep(checker, &process->crashed, NULL);
    Money expected = process->open ? process->own_permanent : 0;
    if (record->balance != expected)
        state_violation(checker, RULE_MONEY, record,
                        "expected to restart with its permanent balance %" PRId64
                        ", found %" PRId64,
                        expected, record->balance);
}

/* --- between the crash and the rollback --- */

/* Whoever recovers neither sends nor accepts: numbers and money of that channel mean nothing now.
 */
static void judge_transfer(Checker *checker, const Record *record)
{
    Process *process = record->process;
    bool sends = record->kind == TRACE_SENT;
    Channel *channel =
        state_channel(checker, process->member->group, sends ? process : record->peer,
                      sends ? record->peer : process);
    if (channel->broken)
        return;
    state_break(checker, channel, RULE_DISCIPLINE, record,
                "%s label %" PRIu64 " %s %s between a restart and the rollback that it calls for",
                trace_word((TraceKind)record->kind), record->label, sends ? "to" : "from",
                record->peer->name.text);
}

bool crashes_permit(Checker *checker, const Record *record)
{
    const Process *process = record->process;
    const char *word = trace_word((TraceKind)record->kind);
    if (process->crashed != NULL && record->kind != TRACE_RESTARTED) {
        state_violation(checker, RULE_LIFE, record, "%s between a crash and the restart", word);
        return false;
    }
    if (process->recovering == NULL)
        return true;
    switch ((TraceKind)record->kind) {
    case TRACE_SENT:
    case TRACE_RECEIVED:
    case TRACE_MISSING:
        judge_transfer(checker, record);
        return false;
    case TRACE_TENTATIVE:
    case TRACE_DEPOSITED:
    case TRACE_WITHDREW:
        state_violation(checker, RULE_DISCIPLINE, record,
                        "%s between a restart and the rollback that it calls for", word);
        return false;
    default:
        return true;
    }
}

void crashes_judge_end(Checker *checker)
{
    for (guint i = 0; checker->options.settled && i < checker->processes->len; i++) {
        const Process *process = g_ptr_array_index(checker->processes, i);
        if (process->recovering == NULL)
            continue;
        state_violation(checker, RULE_AGREEMENT, process->recovering,
                        process->crashed != NULL
                            ? "crashed in cohort %" PRIu64 ", and has never been restarted"
                            : "restarted in cohort %" PRIu64 ", and has never rolled back since",
                        process->member->group->id);
    }
}
