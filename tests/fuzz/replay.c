/* Runs a target with inputs that are kept, where there is no libFuzzer:
 *
 *     kept_TARGET FILE-OR-FOLDER... */
#include <stdio.h>

#include "tests/fuzz/fuzz.h"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static int run_file(const char *path)
{
    g_autofree char *bytes = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(path, &bytes, &length, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return -1;
    }
    printf("%s\n", path);
    fflush(stdout);
    /* A copy of exactly that length, where the sanitizers see a byte too far. */
    g_autofree uint8_t *copy = g_memdup2(bytes, length);
    LLVMFuzzerTestOneInput(copy, length);
    return 1;
}

/* How many inputs were run; -1: not all could be. */
static int run_folder(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) folder = g_dir_open(path, 0, &error);
    if (folder == NULL) {
        fprintf(stderr, "%s\n", error->message);
        return -1;
    }
    int count = 0;
    const char *name;
    while ((name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (run_file(file) < 0)
            return -1;
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    int inputs = 0;
    for (int i = 1; i < argc; i++) {
        const bool folder = g_file_test(argv[i], G_FILE_TEST_IS_DIR);
        const int count = folder ? run_folder(argv[i]) : run_file(argv[i]);
        if (count < 0)
            return 1;
        inputs += count;
    }
    fprintf(stderr, "%d inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
