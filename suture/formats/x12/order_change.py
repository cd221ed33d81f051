"""The change of a purchase order, 860, read and written: what the order's lines are to become, in absolute quantities.

BCH05 is the version and decides which of two changes is the later; DTM 097 the moment; a note REASON the reason; BCH01 01
cancels the order. BCH06, the order's own date, is not known to a change and repeats the date of the change when written.
"""

from __future__ import annotations

from decimal import Decimal

from suture.formats.format import Unwritable
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import day_text, whole
from suture.formats.x12.faults import Notes, Segment
from suture.formats.x12.heading import (
    Row,
    check_totals,
    currency_of,
    dated,
    moment_of,
    moment_row,
    note,
    noted,
    order_number,
    party,
    row,
    seller,
)
from suture.formats.x12.lines import POC
from suture.formats.x12.order_lines import LINE_860, read_lines, written_lines
from suture.formats.x12.segments import CTT, CUR, DTM, NOTE, PARTY, PER, REF, SAC, ST
from suture.formats.x12.spec import Loop, LoopSpec, Use, optional, required, segment
from suture.model import OrderChange

BCH = segment(
    "BCH",
    required(1, "ID", 2, 2, "00 01 04 05"),
    required(2, "ID", 2, 2),
    required(3, "AN", 1, 22),
    optional(4, "AN", 1, 30),
    optional(5, "AN", 1, 8),
    required(6, "DT", 8, 8),
    optional(11, "DT", 8, 8),
)

SPEC = LoopSpec(ST, (Use(BCH, required=True, most=1), CUR, REF, PER, SAC, DTM, CTT), (PARTY, NOTE, LINE_860))


def read_change(tree: Loop, agreement: Agreement, notes: Notes) -> OrderChange:
    """The change in an 860; raises Refusal for what an OrderChange has no words for."""
    begin = tree.one("BCH")
    lines = read_lines(tree, POC, "", currency_of(tree, agreement), agreement, notes)
    check_totals(tree, len(tree.inner("POC")), sum((line.quantity.value for line in lines), Decimal(0)), notes)
    return OrderChange(
        order=order_number(begin[3], begin[4]),
        version=_version(begin, notes),
        supplier=seller(tree, agreement),
        at=moment_of(dated(tree.all("DTM"), "097"), (begin, 11 if begin[11] else 6, 0), agreement),
        kind="cancel" if begin[1] == "01" else "change",
        lines=lines,
        reason=noted(tree, "REASON"),
    )


def write_change(change: OrderChange, agreement: Agreement) -> list[Row]:
    """The segments of an 860 between ST and SE; raises Unwritable."""
    today = day_text(change.at.date())
    currencies = sorted({line.price.currency for line in change.lines}) or [agreement.currency]
    if len(currencies) > 1:
        raise Unwritable("an 860 has one currency")
    purpose = "01" if change.kind == "cancel" else "04"
    return [
        row("BCH", purpose, "SA", change.order, "", str(change.version), today, "", "", "", "", today),
        row("CUR", "BY", currencies[0]),
        moment_row("097", change.at),
        *note("REASON", change.reason),
        party("SU", change.supplier),
        *written_lines(change.lines, POC, currencies[0], agreement),
        row("CTT", str(len(change.lines))),
    ]


def _version(begin: Segment, notes: Notes) -> int:
    """BCH05; without it the interchange's control number, which grows from change to change as well."""
    version = whole(begin[5])
    if version is None:
        text = "no change sequence number; the interchange's control number stands for it"
        notes.warn(begin.fault("x12.defaulted", text, 5, severity="warning"))
        return whole(notes.control) or 0
    return version
