#include "core/recovery.h"

#include "core/compose.h"
#include "core/instance.h"
#include "core/planted.h"
#include "core/rollback.h"

/* Rule 2: "load the permanent checkpoint as current state, acked = log base, NR set." */
void recovery_load(Customer *customer)
{
    Process *process = &customer->process;
    if (!customer_active(customer))
        return;
    process->recovering = !planted(PLANTED_NO_FORCED_ROLLBACK);
    process_restore_permanent(process);
    for (uint16_t i = 0; i < process->count; i++) {
        process->peers[i].channel.stable_due = i != process->self;
        /* In a rollback everybody was asked, or may have been: all must hear how it ends. */
        if (process->engaged == ENGAGED_ROLLBACK)
            process->peers[i].ask = i == process->self ? ASK_NOT : ASK_JOINED;
    }
}

/* Where the crash came upon it. */
static void mark_crash(Customer *customer)
{
    const Process *process = &customer->process;
    Effects *effects = customer->step.effects;
    if (!customer_active(customer))
        return;
    if (process->engaged == ENGAGED_CHECKPOINT)
        effects_mark(effects, MARK_CRASH_AFTER_CHECKPOINT_VOTE);
    if (process->engaged == ENGAGED_ROLLBACK && process->voted)
        effects_mark(effects, MARK_CRASH_AFTER_ROLLBACK_VOTE);
    if (process->engaged == ENGAGED_ROLLBACK && !process->voted)
        effects_mark(effects, process->parent == process->self ? MARK_CRASH_OF_UNDECIDED_INITIATOR
                                                               : MARK_CRASH_BEFORE_ROLLBACK_VOTE);
    if (process->announcements->len > 0)
        effects_mark(effects, MARK_CRASH_BEFORE_ALL_KNOW);
    if (process->frozen)
        effects_mark(effects, MARK_CRASH_AFTER_FINAL);
    for (uint16_t i = 0; i < process->count; i++) {
        if (process->peers[i].channel.closed.instance.number != 0)
            effects_mark(effects, MARK_CRASH_WITH_CLOSED_CHANNEL);
    }
}

void recovery_start(Customer *customer)
{
    Process *process = &customer->process;
    mark_crash(customer);
    customer_trace(customer, (TraceEvent){.kind = TRACE_RESTARTED,
                                          .balance = account_balance(&process->application)});
    if (process->engaged != ENGAGED_ROLLBACK || process->voted)
        return;
    if (process->parent == process->self) {
        /* Rule 2: "an undecided initiator decides abort." */
        rollback_decide(process, &customer->step, process->instance, false);
        process->outcome.over = false;
        return;
    }
    /* Rule 4: "PREPARING found at restart becomes REFUSED: answer no to the parent for that
     * instance, stay busy until its decision." */
    process->refused = !planted(PLANTED_PREPARING_TAKEN_FOR_VOTED);
    process->voted = true;
    process->query_ns = customer->step.now_ns;
}

static bool may_begin(const Customer *customer)
{
    return customer->process.recovering && !customer->forced.engaged &&
           instance_free(&customer->process);
}

/* Rule 6: "when NR and not busy, an ordinary instance of its own; on no or abort again, with a
 * randomised growing pause and a new instance number." */
void recovery_tick(Customer *customer)
{
    Process *process = &customer->process;
    Attempt *forced = &customer->forced;
    if (may_begin(customer) && forced->pause_ns <= customer->step.now_ns) {
        forced->engaged = true;
        forced->tries++;
        rollback_begin(process, &customer->step);
    }
    if (forced->engaged && process->outcome.over && !planted(PLANTED_RECOVERY_TRIED_ONCE)) {
        process->outcome.over = false;
        if (!process->outcome.commit)
            effects_mark(customer->step.effects, MARK_RECOVERY_TRIED_AGAIN);
        /* Nobody gives up here: several who must roll back would meet for ever if no pause could be
         * longer than their instances are. */
        customer_pause(customer, forced, INSTANCE_NS_MAX);
    }
    if (!process->recovering)
        *forced = (Attempt){0};
}

uint64_t recovery_deadline(const Customer *customer)
{
    return may_begin(customer) ? customer->forced.pause_ns : TIME_NEVER;
}
