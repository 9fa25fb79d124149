#include "tools/words.h"

#include <inttypes.h>

void words_time(uint64_t t_ns, GString *out)
{
    g_string_append_printf(out, "%6" PRIu64 ".%03" PRIu64 " s  ", t_ns / NS_PER_S,
                           t_ns % NS_PER_S / NS_PER_MS);
}

static void append_members(const char *who, const TraceEvent *event, GString *out)
{
    const char *separator = " with ";
    g_string_append_printf(out, "%s joins cohort %" PRIu64, who, event->cohort);
    for (size_t i = 0; i < event->member_count; i++) {
        if (g_str_equal(event->members[i].text, who))
            continue;
        g_string_append_printf(out, "%s%s", separator, event->members[i].text);
        separator = ", ";
    }
}

/* The other side of a datagram is not always known. */
static void append_datagram(const char *who, const TraceEvent *event, GString *out)
{
    const char *peer = event->peer.text[0] != '\0' ? event->peer.text : "somebody";
    uint64_t id = event->datagram;
    if (event->kind == TRACE_TX)
        g_string_append_printf(out, "%s sends datagram %" PRIu64 " to %s", who, id, peer);
    else if (event->kind == TRACE_RX)
        g_string_append_printf(out, "%s is given datagram %" PRIu64 " from %s", who, id, peer);
    else if (event->kind == TRACE_DUP)
        g_string_append_printf(out, "datagram %" PRIu64 " from %s to %s is doubled", id, who, peer);
    else if (event->outgoing)
        g_string_append_printf(out, "datagram %" PRIu64 " from %s to %s is lost (%s)", id, who,
                               peer, event->reason);
    else
        g_string_append_printf(out, "%s drops datagram %" PRIu64 " from %s (%s)", who, id, peer,
                               event->reason);
    g_string_append_printf(out, ": %s, %zu bytes", event->datagram_kinds, event->datagram_bytes);
}

static void append_transfer(const char *who, const TraceEvent *event, GString *out)
{
    const char *peer = event->peer.text;
    char amount[MONEY_TEXT_MAX];
    char balance[MONEY_TEXT_MAX];
    money_text(event->amount, amount);
    money_text(event->balance, balance);
    if (event->kind == TRACE_SENT)
        g_string_append_printf(out, "%s sends %s to %s (label %" PRIu64 ") and has %s", who, amount,
                               peer, event->label, balance);
    else if (event->kind == TRACE_RECEIVED)
        g_string_append_printf(out, "%s receives %s from %s (label %" PRIu64 ") and has %s", who,
                               amount, peer, event->label, balance);
    else if (event->kind == TRACE_LOST)
        g_string_append_printf(out, "%s's transfer of %s to %s (label %" PRIu64 ") is lost", who,
                               amount, peer, event->label);
    else
        g_string_append_printf(out, "%s learns that label %" PRIu64 " from %s will not come", who,
                               event->label, peer);
}

static void append_instance(const char *who, const TraceEvent *event, const char *instance,
                            GString *out)
{
    char balance[MONEY_TEXT_MAX];
    money_text(event->balance, balance);
    if (event->kind == TRACE_TENTATIVE)
        g_string_append_printf(out, "%s takes a tentative checkpoint (%s) with %s", who, instance,
                               balance);
    else if (event->kind == TRACE_PERMANENT)
        g_string_append_printf(out, "%s's checkpoint (%s) with %s becomes permanent", who, instance,
                               balance);
    else if (event->kind == TRACE_DISCARDED)
        g_string_append_printf(out, "%s discards its tentative checkpoint (%s)", who, instance);
    else
        g_string_append_printf(out,
                               "%s rolls back (%s) to its checkpoint with %s: %" PRIu64 " undone",
                               who, instance, balance, event->undone);
}

void words_record(const Name *process, const TraceEvent *event, const char *instance, GString *out)
{
    const char *who = process->text;
    char amount[MONEY_TEXT_MAX];
    char balance[MONEY_TEXT_MAX];
    money_text(event->amount, amount);
    money_text(event->balance, balance);
    switch (event->kind) {
    case TRACE_OPENED:
        g_string_append_printf(out, "%s opens an account with %s", who, balance);
        break;
    case TRACE_JOINED:
        append_members(who, event, out);
        break;
    case TRACE_LEFT:
        g_string_append_printf(out, "%s leaves cohort %" PRIu64 " with %s", who, event->cohort,
                               balance);
        break;
    case TRACE_DEPOSITED:
        g_string_append_printf(out, "%s deposits %s and has %s", who, amount, balance);
        break;
    case TRACE_WITHDREW:
        g_string_append_printf(out, "%s withdraws %s and has %s", who, amount, balance);
        break;
    case TRACE_CRASHED:
        g_string_append_printf(out, "%s crashes with %s", who, balance);
        break;
    case TRACE_RESTARTED:
        g_string_append_printf(out, "%s is back and remembers %s", who, balance);
        break;
    case TRACE_EXITED:
        g_string_append_printf(out, "%s exits and takes %s along", who, balance);
        break;
    default:
        if (trace_is_datagram(event->kind))
            append_datagram(who, event, out);
        else if (trace_fields(event->kind) & FIELD_INSTANCE)
            append_instance(who, event, instance, out);
        else
            append_transfer(who, event, out);
    }
}
