#!/usr/bin/env python3
"""The way of a fault through the laboratory: the swarm finds it, shrinking makes it small, the
schedule replays it, and exploration finds a shortest counter-example of its own, which replays too.

    laboratory.py COHORT NAME    plants the fault NAME
"""

import json
import os
import subprocess
import sys
import tempfile

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


def run(codes, *words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=280, check=False)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}, expected one of {codes}\n"
                 f"{done.stdout}{done.stderr}")
    return done


def first_seed(cohort, planted):
    done = run(FOUND, cohort, "sim", "--swarm", "--seeds", f"1..{SEEDS}", "--jobs", "1", "--json",
               *planted)
    return next(told["seed"] for told in map(json.loads, done.stdout.splitlines())
                if "violation" in told)


def replays(cohort, schedule, planted):
    """Fails again with the fault, and holds without it."""
    code = run(FOUND, cohort, "sim", "--schedule", schedule, *planted).returncode
    run((0,), cohort, "sim", "--schedule", schedule)
    return code


def main():
    cohort, name = os.path.abspath(sys.argv[1]), sys.argv[2]
    planted = ("--planted", name)
    with tempfile.TemporaryDirectory() as folder:
        small, shortest, scenario = (os.path.join(folder, file)
                                     for file in ("small.ini", "shortest.ini", "explored.ini"))
        seed = first_seed(cohort, planted)
        told = json.loads(run((0,), cohort, "shrink", "--swarm", "--seed", str(seed), "--json",
                              "--write-schedule", small, *planted).stdout)
        code = replays(cohort, small, planted)
        print(f"swarm: seed {seed}; shrunk from {told['choices_before']} to "
              f"{told['choices_after']} choices, violation of {told['violation']}, exit {code}")
        with open(scenario, "w", encoding="utf-8") as out:
            out.write(SCENARIO + CASES[name])
        run((0,), cohort, "explore", scenario)
        explored = run(FOUND, cohort, "explore", scenario, "--json", "--write-schedule", shortest,
                       *planted)
        code = replays(cohort, shortest, planted)
        last = json.loads(explored.stdout.splitlines()[-1])
        print(f"explored: {last['distinct']} states, a counter-example at depth {last['depth']}, "
              f"exit {code}")


main()
