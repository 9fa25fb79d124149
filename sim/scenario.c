#include "sim/scenario.h"

#include <string.h>

#include "core/panic.h"
#include "sim/value.h"

/* What a key's value must look like, and the type of the field it sets. */
typedef enum ValueType {
    VALUE_TEXT,        /* char * */
    VALUE_TIME,        /* uint64_t */
    VALUE_CUSTOMERS,   /* uint64_t */
    VALUE_BALANCE,     /* Money */
    VALUE_COHORT_SIZE, /* uint64_t */
    VALUE_CASH,        /* CashMode */
    VALUE_PROBABILITY, /* uint32_t */
    VALUE_DELAY,       /* Delay */
    VALUE_RETRIES,     /* uint32_t */
    VALUE_RATE,        /* uint64_t */
    VALUE_AMOUNTS,     /* AmountRange */
    VALUE_PARTITION,   /* PartitionKind */
    VALUE_DRIFT        /* uint32_t */
} ValueType;

typedef struct Key {
    const char *group;
    const char *key;
    const char *value; /* the default */
    const char *note;  /* for --dump-defaults */
    ValueType type;
    size_t field;
} Key;

#define FIELD(name) offsetof(Scenario, name)
#define RATE(kind) offsetof(Scenario, workload.interval_ns[kind])

static const Key keys[] = {
    {"scenario", "name", "unnamed", "", VALUE_TEXT, FIELD(name)},
    {"scenario", "duration", "30s", "virtual time; then faults stop and the run must settle",
     VALUE_TIME, FIELD(duration_ns)},
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
};

static char *error_text(const char *source, const char *group, const char *key, const char *reason)
{
    return g_strdup_printf("%s: [%s] %s: %s", source, group, key, reason);
}

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

static const char *parse_partition(const char *text, PartitionKind *kind)
{
    static const char *const words[] = {[PARTITION_ONE] = "one",
                                        [PARTITION_HALVES] = "halves",
                                        [PARTITION_ONEWAY] = "oneway",
                                        [PARTITION_ANY] = "any"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(text, words[i]) == 0) {
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

/* Names go into traces, which are JSON. */
static const char *parse_text(const char *text, char **field)
{
    if (!g_utf8_validate(text, -1, NULL))
        return "must be UTF-8";
    g_free(*field);
    *field = g_strdup(text);
    return NULL;
}

static const char *parse_value(ValueType type, const char *text, void *field)
{
    switch (type) {
    case VALUE_TEXT:
        return parse_text(text, field);
    case VALUE_TIME:
        return value_parse_time(text, field);
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

static void script_command_clear(void *element)
{
    g_free(((ScriptCommand *)element)->key);
}

Scenario *scenario_new(void)
{
    Scenario *scenario = g_new0(Scenario, 1);
    scenario->source = g_strdup("defaults");
    scenario->script = g_array_new(FALSE, TRUE, sizeof(ScriptCommand));
    g_array_set_clear_func(scenario->script, script_command_clear);
    scenario->rows = g_array_new(FALSE, TRUE, sizeof(BankRow));
    scenario->participants = g_array_new(FALSE, TRUE, sizeof(Participant));
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *reason =
            parse_value(keys[i].type, keys[i].value, (char *)scenario + keys[i].field);
        INVARIANT(reason == NULL);
    }
    return scenario;
}

void scenario_free(Scenario *scenario)
{
    g_free(scenario->source);
    g_free(scenario->name);
    g_free(scenario->data);
    g_array_unref(scenario->script);
    g_array_unref(scenario->rows);
    g_array_unref(scenario->participants);
    g_free(scenario);
}

/* --- the script --- */

/* `crash` and `restart` are words of scripts alone. */
static bool read_script_fault(const char *text, ScriptAct *act)
{
    char *word = g_strstrip(g_strdup(text));
    if (strcmp(word, "crash") == 0)
        *act = SCRIPT_CRASH;
    else if (strcmp(word, "restart") == 0)
        *act = SCRIPT_RESTART;
    g_free(word);
    return *act != SCRIPT_COMMAND;
}

/* "c1 transfer 100 c2" -> one entry appended to the script; NULL, or a reason to free. */
static char *read_script_command(Scenario *scenario, uint64_t time_ns, const char *key,
                                 const char *text)
{
    size_t length = strcspn(text, " \t");
    char *process = g_strndup(text, length);
    ScriptCommand entry = {.time_ns = time_ns};
    CommandError error;
    char *reason = NULL;
    CommandPlace place = strcmp(process, "bank") == 0 ? PLACE_BANK : PLACE_CUSTOMER;
    if (!name_set(&entry.process, process)) {
        reason =
            g_strdup_printf("`%s` is not the name of a process: write `process command`", process);
    } else if (!read_script_fault(text + length, &entry.act) &&
               !command_parse(text + length, place, &entry.command, &error)) {
        reason = g_strdup_printf("%s: %s: %s", process, error.command, error.reason);
    } else {
        entry.key = g_strdup(key);
        g_array_append_val(scenario->script, entry);
    }
    g_free(process);
    return reason;
}

static void drop_script_key(Scenario *scenario, const char *key)
{
    for (guint i = scenario->script->len; i-- > 0;) {
        if (strcmp(g_array_index(scenario->script, ScriptCommand, i).key, key) == 0)
            g_array_remove_index(scenario->script, i);
    }
}

/* Key: a time; value: commands separated by semicolons. NULL, or a reason to free. */
static char *read_script(Scenario *scenario, const char *key, const char *value)
{
    uint64_t time_ns;
    const char *bad_time = value_parse_time(key, &time_ns);
    if (bad_time != NULL)
        return g_strdup(bad_time);
    drop_script_key(scenario, key);
    char **texts = g_strsplit(value, ";", -1);
    char *reason = NULL;
    size_t commands = 0;
    for (char **text = texts; *text != NULL && reason == NULL; text++) {
        g_strstrip(*text);
        if (**text != '\0') {
            reason = read_script_command(scenario, time_ns, key, *text);
            commands++;
        }
    }
    g_strfreev(texts);
    if (reason == NULL && commands == 0)
        reason = g_strdup("no command: write `process command`, several separated by `;`");
    return reason;
}

/* --- reading --- */

static const Key *find_key(const char *group, const char *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(group, keys[i].group) == 0 && strcmp(key, keys[i].key) == 0)
            return &keys[i];
    }
    return NULL;
}

static bool check_group(const char *source, const char *group, char **error)
{
    bool known = strcmp(group, "script") == 0;
    for (size_t i = 0; !known && i < G_N_ELEMENTS(keys); i++)
        known = strcmp(group, keys[i].group) == 0;
    if (!known) {
        *error = g_strdup_printf("%s: [%s]: unknown group; `cohort sim --dump-defaults` lists all",
                                 source, group);
    }
    return known;
}

static bool apply(Scenario *scenario, const char *source, const char *group, const char *key,
                  const char *value, char **error)
{
    char *reason = NULL;
    if (strcmp(group, "script") == 0) {
        reason = read_script(scenario, key, value);
    } else {
        const Key *known = find_key(group, key);
        reason = g_strdup(known == NULL
                              ? "unknown key; `cohort sim --dump-defaults` lists all"
                              : parse_value(known->type, value, (char *)scenario + known->field));
    }
    if (reason != NULL) {
        *error = error_text(source, group, key, reason);
        g_free(reason);
    }
    return reason == NULL;
}

/* Cuts "30s   # comment" to "30s": a comment begins with a # that is first or after a blank. */
static void strip_comment(char *line)
{
    for (char *at = strchr(line, '#'); at != NULL; at = strchr(at + 1, '#')) {
        if (at == line || g_ascii_isspace(at[-1])) {
            *at = '\0';
            break;
        }
    }
    g_strstrip(line);
}

/* GKeyFile silently keeps the last of several equal keys: a script would lose commands. */
static bool find_repeated_key(const char *source, char **lines, char **error)
{
    GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char *group = g_strdup("");
    bool found = false;
    for (char **line = lines; *line != NULL && !found; line++) {
        size_t key_length = strcspn(*line, "=");
        if (**line == '[') {
            g_free(group);
            group = g_strndup(*line + 1, strcspn(*line + 1, "]"));
        } else if ((*line)[key_length] == '=') {
            char *key = g_strstrip(g_strndup(*line, key_length));
            if (!g_hash_table_add(seen, g_strdup_printf("%s\n%s", group, key))) {
                *error = error_text(source, group, key, "written twice");
                found = true;
            }
            g_free(key);
        }
    }
    g_free(group);
    g_hash_table_unref(seen);
    return found;
}

/* A GKeyFile knows comments only as whole lines; ours may stand behind a value too. */
static GKeyFile *load_key_file(const char *source, const char *text, char **error)
{
    char **lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        strip_comment(*line);
    char *stripped = g_strjoinv("\n", lines);
    GKeyFile *file = g_key_file_new();
    /* Else it would leave out `loss[de]=`, an unknown key, in silence. */
    const GKeyFileFlags flags = G_KEY_FILE_KEEP_TRANSLATIONS;
    GError *problem = NULL;
    bool ok = !find_repeated_key(source, lines, error);
    if (ok && !g_key_file_load_from_data(file, stripped, strlen(stripped), flags, &problem)) {
        *error = g_strdup_printf("%s: %s", source, problem->message);
        g_error_free(problem);
        ok = false;
    }
    if (!ok)
        g_clear_pointer(&file, g_key_file_unref);
    g_free(stripped);
    g_strfreev(lines);
    return file;
}

static bool apply_group(Scenario *scenario, GKeyFile *file, const char *group, char **error)
{
    char **group_keys = g_key_file_get_keys(file, group, NULL, NULL);
    bool ok = check_group(scenario->source, group, error);
    for (char **key = group_keys; ok && *key != NULL; key++) {
        char *value = g_key_file_get_value(file, group, *key, NULL);
        ok = apply(scenario, scenario->source, group, *key, value, error);
        g_free(value);
    }
    g_strfreev(group_keys);
    return ok;
}

bool scenario_read(Scenario *scenario, const char *source, const char *text, char **error)
{
    g_free(scenario->source);
    scenario->source = g_strdup(source);
    GKeyFile *file = load_key_file(source, text, error);
    if (file == NULL)
        return false;
    bool ok = true;
    char **groups = g_key_file_get_groups(file, NULL);
    for (char **group = groups; ok && *group != NULL; group++)
        ok = apply_group(scenario, file, *group, error);
    g_strfreev(groups);
    g_key_file_unref(file);
    return ok;
}

bool scenario_set(Scenario *scenario, const char *assignment, char **error)
{
    const char *dot = strchr(assignment, '.');
    const char *equals = strchr(assignment, '=');
    if (dot == NULL || equals == NULL || dot > equals) {
        *error = g_strdup_printf("--set %s: write --set group.key=value", assignment);
        return false;
    }
    char *group = g_strndup(assignment, (size_t)(dot - assignment));
    char *key = g_strndup(dot + 1, (size_t)(equals - dot - 1));
    bool ok = check_group("--set", group, error) &&
              apply(scenario, "--set", group, key, equals + 1, error);
    g_free(group);
    g_free(key);
    return ok;
}

/* --- completing --- */

static void take_participants(Scenario *scenario, const BankRow *rows, size_t row_count)
{
    if (scenario->data[0] == '\0') {
        for (uint64_t i = 1; i <= scenario->customers; i++) {
            char text[MONEY_TEXT_MAX];
            Participant participant = {.balance = scenario->balance};
            participant.name.text[0] = 'c';
            strcpy(participant.name.text + 1, number_text(i, text));
            g_array_append_val(scenario->participants, participant);
        }
        return;
    }
    for (size_t i = 0; i < row_count; i++) {
        g_array_append_val(scenario->rows, rows[i]);
        if (!rows[i].exited && rows[i].cohort == 0) {
            Participant participant = {rows[i].name, rows[i].balance};
            g_array_append_val(scenario->participants, participant);
        }
    }
}

static int compare_times(const void *a, const void *b)
{
    const ScriptCommand *left = a;
    const ScriptCommand *right = b;
    return (left->time_ns > right->time_ns) - (left->time_ns < right->time_ns);
}

/* Says which process every command of the script is for. */
static bool resolve_script(Scenario *scenario, char **error)
{
    GHashTable *numbers = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < scenario->participants->len; i++) {
        g_hash_table_insert(numbers,
                            g_array_index(scenario->participants, Participant, i).name.text,
                            GUINT_TO_POINTER(i));
    }
    bool ok = true;
    for (guint i = 0; ok && i < scenario->script->len; i++) {
        ScriptCommand *entry = &g_array_index(scenario->script, ScriptCommand, i);
        void *number = NULL;
        if (strcmp(entry->process.text, "bank") == 0) {
            entry->subject = SCRIPT_BANK;
        } else if (g_hash_table_lookup_extended(numbers, entry->process.text, NULL, &number)) {
            entry->subject = GPOINTER_TO_UINT(number);
        } else {
            char *reason =
                g_strdup_printf("`%s` is no process of this scenario", entry->process.text);
            *error = error_text(scenario->source, "script", entry->key, reason);
            g_free(reason);
            ok = false;
        }
        scenario->duration_ns = MAX(scenario->duration_ns, entry->time_ns);
    }
    g_hash_table_unref(numbers);
    return ok;
}

/* A crash whose process the script restarts later leaves that to the script. */
static void resolve_restarts(Scenario *scenario)
{
    for (guint i = 0; i < scenario->script->len; i++) {
        ScriptCommand *entry = &g_array_index(scenario->script, ScriptCommand, i);
        bool known = entry->act != SCRIPT_CRASH;
        for (guint j = i + 1; !known && j < scenario->script->len; j++) {
            const ScriptCommand *later = &g_array_index(scenario->script, ScriptCommand, j);
            known = later->act != SCRIPT_COMMAND && later->subject == entry->subject;
            entry->restarted = known && later->act == SCRIPT_RESTART;
        }
    }
}

static bool is_none(const Delay *delay)
{
    return delay->kind == DELAY_CONSTANT && delay->a_ns == 0;
}

/* Could anything stored ever be read, or a write be waited for? */
static bool disks_matter(const Scenario *scenario)
{
    const FaultModel *faults = &scenario->faults;
    const DiskModel *disk = &scenario->disk;
    bool matter = faults->crash_interval_ns != 0 || faults->bank_crash_interval_ns != 0 ||
                  faults->crash_at_save != 0 || disk->full_rate != 0 || disk->error_rate != 0 ||
                  !is_none(&disk->write_delay) || !is_none(&disk->fsync_delay);
    for (guint i = 0; !matter && i < scenario->script->len; i++)
        matter = g_array_index(scenario->script, ScriptCommand, i).act != SCRIPT_COMMAND;
    return matter;
}

bool scenario_complete(Scenario *scenario, const BankRow *rows, size_t row_count, char **error)
{
    take_participants(scenario, rows, row_count);
    if (scenario->participants->len == 0) {
        *error = error_text(scenario->source, "bank", "data",
                            "no row of an open customer outside a cohort");
        return false;
    }
    g_array_sort(scenario->script, compare_times);
    if (!resolve_script(scenario, error))
        return false;
    resolve_restarts(scenario);
    scenario->disks_matter = disks_matter(scenario);
    return true;
}

void scenario_dump_defaults(GString *out)
{
    const char *group = "";
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(group, keys[i].group) != 0) {
            group = keys[i].group;
            g_string_append_printf(out, "[%s]\n", group);
        }
        g_string_append_printf(out, "%s=%s", keys[i].key, keys[i].value);
        if (keys[i].note[0] != '\0')
            g_string_append_printf(out, "  # %s", keys[i].note);
        g_string_append_c(out, '\n');
    }
    g_string_append(out, "[script]\n"
                         "# 1s=c1 transfer 100 c2; c2 deposit 50\n"
                         "# 2s=c1 crash; bank crash  # without a restart: after restart_after\n"
                         "# 3s=c1 restart\n");
}
