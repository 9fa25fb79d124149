/* What a customer keeps on disk, and how it is taken up again. */
#include "core/customer_state.h"
#include "core/execute.h"
#include "core/leaving.h"
#include "core/membership.h"
#include "core/panic.h"
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

/* What a start without an orderly stop goes on from; in a cohort, the permanent checkpoint follows,
 * as everything after it is lost with a crash. */
static void account_slot_code(Coder *coder, Customer *customer, bool *active)
{
    identity_code(coder, customer);
    code_u64(coder, &customer->request.count);
    code_u64(coder, &customer->process.instances);
    code_bool(coder, active);
}

static void permanent_code(Coder *coder, Process *process)
{
    code_u64(coder, &process->cohort);
    code_u64(coder, &process->permanents);
    code_u16(coder, &process->count);
    code_u16(coder, &process->self);
    for (uint16_t i = 0; i < process->count; i++)
        code_member(coder, &process->peers[i].member);
    snapshot_code(coder, &process->perm, process->count, process->self);
}

static void state_code(Coder *coder, Customer *customer)
{
    Process *process = &customer->process;
    bool active = customer_active(customer);
    identity_code(coder, customer);
    code_u64(coder, &process->random);
    code_u64(coder, &process->instances);
    code_bool(coder, &customer->stopping);
    code_bool(coder, &customer->loaded);
    code_bool(coder, &customer->orderly);
    code_bool(coder, &customer->named);
    request_code(coder, &customer->request);
    execute_code(coder, customer);
    for (int reason = 0; reason < DROP_REASONS; reason++)
        code_u64(coder, &customer->dropped[reason]);
    code_bool(coder, &active);
    if (active && !coder->failed)
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
    return coder_finished(&coder);
}

LoadResult customer_load(Customer *customer, const Stored slots[static SLOTS])
{
    const Name wanted = customer->config.resume;
    Coder coder = coder_decode(slots[SLOT_ACCOUNT].bytes, slots[SLOT_ACCOUNT].length);
    bool active;
    if (slots[SLOT_ACCOUNT].length == 0 && slots[SLOT_ORDERLY].length == 0)
        return LOAD_OK;
    if (slots[SLOT_ORDERLY].length > 0) {
        if (!customer_decode(customer, slots[SLOT_ORDERLY].bytes, slots[SLOT_ORDERLY].length))
            return LOAD_DAMAGED;
        customer->orderly = true;
    } else {
        account_slot_code(&coder, customer, &active);
        if (coder.failed || (!active && !coder_finished(&coder)))
            return LOAD_DAMAGED;
        if (active)
            return LOAD_UNCLEAN;
    }
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
        account_slot_code(&coder, customer, &active);
    if (active)
        permanent_code(&coder, &customer->process);
    effects_save(customer->step.effects, SLOT_ACCOUNT, coder.bytes, coder.length);
    coder_deinit(&coder);
}

void customer_save_changes(Customer *customer)
{
    Process *process = &customer->process;
    if ((customer->account_changed || process->permanent_changed) &&
        (customer_has_record(customer) || customer->named) && !customer->membership.ended) {
        save_account(customer);
        customer->named = customer_has_record(customer);
    }
    if (process->control_changed && customer_active(customer))
        process_save_control(process, &customer->step);
    customer->account_changed = false;
    process->permanent_changed = false;
    process->control_changed = false;
}
