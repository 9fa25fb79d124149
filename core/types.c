#include "core/types.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* --- names --- */

bool name_valid(const char *text)
{
    if (!is_letter(text[0]))
        return false;
    size_t length = 1;
    while (is_letter(text[length]) || is_digit(text[length]) || text[length] == '-' ||
           text[length] == '_') {
        if (++length > NAME_BYTES_MAX)
            return false;
    }
    return text[length] == '\0';
}

bool name_set(Name *name, const char *text)
{
    if (!name_valid(text))
        return false;
    Name set = {{0}};
    memcpy(set.text, text, strlen(text));
    *name = set;
    return true;
}

bool name_equal(const Name *a, const Name *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

int name_compare(const Name *a, const Name *b)
{
    return memcmp(a, b, sizeof *a);
}

/* --- money --- */

static const char *money_parse(const char *text, Money most, const char *above, Money *amount)
{
    if (text[0] == '-' && is_digit(text[1]))
        return "must not be negative";
    if (!is_digit(text[0]))
        return "must be a decimal number, such as 100 or 100.50";
    const char *at = text;
    Money units = 0;
    for (; is_digit(*at); at++) {
        units = units * 10 + (*at - '0');
        if (units > most / 100)
            return above;
    }
    Money hundredths = 0;
    if (*at == '.') {
        at++;
        if (!is_digit(*at))
            return "must have a digit after the point";
        hundredths = (Money)(*at++ - '0') * 10;
        if (is_digit(*at))
            hundredths += *at++ - '0';
        if (is_digit(*at))
            return "at most two fraction digits";
    }
    if (*at != '\0')
        return "must be a decimal number, such as 100 or 100.50";
    if (units * 100 > most - hundredths)
        return above;
    *amount = units * 100 + hundredths;
    return NULL;
}

const char *money_parse_amount(const char *text, Money *amount)
{
    Money parsed;
    const char *reason = money_parse_balance(text, &parsed);
    if (reason)
        return reason;
    if (parsed == 0)
        return "must be greater than zero";
    *amount = parsed;
    return NULL;
}

const char *money_parse_balance(const char *text, Money *amount)
{
    return money_parse(text, AMOUNT_MAX, "at most 90071992547409.91", amount);
}

const char *money_parse_held(const char *text, Money *amount)
{
    return money_parse(text, INT64_MAX, "at most 92233720368547758.07", amount);
}

/* --- writing; each appends at `at` and returns the new end, where a NUL is --- */

static char *append_number(char *at, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    return at;
}

static char *append_ip(char *at, uint32_t ip)
{
    for (int part = 3; part >= 0; part--) {
        at = append_number(at, (ip >> 8 * part) & 0xff);
        if (part > 0)
            *at++ = '.';
    }
    return at;
}

char *money_text(Money amount, char text[static MONEY_TEXT_MAX])
{
    char *at = text;
    uint64_t units = (uint64_t)amount;
    if (amount < 0) {
        *at++ = '-';
        units = 0 - units; /* in unsigned arithmetic even the smallest has a negative */
    }
    at = append_number(at, units / 100);
    unsigned fraction = (unsigned)(units % 100);
    if (fraction > 0) {
        *at++ = '.';
        *at++ = (char)('0' + fraction / 10);
        *at++ = (char)('0' + fraction % 10);
        *at = '\0';
    }
    return text;
}

char *ip_text(uint32_t ip, char text[static ADDRESS_TEXT_MAX])
{
    append_ip(text, ip);
    return text;
}

char *address_text(Address address, char text[static ADDRESS_TEXT_MAX])
{
    char *at = append_ip(text, address.ip);
    *at++ = ':';
    append_number(at, address.port);
    return text;
}

char *number_text(uint64_t number, char text[static MONEY_TEXT_MAX])
{
    append_number(text, number);
    return text;
}

char *instance_text(const Name *initiator, uint64_t number, char text[static INSTANCE_TEXT_MAX])
{
    size_t length = strlen(initiator->text);
    memcpy(text, initiator->text, length);
    text[length] = '.';
    append_number(text + length + 1, number);
    return text;
}

/* --- numbers and addresses --- */

bool number_parse(const char *text, uint64_t *number)
{
    if (text[0] == '\0')
        return false;
    uint64_t parsed = 0;
    for (const char *at = text; *at; at++) {
        if (!is_digit(*at))
            return false;
        uint64_t digit = (uint64_t)(*at - '0');
        if (parsed > (UINT64_MAX - digit) / 10)
            return false;
        parsed = parsed * 10 + digit;
    }
    *number = parsed;
    return true;
}

bool port_parse(const char *text, uint16_t *port)
{
    uint64_t number;
    if (!number_parse(text, &number) || number == 0 || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* Reads one byte of a dotted quad; NULL when there is none. A leading zero is refused, for some
 * programs take it for octal. */
static const char *parse_octet(const char *at, uint32_t *octet)
{
    if (!is_digit(at[0]) || (at[0] == '0' && is_digit(at[1])))
        return NULL;
    *octet = 0;
    while (is_digit(*at)) {
        *octet = *octet * 10 + (uint32_t)(*at++ - '0');
        if (*octet > 255)
            return NULL;
    }
    return at;
}

/* Reads a dotted quad; where it ends, or NULL when there is none. */
static const char *parse_quad(const char *at, uint32_t *ip)
{
    uint32_t parsed = 0;
    for (int part = 0; part < 4; part++) {
        uint32_t octet;
        if (part > 0 && *at++ != '.')
            return NULL;
        at = parse_octet(at, &octet);
        if (!at)
            return NULL;
        parsed = parsed << 8 | octet;
    }
    *ip = parsed;
    return at;
}

bool ip_parse(const char *text, uint32_t *ip)
{
    uint32_t parsed;
    const char *end = parse_quad(text, &parsed);
    if (!end || *end != '\0')
        return false;
    *ip = parsed;
    return true;
}

bool address_parse(const char *text, Address *address)
{
    Address parsed;
    const char *end = parse_quad(text, &parsed.ip);
    if (!end || *end != ':' || !port_parse(end + 1, &parsed.port))
        return false;
    *address = parsed;
    return true;
}

bool address_equal(Address a, Address b)
{
    return a.ip == b.ip && a.port == b.port;
}
