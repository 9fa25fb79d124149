#include "core/text.h"

#include <stdarg.h>

#include "core/types.h"

void text_add(GString *text, const char *first, ...)
{
    va_list strings;
    va_start(strings, first);
    for (const char *string = first; string != NULL; string = va_arg(strings, const char *))
        g_string_append(text, string);
    va_end(strings);
}

void text_add_number(GString *text, uint64_t number)
{
    char digits[MONEY_TEXT_MAX];
    g_string_append(text, number_text(number, digits));
}
