#include "core/instance.h"

#include <string.h>

#include "core/compose.h"
#include "core/panic.h"
#include "core/random.h"

bool instance_equal(Instance a, Instance b)
{
    return a.initiator == b.initiator && a.number == b.number;
}

static Announcement *announcement_of(const Process *process, Instance instance)
{
    for (guint i = 0; i < process->announcements->len; i++) {
        Announcement *announcement = &g_array_index(process->announcements, Announcement, i);
        if (instance_equal(announcement->instance, instance))
            return announcement;
    }
    return NULL;
}

bool instance_finished(const Process *process, Instance instance, bool *commit)
{
    const Announcement *announcement = announcement_of(process, instance);
    const Finished *finished = &process->peers[instance.initiator].finished;
    if (announcement != NULL) {
        *commit = announcement->commit;
        return true;
    }
    *commit = finished->number == instance.number && finished->commit;
    return instance.number <= finished->number;
}

bool instance_engaged(const Process *process, Instance instance)
{
    return process->engaged != ENGAGED_NOT && instance_equal(process->instance, instance);
}

bool instance_free(const Process *process)
{
    return process->engaged == ENGAGED_NOT && !process->frozen &&
           process->announcements->len < ANNOUNCEMENTS_MAX;
}

Instance instance_next(Process *process)
{
    if (++process->instances > process->instances_reserved) {
        process->instances_reserved = process->instances + INSTANCES_RESERVED - 1;
        process->control_changed = true;
    }
    return (Instance){process->self, process->instances};
}

void instance_engage(Process *process, const Step *step, Engagement kind, Instance instance,
                     uint16_t parent)
{
    INVARIANT(process->engaged == ENGAGED_NOT);
    process->engaged = kind;
    process->instance = instance;
    process->parent = parent;
    process->voted = false;
    process->refused = false;
    process->doubt_told = false;
    process->since_ns = step->now_ns;
    process->query_ns = TIME_NEVER;
    process->query_next = instance.initiator;
    memset(process->participants, 0, sizeof process->participants);
    bit_set(process->participants, process->self, true);
    for (uint16_t i = 0; i < process->count; i++)
        process->peers[i].ask = ASK_NOT;
}

void instance_ask(Process *process, const Step *step, uint16_t index, uint64_t label)
{
    process->peers[index].ask = ASK_WAITING;
    process->peers[index].asked_label = label;
    compose_hurry(process, index, step);
}

bool instance_all_yes(const Process *process)
{
    for (uint16_t i = 0; i < process->count; i++) {
        if (process->peers[i].ask == ASK_WAITING)
            return false;
    }
    return true;
}

bool instance_take_yes(Process *process, uint16_t index, const Message *vote)
{
    Peer *peer = &process->peers[index];
    /* The echo tells the answer from one to an older request of the same instance. */
    if (peer->ask != ASK_WAITING || vote->vote.last_received != peer->asked_label)
        return false;
    compose_heard(process, index);
    if (vote->vote.answer == ANSWER_NO_NEED) {
        peer->ask = ASK_NO_NEED;
        return true;
    }
    peer->ask = ASK_JOINED;
    for (uint16_t i = 0; i < process->count; i++) {
        if (bit_get(vote->vote.participants, i))
            bit_set(process->participants, i, true);
    }
    return true;
}

void instance_answer(Process *process, uint16_t index, MessageKind kind, Instance instance,
                     Answer answer, uint64_t echo)
{
    Message message = {.kind = kind};
    message.vote.instance = instance;
    message.vote.answer = answer;
    message.vote.last_received = echo;
    if (answer == ANSWER_JOINED) {
        message.vote.participant_bytes = (uint16_t)bits_bytes(process->count);
        memcpy(message.vote.participants, process->participants, message.vote.participant_bytes);
    }
    compose_owe(process, index, &message);
}

static void query_later(Process *process, const Step *step)
{
    process->query_ns = step->now_ns + retry_delay_ns(QUERY_AFTER_NS, 0, QUERY_AFTER_NS,
                                                      random_next(&process->random));
}

void instance_vote_yes(Process *process, Step *step)
{
    process->voted = true;
    query_later(process, step);
}

/* Who must hear the decision: in a checkpoint the children that joined, and those who may yet
 * join because they have not answered; in a rollback everybody who may have closed a channel. */
static bool waits_for_decision(const Process *process, uint16_t index)
{
    Ask ask = process->peers[index].ask;
    if (process->engaged == ENGAGED_CHECKPOINT)
        return ask == ASK_JOINED || ask == ASK_WAITING;
    return ask != ASK_NOT;
}

static void acknowledge(Process *process, uint16_t index, Instance instance)
{
    Message message = {.kind = MESSAGE_DECISION_ACK};
    message.instance = instance;
    compose_owe(process, index, &message);
}

static void remember(Process *process, Instance instance, bool commit)
{
    Finished *finished = &process->peers[instance.initiator].finished;
    if (instance.number <= finished->number)
        return;
    *finished = (Finished){instance.number, commit};
    process->control_changed = true;
}

void instance_finish(Process *process, Step *step, bool commit)
{
    Announcement announcement = {
        .instance = process->instance, .commit = commit, .parent = process->parent};
    INVARIANT(process->engaged != ENGAGED_NOT);
    for (uint16_t i = 0; i < process->count; i++) {
        if (waits_for_decision(process, i)) {
            bit_set(announcement.unacked, i, true);
            announcement.waiting++;
            compose_hurry(process, i, step);
        }
        process->peers[i].ask = ASK_NOT;
    }
    remember(process, process->instance, commit);
    if (announcement.waiting > 0)
        g_array_append_val(process->announcements, announcement);
    process->engaged = ENGAGED_NOT;
    process->voted = false;
    process->refused = false;
    process->query_ns = TIME_NEVER;
}

void instance_receive_ack(Process *process, const Step *step, uint16_t index, Instance instance)
{
    Announcement *announcement = announcement_of(process, instance);
    if (announcement == NULL || !bit_get(announcement->unacked, index))
        return;
    bit_set(announcement->unacked, index, false);
    compose_heard(process, index);
    if (--announcement->waiting > 0)
        return;
    if (announcement->parent != process->self) {
        effects_mark(step->effects, MARK_DECISION_AWAITS_CHILDREN);
        acknowledge(process, announcement->parent, instance);
    }
    const Announcement *first = &g_array_index(process->announcements, Announcement, 0);
    g_array_remove_index(process->announcements, (guint)(announcement - first));
    process->control_changed = true;
}

void instance_note_decision(Process *process, uint16_t index, Instance instance, bool commit)
{
    const Announcement *announcement = announcement_of(process, instance);
    remember(process, instance, commit);
    /* Our own subtree comes first: our parent may forget the instance once we acknowledge. */
    if (announcement == NULL || announcement->parent != index)
        acknowledge(process, index, instance);
}

void instance_receive_query(Process *process, const Step *step, uint16_t index, Instance instance)
{
    bool commit;
    Message message = {.kind = MESSAGE_DECISION};
    if (instance_engaged(process, instance)) { /* undecided here too */
        effects_mark(step->effects, MARK_DOUBT_SHARED);
        return;
    }
    /* Presumed abort: an initiator remembers a commit until all who took part know it. Who is not
     * the initiator answers only what it knows for certain. */
    if (!instance_finished(process, instance, &commit)) {
        if (instance.initiator != process->self)
            return;
        effects_mark(step->effects, MARK_DOUBT_PRESUMED_ABORT);
    } else if (instance.initiator != process->self && announcement_of(process, instance) == NULL &&
               process->peers[instance.initiator].finished.number != instance.number) {
        return;
    }
    if (instance.initiator != process->self)
        effects_mark(step->effects, MARK_DOUBT_ENDED_BY_ANOTHER);
    message.decision.instance = instance;
    message.decision.commit = commit;
    compose_owe(process, index, &message);
}

/* "They go on asking it and each other, tell their user who is missing." */
static void tell_doubt(Process *process, const Step *step)
{
    const Name *initiator = &process->peers[process->instance.initiator].member.name;
    if (process->doubt_told || step->now_ns - process->since_ns < DOUBT_NS_MAX)
        return;
    process->doubt_told = true;
    effects_mark(step->effects, MARK_DOUBT_TOLD);
    effects_notify(step->effects, &(Notice){.kind = NOTICE_IN_DOUBT,
                                            .initiator = *initiator,
                                            .number = process->instance.number,
                                            .name = *initiator});
}

void instance_query_soon(Process *process, uint16_t index, const Step *step)
{
    if (process->query_ns == TIME_NEVER || process->instance.initiator != index)
        return;
    effects_mark(step->effects, MARK_INITIATOR_IS_BACK);
    process->query_ns = step->now_ns;
    process->query_next = index;
}

void instance_query_if_due(Process *process, const Step *step)
{
    Message message = {.kind = MESSAGE_QUERY};
    if (process->query_ns > step->now_ns)
        return;
    INVARIANT(process->engaged != ENGAGED_NOT && process->voted);
    tell_doubt(process, step);
    if (process->query_next == process->self)
        process->query_next = (uint16_t)((process->query_next + 1) % process->count);
    message.instance = process->instance;
    compose_owe(process, process->query_next, &message);
    process->query_next = (uint16_t)((process->query_next + 1) % process->count);
    query_later(process, step);
}
