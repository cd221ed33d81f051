"""The lines of orders and of order changes: PO1 of an 850 and POC of an 860, read and written alike.

IN (or the agreed qualifier) is the item, VN the supplier's item, REF DP the cost centre, REF CT the contract, PID the
description. POC03 is the new total and never a difference; POC04, what is left to receive, is not it. A line that POC02
deletes has quantity zero.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from msgspec import Struct

from suture.formats.format import Unwritable
from suture.formats.x12 import lines
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import real
from suture.formats.x12.faults import Notes, Refusal
from suture.formats.x12.heading import Row, reference, referenced, row
from suture.formats.x12.lines import PO1, POC, Place
from suture.formats.x12.segments import CTP, DTM, NOTE, PARTY, PID, REF, SAC, SCH, SUBLINE, bare, product_ids
from suture.formats.x12.spec import Loop, LoopSpec, optional, required, segment
from suture.model import OrderLine, Price, Quantity

_PARTS = (CTP, PID, REF, SAC, DTM, SCH, *bare("SDQ"))
_LOOPS = (PARTY, NOTE, SUBLINE)

LINE_850 = LoopSpec(
    segment(
        "PO1",
        optional(1, "AN", 1, 20),
        required(2, "R", 1, 15),
        required(3, "ID", 2, 2),
        optional(4, "R", 1, 17),
        optional(5, "ID", 2, 2),
        *product_ids(6),
    ),
    _PARTS,
    _LOOPS,
    required=True,
)

LINE_860 = LoopSpec(
    segment(
        "POC",
        optional(1, "AN", 1, 20),
        required(2, "ID", 2, 2),
        optional(3, "R", 1, 15),
        optional(4, "R", 1, 15),
        optional(5, "AN", 2, 48),
        optional(6, "R", 1, 17),
        optional(7, "ID", 2, 2),
        *product_ids(8),
    ),
    _PARTS,
    _LOOPS,
)

#: POC02 of lines that are to become what POC03 and POC06 say; the one that deletes; the one that changes nothing.
_CHANGES = frozenset({"AI", "CA", "CT", "PC", "PQ", "QD", "QI", "RZ"})
_DELETED, _UNCHANGED = "DI", "NC"
#: The cost centre of lines for which nobody names one.
UNASSIGNED = "UNASSIGNED"


class Terms(Struct, frozen=True):
    """What a heading says for all of its lines."""

    currency: str
    cost_center: str
    contract: str
    agreement: Agreement


def read_lines(
    tree: Loop, place: Place, contract: str, currency: str, agreement: Agreement, notes: Notes
) -> tuple[OrderLine, ...]:
    """The lines of an 850 (``place`` PO1) or an 860 (POC); each bad line is noted, and the good ones are still read."""
    cost_center = referenced(tree, "DP") or agreement.cost_center
    terms = Terms(currency, cost_center, referenced(tree, "CT") or contract, agreement)
    loops = tree.inner("PO1" if place is PO1 else "POC")
    found: list[OrderLine] = []
    for loop in loops:
        if place is POC and loop.head[2] == _UNCHANGED:
            continue
        try:
            found.append(_line(loop, place, terms, notes))
        except Refusal as refusal:
            notes.add(refusal.fault)
    for number, count in Counter(line.number for line in found).items():
        if count > 1:
            notes.add(loops[0].head.fault("x12.line", f"line number {number} stands {count} times", 1, ack="7"))
    _warn_of_allowances([tree, *loops], notes)
    _warn_of_defaults(loops, found, notes)
    return tuple(found)


def written_lines(order_lines: tuple[OrderLine, ...], place: Place, currency: str, agreement: Agreement) -> list[Row]:
    """The segments of all lines, as PO1 or as POC; raises Unwritable for a line in another currency."""
    return [cells for line in order_lines for cells in _written_line(line, place, currency, agreement)]


def _line(loop: Loop, place: Place, terms: Terms, notes: Notes) -> OrderLine:
    head = loop.head
    item, pairs = lines.required_item(head, place.ids, terms.agreement)
    ordered, price = _ordered(loop, place, terms.currency)
    _check_schedule(loop, ordered)
    return OrderLine(
        number=lines.line_number(head, place, notes),
        item=item,
        quantity=ordered,
        price=price,
        cost_center=referenced(loop, "DP") or terms.cost_center or UNASSIGNED,
        description=lines.description(loop),
        contract=referenced(loop, "CT") or terms.contract,
        supplier_item=lines.vendor_item_of(pairs, terms.agreement),
    )


def _ordered(loop: Loop, place: Place, currency: str) -> tuple[Quantity, Price]:
    """Quantity and price of a line."""
    head = loop.head
    if place is POC:
        if head[2] == _DELETED:
            return _deleted(loop, currency)
        if head[2] not in _CHANGES:
            raise Refusal(head.fault("x12.code", "a kind of change that we do not know", 2, ack="7"))
        if not head[3] and head[4]:
            raise Refusal(head.fault("x12.missing", "the new total is due; what is left to receive is not it", 3, ack="2"))
    ordered = lines.quantity(head, place.quantity, place.unit)
    if ordered.value < 0:
        raise Refusal(head.fault("x12.value", "nobody orders less than nothing", place.quantity, ack="7"))
    return ordered, lines.required_price(loop, place, ordered.unit, currency)


def _deleted(loop: Loop, currency: str) -> tuple[Quantity, Price]:
    """Nothing, at the price said; a deletion needs to say neither unit nor price."""
    unit = lines.unit(loop.head, POC.unit) if loop.head[POC.unit] else "EA"
    price = lines.price(loop, POC, unit, currency) or Price(Decimal(0), currency, Quantity(Decimal(1), unit))
    return Quantity(Decimal(0), unit), price


def _check_schedule(loop: Loop, ordered: Quantity) -> None:
    """A line is one delivery to one place; SDQ and split schedules are refused rather than flattened."""
    stores = loop.first("SDQ")
    if stores:
        raise Refusal(stores.fault("x12.unsupported", "a line for several stores; send an order for each", ack="2"))
    schedules = loop.all("SCH")
    if len(schedules) > 1 or (schedules and real(schedules[0][1]) != ordered.value):
        raise Refusal(schedules[-1].fault("x12.unsupported", "a line in several deliveries; send a line for each", 1, ack="7"))


def _warn_of_defaults(loops: list[Loop], found: list[OrderLine], notes: Notes) -> None:
    missing = sum(line.cost_center == UNASSIGNED for line in found)
    if missing:
        text = f"no REF DP names a cost centre for {missing} lines"
        notes.warn(loops[0].head.fault("x12.defaulted", text, severity="warning"))


def _warn_of_allowances(loops: list[Loop], notes: Notes) -> None:
    charged = next((found for loop in loops if (found := loop.first("SAC"))), None)
    if charged:
        text = "allowances and charges of an order are not carried on"
        notes.warn(charged.fault("x12.unsupported", text, severity="warning"))


def _written_line(line: OrderLine, place: Place, currency: str, agreement: Agreement) -> list[Row]:
    if line.price.currency != currency:
        raise Unwritable("a line in another currency than its order")
    amount, unit = lines.quantity_cells(line.quantity)
    (price, basis), detail = lines.price_cells(line.price, line.quantity.unit)
    ids = [agreement.item_qualifier, line.item]
    if line.supplier_item:
        ids += [lines.vendor_qualifier(agreement), line.supplier_item]
    number = str(line.number)
    if place is POC:
        verb = "CA" if line.quantity.value else _DELETED
        head = row("POC", number, verb, amount, "", unit, price, basis, *ids)
    else:
        head = row("PO1", number, amount, unit, price, basis, *ids)
    contract = [reference("CT", line.contract)] if line.contract else []
    return [head, *detail, *lines.description_rows(line.description), reference("DP", line.cost_center), *contract]
