#include "sim/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* The example of the interface, word for word. */
static const char example[] =
    "[scenario]\n"
    "name=lost transfer, then rollback\n"
    "duration=30s            # virtual time; afterwards faults stop and the run must settle\n"
    "[bank]\n"
    "customers=3             # c1, c2, c3 ... ; or data=FILE.csv in the bank's own format\n"
    "balance=1000\n"
    "cohort_size=3           # customers are grouped in cohorts of this size\n"
    "cash=restore            # or commit\n"
    "[network]\n"
    "loss=5%\n"
    "duplicate=1%\n"
    "delay=uniform 1ms 40ms  # constant D | uniform A B | exponential MEAN | lognormal M S\n"
    "retries=unlimited       # or N: give a transfer up as lost after N retransmissions\n"
    "[workload]              # per customer, Poisson\n"
    "transfer_rate=20/s\n"
    "amount=uniform 1 100\n"
    "deposit_rate=1/s\n"
    "withdrawal_rate=1/s\n"
    "lost_transfer_rate=0/s\n"
    "checkpoint_rate=0.5/s\n"
    "rollback_rate=0.1/s\n"
    "[faults]\n"
    "crash_rate=0/s          # per customer; restart_after= is a delay like [network] delay\n"
    "partition_rate=0/s\n"
    "[script]                # exact times; `process command`, several separated by ;\n"
    "1s=c1 transfer 100 c2; c2 deposit 50\n"
    "2s=c1 checkpoint\n"
    "3s=c1 lost-transfer 100 c2\n"
    "4s=c1 rollback\n";

static Scenario *read_ok(const char *text)
{
    Scenario *scenario = scenario_new();
    char *error = NULL;
    if (!scenario_read(scenario, "test.ini", text, &error) ||
        !scenario_complete(scenario, NULL, 0, &error))
        fail_msg("%s", error);
    return scenario;
}

static const ScriptCommand *script_at(const Scenario *scenario, guint index)
{
    assert_in_range(index, 0, scenario->script->len - 1);
    return &g_array_index(scenario->script, ScriptCommand, index);
}

static void example_of_the_interface_is_understood(void **state)
{
    (void)state;
    Scenario *scenario = read_ok(example);
    assert_string_equal(scenario->name, "lost transfer, then rollback");
    assert_int_equal(scenario->duration_ns, 30 * NS_PER_S);
    assert_int_equal(scenario->customers, 3);
    assert_int_equal(scenario->balance, 100000);
    assert_int_equal(scenario->cohort_size, 3);
    assert_int_equal(scenario->cash, CASH_RESTORE);
    assert_int_equal(scenario->network.loss, 50000000);
    assert_int_equal(scenario->network.duplicate, 10000000);
    assert_int_equal(scenario->network.delay.kind, DELAY_UNIFORM);
    assert_int_equal(scenario->network.delay.b_ns, 40 * NS_PER_MS);
    assert_int_equal(scenario->retries, RETRIES_UNLIMITED);
    assert_int_equal(scenario->workload.interval_ns[WORKLOAD_TRANSFER], 50 * NS_PER_MS);
    assert_int_equal(scenario->workload.interval_ns[WORKLOAD_LOST_TRANSFER], 0);
    assert_int_equal(scenario->workload.interval_ns[WORKLOAD_ROLLBACK], 10 * NS_PER_S);
    assert_int_equal(scenario->workload.amount.last, 10000);
    assert_int_equal(scenario->participants->len, 3);
    assert_string_equal(g_array_index(scenario->participants, Participant, 2).name.text, "c3");

    assert_int_equal(scenario->script->len, 5);
    assert_int_equal(script_at(scenario, 0)->command.kind, COMMAND_TRANSFER);
    assert_int_equal(script_at(scenario, 0)->time_ns, NS_PER_S);
    assert_int_equal(script_at(scenario, 0)->subject, 0);
    assert_int_equal(script_at(scenario, 1)->command.kind, COMMAND_DEPOSIT);
    assert_int_equal(script_at(scenario, 1)->subject, 1);
    assert_int_equal(script_at(scenario, 4)->command.kind, COMMAND_ROLLBACK);
    scenario_free(scenario);
}

static void empty_scenario_has_all_defaults(void **state)
{
    (void)state;
    Scenario *scenario = read_ok("");
    assert_string_equal(scenario->name, "unnamed");
    assert_int_equal(scenario->duration_ns, 30 * NS_PER_S);
    assert_int_equal(scenario->participants->len, 3);
    assert_int_equal(scenario->cohort_size, MEMBERS_MAX);
    assert_int_equal(scenario->network.loss, 0);
    for (int kind = 0; kind < WORKLOAD_KINDS; kind++)
        assert_int_equal(scenario->workload.interval_ns[kind], 0);
    assert_int_equal(scenario->script->len, 0);
    scenario_free(scenario);
}

static void dumped_defaults_read_back_as_the_defaults(void **state)
{
    (void)state;
    GString *dump = g_string_new(NULL);
    scenario_dump_defaults(dump);
    Scenario *dumped = read_ok(dump->str);
    Scenario *defaults = read_ok("");
    assert_string_equal(dumped->name, defaults->name);
    assert_string_equal(dumped->data, defaults->data);
    assert_int_equal(dumped->duration_ns, defaults->duration_ns);
    assert_int_equal(dumped->customers, defaults->customers);
    assert_int_equal(dumped->balance, defaults->balance);
    assert_int_equal(dumped->cohort_size, defaults->cohort_size);
    assert_int_equal(dumped->cash, defaults->cash);
    assert_int_equal(dumped->retries, defaults->retries);
    assert_memory_equal(&dumped->network, &defaults->network, sizeof dumped->network);
    assert_memory_equal(&dumped->workload, &defaults->workload, sizeof dumped->workload);
    assert_memory_equal(&dumped->faults, &defaults->faults, sizeof dumped->faults);
    assert_memory_equal(&dumped->disk, &defaults->disk, sizeof dumped->disk);
    scenario_free(dumped);
    scenario_free(defaults);
    g_string_free(dump, TRUE);
}

static void error_names_file_group_key_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error; /* how it begins */
    } table[] = {
        {"[scenario]\nduration=30\n", "test.ini: [scenario] duration: a time needs a unit"},
        {"[bank]\ncustomers=0\n", "test.ini: [bank] customers: must be"},
        {"[bank]\ncustomers=100001\n", "test.ini: [bank] customers: must be"},
        {"[bank]\ncohort_size=0\n", "test.ini: [bank] cohort_size: must be"},
        {"[bank]\ncohort_size=1001\n", "test.ini: [bank] cohort_size: must be"},
        {"[bank]\ncash=keep\n", "test.ini: [bank] cash: must be restore or commit"},
        {"[bank]\nbalance=1.234\n", "test.ini: [bank] balance: "},
        {"[network]\nloss=200%\n", "test.ini: [network] loss: a probability is at most 1"},
        {"[network]\nretries=-1\n", "test.ini: [network] retries: must be"},
        {"[workload]\nrate=1/s\n", "test.ini: [workload] rate: unknown key"},
        {"[faults]\ncrash_rate=x\n", "test.ini: [faults] crash_rate: must begin with a number"},
        {"[faults]\ncrash_rate=1\n", "test.ini: [faults] crash_rate: a rate needs a unit"},
        {"[faults]\nrestart_after=1s\n", "test.ini: [faults] restart_after: a delay is"},
        {"[faults]\npartition_kind=three\n",
         "test.ini: [faults] partition_kind: must be one, halves, oneway or any"},
        {"[faults]\nclock_drift=51%\n", "test.ini: [faults] clock_drift: must be at most 50%"},
        {"[disk]\ntorn_write=2\n", "test.ini: [disk] torn_write: a probability is at most 1"},
        {"[disk]\nspin_up=1s\n", "test.ini: [disk] spin_up: unknown key"},
        {"[script]\n1s=c1 crash now\n", "test.ini: [script] 1s: write `c1 crash`"},
        {"[moon]\n", "test.ini: [moon]: unknown group"},
        {"[moon]\nphase=full\n", "test.ini: [moon]: unknown group"},
        {"[script]\nsoon=c1 rollback\n", "test.ini: [script] soon: must begin with a number"},
        {"[script]\n1s=c1 dance\n", "test.ini: [script] 1s: c1: dance: "},
        {"[script]\n1s=c1 rollback; c1 transfer 0 c2\n", "test.ini: [script] 1s: c1: transfer: "},
        {"[script]\n1s=;;\n", "test.ini: [script] 1s: no command"},
        {"[script]\n1s=c4 rollback\n", "test.ini: [script] 1s: `c4` is no process"},
        {"[script]\n1s=c1 rollback\n1s=c2 rollback\n", "test.ini: [script] 1s: written twice"},
        {"[bank]\nbalance=1\n[network]\n[bank]\nbalance=2\n",
         "test.ini: [bank] balance: written twice"},
        {"[network]\nloss[de]=5%\n", "test.ini: [network] loss[de]: unknown key"},
        {"[scenario]\nname=caf\xe9\n", "test.ini: [scenario] name: must be UTF-8"},
        {"duration=30s\n", "test.ini: "},
        {"[scenario]\nduration\n", "test.ini: "},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        Scenario *scenario = scenario_new();
        char *error = NULL;
        bool ok = scenario_read(scenario, "test.ini", table[i].text, &error) &&
                  scenario_complete(scenario, NULL, 0, &error);
        assert_false(ok);
        assert_non_null(error);
        if (!g_str_has_prefix(error, table[i].error))
            fail_msg("`%s` does not begin with `%s`", error, table[i].error);
        g_free(error);
        scenario_free(scenario);
    }
}

static void set_overrides_what_the_file_says(void **state)
{
    (void)state;
    Scenario *scenario = scenario_new();
    char *error = NULL;
    assert_true(scenario_read(scenario, "test.ini", example, &error));
    assert_true(scenario_set(scenario, "network.loss=0.25", &error));
    assert_true(scenario_set(scenario, "script.4s=c2 rollback; c3 rollback", &error));
    assert_true(scenario_set(scenario, "script.0.5s=c1 balance", &error));
    assert_true(scenario_complete(scenario, NULL, 0, &error));
    assert_int_equal(scenario->network.loss, 250000000);
    assert_int_equal(scenario->script->len, 7);
    assert_int_equal(script_at(scenario, 0)->command.kind, COMMAND_BALANCE);
    assert_int_equal(script_at(scenario, 0)->time_ns, 500 * NS_PER_MS);
    assert_int_equal(script_at(scenario, 5)->subject, 1);
    assert_int_equal(script_at(scenario, 6)->subject, 2);
    scenario_free(scenario);
}

static void bad_set_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error;
    } table[] = {
        {"loss", "--set loss: write --set group.key=value"},
        {"loss=5%", "--set loss=5%: write --set group.key=value"},
        {"network.loss", "--set network.loss: write --set group.key=value"},
        {"network.loss=x", "--set: [network] loss: must begin with a number"},
        {"network.los=1%", "--set: [network] los: unknown key"},
        {"moon.phase=full", "--set: [moon]: unknown group"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        Scenario *scenario = scenario_new();
        char *error = NULL;
        assert_false(scenario_set(scenario, table[i].text, &error));
        if (!g_str_has_prefix(error, table[i].error))
            fail_msg("`%s` does not begin with `%s`", error, table[i].error);
        g_free(error);
        scenario_free(scenario);
    }
}

static void script_is_in_order_of_time_and_extends_the_duration(void **state)
{
    (void)state;
    Scenario *scenario = read_ok("[scenario]\nduration=2s\n"
                                 "[script]\n"
                                 "3s=c3 rollback\n"
                                 "1s=c1 rollback\n"
                                 "3000ms=bank delete-cohort c1\n"
                                 "2s=c2 rollback\n");
    assert_int_equal(scenario->script->len, 4);
    assert_string_equal(script_at(scenario, 0)->process.text, "c1");
    assert_string_equal(script_at(scenario, 1)->process.text, "c2");
    assert_string_equal(script_at(scenario, 2)->process.text, "c3");
    assert_int_equal(script_at(scenario, 3)->subject, SCRIPT_BANK);
    assert_int_equal(scenario->duration_ns, 3 * NS_PER_S);
    scenario_free(scenario);
}

static void faults_and_disk_are_understood(void **state)
{
    (void)state;
    Scenario *scenario = read_ok("[faults]\n"
                                 "crash_rate=2/s\n"
                                 "bank_crash_rate=1/m\n"
                                 "restart_after=exponential 1s\n"
                                 "crash_at_save=5%\n"
                                 "partition_rate=1/s\n"
                                 "partition_duration=constant 3s\n"
                                 "partition_kind=oneway\n"
                                 "pause_rate=4/s\n"
                                 "pause_duration=uniform 1s 2s\n"
                                 "clock_drift=10%\n"
                                 "clock_jump_rate=5/s\n"
                                 "clock_jump=constant 1m\n"
                                 "[disk]\n"
                                 "write_delay=constant 1ms\n"
                                 "fsync_delay=exponential 5ms\n"
                                 "torn_write=10%\n"
                                 "lost_unsynced=20%\n"
                                 "full_rate=0.1%\n"
                                 "error_rate=0.2%\n"
                                 "bit_flip_rate=30%\n");
    const FaultModel *faults = &scenario->faults;
    const DiskModel *disk = &scenario->disk;
    assert_int_equal(faults->crash_interval_ns, NS_PER_S / 2);
    assert_int_equal(faults->bank_crash_interval_ns, 60 * NS_PER_S);
    assert_int_equal(faults->restart_after.kind, DELAY_EXPONENTIAL);
    assert_int_equal(faults->crash_at_save, CHANCE_ONE / 20);
    assert_int_equal(faults->partition_interval_ns, NS_PER_S);
    assert_int_equal(faults->partition_duration.a_ns, 3 * NS_PER_S);
    assert_int_equal(faults->partition_kind, PARTITION_ONEWAY);
    assert_int_equal(faults->pause_interval_ns, NS_PER_S / 4);
    assert_int_equal(faults->pause_duration.b_ns, 2 * NS_PER_S);
    assert_int_equal(faults->clock_drift, CHANCE_ONE / 10);
    assert_int_equal(faults->clock_jump_interval_ns, NS_PER_S / 5);
    assert_int_equal(faults->clock_jump.a_ns, 60 * NS_PER_S);
    assert_int_equal(faults->bit_flip_rate, CHANCE_ONE / 10 * 3);
    assert_int_equal(disk->write_delay.a_ns, NS_PER_MS);
    assert_int_equal(disk->fsync_delay.kind, DELAY_EXPONENTIAL);
    assert_int_equal(disk->torn_write, CHANCE_ONE / 10);
    assert_int_equal(disk->lost_unsynced, CHANCE_ONE / 5);
    assert_int_equal(disk->full_rate, CHANCE_ONE / 1000);
    assert_int_equal(disk->error_rate, CHANCE_ONE / 500);
    scenario_free(scenario);
}

static void script_may_crash_a_process_and_start_it_again(void **state)
{
    (void)state;
    Scenario *scenario = read_ok("[script]\n"
                                 "1s=c1 crash; bank  crash \n"
                                 "2s=c1 restart; c1 crash\n"
                                 "3s=c2 restart; c2 deposit 1\n");
    static const ScriptAct acts[] = {SCRIPT_CRASH, SCRIPT_CRASH,   SCRIPT_RESTART,
                                     SCRIPT_CRASH, SCRIPT_RESTART, SCRIPT_COMMAND};
    static const bool restarted[] = {true, false, false, false, false, false};
    assert_int_equal(scenario->script->len, G_N_ELEMENTS(acts));
    for (guint i = 0; i < G_N_ELEMENTS(acts); i++) {
        assert_int_equal(script_at(scenario, i)->act, acts[i]);
        assert_int_equal(script_at(scenario, i)->restarted, restarted[i]);
    }
    assert_int_equal(script_at(scenario, 1)->subject, SCRIPT_BANK);
    scenario_free(scenario);
}

static void disks_matter_only_where_somebody_would_notice(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool matter;
    } table[] = {
        {"", false},
        {"[faults]\npause_rate=1/s\npartition_rate=1/s\nclock_drift=1%\n", false},
        {"[disk]\ntorn_write=50%\nlost_unsynced=50%\n", false}, /* without any crash */
        {"[faults]\ncrash_rate=1/s\n", true},
        {"[faults]\nbank_crash_rate=1/s\n", true},
        {"[faults]\ncrash_at_save=1%\n", true},
        {"[disk]\nfsync_delay=constant 1ms\n", true},
        {"[disk]\nwrite_delay=uniform 0s 1ms\n", true},
        {"[script]\n1s=c1 pause 1s; c1 clock-jump 1s; c1 timer\n", false},
        {"[network]\ndelay=constant 1ms\n[choices]\nc1>c2 1=lost\nc1 crash 1=5\n", false},
        {"[network]\ndelay=constant 1ms\n[choices]\nc1 disk 1=5ms\n", true},
        {"[network]\ndelay=constant 1ms\n[choices]\nc1 write 1=die 0\n", true},
        {"[disk]\nerror_rate=1%\n", true},
        {"[disk]\nfull_rate=1%\n", true},
        {"[script]\n1s=c1 crash\n", true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        Scenario *scenario = read_ok(table[i].text);
        assert_int_equal(scenario->disks_matter, table[i].matter);
        scenario_free(scenario);
    }
}

static void rows_of_open_customers_outside_a_cohort_take_part(void **state)
{
    (void)state;
    const BankRow rows[] = {
        {.name = {"anna"}, .balance = 100},
        {.name = {"bert"}, .balance = 200, .exited = true},
        {.name = {"cora"}, .balance = 300, .cohort = 7},
        {.name = {"dora"}, .balance = 400},
    };
    Scenario *scenario = scenario_new();
    char *error = NULL;
    assert_true(scenario_read(scenario, "test.ini",
                              "[bank]\ndata=rows.csv\n[script]\n1s=dora deposit 1\n", &error));
    assert_string_equal(scenario->data, "rows.csv");
    assert_true(scenario_complete(scenario, rows, G_N_ELEMENTS(rows), &error));
    assert_int_equal(scenario->rows->len, 4);
    assert_int_equal(scenario->participants->len, 2);
    assert_string_equal(g_array_index(scenario->participants, Participant, 1).name.text, "dora");
    assert_int_equal(g_array_index(scenario->participants, Participant, 1).balance, 400);
    assert_int_equal(script_at(scenario, 0)->subject, 1);
    scenario_free(scenario);
}

static void data_without_anybody_to_take_part_is_refused(void **state)
{
    (void)state;
    Scenario *scenario = scenario_new();
    char *error = NULL;
    assert_true(scenario_set(scenario, "bank.data=rows.csv", &error));
    assert_false(scenario_complete(scenario, NULL, 0, &error));
    assert_non_null(strstr(error, "[bank] data: no row"));
    g_free(error);
    scenario_free(scenario);
}

/* --- writing --- */

static char *written(const Scenario *scenario)
{
    GString *text = g_string_new(NULL);
    scenario_write(scenario, text);
    return g_string_free(text, FALSE);
}

static void defaults_are_written_as_nothing(void **state)
{
    (void)state;
    Scenario *scenario = read_ok("[network]\nloss=0\ndelay=uniform 1000us 40ms\n");
    g_autofree char *text = written(scenario);
    assert_string_equal(text, "");
    scenario_free(scenario);
}

static void what_is_written_is_what_was_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[scenario]\nname=a # b is cut off before\n",
        "[scenario]\nname=every kind of value\nduration=31s\nseed=7\n"
        "[bank]\ncustomers=4\nbalance=12.50\ncohort_size=2\ncash=commit\n"
        "[network]\nloss=0.5%\ndelay=lognormal 1ms 0.5\nretries=3\n"
        "[workload]\ntransfer_rate=7/s\namount=constant 25\n"
        "[faults]\npartition_kind=oneway\nclock_drift=10%\n"
        "[script]\n1s=c1 crash; c2 deposit 5\n2.5s=network partition to c1,bank 3s\n",
        "[network]\ndelay=constant 1ms\n[choices]\n",
        "[network]\ndelay=constant 1ms\n[choices]\nc1>c2 3=lost\nc1 drift=5\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        Scenario *scenario = read_ok(texts[i]);
        g_autofree char *first = written(scenario);
        Scenario *again = read_ok(first);
        g_autofree char *second = written(again);
        assert_string_equal(first, second);
        if (i > 0)
            assert_string_equal(first, texts[i]);
        scenario_free(again);
        scenario_free(scenario);
    }
}

static void text_that_a_file_cannot_hold_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {" a", "a ", "a #b", "#a", "a\nb", "a\t#b", "a\r"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        Scenario *scenario = scenario_new();
        g_autofree char *set = g_strdup_printf("scenario.name=%s", names[i]);
        char *error = NULL;
        assert_false(scenario_set(scenario, set, &error));
        assert_true(g_str_has_prefix(error, "--set: [scenario] name: must be one line"));
        g_free(error);
        scenario_free(scenario);
    }
}

static void copy_is_as_complete_and_has_nothing_in_common(void **state)
{
    (void)state;
    Scenario *scenario = read_ok("[network]\ndelay=constant 1ms\n"
                                 "[script]\n1s=network partition both c1 3s; c2 crash\n"
                                 "[choices]\nc1>c2 3=lost\n");
    g_autofree char *text = written(scenario);
    Scenario *copy = scenario_copy(scenario);
    scenario_free(scenario);
    g_autofree char *again = written(copy);
    assert_string_equal(text, again);
    assert_int_equal(copy->participants->len, 3);
    assert_true(copy->disks_matter);
    assert_non_null(choices_find(copy->choices, CHOICE_DATAGRAM, 0, 1, 3));
    scenario_free(copy);
}

static void scenario_completed_again_is_as_it_was(void **state)
{
    (void)state;
    const BankRow rows[] = {{.name = {"anna"}, .balance = 100}, {.name = {"bert"}, .balance = 200}};
    Scenario *scenario = scenario_new();
    char *error = NULL;
    assert_true(scenario_read(scenario, "test.ini", "[bank]\ndata=rows.csv\n", &error));
    assert_true(scenario_complete(scenario, rows, G_N_ELEMENTS(rows), &error));
    assert_true(scenario_complete(scenario, NULL, 0, &error));
    assert_int_equal(scenario->rows->len, 2);
    assert_int_equal(scenario->participants->len, 2);
    scenario_free(scenario);
}

static void set_replaces_a_choice(void **state)
{
    (void)state;
    Scenario *scenario = scenario_new();
    char *error = NULL;
    assert_true(scenario_read(scenario, "test.ini",
                              "[network]\ndelay=constant 1ms\n[choices]\nc1>c2 3=lost\n", &error));
    assert_true(scenario_set(scenario, "choices.c1>c2 3=1.5ms", &error));
    assert_true(scenario_complete(scenario, NULL, 0, &error));
    assert_int_equal(choices_count(scenario->choices), 1);
    assert_int_equal(choices_at(scenario->choices, 0)->datagram.delay_ns[0], 1500 * NS_PER_US);
    scenario_free(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_of_the_interface_is_understood),
        cmocka_unit_test(empty_scenario_has_all_defaults),
        cmocka_unit_test(dumped_defaults_read_back_as_the_defaults),
        cmocka_unit_test(error_names_file_group_key_and_reason),
        cmocka_unit_test(set_overrides_what_the_file_says),
        cmocka_unit_test(bad_set_is_refused),
        cmocka_unit_test(script_is_in_order_of_time_and_extends_the_duration),
        cmocka_unit_test(faults_and_disk_are_understood),
        cmocka_unit_test(script_may_crash_a_process_and_start_it_again),
        cmocka_unit_test(disks_matter_only_where_somebody_would_notice),
        cmocka_unit_test(rows_of_open_customers_outside_a_cohort_take_part),
        cmocka_unit_test(data_without_anybody_to_take_part_is_refused),
        cmocka_unit_test(defaults_are_written_as_nothing),
        cmocka_unit_test(what_is_written_is_what_was_read),
        cmocka_unit_test(text_that_a_file_cannot_hold_is_refused),
        cmocka_unit_test(copy_is_as_complete_and_has_nothing_in_common),
        cmocka_unit_test(scenario_completed_again_is_as_it_was),
        cmocka_unit_test(set_replaces_a_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
