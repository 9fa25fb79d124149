/* What checkpoint, rollback and channels decide, told as trace records and notices. */
#ifndef COHORT_REPORT_H
#define COHORT_REPORT_H

#include "core/process.h"

/* TENTATIVE, PERMANENT, DISCARDED, ROLLED_BACK of `snapshot`. */
void report_snapshot(const Process *process, Step *step, TraceKind kind, Instance instance,
                     const Snapshot *snapshot, uint64_t undone);
void report_lost(const Process *process, Step *step, uint16_t peer, uint64_t label, Money amount);
void report_missing(const Process *process, Step *step, uint16_t peer, uint64_t label);
/* NOTICE_OPEN_LOSSES, if there are any: they are about to become permanent. */
void report_open_losses(const Process *process, Step *step);
void report_received(const Process *process, Step *step, uint16_t peer, uint64_t label,
                     Money amount);
/* NOTICE_PERMANENT or NOTICE_ROLLED_BACK, for who did not ask for it. */
void report_decided(const Process *process, Step *step, NoticeKind kind, Instance instance,
                    uint64_t undone);
/* The members of a bitmap: the initiator first, the others by name. In the step's effects. */
Member *report_participants(const Process *process, Step *step, const uint8_t *bits, size_t *count);
void report_dropped(Step *step, uint64_t inc, const Name *peer, DropReason reason);

#endif
