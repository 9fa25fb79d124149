/* The encoding of a customer is all of it: a copy decoded from it does at every step what the
 * original does, to the last byte. And what a step saves is what has changed: all that, and nothing
 * else. Exploration and replay stand on that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "core/process_storage.h"
#include "core/random.h"
#include "tests/core/cluster.h"
#include "tests/core/effects_text.h"

enum { SEEDS = 6, STEPS = 400, MEMBERS = 3 };

static const char *const names[] = {"a", "b", "c"};

/* What the copy has done, until the original has done it too. */
static GString *copied_effects;
static GBytes *copied_state;

static Customer *copy_of(const Customer *original)
{
    GBytes *bytes = cluster_encoded(original);
    gsize length;
    const uint8_t *encoded = g_bytes_get_data(bytes, &length);
    Customer *copy = customer_new(&original->config);
    assert_true(customer_decode(copy, encoded, length));
    g_bytes_unref(bytes);
    return copy;
}

static void step_copy(const Customer *original, const Event *event)
{
    Customer *copy = copy_of(original);
    Effects *effects = effects_new();
    customer_step(copy, event, effects);
    copied_effects = effects_text(effects);
    copied_state = cluster_encoded(copy);
    effects_free(effects);
    customer_free(copy);
}

static void compare(const Customer *original, const Effects *effects)
{
    g_autoptr(GString) text = effects_text(effects);
    GBytes *state = cluster_encoded(original);
    assert_string_equal(copied_effects->str, text->str);
    assert_true(g_bytes_equal(copied_state, state));
    g_string_free(copied_effects, TRUE);
    g_bytes_unref(copied_state);
    g_bytes_unref(state);
}

/* Of these nothing may be behind. Of the others a part may be: the account, which in a cohort the
 * checkpoint stands for; who has acknowledged what, and what peers told of their checkpoints, which
 * is asked or told again; and moments. */
static bool must_be_current(Slot slot)
{
    return slot == SLOT_COHORT || slot == SLOT_PERMANENT || slot == SLOT_TENTATIVE_CHANNEL ||
           slot == SLOT_FINISHED || slot == SLOT_INCARNATION || slot == SLOT_PEER;
}

/* If all were saved once more, it would be what is there already. */
static void assert_all_is_saved(const Customer *original, const Shelf *shelf)
{
    Customer *copy = copy_of(original);
    Effects *effects = effects_new();
    copy->step = (Step){.effects = effects};
    if (customer_active(copy)) {
        process_mark_unsaved(&copy->process);
        copy->process.tentative_changed = true;
    }
    customer_save_changes(copy);
    for (size_t i = 0; i < effects_count(effects); i++) {
        const Effect *effect = effects_at(effects, i);
        ShelfRecord record;
        if (effect->kind != EFFECT_SAVE || !must_be_current(effect->save.slot))
            continue;
        shelf_get(shelf, effect->save.slot, effect->save.index, &record);
        assert_int_equal(record.length, effect->save.length);
        assert_true(record.length == 0 ||
                    memcmp(record.bytes, effect->save.bytes, record.length) == 0);
    }
    effects_free(effects);
    customer_free(copy);
}

/* Saving what is there already would only cost; so those that are many are not. */
static bool must_be_news(Slot slot)
{
    return slot == SLOT_PERMANENT_CHANNEL || slot == SLOT_TENTATIVE_CHANNEL ||
           slot == SLOT_FINISHED || slot == SLOT_PEER;
}

static void assert_saves_are_news(const Effects *effects, const Shelf *before)
{
    for (size_t i = 0; i < effects_count(effects); i++) {
        const Effect *effect = effects_at(effects, i);
        ShelfRecord record;
        if (effect->kind != EFFECT_SAVE || !must_be_news(effect->save.slot))
            continue;
        shelf_get(before, effect->save.slot, effect->save.index, &record);
        if (record.length == effect->save.length &&
            (record.length == 0 || memcmp(record.bytes, effect->save.bytes, record.length) == 0))
            fail_msg("slot %d, index %u is saved again", effect->save.slot, effect->save.index);
    }
}

static void watch(const Cluster *cluster, int who, const Event *event, bool done)
{
    if (event->kind == EVENT_START) /* what was loaded is not all encoded before it is taken up */
        return;
    if (done) {
        compare(cluster->customers[who], cluster->effects);
        assert_saves_are_news(cluster->effects, cluster->shelves[who]);
    } else {
        assert_all_is_saved(cluster->customers[who], cluster->shelves[who]);
        step_copy(cluster->customers[who], event);
    }
}

static void command(Cluster *cluster, uint64_t *random)
{
    static const char *const others[] = {"checkpoint", "rollback", "deposit 3", "withdrawal 2"};
    int who = (int)random_below(random, MEMBERS);
    uint64_t kind = random_below(random, 12);
    g_autofree char *line =
        kind < 7   ? g_strdup_printf("transfer 1 %s", names[random_below(random, MEMBERS)])
        : kind < 8 ? g_strdup_printf("lost-transfer 1 %s", names[random_below(random, MEMBERS)])
                   : g_strdup(others[kind - 8]);
    cluster_command(cluster, who, line);
}

static void deliver_any(Cluster *cluster, uint64_t *random)
{
    if (cluster->flights->len == 0)
        return;
    guint at = (guint)random_below(random, cluster->flights->len);
    uint64_t fate = random_below(random, 10);
    if (fate > 0)
        cluster_deliver_one(cluster, g_ptr_array_index(cluster->flights, at));
    if (fate < 9)
        g_ptr_array_remove_index(cluster->flights, at);
}

static void run(uint64_t seed)
{
    uint64_t random = seed;
    CashMode cash = random_below(&random, 2) == 0 ? CASH_RESTORE : CASH_COMMIT;
    Cluster *cluster = cluster_new_cash(MEMBERS, cluster_money(100), cash);
    cluster->watch = watch;
    for (int i = 0; i < STEPS; i++) {
        uint64_t what = random_below(&random, 60);
        int who = (int)random_below(&random, MEMBERS);
        if (what == 0)
            cluster_crash(cluster, who);
        else if (what == 1) {
            cluster_stop(cluster, who);
            assert_int_equal(cluster_start(cluster, who, names[who]), LOAD_OK);
        } else if (what < 12)
            command(cluster, &random);
        else if (what < 16)
            cluster_pass(cluster, random_below(&random, 500) * NS_PER_MS);
        else
            deliver_any(cluster, &random);
    }
    assert_true(cluster_settle(cluster));
    cluster_free(cluster);
}

static void a_copy_does_what_the_original_does(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_does_what_the_original_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
