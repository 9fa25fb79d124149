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
    done = run(cohort, "explore", scenario, "--set", "explore.transfers=17", code=2)
    holds("at most 16" in done.stderr, "too many transfers for one datagram", done.stderr)
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as many:
        many.write("[bank]\ncustomers=2\n[script]\n" +
                   "".join(f"{at}s=c1 transfer 1 c2\n" for at in range(16)))
        many.flush()
        run(cohort, "explore", many.name, "--max-states", 120_000)
    idle = run(cohort, "explore", "/dev/null")
    holds("nothing may happen here: bounds in [explore]" in idle.stderr, "bounds of nothing")
    refused = run(cohort, "explore", scenario, "--set", "bank.customers=5", code=2)
    holds("2 to 4 customers" in refused.stderr, "too many customers", refused.stderr)
    holds("Examples:" in run(cohort, "explore", "--help").stdout, "--help")


# fault, what may happen: exit code and length of the counter-example. The moves that show it come
# together with others that do not; it is at rest, with more that may happen; all of it is idle.
SHORTEST = {
    ("send-while-recovering", "[script]\n1s=c1 transfer 1 c2\n2s=c1 crash\n"): (1, 3),
    ("no-forced-rollback", "[script]\n1s=c1 transfer 1 c2\n2s=c1 crash\n"): (1, 2),
    ("prepare-only-sent-to", "[script]\n1s=c2 transfer 1 c1; c2 crash\n"): (1, 3),
    ("prepare-only-sent-to", "[script]\n1s=c1 transfer 1 c2; c1 crash\n"): (1, 3),
    ("abort-read-as-commit", "[explore]\ntransfers=1\nrollbacks=2\ncrashes=1\n"): (3, 5),
    ("release-on-ack", "[explore]\ntransfers=1\nrollbacks=1\n"): (1, 9),
}

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


def check_shortest(cohort):
    for (fault, may_happen), (code, depth) in SHORTEST.items():
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as scenario:
            scenario.write("[bank]\ncustomers=2\n" + may_happen)
            scenario.flush()
            for flags in ([], ["--no-symmetry"]):
                found = last_json(run(cohort, "explore", scenario.name, "--planted", fault, "--json",
                                      *flags, code=code))
                holds(found["depth"] == depth, f"{fault}: {depth} moves are enough", found)
            run(cohort, "explore", scenario.name, "--max-states", 50_000)


def main():
    cohort, scenarios, what = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    if what == "planted":
        check_planted(cohort, scenarios)
        check_shortest(cohort)
    else:
        check_cases(cohort, scenarios)
        check_bounds(cohort, scenarios)


main()
