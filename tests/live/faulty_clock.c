/* Loaded into a process (LD_PRELOAD) to turn its wall clock: CLOCK_REALTIME runs FAULTY_CLOCK_S
 * seconds ahead (behind, if negative) from the process's FAULTY_CLOCK_AFTER-th look at it on. */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long ahead_s;
static unsigned long after;
static atomic_ulong looks;

__attribute__((constructor)) static void configure(void)
{
    const char *seconds = getenv("FAULTY_CLOCK_S");
    const char *count = getenv("FAULTY_CLOCK_AFTER");
    ahead_s = seconds != NULL ? atol(seconds) : 0;
    after = count != NULL ? strtoul(count, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int code = (int)syscall(SYS_clock_gettime, clock, now);
    if (code == 0 && clock == CLOCK_REALTIME && atomic_fetch_add(&looks, 1) + 1 >= after)
        now->tv_sec += ahead_s;
    return code;
}
