"""What one order knows of its lines, receipts and bills, and how the match reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

from msgspec import Struct, structs

from suture.model import CreditNote, Invoice, InvoiceLine, MatchedLine, Money, OrderLine, Price, Quantity
from suture.rules.credits import Billed
from suture.rules.matching import LineAccount
from suture.rules.totals import nets


class Ordered(Struct, frozen=True, omit_defaults=True):
    """One order line as the match needs it."""

    number: int
    item: str
    quantity: Quantity
    price: Price


class Change(Struct, frozen=True, omit_defaults=True):
    """One version of the order: the lines that it changed, or the end of all of them."""

    version: int
    cancels: bool
    lines: tuple[Ordered, ...] = ()


class Receipt(Struct, frozen=True, omit_defaults=True):
    """What one receipt counted per order line, or which receipt it undoes."""

    id: str
    lines: tuple[tuple[int, Quantity], ...] = ()
    reverses: str = ""


class Bill(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An invoice or credit note, as far as it bills this order, and what was last said of it."""

    id: str
    number: str
    supplier: str
    issued_on: date
    currency: str
    lines: tuple[InvoiceLine, ...]
    credit: bool = False
    #: The invoice that a credit note corrects.
    corrects: str = ""
    #: Whether a credit note's lines may be set against invoice lines: it lowers what is owed by as much.
    nets: bool = False
    #: Rejected by a person, or a second copy that is not to be paid: it holds nothing any more.
    released: bool = False
    version: int = 0
    outcome: Literal["", "matched", "waiting", "exception"] = ""
    told: tuple[MatchedLine, ...] = ()


class Account(Struct, frozen=True, omit_defaults=True):
    """What one order knows of its lines, receipts and bills. Facts only: the judgement is drawn from them each time."""

    phase: str = "unordered"
    order: str = ""
    supplier: str = ""
    entity: str = ""
    facility: str = ""
    requester: str = ""
    lines: tuple[Ordered, ...] = ()
    changes: tuple[Change, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    bills: tuple[Bill, ...] = ()
    #: What was received and is not billed, at the order's prices; an invoice over it is awaited.
    unbilled: Money | None = None
    cases: tuple[str, ...] = ()


def line_accounts(state: Account) -> dict[int, LineAccount]:
    """Every order line as it stands: the latest version of what was ordered, and the receipts that were not undone."""
    lines = {line.number: line for line in state.lines}
    cancelled: set[int] = set()
    for change in state.changes:
        if change.cancels and not change.lines:
            cancelled |= lines.keys()
        lines.update((line.number, line) for line in change.lines)
        named = {line.number for line in change.lines}
        gone = {line.number for line in change.lines if change.cancels or not line.quantity.value}
        cancelled = (cancelled - named) | gone
    received = _received(state.receipts)
    return {
        line.number: LineAccount(
            number=line.number,
            item=line.item,
            ordered=line.quantity,
            price=line.price,
            received=tuple(received.get(line.number, ())),
            cancelled=line.number in cancelled,
        )
        for line in lines.values()
    }


def _received(receipts: Sequence[Receipt]) -> dict[int, list[Quantity]]:
    """What was counted per order line by the receipts that were not undone."""
    undone = {receipt.reverses for receipt in receipts}
    counted: dict[int, list[Quantity]] = {}
    for receipt in receipts:
        for number, quantity in receipt.lines if receipt.id not in undone else ():
            counted.setdefault(number, []).append(quantity)
    return counted


def after_claim(
    accounts: dict[int, LineAccount], claimed: Mapping[int, tuple[Quantity, ...]], passed: bool
) -> dict[int, LineAccount]:
    """The accounts after a bill has had its part: of the order in any case, of the goods if it matched."""
    after = dict(accounts)
    for number, quantities in claimed.items():
        account = after[number]
        matched = (*account.matched, *quantities) if passed else account.matched
        after[number] = structs.replace(account, billed=(*account.billed, *quantities), matched=matched)
    return after


def order_lines(lines: Iterable[OrderLine]) -> tuple[Ordered, ...]:
    """Order lines as they are kept here."""
    return tuple(Ordered(line.number, line.item, line.quantity, line.price) for line in lines)


def bill_of(invoice: Invoice, order: str) -> Bill:
    """An invoice or credit note, as far as it bills ``order``."""
    note = invoice if isinstance(invoice, CreditNote) else None
    return Bill(
        id=invoice.id,
        number=invoice.number,
        supplier=invoice.supplier,
        issued_on=invoice.issued_on,
        currency=invoice.currency,
        lines=tuple(line for line in invoice.lines if line.order == order),
        credit=note is not None,
        corrects=f"{note.supplier}:{note.corrects}" if note and note.corrects else "",
        nets=note is not None and nets(note),
    )


def credits_of(state: Account, bill: Bill) -> list[InvoiceLine]:
    """The credit lines that come off a bill: of notes that correct it and lower what is owed by as much."""
    notes = (note for note in state.bills if note.credit and note.corrects == bill.id and note.nets)
    return [line for note in notes if note.currency == bill.currency for line in note.lines]


def creditable(note: Bill, earlier: Sequence[Bill]) -> Billed:
    """What a credit note may take back from, and what notes before it have taken."""
    scope = [bill for bill in earlier if not note.corrects or note.corrects in (bill.id, bill.corrects)]
    invoices = [bill for bill in scope if not bill.credit]
    return Billed(
        lines=tuple(line for bill in invoices for line in bill.lines),
        credited=tuple(line for bill in scope if bill.credit for line in bill.lines),
        here=bool(invoices) or not note.corrects,
    )
