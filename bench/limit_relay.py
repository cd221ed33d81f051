"""``python -m bench.limit_relay FOLDER KIND PORT SINK DATABASE``: the limit of a relay: kept, acknowledged, told, marked.

What came is in the database before it is acknowledged, is told in the order of its key, and is marked once that was answered;
what comes together is committed together. That much durability is what ours gives; everything else that Suture does (a patient's
words taken out, validation, translated codes, events, a chain, processes, exceptions, retries, a second process that could take
over) is missing, so the distance between the two is its price. Whoever ends it loses nothing, but nobody starts it again.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import signal
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import psycopg

from bench.others.mapping import ACCEPTED, acknowledgement, from_hl7, from_json
from suture.cli import looping

#: Conversations with the sink; a key stays on one, which keeps its order.
CONVERSATIONS = 16
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TABLE = "create table message (number {number} primary key, raw {bytes} not null, told {bytes} not null, done {flag})"

#: One message: its number, what came, what is told.
Kept = tuple[int, bytes, bytes]
Write = Callable[[Sequence[Kept], Sequence[tuple[int]]], None]


def _sqlite(address: str) -> Write:
    db = sqlite3.connect(address, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=wal", "synchronous=full", "wal_autocheckpoint=4000"):
        db.execute(f"pragma {pragma}")
    db.execute(_TABLE.format(number="integer", bytes="blob", flag="integer not null default 0"))

    def write(came: Sequence[Kept], done: Sequence[tuple[int]]) -> None:
        db.execute("begin immediate")
        db.executemany("insert into message (number, raw, told) values (?, ?, ?)", came)
        db.executemany("update message set done = 1 where number = ?", done)
        db.execute("commit")

    return write


def _postgres(address: str) -> Write:
    db = psycopg.connect(address, autocommit=True, prepare_threshold=0)
    db.execute(_TABLE.format(number="bigint", bytes="bytea", flag="boolean not null default false"))
    statement = (
        "with came as (insert into message (number, raw, told) select * from unnest(%b::bigint[], %b::bytea[], %b::bytea[])) "
        "update message set done = true where number = any(%b::bigint[])"
    )

    def write(came: Sequence[Kept], done: Sequence[tuple[int]]) -> None:
        columns = [list(column) for column in zip(*came, strict=True)] or [[], [], []]
        db.execute(statement, (*columns, [number for (number,) in done]))

    return write


class Journal:
    """One thread that writes: while one commit runs, the next fills."""

    def __init__(self, write: Write, loop: asyncio.AbstractEventLoop) -> None:
        self._write, self._loop = write, loop
        self._came: list[tuple[Kept, Callable[[], None]]] = []
        self._done: list[tuple[int]] = []
        self._wake = threading.Event()
        threading.Thread(target=self._turns, daemon=True).start()

    def keep(self, message: Kept, then: Callable[[], None]) -> None:
        """Call ``then`` once the message is durable."""
        self._came.append((message, then))
        self._wake.set()

    def mark(self, number: int) -> None:
        """It has been told."""
        self._done.append((number,))
        self._wake.set()

    def _turns(self) -> None:
        while self._wake.wait():
            self._wake.clear()
            came, self._came = self._came, []
            done, self._done = self._done, []
            if came or done:
                self._write([message for message, _ in came], done)
                self._loop.call_soon_threadsafe(_each, [then for _, then in came])


def _each(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()


class Teller(asyncio.Protocol):
    """One conversation with the sink, one request at a time."""

    def __init__(self, sink: int, journal: Journal) -> None:
        self._head = b"POST /movements HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n" % sink
        self._journal, self._waiting, self._told = journal, deque[Kept](), b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def tell(self, message: Kept) -> None:
        """After everything before it."""
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._say()

    def _say(self) -> None:
        body = self._waiting[0][2]
        self._transport.write(b"%scontent-length: %d\r\n\r\n%s" % (self._head, len(body), body))

    def data_received(self, data: bytes) -> None:
        self._told += data
        if not self._told.endswith(b"}\n"):
            return
        if not self._told.startswith(b"HTTP/1.1 201"):
            sys.exit(f"the sink said {self._told[:80]!r}")
        self._told = b""
        self._journal.mark(self._waiting.popleft()[0])
        if self._waiting:
            self._say()


class Peer(asyncio.Protocol):
    """One conversation with whoever sends; it waits for each answer before it says the next."""

    def __init__(self, kind: str, tellers: Sequence[Teller], journal: Journal, numbers: itertools.count[int]) -> None:
        self._kind, self._tellers, self._journal, self._numbers, self._held = kind, tellers, journal, numbers, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._kind == "mllp":
            if self._held.endswith(b"\x1c\r"):
                raw, self._held = self._held[1:-2], b""
                told = from_hl7(raw)
                self._take(raw, told, told.partition(b'"sku":"')[2][:9], acknowledgement(raw))
            return
        head, _, raw = self._held.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length and len(raw) == int(length[1]):
            told, self._held = from_json(raw), b""
            self._take(raw, told, told.partition(b'"purchaseOrder":"')[2][:9], ACCEPTED)

    def _take(self, raw: bytes, told: bytes, key: bytes, answer: bytes) -> None:
        message = (next(self._numbers), raw, told)
        teller = self._tellers[crc32(key) % len(self._tellers)]

        def durable() -> None:
            self._transport.write(answer)
            teller.tell(message)

        self._journal.keep(message, durable)


async def main(kind: str, port: int, sink: int, address: str) -> None:
    """Relay until SIGTERM."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    journal = Journal(_postgres(address) if "://" in address else _sqlite(address), loop)
    talks = [await loop.create_connection(lambda: Teller(sink, journal), "127.0.0.1", sink) for _ in range(CONVERSATIONS)]
    tellers, numbers = [teller for _, teller in talks], itertools.count(1)
    await loop.create_server(lambda: Peer(kind, tellers, journal, numbers), "127.0.0.1", port, backlog=256)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await stopped.wait()


if __name__ == "__main__":
    _, kind, port, sink, address = sys.argv[1:]
    looping.run(main(kind, int(port), int(sink), address))
