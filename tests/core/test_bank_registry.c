/* The registry alone: records are put together by hand, loaded, and what they made is looked at. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_registry.h"
#include "tests/core/office.h"

static int set_up(void **state)
{
    Registry *registry = g_new0(Registry, 1);
    registry_init(registry);
    *state = registry;
    return 0;
}

static int tear_down(void **state)
{
    registry_deinit(*state);
    g_free(*state);
    return 0;
}

/* --- records --- */

static BankLoad load(Registry *registry, Coder *record)
{
    registry_put_end(record);
    BankLoad result = registry_load_record(registry, record->bytes, record->length);
    Coder again = coder_decode(record->bytes, record->length);
    assert_int_equal(registry_apply(registry, &again), result == BANK_LOAD_OK);
    coder_deinit(record);
    return result;
}

static RegistryRow row_of(int customer, uint64_t client)
{
    RegistryRow row = {.client = client};
    row.line.name = office_name(customer);
    row.line.port1 = 8500;
    row.line.port2 = 8501;
    return row;
}

static BankLoad load_row(Registry *registry, RegistryRow row)
{
    Coder record = registry_record();
    registry_put_row(&record, &row);
    return load(registry, &record);
}

static RegistryRow *bound(Registry *registry, int customer, uint64_t client)
{
    const Name name = office_name(customer);
    assert_int_equal(load_row(registry, row_of(customer, client)), BANK_LOAD_OK);
    return registry_find(registry, &name);
}

/* The client has had an answer to this request. */
static void heard(Registry *registry, uint64_t client, uint64_t number)
{
    const RegistryClient after = {
        .id = client, .number = number, .answer = (uint8_t[]){(uint8_t)number}, .length = 1};
    Coder record = registry_record();
    registry_put_client(&record, &after);
    registry_put_end(&record);
    assert_int_equal(registry_load_record(registry, record.bytes, record.length), BANK_LOAD_OK);
    coder_deinit(&record);
}

static BankLoad load_cohort(Registry *registry, uint64_t id, bool leaving, uint16_t count)
{
    RegistryRow rows[MEMBERS_MAX + 1] = {0};
    RegistryRow *members[MEMBERS_MAX + 1];
    bool left[MEMBERS_MAX + 1] = {0};
    for (uint16_t i = 0; i < count; i++) {
        rows[i] = row_of(i + 1, 0);
        members[i] = &rows[i];
    }
    const RegistryCohort cohort = {
        .id = id, .leaving = leaving, .count = count, .members = members, .left = left};
    Coder record = registry_record();
    registry_put_cohort(&record, &cohort);
    return load(registry, &record);
}

static BankLoad load_bytes(Registry *registry, const uint8_t *bytes, size_t length)
{
    return registry_load_record(registry, bytes, length);
}

/* --- what is refused --- */

static void a_record_of_another_version_is_damaged(void **state)
{
    Coder record = registry_record();
    registry_put_end(&record);
    assert_int_equal(load_bytes(*state, record.bytes, record.length), BANK_LOAD_OK);
    record.bytes[0]++;
    assert_int_equal(load_bytes(*state, record.bytes, record.length), BANK_LOAD_DAMAGED);
    assert_int_equal(load_bytes(*state, record.bytes, 1), BANK_LOAD_DAMAGED);
    Coder again = coder_decode(record.bytes, record.length);
    assert_false(registry_apply(*state, &again));
    coder_deinit(&record);
}

static void a_record_that_goes_on_after_its_end_is_damaged(void **state)
{
    Coder record = registry_record();
    registry_put_end(&record);
    registry_put_end(&record);
    assert_int_equal(load_bytes(*state, record.bytes, record.length), BANK_LOAD_DAMAGED);
    coder_deinit(&record);
}

static void a_record_that_ends_anywhere_else_is_damaged(void **state)
{
    Registry *registry = *state;
    bound(registry, 1, 1001);
    bound(registry, 2, 1002);
    const RegistryRow row = row_of(1, 1001);
    const RegistryClient client = {
        .id = 7, .number = 1, .answer = (uint8_t[]){1, 2, 3}, .length = 3};
    RegistryRow *members[] = {bound(registry, 1, 1001), bound(registry, 2, 1002)};
    bool left[2] = {0};
    const RegistryCohort cohort = {
        .id = 4, .leaving = true, .count = 2, .members = members, .left = left};
    Coder record = registry_record();
    registry_put_counters(&record, (RegistryCounters){.attempt = 5});
    registry_put_row(&record, &row);
    registry_put_client(&record, &client);
    registry_put_cohort(&record, &cohort);
    registry_put_left(&record, 4, 1);
    registry_put_end(&record);
    for (size_t length = 0; length < record.length; length++)
        assert_int_equal(load_bytes(registry, record.bytes, length), BANK_LOAD_DAMAGED);
    assert_int_equal(load_bytes(registry, record.bytes, record.length), BANK_LOAD_OK);
    coder_deinit(&record);
}

static void a_cohort_has_2_to_1000_members_that_are_known(void **state)
{
    Registry *registry = *state;
    bound(registry, 1, 0);
    assert_int_equal(load_cohort(registry, 7, false, 2), BANK_LOAD_DAMAGED);
    for (int i = 2; i <= MEMBERS_MAX + 1; i++)
        bound(registry, i, 0);
    assert_int_equal(load_cohort(registry, 7, false, 0), BANK_LOAD_DAMAGED);
    assert_int_equal(load_cohort(registry, 7, false, 1), BANK_LOAD_DAMAGED);
    assert_int_equal(load_cohort(registry, 0, false, 2), BANK_LOAD_DAMAGED);
    assert_int_equal(load_cohort(registry, 7, false, MEMBERS_MAX + 1), BANK_LOAD_DAMAGED);
    assert_int_equal(registry->cohorts->len, 0);
    assert_int_equal(load_cohort(registry, 7, false, MEMBERS_MAX), BANK_LOAD_OK);
    assert_int_equal(load_cohort(registry, 8, false, 2), BANK_LOAD_OK);
    assert_int_equal(registry_cohort(registry, 7)->count, MEMBERS_MAX);
}

static void a_row_whose_cohort_no_csv_could_name_is_damaged(void **state)
{
    RegistryRow row = row_of(1, 0);
    row.line.cohort = COHORT_MAX + 1;
    assert_int_equal(load_row(*state, row), BANK_LOAD_DAMAGED);
    row.line.cohort = COHORT_MAX;
    assert_int_equal(load_row(*state, row), BANK_LOAD_OK);
}

/* --- counters --- */

static BankLoad load_counters(Registry *registry, uint64_t all)
{
    RegistryCounters counters = {.attempt = all + 10, .forgotten = all + 20};
    for (int kind = 0; kind < PROPOSAL_KINDS; kind++)
        counters.ids[kind] = all + (uint64_t)kind;
    Coder record = registry_record();
    registry_put_counters(&record, counters);
    return load(registry, &record);
}

static void counters_only_grow(void **state)
{
    Registry *registry = *state;
    assert_int_equal(load_counters(registry, 40), BANK_LOAD_OK);
    assert_int_equal(load_counters(registry, 30), BANK_LOAD_OK); /* an older record */
    for (int kind = 0; kind < PROPOSAL_KINDS; kind++)
        assert_int_equal(registry->counters.ids[kind], 40 + kind);
    assert_int_equal(registry->counters.attempt, 50);
    assert_int_equal(registry->counters.forgotten, 60);
}

/* --- clients --- */

static void the_client_longest_unheard_is_forgotten_first(void **state)
{
    Registry *registry = *state;
    for (uint64_t client = 1; client <= REGISTRY_CLIENTS_MAX; client++)
        heard(registry, client, 1);
    assert_int_equal(registry->counters.forgotten, 0);
    heard(registry, 1, 2);
    heard(registry, 5000, 1);
    assert_int_equal(registry->counters.forgotten, 1);
    assert_int_equal(registry->unbound.length, REGISTRY_CLIENTS_MAX);
    assert_int_equal(registry_client(registry, 1)->number, 2);
    assert_null(registry_client(registry, 2));
    assert_non_null(registry_client(registry, 3));
}

static void a_client_that_loses_its_account_may_be_forgotten_from_then_on(void **state)
{
    Registry *registry = *state;
    bound(registry, 1, 9001);
    heard(registry, 9001, 6);
    for (uint64_t client = 1; client <= REGISTRY_CLIENTS_MAX; client++)
        heard(registry, client, 1);
    assert_int_equal(registry_client(registry, 9001)->number, 6);
    assert_int_equal(registry->counters.forgotten, 0);
    const RegistryRow *row = bound(registry, 1, 9002);
    assert_int_equal(row->client, 9002);
    assert_ptr_equal(registry_client(registry, 9002)->row, row);
    assert_null(registry_client(registry, 9001)->row);
    assert_int_equal(registry->unbound.length, REGISTRY_CLIENTS_MAX);
    assert_null(registry_client(registry, 1)); /* unheard for longer than 9001 */
    assert_int_equal(registry->counters.forgotten, 1);
}

static void a_row_that_another_process_runs_is_no_longer_silent(void **state)
{
    Registry *registry = *state;
    RegistryRow *row = bound(registry, 1, 9001);
    row->silent = true;
    bound(registry, 1, 9001);
    assert_true(row->silent);
    bound(registry, 1, 9002);
    assert_false(row->silent);
}

/* --- cohorts --- */

static void who_has_not_left_a_dissolved_cohort_is_known_by_its_row(void **state)
{
    Registry *registry = *state;
    const RegistryRow *first = bound(registry, 1, 0), *second = bound(registry, 2, 0);
    assert_int_equal(load_cohort(registry, 7, false, 2), BANK_LOAD_OK);
    assert_int_equal(first->leaving, 0);
    assert_int_equal(load_cohort(registry, 7, true, 2), BANK_LOAD_OK);
    assert_int_equal(first->leaving, 7);
    assert_int_equal(second->leaving, 7);
    Coder record = registry_record();
    registry_put_left(&record, 7, 0);
    assert_int_equal(load(registry, &record), BANK_LOAD_OK); /* twice is once */
    assert_int_equal(first->leaving, 0);
    assert_int_equal(second->leaving, 7);
    assert_int_equal(registry_cohort(registry, 7)->left_count, 1);
}

static void cohorts_are_found_in_whatever_order_they_came(void **state)
{
    static const uint64_t ids[] = {8, 2, 5, 9, 1, 4, 7, 3, 6};
    Registry *registry = *state;
    bound(registry, 1, 0);
    bound(registry, 2, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
        assert_int_equal(load_cohort(registry, ids[i], false, 2), BANK_LOAD_OK);
    assert_int_equal(registry->cohorts->len, G_N_ELEMENTS(ids));
    for (uint64_t id = 1; id <= G_N_ELEMENTS(ids); id++) {
        const RegistryCohort *placed = registry->cohorts->pdata[id - 1];
        assert_int_equal(placed->id, id);
        assert_ptr_equal(registry_cohort(registry, id), placed);
    }
    assert_null(registry_cohort(registry, 0));
    assert_null(registry_cohort(registry, 10));
}

/* --- what a new journal begins with --- */

/* A registry that has the rows as the CSV has them, and all of the snapshot. */
static void reload(const Registry *registry, Registry *loaded)
{
    registry_init(loaded);
    for (size_t i = 0; i < registry->rows->len; i++)
        assert_int_equal(registry_load_row(loaded, &registry_row(registry, i)->line), BANK_LOAD_OK);
    for (size_t i = 0; i < registry_snapshot_count(registry); i++) {
        Coder record = coder_encode_growing();
        registry_snapshot_record(registry, i, &record);
        assert_int_equal(registry_load_record(loaded, record.bytes, record.length), BANK_LOAD_OK);
        coder_deinit(&record);
    }
}

static void a_snapshot_has_all_of_a_row_that_the_csv_has_not(void **state)
{
    Registry *registry = *state;
    Registry loaded;
    for (int field = 0; field < 4; field++) {
        RegistryRow row = row_of(1 + field, 0);
        uint64_t *const fields[] = {&row.client, &row.open_id, &row.exit_id, &row.report};
        *fields[field] = 77;
        assert_int_equal(load_row(registry, row), BANK_LOAD_OK);
    }
    reload(registry, &loaded);
    assert_int_equal(registry_row(&loaded, 0)->client, 77);
    assert_int_equal(registry_row(&loaded, 1)->open_id, 77);
    assert_int_equal(registry_row(&loaded, 2)->exit_id, 77);
    assert_int_equal(registry_row(&loaded, 3)->report, 77);
    registry_deinit(&loaded);
}

static void a_snapshot_has_the_answers_of_clients_with_and_without_an_account(void **state)
{
    Registry *registry = *state;
    Registry loaded;
    bound(registry, 1, 9001);
    heard(registry, 9001, 6);
    heard(registry, 9002, 7);
    assert_int_equal(load_counters(registry, 40), BANK_LOAD_OK);
    reload(registry, &loaded);
    for (uint64_t number = 6; number <= 7; number++) {
        const RegistryClient *client = registry_client(&loaded, 8995 + number);
        assert_int_equal(client->number, number);
        assert_int_equal(client->length, 1);
        assert_int_equal(client->answer[0], number);
    }
    assert_int_equal(loaded.counters.forgotten, 60);
    registry_deinit(&loaded);
}

static size_t record_bytes(const Registry *registry, size_t index)
{
    Coder record = coder_encode_growing();
    registry_snapshot_record(registry, index, &record);
    const size_t bytes = record.length;
    coder_deinit(&record);
    return bytes;
}

/* So that no record of a large registry is too long for the disk. */
static void a_snapshot_has_every_row_once_and_256_in_a_record(void **state)
{
    enum { ROWS = 2 * 256 + 1 };
    Registry *registry = *state;
    Registry loaded;
    assert_int_equal(registry_snapshot_count(registry), 1);
    for (int i = 1; i <= ROWS; i++) {
        bound(registry, i, (uint64_t)(9000 + i));
        assert_int_equal(registry_snapshot_count(registry), 2 + (i - 1) / 256);
    }
    assert_true(record_bytes(registry, 3) * 100 < record_bytes(registry, 2));
    assert_true(record_bytes(registry, 1) < 2 * record_bytes(registry, 2));
    reload(registry, &loaded);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(registry_row(&loaded, i)->client, 9001 + i);
    registry_deinit(&loaded);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_record_of_another_version_is_damaged),
        CLAIM(a_record_that_goes_on_after_its_end_is_damaged),
        CLAIM(a_record_that_ends_anywhere_else_is_damaged),
        CLAIM(a_cohort_has_2_to_1000_members_that_are_known),
        CLAIM(a_row_whose_cohort_no_csv_could_name_is_damaged),
        CLAIM(counters_only_grow),
        CLAIM(the_client_longest_unheard_is_forgotten_first),
        CLAIM(a_client_that_loses_its_account_may_be_forgotten_from_then_on),
        CLAIM(a_row_that_another_process_runs_is_no_longer_silent),
        CLAIM(who_has_not_left_a_dissolved_cohort_is_known_by_its_row),
        CLAIM(cohorts_are_found_in_whatever_order_they_came),
        CLAIM(a_snapshot_has_all_of_a_row_that_the_csv_has_not),
        CLAIM(a_snapshot_has_the_answers_of_clients_with_and_without_an_account),
        CLAIM(a_snapshot_has_every_row_once_and_256_in_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
