"""Every KPI counted once more, straight from the facts of a history and without anything of ``suture.kpis``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from suture.journal import Event, Recorded
from suture.model import (
    Approval,
    Case,
    CaseResolved,
    CreditNote,
    Decided,
    Decision,
    Delivered,
    GoodsReceipt,
    Invoice,
    InvoiceStatus,
    MatchResult,
    MessageReceived,
    OrderAcknowledgement,
    OrderStatus,
    Owed,
    PaymentStatus,
    PurchaseOrder,
    Reconciled,
    Repaired,
    Requisition,
    ShipNotice,
    StockCount,
    Supplier,
    SuppliersCompared,
    Usage,
)

Counted = Mapping[str, Decimal]
Recount = Callable[[Sequence[Event], datetime, Mapping[str, int]], Counted]


def events(history: Sequence[Recorded], kind: type) -> list[tuple[Event, object]]:
    return [(row.event, row.event.data) for row in history if isinstance(row.event.data, kind)]


def percent(hits: Sequence[bool]) -> Counted:
    return {"": Decimal(100) * sum(hits) / len(hits)} if hits else {}


def median(spans: Sequence[timedelta]) -> Counted:
    """The nearest rank: of four values the second, of five the third."""
    ordered = sorted(spans)
    return {"": Decimal(ordered[(len(ordered) + 1) // 2 - 1].total_seconds()) / 3600} if ordered else {}


def ordered_at(told: Sequence[Event]) -> dict[str, datetime]:
    return {each.data.id: each.at for each in reversed(told) if isinstance(each.data, PurchaseOrder)}


def owes(told: Sequence[Event]) -> list[tuple[Owed, Event]]:
    return [
        (debt, each) for each in told if isinstance(each.data, Decided | MessageReceived | Repaired) for debt in each.data.owes
    ]


def ends(told: Sequence[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for each in told:
        if isinstance(each.data, Delivered):
            found.setdefault(each.data.delivery, []).append(each)
    return found


def requisition_to_order(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    asked = {each.data.id: each.data.requested_at for each in reversed(told) if isinstance(each.data, Requisition)}
    orders = {each.data.id: each for each in reversed(told) if isinstance(each.data, PurchaseOrder)}
    return median([each.at - asked[each.data.requisition] for each in orders.values() if each.data.requisition in asked])


def order_to_acknowledgement(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    answered = {each.data.order: each.at for each in reversed(told) if isinstance(each.data, OrderAcknowledgement)}
    return median([answered[order] - at for order, at in ordered_at(told).items() if order in answered])


def order_to_receipt(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    came = {
        each.data.order: each.data.at
        for each in reversed(told)
        if isinstance(each.data, OrderStatus) and each.data.state == "received"
    }
    return median([came[order] - at for order, at in ordered_at(told).items() if order in came])


def _paid(told: Sequence[Event]) -> dict[str, InvoiceStatus]:
    return {
        each.data.invoice: each.data
        for each in reversed(told)
        if isinstance(each.data, InvoiceStatus) and each.data.state == "paid"
    }


def order_to_payment(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    known = ordered_at(told)
    return median([paid.at - known[order] for paid in _paid(told).values() for order in paid.orders if order in known])


def invoice_cycle_time(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    came = {each.data.id: each.at for each in reversed(told) if isinstance(each.data, Invoice)}
    return median([paid.at - came[invoice] for invoice, paid in _paid(told).items() if invoice in came])


def first_pass_match(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    decided = [each.data for each in told if isinstance(each.data, MatchResult) and each.data.outcome != "waiting"]
    first = {(each.invoice, each.order): each.outcome for each in reversed(decided)}
    return percent([outcome == "matched" for outcome in first.values()])


def invoice_exceptions(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    states: dict[str, set[str]] = {}
    for each in told:
        if isinstance(each.data, InvoiceStatus):
            states.setdefault(each.data.invoice, set()).add(each.data.state)
    judged = [said for said in states.values() if said - {"received", "waiting", "returned"}]
    return percent(["exception" in said for said in judged])


def touchless_invoices(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    about = {
        each.data.id: ref.id
        for each in told
        if isinstance(each.data, Case)
        for ref in reversed(each.data.objects)
        if ref.type in ("Invoice", "CreditNote")
    }
    touched: set[str] = set()
    posted: dict[str, bool] = {}
    for each in told:
        match each.data:
            case Decision(subject=subject) if subject.type == "Case" and subject.id in about:
                touched.add(about[subject.id])
            case Approval(subject=subject) if subject.type == "Invoice":
                touched.add(subject.id)
            case InvoiceStatus(state="posted", invoice=invoice):
                posted.setdefault(invoice, invoice not in touched)
    return percent(list(posted.values()))


def on_contract_spend(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    orders = {each.data.id: each.data for each in reversed(told) if isinstance(each.data, PurchaseOrder)}
    on: dict[str, Decimal] = {}
    all: dict[str, Decimal] = {}
    for order in orders.values():
        for line in order.lines:
            worth = line.value().rounded()
            all[worth.currency] = all.get(worth.currency, Decimal(0)) + worth.amount
            if line.contract:
                on[worth.currency] = on.get(worth.currency, Decimal(0)) + worth.amount
    return {currency: 100 * on.get(currency, Decimal(0)) / amount for currency, amount in all.items() if amount}


def price_variance(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    invoices = {each.data.id: each.data for each in told if isinstance(each.data, Invoice)}
    lines = {(order.id, line.number): line for order in _orders(told) for line in order.lines}
    posted = dict.fromkeys(
        each.data.invoice for each in told if isinstance(each.data, InvoiceStatus) and each.data.state == "posted"
    )
    total: dict[str, Decimal] = {}
    for invoice in (invoices[id] for id in posted if id in invoices):
        for line in invoice.lines if not isinstance(invoice, CreditNote) else ():
            ordered = lines.get((line.order, line.order_line))
            if ordered is None or ordered.price.currency != line.price.currency:
                continue
            assert ordered.price.per.unit == line.price.per.unit == line.quantity.unit
            dearer = Fraction(line.price.amount) / Fraction(line.price.per.value)
            dearer -= Fraction(ordered.price.amount) / Fraction(ordered.price.per.value)
            worth = dearer * Fraction(line.quantity.value)
            amount = Decimal(worth.numerator) / Decimal(worth.denominator)
            total[line.price.currency] = total.get(line.price.currency, Decimal(0)) + amount
    return total


def _orders(told: Sequence[Event]) -> list[PurchaseOrder]:
    return [each.data for each in told if isinstance(each.data, PurchaseOrder)]


def failed_deliveries(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    outcomes = [{each.data.outcome for each in all} - {"cancelled"} for all in ends(told).values()]
    return percent([bool(said & {"refused", "parked"}) for said in outcomes if said])


def retried_deliveries(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    first = [next((each for each in all if each.data.outcome != "cancelled"), None) for all in ends(told).values()]
    return percent([int(each.once.split("/")[-1]) > 1 for each in first if each is not None])


def duplicates_caught(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    came = [each.once for each in told if isinstance(each.data, MessageReceived)]
    repeats = sum(again.get(once, 0) for once in came)
    return {"": Decimal(100) * repeats / (len(came) + repeats)} if came else {}


def backlog_age(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    over = {id for id, all in ends(told).items() if any(each.data.outcome != "parked" for each in all)}
    return median([now - each.at for debt, each in owes(told) if debt.delivery not in over])


def exception_resolution(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    open: dict[str, datetime] = {}
    spans = []
    for each in told:
        match each.data:
            case Case(id=id, at=at):
                open.setdefault(id, at)
            case CaseResolved(case=id, at=at) if id in open:
                spans.append(at - open.pop(id))
    return median(spans)


def manual_touches(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    carried = (Requisition, OrderAcknowledgement, ShipNotice, GoodsReceipt, Invoice, PaymentStatus, Usage)
    came = sum(isinstance(each.data, carried) for each in told if each.kind == "accepted")
    touches = sum(isinstance(each.data, Decision | Approval) for each in told)
    return {"": Decimal(1000) * touches / came} if came else {}


def manual_minutes(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    carried = (Requisition, OrderAcknowledgement, ShipNotice, GoodsReceipt, Invoice, PaymentStatus, Usage)
    came = sum(isinstance(each.data, carried) for each in told if each.kind == "accepted")
    minutes = sum({Decision: 5, Approval: 2}.get(type(each.data), 0) for each in told)
    return {"": Decimal(1000) * minutes / came} if came else {}


def rush_orders(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    first = {each.data.id: each.data.urgency for each in reversed(told) if isinstance(each.data, Requisition)}
    return percent([urgency in ("urgent", "emergency") for urgency in first.values()])


def stockouts(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    used = {each.data.id for each in told if isinstance(each.data, Usage)}
    out = sum(isinstance(each.data, Case) and each.data.reason == "negative_stock" for each in told)
    return {"": Decimal(1000) * out / len(used)} if used else {}


def inventory_accuracy(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    sheets = {each.data.id: each.data for each in reversed(told) if isinstance(each.data, StockCount)}
    return percent([line.counted.value == line.book.value for sheet in sheets.values() for line in sheet.lines])


def inventory_difference(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    sheets = {each.data.id: each.data for each in reversed(told) if isinstance(each.data, StockCount)}
    total: dict[str, Decimal] = {}
    for line in (line for sheet in sheets.values() for line in sheet.lines if line.cost):
        apart = line.counted.value - line.book.value
        total[line.cost.currency] = total.get(line.cost.currency, Decimal(0)) + max(apart, -apart) * line.cost.amount
    return total


def agreement(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    runs = [each.data for each in told if isinstance(each.data, Reconciled)]
    compared = sum(number for run in runs for number in run.compared.values())
    differing = sum(number for run in runs for number in run.differences.values())
    return {"": Decimal(100) * (compared - differing) / compared} if compared else {}


def supplier_onboarding(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    pending: dict[str, datetime] = {}
    spans = []
    for each in told:
        match each.data:
            case Supplier(id=id, status="pending"):
                pending.setdefault(id, each.at)
            case Supplier(id=id, status="active") if id in pending:
                spans.append(each.at - pending.pop(id))
    return median(spans)


def supplier_agreement(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    runs = [each.data for each in told if isinstance(each.data, SuppliersCompared)]
    compared = sum(run.suppliers + sum(field.compared for field in run.fields) for run in runs)
    differing = sum(len(run.missing) + sum(field.differences for field in run.fields) for run in runs)
    return {"": Decimal(100) * (compared - differing) / compared} if compared else {}


def digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))


def supplier_duplicates(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    words = [each.data for each in told if isinstance(each.data, Supplier)]
    last = {word.id: word.status for word in words}
    bare = {word: " ".join(part for part in word.name.lower().split() if part not in ("inc", "co", "ltd")) for word in words}
    pairs = {
        frozenset((one.id, other.id))
        for one in words
        for other in words
        if one.id != other.id
        and (
            (one.tax_id and digits(one.tax_id) == digits(other.tax_id))
            or (one.account and other.account and digits(one.account.number) == digits(other.account.number))
            or bare[one] == bare[other]
        )
    }
    return {"": Decimal(1000) * len(pairs) / sum(status != "retired" for status in last.values())} if last else {}


def recovery_time(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    spans = []
    for all in ends(told).values():
        failed = next((each.data.at for each in all if each.data.outcome in ("refused", "parked")), None)
        done = next((each.data.at for each in all if each.data.outcome == "done"), None)
        if failed is not None and done is not None and failed < done:
            spans.append(done - failed)
    return median(spans)


def sla_attainment(told: Sequence[Event], now: datetime, again: Mapping[str, int]) -> Counted:
    since = {debt.delivery: each.at for debt, each in owes(told)}
    first = [next(iter(all)) for id, all in ends(told).items() if id in since]
    kept = [
        each.data.outcome == "done" and each.data.at - since[each.data.delivery] <= timedelta(minutes=60)
        for each in first
        if each.data.outcome != "cancelled"
    ]
    return percent(kept)


RECOUNTS: dict[str, Recount] = {
    name: recount
    for name, recount in globals().items()
    if callable(recount) and getattr(recount, "__annotations__", {}).get("again")
}
