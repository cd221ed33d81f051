"""Promises about goods: nothing twice, and all that docks count and theatres use is booked, costed and filled up again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from suture.model import GoodsReceipt, RequisitionCancellation, StockPolicy
from suture.sandbox.group import FACILITIES
from suture.sandbox.simulator.invariants.facts import ZERO, Check, Facts, Place, summed, times, undecided
from suture.sandbox.stage import ERP_OF, INVENTORY_OF

#: How much more than ordered may be received, under any policy that the people of the run set.
OVER_PERCENT = Decimal(10)
#: Exceptions that explain why goods are not booked, or not expected, as they should be.
RECEIVING = ("delivery/", "order_to_receipt/", "intake/")


# -- once


def nothing_twice(facts: Facts) -> Iterator[str]:
    """No counterpart holds two orders, changes, receipts, movements or notes for one cause."""
    stage = facts.world.stage
    suppliers = stage.suppliers.values()
    moves = [move for inventory in stage.inventories.values() for move in inventory.movements]
    shelves = {
        "supplier order": [order.id for one in suppliers for order in one.orders],
        "supplier change": [f"{change.order}/{change.version}" for one in suppliers for change in one.changes],
        "supplier remittance": [note.payment for one in suppliers for note in one.remittances],
        "AP order": [body["poNumber"] for body in stage.ap.orders],
        "AP receipt": [body["receiptNumber"] for body in stage.ap.receipts],
        "AP remittance": [body["payment"] for body in stage.ap.remittances],
        "procurement remittance": [body["payment"] for body in stage.procurement.remittances],
        "stock movement": [move["movementId"] for move in moves],
        "stock movement of usage": [f"{move['cause']} {move['reason'] == 'reversal'}" for move in moves],
    }
    for what, references in shelves.items():
        for reference, count in times(references):
            yield f"{what} {reference} is there {count} times"


def nothing_twice_in_the_erp(facts: Facts) -> Iterator[str]:
    """No ERP holds two postings for one cause."""
    erps = facts.world.stage.erps.values()
    for what in ("orders", "changes", "receipts", "invoices", "entries", "payments"):
        for reference, count in times(booked.reference for erp in erps for booked in getattr(erp, what)):
            yield f"ERP {what}: {reference} is there {count} times"
    for reference, count in times(f"{one.reference} {one.body['status']}" for erp in erps for one in erp.failed_payments):
        yield f"ERP failed payments: {reference} is there {count} times"


# -- at the dock


def docks_expect_the_rest(facts: Facts) -> Iterator[str]:
    """A dock expects what was ordered and has not come, and nothing else."""
    received = summed((place, quantity) for _, place, quantity in facts.posted)
    for name, inventory in facts.world.stage.inventories.items():
        for order, body in inventory.expected.items():
            expected = {(order, line["line"]): Decimal(line["quantity"]["qty"]) for line in body["lines"]}
            if order in facts.orders and name != INVENTORY_OF.get(facts.orders[order][1].facility, "inventory-lake"):
                yield f"{name} expects {order} of {facts.orders[order][1].facility}"
            for place, (quantity, _) in facts.ordered.items():
                due = max(ZERO, quantity - received.get(place, ZERO))
                waits = ("delivery/", *undecided(order))
                if place[0] == order and expected.get(place, ZERO) != due and not facts.differs(order, by=waits):
                    yield f"{name} expects {expected.get(place, ZERO)} on {order} line {place[1]}, to come are {due}"
    expecting = {order for inventory in facts.world.stage.inventories.values() for order in inventory.expected}
    for order in sorted({order.id for one in facts.world.stage.suppliers.values() for order in one.orders} - expecting):
        if not facts.differs(order, by=RECEIVING):
            yield f"no dock was told to expect {order}"


def receipts_reach_the_ledger(facts: Facts) -> Iterator[str]:
    """What a dock counted is posted, or before a person; what it took back is taken back; nothing else is posted."""
    stage = facts.world.stage
    booked = {one.reference: one.body for erp in stage.erps.values() for one in erp.receipts}
    counted = {receipt.id: receipt for inventory in stage.inventories.values() for receipt in inventory.receipts}
    undone = {receipt.reverses: id for id, receipt in counted.items() if receipt.reverses}
    for id, receipt in sorted(counted.items()):
        if (
            id not in booked
            and id not in undone
            and not receipt.reverses
            and not facts.differs(id, receipt.order, by=RECEIVING)
            and not facts.said("reject", id)
        ):
            yield f"receipt {id} was counted at the dock and never posted"
        if (
            id in booked
            and id in undone
            and undone[id] not in booked
            and not facts.differs(undone[id], by=RECEIVING)
            and not facts.said("reject", undone[id])
        ):
            yield f"receipt {id} was taken back by {undone[id]} and stays posted"
        spared = facts.differs(receipt.reverses, by=("delivery/",))
        if id in booked and receipt.reverses and receipt.reverses not in booked and not spared:
            yield f"{id} takes back {receipt.reverses}, which was never posted"
    for id, body in sorted(booked.items()):
        if id not in counted:
            yield f"receipt {id} was posted and no dock ever counted it"
        elif body["order"] != counted[id].order or body["reverses"] != counted[id].reverses:
            yield f"receipt {id} of {counted[id].order} was posted on {body['order']}, undoing {body['reverses'] or 'nothing'}"


def receipts_are_counted(facts: Facts) -> Iterator[str]:
    """Only what was counted is posted, line by line; what came wrong, or beyond the order, only on a person's word."""
    stage = facts.world.stage
    counted = {receipt.id: receipt for inventory in stage.inventories.values() for receipt in inventory.receipts}
    # where a person let no reversal through, what it takes back stays posted
    total = summed(entry for name in stage.erps for entry in _spared(facts, name, counted.values()))
    for name, erp in stage.erps.items():
        for one in erp.receipts:
            receipt, order = counted.get(one.reference), facts.orders.get(one.body["order"])
            if receipt is None or order is None:
                continue
            # who counted it is not the one to let it pass
            released = facts.said("release", receipt.id) - {receipt.receiver}
            for held, line in zip(one.body["lines"], receipt.lines, strict=False):
                if Decimal(held["quantity"]["qty"]) != line.quantity.value or not facts.means(
                    name, "item", held["material"], line.item
                ):
                    yield f"{one.reference} counted {line.quantity} of {line.item}, posted were {held}"
                place, sign = (receipt.order, line.line), -1 if receipt.reverses else 1
                total[place] = total.get(place, ZERO) + sign * line.quantity.value
                most = facts.most_ordered.get(place, ZERO)
                if total[place] > most * (1 + OVER_PERCENT / 100) and not released:
                    yield f"{total[place]} are posted on {place[0]} line {place[1]}, ordered were {most}"
            elsewhere = receipt.place.split("-")[0] != order[1].facility
            if elsewhere and not receipt.reverses and not released:
                yield f"{receipt.id} came to {receipt.place} and was posted for {order[1].facility}"
            if facts.said("reject", receipt.id) and not released:
                yield f"{receipt.id} was rejected and is posted"


def _spared(facts: Facts, erp: str, counted: Iterable[GoodsReceipt]) -> Iterator[tuple[Place, Decimal]]:
    """The reversals that a person cancelled on their way to an ERP, which holds what they reverse, line by line, signed."""
    booked = {one.reference for one in facts.world.stage.erps[erp].receipts}
    for receipt in counted:
        if receipt.reverses in booked and receipt.id not in booked and (erp, receipt.id) in facts.spared:
            yield from (((receipt.order, line.line), -line.quantity.value) for line in receipt.lines)


# -- usages


def usages_move_stock(facts: Facts) -> Iterator[str]:
    """What was used leaves the stock once; what is taken back comes back, to the last piece."""
    stage = facts.world.stage
    moves = [move for inventory in stage.inventories.values() for move in inventory.movements]
    moved = {(move["cause"], move["reason"] == "reversal"): Decimal(move["quantity"]["qty"]) for move in moves}
    used = [(name, usage) for name, ehr in stage.ehrs.items() for usage in ehr.usages]
    undone = {usage.reverses for _, usage in used if usage.reverses}
    sku = {move["cause"]: (move["sku"], move["location"]) for move in moves}
    for name, usage in used:
        id = usage.id
        if usage.kind == "cancelled":
            continue
        out, back = moved.get((id, False)), moved.get((id, True))
        # what was taken back before it came need not move at all
        due = (out is not None, back is not None) == (True, id in undone) or (id in undone and out is None and back is None)
        if not due and not facts.differs(id) and not facts.said("reject", id):
            yield f"usage {id} was documented: stock moved out: {out}, back: {back}; taken back: {id in undone}"
        if out is not None and (out != -usage.quantity.value or (back is not None and back != -out)):
            yield f"usage {id} of {usage.quantity} moved {out} out and {back} back"
        if id in sku and (not facts.means(name, "item", usage.item, sku[id][0]) or usage.place != sku[id][1]):
            yield f"usage {id} of {usage.item} at {usage.place} moved {sku[id][0]} at {sku[id][1]}"


def usages_are_costed(facts: Facts) -> Iterator[str]:
    """What left a stock is posted to whoever used it, once, and posted back as it was."""
    stage = facts.world.stage
    posted: dict[tuple[str, bool], tuple[str, Decimal]] = {}
    for name, erp in stage.erps.items():
        for one in erp.entries:
            undo = one.body["kind"] == "usage_reversal"
            cause = one.reference.removeprefix("CP-").removesuffix("-R" if undo else "")
            debit = Decimal(one.body["lines"][0]["amount"]["value"])
            posted[cause, undo] = (name, debit)
    moves = [move for inventory in stage.inventories.values() for move in inventory.movements]
    for move in moves:
        cause, undo = move["cause"], move["reason"] == "reversal"
        entry = posted.get((cause, undo))
        if entry is None:
            if not facts.differs(cause, move["movementId"]):
                yield f"{move['movementId']} moved stock and was never posted"
        elif entry[0] != ERP_OF[FACILITIES[move["location"].split("-")[0]]]:
            yield f"{move['movementId']} at {move['location']} was posted in {entry[0]}"
        elif (entry[1] > 0) == undo or (undo and (cause, False) in posted and posted[cause, False][1] != -entry[1]):
            yield f"{move['movementId']} was posted over {entry[1]}, the usage over {posted.get((cause, False))}"


def shelves_are_filled(facts: Facts) -> Iterator[str]:
    """A shelf at its reorder point has goods on order, and never more than brings it back above."""
    stage, group = facts.world.stage, facts.world.base.group
    moves = [move for inventory in stage.inventories.values() for move in inventory.movements]
    touched = {(move["sku"], move["location"]) for move in moves}
    for policy in group.masters:
        if isinstance(policy, StockPolicy) and (policy.item, policy.place) in touched:
            here = [move for move in moves if (move["sku"], move["location"]) == (policy.item, policy.place)]
            yield from _shelf(facts, policy, here)


def _shelf(facts: Facts, policy: StockPolicy, moves: list[dict[str, Any]]) -> Iterator[str]:
    item, place = policy.item, policy.place
    assert policy.opening is not None
    packs = {pack.unit: pack.factor for pack in facts.world.base.group.item(item).packs}
    orders = [
        (id, line)
        for id, (_, order) in facts.orders.items()
        if order.requisition.startswith(f"RQ-{item}@{place}-")
        for line in order.lines
    ]
    ordered = sum((facts.ordered[id, line.number][0] * packs.get(line.quantity.unit, Decimal(1)) for id, line in orders), ZERO)
    moved = sum((Decimal(move["quantity"]["qty"]) for move in moves), ZERO)
    back = sum((Decimal(move["quantity"]["qty"]) for move in moves if move["reason"] == "reversal"), ZERO)
    point, lot = policy.reorder_point.value, policy.reorder_quantity.value
    stock = policy.opening.value + moved
    tellings = [
        told[-1]["state"]
        for id, told in facts.world.stage.procurement.statuses.items()
        if id.startswith(f"RQ-{item}@{place}-") and told
    ]
    if stock <= point and not orders and not tellings and not _about(facts, item, place):
        yield f"{stock} of {item} are left at {place}, and nothing is on order"
    # what came already, what a buyer insists on and what a supplier will not deliver nobody calls back
    kept = {place[0] for _, place, _ in facts.posted}
    kept |= {id for id, _ in orders if facts.said("reject", id) or facts.differs(id, by=undecided(id))}
    needless = {facts.orders[id][1].requisition for id, line in orders if facts.ordered[id, line.number][0] and id not in kept}
    gone = {row.event.data.requisition for row in facts.rows if isinstance(row.event.data, RequisitionCancellation)}
    if stock > point and needless - gone:
        yield f"{stock} of {item} are left at {place} without what is on order, and {min(needless - gone)} was not called back"
    rounding = max(packs.values(), default=Decimal(1)) - 1
    if stock + ordered > max(point + lot * 2, policy.opening.value) + back + rounding and orders:
        yield f"{stock} of {item} are at {place}, and {ordered} are on order: the shelf is filled at {point} by {lot}"


def _about(facts: Facts, item: str, place: str) -> bool:
    return any({item, place} <= {ref.id for ref in case.objects} for case in facts.open.values())


PROMISES: dict[str, Check] = {
    "nothing is in the ERP twice": nothing_twice_in_the_erp,
    "nothing is anywhere twice": nothing_twice,
    "docks expect the rest": docks_expect_the_rest,
    "receipts reach the ledger": receipts_reach_the_ledger,
    "receipts are counted": receipts_are_counted,
    "usages move stock": usages_move_stock,
    "usages are costed": usages_are_costed,
    "shelves are filled": shelves_are_filled,
}
