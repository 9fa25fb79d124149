/* One peer: what is accepted, acknowledged, released, given up and sent again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/channel.h"

/* A sender and the receiver it talks to, and a list for the losses that become certain. */
typedef struct Pair {
    Channel sender;
    Channel receiver;
    GArray *lost;
} Pair;

static int set_up(void **state)
{
    Pair *pair = g_new0(Pair, 1);
    channel_init(&pair->sender);
    channel_init(&pair->receiver);
    pair->lost = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    Pair *pair = *state;
    channel_deinit(&pair->sender);
    channel_deinit(&pair->receiver);
    g_array_free(pair->lost, TRUE);
    g_free(pair);
    return 0;
}

static Header header_of(const Pair *pair)
{
    return (Header){.una = pair->sender.acked};
}

/* Sends what is due at now_ns; the receiver takes all of it, or none. Returns how many went. */
static int send_due(Pair *pair, uint64_t now_ns, bool arrives)
{
    int count = 0;
    uint64_t label;
    Header header = header_of(pair);
    while ((label = channel_next_due(&pair->sender, now_ns)) != 0) {
        bool skip = channel_entry(&pair->sender.state, label)->kind != ENTRY_TRANSFER;
        channel_sent(&pair->sender, label, now_ns, 0);
        if (arrives)
            channel_accept(&pair->receiver, &header, 0, label, skip);
        count++;
    }
    return count;
}

static void acknowledge(Pair *pair, uint64_t now_ns)
{
    Coverage coverage =
        channel_coverage(&pair->receiver, pair->receiver.peer_una, pair->receiver.state.in);
    channel_acknowledged(&pair->sender, &coverage, now_ns, pair->lost);
}

static void transfers_are_accepted_in_order_and_once(void **state)
{
    Pair *pair = *state;
    Header header = {0};
    Channel *receiver = &pair->receiver;
    assert_int_equal(channel_accept(receiver, &header, 0, 2, false), DROP_ORDER);
    assert_int_equal(channel_accept(receiver, &header, 0, 1, false), DROP_NONE);
    assert_int_equal(channel_accept(receiver, &header, 0, 1, false), DROP_DUPLICATE);
    assert_int_equal(channel_accept(receiver, &header, 0, 1, true), DROP_DUPLICATE);
    assert_int_equal(channel_accept(receiver, &header, 0, 2, false), DROP_NONE);
    assert_int_equal(receiver->state.last_received, 2);
}

static void both_incarnations_must_match(void **state)
{
    Pair *pair = *state;
    pair->receiver.known = 3;
    assert_int_equal(channel_accept(&pair->receiver, &(Header){.inc = 2, .known = 5}, 5, 1, false),
                     DROP_INCARNATION);
    assert_int_equal(channel_accept(&pair->receiver, &(Header){.inc = 3, .known = 4}, 5, 1, false),
                     DROP_INCARNATION);
    assert_int_equal(channel_accept(&pair->receiver, &(Header){.inc = 3, .known = 5}, 5, 1, false),
                     DROP_NONE);
}

static void a_closed_channel_accepts_nothing(void **state)
{
    Pair *pair = *state;
    pair->receiver.closed = (Closed){.instance = {1, 1}, .new_inc = 1};
    assert_int_equal(channel_accept(&pair->receiver, &(Header){0}, 0, 1, false), DROP_CLOSED);
}

static void an_acknowledgement_releases_nothing(void **state)
{
    Pair *pair = *state;
    channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    assert_int_equal(send_due(pair, 0, true), 1);
    acknowledge(pair, NS_PER_MS);
    assert_int_equal(pair->sender.acked, 1);
    assert_int_equal(pair->sender.state.base, 0);
    assert_int_equal(pair->sender.state.log->len, 1);
    assert_int_equal(channel_unsettled(&pair->sender), 0);
}

static void what_is_not_acknowledged_is_sent_again(void **state)
{
    Pair *pair = *state;
    channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    channel_append(&pair->sender, 20, ENTRY_TRANSFER);
    assert_int_equal(send_due(pair, 0, false), 2);
    assert_int_equal(send_due(pair, RTO_INITIAL_NS - 1, false), 0);
    channel_timeout(&pair->sender, RTO_INITIAL_NS, UINT32_MAX, false);
    assert_int_equal(send_due(pair, RTO_INITIAL_NS, true), 2);
    acknowledge(pair, RTO_INITIAL_NS);
    assert_int_equal(channel_unsettled(&pair->sender), 0);
    assert_true(pair->sender.resend_ns == TIME_NEVER);
}

static void the_timeout_doubles_and_follows_the_round_trip(void **state)
{
    Pair *pair = *state;
    uint64_t now_ns = 0;
    for (int i = 0; i < 20; i++) {
        channel_append(&pair->sender, 10, ENTRY_TRANSFER);
        send_due(pair, now_ns, true);
        now_ns += 40 * NS_PER_MS;
        acknowledge(pair, now_ns);
    }
    assert_in_range(pair->sender.srtt_ns, 39 * NS_PER_MS, 41 * NS_PER_MS);
    assert_in_range(pair->sender.rto_ns, 40 * NS_PER_MS, 60 * NS_PER_MS);
}

static void at_most_a_window_is_under_way(void **state)
{
    Pair *pair = *state;
    for (int i = 0; i < WINDOW_MAX + 10; i++)
        channel_append(&pair->sender, 1, ENTRY_TRANSFER);
    assert_int_equal(send_due(pair, 0, true), WINDOW_MAX);
    acknowledge(pair, 1);
    assert_int_equal(send_due(pair, 1, true), 10);
}

static void a_transfer_given_up_goes_on_as_a_skip_and_its_fate_is_the_receivers_word(void **state)
{
    Pair *pair = *state;
    channel_append(&pair->sender, 10, ENTRY_TRANSFER); /* arrives; its acknowledgement is lost */
    send_due(pair, 0, true);
    channel_append(&pair->sender, 20, ENTRY_TRANSFER); /* never arrives */
    send_due(pair, 0, false);
    channel_timeout(&pair->sender, RTO_INITIAL_NS, 0, false);
    assert_int_equal(channel_entry(&pair->sender.state, 1)->kind, ENTRY_GIVEN_UP);
    assert_int_equal(channel_entry(&pair->sender.state, 2)->kind, ENTRY_GIVEN_UP);
    assert_int_equal(pair->lost->len, 0); /* nothing is certain yet */
    send_due(pair, RTO_INITIAL_NS, true);
    acknowledge(pair, RTO_INITIAL_NS);
    assert_int_equal(channel_entry(&pair->sender.state, 1)->kind, ENTRY_TRANSFER);
    assert_int_equal(channel_entry(&pair->sender.state, 2)->kind, ENTRY_GIVEN_UP);
    assert_int_equal(pair->lost->len, 1);
    assert_int_equal(g_array_index(pair->lost, uint64_t, 0), 2);
}

static void nothing_is_given_up_while_rolling(void **state)
{
    Pair *pair = *state;
    channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    send_due(pair, 0, false);
    channel_timeout(&pair->sender, RTO_INITIAL_NS, 0, true);
    assert_int_equal(channel_entry(&pair->sender.state, 1)->kind, ENTRY_TRANSFER);
}

static void a_permanent_checkpoint_releases_and_counts_what_was_lost(void **state)
{
    Pair *pair = *state;
    channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    channel_append(&pair->sender, 20, ENTRY_NEVER_SENT);
    channel_append(&pair->sender, 30, ENTRY_TRANSFER);
    send_due(pair, 0, true);
    acknowledge(pair, 1);
    Coverage coverage = channel_coverage(&pair->receiver, 0, 2);
    assert_int_equal(channel_release(&pair->sender, &coverage), 20);
    assert_int_equal(pair->sender.state.base, 2);
    assert_int_equal(pair->sender.state.log->len, 1);
    assert_int_equal(channel_entry(&pair->sender.state, 3)->payload, 30);
    assert_int_equal(channel_release(&pair->sender, &coverage), 0); /* once */
}

static void what_is_lost_beyond_any_amount_is_counted_as_the_largest(void **state)
{
    Pair *pair = *state;
    channel_append(&pair->sender, INT64_MAX - 1, ENTRY_NEVER_SENT);
    channel_append(&pair->sender, 1, ENTRY_NEVER_SENT);
    channel_append(&pair->sender, 1, ENTRY_NEVER_SENT);
    assert_true(channel_release(&pair->sender, &(Coverage){.upto = 3}) == INT64_MAX);
}

static void a_coverage_with_too_many_skips_stops_before_the_first_it_cannot_name(void **state)
{
    Pair *pair = *state;
    for (uint64_t label = 1; label <= SKIPS_PER_COVERAGE_MAX + 5u; label++)
        channel_accept(&pair->receiver, &(Header){0}, 0, label, true);
    Coverage coverage = channel_coverage(&pair->receiver, 0, pair->receiver.state.in);
    assert_int_equal(coverage.skip_count, SKIPS_PER_COVERAGE_MAX);
    assert_int_equal(coverage.upto, SKIPS_PER_COVERAGE_MAX);
    coverage = channel_coverage(&pair->receiver, coverage.upto, pair->receiver.state.in);
    assert_int_equal(coverage.skip_count, 5);
}

static void rollback_returns_what_the_receiver_lacks(void **state)
{
    Pair *pair = *state;
    for (uint64_t i = 0; i < 3; i++)
        channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    send_due(pair, 0, true);
    acknowledge(pair, 1);
    /* The receiver rolls back to a checkpoint that holds the first alone. */
    pair->sender.closed = (Closed){.instance = {1, 1}, .new_inc = 1, .cut = 0, .rcut = 1};
    assert_int_equal(send_due(pair, 2, false), 0);
    channel_reopen(&pair->sender, true, false);
    assert_int_equal(pair->sender.acked, 1);
    assert_int_equal(pair->sender.known, 1);
    assert_int_equal(send_due(pair, 2, false), 2);
}

static void an_aborted_rollback_leaves_the_channel_as_it_was(void **state)
{
    Pair *pair = *state;
    channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    send_due(pair, 0, true);
    acknowledge(pair, 1);
    pair->sender.closed = (Closed){.instance = {1, 1}, .new_inc = 1, .cut = 0, .rcut = 0};
    channel_reopen(&pair->sender, false, false);
    assert_int_equal(pair->sender.acked, 1);
    assert_int_equal(pair->sender.known, 0);
}

static void trailing_skips_go_with_the_rollback_of_their_sender(void **state)
{
    Pair *pair = *state;
    channel_accept(&pair->receiver, &(Header){0}, 0, 1, false);
    channel_accept(&pair->receiver, &(Header){0}, 0, 2, true);
    channel_accept(&pair->receiver, &(Header){0}, 0, 3, true);
    pair->receiver.closed = (Closed){.instance = {1, 1}, .new_inc = 1, .cut = 2, .rcut = 0};
    channel_reopen(&pair->receiver, true, false);
    assert_int_equal(pair->receiver.state.in, 2);
    assert_int_equal(pair->receiver.state.skips->len, 1);
}

static void a_restored_channel_sends_its_log_again_from_its_base(void **state)
{
    Pair *pair = *state;
    ChannelState perm;
    channel_state_init(&perm);
    channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    channel_state_copy(&perm, &pair->sender.state);
    channel_append(&pair->sender, 20, ENTRY_TRANSFER);
    send_due(pair, 0, true);
    acknowledge(pair, 1);
    channel_restore(&pair->sender, &perm);
    assert_int_equal(pair->sender.state.out, 1);
    assert_int_equal(pair->sender.acked, 0);
    assert_int_equal(send_due(pair, 2, false), 1);
    channel_state_deinit(&perm);
}

/* A round trip of so long, by a transfer sent and acknowledged. */
static void round_trip(Pair *pair, uint64_t rtt_ns)
{
    channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    assert_int_equal(send_due(pair, 0, true), 1);
    acknowledge(pair, rtt_ns);
}

static void the_estimate_is_that_of_rfc_6298(void **state)
{
    Pair *pair = *state;
    Channel *sender = &pair->sender;
    round_trip(pair, 80 * NS_PER_MS);
    assert_int_equal(sender->srtt_ns, 80 * NS_PER_MS);
    assert_int_equal(sender->rttvar_ns, 40 * NS_PER_MS);
    assert_int_equal(sender->rto_ns, 240 * NS_PER_MS);
    round_trip(pair, 160 * NS_PER_MS); /* off by 80 */
    assert_int_equal(sender->srtt_ns, 90 * NS_PER_MS);
    assert_int_equal(sender->rttvar_ns, 50 * NS_PER_MS);
    assert_int_equal(sender->rto_ns, 290 * NS_PER_MS);
    round_trip(pair, 10 * NS_PER_MS); /* off by 80, the other way */
    assert_int_equal(sender->srtt_ns, 80 * NS_PER_MS);
    assert_int_equal(sender->rttvar_ns, 57500 * NS_PER_US);
    assert_int_equal(sender->rto_ns, 310 * NS_PER_MS);
}

static void the_timeout_stays_within_its_limits(void **state)
{
    Pair *pair = *state;
    round_trip(pair, 1);
    assert_int_equal(pair->sender.rto_ns, RTO_MIN_NS);
    round_trip(pair, 20 * NS_PER_S);
    assert_int_equal(pair->sender.rto_ns, RTO_MAX_NS);
}

static void a_pause_is_doubled_up_to_a_limit_and_lengthened_by_up_to_a_quarter(void **state)
{
    (void)state;
    const uint64_t most_ns = 5 * NS_PER_S;
    assert_int_equal(retry_delay_ns(NS_PER_S, 0, most_ns, 0), NS_PER_S);
    assert_int_equal(retry_delay_ns(NS_PER_S, 2, most_ns, 0), 4 * NS_PER_S);
    assert_int_equal(retry_delay_ns(NS_PER_S, 3, most_ns, 0), most_ns);
    assert_int_equal(retry_delay_ns(NS_PER_S, UINT32_MAX, most_ns, 0), most_ns);
    assert_int_equal(retry_delay_ns(2 * most_ns, 1, most_ns, 0), 2 * most_ns);
    assert_int_equal(retry_delay_ns(NS_PER_S, 0, most_ns, NS_PER_S / 4), NS_PER_S + NS_PER_S / 4);
    assert_int_equal(retry_delay_ns(NS_PER_S, 0, most_ns, NS_PER_S / 4 + 1), NS_PER_S);
    assert_in_range(retry_delay_ns(NS_PER_S, 0, most_ns, UINT64_MAX), NS_PER_S,
                    NS_PER_S + NS_PER_S / 4);
}

static void what_was_sent_twice_gives_no_round_trip(void **state)
{
    Pair *pair = *state;
    channel_append(&pair->sender, 10, ENTRY_TRANSFER);
    send_due(pair, 0, false);
    channel_timeout(&pair->sender, RTO_INITIAL_NS, UINT32_MAX, false);
    send_due(pair, RTO_INITIAL_NS, true);
    acknowledge(pair, RTO_INITIAL_NS + NS_PER_MS);
    assert_false(pair->sender.rtt_known);
}

/* --- states --- */

/* Three labels sent, one of them lost and one released; two received and two skipped. */
static void fill(ChannelState *state)
{
    const uint64_t skips[] = {2, 3};
    state->out = 3;
    state->in = 4;
    state->last_received = 4;
    state->base = 1;
    Entry entry = {.payload = 20, .kind = ENTRY_NEVER_SENT, .lost = true};
    g_array_append_val(state->log, entry);
    entry = (Entry){.payload = 30, .kind = ENTRY_TRANSFER, .sends = 4, .sent_ns = 5};
    g_array_append_val(state->log, entry);
    g_array_append_vals(state->skips, skips, G_N_ELEMENTS(skips));
}

static void how_often_something_was_sent_does_not_make_states_differ(void **state)
{
    Pair *pair = *state;
    fill(&pair->sender.state);
    channel_state_copy(&pair->receiver.state, &pair->sender.state);
    channel_entry(&pair->receiver.state, 3)->sends++;
    channel_entry(&pair->receiver.state, 3)->sent_ns++;
    assert_true(channel_state_equal(&pair->sender.state, &pair->receiver.state));
}

static void a_difference_in_any_entry_makes_states_differ(void **state)
{
    Pair *pair = *state;
    fill(&pair->sender.state);
    channel_state_copy(&pair->receiver.state, &pair->sender.state);
    channel_entry(&pair->receiver.state, 3)->payload++; /* the last of two */
    assert_false(channel_state_equal(&pair->sender.state, &pair->receiver.state));
}

/* Encodes the sender and decodes it as the receiver; false: that is no state. */
static bool decodes(Pair *pair)
{
    Coder out = coder_encode_growing();
    channel_code(&out, &pair->sender);
    assert_false(out.failed); /* whatever it is: who decodes it judges */
    Coder in = coder_decode(out.bytes, out.length);
    channel_code(&in, &pair->receiver);
    coder_deinit(&out);
    return coder_finished(&in);
}

static void a_decoded_channel_is_the_encoded_one(void **state)
{
    Pair *pair = *state;
    Channel *sender = &pair->sender;
    const Channel *receiver = &pair->receiver;
    fill(&sender->state);
    sender->acked = 2;
    sender->known = 7;
    sender->closed = (Closed){.instance = {1, 11}, .new_inc = 12, .cut = 13, .rcut = 14};
    sender->peer_version = 15;
    sender->peer_perm_sent = 16;
    sender->peer_perm_base = 17;
    sender->told = 18;
    sender->stable_due = true;
    sender->ack_due = true;
    sender->peer_una = 19;
    sender->rtt_known = true;
    sender->srtt_ns = 20;
    sender->rttvar_ns = 21;
    sender->rto_ns = 22;
    sender->backoff = 23;
    sender->sent_upto = 3;
    sender->resend_ns = 24;
    assert_true(decodes(pair));
    assert_true(channel_state_equal(&receiver->state, &sender->state));
    assert_int_equal(channel_entry(&receiver->state, 3)->sends, 4);
    assert_int_equal(channel_entry(&receiver->state, 3)->sent_ns, 5);
    assert_int_equal(receiver->acked, 2);
    assert_int_equal(receiver->known, 7);
    assert_int_equal(receiver->closed.instance.initiator, 1);
    assert_int_equal(receiver->closed.instance.number, 11);
    assert_int_equal(receiver->closed.new_inc, 12);
    assert_int_equal(receiver->closed.cut, 13);
    assert_int_equal(receiver->closed.rcut, 14);
    assert_int_equal(receiver->peer_version, 15);
    assert_int_equal(receiver->peer_perm_sent, 16);
    assert_int_equal(receiver->peer_perm_base, 17);
    assert_int_equal(receiver->told, 18);
    assert_true(receiver->stable_due);
    assert_true(receiver->ack_due);
    assert_int_equal(receiver->peer_una, 19);
    assert_true(receiver->rtt_known);
    assert_int_equal(receiver->srtt_ns, 20);
    assert_int_equal(receiver->rttvar_ns, 21);
    assert_int_equal(receiver->rto_ns, 22);
    assert_int_equal(receiver->backoff, 23);
    assert_int_equal(receiver->sent_upto, 3);
    assert_int_equal(receiver->resend_ns, 24);
}

/* Everything sent and received, nothing acknowledged; each test below sets what is to be wrong. */
static void begin(Pair *pair)
{
    Channel *sender = &pair->sender;
    channel_state_deinit(&sender->state);
    channel_state_init(&sender->state);
    fill(&sender->state);
    sender->acked = sender->state.base;
    sender->sent_upto = sender->state.out;
}

static void counts_that_cannot_be_are_not_decoded(void **state)
{
    Pair *pair = *state;
    ChannelState *sent = &pair->sender.state;
    begin(pair);
    assert_true(decodes(pair));
    sent->out++; /* more than base and log make */
    assert_false(decodes(pair));
    begin(pair);
    sent->last_received = sent->in + 1;
    assert_false(decodes(pair));
    begin(pair);
    g_array_index(sent->log, Entry, 0).payload = INT64_MAX;
    assert_true(decodes(pair));
    g_array_index(sent->log, Entry, 0).payload++; /* is no amount of money */
    assert_false(decodes(pair));
}

static void marks_of_the_channel_outside_its_log_are_not_decoded(void **state)
{
    Pair *pair = *state;
    Channel *sender = &pair->sender;
    begin(pair);
    sender->acked = sender->state.base - 1;
    assert_false(decodes(pair));
    begin(pair);
    sender->acked = sender->state.out;
    assert_true(decodes(pair));
    sender->acked = sender->sent_upto = sender->state.out + 1;
    assert_false(decodes(pair));
    begin(pair);
    sender->acked = sender->sent_upto = sender->state.base + 1;
    assert_true(decodes(pair));
    sender->sent_upto--;
    assert_false(decodes(pair));
    begin(pair);
    sender->sent_upto = sender->state.out + 1;
    assert_false(decodes(pair));
}

static void a_log_does_not_begin_beyond_its_end(void **state)
{
    Pair *pair = *state;
    ChannelState *sent = &pair->sender.state;
    fill(sent);
    sent->base = UINT64_MAX; /* two labels before the last, if numbers went round */
    sent->out = 1;
    Coder out = coder_encode_growing();
    channel_state_code(&out, sent);
    Coder in = coder_decode(out.bytes, out.length);
    channel_state_code(&in, &pair->receiver.state);
    assert_true(in.failed);
    coder_deinit(&out);
}

/* Lengths that are believed before there is anything behind them would be an attack on memory. */
static void a_length_beyond_the_end_is_not_believed(void **state)
{
    Pair *pair = *state;
    ChannelState *sent = &pair->sender.state;
    enum { OUT_AT = 7, ENTRIES_AT = 35, SKIPS_AT = 39, MANY = 50 }; /* their last bytes */
    Coder out = coder_encode_growing();
    channel_state_code(&out, sent);
    assert_int_equal(out.length, SKIPS_AT + 1);
    out.bytes[OUT_AT] = out.bytes[ENTRIES_AT] = MANY;
    Coder in = coder_decode(out.bytes, out.length);
    channel_state_code(&in, &pair->receiver.state);
    assert_true(in.failed);
    assert_int_equal(pair->receiver.state.log->len, 0);
    out.bytes[OUT_AT] = out.bytes[ENTRIES_AT] = 0;
    out.bytes[SKIPS_AT] = MANY;
    in = coder_decode(out.bytes, out.length);
    channel_state_code(&in, &pair->receiver.state);
    assert_true(in.failed);
    assert_int_equal(pair->receiver.state.skips->len, 0);
    coder_deinit(&out);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(transfers_are_accepted_in_order_and_once),
        CLAIM(both_incarnations_must_match),
        CLAIM(a_closed_channel_accepts_nothing),
        CLAIM(an_acknowledgement_releases_nothing),
        CLAIM(what_is_not_acknowledged_is_sent_again),
        CLAIM(the_timeout_doubles_and_follows_the_round_trip),
        CLAIM(at_most_a_window_is_under_way),
        CLAIM(a_transfer_given_up_goes_on_as_a_skip_and_its_fate_is_the_receivers_word),
        CLAIM(nothing_is_given_up_while_rolling),
        CLAIM(a_permanent_checkpoint_releases_and_counts_what_was_lost),
        CLAIM(what_is_lost_beyond_any_amount_is_counted_as_the_largest),
        CLAIM(a_coverage_with_too_many_skips_stops_before_the_first_it_cannot_name),
        CLAIM(rollback_returns_what_the_receiver_lacks),
        CLAIM(an_aborted_rollback_leaves_the_channel_as_it_was),
        CLAIM(trailing_skips_go_with_the_rollback_of_their_sender),
        CLAIM(a_restored_channel_sends_its_log_again_from_its_base),
        CLAIM(the_estimate_is_that_of_rfc_6298),
        CLAIM(the_timeout_stays_within_its_limits),
        CLAIM(a_pause_is_doubled_up_to_a_limit_and_lengthened_by_up_to_a_quarter),
        CLAIM(what_was_sent_twice_gives_no_round_trip),
        CLAIM(a_difference_in_any_entry_makes_states_differ),
        CLAIM(how_often_something_was_sent_does_not_make_states_differ),
        CLAIM(a_decoded_channel_is_the_encoded_one),
        CLAIM(counts_that_cannot_be_are_not_decoded),
        CLAIM(marks_of_the_channel_outside_its_log_are_not_decoded),
        CLAIM(a_log_does_not_begin_beyond_its_end),
        CLAIM(a_length_beyond_the_end_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
