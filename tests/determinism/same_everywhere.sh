#!/bin/sh
# same_everywhere.sh SOURCE DIRECTORY SCENARIO...: gcc and clang, without and with optimisation, make
# programs that run a seed alike, byte for byte; and a program runs it alike every time. The four
# programs are built in DIRECTORY and kept there for the next time. All arguments are whole paths.
set -eu
source=$1
directory=$2
shift 2

seeds=24        # compared by all that --json tells of them, the trace's hash included
traced="1 7 20" # compared by their whole traces

for compiler in gcc clang; do
    if ! command -v "$compiler" >/dev/null; then
        echo "skipped: $compiler is not installed"
        exit 77
    fi
done

mkdir -p "$directory"
cd "$directory"
programs=""
for compiler in gcc clang; do
    for optimization in 0 3; do
        program=$compiler-O$optimization
        if [ ! -f "$program/build.ninja" ]; then
            CC=$compiler meson setup "$program" "$source" -Doptimization=$optimization \
                >"$program.log" 2>&1 || { cat "$program.log" && exit 1; }
        fi
        ninja -C "$program" -j2 tools/cohort >"$program.log" 2>&1 || { cat "$program.log" && exit 1; }
        programs="$programs $program"
    done
done

failed=0

same() { # WHAT FILE FILE
    if ! cmp "$2" "$3"; then
        echo "not the same: $1"
        failed=1
    fi
}

first=""
for program in $programs; do
    for scenario; do
        name=$(basename "$scenario" .ini)
        "$program/tools/cohort" sim "$scenario" --seeds 1..$seeds --json |
            sed 's/"wall_ns":[0-9]*,//' >"$program/$name.json"
        [ "$(grep -c '"trace_hash":"[0-9a-f]\{16,\}"' "$program/$name.json")" -eq $seeds ] ||
            { echo "$program, $name: not a trace hash for each of $seeds seeds" && exit 1; }
        for seed in $traced; do
            "$program/tools/cohort" sim "$scenario" --seed "$seed" --trace "$program/$name.$seed" \
                --trace-datagrams >/dev/null
        done
    done
    first=${first:-$program}
    for scenario; do
        name=$(basename "$scenario" .ini)
        same "$name, $program and $first" "$program/$name.json" "$first/$name.json"
        for seed in $traced; do
            same "$name, trace of seed $seed, $program and $first" "$program/$name.$seed" \
                "$first/$name.$seed"
        done
    done
done

for scenario; do
    name=$(basename "$scenario" .ini)
    for seed in $traced; do
        "$first/tools/cohort" sim "$scenario" --seed "$seed" --trace "$first/again" \
            --trace-datagrams >/dev/null
        same "$name, seed $seed, two runs" "$first/again" "$first/$name.$seed"
        rm "$first/again"
    done
done
exit $failed
