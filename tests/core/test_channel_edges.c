/* The edges of a channel's rules: what is just within them, and what is just beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/channel.h"

enum { LABELS = 3, PAYLOAD = 10 };

typedef struct Sender {
    Channel channel;
    GArray *lost;
} Sender;

/* Three transfers in the log, none sent. */
static int set_up(void **state)
{
    Sender *sender = g_new0(Sender, 1);
    channel_init(&sender->channel);
    sender->lost = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    for (int i = 0; i < LABELS; i++)
        channel_append(&sender->channel, PAYLOAD, ENTRY_TRANSFER);
    *state = sender;
    return 0;
}

static int tear_down(void **state)
{
    Sender *sender = *state;
    channel_deinit(&sender->channel);
    g_array_free(sender->lost, TRUE);
    g_free(sender);
    return 0;
}

static int send_all(Channel *channel, uint64_t now_ns)
{
    uint64_t label;
    int count = 0;
    for (; (label = channel_next_due(channel, now_ns)) != 0; count++)
        channel_sent(channel, label, now_ns, 0);
    return count;
}

static void acknowledge(Sender *sender, uint64_t from, uint64_t upto, uint64_t now_ns)
{
    channel_acknowledged(&sender->channel, &(Coverage){.from = from, .upto = upto}, now_ns,
                         sender->lost);
}

static EntryKind kind_of(const Sender *sender, uint64_t label)
{
    return channel_entry(&sender->channel.state, label)->kind;
}

/* --- sending --- */

static void a_closed_channel_sends_nothing(void **state)
{
    Channel *channel = &((Sender *)*state)->channel;
    channel->closed.instance.number = 1;
    assert_int_equal(channel_next_due(channel, 0), 0);
    channel->closed.instance.number = 0;
    assert_int_equal(channel_next_due(channel, 0), 1);
}

static void a_closed_channel_gives_nothing_up(void **state)
{
    Sender *sender = *state;
    send_all(&sender->channel, 0);
    sender->channel.closed.instance.number = 1;
    assert_false(channel_timeout(&sender->channel, RTO_INITIAL_NS, 0, false));
    assert_int_equal(kind_of(sender, 1), ENTRY_TRANSFER);
    assert_int_equal(sender->channel.backoff, 0);
}

static void a_transfer_is_given_up_after_so_many_retransmissions(void **state)
{
    Sender *sender = *state;
    Channel *channel = &sender->channel;
    send_all(channel, 0);
    assert_false(channel_timeout(channel, channel->resend_ns, 1, false));
    assert_int_equal(kind_of(sender, 1), ENTRY_TRANSFER);
    send_all(channel, RTO_INITIAL_NS);
    assert_true(channel_timeout(channel, channel->resend_ns, 1, false));
    assert_int_equal(kind_of(sender, 1), ENTRY_GIVEN_UP);
    send_all(channel, 4 * RTO_INITIAL_NS);
    assert_false(channel_timeout(channel, channel->resend_ns, 1, false)); /* not again */
}

static void what_was_never_sent_is_not_given_up(void **state)
{
    Sender *sender = *state;
    channel_append(&sender->channel, PAYLOAD, ENTRY_NEVER_SENT);
    send_all(&sender->channel, 0);
    channel_timeout(&sender->channel, RTO_INITIAL_NS, 0, false);
    assert_int_equal(kind_of(sender, LABELS), ENTRY_GIVEN_UP);
    assert_int_equal(kind_of(sender, LABELS + 1), ENTRY_NEVER_SENT);
}

static void each_timeout_doubles_the_pause_and_an_acknowledgement_ends_that(void **state)
{
    Sender *sender = *state;
    Channel *channel = &sender->channel;
    send_all(channel, 0);
    assert_int_equal(channel->resend_ns, RTO_INITIAL_NS);
    channel_timeout(channel, RTO_INITIAL_NS, UINT32_MAX, false);
    send_all(channel, RTO_INITIAL_NS);
    assert_int_equal(channel->resend_ns, 3 * RTO_INITIAL_NS);
    acknowledge(sender, 0, 1, 2 * RTO_INITIAL_NS);
    assert_int_equal(channel->backoff, 0);
    assert_int_equal(channel->resend_ns, 3 * RTO_INITIAL_NS); /* the others are under way still */
    acknowledge(sender, 0, LABELS, 2 * RTO_INITIAL_NS);
    assert_true(channel->resend_ns == TIME_NEVER);
}

/* --- the receiver's word --- */

static void an_acknowledgement_that_begins_later_says_nothing(void **state)
{
    Sender *sender = *state;
    send_all(&sender->channel, 0);
    acknowledge(sender, 1, 2, 1);
    assert_int_equal(sender->channel.acked, 0);
    acknowledge(sender, 0, LABELS + 1, 1); /* nor one of labels never used */
    assert_int_equal(sender->channel.acked, 0);
    acknowledge(sender, 0, 1, 1);
    assert_int_equal(sender->channel.acked, 1);
    acknowledge(sender, 1, LABELS, 1);
    assert_int_equal(sender->channel.acked, LABELS);
}

static void what_comes_after_a_rewind_is_acknowledged_too(void **state)
{
    Sender *sender = *state;
    send_all(&sender->channel, 0);
    channel_rewind(&sender->channel);
    acknowledge(sender, 0, 2, 1);
    assert_int_equal(sender->channel.sent_upto, 2);
    assert_int_equal(channel_next_due(&sender->channel, 1), 3);
    channel_sent(&sender->channel, 3, 1, 0);
    acknowledge(sender, 0, 2, 1); /* again; the third is under way */
    assert_int_equal(sender->channel.sent_upto, 3);
}

static void a_round_trip_may_take_no_time_but_not_less(void **state)
{
    Sender *sender = *state;
    Channel *channel = &sender->channel;
    send_all(channel, 5);
    channel_entry(&channel->state, 1)->sent_ns = TIME_NEVER; /* in another life */
    acknowledge(sender, 0, 1, 5);
    assert_false(channel->rtt_known);
    acknowledge(sender, 0, 2, 5);
    assert_true(channel->rtt_known);
    assert_int_equal(channel->srtt_ns, 0);
}

static void a_word_about_no_label_is_no_word(void **state)
{
    Sender *sender = *state;
    const Coverage stranger = {.from = UINT64_MAX, .upto = UINT64_MAX};
    assert_int_equal(channel_take_word(&sender->channel, &stranger, sender->lost),
                     CONTRADICTION_NONE);
    assert_int_equal(sender->lost->len, 0);
}

static void a_word_ends_where_it_ends(void **state)
{
    Sender *sender = *state;
    channel_entry(&sender->channel.state, LABELS)->kind = ENTRY_GIVEN_UP;
    assert_int_equal(
        channel_take_word(&sender->channel, &(Coverage){.upto = LABELS - 1}, sender->lost),
        CONTRADICTION_NONE);
    assert_int_equal(kind_of(sender, LABELS), ENTRY_GIVEN_UP);
    assert_int_equal(
        channel_take_word(&sender->channel, &(Coverage){.upto = LABELS + 1}, sender->lost),
        CONTRADICTION_RECEIVED); /* as far as there is a log */
    assert_int_equal(kind_of(sender, LABELS), ENTRY_TRANSFER);
}

static void a_loss_once_certain_stays(void **state)
{
    Sender *sender = *state;
    const Coverage skipped = {.upto = 1, .skip_count = 1, .skips = {1}};
    const Coverage received = {.upto = 1};
    assert_int_equal(channel_take_word(&sender->channel, &skipped, sender->lost),
                     CONTRADICTION_SKIPPED);
    assert_int_equal(kind_of(sender, 1), ENTRY_GIVEN_UP);
    assert_int_equal(channel_take_word(&sender->channel, &received, sender->lost),
                     CONTRADICTION_NONE);
    assert_int_equal(kind_of(sender, 1), ENTRY_GIVEN_UP);
    assert_int_equal(channel_take_word(&sender->channel, &skipped, sender->lost),
                     CONTRADICTION_NONE);
    assert_int_equal(sender->lost->len, 1); /* reported once */
}

static void what_was_given_up_may_have_been_received(void **state)
{
    Sender *sender = *state;
    const Coverage received = {.upto = LABELS};
    channel_entry(&sender->channel.state, 2)->kind = ENTRY_GIVEN_UP;
    assert_int_equal(channel_take_word(&sender->channel, &received, sender->lost),
                     CONTRADICTION_RECEIVED);
    assert_int_equal(kind_of(sender, 2), ENTRY_TRANSFER);
    assert_int_equal(channel_take_word(&sender->channel, &received, sender->lost),
                     CONTRADICTION_NONE);
}

static void a_release_begins_where_the_log_does(void **state)
{
    Sender *sender = *state;
    Channel *channel = &sender->channel;
    channel_release(channel, &(Coverage){.from = 1, .upto = 2});
    assert_int_equal(channel->state.base, 0);
    channel_release(channel, &(Coverage){.upto = LABELS + 1});
    assert_int_equal(channel->state.base, 0);
    channel_release(channel, &(Coverage){.upto = LABELS});
    assert_int_equal(channel->state.base, LABELS);
    assert_int_equal(channel_release(channel, &(Coverage){.upto = LABELS - 1}), 0); /* overtaken */
    assert_int_equal(channel->state.base, LABELS);
}

static void what_is_released_is_waited_for_no_longer(void **state)
{
    Channel *channel = &((Sender *)*state)->channel;
    send_all(channel, 0);
    channel_release(channel, &(Coverage){.upto = 2});
    assert_int_equal(channel->acked, 2);
    assert_int_equal(channel->resend_ns, RTO_INITIAL_NS); /* the third is under way */
    channel_release(channel, &(Coverage){.upto = LABELS});
    assert_int_equal(channel->acked, LABELS);
    assert_true(channel->resend_ns == TIME_NEVER);
    channel_append(channel, PAYLOAD, ENTRY_TRANSFER);
    channel_append(channel, PAYLOAD, ENTRY_TRANSFER);
    channel_release(channel, &(Coverage){.upto = LABELS + 1}); /* never sent by this life */
    assert_int_equal(channel->sent_upto, LABELS + 1);
    assert_int_equal(channel_next_due(channel, 0), LABELS + 2);
}

/* --- receiving --- */

static void what_is_accepted_tells_how_far_the_sender_knows(void **state)
{
    Channel *channel = &((Sender *)*state)->channel;
    assert_int_equal(channel_accept(channel, &(Header){.una = 7}, 0, 1, false), DROP_NONE);
    assert_int_equal(channel->peer_una, 7);
}

static void skips_are_forgotten_up_to_a_label_and_not_beyond(void **state)
{
    Channel *channel = &((Sender *)*state)->channel;
    for (uint64_t label = 1; label <= 3; label++)
        channel_accept(channel, &(Header){0}, 0, label, true);
    channel_forget_skips(channel, 0);
    assert_int_equal(channel->state.skips->len, 3);
    channel_forget_skips(channel, 2);
    assert_int_equal(channel->state.skips->len, 1);
    assert_int_equal(g_array_index(channel->state.skips, uint64_t, 0), 3);
    channel_forget_skips(channel, 9);
    assert_int_equal(channel->state.skips->len, 0);
}

/* --- rollback --- */

/* As it is in the midst of everything. */
static void make_busy(Channel *channel)
{
    channel->backoff = 4;
    channel->ack_due = true;
    channel->peer_una = 5;
    channel->told = 6;
    channel->peer_perm_base = 3;
    channel->stable_due = false;
    channel->closed = (Closed){.instance = {1, 1}, .new_inc = 1, .cut = 0, .rcut = LABELS};
}

static void a_restored_channel_owes_nothing_of_its_former_life(void **state)
{
    Channel *channel = &((Sender *)*state)->channel;
    ChannelState perm;
    channel_state_init(&perm);
    make_busy(channel);
    channel_restore(channel, &perm);
    assert_int_equal(channel->backoff, 0);
    assert_false(channel->ack_due);
    assert_int_equal(channel->peer_una, 0);
    channel_state_deinit(&perm);
}

static void a_channel_reopened_by_a_commit_begins_anew(void **state)
{
    Channel *channel = &((Sender *)*state)->channel;
    make_busy(channel);
    channel_reopen(channel, true, false);
    assert_int_equal(channel->backoff, 0);
    assert_int_equal(channel->peer_una, 0);
    assert_int_equal(channel->told, 3); /* as far as the peer's checkpoint knows */
    assert_true(channel->stable_due);
    make_busy(channel);
    channel->told = 2;
    channel_reopen(channel, true, false);
    assert_int_equal(channel->told, 2);
}

static void a_channel_reopened_by_an_abort_goes_on(void **state)
{
    Channel *channel = &((Sender *)*state)->channel;
    make_busy(channel);
    channel_reopen(channel, false, false);
    assert_int_equal(channel->backoff, 0);
    assert_int_equal(channel->peer_una, 5);
    assert_int_equal(channel->told, 6);
    assert_false(channel->stable_due);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_closed_channel_sends_nothing),
        CLAIM(a_closed_channel_gives_nothing_up),
        CLAIM(a_transfer_is_given_up_after_so_many_retransmissions),
        CLAIM(what_was_never_sent_is_not_given_up),
        CLAIM(each_timeout_doubles_the_pause_and_an_acknowledgement_ends_that),
        CLAIM(an_acknowledgement_that_begins_later_says_nothing),
        CLAIM(what_comes_after_a_rewind_is_acknowledged_too),
        CLAIM(a_round_trip_may_take_no_time_but_not_less),
        CLAIM(a_word_about_no_label_is_no_word),
        CLAIM(a_word_ends_where_it_ends),
        CLAIM(a_loss_once_certain_stays),
        CLAIM(what_was_given_up_may_have_been_received),
        CLAIM(a_release_begins_where_the_log_does),
        CLAIM(what_is_released_is_waited_for_no_longer),
        CLAIM(what_is_accepted_tells_how_far_the_sender_knows),
        CLAIM(skips_are_forgotten_up_to_a_label_and_not_beyond),
        CLAIM(a_restored_channel_owes_nothing_of_its_former_life),
        CLAIM(a_channel_reopened_by_a_commit_begins_anew),
        CLAIM(a_channel_reopened_by_an_abort_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
