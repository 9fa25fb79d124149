"""Disks that fail, and processes that die at them: nothing that was promised is lost.

    disk.py COHORT FAULTY_DISK-LIBRARY

Each fault is tried at the first, the second ... call to the disk; see faulty_disk.c. A process
whose disk fails ends with exit code 4.
"""

import functools
import itertools
import signal
import sys

from live import WAIT_S, World, check, main, preload, same
from recovery import Session, transfer

CALLS = 12
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


@functools.cache
def faulty_disk():
    return preload(sys.argv[2])


def faulty(fault, call):
    return {"LD_PRELOAD": faulty_disk(), "FAULTY_DISK": f"{fault}:{call}"}


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


if __name__ == "__main__":
    main(a_customer_whose_disk_fails_comes_back,
         a_bank_whose_disk_fails_comes_back,
         a_customer_killed_while_it_opens_has_its_account_or_has_none)
