#include "sim/choices.h"

#include <inttypes.h>
#include <string.h>

#include "core/panic.h"
#include "sim/script.h"
#include "sim/value_text.h"

struct Choices {
    GArray *entries; /* of Choice */
};

static const char *const kind_words[CHOICE_KINDS] = {
    [CHOICE_DISK] = "disk", [CHOICE_WRITE] = "write", [CHOICE_CRASH] = "crash",
    [CHOICE_FLIP] = "flip", [CHOICE_CLOCK] = "clock", [CHOICE_DRIFT] = "drift"};

/* --- the object --- */

Choices *choices_new(void)
{
    Choices *choices = g_new0(Choices, 1);
    choices->entries = g_array_new(FALSE, TRUE, sizeof(Choice));
    return choices;
}

void choices_free(Choices *choices)
{
    if (choices == NULL)
        return;
    g_array_unref(choices->entries);
    g_free(choices);
}

Choices *choices_copy(const Choices *choices)
{
    Choices *copy = choices_new();
    g_array_append_vals(copy->entries, choices->entries->data, choices->entries->len);
    return copy;
}

size_t choices_count(const Choices *choices)
{
    return choices->entries->len;
}

Choice *choices_at(const Choices *choices, size_t index)
{
    INVARIANT_THAT(index, <, choices->entries->len);
    return &g_array_index(choices->entries, Choice, index);
}

void choices_add(Choices *choices, const Choice *choice)
{
    g_array_append_val(choices->entries, *choice);
}

void choices_remove(Choices *choices, size_t index)
{
    INVARIANT_THAT(index, <, choices->entries->len);
    g_array_remove_index(choices->entries, (guint)index);
}

void choices_retain(Choices *choices, bool (*keep)(void *user, const Choice *choice), void *user)
{
    size_t kept = 0;
    for (size_t i = 0; i < choices->entries->len; i++) {
        if (keep(user, choices_at(choices, i)))
            *choices_at(choices, kept++) = *choices_at(choices, i);
    }
    g_array_set_size(choices->entries, (guint)kept);
}

/* --- keys --- */

static void write_key(const Choice *choice, GString *out)
{
    g_string_append(out, choice->process.text);
    if (choice->kind == CHOICE_DATAGRAM)
        g_string_append_printf(out, ">%s", choice->peer.text[0] != '\0' ? choice->peer.text : "-");
    else
        g_string_append_printf(out, " %s", kind_words[choice->kind]);
    if (choice->kind != CHOICE_DRIFT)
        g_string_append_printf(out, " %" PRIu64, choice->number);
}

static const char KEY_FORMS[] = "a choice is of `NAME>NAME N`, `NAME disk N`, `NAME write N`, "
                                "`NAME crash N`, `NAME flip N`, `NAME clock N` or `NAME drift`";

static char *read_name(const char *text, Name *name)
{
    return name_set(name, text) ? NULL : g_strdup_printf("`%s` is not the name of a process", text);
}

static char *read_number(const char *text, uint64_t *number)
{
    if (number_parse(text, number) && *number > 0)
        return NULL;
    return g_strdup_printf("`%s`: must be a number from 1", text);
}

/* "c1>c2" */
static char *read_pair(const char *text, Choice *choice)
{
    const char *arrow = strchr(text, '>');
    g_autofree char *from = g_strndup(text, (gsize)(arrow - text));
    char *reason = read_name(from, &choice->process);
    if (reason == NULL && strcmp(arrow + 1, "-") != 0)
        reason = read_name(arrow + 1, &choice->peer);
    return reason;
}

static char *read_key(char **words, size_t count, Choice *choice)
{
    if (count == 2 && strchr(words[0], '>') != NULL) {
        char *reason = read_pair(words[0], choice);
        return reason != NULL ? reason : read_number(words[1], &choice->number);
    }
    for (int kind = CHOICE_DATAGRAM + 1; kind < CHOICE_KINDS && count > 1; kind++) {
        if (strcmp(words[1], kind_words[kind]) != 0)
            continue;
        choice->kind = (ChoiceKind)kind;
        char *reason = read_name(words[0], &choice->process);
        if (reason != NULL || (count == 2 && kind == CHOICE_DRIFT))
            return reason;
        if (count == 3 && kind != CHOICE_DRIFT)
            return read_number(words[2], &choice->number);
    }
    return g_strdup(KEY_FORMS);
}

/* Of two spellings of one key in a file, one line would silently not count. */
static char *refuse_other_spelling(const char *key, const Choice *choice)
{
    g_autoptr(GString) spelling = g_string_new(NULL);
    write_key(choice, spelling);
    if (strcmp(key, spelling->str) == 0)
        return NULL;
    return g_strdup_printf("must be written `%s`", spelling->str);
}

/* --- reading a value --- */

static const char *read_delay(const char *word, uint64_t *delay_ns)
{
    const char *reason = value_parse_time(word, delay_ns);
    return reason == NULL && *delay_ns > DRAW_RESULT_MAX ? "the time is too long" : reason;
}

static const char *read_datagram(char **words, size_t count, Fate *fate)
{
    if (count == 1 && strcmp(words[0], "lost") == 0)
        return NULL;
    if (count < 1 || count > COPIES_MAX)
        return "must be `lost`, or a delay for each copy, at most 8";
    for (size_t i = 0; i < count; i++) {
        const char *reason = read_delay(words[i], &fate->delay_ns[i]);
        if (reason != NULL)
            return reason;
    }
    fate->copies = (unsigned)count;
    return NULL;
}

static const char *read_disk(char **words, size_t count, DiskFate *fate)
{
    static const char *const forms = "must be `error` or `full`, the bytes of a write that were "
                                     "begun, and a delay, or one of these";
    size_t at = 0;
    fate->delay_ns = TIME_NEVER;
    if (count > 0 && strcmp(words[0], "error") == 0)
        fate->code = SIMDISK_ERROR;
    else if (count > 0 && strcmp(words[0], "full") == 0)
        fate->code = SIMDISK_FULL;
    at += fate->code != 0;
    if (fate->code != 0 && at < count && number_parse(words[at], &fate->written))
        at++;
    if (at < count) {
        const char *reason = read_delay(words[at++], &fate->delay_ns);
        if (reason != NULL)
            return reason;
    }
    return at == 0 || at < count ? forms : NULL;
}

static const char *read_death(char **words, size_t count, Death *death)
{
    static const char *const forms = "must be `die OPERATION`, `die OPERATION under-way` or `die "
                                     "after EFFECTS`";
    if (count < 2 || count > 3 || strcmp(words[0], "die") != 0)
        return forms;
    death->durable = count == 3 && strcmp(words[1], "after") == 0;
    death->under_way = count == 3 && strcmp(words[2], "under-way") == 0;
    if ((count == 3 && death->durable == death->under_way) ||
        !number_parse(words[death->durable ? 2 : 1], &death->point))
        return forms;
    return NULL;
}

static const char *read_crash(char **words, size_t count, CrashFate *fate)
{
    size_t at = 0;
    fate->lose = count > at && strcmp(words[at], "lose") == 0;
    at += fate->lose;
    fate->tear = count > at && strcmp(words[at], "tear") == 0;
    at += fate->tear;
    return at + 1 == count && number_parse(words[at], &fate->seed)
               ? NULL
               : "must be `lose SEED`, `tear SEED`, `lose tear SEED` or `SEED`";
}

static const char *read_drift(const char *text, int32_t *drift)
{
    uint64_t number;
    bool slow = text[0] == '-';
    if (!number_parse(text + slow, &number) || number > CHANCE_ONE / 2)
        return "must be a number from -500000000 to 500000000";
    *drift = slow ? -(int32_t)number : (int32_t)number;
    return NULL;
}

static const char *read_value(char **words, size_t count, Choice *choice)
{
    if (count != 1 && choice->kind >= CHOICE_FLIP)
        return "must be one word";
    switch (choice->kind) {
    case CHOICE_DATAGRAM:
        return read_datagram(words, count, &choice->datagram);
    case CHOICE_DISK:
        return read_disk(words, count, &choice->disk);
    case CHOICE_WRITE:
        return read_death(words, count, &choice->write);
    case CHOICE_CRASH:
        return read_crash(words, count, &choice->crash);
    case CHOICE_FLIP:
        return number_parse(words[0], &choice->seed) ? NULL : "must be a number";
    case CHOICE_CLOCK:
        return value_parse_time(words[0], &choice->clock_ns);
    case CHOICE_DRIFT:
        return read_drift(words[0], &choice->drift);
    case CHOICE_KINDS:
        break;
    }
    return KEY_FORMS;
}

char *choices_read(Choices *choices, const char *key, const char *value)
{
    Choice choice = {0};
    size_t count;
    char **words = value_words(key, &count);
    char *reason = read_key(words, count, &choice);
    g_strfreev(words);
    if (reason == NULL)
        reason = refuse_other_spelling(key, &choice);
    if (reason != NULL)
        return reason;
    words = value_words(value, &count);
    reason = g_strdup(read_value(words, count, &choice));
    g_strfreev(words);
    if (reason == NULL)
        choices_add(choices, &choice);
    return reason;
}

/* --- writing --- */

static void write_datagram(const Fate *fate, GString *out)
{
    if (fate->copies == 0)
        g_string_append(out, "lost");
    for (unsigned copy = 0; copy < fate->copies; copy++) {
        g_string_append(out, copy > 0 ? " " : "");
        value_write_time(fate->delay_ns[copy], out);
    }
}

static void write_disk(const DiskFate *fate, GString *out)
{
    if (fate->code != 0)
        g_string_append_printf(out, "%s %" PRIu64, fate->code == SIMDISK_FULL ? "full" : "error",
                               fate->written);
    if (fate->delay_ns == TIME_NEVER)
        return;
    g_string_append(out, fate->code != 0 ? " " : "");
    value_write_time(fate->delay_ns, out);
}

void choice_write(const Choice *choice, GString *out)
{
    write_key(choice, out);
    g_string_append_c(out, '=');
    switch (choice->kind) {
    case CHOICE_DATAGRAM:
        write_datagram(&choice->datagram, out);
        break;
    case CHOICE_DISK:
        write_disk(&choice->disk, out);
        break;
    case CHOICE_WRITE:
        g_string_append_printf(out, "die %s%" PRIu64 "%s", choice->write.durable ? "after " : "",
                               choice->write.point, choice->write.under_way ? " under-way" : "");
        break;
    case CHOICE_CRASH:
        g_string_append_printf(out, "%s%s%" PRIu64, choice->crash.lose ? "lose " : "",
                               choice->crash.tear ? "tear " : "", choice->crash.seed);
        break;
    case CHOICE_FLIP:
        g_string_append_printf(out, "%" PRIu64, choice->seed);
        break;
    case CHOICE_CLOCK:
        value_write_time(choice->clock_ns, out);
        break;
    case CHOICE_DRIFT:
        g_string_append_printf(out, "%" PRId32, choice->drift);
        break;
    case CHOICE_KINDS:
        break;
    }
    g_string_append_c(out, '\n');
}

/* --- in order --- */

static int compare_numbers(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

static int compare_keys(const Choice *left, const Choice *right)
{
    int order = compare_numbers(left->kind, right->kind);
    if (order == 0)
        order = compare_numbers(left->subject, right->subject);
    if (order == 0)
        order = compare_numbers(left->peer_subject, right->peer_subject);
    return order != 0 ? order : compare_numbers(left->number, right->number);
}

/* g_array_sort is stable: of equal keys the last stays the last. */
static int compare_choices(const void *left, const void *right)
{
    return compare_keys(left, right);
}

void choices_write(const Choices *choices, GString *out)
{
    Choices *sorted = choices_copy(choices);
    g_array_sort(sorted->entries, compare_choices);
    for (guint i = 0; i < sorted->entries->len; i++)
        choice_write(choices_at(sorted, i), out);
    choices_free(sorted);
}

static void drop_repeated(Choices *choices)
{
    GArray *entries = choices->entries;
    guint kept = 0;
    for (guint i = 0; i < entries->len; i++) {
        bool again = i + 1 < entries->len &&
                     compare_keys(choices_at(choices, i), choices_at(choices, i + 1)) == 0;
        if (!again)
            *choices_at(choices, kept++) = *choices_at(choices, i);
    }
    g_array_set_size(entries, kept);
}

static bool find_subjects(Choice *choice, GHashTable *numbers)
{
    choice->peer_subject = choice->kind == CHOICE_DATAGRAM ? CHOICE_NOBODY : 0;
    return script_subject(numbers, choice->process.text, &choice->subject) &&
           (choice->peer.text[0] == '\0' ||
            script_subject(numbers, choice->peer.text, &choice->peer_subject));
}

char *choices_complete(Choices *choices, GHashTable *numbers)
{
    for (guint i = 0; i < choices->entries->len; i++) {
        Choice *choice = choices_at(choices, i);
        if (!find_subjects(choice, numbers)) {
            g_autoptr(GString) key = g_string_new(NULL);
            write_key(choice, key);
            return g_strdup_printf("%s: no process of this scenario has that name", key->str);
        }
    }
    g_array_sort(choices->entries, compare_choices);
    drop_repeated(choices);
    return NULL;
}

const Choice *choices_find(const Choices *choices, ChoiceKind kind, uint32_t subject, uint32_t peer,
                           uint64_t number)
{
    const Choice wanted = {
        .kind = kind, .subject = subject, .peer_subject = peer, .number = number};
    size_t first = 0;
    size_t end = choices->entries->len;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        const Choice *choice = choices_at(choices, middle);
        int order = compare_keys(choice, &wanted);
        if (order == 0)
            return choice;
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

size_t choices_index(const Choices *choices, const Choice *choice)
{
    return (size_t)(choice - choices_at(choices, 0));
}
