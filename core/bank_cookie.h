/* Proof that whoever sends from an address also receives there: the bank puts a cookie for the
 * address it sends to into every datagram, and acts on a request only when it comes with the cookie
 * of the address that it came from (compare RFC 9000, section 8.1, and RFC 4987). Nothing is
 * remembered of those who have no cookie, and they are told nothing that is longer than what they
 * said: a forged sender costs the bank nothing, and gains its victim nothing. */
#ifndef COHORT_BANK_COOKIE_H
#define COHORT_BANK_COOKIE_H

#include "core/types.h"

/* A cookie holds for the period it was made in and the next one. */
#define COOKIE_PERIOD_NS (600 * NS_PER_S)

typedef struct CookieKey {
    uint64_t words[2];
} CookieKey;

CookieKey cookie_key(uint64_t seed);
uint64_t cookie_make(const CookieKey *key, Address address, uint64_t now_ns); /* never 0 */
bool cookie_holds(const CookieKey *key, Address address, uint64_t now_ns, uint64_t cookie);
/* SipHash-2-4 (Aumasson, Bernstein, 2012) of sixteen bytes, as two little-endian words. */
uint64_t cookie_hash(const CookieKey *key, uint64_t first, uint64_t second);

#endif
