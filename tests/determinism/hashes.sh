#!/bin/sh
# hashes.sh COHORT...: runs a fixed set of seeds with the program that these words call, and prints
# the trace hash of each, which covers every byte sent. They are the same for every machine,
# compiler and optimisation. What they have to be is in `hashes`; when a change to the protocol or to
# the simulator is meant to change them, write them again:
#
#     sh tests/determinism/hashes.sh build/tools/cohort >tests/determinism/hashes
set -u
tests=$(cd "$(dirname "$0")/.." && pwd)
seeds=1..8
swarm_seeds=60

named() { # NAME: the hashes among the summaries
    sed -n "s|^{\"seed\":\([0-9]*\),.*\"trace_hash\":\"\([0-9a-f]*\)\".*|$1 \1 \2|p"
}

for scenario in planted/everything planted/come_and_go scenarios/accounts scenarios/cash \
    scenarios/cohorts scenarios/everything_cash scenarios/plain_udp scenarios/rough; do
    "$@" sim "$tests/$scenario.ini" --seeds "$seeds" --jobs 1 --json | named "$scenario"
done
for seed in $(seq "$swarm_seeds"); do
    "$@" sim --swarm --seed "$seed" --json | named swarm
done
