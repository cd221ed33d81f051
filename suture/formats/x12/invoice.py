"""Invoices and credit notes, 810, read and written.

BIG01 and BIG02 are date and number, BIG04 the order if all lines bill one, BIG07 DI or CR. Per line IT101 the number, IN the
item, PO and PL (among the product ids) order and order line, PAM the amount where it is not quantity times price. TDS01 is the
total in hundredths, TXI the tax, SAC freight (D240), handling (D500), allowance (C310), other and rounding (F050); ITD06 the due
date, REF OI what a credit corrects, N1 BT the entity. A credit may come as BIG07 CR or CN, or with a negative total: the amounts
of its document are positive. How a bill reached the hospital (``route``) is not said: what comes as an 810 came by EDI.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from msgspec import Struct, structs

from suture.formats.format import Unwritable
from suture.formats.x12 import lines
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import cents, cents_text, day, day_text, real, real_text, whole
from suture.formats.x12.faults import Notes, Refusal, Segment
from suture.formats.x12.heading import (
    Row,
    check_totals,
    code_of,
    currency_of,
    order_number,
    parties,
    party,
    reference,
    referenced,
    row,
    seller,
)
from suture.formats.x12.lines import IT1
from suture.formats.x12.segments import CTP, CTT, CUR, DTM, ITD, NOTE, PARTY, PER, PID, REF, SAC, ST, SUBLINE, product_ids
from suture.formats.x12.spec import Loop, LoopSpec, Use, optional, required, segment
from suture.model import Charge, CreditNote, Invoice, InvoiceLine, Money, Price, UnitMismatch

Kind = Literal["freight", "handling", "allowance", "rounding", "other"]

BIG = segment(
    "BIG",
    required(1, "DT", 8, 8),
    required(2, "AN", 1, 22),
    optional(4, "AN", 1, 22),
    optional(5, "AN", 1, 30),
    optional(7, "ID", 2, 2),
    optional(8, "ID", 2, 2, "00 01 05 06 07"),
)
TDS = segment("TDS", required(1, "N2", 1, 15))
TXI = segment("TXI", required(1, "ID", 2, 2), optional(2, "R", 1, 18))
PAM = segment("PAM", optional(4, "ID", 1, 3), optional(5, "R", 1, 18))
_IT1 = segment(
    "IT1",
    optional(1, "AN", 1, 20),
    required(2, "R", 1, 15),
    required(3, "ID", 2, 2),
    optional(4, "R", 1, 17),
    optional(5, "ID", 2, 2),
    *product_ids(6),
)

SPEC = LoopSpec(
    ST,
    (Use(BIG, required=True, most=1), CUR, REF, PER, ITD, DTM, Use(TDS, required=True, most=1), TXI, SAC, CTT),
    (PARTY, NOTE, LoopSpec(_IT1, (CTP, PAM, TXI, PID, REF, SAC, DTM, ITD), (PARTY, NOTE, SUBLINE), required=True)),
)

_CREDITS = frozenset({"CN", "CR"})
_CANCELLED, _REPLACED, _DUPLICATE = "01", "05", "07"
_KINDS: dict[str, Kind] = {"D240": "freight", "D500": "handling", "C310": "allowance"}
_OTHER, _ROUNDING = "F050", "ROUNDING"
_CODES: dict[Kind, str] = {"freight": "D240", "handling": "D500", "allowance": "C310", "rounding": _OTHER, "other": _OTHER}
#: SAC02 of a tax that some partners send beside TXI or instead of it.
_TAX = "H850"
_CENT = Decimal("0.01")

# -- reading


class Sums(Struct, frozen=True):
    """What is added to the lines: charges and tax, as one of the two ways of counting them has it."""

    charges: tuple[Charge, ...]
    tax: Money | None

    def total(self) -> Decimal:
        """Charges and tax together."""
        return sum((charge.amount.amount for charge in self.charges), self.tax.amount if self.tax else Decimal(0))


def read_invoice(tree: Loop, agreement: Agreement, notes: Notes) -> Invoice:
    """The invoice or credit note in an 810; raises Refusal for what neither has words for."""
    begin = tree.one("BIG")
    _check_purpose(begin, notes)
    currency = currency_of(tree, agreement)
    order = order_number(begin[4], begin[5]) if begin[4] else ""
    billed = _read_lines(tree, order, currency, agreement, notes)
    quantities = [real(loop.head[2]) for loop in tree.inner("IT1") if loop.head[2]]
    check_totals(tree, len(tree.inner("IT1")), sum(quantities, Decimal(0)), notes)
    total = Money(cents(tree.one("TDS")[1]), currency)
    sums = _sums(tree, billed, total, currency, notes)
    issued_on = day(begin[1])
    assert issued_on is not None, "checked before"
    invoice = Invoice(
        number=begin[2],
        supplier=seller(tree, agreement),
        issued_on=issued_on,
        currency=currency,
        lines=billed,
        total=total,
        tax=sums.tax,
        charges=sums.charges,
        due_on=_due_on(tree, issued_on),
        entity=_entity(tree),
    )
    if begin[7] in _CREDITS or total.amount < 0:
        return _credit(invoice, referenced(tree, "OI", "IV"))
    return invoice


def _check_purpose(begin: Segment, notes: Notes) -> None:
    if begin[8] == _CANCELLED:
        raise Refusal(begin.fault("x12.unsupported", "an invoice is taken back by a credit note", 8, ack="7"))
    if begin[8] == _REPLACED:
        notes.warn(begin.fault("x12.correction", "this invoice replaces an earlier one of its number", 8, severity="warning"))
    if begin[8] == _DUPLICATE:
        notes.warn(begin.fault("x12.duplicate", "the sender says that this invoice was sent before", 8, severity="warning"))


def _entity(tree: Loop) -> str:
    billed = parties(tree).get("BT")
    return code_of(billed) if billed else ""


def _due_on(tree: Loop, issued_on: date) -> date | None:
    """The net due date of the first terms that have one: ITD06, or ITD07 days after the invoice's date."""
    for terms in tree.all("ITD"):
        if terms[6] or terms[7]:
            return day(terms[6]) or issued_on + timedelta(days=int(terms[7] or 0))
    return None


def _read_lines(tree: Loop, order: str, currency: str, agreement: Agreement, notes: Notes) -> tuple[InvoiceLine, ...]:
    found: list[InvoiceLine] = []
    for loop in tree.inner("IT1"):
        try:
            found.append(_line(loop, order, currency, agreement))
        except Refusal as refusal:
            notes.add(refusal.fault)
    numbers = Counter(line.number for line in found)
    if any(count > 1 for count in numbers.values()):
        # An invoice over several orders counts each order's lines anew.
        found = [structs.replace(line, number=place) for place, line in enumerate(found, 1)]
    return tuple(found)


def _line(loop: Loop, order: str, currency: str, agreement: Agreement) -> InvoiceLine:
    head = loop.head
    item, pairs = lines.required_item(head, IT1.ids, agreement)
    ids = lines.by_qualifier(pairs)
    quantity = lines.quantity(head, IT1.quantity, IT1.unit)
    price = lines.required_price(loop, IT1, quantity.unit, currency)
    written = whole(head[1])
    billed = ids.get("PO", "") or referenced(loop, "PO") or order
    line = whole(ids["PL"]) if "PL" in ids else written
    return InvoiceLine(
        number=head.ordinal if written is None else written,
        item=item,
        quantity=quantity,
        price=price,
        amount=_amount(loop, quantity.value, price, quantity.unit),
        order=billed,
        order_line=(line or 0) if billed else 0,
    )


def _amount(loop: Loop, value: Decimal, price: Price, unit: str) -> Money:
    """What PAM says the line comes to, else quantity times price; raises Refusal where they are in different units."""
    for said in loop.all("PAM"):
        if said[4] == "1" and said[5]:
            return Money(real(said[5]), price.currency)
    if unit != price.per.unit:
        text = f"the price is per {price.per.unit}, the quantity in {unit}, and no PAM says the amount"
        raise Refusal(loop.head.fault("x12.price_basis", text, IT1.basis, ack="7"))
    return Money(price.amount * value / price.per.value, price.currency).rounded()


def _sums(tree: Loop, billed: tuple[InvoiceLine, ...], total: Money, currency: str, notes: Notes) -> Sums:
    """Charges and tax, counted as they add up.

    Some partners repeat in the summary what stands at the lines, others say there only what concerns the whole invoice: the way
    of counting is taken under which lines, charges and tax come to the total, to a cent per line.
    """
    details = tree.inner("IT1")
    ways = [_counted([tree], currency), _counted([tree, *details], currency)]
    if not tree.all("SAC") or not tree.all("TXI"):
        ways.append(_counted(details, currency))
    net = sum((line.amount.amount for line in billed), Decimal(0))
    tolerance = _CENT * max(1, len(billed))
    for way in ways:
        if abs(net + way.total() - total.amount) <= tolerance:
            return way
    if not notes.refused:
        text = f"lines, charges and tax come to {net + ways[0].total()}, the total says {total.amount}"
        notes.warn(tree.one("TDS").fault("x12.total", text, 1, ack="7", severity="warning"))
    return ways[0]


def _counted(loops: Iterable[Loop], currency: str) -> Sums:
    allowances = [said for loop in loops for said in loop.all("SAC") if said[1] in "ACP"]
    taxes = [real(said[2]) for loop in loops for said in loop.all("TXI") if said[2]]
    taxes = taxes or [cents(said[5]) for said in allowances if said[2] == _TAX and said[5]]
    charges = tuple(_charge(said, currency) for said in allowances if said[2] != _TAX)
    return Sums(charges, Money(sum(taxes, Decimal(0)), currency) if taxes else None)


def _charge(said: Segment, currency: str) -> Charge:
    if not said[5]:
        raise Refusal(said.fault("x12.missing", "an allowance or charge needs its amount", 5, ack="2"))
    is_charge = said[1] == "C"
    amount = cents(said[5]) if is_charge else -cents(said[5])
    kind: Kind = "other" if is_charge or said[2] == _OTHER else "allowance"
    if said[2] == _OTHER and said[15] == _ROUNDING:
        kind = "rounding"
    return Charge(kind=_KINDS.get(said[2], kind), amount=Money(amount, currency))


def _credit(invoice: Invoice, corrects: str) -> CreditNote:
    """The same as a credit, its amounts turned to be positive where they came negative."""
    values = {name: getattr(invoice, name) for name in Invoice.__struct_fields__}
    if invoice.total.amount < 0:
        values |= {
            "total": -invoice.total,
            "tax": -invoice.tax if invoice.tax else None,
            "charges": tuple(Charge(kind=charge.kind, amount=-charge.amount) for charge in invoice.charges),
            "lines": tuple(map(_turned, invoice.lines)),
        }
    return CreditNote(corrects=corrects, **values)


def _turned(line: InvoiceLine) -> InvoiceLine:
    if line.price.amount < 0:
        price = Price(-line.price.amount, line.price.currency, line.price.per)
        return structs.replace(line, price=price, amount=-line.amount)
    return structs.replace(line, quantity=-line.quantity, amount=-line.amount)


# -- writing


def write_invoice(invoice: Invoice, agreement: Agreement) -> list[Row]:
    """The segments of an 810 between ST and SE; raises Unwritable."""
    _check_currency(invoice)
    is_credit = isinstance(invoice, CreditNote)
    orders = {line.order for line in invoice.lines}
    order = orders.pop() if len(orders) == 1 else ""
    corrects = invoice.corrects if isinstance(invoice, CreditNote) else ""
    kind = "CR" if is_credit else "DI"
    return [
        row("BIG", day_text(invoice.issued_on), invoice.number, "", order, "", "", kind, "00"),
        row("CUR", "SE", invoice.currency),
        *([reference("OI", corrects)] if corrects else []),
        party("SU", invoice.supplier),
        *([party("BT", invoice.entity)] if invoice.entity else []),
        *([row("ITD", "01", "3", "", "", "", day_text(invoice.due_on))] if invoice.due_on else []),
        *(cells for line in invoice.lines for cells in _written_line(line, order, agreement)),
        row("TDS", _cents(invoice.total)),
        *([row("TXI", "TX", real_text(invoice.tax.amount))] if invoice.tax else []),
        *(_written_charge(charge) for charge in invoice.charges),
        row("CTT", str(len(invoice.lines))),
    ]


def _check_currency(invoice: Invoice) -> None:
    amounts = [invoice.total, *(charge.amount for charge in invoice.charges), *(line.amount for line in invoice.lines)]
    named = {money.currency for money in amounts} | {line.price.currency for line in invoice.lines}
    if invoice.tax:
        named.add(invoice.tax.currency)
    if named != {invoice.currency}:
        raise Unwritable("an 810 has one currency")


def _cents(money: Money) -> str:
    try:
        return cents_text(money.amount)
    except ValueError as error:
        raise Unwritable("TDS and SAC count hundredths") from error


def _written_line(line: InvoiceLine, order: str, agreement: Agreement) -> list[Row]:
    amount, unit = lines.quantity_cells(line.quantity)
    (price, basis), detail = lines.price_cells(line.price, line.quantity.unit)
    ids = [agreement.item_qualifier, line.item]
    if line.order and not order:
        ids += ["PO", line.order]
    if line.order and line.order_line != line.number:
        ids += ["PL", str(line.order_line)]
    return [row("IT1", str(line.number), amount, unit, price, basis, *ids), *detail, *_written_amount(line)]


def _written_amount(line: InvoiceLine) -> list[Row]:
    """PAM, where the amount does not follow from quantity and price."""
    try:
        follows = line.price.of(line.quantity).rounded() == line.amount
    except UnitMismatch:
        follows = False
    return [] if follows else [row("PAM", "", "", "", "1", real_text(line.amount.amount))]


def _written_charge(charge: Charge) -> Row:
    is_charge = charge.amount.amount >= 0
    described = _ROUNDING if charge.kind == "rounding" else ""
    cells = ("C" if is_charge else "A", _CODES[charge.kind], "", "", _cents(abs(charge.amount)))
    return row("SAC", *cells, *[""] * 9, described)
