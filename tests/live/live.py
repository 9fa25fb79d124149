"""Runs real processes, on free ports, in a temporary folder: what the live tests share.

Every wait ends as soon as what it waits for has come; WAIT_S only bounds a failure.

With COHORT_WRAP set, every process runs under that command: "valgrind -q --error-exitcode=99". What
valgrind complains of fails the test, also when the process was killed.
"""

import atexit
import os
import pathlib
import queue
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

COHORT = os.path.abspath(sys.argv[1])
WRAP = shlex.split(os.environ.get("COHORT_WRAP", ""))
WAIT_S = 60
EXIT_SKIPPED = 77  # as Meson understands it
HEADER = "name,balance,ip_address,port1,port2,cohort,exit_state"


class Failed(AssertionError):
    pass


def preload(library):
    """What LD_PRELOAD needs: a path without a blank or a colon, where the library's own may have one."""
    folder = tempfile.mkdtemp(prefix="cohort-preload-")
    atexit.register(shutil.rmtree, folder)
    return shutil.copy(os.path.abspath(library), folder)


def check(condition, message):
    if not condition:
        raise Failed(message)


def same(found, expected):
    check(found == expected, f"found {found!r}, expected {expected!r}")


def matches(found, expected):
    """Is it that, where ... stands for anything?"""
    before, dots, after = expected.partition("...")
    if not dots:
        return found == expected
    return (len(found) >= len(before) + len(after) and found.startswith(before)
            and found.endswith(after))


def skip(why):
    print(f"skipped: {why}", flush=True)
    sys.exit(EXIT_SKIPPED)


def cents(amount):
    """The minor units of an amount as it is printed."""
    whole, _, fraction = amount.partition(".")
    return int(whole) * 100 + int((fraction + "00")[:2])


def quiet_port():
    """A port for one that comes back to it: no other process is given it meanwhile as a free one,
    for the system takes those from 32768 on."""
    while True:
        port = random.randrange(10000, 32768)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
            try:
                held.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def quiet_ports(count):
    ports = set()
    while len(ports) < count:
        ports.add(quiet_port())
    return list(ports)


class Process:
    """One `cohort bank` or `cohort customer`: its lines in and out.

    `within` is a command that runs it somewhere: in a network namespace, say."""

    def __init__(self, arguments, folder, environment=None, stdin=subprocess.PIPE, within=()):
        self.arguments = arguments
        self.child = subprocess.Popen(
            [*within, *WRAP, COHORT, *arguments], cwd=folder, stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, **(environment or {})})
        self.lines = queue.Queue()
        self.events = []
        self.errors = ""
        self.readers = [threading.Thread(target=self._read_out, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read_out(self):
        for line in self.child.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _read_errors(self):
        self.errors = self.child.stderr.read()

    def line(self):
        """The next line on stdout, or None at its end."""
        try:
            return self.lines.get(timeout=WAIT_S)
        except queue.Empty:
            raise Failed(f"{self.arguments}: no line in {WAIT_S} s; events {self.events}") from None

    def come(self):
        """The lines that have come by now, without waiting; None among them: its end."""
        lines = []
        try:
            while True:
                lines.append(self.lines.get_nowait())
        except queue.Empty:
            return lines

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def result(self):
        """The next SUCCESS or FAILURE; events on the way are kept, lines for people skipped."""
        while True:
            line = self.line()
            check(line is not None, f"{self.arguments} ended; events {self.events}; {self.errors}")
            if line.startswith("EVENT "):
                self.events.append(line)
            elif not line.startswith("  "):
                return line

    def do(self, line, expected=None):
        """Types a line; its result, which must be this; see matches()."""
        self.say(line)
        result = self.result()
        check(expected is None or matches(result, expected),
              f"{line}: {result!r}, expected {expected!r}")
        return result

    def event(self, expected):
        """Waits for an event (which may have come already), and takes it; see matches()."""
        while not (found := [event for event in self.events if matches(event, expected)]):
            line = self.line()
            check(line is not None and line.startswith("EVENT "),
                  f"{self.arguments}: {line!r} instead of {expected!r}; {self.errors}")
            self.events.append(line)
        self.events.remove(found[0])
        return found[0]

    def status(self):
        """The lines of `status`, once every command before it is answered."""
        self.say("balance")
        self.result()
        self.say("status\nbalance")
        lines = []
        while not (line := self.line() or "FAILURE").startswith(("SUCCESS", "FAILURE")):
            (self.events if line.startswith("EVENT ") else lines).append(line.strip())
        return lines

    def settle(self):
        """Waits until it waits for nobody."""
        limit = time.monotonic() + WAIT_S
        while waiting := [line for line in self.status() if line.startswith("waits for ")]:
            check(time.monotonic() < limit, f"{self.arguments} {waiting[0]}")
            time.sleep(0.01)

    def check_complaints(self):
        check(not WRAP or "==" not in self.errors, f"{self.arguments}: {self.errors}")

    def end(self, exit_code=0):
        """Waits for the end; the lines that were left."""
        if self.child.stdin and not self.child.stdin.closed:
            try:
                self.child.stdin.close()
            except BrokenPipeError:
                pass
        try:
            found = self.child.wait(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.arguments} does not end") from None
        for reader in self.readers:
            reader.join(WAIT_S)
        left = []
        while (line := self.line()) is not None:
            left.append(line)
        check(found == exit_code, f"{self.arguments}: exit {found}, {left}, {self.errors}")
        self.check_complaints()
        return left

    def stop(self, exit_code=0, with_signal=signal.SIGTERM):
        self.child.send_signal(with_signal)
        return self.end(exit_code)

    def kill(self):
        """Also hears its last words, and waits for whatever it runs within."""
        self.child.kill()
        self.child.wait()
        for reader in self.readers:
            reader.join(WAIT_S)


class World:
    """A folder, and the processes that were started in it. `keep`: the folder of a failure."""

    def __init__(self, environment=None, keep=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cohort-live-"))
        self.environment = environment
        self.keep = keep
        self.processes = []
        self.bank_address = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in self.processes:
            if process.child.poll() is None:
                process.kill()
                if kind is not None:
                    print(f"left: {process.arguments} events {process.events}", file=sys.stderr)
        if self.keep and kind is not None:
            print(f"left: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder)
        if kind is None:
            for process in self.processes:
                if isinstance(process, Process):
                    process.check_complaints()

    def start(self, *arguments, environment=None, **options):
        process = Process([str(a) for a in arguments], self.folder,
                          {**(self.environment or {}), **(environment or {})}, **options)
        self.processes.append(process)
        return process

    def bank(self, *arguments, port=0, bind="127.0.0.1", **options):
        process = self.start("bank", "--port", port, "--bind", bind, "--any-port", *arguments,
                             **options)
        ready = process.line()
        check(ready is not None and ready.startswith(f"bank ready on {bind}:"),
              f"{ready!r} {process.errors}")
        self.bank_address = ready.split()[-1]
        process.port = int(self.bank_address.split(":")[1])
        return process

    def customer(self, *arguments, ports=(0, 0), bind="127.0.0.1", **options):
        process = self.start("customer", "--bank", self.bank_address, "--port1", ports[0],
                             "--port2", ports[1], "--bind", bind, "--any-port", *arguments,
                             **options)
        ready = process.line()
        check(ready is not None and ready.startswith(f"customer ready on {bind}:"),
              f"{ready!r} {process.errors}")
        process.ports = [int(word.split(":")[1]) for word in ready.split()[-2:]]
        return process

    def customers(self, *names_and_balances, trace=False, options=()):
        """Opens an account for each ("alice", "100")."""
        opened = []
        for name, balance in names_and_balances:
            process = self.customer(*(["--trace", f"{name}.trace"] if trace else []), *options)
            process.do(f"open {name} {balance}", f"SUCCESS open {name} balance {balance}")
            opened.append(process)
        return opened

    def rows(self):
        """data.csv by name: what stands after the name."""
        lines = (self.folder / "data.csv").read_text().splitlines()
        same(lines[0], HEADER)
        return {line.split(",")[0]: line.split(",")[1:] for line in lines[1:]}

    def check_traces(self, *names):
        done = subprocess.run([COHORT, "check", *[f"{name}.trace" for name in names]],
                              cwd=self.folder, capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"cohort check: {done.returncode}\n{done.stdout}{done.stderr}")


def main(*tests):
    """Runs the tests, each a claim by its name."""
    failed = 0
    for test in tests:
        claim = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok      {claim}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED  {claim}: {type(error).__name__}: {error}", flush=True)
            if not isinstance(error, Failed):
                import traceback
                traceback.print_exc()
    sys.exit(1 if failed else 0)
