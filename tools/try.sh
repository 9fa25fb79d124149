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
live=
trap '[ -z "$live" ] || kill "$live" 2>/dev/null; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
sh tools/story/live.sh "$cohort" "$folder/live" &
live=$!
wait "$live" || exit
live=
"$cohort" check --settled "$folder"/live/*.jsonl || exit

echo
echo "== In the end"
echo

# Both print "NAME BALANCE", in minor units: what each took along when the cohort was dissolved,
# and what the rows of a bank's file say.
left() { # TRACE...
    sed -n 's/.*"p":"\([^"]*\)".*"e":"left".*"balance":\([0-9]*\).*/\1 \2/p' "$@"
}
rows() { # CSV
    awk -F '[,.]' 'NR > 1 {
        has_fraction = $2 "." $3 == substr($0, length($1) + 2, length($2 $3) + 1)
        print $1, $2 * 100 + (has_fraction ? substr($3 "0", 1, 2) : 0)
    }' "$1"
}
