/* A stream of pseudo-random numbers: splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
 *
 * The state is one word that the caller owns and seeds; the same seed gives the same stream on
 * every machine. The core draws retry pauses, jitter and the bank's choice of members from it. */
#ifndef COHORT_RANDOM_H
#define COHORT_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform in 0 .. bound-1, bound > 0; rejection keeps it exact. */
static inline uint64_t random_below(uint64_t *state, uint64_t bound)
{
    uint64_t reject_below = (UINT64_MAX - bound + 1) % bound;
    uint64_t draw;
    do {
        draw = random_next(state);
    } while (draw < reject_below);
    return draw % bound;
}

#endif
