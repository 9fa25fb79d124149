#include "tests/sim/history.h"

#include <stdlib.h>
#include <string.h>

void history_init(History *history)
{
    *history = (History){.checker = checker_new(), .begin_ns = 1000000};
    for (int i = 0; i < PROCESSES_MAX; i++)
        name_set(&history->names[i], (char[]){'c', (char)('1' + i), '\0'});
}

void history_deinit(History *history)
{
    checker_free(history->checker);
}

void history_part(History *history)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++)
        history->file[i] = i;
}

void history_judge_piecemeal(History *history, CheckOptions options)
{
    for (uint64_t clock = 0; history->file[C2] == 0 && clock <= history->clock; clock += 10)
        checker_judge_before(history->checker, options, history->begin_ns + clock);
}

void add(History *history, int who, const TraceEvent *event)
{
    TraceEvent changed = *event;
    unsigned file = history->file[who];
    changed.balance += history->next.balance;
    changed.amount += history->next.amount;
    changed.label += (uint64_t)history->next.label;
    changed.inc = history->inc[who] + (uint64_t)history->next.inc;
    history->clock += 10;
    checker_add(history->checker, file, history->seq[file]++,
                history->begin_ns + history->clock + (uint64_t)history->skew[who],
                &history->names[who], &changed);
    memset(&history->next, 0, sizeof history->next);
}

static void add_simple(History *history, int who, TraceKind kind, Money amount)
{
    add(history, who,
        &(TraceEvent){.kind = kind, .amount = amount, .balance = history->now[who].balance});
}

void opened(History *history, int who, Money balance)
{
    history->now[who].balance = balance;
    add_simple(history, who, TRACE_OPENED, 0);
}

void exited(History *history, int who)
{
    add_simple(history, who, TRACE_EXITED, 0);
    history->now[who].balance = 0;
}

void deposited(History *history, int who, Money amount)
{
    history->now[who].balance += amount;
    add_simple(history, who, TRACE_DEPOSITED, amount);
}

void withdrew(History *history, int who, Money amount)
{
    history->now[who].balance -= amount;
    add_simple(history, who, TRACE_WITHDREW, amount);
}

void joined(History *history, int who, int members)
{
    const Money balance = history->now[who].balance;
    history->now[who] = (Books){.balance = balance};
    history->permanent[who] = history->now[who];
    add(history, who,
        &(TraceEvent){.kind = TRACE_JOINED,
                      .cohort = history->cohort,
                      .members = history->names,
                      .member_count = (size_t)members});
}

void founded(History *history, int members)
{
    for (int i = 0; i < members && history->cohort == 0; i++)
        opened(history, i, OPENING_BALANCE);
    history->cohort++;
    for (int i = 0; i < members; i++)
        joined(history, i, members);
}

void left(History *history, int who)
{
    add(history, who,
        &(TraceEvent){
            .kind = TRACE_LEFT, .cohort = history->cohort, .balance = history->now[who].balance});
}

void sent(History *history, int who, int to, Money amount)
{
    Books *books = &history->now[who];
    uint64_t label = ++books->sent[to];
    books->balance -= amount;
    history->amounts[who][to][label % LABELS_MAX] = amount;
    add(history, who,
        &(TraceEvent){.kind = TRACE_SENT,
                      .peer = history->names[to],
                      .label = label,
                      .amount = amount,
                      .balance = books->balance});
}

void received(History *history, int who, int from)
{
    Books *books = &history->now[who];
    uint64_t label = ++books->received[from];
    Money amount = history->amounts[from][who][label % LABELS_MAX];
    books->balance += amount;
    add(history, who,
        &(TraceEvent){.kind = TRACE_RECEIVED,
                      .peer = history->names[from],
                      .label = label,
                      .amount = amount,
                      .balance = books->balance});
}

void missing(History *history, int who, int from)
{
    add(history, who,
        &(TraceEvent){.kind = TRACE_MISSING,
                      .peer = history->names[from],
                      .label = ++history->now[who].received[from]});
}

void lost(History *history, int who, int to, uint64_t label)
{
    add(history, who,
        &(TraceEvent){.kind = TRACE_LOST,
                      .peer = history->names[to],
                      .label = label,
                      .amount = history->amounts[who][to][label % LABELS_MAX]});
}

void forgot_skips(History *history, int who, int from, uint64_t label)
{
    history->now[who].received[from] = label;
}

static void add_snapshot(History *history, int who, TraceKind kind, const char *instance,
                         const Books *books)
{
    TraceCount counts[PROCESSES_MAX];
    TraceEvent event = {.kind = kind, .balance = books->balance, .counts = counts};
    g_auto(GStrv) words = g_strsplit(instance, ".", 2);
    name_set(&event.initiator, words[0]);
    event.number = strtoull(words[1], NULL, 10);
    for (int i = 0; i < PROCESSES_MAX; i++) {
        TraceCount count = {history->names[i], books->sent[i], books->received[i]};
        if (count.sent > 0)
            count.sent += (uint64_t)history->next.sent;
        if (count.received > 0)
            count.received += (uint64_t)history->next.received;
        if (count.sent > 0 || count.received > 0)
            counts[event.count_count++] = count;
    }
    add(history, who, &event);
}

void tentative(History *history, int who, const char *instance)
{
    Books *books = &history->tentative[who];
    *books = history->now[who];
    for (int i = 0; i < PROCESSES_MAX; i++) {
        if (books->received[i] > 0)
            books->received[i] += (uint64_t)history->next.received;
    }
    history->next.received = 0;
    add_snapshot(history, who, TRACE_TENTATIVE, instance, books);
}

void permanent(History *history, int who, const char *instance)
{
    history->permanent[who] = history->tentative[who];
    add_snapshot(history, who, TRACE_PERMANENT, instance, &history->permanent[who]);
}

void discarded(History *history, int who, const char *instance)
{
    add_snapshot(history, who, TRACE_DISCARDED, instance, &history->tentative[who]);
}

void rolled_back(History *history, int who, const char *instance)
{
    history->now[who] = history->permanent[who];
    history->inc[who]++;
    add_snapshot(history, who, TRACE_ROLLED_BACK, instance, &history->permanent[who]);
}

void crashed(History *history, int who)
{
    add_simple(history, who, TRACE_CRASHED, 0);
}

void restarted(History *history, int who, Money balance)
{
    add(history, who, &(TraceEvent){.kind = TRACE_RESTARTED, .balance = balance});
}

void came_back_from_a_kill(History *history, int who)
{
    history->now[who] = history->permanent[who];
    restarted(history, who, history->now[who].balance);
}

void came_back(History *history, int who)
{
    crashed(history, who);
    came_back_from_a_kill(history, who);
}
