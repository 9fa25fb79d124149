/* States without time and effort. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/canonical.h"
#include "tests/core/cluster.h"

enum { TRIES_MAX = 1 };

static Customer *copy_of(const Customer *customer)
{
    const CustomerConfig config = canonical_config(customer);
    Coder coder = coder_encode_growing();
    Customer *copy = customer_new(&config);
    customer_encode(customer, &coder);
    assert_true(customer_decode(copy, coder.bytes, coder.length));
    coder_deinit(&coder);
    return copy;
}

static GBytes *canonical_bytes(const Customer *customer)
{
    Customer *copy = copy_of(customer);
    Coder coder = coder_encode_growing();
    canonical_forget(copy, TRIES_MAX);
    customer_encode(copy, &coder);
    customer_free(copy);
    return g_bytes_new_take(coder.bytes, coder.length);
}

static void assert_same_state(const Customer *a, const Customer *b)
{
    g_autoptr(GBytes) left = canonical_bytes(a);
    g_autoptr(GBytes) right = canonical_bytes(b);
    assert_true(g_bytes_equal(left, right));
}

/* --- the disk --- */

/* The customer that a start finds there. */
static Customer *loaded_from(const Shelf *disk, const Customer *like)
{
    CustomerConfig config = canonical_config(like);
    config.resume = *customer_name(like);
    Customer *loaded = customer_new(&config);
    assert_int_equal(customer_load(loaded, disk), LOAD_OK);
    return loaded;
}

static void save_what_is_loaded(const Cluster *cluster, int who, const Event *event, bool done)
{
    const Customer *customer = cluster->customers[who];
    (void)event;
    if (done || customer_cohort(customer) == 0)
        return; /* before a step its disk is as the last one has left it */
    Effects *effects = effects_new();
    Shelf *disk = shelf_new();
    Customer *loaded = loaded_from(cluster->shelves[who], customer);
    Customer *copy = copy_of(loaded);
    canonical_forget(copy, TRIES_MAX);
    canonical_save(copy, effects);
    shelf_apply(disk, effects);
    customer_free(copy);
    Customer *again = loaded_from(disk, customer);
    assert_same_state(loaded, again);
    customer_free(again);
    customer_free(loaded);
    shelf_free(disk);
    effects_free(effects);
}

static void what_is_loaded_and_saved_is_loaded_again(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster->watch = save_what_is_loaded;
    cluster_command(cluster, 0, "transfer 10 b");
    cluster_deliver(cluster);
    cluster_command(cluster, 1, "checkpoint");
    cluster_deliver(cluster);
    cluster_command(cluster, 2, "transfer 5 a");
    cluster_command(cluster, 0, "lost-transfer 3 c");
    cluster_deliver(cluster);
    cluster_command(cluster, 2, "rollback");
    cluster_deliver(cluster);
    cluster_hold(cluster, "decision");
    cluster_command(cluster, 1, "transfer 7 c");
    cluster_deliver(cluster);
    cluster_command(cluster, 2, "checkpoint");
    cluster_deliver(cluster);
    cluster_crash(cluster, 1);
    cluster_deliver(cluster);
    cluster_free(cluster);
}

/* --- forgetting --- */

static void repeating_changes_nothing(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_command(cluster, 0, "transfer 10 b");
    Customer *before = copy_of(cluster->customers[0]);
    for (int i = 0; i < 5; i++) {
        cluster_drop(cluster);
        Event timeout = {.kind = EVENT_TIMEOUT, .now_ns = cluster->deadlines_ns[0]};
        customer_step(cluster->customers[0], &timeout, cluster->effects);
        assert_true(effects_count(cluster->effects) > 0);
        cluster->deadlines_ns[0] = effects_deadline(cluster->effects);
        assert_same_state(before, cluster->customers[0]);
    }
    customer_free(before);
    cluster_free(cluster);
}

static void a_canonical_state_is_its_own(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_command(cluster, 0, "transfer 10 b");
    cluster_deliver(cluster);
    cluster_command(cluster, 0, "checkpoint");
    cluster_command(cluster, 1, "rollback");
    Customer *copy = copy_of(cluster->customers[0]);
    canonical_forget(copy, TRIES_MAX);
    assert_same_state(copy, cluster->customers[0]);
    customer_free(copy);
    cluster_free(cluster);
}

/* --- timers --- */

static size_t sends_of(Customer *customer, Effects *effects)
{
    size_t sends = 0;
    Event timeout = {.kind = EVENT_TIMEOUT, .now_ns = CANONICAL_NOW_NS};
    customer_step(customer, &timeout, effects);
    for (size_t i = 0; i < effects_count(effects); i++)
        sends += effects_at(effects, i)->kind == EFFECT_SEND;
    return sends;
}

static void each_timer_fires_alone(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_command(cluster, 0, "transfer 10 b");
    Customer *copy = copy_of(cluster->customers[0]);
    canonical_forget(copy, TRIES_MAX);
    assert_int_equal(sends_of(copy, cluster->effects), 0);
    assert_false(canonical_fire(copy, TIMER_INSTANCE, 0, TRIES_MAX));
    assert_false(canonical_fire(copy, TIMER_RESEND, 0, TRIES_MAX)); /* itself */
    assert_true(canonical_fire(copy, TIMER_RESEND, 1, TRIES_MAX));
    assert_int_equal(sends_of(copy, cluster->effects), 1);
    customer_free(copy);
    cluster_free(cluster);
}

static void an_instance_can_take_too_long(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    Standing standing;
    cluster_command(cluster, 0, "transfer 10 b");
    cluster_deliver(cluster);
    cluster_command(cluster, 1, "checkpoint");
    Customer *copy = copy_of(cluster->customers[1]);
    canonical_forget(copy, TRIES_MAX);
    canonical_standing(copy, TRIES_MAX, &standing);
    assert_int_equal(standing.engaged.number, 1);
    assert_true(standing.commands);
    assert_true(canonical_fire(copy, TIMER_INSTANCE, 0, TRIES_MAX));
    sends_of(copy, cluster->effects);
    canonical_forget(copy, TRIES_MAX);
    canonical_standing(copy, TRIES_MAX, &standing);
    assert_int_equal(standing.engaged.number, 0);
    assert_int_equal(standing.announcement_count, 1);
    assert_false(standing.commands); /* it has waited too long */
    customer_free(copy);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_loaded_and_saved_is_loaded_again),
        cmocka_unit_test(repeating_changes_nothing),
        cmocka_unit_test(a_canonical_state_is_its_own),
        cmocka_unit_test(each_timer_fires_alone),
        cmocka_unit_test(an_instance_can_take_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
