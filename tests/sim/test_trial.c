/* Runs in child processes, some of which die: a customer with too much money ends the program. */
#include "tools/trial.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/world.h"
#include "tools/options.h"

#define PAIR "[scenario]\nduration=10s\n[bank]\ncustomers=2\n[network]\ndelay=constant 10ms\n"

enum { TOO_MUCH = 100500, JOBS = 3, SOUND = 5 };

/* Elsewhere the command line's. */
void (*panic_last_words)(void);

static int ending; /* the signal, or 0: an assertion */

/* In place of world_advance. */
bool __wrap_world_advance(World *world, uint64_t events);
bool __real_world_advance(World *world, uint64_t events);

bool __wrap_world_advance(World *world, uint64_t events)
{
    bool running = true;
    for (uint64_t i = 0; i < events && running; i++) {
        running = __real_world_advance(world, 1);
        const Customer *customer = world_customer(world, 0);
        if (customer == NULL || customer_balance(customer) <= TOO_MUCH)
            continue;
        if (ending != 0)
            raise(ending);
        if (panic_last_words != NULL)
            panic_last_words();
        _exit(EXIT_INTERNAL);
    }
    return running;
}

static const volatile sig_atomic_t never;

static Trial trial_of_three(void)
{
    return (Trial){
        .path = "test.ini", .jobs = JOBS, .events_max = UINT32_MAX, .interrupted = &never};
}

static const char SMALL[] = PAIR "[script]\n1s=c1 deposit 5\n";
static const char FATAL[] = PAIR "[script]\n1s=c1 deposit 5\n2s=c1 deposit 1\n3s=c1 deposit 9\n";

static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};

static void a_run_that_a_signal_ends_is_a_crash(void **state)
{
    (void)state;
    Verdict verdict = {.kind = VERDICT_NONE};
    for (size_t i = 0; i < G_N_ELEMENTS(SIGNALS); i++) {
        Trial trial = trial_of_three();
        ending = SIGNALS[i];
        g_autofree char *schedule = trial_record(&trial, FATAL, &verdict);
        assert_non_null(schedule);
        assert_int_equal(verdict.kind, VERDICT_CRASH);
        /* Up to there, and no further. */
        assert_non_null(strstr(schedule, "c1 deposit 5"));
        assert_non_null(strstr(schedule, "c1 deposit 1"));
        assert_null(strstr(schedule, "c1 deposit 9"));
        char *const text[] = {schedule};
        assert_int_equal(trial_first(&trial, text, 1, verdict), 0);
    }
}

static void a_crash_does_not_end_the_search(void **state)
{
    (void)state;
    const Verdict crash = {.kind = VERDICT_CRASH};
    const Verdict broken = {.kind = VERDICT_BROKEN};
    char *texts[2 * SOUND];
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        texts[i] = (char *)(i < SOUND ? SMALL : FATAL);
    Trial trial = trial_of_three();
    ending = SIGSEGV;
    assert_int_equal(trial_first(&trial, texts, G_N_ELEMENTS(texts), crash), SOUND);
    assert_int_equal(trial_first(&trial, texts, G_N_ELEMENTS(texts), broken), G_N_ELEMENTS(texts));
    assert_int_equal(errno, 0);
    ending = 0;
    assert_int_equal(trial_first(&trial, texts, G_N_ELEMENTS(texts), broken), SOUND);
    assert_int_equal(trial_first(&trial, texts, G_N_ELEMENTS(texts), crash), G_N_ELEMENTS(texts));
}

static void a_run_that_breaks_an_assertion_is_no_crash(void **state)
{
    (void)state;
    Trial trial = trial_of_three();
    Verdict verdict = {.kind = VERDICT_NONE};
    ending = 0;
    g_autofree char *schedule = trial_record(&trial, FATAL, &verdict);
    assert_non_null(schedule);
    assert_int_equal(verdict.kind, VERDICT_BROKEN);
}

static void a_run_that_somebody_kills_tells_nothing(void **state)
{
    (void)state;
    Trial trial = trial_of_three();
    Verdict verdict = {.kind = VERDICT_NONE};
    ending = SIGKILL;
    assert_null(trial_record(&trial, FATAL, &verdict));
    assert_null(trial_record(&trial, SMALL, &verdict)); /* it holds */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_a_signal_ends_is_a_crash),
        cmocka_unit_test(a_crash_does_not_end_the_search),
        cmocka_unit_test(a_run_that_breaks_an_assertion_is_no_crash),
        cmocka_unit_test(a_run_that_somebody_kills_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
