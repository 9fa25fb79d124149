#!/bin/sh
# Builds Cohort in five ways and runs every test. The last line is `N passed, N failed`; the exit
# code is 0 only when nothing failed.
cd "$(dirname "$0")/.." || exit 4
. tools/setup.sh

read_arguments "Usage: sh tools/test.sh [--no-install]
Installs the Debian packages that are missing, builds, and runs every test.
With --no-install it only says which packages are missing, and exits with 2." "$@"
need_packages $build_packages $test_packages

passed=0
failed=0

count_of() { # WORD: of meson's summary
    awk -v word="$1:" '{ at = index($0, word) } at == 1 { n += $NF } END { print n + 0 }' "$output"
}

# Each stage has its own build directory, and runs the tests of the suites that belong there.
stage() { # DIRECTORY SUITES MESON-OPTION...
    directory=$1
    suites=$2
    shift 2
    echo "== $directory: $suites"
    began=$(date +%s)
    output=$directory/test.log
    if ! set_up "$directory" "$@" || ! quietly "$directory/build.log" ninja -C "$directory"; then
        failed=$((failed + 1))
        return
    fi
    set --
    for suite in $suites; do
        set -- "$@" --suite "$suite"
    done
    # A test that fails has the end of its output shown.
    { meson test -C "$directory" --no-rebuild --print-errorlogs --timeout-multiplier 2 "$@" \
        </dev/null 2>&1 || echo "meson test: $?"; } | tee "$output"
    good=$(($(count_of Ok) + $(count_of "Expected Fail")))
    bad=$(($(count_of Fail) + $(count_of "Unexpected Pass") + $(count_of Timeout)))
    # Ended without a word on which test it was.
    if [ "$bad" -eq 0 ] && grep -q '^meson test: ' "$output"; then
        bad=1
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    echo "== $directory: $good passed, $bad failed, $(($(date +%s) - began)) s"
}

stage build "unit sim live memory determinism swarm explore mutation" --buildtype release
stage build-asan "unit property" --buildtype debugoptimized \
    -Db_sanitize=address,undefined -Dc_args=-fno-sanitize-recover=all
stage build-tsan "threads" --buildtype debugoptimized -Db_sanitize=thread
stage build-fuzz "fuzz" --buildtype debugoptimized --native-file tests/fuzz/clang.ini -Dfuzz=true \
    -Db_lundef=false -Db_sanitize=address,undefined -Dc_args=-fno-sanitize-recover=all
stage build-planted "planted" --buildtype release -Dplanted_faults=true

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
