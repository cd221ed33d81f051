"""What is wrong with a network file before it runs, and how to mend it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from suture.formats import Format
from suture.model import Finding
from suture.model.classes import DataClass, carried
from suture.processes import Process
from suture.runtime.network import Instance, Network
from suture.runtime.secrets import PLACES
from suture.systems import System
from suture.views.events import CROSSING

_STREAM, _SUBJECTS = re.compile(r"[\w-]+", re.ASCII), re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)
#: Where brokers of events are.
BROKERS = ("nats://", "tls://", "kafka://", "kafkas://")
SCHEMES = ("http://", "https://", "mllp://", "mllps://", "file://", "sftp://")
#: Where a channel of a transport listens; HTTP channels share the network's own port.
LISTENS = {"mllp": ("mllp://",), "folder": ("file:///", "sftp://"), "sftp": ("file:///", "sftp://")}


def check(
    network: Network, systems: Mapping[str, System], formats: Mapping[str, Format], processes: Mapping[str, Process]
) -> tuple[Finding, ...]:
    """Everything that would go wrong, each with its path in the file; empty if the network can run."""
    names = Counter(instance.name for instance in network.instances)
    findings = [
        Finding(code="name_taken", path=f"instances.{name}", text=f"{times} instances are called {name!r}; names are unique")
        for name, times in names.items()
        if times > 1
    ]
    for instance in network.instances:
        findings += _instance(instance, systems, formats)
    findings += _roles(network, processes)
    findings += _relays(network)
    findings += _placement(network, systems)
    findings += _alerts(network)
    findings += _telemetry(network)
    return tuple(findings)


def _instance(instance: Instance, systems: Mapping[str, System], formats: Mapping[str, Format]) -> Iterator[Finding]:
    path = f"instances.{instance.name}"
    system = systems.get(instance.system)
    if system is None:
        known = ", ".join(systems)
        yield Finding(
            code="unknown_system", path=f"{path}.system", text=f"there is no system {instance.system!r}; known: {known}"
        )
        return
    if system.accepts and not instance.address:
        yield Finding(code="no_address", path=f"{path}.address", text=f"{system.title} is called by us: name its address")
    if instance.address and not instance.address.startswith(SCHEMES):
        yield Finding(code="bad_address", path=f"{path}.address", text=f"must begin with one of {', '.join(SCHEMES)}")
    if not instance.owner:
        yield Finding(
            code="no_owner", path=f"{path}.owner", text="every interface has an owner: name the team that answers for it"
        )
    for place in ("secret", "token", "password", "host_key", "client_key"):
        if getattr(instance, place) and not getattr(instance, place).startswith(PLACES):
            text = "a secret is named, never written here: use env:NAME, file:PATH or vault:MOUNT/PATH#FIELD"
            yield Finding(code="secret_in_file", path=f"{path}.{place}", text=text)
    if instance.reconcile_every_s and not system.lists:
        text = f"{system.title} tells no lists that could be compared: leave it out"
        yield Finding(code="no_lists", path=f"{path}.reconcile_every_s", text=text)
    yield from _ways_in(path, instance, system)
    for channel in system.channels:
        if channel.format not in formats:
            yield Finding(code="unknown_format", path=f"{path}.{channel.name}", text=f"there is no format {channel.format!r}")


def _ways_in(path: str, instance: Instance, system: System) -> Iterator[Finding]:
    for channel in system.channels:
        address = instance.listen.get(channel.name, "")
        schemes = LISTENS.get(channel.transport, ())
        if channel.transport == "http" and not instance.secret:
            text = f"whoever reaches the port may speak through {channel.name!r}: name a secret to prove who it is"
            yield Finding(code="unsigned", path=f"{path}.secret", text=text, severity="warning")
        if schemes and not address:
            text = f"nothing can come in through {channel.name!r}: name where, beginning with {' or '.join(schemes)}"
            yield Finding(code="no_listen", path=f"{path}.listen.{channel.name}", text=text, severity="warning")
        elif schemes and not address.startswith(schemes):
            text = f"{system.title} comes in by {channel.transport}: must begin with {' or '.join(schemes)}"
            yield Finding(code="bad_listen", path=f"{path}.listen.{channel.name}", text=text)
    for name in instance.listen.keys() - {channel.name for channel in system.channels}:
        known = ", ".join(channel.name for channel in system.channels) or "none"
        text = f"{system.title} has no channel {name!r}; it has {known}"
        yield Finding(code="unknown_channel", path=f"{path}.listen.{name}", text=text)


def _placement(network: Network, systems: Mapping[str, System]) -> Iterator[Finding]:
    """Documents of a class lie only where the house allows it: at whoever is sent them, at brokers, and here."""
    if not network.residency:
        return
    here = frozenset(network.residency)
    yield from _placed_wrong(network, "region", network.region, here, "the journal")
    for instance in network.instances:
        system = systems.get(instance.system)
        kinds = frozenset(kind for document in system.accepts for kind in carried(document)) if system else frozenset()
        yield from _placed_wrong(network, f"instances.{instance.name}.region", instance.region, kinds, instance.name)
    for relay in network.relays:
        crossing = (kind for kind in CROSSING if not relay.types or kind.__name__ in relay.types)
        kinds = frozenset(found for document in crossing for found in carried(document)) - {"patient"}
        yield from _placed_wrong(network, f"relays.{relay.name}.region", relay.region, kinds, relay.name)


def _placed_wrong(network: Network, path: str, region: str, kinds: frozenset[DataClass], whose: str) -> Iterator[Finding]:
    for kind in sorted(kinds & network.residency.keys()):
        allowed = network.residency[kind]
        if region not in allowed:
            where = f"lies in {region!r}" if region else "does not say where it lies"
            text = f"{whose} holds {kind} data and {where}; that may lie in {', '.join(allowed) or 'no place at all'}"
            yield Finding(code="bad_placement", path=path, text=text)


def _relays(network: Network) -> Iterator[Finding]:
    names = Counter(relay.name for relay in network.relays)
    for relay in network.relays:
        path = f"relays.{relay.name}"
        if names[relay.name] > 1:
            yield Finding(code="name_taken", path=path, text=f"{names[relay.name]} relays are called so; names are unique")
        if not relay.address.startswith(BROKERS):
            yield Finding(code="bad_address", path=f"{path}.address", text=f"must begin with one of {', '.join(BROKERS)}")
        if not relay.owner:
            text = "every interface has an owner: name the team that answers for it"
            yield Finding(code="no_owner", path=f"{path}.owner", text=text)
        if relay.token and not relay.token.startswith(PLACES):
            text = "a secret is named, never written here: use env:NAME, file:PATH or vault:MOUNT/PATH#FIELD"
            yield Finding(code="secret_in_file", path=f"{path}.token", text=text)
        if not _STREAM.fullmatch(relay.stream):
            yield Finding(code="bad_stream", path=f"{path}.stream", text="a stream is named in letters, digits, - and _")
        if not _SUBJECTS.fullmatch(relay.subjects):
            text = "subjects begin with words of letters, digits, - and _, with dots between them"
            yield Finding(code="bad_subjects", path=f"{path}.subjects", text=text)
        crossing = sorted(kind.__name__ for kind in CROSSING)
        for name in relay.types:
            if name not in crossing:
                text = f"{name!r} does not leave; what may: {', '.join(crossing)}"
                yield Finding(code="unknown_type", path=f"{path}.types", text=text)


def _alerts(network: Network) -> Iterator[Finding]:
    names = Counter(alert.name for alert in network.alerts)
    for alert in network.alerts:
        path = f"alerts.{alert.name}"
        if names[alert.name] > 1:
            yield Finding(code="name_taken", path=path, text=f"{names[alert.name]} alerts are called so; names are unique")
        if bool(alert.webhook) == bool(alert.mail):
            yield Finding(code="no_way", path=path, text="name one way: webhook or mail")
        if alert.webhook and not alert.webhook.startswith(("http://", "https://")):
            yield Finding(code="bad_address", path=f"{path}.webhook", text="must begin with http:// or https://")
        if alert.mail and not alert.mail.startswith(("smtp://", "smtps://")):
            yield Finding(code="bad_address", path=f"{path}.mail", text="must begin with smtp:// or smtps://")
        if alert.mail and not (alert.to and "@" in alert.sender):
            yield Finding(code="no_recipient", path=path, text="a mail needs a sender and whom it goes to")
        if alert.secret and not alert.secret.startswith(PLACES):
            text = "a secret is named, never written here: use env:NAME, file:PATH or vault:MOUNT/PATH#FIELD"
            yield Finding(code="secret_in_file", path=f"{path}.secret", text=text)
        if alert.escalates_to and alert.escalates_to not in names:
            yield Finding(code="unknown_alert", path=f"{path}.escalates_to", text=f"no alert is called {alert.escalates_to!r}")


def _telemetry(network: Network) -> Iterator[Finding]:
    telemetry = network.telemetry
    if telemetry is None:
        return
    if not telemetry.otlp.startswith(("http://", "https://")):
        yield Finding(code="bad_address", path="telemetry.otlp", text="must begin with http:// or https://")
    if telemetry.token and not telemetry.token.startswith(PLACES):
        text = "a secret is named, never written here: use env:NAME, file:PATH or vault:MOUNT/PATH#FIELD"
        yield Finding(code="secret_in_file", path="telemetry.token", text=text)


def _roles(network: Network, processes: Mapping[str, Process]) -> Iterator[Finding]:
    played = {instance.role for instance in network.instances if instance.mode == "live"}
    for role in ("erp", "procurement", "supplier", "inventory", "ap", "bank"):
        if role not in played:
            text = f"nobody plays {role!r}: documents for it become exceptions until an instance does"
            yield Finding(code="role_unplayed", path="instances", text=text, severity="warning")
    if not processes:
        yield Finding(code="no_processes", path="processes", text="no process was found; reinstall suture")
