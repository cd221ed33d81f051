"""Paying an invoice: when, how much, under which number, and who may let it go.

The policy ``payment`` reads::

    {"release_limit": {"USD": "25000"},
     "two_approvers_over": {"USD": "250000"},
     "release_role": "treasury"}

``release_limit``: up to here a matched invoice is paid without a question; in a currency without a limit every payment is asked
for. ``two_approvers_over``: beyond it two people release. ``release_role``: who is asked ("treasury" where it is missing).
A difference beyond the tolerances is always accepted by two people with authority over the whole amount (``approval_limits``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from suture.model import Invoice, Money, Person, Supplier
from suture.rules.approvals import objection, same_person
from suture.rules.faults import Fault
from suture.rules.policies import money

#: The longest end-to-end identification of a payment (ISO 20022 Max35Text).
LONGEST_ID = 35
_LONGEST_PLAIN = LONGEST_ID - len("PAY-") - len("-999")
#: How many people accept what is beyond the tolerances.
ACCEPTERS = 2
TERMS_DAYS = 30
PAY_AT = time(6, tzinfo=UTC)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*")


def due_at(invoice: Invoice, supplier: Supplier | None) -> datetime:
    """06:00 UTC on the day that the invoice says, else on the supplier's terms (of an unknown one: 30 days) after its date."""
    terms = supplier.terms_days if supplier else TERMS_DAYS
    return datetime.combine(invoice.due_on or invoice.issued_on + timedelta(days=terms), PAY_AT)


def payment_id(invoice: str, attempt: int) -> str:
    """The number of an invoice's first, second, ... payment; a digest stands for an invoice id that does not fit.

    The attempt is always its last part, so that no two payments of any two invoices can be called the same.
    """
    fits = len(invoice) <= _LONGEST_PLAIN and _PLAIN.fullmatch(invoice)
    return f"PAY-{invoice if fits else hashlib.sha256(invoice.encode()).hexdigest()[:24].upper()}-{attempt}"


def payable(total: Money, credits: Iterable[Money]) -> Money:
    """What is left to pay after credits in the same currency; never below nothing."""
    credited = sum((credit.amount for credit in credits if credit.currency == total.currency), Decimal(0))
    return Money(max(total.amount - credited, Decimal(0)), total.currency).rounded()


def release_role(policy: Mapping[str, Any]) -> str:
    """Who is asked to release a payment."""
    return str(policy.get("release_role", "treasury"))


def releases_needed(policy: Mapping[str, Any], amount: Money) -> int:
    """How many people must release a payment of ``amount``: none, one or two."""
    limit = money(policy.get("release_limit", {}), amount.currency)
    if limit is not None and amount <= limit:
        return 0
    second = money(policy.get("two_approvers_over", {}), amount.currency)
    return 2 if second is not None and second < amount else 1


def duty_conflict(actor: str, creator: str, requesters: Iterable[str], before: Iterable[str]) -> Fault | None:
    """Why this person may have no part in paying: they created the supplier, requested an order, or have had their part."""
    if creator and same_person(actor, creator):
        return Fault("sod_violation", f"{actor} created the supplier and has no part in paying it")
    if any(same_person(actor, requester) for requester in requesters if requester):
        return Fault("sod_violation", f"{actor} requested the order and has no part in paying it")
    if any(same_person(actor, other) for other in before):
        return Fault("second_person", f"{actor} has approved already; another person is needed")
    return None


def accept_fault(limits: Mapping[str, Any], amount: Money, actor: str, person: Person | None, entity: str) -> Fault | None:
    """Why this person may not accept a difference on an invoice of ``amount``: authority over the whole of it is needed."""
    found = objection(limits, amount, approver=actor, person=person, requester="", entity=entity)
    return Fault(*found) if found else None


def release_fault(policy: Mapping[str, Any], amount: Money, actor: str, person: Person | None, entity: str) -> Fault | None:
    """Why this person may not release a payment of ``amount``: the role gives authority, a personal limit can only lower it."""
    role = release_role(policy)
    if person is None or role not in person.roles:
        return Fault("limit_exceeded", f"{actor} is not known as {role}")
    if person.entity not in ("", entity):
        return Fault("limit_exceeded", f"{actor} has authority in {person.entity}, not in {entity}")
    limit = person.limit
    if limit is not None and (limit.currency != amount.currency or limit < amount):
        return Fault("limit_exceeded", f"{actor} may release up to {limit}, this is {amount}")
    return None


def payee_fault(supplier: Supplier | None, entity: str) -> Fault | None:
    """Why this supplier cannot be paid now."""
    if supplier is None:
        return Fault("supplier_unknown", "the supplier is not known")
    if supplier.status != "active":
        return Fault("supplier_blocked", f"the supplier is {supplier.status}")
    if supplier.account is None:
        return Fault("no_account", "the supplier has no bank account on file")
    return None if entity else Fault("entity_unknown", "nothing says which entity owes it")
