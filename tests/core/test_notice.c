#include "core/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const Member somebody = {.name = {"bob"}, .ip = 0x7f000001, .port1 = 8503, .port2 = 8504};

static void every_refusal_has_a_sentence_that_says_what_to_do(void **state)
{
    (void)state;
    for (int refusal = REFUSAL_NONE + 1; refusal < REFUSAL_KINDS; refusal++) {
        Notice bare = {.kind = NOTICE_FAILURE, .refusal = (Refusal)refusal};
        char text[400];
        refusal_text(&bare, text, sizeof text);
        const char *advice = strstr(text, "; ");
        assert_non_null(advice);
        assert_true(strlen(advice) > 10);
        assert_null(strchr(text, '$'));
        assert_null(strchr(text, '\n'));
        assert_null(strstr(text, "  "));
        assert_true(strlen(text) < 150);
    }
}

static void no_two_refusals_share_a_sentence(void **state)
{
    (void)state;
    static char texts[REFUSAL_KINDS][200];
    for (int refusal = REFUSAL_NONE + 1; refusal < REFUSAL_KINDS; refusal++) {
        Notice notice = {.kind = NOTICE_FAILURE, .refusal = (Refusal)refusal, .name = {"bob"}};
        refusal_text(&notice, texts[refusal], sizeof texts[refusal]);
        for (int other = REFUSAL_NONE + 1; other < refusal; other++)
            assert_string_not_equal(texts[refusal], texts[other]);
    }
}

typedef struct Case {
    Notice notice;
    const char *text;
} Case;

static const Case cases[] = {
    {{.refusal = REFUSAL_INSUFFICIENT, .balance = 5050},
     "insufficient balance, there is 50.50; deposit first, or choose a smaller amount"},
    {{.refusal = REFUSAL_UNKNOWN_NAME, .name = {"bob"}},
     "no open customer is named bob; look at the bank's `list`"},
    {{.refusal = REFUSAL_TOO_FEW, .count = 2},
     "too few others run outside a cohort (2); open more, or choose a smaller N"},
    {{.refusal = REFUSAL_NO_ANSWER, .name = {"bob"}},
     "bob did not answer; see that its process runs, then try again"},
    {{.refusal = REFUSAL_NO_ANSWER, .name = {"bob"}, .members = &somebody, .member_count = 1},
     "bob did not answer at 127.0.0.1:8503; see that its process runs, then try again"},
    {{.refusal = REFUSAL_NO_ANSWER},
     "the customer did not answer; see that its process runs, then try again"},
    {{.refusal = REFUSAL_IN_COHORT, .command = COMMAND_EXIT, .name = {"bob"}, .cohort = 12},
     "bob is in cohort 12; dissolve it with delete-cohort first"},
    {{.refusal = REFUSAL_IN_COHORT, .command = COMMAND_EXIT},
     "this customer is in a cohort; dissolve it with delete-cohort first"},
    {{.refusal = REFUSAL_NOT_IN_COHORT, .command = COMMAND_DELETE_COHORT, .name = {"bob"}},
     "bob is not in a cohort; form one with new-cohort first"},
    /* the name is the receiver's: */
    {{.refusal = REFUSAL_NOT_IN_COHORT, .command = COMMAND_TRANSFER, .name = {"bob"}},
     "this customer is not in a cohort; form one with new-cohort first"},
    {{.refusal = REFUSAL_NOT_IN_COHORT, .command = COMMAND_LOST_TRANSFER, .name = {"bob"}},
     "this customer is not in a cohort; form one with new-cohort first"},
    /* however short it is: */
    {{.refusal = REFUSAL_NOT_IN_COHORT, .command = COMMAND_DELETE_COHORT, .name = {"b"}},
     "b is not in a cohort; form one with new-cohort first"},
    {{.refusal = REFUSAL_NO_ANSWER, .name = {"b"}},
     "b did not answer; see that its process runs, then try again"},
    {{.refusal = REFUSAL_NOT_A_MEMBER, .command = COMMAND_TRANSFER, .name = {"bob"}},
     "bob is not in this cohort; name one of its members"},
};

static void sentence_names_who_and_how_much(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        assert_string_equal(refusal_text(&cases[i].notice, text, sizeof text), cases[i].text);
    }
}

static void sentence_is_cut_to_the_room_there_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen(cases[i].text);
        for (size_t room = 1; room <= length + 1; room++) {
            char *text = malloc(room);
            assert_ptr_equal(refusal_text(&cases[i].notice, text, room), text);
            assert_int_equal(strlen(text), room - 1);
            assert_memory_equal(text, cases[i].text, room - 1);
            free(text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_has_a_sentence_that_says_what_to_do),
        cmocka_unit_test(no_two_refusals_share_a_sentence),
        cmocka_unit_test(sentence_names_who_and_how_much),
        cmocka_unit_test(sentence_is_cut_to_the_room_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
