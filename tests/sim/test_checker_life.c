#include "tests/sim/claim.h"

static void a_transfer_outside_a_cohort_is_found(History *h)
{
    opened(h, C1, 1000);
    sent(h, C1, C2, 100);
}

static void an_exit_within_a_cohort_is_found(History *h)
{
    founded(h, 2);
    exited(h, C1);
}

static void cash_after_the_exit_is_found(History *h)
{
    opened(h, C1, 1000);
    exited(h, C1);
    deposited(h, C1, 100);
}

static void a_cohort_id_used_twice_is_found(History *h)
{
    founded(h, 2);
    left(h, C1);
    left(h, C2);
    h->cohort--;
    founded(h, 2);
}

static void members_that_do_not_agree_on_the_cohort_are_found(History *h)
{
    opened(h, C1, 100);
    opened(h, C2, 100);
    h->cohort = 1;
    joined(h, C1, 2);
    joined(h, C2, 3);
}

static void a_member_that_its_cohort_does_not_list_is_found(History *h)
{
    for (int who = C1; who <= C3; who++)
        opened(h, who, 100);
    h->cohort = 1;
    joined(h, C1, 2);
    joined(h, C2, 2);
    joined(h, C3, 2);
}

static void a_transfer_to_no_member_is_found(History *h)
{
    founded(h, 2);
    opened(h, C3, 1000);
    sent(h, C1, C3, 100);
}

static void a_transfer_from_no_member_is_found(History *h)
{
    founded(h, 2);
    h->amounts[C4][C1][1] = 70;
    received(h, C1, C4);
}

static void a_transfer_to_oneself_is_found(History *h)
{
    founded(h, 2);
    sent(h, C1, C1, 100);
    received(h, C1, C1);
}

/* --- what was not seen --- */

static void in_whole_traces_everybody_is_seen(History *h)
{
    h->whole = true;
    founded(h, 2);
    deposited(h, C3, 100);
    deposited(h, C3, 100);
}

static void a_process_whose_peers_have_no_trace_is_judged_alone(History *h)
{
    opened(h, C2, 1000);
    h->cohort = 1;
    joined(h, C2, 3);
    h->amounts[C1][C2][1] = 70;
    received(h, C2, C1);
    sent(h, C2, C3, 100);
    tentative(h, C2, "c1.1");
    permanent(h, C2, "c1.1");
    sent(h, C2, C3, 100);
    rolled_back(h, C2, "c3.1");
    missing(h, C2, C1);
}

static void a_gap_from_a_process_without_a_trace_is_found(History *h)
{
    opened(h, C2, 1000);
    h->cohort = 1;
    joined(h, C2, 3);
    h->next.label = 1;
    received(h, C2, C1);
}

/* The trace begins within cohort 1, of which nothing else is told. */
static void a_trace_that_begins_midway_is_judged_from_the_next_cohort_on(History *h)
{
    h->cohort = 1;
    h->now[C1] = (Books){.balance = 500, .sent = {[C2] = 7}};
    sent(h, C1, C2, 100);
    tentative(h, C1, "c1.8");
    permanent(h, C1, "c1.8");
    left(h, C1);
    opened(h, C2, 1000);
    founded(h, 2);
    sent(h, C1, C2, 100);
    received(h, C2, C1);
}

int main(void)
{
    static const Claim claims[] = {
        CLAIM(a_transfer_outside_a_cohort_is_found, FINDS(RULE_LIFE)),
        CLAIM(an_exit_within_a_cohort_is_found, FINDS(RULE_LIFE)),
        CLAIM(cash_after_the_exit_is_found, FINDS(RULE_LIFE)),
        CLAIM(a_cohort_id_used_twice_is_found, FINDS(RULE_LIFE)),
        CLAIM(members_that_do_not_agree_on_the_cohort_are_found, FINDS(RULE_LIFE)),
        CLAIM(a_member_that_its_cohort_does_not_list_is_found, FINDS(RULE_LIFE)),
        CLAIM(a_transfer_to_no_member_is_found, FINDS(RULE_LIFE)),
        CLAIM(a_transfer_from_no_member_is_found, FINDS(RULE_LIFE)),
        CLAIM(a_transfer_to_oneself_is_found, FINDS(RULE_LIFE)),
        CLAIM(in_whole_traces_everybody_is_seen, FINDS(RULE_LIFE)),
        CLAIM(a_process_whose_peers_have_no_trace_is_judged_alone, NOTHING),
        CLAIM(a_gap_from_a_process_without_a_trace_is_found, FINDS(RULE_PREFIX)),
        CLAIM(a_trace_that_begins_midway_is_judged_from_the_next_cohort_on, NOTHING),
    };
    return claims_run(claims, G_N_ELEMENTS(claims));
}
