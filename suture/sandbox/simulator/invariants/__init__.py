"""The promise in business words, checked against what the twins hold; shares no code with the engine that it judges."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from msgspec import Struct

from suture.journal import Recorded
from suture.model import (
    Case,
    CaseResolved,
    Decided,
    Decision,
    Delivered,
    Invoice,
    MessageReceived,
    OrderChange,
    Parked,
    PaymentStatus,
    PurchaseOrder,
    ReceiptPosted,
    RequisitionStatus,
    TimerFired,
)
from suture.sandbox.simulator.world import World
from suture.sandbox.twins.ehr import EhrTwin

ZERO = Decimal(0)
#: What a line may cost more than ordered before somebody has to accept it, under any policy that the people of the run set.
DEARER_PERCENT, DEARER_AMOUNT = Decimal(3), Decimal(5)


class Facts:
    """What the journal says, read once from beginning to end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows: list[Recorded] = []
        after = 0
        while page := world.disk.read(after, 5000):
            self.rows += page
            after = page[-1].position
        self.open: dict[str, Case] = {}
        #: Everything that a person has ended by decision, or a process has refused aloud.
        self.ended: set[str] = set()
        self.named: set[str] = set()
        #: What a person has cancelled, or a counterpart refused, in one system: the others may differ from it.
        self.cancelled: set[str] = set()
        closed: dict[str, Case] = {}
        for row in self.rows:
            match row.event.data:
                case Case() as case:
                    self.open[case.id] = closed[case.id] = case
                case CaseResolved(case=id):
                    self.open.pop(id, None)
                    if id in closed:
                        self.ended |= {ref.id for ref in closed[id].objects}
                case Delivered(outcome="cancelled" | "refused", delivery=id):
                    delivery = world.disk.delivery(id)
                    self.cancelled |= {ref.id for ref in delivery.document.refs()} if delivery else set()
                case RequisitionStatus(state="returned" | "rejected" | "cancelled", requisition=requisition):
                    self.ended.add(requisition)
        self.named = {ref.id for case in self.open.values() for ref in case.objects}

    def explained(self, *ids: str) -> bool:
        """Whether an open exception names one of these, or a person has decided about it."""
        return any(id in self.named or id in self.ended or id in self.cancelled for id in ids)

    def differs(self, *ids: str) -> bool:
        """Whether the systems may differ about one of these: an exception is open, or somebody cancelled it in one of them."""
        return any(id in self.named or id in self.cancelled for id in ids)


class Violation(Struct, frozen=True):
    """A broken promise: which, and what was seen."""

    promise: str
    text: str


Check = Callable[[Facts], Iterator[str]]


def violations(world: World) -> list[Violation]:
    """Every promise that this finished run has broken."""
    facts = Facts(world)
    return [Violation(promise, text) for promise, check in PROMISES.items() for text in check(facts)]


# -- accepted is kept


def _accepted_is_kept(facts: Facts) -> Iterator[str]:
    """What a partner was told is accepted is in the journal, with each of its documents once: taken up or parked."""
    received: dict[str, str] = {}
    children: Counter[str] = Counter()
    for row in facts.rows:
        event = row.event
        if isinstance(event.data, MessageReceived):
            received[event.blob] = event.once
        elif event.kind == "accepted" and "#" in event.once:
            children[event.once] += 1
    for letter, answer in facts.world.kept:
        minimised = isinstance(facts.world.stage.twins[letter.message.instance], EhrTwin)
        if answer == "accepted" and not minimised and hashlib.sha256(letter.raw).hexdigest() not in received:
            yield f"{letter.message.name} of {letter.message.instance} was answered accepted and is not in the journal"
    for row in facts.rows:
        if isinstance(row.event.data, MessageReceived):
            for index in range(row.event.data.documents):
                if children[f"{row.event.once}#{index}"] != 1:
                    yield f"document {index} of {row.event.once} was taken up {children[f'{row.event.once}#{index}']} times"


def _repeats_are_known(facts: Facts) -> Iterator[str]:
    """The same bytes from the same partner are one message, however often they come."""
    messages = ((row.event.source, row.event.blob) for row in facts.rows if isinstance(row.event.data, MessageReceived))
    yield from (
        f"{blob[:12]} of {source} was taken for {times} messages"
        for (source, blob), times in Counter(messages).items()
        if times > 1
    )


def _requisitions_are_answered(facts: Facts) -> Iterator[str]:
    suite = facts.world.stage.procurement
    for id in suite.requisitions:
        if not suite.statuses.get(id) and not facts.explained(id):
            yield f"requisition {id} was filed and nobody ever heard of it again"


# -- once


def _twice(what: str, references: Iterable[str]) -> Iterator[str]:
    for reference, times in Counter(references).items():
        if times > 1:
            yield f"{what} {reference} is there {times} times"


def _nothing_twice_in_the_erp(facts: Facts) -> Iterator[str]:
    erps = facts.world.stage.erps.values()
    for what in ("orders", "changes", "receipts", "invoices", "entries", "payments"):
        yield from _twice(f"ERP {what}:", [booked.reference for erp in erps for booked in getattr(erp, what)])
    failed = [f"{one.reference} {one.body['status']}" for erp in erps for one in erp.failed_payments]
    yield from _twice("ERP failed payments:", failed)


def _nothing_twice_elsewhere(facts: Facts) -> Iterator[str]:
    stage = facts.world.stage
    suppliers = stage.suppliers.values()
    yield from _twice("supplier order", [order.id for one in suppliers for order in one.orders])
    yield from _twice("supplier change", [f"{change.order}/{change.version}" for one in suppliers for change in one.changes])
    yield from _twice("supplier remittance", [note.payment for one in suppliers for note in one.remittances])
    yield from _twice("AP order", [body["poNumber"] for body in stage.ap.orders])
    yield from _twice("AP receipt", [body["receiptNumber"] for body in stage.ap.receipts])
    yield from _twice("AP remittance", [body["payment"] for body in stage.ap.remittances])
    yield from _twice("procurement remittance", [body["payment"] for body in stage.procurement.remittances])
    moves = [move for inventory in stage.inventories.values() for move in inventory.movements]
    yield from _twice("stock movement", [move["movementId"] for move in moves])
    yield from _twice("stock movement of usage", [f"{move['cause']} {move['reason'] == 'reversal'}" for move in moves])


# -- nothing is lost between the systems


def _orders_reach_everyone(facts: Facts) -> Iterator[str]:
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
            if not facts.explained(order):
                yield f"order {order} never reached {where}"


def _receipts_reach_the_ledger(facts: Facts) -> Iterator[str]:
    stage = facts.world.stage
    booked = {one.reference for erp in stage.erps.values() for one in erp.receipts}
    counted = {receipt.id: receipt for inventory in stage.inventories.values() for receipt in inventory.receipts}
    undone = {receipt.reverses for receipt in counted.values() if receipt.reverses}
    for id, receipt in sorted(counted.items()):
        if id not in booked and id not in undone and not receipt.reverses and not facts.explained(id, receipt.order):
            yield f"receipt {id} was counted at the dock and never posted"
    for id in sorted(booked - counted.keys()):
        yield f"receipt {id} was posted and no dock ever counted it"


def _invoices_reach_the_ledger(facts: Facts) -> Iterator[str]:
    stage = facts.world.stage
    booked = {one.reference: one for erp in stage.erps.values() for one in erp.invoices}
    billed = {f"{bill.supplier}:{bill.number}": bill for one in stage.suppliers.values() for bill in one.invoices}
    rejected = {id for id, statuses in stage.ap.statuses.items() if statuses[-1]["state"] in ("rejected", "waiting", "exception")}
    for id in sorted(billed.keys() - booked.keys()):
        if id not in rejected and not facts.explained(id, *billed[id].orders()):
            yield f"invoice {id} was billed and neither posted nor refused nor put before anybody"
    for id, one in sorted(booked.items()):
        if id not in billed:
            yield f"payable {id} was posted and no supplier ever billed it"
        elif Decimal(one.body["gross"]["value"]) != billed[id].total.amount:
            yield f"payable {id} was posted over {one.body['gross']['value']}, billed were {billed[id].total}"


def _usages_move_stock(facts: Facts) -> Iterator[str]:
    stage = facts.world.stage
    moves = [move for inventory in stage.inventories.values() for move in inventory.movements]
    moved = {(move["cause"], move["reason"] == "reversal") for move in moves}
    used = [usage for ehr in stage.ehrs.values() for usage in ehr.usages]
    undone = {usage.reverses for usage in used if usage.reverses}
    for id in [usage.id for usage in used if usage.kind != "cancelled"]:
        out, back = (id, False) in moved, (id, True) in moved
        # what was taken back before it came need not move at all
        if (out, back) != (True, id in undone) and not (id in undone and not out and not back) and not facts.explained(id):
            yield f"usage {id} was documented: stock moved out: {out}, back: {back}; taken back: {id in undone}"


# -- money


def _payments_are_owed(facts: Facts) -> Iterator[str]:
    stage = facts.world.stage
    payables = {one.reference: one.body for erp in stage.erps.values() for one in erp.invoices}
    failed = {
        row.event.data.payment
        for row in facts.rows
        if isinstance(row.event.data, PaymentStatus) and row.event.data.status in ("rejected", "returned")
    }
    yield from _twice("bank payment", [payment.id for payment in stage.bank.payments])
    good = [payment for payment in stage.bank.payments if payment.id not in failed]
    yield from _twice("payment of invoice", [invoice for payment in good for invoice in payment.invoices])
    for payment in stage.bank.payments:
        for invoice in payment.invoices:
            if invoice not in payables and not facts.differs(invoice):
                yield f"{payment.id} paid {invoice}, which is no payable of the ERP"
        gross = sum((Decimal(payables[id]["gross"]["value"]) for id in payment.invoices if id in payables), ZERO)
        if payment.amount.amount > gross and not facts.differs(*payment.invoices):
            yield f"{payment.id} paid {payment.amount} for payables of {gross}"


def _payments_are_matched(facts: Facts) -> Iterator[str]:
    """No payment without ordered prices and received goods, or somebody's acceptance, or two who released it."""
    stage = facts.world.stage
    billed = {f"{bill.supplier}:{bill.number}": bill for one in stage.suppliers.values() for bill in one.invoices}
    accepted = {
        row.event.data.subject.id
        for row in facts.rows
        if isinstance(row.event.data, Decision) and row.event.data.verb == "accept"
    }
    received, ordered = _most_received(facts), _ordered(facts)
    used: Counter[tuple[str, int]] = Counter()
    for payment in {payment.id: payment for payment in stage.bank.payments}.values():
        released = _releases(facts, payment.id)
        for id in payment.invoices:
            bill = billed.get(id)
            free = any(id in case for case in accepted) or len(released) >= 2
            if bill is not None and not free and payment.id.endswith("-1"):
                yield from _unmatched(bill, ordered, received, used)


def _releases(facts: Facts, payment: str) -> set[str]:
    for row in facts.rows:
        data = row.event.data
        if type(data).__name__ == "PaymentInstruction" and getattr(data, "id", "") == payment:
            return set(getattr(data, "released_by", ()))
    return set()


def _unmatched(
    bill: Invoice,
    ordered: dict[tuple[str, int], tuple[Decimal, Decimal]],
    received: dict[tuple[str, int], Decimal],
    used: Counter[tuple[str, int]],
) -> Iterator[str]:
    for line in bill.lines:
        place = (line.order, line.order_line)
        used[place] += line.quantity.value  # type: ignore[assignment]  # a counter of decimals
        if Decimal(used[place]) > received.get(place, ZERO):
            yield f"{bill.id} was paid for {used[place]} of {line.order} line {line.order_line}, {received.get(place, ZERO)} came"
        _, price = ordered.get(place, (ZERO, ZERO))
        over = line.amount.amount - price * line.quantity.value
        if over > DEARER_AMOUNT or over * 100 > DEARER_PERCENT * price * line.quantity.value + 1:
            yield f"{bill.id} was paid {over:.2f} over the price of {line.order} line {line.order_line}, and nobody accepted that"


def _most_received(facts: Facts) -> dict[tuple[str, int], Decimal]:
    """The most that ever stood as received per order line; what was undone later may have been paid before."""
    now: dict[tuple[str, int], Decimal] = {}
    most: dict[tuple[str, int], Decimal] = {}
    for place, quantity in _posted(facts):
        now[place] = now.get(place, ZERO) + quantity
        most[place] = max(most.get(place, ZERO), now[place])
    return most


def _counted(body: dict[str, Any], order: str) -> Iterator[tuple[tuple[str, int], Decimal]]:
    sign = -1 if body.get("reverses") else 1
    for line in body["lines"]:
        yield (order, line["line"]), sign * Decimal(line["quantity"]["qty"])


def _ordered(facts: Facts) -> dict[tuple[str, int], tuple[Decimal, Decimal]]:
    """Quantity and price per unit of each order line, after the changes that the journal knows."""
    lines: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
    changes: dict[str, list[OrderChange]] = {}
    for row in facts.rows:
        match row.event.data:
            case PurchaseOrder(id=id, lines=ordered):
                for line in ordered:
                    lines.setdefault((id, line.number), (line.quantity.value, line.price.amount / line.price.per.value))
            case OrderChange() as change:
                changes.setdefault(change.order, []).append(change)
    for order, versions in changes.items():
        for change in sorted(versions, key=lambda one: one.version):
            if change.kind == "cancel" and not change.lines:
                lines |= {place: (ZERO, price) for place, (_, price) in lines.items() if place[0] == order}
            for line in change.lines:
                lines[order, line.number] = (line.quantity.value, line.price.amount / line.price.per.value)
    return lines


# -- agreement


def _commitments_agree(facts: Facts) -> Iterator[str]:
    """What an ERP has committed is the open value of the order: ordered, changed, less what was received."""
    received: dict[tuple[str, int], Decimal] = {}
    for place, quantity in _posted(facts):
        received[place] = received.get(place, ZERO) + quantity
    lines = _ordered(facts)
    for erp in facts.world.stage.erps.values():
        for one in erp.orders:
            order = one.reference
            due = sum(
                (
                    max(ZERO, quantity - received.get(place, ZERO)) * price
                    for place, (quantity, price) in lines.items()
                    if place[0] == order
                ),
                ZERO,
            )
            if abs(erp.commitment(order) - due) > Decimal("0.01") and not facts.differs(order):
                yield f"{erp.name} has {erp.commitment(order):.2f} committed for {order}, open are {due:.2f}"


def _posted(facts: Facts) -> Iterator[tuple[tuple[str, int], Decimal]]:
    for row in facts.rows:
        if isinstance(row.event.data, ReceiptPosted):
            receipt = row.event.data.receipt
            sign = -1 if receipt.reverses else 1
            for line in receipt.lines:
                yield (receipt.order, line.line), sign * line.quantity.value


def _receipts_agree(facts: Facts) -> Iterator[str]:
    """The sum of receipts per order line is the same in the ERP, in AP and in our own books."""
    stage = facts.world.stage
    sums: list[dict[tuple[str, int], Decimal]] = [{}, {}, {}]
    for held, entries in zip(
        sums,
        (
            _posted(facts),
            (entry for erp in stage.erps.values() for one in erp.receipts for entry in _counted(one.body, one.body["order"])),
            (entry for body in stage.ap.receipts for entry in _counted(body, body["poNumber"])),
        ),
        strict=True,
    ):
        for place, quantity in entries:
            held[place] = held.get(place, ZERO) + quantity
    ours, erp, ap = sums
    for place in sorted(ours.keys() | erp.keys() | ap.keys()):
        there = [one.get(place, ZERO) for one in (ours, erp, ap)]
        if len(set(there)) > 1 and not facts.differs(place[0]):
            yield f"{place[0]} line {place[1]}: received {there[0]} by our books, {there[1]} in the ERP, {there[2]} in AP"


def _order_is_kept(facts: Facts) -> Iterator[str]:
    """No change or receipt before its order, no older change after a newer one."""
    known: set[tuple[str, str]] = set()
    newest: dict[tuple[str, str], int] = {}
    for took in facts.world.lines.took:
        place = (took.instance, took.key)
        if took.kind == "order":
            known.add(place)
        elif place not in known and not facts.explained(took.key):
            yield f"{took.instance} got a {took.kind} of {took.key} before the order"
        if took.version and took.version < newest.get(place, 0):
            yield f"{took.instance} got change {took.version} of {took.key} after change {newest[place]}"
        newest[place] = max(newest.get(place, 0), took.version)


def _states_are_told_in_order(facts: Facts) -> Iterator[str]:
    """Whoever is told of the states of one thing hears them in the order in which they came about."""
    stage = facts.world.stage
    for name, shelf in (
        ("procurement, requisition", stage.procurement.statuses),
        ("procurement, order", stage.procurement.orders),
        ("procurement, invoice", stage.procurement.invoices),
        ("AP, invoice", stage.ap.statuses),
    ):
        for id, told in shelf.items():
            for earlier, later in pairwise(told):
                if later["at"] < earlier["at"]:
                    yield f"{name} {id}: {later['state']} of {later['at']} came after {earlier['state']} of {earlier['at']}"


# -- nothing is forgotten


def _everything_drains(facts: Facts) -> Iterator[str]:
    disk = facts.world.disk
    if waiting := disk.counts()["work"]:
        yield f"{waiting} events wait to be decided"
    stuck: set[tuple[str, str]] = set()
    for delivery in disk.open_deliveries(limit=100_000):
        lane = (delivery.instance, delivery.key)
        if delivery.id in facts.named and delivery.status in ("parked", "awaiting"):
            stuck.add(lane)
        elif lane not in stuck:
            name = type(delivery.document).__name__
            yield f"{name} {delivery.id} to {delivery.instance} is still {delivery.status} and no open exception says why"
    for id, case in facts.open.items():
        carrier = disk.delivery(id.removeprefix("delivery/")) if id.startswith("delivery/") else None
        if carrier is not None and carrier.status in ("done", "cancelled"):
            yield f"exception {case.reason} of {carrier.id} is open, though the delivery is {carrier.status}"
    for timer in disk.timers(facts.world.clock.now(), 1000):
        yield f"timer {timer.name} of {timer.process} {timer.key} was due and never fired"


def _exceptions_stay(facts: Facts) -> Iterator[str]:
    """An exception is open until somebody or something resolves it aloud; a parked document has one."""
    raised: set[str] = set()
    for row in facts.rows:
        match row.event.data:
            case Case(id=id):
                raised.add(id)
            case CaseResolved(case=id) if id not in raised:
                yield f"exception {id} was resolved and never raised"
    for row in facts.rows:
        if isinstance(row.event.data, Parked) and f"intake/{row.event.data.id}" not in raised:
            yield f"{row.event.data.id} is parked without an exception"
    for process, key in (("cases", id) for id in raised):
        stored = facts.world.disk.states([(process, key)]).get((process, key))
        if stored and (b'"open"' in stored.data) != (key in facts.open):
            yield f"exception {key} is {'closed' if key in facts.open else 'open'} in the state and not in the history"
    for name in ("order_to_receipt", "invoice_to_payment", "requisition_to_order", "payment", "usage_to_replenishment"):
        yield from _unexplained_cases(facts, name)


def _unexplained_cases(facts: Facts, process: str) -> Iterator[str]:
    """What a process believes to be open is open in the history."""
    decoder = facts.world.base.wiring.state_decoders.get(process)
    if decoder is None:
        return
    after = ""
    while page := facts.world.disk.scan_states(process, after, 1000):
        after = page[-1].key
        for stored in page:
            for case in getattr(decoder.decode(stored.data), "cases", ()):
                if case not in facts.open:
                    yield f"{process} {stored.key} waits for exception {case}, which is not open"


def _decided_once(facts: Facts) -> Iterator[str]:
    """Each event is decided once by each process that it concerns; each timer fires once; each delivery ends well once."""
    decided: Counter[tuple[str, str, str]] = Counter()
    done: Counter[str] = Counter()
    fired: Counter[tuple[str, str, str]] = Counter()
    for row in facts.rows:
        match row.event.data:
            case Decided(event=event, process=process, key=key):
                decided[event, process, key] += 1
            case Delivered(outcome="done", delivery=delivery):
                done[delivery] += 1
            case TimerFired(name=name, due=due) if row.event.to:
                fired[f"{row.event.cause} {row.event.to}", name, due.isoformat()] += 1
    yield from (f"{place} was decided {times} times" for place, times in decided.items() if times > 1)
    yield from (f"delivery {id} ended well {times} times" for id, times in done.items() if times > 1)
    yield from (f"timer {place} fired {times} times" for place, times in fired.items() if times > 1)


PROMISES: dict[str, Check] = {
    "what was accepted is kept": _accepted_is_kept,
    "what came twice counts once": _repeats_are_known,
    "requisitions are answered": _requisitions_are_answered,
    "nothing is in the ERP twice": _nothing_twice_in_the_erp,
    "nothing is anywhere twice": _nothing_twice_elsewhere,
    "orders reach everyone": _orders_reach_everyone,
    "receipts reach the ledger": _receipts_reach_the_ledger,
    "invoices reach the ledger": _invoices_reach_the_ledger,
    "usages move stock": _usages_move_stock,
    "payments are owed": _payments_are_owed,
    "payments are matched": _payments_are_matched,
    "commitments agree": _commitments_agree,
    "receipts agree": _receipts_agree,
    "order is kept": _order_is_kept,
    "states are told in order": _states_are_told_in_order,
    "everything drains": _everything_drains,
    "no exception disappears": _exceptions_stay,
    "everything is decided once": _decided_once,
}
