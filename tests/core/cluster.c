#include "tests/core/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/customer_state.h"
#include "core/process_storage.h"

enum { PORT_OF_BANK = 8600, PORT1_OF_FIRST = 8501 };

static void flight_free(void *data)
{
    Flight *flight = data;
    g_bytes_unref(flight->bytes);
    g_free(flight);
}

static const char *letter(int who)
{
    static const char *const letters[CLUSTER_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    return letters[who];
}

static Member member_of(int who)
{
    Member member = {.ip = 0x7f000001,
                     .port1 = (uint16_t)(PORT1_OF_FIRST + 2 * who),
                     .port2 = (uint16_t)(PORT1_OF_FIRST + 2 * who + 1)};
    assert_true(name_set(&member.name, letter(who)));
    return member;
}

static void keep_trace(Cluster *cluster, int who, const TraceEvent *event)
{
    char text[64];
    if (trace_is_datagram(event->kind))
        return;
    g_string_append_printf(cluster->trace, "%s %s", letter(who), trace_word(event->kind));
    if (event->initiator.text[0] != '\0')
        g_string_append_printf(cluster->trace, " %s.%d", event->initiator.text, (int)event->number);
    if (event->peer.text[0] != '\0')
        g_string_append_printf(cluster->trace, " %s label %d amount %s", event->peer.text,
                               (int)event->label, money_text(event->amount, text));
    g_string_append_printf(cluster->trace, " balance %s\n", money_text(event->balance, text));
}

static void keep_notice(Cluster *cluster, int who, const Notice *notice)
{
    char text[200];
    g_string_append_printf(cluster->told, "%s ", letter(who));
    if (notice->kind == NOTICE_FAILURE) {
        g_string_append_printf(cluster->told, "FAILURE %s %s\n", command_word(notice->command),
                               refusal_text(notice, text, sizeof text));
        return;
    }
    if (notice->kind == NOTICE_SUCCESS)
        g_string_append_printf(cluster->told, "SUCCESS %s", command_word(notice->command));
    else
        g_string_append_printf(cluster->told, "EVENT %d", (int)notice->kind);
    g_string_append_printf(cluster->told, " balance %s", money_text(notice->balance, text));
    for (size_t i = 0; i < notice->member_count; i++)
        g_string_append_printf(cluster->told, "%s%s", i == 0 ? " members " : ",",
                               notice->members[i].name.text);
    g_string_append_c(cluster->told, '\n');
}

static void keep_flight(Cluster *cluster, int who, const Effect *effect)
{
    int to = ((int)effect->send.to.port - PORT1_OF_FIRST) / 2;
    if (effect->send.port == PORT_BANK)
        return; /* the cluster knows what its customers would tell the bank */
    Flight *flight = g_new0(Flight, 1);
    flight->from = who;
    flight->to = to;
    flight->needs = effect->send.needs;
    flight->bytes = g_bytes_new(effect->send.bytes, effect->send.length);
    wire_kinds_text(effect->send.bytes, effect->send.length, flight->kinds);
    g_ptr_array_add(cluster->flights, flight);
}

static void step(Cluster *cluster, int who, Event *event)
{
    event->now_ns = cluster->now_ns;
    if (cluster->watch != NULL)
        cluster->watch(cluster, who, event, false);
    assert_int_equal(customer_step(cluster->customers[who], event, cluster->effects), 0);
    if (cluster->watch != NULL)
        cluster->watch(cluster, who, event, true);
    effects_count_marks(cluster->effects, cluster->marks);
    cluster->deadlines_ns[who] = effects_deadline(cluster->effects);
    shelf_apply(cluster->shelves[who], cluster->effects);
    for (size_t i = 0; i < effects_count(cluster->effects); i++) {
        const Effect *effect = effects_at(cluster->effects, i);
        if (effect->kind == EFFECT_TRACE)
            keep_trace(cluster, who, &effect->trace);
        else if (effect->kind == EFFECT_NOTIFY)
            keep_notice(cluster, who, &effect->notice);
        else if (effect->kind == EFFECT_SEND)
            keep_flight(cluster, who, effect);
    }
}

void cluster_from_bank(Cluster *cluster, int who, const Message *message)
{
    WireWriter writer;
    wire_begin(&writer, &(Header){.sender = SENDER_BANK});
    assert_true(wire_add(&writer, message));
    size_t length = wire_end(&writer);
    Event event = {
        .kind = EVENT_DATAGRAM, .port = PORT_BANK, .bytes = writer.bytes, .length = length};
    step(cluster, who, &event);
}

/* Proposes, and commits at once. */
static void propose(Cluster *cluster, int who, ProposalKind kind, uint64_t id, Money balance)
{
    Message message = {.kind = MESSAGE_PROPOSE};
    message.propose.proposal = kind;
    message.propose.id = id;
    message.propose.name = member_of(who).name;
    message.propose.balance = balance;
    if (kind == PROPOSAL_JOIN) {
        message.propose.total = (uint16_t)cluster->count;
        message.propose.count = (uint16_t)cluster->count;
        for (int i = 0; i < cluster->count; i++)
            message.propose.members[i] = member_of(i);
    }
    cluster_from_bank(cluster, who, &message);
    Message outcome = {.kind = MESSAGE_OUTCOME};
    outcome.outcome.proposal = kind;
    outcome.outcome.id = id;
    outcome.outcome.name = message.propose.name;
    outcome.outcome.commit = true;
    cluster_from_bank(cluster, who, &outcome);
}

/* The bank takes every balance reported. */
static void acknowledge_reports(Cluster *cluster)
{
    for (int i = 0; i < cluster->count; i++) {
        for (uint64_t version = 1; version < 64; version++) {
            Message message = {.kind = MESSAGE_REPORT_ACK};
            message.report.name = member_of(i).name;
            message.report.client = (uint64_t)i + 1;
            message.report.version = version;
            cluster_from_bank(cluster, i, &message);
        }
    }
}

/* The bank takes everybody back who resumes. */
static void acknowledge_resumes(Cluster *cluster)
{
    for (int i = 0; i < cluster->count; i++) {
        Notice answer = {.kind = NOTICE_SUCCESS, .command = COMMAND_RESUME};
        answer.name = member_of(i).name;
        Message message = {.kind = MESSAGE_ANSWER};
        Coder coder = coder_encode_fixed(message.answer.bytes, sizeof message.answer.bytes);
        answer_code(&coder, &answer, NULL, 0);
        message.answer.client = (uint64_t)i + 1;
        message.answer.total = message.answer.length = (uint16_t)coder.length;
        for (message.answer.number = 1; message.answer.number < 64; message.answer.number++)
            cluster_from_bank(cluster, i, &message);
    }
}

static CustomerConfig config_of(const Cluster *cluster, int who)
{
    return (CustomerConfig){.client = (uint64_t)who + 1,
                            .seed = (uint64_t)who + 1,
                            .bank = {0x7f000001, PORT_OF_BANK},
                            .ip = member_of(who).ip,
                            .port1 = member_of(who).port1,
                            .port2 = member_of(who).port2,
                            .retries = RETRIES_UNLIMITED,
                            .cash = cluster->cash};
}

Cluster *cluster_new(int count, Money balance)
{
    return cluster_new_cash(count, balance, CASH_RESTORE);
}

Cluster *cluster_new_cash(int count, Money balance, CashMode cash)
{
    Cluster *cluster = cluster_new_alone(count, balance, cash);
    cluster_join(cluster);
    g_string_truncate(cluster->trace, 0);
    g_string_truncate(cluster->told, 0);
    return cluster;
}

Cluster *cluster_new_alone(int count, Money balance, CashMode cash)
{
    Cluster *cluster = g_new0(Cluster, 1);
    cluster->count = count;
    cluster->cash = cash;
    cluster->effects = effects_new();
    cluster->flights = g_ptr_array_new_with_free_func(flight_free);
    cluster->trace = g_string_new(NULL);
    cluster->told = g_string_new(NULL);
    for (int i = 0; i < count; i++) {
        CustomerConfig config = config_of(cluster, i);
        cluster->shelves[i] = shelf_new();
        cluster->customers[i] = customer_new(&config);
        step(cluster, i, &(Event){.kind = EVENT_START});
        propose(cluster, i, PROPOSAL_OPEN, (uint64_t)i + 1, balance);
    }
    return cluster;
}

void cluster_join(Cluster *cluster)
{
    for (int i = 0; i < cluster->count; i++)
        propose(cluster, i, PROPOSAL_JOIN, 1, 0);
}

void cluster_free(Cluster *cluster)
{
    for (int i = 0; i < cluster->count; i++) {
        customer_free(cluster->customers[i]);
        shelf_free(cluster->shelves[i]);
    }
    effects_free(cluster->effects);
    g_ptr_array_free(cluster->flights, TRUE);
    g_string_free(cluster->trace, TRUE);
    g_string_free(cluster->told, TRUE);
    g_free(cluster);
}

static void age_channel(ChannelState *state, uint64_t count)
{
    state->out = state->in = state->last_received = state->base = count;
}

static void age(Customer *customer, uint64_t count)
{
    Process *process = &customer->process;
    process->inc = process->permanents = count;
    process->instances = process->instances_reserved = count;
    for (uint16_t i = 0; i < process->count; i++) {
        Channel *channel = &process->peers[i].channel;
        age_channel(&channel->state, count);
        age_channel(&process->perm.channels[i], count);
        channel->acked = channel->sent_upto = channel->told = channel->peer_una = count;
        channel->peer_perm_sent = channel->peer_perm_base = channel->known = count;
        process->peers[i].finished.number = count;
    }
    process_mark_unsaved(process);
}

void cluster_age(Cluster *cluster, uint64_t count)
{
    for (int i = 0; i < cluster->count; i++) {
        age(cluster->customers[i], count);
        step(cluster, i, &(Event){.kind = EVENT_TIMEOUT}); /* to have it on disk */
    }
}

void cluster_stop(Cluster *cluster, int who)
{
    step(cluster, who, &(Event){.kind = EVENT_STOP});
    cluster->deadlines_ns[who] = TIME_NEVER;
}

LoadResult cluster_start(Cluster *cluster, int who, const char *resume)
{
    CustomerConfig config = config_of(cluster, who);
    config.client = 99; /* what it was is in its state */
    assert_true(name_set(&config.resume, resume));
    customer_free(cluster->customers[who]);
    cluster->customers[who] = customer_new(&config);
    LoadResult result = customer_load(cluster->customers[who], cluster->shelves[who]);
    if (result == LOAD_OK)
        step(cluster, who, &(Event){.kind = EVENT_START});
    return result;
}

void cluster_crash(Cluster *cluster, int who)
{
    assert_int_equal(cluster_start(cluster, who, letter(who)), LOAD_OK);
}

static bool hold_kind(const Flight *flight, void *context)
{
    return strstr(flight->kinds, context) != NULL;
}

void cluster_hold(Cluster *cluster, const char *kind)
{
    cluster->hold = hold_kind;
    cluster->hold_context = (void *)kind;
}

void cluster_command(Cluster *cluster, int who, const char *line)
{
    Event event = {.kind = EVENT_COMMAND};
    CommandError error;
    assert_true(command_parse(line, PLACE_CUSTOMER, &event.command, &error));
    step(cluster, who, &event);
}

void cluster_deliver_one(Cluster *cluster, const Flight *flight)
{
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(flight->bytes, &length);
    Event event = {.kind = EVENT_DATAGRAM, .port = PORT_PEER, .bytes = bytes, .length = length};
    step(cluster, flight->to, &event);
}

void cluster_deliver(Cluster *cluster)
{
    guint i = 0;
    while (i < cluster->flights->len) {
        Flight *flight = g_ptr_array_index(cluster->flights, i);
        if (cluster->hold != NULL && cluster->hold(flight, cluster->hold_context)) {
            i++;
            continue;
        }
        g_ptr_array_steal_index(cluster->flights, i);
        cluster_deliver_one(cluster, flight);
        flight_free(flight);
        i = 0;
    }
}

void cluster_drop(Cluster *cluster)
{
    g_ptr_array_set_size(cluster->flights, 0);
}

void cluster_double(Cluster *cluster)
{
    guint waiting = cluster->flights->len;
    for (guint i = 0; i < waiting; i++)
        cluster_deliver_one(cluster, g_ptr_array_index(cluster->flights, i));
}

static void pass(Cluster *cluster, uint64_t ns, bool deliver)
{
    uint64_t until_ns = cluster->now_ns + ns;
    if (deliver)
        cluster_deliver(cluster);
    for (;;) {
        int next = -1;
        for (int i = 0; i < cluster->count; i++) {
            if (cluster->deadlines_ns[i] <= until_ns &&
                (next < 0 || cluster->deadlines_ns[i] < cluster->deadlines_ns[next]))
                next = i;
        }
        if (next < 0)
            break;
        if (cluster->deadlines_ns[next] > cluster->now_ns)
            cluster->now_ns = cluster->deadlines_ns[next];
        step(cluster, next, &(Event){.kind = EVENT_TIMEOUT});
        if (deliver)
            cluster_deliver(cluster);
    }
    cluster->now_ns = until_ns;
}

void cluster_advance(Cluster *cluster, uint64_t ns)
{
    pass(cluster, ns, true);
}

void cluster_pass(Cluster *cluster, uint64_t ns)
{
    pass(cluster, ns, false);
}

static bool all_idle(const Cluster *cluster)
{
    for (int i = 0; i < cluster->count; i++) {
        if (!customer_idle(cluster->customers[i], NULL, 0))
            return false;
    }
    return true;
}

bool cluster_settle(Cluster *cluster)
{
    for (int second = 0; second < 600; second++) {
        acknowledge_reports(cluster);
        acknowledge_resumes(cluster);
        cluster_deliver(cluster);
        if (all_idle(cluster))
            return true;
        cluster_advance(cluster, NS_PER_S);
    }
    return false;
}

Money cluster_balance(const Cluster *cluster, int who)
{
    return customer_balance(cluster->customers[who]);
}

static int occurrences(const char *text, const char *wanted)
{
    int count = 0;
    for (const char *at = strstr(text, wanted); at != NULL; at = strstr(at + 1, wanted))
        count++;
    return count;
}

int cluster_traced(const Cluster *cluster, const char *text)
{
    return occurrences(cluster->trace->str, text);
}

int cluster_told(const Cluster *cluster, const char *text)
{
    return occurrences(cluster->told->str, text);
}

void cluster_do(Cluster *cluster, int who, const char *line)
{
    cluster_command(cluster, who, line);
    cluster_deliver(cluster);
}

GBytes *cluster_encoded(const Customer *customer)
{
    Coder coder = coder_encode_growing();
    customer_encode(customer, &coder);
    GBytes *bytes = g_bytes_new(coder.bytes, coder.length);
    coder_deinit(&coder);
    return bytes;
}

bool cluster_told_bank(const Cluster *cluster, size_t at, Message *message)
{
    for (size_t i = 0; i < effects_count(cluster->effects); i++) {
        const Effect *effect = effects_at(cluster->effects, i);
        WireReader reader;
        Header header;
        if (effect->kind != EFFECT_SEND || effect->send.port != PORT_BANK)
            continue;
        assert_int_equal(wire_open(&reader, effect->send.bytes, effect->send.length, &header),
                         DROP_NONE);
        while (wire_next(&reader, message)) {
            if (at-- == 0)
                return true;
        }
    }
    return false;
}
