"""Promises about agreement: commitments, receipts and the order in which everyone hears of things."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from suture.sandbox.simulator.invariants.facts import ZERO, Check, Facts, Place, summed, undecided

#: Only what waits for a person on its way explains that two systems do not agree.
DELIVERING = ("delivery/",)


def commitments_agree(facts: Facts) -> Iterator[str]:
    """What an ERP has committed is the open value of the order: ordered, changed, less what was received."""
    received = summed((place, quantity) for _, place, quantity in facts.posted)
    for erp in facts.world.stage.erps.values():
        for one in erp.orders:
            order = one.reference
            due = sum(
                (
                    max(ZERO, quantity - received.get(place, ZERO)) * price
                    for place, (quantity, price) in facts.ordered.items()
                    if place[0] == order
                ),
                ZERO,
            )
            if abs(erp.commitment(order) - due) > Decimal("0.01") and not facts.differs(
                order, by=(*DELIVERING, *undecided(order))
            ):
                yield f"{erp.name} has {erp.commitment(order):.2f} committed for {order}, open are {due:.2f}"


def receipts_agree(facts: Facts) -> Iterator[str]:
    """The sum of receipts per order line is the same in the ERP, in AP and in our own books."""
    stage = facts.world.stage
    ours = summed((place, quantity) for _, place, quantity in facts.posted)
    erp = summed(entry for erp in stage.erps.values() for one in erp.receipts for entry in _counted(one.body, one.body["order"]))
    ap = summed(entry for body in stage.ap.receipts for entry in _counted(body, body["poNumber"]))
    for place in sorted(ours.keys() | erp.keys() | ap.keys()):
        there = [one.get(place, ZERO) for one in (ours, erp, ap)]
        if len(set(there)) > 1 and not facts.differs(place[0], by=DELIVERING):
            yield f"{place[0]} line {place[1]}: received {there[0]} by our books, {there[1]} in the ERP, {there[2]} in AP"


def _counted(body: dict[str, Any], order: str) -> Iterator[tuple[Place, Decimal]]:
    sign = -1 if body.get("reverses") else 1
    for line in body["lines"]:
        yield (order, line["line"]), sign * Decimal(line["quantity"]["qty"])


def order_is_kept(facts: Facts) -> Iterator[str]:
    """No change or receipt before its order, no older change after a newer one, no supplier before the commitment."""
    known: set[tuple[str, str]] = set()
    newest: dict[tuple[str, str], int] = {}
    committed: set[str] = set()
    for took in facts.world.lines.took:
        place = (took.instance, took.key)
        if took.kind == "order":
            known.add(place)
            if took.instance in facts.world.stage.erps:
                committed.add(took.key)
            elif took.key not in committed and not facts.differs(took.key, by=DELIVERING):
                yield f"{took.instance} got {took.key} before any ERP had committed it"
        elif place not in known and not facts.differs(took.key, by=DELIVERING):
            yield f"{took.instance} got a {took.kind} of {took.key} before the order"
        if took.version and took.version < newest.get(place, 0):
            yield f"{took.instance} got change {took.version} of {took.key} after change {newest[place]}"
        newest[place] = max(newest.get(place, 0), took.version)


def states_are_told_in_order(facts: Facts) -> Iterator[str]:
    """Whoever is told of the states of one thing hears them in the order in which they came about.

    The moments are those of our own clock, which somebody may have set back.
    """
    stage, slow = facts.world.stage, facts.world.watch.slowest
    for name, shelf in (
        ("procurement, requisition", stage.procurement.statuses),
        ("procurement, order", stage.procurement.orders),
        ("procurement, invoice", stage.procurement.invoices),
        ("AP, invoice", stage.ap.statuses),
    ):
        for id, told in shelf.items():
            for earlier, later in pairwise(told):
                if datetime.fromisoformat(later["at"]) + slow < datetime.fromisoformat(earlier["at"]):
                    yield f"{name} {id}: {later['state']} of {later['at']} came after {earlier['state']} of {earlier['at']}"


PROMISES: dict[str, Check] = {
    "commitments agree": commitments_agree,
    "receipts agree": receipts_agree,
    "order is kept": order_is_kept,
    "states are told in order": states_are_told_in_order,
}
