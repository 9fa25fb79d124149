/* Bytes as what befalls a bank. The first is the business it is in the midst of; then come acts, of
 * 4 bytes and as many more as the last two of those say: what, who, length. */
#ifndef COHORT_FUZZ_ACTS_H
#define COHORT_FUZZ_ACTS_H

#include <glib.h>

#include "core/wire.h"

typedef enum Business {
    BUSINESS_NONE,
    BUSINESS_ACCOUNTS,
    BUSINESS_COHORT,
    BUSINESS_QUIET, /* to be dissolved, and asked to vote */
    BUSINESS_DISSOLVED,
    BUSINESSES
} Business;

typedef enum ActKind {
    ACT_SAY, /* these messages, with the cookie that its place was given */
    ACT_SAY_WITHOUT_COOKIE,
    ACT_WAIT,
    ACT_COMMAND, /* at the bank's console */
    ACT_RESTART,
    ACT_KINDS
} ActKind;

typedef struct Act {
    ActKind kind;
    uint8_t who;
    size_t at;     /* of all of it */
    size_t body;   /* of what follows the 4 bytes */
    size_t length; /* of that */
} Act;

/* The act at *at, which moves behind it. Whatever the bytes: kinds wrap around, and one that is cut
 * short is as long as there is. False: there is none. */
bool acts_next(const uint8_t *data, size_t size, size_t *at, Act *act);
/* Appends one that says this, or nothing. */
void acts_append(GByteArray *acts, ActKind kind, uint8_t who, const Message *message);
/* One act is left out, said again or changed, or one is put in. */
size_t acts_mutate(uint8_t *data, size_t size, size_t capacity);

#endif
