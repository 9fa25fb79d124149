"""What live processes record with --record is what the core does again, to the last byte.

A bank and four customers, with a checkpoint, a lost transfer, a rollback, deposits, a kill -9 and a
restart: every recording replays alone, and all of them together as one run, whose one trace passes
the check."""

import json
import os
import random
import subprocess
import time

from live import COHORT, World, check, main, quiet_port, same

NAMES = ("alice", "bob", "carol", "dave")


def cohort(world, *arguments):
    return subprocess.run([COHORT, *map(str, arguments)], cwd=world.folder, capture_output=True,
                          text=True, check=False)


def replay(world, *arguments, exit_code=0):
    done = cohort(world, "replay", *arguments)
    check(done.returncode == exit_code, f"replay: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Recorded:
    """A bank and four customers in one cohort, with 100 each; every life has a recording."""

    def __init__(self, world, traced=False):
        self.world = world
        self.traced = traced
        self.lives = []
        self.port = quiet_port()
        self.start_bank()
        self.people = {}
        for name in NAMES:
            self.people[name] = world.customer(*self.record(name))
            self.people[name].do(f"open {name} 100", f"SUCCESS open {name} balance 100")
        self.alice.do("new-cohort 4", "SUCCESS new-cohort 1 ...")
        for name in NAMES:
            self.people[name].event("EVENT joined 1 ...")

    def __getattr__(self, name):
        return self.people[name]

    def record(self, name):
        """Options of the next life."""
        path = f"{name}-{sum(life.startswith(name) for life in self.lives)}.rec"
        self.lives.append(path)
        return ["--record", path, *(["--trace", f"{name}.trace"] if self.traced else [])]

    def start_bank(self):
        self.bank = self.world.bank(*self.record("bank"), port=self.port)

    def back(self, name):
        self.people[name] = self.world.customer("--name", name, *self.record(name))

    def transfer(self, amount, sender, receiver):
        self.people[sender].do(f"transfer {amount} {receiver}",
                               f"SUCCESS transfer {amount} {receiver} ...")
        self.people[receiver].event(f"EVENT received {amount} from {sender} ...")

    def settle(self):
        for _ in range(2):
            for name in NAMES:
                self.people[name].settle()

    def a_checkpoint_a_loss_and_a_rollback(self):
        self.alice.do("deposit 25.25", "SUCCESS deposit 25.25 balance 125.25")
        self.transfer(20, "alice", "bob")
        self.transfer(50, "bob", "carol")
        self.carol.do("checkpoint", "SUCCESS checkpoint carol.1 balance 150 members carol,...")
        self.alice.do("lost-transfer 5 dave", "SUCCESS lost-transfer 5 dave ...")
        self.dave.event("EVENT missing label 1 from alice")
        self.transfer(10, "bob", "carol")
        self.bob.do("rollback", "SUCCESS rollback bob.1 balance 70 members bob,carol")
        self.transfer(7, "dave", "alice")

    def a_kill_and_a_restart(self):
        """bob holds what alice forgets, and alice what carol remembers."""
        self.transfer(11, "alice", "bob")
        self.transfer(3, "carol", "alice")
        self.alice.kill()
        self.back("alice")
        self.alice.event("EVENT resumed ...")
        self.settle()
        self.transfer(1, "alice", "dave")

    def end(self):
        for name in NAMES:
            self.people[name].stop()
        self.bank.say("quit")
        self.bank.end()

    def replay(self, *options, exit_code=0):
        return replay(self.world, *self.lives, *options, exit_code=exit_code)

    def check_together(self, *options):
        done = self.replay("--trace", "run.jsonl", *options)
        check(done.stdout.startswith("identical: "), done.stdout)
        judged = cohort(self.world, "check", "run.jsonl")
        check(judged.returncode == 0, f"{judged.stdout}{judged.stderr}")
        return done


def a_recorded_session_replays_identical_and_its_one_trace_passes_the_check():
    with World() as world:
        run = Recorded(world)
        run.a_checkpoint_a_loss_and_a_rollback()
        run.settle()
        run.end()
        done = run.check_together()
        same(done.stderr, "")
        same(done.stdout.split(":")[0], "identical")
        found = {line["e"] for line in lines_of(world.folder / "run.jsonl")}
        for kind in ("opened", "joined", "deposited", "sent", "received", "lost", "missing",
                     "tentative", "permanent", "rolled_back"):
            check(kind in found, f"no {kind} in {found}")
        header = json.loads((world.folder / "run.jsonl").read_text().splitlines()[0])
        same(header["mode"], "replay")
        both = (world.folder / "run.jsonl").read_text() + done.stdout
        check(run.replay("--trace", "-").stdout == both, "another trace to standard output")
        # Quiet, and all there: the strict judgement holds too.
        same(cohort(world, "check", "--settled", "run.jsonl").returncode, 0)


def who_is_killed_and_started_again_goes_on_in_its_next_recording():
    with World() as world:
        run = Recorded(world)
        run.a_checkpoint_a_loss_and_a_rollback()
        run.a_kill_and_a_restart()
        run.bank.kill()
        run.start_bank()
        run.settle()
        run.bank.do("delete-cohort bob", "SUCCESS delete-cohort 1")
        for name in NAMES:
            run.people[name].event("EVENT left 1 ...")
        run.end()
        done = run.check_together()
        check("2 cut off" in done.stdout, done.stdout)
        same([line.split(":")[1].strip() for line in done.stderr.splitlines()],
             ["bank-0.rec", "alice-0.rec"])
        check("restarted" in {line["e"] for line in lines_of(world.folder / "run.jsonl")},
              "nobody came back")
        same(cohort(world, "check", "--settled", "run.jsonl").returncode, 0)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def told(lines, name):
    """What the trace tells of one process, but for place and time."""
    return [{key: value for key, value in line.items() if key not in ("seq", "t")}
            for line in lines if line["p"] == name]


def the_one_trace_tells_of_each_process_what_its_own_trace_tells():
    with World() as world:
        run = Recorded(world, traced=True)
        run.a_checkpoint_a_loss_and_a_rollback()
        run.settle()
        run.end()
        run.check_together()
        together = lines_of(world.folder / "run.jsonl")
        for name in NAMES:
            same(told(together, name), told(lines_of(world.folder / f"{name}.trace"), name))


def nothing_is_received_before_it_was_sent():
    with World() as world:
        run = Recorded(world)
        run.a_checkpoint_a_loss_and_a_rollback()
        run.end()
        run.check_together("--trace-datagrams")
        sent = set()
        received = 0
        last_t = 0
        for line in lines_of(world.folder / "run.jsonl"):
            check(line["t"] >= last_t, f"{line} goes back in time")
            last_t = line["t"]
            if line["e"] == "tx":
                sent.add(line["id"])
            if line["e"] == "rx":
                received += 1
                check(line["id"] in sent, f"{line} was not sent yet")
        check(received > 20, f"{received} datagrams received")


def command_all(run, chance, unanswered):
    for name in NAMES:
        other = chance.choice([each for each in NAMES if each != name])
        for command in (f"transfer {chance.randint(1, 3)} {other}",
                        chance.choice(("deposit 1", "checkpoint", "rollback",
                                       f"lost-transfer 1 {other}"))):
            run.people[name].say(command)
            unanswered[name] += 1


def end_all(run, unanswered):
    for name in NAMES:
        for _ in range(unanswered[name]):
            run.people[name].result()
    run.settle()
    run.end()


def killed_at_any_instant_all_lives_replay_as_one_run():
    chance = random.Random(1987)
    with World() as world:
        run = Recorded(world)
        unanswered = dict.fromkeys(NAMES, 0)
        for _ in range(20):
            command_all(run, chance, unanswered)
            time.sleep(chance.random() * 0.02)
            victim = chance.choice((*NAMES, "bank"))
            if victim == "bank":
                run.bank.kill()
                run.start_bank()
            else:
                run.people[victim].kill()
                run.back(victim)
                unanswered[victim] = 0
        end_all(run, unanswered)
        done = run.check_together()
        check("20 cut off" in done.stdout, done.stdout)
        same(cohort(world, "check", "--settled", "run.jsonl").returncode, 0)


def what_is_still_recorded_replays_as_far_as_it_is():
    chance = random.Random(1987)
    with World() as world:
        run = Recorded(world)
        unanswered = dict.fromkeys(NAMES, 0)
        for _ in range(20):
            for _ in range(10):
                command_all(run, chance, unanswered)
            check(run.replay("--trace", "run.jsonl").stdout.startswith("identical: "), "replay")
        end_all(run, unanswered)
        run.check_together()


def who_may_have_gone_on_without_a_recording_is_named():
    with World() as world:
        run = Recorded(world)
        run.alice.kill()
        run.people["alice"] = world.customer("--name", "alice")
        run.alice.event("EVENT resumed ...")
        run.settle()
        run.transfer(1, "alice", "bob")
        run.end()
        done = run.replay("--trace", "run.jsonl")
        check("alice-0.rec breaks off: if alice went on after that" in done.stderr, done.stderr)
        check("bob" not in done.stderr, done.stderr)


def what_differs_is_told_and_has_no_trace():
    with World() as world:
        run = Recorded(world)
        if cohort(world, "sim", "--planted", "list").returncode != 0:
            return  # nothing can differ: see tests/planted/meson.build
        run.a_checkpoint_a_loss_and_a_rollback()
        run.end()
        done = run.replay("--planted", "stable-at-tentative", "--trace", "run.jsonl", exit_code=1)
        check(done.stdout.startswith("different: "), done.stdout)
        check("run.jsonl: not written, as a recording differs" in done.stderr, done.stderr)
        check(not (world.folder / "run.jsonl").exists(), "there is a trace")


def replayed_as_one(world, *recordings):
    done = replay(world, *recordings, "--trace", "run.jsonl")
    check("run.jsonl" not in done.stderr, done.stderr)  # nothing to note of the whole
    judged = cohort(world, "check", "--settled", "run.jsonl")
    check(judged.returncode == 0, f"{judged.stdout}{judged.stderr}")


def a_name_opened_anew_is_gone_on_with_from_who_had_it_last():
    with World() as world:
        bank = world.bank("--record", "bank.rec")
        last = world.customer("--record", "last.rec")
        first = world.customer("--record", "first.rec")  # began later, and ends earlier
        other = world.customer("--record", "other.rec")  # never has an account
        first.do("open x 100", "SUCCESS open x balance 100")
        first.do("exit", "SUCCESS exit x balance 100")
        first.end()
        last.do("open x 50", "SUCCESS open x balance 50")
        for i in range(40):
            last.do("deposit 1", f"SUCCESS deposit 1 balance {51 + i}")
        last.kill()
        again = world.customer("--name", "x", "--record", "again.rec")
        again.event("EVENT resumed balance 90")
        again.stop()
        other.stop()
        bank.say("quit")
        bank.end()
        replayed_as_one(world, "bank.rec", "first.rec", "last.rec", "again.rec", "other.rec")


def a_customer_may_be_called_as_the_bank_is():
    with World() as world:
        port = quiet_port()
        bank = world.bank("--record", "bank-0.rec", port=port)
        customer = world.customer("--record", "customer.rec")
        customer.do("open bank 100", "SUCCESS open bank balance 100")
        bank.stop()
        bank = world.bank("--record", "bank-1.rec", port=port)
        customer.do("deposit 5", "SUCCESS deposit 5 balance 105")
        customer.stop()
        bank.say("quit")
        bank.end()
        replayed_as_one(world, "bank-0.rec", "customer.rec", "bank-1.rec")


def cash_is_judged_by_how_each_customer_was_started():
    with World() as world:
        bank = world.bank("--record", "bank.rec")
        ann = world.customer("--record", "ann.rec", "--trace", "ann.trace")
        bob = world.customer("--record", "bob.rec", "--trace", "bob.trace", "--cash", "commit")
        for name, who in (("ann", ann), ("bob", bob)):
            who.do(f"open {name} 100", f"SUCCESS open {name} balance 100")
        ann.do("new-cohort 2", "SUCCESS new-cohort 1 ...")
        for who in (ann, bob):
            who.event("EVENT joined 1 ...")
            who.do("deposit 10", "SUCCESS deposit 10 balance 110")
        bob.do("transfer 1 ann", "SUCCESS transfer 1 ann ...")
        ann.event("EVENT received 1 from bob ...")
        bob.do("rollback", "SUCCESS rollback bob.1 balance 110 members bob,ann")
        ann.event("EVENT rolled-back bob.1 balance 100 ...")
        world.check_traces("ann", "bob")
        ann.stop()
        bob.stop()
        # Its deposit stays; the next one of the same name will not.
        refused = cohort(world, "customer", "--bank", world.bank_address, "--port1", "0", "--port2",
                         "0", "--any-port", "--name", "bob", "--trace", "bob.trace")
        same(refused.returncode, 2)
        check("bob.trace was begun with another --cash" in refused.stderr, refused.stderr)
        bank.say("quit")
        bank.end()
        replayed_as_one(world, "bank.rec", "ann.rec", "bob.rec")


def cut_off_anywhere_it_replays_up_to_the_cut():
    chance = random.Random(1987)
    with World() as world:
        run = Recorded(world)
        run.a_checkpoint_a_loss_and_a_rollback()
        run.end()
        whole = (world.folder / "carol-0.rec").read_bytes()
        steps = []
        for at in sorted(chance.randrange(len(whole)) for _ in range(40)) + [0, 8, 9]:
            for rest in (b"", bytes(chance.randrange(1, 5000))):
                (world.folder / "cut.rec").write_bytes(whole[:at] + rest)
                done = replay(world, "--json", "cut.rec")
                found = json.loads(done.stdout)
                same((found["result"], found["cut"]), ("identical", ["cut.rec"]))
                check("cut off at byte " in done.stderr, done.stderr)
            steps.append(found["steps"])
        same(steps[:40], sorted(steps[:40]))
        check(steps[0] < steps[39], f"all the same: {steps}")


def damage_in_the_midst_is_told_with_its_place():
    with World() as world:
        run = Recorded(world)
        run.a_checkpoint_a_loss_and_a_rollback()
        run.end()
        whole = bytearray((world.folder / "bob-0.rec").read_bytes())
        whole[len(whole) // 2] ^= 4
        (world.folder / "bad.rec").write_bytes(whole)
        done = replay(world, "bad.rec", "alice-0.rec", exit_code=2)
        same(done.stdout, "")
        check("bad.rec: damaged at byte " in done.stderr, done.stderr)
        (world.folder / "other.rec").write_text("name,balance\n")
        done = replay(world, "other.rec", exit_code=2)
        check("other.rec is no recording" in done.stderr, done.stderr)
        check("No such file" in replay(world, "none.rec", exit_code=2).stderr, "none.rec")


def a_recording_is_never_written_over():
    with World() as world:
        (world.folder / "mine.rec").write_text("mine")
        for role in ("bank --port 0", "customer --bank 127.0.0.1:1 --port1 0 --port2 0 --trace t"):
            done = cohort(world, *role.split(), "--any-port", "--record", "mine.rec")
            same(done.returncode, 2)
            check("mine.rec is there already" in done.stderr, done.stderr)
        same((world.folder / "mine.rec").read_text(), "mine")
        same(sorted(os.listdir(world.folder)), ["mine.rec"])
        done = cohort(world, "bank", "--port", "0", "--any-port", "--record", "none/x.rec")
        same(done.returncode, 4)


def a_recording_is_named_once_and_never_as_the_trace():
    with World() as world:
        run = Recorded(world)
        run.end()
        whole = (world.folder / "bob-0.rec").read_bytes()
        (world.folder / "cut.rec").write_bytes(whole[:len(whole) // 2])
        for other in ("bob-0.rec", "cut.rec"):
            done = replay(world, "bob-0.rec", "alice-0.rec", other, exit_code=2)
            check(f"bob-0.rec and {other} are the same recording" in done.stderr, done.stderr)
        done = replay(world, "alice-0.rec", "--trace", "bob-0.rec", exit_code=2)
        check("bob-0.rec is a recording" in done.stderr, done.stderr)
        same((world.folder / "bob-0.rec").read_bytes(), whole)
        os.mkfifo(world.folder / "pipe")
        check("pipe is no recording" in replay(world, "pipe", exit_code=2).stderr, "a pipe")
        done = cohort(world, *"customer --bank 127.0.0.1:1 --port1 0 --port2 0 --any-port".split(),
                      "--trace", "bob-0.rec")
        same(done.returncode, 2)
        check("bob-0.rec holds something else" in done.stderr, done.stderr)
        same((world.folder / "bob-0.rec").read_bytes(), whole)


def a_live_process_keeps_its_standard_output_for_its_answers():
    with World() as world:
        for role in ("bank --port 0", "customer --bank 127.0.0.1:1 --port1 0 --port2 0"):
            for option in ("--record", "--trace"):
                done = cohort(world, *role.split(), "--any-port", option, "-")
                same(done.returncode, 2)
                check(f"name a file with {option}" in done.stderr, done.stderr)
        same(os.listdir(world.folder).count("-"), 0)


def a_limit_to_the_size_of_files_is_told():
    with World() as world:
        done = subprocess.run(["sh", "-c", "ulimit -f 100; exec \"$0\" \"$@\"", COHORT, "bank",
                               "--port", "0", "--any-port", "--record", "a.rec"], cwd=world.folder,
                              capture_output=True, text=True, check=False)
        same(done.returncode, 4)
        check("cannot record to a.rec: File too large" in done.stderr, done.stderr)


def a_process_that_cannot_start_leaves_no_recording():
    with World() as world:
        (world.folder / "data.csv").write_text("no header\n")
        same(cohort(world, "bank", "--port", "0", "--any-port", "--record", "a.rec").returncode, 2)
        same(os.listdir(world.folder).count("a.rec"), 0)


main(a_recorded_session_replays_identical_and_its_one_trace_passes_the_check,
     who_is_killed_and_started_again_goes_on_in_its_next_recording,
     the_one_trace_tells_of_each_process_what_its_own_trace_tells,
     nothing_is_received_before_it_was_sent,
     killed_at_any_instant_all_lives_replay_as_one_run,
     what_is_still_recorded_replays_as_far_as_it_is,
     who_may_have_gone_on_without_a_recording_is_named,
     what_differs_is_told_and_has_no_trace,
     a_name_opened_anew_is_gone_on_with_from_who_had_it_last,
     a_customer_may_be_called_as_the_bank_is,
     cash_is_judged_by_how_each_customer_was_started,
     cut_off_anywhere_it_replays_up_to_the_cut,
     damage_in_the_midst_is_told_with_its_place,
     a_recording_is_never_written_over,
     a_recording_is_named_once_and_never_as_the_trace,
     a_live_process_keeps_its_standard_output_for_its_answers,
     a_limit_to_the_size_of_files_is_told,
     a_process_that_cannot_start_leaves_no_recording)
