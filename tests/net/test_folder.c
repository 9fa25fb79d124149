/* A Disk on the real file system. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/store.h"
#include "net/folder.h"
#include "tests/net/scratch.h"

static Folder *open_at(void **state, const char *name, bool make)
{
    g_autofree char *path = scratch_path(state, name);
    g_autoptr(GString) error = g_string_new(NULL);
    Folder *folder;
    if (folder_open(path, make, &folder, error) != 0)
        fail_msg("%s", error->str);
    return folder;
}

static int write_text(Folder *folder, const char *name, uint64_t offset, const char *text)
{
    return disk_write(folder_disk(folder), name, offset, (const uint8_t *)text, strlen(text));
}

static void assert_reads(Folder *folder, const char *name, const char *text)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    assert_int_equal(disk_read(folder_disk(folder), name, bytes), 0);
    assert_int_equal(bytes->len, strlen(text));
    if (bytes->len > 0)
        assert_memory_equal(bytes->data, text, bytes->len);
}

/* --- files --- */

static void what_is_written_is_read_again(void **state)
{
    Folder *folder = open_at(state, ".", false);
    Disk *disk = folder_disk(folder);
    assert_int_equal(write_text(folder, "f", 0, "one"), 0);
    assert_int_equal(disk_sync(disk, "f"), 0);
    assert_int_equal(write_text(folder, "f", 3, " two"), 0);
    assert_int_equal(disk_sync(disk, "f"), 0);
    assert_int_equal(disk_sync_names(disk), 0);
    assert_reads(folder, "f", "one two");
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const uint8_t *)"had ", 4);
    assert_int_equal(disk_read(disk, "f", bytes), 0);
    assert_int_equal(bytes->len, strlen("had one two"));
    folder_free(folder);
}

static void a_large_file_is_read_whole(void **state)
{
    enum { BYTES = 3000001 };
    g_autofree uint8_t *content = g_malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    Folder *folder = open_at(state, ".", false);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    assert_int_equal(disk_write(folder_disk(folder), "f", 0, content, BYTES), 0);
    assert_int_equal(disk_read(folder_disk(folder), "f", bytes), 0);
    assert_int_equal(bytes->len, BYTES);
    assert_memory_equal(bytes->data, content, BYTES);
    folder_free(folder);
}

static void a_missing_file_is_told_apart(void **state)
{
    Folder *folder = open_at(state, ".", false);
    Disk *disk = folder_disk(folder);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    assert_int_equal(disk_read(disk, "f", bytes), DISK_MISSING);
    assert_int_equal(disk_sync(disk, "f"), DISK_MISSING);
    assert_int_equal(disk_rename(disk, "f", "g"), DISK_MISSING);
    assert_int_equal(disk_remove(disk, "f"), 0);
    assert_int_equal(scratch_count(state), 0);
    folder_free(folder);
}

static void other_errors_have_their_reasons(void **state)
{
    Folder *folder = open_at(state, ".", false);
    scratch_make(state, "f");
    int code = write_text(folder, "f", 0, "x");
    assert_int_equal(code, -EISDIR);
    assert_string_equal(disk_reason(folder_disk(folder), code), g_strerror(EISDIR));
    folder_free(folder);
}

static void a_renamed_file_is_written_on_under_its_new_name(void **state)
{
    Folder *folder = open_at(state, ".", false);
    Disk *disk = folder_disk(folder);
    assert_int_equal(write_text(folder, "f", 0, "old content"), 0);
    assert_int_equal(write_text(folder, "f.new", 0, "new"), 0);
    assert_int_equal(disk_rename(disk, "f.new", "f"), 0);
    assert_int_equal(write_text(folder, "f", 3, "er"), 0);
    assert_int_equal(disk_sync(disk, "f"), 0);
    assert_reads(folder, "f", "newer");
    assert_int_equal(write_text(folder, "f.new", 0, "another"), 0);
    assert_reads(folder, "f", "newer");
    assert_reads(folder, "f.new", "another");
    folder_free(folder);
}

static void a_removed_file_is_made_anew(void **state)
{
    Folder *folder = open_at(state, ".", false);
    assert_int_equal(write_text(folder, "f", 0, "long content"), 0);
    assert_int_equal(disk_remove(folder_disk(folder), "f"), 0);
    assert_false(scratch_has(state, "f"));
    assert_int_equal(write_text(folder, "f", 0, "short"), 0);
    assert_reads(folder, "f", "short");
    folder_free(folder);
}

static void what_others_have_removed_is_not_taken_for_durable(void **state)
{
    Folder *folder = open_at(state, ".", false);
    g_autofree char *path = scratch_path(state, "f");
    assert_int_equal(write_text(folder, "f", 0, "1"), 0);
    assert_int_equal(disk_sync(folder_disk(folder), "f"), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write_text(folder, "f", 1, "2"), 0);
    assert_int_equal(disk_sync(folder_disk(folder), "f"), DISK_MISSING);
    folder_free(folder);
}

static void what_replaces_a_file_gets_its_permissions(void **state)
{
    Folder *folder = open_at(state, ".", false);
    g_autofree char *path = scratch_path(state, "f");
    struct stat file;
    scratch_write_text(state, "f", "secret");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(write_text(folder, "f.new", 0, "secret too"), 0);
    assert_int_equal(disk_rename(folder_disk(folder), "f.new", "f"), 0);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    folder_free(folder);
}

static unsigned count_descriptors(void)
{
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned count = 0;
    if (dir == NULL)
        skip();
    while (g_dir_read_name(dir) != NULL)
        count++;
    g_dir_close(dir);
    return count;
}

static void appends_keep_one_descriptor_and_leak_none(void **state)
{
    const unsigned before = count_descriptors();
    Folder *folder = open_at(state, ".", false);
    Disk *disk = folder_disk(folder);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(write_text(folder, "f.new", 0, "1"), 0);
        assert_int_equal(disk_rename(disk, "f.new", "f"), 0);
        assert_int_equal(write_text(folder, "f", 1, "2"), 0);
        assert_int_equal(disk_sync(disk, "f"), 0);
        assert_reads(folder, "f", "12");
    }
    assert_int_equal(count_descriptors(), before + 2); /* the folder, the file */
    folder_free(folder);
    assert_int_equal(count_descriptors(), before);
}

/* --- the folder --- */

static void a_folder_is_made_with_those_above_it(void **state)
{
    Folder *folder = open_at(state, "x/y/z", true);
    assert_int_equal(write_text(folder, "f", 0, "1"), 0);
    assert_true(scratch_has(state, "x/y/z/f"));
    folder_free(folder);
    folder_free(open_at(state, "x/y/z", true)); /* it is there: fine */
}

static void a_folder_that_is_missing_is_not_made_unasked(void **state)
{
    g_autofree char *path = scratch_path(state, "x");
    g_autoptr(GString) error = g_string_new(NULL);
    Folder *folder;
    assert_int_equal(folder_open(path, false, &folder, error), -ENOENT);
    assert_null(folder);
    assert_non_null(strstr(error->str, "/x: "));
    assert_int_equal(scratch_count(state), 0);
}

static void a_folder_whose_place_is_taken_is_an_error(void **state)
{
    scratch_write_text(state, "x", "a file");
    g_autofree char *path = scratch_path(state, "x");
    g_autofree char *below = scratch_path(state, "x/y");
    g_autoptr(GString) error = g_string_new(NULL);
    Folder *folder;
    assert_int_equal(folder_open(path, true, &folder, error), -ENOTDIR);
    assert_int_equal(folder_open(below, true, &folder, error), -ENOTDIR);
    assert_null(folder);
}

static void the_folder_of_a_file_is_found_through_symbolic_links(void **state)
{
    scratch_make(state, "real");
    scratch_write_text(state, "real/data.csv", "old");
    g_autofree char *link = scratch_path(state, "link.csv");
    assert_int_equal(symlink("real/data.csv", link), 0);
    g_autoptr(GString) error = g_string_new(NULL);
    g_autofree char *name = NULL;
    Folder *folder;
    assert_int_equal(folder_open_of(link, &folder, &name, error), 0);
    assert_string_equal(name, "data.csv");
    assert_int_equal(write_text(folder, "data.csv.new", 0, "new"), 0);
    assert_int_equal(disk_rename(folder_disk(folder), "data.csv.new", "data.csv"), 0);
    folder_free(folder);
    size_t length;
    g_autofree char *content = scratch_read(state, "link.csv", &length);
    assert_string_equal(content, "new");
    assert_true(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
}

static void a_symbolic_link_to_a_file_that_is_not_there_yet_is_followed(void **state)
{
    scratch_make(state, "real");
    g_autofree char *link = scratch_path(state, "link.csv");
    g_autofree char *loop = scratch_path(state, "loop");
    assert_int_equal(symlink("real/data.csv", link), 0);
    assert_int_equal(symlink("loop", loop), 0);
    g_autoptr(GString) error = g_string_new(NULL);
    char *name;
    Folder *folder;
    assert_int_equal(folder_open_of(link, &folder, &name, error), 0);
    assert_int_equal(write_text(folder, name, 0, "new"), 0);
    assert_true(scratch_has(state, "real/data.csv"));
    g_free(name);
    folder_free(folder);
    assert_int_equal(folder_open_of(loop, &folder, &name, error), 0); /* comes to an end */
    g_free(name);
    folder_free(folder);
}

static void the_folder_of_a_file_that_is_not_there_yet_is_found(void **state)
{
    g_autofree char *path = scratch_path(state, "data.csv");
    g_autofree char *nowhere = scratch_path(state, "no/data.csv");
    g_autoptr(GString) error = g_string_new(NULL);
    char *name;
    Folder *folder;
    assert_int_equal(folder_open_of(path, &folder, &name, error), 0);
    assert_string_equal(name, "data.csv");
    g_free(name);
    folder_free(folder);
    assert_int_equal(folder_open_of(nowhere, &folder, &name, error), -ENOENT);
    assert_null(folder);
    assert_null(name);
}

static void a_locked_folder_keeps_others_out_until_it_is_freed(void **state)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Folder *first = open_at(state, ".", false);
    Folder *second = open_at(state, ".", false);
    assert_int_equal(folder_lock(first, "lock", error), 0);
    assert_int_equal(folder_lock(second, "lock", error), -EWOULDBLOCK);
    assert_non_null(strstr(error->str, "another process"));
    assert_int_equal(folder_lock(second, "other", error), 0);
    folder_free(second);
    folder_free(first);
    assert_true(scratch_has(state, "lock"));
    first = open_at(state, ".", false);
    assert_int_equal(folder_lock(first, "lock", error), 0);
    folder_free(first);
}

/* --- what it is for --- */

static int save(Folder *folder, const char *text, GString *error)
{
    g_autoptr(GString) warning = g_string_new(NULL);
    const ShelfRecord record = {SLOT_ACCOUNT, 0, (const uint8_t *)text, strlen(text)};
    Store *store = store_new(folder_disk(folder), "dir");
    Shelf *shelf = shelf_new();
    int code = store_load(store, shelf, error, warning);
    if (code == 0)
        code = store_commit(store, &record, 1, error);
    shelf_free(shelf);
    store_free(store);
    return code;
}

static void assert_saved(Folder *folder, const char *text)
{
    g_autoptr(GString) error = g_string_new(NULL);
    Store *store = store_new(folder_disk(folder), "dir");
    Shelf *shelf = shelf_new();
    ShelfRecord record;
    assert_int_equal(store_load(store, shelf, error, error), 0);
    assert_true(shelf_get(shelf, SLOT_ACCOUNT, 0, &record));
    assert_int_equal(record.length, strlen(text));
    assert_memory_equal(record.bytes, text, record.length);
    shelf_free(shelf);
    store_free(store);
}

static void a_write_that_finds_no_room_is_told_and_loses_nothing(void **state)
{
    enum { LONG = 5000 };
    g_autofree char *text = g_malloc0(LONG + 1);
    memset(text, 'x', LONG);
    g_autoptr(GString) error = g_string_new(NULL);
    Folder *folder = open_at(state, ".", false);
    assert_int_equal(save(folder, "alice", error), 0);
    scratch_limit_files(4096);
    assert_int_equal(save(folder, text, error), -EFBIG);
    assert_string_equal(error->str, "cannot save dir/state: File too large");
    assert_saved(folder, "alice");
    scratch_unlimit_files();
    assert_int_equal(save(folder, text, error), 0);
    assert_saved(folder, text);
    folder_free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_again),
        TEST(a_large_file_is_read_whole),
        TEST(a_missing_file_is_told_apart),
        TEST(other_errors_have_their_reasons),
        TEST(a_renamed_file_is_written_on_under_its_new_name),
        TEST(a_removed_file_is_made_anew),
        TEST(what_others_have_removed_is_not_taken_for_durable),
        TEST(what_replaces_a_file_gets_its_permissions),
        TEST(appends_keep_one_descriptor_and_leak_none),
        TEST(a_folder_is_made_with_those_above_it),
        TEST(a_folder_that_is_missing_is_not_made_unasked),
        TEST(a_folder_whose_place_is_taken_is_an_error),
        TEST(the_folder_of_a_file_is_found_through_symbolic_links),
        TEST(a_symbolic_link_to_a_file_that_is_not_there_yet_is_followed),
        TEST(the_folder_of_a_file_that_is_not_there_yet_is_found),
        TEST(a_locked_folder_keeps_others_out_until_it_is_freed),
        TEST(a_write_that_finds_no_room_is_told_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
