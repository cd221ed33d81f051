"""A house with its real doors open: HTTP, MLLP and folders into the runtime, and a partner's hand at each of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from suture.journal import Journal, MemoryJournal
from suture.model import Document
from suture.runtime.clock import ManualClock
from suture.runtime.publish import publish
from suture.runtime.service import Service
from suture.runtime.wiring import Wiring
from suture.sandbox.group import Group, invent
from suture.sandbox.stage import Stage, network
from suture.sandbox.twins.twin import RestTwin
from suture.transports import Http, HttpReply, Reply, Request, Say, Taken
from suture.transports.exchange import Link
from suture.transports.folder import FolderInbox, FolderLink
from suture.transports.http import HttpLink
from suture.transports.http_server import inbound_app, serve
from suture.transports.mllp import MllpLink, serve_mllp

D = TypeVar("D", bound=Document)
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "whsec_" + "dGVzdHMtc2VjcmV0LW5vdC1mb3ItdXNl"
GROUP: Group = invent(1)
X12, BANK, EHR, PROCUREMENT, INVENTORY = "supplier-alder", "bank", "ehr-main", "procurement", "inventory-main"
_FOLDERS = {X12: "*.x12", BANK: "*.xml"}


class Direct:
    """A REST twin without a socket."""

    def __init__(self, twin: RestTwin) -> None:
        self.twin = twin

    async def perform(self, request: Request) -> Reply:
        assert isinstance(request, Http)
        return self.twin.handle(request)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Doors:
    """The running house, and how each partner hands something over; a door is opened when somebody comes to it."""

    service: Service
    clock: ManualClock
    folder: Path
    closers: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    given: int = 0
    _ways: dict[str, Link] = field(default_factory=dict)

    @property
    def journal(self) -> Journal:
        return self.service.wiring.journal

    def facts(self, kind: type[D]) -> list[D]:
        """All documents of a type in the journal, in order."""
        return [row.event.data for row in self.journal.read(0, 100_000) if isinstance(row.event.data, kind)]

    async def give(self, partner: str, raw: bytes, *, forged: bool = False) -> str:
        """Hand bytes over as the partner does; returns in a few words what the partner is told, at once or by file."""
        if partner in _FOLDERS:
            return await self._leave(partner, raw)
        if partner == EHR:
            reply: Reply = await (await self._mllp()).perform(Say(body=raw))
        else:
            channel = "webhook" if partner == PROCUREMENT else "events"
            way = await self._http("whsec_Zm9yZ2Vk" if forged else SECRET)
            reply = await way.perform(Http(method="POST", path=f"/in/{partner}/{channel}", body=raw))
        await self.service.settle()
        return _http(reply) if isinstance(reply, HttpReply) else _hl7(reply)

    async def _mllp(self) -> Link:
        if EHR not in self._ways:
            server = await serve_mllp("127.0.0.1", 0, self.service.accept, instance=EHR, channel="charges")
            way = MllpLink("127.0.0.1", server.port, timeout_s=20)
            self._ways[EHR] = way
            self.closers += [server.close, way.close]
        return self._ways[EHR]

    async def _http(self, secret: str) -> Link:
        if secret not in self._ways:
            server = await serve(inbound_app(self.service.accept, lambda instance, channel: (SECRET,), clock=self.clock.now))
            way = HttpLink(f"http://127.0.0.1:{server.port}", timeout_s=20, secret=secret, clock=self.clock.now)
            self._ways[secret] = way
            self.closers += [server.stop, way.close]
        return self._ways[secret]

    async def _leave(self, partner: str, raw: bytes) -> str:
        self.given += 1
        inbox, outbox = self.folder / partner / "from", self.folder / partner / "to"
        for old in outbox.iterdir():
            old.unlink()
        name = f"{self.given:04d}{_FOLDERS[partner][1:]}"
        (inbox / f".{name}").write_bytes(raw)
        (inbox / f".{name}").rename(inbox / name)
        await self.service.pick_up([partner])
        await self.service.settle()
        words = [_x12(path.read_bytes()) for path in sorted(outbox.glob("ack-*"))]
        return " ".join(words + (["set aside"] if list((inbox / ".refused").glob(f"*{name}*")) else []))


def _http(reply: HttpReply) -> str:
    said = reply.json() if reply.body else {}
    name = said.get("outcome") or str(said.get("type", "")).rpartition(":")[2]
    reasons = [said.get("detail"), *(error["text"] for error in said.get("errors", ()))]
    assert reply.status < 300 or any(reasons), "a refusal says what is wrong or what to do"
    return f"{reply.status} {name}"


def _hl7(reply: Taken) -> str:
    """The acknowledgement code, and of each ERR the condition."""
    text = reply.body.decode()
    code = re.search(r"\rMSA\|(\w\w)", text)
    assert code, text
    return " ".join([code[1], *re.findall(r"\rERR\|[^|]*\|[^|]*\|(\d+)", text)])


def _x12(raw: bytes) -> str:
    """Of a 997 the verdicts on sets and groups, of a TA1 its code and note."""
    segments = [segment.strip().split("*") for segment in raw.decode().split("~")]
    said = [f"{s[0]} {s[1]}" for s in segments if s[0] in ("AK5", "AK9")]
    return " ".join(said + [f"TA1 {s[4]} {s[5]}" for s in segments if s[0] == "TA1"])


@asynccontextmanager
async def doors(folder: Path) -> AsyncIterator[Doors]:
    """A house on loopback sockets and in a folder, as long as it is needed."""
    clock, stage = ManualClock(NOW), Stage(GROUP, 1)
    stage.suppliers["ALDER"].closed_until = NOW
    wiring = Wiring(MemoryJournal(b"k" * 32), network({}, {}, secret="env:SECRET"), privacy_key=b"p" * 32)
    publish(wiring, (*GROUP.crosswalk, *GROUP.masters), NOW)
    links: dict[str, Link] = {name: Direct(twin) for name, twin in stage.rest_twins().items()}
    inboxes: dict[str, FolderInbox] = {}
    for name in stage.file_twins():
        for side in ("to", "from"):
            (folder / name / side).mkdir(parents=True)
        links[name] = FolderLink(folder / name / "to")
        if name in _FOLDERS:
            inboxes[name] = FolderInbox(
                folder / name / "from", _FOLDERS[name], instance=name, channel="in", clock=clock.now, whole="rename"
            )
    service = Service(wiring, clock, links, inboxes=inboxes)
    await service.start(driven=True)
    await service.settle()
    house = Doors(service, clock, folder)
    try:
        yield house
    finally:
        for closer in reversed(house.closers):
            await closer()
        await service.stop()
