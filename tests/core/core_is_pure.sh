#!/bin/sh
# core_is_pure.sh ARCHIVE: the core does no I/O, reads no clock, starts no thread, draws no system
# randomness and has no stdio. What an archive does not name it cannot call, so the proof is its
# list of outside symbols: each must be allowed below.
set -eu
export LC_ALL=C

archive=$1
names=$(mktemp -d)
trap 'rm -rf "$names"' EXIT

# One extended regular expression a line; each must match the whole symbol.
cat > "$names/allowed" << 'END'
abort
bsearch|qsort
malloc|free
bcmp|mem(chr|cmp|cpy|move|set)
stpcpy|str(chr|cmp|cpy|len|ncmp|nlen|rchr|str)
__(mem|st[pr])[a-z]*_chk
_GLOBAL_OFFSET_TABLE_|__stack_chk_fail
__(asan|ubsan|lsan|tsan|msan|sanitizer|gcov|llvm_profile|llvm_gcov)_.*
__(start|stop)___.*
g_ascii_table
g_(free|(malloc0?|realloc)(_n)?|memdup2)
g_str(dup|escape|lcat|lcpy|ndup)
g_ascii_strcasecmp
g_(array|byte_array|ptr_array|queue|sequence)_.*
g_(direct|int|int64|str)_(equal|hash)
END
# Of these not all. A hash table must not be iterated: its order differs between machines. A string
# must not be printed to: that is stdio.
cat >> "$names/allowed" << 'END'
g_hash_table_(new|new_full|destroy|unref|size|remove_all)
g_hash_table_(add|contains|insert|lookup|lookup_extended|remove|replace)
g_string_(new|sized_new|free|truncate|set_size)
g_string_(append|append_c|append_len|insert_c|insert_len)
END
# Of libcsv its parser, which works on memory; not its functions that write to a FILE.
cat >> "$names/allowed" << 'END'
csv_(init|free|fini|parse|set_space_func)
END

nm "$archive" > "$names/nm"
awk 'NF == 3 && $2 ~ /^[A-TV-Zuvw]$/ { print $3 }' "$names/nm" | sort -u > "$names/inside"
awk 'NF == 2 && $1 ~ /^[Uvw]$/ { print $2 }' "$names/nm" | sort -u > "$names/named"
comm -23 "$names/named" "$names/inside" > "$names/outside"

if ! test -s "$names/inside"; then
    echo "core_is_pure: $archive defines nothing" >&2
    exit 1
fi
offenders=$(grep -Evxf "$names/allowed" "$names/outside" || true)
if test -n "$offenders"; then
    echo "core_is_pure: the core reaches outside. Not allowed, and who names it:" >&2
    for symbol in $offenders; do
        nm --undefined-only --print-file-name "$archive" | awk -v s="$symbol" '$NF == s' >&2
    done
    exit 1
fi
echo "core_is_pure: $(wc -l < "$names/outside") outside symbols, all allowed"
