"""Who may do what: callers, roles, and the one policy that every page and every operation asks (default deny).

A permission is ``RESOURCE.ACT`` in lower case ("invoices.submit"). A role grants permissions, of which either
half may be ``*``; a caller's scopes narrow what its roles grant, and never widen it. Attribute rules (legal entity, facility,
supplier, amount) are checked against the thing at hand, after the permission.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import Struct, field

from suture.model import Finding, Money

#: The standard roles. Segregation of duties: nobody but a steward makes suppliers, nobody but a clerk decides on invoices,
#: and neither releases a payment; see ``apart``.
ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "viewer": (
            *("console.read", "documents.read", "exceptions.read", "systems.read", "catalogue.read", "kpis.read"),
            "submissions.read",
        ),
        "clerk": ("@viewer", "invoices.*", "payments.read", "exceptions.decide", "deliveries.release", "approvals.read"),
        "buyer": (
            *("@viewer", "orders.*", "requisitions.*", "receipts.*", "contracts.read", "exceptions.decide"),
            *("deliveries.release", "approvals.read", "approvals.decide"),
        ),
        "treasurer": ("@viewer", "payments.read", "payments.release", "approvals.read", "approvals.decide", "invoices.read"),
        "operator": ("@viewer", "exceptions.decide", "deliveries.*", "systems.*", "audit.read", "proof.read"),
        "steward": ("@viewer", "masters.*", "crosswalk.*", "exceptions.decide", "approvals.read"),
        "auditor": ("*.read", "proof.verify", "evidence.read", "raw.unmask"),
        "administrator": ("@viewer", "access.*", "policies.*", "audit.read", "systems.read", "subscriptions.*"),
        "supplier": (
            "orders.read",
            "orders.acknowledge",
            "shipments.submit",
            "shipments.read",
            "invoices.submit",
            "invoices.read",
            "payments.read",
            "submissions.read",
            "subscriptions.own",
        ),
        "logistics": ("shipments.submit", "shipments.read", "submissions.read"),
        "analyst": ("feed.read", "kpis.read", "catalogue.read", "events.read"),
        "technician": ("@viewer", "assets.*", "workorders.*"),
        "accountant": ("@viewer", "postings.*", "invoices.read", "payments.read", "contracts.read"),
        "machine": (
            *("documents.submit", "documents.read", "events.read", "subscriptions.own", "submissions.read"),
            *("requisitions.submit", "orders.read", "orders.change", "receipts.submit", "invoices.submit", "invoices.read"),
            *("payments.read", "contracts.read", "assets.register", "workorders.update", "postings.submit"),
        ),
    }
)

#: Roles whose callers see what is their own supplier's, and nothing else.
BOUND = ("supplier", "logistics")

#: Permissions that no one identity may hold together, each with the reason.
APART: tuple[tuple[str, str, str], ...] = (
    ("masters.write", "payments.release", "who makes a supplier never pays it"),
    ("masters.write", "invoices.approve", "who makes a supplier never approves its invoice"),
    ("invoices.approve", "payments.release", "who approves an invoice never releases its payment"),
    ("policies.write", "payments.release", "who sets the limits never pays within them"),
)


class Caller(Struct, frozen=True, kw_only=True):
    """Somebody whose identity was proven: a person or a machine, with roles, scopes, and what it is narrowed to.

    ``scopes`` empty means that the credential narrows nothing. ``supplier`` binds a partner to its own documents; a role of
    ``BOUND`` without one may see nothing. ``entities`` and ``facilities`` empty mean all. ``limits`` is the largest amount per
    currency that this caller may decide on; a currency that is not named has no limit only if no currency is named at all.
    """

    subject: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    kind: Literal["person", "machine"] = "person"
    supplier: str = ""
    #: The instance of the network in whose name this caller hands over documents.
    instance: str = ""
    entities: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()
    limits: tuple[Money, ...] = ()
    #: Until when the proof of identity holds; None for as long as it is asked again each time.
    until: datetime | None = None
    #: The API key that proves it, by its id: what goes on in this caller's name ends with it.
    credential: str = ""
    #: Why a person holds what no role grants (break-glass), and until when; journaled and alarmed when it is taken.
    emergency: str = ""

    @property
    def bound(self) -> bool:
        """Whether this caller sees one supplier's documents only."""
        return bool(self.supplier) or any(role in BOUND for role in self.roles)


class About(Struct, frozen=True, kw_only=True):
    """What a caller wants to act on; a blank is not checked, except for the supplier of a bound caller."""

    entity: str = ""
    facility: str = ""
    supplier: str = ""
    amount: Money | None = None


class Verdict(Struct, frozen=True):
    """Allowed, or why not: the reason is written for the caller and names no secret."""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


#: Nothing in particular: the permission alone is asked for.
ANYTHING = About()


class Access(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The access policy: one versioned file, with who wrote it and who else approved it.

    ``roles`` adds roles to the standard ones or replaces them. ``limits`` are the largest amounts, one per currency, that a role
    may decide on; a role without an entry has no limit of its own. ``emergency`` says which roles may be taken by whom when
    it must be (break-glass), for ``emergency_s`` seconds; nobody may, unless it is written here.
    """

    version: str = "standard"
    author: str = ""
    approver: str = ""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: Mapping[str, tuple[Money, ...]] = field(default_factory=dict)
    emergency: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    emergency_s: int = 3600

    def grants(self, roles: Iterable[str]) -> frozenset[str]:
        """The permissions (patterns) of these roles, "@ROLE" followed; a role that is not declared grants nothing."""
        return _granted(tuple(self.roles.items()), tuple(roles))

    def holds(self, caller: Caller, permission: str) -> bool:
        """Whether roles and scopes grant the permission, whatever it is about."""
        granted = _covered(permission, self.grants(caller.roles))
        return granted and (not caller.scopes or _covered(permission, caller.scopes))

    def allows(self, caller: Caller, permission: str, about: About = ANYTHING) -> Verdict:
        """Whether this caller may do this to that; the first reason against it, or allowed."""
        if not self.holds(caller, permission):
            return Verdict(False, f"this needs the permission {permission}, which {_roles(caller)} does not grant")
        if (why := self._torn(caller, permission)) is not None:
            return Verdict(False, f"you hold duties that belong to two people: {why}; give one of them up")
        if caller.bound and (not caller.supplier or caller.supplier != about.supplier):
            return Verdict(False, "this is not about your own documents")
        if caller.entities and about.entity and about.entity not in caller.entities:
            return Verdict(False, f"this concerns {about.entity}, which is not among your legal entities")
        if caller.facilities and about.facility and about.facility not in caller.facilities:
            return Verdict(False, f"this concerns {about.facility}, which is not among your facilities")
        return _within(caller.limits or self._limits(caller, permission), about.amount)

    def _torn(self, caller: Caller, permission: str) -> str | None:
        """Why this caller may not use a permission that it holds: it holds its opposite, too."""
        conflicts = (row for row in APART if permission in row[:2])
        return next((why for one, other, why in conflicts if self.holds(caller, one) and self.holds(caller, other)), None)

    def _limits(self, caller: Caller, permission: str) -> tuple[Money, ...]:
        """The limits of the roles that grant this, the larger one per currency; none if any of them has none."""
        granting = [role for role in caller.roles if _covered(permission, self.grants((role,)))]
        if any(role not in self.limits for role in granting):
            return ()
        best: dict[str, Money] = {}
        for limit in (limit for role in granting for limit in self.limits[role]):
            best[limit.currency] = max(limit, best.get(limit.currency, limit), key=lambda money: money.amount)
        return tuple(best.values())

    def takes(self, caller: Caller) -> tuple[str, ...]:
        """The roles that this caller may take in an emergency: a person's, and never duties that belong apart."""
        offered = dict.fromkeys(taken for role in caller.roles for taken in self.emergency.get(role, ()))
        if caller.kind != "person" or caller.bound:
            return ()
        both = {role: msgspec.structs.replace(caller, roles=(*caller.roles, role), scopes=()) for role in offered}
        return tuple(role for role in offered if not self.apart(both[role]))

    def apart(self, caller: Caller) -> tuple[str, ...]:
        """The reasons why this caller holds too much at once (segregation of duties); none is as it should be."""
        return tuple(why for one, other, why in APART if self.holds(caller, one) and self.holds(caller, other))


@lru_cache(maxsize=4096)  # asked several times for every call and every page
def _granted(more: tuple[tuple[str, tuple[str, ...]], ...], roles: tuple[str, ...]) -> frozenset[str]:
    table = {**ROLES, **dict(more)}
    granted: set[str] = set()
    ahead, seen = list(roles), set[str]()
    while ahead:
        role = ahead.pop()
        if role in seen:
            continue
        seen.add(role)
        for permission in table.get(role, ()):
            if permission.startswith("@"):
                ahead.append(permission[1:])
            else:
                granted.add(permission)
    return frozenset(granted)


@lru_cache(maxsize=16384)
def _covered(permission: str, patterns: frozenset[str] | tuple[str, ...]) -> bool:
    return any(pattern == permission or fnmatchcase(permission, pattern) for pattern in patterns)


def _roles(caller: Caller) -> str:
    return "the role " + " or ".join(caller.roles) if caller.roles else "an identity without a role"


def _within(limits: tuple[Money, ...], amount: Money | None) -> Verdict:
    if amount is None or not limits:
        return Verdict(True)
    limit = next((limit for limit in limits if limit.currency == amount.currency), None)
    if limit is None:
        return Verdict(False, f"you have no limit in {amount.currency}")
    if amount.amount > limit.amount:
        return Verdict(False, f"{amount} is over your limit of {limit}")
    return Verdict(True)


class BadAccess(ValueError):
    """The access policy cannot be used; ``findings`` say where and how to mend it."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


def read_access(path: Path) -> Access:
    """The policy of a TOML file; without a file the standard roles hold. Raises BadAccess with place and reason."""
    try:
        return _sound(msgspec.convert(tomllib.loads(path.read_text("utf-8")), Access), path)
    except FileNotFoundError:
        return Access()
    except OSError as error:
        finding = Finding(code="unreadable", path=str(path), text=f"{error.strerror}; name a TOML file that you may read")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        finding = Finding(code="not_toml", path=str(path), text=f"{error}; see https://toml.io for the syntax")
    except msgspec.ValidationError as error:
        finding = Finding(code="wrong_field", path=str(path), text=f"{error}; see docs/security.md for the fields")
    raise BadAccess((finding,))


def _sound(access: Access, path: Path) -> Access:
    findings = [*_strangers(access, path), *_not_apart(access, path)]
    if access != Access() and (not access.author or not access.approver or _alike(access.author, access.approver)):
        findings.append(Finding(code="not_approved", path=str(path), text="name an author and another person as approver"))
    if findings:
        raise BadAccess(tuple(findings))
    return access


def _strangers(access: Access, path: Path) -> Iterator[Finding]:
    known = {**ROLES, **access.roles}
    named = [(f"roles.{role}", name[1:]) for role, names in access.roles.items() for name in names if name.startswith("@")]
    named += [(f"limits.{role}", role) for role in access.limits]
    named += [(f"emergency.{role}", name) for role, names in access.emergency.items() for name in (role, *names)]
    for place, name in named:
        if name not in known:
            yield Finding(code="unknown_role", path=f"{path}: {place}", text=f"{name!r} names no role")


def _not_apart(access: Access, path: Path) -> Iterator[Finding]:
    for role in access.roles:
        for why in access.apart(Caller(subject=role, roles=(role,))):
            yield Finding(code="duties_not_apart", path=f"{path}: roles.{role}", text=why)
    for role, names in access.emergency.items():
        for name in names:
            for why in access.apart(Caller(subject=role, roles=(role, name))):
                yield Finding(code="duties_not_apart", path=f"{path}: emergency.{role}", text=f"with {name}: {why}")


def _alike(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
