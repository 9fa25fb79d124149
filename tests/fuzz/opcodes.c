#include "tests/fuzz/opcodes.h"

#include <inttypes.h>
#include <string.h>

#include "core/types.h"
#include "tests/fuzz/fuzz.h"

typedef struct Opcode {
    uint8_t kind;
    uint8_t who;
    uint8_t gap;
    uint8_t x;
    uint8_t y;
    uint8_t z;
} Opcode;

typedef struct Writer {
    unsigned customers;
    uint64_t now_ns;
    uint64_t line_ns; /* of the line of the script that is not ended; TIME_NEVER: none */
    GString *script;
    GString *choices;
    GHashTable *keys; /* of the choices: each is written once */
} Writer;

/* Times as they matter here: less and more than a delay, a retransmission, a patience. */
static const char *const delays[] = {"0ns",   "1ns",   "1ms",   "5ms",  "9.999ms", "10ms",
                                     "11ms",  "20ms",  "35ms",  "50ms", "100ms",   "200ms",
                                     "300ms", "500ms", "750ms", "1s",   "1.5s",    "2s",
                                     "3s",    "5s",    "10s",   "15s",  "31s",     "1m"};
static const uint64_t gaps_ns[] = {
    0,
    0,
    1,
    NS_PER_MS,
    5 * NS_PER_MS,
    10 * NS_PER_MS,
    10 * NS_PER_MS + 1,
    20 * NS_PER_MS,
    30 * NS_PER_MS,
    50 * NS_PER_MS,
    100 * NS_PER_MS,
    200 * NS_PER_MS,
    500 * NS_PER_MS,
    NS_PER_S,
    2 * NS_PER_S,
    10 * NS_PER_S,
};

#define ANY_OF(list, byte) ((list)[(byte) % G_N_ELEMENTS(list)])

/* --- words --- */

static unsigned customer(const Writer *writer, uint8_t byte)
{
    return 1 + byte % writer->customers;
}

/* Any other. */
static unsigned peer(const Writer *writer, uint8_t who, uint8_t byte)
{
    return 1 + (who % writer->customers + 1 + byte % (writer->customers - 1)) % writer->customers;
}

/* The bank is one process more. */
static const char *process(const Writer *writer, uint8_t byte, char text[static 16])
{
    const unsigned number = byte % (writer->customers + 1);
    if (number == writer->customers)
        return "bank";
    g_snprintf(text, 16, "c%u", number + 1);
    return text;
}

/* --- what happens at a time --- */

static void begin_entry(Writer *writer)
{
    if (writer->line_ns == writer->now_ns) {
        g_string_append(writer->script, "; ");
        return;
    }
    if (writer->line_ns != TIME_NEVER)
        g_string_append_c(writer->script, '\n');
    g_string_append_printf(writer->script, "%" PRIu64 "ns=", writer->now_ns);
    writer->line_ns = writer->now_ns;
}

static void write_money(Writer *writer, const Opcode *op)
{
    static const char *const words[] = {"transfer", "transfer", "transfer", "lost-transfer"};
    begin_entry(writer);
    g_string_append_printf(writer->script, "c%u %s %u c%u", customer(writer, op->who),
                           ANY_OF(words, op->z), 1 + op->y % 8, peer(writer, op->who, op->x));
}

static void write_instance(Writer *writer, const Opcode *op)
{
    static const char *const words[] = {"checkpoint", "rollback"};
    begin_entry(writer);
    g_string_append_printf(writer->script, "c%u %s", customer(writer, op->who),
                           ANY_OF(words, op->x));
}

static void write_cash(Writer *writer, const Opcode *op)
{
    static const char *const words[] = {"deposit", "withdrawal"};
    begin_entry(writer);
    g_string_append_printf(writer->script, "c%u %s %u", customer(writer, op->who),
                           ANY_OF(words, op->x), 1 + op->y % 8);
}

static void write_membership(Writer *writer, const Opcode *op)
{
    const unsigned who = customer(writer, op->who);
    begin_entry(writer);
    switch (op->x % 4) {
    case 0:
        g_string_append_printf(writer->script, "c%u delete-cohort", who);
        break;
    case 1:
        g_string_append_printf(writer->script, "c%u new-cohort %u", who,
                               2 + op->y % (writer->customers - 1));
        break;
    case 2:
        g_string_append_printf(writer->script, "c%u exit", who);
        break;
    default:
        g_string_append_printf(writer->script, "c%u open %u", who, op->y % 8);
    }
}

static void write_act(Writer *writer, const Opcode *op)
{
    char name[16];
    const char *who = process(writer, op->who, name);
    const char *duration = ANY_OF(delays, op->y);
    begin_entry(writer);
    switch (op->x % 8) {
    case 0:
    case 1:
        g_string_append_printf(writer->script, "%s crash", who);
        break;
    case 2:
        g_string_append_printf(writer->script, "%s restart", who);
        break;
    case 3:
        g_string_append_printf(writer->script, "%s pause %s", who, duration);
        break;
    case 4:
        g_string_append_printf(writer->script, "%s clock-jump %s", who, duration);
        break;
    case 5:
    case 6:
        g_string_append_printf(writer->script, "%s timer", who);
        break;
    default: {
        static const char *const ways[] = {"both", "to", "from"};
        g_string_append_printf(writer->script, "network partition %s %s %s", ANY_OF(ways, op->z),
                               who, duration);
    }
    }
}

/* --- answers to the world's questions --- */

static void G_GNUC_PRINTF(3, 4)
    write_choice(Writer *writer, const char *value, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *key = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (g_hash_table_add(writer->keys, key))
        g_string_append_printf(writer->choices, "%s=%s\n", key, value);
}

static void write_datagram(Writer *writer, const Opcode *op)
{
    char from[16];
    char to[16];
    g_autofree char *twice =
        g_strjoin(" ", ANY_OF(delays, op->z), ANY_OF(delays, op->z / G_N_ELEMENTS(delays)), NULL);
    const char *const values[] = {"lost", twice, ANY_OF(delays, op->z), ANY_OF(delays, op->z)};
    write_choice(writer, ANY_OF(values, op->y), "%s>%s %d", process(writer, op->who, from),
                 process(writer, (uint8_t)(op->who + 1 + op->x % writer->customers), to),
                 1 + op->gap);
}

static void write_disk(Writer *writer, const Opcode *op)
{
    char name[16];
    g_autofree char *full = g_strdup_printf("full %d", op->z);
    const char *const values[] = {"error", full, ANY_OF(delays, op->z), ANY_OF(delays, op->z)};
    write_choice(writer, ANY_OF(values, op->y), "%s disk %d", process(writer, op->who, name),
                 1 + op->gap % 64);
}

static void write_death(Writer *writer, const Opcode *op)
{
    char name[16];
    g_autofree char *die = g_strdup_printf("die %d", op->y % 8);
    g_autofree char *within = g_strdup_printf("die %d under-way", op->y % 8);
    g_autofree char *after = g_strdup_printf("die after %d", op->y % 8);
    const char *const values[] = {die, within, after};
    write_choice(writer, ANY_OF(values, op->x), "%s write %d", process(writer, op->who, name),
                 1 + op->gap % 16);
}

static void write_aftermath(Writer *writer, const Opcode *op)
{
    static const char *const losses[] = {"lose ", "tear ", "lose tear ", ""};
    char name[16];
    const char *who = process(writer, op->who, name);
    const int number = 1 + op->gap % 4;
    g_autofree char *seed = g_strdup_printf("%d", op->z);
    g_autofree char *crash = g_strconcat(ANY_OF(losses, op->y), seed, NULL);
    if (op->x % 4 < 2)
        write_choice(writer, crash, "%s crash %d", who, number);
    else if (op->x % 4 == 2)
        write_choice(writer, seed, "%s flip %d", who, number);
    else
        write_choice(writer, ANY_OF(delays, op->z), "%s clock %d", who, number);
}

static void write_drift(Writer *writer, const Opcode *op)
{
    char name[16];
    g_autofree char *billionths = g_strdup_printf("%d", (op->x % 101 - 50) * 10000000);
    write_choice(writer, billionths, "%s drift", process(writer, op->who, name));
}

/* --- the whole --- */

/* Bytes of the first kinds move time on; of the others they count. */
static void write_opcode(Writer *writer, const Opcode *op)
{
    static void (*const happen[])(Writer *, const Opcode *) = {
        write_money,    write_money, write_money,      write_instance,
        write_instance, write_cash,  write_membership, write_act};
    static void (*const choose[])(Writer *, const Opcode *) = {
        write_datagram, write_datagram, write_datagram,  write_datagram,
        write_disk,     write_death,    write_aftermath, write_drift};
    if (op->kind % 2 == 0) {
        writer->now_ns += ANY_OF(gaps_ns, op->gap);
        ANY_OF(happen, op->kind / 2)(writer, op);
    } else {
        ANY_OF(choose, op->kind / 2)(writer, op);
    }
}

void opcodes_write(const uint8_t *data, size_t size, GString *out)
{
    static const char *const retries[] = {"unlimited", "unlimited", "0", "1"};
    const uint8_t first = size > 0 ? data[0] : 0;
    const uint8_t second = size > 1 ? data[1] : 0;
    Writer writer = {.customers = 2 + first % 3,
                     .now_ns = NS_PER_MS,
                     .line_ns = TIME_NEVER,
                     .script = g_string_new(NULL),
                     .choices = g_string_new(NULL),
                     .keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    for (size_t at = OPCODES_HEAD_BYTES, count = 0;
         at + OPCODE_BYTES <= size && count < OPCODES_MAX; at += OPCODE_BYTES, count++) {
        const uint8_t *op = data + at;
        write_opcode(&writer, &(Opcode){op[0], op[1], op[2], op[3], op[4], op[5]});
    }
    g_string_append_printf(out,
                           "[scenario]\nname=fuzzed\nduration=%" PRIu64 "ns\n"
                           "[bank]\ncustomers=%u\nbalance=20\ncohort_size=%s\ncash=%s\n"
                           "[network]\ndelay=constant 10ms\nretries=%s\n",
                           writer.now_ns + NS_PER_S, writer.customers,
                           first / 3 % 8 == 0 ? "2" : "all",
                           first / 24 % 4 == 0 ? "commit" : "restore", ANY_OF(retries, second));
    g_string_append_printf(out, "[script]\n%s\n[choices]\n%s", writer.script->str,
                           writer.choices->str);
    g_string_free(writer.script, TRUE);
    g_string_free(writer.choices, TRUE);
    g_hash_table_unref(writer.keys);
}

size_t opcodes_mutate(uint8_t *data, size_t size, size_t capacity)
{
    const size_t count = size < OPCODES_HEAD_BYTES ? 0 : (size - OPCODES_HEAD_BYTES) / OPCODE_BYTES;
    if (count == 0 || fuzz_below(8) == 0)
        return LLVMFuzzerMutate(data, size, capacity);
    const size_t at = OPCODES_HEAD_BYTES + OPCODE_BYTES * fuzz_below(count);
    const size_t place = OPCODES_HEAD_BYTES + OPCODE_BYTES * fuzz_below(count);
    uint8_t op[OPCODE_BYTES];
    memcpy(op, data + at, OPCODE_BYTES);
    switch (fuzz_below(8)) {
    case 0:
        return fuzz_replace(data, size, capacity, at, OPCODE_BYTES, NULL, 0);
    case 1:
        return fuzz_replace(data, size, capacity, place, 0, op, OPCODE_BYTES);
    case 2:
        memcpy(data + place, op, OPCODE_BYTES);
        return size;
    case 3:
    case 4:
        for (size_t i = 0; i < OPCODE_BYTES; i++)
            op[i] = (uint8_t)fuzz_below(256);
        return fuzz_replace(data, size, capacity, place, 0, op, OPCODE_BYTES);
    case 5:
        data[fuzz_below(OPCODES_HEAD_BYTES)] = (uint8_t)fuzz_below(256);
        return size;
    default:
        data[at + fuzz_below(OPCODE_BYTES)] = (uint8_t)fuzz_below(256);
        return size;
    }
}
