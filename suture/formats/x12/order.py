"""The purchase order, 850, read and written.

Where the fields go: BEG02 urgency (SA routine, RO rush; an emergency adds a note), REF RQ requisition, PER BD requester,
DTM 004 the moment of ordering, DTM 002 the day of need, N1 BT entity, BY facility, ST ship-to, SU supplier; the lines are
in ``order_lines``. An order that says no requisition stands for its own, one without N1 BT is the buyer's, one without
N1 BY the ship-to's.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import day, day_text
from suture.formats.x12.faults import Notes, Refusal, Segment
from suture.formats.x12.heading import (
    Row,
    check_totals,
    code_of,
    currency_of,
    dated,
    day_of,
    day_row,
    moment_of,
    moment_row,
    note,
    noted,
    order_number,
    parties,
    party,
    reference,
    referenced,
    row,
    seller,
)
from suture.formats.x12.lines import PO1
from suture.formats.x12.order_lines import LINE_850, read_lines, written_lines
from suture.formats.x12.segments import CTT, CUR, DTM, NOTE, PARTY, PER, REF, SAC, ST
from suture.formats.x12.spec import Loop, LoopSpec, Use, optional, required, segment
from suture.model import PurchaseOrder

BEG = segment(
    "BEG",
    required(1, "ID", 2, 2, "00 06 07"),
    required(2, "ID", 2, 2),
    required(3, "AN", 1, 22),
    optional(4, "AN", 1, 30),
    required(5, "DT", 8, 8),
    optional(6, "AN", 1, 30),
)

SPEC = LoopSpec(ST, (Use(BEG, required=True, most=1), CUR, REF, PER, SAC, DTM, CTT), (PARTY, NOTE, LINE_850))

#: BEG02 of orders that ask for nothing yet, or are none (blanket, standing, bidding, copies, stops, changes).
_NOT_TO_DELIVER = frozenset({"BD", "BE", "BK", "BQ", "CA", "CP", "CR", "IN", "ST", "SW", "TR"})
#: DTM and SCH qualifiers of a day of need: delivery requested, required by.
_NEED = ("002", "106")


def read_order(tree: Loop, agreement: Agreement, notes: Notes) -> PurchaseOrder:
    """The order in an 850; raises Refusal for what a PurchaseOrder has no words for."""
    begin = tree.one("BEG")
    if begin[2] in _NOT_TO_DELIVER:
        raise Refusal(begin.fault("x12.order_type", f"an order of type {begin[2]} asks for no delivery", 2, ack="7"))
    currency = currency_of(tree, agreement)
    lines = read_lines(tree, PO1, begin[6], currency, agreement, notes)
    check_totals(tree, len(tree.inner("PO1")), sum((line.quantity.value for line in lines), Decimal(0)), notes)
    ship_to = _ship_to(tree)
    roles = parties(tree)
    buyer = code_of(roles["BY"]) if "BY" in roles else ""
    number = order_number(begin[3], begin[4])
    return PurchaseOrder(
        id=number,
        requisition=referenced(tree, "RQ") or number,
        entity=(code_of(roles["BT"]) if "BT" in roles else "") or buyer or agreement.us,
        facility=buyer or ship_to,
        ship_to=ship_to,
        supplier=seller(tree, agreement),
        currency=currency,
        ordered_at=moment_of(dated(tree.all("DTM"), "004"), (begin, 5, 0), agreement),
        lines=lines,
        requester=next((contact[2] for contact in tree.all("PER") if contact[1] == "BD"), ""),
        needed_by=_needed_by(tree),
        urgency=_urgency(begin, tree),
    )


def write_order(order: PurchaseOrder, agreement: Agreement) -> list[Row]:
    """The segments of an 850 between ST and SE; raises Unwritable."""
    kind = "SA" if order.urgency == "routine" else "RO"
    return [
        row("BEG", "00", kind, order.id, "", day_text(order.ordered_at.date())),
        row("CUR", "BY", order.currency),
        reference("RQ", order.requisition),
        *([row("PER", "BD", order.requester)] if order.requester else []),
        moment_row("004", order.ordered_at),
        *day_row("002", order.needed_by),
        *(note("URGENCY", "EMERGENCY") if order.urgency == "emergency" else []),
        party("BT", order.entity),
        party("BY", order.facility),
        party("ST", order.ship_to),
        party("SU", order.supplier),
        *written_lines(order.lines, PO1, order.currency, agreement),
        row("CTT", str(len(order.lines))),
    ]


def _urgency(begin: Segment, tree: Loop) -> Literal["routine", "urgent", "emergency"]:
    if noted(tree, "URGENCY") == "EMERGENCY":
        return "emergency"
    return "urgent" if begin[2] == "RO" else "routine"


def _ship_to(tree: Loop) -> str:
    """Where all of it goes: the heading's ST, or the one that the lines agree on (dropship), else the buyer; raises Refusal."""
    places = [found["ST"] for loop in (tree, *tree.inner("PO1")) if "ST" in (found := parties(loop))]
    places = places or [head for role, head in parties(tree).items() if role == "BY"]
    if not places:
        raise Refusal(tree.one("BEG").fault("x12.missing", "neither N1 ST nor N1 BY says where the goods go", ack="2"))
    first = code_of(places[0])
    if not first:
        raise Refusal(places[0].fault("x12.missing", "the ship-to has neither code nor name", 4, ack="2"))
    for place in places[1:]:
        if code_of(place) != first:
            raise Refusal(place.fault("x12.unsupported", "one order goes to one place; send an order for each", 4, ack="7"))
    return first


def _needed_by(tree: Loop) -> date | None:
    """The heading's day of need, else the earliest of the lines'."""
    loops = tree.inner("PO1")
    days = [day_of(loop.all("DTM"), *_NEED) for loop in loops]
    days += [day(schedule[6]) for loop in loops for schedule in loop.all("SCH") if schedule[5] in _NEED]
    return day_of(tree.all("DTM"), *_NEED) or min((found for found in days if found), default=None)
