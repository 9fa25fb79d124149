/* A broken invariant: always checked, never survived.
 *
 * INVARIANT states what must hold; when it does not, panic() is told where, what, and the two
 * values that show it. The core has no stdio, so its own panic() only aborts; a program that wants
 * to say more defines panic() itself (the core's is weak). It must not return. */
#ifndef COHORT_PANIC_H
#define COHORT_PANIC_H

#include <stdint.h>

_Noreturn void panic(const char *file, int line, const char *what, int64_t found, int64_t expected);

#define INVARIANT(condition) ((condition) ? (void)0 : panic(__FILE__, __LINE__, #condition, 0, 1))
/* found OP expected, with both values shown. */
#define INVARIANT_THAT(found, op, expected)                                                        \
    (((found)op(expected)) ? (void)0                                                               \
                           : panic(__FILE__, __LINE__, #found " " #op " " #expected,               \
                                   (int64_t)(found), (int64_t)(expected)))

#endif
