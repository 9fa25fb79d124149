/* A bank under test, with customers made of paper: their datagrams are written by hand, and what
 * the bank sends, saves and says is kept for the test to look at.
 *
 * Customer i is called "ci", runs as client 1000+i, and is reached at 127.0.0.1, ports
 * 8500+2i (to the bank) and 8501+2i. */
#ifndef COHORT_TESTS_OFFICE_H
#define COHORT_TESTS_OFFICE_H

#include <glib.h>

#include "core/bank.h"

typedef struct OfficeSent {
    Address to;
    Message message;
    size_t effect; /* its datagram's place among the effects of its step */
} OfficeSent;

typedef struct Office {
    BankConfig config;
    Bank *bank;
    Effects *effects;
    uint64_t now_ns;
    GPtrArray *journal;  /* GBytes: every record since the beginning */
    GHashTable *cookies; /* port -> uint64_t: the last that came to it */
    GHashTable *bytes;   /* port -> size_t: that ever came to it */
    /* Of the last action: */
    GArray *sent;      /* OfficeSent */
    GArray *notices;   /* Notice; their members are the office's */
    GArray *saved_at;  /* size_t: places of the saves among the effects of their step */
    GByteArray *trail; /* every effect of every action, for comparing two offices */
    bool ended;
} Office;

enum { OFFICE_IP = 0x7f000001 };

Office *office_new(uint64_t seed); /* started */
/* Another bank that has the encoded state of this one, and customers that have its cookies. */
Office *office_clone(const Office *office);
/* Another bank that was loaded with all records of this one, and started. */
Office *office_restart(const Office *office);
void office_free(Office *office);

/* --- actions; each begins by forgetting what the last one brought --- */
void office_command(Office *office, const char *line); /* at the console, tag 7 */
/* With the cookie that last came to the customer; a REQUEST asks for one first. */
void office_say(Office *office, int customer, const Message *message);
uint64_t office_cookie(const Office *office, int customer); /* 0: none yet */
size_t office_bytes(const Office *office, int customer);    /* ever sent to its port */
void office_receive(Office *office, Address from, const uint8_t *bytes, size_t length);
void office_wait(Office *office, uint64_t duration_ns); /* with every timeout on the way */
void office_stop(Office *office);

/* --- what a customer says --- */
Message office_request(int customer, uint64_t number, CommandKind kind, int about);
Message office_vote(int customer, ProposalKind proposal, uint64_t id, Refusal refusal);
Message office_outcome_ack(int customer, ProposalKind proposal, uint64_t id);
/* All parts in one: cohorts of the tests are small. Counts are zeros. */
Message office_status(uint64_t cohort, uint16_t member, uint16_t total, uint64_t attempt,
                      uint64_t version, StatusState state, Money balance);

/* --- common doings --- */
void office_open(Office *office, int customer, const char *balance); /* with its process's yes */
/* Opens c1 .. cN and forms a cohort of all, c1 first; its id. */
uint64_t office_cohort(Office *office, int count);
/* delete-cohort of it, up to the votes: everyone is quiet and has been asked to vote. */
uint64_t office_quiesce(Office *office, uint64_t cohort, int count); /* the attempt */

/* --- what the bank said --- */
Name office_name(int customer);
Address office_address(int customer);
BankRow office_row(const Office *office, int customer);
/* How many messages of the kind went to the customer; 0: to anyone. */
size_t office_count(const Office *office, MessageKind kind, int customer);
/* The last of them, which must exist. */
const OfficeSent *office_last(const Office *office, MessageKind kind, int customer);
/* The only notice of the last action. */
Notice office_notice(const Office *office);
void office_expect_failure(Notice notice, Refusal refusal);
/* The answer to the customer, put together from its chunks; members are static. */
Notice office_answer(const Office *office, int customer);

#endif
