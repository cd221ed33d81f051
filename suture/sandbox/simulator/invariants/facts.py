"""What a finished run shows: the history read once, and what people and counterparts have ended in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from suture.journal import Recorded
from suture.model import (
    Case,
    CaseResolved,
    Crosswalk,
    Decision,
    Delivered,
    MessageReceived,
    OrderChange,
    Person,
    PurchaseOrder,
    ReceiptPosted,
)
from suture.sandbox.simulator.world import World

ZERO = Decimal(0)
#: An order line: order and number.
Place = tuple[str, int]


class Facts:
    """What the journal says, read once from beginning to end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows: list[Recorded] = []
        after = 0
        while page := world.disk.read(after, 5000):
            self.rows += page
            after = page[-1].position
        #: Every exception by its id, as it was raised last, and those that are open.
        self.cases: dict[str, Case] = {}
        self.open: dict[str, Case] = {}
        #: What a person has cancelled, or a counterpart refused, in one system: the others may differ from it.
        self.cancelled: set[str] = set()
        #: What a person has spared one system: (instance, document id).
        self.spared: set[tuple[str, str]] = set()
        #: Who decided what about the objects of an exception: (verb, reason, object id) -> actors.
        self.words: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
        #: The bytes of each message, and those that a person has rejected.
        self.arrived: dict[str, str] = {}
        self.rejected: set[str] = set()
        for row in self.rows:
            self._read(row)
        #: The open exceptions that name a thing.
        self.about: dict[str, set[str]] = {}
        for case in self.open.values():
            for ref in case.objects:
                self.about.setdefault(ref.id, set()).add(case.id)
        #: What partners sent and were told is refused, or was parked and a person rejected: it may be left at that.
        self.turned_away = b"\n".join(
            letter.message.raw for letter, answer in world.kept if not letter.stray and self._left(letter.raw, answer)
        )

    def _left(self, raw: bytes, answer: str) -> bool:
        return answer == "refused" or hashlib.sha256(raw).hexdigest() in self.rejected

    def _read(self, row: Recorded) -> None:
        match row.event.data:
            case MessageReceived():
                self.arrived[row.event.once] = row.event.blob
            case CaseResolved(case=id, action="reject") if id.startswith("intake/"):
                self.open.pop(id, None)
                self.rejected.add(self.arrived.get(id.removeprefix("intake/").partition("#")[0], ""))
            case Case() as case:
                self.open[case.id] = self.cases[case.id] = case
            case CaseResolved(case=id):
                self.open.pop(id, None)
            case Delivered(outcome="cancelled" | "refused" as outcome, delivery=id, instance=instance, document=document):
                self.spared |= {(instance, document.id)} if outcome == "cancelled" else set()
                delivery = self.world.disk.delivery(id)
                self.cancelled |= {ref.id for ref in delivery.document.refs()} if delivery else set()
            case Decision(verb=verb, actor=actor, subject=subject) if subject.id in self.cases:
                case = self.cases[subject.id]
                for ref in case.objects:
                    self.words.setdefault((verb, case.reason, ref.id), []).append((row.position, actor))

    def said(self, verb: str, id: str, reasons: Iterable[str] = (), before: int = 1 << 62) -> set[str]:
        """The people who decided so about an exception (of these reasons, or any) that names this, before a position."""
        wanted = set(reasons)
        return {
            actor
            for (spoken, reason, named), words in self.words.items()
            if (spoken, named) == (verb, id) and (reason in wanted or not wanted)
            for position, actor in words
            if position < before
        }

    def differs(self, *ids: str, by: tuple[str, ...] = ()) -> bool:
        """Whether the systems may differ about one of these: an exception is open, somebody cancelled it in one of them, or
        the message that tells of it was refused. ``by`` narrows the exceptions to those of a process, or of a delivery."""
        open_about = {id for id in ids for case in self.about.get(id, ()) if case.startswith(by or "")}
        return bool(open_about) or any(id in self.cancelled or self._refused(id) for id in ids)

    def _refused(self, id: str) -> bool:
        # an invoice's id has its supplier in front, which the message says elsewhere
        return id.rpartition(":")[2].encode() in self.turned_away

    # -- who and what there is

    @cached_property
    def moments(self) -> dict[int, datetime]:
        """When each event came about, by its position."""
        return {row.position: row.event.at for row in self.rows}

    @cached_property
    def people(self) -> dict[str, Person]:
        """Those with authority."""
        return {person.id: person for person in self.world.base.group.people}

    @cached_property
    def codes(self) -> dict[tuple[str, str, str], set[str]]:
        """What a system's code has ever stood for: (system, kind, its code) -> our codes."""
        found: dict[tuple[str, str, str], set[str]] = {}
        written = (row.event.data for row in self.rows if isinstance(row.event.data, Crosswalk))
        for row in (*self.world.base.group.crosswalk, *written):
            found.setdefault((row.system, row.kind, row.local), set()).add(row.golden)
        return found

    @cached_property
    def coded(self) -> set[tuple[str, str]]:
        """The systems and kinds that have codes of their own."""
        return {(system, kind) for system, kind, _ in self.codes}

    def means(self, system: str, kind: str, local: str, golden: str) -> bool:
        """Whether a system that is told ``local`` hears ``golden``."""
        return local == golden if (system, kind) not in self.coded else golden in self.codes.get((system, kind, local), ())

    def ours(self, system: str, kind: str, local: str) -> str:
        """Our code for a system's; its own where it uses ours."""
        return local if (system, kind) not in self.coded else min(self.codes.get((system, kind, local), {""}))

    # -- orders

    @cached_property
    def orders(self) -> dict[str, tuple[int, PurchaseOrder]]:
        """Every order as it was first told, and where in the history."""
        found: dict[str, tuple[int, PurchaseOrder]] = {}
        for row in self.rows:
            if isinstance(row.event.data, PurchaseOrder):
                found.setdefault(row.event.data.id, (row.position, row.event.data))
        return found

    @cached_property
    def ordered(self) -> dict[Place, tuple[Decimal, Decimal]]:
        """Quantity and price per unit of each order line, after the changes that the journal knows."""
        lines = {
            (id, line.number): (line.quantity.value, line.price.amount / line.price.per.value)
            for id, (_, order) in self.orders.items()
            for line in order.lines
        }
        for change in sorted(self._changes(), key=lambda each: (each.order, each.version)):
            if change.kind == "cancel" and not change.lines:
                lines |= {place: (ZERO, price) for place, (_, price) in lines.items() if place[0] == change.order}
            for line in change.lines:
                lines[change.order, line.number] = (line.quantity.value, line.price.amount / line.price.per.value)
        return lines

    @cached_property
    def most_ordered(self) -> dict[Place, Decimal]:
        """The most that was ever wanted on each order line."""
        most = {(id, line.number): line.quantity.value for id, (_, order) in self.orders.items() for line in order.lines}
        for change in self._changes():
            for line in change.lines:
                place = (change.order, line.number)
                most[place] = max(most.get(place, ZERO), line.quantity.value)
        return most

    def _changes(self) -> Iterator[OrderChange]:
        return (row.event.data for row in self.rows if isinstance(row.event.data, OrderChange))

    @cached_property
    def posted(self) -> list[tuple[int, Place, Decimal]]:
        """Every receipt that counts in our books, line by line, signed: (position, order line, quantity)."""
        found = []
        for row in self.rows:
            if isinstance(row.event.data, ReceiptPosted):
                receipt = row.event.data.receipt
                sign = -1 if receipt.reverses else 1
                found += [(row.position, (receipt.order, line.line), sign * line.quantity.value) for line in receipt.lines]
        return found


def undecided(order: str) -> tuple[str, ...]:
    """The exceptions that wait for a buyer to say what an order is: what a supplier rejects, or is too late to cancel."""
    return (f"order_to_receipt/{order}/line_rejected", f"order_to_receipt/{order}/cancel_too_late")


#: A promise: whatever breaks it, in words.
Check = Callable[[Facts], Iterator[str]]


def summed(entries: Iterable[tuple[Place, Decimal]]) -> dict[Place, Decimal]:
    """The sum of quantities per order line."""
    total: dict[Place, Decimal] = {}
    for place, quantity in entries:
        total[place] = total.get(place, ZERO) + quantity
    return total


def times(references: Iterable[str]) -> Iterator[tuple[str, int]]:
    """What is there more than once, and how often."""
    counts: dict[str, int] = {}
    for reference in references:
        counts[reference] = counts.get(reference, 0) + 1
    return ((reference, count) for reference, count in counts.items() if count > 1)
