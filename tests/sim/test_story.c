/* tools/story.c tells the run of the seed document's example in the words users read. */
#include "tools/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world.h"

static void feed(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                 const TraceEvent *event)
{
    (void)seq;
    story_add(context, t_ns, process, event);
}

/* Runs the script without delay and returns what is told after the set-up. */
static char *told(const char *text)
{
    Scenario *scenario = scenario_new();
    char *error = NULL;
    if (!scenario_read(scenario, "test.ini", text, &error) ||
        !scenario_complete(scenario, NULL, 0, &error))
        fail_msg("%s", error);
    Story *story = story_new(scenario->cash == CASH_COMMIT);
    const Observer observer = {.context = story, .on_trace = feed};
    World *world = world_new(scenario, 1, &observer);
    while (world_advance(world, 1000))
        continue;
    assert_int_equal(world_result(world).violations->len, 0);
    GString *out = g_string_new(NULL);
    story_tell(story, out);
    world_free(world);
    story_free(story);
    scenario_free(scenario);
    const char *begin = strstr(out->str, "cohort 1 is formed: c1, c2, c3\n");
    assert_non_null(begin);
    char *rest = g_strdup(strchr(begin, '\n') + 1);
    g_string_free(out, TRUE);
    return rest;
}

#define IDEAL "[scenario]\nduration=5s\n[network]\ndelay=constant 0s\n[script]\n"

static void rollback_is_told_with_who_joins_and_who_need_not(void **state)
{
    (void)state;
    char *story = told(IDEAL "1s=c1 transfer 100 c2\n"
                             "2s=c1 transfer 30 c3\n"
                             "3s=c1 checkpoint\n"
                             "4s=c1 transfer 5 c2\n"
                             "5s=c1 rollback\n");
    assert_string_equal(
        story,
        "     1.000 s  c1 sends 100 to c2 (label 1) and has 900\n"
        "     1.000 s  c2 receives 100 from c1 (label 1) and has 1100\n"
        "     2.000 s  c1 sends 30 to c3 (label 1) and has 870\n"
        "     2.000 s  c3 receives 30 from c1 (label 1) and has 1030\n"
        "     3.000 s  c1 takes a tentative checkpoint (c1.1) with 870\n"
        "     3.000 s  c1's checkpoint (c1.1) with 870 becomes permanent\n"
        "              c2 need not take part: c1's checkpoint records nothing from it\n"
        "              c3 need not take part: c1's checkpoint records nothing from it\n"
        "     4.000 s  c1 sends 5 to c2 (label 2) and has 865\n"
        "     4.000 s  c2 receives 5 from c1 (label 2) and has 1105\n"
        "     5.000 s  c1 rolls back (c1.2) to its checkpoint with 870: 1 undone\n"
        "              c2 must roll back too: it has received label 2 from c1, whose checkpoint "
        "records 1 sent\n"
        "              c3 keeps its state: the last transfer it received from c1 (label 1) was "
        "sent before c1's checkpoint (which records 1 sent), and it has received nothing from c2\n"
        "     5.000 s  c2 rolls back (c1.2) to its checkpoint with 1000: 2 undone\n"
        "     5.000 s  c2 receives 100 from c1 (label 1) and has 1100\n"
        "In the end: c1 has 870, c2 has 1100, c3 has 1030.\n"
        "Total before 3000, deposited 0, withdrawn or taken along 0, lost for good 0; total after "
        "3000.\n");
    g_free(story);
}

static void crash_is_told_with_what_is_remembered_and_who_rolls_back(void **state)
{
    (void)state;
    char *story = told(IDEAL "1s=c1 transfer 100 c2\n"
                             "2s=c1 crash\n"
                             "3s=c1 restart\n");
    assert_string_equal(
        story,
        "     1.000 s  c1 sends 100 to c2 (label 1) and has 900\n"
        "     1.000 s  c2 receives 100 from c1 (label 1) and has 1100\n"
        "     2.000 s  c1 crashes with 900\n"
        "     3.000 s  c1 is back and remembers 1000\n"
        "     3.000 s  c1 rolls back (c1.1) to its checkpoint with 1000: 0 undone\n"
        "              c2 must roll back too: it has received label 1 from c1, whose checkpoint "
        "records 0 sent\n"
        "              c3 keeps its state: it has received nothing from c1, and it has received "
        "nothing from c2\n"
        "     3.000 s  c2 rolls back (c1.1) to its checkpoint with 1000: 1 undone\n"
        "In the end: c1 has 1000, c2 has 1000, c3 has 1000.\n"
        "Total before 3000, deposited 0, withdrawn or taken along 0, lost for good 0; total after "
        "3000.\n");
    g_free(story);
}

static void who_rolls_back_for_its_crash_alone_is_told_so(void **state)
{
    (void)state;
    const Name members[] = {{"c1"}, {"c2"}};
    const TraceEvent joined = {
        .kind = TRACE_JOINED, .cohort = 1, .members = members, .member_count = 2};
    const TraceEvent restarted = {.kind = TRACE_RESTARTED, .balance = 500};
    const TraceEvent rolled_back = {
        .kind = TRACE_ROLLED_BACK, .initiator = members[1], .number = 1, .balance = 500};
    GString *out = g_string_new(NULL);
    Story *story = story_new(false);
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        story_add(story, 0, &members[i], &joined);
    story_add(story, NS_PER_S, &members[0], &restarted);
    for (size_t i = G_N_ELEMENTS(members); i-- > 0;)
        story_add(story, 2 * NS_PER_S, &members[i], &rolled_back);
    story_tell(story, out);
    assert_non_null(strstr(out->str,
                           "     2.000 s  c2 rolls back (c2.1) to its checkpoint with 5: 0 "
                           "undone\n"
                           "              c1 rolls back too: it has forgotten in a crash "
                           "what followed its checkpoint\n"
                           "     2.000 s  c1 rolls back (c2.1)"));
    story_free(story);
    g_string_free(out, TRUE);
}

static void checkpoint_is_told_with_who_joins_and_who_need_not(void **state)
{
    (void)state;
    char *story = told(IDEAL "1s=c2 transfer 10 c1; c2 deposit 1.50\n"
                             "2s=c2 checkpoint\n"
                             "3s=c3 transfer 7 c1; c3 withdrawal 3\n"
                             "4s=c1 checkpoint\n");
    assert_string_equal(
        story,
        "     1.000 s  c2 sends 10 to c1 (label 1) and has 990\n"
        "     1.000 s  c2 deposits 1.50 and has 991.50\n"
        "     1.000 s  c1 receives 10 from c2 (label 1) and has 1010\n"
        "     2.000 s  c2 takes a tentative checkpoint (c2.1) with 991.50\n"
        "     2.000 s  c2's checkpoint (c2.1) with 991.50 becomes permanent\n"
        "              c1 need not take part: c2's checkpoint records nothing from it\n"
        "              c3 need not take part: c2's checkpoint records nothing from it\n"
        "     3.000 s  c3 sends 7 to c1 (label 1) and has 993\n"
        "     3.000 s  c3 withdraws 3 and has 990\n"
        "     3.000 s  c1 receives 7 from c3 (label 1) and has 1017\n"
        "     4.000 s  c1 takes a tentative checkpoint (c1.1) with 1017\n"
        "     4.000 s  c3 takes a tentative checkpoint (c1.1) with 990\n"
        "     4.000 s  c1's checkpoint (c1.1) with 1017 becomes permanent\n"
        "              c2 need not take part: c1's checkpoint records label 1 from it as the "
        "last, which its own last checkpoint covers (1 sent), and c3's checkpoint records nothing "
        "from it\n"
        "              c3 must take part: c1's checkpoint records label 1 from c3, whose own last "
        "checkpoint records 0 sent\n"
        "     4.000 s  c3's checkpoint (c1.1) with 990 becomes permanent\n"
        "In the end: c1 has 1017, c2 has 991.50, c3 has 990.\n"
        "Total before 3000, deposited 1.50, withdrawn or taken along 3, lost for good 0; total "
        "after 2998.50.\n");
    g_free(story);
}

static void loss_is_told_on_both_sides_and_in_the_end(void **state)
{
    (void)state;
    char *story = told(IDEAL "1s=c1 lost-transfer 40 c2\n");
    assert_string_equal(story,
                        "     1.000 s  c1 sends 40 to c2 (label 1) and has 960\n"
                        "     1.000 s  c1's transfer of 40 to c2 (label 1) is lost\n"
                        "     1.000 s  c2 learns that label 1 from c1 will not come\n"
                        "In the end: c1 has 960, c2 has 1000, c3 has 1000.\n"
                        "Total before 3000, deposited 0, withdrawn or taken along 0, lost for "
                        "good 40; total after 2960.\n");
    g_free(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rollback_is_told_with_who_joins_and_who_need_not),
        cmocka_unit_test(crash_is_told_with_what_is_remembered_and_who_rolls_back),
        cmocka_unit_test(who_rolls_back_for_its_crash_alone_is_told_so),
        cmocka_unit_test(checkpoint_is_told_with_who_joins_and_who_need_not),
        cmocka_unit_test(loss_is_told_on_both_sides_and_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
