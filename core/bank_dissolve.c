#include "core/bank_dissolve.h"

#include <string.h>

#include "core/bank_tally.h"
#include "core/panic.h"
#include "core/planted.h"

typedef enum Phase {
    PHASE_QUIESCING,
    PHASE_PREPARING,
    PHASE_PAUSING, /* before the next attempt */
    PHASE_CANCELLING,
    PHASE_LEAVING, /* dissolved, on record */
    PHASES
} Phase;

typedef struct Dissolution {
    DeskTask task;
    GList link;
    uint64_t cohort;
    uint16_t count;
    RegistryRow **members;
    Asker asker;
    bool answered;
    Phase phase;
    uint64_t attempt;
    DeskRetry retry;
    uint64_t limit_ns; /* to the record; TIME_NEVER: it is decided */
    uint64_t phase_ns; /* when the phase is over if nothing happens */
    Tally *tally;      /* until it is dissolved */
} Dissolution;

void dissolutions_init(Dissolutions *dissolutions, BankDesk *desk, Registry *registry,
                       Askers *askers)
{
    *dissolutions =
        (Dissolutions){.desk = desk, .registry = registry, .askers = askers, .list = G_QUEUE_INIT};
    dissolutions->by_cohort = g_hash_table_new(g_int64_hash, g_int64_equal);
}

static Dissolution *dissolution_find(const Dissolutions *dissolutions, uint64_t cohort)
{
    return g_hash_table_lookup(dissolutions->by_cohort, &cohort);
}

static Dissolution *dissolution_new(uint64_t cohort, uint16_t count)
{
    Dissolution *dissolution = g_new0(Dissolution, 1);
    dissolution->link.data = dissolution;
    dissolution->task.kind = TASK_DISSOLUTION;
    dissolution->cohort = cohort;
    dissolution->count = count;
    dissolution->members = g_new0(RegistryRow *, count);
    return dissolution;
}

static void dissolution_free(Dissolution *dissolution)
{
    g_free(dissolution->members);
    tally_free(dissolution->tally);
    g_free(dissolution);
}

static void dissolution_schedule(Dissolutions *dissolutions, Dissolution *dissolution)
{
    uint64_t due_ns = MIN(dissolution->limit_ns, dissolution->phase_ns);
    if (dissolution->phase != PHASE_PAUSING)
        due_ns = MIN(due_ns, dissolution->retry.next_ns);
    desk_schedule(dissolutions->desk, &dissolution->task, due_ns);
}

static void dissolution_enter(Dissolutions *dissolutions, Dissolution *dissolution)
{
    g_queue_push_tail_link(&dissolutions->list, &dissolution->link);
    g_hash_table_replace(dissolutions->by_cohort, &dissolution->cohort, dissolution);
}

static void dissolution_end(Dissolutions *dissolutions, Dissolution *dissolution)
{
    desk_unschedule(&dissolution->task);
    g_queue_unlink(&dissolutions->list, &dissolution->link);
    g_hash_table_remove(dissolutions->by_cohort, &dissolution->cohort);
    dissolution_free(dissolution);
}

static Dissolution *dissolution_begin(Dissolutions *dissolutions, const RegistryCohort *cohort)
{
    BankDesk *desk = dissolutions->desk;
    Dissolution *dissolution = dissolution_new(cohort->id, cohort->count);
    desk_task_init(desk, &dissolution->task, TASK_DISSOLUTION);
    memcpy(dissolution->members, cohort->members, cohort->count * sizeof *cohort->members);
    if (!cohort->leaving)
        dissolution->tally = tally_new(cohort->count);
    dissolution_enter(dissolutions, dissolution);
    return dissolution;
}

void dissolutions_deinit(Dissolutions *dissolutions)
{
    while (dissolutions->list.head)
        dissolution_end(dissolutions, dissolutions->list.head->data);
    g_hash_table_destroy(dissolutions->by_cohort);
}

/* --- telling the members --- */

static void send_order(BankDesk *desk, Address to, uint64_t cohort, uint64_t attempt,
                       DissolveOrder order)
{
    const Message message = {.kind = MESSAGE_DISSOLVE,
                             .dissolve = {.cohort = cohort, .attempt = attempt, .order = order}};
    desk_send(desk, to, &message);
}

/* Whether the phase still wants something of the member. */
static bool member_awaited(const Dissolution *dissolution, uint16_t member)
{
    const Tally *tally = dissolution->tally;
    switch (dissolution->phase) {
    case PHASE_QUIESCING:
        return !tally_complete(tally, member);
    case PHASE_PREPARING:
        return !tally_complete(tally, member) || tally->reports[member].state != STATUS_VOTED;
    case PHASE_CANCELLING:
        return !tally->reports[member].cancelled;
    case PHASE_LEAVING:
        return dissolution->members[member]->leaving == dissolution->cohort;
    case PHASE_PAUSING:
    case PHASES:
        break;
    }
    return false;
}

static const RegistryRow *first_awaited(const Dissolution *dissolution)
{
    for (uint16_t i = 0; i < dissolution->count; i++) {
        if (member_awaited(dissolution, i))
            return dissolution->members[i];
    }
    return NULL;
}

static void tell_awaited(BankDesk *desk, const Dissolution *dissolution)
{
    static const DissolveOrder orders[PHASES] = {
        [PHASE_QUIESCING] = DISSOLVE_QUIESCE,
        [PHASE_PREPARING] = DISSOLVE_PREPARE,
        [PHASE_CANCELLING] = DISSOLVE_CANCEL,
        [PHASE_LEAVING] = DISSOLVE_DONE,
    };
    for (uint16_t i = 0; i < dissolution->count; i++) {
        const BankRow *line = &dissolution->members[i]->line;
        if (member_awaited(dissolution, i))
            send_order(desk, (Address){line->ip, line->port1}, dissolution->cohort,
                       dissolution->attempt, orders[dissolution->phase]);
    }
}

static void enter_phase(Dissolutions *dissolutions, Dissolution *dissolution, Phase phase,
                        uint64_t end_ns)
{
    dissolution->phase = phase;
    dissolution->phase_ns = end_ns;
    desk_retry_start(dissolutions->desk, &dissolution->retry);
    tell_awaited(dissolutions->desk, dissolution);
    dissolution_schedule(dissolutions, dissolution);
}

/* Rule 5 of "Membership": QUIESCE(id, attempt), attempts from a durable counter; a higher attempt
 * cancels a lower. */
static void begin_attempt(Dissolutions *dissolutions, Dissolution *dissolution)
{
    BankDesk *desk = dissolutions->desk;
    dissolution->attempt =
        registry_next_attempt(dissolutions->registry, dissolution->cohort, desk->effects);
    tally_begin(dissolution->tally);
    enter_phase(dissolutions, dissolution, PHASE_QUIESCING, desk->now_ns + DISSOLVE_ATTEMPT_NS_MAX);
}

static void pause_attempt(Dissolutions *dissolutions, Dissolution *dissolution)
{
    BankDesk *desk = dissolutions->desk;
    uint64_t pause_ns = desk_pause_ns(desk, DISSOLVE_PAUSE_NS_MIN, DISSOLVE_PAUSE_NS_MAX);
    enter_phase(dissolutions, dissolution, PHASE_PAUSING, desk->now_ns + pause_ns);
}

static Refusal start_refusal(const Dissolutions *dissolutions, const RegistryRow *row)
{
    if (!row)
        return REFUSAL_UNKNOWN_NAME;
    if (row->line.exited)
        return REFUSAL_EXITED_NAME;
    if (row->line.cohort == 0)
        return REFUSAL_NOT_IN_COHORT;
    if (!registry_cohort(dissolutions->registry, row->line.cohort))
        return REFUSAL_FOREIGN_COHORT;
    const Dissolution *running = dissolution_find(dissolutions, row->line.cohort);
    bool busy = running && running->phase != PHASE_CANCELLING;
    return busy ? REFUSAL_BUSY_ELSEWHERE : REFUSAL_NONE;
}

void dissolve_start(Dissolutions *dissolutions, const Asker *asker)
{
    const RegistryRow *row = registry_find(dissolutions->registry, &asker->name);
    Refusal refusal = start_refusal(dissolutions, row);
    if (refusal != REFUSAL_NONE) {
        asker_refuse(dissolutions->askers, asker, refusal, &asker->name);
        return;
    }
    const RegistryCohort *cohort = registry_cohort(dissolutions->registry, row->line.cohort);
    Dissolution *cancelled = dissolution_find(dissolutions, cohort->id);
    if (cancelled)
        dissolution_end(dissolutions, cancelled); /* the new attempt cancels it as well */
    Dissolution *dissolution = dissolution_begin(dissolutions, cohort);
    dissolution->asker = *asker;
    dissolution->limit_ns = dissolutions->desk->now_ns + DISSOLVE_NS_MAX;
    begin_attempt(dissolutions, dissolution);
}

/* Attempts of an earlier run are cancelled: what was reported to it is forgotten. */
void dissolutions_resume(Dissolutions *dissolutions)
{
    const Registry *registry = dissolutions->registry;
    for (guint i = 0; i < registry->cohorts->len; i++) {
        const RegistryCohort *cohort = registry->cohorts->pdata[i];
        if (!cohort->leaving && cohort->attempt == 0)
            continue;
        Dissolution *dissolution = dissolution_begin(dissolutions, cohort);
        dissolution->attempt = cohort->attempt;
        dissolution->answered = true; /* on record, or never: then the client asks again */
        effects_mark(dissolutions->desk->effects, cohort->leaving
                                                      ? MARK_BANK_CRASH_WHILE_LEAVING
                                                      : MARK_BANK_CRASH_WHILE_DISSOLVING);
        dissolution->limit_ns = TIME_NEVER;
        enter_phase(dissolutions, dissolution, cohort->leaving ? PHASE_LEAVING : PHASE_CANCELLING,
                    TIME_NEVER);
    }
}

/* --- judging the reports --- */

static bool reports_balance(const Dissolution *dissolution)
{
    return planted(PLANTED_DISSOLVE_UNBALANCED) ||
           tally_unsettled(dissolution->tally) == dissolution->count;
}

static Notice success(const Dissolution *dissolution)
{
    const Asker *asker = &dissolution->asker;
    Notice notice = asker_notice(asker, REFUSAL_NONE, &asker->name);
    notice.cohort = dissolution->cohort;
    return notice;
}

static void answer_success(Dissolutions *dissolutions, Dissolution *dissolution)
{
    const Notice notice = success(dissolution);
    if (!dissolution->answered)
        asker_answer(dissolutions->askers, &dissolution->asker, &notice);
    dissolution->answered = true;
}

/* Rule 8 of "Membership": one record (dissolved, the final rows, the answer), then DISSOLVED; the
 * bank keeps the cohort until all have left. */
static void commit(Dissolutions *dissolutions, Dissolution *dissolution)
{
    const Notice notice = success(dissolution);
    RegistryCohort cohort = *registry_cohort(dissolutions->registry, dissolution->cohort);
    Coder record = registry_record();
    for (uint16_t i = 0; i < dissolution->count; i++) {
        const TallyReport *final = &dissolution->tally->reports[i];
        RegistryRow after = *dissolution->members[i];
        after.line.balance = final->balance;
        after.line.cohort = 0;
        after.report = MAX(after.report, final->report);
        registry_put_row(&record, &after);
    }
    cohort.leaving = true;
    registry_put_cohort(&record, &cohort);
    asker_record(dissolutions->askers, &record, &dissolution->asker, &notice);
    registry_commit(dissolutions->registry, &record, dissolutions->desk->effects);
    dissolution->limit_ns = TIME_NEVER;
    enter_phase(dissolutions, dissolution, PHASE_LEAVING,
                dissolutions->desk->now_ns + DISSOLVE_GRACE_NS);
}

/* Goes on to the next phase when every report for it is in. */
static void judge(Dissolutions *dissolutions, Dissolution *dissolution)
{
    if (dissolution->phase == PHASE_QUIESCING) {
        if (!first_awaited(dissolution) && reports_balance(dissolution))
            enter_phase(dissolutions, dissolution, PHASE_PREPARING, dissolution->phase_ns);
    } else if (dissolution->phase == PHASE_PREPARING && !first_awaited(dissolution)) {
        /* Rule 8 of "Membership": all voted and the votes themselves balance; otherwise again. */
        if (reports_balance(dissolution))
            commit(dissolutions, dissolution);
        else
            pause_attempt(dissolutions, dissolution);
    }
}

/* --- what comes in --- */

static void acknowledge(BankDesk *desk, Address to, const Message *message)
{
    const Message ack = {.kind = MESSAGE_STATUS_ACK,
                         .status_ack = {.cohort = message->status.cohort,
                                        .attempt = message->status.attempt,
                                        .version = message->status.version,
                                        .first = message->status.first}};
    desk_send_early(desk, to, &ack); /* reports are not kept on disk */
}

/* Rule 6 of "Membership": otherwise it says no, and the bank cancels and tries again. Whatever
 * version it has: its process may have lost count with a crash. */
static void take_refusal(Dissolutions *dissolutions, Dissolution *dissolution,
                         const Message *message)
{
    BankDesk *desk = dissolutions->desk;
    tally_heard(dissolution->tally, message->status.member, desk->now_ns);
    if (dissolution->phase != PHASE_PREPARING) {
        desk_drop(desk, DROP_STALE);
        return;
    }
    effects_mark(desk->effects, MARK_BANK_REFUSED_A_FINAL);
    pause_attempt(dissolutions, dissolution);
}

static void take_status(Dissolutions *dissolutions, Dissolution *dissolution, Address from,
                        const Message *message)
{
    BankDesk *desk = dissolutions->desk;
    DropReason reason = tally_take(dissolution->tally, message, desk->now_ns);
    if (reason != DROP_NONE) {
        desk_drop(desk, reason);
        return;
    }
    acknowledge(desk, from, message);
    judge(dissolutions, dissolution);
}

static void take_cancelled(Dissolutions *dissolutions, Dissolution *dissolution, Address from,
                           const Message *message)
{
    acknowledge(dissolutions->desk, from, message);
    if (!dissolution || dissolution->phase != PHASE_CANCELLING ||
        message->status.attempt != dissolution->attempt)
        return;
    dissolution->tally->reports[message->status.member].cancelled = true;
    if (!first_awaited(dissolution)) {
        registry_attempt_over(dissolutions->registry, dissolution->cohort,
                              dissolutions->desk->effects);
        dissolution_end(dissolutions, dissolution);
    }
}

void dissolve_status(Dissolutions *dissolutions, Address from, const Message *message)
{
    BankDesk *desk = dissolutions->desk;
    const uint64_t id = message->status.cohort, attempt = message->status.attempt;
    const uint16_t member = message->status.member;
    const RegistryCohort *cohort = registry_cohort(dissolutions->registry, id);
    Dissolution *dissolution = dissolution_find(dissolutions, id);
    /* A planted fault may have put another cohort under the id: both counts bound the member. */
    if (!cohort || member >= cohort->count || (dissolution && member >= dissolution->count)) {
        desk_drop(desk, cohort ? DROP_SENDER : DROP_COHORT);
        return;
    }
    if (cohort->leaving && !cohort->left[member])
        send_order(desk, from, id, attempt, DISSOLVE_DONE);
    else if (cohort->leaving)
        desk_drop(desk, DROP_STALE);
    else if (message->status.state == STATUS_CANCELLED)
        take_cancelled(dissolutions, dissolution, from, message);
    else if (!dissolution || dissolution->phase == PHASE_CANCELLING ||
             attempt > dissolution->attempt)
        send_order(desk, from, id, attempt, DISSOLVE_CANCEL);
    else if (attempt < dissolution->attempt)
        desk_drop(desk, DROP_STALE); /* the higher attempt is on its way and cancels this one */
    else if (leaps(cohort->members[member]->report, message->status.report))
        desk_drop(desk, DROP_LEAP);
    else if (message->status.state == STATUS_REFUSED)
        take_refusal(dissolutions, dissolution, message);
    else
        take_status(dissolutions, dissolution, from, message);
}

void dissolve_left(Dissolutions *dissolutions, const Message *message)
{
    const uint64_t id = message->left.cohort;
    const uint16_t member = message->left.member;
    const RegistryCohort *cohort = registry_cohort(dissolutions->registry, id);
    if (!cohort || !cohort->leaving) {
        desk_drop(dissolutions->desk, DROP_COHORT);
        return;
    }
    if (member >= cohort->count || cohort->left[member]) {
        desk_drop(dissolutions->desk, member >= cohort->count ? DROP_SENDER : DROP_DUPLICATE);
        return;
    }
    Coder record = registry_record();
    registry_put_left(&record, id, member);
    registry_commit(dissolutions->registry, &record, dissolutions->desk->effects);
    Dissolution *dissolution = dissolution_find(dissolutions, id);
    INVARIANT(dissolution);
    if (!registry_cohort(dissolutions->registry, id)) {
        answer_success(dissolutions, dissolution);
        dissolution_end(dissolutions, dissolution);
    }
}

/* --- giving up, and time --- */

static void cancel(Dissolutions *dissolutions, Dissolution *dissolution)
{
    dissolution->limit_ns = TIME_NEVER;
    enter_phase(dissolutions, dissolution, PHASE_CANCELLING, TIME_NEVER);
}

/* Blames whoever has been silent long, or else whose transfers or vote are missing. */
static void give_up(Dissolutions *dissolutions, Dissolution *dissolution)
{
    const Tally *tally = dissolution->tally;
    uint16_t silent = tally_most_silent(tally), unsettled = tally_unsettled(tally);
    const RegistryRow *who = first_awaited(dissolution);
    Refusal refusal = REFUSAL_UNSETTLED;
    effects_mark(dissolutions->desk->effects, MARK_BANK_GIVES_DISSOLVING_UP);
    if (dissolutions->desk->now_ns - tally->reports[silent].heard_ns >= DISSOLVE_SILENCE_NS_MAX) {
        refusal = REFUSAL_NO_ANSWER;
        who = dissolution->members[silent];
    } else if (!who) {
        who = dissolution->members[unsettled < dissolution->count ? unsettled : silent];
    }
    asker_refuse(dissolutions->askers, &dissolution->asker, refusal, &who->line.name);
    dissolution->answered = true;
    cancel(dissolutions, dissolution);
}

/* The end of an attempt, of the pause after it, or of the grace; a cancelling has none. */
static void phase_over(Dissolutions *dissolutions, Dissolution *dissolution)
{
    if (dissolution->phase == PHASE_QUIESCING || dissolution->phase == PHASE_PREPARING)
        effects_mark(dissolutions->desk->effects, MARK_BANK_ATTEMPT_OUT_OF_TIME);
    if (dissolution->phase != PHASE_LEAVING) {
        begin_attempt(dissolutions, dissolution);
        return;
    }
    answer_success(dissolutions, dissolution);
    dissolution->phase_ns = TIME_NEVER;
    dissolution_schedule(dissolutions, dissolution);
}

void dissolve_due(Dissolutions *dissolutions, DeskTask *task)
{
    Dissolution *dissolution = (Dissolution *)task;
    BankDesk *desk = dissolutions->desk;
    if (desk->now_ns >= dissolution->limit_ns) {
        give_up(dissolutions, dissolution);
    } else if (desk->now_ns >= dissolution->phase_ns) {
        phase_over(dissolutions, dissolution);
    } else {
        tell_awaited(desk, dissolution);
        desk_retry_again(desk, &dissolution->retry);
        dissolution_schedule(dissolutions, dissolution);
    }
}

void dissolutions_stop(Dissolutions *dissolutions)
{
    for (GList *link = dissolutions->list.head; link; link = link->next) {
        Dissolution *dissolution = link->data;
        if (dissolution->phase == PHASE_LEAVING)
            answer_success(dissolutions, dissolution);
        else if (!dissolution->answered) {
            asker_stop(dissolutions->askers, &dissolution->asker);
            cancel(dissolutions, dissolution);
        }
    }
}

bool dissolutions_idle(const Dissolutions *dissolutions, char *why, size_t capacity)
{
    if (!dissolutions->list.head)
        return true;
    const Dissolution *dissolution = dissolutions->list.head->data;
    const RegistryRow *awaited = first_awaited(dissolution);
    char number[MONEY_TEXT_MAX];
    g_strlcpy(why, "the dissolving of cohort ", capacity);
    g_strlcat(why, number_text(dissolution->cohort, number), capacity);
    g_strlcat(why, " waits for ", capacity);
    g_strlcat(why, awaited ? awaited->line.name.text : "its transfers to arrive", capacity);
    return false;
}

/* --- coding --- */

/* What follows cohort and count. */
static void code_rest(const Dissolutions *dissolutions, Coder *coder, Dissolution *dissolution)
{
    int phase = (int)dissolution->phase;
    desk_code_task(&dissolution->task, coder);
    for (uint16_t i = 0; i < dissolution->count; i++) {
        registry_code_place(dissolutions->registry, coder, &dissolution->members[i]);
        if (!dissolution->members[i])
            coder->failed = true;
    }
    asker_code(coder, &dissolution->asker);
    code_bool(coder, &dissolution->answered);
    code_enum(coder, &phase, PHASES);
    dissolution->phase = (Phase)phase;
    code_u64(coder, &dissolution->attempt);
    desk_code_retry(&dissolution->retry, coder);
    code_u64(coder, &dissolution->limit_ns);
    code_u64(coder, &dissolution->phase_ns);
    if (dissolution->phase == PHASE_LEAVING)
        return;
    if (coder->decoding)
        dissolution->tally = tally_new(dissolution->count);
    tally_code(dissolution->tally, coder);
}

static void decode_dissolution(Dissolutions *dissolutions, Coder *coder)
{
    uint64_t cohort;
    uint16_t count;
    code_u64(coder, &cohort);
    code_u16(coder, &count);
    const RegistryCohort *known = registry_cohort(dissolutions->registry, cohort);
    if (!known || known->count != count) {
        coder->failed = true;
        return;
    }
    Dissolution *dissolution = dissolution_new(cohort, count);
    code_rest(dissolutions, coder, dissolution);
    dissolution_enter(dissolutions, dissolution);
    dissolution_schedule(dissolutions, dissolution);
}

void dissolutions_code(Dissolutions *dissolutions, Coder *coder)
{
    uint32_t count = dissolutions->list.length;
    code_u32(coder, &count);
    GList *link = dissolutions->list.head;
    for (uint32_t i = 0; i < count && !coder->failed; i++) {
        if (coder->decoding) {
            decode_dissolution(dissolutions, coder);
            continue;
        }
        Dissolution *dissolution = link->data;
        link = link->next;
        code_u64(coder, &dissolution->cohort);
        code_u16(coder, &dissolution->count);
        code_rest(dissolutions, coder, dissolution);
    }
}
