"""Goods that were received and that nobody bills: a debt that no ledger knows, and perhaps an invoice that never came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from suture.journal import Event
from suture.model import Case, Decision, Item, Money, Ref, TimerFired, UnitMismatch
from suture.processes.cases import case_id, close_by, close_case, deadline, open_case, within
from suture.processes.course import Course
from suture.processes.order_account import Account
from suture.processes.process import Effect, Seen, Wait
from suture.rules.matching import EXACT, LineAccount, sizes, summed_up

NAME = "invoice_match"
_NOTHING, _ONE = Decimal(0), Decimal(1)


def await_invoice(course: Course[Account], accounts: Mapping[int, LineAccount]) -> None:
    """Wait for an invoice over what is not billed, anew whenever that becomes another sum; ``accounts`` are after all claims."""
    now = _unbilled(accounts, course.seen)
    if now == course.state.unbilled:
        return
    course.become(unbilled=now)
    close_case(course, _case_of(course.seen), "changed" if now else "billed", NAME)
    course.want(Wait(name="invoice", until=course.seen.now + within(course.seen, "invoice_hours") if now else None))


def _unbilled(accounts: Mapping[int, LineAccount], seen: Seen) -> Money | None:
    """What more was received than billed, at the order's prices, or None; lines that cannot be counted are left out."""
    currency = next((account.price.currency for account in accounts.values()), "")
    worth: dict[Decimal, Decimal] = {}
    for account in accounts.values():
        if account.price.currency == currency:
            per, amount = _open(account, seen.one(Item, account.item))
            worth[per] = EXACT.add(worth.get(per, _NOTHING), amount)
    above, below = _NOTHING, _ONE  # one fraction of them all, so that only the last step rounds
    for per, amount in worth.items():
        above, below = EXACT.fma(above, per, EXACT.multiply(amount, below)), EXACT.multiply(below, per)
    return Money(above / below, currency).rounded() if above > 0 else None


def _open(account: LineAccount, item: Item | None) -> tuple[Decimal, Decimal]:
    """What the price of a line is per, and what is received and not billed times that price."""
    price = account.price
    try:
        size = sizes((price.per, *account.received, *account.billed), account.ordered.unit, item)
    except UnitMismatch:
        return _ONE, _NOTHING
    left = EXACT.subtract(summed_up(account.received, size), summed_up(account.billed, size))
    return EXACT.multiply(price.per.value, size[price.per.unit]), EXACT.multiply(max(left, _NOTHING), price.amount)


def overdue(state: Account, event: Event, seen: Seen) -> tuple[Account, Sequence[Effect]]:
    """The supplier has not billed what it delivered: the invoice may have been lost on its way."""
    course = Course(state, seen)
    if isinstance(event.data, TimerFired) and event.data.name == "invoice" and state.unbilled is not None:
        receipts = tuple(Ref("GoodsReceipt", receipt.id) for receipt in state.receipts[:20] if not receipt.reverses)
        case = Case(
            id=_case_of(seen),
            reason="invoice_overdue",
            text=f"{state.supplier} has not billed {state.unbilled} of what it delivered for {seen.key}",
            objects=(Ref("PurchaseOrder", seen.key), *receipts),
            owner="ap",
            at=seen.now,
            deadline=deadline(seen),
            money=state.unbilled,
            actions=("accept",),
            context={
                "supplier": state.supplier,
                "billed so far": ", ".join(bill.number for bill in state.bills)[:500] or "nothing",
            },
            suggestion="ask the supplier for the invoice and accrue it; accept if none will come",
        )
        open_case(course, case)
    return course.end()


def decided(state: Account, event: Event, seen: Seen) -> tuple[Account, Sequence[Effect]]:
    """A person knows about it; the exception comes again only if something else is not billed."""
    course = Course(state, seen)
    assert isinstance(event.data, Decision)
    close_by(course, event.data)
    return course.end()


def _case_of(seen: Seen) -> str:
    return case_id(NAME, seen.key, "invoice_overdue")
