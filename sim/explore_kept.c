#include "sim/explore_kept.h"

#include <string.h>

#include "core/panic.h"

Kept kept_of(const TraceEvent *event)
{
    Kept kept;
    memset(&kept, 0, sizeof kept); /* the padding too: what is kept is compared as bytes */
    kept.event.kind = event->kind;
    kept.event.inc = event->inc;
    kept.event.peer = event->peer;
    kept.event.amount = event->amount;
    kept.event.balance = event->balance;
    kept.event.label = event->label;
    kept.event.cohort = event->cohort;
    kept.event.initiator = event->initiator;
    kept.event.number = event->number;
    kept.event.undone = event->undone;
    kept.event.count_count = event->count_count;
    kept.event.member_count = event->member_count;
    INVARIANT_THAT(event->count_count, <=, STANDING_PEERS_MAX);
    INVARIANT_THAT(event->member_count, <=, STANDING_PEERS_MAX);
    for (size_t i = 0; i < event->count_count; i++) {
        kept.counts[i].peer = event->counts[i].peer;
        kept.counts[i].sent = event->counts[i].sent;
        kept.counts[i].received = event->counts[i].received;
    }
    for (size_t i = 0; i < event->member_count; i++)
        kept.members[i] = event->members[i];
    return kept;
}

TraceEvent kept_event(const Kept *kept)
{
    TraceEvent event = kept->event;
    event.counts = kept->counts;
    event.members = kept->members;
    return event;
}
