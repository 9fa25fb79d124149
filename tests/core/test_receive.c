/* What one member makes of what another says; the other is the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/account.h"
#include "core/customer_state.h"
#include "core/instance.h"
#include "tests/core/cluster.h"

enum { A, B, C };

static int set_up(void **state)
{
    Cluster *cluster = cluster_new(3, cluster_money(100));
    cluster_advance(cluster, NS_PER_S);
    *state = cluster;
    return 0;
}

static int tear_down(void **state)
{
    cluster_free(*state);
    return 0;
}

static uint64_t all_dropped(const Customer *customer)
{
    uint64_t dropped = 0;
    for (int reason = 0; reason < DROP_REASONS; reason++)
        dropped += customer_dropped(customer, (DropReason)reason);
    return dropped;
}

/* ... that the trace of the last step tells of. */
static uint64_t drops_traced(const Cluster *cluster)
{
    uint64_t count = 0;
    for (size_t i = 0; i < effects_count(cluster->effects); i++) {
        const Effect *effect = effects_at(cluster->effects, i);
        count += effect->kind == EFFECT_TRACE && effect->trace.kind == TRACE_DROP;
    }
    return count;
}

/* B says this to A, who drops it for that reason, or for none. */
static void say(Cluster *cluster, Header header, const Message *message, DropReason reason)
{
    const Customer *customer = cluster->customers[A];
    const uint64_t before = customer_dropped(customer, reason);
    const uint64_t all_before = all_dropped(customer);
    WireWriter writer;
    wire_begin(&writer, &header);
    assert_true(wire_add(&writer, message));
    size_t length = wire_end(&writer);
    Flight flight = {.from = B, .to = A, .bytes = g_bytes_new(writer.bytes, length)};
    cluster_deliver_one(cluster, &flight);
    g_bytes_unref(flight.bytes);
    assert_int_equal(customer_dropped(customer, reason) - before, reason == DROP_NONE ? 0 : 1);
    assert_int_equal(all_dropped(customer) - all_before, reason == DROP_NONE ? 0 : 1);
    assert_int_equal(drops_traced(cluster), reason == DROP_NONE ? 0 : 1);
}

static const Header from_b = {.cohort = 1, .sender = B, .receiver = A};

static Message transfer(MessageKind kind, uint64_t label, uint64_t payload)
{
    Message message = {.kind = kind};
    message.transfer.label = label;
    message.transfer.payload = payload;
    return message;
}

/* --- transfers --- */

static void only_what_fits_the_balance_is_accepted_but_any_skip(void **state)
{
    Cluster *cluster = *state;
    Process *process = &cluster->customers[A]->process;
    Message message = transfer(MESSAGE_TRANSFER, 1, 6);
    account_open(&process->application, INT64_MAX - 5);
    say(cluster, from_b, &message, DROP_OVERFLOW);
    message = transfer(MESSAGE_TRANSFER, 1, 5);
    say(cluster, from_b, &message, DROP_NONE);
    assert_int_equal(cluster_balance(cluster, A), INT64_MAX);
    message = transfer(MESSAGE_SKIP, 2, 5);
    say(cluster, from_b, &message, DROP_NONE);
    assert_int_equal(process->peers[B].channel.state.in, 2);
}

static void who_is_frozen_or_rolls_back_accepts_nothing(void **state)
{
    Cluster *cluster = *state;
    Process *process = &cluster->customers[A]->process;
    const Message message = transfer(MESSAGE_TRANSFER, 1, 5);
    process->frozen = true;
    say(cluster, from_b, &message, DROP_FROZEN);
    process->frozen = false;
    process->engaged = ENGAGED_ROLLBACK;
    process->voted = true;
    say(cluster, from_b, &message, DROP_ROLLING);
    process->engaged = ENGAGED_NOT;
    process->recovering = true;
    say(cluster, from_b, &message, DROP_ROLLING);
    assert_int_equal(process->peers[B].channel.state.in, 0);
}

static void what_a_closed_channel_acknowledged_is_not_taken(void **state)
{
    Cluster *cluster = *state;
    Channel *channel = &cluster->customers[A]->process.peers[B].channel;
    Message message = {.kind = MESSAGE_ACK};
    channel_append(channel, 1, ENTRY_TRANSFER);
    message.ack.upto = 1;
    channel->closed.instance = (Instance){B, 5};
    say(cluster, from_b, &message, DROP_CLOSED);
    assert_int_equal(channel->acked, 0);
    channel->closed.instance.number = 0;
    say(cluster, from_b, &message, DROP_NONE);
    assert_int_equal(channel->acked, 1);
}

static void skips_are_forgotten_when_their_senders_checkpoint_has_released_them(void **state)
{
    Cluster *cluster = *state;
    const Channel *channel = &cluster->customers[A]->process.peers[B].channel;
    Message message = {.kind = MESSAGE_STABLE};
    for (uint64_t label = 1; label <= 3; label++) {
        const Message skip = transfer(MESSAGE_SKIP, label, 5);
        say(cluster, from_b, &skip, DROP_NONE);
    }
    message.stable.version = 1;
    message.stable.perm_sent = 3;
    message.stable.perm_base = 2;
    say(cluster, from_b, &message, DROP_NONE);
    assert_int_equal(channel->peer_perm_sent, 3);
    assert_int_equal(channel->peer_perm_base, 2);
    assert_int_equal(channel->state.skips->len, 1);
    assert_int_equal(g_array_index(channel->state.skips, uint64_t, 0), 3);
}

static void the_least_loss_is_released(void **state)
{
    Cluster *cluster = *state;
    cluster_do(cluster, A, "lost-transfer 0.01 b");
    cluster_do(cluster, A, "checkpoint");
    cluster_do(cluster, B, "checkpoint");
    assert_true(cluster_settle(cluster));
    assert_int_equal(account_lost_released(&cluster->customers[A]->process.application), 1);
}

/* --- what is permanent at the other --- */

static Message stable(uint64_t version)
{
    Message message = {.kind = MESSAGE_STABLE};
    message.stable.version = version;
    return message;
}

static void a_version_that_leaps_is_not_believed(void **state)
{
    Cluster *cluster = *state;
    Channel *channel = &cluster->customers[A]->process.peers[B].channel;
    Message message = stable(3);
    say(cluster, from_b, &message, DROP_NONE);
    message = stable(3 + LEAP_MAX + 1);
    say(cluster, from_b, &message, DROP_LEAP);
    assert_int_equal(channel->peer_version, 3);
    message = stable(3 + LEAP_MAX);
    say(cluster, from_b, &message, DROP_NONE);
    assert_true(channel->peer_version == 3 + LEAP_MAX);
}

static void an_older_version_takes_nothing_back(void **state)
{
    Cluster *cluster = *state;
    Channel *channel = &cluster->customers[A]->process.peers[B].channel;
    Message message = stable(3);
    message.stable.perm_sent = 7;
    say(cluster, from_b, &message, DROP_NONE);
    message = stable(2);
    say(cluster, from_b, &message, DROP_NONE);
    assert_int_equal(channel->peer_version, 3);
    assert_int_equal(channel->peer_perm_sent, 7);
    message = stable(3);
    message.stable.perm_sent = 8;
    say(cluster, from_b, &message, DROP_NONE);
    assert_int_equal(channel->peer_perm_sent, 8);
}

static void what_is_permanent_is_not_taken_after_the_vote_to_dissolve(void **state)
{
    Cluster *cluster = *state;
    Message message = stable(3);
    cluster->customers[A]->process.frozen = true;
    say(cluster, from_b, &message, DROP_FROZEN);
    assert_int_equal(cluster->customers[A]->process.peers[B].channel.peer_version, 0);
}

static Message stable_ack(uint64_t version, uint64_t upto)
{
    Message message = {.kind = MESSAGE_STABLE_ACK};
    message.stable_ack.version = version;
    message.stable_ack.upto = upto;
    return message;
}

static void what_is_told_of_a_checkpoint_is_told_until_all_of_it_is_released(void **state)
{
    Cluster *cluster = *state;
    Process *process = &cluster->customers[A]->process;
    Peer *peer = &process->peers[B];
    Message message = stable_ack(process->permanents, 0);
    say(cluster, from_b, &message, DROP_STALE); /* nothing is due */
    process->perm.channels[B].in = 9;
    peer->channel.stable_due = true;
    peer->control_ns = cluster->now_ns + NS_PER_S;
    message = stable_ack(process->permanents + 1, 9);
    say(cluster, from_b, &message, DROP_STALE); /* another checkpoint */
    message = stable_ack(process->permanents, 0);
    say(cluster, from_b, &message, DROP_NONE);
    assert_true(peer->channel.stable_due);
    assert_int_equal(peer->control_ns, cluster->now_ns + NS_PER_S); /* no further: the timer */
    peer->channel.closed.instance.number = 1;
    say(cluster, from_b, &message, DROP_CLOSED);
    peer->channel.closed.instance.number = 0;
    Header former = from_b;
    former.known = 1;
    say(cluster, former, &message, DROP_INCARNATION);
    message = stable_ack(process->permanents, 9);
    say(cluster, from_b, &message, DROP_NONE);
    assert_false(peer->channel.stable_due);
    assert_int_equal(peer->channel.told, 9);
}

/* --- decisions --- */

static Message decision(Instance instance, bool commit)
{
    Message message = {.kind = MESSAGE_DECISION};
    message.decision.instance = instance;
    message.decision.commit = commit;
    return message;
}

static void engage(Cluster *cluster, Instance instance, uint16_t parent)
{
    Customer *customer = cluster->customers[A];
    effects_clear(cluster->effects);
    customer->step = (Step){cluster->now_ns, cluster->effects};
    instance_engage(&customer->process, &customer->step, ENGAGED_ROLLBACK, instance, parent);
}

static void no_commit_comes_before_our_own_yes(void **state)
{
    Cluster *cluster = *state;
    Process *process = &cluster->customers[A]->process;
    const Instance instance = {B, 1};
    Message message = decision(instance, true);
    engage(cluster, instance, B);
    say(cluster, from_b, &message, DROP_STALE);
    process->voted = process->refused = true;
    say(cluster, from_b, &message, DROP_STALE);
    process->voted = process->refused = false;
    message = decision(instance, false);
    say(cluster, from_b, &message, DROP_NONE);
    assert_int_equal(process->engaged, ENGAGED_NOT);
}

static void nobody_decides_for_the_initiator(void **state)
{
    Cluster *cluster = *state;
    Process *process = &cluster->customers[A]->process;
    const Instance instance = {A, 1};
    engage(cluster, instance, A);
    for (int commit = 0; commit < 2; commit++) {
        Message message = decision(instance, commit == 1);
        say(cluster, from_b, &message, DROP_STALE);
        assert_int_equal(process->engaged, ENGAGED_ROLLBACK);
    }
}

/* Time passes, and nothing is heard from anybody. */
static void expect_engaged_after(Cluster *cluster, uint64_t since_ns, uint64_t ns, bool engaged)
{
    const Process *process = &cluster->customers[A]->process;
    customer_step(cluster->customers[A], &(Event){.kind = EVENT_TIMEOUT, .now_ns = since_ns + ns},
                  cluster->effects);
    assert_int_equal(process->engaged != ENGAGED_NOT, engaged);
}

static void an_instance_is_given_up_unless_we_said_yes(void **state)
{
    Cluster *cluster = *state;
    Process *process = &cluster->customers[A]->process;
    const uint64_t since_ns = cluster->now_ns;
    engage(cluster, (Instance){B, 1}, B);
    process->peers[C].ask = ASK_WAITING;
    expect_engaged_after(cluster, since_ns, 2 * INSTANCE_NS_MAX - 1, true);
    process->voted = true;
    expect_engaged_after(cluster, since_ns, 2 * INSTANCE_NS_MAX, true);
    process->voted = false;
    expect_engaged_after(cluster, since_ns, 2 * INSTANCE_NS_MAX, false);
}

/* --- who and where --- */

static void who_is_in_no_cohort_takes_nothing_from_members(void **state)
{
    (void)state;
    Cluster *cluster = cluster_new_alone(2, cluster_money(100), CASH_RESTORE);
    Message message = transfer(MESSAGE_TRANSFER, 1, 5);
    for (uint64_t cohort = 0; cohort < 2; cohort++)
        say(cluster, (Header){.cohort = cohort, .sender = B, .receiver = A}, &message, DROP_COHORT);
    cluster_free(cluster);
}

static void expect_dropped(Cluster *cluster, uint16_t sender, Port port, bool damaged,
                           DropReason reason)
{
    Customer *customer = cluster->customers[A];
    const uint64_t before = customer_dropped(customer, reason);
    const Message message = transfer(MESSAGE_TRANSFER, 1, 5);
    WireWriter writer;
    wire_begin(&writer, &(Header){.cohort = 1, .sender = sender, .receiver = A});
    assert_true(wire_add(&writer, &message));
    size_t length = wire_end(&writer);
    writer.bytes[length - 1] ^= damaged;
    customer_step(customer,
                  &(Event){.kind = EVENT_DATAGRAM,
                           .now_ns = cluster->now_ns,
                           .port = port,
                           .bytes = writer.bytes,
                           .length = length},
                  cluster->effects);
    assert_int_equal(customer_dropped(customer, reason), before + 1);
}

static void bank_and_members_each_have_a_port_of_their_own(void **state)
{
    Cluster *cluster = *state;
    expect_dropped(cluster, B, PORT_BANK, false, DROP_PORT);
    expect_dropped(cluster, SENDER_BANK, PORT_PEER, false, DROP_PORT);
    expect_dropped(cluster, B, PORT_BANK, true, DROP_CHECKSUM);
    expect_dropped(cluster, SENDER_BANK, PORT_PEER, true, DROP_CHECKSUM);
    assert_int_equal(cluster_balance(cluster, A), cluster_money(100));
}

static void what_comes_from_nobody_or_ourselves_or_for_others_is_dropped(void **state)
{
    Cluster *cluster = *state;
    Message message = transfer(MESSAGE_TRANSFER, 1, 5);
    Header header = from_b;
    header.cohort = 2;
    say(cluster, header, &message, DROP_COHORT);
    header = from_b;
    header.sender = A;
    say(cluster, header, &message, DROP_SENDER);
    header.sender = 3; /* one more than there are */
    say(cluster, header, &message, DROP_SENDER);
    header = from_b;
    header.receiver = C;
    say(cluster, header, &message, DROP_RECEIVER);
    message = (Message){.kind = MESSAGE_LEFT};
    say(cluster, from_b, &message, DROP_SENDER); /* what no member says */
    assert_int_equal(cluster_balance(cluster, A), cluster_money(100));
}

static void an_instance_of_nobody_or_one_that_leaps_is_dropped(void **state)
{
    Cluster *cluster = *state;
    Process *process = &cluster->customers[A]->process;
    Message message = {.kind = MESSAGE_QUERY, .instance = {3, 1}};
    say(cluster, from_b, &message, DROP_MALFORMED);
    process->peers[B].finished.number = 5;
    message.instance = (Instance){B, 5 + LEAP_MAX + 1};
    say(cluster, from_b, &message, DROP_LEAP);
    message.instance = (Instance){B, 5 + LEAP_MAX};
    say(cluster, from_b, &message, DROP_NONE);
}

static Message moved(uint64_t epoch, uint16_t port)
{
    Message message = {.kind = MESSAGE_MOVED};
    message.moved.epoch = epoch;
    message.moved.address = (Address){0x7f000003, port};
    return message;
}

static void what_is_dealt_with_is_not_dropped(void **state)
{
    Cluster *cluster = *state;
    Message message = {.kind = MESSAGE_CHECKPOINT_REQUEST};
    message.checkpoint_request.instance = (Instance){B, 1};
    say(cluster, from_b, &message, DROP_NONE); /* needs no checkpoint of ours */
    message = (Message){.kind = MESSAGE_REPORT_ACK};
    message.report.name = (Name){"a"};
    message.report.client = message.report.version = 1;
    cluster_from_bank(cluster, A, &message);
    assert_int_equal(drops_traced(cluster), 0);
}

static void who_has_moved_is_reached_where_it_said_last(void **state)
{
    Cluster *cluster = *state;
    const Member *member = &cluster->customers[A]->process.peers[B].member;
    Message message = moved(3, 8600);
    say(cluster, from_b, &message, DROP_NONE);
    message = moved(2, 8601);
    say(cluster, from_b, &message, DROP_STALE);
    message = moved(3 + LEAP_MAX + 1, 8602);
    say(cluster, from_b, &message, DROP_LEAP);
    assert_int_equal(member->ip, message.moved.address.ip);
    assert_int_equal(member->port2, 8600);
    assert_int_equal(member->epoch, 3);
}

static void our_own_move_is_told_until_it_is_known(void **state)
{
    Cluster *cluster = *state;
    Process *process = &cluster->customers[A]->process;
    Message message = {.kind = MESSAGE_MOVED_ACK};
    process->epoch = 3;
    process->peers[B].moved_due = true;
    message.moved_ack = 2;
    say(cluster, from_b, &message, DROP_NONE);
    assert_true(process->peers[B].moved_due);
    message.moved_ack = 3;
    say(cluster, from_b, &message, DROP_NONE);
    assert_false(process->peers[B].moved_due);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(only_what_fits_the_balance_is_accepted_but_any_skip),
        CLAIM(who_is_frozen_or_rolls_back_accepts_nothing),
        CLAIM(what_a_closed_channel_acknowledged_is_not_taken),
        CLAIM(skips_are_forgotten_when_their_senders_checkpoint_has_released_them),
        CLAIM(the_least_loss_is_released),
        CLAIM(a_version_that_leaps_is_not_believed),
        CLAIM(an_older_version_takes_nothing_back),
        CLAIM(what_is_permanent_is_not_taken_after_the_vote_to_dissolve),
        CLAIM(what_is_told_of_a_checkpoint_is_told_until_all_of_it_is_released),
        CLAIM(no_commit_comes_before_our_own_yes),
        CLAIM(nobody_decides_for_the_initiator),
        CLAIM(an_instance_is_given_up_unless_we_said_yes),
        cmocka_unit_test(who_is_in_no_cohort_takes_nothing_from_members),
        CLAIM(bank_and_members_each_have_a_port_of_their_own),
        CLAIM(what_comes_from_nobody_or_ourselves_or_for_others_is_dropped),
        CLAIM(an_instance_of_nobody_or_one_that_leaps_is_dropped),
        CLAIM(what_is_dealt_with_is_not_dropped),
        CLAIM(who_has_moved_is_reached_where_it_said_last),
        CLAIM(our_own_move_is_told_until_it_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
