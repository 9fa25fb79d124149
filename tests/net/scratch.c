#include "tests/net/scratch.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

int scratch_setup(void **state)
{
    *state = g_dir_make_tmp("cohort-test-XXXXXX", NULL);
    return *state == NULL;
}

static void remove_tree(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *below = g_build_filename(path, name, NULL);
        remove_tree(below);
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_remove(path);
}

int scratch_teardown(void **state)
{
    remove_tree(*state);
    g_free(*state);
    return 0;
}

char *scratch_path(void **state, const char *name)
{
    return g_build_filename(*state, name, NULL);
}

void scratch_write(void **state, const char *name, const void *bytes, size_t length)
{
    g_autofree char *path = scratch_path(state, name);
    assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

void scratch_write_text(void **state, const char *name, const char *text)
{
    scratch_write(state, name, text, strlen(text));
}

char *scratch_read(void **state, const char *name, size_t *length)
{
    g_autofree char *path = scratch_path(state, name);
    char *bytes = NULL;
    assert_true(g_file_get_contents(path, &bytes, length, NULL));
    return bytes;
}

void scratch_make(void **state, const char *name)
{
    g_autofree char *path = scratch_path(state, name);
    assert_int_equal(g_mkdir(path, 0777), 0);
}

bool scratch_has(void **state, const char *name)
{
    g_autofree char *path = scratch_path(state, name);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

size_t scratch_count(void **state)
{
    GDir *dir = g_dir_open(*state, 0, NULL);
    size_t count = 0;
    while (g_dir_read_name(dir) != NULL)
        count++;
    g_dir_close(dir);
    return count;
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = MIN(bytes, limit.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

void scratch_limit_files(uint64_t bytes)
{
    signal(SIGXFSZ, SIG_IGN); /* the write itself fails */
    limit_files(bytes);
}

void scratch_unlimit_files(void)
{
    limit_files(RLIM_INFINITY);
}
