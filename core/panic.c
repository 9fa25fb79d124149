#include "core/panic.h"

#include <stdlib.h>

__attribute__((weak)) _Noreturn void panic(const char *file, int line, const char *what,
                                           int64_t found, int64_t expected)
{
    (void)file;
    (void)line;
    (void)what;
    (void)found;
    (void)expected;
    abort();
}
