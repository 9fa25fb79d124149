#include "core/bank_cookie.h"

#include "core/random.h"

CookieKey cookie_key(uint64_t seed)
{
    CookieKey key;
    key.words[0] = random_next(&seed);
    key.words[1] = random_next(&seed);
    return key;
}

typedef struct Sip {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
} Sip;

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static void sip_round(Sip *sip)
{
    sip->v0 += sip->v1;
    sip->v2 += sip->v3;
    sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
    sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
    sip->v0 = rotate(sip->v0, 32);
    sip->v2 += sip->v1;
    sip->v0 += sip->v3;
    sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
    sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
    sip->v2 = rotate(sip->v2, 32);
}

static void sip_take(Sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    sip_round(sip);
    sip_round(sip);
    sip->v0 ^= word;
}

uint64_t cookie_hash(const CookieKey *key, uint64_t first, uint64_t second)
{
    Sip sip = {.v0 = key->words[0] ^ UINT64_C(0x736f6d6570736575),
               .v1 = key->words[1] ^ UINT64_C(0x646f72616e646f6d),
               .v2 = key->words[0] ^ UINT64_C(0x6c7967656e657261),
               .v3 = key->words[1] ^ UINT64_C(0x7465646279746573)};
    sip_take(&sip, first);
    sip_take(&sip, second);
    sip_take(&sip, UINT64_C(16) << 56); /* the length, in the last byte of the last word */
    sip.v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(&sip);
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

static uint64_t cookie_of_period(const CookieKey *key, Address address, uint64_t period)
{
    uint64_t place = (uint64_t)address.ip << 16 | address.port;
    uint64_t hash = cookie_hash(key, place, period);
    return hash != 0 ? hash : 1; /* 0 is no cookie */
}

uint64_t cookie_make(const CookieKey *key, Address address, uint64_t now_ns)
{
    return cookie_of_period(key, address, now_ns / COOKIE_PERIOD_NS);
}

bool cookie_holds(const CookieKey *key, Address address, uint64_t now_ns, uint64_t cookie)
{
    uint64_t period = now_ns / COOKIE_PERIOD_NS; /* before the first comes one that is never now */
    return cookie == cookie_of_period(key, address, period) ||
           cookie == cookie_of_period(key, address, period - 1);
}
