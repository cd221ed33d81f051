"""Bills, credits, postings and payments in Tryton: supplier invoices tied to order lines, moves under our key, reconciled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from suture.model import CreditNote, Invoice, InvoiceLine, Money, Posting, PostingLine, Remittance, RemittedInvoice
from suture.systems.system import Again, Done, Outcome
from suture.systems.tryton_goods import LATER_S, PURCHASE, found, number_of, unit_price
from suture.systems.tryton_rpc import (
    Ended,
    Row,
    Session,
    Talk,
    account,
    company,
    currency,
    day,
    decimal,
    exact,
    measure,
    party,
    product,
    refused,
    unit,
)

INVOICE = "account.invoice"
MOVE = "account.move"
#: What our bills bear in their description, so that one entered by hand is not mistaken for ours.
MARK = "Suture"
_DEFAULTS = ["default_account_payable", "default_category_account_expense"]

# -- bills and credits


def find_bill(session: Session, bill: Invoice) -> Talk[Row | None]:
    """The supplier invoice under the supplier's number; raises Ended if somebody else entered it: a person must decide."""
    rows = yield from _bills(session, bill.supplier, bill.number, ["state", "number", "description"])
    ours = [row for row in rows if row["description"] == _mark(bill)]
    if len(rows) > len(ours) or len(ours) > 1:
        others = ", ".join(number_of(row) for row in rows)
        raise refused(f"Tryton already has a bill {bill.number} of this supplier that we did not bring, or copied ours: {others}")
    return ours[0] if ours else None


def _bills(session: Session, supplier: str, number: str, fields: list[str]) -> Talk[list[Row]]:
    domain = [["reference", "=", number], ["type", "=", "in"], ["party.code", "=", supplier], ["state", "!=", "cancelled"]]
    return (yield from session.rows(INVOICE, domain, fields))


def _mark(bill: Invoice) -> str:
    return f"{MARK} {type(bill).__name__} {bill.number}"


def bring_bill(session: Session, bill: Invoice, row: Row | None) -> Talk[Outcome]:
    """Create the bill unless it is there, check Tryton's total against the supplier's, then validate and post it."""
    id = row["id"] if row else (yield from _create_bill(session, bill))
    made = yield from session.read(INVOICE, id, ["state", "number", "total_amount"])
    total = _signed(bill, bill.total.amount)
    if decimal(made["total_amount"]) != total:
        raise refused(f"Tryton makes {decimal(made['total_amount']):f} of the bill, the supplier {total:f}; its draft is left")
    made = yield from session.advance(INVOICE, id, {"draft": "validate_invoice", "validated": "post"}, ["number"])
    return Done(reference=number_of(made))


def _signed(bill: Invoice, amount: Decimal) -> Decimal:
    """Tryton's supplier credit is a bill with negative quantities."""
    return -amount if isinstance(bill, CreditNote) else amount


def _create_bill(session: Session, bill: Invoice) -> Talk[int]:
    ordered = yield from _ordered_lines(session, bill)
    session = session.within((yield from _company_of(session, bill, ordered)))
    supplier = yield from party(session, bill.supplier)
    accounts = yield from session.read(
        "account.configuration", 1, ["default_account_payable", "default_category_account_expense"]
    )
    journal = yield from session.rows("account.journal", [["type", "=", "expense"]], ["id"])
    lines = []
    for line in bill.lines:
        lines.append((yield from _bill_line(session, bill, line, ordered, accounts)))
    for name, amount in _extras(bill):
        lines.append((yield from _extra_line(session, bill, name, amount, accounts)))
    values = {
        "type": "in",
        "company": session.context["company"],
        "party": supplier["id"],
        "invoice_address": supplier["addresses"][0] if supplier["addresses"] else None,
        "payment_term": supplier["supplier_payment_term"],
        "account": supplier["account_payable"] or accounts["default_account_payable"],
        "journal": journal[0]["id"] if journal else None,
        "currency": (yield from currency(session, bill.currency)),
        "reference": bill.number,
        "description": _mark(bill),
        "invoice_date": day(bill.issued_on),
        "lines": [["create", lines]],
    }
    return (yield from session.create(INVOICE, values))


def _ordered_lines(session: Session, bill: Invoice) -> Talk[dict[tuple[str, int], Row]]:
    """The purchase lines that the bill is about, by our order and line number."""
    lines: dict[tuple[str, int], Row] = {}
    for order in bill.orders():
        rows = yield from session.rows("purchase.line", [["purchase.reference", "=", order]], ["sequence", "purchase", "company"])
        lines |= {(order, row["sequence"]): row for row in rows}
    return lines


def _company_of(session: Session, bill: Invoice, ordered: Mapping[tuple[str, int], Row]) -> Talk[int]:
    """The company that ordered; the entity that a supplier names is only his word for it."""
    for row in ordered.values():
        return int((yield from session.read(PURCHASE, row["purchase"], ["company"]))["company"])
    if bill.entity:
        return int((yield from company(session, bill.entity))["id"])
    return int(session.context["company"])


def _common(session: Session, bill: Invoice) -> Mapping[str, Any]:
    return {"type": "line", "invoice_type": "in", "company": session.context["company"]}


def _bill_line(
    session: Session, bill: Invoice, line: InvoiceLine, ordered: Mapping[tuple[str, int], Row], accounts: Row
) -> Talk[dict[str, Any]]:
    item = yield from product(session, line.item)
    origin = ordered.get((line.order, line.order_line))
    return {
        **_common(session, bill),
        "sequence": line.number,
        "product": item["id"],
        "account": (yield from _expense_account(session, item, accounts)),
        "unit": (yield from unit(session, line.quantity.unit)),
        "quantity": measure(_signed(bill, line.quantity.value)),
        "unit_price": exact(unit_price(line.price, line.quantity.unit)),
        "description": f"{line.item} for order {line.order or 'unknown'}",
        "origin": f"purchase.line,{origin['id']}" if origin else None,
    }


def _expense_account(session: Session, item: Row, accounts: Row) -> Talk[int]:
    """The account of the option ``expense_account``, else of the item's category, else the company's default."""
    if code := session.options.get("expense_account"):
        return (yield from account(session, code))
    if item["account_category"]:
        category = yield from session.read("product.category", item["account_category"], ["account_expense"])
        if category["account_expense"]:
            return int(category["account_expense"])
    if accounts["default_category_account_expense"]:
        return int(accounts["default_category_account_expense"])
    raise refused("Tryton has no expense account for the item, and the option expense_account names none")


def _extras(bill: Invoice) -> list[tuple[str, Money]]:
    """Charges, allowances and tax, each a line of its own."""
    extras = [(charge.kind, charge.amount) for charge in bill.charges]
    return extras + ([("tax", bill.tax)] if bill.tax and bill.tax.amount else [])


def _extra_line(session: Session, bill: Invoice, name: str, amount: Money, accounts: Row) -> Talk[dict[str, Any]]:
    code = session.options.get("charge_account")
    to = (yield from account(session, code)) if code else accounts["default_category_account_expense"]
    values = {"account": to, "quantity": 1.0, "unit_price": exact(_signed(bill, amount.amount)), "description": name}
    return {**_common(session, bill), **values}


# -- postings


def find_posting(session: Session, posting: Posting) -> Talk[Row | None]:
    """The move that bears our posting's id."""
    return (yield from _find_move(session, posting.id))


def _find_move(session: Session, key: str) -> Talk[Row | None]:
    return (yield from found(session, MOVE, [["description", "=", key]], []))


def bring_posting(session: Session, posting: Posting, row: Row | None) -> Talk[Outcome]:
    """Create the move unless it is there, and post it."""
    id = row["id"] if row else (yield from _create_posting(session, posting))
    row = yield from session.advance(MOVE, id, {"draft": "post"}, ["number"])
    return Done(reference=number_of(row))


def _create_posting(session: Session, posting: Posting) -> Talk[int]:
    at = yield from company(session, posting.entity)
    session = session.within(at["id"])
    yield from _in_company_currency(session, at, {line.amount.currency for line in posting.lines})
    lines = []
    for line in posting.lines:
        lines.append((yield from _posting_line(session, posting, line)))
    return (yield from _create_move(session, posting.id, posting.at.date(), session.options.get("journal", "MISC"), lines))


def _posting_line(session: Session, posting: Posting, line: PostingLine) -> Talk[dict[str, Any]]:
    words = (posting.kind, line.cost_center, posting.procedure_category, posting.cause)
    text = " ".join(word for word in words if word)
    return _side((yield from account(session, line.account)), line.amount.amount, text)


def _side(to: int, amount: Decimal, text: str, supplier: int | None = None) -> dict[str, Any]:
    """One side of a move; a debit is positive."""
    sides = {"debit": exact(max(amount, Decimal(0))), "credit": exact(max(-amount, Decimal(0)))}
    return {"account": to, **sides, "description": text, **({"party": supplier} if supplier else {})}


def _in_company_currency(session: Session, at: Row, currencies: set[str]) -> Talk[None]:
    for code in currencies:
        if (yield from currency(session, code)) != at["currency"]:
            raise refused(f"the company's books in Tryton are not kept in {code}")


def _create_move(session: Session, key: str, on: date, journal: str, lines: list[dict[str, Any]]) -> Talk[int]:
    book = yield from session.only("account.journal", [["code", "=", journal]], ["id"], f"journal {journal}")
    at = session.context["company"]
    domain = [["start_date", "<=", day(on)], ["end_date", ">=", day(on)], ["type", "=", "standard"], ["company", "=", at]]
    period = yield from session.only("account.period", domain, ["id"], f"period for {on}")
    values = {"company": at, "journal": book["id"], "period": period["id"], "date": day(on), "description": key}
    return (yield from session.create(MOVE, {**values, "lines": [["create", lines]]}))


# -- payments


def find_payment(session: Session, remittance: Remittance) -> Talk[Row | None]:
    """The move that bears the payment's id."""
    return (yield from _find_move(session, remittance.payment))


def bring_payment(session: Session, remittance: Remittance, row: Row | None) -> Talk[Outcome]:
    """Post the payment, one line for each bill, then tie each line to its bill and reconcile what is paid in full."""
    bills = []
    for line in remittance.lines:
        bills.append((yield from _paid_bill(session, remittance, line)))
    id = row["id"] if row else (yield from _create_payment(session, remittance, bills))
    row = yield from session.advance(MOVE, id, {"draft": "post"}, ["number"])
    sides = yield from session.rows("account.move.line", [["move", "=", id]], ["origin", "description", "reconciliation"])
    for line, bill in zip(remittance.lines, bills, strict=True):
        paying = next(side for side in sides if side["description"] == line.invoice)
        yield from _settle(session, bill, paying)
    return Done(reference=number_of(row))


def _paid_bill(session: Session, remittance: Remittance, line: RemittedInvoice) -> Talk[Row]:
    """The bill that is paid; its id is ours (supplier:number), of which Tryton knows the number."""
    number = line.invoice.partition(":")[2] or line.invoice
    fields = ["state", "number", "company", "account", "party", "description", "payment_lines"]
    known = yield from _bills(session, remittance.supplier, number, fields)
    bills = [bill for bill in known if str(bill["description"]).startswith(MARK)]
    if len(bills) != 1:
        raise refused(f"Tryton has {len(bills) or 'no'} bills {number} of ours to pay")
    if bills[0]["state"] in ("draft", "validated"):
        raise Ended(Again(reason=f"Tryton has not posted bill {number} yet", after_s=LATER_S))
    return bills[0]


def _create_payment(session: Session, remittance: Remittance, bills: list[Row]) -> Talk[int]:
    at = yield from session.read("company.company", bills[0]["company"], ["currency"])
    session = session.within(at["id"])
    yield from _in_company_currency(session, at, {remittance.amount.currency, *(line.paid.currency for line in remittance.lines)})
    lines, discounts = [], Decimal(0)
    for line, bill in zip(remittance.lines, bills, strict=True):
        discount = line.discount.amount if line.discount else Decimal(0)
        lines.append(_side(bill["account"], line.paid.amount + discount, line.invoice, bill["party"]))
        discounts += discount
    bank = yield from account(session, _option(session, "bank_account"))
    lines.append(_side(bank, -remittance.amount.amount, remittance.bank_reference or remittance.payment))
    if discounts:
        to = yield from account(session, _option(session, "discount_account"))
        lines.append(_side(to, -discounts, f"Discount {remittance.payment}"))
    journal = session.options.get("cash_journal", "CASH")
    return (yield from _create_move(session, remittance.payment, remittance.paid_on, journal, lines))


def _option(session: Session, name: str) -> str:
    if name not in session.options:
        raise Ended(Again(reason=f"the instance has no option {name}: a ledger account's code"))
    return session.options[name]


def _settle(session: Session, bill: Row, paying: Row) -> Talk[None]:
    """Tie one payment line to its bill; when the bill is paid to the cent, reconcile, which makes Tryton call it paid."""
    session = session.within(bill["company"])
    if paying["reconciliation"] or bill["state"] == "paid":
        return
    if paying["id"] not in bill["payment_lines"]:
        yield from session.call(f"model.{INVOICE}.write", [bill["id"]], {"payment_lines": [["add", [paying["id"]]]]})
    now = yield from session.read(INVOICE, bill["id"], ["state", "amount_to_pay", "lines_to_pay", "payment_lines"])
    if now["state"] == "posted" and decimal(now["amount_to_pay"]) == 0:
        both = [*now["lines_to_pay"], *now["payment_lines"]]
        yield from session.wizard("account.move.reconcile_lines", "account.move.line", both, {})
