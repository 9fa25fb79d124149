/* What clients ask of the bank: once each; and what they tell it of themselves. */

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_asker.h"
#include "core/bank_registry.h"
#include "tests/core/office.h"

static void a_repeated_open_request_does_its_work_once(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 1);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 1), 0);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    assert_int_equal(office_answer(office, 1).kind, NOTICE_SUCCESS);
    size_t records = office->journal->len;
    office_say(office, 1, &request);
    assert_int_equal(office_answer(office, 1).kind, NOTICE_SUCCESS);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 0);
    assert_int_equal(office->journal->len, records);
    office_free(office);
}

static void a_repeated_request_is_answered_with_the_same_failure(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_EXIT, 2);
    office_say(office, 1, &request);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    office_open(office, 2, "100");
    office_say(office, 1, &request); /* now it could be done, but the client was told no */
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 0);

    Office *again = office_restart(office);
    office_say(again, 1, &request);
    office_expect_failure(office_answer(again, 1), REFUSAL_UNKNOWN_NAME);
    office_free(again);
    office_free(office);
}

static void an_older_request_is_ignored(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 5, COMMAND_EXIT, 2);
    office_say(office, 1, &request);
    request.request.number = 4;
    office_say(office, 1, &request);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    office_free(office);
}

static void a_request_that_was_given_up_gives_way_to_the_next(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message first = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &first);
    Message second = office_request(1, 2, COMMAND_EXIT, 9);
    office_say(office, 1, &second);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes); /* the first is done all the same, and not answered any more */
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 1), 0);
    assert_int_equal(bank_row_count(office->bank), 1);
    office_say(office, 1, &second);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    office_free(office);
}

static void requests_go_on_beside_a_command_of_the_console(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_command(office, "open c1 100 127.0.0.1 8502 8503");
    office_command(office, "exit c9"); /* waits its turn */
    assert_int_equal(office->notices->len, 0);
    Message request = office_request(2, 1, COMMAND_OPEN, 2);
    office_say(office, 2, &request);
    Message yes = office_vote(2, PROPOSAL_OPEN, 2, REFUSAL_NONE);
    office_say(office, 2, &yes);
    assert_int_equal(office_answer(office, 2).kind, NOTICE_SUCCESS);
    Message no = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_HAS_ACCOUNT);
    office_say(office, 1, &no);
    assert_int_equal(office->notices->len, 2); /* its own, then that of the one behind it */
    assert_int_equal(g_array_index(office->notices, Notice, 0).refusal, REFUSAL_HAS_ACCOUNT);
    assert_int_equal(g_array_index(office->notices, Notice, 1).refusal, REFUSAL_UNKNOWN_NAME);
    office_free(office);
}

static void with_too_many_requests_of_strangers_more_are_put_off(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 2, "100");
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    for (uint64_t client = 1; client <= ASKERS_STRANGERS_MAX; client++) {
        request.request.client = client + 5000;
        request.request.command.name = office_name((int)client + 100);
        office_say(office, 1, &request);
    }
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 1);
    request.request.client = 70000;
    request.request.command.name = office_name(70000);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 0);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    Message customers = office_request(2, 1, COMMAND_EXIT, 2); /* there is room for those */
    office_say(office, 2, &customers);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 2), 1);
    Message no = office_vote(1, PROPOSAL_OPEN, 2, REFUSAL_HAS_ACCOUNT);
    no.vote_bank.name = office_name(101);
    office_say(office, 1, &no);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 1);
    office_free(office);
}

/* Answers of clients without an account are kept, but make nobody known. */
static void who_asked_before_and_has_no_account_is_a_stranger_still(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_EXIT, 99);
    request.request.client = 9999;
    office_say(office, 1, &request);
    request = office_request(1, 1, COMMAND_OPEN, 1);
    for (uint64_t client = 1; client <= ASKERS_STRANGERS_MAX; client++) {
        request.request.client = client;
        request.request.command.name = office_name((int)client + 100);
        office_say(office, 1, &request);
        assert_int_equal(office_count(office, MESSAGE_PROPOSE, 0), 1);
    }
    Office *clone = office_clone(office);
    Office *both[] = {office, clone};
    for (size_t i = 0; i < G_N_ELEMENTS(both); i++) {
        request.request.client = 9999;
        request.request.number = 2;
        request.request.command.name = office_name(50);
        office_say(both[i], 1, &request);
        assert_int_equal(office_count(both[i], MESSAGE_PROPOSE, 0), 0);
        request.request.client = 1; /* its place it may use for something else */
        office_say(both[i], 1, &request);
        assert_int_equal(office_count(both[i], MESSAGE_PROPOSE, 0), 1);
    }
    office_free(clone);
    office_free(office);
}

static void a_request_that_was_given_up_does_not_end_the_next(void **state)
{
    (void)state;
    Office *office = office_new(1);
    for (uint64_t number = 1; number <= 3; number += 2) {
        Message request = office_request(1, number, COMMAND_OPEN, (int)number);
        office_say(office, 1, &request);
    }
    Message between = office_request(1, 2, COMMAND_OPEN, 2); /* late */
    office_say(office, 1, &between);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_STALE), 1);
    Message no = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_DECLINED);
    office_say(office, 1, &no);
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 1), 0);
    Message again = office_request(1, 3, COMMAND_OPEN, 3);
    office_say(office, 1, &again);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    no = office_vote(3, PROPOSAL_OPEN, 2, REFUSAL_DECLINED);
    office_say(office, 3, &no);
    office_expect_failure(office_answer(office, 1), REFUSAL_DECLINED);
    office_free(office);
}

static void the_answer_goes_to_where_the_client_asked_last(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &request);
    office_say(office, 6, &request);
    Message no = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_DECLINED);
    office_say(office, 1, &no);
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 1), 0);
    office_expect_failure(office_answer(office, 6), REFUSAL_DECLINED);
    office_free(office);
}

static void a_long_answer_goes_out_in_chunks(void **state)
{
    (void)state;
    enum { CHUNK = ANSWER_CHUNK_BYTES_MAX };
    static const size_t lengths[] = {1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5};
    uint8_t bytes[3 * CHUNK + 5];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        Office *office = office_new(1);
        const RegistryClient client = {
            .id = 1001, .number = 4, .answer = bytes, .length = (uint16_t)lengths[i]};
        Coder record = registry_record();
        registry_put_client(&record, &client);
        registry_put_end(&record);
        assert_int_equal(bank_load_record(office->bank, record.bytes, record.length), BANK_LOAD_OK);
        coder_deinit(&record);
        const Message request = office_request(1, 4, COMMAND_EXIT, 1);
        office_say(office, 1, &request);
        size_t have = 0;
        for (guint j = 0; j < office->sent->len; j++) {
            const Message *part = &g_array_index(office->sent, OfficeSent, j).message;
            if (part->kind != MESSAGE_ANSWER)
                continue;
            assert_int_equal(part->answer.offset, have);
            assert_int_equal(part->answer.total, lengths[i]);
            assert_true(part->answer.length > 0);
            assert_memory_equal(part->answer.bytes, bytes + have, part->answer.length);
            have += part->answer.length;
        }
        assert_int_equal(have, lengths[i]);
        office_free(office);
    }
}

/* Whether what the bank sent in its last step waits for nothing. */
static bool waits_for_no_disk(const Office *office)
{
    const Effect *first = effects_at(office->effects, 0);
    assert_int_equal(first->kind, EFFECT_SEND);
    return first->send.needs == 0;
}

static void a_sign_of_life_waits_for_no_disk(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(1, 1, COMMAND_OPEN, 1);
    office_say(office, 1, &request);
    office_say(office, 1, &request);
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    assert_true(waits_for_no_disk(office));
    Message yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    office_say(office, 1, &request); /* the answer may be on its way to the disk still */
    assert_int_equal(office_count(office, MESSAGE_WORKING, 1), 1);
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 1), 1);
    assert_true(waits_for_no_disk(office));
    assert_int_equal(effects_at(office->effects, 1)->send.needs, SLOTS_ALL);
    yes = office_vote(1, PROPOSAL_OPEN, 7, REFUSAL_NONE); /* aborted, as it is not on record */
    office_say(office, 1, &yes);
    assert_true(waits_for_no_disk(office));
    yes = office_vote(1, PROPOSAL_OPEN, 1, REFUSAL_NONE);
    office_say(office, 1, &yes);
    assert_false(waits_for_no_disk(office));
    office_free(office);
}

static void a_client_that_was_forgotten_is_told_so(void **state)
{
    (void)state;
    Office *office = office_new(1);
    Message request = office_request(0, 1, COMMAND_EXIT, 9);
    for (uint64_t client = 1; client <= 1025; client++) {
        request.request.client = client;
        office_say(office, 3, &request);
    }
    request.request.client = 1; /* the longest unheard of; what its request 2 was is not known */
    request.request.number = 2;
    office_say(office, 3, &request);
    office_expect_failure(office_answer(office, 3), REFUSAL_LOST_ANSWER);
    assert_int_equal(office->saved_at->len, 1);
    request.request.client = 2000; /* never heard of, and cannot have asked before */
    request.request.number = 1;
    office_say(office, 3, &request);
    office_expect_failure(office_answer(office, 3), REFUSAL_UNKNOWN_NAME);
    office_free(office);
}

/* --- report --- */

/* How often c2, which did not answer when it was last asked, is among those chosen now. */
static int chosen(Office *office)
{
    int times = 0;
    for (int i = 0; i < 12; i++) {
        office_command(office, "new-cohort c1 2");
        const Message propose = office_last(office, MESSAGE_PROPOSE, 1)->message;
        times += office_count(office, MESSAGE_PROPOSE, 2) > 0;
        Message no = office_vote(1, PROPOSAL_JOIN, propose.propose.id, REFUSAL_IN_COHORT);
        office_say(office, 1, &no);
    }
    return times;
}

static void whatever_a_silent_process_says_it_is_there_again(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        Office *office = office_new(1);
        for (int i = 1; i <= 3; i++)
            office_open(office, i, "100");
        office_command(office, "exit c2");
        office_wait(office, 20 * NS_PER_S);
        Office *clone = office_clone(office);
        assert_int_equal(chosen(clone), 0);
        office_free(clone);
        assert_int_equal(chosen(office), 0);
        Message report = {.kind = MESSAGE_REPORT, .report = {1002, office_name(2), 2, 5}};
        Message request = office_request(2, 1, COMMAND_DELETE_COHORT, 2);
        office_say(office, 2, kind == 0 ? &report : &request);
        assert_in_range(chosen(office), 1, 11);
        office_say(office, 2, kind == 0 ? &report : &request); /* nor does the next silence it */
        assert_in_range(chosen(office), 1, 11);
        office_free(office);
    }
}

static void a_report_of_a_closed_account_is_acknowledged_and_changes_nothing(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    office_command(office, "exit c1");
    Message yes = office_vote(1, PROPOSAL_EXIT, 1, REFUSAL_NONE);
    yes.vote_bank.version = 2;
    yes.vote_bank.balance = 12345;
    office_say(office, 1, &yes);
    Message report = {.kind = MESSAGE_REPORT, .report = {1001, office_name(1), 9, 5}};
    office_say(office, 1, &report);
    assert_int_equal(office_count(office, MESSAGE_REPORT_ACK, 1), 1);
    assert_int_equal(office_row(office, 1).balance, 12345);
    assert_int_equal(office->saved_at->len, 0);
    office_free(office);
}

static void a_version_or_number_that_nobody_can_have_come_to_is_dropped(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message report = {.kind = MESSAGE_REPORT, .report = {.client = 1001, .name = office_name(1)}};
    report.report.version = UINT64_MAX;
    office_say(office, 1, &report);
    assert_int_equal(bank_dropped(office->bank, DROP_LEAP), 1);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(office->saved_at->len, 0);
    report.report.version = (UINT64_C(1) << 32) + 1; /* not before a thousand years, but counting */
    office_say(office, 1, &report);
    assert_int_equal(office_count(office, MESSAGE_REPORT_ACK, 1), 1);
    Message request = office_request(1, 1, COMMAND_EXIT, 9);
    office_say(office, 1, &request);
    request.request.number = UINT64_MAX;
    office_say(office, 1, &request);
    assert_int_equal(bank_dropped(office->bank, DROP_LEAP), 2);
    request.request.number = 2;
    office_say(office, 1, &request);
    office_expect_failure(office_answer(office, 1), REFUSAL_UNKNOWN_NAME);
    office_free(office);
}

static void a_report_counts_once_and_only_from_the_process_that_runs_the_account(void **state)
{
    (void)state;
    Office *office = office_new(1);
    office_open(office, 1, "100");
    Message report = {.kind = MESSAGE_REPORT};
    report.report.client = 1001;
    report.report.name = office_name(1);
    report.report.version = 3;
    report.report.balance = 5555;
    office_say(office, 1, &report);
    assert_int_equal(office_row(office, 1).balance, 5555);
    assert_int_equal(office->saved_at->len, 1);
    assert_int_equal(office_last(office, MESSAGE_REPORT_ACK, 1)->message.report.version, 3);
    office_say(office, 1, &report);
    assert_int_equal(office->saved_at->len, 0);
    report.report.version = 2; /* an older one, late */
    report.report.balance = 4444;
    office_say(office, 1, &report);
    assert_int_equal(office_row(office, 1).balance, 5555);
    assert_int_equal(office->saved_at->len, 0);
    assert_int_equal(office_count(office, MESSAGE_REPORT_ACK, 1), 1);
    report.report.client = 5;
    report.report.version = 9;
    office_say(office, 1, &report);
    assert_int_equal(office->sent->len, 0);
    assert_int_equal(bank_dropped(office->bank, DROP_SENDER), 1);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_open_request_does_its_work_once),
        cmocka_unit_test(a_repeated_request_is_answered_with_the_same_failure),
        cmocka_unit_test(an_older_request_is_ignored),
        cmocka_unit_test(a_request_that_was_given_up_gives_way_to_the_next),
        cmocka_unit_test(requests_go_on_beside_a_command_of_the_console),
        cmocka_unit_test(with_too_many_requests_of_strangers_more_are_put_off),
        cmocka_unit_test(who_asked_before_and_has_no_account_is_a_stranger_still),
        cmocka_unit_test(a_request_that_was_given_up_does_not_end_the_next),
        cmocka_unit_test(the_answer_goes_to_where_the_client_asked_last),
        cmocka_unit_test(a_long_answer_goes_out_in_chunks),
        cmocka_unit_test(a_sign_of_life_waits_for_no_disk),
        cmocka_unit_test(a_client_that_was_forgotten_is_told_so),
        cmocka_unit_test(whatever_a_silent_process_says_it_is_there_again),
        cmocka_unit_test(a_report_of_a_closed_account_is_acknowledged_and_changes_nothing),
        cmocka_unit_test(a_version_or_number_that_nobody_can_have_come_to_is_dropped),
        cmocka_unit_test(a_report_counts_once_and_only_from_the_process_that_runs_the_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
