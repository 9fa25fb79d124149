#include "sim/explore_cut.h"

#include <string.h>

#include "core/panic.h"

enum { BOX_MAX = 512, STEP_DEEDS_MAX = 64 };

/* A set of mails, in order. */
typedef struct Box {
    uint32_t mails[BOX_MAX];
    size_t count;
} Box;

/* A cut being worked on. */
typedef struct Work {
    Mind minds[STANDING_PEERS_MAX];
    const Standing *standings[STANDING_PEERS_MAX];
    Box boxes[STANDING_PEERS_MAX][STANDING_PEERS_MAX];
    bool touched[STANDING_PEERS_MAX][STANDING_PEERS_MAX];
    bool steady;
} Work;

struct Cuts {
    Locals *locals;
    uint16_t count;
    CutOptions options;
    Histories *histories;
    PairMap *history_steps; /* by history and traces */
    Pool *minds;
    Pool *boxes;
    Permutation permutations[PERMUTATIONS_MAX];
    unsigned permutation_count;
    GArray *core_images[PERMUTATIONS_MAX]; /* of uint32_t, by number */
    GArray *mind_images[PERMUTATIONS_MAX];
    GArray *box_images[PERMUTATIONS_MAX];
    Work work;
};

/* --- the object --- */

static void add_permutations(Cuts *cuts, Permutation *permutation, unsigned fixed)
{
    if (fixed == cuts->count) {
        cuts->permutations[cuts->permutation_count++] = *permutation;
        return;
    }
    INVARIANT_THAT(fixed, <, G_N_ELEMENTS(permutation->to));
    for (uint16_t to = 0; to < cuts->count; to++) {
        bool taken = false;
        for (unsigned i = 0; i < fixed; i++)
            taken = taken || permutation->to[i] == to;
        if (taken)
            continue;
        permutation->to[fixed] = (uint8_t)to;
        add_permutations(cuts, permutation, fixed + 1);
    }
}

Cuts *cuts_new(Locals *locals, CutOptions options)
{
    Cuts *cuts = g_new0(Cuts, 1);
    Permutation permutation = {{0}};
    cuts->locals = locals;
    cuts->count = locals_members(locals);
    cuts->options = options;
    cuts->histories = histories_new(!options.reduction);
    cuts->history_steps = pair_map_new();
    cuts->minds = pool_new();
    cuts->boxes = pool_new();
    add_permutations(cuts, &permutation, 0); /* the first one permutes nothing */
    if (!options.symmetry)
        cuts->permutation_count = 1;
    for (unsigned i = 0; i < cuts->permutation_count; i++) {
        cuts->core_images[i] = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        cuts->mind_images[i] = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        cuts->box_images[i] = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    }
    return cuts;
}

void cuts_free(Cuts *cuts)
{
    for (unsigned i = 0; i < cuts->permutation_count; i++) {
        g_array_unref(cuts->core_images[i]);
        g_array_unref(cuts->mind_images[i]);
        g_array_unref(cuts->box_images[i]);
    }
    pool_free(cuts->boxes);
    pool_free(cuts->minds);
    pair_map_free(cuts->history_steps);
    histories_free(cuts->histories);
    g_free(cuts);
}

unsigned cuts_width(const Cuts *cuts)
{
    return (unsigned)cuts->count * cuts->count;
}

uint64_t cuts_bytes(const Cuts *cuts)
{
    uint64_t bytes = pool_bytes(cuts->minds) + pool_bytes(cuts->boxes) +
                     histories_bytes(cuts->histories) + pair_map_bytes(cuts->history_steps);
    for (unsigned i = 0; i < cuts->permutation_count; i++)
        bytes += (cuts->core_images[i]->len + cuts->mind_images[i]->len +
                  (uint64_t)cuts->box_images[i]->len) *
                 sizeof(uint32_t);
    return bytes;
}

/* Where in a cut the box is. */
static unsigned box_part(const Cuts *cuts, uint16_t from, uint16_t to)
{
    unsigned others = (unsigned)cuts->count - 1;
    return cuts->count + from * others + to - (to > from);
}

const Mind *cuts_mind(const Cuts *cuts, const Cut *cut, uint16_t member)
{
    return pool_get(cuts->minds, cut->parts[member], NULL);
}

const uint32_t *cuts_box(const Cuts *cuts, const Cut *cut, uint16_t from, uint16_t to,
                         size_t *count)
{
    size_t length;
    const uint32_t *mails = pool_get(cuts->boxes, cut->parts[box_part(cuts, from, to)], &length);
    *count = length / sizeof *mails;
    return mails;
}

/* --- boxes --- */

static bool box_add(Box *box, uint32_t mail)
{
    size_t at = box->count;
    while (at > 0 && box->mails[at - 1] > mail)
        at--;
    if (at > 0 && box->mails[at - 1] == mail)
        return false;
    INVARIANT_THAT(box->count, <, BOX_MAX);
    memmove(&box->mails[at + 1], &box->mails[at], (box->count - at) * sizeof *box->mails);
    box->mails[at] = mail;
    box->count++;
    return true;
}

/* Does delivering `rest` do what delivering the whole does? The rules of explore_mail.h are not
 * taken at their word. */
static bool same_effect(Cuts *cuts, uint32_t core, uint32_t mail, uint32_t rest)
{
    LocalStep whole = locals_step(cuts->locals, core, move_of(MOVE_MAIL, mail));
    if (rest == MAIL_DEAD)
        return local_step_only_sends(core, whole);
    LocalStep less = locals_step(cuts->locals, core, move_of(MOVE_MAIL, rest));
    return whole.core == less.core && whole.traces == less.traces;
}

/* What is left of a mail where its ends stand as they do in the work. */
static uint32_t alive(Cuts *cuts, uint32_t mail, uint16_t from, uint16_t to)
{
    const Work *work = &cuts->work;
    if (!cuts->options.reduction)
        return mail;
    uint32_t rest = mails_alive(locals_mails(cuts->locals), mail, work->standings[from],
                                work->standings[to], work->steady);
    if (rest == mail || same_effect(cuts, work->minds[to].core, mail, rest))
        return rest;
    return mail;
}

static bool work_add(Cuts *cuts, uint16_t from, uint32_t mail)
{
    uint16_t to = mails_to(locals_mails(cuts->locals), mail);
    uint32_t rest = alive(cuts, mail, from, to);
    if (rest == MAIL_DEAD || !box_add(&cuts->work.boxes[from][to], rest))
        return false;
    cuts->work.touched[from][to] = true;
    return true;
}

static void work_send(Cuts *cuts, uint16_t from, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        work_add(cuts, from, locals_sent(cuts->locals, first)[i]);
}

/* Leaves out what is dead, now that one of its ends has changed. */
static void sweep(Cuts *cuts, uint16_t from, uint16_t to)
{
    Box *box = &cuts->work.boxes[from][to];
    Box old = {.count = box->count};
    memcpy(old.mails, box->mails, box->count * sizeof *box->mails);
    box->count = 0;
    for (size_t i = 0; i < old.count; i++) {
        uint32_t rest = alive(cuts, old.mails[i], from, to);
        if (rest != MAIL_DEAD)
            box_add(box, rest);
    }
}

/* Takes the steps that only send, those of one box; true: there was something new. */
static bool answer_box(Cuts *cuts, uint16_t from, uint16_t to)
{
    bool changed = false;
    Box box;
    const Box *now = &cuts->work.boxes[from][to];
    uint32_t core = cuts->work.minds[to].core;
    cuts->work.touched[from][to] = false;
    box.count = now->count;
    memcpy(box.mails, now->mails, now->count * sizeof *now->mails);
    for (size_t i = 0; i < box.count; i++) {
        LocalStep step = locals_step(cuts->locals, core, move_of(MOVE_MAIL, box.mails[i]));
        if (!local_step_only_sends(core, step))
            continue;
        for (uint32_t k = 0; k < step.sent_count; k++)
            changed = work_add(cuts, to, locals_sent(cuts->locals, step.sent)[k]) || changed;
    }
    return changed;
}

/* Everything that only sends happens, now that the core of this member has changed. */
static void settle(Cuts *cuts, uint16_t member)
{
    bool changed = cuts->options.reduction;
    uint32_t count = 0;
    if (changed)
        locals_repeats(cuts->locals, cuts->work.minds[member].core, &count);
    for (uint32_t i = 0; i < count; i++)
        work_add(cuts, member,
                 locals_repeats(cuts->locals, cuts->work.minds[member].core, &count)[i]);
    for (uint16_t from = 0; from < cuts->count; from++)
        cuts->work.touched[from][member] = from != member;
    while (changed) {
        changed = false;
        for (uint16_t from = 0; from < cuts->count; from++) {
            for (uint16_t to = 0; to < cuts->count; to++) {
                if (from != to && cuts->work.touched[from][to])
                    changed = answer_box(cuts, from, to) || changed;
            }
        }
    }
}

/* --- cuts --- */

static void load(Cuts *cuts, const Cut *cut)
{
    Work *work = &cuts->work;
    for (uint16_t from = 0; from < cuts->count; from++) {
        work->minds[from] = *cuts_mind(cuts, cut, from);
        for (uint16_t to = 0; to < cuts->count; to++) {
            work->touched[from][to] = false;
            if (to == from)
                continue;
            size_t count;
            const uint32_t *mails = cuts_box(cuts, cut, from, to, &count);
            work->boxes[from][to].count = count;
            memcpy(work->boxes[from][to].mails, mails, count * sizeof *mails);
        }
    }
}

/* Where everybody stands. */
static void look(Cuts *cuts)
{
    Work *work = &cuts->work;
    uint64_t crashes = 0;
    for (uint16_t i = 0; i < cuts->count; i++) {
        crashes += work->minds[i].used.crashes;
        work->standings[i] = &locals_core(cuts->locals, work->minds[i].core)->standing;
    }
    work->steady = crashes >= cuts->options.crashes_max;
}

/* Nobody will crash any more: what is on disk does not matter. */
static void forget_disks(Cuts *cuts)
{
    for (uint16_t i = 0; i < cuts->count; i++)
        cuts->work.minds[i].core = locals_without_disk(cuts->locals, cuts->work.minds[i].core);
    look(cuts);
}

static Cut store(Cuts *cuts)
{
    Work *work = &cuts->work;
    Cut cut = {{0}};
    for (uint16_t from = 0; from < cuts->count; from++) {
        cut.parts[from] = pool_intern(cuts->minds, &work->minds[from], sizeof(Mind));
        for (uint16_t to = 0; to < cuts->count; to++) {
            const Box *box = &work->boxes[from][to];
            if (to != from)
                cut.parts[box_part(cuts, from, to)] =
                    pool_intern(cuts->boxes, box->mails, box->count * sizeof *box->mails);
        }
    }
    return cut;
}

Cut cuts_first(Cuts *cuts)
{
    Work *work = &cuts->work;
    *work = (Work){0};
    for (uint16_t i = 0; i < cuts->count; i++)
        work->minds[i].core = locals_first(cuts->locals, i);
    look(cuts);
    for (uint16_t i = 0; i < cuts->count; i++)
        settle(cuts, i);
    return store(cuts);
}

static uint32_t next_history(Cuts *cuts, uint32_t history, uint32_t traces)
{
    uint32_t next = pair_map_get(cuts->history_steps, history, traces);
    if (next != POOL_NONE || traces == 0)
        return traces == 0 ? history : next;
    size_t count = locals_trace_count(cuts->locals, traces);
    Deed deeds[STEP_DEEDS_MAX];
    INVARIANT_THAT(count, <=, STEP_DEEDS_MAX);
    for (size_t i = 0; i < count; i++) {
        TraceEvent event = locals_trace(cuts->locals, traces, i);
        deeds[i] = deed_of(&event, locals_names(cuts->locals), cuts->count);
    }
    next = histories_add(cuts->histories, history, deeds, count);
    pair_map_put(cuts->history_steps, history, traces, next);
    return next;
}

bool cuts_move(Cuts *cuts, const Cut *cut, uint16_t member, Move move, Used used, Cut *next)
{
    Mind mind = *cuts_mind(cuts, cut, member);
    LocalStep step = locals_step(cuts->locals, mind.core, move);
    bool same = memcmp(&used, &mind.used, sizeof used) == 0;
    if (step.core == POOL_NONE)
        return false;
    if (same && local_step_only_sends(mind.core, step) &&
        (cuts->options.reduction || step.sent_count == 0))
        return false; /* has happened, or does nothing */
    load(cuts, cut);
    look(cuts);
    bool was_steady = cuts->work.steady;
    mind.core = step.core;
    mind.history = next_history(cuts, mind.history, step.traces);
    mind.used = used;
    cuts->work.minds[member] = mind;
    look(cuts);
    if (cuts->work.steady && !was_steady)
        forget_disks(cuts);
    for (uint16_t i = 0; i < cuts->count && cuts->options.reduction; i++) {
        for (uint16_t k = 0; k < cuts->count; k++) {
            if (i != k && (i == member || k == member || was_steady != cuts->work.steady))
                sweep(cuts, i, k);
        }
    }
    work_send(cuts, member, step.sent, step.sent_count);
    settle(cuts, member);
    *next = store(cuts);
    return !cuts->options.reduction ? memcmp(next, cut, cuts_width(cuts) * sizeof(uint32_t)) != 0
                                    : true;
}

/* --- symmetry --- */

static uint32_t *image_of(GArray *images, uint32_t number)
{
    if (images->len <= number) {
        guint old = images->len;
        g_array_set_size(images, number + number / 2 + 64);
        memset(&g_array_index(images, uint32_t, old), 0xff, (images->len - old) * sizeof(uint32_t));
    }
    return &g_array_index(images, uint32_t, number);
}

uint32_t cuts_core_image(Cuts *cuts, uint32_t core, unsigned permutation)
{
    return permutation == 0
               ? core
               : locals_core_image(cuts->locals, core, &cuts->permutations[permutation],
                                   cuts->core_images[permutation]);
}

static uint32_t mind_image(Cuts *cuts, uint32_t number, unsigned permutation)
{
    uint32_t image = *image_of(cuts->mind_images[permutation], number);
    if (image != POOL_NONE)
        return image;
    Mind mind = *(const Mind *)pool_get(cuts->minds, number, NULL);
    mind.core = cuts_core_image(cuts, mind.core, permutation);
    mind.history = histories_image(cuts->histories, mind.history, &cuts->permutations[permutation]);
    image = pool_intern(cuts->minds, &mind, sizeof mind);
    *image_of(cuts->mind_images[permutation], number) = image;
    return image;
}

static uint32_t box_image(Cuts *cuts, uint32_t number, unsigned permutation)
{
    uint32_t image = *image_of(cuts->box_images[permutation], number);
    if (image != POOL_NONE)
        return image;
    size_t length;
    const uint32_t *mails = pool_get(cuts->boxes, number, &length);
    Box box = {.count = 0};
    for (size_t i = 0; i < length / sizeof *mails; i++)
        box_add(&box, mails_image(locals_mails(cuts->locals), mails[i],
                                  &cuts->permutations[permutation]));
    image = pool_intern(cuts->boxes, box.mails, box.count * sizeof *box.mails);
    *image_of(cuts->box_images[permutation], number) = image;
    return image;
}

static Cut cut_image(Cuts *cuts, const Cut *cut, unsigned permutation)
{
    const uint8_t *to = cuts->permutations[permutation].to;
    Cut image = {{0}};
    for (uint16_t i = 0; i < cuts->count; i++) {
        image.parts[to[i]] = mind_image(cuts, cut->parts[i], permutation);
        for (uint16_t k = 0; k < cuts->count; k++) {
            if (k != i)
                image.parts[box_part(cuts, to[i], to[k])] =
                    box_image(cuts, cut->parts[box_part(cuts, i, k)], permutation);
        }
    }
    return image;
}

static bool less(const Cut *a, const Cut *b, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        if (a->parts[i] != b->parts[i])
            return a->parts[i] < b->parts[i];
    }
    return false;
}

Cut cuts_least(Cuts *cuts, const Cut *cut, unsigned *permutation)
{
    Cut least = *cut;
    *permutation = 0;
    for (unsigned i = 1; i < cuts->permutation_count; i++) {
        Cut image = cut_image(cuts, cut, i);
        if (less(&image, &least, cuts_width(cuts))) {
            least = image;
            *permutation = i;
        }
    }
    return least;
}

unsigned cuts_permutation_count(const Cuts *cuts)
{
    return cuts->permutation_count;
}

const Permutation *cuts_permutation(const Cuts *cuts, unsigned permutation)
{
    return &cuts->permutations[permutation];
}
