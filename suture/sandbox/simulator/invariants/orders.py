"""Promises about orders: wanted, approved, ordered in full, and the same for everyone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from suture.model import (
    Approval,
    ApprovalRequest,
    Decided,
    Delivered,
    GoodsReceipt,
    OrderAcknowledgement,
    OrderChange,
    PurchaseOrder,
    Requisition,
    RequisitionCancellation,
    ShipNotice,
)
from suture.sandbox.group import FACILITIES
from suture.sandbox.simulator.invariants.facts import ZERO, Check, Facts, summed, undecided
from suture.sandbox.stage import ERP_OF

#: Up to here nobody is asked, under the group's policy.
AUTOMATIC = Decimal(500)
#: An order is answered within this, or somebody asks why not; the group's policies leave it at two days.
ANSWER = timedelta(hours=50)
#: Exceptions that explain why an order is not where it should be.
BUYING = ("delivery/", "requisition_to_order/", "intake/")


# -- requisitions


def requisitions_are_answered(facts: Facts) -> Iterator[str]:
    """Every requisition ends: ordered in full, or not at all for a reason that there is."""
    suite = facts.world.stage.procurement
    for id, requisition in suite.requisitions.items():
        told = suite.statuses.get(id, [])
        last = told[-1]["state"] if told else ""
        if facts.differs(id, by=BUYING):
            continue
        if last not in ("ordered", "returned", "rejected", "cancelled"):
            yield f"requisition {id} was filed, and the last that was heard of it is {last or 'nothing'}"
        elif last == "ordered":
            yield from _ordered_in_full(facts, requisition)
        elif last == "returned" and not _odd(facts, requisition) and not _refused(facts, id):
            yield f"requisition {id} was returned, though everything in it can be ordered: {told[-1]['reasons']}"
        elif last == "rejected" and not any(approval.decision == "reject" for _, approval in _answers(facts, id)):
            yield f"requisition {id} was rejected, and nobody rejected it"
        elif last == "cancelled" and not facts.said("cancel", id):
            yield f"requisition {id} was cancelled, and nobody cancelled it"


def _refused(facts: Facts, requisition: str) -> bool:
    return any(order.requisition == requisition and id in facts.cancelled for id, (_, order) in facts.orders.items())


def _odd(facts: Facts, requisition: Requisition) -> bool:
    """Whether it asks for what the group does not buy, or at the cost of somebody else."""
    for line in requisition.lines:
        item = facts.ours("procurement", "item", line.item)
        facility = line.cost_center.split("-")[1]
        if item[-2:] >= "10" or FACILITIES.get(facility) != requisition.entity:
            return True
    return False


def _ordered_in_full(facts: Facts, requisition: Requisition) -> Iterator[str]:
    wanted = {line.number: (facts.ours("procurement", "item", line.item), line.quantity) for line in requisition.lines}
    orders = [order for _, order in facts.orders.values() if order.requisition == requisition.id]
    if any(facts.differs(order.id, by=BUYING) for order in orders):
        return
    placed = {line.number: (line.item, line.quantity) for order in orders for line in order.lines}
    if placed != wanted:
        yield f"requisition {requisition.id} wants {[*map(str, wanted.values())]}, ordered were {[*map(str, placed.values())]}"


def _answers(facts: Facts, requisition: str) -> Iterator[tuple[int, Approval]]:
    for row in facts.rows:
        if isinstance(row.event.data, Approval) and row.event.kind == "accepted" and row.event.data.subject.id == requisition:
            yield row.position, row.event.data


def orders_are_approved(facts: Facts) -> Iterator[str]:
    """Beyond the limit up to which nobody is asked, somebody with the authority said yes, and nobody no, before the order."""
    totals: dict[str, Decimal] = {}
    for _, order in facts.orders.values():
        totals[order.requisition] = totals.get(order.requisition, ZERO) + order.total().amount
    for id, (position, order) in facts.orders.items():
        total = totals[order.requisition]
        if total <= AUTOMATIC:
            continue
        able = False
        for at, approval in _answers(facts, order.requisition):
            person = facts.people.get(approval.approver)
            if at < position and approval.decision == "approve" and person and person.limit and "treasury" not in person.roles:
                able = able or person.limit.amount >= total
            if at < position and approval.decision == "reject" and not able:
                yield f"{id} was placed after {approval.approver} had rejected {order.requisition}"
        if not able:
            yield f"{id} was placed, and nobody with the authority over {total} had approved {order.requisition}"


def questions_are_put(facts: Facts) -> Iterator[str]:
    """Every question that is asked lies on somebody's desk."""
    stage = facts.world.stage
    for row in facts.rows:
        if isinstance(row.event.data, ApprovalRequest):
            id = row.event.data.id
            if id not in stage.procurement.desk.tasks and id not in stage.ap.desk.tasks and id not in facts.cancelled:
                yield f"question {id} was asked, and nobody was given it"


def decisions_say_what_they_saw(facts: Facts) -> Iterator[str]:
    """Whoever asks why a requisition was ordered, or was not, finds the masters that were looked at, each as of its version."""
    filed = {row.event.once: row.event.data for row in facts.rows if isinstance(row.event.data, Requisition)}
    for row in facts.rows:
        data = row.event.data
        if isinstance(data, Decided) and data.process == "requisition_to_order" and data.event in filed:
            named = {saw.partition("#")[0] for saw in row.event.seen}
            wanted = {f"Item:{line.item}" for line in filed[data.event].lines} | {"Policy:approval_limits"}
            if wanted - named:
                yield f"the decision on requisition {data.key} does not say that it looked at {', '.join(sorted(wanted - named))}"


def everyone_hears_their_codes(facts: Facts) -> Iterator[str]:
    """An ERP refuses an order for its vendor only if it was given one of its own codes."""
    for row in facts.rows:
        match row.event.data:
            case Delivered(outcome="refused", instance=erp, reason=reason) if " vendor " in reason and erp in ERP_OF.values():
                vendor = reason.partition(" vendor ")[2].split()[0]
                if (erp, "supplier", vendor) not in facts.codes:
                    yield f"{erp} was told of vendor {vendor}, which is no code of its own"


def prices_are_agreed(facts: Facts) -> Iterator[str]:
    """What is ordered is ordered at the price of the contract."""
    prices = facts.world.base.group.price_of
    for id, (_, order) in facts.orders.items():
        for line in order.lines:
            agreed = prices[line.item]
            if (
                line.price.amount * agreed.per.value != agreed.amount * line.price.per.value
                or line.price.per.unit != agreed.per.unit
            ):
                yield f"{id} orders {line.item} at {line.price}, agreed is {agreed}"


def orders_change_on_a_word(facts: Facts) -> Iterator[str]:
    """An order becomes another one only because a person, or whoever needed it, said so."""
    kinds = {row.event.once: type(row.event.data).__name__ for row in facts.rows}
    for row in facts.rows:
        if isinstance(row.event.data, OrderChange) and row.event.kind == "emitted":
            cause = kinds.get(row.event.cause, "")
            if cause not in ("Decision", "RequisitionCancellation", "Delivered"):
                yield f"{row.event.data.order} was changed because of {cause or 'nothing'}"


def silence_is_told(facts: Facts) -> Iterator[str]:
    """Who does not answer an order for days is put before a buyer."""
    answered: dict[str, datetime] = {}
    for row in facts.rows:
        match row.event.data:
            case OrderAcknowledgement(order=order) | OrderChange(order=order, kind="cancel"):
                answered.setdefault(order, row.event.at)  # what is called off needs no answer
            case ShipNotice() as notice:
                for order in notice.orders():
                    answered.setdefault(order, row.event.at)
            case GoodsReceipt(order=order):
                answered.setdefault(order, row.event.at)  # goods say more than words
    ordered = {row.event.data.id: row.event.at for row in facts.rows if isinstance(row.event.data, PurchaseOrder)}
    for order, at in ordered.items():
        silent = answered.get(order, facts.world.clock.now()) - at > ANSWER
        if silent and f"order_to_receipt/{order}/acknowledgement_overdue" not in facts.cases and order not in facts.cancelled:
            yield f"{order} of {at} was not answered before {answered.get(order, 'the end')}, and nobody was told"


def what_is_called_back_is_cancelled(facts: Facts) -> Iterator[str]:
    """Who needs a requisition no more says so, and what was ordered for it is cancelled."""
    gone = {row.event.data.requisition for row in facts.rows if isinstance(row.event.data, RequisitionCancellation)}
    cancelled = {
        row.event.data.order for row in facts.rows if isinstance(row.event.data, OrderChange) and row.event.data.kind == "cancel"
    }
    for id, (_, order) in facts.orders.items():
        if order.requisition in gone and id not in cancelled:
            yield f"requisition {order.requisition} was called back, and {id} was not cancelled"


# -- everyone has the same order


def orders_reach_everyone(facts: Facts) -> Iterator[str]:
    """Told, committed, at its supplier and in AP: whoever has an order, all have it."""
    stage = facts.world.stage
    told = {
        order
        for statuses in stage.procurement.statuses.values()
        for status in statuses
        if status["state"] == "ordered"
        for order in status["orders"]
    }
    booked = {one.reference for erp in stage.erps.values() for one in erp.orders}
    at_suppliers = {order.id for supplier in stage.suppliers.values() for order in supplier.orders}
    at_ap = {body["poNumber"] for body in stage.ap.orders}
    cancelled = {one.body["order"] for erp in stage.erps.values() for one in erp.changes if one.body["kind"] == "cancel"}
    for where, wanted, there in (
        ("an ERP", told, booked),
        ("its supplier", booked, at_suppliers),
        ("AP", booked, at_ap),
        ("an ERP, though its supplier has it", at_suppliers, booked),
    ):
        for order in sorted(wanted - there - cancelled):
            if not facts.differs(order, by=BUYING):
                yield f"order {order} never reached {where}"


def orders_are_the_same(facts: Facts) -> Iterator[str]:
    """Each ERP and supplier holds what is theirs, in their own codes, and as it was ordered."""
    stage = facts.world.stage
    for name, erp in stage.erps.items():
        for one in erp.orders:
            order = facts.orders[one.reference][1] if one.reference in facts.orders else None
            if order is not None:
                yield from _as_ordered_erp(facts, name, one.body, order)
    for supplier, twin in stage.suppliers.items():
        for held in twin.orders:
            known = facts.orders.get(held.id)
            if known is not None:
                yield from _as_ordered(facts, supplier, twin.name, held, known[1])


def _as_ordered_erp(facts: Facts, erp: str, body: dict[str, Any], order: PurchaseOrder) -> Iterator[str]:
    if ERP_OF[order.entity] != erp or body["companyCode"] != order.entity:
        yield f"{order.id} of {order.entity} is in {erp}"
    if not facts.means(erp, "supplier", body["vendor"], order.supplier):
        yield f"{erp} has {order.id} with vendor {body['vendor']}, ordered from {order.supplier}"
    for held, line in zip(body["lines"], order.lines, strict=False):
        same = facts.means(erp, "item", held["material"], line.item)
        same = same and facts.means(erp, "cost_center", held["costCenter"], line.cost_center)
        if not same or Decimal(held["quantity"]["qty"]) != line.quantity.value:
            yield f"{erp} has {held} in {order.id}, ordered was {line.quantity} of {line.item} for {line.cost_center}"
    if len(body["lines"]) != len(order.lines):
        yield f"{erp} has {len(body['lines'])} lines in {order.id}, ordered were {len(order.lines)}"


def _as_ordered(facts: Facts, supplier: str, instance: str, held: PurchaseOrder, order: PurchaseOrder) -> Iterator[str]:
    if order.supplier != supplier or held.ship_to != order.ship_to:
        yield f"{instance} has {held.id} for {held.ship_to}, ordered from {order.supplier} for {order.ship_to}"
    if len(held.lines) != len(order.lines):
        yield f"{instance} has {len(held.lines)} lines in {order.id}, ordered were {len(order.lines)}"
    for there, line in zip(held.lines, order.lines, strict=False):
        same = facts.means(instance, "item", there.item, line.item) and there.quantity == line.quantity
        if not same or there.price.amount * line.price.per.value != line.price.amount * there.price.per.value:
            yield f"{instance} has {there.quantity} of {there.item} in {order.id}, ordered was {line.quantity} of {line.item}"


def changes_reach_suppliers(facts: Facts) -> Iterator[str]:
    """What a supplier is to deliver is what is ordered, after every change."""
    for twin in facts.world.stage.suppliers.values():
        lines = {(order.id, line.number): line.quantity.value for order in twin.orders for line in order.lines}
        for change in twin.changes:
            if change.kind == "cancel":
                lines |= {place: ZERO for place in lines if place[0] == change.order}
            lines |= {(change.order, line.number): line.quantity.value for line in change.lines}
        for place, quantity in sorted(lines.items()):
            ordered = facts.ordered.get(place, (ZERO, ZERO))[0]
            if quantity != ordered and not facts.differs(place[0], by=(*BUYING, *undecided(place[0]))):
                yield f"{twin.name} is to deliver {quantity} on {place[0]} line {place[1]}, ordered are {ordered}"


def open_orders_are_watched(facts: Facts) -> Iterator[str]:
    """What a supplier owes for weeks is an open exception."""
    received = summed((place, quantity) for _, place, quantity in facts.posted)
    for twin in facts.world.stage.suppliers.values():
        for id in dict.fromkeys(order.id for order in twin.orders):
            left = sum(
                max(ZERO, quantity - received.get(place, ZERO))
                for place, (quantity, _) in facts.ordered.items()
                if place[0] == id
            )
            if left and not facts.differs(id, by=("delivery/", "order_to_receipt/")):
                yield f"{left} of {id} never came, and nobody is told"


PROMISES: dict[str, Check] = {
    "requisitions are answered": requisitions_are_answered,
    "questions are put": questions_are_put,
    "orders are approved": orders_are_approved,
    "decisions say what they saw": decisions_say_what_they_saw,
    "everyone hears their own codes": everyone_hears_their_codes,
    "prices are agreed": prices_are_agreed,
    "silence is told": silence_is_told,
    "what is called back is cancelled": what_is_called_back_is_cancelled,
    "orders change on a word": orders_change_on_a_word,
    "orders reach everyone": orders_reach_everyone,
    "orders are the same everywhere": orders_are_the_same,
    "changes reach suppliers": changes_reach_suppliers,
    "open orders are watched": open_orders_are_watched,
}
