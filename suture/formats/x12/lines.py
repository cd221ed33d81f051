"""What lines of all sets have in common: product ids, quantities, prices, descriptions; read and written alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from suture.formats.format import Unwritable
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import real, real_text, whole
from suture.formats.x12.faults import Notes, Refusal, Segment
from suture.formats.x12.heading import Row, row, wrapped
from suture.formats.x12.segments import MOST_PAIRS
from suture.formats.x12.spec import Loop
from suture.formats.x12.units_codes import (
    MEASURES,
    PER_MEASURE,
    PER_PIECES,
    PER_UNIT,
    WRITTEN_BASES,
    canonical,
    x12_code,
)
from suture.model import Price, Quantity, Unit

#: Product id qualifiers (data element 235) by whose number it is, each the plainest first.
BUYERS = ("IN", "BP", "PI", "CB")
VENDORS = ("VN", "VC", "VP")
GTINS = ("UK", "UI", "UP", "EN", "UA")
OTHERS = ("N4", "ND", "MG", "SK")


class Place(NamedTuple):
    """Where a segment has its line number, quantity, unit, price, price basis and first product id."""

    number: int
    quantity: int
    unit: int
    price: int
    basis: int
    ids: int


PO1 = IT1 = Place(1, 2, 3, 4, 5, 6)
POC = Place(1, 3, 5, 6, 7, 8)

# -- product ids


def product_ids(segment: Segment, first: int) -> list[tuple[str, str]]:
    """Qualifier and id of all pairs from element ``first`` on, in the order sent; raises Refusal for half a pair."""
    pairs = []
    for number in range(first, min(len(segment.elements), first + 2 * MOST_PAIRS), 2):
        qualifier, value = segment[number], segment[number + 1]
        if bool(qualifier) != bool(value):
            missing = number + 1 if qualifier else number
            raise Refusal(segment.fault("x12.missing", "a qualifier and its product id come together", missing, ack="2"))
        if qualifier:
            pairs.append((qualifier, value))
    return pairs


def item_of(pairs: Sequence[tuple[str, str]], agreement: Agreement) -> str:
    """The id under which the line's item is looked up: the buyer's, else the vendor's, else a GTIN; "" if there is none.

    It is the partner's code as written: leading zeros stay, and a GTIN is not padded, for its length says the pack level.
    """
    ids = by_qualifier(pairs)
    order = (agreement.item_qualifier, *BUYERS, *VENDORS, *GTINS, *OTHERS)
    return next((ids[qualifier] for qualifier in order if qualifier in ids), "")


def vendor_item_of(pairs: Sequence[tuple[str, str]], agreement: Agreement) -> str:
    """The vendor's own item number where the line says it beside the item; "" if it does not."""
    ids = by_qualifier(pairs)
    return next((ids[qualifier] for qualifier in VENDORS if qualifier in ids and qualifier != agreement.item_qualifier), "")


def by_qualifier(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The first id of each qualifier."""
    return dict(reversed(pairs))


def required_item(segment: Segment, first: int, agreement: Agreement) -> tuple[str, list[tuple[str, str]]]:
    """The item's id and all pairs; raises Refusal if no pair names an item."""
    pairs = product_ids(segment, first)
    item = item_of(pairs, agreement)
    if not item:
        raise Refusal(segment.fault("x12.missing", "no product id that names an item", first + 1, ack="2"))
    return item, pairs


def vendor_qualifier(agreement: Agreement) -> str:
    """The qualifier under which we write a vendor's number beside an item."""
    return "VC" if agreement.item_qualifier == "VN" else "VN"


def line_number(segment: Segment, place: Place, notes: Notes) -> int:
    """The number of a line, else (with a warning) its place among the lines."""
    number = whole(segment[place.number])
    if number is None:
        text = f"no line number of up to nine digits; the line counts as {segment.ordinal}"
        notes.warn(segment.fault("x12.line", text, place.number, severity="warning"))
        return segment.ordinal
    return number


# -- quantities


def unit(segment: Segment, element: int) -> Unit:
    """Our unit for the X12 code in an element; raises Refusal for one that the map does not have."""
    found = canonical(segment[element])
    if found is None:
        raise Refusal(segment.fault("x12.unit", "a unit that we have no map for", element, ack="7"))
    return found


def quantity(segment: Segment, value: int, code: int) -> Quantity:
    """A quantity and its unit; raises Refusal if either is missing or unknown."""
    if not segment[value]:
        raise Refusal(segment.fault("x12.missing", "a quantity is due", value, ack="1"))
    return Quantity(real(segment[value]), unit(segment, code))


def quantity_cells(amount: Quantity) -> tuple[str, str]:
    """A quantity as R and unit code; raises Unwritable for a unit without an X12 code."""
    return real_text(amount.value), unit_cell(amount.unit)


def unit_cell(code: Unit) -> str:
    """The X12 code of a unit; raises Unwritable if the map has none."""
    found = x12_code(code)
    if found is None:
        raise Unwritable(f"X12 has no code for the unit {code}")
    return found


# -- prices


def basis(code: str, line: Unit) -> Quantity | None:
    """What a price is for: data element 639 on a line counted in ``line``; None for a code that we do not know.

    "Each" and its multiples count pieces; on a line of metres or hours they count metres or hours.
    """
    if code in PER_UNIT:
        return Quantity(Decimal(1), line)
    if code in PER_PIECES:
        return Quantity(Decimal(PER_PIECES[code]), line if line in MEASURES else "EA")
    if code in PER_MEASURE:
        return Quantity(Decimal(1), PER_MEASURE[code])
    return None


def price(loop: Loop, place: Place, line: Unit, currency: str) -> Price | None:
    """The line's price: in its own segment with a basis, else in CTP with quantity and unit; None if neither says one."""
    head = loop.head
    if head[place.price]:
        per = basis(head[place.basis], line)
        if per is None:
            raise Refusal(head.fault("x12.price_basis", "a price basis that we do not know", place.basis, ack="7"))
        return Price(real(head[place.price]), currency, per)
    said = next((segment for segment in loop.all("CTP") if segment[3]), None)
    return _detailed(said, line, currency) if said else None


def _detailed(said: Segment, line: Unit, currency: str) -> Price:
    per = Quantity(real(said[4]) if said[4] else Decimal(1), unit(said, 5) if said[5] else line)
    if per.value <= 0:
        raise Refusal(said.fault("x12.price_basis", "a price is for more than nothing", 4, ack="7"))
    return Price(real(said[3]), currency, per)


def required_price(loop: Loop, place: Place, line: Unit, currency: str) -> Price:
    """The line's price; raises Refusal if there is none."""
    found = price(loop, place, line, currency)
    if found is None:
        raise Refusal(loop.head.fault("x12.missing", "a price is due", place.price, ack="1"))
    return found


def price_cells(said: Price, line: Unit) -> tuple[tuple[str, str], list[Row]]:
    """A price for the line's segment (price, basis), and the CTP that says a basis which data element 639 has no code for."""
    amount = real_text(said.amount)
    for code in WRITTEN_BASES:
        if basis(code, line) == said.per:
            return (amount, code), []
    return ("", ""), [row("CTP", "", "UCP", amount, *quantity_cells(said.per))]


# -- descriptions


def description(loop: Loop) -> str:
    """The free-form descriptions of a line, in one."""
    return " ".join(segment[5] for segment in loop.all("PID") if segment[5])


def description_rows(text: str) -> list[Row]:
    """A description as PID F, as many as it takes."""
    return [row("PID", "F", "", "", "", chunk) for chunk in wrapped(text, 80)]
