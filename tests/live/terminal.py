"""People at a terminal: questions, prompt, editing, and events in the middle of a line."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time

from live import COHORT, WAIT_S, World, check, main, same

EDITING = "edit" in sys.argv[2:]  # was the program built with libedit?


class Terminal:
    """One process with a terminal of its own."""

    def __init__(self, world, *arguments):
        self.keys, self.screen = pty.openpty()
        self.before = termios.tcgetattr(self.screen)
        self.shown = ""
        self.child = subprocess.Popen(
            [COHORT, *arguments], cwd=world.folder, stdin=self.screen, stdout=self.screen,
            stderr=self.screen, env={**os.environ, "TERM": "xterm"}, preexec_fn=self._own)
        world.processes.append(self)
        self.arguments = arguments
        self.events = []

    @staticmethod
    def _own():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def type(self, keys):
        os.write(self.keys, keys.encode())

    def see(self, text):
        """Waits until this is shown; forgets what was shown up to it."""
        limit = time.monotonic() + WAIT_S
        while text not in self.shown:
            check(time.monotonic() < limit, f"{text!r} is not shown in {self.shown!r}")
            if select.select([self.keys], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.keys, 4096).decode()
                except OSError:
                    check(text in self.shown, f"closed; {text!r} not in {self.shown!r}")
        self.shown = self.shown.split(text, 1)[1]

    def end(self, exit_code=0):
        same(self.child.wait(timeout=WAIT_S), exit_code)
        same(termios.tcgetattr(self.screen), self.before)


def what_is_missing_is_asked_for_until_it_is_right():
    with World() as world:
        bank = Terminal(world, "bank", "--any-port")
        bank.see("port: ")
        bank.type("x\n")
        bank.see("must be a port number")
        bank.see("port: ")
        bank.type("0\n")
        bank.see("bank ready on 127.0.0.1:")
        bank.see("bank> ")
        bank.type("quit\n")
        bank.end()
        customer = Terminal(world, "customer", "--any-port")
        for question, answer in (("bank: ", "127.0.0.1:8600"), ("port1: ", "0"),
                                 ("port2: ", "0")):
            customer.see(question)
            customer.type(answer + "\n")
        customer.see("customer ready on 127.0.0.1:")
        customer.see("customer> ")
        customer.type("\x04")  # Ctrl-D
        customer.end()


def an_event_leaves_the_line_being_typed_alone():
    with World() as world:
        world.bank()
        alice, = world.customers(("alice", "100"))
        bob = Terminal(world, "customer", "--any-port", "--bank", world.bank_address, "--port1",
                       "0", "--port2", "0")
        bob.see("customer> ")
        bob.type("open bob 5\n")
        bob.see("SUCCESS open bob balance 5")
        bob.see("bob> ")
        alice.do("new-cohort 2", "SUCCESS new-cohort 1 ...")
        bob.see("EVENT joined 1 alice,bob")
        bob.type("depo")
        bob.see("depo")
        alice.do("transfer 7 bob", "SUCCESS transfer 7 bob label 1 balance 93")
        bob.see("EVENT received 7 from alice label 1 balance 12")
        if EDITING:
            bob.see("bob> depo")  # shown again
        bob.type("sit 1\n")
        bob.see("SUCCESS deposit 1 balance 13")
        if EDITING:
            bob.type("lost-t\t1 a\t\n")
            bob.see("SUCCESS lost-transfer 1 alice label 1 balance 12")
        bob.type("\x03")  # Ctrl-C
        bob.end()
        state = subprocess.run([COHORT, "state", "cohort-state/bob"], cwd=world.folder,
                               capture_output=True, text=True, check=True).stdout
        check("stopped in good order" in state, state)


def need_terminals():
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError as error:
        print(f"skipped: no terminal can be had here: {error}")
        sys.exit(77)


need_terminals()
main(what_is_missing_is_asked_for_until_it_is_right,
     an_event_leaves_the_line_being_typed_alone)
