"""Routing: which instance plays a role for what, where the policy ``routing`` says otherwise than the network file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from suture.model import DOCUMENTS

NAME, MOST = "routing", 500


class Matter(Struct, frozen=True, kw_only=True):
    """What is to be brought to whom: the role, the type of the document, and whom it concerns; a blank is not known."""

    role: str
    document: str
    entity: str = ""
    facility: str = ""
    supplier: str = ""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whatever fits in all that is named goes ``to`` this instance, for ``reason``; an empty list does not narrow."""

    role: str
    to: str
    reason: str
    documents: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()
    suppliers: tuple[str, ...] = ()

    def fits(self, matter: Matter) -> bool:
        """Whether the rule is about this. What is not known of a matter is in no list: the network file decides then."""
        narrowed = (
            (self.documents, matter.document),
            (self.entities, matter.entity),
            (self.facilities, matter.facility),
            (self.suppliers, matter.supplier),
        )
        return self.role == matter.role and all(not named or said in named for named, said in narrowed)


def routed(rules: Iterable[Rule], matter: Matter) -> str:
    """The name of the instance that the first fitting rule names; "" where they say nothing."""
    return next((rule.to for rule in rules if rule.fits(matter)), "")


def rules_of(values: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of the policy, in its order; raises ValueError for what is none: where money goes is not guessed."""
    try:
        found = msgspec.convert(values.get("rules", ()), tuple[Rule, ...])
    except msgspec.ValidationError as error:
        raise ValueError(f"the policy's rules cannot be read: {error}") from None
    if strange := next((name for rule in found for name in rule.documents if name not in DOCUMENTS), ""):
        raise ValueError(f"a rule of the policy names {strange}, which is no type of document")
    return found


def check_routing(values: Mapping[str, Any]) -> None:
    """Raises ValueError for what no version of this policy may say."""
    if other := next((name for name in values if name != "rules"), ""):
        raise ValueError(f"the policy has a list of rules and nothing else, not {other}")
    found = rules_of(values)
    if len(found) > MOST:
        raise ValueError(f"{len(found)} rules are more than {MOST}: let the network file say where most things go")
    if any(not (rule.role and rule.to and rule.reason.strip()) for rule in found):
        raise ValueError("each rule names a role, an instance that plays it, and a reason")
