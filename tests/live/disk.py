"""Disks that are full, and disks that fail: exit code 4, and nothing that was promised is lost.

    disk.py COHORT FAULTY_DISK-LIBRARY [CALLS]

Each fault is tried at the first, the second ... call to the disk; see faulty_disk.c.
"""

import itertools
import os
import subprocess
import sys

from live import WAIT_S, World, check, main, same
from namespaces import enter, run
from recovery import NAMES, Session, transfer

FAULTY_DISK = os.path.abspath(sys.argv[2])
CALLS = int(sys.argv[3]) if len(sys.argv) > 3 else 10
FAULTS = ("sync", "sync-once", "full")
TURNS_MAX = 200


def provoke(process, lines):
    """Types these, again and again, until the process ends with 4; the results it gave."""
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
    process.child.wait(WAIT_S)
    for reader in process.readers:
        reader.join()
    check(process.child.returncode == 4, f"exit {process.child.returncode}, {process.errors}")
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


def a_customer_whose_disk_fails_ends_with_4_and_comes_back():
    with World() as world:
        session = Session(world).form()
        for fault, call in itertools.product(FAULTS, range(1, CALLS + 1)):
            session.alice.do("checkpoint", "SUCCESS checkpoint ...")
            before = int(session.balances()[0])
            session.alice.stop()
            alice = world.start("customer", "--bank", world.bank_address, "--port1", 0, "--port2",
                                0, "--any-port", "--name", "alice", "--trace", "alice.trace",
                                environment=faulty(fault, call))
            results = provoke(alice, ("transfer 1 bob", "checkpoint"))
            check("cohort-state/alice" in alice.errors, alice.errors)
            ends_and_comes_back(session, results, before)
            transfer(session, max(1, 100 - int(session.balances()[0])), "bob", "alice")
        session.check()


def a_bank_whose_disk_fails_ends_with_4_and_comes_back():
    with World() as world:
        session = Session(world)
        for fault, call in itertools.product(FAULTS, range(1, CALLS + 1)):
            session.bank.stop()
            bank = world.start("bank", "--port", session.bank.port, "--any-port", "--trace",
                               "bank.trace", environment=faulty(fault, call))
            results = provoke(bank, ("new-cohort alice 2", "delete-cohort alice"))
            check("data.csv" in bank.errors, bank.errors)
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


def fill(path):
    """Writes a file there that takes all the space that is left."""
    with open(path, "wb", buffering=0) as ballast:
        for size in (4096, 512, 1):
            try:
                while ballast.write(b"x" * size) == size:
                    pass
            except OSError:
                pass


def a_customer_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room():
    with World() as world:
        state = world.folder / "cohort-state"
        state.mkdir()
        run(f"mount -t tmpfs -o size=1m none {state}")
        try:
            session = Session(world).form()
            for _ in range(3):
                before = int(session.balances()[0])
                fill(state / "ballast")
                results = provoke(session.alice, ("transfer 1 bob", "checkpoint"))
                check("space" in session.alice.errors, session.alice.errors)
                # There is none for a start either: told, and what is there is kept.
                refused = world.start("customer", "--bank", world.bank_address, "--port1", 0,
                                      "--port2", 0, "--any-port", "--name", "alice")
                refused.child.wait(WAIT_S)
                refused.end(4)
                (state / "ballast").unlink()
                # bob's disk was full as well.
                if session.bob.child.poll() is not None:
                    same(session.bob.child.returncode, 4)
                    session.back("bob")
                ends_and_comes_back(session, results, before)
            session.check()
            for name in NAMES:
                session.people[name].stop()
        finally:
            subprocess.run(["umount", "-l", state], check=True)


def a_bank_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room():
    with World() as world:
        folder = world.folder / "bank"
        folder.mkdir()
        run(f"mount -t tmpfs -o size=1m none {folder}")
        try:
            bank = world.bank("--data", "bank/data.csv")
            customers = world.customers(*((name, "100") for name in NAMES))
            fill(folder / "ballast")
            provoke(bank, ("new-cohort alice 2", "delete-cohort alice"))
            check("space" in bank.errors, bank.errors)
            (folder / "ballast").unlink()
            bank = world.bank("--data", "bank/data.csv", port=bank.port)
            for name, customer in zip(NAMES, customers):
                customer.settle()
                customer.do("deposit 1", "SUCCESS deposit 1 balance 101")
            for customer in customers:
                customer.settle()
            bank.stop()
            text = (folder / "data.csv").read_text().splitlines()
            same([line.split(",")[:2] for line in text[1:]], [[name, "101"] for name in NAMES])
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


enter()
main(a_customer_whose_disk_fails_ends_with_4_and_comes_back,
     a_bank_whose_disk_fails_ends_with_4_and_comes_back,
     a_customer_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room,
     a_bank_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room)
