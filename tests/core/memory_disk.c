#include "tests/core/memory_disk.h"

#include <string.h>

#include "core/panic.h"

typedef struct Content {
    GByteArray *now;
    GByteArray *durable;
} Content;

typedef struct Link {
    char *name;
    Content *content; /* NULL: there is no such file */
} Link;

/* Not synced yet. */
typedef struct Change {
    Content *content; /* written to; NULL: a name was changed */
    size_t offset;
    GByteArray *bytes;
    Link link;
} Change;

struct MemoryDisk {
    Disk base;
    size_t sector_bytes;
    uint64_t operations;
    uint64_t stop_at;
    uint64_t fail_at;
    GPtrArray *contents;
    GArray *names;   /* of Link, now */
    GArray *durable; /* of Link */
    GArray *changes; /* of Change */
};

/* --- names --- */

static Link *find(GArray *names, const char *name)
{
    for (guint i = 0; i < names->len; i++) {
        Link *link = &g_array_index(names, Link, i);
        if (strcmp(link->name, name) == 0)
            return link;
    }
    return NULL;
}

static void set_link(GArray *names, const char *name, Content *content)
{
    Link *link = find(names, name);
    Link fresh = {NULL, content};
    if (link != NULL) {
        link->content = content;
        return;
    }
    fresh.name = g_strdup(name);
    g_array_append_val(names, fresh);
}

static Content *content_of(const MemoryDisk *memory, const char *name)
{
    const Link *link = find(memory->names, name);
    return link != NULL ? link->content : NULL;
}

static void change_name(MemoryDisk *memory, const char *name, Content *content)
{
    Change change = {.link = {g_strdup(name), content}};
    set_link(memory->names, name, content);
    g_array_append_val(memory->changes, change);
}

/* --- contents --- */

static Content *content_new(MemoryDisk *memory)
{
    Content *content = g_new0(Content, 1);
    content->now = g_byte_array_new();
    content->durable = g_byte_array_new();
    g_ptr_array_add(memory->contents, content);
    return content;
}

static void content_free(void *element)
{
    Content *content = element;
    g_byte_array_unref(content->now);
    g_byte_array_unref(content->durable);
    g_free(content);
}

static void lengthen(GByteArray *to, size_t length)
{
    const size_t before = to->len;
    if (length <= before)
        return;
    g_byte_array_set_size(to, (guint)length);
    memset(to->data + before, 0, length - before);
}

static void put(GByteArray *to, size_t offset, const uint8_t *bytes, size_t length)
{
    lengthen(to, offset + length);
    if (length > 0)
        memcpy(to->data + offset, bytes, length);
}

static void change_clear(void *element)
{
    Change *change = element;
    if (change->bytes != NULL)
        g_byte_array_unref(change->bytes);
    g_free(change->link.name);
}

/* --- as a Disk --- */

static MemoryDisk *of(Disk *disk)
{
    return (MemoryDisk *)disk;
}

/* Counts the operation; is it to be carried out? */
static bool begin(MemoryDisk *memory)
{
    const uint64_t operation = memory->operations++;
    return operation < memory->stop_at && operation != memory->fail_at;
}

static int read_file(Disk *disk, const char *name, GByteArray *bytes)
{
    const Content *content = content_of(of(disk), name);
    if (content == NULL)
        return DISK_MISSING;
    g_byte_array_append(bytes, content->now->data, content->now->len);
    return 0;
}

static int write_file(Disk *disk, const char *name, uint64_t offset, const uint8_t *bytes,
                      size_t length)
{
    MemoryDisk *memory = of(disk);
    const bool good = begin(memory);
    if (!good && memory->operations - 1 != memory->fail_at)
        return MEMORY_DISK_ERROR;
    const size_t written = good ? length : length / 2;
    Content *content = content_of(memory, name);
    if (content == NULL) {
        content = content_new(memory);
        change_name(memory, name, content);
    }
    INVARIANT_THAT(offset, ==, content->now->len);
    Change change = {content, offset, g_byte_array_new(), {NULL, NULL}};
    g_byte_array_append(change.bytes, bytes, (guint)written);
    g_array_append_val(memory->changes, change);
    put(content->now, offset, bytes, written);
    return good ? 0 : MEMORY_DISK_ERROR;
}

static int sync_file(Disk *disk, const char *name)
{
    MemoryDisk *memory = of(disk);
    Content *content = content_of(memory, name);
    if (!begin(memory))
        return MEMORY_DISK_ERROR;
    if (content == NULL)
        return DISK_MISSING;
    for (guint i = memory->changes->len; i-- > 0;) {
        if (g_array_index(memory->changes, Change, i).content == content)
            g_array_remove_index(memory->changes, i);
    }
    g_byte_array_set_size(content->durable, 0);
    g_byte_array_append(content->durable, content->now->data, content->now->len);
    return 0;
}

static int rename_file(Disk *disk, const char *from, const char *to)
{
    MemoryDisk *memory = of(disk);
    Content *content = content_of(memory, from);
    if (!begin(memory))
        return MEMORY_DISK_ERROR;
    if (content == NULL)
        return DISK_MISSING;
    change_name(memory, to, content);
    change_name(memory, from, NULL);
    return 0;
}

static int remove_file(Disk *disk, const char *name)
{
    MemoryDisk *memory = of(disk);
    if (!begin(memory))
        return MEMORY_DISK_ERROR;
    if (content_of(memory, name) != NULL)
        change_name(memory, name, NULL);
    return 0;
}

static int sync_names(Disk *disk)
{
    MemoryDisk *memory = of(disk);
    if (!begin(memory))
        return MEMORY_DISK_ERROR;
    for (guint i = memory->changes->len; i-- > 0;) {
        if (g_array_index(memory->changes, Change, i).content == NULL)
            g_array_remove_index(memory->changes, i);
    }
    for (guint i = 0; i < memory->names->len; i++) {
        const Link *link = &g_array_index(memory->names, Link, i);
        set_link(memory->durable, link->name, link->content);
    }
    return 0;
}

static const char *reason(Disk *disk, int code)
{
    (void)disk;
    return code == DISK_MISSING ? "no such file" : "input/output error";
}

/* --- the object --- */

static void link_clear(void *element)
{
    g_free(((Link *)element)->name);
}

static GArray *links_new(void)
{
    GArray *links = g_array_new(FALSE, FALSE, sizeof(Link));
    g_array_set_clear_func(links, link_clear);
    return links;
}

MemoryDisk *memory_disk_new(size_t sector_bytes)
{
    static const DiskOperations operations = {.read = read_file,
                                              .write = write_file,
                                              .sync = sync_file,
                                              .rename = rename_file,
                                              .remove = remove_file,
                                              .sync_names = sync_names,
                                              .reason = reason};
    MemoryDisk *memory = g_new0(MemoryDisk, 1);
    memory->base.operations = &operations;
    memory->sector_bytes = sector_bytes;
    memory->stop_at = memory->fail_at = UINT64_MAX;
    memory->contents = g_ptr_array_new_with_free_func(content_free);
    memory->names = links_new();
    memory->durable = links_new();
    memory->changes = g_array_new(FALSE, FALSE, sizeof(Change));
    g_array_set_clear_func(memory->changes, change_clear);
    return memory;
}

void memory_disk_free(MemoryDisk *memory)
{
    g_array_unref(memory->changes);
    g_array_unref(memory->names);
    g_array_unref(memory->durable);
    g_ptr_array_unref(memory->contents);
    g_free(memory);
}

Disk *memory_disk(MemoryDisk *memory)
{
    return &memory->base;
}

uint64_t memory_disk_operations(const MemoryDisk *memory)
{
    return memory->operations;
}

void memory_disk_stop_at(MemoryDisk *memory, uint64_t operation)
{
    memory->stop_at = operation;
}

void memory_disk_fail_at(MemoryDisk *memory, uint64_t operation)
{
    memory->fail_at = operation;
}

/* --- a crash --- */

static bool choose(Choices *choices)
{
    const unsigned place = choices->chosen++;
    if (place < CHOICE_BITS)
        return choices->bits >> place & 1;
    choices->coins = choices->coins * UINT64_C(6364136223846793005) + 1442695040888963407;
    return choices->coins >> 63;
}

/* As it was written to; now and then its whole length, with zeros where nothing is. */
static void survive(const MemoryDisk *memory, const Content *content, GByteArray *survivor,
                    Choices *choices)
{
    put(survivor, 0, content->durable->data, content->durable->len);
    for (guint i = 0; i < memory->changes->len; i++) {
        const Change *change = &g_array_index(memory->changes, Change, i);
        if (change->content != content)
            continue;
        const size_t end = change->offset + change->bytes->len;
        for (size_t at = change->offset; at < end;) {
            const size_t next = MIN((at / memory->sector_bytes + 1) * memory->sector_bytes, end);
            if (choose(choices))
                put(survivor, at, change->bytes->data + (at - change->offset), next - at);
            at = next;
        }
    }
    if (content->now->len > survivor->len && choose(choices))
        lengthen(survivor, content->now->len);
}

MemoryDisk *memory_disk_crash(const MemoryDisk *memory, Choices *choices)
{
    MemoryDisk *after = memory_disk_new(memory->sector_bytes);
    GArray *names = links_new();
    for (guint i = 0; i < memory->durable->len; i++) {
        const Link *link = &g_array_index(memory->durable, Link, i);
        set_link(names, link->name, link->content);
    }
    for (guint i = 0; i < memory->changes->len; i++) {
        const Change *change = &g_array_index(memory->changes, Change, i);
        if (change->content == NULL && choose(choices))
            set_link(names, change->link.name, change->link.content);
    }
    for (guint i = 0; i < names->len; i++) {
        const Link *link = &g_array_index(names, Link, i);
        if (link->content == NULL)
            continue;
        g_autoptr(GByteArray) survivor = g_byte_array_new();
        survive(memory, link->content, survivor, choices);
        memory_disk_put(after, link->name, survivor->data, survivor->len);
    }
    g_array_unref(names);
    return after;
}

const GByteArray *memory_disk_file(const MemoryDisk *memory, const char *name)
{
    const Content *content = content_of(memory, name);
    return content != NULL ? content->now : NULL;
}

void memory_disk_put(MemoryDisk *memory, const char *name, const void *bytes, size_t length)
{
    Content *content = content_new(memory);
    put(content->now, 0, bytes, length);
    put(content->durable, 0, bytes, length);
    set_link(memory->names, name, content);
    set_link(memory->durable, name, content);
}

void memory_disk_flip(MemoryDisk *memory, const char *name, size_t bit)
{
    Content *content = content_of(memory, name);
    const uint8_t mask = (uint8_t)(1 << bit % 8);
    INVARIANT_THAT(bit / 8, <, content->durable->len);
    content->now->data[bit / 8] ^= mask;
    content->durable->data[bit / 8] ^= mask;
}

size_t memory_disk_count(const MemoryDisk *memory)
{
    size_t count = 0;
    for (guint i = 0; i < memory->names->len; i++)
        count += g_array_index(memory->names, Link, i).content != NULL;
    return count;
}
