/* A stranger who knows much: messages of every kind with fields in their range, drawn at random
 * near what the process that is to get them holds. */
#ifndef COHORT_TESTS_STRANGER_H
#define COHORT_TESTS_STRANGER_H

#include "core/process.h"

enum { STRANGER_MEMBERS = 3, STRANGER_IP = 0x7f000001 };

void stranger_seed(uint64_t first);
uint64_t below(uint64_t bound); /* 0 .. bound-1 */
bool one_in(uint64_t count);
/* Mostly the truth, so that the message gets deep. */
uint64_t near(uint64_t truth);
uint16_t index_near(uint64_t truth); /* of a member */

/* What a message may speak of. */
typedef struct Truth {
    uint64_t cohort;
    uint64_t attempt;
    uint64_t id;
    uint64_t number;
    uint64_t client;
    uint64_t version;
    uint16_t member;
    uint16_t count;
    Name names[MEMBERS_PER_MESSAGE_MAX];
    const Process *process; /* NULL: a bank */
    const Channel *channel; /* ... its channel to the sender, or NULL */
} Truth;

void draw_message(const Truth *truth, int kind, Message *message);

#endif
