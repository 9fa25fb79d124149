#include "core/planted.h"

#ifdef COHORT_PLANTED_FAULTS

#include <string.h>

static Planted chosen = PLANTED_NONE;

bool planted(Planted fault)
{
    return chosen == fault;
}

bool planted_any(void)
{
    return chosen != PLANTED_NONE;
}

const char *planted_name(Planted fault)
{
#define PLANTED_NAME(symbol, name) name,
    static const char *const names[PLANTED_KINDS] = {"none", PLANTED_FAULTS(PLANTED_NAME)};
#undef PLANTED_NAME
    return names[fault];
}

bool planted_choose(const char *name)
{
    for (int fault = PLANTED_NONE + 1; fault < PLANTED_KINDS; fault++) {
        if (strcmp(name, planted_name((Planted)fault)) == 0) {
            chosen = (Planted)fault;
            return true;
        }
    }
    return false;
}

#endif
