"""Each process in a network namespace of its own, and the cables between them cut: see life.py.

    partition.py COHORT [--rounds N] [--life N] [--seed S] [--cut-ms MS]

In each round some of the cables are cut, wholly, in one direction, or between two processes, or
made to lose datagrams; some of those of earlier rounds are mended. Now and then a process is killed
and started again besides.
"""

import sys
import time

from kill import kill
from life import NAMES, lives, parser
from namespaces import enter, rooms

WORST_LOSS = 60  # percent
KILL = 0.15


def harm(life):
    room = life.chance.choice(life.actors).room
    kind = life.chance.choice(("cut", "cut_incoming", "cut_outgoing", "cut_from", "lose"))
    life.counts[kind] += 1
    if kind == "cut_from":
        room.cut_from(life.chance.choice(life.actors).room)
    elif kind == "lose":
        room.lose(life.chance.randint(5, WORST_LOSS))
    else:
        getattr(room, kind)()


def disturb(life, cut_ms):
    for _ in range(life.chance.randint(1, 2)):
        harm(life)
    for _ in range(life.chance.randint(0, 3)):
        life.ask_at_random()
    time.sleep(life.chance.random() ** 2 * cut_ms / 1000)
    if life.chance.random() < KILL:
        kill(life)
    for actor in life.actors:
        if life.chance.random() < 0.4:
            actor.room.heal()


def mend_all(life):
    for actor in life.actors:
        actor.room.heal()


def main():
    enter()
    options = parser(rounds=60, life=20)
    options.add_argument("--cut-ms", type=int, default=1000, help="longest time of one round")
    arguments = options.parse_args(sys.argv[2:])
    lives(arguments, lambda life: disturb(life, arguments.cut_ms), mend_all,
          rooms("bank", *NAMES))


main()
