#!/usr/bin/env python3
"""How each planted fault is found, and how small the run is that shows it.

    table.py COHORT [NAME...]    looks for all faults, or those named, and writes TABLE.md
    table.py COHORT --check      TABLE.md must be complete, without a survivor, and good enough

    --seeds N       seeds of the swarm before it is given up (default 20000)
    --budget D      time for the swarm, and for shrinking (default 60s each)
    --explore D     time for exploration, within each of its bounds (default 6s)
    --depth         only explores, and leaves the rest of the table as it is
    --swarm         does not explore, and leaves the depths as they are

The swarm draws its own scenarios. What it does not find within its budget the fault's own scenario
in planted.py must find. The small run is run once more, with the fault and without: it must fail and
hold. A fault that no run can show a unit test, or a look at the trace, must find (see planted.py).
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "TABLE.md")
HEADER = os.path.join(HERE, "..", "..", "core", "planted.h")
# What is explored: a file of tests/explore, and what is set in it: one bound wide and one narrow,
# as either may come to the fault first.
EXPLORED = (
    ("lost.ini", {}),
    ("transfers.ini", {"transfers": 1, "rollbacks": 1}),
    ("crash.ini", {"transfers_in_all": 1, "rollbacks": 0}),
    ("crash.ini", {"retries": 1}),
    ("three.ini", {}),
)
MEDIAN_MAX = 12
SKEW = 256  # the workers of a batch are at most so many seeds apart

HEAD = """# Planted faults

What finds each of them, and the smallest failing run that `cohort shrink` makes of that: regenerated
by `tests/planted/table.py COHORT`. *Seeds* and *seconds* until the first failing run of the swarm; a
file's name where the swarm did not find it in its time, and the fault's own scenario had to. *Depth*: of the shortest counter-example that exploration finds. *Choices*: commands, faults
and deviations of the failing run before and after shrinking.

| fault | found by | seeds | seconds | depth | violation | choices before | after | customers |
| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |
"""


def faults():
    """(part of the program, fault), in the order of planted.h."""
    part = ""
    for line in open(HEADER, encoding="utf-8"):
        comment = re.match(r"\s*/\* (.*?) \*/", line)
        fault = re.match(r'\s*X\([A-Z0-9_]+, "([^"]+)"\)', line)
        if comment:
            part = comment.group(1)
        elif fault:
            yield part, fault.group(1)


class Finder:
    def __init__(self, options):
        self.cohort = os.path.abspath(options.cohort)
        self.options = options
        planted = os.path.join(HERE, "planted.py")
        self.cases = json.loads(subprocess.run([sys.executable, planted, self.cohort, "--cases"],
                                               stdout=subprocess.PIPE, check=True).stdout)

    def run(self, *words):
        return subprocess.run([self.cohort, *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)

    def first_failure(self, *words):
        """The first failing seed of a batch, or None."""
        command = [self.cohort, "sim", *words, "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as batch:
            for line in batch.stdout:
                told = json.loads(line)
                if "seed" in told and ("violation" in told or "broken" in told):
                    batch.send_signal(signal.SIGINT)
                    batch.stdout.read()
                    return told["seed"]
        return None

    def by_swarm(self, name):
        began = time.monotonic()
        words = ("--swarm", "--planted", name, "--seeds")
        seed = self.first_failure(*words, f"1..{self.options.seeds}", "--budget",
                                  self.options.budget)
        seconds = time.monotonic() - began
        if seed is None:
            return None
        earlier = self.first_failure(*words, f"{max(1, seed - SKEW)}..{seed}", "--jobs", "1")
        return ["--swarm"], "swarm", min(seed, earlier or seed), seconds

    def by_scenario(self, name):
        scenario, seeds, _ = self.cases["checked"][name]
        began = time.monotonic()
        path = os.path.join(HERE, scenario)
        seed = self.first_failure(path, "--planted", name, "--seeds", f"1..{seeds}")
        return seed and ([path], scenario, seed, time.monotonic() - began)

    def shrink(self, name, words):
        """The object that tells of it; the file written must fail with the fault and hold without."""
        with tempfile.TemporaryDirectory() as folder:
            small = os.path.join(folder, "small.ini")
            done = self.run("shrink", *words, "--planted", name, "--budget", self.options.budget,
                            "--json", "-o", small)
            if done.returncode != 0:
                sys.exit(f"{name}: shrink ends with {done.returncode}: {done.stderr}")
            told = json.loads(done.stdout)
            told["fails"] = self.run("sim", small, "--planted", name).returncode
            told["holds"] = self.run("sim", "--schedule", small).returncode
        wanted = {"liveness": 3, "assertion": 70}.get(told["violation"], 1)
        if told["fails"] != wanted or told["holds"] != 0:
            sys.exit(f"{name}: the small run ends with {told['fails']}, without the fault with "
                     f"{told['holds']}")
        return told

    def depth(self, name):
        """Of the shortest counter-example in any of the explored scenarios; '-': none."""
        depths = []
        for scenario, bounds in EXPLORED:
            done = self.run("explore", os.path.join(HERE, "..", "explore", scenario),
                            *(f"--set=explore.{key}={value}" for key, value in bounds.items()),
                            "--planted", name, "--budget", self.options.explore, "--json")
            lines = done.stdout.splitlines()
            if done.returncode in (1, 3) and lines:
                depths.append(json.loads(lines[-1])["depth"])
        return str(min(depths)) if depths else "-"

    def row(self, name, before):
        if name in self.cases["unit"]:
            return [name, "test `" + self.cases["unit"][name] + "`"] + ["-"] * 7
        if name in self.cases["promised"]:
            return [name, "trace of `" + self.cases["promised"][name][0] + "`"] + ["-"] * 7
        found = self.by_swarm(name) or self.by_scenario(name)
        if not found:
            return [name, "**nothing**"] + ["-"] * 7
        words, where, seed, seconds = found
        told = self.shrink(name, words + ["--seed", str(seed)])
        depth = before[4] if self.options.swarm else self.depth(name)
        return [name, where if where == "swarm" else f"`{where}`", str(seed), f"{seconds:.1f}",
                depth, told["violation"], str(told["choices_before"]),
                str(told["choices_after"]), str(told["customers"])]


def read_table():
    rows = {}
    for line in open(TABLE, encoding="utf-8") if os.path.exists(TABLE) else []:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 9 and not cells[0].startswith(("fault", "---", "*")):
            rows[cells[0]] = cells
    return rows


def write_table(rows):
    with open(TABLE, "w", encoding="utf-8") as out:
        out.write(HEAD)
        before = None
        for part, name in faults():
            if name not in rows:
                continue
            if part != before:
                out.write(f"| *{part}* | | | | | | | | |\n")
            before = part
            out.write("| " + " | ".join(rows[name]) + " |\n")
        out.write("\n" + summary(rows) + "\n")


def sizes(rows):
    return [int(cells[7]) for cells in rows.values() if cells[7] != "-"] or [0]


def summary(rows):
    found = [cells for cells in rows.values() if cells[1] == "swarm"]
    explored = [cells for cells in rows.values() if cells[4] != "-"]
    survivors = [cells for cells in rows.values() if cells[1] == "**nothing**"]
    return (f"{len(rows)} faults, {len(found)} found by the swarm, {len(explored)} by exploration, "
            f"{len(survivors)} by nothing; shrunk to {statistics.median(sizes(rows)):g} choices in "
            f"the median, {max(sizes(rows))} at most.")


def check():
    rows = read_table()
    missing = [name for _, name in faults() if name not in rows]
    survivors = [name for name, cells in rows.items() if cells[1] == "**nothing**"]
    if missing or survivors:
        sys.exit(f"TABLE.md: missing {missing}, survivors {survivors}; run table.py")
    if statistics.median(sizes(rows)) > MEDIAN_MAX:
        sys.exit(f"TABLE.md: {summary(rows)} At most {MEDIAN_MAX} are wanted.")
    print(summary(rows))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cohort")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seeds", type=int, default=20000)
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--explore", default="6s")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--depth", action="store_true")
    only.add_argument("--swarm", action="store_true")
    options = parser.parse_args()
    if options.check:
        check()
        return
    finder = Finder(options)
    rows = read_table()
    for _, name in faults():
        if options.names and name not in options.names:
            continue
        if options.depth:
            rows[name][4] = finder.depth(name)
        else:
            rows[name] = finder.row(name, rows.get(name, ["-"] * 9))
        print(" ".join(rows[name]), flush=True)
        write_table(rows)
    survivors = [name for name, cells in rows.items() if cells[1] == "**nothing**"]
    print(summary(rows))
    sys.exit(f"survivors: {survivors}" if survivors else 0)


main()
