"""Hostile datagrams by the ten thousand at the bank and at customers, while service goes on.

    flood.py COHORT FLOOD [--datagrams N] [--per-second N] [--seed S]

FLOOD is the sender, see flood.c: random bytes, and real datagrams cut, lengthened, changed or
replayed, from two hundred addresses. Against one who also makes the checksums good there is no
protection in this version: under that flood no money is counted, but processes stay up, and do not
grow.
"""

import argparse
import ctypes
import ctypes.util
import os
import pathlib
import random
import socket
import subprocess
import sys
import time

from live import World, check, main, quiet_ports, same
from tap import Tap

parser = argparse.ArgumentParser()
parser.add_argument("flood", type=os.path.abspath)
parser.add_argument("--datagrams", type=int, default=50_000)
parser.add_argument("--per-second", type=int, default=10_000)
parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
OPTIONS = parser.parse_args(sys.argv[2:])

NAMES = ("alice", "bob", "carol")
GROWTH_KB_MAX = 4096  # of a process's memory: what an allocator keeps, not what a leak takes
BALANCE = 1000
REPETITIONS_S = 3  # what the bank repeats would come within
# Where things are in a datagram: see core/PROTOCOL.md.
CHECKSUM_AT = 4
SUMMED_FROM = 12
COOKIE_AT = 24
KIND_AT = 48
CLIENT_AT = 49
NUMBER_AT = 57
REQUEST = 15
AS_FAST_AS_IT_GOES = 0


class Session:
    """A bank and three customers, all of whose words pass a tap: what they say in the life of one
    cohort, and the beginning of a second, is there to be spoiled."""

    def __init__(self, world):
        self.world = world
        self.bank = world.bank()
        self.taps = []
        self.people = [self._open(name) for name in NAMES]
        self._live()
        self.people[0].do("new-cohort 3", "SUCCESS new-cohort 2 alice,...")
        self.serve_a_round()
        self.ports = [self.bank.port, *(port for person in self.people for port in person.ports)]

    def _open(self, name):
        to_bank = Tap(self.bank.port)
        self.world.bank_address = f"127.0.0.1:{to_bank.port}"
        ports = quiet_ports(2)
        to_peer = Tap(ports[1])
        self.taps += [to_bank, to_peer]
        customer = self.world.customer(
            "--advertise", f"127.0.0.1:{ports[0]}:{to_peer.port}", "--trace", f"{name}.trace",
            ports=ports)
        customer.do(f"open {name} {BALANCE}", f"SUCCESS open {name} balance {BALANCE}")
        return customer

    def _live(self):
        alice, bob, carol = self.people
        alice.do("new-cohort 3", "SUCCESS new-cohort 1 alice,...")
        self.serve_a_round()
        carol.do("lost-transfer 1 bob", "SUCCESS lost-transfer ...")
        carol.do("transfer 5 alice", "SUCCESS transfer ...")
        alice.event("EVENT received 5 from carol ...")
        carol.do("rollback", "SUCCESS rollback carol.1 ... members carol,alice")
        alice.do("delete-cohort", "SUCCESS delete-cohort 1")
        for person in self.people:
            person.settle()

    def serve_a_round(self):
        """Each sends 1 to the next, which changes no balance; all of it is made permanent."""
        for person, to in zip(self.people, NAMES[1:] + NAMES[:1]):
            person.do(f"transfer 1 {to}", "SUCCESS transfer ...")
        for person, sender in zip(self.people, NAMES[-1:] + NAMES[:-1]):
            person.event(f"EVENT received 1 from {sender} ...")
        self.people[0].do("checkpoint", "SUCCESS checkpoint alice... members alice,bob,carol")

    def capture(self):
        path = self.world.folder / "capture"
        with open(path, "wb") as file:
            for tap in self.taps:
                for data in tap.seen:
                    file.write(len(data).to_bytes(2, "big") + data)
        return path

    def finish(self):
        self.bank.do("delete-cohort bob", "SUCCESS delete-cohort 2")
        for name, person in zip(NAMES, self.people):
            person.do("exit", f"SUCCESS exit {name} balance {BALANCE}")
            person.end()
        self.world.check_traces(*NAMES)


class Flood:
    """Against all ports of a session, from now on."""

    def __init__(self, session, per_second, sealed=False):
        self.child = subprocess.Popen(
            [OPTIONS.flood, str(OPTIONS.datagrams), str(per_second), str(OPTIONS.seed),
             str(int(sealed)), session.capture(), *map(str, session.ports)],
            stdout=subprocess.PIPE, text=True)

    def goes_on(self):
        return self.child.poll() is None

    def end(self):
        """Nobody was sent more than it had sent."""
        said, _ = self.child.communicate()
        same(self.child.returncode, 0)
        sent, answers, longest, excess = map(int, said.split())
        print(f"        {sent} datagrams, {answers} answers, the longest of {longest} bytes",
              flush=True)
        same((sent, excess), (OPTIONS.datagrams, 0))


class Sizes:
    """Memory and open files of processes: what they are now, and that they do not grow."""

    def __init__(self, processes):
        self.processes = processes
        self.before = [self._of(process) for process in processes]

    @staticmethod
    def _of(process):
        folder = pathlib.Path(f"/proc/{process.child.pid}")
        lines = (folder / "status").read_text().splitlines()
        memory = next(line for line in lines if line.startswith("VmRSS:"))
        return int(memory.split()[1]), len(os.listdir(folder / "fd"))

    def check(self):
        for process, (memory_kb, files) in zip(self.processes, self.before):
            memory_now_kb, files_now = self._of(process)
            print(f"        {process.arguments[0]}: {memory_kb} kB before, {memory_now_kb} kB now",
                  flush=True)
            check(memory_now_kb <= memory_kb + GROWTH_KB_MAX,
                  f"{process.arguments} grew from {memory_kb} kB to {memory_now_kb} kB")
            check(files_now <= files + 1, f"{process.arguments}: {files_now} open files now")


def service_goes_on_under_a_flood():
    with World() as world:
        session = Session(world)
        sizes = Sizes([session.bank, *session.people])
        flood = Flood(session, OPTIONS.per_second)
        rounds = 0
        while flood.goes_on():
            session.serve_a_round()
            rounds += 1
        print(f"        {rounds} rounds of service meanwhile", flush=True)
        check(rounds > 1, "hardly any service")
        flood.end()
        sizes.check()
        session.finish()


def a_flood_as_fast_as_it_goes_is_outlived():
    with World() as world:
        session = Session(world)
        sizes = Sizes([session.bank, *session.people])
        Flood(session, AS_FAST_AS_IT_GOES).end()
        session.serve_a_round()
        sizes.check()
        session.finish()


def a_flood_that_is_understood_brings_nobody_down():
    with World() as world:
        session = Session(world)
        processes = [session.bank, *session.people]
        sizes = Sizes(processes)
        Flood(session, OPTIONS.per_second, sealed=True).end()
        for process in processes:
            check(process.child.poll() is None, f"{process.arguments}: {process.errors}")
        sizes.check()


def checksum():
    """XXH3 of 64 bits; None when the library cannot be found."""
    name = ctypes.util.find_library("xxhash")
    if name is None:
        return None
    function = ctypes.CDLL(name).XXH3_64bits
    function.restype = ctypes.c_uint64
    return lambda data: function(data, ctypes.c_size_t(len(data)))


def requests_in_the_name_of(probe, session):
    """Real requests of customers, as if of new ones at the address of this socket."""
    ports = [person.ports[0].to_bytes(2, "big") for person in session.people]
    here = probe.getsockname()[1].to_bytes(2, "big")
    for data in {data for tap in session.taps for data in tap.seen if data[KIND_AT] == REQUEST}:
        for port in ports:
            data = data[:NUMBER_AT] + data[NUMBER_AT:].replace(port, here)
        for letter in "", "x":  # an account that there is; one that there is not
            for name in NAMES:
                new = letter + name[len(letter):]
                data = data.replace(name.encode(), new.encode())
            yield data[:CLIENT_AT] + random.randbytes(8) + data[NUMBER_AT:]


def bound_socket():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    one.setblocking(False)
    return one


def heard(listener):
    datagrams = []
    try:
        while True:
            datagrams.append(listener.recv(65536))
    except BlockingIOError:
        return datagrams


class Liar:
    """Asks for things in the name of another address, which never answers."""

    def __init__(self, request, probe, bank_port, summed):
        self.bank = ("127.0.0.1", bank_port)
        self.summed = summed
        self.own, self.silent = bound_socket(), bound_socket()
        self.request = request.replace(probe.getsockname()[1].to_bytes(2, "big"),
                                       self.silent.getsockname()[1].to_bytes(2, "big"))

    def ask(self, cookie=bytes(8)):
        rest = self.request[SUMMED_FROM:COOKIE_AT] + cookie + self.request[COOKIE_AT + 8:]
        self.own.sendto(self.request[:CHECKSUM_AT] + self.summed(rest).to_bytes(8, "big") + rest,
                        self.bank)

    def ask_again(self):
        """With the cookie that came, so that the bank knows at least where the liar is."""
        answers = heard(self.own)
        check(sum(map(len, answers)) <= len(self.request), f"{answers} for {self.request}")
        for answer in answers:
            self.ask(answer[COOKIE_AT:COOKIE_AT + 8])
        return len(answers)


def who_never_answers_is_sent_no_more_than_was_sent_in_its_name():
    summed = checksum()
    if summed is None:
        print("        skipped: libxxhash is not found")
        return
    with World() as world:
        session = Session(world)
        probe = bound_socket()
        liars = [Liar(data, probe, session.bank.port, summed)
                 for data in requests_in_the_name_of(probe, session)]
        for liar in liars:
            liar.ask()
        time.sleep(0.5)
        known = sum(liar.ask_again() for liar in liars)
        time.sleep(REPETITIONS_S)
        reached = 0
        for liar in liars:
            total = sum(map(len, heard(liar.silent)))
            reached += total > 0
            check(total <= len(liar.request), f"{total} bytes for a request of {liar.request}")
        print(f"        {len(liars)} requests, {known} with a cookie; {reached} reached the "
              "address that they named", flush=True)
        check(known > 0 and reached > 0, "none was understood")


print(f"seed {OPTIONS.seed}")
main(who_never_answers_is_sent_no_more_than_was_sent_in_its_name,
     service_goes_on_under_a_flood,
     a_flood_as_fast_as_it_goes_is_outlived,
     a_flood_that_is_understood_brings_nobody_down)
