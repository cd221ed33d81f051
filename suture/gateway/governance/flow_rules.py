"""What the linter asks of flows as a network runs them: the pattern of each way must fit the class of what it carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from suture.gateway.governance.levels import LEVELS
from suture.gateway.governance.registry import carried, class_of, level_of
from suture.model import Document, Finding, Policy
from suture.model.classes import CLASSES
from suture.processes import Process
from suture.rules import routing
from suture.rules.routing import Matter, Rule, rules_of
from suture.runtime.network import Instance, Network
from suture.runtime.routes import NoRoute, destination
from suture.systems import System

_DAY_S = 86_400


def flow_findings(network: Network, systems: Mapping[str, System], processes: Mapping[str, Process]) -> tuple[Finding, ...]:
    """Where the chosen pattern violates the class: too slow, too narrow, settled by hand, or open to whoever listens."""
    found: list[Finding] = []
    for instance in network.instances:
        system = systems.get(instance.system)
        if system is not None and instance.mode != "retired":
            found += _instance(instance, system, list(processes.values()))
    return tuple(found)


def _instance(instance: Instance, system: System, flows: list[Process]) -> Iterator[Finding]:
    path = f"instances.{instance.name}"
    heard = [kind for kind in system.emits if level_of([kind], flows) == "critical"]
    tolerance = LEVELS["critical" if heard else level_of(system.emits, flows)].tolerance_s
    for poll in system.polls:
        if poll.every_s > tolerance:
            names = ", ".join(kind.__name__ for kind in heard) or "what it carries"
            text = f"asked every {poll.every_s:g} s; {names} may be {tolerance:g} s late: have it call us, or ask more often"
            yield Finding(code="pattern_too_slow", path=f"{path}.{poll.name}", text=text)
    yield from _waits(path, instance, system, flows)
    yield from _narrow(path, instance, system, flows)
    yield from _by_hand(path, system, flows)
    yield from _readable(path, instance, system)


def _waits(path: str, instance: Instance, system: System, flows: Iterable[Process]) -> Iterator[Finding]:
    tolerance = LEVELS[level_of(system.accepts, flows)].tolerance_s
    timeout = instance.timeout_s or system.timeout_s
    if system.accepts and timeout > tolerance:
        text = f"it may take {timeout:g} s to answer, and what it takes may be {tolerance:g} s late: wait for less"
        yield Finding(code="pattern_too_slow", path=f"{path}.timeout_s", text=text)


def _narrow(path: str, instance: Instance, system: System, flows: Iterable[Process]) -> Iterator[Finding]:
    needed = LEVELS[level_of(carried(system), flows)].volume_per_day
    rate = instance.rate_per_s or system.rate_per_s
    if system.accepts and rate * _DAY_S < needed:
        text = (
            f"{rate:g} calls a second are {rate * _DAY_S:,.0f} a day; what it carries is built for {needed:,}: raise the ceiling"
        )
        yield Finding(code="pattern_too_narrow", path=f"{path}.rate_per_s", text=text)


def _by_hand(path: str, system: System, flows: Iterable[Process]) -> Iterator[Finding]:
    """What is critical recovers by itself: an outcome that only a person can find out does not."""
    flows = list(flows)
    for kind, operation in system.accepts.items():
        if operation.outcome == "none" and _sent_by_critical(kind, flows):
            text = f"a doubt about {kind.__name__} only a person can settle, and a critical flow sends it: find a look-up or key"
            yield Finding(code="pattern_by_hand", path=f"{path}.{kind.__name__}", text=text)


def _sent_by_critical(kind: type[Document], flows: Iterable[Process]) -> bool:
    said = {
        effect.rpartition(" ")[2]
        for flow in flows
        if flow.criticality == "critical" and flow.example is not None
        for step in flow.example.steps
        for effect in step.effects
        if effect.startswith("Send ")
    }
    return kind.__name__ in said


def _readable(path: str, instance: Instance, system: System) -> Iterator[Finding]:
    """What is about patients or money goes over the wire unread by others, unless the wire is this machine's own."""
    confidential = CLASSES.index(class_of(carried(system))) >= CLASSES.index("financial")
    outside = not any(host in instance.address for host in ("//127.0.0.1", "//localhost", "//[::1]"))
    if confidential and outside and instance.address.startswith(("http://", "mllp://")):
        text = "what it carries is confidential and whoever listens can read it: use https:// or mllps://"
        yield Finding(code="pattern_in_the_open", path=f"{path}.address", text=text, severity="warning")


def routing_findings(network: Network, policies: Iterable[Policy]) -> tuple[Finding, ...]:
    """Rules of routing that lead to nobody: what they are about would be parked."""
    found = []
    for policy in policies:
        for number, rule in enumerate(_rules(policy)):
            try:
                destination(network, (rule,), Matter(role=rule.role, document=next(iter(rule.documents), ""), **_one_of(rule)))
            except NoRoute as nobody:
                path = f"policies.{policy.id}.{policy.version}.rules[{number}]"
                found.append(Finding(code="no_route", path=path, text=f"{nobody}; name a live instance of that role"))
    return tuple(found)


def _rules(policy: Policy) -> tuple[Rule, ...]:
    """What cannot be read is a finding of its own (``linter.policy_findings``)."""
    try:
        return rules_of(policy.values) if policy.id == routing.NAME else ()
    except ValueError:
        return ()


def _one_of(rule: Rule) -> dict[str, str]:
    """Something that the rule is about."""
    named = {"entity": rule.entities, "facility": rule.facilities, "supplier": rule.suppliers}
    return {name: values[0] for name, values in named.items() if values}


def retiring(network: Network, today: date, within_days: int = 90) -> tuple[Finding, ...]:
    """Interfaces that are past their retirement date, or soon will be."""
    found = []
    for instance in network.instances:
        if instance.retires_on is None or instance.mode == "retired":
            continue
        left = (instance.retires_on - today).days
        if left < 0:
            text = f"it was to be retired on {instance.retires_on}: retire it (`suture inventory`), or give it another date"
            found.append(Finding(code="overdue_retirement", path=f"instances.{instance.name}", text=text, severity="warning"))
        elif left <= within_days:
            text = f"it retires in {left} days"
            found.append(Finding(code="retires_soon", path=f"instances.{instance.name}", text=text, severity="info"))
    return tuple(found)
