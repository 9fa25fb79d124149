#!/bin/sh
# same_everywhere.sh SOURCE DIRECTORY SCENARIO...: gcc without optimisation and clang with all of it
# make programs that run seeds alike, byte for byte: both have the hashes that are kept, as has the
# released program (hashes_are_kept.sh), and of some seeds their whole traces are compared. They are
# built in DIRECTORY and kept there for the next time. All arguments are whole paths.
set -eu
source=$1
directory=$2
shift 2

traced="1 7 20"

for compiler in gcc clang; do
    if ! command -v "$compiler" >/dev/null; then
        echo "skipped: $compiler is not installed"
        exit 77
    fi
done

mkdir -p "$directory"
cd "$directory"
programs=""
for program in gcc-O0 clang-O3; do
    if [ ! -f "$program/build.ninja" ]; then
        CC=${program%-O*} meson setup "$program" "$source" -Doptimization="${program#*-O}" \
            >"$program.log" 2>&1 || { cat "$program.log" && exit 1; }
    fi
    ninja -C "$program" -j2 tools/cohort >"$program.log" 2>&1 || { cat "$program.log" && exit 1; }
    programs="$programs $program"
done

failed=0
first=""
for program in $programs; do
    echo "$program"
    sh "$source/tests/determinism/hashes_are_kept.sh" "$program/tools/cohort" || failed=1
    first=${first:-$program}
    for scenario; do
        name=$(basename "$scenario" .ini)
        for seed in $traced; do
            "$program/tools/cohort" sim "$scenario" --seed "$seed" --trace "$program/$name.$seed" \
                --trace-datagrams >/dev/null
            if ! "$first/tools/cohort" diff "$first/$name.$seed" "$program/$name.$seed"; then
                echo "not the same: $name, seed $seed, $first and $program"
                failed=1
            fi
            [ "$program" = "$first" ] || rm "$program/$name.$seed"
        done
    done
done
exit $failed
