/* Schedules: what is chosen happens, and nothing else. */
#include "sim/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sim/trial.h"

/* Two customers in a cohort, 10 ms apart. */
#define PAIR "[scenario]\nduration=10s\n[bank]\ncustomers=2\n[network]\ndelay=constant 10ms\n"

/* One customer, in no cohort. */
#define ALONE "[scenario]\nduration=10s\n[bank]\ncustomers=1\n[network]\ndelay=constant 10ms\n"

/* Everything that can be chosen is. */
#define STORM                                                                                      \
    "[scenario]\nduration=20s\n"                                                                   \
    "[bank]\ncustomers=4\n"                                                                        \
    "[network]\nloss=10%\nduplicate=5%\nretries=3\n"                                               \
    "[workload]\ntransfer_rate=5/s\ndeposit_rate=1/s\ncheckpoint_rate=0.5/s\nrollback_rate=0.2/"   \
    "s\n"                                                                                          \
    "[faults]\ncrash_rate=0.2/s\nbank_crash_rate=0.1/s\ncrash_at_save=2%\npartition_rate=0.2/s\n"  \
    "pause_rate=0.1/s\nclock_drift=10%\nclock_jump_rate=0.1/s\n"                                   \
    "[disk]\nwrite_delay=exponential 1ms\nfsync_delay=exponential 5ms\ntorn_write=50%\n"           \
    "lost_unsynced=50%\nfull_rate=1%\nerror_rate=1%\nbit_flip_rate=50%\n"                          \
    "[script]\n3s=c1 checkpoint; c2 crash\n4s=c2 restart\n"

static Scenario *noted_of(const Scenario *scenario, uint64_t seed, WorldResult *result)
{
    char *error = NULL;
    Scenario *noted = schedule_of(scenario);
    World *world = world_new(scenario, seed, NULL);
    world_note_choices(world, noted);
    while (world_advance(world, 1000))
        continue;
    *result = world_result(world);
    world_free(world);
    assert_true(scenario_complete(noted, NULL, 0, &error));
    return noted;
}

static uint64_t hash_of(const Scenario *scenario, uint64_t seed)
{
    World *world = run(scenario, seed, NULL);
    uint64_t hash = world_result(world).trace_hash;
    world_free(world);
    return hash;
}

/* What the run of a schedule told, datagrams too. */
typedef struct Told {
    Scenario *scenario;
    Seen *seen;
    World *world;
    WorldResult result;
} Told;

static Told tell(const char *text)
{
    Told told = {.scenario = scenario_of(text), .seen = seen_new(true)};
    told.world = run(told.scenario, told.scenario->seed, &told.seen->observer);
    told.result = assert_sound(told.world);
    return told;
}

static void told_clear(Told *told)
{
    world_free(told->world);
    seen_free(told->seen);
    scenario_free(told->scenario);
}

/* How many lines of the trace contain both. */
static unsigned lines_with(const Told *told, const char *first, const char *second)
{
    char **lines = g_strsplit(told->seen->trace->str, "\n", -1);
    unsigned count = 0;
    for (char **line = lines; *line != NULL; line++)
        count += strstr(*line, first) != NULL && strstr(*line, second) != NULL;
    g_strfreev(lines);
    return count;
}

static bool answered(const Told *told, const char *line)
{
    return strstr(told->seen->notices->str, line) != NULL;
}

/* --- noting --- */

static void noting_changes_nothing(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of(STORM);
    WorldResult result;
    Scenario *noted = noted_of(scenario, 5, &result);
    assert_int_equal(hash_of(scenario, 5), result.trace_hash);
    scenario_free(noted);
    scenario_free(scenario);
}

static void run_and_its_schedule_are_the_same(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of(STORM);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        WorldResult result;
        WorldResult again;
        Scenario *noted = noted_of(scenario, seed, &result);
        assert_int_equal(noted->seed, seed);
        Scenario *renoted = noted_of(noted, seed, &again);
        assert_int_equal(again.trace_hash, result.trace_hash);
        assert_int_equal(again.events, result.events);
        assert_int_equal(again.commands, result.commands);
        assert_int_equal(again.settle_ns, result.settle_ns);
        assert_memory_equal(again.faults, result.faults, sizeof result.faults);
        assert_int_equal(schedule_size(renoted), schedule_size(noted));
        assert_int_equal(again.choices_unasked, 0);
        scenario_free(renoted);
        scenario_free(noted);
    }
    scenario_free(scenario);
}

static void every_kind_of_choice_is_noted(void **state)
{
    (void)state;
    bool noted_kinds[CHOICE_KINDS] = {false};
    bool noted_acts[SCRIPT_PARTITION + 1] = {false};
    Scenario *scenario = scenario_of(STORM);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        WorldResult result;
        Scenario *noted = noted_of(scenario, seed, &result);
        for (size_t i = 0; i < choices_count(noted->choices); i++)
            noted_kinds[choices_at(noted->choices, i)->kind] = true;
        for (guint i = 0; i < noted->script->len; i++)
            noted_acts[g_array_index(noted->script, ScriptCommand, i).act] = true;
        scenario_free(noted);
    }
    for (int kind = 0; kind < CHOICE_KINDS; kind++)
        assert_true(noted_kinds[kind]);
    for (int act = 0; act <= SCRIPT_PARTITION; act++)
        assert_true(noted_acts[act] == (act != SCRIPT_TIMER)); /* no fault is a timer */
    scenario_free(scenario);
}

static void what_is_the_default_is_not_noted(void **state)
{
    (void)state;
    WorldResult result;
    Scenario *scenario = scenario_of(PAIR "[script]\n1s=c1 transfer 5 c2\n2s=c2 checkpoint\n");
    Scenario *noted = noted_of(scenario, 1, &result);
    assert_int_equal(choices_count(noted->choices), 0);
    assert_int_equal(schedule_size(noted), 2);
    scenario_free(noted);
    scenario_free(scenario);
}

static void what_a_partition_cuts_is_no_choice(void **state)
{
    (void)state;
    WorldResult result;
    Scenario *scenario = scenario_of("[scenario]\nduration=10s\n[bank]\ncustomers=2\n[script]\n"
                                     "1s=network partition both c2 9s; c1 transfer 5 c2\n");
    Scenario *noted = noted_of(scenario, 1, &result);
    assert_true(result.datagrams_dropped > 1);
    assert_null(choices_find(noted->choices, CHOICE_DATAGRAM, 0, 1, 1));
    assert_null(choices_find(noted->choices, CHOICE_DATAGRAM, 0, 1, 2));
    scenario_free(noted);
    scenario_free(scenario);
}

static void choice_that_nothing_asks_for_is_left_out(void **state)
{
    (void)state;
    WorldResult result;
    Scenario *scenario = scenario_of(PAIR "[script]\n1s=c1 transfer 5 c2\n"
                                          "[choices]\nc1>c2 1=lost\nc1>c2 999=lost\n"
                                          "c1 write 7=die 1\nc2 flip 3=1\n");
    Scenario *noted = noted_of(scenario, 1, &result);
    assert_int_equal(choices_count(noted->choices), 1);
    assert_int_equal(result.choices_unasked, 3);
    assert_int_equal(result.first_unasked->kind, CHOICE_DATAGRAM);
    assert_int_equal(result.first_unasked->number, 999);
    scenario_free(noted);
    scenario_free(scenario);
}

static void answer_to_a_question_about_what_a_partition_cuts_is_asked_for(void **state)
{
    (void)state;
    WorldResult result;
    Scenario *scenario = scenario_of(PAIR "[script]\n1s=network partition both c2 1s; "
                                          "c1 transfer 5 c2\n[choices]\nc1>c2 1=lost\n");
    Scenario *noted = noted_of(scenario, 1, &result);
    assert_int_equal(result.choices_unasked, 0);
    assert_null(result.first_unasked);
    scenario_free(noted);
    scenario_free(scenario);
}

static void schedule_is_the_same_world_without_rates(void **state)
{
    (void)state;
    Scenario *scenario = scenario_of(STORM "5s=c3 exit\n");
    Scenario *schedule = schedule_of(scenario);
    char *error = NULL;
    assert_int_equal(schedule->participants->len, 4);
    assert_int_equal(schedule->retries, 3);
    assert_int_equal(schedule->duration_ns, scenario->duration_ns);
    assert_int_equal(schedule_size(schedule), 0);
    assert_true(schedule_check(schedule, &error));
    assert_int_equal(schedule->network.delay.kind, DELAY_CONSTANT);
    assert_int_equal(schedule->network.delay.a_ns, 20500 * NS_PER_US); /* midst of 1 .. 40 ms */
    assert_int_equal(schedule->disk.fsync_delay.a_ns, 5 * NS_PER_MS);
    scenario_free(schedule);
    scenario_free(scenario);
}

static void scenario_that_draws_is_no_schedule(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error; /* how it begins */
    } table[] = {
        {"[choices]\n", "test.ini: [network] delay: nothing is drawn in a schedule"},
        {PAIR "loss=1%\n[choices]\n", "test.ini: [network] loss: nothing"},
        {PAIR "[workload]\ndeposit_rate=1/s\n[choices]\n", "test.ini: [workload] deposit_rate: "},
        {PAIR "[faults]\ncrash_rate=1/s\n[choices]\n", "test.ini: [faults] crash_rate: "},
        {PAIR "[faults]\nclock_drift=1%\n[choices]\n", "test.ini: [faults] clock_drift: "},
        {PAIR "[disk]\nerror_rate=1%\n[choices]\n", "test.ini: [disk] error_rate: "},
        {PAIR "[disk]\nfsync_delay=uniform 0s 1s\n[choices]\n", "test.ini: [disk] fsync_delay: "},
        {PAIR "[choices]\nc3>c1 1=lost\n", "test.ini: [choices] c3>c1 1: no process"},
        {PAIR "[choices]\nc1>c2 1=gone\n", "test.ini: [choices] c1>c2 1: must begin"},
        {PAIR "[choices]\nc1>c2 1=lost\nc1>c2 1=1s\n",
         "test.ini: [choices] c1>c2 1: written twice"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        Scenario *scenario = scenario_new();
        char *error = NULL;
        bool ok = scenario_read(scenario, "test.ini", table[i].text, &error) &&
                  scenario_complete(scenario, NULL, 0, &error);
        assert_false(ok);
        if (!g_str_has_prefix(error, table[i].error))
            fail_msg("`%s` does not begin with `%s`", error, table[i].error);
        g_free(error);
        scenario_free(scenario);
    }
}

static void bank_is_no_customer_of_a_schedule(void **state)
{
    (void)state;
    const BankRow rows[] = {{.name = {"bank"}, .balance = 100}, {.name = {"anna"}}};
    Scenario *scenario = scenario_new();
    char *error = NULL;
    assert_true(scenario_read(scenario, "test.ini",
                              "[bank]\ndata=rows.csv\n[network]\ndelay=constant 1ms\n", &error));
    assert_true(scenario_complete(scenario, rows, G_N_ELEMENTS(rows), &error));
    Scenario *schedule = schedule_of(scenario);
    assert_false(scenario_complete(schedule, NULL, 0, &error));
    assert_string_equal(error,
                        "test.ini: [bank] data: in a schedule no customer may be called `bank`");
    g_free(error);
    scenario_free(schedule);
    scenario_free(scenario);
}

/* --- datagrams --- */

static void datagram_is_lost_delayed_and_doubled_as_chosen(void **state)
{
    (void)state;
    Told usual = tell(PAIR "[script]\n1s=c1 transfer 5 c2\n[choices]\n");
    assert_int_equal(lines_with(&usual, "\"t\":1010000000,\"p\":\"c2\"", "\"e\":\"received\""), 1);
    told_clear(&usual);
    Told late = tell(PAIR "[script]\n1s=c1 transfer 5 c2\n[choices]\nc1>c2 1=3.5ms\n");
    assert_int_equal(lines_with(&late, "\"t\":1003500000,\"p\":\"c2\"", "\"e\":\"received\""), 1);
    told_clear(&late);
    Told lost = tell(PAIR "[script]\n1s=c1 transfer 5 c2\n[choices]\nc1>c2 1=lost\n");
    assert_int_equal(lines_with(&lost, "\"t\":1000000000,\"p\":\"c1\"", "\"reason\":\"loss\""), 1);
    assert_int_equal(lines_with(&lost, "\"t\":1010000000,\"p\":\"c2\"", "\"e\":\"received\""), 0);
    assert_int_equal(lost.result.sums.transfers_received, 1);
    told_clear(&lost);
    Told often = tell(PAIR "[script]\n1s=c1 transfer 5 c2\n[choices]\nc1>c2 1=20ms 1ms 5ms\n");
    assert_int_equal(lines_with(&often, "\"p\":\"c1\"", "\"e\":\"dup\""), 2);
    assert_int_equal(lines_with(&often, "\"t\":1001000000,\"p\":\"c2\"", "\"e\":\"received\""), 1);
    assert_int_equal(lines_with(&often, "\"t\":1005000000,\"p\":\"c2\"", "\"e\":\"rx\""), 1);
    assert_int_equal(lines_with(&often, "\"t\":1020000000,\"p\":\"c2\"", "\"e\":\"rx\""), 1);
    told_clear(&often);
}

static void answers_stay_put_when_commands_go(void **state)
{
    (void)state;
    Told both = tell(PAIR "[script]\n1s=c1 transfer 5 c2\n2s=c2 transfer 5 c1\n"
                          "[choices]\nc2>c1 2=3ms\n");
    assert_int_equal(lines_with(&both, "\"t\":2003000000,\"p\":\"c1\"", "\"e\":\"received\""), 1);
    told_clear(&both);
    /* The first from c2 was the acknowledgement. */
    Told one = tell(PAIR "[script]\n2s=c2 transfer 5 c1\n3s=c2 transfer 6 c1\n"
                         "[choices]\nc2>c1 2=3ms\n");
    assert_int_equal(lines_with(&one, "\"t\":3003000000,\"p\":\"c1\"", "\"e\":\"received\""), 1);
    told_clear(&one);
}

/* --- disks --- */

static void disk_is_as_slow_as_chosen(void **state)
{
    (void)state;
    Told slow = tell(ALONE "[script]\n1s=c1 deposit 5\n"
                           "[choices]\nc1 disk 1=50ms\nc1 disk 2=70ms\n");
    assert_true(answered(&slow, "1120 c1 deposit SUCCESS 3\n"));
    told_clear(&slow);
}

/* Nothing is told of what failed; and it is down until the faults are over. */
static void disk_fails_and_is_full_as_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *choice;
        FaultCount count;
    } table[] = {{"c1 disk 1=error", COUNT_DISK_ERRORS},
                 {"c1 disk 1=error 7 3ms", COUNT_DISK_ERRORS},
                 {"c1 disk 2=error", COUNT_DISK_ERRORS},
                 {"c1 disk 2=full", COUNT_DISK_ERRORS}, /* a sync needs no space */
                 {"c1 disk 1=full 12", COUNT_DISK_FULL}};
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *text =
            g_strdup_printf(ALONE "[script]\n1s=c1 deposit 5\n[choices]\n%s\n", table[i].choice);
        Told told = tell(text);
        assert_int_equal(told.result.faults[table[i].count], 1);
        assert_int_equal(told.result.sums.crashes, 1);
        assert_false(answered(&told, "c1 deposit"));
        assert_int_equal(lines_with(&told, "\"t\":10000000000,", "\"e\":\"restarted\""), 1);
        told_clear(&told);
    }
}

/* --- deaths --- */

/* The operations of a deposit's commit are a write and a sync; its answer is an effect. */
static void process_dies_at_a_write_as_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *choice;
        bool told;
        const char *balance; /* after the restart */
    } table[] = {
        {"c1 write 1=die 0", false, "100000"},
        {"c1 write 1=die 0 under-way", false, "100500"}, /* all of it was there */
        {"c1 write 1=die 0 under-way\nc1 crash 1=tear 3", false, "100000"},
        {"c1 write 1=die 1", false, "100500"},
        {"c1 write 1=die 1\nc1 crash 1=lose 3", false, "100000"},
        {"c1 write 1=die after 0", false, "100500"},
        {"c1 write 1=die after 1000", true, "100500"},
        {"c1 write 1=die 1000", false, "100500"}, /* in the end */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *text = g_strdup_printf(
            ALONE "[script]\n1s=c1 deposit 5\n2s=c1 restart\n[choices]\n%s\n", table[i].choice);
        g_autofree char *balance = g_strdup_printf("\"balance\":%s", table[i].balance);
        Told told = tell(text);
        assert_int_equal(lines_with(&told, "\"t\":1000000000,", "\"e\":\"crashed\""), 1);
        assert_int_equal(answered(&told, "c1 deposit SUCCESS"), table[i].told);
        assert_int_equal(lines_with(&told, "\"e\":\"restarted\"", balance), 1);
        told_clear(&told);
    }
}

/* Whatever the world's seed. */
static void what_was_under_way_at_a_crash_is_there(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 8; seed++) {
        g_autofree char *text =
            g_strdup_printf(ALONE "[scenario]\nseed=%d\n"
                                  "[script]\n1s=c1 deposit 5\n1.02s=c1 crash\n2s=c1 restart\n"
                                  "[choices]\nc1 disk 1=50ms\n",
                            seed);
        Told told = tell(text);
        assert_int_equal(lines_with(&told, "\"e\":\"restarted\"", "\"balance\":100500"), 1);
        told_clear(&told);
    }
}

static void bit_is_inverted_as_chosen(void **state)
{
    (void)state;
    Told told = tell(ALONE "[script]\n1s=c1 deposit 5\n2s=c1 crash\n3s=c1 restart; c1 crash\n"
                           "[choices]\nc1 flip 2=8\n");
    assert_int_equal(told.result.faults[COUNT_BIT_FLIPS], 1);
    assert_int_equal(told.result.sums.crashes, 2);
    told_clear(&told);
}

/* Only the script starts it again, before the scenario's end. */
static void who_crashes_stays_down_until_the_script_says_otherwise(void **state)
{
    (void)state;
    Told told = tell(PAIR "[script]\n1s=c1 crash; c2 crash\n2s=c1 restart\n[choices]\n");
    assert_int_equal(lines_with(&told, "\"t\":2000000000,\"p\":\"c1\"", "\"restarted\""), 1);
    assert_int_equal(lines_with(&told, "\"t\":10000000000,\"p\":\"c2\"", "\"restarted\""), 1);
    assert_int_equal(told.result.faults[COUNT_RESTARTS], 2);
    told_clear(&told);
}

/* --- clocks --- */

/* When the first datagram is sent again; each is lost. */
static uint64_t sent_again_at(const char *choices)
{
    g_autofree char *text =
        g_strdup_printf(PAIR "[script]\n1s=c1 transfer 5 c2\n[choices]\nc1>c2 1=lost\n%s", choices);
    Told told = tell(text);
    uint64_t at_ns = 0;
    char **lines = g_strsplit(told.seen->trace->str, "\n", -1);
    for (char **line = lines; *line != NULL && at_ns <= NS_PER_S; line++) {
        if (strstr(*line, "\"p\":\"c1\"") != NULL && strstr(*line, "\"e\":\"tx\"") != NULL)
            at_ns = g_ascii_strtoull(strstr(*line, "\"t\":") + 4, NULL, 10);
    }
    g_strfreev(lines);
    told_clear(&told);
    return at_ns;
}

static void clock_drifts_as_chosen(void **state)
{
    (void)state;
    uint64_t usual_ns = sent_again_at("") - NS_PER_S;
    assert_int_equal(sent_again_at("c1 drift=0\n") - NS_PER_S, usual_ns);
    assert_in_range(sent_again_at("c1 drift=-500000000\n") - NS_PER_S, 2 * usual_ns - 2,
                    2 * usual_ns + 2);
}

/* Its deadline is as far away on its clock: a clock set anew changes nothing but what it shows. */
static void clock_shows_as_chosen_after_a_restart(void **state)
{
    (void)state;
    WorldResult result;
    Scenario *scenario = scenario_of(PAIR "[script]\n1s=c1 crash\n2s=c1 restart\n"
                                          "[choices]\nc1 clock 1=12.5s\n");
    Scenario *noted = noted_of(scenario, 1, &result);
    assert_int_equal(choices_count(noted->choices), 1);
    assert_int_equal(choices_at(noted->choices, 0)->clock_ns, 12500 * NS_PER_MS);
    scenario_free(noted);
    scenario_free(scenario);
}

/* --- acts --- */

static void timer_comes_when_the_script_says(void **state)
{
    (void)state;
    Told told = tell(PAIR "[script]\n1s=c1 transfer 5 c2\n1.001s=c1 timer\n"
                          "[choices]\nc1>c2 1=lost\n");
    assert_int_equal(lines_with(&told, "\"t\":1001000000,\"p\":\"c1\"", "\"e\":\"tx\""), 1);
    assert_int_equal(lines_with(&told, "\"t\":1011000000,\"p\":\"c2\"", "\"e\":\"received\""), 1);
    told_clear(&told);
}

static void timer_does_not_wake_who_is_paused(void **state)
{
    (void)state;
    Told told = tell(PAIR "[script]\n1s=c1 transfer 5 c2\n1.001s=c1 pause 2s; c1 timer\n"
                          "[choices]\nc1>c2 1=lost\n");
    assert_int_equal(lines_with(&told, "\"t\":1001000000,", "\"e\":\"tx\""), 0);
    told_clear(&told);
}

static void timer_of_one_who_waits_for_nothing_does_nothing(void **state)
{
    (void)state;
    Told without = tell(PAIR "[script]\n1s=c1 balance\n[choices]\n");
    Told with = tell(PAIR "[script]\n1s=c1 balance\n2s=c1 timer; c2 timer\n[choices]\n");
    assert_int_equal(with.result.events, without.result.events);
    told_clear(&without);
    told_clear(&with);
}

static void pause_and_partition_last_as_long_as_the_script_says(void **state)
{
    (void)state;
    Told paused = tell(PAIR "[script]\n1s=c2 pause 2s; c1 transfer 5 c2\n[choices]\n");
    assert_int_equal(lines_with(&paused, "\"t\":3000000000,\"p\":\"c2\"", "\"received\""), 1);
    assert_int_equal(paused.result.faults[COUNT_PAUSES], 1);
    told_clear(&paused);
    Told cut = tell(PAIR "[script]\n1s=network partition both c2 50ms; c1 transfer 5 c2\n"
                         "[choices]\n");
    assert_int_equal(lines_with(&cut, "\"t\":1000000000,\"p\":\"c1\"", "\"partition\""), 1);
    assert_int_equal(cut.result.faults[COUNT_PARTITIONS], 1);
    assert_int_equal(cut.result.sums.transfers_received, 1);
    told_clear(&cut);
}

static void partition_cuts_one_direction_if_told_so(void **state)
{
    (void)state;
    static const struct {
        const char *direction;
        const char *who;
        const char *other;
    } table[] = {{"to", "\"p\":\"c1\"", "\"p\":\"c2\""}, {"from", "\"p\":\"c2\"", "\"p\":\"c1\""}};
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *text = g_strdup_printf(PAIR "[script]\n"
                                                     "1s=network partition %s c2 1s\n"
                                                     "1.1s=c1 transfer 5 c2; c2 transfer 5 c1\n"
                                                     "[choices]\n",
                                                table[i].direction);
        Told told = tell(text);
        assert_true(lines_with(&told, table[i].who, "\"reason\":\"partition\"") > 0);
        assert_int_equal(lines_with(&told, table[i].other, "\"reason\":\"partition\""), 0);
        told_clear(&told);
    }
}

/* --- the end --- */

/* However the choices go on: once the faults are over everything arrives, and nobody dies. */
static void nothing_chosen_goes_wrong_after_the_end(void **state)
{
    (void)state;
    g_autoptr(GString) text = g_string_new("[scenario]\nduration=1s\n[bank]\ncustomers=2\n"
                                           "[network]\ndelay=constant 10ms\n"
                                           "[script]\n900ms=c1 transfer 5 c2\n1s=c2 checkpoint\n"
                                           "[choices]\n");
    /* Before the end there are the transfer, its acknowledgement, and c2 asking c1. */
    for (int i = 1; i < 100; i++)
        g_string_append_printf(text,
                               "c1>c2 %d=lost\nc2>c1 %d=1ms 2ms\n"
                               "c1 disk %d=error\nc1 write %d=die 0\n",
                               i + 1, i + 2, i, i);
    Told told = tell(text->str);
    assert_int_equal(told.result.datagrams_dropped, 0);
    assert_int_equal(told.result.datagrams_duplicated, 0);
    assert_int_equal(told.result.sums.crashes, 0);
    assert_int_equal(told.result.faults[COUNT_DISK_ERRORS], 0);
    assert_int_equal(told.result.sums.checkpoints, 1);
    assert_true(told.result.settle_ns > 20 * NS_PER_MS); /* who is not lost takes its time */
    told_clear(&told);
}

static void assert_replays(const char *text, uint64_t seed)
{
    WorldResult result;
    WorldResult again;
    Scenario *scenario = scenario_of(text);
    Scenario *noted = noted_of(scenario, seed, &result);
    Scenario *renoted = noted_of(noted, seed, &again);
    assert_int_equal(noted->duration_ns, scenario->duration_ns);
    assert_int_equal(again.trace_hash, result.trace_hash);
    scenario_free(renoted);
    scenario_free(noted);
    scenario_free(scenario);
}

/* It fails before the end, dies of it after, and is started again as all are then. */
static void death_after_the_end_is_no_choice(void **state)
{
    (void)state;
    assert_replays("[scenario]\nduration=1s\n[bank]\ncustomers=1\n[network]\ndelay=constant 1ms\n"
                   "[disk]\nerror_rate=100%\nwrite_delay=constant 10ms\n"
                   "[script]\n1s=c1 deposit 5\n",
                   1);
}

/* --- ties --- */

/* Draws often enough that most of what is drawn is put off for less than a datagram takes. */
#define RESTLESS "[scenario]\nduration=200ms\n[bank]\ncustomers=2\n[network]\ndelay=constant 20ms\n"

/* What is drawn for the time when a datagram arrives comes first, in the run as in its schedule. */
static void assert_ties_replay(const char *rates, ScriptAct act)
{
    g_autofree char *text = g_strdup_printf(RESTLESS "%s", rates);
    Scenario *scenario = scenario_of(text);
    unsigned ties = 0;
    WorldResult result;
    Scenario *noted = noted_of(scenario, 1, &result);
    for (guint i = 0; i < noted->script->len; i++) {
        const ScriptCommand *entry = &g_array_index(noted->script, ScriptCommand, i);
        if (entry->act != act || entry->subject == SCRIPT_BANK || entry->time_ns < 20 * NS_PER_MS)
            continue;
        g_autoptr(GString) tied = g_string_new(text);
        g_string_append_printf(tied, "[script]\n%" G_GUINT64_FORMAT "ns=%s transfer 5 %s\n",
                               (guint64)(entry->time_ns - 20 * NS_PER_MS),
                               entry->subject == 0 ? "c2" : "c1",
                               entry->subject == 0 ? "c1" : "c2");
        assert_replays(tied->str, 1);
        ties++;
    }
    assert_true(ties > 3);
    scenario_free(noted);
    scenario_free(scenario);
}

static void what_is_drawn_for_the_time_of_an_arrival_comes_first(void **state)
{
    (void)state;
    assert_ties_replay("[workload]\ndeposit_rate=200/s\n", SCRIPT_COMMAND);
    assert_ties_replay("[faults]\npause_rate=200/s\npause_duration=constant 1ms\n", SCRIPT_PAUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noting_changes_nothing),
        cmocka_unit_test(run_and_its_schedule_are_the_same),
        cmocka_unit_test(every_kind_of_choice_is_noted),
        cmocka_unit_test(what_is_the_default_is_not_noted),
        cmocka_unit_test(what_a_partition_cuts_is_no_choice),
        cmocka_unit_test(choice_that_nothing_asks_for_is_left_out),
        cmocka_unit_test(answer_to_a_question_about_what_a_partition_cuts_is_asked_for),
        cmocka_unit_test(schedule_is_the_same_world_without_rates),
        cmocka_unit_test(scenario_that_draws_is_no_schedule),
        cmocka_unit_test(bank_is_no_customer_of_a_schedule),
        cmocka_unit_test(datagram_is_lost_delayed_and_doubled_as_chosen),
        cmocka_unit_test(answers_stay_put_when_commands_go),
        cmocka_unit_test(disk_is_as_slow_as_chosen),
        cmocka_unit_test(disk_fails_and_is_full_as_chosen),
        cmocka_unit_test(process_dies_at_a_write_as_chosen),
        cmocka_unit_test(what_was_under_way_at_a_crash_is_there),
        cmocka_unit_test(bit_is_inverted_as_chosen),
        cmocka_unit_test(who_crashes_stays_down_until_the_script_says_otherwise),
        cmocka_unit_test(clock_drifts_as_chosen),
        cmocka_unit_test(clock_shows_as_chosen_after_a_restart),
        cmocka_unit_test(timer_comes_when_the_script_says),
        cmocka_unit_test(timer_does_not_wake_who_is_paused),
        cmocka_unit_test(timer_of_one_who_waits_for_nothing_does_nothing),
        cmocka_unit_test(pause_and_partition_last_as_long_as_the_script_says),
        cmocka_unit_test(partition_cuts_one_direction_if_told_so),
        cmocka_unit_test(nothing_chosen_goes_wrong_after_the_end),
        cmocka_unit_test(death_after_the_end_is_no_choice),
        cmocka_unit_test(what_is_drawn_for_the_time_of_an_arrival_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
