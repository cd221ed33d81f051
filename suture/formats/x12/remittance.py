"""The remittance advice, 820, read and written: what a payment was for.

BPR02 and BPR16 are amount and day, TRN02 the payment, REF TN the bank's reference, N1 PE the supplier. Each RMR says one invoice
by the supplier's own number: RMR04 is what is paid of it, net of discount (RMR06) and of the ADX beneath it; an ADX outside of
any RMR adds to the payment (a negative one takes away). Our invoices are known as SUPPLIER:NUMBER, so the supplier's name is put
before the number when read and left away when written. A payment's name longer than 30 characters goes into REF ZZ.
"""

from __future__ import annotations

from decimal import Decimal

from suture.formats.format import Unwritable
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import day, day_text, real, real_text
from suture.formats.x12.faults import Notes, Refusal, Segment
from suture.formats.x12.heading import (
    LONGEST_REFERENCE,
    Row,
    currency_of,
    day_of,
    own_code,
    parties,
    party,
    reference,
    referenced,
    row,
    short,
)
from suture.formats.x12.segments import CUR, DTM, PARTY, PER, REF, ST
from suture.formats.x12.spec import Loop, LoopSpec, Use, optional, required, segment
from suture.model import Money, Remittance, RemittedInvoice

BPR = segment(
    "BPR",
    required(1, "ID", 1, 2, "C D I P U X"),
    required(2, "R", 1, 18),
    required(3, "ID", 1, 1, "C D"),
    required(4, "ID", 3, 3),
    optional(16, "DT", 8, 8),
)
TRN = segment("TRN", required(1, "ID", 1, 2), required(2, "AN", 1, 50))
RMR = segment(
    "RMR",
    required(1, "ID", 2, 3, "CL CM DB DL IV OI"),
    required(2, "AN", 1, 50),
    optional(4, "R", 1, 18),
    optional(5, "R", 1, 18),
    optional(6, "R", 1, 18),
)
ADX = segment("ADX", required(1, "R", 1, 18), required(2, "ID", 2, 2), optional(3, "ID", 2, 3), optional(4, "AN", 1, 50))

_ADJUSTMENT = LoopSpec(ADX, (REF, DTM))
_OPEN_ITEM = LoopSpec(RMR, (REF, DTM), (_ADJUSTMENT,))
SPEC = LoopSpec(
    ST,
    (Use(BPR, required=True, most=1), TRN, CUR, REF, DTM),
    (PARTY, LoopSpec(segment("ENT"), (REF, PER), (_ADJUSTMENT, _OPEN_ITEM)), _OPEN_ITEM, _ADJUSTMENT),
)

_PRENOTE, _DEBIT = "P", "D"


def read_remittance(tree: Loop, agreement: Agreement, notes: Notes) -> Remittance:
    """The remittance in an 820; raises Refusal for what a Remittance has no words for."""
    begin = tree.one("BPR")
    if begin[1] == _PRENOTE:
        raise Refusal(begin.fault("x12.unsupported", "a prenotification pays nothing", 1, ack="7"))
    if begin[3] == _DEBIT:
        raise Refusal(begin.fault("x12.unsupported", "a debit takes money back; a remittance pays", 3, ack="7"))
    currency = currency_of(tree, agreement)
    payee = parties(tree).get("PE")
    supplier = (own_code(payee) if payee else "") or agreement.partner
    amount = Money(real(begin[2]), currency)
    lines = _lines(tree, supplier, currency, notes)
    paid_on = day(begin[16]) if begin[16] else day_of(tree.all("DTM"), "097", "009")
    if paid_on is None:
        raise Refusal(begin.fault("x12.missing", "the day of the payment is due", 16, ack="2"))
    _check_sum(tree, amount, lines, notes)
    return Remittance(
        payment=_payment(tree, begin, notes),
        supplier=supplier,
        amount=amount,
        paid_on=paid_on,
        lines=lines,
        bank_reference=referenced(tree, "TN"),
    )


def write_remittance(remittance: Remittance, agreement: Agreement) -> list[Row]:
    """The segments of an 820 between ST and SE; raises Unwritable. No bank detail is said."""
    currency = remittance.amount.currency
    fits = len(remittance.payment) <= LONGEST_REFERENCE
    paid_on = day_text(remittance.paid_on)
    return [
        row("BPR", "I", real_text(remittance.amount.amount), "C", "ACH", *[""] * 11, paid_on),
        *([row("TRN", "1", remittance.payment)] if fits else []),
        row("CUR", "PR", currency),
        *([] if fits else [reference("ZZ", remittance.payment)]),
        *([reference("TN", remittance.bank_reference)] if remittance.bank_reference else []),
        party("PE", remittance.supplier),
        row("ENT", "1"),
        *(_written_line(line, remittance.supplier, currency) for line in remittance.lines),
    ]


def _payment(tree: Loop, begin: Segment, notes: Notes) -> str:
    trace = tree.first("TRN")
    if trace is None and not referenced(tree, "ZZ"):
        text = "no TRN names the payment; the interchange stands for it"
        notes.warn(begin.fault("x12.defaulted", text, severity="warning"))
    return trace[2] if trace else referenced(tree, "ZZ") or notes.source


def _lines(tree: Loop, supplier: str, currency: str, notes: Notes) -> tuple[RemittedInvoice, ...]:
    found: list[RemittedInvoice] = []
    for loop in (tree, *tree.inner("ENT")):
        for inner in loop.loops:
            if inner.head.name == "RMR":
                found.append(_line(inner, supplier, currency, notes))
            elif inner.head.name == "ADX":
                found += _adjustment(inner.head, supplier, currency, notes)
    return tuple(found)


def _line(loop: Loop, supplier: str, currency: str, notes: Notes) -> RemittedInvoice:
    """An open item: RMR04, or what gross, discount and adjustments leave; they are compared where both are said."""
    head = loop.head
    adjusted = sum((real(inner.head[1]) for inner in loop.inner("ADX")), Decimal(0))
    discount = real(head[6]) if head[6] else None
    left = real(head[5]) - (discount or 0) + adjusted if head[5] else None
    paid = real(head[4]) if head[4] else left
    if paid is None:
        raise Refusal(head.fault("x12.missing", "neither RMR04 nor RMR05 says an amount", 4, ack="2"))
    if left is not None and left != paid:
        text = f"gross, discount and adjustments leave {left}, but {paid} is paid"
        notes.warn(head.fault("x12.total", text, 4, ack="7", severity="warning"))
    money = Money(discount, currency) if discount is not None else None
    return RemittedInvoice(invoice=f"{supplier}:{head[2]}", paid=Money(paid, currency), discount=money)


def _adjustment(head: Segment, supplier: str, currency: str, notes: Notes) -> list[RemittedInvoice]:
    """An adjustment of the payment itself: a line of its own, if it says to what document it belongs."""
    if head[4]:
        return [RemittedInvoice(invoice=f"{supplier}:{head[4]}", paid=Money(real(head[1]), currency))]
    notes.warn(head.fault("x12.adjustment", "an adjustment of no document is in no line", 4, severity="warning"))
    return []


def _check_sum(tree: Loop, amount: Money, lines: tuple[RemittedInvoice, ...], notes: Notes) -> None:
    loops = (tree, *tree.inner("ENT"))
    unplaced = [real(inner.head[1]) for loop in loops for inner in loop.inner("ADX") if not inner.head[4]]
    total = sum((line.paid.amount for line in lines), sum(unplaced, Decimal(0)))
    if lines and total != amount.amount:
        text = f"open items and adjustments come to {total}, the payment says {amount.amount}"
        notes.warn(tree.one("BPR").fault("x12.total", text, 2, ack="7", severity="warning"))


def _written_line(line: RemittedInvoice, supplier: str, currency: str) -> Row:
    if line.paid.currency != currency or (line.discount and line.discount.currency != currency):
        raise Unwritable("an 820 has one currency")
    number = short(_own_number(line.invoice, supplier), "the invoice's number")
    gross, discount = "", ""
    if line.discount:
        gross, discount = real_text(line.paid.amount + line.discount.amount), real_text(line.discount.amount)
    return row("RMR", "IV", number, "", real_text(line.paid.amount), gross, discount)


def _own_number(invoice: str, supplier: str) -> str:
    """The supplier's own number for an invoice that we call SUPPLIER:NUMBER, be it under this name of the supplier or another."""
    return invoice.removeprefix(f"{supplier}:") if invoice.startswith(f"{supplier}:") else invoice.partition(":")[2] or invoice
