/* What travels between the processes of an exploration: the network is a set of these, each of
 * which may be delivered at any time, any number of times.
 *
 * A *mail* is what can still matter of a datagram. Two datagrams are the same mail if they differ
 * only in what their receiver does not look at: the incarnations, unless there is a message that
 * is judged by them, and where an acknowledgement starts, as long as all it could say of earlier
 * labels is that they were received. A message is dead, and left out, when its delivery changes
 * nothing from now on, whatever happens, and asks for no answer that would: of an incarnation that
 * is over, of an instance that is over at both ends, told before. mail_alive says what is left.
 *
 * These rules stand on what only grows: incarnations, finished instances, versions. The explorer
 * checks each of them when it is used (see explore_local.h), and a test compares what is reached
 * with and without them. */
#ifndef COHORT_EXPLORE_MAIL_H
#define COHORT_EXPLORE_MAIL_H

#include "core/canonical.h"
#include "sim/explore_pool.h"

#define MAIL_DEAD POOL_NONE

/* Process i takes the place of process to[i]. */
typedef struct Permutation {
    uint8_t to[STANDING_PEERS_MAX];
} Permutation;

typedef struct Mails Mails;

/* ips: by member. plain: no transfer can become a skip. */
Mails *mails_new(uint64_t cohort, uint16_t members, const uint32_t *ips, bool plain);
void mails_free(Mails *mails);

/* All messages of a sound datagram. */
uint32_t mails_of(Mails *mails, const uint8_t *datagram, size_t length);
/* The mail that is left of it, or MAIL_DEAD, where sender and receiver stand so. steady: nobody
 * will crash any more. */
uint32_t mails_alive(Mails *mails, uint32_t mail, const Standing *from, const Standing *to,
                     bool steady);
/* With all processes permuted. */
uint32_t mails_image(Mails *mails, uint32_t mail, const Permutation *permutation);

uint16_t mails_from(const Mails *mails, uint32_t mail);
uint16_t mails_to(const Mails *mails, uint32_t mail);
/* A datagram that says this and nothing else. */
const uint8_t *mails_datagram(const Mails *mails, uint32_t mail, size_t *length);
uint64_t mails_bytes(const Mails *mails); /* of memory */

#endif
