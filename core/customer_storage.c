/* What a customer keeps on disk, and how it is taken up again. */
#include "core/cash.h"
#include "core/customer_state.h"
#include "core/execute.h"
#include "core/leaving.h"
#include "core/membership.h"
#include "core/panic.h"
#include "core/planted.h"
#include "core/process_storage.h"
#include "core/recovery.h"
#include "core/request.h"

enum { STATE_VERSION = 1 };

static void identity_code(Coder *coder, Customer *customer)
{
    uint8_t version = STATE_VERSION;
    code_u8(coder, &version);
    if (version != STATE_VERSION)
        coder->failed = true;
    code_u64(coder, &customer->config.client);
    membership_code(coder, &customer->membership);
    leaving_code(coder, &customer->membership.dissolving);
    code_u64(coder, &customer->process.epoch);
    code_u64(coder, &customer->process.inc_before);
    application_code(coder, &customer->process.application);
}

/* What a start without an orderly stop goes on from; in a cohort, the permanent checkpoint takes
 * the place of the application, as everything after it is lost with a crash. */
static void account_code(Coder *coder, Customer *customer, bool *active)
{
    identity_code(coder, customer);
    code_u64(coder, &customer->request.count);
    code_u64(coder, &customer->process.instances_reserved);
    code_bool(coder, active);
}

/* The records of the cohort are on disk, or those of none. */
static void note_kept(Customer *customer)
{
    customer->kept_cohort = customer->process.cohort;
    customer->kept_count = customer->process.count;
}

static void state_code(Coder *coder, Customer *customer)
{
    Process *process = &customer->process;
    bool active = customer_active(customer);
    identity_code(coder, customer);
    code_u64(coder, &process->random);
    code_u64(coder, &process->instances);
    code_u64(coder, &process->instances_reserved);
    code_bool(coder, &customer->stopping);
    code_bool(coder, &customer->loaded);
    code_bool(coder, &customer->orderly);
    code_bool(coder, &customer->named);
    request_code(coder, &customer->request);
    execute_code(coder, customer);
    cash_code(coder, &customer->cash);
    for (int reason = 0; reason < DROP_REASONS; reason++)
        code_u64(coder, &customer->dropped[reason]);
    code_bool(coder, &active);
    if (active)
        process_code(coder, process);
}

void customer_encode(const Customer *customer, Coder *out)
{
    INVARIANT(!out->decoding);
    state_code(out, (Customer *)customer);
}

bool customer_decode(Customer *customer, const uint8_t *bytes, size_t length)
{
    Coder coder = coder_decode(bytes, length);
    state_code(&coder, customer);
    note_kept(customer);
    return coder_finished(&coder);
}

static bool load_orderly(Customer *customer, const ShelfRecord *record)
{
    bool decoded = customer_decode(customer, record->bytes, record->length);
    customer->orderly = true;
    return decoded;
}

static bool load_after_crash(Customer *customer, const Shelf *stored, const ShelfRecord *account)
{
    Coder coder = coder_decode(account->bytes, account->length);
    bool active = false;
    account_code(&coder, customer, &active);
    if (!coder_finished(&coder))
        return false;
    customer->process.instances = customer->process.instances_reserved;
    if (planted(PLANTED_VOLATILE_REQUEST_NUMBER))
        customer->request.count = 0;
    if (active &&
        (!process_load(&customer->process, stored) || !cash_load(&customer->cash, stored)))
        return false;
    recovery_load(customer);
    return leaving_restore(customer);
}

LoadResult customer_load(Customer *customer, const Shelf *stored)
{
    const Name wanted = customer->config.resume;
    ShelfRecord orderly;
    ShelfRecord account;
    bool stopped = shelf_get(stored, SLOT_ORDERLY, 0, &orderly);
    if (!shelf_get(stored, SLOT_ACCOUNT, 0, &account)) {
        ShelfRecord cohort;
        return stopped || shelf_get(stored, SLOT_COHORT, 0, &cohort) ? LOAD_DAMAGED : LOAD_OK;
    }
    if (stopped ? !load_orderly(customer, &orderly) : !load_after_crash(customer, stored, &account))
        return LOAD_DAMAGED;
    if (!name_equal(customer_name(customer), &wanted))
        return LOAD_WRONG_NAME;
    customer->loaded = true;
    customer->stopping = false;
    return LOAD_OK;
}

static void save_account(Customer *customer)
{
    bool active = customer_active(customer);
    Coder coder = coder_encode_growing();
    if (customer_has_record(customer))
        account_code(&coder, customer, &active);
    effects_save(customer->step.effects, SLOT_ACCOUNT, 0, coder.bytes, coder.length);
    coder_deinit(&coder);
}

static void save_cohort(Customer *customer)
{
    Process *process = &customer->process;
    Step *step = &customer->step;
    if (customer->kept_cohort != 0 && customer->kept_cohort != process->cohort)
        process_remove_saved(step, customer->kept_count);
    if (customer_active(customer))
        process_save_changes(process, step);
    note_kept(customer);
}

void customer_save_changes(Customer *customer)
{
    if (customer->account_changed && !customer->membership.ended &&
        (customer_has_record(customer) || customer->named)) {
        save_account(customer);
        customer->named = customer_has_record(customer);
    }
    save_cohort(customer);
    customer->account_changed = false;
}
