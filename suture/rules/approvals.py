"""Who may approve what: limits per role and person, segregation of duties, and authority in an emergency.

The policy ``approval_limits`` reads::

    {"auto": {"USD": "500"},
     "levels": [{"role": "department_head", "limit": {"USD": "10000"}}, {"role": "supply_director", "limit": {"USD": "250000"}}],
     "emergency": {"roles": ["charge_nurse"], "limit": {"USD": "50000"}},
     "catalogue": {"USD": "1000"}}

``auto``: up to here nobody is asked. ``levels``: from the lowest to the highest authority. ``emergency``: who may order
without approval (nobody where it is missing), to be reviewed later. ``catalogue``: see ``rules.sourcing``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suture.model import Money, Person
from suture.rules.policies import money


def automatic(policy: Mapping[str, Any], total: Money) -> bool:
    """Whether ``total`` needs no question; never in a currency for which the policy sets no limit."""
    return _within(total, money(policy.get("auto", {}), total.currency))


def role_for(policy: Mapping[str, Any], total: Money) -> str:
    """The role of the first level whose limit covers ``total``; empty if nobody's does."""
    covering = (level["role"] for level in _levels(policy) if _within(total, money(level["limit"], total.currency)))
    return str(next(covering, ""))


def authority(policy: Mapping[str, Any], person: Person, currency: str) -> Money | None:
    """Up to what this person may approve: the best of their roles, which a personal limit can only lower."""
    limits = [money(level["limit"], currency) for level in _levels(policy) if level["role"] in person.roles]
    best = max((limit for limit in limits if limit is not None), key=lambda limit: limit.amount, default=None)
    if best is None or person.limit is None:
        return best
    return min(best, person.limit, key=lambda limit: limit.amount) if person.limit.currency == currency else None


def same_person(one: str, other: str) -> bool:
    """Whether two identifiers name one person: systems differ in letter case, people do not."""
    return one.strip().casefold() == other.strip().casefold()


#: The codes of ``objection``: answers that do not count, while an answer is still waited for.
REFUSALS = frozenset({"sod_violation", "limit_exceeded"})


def objection(
    policy: Mapping[str, Any], total: Money, *, approver: str, person: Person | None, requester: str, entity: str
) -> tuple[str, str] | None:
    """Why this approval does not count, as (code, sentence); None if it does. Nobody approves what they requested."""
    if same_person(approver, requester):
        return "sod_violation", f"{approver} requested it and cannot approve it"
    if person is None:
        return "limit_exceeded", f"{approver} is not known as a person with authority"
    if person.entity not in ("", entity):
        return "limit_exceeded", f"{approver} has authority in {person.entity}, not in {entity}"
    limit = authority(policy, person, total.currency)
    if limit is None:
        return "limit_exceeded", f"{approver} has no role with a limit in {total.currency}"
    return None if total <= limit else ("limit_exceeded", f"{approver} may approve up to {limit}, this is {total}")


def may_bypass(policy: Mapping[str, Any], total: Money, *, person: Person | None, entity: str) -> bool:
    """Whether this person may order in an emergency without approval: named role, own entity, within the limit if one is set."""
    rule = policy.get("emergency", {})
    if person is None or person.entity not in ("", entity) or not set(rule.get("roles", ())) & set(person.roles):
        return False
    return "limit" not in rule or _within(total, money(rule["limit"], total.currency))


def _levels(policy: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    levels: Sequence[Mapping[str, Any]] = policy.get("levels", ())
    return levels


def _within(total: Money, limit: Money | None) -> bool:
    return limit is not None and total <= limit
