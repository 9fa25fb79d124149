#include "core/bank_tally.h"

#include <glib.h>
#include <string.h>

Tally *tally_new(uint16_t count)
{
    Tally *tally = g_new0(Tally, 1);
    tally->count = count;
    tally->reports = g_new0(TallyReport, count);
    tally->counts = g_new0(TallyCount, (size_t)count * count);
    return tally;
}

void tally_free(Tally *tally)
{
    if (!tally)
        return;
    g_free(tally->reports);
    g_free(tally->counts);
    g_free(tally);
}

void tally_begin(Tally *tally)
{
    for (uint16_t i = 0; i < tally->count; i++)
        tally->reports[i] = (TallyReport){.heard_ns = tally->reports[i].heard_ns};
}

/* A vote of the same version comes after the report that it makes final. */
static bool is_older(const TallyReport *report, const Message *message)
{
    return message->status.version < report->version ||
           (message->status.version == report->version && message->status.state < report->state);
}

DropReason tally_take(Tally *tally, const Message *message, uint64_t now_ns)
{
    const uint16_t member = message->status.member;
    TallyReport *report = &tally->reports[member];
    TallyCount *counts = &tally->counts[(size_t)member * tally->count];
    if (message->status.total != tally->count)
        return DROP_MALFORMED;
    if (is_older(report, message))
        return DROP_STALE;
    if (message->status.version != report->version || message->status.state != report->state) {
        memset(counts, 0, tally->count * sizeof *counts);
        report->have = 0;
    }
    report->version = message->status.version;
    report->state = message->status.state;
    report->settled = message->status.settled;
    report->balance = message->status.balance;
    report->report = message->status.report;
    report->inc = message->status.inc;
    report->heard_ns = now_ns;
    for (uint16_t i = 0; i < message->status.count; i++) {
        TallyCount *count = &counts[message->status.first + i];
        report->have += count->have ? 0 : 1;
        *count = (TallyCount){.have = true, .count = message->status.counts[i]};
    }
    return DROP_NONE;
}

void tally_heard(Tally *tally, uint16_t member, uint64_t now_ns)
{
    tally->reports[member].heard_ns = now_ns;
}

bool tally_complete(const Tally *tally, uint16_t member)
{
    return tally->reports[member].have == tally->count;
}

static const StatusCount *count_of(const Tally *tally, uint16_t member, uint16_t peer)
{
    return &tally->counts[(size_t)member * tally->count + peer].count;
}

/* Rule 6 of "Membership": the reports balance (out_i[j] = in_j[i] for all pairs, fates known);
 * and each knows the other's incarnation, or the counts speak of different lives. */
static bool is_settled(const Tally *tally, uint16_t i)
{
    for (uint16_t j = 0; j < tally->count; j++) {
        const StatusCount *count = count_of(tally, i, j);
        if (j != i && (count->sent != count_of(tally, j, i)->received ||
                       count->known != tally->reports[j].inc))
            return false;
    }
    return tally->reports[i].settled;
}

uint16_t tally_unsettled(const Tally *tally)
{
    uint16_t i = 0;
    while (i < tally->count && is_settled(tally, i))
        i++;
    return i;
}

uint16_t tally_most_silent(const Tally *tally)
{
    uint16_t silent = 0;
    for (uint16_t i = 1; i < tally->count; i++) {
        if (tally->reports[i].heard_ns < tally->reports[silent].heard_ns)
            silent = i;
    }
    return silent;
}

static void code_report(Coder *coder, TallyReport *report)
{
    int state = (int)report->state;
    code_u64(coder, &report->version);
    code_enum(coder, &state, STATUS_STATES);
    report->state = (StatusState)state;
    code_u16(coder, &report->have);
    code_bool(coder, &report->settled);
    code_money(coder, &report->balance);
    code_u64(coder, &report->report);
    code_u64(coder, &report->inc);
    code_bool(coder, &report->cancelled);
    code_u64(coder, &report->heard_ns);
}

void tally_code(Tally *tally, Coder *coder)
{
    const size_t pairs = (size_t)tally->count * tally->count;
    for (uint16_t i = 0; i < tally->count; i++)
        code_report(coder, &tally->reports[i]);
    for (size_t i = 0; i < pairs; i++) {
        TallyCount *count = &tally->counts[i];
        code_bool(coder, &count->have);
        if (!count->have)
            continue;
        code_u64(coder, &count->count.sent);
        code_u64(coder, &count->count.received);
        code_u64(coder, &count->count.known);
    }
}
