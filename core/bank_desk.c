#include "core/bank_desk.h"

#include "core/panic.h"
#include "core/random.h"

void desk_init(BankDesk *desk, const BankConfig *config)
{
    uint64_t seed = config->seed;
    *desk = (BankDesk){.config = *config};
    desk->choice = random_next(&seed);
    desk->pauses = random_next(&seed);
    desk->key = cookie_key(random_next(&seed));
    desk->agenda = g_sequence_new(NULL);
}

void desk_deinit(BankDesk *desk)
{
    INVARIANT(g_sequence_is_empty(desk->agenda));
    g_sequence_free(desk->agenda);
}

void desk_begin(BankDesk *desk, uint64_t now_ns, Effects *effects)
{
    desk->now_ns = now_ns;
    desk->effects = effects;
}

static void flush(BankDesk *desk)
{
    if (!desk->writing)
        return;
    size_t length = wire_end(&desk->writer);
    if (desk->writing_early)
        effects_send_early(desk->effects, PORT_BANK, desk->to, 0, desk->writer.bytes, length);
    else
        effects_send(desk->effects, PORT_BANK, desk->to, desk->writer.bytes, length);
    desk->writing = false;
}

void desk_end(BankDesk *desk)
{
    flush(desk);
    GSequenceIter *first = g_sequence_get_begin_iter(desk->agenda);
    uint64_t deadline_ns = TIME_NEVER;
    if (!g_sequence_iter_is_end(first))
        deadline_ns = ((const DeskTask *)g_sequence_get(first))->due_ns;
    effects_set_deadline(desk->effects, deadline_ns);
    desk->effects = NULL;
}

/* A message may leave later than a save that came after it, never earlier than one before it. */
static void write_message(BankDesk *desk, Address to, bool early, const Message *message)
{
    if (desk->writing && desk->writing_early == early && address_equal(desk->to, to) &&
        wire_add(&desk->writer, message))
        return;
    flush(desk);
    const Header header = {.sender = SENDER_BANK,
                           .cookie = cookie_make(&desk->key, to, desk->now_ns)};
    wire_begin(&desk->writer, &header);
    bool fits = wire_add(&desk->writer, message);
    INVARIANT(fits);
    desk->to = to;
    desk->writing = true;
    desk->writing_early = early;
}

void desk_send(BankDesk *desk, Address to, const Message *message)
{
    write_message(desk, to, false, message);
}

void desk_send_early(BankDesk *desk, Address to, const Message *message)
{
    write_message(desk, to, true, message);
}

bool desk_vouched(const BankDesk *desk, Address address)
{
    return cookie_holds(&desk->key, address, desk->now_ns, desk->cookie);
}

void desk_drop(BankDesk *desk, DropReason reason)
{
    desk->dropped[reason]++;
    const TraceEvent event = {.kind = TRACE_DROP,
                              .datagram_kinds = desk->message,
                              .datagram_bytes = desk->datagram_bytes,
                              .reason = drop_reason_word(reason)};
    effects_trace(desk->effects, &event);
}

static bool port_allowed(const BankDesk *desk, uint16_t port)
{
    return desk->config.any_port ? port != 0 : port >= PORT_FIRST && port <= PORT_LAST;
}

bool desk_ports_allowed(const BankDesk *desk, uint16_t port1, uint16_t port2)
{
    return port1 != port2 && port_allowed(desk, port1) && port_allowed(desk, port2);
}

/* --- tasks --- */

void desk_task_init(BankDesk *desk, DeskTask *task, DeskTaskKind kind)
{
    *task = (DeskTask){.kind = kind, .serial = ++desk->serial};
}

static gint compare_tasks(gconstpointer a, gconstpointer b, gpointer unused)
{
    (void)unused;
    const DeskTask *left = a, *right = b;
    const bool first =
        left->due_ns == right->due_ns ? left->serial < right->serial : left->due_ns < right->due_ns;
    return first ? -1 : 1; /* no two are alike */
}

void desk_schedule(BankDesk *desk, DeskTask *task, uint64_t due_ns)
{
    desk_unschedule(task);
    task->due_ns = due_ns;
    task->place = g_sequence_insert_sorted(desk->agenda, task, compare_tasks, NULL);
}

void desk_unschedule(DeskTask *task)
{
    if (task->place)
        g_sequence_remove(task->place);
    task->place = NULL;
}

DeskTask *desk_due(BankDesk *desk)
{
    GSequenceIter *first = g_sequence_get_begin_iter(desk->agenda);
    if (g_sequence_iter_is_end(first))
        return NULL;
    DeskTask *task = g_sequence_get(first);
    return task->due_ns <= desk->now_ns ? task : NULL;
}

/* --- pauses --- */

uint64_t desk_pause_ns(BankDesk *desk, uint64_t least_ns, uint64_t most_ns)
{
    return least_ns + random_below(&desk->pauses, most_ns - least_ns + 1);
}

static void retry_after(BankDesk *desk, DeskRetry *retry, uint64_t pause_ns)
{
    retry->pause_ns = MIN(pause_ns, DESK_RETRY_NS_MAX);
    /* Jitter of a quarter each way keeps repetitions of many from falling together. */
    uint64_t quarter_ns = retry->pause_ns / 4;
    retry->next_ns = desk->now_ns + desk_pause_ns(desk, retry->pause_ns - quarter_ns,
                                                  retry->pause_ns + quarter_ns);
}

void desk_retry_start(BankDesk *desk, DeskRetry *retry)
{
    retry_after(desk, retry, DESK_RETRY_NS_MIN);
}

void desk_retry_again(BankDesk *desk, DeskRetry *retry)
{
    retry_after(desk, retry, 2 * retry->pause_ns);
}

/* --- coding --- */

void desk_code(BankDesk *desk, Coder *coder)
{
    code_u64(coder, &desk->choice);
    code_u64(coder, &desk->pauses);
    code_u64(coder, &desk->serial);
    for (int reason = 0; reason < DROP_REASONS; reason++)
        code_u64(coder, &desk->dropped[reason]);
}

void desk_code_task(DeskTask *task, Coder *coder)
{
    code_u64(coder, &task->serial);
}

void desk_code_retry(DeskRetry *retry, Coder *coder)
{
    code_u64(coder, &retry->next_ns);
    code_u64(coder, &retry->pause_ns);
}
