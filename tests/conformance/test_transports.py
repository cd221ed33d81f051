"""What every transport owes: inbound, nothing is lost or answered too early; outbound, the law of NotSent and NoReply."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from suture.transports import Answer, Arrival, Drop, Http, HttpReply, Link, NoReply, NotSent, Request, Say, Taken
from suture.transports.folder import FolderInbox, FolderLink
from suture.transports.http import HttpLink
from suture.transports.http_server import inbound_app, serve
from suture.transports.memory import MemoryLink
from suture.transports.mllp import MllpLink, serve_mllp

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def message(number: int, size: int = 10) -> bytes:
    """Bytes that every transport carries, MLLP included."""
    return b"MSH|^~\\&|EHR|NORTH|SUTURE|HQ|20260302093000||DFT^P03|%d|P|2.5\rZZZ|%s\r" % (number, b"x\xc3\xa9" * size)


def acknowledgement(raw: bytes) -> bytes:
    return b"MSH|^~\\&|SUTURE|HQ|EHR|NORTH|20260302093000||ACK|1|P|2.5\rMSA|AA|%s\r" % raw.split(b"|")[9]


class Intake:
    """Fails as often as told, then accepts; remembers what it was handed."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.arrivals: list[Arrival] = []
        self.before = asyncio.Event()
        self.before.set()

    async def __call__(self, arrival: Arrival) -> Answer:
        await self.before.wait()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the journal is away")
        self.arrivals.append(arrival)
        return Answer(outcome="accepted", body=acknowledgement(arrival.raw), media_type="x-application/hl7-v2+er7")


# Inbound. A way in is a partner's hand: it hands over bytes under a name and says whether they were taken.

Hand = Callable[[bytes], Awaitable[bool]]
WayIn = Callable[[Intake, Path], AbstractAsyncContextManager[Hand]]


@asynccontextmanager
async def http_in(intake: Intake, tmp_path: Path) -> AsyncIterator[Hand]:
    server = await serve(inbound_app(intake, lambda instance, channel: (), clock=lambda: NOW))
    link = HttpLink(f"http://127.0.0.1:{server.port}")

    async def hand(raw: bytes) -> bool:
        reply = await link.perform(Http(method="POST", path="/in/ehr/usage", body=raw))
        assert reply.status == 202 or (reply.status == 503 and "retry-after" in reply.headers)
        return reply.status == 202

    yield hand
    await link.close()
    await server.stop()


@asynccontextmanager
async def mllp_in(intake: Intake, tmp_path: Path) -> AsyncIterator[Hand]:
    server = await serve_mllp("127.0.0.1", 0, intake, instance="ehr", channel="usage")
    link = MllpLink("127.0.0.1", server.port, timeout_s=2.0)

    async def hand(raw: bytes) -> bool:
        try:
            return await link.perform(Say(body=raw)) == Taken(body=acknowledgement(raw))
        except NoReply:
            return False

    yield hand
    await link.close()
    await server.close()


@asynccontextmanager
async def folder_in(intake: Intake, tmp_path: Path) -> AsyncIterator[Hand]:
    box = FolderInbox(tmp_path, instance="ehr", channel="usage", clock=lambda: NOW, whole="rename")
    yield leaving(FolderLink(tmp_path), box, intake)


@asynccontextmanager
async def sftp_in(intake: Intake, tmp_path: Path) -> AsyncIterator[Hand]:
    from suture.transports.sftp import SftpLink
    from suture.transports.sftp_inbox import SftpInbox
    from tests.transports.test_sftp import in_process

    async with in_process(tmp_path) as peer:
        box = SftpInbox(peer.session(), instance="ehr", channel="usage", clock=lambda: NOW, whole="rename")
        link = SftpLink(peer.session())
        yield leaving(link, box, intake)
        await link.close()
        await box.close()


class Inbox(Protocol):
    async def poll_once(self, accept: Callable[[Arrival], Awaitable[Answer]]) -> int: ...


def leaving(link: Link, box: Inbox, intake: Intake) -> Hand:
    """The hand of a partner who leaves a file, and leaves it again only if it has gone unread."""
    left: set[str] = set()

    async def hand(raw: bytes) -> bool:
        name = f"{raw.split(b'|')[9].decode()}.hl7"
        if name not in left:
            await link.perform(Drop(name=name, body=raw))
        taken = await box.poll_once(intake) == 1
        (left.discard if taken else left.add)(name)
        return taken

    return hand


@pytest.fixture(params=[http_in, mllp_in, folder_in, sftp_in], ids=["http", "mllp", "folder", "sftp"])
def way_in(request: pytest.FixtureRequest) -> WayIn:
    way: WayIn = request.param
    return way


@pytest.mark.parametrize("size", [0, 1, 1000, 500_000])
def test_bytes_arrive_whole(way_in: WayIn, tmp_path: Path, size: int) -> None:
    async def scenario() -> None:
        intake = Intake()
        async with way_in(intake, tmp_path) as hand:
            assert await hand(message(1, size))
        [arrival] = intake.arrivals
        assert (arrival.instance, arrival.channel, arrival.problem) == ("ehr", "usage", "")
        assert arrival.raw == message(1, size)

    asyncio.run(scenario())


def test_nobody_is_answered_before_the_commit(way_in: WayIn, tmp_path: Path) -> None:
    async def scenario() -> None:
        intake = Intake()
        intake.before.clear()
        async with way_in(intake, tmp_path) as hand:
            waiting = asyncio.ensure_future(hand(message(1)))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            intake.before.set()
            assert await waiting

    asyncio.run(scenario())


def test_what_intake_fails_on_is_not_taken_and_comes_again(
    way_in: WayIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        intake = Intake(failures=2)
        async with way_in(intake, tmp_path) as hand:
            assert [await hand(message(1)) for _ in range(3)] == [False, False, True]
            assert await hand(message(2))
        assert [arrival.raw for arrival in intake.arrivals] == [message(1), message(2)]

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(scenario())


def test_a_message_that_comes_twice_is_passed_on_twice(way_in: WayIn, tmp_path: Path) -> None:
    async def scenario() -> None:
        intake = Intake()
        async with way_in(intake, tmp_path) as hand:
            for _ in range(2):
                assert await hand(message(1))
        assert [arrival.raw for arrival in intake.arrivals] == [message(1)] * 2

    asyncio.run(scenario())


# Outbound. A way out leads to a counterpart that is absent, answers, or acts and never answers; and tells how often it acted.

Acted = Callable[[], int]
WayOut = Callable[[str, Path], AbstractAsyncContextManager[tuple[Link, Acted]]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def listening(peer: str, end: bytes, reply: bytes) -> AsyncIterator[tuple[int, Acted]]:
    """A server that reads up to ``end``, counts, and answers with ``reply`` unless it is mute; yields its port."""
    if peer == "absent":
        yield free_port(), lambda: 0
        return
    seen: list[bytes] = []

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                seen.append(await reader.readuntil(end))
                writer.write(reply if peer == "answering" else b"")

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], lambda: len(seen)
    server.close()


@asynccontextmanager
async def http_out(peer: str, tmp_path: Path) -> AsyncIterator[tuple[Link, Acted]]:
    async with listening(peer, b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (port, acted):
        link = HttpLink(f"http://127.0.0.1:{port}", timeout_s=0.5)
        yield link, acted
        await link.close()


@asynccontextmanager
async def mllp_out(peer: str, tmp_path: Path) -> AsyncIterator[tuple[Link, Acted]]:
    async with listening(peer, b"\x1c\r", b"\x0b" + acknowledgement(message(7)) + b"\x1c\r") as (port, acted):
        link = MllpLink("127.0.0.1", port, timeout_s=0.5)
        yield link, acted
        await link.close()


@asynccontextmanager
async def folder_out(peer: str, tmp_path: Path) -> AsyncIterator[tuple[Link, Acted]]:
    folder = tmp_path / "nowhere" if peer == "absent" else tmp_path
    yield FolderLink(folder, timeout_s=0.5), lambda: len(list(tmp_path.iterdir()))


@asynccontextmanager
async def sftp_out(peer: str, tmp_path: Path) -> AsyncIterator[tuple[Link, Acted]]:
    from suture.transports.sftp import SftpLink
    from tests.transports.test_sftp import RenamesAndDies, asyncssh, in_process

    async with in_process(tmp_path, RenamesAndDies if peer == "mute" else asyncssh.SFTPServer) as server:
        session = server.session(timeout_s=0.5)
        session.port = free_port() if peer == "absent" else session.port
        link = SftpLink(session, timeout_s=0.5)
        yield link, lambda: len(list(tmp_path.iterdir()))
        await link.close()


@asynccontextmanager
async def memory_out(peer: str, tmp_path: Path) -> AsyncIterator[tuple[Link, Acted]]:
    seen: list[Request] = []

    def act(request: Request) -> Taken:
        seen.append(request)
        return Taken()

    link = MemoryLink(act, lose_request=lambda request: peer == "absent", lose_reply=lambda request: peer == "mute")
    yield link, lambda: len(seen)


POST, FILE, SAY = Http(method="POST", path="/Jane-Roe"), Drop(name="Jane-Roe.xml", body=b"<Document/>"), Say(body=message(7))
OVER_A_WIRE = [
    pytest.param(http_out, POST, FILE, id="http"),
    pytest.param(mllp_out, SAY, POST, id="mllp"),
    pytest.param(sftp_out, FILE, SAY, id="sftp"),
]
IN_MEMORY = [pytest.param(memory_out, POST, None, id="memory")]
IN_A_FOLDER = [pytest.param(folder_out, FILE, SAY, id="folder")]
EVERY_WAY_OUT = pytest.mark.parametrize(("way_out", "request_", "foreign"), OVER_A_WIRE + IN_A_FOLDER + IN_MEMORY)


@EVERY_WAY_OUT
def test_a_counterpart_that_answers_acts_once_per_request(
    way_out: WayOut, request_: Request, foreign: Request | None, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with way_out("answering", tmp_path) as (link, acted):
            assert isinstance(await link.perform(request_), HttpReply | Taken)
            assert acted() == 1

    asyncio.run(scenario())


@EVERY_WAY_OUT
def test_what_certainly_did_not_arrive_is_not_sent(
    way_out: WayOut, request_: Request, foreign: Request | None, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with way_out("absent", tmp_path) as (link, acted):
            with pytest.raises(NotSent) as caught:
                await link.perform(request_)
            assert acted() == 0
            assert "Jane" not in str(caught.value)

    asyncio.run(scenario())


@pytest.mark.parametrize(("way_out", "request_", "foreign"), OVER_A_WIRE + IN_MEMORY)
def test_what_may_have_arrived_is_unknown_and_never_sent_twice_by_itself(
    way_out: WayOut, request_: Request, foreign: Request | None, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with way_out("mute", tmp_path) as (link, acted):
            async with asyncio.timeout(2.0):
                with pytest.raises(NoReply) as caught:
                    await link.perform(request_)
            assert acted() == 1
            assert "Jane" not in str(caught.value)

    asyncio.run(scenario())


@pytest.mark.parametrize(("way_out", "request_", "foreign"), OVER_A_WIRE + IN_A_FOLDER)
def test_a_request_of_another_transport_is_the_connectors_mistake(
    way_out: WayOut, request_: Request, foreign: Request | None, tmp_path: Path
) -> None:
    assert foreign is not None

    async def scenario() -> None:
        async with way_out("answering", tmp_path) as (link, acted):
            with pytest.raises(TypeError):
                await link.perform(foreign)
            assert acted() == 0

    asyncio.run(scenario())


@EVERY_WAY_OUT
def test_a_link_may_be_closed_unused_and_twice(
    way_out: WayOut, request_: Request, foreign: Request | None, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with way_out("answering", tmp_path) as (link, _):
            await link.close()
            await link.close()

    asyncio.run(scenario())
