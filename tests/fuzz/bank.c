/* Whoever knows the wire and says anything: datagrams under right checksums, with the cookies that
 * their places were given, to a bank in the midst of its business. It does not end, every state it
 * comes to has one encoding, and all that it writes loads again. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/core/office.h"
#include "tests/core/sample.h"
#include "tests/fuzz/acts.h"
#include "tests/fuzz/fuzz.h"

enum { CUSTOMERS = 8, MEMBERS = 3, ACTS_MAX = 64 };

static Office *office_in(Business business)
{
    Office *office = office_new(1);
    for (int i = 1; business == BUSINESS_ACCOUNTS && i <= MEMBERS; i++)
        office_open(office, i, "100");
    if (business < BUSINESS_COHORT)
        return office;
    const uint64_t cohort = office_cohort(office, MEMBERS);
    if (business == BUSINESS_COHORT)
        return office;
    const uint64_t attempt = office_quiesce(office, cohort, MEMBERS);
    for (uint16_t i = 0; business == BUSINESS_DISSOLVED && i < MEMBERS; i++) {
        const Message vote = office_status(cohort, i, MEMBERS, attempt, 1, STATUS_VOTED, 10000);
        office_say(office, i + 1, &vote);
    }
    return office;
}

static void say(Office *office, int customer, uint64_t cookie, const uint8_t *bytes, size_t length)
{
    WireWriter writer;
    wire_begin(&writer, &(Header){.sender = SENDER_CLIENT, .cookie = cookie});
    code_bytes(&writer.coder, (uint8_t *)bytes, MIN(length, DATAGRAM_BYTES_MAX - HEADER_BYTES));
    const size_t datagram_length = wire_end(&writer);
    office_receive(office, office_address(customer), writer.bytes, datagram_length);
}

static Office *restart(Office *office)
{
    Office *again = office_restart(office);
    office_free(office);
    return again;
}

static Office *befall(Office *office, const Act *act, const uint8_t *data)
{
    static const char *const commands[] = {
        "new-cohort c1 2",
        "new-cohort c2 3",
        "delete-cohort c1",
        "delete-cohort c3",
        "exit c1",
        "exit c2",
        "open c4 7 127.0.0.1 8508 8509",
    };
    const int customer = 1 + act->who % CUSTOMERS;
    switch (act->kind) {
    case ACT_SAY:
        say(office, customer, office_cookie(office, customer), data + act->body, act->length);
        return office;
    case ACT_SAY_WITHOUT_COOKIE:
        say(office, customer, 0, data + act->body, act->length);
        return office;
    case ACT_WAIT:
        office_wait(office, (1 + act->who) * 50 * NS_PER_MS);
        return office;
    case ACT_COMMAND:
        office_command(office, commands[act->who % G_N_ELEMENTS(commands)]);
        return office;
    case ACT_RESTART:
    case ACT_KINDS:
        break;
    }
    return restart(office);
}

static void expect_same_again(const Office *office)
{
    Office *clone = office_clone(office);
    Coder before = coder_encode_growing(), after = coder_encode_growing();
    bank_encode(office->bank, &before);
    bank_encode(clone->bank, &after);
    INVARIANT_THAT(before.length, ==, after.length);
    INVARIANT(memcmp(before.bytes, after.bytes, before.length) == 0);
    coder_deinit(&before);
    coder_deinit(&after);
    office_free(clone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    Office *office = office_in((Business)(data[0] % BUSINESSES));
    size_t at = 1;
    Act act;
    for (int count = 0; count < ACTS_MAX && acts_next(data, size, &at, &act); count++)
        office = befall(office, &act, data);
    expect_same_again(office);
    office_free(restart(office));
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    return acts_mutate(data, size, capacity);
}
