/* Crashes, and some orderly stops, at random instants, over a network that loses, doubles and
 * reorders: whatever happens, everybody comes to rest, and the money is all there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/random.h"
#include "tests/core/cluster.h"

enum { SEEDS = 400, STEPS = 300, OLD_MAX = 64 };

static const char *const names[] = {"a", "b", "c", "d"};

typedef struct Old {
    Flight flights[OLD_MAX]; /* copies from long ago */
    int count;
} Old;

static void remember(Old *old, const Flight *flight, uint64_t *random)
{
    int at = old->count < OLD_MAX ? old->count++ : (int)random_below(random, OLD_MAX);
    g_clear_pointer(&old->flights[at].bytes, g_bytes_unref);
    old->flights[at] = *flight;
    g_bytes_ref(flight->bytes);
}

static void command(Cluster *cluster, uint64_t *random)
{
    int who = (int)random_below(random, (uint64_t)cluster->count);
    int to = (int)random_below(random, (uint64_t)cluster->count);
    uint64_t kind = random_below(random, cluster->cash == CASH_COMMIT ? 12 : 10);
    g_autofree char *line =
        kind < 6    ? g_strdup_printf("transfer %d %s", 1 + (int)random_below(random, 5), names[to])
        : kind < 7  ? g_strdup_printf("lost-transfer 1 %s", names[to])
        : kind < 9  ? g_strdup("checkpoint")
        : kind < 10 ? g_strdup("rollback")
        : kind < 11 ? g_strdup("deposit 3")
                    : g_strdup("withdrawal 2");
    cluster_command(cluster, who, line);
}

static void network(Cluster *cluster, Old *old, uint64_t *random)
{
    uint64_t fate = random_below(random, 20);
    if (fate == 0 && old->count > 0) {
        cluster_deliver_one(cluster, &old->flights[random_below(random, (uint64_t)old->count)]);
        return;
    }
    if (cluster->flights->len == 0)
        return;
    guint index = (guint)random_below(random, MIN(cluster->flights->len, 8));
    Flight *flight = g_ptr_array_steal_index(cluster->flights, index);
    if (random_below(random, 8) == 0)
        remember(old, flight, random);
    if (fate > 2)
        cluster_deliver_one(cluster, flight);
    g_bytes_unref(flight->bytes);
    g_free(flight);
}

/* What was there from the beginning, and what cash that was committed has changed. */
static Money expected(const Cluster *cluster)
{
    return cluster_money(100 * cluster->count + 3 * cluster_told(cluster, "SUCCESS deposit") -
                         2 * cluster_told(cluster, "SUCCESS withdrawal"));
}

static Money total(const Cluster *cluster)
{
    Money sum = 0;
    for (int i = 0; i < cluster->count; i++)
        sum += cluster_balance(cluster, i) + customer_lost(cluster->customers[i]);
    return sum;
}

static void run(uint64_t seed)
{
    uint64_t random = seed;
    int count = 2 + (int)random_below(&random, 3);
    CashMode cash = random_below(&random, 2) == 0 ? CASH_RESTORE : CASH_COMMIT;
    Cluster *cluster = cluster_new_cash(count, cluster_money(100), cash);
    Old old = {.count = 0};
    for (int i = 0; i < STEPS; i++) {
        uint64_t what = random_below(&random, 40);
        if (what == 0) {
            int who = (int)random_below(&random, (uint64_t)count);
            if (random_below(&random, 4) == 0)
                cluster_stop(cluster, who);
            assert_int_equal(cluster_start(cluster, who, names[who]), LOAD_OK);
        } else if (what < 6) {
            command(cluster, &random);
        } else if (what < 8) {
            cluster_pass(cluster, random_below(&random, 500) * NS_PER_MS);
        } else {
            network(cluster, &old, &random);
        }
    }
    bool settled = cluster_settle(cluster);
    if (!settled || total(cluster) != expected(cluster)) {
        for (int i = 0; i < count; i++) {
            char why[200] = "idle";
            customer_idle(cluster->customers[i], why, sizeof why);
            fprintf(stderr, "%s: %s, balance %lld\n", names[i], why,
                    (long long)cluster_balance(cluster, i));
        }
        fprintf(stderr, "%s%s", cluster->trace->str, cluster->told->str);
        fail_msg("seed %llu: %s", (unsigned long long)seed, settled ? "money" : "not settled");
    }
    cluster_free(cluster);
    for (int i = 0; i < old.count; i++)
        g_bytes_unref(old.flights[i].bytes);
}

static void whatever_crashes_when_the_money_is_all_there(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_crashes_when_the_money_is_all_there),
    };
    if (argc == 3) {
        for (uint64_t seed = strtoull(argv[1], NULL, 10); seed <= strtoull(argv[2], NULL, 10);
             seed++)
            run(seed);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
