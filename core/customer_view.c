/* Looking into a customer: for drivers, tests and people. */
#include <string.h>

#include "core/customer_state.h"

bool customer_has_account(const Customer *customer)
{
    return customer->membership.has_account;
}

const Name *customer_name(const Customer *customer)
{
    const Proposal *proposal = &customer->membership.proposal;
    if (!customer->membership.has_account && proposal->pending)
        return &proposal->name; /* its record is saved under the name it is to get */
    return &customer->membership.name;
}

Money customer_balance(const Customer *customer)
{
    return customer->membership.has_account ? account_balance(&customer->process.application) : 0;
}

Money customer_lost(const Customer *customer)
{
    Application released = customer->process.application;
    process_release_losses(&customer->process, &released);
    return account_lost_released(&released);
}

uint64_t customer_cohort(const Customer *customer)
{
    return customer->process.cohort;
}

uint64_t customer_dropped(const Customer *customer, DropReason reason)
{
    return customer->dropped[reason];
}

/* What a peer keeps us waiting for, or NULL. */
static const char *peer_wait(const Process *process, uint16_t index)
{
    const Peer *peer = &process->peers[index];
    if (peer->ask == ASK_WAITING)
        return "an answer in an instance from ";
    if (peer->channel.closed.instance.number != 0)
        return "the decision of a rollback of ";
    if (channel_unsettled(&peer->channel) > 0)
        return "an acknowledgement from ";
    if (peer->channel.stable_due)
        return "the release of the log at ";
    if (peer->moved_due)
        return "our new address to reach ";
    return NULL;
}

static const char *process_wait(const Process *process, const char **whom)
{
    for (uint16_t i = 0; i < process->count; i++) {
        const char *what = i == process->self ? NULL : peer_wait(process, i);
        if (what != NULL) {
            *whom = process->peers[i].member.name.text;
            return what;
        }
    }
    if (process->engaged != ENGAGED_NOT) {
        *whom = process->peers[process->instance.initiator].member.name.text;
        return "the decision of an instance of ";
    }
    if (process->recovering)
        return "its rollback after a crash";
    return process->announcements->len > 0 ? "peers to acknowledge a decision" : NULL;
}

static const char *bank_wait(const Customer *customer)
{
    const Membership *membership = &customer->membership;
    if (membership->proposal.pending)
        return "the bank's outcome of a proposal";
    if (membership->dissolving.quiesced)
        return "the bank to dissolve the cohort";
    if (membership->report_due)
        return "the bank to take a balance";
    return customer->request.active ? "the bank's answer" : NULL;
}

bool customer_idle(const Customer *customer, char *why, size_t capacity)
{
    const char *whom = "";
    const char *what =
        customer->process.peers == NULL ? NULL : process_wait(&customer->process, &whom);
    if (what == NULL)
        what = bank_wait(customer);
    if (what == NULL && customer->commands->len > 0)
        what = "a command to be done";
    if (what == NULL)
        return true;
    if (capacity > 0) {
        why[0] = '\0';
        g_strlcat(why, "waits for ", capacity);
        g_strlcat(why, what, capacity);
        g_strlcat(why, whom, capacity);
    }
    return false;
}

/* --- for people --- */

static void line(GString *out, const char *label, const char *value)
{
    g_string_append(out, label);
    g_string_append(out, value);
    g_string_append_c(out, '\n');
}

static void append_number(GString *out, const char *label, uint64_t number)
{
    char text[MONEY_TEXT_MAX];
    g_string_append(out, label);
    g_string_append(out, number_text(number, text));
}

static void describe_peer(const Process *process, uint16_t index, GString *out)
{
    const Peer *peer = &process->peers[index];
    const ChannelState *state = &peer->channel.state;
    char text[ADDRESS_TEXT_MAX];
    g_string_append(out, "  ");
    g_string_append(out, peer->member.name.text);
    g_string_append(out, " at ");
    g_string_append(out, address_text((Address){peer->member.ip, peer->member.port2}, text));
    append_number(out, ": sent ", state->out);
    append_number(out, " (settled ", peer->channel.acked);
    append_number(out, ", in its checkpoint ", state->base);
    append_number(out, "), accepted ", state->in);
    append_number(out, " (of them lost ", state->skips->len);
    append_number(out, "), incarnation ", peer->channel.known);
    if (peer->channel.closed.instance.number != 0)
        g_string_append(out, ", closed: rolls back");
    g_string_append_c(out, '\n');
}

static void append_instance(const Process *process, Instance instance, GString *out)
{
    char text[INSTANCE_TEXT_MAX];
    g_string_append(
        out, instance_text(&process->peers[instance.initiator].member.name, instance.number, text));
}

static void describe_engagement(const Process *process, GString *out)
{
    char text[MONEY_TEXT_MAX];
    if (process->engaged == ENGAGED_NOT)
        return;
    g_string_append(out,
                    process->engaged == ENGAGED_CHECKPOINT ? "in checkpoint " : "in rollback ");
    append_instance(process, process->instance, out);
    if (process->refused)
        g_string_append(out, ", said no");
    else if (process->voted)
        g_string_append(out, ", said yes");
    if (process->tent.taken)
        g_string_append(out, ", tentative balance ");
    line(out, "",
         process->tent.taken ? money_text(account_balance(&process->tent.application), text) : "");
}

/* Decisions that peers have yet to acknowledge. */
static void describe_announcements(const Process *process, GString *out)
{
    for (guint i = 0; i < process->announcements->len; i++) {
        const Announcement *announcement = &g_array_index(process->announcements, Announcement, i);
        const char *before = ", not yet acknowledged by ";
        g_string_append(out, announcement->commit ? "committed " : "aborted ");
        append_instance(process, announcement->instance, out);
        for (uint16_t j = 0; j < process->count; j++) {
            if (!bit_get(announcement->unacked, j))
                continue;
            g_string_append(out, before);
            g_string_append(out, process->peers[j].member.name.text);
            before = ", ";
        }
        line(out, "", "");
    }
}

static void describe_cohort(const Customer *customer, GString *out)
{
    const Process *process = &customer->process;
    char text[MONEY_TEXT_MAX];
    Money losses;
    append_number(out, "cohort: ", process->cohort);
    append_number(out, ", incarnation ", process->inc);
    append_number(out, ", permanent checkpoints ", process->permanents);
    g_string_append_c(out, '\n');
    if (process->recovering && customer->step.effects != NULL)
        line(out, "recovering: ", "rolls back after a crash; commands wait for it");
    line(out, "permanent balance: ", money_text(account_balance(&process->perm.application), text));
    if (process_open_losses(process, &losses) > 0)
        line(out, "lost since then: ", money_text(losses, text));
    describe_engagement(process, out);
    describe_announcements(process, out);
    for (uint16_t i = 0; i < process->count; i++) {
        if (i != process->self)
            describe_peer(process, i, out);
    }
}

void customer_describe(const Customer *customer, GString *out)
{
    char text[MONEY_TEXT_MAX];
    char why[160];
    uint64_t dropped = 0;
    if (!customer->membership.has_account) {
        line(out, "no account: open NAME BALANCE", "");
        return;
    }
    line(out, "name: ", customer->membership.name.text);
    line(out, "balance: ", money_text(account_balance(&customer->process.application), text));
    if (account_lost_released(&customer->process.application) > 0)
        line(out, "lost for good: ",
             money_text(account_lost_released(&customer->process.application), text));
    if (customer_active(customer))
        describe_cohort(customer, out);
    else
        line(out, "cohort: none", "");
    if (!customer_idle(customer, why, sizeof why))
        line(out, "", why);
    for (int reason = 0; reason < DROP_REASONS; reason++)
        dropped += customer->dropped[reason];
    if (dropped > 0)
        line(out, "datagrams dropped: ", number_text(dropped, text));
}
