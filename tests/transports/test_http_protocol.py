"""Connections that dawdle or swell are closed; honest ones are not; a verified client certificate reaches the application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from suture.transports.http_protocol import GuardedProtocol

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


class Quick(GuardedProtocol):
    headers_s, headers_bytes = 0.3, 4096


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


async def echo(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def talk(do: Talk) -> bytes:
    """What the server says to a client that talks so."""

    async def life() -> bytes:
        config = uvicorn.Config(echo, port=0, http=Quick, log_config=None, ws="none", lifespan="off", timeout_keep_alive=1)
        server = Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.servers[0].sockets[0].getsockname()[1])
        try:
            return await asyncio.wait_for(do(reader, writer), 5)
        finally:
            writer.close()
            server.should_exit = True
            await task

    return asyncio.run(life())


async def ended(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""


def test_headers_that_come_byte_by_byte_end_the_connection() -> None:
    async def loris(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for byte in b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-a: b\r\n" * 200:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
            if reader.at_eof():
                return b"closed"
        return b"held"

    assert talk(loris) == b"closed"


@pytest.mark.parametrize("nothing", [b"", b"\r\n"])
def test_a_connection_that_says_nothing_is_ended(nothing: bytes) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(nothing)
        return await ended(reader)

    assert talk(silent) == b""


@pytest.mark.parametrize(
    "request_", [b"GET /" + b"a" * 9000, b"GET / HTTP/1.1\r\nx: " + b"a" * 9000, b"GET / HTTP/1.1\r\n" + b"x-a: b\r\n" * 900]
)
def test_headers_without_an_end_are_refused(request_: bytes) -> None:
    async def swell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(request_)
        return await ended(reader)

    assert talk(swell).startswith(b"HTTP/1.1 431 ")


def test_an_honest_caller_is_served_twice_with_a_large_and_slow_body() -> None:
    async def honest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        heard = b""
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 20000\r\n\r\n" + b"a" * 9000)
            await asyncio.sleep(0.5)
            writer.write(b"a" * 11000)
            while not heard.endswith(b"20000\r\n0\r\n\r\n"):
                heard += await reader.read(1000)
            heard = heard[:-1] if _ == 0 else heard
        return heard

    assert talk(honest).count(b"200 OK") == 2
