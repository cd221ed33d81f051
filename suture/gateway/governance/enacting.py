"""Commands about policies: a version is proposed by one person, enacted by another, and undone in one step by a later one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from suture.gateway.governance.policies import check, in_force, versions
from suture.gateway.identity.commands import decision, reasoned
from suture.journal import Journal, Recorded, Unit
from suture.model import Decision, Policy, Ref
from suture.rules.approvals import same_person
from suture.runtime.publish import say
from suture.runtime.wiring import Wiring

#: The type of the objects that proposals are; and the source of policies that are enacted here.
PROPOSAL, SOURCE = "PolicyProposal", "policies"
#: So many names and versions are listed.
MOST = 1_000


class NotProposed(LookupError):
    """There is no such proposal, or no such version."""


class SamePerson(ValueError):
    """Whoever wrote it cannot approve it."""


class Standing(Struct, frozen=True, kw_only=True):
    """A policy as it stands: the version in force, what comes later, and what waits for approval."""

    name: str
    in_force: int
    since: datetime | None
    author: str
    approver: str
    coming: tuple[int, ...]
    proposed: tuple[int, ...]


def propose(
    journal: Journal, name: str, values: Mapping[str, Any], *, author: str, reason: str, now: datetime, effective: datetime
) -> Policy:
    """Journal a proposal of the next version; it is not in force. Raises ValueError for no reason, or for values that
    are none or that nobody could follow."""
    _plain(values)
    check(name, values)
    known = [_policy(row).version for row in versions(journal, name)] + [each.version for each in proposals(journal, name)]
    policy = Policy(
        id=name, version=max(known, default=0) + 1, effective=effective, author=author, approver=author, values=dict(values)
    )
    _journal(journal, policy, "propose", author, reason, now)
    return policy


def approve(wiring: Wiring, name: str, version: int, *, approver: str, reason: str, now: datetime) -> Policy:
    """Enact a proposal; it is filed by the process that decides. Raises NotProposed, SamePerson, ValueError for no reason."""
    found = next((each for each in proposals(wiring.journal, name) if each.version == version), None)
    if found is None:
        raise NotProposed(f"no version {version} of {name} waits for approval")
    if same_person(found.author, approver):
        raise SamePerson(f"{found.author} wrote it: have another person approve it")
    enacted = msgspec.structs.replace(found, approver=approver)
    _journal(wiring.journal, enacted, "approve", approver, reason, now)
    say(wiring, [enacted], now, SOURCE)
    return enacted


def roll_back(wiring: Wiring, name: str, to: int, *, author: str, approver: str, reason: str, now: datetime) -> Policy:
    """Put the values of an earlier version in force at once, as the next version; 0 is the one before the one in force.

    Raises NotProposed for a version that never was, SamePerson, ValueError for no reason.
    """
    rows = versions(wiring.journal, name)
    held = in_force(rows, now, _ahead(rows))
    known = {_policy(row).version: _policy(row) for row in rows}
    if held is None:
        raise NotProposed(f"no version of {name} is in force")
    wanted = to or max((version for version in known if version < _policy(held).version), default=0)
    if wanted not in known:
        raise NotProposed(f"{name} has no version {to or 'before this one'}; there are {', '.join(map(str, known)) or 'none'}")
    if same_person(author, approver):
        raise SamePerson("a rollback, too, is approved by another person than its author")
    proposed = propose(
        wiring.journal, name, known[wanted].values, author=author, reason=f"back to {wanted}: {reason}", now=now, effective=now
    )
    return approve(wiring, name, proposed.version, approver=approver, reason=reason, now=now)


def proposals(journal: Journal, name: str) -> list[Policy]:
    """What was proposed and is not enacted, in order of version."""
    found: dict[int, Policy] = {}
    for id in journal.names(f"{name}/", MOST):
        for row in journal.find(Ref(PROPOSAL, id)):
            said = row.event.data
            if isinstance(said, Decision) and said.subject.type == PROPOSAL:
                policy = msgspec.json.decode(said.values["policy"], type=Policy)
                if said.verb == "propose":
                    found[policy.version] = policy
                else:
                    found.pop(policy.version, None)
    return [found[version] for version in sorted(found)]


def standings(journal: Journal, now: datetime) -> Iterator[Standing]:
    """Every policy that was ever published or proposed, by name."""
    for name in sorted(_names(journal)):
        rows = versions(journal, name)
        held = in_force(rows, now, _ahead(rows))
        policy = _policy(held) if held else None
        yield Standing(
            name=name,
            in_force=policy.version if policy else 0,
            since=policy.effective if policy else None,
            author=policy.author if policy else "",
            approver=policy.approver if policy else "",
            coming=tuple(_policy(row).version for row in rows if _policy(row).effective > now),
            proposed=tuple(each.version for each in proposals(journal, name)),
        )


def _names(journal: Journal) -> set[str]:
    """Names that policies have: filed by masters, or proposed."""
    found: set[str] = set()
    after = "Policy:"
    while page := [state.key for state in journal.scan_states("masters", after, MOST) if state.key.startswith("Policy:")]:
        found.update(key.removeprefix("Policy:") for key in page)
        after = page[-1]
    for row in journal.find(Ref("Governance", "policies"), MOST):
        if isinstance(row.event.data, Decision):
            found.add(row.event.data.values["name"])
    return found


def _journal(journal: Journal, policy: Policy, verb: str, actor: str, reason: str, now: datetime) -> None:
    values = {"name": policy.id, "policy": msgspec.json.encode(policy).decode()}
    subject = Ref(PROPOSAL, f"{policy.id}/{policy.version}")
    said = decision(journal, subject, verb, actor=actor, reason=reasoned(actor, reason), now=now, values=values)
    index = decision(
        journal, Ref("Governance", "policies"), verb, actor=actor, reason=reason, now=now, values={"name": policy.id}
    )
    journal.commit([Unit(events=[said, index] if verb == "propose" else [said])])


def _plain(values: Mapping[str, Any]) -> None:
    if not values:
        raise ValueError("a policy has values: name what it allows")
    # amounts are text in JSON: a number would have been rounded before it got here
    if found := next((path for path, value in _leaves(values, "") if isinstance(value, float)), ""):
        raise ValueError(f"{found} is a fraction in binary: write decimals as text")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}".strip("."))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{path}.{number}")
    else:
        yield path, value


def _policy(row: Recorded) -> Policy:
    assert isinstance(row.event.data, Policy)
    return row.event.data


def _ahead(rows: list[Recorded]) -> int:
    """A position after all of them."""
    return max((row.position for row in rows), default=0) + 1
