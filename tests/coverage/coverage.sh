#!/bin/sh
# coverage.sh SOURCE DIRECTORY [SEEDS]: how much of core/ the unit tests and a batch of drawn
# scenarios reach. Builds in DIRECTORY and keeps it for the next time; prints a table of each file's
# branches and lines, and fails below the limits. Left out of the count, each by a pattern:
#
#   the lines of an INVARIANT: its failure ends the program, and no test is to reach that
#   what only planted faults do
#   panic.c, which such a failure ends in
#
# What is not reached, and why, is in tests/coverage/README.md. To see the lines themselves:
#
#     gcovr -r . --filter core/ --html-details coverage.html DIRECTORY
set -eu
source=$(cd "$1" && pwd)
directory=$2
seeds=${3:-1000}

lines_min=100
branches_min=95

for tool in gcovr meson ninja; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: $tool is not installed"
        exit 77
    fi
done

mkdir -p "$directory"
cd "$directory"
quietly() { # LOG COMMAND...: its output only when it fails
    log=$1
    shift
    "$@" >"$log" 2>&1 || { cat "$log" && exit 1; }
}
[ -f build.ninja ] ||
    quietly setup.log meson setup . "$source" --buildtype debug -Db_coverage=true
quietly build.log ninja -j2
find . -name '*.gcda' -delete
quietly tests.log env MESON_TESTTHREADS=2 meson test --no-rebuild --suite unit --timeout-multiplier 4
quietly swarm.log tools/cohort sim --swarm --seeds "1..$seeds" --jobs 2

report() { # OPTION...
    gcovr -r "$source" --filter "$source/core/" \
        --exclude '.*/core/panic\.c' --exclude-lines-by-pattern '.*\bINVARIANT(_THAT)?\(.*' \
        --exclude-branches-by-pattern '.*\b(INVARIANT|INVARIANT_THAT|planted|planted_any)\(.*' \
        "$@" .
}
report --branches
report --fail-under-line "$lines_min" --fail-under-branch "$branches_min"
