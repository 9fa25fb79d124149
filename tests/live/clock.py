"""Clocks that jump: the wall clock, which only traces show, and the time since boot.

    clock.py COHORT FAULTY_CLOCK-LIBRARY
"""

import subprocess
import sys

from live import World, main, preload, same, skip
from recovery import Session, transfer

FAULTY_CLOCK = preload(sys.argv[2])
YEAR_S = 365 * 24 * 3600


def the_wall_clock_set_back_and_forth_is_seen_in_the_trace_alone():
    for jump_s in (-3600, 3600, -YEAR_S):
        # In the midst of the session, at another instant for every process.
        with World({"LD_PRELOAD": FAULTY_CLOCK, "FAULTY_CLOCK_S": str(jump_s),
                    "FAULTY_CLOCK_AFTER": "15"}) as world:
            session = Session(world).form()
            for _ in range(10):
                transfer(session, 1, "alice", "bob")
                transfer(session, 1, "bob", "carol")
            session.carol.do("checkpoint", "SUCCESS checkpoint carol... members carol,alice,bob")
            transfer(session, 5, "carol", "alice")
            session.carol.do("rollback", "SUCCESS rollback carol... members carol,alice")
            session.alice.kill()
            session.back("alice")
            session.settle()
            same(session.balances(), ("90", "100", "110"))
            session.check()


def after_a_reboot_time_begins_anew():
    """The state of a long-lived machine, taken up again on one that has just been started."""
    ahead = ("unshare", "--time", "--fork", "--kill-child", "--monotonic", str(YEAR_S))
    probe = subprocess.run([*ahead, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        skip(f"no time namespaces to be had here: {probe.stderr}")
    for with_kill in (False, True):
        with World() as world:
            session = Session(world).form()
            session.alice.stop()
            alice = world.customer("--name", "alice", "--trace", "alice.trace", within=ahead)
            alice.event("EVENT resumed balance 100")
            alice.do("transfer 10 bob", "SUCCESS transfer 10 bob label 1 balance 90")
            alice.do("checkpoint", "SUCCESS checkpoint alice.1 balance 90 members alice")
            session.bob.event("EVENT received 10 from alice ...")
            (alice.kill if with_kill else alice.end)()
            session.back("alice")
            session.alice.event("EVENT resumed balance 90")
            session.settle()
            same(session.balances(), ("90", "110", "100"))
            session.each_can_send()
            session.check()


main(the_wall_clock_set_back_and_forth_is_seen_in_the_trace_alone,
     after_a_reboot_time_begins_anew)
