#include "tests/core/town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/random.h"

#define LATENCY_NS (10 * NS_PER_MS)
#define PATIENCE_NS NS_PER_S /* of a user, before a command is given again */
#define BANK_PORT 8500
#define TOWN_IP UINT32_C(0x7f000001)

typedef struct Flight {
    uint64_t at_ns;
    int to; /* process */
    Port port;
    Address from;
    GBytes *bytes;
} Flight;

typedef struct Resident {
    Bank *bank;
    Customer *customer; /* neither: it is down */
    uint64_t deadline_ns;
    uint64_t up_ns; /* when it is started again; TIME_NEVER: it has exited */
    uint64_t steps;
    GPtrArray *journal; /* GBytes */
    Shelf *shelf;
    bool opened; /* its user knows that there is an account */
} Resident;

struct Town {
    int count; /* with the bank */
    bool rows;
    uint64_t now_ns;
    uint64_t starts;
    uint64_t run; /* of the bank */
    Resident residents[TOWN_CUSTOMERS_MAX + 1];
    GQueue flights;
    Effects *effects;
    TownCrash crash;
    bool crash_due;
    uint64_t random;
    unsigned loss_percent;
    /* The wish under way. */
    TownWish wish;
    bool asked; /* and not answered */
    uint64_t ask_ns;
    bool answered; /* with SUCCESS, once */
    Money exited;  /* what has been taken along */
    /* What must stay so. */
    GHashTable *id_runs; /* "KIND ID" -> the bank's run that proposed it, of the JOINs the asker */
    GHashTable *answers; /* "CLIENT NUMBER OFFSET" -> GBytes */
};

static Address address_of(int process, Port port)
{
    if (process == 0)
        return (Address){TOWN_IP, BANK_PORT};
    return (Address){TOWN_IP, (uint16_t)(8500 + 2 * process + (port == PORT_PEER))};
}

static Name name_of(int customer)
{
    Name name;
    g_autofree char *text = g_strdup_printf("c%d", customer);
    assert_true(name_set(&name, text));
    return name;
}

static void flight_free(void *data)
{
    Flight *flight = data;
    g_bytes_unref(flight->bytes);
    g_free(flight);
}

/* --- what comes out of a step --- */

static void watch(Town *town, const Effect *effect)
{
    WireReader reader;
    Header header;
    Message message;
    assert_int_equal(wire_open(&reader, effect->send.bytes, effect->send.length, &header),
                     DROP_NONE);
    while (wire_next(&reader, &message)) {
        if (message.kind == MESSAGE_PROPOSE) {
            char *key = g_strdup_printf("%d %" G_GUINT64_FORMAT, message.propose.proposal,
                                        message.propose.id);
            uint64_t *run = g_hash_table_lookup(town->id_runs, key);
            if (run)
                assert_int_equal(*run, town->run); /* an id is never used twice */
            g_hash_table_replace(town->id_runs, key, g_memdup2(&town->run, sizeof town->run));
        } else if (message.kind == MESSAGE_ANSWER) {
            char *key = g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %u",
                                        message.answer.client, message.answer.number,
                                        message.answer.offset);
            GBytes *before = g_hash_table_lookup(town->answers, key);
            GBytes *now = g_bytes_new(message.answer.bytes, message.answer.length);
            if (before)
                assert_true(g_bytes_equal(before, now)); /* a request is answered once */
            g_hash_table_replace(town->answers, key, now);
        }
    }
}

static int process_at(const Town *town, Address to, Port *port)
{
    for (int i = 0; i < town->count; i++) {
        for (*port = PORT_BANK; *port <= PORT_PEER; (*port)++) {
            if (address_equal(to, address_of(i, *port)))
                return i;
        }
    }
    return -1;
}

static void send(Town *town, int from, const Effect *effect)
{
    Port port;
    int to = process_at(town, effect->send.to, &port);
    if (from == 0)
        watch(town, effect);
    if (to < 0 || random_below(&town->random, 100) < town->loss_percent)
        return;
    Flight *flight = g_new0(Flight, 1);
    *flight = (Flight){.at_ns = town->now_ns + LATENCY_NS,
                       .to = to,
                       .port = port,
                       .from = address_of(from, effect->send.port),
                       .bytes = g_bytes_new(effect->send.bytes, effect->send.length)};
    g_queue_push_tail(&town->flights, flight);
}

static void notify(Town *town, int process, const Notice *notice)
{
    Resident *resident = &town->residents[process];
    if (notice->kind == NOTICE_FAILURE && notice->command == COMMAND_RESUME) {
        resident->up_ns = town->now_ns + PATIENCE_NS; /* its user tries once more */
    } else if (notice->kind == NOTICE_SUCCESS || notice->kind == NOTICE_FAILURE) {
        if (process == town->wish.customer)
            town->asked = false;
        town->answered |= notice->kind == NOTICE_SUCCESS;
        resident->opened |= notice->kind == NOTICE_SUCCESS && notice->command == COMMAND_OPEN;
    }
}

static void save(Resident *resident, const Effects *effects)
{
    for (size_t i = 0; i < effects_count(effects); i++) {
        const Effect *effect = effects_at(effects, i);
        if (effect->kind == EFFECT_SAVE && effect->save.slot == SLOT_JOURNAL)
            g_ptr_array_add(resident->journal,
                            g_bytes_new(effect->save.bytes, effect->save.length));
    }
    if (resident->customer)
        shelf_apply(resident->shelf, effects);
}

static void go_down(Town *town, int process, uint64_t up_ns)
{
    Resident *resident = &town->residents[process];
    bank_free(g_steal_pointer(&resident->bank));
    customer_free(g_steal_pointer(&resident->customer));
    resident->up_ns = up_ns;
    if (process == town->wish.customer)
        town->asked = false;
}

static void carry_out(Town *town, int process, bool crashes)
{
    Resident *resident = &town->residents[process];
    bool ended = false;
    resident->up_ns = 0;
    for (size_t i = 0; i < effects_count(town->effects); i++) {
        const Effect *effect = effects_at(town->effects, i);
        if (effect->kind == EFFECT_SEND && (!crashes || effect->send.needs == 0))
            send(town, process, effect);
        else if (effect->kind == EFFECT_NOTIFY && !crashes)
            notify(town, process, &effect->notice);
        else if (effect->kind == EFFECT_TRACE && effect->trace.kind == TRACE_EXITED &&
                 (!crashes || town->crash.saved))
            town->exited += effect->trace.balance;
        ended |= effect->kind == EFFECT_END;
    }
    resident->deadline_ns = effects_deadline(town->effects);
    if (crashes && !(ended && town->crash.saved))
        go_down(town, process, town->now_ns + town->crash.down_ns);
    else if (ended)
        go_down(town, process, TIME_NEVER);
    else if (resident->up_ns != 0)
        go_down(town, process, resident->up_ns);
}

static void step(Town *town, int process, Event event)
{
    Resident *resident = &town->residents[process];
    event.now_ns = town->now_ns;
    if (resident->bank)
        bank_step(resident->bank, &event, town->effects);
    else if (resident->customer)
        customer_step(resident->customer, &event, town->effects);
    else
        return;
    resident->steps++;
    bool crashes =
        town->crash_due && town->crash.process == process && town->crash.step == resident->steps;
    if (!crashes || town->crash.saved)
        save(resident, town->effects);
    if (crashes)
        town->crash_due = false;
    carry_out(town, process, crashes);
}

/* --- starting --- */

static void start_bank(Town *town)
{
    Resident *resident = &town->residents[0];
    resident->bank = bank_new(&(BankConfig){.seed = ++town->starts});
    town->run++;
    for (int i = 1; town->rows && i < town->count; i++) {
        const BankRow row = {.name = name_of(i),
                             .balance = 10000,
                             .ip = TOWN_IP,
                             .port1 = address_of(i, PORT_BANK).port,
                             .port2 = address_of(i, PORT_PEER).port};
        assert_int_equal(bank_load_row(resident->bank, &row), BANK_LOAD_OK);
    }
    for (guint i = 0; i < resident->journal->len; i++) {
        gsize length;
        const uint8_t *bytes = g_bytes_get_data(resident->journal->pdata[i], &length);
        assert_int_equal(bank_load_record(resident->bank, bytes, length), BANK_LOAD_OK);
    }
}

static void start_customer(Town *town, int process)
{
    Resident *resident = &town->residents[process];
    ShelfRecord account;
    bool named =
        town->rows || resident->opened || shelf_get(resident->shelf, SLOT_ACCOUNT, 0, &account);
    CustomerConfig config = {.client = 1000 + ++town->starts,
                             .seed = town->starts,
                             .bank = address_of(0, PORT_BANK),
                             .ip = TOWN_IP,
                             .port1 = address_of(process, PORT_BANK).port,
                             .port2 = address_of(process, PORT_PEER).port,
                             .retries = RETRIES_UNLIMITED};
    if (named)
        config.resume = name_of(process);
    resident->customer = customer_new(&config);
    assert_int_equal(customer_load(resident->customer, resident->shelf), LOAD_OK);
}

static void start(Town *town, int process)
{
    town->residents[process].up_ns = 0;
    if (process == 0)
        start_bank(town);
    else
        start_customer(town, process);
    step(town, process, (Event){.kind = EVENT_START});
}

Town *town_new(int customers, bool rows)
{
    Town *town = g_new0(Town, 1);
    town->count = customers + 1;
    town->rows = rows;
    town->now_ns = NS_PER_S;
    town->effects = effects_new();
    town->id_runs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    town->answers =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    g_queue_init(&town->flights);
    for (int i = 0; i < town->count; i++) {
        town->residents[i].journal = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        town->residents[i].shelf = shelf_new();
    }
    return town;
}

void town_free(Town *town)
{
    for (int i = 0; i < town->count; i++) {
        Resident *resident = &town->residents[i];
        bank_free(resident->bank);
        customer_free(resident->customer);
        g_ptr_array_unref(resident->journal);
        shelf_free(resident->shelf);
    }
    g_queue_clear_full(&town->flights, flight_free);
    g_hash_table_destroy(town->id_runs);
    g_hash_table_destroy(town->answers);
    effects_free(town->effects);
    g_free(town);
}

void town_crash(Town *town, TownCrash crash)
{
    town->crash = crash;
    town->crash_due = true;
}

void town_lose(Town *town, uint64_t seed, unsigned percent)
{
    town->random = seed;
    town->loss_percent = percent;
}

/* --- wishes --- */

static bool row_of(const Town *town, int customer, BankRow *row)
{
    Name name = name_of(customer);
    const Bank *bank = town->residents[0].bank;
    return bank && bank_find(bank, &name, row);
}

static bool is_free(const Town *town, int customer)
{
    BankRow row;
    const Customer *process = town->residents[customer].customer;
    return row_of(town, customer, &row) && row.cohort == 0 && process &&
           customer_cohort(process) == 0;
}

/* Whether what the wish asks for is so. */
static bool is_true(const Town *town)
{
    BankRow row;
    const TownWish *wish = &town->wish;
    const Customer *process = town->residents[wish->customer].customer;
    bool known = row_of(town, wish->customer, &row);
    if (g_str_has_prefix(wish->line, "open"))
        return known && process && customer_has_account(process);
    if (g_str_has_prefix(wish->line, "new-cohort"))
        return known && row.cohort != 0 && process && customer_cohort(process) == row.cohort;
    if (g_str_has_prefix(wish->line, "delete-cohort"))
        return is_free(town, wish->customer);
    if (g_str_has_prefix(wish->line, "exit"))
        return known && row.exited && town->residents[wish->customer].up_ns == TIME_NEVER;
    return town->answered;
}

static void ask(Town *town)
{
    Event event = {.kind = EVENT_COMMAND};
    CommandError error;
    assert_true(command_parse(town->wish.line, PLACE_CUSTOMER, &event.command, &error));
    town->asked = true;
    town->ask_ns = town->now_ns + PATIENCE_NS;
    step(town, town->wish.customer, event);
}

/* --- time --- */

static uint64_t next_ns(const Town *town, bool wishing)
{
    uint64_t next = TIME_NEVER;
    const Flight *flight = g_queue_peek_head((GQueue *)&town->flights);
    if (flight)
        next = flight->at_ns;
    for (int i = 0; i < town->count; i++) {
        const Resident *resident = &town->residents[i];
        next = MIN(next,
                   resident->bank || resident->customer ? resident->deadline_ns : resident->up_ns);
    }
    if (wishing && !town->asked && town->residents[town->wish.customer].customer)
        next = MIN(next, town->ask_ns);
    return MAX(next, town->now_ns);
}

static void deliver(Town *town)
{
    Flight *flight;
    while ((flight = g_queue_peek_head(&town->flights)) && flight->at_ns <= town->now_ns) {
        gsize length;
        const uint8_t *bytes = g_bytes_get_data(flight->bytes, &length);
        g_queue_pop_head(&town->flights);
        step(town, flight->to,
             (Event){.kind = EVENT_DATAGRAM,
                     .port = flight->port,
                     .from = flight->from,
                     .bytes = bytes,
                     .length = length});
        flight_free(flight);
    }
}

static void go_on(Town *town, bool wishing)
{
    town->now_ns = next_ns(town, wishing);
    for (int i = 0; i < town->count; i++) {
        const Resident *resident = &town->residents[i];
        bool up = resident->bank || resident->customer;
        if (!up && resident->up_ns <= town->now_ns)
            start(town, i);
        else if (up && resident->deadline_ns <= town->now_ns)
            step(town, i, (Event){.kind = EVENT_TIMEOUT});
    }
    deliver(town);
    if (wishing && !town->asked && town->residents[town->wish.customer].customer &&
        town->ask_ns <= town->now_ns && !is_true(town))
        ask(town);
}

static bool at_rest(const Town *town, char *why, size_t capacity)
{
    const Bank *bank = town->residents[0].bank;
    g_strlcpy(why, "the bank is down", capacity);
    if (!bank || !bank_idle(bank, why, capacity))
        return false;
    for (int i = 1; i < town->count; i++) {
        const Resident *resident = &town->residents[i];
        if (resident->up_ns == TIME_NEVER)
            continue;
        g_snprintf(why, capacity, "c%d is down", i);
        if (!resident->customer || !customer_idle(resident->customer, why, capacity))
            return false;
    }
    return true;
}

static void run_until_rest(Town *town, uint64_t end_ns)
{
    char why[200] = "";
    while (town->now_ns < end_ns && !at_rest(town, why, sizeof why))
        go_on(town, false);
    if (town->now_ns >= end_ns)
        fail_msg("no rest: %s", why);
}

void town_run(Town *town, const TownWish *wishes, size_t count, uint64_t limit_ns)
{
    uint64_t end_ns = town->now_ns + limit_ns;
    for (size_t i = 0; i < count; i++) {
        town->wish = wishes[i];
        town->asked = town->answered = false;
        town->ask_ns = town->now_ns;
        while (!is_true(town)) {
            if (town->now_ns >= end_ns)
                fail_msg("it never comes true: c%d %s", wishes[i].customer, wishes[i].line);
            go_on(town, true);
        }
    }
    run_until_rest(town, end_ns);
}

/* --- looking in --- */

uint64_t town_steps(const Town *town, int process)
{
    return town->residents[process].steps;
}

bool town_crashed(const Town *town)
{
    return !town->crash_due;
}

const Bank *town_bank(const Town *town)
{
    return town->residents[0].bank;
}

void town_expect_agreement(const Town *town)
{
    Money sum = town->exited;
    for (int i = 1; i < town->count; i++) {
        const Customer *customer = town->residents[i].customer;
        BankRow row;
        if (!row_of(town, i, &row)) {
            assert_true(customer && !customer_has_account(customer));
            sum += 10000; /* it may yet come */
            continue;
        }
        assert_int_equal(row.exited, !customer);
        if (!customer)
            continue;
        assert_int_equal(row.cohort, customer_cohort(customer));
        if (row.cohort == 0)
            assert_int_equal(row.balance, customer_balance(customer));
        sum += customer_balance(customer);
    }
    assert_int_equal(sum, 10000 * (town->count - 1));
}
