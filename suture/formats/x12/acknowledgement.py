"""The answer to an order, 855, read and written: one statement per ACK, several of which may speak of one line.

BAK08 is the acknowledgement's own number (the seller's order), DTM 097 its moment, BAK02 the verdict on the whole. A PO1 says
line and price, its ACKs status, quantity, ship date (ACK04 068) and substitute. Statements on one line are written under
one PO1 while they agree on the price; PO102 is their sum. BAK04, the order's own date, is not known to an answer and
repeats the date of the answer when written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType
from typing import Literal

from suture.formats.format import Unwritable
from suture.formats.x12 import lines
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import day, day_text, real
from suture.formats.x12.faults import Notes, Refusal, Segment
from suture.formats.x12.heading import (
    Row,
    check_totals,
    currency_of,
    dated,
    moment_of,
    moment_row,
    order_number,
    party,
    referenced,
    row,
    seller,
    short,
)
from suture.formats.x12.lines import PO1
from suture.formats.x12.segments import CTP, CTT, CUR, DTM, NOTE, PARTY, PER, PID, REF, SCH, ST, SUBLINE, product_ids
from suture.formats.x12.spec import Loop, LoopSpec, Use, optional, required, segment
from suture.model import AcknowledgedLine, OrderAcknowledgement, Price, Quantity

Verdict = Literal["accepted", "changed", "rejected"]
Status = Literal["accepted", "rejected", "backordered", "substituted", "price_changed", "date_changed", "quantity_changed"]

BAK = segment(
    "BAK",
    required(1, "ID", 2, 2),
    required(2, "ID", 2, 2),
    required(3, "AN", 1, 22),
    required(4, "DT", 8, 8),
    optional(5, "AN", 1, 30),
    optional(8, "AN", 1, 50),
    optional(9, "DT", 8, 8),
)
_PO1 = segment(
    "PO1",
    optional(1, "AN", 1, 20),
    optional(2, "R", 1, 15),
    optional(3, "ID", 2, 2),
    optional(4, "R", 1, 17),
    optional(5, "ID", 2, 2),
    *product_ids(6),
)
ACK = segment(
    "ACK",
    required(1, "ID", 2, 2),
    optional(2, "R", 1, 15),
    optional(3, "ID", 2, 2),
    optional(4, "ID", 3, 3),
    optional(5, "DT", 8, 8),
    *product_ids(7),
)

SPEC = LoopSpec(
    ST,
    (Use(BAK, required=True, most=1), CUR, REF, PER, DTM, CTT),
    (PARTY, NOTE, LoopSpec(_PO1, (CTP, PID, REF, DTM, SCH, ACK), (PARTY, NOTE, SUBLINE))),
)

#: BAK02 and what it means for the order; on hold (AH) is no answer yet.
_VERDICTS: Mapping[str, Verdict] = MappingProxyType(
    {
        "AC": "changed",
        "AD": "accepted",
        "AE": "changed",
        "AK": "accepted",
        "AP": "accepted",
        "AT": "accepted",
        "RD": "rejected",
        "RF": "rejected",
        "RJ": "rejected",
        "RO": "rejected",
    }
)
#: ACK01 and what it means for the line. IC (changes made) and BP (part now, the rest later) are looked into.
_STATUSES: Mapping[str, Status] = MappingProxyType(
    {
        "AC": "accepted",
        "AR": "accepted",
        "IA": "accepted",
        "IE": "accepted",
        "SP": "accepted",
        "IB": "backordered",
        "BP": "accepted",
        "DR": "date_changed",
        "IC": "quantity_changed",
        "IP": "price_changed",
        "IQ": "quantity_changed",
        "IS": "substituted",
        "ID": "rejected",
        "IR": "rejected",
        "R1": "rejected",
        "R2": "rejected",
        "R3": "rejected",
        "R4": "rejected",
    }
)
_WRITTEN: Mapping[Status, str] = MappingProxyType(
    {
        "accepted": "IA",
        "rejected": "IR",
        "backordered": "IB",
        "substituted": "IS",
        "price_changed": "IP",
        "date_changed": "DR",
        "quantity_changed": "IQ",
    }
)
#: ACK04 of days of shipping: requested, shipped, not before, not after, scheduled, picked up.
_SHIPS = frozenset({"010", "011", "037", "038", "068", "118"})
#: BAK01 of acknowledgements that take an earlier one back.
_CANCELLED = "01"

# -- reading


def read_acknowledgement(tree: Loop, agreement: Agreement, notes: Notes) -> OrderAcknowledgement:
    """The acknowledgement in an 855; raises Refusal for what an OrderAcknowledgement has no words for."""
    begin = tree.one("BAK")
    if begin[1] == _CANCELLED:
        raise Refusal(begin.fault("x12.unsupported", "an acknowledgement cannot be taken back", 1, ack="7"))
    if begin[2] not in _VERDICTS:
        raise Refusal(begin.fault("x12.code", "no answer: neither accepted, changed nor rejected", 2, ack="7"))
    currency = currency_of(tree, agreement)
    found = _read_lines(tree, currency, agreement, notes)
    ordered = [real(loop.head[2]) for loop in tree.inner("PO1") if loop.head[2]]
    check_totals(tree, len(tree.inner("PO1")), sum(ordered, Decimal(0)), notes)
    status = _VERDICTS[begin[2]]
    if status == "accepted" and any(line.status != "accepted" for line in found):
        text = f"{begin[2]} accepts the order as it is, but a line says otherwise"
        notes.warn(begin.fault("x12.contradiction", text, 2, ack="7", severity="warning"))
    return OrderAcknowledgement(
        number=begin[8] or referenced(tree, "VN") or notes.source,
        order=order_number(begin[3], begin[5]),
        supplier=seller(tree, agreement),
        at=moment_of(dated(tree.all("DTM"), "097"), (begin, 9 if begin[9] else 4, 0), agreement),
        status=status,
        lines=found,
    )


def _read_lines(tree: Loop, currency: str, agreement: Agreement, notes: Notes) -> tuple[AcknowledgedLine, ...]:
    found: list[AcknowledgedLine] = []
    for loop in tree.inner("PO1"):
        try:
            found += _statements(loop, currency, agreement, notes)
        except Refusal as refusal:
            notes.add(refusal.fault)
    return tuple(found)


def _statements(loop: Loop, currency: str, agreement: Agreement, notes: Notes) -> list[AcknowledgedLine]:
    """What the supplier says of one line; a PO1 without ACK stands accepted, in the deliveries of its SCHs if it has any."""
    head = loop.head
    number = lines.line_number(head, PO1, notes)
    ordered = Quantity(real(head[2]), lines.unit(head, 3)) if head[2] else None
    acks = loop.all("ACK")
    price = _price(loop, acks, ordered, currency)
    if not acks:
        return _unanswered(loop, number, ordered, price)
    said = [line for ack in acks for line in _statement(ack, number, ordered, price, agreement)]
    delivered = next((ack for ack in acks if ack[5] and ack[4] not in _SHIPS), None)
    if delivered:
        text = "the date is none of shipping, and stands for it"
        notes.warn(delivered.fault("x12.defaulted", text, 4, severity="info"))
    total = sum((line.quantity.value for line in said if ordered and line.quantity.unit == ordered.unit), Decimal(0))
    if ordered and len(acks) > 1 and total != ordered.value:
        text = f"{total} acknowledged of {ordered.value} ordered"
        notes.warn(head.fault("x12.quantity", text, 2, ack="7", severity="warning"))
    return said


def _price(loop: Loop, acks: list[Segment], ordered: Quantity | None, currency: str) -> Price | None:
    unit = ordered.unit if ordered else next((lines.unit(ack, 3) for ack in acks if ack[3]), None)
    return lines.price(loop, PO1, unit, currency) if unit else None


def _unanswered(loop: Loop, number: int, ordered: Quantity | None, price: Price | None) -> list[AcknowledgedLine]:
    schedules = loop.all("SCH")
    if schedules:
        return [
            AcknowledgedLine(
                number=number, status="accepted", quantity=lines.quantity(item, 1, 2), price=price, ships_on=day(item[6])
            )
            for item in schedules
        ]
    if ordered is None:
        raise Refusal(loop.head.fault("x12.missing", "a line without ACK needs its quantity", 2, ack="2"))
    return [AcknowledgedLine(number=number, status="accepted", quantity=ordered, price=price)]


def _statement(
    ack: Segment, number: int, ordered: Quantity | None, price: Price | None, agreement: Agreement
) -> list[AcknowledgedLine]:
    if ack[1] not in _STATUSES:
        raise Refusal(ack.fault("x12.code", "a line status that says neither yes nor no", 1, ack="7"))
    quantity = _quantity(ack, ordered)
    status = _changed(ordered, quantity, ack) if ack[1] == "IC" else _STATUSES[ack[1]]
    substitute = lines.item_of(lines.product_ids(ack, 7), agreement) if status == "substituted" else ""
    said = AcknowledgedLine(
        number=number, status=status, quantity=quantity, price=price, ships_on=_ships_on(ack), substitute=substitute
    )
    if ack[1] == "BP" and ordered and ordered.unit == quantity.unit and ordered.value > quantity.value:
        return [said, AcknowledgedLine(number=number, status="backordered", quantity=ordered - quantity, price=price)]
    return [said]


def _quantity(ack: Segment, ordered: Quantity | None) -> Quantity:
    """ACK02 in the unit of ACK03 or of the order; a statement without quantity speaks of all that was ordered."""
    if not ack[2]:
        if ordered is None:
            raise Refusal(ack.fault("x12.missing", "neither ACK02 nor PO102 says a quantity", 2, ack="2"))
        return ordered
    if ack[3] or ordered is None:
        return lines.quantity(ack, 2, 3)
    return Quantity(real(ack[2]), ordered.unit)


def _changed(ordered: Quantity | None, quantity: Quantity, ack: Segment) -> Status:
    """What "changes made" changed: the quantity if it differs, else the date if there is one, else the price."""
    if ordered is None or ordered != quantity:
        return "quantity_changed"
    return "date_changed" if ack[5] else "price_changed"


def _ships_on(ack: Segment) -> date | None:
    return day(ack[5]) if ack[5] else None


# -- writing


def write_acknowledgement(said: OrderAcknowledgement, agreement: Agreement) -> list[Row]:
    """The segments of an 855 between ST and SE; raises Unwritable."""
    today = day_text(said.at.date())
    currencies = sorted({line.price.currency for line in said.lines if line.price}) or [agreement.currency]
    if len(currencies) > 1:
        raise Unwritable("an 855 has one currency")
    groups = [list(group) for _, group in groupby(said.lines, key=lambda line: (line.number, line.price))]
    number = short(said.number, "the acknowledgement's number")
    return [
        row("BAK", "00", _verdict_code(said), said.order, today, "", "", "", number, today),
        row("CUR", "SE", currencies[0]),
        moment_row("097", said.at),
        party("SU", said.supplier),
        *(cells for group in groups for cells in _written_group(group)),
        row("CTT", str(len(groups))),
    ]


def _verdict_code(said: OrderAcknowledgement) -> str:
    if said.status == "changed":
        return "AC"
    if said.status == "rejected":
        return "RD" if said.lines else "RJ"
    return "AD" if said.lines else "AK"


def _written_group(group: list[AcknowledgedLine]) -> list[Row]:
    first = group[0]
    units = {line.quantity.unit for line in group}
    amount, unit = "", ""
    if len(units) == 1:
        amount, unit = lines.quantity_cells(sum((line.quantity for line in group[1:]), first.quantity))
    price, basis, detail = "", "", list[Row]()
    if first.price:
        (price, basis), detail = lines.price_cells(first.price, first.quantity.unit)
    acks = [_written_ack(line) for line in group]
    return [row("PO1", str(first.number), amount, unit, price, basis), *detail, *acks]


def _written_ack(line: AcknowledgedLine) -> Row:
    amount, unit = lines.quantity_cells(line.quantity)
    shipping = ("068", day_text(line.ships_on)) if line.ships_on else ("", "")
    if line.substitute and line.status != "substituted":
        raise Unwritable("a substitute on a line that is not substituted")
    substitute = ("VN", line.substitute) if line.substitute else ()
    return row("ACK", _WRITTEN[line.status], amount, unit, *shipping, "", *substitute)
