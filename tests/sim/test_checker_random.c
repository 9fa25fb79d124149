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
    bool tentative[MEMBERS]; /* sends nothing */
    bool stopped[MEMBERS];   /* rolls back: does nothing */
    bool undone[MEMBERS];    /* ... in effect: nobody accepts anything from it */
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
    if (lab->stopped[who])
        return;
    if (what < 4)
        step_send(lab, who, peer);
    else if (what < 8 && !lab->undone[peer])
        step_accept(lab, peer, who);
    else if (what == 8 && !lab->stopped[peer])
        declare_lost(lab, who, peer);
    else if (what == 9)
        deposited(&lab->history, who, 10);
}

static void steps(Lab *lab, int most)
{
    for (int i = draw(lab, most + 1); i > 0; i--)
        step(lab);
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

static void checkpoint(Lab *lab)
{
    History *h = &lab->history;
    int order[MEMBERS] = {draw(lab, MEMBERS)};
    int count = 1;
    g_autofree char *instance =
        g_strdup_printf("%s.%u", h->names[order[0]].text, (unsigned)++lab->instances);
    take_tentative(lab, order[0], instance);
    for (int k = 0; k < count; k++) {
        int who = order[k];
        for (int i = 0; i < MEMBERS; i++) {
            uint64_t real = last_received(lab, i, who, h->tentative[who].received[i]);
            if (lab->tentative[i] || real <= h->permanent[i].sent[who])
                continue;
            steps(lab, 3);
            take_tentative(lab, i, instance);
            order[count++] = i;
        }
    }
    steps(lab, 5);
    bool commit = draw(lab, 4) > 0;
    for (int k = 0; k < count; k++) {
        int who = order[k];
        if (commit)
            permanent(h, who, instance);
        else
            discarded(h, who, instance);
        if (commit)
            memcpy(lab->lost_for_good[who], lab->lost_tentative[who], sizeof lab->lost[who]);
        lab->tentative[who] = false;
        steps(lab, 3);
    }
}

/* --- rollbacks --- */

static void roll(Lab *lab, int who, const char *instance)
{
    rolled_back(&lab->history, who, instance);
    memcpy(lab->lost[who], lab->lost_for_good[who], sizeof lab->lost[who]);
}

static void rollback(Lab *lab)
{
    History *h = &lab->history;
    int order[MEMBERS] = {draw(lab, MEMBERS)};
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
            rollback(lab);
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

static void judge_nothing(Lab *lab, uint64_t seed)
{
    GPtrArray *violations = checker_judge(lab->history.checker, (CheckOptions){.settled = true});
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

static void nothing_is_found_in_a_right_history(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < HISTORIES; seed++) {
        Lab *lab = lab_new(seed);
        tell(lab);
        judge_nothing(lab, seed);
    }
}

static void nothing_is_found_whatever_the_clocks(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < HISTORIES; seed++) {
        Lab *lab = lab_new(seed);
        history_part(&lab->history);
        for (int i = 0; i < MEMBERS; i++)
            lab->history.skew[i] = draw(lab, SKEW_MAX);
        tell(lab);
        judge_nothing(lab, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_in_a_right_history),
        cmocka_unit_test(nothing_is_found_whatever_the_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
