#include "tools/result.h"

#include "core/panic.h"

enum { REASON_BYTES_MAX = 512, FIELDS_MAX = 5 /* of one line, END included */ };

/* How a value is written. */
typedef enum Form {
    FORM_NAME,     /* name */
    FORM_AMOUNT,   /* amount */
    FORM_BALANCE,  /* balance */
    FORM_LABEL,    /* label */
    FORM_COHORT,   /* cohort */
    FORM_INSTANCE, /* initiator and number */
    FORM_UNDONE,   /* undone */
    FORM_NAMES,    /* members, by name: a,b */
    FORM_MEMBERS   /* members, in full: a,IP,PORT1,PORT2 b,IP,PORT1,PORT2 */
} Form;

/* The values a line may tell. */
typedef enum Field {
    END, /* no more */
    NAME,
    RECEIVER,
    TO,
    FROM,
    AMOUNT,
    AMOUNT_LAST,
    BALANCE,
    BALANCE_ALONE,
    LABEL,
    COHORT,
    INSTANCE,
    UNDONE,
    COUNT,
    NAMES,
    NAMES_LAST,
    MEMBERS,
    WAITS_FOR,
    FIELDS
} Field;

/* In JSON a value stands after its key, in text after its word. */
static const struct {
    Form form;
    const char *key;
    const char *word;
} FIELD[FIELDS] = {
    [NAME] = {FORM_NAME, "name", ""},
    [RECEIVER] = {FORM_NAME, "to", ""},
    [TO] = {FORM_NAME, "to", "to "},
    [FROM] = {FORM_NAME, "from", "from "},
    [AMOUNT] = {FORM_AMOUNT, "amount", ""},
    [AMOUNT_LAST] = {FORM_AMOUNT, "amount", "amount "},
    [BALANCE] = {FORM_BALANCE, "balance", "balance "},
    [BALANCE_ALONE] = {FORM_BALANCE, "balance", ""},
    [LABEL] = {FORM_LABEL, "label", "label "},
    [COHORT] = {FORM_COHORT, "cohort", ""},
    [INSTANCE] = {FORM_INSTANCE, "instance", ""},
    [UNDONE] = {FORM_UNDONE, "undone", "undone "},
    [COUNT] = {FORM_UNDONE, "count", ""},
    [NAMES] = {FORM_NAMES, "members", ""},
    [NAMES_LAST] = {FORM_NAMES, "members", "members "},
    [MEMBERS] = {FORM_MEMBERS, "members", ""},
    [WAITS_FOR] = {FORM_NAME, "waits_for", "waits for "},
};

static const Field SUCCESS_FIELDS[COMMAND_KINDS][FIELDS_MAX] = {
    [COMMAND_OPEN] = {NAME, BALANCE},
    [COMMAND_EXIT] = {NAME, BALANCE},
    [COMMAND_NEW_COHORT] = {COHORT, MEMBERS},
    [COMMAND_DELETE_COHORT] = {COHORT},
    [COMMAND_DEPOSIT] = {AMOUNT, BALANCE},
    [COMMAND_WITHDRAWAL] = {AMOUNT, BALANCE},
    [COMMAND_TRANSFER] = {AMOUNT, RECEIVER, LABEL, BALANCE},
    [COMMAND_LOST_TRANSFER] = {AMOUNT, RECEIVER, LABEL, BALANCE},
    [COMMAND_CHECKPOINT] = {INSTANCE, BALANCE, NAMES_LAST},
    [COMMAND_ROLLBACK] = {INSTANCE, BALANCE, NAMES_LAST},
    [COMMAND_BALANCE] = {BALANCE_ALONE},
    [COMMAND_RESUME] = {NAME, BALANCE},
};

static const struct {
    const char *word;
    Field fields[FIELDS_MAX];
} EVENTS[NOTICE_KINDS] = {
    [NOTICE_RECEIVED] = {"received", {AMOUNT, FROM, LABEL, BALANCE}},
    [NOTICE_LOST] = {"lost", {LABEL, TO, AMOUNT_LAST}},
    [NOTICE_MISSING] = {"missing", {LABEL, FROM}},
    [NOTICE_JOINED] = {"joined", {COHORT, NAMES}},
    [NOTICE_LEFT] = {"left", {COHORT, BALANCE}},
    [NOTICE_PERMANENT] = {"permanent", {INSTANCE, BALANCE}},
    [NOTICE_ROLLED_BACK] = {"rolled-back", {INSTANCE, BALANCE, UNDONE}},
    [NOTICE_RESUMED] = {"resumed", {BALANCE}},
    [NOTICE_OPEN_LOSSES] = {"open-losses", {COUNT, AMOUNT_LAST}},
    [NOTICE_UNDONE_DEPOSIT] = {"undone-deposit", {AMOUNT}},
    [NOTICE_UNDONE_WITHDRAWAL] = {"undone-withdrawal", {AMOUNT}},
    [NOTICE_UNDONE_MORE] = {"undone-more", {COUNT}},
    [NOTICE_IN_DOUBT] = {"in-doubt", {INSTANCE, WAITS_FOR}},
};

/* What the line begins with, and the values it tells. */
typedef struct Shape {
    const char *result;  /* success, failure, event */
    const char *opening; /* SUCCESS, FAILURE, EVENT */
    const char *word;    /* of the command or the event */
    const Field *fields;
} Shape;

static Shape shape_of(const Notice *notice)
{
    static const Field none[] = {END};
    INVARIANT_THAT((int)notice->kind, <, NOTICE_KINDS);
    if (notice->kind == NOTICE_FAILURE)
        return (Shape){"failure", "FAILURE", command_word(notice->command), none};
    if (notice->kind == NOTICE_SUCCESS)
        return (Shape){"success", "SUCCESS", command_word(notice->command),
                       SUCCESS_FIELDS[notice->command]};
    return (Shape){"event", "EVENT", EVENTS[notice->kind].word, EVENTS[notice->kind].fields};
}

/* --- text --- */

static void append_number(GString *out, uint64_t number)
{
    char text[MONEY_TEXT_MAX];
    g_string_append(out, number_text(number, text));
}

static void append_money(GString *out, Money amount)
{
    char text[MONEY_TEXT_MAX];
    g_string_append(out, money_text(amount, text));
}

static void append_instance(GString *out, const Notice *notice)
{
    char text[INSTANCE_TEXT_MAX];
    g_string_append(out, instance_text(&notice->initiator, notice->number, text));
}

static void append_member(GString *out, const Member *member)
{
    char ip[ADDRESS_TEXT_MAX];
    g_string_append_printf(out, "%s,%s,%u,%u", member->name.text, ip_text(member->ip, ip),
                           member->port1, member->port2);
}

static void append_members(GString *out, const Notice *notice, bool full)
{
    for (size_t i = 0; i < notice->member_count; i++) {
        if (i > 0)
            g_string_append_c(out, full ? ' ' : ',');
        if (full)
            append_member(out, &notice->members[i]);
        else
            g_string_append(out, notice->members[i].name.text);
    }
}

static void append_value(GString *out, const Notice *notice, Form form)
{
    switch (form) {
    case FORM_NAME:
        g_string_append(out, notice->name.text);
        break;
    case FORM_AMOUNT:
        append_money(out, notice->amount);
        break;
    case FORM_BALANCE:
        append_money(out, notice->balance);
        break;
    case FORM_LABEL:
        append_number(out, notice->label);
        break;
    case FORM_COHORT:
        append_number(out, notice->cohort);
        break;
    case FORM_INSTANCE:
        append_instance(out, notice);
        break;
    case FORM_UNDONE:
        append_number(out, notice->undone);
        break;
    case FORM_NAMES:
    case FORM_MEMBERS:
        append_members(out, notice, form == FORM_MEMBERS);
        break;
    }
}

void result_failure_text(const char *command, const char *reason, GString *out)
{
    g_string_append_printf(out, "FAILURE %s: %s", command, reason);
}

void result_text(const Notice *notice, GString *out)
{
    Shape shape = shape_of(notice);
    if (notice->kind == NOTICE_FAILURE) {
        char reason[REASON_BYTES_MAX];
        result_failure_text(shape.word, refusal_text(notice, reason, sizeof reason), out);
        return;
    }
    g_string_append_printf(out, "%s %s", shape.opening, shape.word);
    for (const Field *field = shape.fields; *field != END; field++) {
        g_string_append_printf(out, " %s", FIELD[*field].word);
        append_value(out, notice, FIELD[*field].form);
    }
}

/* --- JSON --- */

void result_json_string(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_string_append_c(out, '"');
    for (const char *at = valid; *at; at++) {
        if (*at == '"' || *at == '\\')
            g_string_append_c(out, '\\');
        if ((unsigned char)*at < ' ')
            g_string_append_printf(out, "\\u%04x", (unsigned)*at);
        else
            g_string_append_c(out, *at);
    }
    g_string_append_c(out, '"');
}

static void append_key(GString *out, const char *key)
{
    g_string_append_printf(out, ",\"%s\":", key);
}

static void append_json_member(GString *out, const Member *member)
{
    char ip[ADDRESS_TEXT_MAX];
    g_string_append_printf(out, "{\"name\":\"%s\",\"ip\":\"%s\",\"port1\":%u,\"port2\":%u}",
                           member->name.text, ip_text(member->ip, ip), member->port1,
                           member->port2);
}

static void append_json_members(GString *out, const Notice *notice, bool full)
{
    g_string_append_c(out, '[');
    for (size_t i = 0; i < notice->member_count; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        if (full)
            append_json_member(out, &notice->members[i]);
        else
            result_json_string(out, notice->members[i].name.text);
    }
    g_string_append_c(out, ']');
}

static void append_json_value(GString *out, const Notice *notice, Form form)
{
    switch (form) {
    case FORM_NAME:
        result_json_string(out, notice->name.text);
        break;
    case FORM_INSTANCE:
        g_string_append_c(out, '"');
        append_instance(out, notice);
        g_string_append_c(out, '"');
        break;
    case FORM_AMOUNT: /* minor units */
        g_string_append_printf(out, "%" G_GINT64_FORMAT, notice->amount);
        break;
    case FORM_BALANCE:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, notice->balance);
        break;
    case FORM_NAMES:
    case FORM_MEMBERS:
        append_json_members(out, notice, form == FORM_MEMBERS);
        break;
    default: /* plain numbers */
        append_value(out, notice, form);
    }
}

static void begin_object(GString *out, const char *result, const char *word_key, const char *word)
{
    g_string_append_printf(out, "{\"result\":\"%s\"", result);
    append_key(out, word_key);
    result_json_string(out, word);
}

static void end_object(GString *out, const char *text)
{
    append_key(out, "text");
    result_json_string(out, text);
    g_string_append_c(out, '}');
}

void result_failure_json(const char *command, const char *reason, GString *out)
{
    g_autoptr(GString) text = g_string_new(NULL);
    result_failure_text(command, reason, text);
    begin_object(out, "failure", "command", command);
    append_key(out, "reason");
    result_json_string(out, reason);
    end_object(out, text->str);
}

void result_json(const Notice *notice, GString *out)
{
    Shape shape = shape_of(notice);
    if (notice->kind == NOTICE_FAILURE) {
        char reason[REASON_BYTES_MAX];
        result_failure_json(shape.word, refusal_text(notice, reason, sizeof reason), out);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    result_text(notice, text);
    begin_object(out, shape.result, notice->kind == NOTICE_SUCCESS ? "command" : "event",
                 shape.word);
    for (const Field *field = shape.fields; *field != END; field++) {
        append_key(out, FIELD[*field].key);
        append_json_value(out, notice, FIELD[*field].form);
    }
    end_object(out, text->str);
}
