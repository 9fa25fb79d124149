#include "core/bank_registry.h"

#include <string.h>

#include "core/panic.h"
#include "core/planted.h"

enum { RECORD_VERSION = 2 };

typedef enum ItemKind {
    ITEM_END,
    ITEM_COUNTERS,
    ITEM_ROW,
    ITEM_CLIENT,
    ITEM_COHORT,
    ITEM_ATTEMPT,
    ITEM_LEFT,
    ITEM_KINDS
} ItemKind;

static void client_free(void *data)
{
    RegistryClient *client = data;
    g_free(client->answer);
    g_free(client);
}

static void cohort_free(void *data)
{
    RegistryCohort *cohort = data;
    g_free(cohort->members);
    g_free(cohort->left);
    g_free(cohort);
}

void registry_init(Registry *registry)
{
    *registry = (Registry){
        .rows = g_ptr_array_new_with_free_func(g_free),
        .by_name = g_hash_table_new(g_str_hash, g_str_equal),
        .clients = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, client_free),
        .unbound = G_QUEUE_INIT,
        .cohorts = g_ptr_array_new_with_free_func(cohort_free),
    };
}

void registry_deinit(Registry *registry)
{
    g_ptr_array_free(registry->cohorts, TRUE);
    g_hash_table_destroy(registry->clients);
    g_hash_table_destroy(registry->by_name);
    g_ptr_array_free(registry->rows, TRUE);
}

/* --- finding --- */

RegistryRow *registry_find(const Registry *registry, const Name *name)
{
    return g_hash_table_lookup(registry->by_name, name->text);
}

RegistryRow *registry_row(const Registry *registry, size_t index)
{
    INVARIANT_THAT(index, <, registry->rows->len);
    return registry->rows->pdata[index];
}

RegistryClient *registry_client(const Registry *registry, uint64_t client)
{
    return g_hash_table_lookup(registry->clients, &client);
}

/* The place of the first cohort whose id is not below. */
static guint cohort_place(const Registry *registry, uint64_t id)
{
    guint low = 0, high = registry->cohorts->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        const RegistryCohort *cohort = registry->cohorts->pdata[middle];
        if (cohort->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

RegistryCohort *registry_cohort(const Registry *registry, uint64_t id)
{
    guint place = cohort_place(registry, id);
    if (place == registry->cohorts->len)
        return NULL;
    RegistryCohort *cohort = registry->cohorts->pdata[place];
    return cohort->id == id ? cohort : NULL;
}

bool registry_member(const RegistryCohort *cohort, const Name *name)
{
    for (uint16_t i = 0; i < cohort->count; i++) {
        if (name_equal(&cohort->members[i]->line.name, name))
            return true;
    }
    return false;
}

Member registry_introduce(const RegistryRow *row)
{
    const BankRow *line = &row->line;
    return (Member){.name = line->name,
                    .ip = line->ip,
                    .port1 = line->port1,
                    .port2 = line->port2,
                    .epoch = row->epoch};
}

/* --- items: one function codes each both ways --- */

static void code_counters(Coder *coder, RegistryCounters *counters)
{
    for (int kind = 0; kind < PROPOSAL_KINDS; kind++)
        code_u64(coder, &counters->ids[kind]);
    code_u64(coder, &counters->attempt);
    code_u64(coder, &counters->forgotten);
}

static void code_row(Coder *coder, RegistryRow *row)
{
    code_name(coder, &row->line.name);
    code_money(coder, &row->line.balance);
    code_u32(coder, &row->line.ip);
    code_u16(coder, &row->line.port1);
    code_u16(coder, &row->line.port2);
    code_u64(coder, &row->line.cohort);
    code_bool(coder, &row->line.exited);
    code_u64(coder, &row->client);
    code_u64(coder, &row->open_id);
    code_u64(coder, &row->exit_id);
    code_u64(coder, &row->report);
    code_u64(coder, &row->epoch);
    code_bool(coder, &row->gone);
}

static void code_client(Coder *coder, RegistryClient *client)
{
    code_u64(coder, &client->id);
    code_u64(coder, &client->number);
    code_u16(coder, &client->length);
    if (coder->decoding)
        client->answer = g_malloc(client->length);
    code_bytes(coder, client->answer, client->length);
}

void registry_put_begin(Coder *record)
{
    uint8_t version = RECORD_VERSION;
    code_u8(record, &version);
}

static void put(Coder *record, ItemKind kind)
{
    int value = kind;
    code_enum(record, &value, ITEM_KINDS);
}

void registry_put_counters(Coder *record, RegistryCounters after)
{
    put(record, ITEM_COUNTERS);
    code_counters(record, &after);
}

void registry_put_end(Coder *record)
{
    put(record, ITEM_END);
}

void registry_put_row(Coder *record, const RegistryRow *after)
{
    RegistryRow row = *after;
    put(record, ITEM_ROW);
    code_row(record, &row);
}

void registry_put_client(Coder *record, const RegistryClient *after)
{
    RegistryClient client = *after;
    put(record, ITEM_CLIENT);
    code_client(record, &client);
}

void registry_put_cohort(Coder *record, const RegistryCohort *after)
{
    RegistryCohort cohort = *after;
    put(record, ITEM_COHORT);
    code_u64(record, &cohort.id);
    code_bool(record, &cohort.leaving);
    code_u64(record, &cohort.attempt);
    code_u16(record, &cohort.count);
    for (uint16_t i = 0; i < cohort.count; i++) {
        code_name(record, &cohort.members[i]->line.name);
        code_bool(record, &cohort.left[i]);
    }
}

void registry_put_left(Coder *record, uint64_t cohort, uint16_t member)
{
    put(record, ITEM_LEFT);
    code_u64(record, &cohort);
    code_u16(record, &member);
}

/* --- applying: false when the item is damaged ---
 *
 * From where a record is cut short on it reads as zeros, and it is refused at its end. */

/* Counters only grow: a journal read over a newer CSV must not lower what the CSV taught. */
static void apply_counters(Registry *registry, Coder *coder)
{
    RegistryCounters after, *counters = &registry->counters;
    code_counters(coder, &after);
    for (int kind = 0; kind < PROPOSAL_KINDS; kind++)
        counters->ids[kind] = MAX(counters->ids[kind], after.ids[kind]);
    counters->attempt = MAX(counters->attempt, after.attempt);
    counters->forgotten = MAX(counters->forgotten, after.forgotten);
}

static RegistryRow *add_row(Registry *registry, const Name *name)
{
    INVARIANT_THAT(registry->rows->len, <, UINT32_MAX);
    RegistryRow *row = g_new0(RegistryRow, 1);
    row->line.name = *name;
    row->index = registry->rows->len;
    g_ptr_array_add(registry->rows, row);
    g_hash_table_insert(registry->by_name, row->line.name.text, row);
    return row;
}

static RegistryClient *add_client(Registry *registry, uint64_t id)
{
    RegistryClient *client = g_new0(RegistryClient, 1);
    client->id = id;
    client->link.data = client;
    g_hash_table_insert(registry->clients, &client->id, client);
    g_queue_push_tail_link(&registry->unbound, &client->link);
    return client;
}

static void forget_clients(Registry *registry)
{
    while (registry->unbound.length > REGISTRY_CLIENTS_MAX) {
        RegistryClient *oldest = g_queue_pop_head_link(&registry->unbound)->data;
        g_hash_table_remove(registry->clients, &oldest->id);
        registry->counters.forgotten++;
    }
}

static void bind_client(Registry *registry, RegistryRow *row, uint64_t id)
{
    RegistryClient *before = registry_client(registry, row->client);
    if (before) {
        before->row = NULL;
        g_queue_push_tail_link(&registry->unbound, &before->link);
    }
    row->client = id;
    row->silent = false;
    if (id != 0) {
        RegistryClient *client = registry_client(registry, id);
        if (!client)
            client = add_client(registry, id);
        if (client->row)
            client->row->client = 0; /* exited: a process runs one account at a time */
        else
            g_queue_unlink(&registry->unbound, &client->link);
        client->row = row;
    }
    forget_clients(registry);
}

static bool apply_row(Registry *registry, Coder *coder)
{
    RegistryRow after = {0};
    code_row(coder, &after);
    if (after.line.name.text[0] == '\0' || after.line.balance < 0 || after.line.port1 == 0 ||
        after.line.port2 == 0 || after.line.cohort > COHORT_MAX)
        return false; /* nor could the CSV hold it */
    RegistryRow *row = registry_find(registry, &after.line.name);
    if (!row)
        row = add_row(registry, &after.line.name);
    row->line = after.line;
    row->open_id = after.open_id;
    row->exit_id = after.exit_id;
    row->report = after.report;
    row->epoch = after.epoch;
    row->gone = after.gone;
    if (row->client != after.client)
        bind_client(registry, row, after.client);
    return true;
}

static bool apply_client(Registry *registry, Coder *coder)
{
    RegistryClient after = {0};
    code_client(coder, &after);
    if (after.id == 0) {
        g_free(after.answer);
        return false;
    }
    RegistryClient *client = registry_client(registry, after.id);
    if (!client)
        client = add_client(registry, after.id);
    g_free(client->answer);
    client->answer = after.answer;
    client->length = after.length;
    client->number = after.number;
    if (!client->row) {
        g_queue_unlink(&registry->unbound, &client->link);
        g_queue_push_tail_link(&registry->unbound, &client->link);
    }
    forget_clients(registry);
    return true;
}

static void mark_left(RegistryCohort *cohort, uint16_t member, bool left)
{
    RegistryRow *row = cohort->members[member];
    if (left && !cohort->left[member]) {
        cohort->left[member] = true;
        cohort->left_count++;
    }
    if (cohort->leaving && !left)
        row->leaving = cohort->id;
    else if (row->leaving == cohort->id)
        row->leaving = 0;
}

/* Puts a cohort in its place, instead of an earlier image of it. */
static RegistryCohort *place_cohort(Registry *registry, uint64_t id, uint16_t count)
{
    guint place = cohort_place(registry, id);
    RegistryCohort *before = registry_cohort(registry, id);
    if (before)
        g_ptr_array_remove_index(registry->cohorts, place);
    RegistryCohort *cohort = g_new0(RegistryCohort, 1);
    cohort->id = id;
    cohort->count = count;
    cohort->members = g_new0(RegistryRow *, count);
    cohort->left = g_new0(bool, count);
    g_ptr_array_insert(registry->cohorts, (gint)place, cohort);
    return cohort;
}

static bool apply_cohort(Registry *registry, Coder *coder)
{
    uint64_t id;
    bool leaving;
    uint64_t attempt;
    uint16_t count;
    code_u64(coder, &id);
    code_bool(coder, &leaving);
    code_u64(coder, &attempt);
    code_u16(coder, &count);
    if (id == 0 || count < 2 || count > MEMBERS_MAX)
        return false;
    RegistryRow *members[MEMBERS_MAX];
    bool left[MEMBERS_MAX];
    for (uint16_t i = 0; i < count; i++) {
        Name name;
        code_name(coder, &name);
        code_bool(coder, &left[i]);
        members[i] = registry_find(registry, &name);
        if (!members[i])
            return false;
    }
    RegistryCohort *cohort = place_cohort(registry, id, count);
    cohort->leaving = leaving;
    cohort->attempt = attempt;
    memcpy(cohort->members, members, count * sizeof members[0]);
    for (uint16_t i = 0; i < count; i++)
        mark_left(cohort, i, left[i]);
    return true;
}

static void apply_attempt(Registry *registry, Coder *coder)
{
    uint64_t id, attempt;
    code_u64(coder, &id);
    code_u64(coder, &attempt);
    registry->counters.attempt = MAX(registry->counters.attempt, attempt);
    RegistryCohort *cohort = registry_cohort(registry, id);
    if (cohort)
        cohort->attempt = attempt;
}

static bool apply_left(Registry *registry, Coder *coder)
{
    uint64_t id;
    uint16_t member;
    code_u64(coder, &id);
    code_u16(coder, &member);
    RegistryCohort *cohort = registry_cohort(registry, id);
    if (!cohort)
        return true; /* applied before */
    if (!cohort->leaving || member >= cohort->count)
        return false;
    mark_left(cohort, member, true);
    /* Rule 8 of "Membership": the bank keeps the cohort until all have left. */
    if (cohort->left_count == cohort->count)
        g_ptr_array_remove_index(registry->cohorts, cohort_place(registry, id));
    return true;
}

bool registry_apply(Registry *registry, Coder *coder)
{
    uint8_t version;
    code_u8(coder, &version);
    if (version != RECORD_VERSION)
        return false;
    for (;;) {
        int kind;
        bool sound = true;
        code_enum(coder, &kind, ITEM_KINDS);
        switch ((ItemKind)kind) {
        case ITEM_COUNTERS:
            apply_counters(registry, coder);
            break;
        case ITEM_ROW:
            sound = apply_row(registry, coder);
            break;
        case ITEM_CLIENT:
            sound = apply_client(registry, coder);
            break;
        case ITEM_COHORT:
            sound = apply_cohort(registry, coder);
            break;
        case ITEM_ATTEMPT:
            apply_attempt(registry, coder);
            break;
        case ITEM_LEFT:
            sound = apply_left(registry, coder);
            break;
        case ITEM_END:
        case ITEM_KINDS:
            return !coder->failed;
        }
        if (!sound)
            return false;
    }
}

/* --- changing --- */

Coder registry_record(void)
{
    Coder record = coder_encode_growing();
    registry_put_begin(&record);
    return record;
}

void registry_commit(Registry *registry, Coder *record, Effects *effects)
{
    const size_t empty = 1; /* the version alone */
    if (record->length > empty) {
        registry_put_end(record);
        INVARIANT(!record->failed);
        effects_save(effects, SLOT_JOURNAL, 0, record->bytes, record->length);
        Coder saved = coder_decode(record->bytes, record->length);
        bool applied = registry_apply(registry, &saved);
        INVARIANT(applied && coder_finished(&saved));
    }
    coder_deinit(record);
}

uint64_t registry_next_id(Registry *registry, ProposalKind kind, Effects *effects)
{
    RegistryCounters after = registry->counters;
    bool reuse = planted(PLANTED_COHORT_ID_REUSED) && kind == PROPOSAL_JOIN && after.ids[kind] > 0;
    after.ids[kind] += reuse ? 0 : 1;
    Coder record = registry_record();
    registry_put_counters(&record, after);
    registry_commit(registry, &record, effects);
    return registry->counters.ids[kind];
}

static void commit_attempt(Registry *registry, uint64_t cohort, uint64_t attempt, Effects *effects)
{
    Coder record = registry_record();
    put(&record, ITEM_ATTEMPT);
    code_u64(&record, &cohort);
    code_u64(&record, &attempt);
    registry_commit(registry, &record, effects);
}

uint64_t registry_next_attempt(Registry *registry, uint64_t cohort, Effects *effects)
{
    commit_attempt(registry, cohort, registry->counters.attempt + 1, effects);
    return registry->counters.attempt;
}

void registry_attempt_over(Registry *registry, uint64_t cohort, Effects *effects)
{
    commit_attempt(registry, cohort, 0, effects);
}

/* --- loading, and writing whole --- */

BankLoad registry_load_row(Registry *registry, const BankRow *line)
{
    if (!name_valid(line->name.text) || line->balance < 0)
        return BANK_LOAD_DAMAGED;
    if (registry_find(registry, &line->name))
        return BANK_LOAD_DUPLICATE;
    add_row(registry, &line->name)->line = *line;
    /* A cohort id is never used twice, whoever formed the cohort. */
    uint64_t *last = &registry->counters.ids[PROPOSAL_JOIN];
    *last = MAX(*last, line->cohort);
    return BANK_LOAD_OK;
}

#ifdef COHORT_PLANTED_FAULTS
/* The planted faults: what the bank should have kept on disk comes back as if it had not. */
static void forget(Registry *registry)
{
    GHashTableIter clients;
    gpointer client;
    g_hash_table_iter_init(&clients, registry->clients);
    while (planted(PLANTED_VOLATILE_ANSWER) && g_hash_table_iter_next(&clients, NULL, &client))
        ((RegistryClient *)client)->number = 0;
    for (guint i = 0; planted(PLANTED_VOLATILE_ATTEMPT) && i < registry->cohorts->len; i++)
        ((RegistryCohort *)g_ptr_array_index(registry->cohorts, i))->attempt = 0;
    if (planted(PLANTED_VOLATILE_ATTEMPT))
        registry->counters.attempt = 0;
    if (planted(PLANTED_VOLATILE_COUNTERS))
        memset(registry->counters.ids, 0, sizeof registry->counters.ids);
}
#endif

BankLoad registry_load_record(Registry *registry, const uint8_t *bytes, size_t length)
{
    Coder coder = coder_decode(bytes, length);
    bool sound = registry_apply(registry, &coder) && coder_finished(&coder);
#ifdef COHORT_PLANTED_FAULTS
    forget(registry);
#endif
    return sound ? BANK_LOAD_OK : BANK_LOAD_DAMAGED;
}
