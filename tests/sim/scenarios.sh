#!/bin/sh
# Every shipped scenario holds for a few seeds. usage: scenarios.sh COHORT SCENARIO_FOLDER
failed=0
for scenario in "$2"/*.ini; do
    "$1" sim "$scenario" --seeds 1..5 || {
        echo "$scenario: exit code $?"
        failed=1
    }
done
exit $failed
