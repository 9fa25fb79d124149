"""Kill -9 at chosen instants, and what each process does when it is started again."""

import pathlib
import random
import signal
import time

from live import WAIT_S, World, check, main, quiet_port, same

NAMES = ("alice", "bob", "carol")


class Session:
    """A bank and alice, bob and carol with 100 each in one cohort; each can be killed and come
    back."""

    def __init__(self, world, *options, balance="100"):
        self.world = world
        self.options = options
        self.bank = world.bank("--trace", "bank.trace", port=quiet_port())
        opened = world.customers(*((name, balance) for name in NAMES), trace=True, options=options)
        self.people = dict(zip(NAMES, opened))

    def __getattr__(self, name):
        return self.people[name]

    def form(self):
        self.alice.do("new-cohort 3", "SUCCESS new-cohort ...")
        for name in NAMES:
            self.people[name].event("EVENT joined ...")
        return self

    def back(self, *names):
        """Starts these again, all at once."""
        if "bank" in names:
            self.bank = self.world.bank("--trace", "bank.trace", port=self.bank.port)
        for name in names:
            if name != "bank":
                self.people[name] = self.world.customer(
                    "--name", name, "--trace", f"{name}.trace", *self.options)

    def settle(self):
        # Twice: what one still has to do may be news for another that had come to rest.
        for _ in range(2):
            for name in NAMES:
                self.people[name].settle()

    def balances(self):
        return tuple(self.people[name].do("balance").split()[-1] for name in NAMES)

    def each_can_send(self):
        """Everybody sends 1 to the next one; that changes no balance."""
        before = self.balances()
        for name, to in zip(NAMES, NAMES[1:] + NAMES[:1]):
            self.people[name].do(f"transfer 1 {to}", f"SUCCESS transfer 1 {to} ...")
        for name, to in zip(NAMES, NAMES[1:] + NAMES[:1]):
            self.people[to].event(f"EVENT received 1 from {name} ...")
        same(self.balances(), before)

    def rolled_back(self):
        """Who has said so since this was asked the last time. All are at rest."""
        found = []
        for name in NAMES:
            events = self.people[name].events
            found += [name] * any(event.startswith("EVENT rolled-back ") for event in events)
            events.clear()
        return found

    def check(self):
        self.settle()
        self.world.check_traces(*NAMES, "bank")


def transfer(session, amount, sender, receiver):
    session.people[sender].do(f"transfer {amount} {receiver}",
                              f"SUCCESS transfer {amount} {receiver} ...")
    session.people[receiver].event(f"EVENT received {amount} from {sender} ...")


def up_to_the_crash(session):
    """Transfers, a checkpoint of all, and more transfers: bob holds what alice will forget; carol
    does not, and alice holds what carol remembers."""
    transfer(session, 10, "alice", "bob")
    transfer(session, 5, "bob", "carol")
    session.carol.do("checkpoint", "SUCCESS checkpoint carol.1 balance 105 members "
                                   "carol,alice,bob")
    transfer(session, 20, "alice", "bob")
    transfer(session, 7, "carol", "alice")
    same(session.balances(), ("77", "125", "98"))


def one_killed_takes_with_it_exactly_those_who_hold_what_it_has_forgotten():
    with World() as world:
        session = Session(world).form()
        up_to_the_crash(session)
        session.settle()
        session.rolled_back()
        session.alice.kill()
        session.back("alice")
        session.alice.event("EVENT resumed balance 90")
        session.settle()
        same(session.rolled_back(), ["alice", "bob"])
        # What carol sent her comes again: carol's checkpoint is behind it, but carol is not undone.
        same(session.balances(), ("97", "105", "98"))
        session.each_can_send()
        session.check()


def all_killed_at_once_go_back_to_the_checkpoint():
    with World() as world:
        session = Session(world).form()
        up_to_the_crash(session)
        for process in (session.bank, *session.people.values()):
            process.child.kill()
        for process in (session.bank, *session.people.values()):
            process.child.wait()
        session.back("alice", "bank", "bob", "carol")
        for name, balance in zip(NAMES, (90, 105, 105)):
            session.people[name].event(f"EVENT resumed balance {balance}")
        session.settle()
        same(session.rolled_back(), list(NAMES))
        same(session.balances(), ("90", "105", "105"))
        session.each_can_send()
        session.bob.do("checkpoint", "SUCCESS checkpoint bob... members bob,alice,carol")
        session.bank.do("delete-cohort alice", "SUCCESS delete-cohort 1")
        session.check()


def wait_for_trace(world, name, text):
    """Waits until this is in the trace: some things are told nowhere else."""
    path = pathlib.Path(world.folder) / f"{name}.trace"
    limit = time.monotonic() + WAIT_S
    while text not in path.read_text():
        check(time.monotonic() < limit, f"{text} does not come in {path}")
        time.sleep(0.005)


def before_the_decision(session):
    """carol's checkpoint: alice has voted yes, and bob, who is stopped, has not answered."""
    transfer(session, 10, "alice", "carol")
    transfer(session, 5, "bob", "carol")
    session.settle()
    session.bob.child.send_signal(signal.SIGSTOP)
    session.carol.say("checkpoint")
    wait_for_trace(session.world, "alice", '"tentative"')
    time.sleep(0.2)  # the vote is saved, and sent


def a_participant_killed_after_its_vote_learns_the_decision():
    with World() as world:
        session = Session(world).form()
        before_the_decision(session)
        session.alice.kill()
        session.back("alice")
        session.alice.event("EVENT resumed balance 100")
        check(any(line.startswith("waits for ") for line in session.alice.status()),
              "alice should be in doubt")
        session.bob.child.send_signal(signal.SIGCONT)
        same(session.carol.result(), "SUCCESS checkpoint carol.1 balance 115 members "
                                     "carol,alice,bob")
        session.alice.event("EVENT permanent carol.1 balance 90")
        session.settle()
        same(session.balances(), ("90", "95", "115"))
        same(session.rolled_back(), ["alice"])
        session.each_can_send()
        session.check()


def an_initiator_killed_before_its_decision_aborts():
    with World() as world:
        session = Session(world).form()
        before_the_decision(session)
        session.carol.kill()
        session.bob.child.send_signal(signal.SIGCONT)
        session.back("carol")
        session.carol.event("EVENT resumed balance 100")
        session.settle()
        # She was the receiver: both sent again what she had forgotten.
        same(session.balances(), ("90", "95", "115"))
        same(session.rolled_back(), ["carol"])
        session.carol.do("checkpoint", "SUCCESS checkpoint carol... members carol,alice,bob")
        session.each_can_send()
        session.check()


def an_initiator_that_stays_away_is_named_by_those_in_doubt():
    with World() as world:
        session = Session(world).form()
        before_the_decision(session)
        session.carol.kill()
        session.bob.child.send_signal(signal.SIGCONT)
        session.alice.say("transfer 1 bob")
        check(any(line.startswith("waits for ") and "carol" in line
                  for line in status_behind(session.alice)), "who is missing is not said")
        session.back("carol")
        same(session.alice.result(), "SUCCESS transfer 1 bob label 1 balance 89")
        session.check()


def status_behind(process):
    """The lines of `status`, while a command waits."""
    process.say("status")
    lines = []
    while not any(line.startswith("waits for ") for line in lines):
        line = process.line()
        if line.startswith("  "):
            lines.append(line.strip())
    return lines


def while_the_bank_is_away_its_customers_go_on():
    with World() as world:
        session = Session(world).form()
        session.bank.kill()
        transfer(session, 10, "alice", "bob")
        session.bob.do("checkpoint", "SUCCESS checkpoint bob.1 balance 110 members bob,alice")
        transfer(session, 20, "bob", "carol")
        session.carol.do("rollback", "SUCCESS rollback carol.1 balance 100 members carol")
        session.carol.event("EVENT received 20 from bob ...")
        session.bob.kill()
        session.back("bob")
        session.bob.event("EVENT rolled-back ...")
        session.carol.event("EVENT rolled-back ...")
        transfer(session, 1, "carol", "bob")
        session.carol.do("checkpoint", "SUCCESS checkpoint carol... balance 99 members carol")
        session.back("bank")
        session.settle()
        same(session.balances(), ("90", "111", "99"))
        session.check()


def what_is_asked_of_an_absent_bank_is_done_once():
    with World() as world:
        session = Session(world)
        for round_ in range(10):
            session.bank.kill()
            dave = world.customer()
            dave.say(f"open dave{round_} 5")
            session.alice.say("new-cohort 2")
            time.sleep(0.01 * round_)
            session.back("bank")
            same(dave.result(), f"SUCCESS open dave{round_} balance 5")
            formed = session.alice.result()
            check(formed.startswith("SUCCESS new-cohort "), formed)
            members = [member.split(",")[0] for member in formed.split()[3:]]
            rows = world.rows()
            same(sorted(name for name in rows if rows[name][4]), sorted(members))
            same(sum(name.startswith("dave") for name in rows), 1 + round_)
            session.alice.do("delete-cohort", "SUCCESS delete-cohort ...")
            dave.do("exit", f"SUCCESS exit dave{round_} balance 5")
            dave.end()


def the_bank_killed_in_the_middle_of_a_command_does_it_once():
    chance = random.Random(1987)
    with World() as world:
        session = Session(world)
        for round_ in range(15):
            dave = world.customer()
            dave.say(f"open dave{round_} 5")
            session.alice.say("new-cohort 2")
            time.sleep(chance.random() * 0.008)
            session.bank.kill()
            world.rows()
            session.back("bank")
            same(dave.result(), f"SUCCESS open dave{round_} balance 5")
            # Formed or failed: all agree, or in the end all are free.
            formed = session.alice.result().startswith("SUCCESS ")
            if formed:
                session.alice.event("EVENT joined ...")
                session.alice.say("delete-cohort")
                time.sleep(chance.random() * 0.008)
                session.bank.kill()
                session.back("bank")
                same(session.alice.result().split()[:2], ["SUCCESS", "delete-cohort"])
            dave.do("exit", f"SUCCESS exit dave{round_} balance 5")
            dave.end()
        same({row[4] for row in world.rows().values()}, {""})
        same(session.balances(), ("100", "100", "100"))


def a_cohort_that_cannot_form_is_undone_everywhere():
    with World() as world:
        session = Session(world)
        session.bob.child.send_signal(signal.SIGSTOP)
        result = session.alice.do("new-cohort 3")
        check(result.startswith("FAILURE new-cohort: bob did not answer"), result)
        session.alice.do("deposit 1", "SUCCESS deposit 1 balance 101")
        session.carol.do("withdrawal 1", "SUCCESS withdrawal 1 balance 99")
        session.bob.child.send_signal(signal.SIGCONT)
        session.bob.do("deposit 2", "SUCCESS deposit 2 balance 102")
        session.bob.do("new-cohort 3", "SUCCESS new-cohort ...")
        session.alice.event("EVENT joined ...")
        session.check()


def a_member_killed_while_its_cohort_is_dissolved_leaves_it_too():
    chance = random.Random(1987)
    with World() as world:
        session = Session(world)
        for round_ in range(10):
            session.form()
            transfer(session, 1, "alice", "bob")
            session.bank.say("delete-cohort alice")
            time.sleep(chance.random() * 0.01)
            session.bob.kill()
            session.back("bob")
            result = session.bank.result()
            check(result == f"SUCCESS delete-cohort {round_ + 1}", result)
            session.settle()
            total = sum(int(balance) for balance in session.balances())
            same(total, 300)
            for name in NAMES:
                session.people[name].events.clear()
        session.check()


def with_cash_commit_cash_survives_what_a_crash_undoes():
    with World() as world:
        session = Session(world, "--cash", "commit").form()
        session.alice.do("deposit 30", "SUCCESS deposit 30 balance 130")
        transfer(session, 50, "alice", "bob")
        session.alice.kill()
        session.back("alice")
        session.alice.event("EVENT resumed balance 130")
        session.settle()
        same(session.balances(), ("130", "100", "100"))
        session.alice.do("withdrawal 130", "SUCCESS withdrawal 130 balance 0")
        session.alice.kill()
        session.back("alice")
        session.alice.event("EVENT resumed balance 0")
        session.settle()
        same(session.balances(), ("0", "100", "100"))
        session.check()


if __name__ == "__main__":
    main(one_killed_takes_with_it_exactly_those_who_hold_what_it_has_forgotten,
         all_killed_at_once_go_back_to_the_checkpoint,
         a_participant_killed_after_its_vote_learns_the_decision,
         an_initiator_killed_before_its_decision_aborts,
         an_initiator_that_stays_away_is_named_by_those_in_doubt,
         while_the_bank_is_away_its_customers_go_on,
         what_is_asked_of_an_absent_bank_is_done_once,
         the_bank_killed_in_the_middle_of_a_command_does_it_once,
         a_cohort_that_cannot_form_is_undone_everywhere,
         a_member_killed_while_its_cohort_is_dissolved_leaves_it_too,
         with_cash_commit_cash_survives_what_a_crash_undoes)
