#!/bin/sh
# `cohort sim` as people and programs call it. usage: command.sh COHORT SCENARIO_FOLDER
set -u
cohort=$(realpath "$1")
scenarios=$2
example=$scenarios/example.ini
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

# expect CODE WHAT COMMAND...: its exit code; stdout and stderr are kept in $tmp
expect() {
    code=$1
    what=$2
    shift 2
    "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    found=$?
    if [ "$found" -ne "$code" ]; then
        echo "$what: exit code $found instead of $code"
        cat "$tmp/err"
        failed=1
    fi
}
holds() {
    what=$1
    shift
    "$@" || {
        echo "$what: does not hold: $*"
        failed=1
    }
}
stderr_says() { grep -q -- "$1" "$tmp/err"; }
lines_are() { [ "$(wc -l <"$tmp/out")" -eq "$1" ]; }
last_line_says() { tail -n 1 "$tmp/out" | grep -q -- "$1"; }

# --- one run ---
expect 0 "one run" "$cohort" sim "$example"
holds "summary" last_line_says '^seed 1: .* no violation, trace hash [0-9a-f]\{16\}$'
cp "$tmp/out" "$tmp/first"
expect 0 "the same again" "$cohort" sim "$example" --seed 1
holds "same bytes" cmp -s "$tmp/out" "$tmp/first"
expect 0 "trace to a file" "$cohort" sim "$example" --trace "$tmp/trace"
expect 0 "trace to stdout" "$cohort" sim "$example" --trace -
holds "same trace" sh -c "head -n -1 '$tmp/out' | cmp -s - '$tmp/trace'"
holds "header" sh -c "head -n 1 '$tmp/trace' | grep -q '\"mode\":\"sim\",\"scenario\":\"lost transfer, then rollback\",\"seed\":1'"
expect 0 "datagrams" "$cohort" sim "$example" --trace "$tmp/datagrams" --trace-datagrams
for event in tx rx drop dup; do
    holds "datagrams are traced" grep -q "\"e\":\"$event\"" "$tmp/datagrams"
    holds "only when asked" sh -c "! grep -q '\"e\":\"$event\"' '$tmp/trace'"
done
holds "a drop says of which datagram" sh -c "! grep '\"e\":\"drop\"' '$tmp/datagrams' | grep -q '\"bytes\":0'"
holds "a loss is at its sender" sh -c "! grep '\"reason\":\"loss\"' '$tmp/datagrams' | grep -q '\"from\":'"
holds "a refusal is at its receiver" sh -c "! grep '\"reason\":\"order\"' '$tmp/datagrams' | grep -q '\"to\":'"
expect 0 "story" "$cohort" sim "$scenarios/rollback.ini" --story
holds "story explains" grep -q 'c3 keeps its state: ' "$tmp/out"
expect 0 "defaults" "$cohort" sim --dump-defaults
cp "$tmp/out" "$tmp/defaults.ini"
expect 0 "defaults are a scenario" "$cohort" sim "$tmp/defaults.ini"

# --- json ---
expect 0 "json" "$cohort" sim "$example" --json
holds "keys in their order" sh -c "sed 's/:[^,}]*//g' '$tmp/out' | grep -qx '{\"seed\",\"virtual_ns\",\"wall_ns\",\"events\",\"datagrams_sent\",\"datagrams_delivered\",\"datagrams_dropped\",\"transfers\",\"transfers_received\",\"transfers_lost\",\"transfers_undone\",\"checkpoints\",\"rollbacks\",\"crashes\",\"money_in\",\"money_out\",\"money_total\",\"violations\",\"trace_hash\",\"settle_ns\",\"settle_ns_max\",\"bank_crashes\",\"restarts\",\"recoveries\",\"in_doubt_resolved\",\"partitions\",\"pauses\",\"clock_jumps\",\"disk_errors\",\"disk_full\",\"torn_writes\",\"lost_writes\",\"bit_flips\",\"bit_flips_repaired\",\"bit_flips_refused\"}'"

# --- faults ---
everything=$scenarios/everything.ini
expect 0 "everything at once" "$cohort" sim "$everything" --seed 3
holds "faults are counted" last_line_says ' crashes, .* bank crashes, .* restarts, .* partitions, '
holds "the bound is told" last_line_says ', settled in [0-9.]* s of 3600.000 s, '
expect 0 "a batch of them" "$cohort" sim "$everything" --seeds 1..5
holds "the sum of all" last_line_says '^5 seeds (1..5), [0-9]* events, [0-9]* crashes, .* disk errors, .*: no violation$'
expect 0 "by script" "$cohort" sim "$scenarios/rollback.ini" --set "script.2.5s=c1 crash" --set "script.3.5s=c1 restart" --json
holds "one crash" last_line_says '"crashes":1,.*"restarts":1,'

# --- schedules ---
hash_of() { sed -n 's/.*trace hash \([0-9a-f]*\)$/\1/p' "$1"; }
expect 0 "write a schedule" "$cohort" sim "$everything" --seed 3 --write-schedule "$tmp/s.ini"
hash_of "$tmp/out" >"$tmp/hash"
holds "its summary comes as always" last_line_says '^seed 3: .* no violation, trace hash '
expect 0 "replay it" "$cohort" sim --schedule "$tmp/s.ini" --write-schedule "$tmp/again.ini"
holds "all that it holds is asked for" test ! -s "$tmp/err"
holds "the same seed" last_line_says '^seed 3: '
holds "the same run" sh -c "hash='$(hash_of "$tmp/out")'; echo \"\$hash\" | cmp -s - '$tmp/hash'"
holds "the same schedule" cmp -s "$tmp/s.ini" "$tmp/again.ini"
expect 0 "it is a scenario" "$cohort" sim "$tmp/s.ini"
holds "the same run" sh -c "hash='$(hash_of "$tmp/out")'; echo \"\$hash\" | cmp -s - '$tmp/hash'"
expect 0 "of a swarm's seed" "$cohort" sim --swarm --seed 2 --write-schedule -
holds "on stdout" grep -qx 'seed=2' "$tmp/out"
expect 0 "schedule with a trace" "$cohort" sim --schedule "$tmp/s.ini" --trace "$tmp/replayed"
expect 0 "and its run" "$cohort" sim "$everything" --seed 3 --trace "$tmp/drawn"
holds "the same trace" cmp -s "$tmp/replayed" "$tmp/drawn"
{ cat "$tmp/s.ini"; printf 'c1>c2 999999=lost\nc2 crash 888888=lose 1\n'; } >"$tmp/idle.ini"
expect 0 "choices that nothing asks for" "$cohort" sim --schedule "$tmp/idle.ini"
holds "says how many and the first" stderr_says '^2 of \[choices\] are answers to no question of this run, the first is c1>c2 999999=lost$'
holds "the summary is the last line of stdout" last_line_says '^seed 3: '
expect 2 "no schedule" "$cohort" sim --schedule "$example"
holds "says what to do" stderr_says 'there is no group \[choices\].*leave --schedule out'
expect 2 "schedule and scenario" "$cohort" sim "$example" --schedule "$tmp/s.ini"
expect 2 "schedule and swarm" "$cohort" sim --swarm --seed 1 --schedule "$tmp/s.ini"
expect 2 "schedule of a batch" "$cohort" sim "$example" --seeds 1..2 --write-schedule "$tmp/x"
expect 2 "rates in a schedule" "$cohort" sim --schedule "$tmp/s.ini" --set network.loss=5%
holds "says why" stderr_says '\[network\] loss: nothing is drawn in a schedule'
expect 2 "two on stdout" "$cohort" sim "$example" --json --write-schedule -
holds "says what to do" stderr_says '--json has stdout to itself: name a file with --write-schedule'
expect 2 "two on stdout" "$cohort" sim "$example" --trace - --write-schedule -
expect 0 "trace on stdout" "$cohort" sim "$example" --trace -
cp "$tmp/out" "$tmp/both"
expect 0 "trace on what stdout is" "$cohort" sim "$example" --trace /dev/stdout
holds "nothing is lost of either" cmp -s "$tmp/out" "$tmp/both"
cp "$example" "$tmp/mine.ini"
for other in "$tmp/mine.ini" "$tmp/./mine.ini"; do
    expect 2 "scenario and trace in one file" "$cohort" sim "$tmp/mine.ini" --trace "$other"
    holds "names it" stderr_says 'are the same file, .*: name two$'
done
expect 2 "trace and schedule in one file" "$cohort" sim "$example" --trace "$tmp/x" --write-schedule "$tmp/./x"
holds "names it" stderr_says 'are the same file, .*: name two$'
holds "it is left as it was" cmp -s "$example" "$tmp/mine.ini"
holds "nothing was begun" test ! -e "$tmp/x"
printf '[choices]\nc1>c2 1=lost\nc1>c2 01=1ms\n' >"$tmp/twice.ini"
expect 2 "another spelling of a key" "$cohort" sim --schedule "$tmp/twice.ini"
holds "names the key" stderr_says 'twice.ini: \[choices\] c1>c2 01: must be written `c1>c2 1`'
expect 4 "schedule that cannot be written" "$cohort" sim "$example" --write-schedule "$tmp/no/where"

# --- a batch ---
expect 0 "batch" "$cohort" sim "$example" --seeds 3..9 --jobs 3 --json
holds "one line for each seed" lines_are 7
holds "in order of seeds" sh -c "cut -d, -f1 '$tmp/out' | cut -d: -f2 | sort -nc"
sed 's/"wall_ns":[0-9]*//' "$tmp/out" >"$tmp/whole"
: >"$tmp/parts"
for part in 1 2 3; do
    expect 0 "shard $part" "$cohort" sim "$example" --seeds 3..9 --jobs 1 --shard $part/3 --json
    sed 's/"wall_ns":[0-9]*//' "$tmp/out" >>"$tmp/parts"
done
holds "shards make up the whole" cmp -s "$tmp/whole" "$tmp/parts"
expect 0 "batch for people" "$cohort" sim "$example" --seeds 1..3
holds "only the total" lines_are 1
holds "total" last_line_says '^3 seeds (1..3), [0-9]* events: no violation$'
expect 0 "a shard without seeds" "$cohort" sim "$example" --seeds 1..2 --shard 3/3
holds "total" last_line_says '^0 seeds, 0 events: no violation$'

# --- usage ---
expect 2 "no scenario" "$cohort" sim
expect 2 "two scenarios" "$cohort" sim "$example" "$example"
expect 2 "missing file" "$cohort" sim "$tmp/nowhere.ini"
expect 2 "seed and seeds" "$cohort" sim "$example" --seed 1 --seeds 1..2
expect 2 "bad seed" "$cohort" sim "$example" --seed one
expect 2 "bad seeds" "$cohort" sim "$example" --seeds 5..4
holds "says what it means" stderr_says '--seeds must be A..B, A not above B'
for last in 9223372036854775807 18446744073709551615; do
    expect 2 "more seeds than a batch has" "$cohort" sim "$example" --seeds 0..$last
    holds "says how many it has" stderr_says '--seeds: a batch has at most 9223372036854775807 seeds'
done
expect 0 "the last of all seeds" "$cohort" sim "$example" --seeds 18446744073709551615..18446744073709551615
holds "total" last_line_says '^1 seeds (18446744073709551615..18446744073709551615)'
for jobs in 0 1025 -1 many ''; do
    expect 2 "--jobs '$jobs'" "$cohort" sim "$example" --seeds 1..2 --jobs "$jobs"
    holds "says what it means" stderr_says '--jobs must be a number from 1 to 1024'
done
for budget in 0s -1s soon 5; do
    expect 2 "--budget $budget" "$cohort" sim "$example" --seeds 1..2 --budget $budget
    holds "says what it means" stderr_says '--budget must be a time such as'
done
expect 2 "a budget that would not be kept" "$cohort" sim "$example" --check-determinism --seeds 1..2 --budget 1s
expect 2 "bad shard" "$cohort" sim "$example" --seeds 1..4 --shard 3/2
expect 2 "shard of one run" "$cohort" sim "$example" --shard 1/2
expect 2 "trace of a batch" "$cohort" sim "$example" --seeds 1..2 --trace "$tmp/x"
expect 2 "bad override" "$cohort" sim "$example" --set network.loss=2
holds "names key and reason" stderr_says '--set: \[network\] loss: '
expect 2 "missing data" "$cohort" sim "$example" --set bank.data="$tmp/nowhere.csv"
expect 4 "trace that cannot be written" "$cohort" sim "$example" --trace "$tmp/no/where"
if [ -e /dev/full ]; then
    expect 4 "full disk" "$cohort" sim "$example" --trace /dev/full
    expect 4 "full disk under the help" sh -c '"$1" --help >/dev/full' sh "$cohort"
    expect 4 "full disk under stdout" sh -c '"$1" sim "$2" --json >/dev/full' sh "$cohort" "$example"
    expect 4 "full disk under a batch" sh -c '"$1" sim "$2" --seeds 1..2 >/dev/full' sh "$cohort" "$example"
fi
expect 4 "a limit to the size of files" sh -c 'ulimit -f 10; "$1" sim "$2" --trace "$3"' sh "$cohort" "$example" "$tmp/large"
holds "says so" stderr_says 'cannot write .*/large: File too large'
printf '[scenario]\nduration=1s\n\0[network]\nloss=lots\n' >"$tmp/nul.ini"
expect 2 "NUL in a scenario" "$cohort" sim "$tmp/nul.ini"
holds "names the place" stderr_says 'nul.ini: a NUL byte at offset 23'

expect 2 "a scenario without an end" timeout 60 "$cohort" sim /dev/zero
holds "names the place" stderr_says '/dev/zero: a NUL byte at offset 0'
expect 2 "a folder for a scenario" "$cohort" sim "$tmp"
holds "says why" stderr_says ": cannot read $tmp: Is a directory"
expect 0 "a scenario from a pipe" sh -c 'cat "$2" | "$1" sim /dev/stdin' sh "$cohort" "$example"

# --- customers of a file ---
printf 'name,balance,ip_address,port1,port2,cohort,exit_state\nanna,10,127.0.0.1,8501,8502,,0\nbert,20.50,127.0.0.1,8503,8504,,0\n' >"$tmp/data.csv"
expect 0 "data" "$cohort" sim "$tmp/defaults.ini" --set bank.data="$tmp/data.csv" --set script.1s="anna transfer 5 bert" --story
holds "their balances" grep -q 'In the end: anna has 5, bert has 25.50\.' "$tmp/out"
mkdir "$tmp/beside"
cp "$tmp/data.csv" "$tmp/defaults.ini" "$tmp/beside"
mv "$tmp/beside/data.csv" "$tmp/beside/there.csv"
expect 0 "data beside the scenario" "$cohort" sim "$tmp/beside/defaults.ini" --set bank.data=there.csv

expect 0 "schedule of it" "$cohort" sim "$tmp/beside/defaults.ini" --set bank.data=there.csv --set "script.1s=anna deposit 5" --write-schedule "$tmp/data.ini"
hash_of "$tmp/out" >"$tmp/hash"
expect 0 "elsewhere" "$cohort" sim --schedule "$tmp/data.ini"
holds "the same run" sh -c "hash='$(hash_of "$tmp/out")'; echo \"\$hash\" | cmp -s - '$tmp/hash'"
expect 0 "schedule from its folder" sh -c "cd '$tmp/beside' && '$cohort' sim defaults.ini --set bank.data=there.csv --write-schedule ../here.ini"
expect 0 "in another folder" "$cohort" sim --schedule "$tmp/here.ini"
sed 's/^anna/bank/' "$tmp/data.csv" >"$tmp/bank.csv"
mkdir "$tmp/a #b"
cp "$tmp/data.csv" "$tmp/a #b"
for data in ../bank.csv data.csv; do
    in_folder="cd '$tmp/a #b' && '$cohort' sim ../defaults.ini --set bank.data=$data"
    expect 0 "a run without a schedule" sh -c "$in_folder"
    expect 2 "a schedule that cannot be read" sh -c "$in_folder --write-schedule x.ini"
    holds "says so" stderr_says 'no schedule can be written of this: '
done

# --- violations ---
if "$cohort" sim --planted list >/dev/null 2>&1; then
    expect 1 "safety" "$cohort" sim "$example" --planted send-while-tentative
    holds "violations are named" grep -q '^violation of discipline: c[123], seq [0-9]*: ' "$tmp/out"
    holds "reproduction" grep -q '^reproduce: .*cohort sim .* --seed 1 --planted send-while-tentative$' "$tmp/out"
    holds "summary" last_line_says ' VIOLATION'
    cp "$tmp/out" "$tmp/first"
    expect 1 "the reproducing command" sh -c "$(sed -n 's/^reproduce: //p' "$tmp/first")"
    holds "reproduces" cmp -s "$tmp/out" "$tmp/first"
    for name in '-x.ini' "a b'c\"\$.ini"; do # pasted where it was said
        cp "$example" "$tmp/$name"
        expect 1 "a scenario called $name" sh -c "cd '$tmp' && \"\$1\" sim --planted send-while-tentative -- \"\$2\"" sh "$cohort" "$name"
        command=$(sed -n 's/^reproduce: //p' "$tmp/out")
        expect 1 "$command" sh -c "cd '$tmp' && $command"
    done
    expect 1 "schedule of it" "$cohort" sim "$example" --planted send-while-tentative --write-schedule "$tmp/bad.ini"
    expect 1 "fails alone" "$cohort" sim --schedule "$tmp/bad.ini" --planted send-while-tentative
    holds "reproduction" grep -q '^reproduce: .*cohort sim .*bad.ini.* --seed 1 --planted send-while-tentative$' "$tmp/out"
    expect 3 "liveness" "$cohort" sim "$example" --planted release-on-ack
    holds "who waits" grep -q '^violation of liveness: c[123]: ' "$tmp/out"
    expect 1 "failing batch" "$cohort" sim "$example" --seeds 1..4 --planted send-while-tentative
    holds "total" last_line_says '4 FAILED (4 safety, 0 liveness, 0 broken off)$'
    expect 2 "unknown fault" "$cohort" sim "$example" --planted nonsense
fi

exit $failed
