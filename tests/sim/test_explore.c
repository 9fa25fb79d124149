/* Exploration: what it leaves out is what can change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore.h"

typedef struct Bounds {
    unsigned customers;
    unsigned transfers;
    unsigned transfers_in_all;
    unsigned lost_transfers;
    unsigned checkpoints;
    unsigned rollbacks;
    unsigned crashes;
} Bounds;

static void set(Scenario *scenario, const char *key, unsigned value)
{
    char *error = NULL;
    g_autofree char *assignment = g_strdup_printf("%s=%u", key, value);
    assert_true(scenario_set(scenario, assignment, &error));
}

static Scenario *scenario_of(const Bounds *bounds)
{
    char *error = NULL;
    Scenario *scenario = scenario_new();
    set(scenario, "bank.customers", bounds->customers);
    set(scenario, "explore.transfers", bounds->transfers);
    set(scenario, "explore.transfers_in_all", bounds->transfers_in_all);
    set(scenario, "explore.lost_transfers", bounds->lost_transfers);
    set(scenario, "explore.checkpoints", bounds->checkpoints);
    set(scenario, "explore.rollbacks", bounds->rollbacks);
    set(scenario, "explore.crashes", bounds->crashes);
    assert_true(scenario_complete(scenario, NULL, 0, &error));
    return scenario;
}

static Explorer *explored(const Scenario *scenario, bool reduction, bool symmetry)
{
    char *error = NULL;
    Explorer *explorer = explorer_new(scenario,
                                      (ExploreOptions){.reduction = reduction,
                                                       .symmetry = symmetry,
                                                       .states_max = UINT64_MAX,
                                                       .bytes_max = UINT64_MAX},
                                      &error);
    assert_non_null(explorer);
    while (explorer_advance(explorer, 1000))
        continue;
    assert_int_equal(explorer_result(explorer).end, EXPLORE_COMPLETE);
    return explorer;
}

static GArray *fingerprint_of(const Scenario *scenario, bool reduction, bool symmetry,
                              uint64_t *distinct)
{
    GArray *fingerprint = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    Explorer *explorer = explored(scenario, reduction, symmetry);
    explorer_fingerprint(explorer, fingerprint);
    *distinct = explorer_result(explorer).distinct;
    explorer_free(explorer);
    return fingerprint;
}

/* All combinations of states of the processes that are reached at all are reached. */
static void assert_nothing_is_missed(const Bounds *bounds)
{
    uint64_t least;
    uint64_t reduced;
    uint64_t all;
    Scenario *scenario = scenario_of(bounds);
    g_autoptr(GArray) a = fingerprint_of(scenario, true, true, &least);
    g_autoptr(GArray) b = fingerprint_of(scenario, true, false, &reduced);
    g_autoptr(GArray) c = fingerprint_of(scenario, false, false, &all);
    assert_true(least < reduced && reduced < all);
    assert_true(a->len > 0);
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->data, b->data, a->len * sizeof(uint64_t));
    assert_int_equal(a->len, c->len);
    assert_memory_equal(a->data, c->data, a->len * sizeof(uint64_t));
    scenario_free(scenario);
}

static void reductions_miss_nothing_of_rollbacks(void **state)
{
    (void)state;
    assert_nothing_is_missed(
        &(Bounds){.customers = 2, .transfers = 1, .transfers_in_all = 1, .rollbacks = 1});
}

static void reductions_miss_nothing_of_checkpoints(void **state)
{
    (void)state;
    assert_nothing_is_missed(
        &(Bounds){.customers = 2, .transfers = 1, .transfers_in_all = 1, .checkpoints = 1});
}

static void reductions_miss_nothing_of_lost_transfers(void **state)
{
    (void)state;
    assert_nothing_is_missed(&(Bounds){.customers = 2, .lost_transfers = 1, .rollbacks = 1});
}

static void reductions_miss_nothing_of_crashes(void **state)
{
    (void)state;
    assert_nothing_is_missed(&(Bounds){.customers = 2, .crashes = 1});
}

static void three_customers_are_interchangeable(void **state)
{
    uint64_t least;
    uint64_t all;
    (void)state;
    Scenario *scenario =
        scenario_of(&(Bounds){.customers = 3, .transfers = 1, .transfers_in_all = 2});
    g_autoptr(GArray) a = fingerprint_of(scenario, true, true, &least);
    g_autoptr(GArray) b = fingerprint_of(scenario, true, false, &all);
    assert_true(least * 4 < all);
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->data, b->data, a->len * sizeof(uint64_t));
    scenario_free(scenario);
}

static void a_script_comes_in_order_and_at_any_time(void **state)
{
    char *error = NULL;
    (void)state;
    Scenario *scenario = scenario_new();
    assert_true(scenario_read(scenario, "text",
                              "[bank]\ncustomers=2\n"
                              "[script]\n1s=c1 transfer 5 c2; c1 checkpoint\n2s=c2 rollback\n",
                              &error));
    assert_true(scenario_complete(scenario, NULL, 0, &error));
    Explorer *explorer = explored(scenario, true, true);
    assert_true(explorer_result(explorer).distinct > 100);
    explorer_free(explorer);
    scenario_free(scenario);
}

static void what_cannot_be_explored_is_refused(void **state)
{
    char *error = NULL;
    (void)state;
    Scenario *scenario = scenario_of(&(Bounds){.customers = 5});
    assert_null(explorer_new(scenario, (ExploreOptions){.states_max = 1}, &error));
    assert_non_null(strstr(error, "2 to 4 customers"));
    g_clear_pointer(&error, g_free);
    scenario_free(scenario);
    scenario = scenario_new();
    assert_true(scenario_read(scenario, "text", "[bank]\ncustomers=2\n[script]\n1s=c1 deposit 5\n",
                              &error));
    assert_true(scenario_complete(scenario, NULL, 0, &error));
    assert_null(explorer_new(scenario, (ExploreOptions){.states_max = 1}, &error));
    assert_non_null(strstr(error, "script 1s"));
    g_clear_pointer(&error, g_free);
    scenario_free(scenario);
    static const Bounds too_much[] = {{.customers = 2, .transfers = 17},
                                      {.customers = 2, .transfers = 9, .lost_transfers = 8},
                                      {.customers = 2, .checkpoints = 17},
                                      {.customers = 2, .rollbacks = 17},
                                      {.customers = 2, .crashes = 17}};
    for (size_t i = 0; i < G_N_ELEMENTS(too_much); i++) {
        scenario = scenario_of(&too_much[i]);
        assert_null(explorer_new(scenario, (ExploreOptions){.states_max = 1}, &error));
        assert_non_null(strstr(error, "at most 16"));
        g_clear_pointer(&error, g_free);
        scenario_free(scenario);
    }
}

static uint64_t distinct_of(const char *text)
{
    char *error = NULL;
    Scenario *scenario = scenario_new();
    assert_true(scenario_read(scenario, "text", text, &error));
    assert_true(scenario_complete(scenario, NULL, 0, &error));
    Explorer *explorer = explored(scenario, true, true);
    const uint64_t distinct = explorer_result(explorer).distinct;
    explorer_free(explorer);
    scenario_free(scenario);
    return distinct;
}

/* Whoever of the two crashes first. */
static void a_crash_of_the_script_uses_up_no_other(void **state)
{
    (void)state;
    assert_int_equal(distinct_of("[bank]\ncustomers=2\n[explore]\ncrashes=1\n"
                                 "[script]\n1s=c1 crash\n"),
                     distinct_of("[bank]\ncustomers=2\n"
                                 "[script]\n1s=c1 crash; c2 crash\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reductions_miss_nothing_of_rollbacks),
        cmocka_unit_test(reductions_miss_nothing_of_checkpoints),
        cmocka_unit_test(reductions_miss_nothing_of_lost_transfers),
        cmocka_unit_test(reductions_miss_nothing_of_crashes),
        cmocka_unit_test(three_customers_are_interchangeable),
        cmocka_unit_test(a_script_comes_in_order_and_at_any_time),
        cmocka_unit_test(what_cannot_be_explored_is_refused),
        cmocka_unit_test(a_crash_of_the_script_uses_up_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
