"""Segregation of duties as a static check: nobody, whoever vouches for them, can make a supplier, approve its invoice and pay it.

The run-time rules are elsewhere: ``Access.allows`` refuses both duties to whoever holds both, and the processes refuse a
second part to whoever had one on the same invoice (``rules.payments.duty_conflict``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from msgspec import Struct

from suture.gateway.access import APART, ROLES, Access, Caller
from suture.gateway.identity.settings import Grant, Settings
from suture.model import Approval, Document, Finding, PaymentInstruction, Policy, Supplier

#: What a machine's proof never grants: a person answers for these. A pattern that covers one of them is refused.
PERSONAL = ("approvals.decide", "invoices.approve", "payments.release", "policies.write", "access.write", "raw.unmask")
#: The duty that handing over a document of this type amounts to.
DUTIES: Mapping[type[Document], tuple[str, ...]] = {
    Supplier: ("masters.write",),
    Policy: ("policies.write",),
    Approval: ("approvals.decide", "invoices.approve", "payments.release"),
    PaymentInstruction: ("payments.release",),
}


class Way(Struct, frozen=True):
    """One way in for documents: what it is called, the permission that it asks for, and the types that it takes."""

    name: str
    permission: str
    takes: tuple[type[Document], ...]


def check(access: Access, settings: Settings, ways: Iterable[Way] = ()) -> tuple[Finding, ...]:
    """Everything by which one identity could hold duties that belong apart; none is as it should be.

    Looked at are all roles, all that an issuer's single claims and pairs of them may amount to, all machines of the identity
    file, and all ways in: one that takes what amounts to a duty asks for the permission of that duty.
    """
    ways_in = (finding for way in ways for finding in _way(way))
    return (*_roles(access), *_claims(access, settings), *_machines(access, settings), *ways_in)


def of_machine(access: Access, name: str, grant: Grant) -> tuple[Finding, ...]:
    """Why a machine's proof is worth too much."""
    caller = Caller(subject=name, roles=grant.roles, scopes=grant.scopes, kind="machine")
    unknown = [role for role in grant.roles if role not in {**ROLES, **access.roles}]
    findings = [Finding(code="unknown_role", path=name, text=f"{role!r} names no role") for role in unknown]
    findings += [
        Finding(code="personal_duty", path=name, text=f"{permission} is a person's to use; narrow it by scopes")
        for permission in PERSONAL
        if access.holds(caller, permission)
    ]
    findings += [Finding(code="duties_not_apart", path=name, text=why) for why in access.apart(caller)]
    if caller.bound and not grant.supplier and not any(role == "logistics" for role in grant.roles):
        findings.append(Finding(code="unbound_partner", path=name, text="a partner's proof names whose supplier it is"))
    return tuple(findings)


def _roles(access: Access) -> Iterator[Finding]:
    for role in {**ROLES, **access.roles}:
        for why in access.apart(Caller(subject=role, roles=(role,))):
            yield Finding(code="duties_not_apart", path=f"roles.{role}", text=why)


def _claims(access: Access, settings: Settings) -> Iterator[Finding]:
    """A claim that grants duties apart is wrong; a pair of claims may be somebody's by mistake: then both duties are refused."""
    for issuer in settings.issuers:
        place = f"issuers.{issuer.issuer}.roles"
        for value, roles in issuer.roles.items():
            for role in roles:
                if role not in {**ROLES, **access.roles}:
                    yield Finding(code="unknown_role", path=f"{place}.{value}", text=f"{role!r} names no role")
            for why in access.apart(Caller(subject=value, roles=roles)):
                yield Finding(code="duties_not_apart", path=f"{place}.{value}", text=why)
        for (one, mine), (other, theirs) in combinations(issuer.roles.items(), 2):
            both = Caller(subject=one, roles=(*mine, *theirs))
            alone = {*access.apart(Caller(subject=one, roles=mine)), *access.apart(Caller(subject=other, roles=theirs))}
            for why in access.apart(both):
                if why not in alone:
                    text = f"whoever is in both {one!r} and {other!r} is refused both duties: {why}"
                    yield Finding(code="duties_meet", path=place, text=text, severity="warning")


def _machines(access: Access, settings: Settings) -> Iterator[Finding]:
    for issuer in settings.issuers:
        for client in issuer.clients:
            yield from of_machine(access, f"client/{issuer.prefix}{client.id}", client)
    for certificate in settings.certificates:
        yield from of_machine(access, f"certificate/{certificate.name}", certificate)


def _way(way: Way) -> Iterator[Finding]:
    duties = {permission for row in APART for permission in row[:2]} | set(PERSONAL)
    for kind in way.takes:
        asked = DUTIES.get(kind, ())
        if asked and way.permission not in asked and way.permission not in duties:
            text = f"takes {kind.__name__} documents, so it asks for {' or '.join(asked)}, not for {way.permission}"
            yield Finding(code="duty_unasked", path=way.name, text=text)
