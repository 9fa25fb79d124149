#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/random.h"

/* Straight to the descriptor: a target may have closed its streams. */
_Noreturn void panic(const char *file, int line, const char *what, int64_t found, int64_t expected)
{
    dprintf(STDERR_FILENO, "%s:%d: %s: found %lld, expected %lld\n", file, line, what,
            (long long)found, (long long)expected);
    abort();
}

/* libFuzzer's takes its place. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity)
{
    (void)data;
    (void)capacity;
    return size;
}

static uint64_t state;

void fuzz_seed(unsigned seed)
{
    state = seed;
}

size_t fuzz_below(size_t bound)
{
    return (size_t)random_below(&state, bound);
}

size_t fuzz_replace(uint8_t *data, size_t size, size_t capacity, size_t at, size_t length,
                    const uint8_t *with, size_t with_length)
{
    const size_t after = size - at - length;
    with_length = MIN(with_length, capacity - at - MIN(after, capacity - at));
    memmove(data + at + with_length, data + at + length, after);
    if (with_length > 0)
        memcpy(data + at, with, with_length);
    return at + with_length + after;
}

size_t fuzz_mutate_part(uint8_t *data, size_t size, size_t capacity, size_t at, size_t length)
{
    const size_t room = capacity - (size - length);
    g_autofree uint8_t *part = g_malloc(MAX(room, 1));
    memcpy(part, data + at, length);
    const size_t changed = LLVMFuzzerMutate(part, length, room);
    return fuzz_replace(data, size, capacity, at, length, part, changed);
}

/* --- lines --- */

typedef struct Line {
    size_t at;
    size_t length; /* with its newline */
} Line;

static Line any_line(const uint8_t *data, size_t size)
{
    const size_t middle = fuzz_below(size);
    const uint8_t *before = memrchr(data, '\n', middle);
    const size_t at = before != NULL ? (size_t)(before - data) + 1 : 0;
    const uint8_t *end = memchr(data + at, '\n', size - at);
    return (Line){at, end != NULL ? (size_t)(end - data) + 1 - at : size - at};
}

size_t fuzz_mutate_lines(uint8_t *data, size_t size, size_t capacity)
{
    if (size == 0 || fuzz_below(3) == 0)
        return LLVMFuzzerMutate(data, size, capacity);
    const Line line = any_line(data, size);
    const Line place = any_line(data, size);
    g_autofree uint8_t *copy = g_memdup2(data + line.at, line.length);
    switch (fuzz_below(5)) {
    case 0:
        return fuzz_replace(data, size, capacity, line.at, line.length, NULL, 0);
    case 1:
        return fuzz_replace(data, size, capacity, place.at, 0, copy, line.length);
    case 2:
        return fuzz_replace(data, size, capacity, place.at, place.length, copy, line.length);
    default:
        return fuzz_mutate_part(data, size, capacity, line.at, line.length);
    }
}
