#include "core/mark.h"

#include "core/panic.h"

static const struct {
    const char *name;
    const char *text;
} marks[] = {
#define MARK_WORDS(symbol, name, text) [MARK_##symbol] = {name, text},
    MARKS(MARK_WORDS)
#undef MARK_WORDS
};

const char *mark_name(Mark mark)
{
    INVARIANT_THAT((int)mark, <, MARK_KINDS);
    return marks[mark].name;
}

const char *mark_text(Mark mark)
{
    INVARIANT_THAT((int)mark, <, MARK_KINDS);
    return marks[mark].text;
}
