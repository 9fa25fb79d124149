#include "net/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/coder.h"
#include "core/panic.h"
#include "net/file.h"

enum { FORMAT = 1, HEAD_BYTES = 8 + 4 + 4 + 8 + 8 };
static const uint8_t MAGIC[8] = "COHORTST";
static const char LOCK_NAME[] = "lock";
static const char *const SLOT_NAME[SLOTS] = {
    [SLOT_ACCOUNT] = "account.ckpt",
    [SLOT_TENTATIVE] = "tentative.ckpt",
    [SLOT_CONTROL] = "control.ckpt",
    [SLOT_ORDERLY] = "orderly.ckpt",
};

struct Store {
    char *directory; /* NULL: not attached yet */
    int folder;      /* < 0: not there yet */
    int lock;
};

Store *store_new(void)
{
    Store *store = g_new0(Store, 1);
    store->folder = store->lock = -1;
    return store;
}

static void let_go(Store *store)
{
    if (store->lock >= 0)
        close(store->lock);
    if (store->folder >= 0)
        close(store->folder);
    store->folder = store->lock = -1;
}

void store_free(Store *store)
{
    let_go(store);
    g_free(store->directory);
    g_free(store);
}

bool store_attached(const Store *store)
{
    return store->directory != NULL;
}

const char *store_directory(const Store *store)
{
    return store->directory;
}

char *store_default_directory(const Name *name)
{
    return g_build_filename("cohort-state", name->text, NULL);
}

static int fail(const Store *store, int code, const char *doing, GString *error)
{
    g_string_printf(error, "cannot %s the state directory %s: %s", doing, store->directory,
                    g_strerror(-code));
    return code;
}

/* Opens and locks the directory; -ENOENT when there is none. */
static int take_hold(Store *store, GString *error)
{
    store->folder = file_open_folder(store->directory);
    if (store->folder < 0)
        return fail(store, store->folder, "open", error);
    store->lock = file_lock(store->folder, LOCK_NAME);
    if (store->lock == -EWOULDBLOCK)
        g_string_printf(error,
                        "the state directory %s is in use by another process: stop that one, or "
                        "choose another directory with --state",
                        store->directory);
    else if (store->lock < 0)
        fail(store, store->lock, "lock", error);
    if (store->lock >= 0)
        return 0;
    int code = store->lock;
    let_go(store);
    return code;
}

static int require_empty(const Store *store, GString *error)
{
    for (Slot slot = 0; slot < SLOTS; slot++) {
        if (SLOT_NAME[slot] == NULL || faccessat(store->folder, SLOT_NAME[slot], F_OK, 0) < 0)
            continue;
        g_string_printf(error,
                        "%s holds the state of an account already: resume that one with --name, "
                        "choose another directory with --state, or move this one away",
                        store->directory);
        return -EEXIST;
    }
    return 0;
}

int store_attach(Store *store, const char *directory, StoreUse use, GString *error)
{
    INVARIANT(!store_attached(store));
    store->directory = g_strdup(directory);
    int code = take_hold(store, error);
    if (code == -ENOENT) { /* the first save makes it */
        g_string_truncate(error, 0);
        return 0;
    }
    return code == 0 && use == STORE_FRESH ? require_empty(store, error) : code;
}

static int make_directory(Store *store, GString *error)
{
    int code = file_make_folder(store->directory);
    if (code < 0)
        return fail(store, code, "make", error);
    code = take_hold(store, error);
    if (code == 0) /* another process may have used it since store_attach */
        code = require_empty(store, error);
    return code;
}

/* --- one slot's file --- */

static void code_head(Coder *coder, Slot *slot, uint64_t *length, uint64_t *checksum)
{
    uint8_t magic[sizeof MAGIC];
    uint32_t format = FORMAT;
    uint32_t number = *slot;
    memcpy(magic, MAGIC, sizeof MAGIC);
    code_bytes(coder, magic, sizeof magic);
    code_u32(coder, &format);
    code_u32(coder, &number);
    code_u64(coder, length);
    code_u64(coder, checksum);
    if (memcmp(magic, MAGIC, sizeof MAGIC) != 0 || format != FORMAT || number != *slot)
        coder->failed = true;
}

int store_load(const Store *store, Slot slot, uint8_t **bytes, size_t *length, GString *error)
{
    *bytes = NULL;
    *length = 0;
    if (store->folder < 0 || SLOT_NAME[slot] == NULL)
        return 0;
    GByteArray *file = g_byte_array_new();
    int code = file_read(store->folder, SLOT_NAME[slot], file);
    uint64_t payload_length = 0;
    uint64_t checksum = 0;
    if (code == 0) {
        Coder coder = coder_decode(file->data, file->len);
        code_head(&coder, &slot, &payload_length, &checksum);
        if (coder.failed || payload_length != file->len - HEAD_BYTES ||
            checksum != XXH3_64bits(file->data + HEAD_BYTES, payload_length))
            code = -EBADMSG;
    }
    if (code == 0) {
        *length = payload_length;
        *bytes = g_memdup2(file->data + HEAD_BYTES, payload_length);
    } else if (code == -EBADMSG) {
        g_string_printf(error,
                        "%s/%s is damaged: restore the whole directory from a copy; it is left as "
                        "it is",
                        store->directory, SLOT_NAME[slot]);
    } else if (code == -ENOENT) {
        code = 0;
    } else {
        g_string_printf(error, "cannot read %s/%s: %s", store->directory, SLOT_NAME[slot],
                        g_strerror(-code));
    }
    g_byte_array_unref(file);
    return code;
}

static int write_slot(const Store *store, Slot slot, const uint8_t *bytes, size_t length)
{
    uint8_t head[HEAD_BYTES];
    uint64_t payload_length = length;
    uint64_t checksum = XXH3_64bits(bytes, length);
    Coder coder = coder_encode_fixed(head, sizeof head);
    code_head(&coder, &slot, &payload_length, &checksum);
    INVARIANT_THAT(coder.length, ==, sizeof head);

    Replacement replacement;
    int code = file_replace_begin(&replacement, store->folder, SLOT_NAME[slot]);
    if (code < 0)
        return code;
    code = file_replace_write(&replacement, head, sizeof head);
    if (code == 0)
        code = file_replace_write(&replacement, bytes, length);
    if (code < 0) {
        file_replace_abandon(&replacement);
        return code;
    }
    return file_replace_end(&replacement, NULL);
}

int store_save(Store *store, Slot slot, const uint8_t *bytes, size_t length, GString *error)
{
    INVARIANT(store_attached(store) && SLOT_NAME[slot] != NULL);
    if (store->folder < 0 && length == 0)
        return 0;
    int code = store->folder < 0 ? make_directory(store, error) : 0;
    if (code < 0)
        return code;
    code = length == 0 ? file_remove(store->folder, SLOT_NAME[slot])
                       : write_slot(store, slot, bytes, length);
    if (code < 0)
        g_string_printf(error, "cannot save %s/%s: %s", store->directory, SLOT_NAME[slot],
                        g_strerror(-code));
    return code;
}
