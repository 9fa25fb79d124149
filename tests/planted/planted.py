#!/usr/bin/env python3
"""Leaves out one rule of the protocol and requires that the simulator notices.

    planted.py COHORT NAME        plants the fault NAME; the same runs without it must be sound
    planted.py COHORT --names NAME...    every fault has a case here, and a test of that name
    planted.py COHORT --cases            prints the cases as JSON, for table.py

A fault counts as found only when an invariant is violated (exit 1) or a run does not come to rest
(exit 3). An assertion of the program itself (exit 70) is no success: it is the checker, which sees
traces alone, that has to object. Some rules keep no invariant, they keep a promise to the user; of
these the case says how often something must be in the trace and the summary. And some faults no run
can show, because nobody there does what the rule forbids, or because it is the checker that fails to
object: these a unit test finds.
"""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

VIOLATION = (1,)
STUCK = (3, 1)  # most often it shows as no progress
# Who believes garbage may break an assertion in one run; in others the checker has to object.
GARBAGE = (70, 3, 1)

# Everything happens, and transfers are given up after one retransmission.
EVERYTHING = "everything.ini"
# Checkpoints and rollbacks compete.
CONTENDED = "contended.ini"
# One datagram in fifty takes more than a second.
LONG_AGO = "long_ago.ini"
# A transfer is undone before its acknowledgement is back, and its label is used again.
UNDONE = "undone_at_once.ini"
# Cohorts are formed and dissolved all the time.
COME_AND_GO = "come_and_go.ini"

# Processes die in the midst of checkpoints and rollbacks.
CRASHES = "crashes.ini"
# ... and what was sent before comes after.
FORMER_LIFE = "former_life.ini"
# ... and their disks are torn and damaged.
DAMAGED = "damaged.ini"
# ... in cohorts that are formed and dissolved all the time, the bank too.
COME_AND_GO_CRASHING = "come_and_go_crashing.ini"

# name: scenario, number of seeds, exit codes with which the checker objects. A run that is stuck
# costs an hour of virtual time, so what always ends so has few seeds.
CHECKED = {
    "cohort-not-compared": (COME_AND_GO, 60, VIOLATION),
    "skip-read-as-transfer": (EVERYTHING, 10, VIOLATION),
    "skips-not-read": (EVERYTHING, 10, VIOLATION),
    "abort-read-as-commit": (CONTENDED, 10, VIOLATION),
    "data-without-incarnation": (LONG_AGO, 40, VIOLATION),
    "ack-without-incarnation": (UNDONE, 100, VIOLATION),
    "release-on-ack": (LONG_AGO, 20, VIOLATION),
    "retransmit-old-incarnation": (EVERYTHING, 20, STUCK),
    "stable-at-tentative": (CONTENDED, 60, STUCK),
    "send-while-tentative": (CONTENDED, 20, VIOLATION),
    "prepare-without-closing": (CONTENDED, 20, VIOLATION),
    "known-from-checkpoint": (CONTENDED, 10, STUCK),
    "prepare-only-sent-to": (CONTENDED, 10, STUCK),
    "no-resend-to-rolled-back": (CONTENDED, 10, STUCK),
    "send-while-rolling": (EVERYTHING, 20, VIOLATION),
    "volatile-tentative": (CRASHES, 40, VIOLATION),
    "volatile-closed": (CRASHES, 40, STUCK),
    "known-restored": (CRASHES, 20, STUCK),
    "inc-restored": (CRASHES, 10, VIOLATION),
    "volatile-finished": (FORMER_LIFE, 60, STUCK),
    "volatile-decision": (CRASHES, 10, STUCK),
    "recovery-while-in-doubt": (CRASHES, 40, VIOLATION),
    "preparing-forgotten": (CRASHES, 80, STUCK),
    "preparing-taken-for-voted": (CRASHES, 100, STUCK),
    "undecided-forgotten": (CRASHES, 10, STUCK),
    "tentative-while-recovering": (CRASHES, 30, VIOLATION),
    "refusal-while-recovering": (CRASHES, 10, STUCK),
    "send-while-recovering": (CRASHES, 10, VIOLATION),
    "accept-while-recovering": (CRASHES, 10, VIOLATION),
    "recovery-ends-early": (CRASHES, 10, VIOLATION),
    "no-forced-rollback": (CRASHES, 10, VIOLATION),
    "recovery-tried-once": (CRASHES, 10, STUCK),
    "rcut-ignored": (CRASHES, 60, VIOLATION),
    "save-after-send": (CRASHES, 10, VIOLATION),
    "vote-before-tentative": (CRASHES, 60, VIOLATION),
    "instance-reused": (FORMER_LIFE, 60, VIOLATION),
    "torn-tail-believed": (DAMAGED, 20, GARBAGE),
    "torn-tail-refused": (CRASHES, 30, STUCK),
    "copy-not-written": (DAMAGED, 150, STUCK),
    "sync-skipped": (CRASHES, 10, STUCK),
    "rename-before-sync": (CRASHES, 80, STUCK),
    "commit-in-parts": (CRASHES, 60, VIOLATION),
    "skip-out-of-order": (EVERYTHING, 10, VIOLATION),
    "ack-hides-skips": (EVERYTHING, 10, VIOLATION),
    "lost-when-given-up": (EVERYTHING, 10, VIOLATION),
    "fates-survive-rollback": (CRASHES, 60, VIOLATION),
    "forget-skips-at-once": (EVERYTHING, 120, VIOLATION),
    "skips-drag-peers": (EVERYTHING, 40, VIOLATION),
    "keep-trailing-skips": (EVERYTHING, 40, VIOLATION),
    "join-ignores-high-water": (COME_AND_GO, 300, VIOLATION),
    "prepared-left-alone": (COME_AND_GO, 400, STUCK),
    "first-checkpoint-from-vote": (COME_AND_GO, 20, VIOLATION),
    "vote-while-engaged": (COME_AND_GO, 150, VIOLATION),
    "voted-not-frozen": (COME_AND_GO, 40, VIOLATION),
    "volatile-prepared": (COME_AND_GO_CRASHING, 100, STUCK),
    "volatile-final": (COME_AND_GO_CRASHING, 60, STUCK),
    "final-taken-again": (COME_AND_GO_CRASHING, 60, VIOLATION),
    "volatile-request-number": (COME_AND_GO_CRASHING, 10, STUCK),
    "cohort-id-reused": (COME_AND_GO, 5, VIOLATION),
    "formed-before-all-yes": (COME_AND_GO, 10, STUCK),
    "dissolve-unbalanced": (COME_AND_GO, 10, VIOLATION),
    "left-not-awaited": (COME_AND_GO, 100, STUCK),
    "volatile-attempt": (COME_AND_GO_CRASHING, 120, STUCK),
    "fold-forgets": (COME_AND_GO_CRASHING, 3, STUCK),
    "replay-stops-early": (COME_AND_GO_CRASHING, 3, STUCK),
    "volatile-counters": (COME_AND_GO_CRASHING, 60, VIOLATION),
    "judge-keeps-undone-labels": (EVERYTHING, 10, VIOLATION),
    "judge-lets-skips-drag": (EVERYTHING, 10, VIOLATION),
    "judge-follows-one-step": (EVERYTHING, 10, VIOLATION),
}

# name: the unit test that objects
UNIT = {
    "range-not-checked": "core/test_wire",
    "judge-misses-duplicates": "sim/test_checker_channels",
    "judge-misses-money": "sim/test_checker_channels",
    "judge-misses-minimality": "sim/test_checker_decisions",
    "judge-misses-loss": "sim/test_checker_decisions",
}

# name: scenario, number of seeds, a text, how often it is in the trace and summary of a sound run
PROMISED = {
    # Quiescence only brings the end about: the votes are judged once more, so a cohort that goes on
    # sending is not dissolved wrongly, but never.
    "send-while-quiesced": ("in_the_midst.ini", 3, '"e":"left"', 2),
    # Doing a request again breaks no invariant, but nobody has asked for a second cohort.
    "request-done-twice": ("asked_once.ini", 100, '"e":"joined"', 2),
    # Nor does asking for a cohort and being told, with the cohort formed, that one is in a cohort.
    "volatile-answer": ("answered_once.ini", 20, "(0 refused)", 1),
    "answer-apart": ("answered_once.ini", 120, "(0 refused)", 1),
    # Nothing but its user sees a process between the commit that it was in doubt about and its own
    # rollback; but then that rollback seems to undo fewer operations than none.
    "commit-not-current": (CRASHES, 20, '"undone":1844674407', 0),
}


def simulate(cohort, scenario, planted, *options):
    command = [cohort, "sim", os.path.join(HERE, scenario), *options]
    if planted:
        command += ["--planted", planted]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=250)
    return done.returncode, done.stdout


def check(cohort, name):
    scenario, seeds, objections = CHECKED[name]
    for planted, expected in ((None, (0,)), (name, objections)):
        found, output = simulate(cohort, scenario, planted, "--seeds", f"1..{seeds}")
        if found not in expected or (planted and "violation of " not in output):
            sys.exit(f"{output}{scenario}, {planted or 'nothing'} planted, seeds 1..{seeds}: "
                     f"expected exit {' or '.join(map(str, expected))}, found {found}")
        print(f"{planted or 'nothing'} planted: {output.splitlines()[-1]}")


def keeps_promise(cohort, name, planted, seed):
    scenario, _, text, expected = PROMISED[name]
    code, output = simulate(cohort, scenario, planted, "--seed", str(seed), "--trace", "-")
    if code != 0:
        sys.exit(f"{scenario}, {planted or 'nothing'} planted, seed {seed}: exit {code}")
    return output.count(text) == expected


def check_promise(cohort, name):
    scenario, seeds, text, expected = PROMISED[name]
    broken = [seed for seed in range(1, seeds + 1) if not keeps_promise(cohort, name, None, seed)]
    if broken:
        sys.exit(f"{scenario}, nothing planted: not {expected} times `{text}` in seeds {broken}")
    if all(keeps_promise(cohort, name, name, seed) for seed in range(1, seeds + 1)):
        sys.exit(f"{scenario}, {name} planted: nothing is to be seen of it in seeds 1..{seeds}")


def check_unit(cohort, name):
    tests = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(cohort))), "tests")
    for planted in (None, name):
        environment = dict(os.environ, **({"COHORT_PLANTED": planted} if planted else {}))
        done = subprocess.run([os.path.join(tests, UNIT[name])], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=250)
        if (done.returncode != 0) != (planted is not None):
            sys.exit(f"{done.stdout}{UNIT[name]}, {planted or 'nothing'} planted: "
                     f"exit {done.returncode}")
        print(f"{planted or 'nothing'} planted: {UNIT[name]} ends with {done.returncode}")


def check_names(cohort, tested):
    listed = subprocess.run([cohort, "sim", "--planted", "list"], stdout=subprocess.PIPE,
                            text=True, check=True).stdout.split()
    cases = list(CHECKED) + list(PROMISED) + list(UNIT)
    for what, names in (("a case in planted.py", cases), ("a test in meson.build", tested)):
        if sorted(names) != sorted(listed):
            sys.exit(f"faults without {what}: {sorted(set(listed) - set(names))}; "
                     f"unknown there: {sorted(set(names) - set(listed))}")


def main():
    cohort, name = sys.argv[1:3]
    if name == "--names":
        check_names(cohort, sys.argv[3:])
    elif name == "--cases":
        print(json.dumps({"checked": CHECKED, "promised": PROMISED, "unit": UNIT}))
    elif name in UNIT:
        check_unit(cohort, name)
    elif name in PROMISED:
        check_promise(cohort, name)
    else:
        check(cohort, name)


main()
