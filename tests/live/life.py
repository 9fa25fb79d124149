"""A life: a bank and 2 to 6 customers, from opening to exit, whatever is done to them.

In each round customers are given random commands, and the test disturbs them in its own way: kills
them, cuts their cables, stops them. Every tenth round waits until nobody waits for anybody, and
then settles accounts: what customers say they have, what the bank's file says, and what the traces
say (replayed here, see books.py, and judged by `cohort check`) must agree to the cent, and all that
was promised with SUCCESS must be there.

The seed decides what is done, not what the machine makes of it: run a failed one some times.
"""

import argparse
import collections
import random
import signal
import subprocess
import sys
import time
import traceback

from books import Book, balance_the_books
from live import COHORT, WAIT_S, Failed, World, cents, check, quiet_port, same

SETTLE_ROUNDS = 10
SETTLE_S = 90  # a command is given up after 60
OPENED = 1000  # each customer begins with
NAMES = ("alice", "bob", "carol", "dave", "erin", "frank")
# A cohort may come and go at any time: whoever asked the bank for it was killed, and the bank does
# it nevertheless.
IN_COHORT = "is in cohort"
NO_COHORT = "not in a cohort"
# What a user may be told when others come and go. Anything else fails the test.
REASONS = ("insufficient balance", IN_COHORT, NO_COHORT, "is not in this cohort",
           "too few others run", "in the middle of another command", " did not answer",
           "was engaged in another checkpoint or rollback", " declined;", "did not settle in time")
WEIGHTS = {"transfer": 30, "lost-transfer": 4, "deposit": 12, "withdrawal": 10, "checkpoint": 14,
           "rollback": 8, "balance": 2, "status": 1, "new-cohort": 3, "delete-cohort": 1}
NETWORKS = ({}, {}, {}, {"COHORT_TEST_LOSS": "5", "COHORT_TEST_DUPLICATE": "5"})
DONE_AS = {"deposit": "deposited", "withdrawal": "withdrew", "transfer": "sent",
           "lost-transfer": "sent"}


class Actor:
    """A process, which may be gone for a while; what it was asked, and has said."""

    def __init__(self, life, name, room):
        self.life = life
        self.name = name
        self.room = room
        self.process = None
        self.asked = collections.deque()
        self.shown = []  # lines for people since they were asked for
        self.last = None
        self.at = None
        self.may_end = False

    def start(self, environment=None):
        self.may_end = environment is not None
        self.process = self.life.world.start(*self.arguments(), environment=environment,
                                             within=self.room.within)

    def ask(self, line):
        if line != "status":
            self.asked.append(line)
        try:
            self.process.say(line)
        except BrokenPipeError:
            check(self.may_end, f"{self.name} does not listen: {self.process.errors}")

    def kill(self):
        self.process.child.kill()
        self.may_end = True
        self.life.counts["killed: " + self.kind] += 1

    def bury(self):
        """Waits for its end, and hears its last words."""
        self.process.child.wait()
        for reader in self.process.readers:
            reader.join()
        self.hear()
        check(self.process.child.returncode == -signal.SIGKILL,
              f"{self.name}: exit {self.process.child.returncode}, {self.process.errors}")
        self.process.check_complaints()
        self.asked.clear()
        self.life.world.processes.remove(self.process)

    def hear(self):
        for line in self.process.come():
            if line is None:
                check(self.may_end, f"{self.name} ended by itself: exit "
                                    f"{self.process.child.wait()}, {self.process.errors}")
            elif line.startswith("  "):
                self.shown.append(line.strip())
            elif line.startswith("EVENT "):
                self.life.counts["EVENT " + line.split()[1]] += 1
                self.on_event(line)
            elif line.startswith(("SUCCESS ", "FAILURE ")):
                self._hear_result(line)
            else:
                _, ready, self.at = line.partition(" ready on ")
                check(ready, f"{self.name} says {line!r}")

    def _hear_result(self, line):
        check(self.asked, f"{self.name} was asked nothing, and says {line!r}")
        asked = self.asked.popleft()
        check(line.split()[1].rstrip(":") == asked.split()[0],
              f"{self.name} was asked {asked!r}, and says {line!r}")
        self.last = line
        done = line.startswith("SUCCESS ")
        self.life.counts["answered " + line.split()[0]] += 1
        check(done or any(reason in line for reason in REASONS),
              f"{self.name}: {asked}: {line}")
        self.on_answer(asked, done)

    def describe(self):
        return (f"{self.name} at {self.at}: asked {list(self.asked)}, last {self.last!r}, "
                f"status {self.shown}")

    def on_event(self, line):
        pass

    def on_answer(self, asked, done):
        pass


class Bank(Actor):
    kind = "bank"

    def __init__(self, life, room):
        super().__init__(life, "bank", room)
        self.port = quiet_port()

    def arguments(self):
        return ("bank", "--port", self.port, "--bind", self.room.ip, "--any-port", "--trace",
                "bank.trace")


class Customer(Actor):
    """Keeps what it was promised. All amounts differ, so that they tell what was done."""

    kind = "customers"

    def __init__(self, life, name, room):
        super().__init__(life, name, room)
        self.ports = (quiet_port(), quiet_port()) if life.same_ports else (0, 0)
        self.opened = False
        self.in_cohort = False  # as far as is known
        self.done = set()  # answered, and undone by the next rollback
        self.promised = set()  # answered, and never undone
        self.possible = set()  # asked for, and neither refused nor undone: perhaps done

    def arguments(self):
        resume = ("--name", self.name) if self.opened else ()
        bank = self.life.bank
        return ("customer", "--bank", f"{bank.room.ip}:{bank.port}", "--bind", self.room.ip,
                "--port1", self.ports[0], "--port2", self.ports[1], "--any-port", "--cash",
                self.life.cash, "--state", f"{self.name}.state", "--trace", f"{self.name}.trace",
                *resume)

    def ask(self, line):
        super().ask(line)
        if line.split()[0] in DONE_AS:
            self.possible.add(self._deed(line))

    @staticmethod
    def _deed(line):
        """The command as books.py finds it in the trace."""
        word, amount = line.split()[:2]
        return f"{DONE_AS[word]} {cents(amount)}"

    def _promise(self):
        self.promised |= self.done
        self.done = set()

    def _undo(self):
        self.possible -= self.done
        self.done = set()

    def bury(self):
        super().bury()
        self.done = set()
        self.in_cohort = True  # who knows: it may have joined with its last breath

    def on_event(self, line):
        word = line.split()[1]
        if word == "rolled-back":
            self._undo()
        elif word in ("permanent", "joined", "left"):
            self._promise()
        if word in ("joined", "left"):
            self.in_cohort = word == "joined"

    def on_answer(self, asked, done):
        word = asked.split()[0]
        if word in DONE_AS and not done:
            self.possible.remove(self._deed(asked))
        elif word in DONE_AS:
            self.done.add(self._deed(asked))
            # With --cash commit a withdrawal is paid when a checkpoint has made it permanent.
            if not self.in_cohort or self.life.cash == "commit" and word == "withdrawal":
                self._promise()
            elif self.life.cash == "commit" and word == "deposit":
                self.done.remove(self._deed(asked))
                self.promised.add(self._deed(asked))
        elif word == "checkpoint" and done:
            self._promise()
        elif word == "rollback" and done:
            self._undo()

    def judge(self, deeds):
        """What its trace says it has done."""
        check(len(deeds) == len(set(deeds)), f"{self.name}: done twice, one of {sorted(deeds)}")
        check(self.promised <= set(deeds),
              f"{self.name} forgot what it had promised: {sorted(self.promised - set(deeds))}")
        check(set(deeds) <= self.possible,
              f"{self.name} did what it was not asked: {sorted(set(deeds) - self.possible)}")

    def waits(self):
        return [line for line in self.shown if line.startswith("waits for ")]

    def cohort(self):
        found = [line.split()[1].rstrip(",") for line in self.shown if line.startswith("cohort: ")]
        return found[0] if found and found[0] != "none" else None


class Nowhere:
    """Where a process runs by default: on this machine. See namespaces.Room."""

    ip = "127.0.0.1"
    within = ()


class Life:
    def __init__(self, world, chance, counts, rooms, disturb, relieve):
        self.world = world
        self.chance = chance
        self.counts = counts
        self.disturb = disturb
        self.relieve = relieve
        self.cash = chance.choice(("restore", "commit"))
        self.same_ports = chance.random() < 0.5  # when they come back
        self.bank = Bank(self, rooms[0])
        self.customers = [Customer(self, name, room) for name, room
                          in zip(NAMES[:chance.randint(2, 6)], rooms[1:])]
        self.actors = [self.bank, *self.customers]
        self.amounts = 0

    def begin(self):
        for actor in self.actors:
            actor.start()
        for customer in self.customers:
            self.do(customer, f"open {customer.name} {OPENED}")
            customer.opened = True
        self.do(self.customers[0], f"new-cohort {len(self.customers)}")

    # --- one round ---

    def draw_command(self, customer):
        word = self.chance.choices(list(WEIGHTS), WEIGHTS.values())[0]
        if word in DONE_AS:
            self.amounts += 1
            word += f" {self.amounts // 100}.{self.amounts % 100:02}"
        if "transfer" in word:
            others = [other.name for other in self.customers if other is not customer]
            word += f" {self.chance.choice(others)}"
        if word == "new-cohort":
            word += f" {self.chance.randint(2, len(self.customers))}"
        return word

    def ask_at_random(self):
        customer = self.chance.choice(self.customers)
        command = self.draw_command(customer)
        word, *rest = command.split()
        if word.endswith("-cohort") and self.chance.random() < 0.3:  # typed at the bank
            self.bank.ask(" ".join((word, customer.name, *rest)))
        else:
            customer.ask(command)

    def pause(self):
        """Mostly short: many windows are of less than a millisecond."""
        time.sleep(self.chance.choice((0, 0.001, 0.005, 0.02, 0.1)) * self.chance.random())

    def round(self):
        if self.chance.random() < 0.4:  # else those killed before may still be recovering
            time.sleep(0.2 * self.chance.random())
        for _ in range(self.chance.randint(1, 8)):
            self.ask_at_random()
            if self.chance.random() < 0.3:
                self.pause()
        self.pause()
        self.disturb(self)
        self.world.rows()  # whole, whatever was done
        for actor in self.actors:
            actor.hear()

    # --- settling ---

    def until(self, condition, what):
        """Waits for it, and says who waits for whom when it does not come."""
        began = time.monotonic()
        while not condition():
            for actor in self.actors:
                actor.hear()
            if time.monotonic() - began > SETTLE_S:
                raise Failed("\n".join((f"not within {SETTLE_S} s: {what}",
                                        *(actor.describe() for actor in self.actors))))
            time.sleep(0.001)

    def do(self, actor, line, unless=None):
        """Again while the bank waits for a process that was killed to say that it has left."""
        limit = time.monotonic() + SETTLE_S
        while True:
            actor.ask(line)
            self.until(lambda: not actor.asked, f"{actor.name} to answer {line!r}")
            if "in the middle of another command" not in actor.last or time.monotonic() > limit:
                break
            time.sleep(0.1)
        check(actor.last.startswith("SUCCESS ") or unless and unless in actor.last,
              f"{actor.name}: {line}: {actor.last}")
        return actor.last

    def quiet(self):
        """Do all answer, and wait for nobody?"""
        for customer in self.customers:
            customer.shown.clear()
            customer.ask("status")
            customer.ask("balance")
        self.until(lambda: not any(actor.asked for actor in self.actors), "all answers")
        return not any(customer.waits() for customer in self.customers)

    def come_to_rest(self):
        began = time.monotonic()
        calm = 0
        while calm < 2:
            calm = calm + 1 if self.quiet() else 0
            if time.monotonic() - began > SETTLE_S:
                raise Failed("\n".join(("no rest", *(customer.describe()
                                                     for customer in self.customers))))
            time.sleep(0.005)
        self.counts["slowest to rest, ms"] = max(self.counts["slowest to rest, ms"],
                                                 round((time.monotonic() - began) * 1000))

    def settle(self):
        self.relieve(self)
        self.come_to_rest()
        for customer in self.customers:
            customer.in_cohort = customer.cohort() is not None
            if customer.in_cohort:
                self.do(customer, "checkpoint", unless=NO_COHORT)
        self.come_to_rest()
        balances = {customer.name: cents(customer.last.split()[-1]) for customer in self.customers}
        self.until(lambda: self.rows() == balances, f"data.csv to say {balances}")
        books = {customer.name: Book(self.cash == "commit").read(
            self.world.folder / f"{customer.name}.trace") for customer in self.customers}
        balance_the_books(books, balances, self.rows())
        for customer in self.customers:
            customer.judge(books[customer.name].now.deeds)
        self.check_traces()

    def rows(self):
        return {name: cents(row[0]) for name, row in self.world.rows().items()}

    def check_traces(self):
        traces = [f"{actor.name}.trace" for actor in self.actors]
        done = subprocess.run([COHORT, "check", "--settled", *traces], cwd=self.world.folder,
                              capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"cohort check: exit {done.returncode}\n"
                                    f"{done.stdout[-3000:]}{done.stderr[-3000:]}")

    def close_account(self, customer):
        limit = time.monotonic() + SETTLE_S
        while IN_COHORT in self.do(customer, f"exit {customer.name}", unless=IN_COHORT):
            check(time.monotonic() < limit, f"{customer.name} does not get out: {customer.last}")
            self.do(customer, "delete-cohort", unless=NO_COHORT)
        return cents(customer.last.split()[-1])

    def end(self):
        """Cohorts dissolved, accounts closed, the bank stopped: the file has it all."""
        for customer in self.customers:
            customer.shown.clear()
        self.come_to_rest()
        while members := [c for c in self.customers if c.cohort()]:
            self.do(members[0], "delete-cohort")
            self.come_to_rest()
        balances = {}
        for customer in self.customers:
            customer.may_end = True
            balances[customer.name] = self.close_account(customer)
            same((customer.name, customer.process.child.wait(timeout=WAIT_S)), (customer.name, 0))
        self.bank.process.say("quit")
        self.bank.process.end()
        same(self.rows(), balances)
        same({row[5] for row in self.world.rows().values()}, {"1"})

    # --- from the beginning to the end ---

    def live(self, rounds, progress):
        self.begin()
        for number in range(1, rounds + 1):
            progress["round"] += 1
            self.round()
            if number % SETTLE_ROUNDS == 0 or number == rounds:
                self.settle()
                if not self.customers[0].in_cohort:
                    self.customers[0].ask(f"new-cohort {len(self.customers)}")
        self.relieve(self)
        self.end()


def lives(arguments, disturb, relieve, rooms=(Nowhere,) * (1 + len(NAMES))):
    """As many lives as it takes for so many rounds; exits with 1 when one fails.

    `disturb(life)` does what there is to do between the commands and the end of a round;
    `relieve(life)` undoes it: all run, and reach each other, when accounts are settled."""
    print(f"seed {arguments.seed}", flush=True)
    counts = collections.Counter()
    progress = {"round": 0, "life": 0}
    began = time.monotonic()
    try:
        while (left := arguments.rounds - progress["round"]) > 0:
            progress["life"] += 1
            chance = random.Random(f"{arguments.seed} {progress['life']}")
            with World(chance.choice(NETWORKS), keep=True) as world:
                life = Life(world, chance, counts, rooms, disturb, relieve)
                life.live(min(left, arguments.life), progress)
    except Exception as error:  # pylint: disable=broad-except
        print(f"FAILED  seed {arguments.seed}, life {progress['life']}, round {progress['round']}: "
              f"{type(error).__name__}: {error}", flush=True)
        if not isinstance(error, Failed):
            traceback.print_exc()
        sys.exit(1)
    finally:
        for name, count in sorted(counts.items()):
            print(f"  {name}: {count}")
    print(f"ok      {progress['round']} rounds in {progress['life']} lives, "
          f"{time.monotonic() - began:.0f} s, nothing lost")


def parser(rounds, life):
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=rounds)
    options.add_argument("--life", type=int, default=life, help="rounds of one life")
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    return options
