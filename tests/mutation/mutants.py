"""Finds the mutants of a C file and writes the file once more with all of them in it.

A mutant is one small change of the source: a relation, an operator, a constant, a statement left
out, a condition negated. All mutants of a file are compiled at once (mutant schemata): where a
mutant may act stands an expression of mutant.h that asks, at run time, whether it has been chosen.
What C requires to be constant (case labels, tables, enumerations) cannot ask; such a mutant has a
text of its own, and is compiled alone.

No mutant changes an assertion, planted faults, marks (core/mark.h: they tell, and decide nothing)
or sizeof. Nothing else is left out.
"""

import ctypes
import os
import re
import subprocess

from clang import cindex
from clang.cindex import CursorKind, TypeKind

from source_text import closing, split_at, statement_end, without_comments

OPPOSITES = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
    "==": ("!=",), "!=": ("==",),
    "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "%": ("/",),
    "&": ("|",), "|": ("&",), "^": ("|",), "<<": (">>",), ">>": ("<<",),
}
RELATIONS = ("<", "<=", ">", ">=", "==", "!=")
DIVIDES = ("/", "%")
ASSIGNMENTS = {"+=": "-=", "-=": "+=", "*=": "+=", "/=": "*=", "%=": "/=", "|=": "&=", "&=": "|=",
               "^=": "|=", "<<=": ">>=", ">>=": "<<="}
# The text of these is nobody's to mutate: assertions, planted faults, marks, what is never
# evaluated.
LEFT_ALONE = (r"INVARIANT|INVARIANT_THAT|planted|planted_any|static_assert|_Static_assert|"
              r"G_STATIC_ASSERT|sizeof|G_N_ELEMENTS|offsetof")
PLANTED = re.compile(r"planted(_any)?\s*\([^()]*\)")
LITERAL = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9]+)([uUlL]*)")
CONTROL = {
    CursorKind.IF_STMT: "if", CursorKind.WHILE_STMT: "while", CursorKind.FOR_STMT: "for",
    CursorKind.DO_STMT: "do", CursorKind.SWITCH_STMT: "switch", CursorKind.CASE_STMT: "case",
    CursorKind.DEFAULT_STMT: "default", CursorKind.COMPOUND_STMT: "{",
    CursorKind.LABEL_STMT: "", CursorKind.DECL_STMT: "",
}
JUMPS = {CursorKind.BREAK_STMT: "break", CursorKind.CONTINUE_STMT: "continue",
         CursorKind.RETURN_STMT: "return"}


class Mutant:
    """One change. `text`: of a mutant compiled alone, the whole file with the change in it."""

    def __init__(self, file, line, function, what, text=None):
        self.file = file
        self.line = line
        self.function = function
        self.what = what  # "`a < b`: < becomes <="
        self.text = text
        self.key = None  # what names it however lines move
        self.number = None  # what the compiled program calls it

    def __str__(self):
        return f"{self.file}:{self.line} {self.key}"


class Node:
    """A range of the source that is rendered anew. `parts`: ranges within it, rendered first."""

    def __init__(self, start, end, parts, render, mutants):
        self.start = start
        self.end = end
        self.parts = parts
        self.render = render  # (parts as text) -> text
        self.mutants = mutants


def clang_arguments(root):
    flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], stdout=subprocess.PIPE,
                           text=True, check=True).stdout.split()
    return ["-std=gnu11", "-D_GNU_SOURCE", "-I" + root, *flags]


def file_offset(location):
    """Where a location is written: of a macro's argument the argument, not the macro."""
    offset = ctypes.c_uint()
    cindex.conf.lib.clang_getFileLocation(location, None, None, None, ctypes.byref(offset))
    return offset.value


def operator_between(text, start, end):
    """The operator that is all there is between two operands; None: a macro hides it."""
    found = without_comments(text[start:end]).strip()
    return found if found in OPPOSITES or found in ASSIGNMENTS or found in ("&&", "||") else None


class Finder:
    """Collects the nodes of one file."""

    def __init__(self, root, path):
        self.path = path
        self.name = os.path.basename(path)
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        if not self.text.isascii():  # clang counts bytes
            raise ValueError(f"{path}: not ASCII")
        functions = cindex.conf.lib.clang_getFileLocation
        functions.argtypes = [cindex.SourceLocation, ctypes.c_void_p, ctypes.c_void_p,
                              ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint)]
        unit = cindex.Index.create().parse(path, clang_arguments(root))
        bad = [str(fault) for fault in unit.diagnostics if fault.severity >= 3]
        if bad:
            raise ValueError("\n".join(bad))
        self.markers = "|".join(["effects_mark", *self.marking_functions()])
        self.left_alone = list(self.ranges_left_alone())
        self.nodes = []
        self.alone = []  # mutants that are compiled alone
        self.seen = set()
        self.function = ""
        self.returns_bool = False
        for cursor in unit.cursor.get_children():
            if cursor.location.file and cursor.location.file.name == path:
                self.top_level(cursor)
        self.name_mutants()

    def marking_functions(self):
        """Those named mark_... that set marks."""
        for match in re.finditer(r"^static void (mark_\w+)(\()", self.text, re.M):
            body = self.text.index("{", closing(self.text, match.start(2)))
            if "effects_mark(" in self.text[body:closing(self.text, body)]:
                yield match.group(1)

    def ranges_left_alone(self):
        for match in re.finditer(rf"\b({LEFT_ALONE}|{self.markers})\s*\(", self.text):
            end = closing(self.text, match.end() - 1)
            does_more = re.search(r"\w\(", self.text[match.end():end])
            if not does_more or match.group(1) not in self.markers.split("|"):
                yield match.start(), end

    # --- places ---

    def range_of(self, cursor):
        start, end = file_offset(cursor.extent.start), file_offset(cursor.extent.end)
        # A macro of a macro: clang gives the end of what it stands for.
        word = re.compile(r"\w+").match(self.text, end)
        if word:
            end = word.end()
            if self.text.startswith("(", end):
                end = closing(self.text, end)
        return start, end

    def source(self, cursor):
        start, end = self.range_of(cursor)
        return self.text[start:end]

    def is_left_alone(self, start, end):
        return any(begin <= start and end <= stop for begin, stop in self.left_alone)

    def mutant(self, start, end, change):
        shown = " ".join(without_comments(self.text[start:end]).split())
        shown = shown if len(shown) <= 76 else shown[:73] + "..."
        line = self.text.count("\n", 0, start) + 1
        return Mutant(self.name, line, self.function, f"`{shown}`: {change}")

    def add(self, start, end, parts, render, changes):
        """`changes`: one for each mutant of the node, in words."""
        key = (start, end, tuple(changes))
        statement = self.text[start:end].endswith(";")  # not of the macro, but of what it is in
        if key in self.seen or start >= end or self.is_left_alone(start, end - statement):
            return
        self.seen.add(key)
        mutants = [self.mutant(start, end, change) for change in changes]
        self.nodes.append(Node(start, end, parts, render, mutants))

    # --- the walk ---

    def top_level(self, cursor):
        self.function = cursor.spelling or "enum"
        if cursor.kind == CursorKind.FUNCTION_DECL and cursor.is_definition():
            if cursor.spelling in self.markers.split("|"):
                return
            self.returns_bool = cursor.result_type.get_canonical().kind == TypeKind.BOOL
            body = [child for child in cursor.get_children()
                    if child.kind == CursorKind.COMPOUND_STMT]
            self.statements(body[0], True)
            self.extremes(*self.range_of(cursor))
        else:
            self.constants(cursor)

    def statements(self, block, is_function):
        children = list(block.get_children())
        for child in children:
            last = is_function and child == children[-1]
            self.statement(child, last)

    def statement(self, cursor, last=False, only=False):
        """`last`: of the function; `only`: all that an `if` does."""
        kind = cursor.kind
        start, end = self.range_of(cursor)
        word = CONTROL.get(kind)
        if word and not self.text.startswith(word, start):
            word = None  # a macro that stands for a statement
            self.deletable(cursor, start)
            return
        if kind == CursorKind.COMPOUND_STMT:
            self.statements(cursor, False)
        elif kind == CursorKind.IF_STMT:
            self.if_statement(cursor)
        elif kind == CursorKind.FOR_STMT:
            self.for_statement(cursor, start)
        elif kind == CursorKind.WHILE_STMT:
            condition, body = list(cursor.get_children())
            if self.constant(condition) is None:
                self.condition(condition, ["never"])
                self.expression(condition)
                self.statement(body)
        elif kind == CursorKind.DO_STMT:
            body, condition = list(cursor.get_children())
            self.statement(body)
            self.condition(condition, ["never"])
            self.expression(condition)
        elif kind == CursorKind.SWITCH_STMT:
            value, body = list(cursor.get_children())
            self.expression(value)
            self.statement(body)
        elif kind == CursorKind.CASE_STMT:
            children = list(cursor.get_children())
            self.constants(children[0])
            self.statement(children[-1])
        elif kind in (CursorKind.DEFAULT_STMT, CursorKind.LABEL_STMT):
            self.statement(list(cursor.get_children())[-1])
        elif kind == CursorKind.DECL_STMT:
            for declared in cursor.get_children():
                self.declaration(declared)
        elif kind == CursorKind.NULL_STMT:
            pass
        else:
            self.simple(cursor, start, last)

    def simple(self, cursor, start, last):
        if cursor.kind == CursorKind.RETURN_STMT:
            if not last:
                self.deletable(cursor, start)
            for value in cursor.get_children():
                self.returned(value)
                self.expression(value)
        elif cursor.kind in JUMPS:
            self.deletable(cursor, start)
        elif not self.text.startswith("(void)", start):
            self.deletable(cursor, start)
            self.expression(cursor)

    def deletable(self, cursor, start):
        end = statement_end(self.text, start)
        self.add(start, end, [(start, end)],
                 lambda ids, parts: f"{{ if (!MUTANT({ids[0]})) {parts[0]} }}", ["left out"])

    def returned(self, value):
        start, end = self.range_of(value)
        if self.returns_bool and re.fullmatch(r"[\w>.()\-&*, \n\[\]]+", self.text[start:end]) and \
                self.text[start:end] not in ("true", "false"):
            self.condition(value, ["negated"])

    def if_statement(self, cursor):
        children = list(cursor.get_children())
        condition, then, otherwise = children[0], children[1], children[2:]
        changes = []
        if not self.is_compared(condition):
            changes.append("negated")
        inside = list(then.get_children()) if then.kind == CursorKind.COMPOUND_STMT else [then]
        single = len(inside) == 1 and inside[0].kind not in CONTROL
        if not otherwise and not single:
            changes.append("never")
        only_a_mark = not otherwise and re.fullmatch(
            rf"\{{?\s*({self.markers})\s*\([^;]*\)(;\s*\}})?",
            without_comments(self.source(then)).strip())
        known = self.constant(condition)
        if known is None and not only_a_mark:
            self.condition(condition, changes)
            self.expression(condition)
        if known is not False:
            self.statement(then)
        if known is not True:
            for branch in otherwise:
                self.statement(branch)

    def is_compared(self, condition):
        """Has an operator on top whose own mutants negate it, or nearly so."""
        if condition.kind == CursorKind.UNARY_OPERATOR:
            return self.source(condition).startswith("!")
        if condition.kind != CursorKind.BINARY_OPERATOR:
            return False
        return self.operator(condition)[0] in (*RELATIONS, "&&", "||")

    def for_statement(self, cursor, start):
        open_at = self.text.index("(", start)
        close_at = closing(self.text, open_at)
        (_, first), (_, second), _ = split_at(self.text, open_at + 1, close_at - 1, ";")
        for child in cursor.get_children():
            begin = self.range_of(child)[0]
            if begin >= close_at:
                self.statement(child)
            elif begin > second:
                self.expression(child)
            elif begin > first:
                self.condition(child, ["never"])
                self.expression(child)
            elif child.kind == CursorKind.DECL_STMT:
                for declared in child.get_children():
                    self.declaration(declared)
            else:
                self.expression(child)

    def declaration(self, cursor):
        static = cursor.storage_class == cindex.StorageClass.STATIC
        if cursor.kind != CursorKind.VAR_DECL or static:
            self.constants(cursor)
            return
        array = cursor.type.kind == TypeKind.CONSTANTARRAY
        for child in cursor.get_children():
            if array and child.kind == CursorKind.INTEGER_LITERAL:
                self.constants(child)  # its length
            elif child.kind.is_expression():
                self.expression(child)

    # --- planted faults: planted() is false ---

    def constant(self, cursor):
        """True or False: what a condition is because of planted faults; None: it depends."""
        if PLANTED.fullmatch(self.source(cursor)):
            return False
        children = list(cursor.get_children())
        if cursor.kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR) and len(children) == 1:
            return self.constant(children[0])
        if cursor.kind == CursorKind.UNARY_OPERATOR and self.source(cursor).startswith("!"):
            inner = self.constant(children[0])
            return None if inner is None else not inner
        if cursor.kind == CursorKind.BINARY_OPERATOR:
            operator = self.operator(cursor)[0]
            sides = [self.constant(child) for child in children]
            if operator in ("&&", "||") and (operator == "||") in sides:
                return operator == "||"
            if operator in ("&&", "||") and None not in sides:
                return operator == "&&"
        return None

    def living(self, cursor, children):
        """Those operands that are evaluated, and matter."""
        operator = self.operator(cursor)[0] if cursor.kind == CursorKind.BINARY_OPERATOR else None
        if operator in ("&&", "||"):
            constants = [self.constant(child) for child in children]
            if (operator == "||") in constants:
                return []
            return [child for child, known in zip(children, constants) if known is None]
        if cursor.kind == CursorKind.CONDITIONAL_OPERATOR:
            known = self.constant(children[0])
            if known is not None:
                return [children[1 if known else 2]]
        return children

    # --- conditions and expressions ---

    def condition(self, cursor, changes):
        start, end = self.range_of(cursor)
        if not changes or not self.whole(start, end):
            return
        both = ["negated", "never"]

        def render(ids, parts):
            named = dict(zip(changes, ids))
            return f"MUTANT_IF({named.get(both[0], 0)}, {named.get(both[1], 0)}, ({parts[0]}))"
        self.add(start, end, [(start, end)], render, changes)

    def whole(self, start, end):
        """Is this a range with all its brackets? Not so where a macro begins or ends in it."""
        text = self.text[start:end]
        return start < end and all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}"))

    def expression(self, cursor):
        kind = cursor.kind
        start, end = self.range_of(cursor)
        if self.is_left_alone(start, end):
            return
        if kind in (CursorKind.BINARY_OPERATOR, CursorKind.COMPOUND_ASSIGNMENT_OPERATOR):
            self.binary(cursor)
        elif kind == CursorKind.UNARY_OPERATOR:
            self.unary(cursor, start, end)
        elif kind in (CursorKind.INTEGER_LITERAL, CursorKind.CHARACTER_LITERAL):
            self.literal(cursor, start)
        elif kind == CursorKind.CONDITIONAL_OPERATOR:
            condition = list(cursor.get_children())[0]
            if not self.is_compared(condition) and self.constant(condition) is None and \
                    self.text[start:end].count("?"):
                self.condition(condition, ["negated"])
        elif kind == CursorKind.CXX_UNARY_EXPR:  # sizeof
            return
        if kind == CursorKind.StmtExpr:
            return  # a macro of GLib
        for child in self.living(cursor, list(cursor.get_children())):
            self.expression(child)

    def operator(self, cursor):
        left, right = list(cursor.get_children())
        a, b = self.range_of(left), self.range_of(right)
        if a[0] >= a[1] or a[1] > b[0] or b[0] >= b[1]:
            return None, a, b
        return operator_between(self.text, a[1], b[0]), a, b

    def binary(self, cursor):
        operator, a, b = self.operator(cursor)
        if operator is None or not self.whole(a[0], b[1]):
            return
        if operator in ASSIGNMENTS:
            becomes = ASSIGNMENTS[operator]
            self.add(a[0], b[1], [a, b], lambda ids, parts:
                     f"MUTANT_ASSIGN({ids[0]}, ({parts[0]}), {operator}, {becomes}, ({parts[1]}))",
                     [f"{operator} becomes {becomes}"])
        elif operator in ("&&", "||"):
            if all(self.constant(child) is None for child in cursor.get_children()):
                self.logic(operator, a, b)
        else:
            self.arithmetic(cursor, operator, a, b)

    def logic(self, operator, a, b):
        name, becomes = ("AND", "||") if operator == "&&" else ("OR", "&&")

        def render(ids, parts):
            return f"MUTANT_{name}({ids[0]}, {ids[1]}, {ids[2]}, ({parts[0]}), ({parts[1]}))"
        self.add(a[0], b[1], [a, b], render,
                 ["without its left side", "without its right side",
                  f"{operator} becomes {becomes}"])

    def arithmetic(self, cursor, operator, a, b):
        left, right = (child.type.get_canonical().kind for child in cursor.get_children())
        pointers = (TypeKind.POINTER, TypeKind.CONSTANTARRAY, TypeKind.INCOMPLETEARRAY)
        if operator == "-" and right in pointers:
            return  # pointers cannot be added
        if operator == "+" and right in pointers:
            return

        def render(ids, parts):
            changed = " ".join(self.alternative(number, becomes)
                               for number, becomes in zip(ids, OPPOSITES[operator]))
            return (f"MUTANT_BINARY(({parts[0]}), {operator}, ({parts[1]}), {changed})")
        self.add(a[0], b[1], [a, b], render,
                 [f"{operator} becomes {becomes}" for becomes in OPPOSITES[operator]])

    @staticmethod
    def alternative(number, operator):
        divides = "MUTANT_DIVIDES" if operator in DIVIDES else "MUTANT_BECOMES"
        return f"{divides}({number}, {operator})"

    def unary(self, cursor, start, end):
        operand = list(cursor.get_children())[0]
        a = self.range_of(operand)
        if a[0] >= a[1] or not self.whole(start, end):
            return
        before, after = self.text[start:a[0]].strip(), self.text[a[1]:end].strip()
        if before in ("++", "--") or after in ("++", "--"):
            operator = before or after
            becomes = "--" if operator == "++" else "++"
            name = "PREFIX" if before else "POSTFIX"
            self.add(start, end, [a], lambda ids, parts:
                     f"MUTANT_{name}({ids[0]}, ({parts[0]}), {operator}, {becomes})",
                     [f"{operator} becomes {becomes}"])
        elif before == "!":
            self.add(start, end, [a], lambda ids, parts:
                     f"(MUTANT({ids[0]}) ^ !({parts[0]}))", ["without its !"])
        elif before in ("-", "~") and operand.kind != CursorKind.INTEGER_LITERAL:
            self.add(start, end, [a], lambda ids, parts:
                     f"MUTANT_UNARY({ids[0]}, {before}, ({parts[0]}))", [f"without its {before}"])

    def literal(self, cursor, start):
        text = self.text
        word = re.compile(r"\w+|'(\\.|[^'\\])+'").match(text, start)
        if word is None:
            return
        end = word.end()
        if word.group() in ("true", "false"):
            sign = "!" if word.group() == "true" else ""
            self.add(start, end, [], lambda ids, parts: f"({sign}MUTANT({ids[0]}))",
                     ["becomes " + ("false" if sign else "true")])
            return
        if not (LITERAL.fullmatch(word.group()) or word.group().startswith("'")):
            return  # a macro's
        if self.is_zero_initialiser(start, end):
            return

        def render(ids, parts):
            less = f" - MUTANT({ids[1]})" if len(ids) > 1 else ""
            return f"({word.group()} + MUTANT({ids[0]}){less})"
        self.add(start, end, [], render, self.steps(word.group()))

    @staticmethod
    def steps(literal):
        zero = re.fullmatch(r"0[xX]?0*[uUlL]*", literal)
        return ["one more"] if zero or literal.startswith("'") else ["one more", "one less"]

    def is_zero_initialiser(self, start, end):
        return self.text[:start].rstrip().endswith("{") and \
            self.text[end:].lstrip().startswith("}") and self.text[start:end] == "0"

    def extremes(self, start, end):
        """MAX and MIN are relations that a macro hides."""
        for match in re.finditer(r"\b(MAX|MIN)\(", self.text[start:end]):
            at = start + match.start()
            stop = closing(self.text, at + 3)
            a, b = split_at(self.text, at + 4, stop - 1, ",")
            word = match.group(1)
            becomes = "MIN" if word == "MAX" else "MAX"
            self.add(at, stop, [a, b], lambda ids, parts, word=word, becomes=becomes:
                     f"MUTANT_EXTREME({ids[0]}, {word}, {becomes}, ({parts[0]}), ({parts[1]}))",
                     [f"{word} becomes {becomes}"])

    # --- what C requires to be constant ---

    def constants(self, cursor):
        for found in cursor.walk_preorder():
            if found.kind not in (CursorKind.INTEGER_LITERAL, CursorKind.CHARACTER_LITERAL):
                continue
            start = self.range_of(found)[0]
            word = re.compile(r"\w+|'(\\.|[^'\\])+'").match(self.text, start)
            if word is None or self.is_left_alone(start, word.end()) or start in self.seen:
                continue
            self.seen.add(start)
            if word.group() in ("true", "false"):
                other = "false" if word.group() == "true" else "true"
                self.alone.append(self.replaced(start, word.end(), other, "becomes " + other))
            elif (LITERAL.fullmatch(word.group()) or word.group().startswith("'")) and \
                    not self.is_zero_initialiser(start, word.end()):
                for change in self.steps(word.group()):
                    sign = "+" if change == "one more" else "-"
                    self.alone.append(self.replaced(start, word.end(),
                                                    f"({word.group()} {sign} 1)", change))

    def replaced(self, start, end, text, change):
        line_start = self.text.rfind("\n", 0, start) + 1
        line_end = self.text.index("\n", end)
        mutant = self.mutant(start, end, change)
        line = " ".join(self.text[line_start:line_end].split())
        mutant.what = f"`{self.text[start:end]}` in `{line}`: {change}"
        mutant.text = self.text[:start] + text + self.text[end:]
        return mutant

    # --- results ---

    def name_mutants(self):
        """The same change of the same text in one function is told apart by its number."""
        self.nodes.sort(key=lambda node: (node.start, -node.end))
        self.mutants = [mutant for node in self.nodes for mutant in node.mutants] + self.alone
        counts = {}
        for mutant in self.mutants:
            key = f"{mutant.function}: {mutant.what}"
            counts[key] = counts.get(key, 0) + 1
            mutant.key = key if counts[key] == 1 else f"{key} ({counts[key]})"

    def rendered(self):
        """The file with all its mutants in it; their numbers must be known."""
        return self.render(0, len(self.text), self.nodes)

    def render(self, start, end, nodes):
        """text[start:end] with `nodes`, which lie in it, in order, outer ones first."""
        pieces = []
        at = start
        index = 0
        while index < len(nodes):
            node = nodes[index]
            inner = index + 1
            while inner < len(nodes) and nodes[inner].start < node.end:
                inner += 1
            within = nodes[index + 1:inner]
            parts = [self.render(first, last, [one for one in within
                                               if first <= one.start and one.end <= last])
                     for first, last in node.parts]
            numbers = [mutant.number for mutant in node.mutants]
            pieces += [self.text[at:node.start], node.render(numbers, parts)]
            at = node.end
            index = inner
        return "".join(pieces) + self.text[at:end]
