/* Live, every process has its own trace and its own clock. */
#include "tests/sim/claim.h"

enum { LATE = 1000, EARLY = -1000 }; /* more than a whole history takes */

static void founded_apart(History *h, int members)
{
    history_part(h);
    founded(h, members);
}

static void a_receive_stamped_before_its_send_is_fine(History *h)
{
    h->skew[C2] = EARLY;
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    sent(h, C2, C1, 100);
    received(h, C1, C2);
}

static void a_clock_set_back_is_fine(History *h)
{
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    h->skew[C1] = EARLY;
    sent(h, C1, C2, 200);
    received(h, C2, C1);
    tentative(h, C2, "c2.1");
    tentative(h, C1, "c2.1");
    permanent(h, C2, "c2.1");
    permanent(h, C1, "c2.1");
}

static void an_orphan_is_found_across_traces(History *h)
{
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
}

static void a_transfer_never_sent_is_found_across_traces(History *h)
{
    founded_apart(h, 2);
    h->amounts[C1][C2][1] = 100;
    received(h, C2, C1);
    sent(h, C2, C1, 50);
    received(h, C1, C2);
}

static void a_decision_stamped_before_the_tentative_checkpoints_is_fine(History *h)
{
    h->skew[C2] = EARLY;
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    tentative(h, C2, "c2.1");
    tentative(h, C1, "c2.1");
    permanent(h, C2, "c2.1");
    permanent(h, C1, "c2.1");
}

/* c3 need not ask c2 again, for c2's own checkpoint covers what it sent. */
static void a_checkpoint_stamped_before_the_one_it_relies_on_is_fine(History *h)
{
    h->skew[C3] = EARLY;
    founded_apart(h, 3);
    sent(h, C2, C3, 100);
    tentative(h, C2, "c2.1");
    permanent(h, C2, "c2.1");
    received(h, C3, C2);
    tentative(h, C3, "c3.1");
    permanent(h, C3, "c3.1");
}

static void a_rollback_stamped_before_what_it_undoes_is_fine(History *h)
{
    h->skew[C1] = EARLY;
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    deposited(h, C2, 30);
    sent(h, C2, C1, 10);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
    sent(h, C1, C2, 70);
    received(h, C2, C1);
}

/* Only the second transfer with label 1 arrived, by a clock that puts it before the first's end. */
static void a_label_used_again_is_not_taken_for_the_first(History *h)
{
    h->skew[C1] = LATE;
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    rolled_back(h, C1, "c1.1");
    sent(h, C1, C2, 100);
    received(h, C2, C1);
}

/* c2 received the first, undid that, and only then c1 undid the sending. */
static void a_label_used_again_is_not_taken_for_the_second(History *h)
{
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C2, "c2.1");
    rolled_back(h, C1, "c1.1");
    sent(h, C1, C2, 100);
    received(h, C2, C1);
}

/* c2's skip was undone by c1's rollback, which c2's late clock puts before the skip. */
static void a_skip_undone_by_its_sender_is_fine_whatever_the_clocks(History *h)
{
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    missing(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    forgot_skips(h, C2, C1, 0);
    sent(h, C1, C2, 100);
    lost(h, C1, C2, 1);
    missing(h, C2, C1);
}

static void a_skip_stamped_late_and_undone_by_its_sender_is_fine(History *h)
{
    h->skew[C2] = LATE;
    a_skip_undone_by_its_sender_is_fine_whatever_the_clocks(h);
}

static void a_skip_stamped_early_and_undone_by_its_sender_is_fine(History *h)
{
    h->skew[C2] = EARLY;
    a_skip_undone_by_its_sender_is_fine_whatever_the_clocks(h);
}

/* First received; undone by c2; then missing, which c1's early clock puts first. */
static void a_loss_stamped_before_the_receiver_found_it_missing_is_fine(History *h)
{
    h->skew[C1] = EARLY;
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    rolled_back(h, C2, "c2.1");
    missing(h, C2, C1);
    lost(h, C1, C2, 1);
}

static void a_process_that_was_resumed_goes_on_in_its_second_trace(History *h)
{
    founded_apart(h, 2);
    sent(h, C1, C2, 100);
    h->file[C1] = PROCESSES_MAX;
    sent(h, C1, C2, 200);
    received(h, C2, C1);
    received(h, C2, C1);
    rolled_back(h, C1, "c1.1");
    rolled_back(h, C2, "c1.1");
}

/* Whatever the order in which its traces are given, and while the first waits for c2's clock. */
static void a_resumed_process_first_does_what_is_in_its_first_trace(History *h)
{
    h->skew[C2] = LATE;
    history_part(h);
    h->file[C1] = PROCESSES_MAX;
    founded(h, 2);
    sent(h, C2, C1, 100);
    received(h, C1, C2);
    h->file[C1] = C1;
    deposited(h, C1, 50);
    sent(h, C2, C1, 100);
    received(h, C1, C2);
}

static void two_cohorts_one_after_the_other_are_fine(History *h)
{
    h->skew[C2] = LATE;
    founded_apart(h, 3);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
    for (int who = C1; who <= C3; who++)
        left(h, who);
    founded(h, 2);
    sent(h, C1, C2, 100);
    rolled_back(h, C1, "c1.1");
}

int main(void)
{
    static const Claim claims[] = {
        CLAIM(a_receive_stamped_before_its_send_is_fine, NOTHING),
        CLAIM(a_clock_set_back_is_fine, NOTHING),
        CLAIM_AT_END(an_orphan_is_found_across_traces, FINDS(RULE_PREFIX) | FINDS(RULE_MINIMALITY)),
        CLAIM(a_transfer_never_sent_is_found_across_traces, FINDS(RULE_PREFIX)),
        CLAIM(a_decision_stamped_before_the_tentative_checkpoints_is_fine, NOTHING),
        CLAIM(a_checkpoint_stamped_before_the_one_it_relies_on_is_fine, NOTHING),
        CLAIM(a_rollback_stamped_before_what_it_undoes_is_fine, NOTHING),
        CLAIM(a_label_used_again_is_not_taken_for_the_first, NOTHING),
        CLAIM(a_label_used_again_is_not_taken_for_the_second, NOTHING),
        CLAIM(a_skip_undone_by_its_sender_is_fine_whatever_the_clocks, NOTHING),
        CLAIM(a_skip_stamped_late_and_undone_by_its_sender_is_fine, NOTHING),
        CLAIM(a_skip_stamped_early_and_undone_by_its_sender_is_fine, NOTHING),
        CLAIM(a_loss_stamped_before_the_receiver_found_it_missing_is_fine, NOTHING),
        CLAIM(a_process_that_was_resumed_goes_on_in_its_second_trace, NOTHING),
        CLAIM(a_resumed_process_first_does_what_is_in_its_first_trace, NOTHING),
        CLAIM(two_cohorts_one_after_the_other_are_fine, NOTHING),
    };
    return claims_run(claims, G_N_ELEMENTS(claims));
}
