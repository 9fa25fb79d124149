/* Traces, written (core/trace.c) and read (sim/trace_reader.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/trace.h"
#include "sim/trace_reader.h"

#define HEADER "{\"cohort_trace\":1,\"mode\":\"sim\"}\n"

/* --- writing --- */

static const Name C1 = {"c1"};
static const Name MEMBERS[] = {{"c1"}, {"c2"}};
static const TraceCount COUNTS[] = {{{"c2"}, 5, 0}, {{"c3"}, 0, 7}, {{"c4"}, 1, 2}};

#define SNAPSHOT(kind_of)                                                                          \
    {                                                                                              \
        .kind = kind_of, .inc = 1, .initiator = {"c2"}, .number = 7, .balance = 900,               \
        .counts = COUNTS, .count_count = 3, .undone = 4                                            \
    }
#define SNAPSHOT_TEXT                                                                              \
    ",\"instance\":\"c2.7\",\"balance\":900,\"sent\":{\"c2\":5,\"c4\":1},"                         \
    "\"received\":{\"c3\":7,\"c4\":2}"

static const struct {
    TraceEvent event;
    const char *text; /* after inc */
} LINES[] = {
    {{.kind = TRACE_OPENED, .balance = 0}, "\"e\":\"opened\",\"balance\":0"},
    {{.kind = TRACE_JOINED, .cohort = 3, .members = MEMBERS, .member_count = 2},
     "\"e\":\"joined\",\"cohort\":3,\"members\":[\"c1\",\"c2\"]"},
    {{.kind = TRACE_LEFT, .cohort = 3, .balance = 5}, "\"e\":\"left\",\"cohort\":3,\"balance\":5"},
    {{.kind = TRACE_DEPOSITED, .amount = 5, .balance = AMOUNT_MAX},
     "\"e\":\"deposited\",\"amount\":5,\"balance\":9007199254740991"},
    {{.kind = TRACE_WITHDREW, .amount = 5, .balance = -5},
     "\"e\":\"withdrew\",\"amount\":5,\"balance\":-5"},
    {{.kind = TRACE_SENT, .peer = {"c2"}, .label = 9, .amount = 5, .balance = 1},
     "\"e\":\"sent\",\"to\":\"c2\",\"label\":9,\"amount\":5,\"balance\":1"},
    {{.kind = TRACE_RECEIVED, .peer = {"c2"}, .label = 9, .amount = 5, .balance = 1},
     "\"e\":\"received\",\"from\":\"c2\",\"label\":9,\"amount\":5,\"balance\":1"},
    {{.kind = TRACE_LOST, .peer = {"c2"}, .label = 9, .amount = 5},
     "\"e\":\"lost\",\"to\":\"c2\",\"label\":9,\"amount\":5"},
    {{.kind = TRACE_MISSING, .peer = {"c"}, .label = 9},
     "\"e\":\"missing\",\"from\":\"c\",\"label\":9"},
    {{.kind = TRACE_MISSING, .peer = {"c2"}, .label = 9},
     "\"e\":\"missing\",\"from\":\"c2\",\"label\":9"},
    {SNAPSHOT(TRACE_TENTATIVE), "\"e\":\"tentative\"" SNAPSHOT_TEXT},
    {SNAPSHOT(TRACE_PERMANENT), "\"e\":\"permanent\"" SNAPSHOT_TEXT},
    {SNAPSHOT(TRACE_DISCARDED), "\"e\":\"discarded\"" SNAPSHOT_TEXT},
    {SNAPSHOT(TRACE_ROLLED_BACK), "\"e\":\"rolled_back\"" SNAPSHOT_TEXT ",\"undone\":4"},
    {{.kind = TRACE_CRASHED, .balance = 5}, "\"e\":\"crashed\",\"balance\":5"},
    {{.kind = TRACE_RESTARTED, .balance = 5}, "\"e\":\"restarted\",\"balance\":5"},
    {{.kind = TRACE_EXITED, .balance = 5}, "\"e\":\"exited\",\"balance\":5"},
    {{.kind = TRACE_TX,
      .peer = {"c2"},
      .datagram = 12,
      .datagram_kinds = "transfer+ack",
      .datagram_bytes = 80},
     "\"e\":\"tx\",\"to\":\"c2\",\"id\":12,\"kind\":\"transfer+ack\",\"bytes\":80"},
    {{.kind = TRACE_RX, .peer = {"127.0.0.1:8502"}, .datagram_kinds = "ack", .datagram_bytes = 80},
     "\"e\":\"rx\",\"from\":\"127.0.0.1:8502\",\"id\":0,\"kind\":\"ack\",\"bytes\":80"},
    {{.kind = TRACE_DROP, .reason = "stale"},
     "\"e\":\"drop\",\"id\":0,\"kind\":\"?\",\"bytes\":0,\"reason\":\"stale\""},
    {{.kind = TRACE_DROP, .peer = {"c2"}, .outgoing = true, .reason = "loss"},
     "\"e\":\"drop\",\"to\":\"c2\",\"id\":0,\"kind\":\"?\",\"bytes\":0,\"reason\":\"loss\""},
    {{.kind = TRACE_DUP, .peer = {"c2"}, .datagram = 12, .datagram_kinds = "ack"},
     "\"e\":\"dup\",\"to\":\"c2\",\"id\":12,\"kind\":\"ack\",\"bytes\":0"},
};

static void every_kind_is_written_as_the_interface_says(void **state)
{
    (void)state;
    bool seen[TRACE_KINDS] = {false};
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(LINES); i++) {
        g_string_truncate(out, 0);
        trace_write(out, i, 1234567890, &C1, &LINES[i].event);
        g_autofree char *expected =
            g_strdup_printf("{\"seq\":%zu,\"t\":1234567890,\"p\":\"c1\",\"inc\":%u,%s}\n", i,
                            (unsigned)LINES[i].event.inc, LINES[i].text);
        assert_string_equal(out->str, expected);
        seen[LINES[i].event.kind] = true;
    }
    for (int kind = 0; kind < TRACE_KINDS; kind++)
        assert_true(seen[kind]);
    g_string_free(out, TRUE);
}

static void what_a_kind_has_no_key_for_is_not_written(void **state)
{
    (void)state;
    g_autoptr(GString) out = g_string_new(NULL);
    trace_write(out, 1, 2, &C1, &(TraceEvent){.kind = TRACE_OPENED, .peer = {"c2"}});
    assert_string_equal(
        out->str, "{\"seq\":1,\"t\":2,\"p\":\"c1\",\"inc\":0,\"e\":\"opened\",\"balance\":0}\n");
}

static void lines_are_appended(void **state)
{
    (void)state;
    GString *out = g_string_new("before\n");
    const TraceEvent event = {.kind = TRACE_OPENED, .balance = 1};
    trace_write(out, UINT64_MAX, UINT64_MAX, &C1, &event);
    assert_string_equal(out->str, "before\n{\"seq\":18446744073709551615,"
                                  "\"t\":18446744073709551615,\"p\":\"c1\",\"inc\":0,"
                                  "\"e\":\"opened\",\"balance\":1}\n");
    g_string_free(out, TRUE);
}

static void a_header_escapes_what_json_needs(void **state)
{
    (void)state;
    GString *out = g_string_new(NULL);
    trace_write_header(out, "sim", "\"a\\b\"\n\x1f \xc3\xa9", UINT64_MAX, false);
    assert_string_equal(out->str, "{\"cohort_trace\":1,\"mode\":\"sim\","
                                  "\"scenario\":\"\\\"a\\\\b\\\"\\u000a\\u001f \xc3\xa9\","
                                  "\"seed\":18446744073709551615,"
                                  "\"version\":\"" COHORT_VERSION "\"}\n");
    TraceReader *reader = trace_reader_new(out->str, out->len);
    assert_null(trace_reader_error(reader));
    trace_reader_free(reader);
    g_string_free(out, TRUE);
}

/* Of a deposit by ann, behind this header. */
static bool cash_survives(const char *header)
{
    g_autofree char *text =
        g_strconcat(header,
                    "{\"seq\":0,\"t\":1,\"p\":\"ann\",\"inc\":0,\"e\":\"deposited\",\"amount\":1,"
                    "\"balance\":1}\n",
                    NULL);
    TraceReader *reader = trace_reader_new(text, strlen(text));
    TraceRecord record;
    assert_true(trace_reader_next(reader, &record));
    trace_reader_free(reader);
    return record.cash_survives;
}

static void a_header_tells_a_judge_whose_cash_survives(void **state)
{
    (void)state;
    GString *out = g_string_new(NULL);
    trace_write_header(out, "live", "customer", 1, true);
    assert_non_null(strstr(out->str, ",\"cash\":\"commit\"}\n"));
    assert_true(cash_survives(out->str));
    g_string_truncate(out, 0);
    trace_write_header(out, "live", "customer", 1, false);
    assert_false(cash_survives(out->str));
    g_string_free(out, TRUE);
    assert_true(
        cash_survives("{\"cohort_trace\":1,\"mode\":\"replay\",\"cash\":[\"bob\",\"ann\"]}\n"));
    assert_false(cash_survives("{\"cohort_trace\":1,\"mode\":\"replay\",\"cash\":[\"bob\",1]}\n"));
}

/* --- room --- */

enum { MANY = MEMBERS_MAX };
static const Name LONGEST = {"a23456789012345678901234567890b"};

static void assert_written(const TraceEvent *event, const GString *expected)
{
    g_autoptr(GString) out = g_string_new(NULL);
    trace_write(out, 1, 2, &C1, event);
    assert_string_equal(out->str, expected->str);
}

static void a_line_has_room_for_all_members(void **state)
{
    (void)state;
    static Name members[MANY];
    const TraceEvent event = {.kind = TRACE_JOINED, .members = members, .member_count = MANY};
    g_autoptr(GString) expected = g_string_new(
        "{\"seq\":1,\"t\":2,\"p\":\"c1\",\"inc\":0,\"e\":\"joined\",\"cohort\":0,\"members\":[");
    for (int i = 0; i < MANY; i++) {
        members[i] = LONGEST;
        g_string_append_printf(expected, "%s\"%s\"", i > 0 ? "," : "", LONGEST.text);
    }
    g_string_append(expected, "]}\n");
    assert_written(&event, expected);
}

static void append_greatest_counts(GString *expected, const char *key)
{
    g_string_append_printf(expected, ",\"%s\":{", key);
    for (int i = 0; i < MANY; i++)
        g_string_append_printf(expected, "%s\"%s\":18446744073709551615", i > 0 ? "," : "",
                               LONGEST.text);
    g_string_append(expected, "}");
}

static void a_line_has_room_for_the_labels_of_all_peers(void **state)
{
    (void)state;
    static TraceCount counts[MANY];
    const TraceEvent event = {
        .kind = TRACE_PERMANENT, .initiator = {"c2"}, .counts = counts, .count_count = MANY};
    g_autoptr(GString) expected =
        g_string_new("{\"seq\":1,\"t\":2,\"p\":\"c1\",\"inc\":0,\"e\":\"permanent\","
                     "\"instance\":\"c2.0\",\"balance\":0");
    for (int i = 0; i < MANY; i++)
        counts[i] = (TraceCount){LONGEST, UINT64_MAX, UINT64_MAX};
    append_greatest_counts(expected, "sent");
    append_greatest_counts(expected, "received");
    g_string_append(expected, "}\n");
    assert_written(&event, expected);
}

static size_t count_escaped(const GString *out)
{
    size_t count = 0;
    for (const char *at = out->str; (at = strstr(at, "\\u001f")) != NULL; at++)
        count++;
    return count;
}

static void a_line_has_room_for_all_that_is_escaped(void **state)
{
    (void)state;
    g_autofree char *text = g_strnfill(MANY, '\x1f'); /* each becomes six */
    g_autoptr(GString) out = g_string_new(NULL);
    trace_write(out, 1, 2, &C1, &(TraceEvent){.kind = TRACE_TX, .datagram_kinds = text});
    assert_int_equal(count_escaped(out), MANY);
    g_string_truncate(out, 0);
    trace_write(out, 1, 2, &C1, &(TraceEvent){.kind = TRACE_DROP, .reason = text});
    assert_int_equal(count_escaped(out), MANY);
    g_string_truncate(out, 0);
    trace_write_header(out, text, "", 1, true);
    assert_int_equal(count_escaped(out), MANY);
    g_string_truncate(out, 0);
    trace_write_header(out, "", text, 1, true);
    assert_int_equal(count_escaped(out), MANY);
}

/* --- reading --- */

static void assert_same_fields(const TraceEvent *a, const TraceEvent *b, const char *instance)
{
    unsigned fields = trace_fields(a->kind);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->inc, b->inc);
    assert_memory_equal(&a->peer, &b->peer, sizeof a->peer);
    assert_int_equal(a->label, b->label);
    assert_int_equal(a->amount, b->amount);
    assert_int_equal(a->balance, b->balance);
    assert_int_equal(a->cohort, b->cohort);
    assert_int_equal(a->member_count, b->member_count);
    for (size_t i = 0; i < a->member_count; i++)
        assert_memory_equal(&a->members[i], &b->members[i], sizeof(Name));
    assert_int_equal(a->count_count, b->count_count);
    if (fields & FIELD_INSTANCE)
        assert_string_equal(instance, "c2.7");
    if (fields & FIELD_UNDONE)
        assert_int_equal(a->undone, b->undone);
    if (fields & FIELD_DATAGRAM) {
        assert_int_equal(a->datagram, b->datagram);
        assert_int_equal(a->datagram_bytes, b->datagram_bytes);
        assert_string_equal(a->datagram_kinds, b->datagram_kinds ? b->datagram_kinds : "?");
    }
    if (fields & FIELD_REASON) {
        assert_string_equal(a->reason, b->reason);
        assert_true(a->outgoing == b->outgoing);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    GString *out = g_string_new(NULL);
    trace_write_header(out, "live", "", 1, false);
    for (size_t i = 0; i < G_N_ELEMENTS(LINES); i++)
        trace_write(out, i, 5 * i, &C1, &LINES[i].event);
    TraceReader *reader = trace_reader_new(out->str, out->len);
    assert_true(trace_reader_live(reader));
    TraceRecord record;
    for (size_t i = 0; i < G_N_ELEMENTS(LINES); i++) {
        assert_true(trace_reader_next(reader, &record));
        assert_int_equal(record.seq, i);
        assert_int_equal(record.t_ns, 5 * i);
        assert_true(name_equal(&record.process, &C1));
        assert_same_fields(&record.event, &LINES[i].event, record.instance);
    }
    assert_false(trace_reader_next(reader, &record));
    assert_null(trace_reader_error(reader));
    trace_reader_free(reader);
    g_string_free(out, TRUE);
}

static void last_labels_are_joined_by_peer(void **state)
{
    (void)state;
    const char text[] = HEADER "{\"seq\":0,\"t\":0,\"p\":\"c1\",\"inc\":0,\"e\":\"permanent\","
                               "\"instance\":\"whatever\",\"balance\":1,\"sent\":{\"c2\":5},"
                               "\"received\":{\"c3\":7,\"c2\":1}}\n";
    TraceReader *reader = trace_reader_new(text, strlen(text));
    TraceRecord record;
    assert_true(trace_reader_next(reader, &record));
    assert_string_equal(record.instance, "whatever");
    assert_int_equal(record.event.count_count, 2);
    assert_string_equal(record.event.counts[0].peer.text, "c2");
    assert_int_equal(record.event.counts[0].sent, 5);
    assert_int_equal(record.event.counts[0].received, 1);
    assert_string_equal(record.event.counts[1].peer.text, "c3");
    assert_int_equal(record.event.counts[1].sent, 0);
    assert_int_equal(record.event.counts[1].received, 7);
    trace_reader_free(reader);
}

static void unknown_keys_and_a_crash_without_balance_are_accepted(void **state)
{
    (void)state;
    const char text[] = "{\"cohort_trace\":1,\"mode\":\"live\",\"host\":[1]}\n"
                        "{\"seq\":0,\"t\":0,\"p\":\"c1\",\"inc\":0,\"e\":\"crashed\",\"why\":{}}\n";
    TraceReader *reader = trace_reader_new(text, strlen(text));
    TraceRecord record;
    assert_true(trace_reader_next(reader, &record));
    assert_false(trace_reader_next(reader, &record));
    assert_null(trace_reader_error(reader));
    trace_reader_free(reader);
}

static void the_last_line_may_have_no_end(void **state)
{
    (void)state;
    const char text[] =
        HEADER "{\"seq\":0,\"t\":0,\"p\":\"c1\",\"inc\":0,\"e\":\"exited\",\"balance\":5}";
    TraceReader *reader = trace_reader_new(text, strlen(text));
    TraceRecord record;
    assert_true(trace_reader_next(reader, &record));
    assert_int_equal(record.event.balance, 5);
    assert_false(trace_reader_next(reader, &record));
    assert_null(trace_reader_error(reader));
    trace_reader_free(reader);
}

static void a_killed_process_may_leave_its_last_line_torn(void **state)
{
    (void)state;
    const char text[] =
        "{\"cohort_trace\":1,\"mode\":\"live\"}\n"
        "{\"seq\":0,\"t\":0,\"p\":\"c1\",\"inc\":0,\"e\":\"exited\",\"balance\":5}\n"
        "{\"seq\":1,\"t\":0,\"p\":\"c";
    TraceReader *reader = trace_reader_new(text, strlen(text));
    TraceRecord record;
    assert_true(trace_reader_next(reader, &record));
    assert_false(trace_reader_torn(reader));
    assert_false(trace_reader_next(reader, &record));
    assert_null(trace_reader_error(reader));
    assert_true(trace_reader_torn(reader));
    assert_int_equal(trace_reader_line(reader), 3);
    trace_reader_free(reader);
}

#define EVENT(rest) HEADER "{\"seq\":0,\"t\":0,\"p\":\"c1\",\"inc\":0," rest "}\n"
#define SENT(to, label, amount)                                                                    \
    EVENT("\"e\":\"sent\",\"to\":" to ",\"label\":" label ",\"amount\":" amount ",\"balance\":0")
#define PERMANENT(sent, received)                                                                  \
    EVENT("\"e\":\"permanent\",\"instance\":\"c1.1\",\"balance\":0,\"sent\":" sent                 \
          ",\"received\":" received)

static const struct {
    const char *text;
    unsigned line;
    const char *reason; /* a part of it */
} BROKEN[] = {
    {"", 0, "empty"},
    {"{}\n", 1, "expected a header"},
    {"{\"cohort_trace\":\"1\"}\n", 1, "expected a header"},
    {"{\"cohort_trace\":2,\"mode\":\"sim\"}\n", 1, "\"cohort_trace\": expected 1"},
    {"{\"cohort_trace\":1}\n", 1, "\"mode\" is missing"},
    {"{\"cohort_trace\":1,\"mode\":\"real\"}\n", 1,
     "\"mode\": expected \"sim\", \"live\" or \"replay\""},
    {"{\"cohort_trace\":1,\"mode\":\"sim\"", 1, "cut off"},
    {HEADER "\n", 2, "not JSON"},
    {HEADER "[1]\n", 2, "JSON object"},
    {HEADER "{\"seq\":0\n", 2, "not JSON"},
    {HEADER "{\"seq\":0,\"seq\":0}\n", 2, "not JSON"},
    {HEADER "{\"seq\":1}\n", 2, "\"seq\": expected 0, found 1"},
    {HEADER "{\"seq\":\"0\"}\n", 2, "\"seq\": expected an integer"},
    {HEADER "{\"t\":0}\n", 2, "\"seq\" is missing"},
    {HEADER "{\"seq\":0,\"t\":-1}\n", 2, "\"t\": expected an integer, 0 or more"},
    {HEADER "{\"seq\":0,\"t\":1.5}\n", 2, "\"t\": expected an integer"},
    {EVENT("\"e\":\"flown\""), 2, "unknown event \"flown\""},
    {EVENT("\"e\":7"), 2, "\"e\": expected a string"},
    {HEADER "{\"seq\":0,\"t\":0,\"p\":\"1c\",\"inc\":0,\"e\":\"exited\",\"balance\":0}\n", 2,
     "\"p\": expected a customer's name"},
    {HEADER "{\"seq\":0,\"t\":0,\"p\":\"c1\",\"e\":\"exited\",\"balance\":0}\n", 2,
     "\"inc\" is missing"},
    {EVENT("\"e\":\"exited\""), 2, "\"balance\" is missing"},
    {EVENT("\"e\":\"exited\",\"balance\":1.0"), 2, "\"balance\": expected an integer"},
    {SENT("\"\"", "1", "1"), 2, "\"to\": expected a customer's name"},
    {SENT("5", "1", "1"), 2, "\"to\": expected a string"},
    {SENT("\"c2\"", "0", "1"), 2, "\"label\": expected a positive integer"},
    {SENT("\"c2\"", "1", "0"), 2, "\"amount\": expected a positive integer"},
    {SENT("\"c2\"", "1", "9007199254740992"), 2, "\"amount\": expected at most"},
    {SENT("\"c2\"", "1", "99999999999999999999"), 2, "not JSON"},
    {EVENT("\"e\":\"joined\",\"cohort\":1"), 2, "\"members\" is missing"},
    {EVENT("\"e\":\"joined\",\"cohort\":1,\"members\":[1]"), 2, "\"members\": expected an array"},
    {EVENT("\"e\":\"joined\",\"cohort\":0,\"members\":[]"), 2, "\"cohort\": expected a positive"},
    {EVENT("\"e\":\"permanent\",\"instance\":1"), 2, "\"instance\": expected a string"},
    {PERMANENT("{}", "[]"), 2, "\"received\": expected an object"},
    {PERMANENT("{\"c2\":-1}", "{}"), 2, "\"sent\": expected an object"},
    {PERMANENT("{\"c2\":true}", "{}"), 2, "\"sent\": expected an object"},
    {PERMANENT("{}", "{\"2c\":1}"), 2, "\"received\": expected an object"},
    {EVENT("\"e\":\"tx\",\"id\":1,\"kind\":\"ack\""), 2, "\"bytes\" is missing"},
    {EVENT("\"e\":\"drop\",\"id\":1,\"kind\":\"ack\",\"bytes\":1"), 2, "\"reason\" is missing"},
    {EVENT("\"e\":\"exited\",\"balance\":1") "{\"seq\":1,\"t\":0,\"p\":\"c1", 3, "cut off"},
};

static void a_broken_trace_is_told_with_line_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(BROKEN); i++) {
        TraceReader *reader = trace_reader_new(BROKEN[i].text, strlen(BROKEN[i].text));
        TraceRecord record;
        while (trace_reader_next(reader, &record))
            continue;
        const char *error = trace_reader_error(reader);
        if (error == NULL || strstr(error, BROKEN[i].reason) == NULL)
            fail_msg("%s: expected \"%s\", found \"%s\"", BROKEN[i].text, BROKEN[i].reason,
                     error != NULL ? error : "no error");
        assert_int_equal(trace_reader_line(reader), BROKEN[i].line);
        trace_reader_free(reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_written_as_the_interface_says),
        cmocka_unit_test(what_a_kind_has_no_key_for_is_not_written),
        cmocka_unit_test(lines_are_appended),
        cmocka_unit_test(a_header_escapes_what_json_needs),
        cmocka_unit_test(a_header_tells_a_judge_whose_cash_survives),
        cmocka_unit_test(a_line_has_room_for_all_members),
        cmocka_unit_test(a_line_has_room_for_the_labels_of_all_peers),
        cmocka_unit_test(a_line_has_room_for_all_that_is_escaped),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(last_labels_are_joined_by_peer),
        cmocka_unit_test(unknown_keys_and_a_crash_without_balance_are_accepted),
        cmocka_unit_test(the_last_line_may_have_no_end),
        cmocka_unit_test(a_killed_process_may_leave_its_last_line_torn),
        cmocka_unit_test(a_broken_trace_is_told_with_line_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
