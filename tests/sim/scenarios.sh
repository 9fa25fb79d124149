#!/bin/sh
# Every shipped scenario holds for a few seeds. usage: scenarios.sh COHORT SCENARIO_FOLDER
failed=0

run() {
    "$cohort" sim "$@" || {
        echo "sim $*: exit code $?"
        failed=1
    }
}

cohort=$1
for scenario in "$2"/*.ini; do
    case $scenario in
    */everything*) run "$scenario" --seeds 1..300 ;;
    */day.ini) run "$scenario" --set scenario.duration=1h ;;
    *) run "$scenario" --seeds 1..5 ;;
    esac
done
exit $failed
