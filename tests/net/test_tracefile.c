#include "net/tracefile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/net/scratch.h"

static const char HEADER[] = "{\"cohort_trace\":1,\"mode\":\"live\",\"scenario\":\"customer\","
                             "\"seed\":5,\"version\":\"" COHORT_VERSION "\"}\n";

typedef struct Said {
    GString *error;
    GString *warning;
} Said;

static int try_open(void **state, const char *name, bool resume, const char *carried,
                    Tracefile **trace, Said *said)
{
    g_autofree char *path = scratch_path(state, name);
    return tracefile_open(&(TracefileConfig){.path = path,
                                             .resume = resume,
                                             .process = "alice",
                                             .role = "customer",
                                             .seed = 5,
                                             .carried = (const uint8_t *)carried,
                                             .carried_length = carried ? strlen(carried) : 0},
                          trace, said->error, said->warning);
}

/* Must succeed; *warned tells whether there was something to say. */
static Tracefile *open_trace(void **state, bool resume, const char *carried, bool *warned)
{
    Said said = {g_string_new(NULL), g_string_new(NULL)};
    Tracefile *trace = NULL;
    assert_int_equal(try_open(state, "t", resume, carried, &trace, &said), 0);
    if (warned != NULL)
        *warned = said.warning->len > 0;
    else
        assert_int_equal(said.warning->len, 0);
    g_string_free(said.error, TRUE);
    g_string_free(said.warning, TRUE);
    return trace;
}

static void add(Tracefile *trace, Money balance)
{
    Name name = {"alice"};
    tracefile_add(trace, &name, &(TraceEvent){.kind = TRACE_OPENED, .balance = balance});
}

/* The file is its header, and lines "seq:balance" in this order. */
static void assert_lines(void **state, const char *expected)
{
    size_t length;
    g_autofree char *text = scratch_read(state, "t", &length);
    g_autoptr(GString) found = g_string_new(NULL);
    assert_true(g_str_has_prefix(text, HEADER));
    assert_true(length > 0 && text[length - 1] == '\n');
    g_auto(GStrv) lines = g_strsplit(text + strlen(HEADER), "\n", -1);
    for (char **line = lines; **line != '\0'; line++) {
        unsigned seq;
        const char *balance = strstr(*line, "\"balance\":");
        assert_int_equal(sscanf(*line, "{\"seq\":%u,", &seq), 1);
        assert_non_null(balance);
        g_string_append_printf(found, "%u:%d ", seq, atoi(balance + strlen("\"balance\":")));
    }
    assert_string_equal(found->str, expected);
}

static void lines_are_numbered_from_zero_behind_the_header(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    add(trace, 10);
    add(trace, 20);
    tracefile_write(trace);
    assert_lines(state, "0:10 1:20 ");
    tracefile_close(trace);
}

static void lines_wait_for_the_commits_before_them(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    add(trace, 10);
    tracefile_hold(trace, 1);
    add(trace, 20);
    tracefile_hold(trace, 2);
    add(trace, 30);
    tracefile_hold(trace, 3);
    add(trace, 40);
    tracefile_write(trace);
    assert_lines(state, "0:10 ");
    tracefile_saved(trace, 2);
    tracefile_write(trace);
    assert_lines(state, "0:10 1:20 2:30 ");
    add(trace, 50);
    tracefile_saved(trace, 3);
    tracefile_write(trace);
    assert_lines(state, "0:10 1:20 2:30 3:40 4:50 ");
    tracefile_close(trace);
}

static void what_waited_at_a_crash_is_not_written(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    add(trace, 10);
    tracefile_write(trace);
    tracefile_hold(trace, 1);
    add(trace, 20);
    tracefile_write(trace);
    tracefile_close(trace);
    trace = open_trace(state, true, NULL, NULL);
    add(trace, 30);
    tracefile_write(trace);
    tracefile_close(trace);
    assert_lines(state, "0:10 1:30 ");
}

static char *carried_by(const Tracefile *trace)
{
    size_t length;
    const uint8_t *bytes = tracefile_carried(trace, &length);
    return g_strndup((const char *)bytes, length);
}

static void what_a_durable_commit_carried_is_written_at_the_restart(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    add(trace, 10);
    tracefile_write(trace);
    tracefile_hold(trace, 1);
    add(trace, 20);
    add(trace, 30);
    g_autofree char *carried = carried_by(trace);
    tracefile_close(trace);

    trace = open_trace(state, true, carried, NULL);
    add(trace, 40);
    tracefile_write(trace);
    tracefile_close(trace);
    assert_lines(state, "0:10 1:20 2:30 3:40 ");
}

static void what_the_file_has_already_is_not_written_again(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    tracefile_hold(trace, 1);
    add(trace, 10);
    add(trace, 20);
    g_autofree char *carried = carried_by(trace);
    tracefile_saved(trace, 1);
    add(trace, 30);
    tracefile_write(trace);
    size_t left;
    assert_null(tracefile_carried(trace, &left));
    tracefile_close(trace);
    trace = open_trace(state, true, carried, NULL);
    tracefile_write(trace);
    tracefile_close(trace);
    assert_lines(state, "0:10 1:20 2:30 ");
}

static void a_torn_last_line_is_cut_off_and_carried_again(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    tracefile_hold(trace, 1);
    add(trace, 10);
    add(trace, 20);
    g_autofree char *carried = carried_by(trace);
    tracefile_saved(trace, 1);
    tracefile_write(trace);
    tracefile_close(trace);
    size_t length;
    g_autofree char *text = scratch_read(state, "t", &length);
    for (size_t cut = 1; cut < length - strlen(HEADER); cut += 3) {
        scratch_write(state, "t", text, length - cut);
        trace = open_trace(state, true, carried, NULL);
        add(trace, 30);
        tracefile_write(trace);
        tracefile_close(trace);
        assert_lines(state, "0:10 1:20 2:30 ");
    }
}

static void a_trace_torn_anywhere_in_its_header_begins_anew(void **state)
{
    for (size_t length = 0; length < strlen(HEADER); length++) {
        scratch_write(state, "t", HEADER, length);
        Tracefile *trace = open_trace(state, true, NULL, NULL);
        add(trace, 10);
        tracefile_write(trace);
        tracefile_close(trace);
        assert_lines(state, "0:10 ");
    }
}

static void nuls_that_a_power_failure_left_cost_no_line_before_them(void **state)
{
    static const size_t lengths[] = {1, 5000, 3 << 20};
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        Tracefile *trace = open_trace(state, false, NULL, NULL);
        add(trace, 10);
        add(trace, 20);
        tracefile_write(trace);
        tracefile_close(trace);
        size_t length;
        g_autofree char *text = scratch_read(state, "t", &length);
        g_autofree char *torn = g_malloc0(length + lengths[i]);
        memcpy(torn, text, length);
        scratch_write(state, "t", torn, length + lengths[i]);
        trace = open_trace(state, true, NULL, NULL);
        add(trace, 30);
        tracefile_write(trace);
        tracefile_close(trace);
        assert_lines(state, "0:10 1:20 2:30 ");
    }
}

static void a_trace_that_lacks_lines_is_gone_on_with_and_told(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    add(trace, 10);
    tracefile_write(trace);
    tracefile_close(trace);
    bool warned;
    trace = open_trace(state, true, "{\"seq\":5,\"balance\":60}\n", &warned);
    assert_true(warned);
    add(trace, 20);
    tracefile_write(trace);
    tracefile_close(trace);
    assert_lines(state, "0:10 1:20 ");
}

static void a_trace_that_found_no_room_is_told_at_the_restart(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    add(trace, 10);
    tracefile_write(trace);
    scratch_limit_files(strlen(HEADER) + 100);
    add(trace, 20);
    tracefile_write(trace);
    scratch_unlimit_files();
    add(trace, 30);
    tracefile_write(trace);
    g_autofree char *carried = carried_by(trace);
    tracefile_close(trace);
    bool warned;
    trace = open_trace(state, true, carried, &warned);
    assert_true(warned);
    add(trace, 40);
    tracefile_write(trace);
    tracefile_close(trace);
    assert_lines(state, "0:10 1:40 ");
}

static void a_fresh_account_begins_its_trace_anew(void **state)
{
    scratch_write_text(state, "t", "what was here before\n");
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    add(trace, 10);
    tracefile_write(trace);
    tracefile_close(trace);
    assert_lines(state, "0:10 ");
}

static void a_file_that_is_not_its_own_trace_is_refused_and_left(void **state)
{
    static const char *const others[] = {
        "name,balance\n", "{\"cohort_trace\":1,\"mode\":\"sim\",\"scenario\":\"s\"}\n",
        "{\"cohort_trace\":1,\"mode\":\"live\",\"scenario\":\"bank\",\"seed\":5}\n",
        "{\"cohort_trace\":1,\"mode\":\"live\",\"scenario\":\"customer\"}\nnot a line\n",
        ("{\"cohort_trace\":1,\"mode\":\"live\",\"scenario\":\"customer\"}\n"
         "{\"seq\":0,\"t\":1,\"p\":\"alicia\",\"inc\":0,\"e\":\"opened\",\"balance\":10}\n")};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        Said said = {g_string_new(NULL), g_string_new(NULL)};
        Tracefile *trace = NULL;
        scratch_write_text(state, "t", others[i]);
        assert_int_equal(try_open(state, "t", true, NULL, &trace, &said), TRACEFILE_FOREIGN);
        assert_non_null(strstr(said.error->str, "name another file with --trace"));
        size_t length;
        g_autofree char *text = scratch_read(state, "t", &length);
        assert_string_equal(text, others[i]);
        g_string_free(said.error, TRUE);
        g_string_free(said.warning, TRUE);
    }
}

/* A trace begins anew over any other file. */
static void a_recording_is_left_as_it_is(void **state)
{
    static const char recording[] = "COHORTV1 and what it holds";
    for (int resume = 0; resume < 2; resume++) {
        Said said = {g_string_new(NULL), g_string_new(NULL)};
        Tracefile *trace = NULL;
        size_t length;
        scratch_write_text(state, "t", recording);
        assert_int_equal(try_open(state, "t", resume == 1, NULL, &trace, &said), TRACEFILE_FOREIGN);
        assert_non_null(strstr(said.error->str, "name another file with --trace"));
        g_autofree char *text = scratch_read(state, "t", &length);
        assert_string_equal(text, recording);
        g_string_free(said.error, TRUE);
        g_string_free(said.warning, TRUE);
    }
}

static void a_file_that_cannot_be_written_is_an_error_of_the_system(void **state)
{
    Said said = {g_string_new(NULL), g_string_new(NULL)};
    Tracefile *trace = NULL;
    assert_int_equal(try_open(state, "no/folder/t", true, NULL, &trace, &said), -ENOENT);
    assert_non_null(strstr(said.error->str, "No such file or directory"));
    g_string_free(said.error, TRUE);
    g_string_free(said.warning, TRUE);
}

static void datagrams_are_shown_only_when_asked_for(void **state)
{
    Tracefile *trace = open_trace(state, false, NULL, NULL);
    Name name = {"alice"};
    assert_false(tracefile_shows_datagrams(trace));
    tracefile_add(trace, &name, &(TraceEvent){.kind = TRACE_DROP, .reason = "stale"});
    add(trace, 10);
    tracefile_write(trace);
    tracefile_close(trace);
    assert_lines(state, "0:10 ");
}

#define CLAIM(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(lines_are_numbered_from_zero_behind_the_header),
        CLAIM(lines_wait_for_the_commits_before_them),
        CLAIM(what_waited_at_a_crash_is_not_written),
        CLAIM(what_a_durable_commit_carried_is_written_at_the_restart),
        CLAIM(what_the_file_has_already_is_not_written_again),
        CLAIM(a_torn_last_line_is_cut_off_and_carried_again),
        CLAIM(a_trace_torn_anywhere_in_its_header_begins_anew),
        CLAIM(nuls_that_a_power_failure_left_cost_no_line_before_them),
        CLAIM(a_trace_that_lacks_lines_is_gone_on_with_and_told),
        CLAIM(a_trace_that_found_no_room_is_told_at_the_restart),
        CLAIM(a_fresh_account_begins_its_trace_anew),
        CLAIM(a_file_that_is_not_its_own_trace_is_refused_and_left),
        CLAIM(a_recording_is_left_as_it_is),
        CLAIM(a_file_that_cannot_be_written_is_an_error_of_the_system),
        CLAIM(datagrams_are_shown_only_when_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
