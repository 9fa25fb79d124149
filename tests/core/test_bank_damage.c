/* Records of the bank's journal, and its encoded state, that are damaged or do not fit together:
 * what cannot be is refused, and nothing breaks the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_dissolve.h"
#include "core/bank_registry.h"
#include "tests/core/office.h"

/* One cohort is being left, another has been formed, an account is being closed. */
static Office *eventful(void)
{
    Office *office = office_new(3);
    uint64_t attempt = office_quiesce(office, office_cohort(office, 3), 3);
    for (uint16_t i = 0; i < 3; i++) {
        Message vote = office_status(1, i, 3, attempt, 2, STATUS_VOTED, 10000);
        office_say(office, i + 1, &vote);
    }
    Message left = {.kind = MESSAGE_LEFT, .left = {.cohort = 1}};
    office_say(office, 1, &left);
    office_wait(office, DISSOLVE_GRACE_NS); /* the console is free again */
    office_open(office, 4, "50");
    Message exit_request = office_request(4, 1, COMMAND_EXIT, 4);
    office_say(office, 4, &exit_request);
    return office;
}

/* A bank that has loaded the first `count` records of the journal. */
static Bank *loaded(const Office *office, guint count)
{
    Bank *bank = bank_new(&office->config);
    for (guint i = 0; i < count; i++) {
        gsize length;
        const uint8_t *bytes = g_bytes_get_data(office->journal->pdata[i], &length);
        assert_int_equal(bank_load_record(bank, bytes, length), BANK_LOAD_OK);
    }
    return bank;
}

static void every_changed_byte_of_a_record_does_no_harm(void **state)
{
    (void)state;
    Office *office = eventful();
    for (guint i = 0; i < office->journal->len; i++) {
        gsize length;
        const uint8_t *bytes = g_bytes_get_data(office->journal->pdata[i], &length);
        for (gsize at = 0; at < length; at++) {
            g_autofree uint8_t *changed = g_memdup2(bytes, length);
            changed[at] ^= 0xff;
            Bank *bank = loaded(office, i);
            (void)bank_load_record(bank, changed, length); /* sound or not, but it comes back */
            bank_free(bank);
        }
    }
    office_free(office);
}

/* What it takes for a state it can be asked about, and freed in any case. */
static void decode_and_free(Bank *bank, const uint8_t *bytes, size_t length)
{
    char why[80];
    if (bank_decode(bank, bytes, length))
        (void)bank_idle(bank, why, sizeof why);
    bank_free(bank);
}

static void change_every_byte(const Office *office)
{
    Coder whole = coder_encode_growing();
    bank_encode(office->bank, &whole);
    for (size_t at = 0; at < whole.length; at++) {
        for (int bit = 0; bit <= 8; bit++) {
            g_autofree uint8_t *changed = g_memdup2(whole.bytes, whole.length);
            changed[at] ^= (uint8_t)(bit < 8 ? 1 << bit : 0xff);
            Bank *bank = bank_new(&office->config);
            decode_and_free(bank, changed, whole.length);
        }
    }
    for (size_t at = 0; at + sizeof(uint32_t) <= whole.length; at++) { /* no row, somewhere */
        g_autofree uint8_t *changed = g_memdup2(whole.bytes, whole.length);
        memset(changed + at, 0xff, sizeof(uint32_t));
        Bank *bank = bank_new(&office->config);
        decode_and_free(bank, changed, whole.length);
    }
    coder_deinit(&whole);
}

static void every_changed_byte_of_the_state_does_no_harm(void **state)
{
    (void)state;
    Office *office = eventful();
    for (int i = 5; i <= 6; i++)
        office_open(office, i, "1");
    office_command(office, "new-cohort c5 2");
    change_every_byte(office);
    office_free(office);
    office = office_new(1); /* one cohort is being dissolved, and nothing else */
    office_quiesce(office, office_cohort(office, 3), 3);
    change_every_byte(office);
    office_free(office);
}

/* --- records written by hand --- */

static RegistryRow sound_row(void)
{
    return (RegistryRow){.line = {.name = office_name(9),
                                  .balance = 5,
                                  .ip = OFFICE_IP,
                                  .port1 = 8518,
                                  .port2 = 8519},
                         .client = 1009};
}

static BankLoad load_row(Bank *bank, RegistryRow row)
{
    Coder record = registry_record();
    registry_put_row(&record, &row);
    registry_put_end(&record);
    BankLoad result = bank_load_record(bank, record.bytes, record.length);
    coder_deinit(&record);
    return result;
}

static BankLoad load_cohort(Bank *bank, RegistryCohort cohort, int members)
{
    RegistryRow rows[MEMBERS_MAX + 1] = {0};
    RegistryRow *places[MEMBERS_MAX + 1];
    bool left[MEMBERS_MAX + 1] = {0};
    for (int i = 0; i < members; i++) {
        rows[i].line.name = office_name(i + 1);
        places[i] = &rows[i];
    }
    cohort.count = (uint16_t)members;
    cohort.members = places;
    cohort.left = left;
    Coder record = registry_record();
    registry_put_cohort(&record, &cohort);
    registry_put_end(&record);
    BankLoad result = bank_load_record(bank, record.bytes, record.length);
    coder_deinit(&record);
    return result;
}

static void a_row_that_no_csv_could_hold_is_damaged(void **state)
{
    (void)state;
    Bank *bank = bank_new(&(BankConfig){0});
    RegistryRow row = sound_row();
    row.line.name = (Name){0};
    assert_int_equal(load_row(bank, row), BANK_LOAD_DAMAGED);
    row = sound_row();
    row.line.balance = -1;
    assert_int_equal(load_row(bank, row), BANK_LOAD_DAMAGED);
    row = sound_row();
    row.line.port1 = 0;
    assert_int_equal(load_row(bank, row), BANK_LOAD_DAMAGED);
    row = sound_row();
    row.line.port2 = 0;
    assert_int_equal(load_row(bank, row), BANK_LOAD_DAMAGED);
    assert_int_equal(bank_row_count(bank), 0);
    assert_int_equal(load_row(bank, sound_row()), BANK_LOAD_OK);
    row = sound_row();
    row.line.name = (Name){"a"}; /* a letter is a name */
    assert_int_equal(load_row(bank, row), BANK_LOAD_OK);
    bank_free(bank);
}

static void a_client_without_an_id_is_damaged(void **state)
{
    (void)state;
    Bank *bank = bank_new(&(BankConfig){0});
    for (uint64_t id = 0; id < 2; id++) {
        const RegistryClient client = {
            .id = id, .number = 1, .answer = (uint8_t[]){1, 2, 3}, .length = 3};
        Coder record = registry_record();
        registry_put_client(&record, &client);
        registry_put_end(&record);
        assert_int_equal(bank_load_record(bank, record.bytes, record.length),
                         id == 0 ? BANK_LOAD_DAMAGED : BANK_LOAD_OK);
        coder_deinit(&record);
    }
    bank_free(bank);
}

/* A process that has closed its account may open another. */
static void a_client_has_one_row_the_last(void **state)
{
    (void)state;
    Registry registry;
    registry_init(&registry);
    for (int account = 8; account <= 9; account++) {
        RegistryRow row = sound_row();
        row.line.name = office_name(account);
        row.line.exited = account == 8;
        Coder record = registry_record();
        registry_put_row(&record, &row);
        registry_put_end(&record);
        assert_int_equal(registry_load_record(&registry, record.bytes, record.length),
                         BANK_LOAD_OK);
        coder_deinit(&record);
    }
    const Name first = office_name(8);
    const Name second = office_name(9);
    assert_int_equal(registry_find(&registry, &first)->client, 0);
    assert_int_equal(registry_find(&registry, &second)->client, 1009);
    assert_ptr_equal(registry_client(&registry, 1009)->row, registry_find(&registry, &second));
    registry_deinit(&registry);
}

static void a_cohort_of_nobody_knows_whom_is_damaged(void **state)
{
    (void)state;
    Office *office = eventful();
    Bank *bank = loaded(office, office->journal->len);
    assert_int_equal(load_cohort(bank, (RegistryCohort){.id = 7}, 2), BANK_LOAD_OK);
    assert_int_equal(load_cohort(bank, (RegistryCohort){.id = 0}, 2), BANK_LOAD_DAMAGED);
    assert_int_equal(load_cohort(bank, (RegistryCohort){.id = 8}, 1), BANK_LOAD_DAMAGED);
    assert_int_equal(load_cohort(bank, (RegistryCohort){.id = 8}, MEMBERS_MAX + 1),
                     BANK_LOAD_DAMAGED);
    assert_int_equal(load_cohort(bank, (RegistryCohort){.id = 8}, 40), BANK_LOAD_DAMAGED);
    bank_free(bank);
    office_free(office);
}

static BankLoad load_left(Bank *bank, uint64_t cohort, uint16_t member)
{
    Coder record = registry_record();
    registry_put_left(&record, cohort, member);
    registry_put_end(&record);
    BankLoad result = bank_load_record(bank, record.bytes, record.length);
    coder_deinit(&record);
    return result;
}

static void only_members_leave_and_only_when_it_is_dissolved(void **state)
{
    (void)state;
    Office *office = eventful();
    Bank *bank = loaded(office, office->journal->len);
    assert_int_equal(load_cohort(bank, (RegistryCohort){.id = 7}, 2), BANK_LOAD_OK);
    assert_int_equal(load_left(bank, 7, 0), BANK_LOAD_DAMAGED);
    assert_int_equal(load_left(bank, 1, 3), BANK_LOAD_DAMAGED);
    assert_int_equal(load_left(bank, 1, 2), BANK_LOAD_OK);
    assert_int_equal(load_left(bank, 5, 2), BANK_LOAD_OK); /* applied before, and over */
    bank_free(bank);
    office_free(office);
}

/* An image may take back what another has told: the last counts. */
static void the_last_image_of_a_cohort_counts(void **state)
{
    (void)state;
    Office *office = eventful();
    Bank *bank = loaded(office, office->journal->len);
    assert_int_equal(load_cohort(bank, (RegistryCohort){.id = 1, .leaving = true}, 3),
                     BANK_LOAD_OK);
    assert_int_equal(load_left(bank, 1, 1), BANK_LOAD_OK);
    assert_int_equal(load_left(bank, 1, 2), BANK_LOAD_OK);
    assert_int_equal(load_left(bank, 1, 3), BANK_LOAD_DAMAGED); /* it is still there ... */
    assert_int_equal(load_left(bank, 1, 0), BANK_LOAD_OK);
    assert_int_equal(load_left(bank, 1, 3), BANK_LOAD_OK); /* ... until all have left */
    bank_free(bank);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_changed_byte_of_a_record_does_no_harm),
        cmocka_unit_test(every_changed_byte_of_the_state_does_no_harm),
        cmocka_unit_test(a_row_that_no_csv_could_hold_is_damaged),
        cmocka_unit_test(a_client_without_an_id_is_damaged),
        cmocka_unit_test(a_client_has_one_row_the_last),
        cmocka_unit_test(a_cohort_of_nobody_knows_whom_is_damaged),
        cmocka_unit_test(only_members_leave_and_only_when_it_is_dissolved),
        cmocka_unit_test(the_last_image_of_a_cohort_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
