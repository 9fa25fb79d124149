/* Unsigned integers of 128 bits, for exact products and quotients of 64-bit ones.
 *
 * Not every machine's compiler has them, and a run must be the same on all: so they are reached
 * only through these functions, which use the compiler's own where it has any. */
#ifndef COHORT_WIDE_H
#define COHORT_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SIZEOF_INT128__) && !defined(COHORT_WIDE_BY_HALVES)

__extension__ typedef unsigned __int128 Wide;

static inline Wide wide_of(uint64_t value)
{
    return value;
}

static inline uint64_t wide_low(Wide value)
{
    return (uint64_t)value;
}

static inline Wide wide_product(uint64_t a, uint64_t b)
{
    return (Wide)a * b;
}

static inline Wide wide_sum(Wide a, Wide b)
{
    return a + b;
}

static inline bool wide_less(Wide a, Wide b)
{
    return a < b;
}

static inline Wide wide_shift_right(Wide value, unsigned bits)
{
    return value >> bits;
}

static inline Wide wide_divide(Wide value, Wide divisor, Wide *remainder)
{
    *remainder = value % divisor;
    return value / divisor;
}

#else

typedef struct Wide {
    uint64_t high;
    uint64_t low;
} Wide;

static inline Wide wide_of(uint64_t value)
{
    return (Wide){0, value};
}

static inline uint64_t wide_low(Wide value)
{
    return value.low;
}

static inline Wide wide_sum(Wide a, Wide b)
{
    uint64_t low = a.low + b.low;
    return (Wide){a.high + b.high + (low < a.low), low};
}

/* As on paper, with digits of 32 bits. */
static inline Wide wide_product(uint64_t a, uint64_t b)
{
    uint64_t a_high = a >> 32;
    uint64_t b_high = b >> 32;
    uint64_t a_low = (uint32_t)a;
    uint64_t b_low = (uint32_t)b;
    uint64_t low = a_low * b_low;
    uint64_t middle = a_high * b_low + (low >> 32); /* at most 2^64 - 2^32 */
    uint64_t other = a_low * b_high + (uint32_t)middle;
    return (Wide){a_high * b_high + (middle >> 32) + (other >> 32), other << 32 | (uint32_t)low};
}

static inline bool wide_less(Wide a, Wide b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* bits < 128 */
static inline Wide wide_shift_right(Wide value, unsigned bits)
{
    if (bits == 0)
        return value;
    if (bits >= 64)
        return (Wide){0, value.high >> (bits - 64)};
    return (Wide){value.high >> bits, value.high << (64 - bits) | value.low >> bits};
}

/* Bit by bit from the top; divisor > 0. */
static inline Wide wide_divide(Wide value, Wide divisor, Wide *remainder)
{
    Wide quotient = {0, 0};
    Wide rest = {0, 0};
    for (int bit = 127; bit >= 0; bit--) {
        bool over = rest.high >> 63; /* the rest has one bit more for a moment */
        rest = wide_sum(rest, rest);
        rest.low |= wide_shift_right(value, (unsigned)bit).low & 1;
        quotient = wide_sum(quotient, quotient);
        if (!over && wide_less(rest, divisor))
            continue;
        uint64_t borrow = rest.low < divisor.low;
        rest = (Wide){rest.high - divisor.high - borrow, rest.low - divisor.low};
        quotient.low |= 1;
    }
    *remainder = rest;
    return quotient;
}

#endif

/* value / divisor, when the quotient is known to have 64 bits. */
static inline uint64_t wide_quotient(Wide value, uint64_t divisor)
{
    Wide remainder;
    return wide_low(wide_divide(value, wide_of(divisor), &remainder));
}

#endif
