/* Random histories that keep every rule: the checker must find nothing in them, neither as one
 * trace nor as one per process with clocks that differ. */
#include "tests/sim/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/random.h"

enum { HISTORIES = 400, STEPS = 150, MEMBERS = 4, SKEW_MAX = 200 /* of about 2000 in all */ };

/* What the books of a History do not keep: which labels are skips. */
typedef struct Lab {
    History history;
    uint64_t random;
    uint64_t instances;
    bool missing[MEMBERS][MEMBERS][LABELS_MAX];       /* accepted as missing: from, to, label */
    bool lost[MEMBERS][MEMBERS][LABELS_MAX];          /* declared lost, now */
    bool lost_for_good[MEMBERS][MEMBERS][LABELS_MAX]; /* ... in the permanent checkpoint */
    bool lost_tentative[MEMBERS][MEMBERS][LABELS_MAX];
    bool tentative[MEMBERS];  /* sends nothing */
    bool stopped[MEMBERS];    /* rolls back: does nothing */
    bool undone[MEMBERS];     /* ... in effect: nobody accepts anything from it */
    bool crashes;             /* there are some */
    bool recovering[MEMBERS]; /* has crashed: does nothing but roll back */
} Lab;

static int draw(Lab *lab, int bound)
{
    return (int)random_below(&lab->random, (uint64_t)bound);
}

static uint64_t last_received(const Lab *lab, int from, int to, uint64_t label)
{
    while (label > 0 && lab->missing[from][to][label])
        label--;
    return label;
}

/* --- single steps --- */

static void step_send(Lab *lab, int from, int to)
{
    History *h = &lab->history;
    if (lab->tentative[from] || h->now[from].balance < 50 ||
        h->now[from].sent[to] + 1 >= LABELS_MAX)
        return;
    sent(h, from, to, 1 + draw(lab, 3));
    uint64_t label = h->now[from].sent[to];
    lab->lost[from][to][label] = draw(lab, 6) == 0;
    if (lab->lost[from][to][label])
        lost(h, from, to, label);
}

static void declare_lost(Lab *lab, int from, int to)
{
    const History *h = &lab->history;
    for (uint64_t label = 1; label <= h->now[to].received[from]; label++) {
        if (!lab->missing[from][to][label] || lab->lost[from][to][label])
            continue;
        lab->lost[from][to][label] = true;
        lost(&lab->history, from, to, label);
    }
}

static void step_accept(Lab *lab, int from, int to)
{
    History *h = &lab->history;
    uint64_t label = h->now[to].received[from] + 1;
    if (label > h->now[from].sent[to])
        return;
    bool given_up = lab->lost[from][to][label] || draw(lab, 8) == 0;
    lab->missing[from][to][label] = given_up;
    if (given_up)
        missing(h, to, from);
    else
        received(h, to, from);
}

static void step(Lab *lab)
{
    int who = draw(lab, MEMBERS);
    int peer = (who + 1 + draw(lab, MEMBERS - 1)) % MEMBERS;
    int what = draw(lab, 10);
    if (lab->stopped[who] || lab->recovering[who])
        return;
    if (what < 4)
        step_send(lab, who, peer);
    else if (what < 8 && !lab->undone[peer])
        step_accept(lab, peer, who);
    else if (what == 8 && !lab->stopped[peer] && !lab->recovering[peer])
        declare_lost(lab, who, peer);
    else if (what == 9)
        deposited(&lab->history, who, 10);
}

static void steps(Lab *lab, int most)
{
    for (int i = draw(lab, most + 1); i > 0; i--)
        step(lab);
}

/* --- crashes --- */

/* What it has sent lives on. */
static void crash(Lab *lab, int who)
{
    History *h = &lab->history;
    const Books before = h->now[who];
    if (draw(lab, 2) == 0)
        crashed(h, who);
    restarted(h, who, h->permanent[who].balance);
    h->now[who] = h->permanent[who];
    memcpy(h->now[who].sent, before.sent, sizeof before.sent);
    lab->recovering[who] = true;
}

/* --- checkpoints --- */

static void take_tentative(Lab *lab, int who, const char *instance)
{
    History *h = &lab->history;
    Books books = h->now[who];
    for (int i = 0; i < MEMBERS; i++) {
        uint64_t covered = h->permanent[i].sent[who];
        uint64_t real = last_received(lab, i, who, books.received[i]);
        h->now[who].received[i] = MIN(books.received[i], MAX(real, covered));
    }
    tentative(h, who, instance);
    h->now[who] = books;
    lab->tentative[who] = true;
    memcpy(lab->lost_tentative[who], lab->lost[who], sizeof lab->lost[who]);
}

/* Whoever crashed before it had voted says nothing of it. */
static void end_checkpoint(Lab *lab, int who, const char *instance, bool commit)
{
    History *h = &lab->history;
    const Books before = h->now[who];
    lab->tentative[who] = false;
    if (commit) {
        permanent(h, who, instance);
        memcpy(lab->lost_for_good[who], lab->lost_tentative[who], sizeof lab->lost[who]);
    } else if (!lab->recovering[who] || draw(lab, 2) == 0) {
        discarded(h, who, instance);
    }
    if (!commit || !lab->recovering[who])
        return;
    h->now[who] = h->permanent[who];
    memcpy(h->now[who].sent, before.sent, sizeof before.sent);
}

static void checkpoint(Lab *lab)
{
    History *h = &lab->history;
    int order[MEMBERS] = {draw(lab, MEMBERS)};
    int count = 1;
    bool refused = false;
    if (lab->recovering[order[0]])
        return;
    g_autofree char *instance =
        g_strdup_printf("%s.%u", h->names[order[0]].text, (unsigned)++lab->instances);
    take_tentative(lab, order[0], instance);
    for (int k = 0; k < count; k++) {
        int who = order[k];
        for (int i = 0; i < MEMBERS; i++) {
            uint64_t real = last_received(lab, i, who, h->tentative[who].received[i]);
            if (lab->tentative[i] || real <= h->permanent[i].sent[who])
                continue;
            refused = refused || lab->recovering[i];
            if (lab->recovering[i])
                continue;
            steps(lab, 3);
            take_tentative(lab, i, instance);
            order[count++] = i;
        }
    }
    steps(lab, 5);
    bool commit = draw(lab, 4) > 0 && !refused;
    for (int k = 0; k < count; k++) {
        if (lab->crashes && draw(lab, 8) == 0)
            crash(lab, order[draw(lab, count)]);
        end_checkpoint(lab, order[k], instance, commit);
        steps(lab, 3);
    }
}

/* --- rollbacks --- */

static void roll(Lab *lab, int who, const char *instance)
{
    rolled_back(&lab->history, who, instance);
    lab->recovering[who] = false;
    memcpy(lab->lost[who], lab->lost_for_good[who], sizeof lab->lost[who]);
}

static void rollback(Lab *lab, int initiator)
{
    History *h = &lab->history;
    int order[MEMBERS] = {initiator};
    int count = 1;
    g_autofree char *instance =
        g_strdup_printf("%s.%u", h->names[order[0]].text, (unsigned)++lab->instances);
    lab->stopped[order[0]] = true;
    lab->undone[order[0]] = true;
    for (int k = 0; k < count; k++) {
        int who = order[k];
        for (int i = 0; i < MEMBERS; i++) {
            uint64_t real = last_received(lab, who, i, h->now[i].received[who]);
            if (lab->stopped[i] || real <= h->permanent[who].sent[i])
                continue;
            lab->stopped[i] = true;
            lab->undone[i] = true;
            order[count++] = i;
        }
    }
    steps(lab, 3);
    for (int k = 0; k < count; k++) {
        if (lab->crashes && k + 1 < count && draw(lab, 4) == 0)
            crash(lab, order[k + 1 + draw(lab, count - k - 1)]);
        roll(lab, order[k], instance);
        steps(lab, 3);
    }
    for (int k = 0; k < count; k++) {
        int who = order[k];
        lab->stopped[who] = false;
        lab->undone[who] = false;
        for (int i = 0; i < MEMBERS; i++)
            forgot_skips(h, i, who, MIN(h->now[i].received[who], h->now[who].sent[i]));
    }
}

/* --- whole histories --- */

static void settle(Lab *lab)
{
    const History *h = &lab->history;
    for (int who = 0; who < MEMBERS; who++) {
        if (lab->recovering[who])
            rollback(lab, who);
    }
    for (int from = 0; from < MEMBERS; from++) {
        for (int to = 0; to < MEMBERS; to++) {
            while (h->now[to].received[from] < h->now[from].sent[to])
                step_accept(lab, from, to);
            declare_lost(lab, from, to);
        }
    }
}

static void tell(Lab *lab)
{
    founded(&lab->history, MEMBERS);
    for (int i = 0; i < STEPS; i++) {
        int what = draw(lab, 20);
        if (what == 0)
            checkpoint(lab);
        else if (what == 1)
            rollback(lab, draw(lab, MEMBERS));
        else if (what == 2 && lab->crashes)
            crash(lab, draw(lab, MEMBERS));
        else
            step(lab);
    }
    settle(lab);
    for (int i = 0; i < MEMBERS; i++)
        left(&lab->history, i);
}

static Lab *lab_new(uint64_t seed)
{
    Lab *lab = g_new0(Lab, 1);
    history_init(&lab->history);
    lab->random = seed;
    return lab;
}

static void judge_nothing(Lab *lab, uint64_t seed, bool piecemeal)
{
    const CheckOptions options = {.settled = true};
    if (piecemeal)
        history_judge_piecemeal(&lab->history, options);
    GPtrArray *violations = checker_judge(lab->history.checker, options);
    if (violations->len > 0) {
        const Violation *violation = g_ptr_array_index(violations, 0);
        fail_msg("seed %u: %s: %s, file %u seq %u: %s", (unsigned)seed, rule_name(violation->rule),
                 violation->process.text, violation->file, (unsigned)violation->seq,
                 violation->text);
    }
    g_ptr_array_unref(violations);
    history_deinit(&lab->history);
    g_free(lab);
}

static void tell_many(bool crashes, bool piecemeal)
{
    for (uint64_t seed = 0; seed < HISTORIES; seed++) {
        Lab *lab = lab_new(seed);
        lab->crashes = crashes;
        tell(lab);
        judge_nothing(lab, seed, piecemeal);
    }
}

static void tell_many_in_parts(bool crashes, int skew_max)
{
    for (uint64_t seed = 0; seed < HISTORIES; seed++) {
        Lab *lab = lab_new(seed);
        lab->crashes = crashes;
        history_part(&lab->history);
        for (int i = 0; i < MEMBERS; i++)
            lab->history.skew[i] = draw(lab, skew_max);
        tell(lab);
        judge_nothing(lab, seed, false);
    }
}

static void nothing_is_found_in_a_right_history(void **state)
{
    (void)state;
    tell_many(false, false);
}

static void nothing_is_found_whatever_the_clocks(void **state)
{
    (void)state;
    tell_many_in_parts(false, SKEW_MAX);
}

static void nothing_is_found_in_a_right_history_with_crashes(void **state)
{
    (void)state;
    tell_many(true, false);
}

static void nothing_is_found_when_all_is_forgotten_that_can_be(void **state)
{
    (void)state;
    tell_many(true, true);
}

static void nothing_is_found_after_crashes_on_one_machine(void **state)
{
    (void)state;
    tell_many_in_parts(true, 1);
}

static void nothing_is_found_after_crashes_whatever_the_clocks(void **state)
{
    (void)state;
    tell_many_in_parts(true, SKEW_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_in_a_right_history),
        cmocka_unit_test(nothing_is_found_whatever_the_clocks),
        cmocka_unit_test(nothing_is_found_in_a_right_history_with_crashes),
        cmocka_unit_test(nothing_is_found_when_all_is_forgotten_that_can_be),
        cmocka_unit_test(nothing_is_found_after_crashes_on_one_machine),
        cmocka_unit_test(nothing_is_found_after_crashes_whatever_the_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
