/* One test per claim of the paper (R. Koo and S. Toueg, 1987), named so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "tests/core/cluster.h"

enum { A, B, C, D };

/* Section 3: a checkpoint is taken by the initiator and by those it received from, alone. */
static void a_checkpoint_is_taken_by_those_received_from_and_nobody_else(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(4, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster_do(cluster, C, "transfer 1 d");
    cluster_do(cluster, B, "checkpoint");
    assert_int_equal(cluster_told(cluster, "b SUCCESS checkpoint balance 101 members b,a\n"), 1);
    assert_int_equal(cluster_traced(cluster, "permanent"), 2);
    assert_int_equal(cluster_traced(cluster, "c tentative") + cluster_traced(cluster, "d tenta"),
                     0);
    assert_true(cluster_settle(cluster));
    cluster_free(cluster);
}

/* Section 3.1: who has received nothing since its last checkpoint needs nobody. */
static void a_sender_checkpoints_alone(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 5 b");
    cluster_do(cluster, A, "checkpoint");
    assert_int_equal(cluster_told(cluster, "a SUCCESS checkpoint balance 95 members a\n"), 1);
    assert_int_equal(cluster_traced(cluster, "tentative"), 1);
    cluster_free(cluster);
}

/* Section 3.2: the request goes on along the chain of those who received. */
static void a_checkpoint_follows_the_chain_of_receipts(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(4, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster_do(cluster, B, "transfer 1 c");
    cluster_do(cluster, C, "transfer 1 d");
    cluster_do(cluster, D, "checkpoint");
    assert_int_equal(cluster_told(cluster, "d SUCCESS checkpoint balance 101 members d,a,b,c\n"),
                     1);
    cluster_free(cluster);
}

/* Section 3.2: whose permanent checkpoint already records the sending is left alone. */
static void a_sender_whose_checkpoint_covers_the_receipt_is_left_alone(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, B, "checkpoint");
    assert_int_equal(cluster_told(cluster, "b SUCCESS checkpoint balance 101 members b\n"), 1);
    cluster_free(cluster);
}

/* Section 4: a process rolls back if and only if it holds what is undone. */
static void a_rollback_takes_those_who_hold_what_it_undoes_and_nobody_else(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(4, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster_do(cluster, B, "transfer 1 c");
    cluster_do(cluster, D, "transfer 1 a");
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster_told(cluster, "a SUCCESS rollback balance 100 members a,b,c\n"), 1);
    assert_int_equal(cluster_traced(cluster, "rolled_back"), 3);
    assert_true(cluster_settle(cluster));
    cluster_free(cluster);
}

/* Section 4: who only received keeps what it received only from those who keep having sent it. */
static void a_receiver_rolls_back_alone_and_gets_its_transfers_again(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 30 b");
    cluster_do(cluster, B, "rollback");
    assert_int_equal(cluster_told(cluster, "b SUCCESS rollback balance 100 members b\n"), 1);
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "b received a label 1 amount 30"), 2);
    assert_int_equal(cluster_balance(cluster, B), cluster_money(130));
    cluster_free(cluster);
}

/* Section 2: no process recovers to a state that holds a transfer nobody has sent. */
static void rollback_leaves_no_orphan(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, A, "transfer 20 b");
    cluster_do(cluster, B, "transfer 50 c");
    cluster_do(cluster, A, "rollback");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, A), cluster_money(90));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(110));
    assert_int_equal(cluster_balance(cluster, C), cluster_money(100));
    cluster_free(cluster);
}

/* Section 3: either all who took a tentative checkpoint make it permanent, or none does. */
static void a_checkpoint_is_permanent_everywhere_or_nowhere(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster_do(cluster, B, "transfer 1 a");
    cluster_command(cluster, A, "checkpoint");
    cluster_command(cluster, B, "checkpoint");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_told(cluster, "SUCCESS checkpoint"), 2);
    assert_int_equal(cluster_traced(cluster, "tentative"),
                     cluster_traced(cluster, "permanent") + cluster_traced(cluster, "discarded"));
    cluster_free(cluster);
}

static bool hold_votes(const Flight *flight, void *context)
{
    (void)context;
    return strstr(flight->kinds, "vote") != NULL;
}

/* Section 3: from its tentative checkpoint until the decision a process sends nothing new. */
static void nothing_new_is_sent_between_tentative_checkpoint_and_decision(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster->hold = hold_votes;
    cluster_do(cluster, B, "checkpoint");
    cluster_do(cluster, A, "transfer 2 b");
    cluster_do(cluster, B, "transfer 3 a");
    assert_int_equal(cluster_traced(cluster, " sent "), 1);
    cluster->hold = NULL;
    cluster_deliver(cluster);
    assert_int_equal(cluster_traced(cluster, " sent "), 3);
    assert_true(cluster_settle(cluster));
    cluster_free(cluster);
}

/* Section 3: "at most two checkpoints", one permanent and one tentative. */
static void a_process_engaged_in_one_instance_refuses_another(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster_do(cluster, A, "transfer 1 c");
    cluster->hold = hold_votes;
    cluster_do(cluster, B, "checkpoint");
    cluster_do(cluster, C, "checkpoint");
    assert_int_equal(cluster_traced(cluster, "a tentative"), 1);
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_told(cluster, "SUCCESS checkpoint"), 2);
    cluster_free(cluster);
}

/* Section 5: concurrent initiators neither block each other for ever nor starve. */
static void concurrent_initiators_all_come_through(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(4, cluster_money(100));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 4; i++) {
            char line[32];
            g_snprintf(line, sizeof line, "transfer 1 %c", "abcd"[(i + 1) % 4]);
            cluster_do(cluster, i, line);
        }
        for (int i = 0; i < 4; i++)
            cluster_command(cluster, i, (round + i) % 2 == 0 ? "checkpoint" : "rollback");
        assert_true(cluster_settle(cluster));
    }
    assert_int_equal(cluster_told(cluster, "SUCCESS checkpoint") +
                         cluster_told(cluster, "SUCCESS rollback"),
                     20);
    cluster_free(cluster);
}

static bool hold_transfers(const Flight *flight, void *context)
{
    (void)context;
    return strstr(flight->kinds, "transfer") != NULL;
}

/* Section 4, livelock: a transfer sent before a rollback and delivered after it is not taken for
 * one sent since, so that it cannot make anybody roll back again. */
static void a_transfer_from_before_a_rollback_does_not_arrive_after_it(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster->hold = hold_transfers;
    cluster_do(cluster, A, "transfer 7 b");
    cluster_do(cluster, A, "rollback");
    cluster->hold = NULL;
    cluster_do(cluster, A, "transfer 9 b");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "b received"), 1);
    assert_int_equal(cluster_traced(cluster, "b received a label 1 amount 9"), 1);
    assert_int_equal(cluster_balance(cluster, B), cluster_money(109));
    cluster_free(cluster);
}

static bool hold_decisions(const Flight *flight, void *context)
{
    (void)context;
    return strstr(flight->kinds, "decision") != NULL;
}

/* Section 4: who voted yes and waits sends nothing before the decision. */
static void whoever_rolls_back_is_silent_until_the_decision(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 1 b");
    cluster->hold = hold_decisions;
    cluster_do(cluster, A, "rollback");
    cluster_do(cluster, B, "transfer 2 c");
    assert_int_equal(cluster_traced(cluster, "b sent"), 0);
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_traced(cluster, "b sent"), 1);
    cluster_free(cluster);
}

typedef struct Costs {
    int requests;
    int votes;
    int decisions;
} Costs;

/* Holds nothing back; counts. */
static bool count_costs(const Flight *flight, void *context)
{
    Costs *costs = context;
    costs->requests += strstr(flight->kinds, "checkpoint-request") != NULL;
    costs->votes += strstr(flight->kinds, "checkpoint-vote") != NULL;
    costs->decisions +=
        strstr(flight->kinds, "decision") != NULL && strstr(flight->kinds, "decision-ack") == NULL;
    return false;
}

/* Section 3.2, costs: a request, an answer and a decision for every edge of the tree; and whoever
 * has sent nothing since the last checkpoint is not even asked. */
static void a_checkpoint_costs_three_messages_an_edge_and_asks_nobody_in_vain(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    Costs costs = {0};
    cluster_do(cluster, A, "transfer 1 b");
    cluster_do(cluster, B, "transfer 1 c");
    cluster->hold = count_costs;
    cluster->hold_context = &costs;
    cluster_do(cluster, C, "checkpoint");
    assert_int_equal(costs.requests, 2);
    assert_int_equal(costs.votes, 2);
    assert_int_equal(costs.decisions, 2);
    cluster_do(cluster, C, "checkpoint");
    assert_int_equal(costs.requests, 2);
    cluster_free(cluster);
}

/* Nothing of the network's doubling is ever done twice. */
static void everything_doubled_changes_nothing(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    static const char *const lines[] = {"transfer 10 b", "transfer 4 c", "checkpoint",
                                        "transfer 3 b",  "rollback",     "lost-transfer 2 c"};
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        cluster_command(cluster, A, lines[i]);
        for (int round = 0; round < 4; round++)
            cluster_double(cluster);
        cluster_deliver(cluster);
    }
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, A), cluster_money(84));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(110));
    assert_int_equal(cluster_balance(cluster, C), cluster_money(104));
    cluster_free(cluster);
}

/* A lost transfer is skipped, so that nothing waits behind it; a rollback gives it back. */
static void a_lost_transfer_is_missing_there_and_restored_by_a_rollback(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "lost-transfer 40 b");
    cluster_do(cluster, A, "transfer 1 b");
    assert_int_equal(cluster_traced(cluster, "a lost b label 1 amount 40"), 1);
    assert_int_equal(cluster_traced(cluster, "b missing a label 1"), 1);
    assert_int_equal(cluster_traced(cluster, "b received a label 2 amount 1"), 1);
    cluster_do(cluster, A, "rollback");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, A), cluster_money(100));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(100));
    cluster_free(cluster);
}

/* Rule 7 of "Lost transfers": a skip drags nobody into a rollback. */
static void a_skip_drags_nobody_into_a_rollback(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    cluster_do(cluster, A, "lost-transfer 40 b");
    cluster_do(cluster, A, "rollback");
    assert_int_equal(cluster_told(cluster, "a SUCCESS rollback balance 100 members a\n"), 1);
    cluster_do(cluster, A, "transfer 5 b");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, B), cluster_money(105));
    cluster_free(cluster);
}

static void losses_become_permanent_with_a_checkpoint_that_says_so(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(2, cluster_money(100));
    char event[32];
    cluster_do(cluster, A, "lost-transfer 40 b");
    cluster_do(cluster, A, "checkpoint");
    g_snprintf(event, sizeof event, "a EVENT %d ", (int)NOTICE_OPEN_LOSSES);
    assert_int_equal(cluster_told(cluster, event), 1);
    cluster_do(cluster, A, "rollback");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_balance(cluster, A), cluster_money(60));
    cluster_do(cluster, A, "checkpoint");
    assert_int_equal(cluster_told(cluster, event), 1);
    /* Once the receiver's checkpoint covers it too, no log holds it; it is still accounted for. */
    cluster_do(cluster, B, "checkpoint");
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster->customers[A]->process.peers[B].channel.state.log->len, 0);
    assert_int_equal(account_lost_released(&cluster->customers[A]->process.application),
                     cluster_money(40));
    cluster_free(cluster);
}

/* One encoding serves storage, cloning and hashing: it must hold everything. */
static void a_clone_made_from_the_encoding_is_the_same_process(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_do(cluster, A, "transfer 10 b");
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, A, "lost-transfer 5 c");
    cluster->hold = hold_votes;
    cluster_do(cluster, B, "transfer 3 c");
    cluster_do(cluster, C, "checkpoint");
    for (int i = 0; i < 3; i++) {
        CustomerConfig config = cluster->customers[i]->config;
        Customer *clone = customer_new(&config);
        GBytes *before = cluster_encoded(cluster->customers[i]);
        gsize length;
        const uint8_t *bytes = g_bytes_get_data(before, &length);
        assert_true(customer_decode(clone, bytes, length));
        GBytes *after = cluster_encoded(clone);
        assert_true(g_bytes_equal(before, after));
        g_bytes_unref(before);
        g_bytes_unref(after);
        customer_free(cluster->customers[i]);
        cluster->customers[i] = clone;
    }
    cluster->hold = NULL;
    assert_true(cluster_settle(cluster));
    assert_int_equal(cluster_told(cluster, "c SUCCESS checkpoint balance 103 members c,b\n"), 1);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_is_taken_by_those_received_from_and_nobody_else),
        cmocka_unit_test(a_sender_checkpoints_alone),
        cmocka_unit_test(a_checkpoint_follows_the_chain_of_receipts),
        cmocka_unit_test(a_sender_whose_checkpoint_covers_the_receipt_is_left_alone),
        cmocka_unit_test(a_rollback_takes_those_who_hold_what_it_undoes_and_nobody_else),
        cmocka_unit_test(a_receiver_rolls_back_alone_and_gets_its_transfers_again),
        cmocka_unit_test(rollback_leaves_no_orphan),
        cmocka_unit_test(a_checkpoint_is_permanent_everywhere_or_nowhere),
        cmocka_unit_test(nothing_new_is_sent_between_tentative_checkpoint_and_decision),
        cmocka_unit_test(a_process_engaged_in_one_instance_refuses_another),
        cmocka_unit_test(concurrent_initiators_all_come_through),
        cmocka_unit_test(a_transfer_from_before_a_rollback_does_not_arrive_after_it),
        cmocka_unit_test(whoever_rolls_back_is_silent_until_the_decision),
        cmocka_unit_test(a_checkpoint_costs_three_messages_an_edge_and_asks_nobody_in_vain),
        cmocka_unit_test(everything_doubled_changes_nothing),
        cmocka_unit_test(a_lost_transfer_is_missing_there_and_restored_by_a_rollback),
        cmocka_unit_test(a_skip_drags_nobody_into_a_rollback),
        cmocka_unit_test(losses_become_permanent_with_a_checkpoint_that_says_so),
        cmocka_unit_test(a_clone_made_from_the_encoding_is_the_same_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
