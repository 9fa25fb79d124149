/* Drawing anew: small worlds with a few commands of the kinds there are, and the faults of the
 * kinds there are. Whatever fails in the same way is recorded, and shrunk in its turn. */
#include "sim/shrink_state.h"

#include <inttypes.h>
#include <string.h>

#include "sim/random.h"
#include "sim/value_text.h"

enum {
    TRIES = 256,     /* of a round */
    TAKEN_MAX = 4,   /* failures of a round that are shrunk */
    ROUNDS_MAX = 64, /* all in all */
    /* Rounds in vain, one after the other; more, while there are more choices than this. */
    IN_VAIN_MAX = 3,
    LARGE = 8,
    LARGE_IN_VAIN_MAX = 16,
    ENTRIES_MAX = 10,  /* of a script that is drawn */
    ENTRIES_KEPT = 24, /* a script of more is not worth to be tried again as it is */
    DEVIATIONS_MAX = 6,
    DATAGRAM_MAX = 12, /* the last that may be deviant */
    CUSTOMERS_FEW = 3,
    NAMES_MAX = 8 /* in one entry */
};

/* What there is in the schedule that is drawn from; what is not there is not drawn. */
typedef struct Kinds {
    bool network;
    bool deaths; /* at a write */
    bool damage; /* by a crash */
    bool disk_faults;
    bool flips;
    bool clocks;
    GPtrArray *entries; /* of DraftLine: of the script, ... */
    GPtrArray *verbs;   /* ... of each verb the first */
} Kinds;

static void note_choice(Kinds *kinds, const DraftLine *line)
{
    bool fault = g_str_has_prefix(line->value, "error") || g_str_has_prefix(line->value, "full");
    kinds->network = kinds->network || strchr(line->key, '>') != NULL;
    kinds->deaths = kinds->deaths || strstr(line->key, " write ") != NULL;
    kinds->damage = kinds->damage || strstr(line->key, " crash ") != NULL;
    kinds->flips = kinds->flips || strstr(line->key, " flip ") != NULL;
    kinds->clocks = kinds->clocks || strstr(line->key, " clock ") != NULL ||
                    strstr(line->key, " drift") != NULL;
    kinds->disk_faults = kinds->disk_faults || (strstr(line->key, " disk ") != NULL && fault);
}

static const char *verb_of(const DraftLine *line)
{
    const char *blank = strchr(line->value, ' ');
    return blank != NULL ? blank + 1 : line->value;
}

static bool same_verb(const DraftLine *a, const DraftLine *b)
{
    size_t length = strcspn(verb_of(a), " ");
    return length == strcspn(verb_of(b), " ") && strncmp(verb_of(a), verb_of(b), length) == 0;
}

static void note_entry(Kinds *kinds, const DraftLine *line)
{
    g_ptr_array_add(kinds->entries, (void *)line);
    for (guint i = 0; i < kinds->verbs->len; i++) {
        if (same_verb(g_ptr_array_index(kinds->verbs, i), line))
            return;
    }
    g_ptr_array_add(kinds->verbs, (void *)line);
}

static Kinds kinds_of(const Draft *draft)
{
    Kinds kinds = {.entries = g_ptr_array_new(), .verbs = g_ptr_array_new()};
    for (guint i = 0; i < draft->lines->len; i++) {
        const DraftLine *line = draft_line(draft, i);
        if (line->part == DRAFT_CHOICE)
            note_choice(&kinds, line);
        else if (line->part == DRAFT_SCRIPT)
            note_entry(&kinds, line);
    }
    return kinds;
}

static void kinds_deinit(Kinds *kinds)
{
    g_ptr_array_unref(kinds->entries);
    g_ptr_array_unref(kinds->verbs);
}

/* --- one try --- */

static const char *pick(uint64_t *state, const char *const *texts, size_t count)
{
    return texts[random_below(state, count)];
}

#define PICK(state, ...)                                                                           \
    pick((state), (const char *const[]){__VA_ARGS__},                                              \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* What comes of rates: a network that is rough all the time, and whatever else there was. */
static void draw_rates(Draft *draft, const Kinds *kinds, uint64_t *state)
{
    draft->schedule = false;
    if (kinds->network) {
        draft_set(draft, "network", "loss", PICK(state, "0%", "5%", "20%", "50%"));
        draft_set(draft, "network", "duplicate", PICK(state, "0%", "10%", "50%"));
        draft_set(draft, "network", "delay",
                  PICK(state, "constant 10ms", "uniform 1ms 100ms", "exponential 10ms",
                       "exponential 60ms", "lognormal 20ms 2", "lognormal 20ms 2.5"));
    }
    if (kinds->entries->len > 0)
        draft_set(draft, "faults", "restart_after",
                  PICK(state, "constant 1ms", "constant 10ms", "constant 100ms", "constant 1s"));
    if (kinds->deaths)
        draft_set(draft, "faults", "crash_at_save", PICK(state, "2%", "5%", "20%"));
    if (kinds->deaths || kinds->damage)
        draft_set(draft, "disk", "fsync_delay",
                  PICK(state, "constant 0s", "constant 3ms", "constant 30ms"));
    if (kinds->damage) {
        draft_set(draft, "disk", "lost_unsynced", PICK(state, "0%", "50%", "100%"));
        draft_set(draft, "disk", "torn_write", PICK(state, "0%", "50%"));
    }
    if (kinds->disk_faults) {
        draft_set(draft, "disk", "error_rate", PICK(state, "0%", "1%"));
        draft_set(draft, "disk", "full_rate", PICK(state, "0%", "1%"));
    }
    if (kinds->flips)
        draft_set(draft, "disk", "bit_flip_rate", PICK(state, "50%", "100%"));
    if (kinds->clocks)
        draft_set(draft, "faults", "clock_drift", PICK(state, "0.01%", "10%"));
}

static char *draw_process(uint64_t customers, uint64_t *state)
{
    return random_below(state, 6) == 0
               ? g_strdup("bank")
               : g_strdup_printf("c%" PRIu64, 1 + random_below(state, customers));
}

static void deviate(Draft *draft, const char *from, const char *to, uint64_t number,
                    const char *fate)
{
    char *key = g_strdup_printf("%s>%s %" PRIu64, from, to, number);
    if (!draft_has_choice(draft, key))
        draft_add_choice(draft, key, fate);
    g_free(key);
}

/* A network that is smooth, but for a few datagrams, alone or one after the other, and those
 * deviate greatly. */
static void draw_deviations(Draft *draft, uint64_t customers, uint64_t *state)
{
    uint64_t count = 1 + random_below(state, DEVIATIONS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        char *from = draw_process(customers, state);
        char *to = draw_process(customers, state);
        uint64_t number = 1 + random_below(state, 1 + random_below(state, DATAGRAM_MAX));
        uint64_t last = number + random_below(state, 1 + random_below(state, DATAGRAM_MAX));
        const char *fate = PICK(state, "lost", "lost", "0s", "100ms", "1s", "3s", "10ms 100ms",
                                "10ms 1s", "10ms 3s");
        for (; strcmp(from, to) != 0 && number <= last; number++)
            deviate(draft, from, to, number, fate);
        g_free(from);
        g_free(to);
    }
}

static void set_number(Draft *draft, const char *group, const char *key, uint64_t number)
{
    char *text = g_strdup_printf("%" PRIu64, number);
    draft_set(draft, group, key, text);
    g_free(text);
}

static uint64_t draw_customers(Draft *draft, uint64_t *state)
{
    uint64_t customers = draft_get_number(draft, "bank", "customers", CUSTOMERS_FEW);
    if (draft_get(draft, "bank", "data") != NULL)
        return customers;
    uint64_t fewest = MIN(customers, 2);
    customers = draw_uniform(state, fewest, MIN(customers, CUSTOMERS_FEW + random_below(state, 2)));
    set_number(draft, "bank", "customers", customers);
    return customers;
}

/* Who is called what in an entry that is taken over. */
typedef struct Cast {
    uint64_t customers;
    size_t count;
    uint64_t before[NAMES_MAX];
    uint64_t after[NAMES_MAX];
} Cast;

static bool is_cast(const Cast *cast, uint64_t customer)
{
    for (size_t i = 0; i < cast->count; i++) {
        if (cast->after[i] == customer)
            return true;
    }
    return false;
}

/* 0: there are not enough. */
static uint64_t cast_customer(Cast *cast, uint64_t before, uint64_t *state)
{
    for (size_t i = 0; i < cast->count; i++) {
        if (cast->before[i] == before)
            return cast->after[i];
    }
    if (cast->count == MIN(cast->customers, NAMES_MAX))
        return 0;
    uint64_t after = 1 + random_below(state, cast->customers);
    while (is_cast(cast, after))
        after = 1 + after % cast->customers;
    cast->before[cast->count] = before;
    cast->after[cast->count++] = after;
    return after;
}

/* The entry with other customers, all different where they were. To be freed; NULL: there are not
 * enough. */
static char *recast(const char *entry, uint64_t customers, uint64_t *state)
{
    Cast cast = {.customers = customers};
    GString *out = g_string_new(NULL);
    bool begins = true;
    for (const char *at = entry; *at != '\0';) {
        uint64_t before = 0;
        char *end = (char *)at;
        if (begins && *at == 'c' && g_ascii_isdigit(at[1]))
            before = g_ascii_strtoull(at + 1, &end, 10);
        begins = *at == ' ' || *at == ',';
        if (before == 0) {
            g_string_append_c(out, *at++);
            continue;
        }
        uint64_t after = cast_customer(&cast, before, state);
        if (after == 0) {
            g_string_free(out, TRUE);
            return NULL;
        }
        g_string_append_printf(out, "c%" PRIu64, after);
        at = end;
    }
    return g_string_free(out, FALSE);
}

static uint64_t draw_gap(uint64_t *state)
{
    static const uint64_t gaps_ms[] = {0, 1, 3, 10, 20, 30, 60, 100, 300, 1000, 3000};
    return gaps_ms[random_below(state, G_N_ELEMENTS(gaps_ms))] * NS_PER_MS;
}

/* The script as it was, perhaps without one entry, perhaps at other times. */
static void draw_again(Draft *draft, const Kinds *kinds, uint64_t *state)
{
    guint left_out = (guint)random_below(state, 2 * (uint64_t)kinds->entries->len);
    bool times = random_below(state, 2) == 0;
    uint64_t now_ns = NS_PER_MS;
    for (guint i = 0; i < kinds->entries->len; i++) {
        const DraftLine *line = g_ptr_array_index(kinds->entries, i);
        if (i != left_out)
            draft_add_script(draft, times ? now_ns : line->time_ns, line->value);
        now_ns += draw_gap(state);
    }
}

/* Who crashes is started again. */
static void add_entry(Draft *draft, uint64_t now_ns, const char *entry, uint64_t *state)
{
    draft_add_script(draft, now_ns, entry);
    if (!g_str_has_suffix(entry, " crash"))
        return;
    static const uint64_t downs_ms[] = {1, 10, 100, 1000};
    uint64_t down_ms = downs_ms[random_below(state, G_N_ELEMENTS(downs_ms))];
    char *restart = g_strdup_printf("%.*s restart", (int)strcspn(entry, " "), entry);
    draft_add_script(draft, now_ns + down_ms * NS_PER_MS, restart);
    g_free(restart);
}

/* Every other verb, as it comes: what needs three of them is found where the rest is missing. */
static GPtrArray *draw_verbs(const Kinds *kinds, uint64_t *state)
{
    GPtrArray *verbs = g_ptr_array_new();
    for (guint i = 0; i < kinds->verbs->len; i++) {
        const DraftLine *line = g_ptr_array_index(kinds->verbs, i);
        if (random_below(state, 2) == 0 && !g_str_has_suffix(line->value, " restart"))
            g_ptr_array_add(verbs, (void *)line);
    }
    return verbs;
}

/* An entry with one of the verbs: the first of its kind, or now and then another. */
static const DraftLine *draw_entry(const Kinds *kinds, const GPtrArray *verbs, uint64_t *state)
{
    const DraftLine *first = g_ptr_array_index(verbs, random_below(state, verbs->len));
    const DraftLine *other =
        g_ptr_array_index(kinds->entries, random_below(state, kinds->entries->len));
    return same_verb(first, other) ? other : first;
}

static void draw_script(Draft *draft, const Kinds *kinds, uint64_t customers, uint64_t *state)
{
    uint64_t most = MIN(kinds->entries->len + 1, ENTRIES_MAX);
    uint64_t count = draw_uniform(state, 1, most);
    uint64_t now_ns = NS_PER_MS;
    GPtrArray *verbs = draw_verbs(kinds, state);
    for (uint64_t i = 0; i < count && verbs->len > 0; i++) {
        char *entry = recast(draw_entry(kinds, verbs, state)->value, customers, state);
        if (entry != NULL)
            add_entry(draft, now_ns, entry, state);
        now_ns += draw_gap(state);
        g_free(entry);
    }
    g_ptr_array_unref(verbs);
}

/* Most of what was chosen. */
static void keep_choices(Draft *draft, const Draft *best, uint64_t *state)
{
    for (guint i = 0; i < best->lines->len; i++) {
        const DraftLine *line = draft_line(best, i);
        if (line->part == DRAFT_CHOICE && random_below(state, 4) > 0)
            draft_add_choice(draft, line->key, line->value);
    }
}

static Draft *draw_try(const Shrink *shrink, const Kinds *kinds, uint64_t number)
{
    uint64_t state = stream_start(number, STREAM_NETWORK, 0);
    Draft *draft = draft_copy(shrink->best);
    draft_clear(draft, DRAFT_CHOICE);
    draft_clear(draft, DRAFT_SCRIPT);
    set_number(draft, "scenario", "seed", 1 + random_below(&state, 1000000));
    uint64_t customers = draft_get_number(draft, "bank", "customers", CUSTOMERS_FEW);
    bool again = kinds->entries->len > 0 && kinds->entries->len <= ENTRIES_KEPT &&
                 random_below(&state, 2) == 0;
    bool keep = again && random_below(&state, 3) == 0;
    if (again) {
        draw_again(draft, kinds, &state);
    } else {
        customers = draw_customers(draft, &state);
        draw_script(draft, kinds, customers, &state);
    }
    bool rates =
        kinds->deaths || kinds->damage || kinds->disk_faults || kinds->flips || kinds->clocks;
    if (keep)
        keep_choices(draft, shrink->best, &state);
    else if (random_below(&state, 4) >= (rates ? 1 : 2))
        draw_rates(draft, kinds, &state);
    else if (kinds->network)
        draw_deviations(draft, customers, &state);
    GString *duration = g_string_new(NULL);
    value_write_time(draft_end_ns(draft) + 10 * NS_PER_MS + 3 * draw_gap(&state), duration);
    draft_set(draft, "scenario", "duration", duration->str);
    g_string_free(duration, TRUE);
    return draft;
}

/* --- a round --- */

/* What the recorded run can be made to, if it is better than the best. */
static bool take_recorded(Shrink *shrink, const char *text)
{
    const Judge *judge = shrink->judge;
    char *schedule = judge->record(judge->context, text);
    if (schedule == NULL)
        return false;
    bool better = false;
    if (judge->first(judge->context, &schedule, 1, shrink->like) == 0) {
        Shrink other = {.judge = judge, .like = shrink->like, .best = shrink_read(schedule)};
        shrink_take_away(&other);
        better = draft_choices(other.best) < draft_choices(shrink->best);
        Draft *worse = better ? shrink->best : other.best;
        if (better)
            shrink->best = other.best;
        draft_free(worse);
    }
    g_free(schedule);
    return better;
}

static bool run_round(Shrink *shrink, uint64_t round)
{
    Kinds kinds = kinds_of(shrink->best);
    char **texts = g_new0(char *, TRIES + 1);
    for (uint64_t i = 0; i < TRIES; i++) {
        Draft *draft = draw_try(shrink, &kinds, round * TRIES + i);
        texts[i] = draft_write(draft);
        draft_free(draft);
    }
    kinds_deinit(&kinds);
    const Judge *judge = shrink->judge;
    bool better = false;
    size_t at = 0;
    for (int taken = 0; taken < TAKEN_MAX && !shrink_enough(shrink, "drawing anew"); taken++) {
        at += judge->first(judge->context, texts + at, TRIES - at, shrink->like);
        if (at == TRIES)
            break;
        better = take_recorded(shrink, texts[at++]) || better;
    }
    g_strfreev(texts);
    return better;
}

bool shrink_redraw(Shrink *shrink)
{
    bool better = false;
    int in_vain = 0;
    for (uint64_t round = 0; round < ROUNDS_MAX; round++) {
        size_t choices = draft_choices(shrink->best);
        if (choices <= 1 || in_vain == (choices > LARGE ? LARGE_IN_VAIN_MAX : IN_VAIN_MAX) ||
            shrink_enough(shrink, "drawing anew"))
            break;
        bool found = run_round(shrink, round);
        in_vain = found ? 0 : in_vain + 1;
        better = better || found;
    }
    return better;
}
