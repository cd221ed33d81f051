"""How orders, invoices and payments stand, drawn from the states of their processes and from what systems say of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from suture.gateway.access import ANYTHING, About
from suture.gateway.operation import Given, Inside, Part, Said
from suture.model import Approval, Invoice, OrderLine, PaymentInstruction, PurchaseOrder, Remittance
from suture.processes.claim import Claim
from suture.processes.fulfilment import Fulfilment
from suture.processes.payment import Transfer
from suture.views.register import Entry

#: The processes that know them.
ORDERS, INVOICES, PAYMENTS = "order_to_receipt", "invoice_to_payment", "payment"


class Order(Struct, frozen=True, kw_only=True):
    """An order, its state and version, and whose it is."""

    order: PurchaseOrder
    state: Fulfilment
    version: int
    about: About


async def order(id: str, inside: Inside) -> Order | None:
    """An order that the ERP has committed, by its number; None if there is none."""
    state, version = await inside.state(ORDERS, id)
    if not isinstance(state, Fulfilment) or state.order is None:
        return None
    found = state.order
    about = About(supplier=found.supplier, entity=found.entity, facility=found.facility)
    return Order(order=found, state=state, version=version, about=about)


def received(standing: Order, line: OrderLine) -> Decimal:
    """What was received of a line, in the line's unit."""
    return standing.state.received().get(line.number, Decimal(0))


async def orders_of(supplier: str, orders: tuple[str, ...], inside: Inside) -> str:
    """Why these orders are not all this supplier's; "" if they are. What is another's is told like what does not exist."""
    for id in orders:
        found = await order(id, inside)
        if found is None or found.order.supplier != supplier:
            return f"there is no order {id} to {supplier}"
    return ""


class Bill(Struct, frozen=True, kw_only=True):
    """An invoice or credit note, its state and version, and whose it is."""

    bill: Invoice
    state: Claim
    version: int
    about: About


async def bill(id: str, inside: Inside) -> Bill | None:
    """An invoice by our id of it (SUPPLIER:NUMBER); None if there is none."""
    state, version = await inside.state(INVOICES, id)
    if not isinstance(state, Claim) or state.bill is None:
        return None
    entity = next((result.entity for result in state.results if result.entity), state.bill.entity)
    facility = next((result.facility for result in state.results if result.facility), "")
    about = About(supplier=state.bill.supplier, entity=entity, facility=facility)
    return Bill(bill=state.bill, state=state, version=version, about=about)


class Paid(Struct, frozen=True, kw_only=True):
    """A payment, its state and version, and whose it is."""

    instruction: PaymentInstruction
    state: Transfer
    version: int
    about: About


async def payment(id: str, inside: Inside) -> Paid | None:
    """A payment by its end-to-end id; None if there is none."""
    state, version = await inside.state(PAYMENTS, id)
    if not isinstance(state, Transfer) or state.instruction is None:
        return None
    about = About(supplier=state.instruction.supplier, entity=state.instruction.entity)
    return Paid(instruction=state.instruction, state=state, version=version, about=about)


def in_own_name(given: Given, document: Approval) -> str:
    """Why this answer is not the caller's own; "" if it is. An approval is a person's word."""
    own = given.caller.kind == "person" and document.approver == given.caller.subject
    return "" if own else "an approval is given by a person, in its own name: the approver is who hands it over"


# -- what others say of money


async def bank(paid: Paid | None, inside: Inside, now: datetime) -> Part:
    """What the bank has acknowledged; what it says next comes by itself, so that the last word is the present one."""
    if paid is None:
        return Part(source="bank", state="none")
    seen = await inside.registered("payment", paid.instruction.id)
    return _since(Part(source="bank", state=paid.state.phase), seen, now)


async def settlement(paid: Paid | None, inside: Inside) -> Part:
    """Whether the ERP holds the payment that clears the invoices."""
    if paid is None:
        return Part(source="erp", state="none")
    told = _remittance(paid)
    return await inside.holds("erp", told, paid.about)


async def remittance(paid: Paid | None, inside: Inside, now: datetime) -> Part:
    """Whether the payee has been told what the payment is for."""
    if paid is None:
        return Part(source="suture", state="none")
    seen = await inside.registered("payment", paid.instruction.id)
    return _since(Part(source="suture", state="sent" if paid.state.remitted else "not sent"), seen, now)


def _remittance(paid: Paid) -> Remittance:
    """The document under which the ERP knows the payment: its number is all that is looked for."""
    found = paid.instruction
    return Remittance(payment=found.id, supplier=found.supplier, amount=found.amount, paid_on=found.execute_on, lines=())


def _since(part: Part, seen: Entry | None, now: datetime) -> Part:
    if seen is None:
        return part
    age = round(max(0.0, (now - seen.at).total_seconds()), 3)
    return Part(source=part.source, state=part.state, at=seen.at, age_s=age)


def own(supplier: str) -> About:
    """What belongs to a supplier; for nobody in particular, anything."""
    return About(supplier=supplier) if supplier else ANYTHING


def versioned(value: Struct, about: About, version: int, *more: str) -> Said:
    """An answer whose ETag is the version of its process's state, and of what else is said in it."""
    return Said(value=value, about=(about,), etag="-".join((str(version), *more)))
