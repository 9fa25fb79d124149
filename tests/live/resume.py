"""Stopping and starting again: customers, the bank, in good order and by kill -9."""

import json
import pathlib
import signal
import subprocess
import sys
import threading
import time

from live import COHORT, HEADER, World, check, main, preload, quiet_port, same

FAULTY_DISK = preload(sys.argv[2])
STOP_PATIENCE_S = 2


def state_of(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def cohort_state(world, name, *options, exit_code=0):
    """What `cohort state` says of an account's directory; when it fails, its error."""
    done = subprocess.run([COHORT, "state", *options, f"cohort-state/{name}"], cwd=world.folder,
                          capture_output=True, text=True, check=False)
    same(done.returncode, exit_code)
    return done.stdout if exit_code == 0 else done.stderr


def state_objects(world, name):
    """The objects of `cohort state --json`: the file, the account or None, records by slot."""
    objects = [json.loads(line) for line in cohort_state(world, name, "--json").splitlines()]
    records = {}
    for one in objects:
        if one["state"] == "record":
            records.setdefault(one["slot"], []).append(one["index"])
    account = [one for one in objects if one["state"] == "account"]
    return objects[0], account[0] if account else None, records


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
        check(state_objects(world, "alice")[0]["orderly"], "no orderly record")
        alice = world.customer("--name", "alice")
        alice.event("EVENT resumed balance 100.50")
        alice.do("balance", "SUCCESS balance 100.50")
        check(alice.ports != old_ports, "the ports should be others")
        alice.settle()
        # The bank reaches it there.
        world.processes[0].do("exit alice", "SUCCESS exit alice balance 100.50")
        same(alice.end(), [])
        same(state_objects(world, "alice")[1:], (None, {}))


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


def a_customer_killed_in_a_cohort_comes_back_and_takes_along_who_must():
    with World() as world:
        bank = world.bank()
        alice, bob, carol = world.customers(("alice", "100"), ("bob", "100"), ("carol", "100"),
                                            trace=True)
        cohort = form(world, alice, bob, carol)
        alice.do("transfer 10 bob", "SUCCESS transfer 10 bob label 1 balance 90")
        bob.event("EVENT received 10 from alice label 1 balance 110")
        bob.do("checkpoint", "SUCCESS checkpoint bob.1 balance 110 members bob,alice")
        alice.event("EVENT permanent bob.1 balance 90")
        alice.do("transfer 5 bob", "SUCCESS transfer 5 bob label 2 balance 85")
        bob.event("EVENT received 5 from alice label 2 balance 115")
        carol.do("transfer 1 alice", "SUCCESS transfer 1 alice label 1 balance 99")
        alice.event("EVENT received 1 from carol label 1 balance 86")
        alice.kill()
        alice = world.customer("--name", "alice", "--trace", "alice.trace")
        alice.event("EVENT resumed balance 90")
        alice.event("EVENT rolled-back alice... balance 90 undone 0")
        bob.event("EVENT rolled-back alice... balance 110 undone 1")
        # carol is not rolled back: what she sent is sent again.
        alice.event("EVENT received 1 from carol label 1 balance 91")
        carol.do("balance", "SUCCESS balance 99")
        alice.do("transfer 2 bob", "SUCCESS transfer 2 bob label 2 balance 89")
        bob.event("EVENT received 2 from alice label 2 balance 112")
        for customer in (alice, bob, carol):
            customer.settle()
        bank.do("delete-cohort alice", f"SUCCESS delete-cohort {cohort}")
        for customer, balance in ((alice, 89), (bob, 112), (carol, 99)):
            customer.event(f"EVENT left {cohort} balance {balance}")
            same(customer.end(), [])
        world.check_traces("alice", "bob", "carol")


def a_trace_goes_on_in_its_file_whatever_is_killed():
    with World() as world:
        bank = world.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "100"), trace=True)
        form(world, alice, bob)
        for lap in range(8):
            alice.say("transfer 1 bob\ncheckpoint\ntransfer 1 bob\ncheckpoint")
            for _ in range(lap % 5):
                alice.result()
            alice.kill()
            alice = world.customer("--name", "alice", "--trace", "alice.trace")
            for customer in (alice, bob):
                customer.settle()
            total = sum(int(customer.do("balance").split()[-1]) for customer in (alice, bob))
            same(total, 200)
        same(alice.stop(), [])
        same(bob.stop(), [])
        bank.stop()
        lines = (world.folder / "alice.trace").read_text().splitlines()[1:]
        same([json.loads(line)["seq"] for line in lines], list(range(len(lines))))
        same(sum('"e":"restarted"' in line for line in lines), 8)
        world.check_traces("alice", "bob")


def a_file_that_is_no_trace_is_not_written_to():
    with World() as world:
        world.bank()
        alice, = world.customers(("alice", "100"))
        alice.stop()
        (world.folder / "letter").write_text("Dear bank,\n")
        refused(world, 2, "name another file with --trace", "--name", "alice", "--trace", "letter")
        same((world.folder / "letter").read_text(), "Dear bank,\n")


def the_trace_of_another_process_is_not_written_to():
    with World() as world:
        world.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "100"), trace=True)
        alice.stop()
        bob.stop()
        before = (world.folder / "bob.trace").read_bytes()
        refused(world, 2, "something else than the trace of this customer", "--name", "alice",
                "--trace", "bob.trace")
        stray = world.start("bank", "--port", 0, "--any-port", "--data", "other.csv", "--trace",
                            "bob.trace")
        same(stray.end(2), [])
        same((world.folder / "bob.trace").read_bytes(), before)


def a_second_signal_ends_a_process_whose_disk_does_not_answer():
    with World() as world:
        world.bank()
        alice, = world.customers(("alice", "100"))
        alice.stop()
        # Loading takes two syncs.
        alice = world.customer("--name", "alice", environment={"LD_PRELOAD": FAULTY_DISK,
                                                               "FAULTY_DISK": "hang:3"})
        alice.say("deposit 1")
        alice.child.send_signal(signal.SIGTERM)
        alice.child.send_signal(signal.SIGHUP)  # both at once are one
        time.sleep(STOP_PATIENCE_S + 0.5)
        same(alice.child.poll(), None)
        same(alice.stop(-signal.SIGTERM), [])
        alice = world.customer("--name", "alice")
        alice.event("EVENT resumed balance 10...")  # 101: the deposit was written, and not answered


def a_state_is_shown_while_its_customer_runs_and_after_it_was_killed():
    with World() as world:
        world.bank()
        alice, bob = world.customers(("alice", "100"), ("bob", "50.50"))
        cohort = form(world, alice, bob)
        alice.do("transfer 10 bob", "SUCCESS transfer 10 bob label 1 balance 90")
        alice.do("checkpoint", "SUCCESS checkpoint alice.1 balance 90 members alice")
        alice.do("transfer 10 bob", "SUCCESS transfer 10 bob label 2 balance 80")
        before = state_of(world.folder / "cohort-state/alice")
        running = cohort_state(world, "alice")
        for said in ("name: alice", "balance: 90", f"cohort: {cohort}, ", "bob at ", "running, or"):
            check(said in running, f"{running!r} does not say {said!r}")
        same(state_of(world.folder / "cohort-state/alice"), before)
        alice.kill()
        same(cohort_state(world, "alice"), running)
        file, account, records = state_objects(world, "alice")
        same((account["name"], account["balance"], account["cohort"]), ("alice", 9000, int(cohort)))
        same(file["bytes"], len(before["state"]))
        same((file["orderly"], file["disorder"]), (False, ""))
        same((records["account"], records["permanent-channel"]), ([0], [1]))
        bob.stop()
        check("stopped in good order" in cohort_state(world, "bob"), "bob stopped in good order")
        check("no state" in cohort_state(world, "carol", exit_code=4), "carol has none")


def a_torn_save_is_cut_off_and_a_flipped_bit_repaired():
    with World() as world:
        world.bank()
        alice, = world.customers(("alice", "100"))
        alice.do("deposit 1", "SUCCESS deposit 1 balance 101")
        alice.kill()
        path = world.folder / "cohort-state/alice/state"
        sound = path.read_bytes()
        path.write_bytes(sound + sound[-40:-7])
        check("not finished" in cohort_state(world, "alice"), "the torn tail is not told")
        same(path.read_bytes(), sound + sound[-40:-7])
        flipped = bytearray(sound)
        flipped[40] ^= 1
        path.write_bytes(flipped)
        check("one of two copies was damaged" in cohort_state(world, "alice"),
              "the repair is not told")
        alice = world.customer("--name", "alice")
        alice.event("EVENT resumed balance 101")
        same(alice.stop(), [])
        check("one of two copies was damaged" in alice.errors, alice.errors)
        same(state_objects(world, "alice")[0]["disorder"], "")


def the_bank_killed_after_success_knows_everything_again():
    with World() as world:
        bank = world.bank(port=quiet_port())
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
        bank = world.bank(port=quiet_port())
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
        bank = world.bank(port=quiet_port())
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
        state = world.folder / "cohort-state/bob/state"
        damaged = bytes(len(state.read_bytes()))
        state.write_bytes(damaged)
        refused(world, 4, "cohort-state/bob/state is damaged at byte 0", "--name", "bob")
        check("damaged at byte 0" in cohort_state(world, "bob", exit_code=4), "where is not said")
        same(state.read_bytes(), damaged)
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
     a_customer_killed_in_a_cohort_comes_back_and_takes_along_who_must,
     a_trace_goes_on_in_its_file_whatever_is_killed,
     a_file_that_is_no_trace_is_not_written_to,
     the_trace_of_another_process_is_not_written_to,
     a_second_signal_ends_a_process_whose_disk_does_not_answer,
     a_state_is_shown_while_its_customer_runs_and_after_it_was_killed,
     a_torn_save_is_cut_off_and_a_flipped_bit_repaired,
     the_bank_killed_after_success_knows_everything_again,
     whatever_is_killed_the_file_is_whole_and_no_success_is_forgotten,
     the_bank_stopped_and_started_never_uses_a_cohort_s_id_again,
     what_cannot_be_resumed_is_refused_with_its_exit_code,
     an_open_never_overwrites_the_state_of_another_account)
