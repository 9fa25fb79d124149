/* One line typed by a user, or written in a scenario's script -> a Command, or a reason.
 *
 * Parsing is the same at the bank's console, at a customer's prompt and in a script. What depends
 * on state (is there such a customer, is there enough money) is decided in customer.c and bank.c.
 */
#ifndef COHORT_COMMAND_H
#define COHORT_COMMAND_H

#include "core/coder.h"
#include "core/types.h"

typedef enum CommandKind {
    COMMAND_OPEN,
    COMMAND_EXIT,
    COMMAND_NEW_COHORT,
    COMMAND_DELETE_COHORT,
    COMMAND_DEPOSIT,
    COMMAND_WITHDRAWAL,
    COMMAND_TRANSFER,
    COMMAND_LOST_TRANSFER,
    COMMAND_CHECKPOINT,
    COMMAND_ROLLBACK,
    COMMAND_BALANCE,
    COMMAND_RESUME, /* never typed: a customer process started with --name asks the bank */
    COMMAND_KINDS
} CommandKind;

typedef enum CommandPlace { PLACE_BANK, PLACE_CUSTOMER } CommandPlace;

typedef struct Command {
    CommandKind kind;
    Name name;      /* the customer meant; empty: this customer (PLACE_CUSTOMER only) */
    Money amount;   /* deposit, withdrawal, transfer; open: the balance */
    bool addressed; /* open: ip, port1 and port2 were given */
    uint32_t ip;
    uint16_t port1;
    uint16_t port2;
    uint64_t count; /* new-cohort: how many members */
    uint64_t tag;   /* the caller's; comes back in the command's Notice */
} Command;

typedef struct CommandError {
    char command[32]; /* the word to name in the FAILURE line */
    char reason[200]; /* says what to do */
} CommandError;

/* The word users type: "new-cohort". COMMAND_RESUME is "resume". */
const char *command_word(CommandKind kind);

/* Parses one line (no newline needed; leading and trailing blanks allowed) of blank-separated
 * words. Returns true and fills *command (tag 0), or false and fills *error. Empty lines, `list`,
 * `show`, `status`, `help` and `quit` are the console's own and an error here. */
bool command_parse(const char *line, CommandPlace place, Command *command, CommandError *error);

/* Codes a command as it waits in a queue. */
void code_command(Coder *coder, Command *command);

#endif
