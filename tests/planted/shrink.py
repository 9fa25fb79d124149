#!/usr/bin/env python3
"""`cohort shrink` as people and programs call it.

    shrink.py COHORT usage      what needs no failing run
    shrink.py COHORT data       customers that a file names
    shrink.py COHORT NAME       finds the planted fault NAME by the swarm and shrinks what it found
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from cli import holds, last_json, run

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios")

# name: the kind of violation, the exit code of a run that shows it, choices at most, seeds
CASES = {
    "send-while-tentative": ("discipline", 1, 4, 50),
    "release-on-ack": ("liveness", 3, 5, 50),
    "skip-read-as-transfer": ("no-loss", 1, 3, 50),
    "save-after-send": (None, None, 12, 200),
}


def usage(cohort, folder):
    sound = os.path.join(SCENARIOS, "example.ini")
    done = run(cohort, "shrink", sound, code=2)
    holds("does not fail" in done.stderr, "a run that holds cannot be shrunk")
    holds(run(cohort, "shrink", "--help").stdout.startswith("Usage: cohort shrink"), "--help")
    for words in ([], [sound, sound], [sound, "--swarm", "--seed", "1"], ["--swarm"],
                  ["--schedule", sound, "--seed", "1"], [sound, "--budget", "soon"],
                  [sound, "--budget", "0s"], [sound, "--jobs", "-1"], [sound, "--jobs", "0"],
                  [sound, "--seed", "x"],
                  [os.path.join(folder, "nowhere.ini")], [sound, "--set", "network.loss"],
                  ["--swarm", "--seed", "1", "--set", "network.loss=0"],
                  ["--schedule", sound], [sound, "--json", "-o", "-"],
                  [sound, "--json", "--write-schedule", "-"],
                  [sound, "-o", "-", "--write-schedule", "-"]):
        holds(run(cohort, "shrink", *words, code=2).stderr, f"an error says what is wrong: {words}")

    mine = os.path.join(folder, "mine.ini")
    shutil.copyfile(sound, mine)
    holds("are the same file" in run(cohort, "shrink", mine, "-o", mine, code=2).stderr,
          "the scenario is not written over")
    holds(open(mine, "rb").read() == open(sound, "rb").read(), "it is left as it was")

    # What cannot be written is said before the search.
    for flag in ("-o", "--write-schedule"):
        for path in (folder, os.path.join(folder, "no", "where")):
            done = run(cohort, "shrink", sound, flag, path, code=4)
            holds(f"cannot write {path}: " in done.stderr, "which file cannot be written")


def interrupted(cohort):
    """While the first run is under way there is nothing to tell."""
    endless = os.path.join(SCENARIOS, "everything.ini")
    with subprocess.Popen([cohort, "shrink", endless, "--set", "scenario.duration=10000h"],
                          stderr=subprocess.PIPE, text=True) as process:
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        while process.poll() is None and open(children, encoding="ascii").read() == "":
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=50)[1]
    holds(process.returncode == 130, f"exit 130 when interrupted, not {process.returncode}")
    holds("interrupted before the run was over" in said, "that it was interrupted")


def with_data(cohort, folder):
    """Customers of a file: the small run counts them, and finds them from any folder."""
    names = ("ann", "bob", "cyd", "dan")
    os.mkdir(os.path.join(folder, "sub"))
    with open(os.path.join(folder, "rows.csv"), "w", encoding="ascii") as rows:
        rows.write("name,balance,ip_address,port1,port2,cohort,exit_state\n")
        rows.writelines(f"{name},1000,127.0.0.1,8501,8502,,0\n" for name in names)
    with open(os.path.join(folder, "data.ini"), "w", encoding="ascii") as scenario:
        scenario.write("[scenario]\nduration=3s\n[bank]\ndata=rows.csv\n"
                       "[workload]\ntransfer_rate=20/s\ncheckpoint_rate=5/s\n")
    planted = ("--planted", "send-while-tentative")
    with open(os.path.join(folder, "bank.csv"), "w", encoding="ascii") as other:
        other.write(open(os.path.join(folder, "rows.csv"), encoding="ascii").read()
                    .replace("ann,", "bank,"))
    done = run(cohort, "shrink", "data.ini", "--set", "bank.data=bank.csv", *planted, code=2,
               cwd=folder)
    holds("no schedule can be written" in done.stderr, "a run without a schedule is not denied")
    before = open(os.path.join(folder, "rows.csv"), encoding="ascii").read()
    for words in (["shrink", "data.ini", "-o"], ["sim", "data.ini", "--trace"],
                  ["shrink", "data.ini", "--write-schedule"], ["sim", "data.ini", "--write-schedule"]):
        done = run(cohort, *words, "sub/../rows.csv", *planted, code=2, cwd=folder)
        holds("the scenario's data" in done.stderr, f"accounts are not written over: {words}")
    holds(before == open(os.path.join(folder, "rows.csv"), encoding="ascii").read(), "the accounts")
    for flag in ("--trace", "--write-schedule"):
        done = run(cohort, "sim", "data.ini", *planted, flag, "/dev/full", code=4, cwd=folder)
        holds("violation of discipline" in done.stdout, "what was found is told", done.stdout)
    told = last_json(run(cohort, "shrink", "data.ini", *planted, "--json", "-o",
                         os.path.join("sub", "small.ini"), cwd=folder))
    holds(told["customers"] == len(names), "as many customers as the file has")
    run(cohort, "sim", "small.ini", *planted, code=1, cwd=os.path.join(folder, "sub"))


def first_seed(cohort, name, seeds):
    done = run(cohort, "sim", "--swarm", "--seeds", f"1..{seeds}", "--planted", name, "--jobs", "1",
               "--json", code=None)
    for line in done.stdout.splitlines():
        told = json.loads(line)
        if "seed" in told and ("violation" in told or "broken" in told):
            return str(told["seed"])
    sys.exit(f"{name}: nothing found in seeds 1..{seeds}")


def shrinks(cohort, name, folder):
    violation, code, most, seeds = CASES[name]
    small, schedule = os.path.join(folder, "small file.ini"), os.path.join(folder, "schedule.ini")
    planted = ("--planted", name)
    run_given = ("shrink", "--swarm", "--seed", first_seed(cohort, name, seeds), *planted)
    told = last_json(run(cohort, *run_given, "--jobs", "1", "--json", "-o", small,
                         "--write-schedule", schedule))
    print({key: told[key] for key in told if key not in ("story", "schedule")})
    violation = violation or told["violation"]
    code = code or {"liveness": 3, "assertion": 70}.get(told["violation"], 1)
    holds(told["violation"] == violation, f"the violation is of {violation}")
    holds(told["choices_after"] <= most, f"at most {most} choices")
    holds(told["choices_after"] < told["choices_before"], "fewer choices than before")
    for words in ([small], ["--schedule", schedule]):
        run(cohort, "sim", *words, *planted, code=code)
        run(cohort, "sim", *words)
    # Whatever runs them: the same search, and the same words.
    text = run(cohort, *run_given, "--jobs", "2", "-o", small).stdout
    again = open(small, encoding="utf-8").read()
    holds(again == open(schedule, encoding="utf-8").read(), "the same result with other --jobs")
    holds(text.startswith(told["story"]), "the story is told first")
    holds(f"{told['choices_after']} choices of {told['choices_before']}" in text, "the counts")
    commands = [line[len("reproduce: "):] for line in text.splitlines()
                if line.startswith("reproduce: ")]
    holds(len(commands) == 1 and small in commands[0], "the command that shows it")
    shown = subprocess.run(commands[0], shell=True, stdout=subprocess.DEVNULL, check=False)
    holds(shown.returncode == code, "the command shows it")
    full = run(cohort, *run_given, "--jobs", "2", "-o", "/dev/full", code=4)
    holds("choices of" in full.stdout and "reproduce: " not in full.stdout,
            "what could not be written is told, but not how to run it")
    # What is small already stays as it is, and a schedule can be shrunk too.
    once_more = last_json(run(cohort, "shrink", "--schedule", schedule, *planted, "--json"))
    holds(once_more["choices_before"] == told["choices_after"], "a schedule's own size")
    holds(once_more["choices_after"] <= told["choices_after"], "no larger than it was")
    hasty = last_json(run(cohort, *run_given, "--json", "--budget", "1ms"))
    holds(hasty["choices_after"] <= hasty["choices_before"], "the best so far, when time is up")


def main():
    cohort, case = os.path.abspath(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        if case == "usage":
            usage(cohort, folder)
            interrupted(cohort)
        elif case == "data":
            with_data(cohort, folder)
        else:
            shrinks(cohort, case, folder)


main()
