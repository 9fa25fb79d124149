#include "sim/checker_state.h"

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "core/panic.h"
#include "core/planted.h"
#include "sim/checker_memory.h"

/* --- finding and making --- */

static guint name_hash(gconstpointer key)
{
    return (guint)XXH3_64bits(key, sizeof(Name));
}

static gboolean name_same(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(Name)) == 0;
}

typedef struct Key {
    const void *group;
    const void *first;  /* channel: from; membership: the process; decision: the interned text */
    const void *second; /* channel: to; else NULL */
} Key;

static guint key_hash(gconstpointer key)
{
    return (guint)XXH3_64bits(key, sizeof(Key));
}

static gboolean key_same(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(Key)) == 0;
}

static void add_by_key(GHashTable *table, Key key, gpointer value)
{
    g_hash_table_insert(table, g_memdup2(&key, sizeof key), value);
}

static void process_free(gpointer data)
{
    Process *process = data;
    g_ptr_array_unref(process->records);
    g_array_unref(process->rollbacks);
    g_free(process);
}

static void member_free(gpointer data)
{
    Membership *member = data;
    g_ptr_array_unref(member->out);
    g_ptr_array_unref(member->in);
    g_free(member);
}

static void channel_free(gpointer data)
{
    Channel *channel = data;
    g_array_unref(channel->sent);
    g_array_unref(channel->accepted);
    g_array_unref(channel->losses);
    g_free(channel);
}

static void file_free(gpointer data)
{
    g_ptr_array_unref(data);
}

void state_init(Checker *checker)
{
    checker->files = g_ptr_array_new_with_free_func(file_free);
    checker->processes = g_ptr_array_new_with_free_func(process_free);
    checker->groups = g_ptr_array_new_with_free_func(g_free);
    checker->members = g_ptr_array_new_with_free_func(member_free);
    checker->channels = g_ptr_array_new_with_free_func(channel_free);
    checker->process_by_name = g_hash_table_new(name_hash, name_same);
    checker->group_by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    checker->decision_by_key = g_hash_table_new_full(key_hash, key_same, g_free, NULL);
    checker->member_by_key = g_hash_table_new_full(key_hash, key_same, g_free, NULL);
    checker->channel_by_key = g_hash_table_new_full(key_hash, key_same, g_free, NULL);
}

void state_deinit(Checker *checker)
{
    g_clear_pointer(&checker->violations, g_ptr_array_unref);
    memory_clear(checker);
    for (guint i = 0; i < checker->processes->len; i++) {
        Cursor *cursor = &((Process *)g_ptr_array_index(checker->processes, i))->cursor;
        record_keep(checker, &cursor->last, NULL);
        decision_keep(checker, &cursor->open, NULL);
    }
    for (guint i = 0; i < checker->groups->len; i++)
        record_keep(checker, &((Group *)g_ptr_array_index(checker->groups, i))->founding, NULL);
    for (guint i = 0; i < checker->files->len; i++) {
        GPtrArray *file = g_ptr_array_index(checker->files, i);
        for (guint k = 0; k < file->len; k++)
            record_release(checker, g_ptr_array_index(file, k));
    }
    INVARIANT_THAT(g_hash_table_size(checker->decision_by_key), ==, 0);
    g_hash_table_unref(checker->channel_by_key);
    g_hash_table_unref(checker->member_by_key);
    g_hash_table_unref(checker->decision_by_key);
    g_hash_table_unref(checker->group_by_id);
    g_hash_table_unref(checker->process_by_name);
    g_ptr_array_unref(checker->channels);
    g_ptr_array_unref(checker->members);
    g_ptr_array_unref(checker->groups);
    g_ptr_array_unref(checker->processes);
    g_ptr_array_unref(checker->files);
}

static void violation_free(gpointer data)
{
    Violation *violation = data;
    g_free(violation->text);
    g_free(violation);
}

/* --- from the beginning --- */

static void reset_decision(const Record *record)
{
    if (!(trace_fields((TraceKind)record->kind) & FIELD_INSTANCE))
        return;
    Decision *decision = record->decision;
    decision->checkpointed = false;
    decision->rolled_back = false;
    for (guint i = 0; i < decision->parts->len; i++)
        g_array_index(decision->parts, Part, i).lost = false;
}

void state_reset(Checker *checker)
{
    memory_clear(checker);
    for (guint i = 0; i < checker->processes->len; i++) {
        Process *process = g_ptr_array_index(checker->processes, i);
        INVARIANT_THAT(process->forgotten, ==, 0);
        for (guint k = 0; k < process->records->len; k++)
            reset_decision(g_ptr_array_index(process->records, k));
        *process = (Process){.name = process->name,
                             .records = process->records,
                             .rollbacks = process->rollbacks,
                             .cursor = process->cursor};
    }
    for (guint i = 0; i < checker->groups->len; i++)
        ((Group *)g_ptr_array_index(checker->groups, i))->left = 0;
    for (guint i = 0; i < checker->members->len; i++) {
        Membership *member = g_ptr_array_index(checker->members, i);
        g_ptr_array_set_size(member->out, 0);
        g_ptr_array_set_size(member->in, 0);
    }
    g_hash_table_remove_all(checker->channel_by_key);
    g_ptr_array_set_size(checker->channels, 0);
    checker->violations = g_ptr_array_new_with_free_func(violation_free);
    checker->balances = 0;
    checker->between = 0;
    checker->cash = 0;
    checker->money_unsure = false;
    checker->epoch = 0;
}

Process *state_process(Checker *checker, const Name *name)
{
    Process *process = g_hash_table_lookup(checker->process_by_name, name);
    if (process != NULL)
        return process;
    process = g_new0(Process, 1);
    process->name = *name;
    process->records = g_ptr_array_new();
    process->rollbacks = g_array_new(FALSE, FALSE, sizeof(Rollback));
    g_ptr_array_add(checker->processes, process);
    g_hash_table_insert(checker->process_by_name, &process->name, process);
    return process;
}

static Process *process_named_by(const Checker *checker, const char *instance)
{
    Name name = {0};
    const char *dot = strrchr(instance, '.');
    size_t length = dot != NULL ? (size_t)(dot - instance) : 0;
    if (length > NAME_BYTES_MAX)
        return NULL;
    memcpy(name.text, instance, length);
    return g_hash_table_lookup(checker->process_by_name, &name);
}

void state_remove_decision(Checker *checker, Decision *decision)
{
    g_hash_table_remove(checker->decision_by_key, &(Key){decision->group, decision->text, NULL});
    g_ref_string_release(decision->text);
    g_array_unref(decision->parts);
    g_ptr_array_unref(decision->rollers);
    g_free(decision);
}

Decision *state_decision(Checker *checker, const Group *group, char *instance)
{
    const Key key = {group, instance, NULL};
    Decision *decision = g_hash_table_lookup(checker->decision_by_key, &key);
    if (decision != NULL)
        return decision;
    decision = g_new0(Decision, 1);
    decision->text = g_ref_string_acquire(instance);
    decision->group = group;
    decision->named = process_named_by(checker, instance);
    decision->parts = g_array_new(FALSE, FALSE, sizeof(Part));
    decision->rollers = g_ptr_array_new();
    add_by_key(checker->decision_by_key, key, decision);
    return decision;
}

Group *state_group(Checker *checker, uint64_t id)
{
    Group *group = g_hash_table_lookup(checker->group_by_id, &id);
    if (group != NULL)
        return group;
    group = g_new0(Group, 1);
    group->id = id;
    g_ptr_array_add(checker->groups, group);
    g_hash_table_insert(checker->group_by_id, &group->id, group);
    return group;
}

Membership *state_member(const Checker *checker, Group *group, Process *process)
{
    return g_hash_table_lookup(checker->member_by_key, &(Key){group, process, NULL});
}

Membership *state_add_member(Checker *checker, Group *group, Process *process)
{
    Membership *member = state_member(checker, group, process);
    if (member != NULL)
        return member;
    member = g_new0(Membership, 1);
    member->process = process;
    member->group = group;
    member->out = g_ptr_array_new();
    member->in = g_ptr_array_new();
    group->joined++;
    g_ptr_array_add(checker->members, member);
    add_by_key(checker->member_by_key, (Key){group, process, NULL}, member);
    return member;
}

Channel *state_find_channel(const Checker *checker, Group *group, Process *from, Process *to)
{
    return g_hash_table_lookup(checker->channel_by_key, &(Key){group, from, to});
}

Channel *state_channel(Checker *checker, Group *group, Process *from, Process *to)
{
    Channel *channel = state_find_channel(checker, group, from, to);
    if (channel != NULL)
        return channel;
    channel = g_new0(Channel, 1);
    channel->from = from;
    channel->to = to;
    channel->group = group;
    channel->sender = state_member(checker, group, from);
    channel->receiver = state_member(checker, group, to);
    channel->sent = g_array_new(FALSE, FALSE, sizeof(Sent));
    channel->accepted = g_array_new(FALSE, FALSE, sizeof(Accepted));
    channel->losses = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    if (channel->sender != NULL)
        g_ptr_array_add(channel->sender->out, channel);
    if (channel->receiver != NULL)
        g_ptr_array_add(channel->receiver->in, channel);
    g_ptr_array_add(checker->channels, channel);
    add_by_key(checker->channel_by_key, (Key){group, from, to}, channel);
    return channel;
}

void state_remove_channel(Checker *checker, guint index)
{
    Channel *channel = g_ptr_array_index(checker->channels, index);
    g_hash_table_remove(checker->channel_by_key,
                        &(Key){channel->group, channel->from, channel->to});
    if (channel->sender != NULL)
        g_ptr_array_remove_fast(channel->sender->out, channel);
    if (channel->receiver != NULL)
        g_ptr_array_remove_fast(channel->receiver->in, channel);
    g_ptr_array_remove_index_fast(checker->channels, index);
}

/* --- changing --- */

Money money_plus(Money a, Money b)
{
    return (Money)((uint64_t)a + (uint64_t)b);
}

void state_set_balance(Checker *checker, Process *process, Money balance)
{
    checker->balances += (uint64_t)balance - (uint64_t)process->balance[NOW];
    process->balance[NOW] = balance;
}

void state_add_cash(Checker *checker, Process *process, uint64_t amount)
{
    checker->cash += amount;
    process->cash[NOW] += amount;
}

void state_push_sent(Checker *checker, Channel *channel, const Record *record)
{
    const Sent sent = {.record = record_hold(record)};
    g_array_append_val(channel->sent, sent);
    channel->sent_count[NOW]++;
    checker->between += (uint64_t)record->amount;
}

/* What arrived, by the sender's word where there is one: money is not to come of disagreement. */
static uint64_t arrived(const Accepted *accepted)
{
    if (accepted_missing(accepted))
        return 0;
    return (uint64_t)(accepted->sent != NULL ? accepted->sent : accepted->record)->amount;
}

void state_push_accepted(Checker *checker, Channel *channel, const Record *record)
{
    Accepted accepted = {.record = record_hold(record)};
    if (record->label <= channel->sent_count[NOW])
        accepted.sent = record_hold(channel_sent(channel, record->label)->record);
    /* What was sent in a new incarnation is accepted only by who has learnt of that. */
    if (accepted.sent != NULL && accepted.sent->inc == channel->from->inc)
        channel->undone = 0;
    g_array_append_val(channel->accepted, accepted);
    channel->accepted_count[NOW]++;
    if (record->kind == TRACE_RECEIVED || planted(PLANTED_JUDGE_LETS_SKIPS_DRAG))
        channel->last_received[NOW] = channel->accepted_count[NOW];
    checker->between -= arrived(&accepted);
}

void state_push_loss(Channel *channel, uint64_t label)
{
    channel_sent(channel, label)->lost = true;
    g_array_append_val(channel->losses, label);
    channel->loss_count[NOW]++;
}

/* The three cuts leave what is short enough already as it is. */

static void cut_losses(Channel *channel, guint count)
{
    if (count >= channel->loss_count[NOW])
        return;
    while (channel->loss_count[NOW] > count) {
        uint64_t label = g_array_index(channel->losses, uint64_t, --channel->loss_count[NOW]);
        channel_sent(channel, label)->lost = false;
    }
    g_array_set_size(channel->losses, count);
}

static void cut_sent(Checker *checker, Channel *channel, uint64_t count)
{
    if (count >= channel->sent_count[NOW])
        return;
    for (uint64_t label = channel->sent_count[NOW]; label > count; label--) {
        const Record *record = channel_sent(channel, label)->record;
        checker->between -= (uint64_t)record->amount;
        record_release(checker, record);
    }
    g_array_set_size(channel->sent, (guint)(count - channel->forgotten));
    channel->undone = MAX(channel->undone, channel->sent_count[NOW]);
    channel->sent_count[NOW] = count;
}

void state_cut_accepted(Checker *checker, Channel *channel, uint64_t count)
{
    if (count >= channel->accepted_count[NOW])
        return;
    for (uint64_t label = channel->accepted_count[NOW]; label > count; label--) {
        const Accepted *accepted = channel_accepted(channel, label);
        checker->between += arrived(accepted);
        memory_release_accepted(checker, accepted);
    }
    g_array_set_size(channel->accepted, (guint)(count - channel->forgotten));
    channel->accepted_count[NOW] = count;
}

void state_copy(Process *process, Version to, Version from)
{
    process->balance[to] = process->balance[from];
    process->cash[to] = process->cash[from];
    if (process->member == NULL)
        return;
    for (guint i = 0; i < process->member->out->len; i++) {
        Channel *channel = g_ptr_array_index(process->member->out, i);
        channel->sent_count[to] = channel->sent_count[from];
        channel->loss_count[to] = channel->loss_count[from];
    }
    for (guint i = 0; i < process->member->in->len; i++) {
        Channel *channel = g_ptr_array_index(process->member->in, i);
        channel->accepted_count[to] = channel->accepted_count[from];
        channel->last_received[to] = channel->last_received[from];
    }
}

static uint64_t amount_sent_after(const Channel *channel, Version version)
{
    uint64_t amount = 0;
    for (uint64_t label = channel->sent_count[NOW]; label > channel->sent_count[version]; label--)
        amount += (uint64_t)channel_sent(channel, label)->record->amount;
    return amount;
}

/* Everything but what was sent. */
static void fall_back(Checker *checker, Process *process, Version version)
{
    checker->cash += process->cash[version] - process->cash[NOW];
    process->cash[NOW] = process->cash[version];
    for (guint i = 0; i < process->member->out->len; i++) {
        Channel *channel = g_ptr_array_index(process->member->out, i);
        cut_losses(channel, channel->loss_count[version]);
    }
    for (guint i = 0; i < process->member->in->len; i++) {
        Channel *channel = g_ptr_array_index(process->member->in, i);
        state_cut_accepted(checker, channel, channel->accepted_count[version]);
        channel->last_received[NOW] = channel->last_received[version];
    }
}

void state_lose(Checker *checker, Process *process, Version kept)
{
    uint64_t outstanding = 0;
    for (guint i = 0; i < process->member->out->len; i++)
        outstanding += amount_sent_after(g_ptr_array_index(process->member->out, i), kept);
    state_set_balance(checker, process, (Money)((uint64_t)process->balance[kept] - outstanding));
    fall_back(checker, process, kept);
}

void state_restore(Checker *checker, Process *process)
{
    state_set_balance(checker, process, process->balance[PERMANENT]);
    fall_back(checker, process, PERMANENT);
    for (guint i = 0; i < process->member->out->len; i++) {
        Channel *channel = g_ptr_array_index(process->member->out, i);
        if (!planted(PLANTED_JUDGE_KEEPS_UNDONE_LABELS))
            cut_sent(checker, channel, channel->sent_count[PERMANENT]);
    }
}

/* --- reporting --- */

static void report(Checker *checker, Rule rule, const Record *record, char *text)
{
    Violation *violation = g_new0(Violation, 1);
    violation->rule = rule;
    violation->process = record->process->name;
    violation->file = record->file;
    violation->seq = record->seq;
    violation->text = text;
    g_ptr_array_add(checker->violations, violation);
}

void state_violation(Checker *checker, Rule rule, const Record *record, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    report(checker, rule, record, g_strdup_vprintf(form, arguments));
    va_end(arguments);
}

void state_break(Checker *checker, Channel *channel, Rule rule, const Record *record,
                 const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    report(checker, rule, record, g_strdup_vprintf(form, arguments));
    va_end(arguments);
    channel->broken = true;
    checker->money_unsure = true;
}

void state_check_money(Checker *checker, const Record *record)
{
    if (checker->money_unsure || checker->balances + checker->between == checker->cash)
        return;
    state_violation(checker, RULE_MONEY, record,
                    "over all processes: expected balances + in flight + lost = %" PRId64
                    " (opened + deposited - withdrawn - paid out), found %" PRId64,
                    (int64_t)checker->cash, (int64_t)(checker->balances + checker->between));
    /* Said once. */
    checker->cash = checker->balances + checker->between;
}
