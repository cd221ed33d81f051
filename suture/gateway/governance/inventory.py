"""The inventory of interfaces: how each works, whose it is, how risky, until when, what passed through it, and for whom.

What is declared comes from the network, the operations and the subscriptions; what was observed from the journal. Traffic of an
interface that nobody declares stands there as unregistered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct, field, structs

from suture.extensions import found
from suture.gateway.events.subscription import subscriptions
from suture.gateway.governance.registry import carried, class_of, level_of
from suture.gateway.governance.vendor_rules import platform_of
from suture.gateway.identity.commands import decision, reasoned
from suture.gateway.operation import Operation
from suture.gateway.trail import lines_of
from suture.journal import Journal, Unit
from suture.journal.drafts import decode_event
from suture.model import CallsAnswered, Decision, Delivered, Finding, MessageReceived, Ref
from suture.model.classes import CLASSES
from suture.processes import Process
from suture.runtime.network import Instance, Network
from suture.systems import Platform, System

INTERFACE = "Interface"
_PAGE = 5_000
#: Only events whose bytes hold one of these words are worth reading.
_WORTH = tuple(f'"{kind.__name__}"'.encode() for kind in (Delivered, MessageReceived, CallsAnswered))


#: So many kinds of findings are told of one interface.
DRIFTS_MOST = 50
#: The status of a call whose document was accepted, and the first of those that refuse one (RFC 9110 section 15).
ACCEPTED, REFUSED = 202, 400


class Drift(Struct, frozen=True):
    """Something in messages that was not as agreed: how often, since when, when last, and where it stood last."""

    count: int
    first: datetime
    last: datetime
    path: str


class Observed(Struct):
    """What passed: how much, how much of it was refused, when last, for whom, and what in it was not as agreed, by code."""

    count: int = 0
    refused: int = 0
    last: datetime | None = None
    consumers: dict[str, int] = field(default_factory=dict)
    drift: dict[str, Drift] = field(default_factory=dict)

    def note(self, at: datetime, consumer: str, *, refused: bool) -> None:
        """One more."""
        self.count += 1
        self.refused += refused
        self.last = at if self.last is None else max(at, self.last)
        if consumer:
            self.consumers[consumer] = self.consumers.get(consumer, 0) + 1

    def compare(self, at: datetime, findings: Iterable[Finding]) -> None:
        """What a reader found in one message: a counterpart whose release changes what it says shows here first."""
        for finding in findings:
            before = self.drift.get(finding.code)
            if before is not None:
                first, last = min(before.first, at), max(before.last, at)
                self.drift[finding.code] = Drift(before.count + 1, first, last, finding.path)
            elif len(self.drift) < DRIFTS_MOST:
                self.drift[finding.code] = Drift(1, at, at, finding.path)


class Interface(Struct, frozen=True, kw_only=True):
    """One way in or out. ``name`` is INSTANCE/WAY, api/OPERATION, relay/NAME or webhook/NAME."""

    name: str
    method: str
    direction: str
    owner: str
    version: str
    level: str
    data_class: str
    risk: str
    mode: str
    retires_on: date | None
    count: int
    refused: int
    last: datetime | None
    consumers: Mapping[str, int]
    #: What in its messages was not as agreed, by code of the finding.
    drift: Mapping[str, Drift] = {}
    #: The vendor's calendar and limits, of a counterpart.
    platform: Platform = Platform()


class MayNot(ValueError):
    """An interface cannot be retired yet; the message says why."""


def inventory(
    journal: Journal,
    network: Network,
    systems: Mapping[str, System],
    processes: Mapping[str, Process],
    operations: Mapping[str, Operation],
    since: datetime | None = None,
) -> tuple[Interface, ...]:
    """Every interface with what passed through it since a moment, in order of name; what nobody declares among them."""
    seen, flows = traffic(journal, since), list(processes.values())
    rows = [
        *(row for each in network.instances for row in _instance(each, systems.get(each.system), flows, seen)),
        *(_operation(each, seen) for each in operations.values()),
        *_relays(network),
        *_webhooks(journal),
    ]
    named = {row.name for row in rows}
    return (*sorted(rows, key=lambda row: row.name), *(_unregistered(name, seen[name]) for name in sorted(set(seen) - named)))


def traffic(journal: Journal, since: datetime | None = None) -> dict[str, Observed]:
    """What passed, by name of interface: messages by instance and channel, calls by operation, deliveries by instance."""
    found: dict[str, Observed] = {}
    after = 0
    while page := journal.bodies(after, _PAGE):
        after = page[-1][0]
        for _, body in page:
            if not any(word in body for word in _WORTH):
                continue
            event = decode_event(body)
            if since is not None and event.at < since:
                continue
            match event.data:
                case MessageReceived(instance=instance, channel=channel, operation=operation, actor=actor) as message:
                    name = f"api/{operation}" if operation else f"{instance}/{channel or 'in'}"
                    way = found.setdefault(name, Observed())
                    way.note(event.at, actor or instance, refused=message.outcome == "refused")
                    way.compare(event.at, message.findings)
                case CallsAnswered():
                    for call in lines_of(journal, event.blob):
                        # what was accepted is a message; what is no operation has no version, and is nobody's to retire
                        if call.version and call.status != ACCEPTED:
                            way = found.setdefault(f"api/{call.operation}", Observed())
                            way.note(call.at, call.actor, refused=call.status >= REFUSED)
                case Delivered(instance=instance, document=document, outcome=outcome):
                    found.setdefault(f"{instance}/out", Observed()).note(event.at, document.type, refused=outcome == "refused")
    return found


def sign(journal: Journal, name: str, *, actor: str, reason: str, now: datetime) -> None:
    """Journal that a consumer can do without an interface. Raises ValueError for no reason."""
    kept = reasoned(actor, reason)
    said = decision(journal, Ref(INTERFACE, name), "sign", actor=actor, reason=kept, now=now, values={})
    journal.commit([Unit(events=[said])])


def signed(journal: Journal, name: str) -> frozenset[str]:
    """Who has signed that an interface can go."""
    words = (row.event.data for row in journal.find(Ref(INTERFACE, name)))
    return frozenset(word.actor for word in words if isinstance(word, Decision) and word.verb == "sign")


def may_retire(journal: Journal, interface: Interface, now: datetime, quiet: timedelta) -> None:
    """Raises MayNot unless nothing passed for ``quiet``, and its owner and all whom it served have signed."""
    if interface.last is not None and now - interface.last < quiet:
        raise MayNot(f"something passed on {interface.last:%Y-%m-%d %H:%M}; it has to be quiet for {quiet.days} days")
    needed = {interface.owner, *(interface.consumers if interface.direction == "in" else ())} - {""}
    if missing := sorted(needed - signed(journal, interface.name)):
        raise MayNot(f"not signed by {', '.join(missing)}")


def _instance(
    instance: Instance, system: System | None, flows: list[Process], seen: Mapping[str, Observed]
) -> Iterator[Interface]:
    if system is None:
        return
    for way in system.channels:
        if way.transport == "http" or way.name in instance.listen:
            yield _row(instance, system, flows, seen, way.name, f"{way.transport}, {way.format}", "in")
    for poll in system.polls:
        yield _row(instance, system, flows, seen, poll.name, f"poll every {poll.every_s:g} s, {poll.format}", "in")
    if system.accepts and instance.address:
        scheme = instance.address.partition("://")[0]
        yield _row(instance, system, flows, seen, "out", scheme, "out")


def _row(
    instance: Instance,
    system: System,
    flows: list[Process],
    seen: Mapping[str, Observed],
    way: str,
    method: str,
    direction: str,
) -> Interface:
    kinds = (system.accepts if direction == "out" else system.emits) or carried(system)
    level, of = level_of(kinds, flows), class_of(kinds)
    observed = seen.get(f"{instance.name}/{way}", Observed())
    return Interface(
        name=f"{instance.name}/{way}",
        method=method,
        direction=direction,
        owner=instance.owner,
        version=system.name,
        level=level,
        data_class=of,
        risk=risk(level, of, method, proven="twin" not in system.evidence),
        mode=instance.mode,
        retires_on=instance.retires_on,
        count=observed.count,
        refused=observed.refused,
        last=observed.last,
        consumers=observed.consumers,
        drift=observed.drift,
        platform=platform_of(instance, system),
    )


def risk(level: str, data_class: str, method: str, *, proven: bool) -> str:
    """high: critical, and over files or against nothing but our own twin; medium: critical or confidential; low: neither."""
    files = method.startswith(("folder", "sftp", "file"))
    confidential = data_class in CLASSES and CLASSES.index(data_class) >= CLASSES.index("financial")
    if level == "critical" and (files or not proven):
        return "high"
    return "medium" if level == "critical" or confidential else "low"


def _operation(operation: Operation, seen: Mapping[str, Observed]) -> Interface:
    observed = seen.get(f"api/{operation.name}", Observed())
    level = "critical" if operation.quota == "critical" else "important"
    return Interface(
        name=f"api/{operation.name}",
        method=f"{operation.method} {operation.address}",
        direction="in",
        owner=operation.owner,
        version=str(operation.version),
        level=level,
        data_class=operation.data_class,
        risk=risk(level, operation.data_class, "http", proven=True),
        mode=operation.state,
        retires_on=operation.sunset_on,
        count=observed.count,
        refused=observed.refused,
        last=observed.last,
        consumers=observed.consumers,
        drift=observed.drift,
    )


def _relays(network: Network) -> Iterator[Interface]:
    for relay in network.relays:
        yield _told(
            f"relay/{relay.name}", relay.address.partition("://")[0], relay.owner, "live", ", ".join(relay.types) or "all events"
        )


def _webhooks(journal: Journal) -> Iterator[Interface]:
    for each in subscriptions(journal):
        about = each.subscription
        if about.status != "ended":
            row = _told(f"webhook/{about.name}", "https", about.owner, about.status, ", ".join(about.types) or "all events")
            yield structs.replace(row, count=about.received, consumers={about.hears.subject: about.received})


def _told(name: str, method: str, owner: str, mode: str, version: str) -> Interface:
    return Interface(
        name=name,
        method=method,
        direction="out",
        owner=owner,
        version=version,
        level="background",
        data_class="financial",
        risk="medium",
        mode=mode,
        retires_on=None,
        count=0,
        refused=0,
        last=None,
        consumers={},
    )


def _unregistered(name: str, observed: Observed) -> Interface:
    direction = "out" if name.endswith("/out") else "in"
    row = _told(name, "unknown", "", "unregistered", "")
    return structs.replace(
        row,
        direction=direction,
        risk="high",
        count=observed.count,
        refused=observed.refused,
        last=observed.last,
        consumers=observed.consumers,
    )


def installed() -> tuple[dict[str, System], dict[str, Process]]:
    """The systems and processes that are found."""
    return dict(found("suture.systems", "SYSTEM", System)), dict(found("suture.processes", "PROCESS", Process))
