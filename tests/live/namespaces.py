"""Rooms for processes that nobody else is in: each with a network of its own, joined by a bridge,
whose cables can be cut; and file systems that are mounted for this test alone.

enter() moves the whole test into namespaces of its own, as root or as root of its own user
namespace; where neither is allowed, the test is skipped. All is gone when the test ends, however
it ends.
"""

import os
import shutil
import subprocess
import sys

from live import skip

INSIDE = "COHORT_TEST_INSIDE"  # set in the environment of a test that has entered
BANK_IP = "10.77.0.1"
TOOLS = ("unshare", "nsenter", "mount", "ip", "nft")
WAYS = (("unshare", "--mount", "--net"),
        ("unshare", "--user", "--map-root-user", "--mount", "--net"))
# /run is made private: what `ip netns add` leaves there goes with the mount namespace.
PROBE = "mount -t tmpfs none /run && ip netns add probe && nft list ruleset && ip netns del probe"


def find_tools():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        skip(f"{', '.join(missing)} is not installed")


def enter():
    find_tools()
    if INSIDE in os.environ:
        run("mount -t tmpfs none /run")
        run("ip link set lo up")
        return
    reasons = []
    for way in WAYS:
        probe = subprocess.run([*way, "sh", "-c", PROBE], capture_output=True, text=True,
                               check=False)
        if probe.returncode == 0:
            os.execvpe(way[0], [*way, sys.executable, "-B", *sys.argv],
                       {**os.environ, INSIDE: "yes"})
        reasons += probe.stderr.strip().splitlines()[-1:]
    skip(f"no namespaces to be had here: {'; '.join(reasons)}")


def run(command, standard_input=None):
    done = subprocess.run(command.split(), input=standard_input, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr}")


class Room:
    """A network namespace with one address."""

    def __init__(self, name, ip):
        self.name = name
        self.ip = ip
        self.within = ("nsenter", f"--net=/run/netns/{name}", "--")
        run(f"ip netns add {name}")
        run(f"ip link add to-{name} type veth peer name eth0 netns {name}")
        run(f"ip link set to-{name} master bridge up")
        for command in (f"ip addr add {ip}/24 dev eth0", "ip link set eth0 up",
                        "ip link set lo up"):
            self._run(command)
        self.heal()

    def _run(self, command, standard_input=None):
        run(" ".join((*self.within, command)), standard_input)

    def _rules(self, incoming="", outgoing=""):
        self._run("nft -f -", f"""
            table inet cut {{}}
            delete table inet cut
            table inet cut {{
                chain in {{ type filter hook input priority 0\n {incoming}\n }}
                chain out {{ type filter hook output priority 0\n {outgoing}\n }}
            }}""")

    def heal(self):
        self._rules()

    def cut(self):
        self._rules("drop", "drop")

    def cut_incoming(self):
        self._rules(incoming="drop")

    def cut_outgoing(self):
        self._rules(outgoing="drop")

    def cut_from(self, other):
        self._rules(f"ip saddr {other.ip} drop", f"ip daddr {other.ip} drop")

    def lose(self, percent):
        rule = f"meta l4proto udp numgen random mod 100 < {percent} drop"
        self._rules(rule, rule)


def rooms(*names):
    """A room for each, 10.77.0.1 and on, joined by a bridge."""
    run("ip link add bridge type bridge")
    run("ip link set bridge up")
    return [Room(name, f"10.77.0.{number}") for number, name in enumerate(names, 1)]
