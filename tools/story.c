#include "tools/story.h"

#include <inttypes.h>
#include <string.h>

#include "sim/totals.h"
#include "tools/words.h"

/* One record, with copies of what it points to. */
typedef struct Entry {
    uint64_t t_ns;
    Name process;
    TraceEvent event;
} Entry;

/* What is known of one process at the point the story has reached. The counts are arrays of
 * TraceCount, one for each peer. */
typedef struct Party {
    GArray *now;
    GArray *permanent;
    GArray *members; /* of Name: of its cohort, itself included; empty outside */
    bool forgetful;  /* it has crashed, and not rolled back since */
} Party;

struct Story {
    GPtrArray *entries;
    GHashTable *instances; /* "permanent c1.2" -> GPtrArray of the Entries saying so */
    GHashTable *parties;   /* name -> Party */
    uint64_t cohort;       /* the last whose forming was told; ids grow */
    Totals *totals;
    GString *out;
};

static void entry_free(void *element)
{
    Entry *entry = element;
    g_free((void *)entry->event.members);
    g_free((void *)entry->event.counts);
    g_free(entry);
}

static void party_free(void *element)
{
    Party *party = element;
    g_array_unref(party->now);
    g_array_unref(party->permanent);
    g_array_unref(party->members);
    g_free(party);
}

Story *story_new(bool cash_survives)
{
    Story *story = g_new0(Story, 1);
    story->entries = g_ptr_array_new_with_free_func(entry_free);
    story->instances =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    story->parties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, party_free);
    story->totals = totals_new(cash_survives);
    return story;
}

void story_free(Story *story)
{
    totals_free(story->totals);
    g_hash_table_unref(story->parties);
    g_hash_table_unref(story->instances);
    g_ptr_array_unref(story->entries);
    g_free(story);
}

/* Everybody who says the same of the same instance: the participants. */
static GPtrArray *sayers(Story *story, const TraceEvent *event)
{
    char instance[INSTANCE_TEXT_MAX];
    instance_text(&event->initiator, event->number, instance);
    char *key = g_strdup_printf("%s %s", trace_word(event->kind), instance);
    GPtrArray *entries = g_hash_table_lookup(story->instances, key);
    if (entries != NULL) {
        g_free(key);
        return entries;
    }
    entries = g_ptr_array_new();
    g_hash_table_insert(story->instances, key, entries);
    return entries;
}

void story_add(Story *story, uint64_t t_ns, const Name *process, const TraceEvent *event)
{
    if (trace_is_datagram(event->kind))
        return;
    Entry *entry = g_new0(Entry, 1);
    entry->t_ns = t_ns;
    entry->process = *process;
    entry->event = *event;
    entry->event.members = g_memdup2(event->members, event->member_count * sizeof(Name));
    entry->event.counts = g_memdup2(event->counts, event->count_count * sizeof(TraceCount));
    g_ptr_array_add(story->entries, entry);
    if (event->kind == TRACE_TENTATIVE || event->kind == TRACE_PERMANENT ||
        event->kind == TRACE_ROLLED_BACK)
        g_ptr_array_add(sayers(story, event), entry);
    totals_add(story->totals, process, event);
}

/* --- what is known so far --- */

static Party *party_of(Story *story, const Name *name)
{
    Party *party = g_hash_table_lookup(story->parties, name->text);
    if (party == NULL) {
        party = g_new0(Party, 1);
        party->now = g_array_new(FALSE, TRUE, sizeof(TraceCount));
        party->permanent = g_array_new(FALSE, TRUE, sizeof(TraceCount));
        party->members = g_array_new(FALSE, TRUE, sizeof(Name));
        g_hash_table_insert(story->parties, g_strdup(name->text), party);
    }
    return party;
}

static TraceCount *count_with(GArray *counts, const Name *peer)
{
    for (guint i = 0; i < counts->len; i++) {
        TraceCount *count = &g_array_index(counts, TraceCount, i);
        if (name_equal(&count->peer, peer))
            return count;
    }
    TraceCount count = {.peer = *peer};
    g_array_append_val(counts, count);
    return &g_array_index(counts, TraceCount, counts->len - 1);
}

static TraceCount told_count(const Entry *entry, const Name *peer)
{
    for (size_t i = 0; i < entry->event.count_count; i++) {
        if (name_equal(&entry->event.counts[i].peer, peer))
            return entry->event.counts[i];
    }
    return (TraceCount){.peer = *peer};
}

static void set_counts(GArray *counts, const TraceEvent *event)
{
    g_array_set_size(counts, 0);
    g_array_append_vals(counts, event->counts, (guint)event->count_count);
}

static void learn(Story *story, const Entry *entry)
{
    const TraceEvent *event = &entry->event;
    Party *party = party_of(story, &entry->process);
    switch (event->kind) {
    case TRACE_JOINED:
        g_array_set_size(party->members, 0);
        g_array_append_vals(party->members, event->members, (guint)event->member_count);
        break;
    case TRACE_LEFT:
        g_array_set_size(party->members, 0);
        g_array_set_size(party->now, 0);
        g_array_set_size(party->permanent, 0);
        break;
    case TRACE_SENT:
        count_with(party->now, &event->peer)->sent = event->label;
        break;
    case TRACE_RECEIVED:
        count_with(party->now, &event->peer)->received = event->label;
        break;
    case TRACE_PERMANENT:
        set_counts(party->permanent, event);
        break;
    case TRACE_ROLLED_BACK:
        set_counts(party->now, event);
        party->forgetful = false;
        break;
    case TRACE_RESTARTED: /* it remembers its permanent checkpoint alone */
        g_array_set_size(party->now, 0);
        g_array_append_vals(party->now, party->permanent->data, party->permanent->len);
        party->forgetful = true;
        break;
    default:
        break;
    }
}

static bool takes_part(const GPtrArray *participants, const Name *name)
{
    for (guint i = 0; i < participants->len; i++) {
        const Entry *entry = g_ptr_array_index(participants, i);
        if (name_equal(&entry->process, name))
            return true;
    }
    return false;
}

/* --- why --- */

static void begin_reason(Story *story, const Name *name)
{
    g_string_append_printf(story->out, "%14s%s ", "", name->text);
}

/* Why `name` took a checkpoint too: somebody's records a transfer from it that its own last
 * checkpoint does not. */
static void tell_why_checkpointed(Story *story, const GPtrArray *tentatives, const Name *name)
{
    for (guint i = 0; i < tentatives->len; i++) {
        const Entry *other = g_ptr_array_index(tentatives, i);
        uint64_t received = told_count(other, name).received;
        uint64_t sent = count_with(party_of(story, name)->permanent, &other->process)->sent;
        if (received <= sent)
            continue;
        begin_reason(story, name);
        g_string_append_printf(story->out,
                               "must take part: %s's checkpoint records label %" PRIu64
                               " from %s, whose own last checkpoint records %" PRIu64 " sent\n",
                               other->process.text, received, name->text, sent);
        return;
    }
}

static void tell_why_not_checkpointed(Story *story, const GPtrArray *tentatives, const Name *name)
{
    const char *separator = "need not take part: ";
    begin_reason(story, name);
    for (guint i = 0; i < tentatives->len; i++) {
        const Entry *other = g_ptr_array_index(tentatives, i);
        uint64_t received = told_count(other, name).received;
        uint64_t sent = count_with(party_of(story, name)->permanent, &other->process)->sent;
        g_string_append_printf(story->out, "%s%s's checkpoint records ", separator,
                               other->process.text);
        if (received == 0)
            g_string_append(story->out, "nothing from it");
        else if (received <= sent)
            g_string_append_printf(story->out,
                                   "label %" PRIu64 " from it as the last, which its own last "
                                   "checkpoint covers (%" PRIu64 " sent)",
                                   received, sent);
        else
            g_string_append_printf(story->out, "only losses from it after label %" PRIu64, sent);
        separator = ", and ";
    }
    g_string_append_c(story->out, '\n');
}

static void tell_why_rolled_back(Story *story, const GPtrArray *rollers, const Name *name)
{
    for (guint i = 0; i < rollers->len; i++) {
        const Entry *other = g_ptr_array_index(rollers, i);
        uint64_t received = count_with(party_of(story, name)->now, &other->process)->received;
        uint64_t sent = told_count(other, name).sent;
        if (received <= sent)
            continue;
        begin_reason(story, name);
        g_string_append_printf(story->out,
                               "must roll back too: it has received label %" PRIu64
                               " from %s, whose checkpoint records %" PRIu64 " sent\n",
                               received, other->process.text, sent);
        return;
    }
    if (!party_of(story, name)->forgetful)
        return;
    begin_reason(story, name);
    g_string_append(story->out, "rolls back too: it has forgotten in a crash what followed its "
                                "checkpoint\n");
}

static void tell_why_not_rolled_back(Story *story, const GPtrArray *rollers, const Name *name)
{
    const char *separator = "keeps its state: ";
    begin_reason(story, name);
    for (guint i = 0; i < rollers->len; i++) {
        const Entry *other = g_ptr_array_index(rollers, i);
        uint64_t received = count_with(party_of(story, name)->now, &other->process)->received;
        uint64_t sent = told_count(other, name).sent;
        g_string_append(story->out, separator);
        if (received == 0)
            g_string_append_printf(story->out, "it has received nothing from %s",
                                   other->process.text);
        else if (received <= sent)
            g_string_append_printf(story->out,
                                   "the last transfer it received from %s (label %" PRIu64
                                   ") was sent before %s's checkpoint (which records %" PRIu64
                                   " sent)",
                                   other->process.text, received, other->process.text, sent);
        else
            g_string_append_printf(story->out, "from %s it knows only losses after label %" PRIu64,
                                   other->process.text, sent);
        separator = ", and ";
    }
    g_string_append_c(story->out, '\n');
}

/* At the first record of a decision, for the whole cohort: everybody still is as the decision found
 * them, so what they hold says why. */
static void tell_why(Story *story, const Entry *entry)
{
    const TraceEvent *event = &entry->event;
    const GPtrArray *participants = sayers(story, event);
    if (g_ptr_array_index(participants, 0) != entry)
        return;
    bool rollback = event->kind == TRACE_ROLLED_BACK;
    const TraceEvent tentative = {
        .kind = TRACE_TENTATIVE, .initiator = event->initiator, .number = event->number};
    const GPtrArray *evidence = rollback ? participants : sayers(story, &tentative);
    const GArray *members = party_of(story, &entry->process)->members;
    for (guint i = 0; i < members->len; i++) {
        const Name *name = &g_array_index(members, Name, i);
        if (name_equal(name, &event->initiator))
            continue;
        bool part = takes_part(participants, name);
        if (rollback)
            (part ? tell_why_rolled_back : tell_why_not_rolled_back)(story, evidence, name);
        else
            (part ? tell_why_checkpointed : tell_why_not_checkpointed)(story, evidence, name);
    }
}

/* --- the sentences --- */

static void tell_members(Story *story, const Entry *entry)
{
    const TraceEvent *event = &entry->event;
    g_string_append_printf(story->out, "cohort %" PRIu64 " is formed:", event->cohort);
    for (size_t i = 0; i < event->member_count; i++)
        g_string_append_printf(story->out, "%s %s", i > 0 ? "," : "", event->members[i].text);
    g_string_append_c(story->out, '\n');
    story->cohort = event->cohort;
}

static void tell_entry(Story *story, const Entry *entry)
{
    const TraceEvent *event = &entry->event;
    char instance[INSTANCE_TEXT_MAX];
    if (event->kind == TRACE_JOINED && event->cohort <= story->cohort)
        return;
    words_time(entry->t_ns, story->out);
    if (event->kind == TRACE_JOINED) {
        tell_members(story, entry);
        return;
    }
    words_record(&entry->process, event, instance_text(&event->initiator, event->number, instance),
                 story->out);
    g_string_append_c(story->out, '\n');
    if (event->kind == TRACE_PERMANENT || event->kind == TRACE_ROLLED_BACK)
        tell_why(story, entry);
}

/* --- the end --- */

static void tell_end(Story *story)
{
    TotalSums sums = totals_sums(story->totals);
    char before[MONEY_TEXT_MAX];
    char in[MONEY_TEXT_MAX];
    char paid[MONEY_TEXT_MAX];
    char lost[MONEY_TEXT_MAX];
    char after[MONEY_TEXT_MAX];
    Money opened = 0;
    for (guint i = 0; i < story->entries->len; i++) {
        const Entry *entry = g_ptr_array_index(story->entries, i);
        if (entry->event.kind == TRACE_OPENED)
            opened += entry->event.balance;
    }
    g_string_append(story->out, "In the end:");
    for (size_t i = 0; i < totals_count(story->totals); i++)
        g_string_append_printf(story->out, "%s %s has %s", i > 0 ? "," : "",
                               totals_name(story->totals, i)->text,
                               money_text(totals_balance(story->totals, i), after));
    g_string_append_printf(story->out,
                           ".\nTotal before %s, deposited %s, withdrawn or taken along %s, lost "
                           "for good %s; total after %s.\n",
                           money_text(opened, before), money_text(sums.money_in - opened, in),
                           money_text(sums.money_out, paid), money_text(sums.money_lost, lost),
                           money_text(sums.money_total, after));
}

void story_tell(Story *story, GString *out)
{
    story->out = out;
    for (guint i = 0; i < story->entries->len; i++) {
        const Entry *entry = g_ptr_array_index(story->entries, i);
        tell_entry(story, entry);
        learn(story, entry);
    }
    tell_end(story);
}
