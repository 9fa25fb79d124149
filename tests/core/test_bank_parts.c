/* The parts of a bank one by one: with as many rows as are wanted, with states that no bank would
 * write, and with a look at what they keep of what is over. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_dissolve.h"
#include "core/bank_proposal.h"
#include "tests/core/office.h"

enum { COHORT = 3, MEMBERS = 2 };

typedef struct Parts {
    BankDesk desk;
    Registry registry;
    Askers askers;
    Operations operations;
    Dissolutions dissolutions;
    Effects *effects;
} Parts;

static Parts *parts_new(void)
{
    Parts *parts = g_new0(Parts, 1);
    parts->effects = effects_new();
    desk_init(&parts->desk, &(BankConfig){.any_port = true});
    registry_init(&parts->registry);
    askers_init(&parts->askers, &parts->desk, &parts->registry);
    operations_init(&parts->operations, &parts->desk, &parts->registry, &parts->askers);
    dissolutions_init(&parts->dissolutions, &parts->desk, &parts->registry, &parts->askers);
    desk_begin(&parts->desk, NS_PER_S, parts->effects);
    return parts;
}

static void parts_free(Parts *parts)
{
    dissolutions_deinit(&parts->dissolutions);
    operations_deinit(&parts->operations);
    askers_deinit(&parts->askers);
    registry_deinit(&parts->registry);
    desk_deinit(&parts->desk);
    effects_free(parts->effects);
    g_free(parts);
}

static void add_row(Parts *parts, int customer, bool exited)
{
    const BankRow line = {
        .name = office_name(customer), .port1 = 8500, .port2 = 8501, .exited = exited};
    assert_int_equal(registry_load_row(&parts->registry, &line), BANK_LOAD_OK);
}

/* Of c1 and c2. */
static void add_cohort(Parts *parts, bool leaving, uint64_t attempt)
{
    RegistryRow *members[MEMBERS];
    bool left[MEMBERS] = {0};
    for (int i = 0; i < MEMBERS; i++) {
        const Name name = office_name(i + 1);
        if (registry_find(&parts->registry, &name) == NULL)
            add_row(parts, i + 1, false);
        members[i] = registry_find(&parts->registry, &name);
    }
    const RegistryCohort cohort = {.id = COHORT,
                                   .leaving = leaving,
                                   .attempt = attempt,
                                   .count = MEMBERS,
                                   .members = members,
                                   .left = left};
    Coder record = registry_record();
    registry_put_cohort(&record, &cohort);
    registry_commit(&parts->registry, &record, parts->effects);
}

/* --- opening --- */

static Operation *open_account(Parts *parts, int customer)
{
    const Command command = {.kind = COMMAND_OPEN,
                             .name = office_name(customer),
                             .ip = OFFICE_IP,
                             .port1 = 8500,
                             .port2 = 8501};
    const Asker asker = {.command = COMMAND_OPEN, .name = command.name};
    effects_clear(parts->effects);
    proposal_open(&parts->operations, &asker, &command);
    return operation_opening(&parts->operations, &command.name);
}

static void a_full_bank_opens_accounts_under_names_alone_that_it_has(void **state)
{
    (void)state;
    Parts *parts = parts_new();
    GPtrArray *rows = parts->registry.rows;
    add_row(parts, 1, true);
    g_ptr_array_set_size(rows, REGISTRY_ROWS_MAX); /* nobody looks at the others */
    assert_non_null(open_account(parts, 1));
    assert_null(open_account(parts, 2));
    office_expect_failure(effects_at(parts->effects, 0)->notice, REFUSAL_BANK_FULL);
    g_ptr_array_set_size(rows, REGISTRY_ROWS_MAX - 1);
    assert_non_null(open_account(parts, 2));
    parts_free(parts);
}

/* --- what is over --- */

static void nothing_is_kept_of_a_request_that_was_answered(void **state)
{
    (void)state;
    Parts *parts = parts_new();
    Askers *askers = &parts->askers;
    const Message message = office_request(1, 1, COMMAND_EXIT, 1);
    const Address from = office_address(1);
    Asker asker;
    parts->desk.cookie = cookie_make(&parts->desk.key, from, parts->desk.now_ns);
    assert_int_equal(asker_receive(askers, from, &message, &asker), ASKER_NEW);
    assert_int_equal(askers->waiting.length, 1);
    assert_int_equal(askers->strangers, 1);
    asker_refuse(askers, &asker, REFUSAL_UNKNOWN_NAME, &asker.name);
    assert_int_equal(askers->waiting.length, 0);
    assert_int_equal(askers->strangers, 0);
    assert_int_equal(g_hash_table_size(askers->by_client), 0);
    parts_free(parts);
}

static void nothing_is_kept_of_an_operation_that_is_over(void **state)
{
    (void)state;
    Parts *parts = parts_new();
    Operations *operations = &parts->operations;
    const Name name = office_name(1);
    Operation *operation = open_account(parts, 1);
    assert_int_equal(operations->list.length, 1);
    operation_abort(operations, operation, REFUSAL_NO_ANSWER, &name);
    assert_int_equal(operations->list.length, 0);
    assert_int_equal(g_hash_table_size(operations->by_key), 0);
    assert_int_equal(g_hash_table_size(operations->opening), 0);
    parts_free(parts);
}

/* --- dissolving --- */

static void a_dissolved_cohort_is_gone_on_with_whatever_its_attempt_was(void **state)
{
    (void)state;
    for (uint64_t attempt = 0; attempt < 2; attempt++) {
        Parts *parts = parts_new();
        add_cohort(parts, true, attempt);
        dissolutions_resume(&parts->dissolutions);
        assert_int_equal(parts->dissolutions.list.length, 1);
        for (int i = 0; i < MEMBERS; i++) {
            const Message left = {.kind = MESSAGE_LEFT,
                                  .left = {.cohort = COHORT, .member = (uint16_t)i}};
            dissolve_left(&parts->dissolutions, &left);
        }
        assert_int_equal(parts->dissolutions.list.length, 0);
        parts_free(parts);
    }
}

static void a_cohort_that_nobody_dissolves_is_left_alone(void **state)
{
    (void)state;
    Parts *parts = parts_new();
    add_cohort(parts, false, 0);
    dissolutions_resume(&parts->dissolutions);
    assert_int_equal(parts->dissolutions.list.length, 0);
    parts_free(parts);
}

/* --- states --- */

typedef void CodePart(Parts *parts, Coder *coder);

static void code_operations(Parts *parts, Coder *coder)
{
    operations_code(&parts->operations, coder);
}

static void code_dissolutions(Parts *parts, Coder *coder)
{
    dissolutions_code(&parts->dissolutions, coder);
}

static bool decodes(Parts *parts, CodePart *code, const uint8_t *bytes, size_t length)
{
    Coder coder = coder_decode(bytes, length);
    code(parts, &coder);
    return coder_finished(&coder);
}

static void an_operation_without_the_row_that_it_is_about_is_damaged(void **state)
{
    (void)state;
    enum { PROPOSAL_AT = sizeof(uint32_t) }; /* behind how many there are */
    Parts *opening = parts_new();
    Parts *parts = parts_new();
    Coder coder = coder_encode_growing();
    assert_non_null(open_account(opening, 1));
    code_operations(opening, &coder);
    assert_int_equal(coder.bytes[PROPOSAL_AT], PROPOSAL_OPEN);
    coder.bytes[PROPOSAL_AT] = PROPOSAL_EXIT;
    assert_false(decodes(parts, code_operations, coder.bytes, coder.length));
    assert_int_equal(parts->operations.list.length, 0);
    coder.bytes[PROPOSAL_AT] = PROPOSAL_OPEN;
    assert_true(decodes(parts, code_operations, coder.bytes, coder.length));
    assert_int_equal(parts->operations.list.length, 1);
    coder_deinit(&coder);
    parts_free(parts);
    parts_free(opening);
}

/* Encoded: a cohort that is leaving, as the bank comes back. */
static Coder leaving_state(void)
{
    Parts *parts = parts_new();
    Coder coder = coder_encode_growing();
    add_cohort(parts, true, 1);
    dissolutions_resume(&parts->dissolutions);
    code_dissolutions(parts, &coder);
    parts_free(parts);
    return coder;
}

static void a_cohort_that_its_members_leave_is_coded(void **state)
{
    (void)state;
    Coder coder = leaving_state();
    Parts *parts = parts_new();
    add_cohort(parts, true, 1);
    assert_true(decodes(parts, code_dissolutions, coder.bytes, coder.length));
    assert_int_equal(parts->dissolutions.list.length, 1);
    parts_free(parts);
    coder_deinit(&coder);
}

static void the_dissolving_of_a_cohort_that_is_not_there_is_damaged(void **state)
{
    (void)state;
    Coder coder = leaving_state();
    Parts *parts = parts_new();
    Coder told = coder_decode(coder.bytes, coder.length);
    code_dissolutions(parts, &told);
    assert_true(told.failed);
    parts_free(parts);
    coder_deinit(&coder);
}

static void the_dissolving_of_a_cohort_of_nobody_is_damaged(void **state)
{
    (void)state;
    enum { FIRST_MEMBER_AT = 4 + 8 + 2 + 8 }; /* behind count, cohort, its count, and the task */
    Coder coder = leaving_state();
    for (size_t member = 0; member < MEMBERS; member++) {
        uint8_t *place = coder.bytes + FIRST_MEMBER_AT + 4 * member;
        uint8_t known[4];
        Parts *parts = parts_new();
        add_cohort(parts, true, 1);
        memcpy(known, place, sizeof known);
        memset(place, 0xff, sizeof known); /* no row */
        assert_false(decodes(parts, code_dissolutions, coder.bytes, coder.length));
        memcpy(place, known, sizeof known);
        parts_free(parts);
    }
    coder_deinit(&coder);
}

static void a_registry_that_is_coded_keeps_who_is_silent(void **state)
{
    (void)state;
    for (size_t silent = 0; silent < MEMBERS; silent++) {
        Parts *parts = parts_new();
        Parts *decoded = parts_new();
        Coder coder = coder_encode_growing();
        add_cohort(parts, false, 0);
        registry_row(&parts->registry, silent)->silent = true;
        registry_code(&parts->registry, &coder);
        Coder told = coder_decode(coder.bytes, coder.length);
        registry_code(&decoded->registry, &told);
        assert_true(coder_finished(&told));
        for (size_t i = 0; i < MEMBERS; i++)
            assert_int_equal(registry_row(&decoded->registry, i)->silent, i == silent);
        coder_deinit(&coder);
        parts_free(decoded);
        parts_free(parts);
    }
}

static void a_registry_of_another_version_is_damaged(void **state)
{
    (void)state;
    Parts *parts = parts_new();
    Coder coder = coder_encode_growing();
    registry_code(&parts->registry, &coder);
    coder.bytes[0]++;
    Coder told = coder_decode(coder.bytes, coder.length);
    registry_code(&parts->registry, &told);
    assert_true(told.failed);
    coder_deinit(&coder);
    parts_free(parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bank_opens_accounts_under_names_alone_that_it_has),
        cmocka_unit_test(nothing_is_kept_of_a_request_that_was_answered),
        cmocka_unit_test(nothing_is_kept_of_an_operation_that_is_over),
        cmocka_unit_test(a_dissolved_cohort_is_gone_on_with_whatever_its_attempt_was),
        cmocka_unit_test(a_cohort_that_nobody_dissolves_is_left_alone),
        cmocka_unit_test(an_operation_without_the_row_that_it_is_about_is_damaged),
        cmocka_unit_test(a_cohort_that_its_members_leave_is_coded),
        cmocka_unit_test(the_dissolving_of_a_cohort_that_is_not_there_is_damaged),
        cmocka_unit_test(the_dissolving_of_a_cohort_of_nobody_is_damaged),
        cmocka_unit_test(a_registry_that_is_coded_keeps_who_is_silent),
        cmocka_unit_test(a_registry_of_another_version_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
