#include "tests/sim/claim.h"

/* --- 1 prefix --- */

static void transfers_that_arrive_in_order_are_fine(History *h)
{
    founded(h, 3);
    sent(h, C1, C2, 100);
    sent(h, C1, C2, 200);
    sent(h, C2, C1, 50);
    received(h, C2, C1);
    received(h, C1, C2);
    received(h, C2, C1);
}

static void a_transfer_never_sent_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    received(h, C2, C1);
}

static void an_orphan_receive_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
}

static void an_orphan_kept_by_a_process_that_goes_on_is_found(History *h)
{
    an_orphan_receive_is_found(h);
    deposited(h, C2, 1);
}

static void a_transfer_received_after_its_undoing_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    rolled_back(h, C1, "c1.1");
    received(h, C2, C1);
}

static void a_transfer_received_twice_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    h->next.label = -1;
    received(h, C2, C1);
}

static void a_gap_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    sent(h, C1, C2, 100);
    h->next.label = 1;
    received(h, C2, C1);
}

static void an_amount_changed_on_the_way_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    h->next.amount = 1;
    h->next.balance = 1;
    received(h, C2, C1);
}

static void a_label_left_out_by_the_sender_is_found(History *h)
{
    founded(h, 2);
    h->next.label = 1;
    sent(h, C1, C2, 100);
}

static void labels_used_again_after_a_rollback_are_fine(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    sent(h, C1, C2, 200);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
    sent(h, C1, C2, 300);
    received(h, C2, C1);
}

/* c1 undoes label 1 and uses it again; c2 keeps the first under that label. */
static void an_old_transfer_under_a_label_used_again_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    sent(h, C1, C2, 100);
}

/* --- 3 no loss --- */

static void a_transfer_that_never_arrives_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
}

static void a_transfer_to_a_member_that_never_joined_is_found(History *h)
{
    opened(h, C1, 100);
    opened(h, C2, 100);
    h->cohort = 1;
    joined(h, C1, 2);
    sent(h, C1, C2, 100);
}

static void a_lost_transfer_between_others_is_fine(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    sent(h, C1, C2, 200);
    lost(h, C1, C2, 2);
    sent(h, C1, C2, 300);
    received(h, C2, C1);
    missing(h, C2, C1);
    received(h, C2, C1);
}

static void a_loss_declared_when_the_receiver_said_so_is_fine(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    missing(h, C2, C1);
    lost(h, C1, C2, 1);
}

static void a_skip_that_was_never_declared_lost_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    missing(h, C2, C1);
}

static void a_loss_that_the_receiver_never_learns_of_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
}

static void a_transfer_received_and_declared_lost_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    lost(h, C1, C2, 1);
}

static void a_transfer_declared_lost_and_received_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    received(h, C2, C1);
}

static void a_loss_declared_twice_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    lost(h, C1, C2, 1);
}

static void a_loss_of_what_was_not_sent_is_found(History *h)
{
    founded(h, 2);
    lost(h, C1, C2, 1);
}

static void a_loss_undone_by_a_rollback_is_declared_again(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    tentative(h, C1, "c1.1");
    permanent(h, C1, "c1.1");
    missing(h, C2, C1);
    lost(h, C1, C2, 1);
    rolled_back(h, C1, "c1.2");
    lost(h, C1, C2, 1);
}

static void a_loss_undone_by_a_rollback_and_never_declared_again_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    tentative(h, C1, "c1.1");
    permanent(h, C1, "c1.1");
    missing(h, C2, C1);
    lost(h, C1, C2, 1);
    rolled_back(h, C1, "c1.2");
}

static void a_permanent_loss_survives_a_rollback(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    tentative(h, C1, "c1.1");
    permanent(h, C1, "c1.1");
    rolled_back(h, C1, "c1.2");
    missing(h, C2, C1);
}

/* A rollback of the sender undoes the skips at a receiver that does not roll back. */
static void skips_undone_by_their_sender_are_fine(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    missing(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    forgot_skips(h, C2, C1, 0);
    sent(h, C1, C2, 300);
    received(h, C2, C1);
}

static void a_transfer_received_once_the_receiver_undid_its_skip_is_fine(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    missing(h, C2, C1);
    rolled_back(h, C2, "c2.1");
    received(h, C2, C1);
}

static void a_cohort_dissolved_with_a_transfer_under_way_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    left(h, C1);
    left(h, C2);
}

static void a_cohort_dissolved_when_settled_is_fine(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    left(h, C1);
    left(h, C2);
    withdrew(h, C2, 600);
    exited(h, C2);
    exited(h, C1);
    opened(h, C1, 5);
}

static void labels_start_again_in_the_next_cohort(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    left(h, C1);
    left(h, C2);
    founded(h, 3);
    sent(h, C1, C2, 200);
    received(h, C2, C1);
    rolled_back(h, C2, "c2.1");
    received(h, C2, C1);
}

/* --- 4 money --- */

static void deposits_and_withdrawals_count(History *h)
{
    opened(h, C3, 0);
    deposited(h, C3, 5);
    founded(h, 2);
    deposited(h, C1, 100);
    withdrew(h, C2, 1000);
    rolled_back(h, C1, "c1.1");
    withdrew(h, C1, 1000);
}

static void a_wrong_balance_is_found(History *h)
{
    founded(h, 2);
    h->next.balance = 1;
    deposited(h, C1, 100);
}

static void committed_cash_survives_a_rollback(History *h)
{
    h->cash_survives = true;
    founded(h, 2);
    sent(h, C1, C2, 100);
    deposited(h, C1, 30);
    withdrew(h, C1, 10);
    h->permanent[C1].balance += 20;
    crashed(h, C1);
    restarted(h, C1, OPENING_BALANCE + 20);
    rolled_back(h, C1, "c1.1");
    withdrew(h, C1, OPENING_BALANCE);
}

static void committed_cash_that_a_rollback_undoes_is_found(History *h)
{
    h->cash_survives = true;
    founded(h, 2);
    deposited(h, C1, 30);
    rolled_back(h, C1, "c1.1");
}

static void a_balance_below_zero_is_found(History *h)
{
    founded(h, 2);
    withdrew(h, C1, 1001);
}

static void a_balance_that_changes_by_leaving_is_found(History *h)
{
    founded(h, 2);
    left(h, C1);
    h->next.balance = -1;
    left(h, C2);
}

static void a_balance_not_restored_is_found(History *h)
{
    founded(h, 2);
    deposited(h, C1, 100);
    h->next.balance = 100;
    rolled_back(h, C1, "c1.1");
}

static void a_checkpoint_with_a_wrong_balance_is_found(History *h)
{
    founded(h, 2);
    deposited(h, C1, 100);
    h->next.balance = -100;
    tentative(h, C1, "c1.1");
    discarded(h, C1, "c1.1");
}

static void an_account_opened_again_keeps_its_balance(History *h)
{
    opened(h, C1, 100);
    deposited(h, C1, 50);
    opened(h, C1, 150);
}

static void an_account_opened_again_with_more_is_found(History *h)
{
    opened(h, C1, 100);
    opened(h, C1, 150);
}

int main(void)
{
    static const Claim claims[] = {
        CLAIM(transfers_that_arrive_in_order_are_fine, NOTHING),
        CLAIM(a_transfer_never_sent_is_found, FINDS(RULE_PREFIX)),
        /* While the run goes on, c2 may have voted and not know of the decision yet. */
        CLAIM_AT_END(an_orphan_receive_is_found, FINDS(RULE_PREFIX) | FINDS(RULE_MINIMALITY)),
        CLAIM(an_orphan_kept_by_a_process_that_goes_on_is_found,
              FINDS(RULE_PREFIX) | FINDS(RULE_MINIMALITY)),
        CLAIM(a_transfer_received_after_its_undoing_is_found, FINDS(RULE_PREFIX)),
        CLAIM(a_transfer_received_twice_is_found, FINDS(RULE_PREFIX)),
        CLAIM(a_gap_is_found, FINDS(RULE_PREFIX)),
        CLAIM(an_amount_changed_on_the_way_is_found, FINDS(RULE_PREFIX)),
        CLAIM(a_label_left_out_by_the_sender_is_found, FINDS(RULE_PREFIX)),
        CLAIM(labels_used_again_after_a_rollback_are_fine, NOTHING),
        CLAIM_AT_END(an_old_transfer_under_a_label_used_again_is_found,
                     FINDS(RULE_PREFIX) | FINDS(RULE_MINIMALITY)),
        CLAIM_AT_END(a_transfer_that_never_arrives_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM_AT_END(a_transfer_to_a_member_that_never_joined_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM(a_lost_transfer_between_others_is_fine, NOTHING),
        CLAIM(a_loss_declared_when_the_receiver_said_so_is_fine, NOTHING),
        CLAIM_AT_END(a_skip_that_was_never_declared_lost_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM_AT_END(a_loss_that_the_receiver_never_learns_of_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM(a_transfer_received_and_declared_lost_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM(a_transfer_declared_lost_and_received_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM(a_loss_declared_twice_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM(a_loss_of_what_was_not_sent_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM(a_loss_undone_by_a_rollback_is_declared_again, NOTHING),
        CLAIM_AT_END(a_loss_undone_by_a_rollback_and_never_declared_again_is_found,
                     FINDS(RULE_NO_LOSS)),
        CLAIM(a_permanent_loss_survives_a_rollback, NOTHING),
        CLAIM(skips_undone_by_their_sender_are_fine, NOTHING),
        CLAIM(a_transfer_received_once_the_receiver_undid_its_skip_is_fine, NOTHING),
        CLAIM(a_cohort_dissolved_with_a_transfer_under_way_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM(a_cohort_dissolved_when_settled_is_fine, NOTHING),
        CLAIM(labels_start_again_in_the_next_cohort, NOTHING),
        CLAIM(deposits_and_withdrawals_count, NOTHING),
        CLAIM(a_wrong_balance_is_found, FINDS(RULE_MONEY)),
        CLAIM(committed_cash_survives_a_rollback, NOTHING),
        CLAIM(committed_cash_that_a_rollback_undoes_is_found, FINDS(RULE_MONEY)),
        CLAIM(a_balance_below_zero_is_found, FINDS(RULE_MONEY)),
        CLAIM(a_balance_that_changes_by_leaving_is_found, FINDS(RULE_MONEY)),
        CLAIM(a_balance_not_restored_is_found, FINDS(RULE_MONEY)),
        CLAIM(a_checkpoint_with_a_wrong_balance_is_found, FINDS(RULE_MONEY)),
        CLAIM(an_account_opened_again_keeps_its_balance, NOTHING),
        CLAIM(an_account_opened_again_with_more_is_found, FINDS(RULE_MONEY)),
    };
    return claims_run(claims, G_N_ELEMENTS(claims));
}
