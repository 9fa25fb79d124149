/* Names, ids, money, addresses and limits: the vocabulary every other file uses. */
#ifndef COHORT_TYPES_H
#define COHORT_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COHORT_VERSION "0.1.0"

/* --- limits; every limit of the protocol has its name here --- */

enum {
    NAME_BYTES_MAX = 31,       /* letters of a customer's name, without the NUL */
    DATAGRAM_BYTES_MAX = 1200, /* one UDP payload; never fragmented on usual paths */
    MEMBERS_MAX = 1000,        /* customers in one cohort */
    SKIPS_PER_COVERAGE_MAX = 64,
    MEMBERS_PER_MESSAGE_MAX = 20,           /* rows of a JOIN proposal in one message */
    COUNTS_PER_MESSAGE_MAX = 40,            /* rows of a STATUS report in one message */
    ANSWER_CHUNK_BYTES_MAX = 1000,          /* part of a bank's answer in one message */
    PORT_FIRST = 8500,                      /* the ports a customer or bank may use ... */
    PORT_LAST = 8999,                       /* ... unless --any-port lifts the range */
    MONEY_TEXT_MAX = 24,                    /* "90071992547409.91" and a NUL, with room */
    ADDRESS_TEXT_MAX = 24,                  /* "255.255.255.255:65535" and a NUL */
    INSTANCE_TEXT_MAX = NAME_BYTES_MAX + 22 /* "NAME.18446744073709551615" and a NUL */
};
static_assert(MEMBERS_MAX <= UINT16_MAX - 2, "member indices leave room for the special senders");

/* Money is a count of minor units (1/100); never floating point. */
typedef int64_t Money;
#define AMOUNT_MAX INT64_C(9007199254740991) /* 90071992547409.91 */

/* Unused bytes are NUL, so that names compare and hash as memory. */
typedef struct Name {
    char text[NAME_BYTES_MAX + 1];
} Name;

/* IPv4 in host byte order; {0, 0} is "none". */
typedef struct Address {
    uint32_t ip;
    uint16_t port;
} Address;

/* One customer as the bank introduces it to its cohort. */
typedef struct Member {
    Name name;
    uint32_t ip;
    uint16_t port1; /* to the bank */
    uint16_t port2; /* to peers */
    uint64_t epoch; /* the process's starts, when it was there: the greater is the later word */
} Member;

/* One run of the checkpoint or rollback algorithm: (initiator, number). Numbers of one initiator
 * grow and are never used twice. number == 0 is "no instance". */
typedef struct Instance {
    uint16_t initiator; /* index in the cohort's member list */
    uint64_t number;
} Instance;

#define TIME_NEVER UINT64_MAX
#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

bool name_valid(const char *text);           /* a letter, then letters, digits, - or _; <= 31 */
bool name_set(Name *name, const char *text); /* false (and name untouched) when not valid */
bool name_equal(const Name *a, const Name *b);
int name_compare(const Name *a, const Name *b); /* byte order, as strcmp */

/* "12", "12.5", "12.50": at most two fraction digits, at most AMOUNT_MAX. Returns NULL and sets
 * *amount, or a reason for people, and leaves *amount alone. Zero is accepted only by
 * money_parse_balance. */
const char *money_parse_amount(const char *text, Money *amount);
const char *money_parse_balance(const char *text, Money *amount);
/* The same up to INT64_MAX: what somebody holds who was sent more than AMOUNT_MAX in all. */
const char *money_parse_held(const char *text, Money *amount);
/* "100" when whole, else "100.50"; at least MONEY_TEXT_MAX bytes of room. Returns text. */
char *money_text(Money amount, char text[static MONEY_TEXT_MAX]);

bool ip_parse(const char *text, uint32_t *ip);          /* dotted quad */
bool number_parse(const char *text, uint64_t *number);  /* decimal digits alone, no overflow */
bool port_parse(const char *text, uint16_t *port);      /* 1 .. 65535 */
bool address_parse(const char *text, Address *address); /* IP:PORT, port 1 .. 65535 */
char *ip_text(uint32_t ip, char text[static ADDRESS_TEXT_MAX]);
char *address_text(Address address, char text[static ADDRESS_TEXT_MAX]);
char *number_text(uint64_t number, char text[static MONEY_TEXT_MAX]);
bool address_equal(Address a, Address b);
/* "NAME.NUMBER", as results and traces show an instance. */
char *instance_text(const Name *initiator, uint64_t number, char text[static INSTANCE_TEXT_MAX]);

#endif
