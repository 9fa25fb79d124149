"""Where brackets, statements, strings and comments of C begin and end, as text."""

import re


def closing(text, at):
    """Just after the bracket that closes the one at text[at]."""
    depth = 0
    while at < len(text):
        skipped = skip_quoted(text, at)
        if skipped > at:
            at = skipped
            continue
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)


def skip_quoted(text, at):
    """Just after the string, character or comment that begins at text[at]; else `at`."""
    if text.startswith("/*", at):
        return text.index("*/", at) + 2
    if text.startswith("//", at):
        return text.index("\n", at)
    if text[at] in "\"'":
        quote = text[at]
        at += 1
        while text[at] != quote:
            at += 2 if text[at] == "\\" else 1
        return at + 1
    return at


def split_at(text, start, end, character):
    """The ranges between the characters that stand outside of all brackets."""
    ranges = []
    at = begin = start
    while at < end:
        skipped = skip_quoted(text, at)
        if skipped > at:
            at = skipped
        elif text[at] in "([{":
            at = closing(text, at)
        elif text[at] == character:
            ranges.append((begin, at))
            at += 1
            begin = at
        else:
            at += 1
    return ranges + [(begin, end)]


def statement_end(text, at):
    """Just after the semicolon that ends the statement that begins at text[at]."""
    return split_at(text, at, len(text), ";")[0][1] + 1


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
