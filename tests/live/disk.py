"""Disks that are full, that fail, or that a process dies at: nothing that was promised is lost.

    disk.py COHORT FAULTY_DISK-LIBRARY [CALLS]

Each fault is tried at the first, the second ... call to the disk; see faulty_disk.c. A process whose
disk fails ends with exit code 4.
"""

import itertools
import os
import signal
import sys

from live import WAIT_S, World, check, main, quiet_port, same
from namespaces import enter, run
from recovery import NAMES, Session, transfer

FAULTY_DISK = os.path.abspath(sys.argv[2])
CALLS = int(sys.argv[3]) if len(sys.argv) > 3 else 12
ENDS = {"sync": 4, "sync-once": 4, "full": 4, "kill": -signal.SIGKILL, "torn": -signal.SIGKILL}
TURNS_MAX = 200


def provoke(process, lines, exit_code=4):
    """Types these, again and again, until the process ends; the results it gave."""
    results = []
    for line in itertools.islice(itertools.cycle(lines), TURNS_MAX):
        try:
            process.say(line)
        except BrokenPipeError:
            break
        while (said := process.line()) is not None and not said.startswith(("SUCCESS", "FAILURE")):
            process.events.append(said)
        if said is None:
            break
        results.append(said)
    else:
        check(False, f"{process.arguments} does not end; {results[-3:]}")
    found = process.child.wait(WAIT_S)
    for reader in process.readers:
        reader.join()
    check(found == exit_code, f"exit {found}, {process.errors}")
    return results


def faulty(fault, call):
    return {"LD_PRELOAD": FAULTY_DISK, "FAULTY_DISK": f"{fault}:{call}"}


def promised_balance(results, before):
    """As of the last checkpoint that was answered."""
    for result in reversed(results):
        if result.startswith("SUCCESS checkpoint "):
            return int(result.split()[4])
    return before


def ends_and_comes_back(session, results, before):
    """alice ended at her disk; she starts again, and no money is gone."""
    session.back("alice")
    session.alice.event("EVENT resumed ...")
    session.settle()
    balances = [int(balance) for balance in session.balances()]
    same(sum(balances), 300)
    check(balances[0] <= promised_balance(results, before), f"{balances} after {results[-5:]}")
    session.each_can_send()


def a_customer_whose_disk_fails_comes_back():
    with World() as world:
        session = Session(world).form()
        for fault, call in itertools.product(ENDS, range(1, CALLS + 1)):
            session.alice.do("checkpoint", "SUCCESS checkpoint ...")
            before = int(session.balances()[0])
            session.alice.stop()
            alice = world.start("customer", "--bank", world.bank_address, "--port1", 0, "--port2",
                                0, "--any-port", "--name", "alice", "--trace", "alice.trace",
                                environment=faulty(fault, call))
            results = provoke(alice, ("transfer 1 bob", "checkpoint", "rollback"), ENDS[fault])
            check(ENDS[fault] != 4 or "cohort-state/alice" in alice.errors, alice.errors)
            ends_and_comes_back(session, results, before)
            transfer(session, max(1, 100 - int(session.balances()[0])), "bob", "alice")
        session.check()


def a_bank_whose_disk_fails_comes_back():
    with World() as world:
        session = Session(world)
        for fault, call in itertools.product(ENDS, range(1, CALLS + 1)):
            session.bank.stop()
            bank = world.start("bank", "--port", session.bank.port, "--any-port", "--trace",
                               "bank.trace", environment=faulty(fault, call))
            results = provoke(bank, ("new-cohort alice 2", "delete-cohort alice"), ENDS[fault])
            check(ENDS[fault] != 4 or "data.csv" in bank.errors, bank.errors)
            session.back("bank")
            session.settle()
            if results[-1:] and results[-1].startswith("SUCCESS new-cohort "):
                cohort = results[-1].split()[2]
                same(world.rows()["alice"][4] or cohort, cohort)
            # Whether the last command was done is for the bank to know: all agree with it.
            if world.rows()["alice"][4]:
                session.bank.do("delete-cohort alice", "SUCCESS delete-cohort ...")
            session.bank.do("new-cohort alice 3", "SUCCESS new-cohort ...")
            session.bank.do("delete-cohort alice", "SUCCESS delete-cohort ...")
            same(session.balances(), ("100", "100", "100"))
        session.check()


def a_customer_killed_while_it_opens_has_its_account_or_has_none():
    with World() as world:
        world.bank()
        accounts = {}
        for fault, call in itertools.product(("kill", "torn"), range(1, CALLS + 1)):
            name = f"{fault}{call}"
            customer = world.customer(environment=faulty(fault, call))
            customer.say(f"open {name} 5")
            opened = customer.line() is not None
            customer.kill()
            again = world.customer("--name", name)
            line = again.line()
            accounts[name] = line == "EVENT resumed balance 5"
            check(accounts[name] or not opened, f"{name} was promised its account: {line}")
            if accounts[name]:
                again.do("deposit 1", "SUCCESS deposit 1 balance 6")
                again.stop()
            else:
                same(line, f"FAILURE resume: no open customer is named {name}; look at the bank's "
                           "`list`")
                again.end(2)
        print(f"        {sum(accounts.values())} of {len(accounts)} were opened", flush=True)
        same(set(accounts.values()), {True, False})


class SmallDisk:
    """A file system of one megabyte in this folder."""

    def __init__(self, folder):
        self.folder = folder
        self.ballast = folder / "ballast"

    def __enter__(self):
        self.folder.mkdir(parents=True)
        run(f"mount -t tmpfs -o size=1m none {self.folder}")
        return self

    def __exit__(self, *_):
        run(f"umount -l {self.folder}")

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as ballast:
            for size in (4096, 512, 1):
                try:
                    while ballast.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        self.ballast.unlink()


def a_customer_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room():
    with World() as world, SmallDisk(world.folder / "cohort-state" / "alice") as disk:
        session = Session(world).form()
        for _ in range(3):
            before = int(session.balances()[0])
            disk.fill()
            results = provoke(session.alice, ("transfer 1 bob", "checkpoint"))
            check("No space" in session.alice.errors, session.alice.errors)
            # There is none for a start either: told, and what is there is kept.
            refused = world.start("customer", "--bank", world.bank_address, "--port1", 0,
                                  "--port2", 0, "--any-port", "--name", "alice")
            refused.child.wait(WAIT_S)
            refused.end(4)
            disk.free()
            ends_and_comes_back(session, results, before)
        session.check()
        session.alice.stop()


def a_bank_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room():
    with World() as world, SmallDisk(world.folder / "bank") as disk:
        bank = world.bank("--data", "bank/data.csv", port=quiet_port())
        customers = world.customers(*((name, "100") for name in NAMES))
        disk.fill()
        provoke(bank, ("new-cohort alice 2", "delete-cohort alice"))
        check("No space" in bank.errors, bank.errors)
        disk.free()
        bank = world.bank("--data", "bank/data.csv", port=bank.port)
        for customer in customers:
            customer.settle()
            customer.do("deposit 1", "SUCCESS deposit 1 balance 101")
            customer.settle()
        bank.stop()
        text = (disk.folder / "data.csv").read_text().splitlines()
        same([line.split(",")[:2] for line in text[1:]], [[name, "101"] for name in NAMES])


enter()
main(a_customer_whose_disk_fails_comes_back,
     a_bank_whose_disk_fails_comes_back,
     a_customer_killed_while_it_opens_has_its_account_or_has_none,
     a_customer_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room,
     a_bank_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room)
