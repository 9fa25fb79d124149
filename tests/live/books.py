"""What customers have, computed anew from their traces, event by event, without the checker.

Only what an event moves is used (amounts), never the balance that it states: those are compared
in the end. What a crash or a rollback undoes is undone here by the same few rules that a user is
told: back to the last permanent checkpoint; cash outside a cohort is permanent at once, and with
`--cash commit` always.
"""

import copy
import json

from live import check, same


class Holdings:
    """The money of one customer at one instant."""

    def __init__(self):
        self.balance = 0
        self.opened = 0
        self.cash = 0  # paid in, less what was paid out, since it was opened
        self.lost = 0
        self.deeds = []  # "deposited 5", "withdrew 5", "sent 5"
        self.received = []
        self.missing = []

    def move_cash(self, event, amount):
        change = amount if event == "deposited" else -amount
        self.balance += change
        self.cash += change
        self.deeds.append(f"{event} {amount}")


class Book:
    """One customer's trace, replayed."""

    def __init__(self, cash_survives):
        self.cash_survives = cash_survives
        self.now = Holdings()
        self.permanent = Holdings()
        self.tentative = None
        self.crashed = None  # what it had, while what it goes back to is not settled
        self.in_cohort = False

    def _make_permanent(self):
        self.permanent = copy.deepcopy(self.now)

    def _go_back(self):
        self.now = copy.deepcopy(self.permanent)

    def _restart(self):
        if self.in_cohort and self.crashed is None:
            self.crashed = self.now
        self._go_back()

    def _leave(self, balance):
        """With what it has; or, if it crashed after its vote, with what it had voted with."""
        if self.crashed is not None and self.now.balance != balance:
            self.now = self.crashed
        self.crashed = None
        self.in_cohort = False
        self._make_permanent()

    def _cash(self, event, amount):
        self.now.move_cash(event, amount)
        if self.cash_survives or not self.in_cohort:
            self.permanent.move_cash(event, amount)
            if self.tentative is not None:
                self.tentative.move_cash(event, amount)

    def add(self, record):
        event = record["e"]
        amount = record.get("amount", 0)
        if event == "opened":
            self.now.opened += record["balance"]
            self.now.balance += record["balance"]
            self._make_permanent()
        elif event in ("deposited", "withdrew"):
            self._cash(event, amount)
        elif event == "sent":
            self.now.balance -= amount
            self.now.deeds.append(f"sent {amount}")
        elif event == "received":
            self.now.balance += amount
            self.now.received.append(amount)
        elif event == "lost":
            self.now.lost += amount
            self.now.missing.append(amount)
        elif event == "tentative":
            self.tentative = copy.deepcopy(self.now)
        elif event == "discarded":
            self.tentative = None
        elif event == "permanent":
            self.permanent, self.tentative = self.tentative, None
        elif event == "rolled_back":
            self.crashed = None
            self._go_back()
        elif event == "restarted":
            self._restart()
        elif event == "joined":
            self.in_cohort = True
            self._make_permanent()
        elif event == "left":
            self._leave(record["balance"])

    def read(self, path):
        name = path.stem
        last = -1
        with open(path, encoding="ascii") as lines:
            for number, line in enumerate(lines, 1):
                record = json.loads(line)
                if "e" not in record:
                    continue
                check(record["seq"] > last, f"{path}:{number}: seq {record['seq']} after {last}")
                last = record["seq"]
                if record["p"] == name:
                    self.add(record)
        return self


def balance_the_books(books, balances, rows):
    """All that was opened and paid in, and not paid out or lost, is there: to the cent. What was
    sent was received once, or is lost (no two amounts are the same).

    `balances`: what each customer answered, in cents; `rows`: what the bank's file says."""
    for name, book in books.items():
        same((name, book.now.balance), (name, balances[name]))
        same((name, book.permanent.balance), (name, rows[name]))
    opened = sum(book.now.opened for book in books.values())
    cash = sum(book.now.cash for book in books.values())
    lost = sum(book.now.lost for book in books.values())
    total = sum(balances.values())
    check(total + lost == opened + cash,
          f"{total} held and {lost} lost, but {opened} opened and {cash} paid in: "
          f"{total + lost - opened - cash} too much")
    sent = [int(deed.split()[1]) for book in books.values() for deed in book.now.deeds
            if deed.startswith("sent ")]
    arrived = [amount for book in books.values()
               for amount in book.now.received + book.now.missing]
    same(sorted(arrived), sorted(sent))
