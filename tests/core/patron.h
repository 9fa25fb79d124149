/* One customer under test, with a bank made of paper: what the bank says is written by hand, and
 * what the customer says to it, saves and tells its user is kept for the test to look at. Whoever
 * else is in its cohort does not speak.
 *
 * It is client 77, reached at 127.0.0.1, ports 8501 and 8502. */
#ifndef COHORT_TESTS_PATRON_H
#define COHORT_TESTS_PATRON_H

#include "core/customer.h"

enum {
    PATRON_CLIENT = 77,
    PATRON_IP = 0x7f000001,
    PATRON_PORT1 = 8501,
    PATRON_PORT2 = 8502,
    PATRON_BALANCE = 500
};

typedef struct Patron {
    CustomerConfig config;
    Customer *customer;
    Effects *effects; /* of the last step */
    Shelf *shelf;     /* what is on its disk */
    uint64_t now_ns;
} Patron;

Patron *patron_new(const char *resume); /* started; with this --name, or NULL */
Patron *patron_with_account(void);      /* "a", as the bank's console opened it */
Patron *patron_member(uint16_t count);  /* of cohort 1, of so many */
void patron_free(Patron *patron);

/* --- what happens to it --- */
void patron_stop(Patron *patron);  /* in good order */
void patron_crash(Patron *patron); /* kill -9 if it has not stopped, and a new process, --name a */
void patron_command(Patron *patron, const char *line); /* tag 7 */
void patron_wait(Patron *patron, uint64_t ns);
void patron_hear(Patron *patron, const Message *message);
void patron_say(Patron *patron, Message message); /* the same */
void patron_decide(Patron *patron, ProposalKind kind, uint64_t id, const char *name, bool commit);
void patron_answer(Patron *patron, uint64_t number, Notice answer);
void patron_fail_request(Patron *patron, uint64_t number, CommandKind kind);

/* --- what a bank says --- */
Name patron_name(const char *text);
Message patron_proposal(ProposalKind kind, uint64_t id, const char *name);
/* Members "a", "m1", "m2" ..., as many as `total`; `count` from `first` on are in the message. */
Message patron_join_part(uint64_t id, uint16_t total, uint16_t first, uint16_t count);

/* --- what came of the last step --- */
/* The last message of this kind to the bank. */
bool patron_said(const Patron *patron, MessageKind kind, Message *message);
/* ... and how many there were. */
size_t patron_times_said(const Patron *patron, MessageKind kind, Message *last);
bool patron_silent(const Patron *patron, MessageKind kind);
void patron_expect_vote(const Patron *patron, ProposalKind kind, uint64_t id, Refusal refusal);
const Notice *patron_told(const Patron *patron, NoticeKind kind); /* or NULL */
/* And ever: */
bool patron_on_disk(const Patron *patron, Slot slot);
uint64_t patron_dropped(const Patron *patron, DropReason reason);

#endif
