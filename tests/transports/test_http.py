"""The HTTP client against servers that misbehave on purpose: what was certainly not sent, what is unknown, what is a reply."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from suture.transports import Drop, Http, HttpReply, NoReply, NotSent
from suture.transports.http import HttpLink
from suture.transports.signatures import verify

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ORDER = Http(method="POST", path="/orders", body=b'{"id":"4711"}', headers={"Idempotency-Key": "d-1"})
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nLocation: /orders/1\r\n\r\nok"

BOMB = gzip.compress(b"x" * 5000)

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(script: Streams) -> AsyncIterator[str]:
    """A server on loopback that plays ``script`` on every connection; yields its address."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """One whole request: head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


def replying(reply: bytes, seen: list[bytes] | None = None) -> Streams:
    """Answer every request of a connection with these bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await request_of(reader)
            if seen is not None:
                seen.append(request)
            writer.write(reply)
            await writer.drain()

    return script


def ask(script: Streams, request: Http = ORDER, **options: Any) -> HttpReply:
    """The reply to one request from a server that plays ``script``."""

    async def scenario() -> HttpReply:
        async with serving(script) as address:
            link = HttpLink(address, **{"timeout_s": 2.0, **options})
            try:
                return await link.perform(request)
            finally:
                await link.close()

    return asyncio.run(scenario())


# A reply is a reply, whatever it says.


def test_a_reply_has_status_body_and_lower_case_headers() -> None:
    reply = ask(replying(CREATED))
    assert (reply.status, reply.body, reply.headers["location"]) == (201, b"ok", "/orders/1")


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 503])
def test_an_error_status_is_a_reply(status: int) -> None:
    assert ask(replying(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n" % status)).status == status


def test_a_redirect_is_not_followed() -> None:
    seen: list[bytes] = []
    reply = ask(replying(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", seen))
    assert (reply.status, len(seen)) == (302, 1)


def test_a_reply_may_come_one_byte_at_a_time() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for byte in CREATED:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    assert ask(slowly).body == b"ok"


def test_a_chunked_reply_and_one_that_ends_with_the_connection() -> None:
    assert ask(replying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")).body == b"abc"

    async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nabc")

    assert ask(until_closed).body == b"abc"


def test_a_compressed_reply_is_opened() -> None:
    packed = gzip.compress(b"invoice" * 100)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert ask(replying(head + packed)).body == b"invoice" * 100


def test_repeated_headers_are_joined_and_cookies_stay_apart() -> None:
    reply = ask(
        replying(
            b"HTTP/1.1 200 OK\r\nVary: A\r\nVary: B\r\nSet-Cookie: a=1; Expires=Mon, 02 Mar 2026 00:00:00 GMT\r\n"
            b"Set-Cookie: b=2\r\nContent-Length: 0\r\n\r\n"
        )
    )
    assert reply.headers["vary"] == "A, B"
    assert reply.headers["set-cookie"].split("\n")[1] == "b=2"


# NotSent: only if the peer certainly did not get it.


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def failure(address: str, request: Http = ORDER, **options: Any) -> Exception:
    """What ``perform`` raises."""

    async def scenario() -> Exception:
        link = HttpLink(address, **{"timeout_s": 1.0, **options})
        try:
            await link.perform(request)
        except (NotSent, NoReply) as raised:
            return raised
        finally:
            await link.close()
        raise AssertionError("a failure was expected")

    return asyncio.run(scenario())


def test_a_refused_connection_is_not_sent() -> None:
    assert isinstance(failure(f"http://127.0.0.1:{free_port()}"), NotSent)


def test_an_unknown_name_is_not_sent() -> None:
    assert isinstance(failure("http://no-such-host.invalid"), NotSent)


def test_a_connection_that_is_never_taken_up_is_not_sent() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(address)
            raised = failure(f"http://127.0.0.1:{address[1]}", timeout_s=0.4)
        finally:
            for filler in fillers:
                filler.close()
    assert isinstance(raised, NotSent)
    assert "in time" in str(raised)


def test_plain_text_where_tls_is_expected_is_not_sent() -> None:
    async def scenario() -> None:
        seen: list[bytes] = []
        async with serving(replying(CREATED, seen)) as address:
            link = HttpLink(address.replace("http:", "https:"), timeout_s=1.0)
            with pytest.raises(NotSent):
                await link.perform(ORDER)
            await link.close()
        assert seen == []

    asyncio.run(scenario())


def test_a_header_that_would_split_the_request_is_not_sent() -> None:
    seen: list[bytes] = []
    evil = Http(method="POST", path="/orders", headers={"Idempotency-Key": "1\r\nX-Admin: yes"})
    with pytest.raises(NotSent, match="forbids"):
        ask(replying(CREATED, seen), evil)
    assert seen == []


def test_without_credentials_nothing_is_sent() -> None:
    async def none() -> Mapping[str, str]:
        raise ConnectionError("token endpoint https://login.example/?client_secret=hunter2 is down")

    seen: list[bytes] = []
    with pytest.raises(NotSent) as caught:
        ask(replying(CREATED, seen), credentials=none)
    assert "hunter2" not in str(caught.value)
    assert seen == []


# NoReply: everything else.


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    await reader.read()


async def breaks_off_in_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 201 Crea")


async def breaks_off_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf")


async def breaks_off_between_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    handle = writer.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


async def speaks_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"\x0bMSH|^~\\&|\x1c\r" * 10)


async def stalls_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf")
    await reader.read()


async def trickles_for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "script",
    [
        closes_at_once,
        never_answers,
        breaks_off_in_the_head,
        breaks_off_in_the_body,
        breaks_off_between_chunks,
        resets,
        speaks_garbage,
        stalls_in_the_body,
        trickles_for_ever,
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_what_may_have_arrived_is_unknown(script: Streams, method: str) -> None:
    with pytest.raises(NoReply):
        ask(script, Http(method=method, path="/orders", body=b"" if method == "GET" else b"x"), timeout_s=0.3)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_a_kept_connection_that_dies_is_unknown_and_nothing_is_sent_twice(method: str) -> None:
    seen: list[bytes] = []

    async def dies_at_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(CREATED)
        await writer.drain()
        seen.append(await request_of(reader))

    async def scenario() -> None:
        async with serving(dies_at_the_second) as address:
            link = HttpLink(address, timeout_s=1.0)
            request = Http(method=method, path="/orders")
            assert (await link.perform(request)).status == 201
            with pytest.raises(NoReply):
                await link.perform(request)
            await link.close()

    asyncio.run(scenario())
    assert len(seen) == 2


def test_a_connection_that_the_server_closed_while_idle_is_replaced() -> None:
    async def one_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(CREATED)

    async def scenario() -> None:
        async with serving(one_each) as address:
            link = HttpLink(address, timeout_s=1.0)
            for _ in range(5):
                assert (await link.perform(ORDER)).status == 201
                await asyncio.sleep(0.02)
            await link.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    ],
)
def test_a_reply_over_the_limit_is_unknown(reply: bytes) -> None:
    with pytest.raises(NoReply, match="over 999 bytes"):
        ask(replying(reply), largest_reply=999)


def test_a_reply_of_exactly_the_limit_is_read() -> None:
    assert len(ask(replying(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b"x" * 999), largest_reply=999).body) == 999


def test_closing_the_link_ends_what_is_under_way_with_no_reply() -> None:
    async def scenario() -> None:
        async with serving(never_answers) as address:
            link = HttpLink(address, timeout_s=5.0)
            waiting = asyncio.create_task(link.perform(ORDER))
            await asyncio.sleep(0.1)
            await link.close()
            with pytest.raises(NoReply):
                await waiting

    asyncio.run(scenario())


# What goes over the wire.


def sent(request: Http, base: str = "", **options: Any) -> str:
    """The request as the server saw it."""
    seen: list[bytes] = []

    async def scenario() -> None:
        async with serving(replying(CREATED, seen)) as address:
            link = HttpLink(address + base, **options)
            await link.perform(request)
            await link.close()

    asyncio.run(scenario())
    return seen[0].decode()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/orders?$filter=name eq 'O''Brien'", "/orders?$filter=name%20eq%20'O''Brien'"),
        ("/orders('4711')/lines%2F1", "/orders('4711')/lines%2F1"),
        ("/orders/PO#12", "/orders/PO%2312"),
        ("/Artikel/Größe", "/Artikel/Gr%C3%B6%C3%9Fe"),
        ("/a HTTP/1.1\r\nX-Admin: yes", "/a%20HTTP/1.1%0D%0AX-Admin:%20yes"),
        ("orders", "/orders"),
        ("@evil.example/", "/@evil.example/"),
        ("/a/../b", "/a/../b"),
        ("", ""),
    ],
)
def test_the_path_is_sent_as_written_but_for_what_may_not_stand_there(path: str, target: str) -> None:
    line = sent(Http(method="GET", path=path), base="/api/").split("\r\n")[0]
    assert line == f"GET /api{target} HTTP/1.1"


def test_the_links_headers_win_over_the_connectors() -> None:
    async def token() -> Mapping[str, str]:
        return {"Authorization": "Bearer fresh"}

    request = Http(method="POST", path="/", body=b"x", headers={"Authorization": "Bearer forged", "Content-Type": "text/xml"})
    text = sent(request, headers={"X-Tenant": "north"}, credentials=token)
    assert "Authorization: Bearer fresh" in text
    assert "forged" not in text
    assert "X-Tenant: north" in text
    assert text.count("Content-Type: text/xml") == 1


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 3_000_000])
def test_a_body_of_any_size_goes_out_whole_and_announced(size: int) -> None:
    head, _, body = sent(Http(method="POST", path="/", body=b"x" * size)).partition("\r\n\r\n")
    assert f"Content-Length: {size}" in head
    assert "Content-Type" not in head
    assert len(body) == size


def test_cookies_do_not_stick_to_the_link() -> None:
    seen: list[bytes] = []

    async def scenario() -> None:
        cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n"
        async with serving(replying(cookie, seen)) as address:
            link = HttpLink(address)
            await link.perform(ORDER)
            await link.perform(ORDER)
            await link.close()

    asyncio.run(scenario())
    assert b"session" not in seen[1]


@pytest.mark.parametrize("headers", [{"Idempotency-Key": "d-1"}, {"webhook-id": "evt.7"}, {}])
def test_a_signed_request_verifies_and_a_repeat_has_the_same_id(headers: dict[str, str]) -> None:
    secret = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
    request = Http(method="POST", path="/hook", body=b"{}", headers=headers)

    def proven() -> str:
        head, _, body = sent(request, secret=secret, clock=lambda: NOW).partition("\r\n\r\n")
        got = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}
        return verify(got, body.encode(), [secret], NOW)

    assert proven() == proven()


def test_eight_at_once_use_eight_connections_and_keep_them() -> None:
    connections = 0

    async def scenario() -> None:
        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await replying(CREATED)(reader, writer)

        async with serving(count) as address:
            link = HttpLink(address, concurrency=8)
            for _ in range(5):
                replies = await asyncio.gather(*(link.perform(ORDER) for _ in range(20)))
                assert {reply.status for reply in replies} == {201}
            await link.close()

    asyncio.run(scenario())
    assert 1 <= connections <= 8


# What is never said.


def test_errors_name_neither_credentials_nor_content(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    request = Http(method="POST", path="/patients/4711?apikey=hunter2", body=b"Jane Roe")
    for script in (closes_at_once, speaks_garbage, breaks_off_in_the_body):
        with pytest.raises(NoReply) as caught:
            ask(script, request, headers={"Authorization": "Bearer hunter2"})
        assert caught.value.__suppress_context__
        for secret in ("hunter2", "4711", "Jane", "/patients"):
            assert secret not in str(caught.value) + caplog.text
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://user:hunter2@host/",
        "ftp://host/?hunter2",
        "http:///hunter2",
        "hunter2",
        "http://host/?key=hunter2",
        "http://host/#hunter2",
    ],
)
def test_a_bad_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ValueError, match="HTTP address") as caught:
        HttpLink(address)
    assert "hunter2" not in str(caught.value)


def test_a_file_does_not_go_over_http() -> None:
    with pytest.raises(TypeError, match="Drop"):
        asyncio.run(HttpLink("http://127.0.0.1:1").perform(Drop(name="a", body=b"")))


def test_signing_needs_a_clock() -> None:
    with pytest.raises(ValueError, match="clock"):
        HttpLink("http://127.0.0.1:1", secret="c2VjcmV0")
