#!/bin/sh
# Builds Cohort and tells one story twice: simulated, then live.
cd "$(dirname "$0")/.." || exit 4
. tools/setup.sh

read_arguments "Usage: sh tools/try.sh [--no-install]
Installs the Debian packages that are missing, builds, and tells one story twice: in the simulated
network, and live, with a bank and four customers as processes over UDP.
With --no-install it only says which packages are missing, and exits with 2." "$@"
need_packages $build_packages

echo "Building build/tools/cohort"
set_up build --buildtype release || exit 4
quietly build/build.log ninja -C build tools/cohort || exit 4

cohort=$PWD/build/tools/cohort
folder=$PWD/build/story
rm -rf "$folder"
mkdir "$folder"

echo
echo "== Simulated: tools/story/story.ini, in a network that loses a fifth of all datagrams"
echo
(cd tools/story && "$cohort" sim story.ini --seed 1 --story --trace "$folder/sim.jsonl") || exit
"$cohort" check "$folder/sim.jsonl" || exit

echo
echo "== Live: the same commands, typed at a bank and four customers over UDP"
echo
# In the background, for a shell takes a signal only when it waits so.
sh tools/story/live.sh "$cohort" "$folder/live" &
live=$!
trap 'kill "$live" 2>/dev/null; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
wait "$live" || exit
trap - EXIT INT TERM HUP
"$cohort" check --settled "$folder"/live/*.jsonl || exit

echo
echo "== In the end"
echo

# Three lists of "NAME MINOR-UNITS": what the rows of a bank's file say, and what each customer
# took along when its cohort was dissolved.
rows() { # CSV
    awk -F , 'NR > 1 {
        parts = split($2, part, ".")
        print $1, part[1] * 100 + (parts == 2 ? substr(part[2] "0", 1, 2) : 0)
    }' "$1"
}
left() { # TRACE...
    sed -n 's/.*"p":"\([^"]*\)".*"e":"left".*"balance":\([0-9]*\).*/\1 \2/p' "$@"
}
total() {
    awk '{ sum += $2 } END { printf "%d.%02d", sum / 100, sum % 100 }'
}
rows tools/story/four.csv >"$folder/before"
left "$folder/sim.jsonl" >"$folder/simulated"
left "$folder"/live/*.jsonl >"$folder/live/left"

awk '
    function money(units) { return sprintf("%d.%02d", units / 100, units % 100) }
    function line(name, a, b, c) { printf "  %-10s %12s %12s %12s\n", name, a, b, c }
    FNR == 1 { list++ }
    { balance[list, $1] = $2; total[list] += $2 }
    list == 1 { names[++count] = $1 }
    END {
        line("", "before", "simulated", "live")
        for (i = 1; i <= count; i++) {
            name = names[i]
            line(name, money(balance[1, name]), money(balance[2, name]), money(balance[3, name]))
            differs += balance[2, name] != balance[3, name]
        }
        line("total", money(total[1]), money(total[2]), money(total[3]))
        differs += total[1] != total[2] || total[1] != total[3]
        exit differs > 0
    }' "$folder/before" "$folder/simulated" "$folder/live/left" ||
    fail 1 "The simulated and the live story do not agree."

before=$(rows tools/story/data.csv | total)
after=$(rows "$folder/live/data.csv" | total)
echo
echo "All $(rows tools/story/data.csv | wc -l) customers of the live bank: $before before, $after after."
[ "$before" = "$after" ] || fail 1 "The live bank's money has changed."
