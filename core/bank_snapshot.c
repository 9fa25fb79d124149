/* The registry as a whole: what a new journal begins with, and its encoding. */
#include "core/bank_registry.h"

#include "core/panic.h"

enum { ROWS_PER_RECORD = 256 };

#define NO_ROW UINT32_MAX

/* A row with what only the journal holds of it. */
static void put_row_and_client(const Registry *registry, Coder *out, const RegistryRow *row)
{
    registry_put_row(out, row);
    const RegistryClient *client = registry_client(registry, row->client);
    if (client)
        registry_put_client(out, client);
}

static bool in_csv_alone(const RegistryRow *row)
{
    return row->client == 0 && row->open_id == 0 && row->exit_id == 0 && row->report == 0;
}

static size_t row_records(const Registry *registry)
{
    return (registry->rows->len + ROWS_PER_RECORD - 1) / ROWS_PER_RECORD;
}

size_t registry_snapshot_count(const Registry *registry)
{
    return 1 + row_records(registry) + registry->unbound.length + registry->cohorts->len;
}

/* The counters; the rows, many to a record; the clients without a row; the cohorts. */
void registry_snapshot_record(const Registry *registry, size_t index, Coder *out)
{
    const size_t clients_at = 1 + row_records(registry);
    const size_t cohorts_at = clients_at + registry->unbound.length;
    INVARIANT_THAT(index, <, registry_snapshot_count(registry));
    registry_put_begin(out);
    if (index == 0) {
        registry_put_counters(out, registry->counters);
    } else if (index < clients_at) {
        size_t first = (index - 1) * ROWS_PER_RECORD;
        size_t end = MIN(first + ROWS_PER_RECORD, registry->rows->len);
        for (size_t i = first; i < end; i++) {
            const RegistryRow *row = registry_row(registry, i);
            if (!in_csv_alone(row))
                put_row_and_client(registry, out, row);
        }
    } else if (index < cohorts_at) {
        guint nth = (guint)(index - clients_at);
        registry_put_client(out, g_queue_peek_nth((GQueue *)&registry->unbound, nth));
    } else {
        registry_put_cohort(out, registry->cohorts->pdata[index - cohorts_at]);
    }
    registry_put_end(out);
}

static void put_all(const Registry *registry, Coder *out)
{
    registry_put_begin(out);
    registry_put_counters(out, registry->counters);
    for (size_t i = 0; i < registry->rows->len; i++)
        put_row_and_client(registry, out, registry_row(registry, i));
    for (const GList *link = registry->unbound.head; link; link = link->next)
        registry_put_client(out, link->data);
    for (guint i = 0; i < registry->cohorts->len; i++)
        registry_put_cohort(out, registry->cohorts->pdata[i]);
    registry_put_end(out);
}

void registry_code(Registry *registry, Coder *coder)
{
    if (!coder->decoding)
        put_all(registry, coder);
    else if (!registry_apply(registry, coder))
        coder->failed = true;
    for (size_t i = 0; i < registry->rows->len; i++)
        code_bool(coder, &registry_row(registry, i)->silent);
}

void registry_code_place(const Registry *registry, Coder *coder, RegistryRow **row)
{
    uint32_t index = *row ? (*row)->index : NO_ROW;
    code_u32(coder, &index);
    if (!coder->decoding)
        return;
    if (index != NO_ROW && index >= registry->rows->len)
        coder->failed = true;
    *row = coder->failed || index == NO_ROW ? NULL : registry_row(registry, index);
}
