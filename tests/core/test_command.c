#include "core/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { LOCALHOST = 0x7f000001 };

/* --- what is taken --- */

typedef struct Taken {
    const char *line;
    Command command;
} Taken;

static const Taken taken_at_bank[] = {
    {"open alice 100 127.0.0.1 8501 8502",
     {.kind = COMMAND_OPEN,
      .name = {"alice"},
      .amount = 10000,
      .addressed = true,
      .ip = LOCALHOST,
      .port1 = 8501,
      .port2 = 8502}},
    {"open alice 0 127.0.0.1 1 65535",
     {.kind = COMMAND_OPEN,
      .name = {"alice"},
      .addressed = true,
      .ip = LOCALHOST,
      .port1 = 1,
      .port2 = 65535}},
    {"exit alice", {.kind = COMMAND_EXIT, .name = {"alice"}}},
    {"new-cohort alice 3", {.kind = COMMAND_NEW_COHORT, .name = {"alice"}, .count = 3}},
    {"new-cohort alice 0", {.kind = COMMAND_NEW_COHORT, .name = {"alice"}, .count = 0}},
    {"delete-cohort alice", {.kind = COMMAND_DELETE_COHORT, .name = {"alice"}}},
    {" \t exit\talice \r\n", {.kind = COMMAND_EXIT, .name = {"alice"}}},
};

static const Taken taken_at_customer[] = {
    {"open alice 100 127.0.0.1 8501 8502",
     {.kind = COMMAND_OPEN,
      .name = {"alice"},
      .amount = 10000,
      .addressed = true,
      .ip = LOCALHOST,
      .port1 = 8501,
      .port2 = 8502}},
    {"open 100 127.0.0.1 8501 8502",
     {.kind = COMMAND_OPEN,
      .amount = 10000,
      .addressed = true,
      .ip = LOCALHOST,
      .port1 = 8501,
      .port2 = 8502}},
    {"open alice 100.50", {.kind = COMMAND_OPEN, .name = {"alice"}, .amount = 10050}},
    {"open 0", {.kind = COMMAND_OPEN}},
    {"exit", {.kind = COMMAND_EXIT}},
    {"exit bob", {.kind = COMMAND_EXIT, .name = {"bob"}}},
    {"new-cohort 2", {.kind = COMMAND_NEW_COHORT, .count = 2}},
    {"new-cohort bob 18446744073709551615",
     {.kind = COMMAND_NEW_COHORT, .name = {"bob"}, .count = UINT64_MAX}},
    {"delete-cohort", {.kind = COMMAND_DELETE_COHORT}},
    {"delete-cohort bob", {.kind = COMMAND_DELETE_COHORT, .name = {"bob"}}},
    {"deposit 0.01", {.kind = COMMAND_DEPOSIT, .amount = 1}},
    {"withdrawal 90071992547409.91", {.kind = COMMAND_WITHDRAWAL, .amount = AMOUNT_MAX}},
    {"transfer 007 bob", {.kind = COMMAND_TRANSFER, .amount = 700, .name = {"bob"}}},
    {"lost-transfer 1.5 bob", {.kind = COMMAND_LOST_TRANSFER, .amount = 150, .name = {"bob"}}},
    {"checkpoint", {.kind = COMMAND_CHECKPOINT}},
    {"rollback", {.kind = COMMAND_ROLLBACK}},
    {"balance", {.kind = COMMAND_BALANCE}},
    {"  balance  ", {.kind = COMMAND_BALANCE}},
};

static void check_taken(const Taken *expected, CommandPlace place)
{
    Command command;
    CommandError error;
    memset(&command, 0xee, sizeof command);
    assert_true(command_parse(expected->line, place, &command, &error));
    assert_int_equal(command.kind, expected->command.kind);
    assert_memory_equal(&command.name, &expected->command.name, sizeof command.name);
    assert_true(command.amount == expected->command.amount);
    assert_int_equal(command.addressed, expected->command.addressed);
    assert_true(command.ip == expected->command.ip);
    assert_int_equal(command.port1, expected->command.port1);
    assert_int_equal(command.port2, expected->command.port2);
    assert_true(command.count == expected->command.count);
    assert_true(command.tag == 0);
}

static void bank_takes_its_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(taken_at_bank); i++)
        check_taken(&taken_at_bank[i], PLACE_BANK);
}

static void customer_takes_every_command_with_name_and_address_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(taken_at_customer); i++)
        check_taken(&taken_at_customer[i], PLACE_CUSTOMER);
}

/* --- what is refused --- */

typedef struct Refused {
    const char *line;
    const char *command;
    const char *reason;
} Refused;

#define NAME_WANTED "must be a letter, then letters, digits, - or _, at most 31 in all"
#define NUMBER_WANTED "must be a decimal number, such as 100 or 100.50"

static const Refused refused_at_bank[] = {
    {"open", "open", "usage: open NAME BALANCE IP PORT1 PORT2"},
    {"open alice 100", "open", "usage: open NAME BALANCE IP PORT1 PORT2"},
    {"open 100 127.0.0.1 8501 8502", "open", "usage: open NAME BALANCE IP PORT1 PORT2"},
    {"open alice 100 127.0.0.1 8501 8502 more", "open", "usage: open NAME BALANCE IP PORT1 PORT2"},
    {"open alice 100 127.0.0.1 8501 8502 more and more", "open",
     "usage: open NAME BALANCE IP PORT1 PORT2"},
    {"open 1alice 100 127.0.0.1 8501 8502", "open", "name \"1alice\": " NAME_WANTED},
    {"open alice -1 127.0.0.1 8501 8502", "open", "balance \"-1\": must not be negative"},
    {"open alice 100 127.0.0.256 8501 8502", "open",
     "ip \"127.0.0.256\": must be an IPv4 address, such as 127.0.0.1"},
    {"open alice 100 127.0.0.1 0 8502", "open", "port1 \"0\": must be a port number, 1 to 65535"},
    {"open alice 100 127.0.0.1 8501 65536", "open",
     "port2 \"65536\": must be a port number, 1 to 65535"},
    {"exit", "exit", "usage: exit NAME"},
    {"exit a b", "exit", "usage: exit NAME"},
    {"exit a23456789012345678901234567890bc", "exit",
     "name \"a23456789012345678901234567890bc\": " NAME_WANTED},
    {"new-cohort 3", "new-cohort", "usage: new-cohort NAME N"},
    {"new-cohort 1alice 3", "new-cohort", "name \"1alice\": " NAME_WANTED},
    {"new-cohort alice -3", "new-cohort", "number of members \"-3\": must be a whole number"},
    {"new-cohort alice 2.5", "new-cohort", "number of members \"2.5\": must be a whole number"},
    {"new-cohort alice 18446744073709551616", "new-cohort",
     "number of members \"18446744073709551616\": must be a whole number"},
    {"delete-cohort", "delete-cohort", "usage: delete-cohort NAME"},
    {"deposit 5", "deposit", "is a customer's command; type it at that customer's prompt"},
    {"balance", "balance", "is a customer's command; type it at that customer's prompt"},
    {"resume alice", "resume", "unknown command; try help"},
    {"list", "list", "unknown command; try help"},
    {"", "", "nothing typed; try help"},
    {" \t\r\n", "", "nothing typed; try help"},
};

static const Refused refused_at_customer[] = {
    {"open", "open", "usage: open [NAME] BALANCE [IP PORT1 PORT2]"},
    {"open alice", "open", "usage: open [NAME] BALANCE [IP PORT1 PORT2]"},
    {"open alice 5 127.0.0.1", "open", "usage: open [NAME] BALANCE [IP PORT1 PORT2]"},
    {"open 5 127.0.0.1 8501", "open", "usage: open [NAME] BALANCE [IP PORT1 PORT2]"},
    {"open al!ce 5", "open", "name \"al!ce\": " NAME_WANTED},
    {"exit a b", "exit", "usage: exit [NAME]"},
    {"new-cohort", "new-cohort", "usage: new-cohort [NAME] N"},
    {"new-cohort bob", "new-cohort", "number of members \"bob\": must be a whole number"},
    {"delete-cohort a b", "delete-cohort", "usage: delete-cohort [NAME]"},
    {"deposit", "deposit", "usage: deposit AMOUNT"},
    {"deposit 1 2", "deposit", "usage: deposit AMOUNT"},
    {"deposit 0", "deposit", "amount \"0\": must be greater than zero"},
    {"deposit -5", "deposit", "amount \"-5\": must not be negative"},
    {"deposit 1.234", "deposit", "amount \"1.234\": at most two fraction digits"},
    {"deposit 90071992547409.92", "deposit",
     "amount \"90071992547409.92\": at most 90071992547409.91"},
    {"deposit 1.", "deposit", "amount \"1.\": must have a digit after the point"},
    {"withdrawal .5", "withdrawal", "amount \".5\": " NUMBER_WANTED},
    {"withdrawal +5", "withdrawal", "amount \"+5\": " NUMBER_WANTED},
    {"transfer 5", "transfer", "usage: transfer AMOUNT RECEIVER"},
    {"transfer bob 5", "transfer", "amount \"bob\": " NUMBER_WANTED},
    {"transfer 5 5", "transfer", "receiver \"5\": " NAME_WANTED},
    {"lost-transfer", "lost-transfer", "usage: lost-transfer AMOUNT RECEIVER"},
    {"checkpoint now", "checkpoint", "usage: checkpoint"},
    {"rollback 1", "rollback", "usage: rollback"},
    {"balance bob", "balance", "usage: balance"},
    {"balance\x0e", "balance", "unknown command; try help"}, /* no blank */
    {"Balance", "Balance", "unknown command; try help"},
    {"status", "status", "unknown command; try help"},
    {"help", "help", "unknown command; try help"},
    {"quit", "quit", "unknown command; try help"},
    {"resume", "resume", "unknown command; try help"},
    {"\x1b[2Jb\xc3\xa9t\x7fise", "[2Jbtise", "unknown command; try help"},
    {"a-word-longer-than-any-command-has-room-for", "a-word-longer-than-any-command-",
     "unknown command; try help"},
    {"deposit \x1b[31m\"5\"\xff", "deposit", "amount \"?[31m?5??\": " NUMBER_WANTED},
    {"deposit x234567890123456789012345678901234567890", "deposit",
     "amount \"x234567890123456789012345678901234567890\": " NUMBER_WANTED},
    {"deposit x2345678901234567890123456789012345678901", "deposit",
     "amount \"x234567890123456789012345678901234567890...\": " NUMBER_WANTED},
};

static void check_refused(const Refused *expected, CommandPlace place)
{
    Command command = {.kind = COMMAND_BALANCE, .tag = 77};
    CommandError error;
    memset(&error, 0xee, sizeof error);
    assert_false(command_parse(expected->line, place, &command, &error));
    assert_string_equal(error.command, expected->command);
    assert_string_equal(error.reason, expected->reason);
    assert_true(command.tag == 77); /* left alone */
}

static void bank_refuses_with_the_reason_and_the_usage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_at_bank); i++)
        check_refused(&refused_at_bank[i], PLACE_BANK);
}

static void customer_refuses_with_the_reason_and_the_usage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_at_customer); i++)
        check_refused(&refused_at_customer[i], PLACE_CUSTOMER);
}

static void every_command_of_a_customer_is_known_at_the_bank(void **state)
{
    (void)state;
    for (int kind = COMMAND_DEPOSIT; kind <= COMMAND_BALANCE; kind++) {
        Command command;
        CommandError error;
        assert_false(command_parse(command_word((CommandKind)kind), PLACE_BANK, &command, &error));
        assert_string_equal(error.command, command_word((CommandKind)kind));
        assert_non_null(strstr(error.reason, "customer's command"));
    }
}

/* Whatever is typed, the reason is one printable line. */
static void reason_is_one_printable_line_for_every_byte(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char lines[][24] = {{(char)byte, 'x', '\0'}, "transfer 5 _?_", "deposit _?_"};
        for (size_t i = 0; i < COUNT(lines); i++) {
            char line[24];
            Command command;
            CommandError error;
            strcpy(line, lines[i]);
            char *hole = strchr(line, '?');
            if (i > 0)
                *hole = (char)byte;
            if (command_parse(line, PLACE_CUSTOMER, &command, &error))
                continue;
            for (const char *at = error.reason; *at; at++)
                assert_in_range(*at, ' ', '~');
            for (const char *at = error.command; *at; at++)
                assert_in_range(*at, '!', '~');
        }
    }
}

static void command_survives_the_round_trip(void **state)
{
    (void)state;
    const Command written = {.kind = COMMAND_RESUME,
                             .name = {"alice"},
                             .amount = -1,
                             .addressed = true,
                             .ip = LOCALHOST,
                             .port1 = 8501,
                             .port2 = 8502,
                             .count = UINT64_MAX,
                             .tag = UINT64_MAX - 1};
    Command command = written, read;
    Coder coder = coder_encode_growing();
    code_command(&coder, &command);
    assert_false(coder.failed);
    memset(&read, 0, sizeof read); /* as nothing in it is */
    Coder decoder = coder_decode(coder.bytes, coder.length);
    code_command(&decoder, &read);
    assert_true(coder_finished(&decoder));
    assert_int_equal(read.kind, written.kind);
    assert_string_equal(read.name.text, "alice");
    assert_true(read.amount == written.amount);
    assert_true(read.addressed);
    assert_int_equal(read.ip, written.ip);
    assert_int_equal(read.port1, written.port1);
    assert_int_equal(read.port2, written.port2);
    assert_true(read.count == written.count);
    assert_true(read.tag == written.tag);
    coder_deinit(&coder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bank_takes_its_commands),
        cmocka_unit_test(customer_takes_every_command_with_name_and_address_left_out),
        cmocka_unit_test(bank_refuses_with_the_reason_and_the_usage),
        cmocka_unit_test(customer_refuses_with_the_reason_and_the_usage),
        cmocka_unit_test(every_command_of_a_customer_is_known_at_the_bank),
        cmocka_unit_test(reason_is_one_printable_line_for_every_byte),
        cmocka_unit_test(command_survives_the_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
