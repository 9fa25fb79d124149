/* A customer's state directory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "net/store.h"
#include "tests/net/folder.h"

static const Slot CUSTOMER_SLOTS[] = {SLOT_ACCOUNT, SLOT_TENTATIVE, SLOT_CONTROL, SLOT_ORDERLY};
static const char *const SLOT_FILES[] = {"s/account.ckpt", "s/tentative.ckpt", "s/control.ckpt",
                                         "s/orderly.ckpt"};

static Store *attach(void **state, StoreUse use, int expected, const char *says)
{
    g_autofree char *path = folder_path(state, "s");
    g_autoptr(GString) error = g_string_new(NULL);
    Store *store = store_new();
    int code = store_attach(store, path, use, error);
    if (code != expected || strstr(error->str, says) == NULL)
        fail_msg("%d: %s", code, error->str);
    return store;
}

static void save(Store *store, Slot slot, const char *text)
{
    g_autoptr(GString) error = g_string_new(NULL);
    if (store_save(store, slot, (const uint8_t *)text, strlen(text), error) != 0)
        fail_msg("%s", error->str);
}

static void assert_holds(Store *store, Slot slot, const char *text)
{
    g_autoptr(GString) error = g_string_new(NULL);
    uint8_t *bytes;
    size_t length;
    assert_int_equal(store_load(store, slot, &bytes, &length, error), 0);
    assert_int_equal(length, strlen(text));
    assert_int_equal(bytes == NULL, length == 0);
    if (length > 0)
        assert_memory_equal(bytes, text, length);
    g_free(bytes);
}

static void every_slot_is_kept_on_its_own(void **state)
{
    Store *store = attach(state, STORE_FRESH, 0, "");
    save(store, SLOT_ACCOUNT, "a1");
    save(store, SLOT_TENTATIVE, "t1");
    save(store, SLOT_CONTROL, "c1");
    save(store, SLOT_ACCOUNT, "a2, longer");
    save(store, SLOT_TENTATIVE, "");
    store_free(store);

    store = attach(state, STORE_RESUME, 0, "");
    assert_holds(store, SLOT_ACCOUNT, "a2, longer");
    assert_holds(store, SLOT_TENTATIVE, "");
    assert_holds(store, SLOT_CONTROL, "c1");
    assert_holds(store, SLOT_ORDERLY, "");
    store_free(store);
}

static void the_directory_is_made_by_the_first_save_and_not_before(void **state)
{
    Store *store = attach(state, STORE_FRESH, 0, "");
    assert_true(store_attached(store));
    save(store, SLOT_TENTATIVE, "");
    assert_int_equal(folder_count(state), 0);
    save(store, SLOT_ACCOUNT, "a");
    assert_true(folder_has(state, "s/account.ckpt"));
    store_free(store);
}

static void folders_above_it_are_made_too(void **state)
{
    g_autofree char *path = folder_path(state, "x/y/s");
    g_autoptr(GString) error = g_string_new(NULL);
    Store *store = store_new();
    assert_int_equal(store_attach(store, path, STORE_FRESH, error), 0);
    save(store, SLOT_ACCOUNT, "a");
    assert_true(folder_has(state, "x/y/s/account.ckpt"));
    store_free(store);
}

static void a_second_process_is_kept_out(void **state)
{
    Store *first = attach(state, STORE_FRESH, 0, "");
    save(first, SLOT_ACCOUNT, "a");
    store_free(attach(state, STORE_RESUME, -EWOULDBLOCK, "in use by another process"));
    store_free(first);
    store_free(attach(state, STORE_RESUME, 0, ""));
}

static void a_new_account_never_overwrites_another_s_state(void **state)
{
    Store *old = attach(state, STORE_FRESH, 0, "");
    save(old, SLOT_ACCOUNT, "precious");
    store_free(old);
    store_free(attach(state, STORE_FRESH, -EEXIST, "resume that one with --name"));

    old = attach(state, STORE_RESUME, 0, "");
    assert_holds(old, SLOT_ACCOUNT, "precious");
    store_free(old);
}

static void state_that_appeared_meanwhile_is_not_overwritten_either(void **state)
{
    Store *late = attach(state, STORE_FRESH, 0, "");
    Store *early = attach(state, STORE_FRESH, 0, "");
    save(early, SLOT_ACCOUNT, "precious");
    store_free(early);
    g_autoptr(GString) error = g_string_new(NULL);
    assert_int_equal(store_save(late, SLOT_ACCOUNT, (const uint8_t *)"x", 1, error), -EEXIST);
    assert_non_null(strstr(error->str, "move this one away"));
    store_free(late);
}

static void a_directory_whose_account_is_closed_can_be_used_again(void **state)
{
    Store *store = attach(state, STORE_FRESH, 0, "");
    save(store, SLOT_ACCOUNT, "a");
    save(store, SLOT_ACCOUNT, "");
    store_free(store);
    store_free(attach(state, STORE_FRESH, 0, ""));
}

static void damage_anywhere_is_told_and_left_as_it_is(void **state)
{
    Store *store = attach(state, STORE_FRESH, 0, "");
    for (size_t i = 0; i < G_N_ELEMENTS(CUSTOMER_SLOTS); i++)
        save(store, CUSTOMER_SLOTS[i], "some state");
    g_autoptr(GString) error = g_string_new(NULL);
    uint8_t *bytes;
    size_t length;
    for (size_t i = 0; i < G_N_ELEMENTS(CUSTOMER_SLOTS); i++) {
        size_t file_length;
        g_autofree char *file = folder_read(state, SLOT_FILES[i], &file_length);
        for (size_t at = 0; at < file_length; at++) {
            file[at] ^= 1;
            folder_write(state, SLOT_FILES[i], file, file_length);
            assert_int_equal(store_load(store, CUSTOMER_SLOTS[i], &bytes, &length, error),
                             -EBADMSG);
            assert_null(bytes);
            assert_non_null(strstr(error->str, SLOT_FILES[i]));
            file[at] ^= 1;
            folder_write(state, SLOT_FILES[i], file, at); /* cut short */
            assert_int_equal(store_load(store, CUSTOMER_SLOTS[i], &bytes, &length, error),
                             -EBADMSG);
        }
        folder_write(state, SLOT_FILES[i], file, file_length);
        assert_holds(store, CUSTOMER_SLOTS[i], "some state");
    }
    store_free(store);
}

static void a_slot_s_file_under_another_s_name_is_damage(void **state)
{
    Store *store = attach(state, STORE_FRESH, 0, "");
    save(store, SLOT_ACCOUNT, "a");
    size_t file_length;
    g_autofree char *file = folder_read(state, "s/account.ckpt", &file_length);
    folder_write(state, "s/control.ckpt", file, file_length);
    g_autoptr(GString) error = g_string_new(NULL);
    uint8_t *bytes;
    size_t length;
    assert_int_equal(store_load(store, SLOT_CONTROL, &bytes, &length, error), -EBADMSG);
    store_free(store);
}

static void a_save_cut_short_by_a_crash_leaves_the_old_state(void **state)
{
    Store *store = attach(state, STORE_FRESH, 0, "");
    save(store, SLOT_ACCOUNT, "old");
    folder_write_text(state, "s/account.ckpt.new", "COHORTST half");
    assert_holds(store, SLOT_ACCOUNT, "old");
    save(store, SLOT_ACCOUNT, "new");
    assert_holds(store, SLOT_ACCOUNT, "new");
    assert_false(folder_has(state, "s/account.ckpt.new"));
    store_free(store);
}

static void a_failed_save_is_told_and_leaves_the_old_state(void **state)
{
    Store *store = attach(state, STORE_FRESH, 0, "");
    save(store, SLOT_ACCOUNT, "old");
    /* A folder stands where the new content would be written. */
    folder_make(state, "s/account.ckpt.new");
    g_autoptr(GString) error = g_string_new(NULL);
    assert_int_equal(store_save(store, SLOT_ACCOUNT, (const uint8_t *)"x", 1, error), -EISDIR);
    assert_non_null(strstr(error->str, "cannot save"));
    assert_holds(store, SLOT_ACCOUNT, "old");
    store_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_slot_is_kept_on_its_own),
        TEST(the_directory_is_made_by_the_first_save_and_not_before),
        TEST(folders_above_it_are_made_too),
        TEST(a_second_process_is_kept_out),
        TEST(a_new_account_never_overwrites_another_s_state),
        TEST(state_that_appeared_meanwhile_is_not_overwritten_either),
        TEST(a_directory_whose_account_is_closed_can_be_used_again),
        TEST(damage_anywhere_is_told_and_left_as_it_is),
        TEST(a_slot_s_file_under_another_s_name_is_damage),
        TEST(a_save_cut_short_by_a_crash_leaves_the_old_state),
        TEST(a_failed_save_is_told_and_leaves_the_old_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
