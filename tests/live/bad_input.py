"""Lines that cannot be done: one FAILURE each, in order, and nothing changed."""

import json
import subprocess

from live import COHORT, World, check, main, quiet_port, same

# In the order typed at alice's prompt: alone, then in a cohort with bob.
ALONE = (
    ("transfer 1 bob", "FAILURE transfer: this customer is not in a cohort"),
    ("lost-transfer 1 bob", "FAILURE lost-transfer: this customer is not in a cohort"),
    ("checkpoint", "FAILURE checkpoint: this customer is not in a cohort"),
    ("rollback", "FAILURE rollback: this customer is not in a cohort"),
    ("withdrawal 100.01", "FAILURE withdrawal: insufficient balance, there is 100"),
    ("deposit 90071992547409.91", "FAILURE deposit: the balance would pass 90071992547409.91"),
    ("deposit 90071992547409.92", "FAILURE deposit: "),
    ("deposit 0", "FAILURE deposit: "),
    ("deposit 0.00", "FAILURE deposit: "),
    ("deposit -1", "FAILURE deposit: "),
    ("deposit +1", "FAILURE deposit: "),
    ("deposit 1.234", "FAILURE deposit: "),
    ("deposit 1e2", "FAILURE deposit: "),
    ("deposit 0x10", "FAILURE deposit: "),
    ("deposit .5", "FAILURE deposit: "),
    ("deposit 1.", "FAILURE deposit: "),
    ("deposit 1,5", "FAILURE deposit: "),
    ("deposit", "FAILURE deposit: usage: deposit AMOUNT"),
    ("deposit 1 2", "FAILURE deposit: usage: deposit AMOUNT"),
    ("deposit 99999999999999999999999999", "FAILURE deposit: "),
    ("open alice2 5", "FAILURE open: "),
    ("open bob 5 127.0.0.1 1 2", "FAILURE open: "),
    ("open carol 5 127.0.0.1 9 9", "FAILURE open: "),
    ("open carol 5 127.0.0.1 9", "FAILURE open: usage: "),
    ("open carol 5 127.0.0 9 10", "FAILURE open: "),
    ("new-cohort 1", "FAILURE new-cohort: a cohort has 2 to 1000 members"),
    ("new-cohort 0", "FAILURE new-cohort: a cohort has 2 to 1000 members"),
    ("new-cohort 1001", "FAILURE new-cohort: a cohort has 2 to 1000 members"),
    ("new-cohort -1", "FAILURE new-cohort: "),
    ("new-cohort x", "FAILURE new-cohort: "),
    ("new-cohort", "FAILURE new-cohort: usage: "),
    ("new-cohort 3", "FAILURE new-cohort: too few others run outside a cohort (1)"),
    ("new-cohort nobody 2", "FAILURE new-cohort: no open customer is named nobody"),
    ("delete-cohort", "FAILURE delete-cohort: alice is not in a cohort"),
    ("delete-cohort nobody", "FAILURE delete-cohort: no open customer is named nobody"),
    ("exit nobody", "FAILURE exit: no open customer is named nobody"),
    ("exit 9", "FAILURE exit: "),
    ("balance 1", "FAILURE balance: usage: balance"),
    ("nonsense", "FAILURE nonsense: unknown command; try help"),
    ("Deposit 5", "FAILURE Deposit: unknown command; try help"),
    ("quit", "FAILURE quit: unknown command; try help"),
    ("resume alice", "FAILURE resume: unknown command; try help"),
    ("status x", "FAILURE status: usage: status"),
    ("deposit 1\0", "FAILURE deposit: "),
    ("\x1b[31mdeposit 1", "FAILURE "),
    ("caf\u00e9 1", "FAILURE "),
    ("deposit " + "1" * 5000, "FAILURE line: too long"),
)
TOGETHER = (
    ("transfer 1 alice", "FAILURE transfer: the receiver is this customer itself"),
    ("transfer 1 nobody", "FAILURE transfer: nobody is not in this cohort"),
    ("transfer 100.01 bob", "FAILURE transfer: insufficient balance, there is 100"),
    ("lost-transfer 101 bob", "FAILURE lost-transfer: insufficient balance"),
    ("transfer bob 1", "FAILURE transfer: "),
    ("transfer 1", "FAILURE transfer: usage: "),
    ("checkpoint 1", "FAILURE checkpoint: usage: checkpoint"),
    ("rollback now", "FAILURE rollback: usage: rollback"),
    ("new-cohort 2", "FAILURE new-cohort: alice is in cohort 1; dissolve it"),
    ("exit", "FAILURE exit: alice is in cohort 1; dissolve it"),
    ("exit bob", "FAILURE exit: bob is in cohort 1; dissolve it"),
)
AT_THE_BANK = (
    ("deposit 5", "FAILURE deposit: is a customer's command"),
    ("balance", "FAILURE balance: is a customer's command"),
    ("open dave 5", "FAILURE open: usage: open NAME BALANCE IP PORT1 PORT2"),
    ("open alice 5 127.0.0.1 8501 8502", "FAILURE open: a customer named alice is open already"),
    ("open dave 5 127.0.0.1 0 8502", "FAILURE open: "),
    ("open dave 5 127.0.0.1 8501 65536", "FAILURE open: "),
    ("exit", "FAILURE exit: usage: exit NAME"),
    ("exit alice", "FAILURE exit: alice is in cohort 1"),
    ("new-cohort alice", "FAILURE new-cohort: usage: "),
    ("new-cohort alice 2", "FAILURE new-cohort: alice is in cohort 1"),
    ("delete-cohort nobody", "FAILURE delete-cohort: no open customer is named nobody"),
    ("show nobody", "FAILURE show: no customer has that name"),
    ("show", "FAILURE show: usage: show NAME"),
    ("list all", "FAILURE list: usage: list"),
    ("\U0001f4b0", "FAILURE "),
)


def refuse_all(process, table):
    for line, expected in table:
        result = process.do(line)
        check(result.startswith(expected), f"{line[:50]!r}: {result!r}, expected {expected!r}")
        check(result.isprintable(), f"{result!r} could upset a terminal")


def every_line_that_cannot_be_done_gives_one_failure_and_changes_nothing():
    with World() as world:
        bank = world.bank()
        nobody = world.customer()
        for line in ("deposit 1", "balance", "checkpoint", "exit", "new-cohort 2",
                     "delete-cohort", "transfer 1 bob"):
            nobody.do(line, f"FAILURE {line.split()[0]}: this process has no account yet...")
        nobody.do("open 5", "FAILURE open: this process has no account to mean; give a NAME")
        nobody.do("open 9 5", "FAILURE open: usage: ...")
        same(nobody.end(), [])
        alice, bob = world.customers(("alice", "100"), ("bob", "100"))
        refuse_all(alice, ALONE)
        alice.do("balance", "SUCCESS balance 100")
        alice.do("new-cohort 2", "SUCCESS new-cohort 1 ...")
        bob.event("EVENT joined 1 alice,bob")
        refuse_all(alice, TOGETHER)
        refuse_all(bank, AT_THE_BANK)
        alice.do("balance", "SUCCESS balance 100")
        bob.do("balance", "SUCCESS balance 100")


def a_pipe_gets_its_results_in_the_order_of_its_commands():
    with World() as world:
        bank = world.bank()
        script = "open alice 100\nnonsense\ndeposit 5\n\n   \nexit nobody\ndeposit x\nexit\nbalance"
        done = subprocess.run(
            [COHORT, "customer", "--bank", world.bank_address, "--port1", "0", "--port2", "0",
             "--any-port"], input=script, cwd=world.folder, capture_output=True, text=True,
            timeout=60, check=True)
        same([" ".join(line.split()[:2]) for line in done.stdout.splitlines()],
             ["customer ready", "SUCCESS open", "FAILURE nonsense:", "SUCCESS deposit",
              "FAILURE exit:", "FAILURE deposit:", "SUCCESS exit", "FAILURE balance:"])
        same(done.stderr, "")
        bank.say("open dave 5 127.0.0.1 1 2\nnonsense\nquit now\nexit alice\nquit")
        same([line.split(":")[0] for line in bank.end()],
             ["FAILURE open", "FAILURE nonsense", "FAILURE quit", "FAILURE exit"])


def a_command_in_the_middle_of_which_a_process_is_stopped_fails():
    with World() as world:
        bank = world.bank()
        bank.say("open dave 5 127.0.0.1 1 2\nopen erin 5 127.0.0.1 3 4\nhelp")
        check(bank.line().startswith("  open NAME"), "help should not wait")
        lines = [line for line in bank.stop() if not line.startswith("  ")]
        same([line.split(":")[0] for line in lines], ["FAILURE open"] * 2)


def the_bank_shows_what_the_commands_before_have_done():
    with World() as world:
        bank = world.bank()
        alice = world.customer()
        bank.say(f"open alice 5 127.0.0.1 {alice.ports[0]} {alice.ports[1]}\nshow alice\nlist\n"
                 "show bob\nexit alice\nshow alice\nquit")
        lines = [line.split() for line in bank.end()]
        same([words[:2] for words in lines],
             [["SUCCESS", "open"], ["alice", "5"], ["customers:", "1;"], ["alice", "5"],
              ["FAILURE", "show:"], ["SUCCESS", "exit"], ["alice", "5"]])
        same(lines[-1][-1], "exited")


def a_long_script_is_done_to_its_end():
    with World() as world:
        world.bank()
        count = 500
        script = "open alice 0\n" + "deposit 1\nnonsense\n" * count + "balance\n"
        done = subprocess.run(
            [COHORT, "customer", "--bank", world.bank_address, "--port1", "0", "--port2", "0",
             "--any-port"], input=script, cwd=world.folder, capture_output=True, text=True,
            timeout=60, check=True)
        lines = done.stdout.splitlines()
        same(len(lines), 2 + 2 * count + 1)
        same(lines[-1], f"SUCCESS balance {count}")


def an_unreachable_bank_is_a_failure_and_the_process_goes_on():
    with World() as world:
        bank = world.bank(port=quiet_port())
        alice = world.customer()
        bank.stop()
        alice.do("open alice 100", "FAILURE open: the bank did not answer...")
        world.bank(port=bank.port)
        alice.do("open alice 100", "SUCCESS open alice balance 100")


def with_json_every_line_is_one_object():
    with World() as world:
        bank = world.start("bank", "--port", 0, "--any-port", "--json")
        ready = json.loads(bank.line())
        same((ready["result"], ready["process"]), ("ready", "bank"))
        same(ready["text"], "bank ready on " + ready["addresses"][0])
        alice = world.start("customer", "--bank", ready["addresses"][0], "--port1", 0, "--port2",
                            0, "--any-port", "--json")
        same(len(json.loads(alice.line())["addresses"]), 2)
        alice.say("open alice 100.50")
        same(json.loads(alice.line()),
             {"result": "success", "command": "open", "name": "alice", "balance": 10050,
              "text": "SUCCESS open alice balance 100.50"})
        alice.say("caf\u00e9 \"1\"")
        failure = json.loads(alice.line())
        same((failure["result"], failure["command"]), ("failure", "caf"))
        same(failure["text"], "FAILURE caf: " + failure["reason"])
        alice.say("status")
        same(json.loads(alice.line())["lines"][:2], ["name: alice", "balance: 100.50"])
        bank.say("list\nhelp\nshow alice\nquit")
        same([json.loads(line)["result"] for line in bank.end()], ["text"] * 3)
        same([json.loads(line) for line in alice.end()], [])


main(every_line_that_cannot_be_done_gives_one_failure_and_changes_nothing,
     a_pipe_gets_its_results_in_the_order_of_its_commands,
     a_command_in_the_middle_of_which_a_process_is_stopped_fails,
     the_bank_shows_what_the_commands_before_have_done,
     a_long_script_is_done_to_its_end,
     an_unreachable_bank_is_a_failure_and_the_process_goes_on,
     with_json_every_line_is_one_object)
