#include "core/notice.h"

#include <glib.h>

#include "core/panic.h"

/* The sentences, with a letter after $ for what the notice fills in:
 *   $n  its name, or `unnamed`
 *   $s  whose account the command is about: its name, or "this customer"
 *   $a  " at IP:PORT1" of its first member, if it has one
 *   $b  its balance     $c  its count     $k  "cohort ID", or "a cohort"
 */
typedef struct Sentence {
    const char *text;
    const char *unnamed;
} Sentence;

static const Sentence sentences[REFUSAL_KINDS] = {
    [REFUSAL_NO_ACCOUNT] = {"this process has no account yet; open one first", NULL},
    [REFUSAL_HAS_ACCOUNT] =
        {"the process has an account already; exit it first, or use another process", NULL},
    [REFUSAL_NAME_TAKEN] = {"a customer named $n is open already; choose another name", "so"},
    [REFUSAL_NAME_NEEDED] = {"this process has no account to mean; give a NAME", NULL},
    [REFUSAL_UNKNOWN_NAME] = {"no open customer is named $n; look at the bank's `list`", "so"},
    [REFUSAL_EXITED_NAME] = {"$n has exited; open the name again first", "that customer"},
    [REFUSAL_SELF] = {"the receiver is this customer itself; name another", NULL},
    [REFUSAL_NOT_IN_COHORT] = {"$s is not in a cohort; form one with new-cohort first", NULL},
    [REFUSAL_NOT_A_MEMBER] = {"$n is not in this cohort; name one of its members", "the receiver"},
    [REFUSAL_IN_COHORT] = {"$s is in $k; dissolve it with delete-cohort first", NULL},
    [REFUSAL_INSUFFICIENT] =
        {"insufficient balance, there is $b; deposit first, or choose a smaller amount", NULL},
    [REFUSAL_BALANCE_LIMIT] = {"the balance would pass 90071992547409.91; choose a smaller amount",
                               NULL},
    [REFUSAL_TOO_FEW] =
        {"too few others run outside a cohort ($c); open more, or choose a smaller N", NULL},
    [REFUSAL_COHORT_SIZE] = {"a cohort has 2 to 1000 members; choose such an N", NULL},
    [REFUSAL_BAD_PORTS] = {"PORT1 and PORT2 must differ and be 8500 to 8999; choose such ports, or "
                           "run the bank with --any-port",
                           NULL},
    [REFUSAL_NO_ANSWER] = {"$n did not answer$a; see that its process runs, then try again",
                           "the customer"},
    [REFUSAL_BANK_SILENT] = {"the bank did not answer; see that it runs at --bank, then try again",
                             NULL},
    [REFUSAL_BUSY] = {"$n was engaged in another checkpoint or rollback; try again later",
                      "a member"},
    [REFUSAL_STOPPING] = {"this process is ending; start it again, then try again", NULL},
    [REFUSAL_BUSY_ELSEWHERE] =
        {"the bank is in the middle of another command about $n; try again when it is done",
         "that customer"},
    [REFUSAL_RUNNING_ELSEWHERE] = {"another process runs $n; stop that one first", "that account"},
    [REFUSAL_STATE_ELSEWHERE] =
        {"$n is in a cohort and its state is not here; name its directory with --state",
         "that customer"},
    [REFUSAL_DECLINED] = {"$n declined; see what it is doing, then try again", "a customer"},
    [REFUSAL_UNSETTLED] =
        {"transfers of $n did not settle in time; see that every member runs, then try again",
         "the cohort"},
    [REFUSAL_FOREIGN_COHORT] = {"$n is in a cohort that this bank did not form; ask the bank that "
                                "did, or stop this one and clear the cohort in its file",
                                "that customer"},
    [REFUSAL_LOST_ANSWER] =
        {"the bank no longer has the answer to this command; look at its `list`, then try again",
         NULL},
    [REFUSAL_BANK_FULL] = {"the bank has as much to do as it can keep track of; try again later",
                           NULL},
    [REFUSAL_COHORTS_USED_UP] =
        {"no number is left for another cohort; run the bank with a new file, --data", NULL},
};
static_assert(AMOUNT_MAX == INT64_C(9007199254740991), "BALANCE_LIMIT says so");
static_assert(MEMBERS_MAX == 1000, "COHORT_SIZE says so");
static_assert(PORT_FIRST == 8500 && PORT_LAST == 8999, "BAD_PORTS says so");

/* Room for every part but a name: " at " and an address, "cohort " and its number, an amount. */
enum { PART_BYTES_MAX = MONEY_TEXT_MAX + ADDRESS_TEXT_MAX };

/* In a transfer the notice names the receiver, not the account that the command is about. */
static const char *subject(const Notice *notice)
{
    bool named = notice->name.text[0] != '\0' && notice->command != COMMAND_TRANSFER &&
                 notice->command != COMMAND_LOST_TRANSFER;
    return named ? notice->name.text : "this customer";
}

static const char *address_part(const Notice *notice, char part[static PART_BYTES_MAX])
{
    if (notice->member_count == 0)
        return "";
    const Member *member = &notice->members[0];
    g_strlcpy(part, " at ", PART_BYTES_MAX);
    address_text((Address){member->ip, member->port1}, part + 4);
    return part;
}

static const char *cohort_part(const Notice *notice, char part[static PART_BYTES_MAX])
{
    if (notice->cohort == 0)
        return "a cohort";
    g_strlcpy(part, "cohort ", PART_BYTES_MAX);
    number_text(notice->cohort, part + 7);
    return part;
}

static const char *fill_in(char letter, const Notice *notice, char part[static PART_BYTES_MAX])
{
    switch (letter) {
    case 'n':
        return notice->name.text[0] ? notice->name.text : sentences[notice->refusal].unnamed;
    case 's':
        return subject(notice);
    case 'a':
        return address_part(notice, part);
    case 'b':
        return money_text(notice->balance, part);
    case 'c':
        return number_text(notice->count, part);
    default:
        INVARIANT_THAT(letter, ==, 'k');
        return cohort_part(notice, part);
    }
}

char *refusal_text(const Notice *notice, char *text, size_t capacity)
{
    INVARIANT_THAT(capacity, >, 0);
    INVARIANT_THAT((int)notice->refusal, >, REFUSAL_NONE);
    INVARIANT_THAT((int)notice->refusal, <, REFUSAL_KINDS);
    size_t length = 0;
    for (const char *at = sentences[notice->refusal].text; *at && length < capacity - 1; at++) {
        if (*at != '$') {
            text[length++] = *at;
            continue;
        }
        char part[PART_BYTES_MAX];
        const char *filled = fill_in(*++at, notice, part);
        length += g_strlcpy(text + length, filled, capacity - length);
    }
    text[MIN(length, capacity - 1)] = '\0'; /* what does not fit is cut */
    return text;
}
