/* Mails of an exploration: when one can change nothing any more, whatever else happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/wire.h"
#include "sim/explore_mail.h"

enum { FROM, TO, MEMBERS };

static uint32_t ack_of(Mails *mails, uint64_t upto)
{
    const Message ack = {.kind = MESSAGE_ACK, .ack = {.upto = upto}};
    WireWriter writer;
    wire_begin(&writer,
               &(Header){.cohort = 1, .sender = FROM, .receiver = TO, .inc = 1, .known = 1});
    assert_true(wire_add(&writer, &ack));
    const size_t length = wire_end(&writer);
    return mails_of(mails, writer.bytes, length);
}

/* The receiver has an acknowledgement of all up to `acked`, and its permanent checkpoint has let go
 * of all up to `released`. */
static bool dead(bool plain, uint64_t acked, uint64_t released, bool steady)
{
    static const uint32_t ips[MEMBERS];
    const Standing from = {.inc = 1, .count = MEMBERS, .peers[TO].known = 1};
    const Standing to = {.inc = 1,
                         .count = MEMBERS,
                         .peers[FROM] = {.known = 1, .acked = acked, .released = released}};
    Mails *mails = mails_new(1, MEMBERS, ips, plain);
    const uint32_t ack = ack_of(mails, 2);
    const uint32_t left = mails_alive(mails, ack, &from, &to, steady);
    assert_true(left == ack || left == MAIL_DEAD);
    mails_free(mails);
    return left == MAIL_DEAD;
}

static void an_acknowledgement_is_dead_once_it_is_known(void **state)
{
    (void)state;
    for (int plain = 0; plain <= 1; plain++) {
        assert_false(dead(plain, 1, 0, true));
        assert_true(dead(plain, 2, 0, true));
        assert_true(dead(plain, 3, 0, true));
    }
}

/* It makes a transfer of what was given up after the crash. */
static void an_acknowledgement_that_a_crash_may_forget_is_alive(void **state)
{
    (void)state;
    assert_false(dead(false, 2, 0, false));
    assert_false(dead(false, 2, 1, false));
    assert_true(dead(false, 2, 2, false));
    assert_true(dead(true, 2, 0, false)); /* where nothing is ever given up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_acknowledgement_is_dead_once_it_is_known),
        cmocka_unit_test(an_acknowledgement_that_a_crash_may_forget_is_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
