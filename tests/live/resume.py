"""Stopping and starting again: customers, the bank, in good order and by kill -9."""

import pathlib
import threading

from live import HEADER, World, check, main, same


def state_of(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def form(world, *customers):
    """A cohort of all these; the first asks."""
    answer = customers[0].do(f"new-cohort {len(customers)}", "SUCCESS new-cohort ...")
    for customer in customers[1:]:
        customer.event(f"EVENT joined {answer.split()[2]} "
                       + ",".join(member.split(",")[0] for member in answer.split()[3:]))
    return answer.split()[2]


def a_customer_outside_a_cohort_goes_on_where_it_was():
    with World() as world:
        world.bank()
        alice, = world.customers(("alice", "100"))
        alice.do("deposit 0.50", "SUCCESS deposit 0.50 balance 100.50")
        old_ports = alice.ports
        same(alice.end(), [])
        check((world.folder / "cohort-state/alice/orderly.ckpt").exists(), "no orderly record")
        alice = world.customer("--name", "alice")
        alice.event("EVENT resumed balance 100.50")
        alice.do("balance", "SUCCESS balance 100.50")
        check(alice.ports != old_ports, "the ports should be others")
        # The bank reaches it there.
        world.processes[0].do("exit alice", "SUCCESS exit alice balance 100.50")
        same(alice.end(), [])
        check(not (world.folder / "cohort-state/alice/account.ckpt").exists(), "state left")


def a_customer_killed_outside_a_cohort_goes_on_where_it_was():
    with World() as world:
        world.bank()
        alice, = world.customers(("alice", "100"))
        alice.do("withdrawal 1", "SUCCESS withdrawal 1 balance 99")
        alice.kill()
        alice = world.customer("--name", "alice")
        alice.event("EVENT resumed balance 99")
        alice.do("deposit 1", "SUCCESS deposit 1 balance 100")
        same(alice.stop(), [])


def a_member_away_misses_nothing_and_comes_back_on_other_ports():
    with World() as world:
        bank = world.bank()
        alice, bob, carol = world.customers(("alice", "100"), ("bob", "100"), ("carol", "100"))
        cohort = form(world, alice, bob, carol)
        alice.do("transfer 10 bob", "SUCCESS transfer 10 bob label 1 balance 90")
        bob.event("EVENT received 10 from alice label 1 balance 110")
        same(alice.stop(), [])
        bob.do("transfer 30 alice", "SUCCESS transfer 30 alice label 1 balance 80")
        alice = world.customer("--name", "alice")
        alice.event("EVENT resumed balance 90")
        alice.event("EVENT received 30 from bob label 1 balance 120")
        alice.do("checkpoint", "SUCCESS checkpoint alice.1 balance 120 members alice,bob")
        carol.do("transfer 1 alice", "SUCCESS transfer 1 alice label 1 balance 99")
        alice.event("EVENT received 1 from carol label 1 balance 121")
        bank.do("delete-cohort alice", f"SUCCESS delete-cohort {cohort}")
        for customer, balance in ((alice, 121), (bob, 80), (carol, 99)):
            customer.event(f"EVENT left {cohort} balance {balance}")
            same(customer.end(), [])
        bank.say("quit")
        same(bank.end(), [])
        same({name: row[0] for name, row in world.rows().items()},
             {"alice": "121", "bob": "80", "carol": "99"})


def a_whole_cohort_stopped_and_started_settles_what_was_in_flight():
    with World() as world:
        world.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "100"))
        form(world, alice, bob)
        bob.stop()
        alice.do("transfer 5 bob", "SUCCESS transfer 5 bob label 1 balance 95")
        alice.do("lost-transfer 7 bob", "SUCCESS lost-transfer 7 bob label 2 balance 88")
        alice.stop()
        bob = world.customer("--name", "bob")
        bob.event("EVENT resumed balance 100")
        alice = world.customer("--name", "alice")
        alice.event("EVENT resumed balance 88")
        bob.event("EVENT received 5 from alice label 1 balance 105")
        bob.event("EVENT missing label 2 from alice")
        alice.do("rollback", "SUCCESS rollback alice.1 balance 100 members alice,bob")
        bob.event("EVENT rolled-back alice.1 balance 100 undone 1")


def a_member_refused_by_another_bank_keeps_its_state():
    with World() as world, World() as other:
        world.bank()
        other.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "100"))
        form(world, alice, bob)
        alice.do("transfer 5 bob", "SUCCESS transfer 5 bob label 1 balance 95")
        alice.stop()
        stray = world.start("customer", "--bank", other.bank_address, "--port1", 0, "--port2", 0,
                            "--any-port", "--name", "alice")
        same(stray.end(2)[1:], ["EVENT resumed balance 95",
                                "FAILURE resume: no open customer is named alice; look at the "
                                "bank's `list`"])
        alice = world.customer("--name", "alice")
        alice.event("EVENT resumed balance 95")
        alice.do("checkpoint", "SUCCESS checkpoint alice.1 balance 95 members alice")


def a_customer_killed_in_a_cohort_is_not_resumed_and_its_state_is_left():
    with World() as world:
        world.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "100"))
        form(world, alice, bob)
        alice.kill()
        before = state_of(world.folder / "cohort-state/alice")
        again = world.start("customer", "--bank", world.bank_address, "--port1", 0, "--port2", 0,
                            "--any-port", "--name", "alice")
        same(again.end(4), [])
        check("recovery from a crash is not in this version" in again.errors, again.errors)
        same(state_of(world.folder / "cohort-state/alice"), before)


def the_bank_killed_after_success_knows_everything_again():
    with World() as world:
        bank = world.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "200.50"))
        cohort = form(world, alice, bob)
        bank.kill()
        world.rows()  # whole, whatever it shows
        alice.do("transfer 1 bob", "SUCCESS transfer 1 bob label 1 balance 99")
        bob.event("EVENT received 1 from alice label 1 balance 201.50")
        bob.do("checkpoint", "SUCCESS checkpoint bob.1 balance 201.50 members bob,alice")
        bank = world.bank(port=bank.port)
        same({name: row[4] for name, row in world.rows().items()},
             {"alice": cohort, "bob": cohort})
        bank.do("delete-cohort alice", f"SUCCESS delete-cohort {cohort}")
        alice.do("exit", "SUCCESS exit alice balance 99")
        bank.do("exit bob", "SUCCESS exit bob balance 201.50")


class Watcher(threading.Thread):
    """Reads the bank's file all the time; `broken` is the first one that was not whole."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.broken = None
        self.reads = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set() and self.broken is None:
            text = self.path.read_text()
            lines = text.split("\n")
            self.reads += 1
            if lines[0] != HEADER or lines[-1] != "" or any(
                    line.count(",") != 6 for line in lines[:-1]):
                self.broken = text


def whatever_is_killed_the_file_is_whole_and_no_success_is_forgotten():
    with World() as world:
        bank = world.bank()
        watcher = Watcher(world.folder / "data.csv")
        watcher.start()
        for i in range(10):
            customer, = world.customers((f"c{i}", f"{i}.50"))
            if i % 3 == 2:
                customer.do("exit", f"SUCCESS exit c{i} balance {i}.50")
            bank.kill()
            bank = world.bank(port=bank.port)
            rows = world.rows()
            same([(name, row[0], row[5]) for name, row in rows.items()],
                 [(f"c{n}", f"{n}.50", "1" if n % 3 == 2 else "0") for n in range(i + 1)])
        watcher.over.set()
        watcher.join()
        same(watcher.broken, None)
        check(watcher.reads > 10, "the file was hardly read")


def the_bank_stopped_and_started_never_uses_a_cohort_s_id_again():
    with World() as world:
        bank = world.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "100"))
        for expected in ("1", "2", "3"):
            same(form(world, alice, bob), expected)
            alice.do("delete-cohort", f"SUCCESS delete-cohort {expected}")
            bob.event(f"EVENT left {expected} balance 100")
            bank.say("quit")
            same(bank.end(), [])
            bank = world.bank(port=bank.port)


def refused(world, exit_code, said, *arguments, lines=()):
    process = world.start("customer", "--bank", world.bank_address, "--port1", 0, "--port2", 0,
                          "--any-port", *arguments)
    left = [line for line in process.end(exit_code) if not line.startswith("customer ready")]
    same(left, list(lines))
    check(said in process.errors, f"{process.errors!r} does not say {said!r}")


def what_cannot_be_resumed_is_refused_with_its_exit_code():
    with World() as world:
        bank = world.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "100"))
        refused(world, 2, "", "--name", "nobody",
                lines=["FAILURE resume: no open customer is named nobody; look at the bank's "
                       "`list`"])
        refused(world, 4, "in use by another process", "--name", "alice")
        refused(world, 2, "", "--name", "alice", "--state", "elsewhere",
                lines=["FAILURE resume: another process runs alice; stop that one first"])
        bob.stop()
        refused(world, 2, "holds the state of another account than carol", "--name", "carol",
                "--state", "cohort-state/bob")
        refused(world, 4, "holds the state of an account already", "--state", "cohort-state/bob")
        account = world.folder / "cohort-state/bob/account.ckpt"
        damaged = bytearray(account.read_bytes())
        damaged[40] ^= 1
        account.write_bytes(damaged)
        refused(world, 4, "cohort-state/bob/account.ckpt is damaged", "--name", "bob")
        same(account.read_bytes(), bytes(damaged))
        alice.do("exit", "SUCCESS exit alice balance 100")
        alice.end()
        refused(world, 2, "", "--name", "alice",
                lines=["FAILURE resume: alice has exited; open the name again first"])
        bank.stop()
        refused(world, 4, "", "--name", "alice",
                lines=["FAILURE resume: the bank did not answer; see that it runs at --bank, then "
                       "try again"])


def an_open_never_overwrites_the_state_of_another_account():
    with World() as world:
        world.bank()
        alice, = world.customers(("alice", "100"))
        alice.stop()
        world.processes[0].say("quit")
        world.processes[0].end()
        for name in ("data.csv", "data.csv.journal"):
            (world.folder / name).unlink()  # another bank, which knows no alice
        before = state_of(world.folder / "cohort-state/alice")
        world.bank()
        again = world.customer()
        again.say("open alice 5")
        again.end(4)
        check("cohort-state/alice holds the state of an account already" in again.errors,
              again.errors)
        same(state_of(world.folder / "cohort-state/alice"), before)
        same(world.rows(), {})


def a_name_is_free_as_soon_as_its_customer_has_exited():
    with World() as world:
        world.bank()
        for balance in ("100", "7", "30.50"):
            alice, = world.customers(("alice", balance))
            same(world.rows()["alice"][0], balance)  # on disk before SUCCESS is said
            alice.do("exit", f"SUCCESS exit alice balance {balance}")
            same(world.rows()["alice"][-1], "1")
            alice.end()


main(a_name_is_free_as_soon_as_its_customer_has_exited,
     a_customer_outside_a_cohort_goes_on_where_it_was,
     a_customer_killed_outside_a_cohort_goes_on_where_it_was,
     a_member_away_misses_nothing_and_comes_back_on_other_ports,
     a_whole_cohort_stopped_and_started_settles_what_was_in_flight,
     a_member_refused_by_another_bank_keeps_its_state,
     a_customer_killed_in_a_cohort_is_not_resumed_and_its_state_is_left,
     the_bank_killed_after_success_knows_everything_again,
     whatever_is_killed_the_file_is_whole_and_no_success_is_forgotten,
     the_bank_stopped_and_started_never_uses_a_cohort_s_id_again,
     what_cannot_be_resumed_is_refused_with_its_exit_code,
     an_open_never_overwrites_the_state_of_another_account)
