#include "net/statedir.h"

#include <errno.h>

#include "core/panic.h"
#include "net/folder.h"

static const char LOCK_NAME[] = "lock";

struct StateDir {
    char *path;
    Folder *folder;
    Store *store; /* NULL before it is begun with */
};

char *statedir_default(const Name *name)
{
    return g_build_filename("cohort-state", name->text, NULL);
}

bool statedir_holds_account(const Shelf *shelf)
{
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        if (shelf_at(shelf, i).slot != SLOT_TRACE)
            return true;
    }
    return false;
}

static int look(StateDir *dir, StateUse use, Shelf *shelf, GString *error, GString *warning)
{
    int code = folder_lock(dir->folder, LOCK_NAME, error);
    if (code == -EWOULDBLOCK)
        g_string_printf(error,
                        "the state directory %s is in use by another process: stop that one, or "
                        "choose another directory with --state",
                        dir->path);
    if (code != 0)
        return code;
    Store *store = store_new(folder_disk(dir->folder), dir->path);
    code = store_look(store, shelf, error, warning);
    store_free(store);
    if (code != 0 || use == STATE_RESUME || !statedir_holds_account(shelf))
        return code;
    g_string_printf(error,
                    "%s holds the state of an account already: resume that one with --name, "
                    "choose another directory with --state, or move this one away",
                    dir->path);
    return -EEXIST;
}

int statedir_open(const char *path, StateUse use, bool make, StateDir **opened, Shelf *shelf,
                  GString *error, GString *warning)
{
    StateDir *dir = g_new0(StateDir, 1);
    dir->path = g_strdup(path);
    int code = folder_open(path, make, &dir->folder, error);
    if (code == 0)
        code = look(dir, use, shelf, error, warning);
    if (code == 0) {
        *opened = dir;
        return 0;
    }
    statedir_close(dir);
    *opened = NULL;
    if (code != -ENOENT || make)
        return code;
    g_string_truncate(error, 0);
    return 0;
}

void statedir_close(StateDir *dir)
{
    if (dir == NULL)
        return;
    store_free(dir->store);
    folder_free(dir->folder);
    g_free(dir->path);
    g_free(dir);
}

int statedir_begin(StateDir *dir, Store **store, GString *error)
{
    g_autoptr(GString) warning = g_string_new(NULL); /* statedir_open said it */
    Shelf *shelf = shelf_new();
    INVARIANT(dir->store == NULL);
    dir->store = store_new(folder_disk(dir->folder), dir->path);
    int code = store_load(dir->store, shelf, error, warning);
    shelf_free(shelf);
    if (code < 0)
        g_string_append(error, FOLDER_ADVICE);
    *store = code == 0 ? dir->store : NULL;
    return code;
}
