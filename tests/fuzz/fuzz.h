/* What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput, and where inputs
 * have a form that blind changes destroy, a mutator that keeps it. libFuzzer calls both
 * (-Dfuzz=true with clang; AFL++ has a driver for them too); in every other build replay.c calls
 * the first with the inputs that are kept.
 *
 * A target never returns when something is wrong: it panics, or a sanitizer speaks. */
#ifndef COHORT_FUZZ_H
#define COHORT_FUZZ_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/panic.h"

/* One input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Before the first input; replay.c too. Only some targets have it. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* Changes `data` in place, within `capacity`; returns the new size. Only some targets have it. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);
/* libFuzzer's own mutations of bytes; elsewhere it changes nothing. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);

/* --- choosing, for mutators --- */

/* 0 .. bound-1; seeded once per mutation. */
void fuzz_seed(unsigned seed);
size_t fuzz_below(size_t bound);

/* Puts `with` in place of the `length` bytes at `at`, as far as it fits; the new size. */
size_t fuzz_replace(uint8_t *data, size_t size, size_t capacity, size_t at, size_t length,
                    const uint8_t *with, size_t with_length);
/* libFuzzer's mutations of the `length` bytes at `at` alone. */
size_t fuzz_mutate_part(uint8_t *data, size_t size, size_t capacity, size_t at, size_t length);

/* A text of lines: one is left out, said twice, moved or changed within. */
size_t fuzz_mutate_lines(uint8_t *data, size_t size, size_t capacity);

#endif
