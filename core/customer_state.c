#include "core/customer_state.h"

#include "core/panic.h"
#include "core/random.h"
#include "core/report.h"

#define REPEAT_FIRST_NS (300 * NS_PER_MS)
#define PAUSE_FIRST_NS (10 * NS_PER_MS)

void customer_owe_bank(Customer *customer, const Message *message)
{
    if (customer->owed_count == customer->owed_capacity) {
        customer->owed_capacity = customer->owed_capacity * 2 + 1;
        customer->owed = g_renew(Message, customer->owed, customer->owed_capacity);
    }
    customer->owed[customer->owed_count++] = *message;
}

static uint64_t incarnation(const Customer *customer)
{
    return customer->process.inc_before + customer->process.inc;
}

void customer_drop(Customer *customer, const Name *peer, DropReason reason)
{
    customer->dropped[reason]++;
    report_dropped(&customer->step, incarnation(customer), peer, reason);
}

void customer_notify_failure(Customer *customer, const Command *command, Notice why)
{
    why.kind = NOTICE_FAILURE;
    why.command = command->kind;
    why.tag = command->tag;
    if (why.name.text[0] == '\0')
        why.name = command->name;
    effects_notify(customer->step.effects, &why);
}

void customer_trace(Customer *customer, TraceEvent event)
{
    event.inc = incarnation(customer);
    effects_trace(customer->step.effects, &event);
}

void customer_command_done(Customer *customer)
{
    INVARIANT_THAT(customer->commands->len, >, 0);
    g_array_remove_index(customer->commands, 0);
}

void customer_refuse_commands(Customer *customer, Refusal refusal)
{
    while (customer->commands->len > 0) {
        customer_notify_failure(customer, &g_array_index(customer->commands, Command, 0),
                                (Notice){.refusal = refusal});
        customer_command_done(customer);
    }
}

uint64_t customer_repeat_at(Customer *customer, uint32_t *backoff)
{
    uint64_t delay_ns = retry_delay_ns(REPEAT_FIRST_NS, *backoff, REPEAT_NS_MAX,
                                       random_next(&customer->process.random));
    (*backoff)++;
    return customer->step.now_ns + delay_ns;
}

/* Half to one and a half of a doubling length. */
void customer_pause(Customer *customer, Attempt *attempt, uint64_t pause_ns_max)
{
    uint64_t pause_ns = PAUSE_FIRST_NS;
    for (uint32_t i = 1; i < attempt->tries && pause_ns < pause_ns_max; i++)
        pause_ns *= 2;
    pause_ns = MIN(pause_ns, pause_ns_max);
    attempt->engaged = false;
    attempt->pause_ns =
        customer->step.now_ns + pause_ns / 2 + random_below(&customer->process.random, pause_ns);
}
