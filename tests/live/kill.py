"""Kill -9 of any process at any instant, and start it again: not a cent is lost. See life.py.

    kill.py COHORT [--rounds N] [--life N] [--seed S] [--faulty-disk LIBRARY]

In each round random processes are killed, often within a millisecond of a command, and started
again without waiting for anybody. With --faulty-disk (see faulty_disk.c) some of them are doomed:
they die by themselves in the middle of one of their next writes.
"""

import sys

from life import lives, parser
from live import preload


def draw_doom(life, faulty_disk):
    if faulty_disk is None or life.chance.random() < 0.7:
        return None
    life.counts["doomed"] += 1
    fault = f"{life.chance.choice(('kill', 'torn'))}:{life.chance.randint(1, 40)}"
    return {"LD_PRELOAD": faulty_disk, "FAULTY_DISK": fault}


def draw_victims(life):
    kind = life.chance.random()
    if kind < 0.05:
        return list(life.actors)
    count = 1 if kind < 0.75 else life.chance.randint(2, len(life.actors))
    return life.chance.sample(life.actors, count)


def kill(life, faulty_disk=None):
    victims = draw_victims(life)
    for victim in victims:
        victim.kill()
    for victim in life.actors:
        if victim not in victims and victim.process.child.poll() is not None:
            life.counts["died in a write"] += 1
            victims.append(victim)
    for victim in victims:
        victim.bury()
    for victim in victims:
        if life.chance.random() < 0.3:
            life.pause()
        victim.start(draw_doom(life, faulty_disk))


def spare_the_doomed(life):
    for actor in life.actors:
        if actor.may_end:
            actor.kill()
            actor.bury()
            actor.start()


def main():
    options = parser(rounds=300, life=50)
    options.add_argument("--faulty-disk", type=preload)
    arguments = options.parse_args(sys.argv[2:])
    lives(arguments, lambda life: kill(life, arguments.faulty_disk), spare_the_doomed)


if __name__ == "__main__":
    main()
