#include "tests/property/draw.h"

#include <inttypes.h>

#include "core/types.h"
#include "sim/random.h"
#include "sim/world.h"

enum {
    CUSTOMERS_MIN = 2,
    CUSTOMERS_MOST = 12,
    DURATION_S_MIN = 2,
    DURATION_S_MAX = 10,
    TRANSFERS_MAX = 600, /* by the workload, about: bounds the time that one scenario takes */
    SLOW_MS = 1000,
    SLOW_INSTANCES_MAX = 40, /* likewise, when every one takes seconds and they wait in line */
    SCRIPT_MAX = 40
};

typedef struct Draw {
    uint64_t random;
    GString *text;
    unsigned customers;
    unsigned duration_s;
    bool slow;   /* the network */
    bool faults; /* things other than the network may go wrong */
} Draw;

static unsigned below(Draw *draw, unsigned bound)
{
    return (unsigned)random_below(&draw->random, bound);
}

static unsigned between(Draw *draw, unsigned first, unsigned last)
{
    return first + below(draw, last - first + 1);
}

#define ANY_OF(draw, list) ((list)[below((draw), G_N_ELEMENTS(list))])

/* --- the settings --- */

static void draw_bank(Draw *draw)
{
    static const char *const balances[] = {"0", "10", "200.50", "1000", "1000"};
    static const char *const cash[] = {"restore", "restore", "restore", "commit"};
    g_string_append_printf(draw->text, "[bank]\ncustomers=%u\nbalance=%s\n", draw->customers,
                           ANY_OF(draw, balances));
    g_string_append_printf(draw->text, "cash=%s\n", ANY_OF(draw, cash));
    /* Most often several cohorts; size 1 leaves everybody outside until the script says so. */
    if (below(draw, 4) == 0)
        g_string_append(draw->text, "cohort_size=all\n");
    else
        g_string_append_printf(draw->text, "cohort_size=%u\n",
                               between(draw, 1, MIN(draw->customers, 5)));
}

static void draw_delay(Draw *draw)
{
    switch (below(draw, 4)) {
    case 0:
        g_string_append_printf(draw->text, "delay=constant %ums\n", below(draw, 60));
        break;
    case 1: {
        static const unsigned most_ms[] = {5, 40, 200, 1000, 2000};
        unsigned delay_ms = ANY_OF(draw, most_ms);
        draw->slow = delay_ms >= SLOW_MS;
        g_string_append_printf(draw->text, "delay=uniform 1ms %ums\n", delay_ms);
        break;
    }
    case 2:
        g_string_append_printf(draw->text, "delay=exponential %ums\n", between(draw, 1, 300));
        break;
    default:
        g_string_append_printf(draw->text, "delay=lognormal %ums %u.%u\n", between(draw, 1, 100),
                               below(draw, 3), below(draw, 10));
        break;
    }
}

static void draw_network(Draw *draw)
{
    static const char *const retries[] = {"unlimited", "unlimited", "0", "1", "3"};
    bool faultless = below(draw, 5) == 0;
    g_string_append_printf(draw->text, "[network]\nloss=%u%%\nduplicate=%u%%\n",
                           faultless ? 0 : below(draw, 31), faultless ? 0 : below(draw, 21));
    draw_delay(draw);
    g_string_append_printf(draw->text, "retries=%s\n", ANY_OF(draw, retries));
}

static void draw_rate(Draw *draw, const char *key, unsigned tenths_max)
{
    unsigned tenths = below(draw, 4) == 0 ? 0 : below(draw, tenths_max + 1);
    g_string_append_printf(draw->text, "%s=%u.%u/s\n", key, tenths / 10, tenths % 10);
}

static void draw_workload(Draw *draw)
{
    static const char *const amounts[] = {"uniform 1 100", "uniform 0.01 9.99", "constant 25"};
    unsigned customer_seconds = draw->customers * draw->duration_s;
    unsigned most = TRANSFERS_MAX / customer_seconds;
    unsigned instances_tenths =
        draw->slow ? MIN(15, 10 * SLOW_INSTANCES_MAX / customer_seconds) : 15;
    g_string_append_printf(draw->text, "[workload]\namount=%s\n", ANY_OF(draw, amounts));
    draw_rate(draw, "transfer_rate", 10 * MIN(most, 40));
    draw_rate(draw, "lost_transfer_rate", below(draw, 2) == 0 ? 5 : 50);
    draw_rate(draw, "deposit_rate", 20);
    draw_rate(draw, "withdrawal_rate", 20);
    draw_rate(draw, "checkpoint_rate", instances_tenths);
    draw_rate(draw, "rollback_rate",
              below(draw, 2) == 0 ? MIN(instances_tenths, 3) : instances_tenths);
}

/* --- faults --- */

/* Writes one of these values in three of four cases; else the key keeps its default. */
static void draw_value(Draw *draw, const char *key, const char *const *values, unsigned count)
{
    bool given = below(draw, 4) > 0;
    const char *value = values[below(draw, count)];
    if (given)
        g_string_append_printf(draw->text, "%s=%s\n", key, value);
}

#define DRAW_VALUE(draw, key, ...)                                                                 \
    do {                                                                                           \
        static const char *const values[] = {__VA_ARGS__};                                         \
        draw_value(draw, key, values, G_N_ELEMENTS(values));                                       \
    } while (0)

static void draw_faults(Draw *draw)
{
    g_string_append(draw->text, "[faults]\n");
    DRAW_VALUE(draw, "crash_rate", "0/s", "0.05/s", "0.2/s", "0.5/s", "2/s");
    DRAW_VALUE(draw, "bank_crash_rate", "0/s", "0.1/s", "0.5/s", "2/s");
    DRAW_VALUE(draw, "restart_after", "constant 0s", "constant 10ms", "uniform 0s 1s",
               "exponential 2s", "lognormal 100ms 2", "constant 1h");
    DRAW_VALUE(draw, "crash_at_save", "0%", "1%", "5%", "20%");
    DRAW_VALUE(draw, "partition_rate", "0/s", "0.1/s", "0.5/s", "2/s");
    DRAW_VALUE(draw, "partition_duration", "uniform 10ms 1s", "exponential 1s", "constant 5s");
    DRAW_VALUE(draw, "partition_kind", "one", "halves", "oneway", "any");
    DRAW_VALUE(draw, "pause_rate", "0/s", "0.05/s", "0.3/s");
    DRAW_VALUE(draw, "pause_duration", "uniform 10ms 1s", "exponential 1s", "constant 5s");
    DRAW_VALUE(draw, "clock_drift", "0%", "0.1%", "10%", "50%");
    DRAW_VALUE(draw, "clock_jump_rate", "0/s", "0.1/s", "1/s");
    DRAW_VALUE(draw, "clock_jump", "uniform 1ms 1s", "exponential 1m", "constant 1h");
}

static void draw_disk(Draw *draw)
{
    g_string_append(draw->text, "[disk]\n");
    DRAW_VALUE(draw, "write_delay", "constant 10us", "exponential 1ms", "uniform 0s 50ms");
    DRAW_VALUE(draw, "fsync_delay", "constant 1ms", "exponential 10ms", "uniform 0s 200ms",
               "lognormal 5ms 1.5");
    DRAW_VALUE(draw, "torn_write", "0%", "50%", "100%");
    DRAW_VALUE(draw, "lost_unsynced", "0%", "50%", "100%");
    DRAW_VALUE(draw, "full_rate", "0%", "0.1%", "1%", "10%");
    DRAW_VALUE(draw, "error_rate", "0%", "0.1%", "1%", "10%");
    DRAW_VALUE(draw, "bit_flip_rate", "0%", "10%", "100%");
}

/* --- the script --- */

static void append_customer(Draw *draw)
{
    g_string_append_printf(draw->text, "c%u", between(draw, 1, draw->customers));
}

static void append_amount(Draw *draw)
{
    g_string_append_printf(draw->text, "%u.%02u", below(draw, 120), between(draw, 1, 99));
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
        if (below(draw, 3) == 0) {
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
    switch (below(draw, 10)) {
    case 0:
    case 1:
    case 2:
        append_bank_command(draw, "exit");
        break;
    case 3:
    case 4:
        append_open(draw);
        break;
    case 5:
    case 6:
    case 7:
        append_bank_command(draw, "new-cohort");
        g_string_append_printf(draw->text, " %u", between(draw, 1, MIN(draw->customers, 6)));
        break;
    default:
        append_bank_command(draw, "delete-cohort");
        break;
    }
}

static void append_fault(Draw *draw)
{
    if (below(draw, 4) == 0)
        g_string_append(draw->text, "bank");
    else
        append_customer(draw);
    g_string_append(draw->text, below(draw, 4) == 0 ? " restart" : " crash");
}

static void append_command(Draw *draw, bool membership)
{
    unsigned kind = below(draw, membership ? 7 : 4);
    if (draw->faults && below(draw, 6) == 0)
        append_fault(draw);
    else if (kind < 2)
        append_money_command(draw);
    else if (kind < 4)
        append_instance_command(draw);
    else
        append_membership_command(draw);
}

static void draw_script(Draw *draw)
{
    unsigned entries = below(draw, 5) == 0 ? 0 : below(draw, SCRIPT_MAX);
    bool membership = below(draw, 3) > 0;
    g_string_append(draw->text, "[script]\n");
    for (unsigned entry = 0; entry < entries; entry++) {
        /* The last digits keep every key different from the others. */
        uint64_t time_ns = (uint64_t)below(draw, draw->duration_s * 1000) * NS_PER_MS + entry;
        unsigned commands = below(draw, 4) == 0 ? between(draw, 2, 4) : 1;
        g_string_append_printf(draw->text, "%" PRIu64 "ns=", time_ns);
        for (unsigned i = 0; i < commands; i++) {
            if (i > 0)
                g_string_append(draw->text, "; ");
            append_command(draw, membership);
        }
        g_string_append_c(draw->text, '\n');
    }
}

GString *draw_scenario(uint64_t seed)
{
    Draw draw = {.random = seed, .text = g_string_new(NULL)};
    draw.random = random_next(&draw.random); /* not the same word as the world's own streams */
    draw.customers = between(&draw, CUSTOMERS_MIN, CUSTOMERS_MOST);
    draw.duration_s = between(&draw, DURATION_S_MIN, DURATION_S_MAX);
    g_string_append_printf(draw.text, "[scenario]\nname=drawn from %" PRIu64 "\nduration=%us\n",
                           seed, draw.duration_s);
    draw_bank(&draw);
    draw_network(&draw);
    draw_workload(&draw);
    draw.faults = below(&draw, 3) > 0;
    if (draw.faults) {
        draw_faults(&draw);
        draw_disk(&draw);
    }
    draw_script(&draw);
    return draw.text;
}
