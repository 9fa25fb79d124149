"""The bank's file, and what a start may go wrong with."""

import os
import socket
import subprocess

from live import COHORT, HEADER, World, check, main, same

SEED = HEADER + """
alice,100,127.0.0.1,8501,8502,,0
bob,200.50,127.0.0.1,8503,8504,,0
"carol","300","127.0.0.1","8505","8506","","false"
dave,7,127.0.0.1,8507,8508,,1
"""


def customers_of_a_given_file_take_up_their_accounts():
    with World() as world:
        (world.folder / "data.csv").write_text(SEED)
        bank = world.bank()
        same((world.folder / "data.csv").read_text(), SEED)
        alice, bob, carol = [world.customer("--name", name) for name in ("alice", "bob", "carol")]
        alice.event("EVENT resumed balance 100")
        bob.event("EVENT resumed balance 200.50")
        carol.event("EVENT resumed balance 300")
        bob.do("new-cohort 3", "SUCCESS new-cohort 1 bob,...")
        carol.event("EVENT joined 1 bob,alice,carol")
        alice.event("EVENT joined 1 bob,alice,carol")
        alice.do("transfer 100 carol", "SUCCESS transfer 100 carol label 1 balance 0")
        carol.event("EVENT received 100 from alice label 1 balance 400")
        carol.do("delete-cohort", "SUCCESS delete-cohort 1")
        for customer, balance in ((alice, "0"), (bob, "200.50"), (carol, "400")):
            customer.event(f"EVENT left 1 balance {balance}")
            customer.end()
        bank.do("exit bob", "FAILURE exit: bob did not answer...")
        bank.do("exit dave", "FAILURE exit: dave has exited...")
        bank.stop()
        rows = world.rows()
        same([(name, rows[name][0], rows[name][5]) for name in rows],
             [("alice", "0", "0"), ("bob", "200.50", "0"), ("carol", "400", "0"),
              ("dave", "7", "1")])


def a_row_never_used_is_closed_by_the_bank_alone():
    with World() as world:
        (world.folder / "data.csv").write_text(SEED)
        bank = world.bank()
        bank.do("exit carol", "SUCCESS exit carol balance 300")
        bank.stop()
        same(world.rows()["carol"], ["300", "127.0.0.1", "8505", "8506", "", "1"])


def run(world, *arguments):
    return subprocess.run([COHORT, *arguments], cwd=world.folder, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def refused(world, exit_code, said, *arguments):
    done = run(world, *arguments)
    same((done.returncode, done.stdout), (exit_code, ""))
    same(done.stderr.count("\n"), 1)
    check(done.stderr.startswith(f"cohort {arguments[0]}: "), done.stderr)
    check(said in done.stderr, f"{done.stderr!r} does not say {said!r}")


def a_broken_file_stops_the_bank_and_is_left_as_it_is():
    with World() as world:
        for text, said in (
                (HEADER + "\nalice,1.234,127.0.0.1,8501,8502,,0\n",
                 "data.csv:2: column 2 (balance): at most two fraction digits"),
                (SEED + "alice,1,127.0.0.1,8501,8502,,0\n", "data.csv:6: column 1 (name)"),
                ("", "data.csv:1: column 1 (name): the file is empty")):
            (world.folder / "data.csv").write_text(text)
            refused(world, 2, said, "bank", "--port", "0", "--any-port")
            same((world.folder / "data.csv").read_text(), text)
            same(sorted(os.listdir(world.folder)), ["data.csv", "data.csv.lock"])


def a_wrong_command_line_is_refused_with_exit_code_2():
    with World() as world:
        customer = ("customer", "--bank", "127.0.0.1:8600", "--port1", "8501")
        for said, *arguments in (
                ("--port is needed", "bank"),
                ("--port 80: must be a port from 8500 to 8999", "bank", "--port", "80"),
                ("--port x: must be a port number", "bank", "--port", "x"),
                ("--port 65536: must be a port number", "bank", "--port", "65536", "--any-port"),
                ("--port 0: must be a port from 8500", "bank", "--port", "0"),
                ("--seed x: must be a whole number", "bank", "--port", "8600", "--seed", "x"),
                ("--bind localhost: must be an IPv4", "bank", "--port", "8600", "--bind",
                 "localhost"),
                ("Unknown option --nonsense", "bank", "--nonsense"),
                ("unexpected argument 'x'", "bank", "--port", "8600", "x"),
                ("--bank is needed", "customer", "--port1", "8501", "--port2", "8502"),
                ("--bank 127.0.0.1: must be ADDR:PORT", "customer", "--bank", "127.0.0.1",
                 "--port1", "8501", "--port2", "8502"),
                ("--port2 is needed", *customer),
                ("must differ", *customer, "--port2", "8501"),
                ("--name 9: must be a letter", *customer, "--port2", "8502", "--name", "9"),
                ("--cash maybe: must be restore or commit", *customer, "--port2", "8502", "--cash",
                 "maybe"),
                ("--advertise: must be ADDR or", *customer, "--port2", "8502", "--advertise",
                 "127.0.0.1:1"),
                ("--advertise: must be ADDR or", *customer, "--port2", "8502", "--advertise",
                 "127.0.0.1:8503:8503"),
                ("nobody can reach 0.0.0.0", *customer, "--port2", "8502", "--bind", "0.0.0.0"),
                ("a recording is needed", "replay"),
                ("--trace-datagrams goes with --trace", "replay", "--trace-datagrams", "x")):
            refused(world, 2, said, *arguments)
        same(os.listdir(world.folder), [])
        done = run(world, "nonsense")
        same((done.returncode, done.stderr),
             (2, "cohort: unknown command 'nonsense' (try --help)\n"))


def one_file_for_two_purposes_is_refused_before_anything_is_written():
    with World() as world:
        bank = ("bank", "--port", "8600")
        customer = ("customer", "--bank", "127.0.0.1:8600", "--port1", "8501", "--port2", "8502")
        for first, second, name, *arguments in (
                ("--data", "--record", "x", *bank, "--data", "x", "--record", "x"),
                ("--data", "--trace", "./x", *bank, "--data", "x", "--trace", "./x"),
                ("--data", "--trace", "data.csv", *bank, "--trace", "data.csv"),
                ("the journal of --data", "--record", "data.csv.journal", *bank, "--record",
                 "data.csv.journal"),
                ("the lock of --data", "--trace", "data.csv.lock", *bank, "--trace",
                 "data.csv.lock"),
                ("--trace", "--record", f"{world.folder}/x", *bank, "--trace", "x", "--record",
                 f"{world.folder}/x"),
                ("--trace", "--record", "x", *customer, "--trace", "x", "--record", "x"),
                ("--state", "--record", "x", *customer, "--state", "x", "--record", "x"),
                ("--state", "--trace", "./x", *customer, "--state", "x", "--trace", "./x")):
            refused(world, 2, f"{first} and {second} are the same file, {name}: name two",
                    *arguments)
        same(os.listdir(world.folder), [])
        (world.folder / "data.csv").write_text(SEED)
        os.link(world.folder / "data.csv", world.folder / "other.csv")
        refused(world, 2, "--data and --trace are the same file, other.csv: name two", *bank,
                "--trace", "other.csv")
        same((world.folder / "data.csv").read_text(), SEED)


def an_unfit_environment_is_refused_with_exit_code_4():
    with World() as world, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        refused(world, 4, f"port {port} is taken", "bank", "--port", port, "--any-port")
        refused(world, 4, f"port {port} is taken", "customer", "--bank", "127.0.0.1:8600",
                "--port1", "0", "--port2", port, "--any-port")
        refused(world, 4, "--bind", "bank", "--port", "0", "--any-port", "--bind", "192.0.2.1")
        refused(world, 4, "No such file", "bank", "--port", "0", "--any-port", "--data",
                "nowhere/data.csv")
        refused(world, 4, "cannot write nowhere/t", "bank", "--port", "0", "--any-port",
                "--trace", "nowhere/t")
        (world.folder / "folder.csv").mkdir()
        refused(world, 4, "folder.csv is a folder", "bank", "--port", "0", "--any-port", "--data",
                "folder.csv")
        os.mkfifo(world.folder / "pipe.csv")
        refused(world, 4, "pipe.csv is a device or a pipe", "bank", "--port", "0", "--any-port",
                "--data", "pipe.csv")
        bank = world.bank()
        refused(world, 4, "in use by another bank", "bank", "--port", "0", "--any-port")
        alice, = world.customers(("alice", "100"))
        bank.kill()
        (world.folder / "data.csv").rename(world.folder / "moved.csv")
        refused(world, 4, "or, to begin anew, remove the journal too\n", "bank", "--port", "0",
                "--any-port")


def a_save_that_fails_ends_the_customer_before_anything_is_promised():
    with World() as world:
        bank = world.bank()
        (world.folder / "cohort-state").write_text("not a folder")
        alice = world.customer()
        alice.say("open alice 100")
        alice.end(4)
        check("cannot" in alice.errors and "cohort-state/alice" in alice.errors, alice.errors)
        bank.stop()
        same(world.rows(), {})


def a_trace_that_fails_is_told_and_the_money_goes_on():
    with World() as world:
        world.bank()
        alice = world.customer("--trace", "/dev/full")
        alice.do("open alice 100", "SUCCESS open alice balance 100")
        alice.do("deposit 1", "SUCCESS deposit 1 balance 101")
        alice.stop()
        same(alice.errors, "cohort: the trace /dev/full ends here: No space left on device; all "
             "else goes on without it\n")


def help_and_version_are_told_on_stdout():
    with World() as world:
        for arguments in ((), ("bank",), ("customer",), ("sim",), ("check",)):
            done = run(world, *arguments, "--help")
            same((done.returncode, done.stderr), (0, ""))
            check(done.stdout.startswith("Usage: " + " ".join(("cohort", *arguments))),
                  done.stdout)
            done = run(world, *arguments, "--version")
            same((done.returncode, done.stderr), (0, ""))
            check(done.stdout.startswith("cohort "), done.stdout)
        top = run(world, "--help").stdout
        for word in ("bank", "customer", "sim", "check", "\n  0 ", "\n  1 ", "\n  2 ", "\n  3 ",
                     "\n  4 ", "\n  70 "):
            check(word in top, f"{word!r} is not in {top}")


def the_bank_in_the_background_serves_on():
    with World() as world:
        bank = world.bank(stdin=subprocess.DEVNULL)
        alice, = world.customers(("alice", "100"))
        alice.do("exit", "SUCCESS exit alice balance 100")
        same(bank.stop(), [])
        same(world.rows()["alice"][0], "100")


main(customers_of_a_given_file_take_up_their_accounts,
     a_row_never_used_is_closed_by_the_bank_alone,
     a_broken_file_stops_the_bank_and_is_left_as_it_is,
     a_wrong_command_line_is_refused_with_exit_code_2,
     one_file_for_two_purposes_is_refused_before_anything_is_written,
     an_unfit_environment_is_refused_with_exit_code_4,
     a_save_that_fails_ends_the_customer_before_anything_is_promised,
     a_trace_that_fails_is_told_and_the_money_goes_on,
     help_and_version_are_told_on_stdout,
     the_bank_in_the_background_serves_on)
