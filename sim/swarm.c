#include "sim/swarm.h"

#include <inttypes.h>

#include "core/panic.h"
#include "core/types.h"
#include "sim/random.h"
#include "sim/world.h"

enum { CUSTOMERS_MOST = 8, COHORT_MOST = 5, SCRIPT_MOST = 30, MILLI = 1000 };

/* How the seed's run is laid out in time. */
typedef enum Pace {
    PACE_HASTY,  /* a few seconds in which much happens at once */
    PACE_STEADY, /* some more, in which things take their course */
    PACE_SLOW    /* minutes: whoever is away is so for longer than anybody waits for him */
} Pace;

typedef struct Draw {
    uint64_t random;
    GString *text;
    unsigned customers;
    unsigned duration_ms;
    Pace pace;
    bool faults; /* something other than the network may go wrong */
    bool commit; /* cash=commit */
} Draw;

static unsigned below(Draw *draw, unsigned bound)
{
    return (unsigned)random_below(&draw->random, bound);
}

static unsigned between(Draw *draw, unsigned first, unsigned last)
{
    return first + below(draw, last - first + 1);
}

static bool one_in(Draw *draw, unsigned count)
{
    return below(draw, count) == 0;
}

#define ANY_OF(draw, list) ((list)[below((draw), G_N_ELEMENTS(list))])

/* One of these values. */
#define DRAW_VALUE(draw, key, ...)                                                                 \
    do {                                                                                           \
        static const char *const values[] = {__VA_ARGS__};                                         \
        g_string_append_printf((draw)->text, "%s=%s\n", (key), ANY_OF(draw, values));              \
    } while (0)

/* A rate at which about so many come in the whole run, at all of `processes` together. */
static void draw_rate(Draw *draw, const char *key, unsigned count, unsigned processes)
{
    uint64_t millihertz =
        (uint64_t)count * MILLI * MILLI / ((uint64_t)processes * draw->duration_ms);
    g_string_append_printf(draw->text, "%s=%" PRIu64 ".%03" PRIu64 "/s\n", key, millihertz / MILLI,
                           millihertz % MILLI);
}

/* --- the world --- */

static void draw_time(Draw *draw)
{
    unsigned kind = below(draw, 16);
    draw->pace = kind < 10 ? PACE_HASTY : kind < 15 ? PACE_STEADY : PACE_SLOW;
    draw->duration_ms = draw->pace == PACE_HASTY    ? between(draw, 300, 4000)
                        : draw->pace == PACE_STEADY ? between(draw, 4000, 12000)
                                                    : between(draw, 40000, 150000);
}

static void draw_customers(Draw *draw)
{
    static const unsigned sizes[] = {2, 2, 2, 3, 3, 3, 4, 4, 5, 6};
    draw->customers = one_in(draw, 8) ? between(draw, 2, CUSTOMERS_MOST) : ANY_OF(draw, sizes);
}

static void draw_bank(Draw *draw)
{
    draw->commit = one_in(draw, 4);
    g_string_append_printf(draw->text, "[bank]\ncustomers=%u\ncash=%s\n", draw->customers,
                           draw->commit ? "commit" : "restore");
    DRAW_VALUE(draw, "balance", "0", "10", "200.50", "1000", "1000");
    /* Size 1 leaves everybody outside until the script says so. */
    if (one_in(draw, 2))
        g_string_append(draw->text, "cohort_size=all\n");
    else
        g_string_append_printf(draw->text, "cohort_size=%u\n",
                               between(draw, 1, MIN(draw->customers, COHORT_MOST)));
}

static void draw_delay(Draw *draw)
{
    switch (below(draw, 5)) {
    case 0:
        DRAW_VALUE(draw, "delay", "constant 0ms", "constant 1ms", "constant 20ms");
        break;
    case 1:
    case 2:
        DRAW_VALUE(draw, "delay", "uniform 1ms 5ms", "uniform 1ms 40ms", "uniform 1ms 200ms",
                   "uniform 0ms 1s", "uniform 0ms 3s");
        break;
    case 3:
        g_string_append_printf(draw->text, "delay=exponential %ums\n", between(draw, 1, 300));
        break;
    default: { /* drawn one after the other: C does not say in which order arguments are */
        unsigned tenths = below(draw, 10);
        unsigned sigma = below(draw, 3);
        g_string_append_printf(draw->text, "delay=lognormal %ums %u.%u\n", between(draw, 1, 100),
                               sigma, tenths);
        break;
    }
    }
}

static void draw_network(Draw *draw)
{
    g_string_append(draw->text, "[network]\n");
    if (!one_in(draw, 3))
        DRAW_VALUE(draw, "loss", "1%", "5%", "10%", "20%", "30%", "50%");
    if (!one_in(draw, 3))
        DRAW_VALUE(draw, "duplicate", "1%", "5%", "20%", "50%");
    draw_delay(draw);
    DRAW_VALUE(draw, "retries", "unlimited", "unlimited", "0", "1", "3");
}

static void draw_workload(Draw *draw)
{
    static const unsigned transfers[] = {0, 5, 15, 40, 100};
    static const unsigned losses[] = {0, 0, 3, 10, 30};
    static const unsigned cash[] = {0, 0, 2, 10};
    static const unsigned checkpoints[] = {0, 2, 6, 12};
    static const unsigned rollbacks[] = {0, 1, 3, 8};
    g_string_append(draw->text, "[workload]\n");
    DRAW_VALUE(draw, "amount", "uniform 1 100", "uniform 0.01 9.99", "constant 25");
    draw_rate(draw, "transfer_rate", ANY_OF(draw, transfers), draw->customers);
    draw_rate(draw, "lost_transfer_rate", ANY_OF(draw, losses), draw->customers);
    draw_rate(draw, "deposit_rate", ANY_OF(draw, cash), draw->customers);
    draw_rate(draw, "withdrawal_rate", ANY_OF(draw, cash), draw->customers);
    draw_rate(draw, "checkpoint_rate", ANY_OF(draw, checkpoints), draw->customers);
    draw_rate(draw, "rollback_rate", ANY_OF(draw, rollbacks), draw->customers);
}

/* --- faults --- */

static void draw_crashes(Draw *draw)
{
    static const unsigned counts[] = {1, 2, 5, 15};
    if (one_in(draw, 2))
        draw_rate(draw, "crash_rate", ANY_OF(draw, counts), draw->customers);
    if (one_in(draw, 3))
        draw_rate(draw, "bank_crash_rate", ANY_OF(draw, counts), 1);
    if (one_in(draw, 3))
        DRAW_VALUE(draw, "crash_at_save", "1%", "5%", "20%");
    /* Who dies of every other thing it saves, and is back at once, does nothing else. */
    if (draw->pace == PACE_SLOW)
        DRAW_VALUE(draw, "restart_after", "constant 1h", "exponential 20s", "uniform 10s 60s",
                   "exponential 2s");
    else
        DRAW_VALUE(draw, "restart_after", "constant 20ms", "uniform 0s 500ms", "exponential 1s",
                   "lognormal 100ms 2", "constant 1h");
}

static void draw_absences(Draw *draw)
{
    static const unsigned counts[] = {1, 3, 10};
    bool slow = draw->pace == PACE_SLOW;
    if (one_in(draw, 3)) {
        draw_rate(draw, "partition_rate", ANY_OF(draw, counts), 1);
        DRAW_VALUE(draw, "partition_kind", "one", "halves", "oneway", "any");
        if (slow)
            DRAW_VALUE(draw, "partition_duration", "uniform 10s 90s", "exponential 30s");
        else
            DRAW_VALUE(draw, "partition_duration", "uniform 10ms 1s", "exponential 1s");
    }
    if (one_in(draw, 3)) {
        draw_rate(draw, "pause_rate", ANY_OF(draw, counts), draw->customers + 1);
        if (slow)
            DRAW_VALUE(draw, "pause_duration", "uniform 10s 90s", "exponential 30s");
        else
            DRAW_VALUE(draw, "pause_duration", "uniform 10ms 1s", "exponential 1s");
    }
    if (one_in(draw, 4))
        DRAW_VALUE(draw, "clock_drift", "0.1%", "10%", "50%");
    if (one_in(draw, 4)) {
        draw_rate(draw, "clock_jump_rate", ANY_OF(draw, counts), draw->customers + 1);
        DRAW_VALUE(draw, "clock_jump", "uniform 1ms 1s", "exponential 5s", "exponential 1m",
                   "constant 1h");
    }
}

static void draw_disk(Draw *draw)
{
    g_string_append(draw->text, "[disk]\n");
    if (one_in(draw, 3))
        DRAW_VALUE(draw, "write_delay", "constant 10us", "exponential 1ms", "uniform 0s 50ms");
    if (one_in(draw, 2))
        DRAW_VALUE(draw, "fsync_delay", "constant 1ms", "exponential 10ms", "uniform 0s 200ms",
                   "lognormal 5ms 1.5");
    if (one_in(draw, 3))
        DRAW_VALUE(draw, "torn_write", "50%", "100%");
    if (one_in(draw, 3))
        DRAW_VALUE(draw, "lost_unsynced", "50%", "100%");
    if (one_in(draw, 8))
        DRAW_VALUE(draw, "full_rate", "0.1%", "1%", "5%");
    if (one_in(draw, 8))
        DRAW_VALUE(draw, "error_rate", "0.1%", "1%", "5%");
    if (one_in(draw, 4))
        DRAW_VALUE(draw, "bit_flip_rate", "10%", "100%");
}

/* --- the script --- */

/* What a burst of entries is about. */
typedef enum Scene {
    SCENE_COHORT,  /* what members do among themselves */
    SCENE_REGRET,  /* ... who send, roll back and send again */
    SCENE_PARTING, /* ... and somebody wants to dissolve the cohort */
    SCENE_RESHAPE, /* cohorts are dissolved, and others formed at once */
    SCENE_ANY
} Scene;

static void append_customer(Draw *draw)
{
    g_string_append_printf(draw->text, "c%u", between(draw, 1, draw->customers));
}

static void append_amount(Draw *draw)
{
    unsigned cents = between(draw, 1, 99);
    g_string_append_printf(draw->text, "%u.%02u", below(draw, 120), cents);
}

/* Who moves money within a cohort, or across it, or tries to. */
static void append_money_command(Draw *draw)
{
    static const char *const words[] = {"deposit",  "withdrawal",    "transfer",
                                        "transfer", "lost-transfer", "lost-transfer"};
    unsigned word = below(draw, G_N_ELEMENTS(words));
    append_customer(draw);
    g_string_append_printf(draw->text, " %s ", words[word]);
    append_amount(draw);
    if (word >= 2) {
        g_string_append_c(draw->text, ' ');
        append_customer(draw);
    }
}

static void append_instance_command(Draw *draw)
{
    static const char *const words[] = {"checkpoint", "rollback", "rollback", "balance"};
    append_customer(draw);
    g_string_append_printf(draw->text, " %s", ANY_OF(draw, words));
}

/* Asked of the bank at its console, or by a customer for itself or for another. */
static void append_bank_command(Draw *draw, const char *word)
{
    unsigned form = below(draw, 3);
    if (form == 0)
        g_string_append(draw->text, "bank");
    else
        append_customer(draw);
    g_string_append_printf(draw->text, " %s", word);
    if (form < 2) {
        g_string_append_c(draw->text, ' ');
        append_customer(draw);
    }
}

static void append_open(Draw *draw)
{
    unsigned customer = between(draw, 1, draw->customers);
    char ip[ADDRESS_TEXT_MAX];
    if (below(draw, 4) > 0) {
        g_string_append_printf(draw->text, "c%u open ", customer);
        if (one_in(draw, 3)) {
            append_customer(draw);
            g_string_append_c(draw->text, ' ');
        }
        append_amount(draw);
        return;
    }
    g_string_append_printf(draw->text, "bank open c%u ", customer);
    append_amount(draw);
    g_string_append_printf(draw->text, " %s %u %u", ip_text(WORLD_CUSTOMER_IP + customer - 1, ip),
                           (unsigned)WORLD_PORT1, (unsigned)WORLD_PORT2);
}

static void append_membership_command(Draw *draw)
{
    unsigned kind = below(draw, 10);
    if (kind < 2) {
        append_bank_command(draw, "exit");
    } else if (kind < 4) {
        append_open(draw);
    } else if (kind < 7) {
        append_bank_command(draw, "new-cohort");
        g_string_append_printf(draw->text, " %u", between(draw, 1, draw->customers));
    } else {
        append_bank_command(draw, "delete-cohort");
    }
}

static void append_crash(Draw *draw)
{
    if (one_in(draw, 4))
        g_string_append(draw->text, "bank");
    else
        append_customer(draw);
    g_string_append(draw->text, one_in(draw, 4) ? " restart" : " crash");
}

static void append_regret(Draw *draw)
{
    unsigned from = between(draw, 1, draw->customers);
    unsigned to = between(draw, 1, draw->customers);
    g_string_append_printf(draw->text, "c%u transfer 1 c%u; c%u rollback; c%u transfer 2 c%u", from,
                           to, from, from, to);
}

static void append_reshaping(Draw *draw)
{
    unsigned first = between(draw, 1, draw->customers);
    unsigned second = first % draw->customers + 1;
    if (one_in(draw, 4)) {
        g_string_append_printf(draw->text, "c%u delete-cohort; c%u exit; c%u open 70", first, first,
                               second);
        return;
    }
    g_string_append_printf(draw->text,
                           "c%u delete-cohort; bank new-cohort c%u 2; c%u new-cohort %u", first,
                           first, second, between(draw, 2, MIN(draw->customers, 3)));
}

static void append_entry(Draw *draw, Scene scene)
{
    bool members_only = scene == SCENE_COHORT || scene == SCENE_REGRET;
    unsigned kind = below(draw, members_only ? 4 : 7);
    if (draw->faults && one_in(draw, scene == SCENE_PARTING ? 3 : 6))
        append_crash(draw);
    else if (scene == SCENE_RESHAPE)
        append_reshaping(draw);
    else if (scene == SCENE_REGRET && one_in(draw, 2))
        append_regret(draw);
    else if (kind < 2)
        append_money_command(draw);
    else if (kind < 4)
        append_instance_command(draw);
    else if (scene == SCENE_PARTING)
        append_bank_command(draw, "delete-cohort");
    else
        append_membership_command(draw);
}

/* Entries come in bursts: what is to meet must be near. */
static void draw_script(Draw *draw)
{
    static const Scene scenes[] = {SCENE_COHORT,  SCENE_COHORT, SCENE_REGRET, SCENE_PARTING,
                                   SCENE_RESHAPE, SCENE_ANY,    SCENE_ANY};
    static const unsigned gaps_ms[] = {1, 20, 100, 1000};
    unsigned keys = one_in(draw, 4) ? 0 : below(draw, SCRIPT_MOST);
    unsigned gap_ms = ANY_OF(draw, gaps_ms);
    Scene scene = SCENE_COHORT;
    uint64_t time_ns = 0;
    g_string_append(draw->text, "[script]\n");
    for (unsigned key = 0; key < keys; key++) {
        unsigned entries = one_in(draw, 4) ? between(draw, 2, 4) : 1;
        if (key == 0 || one_in(draw, 4)) {
            time_ns = (uint64_t)below(draw, draw->duration_ms) * NS_PER_MS;
            scene = ANY_OF(draw, scenes);
        } else {
            time_ns += (uint64_t)below(draw, gap_ms) * NS_PER_MS;
        }
        /* The last digits keep every key different from the others. */
        g_string_append_printf(draw->text, "%" PRIu64 "ns=", time_ns + key);
        for (unsigned i = 0; i < entries; i++) {
            if (i > 0)
                g_string_append(draw->text, "; ");
            append_entry(draw, scene);
        }
        g_string_append_c(draw->text, '\n');
    }
}

/* --- the whole --- */

GString *swarm_text(uint64_t seed)
{
    Draw draw = {.random = seed, .text = g_string_new(NULL)};
    draw.random = random_next(&draw.random); /* not the same word as the world's own streams */
    draw_time(&draw);
    draw_customers(&draw);
    g_string_append_printf(draw.text, "[scenario]\nname=swarm\nseed=%" PRIu64 "\nduration=%ums\n",
                           seed, draw.duration_ms);
    draw_bank(&draw);
    draw_network(&draw);
    draw_workload(&draw);
    draw.faults = below(&draw, 4) > 0;
    if (draw.faults) {
        g_string_append(draw.text, "[faults]\n");
        draw_crashes(&draw);
        draw_absences(&draw);
        draw_disk(&draw);
    }
    draw_script(&draw);
    return draw.text;
}

Scenario *swarm_scenario(uint64_t seed)
{
    Scenario *scenario = scenario_new();
    g_autoptr(GString) text = swarm_text(seed);
    char *error = NULL;
    bool sound = scenario_read(scenario, "swarm", text->str, &error) &&
                 scenario_complete(scenario, NULL, 0, &error);
    INVARIANT(sound);
    return scenario;
}
