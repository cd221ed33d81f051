"""Where journals live while they are measured: SQLite files, and databases of a PostgreSQL of our own."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bench.gauge import cpu_s
from prove.postgres import Postgres, binaries

_number = itertools.count(1)


class Store(Protocol):
    """One kind of journal. ``empty`` gives the address of a new one, ``copy`` that of a second one with the same content."""

    name: str

    def empty(self) -> str: ...

    def copy(self, address: str) -> str: ...

    def drop(self, address: str) -> None:
        """Throw it away."""

    def cpu_s(self) -> float:
        """CPU seconds of the database server so far."""


class Files:
    """SQLite: nothing runs but the process that writes."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def empty(self) -> str:
        return str(self._folder / f"journal-{next(_number)}.db")

    def copy(self, address: str) -> str:
        other = self.empty()
        shutil.copy(address, other)
        return other

    def drop(self, address: str) -> None:
        for path in self._folder.glob(f"{Path(address).name}*"):
            path.unlink()

    def cpu_s(self) -> float:
        return 0.0


class Server:
    """PostgreSQL with fsync on, one database for each journal."""

    name = "PostgreSQL"

    def __init__(self, server: Postgres) -> None:
        self._server = server

    def empty(self) -> str:
        return self._made()

    def copy(self, address: str) -> str:
        return self._made("-T", address.rpartition("/")[2])

    def drop(self, address: str) -> None:
        self._run("dropdb", "--force", address.rpartition("/")[2])

    def cpu_s(self) -> float:
        process = self._server._process
        return cpu_s(process.pid) if process else 0.0

    def _made(self, *options: str) -> str:
        name = f"journal{next(_number)}"
        self._run("createdb", *options, name)
        return self._server.address.rpartition("/")[0] + f"/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        self._server.run(program, "-h", "127.0.0.1", "-p", str(self._server.port), "-U", "postgres", *arguments)


@contextlib.contextmanager
def stores(folder: Path) -> Iterator[list[Store]]:
    """SQLite, and PostgreSQL where this machine has a server program."""
    found: list[Store] = [Files(folder)]
    programs = binaries()
    if programs is None:
        yield found
        return
    folder.chmod(0o711)
    folder.parent.chmod(0o711)
    server = Postgres(programs, folder / "pg")
    server.make()
    try:
        yield [*found, Server(server)]
    finally:
        server.stop()
