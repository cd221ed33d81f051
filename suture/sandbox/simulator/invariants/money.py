"""Promises about money: billed once, posted once, paid once, matched or accepted by two, released by whoever may, told to all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from suture.journal import Recorded
from suture.model import Approval, CreditNote, Invoice, InvoiceLine, Money, PaymentInstruction, PaymentStatus, Policy, Supplier
from suture.sandbox.simulator.invariants.facts import ZERO, Check, Facts, Place, summed, times

#: What a line may cost more than ordered before somebody has to accept it, under any policy that the people of the run set.
DEARER_PERCENT, DEARER_AMOUNT = Decimal(3), Decimal(5)
#: How long it may take until nobody pays any more for goods that a dock took back.
UNDOING = timedelta(days=1)
#: Exceptions of an invoice that two people with authority over all of it have to accept.
MISMATCHES = ("match_exception", "no_order", "receipt_overdue")


def _payables(facts: Facts) -> dict[str, dict[str, object]]:
    return {one.reference: one.body for erp in facts.world.stage.erps.values() for one in erp.invoices}


def _gross(body: dict[str, object]) -> Decimal:
    gross = body["gross"]
    assert isinstance(gross, dict)
    return Decimal(gross["value"])


def _billed(facts: Facts) -> dict[str, Invoice]:
    return {f"{bill.supplier}:{bill.number}": bill for one in facts.world.stage.suppliers.values() for bill in one.invoices}


def _credits(facts: Facts, invoice: str) -> list[CreditNote]:
    """The credit notes that correct an invoice."""
    notes = (note for one in facts.world.stage.suppliers.values() for note in one.credits)
    return [note for note in notes if f"{note.supplier}:{note.corrects}" == invoice]


def _owed(facts: Facts, invoice: str, gross: Decimal) -> Decimal:
    return max(ZERO, gross - sum((note.total.amount for note in _credits(facts, invoice)), ZERO))


def _reported(facts: Facts, *statuses: str) -> set[str]:
    """The payments of which the bank said one of these."""
    rows = (row.event.data for row in facts.rows if row.event.kind == "accepted")
    return {status.payment for status in rows if isinstance(status, PaymentStatus) and status.status in statuses}


def _instructed(facts: Facts) -> dict[str, tuple[int, PaymentInstruction]]:
    found: dict[str, tuple[int, PaymentInstruction]] = {}
    for row in facts.rows:
        if isinstance(row.event.data, PaymentInstruction):
            found.setdefault(row.event.data.id, (row.position, row.event.data))
    return found


# -- the ledger


def invoices_reach_the_ledger(facts: Facts) -> Iterator[str]:
    """Every bill ends: posted as it was billed, rejected by a person, or an open exception."""
    booked, billed = (
        _payables(facts),
        _billed(facts) | {note.id: note for one in facts.world.stage.suppliers.values() for note in one.credits},
    )
    for id in sorted(billed.keys() - booked.keys()):
        told = facts.world.stage.ap.statuses.get(id, [])
        rejected = bool(facts.said("reject", id)) and (not told or told[-1]["state"] == "rejected")
        if not rejected and not facts.differs(id):
            yield f"invoice {id} was billed and is neither posted nor rejected by anybody nor put before anybody"
    for id, body in sorted(booked.items()):
        if id not in billed:
            yield f"payable {id} was posted and no supplier ever billed it"
        elif _gross(body) != billed[id].total.amount or (body["kind"] == "credit") != isinstance(billed[id], CreditNote):
            yield f"{body['kind']} {id} was posted over {_gross(body)}, billed were {billed[id].total}"
    for erp in facts.world.stage.erps.values():
        for one in erp.invoices:
            if one.reference in billed and not facts.means(
                erp.name, "supplier", str(one.body["vendor"]), billed[one.reference].supplier
            ):
                yield f"payable {one.reference} was posted to vendor {one.body['vendor']} of {erp.name}"


def what_is_owed_is_paid(facts: Facts) -> Iterator[str]:
    """Weeks after the last fault each payable is paid in full, rejected by a person, or an open exception."""
    failed = _reported(facts, "rejected", "returned")
    paid: dict[str, Decimal] = {}
    for payment in facts.world.stage.bank.payments:
        if payment.id not in failed:
            for invoice in payment.invoices:
                paid[invoice] = paid.get(invoice, ZERO) + payment.amount.amount
    for id, body in sorted(_payables(facts).items()):
        if body["kind"] == "credit":
            if id in paid:
                yield f"credit note {id} was paid"
            continue
        owed, notes = _owed(facts, id, _gross(body)), [note.id for note in _credits(facts, id)]
        ended = facts.differs(id, *notes) or facts.said("reject", id)
        if paid.get(id, ZERO) != owed and not ended:
            yield f"payable {id} of {_gross(body)} was paid {paid.get(id, ZERO)}, owed are {owed}, and nobody is told"


def copies_are_told(facts: Facts) -> Iterator[str]:
    """A bill that comes by a second route is put before a person, and only one of the two counts."""
    routes: dict[str, set[str]] = {}
    for row in facts.rows:
        if isinstance(row.event.data, Invoice) and row.event.kind == "accepted":
            routes.setdefault(row.event.data.id, set()).add(row.event.data.route)
    for id, ways in routes.items():
        if len(ways) > 1 and f"invoice_to_payment/{id}/duplicate_invoice" not in facts.cases:
            yield f"{id} came by {' and by '.join(sorted(ways))}, and nobody was told"


def what_matches_is_not_held(facts: Facts) -> Iterator[str]:
    """No bill is an exception whose goods are there, all of them ordered, at the order's price."""
    billed = _billed(facts)
    received = summed((place, quantity) for _, place, quantity in facts.posted)
    claimed = summed(((line.order, line.order_line), line.quantity.value) for bill in billed.values() for line in bill.lines)
    for case in facts.open.values():
        bill = next((bill for id, bill in billed.items() if case.id.startswith(f"invoice_to_payment/{id}/")), None)
        if bill is None or case.reason not in MISMATCHES:
            continue
        if all(_matches(facts, line, claimed, received) for line in bill.lines):
            yield f"{bill.id} is held as {case.reason}, and nothing is wrong with it"


def _matches(facts: Facts, line: InvoiceLine, claimed: dict[Place, Decimal], received: dict[Place, Decimal]) -> bool:
    place = (line.order, line.order_line)
    quantity, price = facts.ordered.get(place, (ZERO, ZERO))
    there = claimed[place] <= min(quantity, received.get(place, ZERO))
    return there and line.amount.amount <= price * line.quantity.value


# -- payments


def payments_are_owed(facts: Facts) -> Iterator[str]:
    """Each payment is for one payable, over what it comes to, to the supplier's own account, and never for a second time."""
    payables, failed = _payables(facts), _reported(facts, "rejected", "returned")
    bank = facts.world.stage.bank
    for id, count in times(payment.id for payment in bank.payments):
        yield f"bank payment {id} is there {count} times"
    good = [payment for payment in bank.payments if payment.id not in failed]
    for id, count in times(invoice for payment in good for invoice in payment.invoices):
        yield f"invoice {id} was paid {count} times"
    accounts = {one.id: one.account.number for one in facts.world.base.group.masters if isinstance(one, Supplier) and one.account}
    for payment in bank.payments:
        for invoice in payment.invoices:
            if invoice not in payables and not facts.differs(invoice):
                yield f"{payment.id} paid {invoice}, which is no payable of the ERP"
        gross = sum((_gross(payables[id]) for id in payment.invoices if id in payables), ZERO)
        least = sum((_owed(facts, id, _gross(payables[id])) for id in payment.invoices if id in payables), ZERO)
        if not least <= payment.amount.amount <= gross and not facts.differs(*payment.invoices):
            yield f"{payment.id} paid {payment.amount} for payables of {gross}"
        if payment.creditor.number != accounts.get(payment.supplier):
            yield f"{payment.id} went to an account that {payment.supplier} does not have"


def payments_are_matched(facts: Facts) -> Iterator[str]:
    """When a payment is ordered, prices are the order's and the goods are there, or two people have accepted the difference."""
    billed, instructed, failed = _billed(facts), _instructed(facts), _reported(facts, "rejected", "returned")
    used: dict[Place, Decimal] = {}
    seen: set[str] = set()
    for position, payment in sorted(instructed.values(), key=lambda pair: pair[0]):
        for id in payment.invoices:
            bill = billed.get(id)
            if bill is None or id in seen:
                continue
            accepted = {actor for actor in facts.said("accept", id, MISMATCHES, position) if _able(facts, actor, payment.amount)}
            # what came back has paid nothing
            broken = list(_unmatched(facts, bill, dict(used) if payment.id in failed else used, position))
            seen |= set() if payment.id in failed else {id}
            if len(accepted) < 2:
                yield from (f"{text}; accepted by {', '.join(sorted(accepted)) or 'nobody'}" for text in broken)


def _able(facts: Facts, actor: str, amount: Money) -> bool:
    person = facts.people.get(actor)
    return person is not None and person.limit is not None and amount <= person.limit and "treasury" not in person.roles


def _unmatched(facts: Facts, bill: Invoice, used: dict[Place, Decimal], before: int) -> Iterator[str]:
    for line in bill.lines:
        place = (line.order, line.order_line)
        used[place] = used.get(place, ZERO) + line.quantity.value
        received = _most_received(facts, place, before)
        if used[place] > received:
            yield f"{bill.id} was paid for {used[place]} of {line.order} line {line.order_line}, {received} had come"
        if used[place] > (most := facts.most_ordered.get(place, ZERO)):
            yield f"{bill.id} was paid for {used[place]} of {line.order} line {line.order_line}, ordered were {most}"
        _, price = facts.ordered.get(place, (ZERO, ZERO))
        back = (part.amount.amount for note in _credits(facts, bill.id) for part in note.lines if part.number == line.number)
        over = line.amount.amount - sum(back, ZERO) - price * line.quantity.value
        if over > DEARER_AMOUNT or over * 100 > DEARER_PERCENT * price * line.quantity.value + 1:
            yield f"{bill.id} was paid {over:.2f} over the price of {line.order} line {line.order_line}"


def _most_received(facts: Facts, place: Place, before: int) -> Decimal:
    """The most that stood as received on the last day before; what was undone in it may have been asked to be paid."""
    at = facts.moments
    now = most = ZERO
    for position, there, quantity in facts.posted:
        if there == place and position < before:
            most = max(most, now) if at[position] > at[before] - UNDOING else ZERO
            now += quantity
    return max(most, now)


def payments_are_released(facts: Facts) -> Iterator[str]:
    """Beyond the limit of the policy in force somebody of treasury has released a payment, beyond the next one two have."""
    policies = [(row.position, row.event.data) for row in facts.rows if _is_payment_policy(row)]
    released = _releases(facts)
    for position, payment in _instructed(facts).values():
        # a policy that came in the moment before may not have been in force yet
        in_force = [policy for at, policy in policies if at < position][-2:]
        needed = min((_needed(policy, payment.amount) for policy in in_force), default=1)
        gave = {
            actor
            for at, actor, decision in released.get(payment.invoices[0], [])
            if at < position and decision == "approve" and _of_treasury(facts, actor, payment.amount)
        }
        if len(gave) < needed:
            yield f"{payment.id} over {payment.amount} needs {needed} to release it, {', '.join(sorted(gave)) or 'nobody'} did"
        last = max(
            ((at, decision) for at, _, decision in released.get(payment.invoices[0], []) if at < position), default=(0, "")
        )
        if needed and last[1] == "reject":
            yield f"{payment.id} was ordered after its release had been refused"


def _is_payment_policy(row: Recorded) -> bool:
    return isinstance(row.event.data, Policy) and row.event.data.id == "payment"


def _needed(policy: object, amount: Money) -> int:
    assert isinstance(policy, Policy)
    limits: Any = policy.values
    return sum(amount.amount > Decimal(limits[name]["USD"]) for name in ("release_limit", "two_approvers_over"))


def _releases(facts: Facts) -> dict[str, list[tuple[int, str, str]]]:
    found: dict[str, list[tuple[int, str, str]]] = {}
    for row in facts.rows:
        data = row.event.data
        if isinstance(data, Approval) and row.event.kind == "accepted" and data.subject.type == "Invoice":
            found.setdefault(data.subject.id, []).append((row.position, data.approver, data.decision))
    return found


def _of_treasury(facts: Facts, actor: str, amount: Money) -> bool:
    person = facts.people.get(actor)
    return person is not None and "treasury" in person.roles and person.limit is not None and amount <= person.limit


def payments_are_told(facts: Facts) -> Iterator[str]:
    """Ledger, AP, procurement and supplier know of each payment that has settled; the ledger of each that failed."""
    stage = facts.world.stage
    told = {
        "the ledger": {one.reference for erp in stage.erps.values() for one in erp.payments},
        "AP": {str(body["payment"]) for body in stage.ap.remittances},
        "procurement": {str(body["payment"]) for body in stage.procurement.remittances},
        "the supplier": {note.payment for one in stage.suppliers.values() for note in one.remittances},
    }
    for id in sorted(set(stage.bank.settled)):
        for who, known in told.items():
            if id not in known and not facts.differs(id):
                yield f"{id} has settled, and {who} was not told"
    failed = {one.reference for erp in stage.erps.values() for one in erp.failed_payments}
    for id in sorted(_reported(facts, "rejected", "returned") - failed):
        if not facts.differs(id):
            yield f"{id} failed, and the ledger was not told"


def failed_payments_are_heeded(facts: Facts) -> Iterator[str]:
    """A payment that failed is before a person until it is paid anew or rejected; only a person orders another."""
    failed, bank = _reported(facts, "rejected", "returned"), facts.world.stage.bank
    positions = {id: position for id, (position, _) in _instructed(facts).items()}
    for payment in {one.id: one for one in bank.payments}.values():
        if payment.id not in failed:
            continue
        others = [one for one in bank.payments if one.invoices == payment.invoices and one.id != payment.id]
        if not others and not facts.differs(*payment.invoices) and not facts.said("reject", payment.invoices[0]):
            yield f"{payment.id} failed, and nobody is told"
        spoken = partial(facts.said, "retry", payment.invoices[0])
        for other in others:
            at = positions.get(other.id, 0)
            if at > positions.get(payment.id, 0) and not spoken(before=at) and not facts.said("accept", payment.id, before=at):
                yield f"{other.id} was ordered after {payment.id} had failed, and nobody had said so"


def files_go_out_once(facts: Facts) -> Iterator[str]:
    """A payment file goes to the bank a second time only on a person's word."""
    sent = [case for case in facts.cases.values() if case.id.startswith("delivery/") and case.context.get("instance") == "bank"]
    words = sum(
        len(facts.words.get((verb, case.reason, case.objects[0].id), [])) for case in sent for verb in ("release", "repair")
    )
    if facts.world.stage.bank.duplicates > words:
        yield f"the bank got {facts.world.stage.bank.duplicates} payment files twice, {words} were released by people"


PROMISES: dict[str, Check] = {
    "invoices reach the ledger": invoices_reach_the_ledger,
    "copies are told": copies_are_told,
    "what matches is not held": what_matches_is_not_held,
    "what is owed is paid": what_is_owed_is_paid,
    "payments are owed": payments_are_owed,
    "payments are matched": payments_are_matched,
    "payments are released": payments_are_released,
    "payments are told": payments_are_told,
    "failed payments are heeded": failed_payments_are_heeded,
    "payment files go out once": files_go_out_once,
}
