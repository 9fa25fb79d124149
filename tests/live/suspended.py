"""Processes that stand still for a while (SIGSTOP), and go on as if nothing had been: see life.py.

    suspended.py COHORT [--rounds N] [--life N] [--seed S] [--still-ms MS]
"""

import signal
import sys
import time

from life import lives, parser


def disturb(life, still_ms):
    sleeper = life.chance.choice(life.actors)
    sleeper.process.child.send_signal(signal.SIGSTOP)
    life.counts["stopped"] += 1
    for _ in range(life.chance.randint(0, 6)):
        life.ask_at_random()
    time.sleep(life.chance.random() ** 2 * still_ms / 1000)
    for actor in life.actors:
        if life.chance.random() < 0.6:
            actor.process.child.send_signal(signal.SIGCONT)


def wake_all(life):
    for actor in life.actors:
        actor.process.child.send_signal(signal.SIGCONT)


def main():
    options = parser(rounds=60, life=20)
    options.add_argument("--still-ms", type=int, default=1000, help="longest time of one round")
    arguments = options.parse_args(sys.argv[2:])
    lives(arguments, lambda life: disturb(life, arguments.still_ms), wake_all)


main()
