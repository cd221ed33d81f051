"""The hospital's network file: which instance of which system plays which role for whom."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from suture.formats import Profile
from suture.model import Finding
from suture.model.classes import DataClass
from suture.runtime.secrets import placed
from suture.systems import Platform

#: The fields of an instance that name where a credential is kept.
_SECRETS = ("secret", "token", "password", "host_key", "client_key")


class Instance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One counterpart of the network.

    ``address`` is where we call it (http://, mllp://, file://, sftp://); ``listen`` per channel where it calls us or leaves
    files. ``entities``, ``facilities`` and ``suppliers`` narrow what is routed to it; empty means all. Credentials are named
    where they are kept ("env:NAME", "file:PATH" seen from the network file), never written here: ``secret`` signs what we
    send over HTTP and proves what comes (Standard Webhooks), ``token`` goes along as a bearer token, ``password`` is what a
    connector logs in with when the login is part of the conversation, ``host_key`` is an SFTP server's public key and
    ``client_key`` our private one.
    """

    name: str
    system: str
    address: str = ""
    listen: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    entities: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()
    suppliers: tuple[str, ...] = ()
    mode: Literal["live", "shadow", "canary", "retired"] = "live"
    owner: str = ""
    secret: str = ""
    token: str = ""
    password: str = ""
    host_key: str = ""
    client_key: str = ""
    profile: Profile = Profile()
    options: Mapping[str, str] = field(default_factory=dict)
    rate_per_s: float = 0.0
    concurrency: int = 0
    timeout_s: float = 0.0
    #: How long its word about a file may take until a person is asked, in seconds; 0 for as long as its system says.
    answers_within_s: float = 0.0
    #: Where what it holds lies: a label of the house's own ("EU", "on-premises"); see ``Network.residency``.
    region: str = ""
    #: How often what it holds is compared with what we believe; 0 for only on demand.
    reconcile_every_s: float = 0.0
    #: What the vendor says of this installation, where it is not what it says of the product: releases and limits.
    platform: Platform | None = None
    #: The day on which this interface is to be retired.
    retires_on: date | None = None
    #: Whether care waits for what it sends: when more comes than can be done, others are asked to come again first.
    critical: bool = False

    def serves(self, *, entity: str, facility: str, supplier: str) -> bool:
        """Whether a document of this entity, facility and supplier may go here; a blank does not narrow."""
        return all(
            not mine or not wanted or wanted in mine
            for mine, wanted in ((self.entities, entity), (self.facilities, facility), (self.suppliers, supplier))
        )


class Relay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A broker to which events of the business are relayed as CloudEvents, see docs/events.md.

    ``address`` is nats://HOST:PORT or tls://HOST:PORT, ``token`` names where its token is kept. ``stream`` is JetStream's, with
    everything under ``subjects``; if it has to be made, it remembers ids for ``remembers_s`` seconds. ``types`` narrows what is
    relayed to these types of documents; empty means all that may leave.
    """

    name: str
    address: str
    stream: str = "SUTURE"
    subjects: str = "suture"
    types: tuple[str, ...] = ()
    token: str = ""
    owner: str = ""
    region: str = ""
    remembers_s: float = 600.0


class Alert(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who hears of incidents: once when one opens, again if it worsens or nobody acknowledges it, and of its end.

    Either ``webhook`` (http://, https://; signed with ``secret``) or ``mail`` (smtp:// or smtps://, with ``sender`` and ``to``;
    ``secret`` is the relay's password). ``reasons``, ``owners`` and the least ``care`` narrow what is told. An incident is told
    ``after_s`` seconds after it began; unacknowledged for ``escalates_after_s`` more, the alert ``escalates_to`` hears of it.
    With ``at_opening`` false an alert hears of what is escalated to it alone.
    """

    name: str
    webhook: str = ""
    mail: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    secret: str = ""
    reasons: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    care: Literal["none", "supply", "procedure"] = "none"
    after_s: float = 0.0
    escalates_to: str = ""
    escalates_after_s: float = 1800.0
    at_opening: bool = True


class Telemetry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenTelemetry collector that hears traces and metrics over OTLP/HTTP (JSON): at ``otlp``, such as http://127.0.0.1:4318.

    ``token`` names where a bearer token is kept. Metrics are exported every ``metrics_every_s`` seconds.
    """

    otlp: str
    token: str = ""
    traces: bool = True
    metrics_every_s: float = 15.0


class Network(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hospital group's network: its instances, where its journal is, and the folder of its master data and policies;
    the brokers that hear of its events, and who is alerted to its incidents."""

    name: str
    journal: str = "suture.db"
    masters: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    instances: tuple[Instance, ...] = ()
    relays: tuple[Relay, ...] = ()
    alerts: tuple[Alert, ...] = ()
    telemetry: Telemetry | None = None
    #: Networks of the house into which webhooks may go ("10.20.0.0/16"); everything private is denied otherwise.
    private_networks: tuple[str, ...] = ()
    #: Where documents may lie that hold a class of data: patient = ["on-premises"]; a class that is not named may lie anywhere.
    residency: Mapping[DataClass, tuple[str, ...]] = field(default_factory=dict)
    #: Where the journal itself lies.
    region: str = ""

    def instance(self, name: str) -> Instance | None:
        """The instance of that name."""
        return next((instance for instance in self.instances if instance.name == name), None)

    def route(self, role: str, *, entity: str = "", facility: str = "", supplier: str = "") -> Instance | None:
        """The instance that plays ``role`` for this document: live ones in file order, the most narrowly declared first."""
        fit = [
            instance
            for instance in self.instances
            if instance.role == role
            and instance.mode == "live"
            and instance.serves(entity=entity, facility=facility, supplier=supplier)
        ]
        return max(fit, key=_narrowness, default=None)


def _narrowness(instance: Instance) -> int:
    return sum(bool(scope) for scope in (instance.entities, instance.facilities, instance.suppliers))


class BadNetwork(ValueError):
    """The network file cannot be used; ``findings`` say where and how to mend it."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


def read_network(path: Path) -> Network:
    """The network of a TOML file, its files of secrets found from where it lies; raises BadNetwork with place and reason."""
    try:
        return _placed(msgspec.convert(tomllib.loads(path.read_text("utf-8")), Network), path.parent)
    except FileNotFoundError:
        finding = Finding(code="no_file", path=str(path), text="there is no such file; `suture new network NAME` writes one")
    except OSError as error:
        finding = Finding(code="unreadable", path=str(path), text=f"{error.strerror}; name a TOML file that you may read")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        finding = Finding(code="not_toml", path=str(path), text=f"{error}; see https://toml.io for the syntax")
    except msgspec.ValidationError as error:
        finding = Finding(code="wrong_field", path=str(path), text=f"{error}; see docs/adding/a-system.md for the fields")
    raise BadNetwork((finding,))


def _placed(network: Network, folder: Path) -> Network:
    instances = (
        msgspec.structs.replace(instance, **{name: placed(getattr(instance, name), folder) for name in _SECRETS})
        for instance in network.instances
    )
    relays = (msgspec.structs.replace(relay, token=placed(relay.token, folder)) for relay in network.relays)
    heard = network.telemetry
    telemetry = msgspec.structs.replace(heard, token=placed(heard.token, folder)) if heard else None
    alerts = (msgspec.structs.replace(alert, secret=placed(alert.secret, folder)) for alert in network.alerts)
    return msgspec.structs.replace(
        network, instances=tuple(instances), relays=tuple(relays), alerts=tuple(alerts), telemetry=telemetry
    )
