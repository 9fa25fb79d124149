/* Record files (core/record.h) for mutators: a file taken apart into its records and put together
 * again, with sound frames, so that mutations reach what is behind the checksums. */
#ifndef COHORT_FUZZ_FRAMES_H
#define COHORT_FUZZ_FRAMES_H

#include <stddef.h>
#include <stdint.h>

/* A mutation of the records of a file of this kind; sometimes of its bytes, whatever they mean. */
size_t frames_mutate(uint8_t *data, size_t size, size_t capacity, uint32_t kind);

#endif
