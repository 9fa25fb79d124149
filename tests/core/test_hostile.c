/* Sound datagrams of strangers who know much: every kind of message with fields in their range,
 * drawn at random near what the process holds, into the midst of transfers, a checkpoint and a
 * rollback. Nothing they say breaks an invariant, reads out of bounds or grows without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/bank_dissolve.h"
#include "core/customer_state.h"
#include "core/panic.h"
#include "tests/core/cluster.h"
#include "tests/core/office.h"
#include "tests/core/stranger.h"

enum {
    DATAGRAMS = 200000,
    DATAGRAMS_PER_ROUND = 200,
    CUSTOMERS = STRANGER_MEMBERS,
    EFFECTS_MAX = 4096,
    CUSTOMER_BYTES_MAX = 256 * 1024,
    BANK_BYTES_MAX = 4 * 1024 * 1024
};

_Noreturn void panic(const char *file, int line, const char *what, int64_t found, int64_t expected)
{
    fprintf(stderr, "%s:%d: %s: found %lld, expected %lld\n", file, line, what, (long long)found,
            (long long)expected);
    abort();
}

/* --- customers --- */

typedef struct Delivery {
    const Cluster *cluster;
    int budget; /* of what is under way, so many datagrams may yet be delivered */
} Delivery;

static bool hold_back(const Flight *flight, void *context)
{
    Delivery *delivery = context;
    if (flight->to < 0 || flight->to >= delivery->cluster->count ||
        delivery->cluster->customers[flight->to]->membership.ended || delivery->budget == 0)
        return true;
    delivery->budget--;
    return false;
}

static Truth truth_of(const Customer *customer, uint16_t sender)
{
    const Process *process = &customer->process;
    const Membership *membership = &customer->membership;
    Truth truth = {.cohort = MAX(process->cohort, 1),
                   .attempt = membership->dissolving.attempt,
                   .id = membership->proposal.pending ? membership->proposal.id : 2 + below(3),
                   .number = customer->request.number,
                   .client = customer->config.client,
                   .version = membership->dissolving.version,
                   .member = process->self,
                   .count = CUSTOMERS,
                   .process = process};
    for (int i = 0; i < CUSTOMERS; i++)
        truth.names[i].text[0] = (char)('a' + i);
    if (process->peers != NULL && sender < process->count)
        truth.channel = &process->peers[sender].channel;
    return truth;
}

static void attack_from_peer(Cluster *cluster, Delivery *delivery, int who)
{
    const Customer *customer = cluster->customers[who];
    uint16_t sender = (uint16_t)((uint64_t)who + 1 + below(CUSTOMERS - 1)) % CUSTOMERS;
    Truth truth = truth_of(customer, sender);
    Message message;
    WireWriter writer;
    Header header = {.cohort = near(truth.cohort),
                     .sender = one_in(20) ? SENDER_BANK : index_near(sender),
                     .receiver = index_near((uint64_t)who),
                     .inc = near(truth.channel != NULL ? truth.channel->known : 0),
                     .known = near(customer->process.inc),
                     .una = near(truth.channel != NULL ? truth.channel->state.in : 0)};
    wire_begin(&writer, &header);
    do {
        int kind = one_in(20) ? (int)(1 + below(MESSAGE_KINDS - 1))
                              : (int)(1 + below(MESSAGE_REQUEST - 1));
        draw_message(&truth, kind, &message);
    } while (wire_add(&writer, &message) && !one_in(2));
    Flight *flight = g_new0(Flight, 1);
    flight->from = sender;
    flight->to = who;
    flight->bytes = g_bytes_new(writer.bytes, wire_end(&writer));
    g_ptr_array_insert(cluster->flights, 0, flight);
    delivery->budget = 1;
    cluster_deliver(cluster);
}

static void attack_from_bank(Cluster *cluster, int who)
{
    static const MessageKind kinds[] = {MESSAGE_ANSWER,     MESSAGE_WORKING,   MESSAGE_CHALLENGE,
                                        MESSAGE_PROPOSE,    MESSAGE_OUTCOME,   MESSAGE_DISSOLVE,
                                        MESSAGE_STATUS_ACK, MESSAGE_REPORT_ACK};
    Truth truth = truth_of(cluster->customers[who], 0);
    Message message;
    int kind =
        one_in(20) ? (int)(1 + below(MESSAGE_KINDS - 1)) : (int)kinds[below(G_N_ELEMENTS(kinds))];
    draw_message(&truth, kind, &message);
    cluster_from_bank(cluster, who, &message);
}

static void go_on(Cluster *cluster, Delivery *delivery, int who)
{
    static const char *const lines[] = {
        "transfer 1 a", "transfer 2 b", "transfer 3 c", "lost-transfer 1 b", "checkpoint",
        "rollback",     "withdrawal 1", "deposit 2",    "new-cohort 3",      "exit"};
    if (one_in(8))
        cluster_command(cluster, who, lines[below(G_N_ELEMENTS(lines))]);
    delivery->budget = (int)below(4);
    cluster_deliver(cluster);
    delivery->budget = 20;
    if (one_in(10))
        cluster_advance(cluster, below(one_in(10) ? 40 * NS_PER_S : NS_PER_S));
    while (cluster->flights->len > 64)
        g_ptr_array_remove_index(cluster->flights, 0);
}

static void expect_bounded(const Customer *customer)
{
    Coder before = coder_encode_growing(), after = coder_encode_growing();
    Customer *copy = customer_new(&customer->config);
    customer_encode(customer, &before);
    assert_in_range(before.length, 1, CUSTOMER_BYTES_MAX);
    assert_true(customer_decode(copy, before.bytes, before.length));
    customer_encode(copy, &after);
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.bytes, after.bytes, before.length);
    customer_free(copy);
    coder_deinit(&before);
    coder_deinit(&after);
}

/* One has left its cohort and may be asked to join another, or to exit. */
static Cluster *free_cluster(Delivery *delivery)
{
    Cluster *cluster = cluster_new(CUSTOMERS, 10000);
    Message order = {.kind = MESSAGE_DISSOLVE};
    *delivery = (Delivery){cluster, 0};
    cluster->hold = hold_back;
    cluster->hold_context = delivery;
    order.dissolve.cohort = 1;
    order.dissolve.attempt = 1;
    cluster_from_bank(cluster, 0, &order);
    order.dissolve.order = DISSOLVE_PREPARE;
    cluster_from_bank(cluster, 0, &order);
    order.dissolve.order = DISSOLVE_DONE;
    cluster_from_bank(cluster, 0, &order);
    assert_int_equal(customer_cohort(cluster->customers[0]), 0);
    return cluster;
}

/* Transfers, a loss, a checkpoint and a rollback, none of them done. */
static Cluster *busy_cluster(Delivery *delivery)
{
    Cluster *cluster = cluster_new_cash(CUSTOMERS, 10000, one_in(2) ? CASH_COMMIT : CASH_RESTORE);
    *delivery = (Delivery){cluster, (int)below(30)};
    cluster->hold = hold_back;
    cluster->hold_context = delivery;
    cluster_command(cluster, 0, "transfer 5 b");
    cluster_command(cluster, 1, "transfer 5 c");
    cluster_command(cluster, 1, "lost-transfer 1 a");
    cluster_deliver(cluster);
    cluster_command(cluster, 2, "checkpoint");
    cluster_deliver(cluster);
    cluster_command(cluster, 0, "rollback");
    return cluster;
}

static void customers_survive_every_sound_datagram(void **state)
{
    (void)state;
    stranger_seed(1);
    for (int done = 0; done < DATAGRAMS;) {
        Delivery delivery;
        bool busy = !one_in(4);
        Cluster *cluster = busy ? busy_cluster(&delivery) : free_cluster(&delivery);
        int end = done + DATAGRAMS_PER_ROUND;
        for (bool ended = false; done < end && !ended; done++) {
            int who = (int)below(CUSTOMERS);
            if (one_in(busy ? 8 : 2))
                attack_from_bank(cluster, who);
            else
                attack_from_peer(cluster, &delivery, who);
            assert_in_range(effects_count(cluster->effects), 0, EFFECTS_MAX);
            ended = cluster->customers[who]->membership.ended;
            if (!ended && one_in(4))
                go_on(cluster, &delivery, who);
            if (one_in(50))
                expect_bounded(cluster->customers[who]);
            g_string_truncate(cluster->trace, 0);
            g_string_truncate(cluster->told, 0);
        }
        cluster_free(cluster);
    }
}

/* --- a cohort whose reports need more than one message --- */

enum { MANY = 50 };

static uint64_t tell(Customer *customer, Effects *effects, uint64_t now_ns, const Message *message)
{
    WireWriter writer;
    wire_begin(&writer, &(Header){.sender = SENDER_BANK});
    assert_true(wire_add(&writer, message));
    Event event = {.kind = EVENT_DATAGRAM, .port = PORT_BANK, .now_ns = now_ns};
    event.length = wire_end(&writer);
    event.bytes = writer.bytes;
    customer_step(customer, &event, effects);
    return effects_deadline(effects);
}

static void tell_outcome(Customer *customer, Effects *effects, ProposalKind kind)
{
    Message message = {.kind = MESSAGE_OUTCOME};
    message.outcome.proposal = kind;
    message.outcome.id = 1;
    message.outcome.name = (Name){"m0"};
    message.outcome.commit = true;
    tell(customer, effects, 1, &message);
}

static Customer *member_of_many(Effects *effects)
{
    Customer *customer = customer_new(&(CustomerConfig){.client = 1, .port1 = 8500, .port2 = 8501});
    Message message = {.kind = MESSAGE_PROPOSE};
    message.propose.proposal = PROPOSAL_OPEN;
    message.propose.id = 1;
    message.propose.name = (Name){"m0"};
    tell(customer, effects, 1, &message);
    tell_outcome(customer, effects, PROPOSAL_OPEN);
    message.propose.proposal = PROPOSAL_JOIN;
    message.propose.total = MANY;
    for (uint16_t i = 0; i < MANY; i++) {
        Member *member = &message.propose.members[0];
        *member = (Member){.name = {"m"}, .ip = OFFICE_IP, .port2 = 8501};
        number_text(i, member->name.text + 1);
        message.propose.first = i;
        message.propose.count = 1;
        tell(customer, effects, 1, &message);
    }
    tell_outcome(customer, effects, PROPOSAL_JOIN);
    assert_int_equal(customer_cohort(customer), 1);
    return customer;
}

/* The first part of a report is acknowledged, late, when the attempt was cancelled already. */
static void a_late_status_ack_makes_nothing_due(void **state)
{
    (void)state;
    Effects *effects = effects_new();
    Customer *customer = member_of_many(effects);
    Message report_ack = {.kind = MESSAGE_REPORT_ACK, .report = {.client = 1, .version = 1}};
    Message order = {.kind = MESSAGE_DISSOLVE};
    order.dissolve.cohort = 1;
    order.dissolve.attempt = 1;
    tell(customer, effects, 1, &report_ack);
    tell(customer, effects, 1, &order);
    order.dissolve.order = DISSOLVE_CANCEL;
    tell(customer, effects, 2, &order);
    Message ack = {.kind = MESSAGE_STATUS_ACK};
    ack.status_ack.cohort = 1;
    ack.status_ack.attempt = 1;
    ack.status_ack.version = 1;
    assert_true(tell(customer, effects, 20 * NS_PER_S, &ack) > 20 * NS_PER_S);
    assert_int_equal(customer_dropped(customer, DROP_STALE), 1);
    customer_free(customer);
    effects_free(effects);
}

/* --- the bank --- */

/* What the bank last said to anyone. */
typedef struct Overheard {
    uint64_t id;
    uint64_t attempt;
    uint64_t number;
} Overheard;

static void overhear(const Office *office, Overheard *overheard)
{
    for (guint i = 0; i < office->sent->len; i++) {
        const Message *message = &g_array_index(office->sent, OfficeSent, i).message;
        if (message->kind == MESSAGE_PROPOSE)
            overheard->id = message->propose.id;
        else if (message->kind == MESSAGE_DISSOLVE)
            overheard->attempt = message->dissolve.attempt;
    }
}

static Truth truth_of_office(const Overheard *overheard, int customer)
{
    bool about_itself = !one_in(3);
    Truth truth = {.cohort = one_in(4) ? 2 : 1,
                   .attempt = overheard->attempt,
                   .id = overheard->id,
                   .number = overheard->number,
                   .client = (uint64_t)(1000 + customer),
                   .version = overheard->number,
                   .member = (uint16_t)(customer - 1),
                   .count = 8};
    for (int i = 0; i < truth.count; i++)
        truth.names[i] = office_name(about_itself ? customer : i + 1);
    return truth;
}

static void attack_bank(Office *office, const Truth *truth, int customer)
{
    static const MessageKind kinds[] = {MESSAGE_REQUEST, MESSAGE_VOTE,   MESSAGE_OUTCOME_ACK,
                                        MESSAGE_STATUS,  MESSAGE_STATUS, MESSAGE_LEFT,
                                        MESSAGE_REPORT,  MESSAGE_BYE};
    Message message;
    WireWriter writer;
    Header header = {.sender = one_in(30) ? index_near(0) : SENDER_CLIENT,
                     .cohort = one_in(30) ? near(1) : 0,
                     .cookie = near(office_cookie(office, customer))};
    wire_begin(&writer, &header);
    do {
        int kind = one_in(30) ? (int)(1 + below(MESSAGE_KINDS - 1))
                              : (int)kinds[below(G_N_ELEMENTS(kinds))];
        draw_message(truth, kind, &message);
    } while (wire_add(&writer, &message) && !one_in(2));
    size_t length = wire_end(&writer);
    office_receive(office, office_address(customer), writer.bytes, length);
    assert_in_range(effects_count(office->effects), 0, EFFECTS_MAX);
}

static void expect_same_bank(const Office *office)
{
    Office *clone = office_clone(office);
    Coder before = coder_encode_growing(), after = coder_encode_growing();
    bank_encode(office->bank, &before);
    bank_encode(clone->bank, &after);
    assert_in_range(before.length, 1, BANK_BYTES_MAX);
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.bytes, after.bytes, before.length);
    coder_deinit(&before);
    coder_deinit(&after);
    office_free(clone);
}

static void a_bank_survives_every_sound_datagram(void **state)
{
    (void)state;
    stranger_seed(2);
    for (int done = 0; done < DATAGRAMS;) {
        Office *office = office_new(below(1000));
        Overheard overheard = {.number = 2};
        int end = done + DATAGRAMS_PER_ROUND;
        overheard.attempt = office_quiesce(office, office_cohort(office, CUSTOMERS), CUSTOMERS);
        bool dissolved = one_in(2);
        for (uint16_t i = 0; dissolved && i < CUSTOMERS; i++) {
            Message vote = office_status(1, i, CUSTOMERS, overheard.attempt, 1, STATUS_VOTED, 5);
            office_say(office, i + 1, &vote);
        }
        for (int i = CUSTOMERS + 1; i <= 6; i++) {
            Message open = office_request(i, 1, COMMAND_OPEN, i);
            office_say(office, i, &open);
        }
        for (; done < end; done++) {
            int customer = 1 + (int)below(one_in(2) ? CUSTOMERS : 8);
            Truth truth = truth_of_office(&overheard, customer);
            attack_bank(office, &truth, customer);
            overhear(office, &overheard);
            if (one_in(20))
                overheard.number++;
            if (one_in(20))
                office_wait(office, below(one_in(10) ? 12 * NS_PER_S : NS_PER_S));
            if (one_in(50))
                office_command(office, one_in(2) ? "new-cohort c4 3" : "delete-cohort c1");
            overhear(office, &overheard);
            if (one_in(100))
                expect_same_bank(office);
        }
        office_free(office);
    }
}

/* A dissolving is answered when its members have left; by then whoever asked may be forgotten, as
 * many strangers have asked since. */
static void a_forgotten_client_is_owed_no_answer(void **state)
{
    (void)state;
    Office *office = office_new(1);
    uint64_t cohort = office_cohort(office, 2);
    Message ask = office_request(9, 1, COMMAND_DELETE_COHORT, 1);
    office_say(office, 9, &ask);
    uint64_t attempt = office_last(office, MESSAGE_DISSOLVE, 1)->message.dissolve.attempt;
    for (StatusState said = STATUS_QUIESCED; said <= STATUS_VOTED; said++) {
        for (uint16_t i = 0; i < 2; i++) {
            Message status = office_status(cohort, i, 2, attempt, 1, said, 10000);
            office_say(office, i + 1, &status);
        }
    }
    for (int stranger = 100; stranger < 1200; stranger++) {
        Message request = office_request(stranger, 1, COMMAND_EXIT, 50);
        office_say(office, 10, &request);
    }
    office_wait(office, DISSOLVE_GRACE_NS);
    assert_int_equal(office_count(office, MESSAGE_ANSWER, 9), 0);
    office_free(office);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(customers_survive_every_sound_datagram),
        cmocka_unit_test(a_late_status_ack_makes_nothing_due),
        cmocka_unit_test(a_bank_survives_every_sound_datagram),
        cmocka_unit_test(a_forgotten_client_is_owed_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
