"""One linter for APIs, events, documents, mappings, flows and policies: owned, versioned, classed, named, compatible, fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from suture.formats import Format
from suture.gateway.governance.api_rules import api_findings
from suture.gateway.governance.event_rules import event_findings
from suture.gateway.governance.flow_rules import flow_findings
from suture.gateway.governance.policies import check
from suture.gateway.governance.registry import Governed, governed
from suture.gateway.operation import Operation
from suture.model import Finding, Policy
from suture.processes import Process
from suture.rules.approvals import same_person
from suture.runtime.network import Network
from suture.systems import System

#: How each kind of thing is named.
NAMES: Mapping[str, re.Pattern[str]] = {
    "operation": re.compile(r"[a-z]+(_[a-z0-9]+)*"),
    "event": re.compile(r"suture\.[a-z]+(_[a-z]+)*\.[a-z]+\.v[1-9][0-9]*"),
    "document": re.compile(r"([A-Z][a-z]+)+"),
    "mapping": re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*"),
    "flow": re.compile(r"[a-z]+(_[a-z]+)*"),
    "system": re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*"),
    "policy": re.compile(r"[a-z]+(_[a-z]+)*"),
}
_MEND = {
    "owner": "name the team that answers for it",
    "version": "give it a version, so that a change can be told",
    "data_class": "say how confidential it is: public, internal, financial, personal or patient",
    "criticality": "say what it must withstand: latency tolerance, volume, recovery",
    "title": "say in one sentence what it is",
}


def lint(
    operations: Iterable[Operation],
    systems: Mapping[str, System],
    formats: Mapping[str, Format],
    processes: Mapping[str, Process],
    network: Network | None = None,
    published: Path | None = None,
) -> tuple[Finding, ...]:
    """Everything that keeps it from being deployed, and what should be known; ``published`` holds what was promised."""
    apis = list(operations)
    things = governed(apis, systems.values(), formats.values(), processes.values())
    found = [finding for thing in things for finding in _governed(thing)]
    found += event_findings(published)
    found += api_findings(apis, published)
    found += flow_findings(network, systems, processes) if network else ()
    return tuple(found)


def policy_findings(policies: Iterable[Policy]) -> tuple[Finding, ...]:
    """What is wrong with policies before they are published."""
    return tuple(finding for policy in policies for finding in _policy(policy))


def _governed(thing: Governed) -> Iterator[Finding]:
    for name, mend in _MEND.items():
        if getattr(thing, name) in ("", None):
            yield Finding(code=f"no_{name}", path=thing.path, text=mend)
    if not NAMES[thing.kind].fullmatch(thing.name):
        yield Finding(code="bad_name", path=thing.path, text=f"a {thing.kind} is named like {NAMES[thing.kind].pattern}")


def _policy(policy: Policy) -> Iterator[Finding]:
    path = f"policies.{policy.id}.{policy.version}"
    if not NAMES["policy"].fullmatch(policy.id):
        yield Finding(code="bad_name", path=path, text="a policy is named in lower case, with underscores between words")
    if policy.version < 1:
        yield Finding(code="no_version", path=path, text="versions count from 1")
    if same_person(policy.author, policy.approver):
        text = "whoever writes a policy does not approve it: name another person as approver"
        yield Finding(code="same_person", path=path, text=text)
    try:
        check(policy.id, policy.values)
    except ValueError as error:
        yield Finding(code="bad_values", path=path, text=str(error))
