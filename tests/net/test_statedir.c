#include "net/statedir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/net/scratch.h"

static const ShelfRecord ACCOUNT = {SLOT_ACCOUNT, 0, (const uint8_t *)"alice", 5};
static const ShelfRecord TRACE = {SLOT_TRACE, 0, (const uint8_t *)"line", 4};

typedef struct Opened {
    int code;
    StateDir *dir;
    Shelf *shelf;
    GString *error;
    GString *warning;
} Opened;

static Opened open_dir(void **state, const char *name, StateUse use, bool make)
{
    g_autofree char *path = scratch_path(state, name);
    Opened opened = {
        .shelf = shelf_new(), .error = g_string_new(NULL), .warning = g_string_new(NULL)};
    opened.code =
        statedir_open(path, use, make, &opened.dir, opened.shelf, opened.error, opened.warning);
    return opened;
}

static void close_dir(Opened *opened)
{
    statedir_close(opened->dir);
    shelf_free(opened->shelf);
    g_string_free(opened->error, TRUE);
    g_string_free(opened->warning, TRUE);
}

static void save(Opened *opened, const ShelfRecord *records, size_t count)
{
    Store *store;
    assert_int_equal(statedir_begin(opened->dir, &store, opened->error), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(store_commit(store, &records[i], 1, opened->error), 0);
}

static void nothing_is_made_before_there_is_something_to_save(void **state)
{
    Opened opened = open_dir(state, "a", STATE_RESUME, false);
    assert_int_equal(opened.code, 0);
    assert_null(opened.dir);
    assert_int_equal(opened.error->len, 0);
    assert_false(scratch_has(state, "a"));
    close_dir(&opened);
}

static void what_was_saved_is_there_again(void **state)
{
    Opened opened = open_dir(state, "a/b/c", STATE_FRESH, true);
    ShelfRecord found;
    assert_int_equal(opened.code, 0);
    assert_int_equal(shelf_count(opened.shelf), 0);
    save(&opened, &ACCOUNT, 1);
    close_dir(&opened);
    opened = open_dir(state, "a/b/c", STATE_RESUME, false);
    assert_int_equal(opened.code, 0);
    assert_true(shelf_get(opened.shelf, SLOT_ACCOUNT, 0, &found));
    assert_memory_equal(found.bytes, "alice", 5);
    close_dir(&opened);
}

static void a_second_process_is_refused_with_advice_until_the_first_ends(void **state)
{
    Opened first = open_dir(state, "a", STATE_FRESH, true);
    Opened second = open_dir(state, "a", STATE_RESUME, false);
    assert_int_equal(second.code, -EWOULDBLOCK);
    assert_null(second.dir);
    assert_non_null(strstr(second.error->str, "in use by another process: stop that one"));
    close_dir(&second);
    close_dir(&first);
    second = open_dir(state, "a", STATE_RESUME, false);
    assert_int_equal(second.code, 0);
    close_dir(&second);
}

static void a_new_account_never_overwrites_another(void **state)
{
    const ShelfRecord records[] = {ACCOUNT, TRACE};
    Opened opened = open_dir(state, "a", STATE_FRESH, true);
    save(&opened, records, G_N_ELEMENTS(records));
    close_dir(&opened);
    size_t length;
    size_t length_after;
    g_autofree char *bytes = scratch_read(state, "a/state", &length);
    opened = open_dir(state, "a", STATE_FRESH, true);
    assert_int_equal(opened.code, -EEXIST);
    assert_null(opened.dir);
    assert_non_null(strstr(opened.error->str, "resume that one with --name"));
    close_dir(&opened);
    g_autofree char *after = scratch_read(state, "a/state", &length_after);
    assert_int_equal(length_after, length);
    assert_memory_equal(after, bytes, length);
}

static void a_directory_is_free_again_when_its_account_is_closed(void **state)
{
    const ShelfRecord records[] = {ACCOUNT, TRACE, {.slot = SLOT_ACCOUNT}};
    Opened opened = open_dir(state, "a", STATE_FRESH, true);
    save(&opened, records, G_N_ELEMENTS(records));
    close_dir(&opened);
    opened = open_dir(state, "a", STATE_FRESH, true);
    assert_int_equal(opened.code, 0);
    assert_false(statedir_holds_account(opened.shelf));
    close_dir(&opened);
}

static void a_damaged_state_is_refused_and_left(void **state)
{
    Opened opened = open_dir(state, "a", STATE_FRESH, true);
    save(&opened, &ACCOUNT, 1);
    close_dir(&opened);
    size_t length;
    g_autofree char *bytes = scratch_read(state, "a/state", &length);
    memset(bytes, 0, length);
    scratch_write(state, "a/state", bytes, length);
    opened = open_dir(state, "a", STATE_RESUME, false);
    assert_int_equal(opened.code, STORE_DAMAGED);
    assert_non_null(strstr(opened.error->str, "damaged at byte 0"));
    close_dir(&opened);
    size_t length_after;
    g_autofree char *after = scratch_read(state, "a/state", &length_after);
    assert_int_equal(length_after, length);
    assert_memory_equal(after, bytes, length);
}

#define CLAIM(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(nothing_is_made_before_there_is_something_to_save),
        CLAIM(what_was_saved_is_there_again),
        CLAIM(a_second_process_is_refused_with_advice_until_the_first_ends),
        CLAIM(a_new_account_never_overwrites_another),
        CLAIM(a_directory_is_free_again_when_its_account_is_closed),
        CLAIM(a_damaged_state_is_refused_and_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
