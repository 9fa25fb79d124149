/* Linked into the unit tests of a build with planted faults: plants the one that the environment
 * names, so that planted.py can require a test to object. */
#include <stdio.h>
#include <stdlib.h>

#include "core/planted.h"

__attribute__((constructor)) static void plant(void)
{
    const char *name = getenv("COHORT_PLANTED");
    if (name == NULL || planted_choose(name))
        return;
    fprintf(stderr, "no planted fault '%s'\n", name);
    exit(2);
}
