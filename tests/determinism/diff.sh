#!/bin/sh
# diff.sh COHORT SCENARIO_FOLDER: `cohort diff` and `cohort sim --check-determinism` as people and
# programs call them.
set -u
cohort=$1
scenarios=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

# expect CODE WHAT ARGUMENT...: its exit code; stdout and stderr are kept in $tmp
expect() {
    code=$1
    what=$2
    shift 2
    "$cohort" "$@" >"$tmp/out" 2>"$tmp/err"
    found=$?
    if [ "$found" -ne "$code" ]; then
        echo "$what: exit code $found instead of $code"
        cat "$tmp/out" "$tmp/err"
        failed=1
    fi
}
says() { # WHAT out|err PATTERN
    grep -q -- "$3" "$tmp/$2" || {
        echo "$1: std$2 does not say: $3"
        cat "$tmp/$2"
        failed=1
    }
}

# --- equal ---
"$cohort" sim "$scenarios/rough.ini" --trace "$tmp/a" >/dev/null
"$cohort" sim "$scenarios/rough.ini" --trace "$tmp/datagrams" --trace-datagrams >/dev/null
sed '1s/rough/renamed/; 2,$s/,"p":/, "p" : /' "$tmp/a" >"$tmp/spaced"
expect 0 "the same file" diff "$tmp/a" "$tmp/a"
says "the same file" out '^equal: [1-9][0-9]* events$'
expect 0 "written otherwise" diff "$tmp/a" "$tmp/spaced"
says "written otherwise" out '^equal: [1-9][0-9]* events (their headers differ)$'
expect 0 "standard input" diff - "$tmp/a" <"$tmp/a"
expect 0 "json of equal ones" diff --json "$tmp/a" "$tmp/spaced"
says "json of equal ones" out '^{"equal":true,"same_header":false,"same":[1-9][0-9]*,"fields":\[\],"sides":\['
expect 1 "datagrams in one" diff "$tmp/a" "$tmp/datagrams"
expect 0 "datagrams left out" diff "$tmp/a" "$tmp/datagrams" --no-datagrams

# --- different ---
awk 'NR == 40 { sub(/"t":/, "&1") } { print }' "$tmp/a" >"$tmp/b"
expect 1 "another time" diff "$tmp/a" "$tmp/b"
says "another time" out '^they part after 38 equal events, in: t$'
[ "$(grep -c '"seq":38,' "$tmp/out")" -eq 2 ] || { echo "not both sides"; failed=1; }
[ "$(grep -c '"seq":3[3-7],' "$tmp/out")" -eq 5 ] || { echo "not five before"; failed=1; }
says "another time" out '^     *[0-9.]* s  c[0-9] sends [0-9.]* to c[0-9] (label [0-9]*) and has '
expect 1 "what is left out is not named" diff "$tmp/b" "$tmp/datagrams" --ignore t,seq,p
says "what is left out is not named" out '^they part after 0 equal events, in: [^tp]'
expect 0 "times left out" diff "$tmp/a" "$tmp/b" --ignore t
expect 1 "context" diff "$tmp/a" "$tmp/b" --context 1
[ "$(grep -c '"seq":37,' "$tmp/out")" -eq 1 ] || { echo "context: not one before"; failed=1; }
[ "$(grep -c '"seq":3[6-9],' "$tmp/out")" -eq 3 ] || { echo "context: not three in all"; failed=1; }
expect 1 "no context" diff "$tmp/a" "$tmp/b" --context 0
grep -q 'nothing is before it' "$tmp/out" && { echo "no context: something is before it"; failed=1; }
expect 1 "what was left out is shown of both" diff "$tmp/b" "$tmp/datagrams" --ignore t
says "what was left out is shown of both" out '^nothing is before it$'
awk 'NR == 60 { sub(/"inc":/, "&1") } { print }' "$tmp/b" >"$tmp/c"
expect 1 "two parts" diff "$tmp/a" "$tmp/c" --ignore t --context 30
says "two parts" out '^the last of .*/a:$'
says "two parts" out '^the last of .*/c:$'
head -n 50 "$tmp/a" >"$tmp/short"
expect 1 "one is longer" diff "$tmp/short" "$tmp/a"
says "one is longer" out '^they part after 49 equal events$'
says "one is longer" out '/short ends$'
expect 1 "json" diff --json "$tmp/a" "$tmp/b"
says "json" out '^{"equal":false,"same_header":true,"same":38,"fields":\["t"\],"sides":\[{"name":".*","before":\[{"words":"[0-9]'
python3 -c 'import json, sys
found = json.load(open(sys.argv[1]))
sides = found["sides"]
assert [len(s["before"]) for s in sides] == [5, 5] and [len(s["after"]) for s in sides] == [5, 5]
assert all(s["after"][0]["event"]["seq"] == 38 for s in sides)' "$tmp/out" || failed=1

# --- bad input ---
expect 2 "one trace" diff "$tmp/a"
expect 2 "no such file" diff "$tmp/a" "$tmp/absent"
expect 2 "twice standard input" diff - -
expect 2 "context of nothing" diff "$tmp/a" "$tmp/a" --context -1
head -c 990 "$tmp/a" >"$tmp/cut"
expect 2 "a broken trace" diff "$tmp/a" "$tmp/cut"
says "a broken trace" err '^cohort diff: .*/cut:[0-9]*: cut off'
: >"$tmp/empty"
expect 2 "an empty file" diff "$tmp/empty" "$tmp/empty"

# --- twice the same ---
expect 0 "deterministic" sim "$scenarios/everything.ini" --check-determinism --seeds 1..3
[ "$(grep -c '^seed [123]: deterministic: [1-9][0-9]* events in [1-9][0-9]* steps, twice the same' \
    "$tmp/out")" -eq 3 ] || { echo "not three deterministic seeds"; cat "$tmp/out"; failed=1; }
expect 0 "deterministic, as JSON" sim "$scenarios/cash.ini" --check-determinism --seed 7 --json
says "deterministic, as JSON" out '^{"seed":7,"deterministic":true,"events":[1-9][0-9]*,"steps":[1-9][0-9]*,"trace_hash":"[0-9a-f]\{16\}"}$'
"$cohort" sim "$scenarios/cash.ini" --check-determinism --seeds 1..1000000 >"$tmp/out" 2>"$tmp/err" &
until grep -q '^seed 2: ' "$tmp/out"; do sleep 0.05; done
kill -INT $!
wait $!
[ $? -eq 130 ] || { echo "interrupted: not exit code 130"; failed=1; }
says "interrupted" err '^interrupted: [0-9]* of 1000000 seeds done$'
expect 2 "a trace of two runs" sim "$scenarios/cash.ini" --check-determinism --trace "$tmp/x"

exit $failed
