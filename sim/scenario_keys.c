#include "sim/scenario_keys.h"

#include <inttypes.h>
#include <string.h>

#include "sim/value_text.h"

#define FIELD(name) offsetof(Scenario, name)
#define RATE(kind) offsetof(Scenario, workload.interval_ns[kind])

const ScenarioKey scenario_keys[] = {
    {"scenario", "name", "unnamed", "", VALUE_TEXT, FIELD(name)},
    {"scenario", "duration", "30s", "virtual time; then faults stop and the run must settle",
     VALUE_TIME, FIELD(duration_ns)},
    {"scenario", "seed", "1", "of the pauses and identities of processes, and of all that is drawn",
     VALUE_NUMBER, FIELD(seed)},
    {"bank", "customers", "3", "c1, c2, c3 ...", VALUE_CUSTOMERS, FIELD(customers)},
    {"bank", "data", "", "or the rows of this CSV file, in the bank's own format", VALUE_TEXT,
     FIELD(data)},
    {"bank", "balance", "1000", "of each of c1, c2, c3 ...", VALUE_BALANCE, FIELD(balance)},
    {"bank", "cohort_size", "all", "customers are grouped in cohorts of this size",
     VALUE_COHORT_SIZE, FIELD(cohort_size)},
    {"bank", "cash", "restore", "or commit", VALUE_CASH, FIELD(cash)},
    {"network", "loss", "0%", "", VALUE_PROBABILITY, FIELD(network.loss)},
    {"network", "duplicate", "0%", "", VALUE_PROBABILITY, FIELD(network.duplicate)},
    {"network", "delay", "uniform 1ms 40ms",
     "constant D | uniform A B | exponential MEAN | lognormal MEDIAN SIGMA", VALUE_DELAY,
     FIELD(network.delay)},
    {"network", "retries", "unlimited", "or N: give a transfer up as lost after N retransmissions",
     VALUE_RETRIES, FIELD(retries)},
    {"workload", "transfer_rate", "0/s", "per customer, Poisson, like all rates", VALUE_RATE,
     RATE(WORKLOAD_TRANSFER)},
    {"workload", "amount", "uniform 1 100", "or constant A", VALUE_AMOUNTS, FIELD(workload.amount)},
    {"workload", "deposit_rate", "0/s", "", VALUE_RATE, RATE(WORKLOAD_DEPOSIT)},
    {"workload", "withdrawal_rate", "0/s", "", VALUE_RATE, RATE(WORKLOAD_WITHDRAWAL)},
    {"workload", "lost_transfer_rate", "0/s", "", VALUE_RATE, RATE(WORKLOAD_LOST_TRANSFER)},
    {"workload", "checkpoint_rate", "0/s", "", VALUE_RATE, RATE(WORKLOAD_CHECKPOINT)},
    {"workload", "rollback_rate", "0/s", "", VALUE_RATE, RATE(WORKLOAD_ROLLBACK)},
    {"faults", "crash_rate", "0/s", "per customer: it is killed, and keeps its disk", VALUE_RATE,
     FIELD(faults.crash_interval_ns)},
    {"faults", "bank_crash_rate", "0/s", "", VALUE_RATE, FIELD(faults.bank_crash_interval_ns)},
    {"faults", "restart_after", "uniform 100ms 2s", "a delay, like all durations", VALUE_DELAY,
     FIELD(faults.restart_after)},
    {"faults", "crash_at_save", "0%", "per commit: in its midst, or between what follows it",
     VALUE_PROBABILITY, FIELD(faults.crash_at_save)},
    {"faults", "partition_rate", "0/s", "of the whole network", VALUE_RATE,
     FIELD(faults.partition_interval_ns)},
    {"faults", "partition_duration", "uniform 1s 5s", "", VALUE_DELAY,
     FIELD(faults.partition_duration)},
    {"faults", "partition_kind", "any", "one (process) | halves | oneway | any", VALUE_PARTITION,
     FIELD(faults.partition_kind)},
    {"faults", "pause_rate", "0/s", "per process, the bank too: it stops and comes back late",
     VALUE_RATE, FIELD(faults.pause_interval_ns)},
    {"faults", "pause_duration", "uniform 100ms 5s", "", VALUE_DELAY, FIELD(faults.pause_duration)},
    {"faults", "clock_drift", "0%", "each clock is at most so much too fast or too slow",
     VALUE_DRIFT, FIELD(faults.clock_drift)},
    {"faults", "clock_jump_rate", "0/s", "per process: its clock jumps forward", VALUE_RATE,
     FIELD(faults.clock_jump_interval_ns)},
    {"faults", "clock_jump", "exponential 10s", "by so much", VALUE_DELAY,
     FIELD(faults.clock_jump)},
    {"disk", "write_delay", "constant 0s", "", VALUE_DELAY, FIELD(disk.write_delay)},
    {"disk", "fsync_delay", "constant 0s", "", VALUE_DELAY, FIELD(disk.fsync_delay)},
    {"disk", "torn_write", "0%", "per crash: only some sectors of a write are there",
     VALUE_PROBABILITY, FIELD(disk.torn_write)},
    {"disk", "lost_unsynced", "0%", "per crash: what was not synced may be there or not",
     VALUE_PROBABILITY, FIELD(disk.lost_unsynced)},
    {"disk", "full_rate", "0%", "per write: no space left, which ends the process",
     VALUE_PROBABILITY, FIELD(disk.full_rate)},
    {"disk", "error_rate", "0%", "per operation: it fails, which ends the process",
     VALUE_PROBABILITY, FIELD(disk.error_rate)},
    {"disk", "bit_flip_rate", "0%", "per crash: a bit of the records is inverted at rest",
     VALUE_PROBABILITY, FIELD(faults.bit_flip_rate)},
    {"explore", "transfers", "0", "cohort explore: so many by each customer, at any time",
     VALUE_NUMBER, FIELD(explore.transfers)},
    {"explore", "transfers_in_all", "0", "0: no limit but that", VALUE_NUMBER,
     FIELD(explore.transfers_in_all)},
    {"explore", "lost_transfers", "0", "so many by each customer", VALUE_NUMBER,
     FIELD(explore.lost_transfers)},
    {"explore", "checkpoints", "0", "in all, by anyone", VALUE_NUMBER, FIELD(explore.checkpoints)},
    {"explore", "rollbacks", "0", "in all, by anyone", VALUE_NUMBER, FIELD(explore.rollbacks)},
    {"explore", "crashes", "0", "in all, of anyone", VALUE_NUMBER, FIELD(explore.crashes)},
    {"explore", "retries", "0", "of a checkpoint or rollback that was told no", VALUE_NUMBER,
     FIELD(explore.retries)},
};

const size_t scenario_key_count = G_N_ELEMENTS(scenario_keys);

const ScenarioKey *scenario_key(const char *group, const char *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(scenario_keys); i++) {
        if (strcmp(group, scenario_keys[i].group) == 0 && strcmp(key, scenario_keys[i].key) == 0)
            return &scenario_keys[i];
    }
    return NULL;
}

/* --- parsing --- */

static const char *parse_customers(const char *text, uint64_t *customers)
{
    uint64_t number;
    if (!number_parse(text, &number) || number < 1 || number > CUSTOMERS_MAX)
        return "must be a number from 1 to 100000";
    *customers = number;
    return NULL;
}

static const char *parse_cohort_size(const char *text, uint64_t *size)
{
    uint64_t number = MEMBERS_MAX;
    if (strcmp(text, "all") != 0 &&
        (!number_parse(text, &number) || number < 1 || number > MEMBERS_MAX))
        return "must be `all` or a number from 1 (nobody is in a cohort) to 1000";
    *size = number;
    return NULL;
}

static const char *parse_cash(const char *text, CashMode *cash)
{
    bool commit = strcmp(text, "commit") == 0;
    if (!commit && strcmp(text, "restore") != 0)
        return "must be restore or commit";
    *cash = commit ? CASH_COMMIT : CASH_RESTORE;
    return NULL;
}

static const char *parse_retries(const char *text, uint32_t *retries)
{
    uint64_t number = RETRIES_UNLIMITED;
    if (strcmp(text, "unlimited") != 0 &&
        (!number_parse(text, &number) || number >= RETRIES_UNLIMITED))
        return "must be `unlimited` or a number";
    *retries = (uint32_t)number;
    return NULL;
}

static const char *const partition_words[] = {[PARTITION_ONE] = "one",
                                              [PARTITION_HALVES] = "halves",
                                              [PARTITION_ONEWAY] = "oneway",
                                              [PARTITION_ANY] = "any"};

static const char *parse_partition(const char *text, PartitionKind *kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(partition_words); i++) {
        if (strcmp(text, partition_words[i]) == 0) {
            *kind = (PartitionKind)i;
            return NULL;
        }
    }
    return "must be one, halves, oneway or any";
}

/* Slower than half as fast, a clock would all but stand still. */
static const char *parse_drift(const char *text, uint32_t *drift)
{
    uint32_t parsed;
    const char *reason = value_parse_probability(text, &parsed);
    if (reason == NULL && parsed > CHANCE_ONE / 2)
        reason = "must be at most 50%";
    if (reason == NULL)
        *drift = parsed;
    return reason;
}

/* Names go into traces, which are JSON; and a text must read back as it is when it is written into
 * a file, where blanks at its ends are dropped and comments begin with #. */
static const char *parse_text(const char *text, char **field)
{
    if (!g_utf8_validate(text, -1, NULL))
        return "must be UTF-8";
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    bool comment = text[0] == '#' || strstr(text, " #") != NULL || strstr(text, "\t#") != NULL;
    if (comment || strcspn(text, "\r\n\v\f") != strlen(text) || strcmp(stripped, text) != 0)
        return "must be one line without blanks at its ends, and without a comment";
    g_free(*field);
    *field = g_strdup(text);
    return NULL;
}

const char *scenario_key_parse(const ScenarioKey *key, const char *text, Scenario *scenario)
{
    void *field = (char *)scenario + key->field;
    switch (key->type) {
    case VALUE_TEXT:
        return parse_text(text, field);
    case VALUE_TIME:
        return value_parse_time(text, field);
    case VALUE_NUMBER:
        return number_parse(text, field) ? NULL : "must be a number";
    case VALUE_CUSTOMERS:
        return parse_customers(text, field);
    case VALUE_BALANCE:
        return money_parse_balance(text, field);
    case VALUE_COHORT_SIZE:
        return parse_cohort_size(text, field);
    case VALUE_CASH:
        return parse_cash(text, field);
    case VALUE_PROBABILITY:
        return value_parse_probability(text, field);
    case VALUE_DELAY:
        return value_parse_delay(text, field);
    case VALUE_RETRIES:
        return parse_retries(text, field);
    case VALUE_RATE:
        return value_parse_rate(text, field);
    case VALUE_AMOUNTS:
        return value_parse_amounts(text, field);
    case VALUE_PARTITION:
        return parse_partition(text, field);
    case VALUE_DRIFT:
        return parse_drift(text, field);
    }
    return "a key of no known type";
}

/* --- writing --- */

/* `most` has the word. */
static void write_number(uint64_t number, uint64_t most, const char *word, GString *out)
{
    if (number == most)
        g_string_append(out, word);
    else
        g_string_append_printf(out, "%" PRIu64, number);
}

void scenario_key_write(const ScenarioKey *key, const Scenario *scenario, GString *out)
{
    const void *field = (const char *)scenario + key->field;
    char money[MONEY_TEXT_MAX];
    switch (key->type) {
    case VALUE_TEXT:
        g_string_append(out, *(char *const *)field);
        break;
    case VALUE_TIME:
        value_write_time(*(const uint64_t *)field, out);
        break;
    case VALUE_NUMBER:
    case VALUE_CUSTOMERS:
        g_string_append_printf(out, "%" PRIu64, *(const uint64_t *)field);
        break;
    case VALUE_BALANCE:
        g_string_append(out, money_text(*(const Money *)field, money));
        break;
    case VALUE_COHORT_SIZE:
        write_number(*(const uint64_t *)field, MEMBERS_MAX, "all", out);
        break;
    case VALUE_CASH:
        g_string_append(out, *(const CashMode *)field == CASH_COMMIT ? "commit" : "restore");
        break;
    case VALUE_PROBABILITY:
    case VALUE_DRIFT:
        value_write_probability(*(const uint32_t *)field, out);
        break;
    case VALUE_DELAY:
        value_write_delay(field, out);
        break;
    case VALUE_RETRIES:
        write_number(*(const uint32_t *)field, RETRIES_UNLIMITED, "unlimited", out);
        break;
    case VALUE_RATE:
        value_write_rate(*(const uint64_t *)field, out);
        break;
    case VALUE_AMOUNTS:
        value_write_amounts(field, out);
        break;
    case VALUE_PARTITION:
        g_string_append(out, partition_words[*(const PartitionKind *)field]);
        break;
    }
}
