/* The bank or a customer crashes in any one of its steps, before or after the step is on disk, for
 * a short while or for longer than anyone waits: users who do not give up get what they ask for,
 * and at rest bank and customers agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/random.h"
#include "tests/core/town.h"

enum { CUSTOMERS = 3, SEEDS = 300 };

#define LIMIT_NS (600 * NS_PER_S)

static const TownWish a_life[] = {
    {1, "open c1 100"},    {2, "open c2 100"},   {3, "open c3 100"}, {1, "new-cohort 3"},
    {1, "transfer 10 c2"}, {3, "transfer 5 c1"}, {2, "checkpoint"},  {2, "transfer 1 c3"},
    {2, "delete-cohort"},  {3, "exit"},
};

/* Accounts of the CSV, taken over by processes without state. */
static const TownWish a_second_life[] = {
    {2, "new-cohort 2"},
    {2, "checkpoint"},
    {2, "delete-cohort"},
    {1, "exit"},
};

static void live(const TownWish *wishes, size_t count, bool rows, TownCrash crash)
{
    Town *town = town_new(CUSTOMERS, rows);
    town_crash(town, crash);
    town_run(town, wishes, count, LIMIT_NS);
    assert_true(town_crashed(town));
    town_expect_agreement(town);
    town_free(town);
}

static uint64_t steps_of(const TownWish *wishes, size_t count, bool rows, int process)
{
    Town *town = town_new(CUSTOMERS, rows);
    town_run(town, wishes, count, LIMIT_NS);
    town_expect_agreement(town);
    uint64_t steps = town_steps(town, process);
    town_free(town);
    return steps;
}

static void crash_everywhere(const TownWish *wishes, size_t count, bool rows, int process)
{
    static const uint64_t downs_ns[] = {300 * NS_PER_MS, 25 * NS_PER_S};
    const uint64_t steps = steps_of(wishes, count, rows, process);
    for (uint64_t step = 1; step <= steps; step++) {
        for (int variant = 0; variant < 4; variant++) {
            const TownCrash crash = {.process = process,
                                     .step = step,
                                     .saved = variant % 2 == 1,
                                     .down_ns = downs_ns[variant / 2]};
            live(wishes, count, rows, crash);
        }
    }
}

static void the_bank_may_crash_at_any_step(void **state)
{
    (void)state;
    crash_everywhere(a_life, G_N_ELEMENTS(a_life), false, 0);
    crash_everywhere(a_second_life, G_N_ELEMENTS(a_second_life), true, 0);
}

static void a_customer_may_crash_at_any_step(void **state)
{
    (void)state;
    for (int customer = 1; customer <= CUSTOMERS; customer++) {
        crash_everywhere(a_life, G_N_ELEMENTS(a_life), false, customer);
        crash_everywhere(a_second_life, G_N_ELEMENTS(a_second_life), true, customer);
    }
}

/* One crash after another, over a network that loses. */
static void crashes_may_follow_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t random = seed;
        Town *town = town_new(CUSTOMERS, false);
        town_lose(town, seed, seed % 3 == 0 ? 0 : 10);
        for (size_t i = 0; i < G_N_ELEMENTS(a_life); i++) {
            int process = (int)random_below(&random, CUSTOMERS + 1);
            town_crash(
                town, (TownCrash){.process = process,
                                  .step = town_steps(town, process) + 1 + random_below(&random, 12),
                                  .saved = random_below(&random, 2) == 1,
                                  .down_ns = random_below(&random, 20 * NS_PER_S)});
            town_run(town, &a_life[i], 1, LIMIT_NS);
            town_expect_agreement(town);
        }
        town_free(town);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bank_may_crash_at_any_step),
        cmocka_unit_test(a_customer_may_crash_at_any_step),
        cmocka_unit_test(crashes_may_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
