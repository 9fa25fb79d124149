#include "core/channel.h"

#include <string.h>

#include "core/panic.h"
#include "core/planted.h"

/* --- the checkpointed part --- */

void channel_state_init(ChannelState *state)
{
    *state = (ChannelState){
        .log = g_array_new(FALSE, FALSE, sizeof(Entry)),
        .skips = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
    };
}

void channel_state_deinit(ChannelState *state)
{
    g_array_free(state->log, TRUE);
    g_array_free(state->skips, TRUE);
    *state = (ChannelState){0};
}

static void array_copy(GArray *to, const GArray *from)
{
    g_array_set_size(to, 0);
    if (from->len > 0)
        g_array_append_vals(to, from->data, from->len);
}

void channel_state_copy(ChannelState *to, const ChannelState *from)
{
    to->out = from->out;
    to->in = from->in;
    to->last_received = from->last_received;
    to->base = from->base;
    array_copy(to->log, from->log);
    array_copy(to->skips, from->skips);
}

static bool entry_equal(const Entry *a, const Entry *b)
{
    return a->payload == b->payload && a->kind == b->kind && a->lost == b->lost;
}

bool channel_state_equal(const ChannelState *a, const ChannelState *b)
{
    if (a->out != b->out || a->in != b->in || a->last_received != b->last_received ||
        a->base != b->base || a->log->len != b->log->len || a->skips->len != b->skips->len ||
        (a->skips->len > 0 &&
         memcmp(a->skips->data, b->skips->data, a->skips->len * sizeof(uint64_t)) != 0))
        return false;
    for (guint i = 0; i < a->log->len; i++) {
        if (!entry_equal(&g_array_index(a->log, Entry, i), &g_array_index(b->log, Entry, i)))
            return false;
    }
    return true;
}

static void entry_code(Coder *coder, Entry *entry)
{
    int kind = (int)entry->kind;
    code_u64(coder, &entry->payload);
    if (coder->decoding && entry->payload > INT64_MAX) /* the sum of what is lost is Money */
        coder->failed = true;
    code_enum(coder, &kind, ENTRY_KINDS);
    entry->kind = (EntryKind)kind;
    code_bool(coder, &entry->lost);
    code_u32(coder, &entry->sends);
    code_u64(coder, &entry->sent_ns);
#ifdef COHORT_PLANTED_FAULTS
    code_u64(coder, &entry->first_inc);
    code_u64(coder, &entry->first_known);
#endif
}

/* A length that decoding can believe: no more elements than there are bytes left. */
static uint32_t length_code(Coder *coder, const GArray *array)
{
    uint32_t length = array->len;
    code_u32(coder, &length);
    if (coder->decoding && length > coder->length - coder->at)
        coder->failed = true;
    return coder->failed ? 0 : length;
}

void channel_state_code(Coder *coder, ChannelState *state)
{
    code_u64(coder, &state->out);
    code_u64(coder, &state->in);
    code_u64(coder, &state->last_received);
    code_u64(coder, &state->base);
    uint32_t entries = length_code(coder, state->log);
    if (coder->decoding && (state->base > state->out || entries != state->out - state->base ||
                            state->last_received > state->in)) {
        coder->failed = true;
        return;
    }
    g_array_set_size(state->log, entries);
    for (uint32_t i = 0; i < entries; i++) {
        Entry entry = coder->decoding ? (Entry){0} : g_array_index(state->log, Entry, i);
        entry_code(coder, &entry);
        if (coder->decoding)
            g_array_index(state->log, Entry, i) = entry;
    }
    uint32_t skips = length_code(coder, state->skips);
    g_array_set_size(state->skips, skips);
    for (uint32_t i = 0; i < skips; i++)
        code_u64(coder, &g_array_index(state->skips, uint64_t, i));
}

Entry *channel_entry(const ChannelState *state, uint64_t label)
{
    INVARIANT_THAT(label, >, state->base);
    INVARIANT_THAT(label, <=, state->out);
    return &g_array_index(state->log, Entry, label - state->base - 1);
}

void channel_state_drop_skips(ChannelState *state, uint64_t upto)
{
    if (state->in <= upto || (planted_any() && state->last_received > upto))
        return;
    INVARIANT_THAT(state->last_received, <=, upto);
    while (state->skips->len > 0 &&
           g_array_index(state->skips, uint64_t, state->skips->len - 1) > upto)
        g_array_set_size(state->skips, state->skips->len - 1);
    state->in = upto;
}

/* --- the channel --- */

void channel_init(Channel *channel)
{
    *channel = (Channel){.rto_ns = RTO_INITIAL_NS, .resend_ns = TIME_NEVER};
    channel_state_init(&channel->state);
}

void channel_deinit(Channel *channel)
{
    channel_state_deinit(&channel->state);
}

static void closed_code(Coder *coder, Closed *closed)
{
    code_u16(coder, &closed->instance.initiator);
    code_u64(coder, &closed->instance.number);
    code_u64(coder, &closed->new_inc);
    code_u64(coder, &closed->cut);
    code_u64(coder, &closed->rcut);
}

void channel_code(Coder *coder, Channel *channel)
{
    channel_state_code(coder, &channel->state);
    code_u64(coder, &channel->acked);
    code_u64(coder, &channel->known);
    closed_code(coder, &channel->closed);
    code_u64(coder, &channel->peer_version);
    code_u64(coder, &channel->peer_perm_sent);
    code_u64(coder, &channel->peer_perm_base);
    code_u64(coder, &channel->told);
    code_bool(coder, &channel->stable_due);
    code_bool(coder, &channel->ack_due);
    code_u64(coder, &channel->peer_una);
    code_bool(coder, &channel->rtt_known);
    code_u64(coder, &channel->srtt_ns);
    code_u64(coder, &channel->rttvar_ns);
    code_u64(coder, &channel->rto_ns);
    code_u32(coder, &channel->backoff);
    code_u64(coder, &channel->sent_upto);
    code_u64(coder, &channel->resend_ns);
    if (coder->decoding &&
        (channel->acked < channel->state.base || channel->acked > channel->state.out ||
         channel->sent_upto < channel->acked || channel->sent_upto > channel->state.out))
        coder->failed = true;
}

uint64_t retry_delay_ns(uint64_t base_ns, uint32_t backoff, uint64_t most_ns, uint64_t random)
{
    uint64_t delay_ns = base_ns;
    for (uint32_t i = 0; i < backoff && delay_ns < most_ns; i++)
        delay_ns = MIN(2 * delay_ns, most_ns);
    return delay_ns + random % (delay_ns / 4 + 1);
}

/* --- sending --- */

uint64_t channel_append(Channel *channel, uint64_t payload, EntryKind kind)
{
    /* What never leaves is lost for certain from the start; the caller reports it. */
    Entry entry = {.payload = payload, .kind = kind, .lost = kind == ENTRY_NEVER_SENT};
    g_array_append_val(channel->state.log, entry);
    return ++channel->state.out;
}

uint64_t channel_next_due(Channel *channel, uint64_t now_ns)
{
    if (channel->closed.instance.number != 0) /* what left now would be lost with the rollback */
        return 0;
    if (channel->resend_ns <= now_ns)
        return 0; /* channel_timeout first */
    if (channel->sent_upto >= channel->state.out ||
        channel->sent_upto - channel->acked >= WINDOW_MAX)
        return 0;
    return channel->sent_upto + 1;
}

void channel_sent(Channel *channel, uint64_t label, uint64_t now_ns, uint64_t jitter)
{
    Entry *entry = channel_entry(&channel->state, label);
    INVARIANT_THAT(label, ==, channel->sent_upto + 1);
    channel->sent_upto = label;
    entry->sends++;
    entry->sent_ns = now_ns;
    if (channel->resend_ns == TIME_NEVER)
        channel->resend_ns =
            now_ns + retry_delay_ns(channel->rto_ns, channel->backoff, RTO_MAX_NS, jitter);
}

void channel_rewind(Channel *channel)
{
    channel->sent_upto = channel->acked;
    channel->resend_ns = TIME_NEVER;
}

bool channel_timeout(Channel *channel, uint64_t now_ns, uint32_t retries, bool keep)
{
    bool gave_up = false;
    if (channel->closed.instance.number != 0 || channel->resend_ns > now_ns)
        return false;
    /* Rule 1 of "Lost transfers": giving up turns T into K only above max(acked, log base), and
     * not while rolling. `acked` is never below the base. */
    for (uint64_t label = channel->acked + 1; label <= channel->sent_upto && !keep; label++) {
        Entry *entry = channel_entry(&channel->state, label);
        if (entry->kind == ENTRY_TRANSFER && entry->sends > retries) {
            entry->kind = ENTRY_GIVEN_UP;
            gave_up = true;
        }
    }
    channel_rewind(channel);
    channel->backoff++;
    return gave_up;
}

/* RFC 6298, section 2, in integers: alpha 1/8, beta 1/4, K 4. */
static void rtt_sample(Channel *channel, uint64_t rtt_ns)
{
    if (!channel->rtt_known) {
        channel->rtt_known = true;
        channel->srtt_ns = rtt_ns;
        channel->rttvar_ns = rtt_ns / 2;
    } else {
        uint64_t off_ns =
            rtt_ns > channel->srtt_ns ? rtt_ns - channel->srtt_ns : channel->srtt_ns - rtt_ns;
        channel->rttvar_ns = channel->rttvar_ns - channel->rttvar_ns / 4 + off_ns / 4;
        channel->srtt_ns = channel->srtt_ns - channel->srtt_ns / 8 + rtt_ns / 8;
    }
    channel->rto_ns = channel->srtt_ns + 4 * channel->rttvar_ns;
    if (channel->rto_ns < RTO_MIN_NS)
        channel->rto_ns = RTO_MIN_NS;
    if (channel->rto_ns > RTO_MAX_NS)
        channel->rto_ns = RTO_MAX_NS;
}

static bool coverage_skips(const Coverage *coverage, uint64_t label)
{
    for (size_t i = 0; i < coverage->skip_count; i++) {
        if (coverage->skips[i] == label)
            return !planted(PLANTED_ACK_HIDES_SKIPS);
    }
    return false;
}

/* "For each number still in its log the sender takes the receiver's word, even against its own
 * entry: the fate follows, and the kind (received -> T, skipped -> K)." */
Contradiction channel_take_word(Channel *channel, const Coverage *coverage, GArray *lost)
{
    Contradiction found = CONTRADICTION_NONE;
    ChannelState *state = &channel->state;
    uint64_t first = coverage->from > state->base ? coverage->from : state->base;
    uint64_t last = coverage->upto < state->out ? coverage->upto : state->out;
    if (first >= last)
        return found; /* of a stranger's labels even the one after the first may not be a number */
    for (uint64_t label = first + 1; label <= last; label++) {
        Entry *entry = channel_entry(state, label);
        if (!coverage_skips(coverage, label)) {
            if (!entry->lost && entry->kind != ENTRY_TRANSFER) {
                entry->kind = ENTRY_TRANSFER; /* a loss once certain stays: nobody accepts it now */
                found |= CONTRADICTION_RECEIVED;
            }
            continue;
        }
        if (entry->kind == ENTRY_TRANSFER) {
            entry->kind = ENTRY_GIVEN_UP;
            found |= CONTRADICTION_SKIPPED;
        }
        if (!entry->lost) {
            entry->lost = true;
            g_array_append_val(lost, label);
        }
    }
    return found;
}

Contradiction channel_acknowledged(Channel *channel, const Coverage *coverage, uint64_t now_ns,
                                   GArray *lost)
{
    ChannelState *state = &channel->state;
    if (coverage->from > channel->acked || coverage->upto > state->out)
        return CONTRADICTION_NONE; /* says nothing of what we wait for, or of labels never used */
    Contradiction found = channel_take_word(channel, coverage, lost);
    if (coverage->upto <= channel->acked)
        return found;
    const Entry *last = channel_entry(state, coverage->upto);
    if (last->sends == 1 && last->sent_ns <= now_ns) /* Karn: only what was sent once */
        rtt_sample(channel, now_ns - last->sent_ns);
    channel->acked = coverage->upto;
    if (channel->sent_upto < channel->acked)
        channel->sent_upto = channel->acked;
    channel->backoff = 0;
    channel->resend_ns = channel->sent_upto > channel->acked
                             ? now_ns + retry_delay_ns(channel->rto_ns, 0, RTO_MAX_NS, 0)
                             : TIME_NEVER;
    return found;
}

uint64_t channel_release(Channel *channel, const Coverage *coverage)
{
    ChannelState *state = &channel->state;
    uint64_t lost_sum = 0;
    if (coverage->from > state->base || coverage->upto <= state->base ||
        coverage->upto > state->out)
        return 0;
    for (uint64_t label = state->base + 1; label <= coverage->upto; label++) {
        const Entry *entry = channel_entry(state, label);
        if (entry->lost)
            lost_sum = MIN(lost_sum + entry->payload, INT64_MAX);
    }
    g_array_remove_range(state->log, 0, (guint)(coverage->upto - state->base));
    state->base = coverage->upto;
    if (channel->acked < state->base)
        channel->acked = state->base;
    if (channel->sent_upto < channel->acked)
        channel->sent_upto = channel->acked;
    if (channel->sent_upto == channel->acked)
        channel->resend_ns = TIME_NEVER;
    return lost_sum;
}

/* --- receiving --- */

bool channel_matches(const Channel *channel, const Header *header, uint64_t own_inc)
{
    return header->inc == channel->known && header->known == own_inc;
}

DropReason channel_accept(Channel *channel, const Header *header, uint64_t own_inc, uint64_t label,
                          bool skip)
{
    ChannelState *state = &channel->state;
    /* "j accepts a transfer only if the channel from i is open, both match its own view, and it
     * is the next in order. Older ones are acknowledged again, all others dropped." */
    if (channel->closed.instance.number != 0 && !planted(PLANTED_PREPARE_WITHOUT_CLOSING))
        return DROP_CLOSED;
    if (!channel_matches(channel, header, own_inc) && !planted(PLANTED_DATA_WITHOUT_INCARNATION))
        return DROP_INCARNATION;
    channel->peer_una = header->una;
    channel->ack_due = true;
    if (label <= state->in)
        return DROP_DUPLICATE;
    if (label != state->in + 1 && !(skip && planted(PLANTED_SKIP_OUT_OF_ORDER)))
        return DROP_ORDER;
    state->in = label;
    if (skip)
        g_array_append_val(state->skips, label);
    else
        state->last_received = label;
    return DROP_NONE;
}

Coverage channel_coverage(const Channel *channel, uint64_t from, uint64_t upto)
{
    Coverage coverage = {.from = from, .upto = upto};
    INVARIANT_THAT(from, <=, upto);
    for (guint i = 0; i < channel->state.skips->len; i++) {
        uint64_t skip = g_array_index(channel->state.skips, uint64_t, i);
        if (skip <= from)
            continue;
        if (skip > upto)
            break;
        if (coverage.skip_count == SKIPS_PER_COVERAGE_MAX) {
            coverage.upto = skip - 1;
            break;
        }
        coverage.skips[coverage.skip_count++] = skip;
    }
    return coverage;
}

void channel_forget_skips(Channel *channel, uint64_t upto)
{
    GArray *skips = channel->state.skips;
    guint gone = 0;
    while (gone < skips->len && g_array_index(skips, uint64_t, gone) <= upto)
        gone++;
    if (gone > 0)
        g_array_remove_range(skips, 0, gone);
}

/* --- rollback --- */

void channel_restore(Channel *channel, const ChannelState *perm)
{
    channel_state_copy(&channel->state, perm);
    /* "sets acked[j] to the base of its log, and sends its log again." */
    if (!planted(PLANTED_FATES_SURVIVE_ROLLBACK) || channel->acked > channel->state.out ||
        channel->acked < channel->state.base)
        channel->acked = channel->state.base;
    channel->backoff = 0;
    channel->ack_due = false;
    channel->peer_una = 0;
    channel_rewind(channel);
}

void channel_reopen(Channel *channel, bool commit, bool we_rolled)
{
    Closed closed = channel->closed;
    ChannelState *state = &channel->state;
    INVARIANT_THAT(closed.instance.number, !=, 0);
    channel->closed = (Closed){0};
    if (commit) {
        channel->known = closed.new_inc;
        channel->peer_una = 0;
        if (!we_rolled) {
            /* "when i's rollback commits and j does not roll, in[i] = min(in[i], cut), which
             * undoes skips only." */
            channel_state_drop_skips(state, closed.cut);
            /* "acked[i] = max(log base, min(acked[i], rcut))": what lies above must be sent
             * again, also when this process itself did not roll back. */
            uint64_t rcut = closed.rcut > state->base ? closed.rcut : state->base;
            if (channel->acked > rcut && !planted(PLANTED_RCUT_IGNORED))
                channel->acked = rcut;
        }
        /* The peer's log is that of its permanent checkpoint again: tell it once more what it
         * may release. */
        if (channel->told > channel->peer_perm_base)
            channel->told = channel->peer_perm_base;
        channel->stable_due = true;
    }
    channel->backoff = 0;
    if (!planted(PLANTED_NO_RESEND_TO_ROLLED_BACK) || !commit)
        channel_rewind(channel);
}

uint64_t channel_unsettled(const Channel *channel)
{
    return channel->state.out - channel->acked;
}
