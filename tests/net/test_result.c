/* Every kind of notice as a line of text, and as an object of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tools/result.h"

static const Member MEMBERS[] = {{{"alice"}, 0x7f000001, 8501, 8502, 0},
                                 {{"bob"}, 0x0a000002, 8503, 8504, 0}};

typedef struct Example {
    Notice notice;
    const char *text;
    const char *json; /* between the opening brace and "text" */
} Example;

#define SUCCESS(word) .kind = NOTICE_SUCCESS, .command = COMMAND_##word
#define EVENT(word) .kind = NOTICE_##word

static const Example EXAMPLES[] = {
    {{SUCCESS(OPEN), .name = {"alice"}, .balance = 10000},
     "SUCCESS open alice balance 100",
     "\"result\":\"success\",\"command\":\"open\",\"name\":\"alice\",\"balance\":10000"},
    {{SUCCESS(EXIT), .name = {"alice"}, .balance = 10050},
     "SUCCESS exit alice balance 100.50",
     "\"result\":\"success\",\"command\":\"exit\",\"name\":\"alice\",\"balance\":10050"},
    {{SUCCESS(NEW_COHORT), .cohort = 7, .members = MEMBERS, .member_count = 2},
     "SUCCESS new-cohort 7 alice,127.0.0.1,8501,8502 bob,10.0.0.2,8503,8504",
     "\"result\":\"success\",\"command\":\"new-cohort\",\"cohort\":7,\"members\":["
     "{\"name\":\"alice\",\"ip\":\"127.0.0.1\",\"port1\":8501,\"port2\":8502},"
     "{\"name\":\"bob\",\"ip\":\"10.0.0.2\",\"port1\":8503,\"port2\":8504}]"},
    {{SUCCESS(DELETE_COHORT), .cohort = 7},
     "SUCCESS delete-cohort 7",
     "\"result\":\"success\",\"command\":\"delete-cohort\",\"cohort\":7"},
    {{SUCCESS(DEPOSIT), .amount = 2525, .balance = 12525},
     "SUCCESS deposit 25.25 balance 125.25",
     "\"result\":\"success\",\"command\":\"deposit\",\"amount\":2525,\"balance\":12525"},
    {{SUCCESS(WITHDRAWAL), .amount = 5, .balance = 0},
     "SUCCESS withdrawal 0.05 balance 0",
     "\"result\":\"success\",\"command\":\"withdrawal\",\"amount\":5,\"balance\":0"},
    {{SUCCESS(TRANSFER), .amount = 2000, .name = {"bob"}, .label = 3, .balance = AMOUNT_MAX},
     "SUCCESS transfer 20 bob label 3 balance 90071992547409.91",
     "\"result\":\"success\",\"command\":\"transfer\",\"amount\":2000,\"to\":\"bob\",\"label\":3,"
     "\"balance\":9007199254740991"},
    {{SUCCESS(LOST_TRANSFER), .amount = 4000, .name = {"bob"}, .label = 4, .balance = 6000},
     "SUCCESS lost-transfer 40 bob label 4 balance 60",
     "\"result\":\"success\",\"command\":\"lost-transfer\",\"amount\":4000,\"to\":\"bob\","
     "\"label\":4,\"balance\":6000"},
    {{SUCCESS(CHECKPOINT), .initiator = {"alice"}, .number = 5, .balance = 100, .members = MEMBERS,
      .member_count = 2},
     "SUCCESS checkpoint alice.5 balance 1 members alice,bob",
     "\"result\":\"success\",\"command\":\"checkpoint\",\"instance\":\"alice.5\",\"balance\":100,"
     "\"members\":[\"alice\",\"bob\"]"},
    {{SUCCESS(ROLLBACK), .initiator = {"alice"}, .number = 6, .balance = 100, .members = MEMBERS,
      .member_count = 1},
     "SUCCESS rollback alice.6 balance 1 members alice",
     "\"result\":\"success\",\"command\":\"rollback\",\"instance\":\"alice.6\",\"balance\":100,"
     "\"members\":[\"alice\"]"},
    {{SUCCESS(BALANCE), .balance = 35150},
     "SUCCESS balance 351.50",
     "\"result\":\"success\",\"command\":\"balance\",\"balance\":35150"},
    {{EVENT(RECEIVED), .amount = 100, .name = {"bob"}, .label = 1, .balance = 200},
     "EVENT received 1 from bob label 1 balance 2",
     "\"result\":\"event\",\"event\":\"received\",\"amount\":100,\"from\":\"bob\",\"label\":1,"
     "\"balance\":200"},
    {{EVENT(LOST), .amount = 100, .name = {"bob"}, .label = 1},
     "EVENT lost label 1 to bob amount 1",
     "\"result\":\"event\",\"event\":\"lost\",\"label\":1,\"to\":\"bob\",\"amount\":100"},
    {{EVENT(MISSING), .name = {"bob"}, .label = 1},
     "EVENT missing label 1 from bob",
     "\"result\":\"event\",\"event\":\"missing\",\"label\":1,\"from\":\"bob\""},
    {{EVENT(JOINED), .cohort = 2, .members = MEMBERS, .member_count = 2},
     "EVENT joined 2 alice,bob",
     "\"result\":\"event\",\"event\":\"joined\",\"cohort\":2,\"members\":[\"alice\",\"bob\"]"},
    {{EVENT(LEFT), .cohort = 2, .balance = 100},
     "EVENT left 2 balance 1",
     "\"result\":\"event\",\"event\":\"left\",\"cohort\":2,\"balance\":100"},
    {{EVENT(PERMANENT), .initiator = {"bob"}, .number = 18446744073709551615u, .balance = 100},
     "EVENT permanent bob.18446744073709551615 balance 1",
     "\"result\":\"event\",\"event\":\"permanent\",\"instance\":\"bob.18446744073709551615\","
     "\"balance\":100"},
    {{EVENT(ROLLED_BACK), .initiator = {"bob"}, .number = 1, .balance = 100, .undone = 4},
     "EVENT rolled-back bob.1 balance 1 undone 4",
     "\"result\":\"event\",\"event\":\"rolled-back\",\"instance\":\"bob.1\",\"balance\":100,"
     "\"undone\":4"},
    {{EVENT(RESUMED), .balance = 100},
     "EVENT resumed balance 1",
     "\"result\":\"event\",\"event\":\"resumed\",\"balance\":100"},
    {{EVENT(OPEN_LOSSES), .undone = 2, .amount = 150},
     "EVENT open-losses 2 amount 1.50",
     "\"result\":\"event\",\"event\":\"open-losses\",\"count\":2,\"amount\":150"},
    {{EVENT(UNDONE_DEPOSIT), .amount = 150},
     "EVENT undone-deposit 1.50",
     "\"result\":\"event\",\"event\":\"undone-deposit\",\"amount\":150"},
    {{EVENT(UNDONE_WITHDRAWAL), .amount = 150},
     "EVENT undone-withdrawal 1.50",
     "\"result\":\"event\",\"event\":\"undone-withdrawal\",\"amount\":150"},
    {{EVENT(UNDONE_MORE), .undone = 3},
     "EVENT undone-more 3",
     "\"result\":\"event\",\"event\":\"undone-more\",\"count\":3"},
    {{EVENT(IN_DOUBT), .name = {"bob"}, .initiator = {"carol"}, .number = 7},
     "EVENT in-doubt carol.7 waits for bob",
     "\"result\":\"event\",\"event\":\"in-doubt\",\"instance\":\"carol.7\",\"waits_for\":\"bob\""},
};

static void assert_parses(const char *json, const char *text)
{
    json_error_t error;
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        fail_msg("%s: %s", json, error.text);
    assert_string_equal(json_string_value(json_object_get(object, "text")), text);
    json_decref(object);
}

static void every_notice_has_its_line_and_its_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(EXAMPLES); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GString) json = g_string_new(NULL);
        g_autofree char *expected =
            g_strdup_printf("{%s,\"text\":\"%s\"}", EXAMPLES[i].json, EXAMPLES[i].text);
        result_text(&EXAMPLES[i].notice, text);
        result_json(&EXAMPLES[i].notice, json);
        assert_string_equal(text->str, EXAMPLES[i].text);
        assert_string_equal(json->str, expected);
        assert_parses(json->str, text->str);
    }
}

static void the_examples_cover_every_command_and_event(void **state)
{
    (void)state;
    bool kinds[NOTICE_KINDS] = {[NOTICE_FAILURE] = true};     /* below */
    bool commands[COMMAND_KINDS] = {[COMMAND_RESUME] = true}; /* never typed */
    for (size_t i = 0; i < G_N_ELEMENTS(EXAMPLES); i++) {
        kinds[EXAMPLES[i].notice.kind] = true;
        if (EXAMPLES[i].notice.kind == NOTICE_SUCCESS)
            commands[EXAMPLES[i].notice.command] = true;
    }
    for (int kind = 0; kind < NOTICE_KINDS; kind++)
        assert_true(kinds[kind]);
    for (int command = 0; command < COMMAND_KINDS; command++)
        assert_true(commands[command]);
}

static void every_refusal_of_every_command_is_one_line(void **state)
{
    (void)state;
    for (int command = 0; command < COMMAND_KINDS; command++) {
        for (int refusal = REFUSAL_NONE + 1; refusal < REFUSAL_KINDS; refusal++) {
            Notice notice = {.kind = NOTICE_FAILURE,
                             .command = (CommandKind)command,
                             .refusal = (Refusal)refusal,
                             .name = {"bob"}};
            g_autoptr(GString) text = g_string_new(NULL);
            g_autoptr(GString) json = g_string_new(NULL);
            g_autofree char *begins =
                g_strdup_printf("FAILURE %s: ", command_word((CommandKind)command));
            result_text(&notice, text);
            result_json(&notice, json);
            assert_true(g_str_has_prefix(text->str, begins));
            assert_true(text->len > strlen(begins) + 10);
            assert_null(strchr(text->str, '\n'));
            assert_parses(json->str, text->str);
        }
    }
}

static void what_a_user_typed_cannot_break_the_json(void **state)
{
    (void)state;
    static const char *const reasons[] = {"a \"quote\"", "back\\slash",        "tab\tbell\a",
                                          "caf\xc3\xa9", "not utf-8 \xff\xc3", ""};
    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
        g_autoptr(GString) json = g_string_new(NULL);
        json_error_t error;
        result_failure_json("word", reasons[i], json);
        json_t *object = json_loads(json->str, JSON_REJECT_DUPLICATES, &error);
        assert_non_null(object);
        const char *reason = json_string_value(json_object_get(object, "reason"));
        if (g_utf8_validate(reasons[i], -1, NULL))
            assert_string_equal(reason, reasons[i]);
        json_decref(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_notice_has_its_line_and_its_object),
        cmocka_unit_test(the_examples_cover_every_command_and_event),
        cmocka_unit_test(every_refusal_of_every_command_is_one_line),
        cmocka_unit_test(what_a_user_typed_cannot_break_the_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
