"""The suppliers that a counterpart knows, compared field by field with the group's; what was found is a fact without values."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime

import msgspec

from suture.journal import Event, Journal, Unit
from suture.masters.suppliers import NAMED_MOST, compared
from suture.model import Document, HeldSupplier, Supplier, SuppliersCompared
from suture.processes.masters import NAME as MASTERS
from suture.processes.masters import Filed
from suture.runtime.drive import ask
from suture.runtime.holdings import PAGES_MOST, ROWS_MOST
from suture.runtime.network import Instance
from suture.runtime.wiring import Wiring
from suture.systems import Call, NotListed, Roster, RosterPage
from suture.transports import NoReply, NotSent, Reply, Request
from suture.transports.exchange import Link

_PREFIX = "Supplier:"


async def roster_of(roster: Roster, call: Call, link: Link) -> tuple[HeldSupplier, ...] | None:
    """Everything on the roster; None where it was not told to its end, and then nothing follows from it."""
    rows: list[HeldSupplier] = []
    cursor, known = "", {""}
    for _ in range(PAGES_MOST):
        page = await ask(_told(roster.ask(cursor, call)), link)
        if page is None:
            return None
        held, cursor = page
        rows += held
        if not cursor:
            return tuple(rows)
        if cursor in known or len(rows) > ROWS_MOST:
            return None
        known.add(cursor)
    return None


def _told(page: RosterPage) -> Generator[Request, Reply, tuple[tuple[HeldSupplier, ...], str] | None]:
    """The page, or None where it could not be had."""
    try:
        return (yield from page)
    except (NotListed, NotSent, NoReply):
        return None


def compare_suppliers(wiring: Wiring, instance: Instance, rows: tuple[HeldSupplier, ...], now: datetime) -> SuppliersCompared:
    """What a counterpart says of our suppliers. It should know those that it has a code for, or all where it uses our numbers."""
    coded = "supplier" in wiring.system(instance).codes
    ours = _ours(wiring.journal)
    expected = {id: each for id, each in ours.items() if not coded or wiring.book.outbound(instance.name, "supplier", id)}
    theirs: dict[str, Mapping[str, str]] = {}
    for row in rows:
        id = wiring.book.inbound(instance.name, "supplier", row.code) if coded else row.code
        if id:
            theirs[id] = row.fields
    missing = sorted(id for id, each in expected.items() if each.status == "active" and id not in theirs)
    return SuppliersCompared(
        instance=instance.name,
        at=now,
        suppliers=len(expected),
        fields=compared(ours, theirs),
        missing=tuple(missing[:NAMED_MOST]),
        strangers=len(rows) - len(theirs.keys() & ours.keys()),
    )


def today(instance: Instance, now: datetime) -> str:
    """The ``once`` of the day's comparison (UTC), which is made once however often a service begins anew."""
    return f"suppliers/{instance.name}/{now.date()}"


def tell(wiring: Wiring, instance: Instance, rows: tuple[HeldSupplier, ...], now: datetime, once: str = "") -> SuppliersCompared:
    """Compare, and write down what was found."""
    fact = compare_suppliers(wiring, instance, rows, now)
    once = once or f"suppliers/{instance.name}/{now.isoformat()}"
    wiring.journal.commit(
        [Unit(events=[Event(once=once, kind="emitted", source="reconciliation", at=now, data=fact, root=once)])]
    )
    return fact


def _ours(journal: Journal) -> dict[str, Supplier]:
    """The last word about each supplier, by its number."""
    found: dict[str, Supplier] = {}
    after = _PREFIX
    while page := journal.scan_states(MASTERS, after):
        for state in page:
            for document in _documents(state.data) if state.key.startswith(_PREFIX) else ():
                if isinstance(document, Supplier):
                    found[document.id] = document
        after = page[-1].key
        if not after.startswith(_PREFIX):
            break
    return found


def _documents(data: bytes) -> tuple[Document, ...]:
    documents: tuple[Document, ...] = msgspec.json.decode(data, type=Filed).documents
    return documents
