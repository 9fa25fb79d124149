#include "tests/sim/claim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect(const Claim *claim, bool settled, bool piecemeal, unsigned rules)
{
    History history;
    history_init(&history);
    claim->tell(&history);
    const CheckOptions options = {
        .settled = settled, .whole = history.whole, .cash_survives = history.cash_survives};
    if (piecemeal)
        history_judge_piecemeal(&history, options);
    GPtrArray *violations = checker_judge(history.checker, options);
    unsigned found = NOTHING;
    for (guint i = 0; i < violations->len; i++) {
        const Violation *violation = g_ptr_array_index(violations, i);
        found |= FINDS(violation->rule);
        if (!(rules & FINDS(violation->rule)))
            print_error("%s: %s: %s seq %u: %s\n", claim->name, rule_name(violation->rule),
                        violation->process.text, (unsigned)violation->seq, violation->text);
    }
    g_ptr_array_unref(violations);
    history_deinit(&history);
    assert_int_equal(found, rules);
}

static void test_claim(void **state)
{
    const Claim *claim = *state;
    expect(claim, true, false, claim->settled);
    expect(claim, true, true, claim->settled);
    expect(claim, false, false, claim->running);
}

int claims_run(const Claim *claims, size_t count)
{
    struct CMUnitTest *tests = g_new0(struct CMUnitTest, count);
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){.name = claims[i].name,
                                       .test_func = test_claim,
                                       .initial_state = (void *)(uintptr_t)&claims[i]};
    int failures = _cmocka_run_group_tests("claims", tests, count, NULL, NULL);
    g_free(tests);
    return failures;
}
