"""A network file put to work: journal and keys, links to every counterpart, and every way in that it declares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from suture.journal import Journal, open_journal
from suture.journal.blobs import load_or_create_key
from suture.journal.seal import load_or_create_signing_key, seal
from suture.runtime.clock import SystemClock
from suture.runtime.network import Instance, Network
from suture.runtime.publish import publish, read_masters
from suture.runtime.secrets import secret
from suture.runtime.service import Inbox, Service
from suture.runtime.wiring import Wiring
from suture.systems import Channel
from suture.transports.exchange import Link
from suture.transports.folder import FolderInbox
from suture.transports.http_server import inbound_app, serve
from suture.transports.link import Access, open_link
from suture.transports.mllp import serve_mllp

#: How often the journal is sealed, in seconds.
SEAL_EVERY_S = 60.0


class Serving:
    """One network in service. ``start`` returns when it listens; ``stop`` when everything under way has ended."""

    def __init__(self, network: Network, folder: Path, *, database: str = "", port: int = 0) -> None:
        self.network, self.folder = network, folder
        self.clock = SystemClock()
        self.journal: Journal = open_journal(database or str(folder / network.journal), load_or_create_key(folder / "blobs.key"))
        self.wiring = Wiring(self.journal, network, privacy_key=load_or_create_key(folder / "privacy.key"))
        self.port = port or network.port
        self.listening = ""
        self.service = Service(self.wiring, self.clock, self._links(), inboxes=self._inboxes())
        self._closers: list[Callable[[], Awaitable[object]]] = []

    async def start(self) -> None:
        """Publish master data, recover, connect and listen."""
        if self.network.masters:
            publish(self.wiring, read_masters(self.wiring, self.folder / self.network.masters), self.clock.now())
        await self.service.start()
        self._sealing = asyncio.create_task(self._seal())
        app = inbound_app(self.service.accept, self._secrets, clock=self.clock.now, ready=self._why_not_ready)
        server = await serve(app, self.network.host, self.port)
        self._closers.append(server.stop)
        ports = [f"http://{self.network.host}:{server.port}"]
        for instance, channel in self._channels("mllp"):
            url = urlsplit(instance.listen[channel.name])
            mllp = await serve_mllp(
                url.hostname or self.network.host,
                url.port or 2575,
                self.service.accept,
                instance=instance.name,
                channel=channel.name,
            )
            self._closers.append(mllp.close)
            ports.append(f"mllp://{url.hostname}:{mllp.port}")
        self.listening = ", ".join(ports)

    async def stop(self) -> None:
        """Listen no more, let conversations end, and close the journal."""
        for closer in self._closers:
            await closer()
        self._sealing.cancel()
        await self.service.stop()
        self.journal.close()

    async def failed(self) -> None:
        """Returns when the service has stopped itself."""
        while self.service.failure is None:
            await asyncio.sleep(0.2)

    async def _seal(self) -> None:
        key = load_or_create_signing_key(self.folder / "seal.key")
        while True:
            await self.service.in_thread(lambda: seal(self.journal, key, self.clock.now()))
            await self.clock.sleep(SEAL_EVERY_S)

    def _why_not_ready(self) -> str:
        return f"stopped: {self.service.failure}" if self.service.failure else ""

    def _links(self) -> dict[str, Link]:
        links = {}
        for instance in self.network.instances:
            if instance.address:
                system = self.wiring.system(instance)
                links[instance.name] = open_link(
                    instance.address,
                    Access(secret=secret(instance.secret)),
                    clock=self.clock.now,
                    timeout_s=instance.timeout_s or system.timeout_s,
                    concurrency=instance.concurrency or system.concurrency,
                )
        return links

    def _channels(self, transport: str) -> list[tuple[Instance, Channel]]:
        return [
            (instance, channel)
            for instance in self.network.instances
            for channel in self.wiring.system(instance).channels
            if channel.transport == transport and (transport == "http" or channel.name in instance.listen)
        ]

    def _inboxes(self) -> dict[str, Inbox]:
        return {
            instance.name: FolderInbox(
                Path(unquote(urlsplit(instance.listen[channel.name]).path)),
                channel.pattern,
                instance=instance.name,
                channel=channel.name,
                clock=self.clock.now,
            )
            for instance, channel in self._channels("folder")
        }

    def _secrets(self, instance: str, channel: str) -> Sequence[str] | None:
        known = {(each.name, way.name): each for each, way in self._channels("http")}
        found = known.get((instance, channel))
        if found is None:
            return None
        return (secret(found.secret),) if found.secret else ()
