/* Lines that users type, at either place: a command in range, that its own encoding brings back, or
 * a reason in words. */
#include <string.h>

#include "core/command.h"
#include "tests/fuzz/fuzz.h"

static void expect_in_range(const Command *command)
{
    INVARIANT_THAT((int)command->kind, <, COMMAND_KINDS);
    INVARIANT_THAT((int)command->kind, !=, COMMAND_RESUME);
    INVARIANT(command->name.text[0] == '\0' || name_valid(command->name.text));
    INVARIANT_THAT(command->amount, >=, 0);
    INVARIANT_THAT(command->amount, <=, AMOUNT_MAX);
    Coder writing = coder_encode_growing();
    Command copy = *command;
    code_command(&writing, &copy);
    Coder reading = coder_decode(writing.bytes, writing.length);
    code_command(&reading, &copy);
    INVARIANT(coder_finished(&reading));
    coder_deinit(&writing);
    INVARIANT_THAT((int)copy.kind, ==, (int)command->kind);
    INVARIANT(name_equal(&copy.name, &command->name));
    INVARIANT_THAT(copy.amount, ==, command->amount);
    INVARIANT_THAT(copy.count, ==, command->count);
    INVARIANT_THAT(copy.port2, ==, command->port2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *line = g_strndup((const char *)data, size);
    for (CommandPlace place = PLACE_BANK; place <= PLACE_CUSTOMER; place++) {
        Command command;
        CommandError error;
        if (command_parse(line, place, &command, &error)) {
            expect_in_range(&command);
            continue;
        }
        INVARIANT(memchr(error.command, '\0', sizeof error.command) != NULL);
        INVARIANT(memchr(error.reason, '\0', sizeof error.reason) != NULL);
        INVARIANT_THAT(strlen(error.reason), >, 0);
    }
    return 0;
}
