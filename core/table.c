#include "core/table.h"

#include <csv.h>
#include <string.h>

#include "core/text.h"

enum { COLUMNS = 7, QUOTE_BYTES_MAX = 40 };
const char TABLE_DUPLICATE[] = "the name is in the file already: remove one";
static const char *const COLUMN_NAME[COLUMNS] = {"name",  "balance", "ip_address", "port1",
                                                 "port2", "cohort",  "exit_state"};
#define HEADER "name,balance,ip_address,port1,port2,cohort,exit_state"

typedef struct Reader {
    const char *path;
    uint64_t line;
    unsigned columns; /* values of this row so far */
    bool header_read;
    bool failed;
    BankRow row;
    TableTake take;
    void *user;
    GString *error;
} Reader;

/* The first failure counts; `value` is what was found, or NULL. */
static void fail(Reader *reader, unsigned column, const char *reason, const char *value)
{
    if (reader->failed)
        return;
    reader->failed = true;
    text_add(reader->error, reader->path, ":", NULL);
    text_add_number(reader->error, reader->line);
    g_string_append(reader->error, ": column ");
    text_add_number(reader->error, column + 1);
    if (column < COLUMNS)
        text_add(reader->error, " (", COLUMN_NAME[column], ")", NULL);
    text_add(reader->error, ": ", reason, NULL);
    if (value == NULL)
        return;
    g_autofree char *start = g_strndup(value, QUOTE_BYTES_MAX);
    g_autofree char *quote = g_strescape(start, NULL);
    text_add(reader->error, ", found \"", quote, strlen(value) > QUOTE_BYTES_MAX ? "..." : "", "\"",
             NULL);
}

/* --- one value; NULL, or why it is refused --- */

static const char *read_name(BankRow *row, const char *text)
{
    return name_set(&row->name, text)
               ? NULL
               : "must be a letter, then letters, digits, - or _, at most 31 in all";
}

static const char *read_balance(BankRow *row, const char *text)
{
    return money_parse_held(text, &row->balance);
}

static const char *read_ip(BankRow *row, const char *text)
{
    return ip_parse(text, &row->ip) ? NULL : "must be an IPv4 address, such as 127.0.0.1";
}

static const char BAD_PORT[] = "must be a port number, 1 to 65535";

static const char *read_port1(BankRow *row, const char *text)
{
    return port_parse(text, &row->port1) ? NULL : BAD_PORT;
}

static const char *read_port2(BankRow *row, const char *text)
{
    return port_parse(text, &row->port2) ? NULL : BAD_PORT;
}

static const char *read_cohort(BankRow *row, const char *text)
{
    if (text[0] != '\0' && !number_parse(text, &row->cohort))
        return "must be empty or the number of a cohort";
    return row->cohort <= COHORT_MAX ? NULL : "at most 9007199254740991";
}

static const char *read_exit_state(BankRow *row, const char *text)
{
    static const char *const yes[] = {"1", "true", "yes"};
    static const char *const no[] = {"0", "false", "no", ""};
    for (size_t i = 0; i < G_N_ELEMENTS(yes); i++)
        row->exited |= g_ascii_strcasecmp(text, yes[i]) == 0;
    if (row->exited)
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(no); i++) {
        if (g_ascii_strcasecmp(text, no[i]) == 0)
            return NULL;
    }
    return "must be 0 or 1 (or true, false, yes, no)";
}

static const char *(*const READ[COLUMNS])(BankRow *, const char *) = {
    read_name, read_balance, read_ip, read_port1, read_port2, read_cohort, read_exit_state};

/* --- what libcsv calls --- */

static void on_value(void *bytes, size_t length, void *user)
{
    (void)length; /* no NUL within (see read_line), and one after: CSV_APPEND_NULL */
    Reader *reader = user;
    const char *text = bytes;
    unsigned column = reader->columns++;
    if (column >= COLUMNS) {
        fail(reader, column, "one value too many: a row has 7", text);
    } else if (!reader->header_read) {
        if (strcmp(text, COLUMN_NAME[column]) != 0)
            fail(reader, column, "the first line must be exactly " HEADER, text);
    } else {
        const char *reason = READ[column](&reader->row, text);
        if (reason != NULL)
            fail(reader, column, reason, text);
    }
}

static void on_row_end(int terminator, void *user)
{
    (void)terminator;
    Reader *reader = user;
    if (reader->columns < COLUMNS)
        fail(reader, reader->columns, "this value is missing: a row has 7", NULL);
    if (!reader->failed && reader->header_read) {
        const char *reason = reader->take(reader->user, &reader->row);
        if (reason != NULL)
            fail(reader, 0, reason, reader->row.name.text);
    }
    reader->row = (BankRow){0};
    reader->columns = 0;
    reader->header_read = true;
}

/* --- lines --- */

static void feed(Reader *reader, struct csv_parser *parser, const char *bytes, size_t length)
{
    if (csv_parse(parser, bytes, length, on_value, on_row_end, reader) < length)
        fail(reader, reader->columns,
             "a stray quote: put the whole value in quotes, and double those within", NULL);
}

/* The place of a byte that no value may have: NUL, or a CR that ends no line. */
static const char *find_stray(const char *line, size_t length)
{
    const char *nul = memchr(line, '\0', length);
    const char *cr = memchr(line, '\r', length);
    if (cr != NULL && cr + 2 == line + length && cr[1] == '\n')
        cr = NULL;
    if (nul == NULL || cr == NULL)
        return nul != NULL ? nul : cr;
    return MIN(nul, cr);
}

/* One line with its newline, if it has one. libcsv would let a row go on over several lines; here
 * none may, since no value has a newline, and so libcsv's rows can be numbered. */
static void read_line(Reader *reader, struct csv_parser *parser, const char *line, size_t length)
{
    reader->line++;
    const char *stray = find_stray(line, length);
    feed(reader, parser, line, stray != NULL ? (size_t)(stray - line) : length);
    if (stray != NULL)
        fail(reader, reader->columns,
             *stray == '\0' ? "a NUL byte: remove it" : "a carriage return without a newline",
             NULL);
    if (csv_fini(parser, on_value, on_row_end, reader) != 0)
        fail(reader, reader->columns, "the quote is not closed on its line: close it", NULL);
}

static int never_space(unsigned char c)
{
    (void)c;
    return 0; /* RFC 4180: spaces are part of a value */
}

bool table_read(const char *path, const uint8_t *bytes, size_t length, TableTake take, void *user,
                GString *error)
{
    static const char BYTE_ORDER_MARK[] = "\xef\xbb\xbf";
    Reader reader = {.path = path, .take = take, .user = user, .error = error};
    struct csv_parser parser;
    csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL);
    csv_set_space_func(&parser, never_space);

    const char *at = length > 0 ? (const char *)bytes : ""; /* of an empty file there may be none */
    const char *end = at + length;
    if (length >= 3 && memcmp(at, BYTE_ORDER_MARK, 3) == 0)
        at += 3;
    while (at < end && !reader.failed) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline != NULL ? newline + 1 : end;
        read_line(&reader, &parser, at, (size_t)(next - at));
        at = next;
    }
    if (!reader.header_read) {
        reader.line = 1;
        fail(&reader, 0, "the file is empty: its first line must be " HEADER, NULL);
    }
    csv_free(&parser);
    return !reader.failed;
}

/* --- all rows --- */

typedef struct Collector {
    GArray *rows;
    GHashTable *names;
} Collector;

static const char *collect(void *user, const BankRow *row)
{
    Collector *collector = user;
    if (!g_hash_table_add(collector->names, g_strdup(row->name.text)))
        return TABLE_DUPLICATE;
    g_array_append_val(collector->rows, *row);
    return NULL;
}

GArray *table_rows(const char *path, const uint8_t *bytes, size_t length, GString *error)
{
    Collector collector = {g_array_new(FALSE, FALSE, sizeof(BankRow)),
                           g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    bool sound = table_read(path, bytes, length, collect, &collector, error);
    g_hash_table_unref(collector.names);
    if (sound)
        return collector.rows;
    g_array_unref(collector.rows);
    return NULL;
}

/* --- writing --- */

/* No value that a BankRow can have needs the quotes of RFC 4180. */
void table_write_header(GString *out)
{
    g_string_append(out, HEADER "\n");
}

void table_write_row(GString *out, const BankRow *row)
{
    char balance[MONEY_TEXT_MAX];
    char ip[ADDRESS_TEXT_MAX];
    char port1[MONEY_TEXT_MAX];
    char port2[MONEY_TEXT_MAX];
    char cohort[MONEY_TEXT_MAX] = "";
    if (row->cohort != 0)
        number_text(row->cohort, cohort);
    const char *const values[COLUMNS] = {
        row->name.text,
        money_text(row->balance, balance),
        ip_text(row->ip, ip),
        number_text(row->port1, port1),
        number_text(row->port2, port2),
        cohort,
        row->exited ? "1" : "0",
    };
    for (unsigned column = 0; column < COLUMNS; column++) {
        g_string_append(out, values[column]);
        g_string_append_c(out, column + 1 < COLUMNS ? ',' : '\n');
    }
}
