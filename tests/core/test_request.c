/* A customer that asks its bank; the bank is the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/request.h"

enum { CLIENT = 7 };

typedef struct Asking {
    Customer *customer;
    Effects *effects;
    uint64_t now_ns;
} Asking;

static int set_up(void **state)
{
    Asking *asking = g_new0(Asking, 1);
    asking->customer = customer_new(&(CustomerConfig){
        .client = CLIENT, .seed = 1, .ip = 0x7f000001, .port1 = 8501, .port2 = 8502});
    asking->effects = effects_new();
    asking->now_ns = NS_PER_S;
    *state = asking;
    return 0;
}

static int tear_down(void **state)
{
    Asking *asking = *state;
    customer_free(asking->customer);
    effects_free(asking->effects);
    g_free(asking);
    return 0;
}

static void step(Asking *asking, Event event)
{
    event.now_ns = asking->now_ns;
    customer_step(asking->customer, &event, asking->effects);
}

/* Time passes until the customer has something to do. */
static void wait(Asking *asking)
{
    asking->now_ns = effects_deadline(asking->effects);
    step(asking, (Event){.kind = EVENT_TIMEOUT});
}

static void type(Asking *asking, const char *line)
{
    Event event = {.kind = EVENT_COMMAND};
    CommandError error;
    assert_true(command_parse(line, PLACE_CUSTOMER, &event.command, &error));
    step(asking, event);
}

static void tell(Asking *asking, const Message *message)
{
    WireWriter writer;
    wire_begin(&writer, &(Header){.sender = SENDER_BANK, .cookie = 5});
    assert_true(wire_add(&writer, message));
    size_t length = wire_end(&writer);
    step(asking,
         (Event){
             .kind = EVENT_DATAGRAM, .port = PORT_BANK, .bytes = writer.bytes, .length = length});
}

/* Bytes first .. end-1 of the answer to the last request. */
static void answer_part(Asking *asking, Notice answer, size_t first, size_t end)
{
    Message message = {.kind = MESSAGE_ANSWER};
    Coder coder = coder_encode_growing();
    answer_code(&coder, &answer, NULL, 0);
    assert_false(coder.failed);
    end = MIN(end, coder.length);
    message.answer.client = CLIENT;
    message.answer.number = asking->customer->request.number;
    message.answer.total = (uint16_t)coder.length;
    message.answer.offset = (uint16_t)first;
    message.answer.length = (uint16_t)(end - first);
    memcpy(message.answer.bytes, coder.bytes + first, end - first);
    coder_deinit(&coder);
    tell(asking, &message);
}

static void answer(Asking *asking, Notice notice)
{
    answer_part(asking, notice, 0, SIZE_MAX);
}

static void tell_about(Asking *asking, MessageKind kind, uint64_t client, uint64_t number)
{
    Message message = {.kind = kind};
    message.working.client = client;
    message.working.number = number;
    tell(asking, &message);
}

/* The request among what is sent in this step, if it is. */
static bool asked(const Asking *asking, Message *request)
{
    for (size_t i = 0; i < effects_count(asking->effects); i++) {
        const Effect *effect = effects_at(asking->effects, i);
        WireReader reader;
        Header header;
        if (effect->kind != EFFECT_SEND)
            continue;
        assert_int_equal(wire_open(&reader, effect->send.bytes, effect->send.length, &header),
                         DROP_NONE);
        while (wire_next(&reader, request)) {
            if (request->kind == MESSAGE_REQUEST)
                return true;
        }
    }
    return false;
}

static const Notice *told(const Asking *asking)
{
    for (size_t i = 0; i < effects_count(asking->effects); i++) {
        const Effect *effect = effects_at(asking->effects, i);
        if (effect->kind == EFFECT_NOTIFY)
            return &effect->notice;
    }
    return NULL;
}

/* --- asking --- */

static void a_request_says_who_asks_for_what(void **state)
{
    Asking *asking = *state;
    Message request;
    asking->customer->process.epoch = 3;
    type(asking, "open a 100");
    assert_true(asked(asking, &request));
    assert_int_equal(request.request.client, CLIENT);
    assert_int_equal(request.request.number, 1);
    assert_string_equal(request.request.sender.text, "");
    assert_int_equal(request.request.ip, 0x7f000001);
    assert_int_equal(request.request.port1, 8501);
    assert_int_equal(request.request.port2, 8502);
    assert_false(request.request.has_state);
    assert_int_equal(request.request.epoch, 3);
    assert_int_equal(request.request.command.kind, COMMAND_OPEN);
    assert_string_equal(request.request.command.name.text, "a");
    assert_int_equal(request.request.command.amount, 10000);
}

static void a_request_says_which_account_asks(void **state)
{
    Asking *asking = *state;
    Message request;
    asking->customer->membership.has_account = true;
    asking->customer->membership.name = (Name){"q"};
    type(asking, "exit a");
    assert_true(asked(asking, &request));
    assert_string_equal(request.request.sender.text, "q");
    assert_true(request.request.has_state);
}

static void a_member_to_be_asks_as_any_other(void **state)
{
    Asking *asking = *state;
    Message request;
    asking->customer->loaded = true;
    asking->customer->membership.proposal =
        (Proposal){.pending = true, .kind = PROPOSAL_JOIN, .repeat_ns = TIME_NEVER};
    type(asking, "exit a");
    assert_true(asked(asking, &request));
}

static void the_number_of_a_request_is_on_disk_before_it_is_used(void **state)
{
    Asking *asking = *state;
    asking->customer->step = (Step){asking->now_ns, asking->effects};
    asking->customer->account_changed = false;
    request_begin(asking->customer, &(Command){.kind = COMMAND_OPEN}, false);
    assert_true(asking->customer->account_changed);
}

static void every_request_has_a_number_of_its_own(void **state)
{
    Asking *asking = *state;
    Message request;
    for (uint64_t number = 1; number <= 3; number++) {
        type(asking, "exit a");
        assert_true(asked(asking, &request));
        assert_int_equal(request.request.number, number);
        assert_int_equal(asking->customer->request.backoff, 1); /* pauses begin anew */
        wait(asking);
        answer(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_UNKNOWN_NAME});
        assert_int_equal(told(asking)->refusal, REFUSAL_UNKNOWN_NAME);
        assert_int_equal(told(asking)->command, COMMAND_EXIT);
    }
}

/* After 0.2 s, and then every 0.4 s or up to a quarter later. */
static void a_request_is_repeated_after_growing_pauses(void **state)
{
    Asking *asking = *state;
    Message request;
    asking->customer->config.resume = (Name){"a"}; /* its request is never given up */
    asking->customer->loaded = true;
    step(asking, (Event){.kind = EVENT_START});
    for (int i = 0; i < 6; i++) {
        const uint64_t before_ns = asking->now_ns;
        const uint64_t least_ns = (i == 0 ? 200 : 400) * NS_PER_MS;
        assert_true(asked(asking, &request));
        wait(asking);
        assert_in_range(asking->now_ns - before_ns, least_ns, least_ns * 5 / 4);
    }
}

/* Where one datagram in five is lost, ten of them and their answers are all lost once in 27,000. */
static void a_bank_is_asked_more_than_ten_times_before_it_is_given_up(void **state)
{
    Asking *asking = *state;
    Message request;
    int times = 0;
    for (type(asking, "open a 100"); asking->customer->request.active; wait(asking))
        times += asked(asking, &request);
    assert_in_range(times, 11, 13);
}

static void expect_given_up_at(Asking *asking, uint64_t at_ns)
{
    Message request;
    asking->now_ns = at_ns - 1;
    step(asking, (Event){.kind = EVENT_TIMEOUT});
    assert_null(told(asking));
    asking->now_ns = at_ns;
    step(asking, (Event){.kind = EVENT_TIMEOUT});
    assert_int_equal(told(asking)->kind, NOTICE_FAILURE);
    assert_int_equal(told(asking)->refusal, REFUSAL_BANK_SILENT);
    assert_false(asking->customer->request.active);
    assert_false(asked(asking, &request));
}

static void a_bank_is_given_up_after_5_s_without_a_sign_of_life(void **state)
{
    Asking *asking = *state;
    type(asking, "open a 100");
    expect_given_up_at(asking, asking->now_ns + 5 * NS_PER_S);
    assert_int_equal(told(asking)->command, COMMAND_OPEN);
    type(asking, "open a 100");
    asking->now_ns += 4 * NS_PER_S;
    tell_about(asking, MESSAGE_WORKING, CLIENT, 2);
    asking->now_ns += 4 * NS_PER_S;
    answer_part(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_BUSY}, 0, 5);
    expect_given_up_at(asking, asking->now_ns + 5 * NS_PER_S);
}

static void what_was_said_yes_to_is_waited_for_however_long(void **state)
{
    Asking *asking = *state;
    type(asking, "open a 100");
    asking->customer->membership.proposal = (Proposal){.pending = true, .repeat_ns = TIME_NEVER};
    asking->now_ns += 60 * NS_PER_S;
    step(asking, (Event){.kind = EVENT_TIMEOUT});
    assert_null(told(asking));
    asking->customer->membership.proposal.pending = false;
    step(asking, (Event){.kind = EVENT_TIMEOUT});
    assert_int_equal(told(asking)->refusal, REFUSAL_BANK_SILENT);
}

static void a_command_is_given_up_by_who_has_a_state_too(void **state)
{
    Asking *asking = *state;
    asking->customer->loaded = true;
    type(asking, "exit a");
    expect_given_up_at(asking, asking->now_ns + 5 * NS_PER_S);
    assert_int_equal(told(asking)->command, COMMAND_EXIT);
}

static void who_has_a_state_asks_to_resume_for_ever_and_others_do_not(void **state)
{
    Asking *asking = *state;
    asking->customer->config.resume = (Name){"a"};
    step(asking, (Event){.kind = EVENT_START});
    expect_given_up_at(asking, asking->now_ns + 5 * NS_PER_S);
    assert_int_equal(told(asking)->command, COMMAND_RESUME);
    asking->customer->loaded = true;
    step(asking, (Event){.kind = EVENT_START});
    for (int i = 0; i < 100; i++)
        wait(asking);
    assert_null(told(asking));
    assert_true(asking->customer->request.active);
}

static void a_word_about_another_request_is_no_sign_of_life(void **state)
{
    static const MessageKind kinds[] = {MESSAGE_WORKING, MESSAGE_CHALLENGE};
    Asking *asking = *state;
    type(asking, "open a 100");
    const uint64_t heard_ns = asking->customer->request.heard_ns;
    asking->now_ns += NS_PER_MS;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        tell_about(asking, kinds[i], CLIENT + 1, 1);
        tell_about(asking, kinds[i], CLIENT, 2);
        assert_int_equal(asking->customer->request.heard_ns, heard_ns);
    }
    assert_int_equal(customer_dropped(asking->customer, DROP_STALE), 4);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        asking->now_ns += NS_PER_MS;
        tell_about(asking, kinds[i], CLIENT, 1);
        assert_int_equal(asking->customer->request.heard_ns, asking->now_ns);
    }
    answer(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_NAME_TAKEN});
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        tell_about(asking, kinds[i], CLIENT, 1); /* over */
    assert_int_equal(customer_dropped(asking->customer, DROP_STALE), 6);
}

static void a_challenge_is_met_at_once_but_once_only(void **state)
{
    Asking *asking = *state;
    Message request;
    type(asking, "open a 100");
    tell_about(asking, MESSAGE_CHALLENGE, CLIENT, 1);
    assert_true(asked(asking, &request));
    tell_about(asking, MESSAGE_CHALLENGE, CLIENT, 1); /* of the same cookie */
    assert_false(asked(asking, &request));
}

/* --- answers --- */

static void an_answer_in_parts_is_put_together_in_order(void **state)
{
    Asking *asking = *state;
    const Notice notice = {.kind = NOTICE_FAILURE, .refusal = REFUSAL_NAME_TAKEN, .name = {"a"}};
    type(asking, "open a 100");
    answer_part(asking, notice, 0, 5);
    answer_part(asking, notice, 0, 5);        /* once more */
    answer_part(asking, notice, 6, SIZE_MAX); /* too early */
    assert_null(told(asking));
    answer_part(asking, notice, 5, 9);
    answer_part(asking, notice, 9, SIZE_MAX);
    assert_int_equal(told(asking)->refusal, REFUSAL_NAME_TAKEN);
    assert_string_equal(told(asking)->name.text, "a");
}

static void an_answer_to_another_request_is_not_taken(void **state)
{
    Asking *asking = *state;
    type(asking, "open a 100");
    asking->customer->request.number = 2;
    answer(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_NAME_TAKEN});
    asking->customer->request.number = 1; /* the answer was to 2 */
    assert_false(asking->customer->request.active);
    asking->customer->request.active = true;
    asking->customer->config.client = CLIENT + 1;
    answer(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_NAME_TAKEN});
    assert_true(asking->customer->request.active);
    assert_int_equal(customer_dropped(asking->customer, DROP_STALE), 1);
}

static void an_answer_that_nobody_waits_for_is_dropped(void **state)
{
    Asking *asking = *state;
    Message message = {.kind = MESSAGE_ANSWER};
    message.answer.client = CLIENT;
    message.answer.number = 2;
    message.answer.total = message.answer.length = 1;
    type(asking, "open a 100");
    tell(asking, &message); /* of the next one */
    assert_int_equal(customer_dropped(asking->customer, DROP_STALE), 1);
    answer(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_NAME_TAKEN});
    message.answer.number = 1;
    tell(asking, &message); /* once more */
    assert_int_equal(customer_dropped(asking->customer, DROP_STALE), 2);
    assert_int_equal(customer_dropped(asking->customer, DROP_MALFORMED), 0);
}

static void remains_of_an_answer_are_not_taken_for_the_next(void **state)
{
    Asking *asking = *state;
    const Notice notice = {.kind = NOTICE_FAILURE, .refusal = REFUSAL_NAME_TAKEN};
    type(asking, "open a 100");
    answer_part(asking, notice, 0, 5);
    while (told(asking) == NULL)
        wait(asking);
    assert_int_equal(told(asking)->refusal, REFUSAL_BANK_SILENT);
    type(asking, "open a 100");
    answer(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_BAD_PORTS});
    assert_int_equal(told(asking)->refusal, REFUSAL_BAD_PORTS);
}

static void parts_of_answers_that_differ_in_length_are_not_mixed(void **state)
{
    Asking *asking = *state;
    const Notice longer = {.kind = NOTICE_FAILURE, .refusal = REFUSAL_BUSY, .name = {"abc"}};
    type(asking, "open a 100");
    answer_part(asking, longer, 0, 5);
    answer(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_BAD_PORTS});
    assert_int_equal(told(asking)->refusal, REFUSAL_BAD_PORTS);
}

static void the_longest_answer_comes_whole(void **state)
{
    Asking *asking = *state;
    static Member members[MEMBERS_MAX];
    const Notice notice = {.kind = NOTICE_SUCCESS, .members = members, .member_count = MEMBERS_MAX};
    for (uint16_t i = 0; i < MEMBERS_MAX; i++)
        members[i] = (Member){.name = {"a23456789012345678901234567890b"}, .port2 = i};
    type(asking, "new-cohort a 1000");
    for (size_t at = 0; told(asking) == NULL; at += ANSWER_CHUNK_BYTES_MAX)
        answer_part(asking, notice, at, at + ANSWER_CHUNK_BYTES_MAX);
    assert_int_equal(told(asking)->member_count, MEMBERS_MAX);
    for (uint16_t i = 0; i < MEMBERS_MAX; i++) {
        assert_true(name_equal(&told(asking)->members[i].name, &members[i].name));
        assert_int_equal(told(asking)->members[i].port2, i);
    }
}

static void who_resumes_afresh_is_told_its_balance_or_why_not(void **state)
{
    Asking *asking = *state;
    asking->customer->config.resume = (Name){"a"};
    step(asking, (Event){.kind = EVENT_START});
    answer(asking, (Notice){.kind = NOTICE_FAILURE, .refusal = REFUSAL_UNKNOWN_NAME});
    assert_int_equal(told(asking)->kind, NOTICE_FAILURE);
    assert_int_equal(told(asking)->refusal, REFUSAL_UNKNOWN_NAME);
    assert_int_equal(told(asking)->command, COMMAND_RESUME);
    step(asking, (Event){.kind = EVENT_START});
    answer(asking, (Notice){.kind = NOTICE_SUCCESS, .balance = 30});
    assert_int_equal(told(asking)->kind, NOTICE_RESUMED);
    assert_int_equal(told(asking)->balance, 30);
}

/* --- what an answer proves --- */

/* An answer to this command comes to who is prepared for that. Does it prove the outcome? */
static bool proves(CommandKind command, const char *name, ProposalKind proposal, NoticeKind kind)
{
    void *state;
    set_up(&state);
    Asking *asking = state;
    Customer *customer = asking->customer;
    Membership *membership = &customer->membership;
    customer->request = (Request){.active = true, .number = 1, .command = {.kind = command}};
    assert_true(name_set(&customer->request.command.name, name));
    customer->request.user = command != COMMAND_RESUME;
    if (customer->request.user)
        g_array_append_val(customer->commands, customer->request.command);
    membership->proposal = (Proposal){.pending = true, .kind = proposal, .id = 1};
    if (proposal == PROPOSAL_OPEN) {
        membership->proposal.name = (Name){"own"};
    } else {
        membership->has_account = true;
        membership->name = (Name){"own"};
    }
    answer(asking,
           (Notice){.kind = kind, .refusal = kind == NOTICE_SUCCESS ? REFUSAL_NONE : REFUSAL_BUSY});
    bool proven = !membership->proposal.pending;
    tear_down(&state);
    return proven;
}

static void an_answer_proves_what_was_proposed_for_it_and_nothing_else(void **state)
{
    (void)state;
    assert_true(proves(COMMAND_OPEN, "own", PROPOSAL_OPEN, NOTICE_SUCCESS));
    assert_true(proves(COMMAND_RESUME, "own", PROPOSAL_OPEN, NOTICE_SUCCESS));
    assert_true(proves(COMMAND_EXIT, "own", PROPOSAL_EXIT, NOTICE_SUCCESS));
    assert_false(proves(COMMAND_OPEN, "own", PROPOSAL_OPEN, NOTICE_FAILURE));
    assert_false(proves(COMMAND_RESUME, "own", PROPOSAL_OPEN, NOTICE_FAILURE));
    assert_false(proves(COMMAND_EXIT, "own", PROPOSAL_EXIT, NOTICE_FAILURE));
    assert_false(proves(COMMAND_OPEN, "other", PROPOSAL_OPEN, NOTICE_SUCCESS));
    assert_false(proves(COMMAND_EXIT, "other", PROPOSAL_EXIT, NOTICE_SUCCESS));
    assert_false(proves(COMMAND_NEW_COHORT, "own", PROPOSAL_OPEN, NOTICE_SUCCESS));
    assert_false(proves(COMMAND_NEW_COHORT, "own", PROPOSAL_EXIT, NOTICE_SUCCESS));
}

/* --- coming back --- */

/* Who starts with a name, and is prepared for something: loaded, it does not know its name. */
static bool asks_when_prepared(bool loaded)
{
    void *state;
    Message request;
    set_up(&state);
    Asking *asking = state;
    asking->customer->config.resume = (Name){"own"};
    asking->customer->loaded = loaded;
    asking->customer->membership.proposal =
        (Proposal){.pending = true, .kind = PROPOSAL_OPEN, .id = 1, .name = {"own"}};
    step(asking, (Event){.kind = EVENT_START});
    bool asks = asked(asking, &request);
    tear_down(&state);
    return asks;
}

static void who_comes_back_prepared_waits_for_the_outcome_before_it_says_who_it_is(void **state)
{
    (void)state;
    assert_false(asks_when_prepared(true));
    assert_true(asks_when_prepared(false));
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_request_says_who_asks_for_what),
        CLAIM(a_request_says_which_account_asks),
        CLAIM(a_member_to_be_asks_as_any_other),
        CLAIM(the_number_of_a_request_is_on_disk_before_it_is_used),
        CLAIM(what_was_said_yes_to_is_waited_for_however_long),
        CLAIM(an_answer_that_nobody_waits_for_is_dropped),
        CLAIM(every_request_has_a_number_of_its_own),
        CLAIM(a_request_is_repeated_after_growing_pauses),
        CLAIM(a_bank_is_asked_more_than_ten_times_before_it_is_given_up),
        CLAIM(a_bank_is_given_up_after_5_s_without_a_sign_of_life),
        CLAIM(a_command_is_given_up_by_who_has_a_state_too),
        CLAIM(who_has_a_state_asks_to_resume_for_ever_and_others_do_not),
        CLAIM(a_word_about_another_request_is_no_sign_of_life),
        CLAIM(a_challenge_is_met_at_once_but_once_only),
        CLAIM(an_answer_in_parts_is_put_together_in_order),
        CLAIM(an_answer_to_another_request_is_not_taken),
        CLAIM(remains_of_an_answer_are_not_taken_for_the_next),
        CLAIM(parts_of_answers_that_differ_in_length_are_not_mixed),
        CLAIM(the_longest_answer_comes_whole),
        CLAIM(who_resumes_afresh_is_told_its_balance_or_why_not),
        cmocka_unit_test(an_answer_proves_what_was_proposed_for_it_and_nothing_else),
        cmocka_unit_test(who_comes_back_prepared_waits_for_the_outcome_before_it_says_who_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
