/* Draws for the simulator: independent streams from one seed, and integer-only distributions.
 *
 * A stream is one word, as in core/random.h. Every purpose has a stream of its own, so that one
 * more draw in one place does not change what the others see. No draw uses floating point: the
 * same seed gives the same numbers on every machine, compiler and optimisation level. */
#ifndef COHORT_SIM_RANDOM_H
#define COHORT_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/random.h"

typedef enum Stream {
    STREAM_NETWORK,  /* loss, duplication, delay */
    STREAM_WORKLOAD, /* one per customer */
    STREAM_FAULTS,   /* crashes and partitions */
    STREAM_DISK,     /* damaged and lost writes */
    STREAM_BANK,     /* the bank's choices and pauses */
    STREAM_PROCESS,  /* one per customer: its pauses */
    STREAM_CLIENT    /* the identities of processes */
} Stream;

/* The state a stream starts from; `number` tells apart the streams of one purpose. */
uint64_t stream_start(uint64_t seed, Stream stream, uint64_t number);

/* Probabilities are integer parts of a billion, so that they compare exactly. */
#define CHANCE_ONE UINT32_C(1000000000)
bool draw_chance(uint64_t *state, uint32_t parts_per_billion);

/* first .. last, both ends included; first <= last. */
uint64_t draw_uniform(uint64_t *state, uint64_t first, uint64_t last);

/* A mean or median is at most DRAW_SCALE_MAX, and no answer is above DRAW_RESULT_MAX: in
 * nanoseconds thirteen days and more than two years. */
#define DRAW_SCALE_MAX (UINT64_C(1) << 50)
#define DRAW_RESULT_MAX (UINT64_C(1) << 56)

/* -mean * ln(u), u uniform. */
uint64_t draw_exponential(uint64_t *state, uint64_t mean);

/* The standard normal distribution, in units of 1 / NORMAL_ONE. */
#define NORMAL_ONE (INT64_C(1) << 28)
int64_t draw_normal(uint64_t *state);

/* median * e^(sigma * z), z standard normal; median > 0; sigma in thousandths. */
#define SIGMA_MILLI_MAX UINT32_C(5000)
uint64_t draw_lognormal(uint64_t *state, uint64_t median, uint32_t sigma_milli);

/* How long something takes. */
typedef enum DelayKind {
    DELAY_CONSTANT,    /* a_ns */
    DELAY_UNIFORM,     /* a_ns .. b_ns */
    DELAY_EXPONENTIAL, /* mean a_ns */
    DELAY_LOGNORMAL    /* median a_ns > 0, sigma_milli thousandths */
} DelayKind;

typedef struct Delay {
    DelayKind kind;
    uint64_t a_ns; /* at most DRAW_SCALE_MAX, like b_ns */
    uint64_t b_ns;
    uint32_t sigma_milli;
} Delay;

uint64_t delay_draw(const Delay *delay, uint64_t *state);

#endif
