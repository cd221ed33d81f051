"""What an issuer's claims mean here: a person or a machine, with roles, scopes, and what it is narrowed to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from suture.gateway.access import Caller
from suture.gateway.identity.settings import Grant, Issuer
from suture.gateway.identity.tokens import Claims
from suture.gateway.identity.unproven import Unproven

#: A scope that covers nothing, an entity that there is none of: for a token that should narrow and does not say to what.
NOTHING = ("-",)
#: How the names of machines begin, so that nobody can be called like one.
MACHINES = ("key/", "client/", "certificate/")
#: So long may a name be, and so many values a claim of ours have.
LONGEST_NAME, MOST_VALUES = 128, 1000


def caller_of(claims: Claims, issuer: Issuer, *, narrowed: bool = True) -> Caller:
    """The caller whom these proven claims describe; raises Unproven for claims that name nobody we know of.

    A token is a machine's if its subject is its client (RFC 9068 section 2.2) or it has none: then the client must be declared,
    and its scopes narrow what it was declared with. A person's roles come from the claims. Where the issuer's scopes have a
    meaning here, a token without any of them is worth nothing, unless ``narrowed`` is False: a login is not a delegation.
    """
    client, subject = _text(claims, "client_id") or _text(claims, "azp"), _text(claims, issuer.subject_claim)
    until = datetime.fromtimestamp(int(claims["exp"]), UTC)
    if not subject or subject == client:
        return _machine(client, claims, issuer, until)
    name = f"{issuer.prefix}{subject}"
    if name.startswith(MACHINES) or len(name) > LONGEST_NAME or not name.isprintable():
        raise Unproven("this token names somebody by a name that nobody can have here", error="invalid_token")
    return Caller(
        subject=name,
        roles=_mapped(_values(claims, issuer.roles_claim), issuer.roles),
        scopes=_granted(claims, issuer) if narrowed else (),
        supplier=_text(claims, issuer.supplier_claim),
        entities=_narrowing(claims, issuer.entities_claim),
        facilities=_narrowing(claims, issuer.facilities_claim),
        until=until,
    )


def machine(name: str, grant: Grant, until: datetime | None, scopes: tuple[str, ...]) -> Caller:
    """The caller of a machine's proof that is worth ``grant``, narrowed to ``scopes``."""
    return Caller(
        subject=name,
        roles=grant.roles,
        scopes=scopes,
        kind="machine",
        supplier=grant.supplier,
        instance=grant.instance,
        entities=grant.entities,
        facilities=grant.facilities,
        until=until,
    )


def _machine(client: str, claims: Claims, issuer: Issuer, until: datetime) -> Caller:
    declared = next((each for each in issuer.clients if each.id == client), None)
    if declared is None:
        raise Unproven("this token is of a client that is not declared here", error="invalid_token")
    granted = _granted(claims, issuer)
    scopes = _both(granted, declared.scopes) if granted and declared.scopes else granted or declared.scopes
    return machine(f"client/{issuer.prefix}{client}", declared, until, scopes)


def _granted(claims: Claims, issuer: Issuer) -> tuple[str, ...]:
    """What the token's scopes mean here; empty only if scopes mean nothing at this issuer, and so narrow nothing."""
    return _mapped(_values(claims, "scope"), issuer.scopes) or (NOTHING if issuer.scopes else ())


def _both(granted: tuple[str, ...], declared: tuple[str, ...]) -> tuple[str, ...]:
    """What both grant; the narrower pattern stands for the wider."""
    narrower = [one for one in granted if _within(one, declared)] + [one for one in declared if _within(one, granted)]
    return tuple(dict.fromkeys(narrower)) or NOTHING


def _within(scope: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(scope, pattern) for pattern in patterns)


def _mapped(values: Iterable[str], meaning: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ours for value in values for ours in meaning.get(value, ())))


def _narrowing(claims: Claims, path: str) -> tuple[str, ...]:
    """The values of a claim that narrows; a token that should be narrowed and is not may see nothing."""
    return (_values(claims, path) or NOTHING) if path else ()


def _values(claims: Claims, path: str) -> tuple[str, ...]:
    """The texts of a claim: an array, or one text with blanks between (RFC 6749 section 3.3)."""
    found = _found(claims, path)
    values = found.split() if isinstance(found, str) else found
    if not isinstance(values, list) or len(values) > MOST_VALUES or not all(isinstance(value, str) for value in values):
        raise Unproven(f"this token says {path} in no way that we know", error="invalid_token")
    return tuple(values)


def _found(claims: Claims, path: str) -> Any:
    """The value of a claim of that name, or at the end of a path with dots through nested ones; [] where there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return [] if found is None else found


def _text(claims: Claims, path: str) -> str:
    value = claims.get(path, "") if path else ""
    if not isinstance(value, str):
        raise Unproven(f"this token says {path} in no way that we know", error="invalid_token")
    return value
