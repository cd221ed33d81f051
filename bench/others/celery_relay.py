"""``python -m bench.others.celery_relay FOLDER KIND PORT SINK POSTGRES``: Celery over RabbitMQ, messages kept in PostgreSQL.

What a team writes that takes the usual parts: a message is stored in a row, put on a durable queue, and acknowledged; a worker
maps it, tells the sink, and marks the row. Four processes: RabbitMQ, the front, and a Celery worker with two children.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import requests
from celery import Celery

from bench.others.mapping import ACCEPTED, acknowledgement, from_hl7, from_json

BROKER = "SUTURE_BENCH_BROKER"
DATABASE = "SUTURE_BENCH_DATABASE"
SINK = "SUTURE_BENCH_SINK"
ANSWERS_WITHIN_S = 90.0
#: Connections of the front to the database.
POOL = 8

app = Celery("relay", broker=os.environ.get(BROKER, ""))
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=16,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    worker_concurrency=2,
)
_kept: dict[str, Any] = {}


@app.task(name="relay.tell")  # type: ignore[untyped-decorator]
def tell(number: int) -> None:
    """Map one message that was stored, tell the sink, and mark it."""
    database, session = _connected()
    [(kind, raw)] = database.execute("select kind, raw from message where number = %s", (number,)).fetchall()
    told = (from_hl7 if kind == "mllp" else from_json)(bytes(raw))
    session.post(os.environ[SINK], data=told, headers={"content-type": "application/json"}, timeout=30).raise_for_status()
    database.execute("update message set told = now() where number = %s", (number,))


def _connected() -> tuple[psycopg.Connection[Any], requests.Session]:
    """The connections of a child of the worker, made when it first works."""
    if not _kept:
        _kept["database"] = psycopg.connect(os.environ[DATABASE], autocommit=True)
        _kept["session"] = requests.Session()
    return _kept["database"], _kept["session"]


# -- the front


class Front:
    """Stores, queues, acknowledges; all conversations share a few connections to the database."""

    def __init__(self, kind: str, databases: asyncio.Queue[psycopg.AsyncConnection[Any]]) -> None:
        self._kind, self._databases = kind, databases

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection until the other side closes it."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                raw, answer = await (self._mllp(reader) if self._kind == "mllp" else self._http(reader))
                number = await self._stored(raw)
                await asyncio.to_thread(tell.delay, number)
                writer.write(answer)

    async def _stored(self, raw: bytes) -> int:
        database = await self._databases.get()
        try:
            insert = "insert into message (kind, raw) values (%s, %s) returning number"
            [number] = await (await database.execute(insert, (self._kind, raw))).fetchone() or [0]
            return int(number)
        finally:
            self._databases.put_nowait(database)

    async def _mllp(self, reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
        raw = (await reader.readuntil(b"\x1c\r"))[1:-2]
        return raw, acknowledgement(raw)

    async def _http(self, reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.partition(b":")[2]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
        return await reader.readexactly(length), ACCEPTED


async def serve(kind: str, port: int) -> None:
    """Take in until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    databases: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for _ in range(POOL):
        databases.put_nowait(await psycopg.AsyncConnection.connect(os.environ[DATABASE], autocommit=True))
    await asyncio.start_server(Front(kind, databases).converse, "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await stopped.wait()


# -- the parts around it


def available() -> bool:
    """Whether RabbitMQ is installed, and may be started as its own user."""
    return shutil.which("rabbitmq-server") is not None and os.geteuid() == 0


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A RabbitMQ of our own on loopback; its address."""
    port, spread = _free_ports(2)
    user = pwd.getpwnam("rabbitmq")
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)
    settings = {
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_NODENAME": f"bench{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(spread),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "HOME": str(folder),
    }
    process = subprocess.Popen(
        ["/usr/lib/rabbitmq/bin/rabbitmq-server"],
        env={**os.environ, **settings},
        user=user.pw_uid,
        group=user.pw_gid,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port, process)
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        process.terminate()
        process.wait(60)


def main(folder: Path, kind: str, port: int, sink: int, database: str) -> None:
    """All parts until SIGTERM; says "ready" once a message would get through."""
    psycopg.connect(database, autocommit=True).execute(
        "create table message (number bigserial primary key, kind text, raw bytea, told timestamptz)"
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with broker(folder / "rabbitmq") as address:
        environment = {**os.environ, BROKER: address, DATABASE: database, SINK: f"http://127.0.0.1:{sink}/movements"}
        name = "bench.others.celery_relay"
        worker = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            name,
            "worker",
            "--loglevel",
            "error",
            "--without-gossip",
            "--without-mingle",
        ]
        front = [sys.executable, "-c", f"import asyncio; from {name} import serve; asyncio.run(serve({kind!r}, {port}))"]
        parts = [
            subprocess.Popen(words, env=environment, stdout=out) for words, out in ((worker, subprocess.DEVNULL), (front, None))
        ]
        try:
            parts[1].wait()
        finally:
            for part in parts:
                part.terminate()
            for part in parts:
                part.wait(60)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
            # a broker that still starts closes at once; one that is up answers a wrong greeting with the right one
            peer.sendall(b"AMQP\x00\x00\x00\x00")
            if peer.recv(8).startswith(b"AMQP"):
                return
        time.sleep(0.2)
    raise RuntimeError("RabbitMQ did not start")


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
