#!/bin/sh
# run.sh TARGET SECONDS LONGEST-INPUT SEEDS...: fuzzes TARGET for so long from the seeds, and once
# runs each of them. What is found lands in the folder fuzz.TARGET of the current one: `corpus`,
# kept for the next time, and inputs that break something.
set -eu
target=$1
seconds=$2
longest=$3
shift 3
here=$(dirname "$0")
name=$(basename "$target" | sed 's/^fuzz_//')
work=$PWD/fuzz.$name
mkdir -p "$work/corpus"
dictionary=$here/dictionaries/$name.dict
set -- "$work/corpus" "$@"
if [ -f "$dictionary" ]; then
    set -- "-dict=$dictionary" "$@"
fi
# Without pools of its own GLib shows each use of freed memory. The exit code of a finding is 77
# unless told otherwise, which meson takes for a test that was skipped.
G_SLICE=always-malloc exec "$target" -error_exitcode=1 -timeout_exitcode=1 \
    -max_total_time="$seconds" -max_len="$longest" -timeout=20 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/" "$@"
