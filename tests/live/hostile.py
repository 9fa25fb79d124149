"""Ten thousand hostile datagrams at every port, in the middle of a session."""

import random
import socket
import threading
import time

from live import World, check, main, quiet_ports, same
from tap import Tap

DATAGRAMS = 10_000
SEED = 1987


def hostile(chance, real):
    """Random bytes; or a real datagram: cut, lengthened, with bits turned, or as it was."""
    kind = chance.randrange(6)
    if kind == 0 or not real:
        return chance.randbytes(chance.randrange(1400))
    data = bytearray(chance.choice(real))
    if kind == 1:
        return bytes(data[:chance.randrange(len(data))])
    if kind == 2:
        return bytes(data) + chance.randbytes(chance.randrange(1, 1300))
    if kind == 3:
        return bytes(data)  # sound, but from long ago
    for _ in range(chance.randrange(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def bombard(targets):
    """Each target: a port, and what was seen of datagrams to spoil for it."""
    chance = random.Random(SEED)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for i in range(DATAGRAMS):
            port, seen = targets[i % len(targets)]
            out.sendto(hostile(chance, seen), ("127.0.0.1", port))
            if i % 100 == 0:
                time.sleep(0.01)  # so that it lasts for some of the session


def a_life_seen(world, tap):
    """What passes between the bank and a customer that opens, lives and exits."""
    process = world.start("customer", "--bank", f"127.0.0.1:{tap.port}", "--port1", 0, "--port2",
                          0, "--any-port")
    check(process.line().startswith("customer ready"), process.errors)
    process.do("open mallory 1", "SUCCESS open mallory balance 1")
    process.do("deposit 1", "SUCCESS deposit 1 balance 2")
    process.do("exit", "SUCCESS exit mallory balance 2")
    process.end()
    check(len(tap.seen) >= 6, f"only {len(tap.seen)} datagrams seen")


def carol_behind_a_tap(world):
    """Her peers reach her through it; what they sent her comes again and again."""
    ports = quiet_ports(2)
    tap = Tap(ports[1])
    carol = world.customer("--trace", "carol.trace", "--advertise",
                           f"127.0.0.1:{ports[0]}:{tap.port}", ports=ports)
    carol.do("open carol 100", "SUCCESS open carol balance 100")
    return carol, tap


def a_session_under_hostile_datagrams_gives_the_right_results():
    with World() as world:
        bank = world.bank()
        bank_tap = Tap(bank.port)
        a_life_seen(world, bank_tap)
        alice, bob = world.customers(("alice", "100"), ("bob", "100"), trace=True)
        carol, carol_tap = carol_behind_a_tap(world)
        alice.do("new-cohort 3", "SUCCESS new-cohort 1 alice,...")
        bob.event("EVENT joined 1 alice,bob,carol")
        targets = [(port, bank_tap.seen)
                   for port in (bank.port, *alice.ports, *bob.ports, carol.ports[0])]
        # Also what was meant for carol, at the others.
        targets += [(process.ports[1], carol_tap.seen) for process in (alice, bob, carol)]
        attack = threading.Thread(target=bombard, args=(targets,))
        attack.start()
        rounds = 0
        while attack.is_alive() or rounds < 5:
            rounds += 1
            alice.do("transfer 2 bob", f"SUCCESS transfer 2 bob label {rounds} ...")
            bob.event(f"EVENT received 2 from alice label {rounds} balance {101 + rounds}")
            bob.do("transfer 1 carol", f"SUCCESS transfer 1 carol label {rounds} ...")
            carol.event(f"EVENT received 1 from bob label {rounds} balance {100 + rounds}")
            if rounds >= 40:
                attack.join()
        carol.do("checkpoint", f"SUCCESS checkpoint carol.1 balance {100 + rounds} members "
                               "carol,alice,bob")
        bob.do("transfer 1 carol", "SUCCESS transfer ...")
        bob.do("rollback", f"SUCCESS rollback bob.1 balance {100 + rounds} members ...")
        same(alice.do("balance"), f"SUCCESS balance {100 - 2 * rounds}")
        carol.do("delete-cohort", "SUCCESS delete-cohort 1")
        for name, customer, balance in (("alice", alice, 100 - 2 * rounds),
                                        ("bob", bob, 100 + rounds),
                                        ("carol", carol, 100 + rounds)):
            customer.do("exit", f"SUCCESS exit {name} balance {balance}")
            customer.end()
        bank.say("quit")
        bank.end()
        same([row[0] for row in world.rows().values()][1:],
             [str(100 - 2 * rounds), str(100 + rounds), str(100 + rounds)])
        world.check_traces("alice", "bob", "carol")


main(a_session_under_hostile_datagrams_gives_the_right_results)
