#include "tests/sim/claim.h"

/* --- 2 consistency --- */

static void a_checkpoint_of_all_who_depend_is_fine(History *h)
{
    founded(h, 3);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    tentative(h, C2, "c2.1");
    tentative(h, C1, "c2.1");
    permanent(h, C2, "c2.1");
    sent(h, C2, C1, 10);
    permanent(h, C1, "c2.1");
    received(h, C1, C2);
}

static void a_permanent_checkpoint_with_an_orphan_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    tentative(h, C2, "c2.1");
    permanent(h, C2, "c2.1");
}

static void a_permanent_checkpoint_unlike_its_tentative_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    tentative(h, C1, "c1.1");
    h->next.sent = 1;
    permanent(h, C1, "c1.1");
}

static void a_tentative_checkpoint_unlike_the_state_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    sent(h, C1, C2, 100);
    h->next.sent = -1;
    tentative(h, C1, "c1.1");
}

static void a_checkpoint_that_forgets_what_was_received_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    sent(h, C1, C2, 100);
    tentative(h, C1, "c1.1");
    permanent(h, C1, "c1.1");
    received(h, C2, C1);
    received(h, C2, C1);
    h->next.received = -1;
    tentative(h, C2, "c2.1");
}

static void a_restored_state_unlike_the_permanent_one_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    tentative(h, C1, "c1.1");
    permanent(h, C1, "c1.1");
    h->next.sent = 1;
    rolled_back(h, C1, "c1.2");
}

static void a_checkpoint_made_permanent_though_a_rollback_overtook_it_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    tentative(h, C1, "c1.1");
    rolled_back(h, C1, "c1.2");
    permanent(h, C1, "c1.1");
}

static void a_checkpoint_that_keeps_trailing_skips_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    missing(h, C2, C1);
    tentative(h, C2, "c2.1");
    permanent(h, C2, "c2.1");
}

static void a_checkpoint_that_drops_trailing_skips_is_fine(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    missing(h, C2, C1);
    h->next.received = -1;
    tentative(h, C2, "c2.1");
    permanent(h, C2, "c2.1");
    sent(h, C1, C2, 100);
    received(h, C2, C1);
}

/* --- 5 minimality --- */

/* c3 received from c2, and c2 from c1, since their permanent checkpoints. */
static void chain(History *h)
{
    founded(h, 4);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    sent(h, C2, C3, 100);
    received(h, C3, C2);
}

static void a_checkpoint_of_the_whole_chain_is_fine(History *h)
{
    chain(h);
    tentative(h, C3, "c3.1");
    tentative(h, C2, "c3.1");
    tentative(h, C1, "c3.1");
    permanent(h, C3, "c3.1");
    permanent(h, C2, "c3.1");
    permanent(h, C1, "c3.1");
}

static void a_checkpoint_that_left_out_a_needed_process_is_found(History *h)
{
    chain(h);
    tentative(h, C3, "c3.1");
    tentative(h, C2, "c3.1");
    permanent(h, C3, "c3.1");
    permanent(h, C2, "c3.1");
}

static void a_checkpoint_that_dragged_an_unneeded_process_is_found(History *h)
{
    chain(h);
    tentative(h, C2, "c2.1");
    tentative(h, C1, "c2.1");
    tentative(h, C4, "c2.1");
    permanent(h, C2, "c2.1");
    permanent(h, C1, "c2.1");
    permanent(h, C4, "c2.1");
}

static void a_sender_that_already_holds_the_sending_is_not_needed(History *h)
{
    chain(h);
    tentative(h, C2, "c2.1");
    tentative(h, C1, "c2.1");
    permanent(h, C2, "c2.1");
    permanent(h, C1, "c2.1");
    tentative(h, C3, "c3.1");
    permanent(h, C3, "c3.1");
}

static void a_skip_drags_nobody_into_a_checkpoint(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    missing(h, C2, C1);
    sent(h, C2, C1, 100);
    h->next.received = -1;
    tentative(h, C2, "c2.1");
    permanent(h, C2, "c2.1");
    received(h, C1, C2);
}

static void a_skip_that_dragged_its_sender_into_a_checkpoint_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    missing(h, C2, C1);
    tentative(h, C2, "c2.1");
    tentative(h, C1, "c2.1");
    permanent(h, C2, "c2.1");
    permanent(h, C1, "c2.1");
}

static void a_rollback_of_the_whole_chain_is_fine(History *h)
{
    chain(h);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
    rolled_back(h, C3, "c1.1");
}

static void a_rollback_that_dragged_an_unneeded_process_is_found(History *h)
{
    chain(h);
    rolled_back(h, C2, "c2.1");
    rolled_back(h, C3, "c2.1");
    rolled_back(h, C1, "c2.1");
}

static void a_sender_is_not_needed_in_a_rollback(History *h)
{
    chain(h);
    rolled_back(h, C3, "c3.1");
    received(h, C3, C2);
}

static void a_skip_drags_nobody_into_a_rollback(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    missing(h, C2, C1);
    rolled_back(h, C1, "c1.1");
}

/* --- 6 agreement --- */

static void a_checkpoint_without_an_end_is_found(History *h)
{
    founded(h, 2);
    tentative(h, C1, "c1.1");
}

static void a_discarded_checkpoint_changes_nothing(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    tentative(h, C2, "c2.1");
    tentative(h, C1, "c2.1");
    discarded(h, C1, "c2.1");
    discarded(h, C2, "c2.1");
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
}

static void two_verdicts_on_one_checkpoint_are_found(History *h)
{
    founded(h, 2);
    tentative(h, C1, "c1.1");
    tentative(h, C2, "c1.1");
    permanent(h, C1, "c1.1");
    discarded(h, C2, "c1.1");
}

static void a_permanent_checkpoint_that_was_never_tentative_is_found(History *h)
{
    founded(h, 2);
    h->tentative[C1] = h->now[C1];
    permanent(h, C1, "c1.1");
}

static void a_checkpoint_decided_before_its_participants_are_ready_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    tentative(h, C2, "c2.1");
    permanent(h, C2, "c2.1");
    tentative(h, C1, "c2.1");
    permanent(h, C1, "c2.1");
}

static void a_rollback_done_twice_by_a_process_is_found(History *h)
{
    founded(h, 2);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C1, "c1.1");
}

static void a_member_that_never_leaves_a_dissolved_cohort_is_found(History *h)
{
    founded(h, 2);
    left(h, C1);
}

static void leaving_with_an_open_checkpoint_is_found(History *h)
{
    founded(h, 2);
    tentative(h, C1, "c1.1");
    left(h, C1);
    left(h, C2);
}

/* --- 7 two checkpoints --- */

static void a_second_tentative_checkpoint_is_found(History *h)
{
    founded(h, 2);
    tentative(h, C1, "c1.1");
    tentative(h, C1, "c2.1");
    discarded(h, C1, "c2.1");
}

/* --- 8 discipline --- */

static void receiving_between_tentative_and_decision_is_fine(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    tentative(h, C2, "c2.1");
    received(h, C2, C1);
    permanent(h, C2, "c2.1");
    rolled_back(h, C2, "c2.2");
    received(h, C2, C1);
}

static void sending_between_tentative_and_decision_is_found(History *h)
{
    founded(h, 2);
    tentative(h, C1, "c1.1");
    sent(h, C1, C2, 100);
    permanent(h, C1, "c1.1");
    received(h, C2, C1);
}

static void sending_before_a_decided_rollback_is_done_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    sent(h, C2, C1, 100);
    rolled_back(h, C2, "c1.1");
}

static void cash_before_a_decided_rollback_is_done_is_undone_with_the_rest(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    deposited(h, C2, 100);
    rolled_back(h, C2, "c1.1");
}

static void an_incarnation_that_does_not_grow_is_found(History *h)
{
    founded(h, 2);
    h->next.inc = -1;
    rolled_back(h, C1, "c1.1");
}

static void an_incarnation_that_grows_without_a_rollback_is_found(History *h)
{
    founded(h, 2);
    h->next.inc = 1;
    deposited(h, C1, 100);
}

static void an_incarnation_may_start_again_in_the_next_cohort(History *h)
{
    founded(h, 2);
    rolled_back(h, C1, "c1.1");
    left(h, C1);
    left(h, C2);
    h->inc[C1] = 0;
    founded(h, 2);
    rolled_back(h, C1, "c1.1");
}

int main(void)
{
    static const Claim claims[] = {
        CLAIM(a_checkpoint_of_all_who_depend_is_fine, NOTHING),
        CLAIM(a_permanent_checkpoint_with_an_orphan_is_found,
              FINDS(RULE_CONSISTENCY) | FINDS(RULE_MINIMALITY)),
        CLAIM_BOTH(a_permanent_checkpoint_unlike_its_tentative_is_found,
                   FINDS(RULE_CONSISTENCY) | FINDS(RULE_NO_LOSS), FINDS(RULE_CONSISTENCY)),
        CLAIM_BOTH(a_tentative_checkpoint_unlike_the_state_is_found,
                   FINDS(RULE_CONSISTENCY) | FINDS(RULE_NO_LOSS) | FINDS(RULE_AGREEMENT),
                   FINDS(RULE_CONSISTENCY)),
        CLAIM_BOTH(a_checkpoint_that_forgets_what_was_received_is_found,
                   FINDS(RULE_CONSISTENCY) | FINDS(RULE_AGREEMENT), FINDS(RULE_CONSISTENCY)),
        CLAIM_BOTH(a_restored_state_unlike_the_permanent_one_is_found,
                   FINDS(RULE_CONSISTENCY) | FINDS(RULE_NO_LOSS), FINDS(RULE_CONSISTENCY)),
        CLAIM(a_checkpoint_made_permanent_though_a_rollback_overtook_it_is_found,
              FINDS(RULE_CONSISTENCY) | FINDS(RULE_DISCIPLINE)),
        CLAIM(a_checkpoint_that_keeps_trailing_skips_is_found, FINDS(RULE_CONSISTENCY)),
        CLAIM(a_checkpoint_that_drops_trailing_skips_is_fine, NOTHING),
        CLAIM(a_checkpoint_of_the_whole_chain_is_fine, NOTHING),
        CLAIM(a_checkpoint_that_left_out_a_needed_process_is_found,
              FINDS(RULE_MINIMALITY) | FINDS(RULE_CONSISTENCY)),
        CLAIM(a_checkpoint_that_dragged_an_unneeded_process_is_found, FINDS(RULE_MINIMALITY)),
        CLAIM(a_sender_that_already_holds_the_sending_is_not_needed, NOTHING),
        CLAIM(a_skip_drags_nobody_into_a_checkpoint, NOTHING),
        CLAIM(a_skip_that_dragged_its_sender_into_a_checkpoint_is_found, FINDS(RULE_MINIMALITY)),
        CLAIM(a_rollback_of_the_whole_chain_is_fine, NOTHING),
        CLAIM(a_rollback_that_dragged_an_unneeded_process_is_found, FINDS(RULE_MINIMALITY)),
        CLAIM(a_sender_is_not_needed_in_a_rollback, NOTHING),
        CLAIM(a_skip_drags_nobody_into_a_rollback, NOTHING),
        CLAIM_AT_END(a_checkpoint_without_an_end_is_found, FINDS(RULE_AGREEMENT)),
        CLAIM(a_discarded_checkpoint_changes_nothing, NOTHING),
        CLAIM_BOTH(two_verdicts_on_one_checkpoint_are_found, FINDS(RULE_AGREEMENT),
                   FINDS(RULE_AGREEMENT)),
        CLAIM(a_permanent_checkpoint_that_was_never_tentative_is_found, FINDS(RULE_AGREEMENT)),
        CLAIM(a_checkpoint_decided_before_its_participants_are_ready_is_found,
              FINDS(RULE_AGREEMENT) | FINDS(RULE_MINIMALITY) | FINDS(RULE_CONSISTENCY)),
        CLAIM(a_rollback_done_twice_by_a_process_is_found, FINDS(RULE_AGREEMENT)),
        CLAIM_AT_END(a_member_that_never_leaves_a_dissolved_cohort_is_found, FINDS(RULE_AGREEMENT)),
        CLAIM(leaving_with_an_open_checkpoint_is_found, FINDS(RULE_AGREEMENT)),
        CLAIM(a_second_tentative_checkpoint_is_found, FINDS(RULE_TWO_CHECKPOINTS)),
        CLAIM(receiving_between_tentative_and_decision_is_fine, NOTHING),
        CLAIM(sending_between_tentative_and_decision_is_found, FINDS(RULE_DISCIPLINE)),
        CLAIM(sending_before_a_decided_rollback_is_done_is_found, FINDS(RULE_DISCIPLINE)),
        CLAIM(cash_before_a_decided_rollback_is_done_is_undone_with_the_rest, NOTHING),
        CLAIM(an_incarnation_that_does_not_grow_is_found, FINDS(RULE_DISCIPLINE)),
        CLAIM(an_incarnation_that_grows_without_a_rollback_is_found, FINDS(RULE_DISCIPLINE)),
        CLAIM(an_incarnation_may_start_again_in_the_next_cohort, NOTHING),
    };
    return claims_run(claims, G_N_ELEMENTS(claims));
}
