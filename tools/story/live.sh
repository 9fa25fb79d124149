#!/bin/sh
# Tells the story of story.ini live: a bank and four customers, each a process of its own, over
# UDP on the loopback interface. Usage: live.sh COHORT FOLDER. COHORT is the program; FOLDER is
# made, and receives the traces and everything else.
#
# The commands are those of the scenario's script. In the place of its times, each command waits
# until the one before has come to rest at every customer.
cohort=$1
folder=$2
story=$(dirname "$0")

POLLS_MAX=1200 # of 0.05 s: nothing here takes a second, but on an overloaded machine

mkdir "$folder" || exit 4
processes=   # bank and customers
customers=
pids=

fail() { # TEXT...
    echo "live: $*" >&2
    exit 1
}

signal_all() { # SIGNAL: true when there was anybody to take it
    found=1
    for pid in $pids; do
        kill -"$1" "$pid" 2>/dev/null && found=0
    done
    return "$found"
}

# Ends what still runs, orderly where that works.
stop() {
    trap - EXIT INT TERM HUP
    signal_all TERM
    polls=0
    while [ "$polls" -lt 100 ] && signal_all 0; do
        polls=$((polls + 1))
        sleep 0.05
    done
    signal_all KILL
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM HUP

# A process NAME reads NAME.in, a FIFO, and writes NAME.out. Opened for reading and writing, the
# FIFO never blocks and never ends.
start() { # NAME OPTION...
    name=$1
    shift
    mkfifo "$folder/$name.in"
    : >"$folder/$name.out"
    "$cohort" "$@" --any-port --trace "$folder/$name.jsonl" <>"$folder/$name.in" \
        >"$folder/$name.out" 2>"$folder/$name.err" &
    eval "pid_$name=\$!"
    pids="$pids $!"
    processes="$processes $name"
    eval "shown_$name=0"
}

say() { # NAME LINE
    printf '%s\n' "$2" 1<>"$folder/$1.in"
}

count() { # NAME PATTERN: lines of its output
    grep -E -c "$2" "$folder/$1.out"
}

check_all() { # Does everybody still run?
    for one in $processes; do
        eval "kill -0 \$pid_$one" 2>/dev/null || fail "$one has ended. $(cat "$folder/$one.err")"
    done
}

await() { # NAME PATTERN COUNT: until so many lines of its output match
    polls=0
    while [ "$(count "$1" "$2")" -lt "$3" ]; do
        check_all
        polls=$((polls + 1))
        [ "$polls" -lt "$POLLS_MAX" ] || fail "$1 does not answer"
        sleep 0.05
    done
}

# Prints what is new from each NAME, without the answers to at_rest.
show() { # NAME...
    for name; do
        eval "shown=\$shown_$name"
        sed -n "$((shown + 1)),\$p" "$folder/$name.out" |
            grep -v -E '^  |^SUCCESS balance ' | sed "s/^/  $name: /"
        lines=$(wc -l <"$folder/$name.out")
        eval "shown_$name=\$lines"
    done
}

# Waits until nothing is under way at any customer: none of them waits for anybody.
rest() {
    for name in $customers; do
        turns=0
        until at_rest "$name"; do
            check_all
            turns=$((turns + 1))
            [ "$turns" -lt "$POLLS_MAX" ] || fail "$name does not come to rest"
        done
    done
}

at_rest() { # NAME
    answers=$(count "$1" '^SUCCESS balance ')
    lines=$(wc -l <"$folder/$1.out")
    say "$1" status
    say "$1" balance
    await "$1" '^SUCCESS balance ' $((answers + 1))
    ! sed -n "$((lines + 1)),\$p" "$folder/$1.out" | grep -q '^  waits for '
}

# --- the processes ---

cp "$story/data.csv" "$folder/data.csv"
start bank bank --port 0 --data "$folder/data.csv" --seed 1
await bank '^bank ready on ' 1
address=$(sed -n 's/^bank ready on //p' "$folder/bank.out")

for name in $(sed -n '2,$s/,.*//p' "$story/four.csv"); do
    start "$name" customer --bank "$address" --port1 0 --port2 0 --name "$name" \
        --state "$folder/state/$name"
    customers="$customers $name"
done
for name in $customers; do
    await "$name" '^EVENT resumed ' 1
done
show $processes

# --- the script ---

awk '
    /^\[/ { script = /^\[script\]/ }
    script && /^[0-9]/ {
        sub(/[ \t]#.*/, "")
        sub(/^[^=]*=/, "")
        count = split($0, commands, ";")
        for (i = 1; i <= count; i++)
            print commands[i]
    }' "$story/story.ini" >"$folder/script"

while read -r who command; do
    echo "$who> $command"
    results=$(count "$who" '^(SUCCESS|FAILURE) ')
    say "$who" "$command"
    await "$who" '^(SUCCESS|FAILURE) ' $((results + 1))
    rest
    show "$who" $processes
    ! grep -q '^FAILURE ' "$folder/$who.out" || fail "$who could not $command"
done <"$folder/script"

# --- the end ---

for name in $customers; do
    eval "kill -TERM \$pid_$name"
done
for name in $customers; do
    eval "wait \$pid_$name" || fail "$name has not ended well: $(cat "$folder/$name.err")"
done
say bank quit
eval "wait \$pid_bank" || fail "the bank has not ended well: $(cat "$folder/bank.err")"
pids=
