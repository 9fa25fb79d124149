"""Disks without space: exit code 4, nothing that was promised is lost, and when there is room again
all goes on. Each is a file system of one megabyte, mounted for this test alone."""

from disk import ends_and_comes_back, provoke
from live import WAIT_S, World, check, main, quiet_port, same
from namespaces import enter, run
from recovery import NAMES, Session


class SmallDisk:
    """A file system of one megabyte in this folder."""

    def __init__(self, folder):
        self.folder = folder
        self.ballast = folder / "ballast"

    def __enter__(self):
        self.folder.mkdir(parents=True)
        run(f"mount -t tmpfs -o size=1m none {self.folder}")
        return self

    def __exit__(self, *_):
        run(f"umount -l {self.folder}")

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as ballast:
            for size in (4096, 512, 1):
                try:
                    while ballast.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        self.ballast.unlink()


def a_customer_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room():
    with World() as world, SmallDisk(world.folder / "cohort-state" / "alice") as disk:
        session = Session(world).form()
        for _ in range(3):
            before = int(session.balances()[0])
            disk.fill()
            results = provoke(session.alice, ("transfer 1 bob", "checkpoint"))
            check("make room on the disk" in session.alice.errors, session.alice.errors)
            # There is none for a start either: told, and what is there is kept.
            refused = world.start("customer", "--bank", world.bank_address, "--port1", 0,
                                  "--port2", 0, "--any-port", "--name", "alice")
            refused.child.wait(WAIT_S)
            refused.end(4)
            disk.free()
            ends_and_comes_back(session, results, before)
        session.check()
        session.alice.stop()


def a_bank_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room():
    with World() as world, SmallDisk(world.folder / "bank") as disk:
        bank = world.bank("--data", "bank/data.csv", port=quiet_port())
        customers = world.customers(*((name, "100") for name in NAMES))
        disk.fill()
        provoke(bank, ("new-cohort alice 2", "delete-cohort alice"))
        check("make room on the disk" in bank.errors, bank.errors)
        disk.free()
        bank = world.bank("--data", "bank/data.csv", port=bank.port)
        for customer in customers:
            customer.settle()
            customer.do("deposit 1", "SUCCESS deposit 1 balance 101")
            customer.settle()
        bank.stop()
        text = (disk.folder / "data.csv").read_text().splitlines()
        same([line.split(",")[:2] for line in text[1:]], [[name, "101"] for name in NAMES])


enter()
main(a_customer_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room,
     a_bank_whose_disk_fills_ends_with_4_and_comes_back_when_there_is_room)
