"""A network file put to work: journal and keys, links to every counterpart, and every way in that it declares."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.types import ASGIApp, Receive, Scope, Send

from suture.journal import Fenced, Journal, Unavailable, open_journal
from suture.journal.blobs import load_or_create_key
from suture.journal.seal import load_or_create_signing_key, public_pem, seal
from suture.journal.shelves import load_keys
from suture.runtime.alerts import Alerting, doors
from suture.runtime.clock import Clock, SystemClock
from suture.runtime.exporting import Exporting
from suture.runtime.network import Instance, Network, Telemetry
from suture.runtime.publish import publish, read_masters, say, undecided
from suture.runtime.relay import NoBroker, Relaying, open_broker
from suture.runtime.secrets import secret
from suture.runtime.service import Inbox, Service
from suture.runtime.share import ROLES, SEAL, Role
from suture.runtime.telemetry import Look, Standing, exposition, standing, turned_away
from suture.runtime.wiring import Wiring
from suture.systems import Channel, System
from suture.transports.exchange import Answer, Arrival, Link
from suture.transports.folder import FolderInbox
from suture.transports.http_server import inbound_app, serve
from suture.transports.link import Access, open_link
from suture.transports.mllp import serve_mllp

_log = logging.getLogger(__name__)

#: How often the journal is sealed, in seconds.
SEAL_EVERY_S = 60.0
#: How often we look whether the owners of partitions have filed what we said, in seconds.
KNOWN_EVERY_S = 0.1
#: The port that HL7's own guide registers for MLLP, where the network file names none.
MLLP_PORT = 2575
#: How long whoever asks for health waits for the journal, in seconds.
ANSWERS_WITHIN_S = 2.0


class CannotListen(OSError):
    """An address where partners are to call us is taken or not ours; the message names the address."""


class BadAddress(ValueError):
    """An address of an instance, a relay or an alert cannot be used; the message names whose, never the address."""


class Wing(Protocol):
    """What else answers at the port of a process that takes messages in: the gateway, which lies above the runtime."""

    @property
    def apps(self) -> Mapping[str, ASGIApp]:
        """Applications by the first part of their path."""

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How the port speaks TLS; None where something before it does."""

    def exposition(self) -> str:
        """Figures of its own, in Prometheus's text format."""

    async def close(self) -> None:
        """Let go of what it holds; nobody calls any more."""


class Serving:
    """One network in service. ``start`` returns when it listens; ``stop`` when everything under way has ended.

    Raises, when it is made, NoSecret and BadAddress for an instance whose door cannot be opened, and Unavailable for a
    journal that cannot. ``port`` replaces the file's; 0 in both takes any free one. ``wing`` adds what else answers there.
    """

    def __init__(
        self,
        network: Network,
        folder: Path,
        *,
        database: str = "",
        port: int = 0,
        roles: Sequence[Role] = ROLES,
        wing: Callable[[Serving], Wing] | None = None,
    ) -> None:
        self.network, self.folder, self.roles = network, folder, roles
        #: Who takes nothing in listens only where it is told to: there its health is asked for.
        self.port = port or (network.port if "gateway" in roles else 0)
        self.listening = ""
        #: What was refused before intake, by its name: traffic that nobody has registered among it.
        self._turned_away: Mapping[str, int] = {}
        #: Why nothing is taken in, or nothing: what comes before and after service.
        self._standstill = "not started yet"
        self.clock = SystemClock()
        self.journal: Journal = open_journal(database or str(folder / network.journal), load_keys(folder))
        self._ending = contextlib.AsyncExitStack()
        self._ending.callback(self.journal.close)
        try:
            self.wiring = Wiring(self.journal, network, privacy_key=load_or_create_key(folder / "privacy.key"))
            self.service = Service(self.wiring, self.clock, self._links(), inboxes=self._inboxes(), roles=roles)
            self.relays = self._relays() if "deliver" in roles else ()
            self.alerting = self._alerting() if network.alerts and "deliver" in roles else None
            self.wing = wing(self) if wing and "gateway" in roles else None
            if self.wing is not None:
                self._ending.push_async_callback(self.wing.close)
        except BaseException:
            self.journal.close()
            raise
        self._alive = Look(self._ask_journal, good_s=1.0, patience_s=ANSWERS_WITHIN_S)
        self._stands = Look(self._ask_standing, good_s=5.0, patience_s=ANSWERS_WITHIN_S)

    async def start(self) -> None:
        """Publish master data, recover, connect and listen; beside seal.key lies seal.pub, for whoever verifies an export.

        Raises BadMasters, Unavailable, and CannotListen; then everything that was begun has been ended again.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self._ending.push_async_callback(self.service.stop)
        # at first, so that whoever asks is told that it is not ready yet
        listening = [await self._listen_http()] if self.port or "gateway" in self.roles else []
        said = await self._publish() if self.network.masters else []
        key = load_or_create_signing_key(self.folder / "seal.key")
        _lay_beside(self.folder / "seal.pub", public_pem(key))
        await self.service.start()
        await self._known(said)
        sealing = asyncio.create_task(self._seal(key))
        self._ending.callback(sealing.cancel)
        for relaying in self.relays:
            self._ending.push_async_callback(_end, asyncio.create_task(relaying.run()), relaying)
        if self.alerting is not None:
            self._ending.push_async_callback(self.alerting.close)
            self._ending.callback(asyncio.create_task(self.alerting.run()).cancel)
        self._export()
        if "gateway" in self.roles:
            listening += [await self._listen_mllp(instance, channel) for instance, channel in self._channels("mllp")]
        self.listening = ", ".join(listening)
        self._ending.callback(self._say, "stopping")
        self._say("")

    async def _publish(self) -> list[int]:
        """The positions of what is still to be decided by the owners of partitions, where several share the work."""
        documents = read_masters(self.wiring, self.folder / self.network.masters)
        if self.journal.shared:
            return await self.service.in_thread(lambda: say(self.wiring, documents, self.clock.now()))
        await self.service.in_thread(lambda: publish(self.wiring, documents, self.clock.now()))
        return []

    async def _known(self, said: Sequence[int]) -> None:
        """Return when master data that we have said is filed: before that codes of partners would be unknown."""
        if not said:
            return
        while self.service.failure is None and await self.service.in_thread(partial(undecided, self.wiring, said[-1])):
            await self.clock.sleep(KNOWN_EVERY_S)
        await self.service.in_thread(self.wiring.refresh_book)

    async def stop(self) -> None:
        """Listen no more, let conversations end, and close the journal."""
        await self._ending.aclose()

    async def failed(self) -> None:
        """Return when the service has stopped itself."""
        await self.service.ended()

    async def _seal(self, key: Ed25519PrivateKey) -> None:
        while True:
            try:
                while await self._sealed(key):
                    pass
            except (Unavailable, Fenced) as failure:  # the next seal covers what this one did not
                _log.warning("not sealed: %s", type(failure).__name__)
            await self.clock.sleep(SEAL_EVERY_S)

    async def _sealed(self, key: Ed25519PrivateKey) -> bool:
        """Seal a page; false if nothing is left to seal, or another process seals."""
        if not self.wiring.share.holds(SEAL):
            return False
        return await self.service.in_thread(lambda: seal(self.journal, key, self.clock.now())) is not None

    # -- ways in

    async def _listen_http(self) -> str:
        app = inbound_app(
            self._accept,
            self._secrets,
            clock=self.clock.now,
            critical=self._critical,
            ready=self._why_not_ready,
            metrics=self._metrics,
        )
        self._turned_away = app.state.troubles
        apps, tls = (self.wing.apps, self.wing.tls) if self.wing is not None else ({}, None)
        scheme = "https" if tls else "http"
        try:
            server = await serve(_beside(app, apps), self.network.host, self.port, tls=tls)
        except OSError as failure:
            raise _cannot(f"{scheme}://{self.network.host}:{self.port}", failure) from None
        self._ending.push_async_callback(server.stop)
        return f"{scheme}://{self.network.host}:{server.port}"

    async def _listen_mllp(self, instance: Instance, channel: Channel) -> str:
        url = urlsplit(instance.listen[channel.name])
        host, port = url.hostname or self.network.host, MLLP_PORT if url.port is None else url.port
        try:
            server = await serve_mllp(host, port, self.service.accept, instance=instance.name, channel=channel.name)
        except OSError as failure:
            raise _cannot(f"mllp://{host}:{port} for {instance.name}", failure) from None
        self._ending.push_async_callback(server.close)
        return f"mllp://{host}:{server.port}"

    def _channels(self, *transports: str) -> list[tuple[Instance, Channel]]:
        return [
            (instance, channel)
            for instance in self.network.instances
            for channel in self.wiring.system(instance).channels
            if channel.transport in transports and (channel.transport == "http" or channel.name in instance.listen)
        ]

    def _inboxes(self) -> dict[str, Inbox]:
        return {
            f"{instance.name}/{channel.name}": self._inbox(instance, channel)
            for instance, channel in self._channels("folder", "sftp")
        }

    def _inbox(self, instance: Instance, channel: Channel) -> Inbox:
        address = instance.listen[channel.name]
        url = urlsplit(address)
        match url.scheme:
            case "file":
                path = Path(unquote(url.path))
                return FolderInbox(path, channel.pattern, instance=instance.name, channel=channel.name, clock=self.clock.now)
            case "sftp":
                return self._sftp_inbox(instance, channel, address)
            case _:
                raise BadAddress(f"{instance.name} listens for {channel.name} at file:///PATH or sftp://USER@HOST/PATH")

    def _sftp_inbox(self, instance: Instance, channel: Channel, address: str) -> Inbox:
        # SFTP is an extra; who does not use it need not have it
        try:
            from suture.transports.sftp import Session
            from suture.transports.sftp_inbox import SftpInbox
        except ImportError:
            raise BadAddress(f"{instance.name} needs the extra: pip install 'suture[sftp]'") from None
        timeout_s = instance.timeout_s or self.wiring.system(instance).timeout_s
        keys = {"host_key": secret(instance.host_key), "client_key": secret(instance.client_key)}
        with _told(instance):
            session = Session(address, timeout_s=timeout_s, **keys)
        inbox = SftpInbox(session, channel.pattern, instance=instance.name, channel=channel.name, clock=self.clock.now)
        self._ending.push_async_callback(inbox.close)
        return inbox

    def _secrets(self, instance: str, channel: str) -> Sequence[str] | None:
        ways = self._channels("http") if "gateway" in self.roles else []
        found = next((each for each, way in ways if (each.name, way.name) == (instance, channel)), None)
        if found is None:
            return None
        return (secret(found.secret),) if found.secret else ()

    def _critical(self, name: str) -> bool:
        instance = self.wiring.instances.get(name)
        return instance is not None and instance.critical

    async def _accept(self, arrival: Arrival) -> Answer:
        return Answer(outcome="busy") if self._standstill else await self.service.accept(arrival)

    # -- what it tells of itself

    @property
    def standstill(self) -> str:
        """Why nothing is taken in, or nothing."""
        return self._standstill

    def _say(self, standstill: str) -> None:
        self._standstill = standstill

    async def _why_not_ready(self) -> str:
        if self.service.failure is not None:
            return f"stopped: {self.service.failure}"
        if why := self._standstill or self.service.trouble:
            return why
        if self.journal.shared and not self.service.attendance.good:
            return "not among those who share the work: no sign of life got through"
        return "" if await self._alive.answer() else "the journal does not answer"

    async def _metrics(self) -> str:
        ready = not await self._why_not_ready()
        stands = None if self._standstill else await self._stands.answer()
        own = self.wing.exposition() if self.wing is not None else ""
        return exposition(self.service.tally, stands, ready=ready) + turned_away(self._turned_away) + own

    async def _ask_journal(self) -> bool:
        return await self.service.in_thread(lambda: self.journal.cursor("ready") >= 0)

    async def _ask_standing(self) -> Standing:
        return await self.service.in_thread(lambda: standing(self.wiring, self.service.delivering, self.clock.now()))

    # -- ways out

    def _links(self) -> dict[str, Link]:
        return {instance.name: self._link(instance) for instance in self.network.instances if instance.address}

    def _link(self, instance: Instance) -> Link:
        return link_to(instance, self.wiring.system(instance), self.clock)

    def _relays(self) -> tuple[Relaying, ...]:
        try:
            return tuple(
                Relaying(self.wiring, relay, open_broker(relay), self.clock, self.service.in_thread)
                for relay in self.network.relays
            )
        except NoBroker as error:
            raise BadAddress(str(error)) from None

    def _export(self) -> None:
        telemetry = self.network.telemetry
        if telemetry is None:
            return
        link = _collector(telemetry, self.clock)
        self._ending.push_async_callback(link.close)
        inside = self.service.in_thread
        exporting = Exporting(
            self.wiring, telemetry, link, self.clock, inside, tally=self.service.tally, stands=self._stands.answer
        )
        self._ending.callback(asyncio.create_task(exporting.run_metrics()).cancel)
        if telemetry.traces and "deliver" in self.roles:
            self._ending.callback(asyncio.create_task(exporting.run_traces()).cancel)

    def _alerting(self) -> Alerting:
        try:
            return Alerting(self.wiring, doors(self.network.alerts, self.clock), self.clock, self.service.in_thread)
        except ValueError as error:
            raise BadAddress(f"an alert: {error}") from None


def _beside(app: ASGIApp, apps: Mapping[str, ASGIApp]) -> ASGIApp:
    """One application in front of several, chosen by the first part of the path."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        first = scope["path"].split("/", 2)[1] if scope["type"] == "http" else ""
        await apps.get(first, app)(scope, receive, send)

    return chosen if apps else app


def _lay_beside(path: Path, content: bytes) -> None:
    """Write a file unless it is there already; where keys are laid out read-only, whoever laid them out publishes it."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return
    try:
        path.write_bytes(content)
    except OSError as failure:
        _log.warning("%s not written: %s", path.name, failure.strerror)


async def _end(task: asyncio.Task[None], relaying: Relaying) -> None:
    """Whatever the broker has not acknowledged is relayed at the next start."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await relaying.broker.close()


def _collector(telemetry: Telemetry, clock: Clock) -> Link:
    try:
        access = Access(credentials=_bearer(telemetry.token) if secret(telemetry.token) else None)
        return open_link(telemetry.otlp, access, clock=clock.now)
    except ValueError as error:
        raise BadAddress(f"telemetry: {error}") from None


def link_to(instance: Instance, system: System, clock: Clock) -> Link:
    """The way to a counterpart; raises NoSecret, and BadAddress for one that cannot be used."""
    access = _access(instance)
    with _told(instance):
        return open_link(
            instance.address,
            access,
            clock=clock.now,
            timeout_s=instance.timeout_s or system.timeout_s,
            concurrency=instance.concurrency or system.concurrency,
        )


def _access(instance: Instance) -> Access:
    """What opens the counterpart's door; raises NoSecret now rather than at the first delivery."""
    secret(instance.password)
    return Access(
        secret=secret(instance.secret),
        credentials=_bearer(instance.token) if secret(instance.token) else None,
        host_key=secret(instance.host_key),
        client_key=secret(instance.client_key),
    )


def _bearer(name: str) -> Callable[[], Awaitable[Mapping[str, str]]]:
    """A bearer token (RFC 6750 section 2.1), read anew for each request, so that a rotated one is used at once."""

    async def prove() -> Mapping[str, str]:
        return {"Authorization": f"Bearer {secret(name)}"}

    return prove


@contextlib.contextmanager
def _told(instance: Instance) -> Iterator[None]:
    """A door that cannot be opened is told with the instance's name."""
    try:
        yield
    except ValueError as error:
        raise BadAddress(f"{instance.name}: {error}") from None


def _cannot(where: str, failure: OSError) -> CannotListen:
    reason = "the port is in use" if failure.errno == errno.EADDRINUSE else os.strerror(failure.errno or 0)
    return CannotListen(f"cannot listen at {where}: {reason}")
