#!/bin/sh
# `cohort check` as people and programs call it. usage: check.sh COHORT SCENARIO_FOLDER
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
    "$cohort" check "$@" >"$tmp/out" 2>"$tmp/err"
    found=$?
    if [ "$found" -ne "$code" ]; then
        echo "$what: exit code $found instead of $code"
        cat "$tmp/out" "$tmp/err"
        failed=1
    fi
}
says() {
    what=$1
    file=$2
    shift 2
    grep -q -- "$1" "$tmp/$file" || {
        echo "$what: std$file does not say: $1"
        cat "$tmp/$file"
        failed=1
    }
}

# One trace per process, as live ones are: PROCESS names the part of $tmp/trace.
part() {
    {
        echo '{"cohort_trace":1,"mode":"live"}'
        grep "\"p\":\"$1\"" "$tmp/trace" | awk '{ sub(/"seq":[0-9]+/, "\"seq\":" NR - 1); print }'
    } >"$tmp/$1"
}

"$cohort" sim "$scenarios/plain_udp.ini" --trace "$tmp/trace" >/dev/null || failed=1

expect 0 "a sound trace" "$tmp/trace"
says "a sound trace" out '^[0-9]* events of 4 processes in 1 traces: no violation$'
expect 0 "stdin" - <"$tmp/trace"
expect 0 "json" --json "$tmp/trace"
says "json" out '^{"events":[0-9]*,"traces":1,"violations":0,"processes":\["c1","c2","c3","c4"\],"unseen":\[\],"runs":1}$'

# Simulated runs are judged each by itself, unless they are parts of one.
"$cohort" sim "$scenarios/plain_udp.ini" --seed 2 --trace "$tmp/trace2" >/dev/null || failed=1
expect 0 "two runs" "$tmp/trace" "$tmp/trace2"
says "two runs" out ' events of 4 processes in 2 traces of 2 runs: no violation$'
expect 0 "two runs, one piped" "$tmp/trace" - <"$tmp/trace2"
expect 0 "two runs as json" --json "$tmp/trace" "$tmp/trace2"
says "two runs as json" out '"traces":2,"violations":0,.*"runs":2}$'
part_of() { # NAME PATTERN...: the records of the whole trace that match
    name=$1
    shift
    {
        head -1 "$tmp/trace"
        grep "$@" "$tmp/trace" | grep '"seq":' |
            awk '{ sub(/"seq":[0-9]+/, "\"seq\":" NR - 1); print }'
    } >"$tmp/$name"
}
part_of half1 '"p":"c[12]"'
part_of half2 '"p":"c[34]"'
expect 0 "one run in two files" "$tmp/half1" "$tmp/half2"
says "one run in two files" out ' of 4 processes in 2 traces: no violation$'
expect 0 "half a run" "$tmp/half1"
says "half a run" out ' (seen: c1,c2; not seen: c3,c4)$'
expect 2 "standard input twice" - - <"$tmp/trace"
says "standard input twice" err '^cohort check: - and - are the same trace: name it once$'

for process in c1 c2 c3 c4; do
    part "$process"
done
expect 0 "all live traces" --settled "$tmp/c1" "$tmp/c2" "$tmp/c3" "$tmp/c4"
expect 0 "one live trace" --settled "$tmp/c2"
says "one live trace" out 'of 1 processes in 1 traces: no violation (seen: c2; not seen: c1,c3,c4)$'

# Something under way at the end is wrong only when the run claims to be over.
{
    echo '{"cohort_trace":1,"mode":"live"}'
    echo '{"seq":0,"t":1,"p":"c1","inc":0,"e":"opened","balance":10}'
    echo '{"seq":1,"t":2,"p":"c1","inc":0,"e":"joined","cohort":1,"members":["c1","c2"]}'
    echo '{"seq":2,"t":3,"p":"c1","inc":0,"e":"tentative","instance":"i","balance":10,"sent":{},"received":{}}'
} >"$tmp/open"
expect 0 "a run that goes on" "$tmp/open"
expect 1 "a run that is over" --settled "$tmp/open"
says "a run that is over" out '^VIOLATION invariant 6 (agreement) process c1 seq 2 '

sed '1s/live/sim/' "$tmp/open" >"$tmp/interrupted"
expect 1 "a simulation that claims to be over" "$tmp/interrupted"
expect 0 "a simulation that was interrupted" --unsettled "$tmp/interrupted"
expect 2 "over and not over" --settled --unsettled "$tmp/interrupted"

awk '!done && /"e":"received"/ { sub(/"amount":/, "&1"); done = 1 } { print }' \
    "$tmp/trace" >"$tmp/wrong"
expect 1 "a changed amount" "$tmp/wrong"
says "a changed amount" out '^VIOLATION invariant 4 (money) process c[1-4] seq [0-9]* file .*/wrong: expected balance [0-9]* after this, found [0-9]*$'
says "a changed amount" out '^VIOLATION invariant 1 (prefix) process '
says "a changed amount" out 'traces: 2 violations$'
expect 1 "a sound run and a wrong one" "$tmp/trace2" "$tmp/wrong"
says "a sound run and a wrong one" out 'of 2 runs: 2 violations$'
says "a sound run and a wrong one" out '^VIOLATION .* file .*/wrong: '
expect 1 "json of violations" --json "$tmp/wrong"
says "json of violations" out '^{"violation":4,"name":"money","process":"c[1-4]","seq":[0-9]*,"file":".*/wrong","text":"'

head -c 990 "$tmp/trace" >"$tmp/broken"
expect 2 "a broken trace" "$tmp/trace" "$tmp/broken"
says "a broken trace" err '^cohort check: .*/broken:[0-9]*: cut off'
expect 2 "an absent trace" "$tmp/absent"
expect 2 "a trace twice" "$tmp/c1" "$tmp/c2" "$tmp/../$(basename "$tmp")/c1"
says "a trace twice" err '/c1 and .*/c1 are the same trace: name it once$'
expect 2 "no trace"
says "no trace" err 'a trace is needed'
expect 2 "an unknown option" --frobnicate

sed '/"p":"c2","inc":0,"e":"opened"/d' "$tmp/trace" |
    awk '{ sub(/"seq":[0-9]+/, "\"seq\":" NR - 2); print }' >"$tmp/unopened"
expect 1 "a whole trace without one account" "$tmp/unopened"
says "a whole trace without one account" out '^VIOLATION invariant 0 (life) process c2 seq [0-9]* .* without an account$'

"$cohort" sim "$scenarios/cash.ini" --trace "$tmp/cash" >/dev/null
expect 0 "committed cash" "$tmp/cash"
sed '1s/,"cash":"commit"//' "$tmp/cash" >"$tmp/restored"
expect 1 "committed cash, judged as restored" "$tmp/restored"

exit $failed
