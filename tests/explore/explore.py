#!/usr/bin/env python3
"""`cohort explore` as people and programs call it.

    explore.py COHORT SCENARIOS command   small cases are complete; bounds, flags, exit codes
    explore.py COHORT SCENARIOS planted   a fault is found, and replayed by `cohort sim`
"""

import pathlib
import subprocess
import sys
import tempfile


sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from cli import holds, last_json, run

SMALL = {
    "transfers": ["explore.transfers=1", "explore.rollbacks=1"],
    "checkpoints": ["explore.checkpoints=1", "explore.rollbacks=1"],
    "crash": ["explore.checkpoints=0", "explore.rollbacks=0"],
    "three": ["explore.transfers_in_all=1", "explore.rollbacks=0"],
}


def small(cohort, scenarios, name, *flags):
    sets = [word for assignment in SMALL[name] for word in ("--set", assignment)]
    return last_json(run(cohort, "explore", scenarios / f"{name}.ini", *sets, "--json", *flags))


def check_cases(cohort, scenarios):
    for name in SMALL:
        result = small(cohort, scenarios, name)
        holds(result["complete"] and result["violations"] == 0, f"{name}: all of it holds", result)
        for key in ("states", "distinct", "depth", "states_per_s", "bytes"):
            holds(result[key] > 0, f"{name}: {key}", result)
        again = small(cohort, scenarios, name)
        holds((again["states"], again["distinct"]) == (result["states"], result["distinct"]),
              f"{name}: the same once more", again)
    both = small(cohort, scenarios, "transfers", "--no-symmetry")
    one = small(cohort, scenarios, "transfers")
    holds(1.8 * one["distinct"] < both["distinct"] <= 2 * one["distinct"],
          "two customers have two orders", both)


def check_bounds(cohort, scenarios):
    scenario = scenarios / "transfers.ini"
    stopped = last_json(run(cohort, "explore", scenario, "--max-states", 100, "--json"))
    holds(not stopped["complete"] and 100 <= stopped["distinct"] < 200, "--max-states", stopped)
    stopped = last_json(run(cohort, "explore", scenario, "--max-memory", "1M", "--json"))
    holds(not stopped["complete"], "--max-memory", stopped)
    stopped = run(cohort, "explore", scenario, "--budget", "300ms")
    holds("stopped by --budget" in stopped.stdout, "--budget", stopped.stdout)
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([cohort, "explore", scenario, "--max-states", "10"], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    holds((done.returncode, done.stderr) == (4, "cohort explore: standard output: cannot write\n"),
          "a full disk under stdout", done.stderr)
    for path in ("nowhere/schedule.ini", "/"):
        done = run(cohort, "explore", scenario, "--write-schedule", path, code=4)
        holds(f"cannot write {path}: " in done.stderr, "what cannot be written is said at once")
    for flags in (["--json", "--write-schedule", "-"], ["--max-states", "0"],
                  ["--max-memory", "1Q"], ["--budget", "soon"], [scenario]):
        run(cohort, "explore", scenario, *flags, code=2)
    run(cohort, "explore", code=2)
    idle = run(cohort, "explore", "/dev/null")
    holds("nothing may happen here: bounds in [explore]" in idle.stderr, "bounds of nothing")
    refused = run(cohort, "explore", scenario, "--set", "bank.customers=5", code=2)
    holds("2 to 4 customers" in refused.stderr, "too many customers", refused.stderr)
    holds("Examples:" in run(cohort, "explore", "--help").stdout, "--help")


PLANTED = {
    "prepare-without-closing": (1, "transfers"),
    "data-without-incarnation": (1, "transfers"),
    "abort-read-as-commit": (1, "transfers"),
    "prepare-only-sent-to": (3, "transfers"),
}


def check_planted(cohort, scenarios):
    for fault, (code, name) in PLANTED.items():
        with tempfile.TemporaryDirectory() as folder:
            schedule = pathlib.Path(folder) / "schedule.ini"
            sets = [word for assignment in SMALL[name] for word in ("--set", assignment)]
            told = run(cohort, "explore", scenarios / f"{name}.ini", *sets, "--planted", fault,
                       "--write-schedule", schedule, code=code)
            holds("move by move" in told.stdout, f"{fault}: it is told", told.stdout)
            holds("c1 opens an account with 1000\n" in told.stdout
                  and "Total before 2000, deposited 0," in told.stdout,
                  f"{fault}: with what the set-up has opened", told.stdout)
            replayed = run(cohort, "sim", "--schedule", schedule, "--planted", fault, code=code)
            holds("of [choices]" not in replayed.stderr, f"{fault}: all of it is asked for",
                  replayed.stderr)
            run(cohort, "sim", "--schedule", schedule)


def main():
    cohort, scenarios, what = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    if what == "planted":
        check_planted(cohort, scenarios)
    else:
        check_cases(cohort, scenarios)
        check_bounds(cohort, scenarios)


main()
