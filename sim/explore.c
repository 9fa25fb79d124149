#include "sim/explore.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/panic.h"
#include "sim/explore_cut.h"
#include "sim/explore_program.h"
#include "sim/explore_seen.h"

struct Explorer {
    Locals *locals;
    Cuts *cuts;
    Seen *seen;
    Program *program;
    ExploreOptions options;
    bool cash_survives;
    uint64_t next;      /* the cut to look at next */
    uint64_t level_end; /* where the next depth begins */
    Pool *judged;       /* what was said after which histories */
    uint32_t found;     /* the cut that is the counter-example, or the last but one: */
    bool at_rest;       /* it is one because nothing is under way in it */
    Cut at;             /* being looked at, and the move being tried, or found: */
    uint16_t member;
    Move move;
    ExploreResult result;
};

Explorer *explorer_new(const Scenario *scenario, ExploreOptions options, char **error)
{
    Locals *locals = locals_new(scenario, program_crashes(scenario) > 0, error);
    if (locals == NULL)
        return NULL;
    Program *program = program_new(scenario, locals, error);
    if (program == NULL) {
        locals_free(locals);
        return NULL;
    }
    Explorer *explorer = g_new0(Explorer, 1);
    CutOptions cut_options = {.reduction = options.reduction,
                              .symmetry = options.symmetry && program_symmetric(program),
                              .crashes_max = program_crashes(scenario)};
    unsigned permutation;
    explorer->locals = locals;
    explorer->program = program;
    explorer->options = options;
    explorer->cash_survives = scenario->cash == CASH_COMMIT;
    explorer->cuts = cuts_new(locals, cut_options);
    explorer->seen = seen_new(cuts_width(explorer->cuts));
    explorer->judged = pool_new();
    explorer->found = SEEN_NONE;
    explorer->move = MOVE_NONE;
    Cut first = cuts_first(explorer->cuts);
    first = cuts_least(explorer->cuts, &first, &permutation);
    seen_add(explorer->seen, first.parts, SEEN_NONE, 0, MOVE_NONE);
    explorer->level_end = 1;
    return explorer;
}

void explorer_free(Explorer *explorer)
{
    if (explorer == NULL)
        return;
    pool_free(explorer->judged);
    seen_free(explorer->seen);
    cuts_free(explorer->cuts);
    program_free(explorer->program);
    locals_free(explorer->locals);
    g_free(explorer);
}

Locals *explorer_locals(const Explorer *explorer)
{
    return explorer->locals;
}

static Cut cut_at(const Explorer *explorer, uint32_t number)
{
    Cut cut = {{0}};
    memcpy(cut.parts, seen_get(explorer->seen, number),
           cuts_width(explorer->cuts) * sizeof *cut.parts);
    return cut;
}

/* --- the way to a cut --- */

/* The moves that led to the cut, in the names of the beginning: each cut was permuted when it was
 * kept, and the moves from it are in terms of that. */
static void trace_back(Explorer *explorer, uint32_t number, GArray *steps)
{
    for (; seen_parent(explorer->seen, number) != SEEN_NONE;
         number = seen_parent(explorer->seen, number))
        g_array_append_val(steps, number);
}

static Permutation inverse(const Permutation *permutation, uint16_t count)
{
    Permutation result = {{0}};
    for (uint16_t i = 0; i < count; i++)
        result.to[permutation->to[i]] = (uint8_t)i;
    return result;
}

static Permutation compose(const Permutation *first, const Permutation *second, uint16_t count)
{
    Permutation result = {{0}};
    for (uint16_t i = 0; i < count; i++)
        result.to[i] = second->to[first->to[i]];
    return result;
}

/* Goes on from a cut in real names by a move in real names. */
static void append_move(Explorer *explorer, GArray *path, Cut *real, uint16_t member, Move move,
                        Used used)
{
    uint32_t core = cuts_mind(explorer->cuts, real, member)->core;
    LocalStep step = locals_step(explorer->locals, core, move);
    ExploreMove entry = {member, move, core, step.core, step.traces};
    Cut next;
    bool moved = cuts_move(explorer->cuts, real, member, move, used, &next);
    INVARIANT(moved);
    *real = next;
    g_array_append_val(path, entry);
}

/* `real`: the cut it ends in; `to_real`: from the names that this cut was kept in. */
static GArray *path_to(Explorer *explorer, uint32_t number, Cut *real, Permutation *to_real)
{
    uint16_t count = locals_members(explorer->locals);
    GArray *path = g_array_new(FALSE, FALSE, sizeof(ExploreMove));
    g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    unsigned chosen;
    trace_back(explorer, number, steps);
    *real = cuts_first(explorer->cuts);
    cuts_least(explorer->cuts, real, &chosen);
    *to_real = inverse(cuts_permutation(explorer->cuts, chosen), count);
    for (guint i = steps->len; i-- > 0;) {
        uint32_t at = g_array_index(steps, uint32_t, i);
        uint16_t kept_member = seen_member(explorer->seen, at);
        Move kept_move = seen_move(explorer->seen, at);
        Cut kept = cut_at(explorer, seen_parent(explorer->seen, at));
        Used used = program_used(explorer->program, cuts_mind(explorer->cuts, &kept, kept_member),
                                 kept_move);
        Cut next;
        cuts_move(explorer->cuts, &kept, kept_member, kept_move, used, &next);
        cuts_least(explorer->cuts, &next, &chosen);
        append_move(explorer, path, real, (uint16_t)to_real->to[kept_member],
                    locals_move_image(explorer->locals, kept_move, to_real), used);
        Permutation back = inverse(cuts_permutation(explorer->cuts, chosen), count);
        *to_real = compose(&back, to_real, count);
    }
    return path;
}

GArray *explorer_path(Explorer *explorer)
{
    Cut real;
    Permutation to_real;
    Move move = explorer->move;
    uint32_t number = explorer->found != SEEN_NONE ? explorer->found : (uint32_t)explorer->next;
    GArray *path = path_to(explorer, number, &real, &to_real);
    if (move == MOVE_NONE)
        return path;
    ExploreMove last = {.member = to_real.to[explorer->member],
                        .move = locals_move_image(explorer->locals, move, &to_real),
                        .to = POOL_NONE};
    last.from = cuts_mind(explorer->cuts, &real, last.member)->core;
    if (explorer->found != SEEN_NONE) { /* else it is still being tried */
        LocalStep step = locals_step(explorer->locals, last.from, last.move);
        last.to = step.core;
        last.traces = step.traces;
    }
    g_array_append_val(path, last);
    return path;
}

/* --- judging --- */

static GPtrArray *judge_path(Explorer *explorer, const GArray *path, bool settled)
{
    Checker *checker = checker_new();
    uint64_t seq = 0;
    for (size_t i = 0; i < locals_setup_count(explorer->locals); i++) {
        Name name;
        TraceEvent event = locals_setup(explorer->locals, i, &name);
        checker_add(checker, 0, seq++, 0, &name, &event);
    }
    for (guint i = 0; i < path->len; i++) {
        const ExploreMove *move = &g_array_index(path, ExploreMove, i);
        for (size_t k = 0; k < locals_trace_count(explorer->locals, move->traces); k++) {
            TraceEvent event = locals_trace(explorer->locals, move->traces, k);
            checker_add(checker, 0, seq++, i + 1, &locals_names(explorer->locals)[move->member],
                        &event);
        }
    }
    GPtrArray *violations = checker_judge(
        checker, (CheckOptions){
                     .whole = true, .settled = settled, .cash_survives = explorer->cash_survives});
    checker_free(checker);
    return violations;
}

GPtrArray *explorer_violations(Explorer *explorer)
{
    if (explorer->found == SEEN_NONE)
        return g_ptr_array_new();
    g_autoptr(GArray) path = explorer_path(explorer);
    return judge_path(explorer, path, explorer->at_rest);
}

/* Is nothing like it judged yet: that `member` says this, after what all have said before in the
 * cut? */
static bool is_news(Explorer *explorer, const Cut *cut, uint16_t member, uint32_t traces)
{
    uint16_t count = locals_members(explorer->locals);
    uint32_t news[STANDING_PEERS_MAX + 2];
    for (uint16_t i = 0; i < count; i++)
        news[i] = cuts_mind(explorer->cuts, cut, i)->history;
    news[count] = member;
    news[count + 1] = traces;
    uint32_t known = pool_count(explorer->judged);
    return pool_intern(explorer->judged, news, (count + 2u) * sizeof *news) == known;
}

/* Judges the past that ends in this cut, or with the move from it that is being tried. */
static void judge(Explorer *explorer, uint32_t number, bool at_rest)
{
    explorer->found = number;
    explorer->at_rest = at_rest;
    g_autoptr(GPtrArray) violations = explorer_violations(explorer);
    if (violations->len > 0) {
        explorer->result.end = EXPLORE_VIOLATION;
        return;
    }
    explorer->found = SEEN_NONE;
    explorer->at_rest = false;
}

/* Where moves of two members come together the order of the two is forgotten, and the checker may
 * object to one order alone: so each last move is judged after all that can come before it, and not
 * the cut that it leads to. */
static void judge_move(Explorer *explorer, uint16_t member, Move move)
{
    const Mind *mind = cuts_mind(explorer->cuts, &explorer->at, member);
    uint32_t traces = locals_step(explorer->locals, mind->core, move).traces;
    if (traces == 0 || !is_news(explorer, &explorer->at, member, traces))
        return;
    judge(explorer, (uint32_t)explorer->next, false);
    if (explorer->found != SEEN_NONE)
        explorer->result.depth++;
}

/* --- progress --- */

static bool may_wait(const Explorer *explorer, const Cut *cut)
{
    for (uint16_t i = 0; i < locals_members(explorer->locals); i++) {
        const LocalCore *core =
            locals_core(explorer->locals, cuts_mind(explorer->cuts, cut, i)->core);
        if (core->standing.cut_off)
            return true; /* it would go on, but for the bounds */
    }
    return false;
}

/* Nothing goes on in this cut but what users or crashes may begin. Either somebody waits in vain,
 * or all must be settled. */
static void check_rest(Explorer *explorer, uint32_t number)
{
    bool idle = true;
    uint16_t count = locals_members(explorer->locals);
    Cut cut = cut_at(explorer, number);
    for (uint16_t i = 0; i < count; i++)
        idle =
            idle && locals_core(explorer->locals, cuts_mind(explorer->cuts, &cut, i)->core)->idle;
    if (may_wait(explorer, &cut))
        return;
    if (!idle) {
        explorer->found = number;
        explorer->result.end = EXPLORE_STUCK;
    } else if (is_news(explorer, &cut, count, 0)) { /* nobody says anything */
        judge(explorer, number, true);
    }
}

GPtrArray *explorer_waiting(Explorer *explorer)
{
    GPtrArray *waiting = g_ptr_array_new_with_free_func(g_free);
    Cut real;
    Permutation to_real;
    if (explorer->found == SEEN_NONE)
        return waiting;
    g_array_unref(path_to(explorer, explorer->found, &real, &to_real)); /* only where it ends */
    for (uint16_t i = 0; i < locals_members(explorer->locals); i++) {
        char *why = locals_why(explorer->locals, cuts_mind(explorer->cuts, &real, i)->core);
        if (why != NULL)
            g_ptr_array_add(waiting, why);
    }
    return waiting;
}

/* --- the search --- */

static bool try_move(Explorer *explorer, uint16_t member, Move move, Used used)
{
    Cut next;
    unsigned permutation;
    explorer->member = member;
    explorer->move = move;
    if (!cuts_move(explorer->cuts, &explorer->at, member, move, used, &next))
        return false;
    explorer->result.states++;
    judge_move(explorer, member, move);
    next = cuts_least(explorer->cuts, &next, &permutation);
    seen_add(explorer->seen, next.parts, (uint32_t)explorer->next, member, move);
    return true;
}

/* All moves of one member; true: there was one that comes by itself. */
static bool try_member(Explorer *explorer, uint16_t member)
{
    const Mind mind = *cuts_mind(explorer->cuts, &explorer->at, member);
    const LocalCore *core = locals_core(explorer->locals, mind.core);
    uint16_t count = locals_members(explorer->locals);
    bool moved = false;
    Used totals = {0};
    for (uint16_t i = 0; i < count; i++)
        program_add(explorer->program, &totals, i,
                    &cuts_mind(explorer->cuts, &explorer->at, i)->used);
    g_autoptr(GArray) offers =
        program_offers(explorer->program, member, &mind.used, &totals, core->standing.commands);
    for (guint i = 0; i < offers->len && explorer->found == SEEN_NONE; i++) {
        Move move = g_array_index(offers, Move, i);
        try_move(explorer, member, move, program_used(explorer->program, &mind, move));
    }
    uint32_t timers = locals_timers(explorer->locals, mind.core);
    for (uint32_t timer = 0; timers >> timer != 0; timer++) {
        if ((timers >> timer & 1) != 0 && explorer->found == SEEN_NONE)
            moved = try_move(explorer, member, move_of(MOVE_TIMER, timer), mind.used) || moved;
    }
    for (uint16_t from = 0; from < count; from++) {
        size_t mails = 0;
        if (from != member)
            cuts_box(explorer->cuts, &explorer->at, from, member, &mails);
        for (size_t i = 0; i < mails && explorer->found == SEEN_NONE; i++) {
            uint32_t mail = cuts_box(explorer->cuts, &explorer->at, from, member, &mails)[i];
            moved = try_move(explorer, member, move_of(MOVE_MAIL, mail), mind.used) || moved;
        }
    }
    return moved;
}

static uint64_t bytes(const Explorer *explorer)
{
    return locals_bytes(explorer->locals) + cuts_bytes(explorer->cuts) +
           seen_bytes(explorer->seen) + pool_bytes(explorer->judged);
}

static void look_at_next(Explorer *explorer)
{
    bool moved = false;
    if (explorer->next == explorer->level_end) {
        explorer->result.depth++;
        explorer->level_end = seen_count(explorer->seen);
    }
    explorer->at = cut_at(explorer, (uint32_t)explorer->next);
    for (uint16_t i = 0; i < locals_members(explorer->locals); i++)
        moved = try_member(explorer, i) || moved;
    if (explorer->found != SEEN_NONE)
        return;
    explorer->move = MOVE_NONE;
    if (!moved)
        check_rest(explorer, (uint32_t)explorer->next);
    explorer->next++;
}

bool explorer_advance(Explorer *explorer, uint64_t cuts)
{
    for (uint64_t i = 0; i < cuts && explorer->result.end == EXPLORE_ON; i++) {
        if (explorer->next == seen_count(explorer->seen))
            explorer->result.end = EXPLORE_COMPLETE;
        else if (seen_count(explorer->seen) >= MIN(explorer->options.states_max, SEEN_MAX))
            explorer->result.end = EXPLORE_STATES;
        else if (i % 1024 == 0 && bytes(explorer) > explorer->options.bytes_max)
            explorer->result.end = EXPLORE_MEMORY;
        else
            look_at_next(explorer);
    }
    return explorer->result.end == EXPLORE_ON;
}

ExploreResult explorer_result(const Explorer *explorer)
{
    ExploreResult result = explorer->result;
    result.distinct = seen_count(explorer->seen);
    result.frontier = result.distinct - explorer->next;
    result.cores = locals_core_count(explorer->locals);
    result.steps = locals_steps(explorer->locals);
    result.bytes = bytes(explorer);
    result.judged = pool_count(explorer->judged);
    return result;
}

/* --- for tests --- */

static int compare_words(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void explorer_fingerprint(Explorer *explorer, GArray *out)
{
    uint16_t count = locals_members(explorer->locals);
    unsigned permutations = cuts_permutation_count(explorer->cuts);
    for (uint32_t number = 0; number < seen_count(explorer->seen); number++) {
        Cut cut = cut_at(explorer, number);
        for (unsigned k = 0; k < permutations; k++) {
            const Permutation *permutation = cuts_permutation(explorer->cuts, k);
            uint64_t words[STANDING_PEERS_MAX];
            for (uint16_t i = 0; i < count; i++) {
                uint32_t core =
                    cuts_core_image(explorer->cuts, cuts_mind(explorer->cuts, &cut, i)->core, k);
                words[permutation->to[i]] = locals_hash(explorer->locals, core);
            }
            uint64_t word = XXH3_64bits(words, count * sizeof *words);
            g_array_append_val(out, word);
        }
    }
    if (out->len > 0)
        qsort(out->data, out->len, sizeof(uint64_t), compare_words);
    guint kept = 0;
    for (guint i = 0; i < out->len; i++) {
        uint64_t word = g_array_index(out, uint64_t, i);
        if (kept == 0 || g_array_index(out, uint64_t, kept - 1) != word)
            g_array_index(out, uint64_t, kept++) = word;
    }
    g_array_set_size(out, kept);
}
