/* Byte strings that are kept once each, and known by a number: equal bytes, equal number.
 *
 * Numbers count from 0 in the order of their first appearance. */
#ifndef COHORT_EXPLORE_POOL_H
#define COHORT_EXPLORE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_NONE UINT32_MAX

typedef struct Pool Pool;

Pool *pool_new(void);
void pool_free(Pool *pool);
uint32_t pool_intern(Pool *pool, const void *bytes, size_t length);
uint32_t pool_find(const Pool *pool, const void *bytes, size_t length); /* or POOL_NONE */
uint32_t pool_count(const Pool *pool);
/* Good until the pool is freed, and aligned for any type. */
const void *pool_get(const Pool *pool, uint32_t number, size_t *length);
uint64_t pool_bytes(const Pool *pool); /* of memory */

/* From pairs of numbers to a number; POOL_NONE: not there. The pair of two POOL_NONE is no key. */
typedef struct PairMap PairMap;

PairMap *pair_map_new(void);
void pair_map_free(PairMap *map);
uint32_t pair_map_get(const PairMap *map, uint32_t a, uint32_t b);
void pair_map_put(PairMap *map, uint32_t a, uint32_t b, uint32_t value); /* a new one */
uint64_t pair_map_bytes(const PairMap *map);

#endif
