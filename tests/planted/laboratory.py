#!/usr/bin/env python3
"""The way of a fault through the laboratory: the swarm finds it, shrinking makes it small, the
schedule replays it, and exploration finds a shortest counter-example of its own, which replays too.

    laboratory.py COHORT NAME    plants the fault NAME
"""

import json
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from cli import last_json, run

# name: what exploration may do to two customers
CASES = {
    "send-while-tentative": "transfers=2\ncheckpoints=1\n",
    "skip-read-as-transfer": "transfers=0\nlost_transfers=1\n",
    "prepare-without-closing": "transfers=1\nrollbacks=1\n",
}
SCENARIO = """[scenario]
name=small enough to explore
[bank]
customers=2
cohort_size=2
[explore]
"""
FOUND = (1, 3)
SEEDS = 500


def first_seed(cohort, planted):
    done = run(cohort, "sim", "--swarm", "--seeds", f"1..{SEEDS}", "--jobs", "1", "--json",
               *planted, code=FOUND)
    return next(told["seed"] for told in map(json.loads, done.stdout.splitlines())
                if "violation" in told)


def replays(cohort, schedule, planted):
    """Fails again with the fault, and holds without it."""
    code = run(cohort, "sim", "--schedule", schedule, *planted, code=FOUND).returncode
    run(cohort, "sim", "--schedule", schedule)
    return code


def main():
    cohort, name = os.path.abspath(sys.argv[1]), sys.argv[2]
    planted = ("--planted", name)
    with tempfile.TemporaryDirectory() as folder:
        small, shortest, scenario = (os.path.join(folder, file)
                                     for file in ("small.ini", "shortest.ini", "explored.ini"))
        seed = first_seed(cohort, planted)
        told = last_json(run(cohort, "shrink", "--swarm", "--seed", seed, "--json",
                             "--write-schedule", small, *planted))
        code = replays(cohort, small, planted)
        print(f"swarm: seed {seed}; shrunk from {told['choices_before']} to "
              f"{told['choices_after']} choices, violation of {told['violation']}, exit {code}")
        with open(scenario, "w", encoding="utf-8") as out:
            out.write(SCENARIO + CASES[name])
        run(cohort, "explore", scenario)
        last = last_json(run(cohort, "explore", scenario, "--json", "--write-schedule", shortest,
                             *planted, code=FOUND))
        code = replays(cohort, shortest, planted)
        print(f"explored: {last['distinct']} states, a counter-example at depth {last['depth']}, "
              f"exit {code}")


main()
