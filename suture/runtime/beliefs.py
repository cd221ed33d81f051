"""Beliefs: what the journal says that a counterpart should hold, put in the counterpart's own words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from msgspec import Struct

from suture.formats import Stamp
from suture.journal import OPEN, Delivery
from suture.masters.crosswalk import translate
from suture.model import Document, Held, Parked, Ref
from suture.rules.reconciling import Ours
from suture.runtime.holdings import Sheet
from suture.runtime.network import Instance
from suture.runtime.wiring import Wiring
from suture.systems import Call, Listing

#: Deliveries read at a time, and in all.
PAGE, DELIVERIES_MOST = 1000, 500_000
#: A doubt that is looked into sooner than that is left to its own probe.
SOON = timedelta(seconds=30)


class Accepted(Struct, frozen=True):
    """Something that the counterpart told us itself: the document, or None while it waits at the door."""

    document: Document | None


class Beliefs:
    """All deliveries to one instance by list and reference, read a page at a time; ``ours`` gives what follows from them.

    ``began`` is when the counterpart was first asked; whatever moved less than ``grace`` before that, or later, is in flight.
    """

    def __init__(self, wiring: Wiring, instance: Instance, began: datetime, grace: timedelta) -> None:
        self.wiring, self.instance, self.began = wiring, instance, began
        self.since = began - grace
        self.system = wiring.system(instance)
        self.told: dict[str, dict[str, list[Delivery]]] = {listing.name: {} for listing in self.system.lists}
        self.heard: dict[str, dict[str, Accepted]] = {listing.name: {} for listing in self.system.lists}
        self.after = self.read = 0

    def gather(self) -> bool:
        """Read one page; true while there is more. Raises OverflowError over the limit."""
        page = self.wiring.journal.scan_deliveries(self.instance.name, self.after, PAGE)
        for delivery in page:
            for listing, reference in self._shows(delivery):
                self.told[listing].setdefault(reference, []).append(delivery)
        self.after, self.read = (page[-1].sequence if page else self.after), self.read + len(page)
        if self.read > DELIVERIES_MOST:
            raise OverflowError(f"more than {DELIVERIES_MOST:,} deliveries to {self.instance.name} cannot be compared at once")
        return len(page) == PAGE

    def _shows(self, delivery: Delivery) -> list[tuple[str, str]]:
        document = delivery.document
        return [(each.name, each.reference(document)) for each in self.system.lists if type(document) in each.documents]

    def newer(self) -> set[tuple[str, str]]:
        """The (list, reference) pairs about which something was owed since the last page was read."""
        page = self.wiring.journal.scan_deliveries(self.instance.name, self.after, PAGE)
        return {pair for delivery in page for pair in self._shows(delivery)}

    # -- what the counterpart told us itself

    def strangers(self, sheet: Sheet) -> list[str]:
        """References in the list about which nothing was sent, of types that the counterpart tells us."""
        if not self._emitted(sheet.listing):
            return []
        told = self.told[sheet.listing.name]
        return sorted({row.reference for row in sheet.rows if row.reference and row.reference not in told})

    def _emitted(self, listing: Listing) -> list[type[Document]]:
        return [kind for kind in listing.documents if kind in self.system.emits]

    def acquaint(self, listing: Listing, references: Sequence[str]) -> None:
        """Find out which of these the counterpart told us, and we accepted or keep at the door."""
        for reference in references:
            for kind in self._emitted(listing):
                for row in self.wiring.journal.find(Ref(kind.__name__, reference), limit=50):
                    self._recognise(listing, reference, kind, row.event.source, row.event.data)

    def _recognise(self, listing: Listing, reference: str, kind: type[Document], source: str, data: Document) -> None:
        known = self.heard[listing.name]
        if source != self.instance.name:
            return
        if type(data) is kind and listing.reference(data) == reference:
            known[reference] = Accepted(data)
        elif isinstance(data, Parked):
            known.setdefault(reference, Accepted(None))

    # -- what follows

    def references(self, sheet: Sheet) -> set[str]:
        """Every reference that either side knows in this list."""
        name = sheet.listing.name
        return {*self.told[name], *self.heard[name], *(row.reference or row.number for row in sheet.rows)}

    def ours(self, listing: Listing, reference: str, rows: Sequence[Held]) -> Ours | None:
        """What we believe about one reference; None if it never passed here."""
        deliveries = self.told[listing.name].get(reference)
        if deliveries is not None:
            return self._believed(listing, deliveries)
        accepted = self.heard[listing.name].get(reference)
        if accepted is not None and accepted.document is not None:
            return Ours(settled=self._held(listing, [self._own(accepted.document)]))
        fresh = any(row.at is not None and row.at > self.since for row in rows)
        return Ours(moving=True) if accepted is not None or fresh else None

    def _believed(self, listing: Listing, deliveries: Sequence[Delivery]) -> Ours:
        done = [each for each in deliveries if each.status == "done"]
        stuck = self.stuck(deliveries)
        waits = any(each.status in OPEN for each in deliveries)
        if any(each.due > self.since for each in done) or (waits and not stuck):
            return Ours(moving=True)
        told = [self._translated(each) for each in done]
        tried = [self._translated(each) for each in stuck]
        return Ours(
            settled=self._held(listing, told) if told else None,
            open=tuple(self._held(listing, told + tried[:count]) for count in range(1, len(tried) + 1)),
        )

    def stuck(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """The first open ones, as far as they do not move by themselves just now."""
        waiting = (each for each in deliveries if each.status in OPEN)
        return list(takewhile(self._rests, waiting))

    def _rests(self, delivery: Delivery) -> bool:
        return delivery.status in ("parked", "awaiting") or (delivery.status == "unknown" and delivery.due > self.began + SOON)

    def _held(self, listing: Listing, told: Sequence[tuple[Document, Call] | None]) -> Held:
        """What the list should say; only that it is there, where a code of ours has no counterpart any more."""
        known = [each for each in told if each is not None]
        if len(known) < len(told):
            return Held(reference="")
        return listing.holds(known[-1:] if listing.absolute else known)

    def _translated(self, delivery: Delivery) -> tuple[Document, Call] | None:
        """The document in the counterpart's codes as they were when it went out."""
        moment = delivery.due if delivery.status == "done" else self.began
        stamp = Stamp(number=delivery.number, at=delivery.created.isoformat())
        return self._spoken(delivery.document, moment, stamp, delivery.id)

    def _own(self, document: Document) -> tuple[Document, Call] | None:
        return self._spoken(document, self.began, Stamp(number=0, at=self.began.isoformat()), "")

    def _spoken(self, document: Document, moment: datetime, stamp: Stamp, key: str) -> tuple[Document, Call] | None:
        def lookup(kind: str, code: str) -> str | None:
            return self.wiring.book.outbound(self.instance.name, kind, code, moment.date())

        spoken, unknown = translate(document, lookup, self.system.codes)
        id = str(getattr(document, "id", ""))
        call = Call(key=key, id=id, stamp=stamp, profile=self.instance.profile, options=self.instance.options)
        return None if unknown else (spoken, call)
