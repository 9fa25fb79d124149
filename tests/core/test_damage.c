/* A customer's records that are damaged, missing, or not of one state: no start takes them for
 * sound, and none breaks the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/cash.h"
#include "core/customer_state.h"
#include "tests/core/cluster.h"

enum { A, B, C };

static Shelf *copy_of(const Shelf *shelf)
{
    Shelf *copy = shelf_new();
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        ShelfRecord record = shelf_at(shelf, i);
        shelf_put(copy, record.slot, record.index, record.bytes, record.length);
    }
    return copy;
}

static LoadResult load(const Cluster *cluster, int who, const Shelf *shelf)
{
    CustomerConfig config = cluster->customers[who]->config;
    config.resume = *customer_name(cluster->customers[who]);
    Customer *customer = customer_new(&config);
    LoadResult result = customer_load(customer, shelf);
    customer_free(customer);
    return result;
}

/* With these bytes in the place of a record. */
static LoadResult load_with(const Cluster *cluster, int who, ShelfRecord record,
                            const uint8_t *bytes, size_t length)
{
    Shelf *shelf = copy_of(cluster->shelves[who]);
    shelf_put(shelf, record.slot, record.index, bytes, length);
    LoadResult result = load(cluster, who, shelf);
    shelf_free(shelf);
    return result;
}

/* A has said yes to B's checkpoint, and undone nothing of its cash. */
static Cluster *voted(void)
{
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "deposit 5");
    cluster_do(cluster, A, "withdrawal 1");
    cluster_do(cluster, A, "lost-transfer 3 c");
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "checkpoint-vote");
    cluster_do(cluster, B, "checkpoint");
    return cluster;
}

/* A and B are in the midst of A's rollback. */
static Cluster *rolling(void)
{
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "prepare-vote");
    cluster_do(cluster, A, "rollback");
    return cluster;
}

/* A has decided, and nobody has heard of it. */
static Cluster *announcing(void)
{
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_hold(cluster, "decision");
    cluster_do(cluster, A, "rollback");
    return cluster;
}

/* Rule 6 of "Membership": everybody has said what he leaves with. */
static Cluster *leaving(int count)
{
    Cluster *cluster = cluster_new(count, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    for (int who = 0; who < count; who++) {
        Message order = {.kind = MESSAGE_DISSOLVE,
                         .dissolve = {.cohort = 1, .attempt = 1, .order = DISSOLVE_QUIESCE}};
        cluster_from_bank(cluster, who, &order);
        order.dissolve.order = DISSOLVE_PREPARE;
        cluster_from_bank(cluster, who, &order);
    }
    return cluster;
}

static Cluster *three_leaving(void)
{
    return leaving(3);
}

static Cluster *(*const situations[])(void) = {voted, rolling, announcing, three_leaving};

/* What a customer may be without: it then has no tentative checkpoint, or no cash to list. */
static bool optional(Slot slot)
{
    return slot == SLOT_TENTATIVE || slot == SLOT_TENTATIVE_CHANNEL || slot == SLOT_CASH;
}

typedef void Trial(const Cluster *cluster, int who, ShelfRecord record);

static void try_all(Trial *trial)
{
    for (size_t i = 0; i < G_N_ELEMENTS(situations); i++) {
        Cluster *cluster = situations[i]();
        for (int who = 0; who < cluster->count; who++) {
            const Shelf *shelf = cluster->shelves[who];
            assert_int_equal(load(cluster, who, shelf), LOAD_OK);
            for (size_t at = 0; at < shelf_count(shelf); at++)
                trial(cluster, who, shelf_at(shelf, at));
        }
        cluster_free(cluster);
    }
}

static void without(const Cluster *cluster, int who, ShelfRecord record)
{
    LoadResult result = load_with(cluster, who, record, NULL, 0);
    assert_int_equal(result, optional(record.slot) ? LOAD_OK : LOAD_DAMAGED);
}

static void a_record_that_is_missing_is_missed(void **state)
{
    (void)state;
    try_all(without);
}

static void cut(const Cluster *cluster, int who, ShelfRecord record)
{
    for (size_t length = 1; length < record.length; length++)
        assert_int_equal(load_with(cluster, who, record, record.bytes, length), LOAD_DAMAGED);
}

static void a_record_that_is_cut_short_is_damaged(void **state)
{
    (void)state;
    try_all(cut);
}

static void lengthen(const Cluster *cluster, int who, ShelfRecord record)
{
    g_autofree uint8_t *longer = g_malloc0(record.length + 1);
    memcpy(longer, record.bytes, record.length);
    assert_int_equal(load_with(cluster, who, record, longer, record.length + 1), LOAD_DAMAGED);
}

static void a_record_that_goes_on_is_damaged(void **state)
{
    (void)state;
    try_all(lengthen);
}

/* Anything may come out of other bytes, but nothing that breaks the program. */
static void change(const Cluster *cluster, int who, ShelfRecord record)
{
    for (size_t at = 0; at < record.length; at++) {
        for (int bit = 0; bit <= 8; bit++) {
            g_autofree uint8_t *changed = g_memdup2(record.bytes, record.length);
            changed[at] ^= (uint8_t)(bit < 8 ? 1 << bit : 0xff);
            (void)load_with(cluster, who, record, changed, record.length);
        }
    }
}

static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    try_all(change);
}

static void an_orderly_end_without_an_account_is_damaged(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_stop(cluster, A);
    assert_int_equal(load(cluster, A, cluster->shelves[A]), LOAD_OK);
    shelf_put(cluster->shelves[A], SLOT_ACCOUNT, 0, NULL, 0);
    shelf_put(cluster->shelves[A], SLOT_COHORT, 0, NULL, 0);
    assert_int_equal(load(cluster, A, cluster->shelves[A]), LOAD_DAMAGED);
    cluster_free(cluster);
}

static void an_orderly_end_that_is_cut_short_is_damaged(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    ShelfRecord record;
    cluster_stop(cluster, A);
    assert_true(shelf_get(cluster->shelves[A], SLOT_ORDERLY, 0, &record));
    assert_int_equal(load_with(cluster, A, record, record.bytes, record.length - 1), LOAD_DAMAGED);
    cluster_free(cluster);
}

static void a_record_of_another_version_is_damaged(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    ShelfRecord record;
    assert_true(shelf_get(cluster->shelves[A], SLOT_ACCOUNT, 0, &record));
    g_autofree uint8_t *later = g_memdup2(record.bytes, record.length);
    assert_int_equal(load_with(cluster, A, record, later, record.length), LOAD_OK);
    later[0]++;
    assert_int_equal(load_with(cluster, A, record, later, record.length), LOAD_DAMAGED);
    cluster_free(cluster);
}

/* What it left with names two, the cohort's record three. */
static void a_final_state_of_another_cohort_is_damaged(void **state)
{
    (void)state;
    Cluster *two = leaving(2);
    Cluster *three = leaving(3);
    ShelfRecord account;
    assert_true(shelf_get(two->shelves[A], SLOT_ACCOUNT, 0, &account));
    assert_int_equal(load_with(three, A, account, account.bytes, account.length), LOAD_DAMAGED);
    cluster_free(two);
    cluster_free(three);
}

/* A tentative checkpoint is kept with the yes that was said, and a process is engaged once. */
static void a_tentative_checkpoint_in_the_midst_of_a_rollback_is_damaged(void **state)
{
    (void)state;
    Cluster *checkpoint = voted();
    Cluster *rollback = rolling();
    ShelfRecord tentative;
    assert_true(shelf_get(checkpoint->shelves[A], SLOT_TENTATIVE, 0, &tentative));
    assert_int_equal(load_with(rollback, A, tentative, tentative.bytes, tentative.length),
                     LOAD_DAMAGED);
    cluster_free(checkpoint);
    cluster_free(rollback);
}

/* The record tells whether there is an engagement, and then which. */
static void an_engagement_that_is_no_rollback_is_damaged_among_those_that_are(void **state)
{
    (void)state;
    Cluster *none = cluster_new(3, cluster_money(100));
    Cluster *rollback = rolling();
    ShelfRecord without_one, with_one;
    assert_true(shelf_get(none->shelves[A], SLOT_CONTROL, 0, &without_one));
    assert_true(shelf_get(rollback->shelves[A], SLOT_CONTROL, 0, &with_one));
    g_autofree uint8_t *changed = g_memdup2(with_one.bytes, with_one.length);
    uint8_t *engaged = &changed[without_one.length];
    assert_int_equal(*engaged, ENGAGED_ROLLBACK);
    *engaged = ENGAGED_CHECKPOINT;
    assert_int_equal(load_with(rollback, A, with_one, changed, with_one.length), LOAD_DAMAGED);
    cluster_free(none);
    cluster_free(rollback);
}

static void a_tentative_checkpoint_of_no_checkpoint_or_without_a_yes_is_damaged(void **state)
{
    (void)state;
    enum { ENGAGED_AT = 0, VOTED_AT = 21 };
    Cluster *cluster = voted();
    ShelfRecord record;
    assert_true(shelf_get(cluster->shelves[A], SLOT_TENTATIVE, 0, &record));
    g_autofree uint8_t *changed = g_memdup2(record.bytes, record.length);
    assert_int_equal(changed[ENGAGED_AT], ENGAGED_CHECKPOINT);
    assert_int_equal(changed[VOTED_AT], true);
    changed[ENGAGED_AT] = ENGAGED_ROLLBACK;
    assert_int_equal(load_with(cluster, A, record, changed, record.length), LOAD_DAMAGED);
    changed[ENGAGED_AT] = ENGAGED_CHECKPOINT;
    changed[VOTED_AT] = false;
    assert_int_equal(load_with(cluster, A, record, changed, record.length), LOAD_DAMAGED);
    cluster_free(cluster);
}

static void a_channel_that_a_stranger_closed_is_damaged(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Process *process = &cluster->customers[A]->process;
    for (uint16_t initiator = B; initiator <= 3; initiator++) {
        process->peers[B].channel.closed.instance = (Instance){initiator, 5};
        process->control_changed = true;
        cluster_command(cluster, A, "balance");
        assert_int_equal(load(cluster, A, cluster->shelves[A]),
                         initiator <= C ? LOAD_OK : LOAD_DAMAGED);
    }
    cluster_free(cluster);
}

static void more_cash_than_is_ever_listed_is_damaged(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    ShelfRecord record;
    for (int i = 0; i < CASH_LISTED_MAX; i++)
        cluster_command(cluster, A, "deposit 1");
    assert_int_equal(load(cluster, A, cluster->shelves[A]), LOAD_OK);
    assert_true(shelf_get(cluster->shelves[A], SLOT_CASH, 0, &record));
    record.index = CASH_LISTED_MAX;
    assert_int_equal(load_with(cluster, A, record, record.bytes, record.length), LOAD_DAMAGED);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_that_is_missing_is_missed),
        cmocka_unit_test(a_record_that_is_cut_short_is_damaged),
        cmocka_unit_test(a_record_that_goes_on_is_damaged),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(an_orderly_end_without_an_account_is_damaged),
        cmocka_unit_test(an_orderly_end_that_is_cut_short_is_damaged),
        cmocka_unit_test(a_record_of_another_version_is_damaged),
        cmocka_unit_test(a_final_state_of_another_cohort_is_damaged),
        cmocka_unit_test(a_tentative_checkpoint_in_the_midst_of_a_rollback_is_damaged),
        cmocka_unit_test(an_engagement_that_is_no_rollback_is_damaged_among_those_that_are),
        cmocka_unit_test(a_tentative_checkpoint_of_no_checkpoint_or_without_a_yes_is_damaged),
        cmocka_unit_test(a_channel_that_a_stranger_closed_is_damaged),
        cmocka_unit_test(more_cash_than_is_ever_listed_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
