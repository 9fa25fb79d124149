"""Four customers on a network that loses 20 % of all datagrams and doubles another 20 %."""

from live import World, check, main, same

BAD_NETWORK = {"COHORT_TEST_LOSS": "20", "COHORT_TEST_DUPLICATE": "20", "COHORT_TEST_SEED": "3"}
NAMES = ("alice", "bob", "carol", "dave")
ROUNDS = 10


def four_customers_settle_all_on_a_bad_network():
    with World(BAD_NETWORK) as world:
        bank = world.bank("--trace", "bank.trace")
        people = dict(zip(NAMES, world.customers(*((name, "1000") for name in NAMES),
                                                 trace=True, options=["--trace-datagrams"])))
        people["alice"].do("new-cohort 4", "SUCCESS new-cohort 1 alice,...")
        for name in NAMES:
            people[name].event("EVENT joined 1 alice,bob,carol,dave")
        for i in range(ROUNDS):
            for number, name in enumerate(NAMES):
                to = NAMES[(number + 1 + i % 3) % 4]
                people[name].do(f"transfer {number + 1} {to}", "SUCCESS transfer ...")
            if i % 5 == 2:
                people["bob"].do("checkpoint", "SUCCESS checkpoint bob...")
            if i % 5 == 4:
                people["carol"].do("lost-transfer 3 dave", "SUCCESS lost-transfer ...")
                people["dave"].do("rollback", "SUCCESS rollback dave...")
        # Another loss, which a checkpoint makes permanent.
        people["alice"].do("lost-transfer 5 bob", "SUCCESS lost-transfer ...")
        people["alice"].do("checkpoint", "SUCCESS checkpoint alice...")
        bank.do("delete-cohort alice", "SUCCESS delete-cohort 1")
        for name in NAMES:
            people[name].do("exit", f"SUCCESS exit {name} balance ...")
            people[name].end()
        bank.say("quit")
        bank.end()
        lost = sum(int(event.split()[-1]) for name in NAMES for event in people[name].events
                   if event.startswith("EVENT lost "))
        total = sum(float(row[0]) for row in world.rows().values())
        check(4000 - lost <= total <= 4000 - 5, f"{total} in all, and {lost} lost")
        same({row[5] for row in world.rows().values()}, {"1"})
        traces = "".join((world.folder / f"{name}.trace").read_text() for name in NAMES)
        for event in ("tx", "rx", "dup", "drop"):
            whom = "from" if event == "rx" else "to"
            check(f'"e":"{event}","{whom}":"' in traces, f"no {event} in the traces")
        world.check_traces(*NAMES)


main(four_customers_settle_all_on_a_bad_network)
