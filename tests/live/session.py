"""The session of the seed document: a bank and four customers, from opening to `exit`."""

from live import World, main, same


def form(alice):
    """alice's cohort of three; its members by name, in the order of the answer."""
    answer = alice.do("new-cohort alice 3", "SUCCESS new-cohort 1 alice,127.0.0.1,...")
    return [member.split(",")[0] for member in answer.split()[3:]]


def transfers_and_a_checkpoint(alice, bob, carol):
    alice.do("deposit 25.25", "SUCCESS deposit 25.25 balance 125.25")
    alice.do("withdrawal 5.25", "SUCCESS withdrawal 5.25 balance 120")
    alice.do("transfer 20 bob", "SUCCESS transfer 20 bob label 1 balance 100")
    bob.event("EVENT received 20 from alice label 1 balance 220.50")
    bob.do("transfer 50.50 carol", "SUCCESS transfer 50.50 carol label 1 balance 170")
    carol.event("EVENT received 50.50 from bob label 1 balance 350.50")
    carol.do("checkpoint", "SUCCESS checkpoint carol.1 balance 350.50 members carol,alice,bob")
    alice.event("EVENT permanent carol.1 balance 100")
    bob.event("EVENT permanent carol.1 balance 170")


def a_loss_and_two_rollbacks(alice, bob, carol):
    alice.do("lost-transfer 40 bob", "SUCCESS lost-transfer 40 bob label 2 balance 60")
    alice.event("EVENT lost label 2 to bob amount 40")
    bob.event("EVENT missing label 2 from alice")
    bob.do("transfer 10 carol", "SUCCESS transfer 10 carol label 2 balance 160")
    carol.event("EVENT received 10 from bob label 2 balance 360.50")
    alice.do("rollback", "SUCCESS rollback alice.1 balance 100 members alice")
    alice.do("transfer 1 carol", "SUCCESS transfer 1 carol label 1 balance 99")
    carol.event("EVENT received 1 from alice label 1 balance 361.50")
    bob.do("rollback", "SUCCESS rollback bob.1 balance 170 members bob,carol")


def the_session_gives_the_balances_of_the_seed_document():
    with World() as world:
        bank = world.bank("--seed", 1, "--trace", "bank.trace")
        alice, bob, carol = world.customers(("alice", "100"), ("bob", "200.50"), ("carol", "300"),
                                            trace=True)
        same(sorted(form(alice)), ["alice", "bob", "carol"])
        bob.event("EVENT joined 1 alice,bob,carol")
        transfers_and_a_checkpoint(alice, bob, carol)
        a_loss_and_two_rollbacks(alice, bob, carol)
        # carol restored 350.50, and has alice's 1 again: it is sent anew, and not undone.
        carol.event("EVENT received 1 from alice label 1 balance 351.50")
        alice.do("balance", "SUCCESS balance 99")
        bob.do("balance", "SUCCESS balance 170")
        carol.do("balance", "SUCCESS balance 351.50")

        alice.do("exit", "FAILURE exit: alice is in cohort 1...")
        bank.do("delete-cohort bob", "SUCCESS delete-cohort 1")
        alice.event("EVENT left 1 balance 99")
        bob.event("EVENT left 1 balance 170")
        carol.event("EVENT left 1 balance 351.50")
        alice.do("exit", "SUCCESS exit alice balance 99")
        same(alice.end(), [])
        bank.do("exit bob", "SUCCESS exit bob balance 170")
        bob.end()
        carol.end()
        bank.say("quit")
        same(bank.end(), [])
        rows = world.rows()
        same([rows[name][0] for name in ("alice", "bob", "carol")], ["99", "170", "351.50"])
        same([rows[name][4:] for name in ("alice", "bob", "carol")],
             [["", "1"], ["", "1"], ["", "0"]])
        world.check_traces("alice", "bob", "carol")


main(the_session_gives_the_balances_of_the_seed_document)
