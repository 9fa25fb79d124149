/* One process of a cohort, alone: messages are handed to its modules one by one, and what it does
 * is read off its state. For what no run of sound processes comes to, or hardly ever. */
#ifndef COHORT_TESTS_LONE_H
#define COHORT_TESTS_LONE_H

#include "core/process.h"

enum { PARENT, SELF, CHILD, LONE_MEMBERS };

#define LONE_NOW_NS (100 * NS_PER_S)
#define LONE_BALANCE 1000

typedef struct Lone {
    Process process;
    Step step;
} Lone;

/* For cmocka: *state becomes a Lone, a member in its first step. */
int lone_set_up(void **state);
int lone_tear_down(void **state);

/* The message owed last, which must be to this peer and of this kind. */
const Message *lone_owed(const Lone *lone, uint16_t to, MessageKind kind);
/* ... an answer: says this in this instance. */
void lone_expect_answer(const Lone *lone, uint16_t to, MessageKind kind, Instance instance,
                        Answer answer);
/* Nothing is owed to anybody any more. */
void lone_forget_owed(Lone *lone);

/* How many transfers it has sent to and received from this peer; those up to `perm_out` and
 * `perm_in` are in the permanent checkpoint. */
void lone_sent(Lone *lone, uint16_t peer, uint64_t perm_out, uint64_t out);
void lone_received(Lone *lone, uint16_t peer, uint64_t perm_in, uint64_t in);

/* The notice of this kind of the last step; NULL: there is none. */
const Notice *lone_notice(const Lone *lone, NoticeKind kind);

#endif
