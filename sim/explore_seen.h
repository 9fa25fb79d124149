/* The cuts that an exploration has seen, each once, and how it came to each. */
#ifndef COHORT_EXPLORE_SEEN_H
#define COHORT_EXPLORE_SEEN_H

#include <stdint.h>

#define SEEN_NONE UINT32_MAX
#define SEEN_MAX (UINT32_MAX - 1)

typedef struct Seen Seen;

/* Every cut is so many numbers. */
Seen *seen_new(unsigned width);
void seen_free(Seen *seen);
/* Its number, which is the count there was before if it is new; then it came from `parent` by this
 * move of a member. */
uint32_t seen_add(Seen *seen, const uint32_t *cut, uint32_t parent, uint16_t member, uint32_t move);
uint64_t seen_count(const Seen *seen);
const uint32_t *seen_get(const Seen *seen, uint32_t number); /* good as long as the seen */
uint32_t seen_parent(const Seen *seen, uint32_t number);
uint16_t seen_member(const Seen *seen, uint32_t number);
uint32_t seen_move(const Seen *seen, uint32_t number);
uint64_t seen_bytes(const Seen *seen);

#endif
