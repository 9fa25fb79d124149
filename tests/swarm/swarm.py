#!/usr/bin/env python3
"""`cohort sim --swarm` as people and programs call it.

    swarm.py COHORT marks            20,000 seeds: all hold, and every mark is reached
    swarm.py COHORT command          one seed, batches, budgets, interrupts
    swarm.py COHORT planted          failures are told (a build with planted faults)
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from cli import holds, last_json, run

SEEDS = 20_000


def sim(cohort, *words, **keywords):
    return run(cohort, "sim", *words, **keywords)


# --- marks ---


def marks(cohort):
    done = sim(cohort, "--swarm", "--seeds", f"1..{SEEDS}", "--jobs", "2", "--json")
    total = last_json(done)
    missing = [name for name, times in total["marks"].items() if times == 0]
    rare = sorted(total["marks"].items(), key=lambda item: item[1])[:5]
    print(f"{total['seeds']} seeds, {total['seeds_per_s']:.0f} seeds/s, "
          f"{total['virtual_per_real']:.0f} s of virtual time per second; rarest: {rare}")
    holds(total["seeds"] == SEEDS, "all seeds were run", done.stdout)
    holds(total["failures"] == 0, "no seed fails", done.stdout)
    holds(len(total["marks"]) >= 45, "there are many marks")
    holds(not missing, "every mark is reached", ", ".join(missing))


# --- the command ---


def the_seed_alone_is_the_seed_of_a_batch(cohort):
    one = last_json(sim(cohort, "--swarm", "--seed", "11", "--json"))
    batch = last_json(sim(cohort, "--swarm", "--seeds", "11..11", "--json"))
    for key in ("events", "virtual_ns", "crashes"):
        holds(one[key] == batch[key], f"{key} of one run and of a batch of one", f"{one} {batch}")
    holds(batch["seeds"] == 1 and batch["failures"] == 0, "the batch has one seed", batch)


def jobs_change_nothing(cohort):
    alone = last_json(sim(cohort, "--swarm", "--seeds", "1..60", "--jobs", "1", "--json"))
    shared = last_json(sim(cohort, "--swarm", "--seeds", "1..60", "--jobs", "3", "--json"))
    for key in ("seconds", "seeds_per_s", "virtual_per_real"):
        del alone[key], shared[key]
    holds(alone == shared, "one job and three come to the same", f"{alone}\n{shared}")


def a_batch_tells_its_marks(cohort):
    done = sim(cohort, "--swarm", "--seeds", "1..20")
    lines = done.stdout.splitlines()
    holds(lines[0].split() == ["mark", "times", "seeds"], "a table of marks", done.stdout)
    holds(any(re.fullmatch(r"rollback-no-orphan +[1-9]\d* +[1-9]\d*", line) for line in lines),
          "how often a mark was reached, and in how many seeds", done.stdout)
    holds(any(re.fullmatch(r"\d+ of \d+ marks reached", line) for line in lines),
          "how many were reached", done.stdout)
    holds(any(line.startswith("never: ") for line in lines), "which never", done.stdout)
    holds(re.fullmatch(r"20 seeds \(1\.\.20\), .*: no violation", lines[-1]), "the total",
          lines[-1])
    holds(done.stderr == "", "a short batch shows no progress in a file", done.stderr)


def a_seed_has_a_story_and_a_trace(cohort):
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, "trace")
        done = sim(cohort, "--swarm", "--seed", "3", "--story", "--trace", trace)
        holds(" sends " in done.stdout, "a story", done.stdout)
        with open(trace) as lines:
            header = json.loads(lines.readline())
        holds(header["seed"] == 3, "the trace is the seed's", header)


def a_budget_ends_a_batch(cohort):
    began = time.monotonic()
    total = last_json(sim(cohort, "--swarm", "--budget", "1s", "--json"))
    holds(total["seeds"] >= 1 and time.monotonic() - began >= 1, "it goes on for its time", total)
    total = last_json(sim(cohort, "--swarm", "--seeds", "1..5", "--budget", "1h", "--json"))
    holds(total["seeds"] == 5, "it ends with its seeds", total)


def an_interrupted_batch_says_what_it_did(cohort, how):
    worker = subprocess.Popen([cohort, "sim", "--swarm", "--budget", "1h", "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    worker.send_signal(how)
    out, err = worker.communicate(timeout=60)
    holds(worker.returncode == 130, "exit code 130", worker.returncode)
    holds(re.search(r"^interrupted: \d+ seeds done$", err, re.M), "how many seeds", err)
    holds("marks" in json.loads(out.splitlines()[-1]), "the marks so far", out)


def a_worker_that_dies_takes_its_seed_with_it_and_no_other(cohort):
    batch = subprocess.Popen([cohort, "sim", "--swarm", "--seeds", "1..1000", "--jobs", "2"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(10):  # now and then one dies between two seeds, which loses none
        time.sleep(0.05)
        with open(f"/proc/{batch.pid}/task/{batch.pid}/children") as children:
            workers = [int(word) for word in children.read().split()]
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):  # it may be over
                os.kill(worker, signal.SIGKILL)
    out, err = batch.communicate(timeout=300)
    seed = re.search(r"^seed (\d+): the program broke off: killed by signal 9\n"
                     r"reproduce: .* sim --swarm --seed (\d+)$", out, re.M)
    holds(seed and seed[1] == seed[2], "whom it took along", out[-3000:] + err)
    holds(f"# seed {seed[1]} of the swarm\n[scenario]\n" in out, "with its settings", out)
    total = re.match(r"1000 seeds \(1\.\.1000\), .*: (\d+) FAILED \(0 safety, 0 liveness, "
                     r"(\d+) broken off\)$", out.splitlines()[-1])
    holds(total and total[1] == total[2] and 1 <= int(total[1]) <= 20, "the others", out[-500:])
    holds(batch.returncode == 70, "exit code 70", batch.returncode)


def what_makes_no_sense_is_refused(cohort):
    for arguments in (["--swarm"],
                      ["--swarm", "scenario.ini", "--seed", "1"],
                      ["--swarm", "--seed", "1", "--set", "network.loss=0"],
                      ["--swarm", "--seed", "1", "--budget", "1s"],
                      ["--swarm", "--budget", "soon"],
                      ["--swarm", "--budget", "0s"],
                      ["--swarm", "--budget", "1s", "--shard", "1/2"]):
        done = sim(cohort, *arguments, code=2)
        holds(done.stdout == "" and done.stderr.endswith("(try --help)\n"), arguments, done.stderr)


def command(cohort):
    the_seed_alone_is_the_seed_of_a_batch(cohort)
    jobs_change_nothing(cohort)
    a_batch_tells_its_marks(cohort)
    a_seed_has_a_story_and_a_trace(cohort)
    a_budget_ends_a_batch(cohort)
    an_interrupted_batch_says_what_it_did(cohort, signal.SIGINT)
    an_interrupted_batch_says_what_it_did(cohort, signal.SIGTERM)
    a_worker_that_dies_takes_its_seed_with_it_and_no_other(cohort)
    what_makes_no_sense_is_refused(cohort)


# --- failures ---


def failing(cohort, fault, seeds, code, *more):
    return sim(cohort, "--swarm", "--seeds", f"1..{seeds}", "--jobs", "2", "--planted", fault,
               *more, code=code)


def a_failure_tells_its_seed_and_settings_first_and_how_to_see_it_again(cohort):
    done = failing(cohort, "send-while-tentative", 200, 1)
    first = re.match(r"# seed (\d+) of the swarm\n\[scenario\]\n", done.stdout)
    holds(first, "seed and settings come first", done.stdout[:2000])
    again = re.search(r"^reproduce: (.*) sim (--swarm --seed \d+ --planted \S+)$", done.stdout,
                      re.M)
    holds(again and f"--seed {first[1]} " in again[2], "the command", done.stdout[:4000])
    once = sim(cohort, *again[2].split(), code=1)
    line = re.search(r"^violation of .*$", done.stdout, re.M)[0]
    holds(line in once.stdout.splitlines(), "it shows the same violation", once.stdout)
    holds(re.search(r": \d+ FAILED \(\d+ safety, \d+ liveness, 0 broken off\)$",
                    done.stdout.splitlines()[-1]), "the total", done.stdout[-500:])
    # The settings alone, as a file, are the same run.
    settings = done.stdout[:done.stdout.index("violation of ")]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "seed.ini")
        with open(path, "w") as file:
            file.write(settings)
        alone = sim(cohort, path, "--planted", "send-while-tentative", code=1)
        holds(line in alone.stdout.splitlines(), "the settings show it too", alone.stdout)


def a_program_reads_failures_as_objects(cohort):
    done = failing(cohort, "send-while-tentative", 200, 1, "--json")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    holds(objects[0]["scenario"].startswith("[scenario]\n"), "settings first", objects[0])
    holds(any("violation" in o for o in objects), "violations", done.stdout[:2000])
    total = objects[-1]
    holds(total["failures"] == total["safety"] + total["liveness"] + total["broken"] > 0,
          "failures add up", total)


def no_progress_has_an_exit_code_of_its_own(cohort):
    done = failing(cohort, "no-resend-to-rolled-back", 30, 3)
    holds("violation of liveness: " in done.stdout, "who waits", done.stdout[:2000])


def planted(cohort):
    a_failure_tells_its_seed_and_settings_first_and_how_to_see_it_again(cohort)
    a_program_reads_failures_as_objects(cohort)
    no_progress_has_an_exit_code_of_its_own(cohort)


if __name__ == "__main__":
    {"marks": marks, "command": command, "planted": planted}[sys.argv[2]](sys.argv[1])
