"""What --record costs: the throughput of live transfers with and without it, in pairs.

    record_cost.py COHORT [--pairs N] [--transfers N]

In each run two customers send each other so many transfers at once, and then take a checkpoint. A
pair is a run without and a run with recording, one right after the other, in turns of order; its
ratio is the throughput with recording over that without. Likewise of the processor time that the
three processes took, which others on the machine disturb less: what they add shows least in the
least time of all runs. The recordings must replay identical."""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

from live import COHORT, Process, World, check

NAMES = ("alice", "bob")


class Sink(Process):
    """A customer whose lines go to a file, so that nobody else works while it does."""

    def __init__(self, arguments, folder, path):
        self.arguments = arguments
        self.events = []
        self.errors = ""
        self.path = pathlib.Path(folder) / path
        self.child = subprocess.Popen([COHORT, *arguments], cwd=folder, stdin=subprocess.PIPE,
                                      stdout=self.path.open("wb"), text=True)

    def wait_for(self, text):
        limit = time.monotonic() + 300
        while text not in self.tail():
            check(time.monotonic() < limit, f"{text} does not come in {self.path}")
            time.sleep(0.002)

    def tail(self):
        with self.path.open("rb") as file:
            file.seek(max(0, os.path.getsize(self.path) - 4000))
            return file.read().decode(errors="replace")


def start(world, name, recorded):
    sink = Sink(["customer", "--bank", world.bank_address, "--port1", "0", "--port2", "0",
                 "--any-port", *record(name, recorded)], world.folder, f"{name}.out")
    world.processes.append(sink)
    sink.say(f"open {name} 1000000")
    sink.wait_for("SUCCESS open ")
    return sink


def record(name, recorded):
    return ["--record", f"{name}.rec"] if recorded else []


def run(transfers, recorded):
    """(transfers a second, processor seconds)"""
    with World() as world:
        bank = world.bank(*record("bank", recorded))
        alice, bob = [start(world, name, recorded) for name in NAMES]
        alice.say("new-cohort 2")
        for sink in (alice, bob):
            sink.wait_for("EVENT joined 1")
        commands = {sink: f"transfer 0.01 {other}\n" * transfers
                    for sink, other in ((alice, "bob"), (bob, "alice"))}
        begin = time.monotonic()
        for sink, lines in commands.items():
            sink.child.stdin.write(lines)
            sink.child.stdin.flush()
        for sink, other in ((alice, "bob"), (bob, "alice")):
            sink.wait_for(f"EVENT received 0.01 from {other} label {transfers} ")
        wall = time.monotonic() - begin
        alice.say("checkpoint")
        alice.wait_for("SUCCESS checkpoint ")
        cpu = 0
        for process in (alice, bob, bank):
            process.child.terminate()
            _, status, usage = os.wait4(process.child.pid, 0)
            process.child.returncode = os.waitstatus_to_exitcode(status)
            check(process.child.returncode == 0, f"{process.arguments} failed")
            cpu += usage.ru_utime + usage.ru_stime
        if recorded:
            check_recordings(world)
        return 2 * transfers / wall, cpu


def check_recordings(world):
    names = [f"{name}.rec" for name in ("bank", *NAMES)]
    done = subprocess.run([COHORT, "replay", *names], cwd=world.folder, capture_output=True,
                          text=True, check=False)
    check(done.returncode == 0, f"{done.stdout}{done.stderr}")
    size = sum((world.folder / name).stat().st_size for name in names)
    print(f"  {done.stdout.strip()}; {size / 1e6:.1f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--transfers", type=int, default=20000)
    arguments = parser.parse_args(sys.argv[2:])
    throughputs = []
    times = []
    least = {}
    for pair in range(arguments.pairs):
        found = {}
        for recorded in (False, True) if pair % 2 == 0 else (True, False):
            found[recorded] = run(arguments.transfers, recorded)
            least[recorded] = min(least.get(recorded, found[recorded][1]), found[recorded][1])
        throughputs.append(found[True][0] / found[False][0])
        times.append(found[True][1] / found[False][1])
        print(f"{found[False][0]:8.0f} transfers/s without, {found[True][0]:8.0f} with: "
              f"ratio {throughputs[-1]:.3f}; processor time {times[-1]:.3f}", flush=True)
    print(f"median of {arguments.pairs} pairs: throughput {statistics.median(throughputs):.3f}, "
          f"processor time {statistics.median(times):.3f}, least processor time "
          f"{least[True] / least[False]:.3f}")


main()
