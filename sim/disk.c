#include "sim/disk.h"

#include <string.h>

#include "core/panic.h"
#include "sim/disk_folder.h"

typedef enum OperationKind {
    OPERATION_WRITE,
    OPERATION_SYNC,
    OPERATION_LINK, /* a new file gets its name */
    OPERATION_RENAME,
    OPERATION_REMOVE,
    OPERATION_SYNC_NAMES
} OperationKind;

typedef struct Operation {
    OperationKind kind;
    bool safe; /* or nothing to be lost */
    uint64_t number;
    uint64_t begin_ns;
    uint64_t done_ns;
    SimFile *file;   /* WRITE, SYNC, LINK, RENAME */
    char *name;      /* LINK, REMOVE; RENAME: from */
    char *to;        /* RENAME */
    uint64_t offset; /* WRITE */
    uint8_t *bytes;  /* WRITE */
    size_t length;
} Operation;

struct SimDisk {
    Disk base;
    DiskModel model;
    uint64_t state;
    uint64_t now_ns;
    uint64_t done_ns;
    SimFolder names;    /* with all operations */
    SimFolder safe;     /* with those that are synced */
    GArray *operations; /* those not known to be safe, in their order */
    uint64_t operation_count;
    const DiskChooser *chooser;
    DiskCounts counts;
};

const DiskModel disk_ideal = {.write_delay = {.kind = DELAY_CONSTANT},
                              .fsync_delay = {.kind = DELAY_CONSTANT}};

/* --- what operations do --- */

/* A crash may keep a rename and lose the file's first name. */
static void apply_to_names(const Operation *operation, SimFolder *names)
{
    if (operation->kind == OPERATION_LINK) {
        simfolder_put(names, operation->name, operation->file);
    } else if (operation->kind == OPERATION_REMOVE) {
        simfolder_remove(names, operation->name);
    } else {
        const SimEntry *from = simfolder_find(names, operation->name);
        if (from != NULL && from->file == operation->file)
            simfolder_remove(names, operation->name);
        simfolder_put(names, operation->to, operation->file);
    }
}

static bool changes_names(const Operation *operation)
{
    return operation->kind == OPERATION_LINK || operation->kind == OPERATION_RENAME ||
           operation->kind == OPERATION_REMOVE;
}

static void make_safe(SimDisk *disk, Operation *operation)
{
    if (operation->kind == OPERATION_WRITE)
        simfile_put(operation->file->safe, operation->offset, operation->bytes, operation->length);
    else if (changes_names(operation))
        apply_to_names(operation, &disk->safe);
    operation->safe = true;
}

/* --- the operations under way --- */

static void operation_clear(void *element)
{
    Operation *operation = element;
    simfile_unref(operation->file);
    g_free(operation->name);
    g_free(operation->to);
    g_free(operation->bytes);
}

static Operation *operation_at(const SimDisk *disk, guint index)
{
    return &g_array_index(disk->operations, Operation, index);
}

static void forget_safe(SimDisk *disk)
{
    guint kept = 0;
    for (guint i = 0; i < disk->operations->len; i++) {
        Operation *operation = operation_at(disk, i);
        if (operation->safe)
            operation_clear(operation);
        else
            *operation_at(disk, kept++) = *operation;
    }
    g_array_set_clear_func(disk->operations, NULL);
    g_array_set_size(disk->operations, kept);
    g_array_set_clear_func(disk->operations, operation_clear);
}

/* The syncs among the operations before `end` are done. */
static void carry_out_syncs(SimDisk *disk, uint64_t end)
{
    for (guint i = 0; i < disk->operations->len; i++) {
        Operation *sync = operation_at(disk, i);
        if (sync->number >= end)
            break;
        if (sync->kind != OPERATION_SYNC && sync->kind != OPERATION_SYNC_NAMES)
            continue;
        sync->safe = true;
        for (guint j = 0; j < i; j++) {
            Operation *earlier = operation_at(disk, j);
            bool covered = sync->kind == OPERATION_SYNC
                               ? earlier->kind == OPERATION_WRITE && earlier->file == sync->file
                               : changes_names(earlier);
            if (covered && !earlier->safe)
                make_safe(disk, earlier);
        }
    }
    forget_safe(disk);
}

DiskCut simdisk_cut_at(const SimDisk *disk, uint64_t now_ns)
{
    for (guint i = 0; i < disk->operations->len; i++) {
        const Operation *operation = operation_at(disk, i);
        if (operation->done_ns > now_ns)
            return (DiskCut){operation->number, operation->begin_ns < now_ns};
    }
    return (DiskCut){disk->operation_count, false};
}

void simdisk_set_time(SimDisk *disk, uint64_t now_ns)
{
    INVARIANT_THAT(now_ns, >=, disk->now_ns);
    disk->now_ns = now_ns;
    if (disk->operations->len > 0)
        carry_out_syncs(disk, simdisk_cut_at(disk, now_ns).operation);
}

static Operation *begin(SimDisk *disk, OperationKind kind, uint64_t delay_ns)
{
    Operation operation = {.kind = kind, .number = disk->operation_count++};
    operation.begin_ns = MAX(disk->now_ns, disk->done_ns);
    operation.done_ns = operation.begin_ns + delay_ns;
    disk->done_ns = operation.done_ns;
    g_array_append_val(disk->operations, operation);
    return operation_at(disk, disk->operations->len - 1);
}

/* length: of a write that may fail in its midst or find no space; of all others 0. */
static DiskFate draw_fate(SimDisk *disk, DiskWork work, bool write, size_t length)
{
    const DiskModel *model = &disk->model;
    bool full = write && model->full_rate > 0 && draw_chance(&disk->state, model->full_rate);
    bool error = model->error_rate > 0 && draw_chance(&disk->state, model->error_rate);
    DiskFate fate = {.code = full ? SIMDISK_FULL : error ? SIMDISK_ERROR : 0};
    if (write && fate.code != 0)
        fate.written = draw_uniform(&disk->state, 0, length);
    if (work != DISK_READ && (write || fate.code == 0))
        fate.delay_ns =
            delay_draw(work == DISK_SYNC ? &model->fsync_delay : &model->write_delay, &disk->state);
    return fate;
}

static DiskFate decide(SimDisk *disk, DiskWork work, bool write, size_t length)
{
    DiskFate fate = draw_fate(disk, work, write, length);
    if (disk->chooser != NULL)
        disk->chooser->operate(disk->chooser->context, work, &fate);
    if (fate.code == SIMDISK_FULL && !write)
        fate.code = SIMDISK_ERROR;
    disk->counts.full += fate.code == SIMDISK_FULL;
    disk->counts.errors += fate.code == SIMDISK_ERROR;
    return fate;
}

/* --- as a Disk --- */

static SimDisk *of(Disk *base)
{
    return (SimDisk *)base;
}

static int read_file(Disk *base, const char *name, GByteArray *bytes)
{
    SimDisk *disk = of(base);
    const SimEntry *entry = simfolder_find(&disk->names, name);
    DiskFate fate = decide(disk, DISK_READ, false, 0);
    if (fate.code != 0)
        return fate.code;
    if (entry == NULL)
        return DISK_MISSING;
    g_byte_array_append(bytes, entry->file->content->data, entry->file->content->len);
    return 0;
}

static SimFile *make_file(SimDisk *disk, const char *name)
{
    Operation *link = begin(disk, OPERATION_LINK, 0);
    link->name = g_strdup(name);
    link->file = simfile_ref(simfile_new());
    apply_to_names(link, &disk->names);
    return link->file;
}

/* A write that fails may have been begun. */
static int write_file(Disk *base, const char *name, uint64_t offset, const uint8_t *bytes,
                      size_t length)
{
    SimDisk *disk = of(base);
    const SimEntry *entry = simfolder_find(&disk->names, name);
    SimFile *file = entry != NULL ? entry->file : make_file(disk, name);
    INVARIANT_THAT(offset, ==, file->content->len);
    DiskFate fate = decide(disk, DISK_CHANGE, true, length);
    if (fate.code != 0)
        length = MIN(length, fate.written);
    Operation *write = begin(disk, OPERATION_WRITE, fate.delay_ns);
    write->file = simfile_ref(file);
    write->offset = offset;
    write->bytes = g_memdup2(bytes, length);
    write->length = length;
    simfile_put(file->content, offset, bytes, length);
    return fate.code;
}

/* One that fails leaves everything as unsafe as it was. */
static int sync_file(Disk *base, const char *name)
{
    SimDisk *disk = of(base);
    const SimEntry *entry = simfolder_find(&disk->names, name);
    if (entry == NULL)
        return DISK_MISSING;
    DiskFate fate = decide(disk, DISK_SYNC, false, 0);
    if (fate.code != 0)
        return fate.code;
    Operation *sync = begin(disk, OPERATION_SYNC, fate.delay_ns);
    sync->file = simfile_ref(entry->file);
    return 0;
}

static int rename_file(Disk *base, const char *from, const char *to)
{
    SimDisk *disk = of(base);
    const SimEntry *entry = simfolder_find(&disk->names, from);
    if (entry == NULL)
        return DISK_MISSING;
    DiskFate fate = decide(disk, DISK_CHANGE, false, 0);
    if (fate.code != 0)
        return fate.code;
    Operation *rename = begin(disk, OPERATION_RENAME, fate.delay_ns);
    rename->file = simfile_ref(entry->file);
    rename->name = g_strdup(from);
    rename->to = g_strdup(to);
    apply_to_names(rename, &disk->names);
    return 0;
}

static int remove_file(Disk *base, const char *name)
{
    SimDisk *disk = of(base);
    DiskFate fate = decide(disk, DISK_CHANGE, false, 0);
    if (fate.code != 0)
        return fate.code;
    if (simfolder_find(&disk->names, name) == NULL)
        return 0;
    Operation *remove = begin(disk, OPERATION_REMOVE, fate.delay_ns);
    remove->name = g_strdup(name);
    apply_to_names(remove, &disk->names);
    return 0;
}

static int sync_names(Disk *base)
{
    SimDisk *disk = of(base);
    DiskFate fate = decide(disk, DISK_SYNC, false, 0);
    if (fate.code == 0)
        begin(disk, OPERATION_SYNC_NAMES, fate.delay_ns);
    return fate.code;
}

static const char *reason(Disk *base, int code)
{
    (void)base;
    switch (code) {
    case DISK_MISSING:
        return "no such file";
    case SIMDISK_FULL:
        return "no space left";
    case SIMDISK_ERROR:
        return "input/output error";
    default:
        return "an unknown error";
    }
}

/* --- the crash --- */

static bool coin(CrashFate *fate)
{
    return random_next(&fate->seed) >> 63;
}

/* Of the sectors that the write touches, each may be there or not; so may the file's new length,
 * with zeros where nothing else is. */
static void tear(SimDisk *disk, Operation *write, CrashFate *fate)
{
    GByteArray *safe = write->file->safe;
    uint64_t end = write->offset + write->length;
    bool left = false;
    bool lost = false;
    for (uint64_t at = write->offset; at < end;) {
        uint64_t next = MIN((at / SECTOR_BYTES + 1) * SECTOR_BYTES, end);
        bool kept = coin(fate);
        if (kept)
            simfile_put(safe, at, write->bytes + (at - write->offset), next - at);
        left = left || kept;
        lost = lost || !kept;
        at = next;
    }
    if (safe->len < end && coin(fate))
        simfile_resize(safe, end);
    disk->counts.torn_writes += left && lost;
    disk->counts.lost_writes += !left;
}

static bool is_sync(const Operation *operation)
{
    return operation->kind == OPERATION_SYNC || operation->kind == OPERATION_SYNC_NAMES;
}

static void survive_or_not(SimDisk *disk, Operation *operation, bool doubtful, CrashFate *fate)
{
    if (is_sync(operation)) {
        return;
    } else if (!doubtful) {
        make_safe(disk, operation);
    } else if (fate->tear && operation->kind == OPERATION_WRITE) {
        tear(disk, operation, fate);
    } else if (coin(fate)) {
        make_safe(disk, operation);
    } else {
        disk->counts.lost_writes++;
    }
}

static bool is_under_way(const Operation *operation, DiskCut cut)
{
    return operation->number == cut.operation && cut.under_way;
}

/* What is synced is safe already. */
static CrashFate decide_crash(SimDisk *disk, DiskCut cut)
{
    CrashFate fate = {.lose = draw_chance(&disk->state, disk->model.lost_unsynced),
                      .tear = draw_chance(&disk->state, disk->model.torn_write)};
    fate.seed = random_next(&disk->state);
    if (disk->chooser == NULL)
        return fate;
    bool unsynced = false;
    bool under_way = false;
    for (guint i = 0; i < disk->operations->len; i++) {
        const Operation *operation = operation_at(disk, i);
        unsynced = unsynced || (!is_sync(operation) && operation->number < cut.operation);
        under_way = under_way || (!is_sync(operation) && is_under_way(operation, cut));
    }
    disk->chooser->crash(disk->chooser->context, &fate, unsynced, under_way);
    return fate;
}

void simdisk_crash(SimDisk *disk, DiskCut cut, uint64_t now_ns)
{
    carry_out_syncs(disk, cut.operation);
    CrashFate fate = decide_crash(disk, cut);
    for (guint i = 0; i < disk->operations->len; i++) {
        Operation *operation = operation_at(disk, i);
        bool under_way = is_under_way(operation, cut);
        if (operation->number < cut.operation || under_way)
            survive_or_not(disk, operation, fate.lose || under_way, &fate);
    }
    simfolder_assign(&disk->names, &disk->safe);
    /* What was renamed or removed and is there again has the content that is safe. */
    for (guint i = 0; i < disk->names.entries->len; i++) {
        SimFile *file = g_array_index(disk->names.entries, SimEntry, i).file;
        g_byte_array_set_size(file->content, 0);
        g_byte_array_append(file->content, file->safe->data, file->safe->len);
    }
    g_array_set_size(disk->operations, 0);
    disk->now_ns = MAX(disk->now_ns, now_ns);
    disk->done_ns = disk->now_ns;
}

/* --- the object --- */

SimDisk *simdisk_new(uint64_t state)
{
    static const DiskOperations operations = {.read = read_file,
                                              .write = write_file,
                                              .sync = sync_file,
                                              .rename = rename_file,
                                              .remove = remove_file,
                                              .sync_names = sync_names,
                                              .reason = reason};
    SimDisk *disk = g_new0(SimDisk, 1);
    disk->base.operations = &operations;
    disk->model = disk_ideal;
    disk->state = state;
    simfolder_init(&disk->names);
    simfolder_init(&disk->safe);
    disk->operations = g_array_new(FALSE, FALSE, sizeof(Operation));
    g_array_set_clear_func(disk->operations, operation_clear);
    return disk;
}

SimDisk *simdisk_copy(const SimDisk *disk)
{
    SimDisk *copy = simdisk_new(0);
    for (guint i = 0; i < disk->names.entries->len; i++) {
        const SimEntry *entry = &g_array_index(disk->names.entries, SimEntry, i);
        const GByteArray *content = entry->file->content;
        SimFile *file = simfile_new();
        g_byte_array_append(file->content, content->data, content->len);
        g_byte_array_append(file->safe, content->data, content->len);
        simfolder_put(&copy->names, entry->name, file);
        simfolder_put(&copy->safe, entry->name, file);
    }
    return copy;
}

void simdisk_free(SimDisk *disk)
{
    if (disk == NULL)
        return;
    g_array_unref(disk->operations);
    simfolder_deinit(&disk->names);
    simfolder_deinit(&disk->safe);
    g_free(disk);
}

void simdisk_set_model(SimDisk *disk, const DiskModel *model)
{
    disk->model = *model;
}

void simdisk_set_chooser(SimDisk *disk, const DiskChooser *chooser)
{
    disk->chooser = chooser;
}

Disk *simdisk_disk(SimDisk *disk)
{
    return &disk->base;
}

uint64_t simdisk_done_ns(const SimDisk *disk)
{
    return MAX(disk->now_ns, disk->done_ns);
}

DiskCounts simdisk_counts(const SimDisk *disk)
{
    return disk->counts;
}

uint64_t simdisk_operations(const SimDisk *disk)
{
    return disk->operation_count;
}

uint64_t simdisk_begin_ns(const SimDisk *disk, uint64_t operation)
{
    for (guint i = disk->operations->len; i-- > 0;) {
        if (operation_at(disk, i)->number == operation)
            return operation_at(disk, i)->begin_ns;
    }
    INVARIANT(!"an operation since the time was set");
    return 0;
}

uint64_t simdisk_file_bytes(const SimDisk *disk, const char *name)
{
    const SimEntry *entry = simfolder_find(&disk->names, name);
    return entry != NULL ? entry->file->content->len : 0;
}

void simdisk_flip(SimDisk *disk, const char *name, uint64_t bit)
{
    const SimEntry *entry = simfolder_find(&disk->names, name);
    INVARIANT(entry != NULL && disk->operations->len == 0);
    INVARIANT_THAT(bit / 8, <, entry->file->content->len);
    uint8_t mask = (uint8_t)(1U << bit % 8);
    entry->file->content->data[bit / 8] ^= mask;
    entry->file->safe->data[bit / 8] ^= mask;
}
