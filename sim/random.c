#include "sim/random.h"

#include "core/panic.h"
#include "sim/wide.h"

/* Fixed point: a value v in "Qn" stands for v / 2^n. */
#define LN2_Q32 UINT64_C(2977044472) /* ln 2 */
#define LN2_Q62 UINT64_C(3196577161300663914)
#define LOG2_E_Q32 UINT64_C(6196328019) /* 1 / ln 2 */

uint64_t stream_start(uint64_t seed, Stream stream, uint64_t number)
{
    /* Three rounds of the generator's own mixing, one per part, so that neighbouring seeds,
     * streams and numbers start far apart. */
    uint64_t state = seed;
    state = random_next(&state) ^ (uint64_t)stream;
    state = random_next(&state) ^ number;
    return random_next(&state);
}

bool draw_chance(uint64_t *state, uint32_t parts_per_billion)
{
    return random_below(state, CHANCE_ONE) < parts_per_billion;
}

uint64_t draw_uniform(uint64_t *state, uint64_t first, uint64_t last)
{
    INVARIANT_THAT(first, <=, last);
    uint64_t span = last - first;
    return first + (span == UINT64_MAX ? random_next(state) : random_below(state, span + 1));
}

/* a * b / 2^bits, rounded down; its low 64 bits. */
static uint64_t scaled_product(uint64_t a, uint64_t b, unsigned bits)
{
    return wide_low(wide_shift_right(wide_product(a, b), bits));
}

/* log2(value) in Q32, value > 0: the exponent, then one fraction bit per squaring. */
static uint64_t log2_q32(uint64_t value)
{
    unsigned shift = (unsigned)__builtin_clzll(value);
    uint64_t mantissa = value << shift; /* in [2^63, 2^64): 1 <= m < 2 */
    uint64_t result = 63 - shift;
    for (int bit = 0; bit < 32; bit++) {
        Wide square = wide_product(mantissa, mantissa); /* in [2^126, 2^128): 1 <= m^2 < 4 */
        unsigned carry = (unsigned)wide_low(wide_shift_right(square, 127));
        mantissa = wide_low(wide_shift_right(square, 63 + carry));
        result = result << 1 | carry;
    }
    return result;
}

/* -ln(value / 2^bits) in Q32, 0 < value <= 2^bits <= 2^63. */
static uint64_t minus_ln_q32(uint64_t value, unsigned bits)
{
    uint64_t minus_log2 = ((uint64_t)bits << 32) - log2_q32(value);
    return scaled_product(minus_log2, LN2_Q32, 32);
}

uint64_t draw_exponential(uint64_t *state, uint64_t mean)
{
    INVARIANT_THAT(mean, <=, DRAW_SCALE_MAX);
    uint64_t u = (random_next(state) >> 1) + 1; /* 1 .. 2^63: never ln 0 */
    return scaled_product(minus_ln_q32(u, 63), mean, 32);
}

/* The largest r with r * r <= value, bit by bit from the top. */
static uint64_t square_root(uint64_t value)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1) {
        uint64_t attempt = root | bit;
        if (attempt * attempt <= value)
            root = attempt;
    }
    return root;
}

/* Marsaglia's polar method (SIAM Review 6, 1964): a point (x, y) uniform in the unit disc, at
 * squared distance s from its centre, gives z = x / sqrt(s) * sqrt(-2 ln s). */
int64_t draw_normal(uint64_t *state)
{
    const int64_t one = INT64_C(1) << 30;
    int64_t x;
    uint64_t s; /* Q60 */
    do {
        uint64_t draw = random_next(state);
        x = (int64_t)(draw >> 33) - one; /* Q30, in [-1, 1) */
        int64_t y = (int64_t)(draw << 31 >> 33) - one;
        s = (uint64_t)(x * x + y * y);
    } while (s == 0 || s >= UINT64_C(1) << 60);
    uint64_t radius = square_root(minus_ln_q32(s, 60) << 25); /* Q28: 2^25 = 2 * 2^24 */
    return x * (int64_t)radius / (int64_t)square_root(s);
}

/* 2^fraction in Q62 for a fraction in Q32, 0 <= fraction < 1: the series of e^(fraction * ln 2). */
static uint64_t exp2_q62(uint32_t fraction)
{
    uint64_t exponent = scaled_product(LN2_Q62, fraction, 32);
    uint64_t term = UINT64_C(1) << 62;
    uint64_t sum = 0;
    for (uint64_t n = 1; term > 0; n++) {
        sum += term;
        term = scaled_product(term, exponent, 62) / n;
    }
    return sum;
}

/* An exponent of e, Q28 -> the same of 2, Q32, rounded down. */
static int64_t log2_of_exp_q32(int64_t exponent)
{
    if (exponent >= 0)
        return (int64_t)scaled_product((uint64_t)exponent, LOG2_E_Q32, 28);
    Wide product = wide_product(-(uint64_t)exponent, LOG2_E_Q32);
    Wide up = wide_of((UINT64_C(1) << 28) - 1);
    return -(int64_t)wide_low(wide_shift_right(wide_sum(product, up), 28));
}

uint64_t draw_lognormal(uint64_t *state, uint64_t median, uint32_t sigma_milli)
{
    INVARIANT_THAT(median, >, 0);
    INVARIANT_THAT(median, <=, DRAW_SCALE_MAX);
    INVARIANT_THAT(sigma_milli, <=, SIGMA_MILLI_MAX);
    int64_t exponent = draw_normal(state) * (int64_t)sigma_milli / 1000; /* of e, Q28 */
    int64_t power = log2_of_exp_q32(exponent);
    int64_t whole = power >> 32;
    uint64_t part = exp2_q62((uint32_t)power);
    if (whole < 0)
        return whole < -60 ? 0 : scaled_product(median, part, (unsigned)(62 - whole));
    bool fits = whole < 56 && scaled_product(median, part, 62) < DRAW_RESULT_MAX >> whole;
    return fits ? scaled_product(median, part, (unsigned)(62 - whole)) : DRAW_RESULT_MAX;
}

uint64_t delay_draw(const Delay *delay, uint64_t *state)
{
    switch (delay->kind) {
    case DELAY_CONSTANT:
        return delay->a_ns;
    case DELAY_UNIFORM:
        return draw_uniform(state, delay->a_ns, delay->b_ns);
    case DELAY_EXPONENTIAL:
        return draw_exponential(state, delay->a_ns);
    case DELAY_LOGNORMAL:
        return draw_lognormal(state, delay->a_ns, delay->sigma_milli);
    }
    panic(__FILE__, __LINE__, "a delay of a known kind", delay->kind, DELAY_LOGNORMAL);
}
