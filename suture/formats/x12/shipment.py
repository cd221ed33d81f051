"""The ship notice, 856, read and written: a tree of shipment, orders, tares and packs, and items.

Levels are tied by HL01 and HL02 alone, so any order of them is understood: S-O-I, S-O-T-P-I, S-O-P-T-I, S-P-O-I, S-O-I-P (the
standard pack). An item's order is the PRF above it, its parcel the nearest MAN above it (in a standard pack: below it). Where
the fields go: BSN02 the number, DTM 011 shipped, DTM 017 expected, TD5 the carrier, N1 SU the supplier; per item LIN01 the order
line, LIN the item and LT the lot, SN1 the quantity, REF SE the serials, DTM 036 expiry; MAN GM the SSCC behind its identifier 00.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import groupby

from msgspec import structs

from suture.formats.x12 import lines
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import clock_text, day_text, real, whole
from suture.formats.x12.faults import Notes, Refusal
from suture.formats.x12.heading import (
    SELLERS,
    Row,
    dated,
    day_of,
    day_row,
    moment_of,
    moment_row,
    order_number,
    own_code,
    parties,
    party,
    reference,
    referenced,
    row,
)
from suture.formats.x12.segments import CTT, CUR, DTM, NOTE, PARTY, PER, PID, REF, ST, product_ids
from suture.formats.x12.spec import Loop, LoopSpec, Use, optional, required, segment
from suture.model import ShipNotice, ShippedLine

BSN = segment(
    "BSN",
    required(1, "ID", 2, 2, "00 05 06 07 14"),
    required(2, "AN", 2, 30),
    required(3, "DT", 8, 8),
    required(4, "TM", 4, 8),
)
HL = segment("HL", required(1, "AN", 1, 12), optional(2, "AN", 1, 12), required(3, "ID", 1, 2), optional(4, "ID", 1, 1, "0 1"))
LIN = segment("LIN", optional(1, "AN", 1, 20), *product_ids(2))
SN1 = segment("SN1", optional(1, "AN", 1, 20), required(2, "R", 1, 15), required(3, "ID", 2, 2))
PRF = segment("PRF", required(1, "AN", 1, 22), optional(2, "AN", 1, 30))
TD5 = segment("TD5", optional(2, "ID", 1, 2), optional(3, "AN", 2, 80), optional(5, "AN", 1, 35))
MAN = segment("MAN", required(1, "ID", 1, 2), required(2, "AN", 1, 48))

_LEVEL = LoopSpec(HL, (Use(LIN, most=1), Use(SN1, most=1), PRF, TD5, MAN, REF, PER, DTM, PID, CUR), (PARTY,), required=True)
SPEC = LoopSpec(ST, (Use(BSN, required=True, most=1), DTM, CTT), (_LEVEL, NOTE))

#: How deep levels may nest; the standard's own structures have six.
DEEPEST = 20
_MARKS = ("GM", "AA", "CP", "ZZ")
_SCAC = re.compile("[A-Z]{2,4}")


@dataclass
class Level:
    """One HL with its place in the tree."""

    loop: Loop
    above: Level | None
    depth: int
    below: list[Level] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """HL03: S shipment, O order, T tare, P pack, I item."""
        return self.loop.head[3]

    @cached_property
    def order(self) -> str:
        """The order that this level itself names with PRF, or ""."""
        said = self.loop.first("PRF")
        return order_number(said[1], said[2]) if said else ""

    @cached_property
    def mark(self) -> str:
        """The mark on this level's own parcel, an SSCC without its identifier 00; "" if it has none."""
        marks = {said[1]: said[2] for said in reversed(self.loop.all("MAN"))}
        found = next((marks[kind] for kind in _MARKS if kind in marks), "")
        is_sscc = len(found) == 20 and found.startswith("00") and found.isdecimal()
        return found[2:] if is_sscc else found

    def upwards(self) -> list[Level]:
        """This level and those above it."""
        path, level = [self], self.above
        while level is not None:
            path.append(level)
            level = level.above
        return path


# -- reading


def read_notice(tree: Loop, agreement: Agreement, notes: Notes) -> ShipNotice:
    """The notice in an 856; raises Refusal for what a ShipNotice has no words for."""
    begin = tree.one("BSN")
    if begin[1] == "05":
        notes.warn(begin.fault("x12.correction", "this notice replaces an earlier one of its number", 1, severity="warning"))
    levels = _levels(tree)
    shipped = [line for level in levels if level.kind == "I" for line in _items(level, agreement, notes)]
    _check_totals(tree, levels, shipped, notes)
    heading = [tree, *(level.loop for level in levels if level.kind != "I")]
    dates = [found for loop in heading for found in loop.all("DTM")]
    return ShipNotice(
        number=begin[2],
        supplier=_supplier(heading, agreement),
        shipped_at=moment_of(dated(dates, "011"), (begin, 3, 4), agreement),
        lines=tuple(shipped),
        expected_on=day_of(dates, "017", "067", "002"),
        carrier=next((found[3] or found[5] for loop in heading for found in loop.all("TD5") if found[3] or found[5]), ""),
    )


def _levels(tree: Loop) -> list[Level]:
    """The HLs as a tree; raises Refusal for a parent that did not come before, a number used twice, or a bottomless tree."""
    by_number: dict[str, Level] = {}
    for loop in tree.inner("HL"):
        number, parent = loop.head[1], loop.head[2]
        above = by_number.get(parent)
        if parent and above is None:
            raise Refusal(loop.head.fault("x12.hl", "no level above has this number", 2, ack="7"))
        if number in by_number:
            raise Refusal(loop.head.fault("x12.hl", "the number of this level is taken", 1, ack="7"))
        depth = above.depth + 1 if above else 0
        if depth > DEEPEST:
            raise Refusal(loop.head.fault("x12.limit", f"more than {DEEPEST} levels deep", 2, ack="7"))
        by_number[number] = level = Level(loop, above, depth)
        if above:
            above.below.append(level)
    return list(by_number.values())


def _items(level: Level, agreement: Agreement, notes: Notes) -> list[ShippedLine]:
    try:
        return _item(level, agreement, notes)
    except Refusal as refusal:
        notes.add(refusal.fault)
        return []


def _item(level: Level, agreement: Agreement, notes: Notes) -> list[ShippedLine]:
    """The line of an item level; one for each pack below it, where packs below say their quantities (standard pack)."""
    loop = level.loop
    lin = loop.first("LIN")
    if lin is None:
        raise Refusal(loop.head.fault("x12.missing", "an item level needs its LIN", ack="3"))
    item, pairs = lines.required_item(lin, 2, agreement)
    packs = [pack for pack in level.below if pack.kind in ("P", "T")]
    counted = [pack for pack in packs if pack.loop.first("SN1")]
    said = loop.first("SN1") or (counted[0].loop.first("SN1") if counted else None)
    if said is None:
        raise Refusal(loop.head.fault("x12.missing", "an item level needs its SN1", ack="3"))
    expires = day_of([*loop.all("DTM"), *(date for pack in packs for date in pack.loop.all("DTM"))], "036")
    ids = lines.by_qualifier(pairs)
    line = ShippedLine(
        order=_order(level, ids.get("PO", "")),
        line=_line_number(level, ids.get("PL", ""), notes),
        item=item,
        quantity=lines.quantity(said, 2, 3),
        lot=ids.get("LT", "") or referenced(loop, "LT", "BT"),
        serials=_serials(loop, pairs),
        expires=expires,
        sscc=_mark(level, packs, notes),
    )
    if len(counted) > 1 or (counted and not loop.first("SN1")):
        return [_packed(line, pack) for pack in counted]
    return [line]


def _packed(line: ShippedLine, pack: Level) -> ShippedLine:
    said = pack.loop.one("SN1")
    return structs.replace(line, quantity=lines.quantity(said, 2, 3), sscc=pack.mark or line.sscc)


def _order(level: Level, paired: str) -> str:
    """The order above the item, or the one that the item itself names; raises Refusal if nobody names one."""
    above = next((above.order for above in level.upwards() if above.order), "")
    found = above or paired or referenced(level.loop, "PO")
    if not found:
        raise Refusal(level.loop.head.fault("x12.missing", "no PRF above says the order", ack="2"))
    return found


def _line_number(level: Level, paired: str, notes: Notes) -> int:
    """The order line: PL among the product ids, LIN01 or SN101; 0, with a warning, if none of them is a number."""
    said = level.loop.first("SN1")
    written = (paired, level.loop.one("LIN")[1], said[1] if said else "")
    numbers = [number for number in map(whole, written) if number is not None]
    if not numbers:
        text = "no order line is named; the item must tell"
        notes.warn(level.loop.one("LIN").fault("x12.line", text, 1, severity="warning"))
        return 0
    return numbers[0]


def _serials(loop: Loop, pairs: list[tuple[str, str]]) -> tuple[str, ...]:
    told = [said[2] or said[3] for said in loop.all("REF") if said[1] == "SE"]
    return tuple(dict.fromkeys([value for qualifier, value in pairs if qualifier == "SN"] + [value for value in told if value]))


def _mark(level: Level, packs: list[Level], notes: Notes) -> str:
    """The parcel's mark: the nearest above, or that of the only pack below."""
    for above in level.upwards():
        if above.mark:
            return _checked(above.mark, above, notes)
    below = [pack.mark for pack in packs if pack.mark]
    if len(below) > 1 and not any(pack.loop.first("SN1") for pack in packs):
        text = "several parcels, and none says how much of the item is in it"
        notes.warn(level.loop.head.fault("x12.packing", text, severity="warning"))
        return ""
    return _checked(below[0], level, notes) if below else ""


def _checked(mark: str, level: Level, notes: Notes) -> str:
    """A mark of eighteen digits is an SSCC and has a check digit (GS1 General Specifications, 7.9)."""
    if len(mark) == 18 and mark.isdecimal() and not _is_sscc(mark):
        said = level.loop.first("MAN") or level.loop.head
        notes.warn(said.fault("x12.sscc", "the check digit of the SSCC is wrong", 2, severity="warning"))
    return mark


def _is_sscc(mark: str) -> bool:
    return sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(mark)) % 10 == 0


def _check_totals(tree: Loop, levels: list[Level], shipped: list[ShippedLine], notes: Notes) -> None:
    """CTT01 counts the levels (some partners count the items); CTT02 sums the quantities."""
    said = tree.first("CTT")
    if said is None:
        return
    items = sum(level.kind == "I" for level in levels)
    if int(said[1]) not in (len(levels), items):
        notes.add(said.fault("x12.count", f"CTT01 says {int(said[1])}, {len(levels)} levels are there", 1, ack="7"))
    total = sum((line.quantity.value for line in shipped), Decimal(0))
    if said[2] and not notes.refused and real(said[2]) != total:
        text = "the hash total of the quantities does not agree"
        notes.warn(said.fault("x12.count", text, 2, ack="7", severity="warning"))


def _supplier(heading: list[Loop], agreement: Agreement) -> str:
    for role in SELLERS:
        for loop in heading:
            found = parties(loop).get(role)
            if found and (code := own_code(found)):
                return code
    return agreement.partner


# -- writing


def write_notice(notice: ShipNotice, agreement: Agreement) -> list[Row]:
    """The segments of an 856 between ST and SE: S-O-I, and S-O-P-I for what has an SSCC; raises Unwritable."""
    structure = "0001" if any(line.sscc for line in notice.lines) else "0004"
    shipped = notice.shipped_at
    rows = [row("BSN", "00", notice.number, day_text(shipped.date()), clock_text(shipped), structure)]
    rows += [row("HL", "1", "", "S", "1"), *_carrier(notice.carrier)]
    rows += [moment_row("011", shipped), *day_row("017", notice.expected_on), party("SU", notice.supplier)]
    levels = 1
    for order, ordered in groupby(notice.lines, key=lambda line: line.order):
        levels += 1
        rows += [row("HL", str(levels), "1", "O", "1"), row("PRF", order)]
        above = levels
        for sscc, packed in groupby(ordered, key=lambda line: line.sscc):
            parent = above
            if sscc:
                levels += 1
                parent = levels
                rows += [row("HL", str(levels), str(above), "P", "1"), _written_mark(sscc)]
            for line in packed:
                levels += 1
                rows += [row("HL", str(levels), str(parent), "I", "0"), *_written_item(line, agreement)]
    return [*rows, row("CTT", str(levels))]


def _carrier(carrier: str) -> list[Row]:
    """A carrier by its SCAC (TD502 2), or in words."""
    if not carrier:
        return []
    is_scac = _SCAC.fullmatch(carrier) is not None
    return [row("TD5", "", "2", carrier) if is_scac else row("TD5", "", "", "", "", carrier)]


def _written_mark(sscc: str) -> Row:
    is_sscc = len(sscc) == 18 and sscc.isascii() and sscc.isdecimal()
    return row("MAN", "GM", f"00{sscc}") if is_sscc else row("MAN", "CP", sscc)


def _written_item(line: ShippedLine, agreement: Agreement) -> list[Row]:
    number = str(line.line) if line.line else ""
    lot = ("LT", line.lot) if line.lot else ()
    return [
        row("LIN", number, agreement.item_qualifier, line.item, *lot),
        row("SN1", number, *lines.quantity_cells(line.quantity)),
        *(reference("SE", serial) for serial in line.serials),
        *day_row("036", line.expires),
    ]
