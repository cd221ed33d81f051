"""The suppliers that a counterpart knows, compared field by field with the group's; what was found is a fact without values."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import structs

from suture.journal import Event, Journal
from suture.masters.suppliers import NAMED_MOST, compared, told
from suture.model import Document, HeldSupplier, Ref, Supplier, SuppliersCompared
from suture.processes.masters import NAME as MASTERS
from suture.processes.masters import Filed
from suture.rules.reconciling import Difference, Kind
from suture.runtime.beliefs import Beliefs
from suture.runtime.drive import ask
from suture.runtime.holdings import PAGES_MOST, ROWS_MOST
from suture.runtime.mending import NAME, Known, Mending, Planned, policy_of
from suture.runtime.network import Instance
from suture.runtime.raised import Raised
from suture.runtime.turn import undisturbed
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring
from suture.systems import Call, NotListed, Roster, RosterPage
from suture.transports import NoReply, NotSent, Reply, Request
from suture.transports.exchange import Link

_PREFIX = "Supplier:"
#: Suppliers that an exception names; the fact has up to a thousand.
SHOWN = 20
#: What is compared, as people say it.
_FIELDS = {
    "account": "bank account",
    "currency": "currency",
    "name": "name",
    "status": "status",
    "tax_id": "tax number",
    "terms": "payment terms",
}


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
    ours, theirs = _ours(wiring.journal), _theirs(wiring, instance, rows)
    expected = {id: each for id, each in ours.items() if not coded or wiring.book.outbound(instance.name, "supplier", id)}
    missing = sorted(id for id, each in expected.items() if each.status == "active" and id not in theirs)
    return SuppliersCompared(
        instance=instance.name,
        at=now,
        suppliers=len(expected),
        fields=compared(ours, theirs),
        missing=tuple(missing[:NAMED_MOST]),
        strangers=len(rows) - len(theirs.keys() & ours.keys()),
    )


def _theirs(wiring: Wiring, instance: Instance, rows: tuple[HeldSupplier, ...]) -> dict[str, Mapping[str, str]]:
    """What a counterpart says of each supplier, by our number."""
    coded = "supplier" in wiring.system(instance).codes
    ids = (wiring.book.inbound(instance.name, "supplier", row.code) if coded else row.code for row in rows)
    return {id: row.fields for id, row in zip(ids, rows, strict=True) if id}


def today(instance: Instance, now: datetime) -> str:
    """The ``once`` of the day's comparison (UTC), which is made once however often a service begins anew."""
    return f"suppliers/{instance.name}/{now.date()}"


def tell(wiring: Wiring, instance: Instance, rows: tuple[HeldSupplier, ...], now: datetime, once: str = "") -> SuppliersCompared:
    """Compare, write down what was found, and ask the stewards about it; with ``once`` nothing where that has been told."""
    fact = compare_suppliers(wiring, instance, rows, now)
    once = once or f"suppliers/{instance.name}/{now.isoformat()}"

    def written() -> None:
        unit = UnitBuilder(wiring, now)
        unit.event(Event(once=once, kind="emitted", source=NAME, at=now, data=fact, root=once))
        _ask(wiring, instance, fact, rows, unit)
        wiring.journal.commit([unit.build()])

    undisturbed(written)
    return fact


def _ask(wiring: Wiring, instance: Instance, fact: SuppliersCompared, rows: tuple[HeldSupplier, ...], unit: UnitBuilder) -> None:
    """One exception for each field that is another at any supplier, and one for those that are missing; ended when both agree.

    Its fingerprint is a keyed digest of what both sides say: what was accepted is asked again when either says something new.
    """
    ours, theirs = _ours(wiring.journal) if fact.fields else {}, _theirs(wiring, instance, rows)
    earlier = Raised(wiring.journal, f"suppliers/{instance.name}/")
    mending = Mending(unit, Beliefs(wiring, instance, unit.now, timedelta(0)), {}, policy_of(wiring, unit.now))
    found = {
        f"supplier_differs/{each.field}": _planned(
            "supplier_differs",
            _FIELDS[each.field],
            each.differing,
            each.differences,
            [f"{id} {told(ours[id])[each.field]} {theirs[id][each.field]}" for id in each.differing],
        )
        for each in fact.fields
        if each.differences
    }
    if fact.missing:
        found["supplier_missing/-"] = _planned("supplier_missing", "supplier", fact.missing, len(fact.missing), fact.missing)
    for name, planned in found.items():
        id, context = f"{earlier.prefix}{name}", {"instance": instance.name, **planned.context}
        context["fingerprint"] = wiring.journal.keyed(context["fingerprint"])
        mending.settle(structs.replace(planned, id=id, known=earlier.known(id), context=context))
    # a field that was told of nobody is not judged: its exception stays as it is
    judged = {"supplier_missing/-", *(f"supplier_differs/{each.field}" for each in fact.fields)}
    for id, known in earlier.still_open():
        if id.removeprefix(earlier.prefix) in judged - found.keys():
            gone = structs.replace(_planned("supplier_differs", "", (), 0), id=id, known=known)
            mending.close(gone, "gone", NAME, "both sides agree again")


def _planned(kind: Kind, what: str, suppliers: Sequence[str], number: int, sides: Sequence[str] = ()) -> Planned:
    """What is asked: the first suppliers, and how many there are; the fingerprint is still to be made of ``sides``."""
    named = ", ".join(suppliers[:SHOWN]) + (f" and {number - SHOWN} more" if number > SHOWN else "")
    return Planned(
        id="",
        listing="suppliers",
        kind=kind,
        difference=Difference(kind=kind, reference=f"{what} of {named}" if kind == "supplier_differs" else f"{what} {named}"),
        known=Known(),
        context={"field": what, "suppliers": named, "differences": str(number), "fingerprint": "\n".join(sides)},
        owner="steward",
        objects=tuple(Ref("Supplier", id) for id in suppliers[:SHOWN]),
    )


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
