/* What a process has to say to its peers, put into datagrams.
 *
 * Answers are owed once and forgotten: whoever asked will ask again. Everything else - requests,
 * decisions, what may be released, transfers - is read off the state when its timer says so, and
 * therefore always carries the current incarnations. Messages to one peer share datagrams. */
#ifndef COHORT_COMPOSE_H
#define COHORT_COMPOSE_H

#include "core/process.h"

/* Owes `peer` one message; it leaves with the step's flush. */
void compose_owe(Process *process, uint16_t peer, const Message *message);
/* Control messages to `peer` are due now. */
void compose_hurry(Process *process, uint16_t peer, const Step *step);
/* An answer came from `peer`: its control timer starts afresh. */
void compose_heard(Process *process, uint16_t peer);
/* Sends everything owed and due to every peer. Unless `quiet`, which keeps transfers back. */
void compose_flush(Process *process, Step *step, bool quiet);
uint64_t compose_deadline(const Process *process, bool quiet);

#endif
