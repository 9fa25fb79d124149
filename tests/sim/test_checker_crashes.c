#include "tests/sim/claim.h"

/* --- what a restarted process has --- */

static void a_crash_is_followed_by_a_rollback(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    came_back(h, C1);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
}

static void a_killed_process_leaves_no_record_of_that(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    came_back_from_a_kill(h, C1);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
}

static void a_restart_with_what_was_not_permanent_is_found(History *h)
{
    founded(h, 2);
    deposited(h, C1, 100);
    crashed(h, C1);
    restarted(h, C1, OPENING_BALANCE + 100);
    rolled_back(h, C1, "c1.1");
}

static void outside_a_cohort_everything_survives(History *h)
{
    opened(h, C1, 100);
    deposited(h, C1, 50);
    crashed(h, C1);
    restarted(h, C1, 150);
    withdrew(h, C1, 150);
    exited(h, C1);
}

static void cash_lost_outside_a_cohort_is_found(History *h)
{
    opened(h, C1, 100);
    deposited(h, C1, 50);
    crashed(h, C1);
    restarted(h, C1, 100);
}

static void whoever_has_no_account_can_crash_too(History *h)
{
    h->whole = true;
    crashed(h, C3);
    restarted(h, C3, 0);
    founded(h, 2);
}

static void whoever_has_exited_can_crash_and_open_again(History *h)
{
    opened(h, C1, 100);
    exited(h, C1);
    crashed(h, C1);
    restarted(h, C1, 0);
    crashed(h, C1);
    opened(h, C1, 50);
    withdrew(h, C1, 50);
}

static void a_record_of_a_dead_process_is_found(History *h)
{
    founded(h, 2);
    crashed(h, C1);
    discarded(h, C1, "c1.1");
    restarted(h, C1, OPENING_BALANCE);
    rolled_back(h, C1, "c1.2");
}

/* --- until the forced rollback --- */

static void a_restarted_process_must_not_send_before_its_rollback(History *h)
{
    founded(h, 2);
    came_back(h, C1);
    sent(h, C1, C2, 100);
    rolled_back(h, C1, "c1.1");
}

static void a_restarted_process_must_not_receive_before_its_rollback(History *h)
{
    founded(h, 2);
    sent(h, C2, C1, 100);
    came_back(h, C1);
    received(h, C1, C2);
    rolled_back(h, C1, "c1.1");
}

static void a_restarted_process_must_not_accept_a_skip_before_its_rollback(History *h)
{
    founded(h, 2);
    sent(h, C2, C1, 100);
    lost(h, C2, C1, 1);
    came_back(h, C1);
    missing(h, C1, C2);
    rolled_back(h, C1, "c1.1");
}

static void a_restarted_process_must_not_checkpoint_before_its_rollback(History *h)
{
    founded(h, 2);
    came_back(h, C1);
    tentative(h, C1, "c1.1");
    rolled_back(h, C1, "c1.2");
}

static void a_restarted_process_must_not_move_cash_before_its_rollback(History *h)
{
    founded(h, 2);
    came_back(h, C1);
    deposited(h, C1, 10);
    rolled_back(h, C1, "c1.1");
}

static void after_its_rollback_a_restarted_process_goes_on(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    sent(h, C2, C1, 70);
    received(h, C1, C2);
    came_back(h, C1);
    rolled_back(h, C1, "c1.1");
    received(h, C1, C2);
    sent(h, C1, C2, 30);
    received(h, C2, C1);
    deposited(h, C1, 10);
    tentative(h, C1, "c1.2");
    tentative(h, C2, "c1.2");
    permanent(h, C1, "c1.2");
    permanent(h, C2, "c1.2");
}

static void a_forced_rollback_that_never_comes_is_found(History *h)
{
    founded(h, 2);
    came_back(h, C1);
}

static void a_process_that_stays_dead_is_found(History *h)
{
    founded(h, 2);
    crashed(h, C1);
}

static void an_incarnation_that_a_crash_forgets_is_found(History *h)
{
    founded(h, 2);
    rolled_back(h, C1, "c1.1");
    crashed(h, C1);
    h->next.inc = -1;
    restarted(h, C1, OPENING_BALANCE);
    rolled_back(h, C1, "c1.2");
}

static void an_incarnation_that_is_used_again_after_a_crash_is_found(History *h)
{
    founded(h, 2);
    rolled_back(h, C1, "c1.1");
    came_back(h, C1);
    h->next.inc = -1;
    rolled_back(h, C1, "c1.2");
}

static void a_process_can_crash_again_before_its_rollback(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    came_back(h, C1);
    came_back(h, C1);
    rolled_back(h, C1, "c1.3");
    rolled_back(h, C2, "c1.3");
}

/* --- transfers --- */

static void what_a_crash_made_a_receiver_forget_is_received_again(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    sent(h, C1, C2, 50);
    received(h, C2, C1);
    came_back(h, C2);
    rolled_back(h, C2, "c2.1");
    received(h, C2, C1);
    received(h, C2, C1);
}

static void what_a_crash_made_a_receiver_forget_must_be_received_again(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    came_back(h, C2);
    rolled_back(h, C2, "c2.1");
}

static void a_receiver_that_goes_on_behind_what_a_crash_undid_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    sent(h, C1, C2, 50);
    received(h, C2, C1);
    came_back(h, C2);
    rolled_back(h, C2, "c2.1");
    h->now[C2].received[C1] = 1;
    received(h, C2, C1);
}

static void what_a_dead_process_has_sent_may_arrive_still(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    sent(h, C1, C2, 50);
    received(h, C2, C1);
    crashed(h, C1);
    received(h, C2, C1);
    came_back_from_a_kill(h, C1);
    rolled_back(h, C2, "c1.1");
    rolled_back(h, C1, "c1.1");
}

static void an_orphan_that_stays_after_the_forced_rollback_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    came_back(h, C1);
    rolled_back(h, C1, "c1.1");
}

static void a_transfer_of_the_old_life_after_the_forced_rollback_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    came_back(h, C1);
    rolled_back(h, C1, "c1.1");
    received(h, C2, C1);
}

static void orphans_that_died_with_their_holder_drag_nobody(History *h)
{
    founded(h, 3);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    came_back(h, C2);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c2.1");
}

static void whoever_holds_no_orphan_any_more_is_found_rolling(History *h)
{
    founded(h, 3);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    came_back(h, C2);
    rolled_back(h, C2, "c2.1");
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
}

static void two_that_crash_recover_each_by_itself(History *h)
{
    founded(h, 3);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    sent(h, C2, C3, 50);
    received(h, C3, C2);
    crashed(h, C1);
    crashed(h, C2);
    came_back_from_a_kill(h, C2);
    came_back_from_a_kill(h, C1);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c2.1");
    rolled_back(h, C3, "c2.1");
}

static void a_forced_rollback_drags_through_others(History *h)
{
    founded(h, 3);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    sent(h, C2, C3, 50);
    received(h, C3, C2);
    came_back(h, C1);
    rolled_back(h, C3, "c1.1");
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
}

/* c2 has voted for the rollback of c1, with what it had received. */
static void a_vote_for_a_rollback_survives_the_crash(History *h)
{
    founded(h, 3);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    sent(h, C2, C3, 50);
    received(h, C3, C2);
    came_back(h, C2);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C3, "c1.1");
    rolled_back(h, C2, "c1.1");
    sent(h, C2, C3, 10);
    received(h, C3, C2);
}

/* c2 has voted, crashed, and has not learned of the decision when its trace ends. */
static void whoever_crashes_in_doubt_of_a_rollback_may_not_know_of_it_yet(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    came_back(h, C2);
}

static void a_crash_after_the_rollback_was_decided_changes_nothing(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    came_back(h, C2);
    rolled_back(h, C2, "c1.1");
    sent(h, C2, C1, 10);
    received(h, C1, C2);
}

static void a_loss_is_told_again_by_who_forgot_it(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    tentative(h, C1, "c1.1");
    permanent(h, C1, "c1.1");
    missing(h, C2, C1);
    lost(h, C1, C2, 1);
    came_back(h, C1);
    lost(h, C1, C2, 1);
    rolled_back(h, C1, "c1.2");
    lost(h, C1, C2, 1);
}

static void a_loss_of_what_is_not_remembered_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    came_back(h, C1);
    lost(h, C1, C2, 1);
    rolled_back(h, C1, "c1.2");
}

/* --- checkpoints in doubt --- */

/* c2 has taken its tentative checkpoint; c1 has asked for it. */
static void tell_half_a_checkpoint(History *h)
{
    founded(h, 2);
    sent(h, C2, C1, 100);
    received(h, C1, C2);
    tentative(h, C1, "c1.1");
    tentative(h, C2, "c1.1");
}

static void a_vote_survives_the_crash(History *h)
{
    tell_half_a_checkpoint(h);
    came_back(h, C2);
    permanent(h, C1, "c1.1");
    permanent(h, C2, "c1.1");
    rolled_back(h, C2, "c2.1");
    sent(h, C2, C1, 10);
    received(h, C1, C2);
}

static void a_vote_survives_a_crash_after_the_decision(History *h)
{
    tell_half_a_checkpoint(h);
    permanent(h, C1, "c1.1");
    came_back(h, C2);
    permanent(h, C2, "c1.1");
    rolled_back(h, C2, "c2.1");
}

static void what_a_vote_covers_survives_the_crash(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 70);
    received(h, C2, C1);
    sent(h, C2, C1, 100);
    received(h, C1, C2);
    tentative(h, C1, "c1.1");
    tentative(h, C2, "c1.1");
    crashed(h, C2);
    restarted(h, C2, OPENING_BALANCE);
    crashed(h, C2);
    restarted(h, C2, OPENING_BALANCE);
    permanent(h, C1, "c1.1");
    permanent(h, C2, "c1.1");
    rolled_back(h, C2, "c2.1");
    sent(h, C1, C2, 30);
    received(h, C2, C1);
}

static void what_came_after_the_vote_does_not_survive_the_crash(History *h)
{
    founded(h, 3);
    sent(h, C2, C1, 100);
    received(h, C1, C2);
    tentative(h, C1, "c1.1");
    tentative(h, C2, "c1.1");
    sent(h, C3, C2, 30);
    received(h, C2, C3);
    came_back(h, C2);
    permanent(h, C1, "c1.1");
    permanent(h, C2, "c1.1");
    rolled_back(h, C2, "c2.1");
    received(h, C2, C3);
}

static void a_vote_can_be_discarded_after_the_crash(History *h)
{
    tell_half_a_checkpoint(h);
    came_back(h, C2);
    discarded(h, C1, "c1.1");
    discarded(h, C2, "c1.1");
    rolled_back(h, C2, "c2.1");
    rolled_back(h, C1, "c2.1");
}

static void a_tentative_checkpoint_without_a_vote_dies_silently(History *h)
{
    tell_half_a_checkpoint(h);
    came_back(h, C2);
    discarded(h, C1, "c1.1");
    rolled_back(h, C2, "c2.1");
    rolled_back(h, C1, "c2.1");
    tentative(h, C2, "c2.2");
    permanent(h, C2, "c2.2");
}

static void a_commit_that_a_participant_forgets_is_found(History *h)
{
    tell_half_a_checkpoint(h);
    came_back(h, C2);
    permanent(h, C1, "c1.1");
    rolled_back(h, C2, "c2.1");
}

static void a_forced_rollback_before_the_doubt_is_over_is_found(History *h)
{
    tell_half_a_checkpoint(h);
    came_back(h, C2);
    discarded(h, C1, "c1.1");
    rolled_back(h, C1, "c2.1");
    rolled_back(h, C2, "c2.1");
    discarded(h, C2, "c1.1");
}

static void an_instance_that_is_begun_again_after_the_crash_is_found(History *h)
{
    founded(h, 2);
    tentative(h, C1, "c1.1");
    came_back(h, C1);
    rolled_back(h, C1, "c1.2");
    tentative(h, C1, "c1.1");
    discarded(h, C1, "c1.1");
}

static void a_rollback_with_the_number_of_a_checkpoint_is_found(History *h)
{
    founded(h, 2);
    tentative(h, C1, "c1.1");
    came_back(h, C1);
    rolled_back(h, C1, "c1.1");
}

static void a_decision_told_again_after_the_crash_is_the_same(History *h)
{
    tell_half_a_checkpoint(h);
    permanent(h, C1, "c1.1");
    permanent(h, C2, "c1.1");
    came_back(h, C2);
    permanent(h, C2, "c1.1");
    rolled_back(h, C2, "c2.1");
}

static void a_decision_told_a_third_time_is_found(History *h)
{
    tell_half_a_checkpoint(h);
    permanent(h, C1, "c1.1");
    permanent(h, C2, "c1.1");
    came_back(h, C2);
    permanent(h, C2, "c1.1");
    permanent(h, C2, "c1.1");
    rolled_back(h, C2, "c2.1");
}

static void a_rollback_told_again_after_the_crash_is_the_same(History *h)
{
    founded(h, 2);
    rolled_back(h, C1, "c1.1");
    came_back(h, C1);
    h->inc[C1]--;
    rolled_back(h, C1, "c1.1");
    sent(h, C1, C2, 100);
    received(h, C2, C1);
}

/* --- cash --- */

static void cash_is_lost_with_what_was_not_permanent(History *h)
{
    founded(h, 2);
    deposited(h, C1, 100);
    came_back(h, C1);
    rolled_back(h, C1, "c1.1");
    withdrew(h, C1, OPENING_BALANCE);
}

static void committed_cash_survives_a_crash(History *h)
{
    h->cash_survives = true;
    founded(h, 2);
    deposited(h, C1, 100);
    withdrew(h, C1, 30);
    h->permanent[C1].balance += 70;
    came_back(h, C1);
    rolled_back(h, C1, "c1.1");
}

static void committed_cash_that_a_crash_undoes_is_found(History *h)
{
    h->cash_survives = true;
    founded(h, 2);
    deposited(h, C1, 100);
    came_back(h, C1);
    h->permanent[C1].balance += 100;
    rolled_back(h, C1, "c1.1");
}

static void cash_paid_out_of_what_is_not_permanent_is_found(History *h)
{
    h->cash_survives = true;
    founded(h, 2);
    sent(h, C1, C2, 500);
    received(h, C2, C1);
    withdrew(h, C2, 1200);
}

/* --- joining and leaving --- */

static void a_member_may_learn_that_it_has_joined_after_a_crash(History *h)
{
    opened(h, C1, 1000);
    opened(h, C2, 1000);
    h->cohort = 1;
    joined(h, C1, 2);
    sent(h, C1, C2, 100);
    crashed(h, C2);
    restarted(h, C2, 1000);
    joined(h, C2, 2);
    received(h, C2, C1);
}

/* All have voted to dissolve, with the state that they had. */
static void a_member_may_learn_that_it_has_left_after_a_crash(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    left(h, C1);
    crashed(h, C2);
    restarted(h, C2, OPENING_BALANCE);
    left(h, C2);
    withdrew(h, C2, OPENING_BALANCE + 100);
}

static void leaving_with_less_than_was_voted_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    left(h, C1);
    came_back(h, C2);
    left(h, C2);
}

static void a_dissolution_that_was_cancelled_makes_room_for_the_rollback(History *h)
{
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    came_back(h, C2);
    rolled_back(h, C2, "c2.1");
    received(h, C2, C1);
    left(h, C1);
    left(h, C2);
}

/* --- live: a trace for each process --- */

static void clocks_do_not_matter_to_a_recovery(History *h)
{
    history_part(h);
    h->skew[C2] = 45;
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    sent(h, C2, C1, 30);
    received(h, C1, C2);
    came_back_from_a_kill(h, C2);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c2.1");
    sent(h, C2, C1, 20);
    received(h, C1, C2);
    sent(h, C1, C2, 10);
    received(h, C2, C1);
}

static void a_decision_may_be_noted_long_after_the_restart(History *h)
{
    history_part(h);
    founded(h, 3);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    sent(h, C1, C3, 10);
    received(h, C3, C1);
    came_back_from_a_kill(h, C2);
    rolled_back(h, C2, "c1.1");
    sent(h, C1, C2, 50);
    received(h, C2, C1);
}

int main(void)
{
    const unsigned discipline = FINDS(RULE_DISCIPLINE);
    const unsigned agreement = FINDS(RULE_AGREEMENT);
    const unsigned prefix = FINDS(RULE_PREFIX);
    const unsigned minimality = FINDS(RULE_MINIMALITY);
    const unsigned money = FINDS(RULE_MONEY);
    const Claim claims[] = {
        CLAIM(a_crash_is_followed_by_a_rollback, NOTHING),
        CLAIM(a_killed_process_leaves_no_record_of_that, NOTHING),
        CLAIM(a_restart_with_what_was_not_permanent_is_found, money),
        CLAIM(outside_a_cohort_everything_survives, NOTHING),
        CLAIM(cash_lost_outside_a_cohort_is_found, money),
        CLAIM(whoever_has_no_account_can_crash_too, NOTHING),
        CLAIM(whoever_has_exited_can_crash_and_open_again, NOTHING),
        CLAIM(a_record_of_a_dead_process_is_found, FINDS(RULE_LIFE)),
        CLAIM(a_restarted_process_must_not_send_before_its_rollback, discipline),
        CLAIM(a_restarted_process_must_not_receive_before_its_rollback, discipline),
        CLAIM(a_restarted_process_must_not_accept_a_skip_before_its_rollback, discipline),
        CLAIM(a_restarted_process_must_not_checkpoint_before_its_rollback, discipline),
        CLAIM(a_restarted_process_must_not_move_cash_before_its_rollback, discipline),
        CLAIM(after_its_rollback_a_restarted_process_goes_on, NOTHING),
        CLAIM_AT_END(a_forced_rollback_that_never_comes_is_found, agreement),
        CLAIM_AT_END(a_process_that_stays_dead_is_found, agreement),
        CLAIM(an_incarnation_that_a_crash_forgets_is_found, discipline),
        CLAIM(an_incarnation_that_is_used_again_after_a_crash_is_found, discipline),
        CLAIM(a_process_can_crash_again_before_its_rollback, NOTHING),
        CLAIM(what_a_crash_made_a_receiver_forget_is_received_again, NOTHING),
        CLAIM_AT_END(what_a_crash_made_a_receiver_forget_must_be_received_again,
                     FINDS(RULE_NO_LOSS)),
        CLAIM(a_receiver_that_goes_on_behind_what_a_crash_undid_is_found, prefix),
        CLAIM(what_a_dead_process_has_sent_may_arrive_still, NOTHING),
        CLAIM_BOTH(an_orphan_that_stays_after_the_forced_rollback_is_found, minimality | prefix,
                   NOTHING),
        CLAIM(a_transfer_of_the_old_life_after_the_forced_rollback_is_found, prefix),
        CLAIM(orphans_that_died_with_their_holder_drag_nobody, NOTHING),
        CLAIM(whoever_holds_no_orphan_any_more_is_found_rolling, minimality),
        CLAIM(two_that_crash_recover_each_by_itself, NOTHING),
        CLAIM(a_forced_rollback_drags_through_others, NOTHING),
        CLAIM(a_vote_for_a_rollback_survives_the_crash, NOTHING),
        CLAIM(a_crash_after_the_rollback_was_decided_changes_nothing, NOTHING),
        CLAIM(a_loss_is_told_again_by_who_forgot_it, NOTHING),
        CLAIM(a_loss_of_what_is_not_remembered_is_found, FINDS(RULE_NO_LOSS)),
        CLAIM(a_vote_survives_the_crash, NOTHING),
        CLAIM(a_vote_survives_a_crash_after_the_decision, NOTHING),
        CLAIM(what_a_vote_covers_survives_the_crash, NOTHING),
        CLAIM(what_came_after_the_vote_does_not_survive_the_crash, NOTHING),
        CLAIM(a_vote_can_be_discarded_after_the_crash, NOTHING),
        CLAIM(a_tentative_checkpoint_without_a_vote_dies_silently, NOTHING),
        CLAIM(a_commit_that_a_participant_forgets_is_found,
              agreement | minimality | FINDS(RULE_CONSISTENCY)),
        CLAIM(a_forced_rollback_before_the_doubt_is_over_is_found, discipline),
        CLAIM(an_instance_that_is_begun_again_after_the_crash_is_found, agreement),
        CLAIM(a_rollback_with_the_number_of_a_checkpoint_is_found, agreement),
        CLAIM(a_decision_told_again_after_the_crash_is_the_same, NOTHING),
        CLAIM(a_decision_told_a_third_time_is_found, agreement),
        CLAIM_AT_END(whoever_crashes_in_doubt_of_a_rollback_may_not_know_of_it_yet,
                     minimality | prefix | agreement),
        CLAIM(a_rollback_told_again_after_the_crash_is_the_same, NOTHING),
        CLAIM(cash_is_lost_with_what_was_not_permanent, NOTHING),
        CLAIM(committed_cash_survives_a_crash, NOTHING),
        CLAIM(committed_cash_that_a_crash_undoes_is_found, money),
        CLAIM(cash_paid_out_of_what_is_not_permanent_is_found, money),
        CLAIM(a_member_may_learn_that_it_has_joined_after_a_crash, NOTHING),
        CLAIM(a_member_may_learn_that_it_has_left_after_a_crash, NOTHING),
        CLAIM(leaving_with_less_than_was_voted_is_found, money),
        CLAIM(a_dissolution_that_was_cancelled_makes_room_for_the_rollback, NOTHING),
        CLAIM(clocks_do_not_matter_to_a_recovery, NOTHING),
        CLAIM(a_decision_may_be_noted_long_after_the_restart, NOTHING),
    };
    return claims_run(claims, G_N_ELEMENTS(claims));
}
